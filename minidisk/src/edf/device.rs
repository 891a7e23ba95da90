//! Where the blocks come from: the one thing a file system asks of its surroundings.

use alloc::vec;
use alloc::vec::Vec;
use core::fmt::{Debug, Display};
use core::ops::Range;

use super::BLOCK_SIZE;

/// A disk of 4096-byte blocks, numbered from 1.
///
/// Requests may be of any length; whoever has a limit (256 blocks in one DIAGNOSE X'250') cuts them.
/// The file system never asks for a block number beyond [`BlockDevice::blocks`]. A device may be given whole runs
/// ([`read`](BlockDevice::read)) or lists ([`read_list`](BlockDevice::read_list)); whoever moves blocks with one
/// request each way, such as DIAGNOSE X'250', implements the lists.
pub trait BlockDevice {
    /// What goes wrong when blocks are moved.
    type Error: Debug + Display;

    /// Blocks on the disk.
    fn blocks(&self) -> u32;

    /// Whether writing is refused.
    fn read_only(&self) -> bool;

    /// Reads the blocks from `first` on; `into` is a multiple of 4096 bytes long.
    fn read(&mut self, first: u32, into: &mut [u8]) -> Result<(), Self::Error>;

    /// Writes the blocks from `first` on; `from` is a multiple of 4096 bytes long. Durable after [`flush`](BlockDevice::flush).
    fn write(&mut self, first: u32, from: &[u8]) -> Result<(), Self::Error>;

    /// Makes every block written so far durable, and only then returns.
    fn flush(&mut self) -> Result<(), Self::Error>;

    /// Reads the blocks named, in the order named; `into` is 4096 bytes for each.
    fn read_list(&mut self, blocks: &[u32], into: &mut [u8]) -> Result<(), Self::Error> {
        for run in runs(blocks) {
            let bytes = run.start * BLOCK_SIZE..run.end * BLOCK_SIZE;
            self.read(blocks[run.start], &mut into[bytes])?;
        }
        Ok(())
    }

    /// Writes the blocks named, in the order named; `from` is 4096 bytes for each.
    fn write_list(&mut self, blocks: &[u32], from: &[u8]) -> Result<(), Self::Error> {
        for run in runs(blocks) {
            let bytes = run.start * BLOCK_SIZE..run.end * BLOCK_SIZE;
            self.write(blocks[run.start], &from[bytes])?;
        }
        Ok(())
    }
}

impl<D: BlockDevice + ?Sized> BlockDevice for &mut D {
    type Error = D::Error;

    fn blocks(&self) -> u32 {
        (**self).blocks()
    }

    fn read_only(&self) -> bool {
        (**self).read_only()
    }

    fn read(&mut self, first: u32, into: &mut [u8]) -> Result<(), Self::Error> {
        (**self).read(first, into)
    }

    fn write(&mut self, first: u32, from: &[u8]) -> Result<(), Self::Error> {
        (**self).write(first, from)
    }

    fn flush(&mut self) -> Result<(), Self::Error> {
        (**self).flush()
    }

    fn read_list(&mut self, blocks: &[u32], into: &mut [u8]) -> Result<(), Self::Error> {
        (**self).read_list(blocks, into)
    }

    fn write_list(&mut self, blocks: &[u32], from: &[u8]) -> Result<(), Self::Error> {
        (**self).write_list(blocks, from)
    }
}

/// Splits a list of block numbers into index ranges of consecutive numbers.
pub(super) fn runs(blocks: &[u32]) -> impl Iterator<Item = Range<usize>> {
    let mut start = 0;
    core::iter::from_fn(move || {
        let first = *blocks.get(start)?;
        let length = blocks[start..].iter().zip(0u32..).take_while(|&(&block, step)| first.checked_add(step) == Some(block)).count();
        let run = start..start + length;
        start = run.end;
        Some(run)
    })
}

/// A minidisk in storage: for temporary disks and tests.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MemoryDisk {
    data: Vec<u8>,
    read_only: bool,
}

/// A block outside a [`MemoryDisk`], or a write to one that may only be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MemoryDiskError {
    /// The blocks are not all on the disk.
    #[error("Block {0} is not on the disk")]
    Range(u32),
    /// The disk may only be read.
    #[error("The disk is read-only")]
    ReadOnly,
}

impl MemoryDisk {
    /// A disk of that many blocks of zeros.
    pub fn new(blocks: u32) -> MemoryDisk {
        MemoryDisk { data: vec![0; blocks as usize * BLOCK_SIZE], read_only: false }
    }

    /// A disk with that content; a last part of a block is left out.
    pub fn from_bytes(mut data: Vec<u8>) -> MemoryDisk {
        data.truncate(data.len() / BLOCK_SIZE * BLOCK_SIZE);
        MemoryDisk { data, read_only: false }
    }

    /// Allows or refuses writing from now on.
    pub fn set_read_only(&mut self, read_only: bool) {
        self.read_only = read_only;
    }

    /// The whole content.
    pub fn bytes(&self) -> &[u8] {
        &self.data
    }

    /// The whole content, to be changed behind the file system's back.
    pub fn bytes_mut(&mut self) -> &mut [u8] {
        &mut self.data
    }

    fn range(&self, first: u32, length: usize) -> Result<Range<usize>, MemoryDiskError> {
        let start = (first as usize).checked_sub(1).ok_or(MemoryDiskError::Range(first))? * BLOCK_SIZE;
        match start.checked_add(length) {
            Some(end) if end <= self.data.len() => Ok(start..end),
            _ => Err(MemoryDiskError::Range(first)),
        }
    }
}

impl BlockDevice for MemoryDisk {
    type Error = MemoryDiskError;

    fn blocks(&self) -> u32 {
        (self.data.len() / BLOCK_SIZE) as u32
    }

    fn read_only(&self) -> bool {
        self.read_only
    }

    fn read(&mut self, first: u32, into: &mut [u8]) -> Result<(), MemoryDiskError> {
        let range = self.range(first, into.len())?;
        into.copy_from_slice(&self.data[range]);
        Ok(())
    }

    fn write(&mut self, first: u32, from: &[u8]) -> Result<(), MemoryDiskError> {
        if self.read_only {
            return Err(MemoryDiskError::ReadOnly);
        }
        let range = self.range(first, from.len())?;
        self.data[range].copy_from_slice(from);
        Ok(())
    }

    fn flush(&mut self) -> Result<(), MemoryDiskError> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_is_moved_in_runs_of_consecutive_blocks() {
        let found: Vec<_> = runs(&[7, 8, 9, 3, 5, 6, u32::MAX, 0]).collect();
        assert_eq!(found, [0..3, 3..4, 4..6, 6..7, 7..8]);
        assert_eq!(runs(&[]).count(), 0);
    }

    #[test]
    fn lists_reach_the_blocks_they_name() {
        let mut disk = MemoryDisk::new(6);
        let data: Vec<u8> = [1u8, 2, 3].iter().flat_map(|&n| vec![n; BLOCK_SIZE]).collect();
        disk.write_list(&[5, 6, 2], &data).unwrap();
        let mut back = vec![0; 3 * BLOCK_SIZE];
        disk.read_list(&[2, 5, 6], &mut back).unwrap();
        assert_eq!((back[0], back[BLOCK_SIZE], back[2 * BLOCK_SIZE]), (3, 1, 2));
    }

    #[test]
    fn blocks_beyond_the_disk_and_block_zero_are_refused() {
        let mut disk = MemoryDisk::new(2);
        let mut block = [0; BLOCK_SIZE];
        assert_eq!(disk.read(0, &mut block), Err(MemoryDiskError::Range(0)));
        assert_eq!(disk.read(3, &mut block), Err(MemoryDiskError::Range(3)));
        disk.set_read_only(true);
        assert_eq!(disk.write(1, &block), Err(MemoryDiskError::ReadOnly));
    }
}
