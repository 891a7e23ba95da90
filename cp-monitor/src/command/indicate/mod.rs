//! INDICATE: load of the system and what users use, in lines that scripts parse (`AVGPROC-nnn%`).

mod load;
mod queues;
mod user;

use super::Invocation;
use super::answer::{Outcome, invalid_operand};

/// INDICATE [LOAD | USER [userid|*] [EXP] | PAGING [WAIT|ALL] | QUEUES [EXP] | ACTIVE [n SEC|MIN|HRS] | I/O]
///
/// Class G may use the first two.
pub(super) fn indicate(invocation: &mut Invocation<'_>) -> Outcome {
    if invocation.operands.is_empty() || invocation.operands.take("LOAD") {
        return load::load(invocation);
    }
    if invocation.operands.take("User") {
        return user::user(invocation);
    }
    if invocation.operands.take("PAGing") {
        return super::paging::indicate_paging(invocation);
    }
    if invocation.has_class("E") {
        if invocation.operands.take("Queues") {
            return queues::queues(invocation);
        }
        if invocation.operands.take("ACTive") {
            return queues::active(invocation);
        }
        if invocation.operands.take("I/O") {
            return queues::io_wait(invocation);
        }
    }
    Err(invalid_operand(invocation.operands.rest()))
}
