//! Who came and who was refused: `audit.log` in the data directory, one JSON object a line.
//!
//! ```text
//!   {"time":"2026-11-26T02:55:01Z","event":"refused","userid":"ALAN","from":"192.0.2.7","how":"ssh password"}
//! ```
//!
//! Events: `accepted` and `refused` (a proof shown to the SSH front end), `logon` and `logon-refused` (LOGON, reconnect and sharing, at every front end),
//! `disconnect`. A log that cannot be written is told to the operator once and keeps nobody out.

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use parking_lot::Mutex;
use serde_json::json;

/// The log's name.
const NAME: &str = "audit.log";

/// The audit log of a system.
pub struct Audit {
    file: Mutex<Option<File>>,
    /// Why it is not written.
    trouble: Mutex<Option<String>>,
}

impl Audit {
    /// Opens the log of a data directory, or makes it.
    pub fn open(root: &Path) -> Self {
        let opened = OpenOptions::new().create(true).append(true).mode(0o600).open(root.join(NAME));
        let (file, trouble) = match opened {
            Ok(file) => (Some(file), None),
            Err(error) => (None, Some(error.to_string())),
        };
        Self { file: Mutex::new(file), trouble: Mutex::new(trouble) }
    }

    /// Keeps an event: what, of whom, from where, and how or why.
    pub fn record(&self, event: &str, userid: &str, from: &str, how: &str) {
        let time = jiff::Timestamp::now().strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
        let line = format!("{}\n", json!({ "time": time, "event": event, "userid": userid, "from": from, "how": how }));
        let mut slot = self.file.lock();
        // One write for a line: two processes that append never mix.
        if let Some(file) = slot.as_mut()
            && let Err(error) = file.write_all(line.as_bytes())
        {
            *self.trouble.lock() = Some(error.to_string());
        }
    }

    /// Why events are not kept, once for each trouble.
    pub fn take_trouble(&self) -> Option<String> {
        self.trouble.lock().take()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_is_a_line_of_json_whatever_is_in_it() {
        let root = tempfile::tempdir().unwrap();
        let audit = Audit::open(root.path());
        audit.record("refused", "A\"\n{", "192.0.2.1", "ssh password");
        audit.record("logon", "ALAN", "uid 1000", "");
        let text = std::fs::read_to_string(root.path().join(NAME)).unwrap();
        let lines: Vec<serde_json::Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert_eq!((lines.len(), lines[0]["userid"].as_str(), lines[1]["event"].as_str()), (2, Some("A\"\n{"), Some("logon")));
        assert_eq!(audit.take_trouble(), None);
    }

    #[test]
    fn a_log_that_cannot_be_opened_says_so_once() {
        let root = tempfile::tempdir().unwrap();
        std::fs::create_dir(root.path().join(NAME)).unwrap();
        let audit = Audit::open(root.path());
        audit.record("logon", "ALAN", "uid 0", "");
        assert!(audit.take_trouble().is_some() && audit.take_trouble().is_none());
    }
}
