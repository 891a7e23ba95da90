//! IPL of PC machines.

use std::sync::Arc;

use minidisk::edf::FileId;
use serde_json::json;

use super::answer::{Answer, Outcome, error, invalid_operand};
use super::operands::device;
use super::session::close_unit_records;
use super::{Invocation, Message};
use crate::directory::{DeviceNumber, UserId};
use crate::pc::{self, LoadError, What};

/// `fn ft` behind FILE or INITRD.
fn file_id(invocation: &mut Invocation<'_>) -> Result<FileId, Message> {
    let name = invocation.operands.word()?.to_uppercase();
    let file_type = invocation.operands.word()?.to_uppercase();
    FileId::new(&name, &file_type).map_err(|_| invalid_operand(&name))
}

/// IPL {vdev|name} [FILE fn ft] [INITRD fn ft] [CLEAR] [PARM text]
pub(super) fn ipl(invocation: &mut Invocation<'_>) -> Outcome {
    let name = invocation.operands.word()?.to_uppercase();
    let vdev = device(&name).filter(|_| name.bytes().any(|byte| byte.is_ascii_digit()));
    let disk = || vdev.ok_or_else(|| invalid_operand(&name));
    let (mut file, mut module): (Option<FileId>, Option<(DeviceNumber, FileId)>) = (None, None);
    let mut parm = String::new();
    while !invocation.operands.is_empty() {
        if invocation.operands.take("FILE") {
            disk()?;
            file = Some(file_id(invocation)?);
        } else if invocation.operands.take("INITrd") {
            module = Some((disk()?, file_id(invocation)?));
        } else if invocation.operands.take("PARM") {
            parm = invocation.operands.rest().to_string();
            break;
        } else if !invocation.operands.take("CLear") {
            return Err(invalid_operand(invocation.operands.word()?));
        }
    }
    let what = match (vdev, file) {
        (Some(vdev), Some(id)) => What::File(vdev, id),
        (Some(vdev), None) => What::Device(vdev),
        // A name of the form of a userid leads out of no folder.
        (None, _) => What::Named(name.parse::<UserId>().map_err(|_| invalid_operand(&name))?.to_string()),
    };
    let user = Arc::clone(invocation.user()?);
    close_unit_records(&user);
    user.cp_read_ends();
    let module = module.as_ref().map(|(vdev, id)| (*vdev, id));
    match pc::ipl(&user, &what, module, &parm) {
        Ok(kind) => Ok(Answer { data: json!({ "system": name, "kind": kind.to_string() }), lines: Vec::new() }),
        Err(problem) => Err(refused(&problem)),
    }
}

/// As z/VM numbers what goes wrong at IPL.
fn refused(problem: &LoadError) -> Message {
    let (module, number) = match problem {
        LoadError::NoDevice(_) => ("VMI", 40),
        LoadError::NotFound(_) => ("VMI", 44),
        LoadError::NotLoadable(_) | LoadError::Empty(_) | LoadError::Unreadable { .. } => ("VMI", 232),
        _ => ("IPL", 174),
    };
    error(module, number, problem.to_string())
}
