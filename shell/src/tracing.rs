//! SVCTRACE: a record of every command that is called and how it ended, printed when tracing ends; HO, SO and RO.
//!
//! On a mainframe a command is called by a supervisor call, hence the name.

use alloc::collections::VecDeque;
use alloc::format;
use alloc::string::String;

use crate::cp::{Cp, PRINTER, Tracing};
use crate::message::{Outcome, Rc};
use crate::session::Shell;
use crate::unit_record::channel;
use crate::words::{Words, field};

/// Lines kept at most: the newest.
const LINES: usize = 10_000;
/// Bytes shown of a line that calls a command.
const CALL: usize = 100;

/// What was recorded.
#[derive(Default)]
pub(crate) struct CallTrace {
    on: bool,
    suspended: bool,
    /// Commands within commands.
    depth: u32,
    lines: VecDeque<String>,
    /// Lines that were dropped for newer ones.
    dropped: u64,
}

impl CallTrace {
    fn add(&mut self, line: String) {
        if self.lines.len() == LINES {
            self.lines.pop_front();
            self.dropped += 1;
        }
        self.lines.push_back(line);
    }
}

impl<C: Cp> Shell<C> {
    /// Carries out a command, recording it while SVCTRACE is on. What was typed meanwhile takes effect here.
    pub(crate) fn traced(&mut self, line: &[u8], call: impl FnOnce(&mut Self) -> Option<Outcome>) -> Option<Outcome> {
        if let Some(typed) = self.cp.tracing() {
            self.change_tracing(typed);
        }
        if !self.calls.on {
            return call(self);
        }
        self.calls.depth += 1;
        let depth = self.calls.depth;
        if !self.calls.suspended {
            let time = field(&self.cp.timer().time);
            let called = String::from_utf8_lossy(&line[..line.len().min(CALL)]).into_owned();
            self.calls.add(format!("{time} N/D={depth:03} CALL {called}"));
        }
        let outcome = call(self);
        self.calls.depth = depth - 1;
        if self.calls.on && !self.calls.suspended {
            let time = field(&self.cp.timer().time);
            let code = match &outcome {
                None => String::from("NOT FOUND"),
                Some(Ok(())) => String::from("RC=0"),
                Some(Err(Rc(code))) => format!("RC={code}"),
            };
            self.calls.add(format!("{time} N/D={depth:03} EXIT {} {code}", Words::parse(line).command));
        }
        outcome
    }

    /// SVCTRACE {ON | OFF}
    pub(crate) fn svctrace_command(&mut self, words: &Words) -> Outcome {
        if let Some(surplus) = words.operands.get(1).or(words.options.first()) {
            return Err(self.bad_operand(surplus));
        }
        match words.operand(0) {
            "ON" => {
                self.calls = CallTrace { on: true, depth: self.calls.depth, ..CallTrace::default() };
                Ok(())
            }
            "OFF" => self.end_tracing(),
            other => Err(self.bad_operand(other)),
        }
    }

    /// HO, SO and RO typed while nothing runs.
    pub(crate) fn idle_tracing_command(&mut self, words: &Words) -> Outcome {
        self.change_tracing(match words.command.as_str() {
            "HO" => Tracing::Halt,
            "SO" => Tracing::Suspend,
            _ => Tracing::Resume,
        });
        Ok(())
    }

    /// QUERY TRACING
    pub(crate) fn query_tracing(&mut self) -> Outcome {
        let state = match (self.calls.on, self.calls.suspended) {
            (false, _) => "OFF",
            (true, false) => "ON",
            (true, true) => "SUSPENDED",
        };
        self.say(format!("SVCTRACE = {state}"));
        Ok(())
    }

    fn change_tracing(&mut self, typed: Tracing) {
        match typed {
            // What is wrong with the printer has been said; what was running goes on.
            Tracing::Halt => drop(self.end_tracing()),
            Tracing::Suspend => self.calls.suspended = true,
            Tracing::Resume => self.calls.suspended = false,
        }
    }

    /// Ends tracing: what was recorded goes to the printer, as a spool file of its own.
    fn end_tracing(&mut self) -> Outcome {
        let CallTrace { on, depth, lines, dropped, .. } = core::mem::take(&mut self.calls);
        self.calls.depth = depth;
        if !on || lines.is_empty() {
            return Ok(());
        }
        self.write_spool_file(PRINTER, "NAME CMS SVCTRACE", |shell, output| {
            if dropped > 0 {
                let line = format!("{dropped} older lines were not kept");
                shell.put_record(output, channel::PRINT_SPACE_1, line.as_bytes())?;
            }
            lines.iter().try_for_each(|line| shell.put_record(output, channel::PRINT_SPACE_1, line.as_bytes()))
        })
    }
}
