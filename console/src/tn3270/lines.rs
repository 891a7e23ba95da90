//! A person at a terminal that is no 3270: lines of text over Telnet.

use std::sync::Arc;

use tokio::time::timeout;

use super::Visit;
use super::before_logon::{self, Asked};
use super::line::{Input, Line, LineError, Stream};
use super::telnet::{IAC, WILL, WONT, escape, option};
use crate::calls::enter;
use crate::text;
use crate::virtual_console::{ConsoleEvent, Role};
use crate::wire::{ConsoleState, Ending, Terminal};
use crate::{LINE_MAX, LogonRefusal, Session, WRONG_PASSWORD};

/// Serves the terminal until it goes.
pub(super) async fn serve<S: Stream>(line: Line<S>, visit: &mut Visit) -> Result<(), LineError> {
    let mut lines = Lines { line, typed: Vec::new(), silent: false };
    let logo = visit.logo.clone();
    lines.say(&format!("{} ({})", logo.release, logo.system)).await?;
    for line in &logo.lines {
        lines.say(line).await?;
    }
    if let Some(session) = lines.logon(visit).await? {
        lines.console(visit, session).await?;
    }
    lines.line.close().await;
    Ok(())
}

struct Lines<S> {
    line: Line<S>,
    /// What was typed and is no line yet.
    typed: Vec<u8>,
    /// The terminal believes that we echo, which we do not: what is typed does not show.
    silent: bool,
}

/// What somebody entered.
enum Typed {
    Line(String),
    Attention,
}

impl<S: Stream> Lines<S> {
    async fn say(&mut self, line: &str) -> Result<(), LineError> {
        let mut bytes = Vec::new();
        escape(line.as_bytes(), &mut bytes);
        bytes.extend(b"\r\n");
        self.line.send(&bytes).await
    }

    async fn set_silent(&mut self, silent: bool) -> Result<(), LineError> {
        if std::mem::replace(&mut self.silent, silent) == silent {
            return Ok(());
        }
        self.line.send(&[IAC, if silent { WILL } else { WONT }, option::ECHO]).await?;
        // The end of the secret line was not shown.
        if silent { Ok(()) } else { self.line.send(b"\r\n").await }
    }

    /// The next line. Cancel safe.
    async fn next(&mut self) -> Result<Typed, LineError> {
        loop {
            if let Some(end) = self.typed.iter().position(|&byte| byte == b'\r' || byte == b'\n') {
                let line = self.typed.drain(..=end).take(end).collect::<Vec<u8>>();
                // CR LF and CR NUL are one end.
                if matches!(self.typed.first(), Some(b'\n' | 0)) {
                    self.typed.remove(0);
                }
                return Ok(Typed::Line(text::typed(&String::from_utf8_lossy(&line))));
            }
            match self.line.text().await? {
                Input::Attention | Input::SysReq => return Ok(Typed::Attention),
                Input::Text(bytes) | Input::Record(bytes) => {
                    self.typed.extend(bytes);
                    if self.typed.len() > 2 * LINE_MAX && !self.typed.contains(&b'\n') {
                        self.typed.truncate(LINE_MAX);
                    }
                }
            }
        }
    }

    async fn ask(&mut self, visit: &Visit, prompt: &str) -> Result<String, LineError> {
        self.line.send(prompt.as_bytes()).await?;
        loop {
            if let Typed::Line(line) = timeout(visit.bounds.idle, self.next()).await.map_err(|_| LineError::TimedOut)?? {
                return Ok(line.trim().to_string());
            }
        }
    }

    async fn logon(&mut self, visit: &mut Visit) -> Result<Option<Session>, LineError> {
        const TERMINAL: Terminal = Terminal { columns: 80, rows: 24, script: false, draws: false };
        loop {
            let line = self.ask(visit, "Enter LOGON userid: ").await?;
            let first = line.split_whitespace().next().unwrap_or_default().to_uppercase();
            let request = match line.split_whitespace().count() {
                0 => continue,
                1 if !"LOGON".starts_with(&first) => Ok(Asked::Logon(before_logon::request(&line, None, TERMINAL))),
                _ => before_logon::parse(&line, TERMINAL),
            };
            let mut request = match request {
                Ok(Asked::Logon(request)) => request,
                Ok(Asked::Dial(userid, vdev)) => match visit.dial(userid, vdev).await? {
                    Ok(session) => return Ok(Some(session)),
                    Err(why) => {
                        self.say(&why).await?;
                        continue;
                    }
                },
                Err(why) => {
                    self.say(&why).await?;
                    continue;
                }
            };
            loop {
                let given = request.password.is_some();
                let again = crate::wire::Logon { password: None, ..request.clone() };
                match visit.calls.logon(&visit.peer, request).await? {
                    Ok(session) => {
                        visit.place.take();
                        return Ok(Some(session));
                    }
                    Err(LogonRefusal::NeedPassword { .. }) => {
                        self.set_silent(true).await?;
                        let password = self.ask(visit, "Enter your password: ").await?;
                        self.set_silent(false).await?;
                        request = crate::wire::Logon { password: Some(password), ..again };
                        continue;
                    }
                    Err(LogonRefusal::Refused { code, message }) => {
                        self.say(&message).await?;
                        if code == WRONG_PASSWORD && given && !visit.wrong().await {
                            return Ok(None);
                        }
                    }
                }
                break;
            }
        }
    }

    async fn console(&mut self, visit: &Visit, mut session: Session) -> Result<(), LineError> {
        let Some(mut attachment) = session.take_attachment() else { return Err(LineError::Gone) };
        let session = Arc::new(session);
        let ended = loop {
            let step = tokio::select! {
                event = attachment.next() => self.show(event).await,
                typed = self.next() => match typed {
                    Ok(Typed::Line(line)) => visit.calls.tell(&session, move |host, session| enter(host, session, line)).await.map_err(LineError::from).map(|()| None),
                    Ok(Typed::Attention) => visit.calls.tell(&session, |host, session| host.attention(session)).await.map_err(LineError::from).map(|()| None),
                    Err(error) => Err(error),
                },
            };
            match step {
                Ok(None) => {}
                Ok(Some(ending)) => break Ok(ending),
                Err(error) => break Err(error),
            }
        };
        if ended.is_err() && session.role == Role::Owner && session.owns_console() {
            visit.calls.tell(&session, |host, session| host.disconnected(session, false)).await?;
        }
        ended.map(|_| ())
    }

    async fn show(&mut self, event: ConsoleEvent) -> Result<Option<Ending>, LineError> {
        match event {
            ConsoleEvent::Lines(lines) => {
                for line in lines {
                    self.say(&line.text).await?;
                }
            }
            ConsoleEvent::Lost(count) => self.say(&format!("({count} lines were lost)")).await?,
            ConsoleEvent::State(state) => self.set_silent(state == ConsoleState::VmRead { hidden: true }).await?,
            // Not for a terminal without a screen.
            ConsoleEvent::Screen(_) | ConsoleEvent::LineMode => {}
            ConsoleEvent::Ended(ending) => return Ok(Some(ending)),
        }
        Ok(None)
    }
}
