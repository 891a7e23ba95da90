//! The ports `reader`, `punch` and `printer` of a PC machine: its user's unit record devices, through the spool.
//!
//! To open the punch or the printer, write and close it is to make a spool file; to open the reader is to begin the next file of the reader, which is done with when it was read
//! to its end. Everything is a worker's, and the machine waits for it, as for a disk.

use std::sync::atomic::Ordering;
use std::sync::{Arc, Weak};

use console::wire::LineKind;
use parking_lot::Mutex;
use pc_platform::disk::{Ended, Failed, Ticket};
use pc_platform::port::{Operation, Port};
use spool::{Queue, SpoolError};

use super::records::{Cutter, Joiner, Onto, Record};
use crate::command::{close_output, finish_reading};
use crate::directory::SpoolKind;
use crate::users::{Device, Output, Reader, Reading, User, spool_userid};

/// Bytes that one read brings, about.
const PIECE: usize = 64 << 10;

/// What is under way between an opening and a closing.
#[derive(Default)]
struct UnderWay {
    cutter: Option<Cutter>,
    joiner: Joiner,
    /// The reader's file was given to its end.
    at_end: bool,
    /// Something could not be kept: nothing more is.
    lost: bool,
}

/// One of the ports.
pub(super) struct UnitRecord {
    user: Weak<User>,
    kind: SpoolKind,
    under_way: Arc<Mutex<UnderWay>>,
}

/// Ports for the unit record devices that a user has.
pub(super) fn ports(user: &Arc<User>) -> Vec<Box<dyn Port>> {
    let devices = user.devices.lock();
    let kinds = [SpoolKind::Reader, SpoolKind::Punch, SpoolKind::Printer];
    let there = kinds.into_iter().filter(|kind| devices.iter().any(|(_, device)| is(device, *kind)));
    there.map(|kind| Box::new(UnitRecord { user: Arc::downgrade(user), kind, under_way: Arc::default() }) as Box<dyn Port>).collect()
}

fn is(device: &Device, kind: SpoolKind) -> bool {
    match device {
        Device::Reader(_) => kind == SpoolKind::Reader,
        Device::Output(output) => output.kind() == kind,
        Device::Console(_) | Device::Disk(_) => false,
    }
}

impl Port for UnitRecord {
    fn name(&self) -> &str {
        match self.kind {
            SpoolKind::Reader => "reader",
            SpoolKind::Punch => "punch",
            SpoolKind::Printer => "printer",
        }
    }

    fn is_input(&self) -> bool {
        self.kind == SpoolKind::Reader
    }

    fn begin(&mut self, ticket: Ticket, operation: Operation) -> Option<Ended> {
        let Some(user) = self.user.upgrade() else { return Some(Err(Failed)) };
        let (kind, under_way) = (self.kind, Arc::clone(&self.under_way));
        let cp = Arc::clone(user.cp());
        cp.workers.submit(Box::new(move || {
            let ended = carry_out(&user, kind, &mut under_way.lock(), operation);
            user.with_machine(|machine| machine.disk_ended(ticket, ended));
        }));
        None
    }
}

/// A worker's part, under the user's devices.
fn carry_out(user: &Arc<User>, kind: SpoolKind, under_way: &mut UnderWay, operation: Operation) -> Ended {
    let mut devices = user.devices.lock();
    let device = devices.iter_mut().map(|(_, device)| device).find(|device| is(device, kind)).ok_or(Failed)?;
    user.usage.count_io();
    let done = match device {
        Device::Reader(reader) => read(user, reader, under_way, &operation),
        Device::Output(output) => write(user, output, under_way, operation).map(|()| Vec::new()),
        Device::Console(_) | Device::Disk(_) => return Err(Failed),
    };
    done.map_err(|error| {
        user.cp().spool_trouble(user, &error);
        Failed
    })
}

fn write(user: &Arc<User>, output: &mut Output, under_way: &mut UnderWay, operation: Operation) -> Result<(), SpoolError> {
    let records = match operation {
        Operation::Open => {
            let onto = if output.kind() == SpoolKind::Printer { Onto::Lines } else { Onto::Cards };
            let cutter = Some(Cutter::new(onto, output.record_length() as usize));
            *under_way = UnderWay { cutter, ..UnderWay::default() };
            return Ok(());
        }
        Operation::Write(bytes) => under_way.cutter.as_mut().map(|cutter| cutter.take(&bytes)).unwrap_or_default(),
        Operation::Close => {
            let records = under_way.cutter.take().map(Cutter::end).unwrap_or_default();
            append(user, output, under_way, records)?;
            // What SPOOL CONT says, the port obeys as CLOSE does.
            if !output.cont
                && let Err(message) = close_output(user, output)
            {
                user.console.write(LineKind::Cp, &message.to_string());
            }
            return Ok(());
        }
        Operation::Read => Vec::new(),
    };
    append(user, output, under_way, records)
}

fn append(user: &User, output: &mut Output, under_way: &mut UnderWay, records: Vec<Record>) -> Result<(), SpoolError> {
    for (command, data) in records {
        if under_way.lost {
            return Ok(());
        }
        if let Err(error) = output.file(user).append(command, &data) {
            // Half a file is no file.
            output.open = None;
            under_way.lost = true;
            return Err(error);
        }
        let counter = if output.kind() == SpoolKind::Printer { &user.usage.lines_printed } else { &user.usage.cards_punched };
        counter.fetch_add(1, Ordering::Relaxed);
    }
    Ok(())
}

fn read(user: &User, reader: &mut Reader, under_way: &mut UnderWay, operation: &Operation) -> Result<Vec<u8>, SpoolError> {
    match operation {
        Operation::Open => {
            *under_way = UnderWay::default();
            match &mut reader.open {
                Some(reading) => reading.restart(),
                None => open_next(user, reader, None)?,
            }
        }
        Operation::Read => return next_piece(user, reader, under_way),
        Operation::Close if under_way.at_end => finish_reading(user, reader)?,
        // It was not read to its end and stays in the reader.
        Operation::Close => reader.open = None,
        Operation::Write(_) => {}
    }
    Ok(Vec::new())
}

/// Begins the next file of the reader that is not this one, if there is one.
fn open_next(user: &User, reader: &mut Reader, done_with: Option<u64>) -> Result<(), SpoolError> {
    if let Some(next) = reader.files(user)?.into_iter().find(|file| Some(file.serial) != done_with) {
        let file = user.cp().spool.reader(spool_userid(&user.id), Queue::Reader, next.spid)?;
        reader.open = Some(Reading::new(next.spid, file));
    }
    Ok(())
}

fn next_piece(user: &User, reader: &mut Reader, under_way: &mut UnderWay) -> Result<Vec<u8>, SpoolError> {
    loop {
        let Some(reading) = &mut reader.open else { return Ok(Vec::new()) };
        let (mut records, mut length) = (Vec::<Record>::new(), 0);
        let file = reading.by_records();
        while length < PIECE
            && let Some(record) = file.next_record()?
        {
            length += record.data.len() + 1;
            records.push((record.command, record.data.to_vec()));
        }
        user.usage.cards_read.fetch_add(records.len() as u64, Ordering::Relaxed);
        if !records.is_empty() {
            let bytes = under_way.joiner.join(&records);
            // A piece of control records alone has nothing for the guest, and is not the end.
            if !bytes.is_empty() {
                return Ok(bytes);
            }
            continue;
        }
        let serial = reading.serial();
        if !reader.cont || reader.files(user)?.iter().all(|file| file.serial == serial) {
            under_way.at_end = true;
            return Ok(Vec::new());
        }
        finish_reading(user, reader)?;
        open_next(user, reader, Some(serial))?;
    }
}
