//! The operator screen: OPERATOR's console and live pictures of machines, processors and spool on one terminal.
//!
//! It is a client like any other: it reaches CP over the unix socket only, by [`crate::wire`]. Inside, `update` and
//! `draw` are pure; `app` is the loop between them, `link` the sockets, `terminal` the real terminal.

mod app;
mod completion;
mod draw;
mod editor;
mod figures;
mod held;
mod history;
mod layout;
mod link;
mod panes;
mod session;
mod state;
mod table;
mod terminal;
mod text;
mod theme;
mod transcript;
mod update;

#[cfg(test)]
mod tests;

use std::io;
use std::path::{Path, PathBuf};
use std::sync::mpsc::sync_channel;
use std::time::Instant;

use crossterm::terminal::{BeginSynchronizedUpdate, EndSynchronizedUpdate};
use crossterm::{execute, queue};
use thiserror::Error;

use crate::client::ClientError;

pub use completion::Word;
pub use theme::Look;

/// Events that may wait; a connection that sends faster than this is read slower.
const QUEUE: usize = 1024;

/// How the screen is to behave.
#[derive(Clone, Debug)]
pub struct Options {
    /// The screen's process runs the system: leaving means SHUTDOWN, there is nothing to detach from.
    pub owns_system: bool,
    /// How it looks. The environment's `NO_COLOR` means [`Look::Plain`] whatever this says.
    pub look: Look,
    /// Go through the consoles of the machines that pass this filter (`STUD*`), one after the other, from the beginning.
    pub tour: Option<String>,
    /// Where commands are kept from one time to the next; made when it is not there.
    pub history: Option<PathBuf>,
    /// CP's commands in the order of its table, for TAB and for the meaning of abbreviations.
    pub words: Vec<Word>,
    /// The help text of a command by its full name in capitals.
    pub help: fn(&str) -> Option<String>,
}

impl Default for Options {
    fn default() -> Self {
        Self { owns_system: false, look: Look::Dark, tour: None, history: None, words: Vec::new(), help: |_| None }
    }
}

/// How the screen was left. The terminal is as it was before in every case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ending {
    /// The operator detached; the system goes on.
    Detached,
    /// The system was shut down.
    Shutdown,
    /// The connection to CP was lost: the reason.
    Lost(String),
    /// This process got SIGTERM, SIGHUP or SIGINT (or its terminal hung up): the signal's number. They stay caught after the screen is
    /// left; a caller that goes on decides what they mean.
    Signal(i32),
}

/// Why there is no screen.
#[derive(Debug, Error)]
pub enum OperatorError {
    /// Standard input or output is a file or a pipe.
    #[error("The operator screen needs a terminal; use `cp64 cp COMMAND` in scripts")]
    NotATerminal,
    /// CP does not answer at its socket.
    #[error(transparent)]
    Connect(ClientError),
    /// The terminal refuses to be used.
    #[error("The terminal cannot be used")]
    Terminal(#[source] io::Error),
}

/// Shows the operator screen on this process's terminal until it is left.
///
/// Attaches to OPERATOR's console and watches the system at `socket`. While it runs, nothing else may write to the terminal: logs belong
/// in a file. A panic of another thread is shown on the screen and printed to standard error afterwards.
pub fn run(socket: &Path, options: Options) -> Result<Ending, OperatorError> {
    if !terminal::is_there() {
        return Err(OperatorError::NotATerminal);
    }
    let size = crossterm::terminal::size().map_err(OperatorError::Terminal)?;
    let plain = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    let look = if plain { Look::Plain } else { options.look };
    let mut state = state::State::new(size, look, options.owns_system, options.words, options.help);
    if let Some(filter) = options.tour {
        update::begin_tour(&mut state, &filter);
    }
    let (sender, receiver) = sync_channel(QUEUE);
    let mut app = app::App::new(state, link::Socket::new(socket), sender.clone(), options.history);
    app.start().map_err(OperatorError::Connect)?;

    let mut screen = terminal::Screen::enter(&sender).map_err(OperatorError::Terminal)?;
    // The keyboard and signal threads hold senders of their own.
    drop(sender);
    let started = Instant::now();
    app.run(
        &mut screen.terminal,
        receiver,
        || started.elapsed(),
        |terminal, state| {
            // Terminals that know synchronized updates show whole pictures only.
            queue!(terminal.backend_mut(), BeginSynchronizedUpdate)?;
            app::picture(terminal, state)?;
            execute!(terminal.backend_mut(), EndSynchronizedUpdate)
        },
    )
    .map_err(OperatorError::Terminal)
}
