//! Files of the host that appear whole: by its name a file is the old one or the new one, whatever happens meanwhile.

use std::fs::{self, File};
use std::io::BufWriter;
use std::path::Path;

/// Writes a file beside the target, waits until it is on the disk, and gives it the target's name.
///
/// # Errors
/// What `content` says, or the target and what the host says of it; then nothing is left of the new file.
pub(super) fn write(target: &Path, content: impl FnOnce(&mut BufWriter<File>) -> Result<(), String>) -> Result<(), String> {
    let mut aside = target.file_name().ok_or_else(|| format!("{} is no file name", target.display()))?.to_os_string();
    aside.push(format!(".{}.part", std::process::id()));
    let aside = target.with_file_name(aside);
    let failed = |error: std::io::Error| format!("{}: {error}", target.display());
    let written = File::create(&aside).map_err(failed).and_then(|file| {
        let mut output = BufWriter::new(file);
        content(&mut output)?;
        let file = output.into_inner().map_err(|error| failed(error.into_error()))?;
        file.sync_all().and_then(|()| fs::rename(&aside, target)).map_err(failed)
    });
    written.inspect_err(|_| drop(fs::remove_file(&aside)))
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    #[test]
    fn the_old_file_stays_until_the_new_one_is_whole() {
        let folder = tempfile::tempdir().unwrap();
        let target = folder.path().join("file");
        let names = || fs::read_dir(folder.path()).unwrap().count();
        write(&target, |output| output.write_all(b"old").map_err(|error| error.to_string())).unwrap();
        let stopped = write(&target, |output| {
            output.write_all(b"new").map_err(|error| error.to_string())?;
            assert_eq!(fs::read(&target).unwrap(), b"old");
            Err("the link is lost".to_string())
        });
        assert_eq!((stopped.unwrap_err().as_str(), fs::read(&target).unwrap().as_slice(), names()), ("the link is lost", &b"old"[..], 1));
        write(&target, |output| output.write_all(b"new").map_err(|error| error.to_string())).unwrap();
        assert_eq!((fs::read(&target).unwrap().as_slice(), names()), (&b"new"[..], 1));
        assert!(write(&folder.path().join("no/file"), |_| Ok(())).unwrap_err().contains("no/file: "));
        assert!(write(Path::new("/"), |_| Ok(())).unwrap_err().contains("is no file name"));
    }
}
