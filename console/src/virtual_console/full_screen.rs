//! The screen of a program that writes data streams to its console (DIAGNOSE X'58'): kept here, whoever looks at it.
//!
//! ```text
//!   program --- write ---> Space ---> pictures for each terminal, as fast as it takes them
//!   program <--- read ---- Space <--- keys of a terminal: where the cursor is, what was typed
//! ```
//!
//! What a program reads is made from this screen and never passed on from a terminal. While CP has something to say, terminals show that
//! instead (they *break in*); the program goes on meanwhile and does not notice. It is over when the machine writes or reads a line.

use std::sync::Arc;

use super::{AttachmentId, ConsoleEvent, Inner, Role, VirtualConsole};
use crate::preferences::BreakIn;
use crate::presentation::inbound::{Aid, Inbound};
use crate::presentation::outbound::{Command, Effects, StreamError};
use crate::presentation::{Size, Space, query_reply};
use crate::wire::{ConsoleState, LineKind};

/// What a terminal can show.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Display {
    /// Sizes of Erase/Write and Erase/Write Alternate.
    pub sizes: (Size, Size),
    /// Extended colours and highlighting.
    pub extended: bool,
}

impl Display {
    /// What a terminal of text can show whose client draws: the default size, and as much as there is; nothing when that is less.
    /// A terminal with more than 24 rows keeps the last one for the state of the keyboard.
    pub fn of_text(columns: u16, rows: u16) -> Option<Self> {
        let most = Size::MAX_POSITIONS as u16 / columns.max(1);
        let rows = if rows > Size::MODEL_2.rows { rows - 1 } else { rows }.min(most);
        let alternate = Size { rows, columns };
        alternate.is_usable().then_some(Self { sizes: (Size::MODEL_2, alternate), extended: true })
    }

    /// What it answers to a query, from the AID on.
    pub fn query_reply(&self) -> Vec<u8> {
        query_reply(self.sizes, self.extended)
    }
}

/// Why a program's write is not carried out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ScreenRefusal {
    /// The owner's terminal has no screen, or nobody is there.
    #[error("The terminal shows no full screen")]
    NoDisplay,
    /// There is nothing to write into or to read from.
    #[error("No full screen is up")]
    NotUp,
    /// The data stream is wrong; nothing has changed.
    #[error(transparent)]
    Stream(#[from] StreamError),
}

/// What a terminal is to show. Counts tell a terminal that missed some pictures what happened meanwhile.
#[derive(Clone, Debug)]
pub struct Picture {
    pub(crate) space: Arc<Space>,
    /// The program lets the person type.
    pub(crate) unlocked: bool,
    pub(crate) counts: Counts,
}

/// How often it was done so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    pub(crate) erased: u64,
    pub(crate) cursor: u64,
    pub(crate) reset: u64,
    pub(crate) alarms: u64,
}

impl Counts {
    fn add(&mut self, effects: Effects) {
        self.erased += u64::from(effects.erased);
        self.cursor += u64::from(effects.cursor);
        self.reset += u64::from(effects.reset);
        self.alarms += u64::from(effects.alarm);
    }
}

/// A full screen that is up.
pub(super) struct FullScreen {
    /// Which one of this console's.
    id: u64,
    /// Changes so far.
    number: u64,
    display: Display,
    picture: Picture,
    /// A key that the program has not read.
    key: Option<Aid>,
    /// The answer to a query, for the next read.
    reply: Option<Vec<u8>>,
    /// Lines from this one on are held until it is over.
    hold_from: u64,
}

/// What one terminal has of it.
#[derive(Default)]
pub(super) struct Looking {
    pub(super) display: Option<Display>,
    /// The full screen it shows, and up to which change.
    shows: Option<(u64, u64)>,
}

impl Inner {
    fn owners_display(&self) -> Option<Display> {
        let owner = self.terminals.iter().find(|terminal| terminal.role == Role::Owner && terminal.ending.is_none())?;
        owner.looking.display
    }

    /// The line before which a terminal is given lines: those that may not break in wait.
    pub(super) fn lines_until(&self, index: usize) -> u64 {
        let end = self.ring.end();
        match &self.full {
            Some(full) if self.terminals[index].looking.display.is_some() && self.state == ConsoleState::Running => full.hold_from.min(end),
            _ => end,
        }
    }

    /// A line was written: whether it may break in is decided now.
    pub(super) fn let_through(&mut self, kind: LineKind, break_in: BreakIn) {
        let end = self.ring.end();
        if let Some(full) = &mut self.full
            && (break_in == BreakIn::Immediate || kind == LineKind::Warning)
        {
            full.hold_from = end;
        }
    }

    /// The full screen that this terminal shows is over.
    pub(super) fn leave_screen(&mut self, index: usize) -> Option<ConsoleEvent> {
        let up = self.full.as_ref().map(|full| full.id);
        let looking = &mut self.terminals[index].looking;
        let over = looking.shows.is_some_and(|(id, _)| Some(id) != up);
        over.then(|| {
            looking.shows = None;
            ConsoleEvent::LineMode
        })
    }

    /// The screen, when this terminal does not show it as it is.
    pub(super) fn next_picture(&mut self, index: usize) -> Option<ConsoleEvent> {
        let full = self.full.as_ref()?;
        let looking = &mut self.terminals[index].looking;
        let now = Some((full.id, full.number));
        if looking.display.is_none() || looking.shows == now {
            return None;
        }
        looking.shows = now;
        Some(ConsoleEvent::Screen(full.picture.clone()))
    }
}

impl FullScreen {
    fn new(id: u64, display: Display, hold_from: u64) -> Self {
        let picture = Picture { space: Arc::new(Space::new(display.sizes.0)), unlocked: false, counts: Counts::default() };
        Self { id, number: 0, display, picture, key: None, reply: None, hold_from }
    }

    fn write(&mut self, command: Command, data: &[u8]) -> Result<(), StreamError> {
        let effects = Arc::make_mut(&mut self.picture.space).apply(command, data, self.display.sizes)?;
        self.picture.counts.add(effects);
        self.picture.unlocked |= effects.restored;
        if effects.query {
            self.reply = Some(self.display.query_reply());
        }
        self.number += 1;
        Ok(())
    }

    /// The terminal is another one: as after the CLEAR key, on which a program makes its screen anew.
    fn begin_again(&mut self, display: Display) {
        self.display = display;
        self.picture.space = Arc::new(Space::new(display.sizes.0));
        self.picture.unlocked = false;
        self.picture.counts.erased += 1;
        self.key = Some(Aid::Clear);
        self.number += 1;
    }
}

impl VirtualConsole {
    /// What the owner's terminal can show; none when it shows lines only or nobody is there.
    pub fn display(&self) -> Option<Display> {
        self.lock().owners_display()
    }

    /// Whether a program has the screen.
    pub fn has_screen(&self) -> bool {
        self.lock().full.is_some()
    }

    /// Whether a key or an answer waits for the program to read it.
    pub fn has_key(&self) -> bool {
        self.lock().full.as_ref().is_some_and(|full| full.key.is_some() || full.reply.is_some())
    }

    /// A program writes to the screen. A command that erases, or a structured field, takes it.
    ///
    /// # Errors
    /// [`ScreenRefusal`]. A stream that is wrong changes nothing.
    pub fn write_screen(&self, command: Command, data: &[u8]) -> Result<(), ScreenRefusal> {
        let mut inner = self.lock();
        if inner.full.is_none() {
            let display = inner.owners_display().ok_or(ScreenRefusal::NoDisplay)?;
            if !matches!(command, Command::EraseWrite | Command::EraseWriteAlternate | Command::WriteStructuredField) {
                return Err(ScreenRefusal::NotUp);
            }
            let id = inner.next_id;
            inner.next_id += 1;
            let mut full = FullScreen::new(id, display, inner.ring.end());
            full.write(command, data)?;
            inner.full = Some(Box::new(full));
        } else if let Some(full) = &mut inner.full {
            full.write(command, data)?;
        }
        drop(inner);
        self.changed.notify_waiters();
        Ok(())
    }

    /// A program reads the screen. Read Buffer answers at once; the others answer the key that was pressed, or nothing when none was. A key is
    /// read once.
    ///
    /// # Errors
    /// [`ScreenRefusal::NotUp`], and [`ScreenRefusal::Stream`] for a command that reads nothing.
    pub fn read_screen(&self, command: Command) -> Result<Option<Vec<u8>>, ScreenRefusal> {
        let mut inner = self.lock();
        let full = inner.full.as_mut().ok_or(ScreenRefusal::NotUp)?;
        match command {
            Command::ReadBuffer => {
                let key = full.key.take().unwrap_or(Aid::None);
                Ok(Some(full.picture.space.read_buffer(key)))
            }
            Command::ReadModified | Command::ReadModifiedAll => {
                if let Some(reply) = full.reply.take() {
                    return Ok(Some(reply));
                }
                let key = full.key.take();
                Ok(key.map(|key| full.picture.space.read_modified(key, command == Command::ReadModifiedAll)))
            }
            other => Err(StreamError::Command(other.to_byte()).into()),
        }
    }

    /// A key was pressed at a terminal. False when no program has the screen.
    pub fn press(&self, key: &Inbound) -> bool {
        let mut inner = self.lock();
        let Some(full) = &mut inner.full else { return false };
        let space = Arc::make_mut(&mut full.picture.space);
        space.typed(key);
        if key.aid == Aid::Clear {
            // The terminal has emptied itself.
            space.erase(full.display.sizes.0);
            full.picture.counts.erased += 1;
        }
        full.key = Some(key.aid);
        full.picture.unlocked = false;
        full.number += 1;
        drop(inner);
        self.changed.notify_waiters();
        true
    }

    /// The machine goes to line mode.
    pub fn end_screen(&self) {
        if self.lock().full.take().is_some() {
            self.changed.notify_waiters();
        }
    }

    /// Says what a terminal can show. When it is the owner's, and a program has made its screen for another size, the program is given the
    /// CLEAR key: see [`VirtualConsole::has_key`].
    pub(crate) fn set_display(&self, id: AttachmentId, display: Option<Display>) {
        let mut inner = self.lock();
        let Some(terminal) = inner.terminal(id) else { return };
        terminal.looking.display = display;
        if display.is_none() {
            terminal.looking.shows = None;
        }
        let is_owner = terminal.role == Role::Owner;
        if let (true, Some(display), Some(full)) = (is_owner, display, &mut inner.full)
            && full.display.sizes != display.sizes
        {
            full.begin_again(display);
        }
        drop(inner);
        self.changed.notify_waiters();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::presentation::CodePage;
    use crate::virtual_console::{Attachment, Limits};

    const MODEL_2: Display = Display { sizes: (Size::MODEL_2, Size::MODEL_2), extended: true };
    const PAGE: CodePage = CodePage::Cp1047;
    /// An input field at 1 after an attribute at 0, the cursor in it.
    const FORM: [u8; 6] = [0xc3, 0x1d, 0x40, 0x13, 0x1d, 0x60];

    fn attached(role: Role) -> (Arc<VirtualConsole>, Attachment) {
        let console = VirtualConsole::new(Limits::default());
        let terminal = console.attach(role);
        terminal.set_display(Some(MODEL_2));
        (console, terminal)
    }

    fn told(terminal: &mut Attachment) -> Vec<String> {
        std::iter::from_fn(|| terminal.try_next())
            .flat_map(|event| match event {
                ConsoleEvent::Lines(lines) => lines.into_iter().map(|line| line.text).collect(),
                ConsoleEvent::Screen(picture) => vec![format!("[{}]", picture.space.row_text(0, PAGE))],
                other => vec![format!("{other:?}")],
            })
            .collect()
    }

    fn key(aid: Aid, field: usize, text: &str) -> Inbound {
        Inbound { aid, cursor: field, fields: vec![(field, PAGE.encode_text(text))] }
    }

    #[test]
    fn a_program_writes_and_reads_what_was_typed() {
        let (console, mut terminal) = attached(Role::Owner);
        let form = [0xc3, 0x1d, 0x40, 0x13];
        assert_eq!(console.write_screen(Command::Write, &form), Err(ScreenRefusal::NotUp));
        console.write_screen(Command::EraseWrite, &form).unwrap();
        assert_eq!(told(&mut terminal), ["[]", "State(Running)"]);
        assert_eq!(console.read_screen(Command::ReadModified), Ok(None));
        assert!(console.press(&key(Aid::Pf(3), 1, "typed")));
        assert!(console.has_key());
        let read = console.read_screen(Command::ReadModified).unwrap().unwrap();
        let inbound = Inbound::parse(&read, Size::MODEL_2).unwrap();
        assert_eq!((inbound.aid, inbound.field(1)), (Aid::Pf(3), Some(&PAGE.encode_text("typed")[..])));
        assert_eq!(console.read_screen(Command::ReadModified), Ok(None), "a key is read once");
        assert_eq!(console.read_screen(Command::ReadBuffer).unwrap().unwrap().len(), 3 + 1920 + 1);
        assert_eq!(told(&mut terminal), ["[ typed]"]);
        console.end_screen();
        assert_eq!(told(&mut terminal), ["LineMode"]);
        assert_eq!(console.read_screen(Command::ReadModified), Err(ScreenRefusal::NotUp));
        assert!(!console.press(&key(Aid::Enter, 1, "x")));
    }

    #[test]
    fn a_terminal_without_a_screen_is_given_lines_only() {
        let console = VirtualConsole::new(Limits::default());
        assert_eq!(console.write_screen(Command::EraseWrite, &FORM), Err(ScreenRefusal::NoDisplay));
        let mut script = console.attach(Role::Owner);
        assert_eq!(console.write_screen(Command::EraseWrite, &FORM), Err(ScreenRefusal::NoDisplay));
        script.set_display(Some(MODEL_2));
        console.write_screen(Command::EraseWrite, &FORM).unwrap();
        let mut observer = console.attach(Role::Observer);
        console.write(LineKind::Cp, "said");
        assert_eq!(told(&mut observer), ["said", "State(Running)"]);
        assert_eq!(told(&mut script), ["said", "[]", "State(Running)"]);
    }

    #[test]
    fn lines_that_may_not_break_in_wait_for_a_warning_or_the_end_or_cp() {
        let (console, mut terminal) = attached(Role::Owner);
        console.prefer(|preferences| preferences.break_in = BreakIn::GuestControl);
        console.write(LineKind::Guest, "before");
        console.write_screen(Command::EraseWrite, &FORM).unwrap();
        console.write(LineKind::Message, "one");
        assert_eq!(told(&mut terminal), ["before", "[]", "State(Running)"]);
        console.write(LineKind::Warning, "two");
        assert_eq!(told(&mut terminal), ["one", "two"]);
        console.write(LineKind::Message, "three");
        assert_eq!(told(&mut terminal), [""; 0]);
        console.set_state(ConsoleState::CpRead);
        assert_eq!(told(&mut terminal), ["three", "State(CpRead)"]);
        console.set_state(ConsoleState::Running);
        console.write(LineKind::Message, "four");
        console.end_screen();
        console.write(LineKind::Guest, "Ready;");
        assert_eq!(told(&mut terminal), ["LineMode", "four", "Ready;", "State(Running)"]);
    }

    #[test]
    fn a_terminal_of_text_shows_what_fits() {
        let size = |columns, rows| Display::of_text(columns, rows).map(|display| (display.sizes.1.columns, display.sizes.1.rows));
        assert_eq!((size(80, 24), size(80, 25), size(132, 50)), (Some((80, 24)), Some((80, 24)), Some((132, 49))));
        assert_eq!((size(79, 50), size(80, 23), size(0, 0), size(600, 40)), (None, None, None, Some((600, 27))));
    }

    #[test]
    fn another_screen_of_the_same_console_is_another() {
        let (console, mut terminal) = attached(Role::Owner);
        console.write_screen(Command::EraseWrite, &FORM).unwrap();
        told(&mut terminal);
        console.end_screen();
        console.write(LineKind::Guest, "between");
        console.write_screen(Command::EraseWrite, &FORM).unwrap();
        assert_eq!(told(&mut terminal), ["LineMode", "between", "[]"]);
    }

    #[test]
    fn another_size_is_the_clear_key_and_the_same_size_shows_the_screen_again() {
        let (console, terminal) = attached(Role::Owner);
        console.write_screen(Command::EraseWrite, &[&FORM[..], &PAGE.encode_text("kept")].concat()).unwrap();
        drop(terminal);
        let mut again = console.attach(Role::Owner);
        again.set_display(Some(MODEL_2));
        assert_eq!(told(&mut again)[0], "[  kept]");
        assert!(!console.has_key());
        again.set_display(Some(Display { sizes: (Size::MODEL_2, Size::MODEL_4), ..MODEL_2 }));
        assert_eq!(told(&mut again), ["[]"]);
        assert_eq!(console.read_screen(Command::ReadModified), Ok(Some(vec![Aid::Clear.to_byte()])));
    }

    #[test]
    fn a_query_is_answered_by_cp() {
        let (console, _terminal) = attached(Role::Owner);
        console.write_screen(Command::WriteStructuredField, &[0, 5, 1, 0xff, 2]).unwrap();
        let reply = console.read_screen(Command::ReadModified).unwrap().unwrap();
        assert_eq!((reply[0], reply[3], reply[4]), (0x88, 0x81, 0x80));
    }

    #[test]
    fn a_wrong_stream_changes_nothing_and_takes_no_screen() {
        let (console, mut terminal) = attached(Role::Owner);
        let wrong = [0xc3, 0x11, 0x7f, 0x7f];
        assert_eq!(console.write_screen(Command::EraseWrite, &wrong), Err(ScreenRefusal::Stream(StreamError::Address(4095))));
        assert!(!console.has_screen());
        console.write_screen(Command::EraseWrite, &FORM).unwrap();
        told(&mut terminal);
        assert!(console.write_screen(Command::EraseWrite, &wrong).is_err());
        assert_eq!(told(&mut terminal), [""; 0]);
    }
}
