//! The file that keeps the operator's commands from one day to the next.
//!
//! Lost history is a nuisance and nothing more: errors here are told to the operator once and never stop the screen.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use super::editor::HISTORY_MAX;
use super::text;

/// Most of the file that is read, in bytes from its end.
const READ_MAX: u64 = 256 << 10;

/// The last lines of the file, oldest first. A file that is not there is an empty history.
pub fn load(path: &Path) -> io::Result<Vec<String>> {
    let mut file = match File::open(path) {
        Ok(file) => file,
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(e) => return Err(e),
    };
    let length = file.metadata()?.len();
    let skipped = length.saturating_sub(READ_MAX);
    file.seek(SeekFrom::Start(skipped))?;
    let mut bytes = Vec::new();
    file.take(READ_MAX).read_to_end(&mut bytes)?;
    let content = String::from_utf8_lossy(&bytes);
    // A cut start is half a line, not a command.
    let lines = content.lines().skip(usize::from(skipped > 0)).filter(|line| !line.trim().is_empty());
    let mut lines: Vec<String> = lines.map(|line| text::clean(line, text::LINE_MAX)).collect();
    let surplus = lines.len().saturating_sub(HISTORY_MAX);
    lines.drain(..surplus);
    if skipped > 0 {
        replace(path, &lines)?;
    }
    Ok(lines)
}

/// Adds one line. The file is the user's alone.
pub fn append(path: &Path, line: &str) -> io::Result<()> {
    let mut file = OpenOptions::new().create(true).append(true).mode(0o600).open(path)?;
    file.write_all(format!("{line}\n").as_bytes())
}

/// Writes the file anew beside itself and renames it, so that a crash leaves the old or the new one.
fn replace(path: &Path, lines: &[String]) -> io::Result<()> {
    let beside = path.with_extension("new");
    let mut file = OpenOptions::new().create(true).write(true).truncate(true).mode(0o600).open(&beside)?;
    for line in lines {
        writeln!(file, "{line}")?;
    }
    file.sync_all()?;
    fs::rename(&beside, path)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn what_is_appended_comes_back_in_order_and_is_private() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("history");
        assert!(load(&path).unwrap().is_empty());
        append(&path, "query names").unwrap();
        append(&path, "indicate load").unwrap();
        assert_eq!(load(&path).unwrap(), ["query names", "indicate load"]);
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    }

    #[test]
    fn an_overgrown_or_foreign_file_is_cut_and_cleaned() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("history");
        let mut content = b"\xff\x1b[2J\n".to_vec();
        for n in 0..50_000 {
            content.extend_from_slice(format!("query \x07{n}\n").as_bytes());
        }
        fs::write(&path, content).unwrap();
        let lines = load(&path).unwrap();
        assert_eq!(lines.len(), HISTORY_MAX);
        assert_eq!(lines[HISTORY_MAX - 1], "query .49999");
        assert!(fs::metadata(&path).unwrap().len() < READ_MAX, "the file was trimmed");
        assert_eq!(load(&path).unwrap(), lines);
    }
}
