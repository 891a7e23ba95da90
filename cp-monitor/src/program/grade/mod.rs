//! `cp64 grade`: kernels by themselves, and whether they say what was expected. [`report`] is how it is told.
//!
//! Exit codes for one kernel: 0 the output is as expected; 1 it differs; 2 the command line, the kernel or another file is wrong; 3 a limit was reached; 4 the machine
//! failed (triple fault, reset, program interruption). The machine's failure comes before what it said. For several: 0 all passed, 1 one did not, 2 the command line is wrong.

mod report;

use std::io::{IsTerminal, Write};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::atomic::Ordering;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use clap::Args;
use cp_monitor::system::allowance;
use cp_monitor::trial::Plan;
use cp_monitor::trial::compare::{Expected, Meaning};

use super::run::{IDLE, MachineOptions, STOP, read, trial};
use super::{Ended, because, print, whole};
use report::{Grade, Outcome, WRONG};

/// Options of `cp64 grade`.
#[derive(Args)]
pub struct GradeOptions {
    /// The kernels, or folders of them
    #[arg(required = true, value_name = "KERNEL")]
    kernels: Vec<PathBuf>,
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
    /// Kernels that run at a time [default: as many as there are processors]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=256))]
    jobs: Option<u16>,
    /// Report as JSON: an object, of several kernels an array
    #[arg(long)]
    json: bool,
    /// Write that to a file, too
    #[arg(long, value_name = "FILE")]
    report: Option<PathBuf>,
}

/// What is the same for all kernels.
struct Exercise<'a> {
    options: &'a GradeOptions,
    input: Vec<String>,
    module: Vec<u8>,
    expected: Expected,
    time: Duration,
    idle: u64,
}

fn seconds(name: &str, value: f64) -> Result<Duration, String> {
    Duration::try_from_secs_f64(value).map_err(|_| format!("{name} must be a number of seconds, not {value}"))
}

impl<'a> Exercise<'a> {
    fn new(options: &'a GradeOptions) -> Result<Self, String> {
        let expect = &options.expect;
        let meaning = Meaning { regex: options.regex, in_order: options.in_order };
        let expected = Expected::new(&read(expect)?, meaning).map_err(|why| format!("{}: {why}", expect.display()))?;
        let input = options.input.as_deref().map(read).transpose()?.unwrap_or_default();
        Ok(Self {
            options,
            input: String::from_utf8_lossy(&input).lines().map(str::to_string).collect(),
            module: options.machine.module()?,
            expected,
            time: seconds("--time", options.time)?,
            idle: u64::try_from(seconds("--idle", options.idle)?.as_nanos()).unwrap_or(u64::MAX),
        })
    }

    fn grade(&self, kernel: &Path) -> Grade {
        let ran = catch_unwind(AssertUnwindSafe(|| self.run(kernel)));
        let outcome = ran.unwrap_or_else(|_| Err(format!("{}: an internal error of cp64 ended it", kernel.display())));
        Grade { kernel: kernel.to_path_buf(), outcome }
    }

    fn run(&self, kernel: &Path) -> Result<Outcome, String> {
        let image = read(kernel)?;
        let plan = Plan {
            input: self.input.clone(),
            time: self.time,
            instructions: self.options.instructions,
            idle: self.idle,
            ..self.options.machine.plan(&image, &self.module)
        };
        let report = trial(kernel, &plan)?;
        let difference = self.expected.compare(&report.output);
        Ok(Outcome { report, difference })
    }

    /// Grades all of them, some at a time. In their order.
    fn grade_all(&self, kernels: &[PathBuf]) -> Vec<Grade> {
        let jobs = self.options.jobs.map_or_else(allowance::processors, usize::from).min(kernels.len());
        let left = Mutex::new(kernels.iter().enumerate());
        let done: Mutex<Vec<Option<Grade>>> = Mutex::new(kernels.iter().map(|_| None).collect());
        let progress = Progress::of(kernels.len());
        let next = || left.lock().unwrap_or_else(PoisonError::into_inner).next();
        let work = || {
            while !stopped()
                && let Some((number, kernel)) = next()
            {
                let grade = self.grade(kernel);
                let mut done = done.lock().unwrap_or_else(PoisonError::into_inner);
                done[number] = Some(grade);
                progress.show(done.iter().flatten().count());
            }
        };
        std::thread::scope(|scope| {
            for _ in 1..jobs {
                scope.spawn(work);
            }
            work();
        });
        progress.end();
        done.into_inner().unwrap_or_else(PoisonError::into_inner).into_iter().flatten().collect()
    }
}

/// Whether a signal ends this program.
fn stopped() -> bool {
    STOP.load(Ordering::Relaxed)
}

/// How far it is, for a person.
struct Progress {
    all: usize,
    shown: bool,
}

impl Progress {
    fn of(all: usize) -> Self {
        Self { all, shown: std::io::stderr().is_terminal() }
    }

    fn show(&self, done: usize) {
        if self.shown {
            let _ = write!(std::io::stderr(), "\r{done} of {} graded", self.all);
        }
    }

    fn end(&self) {
        if self.shown {
            let _ = write!(std::io::stderr(), "\r\x1b[K");
        }
    }
}

/// The kernels that are meant, and whether more than one may be: the files of a folder in the order of their names, hidden ones left out.
fn kernels(named: &[PathBuf]) -> Result<(Vec<PathBuf>, bool), String> {
    let mut found = Vec::new();
    for path in named {
        if !path.is_dir() {
            found.push(path.clone());
            continue;
        }
        let shown = |error: std::io::Error| format!("{}: {error}", path.display());
        let mut files = Vec::new();
        for entry in std::fs::read_dir(path).map_err(shown)? {
            let entry = entry.map_err(shown)?;
            if entry.path().is_file() && !entry.file_name().as_encoded_bytes().starts_with(b".") {
                files.push(entry.path());
            }
        }
        if files.is_empty() {
            return Err(format!("There is no kernel in {}", path.display()));
        }
        files.sort();
        found.extend(files);
    }
    let several = found.len() > 1 || named.iter().any(|path| path.is_dir());
    Ok((found, several))
}

/// `cp64 grade`.
pub fn grade(options: &GradeOptions) -> Ended {
    carry_out(options).or_else(|reason| {
        eprintln!("cp64: {reason}");
        Ok(ExitCode::from(WRONG))
    })
}

fn carry_out(options: &GradeOptions) -> Ended {
    let exercise = Exercise::new(options)?;
    let (kernels, several) = kernels(&options.kernels)?;
    let grades = exercise.grade_all(&kernels);
    if stopped() {
        return Err("interrupted".to_string());
    }
    let single = grades.first().filter(|_| !several);
    if let Some(Grade { outcome: Err(reason), .. }) = single {
        return Err(reason.clone());
    }
    let json = match single {
        Some(grade) => grade.json(),
        None => grades.iter().map(Grade::json).collect(),
    };
    let json = format!("{json:#}\n");
    if let Some(path) = &options.report {
        whole::write(path, |file| file.write_all(json.as_bytes()).map_err(because))?;
    }
    print(&match single {
        _ if options.json => json,
        Some(grade) => grade.text(),
        None => report::table(&grades),
    });
    Ok(ExitCode::from(match single {
        Some(grade) => grade.code(),
        None => grades.iter().any(|grade| grade.code() != 0).into(),
    }))
}
