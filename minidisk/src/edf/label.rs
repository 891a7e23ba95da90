//! The volume label: the 80 bytes through which everything else is found.
//!
//! They stand at the start of block 3 on a CKD-style disk, whatever the size of its blocks, and in the second sector of 512 bytes on a
//! fixed-block disk. This file system makes the first kind and uses both.

use alloc::boxed::Box;
use core::fmt;

use super::{BLOCK_SIZE, BLOCK_SIZES, DateTime, ENTRY_SIZE, be32, put32, zero_block};
use crate::ebcdic;

/// Block that holds the label on a CKD-style disk.
pub(crate) const LABEL_BLOCK: u32 = 3;
/// Byte of the device at which the label of a fixed-block disk stands.
const FIXED_BLOCK_LABEL: usize = 512;
/// Bytes of a label.
const LABEL_SIZE: usize = 80;
/// Pieces of 4096 bytes in which every label stands.
pub(crate) const LABEL_PIECES: u32 = 3;
/// The two homes of the first directory block.
pub(crate) const DIRECTORY_HOMES: [u32; 2] = [4, 5];
/// `CMS1` in EBCDIC.
const IDENTIFIER: [u8; 4] = [0xC3, 0xD4, 0xE2, 0xF1];
/// ADTFLGL: the creation date is in 20yy.
const CENTURY: u8 = 0x01;

/// What the volume label says of the disk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VolumeLabel {
    id: [u8; 6],
    /// Cylinders that are formatted, 0 on a disk without cylinders.
    pub formatted_cylinders: u32,
    /// Cylinders of the disk, 0 on a disk without cylinders.
    pub cylinders: u32,
    /// Bytes of a block: 512, 1024, 2048 or 4096.
    pub block_size: u32,
    /// Blocks of the file system.
    pub blocks: u32,
    /// Blocks in use, those of the file system itself included.
    pub used: u32,
    /// When the disk was formatted.
    pub created: DateTime,
    /// Block at which the directory begins: 4 or 5.
    pub(crate) directory: u32,
}

/// A label as it stands on disk, and what it says.
#[derive(Clone)]
pub(crate) struct LabelBlock {
    /// The block that holds it.
    pub(crate) block: u32,
    pub(crate) bytes: Box<[u8]>,
    /// Where in the block the label begins.
    offset: usize,
    pub(crate) label: VolumeLabel,
}

/// Why a block is no label that this file system can work with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LabelError {
    /// No `CMS1` there.
    #[error("The disk is not CMS formatted")]
    NotCms,
    /// A block size that there is not, or that does not go with the place of the label.
    #[error("The disk is formatted with blocks of {0} bytes")]
    BlockSize(u32),
    /// Fields that cannot be true.
    #[error("The volume label is damaged: {0}")]
    Damaged(&'static str),
    /// More blocks than the disk has.
    #[error("The volume label claims {claimed} blocks; the disk has {actual}")]
    Size {
        /// Blocks that the label names.
        claimed: u32,
        /// Blocks that the device has.
        actual: u32,
    },
    /// A name for the label that does not fit.
    #[error("A volume label has 1 to 6 characters A-Z, 0-9, #, @, $ or -")]
    Name,
}

impl VolumeLabel {
    /// A label for a new disk. `id` has 1 to 6 characters.
    pub(crate) fn new(id: &str, cylinders: u32, block_size: usize, blocks: u32, created: DateTime) -> Result<VolumeLabel, LabelError> {
        let id = padded(id)?;
        let directory = DIRECTORY_HOMES[0];
        let block_size = block_size as u32;
        Ok(VolumeLabel { id, formatted_cylinders: cylinders, cylinders, block_size, blocks, used: 0, created, directory })
    }

    /// The volume label, without padding. What is no printable ASCII on the disk is shown as `.`.
    pub fn id(&self) -> &str {
        core::str::from_utf8(&self.id).unwrap_or("").trim_end_matches(' ')
    }
}

/// Checks a name for a label and pads it with blanks.
fn padded(id: &str) -> Result<[u8; 6], LabelError> {
    let allowed = |c: u8| c.is_ascii_uppercase() || c.is_ascii_digit() || b"#@$-".contains(&c);
    if id.is_empty() || id.len() > 6 || !id.bytes().all(allowed) {
        return Err(LabelError::Name);
    }
    let mut padded = [b' '; 6];
    padded[..id.len()].copy_from_slice(id.as_bytes());
    Ok(padded)
}

impl fmt::Display for VolumeLabel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.id())
    }
}

impl LabelBlock {
    /// A label block that holds only the label.
    pub(crate) fn new(label: VolumeLabel) -> LabelBlock {
        let block_size = label.block_size as usize;
        let mut bytes = zero_block(block_size);
        bytes[0x00..0x04].copy_from_slice(&IDENTIFIER);
        bytes[0x04..0x0A].copy_from_slice(&label.id.map(ebcdic::from_latin1));
        put32(&mut bytes[..], 0x0C, label.block_size);
        put32(&mut bytes[..], 0x14, label.formatted_cylinders);
        put32(&mut bytes[..], 0x18, label.cylinders);
        put32(&mut bytes[..], 0x1C, label.blocks);
        put32(&mut bytes[..], 0x24, ENTRY_SIZE as u32);
        put32(&mut bytes[..], 0x28, (block_size / ENTRY_SIZE) as u32);
        let (date, century) = label.created.to_packed();
        bytes[0x2C..0x32].copy_from_slice(&date);
        bytes[0x32] = if century { CENTURY } else { 0 };
        let (directory, used) = (label.directory, label.used);
        let mut block = LabelBlock { block: LABEL_BLOCK, bytes, offset: 0, label };
        block.commit(directory, used);
        block
    }

    /// Finds the label in the first [`LABEL_PIECES`] pieces of a device of so many pieces of 4096 bytes.
    ///
    /// A place further down is within the files of a disk whose label stands further up, so the first label met is the one that counts.
    pub(crate) fn find(first: &[u8], device_pieces: u32) -> Result<LabelBlock, LabelError> {
        let places = BLOCK_SIZES.map(|size| 2 * size);
        for at in [FIXED_BLOCK_LABEL].into_iter().chain(places) {
            if first.get(at..at + LABEL_SIZE).is_some_and(|bytes| bytes[..4] == IDENTIFIER) {
                return LabelBlock::parse(first, at, device_pieces);
            }
        }
        Err(LabelError::NotCms)
    }

    /// Reads the label that stands there and checks what the rest relies on.
    fn parse(first: &[u8], at: usize, device_pieces: u32) -> Result<LabelBlock, LabelError> {
        let block_size = be32(&first[at..], 0x0C) as usize;
        let fits = BLOCK_SIZES.contains(&block_size) && (at == FIXED_BLOCK_LABEL || at == 2 * block_size);
        if !fits {
            return Err(LabelError::BlockSize(block_size as u32));
        }
        let (number, offset) = (at / block_size, at % block_size);
        let whole = &first[number * block_size..(number + 1) * block_size];
        let bytes = &whole[offset..offset + LABEL_SIZE];
        let field = |at| be32(bytes, at);
        let device_blocks = device_pieces.saturating_mul((BLOCK_SIZE / block_size) as u32);
        if field(0x24) != ENTRY_SIZE as u32 {
            return Err(LabelError::Damaged("directory entries are not 64 bytes"));
        }
        let mut id: [u8; 6] = core::array::from_fn(|i| ebcdic::to_latin1(bytes[4 + i]));
        id.iter_mut().filter(|c| !matches!(c, b' '..=b'~')).for_each(|c| *c = b'.');
        let date: [u8; 6] = core::array::from_fn(|i| bytes[0x2C + i]);
        let label = VolumeLabel {
            id,
            formatted_cylinders: field(0x14),
            cylinders: field(0x18),
            block_size: block_size as u32,
            blocks: field(0x1C),
            used: field(0x20),
            created: DateTime::from_packed(date, bytes[0x32] & CENTURY != 0).unwrap_or_default(),
            directory: field(0x10),
        };
        if !DIRECTORY_HOMES.contains(&label.directory) {
            return Err(LabelError::Damaged("the directory pointer is neither 4 nor 5"));
        }
        if label.blocks > device_blocks {
            return Err(LabelError::Size { claimed: label.blocks, actual: device_blocks });
        }
        if label.blocks < super::MIN_BLOCKS {
            return Err(LabelError::Damaged("the disk is too small"));
        }
        Ok(LabelBlock { block: number as u32 + 1, bytes: whole.into(), offset, label })
    }

    /// Gives the volume another label.
    pub(crate) fn rename(&mut self, id: &str) -> Result<(), LabelError> {
        self.label.id = padded(id)?;
        let id = self.label.id.map(ebcdic::from_latin1);
        self.bytes_mut()[0x04..0x0A].copy_from_slice(&id);
        Ok(())
    }

    /// Points the label at a new directory.
    pub(crate) fn commit(&mut self, directory: u32, used: u32) {
        (self.label.directory, self.label.used) = (directory, used);
        put32(self.bytes_mut(), 0x10, directory);
        put32(self.bytes_mut(), 0x20, used);
    }

    /// Says how much of the disk is formatted.
    pub(crate) fn resize(&mut self, cylinders: u32, blocks: u32) {
        (self.label.formatted_cylinders, self.label.blocks) = (cylinders, blocks);
        put32(self.bytes_mut(), 0x14, cylinders);
        put32(self.bytes_mut(), 0x1C, blocks);
    }

    fn bytes_mut(&mut self) -> &mut [u8] {
        &mut self.bytes[self.offset..]
    }
}

#[cfg(test)]
mod tests {
    use alloc::vec;
    use alloc::vec::Vec;

    use super::*;

    fn label() -> LabelBlock {
        LabelBlock::new(VolumeLabel::new("CMS191", 5, 4096, 900, DateTime::default()).unwrap())
    }

    /// The first bytes of a disk with that label block.
    fn disk(label: &LabelBlock) -> Vec<u8> {
        let mut first = vec![0; LABEL_PIECES as usize * BLOCK_SIZE];
        let at = (label.block as usize - 1) * label.bytes.len();
        first[at..at + label.bytes.len()].copy_from_slice(&label.bytes);
        first
    }

    #[test]
    fn a_label_comes_back_from_its_bytes() {
        let block = label();
        let back = LabelBlock::find(&disk(&block), 900).unwrap();
        assert_eq!(back.label, block.label);
        assert_eq!(back.label.id(), "CMS191");
        assert_eq!(block.bytes[0x10..0x20], [0, 0, 0, 4, 0, 0, 0, 5, 0, 0, 0, 5, 0, 0, 3, 0x84]);
    }

    #[test]
    fn labels_are_found_where_each_kind_of_disk_has_them() {
        for size in BLOCK_SIZES {
            let block = LabelBlock::new(VolumeLabel::new("SMALL", 1, size, 180, DateTime::default()).unwrap());
            let found = LabelBlock::find(&disk(&block), 180).unwrap();
            assert_eq!((found.block, found.offset, found.label.block_size as usize), (3, 0, size));
            // The same label in the second sector, as on a fixed-block disk.
            let mut first = vec![0; LABEL_PIECES as usize * BLOCK_SIZE];
            first[512..592].copy_from_slice(&block.bytes[..80]);
            let mut found = LabelBlock::find(&first, 180).unwrap();
            assert_eq!((found.block, found.offset), if size == 512 { (2, 0) } else { (1, 512) });
            found.commit(5, 9);
            assert_eq!(be32(&found.bytes[found.offset..], 0x10), 5);
            // A file further down that looks like a label does not count.
            let mut first = disk(&block);
            first[8192..8272].copy_from_slice(&label().bytes[..80]);
            assert_eq!(LabelBlock::find(&first, 180).map(|found| found.label.block_size as usize).unwrap_or(4096), size);
        }
    }

    #[test]
    fn labels_that_cannot_be_true_are_refused() {
        let broken = |at: usize, value: u32| {
            let mut block = label();
            put32(&mut block.bytes[..], at, value);
            LabelBlock::find(&disk(&block), 900).err()
        };
        assert_eq!(broken(0x00, 0), Some(LabelError::NotCms));
        assert_eq!(broken(0x0C, 512), Some(LabelError::BlockSize(512)));
        assert_eq!(broken(0x0C, 800), Some(LabelError::BlockSize(800)));
        assert_eq!(broken(0x1C, 901), Some(LabelError::Size { claimed: 901, actual: 900 }));
        assert!(matches!(broken(0x10, 6), Some(LabelError::Damaged(_))));
        assert!(matches!(broken(0x1C, 3), Some(LabelError::Damaged(_))));
        assert!(matches!(broken(0x24, 0), Some(LabelError::Damaged(_))));
    }

    #[test]
    fn names_of_labels_are_checked() {
        assert!(VolumeLabel::new("SEVENCH", 1, 4096, 180, DateTime::default()).is_err());
        assert!(VolumeLabel::new("", 1, 4096, 180, DateTime::default()).is_err());
        assert!(VolumeLabel::new("a", 1, 4096, 180, DateTime::default()).is_err());
    }
}
