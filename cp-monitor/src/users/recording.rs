//! A console recorded to a host file that common players of terminal sessions play: asciicast, version 2.
//!
//! ```text
//!   {"version":2,"width":80,"height":24,"timestamp":1795669200,"title":"CMSUSER at CP64"}
//!   [0.512,"o","Ready; T=0.01/0.01 14:00:00\r\n"]
//! ```
//!
//! Format: <https://docs.asciinema.org/manual/asciicast/v2/>. Lines are kept in a bounded queue by whoever writes to the console and
//! written by a worker, so a slow disk holds nobody up. What is typed at a hidden read never comes here; passwords in commands are masked
//! before.

use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use console::wire::LineKind;
use parking_lot::Mutex;
use serde_json::json;

/// Bytes of text that may wait for the disk. What comes beyond is counted and said in the recording.
const QUEUE_MAX: usize = 1 << 20;
/// Longest recording, in bytes.
const FILE_MAX: u64 = 64 << 20;
/// Rows of the terminal that a player opens. A console has none of its own.
const ROWS: u16 = 24;
/// Columns where the terminal's are not known.
const COLUMNS: u16 = 80;

/// A recording that goes on.
pub struct Recording {
    path: PathBuf,
    begun: Instant,
    queue: Mutex<Queue>,
    /// Gone when it is finished.
    file: Mutex<Option<Cast<File>>>,
}

#[derive(Default)]
struct Queue {
    lines: Vec<(Duration, LineKind, String)>,
    bytes: usize,
    lost: u64,
    /// A worker writes, or is asked to.
    writing: bool,
}

/// Where a recording begins: who, where, when and how wide.
pub struct Begin<'a> {
    /// The user.
    pub userid: &'a str,
    /// The system.
    pub system: &'a str,
    /// Local time.
    pub at: &'a jiff::Zoned,
    /// Columns of the terminal; 0 when unknown.
    pub columns: u16,
}

impl Recording {
    /// Makes a file for it in `folder`, under a name that nothing has yet.
    ///
    /// # Errors
    /// What the host says.
    pub fn begin(folder: &Path, begin: &Begin<'_>) -> Result<Self, String> {
        let failed = |path: &Path, error: &std::io::Error| format!("{}: {error}", path.display());
        fs::DirBuilder::new().recursive(true).mode(0o700).create(folder).map_err(|error| failed(folder, &error))?;
        let stem = format!("{}-{}", begin.userid, begin.at.strftime("%Y%m%d-%H%M%S"));
        for number in 1..100 {
            let name = if number == 1 { format!("{stem}.cast") } else { format!("{stem}-{number}.cast") };
            let path = folder.join(name);
            match OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path) {
                Ok(file) => {
                    let cast = Cast::new(file, begin).map_err(|error| failed(&path, &error))?;
                    return Ok(Self { path, begun: Instant::now(), queue: Mutex::default(), file: Mutex::new(Some(cast)) });
                }
                Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(failed(&path, &error)),
            }
        }
        Err(format!("{}: there are too many recordings of this second", folder.display()))
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Keeps a line. Answers whether a worker is to be asked for [`Self::write`].
    pub fn take(&self, kind: LineKind, text: &str) -> bool {
        let mut queue = self.queue.lock();
        if queue.bytes + text.len() > QUEUE_MAX {
            queue.lost += 1;
        } else {
            queue.bytes += text.len();
            queue.lines.push((self.begun.elapsed(), kind, text.to_string()));
        }
        !std::mem::replace(&mut queue.writing, true)
    }

    /// Writes what was kept, until nothing is left.
    ///
    /// # Errors
    /// Why it cannot go on; nothing more is written then.
    pub fn write(&self) -> Result<(), String> {
        loop {
            // The file first: two that write must not mix their lines.
            let mut file = self.file.lock();
            let (lines, lost) = {
                let mut queue = self.queue.lock();
                queue.bytes = 0;
                let taken = (std::mem::take(&mut queue.lines), std::mem::take(&mut queue.lost));
                queue.writing = !taken.0.is_empty() || taken.1 > 0;
                taken
            };
            if lines.is_empty() && lost == 0 {
                return Ok(());
            }
            let Some(cast) = file.as_mut() else { return Ok(()) };
            let mut at = Duration::ZERO;
            let mut written = lines.iter().try_for_each(|(time, kind, text)| {
                at = *time;
                cast.line(*time, *kind, text)
            });
            if lost > 0 {
                written =
                    written.and_then(|()| cast.line(at, LineKind::Cp, &format!("*** {lost} lines came too fast and are missing here ***")));
            }
            let written = written.and_then(|()| cast.flush());
            if let Err(error) = written {
                *file = None;
                return Err(format!("{}: {error}", self.path.display()));
            }
            if cast.bytes > FILE_MAX {
                return Err(format!("{} has {} MiB", self.path.display(), FILE_MAX >> 20));
            }
        }
    }

    /// Writes what is left and makes the file durable.
    ///
    /// # Errors
    /// What the host says.
    pub fn finish(&self) -> Result<(), String> {
        let written = self.write();
        if let Some(cast) = self.file.lock().take() {
            cast.out.sync_all().map_err(|error| format!("{}: {error}", self.path.display()))?;
        }
        written
    }
}

/// Lines as events of a recording.
struct Cast<W> {
    out: W,
    text: String,
    bytes: u64,
    /// A prompt stands on the last line, for what is typed behind it.
    prompting: bool,
}

impl<W: Write> Cast<W> {
    fn new(out: W, begin: &Begin<'_>) -> std::io::Result<Self> {
        let mut cast = Self { out, text: String::new(), bytes: 0, prompting: false };
        let width = if begin.columns == 0 { COLUMNS } else { begin.columns };
        let title = format!("{} at {}", begin.userid, begin.system);
        let timestamp = begin.at.timestamp().as_second();
        cast.text = format!("{}\n", json!({ "version": 2, "width": width, "height": ROWS, "timestamp": timestamp, "title": title }));
        cast.flush()?;
        Ok(cast)
    }

    fn line(&mut self, at: Duration, kind: LineKind, text: &str) -> std::io::Result<()> {
        let joins = std::mem::replace(&mut self.prompting, kind == LineKind::Prompt);
        let before = if joins && kind != LineKind::Input { "\r\n" } else { "" };
        let after = if kind == LineKind::Prompt { "" } else { "\r\n" };
        // Players take seconds with a fraction; more than microseconds is noise.
        let seconds = format!("{:.6}", at.as_secs_f64());
        self.text += &format!("[{seconds},\"o\",{}]\n", json!(format!("{before}{text}{after}")));
        if self.text.len() > 64 << 10 { self.flush() } else { Ok(()) }
    }

    fn flush(&mut self) -> std::io::Result<()> {
        let text = std::mem::take(&mut self.text);
        self.bytes += text.len() as u64;
        self.out.write_all(text.as_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::Value;

    fn begin(at: &jiff::Zoned) -> Begin<'_> {
        Begin { userid: "CMSUSER", system: "CP64", at, columns: 0 }
    }

    fn at() -> jiff::Zoned {
        "2026-11-26T14:00:00+00:00[UTC]".parse().unwrap()
    }

    #[test]
    fn a_recording_is_what_the_format_says() {
        let mut bytes = Vec::new();
        let mut cast = Cast::new(&mut bytes, &begin(&at())).unwrap();
        let mut line = |ms, kind, text| cast.line(Duration::from_millis(ms), kind, text).unwrap();
        line(10, LineKind::Guest, "Ready; \"T\"=\\");
        line(20, LineKind::Prompt, "Name: ");
        line(30, LineKind::Input, "ada");
        line(40, LineKind::Prompt, "Again: ");
        line(50, LineKind::Cp, "late");
        cast.flush().unwrap();
        let text = String::from_utf8(bytes).unwrap();
        let mut lines = text.lines();
        let header: Value = serde_json::from_str(lines.next().unwrap()).unwrap();
        assert_eq!(header, json!({ "version": 2, "width": 80, "height": 24, "timestamp": 1_795_701_600, "title": "CMSUSER at CP64" }));
        let events: Vec<Value> = lines.map(|line| serde_json::from_str(line).unwrap()).collect();
        let said: Vec<_> = events.iter().map(|event| event[2].as_str().unwrap()).collect();
        assert_eq!(said, ["Ready; \"T\"=\\\r\n", "Name: ", "ada\r\n", "Again: ", "\r\nlate\r\n"]);
        assert!(events.iter().all(|event| event[0].is_f64() && event[1] == "o"));
        assert!(events.is_sorted_by_key(|event| (event[0].as_f64().unwrap() * 1e6) as u64));
    }

    #[test]
    fn lines_beyond_the_queue_are_counted_and_files_do_not_meet() {
        let folder = tempfile::tempdir().unwrap();
        let (first, second) =
            (Recording::begin(folder.path(), &begin(&at())).unwrap(), Recording::begin(folder.path(), &begin(&at())).unwrap());
        assert_ne!(first.path(), second.path());
        assert!(first.take(LineKind::Guest, &"x".repeat(QUEUE_MAX)), "the first line asks for a worker");
        assert!(!first.take(LineKind::Guest, "lost"));
        first.finish().unwrap();
        let text = fs::read_to_string(first.path()).unwrap();
        assert!(text.contains("1 lines came too fast") && !text.contains("lost\\r"), "{}", &text[text.len() - 200..]);
        first.take(LineKind::Guest, "behind the end");
        first.write().unwrap();
        assert_eq!(fs::read_to_string(first.path()).unwrap(), text);
    }

    proptest! {
        #[test]
        fn every_line_of_any_text_is_json_and_comes_out_again(text in "\\PC{0,60}") {
            let mut bytes = Vec::new();
            let mut cast = Cast::new(&mut bytes, &begin(&at())).unwrap();
            cast.line(Duration::from_secs(1), LineKind::Guest, &text).unwrap();
            cast.flush().unwrap();
            let written = String::from_utf8(bytes).unwrap();
            let event: Value = serde_json::from_str(written.lines().nth(1).unwrap()).unwrap();
            prop_assert_eq!(event[2].as_str().unwrap(), format!("{text}\r\n"));
        }
    }
}
