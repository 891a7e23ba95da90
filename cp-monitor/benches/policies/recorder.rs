//! Writes down what an algorithm is told and asked, so that the same can be told to another one without the simulator.

use std::time::Duration;

use cp_monitor::dispatcher::policy::{Choice, Entitlement, MachineId, Policy, UserNumber, Wakeup};

pub struct Recorder {
    policy: Box<dyn Policy>,
    calls: Vec<Call>,
}

enum Call {
    Admitted(MachineId, UserNumber, Entitlement),
    Runnable(MachineId, Wakeup, Duration),
    Preempted(MachineId, Duration, Duration),
    Yielded(MachineId, Duration, Duration),
    Waiting(MachineId, Duration, Duration),
    Choose(Duration),
}

impl Recorder {
    pub fn of(policy: Box<dyn Policy>) -> Self {
        Self { policy, calls: Vec::new() }
    }

    pub fn replay(&self, policy: &mut dyn Policy) {
        for call in &self.calls {
            match *call {
                Call::Admitted(id, user, entitlement) => policy.admitted(id, user, entitlement),
                Call::Runnable(id, why, now) => drop(std::hint::black_box(policy.runnable(id, why, now))),
                Call::Preempted(id, used, now) => policy.preempted(id, used, now),
                Call::Yielded(id, used, now) => policy.yielded(id, used, now),
                Call::Waiting(id, used, now) => policy.waiting(id, used, now),
                Call::Choose(now) => drop(std::hint::black_box(policy.choose(now))),
            }
        }
    }
}

impl Policy for Recorder {
    fn admitted(&mut self, id: MachineId, user: UserNumber, entitlement: Entitlement) {
        self.calls.push(Call::Admitted(id, user, entitlement));
        self.policy.admitted(id, user, entitlement);
    }

    // The simulator does none of these.
    fn removed(&mut self, _id: MachineId, _now: Duration) {
        unreachable!("not simulated");
    }

    fn entitled(&mut self, _id: MachineId, _entitlement: Entitlement, _now: Duration) {
        unreachable!("not simulated");
    }

    fn charged(&mut self, _id: MachineId, _used: Duration, _now: Duration) {
        unreachable!("not simulated");
    }

    fn runnable(&mut self, id: MachineId, why: Wakeup, now: Duration) -> Option<MachineId> {
        self.calls.push(Call::Runnable(id, why, now));
        self.policy.runnable(id, why, now)
    }

    fn preempted(&mut self, id: MachineId, used: Duration, now: Duration) {
        self.calls.push(Call::Preempted(id, used, now));
        self.policy.preempted(id, used, now);
    }

    fn yielded(&mut self, id: MachineId, used: Duration, now: Duration) {
        self.calls.push(Call::Yielded(id, used, now));
        self.policy.yielded(id, used, now);
    }

    fn waiting(&mut self, id: MachineId, used: Duration, now: Duration) {
        self.calls.push(Call::Waiting(id, used, now));
        self.policy.waiting(id, used, now);
    }

    fn choose(&mut self, now: Duration) -> Choice {
        self.calls.push(Call::Choose(now));
        self.policy.choose(now)
    }
}
