//! The machines table. Only the rows in the window are formatted, however many machines there are.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;

use crate::operator::draw::{put, put_right, rule};
use crate::operator::figures::{FRAME, chart, processor_time, sane, size};
use crate::operator::layout::below_title;
use crate::operator::state::{Focus, Pane, State};
use crate::operator::table::Key;
use crate::operator::text::{Align, cell};
use crate::operator::trend::INTERVAL;
use crate::wire::MachineView;

/// Width of each column and the side its text is on.
const fn column(key: Key) -> (usize, Align) {
    match key {
        Key::Userid | Key::System => (8, Align::Left),
        Key::State => (9, Align::Left),
        Key::Cpu => (6, Align::Right),
        Key::VirtCpu | Key::TotCpu => (10, Align::Right),
        Key::Storage => (7, Align::Right),
        Key::Resident => (8, Align::Right),
        Key::Share => (6, Align::Right),
        Key::Console => (7, Align::Left),
    }
}

/// Fewest and most columns of the history of a machine.
const TREND: (usize, usize) = (9, 30);

/// The columns shown in a pane of this width.
pub fn keys(width: u16) -> Vec<Key> {
    let all = || Key::ALL.into_iter();
    let wanted: Vec<Key> = all().filter(|key| *key != Key::TotCpu).collect();
    let width = usize::from(width);
    if needs(&Key::ALL) <= width {
        all().collect()
    } else if needs(&wanted) <= width {
        wanted
    } else {
        all().filter(|key| !matches!(key, Key::TotCpu | Key::Resident | Key::Share)).collect()
    }
}

/// A column for the mark of the chosen row, then each column with the gap in front of it.
fn needs(keys: &[Key]) -> usize {
    1 + keys.iter().map(|key| column(*key).0 + 1).sum::<usize>()
}

/// Columns left for what each machine used lately, when there is room for a useful number of them.
fn trend_width(width: u16, keys: &[Key]) -> Option<usize> {
    let left = usize::from(width).saturating_sub(needs(keys) + 1);
    (left >= TREND.0).then_some(left.min(TREND.1))
}

/// Where the rows of machines are in the pane.
pub fn rows(pane: Rect) -> Rect {
    below_title(below_title(pane))
}

/// Draws title, headings and the visible rows.
pub fn draw(buf: &mut Buffer, area: Rect, state: &State) {
    draw_title(buf, area, state);
    let body = rows(area);
    if let Some(why) = &state.watch.refused {
        put(buf, body, 1, 0, "The system cannot be watched:", state.theme.alarm());
        put(buf, body, 1, 1, why, Style::new());
        return;
    }
    let keys = keys(area.width);
    draw_headings(buf, below_title(area), state, &keys);
    let focused = state.focus == Focus::Machines;
    for (y, (row, machine)) in state.table.window(body.height.into()).enumerate() {
        let Some(machine) = state.machines().get(machine) else {
            continue;
        };
        draw_row(buf, Rect { y: body.y + y as u16, height: 1, ..body }, state, machine, &keys);
        if state.table.is_chosen(row) {
            let line = Rect { y: body.y + y as u16, height: 1, ..body };
            put(buf, line, 0, 0, ">", state.theme.heading());
            if focused {
                buf.set_style(line, state.theme.chosen());
            }
        }
    }
    if state.table.len() == 0 && state.watch.came.is_some() {
        let text = if state.machines().is_empty() { "Nobody is logged on" } else { "No machine matches: Esc clears the filter" };
        put(buf, body, 1, 0, text, state.theme.faint());
    }
}

/// The names of the panes, the one shown first among equals; at the right what the table leaves out and its order.
pub fn draw_title(buf: &mut Buffer, area: Rect, state: &State) {
    let theme = state.theme;
    rule(buf, area, theme.faint());
    let snapshot = &state.watch.snapshot;
    let wide = area.width < buf.area.width;
    let mut x = 2;
    let tabs = [
        (Pane::Machines, format!(" Machines {} ", snapshot.machines.len())),
        (Pane::Processors, format!(" Processors {} ", snapshot.processors.len())),
        (Pane::Spool, " Spool ".to_owned()),
    ];
    for (pane, name) in &tabs[..if wide { 1 } else { 3 }] {
        let shown = wide || *pane == state.pane;
        let focused = *pane == Pane::Machines && state.focus == Focus::Machines;
        let style = match (shown, focused) {
            (true, true) => theme.active(),
            (true, false) => theme.heading(),
            _ => theme.faint(),
        };
        x = put(buf, area, x, 0, name, style) + 1;
    }
    if wide || state.pane == Pane::Machines {
        put_right(buf, area, 2, 0, &arrangement(state), theme.faint());
    }
}

fn arrangement(state: &State) -> String {
    let table = &state.table;
    let (above, below) = table.hidden(state.table_height());
    let mut text = String::new();
    if !table.filter.trim().is_empty() {
        text += &format!(" {} match \"{}\" ", table.len(), crate::operator::text::clip(table.filter.trim(), 12));
    }
    if above + below > 0 {
        let first = above + 1;
        text += &format!(" {first}-{} of {} ", table.len() - below, table.len());
    }
    text
}

fn draw_headings(buf: &mut Buffer, area: Rect, state: &State, keys: &[Key]) {
    let mut x = 1;
    for key in keys {
        let (width, align) = column(*key);
        let ordered = *key == state.table.key;
        let mut text = String::new();
        cell(&mut text, key.heading(), width, align);
        let style = if ordered { state.theme.heading() } else { state.theme.faint() };
        put(buf, area, x, 0, &text, style);
        if ordered {
            let mark = if state.table.descending { "▼" } else { "▲" };
            // Behind the heading: in its cell where there is room, else in the gap.
            let at = if align == Align::Left { x + key.heading().len() as u16 } else { x + width as u16 };
            put(buf, area, at, 0, mark, style);
        }
        x += width as u16 + 1;
    }
    if let Some(width) = trend_width(area.width, keys) {
        let mut text = String::new();
        cell(&mut text, &format!("Last {} s", width as u64 * INTERVAL.as_secs()), width, Align::Right);
        put(buf, area, x, 0, &text, state.theme.faint());
    }
}

fn draw_row(buf: &mut Buffer, area: Rect, state: &State, machine: &MachineView, keys: &[Key]) {
    #[cfg(test)]
    tests::FORMATTED.set(tests::FORMATTED.get() + 1);
    let mut x = 1;
    for key in keys {
        let (width, align) = column(*key);
        let mut text = String::new();
        cell(&mut text, &figure(*key, machine), width, align);
        let style = match key {
            Key::State => state.theme.state(&machine.state),
            Key::Cpu if machine.cpu_percent < 0.05 => state.theme.faint(),
            _ => Style::new(),
        };
        put(buf, area, x, 0, &text, style);
        x += width as u16 + 1;
    }
    if let Some(width) = trend_width(area.width, keys) {
        let percent = state.trends.percent(&machine.userid).rev().take(width);
        let line: String = percent.map(|percent| chart(percent, 100.0, 0, 1)).rev().collect();
        let mut text = String::new();
        cell(&mut text, &line, width, Align::Right);
        put(buf, area, x, 0, &text, state.theme.load(0.0));
    }
}

fn figure(key: Key, machine: &MachineView) -> String {
    match key {
        Key::Userid => machine.userid.clone(),
        Key::State => machine.state.clone(),
        Key::Cpu => match sane(machine.cpu_percent) {
            percent if percent < 1000.0 => format!("{percent:.1}"),
            percent => format!("{percent:.0}"),
        },
        Key::VirtCpu => processor_time(machine.virtual_us),
        Key::TotCpu => processor_time(machine.total_us),
        Key::Storage => size(machine.storage),
        Key::Resident => size(machine.resident_pages.saturating_mul(FRAME)),
        Key::Share => machine.share.clone(),
        Key::System => if machine.system.is_empty() { "-" } else { &machine.system }.to_owned(),
        Key::Console => machine.console.clone(),
    }
}

#[cfg(test)]
pub mod tests {
    use std::cell::Cell;

    thread_local! {
        /// Rows formatted by this thread, so that a test can count them.
        pub static FORMATTED: Cell<usize> = const { Cell::new(0) };
    }
}
