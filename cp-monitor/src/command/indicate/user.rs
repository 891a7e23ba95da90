//! INDICATE USER: what a user has and uses.

use std::sync::atomic::Ordering;

use serde_json::json;

use crate::clock::processor_time;
use crate::command::Invocation;
use crate::command::answer::{Answer, Outcome, invalid_operand, not_logged_on};
use crate::directory::{MachineKind, StorageSize, UserId};
use crate::users::User;

/// INDICATE USER [userid|*] [EXP]
pub(super) fn user(invocation: &mut Invocation<'_>) -> Outcome {
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
    let bytes = user.storage.load(Ordering::Relaxed);
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
