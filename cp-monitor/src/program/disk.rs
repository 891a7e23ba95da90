//! `cp64 disk`: minidisks from the host.
//!
//! The host file is locked while it is used, as CP locks it while a machine is linked to the disk, so the two never meet: reading goes
//! beside machines that only read, writing needs the disk alone.

use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Subcommand;
use cp_monitor::directory::{DeviceNumber, UserId};
use cp_monitor::links::host_file;
use cp_monitor::system::data;
use minidisk::edf::{DateTime, FileEntry, FileId, FileSystem, RecordFormat};
use minidisk::extent::{Access, Extent};
use minidisk::text::{self, Export, Import};

use super::{Ended, Place, because, print};

/// What to do with a minidisk.
#[derive(Subcommand)]
pub enum What {
    /// List the files of a minidisk
    Ls {
        /// Its owner
        user: UserId,
        /// Its device number
        vdev: DeviceNumber,
        /// One JSON object a line
        #[arg(long)]
        json: bool,
    },
    /// Copy a file from a minidisk to the host
    Get {
        /// Its owner
        user: UserId,
        /// Its device number
        vdev: DeviceNumber,
        /// File name
        name: String,
        /// File type
        file_type: String,
        /// The host file, or - for standard output [default: NAME.TYPE]
        file: Option<PathBuf>,
        /// Records as they are, without line ends
        #[arg(long)]
        raw: bool,
    },
    /// Copy a file of the host to a minidisk, replacing one of that name
    Put {
        /// Its owner
        user: UserId,
        /// Its device number
        vdev: DeviceNumber,
        /// The host file, or - for standard input
        file: PathBuf,
        /// File name
        name: String,
        /// File type
        file_type: String,
        /// Bytes as they are, even if they are lines of text
        #[arg(long, conflicts_with = "text")]
        binary: bool,
        /// Lines of text, even if the bytes cannot be given back exactly
        #[arg(long)]
        text: bool,
    },
    /// Remove a file from a minidisk
    Rm {
        /// Its owner
        user: UserId,
        /// Its device number
        vdev: DeviceNumber,
        /// File name
        name: String,
        /// File type
        file_type: String,
    },
    /// Verify the file system of a minidisk
    Check {
        /// Its owner
        user: UserId,
        /// Its device number
        vdev: DeviceNumber,
    },
}

type Disk = FileSystem<Extent>;

/// Does it.
pub fn run(place: &Place, what: What) -> Ended {
    let root = place.existing()?;
    match what {
        What::Ls { user, vdev, json } => list(&open(&root, user, vdev, Access::Read)?, json),
        What::Get { user, vdev, name, file_type, file, raw } => {
            let id = file_id(&name, &file_type)?;
            let target = file.unwrap_or_else(|| PathBuf::from(format!("{}.{}", id.name(), id.file_type())));
            get(&mut open(&root, user, vdev, Access::Read)?, &id, &target, if raw { Export::Raw } else { Export::Auto })
        }
        What::Put { user, vdev, file, name, file_type, binary, text } => {
            let how = if binary {
                Import::Binary
            } else if text {
                Import::Text
            } else {
                Import::Auto
            };
            put(&mut open(&root, user, vdev, Access::Write)?, &file_id(&name, &file_type)?, &file, how)
        }
        What::Rm { user, vdev, name, file_type } => {
            let mut disk = open(&root, user, vdev, Access::Write)?;
            disk.erase(&file_id(&name, &file_type)?).and_then(|()| disk.commit()).map_err(because)?;
            Ok(ExitCode::SUCCESS)
        }
        What::Check { user, vdev } => check(&mut open(&root, user, vdev, Access::Read)?),
    }
}

fn file_id(name: &str, file_type: &str) -> Result<FileId, String> {
    FileId::new(&name.to_uppercase(), &file_type.to_uppercase()).map_err(|error| format!("{name} {file_type}: {error}"))
}

fn open(root: &Path, user: UserId, vdev: DeviceNumber, access: Access) -> Result<Disk, String> {
    let path = host_file(&data::minidisks(root), &(user, vdev));
    if !path.exists() {
        return Err(format!("{user} has no minidisk {vdev}"));
    }
    let extent = Extent::open(&path, access).map_err(|error| format!("{user} {vdev}: {error}"))?;
    FileSystem::open(extent).map_err(|error| format!("{user} {vdev}: {error}"))
}

fn format_of(entry: &FileEntry) -> (&'static str, u32) {
    match entry.format {
        RecordFormat::Fixed(length) => ("F", length),
        RecordFormat::Variable => ("V", entry.lrecl),
    }
}

fn list(disk: &Disk, json: bool) -> Ended {
    let mut out = String::new();
    if !json {
        out.push_str("FILENAME FILETYPE FM FORMAT LRECL       RECS     BLOCKS     DATE     TIME\n");
    }
    for entry in disk.files() {
        let (format, lrecl) = format_of(entry);
        let (name, file_type) = (entry.id.name(), entry.id.file_type());
        if json {
            let value = serde_json::json!({
                "name": name, "type": file_type, "mode": entry.mode, "format": format, "lrecl": lrecl,
                "records": entry.records, "blocks": entry.blocks, "modified": entry.modified.to_string(),
            });
            out.push_str(&format!("{value}\n"));
        } else {
            out.push_str(&format!(
                "{name:<8} {file_type:<8} A{} {format} {lrecl:>10} {:>10} {:>10} {}\n",
                entry.mode, entry.records, entry.blocks, entry.modified
            ));
        }
    }
    print(&out);
    Ok(ExitCode::SUCCESS)
}

/// Writes to a temporary file beside the target and renames it, so that a failure leaves the old one.
fn get(disk: &mut Disk, id: &FileId, target: &Path, how: Export) -> Ended {
    let export = |disk: &mut Disk, out: &mut dyn Write| {
        text::export(disk, id, how, |bytes| out.write_all(bytes)).map_err(|error| format!("{} {}: {error}", id.name(), id.file_type()))
    };
    if target.as_os_str() == "-" {
        export(disk, &mut std::io::stdout().lock())?;
        return Ok(ExitCode::SUCCESS);
    }
    let mut name = target.file_name().ok_or_else(|| format!("{} is no file name", target.display()))?.to_os_string();
    name.push(format!(".{}.part", std::process::id()));
    let part = target.with_file_name(name);
    let failed = |error: std::io::Error| format!("{}: {error}", target.display());
    let written = std::fs::File::create(&part).map_err(failed).and_then(|file| {
        let mut out = std::io::BufWriter::new(file);
        export(disk, &mut out)?;
        out.flush().map_err(failed)
    });
    written.and_then(|()| std::fs::rename(&part, target).map_err(failed)).inspect_err(|_| {
        let _ = std::fs::remove_file(&part);
    })?;
    Ok(ExitCode::SUCCESS)
}

fn put(disk: &mut Disk, id: &FileId, file: &Path, how: Import) -> Ended {
    let mut bytes = Vec::new();
    let read = if file.as_os_str() == "-" {
        std::io::stdin().read_to_end(&mut bytes)
    } else {
        std::fs::File::open(file).and_then(|mut open| open.read_to_end(&mut bytes))
    };
    read.map_err(|error| format!("{}: {error}", file.display()))?;
    let now = jiff::Zoned::now();
    let local = DateTime::from_unix_seconds(now.timestamp().as_second() + i64::from(now.offset().seconds()));
    text::import(disk, id, 1, local, &bytes, how).map_err(because)?;
    disk.commit().map_err(because)?;
    Ok(ExitCode::SUCCESS)
}

fn check(disk: &mut Disk) -> Ended {
    let report = disk.check().map_err(because)?;
    if report.is_clean() {
        print("The file system is sound\n");
        return Ok(ExitCode::SUCCESS);
    }
    let text: String = report.findings.iter().map(|finding| format!("{finding}\n")).collect();
    print(&text);
    Err("The file system is damaged".to_string())
}
