//! Replacing records of a file that is there, and writing records far beyond its end.
//!
//! The blocks that change are copied, and the pointer blocks above them with them, so that a crash leaves the old file. In a file of mode 6
//! (update in place) existing blocks are written where they are: faster, and after a crash some may be new and others old.

use alloc::boxed::Box;
use alloc::collections::BTreeMap;
use alloc::vec::Vec;

use super::entry::{FileEntry, MAX_LEVELS, MAX_RECORDS, RecordFormat};
use super::pointers::{Pointer, SPANNED, Shape, Visit, walk};
use super::space::Runs;
use super::{BlockDevice, DateTime, EdfError, FileId, FileSystem, RecordLengths, Result, be32, put32, zero_block};

/// File mode number of a file that is updated in place.
const IN_PLACE: u8 = 6;

/// The pointer blocks of a file while some of its data blocks are exchanged.
struct Graft {
    shape: Shape,
    origin: u32,
    levels: u8,
    /// Pointer blocks that are new, by the block in which they will stand.
    fresh: BTreeMap<u32, Box<[u8]>>,
    held: Runs,
    /// Blocks that are not needed any more.
    replaced: Vec<u32>,
    /// Data blocks that were null and are not any more.
    more: u32,
}

impl<D: BlockDevice> FileSystem<D> {
    /// Writes records over those from `first` on (the first record is 1). Durable with the next commit, except that in a file of mode 6
    /// existing blocks change at once.
    ///
    /// A fixed file may grow by it: blocks between its end and a record far beyond are null blocks, which take no room and read as zeros.
    /// In a variable file each record must be there already and have the same length.
    pub fn replace<R: AsRef<[u8]>>(
        &mut self,
        id: &FileId,
        first: u32,
        now: DateTime,
        records: impl IntoIterator<Item = R>,
    ) -> Result<(), D> {
        self.writable()?;
        let file = self.existing(id)?.clone();
        let mut bytes = Vec::new();
        let mut count = 0u32;
        for record in records {
            append_record::<D>(&file, record.as_ref(), &mut bytes)?;
            count = count.checked_add(1).ok_or(EdfError::TooManyRecords)?;
        }
        if count == 0 {
            return Ok(());
        }
        let last = first.checked_add(count - 1).filter(|&last| last <= MAX_RECORDS).ok_or(EdfError::TooManyRecords)?;
        if first == 0 || (file.format == RecordFormat::Variable && last > file.records) {
            return Err(EdfError::NoSuchRecord(first.max(file.records + 1)));
        }
        let shape = Shape::of(file.format, self.volume.block_size());
        let mut graft = Graft {
            shape,
            origin: file.origin,
            levels: file.levels,
            fresh: BTreeMap::new(),
            held: Runs::default(),
            replaced: Vec::new(),
            more: 0,
        };
        let done = match file.format {
            RecordFormat::Fixed(lrecl) => self.patch_fixed(&file, &mut graft, u64::from(first - 1) * u64::from(lrecl), &bytes),
            RecordFormat::Variable => self.patch_variable(&file, &mut graft, first, &bytes),
        };
        match done.and_then(|()| self.write_fresh(&graft)) {
            Ok(()) => {
                self.enter_graft(file, graft, last, now);
                Ok(())
            }
            Err(error) => {
                graft.held.iter().for_each(|block| self.space.let_go(block));
                Err(error)
            }
        }
    }

    /// Puts bytes into the stream of a fixed file, which may end before them.
    fn patch_fixed(&mut self, file: &FileEntry, graft: &mut Graft, start: u64, bytes: &[u8]) -> Result<(), D> {
        let RecordFormat::Fixed(lrecl) = file.format else { return Ok(()) };
        let size = graft.shape.block_size as u64;
        let old_end = u64::from(file.records) * u64::from(lrecl);
        if graft.shape.data_blocks(file) > graft.shape.reach(file.levels) {
            return Err(EdfError::Damaged("a file has fewer levels of pointer blocks than its size needs"));
        }
        // What stands behind the old end in its last block becomes part of the file: it must be zeros.
        let cut = (start > old_end && !old_end.is_multiple_of(size) && old_end / size < start / size).then_some(old_end / size);
        let end = start + bytes.len() as u64;
        for index in cut.into_iter().chain(start / size..=(end - 1) / size) {
            let old = self.data_block(file, index)?;
            let mut content = zero_block(graft.shape.block_size);
            self.read_file_block(old, &mut content)?;
            let base = index * size;
            let valid = old_end.saturating_sub(base).min(size) as usize;
            if cut == Some(index) && content[valid..].iter().all(|&byte| byte == 0) {
                continue;
            }
            content[valid..].fill(0);
            overlay(&mut content, base, start, bytes);
            self.exchange(file, graft, index, old, &content)?;
        }
        Ok(())
    }

    /// Puts records, each behind its length, over those of a variable file from record `first` on.
    fn patch_variable(&mut self, file: &FileEntry, graft: &mut Graft, first: u32, bytes: &[u8]) -> Result<(), D> {
        let mut pointers: Vec<Pointer> = Vec::new();
        walk(&mut self.volume, self.space.blocks(), file, &mut |visit| {
            if let Visit::Data(_, pointer) = visit {
                pointers.push(pointer);
            }
            Ok(())
        })?;
        let size = graft.shape.block_size;
        let wrong = EdfError::Damaged("the pointer blocks do not agree on where a record begins");
        let (mut at, mut record) = start_of(&pointers, file, first, size).ok_or(wrong)?;
        let mut stream = Stream { pointers: &pointers, size, block: None, content: zero_block(size) };
        while record < first {
            at += 2 + u64::from(stream.length(self, at)?);
            record += 1;
        }
        // Every record has the length of the one it replaces, so all lengths and pointers stay as they are.
        let mut done = 0;
        while done < bytes.len() {
            let is = usize::from(stream.length(self, at + done as u64)?);
            let length = usize::from(u16::from_be_bytes([bytes[done], bytes[done + 1]]));
            if is != length {
                return Err(EdfError::RecordLength { length, allowed: RecordLengths::Exactly(is as u32) });
            }
            done += 2 + length;
        }
        let (from, to) = (at / size as u64, (at + bytes.len() as u64 - 1) / size as u64);
        for index in from..=to {
            let old = pointers.get(index as usize).ok_or(EdfError::Damaged("a file ends before its last record"))?.block;
            let mut content = zero_block(size);
            self.read_file_block(old, &mut content)?;
            overlay(&mut content, index * size as u64, at, bytes);
            self.exchange(file, graft, index, old, &content)?;
        }
        Ok(())
    }

    /// The data block of a fixed file at that place, 0 for a null block or one beyond the end.
    fn data_block(&mut self, file: &FileEntry, index: u64) -> Result<u32, D> {
        let shape = Shape::of(file.format, self.volume.block_size());
        let mut block = file.origin;
        if file.records == 0 || index >= shape.data_blocks(file) {
            return Ok(0);
        }
        let mut bytes = zero_block(shape.block_size);
        for level in (0..file.levels).rev() {
            if block == 0 {
                return Ok(0);
            }
            self.read_file_block(block, &mut bytes)?;
            let slot = (index / shape.reach(level)) as usize % shape.fan_out();
            block = Pointer::at(shape, &bytes, slot).block;
        }
        Ok(block)
    }

    /// Gives a data block new content: where it is in a file of mode 6, else in a new block.
    fn exchange(&mut self, file: &FileEntry, graft: &mut Graft, index: u64, old: u32, content: &[u8]) -> Result<(), D> {
        if self.directory.own_blocks().any(|own| own == old) {
            return Err(EdfError::Damaged("a file claims a block of the directory or of the map"));
        }
        if file.mode == IN_PLACE && old != 0 {
            return self.volume.write(old, content).map_err(EdfError::Device);
        }
        let block = self.hold_for(&mut graft.held)?;
        self.volume.write(block, content).map_err(EdfError::Device)?;
        graft.more += u32::from(old == 0);
        while graft.shape.reach(graft.levels) <= index {
            self.add_level(graft)?;
        }
        graft.origin = self.set_pointer(graft, graft.levels, graft.origin, index, block)?;
        Ok(())
    }

    /// Puts a pointer block above the top of a fixed file.
    fn add_level(&mut self, graft: &mut Graft) -> Result<(), D> {
        if graft.levels >= MAX_LEVELS {
            return Err(EdfError::TooManyRecords);
        }
        if graft.origin != 0 {
            let block = self.hold_for(&mut graft.held)?;
            let mut bytes = zero_block(graft.shape.block_size);
            put32(&mut bytes, 0, graft.origin);
            graft.fresh.insert(block, bytes);
            graft.origin = block;
        }
        graft.levels += 1;
        Ok(())
    }

    /// Makes the subtree at `block`, which has so many levels of pointer blocks, lead to `data` at that place. Answers its top block.
    fn set_pointer(&mut self, graft: &mut Graft, levels: u8, block: u32, index: u64, data: u32) -> Result<u32, D> {
        if levels == 0 {
            graft.replaced.extend((block != 0).then_some(block));
            return Ok(data);
        }
        let (own, mut bytes) = match graft.fresh.remove(&block) {
            Some(bytes) => (block, bytes),
            None => {
                let mut bytes = zero_block(graft.shape.block_size);
                self.read_file_block(block, &mut bytes)?;
                graft.replaced.extend((block != 0).then_some(block));
                (self.hold_for(&mut graft.held)?, bytes)
            }
        };
        let slot = (index / graft.shape.reach(levels - 1)) as usize % graft.shape.fan_out() * graft.shape.entry_size();
        let below = self.set_pointer(graft, levels - 1, be32(&bytes, slot), index, data)?;
        put32(&mut bytes, slot, below);
        graft.fresh.insert(own, bytes);
        Ok(own)
    }

    fn write_fresh(&mut self, graft: &Graft) -> Result<(), D> {
        if self.directory.own_blocks().any(|own| graft.replaced.contains(&own)) {
            return Err(EdfError::Damaged("a file claims a block of the directory or of the map"));
        }
        let blocks: Vec<u32> = graft.fresh.keys().copied().collect();
        let bytes: Vec<u8> = graft.fresh.values().flat_map(|block| block.iter().copied()).collect();
        self.volume.write_list(&blocks, &bytes).map_err(EdfError::Device)
    }

    /// Puts the new blocks into the next commit and the changed entry into the directory.
    fn enter_graft(&mut self, file: FileEntry, graft: Graft, last: u32, now: DateTime) {
        graft.held.iter().for_each(|block| self.space.adopt(block));
        graft.replaced.iter().for_each(|&block| self.space.release(block));
        let file = FileEntry {
            records: file.records.max(last),
            blocks: file.blocks + graft.more,
            modified: now,
            origin: graft.origin,
            levels: graft.levels,
            version: self.new_version(),
            ..file
        };
        self.directory.enter(file, Some(now));
        self.changed = true;
    }
}

/// Adds a record to a stream as a file of that format has it.
fn append_record<D: BlockDevice>(file: &FileEntry, record: &[u8], bytes: &mut Vec<u8>) -> Result<(), D> {
    let length = record.len();
    match (file.format, u16::try_from(length)) {
        (RecordFormat::Fixed(lrecl), _) if length != lrecl as usize => {
            Err(EdfError::RecordLength { length, allowed: RecordLengths::Exactly(lrecl) })
        }
        (RecordFormat::Variable, Err(_)) | (RecordFormat::Variable, Ok(0)) => {
            Err(EdfError::RecordLength { length, allowed: RecordLengths::Variable })
        }
        (format, short) => {
            if let (RecordFormat::Variable, Ok(short)) = (format, short) {
                bytes.extend(short.to_be_bytes());
            }
            bytes.extend_from_slice(record);
            Ok(())
        }
    }
}

/// Puts the part of `bytes`, which begin at `start` of a stream, that falls into the block at `base` of it.
fn overlay(content: &mut [u8], base: u64, start: u64, bytes: &[u8]) {
    let end = (start + bytes.len() as u64).min(base + content.len() as u64);
    let from = start.max(base);
    if from < end {
        content[(from - base) as usize..(end - base) as usize].copy_from_slice(&bytes[(from - start) as usize..(end - start) as usize]);
    }
}

/// Where in the stream of a variable file the first record begins of the block in which `record` begins, and its number.
fn start_of(pointers: &[Pointer], file: &FileEntry, record: u32, size: usize) -> Option<(u64, u32)> {
    if file.levels == 0 {
        return Some((0, 1));
    }
    let place = pointers.iter().position(|pointer| pointer.highest >= record)?;
    let before = place.checked_sub(1).map_or(0, |left| pointers[left].highest);
    let Pointer { displacement, .. } = pointers[place];
    let sound = displacement != SPANNED && (displacement as usize) < size && before < record;
    sound.then(|| (place as u64 * size as u64 + u64::from(displacement), before + 1))
}

/// The data blocks of a variable file as a stream of bytes, of which one block is kept.
struct Stream<'a> {
    pointers: &'a [Pointer],
    size: usize,
    block: Option<usize>,
    content: Box<[u8]>,
}

impl Stream<'_> {
    fn byte<D: BlockDevice>(&mut self, system: &mut FileSystem<D>, at: u64) -> Result<u8, D> {
        let index = (at / self.size as u64) as usize;
        if self.block != Some(index) {
            let pointer = self.pointers.get(index).ok_or(EdfError::Damaged("a file ends before its last record"))?;
            system.read_file_block(pointer.block, &mut self.content)?;
            self.block = Some(index);
        }
        Ok(self.content[(at % self.size as u64) as usize])
    }

    /// The length that stands there.
    fn length<D: BlockDevice>(&mut self, system: &mut FileSystem<D>, at: u64) -> Result<u16, D> {
        match u16::from_be_bytes([self.byte(system, at)?, self.byte(system, at + 1)?]) {
            0 => Err(EdfError::Damaged("a file ends before its last record")),
            length => Ok(length),
        }
    }
}
