//! What one machine has of real storage, readable by anybody at any time without the machine's lock.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// A machine's pages, in figures. Pages are 4 KiB.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct MachineFigures {
    /// Pages that have a frame of their own.
    pub resident: u64,
    /// Pages it is thought to need at once when it runs: an estimate.
    pub working_set: u64,
    /// Pages on the paging file, or on their way there.
    pub paged_out: u64,
    /// Pages read from the paging file since logon.
    pub reads: u64,
    /// Pages written to the paging file since logon.
    pub writes: u64,
}

/// The figures as their machine's storage keeps them.
#[derive(Debug, Default)]
pub struct PageGauge {
    resident: AtomicU64,
    working_set: AtomicU64,
    paged_out: AtomicU64,
    reads: AtomicU64,
    writes: AtomicU64,
}

impl PageGauge {
    /// The figures at this moment; each is right, together they may be of two moments.
    pub fn figures(&self) -> MachineFigures {
        let of = |value: &AtomicU64| value.load(Ordering::Relaxed);
        MachineFigures {
            resident: of(&self.resident),
            working_set: of(&self.working_set),
            paged_out: of(&self.paged_out),
            reads: of(&self.reads),
            writes: of(&self.writes),
        }
    }

    pub(super) fn show(&self, resident: u64, working_set: u64, paged_out: u64) {
        self.resident.store(resident, Ordering::Relaxed);
        self.working_set.store(working_set, Ordering::Relaxed);
        self.paged_out.store(paged_out, Ordering::Relaxed);
    }

    pub(super) fn count_reads(&self, pages: u64) {
        self.reads.fetch_add(pages, Ordering::Relaxed);
    }

    pub(super) fn count_writes(&self, pages: u64) {
        self.writes.fetch_add(pages, Ordering::Relaxed);
    }
}

/// Counts of one machine's pages, and the working set that follows from them.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Pages {
    /// With a frame.
    pub(super) resident: u64,
    /// Of those, not touched since the clock looked.
    pub(super) idle: u64,
    /// On the paging file or on their way there.
    pub(super) paged: u64,
    /// Pages needed when the pager last found the machine after it ran, averaged with the times before.
    projected: u64,
    /// Pages that were taken since then though they were needed.
    lost: u64,
    /// Guest time since then.
    ran: Duration,
}

/// Guest time that shows what a machine needs: in less, one that waits for its pages most of the time has touched a few.
const WINDOW: Duration = Duration::from_millis(4);

impl Pages {
    /// Pages that were touched since the clock last looked at them.
    fn active(&self) -> u64 {
        self.resident - self.idle
    }

    /// It ran for so long.
    pub(super) fn note_run(&mut self, guest: Duration) {
        self.ran += guest;
    }

    /// The pager takes its first page since the machine ran: what the machine has now is what it needed, and so is what was taken from it on the
    /// way (Denning's working set, over a window of guest time). One that has become dormant has had all it needed, however short it ran.
    pub(super) fn note_need(&mut self, dormant: bool) {
        if !dormant && self.ran < WINDOW {
            return;
        }
        let needed = (self.active() + self.lost).min(self.resident + self.paged);
        self.projected = match self.projected {
            0 => needed,
            before => (before + needed).div_ceil(2),
        };
        (self.lost, self.ran) = (0, Duration::ZERO);
    }

    /// Pages were taken that it may need.
    pub(super) fn note_loss(&mut self, pages: u64) {
        self.lost += pages;
    }

    /// The estimate: what it uses, or what it used when it last ran as far as that still exists.
    pub(super) fn working_set(&self) -> u64 {
        self.active().max(self.projected.min(self.resident + self.paged))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_machine_that_was_paged_out_is_expected_to_need_what_it_had() {
        let mut pages = Pages { resident: 40, ..Pages::default() };
        assert_eq!(pages.working_set(), 40);
        pages.note_need(true);
        (pages.resident, pages.paged) = (2, 38);
        assert_eq!(pages.working_set(), 40);
        // It gave most of it back.
        pages.paged = 8;
        assert_eq!(pages.working_set(), 10);
        // It came back and needed less: the estimate follows.
        pages = Pages { resident: 40, idle: 20, ..pages };
        pages.note_need(true);
        assert_eq!(pages.working_set(), 30);
    }

    #[test]
    fn a_machine_whose_pages_are_taken_faster_than_it_runs_is_expected_to_need_them_all() {
        let mut pages = Pages { resident: 100, paged: 900, ..Pages::default() };
        // A hundred at a time is all it ever has, and it goes through all of them again and again.
        for _ in 0..40 {
            pages.note_run(WINDOW / 20);
            pages.note_need(false);
            pages.note_loss(100);
        }
        assert_eq!(pages.working_set(), 1000);
        // It has what it uses, and the rest is not missed.
        for _ in 0..20 {
            pages.note_run(WINDOW);
            pages.note_need(false);
        }
        assert_eq!(pages.working_set(), 101);
    }
}
