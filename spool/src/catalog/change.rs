//! Changing the index: every operation, decided first and then written.

use std::collections::HashSet;
use std::path::Path;

use redb::{ReadableTable, Table, WriteTransaction};

use super::{
    EXTENTS, Entry, FILES, FileKey, Limits, Look, META, MIDDLE, OWNERS, Operation, Outcome, Owner, Queued, SEGMENTS, SPIDS, SegmentUse,
    SpidKey, VERSION, WITHHELD, Withheld, Written, damaged, decode, encode, queue_number, segment_use,
};
use crate::attributes::{Change, Closed, Destination, FileInfo, Queue, Selection, Spid, Transferred, Userid};
use crate::error::SpoolError;
use crate::index::At;
use crate::segments::Extent;

type Files<'t> = Table<'t, FileKey, &'static [u8]>;
type Spids<'t> = Table<'t, SpidKey, (u8, u64)>;

/// The index in a change.
pub struct Tables<'t> {
    pub(super) path: &'t Path,
    pub(super) meta: Table<'t, &'static str, u64>,
    pub(super) files: Files<'t>,
    pub(super) spids: Spids<'t>,
    pub(super) extents: Table<'t, u64, &'static [u8]>,
    pub(super) owners: Table<'t, &'static [u8; 8], &'static [u8]>,
    pub(super) segments: Table<'t, u32, &'static [u8]>,
    pub(super) withheld: Table<'t, u64, &'static [u8]>,
    /// Numbers that this change took from files. They are not given out again by it: until it is committed, somebody may
    /// still open the file that had the number.
    freed: HashSet<(Userid, Spid)>,
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
        Ok(Self {
            path,
            meta: transaction.open_table(META).at(path)?,
            files: transaction.open_table(FILES).at(path)?,
            spids: transaction.open_table(SPIDS).at(path)?,
            extents: transaction.open_table(EXTENTS).at(path)?,
            owners: transaction.open_table(OWNERS).at(path)?,
            segments: transaction.open_table(SEGMENTS).at(path)?,
            withheld: transaction.open_table(WITHHELD).at(path)?,
            freed: HashSet::new(),
        })
    }

    /// Describes a new store.
    pub fn format(&mut self, store: u64) -> Result<(), SpoolError> {
        for (name, number) in [("version", VERSION), ("store", store), ("epoch", 0), ("commits", 0)] {
            self.meta.insert(name, number).at(self.path)?;
        }
        Ok(())
    }

    fn add(&mut self, name: &'static str) -> Result<u64, SpoolError> {
        let number = self.meta.get(name).at(self.path)?.map_or(0, |number| number.value()).saturating_add(1);
        self.meta.insert(name, number).at(self.path)?;
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
    pub fn apply(&mut self, operation: &Operation, positions: &mut dyn FnMut() -> u64, limits: &dyn Limits) -> Result<Outcome, Failure> {
        match operation {
            Operation::Close(written, to) => self.close(written, *to, None, positions, limits).map(Outcome::Closed),
            Operation::Load(written, to, spid) => self.close(written, *to, Some(*spid), positions, limits).map(Outcome::Closed),
            Operation::Change(selection, change) => self.change(selection, change).map(Outcome::Count),
            Operation::Order(owner, queue, first) => self.order(*owner, *queue, first).map(Outcome::Count),
            Operation::Purge(selection) => self.purge(selection).map(Outcome::Purged),
            Operation::Transfer(selection, to) => self.transfer(selection, *to, positions, limits).map(Outcome::Moved),
        }
    }

    fn close(
        &mut self,
        written: &Written,
        to: Destination,
        wanted: Option<Spid>,
        positions: &mut dyn FnMut() -> u64,
        limits: &dyn Limits,
    ) -> Result<Closed, Failure> {
        self.may_have(to.owner, 1, limits).map_err(Failure::Refused)?;
        let spid = self.number_for(to.owner, wanted, limits).map_err(Failure::Refused)?;
        // What is loaded was made long ago: its maker's numbers have nothing to do with it.
        let was = match wanted {
            None if to.owner != written.origin => self.free_spid(written.origin, limits).map_err(Failure::Refused)?,
            _ => spid,
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
            longest: written.longest,
            attributes: written.attributes.clone(),
        };
        let mut write = |tables: &mut Self| {
            let extents = encode(tables.path, &written.extents)?;
            tables.extents.insert(file.serial, extents.as_slice()).at(tables.path)?;
            tables.count_segments(&written.extents, true)?;
            if wanted.is_none() {
                tables.given_out(written.origin, was)?;
                tables.given_out(to.owner, spid)?;
            }
            tables.enqueue(&Queued { position: MIDDLE | positions(), file: file.clone() })
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

    fn order(&mut self, owner: Userid, queue: Queue, first: &[Selection]) -> Result<usize, Failure> {
        let mut selected: Vec<Queued> = Vec::new();
        let mut named = HashSet::new();
        for selection in first {
            let selection = Selection { owner: Some(owner), queue: Some(queue), ..selection.clone() };
            for queued in self.select(&selection).map_err(Failure::Refused)? {
                if named.insert(queued.file.serial) {
                    selected.push(queued);
                }
            }
        }
        let front = self.front(owner, queue).map_err(Failure::Refused)?;
        let start = front.checked_sub(selected.len() as u64);
        let start = start.ok_or_else(|| Failure::Refused(damaged(self.path, "has no place in front of a queue")))?;
        let mut write = || {
            for queued in &selected {
                self.dequeue(queued)?;
            }
            for (position, queued) in (start..).zip(&selected) {
                self.enqueue(&Queued { position, file: queued.file.clone() })?;
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
            gone.push((queued.file.serial, self.extents_of(queued.file.serial).map_err(Failure::Refused)?));
        }
        let mut write = || {
            for (queued, (serial, extents)) in selected.iter().zip(&gone) {
                self.dequeue(queued)?;
                self.extents.remove(serial).at(self.path)?;
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
        limits: &dyn Limits,
    ) -> Result<Vec<Transferred>, Failure> {
        let selected = self.select(selection).map_err(Failure::Refused)?;
        let coming = selected.iter().filter(|queued| queued.file.owner != to.owner).count();
        self.may_have(to.owner, coming, limits).map_err(Failure::Refused)?;
        self.room_for(to.owner, coming, limits).map_err(Failure::Refused)?;
        let mut write = || {
            let mut moved = Vec::with_capacity(selected.len());
            for queued in &selected {
                let mut file = queued.file.clone();
                self.dequeue(queued)?;
                if file.owner != to.owner {
                    file.spid = self.free_spid(to.owner, limits)?;
                    self.given_out(to.owner, file.spid)?;
                }
                (file.owner, file.queue) = (to.owner, to.queue);
                self.enqueue(&Queued { position: MIDDLE | positions(), file: file.clone() })?;
                moved.push(Transferred { was: queued.file.clone(), now: file });
            }
            Ok(moved)
        };
        write().map_err(Failure::Broken)
    }

    pub(super) fn look(&self) -> Look<'_, Files<'t>, Spids<'t>> {
        Look { path: self.path, files: &self.files, spids: &self.spids }
    }

    fn select(&self, selection: &Selection) -> Result<Vec<Queued>, SpoolError> {
        self.look().select(selection)
    }

    pub(super) fn extents_of(&self, serial: u64) -> Result<Vec<Extent>, SpoolError> {
        let extents = self.extents.get(serial).at(self.path)?;
        extents.map_or(Ok(Vec::new()), |extents| decode(self.path, extents.value()))
    }

    pub(super) fn owner(&self, owner: Userid) -> Result<Owner, SpoolError> {
        let row = self.owners.get(owner.padded()).at(self.path)?;
        row.map_or(Ok(Owner::default()), |row| decode(self.path, row.value()))
    }

    pub(super) fn set_owner(&mut self, userid: Userid, owner: Owner) -> Result<(), SpoolError> {
        let row = encode(self.path, &owner)?;
        self.owners.insert(userid.padded(), row.as_slice()).at(self.path)?;
        Ok(())
    }

    /// Refuses when the user may not have that many more files.
    fn may_have(&self, userid: Userid, coming: usize, limits: &dyn Limits) -> Result<(), SpoolError> {
        let limit = limits.files(userid);
        let all = self.owner(userid)?.counts().all().saturating_add(coming as u64);
        // Who is above a limit that was lowered may go on to move files about, not get more.
        if coming > 0 && limit < Spid::MAX && all > u64::from(limit) {
            return Err(SpoolError::FileLimit { owner: userid, limit });
        }
        Ok(())
    }

    /// The number wanted if it is free, else the next one.
    fn number_for(&self, userid: Userid, wanted: Option<Spid>, limits: &dyn Limits) -> Result<Spid, SpoolError> {
        let wanted = wanted.map_or(Ok(None), |spid| self.if_free(userid, spid.number(), limits))?;
        wanted.map_or_else(|| self.free_spid(userid, limits), Ok)
    }

    /// The number after the one given out last that no file has.
    pub(super) fn free_spid(&self, userid: Userid, limits: &dyn Limits) -> Result<Spid, SpoolError> {
        let owner = self.owner(userid)?;
        if owner.counts().all() < u64::from(Spid::MAX) {
            for step in 0..Spid::MAX {
                let number = (owner.last_spid % Spid::MAX + step) % Spid::MAX + 1;
                if let Some(spid) = self.if_free(userid, number, limits)? {
                    return Ok(spid);
                }
            }
        }
        Err(SpoolError::NoSpoolId(userid))
    }

    /// That number of that user, if it can be given to a file.
    fn if_free(&self, userid: Userid, number: u16, limits: &dyn Limits) -> Result<Option<Spid>, SpoolError> {
        let used = self.spids.get((userid.padded(), number)).at(self.path)?.is_some();
        let free = |spid: &Spid| !self.freed.contains(&(userid, *spid)) && !limits.is_reserved(userid, *spid);
        Ok(Spid::new(number).ok().filter(|spid| !used && free(spid)))
    }

    /// Refuses when not that many more numbers can be given out.
    fn room_for(&self, userid: Userid, coming: usize, limits: &dyn Limits) -> Result<(), SpoolError> {
        let taken = self.owner(userid)?.counts().all();
        // Far from full the exact number does not matter: few numbers are ever reserved.
        if taken + (coming as u64) < u64::from(Spid::MAX) / 2 {
            return Ok(());
        }
        let mut free = 0;
        for number in 1..=Spid::MAX {
            free += usize::from(self.if_free(userid, number, limits)?.is_some());
        }
        if free < coming { Err(SpoolError::NoSpoolId(userid)) } else { Ok(()) }
    }

    /// Remembers the number given out last.
    fn given_out(&mut self, userid: Userid, spid: Spid) -> Result<(), SpoolError> {
        let owner = self.owner(userid)?;
        self.set_owner(userid, Owner { last_spid: spid.number(), ..owner })
    }

    /// The position of the first file of a queue.
    fn front(&self, owner: Userid, queue: Queue) -> Result<u64, SpoolError> {
        let (owner, queue) = (owner.padded(), queue_number(queue));
        let mut rows = self.files.range((owner, queue, 0)..=(owner, queue, u64::MAX)).at(self.path)?;
        let first = rows.next().transpose().at(self.path)?;
        Ok(first.map_or(MIDDLE, |(key, _)| key.value().2))
    }

    fn put(&mut self, queued: &Queued) -> Result<(), SpoolError> {
        let entry = encode(self.path, &Entry::of(&queued.file))?;
        self.files.insert(queued.key(), entry.as_slice()).at(self.path)?;
        Ok(())
    }

    pub(super) fn enqueue(&mut self, queued: &Queued) -> Result<(), SpoolError> {
        self.put(queued)?;
        let FileInfo { owner: userid, queue, spid, .. } = queued.file;
        let place = (queue_number(queue), queued.position);
        self.spids.insert((userid.padded(), spid.number()), place).at(self.path)?;
        let mut owner = self.owner(userid)?;
        let files = &mut owner.files[usize::from(queue_number(queue))];
        *files = files.saturating_add(1);
        self.set_owner(userid, owner)
    }

    fn dequeue(&mut self, queued: &Queued) -> Result<(), SpoolError> {
        let FileInfo { owner: userid, queue, spid, .. } = queued.file;
        self.files.remove(queued.key()).at(self.path)?;
        self.spids.remove((userid.padded(), spid.number())).at(self.path)?;
        self.freed.insert((userid, spid));
        let mut owner = self.owner(userid)?;
        let files = &mut owner.files[usize::from(queue_number(queue))];
        *files = files.saturating_sub(1);
        self.set_owner(userid, owner)
    }

    pub(super) fn count_segments(&mut self, extents: &[Extent], coming: bool) -> Result<(), SpoolError> {
        for (number, change) in segment_use(std::iter::once(extents)) {
            let row = self.segments.get(number).at(self.path)?;
            let now: SegmentUse = row.map_or(Ok(SegmentUse::default()), |row| decode(self.path, row.value()))?;
            let now = if coming {
                SegmentUse {
                    files: now.files.saturating_add(change.files),
                    bytes: now.bytes.saturating_add(change.bytes),
                    end: now.end.max(change.end),
                }
            } else {
                SegmentUse { files: now.files.saturating_sub(change.files), bytes: now.bytes.saturating_sub(change.bytes), end: now.end }
            };
            self.set_segment(number, now)?;
        }
        Ok(())
    }

    pub(super) fn set_segment(&mut self, number: u32, segment: SegmentUse) -> Result<(), SpoolError> {
        if segment.files == 0 {
            self.segments.remove(number).at(self.path)?;
        } else {
            let row = encode(self.path, &segment)?;
            self.segments.insert(number, row.as_slice()).at(self.path)?;
        }
        Ok(())
    }

    /// Takes files out of their queues without giving up their records.
    pub fn withhold(&mut self, files: &[FileInfo]) -> Result<(), SpoolError> {
        for file in files {
            let selection = Selection { serial: Some(file.serial), ..Selection::of(file.owner).spid(file.spid) };
            for queued in self.select(&selection)? {
                self.dequeue(&queued)?;
                let extents = self.extents_of(file.serial)?;
                self.count_segments(&extents, false)?;
                let Queued { file, .. } = &queued;
                let withheld = Withheld { owner: file.owner, queue: file.queue, entry: Entry::of(file) };
                let row = encode(self.path, &withheld)?;
                self.withheld.insert(file.serial, row.as_slice()).at(self.path)?;
            }
        }
        Ok(())
    }
}
