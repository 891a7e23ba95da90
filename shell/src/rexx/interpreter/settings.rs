//! What a routine inherits from its caller, and what comes back when it returns.

use alloc::vec::Vec;

use super::super::code::{Condition, NumericItem};
use super::super::environment::Clock;
use super::super::error::{Error, Result};
use super::super::number::{Numeric, small};
use super::super::scanner::Source;
use super::super::value::Value;
use super::{Interpreter, whole};

/// The settings of a routine.
#[derive(Clone, Copy, Debug)]
pub struct Settings {
    pub numeric: Numeric,
    /// Whole numbers below it are calculated with as they are: 0 when NUMERIC FUZZ is set.
    pub whole_limit: i64,
    pub trace: Trace,
    /// The names of the environments that ADDRESS switches between.
    pub address: u32,
    pub alternate: u32,
    /// Elapsed time began then, in microseconds since 1970.
    pub timer: Option<i64>,
    traps: [Trap; Condition::ALL.len()],
}

/// What TRACE has set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Trace {
    /// The letter: A, C, E, F, I, L, N, O, R, S.
    pub letter: u8,
    /// Interactively, by the prefix `?`.
    pub interactive: bool,
    /// Commands are not carried out, by the prefix `!`.
    pub inhibits: bool,
}

impl Trace {
    /// As a program begins.
    pub const NORMAL: Self = Self { letter: b'N', interactive: false, inhibits: false };
}

/// What is done when a condition is raised.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Trap {
    pub state: TrapState,
    /// The name of the label.
    pub label: u32,
}

/// The states of a trap.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TrapState {
    Off,
    Signal,
    Call,
    /// The routine that it called is active.
    Delayed,
}

impl Settings {
    /// As a program begins.
    pub fn new(address: u32) -> Self {
        Self {
            numeric: Numeric::DEFAULT,
            whole_limit: whole_limit(Numeric::DEFAULT),
            trace: Trace::NORMAL,
            address,
            alternate: address,
            timer: None,
            traps: [Trap { state: TrapState::Off, label: 0 }; Condition::ALL.len()],
        }
    }

    /// The trap of a condition.
    pub fn trap(&mut self, condition: Condition) -> &mut Trap {
        &mut self.traps[condition as usize]
    }

    /// The trap of a condition is delayed, or in force again.
    pub fn delayed(&mut self, condition: Condition, delayed: bool) {
        let trap = self.trap(condition);
        match (trap.state, delayed) {
            (TrapState::Call, true) => trap.state = TrapState::Delayed,
            (TrapState::Delayed, false) => trap.state = TrapState::Call,
            _ => {}
        }
    }
}

impl Interpreter<'_> {
    /// NUMERIC DIGITS, FUZZ and FORM: to the value on the stack, or as a program begins.
    pub(super) fn numeric(&mut self, item: NumericItem, with: bool) -> Result<()> {
        let done = self.set_numeric(item, with);
        self.settings.whole_limit = whole_limit(self.settings.numeric);
        done
    }

    fn set_numeric(&mut self, item: NumericItem, with: bool) -> Result<()> {
        let value = with.then(|| self.pop());
        if let Some(value) = &value {
            self.trace_result(value);
        }
        let numeric = &mut self.settings.numeric;
        let Some(value) = value else {
            match item {
                NumericItem::Digits => numeric.digits = Numeric::DEFAULT.digits,
                NumericItem::Fuzz => numeric.fuzz = 0,
                NumericItem::Form => numeric.engineering = false,
            }
            return self.check_fuzz();
        };
        let text = value.to_vec();
        match item {
            NumericItem::Digits => {
                let digits = whole(&value).filter(|digits| *digits > 0).ok_or_else(|| Error::new(26, 5, &[&text]))?;
                if digits > DIGITS_MAX {
                    return Err(Error::new(33, 2, &[&text]));
                }
                if digits <= i64::from(numeric.fuzz) {
                    return Err(Error::new(33, 1, &[&text, alloc::format!("{}", numeric.fuzz).as_bytes()]));
                }
                numeric.digits = digits as u32;
            }
            NumericItem::Fuzz => {
                let fuzz = whole(&value).filter(|fuzz| *fuzz >= 0).ok_or_else(|| Error::new(26, 6, &[&text]))?;
                if fuzz >= i64::from(numeric.digits) {
                    return Err(Error::new(33, 1, &[alloc::format!("{}", numeric.digits).as_bytes(), &text]));
                }
                numeric.fuzz = fuzz as u32;
            }
            NumericItem::Form => match text.first().map(u8::to_ascii_uppercase) {
                Some(b'E') => numeric.engineering = true,
                Some(b'S') => numeric.engineering = false,
                _ => return Err(Error::new(33, 3, &[&text])),
            },
        }
        Ok(())
    }

    /// DIGITS must exceed FUZZ.
    fn check_fuzz(&mut self) -> Result<()> {
        let numeric = self.settings.numeric;
        if numeric.fuzz < numeric.digits {
            return Ok(());
        }
        let shown = |number: u32| alloc::format!("{number}").into_bytes();
        Err(Error::new(33, 1, &[&shown(numeric.digits), &shown(numeric.fuzz)]))
    }

    /// The state of a trap as CONDITION tells it.
    pub(crate) fn trap_state(&mut self, condition: Condition) -> &'static str {
        match self.settings.trap(condition).state {
            TrapState::Off => "OFF",
            TrapState::Signal | TrapState::Call => "ON",
            TrapState::Delayed => "DELAY",
        }
    }

    /// The trace setting as TRACE() tells it.
    pub(crate) fn trace_text(&self) -> Vec<u8> {
        let trace = self.settings.trace;
        let mut text = Vec::new();
        if trace.interactive {
            text.push(b'?');
        }
        if trace.inhibits {
            text.push(b'!');
        }
        text.push(trace.letter);
        text
    }

    /// Sets the trace as TRACE() does.
    ///
    /// # Errors
    /// Error 24.
    pub(crate) fn set_trace(&mut self, setting: &[u8]) -> Result<()> {
        self.trace_setting(&Value::string(setting))
    }

    /// The program's source.
    pub(crate) fn source(&self) -> &Source {
        &self.program.source
    }

    /// The time, which stands still within a clause.
    pub(crate) fn clock(&mut self) -> Clock {
        match self.now {
            Some((clause, clock)) if clause == self.clause_count => clock,
            _ => {
                let clock = self.environment.clock();
                self.now = Some((self.clause_count, clock));
                clock
            }
        }
    }

    /// A stream could not do what was asked: NOTREADY, when it is trapped.
    pub(crate) fn stream_not_ready(&mut self, condition: Condition, stream: Value) {
        if self.trapped(condition) {
            self.not_ready = Some(stream);
        }
    }
}

/// Below which whole numbers are exact as they are under those settings.
fn whole_limit(numeric: Numeric) -> i64 {
    if numeric.fuzz > 0 { 0 } else { small::POWERS[numeric.digits.min(small::DIGITS) as usize] }
}

/// Most digits: arithmetic beyond takes minutes an operation.
const DIGITS_MAX: i64 = 100_000;
