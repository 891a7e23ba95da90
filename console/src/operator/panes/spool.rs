//! The spool and real storage in numbers. Single files are CP's to show: QUERY FILES, QUERY READER.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;

use crate::operator::draw::{put, rule};
use crate::operator::figures::{FRAME, size};
use crate::operator::layout::below_title;
use crate::operator::state::State;

use super::machines;

/// As the large pane.
pub fn draw(buf: &mut Buffer, area: Rect, state: &State) {
    machines::draw_title(buf, area, state);
    let area = below_title(area);
    draw_spool(buf, area, state);
    let storage = &state.watch.snapshot.storage;
    let bytes = |frames: u64| size(frames.saturating_mul(FRAME));
    let rows = [("Real storage", bytes(storage.frames)), ("in use", bytes(storage.in_use)), ("of it shared", bytes(storage.shared))];
    draw_figures(buf, Rect { x: area.x + 40, width: area.width.saturating_sub(40), ..area }, state, &rows);
}

/// As a pane at the side.
pub fn draw_side(buf: &mut Buffer, area: Rect, state: &State) {
    rule(buf, area, state.theme.faint());
    put(buf, area, 2, 0, " Spool ", state.theme.heading());
    draw_spool(buf, below_title(area), state);
}

fn draw_spool(buf: &mut Buffer, area: Rect, state: &State) {
    let spool = &state.watch.snapshot.spool;
    let rows = [
        ("Reader files", spool.reader.to_string()),
        ("Printer files", spool.printer.to_string()),
        ("Punch files", spool.punch.to_string()),
        ("Space on disk", size(spool.bytes)),
    ];
    draw_figures(buf, area, state, &rows);
}

fn draw_figures(buf: &mut Buffer, area: Rect, state: &State, rows: &[(&str, String)]) {
    for (y, (name, figure)) in rows.iter().enumerate() {
        put(buf, area, 1, y as u16, name, state.theme.faint());
        put(buf, area, 17, y as u16, &format!("{figure:>8}"), Style::new());
    }
}
