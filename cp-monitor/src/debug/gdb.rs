//! A gdb server for one machine: SET GDB ON. The protocol is gdbstub's; this file listens, and keeps the machine and gdb of one mind about who runs.
//!
//! A thread for each server. It serves one gdb at a time and refuses others; the machine stops when the first bytes arrive and goes on, without points, when gdb is gone. A peer is not believed:
//! one that says nothing at first is dropped after ten seconds, one that takes nothing after five, and whatever ends the session badly, a panic of the protocol's code too, ends that session only.

mod alone;
mod target;

pub use alone::converse;

use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Weak};
use std::time::Duration;

use gdbstub::common::{Signal, Tid};
use gdbstub::conn::Connection;
use gdbstub::stub::state_machine::GdbStubStateMachine;
use gdbstub::stub::{GdbStub, MultiThreadStopReason};
use parking_lot::Mutex;
use rustix::event::{EventfdFlags, PollFd, PollFlags, Timespec, eventfd, poll};

use super::{Points, Stop, Why};
use crate::pc::{DISABLED_WAIT, EXIT_CODE, SWITCHED_OFF};
use crate::users::User;
use target::Debugged;

/// How long a peer may be connected before it says something.
const SILENCE: Duration = Duration::from_secs(10);
/// How long it may take to take what it is sent.
const SLOW: Duration = Duration::from_secs(5);
/// How long one that is refused may take to say something first, and to go.
const REFUSED: Duration = Duration::from_millis(250);
/// How often a server looks whether its user is still there.
const LOOK: Timespec = Timespec { tv_sec: 1, tv_nsec: 0 };

/// The other end of a session: what dispatcher threads tell it.
pub(super) struct Session {
    stop: Mutex<Option<Stop>>,
    event: OwnedFd,
    /// Gdb lets the machine run.
    running: AtomicBool,
}

impl Session {
    /// The machine has stopped. False when gdb did not let it run.
    pub(super) fn stopped(&self, stop: Stop) -> bool {
        if !self.running.load(Ordering::SeqCst) {
            return false;
        }
        *self.stop.lock() = Some(stop);
        // A counter that is already high says the same.
        let _ = rustix::io::write(&self.event, &1_u64.to_ne_bytes());
        true
    }
}

/// A server that listens; it ends with the value.
pub struct Server {
    address: SocketAddr,
    listener: Arc<TcpListener>,
    over: Arc<AtomicBool>,
    bell: Arc<OwnedFd>,
}

impl Server {
    /// Begins to listen for a user's machine.
    ///
    /// # Errors
    /// The host's, when the address cannot be had.
    pub fn start(user: &Arc<User>, address: SocketAddr) -> std::io::Result<Self> {
        let listener = Arc::new(TcpListener::bind(address)?);
        listener.set_nonblocking(true)?;
        let address = listener.local_addr()?;
        let over = Arc::new(AtomicBool::new(false));
        let bell = Arc::new(eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)?);
        let serving =
            Serving { user: Arc::downgrade(user), listener: Arc::clone(&listener), over: Arc::clone(&over), bell: Arc::clone(&bell) };
        std::thread::Builder::new().name(format!("gdb-{}", user.id)).spawn(move || serving.serve())?;
        Ok(Self { address, listener, over, bell })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.over.store(true, Ordering::SeqCst);
        // Nobody can connect any more, however long the thread takes to end.
        let _ = rustix::net::shutdown(&self.listener, rustix::net::Shutdown::Both);
        let _ = rustix::io::write(&*self.bell, &1_u64.to_ne_bytes());
    }
}

/// What the thread has.
struct Serving {
    user: Weak<User>,
    listener: Arc<TcpListener>,
    over: Arc<AtomicBool>,
    bell: Arc<OwnedFd>,
}

/// What woke a wait.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Woken {
    Peer,
    Machine,
    /// Somebody else connects.
    Door,
    Nobody,
    Over,
}

impl Serving {
    /// Waits for somebody to connect, or for the one that has.
    fn wait_for(&self, peer: &impl AsFd) -> Woken {
        self.wait(&[(peer.as_fd(), Woken::Peer)])
    }

    /// Waits for one of these, or for the end.
    fn wait(&self, awaited: &[(BorrowedFd<'_>, Woken)]) -> Woken {
        if self.over.load(Ordering::SeqCst) || self.user.upgrade().is_none_or(|user| user.is_gone()) {
            return Woken::Over;
        }
        let mut waits: Vec<_> = awaited.iter().map(|(awaited, _)| PollFd::from_borrowed_fd(*awaited, PollFlags::IN)).collect();
        waits.push(PollFd::new(&*self.bell, PollFlags::IN));
        // What interrupts a wait is nobody.
        let _ = poll(&mut waits, Some(&LOOK));
        let ready = std::iter::zip(awaited, &waits).find(|(_, wait)| !wait.revents().is_empty());
        ready.map_or(Woken::Nobody, |((_, woken), _)| *woken)
    }

    fn serve(&self) {
        loop {
            match self.wait_for(&*self.listener) {
                Woken::Over => return,
                Woken::Peer => {
                    if let Ok((stream, peer)) = self.listener.accept() {
                        self.session(stream, peer);
                    }
                }
                Woken::Machine | Woken::Door | Woken::Nobody => {}
            }
        }
    }

    fn session(&self, stream: TcpStream, peer: SocketAddr) {
        let Some(user) = self.user.upgrade() else { return };
        let ready =
            stream.set_nonblocking(false).and_then(|()| stream.set_nodelay(true)).and_then(|()| stream.set_write_timeout(Some(SLOW)));
        if ready.is_err() || !self.speaks(&stream) {
            tracing::info!("{}: {peer} connected to the gdb server and said nothing", user.id);
            return;
        }
        if user.lock_machine().system().is_none() {
            user.say_cp(&["HCPGDB163E gdb is refused: the virtual machine has no system; use IPL first".to_string()]);
            return refuse(stream, "the virtual machine has no system; use IPL first");
        }
        let Ok(event) = eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK) else { return };
        let session = Arc::new(Session { stop: Mutex::default(), event, running: AtomicBool::new(false) });
        *user.debug.session.lock() = Some(Arc::clone(&session));
        let was_stopped = user.with_machine(|machine| {
            let was = machine.is_stopped();
            machine.stop();
            was
        });
        user.say_cp(&[format!("HCPGDB6001I gdb at {peer} is connected; the machine is stopped")]);
        let ended = catch_unwind(AssertUnwindSafe(|| self.talk(&user, &session, &stream)));
        *user.debug.session.lock() = None;
        let how = match ended {
            Ok(Ok(())) => "gdb is gone".to_string(),
            Ok(Err(why)) => format!("gdb is gone: {why}"),
            Err(_) => "gdb is gone: what it sent could not be understood".to_string(),
        };
        user.with_machine(|machine| machine.set_points(Points::default()));
        if !was_stopped {
            // As BEGIN does it: what cannot go on enters CP mode again.
            user.begin(None);
        }
        user.say_cp(&[format!("HCPGDB6002I {how}")]);
    }

    /// Whether the peer says anything soon.
    fn speaks(&self, stream: &TcpStream) -> bool {
        for _ in 0..SILENCE.as_secs() {
            match self.wait_for(stream) {
                Woken::Peer => return true,
                Woken::Over => return false,
                Woken::Machine | Woken::Door | Woken::Nobody => {}
            }
        }
        false
    }

    fn talk(&self, user: &Arc<User>, session: &Session, stream: &TcpStream) -> Result<(), String> {
        let mut target = Debugged::new(Box::new(Arc::clone(user)));
        let mut connection = stream;
        let stub = GdbStub::builder(Wire::new(stream)).build().map_err(|error| error.to_string())?;
        let mut stub = stub.run_state_machine(&mut target).map_err(|error| error.to_string())?;
        let mut bytes = [0; 4096];
        loop {
            if let Some(stop) = target.take_stop() {
                stub = report(stub, &mut target, stop)?;
                if matches!(stub, GdbStubStateMachine::Disconnected(_)) {
                    return Ok(());
                }
            }
            let mut awaited = vec![(stream.as_fd(), Woken::Peer), (self.listener.as_fd(), Woken::Door)];
            if matches!(stub, GdbStubStateMachine::Running(_)) {
                awaited.insert(0, (session.event.as_fd(), Woken::Machine));
            }
            match self.wait(&awaited) {
                Woken::Over => {
                    let why = if user.is_gone() { "the user has logged off" } else { "the server is switched off" };
                    target.note_end(why);
                    if let Some(stop) = target.take_stop() {
                        report(stub, &mut target, stop)?;
                    }
                    return Err(why.to_string());
                }
                Woken::Nobody => {}
                Woken::Door => {
                    if let Ok((other, peer)) = self.listener.accept() {
                        user.say_cp(&[format!("HCPGDB6004I gdb at {peer} is refused: another one is connected")]);
                        refuse(other, "another gdb is connected to this virtual machine");
                    }
                }
                Woken::Machine => {
                    let mut count = [0; 8];
                    let _ = rustix::io::read(&session.event, &mut count);
                    if let Some(stop) = session.stop.lock().take() {
                        session.running.store(false, Ordering::SeqCst);
                        target.note_stop(&stop);
                    }
                }
                Woken::Peer => {
                    let length = match connection.read(&mut bytes) {
                        Ok(0) => return Ok(()),
                        Ok(length) => length,
                        Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                        Err(error) => return Err(error.to_string()),
                    };
                    for &byte in &bytes[..length] {
                        stub = pump(stub, &mut target, byte)?;
                        if matches!(stub, GdbStubStateMachine::Disconnected(_)) {
                            return Ok(());
                        }
                        // Asked by this very packet: it runs before the next byte is looked at.
                        target.resume_if_asked(session);
                    }
                }
            }
        }
    }
}

type Stub<'a, W> = GdbStubStateMachine<'a, Debugged, Wire<W>>;

/// Gives the protocol a byte.
fn pump<'a, W: Write>(stub: Stub<'a, W>, target: &mut Debugged, byte: u8) -> Result<Stub<'a, W>, String> {
    let after = match stub {
        GdbStubStateMachine::Idle(idle) => idle.incoming_data(target, byte),
        GdbStubStateMachine::Running(running) => running.incoming_data(target, byte),
        other => return Ok(other),
    };
    match after.map_err(|error| error.to_string())? {
        GdbStubStateMachine::CtrlCInterrupt(interrupt) => {
            target.interrupt();
            let reason = MultiThreadStopReason::SignalWithThread { tid: target.current(), signal: Signal::SIGINT };
            interrupt.interrupt_handled(target, Some(reason)).map_err(|error| error.to_string())
        }
        other => Ok(other),
    }
}

/// Tells gdb that the machine has stopped.
fn report<'a, W: Write>(stub: Stub<'a, W>, target: &mut Debugged, reason: MultiThreadStopReason<u64>) -> Result<Stub<'a, W>, String> {
    let said = target.take_said();
    match stub {
        GdbStubStateMachine::Running(mut running) => {
            if let Some(said) = said {
                running.borrow_conn().say(&said).map_err(|error| error.to_string())?;
            }
            running.report_stop(target, reason).map_err(|error| error.to_string())
        }
        // It did not run, for all that gdb knows: it will ask.
        other => Ok(other),
    }
}

/// The connection, with what is written gathered up to a flush.
struct Wire<W> {
    output: W,
    gathered: Vec<u8>,
}

impl<W> Wire<W> {
    fn new(output: W) -> Self {
        Self { output, gathered: Vec::new() }
    }
}

impl<W: Write> Wire<W> {
    /// Has gdb show a line; only while the machine runs, for all that gdb knows.
    fn say(&mut self, text: &str) -> std::io::Result<()> {
        let hex: String = format!("CP: {text}\n").bytes().map(|byte| format!("{byte:02x}")).collect();
        self.output.write_all(&packet(&format!("O{hex}")))
    }
}

/// A packet of gdb's protocol.
fn packet(text: &str) -> Vec<u8> {
    let sum = text.bytes().fold(0_u8, u8::wrapping_add);
    format!("${text}#{sum:02x}").into_bytes()
}

/// Tells a gdb that has just connected why it cannot be served. It takes no answer before it has asked, and none behind a reset of the connection.
fn refuse(mut stream: TcpStream, why: &str) {
    let mut bytes = [0; 1024];
    let mut hear = |mut stream: &TcpStream| stream.read(&mut bytes);
    let told = stream
        .set_nonblocking(false)
        .and_then(|()| stream.set_read_timeout(Some(REFUSED)))
        .and_then(|()| stream.set_write_timeout(Some(REFUSED)))
        .and_then(|()| hear(&stream))
        .and_then(|_| Write::write_all(&mut stream, &[b"+", &*packet(&format!("E.{why}"))].concat()))
        .and_then(|()| stream.shutdown(Shutdown::Write))
        .and_then(|()| hear(&stream));
    if let Err(error) = told {
        tracing::debug!("A gdb that is refused was not told why: {error}");
    }
}

impl<W: Write> Connection for Wire<W> {
    type Error = std::io::Error;

    fn write(&mut self, byte: u8) -> Result<(), Self::Error> {
        self.gathered.push(byte);
        Ok(())
    }

    fn flush(&mut self) -> Result<(), Self::Error> {
        self.output.write_all(&self.gathered)?;
        self.gathered.clear();
        Ok(())
    }
}

/// How a stop is told to gdb.
fn reason(stop: &Stop, watches: &[soft_processor::Watch]) -> MultiThreadStopReason<u64> {
    use gdbstub::target::ext::breakpoints::WatchKind;
    use soft_processor::WatchKind as Kind;
    let tid = target::thread(stop.processor);
    match &stop.why {
        Why::Breakpoint(_) | Why::AddressStop(_) => MultiThreadStopReason::SwBreak(tid),
        Why::Watch { address, .. } => {
            let watch = watches.iter().find(|watch| address.wrapping_sub(watch.address) < watch.length);
            let kind = match watch.map(|watch| watch.kind) {
                Some(Kind::Read) => WatchKind::Read,
                Some(Kind::Access) => WatchKind::ReadWrite,
                _ => WatchKind::Write,
            };
            MultiThreadStopReason::Watch { tid, kind, addr: *address }
        }
        Why::Loaded | Why::Traced | Why::Stepped => MultiThreadStopReason::SignalWithThread { tid, signal: Signal::SIGTRAP },
        Why::Reset => MultiThreadStopReason::SignalWithThread { tid, signal: Signal::SIGSTOP },
        Why::Ended(why) => ended(why, tid),
    }
}

/// How it is told that the machine cannot go on: over, or at a place that is worth a look.
fn ended(why: &str, tid: Tid) -> MultiThreadStopReason<u64> {
    let code = why.strip_prefix(EXIT_CODE).and_then(|code| code.parse::<u64>().ok());
    match code {
        Some(code) => MultiThreadStopReason::Exited(code as u8),
        None if why == SWITCHED_OFF => MultiThreadStopReason::Exited(0),
        None if why.starts_with(DISABLED_WAIT) => MultiThreadStopReason::SignalWithThread { tid, signal: Signal::SIGSTOP },
        None => MultiThreadStopReason::SignalWithThread { tid, signal: Signal::SIGSEGV },
    }
}
