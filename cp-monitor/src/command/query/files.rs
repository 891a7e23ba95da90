//! QUERY FILES READER PRINTER PUNCH TAG, in the columns that scripts read.

use jiff::Timestamp;
use serde_json::{Value, json};
use spool::{FileInfo, Queue, QueueCounts, Selection};

use crate::command::Invocation;
use crate::command::answer::{Answer, Message, Outcome, host_error, invalid_operand, not_in_directory};
use crate::command::operands::is;
use crate::command::spool::{class, dest, form, spid};
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

/// QUERY MAXSPOOL [userid|*]
pub(super) fn max_spool(invocation: &mut Invocation<'_>) -> Outcome {
    let id = owner(invocation)?;
    invocation.operands.end()?;
    let directory = invocation.cp.directory();
    let entry = directory.user(&id).ok_or_else(|| not_in_directory(id))?;
    let limit = entry.max_spool.unwrap_or(spool::Spid::MAX);
    let files = invocation.cp.spool.counts(spool_userid(&id)).map_err(host_error)?.all();
    Ok(Answer::line(
        json!({ "userid": id, "maximum": limit, "files": files }),
        format!("USERID {id:<8} MAXSPOOL {limit:04} FILES {files:04}"),
    ))
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

/// What is listed and how the columns behind HOLD look.
#[derive(Clone, Copy, Default)]
struct Shape {
    all: bool,
    dates: Dates,
    /// NODIST: without the distribution code.
    no_dist: bool,
    /// The first column is whose the file is, not who made it.
    owners: bool,
    held: Held,
}

#[derive(Clone, Copy, Default, PartialEq)]
enum Dates {
    #[default]
    Short,
    Full,
    Iso,
}

impl Dates {
    fn format(self) -> &'static str {
        match self {
            Self::Short => "%m/%d",
            Self::Full => "%m/%d/%Y",
            Self::Iso => "%Y-%m-%d",
        }
    }

    fn heading(self) -> &'static str {
        if self == Self::Short { "DATE " } else { "DATE      " }
    }
}

/// Which files by their hold.
#[derive(Clone, Copy, Default)]
enum Held {
    #[default]
    Either,
    /// HOLD: by anybody.
    Yes,
    /// NOHOLD, AVAIL: by nobody.
    No,
    /// SYSHOLD: by the operator.
    System,
    /// USERHOLD: by the user.
    User,
}

impl Held {
    fn matches(self, hold: spool::Hold) -> bool {
        match self {
            Self::Either => true,
            Self::Yes => hold != spool::Hold::None,
            Self::No => hold == spool::Hold::None,
            Self::System => hold.system(),
            Self::User => hold.user(),
        }
    }
}

/// QUERY queue [[USERID] userid|*|SYSTEM] [spid] [CLASS c] [FORM f] [DEST d] [XFER]
/// [HOLD|NOHOLD|AVAIL|SYSHOLD|USERHOLD] [ALL] [SHORTDATE|FULLDATE|ISODATE] [DIST|NODIST]
fn queue(invocation: &mut Invocation<'_>, queue: Queue) -> Outcome {
    let own = spool_userid(&invocation.user()?.id);
    let mut selection = Selection::default().on(queue);
    // Of class D the files of the system are meant, of a general user his own.
    let mut owner = if invocation.has_class("D") { None } else { Some(own) };
    let mut shape = Shape::default();
    let mut named = false;
    while let Some(word) = invocation.operands.next_word() {
        if word.len() <= 4 && word.bytes().all(|byte| byte.is_ascii_digit()) {
            selection.spids.push(spid(word)?);
        } else if is(word, "CLass") {
            selection.class = Some(class(invocation.operands.word()?)?);
        } else if is(word, "FORM") {
            selection.form = Some(form(invocation.operands.word()?)?);
        } else if is(word, "DEST") {
            selection.dest = Some(dest(invocation.operands.word()?)?);
        } else if is(word, "XFER") {
            selection.origin = Some(own);
        } else if !shape.takes(word) {
            let word = if is(word, "USERID") || word.eq_ignore_ascii_case("U") { invocation.operands.word()? } else { word };
            if named {
                return Err(invalid_operand(word));
            }
            (owner, named) = (other_owner(invocation, word, own)?, true);
        }
    }
    if selection.origin.is_some() {
        // What I made and others have.
        shape.owners = true;
    } else {
        (selection.owner, shape.owners) = (owner, owner.is_none());
    }
    list(invocation, &selection, shape, own)
}

impl Shape {
    /// Takes a word that says how the list looks, or which files by their hold.
    fn takes(&mut self, word: &str) -> bool {
        if is(word, "ALL") {
            self.all = true;
        } else if is(word, "SHOrtdate") {
            self.dates = Dates::Short;
        } else if is(word, "FULldate") {
            self.dates = Dates::Full;
        } else if is(word, "ISOdate") {
            self.dates = Dates::Iso;
        } else if is(word, "DIST") || is(word, "NODIST") {
            self.no_dist = is(word, "NODIST");
        } else if is(word, "HOLd") {
            self.held = Held::Yes;
        } else if is(word, "NOHold") || is(word, "AVAIL") {
            self.held = Held::No;
        } else if is(word, "SYShold") {
            self.held = Held::System;
        } else if is(word, "USERhold") {
            self.held = Held::User;
        } else {
            // EXP changes nothing: there is one form of the list.
            return is(word, "EXP");
        }
        true
    }
}

/// Whose files: `None` is everybody's.
fn other_owner(invocation: &Invocation<'_>, word: &str, own: spool::Userid) -> Result<Option<spool::Userid>, Message> {
    if word == "*" {
        return Ok(Some(own));
    }
    let id: UserId = word.parse().map_err(|_| invalid_operand(word))?;
    if spool_userid(&id) != own && !invocation.has_class("D") {
        return Err(invalid_operand(word));
    }
    Ok((id.as_str() != "SYSTEM").then(|| spool_userid(&id)))
}

fn list(invocation: &Invocation<'_>, selection: &Selection, shape: Shape, own: spool::Userid) -> Outcome {
    let mut files = invocation.cp.spool.list(selection).map_err(host_error)?;
    files.retain(|file| shape.held.matches(file.attributes.hold) && (selection.origin.is_none() || file.owner != own));
    if files.is_empty() {
        let name = match selection.queue {
            Some(Queue::Reader) => "READER",
            Some(Queue::Printer) => "PRINTER",
            _ => "PUNCH",
        };
        return Ok(Answer::of(Vec::<Value>::new(), vec![format!("NO {name} FILES")]));
    }
    let zone = invocation.cp.clock.now().time_zone().clone();
    let mut lines = vec![header(shape)];
    lines.extend(files.iter().map(|file| line(file, shape, &zone)));
    Ok(Answer::of(files.iter().map(file_data).collect::<Vec<_>>(), lines))
}

fn header(shape: Shape) -> String {
    let who = if shape.owners { "OWNERID " } else { "ORIGINID" };
    let start = format!("{who} FILE CLASS RECORDS  CPY HOLD ");
    if !shape.all {
        return format!("{start}FORM     DEST     KEEP MSG");
    }
    let dist = if shape.no_dist { "" } else { "     DIST" };
    format!("{start}{} TIME     NAME      TYPE{dist}", shape.dates.heading())
}

/// One file: `CMSUSER  0001 A PUN 00000012 001 NONE ...`; columns 0, 9, 14, 16, 20, 29, 33, 38.
fn line(file: &FileInfo, shape: Shape, zone: &jiff::tz::TimeZone) -> String {
    let attributes = &file.attributes;
    let who = if shape.owners { &file.owner } else { &file.origin };
    let start = format!(
        "{who:<8} {} {} {} {:08} {:03} {:<4} ",
        file.spid,
        attributes.class,
        file.device.abbreviation(),
        file.records.min(99_999_999),
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
    let when = at.strftime(shape.dates.format());
    let start = format!("{start}{when} {} ", at.strftime("%H:%M:%S"));
    let dist = if shape.no_dist { String::new() } else { word(&attributes.dist, "OFF") };
    // A data set name is longer than a file name and takes the place of name and type.
    let name = match &attributes.name {
        spool::FileName::DataSet(name) => format!("{name:<24}"),
        name => format!("{:<9} {:<8}", name.name(), name.file_type()),
    };
    format!("{start}{name} {dist}").trim_end().to_string()
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
        "bytes": file.bytes,
        "longest": file.longest,
        "records": file.records,
        "copies": attributes.copies.number(),
        "collated": attributes.copies.collated(),
        "hold": attributes.hold.abbreviation(),
        "keep": attributes.keep,
        "msg": attributes.msg,
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
