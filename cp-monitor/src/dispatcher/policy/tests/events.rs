//! Single events and what follows from them.

use super::admission::{Capacity, Demand, TEST_IDLE};
use super::*;

const START: Duration = Duration::ZERO;

/// Machines that are ready, each with this entitlement.
fn ready(processors: usize, entitlements: &[Entitlement]) -> Scheduler {
    let mut policy = Scheduler::new(processors);
    for (id, &entitlement) in (1..).zip(entitlements) {
        policy.admitted(id, id, entitlement);
        policy.runnable(id, Wakeup::Work, START);
    }
    policy
}

fn chosen(policy: &mut Scheduler, now: Duration) -> Option<MachineId> {
    match policy.choose(now) {
        Choice::Run(id, _) => Some(id),
        _ => None,
    }
}

#[test]
fn spinners_take_turns() {
    let mut policy = ready(1, &[relative(100); 3]);
    let mut now = START;
    let mut order = Vec::new();
    for _ in 0..6 {
        let Choice::Run(id, slice) = policy.choose(now) else { panic!("somebody is ready") };
        now += slice;
        policy.preempted(id, slice, now);
        order.push(id);
    }
    assert_eq!(order, [1, 2, 3, 1, 2, 3]);
}

#[test]
fn a_removed_machine_is_never_chosen_and_leaves_nothing() {
    let mut policy = ready(1, &[relative(100), absolute(10), limited(1, ShareLimit::LimitHard)]);
    // One runs, one has had its maximum, one is ready.
    let Choice::Run(id, _) = policy.choose(START) else { panic!("somebody is ready") };
    policy.preempted(id, ms(400), ms(400));
    (1..=3).for_each(|id| policy.removed(id, ms(400)));
    assert_eq!(policy.choose(Duration::from_secs(100)), Choice::Idle);
    assert_eq!(policy.counts(Duration::from_secs(100)), Counts::default());
    // The end of a slice of one that is gone is nothing.
    policy.preempted(id, ms(1), Duration::from_secs(100));
    policy.waiting(2, ms(1), Duration::from_secs(100));
    assert_eq!(policy.choose(Duration::from_secs(100)), Choice::Idle);
}

#[test]
fn a_machine_that_nobody_waits_behind_goes_on_until_somebody_comes() {
    let mut policy = ready(2, &[relative(100), relative(100)]);
    for _ in 0..2 {
        let Choice::Run(_, slice) = policy.choose(START) else { panic!("somebody is ready") };
        assert!(slice >= ms(5), "{slice:?}");
    }
    policy.admitted(3, 3, relative(100));
    let cut = policy.runnable(3, Wakeup::Work, ms(1)).expect("both processors are busy, one with spare time");
    policy.preempted(cut, ms(1), ms(1));
    assert_eq!(chosen(&mut policy, ms(1)), Some(3));
}

#[test]
fn an_idle_processor_makes_cutting_short_needless() {
    let mut policy = ready(2, &[relative(100)]);
    assert_eq!(chosen(&mut policy, START), Some(1));
    policy.admitted(2, 2, relative(100));
    assert_eq!(policy.runnable(2, Wakeup::Console, ms(1)), None);
}

#[test]
fn a_console_line_cuts_a_slice_short_once() {
    let mut policy = ready(1, &[relative(100); 4]);
    let running = chosen(&mut policy, START);
    for id in [10, 11] {
        policy.admitted(id, id, relative(100));
    }
    assert_eq!(policy.runnable(10, Wakeup::Console, ms(1)), running);
    assert_eq!(policy.runnable(11, Wakeup::Console, ms(1)), None, "it was said already");
}

#[test]
fn other_wakeups_wait_for_the_slice() {
    let mut policy = ready(1, &[relative(100); 4]);
    chosen(&mut policy, START);
    policy.admitted(10, 10, relative(100));
    assert_eq!(policy.runnable(10, Wakeup::Work, ms(1)), None);
}

#[test]
fn whoever_yields_lets_another_go_first() {
    let mut policy = ready(1, &[relative(100); 2]);
    assert_eq!(chosen(&mut policy, START), Some(1));
    policy.yielded(1, Duration::from_nanos(1), ms(1));
    assert_eq!(chosen(&mut policy, ms(1)), Some(2));
}

#[test]
fn a_new_share_takes_effect_at_once() {
    let mut policy = ready(1, &[relative(100); 2]);
    policy.entitled(1, relative(300), START);
    let (mut now, mut used) = (START, [Duration::ZERO; 3]);
    for _ in 0..400 {
        let Choice::Run(id, slice) = policy.choose(now) else { panic!("somebody is ready") };
        now += slice;
        used[id as usize] += slice;
        policy.preempted(id, slice, now);
    }
    let ratio = used[1].as_secs_f64() / used[2].as_secs_f64();
    assert!((ratio - 3.0).abs() < 0.05, "{ratio}");
}

#[test]
fn work_that_cp_does_elsewhere_is_charged() {
    let mut policy = ready(1, &[relative(100); 2]);
    policy.charged(1, ms(50), START);
    let (mut now, mut first) = (START, 0);
    while now < ms(45) {
        let Choice::Run(id, slice) = policy.choose(now) else { panic!("somebody is ready") };
        first += usize::from(id == 1);
        now += slice;
        policy.preempted(id, slice, now);
    }
    assert_eq!(first, 0, "it has had more than its share");
}

#[test]
fn a_transaction_becomes_longer_and_ends_in_dormancy() {
    let mut policy = ready(1, &[relative(100)]);
    let mut now = START;
    let class = |policy: &mut Scheduler, now| policy.standings(now).first().map(|standing| standing.class);
    assert_eq!(class(&mut policy, now), Some(1));
    for (until, expected) in [(300, 2), (2600, 3)] {
        while now < ms(until) {
            let Choice::Run(id, slice) = policy.choose(now) else { panic!("it is ready") };
            now += slice;
            policy.preempted(id, slice, now);
        }
        assert_eq!(class(&mut policy, now), Some(expected));
    }
    assert_eq!(chosen(&mut policy, now), Some(1));
    policy.waiting(1, ms(1), now);
    assert_eq!(policy.counts(now).dispatch, [0, 0, 0, 1], "it pauses");
    let later = now + TEST_IDLE;
    assert_eq!((policy.counts(later).dispatch, policy.counts(later).dormant), ([0; 4], 1));
    policy.runnable(1, Wakeup::Work, later);
    assert_eq!(class(&mut policy, later), Some(1), "a new transaction");
}

#[test]
fn whom_storage_has_no_room_for_is_eligible_until_it_has() {
    let mut policy = Scheduler::new(1);
    policy.set_capacity(Capacity { pages: Some(1000), loading: 1 });
    policy.set_srm(Srm { storage: [100; 3], ..Srm::default() });
    let quick = Entitlement { quickdsp: true, ..relative(100) };
    for (id, entitlement) in [(1, relative(100)), (2, relative(100)), (3, quick), (4, relative(100))] {
        policy.admitted(id, id, entitlement);
        policy.set_demand(id, Demand { pages: 700, loading: false });
    }
    for id in 1..=3 {
        policy.runnable(id, Wakeup::Work, START);
    }
    let counts = policy.counts(START);
    assert_eq!(
        (counts.dispatch, counts.eligible),
        ([1, 1, 0, 0], [1, 0, 0]),
        "QUICKDSP does not wait, nor is it counted against the others"
    );
    let first: Vec<_> = (0..3).filter_map(|_| chosen(&mut policy, START)).collect();
    assert_eq!(first, [1, 3]);
    policy.waiting(1, ms(1), ms(1));
    // The first one is still in its transaction, so there is something to wait for.
    assert_eq!(policy.choose(ms(1)), Choice::Until(ms(1) + TEST_IDLE));
    assert_eq!(chosen(&mut policy, ms(1) + TEST_IDLE), Some(2));
    // One that goes while it is eligible leaves nothing behind.
    policy.runnable(4, Wakeup::Work, ms(400));
    assert_eq!(policy.counts(ms(400)).eligible, [1, 0, 0]);
    policy.removed(4, ms(400));
    assert_eq!(policy.counts(ms(400)).eligible, [0; 3]);
}

#[test]
fn whoever_has_been_in_for_long_gives_way_to_those_who_wait_though_it_would_fit_again() {
    let mut policy = Scheduler::new(1);
    policy.set_capacity(Capacity { pages: Some(1000), loading: 1 });
    policy.set_srm(Srm { storage: [100; 3], ..Srm::default() });
    for id in 1..=5 {
        policy.admitted(id, id, relative(100));
        policy.set_demand(id, Demand { pages: 400, loading: false });
        policy.runnable(id, Wakeup::Work, START);
    }
    assert_eq!((policy.counts(START).dispatch, policy.counts(START).eligible), ([0, 2, 0, 0], [3, 0, 0]));
    // All of them only work. Five of which two fit have each been in twice in a minute.
    let (mut now, mut ran) = (START, [Duration::ZERO; 5]);
    while now < START + Duration::from_secs(60) {
        let Choice::Run(id, slice) = policy.choose(now) else { panic!("all are ready") };
        now += slice;
        ran[id as usize - 1] += slice;
        policy.preempted(id, slice, now);
    }
    assert!(ran.iter().all(|&ran| ran > Duration::from_secs(6)), "{ran:?}");
}

#[test]
fn the_next_one_may_load_when_the_one_before_has_loaded() {
    let mut policy = Scheduler::new(1);
    policy.set_capacity(Capacity { pages: Some(1000), loading: 1 });
    for id in [1, 2] {
        policy.admitted(id, id, relative(100));
        policy.set_demand(id, Demand { pages: 10, loading: true });
        policy.runnable(id, Wakeup::Work, START);
    }
    assert_eq!(chosen(&mut policy, START), Some(1));
    assert_eq!(chosen(&mut policy, START), None, "one at a time");
    policy.set_demand(1, Demand { pages: 400, loading: false });
    assert_eq!(chosen(&mut policy, START), Some(2));
}

#[test]
fn a_working_set_larger_than_storage_runs_alone() {
    let mut policy = Scheduler::new(1);
    policy.set_capacity(Capacity { pages: Some(10), loading: 1 });
    policy.admitted(1, 1, relative(100));
    policy.set_demand(1, Demand { pages: 10_000, loading: true });
    policy.runnable(1, Wakeup::Work, START);
    assert_eq!(chosen(&mut policy, START), Some(1));
}

#[test]
fn a_limited_machine_is_asked_for_again_when_it_is_released() {
    let mut policy = ready(1, &[limited(100, ShareLimit::LimitHard)]);
    let Choice::Run(1, slice) = policy.choose(START) else { panic!("it is ready") };
    policy.preempted(1, slice, slice);
    let Choice::Until(release) = policy.choose(slice) else { panic!("it has had its maximum") };
    assert!(release > slice * 9 && release < slice * 12, "{release:?} after {slice:?}");
    assert_eq!(policy.counts(slice).limited, 1);
    assert_eq!(chosen(&mut policy, release), Some(1));
}
