//! Reading: records in order, with read-ahead, in bounded storage.

use alloc::boxed::Box;
use alloc::vec::Vec;

use super::entry::{FileEntry, RecordFormat};
use super::pointers::{Pointer, SPANNED, Shape, check_file_block, entries_in_use};
use super::volume::Volume;
use super::{BlockDevice, EdfError, FileId, FileSystem, Result, be32, zero_block};

/// Most bytes read at once.
const READ_AHEAD: usize = 256 << 10;

/// A place in a file that is read. It holds no borrow, so many may be open on one file system.
pub struct FileReader {
    file: FileEntry,
    /// The record at which `data` stands, from 1.
    next: u32,
    data: DataStream,
    /// A read failed: `data` stands nowhere and must go to `next` again.
    lost: bool,
    /// Changes of the directory when the file was last found to be the same.
    seen_changes: u64,
}

/// The records of a file in order: a [`FileReader`] together with its file system.
pub struct Records<'a, D> {
    system: &'a mut FileSystem<D>,
    reader: FileReader,
    failed: bool,
}

impl FileReader {
    /// The file.
    pub fn entry(&self) -> &FileEntry {
        &self.file
    }

    /// Number of the record that is read next, from 1; one more than there are at the end.
    pub fn next_record(&self) -> u32 {
        self.next
    }
}

impl<D: BlockDevice> FileSystem<D> {
    /// Begins to read a file at its first record.
    ///
    /// The reader ends with [`EdfError::Changed`] once the file is replaced, appended to, or erased.
    pub fn open_reader(&self, id: &FileId) -> Result<FileReader, D> {
        let file = self.existing(id)?.clone();
        let data = DataStream::new(&file, self.volume.block_size(), self.space.blocks());
        Ok(FileReader { file, next: 1, data, lost: false, seen_changes: self.directory.changes })
    }

    /// Goes to a record, from 1. A record beyond the end is the end of the file.
    pub fn seek(&mut self, reader: &mut FileReader, record: u32) -> Result<(), D> {
        self.unchanged(reader)?;
        let record = record.clamp(1, reader.file.records + 1);
        // A stream that is lost goes to the record when that is read.
        if record != reader.next && record <= reader.file.records && !reader.lost {
            let found = self.go_to(reader, record);
            reader.lost = found.is_err();
            found?;
        }
        reader.next = record;
        Ok(())
    }

    /// Reads the next record into `record`, which is cleared first. False at the end of the file. After an error the same record
    /// may be tried again.
    pub fn read_next(&mut self, reader: &mut FileReader, record: &mut Vec<u8>) -> Result<bool, D> {
        record.clear();
        if reader.next > reader.file.records {
            return Ok(false);
        }
        self.resume_reading(reader)?;
        let length = match reader.file.format {
            RecordFormat::Fixed(lrecl) => lrecl as usize,
            RecordFormat::Variable => reader.data.record_length(&mut self.volume)?,
        };
        reader.data.take(&mut self.volume, length, |bytes| record.extend_from_slice(bytes))?;
        reader.lost = false;
        reader.next += 1;
        Ok(true)
    }

    /// Reads the next records of a fixed file, at most `most`, into `records`, which is cleared first; answers how many.
    /// Of a variable file it reads one.
    pub fn read_run(&mut self, reader: &mut FileReader, most: u32, records: &mut Vec<u8>) -> Result<u32, D> {
        let RecordFormat::Fixed(lrecl) = reader.file.format else {
            return Ok(u32::from(most > 0 && self.read_next(reader, records)?));
        };
        records.clear();
        let count = most.min(reader.file.records + 1 - reader.next);
        if count == 0 {
            return Ok(0);
        }
        self.resume_reading(reader)?;
        let length = count as usize * lrecl as usize;
        reader.data.take(&mut self.volume, length, |bytes| records.extend_from_slice(bytes))?;
        reader.lost = false;
        reader.next += count;
        Ok(count)
    }

    /// Makes sure that the stream stands at the next record. It counts as lost until the read is done.
    fn resume_reading(&mut self, reader: &mut FileReader) -> Result<(), D> {
        self.unchanged(reader)?;
        if core::mem::replace(&mut reader.lost, true) {
            reader.data = DataStream::new(&reader.file, self.volume.block_size(), self.space.blocks());
            self.go_to(reader, reader.next)?;
        }
        Ok(())
    }

    fn go_to(&mut self, reader: &mut FileReader, record: u32) -> Result<(), D> {
        match reader.file.format {
            RecordFormat::Fixed(lrecl) => {
                reader.data.seek_fixed(u64::from(record - 1) * u64::from(lrecl));
                Ok(())
            }
            RecordFormat::Variable => reader.data.seek_variable(&mut self.volume, reader.next, record),
        }
    }

    /// Reads a file record by record.
    pub fn read(&mut self, id: &FileId) -> Result<Records<'_, D>, D> {
        let reader = self.open_reader(id)?;
        Ok(Records { system: self, reader, failed: false })
    }

    /// Reads `count` records, fewer at the end of the file, from record `first` on (the first record is 1).
    pub fn read_range(&mut self, id: &FileId, first: u32, count: u32) -> Result<Vec<Vec<u8>>, D> {
        let mut reader = self.open_reader(id)?;
        self.seek(&mut reader, first)?;
        let mut records = Vec::new();
        let mut record = Vec::new();
        while (records.len() as u64) < u64::from(count) && self.read_next(&mut reader, &mut record)? {
            records.push(core::mem::take(&mut record));
        }
        Ok(records)
    }

    fn unchanged(&self, reader: &mut FileReader) -> Result<(), D> {
        if reader.seen_changes == self.directory.changes {
            return Ok(());
        }
        match self.directory.find(&reader.file.id) {
            Some(now) if now.version == reader.file.version && now.origin == reader.file.origin => {
                reader.seen_changes = self.directory.changes;
                Ok(())
            }
            _ => Err(EdfError::Changed),
        }
    }
}

impl<D: BlockDevice> Records<'_, D> {
    /// Reads the next record into `record`, which is cleared first. False at the end of the file.
    pub fn next_into(&mut self, record: &mut Vec<u8>) -> Result<bool, D> {
        self.system.read_next(&mut self.reader, record)
    }

    /// The file.
    pub fn entry(&self) -> &FileEntry {
        self.reader.entry()
    }
}

/// Ends after the first error.
impl<D: BlockDevice> Iterator for Records<'_, D> {
    type Item = Result<Vec<u8>, D>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.failed {
            return None;
        }
        let mut record = Vec::new();
        match self.next_into(&mut record) {
            Ok(true) => Some(Ok(record)),
            Ok(false) => None,
            Err(error) => {
                self.failed = true;
                Some(Err(error))
            }
        }
    }
}

/// A pointer block on the way to the data, and the entry taken in it.
struct Level {
    block: u32,
    bytes: Box<[u8]>,
    entries: usize,
    index: usize,
}

/// The data blocks of a file as one stream of bytes.
///
/// `path` leads from the top pointer block to the next data block that is not in the window.
pub(super) struct DataStream {
    shape: Shape,
    origin: u32,
    levels: u8,
    disk_blocks: u32,
    /// Data blocks of the file as far as the directory entry knows.
    data_blocks: u64,
    /// Place in the file of the data block that comes after the window; variable files: counted since the last seek.
    next_block: u64,
    path: Vec<Level>,
    window: Vec<u8>,
    position: usize,
    /// Blocks to read at the next miss.
    ahead: usize,
}

impl DataStream {
    pub(super) fn new(file: &FileEntry, block_size: usize, disk_blocks: u32) -> DataStream {
        let shape = Shape::of(file.format, block_size);
        let data_blocks = shape.data_blocks(file);
        DataStream {
            shape,
            origin: file.origin,
            levels: file.levels,
            disk_blocks,
            data_blocks,
            next_block: 0,
            path: Vec::new(),
            window: Vec::new(),
            position: 0,
            ahead: 1,
        }
    }

    /// Goes to a byte of a fixed file.
    fn seek_fixed(&mut self, offset: u64) {
        let size = self.shape.block_size as u64;
        let block = offset / size;
        let window_blocks = self.window.len() as u64 / size;
        let window_start = self.next_block - window_blocks;
        if (window_start..self.next_block).contains(&block) {
            self.position = (offset - window_start * size) as usize;
            return;
        }
        self.forget_window();
        self.next_block = block;
        self.position = (offset % size) as usize;
    }

    /// Goes to the start of a record of a variable file; the stream stands at record `current`.
    fn seek_variable<D: BlockDevice>(&mut self, volume: &mut Volume<D>, current: u32, record: u32) -> Result<(), D> {
        let mut at = current;
        // A short way forward inside the window needs no pointers.
        let near = record > current && self.position < self.window.len() && record - current < 64;
        if !near {
            let (start, first) = self.descend(volume, Some(record))?;
            self.forget_window();
            (self.next_block, self.position, at) = (0, start, first);
        }
        while at < record {
            let length = self.record_length(volume)?;
            self.take(volume, length, |_| {})?;
            at += 1;
        }
        Ok(())
    }

    fn forget_window(&mut self) {
        self.window.clear();
        self.ahead = 1;
    }

    /// Reads the length that stands before a record of a variable file.
    fn record_length<D: BlockDevice>(&mut self, volume: &mut Volume<D>) -> Result<usize, D> {
        let mut length = 0;
        if let Some(&[high, low]) = self.window.get(self.position..self.position + 2) {
            length = usize::from(u16::from_be_bytes([high, low]));
            self.position += 2;
        } else {
            self.take(volume, 2, |bytes| bytes.iter().for_each(|&byte| length = (length << 8) | usize::from(byte)))?;
        }
        match length {
            0 => Err(EdfError::Damaged("a file ends before its last record")),
            _ => Ok(length),
        }
    }

    /// Hands the next `length` bytes to `each`, in pieces.
    fn take<D: BlockDevice>(&mut self, volume: &mut Volume<D>, mut length: usize, mut each: impl FnMut(&[u8])) -> Result<(), D> {
        while length > 0 {
            if self.position >= self.window.len() {
                self.fill(volume)?;
            }
            let piece = length.min(self.window.len() - self.position);
            each(&self.window[self.position..self.position + piece]);
            self.position += piece;
            length -= piece;
        }
        Ok(())
    }

    /// Reads the data blocks that follow the window. `position` moves with the window: after a seek it is the offset in the first new block.
    fn fill<D: BlockDevice>(&mut self, volume: &mut Volume<D>) -> Result<(), D> {
        let mut blocks = Vec::with_capacity(self.ahead);
        while blocks.len() < self.ahead {
            match self.next_data_block(volume)? {
                Some(block) => blocks.push(block),
                None => break,
            }
        }
        if blocks.is_empty() {
            return Err(EdfError::Damaged("a file ends before its last record"));
        }
        self.position -= self.window.len();
        self.window.clear();
        let size = self.shape.block_size;
        self.window.resize(blocks.len() * size, 0);
        let mut start = 0;
        for run in blocks.split(|&block| block == 0) {
            let bytes = start * size..(start + run.len()) * size;
            if !run.is_empty() {
                volume.read_list(run, &mut self.window[bytes]).map_err(EdfError::Device)?;
            }
            start += run.len() + 1;
        }
        self.ahead = (self.ahead * 2).min(READ_AHEAD / size);
        Ok(())
    }

    /// The number of the next data block, 0 for a null block, `None` after the last.
    fn next_data_block<D: BlockDevice>(&mut self, volume: &mut Volume<D>) -> Result<Option<u32>, D> {
        if self.next_block >= self.data_blocks {
            return Ok(None);
        }
        let block = match self.shape.variable {
            false => self.fixed_block(volume)?,
            true => match self.variable_block(volume)? {
                Some(block) => block,
                None => return Ok(None),
            },
        };
        if block != 0 {
            check_file_block::<D>(block, self.disk_blocks)?;
        }
        self.next_block += 1;
        Ok(Some(block))
    }

    fn fixed_block<D: BlockDevice>(&mut self, volume: &mut Volume<D>) -> Result<u32, D> {
        if self.data_blocks > self.shape.reach(self.levels) {
            return Err(EdfError::Damaged("a file has fewer levels of pointer blocks than its size needs"));
        }
        let mut block = self.origin;
        for level in 0..self.levels {
            if block == 0 {
                return Ok(0);
            }
            let below = self.shape.reach(self.levels - 1 - level);
            let index = (self.next_block / below) as usize % self.shape.fan_out();
            let bytes = self.enter(volume, usize::from(level), block)?;
            block = Pointer::at(Shape::fixed(bytes.len()), bytes, index).block;
        }
        Ok(block)
    }

    /// The pointer block at a depth of the path, read unless it is there already.
    fn enter<D: BlockDevice>(&mut self, volume: &mut Volume<D>, depth: usize, block: u32) -> Result<&[u8], D> {
        check_file_block::<D>(block, self.disk_blocks)?;
        if self.path.get(depth).is_none_or(|level| level.block != block) {
            self.path.truncate(depth);
            let mut bytes = zero_block(self.shape.block_size);
            volume.read(block, &mut bytes[..]).map_err(EdfError::Device)?;
            let entries = entries_in_use::<D>(self.shape, &bytes)?;
            self.path.push(Level { block, bytes, entries, index: 0 });
        }
        Ok(&self.path[depth].bytes)
    }

    /// The data block the path leads to; the path goes on to the next one.
    fn variable_block<D: BlockDevice>(&mut self, volume: &mut Volume<D>) -> Result<Option<u32>, D> {
        if self.levels == 0 {
            return Ok((self.next_block == 0).then_some(self.origin).filter(|&block| block != 0));
        }
        if self.path.len() != usize::from(self.levels) {
            self.descend(volume, None)?;
        }
        // Up to a level with an entry left, then down along first entries. The top level stays: at the end it has none left.
        while self.path.len() > 1 && self.path.last().is_some_and(|level| level.index >= level.entries) {
            self.path.pop();
            if let Some(level) = self.path.last_mut() {
                level.index += 1;
            }
        }
        let Some(level) = self.path.last().filter(|level| level.index < level.entries) else {
            return Ok(None);
        };
        let mut pointer = Pointer::at(self.shape, &level.bytes, level.index);
        while self.path.len() < usize::from(self.levels) {
            let depth = self.path.len();
            self.enter(volume, depth, pointer.block)?;
            pointer = Pointer::at(self.shape, &self.path[depth].bytes, 0);
        }
        if pointer.block == 0 && pointer.highest == 0 {
            return Ok(None);
        }
        if let Some(level) = self.path.last_mut() {
            level.index += 1;
        }
        Ok(Some(pointer.block))
    }

    /// Sets the path to the data block in which `record` begins, or to the first one. Answers where in the block a record begins first,
    /// and its number.
    fn descend<D: BlockDevice>(&mut self, volume: &mut Volume<D>, record: Option<u32>) -> Result<(usize, u32), D> {
        let mut before = 0;
        let mut displacement = 0;
        let mut block = self.origin;
        for depth in 0..usize::from(self.levels) {
            self.enter(volume, depth, block)?;
            let level = &mut self.path[depth];
            let highest = |index: usize| be32(&level.bytes[..], index * 12 + 4);
            let index = match record {
                None => 0,
                Some(record) => (0..level.entries)
                    .find(|&index| highest(index) >= record)
                    .ok_or(EdfError::Damaged("a record is missing from the pointer blocks"))?,
            };
            if index > 0 {
                before = highest(index - 1);
            }
            level.index = index;
            let pointer = Pointer::at(self.shape, &level.bytes, index);
            (block, displacement) = (pointer.block, pointer.displacement);
        }
        let Some(record) = record else {
            return Ok((0, 1));
        };
        let wrong = displacement == SPANNED || displacement as usize >= self.shape.block_size || before >= record;
        if wrong {
            return Err(EdfError::Damaged("the pointer blocks do not agree on where a record begins"));
        }
        Ok((displacement as usize, before + 1))
    }
}
