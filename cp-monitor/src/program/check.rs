//! `cp64 check`: verifies every store of a system that is not running.

use std::path::Path;
use std::process::ExitCode;

use clap::Args;
use cp_monitor::clock::Clock;
use cp_monitor::directory::{Directory, store};
use cp_monitor::links::host_file;
use cp_monitor::system::{DataDirectory, minidisks};
use minidisk::edf::{EdfError, FileSystem, LabelError};
use minidisk::extent::{Access, Extent};
use spool::Spool;

use super::{Ended, Place, because, print};

/// Options of a check.
#[derive(Args)]
pub struct Options {
    /// Mend what can be mended in the spool; what cannot is moved aside, never thrown away
    #[arg(long)]
    repair: bool,
}

/// Checks settings, directory, minidisks and spool; fails when anything is wrong.
pub fn run(place: &Place, options: &Options) -> Ended {
    let data = DataDirectory::hold_existing(&place.directory()?).map_err(because)?;
    let mut wrong = 0;
    let mut say = |sound: bool, line: String| {
        print(&format!("{line}\n"));
        wrong += usize::from(!sound);
    };
    match data.settings(&Clock::of_host()) {
        Ok(settings) => say(true, format!("settings: system {}", settings.system_id)),
        Err(error) => say(false, format!("settings: {error}")),
    }
    match store::load(&data.root()) {
        Ok(directory) => {
            say(true, format!("directory: {} users", directory.users.len()));
            check_directory_disks(&directory, &data.minidisks(), &mut say);
        }
        Err(error) => say(false, format!("directory: {error}")),
    }
    check_minidisks(&data.minidisks(), &mut say)?;
    if data.spool().exists() {
        check_spool(&data.spool(), options.repair, &mut say);
    }
    if wrong == 0 {
        print("All stores are sound\n");
        return Ok(ExitCode::SUCCESS);
    }
    Err(format!("{wrong} of the above {} wrong", if wrong == 1 { "is" } else { "are" }))
}

/// Every minidisk of the directory must have its file, of the right size.
fn check_directory_disks(directory: &Directory, folder: &Path, say: &mut impl FnMut(bool, String)) {
    for (owner, minidisk) in minidisks::all(directory).filter(|(_, minidisk)| !minidisk.is_temporary()) {
        let path = host_file(folder, &(owner, minidisk.vdev));
        if !path.exists() {
            say(false, format!("minidisk {owner}.{}: its host file is missing", minidisk.vdev));
        } else if let Ok(extent) = Extent::open(&path, Access::Read)
            && let Some(fault) = minidisks::fault(&extent, owner, minidisk)
        {
            say(false, format!("minidisk {owner}.{}: {fault}", minidisk.vdev));
        }
    }
}

fn check_minidisks(folder: &Path, say: &mut impl FnMut(bool, String)) -> Result<(), String> {
    let entries = std::fs::read_dir(folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    let mut paths: Vec<_> = entries.filter_map(|entry| entry.ok().map(|entry| entry.path())).collect();
    paths.sort();
    for path in paths {
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        let extent = match Extent::open(&path, Access::Read) {
            Ok(extent) => extent,
            Err(error) => {
                say(false, format!("minidisk {name}: {error}"));
                continue;
            }
        };
        match FileSystem::open(extent) {
            Err(EdfError::Label(LabelError::NotCms)) => say(true, format!("minidisk {name}: not formatted")),
            Err(error) => say(false, format!("minidisk {name}: {error}")),
            Ok(mut disk) => check_files(&name, &mut disk, say),
        }
    }
    Ok(())
}

fn check_files(name: &str, disk: &mut FileSystem<Extent>, say: &mut impl FnMut(bool, String)) {
    match disk.check() {
        Err(error) => say(false, format!("minidisk {name}: {error}")),
        Ok(report) if report.is_clean() => say(true, format!("minidisk {name}: {} files, sound", disk.file_count())),
        Ok(report) => {
            for finding in &report.findings {
                say(false, format!("minidisk {name}: {finding}"));
            }
        }
    }
}

fn check_spool(folder: &Path, repair: bool, say: &mut impl FnMut(bool, String)) {
    match Spool::check(folder, repair) {
        Err(error) => say(false, format!("spool: {error}")),
        Ok(report) => {
            for problem in &report.problems {
                let mended = problem.repaired.as_deref().map_or_else(String::new, |what| format!(" ({what})"));
                say(problem.repaired.is_some(), format!("spool {}: {}{mended}", problem.path.display(), problem.what));
            }
            say(true, format!("spool: {} files in {} segments, {} bytes read", report.files, report.segments, report.bytes));
        }
    }
}
