//! One machine by itself: `cp64 run` and `cp64 grade`. [`pc`] is a PC machine without a system around it, [`cms`] a CMS machine in a system of its own, since it asks CP for everything.
//!
//! A trial is as repeatable as the machine: the next line is typed when the machine has read the one before it, by what the machine itself shows of that, so that the
//! same kernel with the same input executes the same instructions every time.

pub mod cms;
pub mod compare;
pub mod pc;

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use pc_platform::image;

use crate::storage;
use crate::system::StartError;

/// Most output that is kept; a kernel that writes more has ended.
pub const OUTPUT_MAX: usize = 16 << 20;

/// The machine that a kernel is for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Kind {
    /// A PC.
    #[default]
    Pc,
    /// A CMS machine: DIAGNOSE instead of devices.
    Cms,
}

/// What is run, and how far.
pub struct Plan<'a> {
    /// In what.
    pub kind: Kind,
    /// The kernel.
    pub image: &'a [u8],
    /// Initial file system or module; empty for none.
    pub module: &'a [u8],
    /// Command line.
    pub parm: &'a str,
    /// Bytes of storage.
    pub storage: u64,
    /// Virtual processors.
    pub processors: usize,
    /// Lines to type.
    pub input: Vec<String>,
    /// Host time that it may take.
    pub time: Duration,
    /// Instructions that it may execute.
    pub instructions: u64,
    /// Nanoseconds of a PC machine, after the last line was read, in which it says nothing: it waits for more. A CMS machine says so itself.
    pub idle: u64,
    /// Ends the trial early.
    pub stop: &'a AtomicBool,
}

impl Plan<'_> {
    /// Whether one that began then and wrote so many bytes has gone as far as it may, but for instructions.
    fn limit(&self, began: Instant, written: usize) -> Option<End> {
        let why = if self.stop.load(Ordering::Relaxed) {
            "interrupted".to_string()
        } else if began.elapsed() >= self.time {
            format!("{} seconds", self.time.as_secs_f64())
        } else if written > OUTPUT_MAX {
            format!("{OUTPUT_MAX} bytes of output")
        } else {
            return None;
        };
        Some(End::Limit(why))
    }
}

/// How a trial ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum End {
    /// The kernel ended: power off, its exit code, a halt with interrupts disabled, or it waits for input that does not come.
    Ended(String),
    /// It failed: triple fault, reset; a program interruption that it has no new PSW for.
    Failed(String),
    /// A limit was reached.
    Limit(String),
}

/// What came of it.
#[derive(Clone, Debug)]
pub struct Report {
    /// How it ended.
    pub end: End,
    /// Everything it wrote to the console.
    pub output: Vec<u8>,
    /// Instructions of all processors.
    pub instructions: u64,
    /// Nanoseconds of the clock of a PC machine; of a CMS machine its virtual processor time.
    pub machine_time: u64,
    /// Host time.
    pub time: Duration,
    /// Lines of the input that the kernel did not read.
    pub unread: usize,
}

/// Why a kernel cannot be tried.
#[derive(Debug, thiserror::Error)]
pub enum TrialError {
    /// It is no image for a PC machine, or not with this storage.
    #[error(transparent)]
    Pc(#[from] image::ImageError),
    /// It is no image for a CMS machine, or not with this storage.
    #[error("{0}")]
    Cms(String),
    /// The system around a CMS machine.
    #[error("The system around the machine cannot be started: {0}")]
    System(#[from] StartError),
    /// The host.
    #[error("The system around the machine cannot be started: {0}")]
    Host(#[from] std::io::Error),
}

impl From<storage::ImageError> for TrialError {
    fn from(error: storage::ImageError) -> Self {
        let source = std::error::Error::source(&error).map_or_else(String::new, |source| format!(": {source}"));
        Self::Cms(format!("{error}{source}"))
    }
}

/// Runs a kernel until it ends or a limit is reached.
///
/// # Errors
/// [`TrialError`]: nothing was run.
pub fn run(plan: &Plan<'_>) -> Result<Report, TrialError> {
    match plan.kind {
        Kind::Pc => Ok(pc::run(plan)?),
        Kind::Cms => cms::run(plan),
    }
}
