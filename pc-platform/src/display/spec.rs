//! Registers of the 6845 controller in a VGA's text mode, and where its page is.

/// Index port and data port.
pub const PORTS: [u16; 2] = [0x3d4, 0x3d5];
/// Status: changes with the beam.
pub const STATUS: u16 = 0x3da;
/// The page of characters and attributes.
pub const PAGE: u64 = 0xb8000;
/// Bytes behind it.
pub const PAGE_SIZE: u64 = 0x8000;
/// Columns and rows.
pub const SHAPE: (usize, usize) = (80, 25);
/// Registers of the controller.
pub const REGISTERS: usize = 25;

/// Registers.
#[allow(missing_docs)]
pub mod register {
    pub const CURSOR_START: u8 = 0xa;
    pub const START_HIGH: u8 = 0xc;
    pub const START_LOW: u8 = 0xd;
    pub const CURSOR_HIGH: u8 = 0xe;
    pub const CURSOR_LOW: u8 = 0xf;
}
