//! Operands that spool commands share: queues, selections, and the options of SPOOL, CLOSE and CHANGE.

use spool::{Change, Class, Copies, FileName, Queue, Selection, Spid, Tag, Word};

use super::CloseAs;
use crate::command::Invocation;
use crate::command::answer::{Message, error, invalid_operand, invalid_option, not_in_directory, operand_missing};
use crate::command::operands::{Operands, is};
use crate::directory::UserId;
use crate::users::{Device, Route, User, spool_userid};

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

/// OFF, or a name of 1 to 8 characters.
pub(in crate::command) fn name_or_off(word: &str) -> Result<Option<Word>, Message> {
    if word.eq_ignore_ascii_case("OFF") {
        return Ok(None);
    }
    Word::new(&word.to_uppercase()).map(Some).map_err(|problem| error("CSP", 32, problem.to_string()))
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

/// Takes one attribute of CHANGE and SPOOL; false when the word is none of them.
fn attribute(word: &str, operands: &mut Operands<'_>, change: &mut Change) -> Result<bool, Message> {
    if is(word, "CLass") {
        change.class = Some(class(operands.word()?)?);
    } else if is(word, "COpy") {
        change.copies = Some(copies(operands.word()?)?);
    } else if is(word, "DIst") {
        change.dist = Some(name_or_off(operands.word()?)?);
    } else if is(word, "FOrm") && word.len() > 3 {
        change.form = Some(name_or_off(operands.word()?)?);
    } else if is(word, "DEst") {
        change.dest = Some(name_or_off(operands.word()?)?);
    } else if is(word, "HOld") {
        change.user_hold = Some(true);
    } else if is(word, "NOHold") {
        change.user_hold = Some(false);
    } else if is(word, "KEep") {
        change.keep = Some(true);
    } else if is(word, "NOKeep") {
        change.keep = Some(false);
    } else if is(word, "MSG") {
        change.msg = Some(true);
    } else if is(word, "NOMsg") {
        change.msg = Some(false);
    } else if is(word, "NOName") {
        change.name = Some(FileName::None);
    } else if is(word, "NAme") {
        change.name = Some(file_name(operands)?);
    } else {
        return Ok(false);
    }
    Ok(true)
}

/// The options of CHANGE.
pub(super) fn changes(operands: &mut Operands<'_>) -> Result<Change, Message> {
    let mut change = Change::default();
    if operands.is_empty() {
        return Err(operand_missing());
    }
    while let Some(word) = operands.next_word() {
        if !attribute(word, operands, &mut change)? {
            return Err(invalid_option(word));
        }
    }
    Ok(change)
}

/// What SPOOL sets on a device.
#[derive(Default)]
pub(super) struct DeviceOptions {
    change: Change,
    route: Option<Route>,
    cont: Option<bool>,
    eof: Option<bool>,
    any_class: bool,
    pub close: bool,
    pub purge: bool,
}

/// The options of SPOOL.
pub(super) fn device_options(invocation: &mut Invocation<'_>) -> Result<DeviceOptions, Message> {
    let mut options = DeviceOptions::default();
    while let Some(word) = invocation.operands.next_word() {
        if is(word, "CONt") {
            options.cont = Some(true);
        } else if is(word, "NOCont") {
            options.cont = Some(false);
        } else if is(word, "EOF") {
            options.eof = Some(true);
        } else if is(word, "NOEof") {
            options.eof = Some(false);
        } else if is(word, "CLOse") {
            options.close = true;
        } else if is(word, "PUrge") {
            options.purge = true;
        } else if is(word, "CLass") && invocation.operands.take("*") {
            options.any_class = true;
        } else if let Some(route) = route(word, invocation)? {
            options.route = Some(route);
        } else if is(word, "SYSTEM") || is(word, "OFF") {
            options.route = Some(Route::Own);
        } else if !attribute(word, &mut invocation.operands, &mut options.change)? {
            return Err(invalid_option(word));
        }
    }
    Ok(options)
}

/// TO {user|*|SYSTEM} [queue] or FOR {user|*}; `None` when the word is neither.
fn route(word: &str, invocation: &mut Invocation<'_>) -> Result<Option<Route>, Message> {
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

impl DeviceOptions {
    /// Sets them on one device.
    pub fn apply(&self, user: &User, device: &mut Device) -> Result<(), Message> {
        match device {
            Device::Reader(reader) => {
                reader.hold = self.change.user_hold.unwrap_or(reader.hold);
                reader.keep = self.change.keep.unwrap_or(reader.keep);
                reader.cont = self.cont.unwrap_or(reader.cont);
                reader.eof = self.eof.unwrap_or(reader.eof);
                if self.any_class {
                    reader.class = '*';
                } else if let Some(class) = self.change.class {
                    reader.class = class.as_char();
                }
            }
            Device::Output(output) => {
                self.change.apply(&mut output.attributes);
                output.cont = self.cont.unwrap_or(output.cont);
                output.route = self.route.unwrap_or(output.route);
                if let Some(file) = &mut output.open {
                    self.change.apply(file.attributes_mut());
                }
            }
            _ => return Err(error("CSP", 22, format!("Device of {} is not a unit record device", user.id))),
        }
        Ok(())
    }
}

/// The options of CLOSE: whether the file is purged, and what else is said of it.
pub(super) fn close_options(invocation: &mut Invocation<'_>) -> Result<(bool, CloseAs), Message> {
    let (mut purge, mut how) = (false, CloseAs::default());
    while let Some(word) = invocation.operands.next_word() {
        if is(word, "PUrge") {
            purge = true;
            continue;
        }
        if let Some(route) = route(word, invocation)? {
            how.route = Some(route);
            continue;
        }
        let mut change = Change::default();
        if !attribute(word, &mut invocation.operands, &mut change)? {
            return Err(invalid_option(word));
        }
        how.hold = change.user_hold.or(how.hold);
        how.keep = change.keep.or(how.keep);
        how.name = change.name.or(how.name);
        how.dist = change.dist.or(how.dist);
    }
    Ok((purge, how))
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
        selection.form = Some(name_or_off(operands.word()?)?);
        return Ok(());
    }
    if operands.take("DEST") {
        selection.dest = Some(name_or_off(operands.word()?)?);
        return Ok(());
    }
    selection.spids.push(spid(operands.word()?)?);
    while operands.peek().is_some_and(|word| word.bytes().all(|byte| byte.is_ascii_digit())) {
        selection.spids.push(spid(operands.word()?)?);
    }
    Ok(())
}
