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

/// What is kept of a caller.
#[derive(Debug)]
struct Frame {
    entry: Entry,
    unit: Rc<Unit>,
    pc: usize,
    clause: u32,
    settings: Settings,
    arguments: Rc<[Option<Value>]>,
    condition: Option<Rc<ConditionInfo>>,
    pool: u32,
    /// How much of the two stacks is the caller's.
    loops: usize,
    stack: usize,
    /// Where the routine began.
    start: usize,
}

/// What comes after an operation.
enum Flow {
    Next,
    /// The unit may have changed.
    Switch,
    Exit(Ending),
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
    pub(super) arguments: Rc<[Option<Value>]>,
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
    /// The arguments of built-in functions, to be used again.
    buffer: Vec<Option<Value>>,
    /// Compiled strings of INTERPRET.
    interpreted: Vec<(Vec<u8>, Rc<Unit>)>,
    pub(super) random: u64,
    /// TIME and DATE do not change within a clause.
    pub(super) now: Option<(u64, super::environment::Clock)>,
    pub(super) clause_count: u64,
    names: SpecialNames,
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
            arguments: invocation.arguments.clone().into(),
            condition: None,
            random: invocation.seed,
            invocation,
            attention: false,
            pending: Vec::new(),
            ticks: POLL,
            not_ready: None,
            tracing,
            tail: Vec::new(),
            buffer: Vec::new(),
            interpreted: Vec::new(),
            now: None,
            clause_count: 0,
            names,
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
            loop {
                let op = unit.code[self.pc];
                self.pc += 1;
                match self.step(&unit, op)? {
                    Flow::Next => {}
                    Flow::Switch => break,
                    Flow::Exit(ending) => return Ok(ending),
                }
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
        self.stack.pop().flatten().unwrap_or(Value::NULL)
    }

    #[inline]
    fn push(&mut self, value: Value) {
        self.stack.push(Some(value));
    }

    /// One operation.
    #[inline(always)]
    fn step(&mut self, unit: &Rc<Unit>, op: Op) -> Result<Flow> {
        match op {
            Op::Clause(number) => return self.begin_clause(number),
            Op::Constant(number) => {
                let value = unit.constants[number as usize].clone();
                if self.tracing.intermediates {
                    self.trace_intermediate("L", &value);
                }
                self.push(value);
            }
            Op::Variable(name) => match self.variables.pools.get(name) {
                Some(value) => {
                    let value = value.clone();
                    // `x = x || more` appends in place when nobody else holds the value.
                    let value = self.release_target(unit, name, value);
                    if self.tracing.intermediates {
                        self.trace_intermediate("V", &value);
                    }
                    self.push(value);
                }
                None => return self.unset(Reference::Simple(name)),
            },
            Op::Binary(operator) if self.quick(operator) => {}
            Op::Binary(operator) => {
                let right = self.pop();
                let left = self.pop();
                let value = self.binary(operator, left, right)?;
                if self.tracing.intermediates {
                    self.trace_intermediate("O", &value);
                }
                self.push(value);
            }
            Op::Assign(name) => {
                let value = self.pop();
                if self.tracing.results {
                    self.trace_result(&value);
                }
                self.variables.pools.set(name, value);
            }
            Op::LoopTest(number) => self.loop_test(unit, number)?,
            Op::LoopStep(number) => self.loop_step(unit, number)?,
            Op::LoopEnd => {
                self.loops.pop();
            }
            Op::Jump(target) => self.pc = target as usize,
            Op::If(target) => self.jump_unless(target, 1)?,
            Op::When(target) => self.jump_unless(target, 2)?,
            Op::While(target) => self.jump_unless(target, 3)?,
            Op::Until(target) => {
                if self.truth(4)? {
                    self.pc = target as usize;
                }
            }
            Op::Compound(number) => return self.compound(unit, number),
            Op::AssignCompound(number) => self.assign_compound(unit, number)?,
            Op::Function(site, count) => return self.call_site(unit, site, count, true),
            Op::Call(site, count) => return self.call_site(unit, site, count, false),
            Op::Prefix(operator) => {
                let value = self.pop();
                let value = self.prefix(operator, value)?;
                if self.tracing.intermediates {
                    self.trace_intermediate("P", &value);
                }
                self.push(value);
            }
            Op::Return(with) => return self.return_from(with),
            other => return self.rare(unit, other),
        }
        Ok(Flow::Next)
    }

    /// When the value just taken from a variable is going to be assigned to the same variable after being appended to, the variable lets go of it.
    #[inline]
    fn release_target(&mut self, unit: &Unit, name: u32, value: Value) -> Value {
        if !matches!(value, Value::Long(_)) {
            return value;
        }
        if self.appends_to(unit, name) {
            drop(value);
            return self.variables.pools.take(name).unwrap_or(Value::NULL);
        }
        value
    }

    /// Whether what follows is simple operands, each concatenated, and the assignment to the variable. The operands have values, so
    /// that evaluating them raises nothing.
    fn appends_to(&self, unit: &Unit, name: u32) -> bool {
        let mut rest = &unit.code[self.pc..];
        loop {
            match rest {
                [Op::Constant(_), Op::Binary(Operator::Concatenate | Operator::Blank | Operator::Abuttal), more @ ..] => rest = more,
                [Op::Variable(other), Op::Binary(Operator::Concatenate | Operator::Blank | Operator::Abuttal), more @ ..]
                    if *other != name && self.variables.pools.get(*other).is_some() =>
                {
                    rest = more;
                }
                [Op::Assign(target), ..] => return *target == name,
                _ => return false,
            }
        }
    }

    /// The less frequent operations.
    #[inline(never)]
    fn rare(&mut self, unit: &Rc<Unit>, op: Op) -> Result<Flow> {
        match op {
            Op::Mark(number) => self.trace_mark(number),
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
                return Ok(Flow::Exit(value));
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
            Op::Parse(template) => self.parse(unit, template)?,
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
            Op::Trace(setting) => self.trace_setting(&unit.constants[setting as usize].clone())?,
            Op::TraceValue => {
                let setting = self.pop();
                self.trace_result(&setting);
                self.trace_setting(&setting)?;
            }
            Op::LoopBegin(number) => self.loop_begin(unit, number)?,
            Op::NoOtherwise(select) => {
                let line = unit.clauses[select as usize].line;
                return Err(Error::new(7, 3, &[alloc::format!("{line}").as_bytes()]));
            }
            Op::Fail(number) => return Err(unit.errors[number as usize].clone()),
            Op::Finish => return Ok(self.finish()),
            other => unreachable!("{other:?} is done by step"),
        }
        Ok(Flow::Next)
    }

    /// The next clause begins.
    #[inline]
    fn begin_clause(&mut self, number: u32) -> Result<Flow> {
        self.clause_count += 1;
        self.ticks -= 1;
        if self.attention || self.ticks == 0 {
            return self.attend(number);
        }
        self.clause = number;
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

/// Most clauses of a traceback.
const TRACEBACK: usize = 50;
