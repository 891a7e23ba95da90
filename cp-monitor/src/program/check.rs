//! `cp64 check`: verifies every store of a system that is not running.

use std::path::Path;
use std::process::ExitCode;

use clap::Args;
use cp_monitor::accounting::read::Records;
use cp_monitor::clock::Clock;
use cp_monitor::directory::{Directory, store};
use cp_monitor::links::host_file;
use cp_monitor::system::{DataDirectory, minidisks};
use minidisk::edf::{EdfError, FileSystem, LabelError};
use minidisk::extent::{Access, Extent};
use spool::{FileInfo, Spool};

use super::{Ended, Place, because, disk, print};

/// Options of a check.
#[derive(Args)]
pub struct Options {
    /// Mend what can be mended; a minidisk is copied first, and what is lost in the spool is moved aside, never thrown away
    #[arg(long)]
    repair: bool,
}

/// Checks settings, directory, minidisks, spool and accounting records; fails when anything is wrong.
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
    check_minidisks(&data.minidisks(), options.repair, &mut say)?;
    if data.spool().exists() {
        check_spool(&data.spool(), options.repair, &mut say);
    }
    check_accounting(&data.accounting(), &mut say);
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

fn check_minidisks(folder: &Path, repair: bool, say: &mut impl FnMut(bool, String)) -> Result<(), String> {
    let entries = std::fs::read_dir(folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    let mut paths: Vec<_> = entries.filter_map(|entry| entry.ok().map(|entry| entry.path())).filter(|path| !path.is_dir()).collect();
    paths.sort();
    for path in paths {
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        let sound = check_minidisk(&name, &path, &mut |sound, line| say(sound || repair, line))?;
        if !sound && repair {
            match disk::repair::repair(&path) {
                Ok(None) => {}
                Ok(Some((copy, done))) => {
                    say(true, format!("minidisk {name}: copied as it was to {}", copy.display()));
                    done.iter().for_each(|what| say(true, format!("minidisk {name}: {what}")));
                }
                Err(why) => say(false, format!("minidisk {name}: {why}")),
            }
        }
    }
    Ok(())
}

/// Checks one minidisk; answers whether it is sound.
fn check_minidisk(name: &str, path: &Path, say: &mut impl FnMut(bool, String)) -> Result<bool, String> {
    let mut sound = true;
    let mut tell = |well: bool, line: String| {
        sound &= well;
        say(well, format!("minidisk {name}: {line}"));
    };
    match Extent::open(path, Access::Read) {
        Err(error) => tell(false, error.to_string()),
        Ok(extent) => match FileSystem::open(extent) {
            Err(EdfError::Label(LabelError::NotCms)) => tell(true, "not formatted".to_string()),
            Err(error) => tell(false, error.to_string()),
            Ok(mut disk) => match disk.check() {
                Err(error) => tell(false, error.to_string()),
                Ok(report) if report.is_clean() => tell(true, format!("{} files, sound", disk.file_count())),
                Ok(report) => report.findings.iter().for_each(|finding| tell(false, finding.to_string())),
            },
        },
    }
    Ok(sound)
}

/// Reads every accounting record. An unfinished one at the end is what a crash leaves; the next start cuts it.
fn check_accounting(folder: &Path, say: &mut impl FnMut(bool, String)) {
    let records = match Records::in_folder(folder) {
        Ok(records) => records,
        Err(error) => return say(false, format!("accounting: {}: {error}", folder.display())),
    };
    let (files, mut sound) = (records.files(), 0);
    for record in records {
        match record {
            Ok(_) => sound += 1,
            Err(unreadable) => say(unreadable.unfinished, format!("accounting {unreadable}")),
        }
    }
    say(true, format!("accounting: {sound} records in {files} files"));
}

fn check_spool(folder: &Path, repair: bool, say: &mut impl FnMut(bool, String)) {
    match Spool::check(folder, repair) {
        Err(error) => say(false, format!("spool: {error}")),
        Ok(report) => {
            for problem in &report.problems {
                let mended = problem.repaired.as_deref().map_or_else(String::new, |what| format!(" ({what})"));
                say(problem.repaired.is_some(), format!("spool {}: {}{mended}", problem.path.display(), problem.what));
            }
            for file in &report.withheld {
                let FileInfo { owner, queue, spid, records, .. } = file;
                let which = format!("{} file {spid} of {owner} ({records} records)", queue.abbreviation());
                say(true, format!("spool: {which} is in no queue since it could not be read; its records are kept"));
            }
            say(true, format!("spool: {} files in {} segments, {} bytes read", report.files, report.segments, report.bytes));
        }
    }
}
