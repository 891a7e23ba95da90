//! What every front end that listens does the same way: threads of its own, accepting until the shutdown, and the end.

use std::future::Future;
use std::io;
use std::time::Duration;

use tokio::runtime::{Builder, Runtime};
use tokio::sync::oneshot;
use tokio::task::{JoinHandle, JoinSet};

/// A front end's threads, with what serves on them.
#[derive(Debug)]
pub(crate) struct Service {
    name: &'static str,
    runtime: Runtime,
    serving: JoinHandle<()>,
    shutdown: oneshot::Sender<()>,
}

/// Threads of that name for a front end.
pub(crate) fn threads(name: &'static str, count: usize) -> io::Result<Runtime> {
    Builder::new_multi_thread().worker_threads(count).thread_name(name).thread_keep_alive(Duration::from_secs(5)).enable_all().build()
}

impl Service {
    /// Serves on these threads; `serve` is given what completes at the shutdown.
    pub(crate) fn start<F>(name: &'static str, runtime: Runtime, serve: impl FnOnce(Shutdown) -> F) -> Self
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let (shutdown, down) = oneshot::channel();
        let serving = runtime.spawn(serve(Shutdown(down)));
        Self { name, runtime, serving, shutdown }
    }

    /// Begins the shutdown and waits for the end of it.
    pub(crate) fn stop(self) {
        let _ = self.shutdown.send(());
        if let Err(error) = self.runtime.block_on(self.serving) {
            tracing::warn!(%error, "The front end {} failed", self.name);
        }
        self.runtime.shutdown_timeout(Duration::from_secs(1));
    }
}

/// Completes when a front end is to end.
pub(crate) struct Shutdown(oneshot::Receiver<()>);

impl Shutdown {
    pub(crate) async fn begun(self) {
        // An error is the sender gone, which is a shutdown too.
        let _ = self.0.await;
    }
}

/// Accepts connections and serves each in a task of its own, at most so many at a time, until `shutdown` completes. Then those that are on have
/// `drain` to end. `accept` must be cancel safe.
pub(crate) async fn serve<S, A, F>(
    accept: impl Fn() -> A,
    most: usize,
    drain: Duration,
    shutdown: impl Future<Output = ()>,
    mut connection: impl FnMut(S) -> F,
) where
    A: Future<Output = io::Result<S>>,
    F: Future<Output = ()> + Send + 'static,
{
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
            accepted = accept(), if connections.len() < most => accepted,
        };
        match accepted {
            Ok(stream) => {
                connections.spawn(connection(stream));
            }
            Err(error) => {
                // Out of descriptors, most likely: those in use must end first, so do not spin.
                tracing::warn!(%error, "Cannot accept a connection");
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        }
    }
    let all = async { while connections.join_next().await.is_some() {} };
    if tokio::time::timeout(drain, all).await.is_err() {
        tracing::info!("Connections that did not end at shutdown are cut");
    }
}
