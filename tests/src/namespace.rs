//! Tests that change what the host looks like do so in a mount namespace of their own, where nobody else sees it. No privilege is needed.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use crate::{PATIENCE, Program, cp64};

/// Names the directory that the test inside may use.
const PLACE: &str = "CP64_TEST_PLACE";

/// Runs `test`, the function of that name, again inside a user and mount namespace and there calls `inside` with an empty directory.
///
/// # Panics
/// When the host has no user namespaces or the test inside fails; what it wrote is shown.
pub fn in_namespace(test: &str, inside: impl FnOnce(&Path)) {
    // Built outside, where the target directory can be written.
    if std::env::var_os(PLACE).is_none() {
        cp64();
    }
    // A wait inside should run out, and say for what, before this one does.
    in_namespace_within(PATIENCE * 3, test, inside);
}

/// The same for a test that needs no `cp64` and may take that long.
///
/// # Panics
/// As [`in_namespace`].
pub fn in_namespace_within(time: Duration, test: &str, inside: impl FnOnce(&Path)) {
    if let Some(place) = std::env::var_os(PLACE) {
        return inside(&PathBuf::from(place));
    }
    let place = tempfile::tempdir().expect("a temporary directory");
    let this = std::env::current_exe().expect("the path of this test");
    let mut again = Command::new("unshare");
    again.args(["--map-root-user", "--mount"]).arg(this).args(["--exact", test, "--nocapture", "--test-threads=1"]);
    let run = Program::run_within(time, again.env(PLACE, place.path()), b"");
    assert_eq!(run.code, 0, "{test} in a namespace of its own (unshare --map-root-user --mount):\n{}{}", run.output, run.errors);
    assert!(run.output.contains("1 passed"), "{test} is not the name of this test:\n{}", run.output);
}
