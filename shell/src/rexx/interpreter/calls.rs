//! Calls and returns, INTERPRET, commands, ADDRESS.

use alloc::rc::Rc;
use alloc::vec::Vec;

use super::super::builtin;
use super::super::code::*;
use super::super::compile;
use super::super::environment::{CallKind, CommandResult, External};
use super::super::error::{Error, Result};
use super::super::scanner::Source;
use super::super::value::{Key, Scratch, Value};
use super::super::variables;
use super::{ConditionInfo, DEPTH, Entry, Flow, Frame, Interpreter};

/// Longest name of an environment.
const ENVIRONMENT: usize = 8;
/// Largest string whose storage is kept to be used again.
const SPARE: usize = 4096;
/// How many lists of arguments are kept to be used again.
const SPARE_ARGUMENTS: usize = 8;
/// How many compiled strings of INTERPRET are kept, and up to which length.
const KEPT: usize = 32;
const KEPT_LENGTH: usize = 4096;

impl Interpreter<'_> {
    /// Calls what a site names.
    pub(super) fn call_site(&mut self, unit: &Rc<Unit>, site: u32, count: u16, function: bool) -> Result<Flow> {
        let site = &unit.sites[site as usize];
        match site.target {
            Target::Label(place) => self.enter(place, count, if function { Entry::Function } else { Entry::Call }),
            Target::BuiltIn(number) => {
                self.built_in(number, count)?;
                if function && self.not_ready.is_none() && !self.tracing.intermediates {
                    return Ok(Flow::Next);
                }
                let value = self.pop();
                if let Some(stream) = self.not_ready.take() {
                    return self.after_stream(value, function, stream);
                }
                self.deliver(Some(value), function, &site.name)
            }
            Target::External => self.call_external(&site.name, count, function),
        }
    }

    /// CALL (expression): the name is below the arguments.
    pub(super) fn call_value(&mut self, unit: &Rc<Unit>, count: u16) -> Result<Flow> {
        let at = self.stack.len() - usize::from(count) - 1;
        let name = self.stack.remove(at).unwrap_or(Value::NULL);
        let bytes = name.to_vec();
        let labels = if unit.labels.is_empty() { &self.program.labels } else { &unit.labels };
        if let Some(place) = labels.get(bytes.as_slice()) {
            return self.enter(*place, count, Entry::Call);
        }
        match builtin::find(&bytes) {
            Some(number) => {
                self.built_in(number, count)?;
                let value = self.pop();
                self.deliver(Some(value), false, &name)
            }
            None => self.call_external(&name, count, false),
        }
    }

    /// The arguments on the stack, without those left out at the end.
    fn take_arguments(&mut self, count: u16) -> Vec<Option<Value>> {
        let mut arguments = self.stack.split_off(self.stack.len() - usize::from(count));
        while matches!(arguments.last(), Some(None)) {
            arguments.pop();
        }
        arguments
    }

    /// Puts the value of a built-in function where its arguments are, on the stack.
    fn built_in(&mut self, number: u16, count: u16) -> Result<()> {
        let from = self.stack.len() - usize::from(count);
        if let Some(value) = builtin::quick(number, &self.stack[from..]) {
            // The value takes the place of the first argument.
            let first = self.stack[from].replace(value);
            self.stack.truncate(from + 1);
            if let Some(first @ Value::Long(_)) = first {
                self.recycle(first);
            }
            return Ok(());
        }
        // The functions see the arguments where they are: the stack is theirs meanwhile.
        let mut stack = core::mem::take(&mut self.stack);
        let at = stack.len() - usize::from(count);
        let given = stack[at..].iter().rposition(Option::is_some).map_or(0, |last| last + 1);
        let result = builtin::call(self, number, &mut stack[at..at + given]);
        for argument in &mut stack[at..] {
            if let Some(Value::Long(_)) = argument
                && let Some(value) = argument.take()
            {
                self.recycle(value);
            }
        }
        stack.truncate(at);
        self.stack = stack;
        match result {
            Ok(value) => self.stack.push(Some(value)),
            Err(error) => return Err(error),
        }
        Ok(())
    }

    /// Takes the value from the stack that nobody needs any more.
    #[inline]
    pub(super) fn discard(&mut self) {
        // Only the reference is taken out, which is faster than to move the value.
        let string = match self.stack.last() {
            Some(Some(Value::Long(bytes))) if self.spare.is_none() => Some(bytes.clone()),
            _ => None,
        };
        self.stack.truncate(self.stack.len().saturating_sub(1));
        if let Some(bytes) = string {
            self.recycle(Value::Long(bytes));
        }
    }

    /// Keeps the storage of a value that nobody else holds for the next string that is built.
    pub(super) fn recycle(&mut self, value: Value) {
        if let Value::Long(bytes) = value
            && self.spare.is_none()
            && bytes.capacity() <= SPARE
            && Rc::strong_count(&bytes) == 1
        {
            self.spare = Some(bytes);
        }
    }

    /// A stream function whose stream was not ready: NOTREADY is raised.
    fn after_stream(&mut self, value: Value, function: bool, stream: Value) -> Result<Flow> {
        self.deliver(Some(value), function, &Value::NULL)?;
        self.raise(Condition::NotReady, stream)
    }

    /// Enters a routine of the program.
    pub(super) fn enter(&mut self, place: u32, count: u16, entry: Entry) -> Result<Flow> {
        if self.frames.len() >= DEPTH {
            return Err(Error::new(11, 0, &[]));
        }
        if self.frames.len() % 64 == 63 {
            variables::check_storage()?;
        }
        let mut arguments = self.no_arguments.clone();
        if count > 0 {
            arguments = self.spare_arguments.pop().unwrap_or_default();
            let from = self.stack.len() - usize::from(count);
            let list = Rc::make_mut(&mut arguments);
            for given in &mut self.stack[from..] {
                list.push(given.take());
            }
            self.stack.truncate(from);
        }
        let line = self.line();
        self.variables.pools.set(self.names.sigl, Value::Int(i64::from(line)));
        self.frames.push(Frame {
            entry,
            unit: core::mem::replace(&mut self.unit, self.program.clone()),
            pc: self.pc,
            clause: self.clause,
            settings: self.settings,
            arguments: core::mem::replace(&mut self.arguments, arguments),
            condition: self.condition.clone(),
            pool: self.variables.pools.current(),
            loops: self.loops.len(),
            stack: self.stack.len(),
            start: place as usize,
            pause: core::mem::take(&mut self.tracing.pause),
        });
        self.pc = place as usize;
        Ok(self.frames.last().map_or(Flow::Switch, |caller| self.onward(Rc::as_ptr(&caller.unit))))
    }

    /// What comes after a call or a return out of that unit: the code is another one only where INTERPRET is in between.
    fn onward(&self, from: *const Unit) -> Flow {
        if Rc::as_ptr(&self.unit) == from { Flow::Next } else { Flow::Switch }
    }

    /// Restores the caller, where there is one; answers how the routine was entered, and where it began.
    pub(super) fn leave(&mut self) -> Option<(Entry, usize)> {
        // The frame is taken apart where it stands: it is too large to be moved about.
        let last = self.frames.len().checked_sub(1)?;
        let frame = &mut self.frames[last];
        core::mem::swap(&mut self.unit, &mut frame.unit);
        self.pc = frame.pc;
        self.clause = frame.clause;
        core::mem::swap(&mut self.arguments, &mut frame.arguments);
        self.loops.truncate(frame.loops);
        self.stack.truncate(frame.stack);
        if !matches!(frame.entry, Entry::Interpret | Entry::Typed) {
            let traced = self.settings.trace != frame.settings.trace;
            self.settings = frame.settings;
            self.condition = frame.condition.take();
            self.variables.pools.pop_to(frame.pool);
            if self.spare_arguments.len() < SPARE_ARGUMENTS
                && let Some(arguments) = Rc::get_mut(&mut frame.arguments)
            {
                arguments.clear();
                self.spare_arguments.push(core::mem::replace(&mut frame.arguments, self.no_arguments.clone()));
            }
            if frame.pause {
                self.pause_again();
            } else if traced || !self.pending.is_empty() {
                self.settings_changed();
            }
        }
        let frame = &mut self.frames[last];
        let entered = (core::mem::replace(&mut frame.entry, Entry::Interpret), frame.start);
        self.frames.truncate(last);
        Some(entered)
    }

    /// RETURN, from the innermost routine; from the program when none is active.
    pub(super) fn return_from(&mut self, with: bool) -> Result<Flow> {
        let value = with.then(|| self.pop());
        if let Some(value) = &value {
            self.trace_result(value);
        }
        let from = Rc::as_ptr(&self.unit);
        while let Some((entry, start)) = self.leave() {
            match entry {
                // What is left with the routine.
                Entry::Interpret => continue,
                Entry::Typed => {
                    self.typed_line_over();
                    continue;
                }
                Entry::Function => {
                    if value.is_none() {
                        let name = self.label_at(start);
                        return Err(Error::new(45, 1, &[&name]));
                    }
                    self.deliver(value, true, &Value::NULL)?;
                }
                Entry::Call => {
                    self.deliver(value, false, &Value::NULL)?;
                }
                Entry::Condition(condition) => self.settings.delayed(condition, false),
            }
            return Ok(self.onward(from));
        }
        self.ending = value;
        Ok(Flow::Exit)
    }

    /// The label at a place.
    fn label_at(&self, place: usize) -> Vec<u8> {
        let found = self.program.labels.iter().find(|(_, at)| **at as usize == place);
        found.map_or(Vec::new(), |(name, _)| name.as_bytes().to_vec())
    }

    /// The value of a function goes on the stack, that of CALL into RESULT.
    fn deliver(&mut self, value: Option<Value>, function: bool, name: &Value) -> Result<Flow> {
        match value {
            Some(value) if function => {
                if self.tracing.intermediates {
                    self.trace_intermediate("F", &value);
                }
                self.push(value);
            }
            None if function => return Err(Error::new(44, 1, &[&name.to_vec()])),
            Some(value) => {
                if self.tracing.results {
                    self.trace_result(&value);
                }
                self.variables.pools.set(self.names.result, value);
            }
            None => self.variables.pools.unset(self.names.result),
        }
        Ok(Flow::Next)
    }

    fn call_external(&mut self, name: &Value, count: u16, function: bool) -> Result<Flow> {
        let arguments = self.take_arguments(count);
        let kind = if function { CallKind::Function } else { CallKind::Subroutine };
        let bytes = name.to_vec();
        let line = self.line();
        self.variables.pools.set(self.names.sigl, Value::Int(i64::from(line)));
        match self.environment.call(&bytes, &arguments, kind) {
            External::NotFound => Err(Error::new(43, 1, &[&bytes])),
            External::Failed(error) => Err(error),
            External::Returned(value) => self.deliver(value, function, name),
        }
    }

    // INTERPRET

    pub(super) fn interpret(&mut self) -> Result<Flow> {
        let value = self.pop();
        self.trace_result(&value);
        let text = value.to_vec();
        self.interpret_text(text, Entry::Interpret)
    }

    pub(super) fn interpret_text(&mut self, text: Vec<u8>, entry: Entry) -> Result<Flow> {
        if self.frames.len() >= DEPTH {
            return Err(Error::new(11, 0, &[]));
        }
        let unit = self.compiled(text)?;
        self.frames.push(Frame {
            entry,
            unit: core::mem::replace(&mut self.unit, unit),
            pc: self.pc,
            clause: self.clause,
            settings: self.settings,
            arguments: self.arguments.clone(),
            condition: self.condition.clone(),
            pool: self.variables.pools.current(),
            loops: self.loops.len(),
            stack: self.stack.len(),
            start: 0,
            pause: false,
        });
        self.clause = 0;
        self.pc = 0;
        Ok(Flow::Switch)
    }

    /// The compiled form of a string. Those that were interpreted lately are kept.
    fn compiled(&mut self, text: Vec<u8>) -> Result<Rc<Unit>> {
        if let Some((_, unit)) = self.interpreted.iter().find(|(kept, _)| *kept == text) {
            return Ok(unit.clone());
        }
        let source = Source::new(text.clone());
        let unit = compile::interpreted(&source, &mut self.variables.names, &self.program).map_err(|(error, _)| error)?;
        let unit = Rc::new(unit);
        if text.len() <= KEPT_LENGTH {
            if self.interpreted.len() == KEPT {
                self.interpreted.remove(0);
            }
            self.interpreted.push((text, unit.clone()));
        }
        Ok(unit)
    }

    /// The end of the program, or of an interpreted string.
    pub(super) fn finish(&mut self) -> Flow {
        match self.frames.last().map(|frame| &frame.entry) {
            Some(Entry::Interpret | Entry::Typed) => {
                if let Some((Entry::Typed, _)) = self.leave() {
                    self.typed_line_over();
                }
                Flow::Switch
            }
            _ => Flow::Exit,
        }
    }

    // Commands

    pub(super) fn command(&mut self, environment: u32, command: Value) -> Result<Flow> {
        let name = self.variables.names.name(environment).to_vec();
        let text = command.to_vec();
        self.trace_before_command();
        let result = match self.settings.trace.inhibits && !self.tracing.typed {
            true => CommandResult::of(0),
            false => self.environment.command(&name, &text, &mut self.variables),
        };
        self.now = None;
        self.trace_command(&result);
        if self.tracing.typed {
            return Ok(Flow::Next);
        }
        self.variables.pools.set(self.names.rc, result.rc);
        let condition = match (result.failure, result.error) {
            (true, _) if self.trapped(Condition::Failure) => Condition::Failure,
            (false, false) => return Ok(Flow::Next),
            // Without a trap for FAILURE the one for ERROR is taken.
            _ => Condition::Error,
        };
        if self.trapped(condition) { self.raise(condition, command) } else { Ok(Flow::Next) }
    }

    /// The number of an environment's name.
    pub(super) fn environment_name(&mut self, name: &Value) -> Result<u32> {
        let bytes = name.to_vec();
        if bytes.len() > ENVIRONMENT {
            return Err(Error::new(29, 1, &[&bytes]));
        }
        Ok(self.variables.names.number(&bytes))
    }

    pub(super) fn address(&mut self, unit: &Unit, op: Op) -> Result<()> {
        let name = match op {
            Op::Address(name) => self.environment_name(&unit.constants[name as usize].clone())?,
            Op::AddressValue => {
                let name = self.pop();
                self.trace_result(&name);
                self.environment_name(&name)?
            }
            _ => {
                core::mem::swap(&mut self.settings.address, &mut self.settings.alternate);
                return Ok(());
            }
        };
        self.settings.alternate = core::mem::replace(&mut self.settings.address, name);
        Ok(())
    }

    /// The place of a label.
    pub(super) fn label(&self, name: &Value) -> Option<u32> {
        let mut scratch = Scratch::new();
        let key: &[u8] = name.bytes(&mut scratch);
        self.program.labels.get(key).copied().or_else(|| {
            let upper = Key::new(&key.to_ascii_uppercase());
            self.program.labels.get(&upper).copied()
        })
    }

    /// Calls the trap of a condition.
    pub(super) fn call_trap(&mut self, info: ConditionInfo, label: u32) -> Result<Flow> {
        let name = Value::string(self.variables.names.name(label));
        let Some(place) = self.label(&name) else {
            return Err(Error::new(16, 1, &[&name.to_vec()]));
        };
        let condition = info.condition;
        self.settings.delayed(condition, true);
        let flow = self.enter(place, 0, Entry::Condition(condition))?;
        self.condition = Some(Rc::new(info));
        Ok(flow)
    }
}
