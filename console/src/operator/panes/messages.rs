//! OPERATOR's console as it scrolls by.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use crate::operator::draw::{put, put_right, rule};
use crate::operator::layout::below_title;
use crate::operator::session::{Phase, Session};
use crate::operator::state::State;
use crate::wire::Ending;

/// Draws title and lines.
pub fn draw(buf: &mut Buffer, area: Rect, state: &State) {
    rule(buf, area, state.theme.faint());
    put(buf, area, 2, 0, &format!(" {} ", state.operator.userid), state.theme.heading());
    let note = match (state.operator.transcript.below(), &state.operator.phase) {
        (_, Phase::Over(Some(Ending::Shutdown))) => String::new(),
        (0, Phase::Over(_)) => " ENTER logs OPERATOR on ".to_owned(),
        (0, _) => String::new(),
        (1, _) => " 1 line below: F8 ".to_owned(),
        (below, _) => format!(" {below} lines below: F8 "),
    };
    put_right(buf, area, 2, 0, &note, state.theme.hint());
    let held = held_rows(area, state);
    let waiting = state.held.len();
    if waiting > 0 {
        let text = format!(" {waiting} to answer: F10 ");
        put(buf, area, 4 + state.operator.userid.len() as u16, 0, &text, state.theme.hint());
    }
    for (y, line) in state.held.lines().take(held).enumerate() {
        let row = Rect { y: area.y + 1 + y as u16, height: 1, ..area };
        put(buf, row, 0, 0, "! ", state.theme.hint());
        put(buf, row, 2, 0, &line.text, state.theme.line(line.kind));
    }
    draw_lines(buf, lines_area(area, state), &state.operator, state);
}

/// Rows that lines which wait for an answer take: at most a third of the pane.
fn held_rows(area: Rect, state: &State) -> usize {
    state.held.len().min(usize::from(area.height.saturating_sub(1)) / 3)
}

/// What is left for the console itself.
pub fn lines_area(area: Rect, state: &State) -> Rect {
    (0..held_rows(area, state)).fold(below_title(area), |area, _| below_title(area))
}

/// The window into a console's output; new lines come in at the bottom once the pane is full.
pub fn draw_lines(buf: &mut Buffer, area: Rect, session: &Session, state: &State) {
    for (y, row) in session.transcript.window(area.width, area.height).iter().enumerate() {
        put(buf, area, 0, y as u16, row.text, state.theme.line(row.kind));
    }
}
