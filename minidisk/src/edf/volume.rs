//! A device seen in the blocks of a file system, which have 512, 1024, 2048 or 4096 bytes.

use alloc::vec;
use alloc::vec::Vec;

use super::device::runs;
use super::{BLOCK_SIZE, BlockDevice};

/// Sizes that a block may have, in bytes.
pub const BLOCK_SIZES: [usize; 4] = [512, 1024, 2048, 4096];

/// A device and the size of the blocks on it, numbered from 1.
///
/// A device moves 4096 bytes at a time, each such piece whole or not at all. Smaller blocks are written by reading the piece around
/// them first, so a torn write can never hurt a neighbour.
pub(crate) struct Volume<D> {
    device: D,
    block_size: usize,
}

impl<D: BlockDevice> Volume<D> {
    /// A device with blocks of that size, one of [`BLOCK_SIZES`].
    pub(crate) fn new(device: D, block_size: usize) -> Volume<D> {
        debug_assert!(BLOCK_SIZES.contains(&block_size));
        Volume { device, block_size }
    }

    pub(crate) fn into_device(self) -> D {
        self.device
    }

    pub(crate) fn device_mut(&mut self) -> &mut D {
        &mut self.device
    }

    /// The label says so now: somebody formatted the disk anew.
    pub(crate) fn set_block_size(&mut self, block_size: usize) {
        self.block_size = block_size;
    }

    pub(crate) fn device(&self) -> &D {
        &self.device
    }

    /// Bytes of a block.
    pub(crate) fn block_size(&self) -> usize {
        self.block_size
    }

    /// Blocks of that size on the device.
    pub(crate) fn blocks(&self) -> u32 {
        self.device.blocks().saturating_mul((BLOCK_SIZE / self.block_size) as u32)
    }

    pub(crate) fn read_only(&self) -> bool {
        self.device.read_only()
    }

    pub(crate) fn flush(&mut self) -> Result<(), D::Error> {
        self.device.flush()
    }

    /// Reads the blocks from `first` on; `into` is a multiple of the block size long.
    pub(crate) fn read(&mut self, first: u32, into: &mut [u8]) -> Result<(), D::Error> {
        if self.block_size == BLOCK_SIZE {
            return self.device.read(first, into);
        }
        let (piece, offset) = self.place(first);
        let mut around = vec![0; (offset + into.len()).next_multiple_of(BLOCK_SIZE)];
        self.device.read(piece, &mut around)?;
        into.copy_from_slice(&around[offset..offset + into.len()]);
        Ok(())
    }

    /// Writes the blocks from `first` on; `from` is a multiple of the block size long.
    pub(crate) fn write(&mut self, first: u32, from: &[u8]) -> Result<(), D::Error> {
        if self.block_size == BLOCK_SIZE {
            return self.device.write(first, from);
        }
        let (piece, offset) = self.place(first);
        let end = offset + from.len();
        let mut around = vec![0; end.next_multiple_of(BLOCK_SIZE)];
        let last = around.len() - BLOCK_SIZE;
        if offset > 0 || end < BLOCK_SIZE {
            self.device.read(piece, &mut around[..BLOCK_SIZE])?;
        }
        if last > 0 && end < around.len() {
            self.device.read(piece + (last / BLOCK_SIZE) as u32, &mut around[last..])?;
        }
        around[offset..end].copy_from_slice(from);
        self.device.write(piece, &around)
    }

    /// Reads the blocks named, in the order named.
    pub(crate) fn read_list(&mut self, blocks: &[u32], into: &mut [u8]) -> Result<(), D::Error> {
        if self.block_size == BLOCK_SIZE {
            return self.device.read_list(blocks, into);
        }
        for run in runs(blocks) {
            let bytes = run.start * self.block_size..run.end * self.block_size;
            self.read(blocks[run.start], &mut into[bytes])?;
        }
        Ok(())
    }

    /// Writes the blocks named, in the order named.
    pub(crate) fn write_list(&mut self, blocks: &[u32], from: &[u8]) -> Result<(), D::Error> {
        if self.block_size == BLOCK_SIZE {
            return self.device.write_list(blocks, from);
        }
        for run in runs(blocks) {
            let bytes = run.start * self.block_size..run.end * self.block_size;
            self.write(blocks[run.start], &from[bytes])?;
        }
        Ok(())
    }

    /// The piece of the device in which a block lies, and where in it.
    fn place(&self, block: u32) -> (u32, usize) {
        let byte = u64::from(block.saturating_sub(1)) * self.block_size as u64;
        ((byte / BLOCK_SIZE as u64) as u32 + 1, (byte % BLOCK_SIZE as u64) as usize)
    }
}

/// The first bytes of a device, in which every volume label stands.
pub(crate) fn first_bytes<D: BlockDevice>(device: &mut D, pieces: u32) -> Result<Vec<u8>, D::Error> {
    let mut bytes = vec![0; pieces.min(device.blocks()) as usize * BLOCK_SIZE];
    device.read(1, &mut bytes)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::super::MemoryDisk;
    use super::*;

    #[test]
    fn blocks_of_every_size_are_written_beside_each_other() {
        for size in BLOCK_SIZES {
            let mut volume = Volume::new(MemoryDisk::new(4), size);
            let blocks = volume.blocks();
            assert_eq!(blocks as usize, 4 * BLOCK_SIZE / size);
            for block in 1..=blocks {
                volume.write(block, &vec![block as u8; size]).unwrap();
            }
            // A run over a boundary of the device's pieces, and a list out of order.
            volume.write(2, &vec![0xEE; size * (blocks as usize - 2)]).unwrap();
            volume.write_list(&[blocks - 1, 3], &[vec![7; size], vec![8; size]].concat()).unwrap();
            let mut all = vec![0; size * blocks as usize];
            volume.read(1, &mut all).unwrap();
            let firsts: Vec<u8> = all.iter().step_by(size).copied().collect();
            let expected = |block: u32| match block {
                1 => 1,
                3 if blocks > 4 => 8,
                _ if block == blocks => block as u8,
                _ if block == blocks - 1 && blocks > 4 => 7,
                3 => 8,
                _ => 0xEE,
            };
            assert_eq!(firsts, (1..=blocks).map(expected).collect::<Vec<_>>(), "{size}");
            let mut two = vec![0; 2 * size];
            volume.read_list(&[blocks, 1], &mut two).unwrap();
            assert_eq!((two[0], two[size]), (blocks as u8, 1));
        }
    }
}
