//! The paging space: where pages go when there are more of them than frames. Mechanism only; who pages whom out, and when, is
//! [`crate::paging`]'s to say.
//!
//! A transfer is in three steps, so that nobody's lock is held while the host's disk works:
//!
//! ```text
//!   out   AddressSpace::page_out   machine's lock   entry -> slot, mappings dropped, bytes copied aside, zero pages just dropped
//!         Outgoing::write          no lock          bytes to the file; then the frames are punched and free
//!         AddressSpace::take_back  machine's lock   only when the write failed: the pages are as they were
//!
//!   in    AddressSpace::page_in    machine's lock   which slots to read: the page's, and those that went out with it
//!         Incoming::read           no lock          frames taken, bytes read and checked
//!         AddressSpace::arrive     machine's lock   entries -> frames, slots let go
//! ```
//!
//! Between `page_out` and the end of `write` a page has both a slot and its frame; a machine that touches it then gets the frame back at
//! once. A slot that is being read or written is *pinned* (`slots`), so what `arrive` finds under an entry that still names the slot is what was
//! read from it.
//!
//! Every page carries a CRC over its bytes, its owner and its place, kept in CP's memory: a page that comes back damaged, torn, or as
//! another's is an error of that machine and of no other.

mod back;
mod file;
mod out;
mod slots;
#[cfg(test)]
mod tests;

use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use super::frames::{FRAME, runs};
use super::lock;
use slots::{Content, Slots};

pub use back::Incoming;
pub use file::{HostFile, PageFile};
pub use out::{Outgoing, Steal};
pub use slots::Slot;

/// Why pages could not be moved.
#[derive(Debug, thiserror::Error)]
pub enum PagingError {
    /// There is no paging file.
    #[error("there is no paging file")]
    None,
    /// Every slot holds a page.
    #[error("the paging file is full")]
    Full,
    /// There is no frame to read into.
    #[error("no frame is free")]
    NoFrames,
    /// The host refused.
    #[error("the paging file cannot be {what}: {source}")]
    Host {
        /// `read` or `written`.
        what: &'static str,
        /// What the host said.
        #[source]
        source: std::io::Error,
    },
    /// What came back is not what went out.
    #[error("the paging file is damaged")]
    Damaged,
}

/// How the paging space is used and what was moved. Pages and slots of 4 KiB, since the start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct PagingFigures {
    /// Frames for machines in all.
    pub frames: usize,
    /// Frames that are free or will be in a moment.
    pub available: usize,
    /// CP pages out when fewer are available than this...
    pub low: usize,
    /// ...until this many are.
    pub high: usize,
    /// Slots in all; 0 without a paging file.
    pub slots: usize,
    /// Slots that hold pages.
    pub slots_used: usize,
    /// The most slots that were used at a time, nearly.
    pub slots_high: usize,
    /// Pages read.
    pub reads: u64,
    /// Pages written.
    pub writes: u64,
    /// Pages of zeros that were dropped instead of written.
    pub zero_pages: u64,
    /// Pages that were wanted back before they had left.
    pub reclaimed: u64,
    /// Reads that failed.
    pub read_errors: u64,
    /// Writes that failed.
    pub write_errors: u64,
}

impl PagingFigures {
    /// Frames that are wanted and not there: above 0 while there is pressure on storage.
    pub fn short(&self) -> usize {
        self.low.saturating_sub(self.available)
    }
}

/// What was moved.
#[derive(Default)]
struct Moved {
    reads: AtomicU64,
    writes: AtomicU64,
    zero_pages: AtomicU64,
    reclaimed: AtomicU64,
    read_errors: AtomicU64,
    write_errors: AtomicU64,
}

fn add(counter: &AtomicU64, pages: usize) {
    counter.fetch_add(pages as u64, Ordering::Relaxed);
}

/// The paging file with its slots.
pub struct PagingSpace {
    file: Box<dyn PageFile>,
    slots: Mutex<Slots>,
    moved: Moved,
}

impl PagingSpace {
    /// A paging space of `bytes` bytes in this file, at most 16 TiB of which is used.
    pub fn new(file: Box<dyn PageFile>, bytes: u64) -> Self {
        let count = u32::try_from(bytes / abi::PAGE).unwrap_or(u32::MAX);
        Self { file, slots: Mutex::new(Slots::new(count)), moved: Moved::default() }
    }

    pub(super) fn recall(&self, slot: Slot) -> Option<super::Frame> {
        let frame = lock(&self.slots).recall(slot);
        if frame.is_some() {
            add(&self.moved.reclaimed, 1);
        }
        frame
    }

    pub(super) fn discard(&self, slot: Slot) -> Option<super::Frame> {
        lock(&self.slots).discard(slot)
    }

    /// Gives the room of slots that nobody uses back to the host, and the slots to whoever wants them next. May block.
    pub(super) fn tidy(&self) {
        let mut freed = lock(&self.slots).take_freed();
        for run in runs(&mut freed) {
            let punched = self.file.punch(run.first.offset() as u64, u64::from(run.count) * abi::PAGE);
            if let Err(error) = punched {
                // The room stays taken until the slots are written again; nobody reads them before.
                tracing::debug!(%error, slots = run.count, "Slots of the paging file were not punched");
            }
        }
        lock(&self.slots).punched(freed);
    }

    pub(super) fn add_to(&self, figures: &mut PagingFigures) {
        (figures.slots, figures.slots_used, figures.slots_high) = lock(&self.slots).counts();
        let of = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        let moved = &self.moved;
        (figures.reads, figures.writes) = (of(&moved.reads), of(&moved.writes));
        (figures.zero_pages, figures.reclaimed) = (of(&moved.zero_pages), of(&moved.reclaimed));
        (figures.read_errors, figures.write_errors) = (of(&moved.read_errors), of(&moved.write_errors));
    }
}

/// What the bytes of a page of this space must add up to.
fn check(bytes: &[u8], space: u64, page: u32) -> u32 {
    debug_assert_eq!(bytes.len(), FRAME);
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(bytes);
    hasher.update(&space.to_le_bytes());
    hasher.update(&page.to_le_bytes());
    hasher.finalize()
}

fn content(bytes: &[u8], space: u64, address: u64) -> Content {
    let page = (address / abi::PAGE) as u32; // A machine has at most 2^27 pages.
    Content { space, page, check: check(bytes, space, page) }
}

/// Splits slots in ascending order into stretches that lie together: index of the first and how many.
fn stretches(slots: impl Iterator<Item = Slot>) -> Vec<std::ops::Range<usize>> {
    let mut found: Vec<std::ops::Range<usize>> = Vec::new();
    let mut before = None;
    for (index, slot) in slots.enumerate() {
        match found.last_mut() {
            Some(last) if before == slot.0.checked_sub(1) => last.end = index + 1,
            _ => found.push(index..index + 1),
        }
        before = Some(slot.0);
    }
    found
}

fn offset(slot: Slot) -> u64 {
    u64::from(slot.0) * abi::PAGE
}

#[cfg(test)]
mod arithmetic {
    use super::*;

    #[test]
    fn slots_that_lie_together_are_moved_together() {
        let of = |slots: &[u32]| stretches(slots.iter().copied().map(Slot));
        assert_eq!(of(&[0, 1, 2, 5, 6, 9]), [0..3, 3..5, 5..6]);
        assert!(of(&[]).is_empty());
    }

    #[test]
    fn a_page_adds_up_to_something_else_elsewhere() {
        let bytes = [1; FRAME];
        assert_ne!(check(&bytes, 1, 1), check(&bytes, 1, 2));
        assert_ne!(check(&bytes, 1, 1), check(&bytes, 2, 1));
    }
}
