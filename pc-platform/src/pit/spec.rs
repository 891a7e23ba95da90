//! Registers of the 8254 (Intel data sheet 231164) and of port 61, which has its third channel.

/// Counts in a second.
pub const HERTZ: u64 = 1_193_182;
/// The first of the three channels' ports.
pub const CHANNEL: u16 = 0x40;
/// Control word.
pub const CONTROL: u16 = 0x43;
/// Gate and output of channel 2, and the memory refresh.
pub const PORT_61: u16 = 0x61;

/// Port 61: gate of channel 2.
pub const GATE_2: u8 = 0x01;
/// Port 61: bits that are kept as written.
pub const KEPT_61: u8 = 0x0f;
/// Port 61: changes with each refresh of memory.
pub const REFRESH: u8 = 0x10;
/// Port 61: output of channel 2.
pub const OUT_2: u8 = 0x20;
/// Nanoseconds between two refreshes.
pub const REFRESH_NS: u64 = 15_085;
