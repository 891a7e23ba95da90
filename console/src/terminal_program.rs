//! The program behind a session from elsewhere: the same terminal client that people run at a local terminal.

use std::ffi::OsString;
use std::io;
use std::path::PathBuf;
use std::process::ExitStatus;
use std::time::Duration;

use pty_process::{OwnedReadPty, OwnedWritePty};
use rustix::process::{Pid, Signal, kill_process};
use tokio::process::Child;
use tokio::time::timeout;

/// How long a client may take to leave when its terminal is gone; then it is killed.
const LEAVE: Duration = Duration::from_secs(5);

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

/// Takes a client's terminal away, waits until it has left and tells how; none when it did not and is killed.
pub(crate) async fn hang_up(terminal: (OwnedReadPty, OwnedWritePty), mut child: Child) -> io::Result<Option<ExitStatus>> {
    drop(terminal);
    // The kernel tells the client when the last descriptor is closed. Another session's client has one too if it was begun between the opening of
    // this terminal and its marking as close-on-exec, which are two steps in pty-process.
    if let Some(client) = child.id().and_then(|id| Pid::from_raw(id.cast_signed())) {
        // It may have left.
        let _ = kill_process(client, Signal::HUP);
    }
    match timeout(LEAVE, child.wait()).await {
        Ok(status) => status.map(Some),
        Err(_) => Ok(None),
    }
}
