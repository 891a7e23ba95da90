//! Functions that tell and change the state of the program.

use alloc::format;

use super::super::error::{self, Error, Result};
use super::super::interpreter::Interpreter;
use super::super::number::Number;
use super::super::scanner::in_symbol;
use super::super::value::Value;
use super::Arguments;

pub fn address(interpreter: &mut Interpreter, _: &Arguments) -> Result<Value> {
    Ok(Value::string(interpreter.variables.names.name(interpreter.settings.address)))
}

pub fn arg(interpreter: &mut Interpreter, arguments: &Arguments) -> Result<Value> {
    let given = interpreter.arguments.clone();
    let Some(number) = arguments.position(0)? else {
        let last = given.iter().rposition(Option::is_some).map_or(0, |last| last + 1);
        return Ok(Value::Int(last as i64));
    };
    let argument = given.get(number - 1).cloned().flatten();
    if arguments.get(1).is_none() {
        return Ok(argument.unwrap_or(Value::NULL));
    }
    let exists = arguments.option(1, b'E', "ENO")? == b'E';
    Ok(Value::logical(argument.is_some() == exists))
}

pub fn condition(interpreter: &mut Interpreter, arguments: &Arguments) -> Result<Value> {
    let option = arguments.option(0, b'I', "CDEIS")?;
    let Some(info) = interpreter.condition.clone() else {
        return Ok(Value::NULL);
    };
    Ok(match option {
        b'C' => Value::string(info.condition.name().as_bytes()),
        b'D' => info.description.clone(),
        b'E' => info.extra.clone(),
        b'S' => Value::string(interpreter.trap_state(info.condition).as_bytes()),
        _ => Value::string(if info.by_call { b"CALL" } else { b"SIGNAL" }),
    })
}

pub fn digits(interpreter: &mut Interpreter, _: &Arguments) -> Result<Value> {
    Ok(Value::Int(i64::from(interpreter.settings.numeric.digits)))
}

pub fn fuzz(interpreter: &mut Interpreter, _: &Arguments) -> Result<Value> {
    Ok(Value::Int(i64::from(interpreter.settings.numeric.fuzz)))
}

pub fn form(interpreter: &mut Interpreter, _: &Arguments) -> Result<Value> {
    Ok(Value::string(if interpreter.settings.numeric.engineering { b"ENGINEERING" } else { b"SCIENTIFIC" }))
}

pub fn errortext(_: &mut Interpreter, arguments: &Arguments) -> Result<Value> {
    arguments.option(1, b'N', "NS")?;
    let text = core::str::from_utf8(arguments.text(0)).unwrap_or_default().trim();
    let (number, sub) = text.split_once('.').unwrap_or((text, "0"));
    let (Ok(number), Ok(sub)) = (number.parse::<u16>(), sub.parse::<u16>()) else {
        return Err(arguments.wrong(0, 12));
    };
    if number > 99 {
        return Err(arguments.unfit(0, 17));
    }
    Ok(Value::string(error::text(number, sub).unwrap_or_default().as_bytes()))
}

pub fn externals(interpreter: &mut Interpreter, _: &Arguments) -> Result<Value> {
    Ok(Value::Int(interpreter.environment.externals() as i64))
}

pub fn linesize(interpreter: &mut Interpreter, _: &Arguments) -> Result<Value> {
    Ok(Value::Int(i64::from(interpreter.environment.line_size())))
}

pub fn queued(interpreter: &mut Interpreter, _: &Arguments) -> Result<Value> {
    Ok(Value::Int(interpreter.environment.queued() as i64))
}

pub fn userid(interpreter: &mut Interpreter, _: &Arguments) -> Result<Value> {
    Ok(Value::from_vec(interpreter.environment.userid()))
}

pub fn sourceline(interpreter: &mut Interpreter, arguments: &Arguments) -> Result<Value> {
    let source = interpreter.source();
    let count = source.line_count();
    let Some(number) = arguments.position(0)? else {
        return Ok(Value::Int(count as i64));
    };
    match source.line(number) {
        Some(line) => Ok(Value::string(line)),
        None => {
            let count = format!("{count}");
            Err(Error::new(40, 34, &[arguments.name().as_bytes(), arguments.text(0), count.as_bytes()]))
        }
    }
}

/// What a text is as a symbol: not one, a constant, or a variable's name in capitals.
fn symbol_kind(text: &[u8]) -> Option<(bool, alloc::vec::Vec<u8>)> {
    let name = text.to_ascii_uppercase();
    let first = *name.first()?;
    if name.iter().all(|byte| in_symbol(*byte)) {
        return Some((first.is_ascii_digit() || first == b'.', name));
    }
    // A number with a signed exponent is a constant symbol.
    let number = first.is_ascii_digit() || first == b'.';
    (number && Number::parse(text).is_some() && !text.contains(&b' ')).then_some((true, name))
}

pub fn symbol(interpreter: &mut Interpreter, arguments: &Arguments) -> Result<Value> {
    let answer = match symbol_kind(arguments.text(0)) {
        None => "BAD",
        Some((true, _)) => "LIT",
        Some((false, name)) => {
            let name = interpreter.variables.resolve(&name);
            let named = interpreter.variables.resolved(&name);
            if interpreter.variables.value(&named).is_some() { "VAR" } else { "LIT" }
        }
    };
    Ok(Value::string(answer.as_bytes()))
}

pub fn value(interpreter: &mut Interpreter, arguments: &Arguments) -> Result<Value> {
    if let Some(pool) = arguments.get(2).filter(|pool| !pool.is_empty()) {
        let answer = interpreter.environment.pool_value(pool, arguments.text(0), arguments.get(1));
        return answer.map(Value::from_vec).ok_or_else(|| Error::new(40, 37, &[arguments.name().as_bytes(), pool]));
    }
    let Some((constant, name)) = symbol_kind(arguments.text(0)) else {
        return Err(arguments.unfit(0, 26));
    };
    if constant {
        if arguments.get(1).is_some() {
            return Err(arguments.unfit(0, 26));
        }
        return Ok(Value::from_vec(name));
    }
    let name = interpreter.variables.resolve(&name);
    let named = interpreter.variables.resolved(&name);
    let old = interpreter.variables.value(&named).unwrap_or_else(|| Value::string(&name.name));
    if let Some(new) = arguments.get(1) {
        interpreter.variables.assign(&named, Value::string(new))?;
    }
    Ok(old)
}

pub fn trace(interpreter: &mut Interpreter, arguments: &Arguments) -> Result<Value> {
    let old = interpreter.trace_text();
    if let Some(setting) = arguments.get(0) {
        let error = || Error::new(40, 28, &[b"TRACE", b"1", b"ACEFILNORS", setting]);
        // A number is for the instruction.
        if Number::parse(setting).is_some() {
            return Err(error());
        }
        interpreter.set_trace(setting).map_err(|_| error())?;
    }
    Ok(Value::from_vec(old))
}
