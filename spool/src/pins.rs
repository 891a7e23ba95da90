//! Which files are being read: their records and numbers stay theirs though somebody purges or transfers them meanwhile.
//!
//! A purge commits first and then asks here; a reader is entered here in the same step in which it looks the file up. So
//! either the reader finds the file gone, or the purge finds the reader.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::attributes::{FileInfo, Spid, Userid};
use crate::error::SpoolError;
use crate::segments::Extent;

#[derive(Debug, Default)]
struct State {
    readers: HashMap<u64, usize>,
    numbers: HashMap<(Userid, Spid), usize>,
    /// Purged, but still read.
    doomed: HashMap<u64, Vec<Extent>>,
}

/// The files being read.
#[derive(Debug, Default)]
pub struct Pins {
    state: Mutex<State>,
}

impl Pins {
    /// Looks a file up and enters a reader of it, in one step.
    pub fn pin<T>(&self, look_up: impl FnOnce() -> Result<(FileInfo, T), SpoolError>) -> Result<(FileInfo, T), SpoolError> {
        let mut state = self.lock();
        let (file, found) = look_up()?;
        *state.readers.entry(file.serial).or_default() += 1;
        *state.numbers.entry((file.owner, file.spid)).or_default() += 1;
        Ok((file, found))
    }

    /// Takes a reader off; answers extents to give back when it was the last one of a purged file.
    pub fn unpin(&self, file: &FileInfo) -> Option<Vec<Extent>> {
        let mut state = self.lock();
        less(&mut state.numbers, (file.owner, file.spid));
        less(&mut state.readers, file.serial).then(|| state.doomed.remove(&file.serial)).flatten()
    }

    /// Of purged files, those that nobody reads: their extents can be given back. The others wait for their readers.
    pub fn unread(&self, purged: Vec<(u64, Vec<Extent>)>) -> Vec<Vec<Extent>> {
        let mut state = self.lock();
        let mut unread = Vec::with_capacity(purged.len());
        for (serial, extents) in purged {
            if state.readers.contains_key(&serial) {
                state.doomed.insert(serial, extents);
            } else {
                unread.push(extents);
            }
        }
        unread
    }

    /// Whether somebody reads a file that had that number when it was opened.
    pub fn has_number(&self, owner: Userid, spid: Spid) -> bool {
        self.lock().numbers.contains_key(&(owner, spid))
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Takes one off a counter; whether it was the last.
fn less<K: Eq + std::hash::Hash>(counters: &mut HashMap<K, usize>, key: K) -> bool {
    match counters.get_mut(&key) {
        Some(count) if *count > 1 => {
            *count -= 1;
            false
        }
        _ => counters.remove(&key).is_some(),
    }
}
