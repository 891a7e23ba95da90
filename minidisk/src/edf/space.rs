//! Free space: which blocks the next commit will use, and which may be written before it.

use alloc::collections::BTreeSet;
use alloc::vec::Vec;

use super::bitmap::Bitmap;

/// Block numbers as runs of consecutive ones: as short as a file is contiguous.
#[derive(Clone, Default)]
pub(crate) struct Runs {
    runs: Vec<(u32, u32)>,
}

impl Runs {
    pub(crate) fn push(&mut self, block: u32) {
        match self.runs.last_mut() {
            Some((first, length)) if first.checked_add(*length) == Some(block) => *length += 1,
            _ => self.runs.push((block, 1)),
        }
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = u32> {
        self.runs.iter().flat_map(|&(first, length)| first..first + length)
    }
}

/// The allocation map of the next commit, and what must not be touched until then.
///
/// A block is *busy* when the committed disk uses it, when the next commit will, or when a file being written holds it. Only
/// blocks that are not busy are given out, so the committed disk stays whole whatever is written.
pub(crate) struct Space {
    blocks: u32,
    /// What the map of the next commit says.
    next: Bitmap,
    /// Held by files being written; not in `next`.
    held: Bitmap,
    busy: Bitmap,
    used: u32,
    busy_count: u32,
    /// Chunks in which `next` may differ from the committed map.
    changed: BTreeSet<usize>,
    /// No free block lies before this one.
    first_candidate: u32,
}

impl Space {
    /// From the committed map of a disk of that many blocks.
    pub(crate) fn new(mut map: Bitmap, blocks: u32) -> Space {
        map.cut_to(blocks);
        let used = map.count();
        Space {
            blocks,
            held: map.emptied(),
            busy: map.clone(),
            next: map,
            used,
            busy_count: used,
            changed: BTreeSet::new(),
            first_candidate: 1,
        }
    }

    /// Blocks of the disk.
    pub(crate) fn blocks(&self) -> u32 {
        self.blocks
    }

    /// Blocks in use after the next commit.
    pub(crate) fn used(&self) -> u32 {
        self.used
    }

    /// Blocks that can be given out now.
    pub(crate) fn free(&self) -> u32 {
        self.blocks - self.busy_count
    }

    pub(crate) fn in_use(&self, block: u32) -> bool {
        self.next.contains(block)
    }

    /// Gives the disk another size. The caller has seen that nothing is in use beyond it.
    pub(crate) fn resize(&mut self, blocks: u32) {
        let had = self.next.chunks();
        for map in [&mut self.next, &mut self.held, &mut self.busy] {
            map.resize(blocks);
        }
        self.blocks = blocks;
        (self.used, self.busy_count) = (self.next.count(), self.busy.count());
        self.changed.retain(|&chunk| chunk < self.next.chunks());
        self.changed.extend(had..self.next.chunks());
        self.first_candidate = 1;
    }

    /// Has the whole map written with the next commit.
    pub(crate) fn touch_all(&mut self) {
        self.changed.extend(0..self.next.chunks());
    }

    /// The last block that is in use now or after the next commit, or held.
    pub(crate) fn last_busy(&self) -> u32 {
        self.busy.last().unwrap_or(0)
    }

    /// Chunks of the map.
    pub(crate) fn chunks(&self) -> usize {
        self.next.chunks()
    }

    /// Gives out a free block, to be held until it is [adopted](Space::adopt) or [let go](Space::let_go).
    pub(crate) fn hold(&mut self) -> Option<u32> {
        let block = self.busy.first_absent(self.first_candidate, self.blocks)?;
        self.first_candidate = block + 1;
        self.busy.insert(block);
        self.held.insert(block);
        self.busy_count += 1;
        Some(block)
    }

    /// Gives a held block back.
    pub(crate) fn let_go(&mut self, block: u32) {
        if self.held.remove(block) {
            self.make_available(block);
        }
    }

    /// Puts a held block into the next commit.
    pub(crate) fn adopt(&mut self, block: u32) {
        if self.held.remove(block) {
            self.mark_used(block);
        }
    }

    /// Puts a block of the file system itself into the next commit, wherever it was.
    pub(crate) fn mark_used(&mut self, block: u32) {
        if self.next.insert(block) {
            self.used += 1;
            self.changed.insert(self.next.chunk_of(block));
        }
        if self.busy.insert(block) {
            self.busy_count += 1;
        }
    }

    /// Never gives out a block of the file system itself, even if the map has it free.
    pub(crate) fn protect(&mut self, block: u32) {
        if self.busy.insert(block) {
            self.busy_count += 1;
        }
    }

    /// Takes a block out of the next commit. It stays busy until then.
    pub(crate) fn release(&mut self, block: u32) {
        if self.next.remove(block) {
            self.used -= 1;
            self.changed.insert(self.next.chunk_of(block));
        }
    }

    /// Undoes [`adopt`](Space::adopt) for a block that was never committed: it is free at once.
    pub(crate) fn disown(&mut self, block: u32) {
        self.release(block);
        self.make_available(block);
    }

    /// The chunks to be written with the next commit.
    pub(crate) fn changed(&self) -> &BTreeSet<usize> {
        &self.changed
    }

    /// A chunk of the map of the next commit.
    pub(crate) fn chunk(&self, chunk: usize) -> &[u8] {
        self.next.chunk(chunk)
    }

    /// The commit is done: what it released may be given out.
    pub(crate) fn settle(&mut self) {
        for chunk in core::mem::take(&mut self.changed) {
            let busy = self.busy.chunk_mut(chunk);
            let ones = |bytes: &[u8]| bytes.iter().map(|b| b.count_ones()).sum::<u32>();
            let before = ones(busy);
            for ((busy, next), held) in busy.iter_mut().zip(self.next.chunk(chunk)).zip(self.held.chunk(chunk)) {
                *busy = next | held;
            }
            self.busy_count = self.busy_count - before + ones(busy);
        }
        self.first_candidate = 1;
    }

    fn make_available(&mut self, block: u32) {
        if self.busy.remove(block) {
            self.busy_count -= 1;
            self.first_candidate = self.first_candidate.min(block);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_released_block_is_given_out_only_after_the_commit() {
        let mut map = Bitmap::new(4, 4096);
        (1..=3).for_each(|block| assert!(map.insert(block)));
        let mut space = Space::new(map, 4);
        space.release(2);
        assert_eq!((space.free(), space.used()), (1, 2));
        assert_eq!(space.hold(), Some(4));
        assert_eq!(space.hold(), None);
        space.settle();
        assert_eq!(space.hold(), Some(2));
        space.let_go(2);
        space.adopt(4);
        space.settle();
        assert_eq!((space.free(), space.used()), (1, 3));
    }

    #[test]
    fn held_blocks_survive_the_commit_of_others() {
        let mut space = Space::new(Bitmap::new(10, 4096), 10);
        let (mine, other) = (space.hold().unwrap(), space.hold().unwrap());
        space.adopt(other);
        space.settle();
        assert!(!space.in_use(mine) && space.in_use(other));
        assert_ne!(space.hold(), Some(mine));
        space.disown(other);
        assert_eq!(space.hold(), Some(other));
    }

    #[test]
    fn runs_give_back_what_was_pushed() {
        let mut runs = Runs::default();
        [3, 4, 5, 9, 1, 2].into_iter().for_each(|block| runs.push(block));
        assert_eq!(runs.iter().collect::<Vec<_>>(), [3, 4, 5, 9, 1, 2]);
        assert_eq!(runs.runs.len(), 3);
    }
}
