//! How front ends call CP: on threads that may wait, logons in turn.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Semaphore;
use tokio::task::JoinError;

use crate::presentation::inbound::Inbound;
use crate::virtual_console::{Attachment, Role};
use crate::wire::Logon;
use crate::{Host, LogonRefusal, Peer, Session};

/// CP behind its callers.
#[derive(Clone)]
pub(crate) struct Calls {
    host: Arc<dyn Host>,
    /// Logons that CP may carry out at this moment.
    logons: Arc<Semaphore>,
}

impl Calls {
    /// Of so many logons at once.
    pub(crate) fn new(host: Arc<dyn Host>, logons: usize) -> Self {
        Self { host, logons: Arc::new(Semaphore::new(logons.max(1))) }
    }

    /// A call for a peer.
    pub(crate) async fn ask<T: Send + 'static>(
        &self,
        peer: &Peer,
        call: impl FnOnce(&dyn Host, &Peer) -> T + Send + 'static,
    ) -> Result<T, JoinError> {
        let (host, peer) = (Arc::clone(&self.host), *peer);
        tokio::task::spawn_blocking(move || call(&*host, &peer)).await
    }

    /// A LOGON. Whoever waits here waits in order and on no thread.
    pub(crate) async fn logon(&self, peer: &Peer, request: Logon) -> Result<Result<Session, LogonRefusal>, JoinError> {
        // The semaphore is never closed.
        let turn = self.logons.acquire().await;
        let answer = self.ask(peer, move |host, peer| host.logon(peer, &request)).await;
        drop(turn);
        answer
    }

    /// A call for a session.
    pub(crate) async fn tell(
        &self,
        session: &Arc<Session>,
        call: impl FnOnce(&dyn Host, &Session) + Send + 'static,
    ) -> Result<(), JoinError> {
        self.answer(session, call).await
    }

    /// A call for a session that answers something.
    pub(crate) async fn answer<T: Send + 'static>(
        &self,
        session: &Arc<Session>,
        call: impl FnOnce(&dyn Host, &Session) -> T + Send + 'static,
    ) -> Result<T, JoinError> {
        let (host, session) = (Arc::clone(&self.host), Arc::clone(session));
        tokio::task::spawn_blocking(move || call(&*host, &session)).await
    }
}

/// One line entered: shown to the others, given to CP, and the next one invited when the same read is still up.
pub(crate) fn enter(host: &dyn Host, session: &Session, line: String) {
    let console = &session.console;
    let before = console.state_number();
    console.entered(session.id(), &line);
    host.input(session, line);
    console.invite_again(before);
}

/// A key pressed on a program's screen: for CP when it is the one that calls it, else for the program.
pub(crate) fn press(host: &dyn Host, session: &Session, key: &Inbound) {
    if session.role == Role::Watcher {
        return;
    }
    if session.console.preferences().break_key == Some(key.aid) { host.attention(session) } else { host.key(session, key) }
}

/// Completes when the session ended and its terminal did not take the end for so long.
pub(crate) async fn overdue(session: &Session, drain: Duration) {
    Attachment::ending(&session.console, session.id()).await;
    tokio::time::sleep(drain).await;
}
