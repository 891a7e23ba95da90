//! The host files of minidisks: made when the directory gets a disk, checked against it, set aside when it loses one.
//!
//! A file is made once, by the first start, DIRECTXA or `cp64 user add`. A file that is missing later is missing: LOGON and LINK say
//! so, and nothing empty takes its place.

use std::fs;
use std::path::Path;

use minidisk::edf::{DateTime, EdfError, FileSystem};
use minidisk::extent::{DeviceType, Extent, ExtentError, Header, snapshot_file, snapshots};

use crate::clock::Clock;
use crate::directory::{Directory, Minidisk, UserId};
use crate::links::host_file;

/// What goes wrong with the host file of a minidisk.
#[derive(Debug, thiserror::Error)]
pub enum MinidiskError {
    /// The file.
    #[error(transparent)]
    Extent(#[from] ExtentError),
    /// The file system in it.
    #[error("A new minidisk cannot be formatted: {0}")]
    Format(#[from] EdfError<ExtentError>),
    /// A host file cannot be renamed.
    #[error("{path}: {source}")]
    Rename {
        /// The file.
        path: String,
        /// What the host said.
        source: std::io::Error,
    },
}

/// The disks that are in `new` and not in `old`.
pub fn added<'a>(old: &'a Directory, new: &'a Directory) -> impl Iterator<Item = (UserId, &'a Minidisk)> {
    all(new).filter(move |(owner, disk)| old.minidisk(owner, disk.vdev).is_none())
}

/// Every minidisk of a directory.
pub fn all(directory: &Directory) -> impl Iterator<Item = (UserId, &Minidisk)> {
    directory.users.values().flat_map(|entry| entry.minidisks.iter().map(|disk| (entry.userid, disk)))
}

/// Makes the file of a new minidisk, all zeros: its user formats it. A file that exists is left as it is.
pub fn make_blank(folder: &Path, owner: UserId, minidisk: &Minidisk) -> Result<(), MinidiskError> {
    let path = host_file(folder, &(owner, minidisk.vdev));
    match header(owner, minidisk) {
        Some(header) if !path.exists() => Ok(Extent::create(&path, &header).map(drop)?),
        _ => Ok(()),
    }
}

/// Makes the file of a new minidisk and formats it. A file that exists is an error. `None` for a disk without a file of its own.
pub fn make_formatted(
    folder: &Path,
    owner: UserId,
    minidisk: &Minidisk,
    clock: &Clock,
) -> Result<Option<FileSystem<Extent>>, MinidiskError> {
    let Some(header) = header(owner, minidisk) else { return Ok(None) };
    let extent = Extent::create(&host_file(folder, &(owner, minidisk.vdev)), &header)?;
    let cylinders = minidisk.cylinders().unwrap_or(0);
    Ok(Some(FileSystem::format(extent, &label(owner, minidisk), cylinders, now(clock))?))
}

/// Renames the files of a user who was removed, so that a new user of that name does not get them. Answers the new names.
pub fn set_aside(folder: &Path, owner: UserId, minidisks: &[Minidisk], clock: &Clock) -> Result<Vec<String>, MinidiskError> {
    let stamp = clock.now().strftime("removed-%Y%m%d-%H%M%S").to_string();
    let mut renamed = Vec::new();
    for minidisk in minidisks {
        let path = host_file(folder, &(owner, minidisk.vdev));
        let kept = format!("{owner}.{}.{stamp}", minidisk.vdev);
        let mut files = vec![(path.clone(), kept.clone())];
        // Its snapshots show what was on it, so they go with it.
        for snapshot in snapshots(&path).unwrap_or_default() {
            files.push((snapshot_file(&path, &snapshot.name)?, format!("{kept}~{}", snapshot.name)));
        }
        for (path, name) in files.into_iter().filter(|(path, _)| path.exists()) {
            fs::rename(&path, folder.join(&name)).map_err(|source| MinidiskError::Rename { path: path.display().to_string(), source })?;
            renamed.push(name);
        }
    }
    Ok(renamed)
}

/// Whether the file of a minidisk is there and as large as the directory says; else why not.
pub fn fault(extent: &Extent, owner: UserId, minidisk: &Minidisk) -> Option<String> {
    let expected = header(owner, minidisk)?;
    let (expected, actual) = (expected.device.blocks(), extent.blocks());
    (expected != actual).then(|| format!("its host file has {actual} blocks and the directory says {expected}"))
}

/// The header of a minidisk's file; none when it has no blocks of its own. Older disks than a 3390 become as many blocks.
pub fn header(owner: UserId, minidisk: &Minidisk) -> Option<Header> {
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
fn label(owner: UserId, minidisk: &Minidisk) -> String {
    let plain = |c: &char| c.is_ascii_alphanumeric() || "#@$-".contains(*c);
    let owner: String = if owner.as_str() == "MAINT" { "MNT".to_string() } else { owner.as_str().chars().filter(plain).take(3).collect() };
    let number = if minidisk.vdev.0 > 0xfff { format!("{:04X}", minidisk.vdev.0) } else { format!("{:03X}", minidisk.vdev.0) };
    let mut label = owner + &number;
    label.truncate(6);
    label
}

/// Local time for the file system.
pub(super) fn now(clock: &Clock) -> DateTime {
    let now = clock.now();
    DateTime::from_unix_seconds(now.timestamp().as_second() + i64::from(now.offset().seconds()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::directory::{Argon2id, compile};

    fn directory(disks: &str) -> Directory {
        let source = format!("USER ALICE NOPASS 32M 32M G\n{disks}");
        compile(&source, &Argon2id::default()).expect("a directory").directory
    }

    #[test]
    fn only_disks_that_are_new_are_made() {
        let old = directory("  MDISK 0191 3390 1 5 USR001 MR\n");
        let new = directory("  MDISK 0191 3390 1 5 USR001 MR\n  MDISK 0192 3390 6 5 USR001 MR\n");
        let numbers: Vec<_> = added(&old, &new).map(|(_, disk)| disk.vdev.0).collect();
        assert_eq!(numbers, [0x192]);
    }

    #[test]
    fn a_removed_users_disk_is_not_the_next_ones() {
        let folder = tempfile::tempdir().unwrap();
        let directory = directory("  MDISK 0191 3390 1 5 USR001 MR\n");
        let (owner, disk) = all(&directory).next().unwrap();
        make_formatted(folder.path(), owner, disk, &Clock::of_host()).unwrap();
        assert!(make_formatted(folder.path(), owner, disk, &Clock::of_host()).is_err(), "a file that exists was taken");
        let aside = set_aside(folder.path(), owner, std::slice::from_ref(disk), &Clock::of_host()).unwrap();
        assert!(aside[0].starts_with("ALICE.0191.removed-") && folder.path().join(&aside[0]).exists());
        make_formatted(folder.path(), owner, disk, &Clock::of_host()).unwrap();
    }

    #[test]
    fn a_file_of_another_size_is_noticed() {
        let folder = tempfile::tempdir().unwrap();
        let (small, large) = (directory("  MDISK 0191 3390 1 5 USR001 MR\n"), directory("  MDISK 0191 3390 1 9 USR001 MR\n"));
        let (owner, disk) = all(&small).next().unwrap();
        make_blank(folder.path(), owner, disk).unwrap();
        let extent = Extent::open(&host_file(folder.path(), &(owner, disk.vdev)), minidisk::extent::Access::Read).unwrap();
        assert_eq!(fault(&extent, owner, disk), None);
        let (_, larger) = all(&large).next().unwrap();
        assert_eq!(fault(&extent, owner, larger).unwrap(), "its host file has 900 blocks and the directory says 1620");
    }
}
