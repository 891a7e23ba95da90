//! Stride scheduling: everybody has a pass that advances by what was used over the share; the least pass goes next, for a slice of fixed length.

use std::collections::{BTreeSet, HashMap};
use std::time::Duration;

use cp_monitor::directory::ShareAmount;
use cp_monitor::dispatcher::policy::{Choice, Entitlement, MachineId, Policy, UserNumber, Wakeup};

const SLICE: Duration = Duration::from_millis(5);
const SCALE: u128 = 1 << 20;

#[derive(Default)]
pub struct Stride {
    /// Weight and pass.
    machines: HashMap<MachineId, (u64, u128)>,
    order: BTreeSet<(u128, u64, MachineId)>,
    now: u128,
    sequence: u64,
}

impl Stride {
    fn enter(&mut self, id: MachineId, used: Duration) {
        let Some((weight, pass)) = self.machines.get_mut(&id) else { return };
        *pass = (*pass + used.as_nanos() * SCALE / u128::from(*weight)).max(self.now);
        self.sequence += 1;
        self.order.insert((*pass, self.sequence, id));
    }
}

pub fn weight(entitlement: Entitlement) -> u64 {
    match entitlement.share.normal {
        ShareAmount::Relative(weight) => weight.into(),
        ShareAmount::Absolute { tenths } => tenths.into(),
    }
}

impl Policy for Stride {
    fn admitted(&mut self, id: MachineId, _user: UserNumber, entitlement: Entitlement) {
        self.machines.insert(id, (weight(entitlement), 0));
    }

    fn removed(&mut self, _id: MachineId, _now: Duration) {}
    fn entitled(&mut self, _id: MachineId, _entitlement: Entitlement, _now: Duration) {}
    fn charged(&mut self, _id: MachineId, _used: Duration, _now: Duration) {}

    fn runnable(&mut self, id: MachineId, _why: Wakeup, _now: Duration) -> Option<MachineId> {
        self.enter(id, Duration::ZERO);
        None
    }

    fn preempted(&mut self, id: MachineId, used: Duration, _now: Duration) {
        self.enter(id, used);
    }

    fn yielded(&mut self, id: MachineId, used: Duration, _now: Duration) {
        self.enter(id, used);
    }

    fn waiting(&mut self, id: MachineId, used: Duration, _now: Duration) {
        if let Some((weight, pass)) = self.machines.get_mut(&id) {
            *pass += used.as_nanos() * SCALE / u128::from(*weight);
        }
    }

    fn choose(&mut self, _now: Duration) -> Choice {
        let Some((pass, _, id)) = self.order.pop_first() else { return Choice::Idle };
        self.now = self.now.max(pass);
        Choice::Run(id, SLICE)
    }
}
