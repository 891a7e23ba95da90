//! CP as terminals see it: the front ends' [`Host`].

use std::sync::Arc;
use std::sync::atomic::Ordering;

use console::presentation::inbound::Inbound;
use console::wire::{self, Ending, LineKind};
use console::{Host, Logo, LogonRefusal, Peer, Proof, Role, Session, Visited, WRONG_PASSWORD};

use super::Cp;
use crate::clock;
use crate::command::{self, Origin};
use crate::directory::{self, DeviceNumber, Password, UserEntry, UserId};
use crate::dispatcher::meter::thread_time;
use crate::users::{Line, LogonError, User, Way, log_on, start_up};

/// CP behind the front ends.
pub struct Terminals(pub Arc<Cp>);

/// What a terminal with a screen shows before LOGON.
const LOGO: [&str; 5] = [
    "   CCCCCCC   PPPPPPPP              666666        44",
    "  CC         PP    PP            66            44 4",
    "  CC         PPPPPPPP    ----    6666666      44  4",
    "  CC         PP                  66    66    44444444",
    "   CCCCCCC   PP                   666666          4",
];

/// A userid as somebody sent it, for a log: garbage is no name.
fn recordable(userid: &str) -> &str {
    if userid.len() <= 8 && userid.bytes().all(|byte| byte.is_ascii_graphic()) { userid } else { "?" }
}

fn refused(code: u32, message: impl Into<String>) -> LogonRefusal {
    LogonRefusal::Refused { code, message: message.into() }
}

/// The password is right, and there is one field for it and the code.
fn code_wanted() -> LogonRefusal {
    refused(WRONG_PASSWORD, "HCPLGA050E LOGON unsuccessful--type your one-time code directly behind the password")
}

fn wrong_password() -> LogonRefusal {
    refused(WRONG_PASSWORD, "HCPLGA050E LOGON unsuccessful--incorrect userid and/or password")
}

impl Terminals {
    /// Keeps an event on record; the operator is told when that fails.
    fn audit(&self, event: &str, userid: &str, peer: &Peer, how: &str) {
        self.0.audit.record(event, userid, &peer.to_string(), how);
        self.0.tell_of_audit();
    }

    /// Whether this peer may be that user: the owner of the system may be anyone who can log on at all.
    fn authorize(&self, peer: &Peer, entry: &UserEntry, request: &wire::Logon) -> Result<(), LogonRefusal> {
        if entry.password == Password::NoLog {
            return Err(wrong_password());
        }
        let shows_code = |entry: &UserEntry| directory::totp::is_wanted(&self.0.data.root(), &entry.userid);
        if peer.owner || entry.password == Password::NoPass && !shows_code(entry) {
            return Ok(());
        }
        let directory = self.0.directory();
        let prover = match &request.by {
            None => entry,
            Some(by) => {
                let by: UserId = by.parse().map_err(|_| wrong_password())?;
                directory.user(&by).filter(|_| entry.logon_by.contains(&by)).ok_or_else(wrong_password)?
            }
        };
        let Some(typed) = &request.password else {
            return Err(LogonRefusal::NeedPassword { prompt: "Enter your password,\nit will not appear when typed".to_string() });
        };
        let is_password = |typed: &str| if directory::verify(&prover.password, typed) { Ok(()) } else { Err(wrong_password()) };
        if !shows_code(prover) {
            return is_password(typed);
        }
        let Some((password, code)) = directory::totp::with_code(typed) else { return is_password(typed).and(Err(code_wanted())) };
        is_password(password)?;
        if self.is_code(&prover.userid, code) { Ok(()) } else { Err(wrong_password()) }
    }

    /// Whether that is a one-time code of this user's now.
    fn is_code(&self, id: &UserId, code: &str) -> bool {
        let now = u64::try_from(self.0.clock.now().timestamp().as_second()).unwrap_or(0);
        self.0.codes.takes(&self.0.data.root(), id, code, now)
    }

    /// LOGON, reconnect, take over or share, as the request says.
    fn grant(&self, peer: &Peer, request: &wire::Logon) -> Result<Session, LogonRefusal> {
        let cp = &self.0;
        let id: UserId = request.userid.parse().map_err(|_| wrong_password())?;
        let directory = cp.directory();
        let entry = match directory.user(&id) {
            Some(entry) => entry,
            // The owner may be told; a stranger learns nothing about who exists.
            None if peer.owner => return Err(refused(53, format!("HCPLGA053E {id} not in CP directory"))),
            None if request.password.is_none() => {
                return Err(LogonRefusal::NeedPassword { prompt: "Enter your password,\nit will not appear when typed".to_string() });
            }
            None => {
                // As long as a real check takes: the time must not tell who exists.
                directory::verify_nobody(request.password.as_deref().unwrap_or_default());
                return Err(wrong_password());
            }
        };
        self.authorize(peer, entry, request)?;
        if let Some(user) = cp.users.get(&id) {
            return match request.attach {
                true if request.observe => Ok(self.session(&user, Role::Watcher)),
                true => Ok(self.session(&user, Role::Observer)),
                false => self.reconnect(&user, request.here),
            };
        }
        if request.attach {
            return Err(refused(45, format!("HCPCQU045E {id} not logged on")));
        }
        cp.dispatcher.logon_turn();
        let begun = thread_time();
        let logged_on = log_on(cp, &directory, entry, Way::Terminal);
        cp.dispatcher.charge_logon(thread_time().saturating_sub(begun));
        let user = match logged_on {
            Ok(user) => user,
            Err(LogonError::Present(user)) => return self.reconnect(&user, request.here),
            Err(error) => return Err(refused(59, format!("HCPLGA059E LOGON unsuccessful--{error}"))),
        };
        let session = self.session(&user, Role::Owner);
        let no_ipl = request.no_ipl;
        let logged_on = Arc::clone(&user);
        // The terminal is answered first; the IPL shows on it.
        cp.workers.submit(Box::new(move || {
            let begun = thread_time();
            start_up(&logged_on, no_ipl);
            logged_on.cp().dispatcher.charge_logon(thread_time().saturating_sub(begun));
        }));
        Ok(session)
    }

    fn session(&self, user: &Arc<User>, role: Role) -> Session {
        Session::new(user.id.to_string(), self.0.config.system_id.clone(), &user.console, role)
    }

    /// Gives the console of a user who is logged on to another terminal.
    fn reconnect(&self, user: &Arc<User>, here: bool) -> Result<Session, LogonRefusal> {
        // The terminal is attached under the lock that decides, so that a DISCONNECT at this moment is of the one before.
        let mut state = user.session.lock();
        if user.is_gone() {
            return Err(refused(361, format!("HCPUSO361E LOGOFF/FORCE pending for user {}", user.id)));
        }
        let free = match state.line {
            Line::Disconnected => true,
            Line::System => user.console.owner().is_none(),
            Line::Logical(_) => false,
        };
        if !free && !here {
            let kind = if state.line == Line::System { "SYSC".to_string() } else { format!("LDEV {}", state.line) };
            return Err(refused(54, format!("HCPLGA054E Already logged on {kind}")));
        }
        if state.line != Line::System {
            state.line = Line::Logical(self.0.next_line());
        }
        let line = state.line;
        let session = self.session(user, Role::Owner);
        drop(state);
        user.active();
        let now = clock::full(&self.0.clock.now());
        user.console.write(LineKind::Cp, &format!("RECONNECTED AT {now}"));
        self.0.note_line(user, line, "RECONNECT");
        Ok(session)
    }

    /// The user whose line the session's terminal is dialed to.
    fn dialed(&self, session: &Session) -> Option<Arc<User>> {
        let user = self.0.users.get(&session.userid.parse().ok()?)?;
        user.dialed_console().is_some_and(|console| Arc::ptr_eq(&console, &session.console)).then_some(user)
    }

    /// The user whose console the session has: not one who logged on since by the same name, and nobody when another terminal has
    /// taken the console over.
    fn user(&self, session: &Session) -> Option<Arc<User>> {
        let user = self.0.users.get(&session.userid.parse().ok()?)?;
        let current = match session.role {
            Role::Owner => session.owns_console(),
            Role::Observer => true,
            // Only looks: nothing that comes from there is the user's.
            Role::Watcher => false,
        };
        (current && Arc::ptr_eq(&user.console, &session.console)).then_some(user)
    }
}

impl Cp {
    /// Tells the operator when events are not kept.
    pub fn tell_of_audit(&self) {
        if let Some(why) = self.audit.take_trouble() {
            self.say_to_operator(&format!("The audit log is not written: {why}"));
        }
    }
}

impl Host for Terminals {
    fn logo(&self) -> Logo {
        Logo {
            system: self.0.config.system_id.clone(),
            release: format!("CP-64 Version {}, {}", crate::RELEASE, crate::DESCRIPTION),
            lines: LOGO.map(str::to_string).to_vec(),
        }
    }

    fn logon(&self, peer: &Peer, request: &wire::Logon) -> Result<Session, LogonRefusal> {
        let granted = self.grant(peer, request);
        let name = recordable(&request.userid);
        match &granted {
            Ok(session) => {
                let how = match session.role {
                    Role::Owner => "",
                    Role::Observer => "shares the console",
                    Role::Watcher => "watches the console",
                };
                self.audit("logon", name, peer, how);
            }
            Err(LogonRefusal::Refused { message, .. }) => {
                self.0.counters.logons_refused.fetch_add(1, Ordering::Relaxed);
                self.audit("logon-refused", name, peer, message);
            }
            Err(LogonRefusal::NeedPassword { .. }) => {}
        }
        granted
    }

    fn authenticate(&self, _peer: &Peer, userid: &str, proof: &Proof) -> bool {
        let (directory, id) = (self.0.directory(), userid.parse::<UserId>());
        let entry = id.as_ref().ok().and_then(|id| directory.user(id));
        match (entry, proof) {
            (Some(entry), _) if entry.password == Password::NoLog => false,
            (Some(entry), Proof::Key(key)) => directory::keys::knows(&self.0.data.root(), &entry.userid, key),
            (Some(entry), Proof::Password(typed)) => directory::verify(&entry.password, typed),
            (None, Proof::Key(_)) => false,
            (None, Proof::Password(typed)) => {
                directory::verify_nobody(typed);
                false
            }
        }
    }

    fn wants_code(&self, userid: &str) -> bool {
        userid.parse().is_ok_and(|id| directory::totp::is_wanted(&self.0.data.root(), &id))
    }

    fn takes_code(&self, userid: &str, code: &str) -> bool {
        userid.parse().is_ok_and(|id| self.is_code(&id, code))
    }

    fn visited(&self, peer: &Peer, userid: &str, what: Visited) {
        match what {
            Visited::Accepted(method) => self.audit("accepted", userid, peer, method),
            Visited::Refused(method) => self.audit("refused", userid, peer, method),
        }
    }

    fn dial(&self, peer: &Peer, userid: &str, vdev: Option<u16>) -> Result<Session, LogonRefusal> {
        let cp = &self.0;
        let name: String = userid.chars().filter(char::is_ascii_graphic).take(8).collect();
        let not_logged_on = || refused(45, format!("HCPDIA045E {} not logged on", name.to_uppercase()));
        let user = userid.parse().ok().and_then(|id| cp.users.get(&id)).ok_or_else(not_logged_on)?;
        let dialed = user.dial(vdev.map(DeviceNumber), Line::Logical(cp.next_line()));
        match dialed {
            Ok(console) => Ok(Session::new(user.id.to_string(), cp.config.system_id.clone(), &console, Role::Owner)),
            Err((code, message)) => {
                self.audit("dial-refused", recordable(userid), peer, &message);
                Err(refused(code, message))
            }
        }
    }

    fn input(&self, session: &Session, line: String) {
        if let Some(user) = self.user(session) {
            user.type_line(&line);
        } else if let Some(user) = self.dialed(session) {
            user.dialed_line(&session.console, &line);
        }
    }

    fn key(&self, session: &Session, key: &Inbound) {
        if let Some(user) = self.user(session) {
            user.press_key(key);
        }
    }

    fn typed(&self, session: &Session, bytes: &[u8]) {
        if let Some(user) = self.user(session) {
            user.type_keys(bytes);
        }
    }

    fn attention(&self, session: &Session) {
        if let Some(user) = self.user(session) {
            user.attention();
        } else if let Some(user) = self.dialed(session) {
            user.undial();
        }
    }

    fn disconnected(&self, session: &Session, by_request: bool) {
        if let Some(user) = self.user(session) {
            user.disconnect_if(if by_request { "asked to" } else { "the line dropped" }, |_| session.owns_console());
        } else if let Some(user) = self.dialed(session) {
            user.undial();
        }
    }

    fn resize(&self, session: &Session, columns: u16, _rows: u16) {
        if let Some(user) = self.user(session).filter(|_| session.role == Role::Owner) {
            // What LINESIZE has said stays.
            if user.console.preferences().line_size == 0 {
                user.session.lock().settings.columns = columns;
            }
            if user.console.has_key() {
                user.screen_key();
            }
        }
    }

    fn copy_screen(&self, session: &Session, rows: Vec<String>) {
        let Some(user) = self.user(session).filter(|_| session.role != Role::Watcher) else { return };
        let said = match command::print_screen(&user, &rows) {
            Ok(spid) => format!("PRT FILE {spid} is a copy of the screen"),
            Err(message) => message.to_string(),
        };
        session.console.write(LineKind::Cp, &said);
    }

    fn files(&self, session: &Session) -> Vec<(String, String)> {
        self.user(session).map(|user| user.file_names(wire::FILES_MAX)).unwrap_or_default()
    }

    fn command(&self, _peer: &Peer, text: &str) -> wire::Answer {
        command::execute(&self.0, Origin::host(&self.0), text).into()
    }

    fn punch(&self, _peer: &Peer, file: wire::Punch) -> Result<Box<dyn console::Deck>, wire::Answer> {
        command::punch_from_host(&self.0, file)
    }

    fn snapshot(&self, _peer: &Peer, window: &wire::Window) -> wire::Snapshot {
        self.0.snapshot(window)
    }
}

impl User {
    /// DISCONNECT, by the user or by force: the terminal goes, the machine goes on.
    /// `how` is what the audit log calls it.
    pub fn disconnect(&self, how: &str) {
        self.disconnect_if(how, |line| line != Line::Disconnected);
    }

    /// Disconnects if `leaves` says so of where the console is. Decided and done under one lock: a terminal that reconnects meanwhile is
    /// not the one that is sent away.
    fn disconnect_if(&self, how: &str, leaves: impl FnOnce(Line) -> bool) {
        let mut state = self.session.lock();
        if !leaves(state.line) {
            return;
        }
        let line = state.leave();
        self.console.write(LineKind::Cp, &format!("DISCONNECT AT {}", clock::full(&self.cp().clock.now())));
        self.console.end(Ending::Disconnected);
        drop(state);
        self.cp().audit.record("disconnect", &self.id.to_string(), "", how);
        self.cp().note_line(self, line, "DISCONNECT");
    }
}
