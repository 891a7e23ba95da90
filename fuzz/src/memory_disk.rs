//! A disk in memory that never fails.

use std::collections::BTreeMap;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use spool::{Disk, DiskFile};

/// The disk.
#[derive(Clone, Debug, Default)]
pub struct MemoryDisk(Arc<Mutex<BTreeMap<PathBuf, MemoryFile>>>);

impl MemoryDisk {
    fn files(&self) -> MutexGuard<'_, BTreeMap<PathBuf, MemoryFile>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Puts a file on it.
    pub fn put(&self, path: &Path, bytes: &[u8]) {
        self.files().insert(path.to_owned(), MemoryFile(Arc::new(Mutex::new(bytes.to_vec()))));
    }

    /// What is in a file.
    ///
    /// # Errors
    /// When it is not there.
    pub fn bytes(&self, path: &Path) -> io::Result<Vec<u8>> {
        self.files().get(path).map(|file| file.bytes().clone()).ok_or_else(|| ErrorKind::NotFound.into())
    }
}

impl Disk for MemoryDisk {
    fn open(&self, path: &Path) -> io::Result<Arc<dyn DiskFile>> {
        let file = self.files().get(path).cloned().ok_or(ErrorKind::NotFound)?;
        Ok(Arc::new(file))
    }

    fn create(&self, path: &Path) -> io::Result<Arc<dyn DiskFile>> {
        if self.files().contains_key(path) {
            return Err(ErrorKind::AlreadyExists.into());
        }
        self.put(path, &[]);
        self.open(path)
    }

    fn names(&self, directory: &Path) -> io::Result<Vec<String>> {
        let files = self.files();
        let names = files.keys().filter_map(|path| path.strip_prefix(directory).ok()?.iter().next()?.to_str());
        Ok(names.map(str::to_owned).collect())
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        let mut files = self.files();
        let file = files.remove(from).ok_or(ErrorKind::NotFound)?;
        files.insert(to.to_owned(), file);
        Ok(())
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        self.files().remove(path).map(drop).ok_or_else(|| ErrorKind::NotFound.into())
    }

    fn make_directory(&self, _: &Path) -> io::Result<()> {
        Ok(())
    }

    fn sync_directory(&self, _: &Path) -> io::Result<()> {
        Ok(())
    }

    fn room(&self, _: &Path) -> io::Result<u64> {
        Ok(u64::MAX)
    }
}

#[derive(Clone, Debug)]
struct MemoryFile(Arc<Mutex<Vec<u8>>>);

impl MemoryFile {
    fn bytes(&self) -> MutexGuard<'_, Vec<u8>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn range(offset: u64, length: usize) -> io::Result<std::ops::Range<usize>> {
    let start = usize::try_from(offset).map_err(io::Error::other)?;
    Ok(start..start.checked_add(length).ok_or(ErrorKind::FileTooLarge)?)
}

impl DiskFile for MemoryFile {
    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<()> {
        let bytes = self.bytes();
        let found = bytes.get(range(offset, buffer.len())?).ok_or(ErrorKind::UnexpectedEof)?;
        buffer.copy_from_slice(found);
        Ok(())
    }

    fn write_at(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        let range = range(offset, data.len())?;
        self.reserve(range.end as u64)?;
        self.bytes()[range].copy_from_slice(data);
        Ok(())
    }

    fn sync_data(&self) -> io::Result<()> {
        Ok(())
    }

    fn length(&self) -> io::Result<u64> {
        Ok(self.bytes().len() as u64)
    }

    fn set_length(&self, length: u64) -> io::Result<()> {
        self.bytes().resize(range(length, 0)?.start, 0);
        Ok(())
    }

    fn reserve(&self, length: u64) -> io::Result<()> {
        self.set_length(length.max(self.length()?))
    }

    fn punch(&self, offset: u64, length: u64) -> io::Result<()> {
        self.write_at(offset, &vec![0; usize::try_from(length).map_err(io::Error::other)?])
    }

    fn allocated(&self) -> io::Result<u64> {
        self.length()
    }

    fn try_lock(&self) -> io::Result<bool> {
        Ok(true)
    }
}
