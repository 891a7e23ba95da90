//! What a program asks of the world around it.

use alloc::vec::Vec;

use super::error::Error;
use super::value::Value;
use super::variables::Variables;

/// The world around a program.
pub trait Environment {
    /// Shows a line (SAY).
    fn say(&mut self, line: &[u8]);
    /// Shows a line of a trace.
    fn trace(&mut self, line: &[u8]);
    /// Takes a line from the program stack, or when that is empty from the console (PULL).
    fn pull(&mut self) -> Vec<u8>;
    /// Takes a line from the console (PARSE EXTERNAL).
    fn read_console(&mut self) -> Vec<u8>;
    /// Takes a line from the console for the interpreter itself: what is typed in a pause of interactive trace.
    fn read_pause(&mut self) -> Vec<u8> {
        self.read_console()
    }
    /// Puts a line on top of the program stack.
    fn push(&mut self, line: Vec<u8>);
    /// Puts a line at the bottom of the program stack.
    fn queue(&mut self, line: Vec<u8>);
    /// Lines in the program stack.
    fn queued(&mut self) -> usize;
    /// Lines typed and not read yet (EXTERNALS).
    fn externals(&mut self) -> usize {
        0
    }
    /// Carries out a command in the environment of that name. The program's variables are within its reach.
    fn command(&mut self, environment: &[u8], command: &[u8], variables: &mut Variables) -> CommandResult;
    /// Calls a routine outside the program.
    fn call(&mut self, name: &[u8], arguments: &[Option<Value>], kind: CallKind) -> External;
    /// The time.
    fn clock(&mut self) -> Clock;
    /// Looked at now and then while a program runs: whether it is to be interrupted.
    fn poll(&mut self) -> Interrupt {
        Interrupt::None
    }
    /// The value of a variable in a pool outside the program, and a new value for it (VALUE with a selector). None: there is no such pool, or it
    /// could not be changed.
    fn pool_value(&mut self, selector: &[u8], name: &[u8], new: Option<&[u8]>) -> Option<Vec<u8>> {
        let _ = (selector, name, new);
        None
    }
    /// The user (USERID).
    fn userid(&mut self) -> Vec<u8>;
    /// Columns of the terminal (LINESIZE).
    fn line_size(&mut self) -> u32 {
        80
    }

    // Streams. Where there are none, none is ready.

    /// Reads a line (LINEIN) from a stream, `line` from 1 when it is given. With `count` 0 only the position changes.
    fn line_in(&mut self, _stream: &[u8], _line: Option<u32>, _count: u32) -> StreamAnswer<Vec<u8>> {
        StreamAnswer::not_ready(Vec::new())
    }
    /// Writes a line; without one the stream is closed (LINEOUT). Answers the lines not written.
    fn line_out(&mut self, _stream: &[u8], _text: Option<&[u8]>, _line: Option<u32>) -> StreamAnswer<u32> {
        StreamAnswer::not_ready(0)
    }
    /// Lines left to read (LINES).
    fn lines(&mut self, _stream: &[u8]) -> u32 {
        0
    }
    /// Reads characters (CHARIN), `start` from 1 when it is given.
    fn char_in(&mut self, _stream: &[u8], _start: Option<u32>, _count: u32) -> StreamAnswer<Vec<u8>> {
        StreamAnswer::not_ready(Vec::new())
    }
    /// Writes characters; without any the stream is closed (CHAROUT). Answers the characters not written.
    fn char_out(&mut self, _stream: &[u8], _text: Option<&[u8]>, _start: Option<u32>) -> StreamAnswer<u32> {
        StreamAnswer::not_ready(0)
    }
    /// Characters left to read (CHARS).
    fn chars(&mut self, _stream: &[u8]) -> u32 {
        0
    }
    /// The state of a stream (STREAM): READY, NOTREADY, UNKNOWN or ERROR; or the answer to a stream command.
    fn stream(&mut self, _stream: &[u8], _command: Option<&[u8]>) -> Vec<u8> {
        Vec::new()
    }
    /// The full name of a stream (QUALIFY).
    fn qualify(&mut self, stream: &[u8]) -> Vec<u8> {
        stream.to_vec()
    }
}

/// How a command ended.
#[derive(Clone, Debug)]
pub struct CommandResult {
    /// What the variable RC becomes.
    pub rc: Value,
    /// The condition ERROR: a return code above 0 on CMS.
    pub error: bool,
    /// The condition FAILURE: a return code below 0 on CMS.
    pub failure: bool,
}

impl CommandResult {
    /// A return code with CMS's meaning.
    pub fn of(rc: i32) -> Self {
        Self { rc: Value::int(i64::from(rc)), error: rc > 0, failure: rc < 0 }
    }
}

/// How a routine is called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CallKind {
    /// By a command.
    Command,
    /// As a function: it has to return a value.
    Function,
    /// By CALL.
    Subroutine,
}

impl CallKind {
    /// As PARSE SOURCE tells it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Command => "COMMAND",
            Self::Function => "FUNCTION",
            Self::Subroutine => "SUBROUTINE",
        }
    }
}

/// What came of calling a routine outside the program.
#[derive(Clone, Debug)]
pub enum External {
    /// There is none of that name.
    NotFound,
    /// It returned, with a value or without.
    Returned(Option<Value>),
    /// It was called in a wrong way, or failed.
    Failed(Error),
}

/// The time.
#[derive(Clone, Copy, Debug, Default)]
pub struct Clock {
    /// Microseconds since 1970-01-01 00:00 UTC.
    pub unix_us: i64,
    /// What local time is ahead of it, in seconds.
    pub zone_seconds: i64,
}

/// What interrupts a program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Interrupt {
    /// Nothing.
    None,
    /// HI: the condition HALT.
    Halt,
    /// TS: tracing begins, interactively.
    TraceStart,
    /// TE: tracing ends.
    TraceEnd,
    /// The program ends at once with error 4, whatever traps it has set.
    Abandon,
}

/// What a stream answers.
#[derive(Clone, Debug)]
pub struct StreamAnswer<T> {
    /// The answer itself.
    pub value: T,
    /// The condition NOTREADY.
    pub not_ready: bool,
}

impl<T> StreamAnswer<T> {
    /// All is well.
    pub fn ready(value: T) -> Self {
        Self { value, not_ready: false }
    }

    /// The stream could not do it.
    pub fn not_ready(value: T) -> Self {
        Self { value, not_ready: true }
    }
}
