//! One machine's console on the whole terminal, laid out like a 3270 under VM: output, an input line, the state in the lower right corner.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Modifier;

use crate::operator::draw::{put, put_right};
use crate::operator::figures::{processor_time, sane, size};
use crate::operator::layout;
use crate::operator::session::Phase;
use crate::operator::state::State;
use crate::operator::text::clip;

use super::{command, legend, messages};

const KEYS: &[(&str, &str)] = &[
    ("F1", "Help"),
    ("F3", "Return"),
    ("F7", "Back"),
    ("F8", "Fwd"),
    ("F9", "PA1"),
    ("F10 F11", "Others"),
    ("F5", "By themselves"),
    ("F12", "Retrieve"),
];

/// Draws the screen; returns where the cursor belongs.
pub fn draw(buf: &mut Buffer, area: Rect, state: &State) -> Option<(u16, u16)> {
    let places = layout::console(area);
    let session = state.session();
    draw_bar(buf, places.bar, state);
    messages::draw_lines(buf, places.output, session, state);
    let keys = Rect { width: places.legend.width.saturating_sub(if state.hint.is_some() { 0 } else { 20 }), ..places.legend };
    legend::draw_keys(buf, keys, KEYS, state);
    if state.hint.is_none() {
        command::draw_status(buf, places.legend, session, state);
    }
    if let Phase::Over(_) = session.phase {
        put(buf, places.input, 1, 0, "This console is closed. ENTER or F3 returns", state.theme.hint());
        return None;
    }
    Some(command::draw_input(buf, places.input, command::prompt(session), &session.editor, session.is_hidden(), state))
}

fn draw_bar(buf: &mut Buffer, area: Rect, state: &State) {
    let session = state.session();
    let style = state.theme.bar();
    let plain = style.remove_modifier(Modifier::BOLD);
    buf.set_style(area, style);
    let x = put(buf, area, 1, 0, &session.userid, style);
    let tour = match state.tour {
        Some(tour) => format!("next in {} s   ", tour.next.saturating_sub(state.now).as_secs() + 1),
        None => String::new(),
    };
    let of = match (state.table.chosen_row(), state.table.filter.trim()) {
        (Some(row), filter) if !filter.is_empty() => format!("{} of {} match \"{}\"   ", row + 1, state.table.len(), clip(filter, 12)),
        _ => String::new(),
    };
    let right = format!("{of}{tour}{}", state.watch.snapshot.time);
    // What goes by is more than figures where there is no room for both.
    let figured = Rect { width: area.width.saturating_sub(right.chars().count() as u16 + 3), ..area };
    if let Some(machine) = state.machine(&session.userid) {
        let figures = format!(
            "{:<8}  {:>5}  CPU {:>5.1}%  VIRTCPU {}",
            machine.system,
            size(machine.storage),
            sane(machine.cpu_percent).min(999.9),
            processor_time(machine.virtual_us),
        );
        put(buf, figured, x.max(9) + 2, 0, &figures, plain);
    }
    put_right(buf, area, 1, 0, &right, style);
}
