//! Deadlines in real time, as z/VM describes its own: the next slice of a machine ought to be over when its share, of all who want a processor
//! now, would have given it that slice. The earliest deadline goes next, for a slice of fixed length. What is left of a slice is charged by use.

use std::collections::{BTreeSet, HashMap};
use std::time::Duration;

use cp_monitor::dispatcher::policy::{Choice, Entitlement, MachineId, Policy, UserNumber, Wakeup};

use super::stride::weight;

const SLICE: Duration = Duration::from_millis(5);

pub struct Deadline {
    processors: usize,
    machines: HashMap<MachineId, Machine>,
    order: BTreeSet<(Duration, u64, MachineId)>,
    /// Sum of the weights of those who want a processor.
    wanting: u64,
    sequence: u64,
}

struct Machine {
    weight: u64,
    deadline: Duration,
}

impl Deadline {
    pub fn new(processors: usize) -> Self {
        Self { processors, machines: HashMap::new(), order: BTreeSet::new(), wanting: 0, sequence: 0 }
    }

    /// How long a slice of that length takes at this share.
    fn offset(&self, weight: u64, length: Duration) -> Duration {
        length.mul_f64(self.wanting as f64 / weight as f64 / self.processors as f64)
    }

    fn enter(&mut self, id: MachineId, used: Duration, now: Duration) {
        let Some(weight) = self.machines.get(&id).map(|machine| machine.weight) else { return };
        let offset = self.offset(weight, used);
        let Some(machine) = self.machines.get_mut(&id) else { return };
        // A deadline that was missed by far is not caught up with.
        machine.deadline = (machine.deadline + offset).max(now);
        self.sequence += 1;
        self.order.insert((machine.deadline, self.sequence, id));
    }
}

impl Policy for Deadline {
    fn admitted(&mut self, id: MachineId, _user: UserNumber, entitlement: Entitlement) {
        self.machines.insert(id, Machine { weight: weight(entitlement), deadline: Duration::ZERO });
    }

    fn removed(&mut self, _id: MachineId, _now: Duration) {}
    fn entitled(&mut self, _id: MachineId, _entitlement: Entitlement, _now: Duration) {}
    fn charged(&mut self, _id: MachineId, _used: Duration, _now: Duration) {}

    fn runnable(&mut self, id: MachineId, _why: Wakeup, now: Duration) -> Option<MachineId> {
        self.wanting += self.machines.get(&id).map_or(0, |machine| machine.weight);
        self.enter(id, Duration::ZERO, now);
        None
    }

    fn preempted(&mut self, id: MachineId, used: Duration, now: Duration) {
        self.enter(id, used, now);
    }

    fn yielded(&mut self, id: MachineId, used: Duration, now: Duration) {
        self.enter(id, used, now);
    }

    fn waiting(&mut self, id: MachineId, used: Duration, _now: Duration) {
        let Some(weight) = self.machines.get(&id).map(|machine| machine.weight) else { return };
        let offset = self.offset(weight, used);
        if let Some(machine) = self.machines.get_mut(&id) {
            machine.deadline += offset;
        }
        self.wanting -= weight;
    }

    fn choose(&mut self, _now: Duration) -> Choice {
        self.order.pop_first().map_or(Choice::Idle, |(_, _, id)| Choice::Run(id, SLICE))
    }
}
