//! TRACE: what is shown, in which form, and the pauses of interactive trace.

use alloc::format;
use alloc::vec::Vec;

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
        if !trace.interactive && !self.typed {
            self.pause = false;
        }
    }
}

impl Interpreter<'_> {
    /// Blanks before what is traced: the depth of calls.
    fn indent(&self) -> usize {
        self.frames.iter().filter(|frame| !matches!(frame.entry, Entry::Typed)).count()
    }

    /// Traces a clause, and notes that a pause follows.
    pub(super) fn trace_clause(&mut self, number: u32) {
        if !self.tracing.clauses {
            return;
        }
        if self.tracing.skip < 0 {
            self.tracing.skip += 1;
            return;
        }
        self.show_clause(number, "*-*");
        if self.settings.trace.interactive && !self.tracing.typed {
            match self.tracing.skip {
                1.. => self.tracing.skip -= 1,
                _ => {
                    self.tracing.pause = true;
                    self.attention = true;
                    self.tracing.again = Some(self.pc - 1);
                }
            }
        }
    }

    /// Traces a label, THEN, ELSE and the like.
    pub(super) fn trace_mark(&mut self, number: u32) {
        let is_label =
            self.unit.clauses.get(number as usize).is_some_and(|clause| self.unit.source.text.get(clause.end as usize - 1) == Some(&b':'));
        if (self.tracing.clauses || is_label && self.tracing.labels) && self.tracing.skip >= 0 {
            self.show_clause(number, "*-*");
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
        let wanted = tracing.clauses || tracing.commands;
        let failed = result.failure && tracing.failures || (result.error || result.failure) && tracing.errors;
        if !wanted && failed {
            self.show_clause(self.clause, "*-*");
        }
        if failed || wanted && (result.error || result.failure) {
            let mut line = b"       +++ RC(".to_vec();
            line.extend_from_slice(result.rc.bytes(&mut Scratch::new()));
            line.extend_from_slice(b") +++");
            self.environment.trace(&line);
        }
    }

    /// TRACE with a setting: question marks and a letter, or a number.
    pub(super) fn trace_setting(&mut self, setting: &Value) -> Result<()> {
        let text = setting.to_vec();
        if text.trim_ascii().is_empty() {
            self.settings.trace = Trace { letter: b'N', interactive: false };
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
        while let Some(after) = rest.strip_prefix(b"?") {
            trace.interactive = !trace.interactive;
            rest = after;
        }
        if let Some(letter) = rest.first() {
            let letter = letter.to_ascii_uppercase();
            if !b"ACEFILNOR".contains(&letter) {
                return Err(Error::new(24, 1, &[text]));
            }
            trace.letter = letter;
            if letter == b'O' {
                trace.interactive = false;
            }
        }
        Ok(trace)
    }

    /// The pause of interactive trace before a clause: reads a line and does what it says. None: the program goes on.
    pub(super) fn pause(&mut self) -> Result<Option<Flow>> {
        let line = self.environment.read_console();
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
                self.tracing.clauses = false;
                self.tracing.results = false;
                self.tracing.intermediates = false;
                self.attention = false;
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
