//! Repairing a minidisk: a copy of it as it is first, then the file system is made consistent.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use cp_monitor::links::host_file;
use cp_monitor::system::data;
use minidisk::edf::{FileSystem, Finding};
use minidisk::extent::{Access, Extent};
use minidisk::sparse;

use super::{Ended, Which, because, local, print};

/// Where the copies go, beside the minidisks.
const BEFORE: &str = "before-repair";

/// Repairs one minidisk.
pub(super) fn minidisk(root: &Path, which: Which) -> Ended {
    let path = host_file(&data::minidisks(root), &(which.user, which.vdev));
    if !path.exists() {
        return Err(format!("{} has no minidisk {}", which.user, which.vdev));
    }
    match repair(&path)? {
        None => print("The file system is sound; nothing was changed\n"),
        Some((copy, done)) => {
            let lines: String = done.iter().map(|what| format!("{what}\n")).collect();
            print(&format!("Copied as it was to {}\n{lines}The file system is sound now\n", copy.display()));
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// Repairs the minidisk in that host file. Answers where it was copied to before, and what was done; `None` when it was sound.
pub fn repair(path: &Path) -> Result<Option<(PathBuf, Vec<Finding>)>, String> {
    let mut extent = Extent::open(path, Access::Write).map_err(because)?;
    if let Ok(mut disk) = FileSystem::open(&mut extent)
        && disk.check().map_err(because)?.is_clean()
    {
        return Ok(None);
    }
    let copy = keep(path)?;
    let cylinders = extent.header().device.cylinders();
    let (mut disk, mut done) =
        FileSystem::open_damaged(&mut extent, cylinders).map_err(|error| format!("It cannot be repaired: {error}"))?;
    done.extend(disk.repair(local(&jiff::Zoned::now())).map_err(|error| format!("It cannot be repaired: {error}"))?);
    let report = disk.check().map_err(because)?;
    match report.findings.first() {
        None => Ok(Some((copy, done))),
        Some(finding) => Err(format!("It is still damaged: {finding}")),
    }
}

/// Copies the host file aside, durably. Answers where to.
fn keep(path: &Path) -> Result<PathBuf, String> {
    let told = |error: std::io::Error| format!("No copy can be made, so nothing is repaired: {error}");
    let folder = path.with_file_name(BEFORE);
    fs::create_dir_all(&folder).map_err(told)?;
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let stamp = jiff::Zoned::now().strftime("%Y%m%d-%H%M%S").to_string();
    let mut names = std::iter::once(format!("{name}.{stamp}")).chain((2..).map(|number| format!("{name}.{stamp}-{number}")));
    let copy = names.find_map(|name| Some(folder.join(name)).filter(|copy| !copy.exists())).unwrap_or_default();
    let from = File::open(path).map_err(told)?;
    let to = File::create_new(&copy).map_err(told)?;
    sparse::copy(&from, &to).and_then(|()| File::open(&folder)?.sync_all()).inspect_err(|_| drop(fs::remove_file(&copy))).map_err(told)?;
    Ok(copy)
}
