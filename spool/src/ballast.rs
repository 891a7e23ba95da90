//! Room kept back for the index, so that a disk without a byte left can be started from.
//!
//! A start writes to the index before it gives room back. When the host has none, the ballast is thrown overboard; it is
//! taken aboard again as soon as there is room, by the start itself or by a purge. Nothing else uses it: whoever writes
//! would have it used up before the next start needs it.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::disk::Disk;

/// The ballast's file.
pub const BALLAST_NAME: &str = "ballast";
/// Its bytes: many times what a commit writes, or what is left.
const BALLAST_BYTES: [u64; 3] = [4 << 20, 1 << 20, 256 << 10];

/// The ballast of one spool.
pub struct Ballast {
    disk: Arc<dyn Disk>,
    path: PathBuf,
}

impl Ballast {
    /// That of the spool in `directory`, aboard or not.
    pub fn new(disk: Arc<dyn Disk>, directory: &Path) -> Self {
        Self { disk, path: directory.join(BALLAST_NAME) }
    }

    /// Takes it aboard, if it is not and the host has room for it. Without it everything works until the disk is full.
    pub fn take(&self) {
        if let Ok(file) = self.disk.create(&self.path)
            && BALLAST_BYTES.into_iter().all(|bytes| file.reserve(bytes).is_err())
        {
            self.throw();
        }
    }

    /// Throws it overboard; false when there was none.
    pub fn throw(&self) -> bool {
        self.disk.remove(&self.path).is_ok()
    }
}
