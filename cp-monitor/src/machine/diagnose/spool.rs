//! DIAGNOSE X'14', X'BC' and X'110': the guest's side of the spool.

use std::sync::Arc;

use abi::{RECORD_BUFFER_MAX, RecordHeader, SpoolFileBlock, spool_input, unit_record};
use spool::{FileInfo, FileReader, Queue, Selection, Spid, SpoolError};
use zerocopy::{FromBytes, IntoBytes};

use super::{Answered, Completion, fetch, padded, worker};
use crate::directory::DeviceNumber;
use crate::machine::{Machine, ProgramCheck};
use crate::users::{Device, Output, Reader, Reading, User, spool_userid};

/// Bytes before each record of a buffer.
const HEADER: usize = size_of::<RecordHeader>();

/// (device, buffer, length): records for a punch or printer.
pub(super) fn output(machine: &mut Machine, operands: [u64; 6]) -> Answered {
    let [number, address, length, ..] = operands;
    let buffer = fetch(machine, address, length, RECORD_BUFFER_MAX)?;
    Ok(worker(move |user| {
        let (status, taken) = write_records(user, number, &buffer);
        Completion { status, value: taken, stores: Vec::new() }
    }))
}

fn write_records(user: &Arc<User>, number: u64, buffer: &[u8]) -> (u64, u64) {
    let mut devices = user.devices.lock();
    let device = u16::try_from(number).ok().and_then(|number| devices.get_mut(DeviceNumber(number)));
    let Some(Device::Output(output)) = device else {
        return (unit_record::NOT_AN_OUTPUT_DEVICE, 0);
    };
    user.usage.count_io();
    let mut rest = buffer;
    let mut taken = 0;
    while !rest.is_empty() {
        let Some((header, record, after)) = split_record(rest) else {
            return (unit_record::BAD_RECORD, taken);
        };
        if let Err(error) = append(user, output, header.command, record) {
            output.open = None;
            user.cp().spool_trouble(user, &error);
            return (unit_record::SPOOL_ERROR, taken);
        }
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

/// Appends to the file in progress, beginning one when there is none.
fn append(user: &User, output: &mut Output, command: u16, record: &[u8]) -> Result<(), SpoolError> {
    let device = output.spool_device();
    let file = match &mut output.open {
        Some(file) => file,
        empty => {
            let new = spool::NewFile {
                origin: spool_userid(&user.id),
                device,
                created: user.cp().clock.unix_seconds(),
                attributes: output.attributes.clone(),
            };
            empty.insert(user.cp().spool.create(new))
        }
    };
    file.append(command, record)
}

/// (subcode, reader, buffer, length, spool id)
pub(super) fn input(_machine: &mut Machine, operands: [u64; 6]) -> Answered {
    let [subcode, number, buffer, length, spid, _] = operands;
    if length > RECORD_BUFFER_MAX || !matches!(subcode, spool_input::READ_NEXT | spool_input::SELECT | spool_input::RESTART) {
        return Err(ProgramCheck::specification());
    }
    Ok(worker(move |user| {
        let mut devices = user.devices.lock();
        let device = u16::try_from(number).ok().and_then(|number| devices.get_mut(DeviceNumber(number)));
        let Some(Device::Reader(reader)) = device else {
            return Completion::status(spool_input::NOT_A_READER);
        };
        user.usage.count_io();
        match subcode {
            spool_input::SELECT => Completion::status(select(user, reader, spid)),
            spool_input::RESTART => match &mut reader.open {
                None => Completion::status(spool_input::NO_FILE),
                Some(reading) => {
                    reading.file.restart();
                    Completion::status(0)
                }
            },
            _ => read_next(user, reader, buffer, length as usize),
        }
    }))
}

fn select(user: &User, reader: &mut Reader, spid: u64) -> u64 {
    let spid = u16::try_from(spid).ok().and_then(|number| Spid::new(number).ok());
    let Some(spid) = spid else { return spool_input::NO_FILE };
    match user.cp().spool.reader(spool_userid(&user.id), Queue::Reader, spid) {
        Ok(file) => {
            reader.open = Some(Reading { spid, file });
            0
        }
        Err(SpoolError::NoFile { .. }) => spool_input::NO_FILE,
        Err(error) => {
            user.cp().spool_trouble(user, &error);
            spool_input::DAMAGED
        }
    }
}

/// The next file that this reader may read: its class, not held.
fn next_file(user: &User, reader: &Reader) -> Result<Option<FileInfo>, SpoolError> {
    let mut selection = Selection::of(spool_userid(&user.id)).on(Queue::Reader);
    selection.user_hold = Some(false);
    selection.system_hold = Some(false);
    if let Ok(class) = spool::Class::new(reader.class) {
        selection.class = Some(class);
    }
    Ok(user.cp().spool.list(&selection)?.into_iter().next())
}

fn read_next(user: &User, reader: &mut Reader, buffer: u64, room: usize) -> Completion {
    if reader.open.is_none() {
        match next_file(user, reader) {
            Ok(Some(file)) => match select(user, reader, u64::from(file.spid.number())) {
                0 => {}
                status => return Completion::status(status),
            },
            Ok(None) => return Completion::status(spool_input::NO_FILE),
            Err(error) => {
                user.cp().spool_trouble(user, &error);
                return Completion::status(spool_input::DAMAGED);
            }
        }
    }
    let Some(reading) = &mut reader.open else { return Completion::status(spool_input::NO_FILE) };
    match fill(&mut reading.file, room) {
        Ok(Filled::Records(bytes)) => Completion { status: 0, value: bytes.len() as u64, stores: vec![(buffer, bytes)] },
        Ok(Filled::End) => Completion::status(spool_input::END_OF_FILE),
        Ok(Filled::Short(needed)) => Completion { status: spool_input::BUFFER_SHORT, value: needed as u64, stores: Vec::new() },
        Err(error) => {
            user.cp().spool_trouble(user, &error);
            Completion::status(spool_input::DAMAGED)
        }
    }
}

enum Filled {
    Records(Vec<u8>),
    Short(usize),
    End,
}

/// Whole records, as many as fit into `room` bytes.
fn fill(file: &mut FileReader, room: usize) -> Result<Filled, SpoolError> {
    let mut bytes = Vec::new();
    while let Some(record) = file.peek()? {
        let needed = HEADER + record.data.len();
        if bytes.len() + needed > room {
            return Ok(if bytes.is_empty() { Filled::Short(needed) } else { Filled::Records(bytes) });
        }
        let header = RecordHeader { length: record.data.len() as u16, command: record.command };
        bytes.extend_from_slice(header.as_bytes());
        bytes.extend_from_slice(record.data);
        file.next_record()?;
    }
    Ok(if bytes.is_empty() { Filled::End } else { Filled::Records(bytes) })
}

/// (reader, buffer, spool id or 0)
pub(super) fn attributes(_machine: &mut Machine, operands: [u64; 6]) -> Answered {
    let [number, buffer, spid, ..] = operands;
    Ok(worker(move |user| {
        let devices = user.devices.lock();
        let device = u16::try_from(number).ok().and_then(|number| devices.get(DeviceNumber(number)));
        let Some(Device::Reader(reader)) = device else {
            return Completion::status(spool_input::NOT_A_READER);
        };
        match file_block(user, reader, spid) {
            Ok(Some(block)) => Completion { stores: vec![(buffer, block.as_bytes().to_vec())], ..Completion::default() },
            Ok(None) => Completion::status(spool_input::NO_FILE),
            Err(error) => {
                user.cp().spool_trouble(user, &error);
                Completion::status(spool_input::DAMAGED)
            }
        }
    }))
}

fn file_block(user: &User, reader: &Reader, spid: u64) -> Result<Option<SpoolFileBlock>, SpoolError> {
    let chosen = match (spid, &reader.open) {
        (0, Some(reading)) => Some(reading.spid),
        (0, None) => return Ok(next_file(user, reader)?.map(|file| block_of(&file))),
        (number, _) => u16::try_from(number).ok().and_then(|number| Spid::new(number).ok()),
    };
    let Some(spid) = chosen else { return Ok(None) };
    let file = user.cp().spool.get(spool_userid(&user.id), Queue::Reader, spid)?;
    Ok(file.map(|file| block_of(&file)))
}

fn block_of(file: &FileInfo) -> SpoolFileBlock {
    let attributes = &file.attributes;
    let word = |word: Option<spool::Word>| padded(word.as_ref().map_or("", |word| word.as_str()));
    SpoolFileBlock {
        spid: u32::from(file.spid.number()),
        copies: u32::from(attributes.copies.number()),
        records: file.records,
        created: file.created,
        origin: *file.origin.padded(),
        owner: *file.owner.padded(),
        name: padded(attributes.name.name()),
        file_type: padded(attributes.name.file_type()),
        dist: word(attributes.dist),
        form: word(attributes.form),
        class: attributes.class.as_char() as u8,
        device: match file.device {
            spool::Device::Reader => b'R',
            spool::Device::Printer => b'P',
            spool::Device::Punch => b'U',
            spool::Device::Console => b'C',
        },
        hold: match attributes.hold {
            spool::Hold::None => b'N',
            spool::Hold::User => b'U',
            spool::Hold::System => b'S',
            spool::Hold::Both => b'B',
        },
        keep: if attributes.keep { b'Y' } else { b'N' },
        reserved: [0; 44],
    }
}
