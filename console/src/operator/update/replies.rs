//! What CP's frames and lost connections do to the screen.

use std::time::Duration;

use crate::operator::Ending;
use crate::operator::session::Phase;
use crate::operator::state::{Channel, Effect, Overlay, State};
use crate::operator::text::clean;
use crate::wire::{self, LineKind, Reply, Snapshot};

/// How long the last words stand when no key is pressed.
const LAST_WORDS: Duration = Duration::from_secs(4);

pub fn reply(state: &mut State, channel: Channel, reply: Reply) -> Vec<Effect> {
    match (channel, reply) {
        (Channel::Watch, Reply::Snapshot(snapshot)) => picture(state, *snapshot),
        (Channel::Watch, Reply::Refused { message, .. }) => {
            state.watch.refused = Some(clean(&message, 200))
        }
        (Channel::Watch, _) => {}
        (Channel::Order, Reply::Answer(answer)) => answered(state, answer),
        (Channel::Order, Reply::Refused { code, message }) => {
            answered(
                state,
                wire::Answer {
                    code: code.max(1),
                    lines: vec![message],
                    json: String::new(),
                },
            );
        }
        (Channel::Order, _) => {}
        (Channel::Operator, reply) => {
            let shutdown = matches!(reply, Reply::Ended(wire::Ending::Shutdown));
            let ended = matches!(reply, Reply::Ended(_));
            state.operator.receive(reply);
            if shutdown {
                close(state, Ending::Shutdown);
            } else if ended {
                let text = format!("* {}", over("OPERATOR", &state.operator.phase));
                state.operator.say(&text, LineKind::Warning);
            }
        }
        (Channel::Guest(number), reply) => {
            if let Some((open, session)) = &mut state.guest
                && *open == number
            {
                let ended = matches!(reply, Reply::Ended(_));
                session.receive(reply);
                if ended {
                    let text = format!("* {}", over(&session.userid, &session.phase));
                    session.say(&text, LineKind::Warning);
                }
            }
        }
    }
    Vec::new()
}

/// Why a console is over, in a sentence.
fn over(userid: &str, phase: &Phase) -> String {
    match phase {
        Phase::Over(Some(wire::Ending::LoggedOff)) => format!("{userid} is logged off"),
        Phase::Over(Some(wire::Ending::Disconnected)) => {
            format!("{userid} was disconnected; the machine goes on")
        }
        Phase::Over(Some(wire::Ending::TakenOver)) => {
            format!("Another terminal took the console of {userid} over")
        }
        Phase::Over(Some(wire::Ending::Shutdown)) => "The system was shut down".to_owned(),
        _ => format!("The console of {userid} is closed"),
    }
}

/// Takes a new picture, with every string in it made safe.
fn picture(state: &mut State, mut snapshot: Snapshot) {
    let safe = |text: &mut String, limit| *text = clean(text, limit);
    safe(&mut snapshot.system, 8);
    safe(&mut snapshot.release, 24);
    safe(&mut snapshot.time, 8);
    for machine in &mut snapshot.machines {
        for text in [
            &mut machine.userid,
            &mut machine.state,
            &mut machine.console,
            &mut machine.system,
            &mut machine.share,
        ] {
            safe(text, 16);
        }
    }
    for processor in &mut snapshot.processors {
        safe(&mut processor.kind, 8);
        safe(&mut processor.running, 8);
    }
    state.watch.snapshot = snapshot;
    state.watch.came = Some(state.now);
    state.watch.asked = None;
    super::rearrange(state);
}

/// The answer to SHUTDOWN: silence is consent, anything else keeps the screen.
fn answered(state: &mut State, answer: wire::Answer) {
    let failed = answer.code != 0;
    for line in &answer.lines {
        state.operator.say(
            line,
            if failed {
                LineKind::Warning
            } else {
                LineKind::Cp
            },
        );
    }
    if failed {
        state.overlay = None;
        state.hint("The system was not shut down");
    }
}

pub fn closed(state: &mut State, channel: Channel, why: &str) -> Vec<Effect> {
    let why = clean(why, 200);
    let ordered = matches!(state.overlay, Some(Overlay::ShuttingDown));
    let console_over = matches!(state.operator.phase, Phase::Over(_));
    match channel {
        // The order's connection closes in every case; the console and the watch tell when the system is down, if there are any.
        Channel::Order if ordered && console_over && state.watch.refused.is_some() => {
            close(state, Ending::Shutdown)
        }
        Channel::Order => {}
        Channel::Guest(number) => {
            if let Some((open, session)) = &mut state.guest
                && *open == number
                && !matches!(session.phase, Phase::Over(_))
            {
                session.phase = Phase::Over(None);
                session.say(
                    &format!("* The connection was closed: {why}"),
                    LineKind::Warning,
                );
            }
        }
        Channel::Watch | Channel::Operator if ordered => close(state, Ending::Shutdown),
        Channel::Watch if state.watch.refused.is_some() => {}
        Channel::Operator if console_over => {}
        Channel::Watch | Channel::Operator => close(state, Ending::Lost(why)),
    }
    Vec::new()
}

/// Shows the last words once; the first reason stands.
fn close(state: &mut State, ending: Ending) {
    if !matches!(state.overlay, Some(Overlay::Closing { .. })) {
        state.overlay = Some(Overlay::Closing {
            ending,
            at: state.now + LAST_WORDS,
        });
    }
}
