//! The program behind a session from elsewhere: the same terminal client that people run at a local terminal.

use std::ffi::OsString;
use std::io;
use std::path::PathBuf;

use pty_process::{OwnedReadPty, OwnedWritePty};
use tokio::process::Child;

/// The client program and its arguments; the userid follows them.
#[derive(Clone, Debug)]
pub struct Client {
    /// The program.
    pub program: PathBuf,
    /// Its arguments.
    pub arguments: Vec<OsString>,
}

/// How one session wants it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Wanted {
    /// Variables of the terminal's end that the client may know.
    pub(crate) variables: Vec<(String, String)>,
    /// The session is taken over when it is connected elsewhere.
    pub(crate) here: bool,
}

impl Client {
    /// Its arguments for a session of this user.
    pub(crate) fn arguments_for(&self, userid: &str, wanted: &Wanted) -> Vec<OsString> {
        let mut arguments = self.arguments.clone();
        arguments.extend(wanted.here.then(|| "--here".into()));
        arguments.push(userid.into());
        arguments
    }

    /// Starts it on a pseudo-terminal of that kind; closing the terminal is how it learns that its user is gone.
    pub(crate) fn on_terminal(
        &self,
        userid: &str,
        wanted: &Wanted,
        kind: &str,
        size: pty_process::Size,
    ) -> io::Result<(OwnedReadPty, OwnedWritePty, Child)> {
        let (pty, terminal) = pty_process::open().map_err(io::Error::other)?;
        pty.resize(size).map_err(io::Error::other)?;
        let command = pty_process::Command::new(&self.program).args(self.arguments_for(userid, wanted)).env_clear();
        let child = command
            .env("TERM", kind)
            .envs(wanted.variables.iter().cloned())
            .kill_on_drop(true)
            .spawn(terminal)
            .map_err(io::Error::other)?;
        let (output, input) = pty.into_split();
        Ok((output, input, child))
    }
}
