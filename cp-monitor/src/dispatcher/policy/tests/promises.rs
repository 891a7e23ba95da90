//! Promises that hold whatever the mixture of machines is.

use super::*;

fn seconds(used: Duration) -> f64 {
    used.as_secs_f64()
}

fn behaviour() -> impl Strategy<Value = Behaviour> {
    let time = |from: u64, to: u64| (from..to).prop_map(Duration::from_micros);
    prop_oneof![
        3 => Just(Behaviour::Spin),
        2 => (time(10_000, 2_000_000), time(100, 20_000)).prop_map(|(think, burst)| Behaviour::Interactive { think, burst }),
        2 => (time(100, 50_000), time(100, 50_000)).prop_map(|(burst, pause)| Behaviour::Bursty { burst, pause }),
        1 => Just(Behaviour::WaitEarly),
        1 => time(20, 5_000).prop_map(|burst| Behaviour::Yield { burst }),
    ]
}

fn entitlement() -> impl Strategy<Value = Entitlement> {
    let limit = prop_oneof![4 => Just(ShareLimit::NoLimit), 1 => Just(ShareLimit::LimitSoft), 1 => Just(ShareLimit::LimitHard)];
    let normal = prop_oneof![3 => (200_u16..=1000).prop_map(ShareAmount::Relative), 1 => (1_u16..=20).prop_map(|tenths| ShareAmount::Absolute { tenths })];
    (normal, 20_u16..=600, limit, prop::bool::weighted(0.1)).prop_map(|(normal, tenths, limit, quickdsp)| Entitlement {
        share: Share { normal, maximum: ShareAmount::Absolute { tenths }, limit },
        quickdsp,
    })
}

fn setup(most: usize) -> impl Strategy<Value = Setup> {
    let members = prop::collection::vec((behaviour(), entitlement()), 1..most);
    (members, 1_usize..=4, 1_u64..).prop_map(|(members, processors, seed)| {
        let setup = Setup::of(members);
        Setup { processors, seed, warm_up: ms(300), duration: Duration::from_secs(2), ..setup }
    })
}

/// Processors that a member is due when all of them want to run.
fn due(setup: &Setup, at: usize) -> f64 {
    let normal = |member: &Member| member.entitlement.share.normal;
    let absolute = |amount| if let ShareAmount::Absolute { tenths } = amount { f64::from(tenths) / 1000.0 } else { 0.0 };
    let relative = |amount| if let ShareAmount::Relative(weight) = amount { f64::from(weight) } else { 0.0 };
    let taken: f64 = setup.members.iter().map(|member| absolute(normal(member))).sum();
    let weights: f64 = setup.members.iter().map(|member| relative(normal(member))).sum();
    let own = normal(&setup.members[at]);
    (absolute(own) + (1.0 - taken) * relative(own) / weights.max(1.0)) * setup.processors as f64
}

/// Equal weights of spinners within the mixture are compared with one another, which needs no reckoning of what everybody is due.
fn spinners(setup: &Setup) -> Vec<usize> {
    (0..setup.members.len()).filter(|&at| setup.members[at].behaviour == Behaviour::Spin).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 32, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_hard_limit_is_kept_in_every_window_of_a_second(setup in setup(24)) {
        let outcome = run(&setup);
        for (at, member) in setup.members.iter().enumerate() {
            let share = member.entitlement.share;
            if let (ShareLimit::LimitHard, ShareAmount::Absolute { tenths }) = (share.limit, share.maximum) {
                let most = f64::from(tenths) / 1000.0 * setup.processors as f64;
                prop_assert!(seconds(outcome.most_in_a_second[at]) <= most + 1e-6, "{at} had {:?} of {most}", outcome.most_in_a_second[at]);
            }
        }
    }

    #[test]
    fn no_processor_is_idle_while_somebody_without_a_hard_limit_is_ready(setup in setup(24)) {
        prop_assert_eq!(run(&setup).wasted, Duration::ZERO);
    }

    #[test]
    fn everybody_who_is_ready_gets_a_turn(setup in setup(40)) {
        let outcome = run(&setup);
        for (at, member) in setup.members.iter().enumerate() {
            // Somebody with a soft limit is to wait while others want the processor.
            if member.entitlement.share.limit == ShareLimit::NoLimit {
                // Who was given a line may be ahead of its share by a line's bias and a slice, and waits until its share has caught up with that.
                let most = ms(1800).max(ms(300) + ms(20).div_f64(due(&setup, at)));
                prop_assert!(outcome.longest_wait[at] < most, "{at} waited {:?} of {most:?}: {member:?}", outcome.longest_wait[at]);
            }
        }
    }

    #[test]
    fn those_that_spin_share_in_proportion_whatever_the_others_do(
        weights in prop::collection::vec(50_u16..=800, 4..12),
        others in prop::collection::vec(behaviour(), 0..8),
    ) {
        let spin = weights.iter().map(|&weight| (Behaviour::Spin, relative(weight)));
        let mut setup = Setup::of(spin.chain(others.into_iter().map(|behaviour| (behaviour, relative(100)))));
        // On one processor no share is too large to be had.
        setup.processors = 1;
        let outcome = run(&setup);
        let spinners: Vec<_> = spinners(&setup).into_iter().filter(|&at| at < weights.len()).collect();
        let rate = |at: usize| seconds(outcome.used[at]) / f64::from(weights[at]);
        let mean = spinners.iter().map(|&at| seconds(outcome.used[at])).sum::<f64>() / weights.iter().map(|&weight| f64::from(weight)).sum::<f64>();
        for &at in &spinners {
            // About one turn of everybody in ten seconds, and a slice more.
            let slack = 0.02 + 0.006 / (mean * f64::from(weights[at]));
            prop_assert!((rate(at) / mean - 1.0).abs() < slack, "{at}: {} of {mean}, slack {slack}, {:?}", rate(at), outcome.used);
        }
    }
}

#[test]
fn a_hundred_machines_of_four_shares_are_within_a_hundredth() {
    let weights: Vec<u64> = (0..100).map(|at| 100 << (at % 4)).collect();
    let setup = Setup::of(weights.iter().map(|&weight| (Behaviour::Spin, relative(weight as u16))));
    let error = run(&setup).largest_error(&weights);
    assert!(error <= 1.0, "{error}%");
}

/// A hundred machines of shares 1:2:4:8 that are told to compute, one after the other, a second before anything is counted: as the benchmark
/// `share` does it, with the slices of a real host.
fn told_to_compute() -> (Vec<u64>, Setup) {
    let weights: Vec<u64> = (0..100).map(|at| 100 << (at % 4)).collect();
    let told = |(at, &weight): (u64, &u64)| (Behaviour::Told { at: Duration::from_micros(600) * at as u32 }, relative(weight as u16));
    let setup = Setup::of((0..).zip(&weights).map(told));
    (weights, Setup { warm_up: ms(1060), ..setup })
}

#[test]
fn what_a_line_brought_is_paid_back_within_a_second() {
    let (weights, setup) = told_to_compute();
    let error = run(&setup).largest_error(&weights);
    assert!(error <= 1.0, "{error}%");
}

#[test]
fn a_host_that_takes_processors_away_does_not_move_shares() {
    let (weights, setup) = told_to_compute();
    let outcome = run(&Setup { stolen: ms(20), ..setup });
    assert!(seconds(outcome.used.iter().sum()) < 16.0, "the host took a lot");
    // Everybody has had fewer turns, so one more or less is more of the due.
    let error = outcome.largest_error(&weights);
    assert!(error <= 2.0, "{error}%");
}

#[test]
fn absolute_shares_come_first() {
    let members = [absolute(300), absolute(100), relative(100), relative(300)];
    let setup = Setup { processors: 1, ..Setup::of(members.map(|entitlement| (Behaviour::Spin, entitlement))) };
    let outcome = run(&setup);
    for (used, due) in outcome.used.iter().zip([3.0, 1.0, 1.5, 4.5]) {
        assert!((seconds(*used) / due - 1.0).abs() < 0.02, "{used:?} of {due}");
    }
}

#[test]
fn absolute_shares_of_more_than_everything_leave_a_hundredth() {
    let members = [absolute(1000), absolute(1000), relative(1)];
    let setup = Setup { processors: 1, ..Setup::of(members.map(|entitlement| (Behaviour::Spin, entitlement))) };
    let outcome = run(&setup);
    assert!((seconds(outcome.used[2]) / 0.1 - 1.0).abs() < 0.1, "{:?}", outcome.used);
}

#[test]
fn a_share_that_one_processor_cannot_give_harms_nobody_later() {
    // One is due nearly two processors and can use one; the ten others divide the other one, and so does one that comes late.
    let mut members = vec![(Behaviour::Spin, relative(10_000))];
    members.extend((0..10).map(|_| (Behaviour::Spin, relative(100))));
    let outcome = run(&Setup::of(members));
    assert!(seconds(outcome.used[0]) > 9.9, "{:?}", outcome.used);
    for used in &outcome.used[1..] {
        assert!((seconds(*used) - 1.0).abs() < 0.03, "{:?}", outcome.used);
    }
}

#[test]
fn the_share_is_the_users_however_many_virtual_processors_there_are() {
    let mut setup = Setup::of((0..8).map(|_| (Behaviour::Spin, relative(100))));
    // The first four belong to one user, the others are users of one each.
    for (at, member) in setup.members.iter_mut().enumerate() {
        member.user = if at < 4 { 0 } else { at };
    }
    let outcome = run(&setup);
    let first: Duration = outcome.used[..4].iter().sum();
    for used in &outcome.used[4..] {
        assert!((seconds(*used) / seconds(first) - 1.0).abs() < 0.03, "{:?}", outcome.used);
    }
}

#[test]
fn a_hard_limit_holds_for_all_virtual_processors_of_a_user_together() {
    let mut setup = Setup::of((0..4).map(|_| (Behaviour::Spin, limited(200, ShareLimit::LimitHard))));
    for member in &mut setup.members {
        member.user = 0;
    }
    setup.members.push(Member { behaviour: Behaviour::Spin, entitlement: relative(100), user: 4 });
    let outcome = run(&setup);
    assert!(seconds(outcome.most_in_a_second[0]) <= 0.4, "{:?}", outcome.most_in_a_second[0]);
    let used: Duration = outcome.used[..4].iter().sum();
    assert!(seconds(used) > 3.7, "the limit is reached: {used:?}");
}

#[test]
fn a_soft_limit_is_exceeded_only_when_nobody_else_wants() {
    let soft = limited(100, ShareLimit::LimitSoft);
    let alone = run(&Setup::of([(Behaviour::Spin, soft)]));
    assert!(seconds(alone.used[0]) > 9.9, "{:?}", alone.used);
    let setup = Setup { processors: 1, ..Setup::of([(Behaviour::Spin, soft), (Behaviour::Spin, relative(100))]) };
    let among = run(&setup);
    assert!((0.9..=1.0).contains(&seconds(among.used[0])), "{:?}", among.used);
}

#[test]
fn what_was_used_while_nobody_else_wanted_is_not_held_against_a_machine() {
    for first in [relative(100), limited(100, ShareLimit::LimitSoft)] {
        let mut policy = Scheduler::new(1);
        let mut now = Duration::ZERO;
        policy.admitted(1, 1, first);
        policy.runnable(1, Wakeup::Work, now);
        let turn = |policy: &mut Scheduler, now: &mut Duration| {
            let Choice::Run(id, slice) = policy.choose(*now) else { panic!("somebody is ready") };
            *now += slice;
            policy.preempted(id, slice, *now);
            (id, slice)
        };
        while now < Duration::from_secs(100) {
            turn(&mut policy, &mut now);
        }
        policy.admitted(2, 2, relative(100));
        policy.runnable(2, Wakeup::Work, now);
        let mut used = [Duration::ZERO; 3];
        while now < Duration::from_secs(110) {
            let (id, slice) = turn(&mut policy, &mut now);
            used[id as usize] += slice;
        }
        let due = if first == relative(100) { 5.0 } else { 1.0 };
        assert!((seconds(used[1]) / due - 1.0).abs() < 0.1, "{used:?}");
    }
}

#[test]
fn a_small_share_that_was_alone_does_not_wait_for_what_nobody_wanted() {
    let mut policy = Scheduler::new(1);
    policy.admitted(1, 1, absolute(1));
    policy.admitted(2, 2, relative(100));
    policy.runnable(1, Wakeup::Work, Duration::ZERO);
    assert!(matches!(policy.choose(Duration::ZERO), Choice::Run(1, _)));
    // Thirty seconds of its share.
    let mut now = ms(30);
    assert_eq!(policy.runnable(2, Wakeup::Work, now), Some(1));
    policy.preempted(1, now, now);
    while now < Duration::from_secs(1) {
        let Choice::Run(id, slice) = policy.choose(now) else { panic!("both are ready") };
        if id == 1 {
            return;
        }
        now += slice;
        policy.preempted(id, slice, now);
    }
    panic!("it waited for more than a second");
}

#[test]
fn what_cannot_be_gamed() {
    let honest = (Behaviour::Spin, relative(100));
    let talks = Behaviour::Interactive { think: Duration::from_micros(10), burst: ms(20) };
    for trick in [Behaviour::WaitEarly, Behaviour::Yield { burst: ms(1) }, talks] {
        let mut members = vec![(trick, relative(100))];
        members.extend([honest; 9]);
        let setup = Setup { processors: 1, ..Setup::of(members) };
        let outcome = run(&setup);
        assert!(seconds(outcome.used[0]) < 1.0 * 1.03, "{trick:?} got {:?}", outcome.used[0]);
    }
}

#[test]
fn a_typed_line_does_not_wait_for_those_that_spin() {
    let mut members = vec![(Behaviour::Spin, relative(100)); 200];
    members.push((Behaviour::Interactive { think: Duration::from_millis(500), burst: ms(1) }, relative(100)));
    let outcome = run(&Setup::of(members));
    assert!(outcome.waits.len() > 5 && outcome.wait(99) <= ms(10), "{:?}", outcome.waits);
}

#[test]
fn a_person_whose_share_is_less_than_a_line_takes_does_not_wait_either() {
    // A hundredth and a thousandth of two processors; four lines a second take a little more than 8 ms.
    for spinning in [200, 2000] {
        let mut members = vec![(Behaviour::Spin, relative(100)); spinning];
        members.extend([(Behaviour::Interactive { think: ms(250), burst: ms(2) }, relative(100)); 4]);
        let outcome = run(&Setup { duration: Duration::from_secs(60), ..Setup::of(members) });
        assert!(outcome.waits.len() > 600 && outcome.wait(99) <= ms(10), "among {spinning}: {:?}", outcome.wait(99));
    }
}

#[test]
fn who_types_all_the_time_has_its_share_or_a_fiftieth_of_a_processor() {
    let talks = Behaviour::Interactive { think: Duration::from_micros(10), burst: ms(20) };
    for spinning in [9, 99, 999] {
        let members = [(talks, relative(100))].into_iter().chain(vec![(Behaviour::Spin, relative(100)); spinning]);
        let setup = Setup { processors: 1, duration: Duration::from_secs(30), ..Setup::of(members) };
        let most = 30.0 * f64::max(1.0 / (spinning as f64 + 1.0), 0.020);
        let used = seconds(run(&setup).used[0]);
        // What may be saved up, and a line's bias.
        assert!(used < most * 1.03 + 0.030, "{used} of {most} among {spinning}");
    }
}

#[test]
fn many_who_type_beyond_their_shares_take_a_tenth_from_running_work() {
    let typing = (Behaviour::Interactive { think: ms(100), burst: ms(10) }, relative(100));
    let members = vec![(Behaviour::Spin, relative(100)); 1000].into_iter().chain(vec![typing; 1000]);
    let setup = Setup { duration: Duration::from_secs(20), ..Setup::of(members) };
    let work: f64 = run(&setup).used[..1000].iter().map(|used| seconds(*used)).sum();
    // Half of two processors for twenty seconds; each who types may be ahead by a line's bias in the beginning.
    let due = 20.0 * 0.9 - 10.0;
    assert!(work > due, "{work} of {due}");
}

#[test]
fn a_storm_of_lines_does_not_stop_running_work() {
    let typing = Behaviour::Interactive { think: ms(1), burst: ms(8) };
    let mut members = vec![(Behaviour::Spin, relative(100))];
    members.extend([(typing, relative(100)); 300]);
    let setup = Setup { processors: 1, duration: Duration::from_secs(30), ..Setup::of(members) };
    // All of them want more than their shares, so a tenth goes to those who type beyond theirs: that is the price of answering them.
    let due = 30.0 / 301.0 * 0.9;
    let used = seconds(run(&setup).used[0]);
    assert!(used > due * 0.9, "{used} of {due}");
    // While all of them have bias, too: what it is due in a second, but for a slice.
    let storm = run(&Setup { warm_up: Duration::ZERO, duration: Duration::from_secs(1), ..setup });
    assert!(seconds(storm.used[0]) > 1.0 / 301.0 - 0.00125, "{:?}", storm.used[0]);
}

#[test]
fn a_decision_is_a_logarithmic_number_of_comparisons() {
    let behaviours = [
        Behaviour::Spin,
        Behaviour::Interactive { think: ms(900), burst: ms(2) },
        Behaviour::Bursty { burst: ms(3), pause: ms(7) },
        Behaviour::Spin,
    ];
    for count in [10, 1000, 30_000] {
        let members = (0..count).map(|at| {
            let entitlement = if at % 5 == 3 { limited(1, ShareLimit::LimitHard) } else { relative(1 + (at % 1000) as u16) };
            (behaviours[at % behaviours.len()], entitlement)
        });
        let setup = Setup { warm_up: Duration::ZERO, duration: ms(500), ..Setup::of(members) };
        COMPARISONS.set(0);
        let outcome = run(&setup);
        // Each of the machines becomes ready once before anything else happens; every choice is followed by the end of its slice.
        let events = outcome.choices * 2 + count as u64;
        let each = COMPARISONS.get() as f64 / events as f64;
        // A search in a B-tree of this kind looks at up to 11 keys on each of log6 n levels; an event is a few searches.
        let bound = 4.0 * (11.0 * (count as f64).log(6.0) + 11.0);
        assert!(each <= bound, "{each} comparisons an event at {count}, more than {bound}");
    }
}
