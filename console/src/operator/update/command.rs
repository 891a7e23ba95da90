//! The command line, TAB and opening consoles.

use std::ops::Range;

use crate::operator::Ending;
use crate::operator::completion::{self, carries_secret, command_at};
use crate::operator::session::{Phase, Session};
use crate::operator::state::{Channel, Completing, Effect, Focus, Overlay, Pane, State, View};
use crate::operator::text::{LINE_MAX, clean, fill};
use crate::wire::{Logon, NAMES_MAX, Request, Terminal};

use super::actions;

/// Widest help text, in columns: what the box leaves on a terminal of the design size.
const HELP_COLUMNS: usize = 76;

/// What is said when a key needs a chosen machine.
pub const NOT_CHOSEN: &str = "No machine is chosen: F2 goes to the machines";

/// ENTER on an input line.
pub fn enter(state: &mut State) -> Vec<Effect> {
    match state.session().phase {
        Phase::Opening => {
            state.hint("CP has not answered yet");
            return Vec::new();
        }
        Phase::Over(_) => return again(state),
        Phase::Password(_) | Phase::Open(_) => {}
    }
    if state.view == View::Main
        && let Some(topic) = state.operator.editor.text().trim().strip_prefix('?').map(str::to_owned)
    {
        state.operator.editor.clear();
        help(state, &topic);
        return Vec::new();
    }
    if state.session().number == state.operator.number && !state.operator.is_hidden() {
        if disconnects(state) {
            return leave_by_command(state);
        }
        let line = state.operator.editor.text().to_owned();
        if actions::asks(state, &line) {
            state.operator.editor.clear();
            return Vec::new();
        }
        answers(state, &line);
    }
    let session = state.session_mut();
    let number = session.number;
    let line = session.editor.text().to_owned();
    let (frame, remembered) = session.enter();
    let mut effects = vec![Effect::Send(Channel::Console(number), frame)];
    if remembered && number == state.operator.number && !carries_secret(&state.words, &line) {
        effects.push(Effect::Remember(line));
    }
    next_pasted(state);
    effects
}

/// A message to somebody answers what that user sent.
fn answers(state: &mut State, line: &str) {
    let command = command_at(line);
    if matches!(completion::meaning(&state.words, &line[command.clone()]), Some("MESSAGE" | "MSG" | "MSGNOH"))
        && let Some(userid) = line[command.end..].split_whitespace().next()
    {
        state.held.answered(userid);
    }
}

/// Whether OPERATOR's line is DISCONNECT and nothing else: the screen is what CP would disconnect.
fn disconnects(state: &State) -> bool {
    let line = state.operator.editor.text();
    let command = &line[command_at(line)];
    let alone = !line.trim_start().trim_start_matches("#CP").trim_start_matches("#cp").contains('#');
    alone && completion::meaning(&state.words, command).is_some_and(|name| name.starts_with("DISCONN"))
}

/// DISCONNECT leaves a screen of a system that runs elsewhere; where the system would end with the screen, it asks as F3 does.
fn leave_by_command(state: &mut State) -> Vec<Effect> {
    state.operator.editor.clear();
    if !state.owns_system {
        return vec![Effect::End(Ending::Detached)];
    }
    state.overlay = Some(Overlay::Leave);
    Vec::new()
}

/// Puts the next of several pasted lines on the command line. It waits for ENTER as the first one did.
fn next_pasted(state: &mut State) {
    if state.view != View::Main || state.operator.is_hidden() {
        return;
    }
    if let Some(line) = state.pasted.pop_front() {
        state.operator.editor.set(&line);
        hint_pasted(state);
    }
}

/// Says how many pasted lines wait behind the one on the command line.
pub fn hint_pasted(state: &mut State) {
    let waiting = match state.pasted.len() {
        0 => return,
        1 => "1 more pasted line waits".to_owned(),
        lines => format!("{lines} more pasted lines wait"),
    };
    state.hint(format!("{waiting}: ENTER enters this one, Esc drops all"));
}

/// ENTER on a console that is over: OPERATOR is logged on again, another user's console is left.
fn again(state: &mut State) -> Vec<Effect> {
    let left = state.operator.number;
    if state.session().number != left {
        return leave_console(state);
    }
    state.opened = state.opened.wrapping_add(1);
    state.operator.number = state.opened;
    state.operator.phase = Phase::Opening;
    let logon = operator_logon(state, false);
    vec![Effect::Close(Channel::Console(left)), Effect::Open(Channel::Console(state.opened), logon)]
}

/// Asks for OPERATOR's console: shared with whoever has it, or by logging OPERATOR on.
pub fn operator_logon(state: &State, attach: bool) -> Request {
    Request::Logon(logon("OPERATOR", attach, state.output_size()))
}

fn logon(userid: &str, attach: bool, (columns, rows): (u16, u16)) -> Logon {
    Logon {
        userid: userid.to_owned(),
        by: None,
        password: None,
        here: false,
        attach,
        observe: false,
        no_ipl: false,
        terminal: Terminal { columns, rows, script: false, draws: false },
    }
}

/// Opens the chosen machine's console.
pub fn open_console(state: &mut State) -> Vec<Effect> {
    let Some(userid) = state.table.chosen().map(str::to_owned) else {
        state.hint(NOT_CHOSEN);
        return Vec::new();
    };
    open_console_of(state, &userid)
}

/// Opens this machine's console.
pub fn open_console_of(state: &mut State, userid: &str) -> Vec<Effect> {
    if state.focus == Focus::Filter {
        state.focus = Focus::Machines;
    }
    if userid == state.operator.userid {
        state.view = View::OperatorConsole;
        return Vec::new();
    }
    state.opened = state.opened.wrapping_add(1);
    state.guest = Some(Session::new(state.opened, userid));
    state.view = View::GuestConsole;
    let request = Request::Logon(logon(userid, true, state.output_size()));
    vec![Effect::Open(Channel::Console(state.opened), request)]
}

/// Goes back to the main screen.
pub fn leave_console(state: &mut State) -> Vec<Effect> {
    state.view = View::Main;
    state.tour = None;
    state.stepping = false;
    state.operator.transcript.release();
    close_guest(state)
}

/// Closes the machine's console that is open.
pub fn close_guest(state: &mut State) -> Vec<Effect> {
    state.guest.take().into_iter().map(|guest| Effect::Close(Channel::Console(guest.number))).collect()
}

/// TAB on the command line: the command's full name, or a user's, for which CP is asked; pressed again the next that fits.
pub fn complete(state: &mut State) {
    if let Some(mut again) = state.completing.take() {
        again.at = (again.at + 1) % again.candidates.len();
        show(state, again);
        return;
    }
    let line = state.operator.editor.text().to_owned();
    let command = command_at(&line);
    let typed_to = state.operator.editor.before_cursor().len();
    if typed_to <= command.end {
        let found = completion::candidates(&state.words, &line[command.clone()]);
        offer(state, &line, command, found);
    } else if !typed_userid(&line[..typed_to]).is_empty() {
        state.naming = Some(line[..typed_to].to_owned());
        state.watch.wanted = true;
    }
}

/// The word that is being typed at the end of a line.
pub fn typed_userid(line: &str) -> &str {
    line.rsplit(char::is_whitespace).next().unwrap_or(line)
}

/// CP's answer to a TAB: who is logged on whose userid begins as it was typed. Too late when something else was typed since.
pub fn named(state: &mut State, names: Vec<String>) {
    let Some(typed) = state.naming.take() else { return };
    if state.operator.editor.before_cursor() == typed {
        let line = state.operator.editor.text().to_owned();
        offer(state, &line, typed.len() - typed_userid(&typed).len()..typed.len(), names);
    }
}

/// Puts the first of the candidates in place of a word of the line.
fn offer(state: &mut State, line: &str, word: Range<usize>, candidates: Vec<String>) {
    if candidates.is_empty() {
        if !word.is_empty() {
            state.hint(format!("Nothing known begins with {}", line[word].to_uppercase()));
        }
        return;
    }
    let (before, after) = (line[..word.start].to_owned(), line[word.end..].to_owned());
    show(state, Completing { before, after, candidates, at: 0 });
}

fn show(state: &mut State, mut completing: Completing) {
    let chosen = completing.candidates[completing.at].clone();
    let gap = if completing.after.is_empty() { " " } else { "" };
    state.operator.editor.set(&format!("{}{chosen}{gap}{}", completing.before, completing.after));
    if completing.candidates.len() > 1 {
        completing.candidates.truncate(NAMES_MAX);
        completing.at = completing.at.min(NAMES_MAX - 1);
        state.hint(format!("TAB: {}", completing.candidates.join("  ")));
        state.completing = Some(completing);
    } else {
        state.hint = None;
    }
}

/// Title of the help about the screen itself.
const SCREEN_TITLE: &str = "The operator screen";
/// That help.
const HELP: &str = include_str!("../help.txt");

/// The heading under which the pane in use is explained.
fn section(state: &State) -> &'static str {
    match (state.view, state.focus, state.pane) {
        (View::GuestConsole | View::OperatorConsole, ..) => "A console",
        (_, Focus::Machines | Focus::Filter, _) => "Machines",
        (_, _, Pane::Processors) => "Processors",
        (_, _, Pane::Spool) => "Spool",
        (_, _, Pane::Files) => "Files",
        _ => "",
    }
}

/// Help about a command, or about the screen when there is none.
pub fn help(state: &mut State, topic: &str) {
    let topic = topic.trim();
    let command = &topic[command_at(topic)];
    let name = completion::meaning(&state.words, command).unwrap_or(command).to_uppercase();
    let (title, text) = if name.is_empty() {
        (SCREEN_TITLE.to_owned(), HELP.to_owned())
    } else if let Some(text) = (state.help)(&name) {
        (name, text)
    } else {
        state.hint(format!("There is no help for {name}"));
        return;
    };
    let width = HELP_COLUMNS.min(usize::from(state.size.0.saturating_sub(4)).max(1));
    let mut lines = Vec::new();
    let heading = format!("# {title}");
    for line in text.lines() {
        let line = clean(line, LINE_MAX);
        // The box has the title already.
        if lines.is_empty() && (line.trim().is_empty() || line.eq_ignore_ascii_case(&heading)) {
            continue;
        }
        lines.extend(fill(&line, width).into_iter().map(str::to_owned));
    }
    // About the screen it begins with the pane that is in use.
    let heading = if title == SCREEN_TITLE { section(state) } else { "" };
    let top = lines.iter().position(|line| !heading.is_empty() && line.trim_start_matches('#').trim() == heading).unwrap_or(0);
    state.overlay = Some(Overlay::Help { title, lines, top });
}
