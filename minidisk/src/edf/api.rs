//! The public shape of the file system; bodies follow.
#![allow(unused, dead_code, clippy::all)]

use alloc::string::String;
use alloc::vec::Vec;

use super::*;

/// An open file system.
pub struct FileSystem<D> {
    device: D,
    label: VolumeLabel,
    files: Vec<FileEntry>,
}

/// A place in a file that is read in order. Holds no borrow: many may be open on one file system.
pub struct FileReader {
    next: u32,
}

/// A file being written. Give it back to [`FileSystem::close`] or [`FileSystem::abandon`].
#[must_use]
pub struct FileWriter {
    records: u32,
}

/// The records of a file, in order: a [`FileReader`] together with its file system.
pub struct Records<'a, D> {
    system: &'a mut FileSystem<D>,
    reader: FileReader,
}

/// What [`FileSystem::check`] found.
pub struct Report {
    /// Every inconsistency.
    pub findings: Vec<Finding>,
}

/// One inconsistency.
pub struct Finding {
    /// The file it is about.
    pub file: Option<FileId>,
    /// What is wrong.
    pub what: String,
}

impl Report {
    /// Whether nothing was found.
    pub fn is_clean(&self) -> bool { self.findings.is_empty() }
}

impl FileReader {
    /// Number of the record that is read next, from 1.
    pub fn next_record(&self) -> u32 { self.next }
    /// Goes to a record, from 1.
    pub fn seek(&mut self, record: u32) { unimplemented!() }
    /// The file.
    pub fn entry(&self) -> &FileEntry { unimplemented!() }
}

impl FileWriter {
    /// Records in the file so far, those it had before an append included.
    pub fn records(&self) -> u32 { self.records }
    /// The file.
    pub fn id(&self) -> &FileId { unimplemented!() }
}

type Result<T, D> = core::result::Result<T, EdfError<<D as BlockDevice>::Error>>;

impl<D: BlockDevice> FileSystem<D> {
    /// Formats the device: an empty file system under that label. Durable on return.
    pub fn format(device: D, label: &str, cylinders: u32, now: DateTime) -> Result<Self, D> { unimplemented!() }
    /// Opens the file system on the device.
    pub fn open(device: D) -> Result<Self, D> { unimplemented!() }
    /// Gives the device back. What was not committed is forgotten.
    pub fn into_device(self) -> D { unimplemented!() }
    /// The device.
    pub fn device(&self) -> &D { unimplemented!() }
    /// The volume label.
    pub fn label(&self) -> &VolumeLabel { unimplemented!() }
    /// Blocks in use, changes not committed yet included.
    pub fn blocks_used(&self) -> u32 { unimplemented!() }
    /// Number of files.
    pub fn file_count(&self) -> usize { unimplemented!() }
    /// The files, in directory order.
    pub fn files(&self) -> impl Iterator<Item = &FileEntry> { self.files.iter() }
    /// The file of that name.
    pub fn find(&self, id: &FileId) -> Option<&FileEntry> { unimplemented!() }

    /// Begins to read a file at its first record.
    pub fn open_reader(&self, id: &FileId) -> Result<FileReader, D> { unimplemented!() }
    /// Reads the next record into `record` (cleared first). False at the end of the file.
    pub fn read_next(&mut self, reader: &mut FileReader, record: &mut Vec<u8>) -> Result<bool, D> { unimplemented!() }
    /// Reads a file record by record.
    pub fn read(&mut self, id: &FileId) -> Result<Records<'_, D>, D> { unimplemented!() }
    /// Reads `count` records (fewer at the end of the file) from record `first` on, counted from 1.
    pub fn read_range(&mut self, id: &FileId, first: u32, count: u32) -> Result<Vec<Vec<u8>>, D> { unimplemented!() }

    /// Begins a file that is created, or replaces the one of that name when it is closed.
    pub fn create(&mut self, id: &FileId, mode: u8, format: RecordFormat) -> Result<FileWriter, D> { unimplemented!() }
    /// Begins to add records at the end of a file.
    pub fn extend(&mut self, id: &FileId) -> Result<FileWriter, D> { unimplemented!() }
    /// Adds a record.
    pub fn put(&mut self, writer: &mut FileWriter, record: &[u8]) -> Result<(), D> { unimplemented!() }
    /// Ends a file and enters it in the directory; durable with the next commit.
    pub fn close(&mut self, writer: FileWriter, now: DateTime) -> Result<(), D> { unimplemented!() }
    /// Forgets a file being written; the directory keeps the old one.
    pub fn abandon(&mut self, writer: FileWriter) { unimplemented!() }

    /// Creates or replaces a whole file. Durable with the next commit.
    pub fn write<R: AsRef<[u8]>>(&mut self, id: &FileId, mode: u8, format: RecordFormat, now: DateTime, records: impl IntoIterator<Item = R>) -> Result<(), D> { unimplemented!() }
    /// Adds records at the end of a file. Durable with the next commit.
    pub fn append<R: AsRef<[u8]>>(&mut self, id: &FileId, now: DateTime, records: impl IntoIterator<Item = R>) -> Result<(), D> { unimplemented!() }
    /// Erases a file. Durable with the next commit.
    pub fn erase(&mut self, id: &FileId) -> Result<(), D> { unimplemented!() }
    /// Renames a file. Durable with the next commit.
    pub fn rename(&mut self, from: &FileId, to: &FileId) -> Result<(), D> { unimplemented!() }
    /// Changes the file mode number. Durable with the next commit.
    pub fn set_mode(&mut self, id: &FileId, mode: u8) -> Result<(), D> { unimplemented!() }
    /// Changes the date of last change. Durable with the next commit.
    pub fn set_modified(&mut self, id: &FileId, modified: DateTime) -> Result<(), D> { unimplemented!() }

    /// Makes every change since the last commit durable, all or none.
    pub fn commit(&mut self) -> Result<(), D> { unimplemented!() }
    /// Forgets every change since the last commit by reading the disk again.
    pub fn rollback(&mut self) -> Result<(), D> { unimplemented!() }
    /// Whether there are changes to commit.
    pub fn is_changed(&self) -> bool { unimplemented!() }
    /// Reads the whole structure and explains every inconsistency.
    pub fn check(&mut self) -> Result<Report, D> { unimplemented!() }
}

impl<D: BlockDevice> Records<'_, D> {
    /// Reads the next record into `record` (cleared first). False at the end of the file.
    pub fn next_into(&mut self, record: &mut Vec<u8>) -> Result<bool, D> { unimplemented!() }
}

impl<D: BlockDevice> Iterator for Records<'_, D> {
    type Item = Result<Vec<u8>, D>;
    fn next(&mut self) -> Option<Self::Item> { unimplemented!() }
}
