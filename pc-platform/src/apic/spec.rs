//! Registers of the local APIC (Intel SDM volume 3, chapter 11) and of the 82093AA I/O APIC (Intel 290566).

/// Where each processor finds its local APIC.
pub const LOCAL: u64 = 0xfee0_0000;
/// Where the I/O APIC is.
pub const IO: u64 = 0xfec0_0000;
/// Bytes of each.
pub const SIZE: u64 = 0x1000;

/// Version register: an integrated APIC with six local vectors.
pub const VERSION: u32 = 0x0005_0014;
/// Version of the I/O APIC: 24 pins.
pub const IO_VERSION: u32 = 0x0017_0011;
/// Pins of the I/O APIC.
pub const PINS: usize = 24;

/// Registers of the local APIC, by their offset.
pub mod register {
    #![allow(missing_docs)]
    pub const ID: u64 = 0x20;
    pub const VERSION: u64 = 0x30;
    pub const TPR: u64 = 0x80;
    pub const APR: u64 = 0x90;
    pub const PPR: u64 = 0xa0;
    pub const EOI: u64 = 0xb0;
    pub const LDR: u64 = 0xd0;
    pub const DFR: u64 = 0xe0;
    pub const SPURIOUS: u64 = 0xf0;
    pub const ISR: u64 = 0x100;
    pub const TMR: u64 = 0x180;
    pub const IRR: u64 = 0x200;
    pub const ESR: u64 = 0x280;
    pub const ICR_LOW: u64 = 0x300;
    pub const ICR_HIGH: u64 = 0x310;
    pub const LVT_TIMER: u64 = 0x320;
    pub const LVT_ERROR: u64 = 0x370;
    pub const INITIAL_COUNT: u64 = 0x380;
    pub const CURRENT_COUNT: u64 = 0x390;
    pub const DIVIDE: u64 = 0x3e0;
}

/// Local vectors: timer, thermal, performance, LINT0, LINT1, error; by their place from [`register::LVT_TIMER`].
pub mod lvt {
    #![allow(missing_docs)]
    pub const TIMER: usize = 0;
    pub const LINT0: usize = 3;
    pub const LINT1: usize = 4;
    pub const ERROR: usize = 5;
    pub const COUNT: usize = 6;
    /// Bits that can be written, of each.
    pub const WRITABLE: [u32; COUNT] = [0x0003_00ff, 0x0001_07ff, 0x0001_07ff, 0x0001_a7ff, 0x0001_a7ff, 0x0001_00ff];
    pub const MASKED: u32 = 0x0001_0000;
    pub const PERIODIC: u32 = 0x0002_0000;
}

/// Spurious vector register: the APIC is enabled.
pub const ENABLED: u32 = 0x100;
/// Error status: a vector below 16 was sent.
pub const ERROR_SEND: u32 = 0x20;
/// Error status: a vector below 16 was received.
pub const ERROR_RECEIVE: u32 = 0x40;
/// Error status: a register that does not exist.
pub const ERROR_REGISTER: u32 = 0x80;

/// Redirection entry: masked.
pub const PIN_MASKED: u64 = 0x1_0000;
/// Redirection entry: level triggered.
pub const PIN_LEVEL: u64 = 0x8000;
/// Redirection entry: a level was delivered and its end has not come.
pub const PIN_REMOTE_IRR: u64 = 0x4000;
/// Redirection entry: bits that can be written.
pub const PIN_WRITABLE: u64 = 0xff00_0000_0001_afff;
