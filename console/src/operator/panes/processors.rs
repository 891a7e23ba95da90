//! The real processors.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;

use crate::operator::draw::{put, put_right, rule};
use crate::operator::figures::{bar, chart, sane};
use crate::operator::layout::below_title;
use crate::operator::state::State;
use crate::operator::text::{Align, cell};
use crate::wire::{ProcessorView, TREND_MAX, TREND_SECONDS};

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
    let places = Places::of(area.width);
    put(buf, area, 1, 0, "CPU Type", faint);
    put(buf, area, 12, 0, "Busy", faint);
    put(buf, area, 18, 0, "Steal", faint);
    put(buf, area, places.runs, 0, "Runs", faint);
    if places.trend > 0 {
        put_right(buf, area, 1, 0, &format!("Last {} s", places.trend as u64 * TREND_SECONDS), faint);
    }
    let area = below_title(area);
    let height = usize::from(area.height);
    // When not all fit, the last row says how many are left out.
    let shown = if processors.len() > height { height.saturating_sub(1) } else { processors.len() };
    for (y, processor) in processors.iter().take(shown).enumerate() {
        draw_row(buf, area, y as u16, processor, &places, state);
    }
    if shown < processors.len() {
        put(buf, area, 1, shown as u16, &format!("and {} more", processors.len() - shown), faint);
    }
}

/// Where things are in a row.
struct Places {
    /// Columns of the bar.
    bar: usize,
    /// Column of whom it runs.
    runs: u16,
    /// Columns of the history at the right; 0 for none.
    trend: usize,
}

impl Places {
    /// The bar stays short, the history gets what is left.
    fn of(width: u16) -> Self {
        let bar = usize::from(width.saturating_sub(37)).min(14);
        let runs = 26 + bar as u16;
        let left = usize::from(width.saturating_sub(runs + 10));
        Self { bar, runs, trend: if left < 10 { 0 } else { left.min(TREND_MAX) } }
    }
}

fn draw_row(buf: &mut Buffer, area: Rect, y: u16, processor: &ProcessorView, places: &Places, state: &State) {
    let percent = sane(processor.busy_percent);
    let (full, rest) = bar(percent, places.bar);
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
    let history = processor.trend.iter().rev().take(places.trend);
    let line: String = history.map(|percent| chart(*percent, 100.0, 0, 1)).rev().collect();
    put_right(buf, area, 1, y, &line, state.theme.load(0.0));
}
