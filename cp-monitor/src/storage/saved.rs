//! Named saved systems: frames that many machines share, with the address where they start.
//!
//! The input is a file that somebody gave us: everything in it is checked before it is believed.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};

use object::LittleEndian;
use object::elf::{self, FileHeader64};
use object::read::elf::{FileHeader, ProgramHeader};

use super::frames::{FRAME, Frame};
use super::{Storage, StorageError, Tree, lock, tables};

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

/// Which pages a machine that runs the system is known to touch: learned from one at a time, first from the first.
#[derive(Debug, Default)]
struct KnownWriteSet {
    pages: BTreeSet<u64>,
    /// The set is still being learned.
    open: bool,
    /// There is a machine to learn from.
    taught: bool,
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
    /// Trees of machines that are gone, with this system's shared entries still in them.
    spare_trees: Mutex<Vec<Tree>>,
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
    pub fn from_elf(storage: &Arc<Storage>, name: &str, elf: &[u8]) -> Result<Arc<Self>, ImageError> {
        let broken = |source| ImageError::NotElf { name: name.to_owned(), source };
        let unsuitable = |reason| ImageError::Unsuitable { name: name.to_owned(), reason };
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
                    bytes: part.data(endian, elf).map_err(|()| unsuitable("A segment lies outside the file"))?,
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
    pub fn from_image(storage: &Arc<Storage>, name: &str, origin: u64, bytes: &[u8], entry: u64) -> Result<Arc<Self>, ImageError> {
        let segment = Segment { address: origin, bytes, size: bytes.len() as u64, writable: true };
        Self::build(storage, name, &[segment], entry)
    }

    fn build(storage: &Arc<Storage>, name: &str, segments: &[Segment<'_>], entry: u64) -> Result<Arc<Self>, ImageError> {
        let end = check(segments, entry).map_err(|reason| ImageError::Unsuitable { name: name.to_owned(), reason })?;
        let mut wanted: BTreeMap<u64, bool> = BTreeMap::new();
        for segment in segments.iter().filter(|segment| !segment.bytes.is_empty()) {
            let last = segment.address + segment.bytes.len() as u64 - 1;
            for page in segment.address / abi::PAGE..=last / abi::PAGE {
                *wanted.entry(page * abi::PAGE).or_default() |= segment.writable;
            }
        }
        let frames = storage.take_exactly(wanted.len()).map_err(|source| ImageError::Storage { name: name.to_owned(), source })?;
        storage.share(frames.len());
        let pages: BTreeMap<u64, SavedPage> =
            wanted.into_iter().zip(frames).map(|((address, writable), frame)| (address, SavedPage { frame, writable })).collect();
        for segment in segments {
            let mut address = segment.address;
            let mut rest = segment.bytes;
            while !rest.is_empty() {
                let within = (address % abi::PAGE) as usize;
                let (piece, after) = rest.split_at(rest.len().min(FRAME - within));
                storage.arena.write(pages[&(address - within as u64)].frame, within, piece);
                (rest, address) = (after, address + piece.len() as u64);
            }
        }
        Ok(Arc::new(Self {
            storage: Arc::clone(storage),
            name: name.to_owned(),
            pages,
            entry,
            end,
            known: Mutex::new(KnownWriteSet { open: true, ..KnownWriteSet::default() }),
            spare_trees: Mutex::new(Vec::new()),
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
        let learns = known.open && !known.taught;
        known.taught |= learns;
        (known.pages.iter().copied().collect(), learns)
    }

    /// The machine that was learned from is gone, or was cleared.
    pub(super) fn teacher_is_gone(&self) {
        lock(&self.known).taught = false;
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

    /// A tree that maps this system already, in part at least.
    pub(super) fn take_tree(&self) -> Option<Tree> {
        let tree = lock(&self.spare_trees).pop()?;
        lock(&self.storage.state).spare_tables -= tree.tables;
        Some(tree)
    }

    /// Keeps such a tree for the next machine.
    pub(super) fn keep_tree(&self, tree: Tree) {
        lock(&self.spare_trees).push(tree);
    }

    pub(super) fn pages(&self) -> &BTreeMap<u64, SavedPage> {
        &self.pages
    }
}

impl Drop for SavedSystem {
    fn drop(&mut self) {
        self.storage.discard_spare_trees(std::mem::take(&mut *lock(&self.spare_trees)));
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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::storage::AddressSpace;

    /// A segment: type, flags, offset in the file, address, bytes in the file, bytes in storage.
    type Part = (u32, u32, u64, u64, u64, u64);

    const TEXT: Part = (elf::PT_LOAD, elf::PF_R | elf::PF_X, 0x1000, 0x10000, 0x800, 0x800);
    const DATA: Part = (elf::PT_LOAD, elf::PF_R | elf::PF_W, 0x1800, 0x11800, 0x100, 0x5000);

    /// An executable with these segments; byte n of the file after the headers is n, cut to 8 bits.
    fn file(parts: &[Part], entry: u64) -> Vec<u8> {
        let mut file: Vec<u8> = (0..0x1900u32).map(|at| at as u8).collect();
        file[..64].fill(0);
        file[..7].copy_from_slice(&[0x7f, b'E', b'L', b'F', 2, 1, 1]);
        let mut put = |at: usize, bytes: &[u8]| file[at..at + bytes.len()].copy_from_slice(bytes);
        for (at, half) in [(16, 2u16), (18, 62), (20, 1), (52, 64), (54, 56), (56, parts.len() as u16)] {
            put(at, &half.to_le_bytes());
        }
        put(24, &entry.to_le_bytes());
        put(32, &64u64.to_le_bytes());
        for (number, &(kind, flags, offset, address, in_file, in_storage)) in parts.iter().enumerate() {
            let at = 64 + 56 * number;
            put(at, &kind.to_le_bytes());
            put(at + 4, &flags.to_le_bytes());
            for (index, word) in [offset, address, address, in_file, in_storage, 1].into_iter().enumerate() {
                put(at + 8 + 8 * index, &word.to_le_bytes());
            }
        }
        file
    }

    fn storage() -> Arc<Storage> {
        Storage::new(256).expect("real storage")
    }

    fn refusal(parts: &[Part], entry: u64) -> String {
        match SavedSystem::from_elf(&storage(), "BAD", &file(parts, entry)) {
            Ok(_) => panic!("it was taken"),
            Err(error) => error.to_string(),
        }
    }

    #[test]
    fn segments_land_where_they_say_and_the_rest_is_zero() {
        let storage = storage();
        let system = SavedSystem::from_elf(&storage, "GOOD", &file(&[TEXT, DATA], 0x10010)).unwrap();
        assert_eq!((system.entry(), system.end(), system.name()), (0x10010, 0x16800, "GOOD"));
        assert_eq!(system.shared_pages(), 2, "storage that the file does not fill costs nothing");
        let mut space = AddressSpace::new(&storage, 1 << 20).unwrap();
        space.map_saved_system(&system).unwrap();
        let mut bytes = [0; 0x2000];
        space.read(0x10000, &mut bytes).unwrap();
        let expected = |at: usize| match at {
            0..0x800 | 0x1800..0x1900 => (at & 0xff) as u8,
            _ => 0,
        };
        assert!((0..bytes.len()).all(|at| bytes[at] == expected(at)));
    }

    #[test]
    fn a_page_that_two_segments_share_is_writable_when_one_is() {
        let storage = storage();
        let beside: Part = (elf::PT_LOAD, elf::PF_W, 0x1800, 0x10800, 0x100, 0x100);
        let system = SavedSystem::from_elf(&storage, "BOTH", &file(&[TEXT, beside], 0x10000)).unwrap();
        let mut space = AddressSpace::new(&storage, 1 << 20).unwrap();
        space.map_saved_system(&system).unwrap();
        space.write(0x10800, &[0xff]).unwrap();
        let mut byte = [0];
        space.read(0x10000 + 5, &mut byte).unwrap();
        assert_eq!(byte, [5]);
    }

    #[test]
    fn what_is_wrong_with_an_image_is_said() {
        let with = |change: fn(&mut Part)| {
            let mut part = TEXT;
            change(&mut part);
            part
        };
        assert!(refusal(&[with(|part| part.2 = 0x1800)], 0x10000).contains("outside the file"));
        assert!(refusal(&[with(|part| part.5 = 0x7ff)], 0x10000).contains("larger in the file"));
        assert!(refusal(&[with(|part| part.3 = u64::MAX - 10)], u64::MAX - 10).contains("beyond the largest"));
        assert!(refusal(&[with(|part| part.5 = 1 << 40)], 0x10000).contains("beyond the largest"));
        assert!(refusal(&[TEXT], 0x10800).contains("does not start inside"));
        assert!(refusal(&[TEXT, with(|part| part.0 = elf::PT_DYNAMIC)], 0x10000).contains("dynamic"));
        assert!(refusal(&[], 0).contains("does not start inside"));
        let no_elf = SavedSystem::from_elf(&storage(), "TEXTFILE", b"just a text").err().unwrap();
        assert!(no_elf.to_string().contains("TEXTFILE"));
    }

    #[test]
    fn an_image_larger_than_storage_is_refused_and_leaves_no_frames_behind() {
        let storage = Storage::new(8).unwrap();
        let error = SavedSystem::from_image(&storage, "LARGE", 0, &[1; 9 * 4096], 0).err().unwrap();
        assert!(matches!(error, ImageError::Storage { source: StorageError::NoFrames, .. }));
        assert!(SavedSystem::from_image(&storage, "FITS", 0, &[1; 8 * 4096], 0).is_ok());
    }

    #[test]
    fn the_write_set_of_the_first_machine_is_given_to_the_next() {
        let storage = storage();
        let system = SavedSystem::from_elf(&storage, "LEARN", &file(&[TEXT, DATA], 0x10000)).unwrap();
        let mapped = || {
            let mut space = AddressSpace::new(&storage, 1 << 20).unwrap();
            space.map_saved_system(&system).unwrap();
            space
        };
        let mut first = mapped();
        let mut second = mapped();
        assert_eq!((first.resident_pages(), second.resident_pages()), (0, 0));
        first.fault(0x11800, true).unwrap();
        second.fault(0x90000, true).unwrap();
        let third = mapped();
        assert_eq!(third.resident_pages(), 1, "only the first machine teaches");
        drop(first);
        let mut successor = mapped();
        successor.fault(0x13000, true).unwrap();
        assert_eq!(mapped().resident_pages(), 3, "its successor teaches on: the fault gave two untouched neighbours");
        system.close_write_set();
        successor.fault(0xa0000, true).unwrap();
        assert_eq!(mapped().resident_pages(), 3);
    }

    #[test]
    fn frames_come_back_when_nobody_uses_the_system() {
        let storage = storage();
        let system = SavedSystem::from_elf(&storage, "GONE", &file(&[TEXT, DATA], 0x10000)).unwrap();
        let mut space = AddressSpace::new(&storage, 1 << 20).unwrap();
        space.map_saved_system(&system).unwrap();
        drop(system);
        let mut byte = [0];
        space.read(0x10007, &mut byte).unwrap();
        assert_eq!((byte, storage.counts().shared), ([7], 2), "a machine that maps it keeps it");
        space.clear().unwrap();
        assert_eq!((storage.counts().shared, storage.counts().in_use), (0, 0));
    }

    proptest! {
        #[test]
        fn no_image_whatever_does_harm(at in 0usize..400, byte: u8, cut in 0usize..0x1900) {
            let mut image = file(&[TEXT, DATA], 0x10000);
            image[at] = byte;
            image.truncate(cut.max(1));
            let storage = storage();
            if let Ok(system) = SavedSystem::from_elf(&storage, "FUZZ", &image) {
                prop_assert!(system.end() <= tables::MAX_SIZE);
                let mut space = AddressSpace::new(&storage, 1 << 20).unwrap();
                let _ = space.map_saved_system(&system);
            }
            let counts = storage.counts();
            prop_assert_eq!((counts.in_use, counts.shared), (0, 0));
        }
    }
}
