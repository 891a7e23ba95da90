//! The command line: prompt, what is typed, what an abbreviation means, and the state of OPERATOR's console.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::{Modifier, Style};

use crate::operator::completion::{command_at, meaning};
use crate::operator::draw::{put, put_right};
use crate::operator::editor::Editor;
use crate::operator::session::{Phase, Session};
use crate::operator::state::{Focus, State};
use crate::operator::text::{clip, columns};

/// Columns of the state and the system's name at the right: `RUNNING   CP64SYS `.
const STATUS: u16 = 20;

/// Draws the row; returns where the cursor belongs, unless keys go to the table.
pub fn draw(buf: &mut Buffer, area: Rect, state: &State) -> Option<(u16, u16)> {
    draw_status(buf, area, &state.operator, state);
    let line = Rect { width: area.width.saturating_sub(STATUS), ..area };
    if state.focus == Focus::Filter {
        return Some(draw_input(buf, line, "Filter ===> ", &state.filter, false, state));
    }
    let session = &state.operator;
    let cursor = draw_input(buf, line, prompt(session), &session.editor, session.is_hidden(), state);
    draw_meaning(buf, line, cursor.0 - line.x, state);
    (state.focus == Focus::Command).then_some(cursor)
}

/// What stands in front of the input.
pub fn prompt(session: &Session) -> &str {
    match &session.phase {
        Phase::Password(prompt) if !prompt.trim().is_empty() => prompt,
        Phase::Password(_) => "PASSWORD ===> ",
        _ => "===> ",
    }
}

/// State of the console and name of the system, as in the lower right corner of a 3270.
pub fn draw_status(buf: &mut Buffer, area: Rect, session: &Session, state: &State) {
    let text = format!("{:<10}{:<8}", session.status(), clip(state.system(), 8));
    put_right(buf, area, 1, 0, &text, Style::new().add_modifier(Modifier::BOLD));
}

/// A prompt and a line being typed, moved left as far as the cursor needs. Returns the cursor's place.
pub fn draw_input(buf: &mut Buffer, area: Rect, prompt: &str, editor: &Editor, hidden: bool, state: &State) -> (u16, u16) {
    let start = put(buf, area, 0, 0, clip(prompt, 30), state.theme.heading());
    if hidden {
        return (area.x + start, area.y);
    }
    let room = usize::from(area.width.saturating_sub(start + 1)).max(1);
    let before = columns(editor.before_cursor());
    let mut cut = 0;
    let mut text = editor.text();
    // Whole characters leave at the left until the cursor is inside.
    while before - cut > room {
        let Some(first) = text.chars().next() else {
            break;
        };
        cut += columns(&text[..first.len_utf8()]);
        text = &text[first.len_utf8()..];
    }
    put(buf, Rect { width: area.width.min(start + room as u16 + 1), ..area }, start, 0, text, Style::new());
    (area.x + start + (before - cut) as u16, area.y)
}

/// Behind an abbreviation its full name, so that nobody enters FORCE for FORWARD.
fn draw_meaning(buf: &mut Buffer, area: Rect, x: u16, state: &State) {
    let editor = &state.operator.editor;
    let command = &editor.text()[command_at(editor.text())];
    if state.operator.is_hidden() || !editor.at_end() || !editor.text().ends_with(command) {
        return;
    }
    if let Some(name) = meaning(&state.words, command)
        && !name.eq_ignore_ascii_case(command)
    {
        put(buf, area, x + 2, 0, &format!("= {name}"), state.theme.faint());
    }
}
