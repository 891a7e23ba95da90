//! `cp64 run`: a kernel in a machine of its own, its console here; and the machine's options, which `cp64 grade` has too.

use std::io::{BufRead, IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, TryRecvError, channel};
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use clap::{Args, ValueEnum};
use cp_monitor::pc::Turn;
use cp_monitor::trial::cms::{self, Alone, Doing};
use cp_monitor::trial::{self, End, Kind, Plan, pc};

use super::{Ended, because};

/// Seconds of silence, by the machine's clock, after which a kernel that has read everything is done, unless said otherwise.
pub const IDLE: u64 = 5;

/// A signal came that ends this program: the system around a CMS machine is to be taken down first. Another one ends it at once.
pub static STOP: LazyLock<Arc<AtomicBool>> = LazyLock::new(|| {
    use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
    let stop = Arc::new(AtomicBool::new(false));
    for signal in [SIGHUP, SIGINT, SIGTERM] {
        // Refused, the signal does what it does otherwise.
        let _ = signal_hook::flag::register_conditional_shutdown(signal, 128 + signal, Arc::clone(&stop));
        let _ = signal_hook::flag::register(signal, Arc::clone(&stop));
    }
    stop
});

/// Kinds of machines on the command line.
#[derive(Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
enum Machine {
    /// A PC
    #[default]
    Pc,
    /// A CMS machine: DIAGNOSE instead of devices
    Cms,
}

/// The machine.
#[derive(Args)]
pub struct MachineOptions {
    /// What the kernel is for
    #[arg(long, value_enum, default_value = "pc")]
    machine: Machine,
    /// Its command line
    #[arg(long, value_name = "TEXT", default_value = "")]
    parm: String,
    /// An initial file system or module, for a PC
    #[arg(long, value_name = "FILE")]
    initrd: Option<PathBuf>,
    /// Storage, in MiB
    #[arg(long, value_name = "MIB", default_value_t = 64, value_parser = clap::value_parser!(u64).range(1..=3072))]
    storage: u64,
    /// Virtual processors of a PC
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u8).range(1..=64))]
    processors: u8,
}

/// Options of `cp64 run`.
#[derive(Args)]
pub struct RunOptions {
    /// The kernel: for a PC an ELF with PVH note, multiboot, bzImage, boot sector or flat image, for a CMS machine an ELF
    kernel: PathBuf,
    #[command(flatten)]
    machine: MachineOptions,
}

/// The bytes of a file; an error names it.
pub fn read(path: &Path) -> Result<Vec<u8>, String> {
    std::fs::read(path).map_err(|error| format!("{}: {error}", path.display()))
}

impl MachineOptions {
    /// The initial file system, if there is one.
    ///
    /// # Errors
    /// It cannot be read; or the machine is no PC, and has none of what was asked for.
    pub fn module(&self) -> Result<Vec<u8>, String> {
        if self.machine == Machine::Cms && (self.initrd.is_some() || self.processors != 1) {
            return Err("A CMS machine has one processor, and no --initrd".to_string());
        }
        Ok(self.initrd.as_deref().map(read).transpose()?.unwrap_or_default())
    }

    /// A kernel in this machine, without limits.
    pub fn plan<'a>(&'a self, image: &'a [u8], module: &'a [u8]) -> Plan<'a> {
        Plan {
            kind: if self.machine == Machine::Cms { Kind::Cms } else { Kind::Pc },
            image,
            module,
            parm: &self.parm,
            storage: self.storage << 20,
            processors: usize::from(self.processors),
            input: Vec::new(),
            time: Duration::MAX,
            instructions: u64::MAX,
            idle: u64::MAX,
            stop: &STOP,
        }
    }
}

/// Lines from standard input as they come.
struct Typed {
    lines: Receiver<String>,
    next: Option<String>,
    over: bool,
}

impl Typed {
    fn new() -> Self {
        let (sender, lines) = channel();
        std::thread::spawn(move || {
            for line in std::io::stdin().lock().lines().map_while(Result::ok) {
                if sender.send(line).is_err() {
                    break;
                }
            }
        });
        Self { lines, next: None, over: false }
    }

    /// Looks for the next line.
    fn look(&mut self) {
        if self.next.is_none() && !self.over {
            match self.lines.try_recv() {
                Ok(line) => self.next = Some(line),
                Err(TryRecvError::Empty) => {}
                Err(TryRecvError::Disconnected) => self.over = true,
            }
        }
    }
}

/// Writes to standard output; false when nobody is there any more.
fn show(bytes: &[u8]) -> bool {
    let mut out = std::io::stdout();
    out.write_all(bytes).and_then(|()| out.flush()).is_ok()
}

/// Tells how a kernel ended.
fn tell(end: End, instructions: u64) -> Ended {
    match end {
        End::Ended(why) => {
            eprintln!("cp64: {why}; {instructions} instructions");
            Ok(ExitCode::SUCCESS)
        }
        End::Failed(why) | End::Limit(why) => Err(why),
    }
}

/// `cp64 run`: the console on standard output, lines of standard input typed. Ends with the kernel; from a pipe also when it waits for more than there is.
pub fn run(options: &RunOptions) -> Ended {
    let (image, module) = (read(&options.kernel)?, options.machine.module()?);
    let plan = options.machine.plan(&image, &module);
    let named = |error: &dyn std::fmt::Display| format!("{}: {error}", options.kernel.display());
    match plan.kind {
        Kind::Pc => in_pc(pc::machine(&plan).map_err(|error| named(&error))?),
        Kind::Cms => in_cms_machine(Alone::start(&plan).map_err(|error| named(&error))?),
    }
}

fn in_pc(mut machine: cp_monitor::pc::Pc) -> Ended {
    const CHUNK: u64 = 200_000;
    /// Longest wait at a time, so that what is typed is noticed.
    const WAIT: Duration = Duration::from_millis(10);
    let from_person = std::io::stdin().is_terminal();
    let mut typed = Typed::new();
    while !STOP.load(Ordering::Relaxed) {
        let turn = machine.run_by_itself(CHUNK);
        if !show(&machine.take_output()) {
            return Ok(ExitCode::SUCCESS);
        }
        if let Some(end) = pc::ended(&turn) {
            return tell(end, machine.instructions());
        }
        typed.look();
        let quiet = machine.has_read_input() && (machine.silence() >= pc::PAUSE || matches!(turn, Turn::Halted(_)));
        if quiet && let Some(line) = typed.next.take() {
            machine.type_to_it(&line);
            continue;
        }
        let silent = machine.silence() >= IDLE * 1_000_000_000 || turn == Turn::Halted(None);
        if typed.over && !from_person && machine.has_read_input() && silent {
            return Ok(ExitCode::SUCCESS);
        }
        if let Turn::Halted(length) = turn {
            let wait = length.map_or(WAIT, |length| Duration::from_nanos(length).min(WAIT));
            std::thread::sleep(wait);
            machine.skip(wait.as_nanos() as u64);
        }
    }
    Err("interrupted".to_string())
}

fn in_cms_machine(mut machine: Alone) -> Ended {
    let mut typed = Typed::new();
    while !STOP.load(Ordering::Relaxed) {
        let doing = machine.look();
        if !show(&machine.take_output()) {
            return Ok(ExitCode::SUCCESS);
        }
        match doing {
            Doing::Over(end) => return tell(end, machine.instructions()),
            Doing::Reads => {
                typed.look();
                match typed.next.take() {
                    Some(line) => machine.type_to_it(&line),
                    None if typed.over => return Ok(ExitCode::SUCCESS),
                    None => std::thread::sleep(cms::LOOK),
                }
            }
            Doing::Runs => std::thread::sleep(cms::LOOK),
        }
    }
    Err("interrupted".to_string())
}

/// Runs a kernel by itself; an error names it.
pub fn trial(kernel: &Path, plan: &Plan<'_>) -> Result<trial::Report, String> {
    trial::run(plan).map_err(because).map_err(|error| format!("{}: {error}", kernel.display()))
}
