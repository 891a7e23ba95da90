//! Real unit record devices: printers and punches that write host files or feed a host command, readers that take what is dropped
//! into a folder.
//!
//! ```text
//! settings   what system.toml says, what a device takes          paper      records -> pages          text, pdf   pages -> bytes
//! choice     which file next, why one waits (pure)               separator  the page in front         deck        bytes <-> cards
//! table      the devices' states, what commands change           output     one file, whole           folder      write aside, rename
//! device     a printer's or punch's thread                       intake     a reader's thread         host_command
//! ```
//!
//! A spool file goes only when its output is durable, so a crash prints a file twice at worst and never loses it; a host file is there
//! whole or not at all. Each device has a thread of its own, so a slow one holds up nobody else.

mod choice;
pub mod deck;
pub mod device;
mod folder;
mod host_command;
mod intake;
mod job;
mod output;
mod paper;
mod pdf;
mod separator;
pub mod settings;
pub mod table;
mod text;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use spool::{FileInfo, Queue};

use crate::directory::DeviceNumber;
use crate::system::Cp;
use device::Device;
use output::Sink;
use settings::{PrinterStatement, PunchStatement, ReaderStatement, Statements, Taking};
pub use table::{ReaderState, RealDevices};

/// Where a printer's file is while a command takes it, in the data directory.
const COMMAND_FOLDER: &str = "printing";

impl RealDevices {
    /// The devices of these statements, which were checked; folders are below `root`.
    pub fn of(statements: &Statements, root: &Path) -> Self {
        let printers = statements.printers.iter().filter_map(|printer| printer_of(printer, root));
        let punches = statements.punches.iter().filter_map(|punch| punch_of(punch, root));
        let readers = statements.readers.iter().filter_map(|reader| reader_of(reader, root));
        Self::new(printers.chain(punches).collect(), readers.collect())
    }

    /// Begins the work of all devices, a thread each.
    pub fn start(cp: &Arc<Cp>) -> std::io::Result<Vec<std::thread::JoinHandle<()>>> {
        let mut threads = Vec::new();
        let mut spawn = |number: DeviceNumber, work: fn(&Arc<Cp>, DeviceNumber)| {
            let cp = Arc::clone(cp);
            let thread = std::thread::Builder::new().name(format!("device-{number}")).spawn(move || work(&cp, number))?;
            threads.push(thread);
            Ok::<(), std::io::Error>(())
        };
        for device in cp.real_devices.devices() {
            spawn(device.number, device::run)?;
        }
        for reader in cp.real_devices.readers() {
            spawn(reader.number, intake::run)?;
        }
        Ok(threads)
    }
}

fn printer_of(statement: &PrinterStatement, root: &Path) -> Option<Device> {
    let PrinterStatement { device, start, class, form, auto, dest, separator, folder, command, formats, paper, seconds } = statement;
    let sink = match folder {
        Some(folder) => Sink::Pages { folder: root.join(folder), formats: formats.clone(), paper: *paper },
        None => Sink::Command {
            folder: root.join(COMMAND_FOLDER),
            words: command.clone(),
            format: *formats.first()?,
            paper: *paper,
            limit: Duration::from_secs(*seconds),
        },
    };
    let taking = Taking::of(class, form, *auto, dest, *separator).ok()?;
    new_device(device, Queue::Printer, sink, taking, *start)
}

fn punch_of(statement: &PunchStatement, root: &Path) -> Option<Device> {
    let PunchStatement { device, start, class, form, auto, dest, folder, coding } = statement;
    let taking = Taking::of(class, form, *auto, dest, false).ok()?;
    new_device(device, Queue::Punch, Sink::Cards { folder: root.join(folder), coding: *coding }, taking, *start)
}

fn new_device(number: &str, queue: Queue, sink: Sink, taking: Taking, started: bool) -> Option<Device> {
    let number = number.parse().ok()?;
    Some(Device { number, queue, sink, taking, started, stopped: None, active: None, wanted: None, repeat: 0, written: false })
}

fn reader_of(statement: &ReaderStatement, root: &Path) -> Option<ReaderState> {
    let number = statement.device.parse().ok()?;
    Some(ReaderState { number, folder: root.join(&statement.folder), started: statement.start, stopped: None })
}

impl Cp {
    /// A file came into a queue: the devices look, and the operator is told when none of them will take it though one of its kind works.
    pub fn note_queued(&self, file: &FileInfo) {
        if file.queue == Queue::Reader {
            return;
        }
        self.real_devices.changed();
        if file.attributes.hold != spool::Hold::None || !self.real_devices.any_started(file.queue) {
            return;
        }
        let Some(why) = self.real_devices.why_waiting(file).filter(|_| self.real_devices.may_tell()) else { return };
        let which = format!("{} file {} {}", file.queue.abbreviation(), file.owner, file.spid);
        match why.strip_prefix("mount form") {
            Some(form) => self.say_to_operator(&format!("HCPRSS405A Mount form{form} for {which}")),
            None => self.say_to_operator(&format!("HCPRSS9437I {which} waits: {why}")),
        }
    }
}
