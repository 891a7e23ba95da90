//! Reading the index: a snapshot as of one commit.

use std::collections::BTreeMap;
use std::path::Path;

use redb::{ReadOnlyTable, ReadTransaction, ReadableTable};

use super::{
    EXTENTS, FILES, FileKey, Look, META, OWNERS, Owner, SEGMENTS, SPIDS, SegmentUse, SpidKey, VERSION, WITHHELD, Withheld, damaged, decode,
};
use crate::attributes::{FileInfo, Queue, QueueCounts, Selection, Spid, Userid};
use crate::error::SpoolError;
use crate::index::{At, failed};
use crate::segments::{Extent, segments_of};

type Files = ReadOnlyTable<FileKey, &'static [u8]>;
type Spids = ReadOnlyTable<SpidKey, (u8, u64)>;

/// The index as of one commit.
pub struct View<'a> {
    pub(super) path: &'a Path,
    pub(super) meta: ReadOnlyTable<&'static str, u64>,
    pub(super) files: Files,
    pub(super) spids: Spids,
    pub(super) extents: ReadOnlyTable<u64, &'static [u8]>,
    pub(super) owners: ReadOnlyTable<&'static [u8; 8], &'static [u8]>,
    pub(super) segments: ReadOnlyTable<u32, &'static [u8]>,
    pub(super) withheld: ReadOnlyTable<u64, &'static [u8]>,
}

impl<'a> View<'a> {
    /// Opens the tables. A database without them is no index of ours.
    pub fn open(transaction: &ReadTransaction, path: &'a Path) -> Result<Self, SpoolError> {
        let fail = |error: redb::TableError| match error {
            redb::TableError::Storage(error) => failed(path, error),
            _ => SpoolError::IndexLost { path: path.to_owned(), what: "is not a spool index".to_owned() },
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

    pub(super) fn look(&self) -> Look<'_, Files, Spids> {
        Look { path: self.path, files: &self.files, spids: &self.spids }
    }

    fn number(&self, name: &'static str) -> Result<u64, SpoolError> {
        let number = self.meta.get(name).at(self.path)?;
        number.map(|number| number.value()).ok_or_else(|| damaged(self.path, "lacks its own description"))
    }

    /// Refuses tables of another version.
    pub fn check_version(&self) -> Result<(), SpoolError> {
        match self.number("version")? {
            VERSION => Ok(()),
            found => Err(SpoolError::Version { path: self.path.to_owned(), found, known: VERSION }),
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
        Ok(self.look().select(selection)?.into_iter().map(|queued| queued.file).collect())
    }

    /// Every selected file in processing order.
    pub fn each(&self, selection: &Selection, mut seen: impl FnMut(FileInfo)) -> Result<(), SpoolError> {
        self.look().each(selection, |queued| seen(queued.file))
    }

    /// One file.
    pub fn get(&self, owner: Userid, queue: Queue, spid: Spid) -> Result<Option<FileInfo>, SpoolError> {
        let found = self.look().get(owner, spid)?;
        Ok(found.map(|queued| queued.file).filter(|file| file.queue == queue))
    }

    /// Where the blocks of a file are.
    pub fn extents(&self, serial: u64) -> Result<Vec<Extent>, SpoolError> {
        let extents = self.extents.get(serial).at(self.path)?;
        let extents = extents.ok_or_else(|| damaged(self.path, "does not say where a file's records are"))?;
        decode(self.path, extents.value())
    }

    /// The segments that withheld files have blocks in, with the number of those files.
    pub fn kept_segments(&self) -> Result<BTreeMap<u32, u64>, SpoolError> {
        let mut kept = BTreeMap::new();
        for file in self.withheld()? {
            for number in segments_of(&self.extents(file.serial)?) {
                *kept.entry(number).or_default() += 1;
            }
        }
        Ok(kept)
    }

    /// Bytes of the blocks of all files, those withheld included.
    pub fn taken(&self) -> Result<u64, SpoolError> {
        let mut bytes = self.segments()?.values().fold(0_u64, |sum, segment| sum.saturating_add(segment.bytes));
        for file in self.withheld()? {
            bytes = self.extents(file.serial)?.iter().fold(bytes, |sum, extent| sum.saturating_add(extent.length));
        }
        Ok(bytes)
    }

    /// The extents of all files, those withheld included.
    pub fn all_extents(&self) -> Result<Vec<(u64, Vec<Extent>)>, SpoolError> {
        let mut all = Vec::new();
        for row in self.extents.iter().at(self.path)? {
            let (serial, extents) = row.at(self.path)?;
            all.push((serial.value(), decode(self.path, extents.value())?));
        }
        Ok(all)
    }

    /// Files of one user by queue.
    pub fn counts(&self, owner: Userid) -> Result<QueueCounts, SpoolError> {
        let row = self.owners.get(owner.padded()).at(self.path)?;
        let owner: Owner = row.map(|row| decode(self.path, row.value())).transpose()?.unwrap_or_default();
        Ok(owner.counts())
    }

    /// Files of all users by queue.
    pub fn all_counts(&self) -> Result<QueueCounts, SpoolError> {
        let mut all = Owner::default();
        for row in self.owners.iter().at(self.path)? {
            let (_, row) = row.at(self.path)?;
            let owner: Owner = decode(self.path, row.value())?;
            for (all, files) in all.files.iter_mut().zip(owner.files) {
                *all = all.saturating_add(files);
            }
        }
        Ok(all.counts())
    }

    /// Who uses which segment.
    pub fn segments(&self) -> Result<BTreeMap<u32, SegmentUse>, SpoolError> {
        let mut segments = BTreeMap::new();
        for row in self.segments.iter().at(self.path)? {
            let (number, segment) = row.at(self.path)?;
            segments.insert(number.value(), decode(self.path, segment.value())?);
        }
        Ok(segments)
    }

    /// Files in no queue because they cannot be read.
    pub fn withheld(&self) -> Result<Vec<FileInfo>, SpoolError> {
        let mut files = Vec::new();
        for row in self.withheld.iter().at(self.path)? {
            let (_, withheld) = row.at(self.path)?;
            let Withheld { owner, queue, entry } = decode(self.path, withheld.value())?;
            files.push(entry.info(self.path, owner, queue)?);
        }
        Ok(files)
    }
}
