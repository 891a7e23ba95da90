//! From whom frames are taken, and in which order: the pager's decisions as plain functions.
//!
//! Frames are short for a moment or for good. In both cases those who feel it least give first:
//!
//! 1. *dormant* machines, the longest dormant first, any of their pages. Most users of a time-sharing system are here most of the time, and what they
//!    lose they miss only when their user comes back: then the pages that went out together come back together.
//! 2. when that is not enough, everybody by the *clock*: a page that was not touched since the hand passed it last. Machines that use more than they
//!    touch give most. The hand passes twice with a pause between, or no machine would have had the time to touch anything.
//! 3. when everything is in use, the machines that ran longest ago, any page. Now the system thrashes; the scheduler's eligible list is what keeps
//!    it from coming to this.
//!
//! A machine's reserved pages (SET RESERVED) are left to it by all three. So are pages of saved systems, which the storage does not offer.

use std::time::Duration;

use crate::storage::MachineFigures;
use crate::storage::paging::Steal;

/// A machine that has not run for so long is dormant: as long as z/VM keeps an idle machine in its dispatch list.
pub const DORMANT: Duration = Duration::from_millis(300);
/// Time for machines to touch what they use, between two passes of the clock.
const TOUCH_TIME: Duration = Duration::from_millis(4);

/// What is known of a machine that may give frames.
#[derive(Clone, Copy, Debug)]
pub struct Candidate {
    /// Its pages.
    pub figures: MachineFigures,
    /// Pages it may keep.
    pub reserved: u64,
    /// How long ago it ran, or a page was brought in for it.
    pub unused_for: Duration,
}

impl Candidate {
    /// Pages that may be taken from it.
    fn spare(&self) -> u64 {
        self.figures.resident.saturating_sub(self.reserved)
    }
}

/// One way through the machines.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pass {
    /// Which pages; [`Steal::Dormant`] only of machines that wait, and have done so for [`DORMANT`].
    pub steal: Steal,
    /// A machine that runs is stopped for it.
    pub interrupt: bool,
    /// Wait first.
    pub after: Duration,
}

/// The passes, in order, until there are enough frames.
pub const PASSES: [Pass; 5] = [
    Pass { steal: Steal::Dormant, interrupt: false, after: Duration::ZERO },
    Pass { steal: Steal::Untouched, interrupt: false, after: Duration::ZERO },
    Pass { steal: Steal::Untouched, interrupt: true, after: TOUCH_TIME },
    Pass { steal: Steal::Untouched, interrupt: true, after: TOUCH_TIME },
    Pass { steal: Steal::Any, interrupt: true, after: Duration::ZERO },
];

/// Who gives in this pass, by index, first the one who gives first.
pub fn order(candidates: &[Candidate], pass: &Pass) -> Vec<usize> {
    let gives = |candidate: &Candidate| candidate.spare() > 0 && (pass.steal != Steal::Dormant || candidate.unused_for >= DORMANT);
    let mut order: Vec<usize> = (0..candidates.len()).filter(|&index| gives(&candidates[index])).collect();
    order.sort_by_key(|&index| std::cmp::Reverse(candidates[index].unused_for));
    order
}

/// Most pages to take from one machine in one go, when `wanted` frames are wanted. A machine that is dormant is taken apart; the others give a part, so
/// that no single one pays for all.
pub fn portion(candidate: &Candidate, pass: &Pass, wanted: usize) -> usize {
    let part = if pass.steal == Steal::Dormant { candidate.spare() } else { candidate.spare().div_ceil(8).max(16) };
    wanted.min(usize::try_from(part).unwrap_or(usize::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn candidate(resident: u64, reserved: u64, unused_ms: u64) -> Candidate {
        let figures = MachineFigures { resident, ..MachineFigures::default() };
        Candidate { figures, reserved, unused_for: Duration::from_millis(unused_ms) }
    }

    #[test]
    fn the_longest_dormant_gives_first_and_who_runs_gives_nothing_yet() {
        let machines = [candidate(10, 0, 400), candidate(10, 0, 2), candidate(10, 0, 90_000), candidate(0, 0, 99_000)];
        assert_eq!(order(&machines, &PASSES[0]), [2, 0]);
        assert_eq!(order(&machines, &PASSES[1]), [2, 0, 1]);
    }

    #[test]
    fn reserved_pages_are_never_offered() {
        let machines = [candidate(10, 10, 90_000), candidate(10, 4, 5_000), candidate(3, 4, 6_000)];
        for pass in &PASSES {
            assert_eq!(order(&machines, pass), [1], "{pass:?}");
            assert!(portion(&machines[1], pass, 100) as u64 >= 6);
        }
    }

    #[test]
    fn a_dormant_machine_is_taken_apart_and_a_running_one_is_not() {
        let machine = candidate(4000, 0, 5_000);
        assert_eq!(portion(&machine, &PASSES[0], 9000), 4000);
        assert_eq!(portion(&machine, &PASSES[4], 9000), 500);
        assert_eq!(portion(&machine, &PASSES[0], 50), 50);
    }

    #[test]
    fn nobody_is_taken_from_by_force_before_the_clock_went_around_twice() {
        let clock = PASSES.iter().filter(|pass| pass.steal == Steal::Untouched && pass.interrupt).count();
        assert!(clock >= 2 && PASSES.last().is_some_and(|pass| pass.steal == Steal::Any));
        assert!(PASSES.iter().position(|pass| pass.steal == Steal::Any) == Some(PASSES.len() - 1));
    }
}
