//! Bringing the tables of an earlier version to this one.

use redb::ReadableTable;
use serde::{Deserialize, Serialize};

use super::{Entry, Tables, VERSION, Withheld, decode, encode};
use crate::attributes::{Attributes, Device, Queue, Userid};
use crate::error::SpoolError;
use crate::index::At;

/// The version that did not know how long the longest record of a file is.
const WITHOUT_LONGEST: u64 = 1;

/// [`Entry`] as version 1 had it.
#[derive(Serialize, Deserialize)]
struct Entry1 {
    serial: u64,
    spid: u16,
    origin: Userid,
    device: Device,
    created: u64,
    records: u64,
    bytes: u64,
    attributes: Attributes,
}

/// [`Withheld`] as version 1 had it.
#[derive(Serialize, Deserialize)]
struct Withheld1 {
    owner: Userid,
    queue: Queue,
    entry: Entry1,
}

impl From<Entry1> for Entry {
    /// The longest record is taken to be as long as the device writes.
    fn from(old: Entry1) -> Self {
        let Entry1 { serial, spid, origin, device, created, records, bytes, attributes } = old;
        Self { serial, spid, origin, device, created, records, bytes, longest: device.width(), attributes }
    }
}

impl Tables<'_> {
    /// Rewrites the tables of a version this program can bring up to date; leaves all others alone. Answers whether it did.
    pub fn upgrade(&mut self) -> Result<bool, SpoolError> {
        if self.meta.get("version").at(self.path)?.map(|version| version.value()) != Some(WITHOUT_LONGEST) {
            return Ok(false);
        }
        let mut files = Vec::new();
        for row in self.files.iter().at(self.path)? {
            let (key, entry) = row.at(self.path)?;
            let (owner, queue, position) = key.value();
            let entry = Entry::from(decode::<Entry1>(self.path, entry.value())?);
            files.push(((*owner, queue, position), encode(self.path, &entry)?));
        }
        for ((owner, queue, position), entry) in files {
            self.files.insert((&owner, queue, position), entry.as_slice()).at(self.path)?;
        }
        let mut withheld = Vec::new();
        for row in self.withheld.iter().at(self.path)? {
            let (serial, row) = row.at(self.path)?;
            let Withheld1 { owner, queue, entry } = decode(self.path, row.value())?;
            withheld.push((serial.value(), encode(self.path, &Withheld { owner, queue, entry: entry.into() })?));
        }
        for (serial, row) in withheld {
            self.withheld.insert(serial, row.as_slice()).at(self.path)?;
        }
        self.meta.insert("version", VERSION).at(self.path)?;
        Ok(true)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::attributes::Selection;
    use crate::catalog::{encode, queue_number};
    use crate::disk::{Disk, HostDisk};
    use crate::index::Index;

    #[test]
    fn an_index_of_version_1_keeps_its_files_and_is_of_this_version_then() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("index");
        let file = HostDisk.create(&path).unwrap();
        Index::format(&path, &file, 7).unwrap();
        let owner = Userid::new("ALICE").unwrap();
        let entry = |serial, device| Entry1 {
            serial,
            spid: 12,
            origin: owner,
            device,
            created: 34,
            records: 56,
            bytes: 78,
            attributes: Attributes::default(),
        };
        let index = Index::open(&path, Arc::clone(&file)).unwrap();
        index
            .write(|tables| {
                let row = encode(tables.path, &entry(5, Device::Punch))?;
                tables.files.insert((owner.padded(), queue_number(Queue::Reader), 9), row.as_slice()).at(tables.path)?;
                let withheld = Withheld1 { owner, queue: Queue::Printer, entry: entry(6, Device::Console) };
                tables.withheld.insert(6, encode(tables.path, &withheld)?.as_slice()).at(tables.path)?;
                tables.meta.insert("version", WITHOUT_LONGEST).at(tables.path).map(drop)
            })
            .unwrap();
        drop(index);
        for _ in 0..2 {
            let index = Index::open(&path, Arc::clone(&file)).unwrap();
            let (files, withheld) = index.read(|view| Ok((view.list(&Selection::default())?, view.withheld()?))).unwrap();
            let files: Vec<_> = files.iter().chain(&withheld).map(|f| (f.serial, f.spid.number(), f.bytes, f.longest)).collect();
            assert_eq!(files, [(5, 12, 78, 80), (6, 12, 78, 132)]);
        }
    }
}
