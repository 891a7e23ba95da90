//! `cp64 backup` and `cp64 restore`: a whole system as one stream with checksums, and back.
//!
//! The system must not run: what is backed up is then consistent, whatever is in it. Files are copied with their holes, and minidisks that
//! share layers go on sharing them. A restore makes a new directory, and only when all of the stream was read and every checksum was right.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, BufReader, BufWriter, Read, Write};
use std::os::unix::fs::{DirBuilderExt, FileExt, OpenOptionsExt, PermissionsExt};
use std::path::{Component, Path, PathBuf};
use std::process::ExitCode;

use clap::Args;
use cp_monitor::system::DataDirectory;
use minidisk::dump::{DumpError, Member, PIECE_MAX, Reader, Writer};
use minidisk::sparse;

use super::disk::Progress;
use super::{Ended, Place, because, print};

/// Options of a backup.
#[derive(Args)]
pub struct BackupOptions {
    /// The file to write, or - for standard output
    file: PathBuf,
}

/// Options of a restore.
#[derive(Args)]
pub struct RestoreOptions {
    /// The backup, or - for standard input
    file: PathBuf,
    /// Only read it to the end and compare every checksum
    #[arg(long)]
    verify: bool,
}

/// Files of the data directory that belong to the running system only.
const LEFT_OUT: [&str; 2] = ["cp64.lock", "cp64.socket"];

/// Writes every file of a system that is not running.
pub fn backup(place: &Place, options: &BackupOptions) -> Ended {
    let root = place.existing()?;
    let _held = DataDirectory::hold_existing(&root).map_err(because)?;
    let mut files = Vec::new();
    gather(&root, Path::new(""), &mut files).map_err(because)?;
    let to_file = options.file.as_os_str() != "-";
    let out: Box<dyn Write> = match to_file {
        true => {
            let opened = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&options.file);
            Box::new(opened.map_err(|error| format!("{}: {error}", options.file.display()))?)
        }
        false => Box::new(io::stdout().lock()),
    };
    let written = write_all(&root, &files, out).map_err(|error| format!("{}: {error}", options.file.display()));
    let (bytes, checksum) = written.inspect_err(|_| {
        if to_file {
            let _ = fs::remove_file(&options.file);
        }
    })?;
    if to_file {
        File::open(&options.file).and_then(|file| file.sync_all()).map_err(|error| format!("{}: {error}", options.file.display()))?;
        print(&format!("{} files backed up, {bytes} bytes, checksum {checksum:08x}\n", files.len()));
    }
    Ok(ExitCode::SUCCESS)
}

/// Every regular file below a folder, by its path from the root.
fn gather(root: &Path, inner: &Path, files: &mut Vec<PathBuf>) -> io::Result<()> {
    let mut entries: Vec<_> = fs::read_dir(root.join(inner))?.collect::<io::Result<_>>()?;
    entries.sort_by_key(fs::DirEntry::file_name);
    for entry in entries {
        let path = inner.join(entry.file_name());
        let kind = entry.file_type()?;
        if kind.is_dir() {
            gather(root, &path, files)?;
        } else if kind.is_file() && !LEFT_OUT.iter().any(|name| Path::new(name) == path) {
            files.push(path);
        }
    }
    Ok(())
}

/// Writes the stream; the bytes of data in it and a checksum of all checksums.
fn write_all(root: &Path, files: &[PathBuf], out: Box<dyn Write>) -> io::Result<(u64, u32)> {
    let mut writer = Writer::new(BufWriter::new(out))?;
    let mut progress = Progress::new("backed up", files.len() as u64);
    let (mut bytes, mut all) = (0, crc32fast::Hasher::new());
    let mut piece = vec![0; PIECE_MAX];
    for (number, path) in files.iter().enumerate() {
        let file = File::open(root.join(path))?;
        let metadata = file.metadata()?;
        let name = path.to_str().ok_or_else(|| io::Error::other(format!("{} is no UTF-8", path.display())))?;
        writer.begin(&Member { name: name.to_string(), length: metadata.len(), mode: metadata.permissions().mode() & 0o777 })?;
        let mut at = 0;
        while let Some(range) = sparse::next_data(&file, at, metadata.len())? {
            at = range.start;
            while at < range.end {
                let part = &mut piece[..PIECE_MAX.min((range.end - at) as usize)];
                file.read_exact_at(part, at)?;
                writer.data(at, part)?;
                bytes += part.len() as u64;
                at += part.len() as u64;
            }
        }
        all.update(&writer.end()?.to_le_bytes());
        progress.at(number as u64 + 1);
    }
    writer.finish()?;
    progress.end();
    Ok((bytes, all.finalize()))
}

/// Makes a system of a backup, in a directory that is not there yet or is empty.
pub fn restore(place: &Place, options: &RestoreOptions) -> Ended {
    let told = |error: DumpError| format!("{}: {error}", options.file.display());
    let input: Box<dyn Read> = match options.file.as_os_str() == "-" {
        true => Box::new(io::stdin().lock()),
        false => Box::new(File::open(&options.file).map_err(|error| format!("{}: {error}", options.file.display()))?),
    };
    let mut reader = Reader::new(BufReader::new(input)).map_err(told)?;
    if options.verify {
        let (files, checksum) = read_all(&mut reader, None).map_err(told)?;
        print(&format!("{files} files, every checksum is right, checksum {checksum:08x}\n"));
        return Ok(ExitCode::SUCCESS);
    }
    let root = place.directory()?;
    let empty = !root.exists() || fs::read_dir(&root).is_ok_and(|mut entries| entries.next().is_none());
    if !empty {
        return Err(format!("{} is not empty; a backup is restored into a new directory", root.display()));
    }
    let mut name = root.file_name().ok_or_else(|| format!("{} is no directory name", root.display()))?.to_os_string();
    name.push(format!(".restoring-{}", std::process::id()));
    let stage = root.with_file_name(name);
    let restored = DirBuilder::new().recursive(true).mode(0o700).create(&stage).map_err(DumpError::Io).map_err(told).and_then(|()| {
        let done = read_all(&mut reader, Some(&stage)).map_err(told)?;
        let failed = |error: io::Error| format!("{}: {error}", root.display());
        if root.exists() {
            fs::remove_dir(&root).map_err(failed)?;
        }
        fs::rename(&stage, &root).map_err(failed)?;
        root.parent().map_or(Ok(()), |parent| File::open(parent).and_then(|parent| parent.sync_all())).map_err(failed)?;
        Ok(done)
    });
    let (files, checksum) = restored.inspect_err(|_| drop(fs::remove_dir_all(&stage)))?;
    print(&format!("{files} files restored to {}, checksum {checksum:08x}\n", root.display()));
    Ok(ExitCode::SUCCESS)
}

/// Reads the stream to its end, into files below `stage` when there is one.
fn read_all(reader: &mut Reader<impl Read>, stage: Option<&Path>) -> Result<(u64, u32), DumpError> {
    let (mut files, mut all, mut piece) = (0, crc32fast::Hasher::new(), Vec::new());
    while let Some(member) = reader.next_member()? {
        let file = stage.map(|stage| place_of(stage, &member)).transpose()?;
        while let Some(at) = reader.next_piece(&mut piece)? {
            if let Some(file) = &file {
                file.write_all_at(&piece, at)?;
            }
        }
        if let Some(file) = &file {
            file.set_permissions(fs::Permissions::from_mode(member.mode & 0o777))?;
            file.sync_all()?;
        }
        all.update(&reader.checksum().to_le_bytes());
        files += 1;
    }
    Ok((files, all.finalize()))
}

/// Makes the file of a member. A name that leads anywhere but into the directory is refused.
fn place_of(stage: &Path, member: &Member) -> Result<File, DumpError> {
    let path = Path::new(&member.name);
    let inside = path.components().all(|part| matches!(part, Component::Normal(_))) && path.components().next().is_some();
    if !inside {
        return Err(DumpError::Damaged("a name leads out of the directory"));
    }
    let path = stage.join(path);
    if let Some(folder) = path.parent() {
        DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    }
    let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    file.set_len(member.length)?;
    Ok(file)
}
