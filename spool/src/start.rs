//! Starting the spool: what is in its directory, what a WARM, FORCE, COLD or CLEAN start makes of it.
//!
//! ```text
//! lock                 held while the spool is open
//! ballast              room kept back for the index
//! index.redb           the index
//! segment-nnnnnnnn     records
//! aside-nnnn/          what a COLD start or a repair set aside
//! *.new                a file that was being made when the system went down
//! ```
//!
//! A start reads the index and the first bytes of each segment, never the records. It writes new records into new segments
//! only, so a torn end of an old one is cut off and never built upon. Whatever was not written by this program is named
//! and stays as it is.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::hash::{BuildHasher, RandomState};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::attributes::{FileInfo, QueueCounts, Selection};
use crate::ballast::{BALLAST_NAME, Ballast};
use crate::block::SEGMENT_HEADER;
use crate::catalog::SegmentUse;
use crate::disk::{Disk, DiskFile};
use crate::error::SpoolError;
use crate::index::{INDEX_NAME, INDEX_UNFINISHED, Index};
use crate::room::{FILE_BYTES, Room};
use crate::segments::{Extent, Segments, Stock, check_header, missing, segment_name, segment_number, segments_of};
use crate::spool::Options;

const LOCK_NAME: &str = "lock";
const ASIDE_PREFIX: &str = "aside-";
/// Bytes that a segment may take beyond those of its files before a start looks for gaps to give back.
const SLACK: u64 = 1 << 20;

/// How the spool is started.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StartMode {
    /// Everything is kept; anything unreadable refuses the start.
    Warm,
    /// As warm, but files that cannot be read are skipped and reported.
    Force,
    /// The spool begins empty; the old store is set aside in a directory beside it.
    Cold,
    /// Everything is dropped.
    Clean,
}

/// What a start found and did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StartReport {
    /// Closed files of all users.
    pub files: QueueCounts,
    /// Bytes of files that were never closed, given back.
    pub reclaimed: u64,
    /// Files that are in no queue because they cannot be read; their records are kept. FORCE adds to them.
    pub skipped: Vec<FileInfo>,
    /// Names in the directory that were passed over and left alone, with the reason.
    pub passed_over: Vec<(PathBuf, String)>,
    /// Where a COLD start put the old store.
    pub set_aside: Option<PathBuf>,
}

/// A started store.
pub struct Started {
    /// The index.
    pub index: Index,
    /// The segments.
    pub segments: Segments,
    /// The room of the spool.
    pub room: Arc<Room>,
    /// The room kept back.
    pub ballast: Ballast,
    /// The first serial and position of this start.
    pub epoch: u64,
    /// The lock on the directory.
    pub lock: Arc<dyn DiskFile>,
}

/// The names in a spool's directory, sorted out.
#[derive(Debug, Default)]
pub struct Contents {
    /// Whether there is an index.
    pub index: bool,
    /// Numbers of the files that are named as segments.
    pub segments: BTreeSet<u32>,
    /// Files that were being made.
    pub unfinished: Vec<String>,
    /// Directories of what was set aside.
    pub aside: Vec<String>,
    /// Names that do not belong here.
    pub others: Vec<String>,
}

impl Contents {
    fn of(names: Vec<String>) -> Self {
        let mut contents = Self::default();
        for name in names {
            match name.as_str() {
                LOCK_NAME | BALLAST_NAME => {}
                INDEX_NAME => contents.index = true,
                INDEX_UNFINISHED => contents.unfinished.push(name),
                _ if name.starts_with(ASIDE_PREFIX) => contents.aside.push(name),
                _ => match (segment_number(&name), name.strip_suffix(".new").and_then(segment_number)) {
                    (Some(number), _) => drop(contents.segments.insert(number)),
                    (None, Some(_)) => contents.unfinished.push(name),
                    (None, None) => contents.others.push(name),
                },
            }
        }
        contents
    }

    /// Reads the directory.
    pub fn read(disk: &dyn Disk, directory: &Path) -> Result<Self, SpoolError> {
        disk.names(directory).map(Self::of).map_err(|error| SpoolError::io(directory, error))
    }

    /// A name for the next directory of what is set aside.
    pub fn next_aside(&self) -> String {
        let numbers = self.aside.iter().filter_map(|name| name.strip_prefix(ASIDE_PREFIX)?.parse::<u32>().ok());
        format!("{ASIDE_PREFIX}{:04}", numbers.max().unwrap_or(0).saturating_add(1))
    }
}

/// Takes the lock that keeps other processes out of the directory, which is made if it is not there.
pub fn take_lock(disk: &dyn Disk, directory: &Path) -> Result<Arc<dyn DiskFile>, SpoolError> {
    let path = directory.join(LOCK_NAME);
    let opened = match disk.open(&path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => disk.create(&path),
        other => other,
    };
    let lock = opened.map_err(|error| SpoolError::io(&path, error))?;
    match lock.try_lock() {
        Ok(true) => Ok(lock),
        Ok(false) => Err(SpoolError::InUse(directory.to_owned())),
        Err(error) => Err(SpoolError::io(&path, error)),
    }
}

/// Starts the store in `directory`.
pub fn start(directory: &Path, mode: StartMode, options: &Options) -> Result<(Started, StartReport), SpoolError> {
    let disk = options.disk.as_ref();
    disk.make_directory(directory).map_err(|error| SpoolError::io(directory, error))?;
    let lock = take_lock(disk, directory)?;
    let mut report = StartReport::default();
    let mut contents = Contents::read(disk, directory)?;
    match mode {
        StartMode::Warm | StartMode::Force => {}
        StartMode::Cold => report.set_aside = set_aside(disk, directory, &contents)?,
        StartMode::Clean => clean(disk, directory, &contents)?,
    }
    if matches!(mode, StartMode::Cold | StartMode::Clean) {
        contents = Contents::read(disk, directory)?;
    }
    for name in &contents.others {
        report.passed_over.push((directory.join(name), "does not belong to the spool".to_owned()));
    }
    for name in &contents.unfinished {
        disk.remove(&directory.join(name)).map_err(|error| SpoolError::io(&directory.join(name), error))?;
    }
    let ballast = Ballast::new(Arc::clone(&options.disk), directory);
    let attempt = || {
        let mut found = report.clone();
        let index = open_index(disk, directory, &contents)?;
        let (stock, epoch) = take_stock(directory, mode, options, &index, &contents, &mut found)?;
        Ok((index, stock, epoch, found))
    };
    let started = match attempt() {
        Err(error) if SpoolError::is_full(&error) && ballast.throw() => attempt(),
        other => other,
    };
    let (index, stock, epoch, mut report) = started?;
    ballast.take();
    let (counts, skipped, taken) = index.read(|view| Ok((view.all_counts()?, view.withheld()?, view.taken()?)))?;
    (report.files, report.skipped) = (counts, skipped);
    let room = Arc::new(Room::new(Arc::clone(&options.disk), directory, taken.saturating_add(counts.all().saturating_mul(FILE_BYTES))));
    let segments = Segments::new(stock, Arc::clone(&room), Arc::clone(&options.disk), directory, options.segment_bytes);
    Ok((Started { index, segments, room, ballast, epoch, lock }, report))
}

/// Opens the index, or makes one in an empty directory.
fn open_index(disk: &dyn Disk, directory: &Path, contents: &Contents) -> Result<Index, SpoolError> {
    let path = directory.join(INDEX_NAME);
    if !contents.index {
        if !contents.segments.is_empty() {
            return Err(SpoolError::IndexLost { path, what: "is missing, though there are segments".to_owned() });
        }
        make_index(disk, directory, &path)?;
    }
    let file = disk.open(&path).map_err(|error| SpoolError::io(&path, error))?;
    Index::open(&path, file)
}

/// Makes the index of a new store under another name first, so that what bears its name is always whole.
fn make_index(disk: &dyn Disk, directory: &Path, path: &Path) -> Result<(), SpoolError> {
    let unfinished = directory.join(INDEX_UNFINISHED);
    let file = disk.create(&unfinished).map_err(|error| SpoolError::io(&unfinished, error))?;
    // The identity keeps a segment of another spool from being taken for ours. It is no secret, it only has to differ, so
    // the seed that std draws for its hash tables serves.
    let store = RandomState::new().hash_one(path);
    Index::format(&unfinished, &file, store)?;
    disk.rename(&unfinished, path).map_err(|error| SpoolError::io(path, error))?;
    disk.sync_directory(directory).map_err(|error| SpoolError::io(directory, error))
}

/// Moves index and segments into a directory of their own.
pub fn set_aside(disk: &dyn Disk, directory: &Path, contents: &Contents) -> Result<Option<PathBuf>, SpoolError> {
    let index = contents.index.then(|| INDEX_NAME.to_owned());
    let names: Vec<String> = index.into_iter().chain(contents.segments.iter().copied().map(segment_name)).collect();
    if names.is_empty() {
        return Ok(None);
    }
    let aside = directory.join(contents.next_aside());
    disk.make_directory(&aside).map_err(|error| SpoolError::io(&aside, error))?;
    for name in names {
        let from = directory.join(&name);
        disk.rename(&from, &aside.join(&name)).map_err(|error| SpoolError::io(&from, error))?;
    }
    for changed in [&aside, directory] {
        disk.sync_directory(changed).map_err(|error| SpoolError::io(changed, error))?;
    }
    Ok(Some(aside))
}

/// Removes index and segments; files of those names that are not ours refuse it.
fn clean(disk: &dyn Disk, directory: &Path, contents: &Contents) -> Result<(), SpoolError> {
    let index = contents.index.then(|| INDEX_NAME.to_owned());
    for name in index.into_iter().chain(contents.segments.iter().copied().map(segment_name)) {
        let path = directory.join(name);
        let magic: &[u8] = if path.ends_with(INDEX_NAME) { b"redb" } else { b"CP64SPSG" };
        let mut first = vec![0; magic.len()];
        let ours = disk.open(&path).and_then(|file| file.read_at(0, &mut first)).is_ok() && first == magic;
        if !ours {
            let what = "was not written by the spool".to_owned();
            return Err(SpoolError::Foreign { path, what });
        }
        disk.remove(&path).map_err(|error| SpoolError::io(&path, error))?;
    }
    disk.sync_directory(directory).map_err(|error| SpoolError::io(directory, error))
}

/// Whether a segment that no file has blocks in lost its header with the power: it is empty, or zeros where that would be.
pub fn never_written(disk: &dyn Disk, directory: &Path, number: u32) -> bool {
    let Ok(file) = disk.open(&directory.join(segment_name(number))) else {
        return false;
    };
    let mut header = [0; SEGMENT_HEADER];
    match file.length() {
        Ok(length) if length < SEGMENT_HEADER as u64 => {
            let header = &mut header[..usize::try_from(length).unwrap_or(0)];
            file.read_at(0, header).is_ok() && header.iter().all(|byte| *byte == 0)
        }
        _ => file.read_at(0, &mut header).is_ok() && header == [0; SEGMENT_HEADER],
    }
}

/// Looks at a segment that must hold files up to `end`.
pub fn examine(disk: &dyn Disk, directory: &Path, number: u32, store: u64, end: u64) -> Result<Arc<dyn DiskFile>, SpoolError> {
    let path = directory.join(segment_name(number));
    let file = disk.open(&path).map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => missing(&path),
        _ => SpoolError::io(&path, error),
    })?;
    check_header(&path, file.as_ref(), number, store)?;
    let length = file.length().map_err(|error| SpoolError::io(&path, error))?;
    if length < end {
        let what = format!("is torn, it has {length} of {end} bytes");
        return Err(SpoolError::Damaged { path, what });
    }
    Ok(file)
}

/// Compares the index with the segments on the disk and gives back what belongs to no file.
///
/// Nothing is changed before everything was looked at, so a refused start leaves all as it was.
fn take_stock(
    directory: &Path,
    mode: StartMode,
    options: &Options,
    index: &Index,
    contents: &Contents,
    report: &mut StartReport,
) -> Result<(Stock, u64), SpoolError> {
    let disk = options.disk.as_ref();
    let (store, used, kept) = index.read(|view| Ok((view.store()?, view.segments()?, view.kept_segments()?)))?;
    let mut good = BTreeMap::new();
    let mut bad = BTreeMap::new();
    let mut never = Vec::new();
    for number in contents.segments.iter().chain(used.keys()).copied().collect::<BTreeSet<_>>() {
        let end = used.get(&number).map_or(0, |segment| segment.end);
        if end == 0 && !kept.contains_key(&number) && never_written(disk, directory, number) {
            never.push(number);
            continue;
        }
        match examine(disk, directory, number, store, end) {
            Ok(file) => drop(good.insert(number, file)),
            // What withheld files have is known to be bad.
            Err(_) if kept.contains_key(&number) && !used.contains_key(&number) => {}
            Err(error) if mode == StartMode::Force => drop(bad.insert(number, error)),
            Err(error) => return Err(error),
        }
    }
    let epoch = begin(index, bad.keys().copied().collect())?;
    report.passed_over.extend(bad.iter().map(|(n, error)| (directory.join(segment_name(*n)), error.to_string())));
    let (used, kept) = index.read(|view| Ok((view.segments()?, view.kept_segments()?)))?;
    good.retain(|number, _| !kept.contains_key(number));
    for number in never {
        let path = directory.join(segment_name(number));
        disk.remove(&path).map_err(|error| SpoolError::io(&path, error))?;
    }
    report.reclaimed += reclaim(disk, directory, index, &good, &used)?;

    let next = contents.segments.last().max(used.keys().last()).map_or(1, |last| last.saturating_add(1));
    let mut held: HashMap<u32, u64> = used.into_iter().map(|(number, segment)| (number, segment.files)).collect();
    for (number, files) in kept {
        *held.entry(number).or_default() += files;
    }
    Ok((Stock { store, next, held }, epoch))
}

/// Counts the start, and takes the files with blocks in bad segments out of their queues.
fn begin(index: &Index, bad: BTreeSet<u32>) -> Result<u64, SpoolError> {
    let mut unreadable = Vec::new();
    if !bad.is_empty() {
        unreadable = index.read(|view| {
            let mut unreadable = Vec::new();
            for file in view.list(&Selection::default())? {
                if segments_of(&view.extents(file.serial)?).iter().any(|number| bad.contains(number)) {
                    unreadable.push(file);
                }
            }
            Ok(unreadable)
        })?;
    }
    let begun = index.write(|tables| {
        tables.withhold(&unreadable)?;
        tables.begin_epoch()
    });
    Ok(begun?)
}

/// Gives back what belongs to no file in these segments; answers the bytes.
fn reclaim(
    disk: &dyn Disk,
    directory: &Path,
    index: &Index,
    segments: &BTreeMap<u32, Arc<dyn DiskFile>>,
    used: &BTreeMap<u32, SegmentUse>,
) -> Result<u64, SpoolError> {
    let mut freed = 0;
    let mut slack = BTreeMap::new();
    for (number, file) in segments {
        let path = directory.join(segment_name(*number));
        let fail = |error| SpoolError::io(&path, error);
        let length = file.length().map_err(fail)?;
        let Some(segment) = used.get(number) else {
            disk.remove(&path).map_err(fail)?;
            freed += length.saturating_sub(SEGMENT_HEADER as u64);
            continue;
        };
        if length > segment.end {
            file.set_length(segment.end).map_err(fail)?;
            freed += length - segment.end;
        }
        // Less than this is what whole blocks of the host's file system leave between small files; no hole gives it back.
        if file.allocated().map_err(fail)? > segment.bytes + segment.bytes / 8 + SLACK {
            slack.insert(*number, Arc::clone(file));
        }
    }
    if !slack.is_empty() {
        freed += punch_gaps(index, &slack, used)?;
    }
    Ok(freed)
}

/// Punches out, in these segments, what lies between the blocks of closed files.
fn punch_gaps(index: &Index, segments: &BTreeMap<u32, Arc<dyn DiskFile>>, used: &BTreeMap<u32, SegmentUse>) -> Result<u64, SpoolError> {
    let mut taken: BTreeMap<u32, Vec<Extent>> = BTreeMap::new();
    for (_, extents) in index.read(|view| view.all_extents())? {
        for extent in extents.into_iter().filter(|extent| segments.contains_key(&extent.segment)) {
            taken.entry(extent.segment).or_default().push(extent);
        }
    }
    let mut freed = 0;
    for (number, file) in segments {
        let before = file.allocated().unwrap_or(0);
        for (offset, length) in gaps(taken.remove(number).unwrap_or_default(), used[number].end) {
            // A gap that cannot be punched costs room and nothing else.
            let _ = file.punch(offset, length);
        }
        freed += before.saturating_sub(file.allocated().unwrap_or(before));
    }
    Ok(freed)
}

/// The ranges (offset, length) between a segment's header and `end` that no extent covers.
fn gaps(mut taken: Vec<Extent>, end: u64) -> Vec<(u64, u64)> {
    taken.sort_unstable();
    let mut gaps = Vec::new();
    let mut at = SEGMENT_HEADER as u64;
    for extent in taken {
        if extent.offset > at {
            gaps.push((at, extent.offset - at));
        }
        at = at.max(extent.end());
    }
    if end > at {
        gaps.push((at, end - at));
    }
    gaps
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gaps_are_what_no_file_covers() {
        let at = |offset, length| Extent { segment: 1, offset, length };
        assert_eq!(gaps(vec![at(200, 50), at(64, 36)], 300), [(100, 100), (250, 50)]);
        assert_eq!(gaps(vec![], 100), [(64, 36)]);
        assert_eq!(gaps(vec![at(64, 36)], 100), []);
    }

    #[test]
    fn names_are_sorted_out() {
        let names = ["lock", "index.redb", "segment-00000007", "segment-00000008.new", "aside-0003", "letter.txt"];
        let contents = Contents::of(names.map(str::to_owned).to_vec());
        assert!(contents.index);
        assert_eq!(contents.segments, BTreeSet::from([7]));
        assert_eq!(contents.unfinished, ["segment-00000008.new"]);
        assert_eq!(contents.others, ["letter.txt"]);
        assert_eq!(contents.next_aside(), "aside-0004");
    }
}
