//! One console that the screen shows: what came, what is typed, where it stands. Pure.

use crate::wire::{ClientFrame, ConsoleState, Ending, Line, LineKind, Reply};

use super::editor::Editor;
use super::text;
use super::transcript::Transcript;

/// How far a console has come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Phase {
    /// Asked for; no answer yet.
    Opening,
    /// CP wants a password; the prompt.
    Password(String),
    /// Attached.
    Open(ConsoleState),
    /// Over, and why. [`Ending`] when CP said so.
    Over(Option<Ending>),
}

/// A console.
#[derive(Clone, Debug)]
pub struct Session {
    /// Names its connection: [`super::state::Channel::Console`].
    pub number: u32,
    /// Whose console it is.
    pub userid: String,
    /// Its output.
    pub transcript: Transcript,
    /// Its input line.
    pub editor: Editor,
    /// How far it has come.
    pub phase: Phase,
}

impl Session {
    /// A console that is about to be opened.
    pub fn new(number: u32, userid: &str) -> Self {
        Self { number, userid: userid.to_owned(), transcript: Transcript::default(), editor: Editor::default(), phase: Phase::Opening }
    }

    /// Whether what is typed must not be seen.
    pub fn is_hidden(&self) -> bool {
        matches!(self.phase, Phase::Password(_) | Phase::Open(ConsoleState::VmRead { hidden: true }))
    }

    /// The words of the status area, as a 3270 under VM shows them.
    pub fn status(&self) -> &'static str {
        match &self.phase {
            _ if self.transcript.below() > 0 => "MORE...",
            _ if self.transcript.is_held() => "HOLDING",
            Phase::Opening => "",
            Phase::Password(_) => "PASSWORD",
            Phase::Open(ConsoleState::Running) => "RUNNING",
            Phase::Open(ConsoleState::VmRead { .. }) => "VM READ",
            Phase::Open(ConsoleState::CpRead) => "CP READ",
            Phase::Over(_) => "NOT ON",
        }
    }

    /// Adds a line of the screen's own.
    pub fn say(&mut self, text: &str, kind: LineKind) {
        self.transcript.push(Line { text: text.to_owned(), kind });
    }

    /// Takes what CP sent.
    pub fn receive(&mut self, reply: Reply) {
        match reply {
            Reply::Accepted { userid, .. } => {
                self.userid = text::clean(&userid, 8);
                self.phase = Phase::Open(ConsoleState::Running);
            }
            Reply::Password(prompt) => {
                self.editor.clear();
                self.phase = Phase::Password(text::clean(&prompt, 60));
            }
            Reply::Refused { message, .. } => {
                self.say(&message, LineKind::Warning);
                self.phase = Phase::Over(None);
            }
            Reply::Output(line) => self.transcript.push(line),
            Reply::Lost(lines) => {
                self.say(&format!("* {lines} lines were lost: they came faster than this screen took them"), LineKind::Cp)
            }
            Reply::State(state) => {
                // A secret half typed must not become visible, nor an open line a secret.
                let was_hidden = self.is_hidden();
                self.phase = Phase::Open(state);
                if self.is_hidden() != was_hidden {
                    self.editor.clear();
                }
            }
            Reply::Ended(ending) => {
                self.phase = Phase::Over(Some(ending));
                self.say(&format!("* {}", over(&self.userid, ending)), LineKind::Warning);
            }
            Reply::Answer(_) | Reply::Snapshot(_) | Reply::Ready | Reply::Screen { .. } | Reply::LineMode | Reply::Files(_) => {}
        }
    }

    /// The connection is gone, and why.
    pub fn lost(&mut self, why: &str) {
        if !matches!(self.phase, Phase::Over(_)) {
            self.phase = Phase::Over(None);
            self.say(&format!("* The connection was closed: {why}"), LineKind::Warning);
        }
    }

    /// Enters the typed line. Returns the frame for CP and whether the line may be remembered.
    pub fn enter(&mut self) -> (ClientFrame, bool) {
        let hidden = self.is_hidden();
        let line = self.editor.take();
        self.transcript.release();
        if !hidden {
            // CP shows a line to everyone who looks except to the one who typed it.
            self.say(&line, LineKind::Input);
        }
        if matches!(self.phase, Phase::Password(_)) {
            self.phase = Phase::Opening;
        }
        let remembered = !hidden && self.editor.remember(&line);
        (ClientFrame::Line(line), remembered)
    }
}

/// Why a console is over, in a sentence.
fn over(userid: &str, ending: Ending) -> String {
    match ending {
        Ending::LoggedOff => format!("{userid} is logged off"),
        Ending::Disconnected => {
            format!("{userid} was disconnected; the machine goes on")
        }
        Ending::TakenOver => {
            format!("Another terminal took the console of {userid} over")
        }
        Ending::Shutdown => "The system was shut down".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn open(state: ConsoleState) -> Session {
        let mut session = Session::new(1, "MAINT");
        session.receive(Reply::Accepted { system: "CP64".into(), userid: "MAINT".into() });
        session.receive(Reply::State(state));
        session
    }

    fn rows(session: &Session) -> Vec<String> {
        session.transcript.window(80, 24).iter().map(|row| row.text.to_owned()).collect()
    }

    #[test]
    fn an_entered_line_is_sent_shown_and_remembered() {
        let mut session = open(ConsoleState::Running);
        session.editor.insert("q time");
        let (frame, remembered) = session.enter();
        assert!(matches!(frame, ClientFrame::Line(line) if line == "q time") && remembered);
        assert_eq!(rows(&session), ["q time"]);
        assert_eq!(session.editor.text(), "");
    }

    #[test]
    fn a_hidden_line_is_sent_but_neither_shown_nor_remembered() {
        let mut session = open(ConsoleState::VmRead { hidden: true });
        session.editor.insert("sesame");
        let (frame, remembered) = session.enter();
        assert!(matches!(frame, ClientFrame::Line(line) if line == "sesame"));
        assert!(!remembered && rows(&session).is_empty());
    }

    #[test]
    fn a_half_typed_secret_does_not_become_visible() {
        let mut session = open(ConsoleState::VmRead { hidden: true });
        session.editor.insert("sesa");
        session.receive(Reply::State(ConsoleState::Running));
        assert_eq!(session.editor.text(), "");
        session.editor.insert("q time");
        session.receive(Reply::State(ConsoleState::CpRead));
        assert_eq!(session.editor.text(), "q time", "an ordinary change keeps what is typed");
    }

    #[test]
    fn the_status_follows_console_and_scrolling() {
        let mut session = open(ConsoleState::CpRead);
        assert_eq!(session.status(), "CP READ");
        (0..30).for_each(|n| session.say(&n.to_string(), LineKind::Guest));
        session.transcript.back(80, 10);
        assert_eq!(session.status(), "MORE...");
        session.receive(Reply::Ended(Ending::LoggedOff));
        session.transcript.release();
        assert_eq!(session.status(), "NOT ON");
    }
}
