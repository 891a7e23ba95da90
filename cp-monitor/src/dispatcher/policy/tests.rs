//! What the scheduler promises, on setups made up at random and on a few chosen ones.

use std::cell::Cell;

use proptest::prelude::*;

use super::*;
use crate::directory::{Share, ShareAmount, ShareLimit};
use crate::dispatcher::simulator::{Behaviour, Member, Outcome, Setup, simulate};

mod events;
mod promises;

thread_local! {
    static COMPARISONS: Cell<u64> = const { Cell::new(0) };
}

/// Every comparison of two keys in an ordered structure is counted here.
pub(super) fn count_comparison() {
    COMPARISONS.set(COMPARISONS.get() + 1);
}

fn ms(milliseconds: u64) -> Duration {
    Duration::from_millis(milliseconds)
}

fn entitled(normal: ShareAmount) -> Entitlement {
    Entitlement { share: Share { normal, maximum: normal, limit: ShareLimit::NoLimit }, quickdsp: false }
}

fn relative(weight: u16) -> Entitlement {
    entitled(ShareAmount::Relative(weight))
}

fn absolute(tenths: u16) -> Entitlement {
    entitled(ShareAmount::Absolute { tenths })
}

fn limited(tenths: u16, limit: ShareLimit) -> Entitlement {
    let normal = ShareAmount::Relative(100);
    Entitlement { share: Share { normal, maximum: ShareAmount::Absolute { tenths }, limit }, quickdsp: false }
}

fn run(setup: &Setup) -> Outcome {
    simulate(&mut Scheduler::new(setup.processors), setup)
}
