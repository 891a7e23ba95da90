//! Commands about files in queues: PURGE CHANGE ORDER TRANSFER.

use console::wire::LineKind;
use serde_json::json;
use spool::{Destination, Queue, Selection, Transferred};

use super::{options, selection, sent_from, sent_to, spool_failed};
use crate::command::Invocation;
use crate::command::answer::{Answer, Message, Outcome, invalid_operand, operand_missing};
use crate::command::operands::is;
use crate::directory::UserId;
use crate::users::spool_userid;

/// `0000004 FILES PURGED`, `0000001 FILE  PURGED`, `NO FILES PURGED`.
fn count_line(count: usize, what: &str) -> String {
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
            return Err(crate::command::answer::error("CSU", 42, format!("Spool file {spid} does not exist")));
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

/// CHANGE [userid] {READER|PRINTER|PUNCH} {ALL|spid|CLASS c|FORM f} attribute...
pub(in crate::command) fn change(invocation: &mut Invocation<'_>) -> Outcome {
    let mut selection = selection(invocation, false)?;
    options::which_files(&mut invocation.operands, &mut selection)?;
    let changes = options::changes(&mut invocation.operands)?;
    check_named(invocation, &selection)?;
    let count = invocation.cp.spool.change(&selection, &changes).map_err(spool_failed)?;
    count_answer(count, "CHANGED")
}

/// ORDER [userid] {READER|PRINTER|PUNCH} {spid|CLASS c|FORM f}...
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
    count_answer(count, "ORDERED")
}

/// TRANSFER [userid] {READER|PRINTER|PUNCH} {ALL|spid|CLASS c|FORM f} TO {userid|*} [queue]
pub(in crate::command) fn transfer(invocation: &mut Invocation<'_>) -> Outcome {
    let mut selection = selection(invocation, false)?;
    options::which_files(&mut invocation.operands, &mut selection)?;
    let word = invocation.operands.word()?;
    if !is(word, "TO") {
        return Err(invalid_operand(word));
    }
    let to = options::known_user(invocation)?;
    let queue = match invocation.operands.next_word() {
        None => Queue::Reader,
        Some(word) => options::queue_of(word).ok_or_else(|| invalid_operand(word))?,
    };
    invocation.operands.end()?;
    check_named(invocation, &selection)?;
    let destination = Destination { owner: spool_userid(&to), queue };
    let moved = invocation.cp.spool.transfer(&selection, destination).map_err(spool_failed)?;
    let mut lines: Vec<String> = moved.iter().map(|file| sent_to(&file.now, file.was.queue.abbreviation(), file.was.spid)).collect();
    tell_receiver(invocation, to, &moved);
    lines.push(count_line(moved.len(), "TRANSFERRED"));
    let data: Vec<_> = moved.iter().map(|file| json!({ "was": file.was.spid.number(), "as": file.now.spid.number() })).collect();
    Ok(Answer::of(data, lines))
}

fn tell_receiver(invocation: &Invocation<'_>, to: UserId, moved: &[Transferred]) {
    let Some(receiver) = invocation.cp.users.get(&to).filter(|_| to != invocation.issuer()) else { return };
    if !receiver.session.lock().settings.imsg {
        return;
    }
    for file in moved.iter().filter(|file| file.now.attributes.msg) {
        let line = sent_from(&file.now, invocation.issuer().as_str(), file.was.queue.abbreviation(), file.was.spid);
        receiver.console.write(LineKind::Cp, &line);
    }
}
