//! `cp64 disk`: minidisks from the host.
//!
//! The host file is locked while it is used, as CP locks it while a machine is linked to the disk, so the two never meet: reading goes
//! beside machines that only read, writing needs the disk alone.

mod copies;
mod files;
mod folders;
mod mount;
pub(super) mod repair;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Args, Subcommand};
use cp_monitor::directory::{DeviceNumber, UserId};
use cp_monitor::links::host_file;
use cp_monitor::system::data;
use minidisk::edf::{BLOCK_SIZE, DateTime, EdfError, FileId, FileSystem, Layout};
use minidisk::extent::{Access, Extent, ExtentError, snapshot_file};
use minidisk::text::{Export, Import};

use super::{Ended, Place, because, print, whole};
pub(super) use copies::Progress;
use copies::{ImageKind, SnapshotWhat};

/// Which minidisk is meant.
#[derive(Args, Clone, Copy)]
pub struct Which {
    /// Its owner
    user: UserId,
    /// Its device number
    vdev: DeviceNumber,
}

/// Which minidisk is meant, as it is or as it was.
#[derive(Args, Clone)]
pub struct Readable {
    #[command(flatten)]
    which: Which,
    /// As of this snapshot
    #[arg(long, value_name = "NAME")]
    snapshot: Option<String>,
}

/// Where something is copied to.
#[derive(Args, Clone, Copy)]
pub struct Target {
    /// The owner of the other minidisk
    to_user: UserId,
    /// Its device number
    to_vdev: DeviceNumber,
}

/// What to do with a minidisk.
#[derive(Subcommand)]
pub enum What {
    /// List the files of a minidisk
    Ls {
        #[command(flatten)]
        disk: Readable,
        /// One JSON object a line
        #[arg(long)]
        json: bool,
    },
    /// Copy a file from a minidisk to the host
    Get {
        #[command(flatten)]
        disk: Readable,
        /// File name
        name: String,
        /// File type
        file_type: String,
        /// The host file, or - for standard output [default: NAME.TYPE]
        file: Option<PathBuf>,
        /// Records as they are, without line ends
        #[arg(long, conflicts_with = "ebcdic")]
        raw: bool,
        /// The file is EBCDIC text; the host file will be UTF-8
        #[arg(long)]
        ebcdic: bool,
    },
    /// Copy a file of the host to a minidisk, replacing one of that name
    Put {
        #[command(flatten)]
        which: Which,
        /// The host file, or - for standard input
        file: PathBuf,
        /// File name
        name: String,
        /// File type
        file_type: String,
        #[command(flatten)]
        how: How,
    },
    /// Remove a file from a minidisk
    Rm {
        #[command(flatten)]
        which: Which,
        /// File name
        name: String,
        /// File type
        file_type: String,
    },
    /// Take all files of a host folder into a minidisk, NAME.TYPE as NAME TYPE: all of them, or none; or a whole disk image
    Import {
        #[command(flatten)]
        which: Which,
        /// The folder, or the image
        source: PathBuf,
        /// The source is a disk image, whose content replaces all of the minidisk
        #[arg(long = "as", value_name = "KIND", conflicts_with_all = ["binary", "text", "ebcdic", "replace", "skip"])]
        image: Option<ImageKind>,
        /// Replace a minidisk that holds files by an image
        #[arg(long, requires = "image")]
        force: bool,
        #[command(flatten)]
        how: How,
        /// Replace files of the same name
        #[arg(long)]
        replace: bool,
        /// Leave out what cannot be a file of a minidisk, and say what it was
        #[arg(long)]
        skip: bool,
    },
    /// Copy all files of a minidisk into a host folder; or the whole minidisk into a disk image
    Export {
        #[command(flatten)]
        disk: Readable,
        /// The folder, which is made if it is not there, or the image, a new file
        target: PathBuf,
        /// Write a disk image
        #[arg(long = "as", value_name = "KIND", conflicts_with_all = ["ebcdic", "replace"])]
        image: Option<ImageKind>,
        /// The files are EBCDIC text; the host files will be UTF-8
        #[arg(long)]
        ebcdic: bool,
        /// Replace host files of the same name
        #[arg(long)]
        replace: bool,
    },
    /// Show a minidisk as a folder of the host until Ctrl-C, its files as NAME.TYPE
    Mount {
        #[command(flatten)]
        disk: Readable,
        /// The folder, which must be there
        folder: PathBuf,
        /// Its files can also be changed; no machine can be linked to the minidisk meanwhile
        #[arg(long, conflicts_with = "snapshot")]
        write: bool,
        /// The files are EBCDIC text, shown as UTF-8
        #[arg(long)]
        ebcdic: bool,
    },
    /// Take, list, restore and delete snapshots of a minidisk
    #[command(subcommand)]
    Snapshot(SnapshotWhat),
    /// Make minidisks of users clones of one: each holds only what differs
    Clone {
        #[command(flatten)]
        which: Which,
        /// Device number of the clones
        clone_vdev: DeviceNumber,
        /// Their owners, whose directory entries have that minidisk in the same size
        #[arg(required = true)]
        users: Vec<UserId>,
        /// Also replace minidisks that hold files
        #[arg(long)]
        force: bool,
    },
    /// Make a clone, or a minidisk with snapshots, hold all its blocks itself
    Flatten {
        #[command(flatten)]
        which: Which,
    },
    /// Copy a whole minidisk over another one, and verify the copy
    Copy {
        #[command(flatten)]
        disk: Readable,
        #[command(flatten)]
        to: Target,
        /// Also replace a minidisk that holds files
        #[arg(long)]
        force: bool,
    },
    /// Write a whole minidisk to a file, with checksums
    Dump {
        #[command(flatten)]
        disk: Readable,
        /// The file, a new one, or - for standard output
        file: PathBuf,
    },
    /// Give a minidisk the content of a dump
    Restore {
        #[command(flatten)]
        which: Which,
        /// The dump, or - for standard input
        file: PathBuf,
        /// Also replace a minidisk that holds files
        #[arg(long)]
        force: bool,
    },
    /// Make an empty file system on a minidisk; all its files are lost
    Format {
        #[command(flatten)]
        which: Which,
        /// The volume label, 1 to 6 characters
        label: String,
        /// Bytes in a block: 512, 1024, 2048 or 4096
        #[arg(long, default_value_t = BLOCK_SIZE)]
        blksize: usize,
        /// Also when the minidisk holds files
        #[arg(long)]
        force: bool,
    },
    /// Verify the file system of a minidisk
    Check {
        #[command(flatten)]
        which: Which,
        /// Mend what is wrong, after copying the minidisk as it is
        #[arg(long)]
        repair: bool,
    },
}

/// How bytes become records.
#[derive(Args, Clone, Copy)]
#[group(multiple = false)]
pub struct How {
    /// Bytes as they are, even if they are lines of text
    #[arg(long)]
    binary: bool,
    /// Lines of text, even if the bytes cannot be given back exactly
    #[arg(long)]
    text: bool,
    /// Lines of UTF-8 that become EBCDIC text
    #[arg(long)]
    ebcdic: bool,
}

impl How {
    fn import(self) -> Import {
        match self {
            How { binary: true, .. } => Import::Binary,
            How { text: true, .. } => Import::Text,
            How { ebcdic: true, .. } => Import::Ebcdic,
            _ => Import::Auto,
        }
    }
}

type Disk = FileSystem<Extent>;

/// Does it.
pub fn run(place: &Place, what: What) -> Ended {
    let root = place.existing()?;
    match what {
        What::Ls { disk, json } => files::list(&readable(&root, &disk)?, json),
        What::Get { disk, name, file_type, file, raw, ebcdic } => {
            let id = file_id(&name, &file_type)?;
            let target = file.unwrap_or_else(|| PathBuf::from(format!("{}.{}", id.name(), id.file_type())));
            files::get(&mut readable(&root, &disk)?, &id, &target, if raw { Export::Raw } else { export_of(ebcdic) })
        }
        What::Put { which, file, name, file_type, how } => {
            files::put(&mut open(&root, which, Access::Write)?, &file_id(&name, &file_type)?, &file, how.import())
        }
        What::Rm { which, name, file_type } => {
            let mut disk = open(&root, which, Access::Write)?;
            disk.erase(&file_id(&name, &file_type)?).and_then(|()| disk.commit()).map_err(because)?;
            Ok(ExitCode::SUCCESS)
        }
        What::Import { which, source, image: Some(kind), force, .. } => copies::import_image(&root, which, &source, kind, force),
        What::Import { which, source: folder, how, replace, skip, .. } => {
            let taking = minidisk::folder::Taking { how: how.import(), replace, skip };
            folders::import(&mut open(&root, which, Access::Write)?, &folder, taking)
        }
        What::Export { disk, target, image: Some(kind), .. } => copies::export_image(&extent_of(&root, &disk)?, disk.which, &target, kind),
        What::Export { disk, target, ebcdic, replace, .. } => {
            folders::export(&mut readable(&root, &disk)?, &target, export_of(ebcdic), replace)
        }
        What::Mount { disk, folder, write, ebcdic } => mount::mount(&root, &disk, &folder, write, ebcdic),
        What::Snapshot(what) => copies::snapshot(place, &root, &what),
        What::Clone { which, clone_vdev, users, force } => copies::clone(&root, which, clone_vdev, &users, force),
        What::Flatten { which } => copies::flatten(&root, which),
        What::Copy { disk, to, force } => {
            let to = Which { user: to.to_user, vdev: to.to_vdev };
            copies::copy(&root, &extent_of(&root, &disk)?, disk.which, to, force)
        }
        What::Dump { disk, file } => copies::dump(&extent_of(&root, &disk)?, disk.which, &file),
        What::Restore { which, file, force } => copies::restore(&root, which, &file, force),
        What::Format { which, label, blksize, force } => format(&root, which, &label.to_uppercase(), blksize, force),
        What::Check { which, repair: false } => check(&mut open(&root, which, Access::Read)?),
        What::Check { which, repair: true } => repair::minidisk(&root, which),
    }
}

fn export_of(ebcdic: bool) -> Export {
    if ebcdic { Export::Ebcdic } else { Export::Auto }
}

fn file_id(name: &str, file_type: &str) -> Result<FileId, String> {
    FileId::new(&name.to_uppercase(), &file_type.to_uppercase()).map_err(|error| format!("{name} {file_type}: {error}"))
}

/// Opens the host file of a minidisk.
fn extent(root: &Path, Which { user, vdev }: Which, access: Access) -> Result<Extent, String> {
    let path = host_file(&data::minidisks(root), &(user, vdev));
    if !path.exists() {
        return Err(format!("{user} has no minidisk {vdev}"));
    }
    Extent::open(&path, access).map_err(|error| format!("{user} {vdev}: {error}"))
}

/// Opens the host file of a minidisk for reading, or that of a snapshot of it.
fn extent_of(root: &Path, disk: &Readable) -> Result<Extent, String> {
    let Readable { which: Which { user, vdev }, snapshot } = disk;
    let Some(name) = snapshot else { return extent(root, disk.which, Access::Read) };
    let path = snapshot_file(&host_file(&data::minidisks(root), &(*user, *vdev)), name).map_err(because)?;
    if !path.exists() {
        return Err(format!("{user} {vdev} has no snapshot {name}"));
    }
    Extent::open(&path, Access::Read).map_err(|error| format!("{user} {vdev}: {error}"))
}

fn readable(root: &Path, disk: &Readable) -> Result<Disk, String> {
    FileSystem::open(extent_of(root, disk)?).map_err(|error| format!("{} {}: {error}", disk.which.user, disk.which.vdev))
}

fn open(root: &Path, which: Which, access: Access) -> Result<Disk, String> {
    FileSystem::open(extent(root, which, access)?).map_err(|error| format!("{} {}: {error}", which.user, which.vdev))
}

/// The local time of a moment, as a minidisk keeps it.
fn local(time: &jiff::Zoned) -> DateTime {
    DateTime::from_unix_seconds(time.timestamp().as_second() + i64::from(time.offset().seconds()))
}

/// Makes an empty file system.
fn format(root: &Path, which: Which, label: &str, block_size: usize, force: bool) -> Ended {
    let mut extent = extent(root, which, Access::Write)?;
    match FileSystem::open(&mut extent) {
        Ok(disk) if disk.file_count() > 0 && !force => {
            return Err(format!("{} {} holds {} files; --force formats it", which.user, which.vdev, disk.file_count()));
        }
        Err(EdfError::<ExtentError>::Label(minidisk::edf::LabelError::NotCms)) | Ok(_) => {}
        Err(_) if force => {}
        Err(error) => return Err(format!("{} {}: {error}; --force formats it", which.user, which.vdev)),
    }
    let cylinders = extent.header().device.cylinders();
    let layout = Layout { label, cylinders, block_size, part: None };
    let disk = FileSystem::format_as(&mut extent, &layout, local(&jiff::Zoned::now())).map_err(because)?;
    print(&format!("{} {}: {} blocks of {block_size} bytes formatted\n", which.user, which.vdev, disk.label().blocks));
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
