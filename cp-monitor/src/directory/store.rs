//! The two directory files in the data directory, and putting a directory on line.
//!
//! `user.direct` is the source that people edit. `directory.online` is the source that was last accepted: CP starts from it, so an edit that has
//! not been put on line changes nothing. Both hold argon2id tokens in the place of passwords and are readable by their owner only.
//! Each file is replaced whole (written aside, made durable, renamed), so after a crash it is the old one or the new one.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use thiserror::Error;

use super::compile::{compile, parse_stored};
use super::diagnostic::{DirectoryError, Warning};
use super::edit::EditError;
use super::model::Directory;
use super::password::{Argon2id, SecretHasher};
use super::scan::SOURCE_MAX;

/// Name of the source that people edit.
pub const SOURCE_FILE: &str = "user.direct";
/// Name of the source that is on line.
pub const ONLINE_FILE: &str = "directory.online";
/// Held while the directory is being changed, so that two changes do not undo one another.
const LOCK_FILE: &str = "directory.lock";

/// What DIRECTXA says when the directory has been replaced.
pub const UPDATED: &str = "EOJ DIRECTORY UPDATED AND ON LINE";
/// What DIRECTXA says when it has not.
pub const NOT_UPDATED: &str = "EOJ DIRECTORY NOT UPDATED";

/// Why a directory was not read or not put on line.
#[derive(Debug, Error)]
pub enum StoreError {
    /// The host could not read or write one of the files.
    #[error("{path}: {source}")]
    File {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// There is no such file (no directory has been put on line, or there is no source).
    #[error("{0} does not exist")]
    Missing(PathBuf),
    /// The file is not text.
    #[error("{path}, line {line}: not UTF-8 text")]
    NotText {
        /// Which file.
        path: PathBuf,
        /// The line with the first bad byte.
        line: usize,
    },
    /// The file is larger than a directory can be.
    #[error("{0} is larger than 64 MiB")]
    TooLarge(PathBuf),
    /// The source has errors; the directory on line is as it was.
    #[error("{path} has {} error(s); first: {}", errors.len(), first(errors))]
    Errors {
        /// Which file.
        path: PathBuf,
        /// All of them, in source order.
        errors: Vec<DirectoryError>,
    },
    /// The source was edited while it was being compiled.
    #[error("{0} was changed while it was being compiled; run DIRECTXA again")]
    Changed(PathBuf),
    /// A change could not be made to the source.
    #[error(transparent)]
    Edit(#[from] EditError),
}

impl StoreError {
    /// The error as lines for a terminal: every error of a source on a line of its own.
    pub fn lines(&self) -> Vec<String> {
        match self {
            Self::Errors { errors, .. } | Self::Edit(EditError::Source(errors)) => errors.iter().map(DirectoryError::to_string).collect(),
            other => vec![other.to_string()],
        }
    }
}

fn first(errors: &[DirectoryError]) -> String {
    errors.first().map_or_else(String::new, DirectoryError::to_string)
}

/// A directory that has been put on line.
#[derive(Debug)]
pub struct Online {
    /// The users.
    pub directory: Directory,
    /// What was taken and deserves a word.
    pub warnings: Vec<Warning>,
}

/// Reads the directory that is on line in data directory `dir`.
///
/// # Errors
/// [`StoreError::Missing`] when no directory was ever put on line; [`StoreError::Errors`] when the file has been damaged or edited by hand.
pub fn load(dir: &Path) -> Result<Directory, StoreError> {
    let path = dir.join(ONLINE_FILE);
    let text = read(&path)?;
    parse_stored(&text).map_err(|errors| StoreError::Errors { path, errors })
}

/// Reads `user.direct`, the source as it stands.
///
/// # Errors
/// [`StoreError::Missing`], [`StoreError::NotText`] and the host's errors.
pub fn source(dir: &Path) -> Result<String, StoreError> {
    read(&dir.join(SOURCE_FILE))
}

/// DIRECTXA: compiles `user.direct` and puts it on line.
///
/// # Errors
/// When there is any; then both files are as they were.
pub fn put_online(dir: &Path) -> Result<Online, StoreError> {
    put_online_with(dir, &Argon2id::default())
}

/// As [`put_online`], with a hasher of the caller's.
///
/// # Errors
/// When there is any; then both files are as they were.
pub fn put_online_with(dir: &Path, hasher: &dyn SecretHasher) -> Result<Online, StoreError> {
    let _lock = lock(dir)?;
    let before = source(dir)?;
    replace(dir, &before, &before, hasher)
}

/// Changes `user.direct` by one of the functions of [`super::edit`] and puts it on line, holding off other changes meanwhile.
///
/// # Errors
/// When there is any; then both files are as they were.
pub fn update(dir: &Path, hasher: &dyn SecretHasher, change: impl FnOnce(&str) -> Result<String, EditError>) -> Result<Online, StoreError> {
    let _lock = lock(dir)?;
    let before = source(dir)?;
    replace(dir, &before, &change(&before)?, hasher)
}

/// Compiles, stages both files, and renames them: the source first, so that no clear text stays behind a directory that is on line.
///
/// `before` is what `user.direct` must still hold when it is replaced: compiling takes seconds, and an editor may save meanwhile.
fn replace(dir: &Path, before: &str, source: &str, hasher: &dyn SecretHasher) -> Result<Online, StoreError> {
    let path = dir.join(SOURCE_FILE);
    let compiled = match compile(source, hasher) {
        Ok(compiled) => compiled,
        Err(errors) => return Err(StoreError::Errors { path, errors }),
    };
    // A source that is a link to a file elsewhere stays one.
    let source_path = fs::canonicalize(&path).unwrap_or(path);
    let staged_source = Staged::write(&source_path, &compiled.stored_source)?;
    let staged_online = Staged::write(&dir.join(ONLINE_FILE), &compiled.stored_source)?;
    if read(&source_path)? != before {
        return Err(StoreError::Changed(source_path));
    }
    staged_source.commit()?;
    staged_online.commit()?;
    Ok(Online { directory: compiled.directory, warnings: compiled.warnings })
}

fn lock(dir: &Path) -> Result<File, StoreError> {
    let path = dir.join(LOCK_FILE);
    let open = OpenOptions::new().create(true).truncate(false).write(true).mode(0o600).open(&path);
    let locked = open.and_then(|file| file.lock().map(|()| file));
    locked.map_err(|source| StoreError::File { path, source })
}

fn read(path: &Path) -> Result<String, StoreError> {
    let failed = |source: io::Error| match source.kind() {
        io::ErrorKind::NotFound => StoreError::Missing(path.to_owned()),
        _ => StoreError::File { path: path.to_owned(), source },
    };
    let file = File::open(path).map_err(failed)?;
    let mut bytes = Vec::new();
    let limit = u64::try_from(SOURCE_MAX).unwrap_or(u64::MAX);
    file.take(limit.saturating_add(1)).read_to_end(&mut bytes).map_err(failed)?;
    if bytes.len() > SOURCE_MAX {
        return Err(StoreError::TooLarge(path.to_owned()));
    }
    String::from_utf8(bytes).map_err(|error| {
        let good = error.utf8_error().valid_up_to();
        let line = 1 + error.as_bytes()[..good].iter().filter(|&&byte| byte == b'\n').count();
        StoreError::NotText { path: path.to_owned(), line }
    })
}

/// Puts `text` in the place of a file of the data directory: it is the old one or the new one, whatever happens.
pub(super) fn replace_file(target: &Path, text: &str) -> Result<(), StoreError> {
    Staged::write(target, text)?.commit()
}

/// New contents of a file, durable under another name; dropped without [`Staged::commit`], they are removed.
struct Staged {
    target: PathBuf,
    aside: PathBuf,
    committed: bool,
}

impl Staged {
    fn write(target: &Path, text: &str) -> Result<Self, StoreError> {
        let mut name = target.file_name().unwrap_or_default().to_owned();
        name.push(".new");
        let aside = target.with_file_name(name);
        let staged = Self { target: target.to_owned(), aside, committed: false };
        staged.fill(text).map_err(|source| staged.failed(source))?;
        Ok(staged)
    }

    fn fill(&self, text: &str) -> io::Result<()> {
        // What a crash left behind is not written into: it could be a link.
        match fs::remove_file(&self.aside) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let mut file = OpenOptions::new().create_new(true).write(true).mode(0o600).open(&self.aside)?;
        file.write_all(text.as_bytes())?;
        file.sync_all()
    }

    fn commit(mut self) -> Result<(), StoreError> {
        let renamed = fs::rename(&self.aside, &self.target).and_then(|()| {
            self.committed = true;
            // The name is durable when the folder that holds it is.
            self.target.parent().map_or(Ok(()), |folder| File::open(folder)?.sync_all())
        });
        renamed.map_err(|source| self.failed(source))
    }

    fn failed(&self, source: io::Error) -> StoreError {
        StoreError::File { path: self.target.clone(), source }
    }
}

impl Drop for Staged {
    fn drop(&mut self) {
        if !self.committed {
            // Nothing more can be done about a file that cannot be removed; the next change tries again.
            let _ = fs::remove_file(&self.aside);
        }
    }
}
