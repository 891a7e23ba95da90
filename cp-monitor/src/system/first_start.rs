//! The first start: a working system in an empty data directory.
//!
//! Everything is made in a stage directory and moved into place, `system.toml` last; then the stage goes. A start that is interrupted
//! leaves the stage and no `system.toml`, and the next one begins again. The stage is there from before the first move until after the
//! last: without it, nothing that stands in the directory is taken for the rest of a first start ([`super::data`]).

use std::error::Error;
use std::fs::{self, File};
use std::path::Path;

use minidisk::edf::{FileId, FileSystem};
use minidisk::extent::Extent;
use minidisk::text::{self, Import};

use super::data::{self, DataError, new_settings};
use super::{StartError, minidisks};
use crate::clock::Clock;
use crate::command;
use crate::directory::{self, Directory};
use crate::help;

/// Where a first start builds.
pub(super) const STAGE: &str = ".first-start";

/// The disk that CMS is on.
const SYSTEM_DISK: (&str, u16) = ("MAINT", 0x190);

/// Files of the system disk: name, type and text. A synonym of a CP command has a help file of its own name.
fn system_files() -> impl Iterator<Item = (String, &'static str, &'static str)> {
    let own = help::CP.iter().map(|(name, text)| ((*name).to_string(), *text));
    let synonyms = command::TABLE.iter().filter(|entry| entry.pattern != "*" && !entry.pattern.to_uppercase().starts_with(entry.help));
    let synonyms = synonyms.filter_map(|entry| {
        let text = help::CP.iter().find(|(name, _)| *name == entry.help)?.1;
        Some((entry.pattern.to_uppercase().chars().take(8).collect(), text))
    });
    let cp = own.chain(synonyms).map(|(name, text)| (name, "HELPCP", text));
    cp.chain(help::CMS.iter().map(|(name, text)| ((*name).to_string(), "HELPCMS", *text)))
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
    let target = data::minidisks(root);
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

/// Makes a system without disks, with this directory, in an empty data directory: for as long as this process.
pub(super) fn make_bare_system(root: &Path, source: &str) -> Result<(), StartError> {
    let direct = root.join(directory::store::SOURCE_FILE);
    fs::write(&direct, source).map_err(|error| io(&direct, error))?;
    directory::store::put_online(root).map_err(|error| StartError::Directory(error.to_string()))?;
    let settings = root.join("system.toml");
    fs::write(&settings, settings_text()?).map_err(|error| io(&settings, error))
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

/// Makes and formats every minidisk, and fills the system disk.
fn make_disks(folder: &Path, directory: &Directory, clock: &Clock) -> Result<(), StartError> {
    for (owner, minidisk) in minidisks::all(directory) {
        let disk = minidisks::make_formatted(folder, owner, minidisk, clock)?;
        if let Some(disk) = disk
            && (owner.as_str(), minidisk.vdev.0) == SYSTEM_DISK
        {
            fill_system_disk(disk, clock).map_err(|error| StartError::Directory(format!("The system disk cannot be filled: {error}")))?;
        }
    }
    Ok(())
}

fn fill_system_disk(mut disk: FileSystem<Extent>, clock: &Clock) -> Result<(), Box<dyn Error>> {
    let now = minidisks::now(clock);
    for (name, file_type, contents) in system_files() {
        text::import(&mut disk, &FileId::new(&name, file_type)?, 2, now, contents.as_bytes(), Import::Auto)?;
    }
    Ok(disk.commit()?)
}

fn settings_text() -> Result<String, StartError> {
    toml::to_string(&new_settings()).map_err(|error| StartError::Directory(error.to_string()))
}

fn write_settings(root: &Path, stage: &Path) -> Result<(), StartError> {
    let staged = stage.join("system.toml");
    fs::write(&staged, settings_text()?).map_err(|error| io(&staged, error))?;
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
