//! What can go wrong with an extent.

use std::io;
use std::path::Path;

use super::header::LayerId;

/// What can go wrong with an extent; each names the file.
#[derive(Debug, thiserror::Error)]
pub enum ExtentError {
    /// The host refused.
    #[error("{path}: {source}")]
    Io {
        /// The file.
        path: String,
        /// What the host said.
        source: io::Error,
    },
    /// The host has no room for a block, or the quota or file size limit is reached.
    #[error("{0}: No space is left on the host for the minidisk")]
    NoSpace(String),
    /// Another open extent, here or in another process, has a lock that excludes this one.
    #[error("{0}: The minidisk is held by another machine or program")]
    Held(String),
    /// There is such a file already; it was not touched.
    #[error("{0}: The file exists")]
    Exists(String),
    /// The file is no extent.
    #[error("{0}: The file is no CP-64 minidisk")]
    Foreign(String),
    /// A newer program wrote it.
    #[error("{path}: The minidisk has version {version}, this program knows versions 1 and 2")]
    Version {
        /// The file.
        path: String,
        /// Its version.
        version: u32,
    },
    /// The header's checksum is wrong.
    #[error("{0}: The header of the minidisk is damaged")]
    Torn(String),
    /// The file is not as long as its header says.
    #[error("{path}: The minidisk should have {expected} bytes and has {actual}")]
    Size {
        /// The file.
        path: String,
        /// Bytes according to the header.
        expected: u64,
        /// Bytes there are.
        actual: u64,
    },
    /// A header with an owner or a size that no minidisk has.
    #[error("{path}: A minidisk cannot have {what}")]
    BadHeader {
        /// The file.
        path: String,
        /// The impossible part.
        what: &'static str,
    },
    /// A write to an extent opened for reading, or to a snapshot.
    #[error("{0}: The minidisk is read-only")]
    ReadOnly(String),
    /// A block that is not on the minidisk.
    #[error("{path}: Block {block} is not on the minidisk")]
    Range {
        /// The file.
        path: String,
        /// The first block asked for.
        block: u32,
    },
    /// A layer on which the minidisk is built is missing or cannot be used.
    #[error("{path}: Layer {layer}, on which the minidisk is built, {why}")]
    Layer {
        /// The file.
        path: String,
        /// The layer.
        layer: LayerId,
        /// What is wrong with it.
        why: String,
    },
    /// More layers than are followed.
    #[error("{0}: The minidisk is built on too many layers; flatten it or delete snapshots")]
    TooDeep(String),
    /// A name that no snapshot can have.
    #[error("{0}: A snapshot's name has 1 to 32 letters, digits, - and _")]
    SnapshotName(String),
    /// There is no such snapshot.
    #[error("{0}: There is no such snapshot")]
    NoSnapshot(String),
}

pub(super) fn io_error(path: &Path, source: io::Error) -> ExtentError {
    use io::ErrorKind::{FileTooLarge, QuotaExceeded, StorageFull};
    match source.kind() {
        StorageFull | QuotaExceeded | FileTooLarge => ExtentError::NoSpace(shown(path)),
        _ => ExtentError::Io { path: shown(path), source },
    }
}

pub(super) fn shown(path: &Path) -> String {
    path.display().to_string()
}

impl ExtentError {
    /// The host lets the file be read and not written: a read-only file system, or its permissions.
    pub fn is_read_only(&self) -> bool {
        let kinds = [io::ErrorKind::ReadOnlyFilesystem, io::ErrorKind::PermissionDenied];
        matches!(self, Self::ReadOnly(_)) || matches!(self, Self::Io { source, .. } if kinds.contains(&source.kind()))
    }
}
