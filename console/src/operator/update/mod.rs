//! What each event does to the screen. Pure: the clock comes in with [`Event::Tick`], everything that acts goes out as an [`Effect`].

mod actions;
mod command;
mod keys;
mod replies;
mod tour;

use std::time::Duration;

use crate::wire::{ClientFrame, LineKind};

use super::Ending;
use super::state::{Channel, Effect, Event, Overlay, State, View};

pub use actions::ACTIONS;
pub use command::{operator_logon, typed_userid};
pub use tour::{Tour, begin as begin_tour};

/// How often a snapshot is asked for while the panes are visible.
const POLL: Duration = Duration::from_millis(500);
/// How often while a console covers them: only the time of day is shown.
const POLL_COVERED: Duration = Duration::from_secs(2);
/// From this age on a picture of the system is called old.
pub const STALE: Duration = Duration::from_secs(3);

/// Takes an event; returns what is to be done.
pub fn update(state: &mut State, event: Event) -> Vec<Effect> {
    let about = state.about().map(str::to_owned);
    let mut effects = happened(state, event);
    state.watch.wanted |= state.about() != about.as_deref();
    if state.watch.wanted {
        effects.extend(poll(state));
    }
    effects
}

fn happened(state: &mut State, event: Event) -> Vec<Effect> {
    match event {
        Event::Tick(now) => tick(state, now),
        Event::Key(key) => keys::key(state, key),
        Event::Paste(text) => keys::paste(state, &text),
        Event::Resize(columns, rows) => resize(state, columns, rows),
        Event::Reply(channel, reply) => replies::reply(state, channel, *reply),
        Event::Closed(channel, why) => replies::closed(state, channel, &why),
        Event::Signal(number) => vec![Effect::End(Ending::Signal(number))],
        Event::Notice(text) => {
            state.operator.say(&text, LineKind::Warning);
            Vec::new()
        }
    }
}

fn tick(state: &mut State, now: Duration) -> Vec<Effect> {
    let before = state.now;
    state.now = now;
    let mut effects = Vec::new();
    if state.hint.as_ref().is_some_and(|(_, until)| now >= *until) {
        state.hint = None;
        effects.push(Effect::Draw);
    }
    if let Some(Overlay::Closing { ending, at }) = &state.overlay
        && now >= *at
    {
        effects.push(Effect::End(ending.clone()));
    }
    if stale_seconds(state).is_some() && before.as_secs() != now.as_secs() {
        effects.push(Effect::Draw);
    }
    effects.extend(tour::tick(state));
    effects.extend(poll(state));
    effects
}

/// Asks for a snapshot when the last one has come and is old enough or does not tell what is wanted: a slow CP is never asked twice.
fn poll(state: &mut State) -> Option<Effect> {
    let every = if state.view == View::Main { POLL } else { POLL_COVERED };
    let due = state.watch.wanted || state.watch.came.is_none_or(|came| state.now >= came + every);
    if !due || state.watch.asked.is_some() || state.watch.refused.is_some() {
        return None;
    }
    state.watch.asked = Some(state.now);
    state.watch.wanted = false;
    Some(Effect::Send(Channel::Watch, ClientFrame::Poll(Box::new(state.window()))))
}

/// For how long CP has owed a snapshot, once that is worth telling.
pub fn stale_seconds(state: &State) -> Option<u64> {
    let waited = state.now.saturating_sub(state.watch.asked?);
    (waited >= STALE).then_some(waited.as_secs())
}

fn resize(state: &mut State, columns: u16, rows: u16) -> Vec<Effect> {
    state.size = (columns, rows);
    state.watch.wanted = true;
    let Some(guest) = &state.guest else {
        return Vec::new();
    };
    let (columns, rows) = state.output_size();
    vec![Effect::Send(Channel::Console(guest.number), ClientFrame::Resize { columns, rows })]
}
