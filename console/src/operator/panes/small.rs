//! What is shown when the terminal is too small for anything else.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;

use crate::operator::draw::put;
use crate::operator::layout::SMALLEST;
use crate::operator::state::{Overlay, State};

/// Says how large the terminal is and should be, and which keys work, in rows as narrow as can be.
pub fn draw(buf: &mut Buffer, area: Rect, state: &State) {
    let keys = match &state.overlay {
        Some(Overlay::Leave) if state.owns_system => "S Shut down  Esc Stay",
        Some(Overlay::Leave) => "D Detach  S Shut down  Esc Stay",
        Some(Overlay::ShuttingDown) => "Shutting down",
        Some(Overlay::Closing { .. }) => "The system or the connection is down",
        Some(Overlay::Confirm { .. }) => "Y enters it, any other key does not",
        Some(Overlay::Help { .. } | Overlay::Details { .. } | Overlay::Actions { .. }) | None => "F3 Quit",
    };
    let rows = [
        "Terminal too small".to_owned(),
        format!("is {}x{}", area.width, area.height),
        format!("needs {}x{}", SMALLEST.0, SMALLEST.1),
        keys.to_owned(),
    ];
    for (y, row) in rows.iter().enumerate() {
        put(buf, area, 0, y as u16, row, Style::new());
    }
}
