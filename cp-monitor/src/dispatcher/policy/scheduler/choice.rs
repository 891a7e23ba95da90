//! Who goes next, for how long, and whose slice is cut short.

use std::time::Duration;

use super::super::entitlement::Kind;
use super::{Choice, MachineId, Place, Running, Scheduler};

/// Shortest slice that a small share makes, however many compete: a few switches. Shares so small use little of the whole.
pub const SHORTEST: Duration = Duration::from_micros(300);
/// How long everybody's turn together should take: the error of a share is about one turn, and is to be less than a hundredth over ten seconds.
pub const TURN: Duration = Duration::from_millis(60);
/// Slices that a machine gets at once when nobody waits behind it. It costs nobody anything: who comes cuts it short.
pub const ALONE: u32 = 10;

/// How a machine came to be chosen.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Turn {
    Share,
    Prompt,
    /// It has had its soft maximum, and nobody else wants the processor.
    Excess,
}

impl Scheduler {
    /// Chooses. What time has changed is settled before.
    pub(super) fn next(&mut self, now: Duration) -> Choice {
        loop {
            let Some((id, turn)) = self.pick() else { return self.nobody() };
            // Another virtual processor of the same user may have used the maximum up since this one became ready.
            let until = self.machines.get(id).and_then(|machine| self.users.get(machine.user)).map(|account| account.limited_until);
            if turn != Turn::Excess && until.is_some_and(|until| until > now) {
                let before = self.machines.get(id).map(|machine| machine.place);
                self.make_ready(id, now, 0);
                let after = self.machines.get(id).map(|machine| machine.place);
                if before != after && matches!(after, Some(Place::Limited { .. })) {
                    continue;
                }
            }
            let slice = self.start(id, turn, now);
            return Choice::Run(id, slice);
        }
    }

    fn nobody(&self) -> Choice {
        let room = self.admission.next_idle().filter(|_| self.admission.is_waited_for());
        self.limits.next().into_iter().chain(room).min().map_or(Choice::Idle, Choice::Until)
    }

    /// Who is next; stays where it is.
    fn pick(&mut self) -> Option<(MachineId, Turn)> {
        let kind = self.class_of_least_time();
        if let Some(&id) = self.prompt.first_key_value().map(|(_, id)| id)
            && self.bias_prevails(kind.is_some())
        {
            return Some((id, Turn::Prompt));
        }
        if let Some(kind) = kind {
            return self.classes[kind].order.first_key_value().map(|(_, &id)| (id, Turn::Share));
        }
        self.limits.first_soft().map(|id| (id, Turn::Excess))
    }

    fn class_of_least_time(&self) -> Option<usize> {
        let wants = |kind: &Kind| !self.classes[*kind as usize].order.is_empty();
        let kinds = [Kind::Absolute, Kind::Relative].into_iter().filter(wants).map(|kind| kind as usize);
        kinds.min_by_key(|&kind| self.classes[kind].time)
    }

    /// Whether this choice goes to a machine with bias, others being there.
    fn bias_prevails(&mut self, contested: bool) -> bool {
        if !contested {
            self.remainder = 99;
            return true;
        }
        self.remainder += self.srm.bias_intensity;
        let prevails = self.remainder >= 100;
        if prevails {
            self.remainder -= 100;
        }
        prevails
    }

    /// The slice of the machine that was picked begins.
    fn start(&mut self, id: MachineId, turn: Turn, now: Duration) -> Duration {
        self.put(id, Place::Running);
        let bias = if turn == Turn::Prompt { self.temper_bias(id) } else { Duration::ZERO };
        let Some(machine) = self.machines.get(id) else { return SHORTEST };
        let Some(account) = self.users.get(machine.user) else { return SHORTEST };
        let (user, time) = (machine.user, machine.time);
        let (kind, weight) = (account.entitlement.kind() as usize, account.weight);
        let pace = self.pace(account).filter(|_| turn != Turn::Excess);
        let class = &mut self.classes[kind];
        // Who goes first for its bias does not move the others; when there are no others, nothing is held against it either.
        if turn != Turn::Prompt || class.order.is_empty() {
            class.now = class.now.max(time);
            self.top = self.top.max(class.time);
        }
        // Nobody is cut short for one that is released from the limit list.
        let alone = self.ready() == 0 && self.limits.len() == 0;
        let spare = turn == Turn::Excess || (alone && pace.is_none());
        let mut slice = match turn {
            Turn::Prompt if !alone => self.srm.slice.min(bias).max(SHORTEST.min(self.srm.slice)),
            Turn::Excess => self.srm.slice,
            _ if spare => self.srm.slice * ALONE,
            _ => self.fair_slice(kind, weight),
        };
        let mut reserved = None;
        if let Some(pace) = pace
            && let Some(account) = self.users.get_mut(user)
        {
            slice = slice.min(pace.slice);
            let beforehand = pace.stretch(slice);
            account.limited_until = account.limited_until.max(now) + beforehand;
            reserved = Some((pace, beforehand));
        }
        self.running.push(Running { id, until: now + slice, spare, prompt: turn == Turn::Prompt, cut: false, reserved });
        slice
    }

    /// The mean slice in proportion to the machine's share.
    fn fair_slice(&self, kind: usize, weight: u64) -> Duration {
        let ready = self.ready() + self.running.len() + 1;
        let longest = self.srm.slice;
        let mean = (TURN * self.processors as u32 / ready as u32).clamp(longest / 4, longest);
        let due = u128::from(self.due()[kind]) * u128::from(weight);
        let all = 1000 * u128::from(self.classes[kind].competing.max(1));
        let own = mean.as_nanos() * ready as u128 * due / all;
        Duration::from_nanos(u64::try_from(own).unwrap_or(u64::MAX)).clamp(SHORTEST.min(longest), longest)
    }

    /// Whether a processor that asked would be given a machine that is ready.
    pub fn anybody_ready(&self) -> bool {
        self.ready() > 0
    }

    /// Machines that are ready and wait for a processor.
    pub(super) fn ready(&self) -> usize {
        self.prompt.len() + self.classes.iter().map(|class| class.order.len()).sum::<usize>()
    }

    /// Whose slice is to be cut short for a machine that has just become ready; nobody's when a processor is idle.
    pub(super) fn cut_short_for(&mut self, id: MachineId) -> Option<MachineId> {
        if self.running.len() < self.processors {
            return None;
        }
        let prompt = match self.machines.get(id)?.place {
            Place::Prompt(_) => true,
            Place::Ready(_) => false,
            _ => return None,
        };
        let may_be_cut = |running: &&mut Running| !running.cut && (running.spare || (prompt && !running.prompt));
        // One that only uses what is left over, else the one that would go on for longest.
        let victim = self.running.iter_mut().filter(may_be_cut).max_by_key(|running| (running.spare, running.until))?;
        victim.cut = true;
        Some(victim.id)
    }
}
