//! The socket's file: taking it, replacing a stale one, and names longer than a socket address holds.

use std::fs::{self, DirBuilder, File, Permissions};
use std::io::{self, ErrorKind};
use std::os::fd::AsRawFd;
use std::os::unix::fs::{DirBuilderExt, FileTypeExt, MetadataExt, PermissionsExt, chown};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};

use super::LocalError;

/// Bytes of a path that fit a socket address (`sun_path` has 108 with its end).
const ADDRESS_MAX: usize = 107;

/// A name by which `path` can be bound or connected, and the directory that must stay open for it: a path longer than a
/// socket address goes through `/proc/self/fd`.
pub(crate) fn reachable(path: &Path) -> io::Result<(PathBuf, Option<File>)> {
    if path.as_os_str().len() <= ADDRESS_MAX {
        return Ok((path.to_path_buf(), None));
    }
    let (Some(parent), Some(name)) = (path.parent(), path.file_name()) else {
        return Err(io::Error::new(ErrorKind::InvalidInput, "Not the path of a socket"));
    };
    let directory = File::open(parent)?;
    let short = PathBuf::from(format!("/proc/self/fd/{}", directory.as_raw_fd())).join(name);
    Ok((short, Some(directory)))
}

/// Takes the socket at `path` and answers it with the user id that owns it. It appears under its name with its permissions complete.
pub(super) fn listen(path: &Path, group: Option<u32>) -> Result<(UnixListener, u32), LocalError> {
    let failed = |doing| move |source| LocalError::Io { doing, path: path.to_path_buf(), source };
    refuse_occupied(path)?;
    // Bound in a directory that nobody else may enter, then moved: never reachable with other permissions than it will have.
    let mut private = path.as_os_str().to_owned();
    private.push(format!(".{}", std::process::id()));
    let private = PathBuf::from(private);
    let _ = fs::remove_dir_all(&private);
    DirBuilder::new().mode(0o700).create(&private).map_err(failed("prepare"))?;
    let bound = bind_in(&private.join("s"), path, group);
    let _ = fs::remove_dir_all(&private);
    let listener = bound.map_err(failed("listen on"))?;
    listener.set_nonblocking(true).map_err(failed("listen on"))?;
    let owner = fs::metadata(path).map_err(failed("look at"))?.uid();
    Ok((listener, owner))
}

fn bind_in(new: &Path, path: &Path, group: Option<u32>) -> io::Result<UnixListener> {
    let (address, _directory) = reachable(new)?;
    let listener = UnixListener::bind(address)?;
    if group.is_some() {
        chown(new, None, group)?;
    }
    fs::set_permissions(new, Permissions::from_mode(if group.is_some() { 0o660 } else { 0o600 }))?;
    fs::rename(new, path)?;
    Ok(listener)
}

/// An error unless the name is free or belongs to a socket that nobody listens on.
fn refuse_occupied(path: &Path) -> Result<(), LocalError> {
    let failed = |source| LocalError::Io { doing: "look at", path: path.to_path_buf(), source };
    match fs::symlink_metadata(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(failed(error)),
        Ok(data) if !data.file_type().is_socket() => {
            return Err(LocalError::NotASocket(path.to_path_buf()));
        }
        Ok(_) => {}
    }
    let (address, _directory) = reachable(path).map_err(failed)?;
    match UnixStream::connect(address) {
        Err(error) if matches!(error.kind(), ErrorKind::ConnectionRefused | ErrorKind::NotFound) => Ok(()),
        Err(error) => Err(failed(error)),
        Ok(_) => Err(LocalError::InUse(path.to_path_buf())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_socket_is_the_owners_alone() {
        let room = tempfile::tempdir().unwrap();
        let path = room.path().join("console");
        let (_listener, owner) = listen(&path, None).unwrap();
        let data = fs::metadata(&path).unwrap();
        assert_eq!(data.mode() & 0o777, 0o600);
        assert_eq!(data.uid(), owner);
        assert_eq!(fs::read_dir(room.path()).unwrap().count(), 1, "nothing else is left behind");
    }

    #[test]
    fn a_stale_socket_is_replaced_and_a_live_one_is_not() {
        let room = tempfile::tempdir().unwrap();
        let path = room.path().join("console");
        let (first, _) = listen(&path, None).unwrap();
        assert!(matches!(listen(&path, None), Err(LocalError::InUse(_))));
        drop(first);
        assert!(path.exists(), "a killed CP leaves its socket");
        let _second = listen(&path, None).unwrap();
        UnixStream::connect(&path).unwrap();
    }

    #[test]
    fn a_file_of_that_name_is_left_alone() {
        let room = tempfile::tempdir().unwrap();
        let path = room.path().join("console");
        fs::write(&path, "precious").unwrap();
        assert!(matches!(listen(&path, None), Err(LocalError::NotASocket(_))));
        assert_eq!(fs::read(&path).unwrap(), b"precious");
    }

    #[test]
    fn a_path_longer_than_an_address_works() {
        let room = tempfile::tempdir().unwrap();
        let deep = room.path().join("d".repeat(120));
        fs::create_dir(&deep).unwrap();
        let path = deep.join("console");
        let _listener = listen(&path, None).unwrap();
        let (address, _directory) = reachable(&path).unwrap();
        UnixStream::connect(address).unwrap();
    }
}
