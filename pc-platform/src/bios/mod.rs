//! The services of a BIOS that boot sectors call, without a BIOS: what [`rom`] leaves in storage asks, and this answers.
//!
//! | vector | service |
//! |---|---|
//! | 08, 09, other hardware interrupts | the count of ticks, the keyboard's ring, end of interrupt |
//! | 10 | 00 02 03 06 07 09 0A 0E 0F 13: text on the screen |
//! | 11 12 | equipment, conventional storage |
//! | 13 | 00 02 03 08 15 41 42 43 48: disks |
//! | 14 | 00 01 02 03: the serial port |
//! | 15 | 24xx A20, 88, E801, E820: storage |
//! | 16 | 00 01 02 05 10 11 12: the keyboard |
//! | 18 19 | no system to load; load again |
//! | 1A | 00 01 02 04: ticks and the clock |

mod disk;
mod frame;
mod keyboard;
pub mod rom;
mod screen;

pub use disk::Drive;

use crate::Storage;
use crate::disk::{Ended, Operation};
use crate::display::Display;
use crate::keyboard::Keyboard;
use crate::memory_map;
use crate::pic::Pic;
use crate::rtc::Rtc;
use crate::serial::Serial;
use frame::{Frame, Register};
use keyboard::Keys;
use rom::{DATA, answer};
use screen::Terminal;

/// The equipment word: a coprocessor, 80 columns of colour, two serial ports.
const EQUIPMENT: u16 = 0x0426;
const TICKS: u64 = DATA + 0x6c;
/// Ticks of a day, at which the count begins again.
const TICKS_OF_DAY: u32 = 0x0018_00b0;

/// The parts of a board that the services use.
pub(crate) struct Parts<'a> {
    pub(crate) storage: &'a dyn Storage,
    pub(crate) display: &'a mut Display,
    pub(crate) keyboard: &'a mut Keyboard,
    pub(crate) serial: &'a mut Serial,
    pub(crate) pic: &'a mut Pic,
    pub(crate) rtc: &'a mut Rtc,
    /// Teletype output.
    pub(crate) output: &'a mut Vec<u8>,
    /// Bytes of storage.
    pub(crate) memory: u64,
    pub(crate) drives: &'a [Drive],
    pub(crate) now: crate::Nanoseconds,
}

/// What a call came to.
#[derive(Debug)]
pub(crate) enum Outcome {
    /// The stub goes on.
    Done,
    /// A disk has to do something first.
    Disk(usize, Operation),
    /// INT 19: load again.
    Reload,
    /// The machine cannot go on, and why.
    Stuck(String),
}

/// The services. What a call leaves behind is in the machine's storage, but for a disk transfer that goes on.
#[derive(Default)]
pub(crate) struct Bios {
    transfer: Option<(Frame, u64)>,
    keys: Keys,
}

fn word(storage: &dyn Storage, address: u64) -> u16 {
    let mut bytes = [0; 2];
    storage.load(address, &mut bytes);
    u16::from_le_bytes(bytes)
}

fn put_word(storage: &dyn Storage, address: u64, value: u16) {
    storage.store(address, &value.to_le_bytes());
}

impl Bios {
    /// A stub asks.
    pub(crate) fn ask(&mut self, parts: &mut Parts<'_>) -> Outcome {
        let Some(mut frame) = Frame::load(parts.storage) else {
            return Outcome::Stuck("a BIOS call with a stack outside storage".to_string());
        };
        let vector = frame.low(Register::Vector);
        let mut after = answer::RETURN;
        let mut outcome = Outcome::Done;
        match vector {
            0x08 => self.tick(parts),
            0x09 => {
                self.keys.scanned(parts.keyboard.read_data(), parts.storage);
                end_interrupt(parts.pic, vector);
            }
            0x0a..=0x0f | 0x70..=0x77 => end_interrupt(parts.pic, vector),
            0x10 => Terminal { display: parts.display, storage: parts.storage, output: parts.output }.call(&mut frame),
            0x11 => frame.set(Register::Ax, EQUIPMENT),
            0x12 => frame.set(Register::Ax, rom::CONVENTIONAL_KIB),
            0x13 => {
                if let Some(transfer) = disk::call(&mut frame, parts.drives, parts.storage) {
                    self.transfer = Some((frame, transfer.to));
                    return Outcome::Disk(transfer.disk, transfer.operation);
                }
            }
            0x14 => serial(&mut frame, parts.serial),
            0x15 => system(&mut frame, parts),
            0x16 => after = keyboard::call(&mut frame, parts.storage),
            0x18 => outcome = stuck(&frame, "INT 18: the boot sector found no system to load"),
            0x19 => outcome = Outcome::Reload,
            0x1a => time(&mut frame, parts),
            _ => outcome = stuck(&frame, &format!("exception {vector:02X} and no system to handle it")),
        }
        if !matches!(outcome, Outcome::Done) {
            after = answer::HALT;
        }
        frame.store(parts.storage, after);
        outcome
    }

    /// The disk request of the last call has ended.
    pub(crate) fn disk_ended(&mut self, end: Ended, storage: &dyn Storage) {
        if let Some((mut frame, to)) = self.transfer.take() {
            disk::ended(&mut frame, to, end, storage);
            frame.store(storage, answer::RETURN);
        }
    }

    fn tick(&mut self, parts: &mut Parts<'_>) {
        let mut bytes = [0; 4];
        parts.storage.load(TICKS, &mut bytes);
        let ticks = u32::from_le_bytes(bytes).wrapping_add(1);
        let ticks = if ticks >= TICKS_OF_DAY { 0 } else { ticks };
        parts.storage.store(TICKS, &ticks.to_le_bytes());
        end_interrupt(parts.pic, 0x08);
    }
}

fn stuck(frame: &Frame, what: &str) -> Outcome {
    Outcome::Stuck(format!("{what}, at {:04X}:{:04X}", frame.get(Register::Cs), frame.get(Register::Ip)))
}

fn end_interrupt(pic: &mut Pic, vector: u8) {
    if vector >= 0x70 {
        pic.write(0xa0, 0x20);
    }
    pic.write(0x20, 0x20);
}

fn serial(frame: &mut Frame, port: &mut Serial) {
    /// The transmitter is empty.
    const EMPTY: u8 = 0x60;
    /// Nothing came in time.
    const TIMEOUT: u8 = 0x80;
    match frame.high(Register::Ax) {
        0x01 => {
            port.write(0, frame.low(Register::Ax));
            frame.set_high(Register::Ax, EMPTY);
        }
        0x02 if port.read(5) & 1 != 0 => {
            frame.set_low(Register::Ax, port.read(0));
            frame.set_high(Register::Ax, 0);
        }
        0x02 => frame.set_high(Register::Ax, TIMEOUT),
        _ => frame.set(Register::Ax, u16::from(port.read(5)) << 8 | u16::from(port.read(6))),
    }
}

fn system(frame: &mut Frame, parts: &mut Parts<'_>) {
    let beyond = parts.memory.saturating_sub(1 << 20);
    frame.set_carry(false);
    match frame.get(Register::Ax) {
        0xe820 => memory_entry(frame, parts),
        0xe801 => {
            let below_16m = (beyond >> 10).min(15 << 10) as u16;
            let above_16m = (parts.memory.saturating_sub(16 << 20) >> 16).min(0xffff) as u16;
            [Register::Ax, Register::Cx].into_iter().for_each(|register| frame.set(register, below_16m));
            [Register::Bx, Register::Dx].into_iter().for_each(|register| frame.set(register, above_16m));
        }
        0x2400 | 0x2401 => {
            parts.keyboard.set_a20(frame.low(Register::Ax) == 1);
            frame.set_high(Register::Ax, 0);
        }
        0x2402 => frame.set(Register::Ax, u16::from(parts.keyboard.a20())),
        0x2403 => {
            frame.set_high(Register::Ax, 0);
            frame.set(Register::Bx, 3);
        }
        ax if ax >> 8 == 0x88 => frame.set(Register::Ax, (beyond >> 10).min(0xffff) as u16),
        _ => {
            frame.set_high(Register::Ax, 0x86);
            frame.set_carry(true);
        }
    }
}

/// E820: the entry that EBX counts, 20 bytes at ES:DI.
fn memory_entry(frame: &mut Frame, parts: &Parts<'_>) {
    const SMAP: u32 = 0x534d_4150;
    let map = memory_map::map(parts.memory);
    let number = frame.get_32(Register::Bx) as usize;
    let entry = map.get(number).filter(|_| frame.get_32(Register::Dx) == SMAP && frame.get_32(Register::Cx) >= 20);
    let at = frame.far(Register::Es, Register::Di);
    if !entry.is_some_and(|entry| parts.storage.store(at, &entry.bytes())) {
        frame.set_high(Register::Ax, 0x86);
        return frame.set_carry(true);
    }
    frame.set_32(Register::Ax, SMAP);
    frame.set_32(Register::Cx, 20);
    frame.set_32(Register::Bx, if number + 1 < map.len() { number as u32 + 1 } else { 0 });
}

fn time(frame: &mut Frame, parts: &mut Parts<'_>) {
    let mut clock = |index: u8| {
        parts.rtc.write(0, index, parts.now);
        parts.rtc.read(1, parts.now)
    };
    match frame.high(Register::Ax) {
        0x00 => {
            frame.set(Register::Dx, word(parts.storage, TICKS));
            frame.set(Register::Cx, word(parts.storage, TICKS + 2));
            frame.set_low(Register::Ax, 0);
        }
        0x01 => {
            put_word(parts.storage, TICKS, frame.get(Register::Dx));
            put_word(parts.storage, TICKS + 2, frame.get(Register::Cx));
        }
        0x02 => {
            frame.set(Register::Cx, u16::from(clock(4)) << 8 | u16::from(clock(2)));
            frame.set(Register::Dx, u16::from(clock(0)) << 8);
            frame.set_carry(false);
        }
        0x04 => {
            frame.set(Register::Cx, u16::from(clock(0x32)) << 8 | u16::from(clock(9)));
            frame.set(Register::Dx, u16::from(clock(8)) << 8 | u16::from(clock(7)));
            frame.set_carry(false);
        }
        _ => frame.set_carry(true),
    }
}
