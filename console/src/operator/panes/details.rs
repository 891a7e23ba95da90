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
/// Rows of the chart and the row of the box above it.
const CHART: (usize, u16) = (4, 8);
const KEYS: &[(&str, &str)] = &[("ENTER", "Console"), ("Up Down", "Another machine"), ("Esc", "Return")];

/// Draws the box; a machine that is gone leaves it empty.
pub fn draw(buf: &mut Buffer, area: Rect, state: &State, userid: &str) {
    let inside = boxed(buf, area, state, userid, (WIDTH, HEIGHT));
    match state.machine(userid) {
        Some(machine) => {
            draw_figures(buf, inside, state, machine);
            draw_chart(buf, inside, state, machine);
        }
        None => drop(put(buf, inside, 0, 0, "This user is not logged on.", Style::new())),
    }
    let last = Rect { y: inside.y + inside.height.saturating_sub(1), height: inside.height.min(1), ..inside };
    legend::draw_keys(buf, last, KEYS, state);
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
