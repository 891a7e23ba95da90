//! How much room files may take, how many a user may have, and telling the operator before either is at an end.
//!
//! Room is counted in bytes of blocks and a fixed sum for each closed file's rows in the index, so the count is exact, does not depend on the
//! host's file system, and comes back as files go. What the host has left bounds it as well. Crossing 80, 90, 95 and 100
//! percent is an event, told once until the level is well below again.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError, RwLock};

use crate::attributes::{Space, Spid, Userid};
use crate::disk::Disk;
use crate::error::SpoolError;

/// Bytes that a closed file counts for its rows in the index.
pub const FILE_BYTES: u64 = 512;
/// No limit.
const UNLIMITED: u64 = u64::MAX;

/// The percentages that are told.
const LEVELS: [u8; 4] = [80, 90, 95, 100];
/// How far below a level the spool must be before that level is told again.
const SLACK: u8 = 3;

/// What an operator wants to hear of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SpoolEvent {
    /// The spool became that full: 80, 90, 95 or 100 percent.
    Filling {
        /// The level reached.
        percent: u8,
        /// How full it is.
        space: Space,
    },
    /// The spool is less than 80% full again.
    Relieved(Space),
}

/// Who is told.
pub type Listener = Box<dyn Fn(SpoolEvent) + Send + Sync>;

/// The highest level that was told.
#[derive(Debug, Default)]
struct Gauge {
    told: u8,
}

impl Gauge {
    /// What is to be told when the spool is as full as that.
    fn observe(&mut self, space: Space) -> Option<SpoolEvent> {
        let percent = space.percent();
        let level = LEVELS.into_iter().rfind(|level| *level <= percent).unwrap_or(0);
        if level > self.told {
            self.told = level;
            return Some(SpoolEvent::Filling { percent: level, space });
        }
        if percent.saturating_add(SLACK) < self.told {
            self.told = level;
            return (level == 0).then_some(SpoolEvent::Relieved(space));
        }
        None
    }
}

/// The room of one spool, and its users' limits.
pub struct Room {
    disk: Arc<dyn Disk>,
    directory: PathBuf,
    used: AtomicU64,
    limit: AtomicU64,
    gauge: Mutex<Gauge>,
    listener: OnceLock<Listener>,
    files: RwLock<HashMap<Userid, u16>>,
}

impl Room {
    /// The room of the spool in `directory`, of which that much is used.
    pub fn new(disk: Arc<dyn Disk>, directory: &Path, used: u64) -> Self {
        Self {
            disk,
            directory: directory.to_owned(),
            used: AtomicU64::new(used),
            limit: AtomicU64::new(UNLIMITED),
            gauge: Mutex::default(),
            listener: OnceLock::new(),
            files: RwLock::default(),
        }
    }

    /// Takes room, or refuses and takes none. Call it without holding a lock: the listener may be called.
    pub fn take(&self, bytes: u64) -> Result<(), SpoolError> {
        let limit = self.limit.load(Ordering::Relaxed);
        let more = |used: u64| used.checked_add(bytes).filter(|sum| *sum <= limit);
        match self.used.fetch_update(Ordering::Relaxed, Ordering::Relaxed, more) {
            Ok(_) => {
                self.observe(self.space());
                Ok(())
            }
            Err(used) => {
                // Too little is left for this one, and that is what full means.
                self.observe(Space { used, capacity: used });
                Err(SpoolError::SpaceLimit(limit))
            }
        }
    }

    /// Gives room back.
    pub fn give_back(&self, bytes: u64) {
        let less = |used: u64| Some(used.saturating_sub(bytes));
        let _ = self.used.fetch_update(Ordering::Relaxed, Ordering::Relaxed, less);
        self.observe(self.space());
    }

    /// The host refused to take more.
    pub fn host_is_full(&self) {
        let used = self.used.load(Ordering::Relaxed);
        self.observe(Space { used, capacity: used });
    }

    /// How full it is.
    pub fn space(&self) -> Space {
        let used = self.used.load(Ordering::Relaxed);
        // A host that does not say what it has left bounds nothing until it refuses.
        let host = self.disk.room(&self.directory).map_or(UNLIMITED, |left| used.saturating_add(left));
        Space { used, capacity: host.min(self.limit.load(Ordering::Relaxed)) }
    }

    /// Sets the limit in bytes; files over it stay.
    pub fn set_limit(&self, limit: Option<u64>) {
        self.limit.store(limit.unwrap_or(UNLIMITED), Ordering::Relaxed);
        self.observe(self.space());
    }

    /// Who is told of events from now on; false when somebody is already.
    pub fn listen(&self, listener: Listener) -> bool {
        let listens = self.listener.set(listener).is_ok();
        self.observe(self.space());
        listens
    }

    fn observe(&self, space: Space) {
        let Some(listener) = self.listener.get() else {
            return;
        };
        let event = self.gauge.lock().unwrap_or_else(PoisonError::into_inner).observe(space);
        if let Some(event) = event {
            listener(event);
        }
    }

    /// Sets how many files each of these users may have; all others may have as many as there are numbers.
    pub fn limit_files(&self, limits: HashMap<Userid, u16>) {
        *self.files.write().unwrap_or_else(PoisonError::into_inner) = limits;
    }

    /// How many files a user may have.
    pub fn files_of(&self, owner: Userid) -> u16 {
        self.files.read().unwrap_or_else(PoisonError::into_inner).get(&owner).copied().unwrap_or(Spid::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn space(percent: u64) -> Space {
        Space { used: percent, capacity: 100 }
    }

    /// The levels told when the spool is so full one after the other; 0 is relief.
    fn told(percents: &[u64]) -> Vec<u8> {
        let mut gauge = Gauge::default();
        let events = percents.iter().filter_map(|percent| gauge.observe(space(*percent)));
        events.map(|event| if let SpoolEvent::Filling { percent, .. } = event { percent } else { 0 }).collect()
    }

    #[test]
    fn each_level_is_told_once_on_the_way_up() {
        assert_eq!(told(&[10, 79, 80, 81, 89, 90, 95, 99, 100, 100]), [80, 90, 95, 100]);
        assert_eq!(told(&[10, 97, 99]), [95], "only the highest of those passed at once");
    }

    #[test]
    fn a_level_is_told_again_after_it_was_well_below_and_relief_once() {
        assert_eq!(told(&[81, 79, 80, 79, 81]), [80], "swaying about a level is not told");
        assert_eq!(told(&[92, 88, 91]), [90]);
        assert_eq!(told(&[92, 85, 91, 70, 60, 85]), [90, 90, 0, 80]);
        assert_eq!(told(&[100, 10, 100]), [100, 0, 100]);
    }

    #[test]
    fn percentages_are_whole_and_never_wrong_at_the_ends() {
        assert_eq!(Space { used: 0, capacity: 0 }.percent(), 100);
        assert_eq!(Space { used: 799, capacity: 1000 }.percent(), 79);
        assert_eq!(Space { used: 5, capacity: 4 }.percent(), 100);
        assert_eq!(Space { used: u64::MAX, capacity: u64::MAX }.percent(), 100);
    }
}
