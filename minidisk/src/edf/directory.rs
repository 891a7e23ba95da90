//! The directory: a file of 64-byte entries, the first two of which describe the directory and the allocation map.

use alloc::boxed::Box;
use alloc::collections::{BTreeMap, BTreeSet};
use alloc::vec::Vec;

use super::bitmap::{Bitmap, chunks};
use super::entry::{BadEntry, FileEntry};
use super::pointers::{Pointer, Shape};
use super::volume::Volume;
use super::{BlockDevice, DateTime, ENTRY_SIZE, EdfError, FileId, MAX_FILES, Result, be32, put32, zero_block};

/// Entries that are no files.
const OWN_ENTRIES: usize = 2;
/// Names X'0000000100000000' and X'0000000200000000' of the two entries, and types `DIRECTOR` and `ALLOCMAP` in EBCDIC.
const DIRECTORY_NAME: [u8; 16] = *b"\0\0\0\x01\0\0\0\0\xC4\xC9\xD9\xC5\xC3\xE3\xD6\xD9";
const MAP_NAME: [u8; 16] = *b"\0\0\0\x02\0\0\0\0\xC1\xD3\xD3\xD6\xC3\xD4\xC1\xD7";

type Raw = [u8; ENTRY_SIZE];

/// One entry: its bytes, and the file in them when they hold one.
struct Slot {
    raw: Raw,
    file: core::result::Result<FileEntry, BadEntry>,
}

/// Where one of the file system's own two files lies.
#[derive(Clone, Default)]
pub(crate) struct Place {
    /// Data blocks in order.
    pub(crate) blocks: Vec<u32>,
    /// Pointer blocks, the top one first.
    pub(crate) pointers: Vec<u32>,
}

/// The directory in storage, and where it and the allocation map lie on the disk.
pub(crate) struct Directory {
    /// Bytes of a block of the disk.
    block_size: usize,
    slots: Vec<Slot>,
    index: BTreeMap<FileId, usize>,
    own: [Raw; OWN_ENTRIES],
    modified: DateTime,
    /// Blocks of the directory whose content differs from the disk. Block 0 is written with every commit.
    changed: BTreeSet<usize>,
    /// Counts the changes of entries, so that a reader need not look its file up for every record.
    pub(crate) changes: u64,
    pub(crate) directory: Place,
    pub(crate) map: Place,
}

impl Directory {
    /// The directory of a disk that is being formatted.
    pub(crate) fn empty(block_size: usize, now: DateTime) -> Directory {
        let mut own = [[0; ENTRY_SIZE]; OWN_ENTRIES];
        own[0][..16].copy_from_slice(&DIRECTORY_NAME);
        own[1][..16].copy_from_slice(&MAP_NAME);
        for raw in &mut own {
            raw[0x18..0x1A].copy_from_slice(&[0xC1, 0xF0]);
        }
        Directory {
            block_size,
            slots: Vec::new(),
            index: BTreeMap::new(),
            own,
            modified: now,
            changed: BTreeSet::new(),
            changes: 0,
            directory: Place::default(),
            map: Place::default(),
        }
    }

    /// Reads the directory that begins at block `home`, whose content is `first`, and the allocation map.
    pub(crate) fn read<D: BlockDevice>(
        volume: &mut Volume<D>,
        (home, first): (u32, &[u8]),
        disk_blocks: u32,
    ) -> Result<(Directory, Bitmap), D> {
        Directory::read_parts(volume, (home, first), disk_blocks, true)
    }

    /// Reads the directory alone; the map that comes with it is empty.
    pub(crate) fn read_without_map<D: BlockDevice>(
        volume: &mut Volume<D>,
        (home, first): (u32, &[u8]),
        disk_blocks: u32,
    ) -> Result<(Directory, Bitmap), D> {
        Directory::read_parts(volume, (home, first), disk_blocks, false)
    }

    fn read_parts<D: BlockDevice>(
        volume: &mut Volume<D>,
        (home, first): (u32, &[u8]),
        disk_blocks: u32,
        with_map: bool,
    ) -> Result<(Directory, Bitmap), D> {
        let block_size = volume.block_size();
        let [own, map] = [raw_entry(first, 0), raw_entry(first, 1)];
        if own[..16] != DIRECTORY_NAME || map[..16] != MAP_NAME {
            return Err(EdfError::Damaged("the directory does not begin with its own entries"));
        }
        let count = be32(&own, 0x30) as usize;
        if !(OWN_ENTRIES..=OWN_ENTRIES + MAX_FILES).contains(&count) || be32(&own, 0x20) != ENTRY_SIZE as u32 {
            return Err(EdfError::Damaged("the directory's own entry is wrong"));
        }
        let directory = read_place(volume, &own, (count * ENTRY_SIZE).div_ceil(block_size), disk_blocks)?;
        if directory.blocks[0] != home {
            return Err(EdfError::Damaged("the directory does not begin where the label says"));
        }
        let map_place = match with_map {
            true => read_place(volume, &map, chunks(disk_blocks, block_size), disk_blocks)?,
            false => Place::default(),
        };
        // The rest of the directory and the map come in one request.
        let rest: Vec<u32> = directory.blocks[1..].iter().chain(&map_place.blocks).copied().collect();
        let mut bytes = alloc::vec![0; rest.len() * block_size];
        volume.read_list(&rest, &mut bytes).map_err(EdfError::Device)?;
        let (entries, map_bytes) = bytes.split_at((directory.blocks.len() - 1) * block_size);
        let bitmap = match with_map {
            true => Bitmap::from_chunks(map_bytes, block_size),
            false => Bitmap::new(disk_blocks, block_size),
        };

        let mut found = Directory::empty(block_size, DateTime::default());
        let date = core::array::from_fn(|i| own[0x36 + i]);
        found.modified = DateTime::from_packed(date, own[0x1F] & 0x08 != 0).unwrap_or_default();
        found.own = [own, map];
        (found.directory, found.map) = (directory, map_place);
        let all = first.chunks_exact(ENTRY_SIZE).chain(entries.chunks_exact(ENTRY_SIZE));
        for raw in all.take(count).skip(OWN_ENTRIES) {
            found.take_in(core::array::from_fn(|i| raw[i]));
        }
        if found.slots.len() + OWN_ENTRIES != count {
            // Holes were left out, so entries stand elsewhere than on the disk.
            found.changed.extend(0..found.directory.blocks.len());
        }
        Ok((found, bitmap))
    }

    fn take_in(&mut self, raw: Raw) {
        if raw[..8] == [0; 8] {
            return;
        }
        let file = FileEntry::parse(&raw).and_then(|file| match self.index.contains_key(&file.id) {
            true => Err("another file has the same name"),
            false => Ok(file),
        });
        if let Ok(file) = &file {
            self.index.insert(file.id, self.slots.len());
        }
        self.slots.push(Slot { raw, file });
    }

    /// When it was last changed.
    pub(crate) fn modified(&self) -> DateTime {
        self.modified
    }

    pub(crate) fn files(&self) -> impl Iterator<Item = &FileEntry> {
        self.slots.iter().filter_map(|slot| slot.file.as_ref().ok())
    }

    /// Entries that are no usable files, and why.
    pub(crate) fn bad_entries(&self) -> impl Iterator<Item = (usize, BadEntry)> {
        self.slots.iter().enumerate().filter_map(|(at, slot)| slot.file.as_ref().err().map(|why| (at, *why)))
    }

    /// Takes those entries out. Answers where they stood, and why.
    pub(crate) fn drop_bad_entries(&mut self) -> Vec<(usize, BadEntry)> {
        let bad: Vec<_> = self.bad_entries().collect();
        for &(place, _) in bad.iter().rev() {
            self.touch(self.slots.len() - 1);
            self.slots.swap_remove(place);
            if let Some(Slot { file: Ok(moved), .. }) = self.slots.get(place) {
                self.index.insert(moved.id, place);
            }
            self.touch(place);
        }
        bad
    }

    /// Makes every file a new version, so that readers of the old ones notice.
    pub(crate) fn renew_versions(&mut self, version: u64) {
        self.slots.iter_mut().filter_map(|slot| slot.file.as_mut().ok()).for_each(|file| file.version = version);
    }

    pub(crate) fn file_count(&self) -> usize {
        self.index.len()
    }

    pub(crate) fn find(&self, id: &FileId) -> Option<&FileEntry> {
        self.slots.get(*self.index.get(id)?)?.file.as_ref().ok()
    }

    /// Enters a file, in place of the one of that name if there is one.
    pub(crate) fn enter(&mut self, file: FileEntry, now: Option<DateTime>) {
        let place = match self.index.get(&file.id) {
            Some(&place) => place,
            None => {
                self.slots.push(Slot { raw: [0; ENTRY_SIZE], file: Err("new") });
                self.slots.len() - 1
            }
        };
        self.modified = now.unwrap_or(self.modified);
        self.index.insert(file.id, place);
        self.slots[place].file = Ok(file);
        self.store(place);
    }

    /// Takes a file out; the last entry moves to its place.
    pub(crate) fn remove(&mut self, id: &FileId) {
        let Some(place) = self.index.remove(id) else {
            return;
        };
        self.touch(self.slots.len() - 1);
        self.slots.swap_remove(place);
        if let Some(Slot { file: Ok(moved), .. }) = self.slots.get(place) {
            self.index.insert(moved.id, place);
        }
        self.touch(place);
    }

    /// Gives a file another name, which no file has.
    pub(crate) fn rename(&mut self, from: &FileId, to: &FileId) {
        let Some(place) = self.index.remove(from) else {
            return;
        };
        if let Ok(file) = &mut self.slots[place].file {
            file.id = *to;
        }
        self.index.insert(*to, place);
        self.store(place);
    }

    fn store(&mut self, place: usize) {
        let slot = &mut self.slots[place];
        if let Ok(file) = &slot.file {
            file.store(&mut slot.raw);
        }
        self.touch(place);
    }

    fn touch(&mut self, place: usize) {
        self.changes += 1;
        let number = (place + OWN_ENTRIES) * ENTRY_SIZE / self.block_size;
        self.changed.insert(number);
    }

    /// Has the whole directory written with the next commit.
    pub(crate) fn touch_all(&mut self) {
        self.changed.extend(0..self.block_count(0));
    }

    /// The blocks in which the directory and the map lie.
    pub(crate) fn own_blocks(&self) -> impl Iterator<Item = u32> {
        [&self.directory, &self.map].into_iter().flat_map(|place| place.blocks.iter().chain(&place.pointers).copied())
    }

    /// Whether a block of the directory differs from the disk.
    pub(crate) fn block_changed(&self, number: usize) -> bool {
        self.changed.contains(&number)
    }

    /// The directory is on the disk as it is here.
    pub(crate) fn settle(&mut self) {
        self.changed.clear();
    }

    /// Blocks that the directory fills, with so many entries more.
    pub(crate) fn block_count(&self, more: usize) -> usize {
        ((self.slots.len() + OWN_ENTRIES + more) * ENTRY_SIZE).div_ceil(self.block_size)
    }

    /// The content of one of its blocks, given where the directory and the map will lie.
    pub(crate) fn block(&self, number: usize, directory: &Place, map: &Place) -> Box<[u8]> {
        let mut block = zero_block(self.block_size);
        let entries = self.slots.iter().map(|slot| slot.raw);
        if number == 0 {
            let mut own = self.own;
            let levels = |place: &Place| levels_for(place.blocks.len(), self.block_size);
            describe(&mut own[0], directory, levels(directory), ENTRY_SIZE, self.slots.len() + OWN_ENTRIES, self.modified);
            describe(&mut own[1], map, levels(map), self.block_size, map.blocks.len(), self.modified);
            fill(&mut block, own.into_iter().chain(entries));
        } else {
            fill(&mut block, entries.skip(number * self.block_size / ENTRY_SIZE - OWN_ENTRIES));
        }
        block
    }
}

fn fill(block: &mut [u8], entries: impl Iterator<Item = Raw>) {
    for (place, raw) in block.chunks_exact_mut(ENTRY_SIZE).zip(entries) {
        place.copy_from_slice(&raw);
    }
}

fn raw_entry(block: &[u8], place: usize) -> Raw {
    core::array::from_fn(|i| block[place * ENTRY_SIZE + i])
}

/// Fills in the entry of one of the two own files.
fn describe(raw: &mut Raw, place: &Place, levels: u8, lrecl: usize, records: usize, modified: DateTime) {
    let (date, century) = modified.to_packed();
    raw[0x1A..0x1C].copy_from_slice(&(records as u16).to_be_bytes());
    raw[0x1E] = 0xC6;
    raw[0x1F] = if century { 0x08 } else { 0 };
    put32(raw, 0x20, lrecl as u32);
    put32(raw, 0x28, place.pointers.first().or(place.blocks.first()).copied().unwrap_or(0));
    put32(raw, 0x2C, place.blocks.len() as u32);
    put32(raw, 0x30, records as u32);
    raw[0x34] = levels;
    raw[0x35] = 4;
    raw[0x36..0x3C].copy_from_slice(&date);
}

/// Levels of pointer blocks above so many blocks of a fixed file.
fn levels_for(blocks: usize, block_size: usize) -> u8 {
    (0..).find(|&levels| Shape::fixed(block_size).reach(levels) >= blocks as u64).unwrap_or(0)
}

/// Pointer blocks above so many blocks of a fixed file.
pub(crate) fn pointer_count(blocks: usize, block_size: usize) -> usize {
    let mut total = 0;
    let mut width = blocks;
    while width > 1 {
        width = width.div_ceil(Shape::fixed(block_size).fan_out());
        total += width;
    }
    total
}

/// The content of a place's pointer blocks, in the order of `place.pointers`: level by level from the top.
pub(crate) fn pointer_blocks(place: &Place, block_size: usize) -> Vec<Box<[u8]>> {
    let fan_out = Shape::fixed(block_size).fan_out();
    let mut widths = Vec::new();
    let mut width = place.blocks.len();
    while width > 1 {
        width = width.div_ceil(fan_out);
        widths.push(width);
    }
    // Top level first: its children are the pointer blocks that follow it, the children of the last level are the data blocks.
    let mut content = Vec::new();
    let mut children = 1;
    for (level, &width) in widths.iter().rev().enumerate() {
        let below: &[u32] = match widths.len() - level {
            1 => &place.blocks,
            remaining => &place.pointers[children..children + widths[remaining - 2]],
        };
        debug_assert_eq!(below.len().div_ceil(fan_out), width);
        for entries in below.chunks(fan_out) {
            let mut block = zero_block(block_size);
            for (slot, entry) in block.chunks_exact_mut(4).zip(entries) {
                slot.copy_from_slice(&entry.to_be_bytes());
            }
            content.push(block);
        }
        children += below.len();
    }
    content
}

/// Reads where one of the two own files lies: exactly `count` different blocks.
fn read_place<D: BlockDevice>(volume: &mut Volume<D>, raw: &Raw, count: usize, disk_blocks: u32) -> Result<Place, D> {
    let shape = Shape::fixed(volume.block_size());
    let (origin, levels) = (be32(raw, 0x28), raw[0x34]);
    if levels > super::entry::MAX_LEVELS || shape.reach(levels) < count as u64 || count > disk_blocks as usize {
        return Err(EdfError::Damaged("the directory or the allocation map is larger than its pointers allow"));
    }
    let mut seen = BTreeSet::new();
    let mut claim = |block: u32| match block >= super::label::DIRECTORY_HOMES[0] && block <= disk_blocks && seen.insert(block) {
        true => Ok(block),
        false => Err(EdfError::Damaged("a pointer of the directory or of the allocation map is wrong")),
    };
    let mut place = Place { blocks: alloc::vec![claim(origin)?], pointers: Vec::new() };
    for level in (0..levels).rev() {
        let width = (count as u64).div_ceil(shape.reach(level)) as usize;
        let parents = core::mem::take(&mut place.blocks);
        let mut bytes = zero_block(shape.block_size);
        for &parent in &parents {
            volume.read(parent, &mut bytes[..]).map_err(EdfError::Device)?;
            let wanted = (width - place.blocks.len()).min(shape.fan_out());
            for index in 0..wanted {
                place.blocks.push(claim(Pointer::at(shape, &bytes, index).block)?);
            }
        }
        place.pointers.extend(parents);
    }
    Ok(place)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pointer_blocks_of_every_depth_lead_to_the_data() {
        for (count, block_size) in [(1, 4096), (2, 4096), (1024, 4096), (1025, 4096), (3000, 4096), (129, 512), (3000, 512)] {
            let pointers = pointer_count(count, block_size);
            let place = Place { pointers: (10..10 + pointers as u32).collect(), blocks: (5000..5000 + count as u32).collect() };
            let mut disk = Volume::new(super::super::MemoryDisk::new(9000), block_size);
            let content = pointer_blocks(&place, block_size);
            assert_eq!(content.len(), pointers);
            for (&block, bytes) in place.pointers.iter().zip(&content) {
                disk.write(block, &bytes[..]).unwrap();
            }
            let mut raw = [0; ENTRY_SIZE];
            describe(&mut raw, &place, levels_for(count, block_size), 64, 1, DateTime::default());
            let back = read_place(&mut disk, &raw, count, 9000).unwrap();
            assert_eq!((back.blocks, back.pointers), (place.blocks, place.pointers));
        }
    }
}
