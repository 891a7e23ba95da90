//! The front end for 3270 terminals: x3270, c3270 and their kin, over TN3270E, TN3270, or plain Telnet lines.
//!
//! ```text
//!   bytes --- telnet ---> events --- negotiation ---> how to talk
//!                                 '- line ----------> records --- screen ---> logo, LOGON, line mode
//!                                                 '-> text ------ lines ----> the same without a screen
//! ```
//!
//! Telnet is not encrypted: unless told otherwise, and without TLS, it is served on loopback only. A peer from here is nobody until it gives a password.

mod before_logon;
mod line;
mod lines;
mod logo;
pub mod negotiation;
mod screen;
pub mod telnet;

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;

use crate::calls::Calls;
use crate::door::{Door, Place};
use crate::service::{self, Service, Shutdown};
use crate::tls::Tls;
use crate::{Host, Logo, LogonRefusal, Peer, Session};
use line::{Line, LineError, Stream};
use negotiation::Agreement;
use screen::Screen;

/// Times and numbers a peer cannot exceed.
#[derive(Clone, Copy, Debug)]
pub struct Bounds {
    /// How long it may take to agree on how to talk.
    pub hello: Duration,
    /// How long the logo stays when nobody does anything.
    pub idle: Duration,
    /// Wrong passwords on one connection.
    pub tries: u32,
    /// Pause after a wrong password.
    pub delay: Duration,
    /// How long terminals get to be told their end at SHUTDOWN.
    pub drain: Duration,
    /// Connections of one address that are not logged on.
    pub waiting: usize,
    /// Connections in all.
    pub connections: usize,
    /// Logons at once: see [`crate::local::Bounds::logons`].
    pub logons: usize,
}

impl Default for Bounds {
    fn default() -> Self {
        Self {
            hello: Duration::from_secs(10),
            idle: Duration::from_secs(300),
            tries: 3,
            delay: Duration::from_secs(1),
            drain: Duration::from_millis(300),
            waiting: 64,
            connections: 4096,
            logons: 2 * std::thread::available_parallelism().map_or(1, usize::from),
        }
    }
}

/// Why the front end cannot start.
#[derive(Debug, thiserror::Error)]
pub enum Tn3270Error {
    /// Other hosts reach that address, and nobody said that they may.
    #[error("{0} is reached by other hosts and Telnet is not encrypted; serve it there with --tn3270-open only")]
    Open(SocketAddr),
    /// The host refused.
    #[error("Cannot listen for 3270 terminals on {address}: {source}")]
    Io {
        /// Where.
        address: SocketAddr,
        /// Why not.
        source: io::Error,
    },
}

/// One terminal's visit.
struct Visit {
    calls: Calls,
    peer: Peer,
    bounds: Bounds,
    logo: Logo,
    /// Its place at the door, until it is logged on.
    place: Option<Place>,
    wrong: u32,
}

/// How a session ended.
enum Visited {
    /// The terminal may log on again.
    Over,
    /// The system is gone.
    Shutdown,
}

impl Visit {
    /// DIAL: the session on the line, or why there is none.
    async fn dial(&mut self, userid: String, vdev: Option<u16>) -> Result<Result<Session, String>, LineError> {
        Ok(match self.calls.ask(&self.peer, move |host, peer| host.dial(peer, &userid, vdev)).await? {
            Ok(session) => {
                self.place.take();
                Ok(session)
            }
            Err(LogonRefusal::Refused { message, .. } | LogonRefusal::NeedPassword { prompt: message }) => {
                // It is on record: nobody fills that.
                tokio::time::sleep(self.bounds.delay).await;
                Err(message)
            }
        })
    }

    /// A wrong password: waits a moment; false when that was the last one.
    async fn wrong(&mut self) -> bool {
        self.wrong += 1;
        tokio::time::sleep(self.bounds.delay).await;
        self.wrong < self.bounds.tries
    }
}

async fn serve_connection(
    stream: TcpStream,
    tls: Option<TlsAcceptor>,
    calls: Calls,
    door: Arc<Door>,
    bounds: Bounds,
) -> Result<(), LineError> {
    stream.set_nodelay(true)?;
    let peer = Peer::remote(stream.peer_addr()?.ip());
    // Whoever finds no place is cut at once: there is nothing to say before it is known how to talk.
    let Some(place) = door.enter(&peer) else { return Ok(()) };
    match tls {
        None => serve_terminal(stream, peer, place, calls, bounds).await,
        Some(tls) => {
            let stream = timeout(bounds.hello, tls.accept(stream)).await.map_err(|_| LineError::TimedOut)??;
            serve_terminal(stream, peer, place, calls, bounds).await
        }
    }
}

async fn serve_terminal(stream: impl Stream, peer: Peer, place: Place, calls: Calls, bounds: Bounds) -> Result<(), LineError> {
    let logo = calls.ask(&peer, |host, _| host.logo()).await?;
    let mut line = Line::new(stream, &logo.system);
    let agreement = line.agree(bounds.hello).await?;
    let mut visit = Visit { calls, peer, bounds, logo, place: Some(place), wrong: 0 };
    match agreement {
        Agreement::Classic(terminal) | Agreement::Extended { terminal, .. } => Screen::new(line, terminal).serve(&mut visit).await,
        Agreement::Lines => lines::serve(line, &mut visit).await,
    }
}

async fn serve(listener: TcpListener, tls: Option<TlsAcceptor>, host: Arc<dyn Host>, bounds: Bounds, shutdown: Shutdown) {
    let door = Door::new(0, bounds.waiting);
    let calls = Calls::new(host, bounds.logons);
    let connection = |(stream, _)| {
        let served = serve_connection(stream, tls.clone(), calls.clone(), Arc::clone(&door), bounds);
        async {
            if let Err(error) = served.await {
                tracing::debug!(%error, "A 3270 terminal's connection ended");
            }
        }
    };
    service::serve(|| listener.accept(), bounds.connections, bounds.drain, shutdown.begun(), connection).await;
}

/// The front end with its own threads.
#[derive(Debug)]
pub struct Listening {
    service: Service,
    address: SocketAddr,
}

/// Serves 3270 terminals at `address`, which other hosts may reach only when `open` or by TLS.
///
/// # Errors
/// [`Tn3270Error`].
pub fn start(address: SocketAddr, open: bool, tls: Option<&Tls>, host: Arc<dyn Host>, bounds: Bounds) -> Result<Listening, Tn3270Error> {
    if !open && tls.is_none() && !address.ip().is_loopback() {
        return Err(Tn3270Error::Open(address));
    }
    let failed = |source| Tn3270Error::Io { address, source };
    let runtime = service::threads("tn3270", 1).map_err(failed)?;
    let listener = runtime.block_on(TcpListener::bind(address)).map_err(failed)?;
    let address = listener.local_addr().map_err(failed)?;
    let tls = tls.map(|tls| tls.acceptor.clone());
    let service = Service::start("for 3270 terminals", runtime, |shutdown| serve(listener, tls, host, bounds, shutdown));
    Ok(Listening { service, address })
}

impl Listening {
    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Stops: no new connections, those that are on get a moment. CP ends its consoles first.
    pub fn stop(self) {
        self.service.stop();
    }
}
