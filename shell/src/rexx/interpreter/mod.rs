//! Runs compiled programs. Here: the state of a run and its loop; families of operations have files of their own.

mod arithmetic;
mod assign;
mod calls;
mod conditions;
mod loops;
mod parse;
mod settings;
mod trace;

use alloc::rc::Rc;
use alloc::vec::Vec;

use super::Program;
use super::code::*;
use super::environment::{CallKind, Environment};
use super::error::{Error, Result};
use super::number::Number;
use super::scanner::Operator;
use super::value::Value;
use super::variables::Variables;

pub use arithmetic::whole;
pub(super) use conditions::ConditionInfo;
use loops::LoopState;
pub(super) use settings::Settings;
use trace::Tracing;

/// How a program is started.
#[derive(Clone, Debug)]
pub struct Invocation {
    /// As what it is called.
    pub kind: CallKind,
    /// Its arguments.
    pub arguments: Vec<Option<Value>>,
    /// The words of PARSE SOURCE behind the kind: on CMS name, type, mode, the name it was called by, the environment.
    pub source: Vec<u8>,
    /// The environment that commands go to at first.
    pub address: Vec<u8>,
    /// What PARSE SOURCE calls the system.
    pub system: Vec<u8>,
    /// Seed of RANDOM.
    pub seed: u64,
}

/// How a program ended: with what value, if any.
pub type Ending = Option<Value>;

/// An error that ended a program.
#[derive(Clone, Debug)]
pub struct Report {
    /// What went wrong.
    pub error: Error,
    /// In which line.
    pub line: u32,
    /// The clauses that were active, innermost first: line and text.
    pub traceback: Vec<(u32, Vec<u8>)>,
}

/// Most calls and interpreted strings within each other.
const DEPTH: usize = 10_000;
/// Clauses between two looks at what the environment wants.
const POLL: u32 = 256;

/// How a routine was entered.
#[derive(Clone, Debug, PartialEq)]
enum Entry {
    Function,
    Call,
    Interpret,
    /// The trap of that condition called it.
    Condition(Condition),
    /// A line typed in interactive trace.
    Typed,
}

/// The arguments of a routine.
type Arguments = Rc<Vec<Option<Value>>>;

/// What is kept of a caller.
#[derive(Debug)]
struct Frame {
    entry: Entry,
    unit: Rc<Unit>,
    pc: usize,
    clause: u32,
    settings: Settings,
    arguments: Arguments,
    condition: Option<Rc<ConditionInfo>>,
    pool: u32,
    /// How much of the two stacks is the caller's.
    loops: usize,
    stack: usize,
    /// Where the routine began.
    start: usize,
    /// The caller's clause is followed by a pause of interactive trace.
    pause: bool,
}

/// What comes after an operation.
#[derive(Clone, Copy)]
enum Flow {
    Next,
    /// The unit may have changed.
    Switch,
    /// The program is over, with the ending that the run has noted.
    Exit,
}

/// A run of a program.
pub struct Interpreter<'e> {
    pub(super) environment: &'e mut dyn Environment,
    program: Rc<Unit>,
    unit: Rc<Unit>,
    pc: usize,
    clause: u32,
    stack: Vec<Option<Value>>,
    frames: Vec<Frame>,
    loops: Vec<LoopState>,
    pub(super) variables: Variables,
    pub(super) settings: Settings,
    pub(super) arguments: Arguments,
    /// No arguments, and lists of arguments whose storage is used again.
    no_arguments: Arguments,
    spare_arguments: Vec<Arguments>,
    pub(super) condition: Option<Rc<ConditionInfo>>,
    invocation: Invocation,
    /// Something has to be done before the next clause: trace it, call the trap of a condition, read a typed line.
    attention: bool,
    /// Conditions whose traps are to be called.
    pending: Vec<ConditionInfo>,
    ticks: u32,
    /// A stream of this clause was not ready.
    not_ready: Option<Value>,
    tracing: Tracing,
    /// The tail of the compound variable at hand, to be used again.
    tail: Vec<u8>,
    /// A number of this clause had more digits than there may be.
    lost: Option<Value>,
    /// The operands of long arithmetic, whose storage is used again.
    numbers: (Number, Number),
    /// The storage of a string that is gone, for the next one.
    spare: Option<Rc<Vec<u8>>>,
    /// Compiled strings of INTERPRET.
    interpreted: Vec<(Vec<u8>, Rc<Unit>)>,
    pub(super) random: u64,
    /// TIME and DATE do not change within a clause.
    pub(super) now: Option<(u64, super::environment::Clock)>,
    pub(super) clause_count: u64,
    names: SpecialNames,
    ending: Ending,
}

/// Variables that the language itself sets.
#[derive(Clone, Copy, Debug)]
struct SpecialNames {
    rc: u32,
    result: u32,
    sigl: u32,
}

impl<'e> Interpreter<'e> {
    /// A run that has not begun.
    pub fn new(program: &Program, invocation: Invocation, environment: &'e mut dyn Environment) -> Self {
        let mut variables = Variables { names: program.names.clone(), pools: super::Pools::new() };
        let names = SpecialNames {
            rc: variables.names.number(b"RC"),
            result: variables.names.number(b"RESULT"),
            sigl: variables.names.number(b"SIGL"),
        };
        let address = variables.names.number(&invocation.address);
        let settings = Settings::new(address);
        let mut tracing = Tracing::default();
        tracing.follow(settings.trace);
        Self {
            environment,
            program: program.unit.clone(),
            unit: program.unit.clone(),
            pc: 0,
            clause: 0,
            stack: Vec::new(),
            frames: Vec::new(),
            loops: Vec::new(),
            variables,
            settings,
            arguments: Rc::new(invocation.arguments.clone()),
            no_arguments: Arguments::default(),
            spare_arguments: Vec::new(),
            condition: None,
            random: invocation.seed,
            invocation,
            attention: false,
            pending: Vec::new(),
            ticks: 1,
            not_ready: None,
            tracing,
            tail: Vec::new(),
            lost: None,
            numbers: Default::default(),
            spare: None,
            interpreted: Vec::new(),
            now: None,
            clause_count: 0,
            names,
            ending: None,
        }
    }

    /// Runs to the end.
    ///
    /// # Errors
    /// The error that ended it.
    pub fn run(mut self) -> core::result::Result<Ending, Report> {
        loop {
            match self.run_until_error() {
                Ok(ending) => return Ok(ending),
                Err(error) => {
                    if let Err(error) = self.syntax(error) {
                        return Err(self.report(error));
                    }
                }
            }
        }
    }

    fn run_until_error(&mut self) -> Result<Ending> {
        loop {
            let unit = self.unit.clone();
            if let Flow::Exit = self.run_unit(&unit)? {
                return Ok(self.ending.take());
            }
        }
    }

    /// What a report tells of an error.
    fn report(&self, error: Error) -> Report {
        let mut traceback = Vec::new();
        let mut add = |unit: &Unit, clause: u32| {
            if let Some(clause) = unit.clauses.get(clause as usize) {
                traceback.push((clause.line, unit.clause_text(clause)));
            }
        };
        add(&self.unit, self.clause);
        for frame in self.frames.iter().rev().take(TRACEBACK) {
            add(&frame.unit, frame.clause);
        }
        Report { error, line: self.line(), traceback }
    }

    /// The line of the program that is being executed; within INTERPRET that of the instruction.
    pub(super) fn line(&self) -> u32 {
        let mut at = (&self.unit, self.clause);
        for frame in self.frames.iter().rev() {
            if Rc::ptr_eq(at.0, &self.program) {
                break;
            }
            at = (&frame.unit, frame.clause);
        }
        at.0.clauses.get(at.1 as usize).map_or(1, |clause| clause.line)
    }

    #[inline]
    fn pop(&mut self) -> Value {
        // Taken out as a whole: values are moved faster than they are matched and made again.
        let value = self.stack.last_mut().and_then(|top| top.as_mut()).map(|top| core::mem::replace(top, Value::NULL));
        self.stack.pop();
        value.unwrap_or(Value::NULL)
    }

    #[inline]
    fn push(&mut self, value: Value) {
        self.stack.push(Some(value));
    }

    /// Runs operations until the program goes on in another unit, or is over. What programs do most goes on with the next operation by itself.
    fn run_unit(&mut self, unit: &Rc<Unit>) -> Result<Flow> {
        let code = &unit.code[..];
        loop {
            // Each operation reads what it needs of its own.
            let op = &code[self.pc];
            self.pc += 1;
            let flow = match *op {
                Op::Clause(number) => {
                    self.clause_count += 1;
                    self.ticks -= 1;
                    if !self.attention && self.ticks > 0 {
                        self.clause = number;
                        continue;
                    }
                    self.attend(number)?
                }
                Op::Quick(number) => {
                    let quick = &unit.quicks[number as usize];
                    if self.quick_operation(unit, quick) {
                        continue;
                    }
                    self.push_operand(unit, if quick.left == Operand::Top { quick.right } else { quick.left })?
                }
                Op::Join(number) => {
                    let quick = &unit.quicks[number as usize];
                    if self.join_operands(unit, quick)? {
                        continue;
                    }
                    self.push_operand(unit, quick.left)?
                }
                Op::Append(number) => {
                    let quick = &unit.quicks[number as usize];
                    if self.append_operand(unit, quick)? {
                        continue;
                    }
                    self.push_operand(unit, quick.right)?
                }
                Op::Mark(number) => {
                    if self.tracing.labels {
                        self.trace_mark(number);
                    }
                    continue;
                }
                Op::Constant(number) => {
                    self.push_constant(unit, number);
                    continue;
                }
                Op::Variable(name) => match self.variables.pools.get(name) {
                    Some(value) if !matches!(value, Value::Long(_)) && !self.tracing.intermediates => {
                        push_copy(&mut self.stack, value);
                        continue;
                    }
                    _ => self.push_variable(unit, name)?,
                },
                Op::Binary(operator) if self.quick(operator) => continue,
                Op::Binary(operator) => self.binary_operation(operator)?,
                Op::Assign(name) => {
                    self.assign_simple(name);
                    continue;
                }
                Op::LoopTest(number) => {
                    self.loop_test(unit, number)?;
                    continue;
                }
                Op::LoopStep(number) => {
                    self.loop_step(unit, number)?;
                    continue;
                }
                Op::Jump(target) => {
                    self.pc = target as usize;
                    continue;
                }
                Op::If(target) => {
                    self.jump_unless(target, 1)?;
                    continue;
                }
                Op::When(target) => {
                    self.jump_unless(target, 2)?;
                    continue;
                }
                Op::While(target) => {
                    self.jump_unless(target, 3)?;
                    continue;
                }
                Op::Compound(number) => self.compound(unit, number)?,
                Op::AssignCompound(number) => {
                    self.assign_compound(unit, number)?;
                    continue;
                }
                Op::Function(site, count) => self.call_site(unit, site, count, true)?,
                Op::Call(site, count) => self.call_site(unit, site, count, false)?,
                Op::Return(with) => self.return_from(with)?,
                Op::Parse(template) => {
                    self.parse(unit, template)?;
                    continue;
                }
                other => self.rare(unit, other)?,
            };
            if !matches!(flow, Flow::Next) {
                return Ok(flow);
            }
        }
    }

    /// A binary operation on the two values on the stack.
    fn binary_operation(&mut self, operator: Operator) -> Result<Flow> {
        match operator {
            Operator::Concatenate | Operator::Abuttal => return self.concatenate(false),
            Operator::Blank => return self.concatenate(true),
            _ => {}
        }
        let right = self.pop();
        let left = self.pop();
        let value = self.binary(operator, &left, &right)?;
        if let Some(number) = self.lost.take() {
            return self.raise(Condition::LostDigits, number);
        }
        self.recycle(left);
        self.recycle(right);
        if self.tracing.intermediates {
            self.trace_intermediate("O", &value);
        }
        self.push(value);
        Ok(Flow::Next)
    }

    /// Assigns the value on the stack to a simple variable.
    #[inline]
    fn assign_simple(&mut self, name: u32) {
        let value = self.pop();
        if self.tracing.results {
            self.trace_result(&value);
        }
        let old = self.variables.pools.exchange(name, value);
        if let Some(old @ Value::Long(_)) = old {
            self.recycle(old);
        }
    }

    /// Pushes an operand in the ordinary way.
    fn push_operand(&mut self, unit: &Unit, operand: Operand) -> Result<Flow> {
        match operand {
            Operand::Variable(name) => return self.push_variable(unit, name),
            Operand::Constant(number) => self.push_constant(unit, number),
            Operand::Top => {}
        }
        Ok(Flow::Next)
    }

    #[inline]
    fn push_constant(&mut self, unit: &Unit, number: u32) {
        let value = &unit.constants[number as usize];
        push_copy(&mut self.stack, value);
        if self.tracing.intermediates {
            self.trace_intermediate("L", value);
        }
    }

    #[inline]
    fn push_variable(&mut self, unit: &Unit, name: u32) -> Result<Flow> {
        match self.variables.pools.get(name) {
            None => return self.unset(Reference::Simple(name)),
            // `x = x || more` appends in place when nobody else holds the value.
            Some(Value::Long(_)) if self.appends_to(unit, name) => {
                let value = self.variables.pools.take(name);
                self.stack.push(value);
            }
            Some(value) => push_copy(&mut self.stack, value),
        }
        if self.tracing.intermediates
            && let Some(Some(value)) = self.stack.last()
        {
            let value = value.clone();
            self.trace_intermediate("V", &value);
        }
        Ok(Flow::Next)
    }

    /// Whether the value just taken from the variable is going to be assigned to it after being appended to: what follows is simple
    /// operands, each concatenated, and the assignment. The operands have values, so that evaluating them raises nothing.
    fn appends_to(&self, unit: &Unit, name: u32) -> bool {
        let mut at = self.pc;
        loop {
            match unit.code[at] {
                Op::Append(number) => match unit.quicks[number as usize].right {
                    Operand::Variable(other) if other == name || self.variables.pools.get(other).is_none() => return false,
                    _ => at += 2,
                },
                Op::Assign(target) => return target == name,
                _ => return false,
            }
        }
    }

    /// The less frequent operations.
    #[inline(never)]
    fn rare(&mut self, unit: &Rc<Unit>, op: Op) -> Result<Flow> {
        match op {
            Op::LoopEnd => drop(self.loops.pop()),
            Op::Until(target) => {
                if self.truth(4)? {
                    self.pc = target as usize;
                }
            }
            Op::Prefix(operator) => {
                let value = self.pop();
                let value = self.prefix(operator, value)?;
                if self.tracing.intermediates {
                    self.trace_intermediate("P", &value);
                }
                self.push(value);
            }
            Op::Stem(name) => match self.variables.pools.stem_value(name) {
                Some(value) => {
                    let value = value.clone();
                    self.trace_intermediate("V", &value);
                    self.push(value);
                }
                None => return self.unset(Reference::Stem(name)),
            },
            Op::Omitted => self.stack.push(None),
            Op::CallValue(count) => return self.call_value(unit, count),
            Op::AssignStem(name) => {
                let value = self.pop();
                self.trace_result(&value);
                self.variables.pools.reset_stem(name, Some(value));
            }
            Op::Say => {
                let value = self.pop();
                self.trace_result(&value);
                self.environment.say(value.bytes(&mut super::value::Scratch::new()));
            }
            Op::Push | Op::Queue => {
                let value = self.pop();
                self.trace_result(&value);
                super::variables::check_storage()?;
                match op {
                    Op::Push => self.environment.push(value.to_vec()),
                    _ => self.environment.queue(value.to_vec()),
                }
            }
            Op::Interpret => return self.interpret(),
            Op::Command => {
                let command = self.pop();
                self.trace_result(&command);
                return self.command(self.settings.address, command);
            }
            Op::CommandTo(name) => {
                let command = self.pop();
                self.trace_result(&command);
                let name = self.environment_name(&unit.constants[name as usize].clone())?;
                return self.command(name, command);
            }
            Op::Address(_) | Op::AddressValue | Op::AddressToggle => self.address(unit, op)?,
            Op::Drop(list) => self.drop_list(unit, list)?,
            Op::Upper(list) => return self.upper(unit, list),
            Op::Procedure(list) => self.procedure(unit, list)?,
            Op::Exit(with) => {
                let value = with.then(|| self.pop());
                if let Some(value) = &value {
                    self.trace_result(value);
                }
                self.ending = value;
                return Ok(Flow::Exit);
            }
            Op::Nop => {}
            Op::Numeric(item, with) => self.numeric(item, with)?,
            Op::FormEngineering(engineering) => self.settings.numeric.engineering = engineering,
            Op::Options => drop(self.pop()),
            Op::ParseArgument(number) => {
                let value = self.arguments.get(number as usize).cloned().flatten().unwrap_or(Value::NULL);
                self.push(value);
            }
            Op::ParseSource(item) => self.parse_source(item),
            Op::Signal(label) => {
                let label = unit.constants[label as usize].clone();
                return self.signal(&label);
            }
            Op::SignalValue => {
                let label = self.pop();
                self.trace_result(&label);
                return self.signal(&label);
            }
            Op::Trap(number) => self.set_trap(unit, number),
            Op::Trace(setting) => self.trace_instruction(&unit.constants[setting as usize].clone())?,
            Op::TraceValue => {
                let setting = self.pop();
                self.trace_result(&setting);
                self.trace_instruction(&setting)?;
            }
            Op::LoopBegin(number) => self.loop_begin(unit, number)?,
            Op::NoOtherwise(select) => {
                // It is the END, which comes next, that finds nothing done.
                if let Op::Mark(end) | Op::Clause(end) = unit.code[self.pc] {
                    self.clause = end;
                }
                let line = unit.clauses[select as usize].line;
                return Err(Error::new(7, 3, &[alloc::format!("{line}").as_bytes()]));
            }
            Op::Fail(number) => return Err(unit.errors[number as usize].clone()),
            Op::Finish => return Ok(self.finish()),
            other => unreachable!("{other:?} is done by run_unit"),
        }
        Ok(Flow::Next)
    }

    /// Jumps when the value is 0.
    #[inline]
    fn jump_unless(&mut self, target: u32, sub: u16) -> Result<()> {
        if !self.truth(sub)? {
            self.pc = target as usize;
        }
        Ok(())
    }

    /// The logical value on the stack; `sub` is the sub-code of error 34.
    #[inline]
    fn truth(&mut self, sub: u16) -> Result<bool> {
        let value = self.pop();
        if self.tracing.results {
            self.trace_result(&value);
        }
        match arithmetic::logical(&value) {
            Some(truth) => Ok(truth),
            None => Err(Error::new(34, sub, &[&value.to_vec()])),
        }
    }
}

/// Pushes a copy of a value. Each kind is put where it belongs, not made aside and moved there: reading back what was just stored in
/// pieces stalls the processor for longer than the whole operation takes.
#[inline]
fn push_copy(stack: &mut Vec<Option<Value>>, value: &Value) {
    match value {
        Value::Int(number) => stack.push(Some(Value::Int(*number))),
        Value::Decimal(scale, coefficient) => stack.push(Some(Value::Decimal(*scale, *coefficient))),
        Value::Exponential(exponent, coefficient) => stack.push(Some(Value::Exponential(*exponent, *coefficient))),
        Value::Short(length, bytes) => stack.push(Some(Value::Short(*length, *bytes))),
        Value::Long(bytes) => stack.push(Some(Value::Long(bytes.clone()))),
    }
}

/// Most clauses of a traceback.
const TRACEBACK: usize = 50;
