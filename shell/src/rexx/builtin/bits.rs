//! BITAND, BITOR, BITXOR.

use super::super::error::Result;
use super::super::interpreter::Interpreter;
use super::super::value::Value;
use super::Arguments;

pub fn and(_: &mut Interpreter, arguments: &Arguments) -> Result<Value> {
    combine(arguments, |one, other| one & other)
}

pub fn or(_: &mut Interpreter, arguments: &Arguments) -> Result<Value> {
    combine(arguments, |one, other| one | other)
}

pub fn xor(_: &mut Interpreter, arguments: &Arguments) -> Result<Value> {
    combine(arguments, |one, other| one ^ other)
}

/// Combines two strings byte by byte. The shorter one is padded when a pad is given; else the rest of the longer one stays.
fn combine(arguments: &Arguments, combine: fn(u8, u8) -> u8) -> Result<Value> {
    let (one, other) = (arguments.text(0), arguments.text(1));
    let pad = match arguments.get(2) {
        None => None,
        Some(_) => Some(arguments.pad(2, b' ')?),
    };
    let (longer, shorter) = if one.len() >= other.len() { (one, other) } else { (other, one) };
    let bytes = longer.iter().enumerate().map(|(at, byte)| match shorter.get(at).copied().or(pad) {
        Some(other) => combine(*byte, other),
        None => *byte,
    });
    Ok(Value::from_vec(bytes.collect()))
}
