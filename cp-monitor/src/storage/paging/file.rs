//! The file that pages go to, behind a seam so that tests can make it fail.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::Path;

use vmm_sys_util::fallocate::{FallocateMode, fallocate};

/// Where pages are kept: positioned reads and writes of whole slots. Called by threads that may block.
pub trait PageFile: Send + Sync {
    /// Fills `into` from `offset`, or fails; a file that ends sooner is [`io::ErrorKind::UnexpectedEof`].
    ///
    /// # Errors
    /// What the host says.
    fn read_at(&self, into: &mut [u8], offset: u64) -> io::Result<()>;

    /// Writes all of `from` at `offset`, or fails.
    ///
    /// # Errors
    /// What the host says.
    fn write_at(&self, from: &[u8], offset: u64) -> io::Result<()>;

    /// Gives the host the room of `bytes` bytes from `offset` back.
    ///
    /// # Errors
    /// What the host says; the bytes are then still taken, which harms nobody.
    fn punch(&self, offset: u64, bytes: u64) -> io::Result<()>;
}

/// A sparse file of the host. What it holds means nothing to any other process or to the next start.
pub struct HostFile(File);

impl HostFile {
    /// A new, empty file there, readable by its owner only. One that is there already is replaced, not overwritten: a process that has
    /// it open keeps its own.
    ///
    /// # Errors
    /// What the host says.
    pub fn create(path: &Path) -> io::Result<Self> {
        match std::fs::remove_file(path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        OpenOptions::new().read(true).write(true).create_new(true).mode(0o600).open(path).map(Self)
    }
}

impl PageFile for HostFile {
    fn read_at(&self, into: &mut [u8], offset: u64) -> io::Result<()> {
        self.0.read_exact_at(into, offset).map_err(|error| match error.kind() {
            io::ErrorKind::UnexpectedEof => io::Error::new(error.kind(), "it was cut off"),
            _ => error,
        })
    }

    fn write_at(&self, from: &[u8], offset: u64) -> io::Result<()> {
        self.0.write_all_at(from, offset)
    }

    fn punch(&self, offset: u64, bytes: u64) -> io::Result<()> {
        fallocate(&self.0, FallocateMode::PunchHole, true, offset, bytes).map_err(io::Error::from)
    }
}
