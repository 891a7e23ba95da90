//! Leaving: what is meant, and the last words.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;

use crate::operator::Ending;
use crate::operator::draw::{boxed, put};
use crate::operator::state::State;
use crate::operator::text::fill;

const WIDTH: u16 = 56;

/// Asks what is meant.
pub fn draw(buf: &mut Buffer, area: Rect, state: &State) {
    let users = state.watch.snapshot.logged_on;
    let users = if users == 1 { "1 user is logged on".to_owned() } else { format!("{users} users are logged on") };
    let mut choices = Vec::new();
    if !state.owns_system {
        choices.push(("D", "Detach: the screen goes, the system stays"));
    }
    choices.push(("S", "Shut the system down"));
    choices.push(("Esc", "Stay here"));
    let mut rows = vec![format!("{users}.")];
    if state.owns_system {
        rows.push("This screen started the system and ends with it.".to_owned());
    }
    let height = (rows.len() + choices.len()) as u16 + 3;
    let inside = boxed(buf, area, state, "Leave the operator screen", (WIDTH, height));
    let mut y = 0;
    for row in &rows {
        put(buf, inside, 0, y, row, Style::new());
        y += 1;
    }
    for (key, does) in choices {
        y += 1;
        put(buf, inside, 1, y, key, state.theme.key());
        put(buf, inside, 6, y, does, Style::new());
    }
}

/// SHUTDOWN was ordered.
pub fn draw_shutting_down(buf: &mut Buffer, area: Rect, state: &State) {
    let inside = boxed(buf, area, state, "Shutdown", (WIDTH, 4));
    put(buf, inside, 0, 0, "The system is going down. Users are being logged off.", Style::new());
    put(buf, inside, 0, 1, "Esc looks at the screen meanwhile", state.theme.faint());
}

/// How it ended.
pub fn draw_closing(buf: &mut Buffer, area: Rect, state: &State, ending: &Ending) {
    let (title, text) = match ending {
        Ending::Shutdown => ("Shutdown", "The system is down.".to_owned()),
        Ending::Lost(why) => ("Connection lost", format!("The connection to CP is gone: {why}")),
        Ending::Detached => ("Detached", "The system goes on.".to_owned()),
        Ending::Signal(number) => ("Ended", format!("This screen was ended by signal {number}.")),
    };
    let rows = fill(&text, usize::from(WIDTH) - 4);
    let inside = boxed(buf, area, state, title, (WIDTH, rows.len() as u16 + 4));
    for (y, row) in rows.iter().enumerate() {
        put(buf, inside, 0, y as u16, row, Style::new());
    }
    put(buf, inside, 0, rows.len() as u16 + 1, "Any key leaves the screen", state.theme.faint());
}
