//! What the index says: the tables, and every change of them.
//!
//! ```text
//! meta      name -> number                          version, store, epoch (starts so far), commits
//! files     (owner, queue, position) -> Entry       the queues, in processing order
//! spids     (owner, spid) -> (queue, position)      where each number is
//! extents   serial -> [Extent]                      where the records are
//! owners    owner -> Owner                          files per queue, and the number given out last
//! segments  number -> SegmentUse                    how many files of the queues use a segment, and how far it is filled
//! withheld  serial -> Withheld                      unreadable files that a FORCE start or a repair took out of the queues
//! ```
//!
//! A change first looks and decides, and refuses before it has touched anything; then it writes. An error while writing
//! fails the whole commit. So a refused operation leaves the others of its group alone.

use std::collections::BTreeMap;
use std::path::Path;

use redb::{ReadableTable, TableDefinition};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::attributes::{
    Attributes, Change, Closed, Destination, Device, FileInfo, Queue, QueueCounts, Selection, Spid, Transferred, Userid,
};
use crate::error::SpoolError;
use crate::index::At;
use crate::segments::{Extent, segments_of};

mod change;
mod derived;
mod upgrade;
mod view;

pub use change::{Failure, Tables};
pub use view::View;

/// Version of the tables.
const VERSION: u64 = 2;

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
    longest: u16,
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
    /// Bytes of the longest record.
    pub longest: u16,
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
    /// Queue a file that was loaded, under that number if it is free.
    Load(Written, Destination, Spid),
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

/// What limits the files of a user.
pub trait Limits {
    /// Whether that number must not be given out though no file has it.
    fn is_reserved(&self, owner: Userid, spid: Spid) -> bool;
    /// How many files the user may have.
    fn files(&self, owner: Userid) -> u16;
}

fn queue_number(queue: Queue) -> u8 {
    match queue {
        Queue::Reader => 0,
        Queue::Printer => 1,
        Queue::Punch => 2,
    }
}

fn encode<T: Serialize>(path: &Path, value: &T) -> Result<Vec<u8>, SpoolError> {
    postcard::to_stdvec(value).map_err(|error| damaged(path, &format!("cannot hold a row ({error})")))
}

fn decode<T: DeserializeOwned>(path: &Path, bytes: &[u8]) -> Result<T, SpoolError> {
    match postcard::take_from_bytes(bytes) {
        Ok((value, [])) => Ok(value),
        _ => Err(damaged(path, "has a row that cannot be read")),
    }
}

fn damaged(path: &Path, what: &str) -> SpoolError {
    SpoolError::IndexLost { path: path.to_owned(), what: what.to_owned() }
}

impl Entry {
    fn info(self, path: &Path, owner: Userid, queue: Queue) -> Result<FileInfo, SpoolError> {
        Ok(FileInfo {
            owner,
            queue,
            spid: Spid::new(self.spid).map_err(|_| damaged(path, "has a row with a wrong spool id"))?,
            serial: self.serial,
            origin: self.origin,
            device: self.device,
            created: self.created,
            records: self.records,
            bytes: self.bytes,
            longest: self.longest,
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
            longest: file.longest,
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
        (self.file.owner.padded(), queue_number(self.file.queue), self.position)
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
        let owner = Userid::from_padded(owner).ok_or_else(|| damaged(self.path, "has a row of a wrong userid"))?;
        let queue = *Queue::ALL.get(usize::from(queue)).ok_or_else(|| damaged(self.path, "has a row of no queue"))?;
        let entry: Entry = decode(self.path, entry)?;
        Ok(Queued { position, file: entry.info(self.path, owner, queue)? })
    }

    fn get(&self, owner: Userid, spid: Spid) -> Result<Option<Queued>, SpoolError> {
        let Some(place) = self.spids.get((owner.padded(), spid.number())).at(self.path)? else {
            return Ok(None);
        };
        let (queue, position) = place.value();
        let key = (owner.padded(), queue, position);
        let entry = self.files.get(key).at(self.path)?;
        let entry = entry.ok_or_else(|| damaged(self.path, "has a spool id without its file"))?;
        self.queued(key, entry.value()).map(Some)
    }

    /// The selected files in processing order. Looks at no more files than those of the owner selected.
    fn select(&self, selection: &Selection) -> Result<Vec<Queued>, SpoolError> {
        let mut found = Vec::new();
        if let (Some(owner), false) = (selection.owner, selection.spids.is_empty()) {
            for spid in &selection.spids {
                found.extend(self.get(owner, *spid)?.filter(|queued| selection.matches(&queued.file)));
            }
            found.sort_by_key(|queued| (queued.file.queue, queued.position));
            found.dedup_by_key(|queued| queued.file.serial);
            return Ok(found);
        }
        self.each(selection, |queued| found.push(queued))?;
        Ok(found)
    }

    /// Every selected file in processing order. Looks at no queue but those selected.
    fn each(&self, selection: &Selection, mut seen: impl FnMut(Queued)) -> Result<(), SpoolError> {
        match (selection.owner, selection.queue) {
            (Some(owner), Some(queue)) => {
                let queue = queue_number(queue);
                self.between((owner.padded(), queue), (owner.padded(), queue), selection, &mut seen)
            }
            (Some(owner), None) => self.between((owner.padded(), 0), (owner.padded(), u8::MAX), selection, &mut seen),
            (None, None) => self.between((&[0; 8], 0), (&[0xff; 8], u8::MAX), selection, &mut seen),
            (None, Some(queue)) => {
                let queue = queue_number(queue);
                let mut owner = Some([0; 8]);
                while let Some(from) = owner {
                    owner = match self.files.range((&from, queue, 0)..).at(self.path)?.next().transpose().at(self.path)? {
                        None => None,
                        Some((key, _)) => match key.value() {
                            (there, on, _) if *there == from && on == queue => {
                                self.between((&from, queue), (&from, queue), selection, &mut seen)?;
                                successor(from)
                            }
                            // The next owner's files begin with a queue in front of this one, or this one.
                            (there, on, _) if on <= queue => Some(*there),
                            (there, ..) => successor(*there),
                        },
                    };
                }
                Ok(())
            }
        }
    }

    /// The selected files from one user's queue to another one's.
    fn between(
        &self,
        (low, first): (&[u8; 8], u8),
        (high, last): (&[u8; 8], u8),
        selection: &Selection,
        seen: &mut impl FnMut(Queued),
    ) -> Result<(), SpoolError> {
        for row in self.files.range((low, first, 0)..=(high, last, u64::MAX)).at(self.path)? {
            let (key, entry) = row.at(self.path)?;
            let queued = self.queued(key.value(), entry.value())?;
            if selection.matches(&queued.file) {
                seen(queued);
            }
        }
        Ok(())
    }
}

/// The name behind this one, whatever is a name.
fn successor(name: [u8; 8]) -> Option<[u8; 8]> {
    u64::from_be_bytes(name).checked_add(1).map(u64::to_be_bytes)
}

impl Owner {
    fn counts(&self) -> QueueCounts {
        let [reader, printer, punch] = self.files;
        QueueCounts { reader, printer, punch }
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
            segment.bytes = segment.bytes.saturating_add(extent.length);
            segment.end = segment.end.max(extent.end());
        }
    }
    segments
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use proptest::prelude::*;

    use super::*;
    use crate::disk::{Disk, HostDisk};
    use crate::index::Index;

    fn index(directory: &Path) -> Result<Index, SpoolError> {
        let path = directory.join("index");
        let file = match HostDisk.create(&path) {
            Ok(file) => {
                Index::format(&path, &file, 7)?;
                file
            }
            Err(_) => HostDisk.open(&path).unwrap(),
        };
        Index::open(&path, Arc::clone(&file))
    }

    #[test]
    fn an_index_of_another_version_is_refused_with_both_versions() {
        let directory = tempfile::tempdir().unwrap();
        let ours = index(directory.path()).unwrap();
        ours.write(|tables| tables.meta.insert("version", VERSION + 1).at(tables.path).map(drop)).unwrap();
        drop(ours);
        let refused = index(directory.path()).unwrap_err();
        assert!(matches!(refused, SpoolError::Version { found: 3, known: VERSION, .. }), "{refused}");
    }

    #[test]
    fn a_row_that_cannot_be_read_is_an_error_that_names_the_index() {
        let directory = tempfile::tempdir().unwrap();
        let index = index(directory.path()).unwrap();
        let owner = Userid::new("ALICE").unwrap();
        for key in [(owner.padded(), 0, 5), (owner.padded(), 9, 5), (b"lower   ", 0, 5)] {
            index
                .write(|tables| {
                    tables.files.retain(|_, _| false).at(tables.path)?;
                    tables.files.insert(key, b"rubbish".as_slice()).at(tables.path).map(drop)
                })
                .unwrap();
            let refused = index.read(|view| view.list(&Selection::default())).unwrap_err();
            assert!(refused.to_string().contains("index"), "{refused}");
        }
    }

    #[test]
    fn one_queue_of_all_users_is_listed_without_a_look_at_the_others() {
        let directory = tempfile::tempdir().unwrap();
        let index = index(directory.path()).unwrap();
        let [alice, bob, carol, zoe] = ["ALICE", "BOB", "CAROL", "ZZZZZZZZ"].map(|name| Userid::new(name).unwrap());
        let attributes = Attributes::default();
        let entry = |serial| Entry {
            serial,
            spid: 1,
            origin: alice,
            device: Device::Printer,
            created: 2,
            records: 3,
            bytes: 4,
            longest: 4,
            attributes: attributes.clone(),
        };
        index
            .write(|tables| {
                for (owner, position, serial) in [(alice, 5, 1), (alice, 7, 2), (zoe, 5, 3), (zoe, u64::MAX, 4)] {
                    let row = encode(tables.path, &entry(serial))?;
                    tables.files.insert((owner.padded(), 1, position), row.as_slice()).at(tables.path)?;
                }
                // Whoever reads one of these fails.
                for (owner, queue) in [(alice, 0), (alice, 2), (bob, 0), (carol, 2), (zoe, 2)] {
                    tables.files.insert((owner.padded(), queue, 5), b"rubbish".as_slice()).at(tables.path)?;
                }
                Ok(())
            })
            .unwrap();
        let printer = Selection::default().on(Queue::Printer);
        let listed = index.read(|view| view.list(&printer)).unwrap();
        assert_eq!(listed.iter().map(|file| (file.owner, file.serial)).collect::<Vec<_>>(), [(alice, 1), (alice, 2), (zoe, 3), (zoe, 4)]);
        index.read(|view| view.list(&Selection::default().on(Queue::Punch))).unwrap_err();
        index.read(|view| view.list(&Selection::default())).unwrap_err();
    }

    proptest! {
        #[test]
        fn no_bytes_in_a_row_are_a_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let path = Path::new("index");
            let _ = decode::<Entry>(path, &bytes);
            let _ = decode::<Withheld>(path, &bytes);
            if let Ok(extents) = decode::<Vec<Extent>>(path, &bytes) {
                segment_use(std::iter::once(extents.as_slice()));
            }
        }

        #[test]
        fn rows_read_back(number in 1..=9999_u16, tag in "[ -~]{0,136}", name in "[!-~]{1,8}") {
            let path = Path::new("index");
            let origin = Userid::new("ALICE").unwrap();
            let attributes = Attributes {
                tag: crate::Tag::new(&tag).unwrap(),
                name: crate::FileName::File(crate::Word::new(&name).unwrap(), None),
                ..Attributes::default()
            };
            let entry = Entry {
                serial: 1, spid: number, origin, device: Device::Punch, created: 2, records: 3, bytes: 4, longest: 4, attributes,
            };
            let file = entry.info(path, origin, Queue::Punch).unwrap();
            let bytes = encode(path, &Entry::of(&file)).unwrap();
            let back: Entry = decode(path, &bytes).unwrap();
            prop_assert_eq!(back.info(path, origin, Queue::Punch).unwrap(), file);
            prop_assert!(decode::<Entry>(path, &bytes[..bytes.len() - 1]).is_err());
        }
    }
}
