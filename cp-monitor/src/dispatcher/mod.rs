//! The mechanism of dispatching: one thread per real processor that takes a machine, runs it for a slice and puts it back.
//!
//! Policy is in [`policy`]; what a slice does is behind [`Dispatchable`]; this file only knows threads, queues and clocks.
//! Nothing that can block runs here. An idle machine is not in any queue and costs no thread and no time.
//!
//! An idle processor sleeps until somebody becomes ready, and one of them (the timekeeper) no longer than until the policy wants to be asked
//! again: however many machines wait for a time, there is one timer. Whoever leaves the idle processors with more to do wakes the next.
//!
//! Lock order: a machine's own lock, then the dispatcher's queue. The queue lock is never held while a machine runs.

pub mod logons;
pub mod meter;
pub mod policy;
pub mod simulator;
mod table;

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex};

use crate::processor::{Kicker, Processor};
use logons::Debt;
use meter::Meter;
use policy::admission::Demand;
use policy::{Choice, Entitlement, MachineId, Policy, Scheduler, Wakeup};
use table::Table;

/// A logon that waits for its turn looks that often whether processors are still busy.
const LOOK_AGAIN: Duration = Duration::from_millis(1);

/// How a slice ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum After {
    /// The machine wants to go on.
    Runnable,
    /// It wants to go on, but others may go first.
    Yielded,
    /// The machine waits; [`Dispatcher::wake`] brings it back.
    Waiting,
}

/// What the dispatcher runs.
pub trait Dispatchable: Send + Sync + 'static {
    /// Runs on `processor` for at most `slice`, and takes what `meter` charges. Must not block. Must not unwind.
    fn run_slice(self: &Arc<Self>, processor: &mut dyn Processor, slice: Duration, meter: &mut Meter) -> After;
    /// Who it is, for displays.
    fn name(&self) -> String;
    /// What it needs of storage. Quick, and takes no lock.
    fn demand(&self) -> Demand;
    /// Whether it has only just been logged on ([`logons::STARTING`]). Quick, and takes no lock.
    fn is_starting(&self) -> bool;
}

/// Where a machine is in its cycle. A wake-up that comes while it runs is remembered, so none is lost.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    Dormant,
    Queued,
    Running { woken: Option<Wakeup> },
}

struct Entry<D> {
    machine: Arc<D>,
    place: Place,
}

struct Queue<D> {
    policy: Scheduler,
    machines: Table<Entry<D>>,
    stopping: bool,
    idle: usize,
    /// How often a processor had nothing to do.
    idled: u64,
    /// An idle processor waits for the time that the policy named.
    timekeeper: bool,
}

/// One real processor as displays see it.
#[derive(Default)]
pub struct Lane {
    /// Nanoseconds of processor time spent running machines and handling their exits.
    pub busy_ns: AtomicU64,
    /// Nanoseconds of slices in which the host ran something else.
    pub stolen_ns: AtomicU64,
    /// Slices so far.
    pub slices: AtomicU64,
    /// The machine it runs now; 0 is none.
    running: AtomicU64,
    /// That one is past its logon.
    works: AtomicBool,
    /// Nanoseconds of `busy_ns` that were of machines past their logon.
    worked_ns: AtomicU64,
    kicker: OnceLock<Kicker>,
    /// Back end of this processor: `kvm` or `soft`.
    kind: OnceLock<&'static str>,
}

impl Lane {
    /// The machine it runs now.
    pub fn running(&self) -> Option<MachineId> {
        Some(self.running.load(Ordering::Acquire)).filter(|&id| id != 0)
    }

    /// Back end, once its thread has started.
    pub fn kind(&self) -> &'static str {
        self.kind.get().copied().unwrap_or("starting")
    }
}

/// The dispatcher: queues, policy and the threads' meeting point.
pub struct Dispatcher<D> {
    queue: Mutex<Queue<D>>,
    work: Condvar,
    lanes: Vec<Lane>,
    origin: Instant,
    /// Somebody is ready and waits for a processor: as of the last event, to be looked at without the queue's lock.
    waited_for: AtomicBool,
    /// What logons owe to machines, and whose turn it is to log on. The outer one is held while a logon waits.
    logons: Mutex<()>,
    debt: Mutex<Debt>,
}

impl<D: Dispatchable> Dispatcher<D> {
    /// A dispatcher for `processors` real processors; threads are started by [`Dispatcher::drive`].
    pub fn new(processors: usize) -> Arc<Self> {
        let policy = Scheduler::new(processors);
        let queue = Queue { policy, machines: Table::default(), stopping: false, idle: 0, idled: 0, timekeeper: false };
        Arc::new(Self {
            queue: Mutex::new(queue),
            work: Condvar::new(),
            lanes: (0..processors).map(|_| Lane::default()).collect(),
            origin: Instant::now(),
            waited_for: AtomicBool::new(false),
            logons: Mutex::new(()),
            debt: Mutex::default(),
        })
    }

    /// The real processors.
    pub fn lanes(&self) -> &[Lane] {
        &self.lanes
    }

    /// Asks the policy something, or sets how it decides. Short: no processor can choose meanwhile.
    pub fn with_policy<T>(&self, ask: impl FnOnce(&mut Scheduler, Duration) -> T) -> T {
        let now = self.origin.elapsed();
        let mut queue = self.queue.lock();
        let answer = ask(&mut queue.policy, now);
        self.note_ready(&queue);
        if queue.idle > 0 {
            // What was set may let somebody run.
            self.work.notify_one();
        }
        answer
    }

    /// Who that is, for displays; nobody once dismissed.
    pub fn name(&self, id: MachineId) -> Option<String> {
        self.queue.lock().machines.get(id).map(|entry| entry.machine.name())
    }

    /// Takes a machine in, of a user of its own; it is dormant until woken.
    pub fn admit(&self, machine: Arc<D>, entitlement: Entitlement) -> MachineId {
        let mut queue = self.queue.lock();
        let id = queue.machines.next();
        queue.policy.admitted(id, id, entitlement);
        queue.machines.insert(id, Entry { machine, place: Place::Dormant });
        id
    }

    /// Forgets a machine. One that runs at this moment finishes its slice.
    pub fn dismiss(&self, id: MachineId) {
        let now = self.origin.elapsed();
        let mut queue = self.queue.lock();
        queue.policy.removed(id, now);
        let gone = queue.machines.remove(id);
        drop(queue);
        drop(gone);
    }

    /// Makes a machine runnable. Call it after the change that lets it run is visible under the machine's own lock.
    pub fn wake(&self, id: MachineId, why: Wakeup) {
        let now = self.origin.elapsed();
        let mut queue = self.queue.lock();
        let short = queue.policy.is_short();
        let Some(entry) = queue.machines.get_mut(id) else { return };
        match &mut entry.place {
            Place::Running { woken } => {
                if *woken != Some(Wakeup::Console) {
                    *woken = Some(why);
                }
                return;
            }
            place => *place = Place::Queued,
        }
        let demand = short.then(|| entry.machine.demand());
        if let Some(demand) = demand {
            queue.policy.set_demand(id, demand);
        }
        let cut = queue.policy.runnable(id, why, now);
        self.note_ready(&queue);
        if queue.idle > 0 {
            self.work.notify_one();
        }
        drop(queue);
        if let Some(running) = cut {
            self.kick(running);
        }
    }

    fn note_ready(&self, queue: &Queue<D>) {
        self.waited_for.store(queue.policy.anybody_ready(), Ordering::Relaxed);
    }

    /// Whether a machine that gives up its slice would make room for another one.
    pub fn is_waited_for(&self) -> bool {
        self.waited_for.load(Ordering::Relaxed)
    }

    /// A logon took so much processor time of CP's own threads.
    pub fn charge_logon(&self, used: Duration) {
        self.debt.lock().add(used);
    }

    /// Waits until a logon may begin; see [`logons`]. Not for dispatcher threads.
    pub fn logon_turn(&self) {
        let _turn = self.logons.lock();
        loop {
            let mut debt = self.debt.lock();
            if !self.has_all_to_do(&mut debt) {
                debt.forgive();
                return;
            }
            let worked = self.lanes.iter().map(|lane| lane.worked_ns.load(Ordering::Relaxed)).sum();
            let left = debt.left(Duration::from_nanos(worked), self.lanes.len());
            drop(debt);
            if left.is_zero() {
                return;
            }
            // Machines are charged when their slices end; whether a processor became idle is seen sooner.
            std::thread::sleep(left.clamp(LOOK_AGAIN / 5, LOOK_AGAIN));
        }
    }

    /// Whether no processor has been idle since this was last asked, and machines that have been logged on for a while work or wait. A processor between
    /// two slices is not idle.
    fn has_all_to_do(&self, debt: &mut Debt) -> bool {
        let queue = self.queue.lock();
        let works = || self.lanes.iter().any(|lane| lane.works.load(Ordering::Relaxed));
        let was_idle = debt.idled(queue.idled) || queue.idle > 0;
        !queue.stopping && !was_idle && (self.is_waited_for() || works())
    }

    /// Charges a machine for what CP did for it on another thread.
    pub fn charge(&self, id: MachineId, used: Duration) {
        let now = self.origin.elapsed();
        self.queue.lock().policy.charged(id, used, now);
    }

    /// Ends the slice of `id` soon if it runs now, so that its lock comes free.
    pub fn kick(&self, id: MachineId) {
        for lane in &self.lanes {
            if lane.running() == Some(id)
                && let Some(kicker) = lane.kicker.get()
            {
                kicker.kick();
            }
        }
    }

    /// Ends [`Dispatcher::drive`] on every thread after the slices that run now.
    pub fn stop(&self) {
        self.queue.lock().stopping = true;
        self.work.notify_all();
        for lane in &self.lanes {
            if let Some(kicker) = lane.kicker.get() {
                kicker.kick();
            }
        }
    }

    /// The life of a dispatcher thread: runs machines on `processor` until [`Dispatcher::stop`].
    pub fn drive(&self, number: usize, processor: &mut dyn Processor) {
        let lane = &self.lanes[number];
        let _ = lane.kicker.set(processor.kicker());
        let _ = lane.kind.set(processor.kind());
        let mut meter = Meter::of_this_thread();
        while let Some((id, machine, slice)) = self.take(lane) {
            let starting = machine.is_starting();
            lane.works.store(!starting, Ordering::Relaxed);
            let after = machine.run_slice(processor, slice, &mut meter);
            let charge = meter.last();
            lane.busy_ns.fetch_add(charge.total.as_nanos() as u64, Ordering::Relaxed);
            if starting {
                self.charge_logon(charge.total);
            } else {
                lane.worked_ns.fetch_add(charge.total.as_nanos() as u64, Ordering::Relaxed);
            }
            lane.stolen_ns.fetch_add(charge.stolen.as_nanos() as u64, Ordering::Relaxed);
            lane.slices.fetch_add(1, Ordering::Relaxed);
            self.put_back(lane, id, after, charge.total);
        }
    }

    /// Waits for a machine to run; `None` when stopping.
    fn take(&self, lane: &Lane) -> Option<(MachineId, Arc<D>, Duration)> {
        let mut queue = self.queue.lock();
        let mut kept_time = false;
        loop {
            if queue.stopping {
                return None;
            }
            let now = self.origin.elapsed();
            let until = match queue.policy.choose(now) {
                Choice::Run(id, slice) => {
                    let Some(entry) = queue.machines.get_mut(id) else { continue };
                    entry.place = Place::Running { woken: None };
                    let machine = Arc::clone(&entry.machine);
                    // Under the lock: who is told to cut this slice short finds it.
                    lane.running.store(id, Ordering::Release);
                    self.note_ready(&queue);
                    if queue.idle > 0 && (kept_time || queue.policy.anybody_ready()) {
                        self.work.notify_one();
                    }
                    return Some((id, machine, slice));
                }
                Choice::Until(time) if !queue.timekeeper => Some(self.origin + time),
                Choice::Until(_) | Choice::Idle => None,
            };
            queue.idle += 1;
            queue.idled += 1;
            match until {
                Some(time) => {
                    queue.timekeeper = true;
                    self.work.wait_until(&mut queue, time);
                    queue.timekeeper = false;
                    kept_time = true;
                }
                None => self.work.wait(&mut queue),
            }
            queue.idle -= 1;
        }
    }

    fn put_back(&self, lane: &Lane, id: MachineId, after: After, used: Duration) {
        let now = self.origin.elapsed();
        let mut queue = self.queue.lock();
        lane.running.store(0, Ordering::Release);
        let short = queue.policy.is_short();
        let Some(entry) = queue.machines.get_mut(id) else { return };
        let woken = if let Place::Running { woken } = entry.place { woken } else { None };
        let waits = after == After::Waiting && woken.is_none();
        entry.place = if waits { Place::Dormant } else { Place::Queued };
        let demand = short.then(|| entry.machine.demand());
        if let Some(demand) = demand {
            queue.policy.set_demand(id, demand);
        }
        match after {
            After::Runnable => queue.policy.preempted(id, used, now),
            After::Yielded => queue.policy.yielded(id, used, now),
            After::Waiting => queue.policy.waiting(id, used, now),
        }
        if let Some(why) = woken
            && (after == After::Waiting || why == Wakeup::Console)
        {
            // This processor is about to choose, so no slice needs to be cut short.
            queue.policy.runnable(id, why, now);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Idler;

    impl Dispatchable for Idler {
        fn run_slice(self: &Arc<Self>, _: &mut dyn Processor, _: Duration, _: &mut Meter) -> After {
            After::Waiting
        }

        fn name(&self) -> String {
            "IDLER".to_string()
        }

        fn demand(&self) -> Demand {
            Demand::default()
        }

        fn is_starting(&self) -> bool {
            false
        }
    }

    #[test]
    fn a_slice_is_given_up_only_when_somebody_is_ready() {
        let dispatcher = Dispatcher::new(1);
        let [first, second] = [(); 2].map(|()| dispatcher.admit(Arc::new(Idler), Entitlement::default()));
        assert!(!dispatcher.is_waited_for());
        dispatcher.wake(first, Wakeup::Work);
        assert!(dispatcher.is_waited_for());
        let lane = &dispatcher.lanes[0];
        assert_eq!(dispatcher.take(lane).map(|(id, ..)| id), Some(first));
        assert!(!dispatcher.is_waited_for(), "the only one runs");
        dispatcher.wake(second, Wakeup::Work);
        assert!(dispatcher.is_waited_for());
        dispatcher.put_back(lane, first, After::Yielded, Duration::from_micros(1));
        assert_eq!(dispatcher.take(lane).map(|(id, ..)| id), Some(second));
        assert!(dispatcher.is_waited_for(), "the one that yielded waits");
    }

    #[test]
    fn a_logon_waits_for_nothing_while_no_machine_works() {
        let dispatcher = Dispatcher::<Idler>::new(1);
        dispatcher.charge_logon(Duration::from_secs(1_000_000));
        dispatcher.logon_turn();
    }

    #[test]
    fn a_logon_waits_while_others_start_and_those_that_work_wait_for_a_processor() {
        let dispatcher = Dispatcher::new(1);
        let worker = dispatcher.admit(Arc::new(Idler), Entitlement::default());
        dispatcher.wake(worker, Wakeup::Work);
        let debt = &mut Debt::default();
        assert!(dispatcher.has_all_to_do(debt));
        dispatcher.take(&dispatcher.lanes[0]);
        assert!(!dispatcher.has_all_to_do(debt), "the one that runs has only just been logged on, for all that is known");
        dispatcher.lanes[0].works.store(true, Ordering::Relaxed);
        assert!(dispatcher.has_all_to_do(debt));
        dispatcher.queue.lock().idled += 1;
        assert!(!dispatcher.has_all_to_do(debt), "a processor was idle meanwhile");
        assert!(dispatcher.has_all_to_do(debt), "and is no more");
        dispatcher.queue.lock().stopping = true;
        assert!(!dispatcher.has_all_to_do(debt), "nobody waits for a system that stops");
    }

    #[test]
    fn a_logon_waits_until_machines_have_had_their_part() {
        let dispatcher = Dispatcher::<Idler>::new(1);
        // Between two slices of a machine that works.
        let lane = &dispatcher.lanes[0];
        lane.works.store(true, Ordering::Relaxed);
        dispatcher.charge_logon(Duration::from_secs(1));
        let began = AtomicBool::new(false);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                dispatcher.logon_turn();
                began.store(true, Ordering::Release);
            });
            lane.worked_ns.store(1_999_999_999, Ordering::Relaxed);
            // It may look as often as it likes: a nanosecond is missing.
            std::thread::sleep(LOOK_AGAIN * 5);
            assert!(!began.load(Ordering::Acquire));
            lane.worked_ns.store(2_000_000_000, Ordering::Relaxed);
        });
        assert!(began.load(Ordering::Acquire));
    }
}
