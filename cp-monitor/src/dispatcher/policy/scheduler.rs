//! The scheduler: what it keeps of each machine, and what every event changes. Who is chosen is in `choice`.

mod choice;
mod displays;

use std::collections::BTreeMap;
use std::time::Duration;

use super::admission::{Admission, Capacity, Demand, Transaction};
use super::allowance::{Allowance, Pool};
use super::entitlement::{Entitlement, Kind, UNIT, division};
use super::limit::{LimitList, Pace};
use super::queue::{Class, Key, stretch};
use super::{Choice, MachineId, Policy, Srm, UserNumber, Wakeup};
use crate::dispatcher::table::Table;

pub use choice::{ALONE, SHORTEST, TURN};

/// A machine may use so much of what its share gives in a second in advance, because a line was typed: the half. So it has made up for that after as long,
/// however small its share is: two slices of one that is due 5 ms a second would otherwise keep it waiting for two seconds.
pub const ADVANCE_PART: u32 = 2;

/// Shares, limits, bias and admission together. See [`super`] for how.
pub struct Scheduler {
    processors: usize,
    srm: Srm,
    machines: Table<Machine>,
    /// By the numbers of users, which are numbers of one of their machines.
    users: Table<Account>,
    /// By [`Kind`].
    classes: [Class; 2],
    /// Virtual time of the class chosen last.
    top: u128,
    /// Machines with interactive bias, first come first served.
    prompt: BTreeMap<Key, MachineId>,
    /// What is left over of the percentages of [`Srm::bias_intensity`].
    remainder: u32,
    /// What those who type may be given beyond their shares, all together.
    pool: Pool,
    limits: LimitList,
    running: Vec<Running>,
    admission: Admission,
    sequence: u64,
}

/// One virtual processor.
struct Machine {
    user: UserNumber,
    place: Place,
    /// Virtual time, in its class.
    time: u128,
    /// What it may still use with interactive bias.
    bias: Duration,
    /// How much of that is beyond its share.
    beyond: Duration,
    /// None when it is dormant.
    transaction: Option<Transaction>,
    demand: Demand,
}

/// Where a machine is, with its key there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    Waiting { since: Duration },
    Ready(Key),
    Prompt(Key),
    Limited { release: Key, hard: bool },
    Eligible(Key),
    Running,
}

impl Place {
    fn competes(self) -> bool {
        matches!(self, Place::Ready(_) | Place::Prompt(_) | Place::Running)
    }

    fn wants(self) -> bool {
        self.competes() || matches!(self, Place::Limited { .. })
    }
}

/// One user: what all virtual processors of it share.
struct Account {
    entitlement: Entitlement,
    machines: Vec<MachineId>,
    /// Of each of the machines.
    weight: u64,
    /// Before this time its maximum does not let it go on.
    limited_until: Duration,
    /// What it may still be given beyond its share.
    allowance: Allowance,
}

impl Account {
    fn new(entitlement: Entitlement) -> Self {
        let weight = entitlement.weight(1);
        Self { entitlement, machines: Vec::new(), weight, limited_until: Duration::ZERO, allowance: Allowance::default() }
    }
}

/// A slice in progress.
struct Running {
    id: MachineId,
    until: Duration,
    /// It goes on only because nobody else wants the processor.
    spare: bool,
    /// Chosen for its bias.
    prompt: bool,
    /// It was said that the slice should be cut short.
    cut: bool,
    /// The pace it is held to, and what the slice was charged against its maximum beforehand.
    reserved: Option<(Pace, Duration)>,
}

impl Scheduler {
    /// A scheduler for so many real processors.
    pub fn new(processors: usize) -> Self {
        Self {
            processors: processors.max(1),
            srm: Srm::default(),
            machines: Table::default(),
            users: Table::default(),
            classes: Default::default(),
            top: 0,
            prompt: BTreeMap::new(),
            remainder: 0,
            pool: Pool::of(processors.max(1)),
            limits: LimitList::default(),
            running: Vec::new(),
            admission: Admission::default(),
            sequence: 0,
        }
    }

    /// The settings.
    pub fn srm(&self) -> &Srm {
        &self.srm
    }

    /// SET SRM.
    pub fn set_srm(&mut self, srm: Srm) {
        self.srm = srm;
    }

    /// How much storage there is for machines. With `pages` none, or plenty, nobody waits on the eligible list.
    pub fn set_capacity(&mut self, capacity: Capacity) {
        self.admission.capacity = capacity;
    }

    /// Whether storage is short, so that demands matter.
    pub fn is_short(&self) -> bool {
        self.admission.capacity.pages.is_some()
    }

    /// What a machine needs of storage. One that is in the dispatch list counts with that from now on: it may have loaded meanwhile, or grown.
    pub fn set_demand(&mut self, id: MachineId, demand: Demand) {
        let Some(machine) = self.machines.get_mut(id) else { return };
        machine.demand = demand;
        if let Some(transaction) = machine.transaction.as_mut().filter(|_| !matches!(machine.place, Place::Eligible(_))) {
            self.admission.leave(transaction);
            self.admission.enter(transaction, demand);
        }
    }

    fn key(&mut self, time: u128) -> Key {
        self.sequence += 1;
        Key { time, sequence: self.sequence }
    }

    /// What the classes are due, in tenths of a percent.
    fn due(&self) -> [u64; 2] {
        division(self.classes[0].competing, self.classes[1].competing)
    }

    fn pace(&self, account: &Account) -> Option<Pace> {
        let maximum = account.entitlement.maximum()?;
        let wanting = self.classes[Kind::Relative as usize].wanting;
        let relative = division(self.classes[0].wanting, wanting.max(1))[1];
        Pace::of(maximum, self.processors, account.machines.len(), relative, wanting)
    }

    /// Puts a machine somewhere else: off the structure it is on, onto the new one, and the sums follow.
    fn put(&mut self, id: MachineId, to: Place) {
        let Some(machine) = self.machines.get_mut(id) else { return };
        let Some(account) = self.users.get(machine.user) else { return };
        let from = std::mem::replace(&mut machine.place, to);
        let class_of_transaction = machine.transaction.map_or(1, |transaction| transaction.class);
        let (kind, weight) = (account.entitlement.kind() as usize, account.weight);
        let class = &mut self.classes[kind];
        match from {
            Place::Ready(key) => drop(class.order.remove(&key)),
            Place::Prompt(key) => drop(self.prompt.remove(&key)),
            Place::Limited { release, hard } => self.limits.remove(&release, hard),
            Place::Eligible(key) => self.admission.stop_waiting(class_of_transaction, &key),
            Place::Waiting { .. } | Place::Running => {}
        }
        match to {
            Place::Ready(key) => drop(class.order.insert(key, id)),
            Place::Prompt(key) => drop(self.prompt.insert(key, id)),
            Place::Limited { release, hard } => self.limits.insert(release, hard, id),
            Place::Eligible(key) => self.admission.wait(class_of_transaction, key, id),
            Place::Waiting { .. } | Place::Running => {}
        }
        if to.competes() && !from.competes() && class.competing == 0 {
            class.time = class.time.max(self.top);
        }
        class.competing = class.competing + u64::from(to.competes()) * weight - u64::from(from.competes()) * weight;
        class.wanting = class.wanting + u64::from(to.wants()) * weight - u64::from(from.wants()) * weight;
    }

    /// Charges a machine and its class, but for what the machine was allowed beyond its share.
    fn charge(&mut self, id: MachineId, used: Duration) {
        let due = self.due();
        self.pool.fill(used);
        let Some(machine) = self.machines.get_mut(id) else { return };
        let Some(account) = self.users.get(machine.user) else { return };
        let kind = account.entitlement.kind() as usize;
        let class = &mut self.classes[kind];
        // Bias that the share covers goes first.
        let beyond = used.saturating_sub(machine.bias - machine.beyond).min(machine.beyond);
        machine.beyond -= beyond;
        machine.bias = machine.bias.saturating_sub(used);
        let used = used - beyond;
        machine.time = machine.time.max(class.floor(account.weight)) + stretch(used, account.weight);
        let weight = due[kind].max(1) * UNIT;
        let floor = self.top.saturating_sub(stretch(super::queue::CREDIT, weight));
        class.time = class.time.max(floor) + stretch(used, weight);
    }

    /// A line was typed: its machine has bias as far as its share makes up for that soon, and beyond that as far as it is allowed.
    fn give_bias(&mut self, id: MachineId, now: Duration) {
        let Some((share, own)) = self.advance(id) else { return };
        let Some(machine) = self.machines.get_mut(id) else { return };
        let Some(account) = self.users.get_mut(machine.user) else { return };
        let lacks = self.srm.slice * self.srm.bias_slices - own;
        let wanted = lacks.saturating_sub(machine.beyond);
        if wanted > Duration::ZERO {
            machine.beyond += account.allowance.draw(wanted, share, now, &mut self.pool);
        }
        machine.beyond = machine.beyond.min(lacks);
        machine.bias = own + machine.beyond;
    }

    /// What the user's share is of all processors now, in time per second, and the most that its machine may use in advance.
    fn advance(&self, id: MachineId) -> Option<(Duration, Duration)> {
        let machine = self.machines.get(id)?;
        let account = self.users.get(machine.user)?;
        let kind = account.entitlement.kind() as usize;
        let class = &self.classes[kind];
        let weight = u128::from(account.weight) * account.machines.len() as u128;
        let all = u128::from(class.competing).max(weight).max(1);
        let share = 1_000_000 * self.processors as u128 * u128::from(self.due()[kind].max(1)) * weight / all;
        let share = Duration::from_nanos(u64::try_from(share).unwrap_or(u64::MAX));
        let most = (self.srm.slice * self.srm.bias_slices).min(share / ADVANCE_PART);
        Some((share, most.saturating_sub(class.lead(machine.time, account.weight))))
    }

    /// Bias that was given while fewer competed is worth less now.
    fn temper_bias(&mut self, id: MachineId) -> Duration {
        let Some((_, own)) = self.advance(id) else { return Duration::ZERO };
        let Some(machine) = self.machines.get_mut(id) else { return Duration::ZERO };
        machine.bias = (machine.bias - machine.beyond).min(own) + machine.beyond;
        machine.bias
    }

    /// The end of a slice: what was used is charged, against the maximum share as well.
    fn end_slice(&mut self, id: MachineId, used: Duration) {
        let Some(at) = self.running.iter().position(|running| running.id == id) else { return };
        let ended = self.running.swap_remove(at);
        if let Some((pace, reserved)) = ended.reserved
            && let Some(account) = self.machines.get(id).and_then(|machine| self.users.get_mut(machine.user))
        {
            account.limited_until = account.limited_until.saturating_sub(reserved) + pace.stretch(used);
        }
        self.charge(id, used);
        if ended.spare
            && let Some(machine) = self.machines.get(id)
            && let Some(account) = self.users.get(machine.user)
        {
            // Nobody else wanted it when it began, and who came since cut it short: nothing to wait for afterwards, however small the share is.
            let class = &mut self.classes[account.entitlement.kind() as usize];
            class.now = class.now.max(machine.time);
            self.top = self.top.max(class.time);
        }
    }

    /// A machine that wants a processor and has a transaction that is not over: onto the dispatch list, or its part, the limit list.
    fn make_ready(&mut self, id: MachineId, now: Duration, behind: u128) {
        if self.machines.get(id).is_some_and(|machine| machine.bias > Duration::ZERO) {
            self.temper_bias(id);
        }
        let Some(machine) = self.machines.get_mut(id) else { return };
        let Some(account) = self.users.get(machine.user) else { return };
        let class = &self.classes[account.entitlement.kind() as usize];
        let floor = match machine.place {
            // What it did not want, or could not have, it does not get later.
            Place::Waiting { .. } | Place::Limited { .. } | Place::Eligible(_) => class.now,
            Place::Ready(_) | Place::Prompt(_) | Place::Running => class.floor(account.weight),
        };
        machine.time = machine.time.max(floor);
        let (time, bias, until) = (machine.time.max(behind), machine.bias, account.limited_until);
        let hard = account.entitlement.is_hard();
        let place = if until > now && account.entitlement.maximum().is_some() {
            Place::Limited { release: self.key(until.as_nanos()), hard }
        } else if bias > Duration::ZERO {
            Place::Prompt(self.key(0))
        } else {
            Place::Ready(self.key(time))
        };
        self.put(id, place);
    }

    /// A machine wants a processor: into the dispatch list if its transaction fits, else onto the eligible list.
    fn enter(&mut self, id: MachineId, now: Duration, behind: u128) {
        let Some(machine) = self.machines.get_mut(id) else { return };
        let Some(transaction) = machine.transaction.as_mut() else { return };
        if transaction.is_over(now) {
            self.admission.leave(transaction);
            transaction.go_on(now);
            // Who waits already comes before one that has been in, or those that fit together would stay in for ever.
            if self.admission.is_waited_for_until(transaction.class) || !self.admission.fits(&self.srm, transaction.class, machine.demand) {
                let key = self.key(now.as_nanos());
                self.put(id, Place::Eligible(key));
                return;
            }
            self.admission.enter(transaction, machine.demand);
        }
        self.make_ready(id, now, behind);
    }

    /// Begins a transaction.
    fn begin(&mut self, id: MachineId, now: Duration) {
        let Some(machine) = self.machines.get_mut(id) else { return };
        let quickdsp = self.users.get(machine.user).is_some_and(|account| account.entitlement.quickdsp);
        let transaction = machine.transaction.insert(Transaction::begin(quickdsp, now));
        if self.admission.fits(&self.srm, transaction.class, machine.demand) {
            self.admission.enter(transaction, machine.demand);
            self.make_ready(id, now, 0);
        } else {
            let key = self.key(now.as_nanos());
            self.put(id, Place::Eligible(key));
        }
    }

    /// What time alone changes: who is released, who has become dormant, who fits now.
    fn settle(&mut self, now: Duration) {
        while let Some(id) = self.limits.released(now) {
            self.make_ready(id, now, 0);
        }
        while let Some((since, id)) = self.admission.long_idle(now) {
            let Some(machine) = self.machines.get_mut(id) else { continue };
            if machine.place == (Place::Waiting { since })
                && let Some(transaction) = machine.transaction.take()
            {
                self.admission.leave(&transaction);
            }
        }
        while self.admission.is_waited_for() && self.admit_one(now) {}
    }

    /// Lets one member of the eligible list in; false when none fits.
    fn admit_one(&mut self, now: Duration) -> bool {
        for (id, overdue) in self.admission.heads(now) {
            let Some(machine) = self.machines.get_mut(id) else { continue };
            let (Some(transaction), demand) = (machine.transaction.as_mut(), machine.demand) else { continue };
            if self.admission.fits(&self.srm, transaction.class, demand) {
                self.admission.enter(transaction, demand);
                transaction.since = now;
                self.make_ready(id, now, 0);
                return true;
            }
            if overdue {
                return false;
            }
        }
        false
    }

    /// Weights of a user's machines follow from what it is entitled to and how many they are.
    fn reweigh(&mut self, user: UserNumber, change: impl FnOnce(&mut Account), now: Duration) {
        let Some(account) = self.users.get(user) else { return };
        let before = (account.entitlement.kind() as usize, account.weight);
        let members = account.machines.clone();
        let mut wanted = Vec::new();
        for id in members {
            let Some(machine) = self.machines.get(id) else { continue };
            let place = machine.place;
            // What it is ahead by, it stays ahead by.
            let lead = self.classes[before.0].lead(machine.time, before.1);
            self.put(id, Place::Waiting { since: now });
            wanted.push((id, place, lead));
        }
        let Some(account) = self.users.get_mut(user) else { return };
        change(account);
        account.weight = account.entitlement.weight(account.machines.len());
        let (kind, weight) = (account.entitlement.kind() as usize, account.weight);
        for (id, place, lead) in wanted {
            let Some(machine) = self.machines.get_mut(id) else { continue };
            machine.time = self.classes[kind].now + stretch(lead, weight);
            match place {
                Place::Ready(_) | Place::Prompt(_) | Place::Limited { .. } => self.make_ready(id, now, 0),
                Place::Waiting { .. } | Place::Eligible(_) | Place::Running => self.put(id, place),
            }
        }
    }
}

impl Policy for Scheduler {
    fn admitted(&mut self, id: MachineId, user: UserNumber, entitlement: Entitlement) {
        let (place, demand) = (Place::Waiting { since: Duration::ZERO }, Demand::default());
        self.machines.insert(id, Machine { user, place, time: 0, bias: Duration::ZERO, beyond: Duration::ZERO, transaction: None, demand });
        if self.users.get(user).is_none() {
            self.users.insert(user, Account::new(entitlement));
        }
        self.reweigh(user, |account| account.machines.push(id), Duration::ZERO);
    }

    fn removed(&mut self, id: MachineId, now: Duration) {
        let Some(machine) = self.machines.get(id) else { return };
        let (user, eligible) = (machine.user, matches!(machine.place, Place::Eligible(_)));
        self.put(id, Place::Waiting { since: now });
        self.running.retain(|running| running.id != id);
        if let Some(transaction) = self.machines.remove(id).and_then(|machine| machine.transaction).filter(|_| !eligible) {
            self.admission.leave(&transaction);
        }
        self.reweigh(user, |account| account.machines.retain(|&other| other != id), now);
        if self.users.get(user).is_some_and(|account| account.machines.is_empty()) {
            self.users.remove(user);
        }
    }

    fn entitled(&mut self, id: MachineId, entitlement: Entitlement, now: Duration) {
        let Some(user) = self.machines.get(id).map(|machine| machine.user) else { return };
        self.reweigh(
            user,
            |account| {
                account.entitlement = entitlement;
                // A new maximum counts from now on.
                account.limited_until = account.limited_until.min(now);
            },
            now,
        );
    }

    fn runnable(&mut self, id: MachineId, why: Wakeup, now: Duration) -> Option<MachineId> {
        self.settle(now);
        if why == Wakeup::Console {
            self.give_bias(id, now);
        }
        let machine = self.machines.get(id)?;
        match (machine.place, machine.transaction) {
            (Place::Waiting { .. }, None) => self.begin(id, now),
            (Place::Waiting { .. }, Some(_)) => self.enter(id, now, 0),
            // It computes, and somebody typed (HX, say).
            (Place::Ready(_), _) if why == Wakeup::Console => self.make_ready(id, now, 0),
            _ => return None,
        }
        self.cut_short_for(id)
    }

    fn preempted(&mut self, id: MachineId, used: Duration, now: Duration) {
        self.end_slice(id, used);
        self.enter(id, now, 0);
    }

    fn yielded(&mut self, id: MachineId, used: Duration, now: Duration) {
        self.end_slice(id, used);
        // Behind the one that would be next. Its virtual time stays what it is.
        let class = self.machines.get(id).and_then(|machine| self.users.get(machine.user));
        let class = class.map_or(1, |account| account.entitlement.kind() as usize);
        let behind = self.classes[class].order.first_key_value().map_or(0, |(first, _)| first.time);
        if let Some(machine) = self.machines.get_mut(id) {
            (machine.bias, machine.beyond) = (Duration::ZERO, Duration::ZERO);
        }
        self.enter(id, now, behind);
    }

    fn waiting(&mut self, id: MachineId, used: Duration, now: Duration) {
        self.end_slice(id, used);
        self.put(id, Place::Waiting { since: now });
        self.admission.idle(id, now);
    }

    fn charged(&mut self, id: MachineId, used: Duration, now: Duration) {
        self.charge(id, used);
        let Some(machine) = self.machines.get(id) else { return };
        let (user, place) = (machine.user, machine.place);
        if let Some(pace) = self.users.get(user).and_then(|account| self.pace(account))
            && let Some(account) = self.users.get_mut(user)
        {
            account.limited_until = account.limited_until.max(now) + pace.stretch(used);
        }
        if matches!(place, Place::Ready(_) | Place::Prompt(_) | Place::Limited { .. }) {
            self.make_ready(id, now, 0);
        }
    }

    fn choose(&mut self, now: Duration) -> Choice {
        self.settle(now);
        self.next(now)
    }
}
