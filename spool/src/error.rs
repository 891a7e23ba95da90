//! What can go wrong in the spool, said so that an operator knows which file is meant.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use thiserror::Error;

use crate::attributes::{Queue, Spid, Userid};

/// Why the spool refused or failed.
///
/// Cheap to clone: one failed commit is answered to everyone who shared it.
#[derive(Clone, Debug, Error)]
pub enum SpoolError {
    /// Another process holds the spool.
    #[error("The spool in {} is in use by another process", .0.display())]
    InUse(PathBuf),
    /// A file in the spool's directory that this program did not write, or wrote in another version. It was left as it is.
    #[error("{}: {what}; it was left as it is, try a FORCE start or cp64 check", .path.display())]
    Foreign {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        what: String,
    },
    /// A file of the spool that is torn or damaged. It was left as it is.
    #[error("{}: {what}; it was left as it is, try a FORCE start or cp64 check", .path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        what: String,
    },
    /// The index is missing, torn or damaged, so that no spool file can be found. It was left as it is.
    #[error("{}: {what}; it was left as it is, try a COLD start or cp64 check --repair, which set the spool aside", .path.display())]
    IndexLost {
        /// The index's file.
        path: PathBuf,
        /// What is wrong with it.
        what: String,
    },
    /// The index was written by a program that keeps the spool in another way.
    #[error("{}: has version {found}, this program knows version {known}; it was left as it is", .path.display())]
    Version {
        /// The index's file.
        path: PathBuf,
        /// The version it has.
        found: u64,
        /// The version of this program.
        known: u64,
    },
    /// The records of one spool file cannot be read back.
    #[error("Spool file cannot be read: {} at byte {offset}: {what}", .path.display())]
    Unreadable {
        /// The segment.
        path: PathBuf,
        /// Where in it.
        offset: u64,
        /// What is wrong there.
        what: &'static str,
    },
    /// The host has no room. The file being written is lost, nothing else is.
    #[error("The spool is full: no room for {}", .0.display())]
    Full(PathBuf),
    /// The spool has as many bytes as it may have. The file being written is lost, nothing else is.
    #[error("The spool is full: its limit is {0} bytes")]
    SpaceLimit(u64),
    /// The host failed to read or write.
    #[error("{}: {source}", .path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the host said.
        source: Arc<io::Error>,
    },
    /// The index failed.
    #[error("{}: {source}", .path.display())]
    Index {
        /// The index's file.
        path: PathBuf,
        /// What redb said.
        source: Arc<redb::Error>,
    },
    /// An earlier write was not made durable by the host; nothing can be changed until the system is started again.
    #[error("The spool does not take changes since the host failed to write its index; start the system again")]
    Stopped,
    /// All spool ids of the user are in use.
    #[error("All spool ids of {0} are in use")]
    NoSpoolId(Userid),
    /// The user has as many files as the user may have (MAXSPOOL).
    #[error("Spool files of {owner} are at their maximum of {limit}")]
    FileLimit {
        /// The user.
        owner: Userid,
        /// How many files the user may have.
        limit: u16,
    },
    /// No such file.
    #[error("Spool file {owner} {} {spid} does not exist", .queue.abbreviation())]
    NoFile {
        /// The owner asked for.
        owner: Userid,
        /// The queue asked for.
        queue: Queue,
        /// The number asked for.
        spid: Spid,
    },
    /// A record longer than the spool keeps.
    #[error("A record of {0} bytes is longer than 65535")]
    RecordTooLong(usize),
    /// The file was given up after an earlier error.
    #[error("The file was given up after an earlier error")]
    GivenUp,
}

impl SpoolError {
    /// Whether there is no room, on the host or within the limit of the spool.
    #[must_use]
    pub fn is_full(&self) -> bool {
        matches!(self, Self::Full(_) | Self::SpaceLimit(_))
    }

    /// An error of the host about `path`.
    pub(crate) fn io(path: &Path, source: io::Error) -> Self {
        match source.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded | io::ErrorKind::FileTooLarge => Self::Full(path.to_owned()),
            _ => Self::Io { path: path.to_owned(), source: Arc::new(source) },
        }
    }
}
