//! Pointer blocks: the trees that lead from a directory entry to the data blocks of a file.
//!
//! A fixed file's pointer block is an array of block numbers, 0 for a null block. A variable file's has entries of twelve bytes that also
//! say which records lie behind them; its last four bytes hold the offset of the last entry in use.

use alloc::boxed::Box;
use alloc::vec::Vec;

use super::entry::{FileEntry, RecordFormat};
use super::label::DIRECTORY_HOMES;
use super::volume::Volume;
use super::{BlockDevice, EdfError, Result, be32, put32, zero_block};

/// Displacement of a block that lies wholly inside one record.
pub(crate) const SPANNED: u32 = u32::MAX;

/// Shape of the pointer blocks of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Shape {
    /// Of a variable file.
    pub(crate) variable: bool,
    /// Bytes of a block.
    pub(crate) block_size: usize,
}

impl Shape {
    pub(crate) fn of(format: RecordFormat, block_size: usize) -> Shape {
        Shape { variable: format == RecordFormat::Variable, block_size }
    }

    /// That of a fixed file, and of the file system's own two.
    pub(crate) const fn fixed(block_size: usize) -> Shape {
        Shape { variable: false, block_size }
    }

    /// Bytes of an entry.
    pub(crate) const fn entry_size(self) -> usize {
        if self.variable { 12 } else { 4 }
    }

    /// Entries of a pointer block.
    pub(crate) const fn fan_out(self) -> usize {
        self.block_size / self.entry_size()
    }

    /// Data blocks that so many levels of pointer blocks can reach.
    pub(crate) fn reach(self, levels: u8) -> u64 {
        (self.fan_out() as u64).saturating_pow(u32::from(levels))
    }

    /// Data blocks of a file, null blocks included.
    pub(crate) fn data_blocks(self, file: &FileEntry) -> u64 {
        match file.format {
            RecordFormat::Fixed(lrecl) => self.fixed_blocks(file.records, lrecl),
            RecordFormat::Variable => u64::from(file.blocks),
        }
    }

    /// Data blocks of a fixed file, null blocks included.
    pub(crate) fn fixed_blocks(self, records: u32, lrecl: u32) -> u64 {
        (u64::from(records) * u64::from(lrecl)).div_ceil(self.block_size as u64)
    }

    /// Offset of the offset of the last entry in a variable pointer block.
    const fn last_entry(self) -> usize {
        self.block_size - 4
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
    pub(crate) fn at(shape: Shape, bytes: &[u8], index: usize) -> Pointer {
        let at = index * shape.entry_size();
        match shape.variable {
            false => Pointer { block: be32(bytes, at), ..Pointer::default() },
            true => Pointer { block: be32(bytes, at), highest: be32(bytes, at + 4), displacement: be32(bytes, at + 8) },
        }
    }

    /// Adds the entry to the bytes of a pointer block.
    pub(crate) fn push(self, shape: Shape, bytes: &mut Vec<u8>) {
        bytes.extend(self.block.to_be_bytes());
        if shape.variable {
            bytes.extend(self.highest.to_be_bytes());
            bytes.extend(self.displacement.to_be_bytes());
        }
    }
}

/// A whole pointer block from the bytes of its entries, of which there is at least one.
pub(crate) fn pointer_block(shape: Shape, entries: &[u8]) -> Box<[u8]> {
    let mut block = zero_block(shape.block_size);
    block[..entries.len()].copy_from_slice(entries);
    if shape.variable {
        put32(&mut block[..], shape.last_entry(), (entries.len() - shape.entry_size()) as u32);
    }
    block
}

/// Entries in use in a variable pointer block.
fn variable_entries<D: BlockDevice>(shape: Shape, bytes: &[u8]) -> Result<usize, D> {
    let size = shape.entry_size();
    let last = be32(bytes, shape.last_entry()) as usize;
    if !last.is_multiple_of(size) || last / size >= shape.fan_out() {
        return Err(EdfError::Damaged("a pointer block does not say where its last entry is"));
    }
    Ok(last / size + 1)
}

/// Entries in use in a pointer block: those of a fixed file are as many as fit, its size says which count.
pub(crate) fn entries_in_use<D: BlockDevice>(shape: Shape, bytes: &[u8]) -> Result<usize, D> {
    if shape.variable { variable_entries::<D>(shape, bytes) } else { Ok(shape.fan_out()) }
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
    volume: &mut Volume<D>,
    disk_blocks: u32,
    file: &FileEntry,
    visit: &mut dyn FnMut(Visit) -> Result<(), D>,
) -> Result<(), D> {
    let shape = Shape::of(file.format, volume.block_size());
    let data_blocks = shape.data_blocks(file);
    if data_blocks > shape.reach(file.levels) {
        return Err(EdfError::Damaged("a file has fewer levels of pointer blocks than its size needs"));
    }
    if file.origin == 0 || file.records == 0 {
        return Ok(());
    }
    let pointer = Pointer { block: file.origin, highest: file.records, displacement: 0 };
    let mut walk = Walk { volume, disk_blocks, shape, data_blocks, next: 0, met: 0, visit };
    walk.subtree(pointer, file.levels)
}

struct Walk<'a, D: BlockDevice> {
    volume: &'a mut Volume<D>,
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
        if pointer.block == 0 && !self.shape.variable {
            self.next += self.shape.reach(levels);
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
        let mut bytes = zero_block(self.shape.block_size);
        self.volume.read(pointer.block, &mut bytes[..]).map_err(EdfError::Device)?;
        for index in 0..entries_in_use::<D>(self.shape, &bytes)? {
            if !self.shape.variable && self.next >= self.data_blocks {
                break;
            }
            self.subtree(Pointer::at(self.shape, &bytes, index), levels - 1)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::{BLOCK_SIZES, MemoryDisk};
    use super::*;

    #[test]
    fn a_variable_pointer_block_says_where_its_last_entry_is() {
        for block_size in BLOCK_SIZES {
            let shape = Shape { variable: true, block_size };
            let mut entries = Vec::new();
            let pointer = Pointer { block: 9, highest: 3, displacement: SPANNED };
            Pointer { block: 7, highest: 2, displacement: 0 }.push(shape, &mut entries);
            pointer.push(shape, &mut entries);
            let mut block = pointer_block(shape, &entries);
            assert_eq!(be32(&block[..], block_size - 4), 12);
            assert_eq!(variable_entries::<MemoryDisk>(shape, &block), Ok(2));
            assert_eq!(Pointer::at(shape, &block, 1), pointer);
            for bad in [5, (block_size / 12 * 12) as u32, u32::MAX] {
                put32(&mut block[..], block_size - 4, bad);
                assert!(variable_entries::<MemoryDisk>(shape, &block).is_err());
            }
        }
    }

    #[test]
    fn the_shapes_are_those_of_the_format() {
        let fan_outs = BLOCK_SIZES.map(|size| (Shape::fixed(size).fan_out(), Shape::of(RecordFormat::Variable, size).fan_out()));
        assert_eq!(fan_outs, [(128, 42), (256, 85), (512, 170), (1024, 341)]);
        assert_eq!(Shape::fixed(4096).reach(2), 1 << 20);
        assert_eq!(Shape::fixed(4096).fixed_blocks(120, 80), 3);
        assert_eq!(Shape::fixed(512).fixed_blocks(120, 80), 19);
        assert_eq!(Shape::fixed(512).fixed_blocks(0, 80), 0);
    }
}
