//! The `cp64` program: where it is, and one run of it with a deadline.

use std::ffi::OsStr;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use crate::PATIENCE;

/// Where cargo puts what it builds with the profile of this test: `target/debug` or `target/release`.
pub fn profile_directory() -> PathBuf {
    let test = std::env::current_exe().expect("the path of this test");
    let directory = test.parent().expect("a test is in a directory");
    // Tests are in `deps`, the program is beside it.
    let outer = if directory.ends_with("deps") { directory.parent() } else { Some(directory) };
    outer.expect("deps is in a directory").to_path_buf()
}

/// The program, built from the sources as they are. Cargo is asked once in each test process.
///
/// # Panics
/// When it does not build.
pub fn cp64() -> &'static Path {
    static PROGRAM: OnceLock<PathBuf> = OnceLock::new();
    PROGRAM.get_or_init(build)
}

fn build() -> PathBuf {
    let directory = profile_directory();
    let target = directory.parent().expect("a profile is in the target directory");
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(cargo);
    command.args(["build", "--quiet", "--package", "cp-monitor", "--bin", "cp64", "--target-dir"]).arg(target);
    if directory.ends_with("release") {
        command.arg("--release");
    }
    // What cargo says of this package to the tests it runs is no setting: `ring` would be built anew, and all that needs it, in each run.
    let of_this_package = |name: &String| name.starts_with("CARGO_PKG_") || name.starts_with("CARGO_MANIFEST_");
    std::env::vars_os().filter_map(|(name, _)| name.into_string().ok()).filter(of_this_package).for_each(|name| {
        command.env_remove(name);
    });
    let built = command.current_dir(env!("CARGO_MANIFEST_DIR")).output().expect("cargo can be run");
    assert!(built.status.success(), "cp64 does not build:\n{}", String::from_utf8_lossy(&built.stderr));
    directory.join("cp64")
}

/// One finished run of a program.
#[derive(Clone, Debug)]
pub struct Program {
    /// Exit code; -1 when a signal ended it.
    pub code: i32,
    /// Standard output.
    pub output: String,
    /// Standard error.
    pub errors: String,
    /// Standard output as bytes.
    pub bytes: Vec<u8>,
}

impl Program {
    /// Runs `cp64` with these arguments and that standard input.
    pub fn cp64(arguments: impl IntoIterator<Item = impl AsRef<OsStr>>, input: &[u8]) -> Self {
        Self::run(Command::new(cp64()).args(arguments), input)
    }

    /// Runs a command with that standard input.
    ///
    /// # Panics
    /// When it cannot be started, or does not end in time; it is killed then, and what it wrote is shown.
    pub fn run(command: &mut Command, input: &[u8]) -> Self {
        Self::run_within(PATIENCE, command, input)
    }

    /// The same with another deadline.
    pub(crate) fn run_within(time: Duration, command: &mut Command, input: &[u8]) -> Self {
        let spawned = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
        let mut child = spawned.unwrap_or_else(|error| panic!("{command:?}: {error}"));
        let output = drain(child.stdout.take());
        let errors = drain(child.stderr.take());
        let mut stdin = child.stdin.take().expect("it is piped");
        let input = input.to_vec();
        // A program that does not read its input is not this side's error.
        let feeding = thread::spawn(move || drop(stdin.write_all(&input)));
        let ended = wait(&mut child, time);
        if !ended {
            drop(child.kill());
        }
        let code = child.wait().ok().and_then(|status| status.code()).unwrap_or(-1);
        // A detached system that a killed program left behind may hold the pipes; then nobody waits for them.
        assert!(ended, "{command:?} has not ended within {time:?}");
        drop(feeding.join());
        let bytes = output.join().expect("reads only");
        let errors = errors.join().expect("reads only");
        Self { code, output: String::from_utf8_lossy(&bytes).into_owned(), errors: String::from_utf8_lossy(&errors).into_owned(), bytes }
    }

    /// The run, when it ended with code 0.
    ///
    /// # Panics
    /// When it did not.
    #[track_caller]
    pub fn succeeded(self) -> Self {
        assert_eq!(self.code, 0, "it failed:\n{}{}", self.output, self.errors);
        self
    }

    /// The run, when it ended with this code.
    ///
    /// # Panics
    /// When it did not.
    #[track_caller]
    pub fn failed(self, code: i32) -> Self {
        assert_eq!(self.code, code, "it answered:\n{}{}", self.output, self.errors);
        self
    }
}

fn drain(stream: Option<impl Read + Send + 'static>) -> JoinHandle<Vec<u8>> {
    thread::spawn(move || {
        let mut bytes = Vec::new();
        if let Some(mut stream) = stream {
            drop(stream.read_to_end(&mut bytes));
        }
        bytes
    })
}

/// Whether the child ends within that time.
pub(crate) fn wait(child: &mut Child, time: Duration) -> bool {
    let deadline = Instant::now() + time;
    while Instant::now() < deadline {
        if !matches!(child.try_wait(), Ok(None)) {
            return true;
        }
        thread::sleep(Duration::from_millis(2));
    }
    false
}
