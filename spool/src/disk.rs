//! The few operations of a file system that the spool uses, as a seam.
//!
//! [`HostDisk`] is the real one. Tests put others in its place that run out of room, fail, or lose power. Nothing else in
//! this crate touches a file.

use std::fmt::Debug;
use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::{FileExt, MetadataExt, OpenOptionsExt};
use std::path::Path;
use std::sync::Arc;

/// Where the spool's files live. Paths are those that [`crate::Spool`] was opened with.
pub trait Disk: Send + Sync + Debug + 'static {
    /// Opens an existing file for reading and writing.
    fn open(&self, path: &Path) -> io::Result<Arc<dyn DiskFile>>;
    /// Opens an existing file for reading only.
    fn open_to_read(&self, path: &Path) -> io::Result<Arc<dyn DiskFile>> {
        self.open(path)
    }
    /// Creates a file for reading and writing; an existing one is an error.
    fn create(&self, path: &Path) -> io::Result<Arc<dyn DiskFile>>;
    /// The names in a directory, in no order.
    fn names(&self, directory: &Path) -> io::Result<Vec<String>>;
    /// Renames within one file system. Durable after [`Disk::sync_directory`] of both directories.
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()>;
    /// Removes a file. Open ones stay readable.
    fn remove(&self, path: &Path) -> io::Result<()>;
    /// Creates a directory and its parents; an existing one is no error.
    fn make_directory(&self, path: &Path) -> io::Result<()>;
    /// Makes the names in a directory durable.
    fn sync_directory(&self, path: &Path) -> io::Result<()>;
    /// Bytes that can still be added to files in a directory.
    fn room(&self, directory: &Path) -> io::Result<u64>;
}

/// One open file.
pub trait DiskFile: Send + Sync + Debug {
    /// Fills the buffer from that offset; less is [`io::ErrorKind::UnexpectedEof`].
    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<()>;
    /// Writes all bytes at that offset; on an error some of them may be written.
    fn write_at(&self, offset: u64, bytes: &[u8]) -> io::Result<()>;
    /// Makes what was written, and the length, durable (fdatasync).
    fn sync_data(&self) -> io::Result<()>;
    /// The length in bytes.
    fn length(&self) -> io::Result<u64>;
    /// Sets the length; new bytes read as zero.
    fn set_length(&self, length: u64) -> io::Result<()>;
    /// Takes room for the bytes up to `length` now, so that writing them cannot run out of it, and makes the file that long.
    fn reserve(&self, length: u64) -> io::Result<()>;
    /// Gives the room of these bytes back; they read as zero. A file system that cannot do it is no error.
    fn punch(&self, offset: u64, length: u64) -> io::Result<()>;
    /// Bytes the file takes on the disk.
    fn allocated(&self) -> io::Result<u64>;
    /// Takes the lock that keeps other processes out, if nobody holds it.
    fn try_lock(&self) -> io::Result<bool>;
}

/// The host's file system.
#[derive(Clone, Copy, Debug, Default)]
pub struct HostDisk;

impl Disk for HostDisk {
    fn open(&self, path: &Path) -> io::Result<Arc<dyn DiskFile>> {
        Ok(Arc::new(HostFile(OpenOptions::new().read(true).write(true).open(path)?)))
    }

    fn open_to_read(&self, path: &Path) -> io::Result<Arc<dyn DiskFile>> {
        // Somebody names this file: a pipe that nobody writes to must not hold CP up.
        let nonblocking = rustix::fs::OFlags::NONBLOCK.bits().cast_signed();
        Ok(Arc::new(HostFile(OpenOptions::new().read(true).custom_flags(nonblocking).open(path)?)))
    }

    fn create(&self, path: &Path) -> io::Result<Arc<dyn DiskFile>> {
        Ok(Arc::new(HostFile(OpenOptions::new().read(true).write(true).create_new(true).open(path)?)))
    }

    fn names(&self, directory: &Path) -> io::Result<Vec<String>> {
        fs::read_dir(directory)?.map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned())).collect()
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        fs::rename(from, to)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        fs::remove_file(path)
    }

    fn make_directory(&self, path: &Path) -> io::Result<()> {
        fs::create_dir_all(path)
    }

    fn sync_directory(&self, path: &Path) -> io::Result<()> {
        File::open(path)?.sync_all()
    }

    fn room(&self, directory: &Path) -> io::Result<u64> {
        let statistics = rustix::fs::statvfs(directory)?;
        Ok(statistics.f_bavail.saturating_mul(statistics.f_frsize))
    }
}

#[derive(Debug)]
struct HostFile(File);

impl DiskFile for HostFile {
    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<()> {
        self.0.read_exact_at(buffer, offset)
    }

    fn write_at(&self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        self.0.write_all_at(bytes, offset)
    }

    fn sync_data(&self) -> io::Result<()> {
        self.0.sync_data()
    }

    fn length(&self) -> io::Result<u64> {
        Ok(self.0.metadata()?.len())
    }

    fn set_length(&self, length: u64) -> io::Result<()> {
        self.0.set_len(length)
    }

    fn reserve(&self, length: u64) -> io::Result<()> {
        let now = self.length()?;
        if length <= now {
            return Ok(());
        }
        match rustix::fs::fallocate(&self.0, rustix::fs::FallocateFlags::empty(), now, length - now) {
            Err(rustix::io::Errno::OPNOTSUPP | rustix::io::Errno::NOSYS) => self.0.set_len(length),
            other => Ok(other?),
        }
    }

    fn punch(&self, offset: u64, length: u64) -> io::Result<()> {
        use rustix::fs::FallocateFlags;
        if length == 0 {
            return Ok(());
        }
        let flags = FallocateFlags::PUNCH_HOLE | FallocateFlags::KEEP_SIZE;
        match rustix::fs::fallocate(&self.0, flags, offset, length) {
            Err(rustix::io::Errno::OPNOTSUPP | rustix::io::Errno::NOSYS) => Ok(()),
            other => Ok(other?),
        }
    }

    fn allocated(&self) -> io::Result<u64> {
        // st_blocks counts units of 512 bytes whatever the file system's block is.
        Ok(self.0.metadata()?.blocks() * 512)
    }

    fn try_lock(&self) -> io::Result<bool> {
        match self.0.try_lock() {
            Ok(()) => Ok(true),
            Err(fs::TryLockError::WouldBlock) => Ok(false),
            Err(fs::TryLockError::Error(error)) => Err(error),
        }
    }
}
