//! `cp64 check`: verifies a spool that is not running, and repairs it without destroying anything.
//!
//! A check reads every record of every file and compares the index with itself and with the segments. It works on a copy of
//! the index in memory, so it changes nothing. A repair takes unreadable files out of their queues (their blocks are
//! kept, and what can be read of them is copied out beside), derives anew what is derived, and moves aside what is foreign.

use std::collections::{BTreeMap, HashMap};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::attributes::{FileInfo, Selection};
use crate::disk::{Disk, DiskFile};
use crate::error::SpoolError;
use crate::index::{INDEX_NAME, Index};
use crate::reader::Records;
use crate::room::Room;
use crate::scan::{LineFile, Rescued, copy_out};
use crate::segments::{Extent, Segments, Stock, segment_name, segments_of};
use crate::spool::Options;
use crate::start::{Contents, examine, never_written, set_aside, take_lock};

/// One thing that a check found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The file of the host it is about.
    pub path: PathBuf,
    /// The spool file it is about, if it is about one.
    pub file: Option<FileInfo>,
    /// What is wrong.
    pub what: String,
    /// What the repair did about it; none when nothing was to be repaired, or could be.
    pub repaired: Option<String>,
}

/// What a check found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CheckReport {
    /// Files in the queues.
    pub files: u64,
    /// Segments with records of theirs.
    pub segments: u64,
    /// Bytes of records that were read and found whole.
    pub bytes: u64,
    /// Files that an earlier FORCE start or repair took out of the queues.
    pub withheld: Vec<FileInfo>,
    /// What is wrong; empty when all is well.
    pub problems: Vec<Problem>,
}

/// Verifies the spool in `directory`; with `repair`, repairs what it finds.
pub fn check(directory: &Path, repair: bool, options: &Options) -> Result<CheckReport, SpoolError> {
    let disk = options.disk.as_ref();
    let contents = Contents::read(disk, directory)?;
    let _lock = take_lock(disk, directory)?;
    let mut report = CheckReport::default();
    if !contents.index && contents.segments.is_empty() {
        return Ok(report);
    }
    let index = match open_index(disk, directory, repair) {
        Ok(index) => index,
        Err(error @ SpoolError::IndexLost { .. }) => {
            report.problems.push(lost_index(disk, directory, &contents, &error, repair)?);
            return Ok(report);
        }
        Err(error) => return Err(error),
    };
    let mut check = Check { directory, options, index, contents, report };
    let unreadable = check.look()?;
    if repair && !check.report.problems.is_empty() {
        check.repair(&unreadable)?;
    }
    Ok(check.report)
}

/// Opens the index itself for a repair, else a copy in memory: opening one that was not shut down writes to it.
fn open_index(disk: &dyn Disk, directory: &Path, repair: bool) -> Result<Index, SpoolError> {
    let path = directory.join(INDEX_NAME);
    let fail = |error: io::Error| match error.kind() {
        io::ErrorKind::NotFound => SpoolError::IndexLost { path: path.clone(), what: "is missing".to_owned() },
        _ => SpoolError::io(&path, error),
    };
    let file = disk.open(&path).map_err(fail)?;
    if repair {
        return Index::open(&path, file);
    }
    let length = file.length().map_err(fail)?;
    let mut bytes = vec![0; usize::try_from(length).unwrap_or(usize::MAX)];
    file.read_at(0, &mut bytes).map_err(fail)?;
    Index::open(&path, Arc::new(Copy { bytes: Mutex::new(bytes) }))
}

/// Without its index nobody knows whose the records are: a repair sets all aside, so that the system can start, and copies out what it finds.
fn lost_index(disk: &dyn Disk, directory: &Path, contents: &Contents, error: &SpoolError, repair: bool) -> Result<Problem, SpoolError> {
    let mut repaired = None;
    if repair && let Some(aside) = set_aside(disk, directory, contents)? {
        let Rescued { files, records } = copy_out(disk, &aside, contents.segments.iter().copied())?;
        let found = format!("{records} records of {files} files were found and are in its files FILE.*, nobody knows whose");
        repaired = Some(format!("The whole spool was set aside in {}; {found}", aside.display()));
    }
    Ok(Problem { path: directory.join(INDEX_NAME), file: None, what: error.to_string(), repaired })
}

/// A file that cannot be read, and where its blocks are, as far as the index knows.
type Unreadable = (FileInfo, Vec<Extent>);

struct Check<'a> {
    directory: &'a Path,
    options: &'a Options,
    index: Index,
    contents: Contents,
    report: CheckReport,
}

impl Check<'_> {
    fn disk(&self) -> &dyn Disk {
        self.options.disk.as_ref()
    }

    /// The segments, for reading only.
    fn segments(&self, store: u64) -> Arc<Segments> {
        let Options { disk, segment_bytes } = self.options;
        let room = Arc::new(Room::new(Arc::clone(disk), self.directory, 0));
        let stock = Stock { store, next: u32::MAX, held: HashMap::new() };
        Arc::new(Segments::new(stock, room, Arc::clone(disk), self.directory, *segment_bytes))
    }

    fn problem(&mut self, path: PathBuf, file: Option<FileInfo>, what: String) {
        self.report.problems.push(Problem { path, file, what, repaired: None });
    }

    /// Looks at everything and answers the files that cannot be read.
    fn look(&mut self) -> Result<Vec<Unreadable>, SpoolError> {
        let (store, used, kept, files, disagreements) = self.index.read(|view| {
            let files = view.list(&Selection::default())?;
            let with_extents: Vec<_> = files.into_iter().map(|file| (view.extents(file.serial), file)).collect();
            self.report.withheld = view.withheld()?;
            Ok((view.store()?, view.segments()?, view.kept_segments()?, with_extents, view.disagreements()?))
        })?;
        let index_path = self.index.path().to_owned();
        for what in disagreements {
            self.problem(index_path.clone(), None, what);
        }
        self.look_at_foreign(store, used.keys().chain(kept.keys()).copied().collect());
        self.report.files = files.len() as u64;
        self.report.segments = used.len() as u64;
        let bad = self.look_at_segments(store, files.iter().filter_map(|(extents, _)| extents.as_deref().ok()));
        let segments = self.segments(store);
        let mut unreadable = Vec::new();
        for (extents, file) in files {
            let outcome = extents.clone().and_then(|extents| self.read(&segments, &file, extents));
            match outcome {
                Ok(()) => self.report.bytes += file.bytes,
                Err(error) => {
                    let extents = extents.unwrap_or_default();
                    let path = segments_of(&extents).into_iter().find_map(|number| bad.get(&number).cloned());
                    let what = format!("File {} of {}: {error}", file.spid, file.owner);
                    self.problem(path.unwrap_or_else(|| index_path.clone()), Some(file.clone()), what);
                    unreadable.push((file, extents));
                }
            }
        }
        Ok(unreadable)
    }

    /// Segments that are torn, foreign or missing, with their paths.
    fn look_at_segments<'e>(&mut self, store: u64, files: impl Iterator<Item = &'e [Extent]>) -> BTreeMap<u32, PathBuf> {
        let mut ends: BTreeMap<u32, u64> = BTreeMap::new();
        for extent in files.flatten() {
            let end = ends.entry(extent.segment).or_default();
            *end = (*end).max(extent.end());
        }
        let mut bad = BTreeMap::new();
        for (number, end) in ends {
            if let Err(error) = examine(self.disk(), self.directory, number, store, end) {
                let path = self.directory.join(segment_name(number));
                bad.insert(number, path.clone());
                self.problem(path, None, error.to_string());
            }
        }
        bad
    }

    /// Files by the name of a segment that neither the index knows nor this spool wrote.
    fn look_at_foreign(&mut self, store: u64, known: Vec<u32>) {
        let others: Vec<u32> = self.contents.segments.iter().copied().filter(|n| !known.contains(n)).collect();
        for number in others {
            if never_written(self.disk(), self.directory, number) {
                continue;
            }
            if let Err(error) = examine(self.disk(), self.directory, number, store, 0) {
                self.problem(self.directory.join(segment_name(number)), None, error.to_string());
            }
        }
    }

    /// Reads all records of a file.
    fn read(&self, segments: &Arc<Segments>, file: &FileInfo, extents: Vec<Extent>) -> Result<(), SpoolError> {
        let mut records = Records::new(Arc::clone(segments), file.serial, file.records, extents);
        let mut bytes = 0;
        while let Some(record) = records.next()? {
            bytes += record.data.len() as u64;
        }
        if bytes != file.bytes {
            let what = format!("counts {} bytes in a file of {bytes}", file.bytes);
            return Err(SpoolError::Damaged { path: self.index.path().to_owned(), what });
        }
        Ok(())
    }

    fn repair(&mut self, unreadable: &[Unreadable]) -> Result<(), SpoolError> {
        let aside = self.directory.join(self.contents.next_aside());
        let store = self.index.read(|view| view.store())?;
        let segments = self.segments(store);
        let mut rescued = BTreeMap::new();
        for (file, extents) in unreadable {
            self.make_aside(&aside)?;
            rescued.insert(file.serial, self.rescue(&segments, file, extents, &aside)?);
        }
        let files: Vec<FileInfo> = unreadable.iter().map(|(file, _)| file.clone()).collect();
        self.index.write(|tables| {
            tables.withhold(&files)?;
            tables.rebuild()
        })?;
        let (used, kept) = self.index.read(|view| Ok((view.segments()?, view.kept_segments()?)))?;
        let mut problems = std::mem::take(&mut self.report.problems);
        for problem in &mut problems {
            problem.repaired = Some(match &problem.file {
                Some(file) => rescued.remove(&file.serial).unwrap_or_default(),
                None if problem.path == self.index.path() => "Made anew from the queues".to_owned(),
                None => {
                    let name = problem.path.file_name().unwrap_or_default();
                    let number = name.to_str().and_then(crate::segments::segment_number);
                    if number.is_some_and(|number| used.contains_key(&number) || kept.contains_key(&number)) {
                        "The files in it were taken out of their queues; it was left as it is".to_owned()
                    } else {
                        self.make_aside(&aside)?;
                        let to = aside.join(name);
                        self.disk().rename(&problem.path, &to).map_err(|error| SpoolError::io(&problem.path, error))?;
                        format!("Moved to {}", to.display())
                    }
                }
            });
        }
        self.report.problems = problems;
        for changed in [aside.as_path(), self.directory] {
            // The first is not there when nothing was moved.
            let _ = self.disk().sync_directory(changed);
        }
        Ok(())
    }

    fn make_aside(&self, aside: &Path) -> Result<(), SpoolError> {
        self.disk().make_directory(aside).map_err(|error| SpoolError::io(aside, error))
    }

    /// Copies what can be read of a file into a file of the host, each record with a line end, and says so.
    fn rescue(&self, segments: &Arc<Segments>, file: &FileInfo, extents: &[Extent], aside: &Path) -> Result<String, SpoolError> {
        let name = format!("{}.{}.{}", file.owner, file.queue.abbreviation(), file.spid);
        let path = aside.join(name);
        let fail = |error| SpoolError::io(&path, error);
        let mut target = LineFile::create(self.disk(), &path).map_err(fail)?;
        let mut records = Records::new(Arc::clone(segments), file.serial, file.records, extents.to_vec());
        let mut count = 0_u64;
        loop {
            match records.next() {
                Ok(Some(record)) => {
                    target.line(record.data).map_err(fail)?;
                    count += 1;
                    continue;
                }
                Ok(None) => break,
                Err(_) => {}
            }
            if !records.pass_over_damage() {
                break;
            }
        }
        target.finish().map_err(fail)?;
        Ok(format!("Taken out of the queue; {count} of {} records are in {}", file.records, path.display()))
    }
}

/// A file in memory, begun as a copy.
#[derive(Debug)]
struct Copy {
    bytes: Mutex<Vec<u8>>,
}

impl Copy {
    fn bytes(&self) -> MutexGuard<'_, Vec<u8>> {
        self.bytes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn range(offset: u64, length: usize) -> io::Result<std::ops::Range<usize>> {
        let start = usize::try_from(offset).map_err(io::Error::other)?;
        Ok(start..start.checked_add(length).ok_or(io::ErrorKind::FileTooLarge)?)
    }
}

impl DiskFile for Copy {
    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<()> {
        let bytes = self.bytes();
        let found = bytes.get(Self::range(offset, buffer.len())?).ok_or(io::ErrorKind::UnexpectedEof)?;
        buffer.copy_from_slice(found);
        Ok(())
    }

    fn write_at(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        let range = Self::range(offset, data.len())?;
        let mut bytes = self.bytes();
        if bytes.len() < range.end {
            bytes.resize(range.end, 0);
        }
        bytes[range].copy_from_slice(data);
        Ok(())
    }

    fn sync_data(&self) -> io::Result<()> {
        Ok(())
    }

    fn length(&self) -> io::Result<u64> {
        Ok(self.bytes().len() as u64)
    }

    fn set_length(&self, length: u64) -> io::Result<()> {
        self.bytes().resize(Self::range(length, 0)?.start, 0);
        Ok(())
    }

    fn reserve(&self, length: u64) -> io::Result<()> {
        self.set_length(length.max(self.length()?))
    }

    fn punch(&self, offset: u64, length: u64) -> io::Result<()> {
        let length = usize::try_from(length).map_err(io::Error::other)?;
        self.write_at(offset, &vec![0; length])
    }

    fn allocated(&self) -> io::Result<u64> {
        self.length()
    }

    fn try_lock(&self) -> io::Result<bool> {
        Ok(true)
    }
}
