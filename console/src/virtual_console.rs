//! The model of one virtual console: what a machine and CP write to it, its state, and who looks at it.
//!
//! CP calls it from plain threads and never waits: a write is a push into a bounded ring. Front ends pull from the ring through an
//! [`Attachment`], each at its own pace, so a slow terminal loses old lines and is told how many; it never costs memory or holds CP up.
//! Knows nothing of sockets and terminals.

mod full_screen;

use std::collections::VecDeque;
use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use tokio::sync::Notify;

use crate::journal::{Journal, Journaling, Keeper};
use crate::preferences::Preferences;
use crate::text;
use crate::wire::{ConsoleState, Ending, Line, LineKind};
pub(crate) use full_screen::Counts;
pub use full_screen::{Display, Picture, ScreenRefusal};
use full_screen::{FullScreen, Looking};

/// How much output one console keeps. Sizes are in bytes and count [`LINE_COST`] for each line besides its text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Kept for the next owner while no terminal is attached.
    pub unattended: usize,
    /// Kept for terminals that are attached and behind. What they miss beyond it is lost to them.
    pub behind: usize,
    /// Lines kept after everybody saw them, as context for the next observer.
    pub context: usize,
}

/// What a kept line costs besides its text, in bytes.
pub const LINE_COST: usize = size_of::<Kept>();

impl Default for Limits {
    /// 128 KiB unattended (some 2000 lines), 4 MiB behind, 24 lines of context (a screen).
    fn default() -> Self {
        Self { unattended: 128 << 10, behind: 4 << 20, context: 24 }
    }
}

/// In what capacity a terminal is attached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// The user's own terminal: at most one. It is first given what was written since an owner last looked.
    Owner,
    /// Somebody who shares the console. It is first given the lines kept as context.
    Observer,
    /// Somebody who only looks, as an observer; what is typed there goes nowhere.
    Watcher,
}

/// A line that was written to a console, as its listener hears it.
#[derive(Clone, Copy, Debug)]
pub struct Heard<'a> {
    /// The text, made harmless.
    pub text: &'a str,
    /// Who speaks.
    pub kind: LineKind,
    /// An owner's terminal is attached.
    pub attended: bool,
    /// It is another console's line that was passed on to this one.
    pub relayed: bool,
}

/// Who hears a console besides its terminals.
pub type Listener = Box<dyn Fn(Heard<'_>) + Send + Sync>;

/// Names one [`Attachment`] of one console; never used twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct AttachmentId(u64);

/// What an attached terminal is told next.
#[derive(Clone, Debug)]
pub enum ConsoleEvent {
    /// Lines to show, oldest first, at least one.
    Lines(Vec<Line>),
    /// So many lines are gone that this terminal never saw.
    Lost(u64),
    /// The state that holds after the lines given so far. A read state is an invitation to enter one line; it is repeated for the next one.
    State(ConsoleState),
    /// A program has the screen, and this is on it now. Lines that come while it has break in. Only for terminals that said what they can
    /// show.
    Screen(Picture),
    /// No program has it any more.
    LineMode,
    /// Over; nothing follows.
    Ended(Ending),
}

/// One virtual console, shared by CP, its machine and the terminals attached to it.
///
/// A console that nobody ever wrote to takes less than 1 KiB. All methods are quick and never wait for a terminal.
/// There is one lock, a leaf: nothing of CP is called while it is held.
pub struct VirtualConsole {
    limits: Limits,
    inner: Mutex<Inner>,
    changed: Notify,
    preferences: Mutex<Preferences>,
    journal_begun: OnceLock<Box<dyn Fn() + Send + Sync>>,
    listener: OnceLock<Listener>,
    listening: AtomicBool,
}

struct Inner {
    ring: Ring,
    state: ConsoleState,
    /// Counts changes of `state`, so that READ, RUNNING, READ is seen as a new read by a terminal that missed the middle.
    state_number: u64,
    ending: Option<Ending>,
    terminals: Vec<Terminal>,
    next_id: u64,
    /// First line no owner has pulled.
    owner_cursor: u64,
    journal: Keeper,
    /// A program has the screen.
    full: Option<Box<FullScreen>>,
}

struct Terminal {
    id: AttachmentId,
    role: Role,
    /// Next line to give.
    cursor: u64,
    /// Lines before `cursor` that were dropped before they were given.
    lost: u64,
    /// `state_number` last told; 0 for none.
    state_told: u64,
    /// Why it ends, and the line before which it does.
    ending: Option<(Ending, u64)>,
    looking: Looking,
}

struct Ring {
    lines: VecDeque<Kept>,
    /// Sequence number of `lines[0]`.
    first: u64,
    bytes: usize,
}

struct Kept {
    text: Box<str>,
    kind: LineKind,
    /// Who typed it; that terminal shows it already.
    typist: Option<AttachmentId>,
}

impl Kept {
    fn cost(&self) -> usize {
        self.text.len() + LINE_COST
    }
}

/// Most lines one event carries, so that a burst is sent in pieces.
const EVENT_LINES: usize = 256;

impl Ring {
    fn end(&self) -> u64 {
        self.first + self.lines.len() as u64
    }

    fn push(&mut self, line: Kept) {
        self.bytes += line.cost();
        self.lines.push_back(line);
    }

    /// Drops the oldest lines beyond `most` bytes, but never the last line.
    fn trim(&mut self, most: usize) {
        while self.bytes > most && self.lines.len() > 1 {
            self.drop_first();
        }
    }

    fn drop_first(&mut self) {
        if let Some(line) = self.lines.pop_front() {
            self.bytes -= line.cost();
            self.first += 1;
        }
    }

    /// Forgets lines before `seen` but for the last `context`, and gives the space back after a burst.
    fn release(&mut self, seen: u64, context: usize) {
        let keep_from = seen.min(self.end().saturating_sub(context as u64));
        if self.first >= keep_from {
            return;
        }
        while self.first < keep_from {
            self.drop_first();
        }
        if self.lines.capacity() > 64 && self.lines.len() * 4 < self.lines.capacity() {
            self.lines.shrink_to(self.lines.len() * 2);
        }
    }
}

impl Inner {
    fn terminal(&mut self, id: AttachmentId) -> Option<&mut Terminal> {
        self.terminals.iter_mut().find(|terminal| terminal.id == id)
    }

    fn end_terminals(&mut self, ending: Ending, observers_too: bool) {
        let until = self.ring.end();
        for terminal in self.terminals.iter_mut().filter(|terminal| observers_too || terminal.role == Role::Owner) {
            terminal.ending.get_or_insert((ending, until));
        }
    }

    fn push(&mut self, line: Kept, limits: &Limits) {
        self.ring.push(line);
        self.trim(limits);
    }

    /// Keeps the ring within its limit; terminals that had not seen what goes are told so later.
    fn trim(&mut self, limits: &Limits) {
        let attended = !self.terminals.is_empty();
        self.ring.trim(if attended { limits.behind } else { limits.unattended });
        let first = self.ring.first;
        for terminal in &mut self.terminals {
            if terminal.cursor < first {
                terminal.lost += first - terminal.cursor;
                terminal.cursor = first;
            }
        }
    }

    /// Lines everybody saw need not be kept. With no owner attached the next one is still to see what came since.
    fn release(&mut self, limits: &Limits) {
        let seen = self.terminals.iter().map(|terminal| terminal.cursor).fold(self.owner_cursor, u64::min);
        self.ring.release(seen, limits.context);
    }

    fn next_event(&mut self, id: AttachmentId, limits: &Limits) -> Option<ConsoleEvent> {
        let (state, state_number) = (self.state, self.state_number);
        let Some(index) = self.terminals.iter().position(|terminal| terminal.id == id) else {
            return Some(ConsoleEvent::Ended(Ending::Disconnected));
        };
        if let Some(event) = self.leave_screen(index) {
            return Some(event);
        }
        let all = self.lines_until(index);
        let terminal = &mut self.terminals[index];
        if terminal.lost > 0 {
            return Some(ConsoleEvent::Lost(std::mem::take(&mut terminal.lost)));
        }
        let start = terminal.cursor.saturating_sub(self.ring.first) as usize;
        let until = terminal.ending.map_or(all, |(_, until)| until);
        let most = EVENT_LINES.min(until.saturating_sub(terminal.cursor) as usize);
        let given: Vec<&Kept> = self.ring.lines.iter().skip(start).take(most).collect();
        terminal.cursor += given.len() as u64;
        let lines: Vec<Line> = given
            .into_iter()
            .filter(|line| line.typist != Some(id))
            .map(|line| Line { text: line.text.to_string(), kind: line.kind })
            .collect();
        if terminal.role == Role::Owner {
            self.owner_cursor = self.owner_cursor.max(terminal.cursor);
        }
        if !lines.is_empty() {
            self.release(limits);
            return Some(ConsoleEvent::Lines(lines));
        }
        if terminal.cursor < until {
            return self.next_event(id, limits);
        }
        if let Some((ending, _)) = terminal.ending {
            return Some(ConsoleEvent::Ended(ending));
        }
        if let Some(event) = self.next_picture(index) {
            return Some(event);
        }
        let terminal = &mut self.terminals[index];
        if terminal.state_told != state_number {
            terminal.state_told = state_number;
            return Some(ConsoleEvent::State(state));
        }
        None
    }
}

impl VirtualConsole {
    /// A console in state RUNNING with nothing written to it.
    pub fn new(limits: Limits) -> Arc<Self> {
        Arc::new(Self {
            limits,
            inner: Mutex::new(Inner {
                ring: Ring { lines: VecDeque::new(), first: 0, bytes: 0 },
                state: ConsoleState::Running,
                state_number: 1,
                ending: None,
                terminals: Vec::new(),
                next_id: 1,
                owner_cursor: 0,
                journal: Keeper::default(),
                full: None,
            }),
            changed: Notify::new(),
            preferences: Mutex::default(),
            journal_begun: OnceLock::new(),
            listener: OnceLock::new(),
            listening: AtomicBool::new(false),
        })
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        // Every update below leaves the ring consistent at each step, so a panic elsewhere does not spoil it.
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Writes output. `text` may be hostile: control characters are made harmless, an LF begins a new line, and what is longer than
    /// [`crate::LINE_MAX`] bytes goes on in the next line. After the end of the console it goes nowhere.
    pub fn write(&self, kind: LineKind, text: &str) {
        self.keep(kind, text, None, false);
    }

    /// Writes a line of another console, which is passed on to nobody else.
    pub fn relay(&self, kind: LineKind, text: &str) {
        self.keep(kind, text, None, true);
    }

    fn keep(&self, kind: LineKind, text: &str, typist: Option<AttachmentId>, relayed: bool) {
        let lines: Vec<Box<str>> = text::lines(text).map(String::into_boxed_str).collect();
        let heard = if self.listening.load(Ordering::Acquire) { lines.clone() } else { Vec::new() };
        let (break_in, line_size) = {
            let preferences = self.preferences.lock().unwrap_or_else(PoisonError::into_inner);
            (preferences.break_in, preferences.line_size)
        };
        let mut inner = self.lock();
        if inner.ending.is_some() {
            return;
        }
        let attended = inner.terminals.iter().any(|terminal| terminal.role == Role::Owner && terminal.ending.is_none());
        let mut begun = false;
        for text in lines {
            begun |= inner.journal.keep(kind, &text);
            if inner.journal.hides(kind) {
                continue;
            }
            if line_size == 0 || kind == LineKind::Input {
                inner.push(Kept { text, kind, typist }, &self.limits);
                continue;
            }
            for piece in text::folded(&text, line_size.into()) {
                inner.push(Kept { text: piece.into(), kind, typist }, &self.limits);
            }
        }
        inner.let_through(kind, break_in);
        drop(inner);
        self.changed.notify_waiters();
        if begun && let Some(tell) = self.journal_begun.get() {
            tell();
        }
        if let Some(listener) = self.listener.get() {
            heard.iter().for_each(|text| listener(Heard { text, kind, attended, relayed }));
        }
    }

    /// Says who hears its lines, once; [`Self::listen`] says when. It is called outside every lock of consoles, by whoever writes, and must
    /// not block. It may write to other consoles by [`Self::relay`].
    pub fn on_line(&self, listener: Listener) {
        let _ = self.listener.set(listener);
    }

    /// Begins or ends telling the listener. A console that nobody listens to pays nothing.
    pub fn listen(&self, on: bool) {
        self.listening.store(on, Ordering::Release);
    }

    /// How its user wants it to behave.
    pub fn preferences(&self) -> Preferences {
        self.preferences.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Changes that: TERMINAL, SET PF.
    pub fn prefer(&self, change: impl FnOnce(&mut Preferences)) {
        change(&mut self.preferences.lock().unwrap_or_else(PoisonError::into_inner));
    }

    /// Says who is told when the first line stands in an empty journal; once. It is called outside every lock, by whoever writes, and
    /// must not block.
    pub fn on_journal(&self, tell: Box<dyn Fn() + Send + Sync>) {
        let _ = self.journal_begun.set(tell);
    }

    /// Begins or ends keeping lines for CP's console spooling. Lines kept before stay until they are taken.
    pub fn set_journaling(&self, mode: Journaling) {
        self.lock().journal.mode = mode;
    }

    /// Takes what the console wrote since this was last called. Secrets typed at a hidden read are not in it; passwords in the text of a
    /// command are CP's to leave out.
    pub fn take_journal(&self) -> Journal {
        self.lock().journal.take()
    }

    /// Records a line that the terminal `from` entered, so that the others see it; call it before the line is acted on.
    /// A line typed while a hidden read is up is a secret and is not kept.
    pub fn entered(&self, from: AttachmentId, text: &str) {
        if self.state() != (ConsoleState::VmRead { hidden: true }) {
            self.keep(LineKind::Input, text, Some(from), false);
        }
    }

    /// Sets the state; the same state again changes nothing (see [`crate::Host::input`] for when CP has to).
    pub fn set_state(&self, state: ConsoleState) {
        let mut inner = self.lock();
        if inner.state == state {
            return;
        }
        inner.state = state;
        inner.state_number += 1;
        drop(inner);
        self.changed.notify_waiters();
    }

    /// The state now.
    pub fn state(&self) -> ConsoleState {
        self.lock().state
    }

    /// Counts the changes of state; for [`Self::invite_again`].
    pub(crate) fn state_number(&self) -> u64 {
        self.lock().state_number
    }

    /// Tells every terminal the state once more if it did not change since `state_number`: a line was acted on and the read is still up.
    pub(crate) fn invite_again(&self, state_number: u64) {
        let mut inner = self.lock();
        if inner.state_number != state_number || inner.state == ConsoleState::Running {
            return;
        }
        inner.state_number += 1;
        drop(inner);
        self.changed.notify_waiters();
    }

    /// Attaches a terminal. A new owner takes the console over: the old one is told [`Ending::TakenOver`]. Whether it may is CP's to say.
    pub fn attach(self: &Arc<Self>, role: Role) -> Attachment {
        let mut inner = self.lock();
        let id = AttachmentId(inner.next_id);
        inner.next_id += 1;
        let mut lost = 0;
        let cursor = match role {
            Role::Owner => {
                inner.end_terminals(Ending::TakenOver, false);
                lost = inner.ring.first.saturating_sub(inner.owner_cursor);
                inner.owner_cursor.max(inner.ring.first)
            }
            Role::Observer | Role::Watcher => inner.ring.end().saturating_sub(self.limits.context as u64).max(inner.ring.first),
        };
        let ending = inner.ending.map(|ending| (ending, inner.ring.end()));
        inner.terminals.push(Terminal { id, role, cursor, lost, state_told: 0, ending, looking: Looking::default() });
        drop(inner);
        self.changed.notify_waiters();
        Attachment { console: Arc::clone(self), id }
    }

    /// Ends the console for its terminals once they were given what is written. [`Ending::Disconnected`] and [`Ending::TakenOver`] end only
    /// the owner's terminal and the console goes on; the others end it for all and for good.
    pub fn end(&self, ending: Ending) {
        let all = matches!(ending, Ending::LoggedOff | Ending::Shutdown);
        let mut inner = self.lock();
        if all && inner.ending.is_none() {
            inner.ending = Some(ending);
        }
        inner.end_terminals(ending, all);
        drop(inner);
        self.changed.notify_waiters();
    }

    /// How many terminals are attached and not ended.
    pub fn attached(&self) -> usize {
        self.lock().terminals.iter().filter(|terminal| terminal.ending.is_none()).count()
    }

    /// The owner's attachment, if one is attached and not ended.
    pub fn owner(&self) -> Option<AttachmentId> {
        self.lock().terminals.iter().find(|terminal| terminal.role == Role::Owner && terminal.ending.is_none()).map(|terminal| terminal.id)
    }

    /// Whether an attached owner, or the journal, is so far behind that lines will be lost if the machine goes on writing at once. CP may
    /// let the machine wait a moment then; nothing depends on it, and it must not wait for ever: the terminal may be suspended.
    pub fn congested(&self) -> bool {
        let inner = self.lock();
        if inner.journal.is_behind() {
            return true;
        }
        let owner = inner.terminals.iter().find(|terminal| terminal.role == Role::Owner && terminal.ending.is_none());
        // The oldest line kept is the slowest terminal's; the owner is it when it is near the front of the ring.
        owner.is_some_and(|owner| {
            inner.ring.bytes > self.limits.behind / 2 && (owner.cursor - inner.ring.first) * 2 < inner.ring.lines.len() as u64
        })
    }

    /// The last lines kept, oldest first, at most `most`: for a look without attaching.
    pub fn recent(&self, most: usize) -> Vec<Line> {
        let inner = self.lock();
        let skip = inner.ring.lines.len().saturating_sub(most);
        inner.ring.lines.iter().skip(skip).map(|line| Line { text: line.text.to_string(), kind: line.kind }).collect()
    }

    fn detach(&self, id: AttachmentId) {
        let mut inner = self.lock();
        inner.terminals.retain(|terminal| terminal.id != id);
        inner.release(&self.limits);
        inner.trim(&self.limits);
    }
}

impl fmt::Debug for VirtualConsole {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let inner = self.lock();
        f.debug_struct("VirtualConsole")
            .field("state", &inner.state)
            .field("lines", &inner.ring.lines.len())
            .field("attached", &inner.terminals.len())
            .field("ending", &inner.ending)
            .finish_non_exhaustive()
    }
}

/// One terminal's view of a console; dropping it detaches.
#[derive(Debug)]
pub struct Attachment {
    console: Arc<VirtualConsole>,
    id: AttachmentId,
}

impl Attachment {
    /// This attachment's name.
    pub fn id(&self) -> AttachmentId {
        self.id
    }

    /// Says what this terminal can show besides lines; nothing until this is called. A program that made its screen for another size is given
    /// the CLEAR key then ([`VirtualConsole::has_key`]).
    pub fn set_display(&self, display: Option<Display>) {
        self.console.set_display(self.id, display);
    }

    /// The next event if there is one now.
    pub fn try_next(&mut self) -> Option<ConsoleEvent> {
        self.console.lock().next_event(self.id, &self.console.limits)
    }

    /// Waits for the next event. Dropping the future loses nothing. After [`ConsoleEvent::Ended`] it answers that again.
    pub async fn next(&mut self) -> ConsoleEvent {
        loop {
            let notified = self.console.changed.notified();
            tokio::pin!(notified);
            // Registered before looking, so a change between the look and the wait is not missed.
            notified.as_mut().enable();
            if let Some(event) = self.console.lock().next_event(self.id, &self.console.limits) {
                return event;
            }
            notified.await;
        }
    }

    /// Waits until this terminal is to end, whether or not it has been given everything.
    pub(crate) async fn ending(console: &VirtualConsole, id: AttachmentId) -> Ending {
        loop {
            let notified = console.changed.notified();
            tokio::pin!(notified);
            notified.as_mut().enable();
            match console.lock().terminal(id) {
                None => return Ending::Disconnected,
                Some(Terminal { ending: Some((ending, _)), .. }) => return *ending,
                Some(_) => {}
            }
            notified.await;
        }
    }
}

impl Drop for Attachment {
    fn drop(&mut self) {
        self.console.detach(self.id);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;
    use proptest::prelude::*;

    const READ: ConsoleState = ConsoleState::VmRead { hidden: false };
    const SMALL: Limits = Limits { unattended: 5 * (LINE_COST + 8), behind: 10 * (LINE_COST + 8), context: 3 };

    /// Everything a terminal is told now, lines by their text, the rest by name.
    fn told(attachment: &mut Attachment) -> Vec<String> {
        let mut told = Vec::new();
        while let Some(event) = attachment.try_next() {
            match event {
                ConsoleEvent::Lines(lines) => told.extend(lines.into_iter().map(|line| line.text)),
                ConsoleEvent::Ended(ending) => {
                    told.push(format!("{ending:?}"));
                    break;
                }
                other => told.push(format!("{other:?}")),
            }
        }
        told
    }

    fn write(console: &VirtualConsole, lines: std::ops::Range<u32>) {
        for line in lines {
            console.write(LineKind::Guest, &format!("line {line:03}"));
        }
    }

    #[test]
    fn an_unused_console_is_small() {
        let console = VirtualConsole::new(Limits::default());
        assert!(size_of::<VirtualConsole>() + 2 * size_of::<usize>() < 1024);
        let inner = console.lock();
        assert_eq!((inner.ring.lines.capacity(), inner.terminals.capacity()), (0, 0));
    }

    #[test]
    fn output_comes_before_the_state_that_followed_it() {
        let console = VirtualConsole::new(Limits::default());
        let mut owner = console.attach(Role::Owner);
        console.write(LineKind::Guest, "Ready;\n");
        console.set_state(READ);
        assert_eq!(told(&mut owner), ["Ready;", "State(VmRead { hidden: false })"]);
        assert_eq!(told(&mut owner), [""; 0]);
    }

    #[test]
    fn a_new_read_is_told_even_when_the_middle_was_missed() {
        let console = VirtualConsole::new(Limits::default());
        console.set_state(READ);
        let mut owner = console.attach(Role::Owner);
        assert_eq!(told(&mut owner).len(), 1);
        console.set_state(READ);
        assert_eq!(told(&mut owner), [""; 0], "the same state again is no news");
        console.set_state(ConsoleState::Running);
        console.set_state(READ);
        assert_eq!(told(&mut owner), ["State(VmRead { hidden: false })"]);
    }

    #[test]
    fn a_line_that_did_not_end_the_read_invites_the_next() {
        let console = VirtualConsole::new(Limits::default());
        console.set_state(ConsoleState::CpRead);
        let mut owner = console.attach(Role::Owner);
        told(&mut owner);
        let before = console.state_number();
        console.invite_again(before);
        assert_eq!(told(&mut owner), ["State(CpRead)"]);
        let before = console.state_number();
        console.set_state(ConsoleState::Running);
        told(&mut owner);
        console.invite_again(before);
        assert_eq!(told(&mut owner), [""; 0], "the line did end the read");
    }

    #[test]
    fn a_slow_terminal_loses_the_oldest_lines_and_is_told_how_many() {
        let console = VirtualConsole::new(SMALL);
        let mut owner = console.attach(Role::Owner);
        told(&mut owner);
        write(&console, 0..25);
        let told = told(&mut owner);
        assert_eq!(told[0], "Lost(15)");
        assert_eq!(told[1], "line 015");
        assert_eq!(told.last().unwrap(), "line 024");
    }

    #[test]
    fn what_nobody_saw_waits_for_the_next_owner_within_the_limit() {
        let console = VirtualConsole::new(SMALL);
        let mut first = console.attach(Role::Owner);
        write(&console, 0..2);
        told(&mut first);
        drop(first);
        write(&console, 2..10);
        let mut second = console.attach(Role::Owner);
        assert_eq!(told(&mut second)[..2], ["Lost(3)", "line 005"]);
    }

    #[test]
    fn an_owner_that_comes_back_is_not_shown_again_what_it_saw() {
        let console = VirtualConsole::new(SMALL);
        let mut first = console.attach(Role::Owner);
        write(&console, 0..2);
        told(&mut first);
        drop(first);
        let mut second = console.attach(Role::Owner);
        assert_eq!(told(&mut second), ["State(Running)"]);
    }

    #[test]
    fn seen_lines_are_given_up_but_for_the_context_of_an_observer() {
        let console = VirtualConsole::new(SMALL);
        let mut owner = console.attach(Role::Owner);
        write(&console, 0..9);
        told(&mut owner);
        assert_eq!(console.lock().ring.lines.len(), 3);
        let mut observer = console.attach(Role::Observer);
        assert_eq!(told(&mut observer), ["line 006", "line 007", "line 008", "State(Running)"]);
        assert_eq!(console.recent(2).len(), 2);
    }

    #[test]
    fn a_new_owner_takes_over_and_the_old_one_is_told() {
        let console = VirtualConsole::new(Limits::default());
        let mut old = console.attach(Role::Owner);
        let mut observer = console.attach(Role::Observer);
        console.write(LineKind::Cp, "before");
        let new = console.attach(Role::Owner);
        console.write(LineKind::Cp, "after");
        assert_eq!(console.owner(), Some(new.id()));
        assert_eq!(told(&mut old), ["before", "TakenOver"], "what comes after is not the old owner's");
        assert_eq!(told(&mut observer)[..2], ["before", "after"]);
        assert_eq!(console.attached(), 2);
    }

    #[test]
    fn disconnecting_ends_the_owner_and_logging_off_everyone() {
        let console = VirtualConsole::new(Limits::default());
        let mut owner = console.attach(Role::Owner);
        let mut observer = console.attach(Role::Observer);
        console.end(Ending::Disconnected);
        assert_eq!(told(&mut owner).last().unwrap(), "Disconnected");
        assert_eq!(console.owner(), None);
        console.write(LineKind::Cp, "LOGOFF AT");
        console.end(Ending::LoggedOff);
        console.write(LineKind::Cp, "never");
        assert_eq!(told(&mut observer), ["LOGOFF AT", "LoggedOff"]);
        let mut late = console.attach(Role::Owner);
        assert_eq!(told(&mut late).last().unwrap(), "LoggedOff");
    }

    #[test]
    fn typed_lines_are_shown_to_the_others_only_and_secrets_to_none() {
        let console = VirtualConsole::new(Limits::default());
        let mut owner = console.attach(Role::Owner);
        let mut observer = console.attach(Role::Observer);
        console.entered(owner.id(), "listfile");
        console.set_state(ConsoleState::VmRead { hidden: true });
        console.entered(owner.id(), "xyzzy");
        let hidden = "State(VmRead { hidden: true })";
        assert_eq!(told(&mut owner), [hidden]);
        assert_eq!(told(&mut observer), ["listfile", hidden]);
    }

    #[test]
    fn the_journal_has_every_line_once_and_no_secret() {
        let console = VirtualConsole::new(Limits::default());
        let begun = Arc::new(AtomicU32::new(0));
        let counted = Arc::clone(&begun);
        console.on_journal(Box::new(move || {
            counted.fetch_add(1, Ordering::Relaxed);
        }));
        console.write(LineKind::Guest, "before");
        console.set_journaling(Journaling::On);
        let owner = console.attach(Role::Owner);
        console.write(LineKind::Guest, "one\ntwo");
        console.entered(owner.id(), "typed");
        console.set_state(ConsoleState::VmRead { hidden: true });
        console.entered(owner.id(), "secret");
        let taken = console.take_journal();
        let texts: Vec<_> = taken.lines.iter().map(|line| line.text.as_str()).collect();
        assert_eq!(texts, ["one", "two", "typed"]);
        assert_eq!((taken.lost, begun.load(Ordering::Relaxed)), (0, 1));
        console.set_journaling(Journaling::Only);
        let mut owner = owner;
        while owner.try_next().is_some() {}
        console.write(LineKind::Guest, "not shown");
        console.write(LineKind::Cp, "shown");
        assert_eq!(told(&mut owner), ["shown"]);
        assert_eq!(console.take_journal().lines.len(), 2);
        assert_eq!(begun.load(Ordering::Relaxed), 2);
        console.set_journaling(Journaling::Off);
        console.write(LineKind::Guest, "after");
        assert_eq!(console.take_journal(), Journal::default());
    }

    #[test]
    fn a_machine_that_outruns_its_owner_is_seen_and_one_without_owner_is_not() {
        let console = VirtualConsole::new(SMALL);
        write(&console, 0..20);
        assert!(!console.congested());
        let mut owner = console.attach(Role::Owner);
        told(&mut owner);
        write(&console, 0..8);
        assert!(console.congested());
        told(&mut owner);
        assert!(!console.congested());
    }

    proptest! {
        /// Whatever is written and read when, a terminal sees or is told lost every line once, in order, in bounded memory.
        #[test]
        fn every_line_is_seen_or_counted_once(steps in prop::collection::vec((0..30_u32, any::<bool>()), 0..40)) {
            let console = VirtualConsole::new(SMALL);
            let mut owner = console.attach(Role::Owner);
            let (mut written, mut next) = (0, 0_u64);
            for (lines, reads) in steps {
                for line in written..written + lines {
                    console.write(LineKind::Guest, &line.to_string());
                }
                written += lines;
                prop_assert!(console.lock().ring.bytes <= SMALL.behind);
                while reads && let Some(event) = owner.try_next() {
                    match event {
                        ConsoleEvent::Lost(lost) => next += lost,
                        ConsoleEvent::Lines(lines) => for line in lines {
                            prop_assert_eq!(line.text, next.to_string());
                            next += 1;
                        },
                        _ => {}
                    }
                }
                if reads {
                    prop_assert_eq!(next, u64::from(written));
                }
            }
        }
    }
}
