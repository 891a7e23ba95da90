//! DIAGNOSE X'58' and X'8C': the full-screen console. The screen itself is the console's; here are operands and return codes.

use std::sync::Arc;

use abi::{DisplayInfo, full_screen as contract};
use console::presentation::outbound::Command;
use console::wire::LineKind;
use console::{Display, ScreenRefusal};
use zerocopy::IntoBytes;

use super::{Answer, Answered, Completion, Refused, fetch};
use crate::machine::Machine;
use crate::users::User;

/// X'58'.
pub(super) fn full_screen(user: &Arc<User>, machine: &mut Machine, operands: [u64; 6]) -> Answered {
    let [operation, buffer, length, flags, ..] = operands;
    let command = match operation {
        contract::WRITE => Command::Write,
        contract::READ_BUFFER => Command::ReadBuffer,
        contract::ERASE_WRITE => Command::EraseWrite,
        contract::READ_MODIFIED => Command::ReadModified,
        contract::ERASE_WRITE_ALTERNATE => Command::EraseWriteAlternate,
        contract::ERASE_ALL_UNPROTECTED => Command::EraseAllUnprotected,
        contract::WRITE_STRUCTURED_FIELD => Command::WriteStructuredField,
        _ => return Err(Refused::specification()),
    };
    if !matches!(command, Command::ReadBuffer | Command::ReadModified) {
        let data = fetch(machine, buffer, length, contract::STREAM_MAX)?;
        return written(user, machine, user.console.write_screen(command, &data));
    }
    match user.console.read_screen(command) {
        Ok(Some(mut data)) => {
            let value = data.len() as u64;
            data.truncate(usize::try_from(length).unwrap_or(usize::MAX));
            // It is read: should the page have to come first, it is owed.
            Ok(Answer::Completed(Completion { status: 0, value, stores: vec![(buffer, data)] }))
        }
        Ok(None) if flags & contract::NO_WAIT != 0 => Ok(Answer::Now(contract::NO_KEY, 0)),
        Ok(None) => {
            machine.wait_for_key(buffer, length);
            user.show_state(machine);
            Ok(Answer::Done)
        }
        Err(refusal) => refused(user, &refusal),
    }
}

fn written(user: &Arc<User>, machine: &mut Machine, done: Result<(), ScreenRefusal>) -> Answered {
    match done {
        Ok(()) => {
            // The answer to a query is told as a key is.
            if user.console.has_key() {
                machine.key_pressed(|| None);
            }
            Ok(Answer::Now(0, 0))
        }
        Err(refusal) => refused(user, &refusal),
    }
}

/// A return code; a stream that is wrong is the program's error, and its user is told what is wrong with it.
fn refused(user: &User, refusal: &ScreenRefusal) -> Answered {
    match refusal {
        ScreenRefusal::NoDisplay => Ok(Answer::Now(contract::NO_DISPLAY, 0)),
        ScreenRefusal::NotUp => Ok(Answer::Now(contract::NOT_TAKEN, 0)),
        ScreenRefusal::Stream(error) => {
            user.console.end_screen();
            user.console.write(LineKind::Cp, &format!("HCPFSC9058E The program's 3270 data stream is not valid: {error}"));
            Err(Refused::specification())
        }
    }
}

/// X'8C'.
pub(super) fn display(user: &User, machine: &mut Machine, buffer: u64, length: u64) -> Answered {
    let Some(display) = user.console.display() else { return Ok(Answer::Now(contract::NO_DISPLAY, 0)) };
    let Display { sizes: (default, alternate), extended } = display;
    let info = DisplayInfo {
        flags: if extended { contract::EXTENDED } else { 0 },
        code_page: contract::CODE_PAGE,
        default_rows: default.rows,
        default_columns: default.columns,
        rows: alternate.rows,
        columns: alternate.columns,
    };
    let all = [info.as_bytes(), &display.query_reply()].concat();
    let some = &all[..all.len().min(usize::try_from(length).unwrap_or(usize::MAX))];
    super::store(machine, buffer, some, all.len() as u64)
}
