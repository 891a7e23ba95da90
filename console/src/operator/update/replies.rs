//! What CP's frames and lost connections do to the screen.

use std::time::Duration;

use crate::operator::Ending;
use crate::operator::figures::sane;
use crate::operator::session::Phase;
use crate::operator::state::{Channel, Effect, Overlay, State};
use crate::operator::text::{LINE_MAX, clean, is_plain};
use crate::wire::{self, FileView, Line, LineKind, MachineView, NAMES_MAX, Reply, Snapshot, TREND_MAX};

/// Files, devices and lines of a picture that are kept; a terminal has no more rows.
pub const DETAILS_MAX: usize = 1000;
/// How long the last words stand when no key is pressed.
const LAST_WORDS: Duration = Duration::from_secs(4);

pub fn reply(state: &mut State, channel: Channel, reply: Reply) -> Vec<Effect> {
    match (channel, reply) {
        (Channel::Watch, Reply::Snapshot(snapshot)) => return picture(state, *snapshot),
        (Channel::Watch, Reply::Refused { message, .. }) => state.watch.refused = Some(clean(&message, 200)),
        (Channel::Watch, _) => {}
        (Channel::Order, Reply::Answer(answer)) => answered(state, answer),
        (Channel::Order, Reply::Refused { code, message }) => {
            answered(state, wire::Answer { code: code.max(1), lines: vec![message], json: String::new() });
        }
        (Channel::Order, _) => {}
        (Channel::Console(number), reply) => console(state, number, reply),
    }
    Vec::new()
}

/// A console's frame; one of a console that was left goes nowhere.
fn console(state: &mut State, number: u32, reply: Reply) {
    if number != state.operator.number {
        if let Some(guest) = state.guest.as_mut().filter(|guest| guest.number == number) {
            guest.receive(reply);
        }
        return;
    }
    match &reply {
        Reply::Accepted { system, .. } if state.watch.snapshot.system.is_empty() => {
            state.watch.snapshot.system = clean(system, 8);
        }
        Reply::Ended(wire::Ending::Shutdown) => close(state, Ending::Shutdown),
        Reply::Output(line) => state.held.take(&Line { text: clean(&line.text, LINE_MAX), kind: line.kind }),
        _ => {}
    }
    state.operator.receive(reply);
}

fn safe(text: &mut String, limit: usize) {
    if !is_plain(text, limit) {
        *text = clean(text, limit);
    }
}

fn safe_machine(machine: &mut MachineView) {
    for text in [&mut machine.userid, &mut machine.state, &mut machine.console, &mut machine.system, &mut machine.share] {
        safe(text, 16);
    }
    machine.trend.truncate(TREND_MAX);
    machine.trend.iter_mut().for_each(|percent| *percent = sane(*percent));
}

/// Takes a new picture, with every string in it made safe. One that was asked for before something else was wanted is as good as none.
fn picture(state: &mut State, mut snapshot: Snapshot) -> Vec<Effect> {
    state.watch.came = Some(state.now);
    state.watch.asked = None;
    if state.watch.wanted {
        return Vec::new();
    }
    safe(&mut snapshot.system, 8);
    safe(&mut snapshot.release, 24);
    safe(&mut snapshot.time, 8);
    snapshot.machines.iter_mut().chain(&mut snapshot.about).for_each(safe_machine);
    if let Some((_, userid)) = &mut snapshot.cursor {
        safe(userid, 16);
    }
    snapshot.names.truncate(NAMES_MAX);
    snapshot.names.iter_mut().for_each(|userid| safe(userid, 16));
    for processor in &mut snapshot.processors {
        safe(&mut processor.kind, 8);
        safe(&mut processor.running, 8);
        processor.trend.truncate(TREND_MAX);
        processor.trend.iter_mut().for_each(|percent| *percent = sane(*percent));
    }
    for device in &mut snapshot.devices {
        for text in [&mut device.number, &mut device.kind, &mut device.state, &mut device.classes, &mut device.form] {
            safe(text, 9);
        }
        safe(&mut device.file, 16);
        safe(&mut device.stopped, 120);
    }
    safe_files(&mut snapshot.spool.files);
    let detail = &mut snapshot.detail;
    detail.devices.truncate(DETAILS_MAX);
    detail.devices.iter_mut().for_each(|device| safe(device, 200));
    detail.recent.truncate(DETAILS_MAX);
    detail.recent.iter_mut().for_each(|line| safe(&mut line.text, LINE_MAX));
    safe(&mut detail.heard_by, 24);
    let names = std::mem::take(&mut snapshot.names);
    state.table.take(&snapshot);
    state.watch.snapshot = snapshot;
    super::command::named(state, names);
    super::tour::arrived(state)
}

fn safe_files(files: &mut Vec<FileView>) {
    files.truncate(DETAILS_MAX);
    for file in files {
        for text in [&mut file.owner, &mut file.spid, &mut file.queue, &mut file.hold, &mut file.origin] {
            safe(text, 8);
        }
        safe(&mut file.name, 24);
        if !file.class.is_ascii_graphic() {
            file.class = '?';
        }
    }
}

/// The answer to SHUTDOWN: silence is consent, anything else keeps the screen.
fn answered(state: &mut State, answer: wire::Answer) {
    let failed = answer.code != 0;
    for line in &answer.lines {
        state.operator.say(line, if failed { LineKind::Warning } else { LineKind::Cp });
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
        Channel::Order if ordered && console_over && state.watch.refused.is_some() => close(state, Ending::Shutdown),
        Channel::Order => {}
        Channel::Console(number) if number != state.operator.number => {
            if let Some(guest) = state.guest.as_mut().filter(|guest| guest.number == number) {
                guest.lost(&why);
            }
        }
        Channel::Watch | Channel::Console(_) if ordered => close(state, Ending::Shutdown),
        Channel::Watch if state.watch.refused.is_some() => {}
        Channel::Console(_) if console_over => {}
        Channel::Watch | Channel::Console(_) => close(state, Ending::Lost(why)),
    }
    Vec::new()
}

/// Shows the last words once; the first reason stands.
fn close(state: &mut State, ending: Ending) {
    if !matches!(state.overlay, Some(Overlay::Closing { .. })) {
        state.overlay = Some(Overlay::Closing { ending, at: state.now + LAST_WORDS });
    }
}
