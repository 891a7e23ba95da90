//! Spool commands: SPOOL CLOSE PURGE CHANGE ORDER TRANSFER TAG, and what closes a file.
//!
//! [`options`] reads what they share; [`files`] holds the commands about files in queues, this file those about devices.

mod files;
mod options;

use std::sync::Arc;

use console::wire::{self, LineKind};
use serde_json::json;
use spool::{Closed, Destination, FileInfo, Queue, Selection, Spid};

use super::answer::{Answer, Message, Outcome, device_missing, error, invalid_operand, no_device, not_in_directory, operand_missing};
use super::operands::{device, is};
use super::{Invocation, Reply};
use crate::directory::{DeviceNumber, SpoolKind, UserId};
use crate::system::Cp;
use crate::users::{Device, Output, Reader, Route, User, spool_userid};

pub(super) use files::{change, order, purge, transfer};
use options::selection;
pub(super) use options::{class, name_or_off, queue_of, spid};

/// Which devices a command is about.
enum Devices {
    One(DeviceNumber),
    All(SpoolKind),
    Console,
}

/// Takes READER, PRINTER, PUNCH, CONSOLE or a device number.
fn devices(invocation: &mut Invocation<'_>) -> Result<Devices, Message> {
    let word = invocation.operands.word()?;
    if is(word, "CONsole") {
        return Ok(Devices::Console);
    }
    match queue_of(word) {
        Some(Queue::Reader) => Ok(Devices::All(SpoolKind::Reader)),
        Some(Queue::Printer) => Ok(Devices::All(SpoolKind::Printer)),
        Some(Queue::Punch) => Ok(Devices::All(SpoolKind::Punch)),
        None => device(word).map(Devices::One).ok_or_else(device_missing),
    }
}

fn matches(which: &Devices, number: DeviceNumber, device: &Device) -> bool {
    match (which, device) {
        (Devices::One(wanted), _) => *wanted == number,
        (Devices::All(SpoolKind::Reader), Device::Reader(_)) => true,
        (Devices::All(kind), Device::Output(output)) => *kind == output.kind,
        (Devices::Console, Device::Console(_)) => true,
        _ => false,
    }
}

/// SPOOL {READER|PRINTER|PUNCH|vdev} options
pub(super) fn spool(invocation: &mut Invocation<'_>) -> Outcome {
    let which = devices(invocation)?;
    let settings = options::device_options(invocation)?;
    let user = Arc::clone(invocation.user()?);
    let mut all = user.devices.lock();
    let mut found = 0;
    for (_, device) in all.iter_mut().filter(|(number, device)| matches(&which, *number, device)) {
        settings.apply(&user, device)?;
        found += 1;
    }
    if found == 0 {
        return Err(missing(&which));
    }
    if settings.close || settings.purge {
        close_matching(&user, &mut all, &which, settings.purge, &CloseAs::default())?;
    }
    Ok(Answer { data: json!({ "devices": found }), lines: Vec::new() })
}

fn missing(which: &Devices) -> Message {
    match which {
        Devices::One(number) => no_device(number),
        Devices::All(_) => error("QVD", 40, "You have no such device"),
        Devices::Console => error("CSP", 22, "The console is not spooled on this system"),
    }
}

/// What CLOSE says beyond the device's settings.
#[derive(Default)]
struct CloseAs {
    hold: Option<bool>,
    keep: Option<bool>,
    route: Option<Route>,
    name: Option<spool::FileName>,
    dist: Option<Option<spool::Word>>,
}

/// CLOSE {READER|PRINTER|PUNCH|vdev} [HOLD|NOHOLD] [KEEP|NOKEEP] [PURGE] [TO user|FOR user] [DIST d] [NAME fn ft]
pub(super) fn close(invocation: &mut Invocation<'_>) -> Outcome {
    let which = devices(invocation)?;
    let (purge, how) = options::close_options(invocation)?;
    let user = Arc::clone(invocation.user()?);
    let mut all = user.devices.lock();
    let closed = close_matching(&user, &mut all, &which, purge, &how)?;
    Ok(Answer { data: json!({ "files": closed.iter().map(super::query::file_data).collect::<Vec<_>>() }), lines: Vec::new() })
}

fn close_matching(
    user: &Arc<User>,
    all: &mut crate::users::Devices,
    which: &Devices,
    purge: bool,
    how: &CloseAs,
) -> Result<Vec<FileInfo>, Message> {
    let mut found = false;
    let mut closed = Vec::new();
    for (_, device) in all.iter_mut().filter(|(number, device)| matches(which, *number, device)) {
        found = true;
        match device {
            Device::Reader(reader) => close_reader(user, reader, purge, how).map_err(spool_failed)?,
            Device::Output(output) if purge => output.open = None,
            // As on VM, SPOOL CONT makes one file of what is written until SPOOL NOCONT CLOSE or LOGOFF.
            Device::Output(output) if output.cont => {}
            Device::Output(output) => closed.extend(close_output_as(user, output, how)?),
            _ => return Err(missing(which)),
        }
    }
    if found { Ok(closed) } else { Err(missing(which)) }
}

/// Ends the file being read as the device says, when reading goes on with the next one.
pub fn finish_reading(user: &User, reader: &mut Reader) -> Result<(), spool::SpoolError> {
    close_reader(user, reader, false, &CloseAs::default())
}

/// Closing a reader throws the file away unless HOLD or KEEP says otherwise.
fn close_reader(user: &User, reader: &mut Reader, purge: bool, how: &CloseAs) -> Result<(), spool::SpoolError> {
    let Some(reading) = reader.open.take() else { return Ok(()) };
    let spool = &user.cp().spool;
    // By its identity: the number may be another file's by now.
    let one = Selection { serial: Some(reading.serial()), ..Selection::default() };
    let hold = how.hold.unwrap_or(reader.hold);
    let keep = how.keep.unwrap_or(reader.keep || reading.file.file().attributes.keep);
    let result = if purge || !(hold || keep) {
        spool.purge(&one)
    } else {
        spool.change(&one, &spool::Change { user_hold: how.hold.or(hold.then_some(true)), ..Default::default() })
    };
    result.map(drop)
}

/// Closes the file in progress of an output device, as the device says.
pub fn close_output(user: &Arc<User>, output: &mut Output) -> Result<Option<FileInfo>, Message> {
    close_output_as(user, output, &CloseAs::default())
}

fn close_output_as(user: &Arc<User>, output: &mut Output, how: &CloseAs) -> Result<Option<FileInfo>, Message> {
    let Some(mut file) = output.open.take() else { return Ok(None) };
    let attributes = file.attributes_mut();
    if let Some(hold) = how.hold {
        attributes.hold = spool::Hold::of(hold, attributes.hold.system());
    }
    if let Some(name) = &how.name {
        attributes.name = name.clone();
    }
    if let Some(keep) = how.keep {
        attributes.keep = keep;
    }
    if let Some(dist) = how.dist {
        attributes.dist = dist;
    }
    let to = destination(user, output, how.route.unwrap_or(output.route));
    let closed = user.cp().spool.close(file, to).map_err(|problem| {
        user.cp().spool_trouble(user, &problem.error);
        // When only the destination is the trouble, the file stays open and can be closed elsewhere.
        output.open = problem.file.map(|file| *file);
        spool_failed(problem.error)
    })?;
    announce(user.cp(), Some(user), &closed);
    Ok(Some(closed.file))
}

fn destination(user: &User, output: &Output, route: Route) -> Destination {
    let (owner, queue) = match route {
        Route::Own => (user.id, output.queue()),
        Route::To(owner, queue) => (owner, queue),
        Route::For(owner) => (owner, output.queue()),
    };
    Destination { owner: spool_userid(&owner), queue }
}

/// Tells the receiver that a file came and the sender where it went.
fn announce(cp: &Arc<Cp>, sender: Option<&Arc<User>>, closed: &Closed) {
    let file = &closed.file;
    let owner: Option<UserId> = file.owner.as_str().parse().ok();
    let sender_id = sender.map(|user| user.id);
    if let Some(owner) = owner.and_then(|owner| cp.users.get(&owner)) {
        let tell = Some(owner.id) != sender_id || file.queue == Queue::Reader;
        if tell && file.attributes.msg && owner.session.lock().settings.imsg {
            owner.console.write(LineKind::Cp, &sent_from(file, file.origin.as_str(), file.device.abbreviation(), closed.was));
        }
    }
    if let Some(sender) = sender
        && owner != sender_id
        && sender.session.lock().settings.imsg
    {
        sender.console.write(LineKind::Cp, &sent_to(file, file.device.abbreviation(), closed.was));
    }
}

/// What the sender of a file is told: it was `kind` file `was` and is now the receiver's.
fn sent_to(file: &FileInfo, kind: &str, was: Spid) -> String {
    let (queue, spid) = (file.queue.abbreviation(), file.spid);
    format!("{kind} FILE {was} SENT TO   {:<8} {queue} AS  {spid} {}", file.owner, file_line(file))
}

/// What the receiver of a file is told: `from` sent it, it was `kind` file `was` there.
fn sent_from(file: &FileInfo, from: &str, kind: &str, was: Spid) -> String {
    let (queue, spid) = (file.queue.abbreviation(), file.spid);
    format!("{queue} FILE {spid} SENT FROM {from:<8} {kind} WAS {was} {}", file_line(file))
}

/// `RECS 0018 CPY  001 T NOHOLD NOKEEP`, the end of the lines about files that moved.
fn file_line(file: &FileInfo) -> String {
    let attributes = &file.attributes;
    let hold = if attributes.hold == spool::Hold::None { "NOHOLD" } else { "HOLD" };
    let keep = if attributes.keep { "KEEP" } else { "NOKEEP" };
    format!("RECS {} CPY  {:03} {} {hold} {keep}", short_count(file.records), attributes.copies.number(), attributes.class)
}

/// Four places: `0018`, `101K`, `012M`.
fn short_count(records: u64) -> String {
    match records {
        0..=9999 => format!("{records:04}"),
        10_000..=999_999 => format!("{:03}K", records / 1000),
        _ => format!("{:03}M", records / 1_000_000),
    }
}

/// What the spool refused, as a message of CP.
fn spool_failed(problem: spool::SpoolError) -> Message {
    match problem {
        spool::SpoolError::NoFile { spid, .. } => error("CSU", 42, format!("Spool file {spid} does not exist")),
        spool::SpoolError::NoSpoolId(owner) => error("SPL", 439, format!("Spool files of {owner} are at their maximum of 9999")),
        problem => error("SPL", 9433, format!("Spool error: {problem}")),
    }
}

/// TAG {DEV {vdev|PRINTER|PUNCH} text | FILE spid text | QUERY {DEV ..|FILE spid}}
pub(super) fn tag(invocation: &mut Invocation<'_>) -> Outcome {
    let query = invocation.operands.take("Query");
    let user = Arc::clone(invocation.user()?);
    if invocation.operands.take("FIle") {
        let spid = options::spid(invocation.operands.word()?)?;
        let owner = spool_userid(&user.id);
        let file = Queue::ALL.into_iter().find_map(|queue| user.cp().spool.get(owner, queue, spid).ok().flatten());
        let file = file.ok_or_else(|| error("CSU", 42, format!("Spool file {spid} does not exist")))?;
        if query {
            return Ok(tag_answer(&file.attributes.tag));
        }
        let tag = options::tag_text(invocation.operands.rest())?;
        user.cp().spool.set_tag(owner, file.queue, spid, tag).map_err(spool_failed)?;
        return Ok(Answer::silent());
    }
    if !invocation.operands.take("DEV") {
        return Err(operand_missing());
    }
    let which = devices(invocation)?;
    let tag = options::tag_text(invocation.operands.rest())?;
    let mut all = user.devices.lock();
    let mut outputs = all.iter_mut().filter(|(number, device)| matches(&which, *number, device)).filter_map(|(_, device)| match device {
        Device::Output(output) => Some(output),
        _ => None,
    });
    let first = outputs.next().ok_or_else(|| missing(&which))?;
    if query {
        return Ok(tag_answer(&first.attributes.tag));
    }
    for output in std::iter::once(first).chain(outputs) {
        output.attributes.tag = tag.clone();
        if let Some(file) = &mut output.open {
            file.attributes_mut().tag = tag.clone();
        }
    }
    Ok(Answer::silent())
}

fn tag_answer(tag: &spool::Tag) -> Answer {
    let shown = if tag.as_str().is_empty() { "TAG NOT SET" } else { tag.as_str() };
    Answer::line(json!({ "tag": tag.as_str() }), shown)
}

/// A file of the host into a user's reader.
pub fn punch_from_host(cp: &Arc<Cp>, file: wire::Punch) -> Reply {
    Reply::of(punch(cp, file), crate::users::Emsg::On)
}

fn punch(cp: &Arc<Cp>, file: wire::Punch) -> Outcome {
    let to: UserId = file.to.parse().map_err(|_| super::answer::userid_missing())?;
    if cp.directory().user(&to).is_none() {
        return Err(not_in_directory(to));
    }
    let word = |text: &str| spool::Word::new(&text.to_uppercase()).map_err(|problem| invalid_operand(&problem.to_string()));
    let attributes = spool::Attributes {
        class: spool::Class::new(file.class).map_err(|_| error("CSP", 28, "Class missing or invalid"))?,
        name: spool::FileName::File(word(&file.name)?, Some(word(&file.file_type)?)),
        ..spool::Attributes::default()
    };
    let new = spool::NewFile {
        origin: spool_userid(&cp.operator_id()),
        device: spool::Device::Reader,
        created: cp.clock.unix_seconds(),
        attributes,
    };
    let mut open = cp.spool.create(new);
    for record in &file.records {
        open.append(PUNCH_COMMAND, record).map_err(spool_failed)?;
    }
    let closed = cp.spool.close(open, Destination { owner: spool_userid(&to), queue: Queue::Reader });
    let closed = closed.map_err(|problem| spool_failed(problem.error))?;
    announce(cp, None, &closed);
    let line = format!("RDR FILE {} SENT TO {to}: {} records", closed.file.spid, closed.file.records);
    Ok(Answer::line(super::query::file_data(&closed.file), line))
}

/// The channel command of a punch: write, feed and select stacker.
const PUNCH_COMMAND: u16 = 0x41;
