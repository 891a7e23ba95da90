//! The board: one of each device, and the wires between them.
//!
//! Whoever runs the machine gives it every access to a port or to an address that is not storage, with the time; asks for interrupts; and takes what it has to
//! say: [`Signal`]s, output for the console, [`Odd`] notes.
//!
//! Life of a machine: [`Board::new`], [`Board::as_firmware_leaves_it`] when a boot sector is started, then accesses. [`Board::reset`] begins anew with the same disks;
//! requests that were under way belong to nobody then. Stopping is not telling it any more: its time stands.

mod disks;
mod interrupts;
mod ports;

#[cfg(test)]
mod tests;

use std::collections::VecDeque;

use crate::apic::{IoApic, LocalApic, spec as apic};
use crate::bios::{Bios, Outcome, Parts};
use crate::disk::Disk;
use crate::display::{Display, Screen, spec as display};
use crate::ide::{self, Channel};
use crate::keyboard::{Keyboard, Wish};
use crate::pic::Pic;
use crate::pit::Pit;
use crate::port::Port;
use crate::rtc::Rtc;
use crate::serial::Serial;
use crate::virtio::{Virtio, spec as virtio};
use crate::{Nanoseconds, Storage, bios};
use ports::{Unit, is_wide, unit};

/// Most processors of a machine.
pub const PROCESSORS_MAX: usize = 64;
/// Bytes of console output that may wait to be taken; [`Board::wants_out`] then.
const OUTPUT_WANTED: usize = 4096;
/// Notes that are kept until they are taken.
const NOTES_MAX: usize = 32;
/// What switches a Bochs off, at port 8900.
const SHUTDOWN_TEXT: &[u8] = b"Shutdown";

/// What a machine consists of.
pub struct Settings {
    /// Bytes of storage.
    pub storage: u64,
    /// Virtual processors, at most [`PROCESSORS_MAX`].
    pub processors: usize,
    /// Seconds since 1970 when its clock is 0.
    pub start_time: i64,
    /// Its disks: the first four are on the IDE channels.
    pub disks: Vec<Box<dyn Disk>>,
    /// What the ports of its virtio console are connected to.
    pub ports: Vec<Box<dyn Port>>,
}

/// An access of a processor.
#[derive(Clone, Copy)]
pub struct Access<'a> {
    /// When.
    pub now: Nanoseconds,
    /// Which processor, from 0.
    pub processor: usize,
    /// The machine's storage.
    pub storage: &'a dyn Storage,
}

/// What the owner of the machine is to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Signal {
    /// INIT: that processor is reset and waits for a start-up message.
    Init(usize),
    /// That processor, if it waits, begins at page `vector` in real mode.
    StartUp(usize, u8),
    /// The guest reset the machine.
    Reset,
    /// The guest switched the machine off.
    PowerOff,
    /// The guest ended with this code (QEMU's `isa-debug-exit`: twice the value and one).
    Exit(u32),
    /// A boot sector asks to be loaded again.
    Reload,
    /// The machine cannot go on, and why.
    Stuck(String),
}

/// Something that no device of a PC was meant to see.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Odd {
    /// A port where nothing is.
    Port(u16),
    /// An address where nothing is.
    Address(u64),
}

/// The devices of a machine.
pub struct Board {
    storage: u64,
    start_time: i64,
    now: Nanoseconds,
    /// Nothing happens by itself before this.
    due: Nanoseconds,
    local_apics: Vec<LocalApic>,
    nmi: Vec<bool>,
    io_apic: IoApic,
    pic: Pic,
    /// Interrupt lines that are up.
    lines: u32,
    pit: Pit,
    rtc: Rtc,
    serial: [Serial; 2],
    keyboard: Keyboard,
    /// The guest itself, not the BIOS, has read the keyboard.
    keyboard_read: bool,
    display: Display,
    channels: [Channel; 2],
    /// A block device for each of the first disks, the source of random numbers, the console.
    virtio: Vec<Virtio>,
    disks: Vec<Box<dyn Disk>>,
    ports: Vec<Box<dyn Port>>,
    under_way: usize,
    life: u32,
    bios: Bios,
    pci_address: u32,
    shutdown_seen: usize,
    signals: VecDeque<Signal>,
    output: Vec<u8>,
    /// What was sent by the second serial port to whoever is at its other end.
    line_output: Vec<u8>,
    /// The guest let that port go.
    line_dropped: bool,
    /// Something was sent by the first serial port: it is the console.
    spoke: bool,
    notes: Vec<Odd>,
}

impl Board {
    /// A board after power-on.
    pub fn new(settings: Settings) -> Self {
        let processors = settings.processors.clamp(1, PROCESSORS_MAX);
        let drive = |number: usize| {
            let disk = settings.disks.get(number)?;
            Some(ide::Drive { sectors: disk.sectors(), read_only: disk.is_read_only() })
        };
        let channels = [Channel::new([drive(0), drive(1)], 0), Channel::new([drive(2), drive(3)], 2)];
        let blocks = (0..virtio::BLOCKS_MAX).filter_map(|number| Some(Virtio::block(drive(number)?, number)));
        let console = Virtio::console(settings.ports.iter().map(|port| (port.name().to_string(), port.is_input())));
        let virtio = blocks.chain([Virtio::rng(settings.start_time as u64), console]).collect();
        let mut board = Self {
            storage: settings.storage,
            start_time: settings.start_time,
            now: 0,
            due: 0,
            local_apics: (0..processors).map(|id| LocalApic::new(id as u8)).collect(),
            nmi: vec![false; processors],
            io_apic: IoApic::default(),
            pic: Pic::default(),
            lines: 0,
            pit: Pit::default(),
            rtc: Rtc::new(settings.start_time, settings.storage),
            serial: [Serial::new(), Serial::unconnected()],
            keyboard: Keyboard::default(),
            keyboard_read: false,
            display: Display::default(),
            channels,
            virtio,
            disks: settings.disks,
            ports: settings.ports,
            under_way: 0,
            life: 0,
            bios: Bios::default(),
            pci_address: 0,
            shutdown_seen: 0,
            signals: VecDeque::new(),
            output: Vec::new(),
            line_output: Vec::new(),
            line_dropped: false,
            spoke: false,
            notes: Vec::new(),
        };
        board.reckon();
        board
    }

    /// Everything as after power-on, with the same disks and a clock that begins at 0 again. Requests under way belong to nobody.
    pub fn reset(&mut self) {
        let (disks, ports) = (std::mem::take(&mut self.disks), std::mem::take(&mut self.ports));
        let settings = Settings { storage: self.storage, processors: self.local_apics.len(), start_time: self.start_time, disks, ports };
        let life = self.life + 1;
        *self = Self { life, ..Self::new(settings) };
    }

    /// As a BIOS hands over to a boot sector: interrupt controllers and timer set up, interrupts of timer, keyboard and second controller let through.
    pub fn as_firmware_leaves_it(&mut self) {
        for (ports, vector, wiring, mask) in [([0x20, 0x21], 0x08, 4, 0xf8), ([0xa0, 0xa1], 0x70, 2, 0xff)] {
            self.pic.write(ports[0], 0x11);
            [vector, wiring, 1, mask].into_iter().for_each(|word| self.pic.write(ports[1], word));
        }
        [0x36_u8, 0, 0].into_iter().zip([0x43, 0x40, 0x40]).for_each(|(byte, port)| self.pit.write(port, byte, self.now));
        self.reckon();
    }

    /// The processors.
    pub fn processors(&self) -> usize {
        self.local_apics.len()
    }

    /// How many disks a BIOS finds.
    pub fn disks(&self) -> u8 {
        self.disks.len().min(127) as u8
    }

    /// Whether somebody should look: there are signals, a disk or a port is waited for, or output has piled up. Processors leave then.
    pub fn wants_out(&self) -> bool {
        !self.signals.is_empty() || self.under_way > 0 || self.output.len().max(self.line_output.len()) >= OUTPUT_WANTED
    }

    /// The next signal.
    pub fn take_signal(&mut self) -> Option<Signal> {
        self.signals.pop_front()
    }

    /// What was written to the console since the last time.
    pub fn take_output(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.output)
    }

    /// What was odd since the last time, a bounded number of notes.
    pub fn take_notes(&mut self) -> Vec<Odd> {
        std::mem::take(&mut self.notes)
    }

    /// Somebody types at the PC's keyboard. Answers how many characters were taken.
    pub fn type_keys(&mut self, text: &[u8]) -> usize {
        let taken = self.keyboard.type_text(text);
        self.update_lines();
        taken
    }

    /// Somebody presses keys of a terminal at the PC's keyboard: characters, and control sequences for keys that give none. Answers how many bytes were taken.
    pub fn type_terminal(&mut self, bytes: &[u8]) -> usize {
        let taken = self.keyboard.type_terminal(bytes);
        self.update_lines();
        taken
    }

    /// Somebody presses a function key, F1 to F12, at the PC's keyboard.
    pub fn press_function_key(&mut self, number: u8) {
        self.keyboard.press_function_key(number);
        self.update_lines();
    }

    /// Somebody types at the console. Answers how many bytes were taken. They go to the first serial port when that is the machine's console, else to the keyboard.
    pub fn type_input(&mut self, bytes: &[u8]) -> usize {
        let serial = self.serial[0].listens() || self.spoke && !self.keyboard_read;
        let taken = if serial { self.serial[0].receive(bytes) } else { self.keyboard.type_terminal(bytes) };
        self.update_lines();
        taken
    }

    /// Whether the guest has its second serial port open, so that somebody may come to its other end.
    pub fn line_is_open(&self) -> bool {
        self.serial[1].is_open()
    }

    /// Somebody comes to the other end of the second serial port, or goes.
    pub fn connect_line(&mut self, connected: bool) {
        self.serial[1].connect(connected);
        self.line_output.clear();
        self.line_dropped = false;
        self.update_lines();
    }

    /// Somebody types there. Answers how many bytes were taken.
    pub fn type_on_line(&mut self, bytes: &[u8]) -> usize {
        let taken = self.serial[1].receive(bytes);
        self.update_lines();
        taken
    }

    /// Whether everything typed there was read.
    pub fn is_line_read(&self) -> bool {
        self.serial[1].is_drained()
    }

    /// What was written there since the last time.
    pub fn take_line_output(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.line_output)
    }

    /// Whether the guest let the second serial port go since the last time: whoever is there is to go.
    pub fn take_line_drop(&mut self) -> bool {
        std::mem::take(&mut self.line_dropped)
    }

    /// Whether everything typed was read.
    pub fn is_input_read(&self) -> bool {
        self.serial[0].is_drained() && self.keyboard.is_drained()
    }

    /// The text screen, read out of the machine's storage.
    pub fn screen(&self, storage: &dyn Storage) -> Screen {
        let mut page = vec![0; display::PAGE_SIZE as usize];
        storage.load(display::PAGE, &mut page);
        self.display.screen(&page)
    }

    /// When the board next does something by itself, if ever.
    pub fn next_event(&self) -> Option<Nanoseconds> {
        (self.due != Nanoseconds::MAX).then_some(self.due)
    }

    /// IN: `size` is 1, 2 or 4 bytes.
    pub fn port_in(&mut self, access: Access<'_>, port: u16, size: u8) -> u32 {
        self.advance(access.now);
        let found = unit(port);
        let value = match found {
            Some(found) if size == 1 || is_wide(found, port) => self.read_unit(found, port, size),
            _ => (0..u16::from(size)).rev().fold(0, |value, at| {
                let port = port.wrapping_add(at);
                let byte = unit(port).map_or(0xff, |unit| self.read_unit(unit, port, 1)) & 0xff;
                value << 8 | byte
            }),
        };
        if found.is_none() {
            self.note(Odd::Port(port));
        }
        self.after_access();
        value
    }

    fn read_unit(&mut self, unit: Unit, port: u16, size: u8) -> u32 {
        let now = self.now;
        u32::from(match unit {
            Unit::Pic => self.pic.read(port).unwrap_or(0xff),
            Unit::Pit => self.pit.read(port, now),
            Unit::Port61 => self.pit.read_61(now),
            Unit::Keyboard if port == 0x64 => self.keyboard.read_status(),
            Unit::Keyboard => {
                self.keyboard_read = true;
                let byte = self.keyboard.read_data();
                self.next_key();
                byte
            }
            Unit::Rtc => self.rtc.read(port & 1, now),
            Unit::Port92 => u8::from(self.keyboard.a20()) << 1,
            Unit::Serial(number) => self.serial[number].read(port & 7),
            Unit::Ide(number, first) => return self.channels[number].read(port - first, size),
            Unit::IdeControl(number) => self.channels[number].read_alternate(),
            Unit::Display => self.display.read(port),
            Unit::PciAddress if size == 4 => return self.pci_address,
            // What a debug console reads as, to be found by those who look.
            Unit::DebugConsole => 0xe9,
            Unit::PowerOff => 0,
            Unit::Silent => 0,
            Unit::PciAddress | Unit::PciData | Unit::DebugExit | Unit::PowerOffText | Unit::Bios => return u32::MAX,
        })
    }

    /// The byte after the one that was read: the line falls between the two.
    fn next_key(&mut self) {
        self.update_lines();
        self.keyboard.next();
    }

    /// OUT: `size` is 1, 2 or 4 bytes.
    pub fn port_out(&mut self, access: Access<'_>, port: u16, size: u8, value: u32) {
        self.advance(access.now);
        let found = unit(port);
        match found {
            Some(found) if size == 1 || is_wide(found, port) => self.write_unit(access, found, port, size, value),
            _ => {
                for at in 0..u16::from(size) {
                    let port = port.wrapping_add(at);
                    if let Some(unit) = unit(port) {
                        self.write_unit(access, unit, port, 1, value >> (8 * at) & 0xff);
                    }
                }
            }
        }
        if found.is_none() {
            self.note(Odd::Port(port));
        }
        self.after_access();
    }

    fn write_unit(&mut self, access: Access<'_>, unit: Unit, port: u16, size: u8, value: u32) {
        let (now, byte) = (self.now, value as u8);
        match unit {
            Unit::Pic => self.pic.write(port, byte),
            Unit::Pit => self.pit.write(port, byte, now),
            Unit::Port61 => self.pit.write_61(byte, now),
            Unit::Keyboard => {
                let wish = if port == 0x64 { self.keyboard.write_command(byte) } else { self.keyboard.write_data(byte) };
                if wish == Some(Wish::Reset) {
                    self.signal(Signal::Reset);
                }
            }
            Unit::Rtc => self.rtc.write(port & 1, byte, now),
            Unit::Port92 => {
                self.keyboard.set_a20(byte & 2 != 0);
                if byte & 1 != 0 {
                    self.signal(Signal::Reset);
                }
            }
            Unit::Serial(number) => self.write_serial(number, port & 7, byte),
            Unit::Ide(number, first) => {
                if let Some(request) = self.channels[number].write(port - first, size, value) {
                    self.begin_ide(number, request);
                }
            }
            Unit::IdeControl(number) => self.channels[number].write_control(byte),
            Unit::Display => self.display.write(port, byte),
            Unit::PciAddress if size == 4 => self.pci_address = value & 0x80ff_fffc,
            // The reset control register of a PIIX.
            Unit::PciAddress if port == 0xcf9 && byte & 4 != 0 => self.signal(Signal::Reset),
            Unit::DebugConsole => self.output.push(byte),
            Unit::DebugExit => self.signal(Signal::Exit(value << 1 | 1)),
            // Sleep enable, type 0: what ACPI would write to the PM1 control register.
            Unit::PowerOff if value & 0x2000 != 0 => self.signal(Signal::PowerOff),
            Unit::PowerOffText => self.shutdown_byte(byte),
            Unit::Bios => self.bios_call(access.storage),
            Unit::PciAddress | Unit::PciData | Unit::PowerOff | Unit::Silent => {}
        }
    }

    fn write_serial(&mut self, number: usize, register: u16, byte: u8) {
        let was_open = self.serial[number].is_open();
        self.serial[number].write(register, byte);
        let sent = self.serial[number].take_sent();
        if number == 0 && !sent.is_empty() {
            self.spoke = true;
            self.output.extend(sent);
        } else if number == 1 && self.serial[1].is_connected() {
            self.line_output.extend(sent);
            self.line_dropped |= was_open && !self.serial[1].is_open();
        }
    }

    fn shutdown_byte(&mut self, byte: u8) {
        self.shutdown_seen = match SHUTDOWN_TEXT.get(self.shutdown_seen) {
            Some(&expected) if expected == byte => self.shutdown_seen + 1,
            _ => usize::from(byte == SHUTDOWN_TEXT[0]),
        };
        if self.shutdown_seen == SHUTDOWN_TEXT.len() {
            self.shutdown_seen = 0;
            self.signal(Signal::PowerOff);
        }
    }

    fn bios_call(&mut self, storage: &dyn Storage) {
        let drives: Vec<bios::Drive> =
            self.disks.iter().map(|disk| bios::Drive { sectors: disk.sectors(), read_only: disk.is_read_only() }).collect();
        let mut teletype = Vec::new();
        let mut parts = Parts {
            storage,
            display: &mut self.display,
            keyboard: &mut self.keyboard,
            serial: &mut self.serial[0],
            pic: &mut self.pic,
            rtc: &mut self.rtc,
            output: &mut teletype,
            memory: self.storage,
            drives: &drives,
            now: self.now,
        };
        let outcome = self.bios.ask(&mut parts);
        self.write_serial_output();
        if !self.spoke {
            self.output.extend(teletype);
        }
        self.next_key();
        match outcome {
            Outcome::Done => {}
            Outcome::Disk(disk, operation) => self.begin_bios(disk, operation, storage),
            Outcome::Reload => self.signal(Signal::Reload),
            Outcome::Stuck(why) => self.signal(Signal::Stuck(why)),
        }
    }

    fn write_serial_output(&mut self) {
        let sent = self.serial[0].take_sent();
        if !sent.is_empty() {
            self.spoke = true;
            self.output.extend(sent);
        }
    }

    /// A load from an address that is not storage: `size` is 1, 2, 4 or 8 bytes.
    pub fn mmio_read(&mut self, access: Access<'_>, address: u64, size: u8) -> u64 {
        self.advance(access.now);
        let offset = address & (apic::SIZE - 1);
        let value = match address & !(apic::SIZE - 1) {
            apic::LOCAL => match self.local_apics.get_mut(access.processor).filter(|local| local.is_on()) {
                Some(local) => local.read(offset, self.now) >> (8 * (offset & 3)),
                None => return u64::MAX,
            },
            apic::IO => self.io_apic.read(offset),
            page if self.virtio_at(page).is_some() => {
                return self.virtio_at(page).map_or(0, |number| self.virtio[number].read(offset, size));
            }
            _ => {
                self.note(Odd::Address(address));
                return u64::MAX;
            }
        };
        u64::from(value)
    }

    fn virtio_at(&self, page: u64) -> Option<usize> {
        let number = page.checked_sub(virtio::BASE)? / virtio::SIZE;
        usize::try_from(number).ok().filter(|number| *number < self.virtio.len())
    }

    /// Where the virtio devices are and what they interrupt, as Linux takes it on its command line.
    pub fn virtio_parameters(&self) -> String {
        let one =
            |number: usize| format!("virtio_mmio.device=4K@{:#x}:{}", virtio::BASE + number as u64 * virtio::SIZE, virtio::IRQS[number]);
        (0..self.virtio.len()).map(one).collect::<Vec<_>>().join(" ")
    }

    /// A store to an address that is not storage.
    pub fn mmio_write(&mut self, access: Access<'_>, address: u64, size: u8, value: u64) {
        self.advance(access.now);
        let offset = address & (apic::SIZE - 1);
        match address & !(apic::SIZE - 1) {
            // The manual: accesses that are not 4 aligned bytes do nothing that can be relied on.
            apic::LOCAL if size == 4 && offset.is_multiple_of(4) => self.write_local(access.processor, offset, value as u32),
            apic::IO => {
                self.io_apic.write(offset, value as u32);
                self.deliver_pins();
            }
            apic::LOCAL => {}
            page if self.virtio_at(page).is_some() => {
                if let Some(number) = self.virtio_at(page).filter(|_| size == 4) {
                    let operation = self.virtio[number].write(offset, value as u32, access.storage);
                    self.begin_virtio(number, operation, access.storage);
                }
            }
            _ => self.note(Odd::Address(address)),
        }
        self.after_access();
    }

    fn signal(&mut self, signal: Signal) {
        // Those between processors are bounded by the number of processors that can take them; the others stop the machine.
        if self.signals.len() < 4 * PROCESSORS_MAX {
            self.signals.push_back(signal);
        }
    }

    fn note(&mut self, odd: Odd) {
        if self.notes.len() < NOTES_MAX && !self.notes.contains(&odd) {
            self.notes.push(odd);
        }
    }

    fn after_access(&mut self) {
        self.update_lines();
        self.reckon();
    }
}
