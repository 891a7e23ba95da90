//! What keys and pasted text do.

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

use crate::operator::Ending;
use crate::operator::layout;
use crate::operator::panes;
use crate::operator::state::{Channel, Effect, Focus, Overlay, Pane, State, View};
use crate::operator::text::{LINE_MAX, clean};
use crate::wire::{ClientFrame, Request};

use super::replies::DETAILS_MAX;
use super::{actions, command, tour};

/// Pasted lines that may wait.
const PASTED_MAX: usize = 100;

pub fn key(state: &mut State, key: KeyEvent) -> Vec<Effect> {
    if key.code != KeyCode::Tab {
        state.completing = None;
    }
    state.hint = None;
    if key.code == KeyCode::Char('l') && key.modifiers.contains(KeyModifiers::CONTROL) {
        return vec![Effect::Repaint];
    }
    if key.code == KeyCode::Char('t') && key.modifiers.contains(KeyModifiers::CONTROL) {
        state.theme = state.theme.next();
        state.hint(format!("Theme {}: cp64 operator --theme keeps it", state.theme.look().name()));
        return vec![Effect::Repaint];
    }
    if state.overlay.is_some() {
        return overlay_key(state, key);
    }
    if layout::too_small(state.area()) && key.code != KeyCode::F(3) {
        return Vec::new();
    }
    match (state.view, state.focus) {
        (View::Main, Focus::Filter) => filter_key(state, key),
        (View::Main, Focus::Machines) => machines_key(state, key),
        (View::Main, Focus::Command) => command_key(state, key),
        _ => console_key(state, key),
    }
}

pub fn paste(state: &mut State, text: &str) -> Vec<Effect> {
    if state.overlay.is_some() {
        return Vec::new();
    }
    // Terminals paste a line end as ENTER.
    let text = text.replace("\r\n", "\n");
    if state.view == View::Main {
        paste_commands(state, &text);
        return Vec::new();
    }
    let mut effects = Vec::new();
    for piece in text.split_inclusive(['\n', '\r']) {
        state.session_mut().editor.insert(piece.trim_end_matches(['\n', '\r']));
        if piece.ends_with(['\n', '\r']) {
            effects.extend(command::enter(state));
        }
    }
    effects
}

/// Commands are not run because they were on a clipboard: one line is inserted, the others wait until ENTER has entered it.
fn paste_commands(state: &mut State, text: &str) {
    let mut lines = text.split(['\n', '\r']);
    let line = lines.next().unwrap_or_default();
    if state.focus == Focus::Filter {
        state.filter.insert(line);
        return filter_changed(state);
    }
    state.focus = Focus::Command;
    state.operator.editor.insert(line);
    if !state.operator.is_hidden() {
        state.pasted = lines.filter(|line| !line.trim().is_empty()).take(PASTED_MAX).map(|line| clean(line, LINE_MAX)).collect();
        command::hint_pasted(state);
    }
}

/// Keys that mean the same wherever the main screen's keys go.
fn main_key(state: &mut State, key: KeyEvent) -> Option<Vec<Effect>> {
    let shift = key.modifiers.contains(KeyModifiers::SHIFT);
    match key.code {
        // A secret being typed is no topic.
        KeyCode::F(1) if state.operator.is_hidden() => command::help(state, ""),
        KeyCode::F(1) => {
            let topic = state.operator.editor.text().to_owned();
            command::help(state, &topic);
        }
        KeyCode::F(2) => to_machines(state),
        KeyCode::F(3) => state.overlay = Some(Overlay::Leave),
        KeyCode::F(4) if shift => turn(state),
        KeyCode::F(16) => turn(state),
        KeyCode::F(4) => order(state, true),
        KeyCode::F(5) => return Some(command::open_console(state)),
        KeyCode::F(6) => next_pane(state),
        KeyCode::F(9) => details(state),
        KeyCode::F(10) if shift => state.held.release_all(),
        KeyCode::F(22) => state.held.release_all(),
        KeyCode::F(10) => release(state),
        KeyCode::F(11) => actions::open(state),
        KeyCode::Char('c') if key.modifiers.contains(KeyModifiers::CONTROL) => {
            state.hint("Ctrl-C does not end the system. F3 leaves this screen and asks what is meant");
        }
        KeyCode::F(n) => state.hint(format!("* PF{n:02} UNDEFINED")),
        _ => return None,
    }
    Some(Vec::new())
}

/// Keys that move through the pane of spool files. Says whether it was one.
fn files_key(state: &mut State, key: KeyEvent) -> bool {
    let empty = state.operator.editor.text().is_empty() && !state.operator.is_hidden();
    let page = state.files_height().saturating_sub(1).max(1);
    let spool = &state.watch.snapshot.spool;
    let total = usize::try_from(spool.reader.saturating_add(spool.printer).saturating_add(spool.punch)).unwrap_or(usize::MAX);
    let last = total.min(DETAILS_MAX).saturating_sub(page);
    let top = match key.code {
        KeyCode::PageUp | KeyCode::F(7) => state.files_top.saturating_sub(page),
        KeyCode::PageDown | KeyCode::F(8) => state.files_top + page,
        KeyCode::Up if empty => state.files_top.saturating_sub(1),
        KeyCode::Down if empty => state.files_top + 1,
        _ => return false,
    };
    state.files_top = top.min(last);
    state.watch.wanted = true;
    true
}

fn command_key(state: &mut State, key: KeyEvent) -> Vec<Effect> {
    if state.pane == Pane::Files && files_key(state, key) || scroll_key(state, key) {
        return Vec::new();
    }
    let empty = state.operator.editor.text().is_empty() && !state.operator.is_hidden();
    match key.code {
        KeyCode::Enter => return command::enter(state),
        KeyCode::Char('/') if empty => start_filter(state),
        KeyCode::Char('?') if empty => command::help(state, ""),
        KeyCode::Tab if empty => to_machines(state),
        KeyCode::Tab if !state.operator.is_hidden() => command::complete(state),
        KeyCode::F(12) => drop(state.operator.editor.key(KeyEvent::from(KeyCode::Up))),
        KeyCode::Esc if state.operator.transcript.is_held() => state.operator.transcript.release(),
        KeyCode::Esc if empty && !state.table.filter.is_empty() => clear_filter(state),
        KeyCode::Esc => {
            state.operator.editor.clear();
            state.pasted.clear();
        }
        _ => {
            if let Some(effects) = main_key(state, key) {
                return effects;
            }
            if !(state.operator.is_hidden() && matches!(key.code, KeyCode::Up | KeyCode::Down)) {
                state.operator.editor.key(key);
            }
        }
    }
    Vec::new()
}

fn machines_key(state: &mut State, key: KeyEvent) -> Vec<Effect> {
    let page = isize::try_from(state.table_height().saturating_sub(1).max(1)).unwrap_or(1);
    match key.code {
        KeyCode::Up => step(state, -1),
        KeyCode::Down => step(state, 1),
        KeyCode::PageUp | KeyCode::F(7) => step(state, -page),
        KeyCode::PageDown | KeyCode::F(8) => step(state, page),
        KeyCode::Home => step(state, isize::MIN),
        KeyCode::End => step(state, isize::MAX),
        KeyCode::Left => order(state, false),
        KeyCode::Right => order(state, true),
        KeyCode::Char(' ') => turn(state),
        KeyCode::Char('/') => start_filter(state),
        KeyCode::Char('?') => command::help(state, ""),
        KeyCode::Enter => return command::open_console(state),
        KeyCode::Esc if !state.table.filter.is_empty() => clear_filter(state),
        KeyCode::Esc | KeyCode::Tab | KeyCode::BackTab | KeyCode::F(2) => state.focus = Focus::Command,
        _ => {
            if let Some(effects) = main_key(state, key) {
                return effects;
            }
            state.focus = Focus::Command;
            state.operator.editor.key(key);
        }
    }
    Vec::new()
}

fn filter_key(state: &mut State, key: KeyEvent) -> Vec<Effect> {
    match key.code {
        KeyCode::Enter | KeyCode::Tab => to_machines(state),
        KeyCode::Down => to_machines(state),
        KeyCode::Esc => {
            clear_filter(state);
            state.focus = Focus::Command;
        }
        KeyCode::Backspace if state.filter.text().is_empty() => {
            clear_filter(state);
            state.focus = Focus::Command;
        }
        KeyCode::Up => {}
        _ => {
            if let Some(effects) = main_key(state, key) {
                return effects;
            }
            state.filter.key(key);
            filter_changed(state);
        }
    }
    Vec::new()
}

fn console_key(state: &mut State, key: KeyEvent) -> Vec<Effect> {
    if scroll_key(state, key) {
        return Vec::new();
    }
    let session = state.session_mut();
    let channel = Channel::Console(session.number);
    match key.code {
        KeyCode::Esc | KeyCode::F(3) => return command::leave_console(state),
        KeyCode::Enter => return command::enter(state),
        KeyCode::F(1) => command::help(state, ""),
        KeyCode::F(9) => return vec![Effect::Send(channel, ClientFrame::Attention)],
        KeyCode::F(5) => tour::start_or_pause(state),
        KeyCode::F(10) => return tour::step(state, false),
        KeyCode::F(11) => return tour::step(state, true),
        KeyCode::Char('c') if key.modifiers.contains(KeyModifiers::CONTROL) => {
            return vec![Effect::Send(channel, ClientFrame::Attention)];
        }
        KeyCode::F(12) => drop(session.editor.key(KeyEvent::from(KeyCode::Up))),
        KeyCode::F(n) => state.hint(format!("* PF{n:02} UNDEFINED")),
        KeyCode::Up | KeyCode::Down if session.is_hidden() => {}
        KeyCode::Tab => session.editor.insert("\t"),
        _ => drop(session.editor.key(key)),
    }
    Vec::new()
}

/// Keys that move through what was said. Says whether it was one.
fn scroll_key(state: &mut State, key: KeyEvent) -> bool {
    let (width, height) = state.output_size();
    let control = key.modifiers.contains(KeyModifiers::CONTROL);
    let transcript = &mut state.session_mut().transcript;
    match key.code {
        KeyCode::PageUp | KeyCode::F(7) => transcript.back(width, height),
        KeyCode::PageDown | KeyCode::F(8) => transcript.forward(width, height),
        KeyCode::Home if control => transcript.oldest(width, height),
        KeyCode::End if control || transcript.is_held() => transcript.release(),
        _ => return false,
    }
    true
}

fn overlay_key(state: &mut State, key: KeyEvent) -> Vec<Effect> {
    match state.overlay.take() {
        Some(Overlay::Help { title, lines, top }) => {
            let page = usize::from(panes::help::page(state.area()));
            let last = lines.len().saturating_sub(page);
            let top = match key.code {
                KeyCode::Up => top.saturating_sub(1),
                KeyCode::Down => top + 1,
                KeyCode::PageUp | KeyCode::F(7) => top.saturating_sub(page),
                KeyCode::PageDown | KeyCode::F(8) | KeyCode::Char(' ') => top + page,
                KeyCode::Home => 0,
                KeyCode::End => last,
                _ => return Vec::new(),
            };
            state.overlay = Some(Overlay::Help { title, lines, top: top.min(last) });
            Vec::new()
        }
        Some(Overlay::Details { userid, page }) => details_key(state, key, userid, page),
        Some(Overlay::Actions { userid, at }) => actions::key(state, key, userid, at),
        Some(Overlay::Confirm { line }) => actions::confirm_key(state, key, &line),
        Some(Overlay::Leave) => leave_key(state, key),
        Some(Overlay::ShuttingDown) => {
            // Waiting can be given up, the order cannot be taken back.
            if !matches!(key.code, KeyCode::Esc) {
                state.overlay = Some(Overlay::ShuttingDown);
            }
            Vec::new()
        }
        Some(Overlay::Closing { ending, .. }) => vec![Effect::End(ending)],
        None => Vec::new(),
    }
}

/// Releases the oldest line that waits for an answer.
fn release(state: &mut State) {
    if !state.held.release() {
        state.hint("Nothing waits for an answer");
    }
}

/// Everything about the chosen machine.
fn details(state: &mut State) {
    match state.table.chosen() {
        Some(userid) => state.overlay = Some(Overlay::Details { userid: userid.to_owned(), page: 0 }),
        None => state.hint(command::NOT_CHOSEN),
    }
}

fn details_key(state: &mut State, key: KeyEvent, userid: String, page: usize) -> Vec<Effect> {
    let pages = panes::details::PAGES;
    match key.code {
        KeyCode::Esc | KeyCode::F(3) | KeyCode::F(9) => return Vec::new(),
        KeyCode::Enter | KeyCode::F(5) if state.machine(&userid).is_some() => {
            return command::open_console_of(state, &userid);
        }
        KeyCode::F(11) => {
            state.overlay = Some(Overlay::Actions { userid, at: 0 });
            return Vec::new();
        }
        KeyCode::Right | KeyCode::Tab => {
            state.overlay = Some(Overlay::Details { userid, page: (page + 1) % pages });
            return Vec::new();
        }
        KeyCode::Left | KeyCode::BackTab => {
            state.overlay = Some(Overlay::Details { userid, page: (page + pages - 1) % pages });
            return Vec::new();
        }
        KeyCode::Up => step(state, -1),
        KeyCode::Down => step(state, 1),
        // Otherwise it stays with its machine, also when that logs off and the table chooses another.
        _ => {}
    }
    let moved = matches!(key.code, KeyCode::Up | KeyCode::Down);
    let userid = state.table.chosen().filter(|_| moved).map_or(userid, str::to_owned);
    state.overlay = Some(Overlay::Details { userid, page });
    Vec::new()
}

fn leave_key(state: &mut State, key: KeyEvent) -> Vec<Effect> {
    match key.code {
        KeyCode::Char('d' | 'D') if !state.owns_system && key.modifiers.difference(KeyModifiers::SHIFT).is_empty() => {
            vec![Effect::End(Ending::Detached)]
        }
        KeyCode::Char('s' | 'S') if key.modifiers.difference(KeyModifiers::SHIFT).is_empty() => {
            state.overlay = Some(Overlay::ShuttingDown);
            vec![Effect::Open(Channel::Order, Request::Command("SHUTDOWN".to_owned()))]
        }
        KeyCode::Esc | KeyCode::F(3) | KeyCode::Char('n' | 'N') => Vec::new(),
        _ => {
            state.overlay = Some(Overlay::Leave);
            Vec::new()
        }
    }
}

fn to_machines(state: &mut State) {
    state.pane = Pane::Machines;
    state.focus = Focus::Machines;
    step(state, 0);
}

fn step(state: &mut State, rows: isize) {
    let height = state.table_height();
    state.watch.wanted |= state.table.step(rows, &state.watch.snapshot, height);
}

fn order(state: &mut State, right: bool) {
    state.pane = Pane::Machines;
    let orders = state.table_orders();
    state.table.order_by_neighbour(&orders, right);
    state.watch.wanted = true;
}

fn turn(state: &mut State) {
    state.table.descending = !state.table.descending;
    state.watch.wanted = true;
}

fn next_pane(state: &mut State) {
    let wide = layout::screen(state.area()).side.is_some();
    state.focus = Focus::Command;
    state.files_top = 0;
    state.pane = match state.pane {
        // At the side the others are visible anyway.
        Pane::Files => Pane::Machines,
        _ if wide => Pane::Files,
        Pane::Machines => Pane::Processors,
        Pane::Processors => Pane::Spool,
        Pane::Spool => Pane::Files,
    };
    state.watch.wanted = true;
}

fn start_filter(state: &mut State) {
    state.pane = Pane::Machines;
    state.focus = Focus::Filter;
    let filter = state.table.filter.clone();
    state.filter.set(&filter);
}

fn filter_changed(state: &mut State) {
    if state.focus == Focus::Filter {
        state.table.filter = state.filter.text().to_owned();
        state.watch.wanted = true;
    }
}

fn clear_filter(state: &mut State) {
    state.filter.clear();
    state.table.filter.clear();
    state.watch.wanted = true;
}
