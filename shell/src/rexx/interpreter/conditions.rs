//! Conditions: SIGNAL, traps, HALT, and what happens between two clauses.

use alloc::rc::Rc;

use super::super::code::{Condition, Unit};
use super::super::environment::Interrupt;
use super::super::error::{Error, Result};
use super::super::value::Value;
use super::settings::{Trace, Trap, TrapState};
use super::{Entry, Flow, Interpreter, POLL};

/// What CONDITION tells of the condition that was trapped.
#[derive(Clone, Debug)]
pub struct ConditionInfo {
    pub condition: Condition,
    pub description: Value,
    /// The trap was called.
    pub by_call: bool,
    /// The sub-code, of SYNTAX.
    pub extra: Value,
}

impl Interpreter<'_> {
    /// Whether a trap for the condition is set.
    pub(super) fn trapped(&mut self, condition: Condition) -> bool {
        // What is typed in interactive trace must not lead the program elsewhere.
        !self.tracing.typed && self.settings.trap(condition).state != TrapState::Off
    }

    /// SIGNAL ON, CALL ON and OFF.
    pub(super) fn set_trap(&mut self, unit: &Unit, number: u32) {
        let setting = unit.traps[number as usize];
        let label = self.variables.names.number(&unit.constants[setting.label as usize].to_vec());
        let state = match (setting.on, setting.by_call) {
            (false, _) => TrapState::Off,
            (true, false) => TrapState::Signal,
            (true, true) => TrapState::Call,
        };
        *self.settings.trap(setting.condition) = Trap { state, label };
    }

    /// Raises a condition whose trap is set.
    pub(super) fn raise(&mut self, condition: Condition, description: Value) -> Result<Flow> {
        let trap = *self.settings.trap(condition);
        let info = ConditionInfo { condition, description, by_call: trap.state == TrapState::Call, extra: Value::NULL };
        match trap.state {
            TrapState::Off => Ok(Flow::Next),
            TrapState::Signal => {
                self.settings.trap(condition).state = TrapState::Off;
                self.condition = Some(Rc::new(info));
                let label = Value::string(self.variables.names.name(trap.label));
                self.signal(&label)
            }
            TrapState::Call => {
                self.pending.push(info);
                self.attention = true;
                Ok(Flow::Next)
            }
            // What is raised while its own routine runs is dropped, as the delayed conditions of ERROR and FAILURE are; HALT is kept.
            TrapState::Delayed => {
                if condition == Condition::Halt {
                    self.pending.push(info);
                    self.attention = true;
                }
                Ok(Flow::Next)
            }
        }
    }

    /// Goes to a label: loops and interpreted strings of the routine end.
    pub(super) fn signal(&mut self, label: &Value) -> Result<Flow> {
        let Some(place) = self.label(label) else {
            return Err(Error::new(16, 1, &[&label.to_vec()]));
        };
        let line = self.line();
        while let Some(Entry::Interpret | Entry::Typed) = self.frames.last().map(|frame| &frame.entry) {
            self.frames.pop();
            if self.tracing.typed {
                self.typed_line_over();
            }
        }
        let (loops, stack) = self.frames.last().map_or((0, 0), |frame| (frame.loops, frame.stack));
        self.loops.truncate(loops);
        self.stack.truncate(stack);
        self.unit = self.program.clone();
        self.pc = place as usize;
        self.variables.pools.set(self.names.sigl, Value::Int(i64::from(line)));
        Ok(Flow::Switch)
    }

    /// An error: SYNTAX when it is trapped, else it ends the program.
    pub(super) fn syntax(&mut self, error: Error) -> Result<()> {
        let trap = *self.settings.trap(Condition::Syntax);
        if self.frames.iter().any(|frame| frame.entry == Entry::Typed) {
            return self.typed_error(&error);
        }
        if trap.state != TrapState::Signal || error.number() == ABANDONED {
            return Err(error);
        }
        self.settings.trap(Condition::Syntax).state = TrapState::Off;
        let extra = alloc::format!("{}.{}", error.number(), error.sub());
        self.condition = Some(Rc::new(ConditionInfo {
            condition: Condition::Syntax,
            description: Value::from_vec(error.detail().unwrap_or_default()),
            by_call: false,
            extra: Value::string(extra.as_bytes()),
        }));
        self.variables.pools.set(self.names.rc, Value::Int(i64::from(error.number())));
        let label = Value::string(self.variables.names.name(trap.label));
        self.signal(&label).map(|_| ())
    }

    /// Between two clauses, when there is something to do: interruptions, traps to be called, traces.
    #[cold]
    pub(super) fn attend(&mut self, number: u32) -> Result<Flow> {
        if self.ticks == 0 {
            self.ticks = POLL;
            let interrupt = self.environment.poll();
            if interrupt != Interrupt::None {
                self.clause = number;
                self.pc -= 1;
                return self.interrupted(interrupt);
            }
        }
        if !self.tracing.typed
            && !self.pending.is_empty()
            && let Some(at) = self.pending.iter().position(|info| {
                let trap = self.settings.trap(info.condition);
                trap.state == TrapState::Call
            })
        {
            let info = self.pending.remove(at);
            let label = self.settings.trap(info.condition).label;
            // The clause is begun again when the routine has returned; its line is that of the clause before.
            self.pc -= 1;
            return self.call_trap(info, label);
        }
        if self.tracing.pause
            && !self.tracing.typed
            && let Some(flow) = self.pause()?
        {
            return Ok(flow);
        }
        self.clause = number;
        if self.tracing.scan {
            self.scan(number);
            return Ok(Flow::Exit);
        }
        self.trace_clause(number);
        self.settings_changed();
        Ok(Flow::Next)
    }

    fn interrupted(&mut self, interrupt: Interrupt) -> Result<Flow> {
        match interrupt {
            Interrupt::None => {}
            Interrupt::Halt if self.trapped(Condition::Halt) => {
                self.raise(Condition::Halt, Value::NULL)?;
            }
            Interrupt::Halt => return Err(Error::new(4, 1, &[b""])),
            Interrupt::TraceStart => {
                self.settings.trace = Trace { letter: b'R', interactive: true, inhibits: false };
                self.settings_changed();
            }
            Interrupt::TraceEnd => {
                self.settings.trace = Trace { letter: b'O', ..Trace::NORMAL };
                self.settings_changed();
            }
            Interrupt::Abandon => return Err(Error::new(ABANDONED, 1, &[b""])),
        }
        Ok(Flow::Switch)
    }

    /// The attention word: something is to be done before each clause.
    pub(super) fn settings_changed(&mut self) {
        self.tracing.follow(self.settings.trace);
        let waits = !self.tracing.typed && (self.tracing.pause || !self.pending.is_empty());
        self.attention = waits || self.tracing.clauses || self.tracing.scan;
    }
}

/// Error 4, which no trap catches when the environment abandons the program.
const ABANDONED: u16 = 4;
