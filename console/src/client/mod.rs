//! The terminal side of the unix socket: `cp64 logon`, `cp64 cp`, `cp64 punch` and the operator screen's view.
//!
//! Blocking, on plain threads. Knows [`crate::wire`] and the terminal, nothing of CP.

mod call;

use std::path::PathBuf;

use crate::wire::Logon;

pub use call::{ClientError, Connection, Watch, command, exit_code, punch, watch};

/// How a terminal session looks and what it knows.
#[derive(Clone, Debug)]
pub struct Options {
    /// Whom to log on as, and how. `terminal` is filled in here.
    pub logon: Logon,
    /// File that keeps entered lines for the next session; none: not kept. Secrets never get there.
    pub history: Option<PathBuf>,
    /// Words that TAB completes at the beginning of a line (command names, in upper case).
    pub words: Vec<String>,
    /// No colour, whatever the terminal can. `NO_COLOR` in the environment means the same.
    pub no_color: bool,
}
