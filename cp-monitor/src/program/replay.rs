//! `cp64 replay`: plays a recorded console (SET CONRECORD) at the speed at which it was written.

use std::fs::File;
use std::io::{BufRead, BufReader, Write};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::Args;
use serde_json::Value;

use super::Ended;

/// Longest line of a recording that is read, in bytes.
const LINE_MAX: u64 = 1 << 20;

/// Options of a replay.
#[derive(Args)]
pub struct Options {
    /// The recording, an asciicast of version 2
    file: PathBuf,
    /// How many times faster than it happened
    #[arg(long, value_name = "TIMES", default_value_t = 1.0)]
    speed: f64,
    /// Longest pause, in seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 5.0)]
    idle: f64,
}

/// Plays it on standard output. Control characters are not sent to the terminal: a recording of CP holds none, and others may hold anything.
pub fn run(options: &Options) -> Ended {
    let shown = options.file.display();
    if !(options.speed > 0.0 && options.speed.is_finite() && options.idle >= 0.0 && options.idle.is_finite()) {
        return Err("--speed must be more than 0, --idle not less".to_string());
    }
    let file = File::open(&options.file).map_err(|error| format!("{shown}: {error}"))?;
    let mut lines = BufReader::new(file);
    let mut next = |number: u64| -> Result<Option<Value>, String> {
        let mut line = Vec::new();
        let read = std::io::Read::take(&mut lines, LINE_MAX).read_until(b'\n', &mut line).map_err(|error| format!("{shown}: {error}"))?;
        if read == 0 {
            return Ok(None);
        }
        serde_json::from_slice(&line).map(Some).map_err(|error| format!("{shown}: line {number} is no event: {error}"))
    };
    match next(1)? {
        Some(header) if header["version"] == 2 => {}
        _ => return Err(format!("{shown} is no asciicast of version 2")),
    }
    let mut before = 0.0;
    let mut number = 2;
    while let Some(event) = next(number)? {
        let (Some(at), Some(kind), Some(text)) = (event[0].as_f64(), event[1].as_str(), event[2].as_str()) else {
            return Err(format!("{shown}: line {number} is no event"));
        };
        number += 1;
        if kind != "o" {
            continue;
        }
        std::thread::sleep(pause(at - before, options));
        before = at;
        let mut out = std::io::stdout().lock();
        if out.write_all(harmless(text).as_bytes()).and_then(|()| out.flush()).is_err() {
            break;
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// How long to wait before the next event.
fn pause(seconds: f64, options: &Options) -> Duration {
    Duration::try_from_secs_f64((seconds / options.speed).clamp(0.0, options.idle)).unwrap_or_default()
}

/// Text with its line ends, and a full stop for every other control character.
fn harmless(text: &str) -> String {
    text.chars().map(|c| if !matches!(c, '\n' | '\r' | '\t') && console::is_control(c) { '.' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_are_shortened_and_never_negative() {
        let options = Options { file: PathBuf::new(), speed: 2.0, idle: 3.0 };
        assert_eq!(pause(4.0, &options), Duration::from_secs(2));
        assert_eq!(pause(100.0, &options), Duration::from_secs(3));
        assert_eq!(pause(-1.0, &options), Duration::ZERO);
        assert_eq!(pause(f64::NAN, &options), Duration::ZERO);
    }

    #[test]
    fn nothing_drives_the_terminal() {
        assert_eq!(harmless("a\u{1b}[2Jb\r\n\u{9b}\u{7f}"), "a.[2Jb\r\n..");
    }
}
