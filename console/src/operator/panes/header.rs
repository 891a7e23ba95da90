//! The two rows at the top: which system, what time, how busy.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::{Modifier, Style};

use crate::operator::draw::{put, put_right};
use crate::operator::figures::{FRAME, bar, column, percent, sane, size, span};
use crate::operator::state::State;
use crate::operator::update::stale_seconds;
use crate::wire::ProcessorView;

/// Draws both rows.
pub fn draw(buf: &mut Buffer, top: Rect, meters: Rect, state: &State) {
    draw_bar(buf, top, state);
    if state.watch.came.is_some() {
        draw_meters(buf, meters, state);
    }
}

fn draw_bar(buf: &mut Buffer, area: Rect, state: &State) {
    let (snapshot, style) = (&state.watch.snapshot, state.theme.bar());
    buf.set_style(area, style);
    let x = put(buf, area, 1, 0, &snapshot.system, style);
    if !snapshot.release.is_empty() {
        let release = format!("CP-64 {}", snapshot.release);
        put(buf, area, x + 2, 0, &release, style.remove_modifier(Modifier::BOLD));
    }
    let right = match (stale_seconds(state), state.watch.came) {
        (Some(seconds), _) => format!("no answer from CP for {seconds} s"),
        (None, None) => "waiting for CP".to_owned(),
        (None, Some(_)) => format!("up {}   {}", span(snapshot.uptime_seconds), snapshot.time),
    };
    put_right(buf, area, 1, 0, &right, style);
}

/// Three fields at fixed places, so that changing figures move nothing.
fn draw_meters(buf: &mut Buffer, area: Rect, state: &State) {
    let snapshot = &state.watch.snapshot;
    let (theme, storage, spool) = (state.theme, &snapshot.storage, &snapshot.spool);
    let extra = area.width.saturating_sub(80) / 3;
    let width = 8 + usize::from(extra / 2);
    let (second, third) = (27 + extra, 60 + 2 * extra);

    let count = snapshot.processors.len();
    let busy = busy_of(&snapshot.processors);
    let field = Rect { width: second - 1, ..area };
    let x = draw_meter(buf, field, 1, ("CPU", busy), width, state);
    // One column per processor; when there are more than columns, neighbours share one.
    let room = usize::from(field.width.saturating_sub(x + 1)).max(1);
    for (n, group) in snapshot.processors.chunks(count.div_ceil(room).max(1)).enumerate() {
        let busy = busy_of(group);
        put(buf, field, x + 1 + n as u16, 0, column(busy).encode_utf8(&mut [0; 4]), theme.load(busy));
    }

    let used = percent(storage.in_use, storage.frames);
    let field = Rect { width: third - 1, ..area };
    let x = draw_meter(buf, field, second, ("Storage", used), width, state);
    let bytes = |frames: u64| size(frames.saturating_mul(FRAME));
    put(buf, field, x + 1, 0, &format!("{}/{}", bytes(storage.in_use), bytes(storage.frames)), theme.faint());

    let files = spool.reader.saturating_add(spool.printer).saturating_add(spool.punch);
    let x = put(buf, area, third, 0, "Spool ", theme.heading());
    let plural = if files == 1 { "file" } else { "files" };
    let x = put(buf, area, x, 0, &format!("{files} {plural} "), Style::new());
    put(buf, area, x, 0, &size(spool.bytes), theme.faint());
}

fn busy_of(processors: &[ProcessorView]) -> f32 {
    processors.iter().map(|p| sane(p.busy_percent)).sum::<f32>() / processors.len().max(1) as f32
}

/// A name, a percentage in four columns and a bar. Returns the column behind it.
fn draw_meter(buf: &mut Buffer, area: Rect, x: u16, (name, percent): (&str, f32), width: usize, state: &State) -> u16 {
    let (full, rest) = bar(percent, width);
    let x = put(buf, area, x, 0, name, state.theme.heading());
    let x = put(buf, area, x, 0, &format!(" {:>3.0}% ", percent.min(999.0)), Style::new());
    let x = put(buf, area, x, 0, &"█".repeat(full), state.theme.load(percent));
    put(buf, area, x, 0, &"░".repeat(rest), state.theme.faint())
}
