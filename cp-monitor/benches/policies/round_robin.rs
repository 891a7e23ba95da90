//! Two queues: machines that have become ready go before those that used up a slice, up to 16 in a row. Knows no shares.

use std::collections::{HashMap, VecDeque};
use std::time::Duration;

use cp_monitor::dispatcher::policy::{Choice, Entitlement, MachineId, Policy, UserNumber, Wakeup};

const SLICE: Duration = Duration::from_millis(5);
const PROMPT_RUN: u32 = 16;

#[derive(Default)]
pub struct RoundRobin {
    prompt: VecDeque<MachineId>,
    batch: VecDeque<MachineId>,
    /// What a machine has used of its current slice.
    used: HashMap<MachineId, Duration>,
    prompt_in_a_row: u32,
}

impl RoundRobin {
    fn charge(&mut self, id: MachineId, used: Duration) -> bool {
        let total = self.used.entry(id).or_default();
        *total += used;
        let over = *total >= SLICE;
        if over {
            *total = Duration::ZERO;
        }
        over
    }
}

impl Policy for RoundRobin {
    fn admitted(&mut self, _id: MachineId, _user: UserNumber, _entitlement: Entitlement) {}
    fn removed(&mut self, _id: MachineId, _now: Duration) {}
    fn entitled(&mut self, _id: MachineId, _entitlement: Entitlement, _now: Duration) {}
    fn charged(&mut self, _id: MachineId, _used: Duration, _now: Duration) {}

    fn runnable(&mut self, id: MachineId, _why: Wakeup, _now: Duration) -> Option<MachineId> {
        self.prompt.push_back(id);
        None
    }

    fn preempted(&mut self, id: MachineId, used: Duration, _now: Duration) {
        if self.charge(id, used) { self.batch.push_back(id) } else { self.prompt.push_back(id) }
    }

    fn yielded(&mut self, id: MachineId, used: Duration, now: Duration) {
        self.preempted(id, used, now);
    }

    fn waiting(&mut self, id: MachineId, used: Duration, _now: Duration) {
        self.charge(id, used);
    }

    fn choose(&mut self, _now: Duration) -> Choice {
        let batch_is_due = self.prompt_in_a_row >= PROMPT_RUN && !self.batch.is_empty();
        if !batch_is_due && let Some(id) = self.prompt.pop_front() {
            self.prompt_in_a_row += 1;
            return Choice::Run(id, SLICE - self.used.get(&id).copied().unwrap_or_default());
        }
        self.prompt_in_a_row = 0;
        self.batch.pop_front().map_or(Choice::Idle, |id| Choice::Run(id, SLICE))
    }
}
