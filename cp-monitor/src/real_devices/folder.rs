//! Host files that appear whole or not at all: written aside, made durable, renamed.

use std::fs::{self, File, OpenOptions};
use std::io::{self, BufWriter, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use rustix::fs::{RenameFlags, renameat_with};

/// What stands before the name of a file that is not finished.
const ASIDE: &str = ".cp64-";
/// Numbers tried behind a name that is taken.
const NUMBERS: u32 = 10_000;

/// A host file in the making. Dropped before [`Aside::finish`] it is removed.
pub struct Aside {
    path: PathBuf,
    file: Option<BufWriter<File>>,
}

impl Aside {
    /// Begins one in `folder`, which is made when it does not exist; `who` tells devices that share a folder apart.
    pub fn create(folder: &Path, who: &str) -> io::Result<Self> {
        fs::create_dir_all(folder)?;
        let path = folder.join(format!("{ASIDE}{who}.part"));
        // One that a crash left, or anything else that bears this name.
        match fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path)?;
        Ok(Self { path, file: Some(BufWriter::with_capacity(256 << 10, file)) })
    }

    /// Makes it durable and gives it its name: `stem.extension`, or with a number behind the stem when another file has that name. The
    /// same bytes under that name are the file already: it was written before a crash.
    pub fn finish(mut self, stem: &str, extension: &str) -> io::Result<PathBuf> {
        self.sync()?;
        let folder = self.path.parent().map(Path::to_path_buf).unwrap_or_default();
        for number in 1..NUMBERS {
            let behind = if number == 1 { String::new() } else { format!(".{number}") };
            let target = folder.join(format!("{stem}{behind}.{extension}"));
            if rename_to_new(&self.path, &target)? {
                File::open(&folder)?.sync_all()?;
                return Ok(target);
            }
            if same(&self.path, &target)? {
                return Ok(target);
            }
        }
        Err(io::Error::new(io::ErrorKind::AlreadyExists, format!("{stem}.{extension} and all its numbers are taken")))
    }

    /// Makes it durable under the name it has, to be read by a command.
    pub fn sync(&mut self) -> io::Result<()> {
        if let Some(mut file) = self.file.take() {
            file.flush()?;
            file.get_ref().sync_all()?;
        }
        Ok(())
    }

    /// Where it is for now.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

impl Write for Aside {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file.as_mut().ok_or(io::ErrorKind::BrokenPipe)?.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.as_mut().map_or(Ok(()), Write::flush)
    }
}

impl Drop for Aside {
    fn drop(&mut self) {
        // Under its final name this one is gone.
        let _ = fs::remove_file(&self.path);
    }
}

/// Renames unless the target exists; false then.
fn rename_to_new(from: &Path, to: &Path) -> io::Result<bool> {
    let here = rustix::fs::CWD;
    match renameat_with(here, from, here, to, RenameFlags::NOREPLACE) {
        Ok(()) => Ok(true),
        Err(rustix::io::Errno::EXIST) => Ok(false),
        // A file system that cannot promise it.
        Err(rustix::io::Errno::INVAL | rustix::io::Errno::NOSYS) if to.symlink_metadata().is_err() => fs::rename(from, to).map(|()| true),
        Err(rustix::io::Errno::INVAL | rustix::io::Errno::NOSYS) => Ok(false),
        Err(error) => Err(error.into()),
    }
}

fn same(one: &Path, other: &Path) -> io::Result<bool> {
    let metadata = other.symlink_metadata()?;
    if !metadata.is_file() || metadata.len() != one.metadata()?.len() {
        return Ok(false);
    }
    let (mut one, mut other) = (File::open(one)?, File::open(other)?);
    let (mut left, mut right) = (vec![0; 64 << 10], vec![0; 64 << 10]);
    loop {
        let length = one.read(&mut left)?;
        if length == 0 {
            return Ok(true);
        }
        if other.read_exact(&mut right[..length]).is_err() || left[..length] != right[..length] {
            return Ok(false);
        }
    }
}

/// A name of a spool file as part of a host file's name: capital letters, digits and a few signs; everything else is `_`.
pub fn harmless(text: &str) -> String {
    text.chars().map(|c| if c.is_ascii_alphanumeric() || "@#$+_".contains(c) { c } else { '_' }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn write(folder: &Path, stem: &str, text: &str) -> PathBuf {
        let mut aside = Aside::create(folder, "000E").unwrap();
        aside.write_all(text.as_bytes()).unwrap();
        aside.finish(stem, "txt").unwrap()
    }

    #[test]
    fn a_file_is_whole_or_absent_and_no_other_is_replaced() {
        let root = tempfile::tempdir().unwrap();
        let folder = root.path().join("printer");
        let names = || {
            let mut names: Vec<_> = fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
            names.sort();
            names
        };
        let first = write(&folder, "A", "one");
        assert_eq!(write(&folder, "A", "one"), first, "written again after a crash");
        write(&folder, "A", "two");
        assert_eq!(names(), ["A.2.txt", "A.txt"]);
        let mut dropped = Aside::create(&folder, "000E").unwrap();
        dropped.write_all(b"half").unwrap();
        assert_eq!(names().len(), 3);
        drop(dropped);
        assert_eq!(names(), ["A.2.txt", "A.txt"]);
        assert_eq!(fs::read_to_string(first).unwrap(), "one");
        // What a crash left, or somebody put in the way, is not followed.
        std::os::unix::fs::symlink("/etc/passwd", folder.join(".cp64-000E.part")).unwrap();
        write(&folder, "B", "three");
        std::os::unix::fs::symlink("/etc/hostname", folder.join("C.txt")).unwrap();
        assert!(write(&folder, "C", "four").ends_with("C.2.txt"));
    }

    #[test]
    fn hostile_names_stay_in_the_folder() {
        assert_eq!(harmless("../../etc/passwd"), "______etc_passwd");
        assert_eq!(harmless("A$#@-.\u{0}"), "A$#@___");
    }
}
