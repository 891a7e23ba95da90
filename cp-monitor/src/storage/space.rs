//! One machine's storage: its page tables, its private frames and the saved system it maps.

use std::sync::Arc;

use super::frames::{FRAME, Frame};
use super::tables::{self, Page};
use super::{AccessError, SavedSystem, Storage, StorageError, Tree};

/// Pages around a fault that are given together: a fault through CP costs far more than zeroing a page.
const FAULT_AROUND: u64 = 4;

/// One machine's storage: addresses 0 to `size`, every byte zero until it is stored into.
///
/// Owned by its machine; whoever runs the machine holds it exclusively, so nothing here changes while guest code runs.
pub struct AddressSpace {
    storage: Arc<Storage>,
    size: u64,
    tree: Tree,
    resident: u64,
    /// Saved systems whose frames the tables may name: kept alive by this.
    systems: Vec<Arc<SavedSystem>>,
    /// The saved system that learns its known write set from this machine.
    teaches: Option<Arc<SavedSystem>>,
    /// Some entry was made since the tables were new.
    used: bool,
    /// No processor has run with these tables, so no translation was derived from them.
    fresh: bool,
    /// The processor that ran the machine last, and 0 for none.
    last_processor: u64,
}

impl std::fmt::Debug for AddressSpace {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("AddressSpace")
            .field("size", &self.size)
            .field("resident", &self.resident)
            .finish_non_exhaustive()
    }
}

impl AddressSpace {
    /// Storage of `size` bytes for a new machine.
    ///
    /// # Errors
    /// [`StorageError::Size`] unless it is whole pages between 4 KiB and 512 GiB; [`StorageError::NoFrames`].
    pub fn new(storage: &Arc<Storage>, size: u64) -> Result<Self, StorageError> {
        if size == 0 || size > tables::MAX_SIZE || !size.is_multiple_of(abi::PAGE) {
            return Err(StorageError::Size(size));
        }
        Ok(Self {
            storage: Arc::clone(storage),
            size,
            tree: storage.take_tree()?,
            resident: 0,
            systems: Vec::new(),
            teaches: None,
            used: false,
            fresh: true,
            last_processor: 0,
        })
    }

    /// Bytes of storage.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Pages that have a frame of their own.
    pub fn resident_pages(&self) -> u64 {
        self.resident
    }

    /// Makes everything read as zero again and unmaps saved systems (IPL, SYSTEM CLEAR).
    ///
    /// # Errors
    /// [`StorageError::NoFrames`] when no page table can be had; the storage is then as it was.
    pub fn clear(&mut self) -> Result<(), StorageError> {
        if self.used {
            let new = self.storage.take_tree()?;
            let old = std::mem::replace(&mut self.tree, new);
            self.storage.retire_tree(&old);
            (self.resident, self.used, self.fresh) = (0, false, true);
        }
        self.systems.clear();
        self.teaches = None;
        Ok(())
    }

    /// Maps a saved system: shared pages as they are, pages of its known write set as copies of the machine's own.
    ///
    /// # Errors
    /// [`StorageError::TooSmall`], [`StorageError::NoFrames`] or [`StorageError::Host`]; pages may then be mapped in part, and the
    /// machine should be cleared.
    pub fn map_saved_system(&mut self, system: &Arc<SavedSystem>) -> Result<(), StorageError> {
        if system.end() > self.size {
            return Err(StorageError::TooSmall {
                name: system.name().to_owned(),
                end: system.end(),
                size: self.size,
            });
        }
        if self.used && system.end() > 0 {
            self.release(0, system.end() - 1)?;
        }
        self.systems.push(Arc::clone(system));
        for (&address, page) in system.pages() {
            let shared = Page::Shared {
                frame: page.frame,
                copy: page.writable,
            };
            self.set(address, shared)?;
        }
        let (mut known, learns) = system.known_write_set();
        known.retain(|&page| {
            page < self.size
                && !matches!(
                    self.page(page),
                    Page::Shared { copy: false, .. } | Page::Private(_)
                )
        });
        let frames = self.storage.take_exactly(known.len())?;
        let mut pairs = known.into_iter().zip(frames);
        while let Some((page, frame)) = pairs.next() {
            if let Page::Shared { frame: from, .. } = self.page(page) {
                self.storage.arena.copy(from, frame);
            }
            self.adopt(page, frame).inspect_err(|_| {
                self.storage
                    .retire(pairs.by_ref().map(|(_, frame)| frame).collect())
            })?;
        }
        self.teaches = learns.then(|| Arc::clone(system));
        Ok(())
    }

    /// Makes `address` accessible: the answer to a page fault of the machine. An untouched page gets a zeroed frame, and
    /// so do its untouched neighbours; a store into a shared page that may be copied copies it.
    ///
    /// # Errors
    /// [`AccessError::Addressing`], [`AccessError::Protection`] or [`AccessError::NoFrames`].
    pub fn fault(&mut self, address: u64, write: bool) -> Result<(), AccessError> {
        if address >= self.size {
            return Err(AccessError::Addressing(address));
        }
        match self.page(address) {
            Page::Private(_) => Ok(()),
            Page::Shared { .. } if !write => Ok(()),
            Page::Shared { copy: false, .. } => Err(AccessError::Protection(address)),
            Page::Shared { frame, copy: true } => self.copy_shared(address, frame),
            Page::Untouched => self.give_zeroed(address),
        }
    }

    /// Copies storage out, as CP sees it. Untouched pages read as zero and stay untouched. Any length, any alignment.
    ///
    /// # Errors
    /// [`AccessError::Addressing`] when any of the bytes is outside the machine's storage; nothing is copied then.
    pub fn read(&mut self, address: u64, into: &mut [u8]) -> Result<(), AccessError> {
        self.check(address, into.len())?;
        for (address, piece) in pieces(address, into.len()) {
            let within = (address % abi::PAGE) as usize;
            match self.page(address) {
                Page::Untouched => into[piece].fill(0),
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
            let before = self.page(address);
            self.fault(address, true)?;
            if let (Page::Shared { frame, .. }, false) = (before, self.fresh) {
                // Rule 3: the machine may still read the shared frame through an old translation.
                self.storage
                    .arena
                    .drop_mappings(frame)
                    .map_err(|_| AccessError::Host(address))?;
            }
        }
        for (address, piece) in pieces(address, from.len()) {
            if let Page::Private(frame) = self.page(address) {
                self.storage
                    .arena
                    .write(frame, (address % abi::PAGE) as usize, &from[piece]);
            }
        }
        Ok(())
    }

    /// Releases the whole pages between the first and the last address (both included): they read as zero afterwards, those of
    /// a saved system too.
    ///
    /// # Errors
    /// [`StorageError::Host`] when old translations could not be dropped: the machine must then not go on.
    pub fn release(&mut self, first: u64, last: u64) -> Result<(), StorageError> {
        let from = first.div_ceil(abi::PAGE);
        let to = last
            .min(self.size - 1)
            .checked_add(1)
            .map_or(0, |end| end / abi::PAGE);
        let (mut private, mut shared) = (Vec::new(), Vec::new());
        let mut page = from;
        while page < to {
            let address = page * abi::PAGE;
            let Some((table, index)) = self.storage.leaf(&self.tree, address) else {
                page = (page / 512 + 1) * 512;
                continue;
            };
            match Page::decode(self.storage.tables.load(table, index)) {
                Page::Untouched => {}
                Page::Private(frame) => private.push(frame),
                Page::Shared { frame, .. } => shared.push(frame),
            }
            self.storage.tables.store(table, index, 0);
            page += 1;
        }
        self.resident -= private.len() as u64;
        let private = self.storage.release_now(private);
        if !self.fresh {
            for frame in shared {
                self.storage.arena.drop_mappings(frame)?;
            }
        }
        private
    }

    /// A processor (`processor` is its number, not 0) is about to run the machine: answers the physical address of its tables and whether
    /// translations which that processor kept from an earlier run may be out of date (rule 2).
    pub(crate) fn enter(&mut self, processor: u64) -> (u64, bool) {
        let elsewhere = self.last_processor != processor;
        self.last_processor = processor;
        self.fresh = false;
        (tables::root_address(self.tree.root), elsewhere)
    }

    fn check(&self, address: u64, length: usize) -> Result<(), AccessError> {
        match address.checked_add(length as u64) {
            Some(end) if end <= self.size => Ok(()),
            _ => Err(AccessError::Addressing(address.max(self.size))),
        }
    }

    fn page(&self, address: u64) -> Page {
        let leaf = self.storage.leaf(&self.tree, address);
        leaf.map_or(Page::Untouched, |(table, index)| {
            Page::decode(self.storage.tables.load(table, index))
        })
    }

    fn set(&mut self, address: u64, page: Page) -> Result<(), StorageError> {
        self.used = true;
        let (table, index) = self.storage.make_leaf(&self.tree, address)?;
        self.storage.tables.store(table, index, page.encode());
        Ok(())
    }

    /// Makes a frame the machine's own page at `address`. The frame is retired when there is no page table for it.
    fn adopt(&mut self, address: u64, frame: Frame) -> Result<(), StorageError> {
        let page = address / abi::PAGE * abi::PAGE;
        self.set(page, Page::Private(frame))
            .inspect_err(|_| self.storage.retire(vec![frame]))?;
        self.resident += 1;
        if let Some(system) = &self.teaches
            && !system.learn([page])
        {
            self.teaches = None;
        }
        Ok(())
    }

    fn copy_shared(&mut self, address: u64, from: Frame) -> Result<(), AccessError> {
        let frame = self
            .storage
            .take_frames(1)
            .map_err(|_| AccessError::NoFrames)?[0];
        self.storage.arena.copy(from, frame);
        self.adopt(address, frame)
            .map_err(|_| AccessError::NoFrames)
    }

    fn give_zeroed(&mut self, address: u64) -> Result<(), AccessError> {
        let page = address / abi::PAGE * abi::PAGE;
        let first = page / (FAULT_AROUND * abi::PAGE) * (FAULT_AROUND * abi::PAGE);
        let around = (0..FAULT_AROUND).map(|i| first + i * abi::PAGE);
        let wanted = std::iter::once(page).chain(around.filter(|&other| {
            other != page && other < self.size && self.page(other) == Page::Untouched
        }));
        let wanted: Vec<u64> = wanted.collect();
        let frames = self
            .storage
            .take_frames(wanted.len())
            .map_err(|_| AccessError::NoFrames)?;
        let mut pairs = wanted.into_iter().zip(frames);
        while let Some((page, frame)) = pairs.next() {
            if self.adopt(page, frame).is_err() {
                self.storage.retire(pairs.map(|(_, frame)| frame).collect());
                return Err(AccessError::NoFrames);
            }
        }
        Ok(())
    }
}

impl Drop for AddressSpace {
    fn drop(&mut self) {
        self.storage.retire_tree(&self.tree);
    }
}

/// Cuts a range at page borders: the address of each piece and where it lies in the whole.
fn pieces(address: u64, length: usize) -> impl Iterator<Item = (u64, std::ops::Range<usize>)> {
    let mut done = 0;
    std::iter::from_fn(move || {
        let at = address + done as u64;
        let piece = (length - done).min(FRAME - (at % abi::PAGE) as usize);
        let range = done..done + piece;
        done += piece;
        (piece > 0).then_some((at, range))
    })
}
