//! What goes into a case and what comes out of it, the same for both processors.

/// Linear address of the pages that the code may store into.
pub const DATA: u64 = 0x1000_0000;
/// Their bytes; a page that can only be read follows.
pub const DATA_BYTES: usize = 8192;
/// Linear address of the code.
pub const CODE: u64 = 0x2000_0000;
/// Room for it.
pub const CODE_BYTES: usize = 256;

/// Selectors in the local descriptor table for 16-bit code: code at [`CODE`], data and stack at [`DATA`], 64 KiB each.
pub const CODE_16: u16 = 7;
pub const DATA_16: u16 = 15;

/// How the code is run.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u32)]
pub enum Width {
    /// In compatibility mode, in segments of 64 KiB.
    Bits16 = 16,
    /// In compatibility mode, flat.
    Bits32 = 32,
    Bits64 = 64,
}

impl Width {
    /// Address of the data as the code sees it.
    pub fn data(self) -> u64 {
        if self == Self::Bits16 { 0 } else { DATA }
    }

    /// Of general registers and instruction addresses so many bits are the code's.
    pub fn mask(self) -> u64 {
        if self == Self::Bits64 { u64::MAX } else { 0xffff_ffff }
    }
}

/// Registers of user mode.
#[repr(C)]
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Registers {
    pub general: [u64; 16],
    pub rip: u64,
    pub rflags: u64,
    pub xmm: [u128; 16],
    pub mxcsr: u32,
    pub control: u16,
    pub status: u16,
    /// Bit i: physical register i is in use.
    pub in_use: u8,
    /// ST(0) to ST(7).
    pub stack: [u128; 8],
}

/// What both start with.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct Case {
    pub width: Width,
    pub registers: Registers,
    pub code: [u8; CODE_BYTES],
    pub data: [u8; DATA_BYTES],
}

/// What each ends with.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct Outcome {
    pub registers: Registers,
    pub vector: u32,
    pub error: u32,
    /// Of a page fault.
    pub address: u64,
    pub data: [u8; DATA_BYTES],
}
