//! The menu of what can be done with a machine, and the question before what cannot be taken back.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;

use crate::operator::draw::{boxed, put, put_right};
use crate::operator::state::State;
use crate::operator::text::fill;
use crate::operator::update::ACTIONS;

const WIDTH: u16 = 66;

/// Draws the menu.
pub fn draw(buf: &mut Buffer, area: Rect, state: &State, userid: &str, at: usize) {
    let inside = boxed(buf, area, state, userid, (WIDTH, ACTIONS.len() as u16 + 4));
    for (y, action) in ACTIONS.iter().enumerate() {
        let row = Rect { y: inside.y + y as u16, height: 1, ..inside };
        if row.y >= inside.bottom() {
            break;
        }
        put(buf, row, 1, 0, &action.key.to_string(), state.theme.key());
        put(buf, row, 4, 0, action.does, Style::new());
        put_right(buf, row, 1, 0, action.command.replace('%', userid).trim_end(), state.theme.faint());
        if y == at {
            buf.set_style(row, state.theme.chosen());
        }
    }
    let last = Rect { y: inside.y + inside.height.saturating_sub(1), height: inside.height.min(1), ..inside };
    super::legend::draw_keys(buf, last, &[("ENTER", "or its letter does it"), ("Esc", "Return")], state);
}

/// Asks.
pub fn draw_confirm(buf: &mut Buffer, area: Rect, state: &State, line: &str) {
    let rows = fill(line.trim(), usize::from(WIDTH) - 6);
    let inside = boxed(buf, area, state, "This cannot be taken back", (WIDTH, rows.len() as u16 + 4));
    for (y, row) in rows.iter().enumerate() {
        put(buf, inside, 1, y as u16, row, state.theme.hint());
    }
    let x = put(buf, inside, 1, rows.len() as u16 + 1, "Y", state.theme.key());
    let x = put(buf, inside, x + 1, rows.len() as u16 + 1, "enters it;", Style::new());
    put(buf, inside, x + 1, rows.len() as u16 + 1, "any other key does not", Style::new());
}
