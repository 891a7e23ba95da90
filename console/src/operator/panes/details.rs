//! Everything about one machine, with what it used in the last two minutes.

use jiff::Timestamp;
use jiff::tz::Offset;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;

use crate::operator::draw::{boxed, put, put_right};
use crate::operator::figures::{FRAME, chart, processor_time, sane, size, span};
use crate::operator::state::State;
use crate::wire::{MachineView, Snapshot, TREND_MAX, TREND_SECONDS};

use super::legend;

/// Columns of the box: the chart, its scale and the frame.
const WIDTH: u16 = TREND_MAX as u16 + 5 + 4;
const HEIGHT: u16 = 16;
/// Figures with the chart, devices, console.
pub const PAGES: usize = 3;
/// Rows and columns from which all of them are shown at once.
const ALL_AT_ONCE: (u16, u16) = (100, 36);
/// Rows of the chart and the row of the box above it.
const CHART: (usize, u16) = (4, 8);
const KEYS: &[(&str, &str)] = &[("ENTER", "Console"), ("Right", "More"), ("Up Down", "Another"), ("F11", "Actions"), ("Esc", "Return")];

/// Draws the box; a machine that is gone leaves it empty.
pub fn draw(buf: &mut Buffer, area: Rect, state: &State, userid: &str, page: usize) {
    let together = area.width >= ALL_AT_ONCE.0 && area.height >= ALL_AT_ONCE.1;
    let size = match (together, page) {
        (true, _) => (area.width.min(130) - 4, area.height - 4),
        (false, 0) => (WIDTH, HEIGHT),
        // Lines of devices and of a console want all the room there is.
        (false, _) => (area.width.saturating_sub(2).min(130), area.height.saturating_sub(2)),
    };
    let inside = boxed(buf, area, state, userid, size);
    let above_keys = Rect { height: inside.height.saturating_sub(1), ..inside };
    match state.machine(userid) {
        Some(machine) if together => {
            let figures = Rect { height: HEIGHT - 3, ..inside };
            draw_figures(buf, figures, state, machine);
            draw_chart(buf, Rect { width: WIDTH - 4, ..figures }, state, machine);
            let rest = Rect { y: inside.y + figures.height, height: above_keys.height.saturating_sub(figures.height), ..inside };
            let devices = (state.watch.snapshot.detail.devices.len() as u16 + 2).min(rest.height / 2);
            draw_devices(buf, Rect { height: devices, ..rest }, state);
            draw_recent(buf, Rect { y: rest.y + devices, height: rest.height - devices, ..rest }, state);
        }
        Some(machine) if page == 0 => {
            draw_figures(buf, inside, state, machine);
            draw_chart(buf, inside, state, machine);
        }
        Some(_) if page == 1 => draw_devices(buf, above_keys, state),
        Some(_) => draw_recent(buf, above_keys, state),
        None => drop(put(buf, inside, 0, 0, "This user is not logged on.", Style::new())),
    }
    let last = Rect { y: inside.y + inside.height.saturating_sub(1), height: inside.height.min(1), ..inside };
    legend::draw_keys(buf, last, KEYS, state);
}

/// Its devices, and who else hears its console.
fn draw_devices(buf: &mut Buffer, area: Rect, state: &State) {
    let detail = &state.watch.snapshot.detail;
    put(buf, area, 1, 0, "Devices", state.theme.heading());
    let recorded = if detail.recorded { "recorded" } else { "" };
    put_right(buf, area, 1, 0, format!("{}  {recorded}", detail.heard_by).trim(), state.theme.hint());
    let room = usize::from(area.height.saturating_sub(1));
    let shown = if detail.devices.len() > room { room.saturating_sub(1) } else { detail.devices.len() };
    for (y, device) in detail.devices.iter().take(shown).enumerate() {
        put(buf, area, 1, 1 + y as u16, device, Style::new());
    }
    if shown < detail.devices.len() {
        put(buf, area, 1, 1 + shown as u16, &format!("and {} more", detail.devices.len() - shown), state.theme.faint());
    }
}

/// The last lines of its console.
fn draw_recent(buf: &mut Buffer, area: Rect, state: &State) {
    let recent = &state.watch.snapshot.detail.recent;
    put(buf, area, 1, 0, "Console", state.theme.heading());
    let room = usize::from(area.height.saturating_sub(1));
    for (y, line) in recent.iter().skip(recent.len().saturating_sub(room)).enumerate() {
        put(buf, area, 1, 1 + y as u16, &line.text, state.theme.line(line.kind));
    }
    if recent.is_empty() {
        put(buf, area, 1, 1, "Nothing is kept of it", state.theme.faint());
    }
}

fn draw_figures(buf: &mut Buffer, area: Rect, state: &State, machine: &MachineView) {
    let resident = size(machine.resident_pages.saturating_mul(FRAME));
    let system = if machine.system.is_empty() { "-" } else { &machine.system };
    let left = [
        ("State", machine.state.clone()),
        ("System", system.to_owned()),
        ("VIRTCPU", processor_time(machine.virtual_us)),
        ("TOTCPU", processor_time(machine.total_us)),
        ("Share", machine.share.clone()),
        ("Logged on", logged_on(&state.watch.snapshot, machine.logged_on)),
    ];
    let right = [
        ("Console", machine.console.clone()),
        ("I/O", format!("{} requests", machine.io)),
        ("Storage", size(machine.storage)),
        ("Resident", format!("{} pages, {resident}", machine.resident_pages)),
    ];
    for (x, rows) in [(1, &left[..]), (32, &right[..])] {
        for (y, (name, figure)) in rows.iter().enumerate() {
            put(buf, area, x, y as u16, name, state.theme.faint());
            put(buf, area, x + 11, y as u16, figure, Style::new());
        }
    }
}

/// Local time of the logon and how long ago that was: `2026-11-26 14:00:03, 01:20:17 ago`.
fn logged_on(snapshot: &Snapshot, logged_on: u64) -> String {
    let offset = Offset::from_seconds(snapshot.utc_offset).unwrap_or(Offset::UTC);
    let at = i64::try_from(logged_on).ok().and_then(|seconds| Timestamp::from_second(seconds).ok());
    let at = at.map_or_else(|| "-".to_owned(), |at| offset.to_datetime(at).strftime("%Y-%m-%d %H:%M:%S").to_string());
    format!("{at}, {} ago", span(snapshot.now.saturating_sub(logged_on)))
}

fn draw_chart(buf: &mut Buffer, area: Rect, state: &State, machine: &MachineView) {
    let (rows, top) = CHART;
    let percent = || machine.trend.iter().copied();
    let width = usize::from(area.width.saturating_sub(6)).min(TREND_MAX);
    let shown = percent().len().min(width);
    let highest = percent().rev().take(shown).fold(0.0, f32::max);
    let mean = percent().rev().take(shown).sum::<f32>() / shown.max(1) as f32;
    let faint = state.theme.faint();
    let x = put(buf, area, 1, top - 1, "CPU%", state.theme.heading());
    let now = format!(" {:.1}", sane(machine.cpu_percent));
    let x = put(buf, area, x, top - 1, &now, Style::new());
    let text = match shown {
        0 => "   nothing is known of the time before".to_owned(),
        _ => format!("   in the last {} s: highest {highest:.1}, mean {mean:.1}", shown as u64 * TREND_SECONDS),
    };
    put(buf, area, x, top - 1, &text, faint);
    let scale = [1.0, 5.0, 10.0, 25.0, 50.0].into_iter().find(|scale| highest <= *scale).unwrap_or(100.0);
    for row in 0..rows {
        let line: String = percent().rev().take(width).map(|percent| chart(percent, scale, row, rows)).rev().collect();
        let y = top + (rows - 1 - row) as u16;
        put_right(buf, area, 6, y, &line, state.theme.load(0.0));
    }
    put_right(buf, area, 0, top, &format!("{scale:.0}%"), faint);
    put_right(buf, area, 0, top + rows as u16 - 1, "0%", faint);
}
