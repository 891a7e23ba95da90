//! Whole minidisks: snapshots, clones, copies, dumps and images.

use std::fs::File;
use std::io::{self, BufReader, BufWriter, IsTerminal, Read, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Subcommand, ValueEnum};
use console::client;
use cp_monitor::directory::{DeviceNumber, UserId, store};
use cp_monitor::links::host_file;
use cp_monitor::system::{data, minidisks};
use minidisk::dump::{DumpError, Member, Reader, Writer};
use minidisk::edf::{BLOCK_SIZE, FileSystem};
use minidisk::extent::{Access, Extent, ExtentError, collect, snapshots};
use minidisk::image::{self, ImageError, Kind};

use super::{Ended, Place, Which, because, extent, print};

/// Kinds of images of other programs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ImageKind {
    /// The blocks and nothing else: the CKD-style image that other EDF tools read
    Raw,
    /// QEMU's qcow2
    Qcow2,
}

impl From<ImageKind> for Kind {
    fn from(kind: ImageKind) -> Self {
        match kind {
            ImageKind::Raw => Kind::Raw,
            ImageKind::Qcow2 => Kind::Qcow2,
        }
    }
}

/// What to do with snapshots.
#[derive(Subcommand)]
pub enum SnapshotWhat {
    /// Take one: what the minidisk holds now, also while it is in use
    Take {
        #[command(flatten)]
        which: Which,
        /// Its name: 1 to 32 letters, digits, - and _
        name: String,
    },
    /// List them, the oldest first
    Ls {
        #[command(flatten)]
        which: Which,
        /// One JSON object a line
        #[arg(long)]
        json: bool,
    },
    /// Put the minidisk back to one; what it holds now is kept as another snapshot
    Restore {
        #[command(flatten)]
        which: Which,
        /// Its name
        name: String,
    },
    /// Delete one
    Rm {
        #[command(flatten)]
        which: Which,
        /// Its name
        name: String,
    },
}

pub(super) fn named(which: Which) -> String {
    format!("{} {}", which.user, which.vdev)
}

fn path(root: &Path, which: Which) -> Result<PathBuf, String> {
    let path = host_file(&data::minidisks(root), &(which.user, which.vdev));
    if path.exists() { Ok(path) } else { Err(format!("{} has no minidisk {}", which.user, which.vdev)) }
}

/// Does it.
pub(super) fn snapshot(place: &Place, root: &Path, what: &SnapshotWhat) -> Ended {
    match what {
        SnapshotWhat::Take { which, name } => {
            let taken = match Extent::open(&path(root, *which)?, Access::Read) {
                Ok(extent) => extent.snapshot(name).map_err(because),
                // A machine writes to it: CP, which has it open, takes the snapshot.
                Err(ExtentError::Held(_)) => {
                    let command = format!("SNAPSHOT {} {} {name}", which.user, which.vdev);
                    let answer = client::command(&place.socket()?, &command).map_err(because)?;
                    if answer.code == 0 { Ok(()) } else { Err(answer.lines.join("\n")) }
                }
                Err(error) => Err(error.to_string()),
            };
            taken.map_err(|why| format!("{}: {why}", named(*which)))?;
            print(&format!("Snapshot {name} of {} taken\n", named(*which)));
        }
        SnapshotWhat::Ls { which, json } => {
            for snapshot in snapshots(&path(root, *which)?).map_err(because)? {
                let taken = jiff::Timestamp::try_from(snapshot.taken).map_err(because)?.to_zoned(jiff::tz::TimeZone::system());
                let shown = taken.strftime("%Y-%m-%d %H:%M:%S").to_string();
                match json {
                    true => print(&format!("{}\n", serde_json::json!({ "name": snapshot.name, "taken": shown }))),
                    false => print(&format!("{shown} {}\n", snapshot.name)),
                }
            }
        }
        SnapshotWhat::Restore { which, name } => {
            let kept = format!("before-{}", jiff::Zoned::now().strftime("%Y%m%d-%H%M%S"));
            Extent::restore(&path(root, *which)?, name, &kept).map_err(|error| format!("{}: {error}", named(*which)))?;
            print(&format!("{} is as of snapshot {name}; what it held is snapshot {kept}\n", named(*which)));
        }
        SnapshotWhat::Rm { which, name } => {
            Extent::delete_snapshot(&path(root, *which)?, name).map_err(because)?;
            print(&format!("Snapshot {name} of {} deleted\n", named(*which)));
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// Makes minidisks of users clones of a template. They must be in the directory, of the same size, and hold no files unless forced.
pub(super) fn clone(root: &Path, from: Which, vdev: DeviceNumber, users: &[UserId], force: bool) -> Ended {
    let folder = data::minidisks(root);
    let directory = store::load(root).map_err(because)?;
    let template = extent(root, from, Access::Read)?;
    let mut clones = Vec::new();
    for &user in users {
        let minidisk = directory.minidisk(&user, vdev).ok_or_else(|| format!("The directory gives {user} no minidisk {vdev}"))?;
        let header = minidisks::header(user, minidisk).ok_or_else(|| format!("{user} {vdev} has no blocks of its own"))?;
        if header.device.blocks() != template.blocks() {
            return Err(format!("{user} {vdev} has {} blocks, {} has {}", header.device.blocks(), named(from), template.blocks()));
        }
        clones.push((host_file(&folder, &(user, vdev)), header));
    }
    // Each old file is held until its name is the clone's, so that nobody writes to it meanwhile.
    let mut old = Vec::new();
    for (path, header) in clones.iter().filter(|(path, _)| path.exists()) {
        let mut held = Extent::open(path, Access::Write).map_err(|error| format!("{} {vdev}: {error}", header.owner))?;
        if !force && FileSystem::open(&mut held).is_ok_and(|disk| disk.file_count() > 0) {
            return Err(format!("{} {vdev} holds files; --force replaces it", header.owner));
        }
        old.push(held);
    }
    template.clone_over(clones.iter().map(|(path, header)| (path.as_path(), header))).map_err(because)?;
    drop(old);
    collect(&folder).map_err(because)?;
    print(&format!("{} clones of {} made\n", clones.len(), named(from)));
    Ok(ExitCode::SUCCESS)
}

/// Makes a minidisk hold all its blocks itself.
pub(super) fn flatten(root: &Path, which: Which) -> Ended {
    Extent::flatten(&path(root, which)?).map_err(|error| format!("{}: {error}", named(which)))?;
    print(&format!("{} is built on nothing else now\n", named(which)));
    Ok(ExitCode::SUCCESS)
}

/// Refuses to overwrite files unless told to.
fn may_replace(root: &Path, which: Which, force: bool) -> Result<PathBuf, String> {
    let path = path(root, which)?;
    let disk = Extent::open(&path, Access::Write).map_err(|error| format!("{}: {error}", named(which)))?;
    match FileSystem::open(disk) {
        Ok(disk) if disk.file_count() > 0 && !force => {
            Err(format!("{} holds {} files; --force replaces it", named(which), disk.file_count()))
        }
        _ => Ok(path),
    }
}

/// What goes wrong while a minidisk gets new content.
#[derive(Debug, thiserror::Error)]
enum CopyError {
    #[error(transparent)]
    Extent(#[from] ExtentError),
    #[error(transparent)]
    Dump(#[from] DumpError),
    #[error("It has {0} blocks, the minidisk {1}")]
    Size(u64, u32),
    #[error("What was written is not what was read (checksum {0:08x}, then {1:08x})")]
    Verify(u32, u32),
}

/// Copies one minidisk over another, reads it back and compares the checksums.
pub(super) fn copy(root: &Path, source: &Extent, from: Which, to: Which, force: bool) -> Ended {
    let target = may_replace(root, to, force)?;
    let mut progress = Progress::new("copied", source.blocks());
    let mut checksum = 0;
    Extent::replace(&target, |new| {
        if source.blocks() > new.blocks() {
            return Err(CopyError::Size(u64::from(source.blocks()), new.blocks()));
        }
        let mut read = Sum::default();
        source.each_data(|first, bytes| {
            read.add(first, bytes);
            new.write_at(first, bytes)?;
            progress.at(first);
            Ok::<_, CopyError>(())
        })?;
        new.flush()?;
        let mut written = Sum::default();
        new.each_data(|first, bytes| {
            written.add(first, bytes);
            Ok::<_, CopyError>(())
        })?;
        checksum = read.value();
        if written.value() == checksum { Ok(()) } else { Err(CopyError::Verify(checksum, written.value())) }
    })
    .map_err(|error| format!("{}: {error}", named(to)))?;
    progress.end();
    print(&format!("{} copied to {}, {} blocks, checksum {checksum:08x}\n", named(from), named(to), source.blocks()));
    Ok(ExitCode::SUCCESS)
}

/// A checksum of blocks that does not depend on where zeros were left out.
#[derive(Default)]
struct Sum(crc32fast::Hasher);

impl Sum {
    fn add(&mut self, first: u32, bytes: &[u8]) {
        for (block, content) in (first..).zip(bytes.chunks(BLOCK_SIZE)).filter(|(_, content)| content.iter().any(|&byte| byte != 0)) {
            self.0.update(&block.to_le_bytes());
            self.0.update(content);
        }
    }

    fn value(&self) -> u32 {
        self.0.clone().finalize()
    }
}

/// Writes a minidisk as a stream with checksums.
pub(super) fn dump(source: &Extent, which: Which, file: &Path) -> Ended {
    let out: Box<dyn Write> = match file.as_os_str() == "-" {
        true => Box::new(io::stdout().lock()),
        false => Box::new(File::create_new(file).map_err(|error| format!("{}: {error}", file.display()))?),
    };
    let mut progress = Progress::new("dumped", source.blocks());
    let write = || {
        let mut writer = Writer::new(BufWriter::new(out)).map_err(DumpError::Io)?;
        let name = format!("{}.{}", which.user, which.vdev);
        writer.begin(&Member { name, length: u64::from(source.blocks()) * BLOCK_SIZE as u64, mode: 0o600 }).map_err(DumpError::Io)?;
        source.each_data(|first, bytes| {
            progress.at(first);
            writer.data(u64::from(first - 1) * BLOCK_SIZE as u64, bytes).map_err(DumpError::Io).map_err(CopyError::Dump)
        })?;
        let checksum = writer.end().map_err(DumpError::Io)?;
        writer.finish().map_err(DumpError::Io)?;
        Ok::<u32, CopyError>(checksum)
    };
    let checksum = write().map_err(|error| format!("{}: {error}", file.display())).inspect_err(|_| forget(file))?;
    progress.end();
    if file.as_os_str() != "-" {
        File::open(file).and_then(|file| file.sync_all()).map_err(|error| format!("{}: {error}", file.display()))?;
        print(&format!("{} dumped, {} blocks, checksum {checksum:08x}\n", named(which), source.blocks()));
    }
    Ok(ExitCode::SUCCESS)
}

/// Removes what a failed dump left.
fn forget(file: &Path) {
    if file.as_os_str() != "-" {
        let _ = std::fs::remove_file(file);
    }
}

/// Gives a minidisk the content of a dump. It is read to its end, and every checksum compared, before the minidisk changes.
pub(super) fn restore(root: &Path, which: Which, file: &Path, force: bool) -> Ended {
    let target = may_replace(root, which, force)?;
    let input: Box<dyn Read> = match file.as_os_str() == "-" {
        true => Box::new(io::stdin().lock()),
        false => Box::new(File::open(file).map_err(|error| format!("{}: {error}", file.display()))?),
    };
    let mut said = String::new();
    Extent::replace(&target, |new| {
        let mut reader = Reader::new(BufReader::new(input))?;
        let member = reader.next_member()?.ok_or(DumpError::Incomplete)?;
        let blocks = member.length / BLOCK_SIZE as u64;
        if blocks > u64::from(new.blocks()) {
            return Err(CopyError::Size(blocks, new.blocks()));
        }
        let mut progress = Progress::new("restored", blocks as u32);
        let mut piece = Vec::new();
        while let Some(at) = reader.next_piece(&mut piece)? {
            if !at.is_multiple_of(BLOCK_SIZE as u64) || !piece.len().is_multiple_of(BLOCK_SIZE) {
                return Err(DumpError::Damaged("a piece is not made of blocks").into());
            }
            let first = (at / BLOCK_SIZE as u64) as u32 + 1;
            new.write_at(first, &piece)?;
            progress.at(first);
        }
        let checksum = reader.checksum();
        if reader.next_member()?.is_some() {
            return Err(DumpError::Damaged("it is a backup of several files").into());
        }
        progress.end();
        said = format!(
            "{} restored from the dump of {}, {blocks} blocks, checksum {checksum:08x}\n",
            named(which),
            member.name.replace('.', " ")
        );
        Ok(())
    })
    .map_err(|error: CopyError| format!("{}: {error}", file.display()))?;
    print(&said);
    Ok(ExitCode::SUCCESS)
}

/// Writes a minidisk as an image of another program.
pub(super) fn export_image(disk: &Extent, which: Which, file: &Path, kind: ImageKind) -> Ended {
    image::export(disk, file, kind.into()).map_err(because)?;
    print(&format!("{} written to {}\n", named(which), file.display()));
    Ok(ExitCode::SUCCESS)
}

/// Gives a minidisk the content of an image of another program.
pub(super) fn import_image(root: &Path, which: Which, file: &Path, kind: ImageKind, force: bool) -> Ended {
    let target = may_replace(root, which, force)?;
    image::import(&target, file, kind.into()).map_err(|error: ImageError| error.to_string())?;
    print(&format!("{} holds what {} holds\n", named(which), file.display()));
    Ok(ExitCode::SUCCESS)
}

/// How far something is, on a terminal.
pub(in crate::program) struct Progress {
    what: &'static str,
    total: u64,
    shown: u64,
    terminal: bool,
}

impl Progress {
    /// Nothing of `total` is done yet.
    pub(in crate::program) fn new(what: &'static str, total: impl Into<u64>) -> Self {
        Self { what, total: total.into().max(1), shown: 0, terminal: io::stderr().is_terminal() }
    }

    /// So far.
    pub(in crate::program) fn at(&mut self, done: impl Into<u64>) {
        let percent = done.into() * 100 / self.total;
        if self.terminal && percent > self.shown {
            self.shown = percent;
            eprint!("\r{percent:3}% {}", self.what);
        }
    }

    /// All is done.
    pub(in crate::program) fn end(&self) {
        if self.terminal && self.shown > 0 {
            eprint!("\r\x1b[K");
        }
    }
}
