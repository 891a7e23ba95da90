//! The index on disk: a redb database whose every commit is durable, and what to do when one fails.
//!
//! This file opens, commits and recovers; what is in the tables is [`crate::catalog`]'s.
//!
//! redb writes new pages beside the old ones and flips to them, so a commit is there whole or not at all. After a failed
//! write it refuses to go on, and the database is opened again. When the host failed to *sync*, its page cache may show
//! what the disk does not have; then nothing more is done until the system is started again.

use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard};

use redb::{Builder, Database, ReadableDatabase, StorageBackend};

use crate::catalog::{Tables, View};
use crate::disk::DiskFile;
use crate::error::SpoolError;

/// The index's file.
pub const INDEX_NAME: &str = "index.redb";
/// The index while it is made for the first time.
pub const INDEX_UNFINISHED: &str = "index.new";

/// The first bytes of every redb file.
const REDB_MAGIC: [u8; 9] = *b"redb\x1A\x0A\xA9\x0D\x0A";
/// Memory for cached pages: an index of 100,000 files fits.
const CACHE_BYTES: usize = 64 << 20;

/// Why a change was not made.
#[derive(Debug)]
pub enum CommitError {
    /// It was not made.
    NotMade(SpoolError),
    /// Whether it was made will be known at the next start.
    Unknown(SpoolError),
}

impl From<CommitError> for SpoolError {
    fn from(error: CommitError) -> Self {
        match error {
            CommitError::NotMade(error) | CommitError::Unknown(error) => error,
        }
    }
}

/// The open index.
#[derive(Debug)]
pub struct Index {
    path: PathBuf,
    file: Arc<dyn DiskFile>,
    sync_failed: Arc<AtomicBool>,
    /// None once changes are no longer possible.
    database: RwLock<Option<Database>>,
    /// The number of the last commit known to be there.
    commits: AtomicU64,
}

impl Index {
    /// Writes an empty index for a new store into an empty file.
    pub fn format(path: &Path, file: &Arc<dyn DiskFile>, store: u64) -> Result<(), SpoolError> {
        let backend = Backend { file: Arc::clone(file), sync_failed: Arc::default() };
        let database = Builder::new().create_with_backend(backend).at(path)?;
        let transaction = database.begin_write().at(path)?;
        Tables::open(&transaction, path)?.format(store)?;
        transaction.commit().at(path)?;
        database.close().at(path)
    }

    /// Opens an index, every page of which is verified.
    pub fn open(path: &Path, file: Arc<dyn DiskFile>) -> Result<Self, SpoolError> {
        let mut magic = [0; REDB_MAGIC.len()];
        let foreign = |what: &str| SpoolError::IndexLost { path: path.to_owned(), what: what.to_owned() };
        file.read_at(0, &mut magic).map_err(|error| match error.kind() {
            io::ErrorKind::UnexpectedEof => foreign("is not a spool index"),
            _ => SpoolError::io(path, error),
        })?;
        if magic != REDB_MAGIC {
            return Err(foreign("is not a spool index"));
        }
        let sync_failed = Arc::new(AtomicBool::new(false));
        let database = open_database(path, &file, &sync_failed)?;
        let index = Self { path: path.to_owned(), file, sync_failed, database: RwLock::new(Some(database)), commits: AtomicU64::new(0) };
        if index.read(|view| Ok(view.check_version().is_err()))? {
            index.upgrade()?;
        }
        let commits = index.read(|view| {
            view.check_version()?;
            view.commits()
        })?;
        index.commits.store(commits, Ordering::Relaxed);
        Ok(index)
    }

    /// Brings an earlier version up to date. One it cannot bring up to date stays as it is.
    fn upgrade(&self) -> Result<(), SpoolError> {
        let database = self.database();
        let database = database.as_ref().ok_or(SpoolError::Stopped)?;
        let transaction = database.begin_write().at(&self.path)?;
        // Aborted, not committed, when there is nothing to upgrade: not a byte of a later version's index is changed.
        if Tables::open(&transaction, &self.path)?.upgrade()? {
            transaction.commit().at(&self.path)
        } else {
            transaction.abort().at(&self.path)
        }
    }

    /// Looks at the index as of the last commit.
    pub fn read<T>(&self, look: impl FnOnce(&View) -> Result<T, SpoolError>) -> Result<T, SpoolError> {
        let database = self.database();
        let database = database.as_ref().ok_or(SpoolError::Stopped)?;
        let transaction = database.begin_read().at(&self.path)?;
        look(&View::open(&transaction, &self.path)?)
    }

    /// Makes a change and answers when it is durable. One caller at a time.
    pub fn write<T>(&self, change: impl FnOnce(&mut Tables) -> Result<T, SpoolError>) -> Result<T, CommitError> {
        let outcome = {
            let database = self.database();
            let database = database.as_ref().ok_or(CommitError::NotMade(SpoolError::Stopped))?;
            self.commit(database, change)
        };
        match outcome {
            Ok(value) => {
                self.commits.fetch_add(1, Ordering::Relaxed);
                Ok(value)
            }
            Err(error) => Err(self.recover(error)),
        }
    }

    /// One phase, so one sync: a commit that was torn shows by the checksums of its pages, and every start verifies them all.
    /// A second phase would hold off somebody who knows the file's contents, chooses what is written, and has the power fail
    /// between two pages; a guest does none of the latter. It costs a lone close an eighth (71, 67 and 61 a second against 63,
    /// 57 and 51); a thousand who close together do not notice.
    fn commit<T>(&self, database: &Database, change: impl FnOnce(&mut Tables) -> Result<T, SpoolError>) -> Result<T, SpoolError> {
        let transaction = database.begin_write().at(&self.path)?;
        let value = {
            let mut tables = Tables::open(&transaction, &self.path)?;
            let value = change(&mut tables)?;
            tables.count_commit()?;
            value
        };
        transaction.commit().at(&self.path)?;
        Ok(value)
    }

    /// Opens the database again after a failed commit and finds out whether the commit is there.
    fn recover(&self, error: SpoolError) -> CommitError {
        let mut database = self.database.write().unwrap_or_else(PoisonError::into_inner);
        *database = None;
        if self.sync_failed.load(Ordering::SeqCst) {
            return CommitError::Unknown(error);
        }
        match open_database(&self.path, &self.file, &self.sync_failed) {
            Ok(reopened) => *database = Some(reopened),
            Err(_) => return CommitError::Unknown(error),
        }
        drop(database);
        match self.read(|view| view.commits()) {
            Ok(commits) if commits == self.commits.load(Ordering::Relaxed) => CommitError::NotMade(error),
            _ => {
                *self.database.write().unwrap_or_else(PoisonError::into_inner) = None;
                CommitError::Unknown(error)
            }
        }
    }

    /// Bytes the index takes on the disk.
    pub fn on_disk(&self) -> u64 {
        self.file.allocated().unwrap_or(0)
    }

    /// The index's file, for messages.
    pub fn path(&self) -> &Path {
        &self.path
    }

    fn database(&self) -> RwLockReadGuard<'_, Option<Database>> {
        self.database.read().unwrap_or_else(PoisonError::into_inner)
    }
}

fn open_database(path: &Path, file: &Arc<dyn DiskFile>, sync_failed: &Arc<AtomicBool>) -> Result<Database, SpoolError> {
    let backend = Backend { file: Arc::clone(file), sync_failed: Arc::clone(sync_failed) };
    let mut builder = Builder::new();
    builder.set_cache_size(CACHE_BYTES).set_check_integrity_on_open(true);
    let damaged = |what: String| SpoolError::IndexLost { path: path.to_owned(), what };
    // redb promises an error for a damaged file, yet a panic here would take the whole system with it.
    match catch_unwind(AssertUnwindSafe(|| builder.create_with_backend(backend))) {
        Ok(Ok(database)) => Ok(database),
        Ok(Err(error)) => Err(match failed(path, error) {
            SpoolError::Index { source, .. } => damaged(format!("is damaged ({source})")),
            other => other,
        }),
        Err(_) => Err(damaged("is damaged".to_owned())),
    }
}

/// Errors of redb, said of the index they are about.
pub trait At<T> {
    /// Says that the error is about the index in `path`.
    fn at(self, path: &Path) -> Result<T, SpoolError>;
}

impl<T, E: Into<redb::Error>> At<T> for Result<T, E> {
    fn at(self, path: &Path) -> Result<T, SpoolError> {
        self.map_err(|error| failed(path, error))
    }
}

/// What an error of redb says about the index in `path`.
pub fn failed(path: &Path, error: impl Into<redb::Error>) -> SpoolError {
    match error.into() {
        redb::Error::Io(error) if error.kind() == io::ErrorKind::InvalidData => {
            SpoolError::IndexLost { path: path.to_owned(), what: format!("is damaged ({error})") }
        }
        redb::Error::Io(error) => SpoolError::io(path, error),
        error => SpoolError::Index { path: path.to_owned(), source: Arc::new(error) },
    }
}

/// A file of the spool's disk as redb wants it.
#[derive(Debug)]
struct Backend {
    file: Arc<dyn DiskFile>,
    sync_failed: Arc<AtomicBool>,
}

impl StorageBackend for Backend {
    fn len(&self) -> io::Result<u64> {
        self.file.length()
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        self.file.read_at(offset, out)
    }

    fn set_len(&self, length: u64) -> io::Result<()> {
        // Room is taken when the file grows, so that a full disk shows here and not in the middle of a commit.
        if length > self.file.length()? { self.file.reserve(length) } else { self.file.set_length(length) }
    }

    fn sync_data(&self) -> io::Result<()> {
        self.file.sync_data().inspect_err(|_| self.sync_failed.store(true, Ordering::SeqCst))
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        self.file.write_at(offset, data)
    }
}
