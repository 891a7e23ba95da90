//! Check: every inconsistency of a file system, explained.

use alloc::string::String;
use alloc::vec::Vec;
use alloc::{format, vec};
use core::fmt;

use super::bitmap::Bitmap;
use super::entry::{FileEntry, RecordFormat};
use super::label::DIRECTORY_HOMES;
use super::pointers::{Pointer, SPANNED, Visit, walk};
use super::{BlockDevice, EdfError, FileId, FileSystem, Result};

/// Most findings that are kept; a thoroughly damaged disk could have millions.
const MOST_FINDINGS: usize = 1000;

/// What [`FileSystem::check`] found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// The inconsistencies, at most 1000.
    pub findings: Vec<Finding>,
    /// Further inconsistencies that were only counted.
    pub more: u64,
    /// Blocks that the map has in use and nothing owns. No data is at risk; [`FileSystem::reclaim`] frees them.
    pub leaked: u32,
    /// The label counts other blocks in use than the map has.
    pub miscounted: bool,
}

/// One inconsistency.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// The file it is about, if it is about one.
    pub file: Option<FileId>,
    /// What is wrong.
    pub what: String,
}

impl Report {
    /// Whether nothing was found.
    pub fn is_clean(&self) -> bool {
        self.findings.is_empty()
    }

    fn add(&mut self, file: Option<FileId>, what: String) {
        if self.findings.len() < MOST_FINDINGS {
            self.findings.push(Finding { file, what });
        } else {
            self.more += 1;
        }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.file {
            Some(file) => write!(f, "{file}: {}", self.what),
            None => f.write_str(&self.what),
        }
    }
}

impl<D: BlockDevice> FileSystem<D> {
    /// Reads the whole structure, and the data of variable files, and explains every inconsistency. Changes nothing.
    ///
    /// Changes that are not committed yet are checked as if they were. An error means that the device failed.
    pub fn check(&mut self) -> Result<Report, D> {
        Ok(self.check_owners()?.0)
    }

    /// Frees the blocks that are allocated but belong to no file, and corrects the label's count; durable with the next commit.
    /// Answers how many blocks it freed. A disk on which anything else is wrong is left as it is: who owns what is not sure there.
    pub fn reclaim(&mut self) -> Result<u32, D> {
        self.writable()?;
        let (report, owned) = self.check_owners()?;
        let harmless = u64::from(report.leaked > 0) + u64::from(report.miscounted);
        if report.findings.len() as u64 + report.more != harmless {
            return Err(EdfError::Damaged("only lost blocks can be reclaimed, and more than that is wrong"));
        }
        for block in (1..=self.space.blocks()).filter(|&block| !owned.contains(block)) {
            self.space.release(block);
        }
        self.changed |= harmless > 0;
        Ok(report.leaked)
    }

    /// Checks everything, and finds the blocks that have an owner.
    pub(super) fn check_owners(&mut self) -> Result<(Report, Bitmap), D> {
        let mut report = Report::default();
        let mut owned = Bitmap::new(self.space.blocks(), self.volume.block_size());
        self.check_own_blocks(&mut report, &mut owned);
        for (place, why) in self.directory.bad_entries() {
            report.add(None, format!("Entry {} of the directory: {why}", place + 1));
        }
        let files: Vec<FileEntry> = self.files().cloned().collect();
        for file in &files {
            self.check_file(file, &mut report, &mut owned)?;
        }
        self.check_map(&mut report, &owned);
        Ok((report, owned))
    }

    /// The blocks of the file system itself.
    pub(super) fn own_bitmap(&self) -> Bitmap {
        let mut owned = Bitmap::new(self.space.blocks(), self.volume.block_size());
        self.check_own_blocks(&mut Report::default(), &mut owned);
        owned
    }

    fn check_own_blocks(&self, report: &mut Report, owned: &mut Bitmap) {
        let own = (1..DIRECTORY_HOMES[0]).chain(DIRECTORY_HOMES);
        let placed = self.directory.own_blocks();
        for block in own.chain(placed.filter(|block| !DIRECTORY_HOMES.contains(block))) {
            if !owned.insert(block) {
                report.add(None, format!("Block {block} is used twice by the file system itself"));
            }
            if !self.space.in_use(block) {
                report.add(None, format!("Block {block} of the file system itself is free in the allocation map"));
            }
        }
    }

    fn check_map(&self, report: &mut Report, owned: &Bitmap) {
        let blocks = 1..=self.space.blocks();
        report.leaked = blocks.filter(|&block| self.space.in_use(block) && !owned.contains(block)).count() as u32;
        if report.leaked > 0 {
            let leaked = report.leaked;
            report.add(None, format!("{leaked} blocks are allocated but belong to no file"));
        }
        report.miscounted = !self.changed && self.label().used != self.space.used();
        if report.miscounted {
            let (label, map) = (self.label().used, self.space.used());
            report.add(None, format!("The label counts {label} blocks in use, the allocation map {map}"));
        }
    }

    /// Checks one file: its blocks, then its counts, then (variable) its records. Answers every block that its pointers lead to.
    pub(super) fn check_file(&mut self, file: &FileEntry, report: &mut Report, owned: &mut Bitmap) -> Result<Vec<u32>, D> {
        let id = Some(file.id);
        let (mut met, mut found) = (0u64, 0u64);
        let mut own = Vec::new();
        let walked = walk(&mut self.volume, self.space.blocks(), file, &mut |visit| {
            let block = match visit {
                Visit::Pointers(block) => block,
                Visit::Data(_, pointer) => {
                    found += u64::from(pointer.block != 0);
                    met += 1;
                    pointer.block
                }
            };
            own.extend((block != 0).then_some(block));
            Ok(())
        });
        match walked {
            Ok(()) => {}
            Err(EdfError::Damaged(why)) => report.add(id, String::from(why)),
            Err(other) => return Err(other),
        }
        for &block in &own {
            if !owned.insert(block) {
                report.add(id, format!("Block {block} belongs to another file or place too"));
            }
            if !self.space.in_use(block) {
                report.add(id, format!("Block {block} is free in the allocation map"));
            }
        }
        if walked.is_err() {
            return Ok(own);
        }
        match file.format {
            RecordFormat::Fixed(_) if found != u64::from(file.blocks) => {
                report.add(id, format!("It has {found} data blocks, its directory entry says {}", file.blocks));
            }
            RecordFormat::Fixed(_) => {}
            RecordFormat::Variable if file.records == 0 => {}
            RecordFormat::Variable if met != u64::from(file.blocks) => {
                report.add(id, format!("It has {met} data blocks, its directory entry says {}", file.blocks));
            }
            RecordFormat::Variable => self.check_records(file, report)?,
        }
        Ok(own)
    }

    /// Reads the records of a variable file and compares them with what its pointers say of each block.
    fn check_records(&mut self, file: &FileEntry, report: &mut Report) -> Result<(), D> {
        let id = Some(file.id);
        let mut pointers = Vec::new();
        walk(&mut self.volume, self.space.blocks(), file, &mut |visit| {
            if let Visit::Data(_, pointer) = visit {
                pointers.push(pointer);
            }
            Ok(())
        })?;
        let mut records = Counted::default();
        let mut block = vec![0; self.volume.block_size()];
        for (number, pointer) in pointers.iter().enumerate() {
            match pointer.block {
                0 => block.fill(0),
                at => self.volume.read(at, &mut block).map_err(EdfError::Device)?,
            }
            let expected = records.pass_over(&block, file.records);
            let Pointer { highest, displacement, .. } = *pointer;
            if file.levels > 0 && pointer.block != 0 && displacement != expected {
                let (said, is) = (Displacement(displacement), Displacement(expected));
                report.add(id, format!("Data block {}: a record begins at {is}, its pointer says {said}", number + 1));
            }
            if file.levels > 0 && highest != records.begun {
                let begun = records.begun;
                report.add(id, format!("Data block {}: the last record is {begun}, its pointer says {highest}", number + 1));
            }
        }
        if records.begun != file.records || records.is_torn() {
            let whole = records.begun - u32::from(records.is_torn());
            report.add(id, format!("It has {whole} whole records, its directory entry says {}", file.records));
        }
        if records.longest > file.lrecl as usize {
            let (longest, lrecl) = (records.longest, file.lrecl);
            report.add(id, format!("Its longest record has {longest} bytes, its directory entry says {lrecl}"));
        }
        Ok(())
    }
}

struct Displacement(u32);

impl fmt::Display for Displacement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            SPANNED => f.write_str("no place"),
            at => write!(f, "offset {at}"),
        }
    }
}

/// Counts the records of a variable file block by block.
#[derive(Default)]
struct Counted {
    /// Records begun so far.
    begun: u32,
    /// Bytes of the last one that are still to come, its length not counted.
    rest: usize,
    /// The first byte of a length that is split between two blocks.
    half: Option<u8>,
    longest: usize,
    /// A length of zero was met where a record should begin.
    ended: bool,
}

impl Counted {
    /// Whether the last record begun is not whole.
    fn is_torn(&self) -> bool {
        self.rest > 0 || self.half.is_some()
    }

    /// Counts what begins in a block of a file of `records` records. Answers what the block's pointer should say of its displacement.
    fn pass_over(&mut self, block: &[u8], records: u32) -> u32 {
        let mut at = 0;
        if let Some(high) = self.half.take() {
            self.rest = self.length(high, block[0]);
            at = 1;
        }
        at += self.rest;
        let displacement = if at >= block.len() { SPANNED } else { at as u32 };
        while at < block.len() && self.begun < records && !self.ended {
            self.begun += 1;
            let Some(&low) = block.get(at + 1) else {
                self.half = Some(block[at]);
                break;
            };
            let length = self.length(block[at], low);
            if length == 0 {
                self.begun -= 1;
                self.ended = true;
            }
            at += 2 + length;
        }
        self.rest = if self.half.is_some() || self.ended { 0 } else { at.saturating_sub(block.len()) };
        displacement
    }

    fn length(&mut self, high: u8, low: u8) -> usize {
        let length = usize::from(u16::from_be_bytes([high, low]));
        self.longest = self.longest.max(length);
        length
    }
}
