//! The terminal at this end: its modes, its size, and leaving it as it was found on every way out.

use std::io::{self, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use rustix::termios::{self, LocalModes, OptionalActions, QueueSelector, SpecialCodeIndex, Termios};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::{Handle, Signals};

/// What an editor may have turned on: bracketed paste off, colours off, cursor shown.
const PLAIN: &str = "\x1b[?2004l\x1b[0m\x1b[?25h";

/// What a program's screen has turned on besides: a picture under way, the mouse, the other screen of the terminal.
const LEAVE_SCREEN: &str = "\x1b[?2026l\x1b[?1006l\x1b[?1015l\x1b[?1003l\x1b[?1002l\x1b[?1000l\x1b[?1049l";

/// The terminal shows a program's screen; for the thread that ends the process on a signal.
static PROGRAM: AtomicBool = AtomicBool::new(false);

/// Says that the terminal shows a program's screen, or that it does not any more.
pub(super) fn shows_program(shows: bool) {
    PROGRAM.store(shows, Ordering::SeqCst);
}

/// Terminals that take no cursor movement; a session there is run like a script.
pub(super) fn is_plain(term: Option<&str>) -> bool {
    matches!(term, None | Some("" | "dumb" | "cons25" | "emacs"))
}

/// The terminal of standard input and output while a session uses it. Dropping it restores the modes that were found.
#[derive(Debug)]
pub(super) struct Terminal {
    found: Arc<Termios>,
}

impl Terminal {
    /// Takes the terminal: what is typed is kept unseen until the editor reads it; Ctrl-C stays a signal.
    pub(super) fn take() -> io::Result<Self> {
        let found = termios::tcgetattr(io::stdin())?;
        let mut quiet = found.clone();
        quiet.local_modes.remove(LocalModes::ECHO | LocalModes::ICANON);
        quiet.special_codes[SpecialCodeIndex::VMIN] = 1;
        quiet.special_codes[SpecialCodeIndex::VTIME] = 0;
        termios::tcsetattr(io::stdin(), OptionalActions::Drain, &quiet)?;
        Ok(Self { found: Arc::new(found) })
    }

    /// Calls `attention` on SIGINT; on SIGTERM and SIGHUP restores the terminal and lets the signal end the program.
    pub(super) fn watch_signals(&self, attention: impl Fn() + Send + 'static) -> io::Result<Watching> {
        let mut signals = Signals::new([SIGINT, SIGTERM, SIGHUP])?;
        let handle = signals.handle();
        let found = Arc::clone(&self.found);
        thread::spawn(move || {
            for signal in &mut signals {
                if signal == SIGINT {
                    attention();
                } else {
                    restore(&found);
                    // Cannot fail for these two.
                    let _ = signal_hook::low_level::emulate_default_handler(signal);
                }
            }
        });
        Ok(Watching(handle))
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        restore(&self.found);
    }
}

/// Puts the terminal back. It may be gone: then there is nothing to put back.
fn restore(found: &Termios) {
    let _ = termios::tcsetattr(io::stdin(), OptionalActions::Now, found);
    if PROGRAM.swap(false, Ordering::SeqCst) {
        put(LEAVE_SCREEN);
    }
    put(PLAIN);
}

/// Writes at once. A terminal that is gone takes nothing; reading from it says so.
pub(super) fn put(text: &str) {
    let mut output = io::stdout().lock();
    let _ = output.write_all(text.as_bytes());
    let _ = output.flush();
}

/// How long after the last bytes a paste is taken to be over.
const QUIET: Duration = Duration::from_millis(40);
/// How long a paste that does not end is thrown away.
const FLOOD: Duration = Duration::from_secs(2);

/// Throws away what was typed and not read, and the rest of a paste that is still coming.
pub(super) fn discard_typed() {
    let started = Instant::now();
    while started.elapsed() < FLOOD {
        // A terminal that is gone has nothing typed; reading from it says so.
        let _ = termios::tcflush(io::stdin(), QueueSelector::IFlush);
        thread::sleep(QUIET);
        if rustix::io::ioctl_fionread(io::stdin()).unwrap_or(0) == 0 {
            return;
        }
    }
}

/// Ends the watching of signals when dropped.
pub(super) struct Watching(Handle);

impl Drop for Watching {
    fn drop(&mut self) {
        self.0.close();
    }
}

/// Columns and rows, 0 when unknown.
pub(super) fn size() -> (u16, u16) {
    termios::tcgetwinsize(io::stdout()).map_or((0, 0), |size| (size.ws_col, size.ws_row))
}

/// Interrupts the line editor of this process, as Ctrl-C would.
pub(super) fn interrupt() {
    // A process may always signal itself.
    let _ = rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::INT);
}
