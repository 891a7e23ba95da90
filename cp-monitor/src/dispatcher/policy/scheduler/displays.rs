//! What commands ask the scheduler.

use std::time::Duration;

use super::super::queue::shrink;
use super::super::{Active, Counts, List, Standing, State};
use super::{Machine, MachineId, Place, Scheduler};

impl Scheduler {
    /// How many machines are where.
    pub fn counts(&mut self, now: Duration) -> Counts {
        self.settle(now);
        let dispatch = self.admission.inside.map(|sum| sum.members as usize);
        let eligible = [1, 2, 3].map(|class| self.admission.waiting(class));
        let active = dispatch.iter().chain(&eligible).sum::<usize>();
        Counts {
            dispatch,
            loading: self.admission.inside.map(|sum| sum.loading as usize),
            eligible,
            dormant: self.machines.len().saturating_sub(active),
            limited: self.limits.len(),
            ready: self.ready(),
        }
    }

    /// Every machine that has a transaction: those that run, those that are ready in the order in which they go, the limit list, those that pause, and the
    /// eligible list. Walks all machines: for commands only.
    pub fn standings(&mut self, now: Duration) -> Vec<Standing> {
        self.settle(now);
        let mut standings: Vec<_> = (self.machines.iter())
            .filter(|(_, machine)| machine.transaction.is_some())
            .map(|(id, machine)| (rank(machine), self.standing(id, machine)))
            .collect();
        standings.sort_by(|(a, left), (b, right)| a.cmp(b).then(left.lead.total_cmp(&right.lead)).then(left.id.cmp(&right.id)));
        standings.into_iter().map(|(_, standing)| standing).collect()
    }

    /// Machines that were ready at any time since then. Walks all machines: for commands only.
    pub fn active(&mut self, since: Duration, now: Duration) -> Active {
        self.settle(now);
        let mut active = Active::default();
        for (_, machine) in self.machines.iter() {
            match (machine.transaction, machine.place) {
                (_, Place::Eligible(_)) => active.eligible += 1,
                (_, Place::Waiting { since: idle }) if idle < since || idle.is_zero() => {}
                (Some(_), _) => active.dispatch += 1,
                (None, _) => active.dormant += 1,
            }
        }
        active
    }

    fn standing(&self, id: MachineId, machine: &Machine) -> Standing {
        let (list, state) = match machine.place {
            Place::Running => (List::Dispatch, State::Running),
            Place::Ready(_) | Place::Prompt(_) => (List::Dispatch, State::Ready),
            Place::Limited { .. } => (List::Limit, State::Ready),
            Place::Eligible(_) => (List::Eligible, State::Ready),
            Place::Waiting { .. } => (List::Dispatch, State::Idle),
        };
        let class = machine.transaction.map_or(0, |transaction| transaction.class);
        Standing { id, list, class, state, bias: machine.bias > Duration::ZERO, lead: self.lead(machine) }
    }

    fn lead(&self, machine: &Machine) -> f64 {
        let Some(account) = self.users.get(machine.user) else { return 0.0 };
        let class = &self.classes[account.entitlement.kind() as usize];
        let ahead = class.lead(machine.time, account.weight).as_secs_f64();
        ahead - shrink(class.now.saturating_sub(machine.time), account.weight).as_secs_f64()
    }
}

fn rank(machine: &Machine) -> u8 {
    match machine.place {
        Place::Running => 0,
        Place::Prompt(_) => 1,
        Place::Ready(_) => 2,
        Place::Limited { .. } => 3,
        Place::Waiting { .. } => 4,
        Place::Eligible(_) => 5,
    }
}
