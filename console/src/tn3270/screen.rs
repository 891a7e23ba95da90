//! A person at a 3270: the logo, LOGON, the console in line mode or with the screen of a program, and the logo again.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::task::JoinError;
use tokio::time::{Instant, sleep_until, timeout};

use super::before_logon::{self, Asked};
use super::line::{Input, Line, LineError, Stream};
use super::logo::{self, Filled};
use super::{Visit, Visited};
use crate::calls::{enter, press};
use crate::line_mode::LineMode;
use crate::preferences::{Entered, PfKey};
use crate::presentation::inbound::{Aid, Inbound};
use crate::presentation::paint::How;
use crate::presentation::{Painter, Shown, Space, Terminal};
use crate::showing::Showing;
use crate::text;
use crate::virtual_console::{Attachment, ConsoleEvent, Display, Picture, Role};
use crate::wire::{self, ConsoleState, Ending, LineKind};
use crate::{LogonRefusal, Session, WRONG_PASSWORD};

/// A terminal and what it shows.
pub(super) struct Screen<S> {
    line: Line<S>,
    terminal: Terminal,
    shown: Shown,
}

/// A key that was pressed.
enum Key {
    Sent(Inbound),
    Attention,
}

impl<S: Stream> Screen<S> {
    pub(super) fn new(line: Line<S>, terminal: Terminal) -> Self {
        Self { line, terminal, shown: Shown::unknown() }
    }

    fn painter(&self) -> Painter {
        Painter { extended: self.terminal.extended, sizes: self.terminal.sizes }
    }

    async fn paint(&mut self, space: &Space, how: &How) -> Result<(), LineError> {
        match self.painter().paint(&mut self.shown, space, how) {
            Some(data) => self.line.send_record(&data).await,
            None => Ok(()),
        }
    }

    /// The next key. What makes no sense is no key. Cancel safe.
    async fn key(&mut self) -> Result<Key, LineError> {
        loop {
            match self.line.input().await? {
                Input::Attention => return Ok(Key::Attention),
                Input::SysReq => {
                    self.shown = Shown::unknown();
                    return Ok(Key::Attention);
                }
                Input::Record(record) => match Inbound::parse(&record, self.terminal.sizes.1) {
                    // An answer to a query that came late.
                    Ok(Inbound { aid: Aid::StructuredField | Aid::None, .. }) => {}
                    Ok(inbound) => {
                        if inbound.aid == Aid::Clear {
                            self.shown = Shown::unknown();
                        }
                        return Ok(Key::Sent(inbound));
                    }
                    Err(error) => tracing::debug!(%error, "A terminal sent what is no key"),
                },
                Input::Text(_) => {}
            }
        }
    }

    fn wire_terminal(&self) -> wire::Terminal {
        let size = self.terminal.sizes.1;
        wire::Terminal { columns: size.columns, rows: size.rows, script: false, draws: false }
    }

    /// Serves the terminal until it goes.
    pub(super) async fn serve(mut self, visit: &mut Visit) -> Result<(), LineError> {
        let mut message = String::new();
        while let Some(mut session) = self.logon(visit, std::mem::take(&mut message)).await? {
            let Some(mut attachment) = session.take_attachment() else { return Err(LineError::Gone) };
            let mut at_console = AtConsole::new(&mut self, visit, session);
            let visited = at_console.run(&mut attachment).await;
            // Still attached: whether the console is this terminal's is asked meanwhile.
            at_console.leave(&visited).await?;
            match visited? {
                Visited::Over => {}
                Visited::Shutdown => break,
            }
        }
        self.line.close().await;
        Ok(())
    }

    /// The logo until somebody is logged on; nobody when the terminal is to be cut.
    async fn logon(&mut self, visit: &mut Visit, mut message: String) -> Result<Option<Session>, LineError> {
        let (size, page) = (self.terminal.sizes.1, self.terminal.page);
        let mut asked: Option<wire::Logon> = None;
        loop {
            let userid = asked.as_ref().map(|asked| asked.userid.clone()).unwrap_or_default();
            self.shown.forget(0..size.positions());
            let space = logo::screen(&visit.logo, size, page, &userid, &message);
            self.paint(&space, &How::afresh()).await?;
            let Ok(key) = timeout(visit.bounds.idle, self.key()).await else { return Ok(None) };
            let Key::Sent(inbound) = key? else { continue };
            message.clear();
            if inbound.aid != Aid::Enter {
                continue;
            }
            let request = match self.filled_in(logo::filled(&inbound, size, page, &userid), asked.take()) {
                Ok(Asked::Logon(request)) => request,
                Ok(Asked::Dial(userid, vdev)) => match visit.dial(userid, vdev).await? {
                    Ok(session) => return Ok(Some(session)),
                    Err(why) => {
                        message = why;
                        continue;
                    }
                },
                Err(why) => {
                    message = why;
                    continue;
                }
            };
            let given = request.password.is_some();
            let again = wire::Logon { password: None, ..request.clone() };
            match visit.calls.logon(&visit.peer, request).await? {
                Ok(session) => {
                    visit.place.take();
                    return Ok(Some(session));
                }
                Err(LogonRefusal::NeedPassword { .. }) => {
                    message = "Enter your password".to_string();
                    asked = Some(again);
                }
                Err(LogonRefusal::Refused { code, message: why }) => {
                    message = why;
                    if code == WRONG_PASSWORD && given && !visit.wrong().await {
                        let space = logo::screen(&visit.logo, size, page, "", &message);
                        self.paint(&space, &How::default()).await?;
                        return Ok(None);
                    }
                }
            }
        }
    }

    /// What the fields ask for; an earlier request goes on with its password.
    fn filled_in(&self, filled: Filled, asked: Option<wire::Logon>) -> Result<Asked, String> {
        let password = (!filled.password.is_empty()).then_some(filled.password);
        if !filled.command.is_empty() {
            return Ok(match before_logon::parse(&filled.command, self.wire_terminal())? {
                Asked::Logon(request) => Asked::Logon(wire::Logon { password: request.password.clone().or(password), ..request }),
                dial => dial,
            });
        }
        if filled.userid.is_empty() {
            return Err("Enter your userid, or a command".to_string());
        }
        let request = before_logon::request(&filled.userid, password.clone(), self.wire_terminal());
        Ok(Asked::Logon(match asked {
            Some(asked) if asked.userid == request.userid => wire::Logon { password, ..asked },
            _ => request,
        }))
    }
}

/// Lines and keys that CP may be behind with; then what is typed is NOT ACCEPTED.
const CALLS: usize = 4;

/// A call to CP that is under way.
type Call = Pin<Box<dyn Future<Output = Result<(), JoinError>> + Send>>;

/// Somebody at the console of a machine.
struct AtConsole<'a, S> {
    screen: &'a mut Screen<S>,
    visit: &'a Visit,
    session: Arc<Session>,
    mode: LineMode,
    started: Instant,
    entered: Entered,
    call: Option<Call>,
    /// Calls that have not ended, that one and those behind it.
    calls: Arc<AtomicUsize>,
    /// The console is over.
    ended: Option<Ending>,
    /// A program has the screen.
    full: Option<Full>,
}

/// A program's screen.
struct Full {
    picture: Picture,
    showing: Showing,
    /// Lines stand on the terminal instead.
    broken_in: bool,
}

/// What one key leads to.
enum After {
    /// The line that was typed stays.
    Keep,
    /// This is in the input area.
    Input(String),
    /// The terminal is done with the console.
    Leave,
}

impl<'a, S: Stream> AtConsole<'a, S> {
    fn new(screen: &'a mut Screen<S>, visit: &'a Visit, session: Session) -> Self {
        let more = session.console.preferences().more;
        let mode = LineMode::new(screen.terminal.sizes.1, screen.terminal.page, &session.system, more);
        let (session, started) = (Arc::new(session), Instant::now());
        Self {
            screen,
            visit,
            session,
            mode,
            started,
            entered: Entered::default(),
            call: None,
            calls: Arc::default(),
            ended: None,
            full: None,
        }
    }

    fn now(&self) -> Duration {
        self.started.elapsed()
    }

    async fn run(&mut self, attachment: &mut Attachment) -> Result<Visited, LineError> {
        let size = self.screen.wire_terminal();
        attachment.set_display(Some(Display { sizes: self.screen.terminal.sizes, extended: self.screen.terminal.extended }));
        self.begin_call(move |host, session| host.resize(session, size.columns, size.rows));
        self.screen.shown = Shown::unknown();
        self.paint_input("").await?;
        loop {
            let deadline = self.mode.deadline().map(|deadline| self.started + deadline);
            tokio::select! {
                event = attachment.next(), if self.ended.is_none() && self.mode.takes_output() => self.console_event(event).await?,
                key = self.screen.key() => {
                    if let Some(visited) = self.key(key?).await? {
                        return Ok(visited);
                    }
                }
                done = pending(&mut self.call) => {
                    self.call = None;
                    done?;
                }
                () = sleep_until(deadline.unwrap_or_else(Instant::now)), if deadline.is_some() => {
                    let now = self.now();
                    let alarm = self.mode.tick(now).alarm;
                    self.repaint(How { alarm, ..How::default() }).await?;
                    self.back_to_full().await?;
                }
            }
        }
    }

    /// Tells CP when the owner's terminal went away while the session was on.
    async fn leave(&mut self, visited: &Result<Visited, LineError>) -> Result<(), LineError> {
        if let Some(call) = self.call.take() {
            call.await?;
        }
        if visited.is_err() && self.ended.is_none() && self.session.role == Role::Owner && self.session.owns_console() {
            self.visit.calls.tell(&self.session, |host, session| host.disconnected(session, false)).await?;
        }
        Ok(())
    }

    fn begin_call(&mut self, call: impl FnOnce(&dyn crate::Host, &Session) + Send + 'static) {
        let (calls, session) = (self.visit.calls.clone(), Arc::clone(&self.session));
        let (before, waiting) = (self.call.take(), Arc::clone(&self.calls));
        waiting.fetch_add(1, Ordering::Relaxed);
        // One after the other.
        self.call = Some(Box::pin(async move {
            if let Some(before) = before {
                before.await?;
            }
            let done = calls.tell(&session, call).await;
            waiting.fetch_sub(1, Ordering::Relaxed);
            done
        }));
    }

    async fn console_event(&mut self, event: ConsoleEvent) -> Result<(), LineError> {
        let now = self.now();
        let secret = self.mode.state() == ConsoleState::VmRead { hidden: true };
        match event {
            ConsoleEvent::Screen(picture) => return self.picture(picture, now).await,
            ConsoleEvent::LineMode => {
                let covered = self.full.take().is_some_and(|full| !full.broken_in);
                if covered {
                    self.mode.clear(now);
                    return self.paint_lines().await;
                }
                return Ok(());
            }
            ConsoleEvent::Lines(lines) => {
                self.mode.set_more(self.session.console.preferences().more);
                if self.has_full() {
                    self.mode.break_in(lines, now);
                    return self.break_in().await;
                }
                self.mode.show(lines, now);
            }
            ConsoleEvent::Lost(count) => {
                let text = format!("({count} lines were lost: this terminal was too slow or away for too long)");
                self.mode.show([wire::Line { text, kind: LineKind::Warning }], now);
            }
            ConsoleEvent::State(state) => {
                self.mode.set_state(state);
                if self.has_full() {
                    // CP reads: a command, or a password.
                    if state == ConsoleState::Running {
                        return Ok(());
                    }
                    self.mode.clear(now);
                    return self.break_in().await;
                }
                if self.full.is_some() && state == ConsoleState::Running {
                    return self.back_to_full().await;
                }
            }
            ConsoleEvent::Ended(ending) => {
                if self.has_full() {
                    self.break_in().await?;
                }
                self.full = None;
                self.ended = Some(ending);
                let text = "Press ENTER or CLEAR to continue".to_string();
                self.mode.show([wire::Line { text, kind: LineKind::Cp }], now);
            }
        }
        // The input area becomes secret, or is so no more: what is in it goes.
        if secret != (self.mode.state() == ConsoleState::VmRead { hidden: true }) {
            return self.paint_input("").await;
        }
        self.repaint(How::default()).await
    }

    /// A program's screen is on the terminal.
    fn has_full(&self) -> bool {
        self.full.as_ref().is_some_and(|full| !full.broken_in)
    }

    async fn picture(&mut self, picture: Picture, now: Duration) -> Result<(), LineError> {
        let Some(full) = &mut self.full else {
            let showing = Showing::new(self.screen.painter(), self.screen.terminal.page);
            self.full = Some(Full { picture, showing, broken_in: true });
            if self.mode.make_room(now) {
                return self.repaint(How::default()).await;
            }
            return self.back_to_full().await;
        };
        full.picture = picture;
        self.show_full().await
    }

    /// Shows the program's screen, unless lines stand there.
    async fn show_full(&mut self) -> Result<(), LineError> {
        let Some(full) = self.full.as_mut().filter(|full| !full.broken_in) else { return Ok(()) };
        match full.showing.follow(&full.picture) {
            Some(data) => self.screen.line.send_record(&data).await,
            None => Ok(()),
        }
    }

    /// Lines take the place of the program's screen.
    async fn break_in(&mut self) -> Result<(), LineError> {
        if let Some(full) = &mut self.full {
            full.broken_in = true;
            full.showing.covered();
        }
        self.paint_lines().await
    }

    /// Line mode where something else was.
    async fn paint_lines(&mut self) -> Result<(), LineError> {
        self.screen.shown = Shown::unknown();
        self.paint_input("").await
    }

    /// The program's screen again, when nothing keeps the lines there.
    async fn back_to_full(&mut self) -> Result<(), LineError> {
        let free = self.mode.takes_output() && self.mode.state() == ConsoleState::Running;
        let Some(full) = self.full.as_mut().filter(|full| full.broken_in && free) else { return Ok(()) };
        full.broken_in = false;
        full.showing.covered();
        self.screen.shown = Shown::unknown();
        self.mode.clear(self.started.elapsed());
        self.show_full().await
    }

    /// Shows what changed around the line that is being typed.
    async fn repaint(&mut self, how: How) -> Result<(), LineError> {
        let space = self.mode.screen("");
        self.screen.paint(&space, &How { keep: self.mode.input_area(), ..how }).await
    }

    /// Shows everything, with this in the input area, and unlocks the keyboard.
    async fn paint_input(&mut self, input: &str) -> Result<(), LineError> {
        let area = self.mode.input_area();
        self.screen.shown.forget(area.start - 1..area.end);
        let mut space = self.mode.screen(input);
        if !input.is_empty() {
            // What a key put there is sent as if it had been typed.
            space.mark_modified(area.start);
        }
        self.screen.paint(&space, &How::afresh()).await
    }

    async fn key(&mut self, key: Key) -> Result<Option<Visited>, LineError> {
        if self.has_full() {
            self.full_key(key);
            return Ok(None);
        }
        self.mode.seen();
        let after = match key {
            Key::Attention => self.attention(),
            Key::Sent(inbound) => self.sent(&inbound),
        };
        match after {
            After::Keep => self.repaint(How { restore: true, ..How::default() }).await?,
            After::Input(text) => self.paint_input(&text).await?,
            After::Leave => return Ok(Some(if self.ended == Some(Ending::Shutdown) { Visited::Shutdown } else { Visited::Over })),
        }
        self.back_to_full().await?;
        Ok(None)
    }

    /// A key on a program's screen: the program's, or the one that calls CP. While CP is behind with others it is nobody's: a terminal's
    /// keyboard is locked meanwhile.
    fn full_key(&mut self, key: Key) {
        if self.is_behind() {
            return;
        }
        let Some(full) = &mut self.full else { return };
        match key {
            Key::Attention => self.begin_call(|host, session| host.attention(session)),
            Key::Sent(inbound) => {
                if inbound.aid == Aid::Clear {
                    full.showing.covered();
                }
                let key = full.showing.pressed(inbound);
                self.begin_call(move |host, session| press(host, session, &key));
            }
        }
    }

    fn attention(&mut self) -> After {
        if self.is_behind() {
            self.mode.refuse(self.now());
        } else {
            self.begin_call(|host, session| host.attention(session));
        }
        After::Keep
    }

    /// CP has enough to do for this terminal.
    fn is_behind(&self) -> bool {
        self.calls.load(Ordering::Relaxed) >= CALLS
    }

    fn sent(&mut self, inbound: &Inbound) -> After {
        let now = self.now();
        if self.ended.is_some() && self.mode.takes_output() {
            return match inbound.aid {
                Aid::Enter | Aid::Clear => After::Leave,
                _ => After::Keep,
            };
        }
        if self.session.console.preferences().break_key == Some(inbound.aid) {
            return self.attention();
        }
        match inbound.aid {
            Aid::Enter => self.enter(inbound, now),
            Aid::Clear => {
                self.mode.clear(now);
                After::Input(String::new())
            }
            Aid::Pa(2) => {
                self.mode.clear(now);
                After::Keep
            }
            Aid::SysReq => self.attention(),
            Aid::Pf(number) => self.pf(number, now),
            _ => After::Keep,
        }
    }

    fn enter(&mut self, inbound: &Inbound, now: Duration) -> After {
        let typed = inbound.field(self.mode.input_area().start).map(|codes| self.screen.terminal.page.decode_text(codes));
        let line = text::typed(typed.unwrap_or_default().trim_end());
        let paused = !self.mode.takes_output();
        if paused {
            self.mode.enter(now);
        }
        if line.is_empty() && (paused || self.mode.state() == ConsoleState::Running) {
            return After::Input(String::new());
        }
        self.submit(line, now)
    }

    /// Enters a line, unless CP is still at so many before.
    fn submit(&mut self, line: String, now: Duration) -> After {
        if self.is_behind() {
            self.mode.refuse(now);
            return After::Keep;
        }
        if self.mode.state() != (ConsoleState::VmRead { hidden: true }) {
            self.entered.push(&line);
            self.mode.show([wire::Line { text: line.clone(), kind: LineKind::Input }], now);
        }
        self.begin_call(move |host, session| enter(host, session, line));
        After::Input(String::new())
    }

    fn pf(&mut self, number: u8, now: Duration) -> After {
        match self.session.console.preferences().key(number) {
            PfKey::Undefined => {
                let text = format!("PF{number:02} UNDEFINED");
                self.mode.show([wire::Line { text, kind: LineKind::Cp }], now);
                After::Keep
            }
            PfKey::Immediate(line) => self.submit(line, now),
            PfKey::Delayed(line) => After::Input(line),
            PfKey::Retrieve => After::Input(self.entered.earlier().to_string()),
            PfKey::RetrieveForward => After::Input(self.entered.later().to_string()),
            PfKey::Copy if self.is_behind() => {
                self.mode.refuse(now);
                After::Keep
            }
            PfKey::Copy => {
                let space = self.mode.screen("");
                let rows = (0..usize::from(space.size().rows)).map(|row| space.row_text(row, self.screen.terminal.page)).collect();
                self.begin_call(move |host, session| host.copy_screen(session, rows));
                After::Keep
            }
        }
    }
}

/// The end of a call, if there is one. Cancel safe: the call goes on.
async fn pending(call: &mut Option<Call>) -> Result<(), JoinError> {
    match call {
        Some(call) => call.await,
        None => std::future::pending().await,
    }
}
