//! The front end on a unix socket: local terminals, `cp64 cp`, `cp64 punch` and the operator screen come in here.
//!
//! The kernel says who is at the other end. The account that owns the data directory is trusted with every user and with commands;
//! others (when the socket is opened to a group) need a password. Talks to CP through [`Host`] only.

mod connection;
mod screen;
mod socket;

use std::future::Future;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use tokio::net::UnixListener;

use crate::Host;
use crate::calls::Calls;
use crate::door::Door;
use crate::service::{self, Service};
use connection::Caller;

pub(crate) use socket::reachable;

/// Why the front end cannot start.
#[derive(Debug, thiserror::Error)]
pub enum LocalError {
    /// A process answers on that socket.
    #[error("Another CP answers on {0}")]
    InUse(PathBuf),
    /// Something that is no socket has the socket's name; it is left alone.
    #[error("{0} is not a socket")]
    NotASocket(PathBuf),
    /// The host refused.
    #[error("Cannot {doing} {path}: {source}")]
    Io {
        /// What was tried.
        doing: &'static str,
        /// On what.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
}

/// Times and numbers a peer cannot exceed.
#[derive(Clone, Copy, Debug)]
pub struct Bounds {
    /// How long a connection may take to say what it wants.
    pub hello: Duration,
    /// How long a password prompt stays.
    pub password: Duration,
    /// Passwords that may be tried on one connection.
    pub tries: u32,
    /// Pause after a wrong password.
    pub delay: Duration,
    /// How long a terminal that takes no data is kept after its session ended.
    pub drain: Duration,
    /// Connections of the owner that have not said what they want yet.
    pub waiting_owner: usize,
    /// Connections of one other account that are not logged on yet.
    pub waiting_other: usize,
    /// Logons that CP carries out at once; the others wait, first come first served. A storm of them must leave the host's processors to
    /// the machines, and each check of a password takes 19 MiB.
    pub logons: usize,
}

impl Default for Bounds {
    fn default() -> Self {
        Self {
            hello: Duration::from_secs(10),
            password: Duration::from_secs(60),
            tries: 3,
            delay: Duration::from_secs(1),
            drain: Duration::from_secs(5),
            waiting_owner: 1024,
            waiting_other: 8,
            logons: 2 * std::thread::available_parallelism().map_or(1, usize::from),
        }
    }
}

/// How to start.
#[derive(Clone, Copy, Debug, Default)]
pub struct Options {
    /// Group whose members may connect too (they need a password); none: the owner only, mode 0600.
    pub group: Option<u32>,
    /// Bounds for peers.
    pub bounds: Bounds,
}

/// Serves connections of `listener` until `shutdown` completes, then gives those that are on [`Bounds::drain`] to end.
///
/// `owner` is the user id that owns the data directory.
pub async fn serve(listener: UnixListener, host: Arc<dyn Host>, owner: u32, bounds: Bounds, shutdown: impl Future<Output = ()>) {
    let door = Door::new(bounds.waiting_owner, bounds.waiting_other);
    let calls = Calls::new(host, bounds.logons);
    let connection = |(stream, _)| Caller { calls: calls.clone(), owner, bounds, door: Arc::clone(&door) }.serve(stream);
    service::serve(|| listener.accept(), usize::MAX, bounds.drain, shutdown, connection).await;
}

/// The front end with its own threads; see [`start`].
#[derive(Debug)]
pub struct Listening {
    service: Service,
    socket: PathBuf,
}

/// Takes the socket (a stale one is replaced) and serves it on two threads of its own.
///
/// # Errors
/// The socket is in use, its name is taken by something else, or the host refuses.
pub fn start(socket: &Path, host: Arc<dyn Host>, options: Options) -> Result<Listening, LocalError> {
    let failed = |doing| move |source| LocalError::Io { doing, path: socket.to_path_buf(), source };
    let (listener, owner) = socket::listen(socket, options.group)?;
    let runtime = service::threads("console", 2).map_err(failed("start threads for"))?;
    let listener = {
        let _inside = runtime.enter();
        UnixListener::from_std(listener).map_err(failed("listen on"))?
    };
    let service = Service::start("on the socket", runtime, |shutdown| serve(listener, host, owner, options.bounds, shutdown.begun()));
    Ok(Listening { service, socket: socket.to_path_buf() })
}

impl Listening {
    /// Stops: no new connections, those that are on get a moment to be told their end, the socket is removed.
    /// CP ends its consoles first. Not to be called from within a [`Host`] call: it waits for those.
    pub fn stop(self) {
        // The name goes first, so that nobody connects to a system that is going down.
        if let Err(error) = std::fs::remove_file(&self.socket) {
            tracing::debug!(%error, "Cannot remove the socket");
        }
        self.service.stop();
    }
}
