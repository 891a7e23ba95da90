//! An end for tests that would never end: whatever a test waits for without a deadline of its own, the run goes on to say which it was.

use std::io::Write;
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::thread;
use std::time::Duration;

/// Longer than any test takes on a loaded machine.
const LONGEST: Duration = Duration::from_secs(900);

/// Ends the process with a word when it is not dropped within fifteen minutes.
pub struct Watchdog {
    _alive: Sender<()>,
}

impl Watchdog {
    /// One for the test that is being run.
    #[must_use]
    pub fn new() -> Self {
        let (alive, watched) = channel();
        // The harness gives each test a thread of its name. Benchmarks, which may take longer, have none.
        let test = thread::current().name().filter(|name| *name != "main").map(str::to_string);
        test.map(|test| {
            thread::spawn(move || {
                if watched.recv_timeout(LONGEST) == Err(RecvTimeoutError::Timeout) {
                    // The harness keeps what is printed until the test ends.
                    let _ = writeln!(std::io::stderr(), "{test} has not ended within {LONGEST:?}");
                    std::process::exit(101);
                }
            })
        });
        Self { _alive: alive }
    }
}

impl Default for Watchdog {
    fn default() -> Self {
        Self::new()
    }
}
