//! Translations that were made: three tables, so that a hit needs one comparison.
//!
//! A table is indexed by the low bits of the page's number and holds the page's address with the privilege bit in bit 0 and a *generation* in
//! bits 3 to 11. An address whose access crosses into the next page never matches, for the last byte's page is compared and the first byte's page
//! looked up. All translations are forgotten by going on to the next generation, which is part of what accesses compare with.

use crate::memory::Window;

const ENTRIES: usize = 256;

/// Bit of a tag: translated at privilege level 3.
pub(crate) const USER: u64 = 1;
/// Bit of a tag in the table of writes: the page holds decoded code, so stores are looked at.
pub(crate) const CODE: u64 = 2;
const EMPTY: u64 = 4;
/// What the next generation adds to a tag.
pub(crate) const GENERATION: u64 = 8;
/// The bits of it.
pub(crate) const GENERATIONS: u64 = 0xff8;

#[derive(Clone, Copy)]
pub(crate) struct Entry<'m> {
    /// Linear address of the page, and bits.
    pub(crate) tag: u64,
    pub(crate) window: Option<Window<'m>>,
    /// Guest-physical address of the page.
    pub(crate) physical: u64,
}

pub(crate) struct Table<'m>([Entry<'m>; ENTRIES]);

impl<'m> Table<'m> {
    #[inline(always)]
    pub(crate) fn at(&self, address: u64) -> &Entry<'m> {
        &self.0[(address >> 12) as usize % ENTRIES]
    }

    /// The page, if all `S` bytes at `address` lie in it and it was translated for this privilege in this generation.
    #[inline(always)]
    pub(crate) fn find<const S: usize>(&self, address: u64, key: u64) -> Option<Window<'m>> {
        let entry = self.at(address);
        if entry.tag == address.wrapping_add(S as u64 - 1) & !0xfff | key { entry.window } else { None }
    }

    pub(crate) fn put(&mut self, entry: Entry<'m>) {
        self.0[(entry.tag >> 12) as usize % ENTRIES] = entry;
    }

    pub(crate) fn clear(&mut self) {
        self.0.fill(Entry { tag: EMPTY, window: None, physical: 0 });
    }
}

pub(crate) struct Tlb<'m> {
    pub(crate) reads: Table<'m>,
    pub(crate) writes: Table<'m>,
    pub(crate) fetches: Table<'m>,
}

impl Tlb<'_> {
    pub(crate) fn new() -> Box<Self> {
        let empty = Entry { tag: EMPTY, window: None, physical: 0 };
        Box::new(Self { reads: Table([empty; ENTRIES]), writes: Table([empty; ENTRIES]), fetches: Table([empty; ENTRIES]) })
    }

    pub(crate) fn clear(&mut self) {
        self.reads.clear();
        self.writes.clear();
        self.fetches.clear();
    }
}
