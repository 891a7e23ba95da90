//! The whole program on a test terminal against a pretended system: type, see.

use std::path::PathBuf;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use crossterm::event::{KeyCode, KeyEvent};
use insta::assert_snapshot;
use ratatui::Terminal;
use ratatui::backend::TestBackend;

use crate::client::ClientError;
use crate::operator::Ending;
use crate::operator::app::{App, picture};
use crate::operator::link::{Conversation, System};
use crate::operator::panes::machines::tests::FORMATTED;
use crate::operator::state::{Channel, Event, State};
use crate::wire::{ClientFrame, ConsoleState, Line, LineKind, Reply, Request};

use super::{OPERATOR, empty, seen_through, system, text};

/// A system that answers at once. `down` makes it refuse connections and frames, `full` connections only.
#[derive(Clone)]
struct Pretended {
    machines: usize,
    down: Arc<Mutex<bool>>,
    full: Arc<Mutex<bool>>,
}

impl Default for Pretended {
    fn default() -> Self {
        Self { machines: 30, down: Arc::default(), full: Arc::default() }
    }
}

struct Talk {
    channel: Channel,
    userid: String,
    machines: usize,
    events: SyncSender<Event>,
    down: Arc<Mutex<bool>>,
}

impl Talk {
    fn reply(&self, reply: Reply) {
        self.events.send(Event::Reply(self.channel, Box::new(reply))).expect("the screen listens");
    }

    fn say(&self, kind: LineKind, text: &str) {
        self.reply(Reply::Output(Line { kind, text: text.to_owned() }));
    }
}

impl System for Pretended {
    fn open(&mut self, channel: Channel, request: Request, events: &SyncSender<Event>) -> Result<Box<dyn Conversation>, ClientError> {
        if *self.down.lock().unwrap() || *self.full.lock().unwrap() {
            return Err(ClientError::NotRunning("/nowhere".into()));
        }
        let userid = match &request {
            Request::Logon(logon) => logon.userid.clone(),
            _ => String::new(),
        };
        let talk = Talk { channel, userid: userid.clone(), machines: self.machines, events: events.clone(), down: Arc::clone(&self.down) };
        if !userid.is_empty() {
            talk.reply(Reply::Accepted { system: "CP64SYS".into(), userid: userid.clone() });
            talk.say(LineKind::Cp, &format!("LOGON AT 14:00:00 UTC SUNDAY 11/22/26 {userid}"));
            talk.reply(Reply::State(ConsoleState::CpRead));
        }
        Ok(Box::new(talk))
    }
}

impl Conversation for Talk {
    fn send(&mut self, frame: &ClientFrame) -> Result<(), ClientError> {
        if *self.down.lock().unwrap() {
            return Err(ClientError::Lost);
        }
        match frame {
            ClientFrame::Poll(window) => self.reply(Reply::Snapshot(Box::new(seen_through(system(self.machines), window)))),
            ClientFrame::Line(line) if line == "q names" => self.say(LineKind::Cp, "OPERATOR - SYSC, MAINT    -L0001"),
            ClientFrame::Line(line) => self.say(LineKind::Guest, &format!("{} heard {line}", self.userid)),
            ClientFrame::Attention => self.reply(Reply::State(ConsoleState::CpRead)),
            _ => {}
        }
        Ok(())
    }
}

/// The program with its terminal; the test is the keyboard and the clock.
struct Rig {
    app: App<Pretended>,
    events: Receiver<Event>,
    terminal: Terminal<TestBackend>,
    now: Duration,
    ending: Option<Ending>,
}

impl Rig {
    fn new(system: &Pretended, history: Option<PathBuf>) -> Self {
        let (sender, events) = sync_channel(1024);
        let mut app = App::new(empty((80, 24)), system.clone(), sender, history);
        app.start().unwrap();
        let terminal = Terminal::new(TestBackend::new(80, 24)).unwrap();
        let mut rig = Self { app, events, terminal, now: Duration::ZERO, ending: None };
        rig.wait(600);
        rig
    }

    fn take(&mut self, event: Event) {
        let outcome = self.app.handle(event);
        self.ending = self.ending.take().or(outcome.ending);
        while let Ok(event) = self.events.try_recv() {
            let outcome = self.app.handle(event);
            self.ending = self.ending.take().or(outcome.ending);
        }
    }

    fn wait(&mut self, milliseconds: u64) {
        self.now += Duration::from_millis(milliseconds);
        self.take(Event::Tick(self.now));
    }

    fn key(&mut self, code: KeyCode) {
        self.take(Event::Key(KeyEvent::from(code)));
    }

    fn enter(&mut self, line: &str) {
        line.chars().for_each(|c| self.key(KeyCode::Char(c)));
        self.key(KeyCode::Enter);
    }

    fn resize(&mut self, columns: u16, rows: u16) {
        self.terminal.backend_mut().resize(columns, rows);
        self.take(Event::Resize(columns, rows));
    }

    fn screen(&mut self) -> String {
        picture(&mut self.terminal, &self.app.state).unwrap();
        text(self.terminal.backend().buffer())
    }
}

#[test]
fn an_operators_morning() {
    let mut rig = Rig::new(&Pretended::default(), None);
    rig.enter("q names");
    assert_snapshot!("a_command_is_answered", rig.screen());

    rig.key(KeyCode::F(4));
    rig.key(KeyCode::F(4));
    rig.enter("/running");
    assert_snapshot!("ordered_and_filtered", rig.screen());

    rig.key(KeyCode::Enter);
    rig.enter("query disk");
    assert_snapshot!("a_console_is_opened", rig.screen());

    rig.resize(132, 43);
    assert_snapshot!("the_console_after_a_resize", rig.screen());
    rig.key(KeyCode::F(3));
    rig.key(KeyCode::Esc);
    assert_snapshot!("back_on_the_large_screen", rig.screen());
    assert_eq!(rig.ending, None);
}

#[test]
fn the_history_outlives_the_screen() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("operator.history");
    Rig::new(&Pretended::default(), Some(path.clone())).enter("q names");
    let mut rig = Rig::new(&Pretended::default(), Some(path));
    rig.key(KeyCode::Up);
    assert!(rig.screen().contains("===> q names"));
}

#[test]
fn a_history_that_cannot_be_written_is_told_once_and_nothing_else_stops() {
    let folder = tempfile::tempdir().unwrap();
    let mut rig = Rig::new(&Pretended::default(), Some(folder.path().to_owned()));
    rig.enter("q names");
    rig.enter("q names");
    let screen = rig.screen();
    assert_eq!(screen.matches("not kept in the history file").count(), 1, "{screen}");
    assert_eq!(screen.matches("MAINT    -L0001").count(), 2, "{screen}");
}

#[test]
fn a_system_that_goes_away_is_noticed_when_something_is_sent() {
    let system = Pretended::default();
    let mut rig = Rig::new(&system, None);
    *system.down.lock().unwrap() = true;
    rig.wait(600);
    assert!(rig.screen().contains("The connection to CP is gone"));
    rig.key(KeyCode::Enter);
    assert!(matches!(rig.ending, Some(Ending::Lost(_))));
}

#[test]
fn a_console_that_cannot_be_opened_says_so_and_is_left() {
    let system = Pretended::default();
    let mut rig = Rig::new(&system, None);
    rig.key(KeyCode::F(2));
    *system.full.lock().unwrap() = true;
    rig.key(KeyCode::Enter);
    assert!(rig.screen().contains("This console is closed"), "{}", rig.screen());
    *system.full.lock().unwrap() = false;
    rig.key(KeyCode::Enter);
    assert!(rig.screen().contains("Machines 30"));
}

#[test]
fn ten_thousand_machines_are_ordered_filtered_and_paged_through() {
    let mut rig = Rig::new(&Pretended { machines: 10_000, ..Pretended::default() }, None);
    let rows = rig.app.state.table_height();
    rig.key(KeyCode::F(2));
    rig.key(KeyCode::End);
    let before = FORMATTED.get();
    let last = rig.screen();
    assert!(last.contains("9991-10000 of 10000") && last.contains(">USER9999"), "{last}");
    assert_eq!(FORMATTED.get() - before, rows, "no row but the visible ones is formatted");
    rig.key(KeyCode::Right);
    rig.key(KeyCode::Right);
    rig.key(KeyCode::Home);
    let busiest = rig.screen();
    assert!(busiest.lines().nth(4).is_some_and(|row| row.starts_with(">USER9999 running    10012")), "{busiest}");
    rig.enter("/user99");
    let filtered = rig.screen();
    assert!(filtered.contains("100 match \"user99\"") && filtered.contains("Machines 10000"), "{filtered}");
    rig.wait(600);
    assert_eq!(rig.screen(), filtered, "another picture moves nothing");
}

/// Runs the real loop over prepared events; returns its ending and the number of pictures.
fn run(events: Vec<Event>, clock: impl Fn() -> Duration) -> (Ending, usize) {
    let (sender, receiver) = sync_channel(20_000);
    let app = App::new(empty((80, 24)), Pretended::default(), sender.clone(), None);
    events.into_iter().for_each(|event| sender.send(event).unwrap());
    let mut terminal = Terminal::new(TestBackend::new(80, 24)).unwrap();
    let mut pictures = 0;
    let ending = app.run(&mut terminal, receiver, clock, |terminal, state: &State| {
        pictures += 1;
        picture(terminal, state)
    });
    (ending.unwrap(), pictures)
}

#[test]
fn a_flood_of_output_is_drawn_at_most_ten_times_a_second() {
    let line = || Event::Reply(OPERATOR, Box::new(Reply::Output(Line { kind: LineKind::Guest, text: "flood".into() })));
    let mut flood: Vec<_> = std::iter::repeat_with(line).take(10_000).collect();
    flood.push(Event::Signal(1));
    let (ending, pictures) = run(flood, || Duration::ZERO);
    assert_eq!(ending, Ending::Signal(1));
    assert_eq!(pictures, 1, "no time passed: only the first picture");
}

#[test]
fn a_key_is_drawn_without_waiting() {
    let mut events: Vec<_> = std::iter::repeat_with(|| Event::Key(KeyEvent::from(KeyCode::Char('q')))).take(1_000).collect();
    events.push(Event::Signal(15));
    let (_, pictures) = run(events, || Duration::ZERO);
    assert!((2..=3).contains(&pictures), "one picture for each batch of keys: {pictures}");
}
