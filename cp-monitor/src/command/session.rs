//! Commands of a session: LOGON LOGOFF DISCONNECT BEGIN IPL SYSTEM SLEEP ECHO and the comment.

use std::sync::Arc;
use std::time::Duration;

use console::wire::Ending;
use serde_json::json;

use super::answer::{Answer, Outcome, error, host_error, invalid_operand, operand_missing};
use super::operands::device;
use super::{Invocation, Message, Operands};
use crate::directory::{DeviceNumber, MachineKind};
use crate::machine::IplError;
use crate::paging;
use crate::users::{User, Wake, log_off};

/// Longest SLEEP, in seconds (99 hours).
const SLEEP_MAX: u64 = 99 * 3600;

/// LOGON from a session that is on already.
pub(super) fn logon(invocation: &mut Invocation<'_>) -> Outcome {
    let user = invocation.user()?;
    Err(error("LGA", 54, format!("Already logged on {}", user.session.lock().line)))
}

/// LOGOFF
pub(super) fn logoff(invocation: &mut Invocation<'_>) -> Outcome {
    // HOLD keeps a dialled line; a terminal of ours has none to keep.
    invocation.operands.take("HOld");
    invocation.operands.end()?;
    let user = Arc::clone(invocation.user()?);
    log_off(&user, None, Ending::LoggedOff);
    Ok(Answer::silent())
}

/// DISCONNECT [HOLD]
pub(super) fn disconnect(invocation: &mut Invocation<'_>) -> Outcome {
    invocation.operands.take("HOld");
    invocation.operands.end()?;
    invocation.user()?.disconnect("asked to");
    Ok(Answer::silent())
}

/// BEGIN [address]
pub(super) fn begin(invocation: &mut Invocation<'_>) -> Outcome {
    let address = match invocation.operands.next_word() {
        None => None,
        Some(word) => Some(u64::from_str_radix(word, 16).map_err(|_| error("BEG", 4, format!("Invalid hexloc - {word}")))?),
    };
    invocation.operands.end()?;
    if invocation.user()?.begin(address) {
        return Ok(Answer::silent());
    }
    Err(error("BEG", 163, "Virtual machine has no system; use IPL first"))
}

/// IPL {system|reader|disk FILE fn ft} [PARM text]
pub(super) fn ipl(invocation: &mut Invocation<'_>) -> Outcome {
    if invocation.user()?.entry.machine == MachineKind::Pc {
        return super::pc::ipl(invocation);
    }
    let name = invocation.operands.word()?.to_uppercase();
    let file = if invocation.operands.take("FILE") { Some(super::pc::file_id(invocation)?) } else { None };
    let parm = if invocation.operands.take("PARM") {
        invocation.operands.rest().to_string()
    } else {
        invocation.operands.take("CLear");
        invocation.operands.end()?;
        String::new()
    };
    let user = invocation.user()?;
    let system = match invocation.cp.saved_system(&name).filter(|_| file.is_none()) {
        Some(system) => Arc::clone(system),
        None => match device(&name).filter(|&vdev| file.is_some() || is_reader(user, vdev)) {
            Some(vdev) => super::pc::own_system(user, vdev, file.as_ref())?,
            None if file.is_some() => return Err(invalid_operand(&name)),
            None => return Err(no_such_system(user, &name)),
        },
    };
    close_unit_records(user);
    user.console.end_screen();
    user.cp_read_ends();
    let ipl = || {
        user.with_machine(|machine| {
            machine.ipl(&system, &name, &parm)?;
            user.loaded(machine);
            Ok(())
        })
    };
    let result = paging::with_room(invocation.cp, IplError::is_short_of_frames, ipl);
    match result {
        Ok(()) => Ok(Answer { data: json!({ "system": name }), lines: Vec::new() }),
        Err(problem) => Err(error("IPL", 174, problem.to_string())),
    }
}

fn is_reader(user: &User, vdev: DeviceNumber) -> bool {
    matches!(user.devices.lock().get(vdev), Some(crate::users::Device::Reader(_)))
}

fn no_such_system(user: &User, name: &str) -> Message {
    match device(name) {
        Some(vdev) if user.devices.lock().contains(vdev) => {
            error("VMI", 232, format!("IPL unit error; device {vdev} holds no system that can be loaded; use IPL CMS"))
        }
        Some(vdev) => error("VMI", 40, format!("Device {vdev} does not exist")),
        None => error("VMI", 44, format!("Named Saved System (NSS) {name} does not exist")),
    }
}

/// A reset ends output in progress: it is closed as it is, so nothing that was punched is lost.
pub(crate) fn close_unit_records(user: &Arc<User>) {
    let mut devices = user.devices.lock();
    for (_, device) in devices.iter_mut() {
        match device {
            crate::users::Device::Output(output) => {
                if let Err(message) = super::close_output(user, output) {
                    user.say_cp(&[message.to_string()]);
                }
            }
            crate::users::Device::Reader(reader) => reader.open = None,
            _ => {}
        }
    }
}

/// SYSTEM {CLEAR|RESET}
pub(super) fn system(invocation: &mut Invocation<'_>) -> Outcome {
    let what = invocation.operands.word()?;
    let (clear, text) = if super::operands::is(what, "CLear") {
        (true, "STORAGE CLEARED - SYSTEM RESET")
    } else if super::operands::is(what, "RESET") {
        (false, "SYSTEM RESET")
    } else {
        return Err(invalid_operand(what));
    };
    invocation.operands.end()?;
    let user = invocation.user()?;
    close_unit_records(user);
    user.undial();
    user.console.end_screen();
    let cleared = user.with_machine(|machine| {
        if clear {
            machine.clear()
        } else {
            machine.reset();
            Ok(())
        }
    });
    cleared.map_err(host_error)?;
    user.was_reset();
    Ok(Answer::text(text))
}

/// SLEEP [n [SEC|MIN|HRS]]: until the time is over, or until a line or the attention key comes.
pub(super) fn sleep(invocation: &mut Invocation<'_>) -> Outcome {
    let time = sleep_time(&mut invocation.operands)?;
    let user = invocation.user()?;
    let begins = user.with_machine(|machine| {
        let running = !machine.is_stopped();
        machine.stop();
        running
    });
    user.fall_asleep(time, Wake::Console { begins });
    // The console shows RUNNING while it sleeps.
    user.with_machine(|_| ());
    Ok(Answer::silent())
}

/// The operands of SLEEP; `None` is without end.
pub(super) fn sleep_time(operands: &mut Operands<'_>) -> Result<Option<Duration>, Message> {
    let Some(number) = operands.next_word() else { return Ok(None) };
    let number: u64 = number.parse().map_err(|_| invalid_operand(number))?;
    let unit = match operands.next_word() {
        None => 60,
        Some(word) if super::operands::is(word, "SEC") => 1,
        Some(word) if super::operands::is(word, "MIN") => 60,
        Some(word) if super::operands::is(word, "HRS") => 3600,
        Some(word) => return Err(invalid_operand(word)),
    };
    operands.end()?;
    match number.checked_mul(unit) {
        Some(seconds @ 1..=SLEEP_MAX) => Ok(Some(Duration::from_secs(seconds))),
        _ => Err(operand_missing()),
    }
}

/// ECHO [n]: what is typed next is repeated n times, until END.
pub(super) fn echo(invocation: &mut Invocation<'_>) -> Outcome {
    let times = match invocation.operands.next_word() {
        None => 1,
        Some(word) => match word.parse() {
            Ok(times @ 1..=99) => times,
            _ => return Err(invalid_operand(word)),
        },
    };
    invocation.operands.end()?;
    invocation.user()?.begin_echo(times);
    Ok(Answer::text("ECHO ENTERED; TO TERMINATE TEST, TYPE END"))
}

/// HELP [command]
pub(super) fn help(invocation: &mut Invocation<'_>) -> Outcome {
    let Some(word) = invocation.operands.next_word() else {
        let lines = super::available(invocation.classes).filter(|command| command.pattern != "*");
        let lines = lines.map(|command| format!("{:<12}{}", command.pattern, command.summary));
        let mut lines: Vec<String> = lines.collect();
        lines.push("HELP command explains a command; capitals are its shortest form.".to_string());
        return Ok(Answer::of(lines.clone(), lines));
    };
    invocation.operands.end()?;
    match crate::help::of_cp_command(word) {
        Some(text) => Ok(Answer::of(json!({ "command": word.to_uppercase(), "text": text }), text.lines().map(str::to_string).collect())),
        None => Err(error("HLP", 2, format!("Invalid operand - {word}"))),
    }
}

/// `* text`
pub(super) fn comment(_invocation: &mut Invocation<'_>) -> Outcome {
    Ok(Answer::silent())
}
