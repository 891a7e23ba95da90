//! DIAGNOSE X'08': a guest issues CP commands.

use super::{Answer, Answered, Completion, fetch};
use crate::command;
use crate::machine::{Machine, ProgramCheck};

/// Most bytes of a response that CP keeps for the guest's buffer.
const RESPONSE_MAX: u64 = 1 << 20;

/// (command, length, response buffer, response buffer length)
pub(super) fn command(machine: &mut Machine, operands: [u64; 6]) -> Answered {
    let [address, length, buffer, room, ..] = operands;
    let bytes = fetch(machine, address, length, abi::COMMAND_MAX)?;
    if room > RESPONSE_MAX {
        return Err(ProgramCheck::specification());
    }
    let text = String::from_utf8_lossy(&bytes).replace('\u{15}', "\n");
    let sleeps = text.split('\n').any(command::may_sleep);
    let job: super::Job = Box::new(move |user| {
        let mut status = 0;
        let mut lines = Vec::new();
        // As on VM, no command at all enters CP; BEGIN goes on behind the DIAGNOSE.
        if text.trim().is_empty() {
            user.attention();
        }
        for line in text.split('\n').filter(|line| !line.trim().is_empty()) {
            let reply = command::execute(user.cp(), command::Origin::guest(user), line);
            status = reply.code;
            lines.extend(reply.lines);
        }
        if room == 0 {
            user.say_cp(&lines);
            return Completion::status(u64::from(status));
        }
        let response = lines.iter().flat_map(|line| [line.as_bytes(), b"\n"]).flatten().copied().collect::<Vec<u8>>();
        let stored = response[..response.len().min(room as usize)].to_vec();
        Completion { status: u64::from(status), value: response.len() as u64, stores: vec![(buffer, stored)] }
    });
    Ok(if sleeps { Answer::Thread(job) } else { Answer::Worker(job) })
}
