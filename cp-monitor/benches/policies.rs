//! The scheduler beside other algorithms, in the simulator: the figures of `docs/scheduling.md`. Prints its tables.
//!
//! The others are as simple as they can be and know shares and nothing else; they are here to be compared with, and in no product.

mod policies {
    pub mod deadline;
    pub mod recorder;
    pub mod round_robin;
    pub mod stride;
}

use std::time::Duration;

use cp_monitor::directory::{Share, ShareAmount};
use cp_monitor::dispatcher::meter::thread_time;
use cp_monitor::dispatcher::policy::{Choice, Entitlement, Policy, Scheduler, Wakeup};
use cp_monitor::dispatcher::simulator::{Behaviour, Setup, simulate};
use policies::deadline::Deadline;
use policies::recorder::Recorder;
use policies::round_robin::RoundRobin;
use policies::stride::Stride;

type Algorithm = (&'static str, fn(usize) -> Box<dyn Policy>);

const ALGORITHMS: [Algorithm; 4] = [
    ("round robin", |_| Box::new(RoundRobin::default())),
    ("stride", |_| Box::new(Stride::default())),
    ("deadlines", |processors| Box::new(Deadline::new(processors))),
    ("virtual time (CP-64)", |processors| Box::new(Scheduler::new(processors))),
];

fn share(weight: u64) -> Entitlement {
    let normal = ShareAmount::Relative(weight as u16);
    Entitlement { share: Share { normal, maximum: normal, ..Share::default() }, quickdsp: false }
}

fn ms(milliseconds: u64) -> Duration {
    Duration::from_millis(milliseconds)
}

fn table(title: &str, columns: &str, row: impl Fn(fn(usize) -> Box<dyn Policy>) -> Vec<String>) {
    println!("\n{title}\n\n| algorithm | {columns} |");
    println!("|---|{}", "---|".repeat(columns.split(" | ").count()));
    for (name, make) in ALGORITHMS {
        println!("| {name} | {} |", row(make).join(" | "));
    }
}

fn main() {
    let weights: Vec<u64> = (0..100).map(|at| 100 << (at % 4)).collect();
    let spin = |weight: &u64| (Behaviour::Spin, share(*weight));
    let told = |(at, weight): (u32, &u64)| (Behaviour::Told { at: Duration::from_micros(600) * at }, share(*weight));
    let columns = "largest error of a share | when each was told by a line, a second before | time spent in switches";
    table("100 machines of shares 1:2:4:8 that spin, 10 s", columns, |make| {
        let outcome = simulate(&mut *make(2), &Setup::of(weights.iter().map(spin)));
        let switching = outcome.switching.as_secs_f64() / outcome.used.iter().sum::<Duration>().as_secs_f64() * 100.0;
        let setup = Setup { warm_up: ms(1060), ..Setup::of((0..).zip(&weights).map(told)) };
        let lines = simulate(&mut *make(2), &setup);
        vec![
            format!("{:.1}%", outcome.largest_error(&weights)),
            format!("{:.1}%", lines.largest_error(&weights)),
            format!("{switching:.1}%"),
        ]
    });

    table("2000 machines that spin, 10 s", "time spent in switches | longest wait for a turn", |make| {
        let outcome = simulate(&mut *make(2), &Setup::of((0..2000).map(|_| spin(&100))));
        let switching = outcome.switching.as_secs_f64() / outcome.used.iter().sum::<Duration>().as_secs_f64() * 100.0;
        vec![format!("{switching:.1}%"), format!("{:.2} s", outcome.longest_wait.iter().max().map_or(0.0, Duration::as_secs_f64))]
    });

    for spinning in [200, 2000] {
        let title = format!("A person with four commands of 2 ms a second among {spinning} that spin: from the line to the processor");
        table(&title, "median | 99% | longest", |make| {
            let person = Behaviour::Interactive { think: ms(250), burst: ms(2) };
            let members = (0..spinning).map(|_| spin(&100)).chain([(person, share(100))]);
            let outcome = simulate(&mut *make(2), &Setup { duration: Duration::from_secs(60), ..Setup::of(members) });
            [50, 99, 100].map(|percent| format!("{:.2} ms", outcome.wait(percent).as_secs_f64() * 1e3)).to_vec()
        });
    }

    table("A hundred persons, 50 that spin, 50 that do I/O", "median | 99% | longest turn of one that spins", |make| {
        let person = Behaviour::Interactive { think: ms(2000), burst: ms(5) };
        let disk = Behaviour::Bursty { burst: ms(1), pause: ms(8) };
        let members = (0..200).map(|at| match at % 4 {
            0 => spin(&100),
            1 => (disk, share(100)),
            _ => (person, share(100)),
        });
        let outcome = simulate(&mut *make(2), &Setup { duration: Duration::from_secs(30), ..Setup::of(members) });
        let waits = [50, 99].map(|percent| format!("{:.2} ms", outcome.wait(percent).as_secs_f64() * 1e3));
        let longest = outcome.longest_wait.iter().step_by(4).max().map_or(0.0, Duration::as_secs_f64);
        [waits.to_vec(), vec![format!("{longest:.2} s")]].concat()
    });

    table("One among ten that tries to get more, in percent of its due", "waits early | yields | types all the time", |make| {
        let tricks = [Behaviour::WaitEarly, Behaviour::Yield { burst: ms(1) }, Behaviour::Interactive { think: ms(0), burst: ms(20) }];
        let gain = |trick| {
            let members = [(trick, share(100))].into_iter().chain((0..9).map(|_| spin(&100)));
            let outcome = simulate(&mut *make(1), &Setup { processors: 1, ..Setup::of(members) });
            format!("{:.0}%", outcome.used[0].as_secs_f64() / 1.0 * 100.0)
        };
        tricks.map(gain).to_vec()
    });

    table(
        "What a choice with its events costs on this host, a third of the machines interactive",
        "10 | 10,000 | 100,000 machines",
        |make| [10, 10_000, 100_000].map(|count| format!("{:.0} ns", cost_of_a_choice(make, count))).to_vec(),
    );

    println!();
    let baseline = decision(Box::new(RoundRobin::default()));
    let took = decision(Box::new(Scheduler::new(2)));
    println!("figure decision_ns {took:.0} ns ratio {:.3} of decision_round_robin_ns", took / baseline);
    println!("figure decision_round_robin_ns {baseline:.0} ns");
}

/// Nanoseconds of processor time that the algorithm alone takes: what the simulator asks of it is written down first, and asked again of another one.
fn cost_of_a_choice(make: fn(usize) -> Box<dyn Policy>, count: u64) -> f64 {
    let person = Behaviour::Interactive { think: ms(3000), burst: ms(2) };
    let members = (0..count).map(|at| if at % 3 == 0 { (person, share(100)) } else { (Behaviour::Spin, share(1 + at % 1000)) });
    let setup = Setup { warm_up: Duration::ZERO, duration: Duration::from_secs(100), ..Setup::of(members) };
    let mut recorder = Recorder::of(make(2));
    let outcome = simulate(&mut recorder, &setup);
    let mut policy = make(2);
    let start = thread_time();
    recorder.replay(&mut *policy);
    (thread_time() - start).as_nanos() as f64 / (outcome.choices + count) as f64
}

/// Nanoseconds of processor time of a choice and of the end of its slice, with 10,000 machines ready.
fn decision(mut policy: Box<dyn Policy>) -> f64 {
    const READY: u64 = 10_000;
    const ROUNDS: u32 = 1_000_000;
    let mut now = Duration::ZERO;
    for id in 1..=READY {
        policy.admitted(id, id, share(1 + id * 7919 % 1000));
        policy.runnable(id, Wakeup::Work, now);
    }
    let start = thread_time();
    for _ in 0..ROUNDS {
        let Choice::Run(id, slice) = policy.choose(now) else { panic!("all of them are ready") };
        now += slice;
        policy.preempted(id, slice, now);
    }
    (thread_time() - start).as_nanos() as f64 / f64::from(ROUNDS)
}
