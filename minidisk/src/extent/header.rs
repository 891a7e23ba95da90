//! What the first block of an extent file says: whose minidisk it is, how large, and on which layer it is built.

use std::fmt;
use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::Path;

use super::error::{ExtentError, io_error, shown};
use crate::edf::{BLOCK_SIZE, BLOCKS_PER_CYLINDER, MAX_BLOCKS};

/// Version of a file that holds every block itself.
const PLAIN: u32 = 1;
/// Version of a file that holds the blocks that differ from a layer.
const OVERLAY: u32 = 2;

const MAGIC: [u8; 8] = *b"CP64MDSK";
/// Where the parts of the header stand; integers are little-endian, the CRC-32 covers all bytes before it.
pub(super) mod at {
    pub(in crate::extent) const MAGIC: usize = 0;
    pub(in crate::extent) const VERSION: usize = 8;
    pub(in crate::extent) const DEVICE: usize = 12;
    pub(in crate::extent) const SIZE: usize = 16;
    pub(in crate::extent) const OWNER: usize = 20;
    pub(in crate::extent) const VDEV: usize = 28;
    pub(in crate::extent) const BASE: usize = 32;
    pub(in crate::extent) const CRC: usize = super::BLOCK_SIZE - 4;
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

/// The name of a layer: a file that never changes, on which others are built.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LayerId(pub(super) u64);

impl fmt::Display for LayerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
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

impl Header {
    /// Refuses what no minidisk has.
    pub(super) fn check(&self, path: &Path) -> Result<(), ExtentError> {
        let what = if !(1..=8).contains(&self.owner.len()) || !self.owner.bytes().all(|c| c.is_ascii_graphic()) {
            "an owner that is no userid"
        } else if !(1..=MAX_BLOCKS).contains(&self.device.blocks()) {
            "that size"
        } else {
            return Ok(());
        };
        Err(ExtentError::BadHeader { path: shown(path), what })
    }

    /// Bytes of the map of an overlay: a bit for each block, in whole blocks.
    pub(super) fn map_bytes(&self) -> usize {
        (self.device.blocks() as usize).div_ceil(8).next_multiple_of(BLOCK_SIZE)
    }

    /// Where block 1 stands in a file.
    pub(super) fn data_at(&self, base: Option<LayerId>) -> u64 {
        BLOCK_SIZE as u64 + base.map_or(0, |_| self.map_bytes() as u64)
    }

    /// Length of the file.
    pub(super) fn file_length(&self, base: Option<LayerId>) -> u64 {
        self.data_at(base) + u64::from(self.device.blocks()) * BLOCK_SIZE as u64
    }

    pub(super) fn to_bytes(&self, base: Option<LayerId>) -> [u8; BLOCK_SIZE] {
        let mut bytes = [0; BLOCK_SIZE];
        let (kind, size) = match self.device {
            DeviceType::Ckd3390 { cylinders } => (KIND_3390, cylinders),
            DeviceType::Fb512 { blocks } => (KIND_FB512, blocks),
        };
        let version = if base.is_some() { OVERLAY } else { PLAIN };
        bytes[at::MAGIC..at::MAGIC + 8].copy_from_slice(&MAGIC);
        for (place, value) in [(at::VERSION, version), (at::DEVICE, kind), (at::SIZE, size)] {
            bytes[place..place + 4].copy_from_slice(&value.to_le_bytes());
        }
        bytes[at::OWNER..at::OWNER + 8].fill(b' ');
        bytes[at::OWNER..at::OWNER + self.owner.len()].copy_from_slice(self.owner.as_bytes());
        bytes[at::VDEV..at::VDEV + 2].copy_from_slice(&self.vdev.to_le_bytes());
        if let Some(LayerId(base)) = base {
            bytes[at::BASE..at::BASE + 8].copy_from_slice(&base.to_le_bytes());
        }
        let crc = crc32fast::hash(&bytes[..at::CRC]);
        bytes[at::CRC..].copy_from_slice(&crc.to_le_bytes());
        bytes
    }

    fn parse(bytes: &[u8; BLOCK_SIZE], path: &Path) -> Result<(Header, Option<LayerId>), ExtentError> {
        let word = |place: usize| u32::from_le_bytes([bytes[place], bytes[place + 1], bytes[place + 2], bytes[place + 3]]);
        if bytes[at::MAGIC..at::MAGIC + 8] != MAGIC {
            return Err(ExtentError::Foreign(shown(path)));
        }
        if word(at::CRC) != crc32fast::hash(&bytes[..at::CRC]) {
            return Err(ExtentError::Torn(shown(path)));
        }
        let base = match word(at::VERSION) {
            PLAIN => None,
            OVERLAY => Some(LayerId(u64::from(word(at::BASE)) | u64::from(word(at::BASE + 4)) << 32)),
            version => return Err(ExtentError::Version { path: shown(path), version }),
        };
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
        Ok((header, base))
    }

    /// Reads the header of a file and checks the file's length by it.
    pub(super) fn read(file: &File, path: &Path) -> Result<(Header, Option<LayerId>), ExtentError> {
        let mut bytes = [0; BLOCK_SIZE];
        let actual = file.metadata().map_err(|source| io_error(path, source))?.len();
        if actual < BLOCK_SIZE as u64 {
            return Err(ExtentError::Foreign(shown(path)));
        }
        file.read_exact_at(&mut bytes, 0).map_err(|source| io_error(path, source))?;
        let (header, base) = Header::parse(&bytes, path)?;
        let expected = header.file_length(base);
        if actual != expected {
            return Err(ExtentError::Size { path: shown(path), expected, actual });
        }
        Ok((header, base))
    }
}
