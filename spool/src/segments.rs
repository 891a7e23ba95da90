//! The segment files: where blocks are appended, who still needs a segment, and how room is given back.
//!
//! Blocks of all open files go to the end of the *current* segment; when it is full a new one is made. A segment is *held*
//! once by every file, open or closed, that has blocks in it. When a file goes, its blocks are punched out; when nobody
//! holds a segment that is not current any more, the file is removed. Bytes are never written twice at the same place,
//! so a reader can never see another file's block where its own was.
//!
//! Talks to the [`Disk`] only. One lock, held for bookkeeping and while a segment is made, never while blocks are written.

use std::collections::{BTreeMap, HashMap};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use serde::{Deserialize, Serialize};

use crate::block::{SEGMENT_HEADER, SegmentHeader};
use crate::disk::{Disk, DiskFile};
use crate::error::SpoolError;
use crate::room::Room;

/// Blocks that stand behind one another in one segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Extent {
    /// Number of the segment.
    pub segment: u32,
    /// Where the first block begins.
    pub offset: u64,
    /// Bytes.
    pub length: u64,
}

impl Extent {
    /// Where it ends; an end beyond all numbers is an end nothing reaches.
    pub fn end(&self) -> u64 {
        self.offset.saturating_add(self.length)
    }
}

/// The segments that a file has blocks in, each once.
pub fn segments_of(extents: &[Extent]) -> Vec<u32> {
    let mut numbers: Vec<u32> = extents.iter().map(|extent| extent.segment).collect();
    numbers.sort_unstable();
    numbers.dedup();
    numbers
}

/// The name of a segment's file.
pub fn segment_name(number: u32) -> String {
    format!("segment-{number:08}")
}

/// The number in a segment's file name.
pub fn segment_number(name: &str) -> Option<u32> {
    let number = name.strip_prefix("segment-")?.parse().ok()?;
    (segment_name(number) == name).then_some(number)
}

/// An open segment.
#[derive(Debug)]
pub struct Segment {
    /// Its number.
    pub number: u32,
    /// Its file, for messages.
    pub path: PathBuf,
    file: Arc<dyn DiskFile>,
    disk: Arc<dyn Disk>,
    standing: Mutex<Standing>,
}

/// How far a segment can be relied upon.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Standing {
    /// Its name is not durable yet.
    New,
    /// Its name is durable.
    Named,
    /// Making it durable failed once. The host reports such a failure to one caller only, and forgets the bytes.
    Unreliable,
}

impl Segment {
    /// Makes everything written to it so far durable, and the first time its name.
    pub fn sync(&self) -> Result<(), SpoolError> {
        let mut standing = self.standing.lock().unwrap_or_else(PoisonError::into_inner);
        let synced = match *standing {
            Standing::New => self.file.sync_data().and_then(|()| self.sync_name()),
            Standing::Named => self.file.sync_data(),
            Standing::Unreliable => Err(io::Error::other("An earlier write was not made durable")),
        };
        *standing = if synced.is_ok() { Standing::Named } else { Standing::Unreliable };
        synced.map_err(|error| SpoolError::io(&self.path, error))
    }

    fn sync_name(&self) -> io::Result<()> {
        self.path.parent().map_or(Ok(()), |directory| self.disk.sync_directory(directory))
    }

    /// Fills `buffer` from `offset`.
    pub fn read(&self, offset: u64, buffer: &mut [u8]) -> Result<(), SpoolError> {
        self.file.read_at(offset, buffer).map_err(|error| match error.kind() {
            io::ErrorKind::UnexpectedEof => SpoolError::Unreadable { path: self.path.clone(), offset, what: "the segment ends here" },
            _ => SpoolError::io(&self.path, error),
        })
    }
}

struct Current {
    segment: Arc<Segment>,
    tail: u64,
}

struct State {
    current: Option<Current>,
    next: u32,
    /// How many files hold each segment; a segment nobody holds is not listed.
    held: HashMap<u32, u64>,
    opened: HashMap<u32, Weak<Segment>>,
}

/// What a start found in the directory.
pub struct Stock {
    /// The identity of the store.
    pub store: u64,
    /// The number of the next segment.
    pub next: u32,
    /// How many closed files hold each segment.
    pub held: HashMap<u32, u64>,
}

/// The segments of one store.
pub struct Segments {
    disk: Arc<dyn Disk>,
    directory: PathBuf,
    store: u64,
    /// Bytes at which a segment is full.
    size: u64,
    room: Arc<Room>,
    state: Mutex<State>,
}

impl Segments {
    /// The segments in `directory`; `size` is the length in bytes at which one is full.
    pub fn new(stock: Stock, room: Arc<Room>, disk: Arc<dyn Disk>, directory: &Path, size: u64) -> Self {
        let state = State { current: None, next: stock.next, held: stock.held, opened: HashMap::new() };
        Self { disk, directory: directory.to_owned(), store: stock.store, size, room, state: Mutex::new(state) }
    }

    /// Appends a block for a file whose last block is in the segment `last`.
    ///
    /// The file holds the answered segment from then on. On an error it holds nothing new, and nothing was taken.
    pub fn append(&self, block: &[u8], last: Option<u32>) -> Result<(Arc<Segment>, u64), SpoolError> {
        let length = block.len() as u64;
        self.room.take(length)?;
        let (segment, offset) = self.allocate(length, last).inspect_err(|error| self.not_taken(length, error))?;
        if let Err(error) = segment.file.write_at(offset, block) {
            let error = SpoolError::io(&segment.path, error);
            self.not_taken(length, &error);
            if !error.is_full() {
                self.retire(segment.number);
            }
            // What part of it was written takes room; the place itself is not used again.
            let _ = segment.file.punch(offset, length);
            if last != Some(segment.number) {
                self.release([vec![Extent { segment: segment.number, offset, length: 0 }]]);
            }
            return Err(error);
        }
        Ok((segment, offset))
    }

    fn not_taken(&self, length: u64, error: &SpoolError) {
        self.room.give_back(length);
        if error.is_full() {
            self.room.host_is_full();
        }
    }

    fn allocate(&self, length: u64, last: Option<u32>) -> Result<(Arc<Segment>, u64), SpoolError> {
        let mut state = self.lock();
        let fits = |current: &Current| current.tail == SEGMENT_HEADER as u64 || current.tail + length <= self.size;
        if !state.current.as_ref().is_some_and(fits) {
            let segment = self.make(&mut state)?;
            let full = state.current.replace(Current { segment, tail: SEGMENT_HEADER as u64 });
            if let Some(full) = full
                && !state.held.contains_key(&full.segment.number)
            {
                self.remove(full.segment.number);
            }
        }
        let Some(Current { segment, tail }) = &mut state.current else {
            return Err(SpoolError::GivenUp);
        };
        let place = (Arc::clone(segment), *tail);
        *tail += length;
        if last != Some(place.0.number) {
            *state.held.entry(place.0.number).or_default() += 1;
        }
        Ok(place)
    }

    /// Makes the next segment. It has its header before it has its name; both are durable before any file of it is.
    fn make(&self, state: &mut State) -> Result<Arc<Segment>, SpoolError> {
        let number = state.next;
        let path = self.path(number);
        let unfinished = path.with_extension("new");
        state.next = number.checked_add(1).ok_or_else(|| SpoolError::Full(self.directory.clone()))?;
        let made = self.disk.create(&unfinished).and_then(|file| {
            file.write_at(0, &SegmentHeader { number, store: self.store }.encode())?;
            self.disk.rename(&unfinished, &path)?;
            Ok(file)
        });
        match made {
            Ok(file) => {
                let segment = self.segment(number, path, file, Standing::New);
                state.opened.retain(|_, segment| segment.strong_count() > 0);
                state.opened.insert(number, Arc::downgrade(&segment));
                Ok(segment)
            }
            Err(error) => {
                let _ = self.disk.remove(&unfinished);
                Err(SpoolError::io(&path, error))
            }
        }
    }

    fn segment(&self, number: u32, path: PathBuf, file: Arc<dyn DiskFile>, standing: Standing) -> Arc<Segment> {
        Arc::new(Segment { number, path, file, disk: Arc::clone(&self.disk), standing: Mutex::new(standing) })
    }

    /// Takes no more blocks into a segment that the host failed on.
    pub fn retire(&self, number: u32) {
        let mut state = self.lock();
        if state.current.as_ref().is_some_and(|current| current.segment.number == number) {
            state.current = None;
            if !state.held.contains_key(&number) {
                self.remove(number);
            }
        }
    }

    /// Gives back what these files had, each given by its extents: no file holds a segment for them any more.
    pub fn release(&self, files: impl IntoIterator<Item = Vec<Extent>>) {
        let mut going: BTreeMap<u32, (u64, Vec<Extent>)> = BTreeMap::new();
        for extents in files {
            for number in segments_of(&extents) {
                going.entry(number).or_default().0 += 1;
            }
            for extent in extents {
                going.entry(extent.segment).or_default().1.push(extent);
            }
        }
        let mut holes = Vec::new();
        let bytes = going.values().flat_map(|(_, extents)| extents).fold(0_u64, |sum, extent| sum.saturating_add(extent.length));
        {
            let mut state = self.lock();
            for (number, (holders, extents)) in going {
                let left = state.held.get(&number).copied().unwrap_or(0).saturating_sub(holders);
                if left > 0 {
                    state.held.insert(number, left);
                } else {
                    state.held.remove(&number);
                    if state.current.as_ref().is_none_or(|current| current.segment.number != number) {
                        self.remove(number);
                        continue;
                    }
                }
                holes.extend(joined(extents));
            }
        }
        for hole in holes {
            self.punch(hole);
        }
        self.room.give_back(bytes);
    }

    /// Gives back the room of bytes that belong to no file.
    pub fn punch(&self, hole: Extent) {
        // A hole that cannot be made costs room until the segment goes, nothing else.
        if let Ok(segment) = self.open(hole.segment) {
            let _ = segment.file.punch(hole.offset, hole.length);
        }
    }

    /// A segment for reading, its header checked.
    pub fn open(&self, number: u32) -> Result<Arc<Segment>, SpoolError> {
        if let Some(segment) = self.lock().opened.get(&number).and_then(Weak::upgrade) {
            return Ok(segment);
        }
        let path = self.path(number);
        let file = self.disk.open(&path).map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => missing(&path),
            _ => SpoolError::io(&path, error),
        })?;
        check_header(&path, file.as_ref(), number, self.store)?;
        let segment = self.segment(number, path, file, Standing::Named);
        self.lock().opened.insert(number, Arc::downgrade(&segment));
        Ok(segment)
    }

    /// Bytes that all segments take on the disk.
    pub fn on_disk(&self) -> u64 {
        let numbers: Vec<u32> = {
            let state = self.lock();
            let current = state.current.as_ref().map(|current| current.segment.number);
            let current = current.filter(|number| !state.held.contains_key(number));
            state.held.keys().copied().chain(current).collect()
        };
        // One that cannot be looked at just now, or went meanwhile, counts nothing.
        numbers.into_iter().filter_map(|number| self.open(number).ok()?.file.allocated().ok()).sum()
    }

    /// Where the segments are.
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    fn path(&self, number: u32) -> PathBuf {
        self.directory.join(segment_name(number))
    }

    fn remove(&self, number: u32) {
        // A segment that stays is found at the next start to belong to nobody, and goes then.
        let _ = self.disk.remove(&self.path(number));
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Extents of one segment with those that touch made one.
fn joined(mut extents: Vec<Extent>) -> Vec<Extent> {
    extents.sort_unstable();
    let mut joined: Vec<Extent> = Vec::new();
    for extent in extents.into_iter().filter(|extent| extent.length > 0) {
        match joined.last_mut() {
            Some(last) if last.end() == extent.offset => last.length += extent.length,
            _ => joined.push(extent),
        }
    }
    joined
}

/// The error of a segment that is not there.
pub fn missing(path: &Path) -> SpoolError {
    SpoolError::Damaged { path: path.to_owned(), what: "is missing".to_owned() }
}

/// Checks that a file is that segment of that store.
pub fn check_header(path: &Path, file: &dyn DiskFile, number: u32, store: u64) -> Result<(), SpoolError> {
    let foreign = |what: &str| SpoolError::Foreign { path: path.to_owned(), what: what.to_owned() };
    let mut bytes = [0; SEGMENT_HEADER];
    file.read_at(0, &mut bytes).map_err(|error| match error.kind() {
        io::ErrorKind::UnexpectedEof => foreign("is not a spool segment"),
        _ => SpoolError::io(path, error),
    })?;
    match SegmentHeader::decode(&bytes) {
        Ok(header) if header == (SegmentHeader { number, store }) => Ok(()),
        Ok(_) => Err(foreign("is a segment of another spool")),
        Err(what) => Err(foreign(what)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::disk::HostDisk;

    fn segments(directory: &Path, size: u64) -> Segments {
        of_store(directory, 7, 1, size)
    }

    fn of_store(directory: &Path, store: u64, next: u32, size: u64) -> Segments {
        let room = Arc::new(Room::new(Arc::new(HostDisk), directory, 0));
        Segments::new(Stock { store, next, held: HashMap::new() }, room, Arc::new(HostDisk), directory, size)
    }

    fn names(directory: &Path) -> Vec<String> {
        let mut names = HostDisk.names(directory).unwrap();
        names.sort();
        names
    }

    #[test]
    fn only_a_segments_own_name_has_a_number() {
        assert_eq!(segment_number(&segment_name(42)), Some(42));
        for name in ["segment-42", "segment-00000042.new", "segment-+0000042", "index.redb", "segment-"] {
            assert_eq!(segment_number(name), None, "{name}");
        }
    }

    #[test]
    fn a_segment_goes_with_the_last_file_that_holds_it() {
        let directory = tempfile::tempdir().unwrap();
        let segments = segments(directory.path(), 300);
        let block = [1; 100];
        let (first, a) = segments.append(&block, None).unwrap();
        let (same, b) = segments.append(&block, None).unwrap();
        assert_eq!((first.number, same.number), (1, 1));
        let (second, _) = segments.append(&block, Some(1)).unwrap();
        assert_eq!(second.number, 2);
        assert_eq!(names(directory.path()), ["segment-00000001", "segment-00000002"]);
        segments.release([vec![Extent { segment: 1, offset: a, length: 100 }]]);
        assert_eq!(names(directory.path()).len(), 2, "another file still holds the first segment");
        segments.release([vec![Extent { segment: 1, offset: b, length: 100 }]]);
        assert_eq!(names(directory.path()), ["segment-00000002"]);
    }

    #[test]
    fn extents_that_touch_are_given_back_together() {
        let at = |offset, length| Extent { segment: 1, offset, length };
        assert_eq!(joined(vec![at(200, 50), at(64, 36), at(100, 100), at(300, 0)]), [at(64, 186)]);
        assert_eq!(joined(vec![at(64, 10), at(80, 10)]), [at(64, 10), at(80, 10)]);
    }

    #[test]
    fn a_segment_of_another_store_is_not_taken_for_ours() {
        let directory = tempfile::tempdir().unwrap();
        segments(directory.path(), 1000).append(&[1], None).unwrap();
        let other = of_store(directory.path(), 8, 2, 1000);
        assert!(matches!(other.open(1), Err(SpoolError::Foreign { .. })));
    }
}
