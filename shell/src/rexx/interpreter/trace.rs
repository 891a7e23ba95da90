//! TRACE: what is shown, in which form, and the pauses of interactive trace.

use alloc::format;
use alloc::vec::Vec;

use super::super::code::Op;
use super::super::environment::CommandResult;
use super::super::error::{Error, Result};
use super::super::number::Number;
use super::super::value::{Scratch, Value};
use super::settings::Trace;
use super::{Entry, Flow, Interpreter};

/// What is traced now, and where the trace stands.
#[derive(Debug, Default)]
pub struct Tracing {
    pub clauses: bool,
    pub labels: bool,
    pub commands: bool,
    pub errors: bool,
    pub failures: bool,
    pub results: bool,
    pub intermediates: bool,
    /// A clause was traced interactively: before the next one a line is read.
    pub pause: bool,
    /// A typed line is being executed: nothing of it is traced.
    pub typed: bool,
    /// The clauses that follow are shown and none is executed.
    pub scan: bool,
    /// The user has been told how to go on from a pause.
    announced: bool,
    /// The line shown last.
    last_line: u32,
    /// Clauses not to be traced (below 0), or not to be paused after.
    skip: i64,
    /// Where the clause traced last begins, for `=`.
    again: Option<usize>,
}

impl Tracing {
    /// Takes the setting.
    pub fn follow(&mut self, trace: Trace) {
        let letter = if self.typed { b'O' } else { trace.letter };
        self.clauses = matches!(letter, b'A' | b'R' | b'I');
        self.labels = self.clauses || letter == b'L';
        self.commands = self.clauses || letter == b'C';
        self.errors = letter == b'E';
        self.failures = matches!(letter, b'N' | b'F' | b'E');
        self.results = matches!(letter, b'R' | b'I');
        self.intermediates = letter == b'I';
        self.scan = letter == b'S';
        if !trace.interactive && !self.typed {
            self.pause = false;
            self.announced = false;
        }
    }
}

impl Interpreter<'_> {
    /// Blanks before what is traced: the depth of calls.
    fn indent(&self) -> usize {
        self.frames.iter().filter(|frame| !matches!(frame.entry, Entry::Typed)).count()
    }

    /// Traces a clause that begins, and notes that a pause follows.
    pub(super) fn trace_clause(&mut self, number: u32) {
        if self.show_traced(number) && self.settings.trace.interactive && !self.goes_elsewhere() {
            self.pause_after(number);
        }
    }

    /// Shows a clause when clauses are traced; whether it was shown.
    pub(super) fn show_traced(&mut self, number: u32) -> bool {
        if !self.tracing.clauses {
            return false;
        }
        if self.tracing.skip < 0 {
            self.tracing.skip += 1;
            return false;
        }
        self.show_clause(number, "*-*");
        true
    }

    /// Whether the clause that has just begun goes on elsewhere, or is one of a loop's: TRL Interactive tracing has no pause after those.
    fn goes_elsewhere(&self) -> bool {
        let rest = self.unit.code.get(self.pc..).unwrap_or_default();
        let mut own = rest.iter().take_while(|op| !matches!(op, Op::Clause(_) | Op::Mark(_) | Op::Finish));
        own.any(|op| {
            let loops = matches!(op, Op::LoopBegin(_) | Op::LoopStep(_));
            loops || matches!(op, Op::Signal(_) | Op::SignalValue | Op::Call(..) | Op::CallValue(_) | Op::Return(_) | Op::Exit(_))
        })
    }

    /// A pause follows what was traced of a clause, when the trace is interactive.
    fn pause_after(&mut self, number: u32) {
        if !self.settings.trace.interactive || self.tracing.typed {
            return;
        }
        if self.tracing.skip > 0 {
            self.tracing.skip -= 1;
            return;
        }
        self.tracing.pause = true;
        self.attention = true;
        self.tracing.again = self.place_of(number);
    }

    /// The pause of the clause that called the routine which has just been left.
    #[cold]
    pub(super) fn pause_again(&mut self) {
        self.tracing.pause = true;
        self.tracing.again = self.place_of(self.clause);
        self.settings_changed();
    }

    /// Where a clause begins.
    fn place_of(&self, number: u32) -> Option<usize> {
        self.unit.code.iter().position(|op| matches!(op, Op::Clause(own) | Op::Mark(own) if *own == number))
    }

    /// TRACE Scan: shows this clause and those that follow.
    pub(super) fn scan(&mut self, from: u32) {
        for number in from..self.unit.clauses.len() as u32 {
            self.show_clause(number, "*-*");
        }
    }

    /// Traces a label, THEN, ELSE and the like.
    pub(super) fn trace_mark(&mut self, number: u32) {
        let is_label =
            self.unit.clauses.get(number as usize).is_some_and(|clause| self.unit.source.text.get(clause.end as usize - 1) == Some(&b':'));
        if (self.tracing.clauses || is_label && self.tracing.labels) && self.tracing.skip >= 0 {
            self.show_clause(number, "*-*");
            if is_label {
                self.pause_after(number);
            }
        }
    }

    fn show_clause(&mut self, number: u32, mark: &str) {
        let Some(clause) = self.unit.clauses.get(number as usize).copied() else {
            return;
        };
        let number = if clause.line == self.tracing.last_line { "      ".into() } else { format!("{:6}", clause.line) };
        self.tracing.last_line = clause.line;
        let indent = self.indent() + usize::from(clause.depth);
        let mut line = format!("{number} {mark} {:indent$}", "").into_bytes();
        line.extend_from_slice(&self.unit.clause_text(&clause));
        self.environment.trace(&line);
    }

    /// Shows a value behind a mark of three characters.
    fn show_value(&mut self, mark: &str, value: &Value) {
        let indent = self.indent();
        let mut line = format!("       >{mark}>   {:indent$}\"", "").into_bytes();
        line.extend_from_slice(value.bytes(&mut Scratch::new()));
        line.push(b'"');
        self.environment.trace(&line);
    }

    /// An intermediate result: a literal (L), a variable (V), an operation (O, P), a function (F), a compound name (C).
    pub(super) fn trace_intermediate(&mut self, letter: &str, value: &Value) {
        if self.tracing.intermediates && self.tracing.skip >= 0 {
            self.show_value(letter, value);
        }
    }

    /// The result of a clause.
    pub(super) fn trace_result(&mut self, value: &Value) {
        if self.tracing.results && !self.tracing.intermediates && self.tracing.skip >= 0 {
            self.show_value(">", value);
        }
    }

    /// A value that PARSE assigns, or that a period takes.
    pub(super) fn trace_parsed(&mut self, value: &Value, assigned: bool) {
        if self.tracing.results && self.tracing.skip >= 0 && (assigned || self.tracing.intermediates) {
            self.show_value(if assigned { ">" } else { "." }, value);
        }
    }

    /// TRACE Commands shows a command before it is carried out.
    pub(super) fn trace_before_command(&mut self) {
        if self.tracing.commands && !self.tracing.clauses {
            self.show_clause(self.clause, "*-*");
        }
    }

    /// The line that was typed in a pause has been executed: the program's own settings are in force again.
    pub(super) fn typed_line_over(&mut self) {
        self.tracing.typed = false;
        self.settings_changed();
    }

    /// A command that is traced because of how it ended, and its return code.
    pub(super) fn trace_command(&mut self, result: &CommandResult) {
        let tracing = &self.tracing;
        if tracing.typed {
            // Of what is typed only a return code is shown.
            if result.error || result.failure {
                self.show_return_code(result);
            }
            return;
        }
        let wanted = tracing.clauses || tracing.commands;
        let failed = result.failure && tracing.failures || (result.error || result.failure) && tracing.errors;
        if !wanted && failed {
            self.show_clause(self.clause, "*-*");
        }
        if failed || wanted && (result.error || result.failure) {
            self.show_return_code(result);
        }
        if failed || self.tracing.commands && !self.tracing.clauses {
            self.pause_after(self.clause);
        }
    }

    fn show_return_code(&mut self, result: &CommandResult) {
        let mut line = b"       +++ RC(".to_vec();
        line.extend_from_slice(result.rc.bytes(&mut Scratch::new()));
        line.extend_from_slice(b") +++");
        self.environment.trace(&line);
    }

    /// The instruction TRACE. In a program that is traced interactively it does nothing, so that the user stays in charge; typed, it ends the pause.
    pub(super) fn trace_instruction(&mut self, setting: &Value) -> Result<()> {
        if self.tracing.typed {
            self.tracing.pause = false;
        } else if self.settings.trace.interactive {
            return Ok(());
        }
        self.trace_setting(setting)
    }

    /// A trace setting: prefixes and a letter, or a number.
    pub(super) fn trace_setting(&mut self, setting: &Value) -> Result<()> {
        let text = setting.to_vec();
        if text.trim_ascii().is_empty() {
            self.settings.trace = Trace::NORMAL;
            self.settings_changed();
            return Ok(());
        }
        if let Some(number) = Number::of(setting) {
            let number = number.to_int().ok_or_else(|| Error::new(26, 7, &[&text]))?;
            // A number acts only in interactive trace.
            if self.settings.trace.interactive {
                self.tracing.skip = number;
            }
            return Ok(());
        }
        self.settings.trace = self.parse_trace(&text)?;
        self.settings_changed();
        Ok(())
    }

    /// A trace setting from its characters.
    pub(super) fn parse_trace(&self, text: &[u8]) -> Result<Trace> {
        let mut trace = self.settings.trace;
        let mut rest = text.trim_ascii();
        while let Some((prefix @ (b'?' | b'!'), after)) = rest.split_first() {
            let toggled = if *prefix == b'?' { &mut trace.interactive } else { &mut trace.inhibits };
            *toggled = !*toggled;
            rest = after;
        }
        match rest.first().map(u8::to_ascii_uppercase) {
            None => {}
            Some(b'O') => trace = Trace { letter: b'O', ..Trace::NORMAL },
            // The rest of the program is the rest of its source only outside of all groups, routines and interpreted strings.
            Some(b'S') if !self.frames.is_empty() || self.clause_depth() > 0 => return Err(Error::new(24, 1, &[text])),
            Some(letter) if b"ACEFILNRS".contains(&letter) => trace.letter = letter,
            Some(_) => return Err(Error::new(24, 1, &[text])),
        }
        Ok(trace)
    }

    fn clause_depth(&self) -> u16 {
        self.unit.clauses.get(self.clause as usize).map_or(0, |clause| clause.depth)
    }

    /// The pause of interactive trace before a clause: reads a line and does what it says. None: the program goes on.
    pub(super) fn pause(&mut self) -> Result<Option<Flow>> {
        if !core::mem::replace(&mut self.tracing.announced, true) {
            self.environment.trace(b"       +++ Interactive trace. TRACE OFF to end debug, ENTER to continue. +++");
        }
        let line = self.environment.read_pause();
        match line.trim_ascii() {
            b"" => {
                self.tracing.pause = false;
                Ok(None)
            }
            b"=" => {
                self.tracing.pause = false;
                self.tracing.last_line = 0;
                if let Some(again) = self.tracing.again {
                    self.pc = again;
                    return Ok(Some(Flow::Switch));
                }
                Ok(None)
            }
            _ => {
                // The clause comes again when the line has been executed, and then another line is read.
                self.pc -= 1;
                self.execute_typed(line).map(Some)
            }
        }
    }

    fn execute_typed(&mut self, line: Vec<u8>) -> Result<Flow> {
        match self.interpret_text(line, Entry::Typed) {
            Ok(flow) => {
                self.tracing.typed = true;
                self.settings_changed();
                Ok(flow)
            }
            Err(error) => {
                self.show_typed_error(&error);
                Ok(Flow::Switch)
            }
        }
    }

    fn show_typed_error(&mut self, error: &Error) {
        let line = format!("+++ Error {} in interactive trace: {}", error.number(), error.text());
        self.environment.trace(line.as_bytes());
    }

    /// An error in a typed line: it is shown, and the pause goes on.
    pub(super) fn typed_error(&mut self, error: &Error) -> Result<()> {
        while let Some((entry, _)) = self.leave() {
            let typed = entry == Entry::Typed;
            if typed {
                break;
            }
        }
        self.show_typed_error(error);
        self.typed_line_over();
        Ok(())
    }
}
