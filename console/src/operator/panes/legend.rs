//! The last row of the main screen: what the keys do now, or a hint.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;

use crate::operator::draw::put;
use crate::operator::state::{Focus, State};

const COMMAND: &[(&str, &str)] = &[
    ("F1", "Help"),
    ("F2", "Machines"),
    ("F3", "Quit"),
    ("F4", "Sort"),
    ("F5", "Console"),
    ("F6", "Panes"),
    ("F7", "Back"),
    ("F8", "Fwd"),
    ("F9", "Details"),
    ("F11", "Actions"),
    ("F12", "Retrieve"),
    ("/", "Filter"),
    ("TAB", "Complete"),
];
const MACHINES: &[(&str, &str)] = &[
    ("ENTER", "Console"),
    ("F9", "Details"),
    ("F11", "Actions"),
    ("/", "Filter"),
    ("F4", "Sort"),
    ("Space", "Turn"),
    ("Esc", "Command line"),
    ("F7", "Back"),
    ("F8", "Fwd"),
    ("F1", "Help"),
    ("F3", "Quit"),
];
const FILTER: &[(&str, &str)] = &[("ENTER", "Go to the machines"), ("Esc", "Show all"), ("F1", "Help"), ("F3", "Quit")];

/// Draws the row.
pub fn draw(buf: &mut Buffer, area: Rect, state: &State) {
    let keys = match state.focus {
        Focus::Command => COMMAND,
        Focus::Machines => MACHINES,
        Focus::Filter => FILTER,
    };
    draw_keys(buf, area, keys, state);
}

/// Keys and what they do, as many as fit whole; a hint takes their place.
pub fn draw_keys(buf: &mut Buffer, area: Rect, keys: &[(&str, &str)], state: &State) {
    if let Some((hint, _)) = &state.hint {
        put(buf, area, 1, 0, hint, state.theme.hint());
        return;
    }
    let mut x = 1;
    for (key, does) in keys {
        let width = key.chars().count() + 1 + does.len();
        if usize::from(x) + width > usize::from(area.width) {
            break;
        }
        x = put(buf, area, x, 0, key, state.theme.key());
        x = put(buf, area, x + 1, 0, does, Style::new()) + 2;
    }
}
