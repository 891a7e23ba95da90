//! Commands about virtual devices: LINK DETACH DEFINE.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use serde_json::json;

use super::answer::{Answer, Message, Outcome, device_missing, error, host_error, invalid_operand, no_device, operand_missing};
use super::operands::device;
use super::{Invocation, close_output};
use crate::directory::{self, DeviceNumber, DeviceType, LinkAccess, LinkMode, LinkPassword, Minidisk, SpoolKind, StorageSize, UserId};
use crate::storage::AddressSpace;
use crate::users::{self, Device, User};

/// Wrong passwords after which LINK takes no more of them until the next logon.
const WRONG_PASSWORDS_MAX: u32 = 10;

/// LINK [TO] {userid|*} vdev1 [AS] vdev2 [mode] [[PASS=] password]
pub(super) fn link(invocation: &mut Invocation<'_>) -> Outcome {
    // TO may be left out; a user called TO is still reached by LINK TO TO.
    if invocation.operands.peek().is_some_and(|word| word.eq_ignore_ascii_case("TO")) {
        invocation.operands.next_word();
    }
    let owner = invocation.user_operand()?;
    let vdev = invocation.operands.device()?;
    invocation.operands.take("AS");
    let at = invocation.operands.device()?;
    let user = Arc::clone(invocation.user()?);
    let directory = invocation.cp.directory();
    let Some(minidisk) = directory.minidisk(&owner, vdev) else {
        return Err(error("LNM", 107, format!("{owner} {vdev} not linked; not in CP directory")));
    };
    let own = owner == user.id;
    let mode = take_mode(invocation, own, minidisk);
    authorize(invocation, &user, owner, minidisk, mode)?;
    invocation.operands.end()?;
    let line = users::link(&user, &directory, owner, vdev, at, mode)?;
    let read_only = user.devices.lock().disk(at).is_some_and(|disk| disk.read_only);
    let data = json!({ "owner": owner, "vdev": vdev, "as": at, "read_only": read_only });
    Ok(Answer { data, lines: line.into_iter().collect() })
}

/// The mode operand; without one, the directory's mode for one's own disk and R for another's.
fn take_mode(invocation: &mut Invocation<'_>, own: bool, minidisk: &Minidisk) -> LinkMode {
    match invocation.operands.peek().and_then(|word| word.parse().ok()) {
        Some(mode) => {
            invocation.operands.next_word();
            mode
        }
        None if own => minidisk.mode,
        None => LinkMode::R,
    }
}

/// Checks the password that the mode asks for. One's own disks and OPTION LNKNOPAS need none.
fn authorize(invocation: &mut Invocation<'_>, user: &User, owner: UserId, minidisk: &Minidisk, mode: LinkMode) -> Result<(), Message> {
    let options = user.entry.options;
    let own = owner == user.id;
    let refuse = |number, why: &str| Err(error("LNM", number, format!("{owner} {} not linked; {why}", minidisk.vdev)));
    if !own && mode.is_exclusive() && !(options.lnkexclu || minidisk.exclusive_allowed) {
        return refuse(1157, "exclusive access is not authorized");
    }
    if !own && mode.is_stable() && !(options.lnkstabl || options.lnkexclu || minidisk.stable_allowed) {
        return refuse(1157, "stable access is not authorized");
    }
    let given = invocation.operands.take("PASS=");
    let typed = invocation.operands.next_word().map(|word| word.strip_prefix("PASS=").unwrap_or(word)).or(given.then_some(""));
    if own || options.lnknopas {
        return Ok(());
    }
    let (password, number, what, prompt) = match mode.access() {
        LinkAccess::Read => (&minidisk.read, 111, "no read password", "ENTER READ PASSWORD:"),
        LinkAccess::Write => (&minidisk.write, 112, "no write password", "ENTER WRITE PASSWORD:"),
        LinkAccess::Multiple => (&minidisk.multiple, 113, "no multiple password", "ENTER MULT PASSWORD:"),
    };
    match (password, typed) {
        (LinkPassword::None, _) => return refuse(number, what),
        (LinkPassword::All, _) => return Ok(()),
        // Not even looked at: a machine could try passwords without end, and each look costs CP as much as a logon.
        _ if user.wrong_passwords.load(Ordering::Relaxed) >= WRONG_PASSWORDS_MAX => {
            return Err(error("LNM", 115, "LINK invalid; excessive incorrect passwords"));
        }
        (_, None) => {
            invocation.asks = Some(prompt);
            return refuse(114, "mode or password incorrect");
        }
        (password, Some(typed)) if directory::verify_link(password, typed) => return Ok(()),
        _ => {}
    }
    user.wrong_passwords.fetch_add(1, Ordering::Relaxed);
    refuse(114, "mode or password incorrect")
}

/// DETACH vdev[-vdev]
pub(super) fn detach(invocation: &mut Invocation<'_>) -> Outcome {
    let user = Arc::clone(invocation.user()?);
    let mut answers = Vec::new();
    if invocation.operands.is_empty() {
        return Err(device_missing());
    }
    while let Some(word) = invocation.operands.next_word() {
        let (first, last) = range(word)?;
        let numbers: Vec<_> =
            user.devices.lock().iter().map(|(number, _)| number).filter(|number| (first..=last).contains(number)).collect();
        if numbers.is_empty() {
            return Err(no_device(first));
        }
        for number in numbers {
            answers.push(detach_one(&user, number)?);
        }
    }
    Ok(Answer::join(answers))
}

fn range(word: &str) -> Result<(DeviceNumber, DeviceNumber), Message> {
    let (first, last) = word.split_once('-').unwrap_or((word, word));
    match (device(first), device(last)) {
        (Some(first), Some(last)) if first <= last => Ok((first, last)),
        _ => Err(device_missing()),
    }
}

fn detach_one(user: &Arc<User>, number: DeviceNumber) -> Outcome {
    let mut devices = user.devices.lock();
    if let Some(Device::Console(_)) = devices.get(number) {
        return Err(error("VDD", 41, format!("Device {number} is the console, not detached")));
    }
    if let Some(Device::Output(output)) = devices.get_mut(number) {
        close_output(user, output)?;
    }
    let kind = match devices.remove(number) {
        Some(Device::Disk(disk)) => {
            user.cp().links.unlink((disk.owner, disk.owner_vdev), user.id, number);
            "DASD"
        }
        Some(Device::Reader(_)) => "RDR ",
        Some(Device::Output(output)) if output.device == spool::Device::Printer => "PRT ",
        Some(_) => "PUN ",
        None => return Err(no_device(number)),
    };
    Ok(Answer::line(json!({ "vdev": number, "kind": kind.trim() }), format!("{kind} {number} DETACHED")))
}

/// DEFINE {READER|PUNCH|PRINTER|STORAGE|vdev1} ...
pub(super) fn define(invocation: &mut Invocation<'_>) -> Outcome {
    let word = invocation.operands.word()?;
    let is = |pattern| super::operands::is(word, pattern);
    if is("STORage") {
        return define_storage(invocation);
    }
    if is("CPU") {
        return super::pc::define_cpu(invocation);
    }
    let unit_record = if is("RDR") || is("READer") {
        Some((SpoolKind::Reader, "2540", '*', "RDR "))
    } else if is("PUnch") || is("PCH") {
        Some((SpoolKind::Punch, "2540", 'A', "PUN "))
    } else if is("PRinter") || is("PRT") || is("1403") {
        Some((SpoolKind::Printer, "1403", 'A', "PRT "))
    } else {
        None
    };
    if let Some((kind, in_storage)) = temporary_kind(word) {
        return define_disk(invocation, kind, in_storage);
    }
    match unit_record {
        Some((kind, model, class, shown)) => {
            invocation.operands.take("AS");
            let vdev = invocation.operands.device()?;
            invocation.operands.end()?;
            define_unit_record(invocation, vdev, kind, model, class, shown)
        }
        None => renumber(invocation, word),
    }
}

fn define_unit_record(invocation: &Invocation<'_>, vdev: DeviceNumber, kind: SpoolKind, model: &str, class: char, shown: &str) -> Outcome {
    let user = invocation.user()?;
    if !user.devices.lock().define_unit_record(vdev, kind, model, class, user.dist()) {
        return Err(error("DFN", 92, format!("Device {vdev} already defined")));
    }
    Ok(Answer::line(json!({ "vdev": vdev }), format!("{shown} {vdev} DEFINED")))
}

/// The device of a word that begins with T (temporary, on disk) or V (virtual, in storage): `T3390`, `TFB-512`, `VFB-512`.
fn temporary_kind(word: &str) -> Option<(DeviceType, bool)> {
    let word = word.to_ascii_uppercase();
    let (in_storage, kind) = match (word.strip_prefix('T'), word.strip_prefix('V')) {
        (Some(kind), _) => (false, kind),
        (None, Some(kind)) => (true, kind),
        (None, None) => return None,
    };
    let kind: DeviceType = match kind {
        "FB" => "FB-512".parse().ok()?,
        kind => kind.parse().ok()?,
    };
    // A V-DISK has blocks only.
    (!in_storage || !kind.is_ckd()).then_some((kind, in_storage))
}

/// DEFINE {Ttype|VFB-512} [AS] vdev [CYL|BLK] size
fn define_disk(invocation: &mut Invocation<'_>, kind: DeviceType, in_storage: bool) -> Outcome {
    invocation.operands.take("AS");
    let vdev = invocation.operands.device()?;
    invocation.operands.take(if kind.is_ckd() { "CYL" } else { "BLK" });
    let word = invocation.operands.word()?;
    let size = word.parse().map_err(|_| invalid_operand(word))?;
    invocation.operands.end()?;
    let user = Arc::clone(invocation.user()?);
    users::define_temporary(&user, vdev, kind, size, in_storage)?;
    let data = json!({ "vdev": vdev, "type": kind, "size": size, "in_storage": in_storage });
    Ok(Answer::line(data, format!("DASD {vdev} DEFINED")))
}

/// DEFINE vdev1 [AS] vdev2
fn renumber(invocation: &mut Invocation<'_>, word: &str) -> Outcome {
    let from = device(word).ok_or_else(|| invalid_operand(word))?;
    invocation.operands.take("AS");
    let to = invocation.operands.device()?;
    invocation.operands.end()?;
    let user = invocation.user()?;
    let mut devices = user.devices.lock();
    if !devices.contains(from) {
        return Err(no_device(from));
    }
    if let Some(disk) = devices.disk(from) {
        // The link table knows links by number.
        if devices.contains(to) {
            return Err(error("DFN", 92, format!("Device {to} already defined")));
        }
        user.cp().links.renumber((disk.owner, disk.owner_vdev), user.id, from, to);
    }
    if !devices.renumber(from, to) {
        return Err(error("DFN", 92, format!("Device {to} already defined")));
    }
    Ok(Answer::line(json!({ "from": from, "to": to }), format!("DEV  {to} DEFINED")))
}

/// DEFINE STORAGE size
fn define_storage(invocation: &mut Invocation<'_>) -> Outcome {
    let size: StorageSize = invocation.operands.word()?.parse().map_err(|_| operand_missing())?;
    invocation.operands.end()?;
    let user = invocation.user()?;
    if size > user.entry.max_storage {
        return Err(error("DFS", 94, format!("Storage not redefined; {size} exceeds the maximum of {}", user.entry.max_storage)));
    }
    let gauge = Arc::clone(user.standing.gauge());
    let space = AddressSpace::with_gauge(&invocation.cp.storage, size.bytes(), gauge).map_err(host_error)?;
    user.undial();
    user.with_machine(|machine| {
        machine.reset();
        machine.space = space;
    });
    user.was_reset();
    user.storage.store(size.bytes(), Ordering::Relaxed);
    let lines = vec![format!("STORAGE = {size}"), "Storage cleared - system reset.".to_string()];
    Ok(Answer::of(json!({ "storage": size.bytes() }), lines))
}
