//! Frames that the host's I/O reads or writes directly, without a copy between.
//!
//! A page is pinned under the lock of its machine and used without it. Until the last pin is gone its frame is neither paged out nor used for
//! anything else, whatever becomes of the machine: what the machine gives up meanwhile stays retired.

use std::borrow::Cow;
use std::fs::File;
use std::io;
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};

use super::frames::{Frame, Stretch};
use super::space::pieces;
use super::tables::Page;
use super::{AccessError, AddressSpace, SavedSystem, Storage};

/// How often each frame is pinned.
pub(super) struct Pins {
    counts: Vec<AtomicU32>,
    /// Pins in all.
    total: AtomicUsize,
}

impl Pins {
    pub(super) fn new(frames: u32) -> Self {
        Self { counts: (0..frames).map(|_| AtomicU32::new(0)).collect(), total: AtomicUsize::new(0) }
    }

    /// Whether a frame is pinned.
    pub(super) fn holds(&self, frame: Frame) -> bool {
        self.counts[frame.0 as usize].load(Ordering::Acquire) > 0
    }

    fn add(&self, frame: Frame) {
        self.counts[frame.0 as usize].fetch_add(1, Ordering::AcqRel);
        self.total.fetch_add(1, Ordering::Relaxed);
    }

    fn remove(&self, frame: Frame) {
        self.counts[frame.0 as usize].fetch_sub(1, Ordering::AcqRel);
        self.total.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Pieces of machines' storage that stay where they are for as long as this value lives.
pub struct Pinned {
    storage: Arc<Storage>,
    stretches: Vec<Stretch>,
    frames: Vec<Frame>,
    /// Saved systems whose frames are among them.
    systems: Vec<Arc<SavedSystem>>,
}

impl AddressSpace {
    /// Nothing pinned, with room for so many pages.
    pub fn pin_nothing(&self, pages: usize) -> Pinned {
        let (stretches, frames) = (Vec::with_capacity(pages), Vec::with_capacity(pages));
        Pinned { storage: Arc::clone(&self.storage), stretches, frames, systems: Vec::new() }
    }

    /// Pins `length` bytes of storage at `address`, for storing into with `write`: answers their place among what is `pinned`, which must
    /// come from this machine.
    ///
    /// # Errors
    /// As [`AddressSpace::fault`]; what was pinned before the page that failed stays pinned until the whole is dropped.
    pub fn pin(&mut self, pinned: &mut Pinned, address: u64, length: usize, write: bool) -> Result<Range<usize>, AccessError> {
        self.check(address, length)?;
        let first = pinned.stretches.len();
        for (address, piece) in pieces(address, length) {
            let frame = match self.page(address) {
                Page::Private(frame) => frame,
                _ => {
                    self.fault(address, write)?;
                    self.frame_to_pin(pinned, address)?
                }
            };
            self.storage.pins.add(frame);
            pinned.frames.push(frame);
            let start = frame.offset() + (address % abi::PAGE) as usize;
            match pinned.stretches[first..].last_mut() {
                Some(last) if last.start + last.length == start => last.length += piece.len(),
                _ => pinned.stretches.push(Stretch { start, length: piece.len() }),
            }
        }
        self.ran = true;
        Ok(first..pinned.stretches.len())
    }

    /// Whether a quarter of real storage is pinned: whoever can wait should.
    pub fn much_is_pinned(&self) -> bool {
        self.storage.pins.total.load(Ordering::Relaxed) >= self.storage.pins.counts.len() / 4
    }

    /// The frame of a page that is accessible now.
    fn frame_to_pin(&self, pinned: &mut Pinned, address: u64) -> Result<Frame, AccessError> {
        match self.page(address) {
            Page::Private(frame) => Ok(frame),
            Page::Shared { frame, .. } => {
                if pinned.systems.is_empty() {
                    pinned.systems.clone_from(&self.systems);
                }
                Ok(frame)
            }
            Page::Untouched | Page::Idle(_) | Page::Paged(_) => Err(AccessError::Paged(address)),
        }
    }
}

impl Pinned {
    /// Reads a file from `at` on into those bytes of a part of what is pinned, all of them. With `cached` only when the host has them in its cache: false
    /// when it has not, and some may have been stored.
    ///
    /// # Errors
    /// What the host says; [`io::ErrorKind::UnexpectedEof`] at the end of the file.
    pub fn read_from(&self, part: &Range<usize>, bytes: Range<usize>, file: &File, at: u64, cached: bool) -> io::Result<bool> {
        let arena = &self.storage.arena;
        match transfer(self.section(part, bytes), at, |stretches, at| arena.read_file(stretches, file, at, cached)) {
            Ok(()) => Ok(true),
            // The host would wait, or cannot tell on this file system.
            Err(error) if cached && matches!(error.raw_os_error(), Some(libc::EAGAIN | libc::EOPNOTSUPP)) => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Reads from several places at once: each is a part of what is pinned, bytes of it, a file and a place in that. False when not all of it
    /// came, or the host cannot do that; some may have been stored.
    pub fn read_together<'a>(&'a self, places: impl Iterator<Item = (&'a Range<usize>, Range<usize>, &'a File, u64)>) -> bool {
        let reads = places.map(|(part, bytes, file, at)| (self.section(part, bytes), file, at));
        self.storage.arena.read_together(reads).unwrap_or(false)
    }

    /// Writes those bytes of a part of what is pinned to a file from `at` on, all of them.
    ///
    /// # Errors
    /// What the host says.
    pub fn write_to(&self, part: &Range<usize>, bytes: Range<usize>, file: &File, at: u64) -> io::Result<()> {
        transfer(self.section(part, bytes), at, |stretches, at| self.storage.arena.write_file(stretches, file, at))
    }

    /// The stretches of some bytes of a part.
    fn section(&self, part: &Range<usize>, bytes: Range<usize>) -> Cow<'_, [Stretch]> {
        let mut section = behind(Cow::Borrowed(&self.stretches[part.clone()]), bytes.start);
        let mut length = bytes.len();
        let whole = |stretch: &&Stretch| length.checked_sub(stretch.length).map(|left| length = left).is_some();
        let whole = section.iter().take_while(whole).count();
        if whole < section.len() {
            let stretches = section.to_mut();
            stretches.truncate(whole + usize::from(length > 0));
            if length > 0 {
                stretches[whole].length = length;
            }
        }
        section
    }
}

/// Calls the host until everything was moved.
fn transfer(mut rest: Cow<'_, [Stretch]>, mut at: u64, mut call: impl FnMut(&[Stretch], u64) -> io::Result<usize>) -> io::Result<()> {
    while !rest.is_empty() {
        let moved = match call(&rest, at) {
            Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            outcome => outcome?,
        };
        at += moved as u64;
        rest = behind(rest, moved);
    }
    Ok(())
}

/// What is left of stretches when so many bytes of them were moved.
fn behind(stretches: Cow<'_, [Stretch]>, mut moved: usize) -> Cow<'_, [Stretch]> {
    if moved == 0 {
        return stretches;
    }
    let whole = |stretch: &&Stretch| moved.checked_sub(stretch.length).map(|left| moved = left).is_some();
    let done = stretches.iter().take_while(whole).count();
    if done == stretches.len() {
        return Cow::Borrowed(&[]);
    }
    let mut rest = stretches[done..].to_vec();
    rest[0].start += moved;
    rest[0].length -= moved;
    Cow::Owned(rest)
}

impl Drop for Pinned {
    fn drop(&mut self) {
        self.frames.iter().for_each(|frame| self.storage.pins.remove(*frame));
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::os::unix::fs::FileExt;

    use super::super::paging::{HostFile, PagingSpace};
    use super::*;

    const SIZE: u64 = 1 << 20;

    fn file(bytes: &[u8]) -> File {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(bytes).unwrap();
        file
    }

    fn bytes(space: &mut AddressSpace, address: u64, length: usize) -> Vec<u8> {
        let mut bytes = vec![0; length];
        space.read(address, &mut bytes).unwrap();
        bytes
    }

    #[test]
    fn files_are_read_into_storage_and_written_from_it_at_any_address() {
        let storage = Storage::new(256).unwrap();
        let mut space = AddressSpace::new(&storage, SIZE).unwrap();
        let content: Vec<u8> = (0..20_000u32).map(|n| (n % 251) as u8).collect();
        let from = file(&content);
        let to = file(&[]);
        let mut pinned = space.pin_nothing(0);
        let into = space.pin(&mut pinned, 0x1fff, 9000, true).unwrap();
        let more = space.pin(&mut pinned, 0x8000, 4096, true).unwrap();
        assert!(pinned.read_from(&into, 0..9000, &from, 100, false).unwrap() && pinned.read_from(&more, 0..4096, &from, 0, false).unwrap());
        assert_eq!(bytes(&mut space, 0x1fff, 9000), content[100..9100]);
        assert_eq!(bytes(&mut space, 0x8000, 4096), content[..4096]);
        for part in [0..9000, 0..1, 4097..9000, 4096..4098, 8999..9000] {
            pinned.write_to(&into, part.clone(), &to, 10).unwrap();
            let mut back = vec![0; part.len()];
            to.read_exact_at(&mut back, 10).unwrap();
            assert_eq!(back, content[100 + part.start..100 + part.end]);
        }
        let whole = 0..9000;
        let place = |bytes: std::ops::Range<usize>, at| (&into, bytes, &from, at);
        // Where the kernel has io_uring all of it comes; where it has none, nobody is told that it did.
        if pinned.read_together([place(0..4000, 200), place(4000..9000, 1000)].into_iter()) {
            assert_eq!(bytes(&mut space, 0x1fff, 9000), [&content[200..4200], &content[1000..6000]].concat());
        }
        assert!(!pinned.read_together([place(0..100, 0), place(whole, 15_000)].into_iter()), "not all of it can come");
        let eof = pinned.read_from(&into, 0..9000, &from, 15_000, false).unwrap_err();
        assert_eq!(eof.kind(), io::ErrorKind::UnexpectedEof, "the file ends in the middle");
    }

    #[test]
    fn what_is_left_begins_behind_what_was_moved() {
        let stretches = [(0, 10), (50, 20), (100, 5)].map(|(start, length)| Stretch { start, length });
        for (moved, left) in [(0, vec![(0, 10), (50, 20), (100, 5)]), (10, vec![(50, 20), (100, 5)]), (29, vec![(69, 1), (100, 5)])] {
            let left: Vec<_> = left.into_iter().map(|(start, length)| Stretch { start, length }).collect();
            assert_eq!(*behind(Cow::Borrowed(&stretches), moved), left);
        }
        assert!(behind(Cow::Borrowed(&stretches), 35).is_empty());
    }

    #[test]
    fn a_pinned_frame_is_nobody_elses_until_the_pin_is_gone() {
        let storage = Storage::new(64).unwrap();
        let mut space = AddressSpace::new(&storage, SIZE).unwrap();
        let mut pinned = space.pin_nothing(1);
        let part = space.pin(&mut pinned, 0x4000, 4096, true).unwrap();
        let written = space.pin(&mut pinned, 0x9000, 4096, false).unwrap();
        space.release(0x4000, 0x4fff).unwrap();
        assert_eq!(bytes(&mut space, 0x4000, 3), [0; 3]);
        // The transfer ends after the machine gave the page up: nobody sees it.
        pinned.read_from(&part, 0..4096, &file(&[7; 4096]), 0, false).unwrap();
        drop(space);
        storage.tidy_frames();
        assert_eq!(storage.counts().quarantined, 2, "both frames are still in use by the host");
        let mut next = AddressSpace::new(&storage, SIZE).unwrap();
        for page in 0..40 {
            next.fault(page * abi::PAGE, true).unwrap();
            assert_eq!(bytes(&mut next, page * abi::PAGE, 4096), [0; 4096]);
        }
        pinned.write_to(&written, 0..4096, &file(&[]), 0).unwrap();
        drop(pinned);
        storage.tidy_frames();
        assert_eq!(storage.counts().quarantined, 0);
    }

    #[test]
    fn a_pinned_page_is_not_paged_out_and_not_everything_can_be_pinned() {
        let place = tempfile::tempdir().unwrap();
        let paging = PagingSpace::new(Box::new(HostFile::create(&place.path().join("paging")).unwrap()), 1 << 20);
        let storage = Storage::with_paging(64, Some(paging)).unwrap();
        let mut space = AddressSpace::new(&storage, SIZE).unwrap();
        (0..8).for_each(|page| space.write(page * abi::PAGE, &[1]).unwrap());
        let mut pinned = space.pin_nothing(1);
        space.pin(&mut pinned, 0x2000, 4096, true).unwrap();
        assert_eq!(space.page_out_now(64).unwrap(), 7);
        assert_eq!(space.pin(&mut pinned, 0x3000, 4096, true).err(), Some(AccessError::Paged(0x3000)));
        let whole = space.pin(&mut pinned, 0x10_0000 - 0x1000, 0x2000, true);
        assert_eq!(whole.err(), Some(AccessError::Addressing(SIZE)));
        let free = |page: &u64| !space.much_is_pinned() && space.pin(&mut pinned, page * abi::PAGE, 4096, true).is_ok();
        assert_eq!((0x20..0x40).take_while(free).count(), 15, "a quarter of all frames, with the one from before");
        drop(pinned);
        assert!(space.page_out_now(64).unwrap() > 0);
    }
}
