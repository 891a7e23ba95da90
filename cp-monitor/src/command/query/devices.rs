//! QUERY VIRTUAL DASD LINKS UR CONSOLE and one device by number.

use serde_json::{Value, json};
use spool::Queue;

use super::nothing_more;
use crate::command::Invocation;
use crate::command::answer::{Answer, Outcome, error, invalid_operand, no_device};
use crate::command::operands::{device, is};
use crate::command::spool::queue_of;
use crate::directory::DeviceNumber;
use crate::pc::Pc;
use crate::users::dial::LINE;
use crate::users::{Console, Device, Disk, Output, Reader, Route, User};

/// QUERY VIRTUAL [ALL|CONSOLE|CPUS|DASD|LINES|STORAGE|UR|vdev]
pub(super) fn virtual_devices(invocation: &mut Invocation<'_>) -> Outcome {
    let Some(word) = invocation.operands.next_word() else { return all(invocation) };
    nothing_more(invocation)?;
    if is(word, "ALL") {
        all(invocation)
    } else if is(word, "CONsole") {
        chosen(invocation, &[Kind::Console])
    } else if is(word, "DAsd") {
        chosen(invocation, &[Kind::Disk])
    } else if is(word, "UR") {
        chosen(invocation, UNIT_RECORD)
    } else if is(word, "LINES") {
        line(invocation.user()?).ok_or_else(|| error("QVD", 40, "Device does not exist"))
    } else if let Some(queue) = queue_of(word) {
        chosen(invocation, &[Kind::of_queue(queue)])
    } else if is(word, "STORage") {
        super::settings::virtual_storage(invocation)
    } else if is(word, "CPUs") {
        crate::command::pc::query_cpus(invocation)
    } else if let Some(vdev) = device(word) {
        one(invocation, vdev)
    } else {
        Err(invalid_operand(word))
    }
}

/// Kinds of device that can be asked for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Console,
    Disk,
    Reader,
    Punch,
    Printer,
}

const ANY: &[Kind] = &[Kind::Console, Kind::Disk, Kind::Reader, Kind::Punch, Kind::Printer];
const UNIT_RECORD: &[Kind] = &[Kind::Reader, Kind::Punch, Kind::Printer];

impl Kind {
    fn of(device: &Device) -> Self {
        match device {
            Device::Console(_) => Kind::Console,
            Device::Disk(_) => Kind::Disk,
            Device::Reader(_) => Kind::Reader,
            Device::Output(output) if output.device == spool::Device::Printer => Kind::Printer,
            Device::Output(_) => Kind::Punch,
        }
    }

    fn of_queue(queue: Queue) -> Self {
        match queue {
            Queue::Reader => Kind::Reader,
            Queue::Printer => Kind::Printer,
            Queue::Punch => Kind::Punch,
        }
    }
}

/// QUERY DASD: of a general user the virtual ones.
pub(super) fn dasd(invocation: &mut Invocation<'_>) -> Outcome {
    nothing_more(invocation)?;
    chosen(invocation, &[Kind::Disk])
}

/// QUERY UR
pub(super) fn unit_record(invocation: &mut Invocation<'_>) -> Outcome {
    nothing_more(invocation)?;
    chosen(invocation, UNIT_RECORD)
}

/// QUERY CONSOLE
pub(super) fn console(invocation: &mut Invocation<'_>) -> Outcome {
    nothing_more(invocation)?;
    chosen(invocation, &[Kind::Console])
}

/// QUERY vdev
pub(super) fn one(invocation: &mut Invocation<'_>, vdev: DeviceNumber) -> Outcome {
    nothing_more(invocation)?;
    let user = invocation.user()?;
    if vdev == LINE
        && let Some(answer) = line(user)
    {
        return Ok(answer);
    }
    let devices = user.devices.lock();
    let (position, device) = devices
        .iter()
        .enumerate()
        .find(|(_, (number, _))| *number == vdev)
        .map(|(position, (_, device))| (position, device))
        .ok_or_else(|| no_device(vdev))?;
    Ok(shown(user, position, vdev, device))
}

fn all(invocation: &mut Invocation<'_>) -> Outcome {
    let storage = super::settings::virtual_storage(invocation)?;
    let devices = chosen(invocation, ANY)?;
    Ok(Answer::join([storage, devices].into_iter().chain(line(invocation.user()?)).collect()))
}

/// The line that a PC machine offers to be dialed: `LINE 02F8 ON LDEV L0003`, `LINE 02F8 ENABLED` when nobody is there, `LINE 02F8 DISABLED` while the guest
/// does not have it open. Other machines have none.
fn line(user: &User) -> Option<Answer> {
    let open = user.with_machine(|machine| machine.pc().map(Pc::line_is_open))?;
    let terminal = user.dialed_terminal().map(|terminal| terminal.to_string());
    let shown = match (&terminal, open) {
        (Some(terminal), _) => format!("ON LDEV {terminal}"),
        (None, true) => "ENABLED".to_string(),
        (None, false) => "DISABLED".to_string(),
    };
    let data = json!({ "vdev": LINE, "kind": "LINE", "open": open, "terminal": terminal });
    Some(Answer::line(data, format!("LINE {LINE} {shown}")))
}

fn chosen(invocation: &Invocation<'_>, wanted: &[Kind]) -> Outcome {
    let user = invocation.user()?;
    let devices = user.devices.lock();
    let answers: Vec<_> = devices
        .iter()
        .enumerate()
        .filter(|(_, (_, device))| wanted.contains(&Kind::of(device)))
        .map(|(position, (number, device))| shown(user, position, number, device))
        .collect();
    if answers.is_empty() {
        return Err(error("QVD", 40, "Device does not exist"));
    }
    Ok(Answer::join(answers))
}

/// The first line of each device of a user, as QUERY VIRTUAL shows it; none while the devices are busy.
pub fn device_lines(user: &User) -> Option<Vec<String>> {
    let devices = user.devices.try_lock()?;
    let lines = devices.iter().enumerate().map(|(subchannel, (number, device))| shown(user, subchannel, number, device));
    Some(lines.filter_map(|answer| answer.lines.into_iter().next()).collect())
}

/// A device as QUERY VIRTUAL shows it; its place in the list is its subchannel.
fn shown(user: &User, subchannel: usize, number: DeviceNumber, device: &Device) -> Answer {
    match device {
        Device::Console(console) => console_shown(user, number, console, subchannel),
        Device::Reader(reader) => reader_shown(number, reader, subchannel),
        Device::Output(output) => output_shown(user, number, output, subchannel),
        Device::Disk(disk) => disk_shown(number, disk, subchannel),
    }
}

fn disk_shown(number: DeviceNumber, disk: &Disk, subchannel: usize) -> Answer {
    let access = if disk.read_only { "R/O" } else { "R/W" };
    let size = if disk.cylinders > 0 { format!("{:>10} CYL", disk.cylinders) } else { format!("{:>10} BLK", u64::from(disk.blocks) * 8) };
    let data = json!({
        "vdev": number, "kind": "DASD", "type": disk.device_type, "volume": disk.volume, "read_only": disk.read_only,
        "cylinders": disk.cylinders, "blocks": disk.blocks, "owner": disk.owner, "owner_vdev": disk.owner_vdev,
    });
    let line = format!(
        "DASD {number} {:<4} {:<6} {access} {size} ON DASD  {} {} SUBCHANNEL = {subchannel:04X}",
        disk.device_type, disk.volume, disk.owner, disk.owner_vdev
    );
    Answer::line(data, line)
}

fn either(on: bool, yes: &'static str, no: &'static str) -> &'static str {
    if on { yes } else { no }
}

fn reader_shown(number: DeviceNumber, reader: &Reader, subchannel: usize) -> Answer {
    let data = json!({
        "vdev": number, "kind": "RDR", "class": reader.class.to_string(), "hold": reader.hold, "keep": reader.keep, "cont": reader.cont,
        "eof": reader.eof, "open": reader.open.as_ref().map(|reading| reading.spid.number()), "subchannel": subchannel,
    });
    let lines = vec![
        format!(
            "RDR  {number} CL {} {} {}   {}      READY",
            reader.class,
            either(reader.cont, "CONT  ", "NOCONT"),
            either(reader.hold, "HOLD  ", "NOHOLD"),
            either(reader.eof, "EOF  ", "NOEOF")
        ),
        format!(
            "     {number} {}            {}    {} NORESCAN  SUBCHANNEL = {subchannel:04X}",
            reader.model,
            either(reader.open.is_some(), "OPEN  ", "CLOSED"),
            either(reader.keep, "KEEP  ", "NOKEEP")
        ),
    ];
    Answer::of(data, lines)
}

fn console_shown(user: &User, number: DeviceNumber, console: &Console, subchannel: usize) -> Answer {
    let line = user.session.lock().line;
    let (term, start) = (either(console.shown, "TERM", "NOTERM"), either(console.spooling, "START", "STOP"));
    let mut answer = output_shown(user, number, &console.output, subchannel);
    answer.lines.insert(0, format!("CONS {number} ON {line}  {term} {start}  HOST SYSTEM"));
    if let Some(data) = answer.data.as_object_mut() {
        data.insert("line".to_string(), json!(line.to_string()));
        data.insert("term".to_string(), json!(console.shown));
        data.insert("spooling".to_string(), json!(console.spooling));
    }
    answer
}

/// A printer, a punch, or what a console prints: where files go and how they are made, the file in progress, the subchannel.
fn output_shown(user: &User, number: DeviceNumber, output: &Output, subchannel: usize) -> Answer {
    let attributes = &output.attributes;
    let word = |word: Option<spool::Word>, absent: &str| word.map_or_else(|| absent.to_string(), |word| word.to_string());
    let (way, target, queue) = match output.route {
        Route::Own => ("TO", user.id, output.queue()),
        Route::To(id, queue) => ("TO", id, queue),
        Route::For(id) => ("FOR", id, output.queue()),
    };
    let printer = output.device != spool::Device::Punch;
    let head = if output.device == spool::Device::Console { "    ".to_string() } else { format!("{:<4}", output.shown()) };
    let copies = format!("{}{:03}", either(attributes.copies.collated(), "*", " "), attributes.copies.number());
    let lines = vec![
        format!(
            "{head} {number} CL {} {} {} COPY{copies}    READY FORM {}",
            attributes.class,
            either(output.cont, "CONT  ", "NOCONT"),
            either(attributes.hold.user(), "HOLD  ", "NOHOLD"),
            word(attributes.form, "STANDARD")
        ),
        format!(
            "     {number} {way} {target:<8} {} DIST {:<8}    {}DEST {}",
            queue.abbreviation(),
            word(attributes.dist, "OFF"),
            either(printer, "FLASHC 000 ", ""),
            word(attributes.dest, "OFF")
        ),
        format!("     {number} FLASH      CHAR      MDFY       0 FCB     {}", either(printer, " LPP OFF", "")).trim_end().to_string(),
        format!(
            "     {number} {}   NOEOF {} {} {} {}",
            output.model,
            either(output.open.is_some(), "OPEN", "CLOSED"),
            either(attributes.keep, "KEEP", "NOKEEP"),
            either(attributes.msg, "MSG", "NOMSG"),
            name_shown(attributes.name.name(), attributes.name.file_type()),
        ),
        format!("     {number} SUBCHANNEL = {subchannel:04X}"),
    ];
    let data: Value = json!({
        "vdev": number, "kind": output.shown(), "class": attributes.class.as_char().to_string(), "copies": attributes.copies.number(),
        "collated": attributes.copies.collated(), "cont": output.cont, "hold": attributes.hold.user(), "keep": attributes.keep,
        "msg": attributes.msg, "form": attributes.form, "dest": attributes.dest, "dist": attributes.dist, "name": attributes.name.name(),
        "type": attributes.name.file_type(), "tag": attributes.tag.as_str(), "route": way, "to": target, "queue": queue.abbreviation(),
        "open": output.open.as_ref().map(|file| json!({ "records": file.records(), "bytes": file.bytes() })), "subchannel": subchannel,
    });
    Answer::of(data, lines)
}

fn name_shown(name: &str, file_type: &str) -> String {
    if name.is_empty() { "NONAME".to_string() } else { format!("NAME {name} {file_type}").trim_end().to_string() }
}

/// QUERY LINKS vdev: who has that minidisk.
pub(super) fn links(invocation: &mut Invocation<'_>) -> Outcome {
    let vdev = invocation.operands.device()?;
    nothing_more(invocation)?;
    let user = invocation.user()?;
    let disk = user.devices.lock().disk(vdev).ok_or_else(|| no_device(vdev))?;
    let holders = invocation.cp.links.holders(&(disk.owner, disk.owner_vdev));
    let access = |writes: bool| if writes { "R/W" } else { "R/O" };
    let entries: Vec<_> = holders.iter().map(|holder| format!("{:<8} {} {}", holder.userid, holder.vdev, access(holder.writes))).collect();
    let lines = entries.chunks(4).map(|four| four.join(", ")).collect();
    let data: Vec<_> = holders
        .iter()
        .map(|holder| json!({ "userid": holder.userid, "vdev": holder.vdev, "read_only": !holder.writes, "mode": holder.mode }))
        .collect();
    Ok(Answer::of(data, lines))
}
