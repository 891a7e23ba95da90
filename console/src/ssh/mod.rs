//! The front end for SSH: the terminal client of a local user, for somebody who proved who they are from elsewhere.
//!
//! ```text
//!   key or password --> Host::authenticate --> shell:  the client on a pseudo-terminal
//!     (and a code, of users who have one)  --> exec:   one line to a script, as from a pipe
//! ```
//!
//! Nothing is forwarded: no ports, no agent, no X11, no subsystems. Failures are bounded by address and by user.
//! The protocol is russh's; the host key is made at the first start.

mod session;

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use russh::keys::{Algorithm, HashAlg, PrivateKey, PublicKey};
use russh::server::{Auth, ChannelOpenHandle, Config, Handler, Msg, PublicKeyOffer, Response, Session, VerifiedPublicKey};
use russh::{Channel, ChannelId, MethodKind, MethodSet, Pty};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;

use crate::door::{Door, Place};
use crate::proofs::{Proofs, Proved, is_plain};
use crate::service::{self, Service, Shutdown};
use crate::{Client, Peer, Proof};
use session::Asked;

/// Times and numbers a peer cannot exceed.
#[derive(Clone, Copy, Debug)]
pub struct Bounds {
    /// How long it may take to prove who one is.
    pub grace: Duration,
    /// Wrong proofs on one connection.
    pub tries: usize,
    /// Pause after a wrong one.
    pub delay: Duration,
    /// How long a connection may last in all; none: for ever.
    pub absolute: Option<Duration>,
    /// How long somebody at a terminal may type nothing; none: for ever.
    pub idle: Option<Duration>,
    /// Connections of one address that have not proved anything.
    pub waiting: usize,
    /// Connections in all.
    pub connections: usize,
}

impl Default for Bounds {
    fn default() -> Self {
        Self {
            grace: Duration::from_secs(60),
            tries: 6,
            delay: Duration::from_secs(1),
            absolute: None,
            idle: None,
            waiting: 16,
            connections: 4096,
        }
    }
}

/// How long clients have at the shutdown: they end with their consoles.
const DRAIN: Duration = Duration::from_millis(300);

/// How to serve.
#[derive(Clone, Debug)]
pub struct Options {
    /// Where.
    pub address: SocketAddr,
    /// File of the host's private key; made when there is none.
    pub host_key: PathBuf,
    /// What is shown before anybody proves anything; empty for nothing.
    pub banner: String,
    /// The program that sessions run.
    pub client: Client,
    /// Bounds for peers.
    pub bounds: Bounds,
}

/// Why the front end cannot start.
#[derive(Debug, thiserror::Error)]
pub enum SshError {
    /// The host refused.
    #[error("Cannot listen for SSH on {address}: {source}")]
    Io {
        /// Where.
        address: SocketAddr,
        /// Why not.
        source: io::Error,
    },
    /// The host key is damaged, or cannot be made.
    #[error("Host key {path}: {why}")]
    HostKey {
        /// Its file.
        path: PathBuf,
        /// Why not.
        why: String,
    },
}

/// A public key in one line as OpenSSH writes it, without its comment, and its fingerprint.
///
/// # Errors
/// What is wrong with it.
pub fn public_key(text: &str) -> Result<(String, String), String> {
    let key = PublicKey::from_openssh(text.trim()).map_err(|error| format!("that is no public key of OpenSSH: {error}"))?;
    Ok((normal(&key)?, key.fingerprint(HashAlg::Sha256).to_string()))
}

fn normal(key: &PublicKey) -> Result<String, String> {
    let text = key.to_openssh().map_err(|error| error.to_string())?;
    Ok(text.split_whitespace().take(2).collect::<Vec<_>>().join(" "))
}

/// The host key of that file, made when there is none.
fn host_key(path: &Path) -> Result<PrivateKey, SshError> {
    let failed = |why: String| SshError::HostKey { path: path.to_path_buf(), why };
    if !path.exists() {
        let key = PrivateKey::random(&mut russh::keys::key::safe_rng(), Algorithm::Ed25519).map_err(|error| failed(error.to_string()))?;
        // Under another name first: a key that is half there would be refused for ever.
        let half = path.with_extension("new");
        drop(std::fs::remove_file(&half));
        key.write_openssh_file(&half, russh::keys::ssh_key::LineEnding::LF).map_err(|error| failed(error.to_string()))?;
        std::fs::rename(&half, path).map_err(|error| failed(error.to_string()))?;
    }
    PrivateKey::read_openssh_file(path).map_err(|error| failed(error.to_string()))
}

/// What all connections share.
struct Shared {
    proofs: Arc<Proofs>,
    client: Client,
    banner: String,
    bounds: Bounds,
}

/// One connection.
struct Visitor {
    shared: Arc<Shared>,
    peer: Peer,
    address: IpAddr,
    /// Its place at the door, until it proved who it is.
    place: Option<Place>,
    proved: Option<oneshot::Sender<()>>,
    userid: String,
    /// A proof of this user was accepted, and a one-time code is to follow.
    to_show_code: Option<String>,
    channel: Option<Channel<Msg>>,
    /// There was a channel; there is no second one.
    opened: bool,
    asked: Asked,
}

/// What is asked of a person who types.
const PASSWORD: &str = "Password: ";
const CODE: &str = "One-time code: ";

/// A question whose answer does not show.
fn question(prompt: &'static str) -> Auth {
    Auth::Partial { name: "".into(), instructions: "".into(), prompts: vec![(prompt.into(), false)].into() }
}

/// The code is asked for by another method, which asks questions.
fn by_question() -> Auth {
    Auth::Reject { proceed_with_methods: Some(MethodSet::from(&[MethodKind::KeyboardInteractive][..])), partial_success: true }
}

impl Visitor {
    /// Takes a proof; `ask` is how somebody who has to show a code too is asked for it.
    async fn prove(&mut self, user: &str, proof: Proof, method: &'static str, ask: Auth) -> Result<Auth, russh::Error> {
        Ok(match self.shared.proofs.prove(self.address, user, proof, method).await {
            Proved::Known(userid) => {
                self.userid = userid;
                Auth::Accept
            }
            Proved::Code(userid) => {
                self.to_show_code = Some(userid);
                ask
            }
            Proved::No => Auth::reject(),
        })
    }

    /// An answer to a question of keyboard-interactive: the code when a proof of this user was accepted, else the password.
    async fn answered(&mut self, user: &str, answer: String) -> Result<Auth, russh::Error> {
        let Some(userid) = self.code_of(user) else {
            return self.prove(user, Proof::Password(answer), "keyboard-interactive", question(CODE)).await;
        };
        if !self.shared.proofs.prove_code(self.address, &userid, answer, "one-time code").await {
            return Ok(Auth::reject());
        }
        self.userid = userid;
        Ok(Auth::Accept)
    }

    /// Whom a code is asked of, if it is this user.
    fn code_of(&self, user: &str) -> Option<String> {
        self.to_show_code.clone().filter(|userid| user.eq_ignore_ascii_case(userid))
    }

    fn begin(&mut self, channel: ChannelId, session: &mut Session) -> Result<(), russh::Error> {
        let Some(open) = self.channel.take_if(|open| open.id() == channel) else { return session.channel_failure(channel) };
        session.channel_success(channel)?;
        let asked = std::mem::take(&mut self.asked);
        tokio::spawn(session::run(open, session.handle(), self.shared.client.clone(), self.userid.clone(), asked, self.shared.bounds.idle));
        Ok(())
    }
}

impl Handler for Visitor {
    type Error = russh::Error;

    async fn auth_password(&mut self, user: &str, password: &str) -> Result<Auth, Self::Error> {
        self.prove(user, Proof::Password(password.to_string()), "password", by_question()).await
    }

    async fn auth_publickey_offered(&mut self, user: &str, offer: PublicKeyOffer<'_>) -> Result<Auth, Self::Error> {
        let Ok(key) = normal(offer.public_key) else { return Ok(Auth::reject()) };
        Ok(if self.shared.proofs.knows(&self.peer, user, key).await { Auth::Accept } else { Auth::reject() })
    }

    async fn auth_publickey(&mut self, user: &str, key: VerifiedPublicKey<'_>) -> Result<Auth, Self::Error> {
        let Ok(key) = normal(key.public_key) else { return Ok(Auth::reject()) };
        self.prove(user, Proof::Key(key), "publickey", by_question()).await
    }

    async fn auth_keyboard_interactive<'a>(
        &'a mut self,
        user: &str,
        _submethods: &str,
        response: Option<Response<'a>>,
    ) -> Result<Auth, Self::Error> {
        let Some(mut response) = response else {
            return Ok(question(if self.code_of(user).is_some() { CODE } else { PASSWORD }));
        };
        let Some(answer) = response.next() else { return Ok(Auth::reject()) };
        self.answered(user, String::from_utf8_lossy(&answer).into_owned()).await
    }

    async fn auth_succeeded(&mut self, _session: &mut Session) -> Result<(), Self::Error> {
        self.place.take();
        if let Some(proved) = self.proved.take() {
            // Who waits may have given up at this moment.
            let _ = proved.send(());
        }
        Ok(())
    }

    async fn authentication_banner(&mut self) -> Result<Option<String>, Self::Error> {
        Ok((!self.shared.banner.is_empty()).then(|| self.shared.banner.clone()))
    }

    async fn channel_open_session(
        &mut self,
        channel: Channel<Msg>,
        reply: ChannelOpenHandle,
        _session: &mut Session,
    ) -> Result<(), Self::Error> {
        // One session for each connection: one user has one console.
        if std::mem::replace(&mut self.opened, true) {
            return Ok(());
        }
        self.channel = Some(channel);
        reply.accept().await;
        Ok(())
    }

    async fn pty_request(
        &mut self,
        channel: ChannelId,
        term: &str,
        columns: u32,
        rows: u32,
        _pixel_width: u32,
        _pixel_height: u32,
        _modes: &[(Pty, u32)],
        session: &mut Session,
    ) -> Result<(), Self::Error> {
        if term.len() > 64 || !is_plain(term) {
            return session.channel_failure(channel);
        }
        let cut = |number: u32| u16::try_from(number).unwrap_or(u16::MAX);
        self.asked.terminal = Some((term.to_string(), cut(columns), cut(rows)));
        session.channel_success(channel)
    }

    async fn env_request(&mut self, channel: ChannelId, name: &str, value: &str, session: &mut Session) -> Result<(), Self::Error> {
        if self.asked.set(name, value) { session.channel_success(channel) } else { session.channel_failure(channel) }
    }

    async fn shell_request(&mut self, channel: ChannelId, session: &mut Session) -> Result<(), Self::Error> {
        self.begin(channel, session)
    }

    async fn exec_request(&mut self, channel: ChannelId, data: &[u8], session: &mut Session) -> Result<(), Self::Error> {
        self.asked.command(crate::text::typed(&String::from_utf8_lossy(data)));
        self.begin(channel, session)
    }

    async fn subsystem_request(&mut self, channel: ChannelId, _name: &str, session: &mut Session) -> Result<(), Self::Error> {
        session.channel_failure(channel)
    }
}

async fn serve_connection(stream: TcpStream, config: Arc<Config>, shared: Arc<Shared>, door: Arc<Door>) -> Result<(), russh::Error> {
    let address = stream.peer_addr()?.ip();
    stream.set_nodelay(true)?;
    let peer = Peer::remote(address);
    let Some(place) = door.enter(&peer) else { return Ok(()) };
    let (proved, proof) = oneshot::channel();
    let visitor = Visitor {
        shared: Arc::clone(&shared),
        peer,
        address,
        place: Some(place),
        proved: Some(proved),
        userid: String::new(),
        to_show_code: None,
        channel: None,
        opened: false,
        asked: Asked::default(),
    };
    let bounds = shared.bounds;
    let deadline = tokio::time::sleep(bounds.grace);
    tokio::pin!(deadline);
    let running = tokio::select! {
        running = russh::server::run_stream(config, stream, visitor) => running?,
        () = &mut deadline => return Ok(()),
    };
    let handle = running.handle();
    tokio::pin!(running, proof);
    let late = tokio::select! {
        ended = &mut running => return ended,
        proved = &mut proof => proved.is_err(),
        () = &mut deadline => true,
    };
    let end = async {
        match bounds.absolute {
            _ if late => {}
            Some(absolute) => tokio::time::sleep(absolute).await,
            None => std::future::pending().await,
        }
    };
    tokio::select! {
        ended = &mut running => ended,
        () = end => {
            drop(handle.disconnect(russh::Disconnect::ByApplication, "The time is over".into(), "en".into()).await);
            Ok(())
        }
    }
}

async fn serve(listener: TcpListener, config: Arc<Config>, shared: Arc<Shared>, shutdown: Shutdown) {
    let bounds = shared.bounds;
    let door = Door::new(0, bounds.waiting);
    let connection = |(stream, _)| {
        let served = serve_connection(stream, Arc::clone(&config), Arc::clone(&shared), Arc::clone(&door));
        async {
            if let Err(error) = served.await {
                tracing::debug!(%error, "A connection over SSH ended");
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
    fingerprint: String,
}

/// Serves SSH.
///
/// # Errors
/// [`SshError`].
pub fn start(options: Options, proofs: Arc<Proofs>) -> Result<Listening, SshError> {
    let Options { address, host_key: key_file, banner, client, bounds } = options;
    let key = host_key(&key_file)?;
    let fingerprint = key.public_key().fingerprint(HashAlg::Sha256).to_string();
    let config = Config {
        server_id: russh::SshId::Standard(concat!("SSH-2.0-CP64_", env!("CARGO_PKG_VERSION")).into()),
        methods: MethodSet::from(&[MethodKind::PublicKey, MethodKind::KeyboardInteractive, MethodKind::Password][..]),
        auth_rejection_time: bounds.delay,
        auth_rejection_time_initial: Some(Duration::ZERO),
        keys: vec![key],
        max_auth_attempts: bounds.tries,
        inactivity_timeout: None,
        keepalive_interval: Some(Duration::from_secs(30)),
        nodelay: true,
        ..Config::default()
    };
    let failed = |source| SshError::Io { address, source };
    let runtime = service::threads("ssh", 1).map_err(failed)?;
    let listener = runtime.block_on(TcpListener::bind(address)).map_err(failed)?;
    let address = listener.local_addr().map_err(failed)?;
    let shared = Shared { proofs, client, banner, bounds };
    let service = Service::start("for SSH", runtime, |shutdown| serve(listener, Arc::new(config), Arc::new(shared), shutdown));
    Ok(Listening { service, address, fingerprint })
}

impl Listening {
    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The host key's fingerprint, as clients show it.
    pub fn fingerprint(&self) -> &str {
        &self.fingerprint
    }

    /// Stops. CP ends its consoles first.
    pub fn stop(self) {
        self.service.stop();
    }
}
