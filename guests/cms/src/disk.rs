//! A minidisk over block I/O.

use core::fmt;

use abi::block_io;
use minidisk::edf::BlockDevice;
use shell::cp::DiskUnusable;

use crate::diagnose;

/// A minidisk of this machine.
pub struct Minidisk {
    vdev: u32,
    blocks: u32,
    read_only: bool,
}

impl Minidisk {
    /// Begins block I/O on that device.
    ///
    /// # Errors
    /// When there is no such disk or CP reports an error.
    pub fn open(vdev: u32) -> Result<Self, DiskUnusable> {
        let info = diagnose::block_init(vdev).map_err(|status| match status {
            block_io::NO_DEVICE => DiskUnusable::NotAttached,
            _ => DiskUnusable::DeviceError,
        })?;
        if info.block_size as usize != diagnose::PAGE {
            return Err(DiskUnusable::DeviceError);
        }
        // Blocks beyond those that a block number can name are not used.
        let blocks = u32::try_from(info.blocks).unwrap_or(u32::MAX);
        Ok(Self { vdev, blocks, read_only: info.flags & abi::device::READ_ONLY != 0 })
    }
}

/// Return code of a block I/O request that failed.
#[derive(Clone, Copy, Debug)]
pub struct BlockError(u64);

impl fmt::Display for BlockError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = match self.0 {
            block_io::NO_DEVICE => "the device is not attached",
            block_io::READ_ONLY => "the device may only be read",
            block_io::BAD_BLOCK => "a block is not on the disk",
            block_io::IO_ERROR => "input/output error",
            block_io::NO_SPACE => "CP has no room for the block",
            _ => "unexpected return code",
        };
        write!(out, "{what} (block I/O return code {})", self.0)
    }
}

impl BlockDevice for Minidisk {
    type Error = BlockError;

    fn blocks(&self) -> u32 {
        self.blocks
    }

    fn read_only(&self) -> bool {
        self.read_only
    }

    fn read(&mut self, first: u32, into: &mut [u8]) -> Result<(), BlockError> {
        diagnose::block_read(self.vdev, first.., into).map_err(BlockError)
    }

    fn write(&mut self, first: u32, from: &[u8]) -> Result<(), BlockError> {
        diagnose::block_write(self.vdev, first.., from).map_err(BlockError)
    }

    fn flush(&mut self) -> Result<(), BlockError> {
        diagnose::block_flush(self.vdev).map_err(BlockError)
    }

    fn read_list(&mut self, blocks: &[u32], into: &mut [u8]) -> Result<(), BlockError> {
        diagnose::block_read(self.vdev, blocks.iter().copied(), into).map_err(BlockError)
    }

    fn write_list(&mut self, blocks: &[u32], from: &[u8]) -> Result<(), BlockError> {
        diagnose::block_write(self.vdev, blocks.iter().copied(), from).map_err(BlockError)
    }
}
