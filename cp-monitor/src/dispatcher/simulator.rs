//! Many machines on few processors in virtual time, to see what a [`Policy`] makes of them. Measurement and tests only.
//!
//! The real [`super::Dispatcher`] is a loop around a policy, and so is this, with the thread, the clock and the guest replaced by numbers: a slice
//! costs [`Setup::switch`] beside what the machine does in it, it ends up to [`Setup::overrun`] late, and of some the host takes [`Setup::stolen`]. The same seed
//! gives the same run.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::time::Duration;

use super::policy::{Choice, Entitlement, MachineId, Policy, Wakeup};
use crate::directory::ShareLimit;

/// What a machine does with processors.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Behaviour {
    /// Computes for ever.
    Spin,
    /// Computes for ever once a person has typed so, at that time: the bias that the line brings is used up at once.
    Told {
        /// When.
        at: Duration,
    },
    /// A person: thinks about that long, then types a line whose command takes about that long.
    Interactive {
        /// Mean time between the end of a command and the next line.
        think: Duration,
        /// Mean processor time of a command.
        burst: Duration,
    },
    /// Computes and waits for a device, in turn.
    Bursty {
        /// Mean processor time between two waits.
        burst: Duration,
        /// Mean length of a wait.
        pause: Duration,
    },
    /// Computes, and waits for an instant just before its slice would end.
    WaitEarly,
    /// Computes, and gives up the rest of each slice after so long (DIAGNOSE X'44').
    Yield {
        /// Processor time between two.
        burst: Duration,
    },
}

/// One virtual processor.
#[derive(Clone, Copy, Debug)]
pub struct Member {
    /// What it does.
    pub behaviour: Behaviour,
    /// What its user is entitled to.
    pub entitlement: Entitlement,
    /// Its user: members with the same number belong together.
    pub user: usize,
}

/// What is simulated.
#[derive(Clone, Debug)]
pub struct Setup {
    /// Real processors.
    pub processors: usize,
    /// The machines.
    pub members: Vec<Member>,
    /// Time before anything is counted.
    pub warm_up: Duration,
    /// Time in which is counted.
    pub duration: Duration,
    /// What it costs to enter and leave a machine once.
    pub switch: Duration,
    /// A slice ends up to this late.
    pub overrun: Duration,
    /// Of one slice in twenty the host takes the processor away for up to that long: nobody is charged for it.
    pub stolen: Duration,
    /// Any number but 0.
    pub seed: u64,
}

impl Setup {
    /// Members that each are a user of their own, on two processors, for ten seconds after one of warming up.
    pub fn of(members: impl IntoIterator<Item = (Behaviour, Entitlement)>) -> Self {
        let members = members.into_iter().enumerate().map(|(user, (behaviour, entitlement))| Member { behaviour, entitlement, user });
        Self {
            processors: 2,
            members: members.collect(),
            warm_up: Duration::from_secs(1),
            duration: Duration::from_secs(10),
            switch: Duration::from_micros(50),
            overrun: Duration::from_micros(60),
            stolen: Duration::ZERO,
            seed: 0x9e37_79b9_7f4a_7c15,
        }
    }
}

/// What came of it.
#[derive(Clone, Debug, Default)]
pub struct Outcome {
    /// Processor time of each member, its switches included.
    pub used: Vec<Duration>,
    /// Processor time within a second: the most that each user had in any window of that length. Only of users with a hard limit.
    pub most_in_a_second: Vec<Duration>,
    /// From a typed line to the moment its machine is chosen.
    pub waits: Vec<Duration>,
    /// Longest time that each member was ready, not limited, and not chosen.
    pub longest_wait: Vec<Duration>,
    /// Time that processors were idle although somebody without a hard limit was ready.
    pub wasted: Duration,
    /// Choices made.
    pub choices: u64,
    /// Processor time spent in switches.
    pub switching: Duration,
}

impl Outcome {
    /// Largest deviation of a member from its due, in percent of it, when all spin and the dues are in these proportions.
    pub fn largest_error(&self, weights: &[u64]) -> f64 {
        let (all, weight) = (self.used.iter().sum::<Duration>().as_secs_f64(), weights.iter().sum::<u64>() as f64);
        let error = |(used, &own): (&Duration, &u64)| (used.as_secs_f64() / (all * own as f64 / weight) - 1.0).abs() * 100.0;
        self.used.iter().zip(weights).map(error).fold(0.0, f64::max)
    }

    /// The wait that so many percent of the waits do not exceed.
    pub fn wait(&self, percent: usize) -> Duration {
        let mut waits = self.waits.clone();
        waits.sort();
        let at = (waits.len() * percent / 100).min(waits.len().saturating_sub(1));
        waits.get(at).copied().unwrap_or_default()
    }
}

/// Runs the setup under a policy.
pub fn simulate(policy: &mut dyn Policy, setup: &Setup) -> Outcome {
    let mut simulation = Simulation::new(policy, setup);
    simulation.run();
    simulation.outcome()
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Event {
    Wake(usize),
    SliceEnd { processor: usize, slice: u64 },
    Ask,
}

#[derive(Clone, Copy, PartialEq)]
enum At {
    Waiting,
    Ready { since: Duration },
    Running,
}

#[derive(Clone, Copy)]
struct Slice {
    number: u64,
    member: usize,
    begun: Duration,
    /// How much of it the host takes.
    stolen: Duration,
    /// How it ends if nobody cuts it short.
    end: End,
}

#[derive(Clone, Copy, PartialEq)]
enum End {
    Wait,
    Yield,
    Timer,
}

struct State {
    at: At,
    /// Processor time until it waits of itself.
    left: Duration,
    used: Duration,
    longest_wait: Duration,
    typed: Option<Duration>,
    hard: bool,
    /// Slices of the user, for users with a hard limit.
    slices: Vec<(Duration, Duration)>,
}

struct Simulation<'a> {
    policy: &'a mut dyn Policy,
    setup: &'a Setup,
    now: Duration,
    events: BinaryHeap<Reverse<(Duration, u64, Event)>>,
    sequence: u64,
    random: u64,
    states: Vec<State>,
    processors: Vec<Option<Slice>>,
    /// Members that are ready and have no hard limit.
    ready: usize,
    outcome: Outcome,
}

impl<'a> Simulation<'a> {
    fn new(policy: &'a mut dyn Policy, setup: &'a Setup) -> Self {
        let states = setup.members.iter().map(|member| State {
            at: At::Waiting,
            left: Duration::MAX,
            used: Duration::ZERO,
            longest_wait: Duration::ZERO,
            typed: None,
            hard: member.entitlement.share.limit == ShareLimit::LimitHard,
            slices: Vec::new(),
        });
        Self {
            policy,
            setup,
            now: Duration::ZERO,
            events: BinaryHeap::new(),
            sequence: 0,
            random: setup.seed,
            states: states.collect(),
            processors: vec![None; setup.processors],
            ready: 0,
            outcome: Outcome::default(),
        }
    }

    fn run(&mut self) {
        for (at, member) in self.setup.members.iter().enumerate() {
            self.policy.admitted(at as MachineId + 1, member.user as u64 + 1, member.entitlement);
            let start = match member.behaviour {
                Behaviour::Interactive { think, .. } => self.about(think),
                Behaviour::Told { at } => at,
                _ => Duration::ZERO,
            };
            self.at(start, Event::Wake(at));
        }
        let end = self.setup.warm_up + self.setup.duration;
        while let Some(Reverse((time, _, event))) = self.events.pop() {
            self.pass_to(time.min(end));
            if time >= end {
                break;
            }
            match event {
                Event::Wake(member) => self.wake(member),
                Event::SliceEnd { processor, slice } => self.slice_end(processor, slice),
                Event::Ask => self.ask_idle(),
            }
        }
        // Slices in progress count as far as they have come.
        for processor in 0..self.processors.len() {
            if let Some(slice) = self.processors[processor].take() {
                self.account(slice);
            }
        }
    }

    fn at(&mut self, time: Duration, event: Event) {
        self.sequence += 1;
        self.events.push(Reverse((time, self.sequence, event)));
    }

    /// Xorshift; the high bits are the good ones.
    fn dice(&mut self) -> f64 {
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        (self.random >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// An exponentially distributed time with that mean, at most eight times as long.
    fn about(&mut self, mean: Duration) -> Duration {
        let dice = self.dice();
        mean.mul_f64((-(1.0 - dice).ln()).min(8.0)).max(Duration::from_nanos(1))
    }

    fn counting(&self) -> bool {
        self.now >= self.setup.warm_up
    }

    fn pass_to(&mut self, time: Duration) {
        let idle = self.processors.iter().filter(|slice| slice.is_none()).count();
        if idle > 0 && self.ready > 0 && self.counting() {
            self.outcome.wasted += (time - self.now) * idle.min(self.ready) as u32;
        }
        self.now = time;
    }

    fn wake(&mut self, member: usize) {
        if self.states[member].at != At::Waiting {
            return;
        }
        let (why, left) = match self.setup.members[member].behaviour {
            Behaviour::Interactive { burst, .. } => (Wakeup::Console, self.about(burst)),
            Behaviour::Bursty { burst, .. } => (Wakeup::Work, self.about(burst)),
            Behaviour::Told { .. } => (Wakeup::Console, Duration::MAX),
            Behaviour::Spin | Behaviour::WaitEarly | Behaviour::Yield { .. } => (Wakeup::Work, Duration::MAX),
        };
        self.states[member].left = left;
        self.states[member].typed = (why == Wakeup::Console).then_some(self.now);
        self.become_ready(member);
        let cut = self.policy.runnable(member as MachineId + 1, why, self.now);
        if self.processors.iter().any(Option::is_none) {
            self.ask_idle();
        } else if let Some(victim) = cut {
            let runs = |slice: &Option<Slice>| slice.is_some_and(|slice| slice.member as MachineId + 1 == victim);
            if let Some(processor) = self.processors.iter().position(runs) {
                self.cut(processor);
            }
        }
    }

    fn become_ready(&mut self, member: usize) {
        self.states[member].at = At::Ready { since: self.now };
        self.ready += usize::from(!self.states[member].hard);
    }

    fn cut(&mut self, processor: usize) {
        if let Some(slice) = self.processors[processor].as_mut() {
            slice.end = End::Timer;
            let number = slice.number;
            self.slice_end(processor, number);
        }
    }

    /// Idle processors ask, one after another, until there is nothing for one.
    fn ask_idle(&mut self) {
        while let Some(idle) = self.processors.iter().position(Option::is_none) {
            if !self.ask(idle) {
                return;
            }
        }
    }

    fn ask(&mut self, processor: usize) -> bool {
        self.outcome.choices += u64::from(self.counting());
        match self.policy.choose(self.now) {
            Choice::Run(id, length) => {
                self.begin(processor, id as usize - 1, length);
                return true;
            }
            Choice::Until(time) => self.at(time.max(self.now + Duration::from_nanos(1)), Event::Ask),
            Choice::Idle => {}
        }
        false
    }

    fn begin(&mut self, processor: usize, member: usize, length: Duration) {
        let late = self.setup.overrun.mul_f64(self.dice());
        let unlucky = self.setup.stolen > Duration::ZERO && self.dice() < 0.05;
        let stolen = if unlucky { self.setup.stolen.mul_f64(self.dice()) } else { Duration::ZERO };
        let counting = self.counting();
        let state = &mut self.states[member];
        let At::Ready { since } = state.at else { panic!("member {member} was chosen and is not ready") };
        self.ready -= usize::from(!state.hard);
        state.at = At::Running;
        if counting {
            if !state.hard {
                state.longest_wait = state.longest_wait.max(self.now - since);
            }
            if let Some(typed) = state.typed.take() {
                self.outcome.waits.push(self.now - typed);
            }
        }
        let room = length.saturating_sub(self.setup.switch);
        let (end, takes) = match self.setup.members[member].behaviour {
            Behaviour::WaitEarly if room > Duration::from_micros(1) => (End::Wait, room - Duration::from_micros(1)),
            Behaviour::Yield { burst } if burst < room => (End::Yield, burst),
            _ if state.left <= room => (End::Wait, state.left),
            _ => (End::Timer, room + late),
        };
        self.sequence += 1;
        let slice = Slice { number: self.sequence, member, begun: self.now, stolen, end };
        self.processors[processor] = Some(slice);
        self.at(self.now + self.setup.switch + takes + stolen, Event::SliceEnd { processor, slice: slice.number });
    }

    /// Counts what was used of a slice; answers it.
    fn account(&mut self, slice: Slice) -> Duration {
        // The host takes its time first.
        let entered = slice.begun + slice.stolen;
        let used = self.now.saturating_sub(entered);
        let counted = self.now.saturating_sub(entered.max(self.setup.warm_up));
        self.states[slice.member].used += counted;
        if counted > Duration::ZERO {
            self.outcome.switching += self.setup.switch.min(used);
        }
        if self.states[slice.member].hard {
            let user = self.setup.members[slice.member].user;
            self.states[user].slices.push((slice.begun, self.now));
        }
        used
    }

    fn slice_end(&mut self, processor: usize, number: u64) {
        let Some(slice) = self.processors[processor].filter(|slice| slice.number == number) else { return };
        self.processors[processor] = None;
        let used = self.account(slice);
        let (member, id) = (slice.member, slice.member as MachineId + 1);
        let state = &mut self.states[member];
        state.left = state.left.saturating_sub(used.saturating_sub(self.setup.switch));
        if slice.end == End::Wait {
            state.at = At::Waiting;
            self.policy.waiting(id, used, self.now);
            let pause = match self.setup.members[member].behaviour {
                Behaviour::Interactive { think, .. } => self.about(think),
                Behaviour::Bursty { pause, .. } => self.about(pause),
                _ => Duration::from_micros(1),
            };
            self.at(self.now + pause, Event::Wake(member));
        } else {
            self.become_ready(member);
            match slice.end {
                End::Yield => self.policy.yielded(id, used, self.now),
                _ => self.policy.preempted(id, used, self.now),
            }
        }
        self.ask_idle();
    }

    fn outcome(mut self) -> Outcome {
        for state in &mut self.states {
            if let (At::Ready { since }, false) = (state.at, state.hard) {
                state.longest_wait = state.longest_wait.max(self.now - since.max(self.setup.warm_up).min(self.now));
            }
        }
        self.outcome.used = self.states.iter().map(|state| state.used).collect();
        self.outcome.longest_wait = self.states.iter().map(|state| state.longest_wait).collect();
        self.outcome.most_in_a_second = self.states.iter().map(|state| most_in_a_second(&state.slices)).collect();
        self.outcome
    }
}

/// The most that these slices have in any window of a second. A window with the most ends where a slice ends or begins where one begins.
fn most_in_a_second(slices: &[(Duration, Duration)]) -> Duration {
    const WINDOW: Duration = Duration::from_secs(1);
    let within = |from: Duration| {
        let first = slices.partition_point(|&(_, end)| end <= from);
        let overlap = |&(begun, end): &(Duration, Duration)| end.min(from + WINDOW).saturating_sub(begun.max(from));
        // In the order in which they ended: one that began earlier may stand a few places later, and none is as long as a tenth of the window.
        slices[first..].iter().take_while(|&&(_, end)| end <= from + WINDOW * 11 / 10).map(overlap).sum::<Duration>()
    };
    slices.iter().map(|&(begun, end)| within(begun).max(within(end.saturating_sub(WINDOW)))).max().unwrap_or_default()
}
