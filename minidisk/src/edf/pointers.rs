//! Pointer blocks: the trees that lead from a directory entry to the data blocks of a file.
//!
//! A fixed file's pointer block is an array of block numbers, 0 for a null block. A variable file's has entries of twelve bytes that also
//! say which records lie behind them; its last four bytes hold the offset of the last entry in use.

use alloc::boxed::Box;
use alloc::vec::Vec;

use super::entry::{FileEntry, RecordFormat};
use super::label::DIRECTORY_HOMES;
use super::{BLOCK_SIZE, Block, BlockDevice, EdfError, Result, be32, put32, zero_block};

/// Displacement of a block that lies wholly inside one record.
pub(crate) const SPANNED: u32 = u32::MAX;
/// Offset of the offset of the last entry in a variable pointer block.
const LAST_ENTRY: usize = BLOCK_SIZE - 4;

/// Shape of the pointer blocks of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shape {
    Fixed,
    Variable,
}

impl Shape {
    pub(crate) fn of(format: RecordFormat) -> Shape {
        match format {
            RecordFormat::Fixed(_) => Shape::Fixed,
            RecordFormat::Variable => Shape::Variable,
        }
    }

    /// Bytes of an entry.
    pub(crate) const fn entry_size(self) -> usize {
        match self {
            Shape::Fixed => 4,
            Shape::Variable => 12,
        }
    }

    /// Entries of a pointer block.
    pub(crate) const fn fan_out(self) -> usize {
        BLOCK_SIZE / self.entry_size()
    }
}

/// What a pointer says of the block behind it, or of the whole subtree.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Pointer {
    /// The block, 0 for a null block.
    pub(crate) block: u32,
    /// Variable files: the highest record that begins before the end of the block.
    pub(crate) highest: u32,
    /// Variable files: bytes at the start that belong to a record begun earlier, or [`SPANNED`].
    pub(crate) displacement: u32,
}

impl Pointer {
    /// The entry at an index of a pointer block.
    pub(crate) fn at(shape: Shape, bytes: &Block, index: usize) -> Pointer {
        let at = index * shape.entry_size();
        match shape {
            Shape::Fixed => Pointer { block: be32(bytes, at), ..Pointer::default() },
            Shape::Variable => Pointer { block: be32(bytes, at), highest: be32(bytes, at + 4), displacement: be32(bytes, at + 8) },
        }
    }

    /// Adds the entry to the bytes of a pointer block.
    pub(crate) fn push(self, shape: Shape, bytes: &mut Vec<u8>) {
        bytes.extend(self.block.to_be_bytes());
        if shape == Shape::Variable {
            bytes.extend(self.highest.to_be_bytes());
            bytes.extend(self.displacement.to_be_bytes());
        }
    }
}

/// A whole pointer block from the bytes of its entries, of which there is at least one.
pub(crate) fn pointer_block(shape: Shape, entries: &[u8]) -> Box<Block> {
    let mut block = zero_block();
    block[..entries.len()].copy_from_slice(entries);
    if shape == Shape::Variable {
        put32(&mut block[..], LAST_ENTRY, (entries.len() - shape.entry_size()) as u32);
    }
    block
}

/// Entries in use in a variable pointer block.
pub(crate) fn variable_entries<D: BlockDevice>(bytes: &Block) -> Result<usize, D> {
    let size = Shape::Variable.entry_size();
    let last = be32(bytes, LAST_ENTRY) as usize;
    if !last.is_multiple_of(size) || last / size >= Shape::Variable.fan_out() {
        return Err(EdfError::Damaged("a pointer block does not say where its last entry is"));
    }
    Ok(last / size + 1)
}

/// Data blocks of a fixed file, null blocks included.
pub(crate) fn fixed_blocks(records: u32, lrecl: u32) -> u64 {
    (u64::from(records) * u64::from(lrecl)).div_ceil(BLOCK_SIZE as u64)
}

/// Data blocks that `levels` levels of a fixed file's pointer blocks can reach.
pub(crate) fn reach(shape: Shape, levels: u8) -> u64 {
    (shape.fan_out() as u64).saturating_pow(u32::from(levels))
}

/// Refuses a block number that no file can have.
pub(crate) fn check_file_block<D: BlockDevice>(block: u32, disk_blocks: u32) -> Result<(), D> {
    if block <= DIRECTORY_HOMES[1] || block > disk_blocks {
        return Err(EdfError::Damaged("a pointer leads outside the disk"));
    }
    Ok(())
}

/// What a [`walk`] meets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Visit {
    /// A pointer block.
    Pointers(u32),
    /// A data block, by its place in the file; null blocks of fixed files are not visited.
    Data(u64, Pointer),
}

/// Goes through all blocks of a file in order, reading only pointer blocks. More blocks than the disk has are an error,
/// so it ends whatever the pointers say.
pub(crate) fn walk<D: BlockDevice>(
    device: &mut D,
    disk_blocks: u32,
    file: &FileEntry,
    visit: &mut dyn FnMut(Visit) -> Result<(), D>,
) -> Result<(), D> {
    let shape = Shape::of(file.format);
    let data_blocks = match file.format {
        RecordFormat::Fixed(lrecl) => fixed_blocks(file.records, lrecl),
        RecordFormat::Variable => u64::from(file.blocks),
    };
    if data_blocks > reach(shape, file.levels) {
        return Err(EdfError::Damaged("a file has fewer levels of pointer blocks than its size needs"));
    }
    if file.origin == 0 || file.records == 0 {
        return Ok(());
    }
    let pointer = Pointer { block: file.origin, highest: file.records, displacement: 0 };
    let mut walk = Walk { device, disk_blocks, shape, data_blocks, next: 0, met: 0, visit };
    walk.subtree(pointer, file.levels)
}

struct Walk<'a, D: BlockDevice> {
    device: &'a mut D,
    disk_blocks: u32,
    shape: Shape,
    /// Fixed files: where the pointers end. Those of variable files say so themselves.
    data_blocks: u64,
    /// Place in the file of the next data block.
    next: u64,
    /// Blocks met so far.
    met: u32,
    visit: &'a mut dyn FnMut(Visit) -> Result<(), D>,
}

impl<D: BlockDevice> Walk<'_, D> {
    /// Visits what lies behind a pointer that has so many levels below it. The depth is at most `MAX_LEVELS`.
    fn subtree(&mut self, pointer: Pointer, levels: u8) -> Result<(), D> {
        if pointer.block == 0 && self.shape == Shape::Fixed {
            self.next += reach(Shape::Fixed, levels);
            return Ok(());
        }
        if pointer.block == 0 && (levels > 0 || pointer.highest == 0) {
            return Err(EdfError::Damaged("a pointer of a variable file leads nowhere"));
        }
        if pointer.block != 0 {
            check_file_block::<D>(pointer.block, self.disk_blocks)?;
        }
        self.met += 1;
        if self.met > self.disk_blocks {
            return Err(EdfError::Damaged("the pointers of a file run in circles"));
        }
        if levels == 0 {
            (self.visit)(Visit::Data(self.next, pointer))?;
            self.next += 1;
            return Ok(());
        }
        (self.visit)(Visit::Pointers(pointer.block))?;
        let mut bytes = zero_block();
        self.device.read(pointer.block, &mut bytes[..]).map_err(EdfError::Device)?;
        let entries = match self.shape {
            Shape::Fixed => self.shape.fan_out(),
            Shape::Variable => variable_entries::<D>(&bytes)?,
        };
        for index in 0..entries {
            if self.shape == Shape::Fixed && self.next >= self.data_blocks {
                break;
            }
            self.subtree(Pointer::at(self.shape, &bytes, index), levels - 1)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::MemoryDisk;
    use super::*;

    #[test]
    fn a_variable_pointer_block_says_where_its_last_entry_is() {
        let mut entries = Vec::new();
        let pointer = Pointer { block: 9, highest: 3, displacement: SPANNED };
        Pointer { block: 7, highest: 2, displacement: 0 }.push(Shape::Variable, &mut entries);
        pointer.push(Shape::Variable, &mut entries);
        let mut block = pointer_block(Shape::Variable, &entries);
        assert_eq!(be32(&block[..], LAST_ENTRY), 12);
        assert_eq!(variable_entries::<MemoryDisk>(&block), Ok(2));
        assert_eq!(Pointer::at(Shape::Variable, &block, 1), pointer);
        for bad in [5, 341 * 12, u32::MAX] {
            put32(&mut block[..], LAST_ENTRY, bad);
            assert!(variable_entries::<MemoryDisk>(&block).is_err());
        }
    }

    #[test]
    fn the_shapes_are_those_of_the_format() {
        assert_eq!((Shape::Fixed.fan_out(), Shape::Variable.fan_out()), (1024, 341));
        assert_eq!(reach(Shape::Fixed, 2), 1 << 20);
        assert_eq!(fixed_blocks(120, 80), 3);
        assert_eq!(fixed_blocks(0, 80), 0);
    }
}
