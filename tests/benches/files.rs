//! COPYFILE and SORT of a file of 100 MB in a machine, beside `cp` and `sort` of the same lines on the host, each durable at its end.
//!
//! The terminal's own time is in the figures of CMS, the start of the program in those of the host. Turns alternate; the figures are medians.

#[path = "common/mod.rs"]
mod common;

use std::fs::{self, File};
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use common::{figure, median};
use tests::{System, Terminal};

const TURNS: usize = 3;
/// Lines of 80 bytes with their ends: 100 MB.
const LINES: u32 = 1_250_000;

/// The lines: eight digits in no order, and what follows them.
fn lines() -> Vec<u8> {
    let rest = "-".repeat(70);
    (0..LINES).flat_map(|at| format!("{:08} {rest}\n", at.wrapping_mul(2_654_435_761) % 100_000_000).into_bytes()).collect()
}

/// A command of CMS that must end well, with lines typed ahead for it.
fn in_cms(terminal: &mut Terminal, command: &str, typed: &[&str]) -> Duration {
    let start = Instant::now();
    terminal.type_line(command);
    typed.iter().for_each(|line| terminal.type_line(line));
    let shown = terminal.ready();
    assert!(shown.contains("Ready;"), "{shown}");
    start.elapsed()
}

/// A program of the host, after which its output is durable.
fn on_host(program: &str, arguments: &[&str], input: &Path, output: &Path) -> Duration {
    let start = Instant::now();
    let status = Command::new(program).env("LC_ALL", "C").args(arguments).arg(input).arg(output).status().expect("the program");
    assert!(status.success(), "{program}");
    File::open(output).and_then(|file| file.sync_all()).expect("it is durable");
    start.elapsed()
}

fn main() {
    let system = System::start_with(&["--processors", "1"]);
    system.cp64(&["user", "add", "BENCH", "--cylinders", "700"], b"").succeeded();
    let text = lines();
    system.disk_put("BENCH", "BIG", "DATA", &text).succeeded();
    let (input, copy, sorted) = (system.directory().join("big"), system.directory().join("copy"), system.directory().join("sorted"));
    fs::write(&input, &text).expect("a file");
    let mut terminal = system.log_on("BENCH");
    let (mut times, mut baselines) = ([Vec::new(), Vec::new()], [Vec::new(), Vec::new()]);
    for _ in 0..TURNS {
        times[0].push(in_cms(&mut terminal, "copyfile big data a copy data a (replace", &[]));
        baselines[0].push(on_host("cp", &["--reflink=never"], &input, &copy));
        times[1].push(in_cms(&mut terminal, "sort big data a sorted data a", &["1 8"]));
        baselines[1].push(on_host("sort", &["-s", "-k1,1", "-o"], &sorted, &input));
    }
    terminal.type_line("#cp logoff");
    terminal.ending();
    assert!(system.disk_get("BENCH", "SORTED", "DATA") == fs::read(&sorted).expect("the sorted file"), "both sort alike");
    for (at, (name, baseline)) in [("copyfile_100mb", "cp"), ("sort_100mb", "sort")].into_iter().enumerate() {
        let theirs = median(std::mem::take(&mut baselines[at])) / 1e3;
        figure(&format!("host_{baseline}_100mb"), theirs, "ms", None);
        figure(name, median(std::mem::take(&mut times[at])) / 1e3, "ms", Some((baseline, theirs)));
    }
}
