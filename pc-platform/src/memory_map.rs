//! Which addresses of a machine are storage, as E820, multiboot, PVH and Linux are told.

/// Where the reserved top of conventional storage begins.
const CONVENTIONAL_END: u64 = 0x9_fc00;
/// Where the read-only part of the first megabyte begins.
const ROM: u64 = 0xf_0000;
/// Storage above the first megabyte begins here.
pub const HIGH: u64 = 0x10_0000;
/// Most storage a machine has: what is above belongs to devices.
pub const STORAGE_MAX: u64 = 3 << 30;

/// A range of addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Range {
    /// The first address.
    pub base: u64,
    /// Bytes.
    pub length: u64,
    /// Storage that a system may use; else reserved.
    pub usable: bool,
}

impl Range {
    /// The E820 type: 1 is usable, 2 reserved.
    pub fn kind(&self) -> u32 {
        if self.usable { 1 } else { 2 }
    }

    /// As E820 gives it: base, length, type; 20 bytes.
    pub fn bytes(&self) -> Vec<u8> {
        [&self.base.to_le_bytes()[..], &self.length.to_le_bytes(), &self.kind().to_le_bytes()].concat()
    }
}

/// The map of a machine with so many bytes of storage, of which the first megabyte is always there.
pub fn map(storage: u64) -> Vec<Range> {
    let range = |base, end: u64, usable| Range { base, length: end - base, usable };
    let mut map = vec![range(0, CONVENTIONAL_END, true), range(CONVENTIONAL_END, 0xa_0000, false), range(ROM, HIGH, false)];
    if storage > HIGH {
        map.push(range(HIGH, storage, true));
    }
    map
}
