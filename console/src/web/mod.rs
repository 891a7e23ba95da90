//! The front end for browsers: a page that logs on and gives a console, by HTTP and a WebSocket.
//!
//! ```text
//!   GET /            the page: LOGON, or the console       POST /logon   userid and password -> a cookie
//!   GET /console     a WebSocket: the terminal client on a pseudo-terminal, as over SSH
//!   POST /logoff     the cookie is worth nothing any more
//! ```
//!
//! Who somebody is, and how often they may be wrong about it, is decided as for SSH ([`crate::Proofs`]). Whatever changes something must come
//! from our own page (`Origin`). The terminal in the page is xterm.js, which is part of the program: nothing is fetched from elsewhere.

mod console;
mod pages;
mod visits;

use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use axum::Router;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;

use crate::door::Door;
use crate::proofs::Proofs;
use crate::service::{self, Service, Shutdown};
use crate::tls::Tls;
use crate::{Client, Peer};
use visits::Visits;

/// Times and numbers a peer cannot exceed.
#[derive(Clone, Copy, Debug)]
pub struct Bounds {
    /// How long a request's head, or a TLS handshake, may take.
    pub hello: Duration,
    /// Pause after a wrong password.
    pub delay: Duration,
    /// How long nothing may be typed until one has to log on again.
    pub idle: Duration,
    /// How long one may stay in all.
    pub absolute: Duration,
    /// Connections of one address.
    pub of_address: usize,
    /// Connections in all.
    pub connections: usize,
}

impl Default for Bounds {
    fn default() -> Self {
        Self {
            hello: Duration::from_secs(10),
            delay: Duration::from_secs(1),
            idle: Duration::from_secs(30 * 60),
            absolute: Duration::from_secs(12 * 3600),
            of_address: 256,
            connections: 4096,
        }
    }
}

/// How to serve.
#[derive(Clone, Debug)]
pub struct Options {
    /// Where.
    pub address: SocketAddr,
    /// By TLS; without it on loopback only.
    pub tls: Option<Tls>,
    /// The system's name.
    pub system: String,
    /// The program that sessions run.
    pub client: Client,
    /// Bounds for peers.
    pub bounds: Bounds,
}

/// Why the front end cannot start.
#[derive(Debug, thiserror::Error)]
pub enum WebError {
    /// Other hosts reach that address.
    #[error("{0} is reached by other hosts and HTTP is not encrypted; serve browsers there with --web-tls")]
    Open(SocketAddr),
    /// The host refused.
    #[error("Cannot listen for browsers on {address}: {source}")]
    Io {
        /// Where.
        address: SocketAddr,
        /// Why not.
        source: io::Error,
    },
}

/// What all connections share.
struct Shared {
    proofs: Arc<Proofs>,
    client: Client,
    system: String,
    bounds: Bounds,
    /// Cookies are for TLS only.
    secure: bool,
    visits: Mutex<Visits>,
    began: Instant,
}

impl Shared {
    fn visits(&self) -> (MutexGuard<'_, Visits>, Duration) {
        (self.visits.lock().unwrap_or_else(PoisonError::into_inner), self.began.elapsed())
    }
}

/// How long the end of what is on may take at the shutdown.
const DRAIN: Duration = Duration::from_millis(300);

async fn serve_connection(stream: TcpStream, tls: Option<TlsAcceptor>, app: Router, door: Arc<Door>, hello: Duration) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let address = stream.peer_addr()?;
    let Some(_place) = door.enter(&Peer::remote(address.ip())) else { return Ok(()) };
    let app = app.layer(axum::Extension(address.ip()));
    match tls {
        None => serve_http(stream, app, hello).await,
        Some(tls) => serve_http(timeout(hello, tls.accept(stream)).await??, app, hello).await,
    }
}

async fn serve_http(stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static, app: Router, hello: Duration) -> io::Result<()> {
    let mut http = hyper::server::conn::http1::Builder::new();
    http.timer(TokioTimer::new()).header_read_timeout(hello).max_buf_size(64 << 10);
    http.serve_connection(TokioIo::new(stream), TowerToHyperService::new(app)).with_upgrades().await.map_err(io::Error::other)
}

async fn serve(listener: TcpListener, tls: Option<TlsAcceptor>, shared: Arc<Shared>, shutdown: Shutdown) {
    let bounds = shared.bounds;
    let door = Door::new(0, bounds.of_address);
    let app = pages::routes(shared);
    let connection = |(stream, _)| {
        let served = serve_connection(stream, tls.clone(), app.clone(), Arc::clone(&door), bounds.hello);
        async {
            if let Err(error) = served.await {
                tracing::debug!(%error, "A browser's connection ended");
            }
        }
    };
    service::serve(|| listener.accept(), bounds.connections, DRAIN, shutdown.begun(), connection).await;
}

/// The front end with its own threads.
#[derive(Debug)]
pub struct Listening {
    service: Service,
    address: SocketAddr,
}

/// Serves browsers.
///
/// # Errors
/// [`WebError`].
pub fn start(options: Options, proofs: Arc<Proofs>) -> Result<Listening, WebError> {
    let Options { address, tls, system, client, bounds } = options;
    if tls.is_none() && !address.ip().is_loopback() {
        return Err(WebError::Open(address));
    }
    let failed = |source| WebError::Io { address, source };
    let runtime = service::threads("web", 1).map_err(failed)?;
    let listener = runtime.block_on(TcpListener::bind(address)).map_err(failed)?;
    let address = listener.local_addr().map_err(failed)?;
    let visits = Mutex::new(Visits::new(bounds.idle, bounds.absolute));
    let shared = Arc::new(Shared { proofs, client, system, bounds, secure: tls.is_some(), visits, began: Instant::now() });
    let acceptor = tls.map(|tls| tls.acceptor);
    let service = Service::start("for browsers", runtime, |shutdown| serve(listener, acceptor, shared, shutdown));
    Ok(Listening { service, address })
}

impl Listening {
    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Stops. CP ends its consoles first.
    pub fn stop(self) {
        self.service.stop();
    }
}
