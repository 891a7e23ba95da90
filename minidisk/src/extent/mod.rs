//! Extents: the host files that hold one minidisk.
//!
//! A file begins with a header that says whose minidisk it is and how large; a *plain* file holds every block behind it. An *overlay* holds
//! only the blocks that differ from a *layer*, a file in the folder `layers` that never changes; so a clone, or a disk of which a snapshot
//! was taken, costs what differs. Files are sparse: blocks never written take no room. One is created whole or not at all, locked while
//! it is open, and a file that is not what its header says is named in the error and never touched. Talks to the host's file system only.

mod copies;
mod error;
mod header;
mod layer;

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io;
use std::ops::Range;
use std::os::unix::fs::{FileExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, TryLockError as TryGuardError};

use crate::edf::{BLOCK_SIZE, BlockDevice};
pub use copies::{Snapshot, collect, snapshot_file, snapshots};
pub use error::ExtentError;
use error::{io_error, shown};
pub use header::{DeviceType, Header, LayerId};
use layer::Layer;

/// Most layers of a minidisk: each costs a look into its map for a block that those above do not hold.
pub const LAYERS_MAX: usize = 64;

/// How an extent is opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Beside other readers.
    Read,
    /// Alone.
    Write,
}

/// Takes the host's lock on the file, shared or alone, without waiting; a lock held through this file is converted.
fn lock(file: &File, path: &Path, access: Access) -> Result<(), ExtentError> {
    let locked = match access {
        Access::Read => file.try_lock_shared(),
        Access::Write => file.try_lock(),
    };
    locked.map_err(|error| match error {
        TryLockError::WouldBlock => ExtentError::Held(shown(path)),
        TryLockError::Error(source) => io_error(path, source),
    })
}

/// An open minidisk. It is shared by reference: reads and writes from several threads may run at once, each block whole by itself.
#[derive(Debug)]
pub struct Extent {
    path: PathBuf,
    header: Header,
    writes: AtomicBool,
    /// The file under the disk's name first, then the layers on which it is built. Written only by a freeze.
    layers: RwLock<Vec<Arc<Layer>>>,
}

impl Extent {
    /// Makes a new minidisk of zeros and opens it for writing. A file that exists is not touched.
    ///
    /// Durable on return: the file stands under its name with a whole header, or not at all.
    pub fn create(path: &Path, header: &Header) -> Result<Extent, ExtentError> {
        header.check(path)?;
        if path.try_exists().map_err(|source| io_error(path, source))? {
            return Err(ExtentError::Exists(shown(path)));
        }
        let temporary = temporary(path);
        let made = build(&temporary, header, None, true).and_then(|file| {
            publish(&temporary, path)?;
            sync_folder(path)?;
            let layer = Layer::load(file, header, None, path)?;
            Ok(Extent::assembled(path, header, Access::Write, vec![Arc::new(layer)]))
        });
        // What is left of a failed attempt; the error that counts is the one above.
        made.inspect_err(|_| drop(fs::remove_file(&temporary)))
    }

    /// Makes a minidisk of zeros that has no name and is gone when it is closed: its blocks are in a file of that folder, or without a
    /// folder in the host's storage. It can be neither frozen nor cloned.
    pub fn temporary(folder: Option<&Path>, header: &Header) -> Result<Extent, ExtentError> {
        let path = folder.unwrap_or(Path::new("/")).join(format!("{}.{:04X}.temporary", header.owner, header.vdev));
        header.check(&path)?;
        let file = match folder {
            Some(_) => {
                let name = temporary(&path);
                let file = build(&name, header, None, false)?;
                fs::remove_file(&name).map_err(|source| io_error(&name, source))?;
                file
            }
            None => {
                let memory = rustix::fs::memfd_create("v-disk", rustix::fs::MemfdFlags::CLOEXEC);
                let file = File::from(memory.map_err(|error| io_error(&path, error.into()))?);
                file.set_len(header.file_length(None)).map_err(|source| io_error(&path, source))?;
                file
            }
        };
        let layer = Layer::load(file, header, None, &path)?;
        Ok(Extent::assembled(&path, header, Access::Write, vec![Arc::new(layer)]))
    }

    /// Opens a minidisk: for reading beside other readers, for writing alone. It does not wait for others to close it.
    pub fn open(path: &Path, access: Access) -> Result<Extent, ExtentError> {
        if access == Access::Write && copies::is_snapshot(path) {
            return Err(ExtentError::ReadOnly(shown(path)));
        }
        let metadata = fs::metadata(path).map_err(|source| io_error(path, source))?;
        if !metadata.is_file() {
            return Err(ExtentError::Foreign(shown(path)));
        }
        let file = open_locked(path, access)?;
        let (header, base) = Header::read(&file, path)?;
        if access == Access::Write {
            copies::forget_interrupted_freeze(&file, path)?;
        }
        let mut layers = vec![Arc::new(Layer::load(file, &header, base, path)?)];
        copies::load_below(path, &header, base, &mut layers)?;
        Ok(Extent::assembled(path, &header, access, layers))
    }

    fn assembled(path: &Path, header: &Header, access: Access, layers: Vec<Arc<Layer>>) -> Extent {
        let writes = AtomicBool::new(access == Access::Write);
        Extent { path: path.to_owned(), header: header.clone(), writes, layers: RwLock::new(layers) }
    }

    /// Changes between reading beside others and writing alone. On an error the access is as it was, except that another program may
    /// have taken the file in the instant between the two locks: the error then says that it is held.
    /// [`ExtentError::ReadOnly`] when the host let the file be opened for reading only.
    pub fn set_access(&self, access: Access) -> Result<(), ExtentError> {
        let mode = rustix::fs::fcntl_getfl(&self.layers()[0].file).map_err(|error| io_error(&self.path, error.into()))?;
        if access == Access::Write && !mode.contains(rustix::fs::OFlags::RDWR) {
            return Err(ExtentError::ReadOnly(shown(&self.path)));
        }
        lock(&self.layers()[0].file, &self.path, access)?;
        self.writes.store(access == Access::Write, Ordering::Release);
        Ok(())
    }

    /// Whose minidisk it is, and what it is.
    pub fn header(&self) -> &Header {
        &self.header
    }

    /// The host file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// How it may be used now.
    pub fn access(&self) -> Access {
        if self.writes.load(Ordering::Acquire) { Access::Write } else { Access::Read }
    }

    /// Blocks of 4096 bytes on the minidisk; they are numbered from 1.
    pub fn blocks(&self) -> u32 {
        self.header.device.blocks()
    }

    /// Files on which it is built, its own not counted.
    pub fn layers_below(&self) -> usize {
        self.layers().len() - 1
    }

    /// Blocks that its own file holds; `None` when that is all of them.
    pub fn own_blocks(&self) -> Option<u32> {
        self.layers()[0].held()
    }

    fn layers(&self) -> RwLockReadGuard<'_, Vec<Arc<Layer>>> {
        self.layers.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// Reads the blocks from `first` on; `into` is a multiple of 4096 bytes long. Blocks never written are zeros.
    pub fn read_at(&self, first: u32, into: &mut [u8]) -> Result<(), ExtentError> {
        let count = blocks_of(into.len());
        let read = |file: &File, at, part: Range<usize>| file.read_exact_at(&mut into[part], at).map(|()| true);
        self.read_with(first, count, true, read).map(drop)
    }

    /// Reads `count` blocks from `first` on by `read`, which is told from which file of the host, from where in it, and which of the bytes.
    /// Ends early, and answers false, when `read` does. Without `wait` it also does so at once while a snapshot is being taken.
    pub fn read_with(
        &self,
        first: u32,
        count: u32,
        wait: bool,
        read: impl FnMut(&File, u64, Range<usize>) -> io::Result<bool>,
    ) -> Result<bool, ExtentError> {
        self.check_range(first, count)?;
        let layers = match self.layers.try_read() {
            Ok(layers) => layers,
            Err(TryGuardError::WouldBlock) if !wait => return Ok(false),
            Err(TryGuardError::WouldBlock) => self.layers(),
            Err(TryGuardError::Poisoned(poisoned)) => poisoned.into_inner(),
        };
        each_run(&layers, first, count, read).map_err(|source| io_error(&self.path, source))
    }

    /// Where the blocks of several requests (first, count) stand on the host at this moment, for whoever reads them all together.
    pub fn read_places<T>(&self, requests: &[(u32, u32)], read: impl FnOnce(&[Place<'_>]) -> T) -> Result<T, ExtentError> {
        requests.iter().try_for_each(|&(first, count)| self.check_range(first, count))?;
        let layers = self.layers();
        let mut places = Vec::with_capacity(requests.len());
        for (request, &(first, count)) in requests.iter().enumerate() {
            each_run(&layers, first, count, |file, at, bytes| {
                places.push(Place { request, bytes, file, at });
                Ok(true)
            })
            .map_err(|source| io_error(&self.path, source))?;
        }
        Ok(read(&places))
    }

    /// Writes the blocks from `first` on; `from` is a multiple of 4096 bytes long. Durable after [`flush`](Extent::flush).
    pub fn write_at(&self, first: u32, from: &[u8]) -> Result<(), ExtentError> {
        self.write_with(first, blocks_of(from.len()), |file, at| file.write_all_at(from, at))
    }

    /// Writes `count` blocks from `first` on by `write`, which is told to which file of the host and to where in it.
    pub fn write_with(&self, first: u32, count: u32, write: impl FnOnce(&File, u64) -> io::Result<()>) -> Result<(), ExtentError> {
        if self.access() == Access::Read {
            return Err(ExtentError::ReadOnly(shown(&self.path)));
        }
        self.check_range(first, count)?;
        let layers = self.layers();
        write(&layers[0].file, layers[0].offset(first)).map_err(|source| io_error(&self.path, source))?;
        layers[0].written(first, count);
        Ok(())
    }

    /// Makes every block written so far durable (fdatasync).
    pub fn flush(&self) -> Result<(), ExtentError> {
        self.layers()[0].flush().map_err(|source| io_error(&self.path, source))
    }

    /// The first range of blocks from `from` on that may hold something else than zeros; `None` when only zeros are left.
    pub fn next_data(&self, from: u32) -> Result<Option<std::ops::RangeInclusive<u32>>, ExtentError> {
        let mut nearest: Option<(u32, u32)> = None;
        for layer in self.layers().iter() {
            let found = layer.next_data(from, self.blocks()).map_err(|source| io_error(&self.path, source))?;
            nearest = [nearest, found].into_iter().flatten().min();
        }
        // Data of other layers behind the end of that range is found by the next call.
        Ok(nearest.map(|(first, last)| first..=last))
    }

    /// Refuses blocks that are not all on the minidisk.
    fn check_range(&self, first: u32, count: u32) -> Result<(), ExtentError> {
        if first == 0 || u64::from(first) + u64::from(count) > u64::from(self.blocks()) + 1 {
            return Err(ExtentError::Range { path: shown(&self.path), block: first });
        }
        Ok(())
    }
}

/// Blocks in so many bytes; more than any minidisk has when they are no whole blocks.
fn blocks_of(bytes: usize) -> u32 {
    if bytes.is_multiple_of(BLOCK_SIZE) { u32::try_from(bytes / BLOCK_SIZE).unwrap_or(u32::MAX) } else { u32::MAX }
}

impl Drop for Extent {
    fn drop(&mut self) {
        let layers = self.layers();
        if layers[0].is_ahead() {
            // Nobody was promised that these blocks last, and nobody is left to be told.
            let _ = layers[0].flush();
        }
    }
}

/// Where a run of blocks stands on the host.
#[derive(Debug)]
pub struct Place<'a> {
    /// Which of the requests it belongs to.
    pub request: usize,
    /// Which bytes of that request.
    pub bytes: Range<usize>,
    /// The file that has them.
    pub file: &'a File,
    /// From where in it.
    pub at: u64,
}

/// Cuts a request into runs of blocks that one layer holds, the uppermost that does. Ends early, and answers false, when `each` does.
fn each_run<'a>(
    layers: &'a [Arc<Layer>],
    first: u32,
    count: u32,
    mut each: impl FnMut(&'a File, u64, Range<usize>) -> io::Result<bool>,
) -> io::Result<bool> {
    if layers[0].is_whole() {
        return each(&layers[0].file, layers[0].offset(first), 0..count as usize * BLOCK_SIZE);
    }
    let holder = |block: u32| layers.iter().position(|layer| layer.holds(block)).unwrap_or(layers.len() - 1);
    let mut done = 0;
    while done < count {
        let layer = holder(first + done);
        let run = (1..count - done).take_while(|next| holder(first + done + next) == layer).count() as u32 + 1;
        let bytes = done as usize * BLOCK_SIZE..(done + run) as usize * BLOCK_SIZE;
        if !each(&layers[layer].file, layers[layer].offset(first + done), bytes)? {
            return Ok(false);
        }
        done += run;
    }
    Ok(true)
}

impl BlockDevice for Extent {
    type Error = ExtentError;

    fn blocks(&self) -> u32 {
        Extent::blocks(self)
    }

    fn read_only(&self) -> bool {
        self.access() == Access::Read
    }

    fn read(&mut self, first: u32, into: &mut [u8]) -> Result<(), ExtentError> {
        self.read_at(first, into)
    }

    fn write(&mut self, first: u32, from: &[u8]) -> Result<(), ExtentError> {
        self.write_at(first, from)
    }

    fn flush(&mut self) -> Result<(), ExtentError> {
        Extent::flush(self)
    }
}

/// Opens and locks the file that has the name now: a freeze or a restore may put another under it between the two.
fn open_locked(path: &Path, access: Access) -> Result<File, ExtentError> {
    let told = |source| io_error(path, source);
    for _ in 0..16 {
        let open = |write| OpenOptions::new().read(true).write(write).open(path);
        // A reader may become a writer later (`set_access`); a file that may only be read is still good for reading.
        let file = match open(true) {
            Err(_) if access == Access::Read => open(false),
            opened => opened,
        };
        let file = file.map_err(told)?;
        lock(&file, path, access)?;
        let (opened, named) = (file.metadata().map_err(told)?, fs::metadata(path).map_err(told)?);
        if (opened.dev(), opened.ino()) == (named.dev(), named.ino()) {
            return Ok(file);
        }
    }
    Err(ExtentError::Held(shown(path)))
}

/// A name beside `path` that nobody else uses.
fn temporary(path: &Path) -> PathBuf {
    static SERIAL: AtomicU32 = AtomicU32::new(0);
    let serial = SERIAL.fetch_add(1, Ordering::Relaxed);
    let mut name = path.file_name().unwrap_or_default().to_os_string();
    name.push(format!(".{}.{serial}.new", std::process::id()));
    path.with_file_name(name)
}

/// Writes the whole file under its temporary name, locked, and makes it durable when told to.
fn build(path: &Path, header: &Header, base: Option<LayerId>, durable: bool) -> Result<File, ExtentError> {
    let told = |source| io_error(path, source);
    // Minidisks hold users' files: nobody else on the host reads them.
    let file = OpenOptions::new().read(true).write(true).create(true).truncate(true).mode(0o600).open(path).map_err(told)?;
    file.try_lock().map_err(|_| ExtentError::Held(shown(path)))?;
    file.set_len(header.file_length(base)).map_err(told)?;
    file.write_all_at(&header.to_bytes(base), 0).map_err(told)?;
    if durable {
        file.sync_all().map_err(told)?;
    }
    Ok(file)
}

/// Gives the file its name, which nothing may have yet.
fn publish(temporary: &Path, path: &Path) -> Result<(), ExtentError> {
    // A link, unlike a rename, never replaces a file that somebody else made in the meantime.
    match fs::hard_link(temporary, path) {
        Ok(()) => fs::remove_file(temporary).map_err(|source| io_error(temporary, source)),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Err(ExtentError::Exists(shown(path))),
        // File systems without links; the data directory has one owner, so nobody comes between the look and the rename.
        Err(_) => fs::rename(temporary, path).map_err(|source| io_error(path, source)),
    }
}

/// Makes what names stand in the folder of a file durable.
fn sync_folder(path: &Path) -> Result<(), ExtentError> {
    let folder = folder_of(path);
    File::open(folder).and_then(|folder| folder.sync_all()).map_err(|source| io_error(folder, source))
}

fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

#[cfg(test)]
mod tests;
