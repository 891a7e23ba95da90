//! The real processors.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;

use crate::operator::draw::{put, rule};
use crate::operator::figures::{bar, sane};
use crate::operator::layout::below_title;
use crate::operator::state::State;
use crate::operator::text::{Align, cell};
use crate::wire::ProcessorView;

use super::machines;

/// As the large pane.
pub fn draw(buf: &mut Buffer, area: Rect, state: &State) {
    machines::draw_title(buf, area, state);
    draw_rows(buf, below_title(area), state);
}

/// As a pane at the side.
pub fn draw_side(buf: &mut Buffer, area: Rect, state: &State) {
    rule(buf, area, state.theme.faint());
    let title = format!(" Processors {} ", state.watch.snapshot.processors.len());
    put(buf, area, 2, 0, &title, state.theme.heading());
    draw_rows(buf, below_title(area), state);
}

fn draw_rows(buf: &mut Buffer, area: Rect, state: &State) {
    let processors = &state.watch.snapshot.processors;
    let faint = state.theme.faint();
    let bar_width = usize::from(area.width.saturating_sub(37)).min(50);
    put(buf, area, 1, 0, "CPU Type", faint);
    put(buf, area, 12, 0, "Busy", faint);
    put(buf, area, 18, 0, "Steal", faint);
    put(buf, area, 26 + bar_width as u16, 0, "Runs", faint);
    let area = below_title(area);
    let height = usize::from(area.height);
    // When not all fit, the last row says how many are left out.
    let shown = if processors.len() > height { height.saturating_sub(1) } else { processors.len() };
    for (y, processor) in processors.iter().take(shown).enumerate() {
        draw_row(buf, area, y as u16, processor, bar_width, state);
    }
    if shown < processors.len() {
        put(buf, area, 1, shown as u16, &format!("and {} more", processors.len() - shown), faint);
    }
}

fn draw_row(buf: &mut Buffer, area: Rect, y: u16, processor: &ProcessorView, bar_width: usize, state: &State) {
    let percent = sane(processor.busy_percent);
    let (full, rest) = bar(percent, bar_width);
    let mut text = format!("{:03} ", processor.number);
    cell(&mut text, &processor.kind, 5, Align::Left);
    put(buf, area, 1, y, &text, Style::new());
    put(buf, area, 11, y, &format!("{:>5.1}", percent.min(999.9)), Style::new());
    let stolen = sane(processor.stolen_percent).min(99.9);
    let style = if stolen < 0.05 { state.theme.faint() } else { Style::new() };
    put(buf, area, 18, y, &format!("{stolen:>5.1}"), style);
    let x = put(buf, area, 24, y, &"█".repeat(full), state.theme.load(percent));
    let x = put(buf, area, x, y, &"░".repeat(rest), state.theme.faint());
    let runs = if processor.running.is_empty() { "-" } else { &processor.running };
    put(buf, area, x + 2, y, runs, Style::new());
}
