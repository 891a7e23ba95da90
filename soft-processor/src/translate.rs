//! From linear to guest-physical addresses: page tables of all four kinds, with the faults and the accessed and dirty bits of the manuals.

use crate::core::{CR0_PG, CR0_WP, CR4_PAE, CR4_PSE, Core, EFER_NXE, Env, Raised, vector};
use crate::memory::Memory;
use crate::tlb::{CODE, Entry};

const PRESENT: u64 = 1;
const WRITABLE: u64 = 1 << 1;
const USER_PAGE: u64 = 1 << 2;
const ACCESSED: u64 = 1 << 5;
const DIRTY: u64 = 1 << 6;
const LARGE: u64 = 1 << 7;
const NO_EXECUTE: u64 = 1 << 63;
/// Physical addresses have 40 bits, as CPUID says; higher address bits in an entry are reserved.
pub(crate) const PHYSICAL_BITS: u32 = 40;
const FRAME: u64 = ((1 << PHYSICAL_BITS) - 1) & !0xfff;
const RESERVED: u64 = (1 << 52) - (1 << PHYSICAL_BITS);

/// What an access wants to do.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Access {
    Read,
    Write,
    Fetch,
}

/// Bits of a page fault's error code.
const FAULT_PRESENT: u32 = 1;
const FAULT_WRITE: u32 = 2;
const FAULT_USER: u32 = 4;
const FAULT_RESERVED: u32 = 8;
const FAULT_FETCH: u32 = 16;

/// A way through the page tables.
struct Walk {
    physical: u64,
    /// What all levels permit.
    rights: u64,
    /// Addresses and values of the entries whose accessed bits count; as many as there are levels.
    path: [(u64, u64); 4],
    levels: usize,
    /// Bytes of an entry.
    size: usize,
}

impl Walk {
    fn add(&mut self, at: u64, found: u64) {
        self.path[self.levels] = (at, found);
        self.levels += 1;
        // Entries of 4 bytes have no bit that forbids execution.
        self.rights = self.rights & (found | !(WRITABLE | USER_PAGE)) | found & NO_EXECUTE;
    }
}

impl Core {
    /// Whether bits 47 to 63 of a linear address are alike, as 64-bit mode wants.
    pub(crate) fn canonical(address: u64) -> bool {
        (address as i64) << 16 >> 16 == address as i64
    }

    #[cold]
    fn page_fault(&mut self, address: u64, access: Access, user: bool, bits: u32) -> Raised {
        let fetch = access == Access::Fetch && self.s.cr4 & CR4_PAE != 0 && self.s.efer & EFER_NXE != 0;
        let error = bits
            | if access == Access::Write { FAULT_WRITE } else { 0 }
            | if user { FAULT_USER } else { 0 }
            | if fetch { FAULT_FETCH } else { 0 };
        self.exception = crate::cpu::Exception { vector: vector::PF, error: Some(error), address };
        Raised
    }

    /// The guest-physical address, or a page fault. Accessed and dirty bits are set.
    pub(crate) fn translate(&mut self, env: &Env, address: u64, access: Access, user: bool) -> Result<u64, Raised> {
        if self.s.cr0 & CR0_PG == 0 {
            return Ok(address & 0xffff_ffff);
        }
        let walk = self.walk(env.memory, address).map_err(|bits| self.page_fault(address, access, user, bits))?;
        if !self.permitted(walk.rights, access, user) {
            return Err(self.page_fault(address, access, user, FAULT_PRESENT));
        }
        for (number, &(at, found)) in walk.path.iter().enumerate().take(walk.levels) {
            let access = if number + 1 == walk.levels { access } else { Access::Read };
            mark(env.memory, walk.size, at, found, access);
        }
        Ok(walk.physical)
    }

    /// The guest-physical address of a linear one as the tables have it, whatever the rights. Nothing changes.
    pub(crate) fn look_through(&self, memory: &Memory, address: u64) -> Option<u64> {
        if self.s.cr0 & CR0_PG == 0 {
            return Some(address & 0xffff_ffff);
        }
        if self.long_active() && !Self::canonical(address) {
            return None;
        }
        self.walk(memory, address).ok().map(|walk| walk.physical)
    }

    /// Whether the rights that all levels leave permit the access.
    fn permitted(&self, rights: u64, access: Access, user: bool) -> bool {
        let write = access == Access::Write && rights & WRITABLE == 0 && (user || self.s.cr0 & CR0_WP != 0);
        let fetch = access == Access::Fetch && rights & NO_EXECUTE != 0;
        !(write || fetch || user && rights & USER_PAGE == 0)
    }

    /// Goes through the tables; for what cannot be, the bits of the error code that say why.
    fn walk(&self, memory: &Memory, address: u64) -> Result<Walk, u32> {
        if self.s.cr4 & CR4_PAE == 0 { self.walk_32(memory, address) } else { self.walk_64(memory, address) }
    }

    /// Two levels of 32-bit entries.
    fn walk_32(&self, memory: &Memory, address: u64) -> Result<Walk, u32> {
        let mut walk = Walk { physical: 0, rights: WRITABLE | USER_PAGE, path: [(0, 0); 4], levels: 0, size: 4 };
        let directory_at = (self.s.cr3 & 0xffff_f000) + (address >> 22 & 0x3ff) * 4;
        let directory = entry::<4>(memory, directory_at);
        if directory & PRESENT == 0 {
            return Err(0);
        }
        walk.add(directory_at, directory);
        if directory & LARGE != 0 && self.s.cr4 & CR4_PSE != 0 {
            // Bits 13 to 20 are bits 32 to 39 of the address (PSE-36); bit 21 is reserved.
            if directory & 1 << 21 != 0 {
                return Err(FAULT_PRESENT | FAULT_RESERVED);
            }
            walk.physical = directory & 0xffc0_0000 | (directory >> 13 & 0xff) << 32 | address & 0x3f_ffff;
            return Ok(walk);
        }
        let table_at = (directory & 0xffff_f000) + (address >> 12 & 0x3ff) * 4;
        let table = entry::<4>(memory, table_at);
        if table & PRESENT == 0 {
            return Err(0);
        }
        walk.add(table_at, table);
        walk.physical = table & 0xffff_f000 | address & 0xfff;
        Ok(walk)
    }

    /// Three levels (PAE) or four (long mode) of 64-bit entries.
    fn walk_64(&self, memory: &Memory, address: u64) -> Result<Walk, u32> {
        let mut walk = Walk { physical: 0, rights: WRITABLE | USER_PAGE, path: [(0, 0); 4], levels: 0, size: 8 };
        let reserved = RESERVED | if self.s.efer & EFER_NXE == 0 { NO_EXECUTE } else { 0 };
        let long = self.long_active();
        let mut table = if long { self.s.cr3 & FRAME } else { self.s.cr3 & 0xffff_ffe0 };
        let mut level = if long { 4 } else { 3 };
        loop {
            let shift = 12 + 9 * (level - 1);
            let at = table + (address >> shift & 0x1ff) * 8;
            let found = entry::<8>(memory, at);
            if found & PRESENT == 0 {
                return Err(0);
            }
            let pointer = !long && level == 3;
            let large = found & LARGE != 0 && level > 1 && !pointer;
            let low = if large { ((1 << shift) - 0x2000) & !0xfff } else { 0 };
            let wrong = if pointer { found & (0x1e6 | NO_EXECUTE | RESERVED) } else { found & (reserved | low) };
            // In the highest level bit 7 is reserved, and pages of 1 GiB are not offered.
            if wrong != 0 || found & LARGE != 0 && level >= 3 {
                return Err(FAULT_PRESENT | FAULT_RESERVED);
            }
            if !pointer {
                walk.add(at, found);
            }
            if large || level == 1 {
                let offset = (1 << shift) - 1;
                walk.physical = found & FRAME & !offset | address & offset;
                return Ok(walk);
            }
            table = found & FRAME;
            level -= 1;
        }
    }

    /// Enters a page into the tables of translations, if it is storage. Which table, the access says; a store may come later, so a page is
    /// in the table of writes only when it is dirty.
    pub(crate) fn enter(&self, env: &mut Env, address: u64, physical: u64, access: Access, user: bool) {
        let Some(window) = env.memory.window(physical) else { return };
        if access != Access::Fetch && self.points.watches_page(address) {
            return;
        }
        let physical = physical & !0xfff;
        let tag = address & !0xfff | self.key_of(user);
        let entry = Entry { tag, window: Some(window), physical };
        match access {
            Access::Read => env.tlb.reads.put(entry),
            Access::Fetch => env.tlb.fetches.put(entry),
            Access::Write => {
                let code = env.memory.has_code(physical);
                env.tlb.writes.put(Entry { tag: tag | if code { CODE } else { 0 }, ..entry });
            }
        }
    }
}

/// An entry of a page table. Outside storage there is nothing present.
fn entry<const S: usize>(memory: &Memory, at: u64) -> u64 {
    memory.window(at).map_or(0, |window| window.get::<S>(at))
}

/// Sets the accessed bit, and the dirty bit for a store.
fn mark(memory: &Memory, size: usize, at: u64, found: u64, access: Access) {
    let wanted = found | ACCESSED | if access == Access::Write { DIRTY } else { 0 };
    if wanted != found
        && let Some(window) = memory.window(at)
    {
        if size == 4 { window.put::<4>(at, wanted) } else { window.put::<8>(at, wanted) }
    }
}
