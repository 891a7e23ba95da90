//! The HTTP front end: `GET /metrics`, and nothing else.
//!
//! Whoever connects is hostile: so many connections at once, so long for each, so many bytes of a request, one answer a connection. hyper reads
//! and writes HTTP. One thread with a small tokio of its own; what is asked of CP is asked on another that may wait.

use std::convert::Infallible;
use std::net::{IpAddr, SocketAddr, TcpListener};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::header::{ALLOW, CONTENT_TYPE, HeaderValue};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::sync::{Semaphore, oneshot};

use super::{gather, text};
use crate::system::Cp;

/// Connections at once; more wait in the host's queue.
const CONNECTIONS: usize = 16;
/// How long a connection may take for its request and its answer.
const TIME: Duration = Duration::from_secs(5);
/// Most bytes of a request's head.
const HEAD_MAX: usize = 16 << 10;
/// The text format's version.
const TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// Why metrics are not served.
#[derive(Debug, thiserror::Error)]
pub enum MetricsError {
    /// Other hosts would reach the address.
    #[error("Metrics at {0} can be read by other hosts; --metrics-open allows that")]
    Exposed(SocketAddr),
    /// The host refused.
    #[error("Metrics cannot be served at {address}: {source}")]
    Io {
        /// Where.
        address: SocketAddr,
        /// Why.
        source: std::io::Error,
    },
}

/// The front end; ended by [`Serving::stop`].
#[derive(Debug)]
pub struct Serving {
    address: SocketAddr,
    shutdown: oneshot::Sender<()>,
    thread: JoinHandle<()>,
}

/// Serves the metrics of `cp` at an address of this host; at one that other hosts reach only when they are `open` to them.
///
/// # Errors
/// The address is not a loopback one and `open` is not said, it is in use, or the host refuses.
pub fn start(address: SocketAddr, open: bool, cp: &Arc<Cp>) -> Result<Serving, MetricsError> {
    if !open && !is_loopback(address.ip()) {
        return Err(MetricsError::Exposed(address));
    }
    let failed = |source| MetricsError::Io { address, source };
    let listener = TcpListener::bind(address).map_err(failed)?;
    listener.set_nonblocking(true).map_err(failed)?;
    let bound = listener.local_addr().map_err(failed)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().max_blocking_threads(1).build().map_err(failed)?;
    let (shutdown, down) = oneshot::channel::<()>();
    let cp = Arc::clone(cp);
    let serving = move || {
        runtime.block_on(async {
            tokio::select! {
                () = accept(listener, &cp) => {}
                // An error is the sender gone, which is a shutdown too.
                _ = down => {}
            }
        });
        runtime.shutdown_timeout(Duration::from_secs(1));
    };
    let thread = std::thread::Builder::new().name("metrics".to_string()).spawn(serving).map_err(failed)?;
    Ok(Serving { address: bound, shutdown, thread })
}

impl Serving {
    /// Where it listens: with the port that the host chose when port 0 was asked for.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Ends it.
    pub fn stop(self) {
        let _ = self.shutdown.send(());
        let _ = self.thread.join();
    }
}

fn is_loopback(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => address.is_loopback(),
        IpAddr::V6(address) => address.is_loopback() || address.to_ipv4_mapped().is_some_and(|address| address.is_loopback()),
    }
}

async fn accept(listener: TcpListener, cp: &Arc<Cp>) {
    let listener = match tokio::net::TcpListener::from_std(listener) {
        Ok(listener) => listener,
        Err(error) => return tracing::error!("Metrics are not served: {error}"),
    };
    let places = Arc::new(Semaphore::new(CONNECTIONS));
    loop {
        let Ok(place) = Arc::clone(&places).acquire_owned().await else { return };
        let stream = match listener.accept().await {
            Ok((stream, _)) => stream,
            Err(error) => {
                // Out of descriptors, most likely: do not spin.
                tracing::warn!("A connection for metrics cannot be accepted: {error}");
                tokio::time::sleep(Duration::from_millis(100)).await;
                continue;
            }
        };
        let cp = Arc::clone(cp);
        tokio::spawn(async move {
            let answer = service_fn(move |request| answer(Arc::clone(&cp), request));
            let connection = http1::Builder::new()
                .timer(TokioTimer::new())
                .header_read_timeout(TIME)
                .max_buf_size(HEAD_MAX)
                .keep_alive(false)
                .serve_connection(TokioIo::new(stream), answer);
            // A peer who is slow, gone or no HTTP client is cut off, and nobody needs to know.
            let _ = tokio::time::timeout(TIME, connection).await;
            drop(place);
        });
    }
}

async fn answer(cp: Arc<Cp>, request: Request<Incoming>) -> Result<Response<Full<Bytes>>, Infallible> {
    let plain = |status, text: &'static str| response(status, "text/plain; charset=utf-8", Bytes::from_static(text.as_bytes()));
    let path = request.uri().path();
    if path != "/metrics" {
        return Ok(plain(StatusCode::NOT_FOUND, "The metrics of CP-64 are at /metrics\n"));
    }
    if !matches!(*request.method(), Method::GET | Method::HEAD) {
        let mut refused = plain(StatusCode::METHOD_NOT_ALLOWED, "Metrics can be read only\n");
        refused.headers_mut().insert(ALLOW, HeaderValue::from_static("GET, HEAD"));
        return Ok(refused);
    }
    match tokio::task::spawn_blocking(move || text(gather::families(&cp))).await {
        Ok(text) => Ok(response(StatusCode::OK, TYPE, text.into())),
        Err(_) => Ok(plain(StatusCode::INTERNAL_SERVER_ERROR, "CP failed on this request\n")),
    }
}

fn response(status: StatusCode, content: &'static str, body: Bytes) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(body));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(content));
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_this_host_is_a_loopback() {
        for (address, loopback) in [
            ("127.0.0.1", true),
            ("127.9.9.9", true),
            ("::1", true),
            ("::ffff:127.0.0.1", true),
            ("0.0.0.0", false),
            ("::", false),
            ("10.0.0.1", false),
        ] {
            assert_eq!(is_loopback(address.parse().unwrap()), loopback, "{address}");
        }
    }
}
