//! A command of the host that takes a file as its input, watched: it must end in time and say that it is well.

use std::fs::File;
use std::io::Read;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, ChildStderr, Command, Stdio};
use std::time::{Duration, Instant};

/// How often a running command is looked at.
const LOOK: Duration = Duration::from_millis(20);
/// Most bytes shown of what a command complains of.
const COMPLAINT: usize = 300;

/// Runs a command with a host file as its input. Its whole process group is killed when it takes too long, or when `cancelled` says so.
/// The error is a sentence for the operator.
pub fn run(words: &[String], input: &Path, limit: Duration, cancelled: &dyn Fn() -> bool) -> Result<(), String> {
    let Some((program, arguments)) = words.split_first() else { return Err("There is no command".to_string()) };
    let refused = |error: std::io::Error| format!("{program} cannot be run: {error}");
    let input = File::open(input).map_err(refused)?;
    let mut child = Command::new(program)
        .args(arguments)
        .stdin(Stdio::from(input))
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .process_group(0)
        .spawn()
        .map_err(refused)?;
    let mut complaints = Complaints::of(child.stderr.take());
    let deadline = Instant::now() + limit;
    loop {
        let ended = child.try_wait();
        complaints.read();
        match ended {
            Ok(Some(status)) if status.success() => return Ok(()),
            Ok(Some(status)) => return Err(format!("{program} failed ({status}){}", complaints.shown())),
            Ok(None) => {}
            Err(error) => {
                kill(&mut child);
                return Err(refused(error));
            }
        }
        if cancelled() {
            kill(&mut child);
            return Err(format!("{program} was ended"));
        }
        if Instant::now() >= deadline {
            kill(&mut child);
            return Err(format!("{program} did not end within {} seconds and was killed{}", limit.as_secs(), complaints.shown()));
        }
        std::thread::sleep(LOOK);
    }
}

/// What a command writes on standard error: the beginning is kept, the rest read and dropped, so that it never waits to be heard.
struct Complaints {
    pipe: Option<ChildStderr>,
    kept: Vec<u8>,
}

impl Complaints {
    fn of(pipe: Option<ChildStderr>) -> Self {
        let quick = |pipe: &ChildStderr| rustix::fs::fcntl_setfl(pipe, rustix::fs::OFlags::NONBLOCK).is_ok();
        Self { pipe: pipe.filter(quick), kept: Vec::new() }
    }

    /// Reads what is there without waiting for more.
    fn read(&mut self) {
        let mut buffer = [0; 4096];
        // A command that writes without end is looked at again in its turn.
        for _ in 0..256 {
            match self.pipe.as_mut().map(|pipe| pipe.read(&mut buffer)) {
                Some(Ok(length @ 1..)) => {
                    let room = COMPLAINT - self.kept.len();
                    self.kept.extend_from_slice(&buffer[..length.min(room)]);
                }
                _ => return,
            }
        }
    }

    /// On one line, to be put behind a sentence.
    fn shown(&self) -> String {
        let text = String::from_utf8_lossy(&self.kept);
        let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
        if line.is_empty() { String::new() } else { format!(": {line}") }
    }
}

fn kill(child: &mut Child) {
    if let Some(group) = i32::try_from(child.id()).ok().and_then(rustix::process::Pid::from_raw) {
        let _ = rustix::process::kill_process_group(group, rustix::process::Signal::KILL);
    }
    let _ = child.kill();
    let _ = child.wait();
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str, seconds: u64) -> Result<(), String> {
        let input = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(input.path(), "the input").unwrap();
        run(&["sh".into(), "-c".into(), script.into()], input.path(), Duration::from_secs(seconds), &|| false)
    }

    #[test]
    fn a_command_must_end_well_and_in_time() {
        assert_eq!(shell("test \"$(cat)\" = 'the input'", 10), Ok(()));
        let failed = shell("echo no paper >&2; exit 3", 10).unwrap_err();
        assert!(failed.contains("exit status: 3") && failed.ends_with("no paper"), "{failed}");
        let late = shell("sleep 60 & sleep 60", 1).unwrap_err();
        assert!(late.contains("within 1 seconds"), "{late}");
        assert_eq!(shell("yes complaint | head -c 300000 >&2", 10), Ok(()));
        let absent = run(&["/no/such/command".into()], Path::new("/dev/null"), Duration::from_secs(1), &|| false).unwrap_err();
        assert!(absent.contains("cannot be run"), "{absent}");
        let ended = run(&["sleep".into(), "60".into()], Path::new("/dev/null"), Duration::from_secs(60), &|| true).unwrap_err();
        assert!(ended.contains("was ended"), "{ended}");
    }
}
