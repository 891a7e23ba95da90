//! The compiled form of a program: operations on a stack of values, with variables resolved to numbers and labels to places.

use alloc::rc::Rc;
use alloc::vec::Vec;

use hashbrown::HashMap;

use super::error::Error;
use super::scanner::{Operator, Source};
use super::value::{Key, Value};

/// One operation. `u32` operands are numbers of things in the [`Unit`], or places in its code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Op {
    /// A clause begins.
    Clause(u32),
    /// A clause that does nothing by itself (THEN, ELSE, a label): it is only traced.
    Mark(u32),
    Constant(u32),
    Variable(u32),
    Compound(u32),
    Stem(u32),
    /// An argument that is left out.
    Omitted,
    Binary(Operator),
    /// Stands where the first operand of a binary operation is pushed when its operands are variables and constants: does all of the
    /// operation when it is a short one on numbers, else only pushes that operand.
    Quick(u32),
    /// The same for a concatenation.
    Join(u32),
    /// The same where the second operand of a concatenation is pushed: appends it to the first, which is on the stack.
    Append(u32),
    Prefix(Operator),
    /// Call as a function: the site, and how many arguments are on the stack.
    Function(u32, u16),
    /// Call by CALL.
    Call(u32, u16),
    /// CALL (expression): the name is on the stack below the arguments.
    CallValue(u16),
    Assign(u32),
    AssignCompound(u32),
    AssignStem(u32),
    Say,
    Push,
    Queue,
    Interpret,
    Command,
    /// A single command for that environment.
    CommandTo(u32),
    Address(u32),
    AddressValue,
    AddressToggle,
    Drop(u32),
    Upper(u32),
    Procedure(u32),
    /// Whether there is a value on the stack.
    Exit(bool),
    Return(bool),
    Nop,
    Numeric(NumericItem, bool),
    FormEngineering(bool),
    Options,
    /// The string that PARSE is about: argument by number.
    ParseArgument(u32),
    ParseSource(ParseItem),
    Parse(u32),
    Signal(u32),
    SignalValue,
    Trap(u32),
    Trace(u32),
    TraceValue,
    Jump(u32),
    /// Goes on when the value is 1, jumps when it is 0: after IF, WHEN, WHILE, UNTIL (which jumps on 1).
    If(u32),
    When(u32),
    While(u32),
    Until(u32),
    LoopBegin(u32),
    LoopTest(u32),
    LoopStep(u32),
    LoopEnd,
    /// The END of a simple DO or of a SELECT.
    NoOtherwise(u32),
    /// An error that is one only when it is reached.
    Fail(u32),
    /// The end of the program or of an interpreted string.
    Finish,
}

/// A binary operation whose operands stand ready.
#[derive(Clone, Copy, Debug)]
pub struct Quick {
    pub left: Operand,
    pub right: Operand,
    pub operator: Operator,
}

/// An operand that needs no evaluation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operand {
    /// The value on the stack.
    Top,
    Variable(u32),
    Constant(u32),
}

/// What NUMERIC sets to a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NumericItem {
    Digits,
    Fuzz,
    Form,
}

/// Where PARSE gets its string.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ParseItem {
    External,
    Numeric,
    Pull,
    Source,
    Version,
}

/// A variable as a program names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reference {
    Simple(u32),
    Stem(u32),
    Compound(u32),
}

/// A compound symbol.
#[derive(Debug)]
pub struct CompoundName {
    /// The stem, with its period.
    pub stem: u32,
    /// The parts behind it.
    pub tail: Vec<TailPart>,
}

/// A part of a tail.
#[derive(Clone, Debug)]
pub enum TailPart {
    Constant(Value),
    Variable(u32),
}

/// A clause: where it stands.
#[derive(Clone, Copy, Debug)]
pub struct Clause {
    pub start: u32,
    pub end: u32,
    pub line: u32,
    /// How many DO, SELECT, IF it is within: traces are indented.
    pub depth: u16,
}

/// A place from which a routine is called.
#[derive(Debug)]
pub struct CallSite {
    pub name: Value,
    /// A name in quotes never is a label.
    pub quoted: bool,
    pub target: Target,
}

/// What a call reaches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Target {
    /// A label: its place in the code of the program.
    Label(u32),
    BuiltIn(u16),
    External,
}

/// A repetitive DO.
#[derive(Debug, Default)]
pub struct Loop {
    pub control: Option<Reference>,
    /// What stands on the stack, in the order of evaluation, behind the initial value.
    pub phrases: Vec<Phrase>,
    /// A count instead of a control variable.
    pub counted: bool,
    pub top: u32,
    pub exit: u32,
    pub clause: u32,
}

/// A phrase of DO.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phrase {
    To,
    By,
    For,
}

/// Conditions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Condition {
    Error,
    Failure,
    Halt,
    NoValue,
    NotReady,
    Syntax,
    LostDigits,
}

impl Condition {
    /// All, in the order of their numbers.
    pub const ALL: [Self; 7] = [Self::Error, Self::Failure, Self::Halt, Self::NoValue, Self::NotReady, Self::Syntax, Self::LostDigits];

    /// Its name, which is also the label that it goes to when none is given.
    pub fn name(self) -> &'static str {
        match self {
            Self::Error => "ERROR",
            Self::Failure => "FAILURE",
            Self::Halt => "HALT",
            Self::NoValue => "NOVALUE",
            Self::NotReady => "NOTREADY",
            Self::Syntax => "SYNTAX",
            Self::LostDigits => "LOSTDIGITS",
        }
    }
}

/// SIGNAL or CALL, ON or OFF.
#[derive(Clone, Copy, Debug)]
pub struct TrapSetting {
    pub condition: Condition,
    pub on: bool,
    pub by_call: bool,
    /// The constant that names the label.
    pub label: u32,
}

/// A template.
#[derive(Debug, Default)]
pub struct Template {
    pub upper: bool,
    /// When words are all that it cuts, as they are, and what gets them is simple variables or nothing: the names of those.
    pub words: Option<Vec<Option<u32>>>,
    pub parts: Vec<(Vec<Option<Reference>>, Pattern)>,
}

/// What ends a part of a template.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pattern {
    End,
    Literal(u32),
    Variable(Reference),
    Column(u32),
    ColumnVariable(Reference),
    /// A number of columns forward, or backward.
    Relative(i64),
    RelativeVariable(Reference, bool),
}

/// A name in a list; in parentheses it also names others.
#[derive(Clone, Copy, Debug)]
pub struct ListItem {
    pub name: Reference,
    pub indirect: bool,
}

/// A compiled program or interpreted string.
#[derive(Debug)]
pub struct Unit {
    pub source: Rc<Source>,
    pub code: Vec<Op>,
    pub constants: Vec<Value>,
    pub compounds: Vec<CompoundName>,
    pub quicks: Vec<Quick>,
    pub clauses: Vec<Clause>,
    pub sites: Vec<CallSite>,
    pub loops: Vec<Loop>,
    pub templates: Vec<Template>,
    pub lists: Vec<Vec<ListItem>>,
    pub traps: Vec<TrapSetting>,
    pub labels: HashMap<Key, u32>,
    pub errors: Vec<Error>,
}

impl Unit {
    /// An empty unit.
    pub fn new(source: Rc<Source>) -> Self {
        Self {
            source,
            code: Vec::new(),
            constants: Vec::new(),
            compounds: Vec::new(),
            quicks: Vec::new(),
            clauses: Vec::new(),
            sites: Vec::new(),
            loops: Vec::new(),
            templates: Vec::new(),
            lists: Vec::new(),
            traps: Vec::new(),
            labels: HashMap::new(),
            errors: Vec::new(),
        }
    }

    /// The characters of a clause, on one line.
    pub fn clause_text(&self, clause: &Clause) -> Vec<u8> {
        let text = self.source.text.get(clause.start as usize..clause.end as usize).unwrap_or_default();
        text.iter().map(|byte| if *byte == b'\n' { b' ' } else { *byte }).collect()
    }
}
