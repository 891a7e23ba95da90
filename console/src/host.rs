//! What a front end asks of CP: the seam between terminals and the control program.
//!
//! CP implements [`Host`]; front ends call it and know nothing else of CP.

use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;

use crate::presentation::inbound::Inbound;
use crate::virtual_console::{Attachment, AttachmentId, Role, VirtualConsole};
use crate::wire;

/// Who is at the other end of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Peer {
    /// What is known of it.
    pub origin: PeerOrigin,
    /// The account that owns the data directory (or root): may log on as anyone and issue commands from the host.
    pub owner: bool,
}

/// Where a peer comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum PeerOrigin {
    /// An account of this host, as the host's kernel vouches for it: the effective user id.
    Account(u32),
    /// An address of a network.
    Address(IpAddr),
}

impl Peer {
    /// A peer from the network: nobody until it gives a password.
    pub fn remote(address: IpAddr) -> Self {
        Self { origin: PeerOrigin::Address(address), owner: false }
    }
}

impl fmt::Display for Peer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.origin {
            PeerOrigin::Account(uid) => write!(f, "uid {uid}"),
            PeerOrigin::Address(address) => write!(f, "{address}"),
        }
    }
}

/// What somebody from the network shows to be a user.
#[derive(Clone)]
pub enum Proof {
    /// The user's password.
    Password(String),
    /// A public key whose private key the peer has: type and key as OpenSSH writes them.
    Key(String),
}

/// What happened at a front end that CP has no other way to know; for the audit log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Visited {
    /// A proof was accepted: by which method.
    Accepted(&'static str),
    /// A proof was refused.
    Refused(&'static str),
}

/// What a terminal shows before somebody logs on.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Logo {
    /// The system identifier.
    pub system: String,
    /// `CP-64 Version 0.1.0`.
    pub release: String,
    /// The installation's own lines.
    pub lines: Vec<String>,
}

/// Why a LOGON is not granted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LogonRefusal {
    /// This peer needs the user's password: ask for it and call again with it.
    NeedPassword {
        /// What to ask with: `Enter your password,` ...
        prompt: String,
    },
    /// No. With [`WRONG_PASSWORD`] the front end asks again a few times, slowly.
    Refused {
        /// Number of the CP message.
        code: u32,
        /// The message line.
        message: String,
    },
}

/// Message number of a wrong userid or password (`HCPLGA050E`).
pub const WRONG_PASSWORD: u32 = 50;

/// A granted LOGON: this terminal is attached to that console. Front ends keep it and pass it back.
#[derive(Debug)]
pub struct Session {
    /// The user logged on, in upper case.
    pub userid: String,
    /// The system identifier.
    pub system: String,
    /// The user's console.
    pub console: Arc<VirtualConsole>,
    /// Owner or observer.
    pub role: Role,
    id: AttachmentId,
    attachment: Option<Attachment>,
}

impl Session {
    /// Attaches a terminal to `console` for a LOGON that CP grants; CP calls it under the lock that makes its decision, so that two
    /// terminals cannot both become the owner unnoticed. A new owner ends the old one's terminal (LOGON HERE).
    pub fn new(userid: impl Into<String>, system: impl Into<String>, console: &Arc<VirtualConsole>, role: Role) -> Self {
        let attachment = console.attach(role);
        Self {
            userid: userid.into(),
            system: system.into(),
            console: Arc::clone(console),
            role,
            id: attachment.id(),
            attachment: Some(attachment),
        }
    }

    /// This terminal's attachment.
    pub fn id(&self) -> AttachmentId {
        self.id
    }

    /// Whether this terminal is (still) the owner of the console: not an observer, not taken over, not ended.
    pub fn owns_console(&self) -> bool {
        self.console.owner() == Some(self.id)
    }

    /// The stream of console events; the front end takes it once.
    pub fn take_attachment(&mut self) -> Option<Attachment> {
        self.attachment.take()
    }
}

impl fmt::Display for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} at {}", self.userid, self.system)
    }
}

/// The control program as front ends see it.
///
/// Every call comes from a thread that may wait, never from a dispatcher. The calls for one session come one after another.
pub trait Host: Send + Sync + 'static {
    /// What to show before LOGON.
    fn logo(&self) -> Logo;

    /// Whether that proves the peer to be this user, and the user may log on at all. Takes as long for users that do not exist.
    fn authenticate(&self, peer: &Peer, userid: &str, proof: &Proof) -> bool;

    /// Whether this user, whom a proof was accepted of, has to show a one-time code too.
    fn wants_code(&self, userid: &str) -> bool;

    /// Whether that is a one-time code of this user's now. Each is right once.
    fn takes_code(&self, userid: &str, code: &str) -> bool;

    /// Keeps on record what happened to a peer that said to be this user.
    fn visited(&self, peer: &Peer, userid: &str, what: Visited);

    /// LOGON, reconnect, take over or share, as `request` says. CP ends [`Session::new`] with the role it grants.
    ///
    /// # Errors
    /// A password is needed, or the LOGON is refused.
    fn logon(&self, peer: &Peer, request: &wire::Logon) -> Result<Session, LogonRefusal>;

    /// DIAL: connects a terminal at which nobody is logged on to a line that this user's machine offers; the line of that number if one is named. The session's
    /// console is the line's, the attention key leaves it, and `disconnected` is called for it.
    ///
    /// # Errors
    /// The DIAL is refused.
    fn dial(&self, peer: &Peer, userid: &str, vdev: Option<u16>) -> Result<Session, LogonRefusal>;

    /// One physical line was entered, without its end and without control characters, at most [`crate::LINE_MAX`] bytes.
    /// CP splits it with [`crate::logical_lines`]. The console already shows it to the other terminals.
    ///
    /// On return the console's state must be true: when the line answered the read, the state is no longer that read
    /// (`set_state(Running)`, before anything asynchronous starts). When it is still a read state that did not change,
    /// the line was dealt with (a CP command, say) and the front end invites the next one.
    fn input(&self, session: &Session, line: String);

    /// A key was pressed on a program's screen, in code page 1047; not the key that calls CP ([`crate::Preferences::break_key`]).
    fn key(&self, session: &Session, key: &Inbound);

    /// Keys were pressed at a terminal that sends each by itself ([`crate::Preferences::single_keys`]): characters, and control sequences as an xterm sends them.
    fn typed(&self, session: &Session, bytes: &[u8]);

    /// The attention key (PA1): enter CP READ.
    fn attention(&self, session: &Session);

    /// The owner's terminal went away while the session was on: `by_request` for the client's DISCONNECT, else the line dropped.
    /// CP writes the DISCONNECT message and calls `console.end(Ending::Disconnected)`. Check [`Session::owns_console`] under
    /// CP's lock: another terminal may have taken over meanwhile. Not called for observers, nor after [`VirtualConsole::end`].
    fn disconnected(&self, session: &Session, by_request: bool);

    /// The terminal's size, at logon and when it changes; 0 is unknown. [`VirtualConsole::has_key`] says whether that is a key for a
    /// program that has the screen.
    fn resize(&self, session: &Session, columns: u16, rows: u16);

    /// Prints what the terminal shows (PF key COPY): its rows.
    fn copy_screen(&self, session: &Session, rows: Vec<String>);

    /// Names and types of the files on the session's user's disks, at most [`wire::FILES_MAX`]; for completion, so what cannot be read is left out.
    fn files(&self, session: &Session) -> Vec<(String, String)>;

    /// One CP command with the authority of the system's owner. Only called for a peer that is the owner.
    fn command(&self, peer: &Peer, command: &str) -> wire::Answer;

    /// Begins a host file on its way into a reader. Only called for a peer that is the owner.
    ///
    /// # Errors
    /// The answer, when it cannot go there.
    fn punch(&self, peer: &Peer, file: wire::Punch) -> Result<Box<dyn Deck>, wire::Answer>;

    /// The system as it is now, with the machines of the window. Only called for a peer that is the owner.
    fn snapshot(&self, peer: &Peer, window: &wire::Window) -> wire::Snapshot;
}

/// A host file on its way into a reader. Dropped before it is closed, nothing of it stays.
pub trait Deck: Send {
    /// The next records.
    ///
    /// # Errors
    /// The answer, when CP takes no more.
    fn add(&mut self, records: &[Vec<u8>]) -> Result<(), wire::Answer>;

    /// That was all: the file becomes one of the reader's.
    fn close(self: Box<Self>) -> wire::Answer;
}
