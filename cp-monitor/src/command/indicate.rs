//! INDICATE: load of the system and what users use, in lines that scripts parse (`AVGPROC-nnn%`).

use serde_json::json;

use super::Invocation;
use super::answer::{Answer, Outcome, invalid_operand, not_logged_on};
use crate::clock::processor_time;
use crate::directory::{MachineKind, StorageSize, UserId};
use crate::users::User;

/// INDICATE [LOAD | USER [userid|*] [EXP]]
pub(super) fn indicate(invocation: &mut Invocation<'_>) -> Outcome {
    if invocation.operands.is_empty() || invocation.operands.take("LOAD") {
        return load(invocation);
    }
    if invocation.operands.take("PAGing") {
        return super::paging::indicate_paging(invocation);
    }
    if invocation.operands.take("User") {
        return user(invocation);
    }
    Err(invalid_operand(invocation.operands.rest()))
}

fn load(invocation: &mut Invocation<'_>) -> Outcome {
    invocation.operands.end()?;
    let cp = invocation.cp;
    let load = cp.load.lock();
    let processors = cp.dispatcher.lanes().len();
    let running = cp.dispatcher.lanes().iter().filter(|lane| lane.running().is_some()).count();
    let in_queue = running + cp.dispatcher.with_policy(|policy, now| policy.counts(now)).ready;
    let dormant = cp.users.count().saturating_sub(in_queue);
    let mut lines = vec![
        format!("AVGPROC-{:03.0}% {processors:02}", load.average()),
        format!("PAGING-{}/SEC", cp.pager.figures().rate),
        format!("Q1-{in_queue:05}                             DORMANT-{dormant:05}"),
        String::new(),
    ];
    // Before the first sample nothing is known, which is nothing used.
    let busy = |number: usize| load.processors.get(number).copied().unwrap_or(0.0);
    let each: Vec<_> = (0..processors).map(|number| format!("PROC {number:04}-{:03.0}% CP", busy(number))).collect();
    lines.extend(each.chunks(2).map(|two| two.join("     ")));
    let data = json!({
        "average_percent": load.average(),
        "processors": load.processors,
        "in_queue": in_queue,
        "dormant": dormant,
    });
    Ok(Answer::of(data, lines))
}

fn user(invocation: &mut Invocation<'_>) -> Outcome {
    let own = invocation.user()?.id;
    let id = if invocation.operands.is_empty() { own } else { invocation.user_operand()? };
    invocation.operands.take("EXP");
    invocation.operands.end()?;
    // Class G sees itself alone.
    if id != own && !invocation.has_class("E") {
        return Err(invalid_operand(id.as_str()));
    }
    let target = invocation.cp.users.get(&id).ok_or_else(|| not_logged_on(id))?;
    Ok(used_by(invocation, &target, id))
}

fn used_by(invocation: &Invocation<'_>, user: &User, id: UserId) -> Answer {
    let system = user.with_machine(|machine| machine.system().unwrap_or("NONE").to_string());
    let pages = user.standing.figures();
    let counts = invocation.cp.spool.counts(crate::users::spool_userid(&id)).unwrap_or_default();
    let machine = if user.entry.machine == MachineKind::Pc { "PC" } else { "CMS" };
    let bytes = user.storage.load(std::sync::atomic::Ordering::Relaxed);
    let storage = StorageSize::from_bytes(bytes).map_or_else(|| bytes.to_string(), |size| size.to_string());
    let minutes = user.logged_on.elapsed().as_secs() / 60;
    let lines = vec![
        format!("USERID={id:<8} MACH={machine:<3} STOR={storage} VIRT=V XSTORE=NONE"),
        format!("IPLSYS={system:<8} DEVNUM={:05}", user.devices.lock().iter().count()),
        format!("PAGES: RES={} WS={} LOCKEDREAL=0 RESVD={}", pages.resident, pages.working_set, user.standing.reserved()),
        format!("NPREF={}  PREF=0  READS={}  WRITES={}", pages.paged_out, pages.reads, pages.writes),
        format!(
            "CPU 00: CTIME={:02}:{:02} VTIME={} TTIME={} IO={:06}",
            minutes / 60,
            minutes % 60,
            processor_time(user.usage.virtual_us()),
            processor_time(user.usage.total_us()),
            user.usage.io()
        ),
        format!("        RDR={:06} PRT={:06} PCH={:06}", counts.reader, counts.printer, counts.punch),
    ];
    let data = json!({
        "userid": id, "system": system, "storage": bytes, "resident_pages": pages.resident,
        "pages": pages, "reserved": user.standing.reserved(),
        "virtual_us": user.usage.virtual_us(), "total_us": user.usage.total_us(), "io": user.usage.io(),
    });
    Answer::of(data, lines)
}
