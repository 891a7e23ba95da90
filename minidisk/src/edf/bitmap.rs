//! One bit for each block, in the order of the allocation map: the leftmost bit of byte 0 is block 1, 1 means used.

use alloc::vec;
use alloc::vec::Vec;

use super::BLOCK_SIZE;

/// Blocks that one block of the allocation map covers.
pub(crate) const BLOCKS_PER_CHUNK: u32 = 8 * BLOCK_SIZE as u32;

/// A set of block numbers, kept in whole blocks of the allocation map (chunks).
#[derive(Clone)]
pub(crate) struct Bitmap {
    bytes: Vec<u8>,
}

impl Bitmap {
    /// The empty set over a disk of that many blocks.
    pub(crate) fn new(blocks: u32) -> Bitmap {
        Bitmap { bytes: vec![0; chunks(blocks) * BLOCK_SIZE] }
    }

    /// The set in the blocks of an allocation map.
    pub(crate) fn from_chunks(bytes: &[u8]) -> Bitmap {
        Bitmap { bytes: bytes.to_vec() }
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
        &self.bytes[chunk * BLOCK_SIZE..(chunk + 1) * BLOCK_SIZE]
    }

    pub(crate) fn chunk_mut(&mut self, chunk: usize) -> &mut [u8] {
        &mut self.bytes[chunk * BLOCK_SIZE..(chunk + 1) * BLOCK_SIZE]
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

/// Blocks of the allocation map of a disk.
pub(crate) fn chunks(blocks: u32) -> usize {
    blocks.div_ceil(BLOCKS_PER_CHUNK) as usize
}

/// The chunk that covers a block.
pub(crate) fn chunk_of(block: u32) -> usize {
    ((block - 1) / BLOCKS_PER_CHUNK) as usize
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
        let mut map = Bitmap::new(100);
        assert!(map.insert(1) && map.insert(10) && !map.insert(10));
        assert_eq!(map.chunk(0)[..3], [0x80, 0x40, 0]);
        assert!(map.remove(10) && !map.remove(10));
        assert_eq!(map.count(), 1);
    }

    #[test]
    fn the_first_absent_block_is_found_across_full_bytes() {
        let mut map = Bitmap::new(100);
        (1..=41).for_each(|block| assert!(map.insert(block)));
        assert_eq!(map.first_absent(1, 100), Some(42));
        assert_eq!(map.first_absent(3, 41), None);
        assert_eq!(map.first_absent(50, 100), Some(50));
        (42..=100).for_each(|block| assert!(map.insert(block)));
        assert_eq!(map.first_absent(1, 100), None);
    }

    #[test]
    fn bits_beyond_the_disk_are_cut() {
        let mut map = Bitmap::new(20);
        map.chunk_mut(0).fill(0xFF);
        map.cut_to(20);
        assert_eq!(map.count(), 20);
        assert!(map.contains(20) && !map.contains(21));
        let mut exact = Bitmap::new(BLOCKS_PER_CHUNK);
        exact.chunk_mut(0).fill(0xFF);
        exact.cut_to(BLOCKS_PER_CHUNK);
        assert_eq!(exact.count(), BLOCKS_PER_CHUNK);
        assert_eq!((chunk_of(BLOCKS_PER_CHUNK), chunk_of(BLOCKS_PER_CHUNK + 1)), (0, 1));
    }
}
