//! A terminal in tmux, for what a person sees and presses.

use std::process::Command;
use std::time::{Duration, Instant};

use crate::PATIENCE;

/// A terminal in tmux with a shell in it; it ends with the value.
pub struct Tmux(tempfile::TempDir);

impl Tmux {
    /// One of that size.
    ///
    /// # Panics
    /// When there is no tmux.
    pub fn with_shell(columns: u16, rows: u16) -> Self {
        let tmux = Self(tempfile::tempdir().expect("a temporary directory"));
        let (columns, rows) = (columns.to_string(), rows.to_string());
        tmux.run(&["-f", "/dev/null", "new-session", "-d", "-s", "screen", "-x", &columns, "-y", &rows, "sh"]);
        tmux
    }

    /// A command of tmux; what it says.
    ///
    /// # Panics
    /// When there is no tmux.
    pub fn run(&self, arguments: &[&str]) -> String {
        let output = Command::new("tmux").arg("-S").arg(self.0.path().join("tmux")).args(arguments).output();
        let output = output.expect("tmux is there: apt-get install -y tmux");
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    /// Presses keys, by tmux's names.
    pub fn keys(&self, keys: &[&str]) {
        self.run(&[&["send-keys", "-t", "screen"], keys].concat());
    }

    /// Waits until the screen shows this; all of it.
    ///
    /// # Panics
    /// When [`PATIENCE`] is at an end.
    #[track_caller]
    pub fn shows(&self, wanted: &str) -> String {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let shown = self.run(&["capture-pane", "-p", "-t", "screen"]);
            if shown.contains(wanted) {
                return shown;
            }
            assert!(Instant::now() < deadline, "No {wanted:?} on the screen:\n{shown}");
            std::thread::sleep(Duration::from_millis(50));
        }
    }
}

impl Drop for Tmux {
    fn drop(&mut self) {
        self.run(&["kill-server"]);
    }
}
