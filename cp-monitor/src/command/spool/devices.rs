//! SPOOL, CLOSE and TAG: the unit record devices and the console of the one who asks.

use std::sync::Arc;

use serde_json::json;
use spool::{Change, Destination, FileInfo, Queue, Selection, SpoolError};

use super::options::{self, queue_of, switch};
use super::{announce, missing_file, spool_failed};
use crate::command::Invocation;
use crate::command::answer::{Answer, Message, Outcome, device_missing, error, invalid_option, no_device, operand_missing};
use crate::command::operands::{device, is};
use crate::directory::{DeviceNumber, SpoolKind};
use crate::users::{Device, Devices, Output, Reader, Route, User, spool_userid};

/// Which devices a command is about.
enum Which {
    One(DeviceNumber),
    All(SpoolKind),
    Console,
}

impl Which {
    /// Takes READER, PRINTER, PUNCH, CONSOLE or a device number.
    fn take(invocation: &mut Invocation<'_>) -> Result<Self, Message> {
        let word = invocation.operands.word()?;
        if is(word, "CONsole") {
            return Ok(Self::Console);
        }
        match queue_of(word) {
            Some(Queue::Reader) => Ok(Self::All(SpoolKind::Reader)),
            Some(Queue::Printer) => Ok(Self::All(SpoolKind::Printer)),
            Some(Queue::Punch) => Ok(Self::All(SpoolKind::Punch)),
            None => device(word).map(Self::One).ok_or_else(device_missing),
        }
    }

    fn matches(&self, number: DeviceNumber, device: &Device) -> bool {
        match (self, device) {
            (Self::One(wanted), _) => *wanted == number,
            (Self::All(SpoolKind::Reader), Device::Reader(_)) | (Self::Console, Device::Console(_)) => true,
            (Self::All(SpoolKind::Printer), Device::Output(output)) => output.device == spool::Device::Printer,
            (Self::All(SpoolKind::Punch), Device::Output(output)) => output.device == spool::Device::Punch,
            _ => false,
        }
    }

    fn of<'a>(&'a self, devices: &'a mut Devices) -> impl Iterator<Item = (DeviceNumber, &'a mut Device)> {
        devices.iter_mut().filter(|(number, device)| self.matches(*number, device))
    }

    /// What is answered when there is none.
    fn missing(&self) -> Message {
        match self {
            Self::One(number) => no_device(number),
            _ => error("QVD", 40, "You have no such device"),
        }
    }
}

fn not_unit_record() -> Message {
    error("CSP", 22, "The device is not a unit record device")
}

/// Which devices take an option of SPOOL.
#[derive(Clone, Copy, PartialEq, Eq)]
enum For {
    Reader,
    Output,
    Console,
}

/// What SPOOL sets on a device.
#[derive(Default)]
struct Settings<'a> {
    change: Change,
    route: Option<Route>,
    cont: Option<bool>,
    eof: Option<bool>,
    start: Option<bool>,
    term: Option<bool>,
    any_class: bool,
    /// CLOSE (false) or PURGE (true).
    end: Option<bool>,
    /// Options that not every device takes.
    only: Vec<(For, &'a str)>,
}

impl<'a> Settings<'a> {
    fn take(invocation: &mut Invocation<'a>) -> Result<Self, Message> {
        let mut settings = Self::default();
        while let Some(word) = invocation.operands.next_word() {
            settings.take_one(word, invocation)?;
        }
        Ok(settings)
    }

    fn take_one(&mut self, word: &'a str, invocation: &mut Invocation<'a>) -> Result<(), Message> {
        if is(word, "CONt") || is(word, "NOCont") {
            switch(&mut self.cont, is(word, "CONt"), word)
        } else if is(word, "EOF") || is(word, "NOEof") {
            self.only.push((For::Reader, word));
            switch(&mut self.eof, is(word, "EOF"), word)
        } else if is(word, "STArt") || is(word, "STOp") {
            self.only.push((For::Console, word));
            switch(&mut self.start, is(word, "STArt"), word)
        } else if is(word, "TErm") || is(word, "NOTErm") {
            self.only.push((For::Console, word));
            switch(&mut self.term, is(word, "TErm"), word)
        } else if is(word, "CLOse") || is(word, "PUrge") {
            switch(&mut self.end, is(word, "PUrge"), word)
        } else if is(word, "CLass") && invocation.operands.take("*") {
            self.only.push((For::Reader, word));
            self.any_class = true;
            Ok(())
        } else if let Some(route) = options::route(word, invocation)? {
            self.only.push((For::Output, word));
            self.route = Some(route);
            Ok(())
        } else if is(word, "SYSTEM") || is(word, "OFF") {
            self.only.push((For::Output, word));
            self.route = Some(Route::Own);
            Ok(())
        } else {
            if !["CLass", "HOld", "NOHold", "KEep", "NOKeep"].iter().any(|shared| is(word, shared)) {
                self.only.push((For::Output, word));
            }
            let own = invocation.user()?.dist();
            match options::attribute(word, &mut invocation.operands, &mut self.change, own)? {
                true => Ok(()),
                false => Err(invalid_option(word)),
            }
        }
    }

    /// 003E for an option that a device of this kind does not have.
    fn check(&self, device: &Device) -> Result<(), Message> {
        let takes: &[For] = match device {
            Device::Reader(_) => &[For::Reader],
            Device::Output(_) => &[For::Output],
            Device::Console(_) => &[For::Output, For::Console],
            Device::Disk(_) => return Err(not_unit_record()),
        };
        match self.only.iter().find(|(who, _)| !takes.contains(who)) {
            Some((_, word)) => Err(invalid_option(word)),
            None => Ok(()),
        }
    }

    fn apply(&self, user: &Arc<User>, device: &mut Device) {
        match device {
            Device::Reader(reader) => self.apply_to_reader(reader),
            Device::Output(output) => self.apply_to_output(output),
            Device::Console(console) => {
                // Lines up to here belong to the file as it was set up to here.
                console.spool_lines(user);
                self.apply_to_output(&mut console.output);
                let (on, shown) = (self.start.unwrap_or(console.spooling), self.term.unwrap_or(console.shown));
                console.set_spooling(user, on, shown);
            }
            Device::Disk(_) => {}
        }
    }

    fn apply_to_reader(&self, reader: &mut Reader) {
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

    fn apply_to_output(&self, output: &mut Output) {
        self.change.apply(&mut output.attributes);
        output.cont = self.cont.unwrap_or(output.cont);
        output.route = self.route.unwrap_or(output.route);
        if let Some(file) = &mut output.open {
            self.change.apply(file.attributes_mut());
        }
    }
}

/// SPOOL {READER|PRINTER|PUNCH|CONSOLE|vdev} options
pub(in crate::command) fn spool(invocation: &mut Invocation<'_>) -> Outcome {
    let which = Which::take(invocation)?;
    let settings = Settings::take(invocation)?;
    let user = Arc::clone(invocation.user()?);
    let mut all = user.devices.lock();
    let mut found = 0;
    for (_, device) in which.of(&mut all) {
        settings.check(device)?;
        found += 1;
    }
    if found == 0 {
        return Err(which.missing());
    }
    which.of(&mut all).for_each(|(_, device)| settings.apply(&user, device));
    if let Some(purge) = settings.end {
        close_matching(&user, &mut all, &which, &CloseAs { purge, ..CloseAs::default() })?;
    }
    Ok(Answer { data: json!({ "devices": found }), lines: Vec::new() })
}

/// What CLOSE says beyond the device's settings.
#[derive(Default)]
pub(super) struct CloseAs {
    pub purge: bool,
    /// EOF: the file is closed although the device is spooled CONT.
    pub end_cont: bool,
    pub route: Option<Route>,
    pub change: Change,
}

/// CLOSE {READER|PRINTER|PUNCH|CONSOLE|vdev} [EOF] [HOLD|NOHOLD] [KEEP|NOKEEP] [PURGE] [TO user|FOR user] [DIST d] [NAME fn ft]
pub(in crate::command) fn close(invocation: &mut Invocation<'_>) -> Outcome {
    let which = Which::take(invocation)?;
    let how = options::close_options(invocation)?;
    let user = Arc::clone(invocation.user()?);
    let mut all = user.devices.lock();
    let closed = close_matching(&user, &mut all, &which, &how)?;
    let data: Vec<_> = closed.iter().map(crate::command::query::file_data).collect();
    Ok(Answer { data: json!({ "files": data }), lines: Vec::new() })
}

fn close_matching(user: &Arc<User>, all: &mut Devices, which: &Which, how: &CloseAs) -> Result<Vec<FileInfo>, Message> {
    let mut found = false;
    let mut closed = Vec::new();
    for (_, device) in which.of(all) {
        found = true;
        match device {
            Device::Reader(reader) => close_reader(user, reader, how).map_err(spool_failed)?,
            Device::Output(output) => closed.extend(end_output(user, output, how)?),
            Device::Console(console) => {
                console.spool_lines(user);
                closed.extend(end_output(user, &mut console.output, how)?);
            }
            Device::Disk(_) => return Err(not_unit_record()),
        }
    }
    if found { Ok(closed) } else { Err(which.missing()) }
}

fn end_output(user: &Arc<User>, output: &mut Output, how: &CloseAs) -> Result<Option<FileInfo>, Message> {
    if how.purge {
        output.open = None;
        return Ok(None);
    }
    // As on VM, SPOOL CONT makes one file of what is written until CLOSE EOF, SPOOL NOCONT and CLOSE, or LOGOFF.
    if output.cont && !how.end_cont {
        return Ok(None);
    }
    close_output_as(user, output, how)
}

/// Ends the file being read as the device says, when reading goes on with the next one.
pub fn finish_reading(user: &User, reader: &mut Reader) -> Result<(), SpoolError> {
    close_reader(user, reader, &CloseAs::default())
}

/// Closing a reader throws the file away unless HOLD or KEEP says otherwise.
fn close_reader(user: &User, reader: &mut Reader, how: &CloseAs) -> Result<(), SpoolError> {
    let Some(reading) = reader.open.take() else { return Ok(()) };
    let spool = &user.cp().spool;
    // By its identity: the number may be another file's by now.
    let one = Selection { serial: Some(reading.serial()), ..Selection::default() };
    let hold = how.change.user_hold.unwrap_or(reader.hold);
    let keep = how.change.keep.unwrap_or(reader.keep || reading.file.file().attributes.keep);
    let result = if how.purge || !(hold || keep) {
        spool.purge(&one)
    } else {
        spool.change(&one, &Change { user_hold: how.change.user_hold.or(hold.then_some(true)), ..Change::default() })
    };
    result.map(drop)
}

/// Closes the file in progress of an output device, as the device says.
pub fn close_output(user: &Arc<User>, output: &mut Output) -> Result<Option<FileInfo>, Message> {
    close_output_as(user, output, &CloseAs::default())
}

fn close_output_as(user: &Arc<User>, output: &mut Output, how: &CloseAs) -> Result<Option<FileInfo>, Message> {
    let Some(mut file) = output.open.take() else { return Ok(None) };
    how.change.apply(file.attributes_mut());
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

/// TAG {DEV {vdev|PRINTER|PUNCH|CONSOLE} text | FILE spid text | QUERY {[DEV] ..|FILE spid}}
pub(in crate::command) fn tag(invocation: &mut Invocation<'_>) -> Outcome {
    let query = invocation.operands.take("Query");
    let user = Arc::clone(invocation.user()?);
    if invocation.operands.take("FIle") {
        return tag_file(invocation, &user, query);
    }
    // As on z/VM, a query may do without it.
    if !invocation.operands.take("DEV") && !query {
        return Err(operand_missing());
    }
    let which = Which::take(invocation)?;
    let tag = options::tag_text(invocation.operands.rest())?;
    let mut all = user.devices.lock();
    let mut outputs: Vec<_> = which.of(&mut all).filter_map(|(number, device)| Some((number, device.output()?))).collect();
    if outputs.is_empty() {
        return Err(which.missing());
    }
    if query {
        let data: Vec<_> =
            outputs.iter().map(|(number, output)| json!({ "vdev": number, "tag": output.attributes.tag.as_str() })).collect();
        return Ok(Answer::of(data, outputs.iter().flat_map(|(number, output)| device_tag(*number, output)).collect()));
    }
    for (_, output) in &mut outputs {
        output.attributes.tag = tag.clone();
        if let Some(file) = &mut output.open {
            file.attributes_mut().tag = tag.clone();
        }
    }
    Ok(Answer::silent())
}

fn tag_file(invocation: &mut Invocation<'_>, user: &User, query: bool) -> Outcome {
    let spid = options::spid(invocation.operands.word()?)?;
    let owner = spool_userid(&user.id);
    let file = Queue::ALL.into_iter().find_map(|queue| user.cp().spool.get(owner, queue, spid).ok().flatten());
    let file = file.ok_or_else(|| missing_file(spid))?;
    if query {
        let tag = file.attributes.tag.as_str();
        return Ok(Answer::line(json!({ "tag": tag }), if tag.trim().is_empty() { "(TAG BLANK)" } else { tag }));
    }
    let tag = options::tag_text(invocation.operands.rest())?;
    user.cp().spool.set_tag(owner, file.queue, spid, tag).map_err(spool_failed)?;
    Ok(Answer::silent())
}

/// The tag of a device as z/VM shows it.
fn device_tag(number: DeviceNumber, output: &Output) -> Vec<String> {
    let kind = output.shown();
    match output.attributes.tag.as_str() {
        blank if blank.trim().is_empty() => vec![format!("{kind} {number} TAG NOT SET")],
        tag => vec![format!("{kind} {number} TAG:"), tag.to_string()],
    }
}
