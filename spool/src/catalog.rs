//! What the index says: the tables, and every change of them.
//!
//! ```text
//! meta      name -> number                          version, store, epoch (starts so far), commits
//! files     (owner, queue, position) -> Entry       the queues, in processing order
//! spids     (owner, spid) -> (queue, position)      where each number is
//! extents   serial -> [Extent]                      where the records are
//! owners    owner -> Owner                          files per queue, and the number given out last
//! segments  number -> SegmentUse                    who uses a segment and how far it is filled
//! withheld  serial -> Withheld                      unreadable files that a FORCE start or a repair took out of the queues
//! ```
//!
//! A change first looks and decides, and refuses before it has touched anything; then it writes. An error while writing
//! fails the whole commit. So a refused operation leaves the others of its group alone.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;

use redb::{
    ReadOnlyTable, ReadTransaction, ReadableTable, ReadableTableMetadata, Table, TableDefinition,
    WriteTransaction,
};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::attributes::{
    Attributes, Change, Closed, Destination, Device, FileInfo, Queue, QueueCounts, Selection, Spid,
    Transferred, Userid,
};
use crate::error::SpoolError;
use crate::index::failed;
use crate::segments::{Extent, segments_of};

/// Version of the tables.
const VERSION: u64 = 1;

/// Where files are queued at the end: far from both ends of the numbers, so that ORDER finds room before them.
const MIDDLE: u64 = 1 << 63;

type FileKey = (&'static [u8; 8], u8, u64);
type SpidKey = (&'static [u8; 8], u16);

const META: TableDefinition<&str, u64> = TableDefinition::new("meta");
const FILES: TableDefinition<FileKey, &[u8]> = TableDefinition::new("files");
const SPIDS: TableDefinition<SpidKey, (u8, u64)> = TableDefinition::new("spids");
const EXTENTS: TableDefinition<u64, &[u8]> = TableDefinition::new("extents");
const OWNERS: TableDefinition<&[u8; 8], &[u8]> = TableDefinition::new("owners");
const SEGMENTS: TableDefinition<u32, &[u8]> = TableDefinition::new("segments");
const WITHHELD: TableDefinition<u64, &[u8]> = TableDefinition::new("withheld");

/// A file as the table `files` has it; owner and queue are in the key.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Entry {
    serial: u64,
    spid: u16,
    origin: Userid,
    device: Device,
    created: u64,
    records: u64,
    bytes: u64,
    attributes: Attributes,
}

/// A file that is in no queue because it cannot be read.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Withheld {
    owner: Userid,
    queue: Queue,
    entry: Entry,
}

#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
struct Owner {
    last_spid: u16,
    files: [u64; 3],
}

/// Who uses a segment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SegmentUse {
    /// Closed files with blocks in it.
    pub files: u64,
    /// Bytes of their blocks.
    pub bytes: u64,
    /// Where the last of them ends.
    pub end: u64,
}

/// A file about to be put into a queue.
#[derive(Clone, Debug)]
pub struct Written {
    /// Its identity.
    pub serial: u64,
    /// Who made it.
    pub origin: Userid,
    /// On what kind of device.
    pub device: Device,
    /// When, in seconds since 1970-01-01 UTC.
    pub created: u64,
    /// Records.
    pub records: u64,
    /// Bytes of the records.
    pub bytes: u64,
    /// The other attributes.
    pub attributes: Attributes,
    /// Where its blocks are.
    pub extents: Vec<Extent>,
}

/// A change that somebody asked for.
#[derive(Clone, Debug)]
pub enum Operation {
    /// Queue a written file.
    Close(Written, Destination),
    /// Change attributes.
    Change(Selection, Change),
    /// Put the files of each selection in front of a queue.
    Order(Userid, Queue, Vec<Selection>),
    /// Remove files.
    Purge(Selection),
    /// Move files.
    Transfer(Selection, Destination),
}

/// What came of it.
#[derive(Clone, Debug)]
pub enum Outcome {
    /// The file that was queued.
    Closed(Closed),
    /// How many files were changed or ordered.
    Count(usize),
    /// The files that are gone, with their extents.
    Purged(Vec<(u64, Vec<Extent>)>),
    /// The files that moved.
    Moved(Vec<Transferred>),
}

/// Numbers that must not be given out though no file has them.
pub trait Reserved {
    /// Whether that number of that user is one.
    fn is_reserved(&self, owner: Userid, spid: Spid) -> bool;
}

fn queue_number(queue: Queue) -> u8 {
    match queue {
        Queue::Reader => 0,
        Queue::Printer => 1,
        Queue::Punch => 2,
    }
}

fn encode<T: Serialize>(path: &Path, value: &T) -> Result<Vec<u8>, SpoolError> {
    postcard::to_stdvec(value)
        .map_err(|error| damaged(path, &format!("cannot hold a row ({error})")))
}

fn decode<T: DeserializeOwned>(path: &Path, bytes: &[u8]) -> Result<T, SpoolError> {
    match postcard::take_from_bytes(bytes) {
        Ok((value, [])) => Ok(value),
        _ => Err(damaged(path, "has a row that cannot be read")),
    }
}

fn damaged(path: &Path, what: &str) -> SpoolError {
    SpoolError::Damaged {
        path: path.to_owned(),
        what: what.to_owned(),
    }
}

impl Entry {
    fn info(self, path: &Path, owner: Userid, queue: Queue) -> Result<FileInfo, SpoolError> {
        Ok(FileInfo {
            owner,
            queue,
            spid: Spid::new(self.spid)
                .map_err(|_| damaged(path, "has a row with a wrong spool id"))?,
            serial: self.serial,
            origin: self.origin,
            device: self.device,
            created: self.created,
            records: self.records,
            bytes: self.bytes,
            attributes: self.attributes,
        })
    }

    fn of(file: &FileInfo) -> Self {
        Self {
            serial: file.serial,
            spid: file.spid.number(),
            origin: file.origin,
            device: file.device,
            created: file.created,
            records: file.records,
            bytes: file.bytes,
            attributes: file.attributes.clone(),
        }
    }
}

/// A file and its place in its queue.
#[derive(Clone, Debug)]
struct Queued {
    position: u64,
    file: FileInfo,
}

impl Queued {
    fn key(&self) -> (&[u8; 8], u8, u64) {
        (
            self.file.owner.padded(),
            queue_number(self.file.queue),
            self.position,
        )
    }
}

/// Reading, the same in a snapshot and in a change.
struct Look<'a, F, S> {
    path: &'a Path,
    files: &'a F,
    spids: &'a S,
}

impl<F, S> Look<'_, F, S>
where
    F: ReadableTable<FileKey, &'static [u8]>,
    S: ReadableTable<SpidKey, (u8, u64)>,
{
    fn queued(&self, key: (&[u8; 8], u8, u64), entry: &[u8]) -> Result<Queued, SpoolError> {
        let (owner, queue, position) = key;
        let owner = Userid::from_padded(owner)
            .ok_or_else(|| damaged(self.path, "has a row of a wrong userid"))?;
        let queue = *Queue::ALL
            .get(usize::from(queue))
            .ok_or_else(|| damaged(self.path, "has a row of no queue"))?;
        let entry: Entry = decode(self.path, entry)?;
        Ok(Queued {
            position,
            file: entry.info(self.path, owner, queue)?,
        })
    }

    fn get(&self, owner: Userid, spid: Spid) -> Result<Option<Queued>, SpoolError> {
        let fail = |e| failed(self.path, redb::Error::from(e));
        let Some(place) = self
            .spids
            .get((owner.padded(), spid.number()))
            .map_err(fail)?
        else {
            return Ok(None);
        };
        let (queue, position) = place.value();
        let key = (owner.padded(), queue, position);
        let entry = self.files.get(key).map_err(fail)?;
        let entry = entry.ok_or_else(|| damaged(self.path, "has a spool id without its file"))?;
        self.queued(key, entry.value()).map(Some)
    }

    /// The selected files in processing order. Looks at no more files than those of the owner selected.
    fn select(&self, selection: &Selection) -> Result<Vec<Queued>, SpoolError> {
        let mut found = Vec::new();
        if let (Some(owner), false) = (selection.owner, selection.spids.is_empty()) {
            for spid in &selection.spids {
                found.extend(
                    self.get(owner, *spid)?
                        .filter(|queued| selection.matches(&queued.file)),
                );
            }
            found.sort_by_key(|queued| (queued.file.queue, queued.position));
            found.dedup_by_key(|queued| queued.file.serial);
            return Ok(found);
        }
        self.each(selection, |queued| {
            if selection.matches(&queued.file) {
                found.push(queued);
            }
        })?;
        Ok(found)
    }

    /// Every file of the selection's owner and queue.
    fn each(&self, selection: &Selection, mut seen: impl FnMut(Queued)) -> Result<(), SpoolError> {
        let fail = |e| failed(self.path, redb::Error::from(e));
        let (low, high) = match &selection.owner {
            Some(owner) => (owner.padded(), owner.padded()),
            None => (&[0; 8], &[0xff; 8]),
        };
        let (first, last) = match (selection.owner, selection.queue) {
            (Some(_), Some(queue)) => (queue_number(queue), queue_number(queue)),
            _ => (0, u8::MAX),
        };
        for row in self
            .files
            .range((low, first, 0)..=(high, last, u64::MAX))
            .map_err(fail)?
        {
            let (key, entry) = row.map_err(fail)?;
            seen(self.queued(key.value(), entry.value())?);
        }
        Ok(())
    }
}

/// The index as of one commit.
pub struct View<'a> {
    path: &'a Path,
    meta: ReadOnlyTable<&'static str, u64>,
    files: ReadOnlyTable<FileKey, &'static [u8]>,
    spids: ReadOnlyTable<SpidKey, (u8, u64)>,
    extents: ReadOnlyTable<u64, &'static [u8]>,
    owners: ReadOnlyTable<&'static [u8; 8], &'static [u8]>,
    segments: ReadOnlyTable<u32, &'static [u8]>,
    withheld: ReadOnlyTable<u64, &'static [u8]>,
}

impl<'a> View<'a> {
    /// Opens the tables. A database without them is no index of ours.
    pub fn open(transaction: &ReadTransaction, path: &'a Path) -> Result<Self, SpoolError> {
        let fail = |error: redb::TableError| match error {
            redb::TableError::Storage(error) => failed(path, error),
            _ => SpoolError::Foreign {
                path: path.to_owned(),
                what: "is not a spool index".to_owned(),
            },
        };
        Ok(Self {
            path,
            meta: transaction.open_table(META).map_err(fail)?,
            files: transaction.open_table(FILES).map_err(fail)?,
            spids: transaction.open_table(SPIDS).map_err(fail)?,
            extents: transaction.open_table(EXTENTS).map_err(fail)?,
            owners: transaction.open_table(OWNERS).map_err(fail)?,
            segments: transaction.open_table(SEGMENTS).map_err(fail)?,
            withheld: transaction.open_table(WITHHELD).map_err(fail)?,
        })
    }

    fn look(
        &self,
    ) -> Look<'_, ReadOnlyTable<FileKey, &'static [u8]>, ReadOnlyTable<SpidKey, (u8, u64)>> {
        Look {
            path: self.path,
            files: &self.files,
            spids: &self.spids,
        }
    }

    fn number(&self, name: &'static str) -> Result<u64, SpoolError> {
        let number = self.meta.get(name).map_err(|e| failed(self.path, e))?;
        number
            .map(|number| number.value())
            .ok_or_else(|| damaged(self.path, "lacks its own description"))
    }

    /// Refuses tables of another version.
    pub fn check_version(&self) -> Result<(), SpoolError> {
        match self.number("version")? {
            VERSION => Ok(()),
            other => Err(SpoolError::Foreign {
                path: self.path.to_owned(),
                what: format!(
                    "is a spool index of version {other}, this program reads version {VERSION}"
                ),
            }),
        }
    }

    /// How many changes were committed.
    pub fn commits(&self) -> Result<u64, SpoolError> {
        self.number("commits")
    }

    /// The identity of the store.
    pub fn store(&self) -> Result<u64, SpoolError> {
        self.number("store")
    }

    /// The selected files in processing order.
    pub fn list(&self, selection: &Selection) -> Result<Vec<FileInfo>, SpoolError> {
        Ok(self
            .look()
            .select(selection)?
            .into_iter()
            .map(|queued| queued.file)
            .collect())
    }

    /// One file.
    pub fn get(
        &self,
        owner: Userid,
        queue: Queue,
        spid: Spid,
    ) -> Result<Option<FileInfo>, SpoolError> {
        let found = self.look().get(owner, spid)?;
        Ok(found
            .map(|queued| queued.file)
            .filter(|file| file.queue == queue))
    }

    /// Where the blocks of a file are.
    pub fn extents(&self, serial: u64) -> Result<Vec<Extent>, SpoolError> {
        let extents = self.extents.get(serial).map_err(|e| failed(self.path, e))?;
        let extents =
            extents.ok_or_else(|| damaged(self.path, "does not say where a file's records are"))?;
        decode(self.path, extents.value())
    }

    /// The extents of all files, those withheld included.
    pub fn all_extents(&self) -> Result<Vec<(u64, Vec<Extent>)>, SpoolError> {
        let mut all = Vec::new();
        for row in self.extents.iter().map_err(|e| failed(self.path, e))? {
            let (serial, extents) = row.map_err(|e| failed(self.path, e))?;
            all.push((serial.value(), decode(self.path, extents.value())?));
        }
        Ok(all)
    }

    /// Files of one user by queue.
    pub fn counts(&self, owner: Userid) -> Result<QueueCounts, SpoolError> {
        let row = self
            .owners
            .get(owner.padded())
            .map_err(|e| failed(self.path, e))?;
        let owner: Owner = row
            .map(|row| decode(self.path, row.value()))
            .transpose()?
            .unwrap_or_default();
        Ok(owner.counts())
    }

    /// Files of all users by queue.
    pub fn all_counts(&self) -> Result<QueueCounts, SpoolError> {
        let mut all = Owner::default();
        for row in self.owners.iter().map_err(|e| failed(self.path, e))? {
            let (_, row) = row.map_err(|e| failed(self.path, e))?;
            let owner: Owner = decode(self.path, row.value())?;
            for (all, files) in all.files.iter_mut().zip(owner.files) {
                *all += files;
            }
        }
        Ok(all.counts())
    }

    /// Who uses which segment.
    pub fn segments(&self) -> Result<BTreeMap<u32, SegmentUse>, SpoolError> {
        let mut segments = BTreeMap::new();
        for row in self.segments.iter().map_err(|e| failed(self.path, e))? {
            let (number, segment) = row.map_err(|e| failed(self.path, e))?;
            segments.insert(number.value(), decode(self.path, segment.value())?);
        }
        Ok(segments)
    }

    /// Files in no queue because they cannot be read.
    pub fn withheld(&self) -> Result<Vec<FileInfo>, SpoolError> {
        let mut files = Vec::new();
        for row in self.withheld.iter().map_err(|e| failed(self.path, e))? {
            let (_, withheld) = row.map_err(|e| failed(self.path, e))?;
            let Withheld {
                owner,
                queue,
                entry,
            } = decode(self.path, withheld.value())?;
            files.push(entry.info(self.path, owner, queue)?);
        }
        Ok(files)
    }

    /// Whether what is derived from the queues (numbers, counts, segment use) agrees with them; says what does not.
    pub fn disagreements(&self) -> Result<Vec<String>, SpoolError> {
        let mut found = Vec::new();
        let mut owners: HashMap<Userid, [u64; 3]> = HashMap::new();
        let mut files = Vec::new();
        self.look()
            .each(&Selection::default(), |queued| files.push(queued))?;
        for queued in &files {
            let file = &queued.file;
            owners.entry(file.owner).or_default()[usize::from(queue_number(file.queue))] += 1;
            let place = self
                .spids
                .get((file.owner.padded(), file.spid.number()))
                .map_err(|e| failed(self.path, e))?;
            if place.map(|place| place.value()) != Some((queue_number(file.queue), queued.position))
            {
                found.push(format!(
                    "does not list {} {} under its number",
                    file.owner, file.spid
                ));
            }
        }
        if self.spids.len().map_err(|e| failed(self.path, e))? != files.len() as u64 {
            found.push("lists numbers that no file has".to_owned());
        }
        for (owner, files) in owners {
            if self.counts(owner)?
                != (Owner {
                    last_spid: 0,
                    files,
                }
                .counts())
            {
                found.push(format!("counts the files of {owner} wrongly"));
            }
        }
        if self.segments()?
            != segment_use(
                self.all_extents()?
                    .iter()
                    .map(|(_, extents)| extents.as_slice()),
            )
        {
            found.push("counts the use of segments wrongly".to_owned());
        }
        Ok(found)
    }
}

impl Owner {
    fn counts(&self) -> QueueCounts {
        let [reader, printer, punch] = self.files;
        QueueCounts {
            reader,
            printer,
            punch,
        }
    }
}

/// Who uses which segment, from the extents of all files.
fn segment_use<'a>(files: impl Iterator<Item = &'a [Extent]>) -> BTreeMap<u32, SegmentUse> {
    let mut segments: BTreeMap<u32, SegmentUse> = BTreeMap::new();
    for extents in files {
        for number in segments_of(extents) {
            segments.entry(number).or_default().files += 1;
        }
        for extent in extents {
            let segment = segments.entry(extent.segment).or_default();
            segment.bytes += extent.length;
            segment.end = segment.end.max(extent.end());
        }
    }
    segments
}

/// The index in a change.
pub struct Tables<'t> {
    path: &'t Path,
    meta: Table<'t, &'static str, u64>,
    files: Table<'t, FileKey, &'static [u8]>,
    spids: Table<'t, SpidKey, (u8, u64)>,
    extents: Table<'t, u64, &'static [u8]>,
    owners: Table<'t, &'static [u8; 8], &'static [u8]>,
    segments: Table<'t, u32, &'static [u8]>,
    withheld: Table<'t, u64, &'static [u8]>,
}

/// Why an operation was not carried out.
pub enum Failure {
    /// It asks for what cannot be; nothing was touched.
    Refused(SpoolError),
    /// The index failed half way; the whole commit must be given up.
    Broken(SpoolError),
}

impl<'t> Tables<'t> {
    /// Opens the tables, making those that are not there.
    pub fn open(transaction: &'t WriteTransaction, path: &'t Path) -> Result<Self, SpoolError> {
        let fail = |error| failed(path, redb::Error::from(error));
        Ok(Self {
            path,
            meta: transaction.open_table(META).map_err(fail)?,
            files: transaction.open_table(FILES).map_err(fail)?,
            spids: transaction.open_table(SPIDS).map_err(fail)?,
            extents: transaction.open_table(EXTENTS).map_err(fail)?,
            owners: transaction.open_table(OWNERS).map_err(fail)?,
            segments: transaction.open_table(SEGMENTS).map_err(fail)?,
            withheld: transaction.open_table(WITHHELD).map_err(fail)?,
        })
    }

    /// Describes a new store.
    pub fn format(&mut self, store: u64) -> Result<(), SpoolError> {
        for (name, number) in [
            ("version", VERSION),
            ("store", store),
            ("epoch", 0),
            ("commits", 0),
        ] {
            self.meta
                .insert(name, number)
                .map_err(|e| failed(self.path, e))?;
        }
        Ok(())
    }

    fn add(&mut self, name: &'static str) -> Result<u64, SpoolError> {
        let fail = |e| failed(self.path, redb::Error::from(e));
        let number = self
            .meta
            .get(name)
            .map_err(fail)?
            .map_or(0, |number| number.value())
            .saturating_add(1);
        self.meta.insert(name, number).map_err(fail)?;
        Ok(number)
    }

    /// Counts this change.
    pub fn count_commit(&mut self) -> Result<(), SpoolError> {
        self.add("commits").map(drop)
    }

    /// Counts a start and answers the first of the 2^32 serials and positions that are this start's.
    pub fn begin_epoch(&mut self) -> Result<u64, SpoolError> {
        Ok(self.add("epoch")? << 32)
    }

    /// Carries one operation out. `positions` gives the numbers by which files queue up, each higher than the last.
    pub fn apply(
        &mut self,
        operation: &Operation,
        positions: &mut dyn FnMut() -> u64,
        reserved: &dyn Reserved,
    ) -> Result<Outcome, Failure> {
        match operation {
            Operation::Close(written, to) => self
                .close(written, *to, positions, reserved)
                .map(Outcome::Closed),
            Operation::Change(selection, change) => {
                self.change(selection, change).map(Outcome::Count)
            }
            Operation::Order(owner, queue, first) => {
                self.order(*owner, *queue, first).map(Outcome::Count)
            }
            Operation::Purge(selection) => self.purge(selection).map(Outcome::Purged),
            Operation::Transfer(selection, to) => self
                .transfer(selection, *to, positions, reserved)
                .map(Outcome::Moved),
        }
    }

    fn close(
        &mut self,
        written: &Written,
        to: Destination,
        positions: &mut dyn FnMut() -> u64,
        reserved: &dyn Reserved,
    ) -> Result<Closed, Failure> {
        let spid = self
            .free_spid(to.owner, reserved)
            .map_err(Failure::Refused)?;
        let was = match to.owner == written.origin {
            true => spid,
            false => self
                .free_spid(written.origin, reserved)
                .map_err(Failure::Refused)?,
        };
        let file = FileInfo {
            owner: to.owner,
            queue: to.queue,
            spid,
            serial: written.serial,
            origin: written.origin,
            device: written.device,
            created: written.created,
            records: written.records,
            bytes: written.bytes,
            attributes: written.attributes.clone(),
        };
        let mut write = |tables: &mut Self| {
            let extents = encode(tables.path, &written.extents)?;
            tables
                .extents
                .insert(file.serial, extents.as_slice())
                .map_err(|e| failed(tables.path, e))?;
            tables.count_segments(&written.extents, true)?;
            tables.given_out(written.origin, was)?;
            tables.given_out(to.owner, spid)?;
            tables.enqueue(&Queued {
                position: MIDDLE | positions(),
                file: file.clone(),
            })
        };
        write(self).map_err(Failure::Broken)?;
        Ok(Closed { was, file })
    }

    fn change(&mut self, selection: &Selection, change: &Change) -> Result<usize, Failure> {
        let selected = self.select(selection).map_err(Failure::Refused)?;
        for queued in &selected {
            let mut queued = queued.clone();
            change.apply(&mut queued.file.attributes);
            self.put(&queued).map_err(Failure::Broken)?;
        }
        Ok(selected.len())
    }

    fn order(
        &mut self,
        owner: Userid,
        queue: Queue,
        first: &[Selection],
    ) -> Result<usize, Failure> {
        let mut selected: Vec<Queued> = Vec::new();
        for selection in first {
            let selection = Selection {
                owner: Some(owner),
                queue: Some(queue),
                ..selection.clone()
            };
            for queued in self.select(&selection).map_err(Failure::Refused)? {
                if !selected
                    .iter()
                    .any(|earlier| earlier.file.serial == queued.file.serial)
                {
                    selected.push(queued);
                }
            }
        }
        let front = self.front(owner, queue).map_err(Failure::Refused)?;
        let start = front.checked_sub(selected.len() as u64);
        let start = start.ok_or_else(|| {
            Failure::Refused(damaged(self.path, "has no place in front of a queue"))
        })?;
        let mut write = || {
            for queued in &selected {
                self.dequeue(queued)?;
            }
            for (position, queued) in (start..).zip(&selected) {
                self.enqueue(&Queued {
                    position,
                    file: queued.file.clone(),
                })?;
            }
            Ok(())
        };
        write().map_err(Failure::Broken)?;
        Ok(selected.len())
    }

    fn purge(&mut self, selection: &Selection) -> Result<Vec<(u64, Vec<Extent>)>, Failure> {
        let selected = self.select(selection).map_err(Failure::Refused)?;
        let mut gone = Vec::with_capacity(selected.len());
        for queued in &selected {
            gone.push((
                queued.file.serial,
                self.extents_of(queued.file.serial)
                    .map_err(Failure::Refused)?,
            ));
        }
        let mut write = || {
            for (queued, (serial, extents)) in selected.iter().zip(&gone) {
                self.dequeue(queued)?;
                self.extents
                    .remove(serial)
                    .map_err(|e| failed(self.path, e))?;
                self.count_segments(extents, false)?;
            }
            Ok(())
        };
        write().map_err(Failure::Broken)?;
        Ok(gone)
    }

    fn transfer(
        &mut self,
        selection: &Selection,
        to: Destination,
        positions: &mut dyn FnMut() -> u64,
        reserved: &dyn Reserved,
    ) -> Result<Vec<Transferred>, Failure> {
        let selected = self.select(selection).map_err(Failure::Refused)?;
        let coming = selected
            .iter()
            .filter(|queued| queued.file.owner != to.owner)
            .count();
        self.room_for(to.owner, coming, reserved)
            .map_err(Failure::Refused)?;
        let mut write = || {
            let mut moved = Vec::with_capacity(selected.len());
            for queued in &selected {
                let mut file = queued.file.clone();
                self.dequeue(queued)?;
                if file.owner != to.owner {
                    file.spid = self.free_spid(to.owner, reserved)?;
                    self.given_out(to.owner, file.spid)?;
                }
                (file.owner, file.queue) = (to.owner, to.queue);
                self.enqueue(&Queued {
                    position: MIDDLE | positions(),
                    file: file.clone(),
                })?;
                moved.push(Transferred {
                    was: queued.file.clone(),
                    now: file,
                });
            }
            Ok(moved)
        };
        write().map_err(Failure::Broken)
    }

    fn look(&self) -> Look<'_, Table<'t, FileKey, &'static [u8]>, Table<'t, SpidKey, (u8, u64)>> {
        Look {
            path: self.path,
            files: &self.files,
            spids: &self.spids,
        }
    }

    fn select(&self, selection: &Selection) -> Result<Vec<Queued>, SpoolError> {
        self.look().select(selection)
    }

    fn extents_of(&self, serial: u64) -> Result<Vec<Extent>, SpoolError> {
        let extents = self.extents.get(serial).map_err(|e| failed(self.path, e))?;
        extents.map_or(Ok(Vec::new()), |extents| decode(self.path, extents.value()))
    }

    fn owner(&self, owner: Userid) -> Result<Owner, SpoolError> {
        let row = self
            .owners
            .get(owner.padded())
            .map_err(|e| failed(self.path, e))?;
        row.map_or(Ok(Owner::default()), |row| decode(self.path, row.value()))
    }

    fn set_owner(&mut self, userid: Userid, owner: Owner) -> Result<(), SpoolError> {
        let row = encode(self.path, &owner)?;
        self.owners
            .insert(userid.padded(), row.as_slice())
            .map_err(|e| failed(self.path, e))?;
        Ok(())
    }

    /// The number after the one given out last that no file has.
    fn free_spid(&self, userid: Userid, reserved: &dyn Reserved) -> Result<Spid, SpoolError> {
        let owner = self.owner(userid)?;
        if owner.counts().all() < u64::from(Spid::MAX) {
            for step in 0..Spid::MAX {
                let number = (owner.last_spid % Spid::MAX + step) % Spid::MAX + 1;
                let used = self
                    .spids
                    .get((userid.padded(), number))
                    .map_err(|e| failed(self.path, e))?
                    .is_some();
                match Spid::new(number) {
                    Ok(spid) if !used && !reserved.is_reserved(userid, spid) => return Ok(spid),
                    _ => {}
                }
            }
        }
        Err(SpoolError::NoSpoolId(userid))
    }

    /// Whether that many more numbers can be given out.
    fn room_for(
        &self,
        userid: Userid,
        coming: usize,
        reserved: &dyn Reserved,
    ) -> Result<(), SpoolError> {
        let taken = self.owner(userid)?.counts().all();
        // Far from full the exact number does not matter, and few numbers are ever reserved.
        if taken + (coming as u64) < u64::from(Spid::MAX) / 2 {
            return Ok(());
        }
        let mut free = 0;
        for number in 1..=Spid::MAX {
            let used = self
                .spids
                .get((userid.padded(), number))
                .map_err(|e| failed(self.path, e))?
                .is_some();
            free += usize::from(
                !used && Spid::new(number).is_ok_and(|spid| !reserved.is_reserved(userid, spid)),
            );
        }
        if free < coming {
            Err(SpoolError::NoSpoolId(userid))
        } else {
            Ok(())
        }
    }

    /// Remembers the number given out last.
    fn given_out(&mut self, userid: Userid, spid: Spid) -> Result<(), SpoolError> {
        let owner = self.owner(userid)?;
        self.set_owner(
            userid,
            Owner {
                last_spid: spid.number(),
                ..owner
            },
        )
    }

    /// The position of the first file of a queue.
    fn front(&self, owner: Userid, queue: Queue) -> Result<u64, SpoolError> {
        let (owner, queue) = (owner.padded(), queue_number(queue));
        let mut rows = self
            .files
            .range((owner, queue, 0)..=(owner, queue, u64::MAX))
            .map_err(|e| failed(self.path, e))?;
        let first = rows.next().transpose().map_err(|e| failed(self.path, e))?;
        Ok(first.map_or(MIDDLE, |(key, _)| key.value().2))
    }

    fn put(&mut self, queued: &Queued) -> Result<(), SpoolError> {
        let entry = encode(self.path, &Entry::of(&queued.file))?;
        self.files
            .insert(queued.key(), entry.as_slice())
            .map_err(|e| failed(self.path, e))?;
        Ok(())
    }

    fn enqueue(&mut self, queued: &Queued) -> Result<(), SpoolError> {
        self.put(queued)?;
        let FileInfo {
            owner: userid,
            queue,
            spid,
            ..
        } = queued.file;
        let place = (queue_number(queue), queued.position);
        self.spids
            .insert((userid.padded(), spid.number()), place)
            .map_err(|e| failed(self.path, e))?;
        let mut owner = self.owner(userid)?;
        owner.files[usize::from(queue_number(queue))] += 1;
        self.set_owner(userid, owner)
    }

    fn dequeue(&mut self, queued: &Queued) -> Result<(), SpoolError> {
        let FileInfo {
            owner: userid,
            queue,
            spid,
            ..
        } = queued.file;
        self.files
            .remove(queued.key())
            .map_err(|e| failed(self.path, e))?;
        self.spids
            .remove((userid.padded(), spid.number()))
            .map_err(|e| failed(self.path, e))?;
        let mut owner = self.owner(userid)?;
        let files = &mut owner.files[usize::from(queue_number(queue))];
        *files = files.saturating_sub(1);
        self.set_owner(userid, owner)
    }

    fn count_segments(&mut self, extents: &[Extent], coming: bool) -> Result<(), SpoolError> {
        for (number, change) in segment_use(std::iter::once(extents)) {
            let row = self
                .segments
                .get(number)
                .map_err(|e| failed(self.path, e))?;
            let now: SegmentUse = row.map_or(Ok(SegmentUse::default()), |row| {
                decode(self.path, row.value())
            })?;
            let now = match coming {
                true => SegmentUse {
                    files: now.files + change.files,
                    bytes: now.bytes + change.bytes,
                    end: now.end.max(change.end),
                },
                false => SegmentUse {
                    files: now.files.saturating_sub(change.files),
                    bytes: now.bytes.saturating_sub(change.bytes),
                    end: now.end,
                },
            };
            self.set_segment(number, now)?;
        }
        Ok(())
    }

    fn set_segment(&mut self, number: u32, segment: SegmentUse) -> Result<(), SpoolError> {
        if segment.files == 0 {
            self.segments
                .remove(number)
                .map_err(|e| failed(self.path, e))?;
        } else {
            let row = encode(self.path, &segment)?;
            self.segments
                .insert(number, row.as_slice())
                .map_err(|e| failed(self.path, e))?;
        }
        Ok(())
    }

    /// Takes files out of their queues without giving up their records.
    pub fn withhold(&mut self, files: &[FileInfo]) -> Result<(), SpoolError> {
        for file in files {
            let selection = Selection {
                serial: Some(file.serial),
                ..Selection::of(file.owner).spid(file.spid)
            };
            for queued in self.select(&selection)? {
                self.dequeue(&queued)?;
                let Queued { file, .. } = &queued;
                let withheld = Withheld {
                    owner: file.owner,
                    queue: file.queue,
                    entry: Entry::of(file),
                };
                let row = encode(self.path, &withheld)?;
                self.withheld
                    .insert(file.serial, row.as_slice())
                    .map_err(|e| failed(self.path, e))?;
            }
        }
        Ok(())
    }

    /// Makes everything that is derived from the queues anew: numbers, counts, segment use.
    pub fn rebuild(&mut self) -> Result<(), SpoolError> {
        let fail = |path, e| failed(path, redb::Error::from(e));
        let mut files = Vec::new();
        self.look()
            .each(&Selection::default(), |queued| files.push(queued))?;
        let mut extents: Vec<Vec<Extent>> = Vec::new();
        for row in self.extents.iter().map_err(|e| fail(self.path, e))? {
            let (_, row) = row.map_err(|e| fail(self.path, e))?;
            extents.push(decode(self.path, row.value())?);
        }
        self.spids
            .retain(|_, _| false)
            .map_err(|e| fail(self.path, e))?;
        self.segments
            .retain(|_, _| false)
            .map_err(|e| fail(self.path, e))?;
        let owners: Vec<Userid> = files.iter().map(|queued| queued.file.owner).collect();
        self.owners
            .retain(|owner, _| Userid::from_padded(owner).is_some())
            .map_err(|e| fail(self.path, e))?;
        for userid in owners {
            let owner = self.owner(userid).unwrap_or_default();
            self.set_owner(
                userid,
                Owner {
                    files: [0; 3],
                    ..owner
                },
            )?;
        }
        for (number, segment) in segment_use(extents.iter().map(Vec::as_slice)) {
            self.set_segment(number, segment)?;
        }
        for mut queued in files {
            let FileInfo { owner, spid, .. } = queued.file;
            if self
                .spids
                .get((owner.padded(), spid.number()))
                .map_err(|e| fail(self.path, e))?
                .is_some()
            {
                queued.file.spid = self.free_spid(owner, &NothingReserved)?;
            }
            self.enqueue(&queued)?;
        }
        Ok(())
    }
}

struct NothingReserved;

impl Reserved for NothingReserved {
    fn is_reserved(&self, _: Userid, _: Spid) -> bool {
        false
    }
}
