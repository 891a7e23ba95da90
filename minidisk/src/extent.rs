//! Extents: the host file that holds one minidisk.
//!
//! The first 4096 bytes are a header that says whose minidisk it is and how large; block 1 of the minidisk follows it. The file is
//! sparse: blocks never written take no room. It is created whole or not at all, locked while it is open, and a file that
//! is not what its header says is named in the error and never touched. Talks to the host's file system only.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io;
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use rustix::io::ReadWriteFlags;

use crate::edf::{BLOCK_SIZE, BLOCKS_PER_CYLINDER, BlockDevice, MAX_BLOCKS};

/// Version of the header that this program writes and reads.
pub const VERSION: u32 = 1;

const MAGIC: [u8; 8] = *b"CP64MDSK";
/// Where the parts of the header stand; integers are little-endian, the CRC-32 covers all bytes before it.
mod at {
    pub(super) const MAGIC: usize = 0;
    pub(super) const VERSION: usize = 8;
    pub(super) const DEVICE: usize = 12;
    pub(super) const SIZE: usize = 16;
    pub(super) const OWNER: usize = 20;
    pub(super) const VDEV: usize = 28;
    pub(super) const CRC: usize = super::BLOCK_SIZE - 4;
}
const KIND_3390: u32 = 0x3390;
const KIND_FB512: u32 = 0x9336;

/// What kind of disk a minidisk is, and its size.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeviceType {
    /// A 3390 of so many cylinders, each 180 blocks of 4096 bytes.
    Ckd3390 {
        /// 1 to 65520.
        cylinders: u32,
    },
    /// A disk of so many 512-byte blocks; eight make one block, a rest is not used.
    Fb512 {
        /// At least 8.
        blocks: u32,
    },
}

impl DeviceType {
    /// Blocks of 4096 bytes.
    pub fn blocks(self) -> u32 {
        match self {
            DeviceType::Ckd3390 { cylinders } => cylinders.saturating_mul(BLOCKS_PER_CYLINDER),
            DeviceType::Fb512 { blocks } => blocks / (BLOCK_SIZE as u32 / 512),
        }
    }

    /// Cylinders as the volume label has them, 0 for a disk that has none.
    pub fn cylinders(self) -> u32 {
        match self {
            DeviceType::Ckd3390 { cylinders } => cylinders,
            DeviceType::Fb512 { .. } => 0,
        }
    }
}

/// Whose minidisk an extent holds, and what it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Header {
    /// The owner's userid: 1 to 8 printable ASCII characters without blanks.
    pub owner: String,
    /// The virtual device number in the owner's directory entry.
    pub vdev: u16,
    /// Kind and size.
    pub device: DeviceType,
}

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
    #[error("{path}: The minidisk has version {version}, this program knows version 1")]
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
    /// A write to an extent opened for reading.
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
}

/// An open minidisk. It is shared by reference: reads and writes from several threads may run at once, each block whole by itself.
#[derive(Debug)]
pub struct Extent {
    file: File,
    path: PathBuf,
    header: Header,
    writes: AtomicBool,
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
        static SERIAL: AtomicU32 = AtomicU32::new(0);
        let serial = SERIAL.fetch_add(1, Ordering::Relaxed);
        let mut name = path.file_name().unwrap_or_default().to_os_string();
        name.push(format!(".{}.{serial}.new", std::process::id()));
        let temporary = path.with_file_name(name);
        let made = build(&temporary, header).and_then(|file| {
            publish(&temporary, path)?;
            Ok(Extent { file, path: path.to_owned(), header: header.clone(), writes: AtomicBool::new(true) })
        });
        if made.is_err() {
            // What is left of the attempt; the error that counts is the one above.
            let _ = fs::remove_file(&temporary);
        }
        made
    }

    /// Opens a minidisk: for reading beside other readers, for writing alone. It does not wait for others to close it.
    pub fn open(path: &Path, access: Access) -> Result<Extent, ExtentError> {
        let metadata = fs::metadata(path).map_err(|source| io_error(path, source))?;
        if !metadata.is_file() {
            return Err(ExtentError::Foreign(shown(path)));
        }
        let open = |write| OpenOptions::new().read(true).write(write).open(path);
        // A reader may become a writer later (`set_access`); a file that may only be read is still good for reading.
        let file = match open(true) {
            Err(_) if access == Access::Read => open(false),
            opened => opened,
        };
        let file = file.map_err(|source| io_error(path, source))?;
        lock(&file, path, access)?;
        let header = read_header(&file, path)?;
        Ok(Extent { file, path: path.to_owned(), header, writes: AtomicBool::new(access == Access::Write) })
    }

    /// Changes between reading beside others and writing alone. On an error the access is as it was, except that another program may
    /// have taken the file in the instant between the two locks: the error then says that it is held.
    pub fn set_access(&self, access: Access) -> Result<(), ExtentError> {
        lock(&self.file, &self.path, access)?;
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

    /// Reads the blocks from `first` on; `into` is a multiple of 4096 bytes long. Blocks never written are zeros.
    pub fn read_at(&self, first: u32, into: &mut [u8]) -> Result<(), ExtentError> {
        let offset = self.offset(first, into.len())?;
        self.file.read_exact_at(into, offset).map_err(|source| io_error(&self.path, source))
    }

    /// As [`read_at`](Extent::read_at), but only when the host has the blocks in its cache: false when it would have to wait for its disk.
    pub fn read_cached(&self, first: u32, into: &mut [u8]) -> Result<bool, ExtentError> {
        let offset = self.offset(first, into.len())?;
        let wanted = into.len();
        match rustix::io::preadv2(&self.file, &mut [io::IoSliceMut::new(into)], offset, ReadWriteFlags::NOWAIT) {
            Ok(read) => Ok(read == wanted),
            // The host would wait, or cannot tell on this file system.
            Err(rustix::io::Errno::AGAIN | rustix::io::Errno::OPNOTSUPP | rustix::io::Errno::INTR) => Ok(false),
            Err(error) => Err(io_error(&self.path, error.into())),
        }
    }

    /// Writes the blocks from `first` on; `from` is a multiple of 4096 bytes long. Durable after [`flush`](Extent::flush).
    pub fn write_at(&self, first: u32, from: &[u8]) -> Result<(), ExtentError> {
        if self.access() == Access::Read {
            return Err(ExtentError::ReadOnly(shown(&self.path)));
        }
        let offset = self.offset(first, from.len())?;
        self.file.write_all_at(from, offset).map_err(|source| io_error(&self.path, source))
    }

    /// Makes every block written so far durable (fdatasync).
    pub fn flush(&self) -> Result<(), ExtentError> {
        self.file.sync_data().map_err(|source| io_error(&self.path, source))
    }

    /// Where blocks stand in the file, when all of them are on the minidisk.
    fn offset(&self, first: u32, length: usize) -> Result<u64, ExtentError> {
        let count = length / BLOCK_SIZE;
        let past = u64::from(first) + count as u64;
        if first == 0 || !length.is_multiple_of(BLOCK_SIZE) || past > u64::from(self.blocks()) + 1 {
            return Err(ExtentError::Range { path: shown(&self.path), block: first });
        }
        // Block 1 stands behind the header, which has the size of a block.
        Ok(u64::from(first) * BLOCK_SIZE as u64)
    }
}

impl BlockDevice for &Extent {
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

impl Header {
    /// Refuses what no minidisk has.
    fn check(&self, path: &Path) -> Result<(), ExtentError> {
        let what = if !(1..=8).contains(&self.owner.len()) || !self.owner.bytes().all(|c| c.is_ascii_graphic()) {
            "an owner that is no userid"
        } else if !(1..=MAX_BLOCKS).contains(&self.device.blocks()) {
            "that size"
        } else {
            return Ok(());
        };
        Err(ExtentError::BadHeader { path: shown(path), what })
    }

    /// Length of the file, header included.
    fn file_length(&self) -> u64 {
        (u64::from(self.device.blocks()) + 1) * BLOCK_SIZE as u64
    }

    fn to_bytes(&self) -> [u8; BLOCK_SIZE] {
        let mut bytes = [0; BLOCK_SIZE];
        let (kind, size) = match self.device {
            DeviceType::Ckd3390 { cylinders } => (KIND_3390, cylinders),
            DeviceType::Fb512 { blocks } => (KIND_FB512, blocks),
        };
        bytes[at::MAGIC..at::MAGIC + 8].copy_from_slice(&MAGIC);
        for (place, value) in [(at::VERSION, VERSION), (at::DEVICE, kind), (at::SIZE, size)] {
            bytes[place..place + 4].copy_from_slice(&value.to_le_bytes());
        }
        bytes[at::OWNER..at::OWNER + 8].fill(b' ');
        bytes[at::OWNER..at::OWNER + self.owner.len()].copy_from_slice(self.owner.as_bytes());
        bytes[at::VDEV..at::VDEV + 2].copy_from_slice(&self.vdev.to_le_bytes());
        let crc = crc32fast::hash(&bytes[..at::CRC]);
        bytes[at::CRC..].copy_from_slice(&crc.to_le_bytes());
        bytes
    }

    fn parse(bytes: &[u8; BLOCK_SIZE], path: &Path) -> Result<Header, ExtentError> {
        let word = |place: usize| u32::from_le_bytes([bytes[place], bytes[place + 1], bytes[place + 2], bytes[place + 3]]);
        if bytes[at::MAGIC..at::MAGIC + 8] != MAGIC {
            return Err(ExtentError::Foreign(shown(path)));
        }
        if word(at::CRC) != crc32fast::hash(&bytes[..at::CRC]) {
            return Err(ExtentError::Torn(shown(path)));
        }
        if word(at::VERSION) != VERSION {
            return Err(ExtentError::Version { path: shown(path), version: word(at::VERSION) });
        }
        let device = match word(at::DEVICE) {
            KIND_3390 => DeviceType::Ckd3390 { cylinders: word(at::SIZE) },
            KIND_FB512 => DeviceType::Fb512 { blocks: word(at::SIZE) },
            _ => {
                return Err(ExtentError::BadHeader { path: shown(path), what: "that device type" });
            }
        };
        let owner = String::from_utf8_lossy(&bytes[at::OWNER..at::OWNER + 8]).trim_end_matches(' ').to_owned();
        let header = Header { owner, vdev: u16::from_le_bytes([bytes[at::VDEV], bytes[at::VDEV + 1]]), device };
        header.check(path)?;
        Ok(header)
    }
}

/// Writes the whole file under its temporary name, locked, and makes it durable.
fn build(path: &Path, header: &Header) -> Result<File, ExtentError> {
    let told = |source| io_error(path, source);
    // Minidisks hold users' files: nobody else on the host reads them.
    let file = OpenOptions::new().read(true).write(true).create(true).truncate(true).mode(0o600).open(path).map_err(told)?;
    file.try_lock().map_err(|_| ExtentError::Held(shown(path)))?;
    file.set_len(header.file_length()).map_err(told)?;
    file.write_all_at(&header.to_bytes(), 0).map_err(told)?;
    file.sync_all().map_err(told)?;
    Ok(file)
}

/// Gives the file its name, which nothing may have yet, and makes that durable.
fn publish(temporary: &Path, path: &Path) -> Result<(), ExtentError> {
    // A link, unlike a rename, never replaces a file that somebody else made in the meantime.
    match fs::hard_link(temporary, path) {
        Ok(()) => fs::remove_file(temporary).map_err(|source| io_error(temporary, source))?,
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            return Err(ExtentError::Exists(shown(path)));
        }
        // File systems without links; the data directory has one owner, so nobody comes between the look and the rename.
        Err(_) => fs::rename(temporary, path).map_err(|source| io_error(path, source))?,
    }
    let directory = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    File::open(directory).and_then(|directory| directory.sync_all()).map_err(|source| io_error(directory, source))
}

fn read_header(file: &File, path: &Path) -> Result<Header, ExtentError> {
    let mut bytes = [0; BLOCK_SIZE];
    let actual = file.metadata().map_err(|source| io_error(path, source))?.len();
    if actual < BLOCK_SIZE as u64 {
        return Err(ExtentError::Foreign(shown(path)));
    }
    file.read_exact_at(&mut bytes, 0).map_err(|source| io_error(path, source))?;
    let header = Header::parse(&bytes, path)?;
    let expected = header.file_length();
    if actual != expected {
        return Err(ExtentError::Size { path: shown(path), expected, actual });
    }
    Ok(header)
}

fn io_error(path: &Path, source: io::Error) -> ExtentError {
    use io::ErrorKind::{FileTooLarge, QuotaExceeded, StorageFull};
    match source.kind() {
        StorageFull | QuotaExceeded | FileTooLarge => ExtentError::NoSpace(shown(path)),
        _ => ExtentError::Io { path: shown(path), source },
    }
}

fn shown(path: &Path) -> String {
    path.display().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::edf::{DateTime, EdfError, FileId, FileSystem, RecordFormat};
    use std::os::unix::fs::MetadataExt;

    fn header() -> Header {
        Header { owner: "CMSUSER".into(), vdev: 0x191, device: DeviceType::Ckd3390 { cylinders: 5 } }
    }

    fn made() -> (tempfile::TempDir, PathBuf) {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("CMSUSER.0191");
        drop(Extent::create(&path, &header()).unwrap());
        (directory, path)
    }

    #[test]
    fn a_new_minidisk_is_sparse_private_zero_and_says_whose_it_is() {
        let (directory, path) = made();
        let extent = Extent::open(&path, Access::Read).unwrap();
        assert_eq!((extent.header(), extent.blocks(), extent.access()), (&header(), 900, Access::Read));
        let mut last = [1; BLOCK_SIZE];
        extent.read_at(900, &mut last).unwrap();
        assert_eq!(last, [0; BLOCK_SIZE]);
        let metadata = fs::metadata(&path).unwrap();
        assert_eq!((metadata.len(), metadata.mode() & 0o777), (901 * 4096, 0o600));
        assert!(metadata.blocks() * 512 < 100 * 4096, "it takes {} blocks of 512", metadata.blocks());
        let names: Vec<_> = fs::read_dir(directory.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        assert_eq!(names, ["CMSUSER.0191"]);
    }

    #[test]
    fn block_one_follows_the_header() {
        let (_directory, path) = made();
        let extent = Extent::open(&path, Access::Write).unwrap();
        extent.write_at(1, &[7; BLOCK_SIZE]).unwrap();
        extent.write_at(899, &[8; 2 * BLOCK_SIZE]).unwrap();
        extent.flush().unwrap();
        drop(extent);
        let bytes = fs::read(&path).unwrap();
        assert_eq!(bytes[..BLOCK_SIZE], header().to_bytes());
        assert_eq!((bytes[BLOCK_SIZE], bytes[2 * BLOCK_SIZE], bytes[900 * BLOCK_SIZE]), (7, 0, 8));
        assert_eq!(bytes.len(), 901 * BLOCK_SIZE);
    }

    #[test]
    fn blocks_that_are_not_on_the_minidisk_are_refused() {
        let (_directory, path) = made();
        let extent = Extent::open(&path, Access::Write).unwrap();
        let mut two = [0; 2 * BLOCK_SIZE];
        for first in [0, 900, 901, u32::MAX] {
            assert!(matches!(extent.read_at(first, &mut two), Err(ExtentError::Range { .. })));
            assert!(matches!(extent.write_at(first, &two), Err(ExtentError::Range { .. })));
        }
        assert!(matches!(extent.read_at(1, &mut two[..100]), Err(ExtentError::Range { .. })));
        assert_eq!(fs::metadata(&path).unwrap().len(), 901 * 4096);
    }

    #[test]
    fn a_writer_is_alone_and_readers_are_many() {
        let (_directory, path) = made();
        let held = |access| matches!(Extent::open(&path, access), Err(ExtentError::Held(_)));
        let writer = Extent::open(&path, Access::Write).unwrap();
        assert!(held(Access::Write) && held(Access::Read));
        drop(writer);
        let readers = [Extent::open(&path, Access::Read).unwrap(), Extent::open(&path, Access::Read).unwrap()];
        assert!(held(Access::Write));
        assert!(matches!(readers[0].write_at(1, &[0; BLOCK_SIZE]), Err(ExtentError::ReadOnly(_))));
        drop(readers);
        assert!(Extent::open(&path, Access::Write).is_ok());
    }

    #[test]
    fn the_creator_holds_the_minidisk_from_the_first_moment() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("NEW.0191");
        let created = Extent::create(&path, &header()).unwrap();
        assert!(matches!(Extent::open(&path, Access::Read), Err(ExtentError::Held(_))));
        created.write_at(5, &[1; BLOCK_SIZE]).unwrap();
    }

    #[test]
    fn a_file_that_exists_is_never_replaced() {
        let (directory, path) = made();
        fs::write(&path, "precious").unwrap();
        assert!(matches!(Extent::create(&path, &header()), Err(ExtentError::Exists(_))));
        // Also when it appears between the look and the link.
        let temporary = directory.path().join("temporary");
        fs::write(&temporary, "new").unwrap();
        assert!(matches!(publish(&temporary, &path), Err(ExtentError::Exists(_))));
        assert_eq!(fs::read(&path).unwrap(), b"precious");
    }

    #[test]
    fn files_that_are_not_what_they_should_be_are_named_and_left_alone() {
        let (directory, path) = made();
        let sound = fs::read(&path).unwrap();
        let error = |bytes: &[u8]| {
            fs::write(&path, bytes).unwrap();
            let error = Extent::open(&path, Access::Write).unwrap_err();
            assert_eq!(fs::read(&path).unwrap(), bytes);
            assert!(error.to_string().starts_with(path.to_str().unwrap()), "{error}");
            error
        };
        let with_header = |header: [u8; BLOCK_SIZE]| [&header[..], &sound[BLOCK_SIZE..]].concat();
        assert!(matches!(error(b""), ExtentError::Foreign(_)));
        assert!(matches!(error(&[0; 8192]), ExtentError::Foreign(_)));
        assert!(matches!(error(&sound[..sound.len() - 1]), ExtentError::Size { expected: 3_690_496, actual: 3_690_495, .. }));
        assert!(matches!(error(&[&sound[..], b"x"].concat()), ExtentError::Size { .. }));
        let mut torn = header().to_bytes();
        torn[at::OWNER] = b'X';
        assert!(matches!(error(&with_header(torn)), ExtentError::Torn(_)));
        let sealed = |change: &dyn Fn(&mut [u8])| {
            let mut bytes = header().to_bytes();
            change(&mut bytes);
            let crc = crc32fast::hash(&bytes[..at::CRC]);
            bytes[at::CRC..].copy_from_slice(&crc.to_le_bytes());
            with_header(bytes)
        };
        assert!(matches!(error(&sealed(&|b| b[at::VERSION] = 9)), ExtentError::Version { version: 9, .. }));
        assert!(matches!(error(&sealed(&|b| b[at::DEVICE] = 9)), ExtentError::BadHeader { .. }));
        assert!(matches!(error(&sealed(&|b| b[at::SIZE..at::SIZE + 4].fill(0))), ExtentError::BadHeader { .. }));
        assert!(matches!(error(&sealed(&|b| b[at::SIZE..at::SIZE + 4].fill(255))), ExtentError::BadHeader { .. }));
        assert!(matches!(error(&sealed(&|b| b[at::OWNER] = 0x1b)), ExtentError::BadHeader { .. }));
        assert!(matches!(Extent::open(directory.path(), Access::Read), Err(ExtentError::Foreign(_))));
        assert!(matches!(Extent::open(&directory.path().join("none"), Access::Read), Err(ExtentError::Io { .. })));
    }

    #[test]
    fn headers_that_no_minidisk_has_create_nothing() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("BAD");
        for bad in [
            Header { owner: String::new(), ..header() },
            Header { owner: "NINECHARS".into(), ..header() },
            Header { owner: "A B".into(), ..header() },
            Header { device: DeviceType::Ckd3390 { cylinders: 0 }, ..header() },
            Header { device: DeviceType::Ckd3390 { cylinders: u32::MAX }, ..header() },
            Header { device: DeviceType::Fb512 { blocks: 7 }, ..header() },
        ] {
            assert!(matches!(Extent::create(&path, &bad), Err(ExtentError::BadHeader { .. })));
        }
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 0);
        assert_eq!(DeviceType::Fb512 { blocks: 8007 }.blocks(), 1000);
    }

    #[test]
    fn a_full_host_is_told_apart() {
        let full = io_error(Path::new("x"), io::Error::from(io::ErrorKind::StorageFull));
        assert!(matches!(full, ExtentError::NoSpace(_)));
        // A device that is always full, with the error of a real write.
        let device = OpenOptions::new().read(true).write(true).open("/dev/full").unwrap();
        let extent = Extent { file: device, path: "/dev/full".into(), header: header(), writes: AtomicBool::new(true) };
        assert!(matches!(extent.write_at(1, &[0; BLOCK_SIZE]), Err(ExtentError::NoSpace(_))));
    }

    #[test]
    fn a_reader_becomes_the_only_writer_and_a_reader_again() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("disk");
        drop(Extent::create(&path, &header()).unwrap());
        let (one, other) = (Extent::open(&path, Access::Read).unwrap(), Extent::open(&path, Access::Read).unwrap());
        assert!(matches!(one.set_access(Access::Write), Err(ExtentError::Held(_))), "another reader is there");
        drop(other);
        one.set_access(Access::Write).unwrap();
        one.write_at(1, &[7; BLOCK_SIZE]).unwrap();
        assert!(matches!(Extent::open(&path, Access::Read), Err(ExtentError::Held(_))));
        one.set_access(Access::Read).unwrap();
        assert!(matches!(one.write_at(1, &[7; BLOCK_SIZE]), Err(ExtentError::ReadOnly(_))));
        Extent::open(&path, Access::Read).unwrap();
    }

    #[test]
    fn a_file_system_lives_on_an_extent_and_threads_share_it() {
        let (_directory, path) = made();
        let extent = Extent::open(&path, Access::Write).unwrap();
        let now = DateTime::from_unix_seconds(1_795_358_501);
        let id = FileId::new("PROFILE", "EXEC").unwrap();
        let mut disk = FileSystem::format(&extent, "CMS191", 5, now).unwrap();
        disk.write(&id, 1, RecordFormat::Variable, now, ["/* */", "say hello"]).unwrap();
        disk.commit().unwrap();
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    let mut disk = FileSystem::open(&extent).unwrap();
                    let records: Vec<Vec<u8>> = disk.read(&id).unwrap().map(Result::unwrap).collect();
                    assert_eq!(records, [&b"/* */"[..], b"say hello"]);
                });
            }
        });
        drop(extent);
        let mut disk = FileSystem::open(Extent::open(&path, Access::Read).unwrap()).unwrap();
        assert!(disk.check().unwrap().is_clean());
        assert!(matches!(disk.erase(&id), Err(EdfError::ReadOnly)));
    }
}
