//! Which slots of the paging file are taken, whose pages they hold, and which are being moved. Pure bookkeeping.
//!
//! ```text
//!   free ── take ──> leaving (content still in its frame) ── written ──> on the file ── let_go ──> freed ── punched ──> free
//!                        '──────── recall, discard ─────────────────────────────────────────────────^
//! ```
//!
//! A slot is *pinned* while its bytes are being written or read without anybody's lock. One that is let go meanwhile becomes free only when the
//! last pin is gone, so a slot never gets a second owner while a transfer of the first is under way.

use std::collections::HashMap;

use super::super::frames::{Frame, FreeMap};

/// The number of a slot: a page's place in the paging file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Slot(pub(crate) u32);

/// Whose page a slot holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Content {
    /// Number of the address space; 0 is nobody.
    pub(super) space: u64,
    /// Number of the page in it.
    pub(super) page: u32,
    /// What the bytes must add up to.
    pub(super) check: u32,
}

impl Content {
    /// Address of the page.
    pub(super) fn address(self) -> u64 {
        u64::from(self.page) * abi::PAGE
    }
}

/// A transfer under way.
#[derive(Default)]
struct Pin {
    transfers: u32,
    let_go: bool,
}

/// All slots of one paging file.
pub(super) struct Slots {
    map: FreeMap,
    /// By slot, as far as slots were ever taken.
    contents: Vec<Content>,
    leaving: HashMap<Slot, Frame>,
    pins: HashMap<Slot, Pin>,
    /// Taken by nobody, but their bytes are still on the host's disk.
    freed: Vec<Frame>,
}

impl Slots {
    pub(super) fn new(count: u32) -> Self {
        Self { map: FreeMap::new(count), contents: Vec::new(), leaving: HashMap::new(), pins: HashMap::new(), freed: Vec::new() }
    }

    /// Slots in all, those that hold pages, and the highest ever taken plus one.
    pub(super) fn counts(&self) -> (usize, usize, usize) {
        let taken = (self.map.total() - self.map.free()) as usize;
        (self.map.total() as usize, taken - self.freed.len(), self.contents.len())
    }

    /// Takes up to `count` slots, the lowest first, so that pages that go out together lie together.
    pub(super) fn take(&mut self, count: usize) -> Vec<Slot> {
        std::iter::from_fn(|| self.map.take()).take(count).map(|Frame(number)| Slot(number)).collect()
    }

    /// A slot that was taken holds this now; until [`Slots::written`] its bytes are in `frame`. Pins it.
    pub(super) fn begin_leaving(&mut self, slot: Slot, content: Content, frame: Frame) {
        let index = slot.0 as usize;
        if self.contents.len() <= index {
            self.contents.resize(index + 1, Content::default());
        }
        self.contents[index] = content;
        self.leaving.insert(slot, frame);
        self.pin(slot);
    }

    /// The bytes are on the file. Answers the frame, unless its page was wanted back meanwhile. Unpins.
    pub(super) fn written(&mut self, slot: Slot) -> Option<Frame> {
        let frame = self.leaving.remove(&slot);
        self.unpin(slot);
        frame
    }

    /// The frame of a page that has not left yet; the slot is let go then.
    pub(super) fn recall(&mut self, slot: Slot) -> Option<Frame> {
        let frame = self.leaving.remove(&slot)?;
        self.let_go(slot);
        Some(frame)
    }

    /// Nobody wants what the slot holds. Answers the frame when the page had not left yet.
    pub(super) fn discard(&mut self, slot: Slot) -> Option<Frame> {
        let frame = self.leaving.remove(&slot);
        self.let_go(slot);
        frame
    }

    /// Slots that were taken and never used.
    pub(super) fn give_back(&mut self, slots: impl IntoIterator<Item = Slot>) {
        slots.into_iter().for_each(|slot| self.map.give(Frame(slot.0)));
    }

    fn let_go(&mut self, slot: Slot) {
        self.contents[slot.0 as usize] = Content::default();
        match self.pins.get_mut(&slot) {
            Some(pin) => pin.let_go = true,
            None => self.freed.push(Frame(slot.0)),
        }
    }

    /// A transfer begins.
    pub(super) fn pin(&mut self, slot: Slot) {
        self.pins.entry(slot).or_default().transfers += 1;
    }

    /// A transfer ends.
    pub(super) fn unpin(&mut self, slot: Slot) {
        let Some(pin) = self.pins.get_mut(&slot) else { return };
        pin.transfers -= 1;
        if pin.transfers == 0 {
            let let_go = pin.let_go;
            self.pins.remove(&slot);
            if let_go {
                self.freed.push(Frame(slot.0));
            }
        }
    }

    /// What a slot holds.
    pub(super) fn content(&self, slot: Slot) -> Content {
        self.contents.get(slot.0 as usize).copied().unwrap_or_default()
    }

    /// Slots around `slot` that hold pages of the same address space and are on the file: what went out together with it.
    pub(super) fn neighbours(&self, slot: Slot, around: u32) -> Vec<(Slot, Content)> {
        let space = self.content(slot).space;
        let near = slot.0.saturating_sub(around)..=slot.0.saturating_add(around);
        let near = near.map(Slot).filter(|&other| other != slot && !self.leaving.contains_key(&other));
        near.map(|other| (other, self.content(other))).filter(|(_, held)| held.space == space).collect()
    }

    /// Slots to be punched out of the file and then given to [`Slots::punched`].
    pub(super) fn take_freed(&mut self) -> Vec<Frame> {
        std::mem::take(&mut self.freed)
    }

    /// These may be taken again.
    pub(super) fn punched(&mut self, slots: Vec<Frame>) {
        slots.into_iter().for_each(|slot| self.map.give(slot));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn content(page: u32) -> Content {
        Content { space: 7, page, check: 0 }
    }

    /// Slots with pages 0.. of space 7 that have left.
    fn with_pages(count: u32) -> (Slots, Vec<Slot>) {
        let mut slots = Slots::new(64);
        let taken = slots.take(count as usize);
        for (page, &slot) in (0..).zip(&taken) {
            slots.begin_leaving(slot, content(page), Frame(100 + page));
            assert_eq!(slots.written(slot), Some(Frame(100 + page)));
        }
        (slots, taken)
    }

    fn is_free(slots: &mut Slots) -> bool {
        let freed = slots.take_freed();
        let any = !freed.is_empty();
        slots.punched(freed);
        any
    }

    #[test]
    fn a_page_wanted_back_while_it_is_written_leaves_its_slot_only_after_that() {
        let mut slots = Slots::new(64);
        let slot = slots.take(1)[0];
        slots.begin_leaving(slot, content(3), Frame(9));
        assert_eq!(slots.recall(slot), Some(Frame(9)));
        assert!(!is_free(&mut slots), "the write is still under way");
        assert_eq!(slots.written(slot), None);
        assert!(is_free(&mut slots));
        assert_eq!(slots.take(1), [slot]);
    }

    #[test]
    fn a_slot_that_is_being_read_is_nobody_elses_although_it_was_let_go() {
        let (mut slots, taken) = with_pages(1);
        slots.pin(taken[0]);
        slots.pin(taken[0]);
        assert_eq!(slots.discard(taken[0]), None);
        slots.unpin(taken[0]);
        assert!(!is_free(&mut slots), "another read is under way");
        slots.unpin(taken[0]);
        assert!(is_free(&mut slots));
    }

    #[test]
    fn neighbours_are_pages_of_the_same_space_that_have_left() {
        let (mut slots, taken) = with_pages(5);
        let other = slots.take(2);
        slots.begin_leaving(other[0], Content { space: 8, ..content(0) }, Frame(1));
        slots.written(other[0]);
        slots.begin_leaving(other[1], content(5), Frame(2));
        assert_eq!(slots.discard(taken[0]), None);
        let pages: Vec<u32> = slots.neighbours(taken[3], 3).into_iter().map(|(_, held)| held.page).collect();
        assert_eq!(pages, [1, 2, 4]);
    }

    #[test]
    fn slots_run_out_and_come_back() {
        let (mut slots, taken) = with_pages(64);
        assert_eq!((slots.take(1), slots.counts()), (Vec::new(), (64, 64, 64)));
        slots.discard(taken[10]);
        assert_eq!(slots.take(1), [], "its bytes are still on the disk");
        assert!(is_free(&mut slots));
        assert_eq!(slots.take(1), [taken[10]]);
    }
}
