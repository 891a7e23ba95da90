//! What follows from the queues (numbers, counts, use of segments): whether it agrees, and making it anew.

use std::collections::HashMap;

use redb::{ReadableTable, ReadableTableMetadata};

use super::{Owner, Reserved, Tables, View, decode, queue_number, segment_use};
use crate::attributes::{FileInfo, Selection, Spid, Userid};
use crate::error::SpoolError;
use crate::index::At;
use crate::segments::Extent;

impl View<'_> {
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
                .at(self.path)?;
            if place.map(|place| place.value()) != Some((queue_number(file.queue), queued.position))
            {
                found.push(format!(
                    "does not list {} {} under its number",
                    file.owner, file.spid
                ));
            }
        }
        if self.spids.len().at(self.path)? != files.len() as u64 {
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

impl Tables<'_> {
    /// Makes everything that is derived from the queues anew: numbers, counts, segment use.
    pub fn rebuild(&mut self) -> Result<(), SpoolError> {
        let mut files = Vec::new();
        self.look()
            .each(&Selection::default(), |queued| files.push(queued))?;
        let mut extents: Vec<Vec<Extent>> = Vec::new();
        for row in self.extents.iter().at(self.path)? {
            let (_, row) = row.at(self.path)?;
            extents.push(decode(self.path, row.value())?);
        }
        self.spids.retain(|_, _| false).at(self.path)?;
        self.segments.retain(|_, _| false).at(self.path)?;
        let owners: Vec<Userid> = files.iter().map(|queued| queued.file.owner).collect();
        self.owners
            .retain(|owner, _| Userid::from_padded(owner).is_some())
            .at(self.path)?;
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
                .at(self.path)?
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
