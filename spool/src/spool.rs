//! The spool as CP sees it: the calls, and how a group of them becomes one durable write.
//!
//! Locks: the lead of the group commit is one thread's for as long as a group takes; only it writes the index. Readers of
//! the index share it. The pins are held while a reader looks into the index, and asked while the lead writes it: both only
//! share the index, and the lead holds neither when it opens the index again after a failure. The segments' lock is
//! innermost.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::attributes::{
    Change, Closed, Destination, FileInfo, NewFile, Queue, QueueCounts, Selection, Space, Spid, Tag, Totals, Transferred, Userid,
};
use crate::ballast::Ballast;
use crate::catalog::{Failure, Limits, Operation, Outcome, Tables, View};
use crate::check::{self, CheckReport};
use crate::commit::GroupCommit;
use crate::disk::{Disk, DiskFile, HostDisk};
use crate::error::SpoolError;
use crate::index::{CommitError, Index};
use crate::pins::Pins;
use crate::reader::FileReader;
use crate::room::{FILE_BYTES, Room, SpoolEvent};
use crate::segments::{Segment, Segments};
use crate::start::{self, StartMode, StartReport};
use crate::writer::OpenFile;

/// How a spool is run.
#[derive(Clone, Debug)]
pub struct Options {
    /// Where its files live.
    pub disk: Arc<dyn Disk>,
    /// Bytes at which a segment is full and the next one is begun.
    pub segment_bytes: u64,
}

impl Default for Options {
    /// The host's disk; segments of 64 MiB: small enough to go soon after their files, large enough to be few.
    fn default() -> Self {
        Self { disk: Arc::new(HostDisk), segment_bytes: 64 << 20 }
    }
}

/// Why a file could not be closed, and the file itself when it can be closed elsewhere or later.
#[derive(Debug, thiserror::Error)]
#[error("{error}")]
pub struct CloseError {
    /// Why.
    #[source]
    pub error: SpoolError,
    /// The file, still open, when only the destination is the trouble ([`SpoolError::NoSpoolId`], [`SpoolError::FileLimit`]).
    /// Otherwise it is lost.
    pub file: Option<Box<OpenFile>>,
}

impl From<CloseError> for SpoolError {
    fn from(error: CloseError) -> Self {
        error.error
    }
}

/// An operation, and the segment that must be durable before it may be.
type Submitted = (Operation, Option<Arc<Segment>>);

/// Why an operation failed, and whether that is certain.
#[derive(Clone, Debug)]
struct Failed {
    error: SpoolError,
    /// False when the next start may find it done.
    certain: bool,
}

impl Failed {
    fn certain(error: SpoolError) -> Self {
        Self { error, certain: true }
    }

    /// Whoever carried it out did not live to tell.
    fn unknown() -> Self {
        Self { error: SpoolError::Stopped, certain: false }
    }
}

/// The spool of one system. Every call may block on the disk; any number of threads may call at a time.
pub struct Spool {
    index: Index,
    disk: Arc<dyn Disk>,
    segments: Arc<Segments>,
    room: Arc<Room>,
    ballast: Ballast,
    pins: Arc<Pins>,
    group: GroupCommit<Submitted, Result<Outcome, Failed>>,
    /// The next serial of a file, or position in a queue; this start's range of 2^32 of them.
    next: AtomicU64,
    /// Held while the spool is open: keeps other processes out.
    _lock: Arc<dyn DiskFile>,
}

impl Spool {
    /// Starts the spool in `directory`, making it if there is none.
    ///
    /// # Errors
    /// [`SpoolError::InUse`]; [`SpoolError::Foreign`] and [`SpoolError::Damaged`] name the file that stands in the way, which
    /// stays as it is.
    pub fn open(directory: &Path, start: StartMode) -> Result<(Self, StartReport), SpoolError> {
        Self::open_with(directory, start, &Options::default())
    }

    /// As [`Spool::open`], on another disk or with other segments.
    ///
    /// # Errors
    /// As [`Spool::open`].
    pub fn open_with(directory: &Path, start: StartMode, options: &Options) -> Result<(Self, StartReport), SpoolError> {
        let (started, report) = start::start(directory, start, options)?;
        let spool = Self {
            index: started.index,
            disk: Arc::clone(&options.disk),
            segments: Arc::new(started.segments),
            room: started.room,
            ballast: started.ballast,
            pins: Arc::default(),
            group: GroupCommit::default(),
            next: AtomicU64::new(started.epoch),
            _lock: started.lock,
        };
        Ok((spool, report))
    }

    /// Verifies every file, segment and index of a spool that is not running; with `repair`, takes what cannot be read out of
    /// the queues and makes the rest agree. Nothing is destroyed: what is taken out is kept, or set aside in the directory.
    ///
    /// # Errors
    /// [`SpoolError::InUse`], or when the host cannot read, or write a repair. What is wrong with the spool is in the report.
    pub fn check(directory: &Path, repair: bool) -> Result<CheckReport, SpoolError> {
        check::check(directory, repair, &Options::default())
    }

    /// As [`Spool::check`], on another disk.
    ///
    /// # Errors
    /// As [`Spool::check`].
    pub fn check_with(directory: &Path, repair: bool, options: &Options) -> Result<CheckReport, SpoolError> {
        check::check(directory, repair, options)
    }

    /// Begins a file. It is in no queue until it is closed.
    #[must_use]
    pub fn create(&self, file: NewFile) -> OpenFile {
        OpenFile::new(Arc::clone(&self.segments), self.next.fetch_add(1, Ordering::Relaxed), file)
    }

    /// Closes a file into a queue; answers when records and index are durable, one write serving all who close at the time.
    ///
    /// # Errors
    /// The file is lost, except when all numbers of the owner or the maker are in use or the owner may have no more files:
    /// then [`CloseError::file`] has it.
    /// After [`SpoolError::Stopped`] and failures to sync the next start may find it closed, and then whole.
    pub fn close(&self, mut file: OpenFile, to: Destination) -> Result<Closed, CloseError> {
        let lost = |error| CloseError { error, file: None };
        let (written, segment) = file.finish().map_err(lost)?;
        self.room.take(FILE_BYTES).map_err(lost)?;
        let outcome = self.submit(Operation::Close(written, to), segment);
        self.closed(file, outcome)
    }

    /// What came of closing `file`.
    fn closed(&self, file: OpenFile, outcome: Result<Outcome, Failed>) -> Result<Closed, CloseError> {
        let lost = |error| CloseError { error, file: None };
        let failed = match outcome {
            Ok(Outcome::Closed(closed)) => {
                file.keep();
                return Ok(closed);
            }
            Ok(_) => Failed::certain(SpoolError::GivenUp),
            Err(failed) => failed,
        };
        self.room.give_back(FILE_BYTES);
        match failed {
            Failed { error: error @ (SpoolError::NoSpoolId(_) | SpoolError::FileLimit { .. }), .. } => {
                Err(CloseError { error, file: Some(Box::new(file)) })
            }
            Failed { error, certain } => {
                if !certain {
                    file.keep();
                }
                Err(lost(error))
            }
        }
    }

    /// The selected files in processing order. Looks only at the files of the owner and queue that the selection names, if it does.
    ///
    /// # Errors
    /// When the index cannot be read.
    pub fn list(&self, selection: &Selection) -> Result<Vec<FileInfo>, SpoolError> {
        self.index.read(|view| view.list(selection))
    }

    /// One file, if it exists.
    ///
    /// # Errors
    /// When the index cannot be read.
    pub fn get(&self, owner: Userid, queue: Queue, spid: Spid) -> Result<Option<FileInfo>, SpoolError> {
        self.index.read(|view| view.get(owner, queue, spid))
    }

    /// Opens a file for reading.
    ///
    /// # Errors
    /// [`SpoolError::NoFile`], or when the index cannot be read.
    pub fn reader(&self, owner: Userid, queue: Queue, spid: Spid) -> Result<FileReader, SpoolError> {
        let look_up = |view: &View| {
            let file = view.get(owner, queue, spid)?.ok_or(SpoolError::NoFile { owner, queue, spid })?;
            let extents = view.extents(file.serial)?;
            Ok((file, extents))
        };
        let (file, extents) = self.pins.pin(|| self.index.read(look_up))?;
        Ok(FileReader::new(Arc::clone(&self.pins), Arc::clone(&self.segments), file, extents))
    }

    /// Changes the selected files; answers how many, durably.
    ///
    /// # Errors
    /// When the index cannot be read or written.
    pub fn change(&self, selection: &Selection, change: &Change) -> Result<usize, SpoolError> {
        self.count(Operation::Change(selection.clone(), change.clone()))
    }

    /// Puts the files of each selection, in this order, in front of one queue; answers how many.
    ///
    /// # Errors
    /// When the index cannot be read or written.
    pub fn order(&self, owner: Userid, queue: Queue, first: &[Selection]) -> Result<usize, SpoolError> {
        self.count(Operation::Order(owner, queue, first.to_vec()))
    }

    /// Purges the selected files; answers how many. Their room is given back when nobody reads them any more.
    ///
    /// # Errors
    /// When the index cannot be read or written.
    pub fn purge(&self, selection: &Selection) -> Result<usize, SpoolError> {
        self.count(Operation::Purge(selection.clone()))
    }

    /// Moves the selected files to the end of another queue, all or none. A file that comes to another owner gets a new number.
    ///
    /// # Errors
    /// [`SpoolError::NoSpoolId`] when the new owner has not enough numbers free, [`SpoolError::FileLimit`] when the new owner
    /// may not have that many files, or when the index cannot be read or written.
    pub fn transfer(&self, selection: &Selection, to: Destination) -> Result<Vec<Transferred>, SpoolError> {
        match self.submit(Operation::Transfer(selection.clone(), to), None) {
            Ok(Outcome::Moved(moved)) => Ok(moved),
            Ok(_) => Ok(Vec::new()),
            Err(failed) => Err(failed.error),
        }
    }

    /// Files of one user by queue.
    ///
    /// # Errors
    /// When the index cannot be read.
    pub fn counts(&self, owner: Userid) -> Result<QueueCounts, SpoolError> {
        self.index.read(|view| view.counts(owner))
    }

    /// What the whole store holds.
    ///
    /// # Errors
    /// When the index cannot be read.
    pub fn totals(&self) -> Result<Totals, SpoolError> {
        let (files, stored) = self.index.read(|view| {
            let segments = view.segments()?;
            let stored = segments.values().fold(0_u64, |sum, segment| sum.saturating_add(segment.bytes));
            Ok((view.all_counts()?, stored))
        })?;
        let on_disk = self.segments.on_disk() + self.index.on_disk();
        Ok(Totals { files, stored, on_disk, space: self.room.space() })
    }

    /// How full the spool is. Does not look into the index.
    #[must_use]
    pub fn space(&self) -> Space {
        self.room.space()
    }

    /// Sets how many bytes all files together may take; none is what the host has. At the limit writers are refused with
    /// [`SpoolError::SpaceLimit`] and lose the file they write; what is closed stays, and can be purged, changed and moved.
    pub fn limit_space(&self, bytes: Option<u64>) {
        self.room.set_limit(bytes);
    }

    /// Sets how many files each of these users may have (MAXSPOOL), instead of whoever had a limit before; others may have
    /// 9999. Files above a limit stay, but no more come ([`SpoolError::FileLimit`]).
    pub fn limit_files(&self, limits: impl IntoIterator<Item = (Userid, u16)>) {
        self.room.limit_files(limits.into_iter().collect());
    }

    /// Calls `listener` when the spool fills to 80, 90, 95 and 100 percent, and when it is relieved; at once if it is that
    /// full already. The thread that writes, closes or purges calls it, maybe on behalf of others who wait for their own close:
    /// it must not block for long, nor change the spool itself. Answers false, and does nothing, when there is a listener.
    pub fn listen(&self, listener: impl Fn(SpoolEvent) + Send + Sync + 'static) -> bool {
        self.room.listen(Box::new(listener))
    }

    /// The tag of a file; empty when it has none.
    ///
    /// # Errors
    /// [`SpoolError::NoFile`], or when the index cannot be read.
    pub fn tag(&self, owner: Userid, queue: Queue, spid: Spid) -> Result<Tag, SpoolError> {
        let file = self.get(owner, queue, spid)?.ok_or(SpoolError::NoFile { owner, queue, spid })?;
        Ok(file.attributes.tag)
    }

    /// Sets the tag of a file.
    ///
    /// # Errors
    /// [`SpoolError::NoFile`], or when the index cannot be read or written.
    pub fn set_tag(&self, owner: Userid, queue: Queue, spid: Spid, tag: Tag) -> Result<(), SpoolError> {
        let selection = Selection::of(owner).on(queue).spid(spid);
        match self.change(&selection, &Change { tag: Some(tag), ..Change::default() })? {
            0 => Err(SpoolError::NoFile { owner, queue, spid }),
            _ => Ok(()),
        }
    }

    /// The disk the spool is on.
    pub(crate) fn disk(&self) -> &dyn Disk {
        self.disk.as_ref()
    }

    /// The identity of the store.
    pub(crate) fn store(&self) -> Result<u64, SpoolError> {
        self.index.read(|view| view.store())
    }

    /// Every selected file in processing order, one at a time. Changes wait meanwhile only if the host fails.
    pub(crate) fn each(&self, selection: &Selection, seen: impl FnMut(FileInfo)) -> Result<(), SpoolError> {
        self.index.read(|view| view.each(selection, seen))
    }

    /// Purges by many selections with one commit.
    pub(crate) fn purge_each(&self, selections: Vec<Selection>) -> Result<(), SpoolError> {
        let operations = selections.into_iter().map(|selection| (Operation::Purge(selection), None)).collect();
        self.submit_all(operations).into_iter().try_for_each(|outcome| outcome.map(drop).map_err(|failed| failed.error))
    }

    /// Closes files that were loaded with one commit, each under its old number if that is free.
    pub(crate) fn close_loaded(&self, files: Vec<(OpenFile, Destination, Spid)>) -> Vec<Result<FileInfo, SpoolError>> {
        let mut operations = Vec::with_capacity(files.len());
        let mut finished = Vec::with_capacity(files.len());
        for (mut file, to, spid) in files {
            finished.push(file.finish().and_then(|(written, segment)| {
                self.room.take(FILE_BYTES)?;
                operations.push((Operation::Load(written, to, spid), segment));
                Ok(file)
            }));
        }
        let mut outcomes = self.submit_all(operations).into_iter();
        let mut outcome = || outcomes.next().unwrap_or(Err(Failed::unknown()));
        finished.into_iter().map(|file| Ok(self.closed(file?, outcome())?.file)).collect()
    }

    fn count(&self, operation: Operation) -> Result<usize, SpoolError> {
        match self.submit(operation, None) {
            Ok(Outcome::Count(count)) => Ok(count),
            Ok(_) => Ok(0),
            Err(failed) => Err(failed.error),
        }
    }

    fn submit(&self, operation: Operation, segment: Option<Arc<Segment>>) -> Result<Outcome, Failed> {
        self.submit_all(vec![(operation, segment)]).pop().unwrap_or(Err(Failed::unknown()))
    }

    fn submit_all(&self, operations: Vec<Submitted>) -> Vec<Result<Outcome, Failed>> {
        let answers = self.group.submit(operations, |group| self.carry_out(&group));
        answers.into_iter().map(|answer| answer.unwrap_or(Err(Failed::unknown()))).collect()
    }

    /// Makes the segments of a group durable, then all its operations in one commit, then gives room back.
    fn carry_out(&self, group: &[Submitted]) -> Vec<Result<Outcome, Failed>> {
        let unsynced = self.sync_segments(group);
        let committed = self.index.write(|tables| self.apply(tables, group, &unsynced));
        let mut outcomes = match committed {
            Ok(outcomes) => outcomes,
            Err(error) => {
                let failed = match error {
                    CommitError::NotMade(error) => Failed { error, certain: true },
                    CommitError::Unknown(error) => Failed { error, certain: false },
                };
                return group.iter().map(|_| Err(failed.clone())).collect();
            }
        };
        let mut purged = Vec::new();
        for outcome in outcomes.iter_mut().flatten() {
            if let Outcome::Purged(gone) = outcome {
                let count = gone.len();
                self.room.give_back((count as u64).saturating_mul(FILE_BYTES));
                purged.append(gone);
                *outcome = Outcome::Count(count);
            }
        }
        if !purged.is_empty() {
            self.segments.release(self.pins.unread(purged));
            self.ballast.take();
        }
        outcomes
    }

    /// Syncs every segment of the group once; answers for those that failed why.
    fn sync_segments(&self, group: &[Submitted]) -> Vec<(u32, SpoolError)> {
        let mut segments: Vec<&Arc<Segment>> = group.iter().filter_map(|(_, segment)| segment.as_ref()).collect();
        segments.sort_by_key(|segment| segment.number);
        segments.dedup_by_key(|segment| segment.number);
        let mut unsynced = Vec::new();
        for segment in segments {
            if let Err(error) = segment.sync() {
                self.segments.retire(segment.number);
                unsynced.push((segment.number, error));
            }
        }
        unsynced
    }

    fn apply(
        &self,
        tables: &mut Tables,
        group: &[Submitted],
        unsynced: &[(u32, SpoolError)],
    ) -> Result<Vec<Result<Outcome, Failed>>, SpoolError> {
        let mut positions = || self.next.fetch_add(1, Ordering::Relaxed);
        let limits = TheLimits { pins: &self.pins, room: &self.room };
        let mut outcomes = Vec::with_capacity(group.len());
        for (operation, segment) in group {
            let lost = segment.as_ref().and_then(|s| unsynced.iter().find(|(number, _)| *number == s.number));
            if let Some((_, error)) = lost {
                outcomes.push(Err(Failed::certain(error.clone())));
                continue;
            }
            match tables.apply(operation, &mut positions, &limits) {
                Ok(outcome) => outcomes.push(Ok(outcome)),
                Err(Failure::Refused(error)) => outcomes.push(Err(Failed::certain(error))),
                Err(Failure::Broken(error)) => return Err(error),
            }
        }
        Ok(outcomes)
    }
}

/// Numbers that are still read, and the users' limits.
struct TheLimits<'a> {
    pins: &'a Pins,
    room: &'a Room,
}

impl Limits for TheLimits<'_> {
    fn is_reserved(&self, owner: Userid, spid: Spid) -> bool {
        self.pins.has_number(owner, spid)
    }

    fn files(&self, owner: Userid) -> u16 {
        self.room.files_of(owner)
    }
}

impl std::fmt::Debug for Spool {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Spool").field("index", &self.index.path()).finish_non_exhaustive()
    }
}
