//! How the dispatcher divides two processors: what is left of them for guests, and how well shares hold.
//!
//! The work of guests is counted: each executes a loop that increments a doubleword. Its baseline are two bare KVM guests with the same loop, each
//! on a vCPU pinned to one core, which take turns with CP (stopped meanwhile). Shares are compared with those of Linux between processes.

#[path = "common/mod.rs"]
mod common;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::time::{Duration, Instant};

use common::{figure, log_on, many_files};
use console::client::Connection;
use console::wire::{ClientFrame, MachineView, Reply};
use cp_monitor::processor::baseline::{BareGuest, COUNTER, count_for_ever};
use rustix::process::{Pid, Signal, kill_process};
use rustix::thread::{CpuSet, sched_setaffinity};
use tests::System;

/// Machines that spin at a time.
const LEVELS: [usize; 4] = [2, 20, 200, 2000];
/// Turns that CP and the bare guests take at each level.
const TURNS: usize = 4;
/// How long each turn is.
const TURN: Duration = Duration::from_millis(1500);
/// Machines whose counters are read.
const SAMPLE: usize = 40;
/// Where the loop is stored: storage that an idle CMS does not use.
const CODE: u64 = 0x180_0000;
/// Machines with shares of 1, 2, 4 and 8 in turn.
const SHARED: usize = 100;
/// For how long shares are watched.
const WATCHED: Duration = Duration::from_secs(10);
/// Tells a copy of this program to spin.
const SPIN: &str = "CP64_BENCH_SPIN";

fn main() {
    if std::env::var_os(SPIN).is_some() {
        loop {
            std::hint::spin_loop();
        }
    }
    many_files();
    shares();
    useful_work();
}

fn snapshot(system: &System) -> Vec<MachineView> {
    let mut watch = console::client::watch(&system.socket()).expect("CP listens");
    watch.snapshot(&console::wire::Window::everything()).expect("CP answers").machines
}

fn weight(at: usize) -> u64 {
    1 << (at % 4)
}

/// Largest deviation from the due, in percent of it.
fn largest_error(used: &[f64]) -> f64 {
    let all: f64 = used.iter().sum();
    let weights: u64 = (0..used.len()).map(weight).sum();
    let error = |(at, used): (usize, &f64)| (used / (all * weight(at) as f64 / weights as f64) - 1.0).abs() * 100.0;
    used.iter().enumerate().map(error).fold(0.0, f64::max)
}

fn shares() {
    let cgroup = linux_shares();
    let system = System::start_with(&["--processors", "2"]);
    let users = system.add_users(SHARED);
    let mut terminals: Vec<_> = users.iter().map(|user| log_on(&system.socket(), user).0).collect();
    for (at, user) in users.iter().enumerate() {
        system.cp(&format!("SET SHARE {user} RELATIVE {}", 100 * weight(at))).succeeded();
    }
    terminals.iter_mut().for_each(spin);
    std::thread::sleep(Duration::from_secs(1));
    let used = || -> Vec<f64> {
        let machines = snapshot(&system);
        let of = |user: &String| machines.iter().find(|machine| &machine.userid == user).map_or(0.0, |machine| machine.total_us as f64);
        users.iter().map(of).collect()
    };
    let before = used();
    std::thread::sleep(WATCHED);
    let error = largest_error(&used().iter().zip(before).map(|(after, before)| after - before).collect::<Vec<_>>());
    figure("share_error_pct", error, "%", Some(("share_error_cgroup_pct", cgroup.1)));
    figure("share_error_cgroup_pct", cgroup.1, cgroup.0, None);
}

/// The same shares between processes of Linux: the unit, which tells when they could not be given, and the largest error.
fn linux_shares() -> (&'static str, f64) {
    let program = std::env::current_exe().expect("it runs");
    let mut spinners: Vec<Child> =
        (0..SHARED).map(|_| Command::new(&program).env(SPIN, "1").spawn().expect("a process can be started")).collect();
    let groups = Groups::make(&spinners);
    std::thread::sleep(Duration::from_secs(1));
    let used = |spinner: &Child| -> f64 {
        let text = fs::read_to_string(format!("/proc/{}/schedstat", spinner.id())).expect("the kernel tells what it used");
        text.split(' ').next().and_then(|number| number.parse().ok()).unwrap_or(0.0)
    };
    let before: Vec<_> = spinners.iter().map(used).collect();
    std::thread::sleep(WATCHED);
    let error = largest_error(&spinners.iter().map(used).zip(before).map(|(after, before)| after - before).collect::<Vec<_>>());
    for spinner in &mut spinners {
        drop(spinner.kill());
        drop(spinner.wait());
    }
    let how = match &groups {
        Some(_) => "%",
        None => "%_of_equal_processes,_cgroups_cannot_be_written",
    };
    (how, error)
}

/// Control groups of processes; they go with the value.
struct Groups(Vec<PathBuf>);

impl Groups {
    /// A group with its weight for each process; none where groups cannot be made.
    fn make(processes: &[Child]) -> Option<Self> {
        // The unified hierarchy where it has the controller, else the older one.
        let controllers = fs::read_to_string("/sys/fs/cgroup/cgroup.controllers").unwrap_or_default();
        let (root, file, unit) = match controllers.contains("cpu") {
            true => (Path::new("/sys/fs/cgroup"), "cpu.weight", 100),
            false => (Path::new("/sys/fs/cgroup/cpu"), "cpu.shares", 256),
        };
        let parent = root.join(format!("cp64-bench-{}", std::process::id()));
        let mut groups = Self(vec![parent.clone()]);
        fs::create_dir(&parent).ok()?;
        if file == "cpu.weight" {
            fs::write(parent.join("cgroup.subtree_control"), "+cpu").ok()?;
        }
        for (at, process) in processes.iter().enumerate() {
            let group = parent.join(at.to_string());
            fs::create_dir(&group).ok()?;
            groups.0.push(group.clone());
            fs::write(group.join(file), (weight(at) * unit).to_string()).ok()?;
            fs::write(group.join("cgroup.procs"), process.id().to_string()).ok()?;
        }
        Some(groups)
    }
}

impl Drop for Groups {
    fn drop(&mut self) {
        for group in self.0.iter().rev() {
            drop(fs::remove_dir(group));
        }
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02X}")).collect()
}

/// A command of CP for the machine of this terminal; what is shown until a line has that in it.
fn command(terminal: &mut Connection, text: &str, until: &str) -> String {
    terminal.send(&ClientFrame::Line(format!("#CP {text}"))).expect("CP listens");
    loop {
        if let Reply::Output(line) = terminal.receive().expect("CP answers")
            && line.text.contains(until)
        {
            return line.text;
        }
    }
}

/// Lets a machine count instead of CMS.
fn spin(terminal: &mut Connection) {
    command(terminal, &format!("STORE {CODE:X} {}", hex(&count_for_ever(&[]))), "STORE COMPLETE");
    terminal.send(&ClientFrame::Line(format!("#CP BEGIN {CODE:X}"))).expect("CP listens");
}

/// How far a machine has counted.
fn counter(terminal: &mut Connection) -> u64 {
    let shown = command(terminal, &format!("DISPLAY {:X}.8", CODE + COUNTER), &format!("{:08X} ", CODE + COUNTER));
    let words: Vec<_> = shown.split_whitespace().skip(1).take(2).collect();
    let bytes = u64::from_str_radix(&words.concat(), 16).unwrap_or_else(|_| panic!("DISPLAY shows storage: {shown}"));
    bytes.swap_bytes()
}

/// Counts per second of two bare guests together.
fn bare(guests: &mut [BareGuest]) -> f64 {
    std::thread::scope(|scope| {
        let turns: Vec<_> = guests
            .iter_mut()
            .enumerate()
            .map(|(core, guest)| {
                scope.spawn(move || {
                    let mut set = CpuSet::new();
                    set.set(core);
                    sched_setaffinity(None, &set).expect("the core is there");
                    guest.count_for(TURN).expect("it counts")
                })
            })
            .collect();
        turns.into_iter().map(|turn| turn.join().expect("it ends")).sum()
    })
}

fn virtual_seconds(machines: &[MachineView], user: Option<&String>) -> f64 {
    let counted = machines.iter().filter(|machine| user.is_none_or(|user| &machine.userid == user));
    counted.map(|machine| machine.virtual_us as f64 / 1e6).sum()
}

fn useful_work() {
    let mut guests: Vec<_> = (0..2).map(|_| BareGuest::counting().expect("KVM is usable")).collect();
    let system = System::start_with(&["--processors", "2"]);
    let cp = Pid::from_raw(system.pid() as i32).expect("CP runs");
    let users = system.add_users(LEVELS[3]);
    let mut terminals: Vec<_> = users.iter().map(|user| log_on(&system.socket(), user).0).collect();
    let mut spinning = 0;
    for level in LEVELS {
        terminals[spinning..level].iter_mut().for_each(spin);
        spinning = level;
        std::thread::sleep(Duration::from_millis(500));
        // Of every machine looked at, how far it counts in a second of its VIRTCPU.
        let step = (level / SAMPLE).max(1);
        let sample: Vec<_> = (0..level).step_by(step).collect();
        let look = |terminals: &mut Vec<Connection>| -> (f64, f64) {
            // Counter and time of a machine that is not running at this moment.
            let counts: f64 = sample.iter().map(|&at| counter(&mut terminals[at]) as f64).sum();
            let machines = snapshot(&system);
            (counts, sample.iter().map(|&at| virtual_seconds(&machines, Some(&users[at]))).sum())
        };
        let before = look(&mut terminals);
        let (mut bare_rate, mut share) = (0.0, 0.0);
        for _ in 0..TURNS {
            let (start, from) = (Instant::now(), virtual_seconds(&snapshot(&system), None));
            std::thread::sleep(TURN);
            let (to, took) = (virtual_seconds(&snapshot(&system), None), start.elapsed());
            share += (to - from) / took.as_secs_f64() / TURNS as f64;
            kill_process(cp, Signal::STOP).expect("CP runs");
            bare_rate += bare(&mut guests) / TURNS as f64;
            kill_process(cp, Signal::CONT).expect("CP runs");
        }
        let after = look(&mut terminals);
        let rate = (after.0 - before.0) / (after.1 - before.1);
        figure(&format!("useful_work_pct_{level}"), share * rate / bare_rate * 100.0, "%", None);
        figure(&format!("virtual_time_pct_{level}"), share * 50.0, "%", None);
        figure(&format!("count_rate_{level}"), rate / 1e6, "M/s", Some(("bare_vcpu", bare_rate / 2.0 / 1e6)));
    }
}
