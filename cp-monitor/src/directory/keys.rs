//! Public keys of users, for SSH: beside the directory, a file for each user, a key in each line as OpenSSH writes it, with a comment.
//!
//! They are not in the directory's source: a key is longer than a line there, and is its user's matter, not the directory's.

use std::fs::{self, DirBuilder};
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use super::UserId;
use super::store::{self, StoreError};

/// The folder, in the data directory.
const FOLDER: &str = "keys";

fn file(root: &Path, user: &UserId) -> PathBuf {
    root.join(FOLDER).join(user.to_string())
}

/// Type and key of a line, without its comment.
fn key_of(line: &str) -> Option<String> {
    let mut words = line.split_whitespace();
    Some(format!("{} {}", words.next()?, words.next()?))
}

/// The lines of a user's keys.
///
/// # Errors
/// What the host says; a user without keys has no file, which is no error.
pub fn list(root: &Path, user: &UserId) -> io::Result<Vec<String>> {
    match fs::read_to_string(file(root, user)) {
        Ok(text) => Ok(text.lines().filter(|line| key_of(line).is_some()).map(str::to_string).collect()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
        Err(error) => Err(error),
    }
}

/// Whether the user has this key: its type and itself.
pub fn knows(root: &Path, user: &UserId, key: &str) -> bool {
    match list(root, user) {
        Ok(lines) => lines.iter().any(|line| key_of(line).as_deref() == Some(key)),
        Err(error) => {
            tracing::warn!(%error, "The public keys of {user} cannot be read");
            false
        }
    }
}

/// Makes these the user's keys.
///
/// # Errors
/// [`StoreError`]; the keys are then as before.
pub fn replace(root: &Path, user: &UserId, lines: &[String]) -> Result<(), StoreError> {
    let folder = root.join(FOLDER);
    DirBuilder::new().recursive(true).mode(0o700).create(&folder).map_err(|source| StoreError::File { path: folder, source })?;
    let text: String = lines.iter().map(|line| format!("{line}\n")).collect();
    store::replace_file(&file(root, user), &text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_known_by_type_and_key_and_not_by_comment() {
        let root = tempfile::tempdir().unwrap();
        let user: UserId = "ALAN".parse().unwrap();
        assert_eq!(list(root.path(), &user).unwrap(), [""; 0]);
        replace(root.path(), &user, &["ssh-ed25519 AAAA alan@home".to_string(), "ssh-ed25519 BBBB".to_string()]).unwrap();
        assert!(knows(root.path(), &user, "ssh-ed25519 AAAA") && knows(root.path(), &user, "ssh-ed25519 BBBB"));
        assert!(!knows(root.path(), &user, "ssh-ed25519 AAA") && !knows(root.path(), &"GRACE".parse().unwrap(), "ssh-ed25519 AAAA"));
        replace(root.path(), &user, &[]).unwrap();
        assert!(!knows(root.path(), &user, "ssh-ed25519 AAAA"));
    }
}
