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
use super::full_screen::{FullScreen, Left};
use super::names::Names;
use super::terminal;
use crate::presentation::Size;
use crate::wire::{ClientFrame, ConsoleState, Ending};

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
    /// A program's screen is on the terminal; text waits until it is left.
    Program,
}

/// Whose the terminal is beside CP and the line being typed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Program {
    /// The machine's lines.
    None,
    /// A program has the screen.
    Shown,
    /// It has, but lines took its place.
    Covered {
        /// CP reads: the screen comes back by itself when it does not any more.
        by_cp: bool,
    },
}

/// What the typing thread does next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Begin {
    /// Edits a line, behind the guest's prompt if the read has one.
    Edit(Option<String>),
    /// Shows the program's screen.
    Program,
    /// The session is over.
    Over,
}

#[derive(Debug)]
struct View {
    phase: Phase,
    program: Program,
    /// It was not said yet how the program's screen comes back.
    tell: bool,
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
    full: FullScreen,
    names: Mutex<Names>,
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
    pub(super) fn new(colour: bool) -> io::Result<Self> {
        Ok(Self {
            view: Mutex::new(View {
                phase: Phase::Idle,
                program: Program::None,
                tell: false,
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
            full: FullScreen::new(colour)?,
            names: Mutex::default(),
        })
    }

    fn lock(&self) -> MutexGuard<'_, View> {
        self.view.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The files that the session has shown.
    pub(super) fn names(&self) -> MutexGuard<'_, Names> {
        self.names.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wait<'a>(&self, view: MutexGuard<'a, View>, most: Duration) -> MutexGuard<'a, View> {
        self.changed.wait_timeout(view, most).unwrap_or_else(PoisonError::into_inner).0
    }

    // The typing thread.

    /// Waits for a read, at most `patience`, and begins an edit; or a program's screen.
    pub(super) fn begin_edit(&self, patience: Duration) -> Begin {
        let deadline = Instant::now() + patience;
        let mut view = self.lock();
        while view.state == ConsoleState::Running && !view.queued && !view.over && view.program != Program::Shown {
            let Some(left) = deadline.checked_duration_since(Instant::now()) else {
                break;
            };
            view = self.wait(view, left);
        }
        if view.over {
            return Begin::Over;
        }
        if view.program == Program::Shown {
            view.phase = Phase::Program;
            return Begin::Program;
        }
        view.phase = Phase::Entering;
        view.typed = false;
        view.touched = false;
        view.left = false;
        view.woken = false;
        view.secret = view.state == ConsoleState::VmRead { hidden: true };
        Begin::Edit(view.prompt.take())
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

    /// Shows the program's screen until it is to be left.
    pub(super) fn show_program(&self, send: impl Fn(ClientFrame) -> bool) -> io::Result<Left> {
        let left = self.full.run(send);
        self.lock().phase = Phase::Idle;
        self.changed.notify_all();
        left
    }

    /// What is to be said before a line is edited: how a program's screen that lines took the place of comes back.
    pub(super) fn way_back(&self) -> Option<&'static str> {
        let mut view = self.lock();
        if !std::mem::take(&mut view.tell) {
            return None;
        }
        match view.program {
            Program::Covered { by_cp: true } => Some("BEGIN goes back to the program's screen."),
            Program::Covered { by_cp: false } => Some("ENTER goes back to the program's screen."),
            _ => None,
        }
    }

    /// An empty line was entered: whether that brings a program's screen back.
    pub(super) fn back_to_program(&self) -> bool {
        let mut view = self.lock();
        let back = view.program == Program::Covered { by_cp: false } && view.state == ConsoleState::Running;
        if back {
            view.program = Program::Shown;
        }
        back
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

    /// A program writes to its screen, and says whether it takes each key by itself; the first time it takes the terminal.
    pub(super) fn program_writes(&self, data: &[u8], size: Size, single_keys: bool) {
        self.full.obey(data, size, single_keys);
        let mut view = self.lock();
        if view.program == Program::None {
            view.program = Program::Shown;
            self.fetch(view);
        }
    }

    /// The program has given its screen up.
    pub(super) fn program_leaves(&self) {
        let mut view = self.lock();
        view.program = Program::None;
        view.tell = false;
        if view.phase == Phase::Program {
            drop(self.uncover(view));
        }
        self.full.forget();
    }

    /// Lines are to stand where the program's screen is. Waits until the typing thread has left it.
    fn uncover<'a>(&'a self, mut view: MutexGuard<'a, View>) -> MutexGuard<'a, View> {
        while view.phase == Phase::Program && !view.leaving {
            self.full.leave();
            view = self.wait(view, Duration::from_millis(50));
        }
        view
    }

    /// Lines take the place of the program's screen, if it is there.
    fn cover<'a>(&'a self, mut view: MutexGuard<'a, View>, by_cp: bool) -> MutexGuard<'a, View> {
        if view.program == Program::Shown {
            view.program = Program::Covered { by_cp };
            view.tell = true;
            view = self.uncover(view);
        }
        view
    }

    /// Fetches the typing thread out of the editor. Again and again, for an interrupt before the editor listens is lost.
    fn fetch<'a>(&'a self, mut view: MutexGuard<'a, View>) {
        while matches!(view.phase, Phase::Entering | Phase::Editing) {
            self.wake(&mut view);
            view = self.wait(view, Duration::from_millis(50));
        }
        self.changed.notify_all();
    }

    /// Shows text that ends with a line end.
    pub(super) fn show(&self, text: &str, printer: &mut impl ExternalPrinter) -> io::Result<()> {
        let mut view = self.cover(self.lock(), false);
        loop {
            match view.phase {
                Phase::Idle if !view.queued || view.leaving => {
                    let mut output = io::stdout().lock();
                    output.write_all(text.as_bytes())?;
                    return output.flush();
                }
                Phase::Editing => break,
                Phase::Idle | Phase::Entering | Phase::Program => view = self.wait(view, Duration::from_secs(1)),
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
        if state != ConsoleState::Running {
            view = self.cover(view, true);
        } else if view.program == (Program::Covered { by_cp: true }) {
            view.program = Program::Shown;
            view.state = state;
            self.fetch(view);
            return prompt;
        }
        if state != ConsoleState::Running && view.program == (Program::Covered { by_cp: false }) {
            (view.program, view.tell) = (Program::Covered { by_cp: true }, true);
        }
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
        view.program = Program::None;
        self.changed.notify_all();
        let view = self.uncover(view);
        self.fetch(view);
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
        let screen = Screen::new(false).unwrap();
        assert_eq!(screen.set_state(READ, Some("Name: ".into())), None);
        assert_eq!(screen.begin_edit(Duration::ZERO), Begin::Edit(Some("Name: ".into())));
        screen.drawn();
        assert_eq!(screen.end_edit(), Edited { secret: false, touched: false, left: false, woken: false });
        screen.answered();
        assert_eq!(screen.begin_edit(Duration::ZERO), Begin::Edit(None), "a prompt is used once");
    }

    #[test]
    fn a_prompt_does_not_disturb_a_line_being_typed() {
        let screen = Screen::new(false).unwrap();
        screen.begin_edit(Duration::ZERO);
        screen.drawn();
        screen.typed(true);
        assert_eq!(screen.set_state(READ, Some("Name: ".into())), Some("Name: ".into()));
    }

    #[test]
    fn what_is_typed_at_a_hidden_read_stays_secret_until_it_is_sent() {
        let screen = Screen::new(false).unwrap();
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
    fn a_programs_screen_is_shown_until_lines_or_cp_take_its_place() {
        let screen = Screen::new(false).unwrap();
        let mut nobody = Nobody;
        let begin = |screen: &Screen| {
            let begin = screen.begin_edit(Duration::ZERO);
            // As when the editor or the screen is left at once.
            screen.end_edit();
            begin
        };
        screen.program_writes(&[0xf5, 0xc3], Size::MODEL_2, false);
        assert_eq!(begin(&screen), Begin::Program);
        screen.show("* MSG\n", &mut nobody).unwrap();
        assert_eq!((begin(&screen), screen.way_back()), (Begin::Edit(None), Some("ENTER goes back to the program's screen.")));
        assert_eq!(screen.way_back(), None, "said once");
        assert!(screen.back_to_program() && !screen.back_to_program());
        assert_eq!(begin(&screen), Begin::Program);
        screen.set_state(ConsoleState::CpRead, None);
        assert!(screen.way_back().is_some_and(|text| text.starts_with("BEGIN")) && !screen.back_to_program());
        assert_eq!(begin(&screen), Begin::Edit(None));
        screen.set_state(ConsoleState::Running, None);
        assert_eq!(begin(&screen), Begin::Program);
        screen.program_leaves();
        screen.set_state(READ, None);
        assert_eq!(begin(&screen), Begin::Edit(None));
    }

    /// A printer that nothing goes through.
    struct Nobody;

    impl ExternalPrinter for Nobody {
        fn print(&mut self, text: String) -> rustyline::Result<()> {
            panic!("{text} goes through the editor")
        }
    }

    #[test]
    fn no_edit_begins_after_the_end() {
        let screen = Screen::new(false).unwrap();
        screen.end(Ok(Ending::LoggedOff));
        assert_eq!(screen.begin_edit(Duration::from_secs(60)), Begin::Over);
        assert!(matches!(screen.ending(Duration::ZERO), Some(Ok(Ending::LoggedOff))));
    }
}
