//! The whole screen from the state. Pure: what is drawn depends on the state and the frame's size alone.

use ratatui::Frame;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;

use super::layout;
use super::panes;
use super::state::{Overlay, Pane, State, View};

/// Draws everything and places the cursor.
pub fn draw(frame: &mut Frame<'_>, state: &State) {
    let area = frame.area();
    if layout::too_small(area) {
        panes::small::draw(frame.buffer_mut(), area, state);
        return;
    }
    let cursor = match state.view {
        View::Main => main(frame.buffer_mut(), area, state),
        View::OperatorConsole | View::GuestConsole => panes::console::draw(frame.buffer_mut(), area, state),
    };
    match &state.overlay {
        Some(overlay) => draw_overlay(frame.buffer_mut(), area, state, overlay),
        None => {
            if let Some(cursor) = cursor {
                frame.set_cursor_position(cursor);
            }
        }
    }
}

fn main(buf: &mut Buffer, area: Rect, state: &State) -> Option<(u16, u16)> {
    let screen = layout::screen(area);
    panes::header::draw(buf, screen.bar, screen.meters, state);
    if let Some((processors, spool)) = screen.side {
        match state.pane {
            Pane::Files => panes::files::draw(buf, screen.upper, state),
            _ => panes::machines::draw(buf, screen.upper, state),
        }
        panes::processors::draw_side(buf, processors, state);
        panes::spool::draw_side(buf, spool, state);
    } else {
        match state.pane {
            Pane::Machines => panes::machines::draw(buf, screen.upper, state),
            Pane::Processors => panes::processors::draw(buf, screen.upper, state),
            Pane::Spool => panes::spool::draw(buf, screen.upper, state),
            Pane::Files => panes::files::draw(buf, screen.upper, state),
        }
    }
    panes::messages::draw(buf, screen.messages, state);
    panes::legend::draw(buf, screen.legend, state);
    panes::command::draw(buf, screen.command, state)
}

fn draw_overlay(buf: &mut Buffer, area: Rect, state: &State, overlay: &Overlay) {
    match overlay {
        Overlay::Help { title, lines, top } => panes::help::draw(buf, area, state, title, lines, *top),
        Overlay::Details { userid, page } => panes::details::draw(buf, area, state, userid, *page),
        Overlay::Actions { userid, at } => panes::actions::draw(buf, area, state, userid, *at),
        Overlay::Confirm { line } => panes::actions::draw_confirm(buf, area, state, line),
        Overlay::Leave => panes::leave::draw(buf, area, state),
        Overlay::ShuttingDown => panes::leave::draw_shutting_down(buf, area, state),
        Overlay::Closing { ending, .. } => panes::leave::draw_closing(buf, area, state, ending),
    }
}

/// Writes text into one row of `area`, `x` columns from its left; what does not fit is cut. Returns the column behind it.
pub(super) fn put(buf: &mut Buffer, area: Rect, x: u16, row: u16, text: &str, style: Style) -> u16 {
    if x >= area.width || row >= area.height {
        return x;
    }
    let (end, _) = buf.set_stringn(area.x + x, area.y + row, text, usize::from(area.width - x), style);
    end - area.x
}

/// Writes text so that it ends `gap` columns before the right end of a row.
pub(super) fn put_right(buf: &mut Buffer, area: Rect, gap: u16, row: u16, text: &str, style: Style) {
    let width = super::text::columns(text).min(usize::from(area.width)) as u16;
    let x = area.width.saturating_sub(width + gap);
    put(buf, area, x, row, text, style);
}

/// A rule across the first row of a pane, to write its title into.
pub(super) fn rule(buf: &mut Buffer, area: Rect, style: Style) {
    put(buf, area, 0, 0, &"─".repeat(area.width.into()), style);
}

/// A box in the middle of the screen with the screen wiped behind it; returns its inside.
pub(super) fn boxed(buf: &mut Buffer, area: Rect, state: &State, title: &str, size: (u16, u16)) -> Rect {
    use ratatui::widgets::{Block, BorderType, Clear, Padding, Widget};
    let (width, height) = (size.0.min(area.width), size.1.min(area.height));
    let place = Rect { x: area.x + (area.width - width) / 2, y: area.y + (area.height - height) / 2, width, height };
    Clear.render(place, buf);
    let block = Block::bordered()
        .border_type(BorderType::Rounded)
        .padding(Padding::horizontal(1))
        .title(format!(" {title} "))
        .title_style(state.theme.heading());
    let inside = block.inner(place);
    block.render(place, buf);
    inside
}
