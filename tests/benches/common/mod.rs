//! What the benchmarks share: users who log on, and how a figure is printed.
#![allow(dead_code, reason = "each benchmark is a program of its own and uses what it needs")]

use std::path::Path;
use std::time::{Duration, Instant};

use console::client::Connection;
use console::wire::{ClientFrame, ConsoleState, Logon, Reply, Request, Terminal};
use rustix::process::{Resource, getrlimit, setrlimit};

/// Prints `figure NAME VALUE UNIT [ratio R of BASELINE]`.
pub fn figure(name: &str, value: f64, unit: &str, baseline: Option<(&str, f64)>) {
    let ratio = baseline.map_or_else(String::new, |(name, of)| format!(" ratio {:.3} of {name}", value / of));
    println!("figure {name} {value:.3} {unit}{ratio}");
}

/// The middle one of these times, in microseconds.
pub fn median(mut times: Vec<Duration>) -> f64 {
    times.sort();
    times.get(times.len() / 2).map_or(0.0, |time| time.as_secs_f64() * 1e6)
}

/// Lets this process, and CP which inherits it, have a terminal for every user.
pub fn many_files() {
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    setrlimit(Resource::Nofile, limit).expect("the soft limit may grow to the hard one");
}

/// LOGON and IPL CMS until CMS reads its first command; answers how long that took.
pub fn log_on(socket: &Path, user: &str) -> (Connection, Duration) {
    let terminal = Terminal { columns: 80, rows: 24, script: false, draws: false };
    let logon =
        Logon { userid: user.to_string(), by: None, password: None, here: false, attach: false, observe: false, no_ipl: false, terminal };
    let start = Instant::now();
    let mut connection = Connection::open(socket, Request::Logon(logon)).expect("CP listens");
    let mut ready = false;
    loop {
        match connection.receive().unwrap_or_else(|error| panic!("{user}: {error}")) {
            Reply::Output(line) => ready |= line.text.starts_with("Ready;"),
            Reply::State(ConsoleState::VmRead { .. }) if ready => return (connection, start.elapsed()),
            _ => {}
        }
    }
}

/// Logs the user of a terminal off and waits for the end.
pub fn log_off(mut connection: Connection) {
    connection.send(&ClientFrame::Line("#CP LOGOFF".to_string())).expect("CP listens");
    while !matches!(connection.receive(), Ok(Reply::Ended(_)) | Err(_)) {}
}
