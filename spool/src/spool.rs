//! The spool as CP sees it.

use std::path::{Path, PathBuf};

use crate::attributes::{
    Attributes, Change, Closed, Destination, FileInfo, NewFile, Queue, QueueCounts, Selection,
    Spid, Tag, Totals, Transferred, Userid,
};
use crate::error::SpoolError;

/// How the spool is started.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StartMode {
    /// Everything is kept; anything unreadable refuses the start.
    Warm,
    /// As warm, but files that cannot be read are skipped and reported.
    Force,
    /// Spool files are dropped; the old store is set aside.
    Cold,
    /// Everything is dropped.
    Clean,
}

/// What a start found and did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StartReport {
    /// Closed files of all users.
    pub files: QueueCounts,
    /// Bytes of files that were never closed, given back.
    pub reclaimed: u64,
    /// Files that a FORCE start skipped: they are kept on disk but in no queue.
    pub skipped: Vec<FileInfo>,
    /// Files of the directory that a FORCE start passed over, with the reason.
    pub passed_over: Vec<(PathBuf, String)>,
    /// Where a COLD start put the old store.
    pub set_aside: Option<PathBuf>,
}

/// One thing that a check found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The file of the host it is about.
    pub path: PathBuf,
    /// The spool file it is about, if one.
    pub file: Option<FileInfo>,
    /// What is wrong.
    pub what: String,
    /// What the repair did about it.
    pub repaired: Option<String>,
}

/// What a check found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CheckReport {
    /// Files in the queues.
    pub files: u64,
    /// Segments.
    pub segments: u64,
    /// Bytes of records that were read and found whole.
    pub bytes: u64,
    /// What was found wrong; empty when all is well.
    pub problems: Vec<Problem>,
}

/// The spool of one system.
pub struct Spool {}

/// A file being written. Dropping it discards it.
pub struct OpenFile {}

/// One record of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Record<'a> {
    /// The channel command it was written with.
    pub command: u16,
    /// Its bytes.
    pub data: &'a [u8],
}

/// Reads the records of a file. A purge while it reads does not disturb it.
pub struct FileReader {}

impl OpenFile {
    /// Adds a record of at most 65,535 bytes.
    pub fn append(&mut self, _command: u16, _data: &[u8]) -> Result<(), SpoolError> {
        todo!()
    }
    /// The attributes the file will be closed with.
    pub fn attributes_mut(&mut self) -> &mut Attributes {
        todo!()
    }
    /// Records so far.
    pub fn records(&self) -> u64 {
        todo!()
    }
}

impl FileReader {
    /// The file as it was when the reader was opened.
    pub fn file(&self) -> &FileInfo {
        todo!()
    }
    /// The next record, or none at the end.
    pub fn next_record(&mut self) -> Result<Option<Record<'_>>, SpoolError> {
        todo!()
    }
    /// The record that [`FileReader::next_record`] will answer, which stays the next one.
    pub fn peek(&mut self) -> Result<Option<Record<'_>>, SpoolError> {
        todo!()
    }
    /// Begins again at the first record.
    pub fn restart(&mut self) {
        todo!()
    }
}

impl Spool {
    /// Starts the spool in `directory`, making it if there is none.
    pub fn open(_directory: &Path, _start: StartMode) -> Result<(Self, StartReport), SpoolError> {
        todo!()
    }
    /// Begins a file.
    pub fn create(&self, _file: NewFile) -> Result<OpenFile, SpoolError> {
        todo!()
    }
    /// Closes a file into a queue; answers when it is durable.
    pub fn close(&self, _file: OpenFile, _to: Destination) -> Result<Closed, SpoolError> {
        todo!()
    }
    /// The selected files in processing order.
    pub fn list(&self, _selection: &Selection) -> Result<Vec<FileInfo>, SpoolError> {
        todo!()
    }
    /// One file.
    pub fn get(
        &self,
        _owner: Userid,
        _queue: Queue,
        _spid: Spid,
    ) -> Result<Option<FileInfo>, SpoolError> {
        todo!()
    }
    /// Opens a file for reading.
    pub fn reader(
        &self,
        _owner: Userid,
        _queue: Queue,
        _spid: Spid,
    ) -> Result<FileReader, SpoolError> {
        todo!()
    }
    /// Changes the selected files; answers how many.
    pub fn change(&self, _selection: &Selection, _change: &Change) -> Result<usize, SpoolError> {
        todo!()
    }
    /// Puts the files of each selection, in this order, at the front of one queue; answers how many.
    pub fn order(
        &self,
        _owner: Userid,
        _queue: Queue,
        _first: &[Selection],
    ) -> Result<usize, SpoolError> {
        todo!()
    }
    /// Purges the selected files; answers how many.
    pub fn purge(&self, _selection: &Selection) -> Result<usize, SpoolError> {
        todo!()
    }
    /// Moves the selected files to the end of another queue, all or none.
    pub fn transfer(
        &self,
        _selection: &Selection,
        _to: Destination,
    ) -> Result<Vec<Transferred>, SpoolError> {
        todo!()
    }
    /// Files of one user by queue.
    pub fn counts(&self, _owner: Userid) -> Result<QueueCounts, SpoolError> {
        todo!()
    }
    /// What the whole store holds.
    pub fn totals(&self) -> Result<Totals, SpoolError> {
        todo!()
    }
    /// The tag of a file.
    pub fn tag(&self, _owner: Userid, _queue: Queue, _spid: Spid) -> Result<Tag, SpoolError> {
        todo!()
    }
    /// Sets the tag of a file.
    pub fn set_tag(
        &self,
        _owner: Userid,
        _queue: Queue,
        _spid: Spid,
        _tag: Tag,
    ) -> Result<(), SpoolError> {
        todo!()
    }
    /// Verifies every file of a spool that is not running.
    pub fn check(_directory: &Path, _repair: bool) -> Result<CheckReport, SpoolError> {
        todo!()
    }
}
