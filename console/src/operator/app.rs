//! The loop: events in, effects out, a picture now and then. Everything that decides is in `update` and `draw`.

use std::collections::{HashMap, VecDeque};
use std::io;
use std::path::PathBuf;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender};
use std::time::Duration;

use ratatui::Terminal;
use ratatui::backend::Backend;

use crate::client::ClientError;
use crate::wire::{ClientFrame, LineKind, Request};

use super::draw::draw;
use super::editor::Editor;
use super::link::{Conversation, System, reason};
use super::state::{Channel, Effect, Event, State};
use super::update::{operator_logon, update};
use super::{Ending, history};

/// Shortest time between two pictures that nobody pressed a key for: output may come much faster than it can be read.
const FRAME: Duration = Duration::from_millis(100);
/// How often time is told to the state when nothing happens.
const TICK: Duration = Duration::from_millis(250);
/// Events taken before a picture is considered.
const BATCH: usize = 512;

/// What an event came to.
#[derive(Debug, Default)]
pub struct Outcome {
    /// The picture changed.
    pub draw: bool,
    /// The terminal is to be wiped first.
    pub repaint: bool,
    /// The screen is to be left.
    pub ending: Option<Ending>,
}

/// The screen and its connections.
pub struct App<S> {
    /// What is shown.
    pub state: State,
    system: S,
    open: HashMap<Channel, Box<dyn Conversation>>,
    events: SyncSender<Event>,
    history: Option<PathBuf>,
}

impl<S: System> App<S> {
    /// A screen without connections. Events of connections go to `events`; the caller hands them to [`App::handle`].
    pub fn new(state: State, system: S, events: SyncSender<Event>, history: Option<PathBuf>) -> Self {
        Self { state, system, open: HashMap::new(), events, history }
    }

    /// Reads the history and opens the two connections without which there is nothing to show.
    pub fn start(&mut self) -> Result<(), ClientError> {
        match self.history.as_deref().map_or(Ok(Vec::new()), history::load) {
            Ok(lines) => self.state.operator.editor = Editor::with_history(lines),
            Err(e) => self.lose_history(&e),
        }
        let watch = self.system.open(Channel::Watch, Request::Watch, &self.events)?;
        self.open.insert(Channel::Watch, watch);
        let channel = Channel::Console(self.state.operator.number);
        let console = self.system.open(channel, operator_logon(&self.state, true), &self.events)?;
        self.open.insert(channel, console);
        Ok(())
    }

    /// Takes one event and does what it asks for.
    pub fn handle(&mut self, event: Event) -> Outcome {
        let mut outcome = Outcome { draw: !matches!(event, Event::Tick(_)), ..Outcome::default() };
        let mut events = VecDeque::from([event]);
        while let Some(event) = events.pop_front() {
            for effect in update(&mut self.state, event) {
                match effect {
                    Effect::Draw => outcome.draw = true,
                    Effect::Repaint => outcome.repaint = true,
                    Effect::End(ending) => {
                        if ending == Ending::Detached {
                            self.hang_up_all();
                        }
                        outcome.ending = Some(ending);
                    }
                    Effect::Close(channel) => self.hang_up(channel),
                    Effect::Remember(line) => self.remember(&line),
                    Effect::Open(channel, request) => match self.system.open(channel, request, &self.events) {
                        Ok(conversation) => drop(self.open.insert(channel, conversation)),
                        Err(e) => events.push_back(Event::Closed(channel, reason(&e))),
                    },
                    Effect::Send(channel, frame) => {
                        if let Some(Err(e)) = self.open.get_mut(&channel).map(|conversation| conversation.send(&frame)) {
                            self.open.remove(&channel);
                            events.push_back(Event::Closed(channel, reason(&e)));
                        }
                    }
                }
            }
        }
        outcome
    }

    /// Closes a connection; CP is told that it was meant, so that a console is disconnected and not taken for a dropped line.
    fn hang_up(&mut self, channel: Channel) {
        if let Some(mut conversation) = self.open.remove(&channel)
            && matches!(channel, Channel::Console(_))
        {
            // A connection that is gone already needs no goodbye.
            let _ = conversation.send(&ClientFrame::Disconnect);
        }
    }

    fn hang_up_all(&mut self) {
        let channels: Vec<_> = self.open.keys().copied().collect();
        channels.into_iter().for_each(|channel| self.hang_up(channel));
    }

    fn remember(&mut self, line: &str) {
        if let Some(path) = &self.history
            && let Err(e) = history::append(path, line)
        {
            self.lose_history(&e);
        }
    }

    /// Told once; commands are then kept in storage only.
    fn lose_history(&mut self, e: &io::Error) {
        self.history = None;
        self.state.operator.say(&format!("* Commands are not kept in the history file: {e}"), LineKind::Warning);
    }

    /// Runs until the screen is left. `clock` tells the time since some fixed moment. Takes the receiving end, so that whoever still has
    /// something to tell when the screen is left is not kept waiting.
    pub fn run<B: Backend>(
        mut self,
        terminal: &mut Terminal<B>,
        events: Receiver<Event>,
        clock: impl Fn() -> Duration,
        mut frame: impl FnMut(&mut Terminal<B>, &State) -> Result<(), B::Error>,
    ) -> Result<Ending, B::Error> {
        let mut drawn = None::<Duration>;
        let mut pending = true;
        let mut urgent = true;
        loop {
            let now = clock();
            let due = drawn.is_none_or(|drawn| now >= drawn + FRAME);
            if pending && (due || urgent) {
                frame(terminal, &self.state)?;
                (drawn, pending, urgent) = (Some(now), false, false);
            }
            let wait = if pending { FRAME } else { TICK };
            let first = match events.recv_timeout(wait) {
                Ok(event) => Some(event),
                Err(RecvTimeoutError::Timeout) => None,
                Err(RecvTimeoutError::Disconnected) => {
                    return Ok(Ending::Lost("nothing is left to listen to".to_owned()));
                }
            };
            let rest = first.is_some().then(|| events.try_iter().take(BATCH)).into_iter().flatten();
            for event in [Event::Tick(clock())].into_iter().chain(first).chain(rest) {
                urgent |= matches!(event, Event::Key(_) | Event::Paste(_) | Event::Resize(..));
                let outcome = self.handle(event);
                pending |= outcome.draw || outcome.repaint;
                if outcome.repaint {
                    wipe(terminal)?;
                }
                if let Some(ending) = outcome.ending {
                    return Ok(ending);
                }
            }
        }
    }
}

/// Empties the terminal, so that the next picture is drawn whole. Not `Terminal::clear`: that asks the terminal where its cursor is and
/// fails when the answer is late.
pub fn wipe<B: Backend>(terminal: &mut Terminal<B>) -> Result<(), B::Error> {
    let size = terminal.size()?;
    terminal.resize(size.into())
}

/// Draws on a terminal of any kind.
pub fn picture<B: Backend>(terminal: &mut Terminal<B>, state: &State) -> Result<(), B::Error> {
    terminal.draw(|frame| draw(frame, state)).map(drop)
}
