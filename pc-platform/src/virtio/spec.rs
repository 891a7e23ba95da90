//! Registers and layouts of virtio devices on MMIO (Virtual I/O Device version 1.2, OASIS, sections 2, 4.2 and 5).

/// Where the first device is; each has a page.
pub const BASE: u64 = 0xd000_0000;
/// Bytes of each device.
pub const SIZE: u64 = 0x1000;
/// Interrupts of the devices, in their order: those of the first PCs that nothing else has.
pub const IRQS: [u8; 6] = [5, 9, 10, 11, 12, 6];
/// Most block devices; random numbers and the console follow them.
pub const BLOCKS_MAX: usize = 4;
/// "virt".
pub const MAGIC: u32 = 0x7472_6976;
/// The version without legacy.
pub const VERSION: u32 = 2;
/// "CP64".
pub const VENDOR: u32 = 0x3436_5043;
/// Longest queue.
pub const QUEUE_MAX: u16 = 256;
/// Feature: conforms to version 1. There is no other way.
pub const VERSION_1: u64 = 1 << 32;

/// Registers.
#[allow(missing_docs)]
pub mod register {
    pub const MAGIC: u64 = 0x00;
    pub const VERSION: u64 = 0x04;
    pub const DEVICE: u64 = 0x08;
    pub const VENDOR: u64 = 0x0c;
    pub const DEVICE_FEATURES: u64 = 0x10;
    pub const DEVICE_FEATURES_SELECT: u64 = 0x14;
    pub const DRIVER_FEATURES: u64 = 0x20;
    pub const DRIVER_FEATURES_SELECT: u64 = 0x24;
    pub const QUEUE_SELECT: u64 = 0x30;
    pub const QUEUE_SIZE_MAX: u64 = 0x34;
    pub const QUEUE_SIZE: u64 = 0x38;
    pub const QUEUE_READY: u64 = 0x44;
    pub const QUEUE_NOTIFY: u64 = 0x50;
    pub const INTERRUPT_STATUS: u64 = 0x60;
    pub const INTERRUPT_ACK: u64 = 0x64;
    pub const STATUS: u64 = 0x70;
    pub const QUEUE_DESCRIPTORS: u64 = 0x80;
    pub const QUEUE_DRIVER: u64 = 0x90;
    pub const QUEUE_DEVICE: u64 = 0xa0;
    pub const CONFIG: u64 = 0x100;
}

/// Device status.
#[allow(missing_docs)]
pub mod status {
    pub const DRIVER_OK: u32 = 4;
    pub const FEATURES_OK: u32 = 8;
    pub const NEEDS_RESET: u32 = 0x40;
}

/// Descriptors.
#[allow(missing_docs)]
pub mod descriptor {
    pub const SIZE: u64 = 16;
    pub const NEXT: u16 = 1;
    pub const WRITE: u16 = 2;
    pub const INDIRECT: u16 = 4;
}

/// Block devices (section 5.2).
#[allow(missing_docs)]
pub mod block {
    pub const DEVICE: u32 = 2;
    pub const SIZE_MAX: u64 = 1 << 1;
    pub const SEGMENTS_MAX: u64 = 1 << 2;
    pub const READ_ONLY: u64 = 1 << 5;
    pub const FLUSH: u64 = 1 << 9;
    pub const IN: u32 = 0;
    pub const OUT: u32 = 1;
    pub const DO_FLUSH: u32 = 4;
    pub const GET_ID: u32 = 8;
    pub const OK: u8 = 0;
    pub const IO_ERROR: u8 = 1;
    pub const UNSUPPORTED: u8 = 2;
}

/// Console devices (section 5.3).
#[allow(missing_docs)]
pub mod console {
    pub const DEVICE: u32 = 3;
    pub const MULTIPORT: u64 = 1 << 1;
    /// Most ports; the specification allows more.
    pub const PORTS_MAX: usize = 8;

    /// Control messages.
    pub mod event {
        pub const DEVICE_READY: u16 = 0;
        pub const PORT_ADD: u16 = 1;
        pub const PORT_READY: u16 = 3;
        pub const PORT_OPEN: u16 = 6;
        pub const PORT_NAME: u16 = 7;
    }
}

/// Entropy device (section 5.4).
pub const RNG_DEVICE: u32 = 4;
