//! IPL of PC machines, and of systems of a user's own in CMS machines.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use jiff::Timestamp;
use jiff::civil::{Date, Time};
use jiff::tz::TimeZone;
use minidisk::edf::FileId;
use serde_json::json;

use super::answer::{Answer, Outcome, error, invalid_operand};
use super::operands::{device, is};
use super::session::close_unit_records;
use super::{Invocation, Message};
use crate::directory::{DeviceNumber, MachineKind, UserId};
use crate::pc::{self, LoadError, Origin, Pc, What};
use crate::storage::SavedSystem;
use crate::users::User;

/// `fn ft` behind FILE or INITRD.
pub(super) fn file_id(invocation: &mut Invocation<'_>) -> Result<FileId, Message> {
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
    user.undial();
    user.cp_read_ends();
    match pc::ipl(&user, Origin::new(what, module, &parm), None) {
        Ok(kind) => Ok(Answer { data: json!({ "system": name, "kind": kind.to_string() }), lines: Vec::new() }),
        Err(problem) => Err(refused(&problem)),
    }
}

/// QUERY [VIRTUAL] CPUS: the virtual processors.
pub(super) fn query_cpus(invocation: &mut Invocation<'_>) -> Outcome {
    invocation.operands.end()?;
    let user = invocation.user()?;
    let defined = match user.entry.machine {
        MachineKind::Pc => user.processors.load(Ordering::Relaxed),
        MachineKind::Cms => 1,
    };
    let base = |number: u8| if number == 0 { "(BASE) " } else { "" };
    let mut lines: Vec<_> = (0..defined).map(|number| format!("CPU {number:02X} {}CP", base(number))).collect();
    let executed = user.lock_machine().pc().and_then(Pc::executed);
    lines.extend(executed.map(|(all, at_output)| format!("INSTRUCTIONS {all}, {at_output} AT ITS LAST OUTPUT")));
    Ok(Answer::of(json!({ "cpus": defined, "instructions": executed.map(|of| of.0), "at_output": executed.map(|of| of.1) }), lines))
}

/// The date `2026-03-31` or `03/31/2026`.
fn date(word: &str) -> Option<Date> {
    Date::strptime("%Y-%m-%d", word).or_else(|_| Date::strptime("%m/%d/%Y", word)).ok()
}

/// SET VTOD {DATE date [TIME hh:mm:ss]|SYSTEM}: when the clock of a PC machine begins, from its next IPL on, at every IPL.
pub(super) fn set_vtod(invocation: &mut Invocation<'_>) -> Outcome {
    /// What a CMOS clock can show.
    const YEARS: std::ops::RangeInclusive<i16> = 1980..=2099;
    let system = invocation.operands.take("SYStem");
    let mut begins = None;
    if !system {
        let word = invocation.operands.word()?;
        if !is(word, "DATE") {
            return Err(invalid_operand(word));
        }
        let word = invocation.operands.word()?;
        let date = date(word).filter(|date| YEARS.contains(&date.year())).ok_or_else(|| invalid_operand(word))?;
        let mut time = Time::midnight();
        if invocation.operands.take("TIME") {
            let word = invocation.operands.word()?;
            time = Time::strptime("%H:%M:%S", word).map_err(|_| invalid_operand(word))?;
        }
        let at = date.to_datetime(time).to_zoned(TimeZone::UTC).map_err(|_| invalid_operand(word))?;
        begins = Some(at.timestamp().as_second());
    }
    invocation.operands.end()?;
    let user = invocation.user()?;
    if user.entry.machine != MachineKind::Pc {
        return Err(error("SET", 6, "Only a PC machine has a clock of its own"));
    }
    user.session.lock().settings.virtual_clock = begins;
    Ok(Answer::silent())
}

/// QUERY VTOD
pub(super) fn query_vtod(invocation: &mut Invocation<'_>) -> Outcome {
    invocation.operands.end()?;
    let begins = invocation.user()?.session.lock().settings.virtual_clock.and_then(|seconds| Timestamp::from_second(seconds).ok());
    Ok(match begins {
        None => Answer::line(json!({ "vtod": null }), "VTOD SYSTEM"),
        Some(at) => {
            let at = at.strftime("%Y-%m-%d %H:%M:%S").to_string();
            Answer::line(json!({ "vtod": at }), format!("VTOD {at} UTC AT EACH IPL"))
        }
    })
}

/// DEFINE CPU addr[-addr]: a PC machine has processors up to that one from its next IPL on.
pub(super) fn define_cpu(invocation: &mut Invocation<'_>) -> Outcome {
    let word = invocation.operands.word()?;
    invocation.operands.end()?;
    let user = invocation.user()?;
    let number = |text: &str| u8::from_str_radix(text, 16).ok().filter(|number| usize::from(*number) < pc_platform::PROCESSORS_MAX);
    let (first, last) = word.split_once('-').unwrap_or((word, word));
    let (first, last) = number(first).zip(number(last)).filter(|(first, last)| first <= last).ok_or_else(|| invalid_operand(word))?;
    if user.entry.machine != MachineKind::Pc {
        return Err(error("DFC", 6, "Only a PC machine has more than one virtual processor"));
    }
    let defined = user.processors.load(Ordering::Relaxed);
    if first < defined {
        return Err(error("DFC", 92, format!("CPU {first:02X} already defined")));
    }
    if first > defined {
        return Err(error("DFC", 40, format!("CPU {defined:02X} does not exist; CPUs are defined one after the other")));
    }
    user.processors.store(last + 1, Ordering::Relaxed);
    let lines = (first..=last).map(|number| format!("CPU {number:02X} defined")).collect();
    Ok(Answer::of(json!({ "cpus": last + 1 }), lines))
}

/// A system of a user's own for a CMS machine, not kept under a name: from a file of a CMS disk, or the next one of a reader.
pub(super) fn own_system(user: &User, vdev: DeviceNumber, file: Option<&FileId>) -> Result<Arc<SavedSystem>, Message> {
    let image = pc::image_of(user, vdev, file).map_err(|problem| refused(&problem))?;
    let storage = user.with_machine(|machine| Arc::clone(machine.space.storage()));
    SavedSystem::from_elf(&storage, &vdev.to_string(), &image).map_err(|problem| error("IPL", 174, problem.to_string()))
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
