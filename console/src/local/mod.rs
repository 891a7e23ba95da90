//! The front end on a unix socket: local terminals, `cp64 cp`, `cp64 punch` and the operator screen come in here.
//!
//! The kernel says who is at the other end. The account that owns the data directory is trusted with every user and with commands;
//! others (when the socket is opened to a group) need a password. Talks to CP through [`Host`] only.

mod connection;
mod socket;

use std::future::Future;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use tokio::net::UnixListener;
use tokio::runtime::Runtime;
use tokio::sync::oneshot;
use tokio::task::{JoinHandle, JoinSet};

use crate::Host;
use crate::calls::Calls;
use crate::door::Door;
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
    let mut connections = JoinSet::new();
    tokio::pin!(shutdown);
    loop {
        let accepted = tokio::select! {
            () = &mut shutdown => break,
            Some(done) = connections.join_next(), if !connections.is_empty() => {
                if let Err(error) = done {
                    tracing::error!(%error, "A connection failed");
                }
                continue;
            }
            accepted = listener.accept() => accepted,
        };
        match accepted {
            Ok((stream, _)) => {
                let caller = Caller { calls: calls.clone(), owner, bounds, door: Arc::clone(&door) };
                connections.spawn(caller.serve(stream));
            }
            Err(error) => {
                // Out of descriptors, most likely: those in use must end first, so do not spin.
                tracing::warn!(%error, "Cannot accept a connection");
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        }
    }
    drop(listener);
    let all = async { while connections.join_next().await.is_some() {} };
    if tokio::time::timeout(bounds.drain, all).await.is_err() {
        tracing::info!("Connections that did not end at shutdown are cut");
    }
}

/// The front end with its own threads; see [`start`].
#[derive(Debug)]
pub struct Listening {
    runtime: Runtime,
    serving: JoinHandle<()>,
    shutdown: oneshot::Sender<()>,
    socket: PathBuf,
}

/// Takes the socket (a stale one is replaced) and serves it on two threads of its own.
///
/// # Errors
/// The socket is in use, its name is taken by something else, or the host refuses.
pub fn start(socket: &Path, host: Arc<dyn Host>, options: Options) -> Result<Listening, LocalError> {
    let failed = |doing| move |source| LocalError::Io { doing, path: socket.to_path_buf(), source };
    let (listener, owner) = socket::listen(socket, options.group)?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .thread_name("console")
        .thread_keep_alive(Duration::from_secs(5))
        .enable_io()
        .enable_time()
        .build()
        .map_err(failed("start threads for"))?;
    let listener = {
        let _inside = runtime.enter();
        UnixListener::from_std(listener).map_err(failed("listen on"))?
    };
    let (shutdown, down) = oneshot::channel();
    let serving = runtime.spawn(serve(listener, host, owner, options.bounds, async {
        // An error is the sender gone, which is a shutdown too.
        let _ = down.await;
    }));
    Ok(Listening { runtime, serving, shutdown, socket: socket.to_path_buf() })
}

impl Listening {
    /// Stops: no new connections, those that are on get a moment to be told their end, the socket is removed.
    /// CP ends its consoles first. Not to be called from within a [`Host`] call: it waits for those.
    pub fn stop(self) {
        // The name goes first, so that nobody connects to a system that is going down.
        if let Err(error) = std::fs::remove_file(&self.socket) {
            tracing::debug!(%error, "Cannot remove the socket");
        }
        let _ = self.shutdown.send(());
        if let Err(error) = self.runtime.block_on(self.serving) {
            tracing::warn!(%error, "The local front end failed");
        }
        self.runtime.shutdown_timeout(Duration::from_secs(1));
    }
}
