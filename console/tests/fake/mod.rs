//! A control program of a few lines: users are made by logging on, every machine runs the same guest, which reads a line and does what it says.
#![allow(dead_code)]

#[path = "../../../tests/src/watchdog.rs"]
mod watchdog;

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use console::local::{Bounds, Listening, Options};
use console::presentation::Size;
use console::presentation::inbound::{Aid, Inbound};
use console::presentation::outbound::Command;
use console::wire::{self, Answer, ConsoleState, Ending, LineKind, Logon, Punch, Snapshot, Terminal};
use console::{Deck, Host, LineEdit, Logo, LogonRefusal, Peer, Proof, Role, Session, VirtualConsole, Visited, logical_lines};

/// The password of every user of a guarded system.
pub const PASSWORD: &str = "correct horse";
/// A user who shows a one-time code behind password or key, and the code, which is right once.
pub const CODED: &str = "GRACE";
pub const CODE: &str = "287082";

const READ: ConsoleState = ConsoleState::VmRead { hidden: false };
const SECRET: ConsoleState = ConsoleState::VmRead { hidden: true };

/// A LOGON from a script.
pub fn logon(userid: &str) -> Logon {
    Logon {
        userid: userid.into(),
        by: None,
        password: None,
        here: false,
        attach: false,
        observe: false,
        no_ipl: false,
        terminal: Terminal { columns: 80, rows: 24, script: true, draws: false },
    }
}

/// A running fake system in a directory of its own.
pub struct System {
    pub socket: PathBuf,
    pub bounds: Bounds,
    cp: Arc<Cp>,
    listening: Option<Listening>,
    _room: Option<tempfile::TempDir>,
    _watchdog: watchdog::Watchdog,
}

impl System {
    pub fn start() -> Self {
        Self::new(false)
    }

    /// One that wants a password of everyone.
    pub fn start_guarded() -> Self {
        Self::new(true)
    }

    fn new(guarded: bool) -> Self {
        let room = tempfile::tempdir().unwrap();
        let mut system = Self::start_at(&room.path().join("console"), guarded);
        system._room = Some(room);
        system
    }

    /// One on a socket of the caller's.
    pub fn start_at(socket: &Path, guarded: bool) -> Self {
        let bounds = Bounds {
            hello: Duration::from_millis(300),
            delay: Duration::from_millis(20),
            drain: Duration::from_millis(500),
            ..Bounds::default()
        };
        let cp = Arc::new(Cp {
            guarded,
            machines: Mutex::default(),
            log: Arc::default(),
            gate: Arc::default(),
            keys: Mutex::default(),
            code_used: AtomicBool::new(false),
            polls: Mutex::new(0),
            logons: AtomicUsize::new(0),
            most_logons: AtomicUsize::new(0),
        });
        let host = Arc::clone(&cp) as Arc<dyn Host>;
        let listening = console::local::start(socket, host, Options { group: None, bounds }).unwrap();
        Self { socket: socket.to_path_buf(), bounds, cp, listening: Some(listening), _room: None, _watchdog: watchdog::Watchdog::new() }
    }

    /// Serves 3270 terminals too, for as long as the process lives; answers where.
    pub fn listen_for_3270(&self) -> std::net::SocketAddr {
        self.listen_for_3270_by(None)
    }

    /// The same by TLS.
    pub fn listen_for_3270_by(&self, tls: Option<&console::tls::Tls>) -> std::net::SocketAddr {
        let bounds = console::tn3270::Bounds {
            hello: Duration::from_secs(2),
            delay: Duration::from_millis(20),
            ..console::tn3270::Bounds::default()
        };
        let host = Arc::clone(&self.cp) as Arc<dyn Host>;
        let listening = console::tn3270::start(([127, 0, 0, 1], 0).into(), false, tls, host, bounds).unwrap();
        let address = listening.address();
        std::mem::forget(listening);
        address
    }

    /// Serves SSH too, for as long as the process lives, with sessions of this program; answers where.
    pub fn listen_for_ssh(&self, room: &Path, program: &str, arguments: &[&str]) -> std::net::SocketAddr {
        let options = console::ssh::Options {
            address: ([127, 0, 0, 1], 0).into(),
            host_key: room.join("host_key"),
            banner: "Authorized use only\n".into(),
            client: console::Client { program: program.into(), arguments: arguments.iter().map(Into::into).collect() },
            bounds: console::ssh::Bounds { grace: Duration::from_secs(20), delay: Duration::from_millis(10), ..Default::default() },
        };
        let listening = console::ssh::start(options, self.proofs()).unwrap();
        let address = listening.address();
        std::mem::forget(listening);
        address
    }

    /// Serves browsers too, for as long as the process lives, with sessions of this program; answers where.
    pub fn listen_for_browsers(&self, program: &str, arguments: &[&str], idle: Duration) -> std::net::SocketAddr {
        let options = console::web::Options {
            address: ([127, 0, 0, 1], 0).into(),
            tls: None,
            system: "FAKE".into(),
            client: console::Client { program: program.into(), arguments: arguments.iter().map(Into::into).collect() },
            bounds: console::web::Bounds { delay: Duration::from_millis(10), idle, ..Default::default() },
        };
        let listening = console::web::start(options, self.proofs()).unwrap();
        let address = listening.address();
        std::mem::forget(listening);
        address
    }

    /// Who is who.
    pub fn proofs(&self) -> Arc<console::Proofs> {
        console::Proofs::new(Arc::clone(&self.cp) as Arc<dyn Host>)
    }

    /// CP says something on a user's console.
    pub fn say(&self, userid: &str, text: &str) {
        let machines = self.cp.machines.lock().unwrap();
        machines[userid].console.write(LineKind::Message, text);
    }

    /// A key that everybody's owner has.
    pub fn know(&self, key: &str) {
        self.cp.keys.lock().unwrap().push(key.into());
    }

    pub fn stop(&mut self) {
        for machine in self.cp.machines.lock().unwrap().values() {
            machine.console.end(Ending::Shutdown);
        }
        if let Some(listening) = self.listening.take() {
            listening.stop();
        }
    }

    /// Lets one guest go on that waits to be told.
    pub fn go_on(&self) {
        *self.cp.gate.permits.lock().unwrap() += 1;
        self.cp.gate.opened.notify_all();
    }

    /// As when CP is killed: nobody is told anything.
    pub fn stop_rudely(&mut self) {
        if let Some(listening) = self.listening.take() {
            listening.stop();
        }
    }

    /// The most logons that were carried out at once.
    pub fn most_logons(&self) -> usize {
        self.cp.most_logons.load(Ordering::SeqCst)
    }

    pub fn log(&self) -> Vec<String> {
        self.cp.log.entries.lock().unwrap().clone()
    }

    /// Forgets what CP was told.
    pub fn clear_log(&self) {
        *self.cp.log.entries.lock().unwrap() = Vec::new();
    }

    /// Waits until the log of what CP was told satisfies `enough`.
    pub fn wait_for(&self, enough: impl Fn(&[String]) -> bool) {
        let deadline = Instant::now() + Duration::from_secs(90);
        let mut entries = self.cp.log.entries.lock().unwrap();
        while !enough(&entries) {
            let left = deadline.checked_duration_since(Instant::now()).unwrap_or_else(|| panic!("waited in vain: {entries:?}"));
            entries = self.cp.log.changed.wait_timeout(entries, left).unwrap().0;
        }
    }
}

/// Where guests wait for a test.
#[derive(Default)]
struct Gate {
    permits: Mutex<usize>,
    opened: Condvar,
}

impl Gate {
    fn pass(&self) {
        let mut permits = self.opened.wait_while(self.permits.lock().unwrap(), |permits| *permits == 0).unwrap();
        *permits -= 1;
    }
}

#[derive(Default)]
struct Log {
    entries: Mutex<Vec<String>>,
    changed: Condvar,
}

impl Log {
    fn add(&self, entry: String) {
        self.entries.lock().unwrap().push(entry);
        self.changed.notify_all();
    }
}

struct Cp {
    guarded: bool,
    machines: Mutex<HashMap<String, Machine>>,
    log: Arc<Log>,
    gate: Arc<Gate>,
    polls: Mutex<u64>,
    /// Public keys that are anybody's.
    keys: Mutex<Vec<String>>,
    code_used: AtomicBool,
    /// Logons in progress, and the most there were at once.
    logons: AtomicUsize,
    most_logons: AtomicUsize,
}

#[derive(Clone)]
struct Machine {
    console: Arc<VirtualConsole>,
    /// Lines given to the guest, and the state to return to from CP READ.
    guest: std::sync::mpsc::Sender<String>,
    interrupted: Arc<Mutex<Option<ConsoleState>>>,
    /// `#CP` is no longer understood.
    no_linend: Arc<Mutex<bool>>,
}

impl Cp {
    fn machine(&self, userid: &str) -> Option<Machine> {
        self.machines.lock().unwrap().get(userid).cloned()
    }

    fn command(&self, userid: &str, machine: &Machine, command: &str) {
        match command.to_ascii_uppercase().as_str() {
            "QUERY TIME" => machine.console.write(LineKind::Cp, "TIME IS 10:00:00"),
            "LOGOFF" => {
                self.machines.lock().unwrap().remove(userid);
                machine.console.write(LineKind::Cp, "LOGOFF AT 10:00:00");
                machine.console.end(Ending::LoggedOff);
            }
            "BEGIN" => {
                if let Some(state) = machine.interrupted.lock().unwrap().take() {
                    machine.console.set_state(state);
                }
            }
            other => machine.console.write(LineKind::Cp, &format!("HCPCMD001E Unknown CP command: {other}")),
        }
    }
}

impl Host for Cp {
    fn logo(&self) -> Logo {
        Logo { system: "FAKE".into(), release: "CP-64 Version 0".into(), lines: vec!["A fake system".into()] }
    }

    fn authenticate(&self, _peer: &Peer, userid: &str, proof: &Proof) -> bool {
        match proof {
            Proof::Password(password) => ["ALAN", CODED].contains(&userid) && password == PASSWORD,
            Proof::Key(key) => self.keys.lock().unwrap().contains(key),
        }
    }

    fn wants_code(&self, userid: &str) -> bool {
        userid == CODED
    }

    fn takes_code(&self, _: &str, code: &str) -> bool {
        // Each is right once.
        code == CODE && !self.code_used.swap(true, Ordering::SeqCst)
    }

    fn visited(&self, peer: &Peer, userid: &str, what: Visited) {
        self.log.add(format!("{userid} from {peer}: {what:?}"));
    }

    fn logon(&self, _peer: &Peer, request: &Logon) -> Result<Session, LogonRefusal> {
        self.most_logons.fetch_max(1 + self.logons.fetch_add(1, Ordering::SeqCst), Ordering::SeqCst);
        if request.userid.starts_with("SLOW") {
            thread::sleep(Duration::from_millis(20));
        }
        self.logons.fetch_sub(1, Ordering::SeqCst);
        if self.guarded {
            match &request.password {
                None => {
                    return Err(LogonRefusal::NeedPassword { prompt: "Enter your password,".into() });
                }
                Some(password) if password != PASSWORD => {
                    let message = "HCPLGA050E LOGON unsuccessful--incorrect userid and/or password".into();
                    return Err(LogonRefusal::Refused { code: 50, message });
                }
                Some(_) => {}
            }
        }
        let mut machines = self.machines.lock().unwrap();
        let userid = request.userid.clone();
        if let Some(machine) = machines.get(&userid) {
            if request.attach {
                return Ok(Session::new(userid, "FAKE", &machine.console, Role::Observer));
            }
            if machine.console.owner().is_some() && !request.here {
                return Err(LogonRefusal::Refused { code: 54, message: "HCPLGA054E Already logged on LDEV L0001".into() });
            }
            let session = Session::new(userid, "FAKE", &machine.console, Role::Owner);
            machine.console.write(LineKind::Cp, "RECONNECTED AT 10:00:00");
            return Ok(session);
        }
        let console = VirtualConsole::new(console::Limits::default());
        let session = Session::new(&userid, "FAKE", &console, Role::Owner);
        console.write(LineKind::Cp, "LOGON AT 10:00:00");
        let (guest, lines) = std::sync::mpsc::channel();
        machines.insert(
            userid.clone(),
            Machine { console: Arc::clone(&console), guest, interrupted: Arc::default(), no_linend: Arc::default() },
        );
        console.write(LineKind::Guest, "Ready;");
        console.set_state(READ);
        let (log, gate) = (Arc::clone(&self.log), Arc::clone(&self.gate));
        let interrupted = Arc::clone(&machines[&userid].interrupted);
        thread::spawn(move || guest_runs(&userid, &console, &lines, &interrupted, &log, &gate));
        Ok(session)
    }

    fn input(&self, session: &Session, line: String) {
        let Some(machine) = self.machine(&session.userid) else {
            return;
        };
        self.log.add(format!("{} in {:?}: {line}", session.userid, machine.console.state()));
        for line in logical_lines(&line, &LineEdit::default()) {
            let deaf = *machine.no_linend.lock().unwrap();
            if (line.to_cp && !deaf) || machine.console.state() == ConsoleState::CpRead {
                self.command(&session.userid, &machine, &line.text);
            } else if line.text == "attention" {
                self.attention(session);
            } else {
                *machine.no_linend.lock().unwrap() |= line.text == "nolinend";
                machine.console.set_state(ConsoleState::Running);
                let _ = machine.guest.send(line.text);
            }
        }
    }

    fn key(&self, session: &Session, key: &console::presentation::inbound::Inbound) {
        if let Some(machine) = self.machine(&session.userid)
            && machine.console.press(key)
        {
            let _ = machine.guest.send("key".into());
        }
    }

    fn typed(&self, session: &Session, bytes: &[u8]) {
        if let Some(machine) = self.machine(&session.userid) {
            let _ = machine.guest.send(format!("typed {}", bytes.escape_ascii()));
        }
    }

    fn attention(&self, session: &Session) {
        let Some(machine) = self.machine(&session.userid) else {
            return;
        };
        let mut interrupted = machine.interrupted.lock().unwrap();
        interrupted.get_or_insert(machine.console.state());
        machine.console.set_state(ConsoleState::CpRead);
    }

    fn disconnected(&self, session: &Session, by_request: bool) {
        if session.owns_console() {
            session.console.write(LineKind::Cp, "DISCONNECT AT 10:00:00");
            session.console.end(Ending::Disconnected);
            self.log.add(format!("{} disconnected, {}", session.userid, if by_request { "asked to" } else { "line dropped" }));
        }
    }

    fn resize(&self, session: &Session, columns: u16, rows: u16) {
        self.log.add(format!("{} has {columns} by {rows}", session.userid));
        if session.console.has_key()
            && let Some(machine) = self.machine(&session.userid)
        {
            let _ = machine.guest.send("key".into());
        }
    }

    fn dial(&self, _: &Peer, userid: &str, _: Option<u16>) -> Result<Session, LogonRefusal> {
        Err(LogonRefusal::Refused { code: 55, message: format!("HCPDIA055E Line(s) not available on {userid}") })
    }

    fn copy_screen(&self, session: &Session, rows: Vec<String>) {
        self.log.add(format!("{} copied {} rows", session.userid, rows.len()));
    }

    fn files(&self, _: &Session) -> Vec<(String, String)> {
        vec![("MEMO".into(), "TXT".into()), ("PROFILE".into(), "EXEC".into())]
    }

    fn command(&self, _peer: &Peer, command: &str) -> Answer {
        Answer { code: 0, lines: vec![format!("did {command}")], json: "{}".into() }
    }

    fn punch(&self, _peer: &Peer, file: Punch) -> Result<Box<dyn Deck>, Answer> {
        if file.to == "NOBODY" {
            return Err(Answer { code: 53, lines: vec!["NOBODY not in CP directory".into()], json: "{}".into() });
        }
        Ok(Box::new(FakeDeck { to: file.to, bytes: 0, log: Arc::clone(&self.log) }))
    }

    fn snapshot(&self, _peer: &Peer, window: &wire::Window) -> Snapshot {
        let mut polls = self.polls.lock().unwrap();
        *polls += 1;
        wire::Snapshot { uptime_seconds: *polls, first: window.first, ..Snapshot::default() }
    }
}

/// A deck that is counted; FULL takes one megabyte.
struct FakeDeck {
    to: String,
    bytes: usize,
    log: Arc<Log>,
}

impl Deck for FakeDeck {
    fn add(&mut self, records: &[Vec<u8>]) -> Result<(), Answer> {
        self.bytes += records.iter().map(Vec::len).sum::<usize>();
        match self.bytes {
            1_000_000.. if self.to == "FULL" => Err(Answer { code: 9433, lines: vec!["The spool is full".into()], json: "{}".into() }),
            _ => Ok(()),
        }
    }

    fn close(self: Box<Self>) -> Answer {
        Answer { code: 0, lines: vec![format!("{} bytes to {}", self.bytes, self.to)], json: "{}".into() }
    }
}

impl Drop for FakeDeck {
    fn drop(&mut self) {
        self.log.add(format!("a deck to {} is gone after {} bytes", self.to, self.bytes));
    }
}

/// The guest: takes its time over each line, then reads the next.
fn guest_runs(
    userid: &str,
    console: &VirtualConsole,
    lines: &std::sync::mpsc::Receiver<String>,
    interrupted: &Mutex<Option<ConsoleState>>,
    log: &Log,
    gate: &Gate,
) {
    while let Ok(line) = lines.recv() {
        thread::sleep(Duration::from_millis(5));
        let (word, rest) = line.split_once(' ').unwrap_or((&line, ""));
        match word {
            "echo" => console.write(LineKind::Guest, rest),
            "later" => {
                thread::sleep(Duration::from_millis(100));
                console.write(LineKind::Guest, rest);
            }
            "evil" => console.write(LineKind::Guest, "\u{1b}[31mred\u{1b}]0;title\u{7}"),
            "flood" => {
                for number in 0..rest.parse().unwrap_or(0) {
                    console.write(LineKind::Guest, &format!("flood {number} {}", "x".repeat(90)));
                }
                log.add(format!("{userid} flood done"));
            }
            "count" => {
                for number in 0..rest.parse().unwrap_or(0) {
                    console.write(LineKind::Guest, &format!("line {number}"));
                }
            }
            "pour" => {
                for number in 0..rest.parse().unwrap_or(0) {
                    while console.congested() {
                        thread::sleep(Duration::from_millis(1));
                    }
                    console.write(LineKind::Guest, &format!("pour {number} {}", "x".repeat(80)));
                }
            }
            "prompt" => {
                console.write(LineKind::Prompt, "Your name: ");
                console.set_state(READ);
                let Ok(name) = lines.recv() else { return };
                console.write(LineKind::Guest, &format!("Hello {name}"));
            }
            "lateprompt" => {
                thread::sleep(Duration::from_millis(600));
                console.write(LineKind::Prompt, "Your name: ");
                console.set_state(READ);
                let Ok(name) = lines.recv() else { return };
                console.write(LineKind::Guest, &format!("Hello {name}"));
            }
            "screen" => {
                // A full screen: a title, an input field and a message; any key but PF3 shows what was typed.
                let page = console::presentation::CodePage::Cp1047;
                let mut said = page.encode_text(rest);
                loop {
                    let stream = [
                        &[0xc3, 0x1d, 0xf8][..],
                        &page.encode_text("TITLE ["),
                        &page.encode_text(userid),
                        &page.encode_text("]"),
                        &[0x11, 0xc1, 0x50, 0x1d, 0x40, 0x13, 0x11, 0xc1, 0xf0, 0x1d, 0xf0],
                        &said,
                    ]
                    .concat();
                    if let Err(refusal) = console.write_screen(Command::EraseWriteAlternate, &stream) {
                        console.write(LineKind::Guest, &refusal.to_string());
                        break;
                    }
                    let Ok(line) = lines.recv() else { return };
                    if line != "key" {
                        // Typed at lines that broke in.
                        console.write(LineKind::Message, &format!("* {line}"));
                        continue;
                    }
                    let Ok(Some(read)) = console.read_screen(Command::ReadModified) else { continue };
                    let key = Inbound::parse(&read, Size { rows: 100, columns: 160 }).unwrap();
                    if key.aid == Aid::Pf(3) {
                        break;
                    }
                    let typed = key.fields.first().map(|(_, codes)| page.decode_text(codes)).unwrap_or_default();
                    said = page.encode_text(&format!("{:?} at {} {typed}", key.aid, key.cursor));
                }
                console.end_screen();
            }
            "wait" => gate.pass(),
            "secret" => {
                if rest == "when told" {
                    gate.pass();
                }
                console.set_state(SECRET);
                let Ok(secret) = lines.recv() else { return };
                console.write(LineKind::Guest, &format!("{} characters", secret.len()));
            }
            _ => {}
        }
        console.write(LineKind::Guest, "Ready;");
        // Who interrupted it talks to CP first.
        match interrupted.lock().unwrap().as_mut() {
            Some(later) => *later = READ,
            None => console.set_state(READ),
        }
    }
}
