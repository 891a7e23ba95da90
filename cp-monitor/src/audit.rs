//! Who came and who was refused: `audit.log` in the data directory, one JSON object a line.
//!
//! ```text
//!   {"time":"2026-11-26T02:55:01Z","event":"refused","userid":"ALAN","from":"192.0.2.7","how":"password"}
//!   {"time":"2026-11-26T02:55:09Z","event":"command","userid":"MAINT","from":"console","command":"FORCE","class":"A"}
//! ```
//!
//! Events: `accepted` and `refused` (a proof shown to the front ends for SSH and browsers), `logon` and `logon-refused` (LOGON, reconnect and sharing, at every
//! front end), `disconnect` and `logoff`; `dial`, `dial-refused` and `drop` of terminals without a user; `command` and `command-refused`, with the command's name and the privilege class it is issued under or would need, never its operands.
//! Of commands that everybody may issue, and of refused ones, so many are kept each second, and `left-out` says how many more there were: nobody fills the
//! host's disk with them.
//! A log that cannot be written is told to the operator once and keeps nobody out.

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use parking_lot::Mutex;
use serde_json::json;

/// The log's name.
const NAME: &str = "audit.log";

/// Commands that everybody may issue, and refused ones, that are kept in a second.
const ORDINARY: u32 = 100;

/// How many ordinary commands were kept in the second that is on.
#[derive(Default)]
struct Pace {
    second: i64,
    kept: u32,
    left_out: u64,
}

impl Pace {
    /// Whether one more is kept at that second, and how many were left out before it.
    fn take(&mut self, second: i64) -> Option<u64> {
        if second != self.second {
            (self.second, self.kept) = (second, 0);
        }
        if self.kept >= ORDINARY {
            self.left_out += 1;
            return None;
        }
        self.kept += 1;
        Some(std::mem::take(&mut self.left_out))
    }
}

/// The audit log of a system.
pub struct Audit {
    pace: Mutex<Pace>,
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
        Self { pace: Mutex::default(), file: Mutex::new(file), trouble: Mutex::new(trouble) }
    }

    /// Keeps an event: what, of whom, from where, and how or why.
    pub fn record(&self, event: &str, userid: &str, from: &str, how: &str) {
        self.append(json!({ "event": event, "userid": userid, "from": from, "how": how }));
    }

    /// Keeps a command: of whom, typed at a `console`, issued by a `program` or from the `host`, its name and the privilege class.
    pub fn record_command(&self, refused: bool, userid: &str, from: &str, command: &str, class: &str) {
        let event = if refused { "command-refused" } else { "command" };
        if refused || matches!(class, "G" | "ANY") {
            let Some(left_out) = self.pace.lock().take(jiff::Timestamp::now().as_second()) else { return };
            if left_out > 0 {
                self.append(json!({ "event": "left-out", "userid": "", "commands": left_out }));
            }
        }
        self.append(json!({ "event": event, "userid": userid, "from": from, "command": command, "class": class }));
    }

    fn append(&self, mut event: serde_json::Value) {
        event["time"] = jiff::Timestamp::now().strftime("%Y-%m-%dT%H:%M:%SZ").to_string().into();
        let line = format!("{event}\n");
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
        audit.record_command(true, "ALAN", "console", "SHUTDOWN", "A");
        let text = std::fs::read_to_string(root.path().join(NAME)).unwrap();
        let lines: Vec<serde_json::Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert_eq!((lines.len(), lines[0]["userid"].as_str(), lines[1]["event"].as_str()), (3, Some("A\"\n{"), Some("logon")));
        assert_eq!((lines[2]["event"].as_str(), lines[2]["class"].as_str()), (Some("command-refused"), Some("A")));
        assert!(lines.iter().all(|line| line["time"].as_str().is_some_and(|time| time.ends_with('Z'))));
        assert_eq!(audit.take_trouble(), None);
    }

    #[test]
    fn of_commands_that_come_by_thousands_some_are_kept_and_the_others_counted() {
        let mut pace = Pace::default();
        let kept = (0..1000).filter(|_| pace.take(7).is_some()).count();
        assert_eq!((kept, pace.take(8), pace.take(8)), (100, Some(900), Some(0)));
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
