//! Bringing pages back.

use std::sync::Arc;

use super::super::frames::{FRAME, Frame};
use super::super::gauge::PageGauge;
use super::super::tables::Page;
use super::super::{AddressSpace, Storage, lock};
use super::slots::Content;
use super::{PagingError, PagingSpace, Slot, add, content, offset, stretches};

/// Pages around the wanted one that come back with it, on either side, for a machine that wakes up: what went out together is mostly
/// wanted together, and a page fault costs more than reading a page that is near.
const AT_WAKE_UP: u32 = 16;
/// The same for a machine that has most of what it needs.
const ELSEWHERE: u32 = 3;

/// A page to be read.
struct Wanted {
    address: u64,
    slot: Slot,
    /// What its bytes must add up to.
    check: u32,
    /// Where its bytes are, once they are read.
    frame: Option<Frame>,
}

/// Pages of one machine that are to be read, the one that is needed first. Their slots are pinned for as long as this value lives.
#[must_use = "the pages are to be read and to arrive"]
pub struct Incoming {
    storage: Arc<Storage>,
    gauge: Arc<PageGauge>,
    space: u64,
    pages: Vec<Wanted>,
}

impl AddressSpace {
    /// What is to be read for `address`: nothing when its page is not on the paging file. One that has not left yet is the machine's again.
    pub fn page_in(&mut self, address: u64) -> Option<Incoming> {
        let storage = Arc::clone(&self.storage);
        let paging = storage.paging.as_ref()?;
        let Page::Paged(slot) = self.page(address) else { return None };
        // Whoever asks may have found the page gone some time ago. It can have come back and been taken again since: its slot is then
        // still to be written.
        if self.recall(address, slot) {
            self.publish();
            return None;
        }
        let wakes_up = self.pages.resident * 2 < self.pages.working_set();
        let around = if wakes_up { AT_WAKE_UP } else { ELSEWHERE };
        let mut slots = lock(&paging.slots);
        let wanted = |(slot, held): (Slot, Content)| Wanted { address: held.address(), slot, check: held.check, frame: None };
        let near = slots.neighbours(slot, around).into_iter().map(wanted).filter(|page| self.page(page.address) == Page::Paged(page.slot));
        let pages: Vec<Wanted> = std::iter::once(wanted((slot, slots.content(slot)))).chain(near).collect();
        pages.iter().for_each(|page| slots.pin(page.slot));
        drop(slots);
        Some(Incoming { storage, gauge: Arc::clone(&self.gauge), space: self.id, pages })
    }

    /// The pages that were read are the machine's, unless they came back another way or were given up meanwhile.
    pub fn arrive(&mut self, mut incoming: Incoming) {
        let storage = Arc::clone(&self.storage);
        let Some(paging) = &storage.paging else { return };
        for page in &mut incoming.pages {
            if page.frame.is_none() || self.id != incoming.space || self.page(page.address) != Page::Paged(page.slot) {
                continue;
            }
            let Some(frame) = page.frame.take() else { continue };
            self.set_again(page.address, Page::Private(frame));
            // It was written long ago: no frame comes with it.
            paging.discard(page.slot);
            self.pages.paged -= 1;
            self.pages.resident += 1;
        }
        self.publish();
        storage.ring();
    }

    /// Brings one page back and waits for the host's disk. For tests and benchmarks: whoever holds a machine's lock must not.
    ///
    /// # Errors
    /// [`PagingError`]; the page is then still on the paging file.
    pub fn page_in_now(&mut self, address: u64) -> Result<(), PagingError> {
        let Some(mut incoming) = self.page_in(address) else { return Ok(()) };
        incoming.read()?;
        self.arrive(incoming);
        Ok(())
    }
}

impl Incoming {
    /// How many pages they are.
    pub fn pages(&self) -> usize {
        self.pages.len()
    }

    /// Reads the pages, as many as there are frames for. Blocks.
    ///
    /// # Errors
    /// [`PagingError`], about the page that is needed; trouble with one that only came along is left for when it is.
    pub fn read(&mut self) -> Result<(), PagingError> {
        let storage = Arc::clone(&self.storage);
        let paging = storage.paging.as_ref().ok_or(PagingError::None)?;
        let mut frames = storage.take_frames(self.pages.len()).map_err(|_| PagingError::NoFrames)?;
        let needed = self.pages[0].slot;
        self.cut_to(frames.len(), paging);
        self.pages.sort_unstable_by_key(|page| page.slot);
        let mut outcome = Ok(());
        for stretch in stretches(self.pages.iter().map(|page| page.slot)) {
            let pages = &mut self.pages[stretch];
            if let Err(error) = read_stretch(&storage, paging, self.space, pages, &mut frames, needed) {
                outcome = Err(error);
            }
        }
        storage.retire(frames);
        let read = self.pages.iter().filter(|page| page.frame.is_some()).count();
        add(&paging.moved.reads, read);
        self.gauge.count_reads(read as u64);
        if outcome.is_err() {
            add(&paging.moved.read_errors, 1);
        }
        outcome
    }

    fn cut_to(&mut self, count: usize, paging: &PagingSpace) {
        let mut slots = lock(&paging.slots);
        self.pages.drain(count..).for_each(|page| slots.unpin(page.slot));
    }
}

/// Reads pages that lie together. Fails only for the one that is `needed`.
fn read_stretch(
    storage: &Storage,
    paging: &PagingSpace,
    space: u64,
    pages: &mut [Wanted],
    frames: &mut Vec<Frame>,
    needed: Slot,
) -> Result<(), PagingError> {
    let is_needed = |page: &Wanted| page.slot == needed;
    let mut bytes = vec![0; pages.len() * FRAME];
    if let Err(source) = paging.file.read_at(&mut bytes, offset(pages[0].slot)) {
        // Perhaps only a page that came along is the trouble.
        let alone = pages.len() == 1;
        return match pages.iter_mut().find(|page| is_needed(page)) {
            None => Ok(()),
            Some(_) if alone => Err(PagingError::Host { what: "read", source }),
            Some(page) => read_stretch(storage, paging, space, std::slice::from_mut(page), frames, needed),
        };
    }
    for (page, bytes) in pages.iter_mut().zip(bytes.chunks_exact(FRAME)) {
        if content(bytes, space, page.address).check != page.check {
            if is_needed(page) {
                return Err(PagingError::Damaged);
            }
            continue;
        }
        let Some(frame) = frames.pop() else { break };
        storage.arena.write(frame, 0, bytes);
        page.frame = Some(frame);
    }
    Ok(())
}

impl Drop for Incoming {
    fn drop(&mut self) {
        if let Some(paging) = &self.storage.paging {
            let mut slots = lock(&paging.slots);
            self.pages.iter().for_each(|page| slots.unpin(page.slot));
        }
        let frames: Vec<Frame> = self.pages.iter_mut().filter_map(|page| page.frame.take()).collect();
        if !frames.is_empty() {
            self.storage.retire(frames);
        }
    }
}
