//! Functions on strings in which characters of two bytes stand between X'0E' (SO) and X'0F' (SI): the DBCS functions of SAA level 2.
//!
//! Each byte of such a character is X'41' to X'FE', and the blank is X'4040'. A character of one byte has its counterpart of two behind X'42', by its
//! place in EBCDIC, as on a mainframe. Lengths are counted in bytes: with the option N, which is the default but for DBWIDTH, without SO and SI.

use alloc::vec::Vec;

use minidisk::ebcdic;

use super::super::error::{Error, Result};
use super::super::interpreter::Interpreter;
use super::super::value::{STRING_MAX, Value};
use super::Arguments;

const SO: u8 = 0x0e;
const SI: u8 = 0x0f;
/// The blank of two bytes.
const BLANK: Unit = Unit::Double([0x40, 0x40]);
/// What stands before a character of one byte in its counterpart.
const WARD: u8 = 0x42;

/// A character.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Unit {
    Single(u8),
    Double([u8; 2]),
}

impl Unit {
    /// Bytes without SO and SI.
    fn width(self) -> usize {
        match self {
            Self::Single(_) => 1,
            Self::Double(_) => 2,
        }
    }

    fn is_double(self) -> bool {
        matches!(self, Self::Double(_))
    }

    fn is_blank(self) -> bool {
        self == BLANK || self == Self::Single(b' ')
    }
}

/// Whether two bytes can be a character; with `whole` both are looked at, else the first.
fn valid([first, second]: [u8; 2], whole: bool) -> bool {
    let ward = |byte: u8| (0x41..=0xfe).contains(&byte);
    [first, second] == [0x40, 0x40] || (ward(first) && (!whole || ward(second)))
}

/// The characters of a string; `None` when SO and SI do not pair or what is between them is no characters.
fn units(text: &[u8], whole: bool) -> Option<Vec<Unit>> {
    let (mut units, mut rest) = (Vec::with_capacity(text.len()), text);
    while let Some((&first, behind)) = rest.split_first() {
        match first {
            SO => {
                rest = behind;
                loop {
                    match rest {
                        [SI, behind @ ..] => {
                            rest = behind;
                            break;
                        }
                        [first, second, behind @ ..] if valid([*first, *second], whole) => {
                            units.push(Unit::Double([*first, *second]));
                            rest = behind;
                        }
                        _ => return None,
                    }
                }
            }
            SI => return None,
            single => {
                units.push(Unit::Single(single));
                rest = behind;
            }
        }
    }
    Some(units)
}

/// The string of those characters.
fn text(units: &[Unit]) -> Vec<u8> {
    let (mut out, mut double) = (Vec::with_capacity(units.len() + 2), false);
    for unit in units {
        if unit.is_double() != double {
            out.push(if double { SI } else { SO });
            double = !double;
        }
        match unit {
            Unit::Single(byte) => out.push(*byte),
            Unit::Double(bytes) => out.extend_from_slice(bytes),
        }
    }
    if double {
        out.push(SI);
    }
    out
}

/// The width of characters; with `shifts` SO and SI count.
fn width(units: &[Unit], shifts: bool) -> usize {
    let own: usize = units.iter().map(|unit| unit.width()).sum();
    let begins = |at: usize| units[at].is_double() && (at == 0 || !units[at - 1].is_double());
    let runs = if shifts { (0..units.len()).filter(|at| begins(*at)).count() } else { 0 };
    own + 2 * runs
}

/// An argument that is a string of characters.
fn mixed(arguments: &Arguments, at: usize) -> Result<Vec<Unit>> {
    units(arguments.text(at), false).ok_or_else(|| unfit(arguments, at))
}

/// An argument that is no string of that kind.
fn unfit(arguments: &Arguments, at: usize) -> Error {
    Error::new(40, 0, &[arguments.text(at)])
}

/// A length, as long as strings may be.
fn length(arguments: &Arguments) -> Result<usize> {
    match arguments.count_at(1)?.unwrap_or(0) {
        length if length > STRING_MAX => Err(Error::storage()),
        length => Ok(length),
    }
}

/// A pad: one character.
fn pad(arguments: &Arguments, at: usize) -> Result<Unit> {
    match arguments.get(at) {
        None => Ok(Unit::Single(b' ')),
        Some(_) => match mixed(arguments, at)?.as_slice() {
            [pad] => Ok(*pad),
            _ => Err(arguments.wrong(at, 23)),
        },
    }
}

/// Whether SO and SI count.
fn shifts(arguments: &Arguments, at: usize, without: u8) -> Result<bool> {
    Ok(arguments.option(at, without, "YN")? == b'Y')
}

/// How many of the first characters are at most that wide.
fn fitting(units: &[Unit], length: usize, shifts: bool) -> usize {
    let (mut at, mut used, mut double) = (0, 0, false);
    while let Some(unit) = units.get(at) {
        let opens = if shifts && unit.is_double() && !double { 2 } else { 0 };
        if used + unit.width() + opens > length {
            break;
        }
        used += unit.width() + opens;
        double = unit.is_double();
        at += 1;
    }
    at
}

/// Characters made that wide by pads behind them, and blanks where a pad is too wide.
fn filled(mut units: Vec<Unit>, length: usize, pad: Unit, shifts: bool) -> Vec<Unit> {
    let mut used = width(&units, shifts);
    loop {
        let opens = if shifts && pad.is_double() && !units.last().is_some_and(|unit| unit.is_double()) { 2 } else { 0 };
        if used + pad.width() + opens > length {
            break;
        }
        used += pad.width() + opens;
        units.push(pad);
    }
    units.extend(core::iter::repeat_n(Unit::Single(b' '), length.saturating_sub(used)));
    units
}

/// The same from the right.
fn mirrored(mut units: Vec<Unit>) -> Vec<Unit> {
    units.reverse();
    units
}

fn value(units: &[Unit]) -> Result<Value> {
    Ok(Value::from_vec(text(units)))
}

pub fn adjust(_: &mut Interpreter, arguments: &Arguments) -> Result<Value> {
    mixed(arguments, 0)?;
    let blank = arguments.option(1, b'R', "BR")? == b'B';
    let (mut out, mut rest, mut double) = (Vec::new(), arguments.text(0), false);
    while let Some((&byte, behind)) = rest.split_first() {
        match (byte, behind.first()) {
            // Out of the characters of two bytes and at once into them again, which is not out at all.
            (SI, Some(&SO)) => {
                out.extend_from_slice(if blank { &[0x40, 0x40] } else { &[] });
                rest = &behind[1..];
            }
            (SO, Some(&SI)) if behind.get(1) != Some(&SO) => {
                out.extend_from_slice(if blank { b"  " } else { b"" });
                rest = &behind[1..];
            }
            (SO | SI, _) => {
                double = byte == SO;
                out.push(byte);
                rest = behind;
            }
            _ if double => {
                out.extend_from_slice(&rest[..2.min(rest.len())]);
                rest = &rest[2.min(rest.len())..];
            }
            _ => {
                out.push(byte);
                rest = behind;
            }
        }
    }
    Ok(Value::from_vec(out))
}

pub fn bracket(_: &mut Interpreter, arguments: &Arguments) -> Result<Value> {
    let bytes = arguments.text(0);
    let bracketed = [&[SO], bytes, &[SI]].concat();
    match units(&bracketed, false) {
        Some(units) if units.len() * 2 == bytes.len() => Ok(Value::from_vec(bracketed)),
        _ => Err(unfit(arguments, 0)),
    }
}

pub fn unbracket(_: &mut Interpreter, arguments: &Arguments) -> Result<Value> {
    let bytes = arguments.text(0);
    let units = mixed(arguments, 0)?;
    match bytes {
        [SO, inside @ .., SI] if units.len() * 2 == inside.len() => Ok(Value::string(inside)),
        _ => Err(unfit(arguments, 0)),
    }
}

pub fn center(_: &mut Interpreter, arguments: &Arguments) -> Result<Value> {
    let (units, length) = (mixed(arguments, 0)?, length(arguments)?);
    let (pad, shifts) = (pad(arguments, 2)?, shifts(arguments, 3, b'N')?);
    let own = width(&units, shifts);
    if own >= length {
        // What is cut through is a blank.
        let left = (own - length) / 2;
        let keeps = own - left;
        let right = mirrored(units);
        let tail = filled(right[..fitting(&right, keeps, shifts)].to_vec(), keeps, Unit::Single(b' '), shifts);
        let head = mirrored(tail);
        return value(&filled(head[..fitting(&head, length, shifts)].to_vec(), length, Unit::Single(b' '), shifts));
    }
    let left = (length - own) / 2;
    let padded = mirrored(filled(mirrored(units), own + left, pad, shifts));
    value(&filled(padded, length, pad, shifts))
}

pub fn justify(_: &mut Interpreter, arguments: &Arguments) -> Result<Value> {
    let (units, length) = (mixed(arguments, 0)?, length(arguments)?);
    let (pad, shifts) = (pad(arguments, 2)?, shifts(arguments, 3, b'N')?);
    let words: Vec<&[Unit]> = units.split(|unit| unit.is_blank()).filter(|word| !word.is_empty()).collect();
    // One blank stands between words; what is too wide is cut.
    let joined = words.join(&Unit::Single(b' '));
    let kept = &joined[..fitting(&joined, length, shifts)];
    let words: Vec<&[Unit]> = kept.split(|unit| unit.is_blank()).filter(|word| !word.is_empty()).collect();
    let gaps = words.len().saturating_sub(1);
    let own: usize = words.iter().map(|word| width(word, shifts)).sum();
    let free = length.saturating_sub(own);
    let mut out = Vec::new();
    for (at, word) in words.iter().enumerate() {
        out.extend_from_slice(word);
        if at < gaps {
            let wide = free / gaps + usize::from(at < free % gaps);
            // Between characters of one byte pads of two bring their own SO and SI.
            out.extend(filled(Vec::new(), wide, pad, shifts));
        }
    }
    value(&filled(out, length, pad, shifts))
}

pub fn left(_: &mut Interpreter, arguments: &Arguments) -> Result<Value> {
    let (units, length) = (mixed(arguments, 0)?, length(arguments)?);
    let (pad, shifts) = (pad(arguments, 2)?, shifts(arguments, 3, b'N')?);
    value(&filled(units[..fitting(&units, length, shifts)].to_vec(), length, pad, shifts))
}

pub fn right(_: &mut Interpreter, arguments: &Arguments) -> Result<Value> {
    let (units, length) = (mirrored(mixed(arguments, 0)?), length(arguments)?);
    let (pad, shifts) = (pad(arguments, 2)?, shifts(arguments, 3, b'N')?);
    value(&mirrored(filled(units[..fitting(&units, length, shifts)].to_vec(), length, pad, shifts)))
}

pub fn rest_of_left(_: &mut Interpreter, arguments: &Arguments) -> Result<Value> {
    let (units, length) = (mixed(arguments, 0)?, length(arguments)?);
    value(&units[fitting(&units, length, shifts(arguments, 2, b'N')?)..])
}

pub fn rest_of_right(_: &mut Interpreter, arguments: &Arguments) -> Result<Value> {
    let (units, length) = (mixed(arguments, 0)?, length(arguments)?);
    let reversed = mirrored(units);
    let taken = fitting(&reversed, length, shifts(arguments, 2, b'N')?);
    value(&mirrored(reversed[taken..].to_vec()))
}

pub fn to_double(_: &mut Interpreter, arguments: &Arguments) -> Result<Value> {
    let mut units = mixed(arguments, 0)?;
    for unit in &mut units {
        let Unit::Single(byte) = *unit else { continue };
        let mut code = [byte];
        ebcdic::encode(&mut code);
        *unit = match code[0] {
            0x40 => BLANK,
            code @ 0x41..=0xfe => Unit::Double([WARD, code]),
            // A control character has no counterpart.
            _ => continue,
        };
    }
    value(&units)
}

pub fn to_single(_: &mut Interpreter, arguments: &Arguments) -> Result<Value> {
    let mut units = mixed(arguments, 0)?;
    for unit in &mut units {
        let mut code = match *unit {
            BLANK => [0x40],
            Unit::Double([WARD, code]) => [code],
            _ => continue,
        };
        ebcdic::decode(&mut code);
        *unit = Unit::Single(code[0]);
    }
    value(&units)
}

pub fn validate(_: &mut Interpreter, arguments: &Arguments) -> Result<Value> {
    let whole = arguments.option(1, b' ', "C")? == b'C';
    Ok(Value::logical(units(arguments.text(0), whole).is_some()))
}

pub fn string_width(_: &mut Interpreter, arguments: &Arguments) -> Result<Value> {
    let units = mixed(arguments, 0)?;
    let shifts = shifts(arguments, 1, b'Y')?;
    // SO and SI count as they are written, also around nothing.
    let bytes = if shifts { arguments.text(0).len() } else { width(&units, false) };
    Ok(Value::int(bytes as i64))
}
