//! Operands that spool commands share: queues, selections, and the options of SPOOL, CLOSE and CHANGE.

use spool::{Change, Class, Copies, FileName, Queue, Selection, Spid, Tag, Word};

use super::CloseAs;
use crate::command::Invocation;
use crate::command::answer::{Message, conflicting_option, error, invalid_operand, invalid_option, not_in_directory, operand_missing};
use crate::command::operands::{Operands, is};
use crate::directory::UserId;
use crate::users::{Route, spool_userid};

/// READER, PRINTER or PUNCH by any of their names.
pub(in crate::command) fn queue_of(word: &str) -> Option<Queue> {
    if is(word, "Reader") || is(word, "RDR") {
        Some(Queue::Reader)
    } else if is(word, "Printer") || is(word, "PRT") {
        Some(Queue::Printer)
    } else if is(word, "PUnch") || is(word, "PCH") || is(word, "PUN") {
        Some(Queue::Punch)
    } else {
        None
    }
}

/// A spool id.
pub(in crate::command) fn spid(word: &str) -> Result<Spid, Message> {
    let invalid = || error("CSU", 27, format!("Spoolid missing or invalid - {word}"));
    word.parse().ok().and_then(|number| Spid::new(number).ok()).ok_or_else(invalid)
}

/// A class: one letter or digit.
pub(in crate::command) fn class(word: &str) -> Result<Class, Message> {
    let mut letters = word.chars();
    match (letters.next(), letters.next()) {
        (Some(letter), None) => Class::new(letter.to_ascii_uppercase()).map_err(|_| class_invalid()),
        _ => Err(class_invalid()),
    }
}

fn class_invalid() -> Message {
    error("CSP", 28, "Class missing or invalid")
}

fn copies(word: &str) -> Result<Copies, Message> {
    let (collated, digits) = word.strip_prefix('*').map_or((false, word), |rest| (true, rest));
    let number = digits.parse().map_err(|_| error("CSP", 30, "Copies missing or invalid"))?;
    Copies::new(number, collated).map_err(|_| error("CSP", 30, "Copies missing or invalid"))
}

/// A name of 1 to 8 characters; `None` for one of the words in `absent`.
fn name_unless(word: &str, absent: &[&str]) -> Result<Option<Word>, Message> {
    if absent.iter().any(|absent| word.eq_ignore_ascii_case(absent)) {
        return Ok(None);
    }
    Word::new(&word.to_uppercase()).map(Some).map_err(|problem| error("CSP", 32, problem.to_string()))
}

/// A form; the standard one has no name of its own.
pub(in crate::command) fn form(word: &str) -> Result<Option<Word>, Message> {
    name_unless(word, &["OFF", "STANDARD"])
}

/// A destination, or OFF or ANY.
pub(in crate::command) fn dest(word: &str) -> Result<Option<Word>, Message> {
    name_unless(word, &["OFF", "ANY"])
}

/// NAME fn [ft], the last option: one or two words.
fn file_name(operands: &mut Operands<'_>) -> Result<FileName, Message> {
    let first = operands.word()?;
    let word = |text: &str| Word::new(&text.to_uppercase()).map_err(|problem| error("CSP", 32, problem.to_string()));
    match operands.next_word() {
        Some(second) => Ok(FileName::File(word(first)?, Some(word(second)?))),
        None if first.len() > 8 => {
            spool::DataSetName::new(&first.to_uppercase()).map(FileName::DataSet).map_err(|problem| error("CSP", 32, problem.to_string()))
        }
        None => Ok(FileName::File(word(first)?, None)),
    }
}

pub(super) fn tag_text(text: &str) -> Result<Tag, Message> {
    Tag::new(text).map_err(|problem| error("TAG", 32, problem.to_string()))
}

/// Sets a switch; 013E when the command has said the contrary.
pub(super) fn switch(slot: &mut Option<bool>, value: bool, word: &str) -> Result<(), Message> {
    if *slot == Some(!value) {
        return Err(conflicting_option(word));
    }
    *slot = Some(value);
    Ok(())
}

/// Takes one attribute of CHANGE and SPOOL; false when the word is none of them. `own_dist` is what DIST * stands for.
pub(super) fn attribute(word: &str, operands: &mut Operands<'_>, change: &mut Change, own_dist: Option<Word>) -> Result<bool, Message> {
    if is(word, "CLass") {
        change.class = Some(class(operands.word()?)?);
    } else if is(word, "COpy") {
        change.copies = Some(copies(operands.word()?)?);
    } else if is(word, "DIst") {
        let code = operands.word()?;
        change.dist = Some(if code == "*" { own_dist } else { name_unless(code, &["OFF"])? });
    } else if is(word, "FORM") {
        change.form = Some(form(operands.word()?)?);
    } else if is(word, "DEst") {
        change.dest = Some(dest(operands.word()?)?);
    } else if is(word, "HOld") || is(word, "NOHold") {
        switch(&mut change.user_hold, is(word, "HOld"), word)?;
    } else if is(word, "KEep") || is(word, "NOKeep") {
        switch(&mut change.keep, is(word, "KEep"), word)?;
    } else if is(word, "MSG") || is(word, "NOMsg") {
        switch(&mut change.msg, is(word, "MSG"), word)?;
    } else if is(word, "NOName") {
        change.name = Some(FileName::None);
    } else if is(word, "NAme") {
        change.name = Some(file_name(operands)?);
    } else {
        return Ok(false);
    }
    Ok(true)
}

/// The options of CHANGE; SYSHOLD and NOSYSHOLD are class D's.
pub(super) fn changes(invocation: &mut Invocation<'_>) -> Result<Change, Message> {
    let mut change = Change::default();
    let own = invocation.user()?.dist();
    if invocation.operands.is_empty() {
        return Err(operand_missing());
    }
    while let Some(word) = invocation.operands.next_word() {
        if invocation.has_class("D") && (is(word, "SYShold") || is(word, "NOSYShold")) {
            switch(&mut change.system_hold, is(word, "SYShold"), word)?;
        } else if !attribute(word, &mut invocation.operands, &mut change, own)? {
            return Err(invalid_option(word));
        }
    }
    Ok(change)
}

/// TO {user|*|SYSTEM} [queue] or FOR {user|*}; `None` when the word is neither.
pub(super) fn route(word: &str, invocation: &mut Invocation<'_>) -> Result<Option<Route>, Message> {
    let to = is(word, "TO");
    if !to && !is(word, "FOR") {
        return Ok(None);
    }
    if to && invocation.operands.take("SYSTEM") {
        return Ok(Some(Route::Own));
    }
    let id = known_user(invocation)?;
    if !to {
        return Ok(Some(if id == invocation.user()?.id { Route::Own } else { Route::For(id) }));
    }
    let queue = invocation.operands.peek().and_then(queue_of);
    if queue.is_some() {
        invocation.operands.next_word();
    }
    Ok(Some(Route::To(id, queue.unwrap_or(Queue::Reader))))
}

/// A user who can receive files: in the directory.
pub(super) fn known_user(invocation: &mut Invocation<'_>) -> Result<UserId, Message> {
    let id = invocation.user_operand()?;
    if invocation.cp.directory().user(&id).is_none() {
        return Err(not_in_directory(id));
    }
    Ok(id)
}

/// What is to be done with the file, and what else is said of it: the options of CLOSE.
pub(super) fn close_options(invocation: &mut Invocation<'_>) -> Result<CloseAs, Message> {
    let mut how = CloseAs::default();
    let mut change = Change::default();
    let own = invocation.user()?.dist();
    while let Some(word) = invocation.operands.next_word() {
        if is(word, "PUrge") {
            how.purge = true;
        } else if is(word, "EOF") {
            how.end_cont = true;
        } else if let Some(route) = route(word, invocation)? {
            how.route = Some(route);
        } else if !attribute(word, &mut invocation.operands, &mut change, own)? {
            return Err(invalid_option(word));
        }
    }
    how.change = change;
    Ok(how)
}

/// Whose files, which queue and which of them: `[userid|*|SYSTEM] queue {ALL|spid...|CLASS c|FORM f|DEST d}`.
pub(in crate::command) fn selection(invocation: &mut Invocation<'_>, all_queues: bool) -> Result<Selection, Message> {
    let mut selection = Selection { owner: owner(invocation)?, ..Selection::default() };
    let word = invocation.operands.word()?;
    if all_queues && is(word, "ALL") {
        return Ok(selection);
    }
    selection.queue = Some(queue_of(word).ok_or_else(|| invalid_operand(word))?);
    Ok(selection)
}

/// A leading userid or `*`; class D may name others, and `SYSTEM`, which is everybody: `None`.
fn owner(invocation: &mut Invocation<'_>) -> Result<Option<spool::Userid>, Message> {
    let own = invocation.user()?.id;
    let first = invocation.operands.peek().unwrap_or_default();
    if is(first, "ALL") || queue_of(first).is_some() {
        return Ok(Some(spool_userid(&own)));
    }
    let id = invocation.user_operand()?;
    if id != own && !invocation.has_class("D") {
        return Err(invalid_operand(id.as_str()));
    }
    Ok((id.as_str() != "SYSTEM").then(|| spool_userid(&id)))
}

/// `ALL`, spool ids, `CLASS c`, `FORM f` or `DEST d` behind a queue. Takes as many words as belong to it.
pub(super) fn which_files(operands: &mut Operands<'_>, selection: &mut Selection) -> Result<(), Message> {
    if operands.take("ALL") {
        return Ok(());
    }
    if operands.take("CLass") {
        selection.class = Some(class(operands.word()?)?);
        return Ok(());
    }
    if operands.take("FORM") {
        selection.form = Some(form(operands.word()?)?);
        return Ok(());
    }
    if operands.take("DEST") {
        selection.dest = Some(dest(operands.word()?)?);
        return Ok(());
    }
    selection.spids.push(spid(operands.word()?)?);
    while operands.peek().is_some_and(|word| word.bytes().all(|byte| byte.is_ascii_digit())) {
        selection.spids.push(spid(operands.word()?)?);
    }
    Ok(())
}
