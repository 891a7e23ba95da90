//! What the end-to-end tests and the benchmarks drive: the real `cp64` program, in a data directory of its own.
//!
//! [`System`] is a running system, [`Terminal`] a terminal at it, [`Program`] one run of `cp64` from a shell. A test reads like a session:
//!
//! ```no_run
//! let system = tests::System::start();
//! assert!(system.script("CMSUSER", "listfile * * a\n").output.contains("Ready;"));
//! let mut terminal = system.log_on("MAINT");
//! terminal.command("query disk");
//! ```
//!
//! Everything that waits has a deadline ([`PATIENCE`], and a [`Watchdog`] behind what
//! has none of its own); nothing sleeps and hopes. A host whose KVM cannot be used fails every test with what
//! `cp64` says about it. Talks to the program through its command line and its socket only.

pub mod gdb;
mod guest;
mod namespace;
pub mod pc;
mod program;
mod system;
mod terminal;
mod tmux;
mod watchdog;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

pub use guest::GuestCode;
pub use namespace::{in_namespace, in_namespace_within};
pub use program::{Program, cp64, profile_directory};
pub use system::System;
pub use terminal::Terminal;
pub use tmux::Tmux;
pub use watchdog::Watchdog;

/// How long anything may take before a test gives up. Far longer than anything takes: no test is about speed.
pub const PATIENCE: Duration = Duration::from_secs(90);

/// Polls until `done` answers something.
///
/// # Panics
/// When [`PATIENCE`] is at an end; `what` says what was waited for.
pub fn wait_for<T>(what: &str, mut done: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Some(value) = done() {
            return value;
        }
        assert!(Instant::now() < deadline, "Waited {PATIENCE:?} for {what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// Fails unless some line of `text` matches the regular expression.
#[track_caller]
pub fn assert_line(text: &str, pattern: &str) {
    let shape = regex::Regex::new(pattern).expect("the test's own pattern");
    assert!(text.lines().any(|line| shape.is_match(line)), "No line matches {pattern} in\n{text}");
}

/// Fails if some line of `text` matches the regular expression.
#[track_caller]
pub fn assert_no_line(text: &str, pattern: &str) {
    let shape = regex::Regex::new(pattern).expect("the test's own pattern");
    let found = text.lines().find(|line| shape.is_match(line));
    assert!(found.is_none(), "{found:?} matches {pattern} in\n{text}");
}

/// Builds all programs of a workspace of guests with the cargo that runs the tests, once in each test process; answers where they are.
fn guests(workspace: &'static str, what: &str) -> PathBuf {
    static BUILT: Mutex<BTreeSet<&str>> = Mutex::new(BTreeSet::new());
    // Kept, so that it is built once however many tests want it.
    let target = profile_directory().join(workspace);
    let mut built = BUILT.lock().unwrap_or_else(PoisonError::into_inner);
    if !built.contains(workspace) {
        let manifest = Path::new(env!("CARGO_MANIFEST_DIR")).join("../guests").join(workspace).join("Cargo.toml");
        let mut cargo = std::process::Command::new(env!("CARGO"));
        cargo.args(["build", "--release", "--locked", what, "--manifest-path"]).arg(manifest).arg("--target-dir").arg(&target);
        // With the lines that a debugger shows, whatever the tests are built with.
        let output = cargo.env_remove("CARGO_PROFILE_DEV_DEBUG").output().expect("cargo is needed");
        assert!(output.status.success(), "{cargo:?}: {}", String::from_utf8_lossy(&output.stderr));
        built.insert(workspace);
    }
    target.join("release")
}

/// The program of that name from the SDK's Rust examples.
///
/// # Panics
/// When it cannot be built.
pub fn sdk_example(name: &str) -> Vec<u8> {
    std::fs::read(guests("sdk", "--examples").join("examples").join(name)).expect("a program")
}

/// The teaching kernel of that name.
///
/// # Panics
/// When it cannot be built.
pub fn lab(name: &str) -> PathBuf {
    guests("labs", "--bins").join(name)
}
