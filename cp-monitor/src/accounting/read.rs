//! The records of a system, read from its files, oldest first. CP may be appending meanwhile.

use std::fmt;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::{Path, PathBuf};

use super::files;
use super::record::{LINE_MAX, LineError, Record};

/// A line that is no record.
#[derive(Debug)]
pub struct Unreadable {
    /// The file.
    pub path: PathBuf,
    /// The line, from 1.
    pub line: u64,
    /// What is wrong.
    pub why: String,
    /// It is the unfinished end of the newest file: a record being written at this moment, or one that a crash cut short.
    pub unfinished: bool,
}

impl fmt::Display for Unreadable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}, record {}: {}", self.path.display(), self.line, self.why)
    }
}

/// The records of a folder.
pub struct Records {
    files: Vec<(u32, PathBuf)>,
    next: usize,
    open: Option<(BufReader<File>, u64)>,
}

impl Records {
    /// The records in `folder`; none when there is no such folder.
    ///
    /// # Errors
    /// The host does not let it be read.
    pub fn in_folder(folder: &Path) -> io::Result<Self> {
        let files = match files(folder) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
            files => files?,
        };
        Ok(Self { files, next: 0, open: None })
    }

    /// Files there are.
    pub fn files(&self) -> usize {
        self.files.len()
    }

    fn unreadable(&self, line: u64, why: impl fmt::Display, torn: bool) -> Unreadable {
        let path = self.files.get(self.next.saturating_sub(1)).map(|(_, path)| path.clone()).unwrap_or_default();
        Unreadable { path, line, why: why.to_string(), unfinished: torn && self.next == self.files.len() }
    }
}

impl Iterator for Records {
    type Item = Result<Record, Unreadable>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let Some((mut reader, lines)) = self.open.take() else {
                let (_, path) = self.files.get(self.next)?;
                let opened = File::open(path);
                self.next += 1;
                match opened {
                    Ok(file) => self.open = Some((BufReader::new(file), 0)),
                    // Dropped by a CP that runs, as the oldest.
                    Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                    Err(error) => return Some(Err(self.unreadable(1, error, false))),
                }
                continue;
            };
            let mut line = Vec::new();
            match reader.by_ref().take(LINE_MAX as u64).read_until(b'\n', &mut line) {
                Ok(0) => continue,
                Ok(_) => {}
                Err(error) => return Some(Err(self.unreadable(lines + 1, error, false))),
            }
            // What has no line end within a line's length is not lines: nothing behind it can be told apart.
            if line.len() < LINE_MAX || line.ends_with(b"\n") {
                self.open = Some((reader, lines + 1));
            }
            return Some(Record::of_line(&line).map_err(|why| self.unreadable(lines + 1, &why, why == LineError::Torn)));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::super::record::tests::record;
    use super::super::{Ledger, file_of};
    use super::*;

    #[test]
    fn damage_in_the_middle_is_named_and_the_rest_read() {
        let room = tempfile::tempdir().unwrap();
        let ledger = Ledger::new(room.path().to_path_buf());
        for user in ["A", "B", "C"] {
            ledger.append(&record(user, 1000)).unwrap();
        }
        let path = file_of(room.path(), 1);
        let damaged = fs::read_to_string(&path).unwrap().replace("\"B\"", "\"X\"");
        fs::write(&path, damaged + "12345678 {\"versi").unwrap();
        let all: Vec<_> = Records::in_folder(room.path()).unwrap().collect();
        assert_eq!(all[0].as_ref().unwrap().userid, "A");
        let bad = all[1].as_ref().unwrap_err();
        assert!(bad.to_string().ends_with("00000001.acct, record 2: It is damaged") && !bad.unfinished, "{bad}");
        assert_eq!(all[2].as_ref().unwrap().userid, "C");
        assert!(all[3].as_ref().unwrap_err().unfinished);
        assert_eq!(all.len(), 4);
    }

    #[test]
    fn a_folder_that_is_not_there_has_no_records() {
        let room = tempfile::tempdir().unwrap();
        assert_eq!(Records::in_folder(&room.path().join("none")).unwrap().count(), 0);
    }
}
