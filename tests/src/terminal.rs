//! A terminal at a running system: what a person sees and types, over the socket that `cp64 logon` uses.

use std::io::{ErrorKind, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::{Duration, Instant};

use console::wire::{ClientFrame, ConsoleState, Ending, FRAME_MAX, Hello, Logon, Reply, Request, Terminal as Size, VERSION};
use regex::Regex;

use crate::PATIENCE;

/// A logged-on terminal.
pub struct Terminal {
    stream: UnixStream,
    /// Bytes that have arrived and are not a whole frame yet.
    arrived: Vec<u8>,
    /// Every line shown so far.
    lines: Vec<String>,
    /// Lines that the test has looked at.
    seen: usize,
    state: Option<ConsoleState>,
    /// The same, when CP has told it since the last line or key.
    told: Option<ConsoleState>,
    ended: Option<Ending>,
    refused: Option<(u32, String)>,
}

/// A LOGON of this user from a terminal of 80 columns.
pub(crate) fn logon_of(user: &str) -> Logon {
    Logon {
        userid: user.to_string(),
        by: None,
        password: None,
        here: false,
        attach: false,
        observe: false,
        no_ipl: false,
        terminal: Size { columns: 80, rows: 24, script: false, draws: false },
    }
}

impl Terminal {
    /// Logs on.
    ///
    /// # Panics
    /// When CP refuses.
    pub fn log_on(socket: &Path, user: &str) -> Self {
        Self::accepted(Self::open(socket, logon_of(user)))
    }

    /// Begins to log on without waiting for anything: the wait comes with what is looked at first.
    ///
    /// # Panics
    /// When CP does not listen.
    pub fn connect(socket: &Path, user: &str) -> Self {
        Self::open(socket, logon_of(user))
    }

    /// Logs on and takes the session over from wherever it is (`--here`).
    pub fn log_on_here(socket: &Path, user: &str) -> Self {
        Self::accepted(Self::open(socket, Logon { here: true, ..logon_of(user) }))
    }

    /// Logs on without the IPL of the directory (`--no-ipl`).
    pub fn log_on_no_ipl(socket: &Path, user: &str) -> Self {
        Self::accepted(Self::open(socket, Logon { no_ipl: true, ..logon_of(user) }))
    }

    /// Attaches to the console of whoever has it, as the operator screen does.
    pub fn observe(socket: &Path, user: &str) -> Self {
        Self::accepted(Self::open(socket, Logon { attach: true, ..logon_of(user) }))
    }

    /// Only looks at the console of whoever has it (`--observe`).
    pub fn watch(socket: &Path, user: &str) -> Self {
        Self::accepted(Self::open(socket, Logon { attach: true, observe: true, ..logon_of(user) }))
    }

    /// The message number of a logon that is refused.
    ///
    /// # Panics
    /// When it is not.
    pub fn refusal(socket: &Path, user: &str) -> (u32, String) {
        let mut terminal = Self::open(socket, logon_of(user));
        terminal.wait("a refusal", |terminal| terminal.refused.clone())
    }

    fn accepted(mut terminal: Self) -> Self {
        terminal.wait("the logon", |terminal| terminal.state.map(drop));
        terminal
    }

    fn open(socket: &Path, logon: Logon) -> Self {
        let stream = UnixStream::connect(socket).unwrap_or_else(|error| panic!("{}: {error}", socket.display()));
        let mut terminal =
            Self { stream, arrived: Vec::new(), lines: Vec::new(), seen: 0, state: None, told: None, ended: None, refused: None };
        terminal.send(&Hello { version: VERSION, request: Request::Logon(logon) });
        terminal
    }

    fn send(&mut self, frame: &impl serde::Serialize) {
        let bytes = postcard::to_stdvec(frame).expect("frames are plain data");
        let length = u32::try_from(bytes.len()).expect("a frame is short").to_le_bytes();
        let sent = self.stream.write_all(&[&length[..], &bytes].concat());
        assert!(sent.is_ok() || self.ended.is_some(), "CP is gone: {sent:?}\n{}", self.shown());
    }

    /// Types a line.
    pub fn type_line(&mut self, line: &str) {
        self.told = None;
        self.send(&ClientFrame::Line(line.to_string()));
    }

    /// Presses the attention key.
    pub fn attention(&mut self) {
        self.told = None;
        self.send(&ClientFrame::Attention);
    }

    /// Leaves; the machine goes on.
    pub fn disconnect(mut self) {
        self.send(&ClientFrame::Disconnect);
        assert_eq!(self.ending(), Ending::Disconnected);
    }

    /// Types a line at the read of CMS and answers everything shown up to and with its Ready message.
    pub fn command(&mut self, line: &str) -> String {
        self.until_vm_read();
        self.look();
        self.type_line(line);
        self.ready()
    }

    /// Everything shown since the last look up to and with the Ready message of CMS, when the next line is read.
    pub fn ready(&mut self) -> String {
        let shown = self.until(r"^Ready(\(\d+\))?; T=");
        self.until_vm_read();
        shown
    }

    /// Everything shown since the last look up to and with the first line that matches the regular expression.
    pub fn until(&mut self, pattern: &str) -> String {
        self.until_all(&[pattern])
    }

    /// The same for what takes longer than a test waits.
    pub fn until_within(&mut self, time: Duration, pattern: &str) -> String {
        self.until_all_within(time, &[pattern])
    }

    /// Everything shown since the last look up to and with the last of these lines, in whatever order they come.
    pub fn until_all(&mut self, patterns: &[&str]) -> String {
        self.until_all_within(PATIENCE, patterns)
    }

    fn until_all_within(&mut self, time: Duration, patterns: &[&str]) -> String {
        let shapes: Vec<Regex> = patterns.iter().map(|pattern| Regex::new(pattern).expect("the test's own pattern")).collect();
        let found = self.wait_within(time, &format!("lines like {patterns:?}"), |terminal| {
            let place = |shape: &Regex| terminal.lines[terminal.seen..].iter().position(|line| shape.is_match(line));
            let places: Option<Vec<usize>> = shapes.iter().map(place).collect();
            places.and_then(|places| places.into_iter().max()).map(|at| terminal.seen + at)
        });
        let from = std::mem::replace(&mut self.seen, found + 1);
        self.lines[from..=found].iter().map(|line| format!("{line}\n")).collect()
    }

    /// Waits for a state of the console.
    pub fn until_state(&mut self, wanted: impl Fn(ConsoleState) -> bool) -> ConsoleState {
        self.wait("a console state", |terminal| terminal.state.filter(|state| wanted(*state)))
    }

    /// Waits until CP tells this state after the last line or key: not the one that it had before, when the machine runs in between.
    pub fn until_told(&mut self, wanted: ConsoleState) {
        self.wait(&format!("{wanted:?}"), |terminal| terminal.told.filter(|state| *state == wanted).map(drop));
    }

    /// Waits for a read of the machine, a new one when something was typed at the last.
    pub fn until_vm_read(&mut self) {
        self.wait("VM READ", |terminal| terminal.told.filter(|state| matches!(state, ConsoleState::VmRead { .. })).map(drop));
    }

    /// Waits for CP READ.
    pub fn until_cp_read(&mut self) {
        self.until_state(|state| state == ConsoleState::CpRead);
    }

    /// Waits for the end of the session.
    pub fn ending(&mut self) -> Ending {
        self.wait("the end of the session", |terminal| terminal.ended)
    }

    /// Everything shown so far has been looked at.
    pub fn look(&mut self) {
        self.seen = self.lines.len();
    }

    /// Everything shown since logon.
    pub fn shown(&self) -> String {
        self.lines.iter().map(|line| format!("{line}\n")).collect()
    }

    /// Takes frames until `done` answers something.
    fn wait<T>(&mut self, what: &str, done: impl FnMut(&Self) -> Option<T>) -> T {
        self.wait_within(PATIENCE, what, done)
    }

    fn wait_within<T>(&mut self, time: Duration, what: &str, mut done: impl FnMut(&Self) -> Option<T>) -> T {
        let deadline = Instant::now() + time;
        loop {
            while let Some(reply) = self.take_frame() {
                self.take(reply);
            }
            if let Some(value) = done(self) {
                return value;
            }
            let left = deadline.saturating_duration_since(Instant::now());
            let heard = !left.is_zero() && self.refused.is_none() && self.receive(left);
            assert!(heard, "Waited for {what}; state {:?}, {:?}{:?}, shown\n{}", self.state, self.refused, self.ended, self.shown());
        }
    }

    /// Waits for bytes; false when none come any more.
    fn receive(&mut self, time: Duration) -> bool {
        let mut bytes = [0; 16 << 10];
        self.stream.set_read_timeout(Some(time)).expect("a time that is not zero");
        loop {
            match self.stream.read(&mut bytes) {
                Ok(count) => {
                    self.arrived.extend_from_slice(&bytes[..count]);
                    return count > 0;
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(_) => return false,
            }
        }
    }

    fn take_frame(&mut self) -> Option<Reply> {
        let length = u32::from_le_bytes(self.arrived.get(..4)?.try_into().ok()?) as usize;
        assert!(length <= FRAME_MAX, "a frame of {length} bytes");
        let frame = self.arrived.get(4..4 + length)?;
        let reply = postcard::from_bytes(frame).expect("CP speaks its protocol");
        self.arrived.drain(..4 + length);
        Some(reply)
    }

    fn take(&mut self, reply: Reply) {
        match reply {
            Reply::Output(line) => self.lines.extend(line.text.split('\n').map(str::to_string)),
            Reply::State(state) => (self.state, self.told) = (Some(state), Some(state)),
            Reply::Ended(ending) => self.ended = Some(ending),
            Reply::Refused { code, message } => self.refused = Some((code, message)),
            Reply::Accepted { .. } | Reply::Lost(_) => {}
            other => panic!("a console shows no {other:?}"),
        }
    }
}
