//! Named saved systems: frames that many machines share, with the address where they start.
//!
//! The input is a file that somebody gave us: everything in it is checked before it is believed.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};

use object::LittleEndian;
use object::elf::{self, FileHeader64};
use object::read::elf::{FileHeader, ProgramHeader};

use super::frames::{FRAME, Frame};
use super::{Storage, StorageError, lock, tables};

/// Most pages that a known write set may have. 256 KiB: what an idle CMS may cost.
const KNOWN_WRITE_SET_MAX: usize = 64;

/// Why an image is no saved system.
#[derive(Debug, thiserror::Error)]
pub enum ImageError {
    /// It is not a readable ELF file.
    #[error("Saved system {name} is not an ELF-64 file that can be read")]
    NotElf {
        /// Name of the saved system.
        name: String,
        /// What the reader says.
        #[source]
        source: object::read::Error,
    },
    /// It is an ELF file of another kind, or contradicts itself.
    #[error("Saved system {name}: {reason}")]
    Unsuitable {
        /// Name of the saved system.
        name: String,
        /// What is wrong.
        reason: &'static str,
    },
    /// There is no room for it.
    #[error("Saved system {name} cannot be kept")]
    Storage {
        /// Name of the saved system.
        name: String,
        /// Why.
        #[source]
        source: StorageError,
    },
}

/// One page of a saved system.
#[derive(Clone, Copy, Debug)]
pub(super) struct SavedPage {
    pub(super) frame: Frame,
    /// A machine's store gives it a copy; otherwise it is a protection exception.
    pub(super) writable: bool,
}

/// Which pages a machine that runs the system is known to touch: learned from the first one.
#[derive(Debug, Default)]
struct KnownWriteSet {
    pages: BTreeSet<u64>,
    /// The set is still being learned.
    open: bool,
    /// Some machine was told to learn it.
    claimed: bool,
}

/// A named saved system (NSS): read-only frames shared by every machine that IPLs it, and where to start.
///
/// The frames are given back when the last machine that maps them is gone.
pub struct SavedSystem {
    storage: Arc<Storage>,
    name: String,
    pages: BTreeMap<u64, SavedPage>,
    entry: u64,
    end: u64,
    known: Mutex<KnownWriteSet>,
}

/// A loadable part of an image.
struct Segment<'a> {
    address: u64,
    bytes: &'a [u8],
    /// Bytes in storage; what `bytes` does not fill is zero.
    size: u64,
    writable: bool,
}

impl SavedSystem {
    /// Keeps a static ELF-64 x86-64 executable (`ET_EXEC`) as a saved system.
    ///
    /// Segments without write permission are shared for good, the others until a machine stores into them. Storage that a
    /// segment does not fill from the file is demand-zero.
    ///
    /// # Errors
    /// [`ImageError`] when the file is anything else, damaged, larger than a machine can be, or storage is exhausted.
    pub fn from_elf(
        storage: &Arc<Storage>,
        name: &str,
        elf: &[u8],
    ) -> Result<Arc<Self>, ImageError> {
        let broken = |source| ImageError::NotElf {
            name: name.to_owned(),
            source,
        };
        let unsuitable = |reason| ImageError::Unsuitable {
            name: name.to_owned(),
            reason,
        };
        let header = FileHeader64::<LittleEndian>::parse(elf).map_err(broken)?;
        let endian = header.endian().map_err(broken)?;
        if header.e_type(endian) != elf::ET_EXEC || header.e_machine(endian) != elf::EM_X86_64 {
            return Err(unsuitable("It is not a static executable for x86-64"));
        }
        let mut segments = Vec::new();
        for part in header.program_headers(endian, elf).map_err(broken)? {
            match part.p_type(endian) {
                elf::PT_INTERP | elf::PT_DYNAMIC => {
                    return Err(unsuitable("It needs a dynamic linker"));
                }
                elf::PT_LOAD => segments.push(Segment {
                    address: part.p_vaddr(endian),
                    bytes: part
                        .data(endian, elf)
                        .map_err(|()| unsuitable("A segment lies outside the file"))?,
                    size: part.p_memsz(endian),
                    writable: part.p_flags(endian) & elf::PF_W != 0,
                }),
                _ => {}
            }
        }
        Self::build(storage, name, &segments, header.e_entry(endian))
    }

    /// Keeps plain bytes as a saved system: `bytes` at address `origin`, all of it writable (copied on store), started at `entry`.
    ///
    /// # Errors
    /// [`ImageError`] when it does not fit into a machine or storage is exhausted.
    pub fn from_image(
        storage: &Arc<Storage>,
        name: &str,
        origin: u64,
        bytes: &[u8],
        entry: u64,
    ) -> Result<Arc<Self>, ImageError> {
        let segment = Segment {
            address: origin,
            bytes,
            size: bytes.len() as u64,
            writable: true,
        };
        Self::build(storage, name, &[segment], entry)
    }

    fn build(
        storage: &Arc<Storage>,
        name: &str,
        segments: &[Segment<'_>],
        entry: u64,
    ) -> Result<Arc<Self>, ImageError> {
        let end = check(segments, entry).map_err(|reason| ImageError::Unsuitable {
            name: name.to_owned(),
            reason,
        })?;
        let mut wanted: BTreeMap<u64, bool> = BTreeMap::new();
        for segment in segments.iter().filter(|segment| !segment.bytes.is_empty()) {
            let last = segment.address + segment.bytes.len() as u64 - 1;
            for page in segment.address / abi::PAGE..=last / abi::PAGE {
                *wanted.entry(page * abi::PAGE).or_default() |= segment.writable;
            }
        }
        let frames = storage
            .take_exactly(wanted.len())
            .map_err(|source| ImageError::Storage {
                name: name.to_owned(),
                source,
            })?;
        storage.share(frames.len());
        let pages: BTreeMap<u64, SavedPage> = wanted
            .into_iter()
            .zip(frames)
            .map(|((address, writable), frame)| (address, SavedPage { frame, writable }))
            .collect();
        for segment in segments {
            let mut address = segment.address;
            let mut rest = segment.bytes;
            while !rest.is_empty() {
                let within = (address % abi::PAGE) as usize;
                let (piece, after) = rest.split_at(rest.len().min(FRAME - within));
                storage
                    .arena
                    .write(pages[&(address - within as u64)].frame, within, piece);
                (rest, address) = (after, address + piece.len() as u64);
            }
        }
        Ok(Arc::new(Self {
            storage: Arc::clone(storage),
            name: name.to_owned(),
            pages,
            entry,
            end,
            known: Mutex::new(KnownWriteSet {
                open: true,
                ..KnownWriteSet::default()
            }),
        }))
    }

    /// The name it was kept under.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Where a machine starts.
    pub fn entry(&self) -> u64 {
        self.entry
    }

    /// First address after the image, its zeroed storage included.
    pub fn end(&self) -> u64 {
        self.end
    }

    /// Pages that every machine which maps the system shares.
    pub fn shared_pages(&self) -> usize {
        self.pages.len()
    }

    /// Ends the learning of the known write set: the machine that was first to run the system is up, what it touches from
    /// now on is its user's doing. Without this the set ends when it has 64 pages.
    pub fn close_write_set(&self) {
        lock(&self.known).open = false;
    }

    /// The pages to give a machine at once, and whether this machine is the one to learn from.
    pub(super) fn known_write_set(&self) -> (Vec<u64>, bool) {
        let mut known = lock(&self.known);
        let learns = known.open && !known.claimed;
        known.claimed = true;
        (known.pages.iter().copied().collect(), learns)
    }

    /// The machine that is learned from touched these pages. Answers whether it should go on telling.
    pub(super) fn learn(&self, pages: impl IntoIterator<Item = u64>) -> bool {
        let mut known = lock(&self.known);
        for page in pages {
            if known.open {
                known.pages.insert(page);
                known.open = known.pages.len() < KNOWN_WRITE_SET_MAX;
            }
        }
        known.open
    }

    pub(super) fn pages(&self) -> &BTreeMap<u64, SavedPage> {
        &self.pages
    }
}

impl Drop for SavedSystem {
    fn drop(&mut self) {
        let frames: Vec<Frame> = self.pages.values().map(|page| page.frame).collect();
        self.storage.unshare(frames.len());
        self.storage.retire(frames);
    }
}

/// Checks that the segments can lie in a machine and that execution starts inside one; answers the first address after all.
fn check(segments: &[Segment<'_>], entry: u64) -> Result<u64, &'static str> {
    let mut end = 0;
    for segment in segments {
        if (segment.bytes.len() as u64) > segment.size {
            return Err("A segment is larger in the file than in storage");
        }
        match segment.address.checked_add(segment.size) {
            Some(last) if last <= tables::MAX_SIZE => end = end.max(last),
            _ => return Err("A segment lies beyond the largest storage"),
        }
    }
    let starts_inside = |s: &Segment<'_>| entry >= s.address && entry - s.address < s.size;
    match segments.iter().any(starts_inside) {
        true => Ok(end),
        false => Err("It does not start inside any of its segments"),
    }
}
