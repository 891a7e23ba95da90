//! Repair: makes a damaged file system consistent again and keeps every record that can be read.
//!
//! It works on the disk itself; whoever calls it has made a copy first. The order: what several owners claim, or what no owner can be
//! sure of, is copied record by record into new blocks; entries that are no files go; the allocation map is made anew from what the
//! remaining files own; all of it becomes durable with one commit.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use super::check::{Finding, Report};
use super::directory::Directory;
use super::entry::FileEntry;
use super::filesystem::own_blocks;
use super::label::{DIRECTORY_HOMES, LabelBlock};
use super::space::Space;
use super::volume::{BLOCK_SIZES, Volume, first_bytes};
use super::{BLOCK_SIZE, BlockDevice, DateTime, EdfError, FileSystem, MAX_BLOCKS, MIN_BLOCKS, Result, VolumeLabel};

/// Unreadable records in a row after which the rest of a file is given up.
const GIVE_UP: u32 = 1000;
/// Passes after which a disk that is still not sound is given up.
const PASSES: usize = 4;
const AS_IT_IS: &str = "The label is used as it is";

impl<D: BlockDevice> FileSystem<D> {
    /// Opens a disk that [`open`](FileSystem::open) refuses, as well as can be: without its allocation map, by the other home of the directory,
    /// or without a label. Answers what had to be taken for granted. Nothing is written before [`repair`](FileSystem::repair).
    ///
    /// `cylinders` is what a new label will say when there is none. The error is that of an ordinary open.
    pub fn open_damaged(mut device: D, cylinders: u32) -> Result<(Self, Vec<Finding>), D> {
        let refused = match FileSystem::open(&mut device) {
            Ok(_) => return Ok((FileSystem::open(device)?, Vec::new())),
            Err(EdfError::Device(error)) => return Err(EdfError::Device(error)),
            Err(error) => error,
        };
        let first = first_bytes(&mut device, DIRECTORY_HOMES[1]).map_err(EdfError::Device)?;
        let mut labels: Vec<(LabelBlock, &str)> = Vec::new();
        if let Ok(label) = LabelBlock::find(&first, device.blocks()) {
            labels.push((label, AS_IT_IS));
        }
        for size in BLOCK_SIZES {
            let blocks = device.blocks().saturating_mul((BLOCK_SIZE / size) as u32).min(MAX_BLOCKS);
            if blocks >= MIN_BLOCKS
                && let Ok(label) = VolumeLabel::new("RESCUE", cylinders, size, blocks, DateTime::default())
            {
                labels.push((LabelBlock::new(label), "The label is lost; a new one is written"));
            }
        }
        for (mut label, how) in labels {
            let block_size = label.label.block_size as usize;
            let mut candidates = Vec::new();
            for home in DIRECTORY_HOMES {
                let mut volume = Volume::new(&mut device, block_size);
                let loaded = load_without_map(&mut volume, &label, home, &first)?;
                candidates.extend(loaded.map(|(directory, space)| (home, directory, space)));
            }
            // The one that the label names, and without a label the later one.
            let named = (how == AS_IT_IS).then_some(label.label.directory);
            candidates.sort_by_key(|(home, directory, _)| (named == Some(*home), directory.modified()));
            let Some((home, directory, space)) = candidates.pop() else { continue };
            let mut found = Vec::from([String::from(how), format!("The directory is read from block {home}")]);
            if named.is_some_and(|named| named != home) {
                found.push(String::from("That is the directory of before the last change"));
            }
            label.label.directory = home;
            let found = found.into_iter().map(|what| Finding { file: None, what }).collect();
            return Ok((FileSystem::assembled(Volume::new(device, block_size), label, directory, space), found));
        }
        Err(refused)
    }

    /// Makes the disk consistent, and commits. Answers what was done, in sentences; nothing when nothing was wrong.
    ///
    /// # Errors
    /// The device's. [`EdfError::Full`] when not even the directory finds room.
    pub fn repair(&mut self, now: DateTime) -> Result<Vec<Finding>, D> {
        self.writable()?;
        let mut done = Vec::new();
        for _ in 0..PASSES {
            if !self.changed && self.check()?.is_clean() {
                return Ok(done);
            }
            done.extend(self.repair_once(now)?);
        }
        match self.check()?.is_clean() {
            true => Ok(done),
            false => Err(EdfError::Damaged("it contradicts itself even after several repairs")),
        }
    }

    /// One pass: what it mends may uncover what was hidden behind it.
    fn repair_once(&mut self, now: DateTime) -> Result<Vec<Finding>, D> {
        let mut done = Vec::new();
        let files: Vec<FileEntry> = self.files().cloned().collect();
        // Nothing that any file claims may be given out while damaged files are being copied.
        // Nor what holds the directory: a map that is made anew does not know of it, and the commit gives it back only afterwards.
        own_blocks(&self.directory).for_each(|block| self.space.mark_used(block));
        for file in &files {
            for block in self.claims(file)? {
                self.space.mark_used(block);
            }
        }
        let mut owned = self.own_bitmap();
        for file in &files {
            let mut report = Report::default();
            self.check_file(file, &mut report, &mut owned)?;
            if !report.is_clean() {
                done.push(self.rewrite(file, now)?);
            }
        }
        for (place, why) in self.directory.drop_bad_entries() {
            done.push(Finding { file: None, what: format!("Entry {} of the directory was removed: {why}", place + 1) });
        }
        let (before, freed) = (self.space.used(), self.take_stock()?);
        if freed > 0 || self.space.used() != before || done.is_empty() {
            done.push(Finding { file: None, what: format!("The allocation map was made anew; {freed} blocks were freed") });
        }
        self.changed = true;
        self.commit()?;
        Ok(done)
    }

    /// Every block that a file's pointers lead to, as far as they can be followed.
    fn claims(&mut self, file: &FileEntry) -> Result<Vec<u32>, D> {
        let mut report = Report::default();
        let mut owned = self.own_bitmap().emptied();
        let own = self.check_file(file, &mut report, &mut owned)?;
        Ok(own)
    }

    /// Writes what can be read of a damaged file into new blocks; a file of which nothing can be read goes.
    fn rewrite(&mut self, file: &FileEntry, now: DateTime) -> Result<Finding, D> {
        let id = file.id;
        let finding = |what: String| Finding { file: Some(id), what };
        let mut reader = self.open_reader(&id)?;
        let mut writer = self.create(&id, file.mode, file.format)?;
        let (mut record, mut kept, mut failed, mut number) = (Vec::new(), 0u32, 0u32, 1u32);
        let mut full = false;
        while number <= file.records && failed < GIVE_UP {
            let read = self.seek(&mut reader, number).and_then(|()| self.read_next(&mut reader, &mut record));
            let written = match read {
                Ok(true) => self.put(&mut writer, &record),
                Ok(false) => break,
                Err(error) => Err(error),
            };
            match written {
                Ok(()) => (kept, failed) = (kept + 1, 0),
                Err(EdfError::Device(error)) => {
                    self.abandon(writer);
                    return Err(EdfError::Device(error));
                }
                Err(EdfError::Full | EdfError::Incomplete) => {
                    full = true;
                    break;
                }
                Err(_) => failed += 1,
            }
            number += 1;
        }
        if !full && (kept > 0 || file.records == 0) {
            match self.close(writer, if kept == file.records { file.modified } else { now }) {
                Ok(()) if kept == file.records => return Ok(finding(format!("It was copied; all {kept} records were kept"))),
                Ok(()) => return Ok(finding(format!("It was copied; {kept} of {} records were kept", file.records))),
                Err(EdfError::Device(error)) => return Err(EdfError::Device(error)),
                Err(_) => full = true,
            }
        } else {
            self.abandon(writer);
        }
        self.directory.remove(&id);
        let why = if full { "there is no room to copy it" } else { "nothing of it can be read" };
        Ok(finding(format!("It was removed: {why}")))
    }

    /// Makes the allocation map say exactly what is owned. Answers how many blocks that freed.
    fn take_stock(&mut self) -> Result<u32, D> {
        let (_, owned) = self.check_owners()?;
        let mut freed = 0;
        for block in 1..=self.space.blocks() {
            match (owned.contains(block), self.space.in_use(block)) {
                (true, false) => self.space.mark_used(block),
                (false, true) => {
                    self.space.release(block);
                    freed += 1;
                }
                _ => {}
            }
        }
        Ok(freed)
    }
}

/// The directory at that home and an empty map; `None` when there is no directory that could be read.
fn load_without_map<D: BlockDevice>(
    volume: &mut Volume<D>,
    label: &LabelBlock,
    home: u32,
    first: &[u8],
) -> Result<Option<(Directory, Space)>, D> {
    let size = volume.block_size();
    let Some(start) = first.get((home as usize - 1) * size..home as usize * size) else { return Ok(None) };
    match Directory::read_without_map(volume, (home, start), label.label.blocks) {
        Ok((directory, map)) => Ok(Some((directory, Space::new(map, label.label.blocks)))),
        Err(EdfError::Device(error)) => Err(EdfError::Device(error)),
        Err(_) => Ok(None),
    }
}
