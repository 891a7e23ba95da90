//! Registers and commands of an ATA channel in PIO mode (ATA/ATAPI-5, T13/1321D).

/// First port, control port and interrupt of the two channels.
pub const CHANNELS: [(u16, u16, u8); 2] = [(0x1f0, 0x3f6, 14), (0x170, 0x376, 15)];

/// Registers, by their offset.
#[allow(missing_docs)]
pub mod register {
    pub const DATA: u16 = 0;
    pub const ERROR: u16 = 1;
    pub const COUNT: u16 = 2;
    pub const LOW: u16 = 3;
    pub const MIDDLE: u16 = 4;
    pub const HIGH: u16 = 5;
    pub const DEVICE: u16 = 6;
    pub const STATUS: u16 = 7;
}

/// Status.
#[allow(missing_docs)]
pub mod status {
    pub const ERROR: u8 = 0x01;
    pub const DATA_REQUEST: u8 = 0x08;
    pub const SEEK_COMPLETE: u8 = 0x10;
    pub const READY: u8 = 0x40;
    pub const BUSY: u8 = 0x80;
    pub const IDLE: u8 = READY | SEEK_COMPLETE;
}

/// Error.
#[allow(missing_docs)]
pub mod error {
    pub const ABORTED: u8 = 0x04;
    pub const NOT_FOUND: u8 = 0x10;
    pub const UNCORRECTABLE: u8 = 0x40;
}

/// Device control.
#[allow(missing_docs)]
pub mod control {
    pub const NO_INTERRUPT: u8 = 2;
    pub const RESET: u8 = 4;
}

/// Device register: logical block addresses; the second drive.
pub const LBA: u8 = 0x40;
/// See [`LBA`].
pub const SECOND: u8 = 0x10;

/// Commands.
#[allow(missing_docs)]
pub mod command {
    pub const DEVICE_RESET: u8 = 0x08;
    pub const RECALIBRATE: std::ops::RangeInclusive<u8> = 0x10..=0x1f;
    pub const READ: std::ops::RangeInclusive<u8> = 0x20..=0x21;
    pub const WRITE: std::ops::RangeInclusive<u8> = 0x30..=0x31;
    pub const VERIFY: std::ops::RangeInclusive<u8> = 0x40..=0x41;
    pub const SEEK: std::ops::RangeInclusive<u8> = 0x70..=0x7f;
    pub const DIAGNOSE: u8 = 0x90;
    pub const SET_GEOMETRY: u8 = 0x91;
    pub const READ_MULTIPLE: u8 = 0xc4;
    pub const WRITE_MULTIPLE: u8 = 0xc5;
    pub const SET_MULTIPLE: u8 = 0xc6;
    pub const STANDBY: std::ops::RangeInclusive<u8> = 0xe0..=0xe3;
    pub const CHECK_POWER: u8 = 0xe5;
    pub const FLUSH: u8 = 0xe7;
    pub const FLUSH_EXT: u8 = 0xea;
    pub const IDENTIFY: u8 = 0xec;
    pub const SET_FEATURES: u8 = 0xef;
}

/// Most sectors in a block of the multiple commands.
pub const MULTIPLE_MAX: u8 = 16;
/// Heads and sectors of a track that a drive says it has.
pub const GEOMETRY: (u64, u64) = (16, 63);
/// Most sectors that 28 bits address.
pub const LBA28_MAX: u64 = (1 << 28) - 1;
