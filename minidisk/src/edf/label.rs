//! The volume label: the 80 bytes at the start of block 3 through which everything else is found.

use alloc::boxed::Box;
use core::fmt;

use super::{BLOCK_SIZE, Block, DateTime, ENTRY_SIZE, be32, put32, zero_block};
use crate::ebcdic;

/// Block that holds the label on a CKD-style disk.
pub(crate) const LABEL_BLOCK: u32 = 3;
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
    pub(crate) bytes: Box<Block>,
    pub(crate) label: VolumeLabel,
}

/// Why a block is no label that this file system can work with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LabelError {
    /// No `CMS1` there.
    #[error("The disk is not CMS formatted")]
    NotCms,
    /// Another block size than 4096.
    #[error("The disk is formatted with blocks of {0} bytes, not 4096")]
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
    pub(crate) fn new(id: &str, cylinders: u32, blocks: u32, created: DateTime) -> Result<VolumeLabel, LabelError> {
        let id = padded(id)?;
        let directory = DIRECTORY_HOMES[0];
        Ok(VolumeLabel { id, formatted_cylinders: cylinders, cylinders, blocks, used: 0, created, directory })
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
        let mut bytes = zero_block();
        bytes[0x00..0x04].copy_from_slice(&IDENTIFIER);
        bytes[0x04..0x0A].copy_from_slice(&label.id.map(ebcdic::from_latin1));
        put32(&mut bytes[..], 0x0C, BLOCK_SIZE as u32);
        put32(&mut bytes[..], 0x14, label.formatted_cylinders);
        put32(&mut bytes[..], 0x18, label.cylinders);
        put32(&mut bytes[..], 0x1C, label.blocks);
        put32(&mut bytes[..], 0x24, ENTRY_SIZE as u32);
        put32(&mut bytes[..], 0x28, (BLOCK_SIZE / ENTRY_SIZE) as u32);
        let (date, century) = label.created.to_packed();
        bytes[0x2C..0x32].copy_from_slice(&date);
        bytes[0x32] = if century { CENTURY } else { 0 };
        let (directory, used) = (label.directory, label.used);
        let mut block = LabelBlock { bytes, label };
        block.commit(directory, used);
        block
    }

    /// Reads a label and checks what the rest relies on. `device_blocks` is the size of the disk.
    pub(crate) fn parse(bytes: &Block, device_blocks: u32) -> Result<LabelBlock, LabelError> {
        if bytes[..4] != IDENTIFIER {
            return Err(LabelError::NotCms);
        }
        let field = |at| be32(&bytes[..], at);
        if field(0x0C) != BLOCK_SIZE as u32 {
            return Err(LabelError::BlockSize(field(0x0C)));
        }
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
        Ok(LabelBlock { bytes: Box::new(*bytes), label })
    }

    /// Gives the volume another label.
    pub(crate) fn rename(&mut self, id: &str) -> Result<(), LabelError> {
        self.label.id = padded(id)?;
        self.bytes[0x04..0x0A].copy_from_slice(&self.label.id.map(ebcdic::from_latin1));
        Ok(())
    }

    /// Points the label at a new directory.
    pub(crate) fn commit(&mut self, directory: u32, used: u32) {
        (self.label.directory, self.label.used) = (directory, used);
        put32(&mut self.bytes[..], 0x10, directory);
        put32(&mut self.bytes[..], 0x20, used);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn label() -> LabelBlock {
        LabelBlock::new(VolumeLabel::new("CMS191", 5, 900, DateTime::default()).unwrap())
    }

    #[test]
    fn a_label_comes_back_from_its_bytes() {
        let block = label();
        let back = LabelBlock::parse(&block.bytes, 900).unwrap();
        assert_eq!(back.label, block.label);
        assert_eq!(back.label.id(), "CMS191");
        assert_eq!(block.bytes[0x10..0x20], [0, 0, 0, 4, 0, 0, 0, 5, 0, 0, 0, 5, 0, 0, 3, 0x84]);
    }

    #[test]
    fn labels_that_cannot_be_true_are_refused() {
        let broken = |at: usize, value: u32| {
            let mut block = label();
            put32(&mut block.bytes[..], at, value);
            LabelBlock::parse(&block.bytes, 900).err()
        };
        assert_eq!(broken(0x00, 0), Some(LabelError::NotCms));
        assert_eq!(broken(0x0C, 512), Some(LabelError::BlockSize(512)));
        assert_eq!(broken(0x1C, 901), Some(LabelError::Size { claimed: 901, actual: 900 }));
        assert!(matches!(broken(0x10, 6), Some(LabelError::Damaged(_))));
        assert!(matches!(broken(0x1C, 3), Some(LabelError::Damaged(_))));
        assert!(matches!(broken(0x24, 0), Some(LabelError::Damaged(_))));
    }

    #[test]
    fn names_of_labels_are_checked() {
        assert!(VolumeLabel::new("SEVENCH", 1, 180, DateTime::default()).is_err());
        assert!(VolumeLabel::new("", 1, 180, DateTime::default()).is_err());
        assert!(VolumeLabel::new("a", 1, 180, DateTime::default()).is_err());
    }
}
