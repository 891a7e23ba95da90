//! The machines table. Only the rows in the window are formatted, however many machines there are.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;

use crate::operator::draw::{put, put_right, rule};
use crate::operator::figures::{FRAME, chart, processor_time, sane, size};
use crate::operator::layout::below_title;
use crate::operator::state::{Focus, Pane, State};
use crate::operator::text::{Align, cell};
use crate::wire::{MachineView, Order, TREND_SECONDS};

/// Width of each column and the side its text is on.
const fn column(order: Order) -> (usize, Align) {
    match order {
        Order::Userid | Order::System => (8, Align::Left),
        Order::State => (9, Align::Left),
        Order::Cpu => (6, Align::Right),
        Order::VirtCpu | Order::TotCpu => (10, Align::Right),
        Order::Storage => (7, Align::Right),
        Order::Resident => (8, Align::Right),
        Order::Share => (6, Align::Right),
        Order::Console => (7, Align::Left),
    }
}

/// Fewest and most columns of the history of a machine.
const TREND: (usize, usize) = (9, 30);

/// The columns shown in a pane of this width.
pub fn orders(width: u16) -> Vec<Order> {
    let all = || Order::ALL.into_iter();
    let wanted: Vec<Order> = all().filter(|order| *order != Order::TotCpu).collect();
    let width = usize::from(width);
    if needs(&Order::ALL) <= width {
        all().collect()
    } else if needs(&wanted) <= width {
        wanted
    } else {
        all().filter(|order| !matches!(order, Order::TotCpu | Order::Resident | Order::Share)).collect()
    }
}

/// A column for the mark of the chosen row, then each column with the gap in front of it.
fn needs(orders: &[Order]) -> usize {
    1 + orders.iter().map(|order| column(*order).0 + 1).sum::<usize>()
}

/// Columns left for what each machine used lately, when there is room for a useful number of them.
fn trend_width(width: u16, orders: &[Order]) -> Option<usize> {
    let left = usize::from(width).saturating_sub(needs(orders) + 1);
    (left >= TREND.0).then_some(left.min(TREND.1))
}

/// Figures of each machine's history that a pane of this width shows.
pub fn trend_of(width: u16) -> usize {
    trend_width(width, &orders(width)).unwrap_or(0)
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
    let orders = orders(area.width);
    draw_headings(buf, below_title(area), state, &orders);
    let focused = state.focus == Focus::Machines;
    for (y, row, machine) in state.table.shown(body.height.into()) {
        let Some(machine) = state.machines().get(machine) else {
            continue;
        };
        draw_row(buf, Rect { y: body.y + y as u16, height: 1, ..body }, state, machine, &orders);
        if state.table.is_chosen(row) {
            let line = Rect { y: body.y + y as u16, height: 1, ..body };
            put(buf, line, 0, 0, ">", state.theme.heading());
            if focused {
                buf.set_style(line, state.theme.chosen());
            }
        }
    }
    if state.table.len() == 0 && state.watch.came.is_some() {
        let text = if state.watch.snapshot.logged_on == 0 { "Nobody is logged on" } else { "No machine matches: Esc clears the filter" };
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
        (Pane::Machines, format!(" Machines {} ", snapshot.logged_on)),
        (Pane::Processors, format!(" Processors {} ", snapshot.processors.len())),
        (Pane::Spool, " Spool ".to_owned()),
        (
            Pane::Files,
            format!(" Files {} ", snapshot.spool.reader.saturating_add(snapshot.spool.printer).saturating_add(snapshot.spool.punch)),
        ),
    ];
    // At the side the panes in the middle are visible anyway.
    for (pane, name) in tabs.iter().filter(|(pane, _)| !wide || matches!(pane, Pane::Machines | Pane::Files)) {
        let shown = *pane == state.pane || wide && *pane == Pane::Machines && state.pane != Pane::Files;
        let focused = *pane == Pane::Machines && state.focus == Focus::Machines;
        let style = match (shown, focused) {
            (true, true) => theme.active(),
            (true, false) => theme.heading(),
            _ => theme.faint(),
        };
        x = put(buf, area, x, 0, name, style) + 1;
    }
    if state.pane == Pane::Machines || wide && state.pane != Pane::Files {
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

fn draw_headings(buf: &mut Buffer, area: Rect, state: &State, orders: &[Order]) {
    let mut x = 1;
    for order in orders {
        let (width, align) = column(*order);
        let ordered = *order == state.table.order;
        let mut text = String::new();
        cell(&mut text, order.heading(), width, align);
        let style = if ordered { state.theme.heading() } else { state.theme.faint() };
        put(buf, area, x, 0, &text, style);
        if ordered {
            let mark = if state.table.descending { "▼" } else { "▲" };
            // Behind the heading: in its cell where there is room, else in the gap.
            let at = if align == Align::Left { x + order.heading().len() as u16 } else { x + width as u16 };
            put(buf, area, at, 0, mark, style);
        }
        x += width as u16 + 1;
    }
    if let Some(width) = trend_width(area.width, orders) {
        let mut text = String::new();
        cell(&mut text, &format!("Last {} s", width as u64 * TREND_SECONDS), width, Align::Right);
        put(buf, area, x, 0, &text, state.theme.faint());
    }
}

fn draw_row(buf: &mut Buffer, area: Rect, state: &State, machine: &MachineView, orders: &[Order]) {
    #[cfg(test)]
    tests::FORMATTED.set(tests::FORMATTED.get() + 1);
    let mut x = 1;
    for order in orders {
        let (width, align) = column(*order);
        let mut text = String::new();
        cell(&mut text, &figure(*order, machine), width, align);
        let style = match order {
            Order::State => state.theme.state(&machine.state),
            Order::Cpu if machine.cpu_percent < 0.05 => state.theme.faint(),
            _ => Style::new(),
        };
        put(buf, area, x, 0, &text, style);
        x += width as u16 + 1;
    }
    if let Some(width) = trend_width(area.width, orders) {
        let percent = machine.trend.iter().rev().take(width);
        let line: String = percent.map(|percent| chart(*percent, 100.0, 0, 1)).rev().collect();
        let mut text = String::new();
        cell(&mut text, &line, width, Align::Right);
        put(buf, area, x, 0, &text, state.theme.load(0.0));
    }
}

fn figure(order: Order, machine: &MachineView) -> String {
    match order {
        Order::Userid => machine.userid.clone(),
        Order::State => machine.state.clone(),
        Order::Cpu => match sane(machine.cpu_percent) {
            percent if percent < 1000.0 => format!("{percent:.1}"),
            percent => format!("{percent:.0}"),
        },
        Order::VirtCpu => processor_time(machine.virtual_us),
        Order::TotCpu => processor_time(machine.total_us),
        Order::Storage => size(machine.storage),
        Order::Resident => size(machine.resident_pages.saturating_mul(FRAME)),
        Order::Share => machine.share.clone(),
        Order::System => if machine.system.is_empty() { "-" } else { &machine.system }.to_owned(),
        Order::Console => machine.console.clone(),
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
