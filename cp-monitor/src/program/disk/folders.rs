//! Folders of the host that become the files of a minidisk, and the other way round.

use std::path::Path;
use std::process::ExitCode;
use std::time::SystemTime;

use jiff::civil;
use jiff::tz::TimeZone;
use minidisk::edf::DateTime;
use minidisk::folder::{self, Taking};
use minidisk::text::Export;

use super::{Disk, Ended, because, local, print};

/// Takes a folder in.
pub(super) fn import(disk: &mut Disk, folder: &Path, taking: Taking) -> Ended {
    let date = |time| jiff::Timestamp::try_from(time).map_or_else(|_| DateTime::default(), |at| local(&at.to_zoned(TimeZone::system())));
    let (taken, left_out) = folder::import(disk, folder, taking, date).map_err(because)?;
    for line in &left_out {
        eprintln!("cp64: left out {line}");
    }
    print(&format!("{} files taken in\n", taken.len()));
    Ok(ExitCode::SUCCESS)
}

/// Copies every file into a folder.
pub(super) fn export(disk: &mut Disk, folder: &Path, how: Export, replace: bool) -> Ended {
    let count = folder::export(disk, folder, how, replace, host_time).map_err(because)?;
    print(&format!("{count} files copied to {}\n", folder.display()));
    Ok(ExitCode::SUCCESS)
}

/// The host's time of a local date on a minidisk.
pub(super) fn host_time(date: DateTime) -> Option<SystemTime> {
    let part = |value: u8| i8::try_from(value).ok();
    let year = i16::try_from(date.year).ok()?;
    let (month, day) = (part(date.month)?, part(date.day)?);
    let civil = civil::DateTime::new(year, month, day, part(date.hour)?, part(date.minute)?, part(date.second)?, 0).ok()?;
    Some(SystemTime::from(civil.to_zoned(TimeZone::system()).ok()?.timestamp()))
}
