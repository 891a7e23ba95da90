//! Spool files that wait, the newest first. What an operator does with them is CP's: CHANGE, TRANSFER, PURGE, START.

use jiff::Timestamp;
use jiff::tz::Offset;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;

use crate::operator::draw::put;
use crate::operator::layout::below_title;
use crate::operator::state::State;
use crate::operator::text::{Align, cell};
use crate::wire::FileView;

use super::machines;

/// Files that a pane of this height shows.
pub fn rows(height: u16) -> usize {
    usize::from(height.saturating_sub(2))
}

/// As the large pane.
pub fn draw(buf: &mut Buffer, area: Rect, state: &State) {
    machines::draw_title(buf, area, state);
    let area = below_title(area);
    let spool = &state.watch.snapshot.spool;
    let total = spool.reader.saturating_add(spool.printer).saturating_add(spool.punch);
    put(buf, area, 1, 0, &headings(), state.theme.faint());
    let area = below_title(area);
    let height = usize::from(area.height);
    let files = spool.files.get(state.files_top..).unwrap_or_default();
    let left_out = usize::try_from(total).unwrap_or(usize::MAX).saturating_sub(files.len().min(height));
    let shown = if left_out > 0 { height.saturating_sub(1) } else { height };
    for (y, file) in files.iter().take(shown).enumerate() {
        let held = file.hold != "NONE";
        put(buf, area, 1, y as u16, &line(file, state), if held { state.theme.hint() } else { Style::new() });
    }
    let text = match (total, spool.files.is_empty()) {
        (0, _) => "No spool files".to_owned(),
        (total, false) if state.files_top > 0 => {
            let last = state.files_top + files.len().min(shown);
            format!("{} to {last} of {total} files; F7 and F8 go through them", state.files_top + 1)
        }
        (total, true) => format!("{total} files are too many to look at: QUERY READER, PRINTER or PUNCH userid ALL"),
        _ if left_out == 0 => return,
        (total, false) => format!("and {} more: QUERY RDR ALL, QUERY PRT ALL", total - files.len().min(shown) as u64),
    };
    put(buf, area, 1, shown.min(files.len()) as u16, &text, state.theme.faint());
}

/// Widths and sides of the columns.
const COLUMNS: [(&str, usize, Align); 9] = [
    ("Owner", 8, Align::Left),
    ("File", 4, Align::Left),
    ("Que", 3, Align::Left),
    ("C", 1, Align::Left),
    ("Records", 8, Align::Right),
    ("Cpy", 3, Align::Right),
    ("Hold", 4, Align::Left),
    ("Made", 11, Align::Left),
    ("Name     Type     From", 27, Align::Left),
];

fn joined(cells: [&str; 9]) -> String {
    let mut text = String::new();
    for ((_, width, align), of) in COLUMNS.iter().zip(cells) {
        cell(&mut text, of, *width, *align);
        text.push(' ');
    }
    text
}

fn headings() -> String {
    joined(COLUMNS.map(|(heading, ..)| heading))
}

fn line(file: &FileView, state: &State) -> String {
    let offset = Offset::from_seconds(state.watch.snapshot.utc_offset).unwrap_or(Offset::UTC);
    let made = i64::try_from(file.created).ok().and_then(|seconds| Timestamp::from_second(seconds).ok());
    let made = made.map_or_else(|| "-".to_owned(), |made| offset.to_datetime(made).strftime("%m/%d %H:%M").to_string());
    let mut name = String::new();
    let (first, second) = file.name.split_once(' ').unwrap_or((&file.name, ""));
    cell(&mut name, first, 9, Align::Left);
    cell(&mut name, second, 9, Align::Left);
    name += &file.origin;
    joined([
        &file.owner,
        &file.spid,
        &file.queue,
        &file.class.to_string(),
        &file.records.to_string(),
        &file.copies.to_string(),
        &file.hold,
        &made,
        &name,
    ])
}
