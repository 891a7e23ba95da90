//! Functions on the characters of strings.

use alloc::vec::Vec;

use super::super::error::{Error, Result};
use super::super::interpreter::Interpreter;
use super::super::number::Number;
use super::super::scanner;
use super::super::value::{STRING_MAX, Value, buffer};
use super::Arguments;

/// The first place at or behind `from` where `wanted` stands.
pub fn find_in(text: &[u8], wanted: &[u8], from: usize) -> Option<usize> {
    let (first, rest) = wanted.split_first()?;
    let last = text.len().checked_sub(wanted.len())?;
    let mut at = from;
    while at <= last {
        at += text[at..=last].iter().position(|byte| byte == first)?;
        if text[at + 1..].starts_with(rest) {
            return Some(at);
        }
        at += 1;
    }
    None
}

/// A length that is asked for, as long as strings may be.
fn checked(length: usize) -> Result<usize> {
    if length > STRING_MAX { Err(Error::storage()) } else { Ok(length) }
}

/// A string of that length: a text at a place, and the pad around it.
fn placed(text: &[u8], at: usize, length: usize, pad: u8) -> Result<Value> {
    let mut short = [pad; 14];
    if length <= short.len() {
        short[at..at + text.len()].copy_from_slice(text);
        return Ok(Value::string(&short[..length]));
    }
    let mut out = buffer(length)?;
    out.resize(at, pad);
    out.extend_from_slice(text);
    out.resize(length, pad);
    Ok(Value::from_vec(out))
}

/// LEFT or RIGHT of a text, when the result stands in a value itself.
#[inline]
pub fn justified(text: &[u8], length: usize, pad: u8, left: bool) -> Option<Value> {
    let mut out = [pad; 14];
    let out = out.get_mut(..length)?;
    let count = text.len().min(length);
    match left {
        true => out[..count].copy_from_slice(&text[..count]),
        false => out[length - count..].copy_from_slice(&text[text.len() - count..]),
    }
    Some(Value::string(out))
}

pub fn abbrev(_: &mut Interpreter, arguments: &Arguments) -> Result<Value> {
    let (name, given) = (arguments.text(0), arguments.text(1));
    let least = arguments.count_at(2)?.unwrap_or(given.len());
    Ok(Value::logical(given.len() >= least && name.starts_with(given)))
}

pub fn center(_: &mut Interpreter, arguments: &Arguments) -> Result<Value> {
    let text = arguments.text(0);
    let length = checked(arguments.count_at(1)?.unwrap_or(0))?;
    let pad = arguments.pad(2, b' ')?;
    if text.len() >= length {
        let cut = (text.len() - length) / 2;
        return Ok(Value::string(&text[cut..cut + length]));
    }
    placed(text, (length - text.len()) / 2, length, pad)
}

pub fn changestr(_: &mut Interpreter, arguments: &Arguments) -> Result<Value> {
    let (needle, text, new) = (arguments.text(0), arguments.text(1), arguments.text(2));
    let (mut out, mut from) = (Vec::new(), 0);
    while let Some(at) = find_in(text, needle, from) {
        checked(out.len() + at - from + new.len())?;
        out.try_reserve(at - from + new.len()).map_err(|_| Error::storage())?;
        out.extend_from_slice(&text[from..at]);
        out.extend_from_slice(new);
        from = at + needle.len();
    }
    out.try_reserve(text.len() - from).map_err(|_| Error::storage())?;
    out.extend_from_slice(&text[from..]);
    Ok(Value::from_vec(out))
}

pub fn compare(_: &mut Interpreter, arguments: &Arguments) -> Result<Value> {
    let (left, right) = (arguments.text(0), arguments.text(1));
    let pad = arguments.pad(2, b' ')?;
    let length = left.len().max(right.len());
    let at = |text: &[u8], at: usize| text.get(at).copied().unwrap_or(pad);
    let differs = (0..length).find(|place| at(left, *place) != at(right, *place));
    Ok(Value::Int(differs.map_or(0, |place| place as i64 + 1)))
}

pub fn copies(_: &mut Interpreter, arguments: &Arguments) -> Result<Value> {
    let text = arguments.text(0);
    let times = arguments.count_at(1)?.unwrap_or(0);
    let length = text.len().checked_mul(times).ok_or_else(Error::storage)?;
    let mut out = buffer(length)?;
    match text {
        [single] => out.resize(length, *single),
        _ => (0..if text.is_empty() { 0 } else { times }).for_each(|_| out.extend_from_slice(text)),
    }
    Ok(Value::from_vec(out))
}

pub fn countstr(_: &mut Interpreter, arguments: &Arguments) -> Result<Value> {
    let (needle, text) = (arguments.text(0), arguments.text(1));
    let (mut count, mut from) = (0, 0);
    while let Some(at) = find_in(text, needle, from) {
        count += 1;
        from = at + needle.len();
    }
    Ok(Value::Int(count))
}

pub fn datatype(interpreter: &mut Interpreter, arguments: &Arguments) -> Result<Value> {
    let text = arguments.text(0);
    let number = || Number::parse(text);
    if arguments.get(1).is_none() {
        return Ok(Value::string(if number().is_some() { b"NUM" } else { b"CHAR" }));
    }
    let all = |test: fn(u8) -> bool| !text.is_empty() && text.iter().all(|byte| test(*byte));
    let digits = interpreter.settings.numeric.digits;
    let truth = match arguments.option(1, b'N', "ABLMNSUWX")? {
        b'A' => all(|byte| byte.is_ascii_alphanumeric()),
        b'B' => scanner::decode(text, 1, (15, 2, 4)).is_ok(),
        b'L' => all(|byte| byte.is_ascii_lowercase()),
        b'M' => all(|byte| byte.is_ascii_alphabetic()),
        b'N' => number().is_some(),
        b'S' => all(scanner::in_symbol),
        b'U' => all(|byte| byte.is_ascii_uppercase()),
        b'W' => number().is_some_and(|number| is_whole(number, digits)),
        _ => scanner::decode(text, 4, (15, 1, 3)).is_ok(),
    };
    Ok(Value::logical(truth))
}

/// Whether a number is whole at that many digits.
fn is_whole(number: Number, digits: u32) -> bool {
    let mut number = number.rounded(digits);
    number.strip();
    number.is_zero() || number.exponent >= 0 && number.adjusted() < i64::from(digits)
}

pub fn delstr(_: &mut Interpreter, arguments: &Arguments) -> Result<Value> {
    let text = arguments.text(0);
    let start = arguments.position(1)?.unwrap_or(1) - 1;
    let length = arguments.count_at(2)?.unwrap_or(usize::MAX);
    if start >= text.len() {
        return Ok(Value::string(text));
    }
    let end = start.saturating_add(length).min(text.len());
    let mut out = buffer(text.len() - (end - start))?;
    out.extend_from_slice(&text[..start]);
    out.extend_from_slice(&text[end..]);
    Ok(Value::from_vec(out))
}

pub fn index(_: &mut Interpreter, arguments: &Arguments) -> Result<Value> {
    found(arguments.text(1), arguments.text(0), arguments.position(2)?)
}

pub fn pos(_: &mut Interpreter, arguments: &Arguments) -> Result<Value> {
    found(arguments.text(0), arguments.text(1), arguments.position(2)?)
}

/// Where a string is found, from 1; 0 when it is not.
fn found(needle: &[u8], text: &[u8], start: Option<usize>) -> Result<Value> {
    let at = find_in(text, needle, start.unwrap_or(1) - 1);
    Ok(Value::Int(at.map_or(0, |at| at as i64 + 1)))
}

pub fn lastpos(_: &mut Interpreter, arguments: &Arguments) -> Result<Value> {
    let (needle, text) = (arguments.text(0), arguments.text(1));
    let start = arguments.position(2)?.unwrap_or(text.len()).min(text.len());
    if needle.is_empty() || needle.len() > start {
        return Ok(Value::Int(0));
    }
    let at = (0..=start - needle.len()).rev().find(|at| text[*at..].starts_with(needle));
    Ok(Value::Int(at.map_or(0, |at| at as i64 + 1)))
}

/// `new` put into `text` behind `n` characters.
pub fn insert(_: &mut Interpreter, arguments: &Arguments) -> Result<Value> {
    let (new, text) = (arguments.text(0), arguments.text(1));
    let at = checked(arguments.count_at(2)?.unwrap_or(0))?;
    let length = checked(arguments.count_at(3)?.unwrap_or(new.len()))?;
    let pad = arguments.pad(4, b' ')?;
    let mut out = buffer(text.len().max(at) + length)?;
    out.extend_from_slice(&text[..at.min(text.len())]);
    out.resize(at, pad);
    out.extend_from_slice(&new[..length.min(new.len())]);
    out.resize(at + length, pad);
    out.extend_from_slice(text.get(at..).unwrap_or_default());
    Ok(Value::from_vec(out))
}

pub fn overlay(_: &mut Interpreter, arguments: &Arguments) -> Result<Value> {
    let (new, text) = (arguments.text(0), arguments.text(1));
    let at = checked(arguments.position(2)?.unwrap_or(1) - 1)?;
    let length = checked(arguments.count_at(3)?.unwrap_or(new.len()))?;
    let pad = arguments.pad(4, b' ')?;
    let mut out = buffer(text.len().max(at + length))?;
    out.extend_from_slice(&text[..at.min(text.len())]);
    out.resize(at, pad);
    out.extend_from_slice(&new[..length.min(new.len())]);
    out.resize(at + length, pad);
    out.extend_from_slice(text.get(at + length..).unwrap_or_default());
    Ok(Value::from_vec(out))
}

pub fn left(_: &mut Interpreter, arguments: &Arguments) -> Result<Value> {
    let text = arguments.text(0);
    let length = checked(arguments.count_at(1)?.unwrap_or(0))?;
    let pad = arguments.pad(2, b' ')?;
    if text.len() >= length {
        return Ok(Value::string(&text[..length]));
    }
    placed(text, 0, length, pad)
}

pub fn right(_: &mut Interpreter, arguments: &Arguments) -> Result<Value> {
    let text = arguments.text(0);
    let length = checked(arguments.count_at(1)?.unwrap_or(0))?;
    let pad = arguments.pad(2, b' ')?;
    if text.len() >= length {
        return Ok(Value::string(&text[text.len() - length..]));
    }
    placed(text, length - text.len(), length, pad)
}

pub fn length(_: &mut Interpreter, arguments: &Arguments) -> Result<Value> {
    Ok(Value::Int(arguments.text(0).len() as i64))
}

pub fn reverse(_: &mut Interpreter, arguments: &Arguments) -> Result<Value> {
    let mut text = arguments.text(0).to_vec();
    text.reverse();
    Ok(Value::from_vec(text))
}

pub fn strip(_: &mut Interpreter, arguments: &Arguments) -> Result<Value> {
    let mut text = arguments.text(0);
    let option = arguments.option(1, b'B', "BLT")?;
    let pad = match arguments.get(2) {
        None => None,
        Some(_) => Some(arguments.pad(2, b' ')?),
    };
    let goes = |byte: &u8| pad.map_or(*byte == b' ' || *byte == b'\t', |pad| *byte == pad);
    if option != b'T' {
        text = &text[text.iter().take_while(|byte| goes(byte)).count()..];
    }
    if option != b'L' {
        text = &text[..text.len() - text.iter().rev().take_while(|byte| goes(byte)).count()];
    }
    Ok(Value::string(text))
}

pub fn substr(_: &mut Interpreter, arguments: &Arguments) -> Result<Value> {
    let text = arguments.text(0);
    let start = arguments.position(1)?.unwrap_or(1) - 1;
    let rest = text.get(start..).unwrap_or_default();
    let length = checked(arguments.count_at(2)?.unwrap_or(rest.len()))?;
    let pad = arguments.pad(3, b' ')?;
    if rest.len() >= length {
        return Ok(Value::string(&rest[..length]));
    }
    placed(rest, 0, length, pad)
}

pub fn translate(_: &mut Interpreter, arguments: &Arguments) -> Result<Value> {
    let mut text = arguments.text(0).to_vec();
    let pad = arguments.pad(3, b' ')?;
    if arguments.get(1).is_none() && arguments.get(2).is_none() {
        text.make_ascii_uppercase();
        return Ok(Value::from_vec(text));
    }
    let output = arguments.text(1);
    let mut table: [u8; 256] = core::array::from_fn(|byte| byte as u8);
    match arguments.get(2) {
        None => table.iter_mut().enumerate().for_each(|(at, to)| *to = output.get(at).copied().unwrap_or(pad)),
        // Of a character that occurs twice the first place counts.
        Some(input) => input.iter().enumerate().rev().for_each(|(at, from)| {
            table[usize::from(*from)] = output.get(at).copied().unwrap_or(pad);
        }),
    }
    text.iter_mut().for_each(|byte| *byte = table[usize::from(*byte)]);
    Ok(Value::from_vec(text))
}

pub fn verify(_: &mut Interpreter, arguments: &Arguments) -> Result<Value> {
    let (text, reference) = (arguments.text(0), arguments.text(1));
    let wanted = arguments.option(2, b'N', "MN")? == b'M';
    let start = arguments.position(3)?.unwrap_or(1) - 1;
    let mut among = [false; 256];
    reference.iter().for_each(|byte| among[usize::from(*byte)] = true);
    let rest = text.get(start..).unwrap_or_default();
    let at = rest.iter().position(|byte| among[usize::from(*byte)] == wanted);
    Ok(Value::Int(at.map_or(0, |at| (start + at) as i64 + 1)))
}

pub fn xrange(_: &mut Interpreter, arguments: &Arguments) -> Result<Value> {
    let first = arguments.pad(0, 0)?;
    let last = arguments.pad(1, 0xff)?;
    let length = usize::from(last.wrapping_sub(first)) + 1;
    Ok(Value::from_vec((0..length).map(|at| first.wrapping_add(at as u8)).collect()))
}
