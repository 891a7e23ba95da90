//! How soon a console line is answered: on an idle system, and while 200 machines spin.
//!
//! A person types a line four times a second; it is answered when CMS reads the next one.

#[path = "common/mod.rs"]
mod common;

use std::time::{Duration, Instant};

use common::{figure, log_on, many_files};
use console::client::Connection;
use console::wire::{ClientFrame, ConsoleState, Reply};
use tests::System;

/// Machines that spin.
const SPINNING: usize = 200;
/// Lines typed.
const LINES: usize = 120;
/// Between a line's answer and the next line.
const PAUSE: Duration = Duration::from_millis(250);

fn answer(terminal: &mut Connection) -> Duration {
    let start = Instant::now();
    terminal.send(&ClientFrame::Line("IDENTIFY".to_string())).expect("CP listens");
    let mut ready = false;
    loop {
        match terminal.receive().expect("CP answers") {
            Reply::Output(line) => ready |= line.text.starts_with("Ready;"),
            Reply::State(ConsoleState::VmRead { .. }) if ready => return start.elapsed(),
            _ => {}
        }
    }
}

/// Milliseconds that so many percent of the answers take at most: the middle, and all but the slowest hundredth.
fn percentiles(terminal: &mut Connection) -> (f64, f64) {
    answer(terminal);
    let mut times: Vec<_> = (0..LINES)
        .map(|_| {
            std::thread::sleep(PAUSE);
            answer(terminal).as_secs_f64() * 1e3
        })
        .collect();
    times.sort_by(f64::total_cmp);
    (times[LINES / 2], times[LINES * 99 / 100])
}

fn main() {
    many_files();
    let system = System::start_with(&["--processors", "2"]);
    let users = system.add_users(SPINNING + 1);
    let mut terminals: Vec<_> = users.iter().map(|user| log_on(&system.socket(), user).0).collect();
    let mut person = terminals.pop().expect("there is one more");
    let idle = percentiles(&mut person);
    for terminal in &mut terminals {
        terminal.send(&ClientFrame::Line("ABEND LOOP".to_string())).expect("CP listens");
    }
    std::thread::sleep(Duration::from_secs(1));
    let busy = percentiles(&mut person);
    figure("console_idle_p50_ms", idle.0, "ms", None);
    figure("console_idle_p99_ms", idle.1, "ms", None);
    figure("console_p50_ms", busy.0, "ms", Some(("console_idle_p50_ms", idle.0)));
    figure("console_p99_ms", busy.1, "ms", Some(("console_idle_p99_ms", idle.1)));
}
