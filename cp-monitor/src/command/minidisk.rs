//! Commands about whole minidisks: SNAPSHOT GIVE.

use std::sync::Arc;

use console::wire::LineKind;
use serde_json::json;

use super::Invocation;
use super::answer::{Answer, Message, Outcome, error, no_device};
use super::operands::device;
use crate::directory::{DeviceNumber, UserId};
use crate::links::DiskName;

/// SNAPSHOT [userid|*] vdev name
pub(super) fn snapshot(invocation: &mut Invocation<'_>) -> Outcome {
    let disk @ (owner, vdev) = which(invocation)?;
    let name = invocation.operands.word()?;
    invocation.operands.end()?;
    match invocation.cp.links.snapshot(&disk, name) {
        Ok(()) => {
            Ok(Answer::line(json!({ "owner": owner, "vdev": vdev, "name": name }), format!("SNAPSHOT {name} OF {owner} {vdev} TAKEN")))
        }
        Err(cause) => Err(error("SNP", 9161, format!("Snapshot of {owner} {vdev} not taken; {cause}"))),
    }
}

/// GIVE vdev [TO] userid [AS] vdev2: a link or a temporary disk goes to another user who is logged on.
pub(super) fn give(invocation: &mut Invocation<'_>) -> Outcome {
    let from = invocation.operands.device()?;
    if invocation.operands.peek().is_some_and(|word| word.eq_ignore_ascii_case("TO")) {
        invocation.operands.next_word();
    }
    let id = invocation.operands.userid()?;
    invocation.operands.take("AS");
    let to = if invocation.operands.is_empty() { from } else { invocation.operands.device()? };
    invocation.operands.end()?;
    let giver = Arc::clone(invocation.user()?);
    let receiver = invocation.logged_on(&id)?;
    // One after the other: no thread waits for a user's devices while it holds another's.
    let disk = {
        let mut devices = giver.devices.lock();
        let disk = devices.disk(from).ok_or_else(|| no_device(from))?;
        devices.remove(from);
        disk
    };
    let name = (disk.owner, disk.owner_vdev);
    let taken = {
        let mut devices = receiver.devices.lock();
        !receiver.is_gone() && devices.define_disk(to, disk.clone())
    };
    if !taken {
        giver.devices.lock().define_disk(from, disk);
        return Err(error("GIV", 92, format!("Device {to} of {id} already defined")));
    }
    invocation.cp.links.give(name, (giver.id, from), (id, to));
    receiver.console.write(LineKind::Cp, &format!("DASD {to} GIVEN BY {}", giver.id));
    let data = json!({ "vdev": from, "to": id, "as": to });
    Ok(Answer::line(data, format!("DASD {from} GIVEN TO {id} {to}")))
}

/// A minidisk that a command is about: an owner, if it is not one's own, and a number with the owner. One's own number may be that of a link.
///
/// Of another user's minidisk only class B is told anything.
pub(super) fn which(invocation: &mut Invocation<'_>) -> Result<DiskName, Message> {
    let words = Vec::from_iter(invocation.operands.rest().split(' ').filter(|word| !word.is_empty()));
    let own = words.first().is_some_and(|word| device(word).is_some())
        && words.get(1).is_none_or(|word| device(word).is_none() || words.len() < 3);
    let (owner, vdev): (UserId, DeviceNumber) = if own {
        let vdev = invocation.operands.device()?;
        let user = invocation.user()?;
        match user.devices.lock().disk(vdev) {
            Some(disk) => (disk.owner, disk.owner_vdev),
            None => (user.id, vdev),
        }
    } else {
        (invocation.user_operand()?, invocation.operands.device()?)
    };
    let known = invocation.cp.directory().minidisk(&owner, vdev).is_some();
    let mine = invocation.user().is_ok_and(|user| user.id == owner);
    if !known || !(mine || invocation.has_class("B")) {
        return Err(error("SNP", 107, format!("{owner} {vdev} is not in the CP directory")));
    }
    Ok((owner, vdev))
}
