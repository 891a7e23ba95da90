//! Commands of the spool operator about real printers, punches and readers: START DRAIN FLUSH BACKSPACE REPEAT HOLD FREE, QUERY UR and HOLD.

use std::sync::Arc;

use serde_json::{Value, json};
use spool::{Change, FileInfo, Hold, Queue, Selection};

use super::Invocation;
use super::answer::{Answer, Message, Outcome, error, invalid_operand, invalid_option, operand_missing};
use super::operands::{device, is};
use super::spool::{class, count_line, form, queue_of};
use crate::directory::{DeviceNumber, UserId};
use crate::real_devices::ReaderState;
use crate::real_devices::device::{Device, Wanted};
use crate::real_devices::settings::{Classes, Dests, form_name};
use crate::system::Cp;
use crate::users::spool_userid;

/// Most waiting files that QUERY UR shows.
const WAITING_MAX: usize = 20;

/// 006E: it is not that kind of device.
fn wrong_kind(number: DeviceNumber) -> Message {
    error("RSU", 6, format!("Invalid device type - {number}"))
}

/// 040E: no such real device.
fn no_real_device(number: DeviceNumber) -> Message {
    error("RSU", 40, format!("Device {number} does not exist"))
}

/// What START and DRAIN are about.
struct Chosen {
    outputs: Vec<DeviceNumber>,
    readers: Vec<DeviceNumber>,
}

/// Takes `[UR] [ALL|PRINTER|PUNCH|READER|rdev...]`; ALL when nothing is named.
fn take_devices(invocation: &mut Invocation<'_>) -> Result<Chosen, Message> {
    let cp = Arc::clone(invocation.cp);
    let (devices, readers) = (cp.real_devices.devices(), cp.real_devices.readers());
    let of = |queue: Queue| devices.iter().filter(|device| device.queue == queue).map(|device| device.number).collect::<Vec<_>>();
    let all_readers = || readers.iter().map(|reader| reader.number).collect::<Vec<_>>();
    let ur = invocation.operands.take("UR");
    let word = invocation.operands.peek();
    let kind = word.and_then(queue_of);
    if let Some(queue) = kind {
        invocation.operands.next_word();
        return Ok(match queue {
            Queue::Reader => Chosen { outputs: Vec::new(), readers: all_readers() },
            queue => Chosen { outputs: of(queue), readers: Vec::new() },
        });
    }
    let mut chosen = Chosen { outputs: Vec::new(), readers: Vec::new() };
    while let Some(number) = invocation.operands.peek().and_then(device) {
        invocation.operands.next_word();
        if devices.iter().any(|device| device.number == number) {
            chosen.outputs.push(number);
        } else if readers.iter().any(|reader| reader.number == number) {
            chosen.readers.push(number);
        } else {
            return Err(no_real_device(number));
        }
    }
    let none = chosen.outputs.is_empty() && chosen.readers.is_empty();
    if none && (invocation.operands.take("ALL") || ur || invocation.operands.is_empty()) {
        return Ok(Chosen { outputs: devices.iter().map(|device| device.number).collect(), readers: all_readers() });
    }
    if none { Err(invocation.operands.next_word().map_or_else(operand_missing, invalid_operand)) } else { Ok(chosen) }
}

/// What START sets besides.
#[derive(Default)]
struct Starting {
    classes: Option<Classes>,
    form: Option<Option<spool::Word>>,
    auto: Option<bool>,
    dests: Option<Dests>,
    separator: Option<bool>,
}

impl Starting {
    fn take(invocation: &mut Invocation<'_>) -> Result<Self, Message> {
        let mut starting = Self::default();
        while let Some(word) = invocation.operands.next_word() {
            if is(word, "CLass") {
                starting.classes = Some(take_classes(invocation)?);
            } else if is(word, "FORM") {
                starting.form = Some(form(invocation.operands.word()?)?);
            } else if is(word, "AUTO") || is(word, "MANual") {
                starting.auto = Some(is(word, "AUTO"));
            } else if is(word, "SEP") || is(word, "NOSep") {
                starting.separator = Some(is(word, "SEP"));
            } else if is(word, "DEst") {
                starting.dests = Some(take_dests(invocation)?);
            } else {
                return Err(invalid_option(word));
            }
        }
        Ok(starting)
    }

    fn apply(self, device: &mut Device) {
        let taking = &mut device.taking;
        taking.classes = self.classes.unwrap_or(taking.classes.clone());
        taking.form = self.form.unwrap_or(taking.form);
        taking.auto = self.auto.unwrap_or(taking.auto);
        taking.dests = self.dests.unwrap_or(taking.dests.clone());
        taking.separator = self.separator.unwrap_or(taking.separator);
    }

    fn is_empty(&self) -> bool {
        self.classes.is_none() && self.form.is_none() && self.auto.is_none() && self.dests.is_none() && self.separator.is_none()
    }
}

/// `*`, or classes: `A B` or `AB`.
fn take_classes(invocation: &mut Invocation<'_>) -> Result<Classes, Message> {
    let first = invocation.operands.word()?;
    let mut text = first.to_string();
    while let Some(word) = invocation.operands.peek().filter(|word| word.len() == 1 && first != "*" && class(word).is_ok()) {
        text.push_str(word);
        invocation.operands.next_word();
    }
    Classes::parse(&text).ok_or_else(|| error("CSP", 28, "Class missing or invalid"))
}

fn take_dests(invocation: &mut Invocation<'_>) -> Result<Dests, Message> {
    let mut words = vec![invocation.operands.word()?];
    const OPTIONS: [&str; 6] = ["CLass", "FORM", "AUTO", "MANual", "SEP", "NOSep"];
    while let Some(word) = invocation.operands.peek().filter(|word| !OPTIONS.iter().any(|option| is(word, option))) {
        words.push(word);
        invocation.operands.next_word();
    }
    Dests::parse(words.into_iter()).ok_or_else(|| error("CSP", 32, "A destination is missing or invalid"))
}

/// START [UR] {ALL|PRINTER|PUNCH|READER|rdev...} [CLASS c...] [FORM f] [AUTO|MANUAL] [DEST d...] [SEP|NOSEP]
pub(super) fn start(invocation: &mut Invocation<'_>) -> Outcome {
    let chosen = take_devices(invocation)?;
    let starting = Starting::take(invocation)?;
    if let Some(&reader) = chosen.readers.first().filter(|_| !starting.is_empty() && chosen.outputs.is_empty()) {
        return Err(wrong_kind(reader));
    }
    for &number in &chosen.outputs {
        let Starting { classes, form, auto, dests, separator } = &starting;
        let again = Starting { classes: classes.clone(), form: *form, auto: *auto, dests: dests.clone(), separator: *separator };
        invocation.cp.real_devices.change(number, |device| {
            again.apply(device);
            (device.started, device.stopped) = (true, None);
        });
    }
    for &number in &chosen.readers {
        invocation.cp.real_devices.change_reader(number, |reader| (reader.started, reader.stopped) = (true, None));
    }
    shown(invocation.cp, &chosen)
}

/// DRAIN [UR] {ALL|PRINTER|PUNCH|READER|rdev...}
pub(super) fn drain(invocation: &mut Invocation<'_>) -> Outcome {
    let chosen = take_devices(invocation)?;
    invocation.operands.end()?;
    for &number in &chosen.outputs {
        invocation.cp.real_devices.change(number, |device| (device.started, device.stopped) = (false, None));
    }
    for &number in &chosen.readers {
        invocation.cp.real_devices.change_reader(number, |reader| (reader.started, reader.stopped) = (false, None));
    }
    shown(invocation.cp, &chosen)
}

/// FLUSH rdev [ALL|HOLD]
pub(super) fn flush(invocation: &mut Invocation<'_>) -> Outcome {
    let number = take_output(invocation)?;
    let hold = invocation.operands.take("HOLD");
    if !hold {
        // The copies of a file are one run here, so ALL changes nothing.
        invocation.operands.take("ALL");
    }
    invocation.operands.end()?;
    with_active(invocation, number, |device| device.wanted = Some(if hold { Wanted::Hold } else { Wanted::Purge }))?;
    Ok(Answer::silent())
}

/// BACKSPACE rdev [FILE|pages]
pub(super) fn backspace(invocation: &mut Invocation<'_>) -> Outcome {
    let number = take_output(invocation)?;
    if let Some(word) = invocation.operands.next_word()
        && !is(word, "FIle")
        && word.parse::<u32>().is_err()
    {
        return Err(invalid_operand(word));
    }
    invocation.operands.end()?;
    with_active(invocation, number, |device| device.wanted = Some(Wanted::Again))?;
    Ok(Answer::silent())
}

/// REPEAT rdev copies
pub(super) fn repeat(invocation: &mut Invocation<'_>) -> Outcome {
    let number = take_output(invocation)?;
    let copies: u8 = invocation.operands.word()?.parse().map_err(|_| error("CSP", 30, "Copies missing or invalid"))?;
    invocation.operands.end()?;
    if copies == 0 {
        return Err(error("CSP", 30, "Copies missing or invalid"));
    }
    with_active(invocation, number, |device| device.repeat += u32::from(copies))?;
    Ok(Answer::silent())
}

/// Takes the number of a printer or punch.
fn take_output(invocation: &mut Invocation<'_>) -> Result<DeviceNumber, Message> {
    let number = invocation.operands.device()?;
    if invocation.cp.real_devices.readers().iter().any(|reader| reader.number == number) {
        return Err(wrong_kind(number));
    }
    Ok(number)
}

/// Does something to a device that is writing a file.
fn with_active(invocation: &Invocation<'_>, number: DeviceNumber, change: impl FnOnce(&mut Device)) -> Result<(), Message> {
    let busy = invocation.cp.real_devices.change(number, |device| {
        let active = device.active.is_some() && !device.written;
        if active {
            change(device);
        }
        active
    });
    match busy {
        None => Err(no_real_device(number)),
        Some(false) => Err(error("RSU", 46, format!("Device {number} has no file in progress"))),
        Some(true) => Ok(()),
    }
}

/// HOLD userid [ALL|PRINTER|PUNCH]
pub(super) fn hold(invocation: &mut Invocation<'_>) -> Outcome {
    set_hold(invocation, true)
}

/// FREE userid [ALL|PRINTER|PUNCH]
pub(super) fn free(invocation: &mut Invocation<'_>) -> Outcome {
    set_hold(invocation, false)
}

/// Holds or frees a user's output: what is there, in system hold, and what comes until the system ends.
fn set_hold(invocation: &mut Invocation<'_>, on: bool) -> Outcome {
    let user = invocation.user_operand()?;
    let queues = match invocation.operands.next_word() {
        None => vec![Queue::Printer, Queue::Punch],
        Some(word) if is(word, "ALL") => vec![Queue::Printer, Queue::Punch],
        Some(word) => match queue_of(word) {
            Some(queue @ (Queue::Printer | Queue::Punch)) => vec![queue],
            _ => return Err(invalid_operand(word)),
        },
    };
    invocation.operands.end()?;
    let owner = spool_userid(&known(invocation, user)?);
    let mut count = 0;
    for queue in queues {
        invocation.cp.real_devices.hold(owner, queue, on);
        let change = Change { system_hold: Some(on), ..Change::default() };
        let which = Selection { system_hold: Some(!on), ..Selection::of(owner).on(queue) };
        count += invocation.cp.spool.change(&which, &change).map_err(super::answer::host_error)?;
    }
    invocation.cp.real_devices.changed();
    Ok(Answer::line(json!({ "userid": user, "files": count }), count_line(count, if on { "HELD" } else { "FREED" })))
}

fn known(invocation: &Invocation<'_>, user: UserId) -> Result<UserId, Message> {
    match invocation.cp.directory().user(&user) {
        Some(_) => Ok(user),
        None => Err(super::answer::not_in_directory(user)),
    }
}

/// QUERY HOLD
pub(super) fn query_hold(invocation: &mut Invocation<'_>) -> Outcome {
    invocation.operands.end()?;
    let held = invocation.cp.real_devices.held();
    if held.is_empty() {
        return Ok(Answer::of(Vec::<Value>::new(), vec!["NO USERS IN HOLD".to_string()]));
    }
    let data: Vec<_> = held.iter().map(|(user, queue)| json!({ "userid": user, "queue": queue.abbreviation() })).collect();
    let lines = held.iter().map(|(user, queue)| format!("{user:<8} {}", queue.abbreviation())).collect();
    Ok(Answer::of(data, lines))
}

/// QUERY UR [ALL|PRINTER|PUNCH|READER|rdev...]: the devices, and the files that none of them takes.
pub(super) fn query(invocation: &mut Invocation<'_>) -> Outcome {
    let chosen = take_devices(invocation)?;
    invocation.operands.end()?;
    let mut answer = shown(invocation.cp, &chosen)?;
    let mut waiting = Vec::new();
    let devices = invocation.cp.real_devices.devices();
    for queue in [Queue::Printer, Queue::Punch] {
        if devices.iter().any(|device| device.queue == queue && chosen.outputs.contains(&device.number)) {
            waiting.extend(waiting_files(invocation.cp, queue)?);
        }
    }
    let more = waiting.len().saturating_sub(WAITING_MAX);
    let line =
        |(file, why): &(FileInfo, String)| format!("{} FILE {:<8} {} WAITS: {why}", file.queue.abbreviation(), file.owner, file.spid);
    answer.lines.extend(waiting.iter().take(WAITING_MAX).map(line));
    if more > 0 {
        answer.lines.push(format!("{more} more files wait"));
    }
    let waits: Vec<_> = waiting
        .iter()
        .map(|(file, why)| json!({ "owner": file.owner, "queue": file.queue.abbreviation(), "spid": file.spid.number(), "why": why }))
        .collect();
    Ok(Answer::of(json!({ "devices": answer.data, "waiting": waits }), answer.lines))
}

/// Files that wait for something else than their turn. A file in user hold waits because its user wants it to.
fn waiting_files(cp: &Cp, queue: Queue) -> Result<Vec<(FileInfo, String)>, Message> {
    let files =
        cp.spool.list(&Selection { user_hold: Some(false), ..Selection::default().on(queue) }).map_err(super::answer::host_error)?;
    let files = files.into_iter().filter(|file| !matches!(file.attributes.hold, Hold::User | Hold::Both));
    Ok(files.filter_map(|file| cp.real_devices.why_waiting(&file).map(|why| (file, why))).collect())
}

/// The devices as QUERY UR, START and DRAIN show them.
fn shown(cp: &Cp, chosen: &Chosen) -> Outcome {
    let (mut data, mut lines) = (Vec::new(), Vec::new());
    for reader in cp.real_devices.readers().iter().filter(|reader| chosen.readers.contains(&reader.number)) {
        reader_shown(reader, &mut data, &mut lines);
    }
    for queue in [Queue::Punch, Queue::Printer] {
        for device in cp.real_devices.devices().iter().filter(|device| device.queue == queue && chosen.outputs.contains(&device.number)) {
            device_shown(device, &mut data, &mut lines);
        }
    }
    if lines.is_empty() {
        return Err(error("RSU", 40, "Device does not exist"));
    }
    Ok(Answer::of(data, lines))
}

fn reader_shown(reader: &ReaderState, data: &mut Vec<Value>, lines: &mut Vec<String>) {
    let (state, ReaderState { number, folder, stopped, .. }) = (reader.state(), reader);
    lines.push(format!("RDR  {number} {state:<9} SYSTEM"));
    lines.extend(stopped.iter().map(|why| format!("     {number} {why}")));
    data.push(json!({ "rdev": number, "kind": "RDR", "state": state, "folder": folder.display().to_string(), "stopped": stopped }));
}

/// `PRT  000E STARTED   SYSTEM   CLASS = A      SEP    MANUAL FORM STANDARD DEST OFF`
fn device_shown(device: &Device, data: &mut Vec<Value>, lines: &mut Vec<String>) {
    let (kind, number, taking) = (device.queue.abbreviation(), device.number, &device.taking);
    let state = device.state();
    lines.push(format!(
        "{kind}  {number} {state:<9} SYSTEM   CLASS = {:<6} {:<6} {:<6} FORM {:<8} DEST {}",
        taking.classes,
        if taking.separator { "SEP" } else { "NOSEP" },
        if taking.auto { "AUTO" } else { "MANUAL" },
        form_name(taking.form),
        taking.dests
    ));
    if let Some(file) = &device.active {
        let attributes = &file.attributes;
        lines.push(format!(
            "     {number} {:<8} FILE {} RECS {:08} COPY {:03} CLASS {}",
            file.owner,
            file.spid,
            file.records,
            attributes.copies.number(),
            attributes.class
        ));
    }
    lines.extend(device.stopped.iter().map(|why| format!("     {number} {why}")));
    data.push(json!({
        "rdev": number, "kind": kind, "state": state, "class": taking.classes.to_string(), "form": form_name(taking.form),
        "auto": taking.auto, "dest": taking.dests.to_string(), "separator": taking.separator, "output": device.sink.shown(),
        "stopped": device.stopped,
        "active": device.active.as_ref().map(|file| json!({ "owner": file.owner, "spid": file.spid.number() })),
    }));
}
