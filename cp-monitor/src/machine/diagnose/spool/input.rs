//! DIAGNOSE X'14' and X'BC': reading the files of a reader, and what files there are.
//!
//! A job runs on a worker under the user's devices. Every subcode answers a [`Completion`]: RAX, RDX and what is stored.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use abi::{PAGE, RECORD_BUFFER_MAX, RecordHeader, SpoolDescriptor, SpoolFileBlock, spool_input};
use spool::{Change, Copies, FileInfo, FileReader, Queue, Selection, Spid, SpoolError};
use zerocopy::IntoBytes;

use super::super::{Answered, Completion, Refused, padded, worker};
use super::buffer::{Page, needed};
use super::{block_of, block_of_new};
use crate::command::finish_reading;
use crate::directory::DeviceNumber;
use crate::machine::Machine;
use crate::users::{Device, Listed, Reader, Reading, User, spool_userid};

/// Bytes before each record of a buffer of records.
const HEADER: usize = size_of::<RecordHeader>();

/// Record length of a card, and of a line of a printer or console.
const CARD: u16 = 80;
const LINE: u16 = 132;

/// Where the guest wants the answer.
#[derive(Clone, Copy)]
struct Place {
    address: u64,
    room: u64,
}

impl Place {
    /// Stores these bytes, or says how many the buffer would need.
    fn give(self, bytes: Vec<u8>) -> Completion {
        if bytes.len() as u64 > self.room {
            return Completion { status: spool_input::BUFFER_SHORT, value: bytes.len() as u64, ..Completion::default() };
        }
        Completion { status: 0, value: bytes.len() as u64, stores: vec![(self.address, bytes)] }
    }
}

/// The reader of a user and what a job does with it.
struct Session<'a> {
    user: &'a Arc<User>,
    reader: &'a mut Reader,
}

/// How far reading came.
enum Read {
    /// So many records.
    Bytes(Vec<u8>, u64),
    /// The next record needs that many bytes.
    TooLong(usize),
    End,
}

/// (subcode, reader, buffer, length, spool id or number)
pub(in crate::machine::diagnose) fn input(_machine: &mut Machine, operands: [u64; 6]) -> Answered {
    use spool_input::*;
    let [subcode, number, address, room, value, _] = operands;
    let reads = [READ_BUFFER, NEXT_PRINT, NEXT_PUNCH, RESTART, BACKSPACE, READ_RECORDS, NEXT_BLOCK, NEXT_DESCRIPTOR];
    let sets = [SELECT, REPEAT, POSITION];
    let known = reads.contains(&subcode) || sets.contains(&subcode);
    if !known || room > RECORD_BUFFER_MAX || (subcode == REPEAT && !(1..=255).contains(&value)) {
        return Err(Refused::specification());
    }
    let place = Place { address, room };
    Ok(worker(move |user| {
        let mut devices = user.devices.lock();
        let device = u16::try_from(number).ok().and_then(|number| devices.get_mut(DeviceNumber(number)));
        let Some(Device::Reader(reader)) = device else {
            return Completion::status(NOT_A_READER);
        };
        user.usage.count_io();
        let listing = matches!(subcode, NEXT_PRINT | NEXT_PUNCH);
        if !listing {
            reader.listed = None;
        }
        let mut session = Session { user, reader };
        let done = match subcode {
            READ_BUFFER => session.read_buffer(place),
            NEXT_PRINT | NEXT_PUNCH => session.next_of_kind(subcode == NEXT_PRINT, place),
            SELECT => session.select(value).map(Completion::status),
            REPEAT => session.repeat(value),
            RESTART => session.restart(place),
            BACKSPACE => session.backspace(place),
            POSITION => session.position(value),
            READ_RECORDS => session.read_records(place),
            _ => session.next_in_queue(value, subcode == NEXT_DESCRIPTOR, place),
        };
        done.unwrap_or_else(|error| {
            user.cp().spool_trouble(user, &error);
            Completion::status(DAMAGED)
        })
    }))
}

type Done = Result<Completion, SpoolError>;

impl Session<'_> {
    /// Gives records that were read, and counts them.
    fn give(&self, place: Place, bytes: Vec<u8>, records: u64) -> Completion {
        self.user.usage.cards_read.fetch_add(records, Ordering::Relaxed);
        place.give(bytes)
    }

    /// Opens the file with that spool id; answers RAX.
    fn select(&mut self, spid: u64) -> Result<u64, SpoolError> {
        let spid = u16::try_from(spid).ok().and_then(|number| Spid::new(number).ok());
        let Some(spid) = spid else { return Ok(spool_input::NO_FILE) };
        match self.user.cp().spool.reader(spool_userid(&self.user.id), Queue::Reader, spid) {
            Ok(file) => {
                self.reader.open = Some(Reading::new(spid, file));
                Ok(0)
            }
            Err(SpoolError::NoFile { .. }) => Ok(spool_input::NO_FILE),
            Err(error) => Err(error),
        }
    }

    /// The file being read, else the next one of the reader; none when the reader is empty.
    fn reading(&mut self) -> Result<Option<&mut Reading>, SpoolError> {
        if self.reader.open.is_none()
            && let Some(next) = self.reader.files(self.user)?.into_iter().next()
        {
            self.select(next.spid.number().into())?;
        }
        Ok(self.reader.open.as_mut())
    }

    fn read_buffer(&mut self, place: Place) -> Done {
        if place.room < PAGE {
            return Ok(short(PAGE));
        }
        loop {
            let Some(reading) = self.reading()? else { return Ok(Completion::status(spool_input::NO_FILE)) };
            match next_buffer(reading)? {
                Read::Bytes(bytes, records) => return Ok(self.give(place, bytes, records)),
                Read::TooLong(needed) => return Ok(short(needed as u64)),
                Read::End if self.go_on()? => {}
                Read::End if self.reader.eof => return Ok(Completion::status(spool_input::END_OF_FILE)),
                Read::End => return Ok(Completion::status(spool_input::NO_FILE)),
            }
        }
    }

    /// At the end of a file: goes on with its next copy or the next file when SPOOL CONT says so. The last file stays open at its end.
    fn go_on(&mut self) -> Result<bool, SpoolError> {
        let Some(reading) = self.reader.open.as_mut().filter(|_| self.reader.cont) else { return Ok(false) };
        if reading.copies_left > 0 {
            reading.copies_left -= 1;
            reading.restart();
            return Ok(true);
        }
        let serial = reading.serial();
        let Some(next) = self.reader.files(self.user)?.into_iter().find(|file| file.serial != serial) else { return Ok(false) };
        finish_reading(self.user, self.reader)?;
        Ok(self.select(next.spid.number().into())? == 0)
    }

    fn restart(&mut self, place: Place) -> Done {
        if let Some(reading) = &mut self.reader.open {
            reading.restart();
            return self.read_buffer(place);
        }
        Ok(Completion::status(spool_input::NO_FILE))
    }

    fn backspace(&mut self, place: Place) -> Done {
        let Some(reading) = &mut self.reader.open else { return Ok(Completion::status(spool_input::NO_FILE)) };
        let stored = reading.next_buffer() - 1;
        if stored < 2 {
            // As on VM/SP: nothing stands before the first buffer.
            return Ok(Completion::status(spool_input::END_OF_FILE));
        }
        match go_to(reading, stored - 1)? {
            0 => self.read_buffer(place),
            status => Ok(Completion::status(status)),
        }
    }

    fn position(&mut self, number: u64) -> Done {
        let Some(reading) = self.reading()? else { return Ok(Completion::status(spool_input::NO_FILE)) };
        match u32::try_from(number) {
            Ok(number @ 1..) => go_to(reading, number).map(Completion::status),
            _ => Ok(Completion::status(spool_input::END_OF_FILE)),
        }
    }

    fn repeat(&mut self, copies: u64) -> Done {
        let Some(reading) = &mut self.reader.open else { return Ok(Completion::status(spool_input::NO_FILE)) };
        let number = u8::try_from(copies).unwrap_or(u8::MAX);
        reading.copies_left = number.saturating_sub(1);
        let one = Selection { serial: Some(reading.serial()), ..Selection::default() };
        let copies = Copies::new(number.into(), reading.file.file().attributes.copies.collated()).ok();
        self.user.cp().spool.change(&one, &Change { copies, ..Change::default() })?;
        Ok(Completion::status(0))
    }

    fn read_records(&mut self, place: Place) -> Done {
        let Some(reading) = self.reading()? else { return Ok(Completion::status(spool_input::NO_FILE)) };
        Ok(match fill_records(reading.by_records(), place.room as usize)? {
            Read::Bytes(bytes, records) => self.give(place, bytes, records),
            Read::TooLong(needed) => short(needed as u64),
            Read::End => Completion::status(spool_input::END_OF_FILE),
        })
    }

    /// The next file of the reader that came from a printer, or from a punch or card reader.
    fn next_of_kind(&mut self, print: bool, place: Place) -> Done {
        let is_print = |file: &FileInfo| matches!(file.device, spool::Device::Printer | spool::Device::Console);
        let mut files = self.reader.files(self.user)?;
        files.retain(|file| is_print(file) == print);
        let before = self.reader.listed.filter(|listed| listed.print == print);
        // When the file that was given last is gone meanwhile, those behind it have moved up.
        let at =
            before.map_or(0, |listed| files.iter().position(|file| file.serial == listed.serial).map_or(listed.given - 1, |at| at + 1));
        let Some(file) = files.get(at) else {
            let status = if before.is_some() { spool_input::END_OF_FILE } else { spool_input::NO_FILE };
            self.reader.listed = None;
            return Ok(Completion::status(status));
        };
        let done = place.give(block_of(file).as_bytes().to_vec());
        if done.status == 0 {
            self.reader.listed = Some(Listed { print, serial: file.serial, given: at + 1 });
        }
        Ok(done)
    }

    /// The file behind the one with that spool id in the reader queue, whatever its class and hold.
    fn next_in_queue(&mut self, after: u64, with_tag: bool, place: Place) -> Done {
        let files = self.user.cp().spool.list(&Selection::of(spool_userid(&self.user.id)).on(Queue::Reader))?;
        let at = match after {
            0 => Some(0),
            spid => files.iter().position(|file| u64::from(file.spid.number()) == spid).map(|at| at + 1),
        };
        let Some(at) = at else { return Ok(Completion::status(spool_input::NO_FILE)) };
        let Some(file) = files.get(at) else { return Ok(Completion::status(spool_input::END_OF_FILE)) };
        let block = block_of(file);
        Ok(place.give(match with_tag {
            true => SpoolDescriptor { block, tag: padded(file.attributes.tag.as_str()) }.as_bytes().to_vec(),
            false => block.as_bytes().to_vec(),
        }))
    }
}

fn short(needed: u64) -> Completion {
    Completion { status: spool_input::BUFFER_SHORT, value: needed, ..Completion::default() }
}

/// Reads the next buffer of a file.
fn next_buffer(reading: &mut Reading) -> Result<Read, SpoolError> {
    let (mut too_long, mut records) = (None, 0);
    let bytes = reading.read_buffer(|file, first| {
        let (page, taken) = fill_page(file, first, &mut too_long)?;
        records = taken;
        Ok((taken > 0).then(|| page.into_bytes()))
    })?;
    Ok(match (bytes, too_long) {
        (Some(bytes), _) => Read::Bytes(bytes, records),
        (None, Some(needed)) => Read::TooLong(needed),
        (None, None) => Read::End,
    })
}

/// Fills a buffer with the next records, and says how many it took: none at the end, or when the next one is too long.
fn fill_page(file: &mut FileReader, first: bool, too_long: &mut Option<usize>) -> Result<(Page, u64), SpoolError> {
    let info = file.file();
    let length = match info.device {
        spool::Device::Printer | spool::Device::Console => LINE,
        spool::Device::Punch | spool::Device::Reader => CARD,
    };
    let mut page = Page::new(info.spid.number(), length);
    let tag = info.attributes.tag.as_str();
    if first && !tag.is_empty() {
        page.add_tag(tag);
    }
    let mut taken = 0;
    while let Some(record) = file.peek()? {
        if !page.add(record.command, record.data) {
            if page.is_empty() || (taken == 0 && needed(record.data) > abi::SPOOL_DATA) {
                *too_long = Some(needed(record.data));
            }
            break;
        }
        taken += 1;
        file.next_record()?;
    }
    Ok((page, taken))
}

/// Goes to the buffer with that number; answers RAX. At the end, where there is no such buffer, the file stays at its end.
fn go_to(reading: &mut Reading, number: u32) -> Result<u64, SpoolError> {
    reading.go_near(number)?;
    while reading.next_buffer() < number {
        match next_buffer(reading)? {
            Read::Bytes(..) => {}
            Read::TooLong(_) => return Ok(spool_input::BUFFER_SHORT),
            Read::End => return Ok(spool_input::END_OF_FILE),
        }
    }
    Ok(0)
}

/// Whole records, as many as fit into `room` bytes.
fn fill_records(file: &mut FileReader, room: usize) -> Result<Read, SpoolError> {
    let (mut bytes, mut records) = (Vec::new(), 0);
    while let Some(record) = file.peek()? {
        let needed = HEADER + record.data.len();
        if bytes.len() + needed > room {
            return Ok(if bytes.is_empty() { Read::TooLong(needed) } else { Read::Bytes(bytes, records) });
        }
        let header = RecordHeader { length: record.data.len() as u16, command: record.command };
        bytes.extend_from_slice(header.as_bytes());
        bytes.extend_from_slice(record.data);
        file.next_record()?;
        records += 1;
    }
    Ok(if bytes.is_empty() { Read::End } else { Read::Bytes(bytes, records) })
}

/// X'BC': (device, buffer, spool id or 0)
pub(in crate::machine::diagnose) fn attributes(_machine: &mut Machine, operands: [u64; 6]) -> Answered {
    let [number, buffer, spid, ..] = operands;
    Ok(worker(move |user| {
        let devices = user.devices.lock();
        let block = match u16::try_from(number).ok().and_then(|number| devices.get(DeviceNumber(number))) {
            Some(Device::Reader(reader)) => reader_block(user, reader, spid),
            Some(Device::Output(output)) => Ok(output.open.as_ref().map(|open| SpoolFileBlock {
                records: open.records(),
                ..block_of_new(open.file().origin, open.file().device, open.file().created, &open.file().attributes)
            })),
            _ => return Completion::status(spool_input::NOT_A_READER),
        };
        match block {
            Ok(Some(block)) => Completion { stores: vec![(buffer, block.as_bytes().to_vec())], ..Completion::default() },
            Ok(None) => Completion::status(spool_input::NO_FILE),
            Err(error) => {
                user.cp().spool_trouble(user, &error);
                Completion::status(spool_input::DAMAGED)
            }
        }
    }))
}

fn reader_block(user: &User, reader: &Reader, spid: u64) -> Result<Option<SpoolFileBlock>, SpoolError> {
    let chosen = match (spid, &reader.open) {
        (0, Some(reading)) => Some(reading.spid),
        (0, None) => return Ok(reader.files(user)?.first().map(block_of)),
        (number, _) => u16::try_from(number).ok().and_then(|number| Spid::new(number).ok()),
    };
    let Some(spid) = chosen else { return Ok(None) };
    let file = user.cp().spool.get(spool_userid(&user.id), Queue::Reader, spid)?;
    Ok(file.map(|file| block_of(&file)))
}
