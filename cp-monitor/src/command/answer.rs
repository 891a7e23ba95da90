//! What a CP command answers: data first, text second.
//!
//! The same [`Answer`] feeds the console, DIAGNOSE X'08' (the message number is its return code), `cp64 cp --json` and the operator screen.

use serde::Serialize;
use serde_json::{Value, json};

/// A response: a value that programs read and the lines a terminal shows.
#[derive(Clone, Debug, PartialEq)]
pub struct Answer {
    /// The response as data.
    pub data: Value,
    /// The response as text, shaped as z/VM shapes it.
    pub lines: Vec<String>,
}

impl Answer {
    /// No response at all.
    pub fn silent() -> Self {
        Self { data: Value::Null, lines: Vec::new() }
    }

    /// Text that carries no data beyond itself.
    pub fn text(line: impl Into<String>) -> Self {
        let line = line.into();
        Self { data: json!({ "message": line }), lines: vec![line] }
    }

    /// Data and the lines made of it.
    pub fn of(data: impl Serialize, lines: Vec<String>) -> Self {
        // Serialising our own plain structures into a value cannot fail; Null would be seen by every test of the command.
        Self { data: serde_json::to_value(data).unwrap_or(Value::Null), lines }
    }

    /// One item of data and its line.
    pub fn line(data: impl Serialize, line: impl Into<String>) -> Self {
        Self::of(data, vec![line.into()])
    }

    /// Several answers as one: an array of their data, and all their lines.
    pub fn join(answers: Vec<Answer>) -> Self {
        let (mut data, mut lines) = (Vec::new(), Vec::new());
        for answer in answers {
            data.push(answer.data);
            lines.extend(answer.lines);
        }
        Self { data: Value::Array(data), lines }
    }
}

/// How bad a message is: the letter after its number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Severity {
    /// Information.
    Info,
    /// Warning: done, but not as asked.
    Warning,
    /// Error: not done.
    Error,
}

/// A numbered message that ends a command: `HCPCMD001E Unknown CP command: XYZ`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// Three letters of the routine.
    pub module: &'static str,
    /// Number; it is the command's return code.
    pub number: u32,
    /// Severity.
    pub severity: Severity,
    /// Text.
    pub text: String,
}

impl std::fmt::Display for Message {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let letter = match self.severity {
            Severity::Info => 'I',
            Severity::Warning => 'W',
            Severity::Error => 'E',
        };
        write!(f, "HCP{}{:03}{letter} {}", self.module, self.number, self.text)
    }
}

/// A command's end: a response, or the message that says why there is none.
pub type Outcome = Result<Answer, Message>;

/// An error message.
pub fn error(module: &'static str, number: u32, text: impl Into<String>) -> Message {
    Message { module, number, severity: Severity::Error, text: text.into() }
}

/// 001E: no such command, or not for this user's classes.
pub fn unknown_command(word: &str) -> Message {
    error("CMD", 1, format!("Unknown CP command: {}", word.to_uppercase()))
}

/// 002E: an operand that the command does not take.
pub fn invalid_operand(operand: &str) -> Message {
    error("CMD", 2, format!("Invalid operand - {operand}"))
}

/// 003E: an option that the command does not take.
pub fn invalid_option(option: &str) -> Message {
    error("CMD", 3, format!("Invalid option - {option}"))
}

/// 013E: an option says the contrary of one before it, or cannot stand with it.
pub fn conflicting_option(option: &str) -> Message {
    error("CSP", 13, format!("Conflicting option - {option}"))
}

/// 026E: an operand is missing or wrong.
pub fn operand_missing() -> Message {
    error("CFC", 26, "Operand missing or invalid")
}

/// 020E: a user identifier is missing or wrong.
pub fn userid_missing() -> Message {
    error("CFC", 20, "Userid missing or invalid")
}

/// 022E: a virtual device number is missing or wrong.
pub fn device_missing() -> Message {
    error("CFC", 22, "A virtual device number was not supplied or it was invalid")
}

/// 040E: no such virtual device.
pub fn no_device(number: impl std::fmt::Display) -> Message {
    error("QVD", 40, format!("Device {number} does not exist"))
}

/// 045E: the user is not logged on.
pub fn not_logged_on(userid: impl std::fmt::Display) -> Message {
    error("CQU", 45, format!("{userid} not logged on"))
}

/// 053E: the user is not in the directory.
pub fn not_in_directory(userid: impl std::fmt::Display) -> Message {
    error("LNM", 53, format!("{userid} not in CP directory"))
}

/// What the host refused, said on the command that asked for it.
pub fn host_error(what: impl std::fmt::Display) -> Message {
    error("SYS", 9999, what.to_string())
}
