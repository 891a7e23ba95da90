//! The CMS file system: EDF (enhanced disk format), with blocks of 512, 1024, 2048 or 4096 bytes.
//!
//! One implementation serves CMS in the guest and CP's tools on the host; they differ in the [`BlockDevice`].
//!
//! **On disk** everything is big-endian, names are EBCDIC, blocks are numbered from 1. Block 3 holds the volume label (a fixed-block disk
//! written elsewhere has it in its second sector), which points at the first block of the directory in block 4 or 5. The directory is a file of 64-byte entries; its first two
//! describe the directory itself and the allocation map (one bit for each block, 1 = used). A file is one data block, or a tree
//! of pointer blocks above its data blocks. Records of fixed files stand side by side; a record of a variable file follows
//! its length in two bytes; both run across block boundaries.
//!
//! **Changes** are made in storage first ([`FileSystem::close`], [`erase`](FileSystem::erase), ...) and become durable all at once with
//! [`FileSystem::commit`]. Until then only blocks that the committed disk does not use are written. A commit writes the new map and
//! directory to free blocks and to the spare directory home, flushes, and then rewrites the label, one block, to point there.
//! Whatever happens, the disk holds the old or the new directory.
//!
//! Sources: the field tables of IBM's FSTD and ADTSECT data areas as used by s390-tools' `cmsfs-fuse`.

mod bitmap;
mod check;
mod commit;
mod date;
mod device;
mod directory;
mod entry;
mod filesystem;
mod label;
mod name;
mod pointers;
mod reader;
mod repair;
mod space;
mod update;
mod volume;
mod writer;

use alloc::boxed::Box;
use core::fmt::{Debug, Display};

pub use check::{Finding, Report};
pub use date::DateTime;
pub use device::{BlockDevice, MemoryDisk, MemoryDiskError};
pub use entry::{ATTRIBUTES, FileEntry, MAX_RECORD, MAX_RECORDS, RecordFormat};
pub use filesystem::{FileSystem, Layout};
pub use label::{LabelError, VolumeLabel};
pub use name::{FileId, NameError};
pub use reader::{FileReader, Records};
pub use volume::BLOCK_SIZES;
pub use writer::FileWriter;

/// Bytes in a block of a device, and of a file system unless FORMAT is told otherwise.
pub const BLOCK_SIZE: usize = 4096;
/// Blocks in a cylinder of a 3390.
pub const BLOCKS_PER_CYLINDER: u32 = 180;
/// Smallest file system: label, directory homes, map, and room to commit a change.
pub const MIN_BLOCKS: u32 = 12;
/// Largest file system, in blocks: 1 TiB in blocks of 4096 bytes. The allocation map of one that is open is kept in storage.
pub const MAX_BLOCKS: u32 = 1 << 28;
/// Most files on a disk. The directory of one that is open is kept in storage.
pub const MAX_FILES: usize = 1 << 18;
/// Bytes in a directory entry.
pub(crate) const ENTRY_SIZE: usize = 64;

/// What can go wrong; `E` is the device's error.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EdfError<E: Debug + Display> {
    /// The device could not move a block.
    #[error("Device error: {0}")]
    Device(E),
    /// There is no usable volume label.
    #[error("{0}")]
    Label(#[from] LabelError),
    /// The disk may only be read.
    #[error("The disk is read-only")]
    ReadOnly,
    /// There is no such file.
    #[error("File {0} not found")]
    NotFound(FileId),
    /// A file has that name already.
    #[error("File {0} already exists")]
    Exists(FileId),
    /// No free block is left.
    #[error("The disk is full")]
    Full,
    /// A record is empty or longer than the file allows.
    #[error("A record of {length} bytes does not fit a file whose records have {allowed}")]
    RecordLength {
        /// Bytes in the record.
        length: usize,
        /// What the file allows.
        allowed: RecordLengths,
    },
    /// A fixed record length outside 1 to 65535.
    #[error("A record length of {0} is not 1 to 65535")]
    BadLrecl(u32),
    /// A file would get more than [`MAX_RECORDS`] records.
    #[error("The file would have too many records")]
    TooManyRecords,
    /// The disk would get more than [`MAX_FILES`] files.
    #[error("The disk would have too many files")]
    TooManyFiles,
    /// A record that a file does not have and that cannot be added by writing over it.
    #[error("The file has no record {0}")]
    NoSuchRecord(u32),
    /// A file mode number above 6.
    #[error("A file mode number of {0} is not 0 to 6")]
    BadMode(u8),
    /// The disk contradicts itself.
    #[error("The disk is damaged: {0}")]
    Damaged(&'static str),
    /// The file was changed, erased or replaced since the reader or writer was made.
    #[error("The file was changed while it was in use")]
    Changed,
    /// Not all of a file being written reached the disk, so it cannot be closed.
    #[error("The file is incomplete: a record could not be written")]
    Incomplete,
    /// A commit failed so late that nobody knows which directory is in force. [`FileSystem::rollback`] finds out.
    #[error("The last change may or may not be on the disk; access it again")]
    Uncertain,
    /// A block size that is not one of [`BLOCK_SIZES`].
    #[error("A block size of {0} is not 512, 1024, 2048 or 4096")]
    BlockSize(usize),
    /// Files lie beyond the size that the file system should get.
    #[error("Files use blocks up to {0}; the disk cannot be made smaller than that")]
    InUse(u32),
    /// The device is too small or too large for a file system.
    #[error("A disk of {0} blocks cannot hold a file system")]
    DiskSize(u32),
}

/// Record lengths that a file takes, for messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RecordLengths {
    /// Exactly this many bytes.
    Exactly(u32),
    /// 1 to 65535 bytes.
    Variable,
}

impl Display for RecordLengths {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            RecordLengths::Exactly(length) => write!(f, "{length} bytes"),
            RecordLengths::Variable => f.write_str("1 to 65535 bytes"),
        }
    }
}

/// The result of an operation on a device `D`.
pub(crate) type Result<T, D> = core::result::Result<T, EdfError<<D as BlockDevice>::Error>>;

/// Allocates a block of zeros on the heap; a guest's stack is small.
pub(crate) fn zero_block(size: usize) -> Box<[u8]> {
    alloc::vec![0; size].into_boxed_slice()
}

pub(crate) fn be32(bytes: &[u8], at: usize) -> u32 {
    u32::from_be_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]])
}

pub(crate) fn put32(bytes: &mut [u8], at: usize, value: u32) {
    bytes[at..at + 4].copy_from_slice(&value.to_be_bytes());
}
