//! REXX beside Regina on the same programs in the same run: each program tells how long its loop took by its own TIME('E').
//!
//! On the host, with the interpreter that CMS runs in ring 3 of a machine at native speed. Regina must be there: `apt-get install -y regina-rexx`.

#[path = "common/mod.rs"]
mod common;

use std::fs;
use std::process::Command;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use common::{figure, median};
use shell::rexx::{CallKind, Clock, CommandResult, Environment, External, Invocation, Program, Value, Variables, run};

/// Turns that each program takes under each of the two, alternating.
const TURNS: usize = 5;

/// Name and text of the programs. The lines before and after measure.
const PROGRAMS: &[(&str, &str)] = &[
    ("integer_loop", "x = 0; do i = 1 to 1000000; x = x + i // 7; end"),
    ("integer_while", "i = 0; do while i < 1000000; i = i + 1; if i = 500000 then half = i; end"),
    ("decimal", "x = 0; do i = 1 to 300000; x = x + i * 1.5 / 7; end"),
    ("digits_50", "numeric digits 50; x = 1; do i = 1 to 40000; x = x / 3 + i * 1.000001; end"),
    // The sums above come to have few digits; these keep fifty.
    ("digits_50_long", "numeric digits 50; x = 1; do i = 1 to 40000; x = x / 7 + i * 1.000001; end"),
    ("digits_100_product", "numeric digits 100; x = 1; do i = 1 to 30000; x = x * 1.00012345678901234567890123456789; end"),
    ("string_build", "s = ''; do i = 1 to 30000; s = s || 'abc' i; end"),
    ("string_functions", "n = 0; do i = 1 to 200000; n = n + length(left(i, 8) || right(i, 8, '0')) + pos('7', i); end"),
    ("words", "s = copies('word ', 1000); n = 0; do i = 1 to 1000; n = n + length(word(s, i)); end"),
    ("parse_words", "do i = 1 to 300000; parse value i 'beta gamma delta' with a b . d; end"),
    ("parse_10_mb", "do i = 1 to lines.0; parse var lines.i name ':' +1 number +6 . 'x' rest; n = n + number; end"),
    ("compound", "do i = 1 to 300000; a.i = i; b.i.1 = a.i; end; s = 0; do i = 1 to 300000; s = s + b.i.1; end"),
    ("recursion", "x = fib(24)"),
    ("calls", "do i = 1 to 300000; call nothing i; end"),
    (
        "select",
        "n = 0; do i = 1 to 400000; select; when i // 3 = 0 then n = n + 1; when i // 3 = 1 then n = n - 1; otherwise nop; end; end",
    ),
    ("interpret", "do i = 1 to 50000; interpret 'x = i + 1'; end"),
];

/// What a program begins with: for `parse_10_mb` ten megabytes of lines.
const LINES: &str = "n = 0; line = 'somebody:' || '000123  ' || copies('-', 75) || 'x tail'; do i = 1 to 100000; lines.i = line || i; end; lines.0 = 100000";

/// A whole program: it shows the microseconds that its part took.
fn program(name: &str, text: &str) -> String {
    let before = if name == "parse_10_mb" { LINES } else { "nop" };
    format!(
        "/* */\n{before}\ncall time 'R'\n{text}\nnumeric digits 15; say format(time('E') * 1000000,, 0)\nexit\n\
         fib: procedure; parse arg n; if n < 2 then return n; return fib(n - 1) + fib(n - 2)\n\
         nothing: return\n"
    )
}

/// The world of a program that needs none: what it says is kept.
#[derive(Default)]
struct World {
    said: Vec<u8>,
}

impl Environment for World {
    fn say(&mut self, line: &[u8]) {
        self.said = line.to_vec();
    }

    fn trace(&mut self, _: &[u8]) {}

    fn pull(&mut self) -> Vec<u8> {
        Vec::new()
    }

    fn read_console(&mut self) -> Vec<u8> {
        Vec::new()
    }

    fn push(&mut self, _: Vec<u8>) {}

    fn queue(&mut self, _: Vec<u8>) {}

    fn queued(&mut self) -> usize {
        0
    }

    fn command(&mut self, _: &[u8], _: &[u8], _: &mut Variables) -> CommandResult {
        CommandResult::of(-3)
    }

    fn call(&mut self, _: &[u8], _: &[Option<Value>], _: CallKind) -> External {
        External::NotFound
    }

    fn clock(&mut self) -> Clock {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970");
        Clock { unix_us: now.as_micros() as i64, zone_seconds: 0 }
    }

    fn userid(&mut self) -> Vec<u8> {
        Vec::new()
    }
}

/// The microseconds that a program says.
fn time_of(said: &[u8], name: &str, who: &str) -> Duration {
    let text = String::from_utf8_lossy(said);
    let micros = text.trim().parse().unwrap_or_else(|_| panic!("{name} under {who}: {text}"));
    Duration::from_micros(micros)
}

/// How each program is called.
fn invocation() -> Invocation {
    Invocation {
        kind: CallKind::Command,
        arguments: Vec::new(),
        source: b"TEST EXEC A1 TEST CMS".to_vec(),
        address: b"CMS".to_vec(),
        system: b"CMS".to_vec(),
        seed: 1,
    }
}

/// One turn under our interpreter.
fn ours(name: &str, program: &Program) -> Duration {
    let mut world = World::default();
    if let Err(report) = run(program, invocation(), &mut world) {
        panic!("{name}: {report:?}");
    }
    time_of(&world.said, name, "CP-64")
}

/// A PROFILE EXEC as people have them, of 100 lines: the time to compile it and to run it once, as after IPL, in microseconds.
fn profile() -> f64 {
    let mut text = String::from("/* PROFILE EXEC */\n");
    for line in 0..33 {
        text.push_str(&format!("'SET SWITCH{line} ON'\nif rc <> 0 then say 'switch' {line} 'is not there:' rc\nname.{line} = 'value' {line}; n = words(name.{line})\n"));
    }
    let times = (0..TURNS * 20).map(|_| {
        let text = text.clone().into_bytes();
        let begun = Instant::now();
        let compiled = Program::compile(text).expect("a program");
        let _ = run(&compiled, invocation(), &mut World::default());
        begun.elapsed()
    });
    median(times.collect())
}

fn main() {
    let directory = tempfile::tempdir().expect("a directory");
    let only = std::env::args().nth(1).filter(|argument| !argument.starts_with('-')).unwrap_or_default();
    if "profile_100_lines".contains(&only) {
        figure("rexx_profile_100_lines", profile(), "us", None);
    }
    for (name, text) in PROGRAMS.iter().filter(|(name, _)| name.contains(&only)) {
        let text = program(name, text);
        let path = directory.path().join("program");
        fs::write(&path, &text).expect("a program");
        let compiled = Program::compile(text.into_bytes()).unwrap_or_else(|report| panic!("{name}: {report:?}"));
        let (mut our_times, mut their_times) = (Vec::new(), Vec::new());
        for _ in 0..TURNS {
            our_times.push(ours(name, &compiled));
            let regina = Command::new("regina").arg(&path).output().expect("Regina; type: sudo apt-get install -y regina-rexx");
            their_times.push(time_of(&regina.stdout, name, "Regina"));
        }
        let theirs = median(their_times);
        figure(&format!("regina_{name}"), theirs, "us", None);
        figure(&format!("rexx_{name}"), median(our_times), "us", Some(("regina", theirs)));
    }
}
