//! What follows from the queues (numbers, counts, use of segments): whether it agrees, and making it anew.

use std::collections::{BTreeMap, HashMap};

use redb::{ReadableTable, ReadableTableMetadata};

use super::{Limits, Owner, Queued, SegmentUse, Tables, View, queue_number, segment_use};
use crate::attributes::{FileInfo, Selection, Spid, Userid};
use crate::error::SpoolError;
use crate::index::At;

impl View<'_> {
    /// Says where what is derived from the queues (numbers, counts, segment use) does not agree with them.
    pub fn disagreements(&self) -> Result<Vec<String>, SpoolError> {
        let mut files = Vec::new();
        self.look().each(&Selection::default(), |queued| files.push(queued))?;
        let mut found = self.number_disagreements(&files)?;
        found.extend(self.count_disagreements(&files)?);
        let mut extents = Vec::new();
        for queued in &files {
            // A file without extents is found unreadable, which says more.
            extents.push(self.extents(queued.file.serial).unwrap_or_default());
        }
        if !agree(&self.segments()?, &segment_use(extents.iter().map(Vec::as_slice))) {
            found.push("counts the use of segments wrongly".to_owned());
        }
        Ok(found)
    }

    fn number_disagreements(&self, files: &[Queued]) -> Result<Vec<String>, SpoolError> {
        let mut found = Vec::new();
        for queued in files {
            let FileInfo { owner, queue, spid, .. } = queued.file;
            let place = self.spids.get((owner.padded(), spid.number())).at(self.path)?;
            if place.map(|place| place.value()) != Some((queue_number(queue), queued.position)) {
                found.push(format!("does not list file {spid} of {owner} under its number"));
            }
        }
        if self.spids.len().at(self.path)? != files.len() as u64 {
            found.push("does not have as many numbers as files".to_owned());
        }
        Ok(found)
    }

    fn count_disagreements(&self, files: &[Queued]) -> Result<Vec<String>, SpoolError> {
        let mut owners: HashMap<Userid, Owner> = HashMap::new();
        for FileInfo { owner, queue, .. } in files.iter().map(|queued| &queued.file) {
            owners.entry(*owner).or_default().files[usize::from(queue_number(*queue))] += 1;
        }
        let mut found = Vec::new();
        for (userid, owner) in owners {
            if self.counts(userid)? != owner.counts() {
                found.push(format!("counts the files of {userid} wrongly"));
            }
        }
        if self.all_counts()?.all() != files.len() as u64 {
            found.push("counts files that are not there".to_owned());
        }
        Ok(found)
    }
}

/// Whether the use of segments is as it should be. Their ends stay where they were when files go.
fn agree(recorded: &BTreeMap<u32, SegmentUse>, derived: &BTreeMap<u32, SegmentUse>) -> bool {
    recorded.keys().eq(derived.keys())
        && recorded
            .values()
            .zip(derived.values())
            .all(|(recorded, derived)| recorded.files == derived.files && recorded.bytes == derived.bytes && recorded.end >= derived.end)
}

impl Tables<'_> {
    /// Makes everything that is derived from the queues anew: numbers, counts, segment use.
    ///
    /// Of two files with one number the second gets another.
    pub fn rebuild(&mut self) -> Result<(), SpoolError> {
        let mut files = Vec::new();
        self.look().each(&Selection::default(), |queued| files.push(queued))?;
        self.spids.retain(|_, _| false).at(self.path)?;
        self.segments.retain(|_, _| false).at(self.path)?;
        self.forget_counts()?;
        for mut queued in files {
            let FileInfo { owner, spid, serial, .. } = queued.file;
            if self.spids.get((owner.padded(), spid.number())).at(self.path)?.is_some() {
                queued.file.spid = self.free_spid(owner, &NoLimits)?;
            }
            self.enqueue(&queued)?;
            let extents = self.extents_of(serial)?;
            self.count_segments(&extents, true)?;
        }
        Ok(())
    }

    /// Sets every owner's counts to nothing, and keeps the numbers given out last.
    fn forget_counts(&mut self) -> Result<(), SpoolError> {
        let mut owners = Vec::new();
        for row in self.owners.iter().at(self.path)? {
            let (userid, _) = row.at(self.path)?;
            owners.extend(Userid::from_padded(userid.value()));
        }
        self.owners.retain(|userid, _| Userid::from_padded(userid).is_some()).at(self.path)?;
        for userid in owners {
            let owner = self.owner(userid).unwrap_or_default();
            self.set_owner(userid, Owner { files: [0; 3], ..owner })?;
        }
        Ok(())
    }
}

struct NoLimits;

impl Limits for NoLimits {
    fn is_reserved(&self, _: Userid, _: Spid) -> bool {
        false
    }

    fn files(&self, _: Userid) -> u16 {
        Spid::MAX
    }
}
