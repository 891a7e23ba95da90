//! Translations that were made: three tables, so that a hit needs one comparison.
//!
//! A table is indexed by the low bits of the page's number and holds the page's address with the privilege bit in bit 0 and a *generation* in
//! bits 3 to 11. An address whose access crosses into the next page never matches, for the last byte's page is compared and the first byte's page
//! looked up. All translations are forgotten by going on to the next generation, which is part of what accesses compare with.

use crate::memory::Window;
use crate::trace::Run;

const ENTRIES: usize = 256;
const JUMPS: usize = 1024;

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

#[derive(Clone, Copy)]
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

/// Where traces are, by the linear address of their first instruction: what was fetched and found before.
pub(crate) struct Jumps([Jump; JUMPS]);

#[derive(Clone, Copy)]
struct Jump {
    address: u64,
    /// The mode, with privilege and generation above it.
    key: u64,
    epoch: u64,
    run: Run,
}

const NOWHERE: Jump = Jump { address: 0, key: u64::MAX, epoch: 0, run: Run::NONE };

impl Jumps {
    fn place(address: u64) -> usize {
        (address ^ address >> 10) as usize % JUMPS
    }

    #[inline(always)]
    pub(crate) fn find(&self, address: u64, key: u64, epoch: u64) -> Option<Run> {
        let jump = &self.0[Self::place(address)];
        (jump.address == address && jump.key == key && jump.epoch == epoch).then_some(jump.run)
    }

    pub(crate) fn put(&mut self, address: u64, key: u64, epoch: u64, run: Run) {
        self.0[Self::place(address)] = Jump { address, key, epoch, run };
    }
}

pub(crate) struct Tlb<'m> {
    pub(crate) reads: Table<'m>,
    pub(crate) writes: Table<'m>,
    pub(crate) fetches: Table<'m>,
    pub(crate) jumps: Jumps,
}

impl Tlb<'_> {
    pub(crate) fn new() -> Box<Self> {
        let empty = Entry { tag: EMPTY, window: None, physical: 0 };
        let table = Table([empty; ENTRIES]);
        Box::new(Self { reads: table, writes: table, fetches: table, jumps: Jumps([NOWHERE; JUMPS]) })
    }

    pub(crate) fn clear(&mut self) {
        self.reads.clear();
        self.writes.clear();
        self.fetches.clear();
        self.jumps.0.fill(NOWHERE);
    }
}
