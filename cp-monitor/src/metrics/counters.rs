//! What CP counts as it goes, for all users together.

use std::sync::atomic::{AtomicU64, Ordering};

/// Why a machine left its processor, in the order of [`Counters::exits`].
pub const EXITS: [&str; 5] = ["diagnose", "page_fault", "program", "slice_end", "failed"];
/// What went wrong that an operator should look into, in the order of [`Counters::trouble`].
pub const TROUBLE: [&str; 4] = ["spool", "disk", "accounting", "internal"];

/// Kinds of trouble.
#[derive(Clone, Copy, Debug)]
pub enum Trouble {
    /// A spool file could not be read or written.
    Spool,
    /// A minidisk could not be read or written.
    Disk,
    /// An accounting record was lost.
    Accounting,
    /// CP failed on a machine, which was stopped.
    Internal,
}

/// The counters.
#[derive(Debug, Default)]
pub struct Counters {
    exits: [AtomicU64; EXITS.len()],
    trouble: [AtomicU64; TROUBLE.len()],
    /// Logons, at terminals and by XAUTOLOG.
    pub logons: AtomicU64,
    /// Logons that were refused.
    pub logons_refused: AtomicU64,
    /// Logoffs, whatever ended the session.
    pub logoffs: AtomicU64,
}

impl Counters {
    /// Adds what one slice came to: exits of each kind.
    pub fn add_exits(&self, exits: [u32; EXITS.len()]) {
        for (counter, count) in self.exits.iter().zip(exits).filter(|(_, count)| *count > 0) {
            counter.fetch_add(u64::from(count), Ordering::Relaxed);
        }
    }

    /// Counts one piece of trouble.
    pub fn count_trouble(&self, what: Trouble) {
        self.trouble[what as usize].fetch_add(1, Ordering::Relaxed);
    }

    /// Exits by kind.
    pub fn exits(&self) -> impl Iterator<Item = (&'static str, u64)> + '_ {
        EXITS.into_iter().zip(self.exits.iter().map(|counter| counter.load(Ordering::Relaxed)))
    }

    /// Trouble by kind.
    pub fn trouble(&self) -> impl Iterator<Item = (&'static str, u64)> + '_ {
        TROUBLE.into_iter().zip(self.trouble.iter().map(|counter| counter.load(Ordering::Relaxed)))
    }
}
