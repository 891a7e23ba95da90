//! The assist area: everything that the processor needs in ring 0, built once per partition and mapped, supervisor only, at the
//! top of every machine's addresses. Pure construction; the partition places the bytes.
//!
//! ```text
//!   page  0   (not mapped)
//!   page  1   page directory pointers      page  2  page directory      page 3  page table
//!   page  4   GDT
//!   page  5   IDT: 256 gates
//!   page  6   stubs: one OUT per vector, 16 bytes apart
//!   page  7   stubs of SYSCALL, and the parking loop
//!   page  8   top-level table for a processor that runs no machine
//!   page 16+n processor n: TSS with the I/O permission map at the bottom, assist stack growing down from the end
//! ```

use crate::storage::{ACCESSED, ASSIST_ADDRESS, ASSIST_BASE, ASSIST_POINTERS, DIRTY, PRESENT, WRITE};

/// Most processors that a partition may have: their pages and their TSS descriptors must fit.
pub(super) const MAX_PROCESSORS: usize = 240;
const PAGE: u64 = abi::PAGE;
const GDT: u64 = 4;
const IDT: u64 = 5;
const STUBS: u64 = 6;
const SYSCALL_STUBS: u64 = 7;
const PARKING_TABLE: u64 = 8;
const FIRST_PROCESSOR: u64 = 16;
/// Bytes from one stub to the next.
const STUB_STRIDE: u64 = 16;
/// The port that a stub writes to. Machines have no permission for it.
pub(super) const STUB_PORT: u16 = 0xf5;

/// Selectors. Those of ring 3 are where SYSRET would want them, which nobody uses.
pub(super) const SUPERVISOR_CODE: u16 = 0x10;
pub(super) const USER_DATA: u16 = 0x2b;
pub(super) const USER_CODE: u16 = 0x33;
const FIRST_TSS: u16 = 0x40;

/// Bytes of TSS before the I/O permission map.
const TSS_FIXED: u64 = 0x68;
/// Bytes of the map: ports 0 to 255. Every port beyond is denied because the TSS ends.
const PERMISSION_MAP: u64 = 32;
/// Limit of the TSS; one byte of ones must follow the map.
pub(super) const TSS_LIMIT: u32 = (TSS_FIXED + PERMISSION_MAP) as u32;

/// Bytes of the whole area for `processors` processors.
pub(super) fn bytes(processors: usize) -> usize {
    (FIRST_PROCESSOR as usize + processors) * PAGE as usize
}

/// Guest-physical address of the parking table.
pub(super) fn parking_root() -> u64 {
    ASSIST_BASE + PARKING_TABLE * PAGE
}

fn virtual_page(page: u64) -> u64 {
    ASSIST_ADDRESS + page * PAGE
}

/// Virtual address of the GDT, and its limit.
pub(super) fn gdt(processors: usize) -> (u64, u16) {
    (virtual_page(GDT), FIRST_TSS + processors as u16 * 16 - 1)
}

/// Virtual address of the IDT, and its limit.
pub(super) fn idt() -> (u64, u16) {
    (virtual_page(IDT), 256 * 16 - 1)
}

/// Selector and virtual address of a processor's TSS.
pub(super) fn tss(processor: usize) -> (u16, u64) {
    (FIRST_TSS + processor as u16 * 16, virtual_page(FIRST_PROCESSOR + processor as u64))
}

/// Where SYSCALL goes, for 64-bit code and for compatibility mode.
pub(super) fn syscall_targets() -> [u64; 2] {
    [virtual_page(SYSCALL_STUBS), virtual_page(SYSCALL_STUBS) + STUB_STRIDE]
}

/// The address of the stub for a vector.
pub(super) fn stub(vector: u8) -> u64 {
    virtual_page(STUBS) + u64::from(vector) * STUB_STRIDE
}

/// What the stub that `rip` is in stands for.
#[derive(Debug, PartialEq, Eq, Clone, Copy)]
pub(super) enum Stub {
    /// An exception.
    Vector(u8),
    /// A SYSCALL that a host let happen.
    Syscall,
}

/// Which stub an instruction address belongs to, whether the host counts the OUT as done or not.
pub(super) fn stub_at(rip: u64) -> Option<Stub> {
    let stubs = virtual_page(STUBS);
    match rip.checked_sub(stubs)? {
        offset if offset < PAGE => Some(Stub::Vector((offset / STUB_STRIDE) as u8)),
        offset if offset < 2 * PAGE => Some(Stub::Syscall),
        _ => None,
    }
}

/// Where in the area the assist stack pointer `rsp` of a processor points, if it is inside its page.
pub(super) fn stack_offset(processor: usize, rsp: u64) -> Option<usize> {
    let page = virtual_page(FIRST_PROCESSOR + processor as u64);
    let within = rsp.checked_sub(page).filter(|&within| within < PAGE)?;
    Some(((FIRST_PROCESSOR + processor as u64) * PAGE + within) as usize)
}

/// The whole area for `processors` processors.
pub(super) fn build(processors: usize) -> Vec<u8> {
    let mut area = Area(vec![0; bytes(processors)]);
    area.tables(processors);
    area.descriptors(processors);
    area.stubs();
    (0..processors).for_each(|processor| area.processor(processor));
    area.0
}

struct Area(Vec<u8>);

impl Area {
    fn put(&mut self, page: u64, offset: u64, bytes: &[u8]) {
        let at = (page * PAGE + offset) as usize;
        self.0[at..at + bytes.len()].copy_from_slice(bytes);
    }

    fn put_word(&mut self, page: u64, index: u64, word: u64) {
        self.put(page, index * 8, &word.to_le_bytes());
    }

    fn tables(&mut self, processors: usize) {
        let link = PRESENT | WRITE | ACCESSED;
        debug_assert_eq!(ASSIST_POINTERS, ASSIST_BASE + PAGE);
        self.put_word(1, 0, (ASSIST_BASE + 2 * PAGE) | link);
        self.put_word(2, 0, (ASSIST_BASE + 3 * PAGE) | link);
        for page in GDT..FIRST_PROCESSOR + processors as u64 {
            // The descriptors must be writable: the processor marks a TSS busy.
            self.put_word(3, page, (ASSIST_BASE + page * PAGE) | link | DIRTY);
        }
        self.put_word(PARKING_TABLE, 511, ASSIST_POINTERS | link);
    }

    fn descriptors(&mut self, processors: usize) {
        let put = |area: &mut Self, selector: u16, word: u64| area.put_word(GDT, u64::from(selector) / 8, word);
        put(self, SUPERVISOR_CODE, 0x00af_9b00_0000_ffff);
        put(self, SUPERVISOR_CODE + 8, 0x00cf_9300_0000_ffff);
        put(self, USER_DATA & !3, 0x00cf_f300_0000_ffff);
        put(self, USER_CODE & !3, 0x00af_fb00_0000_ffff);
        for processor in 0..processors {
            let (selector, base) = tss(processor);
            let low = u64::from(TSS_LIMIT) | (base & 0xff_ffff) << 16 | 0x89 << 40 | (base >> 24 & 0xff) << 56;
            put(self, selector, low);
            put(self, selector + 8, base >> 32);
        }
    }

    fn stubs(&mut self) {
        for vector in 0..=255u8 {
            // Gates for ring 3: INT3 and INTO are debugging events, not protection exceptions.
            let privilege: u64 = if matches!(vector, 3 | 4) { 3 } else { 0 };
            let target = stub(vector);
            let gate =
                (target & 0xffff) | u64::from(SUPERVISOR_CODE) << 16 | (0x8e00 | privilege << 13) << 32 | (target >> 16 & 0xffff) << 48;
            self.put_word(IDT, u64::from(vector) * 2, gate);
            self.put_word(IDT, u64::from(vector) * 2 + 1, target >> 32);
            self.put(STUBS, u64::from(vector) * STUB_STRIDE, &STUB);
        }
        for entry in 0..2 {
            self.put(SYSCALL_STUBS, entry * STUB_STRIDE, &STUB);
        }
    }

    fn processor(&mut self, processor: usize) {
        let page = FIRST_PROCESSOR + processor as u64;
        let stack = virtual_page(page + 1);
        self.put(page, 4, &stack.to_le_bytes());
        self.put(page, 0x66, &(TSS_FIXED as u16).to_le_bytes());
        self.put(page, TSS_FIXED, &[0xff; PERMISSION_MAP as usize + 1]);
        // A four-byte write needs permission for four ports; the next three are refused by CP.
        for port in abi::DIAGNOSE_PORT..abi::DIAGNOSE_PORT + 4 {
            let at = (page * PAGE + TSS_FIXED) as usize + usize::from(port / 8);
            self.0[at] &= !(1 << (port % 8));
        }
    }
}

/// OUT to the stub port, and a jump back to it, in case anything ever resumes here.
const STUB: [u8; 4] = [0xe6, STUB_PORT as u8, 0xeb, 0xfc];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stub_is_known_before_and_after_its_out() {
        for vector in [0u8, 14, 255] {
            for done in [0, 2] {
                assert_eq!(stub_at(stub(vector) + done), Some(Stub::Vector(vector)));
            }
        }
        for target in syscall_targets() {
            assert_eq!(stub_at(target), Some(Stub::Syscall));
        }
        assert_eq!(stub_at(0x1000), None);
        assert_eq!(stub_at(!0), None);
    }

    #[test]
    fn only_the_diagnose_ports_are_permitted() {
        let area = build(2);
        let map = ((FIRST_PROCESSOR + 1) * PAGE + TSS_FIXED) as usize;
        let open: Vec<usize> = (0..256).filter(|port| area[map + port / 8] & 1 << (port % 8) == 0).collect();
        assert_eq!(open, [0x83, 0x84, 0x85, 0x86]);
        assert_eq!(area[map + PERMISSION_MAP as usize], 0xff);
    }

    #[test]
    fn the_largest_partition_fits() {
        let (_, limit) = gdt(MAX_PROCESSORS);
        assert!(u64::from(limit) < PAGE);
        assert!(FIRST_PROCESSOR + (MAX_PROCESSORS as u64) <= 512, "one page table maps it all");
        assert_eq!(build(MAX_PROCESSORS).len(), bytes(MAX_PROCESSORS));
    }
}
