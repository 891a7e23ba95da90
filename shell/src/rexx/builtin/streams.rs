//! Functions on streams: files by name, the console by the null string.

use super::super::code::Condition;
use super::super::environment::StreamAnswer;
use super::super::error::{Error, Result};
use super::super::interpreter::Interpreter;
use super::super::value::Value;
use super::Arguments;

/// The value of an answer; a stream that is not ready raises NOTREADY.
fn settle<T>(interpreter: &mut Interpreter, stream: &[u8], answer: StreamAnswer<T>) -> Result<T> {
    if answer.not_ready {
        interpreter.stream_not_ready(Condition::NotReady, Value::string(stream));
    }
    Ok(answer.value)
}

/// A line or character number.
fn place(arguments: &Arguments, at: usize) -> Result<Option<u32>> {
    match arguments.position(at)? {
        None => Ok(None),
        Some(number) => u32::try_from(number).map(Some).map_err(|_| arguments.wrong(at, 41)),
    }
}

/// A count, which may be large: nothing is reserved for it.
fn count(arguments: &Arguments, at: usize, without: u32) -> Result<u32> {
    Ok(arguments.count_at(at)?.map_or(without, |count| u32::try_from(count).unwrap_or(u32::MAX)))
}

pub fn linein(interpreter: &mut Interpreter, arguments: &Arguments) -> Result<Value> {
    let (line, count) = (place(arguments, 1)?, count(arguments, 2, 1)?);
    if count > 1 {
        return Err(Error::new(40, 39, &[arguments.name().as_bytes(), arguments.text(2)]));
    }
    let answer = interpreter.environment.line_in(arguments.text(0), line, count);
    settle(interpreter, arguments.text(0), answer).map(Value::from_vec)
}

pub fn lineout(interpreter: &mut Interpreter, arguments: &Arguments) -> Result<Value> {
    let line = place(arguments, 2)?;
    let answer = interpreter.environment.line_out(arguments.text(0), arguments.get(1), line);
    settle(interpreter, arguments.text(0), answer).map(|left| Value::Int(i64::from(left)))
}

pub fn lines(interpreter: &mut Interpreter, arguments: &Arguments) -> Result<Value> {
    let count = arguments.option(1, b'N', "CN")? == b'C';
    let lines = interpreter.environment.lines(arguments.text(0));
    Ok(Value::Int(if count { i64::from(lines) } else { i64::from(lines.min(1)) }))
}

pub fn charin(interpreter: &mut Interpreter, arguments: &Arguments) -> Result<Value> {
    let (start, count) = (place(arguments, 1)?, count(arguments, 2, 1)?);
    let answer = interpreter.environment.char_in(arguments.text(0), start, count);
    settle(interpreter, arguments.text(0), answer).map(Value::from_vec)
}

pub fn charout(interpreter: &mut Interpreter, arguments: &Arguments) -> Result<Value> {
    let start = place(arguments, 2)?;
    let answer = interpreter.environment.char_out(arguments.text(0), arguments.get(1), start);
    settle(interpreter, arguments.text(0), answer).map(|left| Value::Int(i64::from(left)))
}

pub fn chars(interpreter: &mut Interpreter, arguments: &Arguments) -> Result<Value> {
    Ok(Value::Int(i64::from(interpreter.environment.chars(arguments.text(0)))))
}

pub fn stream(interpreter: &mut Interpreter, arguments: &Arguments) -> Result<Value> {
    let operation = arguments.option(1, b'S', "CDS")?;
    let command = match (operation, arguments.get(2)) {
        (b'C', Some(command)) => Some(command),
        (b'C', None) => return Err(Error::new(40, 3, &[arguments.name().as_bytes(), b"3"])),
        _ => None,
    };
    Ok(Value::from_vec(interpreter.environment.stream(arguments.text(0), command)))
}

pub fn qualify(interpreter: &mut Interpreter, arguments: &Arguments) -> Result<Value> {
    Ok(Value::from_vec(interpreter.environment.qualify(arguments.text(0))))
}
