//! The spool and real storage in numbers, and the real devices. Single files are CP's to show: QUERY FILES, QUERY READER.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;

use crate::operator::draw::{put, rule};
use crate::operator::figures::{FRAME, size};
use crate::operator::layout::below_title;
use crate::operator::state::State;
use crate::wire::DeviceView;

use super::machines;

/// From this width on the classes and forms of devices are shown.
const WITH_FORMS: u16 = 54;

/// As the large pane.
pub fn draw(buf: &mut Buffer, area: Rect, state: &State) {
    machines::draw_title(buf, area, state);
    let area = below_title(area);
    draw_spool(buf, area, state);
    let storage = &state.watch.snapshot.storage;
    let bytes = |frames: u64| size(frames.saturating_mul(FRAME));
    let rows = [("Real storage", bytes(storage.frames)), ("in use", bytes(storage.in_use)), ("of it shared", bytes(storage.shared))];
    draw_figures(buf, Rect { x: area.x + 40, width: area.width.saturating_sub(40), ..area }, state, &rows);
    draw_devices(buf, below_figures(area), state);
}

/// As a pane at the side.
pub fn draw_side(buf: &mut Buffer, area: Rect, state: &State) {
    rule(buf, area, state.theme.faint());
    put(buf, area, 2, 0, " Spool ", state.theme.heading());
    let area = below_title(area);
    draw_spool(buf, area, state);
    draw_devices(buf, below_figures(area), state);
}

/// What is left of the pane below the four rows of figures.
fn below_figures(area: Rect) -> Rect {
    (0..4).fold(area, |area, _| below_title(area))
}

/// A row for each device, as QUERY UR lists them.
fn draw_devices(buf: &mut Buffer, area: Rect, state: &State) {
    let devices = &state.watch.snapshot.devices;
    let faint = state.theme.faint();
    if devices.is_empty() {
        return;
    }
    put(buf, area, 1, 0, "Device   State     Works on", faint);
    if area.width >= WITH_FORMS {
        put(buf, area, 37, 0, "Class  Form", faint);
    }
    let area = below_title(area);
    let height = usize::from(area.height);
    let shown = if devices.len() > height { height.saturating_sub(1) } else { devices.len() };
    for (y, device) in devices.iter().take(shown).enumerate() {
        draw_device(buf, area, y as u16, device, state);
    }
    if shown < devices.len() {
        put(buf, area, 1, shown as u16, &format!("and {} more", devices.len() - shown), faint);
    }
}

fn draw_device(buf: &mut Buffer, area: Rect, y: u16, device: &DeviceView, state: &State) {
    put(buf, area, 1, y, &device.kind, Style::new());
    put(buf, area, 5, y, &device.number, Style::new());
    if !device.stopped.is_empty() {
        put(buf, area, 10, y, &device.state, state.theme.hint());
        put(buf, area, 20, y, &device.stopped, Style::new());
        return;
    }
    put(buf, area, 10, y, &device.state, Style::new());
    put(buf, area, 20, y, if device.file.is_empty() { "-" } else { &device.file }, Style::new());
    if area.width >= WITH_FORMS {
        put(buf, area, 37, y, &device.classes, Style::new());
        put(buf, area, 44, y, &device.form, Style::new());
    }
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
