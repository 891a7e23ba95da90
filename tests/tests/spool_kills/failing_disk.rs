//! The host's disk, failing now and then as disks do: a write that stops half way, no room, an error, a sync that fails.

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use spool::{Disk, DiskFile, HostDisk};

/// Chance that can be had again: xorshift.
#[derive(Debug)]
pub struct Chance(AtomicU64);

impl Chance {
    /// The same seed gives the same numbers.
    pub fn new(seed: u64) -> Self {
        Self(AtomicU64::new(seed | 1))
    }

    /// A number below `below`.
    pub fn number(&self, below: u64) -> u64 {
        let next = |mut state: u64| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^ (state << 17)
        };
        let state = self.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |state| Some(next(state)));
        (next(state.unwrap_or(1)) >> 16) % below
    }

    /// One time in so many.
    pub fn once_in(&self, times: u64) -> bool {
        self.number(times) == 0
    }
}

/// The disk.
#[derive(Clone, Debug)]
pub struct FailingDisk {
    chance: Arc<Chance>,
}

impl FailingDisk {
    pub fn new(seed: u64) -> Self {
        Self { chance: Arc::new(Chance::new(seed)) }
    }

    /// Fails one time in so many.
    fn may_fail(&self, times: u64) -> io::Result<()> {
        if !self.chance.once_in(times) {
            return Ok(());
        }
        Err(if self.chance.once_in(2) { io::ErrorKind::StorageFull.into() } else { io::Error::other("The disk failed") })
    }

    fn file(&self, file: Arc<dyn DiskFile>) -> Arc<dyn DiskFile> {
        Arc::new(FailingFile { disk: self.clone(), file })
    }
}

impl Disk for FailingDisk {
    fn open(&self, path: &Path) -> io::Result<Arc<dyn DiskFile>> {
        HostDisk.open(path).map(|file| self.file(file))
    }

    fn create(&self, path: &Path) -> io::Result<Arc<dyn DiskFile>> {
        self.may_fail(60)?;
        HostDisk.create(path).map(|file| self.file(file))
    }

    fn names(&self, directory: &Path) -> io::Result<Vec<String>> {
        HostDisk.names(directory)
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.may_fail(60)?;
        HostDisk.rename(from, to)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        self.may_fail(60)?;
        HostDisk.remove(path)
    }

    fn make_directory(&self, path: &Path) -> io::Result<()> {
        HostDisk.make_directory(path)
    }

    fn sync_directory(&self, path: &Path) -> io::Result<()> {
        self.may_fail(60)?;
        HostDisk.sync_directory(path)
    }

    fn room(&self, directory: &Path) -> io::Result<u64> {
        HostDisk.room(directory)
    }
}

#[derive(Debug)]
struct FailingFile {
    disk: FailingDisk,
    file: Arc<dyn DiskFile>,
}

impl DiskFile for FailingFile {
    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<()> {
        self.disk.may_fail(3000)?;
        self.file.read_at(offset, buffer)
    }

    fn write_at(&self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        if let Err(error) = self.disk.may_fail(300) {
            let written = usize::try_from(self.disk.chance.number(bytes.len() as u64 + 1)).unwrap();
            self.file.write_at(offset, &bytes[..written])?;
            return Err(error);
        }
        self.file.write_at(offset, bytes)
    }

    fn sync_data(&self) -> io::Result<()> {
        self.disk.may_fail(100)?;
        self.file.sync_data()
    }

    fn length(&self) -> io::Result<u64> {
        self.file.length()
    }

    fn set_length(&self, length: u64) -> io::Result<()> {
        self.disk.may_fail(60)?;
        self.file.set_length(length)
    }

    fn reserve(&self, length: u64) -> io::Result<()> {
        self.disk.may_fail(30)?;
        self.file.reserve(length)
    }

    fn punch(&self, offset: u64, length: u64) -> io::Result<()> {
        self.disk.may_fail(60)?;
        self.file.punch(offset, length)
    }

    fn allocated(&self) -> io::Result<u64> {
        self.file.allocated()
    }

    fn try_lock(&self) -> io::Result<bool> {
        self.file.try_lock()
    }
}
