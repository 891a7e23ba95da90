//! Taking frames from a machine.

use std::sync::Arc;

use super::super::frames::{FRAME, Frame, runs};
use super::super::gauge::PageGauge;
use super::super::tables::Page;
use super::super::{AddressSpace, Storage, StorageError, lock};
use super::{PagingError, Slot, add, content, offset, stretches};

/// Pages that the clock looks at for each one it may take: what a hot machine is slowed down by in one go.
const LOOKS: usize = 4;

/// Which pages may be taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Steal {
    /// Any: the machine waits for something that may take long, and has stopped needing them.
    Dormant,
    /// Any, though it needs them.
    Any,
    /// Those that it did not touch since the clock passed them last. The others are unmapped and keep their frames; a touch maps them again. Accessed
    /// bits are not believed: a host that keeps shadows of our tables sets them once and not again.
    Untouched,
}

/// A page on its way to the paging file.
struct Leaving {
    address: u64,
    slot: Slot,
}

/// Pages that were taken from a machine and are to be written. Their slots are pinned for as long as this value lives.
#[must_use = "the pages are to be written, or taken back"]
pub struct Outgoing {
    storage: Arc<Storage>,
    gauge: Arc<PageGauge>,
    /// By slot.
    pages: Vec<Leaving>,
    bytes: Vec<u8>,
    dropped: usize,
    full: bool,
}

/// An own page that may be taken.
struct Victim {
    address: u64,
    page: Page,
    frame: Frame,
}

impl AddressSpace {
    /// Takes up to `most` pages that have frames, but leaves the machine `keep` of them. Pages of zeros are dropped at once, the others
    /// are to be written. Does not block.
    ///
    /// # Errors
    /// [`StorageError::Host`] when old translations could not be dropped; the pages are then still the machine's.
    pub fn page_out(&mut self, most: usize, keep: u64, steal: Steal) -> Result<Outgoing, StorageError> {
        let mut outgoing = Outgoing {
            storage: Arc::clone(&self.storage),
            gauge: Arc::clone(&self.gauge),
            pages: Vec::new(),
            bytes: Vec::new(),
            dropped: 0,
            full: false,
        };
        let room = self.pages.resident.saturating_sub(keep).min(most as u64) as usize;
        if self.storage.paging.is_none() || room == 0 {
            return Ok(outgoing);
        }
        if std::mem::take(&mut self.ran) {
            self.pages.note_need(steal == Steal::Dormant);
        }
        let victims = self.choose(room, steal)?;
        let leaving = self.drop_zero_pages(victims, &mut outgoing)?;
        self.detach(leaving, &mut outgoing)?;
        if steal != Steal::Dormant {
            self.pages.note_loss((outgoing.pages.len() + outgoing.dropped) as u64);
        }
        self.publish();
        Ok(outgoing)
    }

    /// The clock: goes on where it stopped, at most once around.
    fn choose(&mut self, most: usize, steal: Steal) -> Result<Vec<Victim>, StorageError> {
        let (mut victims, mut passed) = (Vec::new(), Vec::new());
        let (from, size) = (self.hand, self.size());
        let mut at = from;
        let mut around = false;
        while victims.len() < most && passed.len() < most * LOOKS {
            let end = if around { from } else { size };
            let Some((address, page)) = self.next_own_page(at, end) else {
                if around {
                    at = from;
                    break;
                }
                (around, at) = (true, 0);
                continue;
            };
            at = address + abi::PAGE;
            match page {
                Page::Private(frame) | Page::Idle(frame) if self.storage.pins.holds(frame) => {}
                Page::Private(frame) if steal == Steal::Untouched => passed.push((address, frame)),
                Page::Private(frame) | Page::Idle(frame) => victims.push(Victim { address, page, frame }),
                _ => {}
            }
        }
        self.hand = if at < size { at } else { 0 };
        self.pass_by(passed)?;
        Ok(victims)
    }

    /// Unmaps pages so that a touch shows.
    fn pass_by(&mut self, pages: Vec<(u64, Frame)>) -> Result<(), StorageError> {
        for &(address, frame) in &pages {
            self.set_again(address, Page::Idle(frame));
        }
        self.pages.idle += pages.len() as u64;
        self.drop_mappings(pages.into_iter().map(|(_, frame)| frame).collect())
    }

    fn drop_mappings(&self, mut frames: Vec<Frame>) -> Result<(), StorageError> {
        if self.tree.seen {
            for run in runs(&mut frames) {
                self.storage.arena.drop_run(run)?;
            }
        }
        Ok(())
    }

    /// Copies the pages aside. Those that are all zero are untouched pages again; answers the others.
    fn drop_zero_pages(&mut self, victims: Vec<Victim>, outgoing: &mut Outgoing) -> Result<Vec<Victim>, StorageError> {
        let mut zero = Vec::new();
        let mut others = Vec::with_capacity(victims.len());
        outgoing.bytes = vec![0; victims.len() * FRAME];
        for victim in victims {
            let at = others.len() * FRAME;
            let bytes = &mut outgoing.bytes[at..at + FRAME];
            self.storage.arena.read(victim.frame, 0, bytes);
            if bytes.iter().all(|&byte| byte == 0) {
                zero.push(victim.frame);
                self.forget_resident(&victim);
                self.set_again(victim.address, Page::Untouched);
            } else {
                others.push(victim);
            }
        }
        outgoing.dropped = zero.len();
        if let Some(paging) = &self.storage.paging {
            add(&paging.moved.zero_pages, zero.len());
        }
        self.storage.release_now(zero)?;
        Ok(others)
    }

    fn forget_resident(&mut self, victim: &Victim) {
        self.pages.resident -= 1;
        self.pages.idle -= u64::from(matches!(victim.page, Page::Idle(_)));
    }

    /// The pages get slots in place of their frames, which stay until the pages are written.
    fn detach(&mut self, mut victims: Vec<Victim>, outgoing: &mut Outgoing) -> Result<(), StorageError> {
        let storage = Arc::clone(&self.storage);
        let Some(paging) = &storage.paging else { return Ok(()) };
        let taken = lock(&paging.slots).take(victims.len());
        outgoing.full = taken.len() < victims.len();
        victims.truncate(taken.len());
        for (victim, &slot) in victims.iter().zip(&taken) {
            self.set_again(victim.address, Page::Paged(slot));
        }
        if let Err(error) = self.drop_mappings(victims.iter().map(|victim| victim.frame).collect()) {
            for victim in &victims {
                self.set_again(victim.address, victim.page);
            }
            lock(&paging.slots).give_back(taken);
            return Err(error);
        }
        {
            let mut slots = lock(&paging.slots);
            for ((victim, &slot), bytes) in victims.iter().zip(&taken).zip(outgoing.bytes.chunks_exact(FRAME)) {
                slots.begin_leaving(slot, content(bytes, self.id, victim.address), victim.frame);
            }
        }
        self.pages.paged += victims.len() as u64;
        victims.iter().for_each(|victim| self.forget_resident(victim));
        outgoing.pages = victims.iter().zip(taken).map(|(victim, slot)| Leaving { address: victim.address, slot }).collect();
        Ok(())
    }

    /// Pages that could not be written are the machine's again.
    pub fn take_back(&mut self, outgoing: Outgoing) {
        for page in &outgoing.pages {
            if self.page(page.address) == Page::Paged(page.slot) {
                self.recall(page.address, page.slot);
            }
        }
        self.publish();
    }

    /// Takes up to `most` pages of any kind at once and waits for the host's disk. For tests and benchmarks: whoever holds a machine's lock must
    /// not.
    ///
    /// # Errors
    /// [`PagingError`]; the pages are then as they were.
    pub fn page_out_now(&mut self, most: usize) -> Result<usize, PagingError> {
        let host = |source| PagingError::Host { what: "written", source };
        let mut outgoing = self.page_out(most, 0, Steal::Dormant).map_err(|error| host(std::io::Error::other(error)))?;
        match outgoing.write() {
            Ok(freed) => Ok(freed),
            Err(error) => {
                self.take_back(outgoing);
                Err(error)
            }
        }
    }
}

impl Outgoing {
    /// There were fewer slots than pages.
    pub fn found_no_slots(&self) -> bool {
        self.full
    }

    /// Writes the pages; their frames are free then. Answers how many frames that makes, those of zero pages with them. Blocks.
    ///
    /// # Errors
    /// [`PagingError::Host`]: the pages that are left are to be taken back.
    pub fn write(&mut self) -> Result<usize, PagingError> {
        let mut freed = std::mem::take(&mut self.dropped);
        let Some(paging) = &self.storage.paging else { return Ok(freed) };
        let stretches = stretches(self.pages.iter().map(|page| page.slot));
        let (mut done, mut outcome) = (0, Ok(()));
        for stretch in stretches {
            let bytes = &self.bytes[stretch.start * FRAME..stretch.end * FRAME];
            if let Err(source) = paging.file.write_at(bytes, offset(self.pages[stretch.start].slot)) {
                add(&paging.moved.write_errors, 1);
                outcome = Err(PagingError::Host { what: "written", source });
                break;
            }
            done = stretch.end;
        }
        let written: Vec<Slot> = self.pages.drain(..done).map(|page| page.slot).collect();
        self.bytes.drain(..done * FRAME);
        add(&paging.moved.writes, done);
        self.gauge.count_writes(done as u64);
        let frames: Vec<Frame> = {
            let mut slots = lock(&paging.slots);
            written.into_iter().filter_map(|slot| slots.written(slot)).collect()
        };
        freed += frames.len();
        if let Err(error) = self.storage.release_now(frames) {
            tracing::warn!(%error, "Frames of pages that were paged out stay retired");
        }
        outcome.map(|()| freed)
    }
}

impl Drop for Outgoing {
    fn drop(&mut self) {
        if let Some(paging) = &self.storage.paging {
            let mut slots = lock(&paging.slots);
            self.pages.iter().for_each(|page| slots.unpin(page.slot));
        }
    }
}
