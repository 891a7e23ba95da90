//! `cp64 dump`: reads what VMDUMP wrote, out of an archive, out of the records of a spool file, or out of the spool itself; and makes a core file of it. `find` finds
//! the dump and reads it, `show` shows it.

mod find;
mod show;

use std::fs;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use cp_monitor::debug::vmdump::core::{self, Addresses};
use cp_monitor::debug::vmdump::symbols::Symbols;
use cp_monitor::directory::UserId;

use super::{Ended, Place, whole};
use find::find;
use show::Shown;

/// Which dump, and what is to be done with it.
#[derive(Args)]
pub struct Options {
    /// An archive of spool files, or the records of a dump; without it a file in the reader of --user
    file: Option<PathBuf>,
    /// Whose dump
    #[arg(long)]
    user: Option<UserId>,
    /// Number of the spool file; the newest dump when it is not said
    #[arg(long)]
    spid: Option<u16>,
    /// Show storage: ADDRESS, FIRST-LAST, FIRST.LENGTH in hexadecimal, or a symbol
    #[arg(long, value_name = "RANGE")]
    range: Vec<String>,
    /// Show storage as instructions
    #[arg(long, value_name = "RANGE")]
    code: Vec<String>,
    /// Take the names of addresses from this ELF file
    #[arg(long, value_name = "ELF")]
    symbols: Option<PathBuf>,
    /// Addresses of a PC machine are those of its storage, not through its page tables
    #[arg(long)]
    physical: bool,
    /// The processor whose page tables are used
    #[arg(long, default_value_t = 0)]
    processor: usize,
    /// Write a core file that gdb opens
    #[arg(long, value_name = "OUT")]
    core: Option<PathBuf>,
    /// Replace a core file of that name
    #[arg(long)]
    replace: bool,
}

/// Does it.
pub fn run(place: &Place, options: &Options) -> Ended {
    let dump = find(place, options)?;
    if options.processor >= dump.states.len() {
        return Err(format!("The machine has {} processors", dump.states.len()));
    }
    let symbols = match &options.symbols {
        None => Symbols::default(),
        Some(path) => {
            let bytes = fs::read(path).map_err(|error| format!("{}: {error}", path.display()))?;
            Symbols::of(&bytes).map_err(|error| format!("{}: {error}", path.display()))?
        }
    };
    let shown = Shown { dump: &dump, options, symbols };
    shown.all()?;
    if let Some(path) = &options.core {
        let addresses = if options.physical { Addresses::Physical } else { Addresses::Linear(options.processor) };
        if !options.replace && path.symlink_metadata().is_ok() {
            return Err(format!("{} is there already", path.display()));
        }
        whole::write(path, |output| core::write(&dump, addresses, output).map_err(|error| format!("{}: {error}", path.display())))?;
    }
    Ok(ExitCode::SUCCESS)
}
