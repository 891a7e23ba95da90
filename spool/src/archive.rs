//! SPXTAPE archives: spool files with all their attributes in one file of the host, for backup and for other systems.
//!
//! The layout is in `format` and, for other programs, in docs/spxtape.md. Reading and writing take the archive from front to back, so a pipe
//! serves as well as a file, and hold one block of records in memory however long a file is. `carry` moves files between
//! archive and spool.

use std::ops::ControlFlow;
use std::path::PathBuf;
use std::sync::Arc;
use std::{fmt, io};

use thiserror::Error;

use crate::attributes::{FileInfo, Userid};
use crate::error::SpoolError;

mod carry;
mod format;
mod read;
mod write;

pub use carry::{DumpOptions, LoadOptions};
pub use read::ArchiveReader;
pub use write::ArchiveWriter;

/// What an archive says of itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Label {
    /// The name of the system that made it.
    pub system: Userid,
    /// The identity of the spool whose files it has.
    pub store: u64,
    /// Seconds since 1970-01-01 UTC when it was made, by that system's clock.
    pub made: u64,
}

/// Why an archive cannot be read or written.
#[derive(Clone, Debug, Error)]
pub enum ArchiveError {
    /// The host failed to read or write it.
    #[error("{source}")]
    Io {
        /// What the host said.
        source: Arc<io::Error>,
    },
    /// It does not begin like an archive.
    #[error("This is not a SPXTAPE archive")]
    Foreign,
    /// It has a layout that this program does not know.
    #[error("The archive has version {found}, this program knows version {known}")]
    Version {
        /// The version it has.
        found: u32,
        /// The version of this program.
        known: u32,
    },
    /// It is torn or damaged from there on; the files before are whole.
    #[error("The archive is damaged at byte {at}: {what}")]
    Damaged {
        /// Where, in bytes from its beginning.
        at: u64,
        /// What is wrong there.
        what: &'static str,
    },
    /// The file of the host is there already.
    #[error("{} is there already", .0.display())]
    Exists(PathBuf),
    /// The file could not be read when the archive was made, and is none.
    #[error("The file could not be read when the archive was made")]
    Void,
    /// The spool failed.
    #[error(transparent)]
    Spool(#[from] SpoolError),
    /// Whoever watched the progress ended it.
    #[error("It was ended before its time")]
    Ended,
}

impl From<io::Error> for ArchiveError {
    fn from(source: io::Error) -> Self {
        Self::Io { source: Arc::new(source) }
    }
}

/// Why a file was passed over.
#[derive(Clone, Debug)]
pub enum Passed {
    /// DUMP: its records cannot be read.
    Unreadable(SpoolError),
    /// LOAD and SCAN: DUMP could not read it, and says so.
    Void,
    /// LOAD: it is there already (NODUP).
    Duplicate,
    /// LOAD: the spool refused it.
    Refused(SpoolError),
}

impl fmt::Display for Passed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreadable(error) | Self::Refused(error) => error.fmt(f),
            Self::Void => ArchiveError::Void.fmt(f),
            Self::Duplicate => f.write_str("The file is in the spool already"),
        }
    }
}

/// What happens while files move: what a progress display shows.
#[derive(Clone, Copy, Debug)]
pub enum Progress<'a> {
    /// This much of a file has moved. Told about once a mebibyte.
    Moving {
        /// The file, as it is where it comes from.
        file: &'a FileInfo,
        /// Bytes of its records so far.
        bytes: u64,
    },
    /// A file is whole in the archive, in the spool, or (SCAN) found whole in the archive.
    Done {
        /// The file, as it is where it comes from.
        file: &'a FileInfo,
        /// The file that LOAD made of it: its number may be another.
        now: Option<&'a FileInfo>,
    },
    /// A file was passed over.
    Passed {
        /// The file, as it is where it comes from.
        file: &'a FileInfo,
        /// Why.
        why: &'a Passed,
    },
}

/// Who is told of progress. [`ControlFlow::Break`] ends it ([`ArchiveError::Ended`]): a DUMP leaves nothing, a LOAD the
/// files that it loaded.
pub type Watch<'w> = dyn FnMut(Progress<'_>) -> ControlFlow<()> + 'w;

/// What came of DUMP, LOAD or SCAN.
#[derive(Clone, Debug)]
pub struct ArchiveReport {
    /// What the archive says of itself.
    pub label: Label,
    /// Files dumped, loaded or found whole.
    pub files: u64,
    /// Their records.
    pub records: u64,
    /// Bytes of their records.
    pub bytes: u64,
    /// Files passed over.
    pub passed: u64,
    /// DUMP: files that were purged or moved before their turn came.
    pub gone: u64,
    /// Where and why reading the archive ended before its end; none when it is whole.
    pub damage: Option<ArchiveError>,
}

impl ArchiveReport {
    fn new(label: Label) -> Self {
        Self { label, files: 0, records: 0, bytes: 0, passed: 0, gone: 0, damage: None }
    }

    fn count(&mut self, file: &FileInfo) {
        self.files += 1;
        self.records = self.records.saturating_add(file.records);
        self.bytes = self.bytes.saturating_add(file.bytes);
    }
}

fn tell(watch: &mut Watch<'_>, progress: Progress<'_>) -> Result<(), ArchiveError> {
    match watch(progress) {
        ControlFlow::Continue(()) => Ok(()),
        ControlFlow::Break(()) => Err(ArchiveError::Ended),
    }
}
