//! DIAGNOSE X'08': a guest issues CP commands.

use std::collections::VecDeque;
use std::sync::Arc;

use super::{Answer, Answered, Completion, Refused, Step, fetch};
use crate::command::{self, Origin};
use crate::machine::Machine;
use crate::users::User;

/// Most bytes of a response that CP keeps for the guest's buffer.
const RESPONSE_MAX: u64 = 1 << 20;

/// (command, length, response buffer, response buffer length)
pub(super) fn command(machine: &mut Machine, operands: [u64; 6]) -> Answered {
    let [address, length, buffer, room, ..] = operands;
    let bytes = fetch(machine, address, length, abi::COMMAND_MAX)?;
    if room > RESPONSE_MAX {
        return Err(Refused::specification());
    }
    let text = String::from_utf8_lossy(&bytes);
    let lines = text.split(['\n', '\u{15}']).filter(|line| !line.trim().is_empty()).map(str::to_string).collect();
    let response = Response { buffer, room: room as usize, ..Response::default() };
    let commands = Commands { lines, generation: machine.generation(), response };
    Ok(Answer::Worker(Box::new(move |user| {
        // As on VM, no command at all enters CP; BEGIN goes on behind the DIAGNOSE.
        if commands.lines.is_empty() {
            user.enter_cp();
        }
        commands.carry_out(user)
    })))
}

/// The commands of one DIAGNOSE that are still to be carried out.
struct Commands {
    lines: VecDeque<String>,
    /// The life of the machine that they belong to.
    generation: u64,
    response: Response,
}

impl Commands {
    fn carry_out(mut self, user: &Arc<User>) -> Step {
        while let Some(line) = self.lines.pop_front() {
            // What stands behind LOGOFF or IPL is gone with the machine that wanted it.
            if user.is_gone() || user.machine.lock().generation() != self.generation {
                break;
            }
            if let Some(time) = command::sleep_asked(&line) {
                return Step::Sleep(time, Box::new(move |user| self.carry_out(user)));
            }
            let execute = || command::execute(user.cp(), Origin::user(user), &line);
            let reply = if self.response.room == 0 { user.answered(execute, |reply| user.say_cp(&reply.lines)) } else { execute() };
            self.response.status = reply.code;
            if self.response.room > 0 {
                self.response.add(&reply.lines);
            }
        }
        Step::Done(self.response.completion())
    }
}

/// The response for the guest's buffer; nothing beyond the buffer is kept.
#[derive(Default)]
struct Response {
    buffer: u64,
    room: usize,
    kept: Vec<u8>,
    /// Bytes of the whole response.
    length: u64,
    /// Number of the last command's message.
    status: u32,
}

impl Response {
    fn add(&mut self, lines: &[String]) {
        for line in lines {
            for piece in [line.as_bytes(), b"\n"] {
                let fits = piece.len().min(self.room - self.kept.len());
                self.kept.extend_from_slice(&piece[..fits]);
                self.length += piece.len() as u64;
            }
        }
    }

    fn completion(self) -> Completion {
        let stores = if self.kept.is_empty() { Vec::new() } else { vec![(self.buffer, self.kept)] };
        Completion { status: u64::from(self.status), value: self.length, stores }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_response_is_cut_to_the_buffer_and_its_whole_length_told() {
        let mut response = Response { buffer: 0x1000, room: 7, ..Response::default() };
        response.add(&["CMSUSER".to_string(), "MAINT".to_string()]);
        response.add(&["OPERATOR".to_string()]);
        let completion = response.completion();
        assert_eq!((completion.value, completion.stores), (23, vec![(0x1000, b"CMSUSER".to_vec())]));
        let mut response = Response { buffer: 0x1000, room: 80, ..Response::default() };
        response.add(&["CMSUSER".to_string(), "MAINT".to_string()]);
        assert_eq!(response.completion().stores, [(0x1000, b"CMSUSER\nMAINT\n".to_vec())]);
    }
}
