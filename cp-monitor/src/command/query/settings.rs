//! QUERY STORAGE PROCESSORS SET TERMINAL PRIVCLASS COMMANDS.

use std::sync::atomic::Ordering;

use console::BreakIn;
use console::presentation::inbound::Aid;
use serde_json::json;

use super::nothing_more;
use crate::command::answer::{Answer, Outcome};
use crate::command::{Invocation, available};
use crate::directory::StorageSize;
use crate::users::Emsg;

fn size(bytes: u64) -> String {
    StorageSize::from_bytes(bytes).map_or_else(|| format!("{}M", bytes >> 20), |size| size.to_string())
}

/// QUERY STORAGE: real storage.
pub(super) fn storage(invocation: &mut Invocation<'_>) -> Outcome {
    nothing_more(invocation)?;
    let counts = invocation.cp.storage.counts();
    let bytes = counts.total as u64 * abi::PAGE;
    let line = format!("STORAGE = {} CONFIGURED = {} INC = 1M STANDBY = 0  RESERVED = 0", size(bytes), size(bytes));
    let data = json!({ "storage": bytes, "frames": counts.total, "in_use": counts.in_use, "shared": counts.shared });
    Ok(Answer::line(data, line))
}

/// QUERY VIRTUAL STORAGE: the machine's.
pub(super) fn virtual_storage(invocation: &mut Invocation<'_>) -> Outcome {
    let bytes = invocation.user()?.storage.load(Ordering::Relaxed);
    Ok(Answer::line(json!({ "storage": bytes }), format!("STORAGE = {}", size(bytes))))
}

/// `PROCESSOR 00 MASTER CP`, with the back end behind it and what the host takes of the processor's time.
pub(super) fn processors(invocation: &mut Invocation<'_>) -> Outcome {
    nothing_more(invocation)?;
    let lanes = invocation.cp.dispatcher.lanes();
    let load = invocation.cp.load.lock();
    let percent = |of: &[f64], number: usize| of.get(number).copied().unwrap_or(0.0);
    let lines = lanes.iter().enumerate().map(|(number, lane)| {
        let role = if number == 0 { "MASTER" } else { "ALTERNATE" };
        format!("PROCESSOR {number:02} {role} CP   {}  STOLEN-{:03.0}%", lane.kind(), percent(&load.stolen, number))
    });
    let data = lanes.iter().enumerate().map(|(number, lane)| {
        json!({
            "number": number, "kind": lane.kind(), "host_processor": invocation.cp.config.affinity.get(number),
            "busy_percent": percent(&load.processors, number), "stolen_percent": percent(&load.stolen, number),
            "busy_us": lane.busy_ns.load(Ordering::Relaxed) / 1000, "stolen_us": lane.stolen_ns.load(Ordering::Relaxed) / 1000,
        })
    });
    let data: Vec<_> = data.collect();
    let pc = invocation.cp.pc_processor().map(|kind| format!("PC MACHINES ON {kind}"));
    Ok(Answer::of(data, lines.chain(pc).collect()))
}

fn on(flag: bool) -> &'static str {
    if flag { "ON" } else { "OFF" }
}

/// QUERY SET
pub(super) fn set(invocation: &mut Invocation<'_>) -> Outcome {
    nothing_more(invocation)?;
    let settings = invocation.user()?.session.lock().settings.clone();
    let emsg = match settings.emsg {
        Emsg::On => "ON",
        Emsg::Off => "OFF",
        Emsg::Text => "TEXT",
        Emsg::Code => "CODE",
    };
    let lines = vec![
        format!("MSG {:<4}, WNG {:<4}, EMSG {emsg:<4}, IMSG {:<4}", on(settings.msg), on(settings.wng), on(settings.imsg)),
        format!("SMSG {:<4}, RUN {:<4}", on(settings.smsg), on(settings.run)),
    ];
    let data = json!({
        "msg": settings.msg, "wng": settings.wng, "emsg": emsg, "imsg": settings.imsg, "smsg": settings.smsg, "run": settings.run,
    });
    Ok(Answer::of(data, lines))
}

/// QUERY TERMINAL
pub(super) fn terminal(invocation: &mut Invocation<'_>) -> Outcome {
    nothing_more(invocation)?;
    let user = invocation.user()?;
    let settings = user.session.lock().settings.clone();
    let preferences = user.console.preferences();
    let more = preferences.more;
    let (alarm, clear) = (more.alarm.as_secs(), more.clear.as_secs());
    let edit = settings.edit;
    let shown = |character: Option<char>| character.map_or_else(|| "OFF".to_string(), |character| character.to_string());
    let size = if settings.columns == 0 { "OFF".to_string() } else { format!("{:03}", settings.columns) };
    let break_key = match preferences.break_key {
        None => "NONE".to_string(),
        Some(Aid::Pf(number)) => format!("PF{number:02}"),
        Some(Aid::Pa(number)) => format!("PA{number}"),
        Some(_) => "CLEAR".to_string(),
    };
    let break_in = match preferences.break_in {
        BreakIn::Immediate => "IMMED",
        BreakIn::GuestControl => "GUESTCTL",
    };
    let mode = if settings.full_screen { "3270" } else { "3215" };
    let lines = vec![
        format!(
            "LINEND {:<3}, LINEDEL {:<3}, CHARDEL {:<3}, ESCAPE {:<3}",
            shown(edit.linend),
            shown(edit.linedel),
            shown(edit.chardel),
            shown(edit.escape)
        ),
        format!("LINESIZE {size}, MORE {alarm:03} {clear:03}, BRKKEY {break_key}, BREAKIN {break_in}"),
        format!("CONMODE {mode}"),
    ];
    let data = json!({
        "linend": edit.linend, "linedel": edit.linedel, "chardel": edit.chardel, "escape": edit.escape,
        "linesize": settings.columns, "more": [alarm, clear], "brkkey": break_key, "breakin": break_in, "conmode": mode,
    });
    Ok(Answer::of(data, lines))
}

/// QUERY PRIVCLASS
pub(super) fn classes(invocation: &mut Invocation<'_>) -> Outcome {
    nothing_more(invocation)?;
    let user = invocation.user()?;
    let lines = vec![
        format!("PRIVILEGE CLASSES FOR USER {}", user.id),
        format!("        CURRENTLY: {}", invocation.classes),
        format!("        DIRECTORY: {}", user.entry.classes),
    ];
    Ok(Answer::of(json!({ "userid": user.id, "currently": invocation.classes, "directory": user.entry.classes }), lines))
}

/// QUERY COMMANDS: six columns of twelve.
pub(super) fn commands(invocation: &mut Invocation<'_>) -> Outcome {
    nothing_more(invocation)?;
    let mut names: Vec<_> = available(invocation.classes).map(|command| command.pattern.to_uppercase()).collect();
    names.sort();
    let lines = names.chunks(6).map(|six| six.iter().map(|name| format!("{name:<12}")).collect::<String>().trim_end().to_string());
    Ok(Answer::of(&names, lines.collect()))
}
