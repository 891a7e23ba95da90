//! Ten thousand users (`--users N` for another number) logged on and IPLed in one CP, each with a terminal of its own that answers: what the
//! last thousand costs beside the first, how quick commands, the operator screen's picture and SHUTDOWN are then, and a thousand logons at
//! once while other machines loop. Beside it: a KVM VM for each guest, a thousand of them.

#[path = "common/mod.rs"]
mod common;

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::process::Command;
use std::time::{Duration, Instant};

use common::{figure, many_files, median};
use console::wire::{Order, Window};
use cp_monitor::processor::baseline::{BareGuest, Ring};
use tests::{System, Terminal, wait_for};

/// Users that are measured together.
const THOUSAND: usize = 1000;
/// Users whose logons begin at the same moment.
const AT_ONCE: usize = 1000;
/// Machines that loop meanwhile.
const LOOPING: usize = 4;
/// KVM VMs for the comparison: what a monitor with a VM for each user would need.
const BARE_GUESTS: usize = 1000;

fn milliseconds(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}

/// Mean time to make one more KVM VM and bring it to its first exit, in us, for each hundred of a thousand that stay.
fn bare_guests() -> Vec<f64> {
    let mut guests = Vec::new();
    let mut hundreds = Vec::new();
    while guests.len() < BARE_GUESTS {
        let start = Instant::now();
        for _ in 0..100 {
            let mut guest = BareGuest::new(Ring::User).expect("KVM is usable");
            guest.port_exits(1).expect("it runs");
            guests.push(guest);
        }
        hundreds.push(start.elapsed().as_secs_f64() * 1e4);
    }
    hundreds
}

/// How long something takes, in milliseconds: the median of five.
fn timed(mut action: impl FnMut()) -> f64 {
    let times = (0..5).map(|_| {
        let start = Instant::now();
        action();
        start.elapsed()
    });
    median(times.collect()) / 1e3
}

/// Virtual processor time of the looping machines, in microseconds.
fn looped(system: &System, users: &[String]) -> f64 {
    let of = |user: &String| system.cp_json(&format!("INDICATE USER {user}"))["data"]["virtual_us"].as_f64().expect("it is counted");
    users.iter().map(of).sum()
}

/// A thousand logons that begin together, while other machines loop.
fn at_once(system: &System, users: &[String], looping: &[String]) {
    let mut loops: Vec<_> = looping.iter().map(|user| system.log_on(user)).collect();
    loops.iter_mut().for_each(|terminal| terminal.type_line("abend loop"));
    std::thread::sleep(Duration::from_secs(1));
    let (alone, start) = (looped(system, looping), Instant::now());
    std::thread::sleep(Duration::from_secs(2));
    let alone = (looped(system, looping) - alone) / start.elapsed().as_secs_f64();

    let (during, start) = (looped(system, looping), Instant::now());
    let mut terminals: Vec<_> = users.iter().map(|user| Terminal::connect(&system.socket(), user)).collect();
    let opened = start.elapsed();
    let mut times: Vec<_> = terminals
        .iter_mut()
        .map(|terminal| {
            terminal.ready();
            start.elapsed()
        })
        .collect();
    let all = start.elapsed();
    let during = (looped(system, looping) - during) / all.as_secs_f64();
    times.sort();
    figure("storm_at_once_users", users.len() as f64, "users", None);
    figure("storm_at_once_connected", milliseconds(opened), "ms", None);
    figure("storm_at_once_slowest", milliseconds(all), "ms", None);
    figure("storm_at_once_each", milliseconds(all) * 1e3 / users.len() as f64, "us", None);
    figure("storm_loops_meanwhile", during / 1e4, "percent", Some(("loops_alone", alone / 1e4)));
    for user in looping {
        system.cp(&format!("FORCE {user}")).succeeded();
    }
}

/// What the operator screen's polls cost: of the window that a terminal of 132 by 43 shows, by userid, by CPU% and filtered, beside one that
/// tells of everybody.
fn screen(system: &System) {
    let mut watch = console::client::watch(&system.socket()).expect("CP listens");
    let mut poll = |window: &Window| drop(watch.snapshot(window).expect("CP answers"));
    let window = Window { rows: 22, margin: 22, trend: 30, ..Window::default() };
    let everybody = Some(("screen_poll_everybody_ms", timed(|| poll(&Window::everything()))));
    figure("screen_poll_ms", timed(|| poll(&window)), "ms", everybody);
    figure("screen_poll_by_cpu_ms", timed(|| poll(&Window { order: Order::Cpu, descending: true, ..window.clone() })), "ms", everybody);
    figure("screen_poll_filtered_ms", timed(|| poll(&Window { filter: "u99".into(), ..window.clone() })), "ms", everybody);
    real_screen(system);
}

/// Processor time of the real operator screen in a terminal of 132 by 43, its drawing and CP's answers together, beside CP without it.
fn real_screen(system: &System) {
    let idle = percent_used(&[system.pid()]);
    let room = tempfile::tempdir().expect("a temporary directory");
    let tmux = |arguments: &[&str]| {
        let output = Command::new("tmux").arg("-S").arg(room.path().join("tmux")).args(arguments).output();
        String::from_utf8_lossy(&output.expect("tmux is there: apt-get install -y tmux").stdout).into_owned()
    };
    let operator = format!("exec {} --system {} operator", tests::cp64().display(), system.directory().display());
    tmux(&["-f", "/dev/null", "new-session", "-d", "-s", "screen", "-x", "132", "-y", "43", &operator]);
    wait_for("the operator screen", || tmux(&["capture-pane", "-p", "-t", "screen"]).contains("Machines ").then_some(()));
    let screen = tmux(&["list-panes", "-t", "screen", "-F", "#{pane_pid}"]).trim().parse().expect("a process id");
    let used = percent_used(&[system.pid(), screen]);
    tmux(&["kill-server"]);
    figure("screen_cpu_pct", used - idle, "percent", Some(("cp_without_screen", idle)));
}

/// Percent of a processor that these processes use, over a time that the clock of their processor time shows.
fn percent_used(processes: &[u32]) -> f64 {
    let used = || processes.iter().map(|&process| processor_seconds(process)).sum::<f64>();
    let (before, start) = (used(), Instant::now());
    std::thread::sleep(Duration::from_secs(10));
    (used() - before) / start.elapsed().as_secs_f64() * 100.0
}

/// Processor time of a process.
fn processor_seconds(process: u32) -> f64 {
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).expect("it runs");
    let after = stat.rsplit_once(") ").expect("the name is in parentheses").1;
    let field = |n: usize| after.split(' ').nth(n).and_then(|ticks| ticks.parse::<f64>().ok()).expect("ticks");
    // User and system time in hundredths of a second.
    (field(11) + field(12)) / 100.0
}

/// How long a scrape of the metrics takes.
fn scrape(address: SocketAddr) {
    let took = timed(|| {
        let mut stream = TcpStream::connect(address).expect("metrics are served");
        stream.write_all(b"GET /metrics HTTP/1.0\r\n\r\n").expect("a request");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("an answer");
        assert!(answer.contains("cp64_users{"));
    });
    figure("storm_scrape", took, "ms", None);
}

fn main() {
    let arguments: Vec<_> = std::env::args().collect();
    let most = arguments.iter().position(|word| word == "--users").and_then(|at| arguments.get(at + 1)?.parse().ok()).unwrap_or(10_000);
    many_files();
    let bare = bare_guests();
    figure("bare_kvm_vm_first_hundred", bare[0], "us", None);
    figure("bare_kvm_vm_last_hundred_of_1000", bare[bare.len() - 1], "us", Some(("bare_kvm_vm_first_hundred", bare[0])));
    let baseline = Some(("bare_kvm_vm_last_hundred_of_1000", bare[bare.len() - 1]));

    let mut system = System::start_with(&["--metrics", "127.0.0.1:0"]);
    let said = Terminal::observe(&system.socket(), "OPERATOR").until("Metrics are at http://");
    let address = said.split("http://").nth(1).and_then(|rest| rest.split('/').next()).expect("an address");
    let metrics = address.parse().expect("an address");
    let start = Instant::now();
    let users = system.add_users(most);
    figure("storm_directory", milliseconds(start.elapsed()), "ms", None);

    let (looping, rest) = users.split_at(LOOPING);
    let (early, late) = rest.split_at(rest.len().saturating_sub(AT_ONCE));
    let mut terminals = Vec::new();
    let mut thousands = Vec::new();
    for thousand in early.chunks(THOUSAND) {
        let start = Instant::now();
        for user in thousand {
            terminals.push(system.log_on(user));
        }
        let each = start.elapsed().as_secs_f64() * 1e6 / thousand.len() as f64;
        thousands.push(each);
        figure(&format!("storm_thousand_{}", thousands.len()), each, "us", baseline);
    }
    let (first, last) = (thousands[0], thousands[thousands.len() - 1]);
    figure("storm_last_to_first", last / first, "times", None);
    at_once(&system, late, looping);

    let users = system.cp_json("QUERY USERS")["data"]["users"].as_f64().expect("QUERY USERS counts them");
    figure("storm_users", users, "users", None);
    let start = Instant::now();
    for terminal in &mut terminals {
        terminal.command("query disk");
    }
    figure("storm_console_answer", start.elapsed().as_secs_f64() * 1e6 / terminals.len() as f64, "us", None);

    let time = Some(("cp_query_time", timed(|| drop(system.cp_says("QUERY TIME")))));
    figure("storm_query_names", timed(|| drop(system.cp_says("QUERY NAMES"))), "ms", time);
    figure("storm_query_users", timed(|| drop(system.cp_says("QUERY USERS"))), "ms", time);
    figure("storm_indicate_load", timed(|| drop(system.cp_says("INDICATE LOAD"))), "ms", time);
    screen(&system);
    scrape(metrics);
    let start = Instant::now();
    system.shut_down();
    figure("storm_shutdown", milliseconds(start.elapsed()), "ms", None);
}
