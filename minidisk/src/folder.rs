//! Folders of the host and minidisks: all files of one become files of the other.
//!
//! A host file `NAME.TYPE` is the CMS file NAME TYPE; letters become capitals on the way in, a host file without a point gets the type
//! FILE. Taking a folder in is one commit: all of it, or nothing. Talks to [`crate::edf`], [`crate::text`] and the host's file system.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fmt::{Debug, Display};
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use crate::edf::{BlockDevice, DateTime, EdfError, FileId, FileSystem};
use crate::text::{self, Export, ExportError, Import, ImportError};

/// Type of a host file whose name has no point.
const NO_TYPE: &str = "FILE";

/// What can go wrong with a folder.
#[derive(Debug, thiserror::Error)]
pub enum FolderError<E: Debug + Display> {
    /// The host refused.
    #[error("{path}: {source}")]
    Host {
        /// The file or folder.
        path: String,
        /// What the host said.
        source: io::Error,
    },
    /// Host files that cannot be files of a minidisk; nothing was changed.
    #[error("{}", .0.join("\n"))]
    Names(Vec<String>),
    /// A host file that could not be taken in; nothing was changed.
    #[error("{path}: {source}")]
    Import {
        /// The file.
        path: String,
        /// Why.
        source: ImportError<E>,
    },
    /// The minidisk.
    #[error(transparent)]
    Disk(#[from] EdfError<E>),
    /// Files of those names are there already; nothing was changed.
    #[error("{} already: {}", if .0.len() == 1 { "There is a file" } else { "There are files" }, .0.join(", "))]
    Exists(Vec<String>),
}

type Result<T, D> = std::result::Result<T, FolderError<<D as BlockDevice>::Error>>;

/// How the files of a folder are taken in.
#[derive(Clone, Copy, Debug)]
pub struct Taking {
    /// How bytes become records.
    pub how: Import,
    /// Files of the same name on the minidisk are replaced.
    pub replace: bool,
    /// Host files that cannot be files of a minidisk are left out; else they are an error.
    pub skip: bool,
}

/// Takes every regular file of a folder into a minidisk, and commits. Folders in it, links and other things are left out with `skip` and
/// are an error without. `date` makes a file's date of its time on the host.
///
/// Answers the files taken in, and what was left out.
pub fn import<D: BlockDevice>(
    system: &mut FileSystem<D>,
    folder: &Path,
    taking: Taking,
    date: impl Fn(SystemTime) -> DateTime,
) -> Result<(Vec<FileId>, Vec<String>), D> {
    let (files, left_out) = gather::<D>(folder)?;
    if !left_out.is_empty() && !taking.skip {
        return Err(FolderError::Names(left_out));
    }
    let there: Vec<String> = files.keys().filter(|id| system.find(id).is_some()).map(FileId::to_string).collect();
    if !there.is_empty() && !taking.replace {
        return Err(FolderError::Exists(there));
    }
    let taken = files.iter().try_for_each(|(id, path)| {
        let bytes = fs::read(path).map_err(|source| host(path, source))?;
        let modified = fs::metadata(path).and_then(|metadata| metadata.modified()).map_err(|source| host(path, source))?;
        let mode = system.find(id).map_or(1, |old| old.mode);
        text::import(system, id, mode, date(modified), &bytes, taking.how)
            .map_err(|source| FolderError::Import { path: path.display().to_string(), source })?;
        Ok(())
    });
    match taken.and_then(|()| Ok(system.commit()?)) {
        Ok(()) => Ok((files.into_keys().collect(), left_out)),
        Err(error) => {
            // What is told is why the folder was not taken in; a disk that cannot even be read again says so at its next use.
            let _ = system.rollback();
            Err(error)
        }
    }
}

/// The files of a folder by the names they will have, and sentences about what cannot have one.
fn gather<D: BlockDevice>(folder: &Path) -> Result<(BTreeMap<FileId, PathBuf>, Vec<String>), D> {
    let mut entries = fs::read_dir(folder)
        .and_then(|entries| entries.map(|entry| entry.map(|entry| entry.path())).collect::<io::Result<Vec<_>>>())
        .map_err(|source| host(folder, source))?;
    entries.sort();
    let (mut files, mut left_out) = (BTreeMap::new(), Vec::new());
    for path in entries {
        let metadata = fs::symlink_metadata(&path).map_err(|source| host(&path, source))?;
        let name = path.file_name().unwrap_or_default();
        let why = match cms_name(name) {
            _ if !metadata.is_file() => String::from("it is no regular file"),
            Err(why) => why,
            Ok(id) => match files.get(&id) {
                None => {
                    files.insert(id, path);
                    continue;
                }
                Some(other) => format!("it would be {id}, as {}", other.display()),
            },
        };
        left_out.push(format!("{}: {why}", path.display()));
    }
    Ok((files, left_out))
}

/// The file that a host file of that name becomes. The error is a sentence.
pub fn cms_name(name: &OsStr) -> std::result::Result<FileId, String> {
    let name = name.to_str().ok_or_else(|| String::from("the name is no UTF-8"))?.to_uppercase();
    let (name, file_type) = name.rsplit_once('.').unwrap_or((&name, NO_TYPE));
    FileId::new(name, file_type).map_err(|error| error.to_string())
}

/// Copies every file of a minidisk into a folder, which is made if it is not there. `time` makes a host time of a file's date.
///
/// Each file stands whole under its name or not at all. With `replace` host files of the same name are replaced. Answers how many.
pub fn export<D: BlockDevice>(
    system: &mut FileSystem<D>,
    folder: &Path,
    how: Export,
    replace: bool,
    time: impl Fn(DateTime) -> Option<SystemTime>,
) -> Result<usize, D> {
    fs::create_dir_all(folder).map_err(|source| host(folder, source))?;
    let files: Vec<_> = system.files().cloned().collect();
    let target = |id: &FileId| folder.join(format!("{}.{}", id.name(), id.file_type()));
    let there: Vec<String> = files.iter().filter(|file| target(&file.id).exists()).map(|file| file.id.to_string()).collect();
    if !there.is_empty() && !replace {
        return Err(FolderError::Exists(there));
    }
    for file in &files {
        let path = target(&file.id);
        let part = folder.join(format!(".{}.{}.{}.part", file.id.name(), file.id.file_type(), std::process::id()));
        let written = write_out(system, &file.id, &part, how, time(file.modified));
        let done = written.and_then(|()| fs::rename(&part, &path).map_err(|source| host(&path, source)));
        done.inspect_err(|_| drop(fs::remove_file(&part)))?;
    }
    Ok(files.len())
}

fn write_out<D: BlockDevice>(system: &mut FileSystem<D>, id: &FileId, part: &Path, how: Export, time: Option<SystemTime>) -> Result<(), D> {
    let told = |source| host(part, source);
    let mut file = File::create(part).map_err(told)?;
    text::export(system, id, how, |bytes| file.write_all(bytes)).map_err(|error| match error {
        ExportError::Disk(error) => FolderError::Disk(error),
        ExportError::Sink(source) => told(source),
    })?;
    time.map_or(Ok(()), |time| file.set_modified(time)).map_err(told)
}

fn host<E: Debug + Display>(path: &Path, source: io::Error) -> FolderError<E> {
    FolderError::Host { path: path.display().to_string(), source }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::edf::MemoryDisk;

    fn disk() -> FileSystem<MemoryDisk> {
        FileSystem::format(MemoryDisk::new(200), "FOLDER", 0, DateTime::default()).unwrap()
    }

    const TAKING: Taking = Taking { how: Import::Auto, replace: false, skip: false };

    fn date(time: SystemTime) -> DateTime {
        let seconds = time.duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs();
        DateTime::from_unix_seconds(seconds as i64)
    }

    fn time(date: DateTime) -> Option<SystemTime> {
        (date.year == 2026).then(|| SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(1_795_358_501))
    }

    #[test]
    fn a_folder_goes_in_and_comes_out_byte_for_byte() {
        let folder = tempfile::tempdir().unwrap();
        let samples =
            [("profile.exec", "PROFILE.EXEC", &b"/* */\n"[..]), ("Makefile", "MAKEFILE.FILE", b"all:\n\n"), ("a.bin", "A.BIN", b"\0\xFF")];
        for (name, _, bytes) in samples {
            fs::write(folder.path().join(name), bytes).unwrap();
        }
        let mut disk = disk();
        let (taken, left_out) = import(&mut disk, folder.path(), TAKING, date).unwrap();
        assert_eq!((taken.len(), left_out.len(), disk.is_changed()), (3, 0, false));
        let out = folder.path().join("new/out");
        assert_eq!(export(&mut disk, &out, Export::Auto, false, time).unwrap(), 3);
        for (_, name, bytes) in samples {
            assert_eq!(fs::read(out.join(name)).unwrap(), bytes);
        }
        assert!(matches!(export(&mut disk, &out, Export::Auto, false, time), Err(FolderError::Exists(there)) if there.len() == 3));
        assert_eq!(export(&mut disk, &out, Export::Auto, true, time).unwrap(), 3);
        assert_eq!(fs::read_dir(&out).unwrap().count(), 3, "nothing else is left behind");
        assert!(matches!(import(&mut disk, &out, TAKING, date), Err(FolderError::Exists(_))));
        import(&mut disk, &out, Taking { replace: true, ..TAKING }, date).unwrap();
    }

    #[test]
    fn what_cannot_be_a_file_is_named_and_nothing_is_taken_in() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["good.text", "far-too-long-name.text", "two.dots.text", "same.text", "SAME.TEXT", "Ä.TEXT"] {
            fs::write(folder.path().join(name), "x\n").unwrap();
        }
        fs::create_dir(folder.path().join("inner")).unwrap();
        std::os::unix::fs::symlink("/etc/passwd", folder.path().join("link.text")).unwrap();
        let mut disk = disk();
        let Err(FolderError::Names(why)) = import(&mut disk, folder.path(), TAKING, date) else { panic!() };
        assert_eq!(why.len(), 6, "{why:?}");
        assert_eq!(disk.file_count(), 0);
        let (taken, left_out) = import(&mut disk, folder.path(), Taking { skip: true, ..TAKING }, date).unwrap();
        assert_eq!((taken.len(), left_out.len()), (2, 6));
    }

    #[test]
    fn a_folder_that_does_not_fit_changes_nothing() {
        let folder = tempfile::tempdir().unwrap();
        for n in 0..5 {
            fs::write(folder.path().join(format!("f{n}.data")), vec![b'x'; 300_000]).unwrap();
        }
        let mut disk = disk();
        assert!(matches!(
            import(&mut disk, folder.path(), TAKING, date),
            Err(FolderError::Import { source: ImportError::Disk(EdfError::Full), .. })
        ));
        assert_eq!((disk.file_count(), disk.is_changed()), (0, false));
        assert!(disk.check().unwrap().is_clean());
    }
}
