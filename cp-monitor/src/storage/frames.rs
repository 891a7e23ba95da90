//! Page frames: a region of 4 KiB frames backed by a memory file, and the map of which are free.
//!
//! Used by [`super::Storage`] twice, for data frames and for page-table frames. Knows nothing of machines or KVM.
#![allow(unsafe_code)]

use std::borrow::Cow;
use std::fs::File;
use std::io;
use std::os::fd::{AsRawFd, FromRawFd};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use vm_memory::mmap::{MmapRegion, MmapRegionBuilder};
use vm_memory::{Bytes, FileOffset, VolatileMemory, VolatileSlice};
use vmm_sys_util::fallocate::{FallocateMode, fallocate};

use super::ring::{self, Read};

/// Bytes in a frame.
pub(super) const FRAME: usize = abi::PAGE as usize;

/// The number of a frame within its region.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Frame(pub(super) u32);

impl Frame {
    /// Offset of the frame in its region, in bytes.
    pub(super) fn offset(self) -> usize {
        self.0 as usize * FRAME
    }
}

/// Neighbouring bytes of a region.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Stretch {
    /// Offset of the first one in the region.
    pub(super) start: usize,
    pub(super) length: usize,
}

/// Most stretches that one system call takes: IOV_MAX of Linux.
const STRETCHES_MAX: usize = 1024;

/// A run of neighbouring frames.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Run {
    pub(super) first: Frame,
    pub(super) count: u32,
}

impl Run {
    /// The frames of the run.
    pub(super) fn frames(self) -> impl Iterator<Item = Frame> {
        (self.first.0..self.first.0 + self.count).map(Frame)
    }
}

/// Sorts frames and joins neighbours, so that one system call serves many frames.
pub(super) fn runs(frames: &mut [Frame]) -> Vec<Run> {
    frames.sort_unstable();
    let mut runs: Vec<Run> = Vec::new();
    for &frame in frames.iter() {
        match runs.last_mut() {
            Some(run) if run.first.0 + run.count == frame.0 => run.count += 1,
            _ => runs.push(Run { first: frame, count: 1 }),
        }
    }
    runs
}

/// Host memory for frames. The memory file is sparse: a frame costs host memory from its first use until it is punched.
pub(super) struct Region {
    region: MmapRegion,
    file: Arc<File>,
}

impl Region {
    /// A region of `frames` frames, all reading as zero and costing nothing yet.
    pub(super) fn new(name: &std::ffi::CStr, frames: u32) -> io::Result<Self> {
        let bytes = frames as usize * FRAME;
        // SAFETY: `name` is a valid C string; the call has no other preconditions.
        let fd = unsafe { libc::memfd_create(name.as_ptr(), libc::MFD_CLOEXEC) };
        if fd < 0 {
            return Err(io::Error::last_os_error());
        }
        // SAFETY: the descriptor was just made and nobody else owns it.
        let file = Arc::new(unsafe { File::from_raw_fd(fd) });
        file.set_len(bytes as u64)?;
        let region = MmapRegionBuilder::new(bytes)
            .with_file_offset(FileOffset::from_arc(Arc::clone(&file), 0))
            .with_mmap_prot(libc::PROT_READ | libc::PROT_WRITE)
            .with_mmap_flags(libc::MAP_SHARED | libc::MAP_NORESERVE)
            .build()
            .map_err(io::Error::other)?;
        Ok(Self { region, file })
    }

    /// Host address of the region, for memory-slot registration.
    pub(super) fn host_address(&self) -> u64 {
        self.region.as_ptr() as u64
    }

    /// Bytes of the region.
    pub(super) fn bytes(&self) -> u64 {
        self.region.size() as u64
    }

    /// The bytes of one frame.
    pub(super) fn frame(&self, frame: Frame) -> VolatileSlice<'_> {
        self.region.get_slice(frame.offset(), FRAME).expect("frames come from this region's own map")
    }

    /// Copies out of a frame; `within + into.len()` is at most a frame.
    pub(super) fn read(&self, frame: Frame, within: usize, into: &mut [u8]) {
        self.frame(frame).read_slice(into, within).expect("the caller stays inside one frame");
    }

    /// Copies into a frame; `within + from.len()` is at most a frame.
    pub(super) fn write(&self, frame: Frame, within: usize, from: &[u8]) {
        self.frame(frame).write_slice(from, within).expect("the caller stays inside one frame");
    }

    /// Reads a file from `at` on into stretches of the region, in one system call; answers how many bytes came. With `cached` only what the host
    /// has in its cache.
    pub(super) fn read_file(&self, into: &[Stretch], file: &File, at: u64, cached: bool) -> io::Result<usize> {
        let vectors = self.vectors(into);
        let flags = if cached { libc::RWF_NOWAIT } else { 0 };
        // SAFETY: every vector lies in this region's mapping, which lives as long as `self`. Guests and CP access these bytes as
        // volatile memory only, so the host may store into them at any time.
        let read = unsafe { libc::preadv2(file.as_raw_fd(), vectors.as_ptr(), vectors.len() as i32, at as i64, flags) };
        usize::try_from(read).map_err(|_| io::Error::last_os_error())
    }

    /// Writes stretches of the region to a file from `at` on, in one system call; answers how many bytes went.
    pub(super) fn write_file(&self, from: &[Stretch], file: &File, at: u64) -> io::Result<usize> {
        let vectors = self.vectors(from);
        // SAFETY: as for reading; the host only loads from the vectors.
        let written = unsafe { libc::pwritev(file.as_raw_fd(), vectors.as_ptr(), vectors.len() as i32, at as i64) };
        usize::try_from(written).map_err(|_| io::Error::last_os_error())
    }

    /// Reads from several places into stretches of the region, and waits for all of them together. Whether all of it came; `None` where the
    /// kernel cannot do that. Each has no more stretches than one call takes.
    pub(super) fn read_together<'a>(&self, reads: impl Iterator<Item = (Cow<'a, [Stretch]>, &'a File, u64)>) -> Option<bool> {
        let reads: Vec<Read<'_>> = reads.map(|(into, file, at)| Read { file, at, into: self.vectors(&into) }).collect();
        // SAFETY: as for one read.
        unsafe { ring::read_all(&reads) }
    }

    /// Stretches as the host's calls take them, as many as one call takes.
    fn vectors(&self, stretches: &[Stretch]) -> Vec<libc::iovec> {
        let vector = |stretch: &Stretch| {
            let slice = self.region.get_slice(stretch.start, stretch.length).expect("frames come from this region's own map");
            libc::iovec { iov_base: slice.ptr_guard_mut().as_ptr().cast(), iov_len: stretch.length }
        };
        stretches.iter().take(STRETCHES_MAX).map(vector).collect()
    }

    /// Copies a whole frame.
    pub(super) fn copy(&self, from: Frame, to: Frame) {
        self.frame(from).copy_to_volatile_slice(self.frame(to));
    }

    /// The 64-bit word number `index` of a frame: a page-table entry.
    pub(super) fn word(&self, frame: Frame, index: usize) -> &AtomicU64 {
        debug_assert!(index < FRAME / 8);
        self.region.get_atomic_ref(frame.offset() + index * 8).expect("frames come from this region's own map")
    }

    /// Loads a page-table entry.
    pub(super) fn load(&self, frame: Frame, index: usize) -> u64 {
        self.word(frame, index).load(Ordering::Relaxed)
    }

    /// Stores a page-table entry. KVM reads it later, in KVM_RUN: the system call orders the two.
    pub(super) fn store(&self, frame: Frame, index: usize, entry: u64) {
        self.word(frame, index).store(entry, Ordering::Release);
    }

    /// Gives the frames back to the host: they read as zero again, and every mapping of them (CP's, KVM's shadow or nested
    /// tables) is gone when this returns.
    pub(super) fn punch(&self, run: Run) -> io::Result<()> {
        let (offset, bytes) = (run.first.offset() as u64, run.count as u64 * FRAME as u64);
        fallocate(&*self.file, FallocateMode::PunchHole, true, offset, bytes).map_err(io::Error::from)
    }

    /// Frames that cost host memory at this moment.
    #[cfg(test)]
    pub(super) fn host_frames(&self) -> usize {
        use std::os::unix::fs::MetadataExt;
        self.file.metadata().expect("the memory file").blocks() as usize * 512 / FRAME
    }

    /// Drops every mapping of a frame, KVM's included, and keeps its content: the memory file still holds it.
    pub(super) fn drop_mappings(&self, frame: Frame) -> io::Result<()> {
        self.drop_run(Run { first: frame, count: 1 })
    }

    /// The same for a run of frames.
    pub(super) fn drop_run(&self, run: Run) -> io::Result<()> {
        let bytes = run.count as usize * FRAME;
        let slice = self.region.get_slice(run.first.offset(), bytes).expect("frames come from this region's own map");
        let address = slice.ptr_guard_mut().as_ptr();
        // SAFETY: the range is whole pages of this region's mapping, which is shared and backed by the memory file, so
        // the bytes stay; references into the region are volatile or atomic accesses that fault the page in again.
        match unsafe { libc::madvise(address.cast(), bytes, libc::MADV_DONTNEED) } {
            0 => Ok(()),
            _ => Err(io::Error::last_os_error()),
        }
    }
}

/// Which frames of a region are free. Hands out the lowest, so that frames taken together lie together and are given back
/// to the host in few system calls.
pub(super) struct FreeMap {
    /// One bit per frame, set when the frame is taken.
    words: Vec<u64>,
    frames: u32,
    free: u32,
    /// No word below this one has a free frame.
    hint: usize,
}

impl FreeMap {
    /// A map of `frames` free frames.
    pub(super) fn new(frames: u32) -> Self {
        let mut words = vec![0u64; (frames as usize).div_ceil(64)];
        if let (Some(last), tail @ 1..) = (words.last_mut(), frames % 64) {
            *last = !0 << tail;
        }
        Self { words, frames, free: frames, hint: 0 }
    }

    /// Frames in the region.
    pub(super) fn total(&self) -> u32 {
        self.frames
    }

    /// Frames not taken.
    pub(super) fn free(&self) -> u32 {
        self.free
    }

    /// Takes the lowest free frame.
    pub(super) fn take(&mut self) -> Option<Frame> {
        while let Some(word) = self.words.get_mut(self.hint) {
            if *word != !0 {
                let bit = word.trailing_ones();
                *word |= 1 << bit;
                self.free -= 1;
                return Some(Frame(self.hint as u32 * 64 + bit));
            }
            self.hint += 1;
        }
        None
    }

    /// Makes a taken frame free.
    pub(super) fn give(&mut self, frame: Frame) {
        let (word, bit) = (frame.0 as usize / 64, frame.0 % 64);
        debug_assert!(self.words[word] & (1 << bit) != 0, "frame {frame:?} was given back twice");
        self.words[word] &= !(1 << bit);
        self.free += 1;
        self.hint = self.hint.min(word);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lowest_free_frame_is_taken_and_none_beyond_the_end() {
        let mut map = FreeMap::new(70);
        let taken: Vec<u32> = std::iter::from_fn(|| map.take()).map(|f| f.0).collect();
        assert_eq!(taken, (0..70).collect::<Vec<_>>());
        map.give(Frame(65));
        map.give(Frame(3));
        assert_eq!((map.take(), map.take(), map.take()), (Some(Frame(3)), Some(Frame(65)), None));
    }

    #[test]
    fn neighbouring_frames_form_one_run() {
        let mut frames = [7, 3, 4, 9, 8].map(Frame);
        assert_eq!(runs(&mut frames), [Run { first: Frame(3), count: 2 }, Run { first: Frame(7), count: 3 }]);
    }

    #[test]
    fn a_punched_frame_reads_as_zero_and_a_dropped_one_keeps_its_content() {
        let region = Region::new(c"test", 4).unwrap();
        region.write(Frame(1), 10, b"kept");
        region.write(Frame(2), 10, b"gone");
        region.drop_mappings(Frame(1)).unwrap();
        region.punch(Run { first: Frame(2), count: 1 }).unwrap();
        let (mut kept, mut gone) = ([0; 4], [0; 4]);
        region.read(Frame(1), 10, &mut kept);
        region.read(Frame(2), 10, &mut gone);
        assert_eq!((&kept, gone), (b"kept", [0; 4]));
    }
}
