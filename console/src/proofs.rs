//! Whether somebody from the network is who they say: asked of CP, bounded by address and by user for all front ends together, kept on record.

use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::attempts::Attempts;
use crate::calls::Calls;
use crate::{Host, Peer, Proof, Visited};

/// What the front ends of a system that take proofs share.
pub struct Proofs {
    calls: Calls,
    attempts: Mutex<Attempts>,
    began: Instant,
}

impl std::fmt::Debug for Proofs {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Proofs").finish_non_exhaustive()
    }
}

/// What came of a proof.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Proved {
    /// It is this user.
    Known(String),
    /// It is, and has to show a one-time code too.
    Code(String),
    /// It is not, or may not try now.
    No,
}

/// A terminal type, a userid or such: nothing that a program could take for something else.
pub(crate) fn is_plain(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.+@:#$".contains(&byte))
}

impl Proofs {
    /// Proofs that this system is asked about.
    pub fn new(host: Arc<dyn Host>) -> Arc<Self> {
        // No LOGON is carried out here: the clients of these front ends come in by the socket.
        Arc::new(Self { calls: Calls::new(host, 1), attempts: Mutex::default(), began: Instant::now() })
    }

    fn attempts<T>(&self, look: impl FnOnce(&mut Attempts, Duration) -> T) -> T {
        let now = self.began.elapsed();
        look(&mut self.attempts.lock().unwrap_or_else(PoisonError::into_inner), now)
    }

    /// Whether a key that is only offered is known. Clients offer every key they have, so one that is not is on record and counts for nothing.
    pub(crate) async fn knows(&self, peer: &Peer, user: &str, key: String) -> bool {
        let userid = user.to_uppercase();
        if !is_plain(&userid) {
            return false;
        }
        let known = move |host: &dyn Host, peer: &Peer| {
            let known = host.authenticate(peer, &userid, &Proof::Key(key));
            if !known {
                host.visited(peer, &userid, Visited::Refused("publickey"));
            }
            known
        };
        self.calls.ask(peer, known).await.unwrap_or(false)
    }

    /// Looks at a proof. `method` is what the record calls it.
    pub(crate) async fn prove(&self, address: IpAddr, user: &str, proof: Proof, method: &'static str) -> Proved {
        let peer = Peer::remote(address);
        let userid = user.to_uppercase();
        let by_password = matches!(proof, Proof::Password(_));
        let barred = self.attempts(|attempts, now| attempts.refuses(address, now) || by_password && attempts.locks(&userid, now));
        let asked = userid.clone();
        let known = !barred
            && is_plain(&userid)
            && self.calls.ask(&peer, move |host, peer| host.authenticate(peer, &asked, &proof)).await.unwrap_or(false);
        let what = if known { Visited::Accepted(method) } else { Visited::Refused(method) };
        // Somebody's garbage is no name for a log.
        let named = if is_plain(&userid) { userid.clone() } else { "?".to_string() };
        drop(self.calls.ask(&peer, move |host, peer| host.visited(peer, &named, what)).await);
        if known {
            let asked = userid.clone();
            // A question that fails lets nobody pass.
            if self.calls.ask(&peer, move |host, _| host.wants_code(&asked)).await.unwrap_or(true) {
                return Proved::Code(userid);
            }
            self.attempts(|attempts, _| attempts.succeeded(&userid));
            return Proved::Known(userid);
        }
        if by_password {
            self.attempts(|attempts, now| attempts.failed(address, &userid, now));
        }
        Proved::No
    }

    /// Looks at the one-time code of a user whose proof was accepted. Wrong ones count against the address; those of a user CP bounds, for all front ends.
    pub(crate) async fn prove_code(&self, address: IpAddr, userid: &str, code: String, method: &'static str) -> bool {
        let peer = Peer::remote(address);
        let barred = self.attempts(|attempts, now| attempts.refuses(address, now));
        let asked = userid.to_string();
        let right = !barred && self.calls.ask(&peer, move |host, _| host.takes_code(&asked, &code)).await.unwrap_or(false);
        let (named, what) = (userid.to_string(), if right { Visited::Accepted(method) } else { Visited::Refused(method) });
        drop(self.calls.ask(&peer, move |host, peer| host.visited(peer, &named, what)).await);
        self.attempts(|attempts, now| if right { attempts.succeeded(userid) } else { attempts.failed_from(address, now) });
        right
    }
}
