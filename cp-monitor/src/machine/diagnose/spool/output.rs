//! DIAGNOSE X'110': records for a punch or printer.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use abi::{RECORD_BUFFER_MAX, RecordHeader, unit_record};
use zerocopy::FromBytes;

use super::super::deferred::{Deferred, present};
use super::super::{Answer, Answered, Completion, Job, Refused, Step, fetch};
use super::buffer::is_immediate;
use crate::directory::{DeviceNumber, SpoolKind};
use crate::machine::Machine;
use crate::users::{Device, User};

/// (device, buffer, length)
pub(in crate::machine::diagnose) fn output(machine: &mut Machine, operands: [u64; 6]) -> Answered {
    let [_, address, length, ..] = operands;
    if length > RECORD_BUFFER_MAX {
        return Err(Refused::specification());
    }
    present(machine, address, length)?;
    Ok(Answer::Deferred(Deferred { begin, operands }))
}

fn begin(machine: &mut Machine, operands: [u64; 6]) -> Result<Job, Refused> {
    let [number, address, length, ..] = operands;
    let buffer = fetch(machine, address, length, RECORD_BUFFER_MAX)?;
    Ok(Box::new(move |user| {
        let (status, taken) = write_records(user, number, &buffer);
        Step::Done(Completion { status, value: taken, stores: Vec::new() })
    }))
}

fn write_records(user: &Arc<User>, number: u64, buffer: &[u8]) -> (u64, u64) {
    let mut devices = user.devices.lock();
    let device = u16::try_from(number).ok().and_then(|number| devices.get_mut(DeviceNumber(number)));
    let Some(Device::Output(output)) = device else {
        return (unit_record::NOT_AN_OUTPUT_DEVICE, 0);
    };
    user.usage.count_io();
    let (kind, longest) = (output.kind(), output.record_length() as usize);
    let mut rest = buffer;
    let mut taken = 0;
    while !rest.is_empty() {
        let Some((header, record, after)) = split_record(rest) else {
            return (unit_record::BAD_RECORD, taken);
        };
        if let Err(status) = check(kind, longest, header.command, record.len()) {
            return (status, taken);
        }
        if let Err(error) = output.file(user).append(header.command, record) {
            output.open = None;
            user.cp().spool_trouble(user, &error);
            return (unit_record::SPOOL_ERROR, taken);
        }
        let counter = if kind == SpoolKind::Printer { &user.usage.lines_printed } else { &user.usage.cards_punched };
        counter.fetch_add(1, Ordering::Relaxed);
        taken += 1;
        rest = after;
    }
    (0, taken)
}

fn split_record(buffer: &[u8]) -> Option<(RecordHeader, &[u8], &[u8])> {
    let (header, rest) = RecordHeader::read_from_prefix(buffer).ok()?;
    let (record, after) = rest.split_at_checked(usize::from(header.length))?;
    Some((header, record, after))
}

/// Whether a device of that kind with records of at most `longest` bytes can carry out that command with that many bytes.
fn check(kind: SpoolKind, longest: usize, command: u16, length: usize) -> Result<(), u64> {
    let opcode = command as u8;
    let has = match kind {
        // Write, with a movement of the paper behind it; the same movement alone; a structured field for a page printer.
        SpoolKind::Printer if moves_paper(opcode) => opcode & 0x07 == 0x01 || (is_immediate(opcode) && length == 0),
        SpoolKind::Printer => opcode == 0x5a && longest > 204,
        SpoolKind::Punch => opcode & 0x3f == 0x01,
        SpoolKind::Reader => false,
    };
    match (has, length <= longest) {
        (false, _) => Err(unit_record::BAD_COMMAND),
        (true, false) => Err(unit_record::BAD_RECORD),
        (true, true) => Ok(()),
    }
}

/// Whether the high five bits say how far the paper moves: 0 to 3 lines, or to channel 1 to 12.
fn moves_paper(opcode: u8) -> bool {
    matches!(opcode >> 3, 0..=3 | 0x11..=0x1c)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_are_as_long_as_their_device_and_commands_are_its_own() {
        assert_eq!(check(SpoolKind::Punch, 80, 0x41, 80), Ok(()));
        assert_eq!(check(SpoolKind::Punch, 80, 0x141, 80), Ok(()));
        assert_eq!(check(SpoolKind::Punch, 80, 0x41, 81), Err(unit_record::BAD_RECORD));
        assert_eq!(check(SpoolKind::Punch, 80, 0x09, 80), Err(unit_record::BAD_COMMAND));
        for command in [0x01, 0x09, 0x11, 0x19, 0x89, 0xe1] {
            assert_eq!(check(SpoolKind::Printer, 132, command, 132), Ok(()), "{command:X}");
        }
        assert_eq!(check(SpoolKind::Printer, 132, 0x09, 133), Err(unit_record::BAD_RECORD));
        assert_eq!(check(SpoolKind::Printer, 132, 0x8b, 0), Ok(()));
        assert_eq!(check(SpoolKind::Printer, 132, 0x8b, 5), Err(unit_record::BAD_COMMAND));
        for command in [0x02, 0x41, 0x81, 0xe9, 0x5a, 0x03] {
            assert_eq!(check(SpoolKind::Printer, 132, command, 5), Err(unit_record::BAD_COMMAND), "{command:X}");
        }
        assert_eq!(check(SpoolKind::Printer, 32_767, 0x5a, 5000), Ok(()));
    }

    #[test]
    fn a_header_that_runs_past_the_buffer_is_no_record() {
        assert_eq!(split_record(&[1, 0, 0x41]).map(|(_, record, _)| record), None);
        assert_eq!(split_record(&[2, 0, 0x41, 0, b'x']).map(|(_, record, _)| record), None);
        assert_eq!(split_record(&[1, 0, 0x41, 0, b'x', 9]).map(|(_, record, rest)| (record, rest)), Some((&b"x"[..], &[9u8][..])));
    }
}
