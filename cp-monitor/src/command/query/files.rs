//! QUERY FILES READER PRINTER PUNCH TAG, in the columns that scripts read.

use jiff::Timestamp;
use serde_json::{Value, json};
use spool::{FileInfo, Queue, QueueCounts, Selection};

use crate::command::Invocation;
use crate::command::answer::{Answer, Message, Outcome, host_error, invalid_operand};
use crate::command::operands::is;
use crate::command::spool::{class, name_or_off, spid};
use crate::directory::UserId;
use crate::users::spool_userid;

/// `FILES: 0016 RDR, 0001 PRT,   NO PUN`
pub fn spool_files_line(counts: &QueueCounts) -> String {
    let shown = |count: u64| if count == 0 { "  NO".to_string() } else { format!("{count:04}") };
    format!("FILES: {} RDR, {} PRT, {} PUN", shown(counts.reader), shown(counts.printer), shown(counts.punch))
}

/// QUERY FILES [userid|*]
pub(super) fn files(invocation: &mut Invocation<'_>) -> Outcome {
    let id = owner(invocation)?;
    invocation.operands.end()?;
    let counts = invocation.cp.spool.counts(spool_userid(&id)).map_err(host_error)?;
    let data = json!({ "userid": id, "reader": counts.reader, "printer": counts.printer, "punch": counts.punch });
    Ok(Answer::line(data, spool_files_line(&counts)))
}

fn owner(invocation: &mut Invocation<'_>) -> Result<UserId, Message> {
    let own = invocation.user()?.id;
    let id = if invocation.operands.is_empty() { own } else { invocation.user_operand()? };
    if id != own && !invocation.has_class("D") {
        return Err(invalid_operand(id.as_str()));
    }
    Ok(id)
}

/// QUERY READER ...
pub(super) fn reader(invocation: &mut Invocation<'_>) -> Outcome {
    queue(invocation, Queue::Reader)
}

/// QUERY PRINTER ...
pub(super) fn printer(invocation: &mut Invocation<'_>) -> Outcome {
    queue(invocation, Queue::Printer)
}

/// QUERY PUNCH ...
pub(super) fn punch(invocation: &mut Invocation<'_>) -> Outcome {
    queue(invocation, Queue::Punch)
}

/// How the columns behind HOLD look.
#[derive(Clone, Copy, Default)]
struct Shape {
    all: bool,
    dates: Dates,
}

#[derive(Clone, Copy, Default, PartialEq)]
enum Dates {
    #[default]
    Short,
    Full,
    Iso,
}

/// QUERY queue [userid|*|SYSTEM] [spid] [CLASS c] [FORM f] [DEST d] [HOLD|NOHOLD] [ALL] [SHORTDATE|FULLDATE|ISODATE]
fn queue(invocation: &mut Invocation<'_>, queue: Queue) -> Outcome {
    let own = invocation.user()?.id;
    let mut selection = Selection::of(spool_userid(&own)).on(queue);
    let mut shape = Shape::default();
    let mut everyone = false;
    while let Some(word) = invocation.operands.next_word() {
        if word.len() <= 4 && word.bytes().all(|byte| byte.is_ascii_digit()) {
            selection.spids.push(spid(word)?);
        } else if is(word, "CLass") {
            selection.class = Some(class(invocation.operands.word()?)?);
        } else if is(word, "FORM") {
            selection.form = Some(form(invocation.operands.word()?)?);
        } else if is(word, "DEST") {
            selection.dest = Some(name_or_off(invocation.operands.word()?)?);
        } else if is(word, "HOLd") || is(word, "USERhold") {
            selection.user_hold = Some(true);
        } else if is(word, "NOHold") {
            selection.user_hold = Some(false);
        } else if is(word, "ALL") {
            shape.all = true;
        } else if is(word, "SHOrtdate") {
            shape.dates = Dates::Short;
        } else if is(word, "FULldate") {
            shape.dates = Dates::Full;
        } else if is(word, "ISOdate") {
            shape.dates = Dates::Iso;
        } else if is(word, "EXP") || is(word, "DIST") || is(word, "NODIST") || is(word, "USERID") {
            // They change nothing: there is one form of the list, and USERID only says that a userid follows.
            continue;
        } else if word == "*" {
            selection.owner = Some(spool_userid(&own));
        } else {
            (selection.owner, everyone) = other_owner(invocation, word)?;
        }
    }
    list(invocation, &selection, shape, everyone)
}

fn other_owner(invocation: &Invocation<'_>, word: &str) -> Result<(Option<spool::Userid>, bool), Message> {
    let id: UserId = word.parse().map_err(|_| invalid_operand(word))?;
    if id == invocation.issuer() {
        return Ok((Some(spool_userid(&id)), false));
    }
    match invocation.has_class("D") {
        false => Err(invalid_operand(word)),
        true if id.as_str() == "SYSTEM" => Ok((None, true)),
        true => Ok((Some(spool_userid(&id)), false)),
    }
}

/// A form; the standard one has no name of its own.
fn form(word: &str) -> Result<Option<spool::Word>, Message> {
    if word.eq_ignore_ascii_case("STANDARD") { Ok(None) } else { name_or_off(word) }
}

fn list(invocation: &Invocation<'_>, selection: &Selection, shape: Shape, everyone: bool) -> Outcome {
    let files = invocation.cp.spool.list(selection).map_err(host_error)?;
    if files.is_empty() {
        let name = match selection.queue {
            Some(Queue::Reader) => "READER",
            Some(Queue::Printer) => "PRINTER",
            _ => "PUNCH",
        };
        return Ok(Answer::of(Vec::<Value>::new(), vec![format!("NO {name} FILES")]));
    }
    let zone = invocation.cp.clock.now().time_zone().clone();
    let mut lines = vec![header(shape, everyone)];
    lines.extend(files.iter().map(|file| line(file, shape, everyone, &zone)));
    Ok(Answer::of(files.iter().map(file_data).collect::<Vec<_>>(), lines))
}

fn header(shape: Shape, everyone: bool) -> String {
    let who = if everyone { "OWNERID " } else { "ORIGINID" };
    let start = format!("{who} FILE CLASS RECORDS  CPY HOLD ");
    if !shape.all {
        return format!("{start}FORM     DEST     KEEP MSG");
    }
    let date = match shape.dates {
        Dates::Short => "DATE ",
        Dates::Full => "DATE      ",
        Dates::Iso => "DATE      ",
    };
    format!("{start}{date} TIME     NAME      TYPE     DIST")
}

/// One file: `CMSUSER  0001 A PUN 00000012 001 NONE ...`; columns 0, 9, 14, 16, 20, 29, 33, 38.
fn line(file: &FileInfo, shape: Shape, everyone: bool, zone: &jiff::tz::TimeZone) -> String {
    let attributes = &file.attributes;
    let who = if everyone { &file.owner } else { &file.origin };
    let start = format!(
        "{who:<8} {} {} {} {:08} {:03} {:<4} ",
        file.spid,
        attributes.class,
        file.device.abbreviation(),
        file.records,
        attributes.copies.number(),
        attributes.hold.abbreviation()
    );
    let word = |word: &Option<spool::Word>, absent: &str| word.map_or_else(|| absent.to_string(), |word| word.to_string());
    if !shape.all {
        let keep = if attributes.keep { "ON" } else { "OFF" };
        let msg = if attributes.msg { "ON" } else { "OFF" };
        return format!("{start}{:<8} {:<8} {keep:<4} {msg}", word(&attributes.form, "STANDARD"), word(&attributes.dest, "OFF"));
    }
    let at = Timestamp::from_second(i64::try_from(file.created).unwrap_or(0)).unwrap_or_default().to_zoned(zone.clone());
    let date = match shape.dates {
        Dates::Short => "%m/%d",
        Dates::Full => "%m/%d/%Y",
        Dates::Iso => "%Y-%m-%d",
    };
    format!(
        "{start}{} {} {:<9} {:<8} {}",
        at.strftime(date),
        at.strftime("%H:%M:%S"),
        attributes.name.name(),
        attributes.name.file_type(),
        word(&attributes.dist, "OFF")
    )
}

/// A spool file as data.
pub(in crate::command) fn file_data(file: &FileInfo) -> Value {
    let attributes = &file.attributes;
    json!({
        "owner": file.owner,
        "queue": file.queue.abbreviation(),
        "spid": file.spid.number(),
        "origin": file.origin,
        "device": file.device.abbreviation(),
        "class": attributes.class.as_char().to_string(),
        "records": file.records,
        "copies": attributes.copies.number(),
        "hold": attributes.hold.abbreviation(),
        "keep": attributes.keep,
        "form": attributes.form,
        "dest": attributes.dest,
        "dist": attributes.dist,
        "name": attributes.name.name(),
        "type": attributes.name.file_type(),
        "tag": attributes.tag.as_str(),
        "created": file.created,
    })
}

/// QUERY TAG {DEV vdev|FILE spid}
pub(super) fn tag(invocation: &mut Invocation<'_>) -> Outcome {
    let operands = format!("QUERY {}", invocation.operands.rest());
    let mut again = Invocation { operands: crate::command::Operands::new(&operands), ..*invocation };
    crate::command::spool::tag(&mut again)
}
