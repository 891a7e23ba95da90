//! `cp64 spool`: archives of spool files, of a system that runs or does not.
//!
//! A system that does not run is opened here. One that runs is asked to do it (SPXTAPE), by way of its own folder of archives.

use std::io::IsTerminal;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Args, Subcommand};
use console::client::{self, exit_code};
use cp_monitor::command::spxtape;
use cp_monitor::directory::UserId;
use cp_monitor::system::{DataDirectory, DataError};
use spool::{ArchiveReport, DumpOptions, LoadOptions, Progress, Queue, Selection, Spool, StartMode, Userid};

use super::{Ended, Place, because, print, whole};

/// What to do with spool files.
#[derive(Subcommand)]
pub enum What {
    /// Write spool files into an archive
    Dump {
        /// The archive
        file: PathBuf,
        #[command(flatten)]
        which: Which,
        /// Replace an archive of that name
        #[arg(long)]
        replace: bool,
    },
    /// Put the files of an archive into the spool
    Load {
        /// The archive
        file: PathBuf,
        #[command(flatten)]
        which: Which,
        /// Pass over files that are there already
        #[arg(long)]
        no_duplicates: bool,
    },
    /// List the files of an archive, all of it read and verified
    Scan {
        /// The archive
        file: PathBuf,
        #[command(flatten)]
        which: Which,
    },
}

/// Which files are meant.
#[derive(Args)]
pub struct Which {
    /// Of this user only
    #[arg(long)]
    user: Option<UserId>,
    /// Of this queue only: reader, printer or punch
    #[arg(long, value_parser = queue)]
    queue: Option<Queue>,
}

fn queue(text: &str) -> Result<Queue, String> {
    match text.to_ascii_lowercase().as_str() {
        "reader" => Ok(Queue::Reader),
        "printer" => Ok(Queue::Printer),
        "punch" => Ok(Queue::Punch),
        _ => Err("reader, printer or punch".to_string()),
    }
}

impl Which {
    fn selection(&self) -> Result<Selection, String> {
        let owner = self.user.map(|user| Userid::new(user.as_str())).transpose().map_err(because)?;
        Ok(Selection { owner, queue: self.queue, ..Selection::default() })
    }

    /// As operands of SPXTAPE.
    fn operands(&self) -> String {
        let user = self.user.map_or_else(String::new, |user| format!(" USERID {user}"));
        let queue = self.queue.map_or_else(String::new, |queue| format!(" {}", queue.abbreviation()));
        format!("{user}{queue}")
    }
}

/// Does it.
pub fn run(place: &Place, what: What) -> Ended {
    let root = place.existing()?;
    match DataDirectory::hold_existing(&root) {
        Ok(held) => by_itself(&held, what),
        Err(DataError::Running { .. }) => by_the_system(place, &root, what),
        Err(error) => Err(because(error)),
    }
}

/// The spool is opened here.
fn by_itself(held: &DataDirectory, what: What) -> Ended {
    let (spool, _) = Spool::open(&held.spool(), StartMode::Warm).map_err(because)?;
    let mut shown = Shown { terminal: std::io::stderr().is_terminal(), files: 0, listing: matches!(what, What::Scan { .. }) };
    let mut watch = |progress: Progress<'_>| shown.tell(&progress);
    let report = match what {
        What::Dump { file, which, replace } => {
            let options = DumpOptions { system: system_name(held)?, now: now(), purge: false, replace };
            spool.dump(&file, &which.selection()?, &options, &mut watch)
        }
        What::Load { file, which, no_duplicates } => {
            let options = LoadOptions { selection: which.selection()?, owner: None, no_duplicates };
            spool.load(&file, &options, &mut watch)
        }
        What::Scan { file, which } => {
            print(&format!("{}\n", spxtape::LIST_HEADING));
            spool.scan(&file, &which.selection()?, &mut watch)
        }
    };
    ended(&report.map_err(because)?)
}

fn system_name(held: &DataDirectory) -> Result<Userid, String> {
    let settings = held.settings(&cp_monitor::clock::Clock::of_host()).map_err(because)?;
    Userid::new(&settings.system_id).map_err(because)
}

fn now() -> u64 {
    cp_monitor::clock::Clock::of_host().unix_seconds()
}

fn ended(report: &ArchiveReport) -> Ended {
    print(&format!("{} files, {} records, {} bytes; {} passed over\n", report.files, report.records, report.bytes, report.passed));
    match &report.damage {
        None => Ok(ExitCode::SUCCESS),
        Some(damage) => Err(because(damage)),
    }
}

/// Progress on standard error when somebody looks, and the list of SCAN.
struct Shown {
    terminal: bool,
    files: u64,
    listing: bool,
}

impl Shown {
    fn tell(&mut self, progress: &Progress<'_>) -> ControlFlow<()> {
        match progress {
            Progress::Moving { file, bytes } if self.terminal => {
                eprint!("\r{} files; {} {}: {} MiB \x1b[K", self.files, file.owner, file.spid, bytes >> 20);
            }
            Progress::Moving { .. } => {}
            Progress::Done { file, .. } => {
                self.files += 1;
                if self.listing {
                    print(&format!("{}\n", spxtape::list_line(file)));
                } else if self.terminal && self.files.is_multiple_of(100) {
                    eprint!("\r{} files \x1b[K", self.files);
                }
            }
            Progress::Passed { file, why } => eprintln!("{} {} {} passed over: {why}", file.owner, file.queue.abbreviation(), file.spid),
        }
        ControlFlow::Continue(())
    }
}

/// The running system does it; the archive goes through its folder.
fn by_the_system(place: &Place, root: &Path, what: What) -> Ended {
    let Passage { name, path: through } = &Passage::new(root)?;
    let ask = |command: String| client::command(&place.socket()?, &command).map_err(because);
    let shown = |error: std::io::Error, file: &Path| format!("{}: {error}", file.display());
    let answer = match &what {
        What::Dump { file, which, replace } => {
            if !replace && file.symlink_metadata().is_ok() {
                return Err(format!("{} is there already", file.display()));
            }
            let answer = ask(format!("SPXTAPE DUMP {name}{} REPLACE", which.operands()))?;
            if answer.code == 0 {
                move_file(through, file)?;
            }
            answer
        }
        What::Load { file, which, no_duplicates } => {
            std::fs::copy(file, through).map_err(|error| shown(error, file))?;
            ask(format!("SPXTAPE LOAD {name}{}{}", which.operands(), if *no_duplicates { " NODUP" } else { "" }))?
        }
        What::Scan { file, which } => {
            std::fs::copy(file, through).map_err(|error| shown(error, file))?;
            ask(format!("SPXTAPE SCAN {name}{}", which.operands()))?
        }
    };
    let text: String = answer.lines.iter().map(|line| format!("{line}\n")).collect();
    if answer.code == 0 {
        print(&text)
    } else {
        eprint!("{text}")
    }
    Ok(ExitCode::from(exit_code(answer.code)))
}

/// An archive in the folder of a running system, by which the system and this program pass spool files to each other; it goes when this is dropped.
pub(super) struct Passage {
    /// What the system calls it.
    pub(super) name: String,
    pub(super) path: PathBuf,
}

impl Passage {
    pub(super) fn new(root: &Path) -> Result<Self, String> {
        let folder = root.join("spxtape");
        std::fs::create_dir_all(&folder).map_err(|error| format!("{}: {error}", folder.display()))?;
        let name = format!("host-{}", std::process::id());
        Ok(Self { path: folder.join(&name), name })
    }
}

impl Drop for Passage {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.path);
    }
}

/// Renames, or copies to another file system.
fn move_file(from: &Path, to: &Path) -> Result<(), String> {
    if std::fs::rename(from, to).is_ok() {
        return Ok(());
    }
    let failed = |error| format!("{}: {error}", to.display());
    let mut input = std::fs::File::open(from).map_err(failed)?;
    whole::write(to, |output| std::io::copy(&mut input, output).map(drop).map_err(failed))
}
