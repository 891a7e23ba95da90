//! `cp64 run` and `cp64 grade`: a kernel in a PC machine of its own, without a system.
//!
//! Exit codes of `grade`: 0 the output is as expected; 1 it differs; 2 the command line or a file of it is wrong; 3 a limit was reached; 4 the machine
//! failed (triple fault, reset). The machine's failure comes before what it said.

use std::io::{BufRead, IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::mpsc::{Receiver, TryRecvError, channel};
use std::time::Duration;

use clap::Args;
use cp_monitor::pc::Turn;
use cp_monitor::trial::compare::{Difference, Expected, Meaning, lines};
use cp_monitor::trial::{self, End, Plan, Report};
use serde_json::{Value, json};

use super::{Ended, print};

const WRONG: u8 = 2;
const LIMIT: u8 = 3;
const FAILED: u8 = 4;

/// Seconds of silence, by the machine's clock, after which a kernel that has read everything is done, unless said otherwise.
const IDLE: u64 = 5;

/// The machine.
#[derive(Args)]
pub struct MachineOptions {
    /// The kernel: ELF with PVH note, multiboot, bzImage, boot sector or flat image
    kernel: PathBuf,
    /// Its command line
    #[arg(long, value_name = "TEXT", default_value = "")]
    parm: String,
    /// An initial file system or module
    #[arg(long, value_name = "FILE")]
    initrd: Option<PathBuf>,
    /// Storage, in MiB
    #[arg(long, value_name = "MIB", default_value_t = 64, value_parser = clap::value_parser!(u64).range(1..=3072))]
    storage: u64,
    /// Virtual processors
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u8).range(1..=64))]
    processors: u8,
}

/// Options of `cp64 grade`.
#[derive(Args)]
pub struct GradeOptions {
    #[command(flatten)]
    machine: MachineOptions,
    /// Lines to type, each when the kernel has read the one before it and is silent
    #[arg(long, value_name = "FILE")]
    input: Option<PathBuf>,
    /// What the console must say
    #[arg(long, value_name = "FILE")]
    expect: PathBuf,
    /// Each line of the expectation is a regular expression for a whole line
    #[arg(long)]
    regex: bool,
    /// The expected lines come in this order, others may stand between them
    #[arg(long)]
    in_order: bool,
    /// Seconds that it may take
    #[arg(long, value_name = "SECONDS", default_value_t = 60.0)]
    time: f64,
    /// Instructions that it may execute
    #[arg(long, value_name = "N", default_value_t = 10_000_000_000)]
    instructions: u64,
    /// Seconds of silence, by the machine's clock, after which a kernel that has read everything is done
    #[arg(long, value_name = "SECONDS", default_value_t = IDLE as f64)]
    idle: f64,
    /// Report as JSON
    #[arg(long)]
    json: bool,
}

struct Files {
    image: Vec<u8>,
    module: Vec<u8>,
}

fn read(path: &Path) -> Result<Vec<u8>, String> {
    std::fs::read(path).map_err(|error| format!("{}: {error}", path.display()))
}

impl MachineOptions {
    fn files(&self) -> Result<Files, String> {
        Ok(Files { image: read(&self.kernel)?, module: self.initrd.as_deref().map(read).transpose()?.unwrap_or_default() })
    }

    fn plan<'a>(&'a self, files: &'a Files) -> Plan<'a> {
        Plan {
            image: &files.image,
            module: &files.module,
            parm: &self.parm,
            storage: self.storage << 20,
            processors: usize::from(self.processors),
            input: Vec::new(),
            time: Duration::MAX,
            instructions: u64::MAX,
            idle: u64::MAX,
        }
    }
}

fn seconds(name: &str, value: f64) -> Result<Duration, String> {
    Duration::try_from_secs_f64(value).map_err(|_| format!("{name} must be a number of seconds, not {value}"))
}

/// `cp64 grade`.
pub fn grade(options: &GradeOptions) -> Ended {
    match carry_out(options) {
        Ok((report, difference)) => Ok(ExitCode::from(tell(options, &report, difference.as_ref()))),
        Err(reason) => {
            eprintln!("cp64: {reason}");
            Ok(ExitCode::from(WRONG))
        }
    }
}

fn carry_out(options: &GradeOptions) -> Result<(Report, Option<Difference>), String> {
    let expect = &options.expect;
    let meaning = Meaning { regex: options.regex, in_order: options.in_order };
    let expected = Expected::new(&read(expect)?, meaning).map_err(|why| format!("{}: {why}", expect.display()))?;
    let input = options.input.as_deref().map(read).transpose()?.unwrap_or_default();
    let files = options.machine.files()?;
    let plan = Plan {
        input: String::from_utf8_lossy(&input).lines().map(str::to_string).collect(),
        time: seconds("--time", options.time)?,
        instructions: options.instructions,
        idle: u64::try_from(seconds("--idle", options.idle)?.as_nanos()).unwrap_or(u64::MAX),
        ..options.machine.plan(&files)
    };
    let report = trial::run(&plan).map_err(|error| format!("{}: {error}", options.machine.kernel.display()))?;
    let difference = expected.compare(&report.output);
    Ok((report, difference))
}

/// Says what came of it; the exit code.
fn tell(options: &GradeOptions, report: &Report, difference: Option<&Difference>) -> u8 {
    let (code, result, why) = match (&report.end, difference) {
        (End::Failed(why), _) => (FAILED, "failed", why),
        (End::Limit(why), _) => (LIMIT, "limit", why),
        (End::Ended(why), Some(_)) => (1, "differs", why),
        (End::Ended(why), None) => (0, "pass", why),
    };
    let first = difference.map(|difference| json!({ "line": difference.line, "expected": difference.expected, "found": difference.found }));
    if options.json {
        let value: Value = json!({
            "kernel": options.machine.kernel.display().to_string(),
            "result": result,
            "exit_code": code,
            "why": why,
            "instructions": report.instructions,
            "machine_seconds": report.machine_time as f64 / 1e9,
            "seconds": report.time.as_secs_f64(),
            "unread_input_lines": report.unread,
            "output": lines(&report.output),
            "first_difference": first,
        });
        print(&format!("{value:#}\n"));
        return code;
    }
    let mut text = format!("{result}: {why}; {} instructions, {:.3} s\n", report.instructions, report.time.as_secs_f64());
    if let Some(difference) = difference {
        let shown = |line: &Option<String>| line.as_ref().map_or("nothing more".to_string(), |line| format!("{line:?}"));
        text += &format!("line {}: expected {}, found {}\n", difference.line, shown(&difference.expected), shown(&difference.found));
    }
    print(&text);
    code
}

/// Lines from standard input as they come.
fn typed() -> Receiver<String> {
    let (sender, receiver) = channel();
    std::thread::spawn(move || {
        for line in std::io::stdin().lock().lines().map_while(Result::ok) {
            if sender.send(line).is_err() {
                break;
            }
        }
    });
    receiver
}

/// `cp64 run`: the console on standard output, lines of standard input typed. Ends with the kernel; from a pipe also when it waits for more than there is.
pub fn run(options: &MachineOptions) -> Ended {
    const CHUNK: u64 = 200_000;
    /// Longest wait at a time, so that what is typed is noticed.
    const WAIT: Duration = Duration::from_millis(10);
    let files = options.files()?;
    let mut pc = trial::machine(&options.plan(&files)).map_err(|error| format!("{}: {error}", options.kernel.display()))?;
    let from_person = std::io::stdin().is_terminal();
    let lines = typed();
    let mut next = None;
    let mut over = false;
    let mut out = std::io::stdout();
    loop {
        let turn = pc.run_by_itself(CHUNK);
        let bytes = pc.take_output();
        if out.write_all(&bytes).and_then(|()| out.flush()).is_err() {
            return Ok(ExitCode::SUCCESS);
        }
        match trial::ended(&turn) {
            Some(End::Ended(why)) => {
                eprintln!("cp64: {why}; {} instructions", pc.instructions());
                return Ok(ExitCode::SUCCESS);
            }
            Some(End::Failed(why) | End::Limit(why)) => return Err(why),
            None => {}
        }
        if next.is_none() && !over {
            next = match lines.try_recv() {
                Ok(line) => Some(line),
                Err(TryRecvError::Empty) => None,
                Err(TryRecvError::Disconnected) => {
                    over = true;
                    None
                }
            };
        }
        let quiet = pc.has_read_input() && (pc.silence() >= trial::PAUSE || matches!(turn, Turn::Halted(_)));
        if quiet && let Some(line) = next.take() {
            pc.type_to_it(&line);
            continue;
        }
        if over && !from_person && pc.has_read_input() && (pc.silence() >= IDLE * 1_000_000_000 || turn == Turn::Halted(None)) {
            return Ok(ExitCode::SUCCESS);
        }
        if let Turn::Halted(length) = turn {
            let wait = length.map_or(WAIT, |length| Duration::from_nanos(length).min(WAIT));
            std::thread::sleep(wait);
            pc.skip(wait.as_nanos() as u64);
        }
    }
}
