//! Going through consoles one after the other, by key or by itself: an instructor's view of a class. Which consoles, and in which order,
//! is what the machines table shows: its filter (`STUD*`) chooses the class.

use std::time::Duration;

use crate::operator::state::{Effect, State, View};

use super::command;

/// How long each console is looked at when it goes by itself.
const LOOK: Duration = Duration::from_secs(6);

/// Going by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tour {
    /// When the next console comes.
    pub next: Duration,
}

/// To the next console, or the one before; behind the last comes the first.
pub fn step(state: &mut State, forward: bool) -> Vec<Effect> {
    let rows = state.table.len();
    if rows == 0 {
        state.hint("No machine matches the filter");
        return Vec::new();
    }
    if let Some(tour) = &mut state.tour {
        tour.next = state.now + LOOK;
    }
    let at_end = if forward { state.table.is_chosen(rows - 1) } else { state.table.is_chosen(0) };
    let by = match (forward, at_end) {
        (true, false) => 1,
        (false, false) => -1,
        (true, true) => isize::MIN,
        (false, true) => isize::MAX,
    };
    let height = state.table_height();
    state.watch.wanted |= state.table.step(by, &state.watch.snapshot, height);
    state.stepping = true;
    arrived(state)
}

/// Opens the console of the chosen machine once it is known who that is.
pub fn arrived(state: &mut State) -> Vec<Effect> {
    if !state.stepping || state.view == View::Main {
        state.stepping = false;
        return Vec::new();
    }
    let Some(userid) = state.table.chosen().map(str::to_owned) else {
        state.watch.wanted = true;
        return Vec::new();
    };
    state.stepping = false;
    if userid == state.session().userid {
        return Vec::new();
    }
    let mut effects = command::close_guest(state);
    effects.extend(command::open_console_of(state, &userid));
    effects
}

/// Goes through the machines that pass this filter from the beginning, as soon as CP has told which they are.
pub fn begin(state: &mut State, filter: &str) {
    state.table.filter = filter.to_owned();
    state.filter.set(filter);
    state.view = View::GuestConsole;
    state.tour = Some(Tour { next: state.now });
}

/// Starts going by itself, or stays where it is.
pub fn start_or_pause(state: &mut State) {
    state.tour = match state.tour {
        Some(_) => None,
        None => Some(Tour { next: state.now + LOOK }),
    };
}

/// Time goes on.
pub fn tick(state: &mut State) -> Vec<Effect> {
    match state.tour {
        // Nobody is taken away from a console in the middle of a line.
        Some(_) if state.view == View::Main || state.watch.came.is_none() => Vec::new(),
        Some(tour) if state.now >= tour.next && state.session().editor.text().is_empty() && state.overlay.is_none() => step(state, true),
        _ => Vec::new(),
    }
}
