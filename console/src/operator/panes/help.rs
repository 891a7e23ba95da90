//! Help over the screen.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;

use crate::operator::draw::{boxed, put, put_right};
use crate::operator::state::State;

/// Columns of the box: a command's help is written for 80-column terminals.
const WIDTH: u16 = 80;

fn height(area: Rect) -> u16 {
    area.height.saturating_sub(2).min(40)
}

/// Lines of text that are visible at once.
pub fn page(area: Rect) -> u16 {
    height(area).saturating_sub(3)
}

/// Draws the box with as much of the text as fits.
pub fn draw(buf: &mut Buffer, area: Rect, state: &State, title: &str, lines: &[String], top: usize) {
    let page = usize::from(page(area));
    let inside = boxed(buf, area, state, title, (WIDTH, height(area).min(lines.len() as u16 + 3)));
    for (y, line) in lines.iter().skip(top).take(page).enumerate() {
        // Help files are Markdown; their headings are all of it that needs showing.
        let heading = line.trim_start_matches('#');
        match heading.strip_prefix(' ') {
            Some(heading) if line.starts_with('#') => put(buf, inside, 0, y as u16, heading, state.theme.heading()),
            _ => put(buf, inside, 0, y as u16, line, Style::new()),
        };
    }
    let below = lines.len().saturating_sub(top + page);
    let last = inside.height.saturating_sub(1);
    put(buf, inside, 0, last, "Esc returns", state.theme.faint());
    if below > 0 || top > 0 {
        put_right(buf, inside, 0, last, &format!("line {} of {}   F7 Back  F8 Fwd", top + 1, lines.len()), state.theme.faint());
    }
}
