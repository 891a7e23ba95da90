//! A user's virtual devices: console, unit record devices and disks.
//!
//! Plain state under [`super::User::devices`]. Workers and commands use it, under its lock for as long as the host's disk takes; a
//! dispatcher thread only tries that lock, so a slow host disk holds up only the user who waits for it.

use std::collections::BTreeMap;
use std::sync::Arc;

use abi::{DeviceInfo, device};
use minidisk::extent::Extent;
use spool::{Attributes, FileInfo, OpenFile, Queue, Selection, SpoolError, Userid};

use crate::directory::{DeviceNumber, LinkMode, SpoolKind, UserEntry, UserId};
use crate::machine::diagnose::padded;
use crate::users::User;

use super::reading::{Listed, Reading};

/// One virtual device.
pub enum Device {
    /// The console.
    Console(Box<Console>),
    /// A card reader.
    Reader(Box<Reader>),
    /// A punch or a printer.
    Output(Box<Output>),
    /// A minidisk.
    Disk(Disk),
}

/// The virtual console as a device.
pub struct Console {
    /// How its spool files are made.
    pub output: Output,
    /// SPOOL CONSOLE START: what is written to it becomes a spool file.
    pub spooling: bool,
    /// TERM: what the guest writes is shown at the terminal while it is spooled.
    pub shown: bool,
}

/// A virtual card reader.
pub struct Reader {
    /// `2540`.
    pub model: String,
    /// Class of the files it reads; `*` is any.
    pub class: char,
    /// HOLD: files are kept, in hold, when they are closed.
    pub hold: bool,
    /// KEEP: files are kept when they are closed.
    pub keep: bool,
    /// CONT: several files read as one.
    pub cont: bool,
    /// EOF: the end of a file is shown as end of file; NOEOF: as a reader that is not ready.
    pub eof: bool,
    /// The file being read.
    pub open: Option<Reading>,
    /// How far its files were listed one by one.
    pub listed: Option<Listed>,
}

/// A virtual punch or printer, or what a console prints.
pub struct Output {
    /// Which of the three.
    pub device: spool::Device,
    /// `2540`, `1403`.
    pub model: String,
    /// What files made on it begin with.
    pub attributes: Attributes,
    /// CONT: CLOSE does not close.
    pub cont: bool,
    /// SPOOL TO: whose reader files go to, or FOR whom they are queued.
    pub route: Route,
    /// The file being made.
    pub open: Option<OpenFile>,
}

/// Where closed output goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Route {
    /// The user's own printer or punch queue.
    Own,
    /// `TO user`: that user's queue of this kind, the reader by default.
    To(UserId, Queue),
    /// `FOR user`: the queue of this device, owned by that user.
    For(UserId),
}

/// A link to a minidisk.
#[derive(Clone)]
pub struct Disk {
    /// Who owns the minidisk.
    pub owner: UserId,
    /// Its number with the owner.
    pub owner_vdev: DeviceNumber,
    /// How it was linked.
    pub mode: LinkMode,
    /// It may only be read.
    pub read_only: bool,
    /// The blocks on the host.
    pub extent: Arc<Extent>,
    /// `3390`, `FB-512`.
    pub device_type: String,
    /// Label of the volume it is on.
    pub volume: String,
    /// Cylinders, 0 for a fixed-block device.
    pub cylinders: u32,
    /// 4096-byte blocks.
    pub blocks: u32,
}

impl Reader {
    /// The files that it may read, in their order: of its class, not held.
    pub fn files(&self, user: &User) -> Result<Vec<FileInfo>, SpoolError> {
        let mut selection = Selection::of(spool_userid(&user.id)).on(Queue::Reader);
        selection.user_hold = Some(false);
        selection.system_hold = Some(false);
        if let Ok(class) = spool::Class::new(self.class) {
            selection.class = Some(class);
        }
        user.cp().spool.list(&selection)
    }
}

impl Output {
    /// The queue its files go to when it is routed nowhere.
    pub fn queue(&self) -> Queue {
        if self.device == spool::Device::Punch { Queue::Punch } else { Queue::Printer }
    }

    /// What it is to a program: a punch or a printer.
    pub fn kind(&self) -> SpoolKind {
        if self.device == spool::Device::Punch { SpoolKind::Punch } else { SpoolKind::Printer }
    }

    /// Its name in responses: `PRT`, `PUN` or `CONS`.
    pub fn shown(&self) -> &'static str {
        if self.device == spool::Device::Console { "CONS" } else { self.device.abbreviation() }
    }

    /// The file in progress, begun when there is none.
    pub fn file(&mut self, user: &User) -> &mut OpenFile {
        let Self { open, device, attributes, .. } = self;
        open.get_or_insert_with(|| {
            user.cp().spool.create(spool::NewFile {
                origin: spool_userid(&user.id),
                device: *device,
                created: user.cp().clock.unix_seconds(),
                attributes: attributes.clone(),
            })
        })
    }

    fn new(device: spool::Device, model: &str, class: char, dist: Option<spool::Word>) -> Self {
        let class = spool::Class::new(class).unwrap_or(spool::Class::A);
        let attributes = Attributes { class, dist, ..Attributes::default() };
        Self { device, model: model.to_string(), attributes, cont: false, route: Route::Own, open: None }
    }

    /// Longest record it takes, in bytes: 80 columns of a card, the print positions of the model, what a page printer takes.
    pub fn record_length(&self) -> u32 {
        match (self.kind(), self.model.as_str()) {
            (SpoolKind::Punch | SpoolKind::Reader, _) => 80,
            (SpoolKind::Printer, "1443") => 144,
            (SpoolKind::Printer, "3211") => 150,
            (SpoolKind::Printer, "4248") => 168,
            (SpoolKind::Printer, "3800") => 204,
            (SpoolKind::Printer, "3820" | "AFP1" | "VAFP") => 32_767,
            (SpoolKind::Printer, _) => 132,
        }
    }
}

/// The devices of one user, by number.
#[derive(Default)]
pub struct Devices {
    table: BTreeMap<DeviceNumber, Device>,
}

impl Devices {
    /// The unit record devices and the console that a directory entry defines. Disks are linked one by one afterwards.
    pub fn of_entry(entry: &UserEntry, dist: Option<spool::Word>) -> Self {
        let mut devices = Self::default();
        let (vdev, class) = entry.console.as_ref().map_or((DeviceNumber(9), 'T'), |console| (console.vdev, console.class));
        let output = Output::new(spool::Device::Console, "3215", class, dist);
        devices.table.insert(vdev, Device::Console(Box::new(Console { output, spooling: false, shown: true })));
        for statement in &entry.spool {
            devices.define_unit_record(statement.vdev, statement.kind, &statement.model, statement.class, dist);
        }
        devices
    }

    /// Adds a reader, punch or printer with the defaults of z/VM. False when the number is taken.
    pub fn define_unit_record(&mut self, vdev: DeviceNumber, kind: SpoolKind, model: &str, class: char, dist: Option<spool::Word>) -> bool {
        if self.table.contains_key(&vdev) {
            return false;
        }
        let device = match kind {
            SpoolKind::Reader => Device::Reader(Box::new(Reader {
                model: model.to_string(),
                class,
                hold: false,
                keep: false,
                cont: false,
                eof: true,
                open: None,
                listed: None,
            })),
            SpoolKind::Punch => Device::Output(Box::new(Output::new(spool::Device::Punch, model, class, dist))),
            SpoolKind::Printer => Device::Output(Box::new(Output::new(spool::Device::Printer, model, class, dist))),
        };
        self.table.insert(vdev, device);
        true
    }

    /// Adds a disk. False when the number is taken.
    pub fn define_disk(&mut self, vdev: DeviceNumber, disk: Disk) -> bool {
        let free = !self.table.contains_key(&vdev);
        if free {
            self.table.insert(vdev, Device::Disk(disk));
        }
        free
    }

    /// Whether that number is in use.
    pub fn contains(&self, vdev: DeviceNumber) -> bool {
        self.table.contains_key(&vdev)
    }

    /// Takes a device away.
    pub fn remove(&mut self, vdev: DeviceNumber) -> Option<Device> {
        self.table.remove(&vdev)
    }

    /// Gives a device another number. False when the old one is not there or the new one is taken.
    pub fn renumber(&mut self, from: DeviceNumber, to: DeviceNumber) -> bool {
        if self.table.contains_key(&to) {
            return false;
        }
        let Some(device) = self.table.remove(&from) else { return false };
        self.table.insert(to, device);
        true
    }

    /// All devices by number.
    pub fn iter(&self) -> impl Iterator<Item = (DeviceNumber, &Device)> {
        self.table.iter().map(|(number, device)| (*number, device))
    }

    /// All devices by number, to be changed.
    pub fn iter_mut(&mut self) -> impl Iterator<Item = (DeviceNumber, &mut Device)> {
        self.table.iter_mut().map(|(number, device)| (*number, device))
    }

    /// One device.
    pub fn get(&self, vdev: DeviceNumber) -> Option<&Device> {
        self.table.get(&vdev)
    }

    /// One device, to be changed.
    pub fn get_mut(&mut self, vdev: DeviceNumber) -> Option<&mut Device> {
        self.table.get_mut(&vdev)
    }

    /// The disk with that number.
    pub fn disk(&self, vdev: DeviceNumber) -> Option<Disk> {
        match self.table.get(&vdev) {
            Some(Device::Disk(disk)) => Some(disk.clone()),
            _ => None,
        }
    }

    /// What DIAGNOSE X'24' answers for a number; all ones is the console.
    pub fn info(&self, number: u64) -> Option<DeviceInfo> {
        let (vdev, device) = if number == u64::MAX || number == u64::from(u32::MAX) {
            self.iter().find(|(_, device)| matches!(device, Device::Console(_)))?
        } else {
            let vdev = DeviceNumber(u16::try_from(number).ok()?);
            (vdev, self.get(vdev)?)
        };
        Some(device.info(vdev))
    }
}

impl Device {
    /// What it prints or punches with, or the console does.
    pub fn output(&mut self) -> Option<&mut Output> {
        match self {
            Self::Output(output) => Some(output),
            Self::Console(console) => Some(&mut console.output),
            Self::Reader(_) | Self::Disk(_) => None,
        }
    }

    fn info(&self, vdev: DeviceNumber) -> DeviceInfo {
        let number = u32::from(vdev.0);
        let blank = DeviceInfo { number, volume: padded(""), ..DeviceInfo::default() };
        match self {
            Device::Console(console) => DeviceInfo { class: device::CONSOLE, name: padded(&console.output.model), ..blank },
            Device::Reader(reader) => DeviceInfo { class: device::READER, name: padded(&reader.model), blocks: 80, ..blank },
            Device::Output(output) => DeviceInfo {
                class: if output.device == spool::Device::Punch { device::PUNCH } else { device::PRINTER },
                name: padded(&output.model),
                blocks: output.record_length(),
                ..blank
            },
            Device::Disk(disk) => DeviceInfo {
                class: device::DASD,
                flags: if disk.read_only { device::READ_ONLY } else { 0 },
                cylinders: disk.cylinders,
                blocks: disk.blocks,
                name: padded(&disk.device_type),
                volume: padded(&disk.volume),
                ..blank
            },
        }
    }
}

/// A user as the spool names users. Both sides accept the same names (tested), so this cannot fail.
pub fn spool_userid(id: &UserId) -> Userid {
    Userid::new(id.as_str()).expect("every CP userid is a userid of the spool")
}

impl IntoIterator for Devices {
    type Item = (DeviceNumber, Device);
    type IntoIter = std::collections::btree_map::IntoIter<DeviceNumber, Device>;

    fn into_iter(self) -> Self::IntoIter {
        self.table.into_iter()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_userid_of_the_directory_is_a_userid_of_the_spool() {
        let of_cp = (0..=u8::MAX).filter_map(|byte| format!("A{}", char::from(byte)).parse::<UserId>().ok());
        let refused: Vec<_> = of_cp.filter(|id| Userid::new(id.as_str()).is_err()).collect();
        assert!(refused.is_empty(), "{refused:?}");
    }
}
