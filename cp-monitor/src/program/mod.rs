//! What `cp64` can be told to do. One file for each subcommand; this one reads the command line.
//!
//! Exit codes: 0 all is well; 1 it failed (the reason is on standard error); of `cp64 cp` and `cp64 logon` the low byte of the number of
//! CP's message; 2 the command line is wrong. `cp64 grade` has more, see there.

mod accounting;
mod backup;
mod check;
mod disk;
mod dump;
mod front_ends;
mod grade;
mod logon;
mod replay;
mod run;
mod spool;
mod start;
mod talk;
mod user;
mod whole;

use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};
use cp_monitor::system::data;

/// A time-sharing virtual machine monitor in the line of CP-67, VM/370 and z/VM.
#[derive(Parser)]
#[command(name = "cp64", version, about, long_about = None, disable_help_subcommand = true)]
#[command(
    after_help = "Without a subcommand cp64 starts the system and shows the operator screen.\nHELP inside CMS and F1 on the operator screen explain the commands of CMS and CP; so does `cp64 help COMMAND`."
)]
struct CommandLine {
    #[command(subcommand)]
    what: Option<What>,
    #[command(flatten)]
    start: start::Options,
    #[command(flatten)]
    place: Place,
}

/// Which system is meant.
#[derive(Args, Clone)]
struct Place {
    /// The data directory [default: $XDG_DATA_HOME/cp64, or ~/.local/share/cp64]
    #[arg(long = "system", value_name = "DIR", global = true)]
    system: Option<PathBuf>,
}

impl Place {
    fn directory(&self) -> Result<PathBuf, String> {
        if let Some(directory) = &self.system {
            return std::path::absolute(directory).map_err(|error| format!("{}: {error}", directory.display()));
        }
        let variable = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
        variable("XDG_DATA_HOME")
            .or_else(|| variable("HOME").map(|home| home.join(".local/share")))
            .map(|data| data.join("cp64"))
            .ok_or_else(|| "There is no HOME to keep the system in; name a directory with --system DIR".to_string())
    }

    /// The data directory of a system that there is.
    fn existing(&self) -> Result<PathBuf, String> {
        let directory = self.directory()?;
        if data::holds_a_system(&directory) { Ok(directory) } else { Err(data::DataError::NoSystem(directory).to_string()) }
    }

    fn socket(&self) -> Result<PathBuf, String> {
        Ok(data::socket(&self.directory()?))
    }
}

#[derive(Subcommand)]
enum What {
    /// Start the system (the default)
    Start(start::Options),
    /// Log on to a running system as a user
    Logon(logon::Options),
    /// Show the operator screen of a running system
    Operator(talk::OperatorOptions),
    /// Play a recorded console
    Replay(replay::Options),
    /// Issue one CP command as the operator
    Cp(talk::CpOptions),
    /// Put a file of the host into a user's reader
    Punch(talk::PunchOptions),
    /// Work with minidisks from the host
    #[command(subcommand)]
    Disk(disk::What),
    /// Archive spool files
    #[command(subcommand)]
    Spool(spool::What),
    /// Read a dump that VMDUMP made
    Dump(dump::Options),
    /// Change the user directory
    #[command(subcommand)]
    User(user::What),
    /// List or sum the accounting records
    Accounting(accounting::Options),
    /// Verify the stores of a system that is not running
    Check(check::Options),
    /// Write a whole system that is not running to one file, with checksums
    Backup(backup::BackupOptions),
    /// Make a system of a backup, in a new directory
    Restore(backup::RestoreOptions),
    /// Run a kernel in a machine of its own, its console here
    Run(run::RunOptions),
    /// Run kernels by themselves and compare what their consoles say
    Grade(grade::GradeOptions),
    /// Explain a CP or CMS command
    Help(talk::HelpOptions),
}

/// How a subcommand ends: an exit code, or what went wrong.
type Ended = Result<ExitCode, String>;

/// Reads the command line and does it.
pub fn run() -> ExitCode {
    let CommandLine { what, start, place } = CommandLine::parse();
    let ended = match what {
        None => start::run(&place, &start),
        Some(What::Start(options)) => start::run(&place, &options),
        Some(What::Logon(options)) => logon::run(&place, options),
        Some(What::Replay(options)) => replay::run(&options),
        Some(What::Operator(options)) => talk::operator(&place, &options),
        Some(What::Cp(options)) => talk::cp(&place, &options),
        Some(What::Punch(options)) => talk::punch(&place, &options),
        Some(What::Disk(what)) => disk::run(&place, what),
        Some(What::Spool(what)) => spool::run(&place, what),
        Some(What::Dump(options)) => dump::run(&place, &options),
        Some(What::User(what)) => user::run(&place, what),
        Some(What::Accounting(options)) => accounting::run(&place, &options),
        Some(What::Check(options)) => check::run(&place, &options),
        Some(What::Backup(options)) => backup::backup(&place, &options),
        Some(What::Restore(options)) => backup::restore(&place, &options),
        Some(What::Run(options)) => run::run(&options),
        Some(What::Grade(options)) => grade::grade(&options),
        Some(What::Help(options)) => talk::help(&options),
    };
    ended.unwrap_or_else(|reason| {
        eprintln!("cp64: {reason}");
        ExitCode::FAILURE
    })
}

/// An error as the reason of a failure.
fn because(error: impl std::fmt::Display) -> String {
    error.to_string()
}

/// Writes to standard output; a reader who has gone away is not an error.
fn print(text: &str) {
    use std::io::Write;
    let mut out = std::io::stdout().lock();
    let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
}

/// Where commands typed at a terminal are kept, next to the system they were typed at; nowhere when there is none.
fn history(directory: &Path, name: &str) -> Option<PathBuf> {
    if !data::holds_a_system(directory) {
        return None;
    }
    let folder = directory.join("history");
    std::fs::DirBuilder::new().recursive(true).mode(0o700).create(&folder).ok()?;
    Some(folder.join(name))
}
