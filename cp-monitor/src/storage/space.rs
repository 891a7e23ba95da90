//! One machine's storage: its page tables, its private frames and the saved system it maps.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use super::frames::{FRAME, Frame};
use super::gauge::{PageGauge, Pages};
use super::paging::Slot;
use super::tables::{self, Page};
use super::{AccessError, SavedSystem, Storage, StorageError, Tree};

/// Pages around a fault that are given together: a fault through CP costs far more than zeroing a page.
const FAULT_AROUND: u64 = 4;

/// One machine's storage: addresses 0 to `size`, every byte zero until it is stored into.
///
/// Owned by its machine; whoever runs the machine holds it exclusively, so nothing here changes while guest code runs.
pub struct AddressSpace {
    pub(super) storage: Arc<Storage>,
    /// Never used twice, never 0: whose a page on the paging file is.
    pub(super) id: u64,
    size: u64,
    pub(super) tree: Tree,
    pub(super) pages: Pages,
    /// Where everybody may read how many pages there are.
    pub(super) gauge: Arc<PageGauge>,
    /// Where the pager's clock goes on.
    pub(super) hand: u64,
    /// It was used since the pager last took a page.
    pub(super) ran: bool,
    /// Saved systems whose frames the tables may name: kept alive by this.
    pub(super) systems: Vec<Arc<SavedSystem>>,
    /// The saved system that learns its known write set from this machine.
    teaches: Option<Arc<SavedSystem>>,
    /// Some entry was made since the tables were new.
    used: bool,
}

impl std::fmt::Debug for AddressSpace {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("AddressSpace").field("size", &self.size).field("pages", &self.pages).finish_non_exhaustive()
    }
}

impl AddressSpace {
    /// Where its frames come from.
    pub fn storage(&self) -> &Arc<Storage> {
        &self.storage
    }

    /// Storage of `size` bytes for a new machine.
    ///
    /// # Errors
    /// [`StorageError::Size`] unless it is whole pages between 4 KiB and 512 GiB; [`StorageError::NoFrames`].
    pub fn new(storage: &Arc<Storage>, size: u64) -> Result<Self, StorageError> {
        Self::with_gauge(storage, size, Arc::default())
    }

    /// The same, with its figures shown where an earlier storage of the same machine showed its own.
    ///
    /// # Errors
    /// As [`AddressSpace::new`].
    pub fn with_gauge(storage: &Arc<Storage>, size: u64, gauge: Arc<PageGauge>) -> Result<Self, StorageError> {
        static NEXT: AtomicU64 = AtomicU64::new(1);
        if size == 0 || size > tables::MAX_SIZE || !size.is_multiple_of(abi::PAGE) {
            return Err(StorageError::Size(size));
        }
        let tree = storage.take_tree()?;
        gauge.show(0, 0, 0);
        Ok(Self {
            storage: Arc::clone(storage),
            id: NEXT.fetch_add(1, Ordering::Relaxed),
            size,
            tree,
            pages: Pages::default(),
            gauge,
            hand: 0,
            ran: false,
            systems: Vec::new(),
            teaches: None,
            used: false,
        })
    }

    /// Bytes of storage.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Pages that have a frame of their own.
    pub fn resident_pages(&self) -> u64 {
        self.pages.resident
    }

    /// Where its figures are shown, for as long as it lives.
    pub fn gauge(&self) -> &Arc<PageGauge> {
        &self.gauge
    }

    /// Makes everything read as zero again and unmaps saved systems (IPL, SYSTEM CLEAR).
    ///
    /// # Errors
    /// [`StorageError::NoFrames`] when no page table can be had; the storage is then as it was.
    pub fn clear(&mut self) -> Result<(), StorageError> {
        if self.used {
            let new = self.storage.take_tree()?;
            let old = std::mem::replace(&mut self.tree, new);
            self.storage.retire_tree(old, &self.systems);
            (self.pages, self.used, self.hand) = (Pages::default(), false, 0);
            self.publish();
        }
        self.systems.clear();
        self.stop_teaching();
        Ok(())
    }

    /// Maps a saved system: shared pages as they are, pages of its known write set as copies of the machine's own. What was in
    /// storage from address 0 to the end of its last page is gone.
    ///
    /// # Errors
    /// [`StorageError::TooSmall`], [`StorageError::NoFrames`] or [`StorageError::Host`]; pages may then be mapped in part, and the
    /// machine should be cleared.
    pub fn map_saved_system(&mut self, system: &Arc<SavedSystem>) -> Result<(), StorageError> {
        if system.end() > self.size {
            return Err(StorageError::TooSmall { name: system.name().to_owned(), end: system.end(), size: self.size });
        }
        if self.used && system.end() > 0 {
            // Whole pages: a frame under the last part of the image must not be forgotten.
            self.release(0, system.end().next_multiple_of(abi::PAGE) - 1)?;
        }
        if !self.used
            && let Some(tree) = system.take_tree()
        {
            // This machine's own tree is empty and goes to the next one.
            let own = std::mem::replace(&mut self.tree, tree);
            self.storage.retire_tree(own, &[]);
            self.used = true;
        }
        self.systems.push(Arc::clone(system));
        let (known, learns) = system.known_write_set();
        self.map_known_write_set(system, known)?;
        for (&address, page) in system.pages() {
            if self.page(address) == Page::Untouched {
                self.set(address, Page::Shared { frame: page.frame, copy: page.writable })?;
            }
        }
        self.stop_teaching();
        self.teaches = learns.then(|| Arc::clone(system));
        self.publish();
        Ok(())
    }

    /// Gives the machine its own copies of the pages that it is known to store into.
    fn map_known_write_set(&mut self, system: &SavedSystem, mut known: Vec<u64>) -> Result<(), StorageError> {
        let writable = |page: &u64| system.pages().get(page).is_none_or(|saved| saved.writable);
        known.retain(|page| *page < self.size && writable(page) && !self.page(*page).is_own());
        let frames = self.storage.take_exactly(known.len())?;
        let mut pairs = known.into_iter().zip(frames);
        while let Some((page, frame)) = pairs.next() {
            if let Some(saved) = system.pages().get(&page) {
                self.storage.arena.copy(saved.frame, frame);
            }
            let before = self.page(page);
            let mapped = self.adopt(page, frame).and_then(|()| self.forget(before));
            if mapped.is_err() {
                self.storage.retire(pairs.map(|(_, frame)| frame).collect());
                return mapped;
            }
        }
        Ok(())
    }

    /// The page that `before` described is another one now (rule 2).
    fn forget(&self, before: Page) -> Result<(), StorageError> {
        match before {
            Page::Shared { frame, .. } if self.tree.seen => Ok(self.storage.arena.drop_mappings(frame)?),
            _ => Ok(()),
        }
    }

    /// Makes `address` accessible: the answer to a page fault of the machine. An untouched page gets a zeroed frame, and
    /// so do its untouched neighbours; a store into a shared page that may be copied copies it.
    ///
    /// # Errors
    /// [`AccessError::Addressing`], [`AccessError::Protection`], [`AccessError::NoFrames`], or [`AccessError::Paged`] when the page must be
    /// read from the paging file first.
    pub fn fault(&mut self, address: u64, write: bool) -> Result<(), AccessError> {
        let done = self.make_accessible(address, write);
        self.ran = true;
        self.publish();
        done
    }

    fn make_accessible(&mut self, address: u64, write: bool) -> Result<(), AccessError> {
        if address >= self.size {
            return Err(AccessError::Addressing(address));
        }
        match self.page(address) {
            Page::Private(_) => Ok(()),
            Page::Idle(frame) => {
                self.touch(address, frame);
                Ok(())
            }
            Page::Paged(slot) if self.recall(address, slot) => Ok(()),
            Page::Paged(_) => Err(AccessError::Paged(address)),
            Page::Shared { .. } if !write => Ok(()),
            Page::Shared { copy: false, .. } => Err(AccessError::Protection(address)),
            Page::Shared { frame, copy: true } => self.copy_shared(address, frame),
            Page::Untouched => self.give_zeroed(address),
        }
    }

    /// Copies storage out, as CP sees it. Untouched pages read as zero and stay untouched. Any length, any alignment.
    ///
    /// # Errors
    /// [`AccessError::Addressing`] when any of the bytes is outside the machine's storage; nothing is copied then. [`AccessError::Paged`] when
    /// a page must be read from the paging file first; what is in `into` means nothing then.
    pub fn read(&mut self, address: u64, into: &mut [u8]) -> Result<(), AccessError> {
        self.check(address, into.len())?;
        for (address, piece) in pieces(address, into.len()) {
            let within = (address % abi::PAGE) as usize;
            match self.page(address) {
                Page::Untouched => into[piece].fill(0),
                Page::Paged(_) | Page::Idle(_) => {
                    self.fault(address, false)?;
                    if let Page::Private(frame) = self.page(address) {
                        self.storage.arena.read(frame, within, &mut into[piece]);
                    }
                }
                Page::Private(frame) | Page::Shared { frame, .. } => {
                    self.storage.arena.read(frame, within, &mut into[piece]);
                }
            }
        }
        Ok(())
    }

    /// Copies into storage, as CP does for the machine. Shared pages that may be copied are; the machine sees the new bytes.
    ///
    /// # Errors
    /// As [`AddressSpace::fault`]; nothing is stored then.
    pub fn write(&mut self, address: u64, from: &[u8]) -> Result<(), AccessError> {
        self.check(address, from.len())?;
        for (address, _) in pieces(address, from.len()) {
            self.fault(address, true)?;
        }
        for (address, piece) in pieces(address, from.len()) {
            if let Page::Private(frame) = self.page(address) {
                self.storage.arena.write(frame, (address % abi::PAGE) as usize, &from[piece]);
            }
        }
        Ok(())
    }

    /// The first page from `address` on, rounded down, that anything was ever stored into or mapped at; all before it read as zero.
    pub fn next_touched(&self, address: u64) -> Option<u64> {
        let mut page = address / abi::PAGE;
        while page < self.size / abi::PAGE {
            match self.storage.leaf(&self.tree, page * abi::PAGE) {
                None => page = (page / 512 + 1) * 512,
                Some((table, index)) if Page::decode(self.storage.tables.load(table, index)) == Page::Untouched => page += 1,
                Some(_) => return Some(page * abi::PAGE),
            }
        }
        None
    }

    /// Releases the whole pages between the first and the last address (both included): they read as zero afterwards, those of
    /// a saved system too.
    ///
    /// # Errors
    /// [`StorageError::Host`] when old translations could not be dropped: the machine must then not go on.
    pub fn release(&mut self, first: u64, last: u64) -> Result<(), StorageError> {
        let from = first.div_ceil(abi::PAGE);
        let to = last.min(self.size - 1).checked_add(1).map_or(0, |end| end / abi::PAGE);
        let (mut own, mut shared) = (Vec::new(), Vec::new());
        let mut page = from;
        while page < to {
            let address = page * abi::PAGE;
            let Some((table, index)) = self.storage.leaf(&self.tree, address) else {
                page = (page / 512 + 1) * 512;
                continue;
            };
            let old = Page::decode(self.storage.tables.load(table, index));
            self.storage.tables.store(table, index, 0);
            match old {
                Page::Untouched => {}
                Page::Shared { frame, .. } => shared.push(frame),
                old => {
                    self.uncount(old);
                    own.extend(self.storage.frame_of(old));
                }
            }
            page += 1;
        }
        self.publish();
        let own = self.storage.release_now(own);
        if self.tree.seen {
            for frame in shared {
                self.storage.arena.drop_mappings(frame)?;
            }
        }
        own
    }

    /// A processor is about to run the machine: answers the physical address of its tables. KVM may keep translations from now on.
    pub(crate) fn enter(&mut self) -> u64 {
        self.tree.seen = true;
        self.ran = true;
        tables::root_address(self.tree.root)
    }

    /// The machine ran for so long of guest time: what it is estimated to need follows from that.
    pub fn note_run(&mut self, guest: Duration) {
        self.pages.note_run(guest);
    }

    /// Another machine may go on where this one stops.
    fn stop_teaching(&mut self) {
        if let Some(system) = self.teaches.take() {
            system.teacher_is_gone();
        }
    }

    pub(super) fn check(&self, address: u64, length: usize) -> Result<(), AccessError> {
        match address.checked_add(length as u64) {
            Some(end) if end <= self.size => Ok(()),
            _ => Err(AccessError::Addressing(address.max(self.size))),
        }
    }

    pub(super) fn page(&self, address: u64) -> Page {
        let leaf = self.storage.leaf(&self.tree, address);
        leaf.map_or(Page::Untouched, |(table, index)| Page::decode(self.storage.tables.load(table, index)))
    }

    fn set(&mut self, address: u64, page: Page) -> Result<(), StorageError> {
        self.used = true;
        let (table, index) = self.storage.make_leaf(&mut self.tree, address)?;
        self.storage.tables.store(table, index, page.encode());
        Ok(())
    }

    /// Changes an entry that is there already.
    pub(super) fn set_again(&mut self, address: u64, page: Page) {
        if let Some((table, index)) = self.storage.leaf(&self.tree, address) {
            self.storage.tables.store(table, index, page.encode());
        }
    }

    /// The first page from `from` on, before `end`, that the machine has for itself, wherever it is.
    pub(super) fn next_own_page(&self, from: u64, end: u64) -> Option<(u64, Page)> {
        let mut address = from;
        while address < end {
            let (first, table) = self.storage.next_lower_table(&self.tree, address)?;
            address = address.max(first);
            for index in tables::index(address, 1)..512 {
                let page = Page::decode(self.storage.tables.load(table, index));
                let address = first + index as u64 * abi::PAGE;
                if page.is_own() {
                    return (address < end).then_some((address, page));
                }
            }
            address = first + (512 * abi::PAGE);
        }
        None
    }

    /// A page that the clock unmapped is wanted after all.
    fn touch(&mut self, address: u64, frame: Frame) {
        self.set_again(address, Page::Private(frame));
        self.pages.idle -= 1;
    }

    /// Gets a page back that has not left yet; false when it has.
    pub(super) fn recall(&mut self, address: u64, slot: Slot) -> bool {
        let Some(frame) = self.storage.paging.as_ref().and_then(|paging| paging.recall(slot)) else { return false };
        self.set_again(address, Page::Private(frame));
        self.pages.paged -= 1;
        self.pages.resident += 1;
        true
    }

    /// An own page is given up.
    fn uncount(&mut self, page: Page) {
        match page {
            Page::Private(_) => self.pages.resident -= 1,
            Page::Idle(_) => {
                self.pages.resident -= 1;
                self.pages.idle -= 1;
            }
            Page::Paged(_) => self.pages.paged -= 1,
            Page::Untouched | Page::Shared { .. } => {}
        }
    }

    /// Shows how many pages there are.
    pub(super) fn publish(&self) {
        self.gauge.show(self.pages.resident, self.pages.working_set(), self.pages.paged);
    }

    /// Makes a frame the machine's own page at `address`. The frame is retired when there is no page table for it.
    fn adopt(&mut self, address: u64, frame: Frame) -> Result<(), StorageError> {
        let page = address / abi::PAGE * abi::PAGE;
        self.set(page, Page::Private(frame)).inspect_err(|_| self.storage.retire(vec![frame]))?;
        self.pages.resident += 1;
        if let Some(system) = &self.teaches
            && !system.learn([page])
        {
            self.teaches = None;
        }
        Ok(())
    }

    fn copy_shared(&mut self, address: u64, from: Frame) -> Result<(), AccessError> {
        let frame = self.storage.take_frames(1).map_err(|_| AccessError::NoFrames(address))?[0];
        self.storage.arena.copy(from, frame);
        self.adopt(address, frame).map_err(|_| AccessError::NoFrames(address))?;
        if !self.tree.seen {
            return Ok(());
        }
        self.storage.arena.drop_mappings(from).map_err(|_| AccessError::Host(address))
    }

    fn give_zeroed(&mut self, address: u64) -> Result<(), AccessError> {
        let page = address / abi::PAGE * abi::PAGE;
        let first = page / (FAULT_AROUND * abi::PAGE) * (FAULT_AROUND * abi::PAGE);
        let around = (0..FAULT_AROUND).map(|i| first + i * abi::PAGE);
        let wanted =
            std::iter::once(page).chain(around.filter(|&other| other != page && other < self.size && self.page(other) == Page::Untouched));
        let wanted: Vec<u64> = wanted.collect();
        let frames = self.storage.take_frames(wanted.len()).map_err(|_| AccessError::NoFrames(address))?;
        let mut pairs = wanted.into_iter().zip(frames);
        while let Some((page, frame)) = pairs.next() {
            if self.adopt(page, frame).is_err() {
                self.storage.retire(pairs.map(|(_, frame)| frame).collect());
                return Err(AccessError::NoFrames(address));
            }
        }
        Ok(())
    }
}

impl Drop for AddressSpace {
    fn drop(&mut self) {
        self.stop_teaching();
        let tree = Tree { ..self.tree };
        self.storage.retire_tree(tree, &self.systems);
    }
}

/// Cuts a range at page borders: the address of each piece and where it lies in the whole.
pub(super) fn pieces(address: u64, length: usize) -> impl Iterator<Item = (u64, std::ops::Range<usize>)> {
    let mut done = 0;
    std::iter::from_fn(move || {
        let at = address + done as u64;
        let piece = (length - done).min(FRAME - (at % abi::PAGE) as usize);
        let range = done..done + piece;
        done += piece;
        (piece > 0).then_some((at, range))
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::{SPARE_TABLES, SPARE_TREE_TABLES, SWEEP_BATCH, SWEEP_TREES};
    use super::*;

    const PAGES: u64 = 40;
    const SIZE: u64 = PAGES * abi::PAGE;

    /// What can be done to storage.
    #[derive(Clone, Debug)]
    enum Step {
        Write { address: u64, length: usize, byte: u8 },
        Read { address: u64, length: usize },
        Fault { address: u64, write: bool },
        Release { first: u64, last: u64 },
        Clear,
        Map,
    }

    fn steps() -> impl Strategy<Value = Vec<Step>> {
        let address = || 0..SIZE + 100;
        let length = 0usize..3 * FRAME;
        prop::collection::vec(
            prop_oneof![
                6 => (address(), length.clone(), any::<u8>()).prop_map(|(address, length, byte)| Step::Write { address, length, byte }),
                6 => (address(), length).prop_map(|(address, length)| Step::Read { address, length }),
                4 => (address(), any::<bool>()).prop_map(|(address, write)| Step::Fault { address, write }),
                2 => (address(), address()).prop_map(|(first, last)| Step::Release { first, last }),
                1 => Just(Step::Clear),
                1 => Just(Step::Map),
            ],
            1..40,
        )
    }

    /// The same storage as a plain array.
    struct Model(Vec<u8>);

    impl Model {
        fn range(&self, address: u64, length: usize) -> Option<std::ops::Range<usize>> {
            let end = address as usize + length;
            (end <= self.0.len()).then_some(address as usize..end)
        }

        fn release(&mut self, first: u64, last: u64) {
            let whole = |page: &u64| page * abi::PAGE >= first && (page + 1) * abi::PAGE - 1 <= last;
            for page in (0..PAGES).filter(whole) {
                let at = page as usize * FRAME;
                self.0[at..at + FRAME].fill(0);
            }
        }
    }

    fn saved_bytes() -> Vec<u8> {
        (0..3 * FRAME + 77).map(|at| (at % 251) as u8 + 1).collect()
    }

    proptest! {
        #[test]
        fn storage_behaves_like_an_array(steps in steps()) {
            const ORIGIN: u64 = 5 * abi::PAGE + 123;
            let storage = Storage::new(256).unwrap();
            let system = SavedSystem::from_image(&storage, "MODEL", ORIGIN, &saved_bytes(), ORIGIN).unwrap();
            let mut space = AddressSpace::new(&storage, SIZE).unwrap();
            let mut model = Model(vec![0; SIZE as usize]);
            for step in steps {
                match step {
                    Step::Write { address, length, byte } => {
                        let stored = space.write(address, &vec![byte; length]);
                        match model.range(address, length) {
                            Some(range) => { stored.unwrap(); model.0[range].fill(byte); }
                            None => prop_assert!(matches!(stored, Err(AccessError::Addressing(_)))),
                        }
                    }
                    Step::Read { address, length } => {
                        let resident = space.resident_pages();
                        let mut bytes = vec![0xee; length];
                        let fetched = space.read(address, &mut bytes);
                        match model.range(address, length) {
                            Some(range) => { fetched.unwrap(); prop_assert!(bytes == model.0[range]); }
                            None => prop_assert!(matches!(fetched, Err(AccessError::Addressing(_)))),
                        }
                        prop_assert_eq!(space.resident_pages(), resident, "reading costs no frames");
                    }
                    Step::Fault { address, write } => {
                        let expected = if address < SIZE { Ok(()) } else { Err(AccessError::Addressing(address)) };
                        prop_assert_eq!(space.fault(address, write), expected);
                    }
                    Step::Release { first, last } => {
                        space.release(first, last).unwrap();
                        model.release(first, last);
                    }
                    Step::Clear => {
                        space.clear().unwrap();
                        model.0.fill(0);
                        prop_assert_eq!(space.resident_pages(), 0);
                    }
                    Step::Map => {
                        space.map_saved_system(&system).unwrap();
                        model.0[..(system.end() as usize).next_multiple_of(FRAME)].fill(0);
                        model.0[ORIGIN as usize..system.end() as usize].copy_from_slice(&saved_bytes());
                    }
                }
                prop_assert!(space.resident_pages() <= PAGES);
                prop_assert_eq!(storage.counts().in_use as u64, space.resident_pages());
            }
        }
    }

    #[test]
    fn ranges_that_wrap_around_are_outside() {
        let storage = Storage::new(16).unwrap();
        let mut space = AddressSpace::new(&storage, SIZE).unwrap();
        for (address, length) in [(u64::MAX, 2), (u64::MAX - 10, 4096), (SIZE, 1), (SIZE - 1, 2), (1 << 63, 1)] {
            assert!(matches!(space.read(address, &mut vec![0; length]), Err(AccessError::Addressing(_))));
            assert!(matches!(space.write(address, &vec![0; length]), Err(AccessError::Addressing(_))));
        }
        assert_eq!(space.write(SIZE, &[]), Ok(()), "nothing at the end is inside");
        space.release(u64::MAX - 3, u64::MAX).unwrap();
        space.release(0, u64::MAX).unwrap();
        assert_eq!(storage.counts().in_use, 0);
    }

    #[test]
    fn page_tables_are_kept_for_the_next_machines_but_not_without_end() {
        let storage = Storage::new(200_000).unwrap();
        let mut spaces: Vec<_> = (0..1000).map(|_| AddressSpace::new(&storage, SIZE).unwrap()).collect();
        spaces.iter_mut().for_each(|space| space.write(0, &[1]).unwrap());
        let held = storage.counts().page_tables;
        assert_eq!(held, 4000);
        spaces.truncate(100);
        let spare = storage.counts().spare_tables;
        assert!(spare > 3000, "{:?}", storage.counts());
        spaces.extend((0..500).map(|_| AddressSpace::new(&storage, SIZE).unwrap()));
        assert_eq!(storage.counts().spare_tables, spare - 2000, "a tree comes with its lower tables");
        spaces.clear();
        let mut wide = Vec::new();
        for _ in 0..1600 {
            let mut space = AddressSpace::new(&storage, 64 << 20).unwrap();
            (0..9).for_each(|part| space.fault(part << 21, true).unwrap());
            wide.push(space);
        }
        wide.clear();
        let counts = storage.counts();
        assert!(counts.spare_tables <= SPARE_TABLES + SWEEP_TREES * SPARE_TREE_TABLES, "{counts:?}");
        assert_eq!((counts.in_use, counts.page_tables), (0, 0));
    }

    #[test]
    fn host_memory_returns_when_machines_go() {
        let storage = Storage::new(4096).unwrap();
        let in_host = || storage.arena.host_frames();
        let mut spaces: Vec<_> = (0..10).map(|_| AddressSpace::new(&storage, 1 << 20).unwrap()).collect();
        spaces.iter_mut().for_each(|space| space.write(0, &vec![1; 1 << 20]).unwrap());
        assert_eq!((storage.counts().in_use, in_host()), (2560, 2560));
        spaces.truncate(3);
        let counts = storage.counts();
        assert_eq!(counts.in_use, 768);
        assert_eq!(in_host(), 768 + counts.quarantined);
        assert!(counts.quarantined < SWEEP_BATCH);
    }
}
