//! The screens of programs on their way to a client that draws them, and its keys on their way back.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::Session;
use crate::presentation::inbound::{Aid, Inbound};
use crate::presentation::{Painter, Size};
use crate::showing::{PROGRAMS, Showing};
use crate::virtual_console::{Attachment, AttachmentId, Display, Picture};
use crate::wire::{Reply, Terminal};

/// A terminal that is attached, and what it shows of a program's screen.
pub(super) struct Attached {
    pub(super) attachment: Attachment,
    pub(super) screen: Arc<ScreenOf>,
}

impl Attached {
    pub(super) fn new(attachment: Attachment, terminal: Terminal) -> Self {
        let display = Display::of_text(terminal.columns, terminal.rows).filter(|_| terminal.draws);
        attachment.set_display(display);
        let screen = ScreenOf { id: attachment.id(), draws: terminal.draws, state: Mutex::new(display.map(State::new)) };
        Self { attachment, screen: Arc::new(screen) }
    }
}

/// Between the task that shows and the one that listens.
pub(super) struct ScreenOf {
    id: AttachmentId,
    draws: bool,
    /// Nothing: the terminal is too small, or shows lines only.
    state: Mutex<Option<State>>,
}

struct State {
    size: Size,
    showing: Showing,
}

impl State {
    fn new(display: Display) -> Self {
        let painter = Painter { extended: display.extended, sizes: display.sizes };
        Self { size: display.sizes.1, showing: Showing::new(painter, PROGRAMS) }
    }
}

impl ScreenOf {
    fn state(&self) -> MutexGuard<'_, Option<State>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What the client is told to show the picture, and whether it is to send each key by itself.
    pub(super) fn follow(&self, picture: &Picture, single_keys: bool) -> Option<Reply> {
        let mut state = self.state();
        let State { size, showing } = state.as_mut()?;
        let data = showing.follow(picture)?;
        Some(Reply::Screen { rows: size.rows, columns: size.columns, data, single_keys })
    }

    /// The client shows lines.
    pub(super) fn covered(&self) {
        if let Some(state) = &mut *self.state() {
            state.showing.covered();
        }
    }

    /// A key of the client's; what makes no sense is none.
    pub(super) fn pressed(&self, sent: &[u8]) -> Option<Inbound> {
        let mut state = self.state();
        let State { size, showing } = state.as_mut()?;
        match Inbound::parse(sent, *size) {
            Ok(Inbound { aid: Aid::StructuredField | Aid::None, .. }) => None,
            Ok(key) => Some(showing.pressed(key)),
            Err(error) => {
                tracing::debug!(%error, "A client sent what is no key");
                None
            }
        }
    }

    /// The client's terminal has another size.
    pub(super) fn resize(&self, session: &Session, columns: u16, rows: u16) {
        if !self.draws {
            return;
        }
        let display = Display::of_text(columns, rows);
        *self.state() = display.map(State::new);
        session.console.set_display(self.id, display);
    }
}
