//! REXX: the language of EXECs, as CMS has it (TRL 2, SAA level 2) with the functions that ANSI X3.274 added.
//!
//! A program is compiled once ([`Program`]) and run any number of times ([`run`]) against an [`Environment`], which is all it knows of the
//! world around it. Neither compiling nor running recurses on the machine's stack: calls, loops and expressions nest on the heap, and
//! what nests too deeply or needs more storage than there is ends in one of the language's own errors.

mod builtin;
mod code;
mod compile;
mod eight;
mod environment;
mod error;
mod interpreter;
mod messages;
mod number;
mod scanner;
mod stem;
mod value;
mod variables;
mod word;

use alloc::rc::Rc;
use alloc::vec::Vec;

pub use environment::{CallKind, Clock, CommandResult, Environment, External, Interrupt, StreamAnswer};
pub use error::{Error, text as error_text};
pub use interpreter::{Ending, Invocation, Report, whole};
pub use number::{Fault, Number, Numeric, add, compare, divide, integer_divide, multiply, power, remainder, subtract};
pub use value::{STRING_MAX, Value};
pub use variables::{Named, Names, Pools, Variables, check_storage};

/// A compiled program.
#[derive(Debug)]
pub struct Program {
    unit: Rc<code::Unit>,
    names: Names,
}

impl Program {
    /// Compiles a program: lines ended by LF.
    ///
    /// # Errors
    /// The first syntax error, with the clause it is in.
    pub fn compile(text: Vec<u8>) -> Result<Self, Report> {
        let source = scanner::Source::new(text);
        let mut names = Names::default();
        match compile::program(&source, &mut names) {
            Ok(unit) => Ok(Self { unit: Rc::new(unit), names }),
            Err((error, at)) => {
                let line = source.line_of(at);
                let text = source.line(line as usize).unwrap_or_default().to_vec();
                Err(Report { error, line, traceback: Vec::from([(line, text)]) })
            }
        }
    }
}

/// Runs a program to its end.
///
/// # Errors
/// The error that ended it, with the clauses that were active.
pub fn run(program: &Program, invocation: Invocation, environment: &mut dyn Environment) -> Result<Ending, Report> {
    interpreter::Interpreter::new(program, invocation, environment).run()
}
