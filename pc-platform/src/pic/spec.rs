//! Registers of the 8259A (Intel data sheet 231468), as a PC wires two of them.

/// Command port and data port of the first chip.
pub const MASTER: [u16; 2] = [0x20, 0x21];
/// The same of the second, whose output is the first one's input 2.
pub const SLAVE: [u16; 2] = [0xa0, 0xa1];
/// Edge or level control, one port for each chip: a set bit makes an input level triggered.
pub const ELCR: [u16; 2] = [0x4d0, 0x4d1];
/// The input of the first chip that the second one drives.
pub const CASCADE: u8 = 2;
/// Inputs that have no level control: timer, keyboard, cascade on the first; clock and coprocessor on the second.
pub const ALWAYS_EDGE: [u8; 2] = [0b0000_0111, 0b0010_0001];

/// ICW1, told from OCW2 and OCW3 by this bit.
pub const ICW1: u8 = 0x10;
/// ICW1: ICW4 follows.
pub const ICW1_IC4: u8 = 0x01;
/// ICW1: a single chip, ICW3 does not follow.
pub const ICW1_SINGLE: u8 = 0x02;
/// ICW1: all inputs are level triggered.
pub const ICW1_LEVEL: u8 = 0x08;
/// ICW4: end of interrupt by the acknowledgement.
pub const ICW4_AUTO_EOI: u8 = 0x02;
/// ICW4: special fully nested mode.
pub const ICW4_NESTED: u8 = 0x10;
/// OCW3, told from OCW2 by this bit.
pub const OCW3: u8 = 0x08;
/// OCW3: the next read is a poll.
pub const OCW3_POLL: u8 = 0x04;
