//! REXX programs on CMS: the environment in which they run, and their compiled forms, kept as long as their files do not change.

use alloc::format;
use alloc::rc::Rc as Shared;
use alloc::string::String;
use alloc::vec::Vec;

use super::streams::Streams;
use super::{find, functions};
use crate::cp::{Cp, Immediate};
use crate::fileid::Found;
use crate::message::{Outcome, Rc};
use crate::rexx::{
    self, CallKind, Clock, CommandResult, Environment, Error, External, Interrupt, Invocation, Program, StreamAnswer, Value, Variables,
};
use crate::session::{Settings, Shell, UNKNOWN, rc};
use crate::words::{field, first_word};

/// How many compiled programs are kept, and up to which size of their source.
const KEPT: usize = 4;
const KEPT_SIZE: usize = 64 * 1024;

/// The compiled programs that are kept, the one used last at the end.
#[derive(Default)]
pub(crate) struct Programs(Vec<(Found, Shared<Program>)>);

impl Programs {
    /// The compiled form of a file that has not changed.
    fn get(&mut self, exec: &Found) -> Option<Shared<Program>> {
        let at = self.0.iter().position(|(kept, _)| kept == exec)?;
        let entry = self.0.remove(at);
        let program = entry.1.clone();
        self.0.push(entry);
        Some(program)
    }

    fn keep(&mut self, exec: &Found, program: &Shared<Program>) {
        self.0.retain(|(kept, _)| kept.mode != exec.mode || kept.entry.id != exec.entry.id);
        if self.0.len() == KEPT {
            self.0.remove(0);
        }
        self.0.push((exec.clone(), program.clone()));
    }
}

impl<C: Cp> Shell<C> {
    /// The compiled form of an EXEC that begins with a comment; none when it is one of plain commands.
    pub(super) fn rexx_program(&mut self, exec: &Found) -> Result<Option<Shared<Program>>, Rc> {
        if self.loaded.has(exec) {
            return Ok(self.loaded.program(exec));
        }
        if let Some(program) = self.programs.get(exec) {
            return Ok(Some(program));
        }
        let lines = self.exec_lines(exec)?;
        let program = self.compiled(exec, &lines)?;
        if let Some(program) = &program
            && lines.iter().map(|line| line.len() + 1).sum::<usize>() <= KEPT_SIZE
        {
            self.programs.keep(exec, program);
        }
        Ok(program)
    }

    /// Compiles the lines of an EXEC that begins with a comment; none when it is one of plain commands.
    pub(super) fn compiled(&mut self, exec: &Found, lines: &[Vec<u8>]) -> Result<Option<Shared<Program>>, Rc> {
        if !lines.first().is_some_and(|line| line.trim_ascii_start().starts_with(b"/*")) {
            return Ok(None);
        }
        let mut text = Vec::with_capacity(lines.iter().map(|line| line.len() + 1).sum());
        for line in lines {
            text.extend_from_slice(line);
            text.push(b'\n');
        }
        match Program::compile(text) {
            Ok(program) => Ok(Some(Shared::new(program))),
            Err(report) => Err(self.show_report(exec, &report)),
        }
    }

    /// Runs a program that was called by a command. Its return code is what it returns.
    pub(super) fn run_program(&mut self, exec: &Found, program: &Program, operands: &[u8]) -> Outcome {
        let arguments = if operands.is_empty() { Vec::new() } else { Vec::from([Some(Value::string(operands))]) };
        match self.run_rexx(exec, program, CallKind::Command, arguments) {
            Ok(None) => Ok(()),
            Ok(Some(value)) => match rexx::whole(&value).and_then(|code| i32::try_from(code).ok()) {
                Some(code) => rc(code),
                None if value.is_null() => Ok(()),
                None => {
                    let error = Error::new(26, 1, &[b"9", &value.to_vec()]);
                    Err(self.show_report(exec, &rexx::Report { error, line: 1, traceback: Vec::new() }))
                }
            },
            Err(report) => Err(self.show_report(exec, &report)),
        }
    }

    /// Runs a program.
    fn run_rexx(
        &mut self,
        exec: &Found,
        program: &Program,
        kind: CallKind,
        arguments: Vec<Option<Value>>,
    ) -> Result<Option<Value>, rexx::Report> {
        let id = exec.entry.id;
        let name = id.name();
        let invocation = Invocation {
            kind,
            arguments,
            source: format!("{name} {} {}{} {name} CMS", id.file_type(), exec.mode, exec.entry.mode).into_bytes(),
            address: b"CMS".to_vec(),
            system: b"CMS".to_vec(),
            seed: self.cp.timer().virtual_us ^ 0x5bd1_e995,
        };
        // The commands of this program see its variables, not those of the one that called it.
        let outer = self.variables.take();
        let traced = self.session.settings.exec_trace;
        let mut environment = ExecEnvironment { shell: self, streams: Streams::default(), traced };
        let ended = rexx::run(program, invocation, &mut environment);
        environment.close_streams();
        self.variables = outer;
        ended
    }
}

/// CMS as a program sees it.
pub(super) struct ExecEnvironment<'s, C: Cp> {
    pub(super) shell: &'s mut Shell<C>,
    pub(super) streams: Streams,
    /// SET EXECTRAC ON: the program is to be traced from its first clause.
    traced: bool,
}

impl<C: Cp> ExecEnvironment<'_, C> {
    /// Carries out a command for an environment.
    fn perform(&mut self, environment: &[u8], command: &[u8]) -> Outcome {
        match environment {
            b"CMS" => self.shell.carry_out(command).unwrap_or(Err(UNKNOWN)),
            b"COMMAND" | b"" => self.shell.resolve_exact(command),
            b"CP" => self.shell.cp_command(command.trim_ascii()),
            _ => Err(UNKNOWN),
        }
    }

    /// An EXEC called as a function or subroutine.
    fn call_exec(&mut self, name: &str, arguments: &[Option<Value>], kind: CallKind) -> External {
        let Some(exec) = find(self.shell, name) else {
            return External::NotFound;
        };
        let shell = &mut *self.shell;
        let ended = shell.deeper(|shell| match shell.rexx_program(&exec)? {
            Some(program) => match shell.run_rexx(&exec, &program, kind, arguments.to_vec()) {
                Ok(value) => Ok(value),
                Err(report) => Err(shell.show_report(&exec, &report)),
            },
            None => shell.run_commands(&exec, b"").map(|()| None),
        });
        shell.code = "EXC";
        match ended {
            Ok(value) => External::Returned(value),
            Err(_) => External::Failed(Error::new(40, 1, &[name.as_bytes()])),
        }
    }
}

impl<C: Cp> Environment for ExecEnvironment<'_, C> {
    fn say(&mut self, line: &[u8]) {
        self.shell.show_line(line);
    }

    fn trace(&mut self, line: &[u8]) {
        self.shell.show_line(line);
    }

    fn pull(&mut self) -> Vec<u8> {
        self.shell.read_line().unwrap_or_default()
    }

    fn read_console(&mut self) -> Vec<u8> {
        self.shell.console_line().unwrap_or_default()
    }

    fn read_pause(&mut self) -> Vec<u8> {
        self.shell.typed_answer().unwrap_or_default().unwrap_or_default()
    }

    fn push(&mut self, line: Vec<u8>) {
        self.shell.program_stack.push(line);
    }

    fn queue(&mut self, line: Vec<u8>) {
        self.shell.program_stack.queue(line);
    }

    fn queued(&mut self) -> usize {
        self.shell.program_stack.lines()
    }

    fn command(&mut self, environment: &[u8], command: &[u8], variables: &mut Variables) -> CommandResult {
        self.shell.variables = Some(core::mem::take(variables));
        let outcome = self.perform(environment, command);
        if let Some(lent) = self.shell.variables.take() {
            *variables = lent;
        }
        self.shell.code = "EXC";
        CommandResult::of(outcome.err().map_or(0, |Rc(code)| code))
    }

    fn call(&mut self, name: &[u8], arguments: &[Option<Value>], kind: CallKind) -> External {
        if let Some(answer) = functions::call(self.shell, name, arguments) {
            return answer.map_or_else(External::Failed, |value| External::Returned(Some(value)));
        }
        match String::from_utf8(name.to_ascii_uppercase()) {
            Ok(name) if name.len() <= 8 => self.call_exec(&name, arguments, kind),
            _ => External::NotFound,
        }
    }

    fn clock(&mut self) -> Clock {
        let timer = self.shell.cp.timer();
        // CP tells the second; processor time moves within it, so that elapsed times differ.
        let unix_us = (timer.unix_seconds as i64).saturating_mul(1_000_000).saturating_add((timer.total_us % 1_000_000) as i64);
        Clock { unix_us, zone_seconds: timer.zone_seconds }
    }

    fn poll(&mut self) -> Interrupt {
        if core::mem::take(&mut self.traced) {
            return Interrupt::TraceStart;
        }
        match self.shell.cp.immediate() {
            Immediate::None => Interrupt::None,
            Immediate::HaltInterpretation => Interrupt::Halt,
            Immediate::TraceStart => Interrupt::TraceStart,
            Immediate::TraceEnd => Interrupt::TraceEnd,
        }
    }

    fn pool_value(&mut self, selector: &[u8], name: &[u8], new: Option<&[u8]>) -> Option<Vec<u8>> {
        let answer = self.shell.global_value(selector, name, new);
        self.shell.code = "EXC";
        answer
    }

    fn userid(&mut self) -> Vec<u8> {
        field(&self.shell.cp.identification().userid).into_bytes()
    }

    fn line_in(&mut self, stream: &[u8], line: Option<u32>, count: u32) -> StreamAnswer<Vec<u8>> {
        self.stream_line_in(stream, line, count)
    }

    fn line_out(&mut self, stream: &[u8], text: Option<&[u8]>, line: Option<u32>) -> StreamAnswer<u32> {
        self.stream_line_out(stream, text, line)
    }

    fn lines(&mut self, stream: &[u8]) -> u32 {
        self.stream_lines(stream)
    }

    fn char_in(&mut self, stream: &[u8], start: Option<u32>, count: u32) -> StreamAnswer<Vec<u8>> {
        self.stream_char_in(stream, start, count)
    }

    fn char_out(&mut self, stream: &[u8], text: Option<&[u8]>, start: Option<u32>) -> StreamAnswer<u32> {
        self.stream_char_out(stream, text, start)
    }

    fn chars(&mut self, stream: &[u8]) -> u32 {
        self.stream_chars(stream)
    }

    fn stream(&mut self, stream: &[u8], command: Option<&[u8]>) -> Vec<u8> {
        self.stream_state(stream, command)
    }

    fn qualify(&mut self, stream: &[u8]) -> Vec<u8> {
        self.stream_name(stream)
    }
}

impl<C: Cp> Shell<C> {
    /// A command of the environment COMMAND: its full name, CMS's own commands only; EXECs and CP by EXEC and CP.
    pub(crate) fn resolve_exact(&mut self, line: &[u8]) -> Outcome {
        let line = line.trim_ascii();
        let (name, _) = first_word(line);
        if name.iter().any(u8::is_ascii_lowercase) {
            return Err(UNKNOWN);
        }
        let settings = Settings { implied_exec: false, implied_cp: false, abbreviations: false, ..self.session.settings };
        self.carry_out_as(line, settings).unwrap_or(Err(UNKNOWN))
    }
}
