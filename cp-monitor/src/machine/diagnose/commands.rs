//! DIAGNOSE X'08': a guest issues CP commands.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use super::deferred::{Deferred, present};
use super::{Answer, Answered, Completion, Job, Refused, Step, fetch};
use crate::command::{self, Origin};
use crate::machine::{Machine, Missing};
use crate::storage::AccessError;
use crate::users::User;

/// Most bytes of a response that CP keeps for the guest's buffer.
const RESPONSE_MAX: u64 = 1 << 20;

/// How soon a SLEEP is tried again that must wait for a page of the response buffer.
const PAGE_PAUSE: Duration = Duration::from_millis(10);

/// (command, length, response buffer, response buffer length)
pub(super) fn command(machine: &mut Machine, operands: [u64; 6]) -> Answered {
    let [address, length, _, room, ..] = operands;
    if length > abi::COMMAND_MAX || room > RESPONSE_MAX {
        return Err(Refused::specification());
    }
    present(machine, address, length)?;
    Ok(Answer::Deferred(Deferred { begin, operands }))
}

fn begin(machine: &mut Machine, operands: [u64; 6]) -> Result<Job, Refused> {
    let [address, length, buffer, room, ..] = operands;
    let bytes = fetch(machine, address, length, abi::COMMAND_MAX)?;
    let text = String::from_utf8_lossy(&bytes);
    let lines = text.split(['\n', '\u{15}']).filter(|line| !line.trim().is_empty()).map(str::to_string).collect();
    let response = Response { buffer, room: room as usize, ..Response::default() };
    let commands = Commands { lines, generation: machine.generation(), response };
    Ok(Box::new(move |user| {
        // As on VM, no command at all enters CP; BEGIN goes on behind the DIAGNOSE.
        if commands.lines.is_empty() {
            user.enter_cp();
        }
        commands.carry_out(user)
    }))
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
                let generation = self.generation;
                if !user.with_machine(|machine| self.response.hand_over(machine, generation)) {
                    self.lines.push_front(line);
                    return Step::Sleep(Some(PAGE_PAUSE), Box::new(move |user| self.carry_out(user)));
                }
                return Step::Sleep(time, Box::new(move |user| self.carry_out(user)));
            }
            let execute = || command::execute(user.cp(), Origin::user(user), &line);
            let reply = if self.response.room == 0 {
                let show = |reply: &command::Reply| {
                    if reply.asks.is_none() {
                        user.say_cp(&reply.lines)
                    }
                };
                user.answered(execute, show)
            } else {
                execute()
            };
            if let Some(prompt) = reply.asks.filter(|_| self.response.room == 0) {
                return Step::Ask(prompt, Box::new(move |password| self.with_password(&line, password)));
            }
            self.response.status = reply.code;
            if self.response.room > 0 {
                self.response.add(&reply.lines);
            }
        }
        Step::Done(self.response.completion())
    }
}

impl Commands {
    /// What is left to do, the command that asked for a password first.
    fn with_password(mut self, line: &str, password: &str) -> Job {
        self.lines.push_front(command::with_password(line, password));
        Box::new(move |user| self.carry_out(user))
    }
}

/// The response for the guest's buffer; nothing beyond the buffer is kept, and nothing while the machine sleeps.
#[derive(Default)]
struct Response {
    buffer: u64,
    room: usize,
    kept: Vec<u8>,
    /// Bytes that are in the buffer already.
    stored: usize,
    /// Where the buffer cannot be stored into.
    refused: Option<u64>,
    /// Bytes of the whole response.
    length: u64,
    /// Number of the last command's message.
    status: u32,
}

impl Response {
    fn add(&mut self, lines: &[String]) {
        for line in lines {
            for piece in [line.as_bytes(), b"\n"] {
                let fits = piece.len().min(self.room - self.stored - self.kept.len());
                self.kept.extend_from_slice(&piece[..fits]);
                self.length += piece.len() as u64;
            }
        }
    }

    /// Stores what is kept, before a sleep of any length: thousands may sleep. False when a page must come first.
    fn hand_over(&mut self, machine: &mut Machine, generation: u64) -> bool {
        if machine.generation() != generation || self.kept.is_empty() {
            return true;
        }
        if machine.missing_page().is_some() {
            return false;
        }
        match machine.space.write(self.buffer.wrapping_add(self.stored as u64), &self.kept) {
            Ok(()) => self.stored += std::mem::take(&mut self.kept).len(),
            Err(error) => match (Missing::of(error, true), error) {
                // A stopped machine waits for a person, who may have been told why the page does not come.
                (Some(missing), _) if !machine.is_stopped() => {
                    machine.wait_for_page(missing);
                    return false;
                }
                (None, AccessError::Addressing(address) | AccessError::Protection(address)) => {
                    // A program interruption, once the commands are done.
                    self.refused = Some(address);
                    (self.kept, self.room) = (Vec::new(), self.stored);
                }
                _ => {}
            },
        }
        true
    }

    fn completion(self) -> Completion {
        let stores = match self.refused {
            Some(address) => vec![(address, vec![0])],
            None if self.kept.is_empty() => Vec::new(),
            None => vec![(self.buffer.wrapping_add(self.stored as u64), self.kept)],
        };
        Completion { status: u64::from(self.status), value: self.length, stores }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::machine::page_wait::tests::{BUFFER, bring, machine_away};

    #[test]
    fn a_machine_that_sleeps_has_its_response_so_far_in_its_storage() {
        let mut machine = machine_away();
        let generation = machine.generation();
        let mut response = Response { buffer: BUFFER, room: 11, ..Response::default() };
        response.add(&["MAINT".to_string()]);
        assert!(!response.hand_over(&mut machine, generation), "the page of the buffer comes first");
        assert!(!response.hand_over(&mut machine, generation), "and is asked for once");
        bring(&mut machine);
        assert!(response.hand_over(&mut machine, generation));
        assert_eq!((response.kept.capacity(), response.stored), (0, 6));
        let mut bytes = [0; 6];
        machine.space.read(BUFFER, &mut bytes).unwrap();
        assert_eq!(&bytes, b"MAINT\n");
        response.add(&["OPERATOR".to_string()]);
        let completion = response.completion();
        assert_eq!((completion.value, completion.stores), (15, vec![(BUFFER + 6, b"OPERA".to_vec())]));
    }

    #[test]
    fn a_buffer_that_cannot_be_stored_into_keeps_nothing_and_is_told_at_the_end() {
        let mut machine = machine_away();
        let generation = machine.generation();
        let mut response = Response { buffer: machine.space.size(), room: 80, ..Response::default() };
        response.add(&["MAINT".to_string()]);
        assert!(response.hand_over(&mut machine, generation));
        response.add(&["OPERATOR".to_string()]);
        assert_eq!(response.kept.capacity(), 0);
        let completion = response.completion();
        assert_eq!((completion.value, completion.stores), (15, vec![(machine.space.size(), vec![0])]));
    }

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
