//! Writing: records are packed into data blocks and the pointer blocks above them grow with them, from left to right.

use alloc::vec::Vec;

use super::entry::{FileEntry, MAX_RECORD, MAX_RECORDS, RecordFormat};
use super::filesystem::check_mode;
use super::pointers::{Pointer, SPANNED, Shape, check_file_block, entries_in_use, pointer_block};
use super::space::Runs;
use super::{BlockDevice, DateTime, EdfError, FileId, FileSystem, MAX_FILES, RecordLengths, Result, be32, zero_block};

/// Bytes of data that are gathered before they are written.
const GATHER: usize = 256 << 10;
const WRONG_END: &str = "a file does not end where its directory entry says";

/// A file being written. It holds no borrow, so many may be open on one file system.
///
/// Give it back to [`FileSystem::close`] or [`FileSystem::abandon`]; one that is dropped keeps its blocks from use until the
/// file system is opened again. Nothing of it is on the disk's books before.
#[must_use]
pub struct FileWriter {
    id: FileId,
    mode: u8,
    format: RecordFormat,
    lrecl: u32,
    records: u32,
    /// The file that is appended to.
    base: Option<FileEntry>,
    /// Versions of files there were when this began.
    begun: u64,
    tree: Tree,
    /// Data that is not written yet, beginning at a block boundary.
    data: Vec<u8>,
    /// What the pointer of each block of `data` will say; `block` is 0 still.
    pending: Vec<Pointer>,
    held: Runs,
    /// Blocks of `base` that were copied and are not needed any more.
    replaced: Vec<u32>,
    /// Null blocks that stay in the file.
    null_blocks: u64,
    /// Something could not be written: only good for [`FileSystem::abandon`].
    failed: bool,
}

impl FileWriter {
    /// The file's name and type.
    pub fn id(&self) -> &FileId {
        &self.id
    }

    /// Records so far, with those that were there before an append.
    pub fn records(&self) -> u32 {
        self.records
    }

    /// How the file is cut into records.
    pub fn format(&self) -> RecordFormat {
        self.format
    }

    fn allowed(&self) -> RecordLengths {
        match self.format {
            RecordFormat::Fixed(lrecl) => RecordLengths::Exactly(lrecl),
            RecordFormat::Variable => RecordLengths::Variable,
        }
    }

    /// Puts a record behind the others, in storage.
    fn pack(&mut self, record: &[u8]) {
        self.records += 1;
        let start = self.data.len();
        if self.format == RecordFormat::Variable {
            self.data.extend((record.len() as u16).to_be_bytes());
            self.lrecl = self.lrecl.max(record.len() as u32);
        }
        self.data.extend_from_slice(record);
        let end = self.data.len();
        // Blocks that begin with this record (displacement 0), or that it runs on into.
        let size = self.tree.shape.block_size;
        while self.pending.len() * size < end {
            let boundary = self.pending.len() * size;
            let displacement = match end - boundary {
                _ if boundary == start => 0,
                rest if rest >= size => SPANNED,
                rest => rest as u32,
            };
            self.pending.push(Pointer { block: 0, highest: 0, displacement });
        }
        self.pending[start / size..].iter_mut().for_each(|pointer| pointer.highest = self.records);
    }
}

/// The pointer blocks of a file that grows: for each level, from the lowest, the entries of its last, unfinished block.
struct Tree {
    shape: Shape,
    levels: Vec<Vec<u8>>,
    data_blocks: u64,
}

impl Tree {
    fn new(shape: Shape) -> Tree {
        Tree { shape, levels: Vec::new(), data_blocks: 0 }
    }

    fn is_full(&self, level: usize) -> bool {
        self.levels[level].len() == self.shape.fan_out() * self.shape.entry_size()
    }

    fn push(&mut self, level: usize, pointer: Pointer) {
        if level == self.levels.len() {
            self.levels.push(Vec::new());
        }
        pointer.push(self.shape, &mut self.levels[level]);
    }

    /// What the level above says of this level's block, were it written to `block`.
    fn summary(&self, level: usize, block: u32) -> Pointer {
        let entries = &self.levels[level];
        match self.shape.variable {
            false => Pointer { block, ..Pointer::default() },
            true => Pointer { block, highest: be32(entries, entries.len() - 8), displacement: be32(entries, 8) },
        }
    }
}

impl<D: BlockDevice> FileSystem<D> {
    /// Begins a file. When it is closed it takes the place of the one that has its name then, if any.
    pub fn create(&mut self, id: &FileId, mode: u8, format: RecordFormat) -> Result<FileWriter, D> {
        self.writable()?;
        check_mode::<D>(mode)?;
        let lrecl = match format {
            RecordFormat::Fixed(lrecl) if !(1..=MAX_RECORD).contains(&lrecl) => {
                return Err(EdfError::BadLrecl(lrecl));
            }
            RecordFormat::Fixed(lrecl) => lrecl,
            RecordFormat::Variable => 0,
        };
        Ok(FileWriter {
            id: *id,
            mode,
            format,
            lrecl,
            records: 0,
            base: None,
            begun: self.rollbacks(),
            tree: Tree::new(Shape::of(format, self.volume.block_size())),
            data: Vec::new(),
            pending: Vec::new(),
            held: Runs::default(),
            replaced: Vec::new(),
            null_blocks: 0,
            failed: false,
        })
    }

    /// Begins to add records at the end of a file.
    ///
    /// Only the last data block and the pointer blocks above it are written anew; closing fails with [`EdfError::Changed`] when
    /// the file was changed meanwhile.
    pub fn extend(&mut self, id: &FileId) -> Result<FileWriter, D> {
        let file = self.existing(id)?.clone();
        let mut writer = self.create(id, file.mode, file.format)?;
        (writer.lrecl, writer.records) = (file.lrecl, file.records);
        if file.records > 0 {
            self.resume(&mut writer, &file)?;
        }
        writer.base = Some(file);
        Ok(writer)
    }

    /// Adds a record. A record of a wrong length changes nothing; after any other error the file cannot be closed any more.
    ///
    /// Variable: 1 to 65535 bytes (CMS has no empty records; an empty line is stored as one blank). Fixed: as long as all others.
    pub fn put(&mut self, writer: &mut FileWriter, record: &[u8]) -> Result<(), D> {
        let allowed = writer.allowed();
        let fits = match allowed {
            RecordLengths::Exactly(lrecl) => record.len() == lrecl as usize,
            RecordLengths::Variable => (1..=MAX_RECORD as usize).contains(&record.len()),
        };
        if !fits {
            return Err(EdfError::RecordLength { length: record.len(), allowed });
        }
        self.make_room(writer, 1)?;
        writer.pack(record);
        Ok(())
    }

    /// Adds many records of a fixed file at once: bytes that are a multiple of its record length. Otherwise like [`put`](FileSystem::put).
    pub fn put_run(&mut self, writer: &mut FileWriter, records: &[u8]) -> Result<(), D> {
        let allowed = writer.allowed();
        let RecordFormat::Fixed(lrecl) = writer.format else {
            return self.put(writer, records);
        };
        if !records.len().is_multiple_of(lrecl as usize) {
            return Err(EdfError::RecordLength { length: records.len(), allowed });
        }
        // As many whole records at a time as about fill the buffer.
        let step = (GATHER / lrecl as usize).max(1) * lrecl as usize;
        for part in records.chunks(step) {
            let count = (part.len() / lrecl as usize) as u32;
            self.make_room(writer, count)?;
            writer.pack(part);
            writer.records += count - 1;
        }
        Ok(())
    }

    /// Writes the full blocks of a full buffer, and refuses more records than a file can have.
    fn make_room(&mut self, writer: &mut FileWriter, records: u32) -> Result<(), D> {
        if writer.records > MAX_RECORDS - records {
            return Err(EdfError::TooManyRecords);
        }
        if writer.data.len() >= GATHER {
            self.still_valid(writer)?;
            writer.failed = true;
            self.write_data(writer, writer.data.len() / self.volume.block_size())?;
            writer.failed = false;
        }
        Ok(())
    }

    /// Ends a file and enters it in the directory; durable with the next commit. After an error the directory is unchanged.
    pub fn close(&mut self, mut writer: FileWriter, now: DateTime) -> Result<(), D> {
        match self.finish(&mut writer, now) {
            Ok(()) => Ok(()),
            Err(error) => {
                self.abandon(writer);
                Err(error)
            }
        }
    }

    /// Forgets a file being written; the directory keeps what it has.
    pub fn abandon(&mut self, writer: FileWriter) {
        // Blocks that were given out before a rollback are not the writer's any more.
        if writer.begun == self.rollbacks() {
            writer.held.iter().for_each(|block| self.space.let_go(block));
        }
    }

    /// Creates or replaces a whole file. Durable with the next commit; after an error the directory has what it had.
    pub fn write<R: AsRef<[u8]>>(
        &mut self,
        id: &FileId,
        mode: u8,
        format: RecordFormat,
        now: DateTime,
        records: impl IntoIterator<Item = R>,
    ) -> Result<(), D> {
        let writer = self.create(id, mode, format)?;
        self.put_all(writer, now, records)
    }

    /// Adds records at the end of a file. Durable with the next commit; after an error the directory has what it had.
    pub fn append<R: AsRef<[u8]>>(&mut self, id: &FileId, now: DateTime, records: impl IntoIterator<Item = R>) -> Result<(), D> {
        let writer = self.extend(id)?;
        self.put_all(writer, now, records)
    }

    fn put_all<R: AsRef<[u8]>>(&mut self, mut writer: FileWriter, now: DateTime, records: impl IntoIterator<Item = R>) -> Result<(), D> {
        for record in records {
            if let Err(error) = self.put(&mut writer, record.as_ref()) {
                self.abandon(writer);
                return Err(error);
            }
        }
        self.close(writer, now)
    }

    fn still_valid(&self, writer: &FileWriter) -> Result<(), D> {
        self.writable()?;
        if writer.failed {
            return Err(EdfError::Incomplete);
        }
        let same_base = writer
            .base
            .as_ref()
            .is_none_or(|base| self.find(&writer.id).is_some_and(|file| file.version == base.version && file.origin == base.origin));
        if writer.begun == self.rollbacks() && same_base { Ok(()) } else { Err(EdfError::Changed) }
    }

    /// Writes what is left, swaps the directory entry, and settles whose the blocks are.
    fn finish(&mut self, writer: &mut FileWriter, now: DateTime) -> Result<(), D> {
        self.still_valid(writer)?;
        writer.failed = true;
        let size = self.volume.block_size();
        writer.data.resize(writer.data.len().next_multiple_of(size), 0);
        self.write_data(writer, writer.data.len() / size)?;
        let (origin, levels) = self.write_top(writer)?;
        let old = self.find(&writer.id).cloned();
        let replaced = match (&writer.base, &old) {
            (None, Some(old)) => Some(self.blocks_of(old)?),
            _ => None,
        };
        if old.is_none() && self.file_count() >= MAX_FILES {
            return Err(EdfError::TooManyFiles);
        }
        if old.is_none() && self.space.free() < self.commit_cost(1) {
            return Err(EdfError::Full);
        }
        // Nothing can fail from here on.
        writer.held.iter().for_each(|block| self.space.adopt(block));
        replaced.iter().flat_map(Runs::iter).for_each(|block| self.space.release(block));
        writer.replaced.iter().for_each(|&block| self.space.release(block));
        let file = FileEntry {
            id: writer.id,
            mode: writer.mode,
            format: writer.format,
            lrecl: writer.lrecl,
            records: writer.records,
            blocks: writer.tree.data_blocks.saturating_sub(writer.null_blocks) as u32,
            modified: now,
            origin,
            levels,
            version: self.new_version(),
        };
        self.directory.enter(file, Some(now));
        self.changed = true;
        Ok(())
    }

    /// Gives the writer a block, leaving enough for the commit.
    pub(super) fn hold_for(&mut self, held: &mut Runs) -> Result<u32, D> {
        if self.space.free() <= self.commit_cost(1) {
            return Err(EdfError::Full);
        }
        let block = self.space.hold().ok_or(EdfError::Full)?;
        held.push(block);
        Ok(block)
    }

    /// Writes the first `count` blocks of the gathered data and enters them in the pointer blocks.
    fn write_data(&mut self, writer: &mut FileWriter, count: usize) -> Result<(), D> {
        if count == 0 {
            return Ok(());
        }
        let mut blocks = Vec::with_capacity(count);
        for _ in 0..count {
            blocks.push(self.hold_for(&mut writer.held)?);
        }
        let bytes = count * self.volume.block_size();
        self.volume.write_list(&blocks, &writer.data[..bytes]).map_err(EdfError::Device)?;
        for (block, pointer) in blocks.into_iter().zip(writer.pending.drain(..count)) {
            writer.tree.data_blocks += 1;
            self.enter_pointer(&mut writer.tree, &mut writer.held, 0, Pointer { block, ..pointer })?;
        }
        writer.data.drain(..bytes);
        Ok(())
    }

    /// Enters a pointer at a level; a block of pointers that is full is written first and entered one level up.
    fn enter_pointer(&mut self, tree: &mut Tree, held: &mut Runs, level: usize, pointer: Pointer) -> Result<(), D> {
        if level < tree.levels.len() && tree.is_full(level) {
            let full = self.write_level(tree, held, level)?;
            self.enter_pointer(tree, held, level + 1, full)?;
        }
        tree.push(level, pointer);
        Ok(())
    }

    /// Writes the unfinished pointer block of a level and empties the level.
    fn write_level(&mut self, tree: &mut Tree, held: &mut Runs, level: usize) -> Result<Pointer, D> {
        let block = self.hold_for(held)?;
        let bytes = pointer_block(tree.shape, &tree.levels[level]);
        self.volume.write(block, &bytes[..]).map_err(EdfError::Device)?;
        let summary = tree.summary(level, block);
        tree.levels[level].clear();
        Ok(summary)
    }

    /// Writes the unfinished pointer blocks from the lowest level up. Answers the file's origin and its levels.
    fn write_top(&mut self, writer: &mut FileWriter) -> Result<(u32, u8), D> {
        let FileWriter { tree, held, .. } = writer;
        let size = tree.shape.entry_size();
        let mut level = 0;
        while level < tree.levels.len() {
            let top = level + 1 == tree.levels.len();
            if top && tree.levels[level].len() == size {
                // A block with one pointer is not needed: its pointer is the origin.
                return Ok((be32(&tree.levels[level], 0), level as u8));
            }
            if !tree.levels[level].is_empty() {
                let pointer = self.write_level(tree, held, level)?;
                self.enter_pointer(tree, held, level + 1, pointer)?;
            }
            level += 1;
        }
        Ok((0, 0))
    }

    /// Takes up a file where it ends: its last data block and the pointer blocks above come back into storage.
    fn resume(&mut self, writer: &mut FileWriter, file: &FileEntry) -> Result<(), D> {
        let shape = writer.tree.shape;
        let total = shape.data_blocks(file);
        if total == 0 || total > shape.reach(file.levels) || total > u64::from(u32::MAX) {
            return Err(EdfError::Damaged(WRONG_END));
        }
        let (last, before) = self.last_data_block(writer, file, total - 1)?;
        let mut block = zero_block(shape.block_size);
        self.read_file_block(last.block, &mut block[..])?;
        writer.replaced.extend((last.block != 0).then_some(last.block));
        if self.directory.own_blocks().any(|own| writer.replaced.contains(&own)) {
            return Err(EdfError::Damaged("a file claims a block of the directory or of the map"));
        }
        let used = match file.format {
            RecordFormat::Fixed(lrecl) => {
                let bytes = u64::from(file.records) * u64::from(lrecl);
                Some((bytes - (total - 1) * shape.block_size as u64) as usize)
            }
            RecordFormat::Variable if last.highest != file.records => None,
            RecordFormat::Variable => {
                file.records.checked_sub(before).and_then(|count| end_of_records(&block[..], last.displacement, count))
            }
        };
        let used = used.ok_or(EdfError::Damaged(WRONG_END))?;
        writer.data.extend_from_slice(&block[..used]);
        writer.pending.push(Pointer { block: 0, ..last });
        writer.tree.data_blocks = total - 1;
        if !shape.variable {
            // The last block is written now, if it was none before.
            let null_now = u64::from(last.block == 0);
            writer.null_blocks = total.saturating_sub(u64::from(file.blocks)).saturating_sub(null_now);
        }
        Ok(())
    }

    /// Goes down to the data block at that place, the last of the file, and leaves in the writer's tree what stands left of the way.
    /// Answers its pointer and the highest record of the block before it.
    fn last_data_block(&mut self, writer: &mut FileWriter, file: &FileEntry, place: u64) -> Result<(Pointer, u32), D> {
        let shape = writer.tree.shape;
        let mut last = Pointer { block: file.origin, highest: file.records, displacement: 0 };
        let mut before = 0;
        for level in (0..file.levels).rev() {
            let mut bytes = zero_block(shape.block_size);
            self.read_file_block(last.block, &mut bytes[..])?;
            writer.replaced.extend((last.block != 0).then_some(last.block));
            let index = match shape.variable {
                false => (place / shape.reach(level)) as usize % shape.fan_out(),
                true => entries_in_use::<D>(shape, &bytes)? - 1,
            };
            if index > 0 && shape.variable {
                before = Pointer::at(shape, &bytes, index - 1).highest;
            }
            last = Pointer::at(shape, &bytes, index);
            writer.tree.levels.push(bytes[..index * shape.entry_size()].to_vec());
        }
        writer.tree.levels.reverse();
        Ok((last, before))
    }

    /// Reads a block of a file, a null block as zeros.
    pub(super) fn read_file_block(&mut self, block: u32, into: &mut [u8]) -> Result<(), D> {
        if block == 0 {
            into.fill(0);
            return Ok(());
        }
        check_file_block::<D>(block, self.space.blocks())?;
        self.volume.read(block, into).map_err(EdfError::Device)
    }
}

/// Where the records of a variable file end in its last block, in which `count` of them begin.
fn end_of_records(block: &[u8], displacement: u32, count: u32) -> Option<usize> {
    let mut at = match displacement {
        SPANNED if count == 0 => block.len(),
        SPANNED => return None,
        _ => displacement as usize,
    };
    for _ in 0..count {
        let length = block.get(at..at + 2)?;
        at += 2 + usize::from(u16::from_be_bytes([length[0], length[1]]));
    }
    (at <= block.len() && at > 0).then_some(at)
}
