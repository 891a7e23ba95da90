//! The terminal side of the unix socket: `cp64 logon`, `cp64 cp`, `cp64 punch` and the operator screen's view.
//!
//! Blocking, on plain threads. Knows [`crate::wire`] and the terminal, nothing of CP.

mod call;
mod editor;
mod full_screen;
mod interactive;
mod look;
mod names;
mod paint;
mod screen;
mod script;
mod terminal;

use std::io::{self, BufWriter, IsTerminal, Read, Write};
use std::path::{Path, PathBuf};

use crate::wire::{Ending, Logon, Request, Terminal};

pub(crate) use call::Sender;
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

/// Logs on, is the user's console until the session ends, and answers how it did. With standard input and output at a terminal this is
/// the line client, otherwise [`script`]; who only observes gets the lines and reads no input.
///
/// At a terminal, what stands before the line being typed is the console's state: `VM>` the guest reads (VM READ), `CP>` CP reads and the
/// machine waits (CP READ), `...` the machine runs (RUNNING) and takes the line when it reads next. A guest's own prompt stands there
/// instead of `VM>`. Ctrl-C is the attention key (PA1), Ctrl-D twice disconnects, TAB completes command names, a line that begins with a
/// blank is not remembered. TAB also completes names and types of the user's files, which CP tells beside the session: no TAB waits for a disk.
///
/// # Errors
/// No CP answers on `socket`, it refuses, or the connection is lost. [`ClientError::exit_code`] is the program's exit code then.
pub fn logon(socket: &Path, mut options: Options) -> Result<Ending, ClientError> {
    let plain = terminal::is_plain(std::env::var("TERM").ok().as_deref());
    let interactive = !plain && io::stdin().is_terminal() && io::stdout().is_terminal();
    if options.logon.observe && !interactive {
        let connection = Connection::open(socket, Request::Logon(options.logon))?;
        return look::run(connection, &mut BufWriter::new(io::stdout()), &mut io::stderr());
    }
    if !interactive {
        return script(socket, options.logon, io::stdin(), &mut BufWriter::new(io::stdout()), &mut io::stderr());
    }
    let (columns, rows) = terminal::size();
    options.logon.terminal = Terminal { columns, rows, script: false, draws: true };
    let connection = Connection::open(socket, Request::Logon(options.logon.clone()))?;
    interactive::run(connection, options)
}

/// A session that is not at a terminal: each line of `input` is sent when the guest or CP reads, a password prompt takes a line like any
/// other read, output comes out as plain lines. When the input has ended and the next read is up, the session is logged off; likewise
/// when `output` turns out to be closed. `notices` gets what is not the session's output.
///
/// # Errors
/// As [`logon`].
pub fn script(
    socket: &Path,
    mut logon: Logon,
    input: impl Read + Send + 'static,
    output: &mut impl Write,
    notices: &mut impl Write,
) -> Result<Ending, ClientError> {
    logon.terminal = Terminal { columns: 0, rows: 0, script: true, draws: false };
    script::run(Connection::open(socket, Request::Logon(logon))?, input, output, notices)
}
