//! The first start: a working system in an empty data directory.
//!
//! Everything is made in a stage directory and moved into place, `system.toml` last; then the stage goes. A start that is interrupted
//! leaves the stage and no `system.toml`, and the next one begins again. The stage is there from before the first move until after the
//! last: without it, nothing that stands in the directory is taken for the rest of a first start ([`super::data`]).

use std::fs::{self, File};
use std::path::Path;

use minidisk::edf::{DateTime, FileId, FileSystem};
use minidisk::extent::{DeviceType, Extent, ExtentError, Header};
use minidisk::text::{self, Import};

use super::data::{DataError, minidisks, new_settings};
use super::{Cp, StartError};
use crate::clock::Clock;
use crate::directory::{self, Directory, Minidisk, UserId};
use crate::help;
use crate::links::host_file;

/// Where a first start builds.
pub(super) const STAGE: &str = ".first-start";

/// Files of the system disk: name, type and text.
fn system_files() -> impl Iterator<Item = (&'static str, &'static str, &'static str)> {
    let of = |family: &'static [(&'static str, &'static str)], file_type| family.iter().map(move |(name, text)| (*name, file_type, *text));
    of(help::CP, "HELPCP").chain(of(help::CMS, "HELPCMS"))
}

/// Makes directory, system disks and users' disks.
pub(super) fn make_system(root: &Path, clock: &Clock) -> Result<(), StartError> {
    let stage = root.join(STAGE);
    let staged_disks = stage.join("minidisks");
    remove_tree(&staged_disks)?;
    fs::create_dir_all(&staged_disks).map_err(|error| io(&staged_disks, error))?;
    sync(root)?;
    let direct = stage.join("user.direct");
    fs::write(&direct, directory::default_source()).map_err(|error| io(&direct, error))?;
    let online = directory::store::put_online(&stage).map_err(|error| StartError::Directory(error.to_string()))?.directory;
    make_disks(&staged_disks, &online, clock)?;
    let target = minidisks(root);
    fs::create_dir_all(&target).map_err(|error| io(&target, error))?;
    move_all(&staged_disks, &target)?;
    for name in ["user.direct", "directory.online"] {
        sync(&stage.join(name))?;
        move_file(&stage.join(name), &root.join(name))?;
    }
    // What system.toml vouches for is on the host's disk before it.
    sync(&target)?;
    sync(root)?;
    write_settings(root, &stage)?;
    forget_stage(root)
}

/// Removes the stage of a first start that was completed.
pub(super) fn forget_stage(root: &Path) -> Result<(), StartError> {
    remove_tree(&root.join(STAGE))
}

fn remove_tree(path: &Path) -> Result<(), StartError> {
    match fs::remove_dir_all(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(io(path, error)),
        _ => Ok(()),
    }
}

/// Makes and formats the minidisks that have no file yet, so that a new user can work at once.
pub fn make_minidisks(root: &Path, directory: &Directory) -> Result<(), StartError> {
    make_disks(&minidisks(root), directory, &Clock::of_host())
}

fn make_disks(folder: &Path, directory: &Directory, clock: &Clock) -> Result<(), StartError> {
    let now = date_time(clock);
    let mut missing = minidisks_of(directory).filter(|(owner, disk)| !host_file(folder, &(*owner, disk.vdev)).exists());
    missing.try_for_each(|(owner, minidisk)| make_disk(folder, owner, minidisk, now))
}

fn minidisks_of(directory: &Directory) -> impl Iterator<Item = (UserId, &Minidisk)> {
    directory.users.values().flat_map(|entry| entry.minidisks.iter().map(|disk| (entry.userid, disk)))
}

/// Makes, formats and, for the system disk, fills one minidisk.
fn make_disk(directory: &Path, owner: UserId, minidisk: &Minidisk, now: DateTime) -> Result<(), StartError> {
    let path = host_file(directory, &(owner, minidisk.vdev));
    let failed = |error: &dyn std::fmt::Display| StartError::Directory(format!("{}: {error}", path.display()));
    let Some(header) = extent_header(owner, minidisk) else { return Ok(()) };
    let extent = Extent::create(&path, &header).map_err(|error| failed(&error))?;
    let label = label_of(owner, minidisk);
    let cylinders = minidisk.cylinders().unwrap_or(0);
    let mut disk = FileSystem::format(extent, &label, cylinders, now).map_err(|error| failed(&error))?;
    if (owner.as_str(), minidisk.vdev.0) == ("MAINT", 0x190) {
        for (name, file_type, contents) in system_files() {
            let id = FileId::new(name, file_type).map_err(|error| failed(&error))?;
            text::import(&mut disk, &id, 2, now, contents.as_bytes(), Import::Auto).map_err(|error| failed(&error))?;
        }
        disk.commit().map_err(|error| failed(&error))?;
    }
    Ok(())
}

/// The header of the host file of a minidisk; none when it has no blocks of its own. Older disks than a 3390 become as many blocks.
fn extent_header(owner: UserId, minidisk: &Minidisk) -> Option<Header> {
    if minidisk.is_temporary() {
        return None;
    }
    let blocks = u32::try_from(minidisk.blocks()?).ok()?;
    let device = match minidisk.cylinders() {
        Some(cylinders) if minidisk.device.as_str() == "3390" => DeviceType::Ckd3390 { cylinders },
        _ => DeviceType::Fb512 { blocks: blocks.checked_mul(8)? },
    };
    Some(Header { owner: owner.to_string(), vdev: minidisk.vdev.0, device })
}

/// `MNT190` for MAINT's, else the first letters of the owner and the number.
fn label_of(owner: UserId, minidisk: &Minidisk) -> String {
    let owner = if owner.as_str() == "MAINT" { "MNT" } else { &owner.as_str()[..owner.as_str().len().min(3)] };
    format!("{owner}{:03X}", minidisk.vdev.0)
}

fn date_time(clock: &Clock) -> DateTime {
    let now = clock.now();
    DateTime::from_unix_seconds(now.timestamp().as_second() + i64::from(now.offset().seconds()))
}

fn write_settings(root: &Path, stage: &Path) -> Result<(), StartError> {
    let staged = stage.join("system.toml");
    let text = toml::to_string(&new_settings()).map_err(|error| StartError::Directory(error.to_string()))?;
    fs::write(&staged, text).map_err(|error| io(&staged, error))?;
    sync(&staged)?;
    move_file(&staged, &root.join("system.toml"))?;
    sync(root)
}

/// Makes a file, or the names in a directory, durable.
fn sync(path: &Path) -> Result<(), StartError> {
    File::open(path).and_then(|file| file.sync_all()).map_err(|error| io(path, error))
}

fn move_all(from: &Path, to: &Path) -> Result<(), StartError> {
    for entry in fs::read_dir(from).map_err(|error| io(from, error))? {
        let entry = entry.map_err(|error| io(from, error))?;
        move_file(&entry.path(), &to.join(entry.file_name()))?;
    }
    Ok(())
}

fn move_file(from: &Path, to: &Path) -> Result<(), StartError> {
    fs::rename(from, to).map_err(|error| io(to, error))
}

fn io(path: &Path, source: std::io::Error) -> StartError {
    DataError::Io { path: path.to_path_buf(), source }.into()
}

impl Cp {
    /// Makes the host file of a minidisk that the directory has got since; it is then to be formatted by its user.
    pub fn ensure_minidisk(&self, owner: UserId, minidisk: &Minidisk) -> Result<(), ExtentError> {
        let path = host_file(&self.data().minidisks(), &(owner, minidisk.vdev));
        if path.exists() {
            return Ok(());
        }
        match extent_header(owner, minidisk) {
            Some(header) => Extent::create(&path, &header).map(drop),
            None => Ok(()),
        }
    }
}
