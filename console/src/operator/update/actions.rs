//! What an operator does with a chosen machine, and the question before what cannot be taken back.

use crossterm::event::{KeyCode, KeyEvent};

use crate::operator::completion::{Word, command_at, meaning};
use crate::operator::state::{Channel, Effect, Focus, Overlay, State, View};
use crate::wire::LineKind;
use crate::{LineEdit, logical_lines};

use super::command;

/// Something that can be done with a machine.
pub struct Action {
    /// Its key.
    pub key: char,
    /// What it does.
    pub does: &'static str,
    /// The command, `%` for the userid; nothing: the console is opened.
    pub command: &'static str,
    /// More is to be typed behind it.
    pub typed: bool,
}

const fn action(key: char, does: &'static str, command: &'static str, typed: bool) -> Action {
    Action { key, does, command, typed }
}

/// All of them, as the menu shows them.
pub const ACTIONS: &[Action] = &[
    action('c', "Console on the whole screen", "", false),
    action('m', "Message ...", "MESSAGE % ", true),
    action('w', "Warning ...", "WARNING % ", true),
    action('s', "Type at its console ...", "SEND % ", true),
    action('a', "CP command in its name ...", "FOR % CMD ", true),
    action('o', "Hear its console here (OBSERVER)", "SET OBSERVER % *", false),
    action('x', "Hear it no longer", "SET OBSERVER % OFF", false),
    action('v', "Devices", "FOR % CMD QUERY VIRTUAL", false),
    action('h', "Share of the processors ...", "SET SHARE % RELATIVE ", true),
    action('q', "Spool files", "FOR % CMD QUERY FILES", false),
    action('r', "Record its console", "SET CONRECORD % ON", false),
    action('d', "Disconnect its terminal", "FORCE % DISCONNECT", false),
    action('f', "Log it off", "FORCE %", false),
];

/// Commands that end what somebody is doing, or throw something away: they are asked about before they are entered.
const DESTRUCTIVE: [&str; 7] = ["FORCE", "SHUTDOWN", "PURGE", "FLUSH", "SPXTAPE", "LOGOFF", "LOGOUT"];

/// Opens the menu for the chosen machine.
pub fn open(state: &mut State) {
    match state.table.chosen().map(str::to_owned) {
        Some(userid) => state.overlay = Some(Overlay::Actions { userid, at: 0 }),
        None => state.hint(command::NOT_CHOSEN),
    }
}

pub fn key(state: &mut State, key: KeyEvent, userid: String, at: usize) -> Vec<Effect> {
    let last = ACTIONS.len() - 1;
    let at = match key.code {
        KeyCode::Esc | KeyCode::F(3) | KeyCode::F(11) => return Vec::new(),
        KeyCode::Up => at.checked_sub(1).unwrap_or(last),
        KeyCode::Down => {
            if at == last {
                0
            } else {
                at + 1
            }
        }
        KeyCode::Home => 0,
        KeyCode::End => last,
        KeyCode::Enter => return act(state, &userid, &ACTIONS[at.min(last)]),
        KeyCode::Char(c) => match ACTIONS.iter().find(|action| action.key == c.to_ascii_lowercase()) {
            Some(action) => return act(state, &userid, action),
            None => at,
        },
        _ => at,
    };
    state.overlay = Some(Overlay::Actions { userid, at });
    Vec::new()
}

fn act(state: &mut State, userid: &str, action: &Action) -> Vec<Effect> {
    if action.command.is_empty() {
        return command::open_console_of(state, userid);
    }
    let line = action.command.replace('%', userid);
    if action.typed {
        state.view = View::Main;
        state.focus = Focus::Command;
        state.operator.editor.set(&line);
        return Vec::new();
    }
    if asks(state, &line) {
        return Vec::new();
    }
    issue(state, &line)
}

/// Whether a command cannot be taken back, also when another user is to issue it: `FOR userid CMD command`.
fn is_destructive(words: &[Word], command: &str) -> bool {
    let at = command_at(command);
    match meaning(words, &command[at.clone()]) {
        Some("FOR") => {
            let behind = command[at.end..].trim_start().split_once(char::is_whitespace).map_or("", |(_, behind)| behind.trim_start());
            let behind = behind
                .split_once(char::is_whitespace)
                .filter(|(word, _)| word.eq_ignore_ascii_case("CMD"))
                .map_or(behind, |(_, behind)| behind);
            is_destructive(words, behind)
        }
        Some(name) => DESTRUCTIVE.contains(&name),
        None => false,
    }
}

/// Asks before a line with a command that cannot be taken back: once, about the whole line. Says whether it does.
pub fn asks(state: &mut State, line: &str) -> bool {
    let asks = logical_lines(line, &LineEdit::default()).iter().any(|command| is_destructive(&state.words, &command.text));
    if asks {
        state.overlay = Some(Overlay::Confirm { line: line.to_owned() });
    }
    asks
}

/// A key while the question stands: `y` does it, anything else does not.
pub fn confirm_key(state: &mut State, key: KeyEvent, line: &str) -> Vec<Effect> {
    match key.code {
        KeyCode::Char('y' | 'Y') => issue(state, line),
        _ => {
            state.hint(format!("Not done: {}", line.trim()));
            Vec::new()
        }
    }
}

/// Enters a line on OPERATOR's console, whatever is being typed there.
fn issue(state: &mut State, line: &str) -> Vec<Effect> {
    state.operator.transcript.release();
    state.operator.say(line, LineKind::Input);
    state.operator.editor.remember(line);
    let mut effects = vec![Effect::Send(Channel::Console(state.operator.number), crate::wire::ClientFrame::Line(line.to_owned()))];
    if !crate::operator::completion::carries_secret(&state.words, line) {
        effects.push(Effect::Remember(line.to_owned()));
    }
    effects
}
