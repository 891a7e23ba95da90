//! Registers of the MC146818A clock, and what the BIOS of a PC/AT keeps in the storage behind it.

/// Index port and data port.
pub const PORTS: [u16; 2] = [0x70, 0x71];
/// The clock's interrupt.
pub const IRQ: u8 = 8;

/// Registers.
#[allow(missing_docs)]
pub mod register {
    pub const SECONDS: u8 = 0;
    pub const SECONDS_ALARM: u8 = 1;
    pub const MINUTES: u8 = 2;
    pub const MINUTES_ALARM: u8 = 3;
    pub const HOURS: u8 = 4;
    pub const HOURS_ALARM: u8 = 5;
    pub const WEEKDAY: u8 = 6;
    pub const DAY: u8 = 7;
    pub const MONTH: u8 = 8;
    pub const YEAR: u8 = 9;
    pub const A: u8 = 0xa;
    pub const B: u8 = 0xb;
    pub const C: u8 = 0xc;
    pub const D: u8 = 0xd;
    pub const SHUTDOWN: u8 = 0xf;
    pub const EQUIPMENT: u8 = 0x14;
    pub const BASE_MEMORY: u8 = 0x15;
    pub const EXTENDED_MEMORY: u8 = 0x17;
    pub const EXTENDED_MEMORY_AGAIN: u8 = 0x30;
    pub const CENTURY: u8 = 0x32;
    pub const MEMORY_ABOVE_16M: u8 = 0x34;
}

/// Register A: an update is in progress.
pub const UPDATING: u8 = 0x80;
/// Nanoseconds before each second in which [`UPDATING`] is set.
pub const UPDATING_NS: u64 = 244_000;
/// Register B: the clock stands while it is being set.
pub const SET: u8 = 0x80;
/// Register B: binary instead of BCD.
pub const BINARY: u8 = 4;
/// Register B: 24 hours instead of 12.
pub const HOURS_24: u8 = 2;
/// Registers B and C: periodic, alarm and update interrupts.
pub const PERIODIC: u8 = 0x40;
/// See [`PERIODIC`].
pub const ALARM: u8 = 0x20;
/// See [`PERIODIC`].
pub const UPDATE: u8 = 0x10;
/// Register C: one of them is enabled.
pub const INTERRUPT: u8 = 0x80;
