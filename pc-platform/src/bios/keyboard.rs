//! INT 9 and INT 16: keys become codes in the ring of the data area, and callers get them from there.
//!
//! A code is the key's scan code in the high byte and its character in the low one; the tables are those of the IBM AT's BIOS with the enhanced keyboard. Which of Shift,
//! Ctrl and Alt are held stands in the data area, where programs look for it.

use super::frame::{Frame, Register};
use super::rom::{DATA, answer};
use super::{put_word, word};
use crate::Storage;
use crate::keyboard::{self, EXTENDED};

/// First and last address of the ring, in the data area.
const RING: (u16, u16) = (0x1e, 0x3e);
const HEAD: u64 = DATA + 0x1a;
const TAIL: u64 = DATA + 0x1c;
/// Which keys are held.
const HELD: u64 = DATA + 0x17;
/// Among other things, which of the left ones.
const HELD_LEFT: u64 = DATA + 0x18;
/// The character of keys that the first PCs did not have; callers of the old services see none.
const ENHANCED: u8 = 0xe0;

/// Bits of [`HELD`].
mod held {
    pub(super) const RIGHT_SHIFT: u8 = 1;
    pub(super) const LEFT_SHIFT: u8 = 2;
    pub(super) const CONTROL: u8 = 4;
    pub(super) const ALTERNATE: u8 = 8;
    pub(super) const SHIFT: u8 = RIGHT_SHIFT | LEFT_SHIFT;
}

/// Scan codes of the keys of the cursor block: as they are, with Ctrl, with Alt.
const CURSOR_KEYS: [(u8, u8, u8); 10] = [
    (0x47, 0x77, 0x97),
    (0x48, 0x8d, 0x98),
    (0x49, 0x84, 0x99),
    (0x4b, 0x73, 0x9b),
    (0x4d, 0x74, 0x9d),
    (0x4f, 0x75, 0x9f),
    (0x50, 0x91, 0xa0),
    (0x51, 0x76, 0xa1),
    (0x52, 0x92, 0xa2),
    (0x53, 0x93, 0xa3),
];

fn code(scan: u8, character: u8) -> u16 {
    u16::from(scan) << 8 | u16::from(character)
}

fn byte(storage: &dyn Storage, address: u64) -> u8 {
    let mut byte = [0];
    storage.load(address, &mut byte);
    byte[0]
}

/// What was between two interrupts of the keyboard.
#[derive(Default)]
pub(super) struct Keys {
    /// The byte before the code of a key that the first PCs did not have.
    extended: bool,
}

impl Keys {
    /// INT 9: the keyboard sent a byte.
    pub(super) fn scanned(&mut self, byte_sent: u8, storage: &dyn Storage) {
        let extended = std::mem::replace(&mut self.extended, byte_sent == EXTENDED);
        let (scan, pressed) = (byte_sent & 0x7f, byte_sent & 0x80 == 0);
        let (held, left) = match scan {
            0x2a if !extended => (held::LEFT_SHIFT, 0),
            0x36 if !extended => (held::RIGHT_SHIFT, 0),
            0x1d => (held::CONTROL, u8::from(!extended)),
            0x38 => (held::ALTERNATE, u8::from(!extended) << 1),
            _ => {
                if pressed && let Some(code) = code_of(scan, extended, byte(storage, HELD)) {
                    put(storage, code);
                }
                return;
            }
        };
        for (address, bits) in [(HELD, held), (HELD_LEFT, left)] {
            let others = byte(storage, address) & !bits;
            storage.store(address, &[if pressed { others | bits } else { others }]);
        }
    }
}

/// The code of a key that is pressed while others are held. `None` is a key that gives none.
fn code_of(scan: u8, extended: bool, held: u8) -> Option<u16> {
    let is_held = |bits: u8| held & bits != 0;
    let (shift, control, alternate) = (is_held(held::SHIFT), is_held(held::CONTROL), is_held(held::ALTERNATE));
    if extended {
        let (plain, with_control, with_alternate) = *CURSOR_KEYS.iter().find(|key| key.0 == scan)?;
        return Some(match (alternate, control) {
            (true, _) => code(with_alternate, 0),
            (_, true) => code(with_control, ENHANCED),
            _ => code(plain, ENHANCED),
        });
    }
    // Each of the four ways to press a function key has a row of codes.
    let row = match (alternate, control) {
        (true, _) => 3,
        (_, true) => 2,
        _ => usize::from(shift),
    };
    match scan {
        0x3b..=0x44 => return Some(code([0x3b, 0x54, 0x5e, 0x68][row] + scan - 0x3b, 0)),
        0x57 | 0x58 => return Some(code([0x85, 0x87, 0x89, 0x8b][row] + scan - 0x57, 0)),
        _ => {}
    }
    let character = keyboard::character(scan, shift)?;
    match (alternate, control) {
        (true, _) => Some(with_alternate(scan)),
        (_, true) => with_control(scan),
        _ if scan == 0x0f && shift => Some(code(scan, 0)),
        _ => Some(code(scan, character)),
    }
}

fn with_alternate(scan: u8) -> u16 {
    match scan {
        // The row of digits.
        0x02..=0x0d => code(scan + 0x76, 0),
        0x0f => code(0xa5, 0),
        0x39 => code(scan, b' '),
        scan => code(scan, 0),
    }
}

fn with_control(scan: u8) -> Option<u16> {
    let character = match keyboard::character(scan, false)? {
        letter if letter.is_ascii_alphabetic() => letter & 0x1f,
        b'2' => 0,
        b'6' => 0x1e,
        b'-' => 0x1f,
        bracket @ (b'['..=b']') => bracket & 0x1f,
        b'\r' => b'\n',
        8 => 0x7f,
        b'\t' => return Some(code(0x94, 0)),
        same @ (0x1b | b' ') => same,
        _ => return None,
    };
    Some(code(scan, character))
}

/// The ring's head and tail, brought into the ring: they are the guest's to spoil.
fn ring(storage: &dyn Storage) -> (u16, u16) {
    let within = |at: u16| if (RING.0..RING.1).contains(&at) && at.is_multiple_of(2) { at } else { RING.0 };
    (within(word(storage, HEAD)), within(word(storage, TAIL)))
}

fn next(at: u16) -> u16 {
    if at + 2 >= RING.1 { RING.0 } else { at + 2 }
}

/// Puts a code into the ring. False when it is full.
fn put(storage: &dyn Storage, code: u16) -> bool {
    let (head, tail) = ring(storage);
    let room = next(tail) != head;
    if room {
        put_word(storage, DATA + u64::from(tail), code);
        put_word(storage, TAIL, next(tail));
    }
    room
}

/// INT 16. Answers how the stub goes on.
pub(super) fn call(frame: &mut Frame, storage: &dyn Storage) -> u8 {
    let (head, tail) = ring(storage);
    let service = frame.high(Register::Ax);
    let first = || {
        let code = word(storage, DATA + u64::from(head));
        // The services that the first PCs had know no enhanced keys.
        if service < 0x10 && code >> 8 != 0 && code as u8 == ENHANCED { code & 0xff00 } else { code }
    };
    match service {
        0x00 | 0x10 if head == tail => return answer::ASK_AGAIN,
        0x00 | 0x10 => {
            frame.set(Register::Ax, first());
            put_word(storage, HEAD, next(head));
        }
        0x01 | 0x11 => {
            frame.set_zero(head == tail);
            if head != tail {
                frame.set(Register::Ax, first());
            }
        }
        0x02 => frame.set_low(Register::Ax, byte(storage, HELD)),
        0x12 => frame.set(Register::Ax, u16::from(byte(storage, HELD_LEFT)) << 8 | u16::from(byte(storage, HELD))),
        0x05 => frame.set_low(Register::Ax, u8::from(!put(storage, frame.get(Register::Cx)))),
        _ => {}
    }
    answer::RETURN
}
