//! One bit for each block, in the order of the allocation map: the leftmost bit of byte 0 is block 1, 1 means used.

use alloc::vec;
use alloc::vec::Vec;

/// A set of block numbers, kept in whole blocks of the allocation map (chunks).
#[derive(Clone)]
pub(crate) struct Bitmap {
    bytes: Vec<u8>,
    /// Bytes of a chunk.
    block_size: usize,
}

impl Bitmap {
    /// The empty set over a disk of that many blocks of that size.
    pub(crate) fn new(blocks: u32, block_size: usize) -> Bitmap {
        Bitmap { bytes: vec![0; chunks(blocks, block_size) * block_size], block_size }
    }

    /// The set in the blocks of an allocation map.
    pub(crate) fn from_chunks(bytes: &[u8], block_size: usize) -> Bitmap {
        Bitmap { bytes: bytes.to_vec(), block_size }
    }

    /// Makes the set one over a disk of that many blocks: new blocks are not in it, lost ones are forgotten.
    pub(crate) fn resize(&mut self, blocks: u32) {
        self.bytes.resize(chunks(blocks, self.block_size) * self.block_size, 0);
        self.cut_to(blocks);
    }

    /// Number of chunks.
    pub(crate) fn chunks(&self) -> usize {
        self.bytes.len() / self.block_size
    }

    /// The chunk that covers a block.
    pub(crate) fn chunk_of(&self, block: u32) -> usize {
        byte(block) / self.block_size
    }

    /// The empty set over the same disk.
    pub(crate) fn emptied(&self) -> Bitmap {
        Bitmap { bytes: vec![0; self.bytes.len()], block_size: self.block_size }
    }

    pub(crate) fn contains(&self, block: u32) -> bool {
        self.bytes[byte(block)] & bit(block) != 0
    }

    /// Adds a block; false when it was there.
    pub(crate) fn insert(&mut self, block: u32) -> bool {
        let fresh = !self.contains(block);
        self.bytes[byte(block)] |= bit(block);
        fresh
    }

    /// Takes a block out; false when it was not there.
    pub(crate) fn remove(&mut self, block: u32) -> bool {
        let there = self.contains(block);
        self.bytes[byte(block)] &= !bit(block);
        there
    }

    pub(crate) fn chunk(&self, chunk: usize) -> &[u8] {
        &self.bytes[chunk * self.block_size..(chunk + 1) * self.block_size]
    }

    pub(crate) fn chunk_mut(&mut self, chunk: usize) -> &mut [u8] {
        &mut self.bytes[chunk * self.block_size..(chunk + 1) * self.block_size]
    }

    /// Takes out every block beyond the end of a disk of that many blocks.
    pub(crate) fn cut_to(&mut self, blocks: u32) {
        let whole = blocks as usize / 8;
        if let Some(partial) = self.bytes.get_mut(whole) {
            *partial &= !(0xFF >> (blocks % 8));
            self.bytes[whole + 1..].fill(0);
        }
    }

    pub(crate) fn count(&self) -> u32 {
        self.bytes.iter().map(|byte| byte.count_ones()).sum()
    }

    /// The last block of the set.
    pub(crate) fn last(&self) -> Option<u32> {
        let place = self.bytes.iter().rposition(|&byte| byte != 0)?;
        Some((place * 8 + 8) as u32 - self.bytes[place].trailing_zeros())
    }

    /// The first block from `from` to `last` that is not in the set.
    pub(crate) fn first_absent(&self, from: u32, last: u32) -> Option<u32> {
        let mut block = from;
        while block <= last {
            if self.bytes[byte(block)] == 0xFF {
                block = ((byte(block) + 1) * 8 + 1) as u32;
            } else if self.contains(block) {
                block += 1;
            } else {
                return Some(block);
            }
        }
        None
    }
}

/// Blocks of the allocation map of a disk: one for every 8 times `block_size` blocks.
pub(crate) fn chunks(blocks: u32, block_size: usize) -> usize {
    (blocks as usize).div_ceil(8 * block_size)
}

fn byte(block: u32) -> usize {
    (block as usize - 1) / 8
}

fn bit(block: u32) -> u8 {
    0x80 >> ((block - 1) % 8)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn block_one_is_the_leftmost_bit() {
        let mut map = Bitmap::new(100, 4096);
        assert!(map.insert(1) && map.insert(10) && !map.insert(10));
        assert_eq!(map.chunk(0)[..3], [0x80, 0x40, 0]);
        assert!(map.remove(10) && !map.remove(10));
        assert_eq!(map.count(), 1);
    }

    #[test]
    fn the_first_absent_block_is_found_across_full_bytes() {
        let mut map = Bitmap::new(100, 4096);
        (1..=41).for_each(|block| assert!(map.insert(block)));
        assert_eq!(map.first_absent(1, 100), Some(42));
        assert_eq!(map.first_absent(3, 41), None);
        assert_eq!(map.first_absent(50, 100), Some(50));
        (42..=100).for_each(|block| assert!(map.insert(block)));
        assert_eq!(map.first_absent(1, 100), None);
    }

    #[test]
    fn bits_beyond_the_disk_are_cut() {
        let mut map = Bitmap::new(20, 512);
        map.chunk_mut(0).fill(0xFF);
        map.cut_to(20);
        assert_eq!(map.count(), 20);
        assert!(map.contains(20) && !map.contains(21));
        let mut exact = Bitmap::new(4096, 512);
        exact.chunk_mut(0).fill(0xFF);
        exact.cut_to(4096);
        assert_eq!((exact.count(), exact.last()), (4096, Some(4096)));
        assert_eq!((exact.chunk_of(4096), exact.chunk_of(4097)), (0, 1));
        exact.resize(5000);
        assert_eq!((exact.chunks(), exact.count()), (2, 4096));
        exact.resize(21);
        assert_eq!((exact.chunks(), exact.count(), exact.last()), (1, 21, Some(21)));
        assert_eq!(Bitmap::new(9, 512).last(), None);
    }
}
