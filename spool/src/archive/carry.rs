//! DUMP and LOAD: files between the spool and an archive in a file of the host.
//!
//! An archive is written under another name, synced, and then gets its own: by its name there is a whole one or none. A file that is
//! loaded is in a queue when all of it was read and found whole; small ones share a commit.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::io::{self, BufReader, BufWriter, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::read::{TIDINGS, each_record, scan};
use super::{ArchiveError, ArchiveReader, ArchiveReport, ArchiveWriter, Label, Passed, Progress, Watch, tell};
use crate::attributes::{Destination, Device, FileInfo, FileName, NewFile, Queue, Selection, Spid, Userid};
use crate::disk::DiskFile;
use crate::error::SpoolError;
use crate::spool::Spool;
use crate::writer::OpenFile;

/// Bytes that are read or written at a time.
const BUFFER: usize = 256 << 10;
/// Files, and bytes of their records, that LOAD closes with one commit.
const BATCH: (usize, u64) = (512, 4 << 20);

/// How DUMP is done.
#[derive(Clone, Copy, Debug)]
pub struct DumpOptions {
    /// The name of this system, for the label.
    pub system: Userid,
    /// Seconds since 1970-01-01 UTC, for the label.
    pub now: u64,
    /// PURGE: the files are purged once the archive is durable.
    pub purge: bool,
    /// An archive of that name is replaced. Another file never is.
    pub replace: bool,
}

/// How LOAD is done.
#[derive(Clone, Debug, Default)]
pub struct LoadOptions {
    /// The files in the archive that are loaded.
    pub selection: Selection,
    /// The owner that all files get, instead of the one they had.
    pub owner: Option<Userid>,
    /// NODUP: a file that the new owner has already is passed over. It is the same when queue, maker, device, time, name, records and bytes are.
    pub no_duplicates: bool,
}

/// A file that is to be dumped: 24 bytes, so that a million do not matter.
type Place = (Userid, Queue, Spid, u64);

impl Spool {
    /// SPXTAPE DUMP: writes the selected files, in processing order, into an archive at `to`.
    ///
    /// Files that cannot be read are passed over. Files that come meanwhile are not in it, and those that go or move before their
    /// turn only counted.
    ///
    /// # Errors
    /// [`ArchiveError::Exists`]; when the host cannot write the archive, the index cannot be read, or `watch` ends it: then there is
    /// no archive, and nothing was purged.
    pub fn dump(
        &self,
        to: &Path,
        selection: &Selection,
        options: &DumpOptions,
        watch: &mut Watch<'_>,
    ) -> Result<ArchiveReport, ArchiveError> {
        self.may_write(to, options.replace)?;
        let unfinished = unfinished(to);
        if self.may_write(&unfinished, true)? {
            self.disk().remove(&unfinished)?;
        }
        let file = self.disk().create(&unfinished)?;
        let written = self.dump_into(&file, selection, options, watch).and_then(|done| {
            self.disk().rename(&unfinished, to)?;
            self.disk().sync_directory(parent(to))?;
            Ok(done)
        });
        if written.is_err() {
            let _ = self.disk().remove(&unfinished);
        }
        let (report, dumped) = written?;
        if options.purge {
            self.purge_dumped(&dumped)?;
        }
        Ok(report)
    }

    /// Refuses when there is something at `to` that must stay; answers whether there is something that need not.
    fn may_write(&self, to: &Path, replace: bool) -> Result<bool, ArchiveError> {
        let file = match self.disk().open_to_read(to) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
            other => other?,
        };
        // One that was begun and not written to yet when the system went down is empty.
        let ours = file.length()? == 0 || ArchiveReader::new(Sequential::new(file)).is_ok();
        if replace && ours { Ok(true) } else { Err(ArchiveError::Exists(to.to_owned())) }
    }

    fn dump_into(
        &self,
        file: &Arc<dyn DiskFile>,
        selection: &Selection,
        options: &DumpOptions,
        watch: &mut Watch<'_>,
    ) -> Result<(ArchiveReport, Vec<Place>), ArchiveError> {
        let label = Label { system: options.system, store: self.store()?, made: options.now };
        let mut places: Vec<Place> = Vec::new();
        self.each(selection, |file| places.push((file.owner, file.queue, file.spid, file.serial)))?;
        let output = BufWriter::with_capacity(BUFFER, Sequential::new(Arc::clone(file)));
        let mut archive = ArchiveWriter::new(output, &label)?;
        let mut report = ArchiveReport::new(label);
        let mut dumped = Vec::new();
        for place in places {
            if self.dump_file(place, &mut archive, &mut report, watch)? {
                dumped.push(place);
            }
        }
        archive.finish()?;
        file.sync_data()?;
        Ok((report, dumped))
    }

    /// Dumps one file; false when it was passed over.
    fn dump_file<W: Write>(
        &self,
        (owner, queue, spid, serial): Place,
        archive: &mut ArchiveWriter<W>,
        report: &mut ArchiveReport,
        watch: &mut Watch<'_>,
    ) -> Result<bool, ArchiveError> {
        let mut reader = match self.reader(owner, queue, spid) {
            Ok(reader) if reader.file().serial == serial => reader,
            Ok(_) | Err(SpoolError::NoFile { .. }) => {
                report.gone += 1;
                return Ok(false);
            }
            Err(error) => return Err(error.into()),
        };
        let file = reader.file().clone();
        archive.begin(&file)?;
        let (mut bytes, mut told) = (0, 0);
        loop {
            match reader.next_record() {
                Ok(Some(record)) => {
                    bytes += record.data.len() as u64;
                    archive.record(record)?;
                }
                Ok(None) => break,
                Err(error) => {
                    archive.give_up()?;
                    report.passed += 1;
                    tell(watch, Progress::Passed { file: &file, why: &Passed::Unreadable(error) })?;
                    return Ok(false);
                }
            }
            if bytes - told >= TIDINGS {
                told = bytes;
                tell(watch, Progress::Moving { file: &file, bytes })?;
            }
        }
        archive.end(&file)?;
        report.count(&file);
        tell(watch, Progress::Done { file: &file, now: None })?;
        Ok(true)
    }

    fn purge_dumped(&self, dumped: &[Place]) -> Result<(), ArchiveError> {
        for some in dumped.chunks(BATCH.0) {
            let one =
                |(owner, queue, spid, serial): &Place| Selection { serial: Some(*serial), ..Selection::of(*owner).on(*queue).spid(*spid) };
            self.purge_each(some.iter().map(one).collect())?;
        }
        Ok(())
    }

    /// SPXTAPE LOAD: puts the selected files of the archive at `from` at the end of their owners' queues, each under its old number
    /// if that is free.
    ///
    /// A damaged archive is loaded as far as it has whole files; the damage is in the report.
    ///
    /// # Errors
    /// When it is no archive, the host cannot read it, the spool is full or stopped, or `watch` ends it. What was told as
    /// done is loaded.
    pub fn load(&self, from: &Path, options: &LoadOptions, watch: &mut Watch<'_>) -> Result<ArchiveReport, ArchiveError> {
        self.load_from(Sequential::new(self.disk().open_to_read(from)?), options, watch)
    }

    /// As [`Spool::load`], from anything that is read from front to back.
    ///
    /// # Errors
    /// As [`Spool::load`].
    pub fn load_from(&self, input: impl Read, options: &LoadOptions, watch: &mut Watch<'_>) -> Result<ArchiveReport, ArchiveError> {
        let mut reader = ArchiveReader::new(BufReader::with_capacity(BUFFER, input))?;
        let report = ArchiveReport::new(reader.label());
        let mut loading = Loading { spool: self, options, report, batch: Vec::new(), bytes: 0, known: HashMap::new() };
        loop {
            let loaded = match loading.file(&mut reader, watch) {
                Ok(true) => continue,
                Ok(false) => Ok(()),
                Err(error @ ArchiveError::Damaged { .. }) => {
                    loading.report.damage = Some(error);
                    Ok(())
                }
                Err(error) => Err(error),
            };
            // Whatever ended it, the files that are whole are loaded.
            let settled = loading.settle(watch);
            return loaded.and(settled).map(|()| loading.report);
        }
    }

    /// SPXTAPE SCAN: tells of every file in the archive at `from` that `selection` means, all of it read and verified.
    ///
    /// # Errors
    /// When it is no archive, the host cannot read it, or `watch` ends it. Damage further on is in the report.
    pub fn scan(&self, from: &Path, selection: &Selection, watch: &mut Watch<'_>) -> Result<ArchiveReport, ArchiveError> {
        scan(BufReader::with_capacity(BUFFER, Sequential::new(self.disk().open_to_read(from)?)), selection, watch)
    }
}

/// What makes two files the same for NODUP: not the number, which may have changed on the way.
type Sameness = (Queue, Userid, Device, u64, FileName, u64, u64);

fn sameness(file: &FileInfo) -> Sameness {
    (file.queue, file.origin, file.device, file.created, file.attributes.name.clone(), file.records, file.bytes)
}

/// A LOAD under way.
struct Loading<'a> {
    spool: &'a Spool,
    options: &'a LoadOptions,
    report: ArchiveReport,
    /// Files read whole, not closed yet.
    batch: Vec<(FileInfo, OpenFile, Destination)>,
    /// Bytes of their records.
    bytes: u64,
    /// How many of each the owners had, looked up once for each owner. One that is met in the archive is taken off, so two files
    /// that look alike are two.
    known: HashMap<Userid, HashMap<Sameness, u64>>,
}

impl Loading<'_> {
    /// Reads one file; false at the end of the archive.
    fn file<R: Read>(&mut self, reader: &mut ArchiveReader<R>, watch: &mut Watch<'_>) -> Result<bool, ArchiveError> {
        let Some(file) = reader.next_file()? else {
            return Ok(false);
        };
        if !self.options.selection.matches(&file) {
            return Ok(true);
        }
        let to = Destination { owner: self.options.owner.unwrap_or(file.owner), queue: file.queue };
        if self.options.no_duplicates && self.is_there(to.owner, &file)? {
            return self.pass(&file, &Passed::Duplicate, watch).map(|()| true);
        }
        let attributes = file.attributes.clone();
        let mut open = self.spool.create(NewFile { origin: file.origin, device: file.device, created: file.created, attributes });
        if !each_record(reader, &file, watch, |record| Ok(open.append(record.command, record.data)?))? {
            return self.pass(&file, &Passed::Void, watch).map(|()| true);
        }
        self.bytes = self.bytes.saturating_add(file.bytes);
        self.batch.push((file, open, to));
        if self.batch.len() >= BATCH.0 || self.bytes >= BATCH.1 {
            self.settle(watch)?;
        }
        Ok(true)
    }

    fn is_there(&mut self, owner: Userid, file: &FileInfo) -> Result<bool, SpoolError> {
        let known = match self.known.entry(owner) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(unknown) => {
                let mut known = HashMap::new();
                self.spool.each(&Selection::of(owner), |file| *known.entry(sameness(&file)).or_default() += 1)?;
                unknown.insert(known)
            }
        };
        match known.get_mut(&sameness(file)) {
            Some(left @ 1..) => {
                *left -= 1;
                Ok(true)
            }
            _ => Ok(false),
        }
    }

    fn pass(&mut self, file: &FileInfo, why: &Passed, watch: &mut Watch<'_>) -> Result<(), ArchiveError> {
        self.report.passed += 1;
        tell(watch, Progress::Passed { file, why })
    }

    /// Closes the files read so far.
    fn settle(&mut self, watch: &mut Watch<'_>) -> Result<(), ArchiveError> {
        self.bytes = 0;
        let batch = std::mem::take(&mut self.batch);
        let (files, open): (Vec<_>, Vec<_>) = batch.into_iter().map(|(file, open, to)| (file.clone(), (open, to, file.spid))).unzip();
        let mut outcome = Ok(());
        for (file, loaded) in files.iter().zip(self.spool.close_loaded(open)) {
            let told = match loaded {
                Ok(now) => {
                    self.report.count(file);
                    tell(watch, Progress::Done { file, now: Some(&now) })
                }
                Err(error @ (SpoolError::NoSpoolId(_) | SpoolError::FileLimit { .. })) => self.pass(file, &Passed::Refused(error), watch),
                Err(error) => Err(error.into()),
            };
            outcome = outcome.and(told);
        }
        outcome
    }
}

/// The name of an archive while it is written.
fn unfinished(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".unfinished");
    name.into()
}

fn parent(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    }
}

/// A file of the disk from front to back.
struct Sequential {
    file: Arc<dyn DiskFile>,
    at: u64,
}

impl Sequential {
    fn new(file: Arc<dyn DiskFile>) -> Self {
        Self { file, at: 0 }
    }
}

impl Read for Sequential {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let left = self.file.length()?.saturating_sub(self.at);
        let length = usize::try_from(left).map_or(buffer.len(), |left| left.min(buffer.len()));
        self.file.read_at(self.at, &mut buffer[..length])?;
        self.at += length as u64;
        Ok(length)
    }
}

impl Write for Sequential {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file.write_at(self.at, bytes)?;
        self.at += bytes.len() as u64;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
