//! Commands about files in queues: PURGE CHANGE ORDER TRANSFER.

use serde_json::json;
use spool::{Destination, Queue, Selection, Transferred, Userid};

use super::{missing_file, moved, options, selection, spool_failed};
use crate::command::Invocation;
use crate::command::answer::{Answer, Message, Outcome, invalid_operand, operand_missing};
use crate::command::operands::is;
use crate::users::spool_userid;

/// `0000004 FILES PURGED`, `0000001 FILE  PURGED`, `NO FILES PURGED`.
pub(in crate::command) fn count_line(count: usize, what: &str) -> String {
    match count {
        0 => format!("NO FILES {what}"),
        1 => format!("0000001 FILE  {what}"),
        count => format!("{count:07} FILES {what}"),
    }
}

fn count_answer(count: usize, what: &str) -> Outcome {
    Ok(Answer::line(json!({ "files": count }), count_line(count, what)))
}

/// The selected files, 042E when a spool id that was named is not there.
fn check_named(invocation: &Invocation<'_>, selection: &Selection) -> Result<(), Message> {
    for &spid in &selection.spids {
        let one = Selection { spids: vec![spid], ..selection.clone() };
        if invocation.cp.spool.list(&one).map_err(spool_failed)?.is_empty() {
            return Err(missing_file(spid));
        }
    }
    Ok(())
}

/// PURGE [userid] {READER|PRINTER|PUNCH|ALL} {ALL|spid...|CLASS c|FORM f|DEST d}
pub(in crate::command) fn purge(invocation: &mut Invocation<'_>) -> Outcome {
    let mut selection = selection(invocation, true)?;
    if selection.queue.is_some() || !invocation.operands.is_empty() {
        options::which_files(&mut invocation.operands, &mut selection)?;
    }
    invocation.operands.end()?;
    check_named(invocation, &selection)?;
    let count = invocation.cp.spool.purge(&selection).map_err(spool_failed)?;
    count_answer(count, "PURGED")
}

/// CHANGE [userid] {READER|PRINTER|PUNCH} {ALL|spid|CLASS c|FORM f|DEST d} attribute...
pub(in crate::command) fn change(invocation: &mut Invocation<'_>) -> Outcome {
    let mut selection = selection(invocation, false)?;
    options::which_files(&mut invocation.operands, &mut selection)?;
    let changes = options::changes(invocation)?;
    check_named(invocation, &selection)?;
    let count = invocation.cp.spool.change(&selection, &changes).map_err(spool_failed)?;
    invocation.cp.real_devices.changed();
    count_answer(count, "CHANGED")
}

/// ORDER [userid] {READER|PRINTER|PUNCH} {spid|CLASS c|FORM f|DEST d}...
pub(in crate::command) fn order(invocation: &mut Invocation<'_>) -> Outcome {
    let base = selection(invocation, false)?;
    let (Some(owner), Some(queue)) = (base.owner, base.queue) else { return Err(operand_missing()) };
    let mut first = Vec::new();
    while !invocation.operands.is_empty() {
        let mut next = base.clone();
        options::which_files(&mut invocation.operands, &mut next)?;
        check_named(invocation, &next)?;
        match next.spids.as_slice() {
            [] => first.push(next),
            // Numbers are put in the order in which they are named.
            spids => first.extend(spids.iter().map(|&spid| base.clone().spid(spid))),
        }
    }
    if first.is_empty() {
        return Err(operand_missing());
    }
    let count = invocation.cp.spool.order(owner, queue, &first).map_err(spool_failed)?;
    invocation.cp.real_devices.changed();
    count_answer(count, "ORDERED")
}

/// TRANSFER [userid] {READER|PRINTER|PUNCH} {ALL|spid|CLASS c|FORM f|DEST d} {TO {userid|*|SYSTEM} [queue] | FROM {userid|*|ALL} [queue]}
pub(in crate::command) fn transfer(invocation: &mut Invocation<'_>) -> Outcome {
    let mut selection = selection(invocation, false)?;
    options::which_files(&mut invocation.operands, &mut selection)?;
    let word = invocation.operands.word()?;
    if is(word, "FROM") {
        return transfer_from(invocation, selection);
    }
    if !is(word, "TO") {
        return Err(invalid_operand(word));
    }
    let to_system = invocation.operands.take("SYSTEM");
    let owner = match (to_system, selection.owner) {
        (false, _) => spool_userid(&options::known_user(invocation)?),
        // To the real printers and punches: it stays the owner's.
        (true, Some(owner)) => owner,
        (true, None) => return Err(operand_missing()),
    };
    let queue = target_queue(invocation, if to_system { Queue::Printer } else { Queue::Reader })?;
    check_named(invocation, &selection)?;
    let moved = invocation.cp.spool.transfer(&selection, Destination { owner, queue }).map_err(spool_failed)?;
    let issuer = invocation.issuer();
    for file in moved.iter().filter(|file| file.now.attributes.msg && file.now.owner != spool_userid(&issuer)) {
        let line = moved::sent_from(&file.now, issuer.as_str(), file.was.queue.abbreviation(), file.was.spid);
        moved::tell(invocation.cp, file.now.owner, &line);
    }
    let lines = moved.iter().map(|file| moved::sent_to(&file.now, file.was.queue.abbreviation(), file.was.spid)).collect();
    answer(invocation, &moved, lines)
}

/// Takes files back that the target's user made and somebody else has.
fn transfer_from(invocation: &mut Invocation<'_>, mut selection: Selection) -> Outcome {
    let owner = selection.owner.ok_or_else(operand_missing)?;
    let to = Destination { owner, queue: selection.queue.unwrap_or(Queue::Reader) };
    selection.owner = if invocation.operands.take("ALL") { None } else { Some(spool_userid(&options::known_user(invocation)?)) };
    selection.queue = Some(target_queue(invocation, Queue::Reader)?);
    // A general user has a claim to what came from him; class D to everything that is named.
    if selection.owner.is_none() || !invocation.has_class("D") {
        selection.origin = Some(owner);
    }
    check_named(invocation, &selection)?;
    let moved = invocation.cp.spool.transfer(&selection, to).map_err(spool_failed)?;
    for file in moved.iter().filter(|file| file.was.attributes.msg && file.was.owner != owner) {
        moved::tell(invocation.cp, file.was.owner, &moved::sent_to(&file.now, file.was.queue.abbreviation(), file.was.spid));
    }
    let from = |file: &Transferred| moved::sent_from(&file.now, file.was.owner.as_str(), file.was.queue.abbreviation(), file.was.spid);
    let lines = moved.iter().map(from).collect();
    answer(invocation, &moved, lines)
}

fn target_queue(invocation: &mut Invocation<'_>, absent: Queue) -> Result<Queue, Message> {
    let queue = match invocation.operands.next_word() {
        None => absent,
        Some(word) => options::queue_of(word).ok_or_else(|| invalid_operand(word))?,
    };
    invocation.operands.end()?;
    Ok(queue)
}

fn answer(invocation: &Invocation<'_>, moved: &[Transferred], mut lines: Vec<String>) -> Outcome {
    moved.iter().for_each(|file| invocation.cp.note_queued(&file.now));
    lines.push(count_line(moved.len(), "TRANSFERRED"));
    let owner = |userid: Userid| userid.to_string();
    let data: Vec<_> = moved
        .iter()
        .map(|file| {
            json!({
                "was": file.was.spid.number(), "as": file.now.spid.number(), "from": owner(file.was.owner), "to": owner(file.now.owner),
                "queue": file.now.queue.abbreviation(),
            })
        })
        .collect();
    Ok(Answer::of(data, lines))
}
