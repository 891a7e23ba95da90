//! Who runs next and for how long: the scheduler as a value.
//!
//! Pure: it is told events with their times and answers questions. It holds no thread, no clock and no processor, so tests
//! drive it with simulated time. [`super::Dispatcher`] is the only caller in the product.
//!
//! **Round robin with a wake-up queue.** Two first-in-first-out queues:
//!
//! - *prompt*: machines that waited (for a line, a block, a command) and have just become runnable;
//! - *batch*: machines that used up a whole slice and want more.
//!
//! The prompt queue goes first, so a person's keystroke waits for at most the slices that are running now, however many
//! machines spin. A machine from the prompt queue that uses its whole slice joins the end of the batch queue; one that
//! waits again before that owes nothing. What it used is remembered until it has used a whole slice in total, so
//! a machine that waits for an instant just before its slice ends gains nothing by it. After [`PROMPT_RUN`] prompt machines in a row
//! one batch machine gets its turn, so batch work cannot starve.
//!
//! Every decision is O(1).

use std::collections::{HashMap, VecDeque};
use std::time::Duration;

/// Names a dispatchable for the policy.
pub type MachineId = u64;

/// A slice: long enough that switching (tens of microseconds) is noise, short enough that a person does not feel two of them.
pub const SLICE: Duration = Duration::from_millis(5);

/// Prompt machines that may go before one waiting batch machine.
pub const PROMPT_RUN: u32 = 16;

/// The scheduling seam: events in, decisions out. Times are durations since an arbitrary origin.
pub trait Policy: Send {
    /// `id` wants a processor after it waited, or for the first time.
    fn runnable(&mut self, id: MachineId, now: Duration);
    /// `id`, chosen before, ran for `used` and wants to go on.
    fn preempted(&mut self, id: MachineId, used: Duration, now: Duration);
    /// `id`, chosen before, ran for `used` and now waits.
    fn waiting(&mut self, id: MachineId, used: Duration, now: Duration);
    /// `id` is gone; it is not chosen any more.
    fn removed(&mut self, id: MachineId);
    /// Who runs next and for how long at most; `None` when nobody wants to.
    fn choose(&mut self, now: Duration) -> Option<(MachineId, Duration)>;
    /// Machines that wait for a processor.
    fn queued(&self) -> usize;
}

/// Round robin with a wake-up queue.
#[derive(Default)]
pub struct RoundRobin {
    prompt: VecDeque<MachineId>,
    batch: VecDeque<MachineId>,
    /// What a machine has used of its current slice; absent means nothing.
    used: HashMap<MachineId, Duration>,
    prompt_in_a_row: u32,
}

impl RoundRobin {
    fn slice_left(&self, id: MachineId) -> Duration {
        SLICE.saturating_sub(self.used.get(&id).copied().unwrap_or_default())
    }

    /// Adds to the current slice; answers whether it is used up (and then begins a new one).
    fn charge(&mut self, id: MachineId, used: Duration) -> bool {
        let total = self.used.entry(id).or_default();
        *total += used;
        let over = *total >= SLICE;
        if over {
            self.used.remove(&id);
        }
        over
    }
}

impl Policy for RoundRobin {
    fn runnable(&mut self, id: MachineId, _now: Duration) {
        self.prompt.push_back(id);
    }

    fn preempted(&mut self, id: MachineId, used: Duration, _now: Duration) {
        if self.charge(id, used) { self.batch.push_back(id) } else { self.prompt.push_back(id) }
    }

    fn waiting(&mut self, id: MachineId, used: Duration, _now: Duration) {
        self.charge(id, used);
    }

    fn removed(&mut self, id: MachineId) {
        self.used.remove(&id);
        self.prompt.retain(|&other| other != id);
        self.batch.retain(|&other| other != id);
    }

    fn choose(&mut self, _now: Duration) -> Option<(MachineId, Duration)> {
        let batch_is_due = self.prompt_in_a_row >= PROMPT_RUN && !self.batch.is_empty();
        if !batch_is_due && let Some(id) = self.prompt.pop_front() {
            self.prompt_in_a_row += 1;
            return Some((id, self.slice_left(id)));
        }
        self.prompt_in_a_row = 0;
        self.batch.pop_front().map(|id| (id, SLICE))
    }

    fn queued(&self) -> usize {
        self.prompt.len() + self.batch.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Duration = Duration::ZERO;

    fn spin(policy: &mut RoundRobin, turns: usize) -> Vec<MachineId> {
        (0..turns)
            .map(|_| {
                let (id, slice) = policy.choose(NOW).expect("somebody is runnable");
                policy.preempted(id, slice, NOW);
                id
            })
            .collect()
    }

    #[test]
    fn spinners_take_turns() {
        let mut policy = RoundRobin::default();
        (1..=3).for_each(|id| policy.runnable(id, NOW));
        assert_eq!(spin(&mut policy, 6), [1, 2, 3, 1, 2, 3]);
    }

    #[test]
    fn one_that_waited_goes_before_forty_spinners() {
        let mut policy = RoundRobin::default();
        (1..=40).for_each(|id| policy.runnable(id, NOW));
        spin(&mut policy, 80);
        policy.runnable(41, NOW);
        // At most one batch machine, whose turn was due, goes before it.
        let next: Vec<_> = (0..2).filter_map(|_| policy.choose(NOW)).map(|(id, _)| id).collect();
        assert!(next.contains(&41), "{next:?} go before 41");
    }

    #[test]
    fn a_storm_of_prompts_does_not_starve_batch() {
        let mut policy = RoundRobin::default();
        policy.runnable(1, NOW);
        spin(&mut policy, 1);
        (100..200).for_each(|id| policy.runnable(id, NOW));
        let first: Vec<_> = (0..=PROMPT_RUN).filter_map(|_| policy.choose(NOW)).map(|(id, _)| id).collect();
        assert!(first.contains(&1), "batch machine 1 was not among the first {} choices", PROMPT_RUN + 1);
    }

    #[test]
    fn waiting_just_before_the_slice_ends_gains_nothing() {
        let mut policy = RoundRobin::default();
        policy.runnable(1, NOW);
        let (_, slice) = policy.choose(NOW).unwrap();
        policy.waiting(1, slice - Duration::from_micros(1), NOW);
        policy.runnable(1, NOW);
        let (_, rest) = policy.choose(NOW).unwrap();
        assert_eq!(rest, Duration::from_micros(1));
    }

    #[test]
    fn a_removed_machine_is_never_chosen() {
        let mut policy = RoundRobin::default();
        policy.runnable(1, NOW);
        policy.runnable(2, NOW);
        policy.removed(1);
        assert_eq!(policy.choose(NOW).map(|(id, _)| id), Some(2));
        assert_eq!(policy.choose(NOW), None);
    }
}
