//! What the typing thread and the showing thread of a terminal session share.
//!
//! One thread is in the line editor, the other shows what arrives. While the editor is drawn, text goes through its printer, which moves
//! the line being typed out of the way; while it is not, text is written directly. The two must not overtake each other:
//! the printer's queue is only known to be empty when something behind the text was taken from it too ([`BEHIND`]).
//! Lock order: only one lock here, and nothing is called with it held but writes to the terminal.

use std::io::{self, Write};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use rustyline::ExternalPrinter;

use super::call::ClientError;
use super::terminal;
use crate::wire::{ConsoleState, Ending};

/// Sent through the printer behind a text, to see that the text was taken: up one line and down again, which shows nothing.
const BEHIND: &str = "\x1b[A\n";

/// How long an interrupt that this program sent itself may take to arrive as a signal.
const OWN_INTERRUPT: Duration = Duration::from_millis(500);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// Nobody edits; text is written directly.
    Idle,
    /// The editor is starting and not drawn yet; text waits.
    Entering,
    /// The editor is drawn; text goes through its printer.
    Editing,
}

#[derive(Debug)]
struct View {
    phase: Phase,
    /// Text may still be in the printer's queue.
    queued: bool,
    state: ConsoleState,
    /// The guest's prompt for the read that is up.
    prompt: Option<String>,
    /// What is typed now is not shown, even if the read goes away meanwhile.
    secret: bool,
    /// Something is typed already.
    typed: bool,
    /// Something was typed since the edit began.
    touched: bool,
    /// The edit ended with the key that leaves.
    left: bool,
    /// The editor was interrupted by this program, not by the user.
    woken: bool,
    last_wake: Option<Instant>,
    /// The editor is given up; whatever comes is written directly.
    leaving: bool,
    /// How the session ended.
    ended: Option<Result<Ending, ClientError>>,
    over: bool,
}

/// The shared state of one terminal session.
#[derive(Debug)]
pub(super) struct Screen {
    view: Mutex<View>,
    changed: Condvar,
}

/// How an edit went, seen from the screen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Edited {
    /// What was typed is a secret.
    pub(super) secret: bool,
    /// Something was typed, even if it was deleted again.
    pub(super) touched: bool,
    /// It ended with the key that leaves (Ctrl-D on an empty line).
    pub(super) left: bool,
    /// The interrupt was this program's own.
    pub(super) woken: bool,
}

impl Screen {
    pub(super) fn new() -> Self {
        Self {
            view: Mutex::new(View {
                phase: Phase::Idle,
                queued: false,
                state: ConsoleState::Running,
                prompt: None,
                secret: false,
                typed: false,
                touched: false,
                left: false,
                woken: false,
                last_wake: None,
                leaving: false,
                ended: None,
                over: false,
            }),
            changed: Condvar::new(),
        }
    }

    fn lock(&self) -> MutexGuard<'_, View> {
        self.view.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wait<'a>(&self, view: MutexGuard<'a, View>, most: Duration) -> MutexGuard<'a, View> {
        self.changed.wait_timeout(view, most).unwrap_or_else(PoisonError::into_inner).0
    }

    // The typing thread.

    /// Waits for a read, at most `patience`, and begins an edit. Answers the guest's prompt, if the read has one. `None`: the session is over.
    pub(super) fn begin_edit(&self, patience: Duration) -> Option<Option<String>> {
        let deadline = Instant::now() + patience;
        let mut view = self.lock();
        while view.state == ConsoleState::Running && !view.queued && !view.over {
            let Some(left) = deadline.checked_duration_since(Instant::now()) else {
                break;
            };
            view = self.wait(view, left);
        }
        if view.over {
            return None;
        }
        view.phase = Phase::Entering;
        view.typed = false;
        view.touched = false;
        view.left = false;
        view.woken = false;
        view.secret = view.state == ConsoleState::VmRead { hidden: true };
        Some(view.prompt.take())
    }

    /// The editor returned.
    pub(super) fn end_edit(&self) -> Edited {
        let mut view = self.lock();
        view.phase = Phase::Idle;
        let edited = Edited { secret: view.secret, touched: view.touched, left: view.left, woken: view.woken };
        view.woken = false;
        self.changed.notify_all();
        edited
    }

    /// A line or attention was sent: the read that was up is answered.
    pub(super) fn answered(&self) {
        let mut view = self.lock();
        view.state = ConsoleState::Running;
        view.prompt = None;
        view.secret = false;
    }

    /// What is typed next is a secret (a password before there is a session).
    pub(super) fn ask_secret(&self) {
        self.lock().state = ConsoleState::VmRead { hidden: true };
    }

    /// No edit begins any more.
    pub(super) fn leave(&self) {
        self.lock().leaving = true;
        self.changed.notify_all();
    }

    /// How the session ended, once; waits for it at most so long.
    pub(super) fn ending(&self, patience: Duration) -> Option<Result<Ending, ClientError>> {
        let deadline = Instant::now() + patience;
        let mut view = self.lock();
        while !view.over {
            let left = deadline.checked_duration_since(Instant::now())?;
            view = self.wait(view, left);
        }
        view.ended.take()
    }

    // The editor, on the typing thread.

    /// The editor draws its line; answers the state to draw it for.
    pub(super) fn drawn(&self) -> ConsoleState {
        let mut view = self.lock();
        if view.phase == Phase::Entering {
            view.phase = Phase::Editing;
            self.changed.notify_all();
        }
        view.state
    }

    pub(super) fn is_secret(&self) -> bool {
        self.lock().secret
    }

    pub(super) fn typed(&self, something: bool) {
        let mut view = self.lock();
        view.typed = something;
        view.touched |= something;
    }

    /// The key that leaves was pressed on an empty line.
    pub(super) fn left(&self) {
        self.lock().left = true;
    }

    // The showing thread.

    /// Shows text that ends with a line end.
    pub(super) fn show(&self, text: &str, printer: &mut impl ExternalPrinter) -> io::Result<()> {
        let mut view = self.lock();
        loop {
            match view.phase {
                Phase::Idle if !view.queued || view.leaving => {
                    let mut output = io::stdout().lock();
                    output.write_all(text.as_bytes())?;
                    return output.flush();
                }
                Phase::Editing => break,
                Phase::Idle | Phase::Entering => view = self.wait(view, Duration::from_secs(1)),
            }
        }
        view.queued = true;
        drop(view);
        let printed = printer.print(text.to_owned()).and_then(|()| printer.print(BEHIND.to_owned()));
        let mut view = self.lock();
        // A printer whose editor was given up fails; the text that was in it is lost.
        if !view.leaving {
            printed.map_err(super::editor::io_error)?;
        }
        if view.phase == Phase::Editing {
            view.queued = false;
        }
        Ok(())
    }

    /// Has the editor, if it is drawn, draw its line for the state that holds now.
    pub(super) fn redraw(&self, printer: &mut impl ExternalPrinter) -> io::Result<()> {
        if self.lock().phase != Phase::Editing {
            return Ok(());
        }
        match printer.print(BEHIND.to_owned()) {
            Err(error) if !self.lock().leaving => Err(super::editor::io_error(error)),
            _ => Ok(()),
        }
    }

    /// The console's state, and the guest's prompt for it. A prompt that comes while a line is being typed is handed back, to be shown as a line.
    pub(super) fn set_state(&self, state: ConsoleState, prompt: Option<String>) -> Option<String> {
        let mut view = self.lock();
        view.state = state;
        view.secret |= state == ConsoleState::VmRead { hidden: true };
        let rejected = match (prompt, view.phase) {
            (None, _) => None,
            (Some(prompt), Phase::Idle) => {
                view.prompt = Some(prompt);
                None
            }
            (Some(prompt), _) if !view.typed => {
                view.prompt = Some(prompt);
                self.wake(&mut view);
                None
            }
            (prompt, _) => prompt,
        };
        self.changed.notify_all();
        rejected
    }

    fn wake(&self, view: &mut View) {
        view.woken = true;
        view.last_wake = Some(Instant::now());
        terminal::interrupt();
    }

    /// The session is over: the typing thread is fetched out of the editor.
    pub(super) fn end(&self, ended: Result<Ending, ClientError>) {
        let mut view = self.lock();
        view.ended = Some(ended);
        view.over = true;
        self.changed.notify_all();
        // Again and again, for an interrupt before the editor listens is lost.
        while view.phase != Phase::Idle {
            self.wake(&mut view);
            view = self.wait(view, Duration::from_millis(50));
        }
    }

    // The signal thread.

    /// Whether a SIGINT is the user's.
    pub(super) fn is_users_interrupt(&self) -> bool {
        self.lock().last_wake.is_none_or(|wake| wake.elapsed() > OWN_INTERRUPT)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const READ: ConsoleState = ConsoleState::VmRead { hidden: false };

    #[test]
    fn an_edit_begins_at_the_read_with_the_guests_prompt() {
        let screen = Screen::new();
        assert_eq!(screen.set_state(READ, Some("Name: ".into())), None);
        assert_eq!(screen.begin_edit(Duration::ZERO), Some(Some("Name: ".into())));
        screen.drawn();
        assert_eq!(screen.end_edit(), Edited { secret: false, touched: false, left: false, woken: false });
        screen.answered();
        assert_eq!(screen.begin_edit(Duration::ZERO), Some(None), "a prompt is used once");
    }

    #[test]
    fn a_prompt_does_not_disturb_a_line_being_typed() {
        let screen = Screen::new();
        screen.begin_edit(Duration::ZERO);
        screen.drawn();
        screen.typed(true);
        assert_eq!(screen.set_state(READ, Some("Name: ".into())), Some("Name: ".into()));
    }

    #[test]
    fn what_is_typed_at_a_hidden_read_stays_secret_until_it_is_sent() {
        let screen = Screen::new();
        screen.begin_edit(Duration::ZERO);
        screen.set_state(ConsoleState::VmRead { hidden: true }, None);
        screen.set_state(ConsoleState::Running, None);
        assert!(screen.is_secret());
        assert!(screen.end_edit().secret);
        screen.answered();
        screen.begin_edit(Duration::ZERO);
        assert!(!screen.is_secret());
    }

    #[test]
    fn no_edit_begins_after_the_end() {
        let screen = Screen::new();
        screen.end(Ok(Ending::LoggedOff));
        assert_eq!(screen.begin_edit(Duration::from_secs(60)), None);
        assert!(matches!(screen.ending(Duration::ZERO), Some(Ok(Ending::LoggedOff))));
    }
}
