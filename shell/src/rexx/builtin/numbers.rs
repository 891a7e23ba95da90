//! Functions on numbers.

use alloc::format as text;
use alloc::vec::Vec;
use core::cmp::Ordering;

use super::super::error::{Error, Result};
use super::super::interpreter::Interpreter;
use super::super::number::{self, Number};
use super::super::value::{STRING_MAX, Value, buffer};
use super::Arguments;

/// An argument as a number at the current settings.
fn rounded(interpreter: &Interpreter, arguments: &Arguments, at: usize) -> Result<Number> {
    arguments.number(at, interpreter.settings.numeric.digits)
}

pub fn abs(interpreter: &mut Interpreter, arguments: &Arguments) -> Result<Value> {
    let number = rounded(interpreter, arguments, 0)?;
    Ok(Number { negative: false, ..number }.to_value(interpreter.settings.numeric))
}

pub fn sign(interpreter: &mut Interpreter, arguments: &Arguments) -> Result<Value> {
    let number = rounded(interpreter, arguments, 0)?;
    Ok(Value::Int(match number {
        number if number.is_zero() => 0,
        number if number.negative => -1,
        _ => 1,
    }))
}

pub fn max(interpreter: &mut Interpreter, arguments: &Arguments) -> Result<Value> {
    extreme(interpreter, arguments, Ordering::Greater)
}

pub fn min(interpreter: &mut Interpreter, arguments: &Arguments) -> Result<Value> {
    extreme(interpreter, arguments, Ordering::Less)
}

/// The argument that is most on one side.
fn extreme(interpreter: &Interpreter, arguments: &Arguments, side: Ordering) -> Result<Value> {
    let mut best = rounded(interpreter, arguments, 0)?;
    for at in 1..arguments.count() {
        if arguments.get(at).is_none() {
            return Err(Error::new(40, 5, &[arguments.name().as_bytes(), text!("{}", at + 1).as_bytes()]));
        }
        let other = rounded(interpreter, arguments, at)?;
        if number::order(&other, &best) == side {
            best = other;
        }
    }
    Ok(best.to_value(interpreter.settings.numeric))
}

pub fn trunc(interpreter: &mut Interpreter, arguments: &Arguments) -> Result<Value> {
    let mut number = rounded(interpreter, arguments, 0)?;
    let places = arguments.count_at(1)?.unwrap_or(0);
    let drop = -(number.exponent.saturating_add(places as i64));
    if drop > 0 {
        let keep = number.digits.len().saturating_sub(drop as usize);
        number.digits.truncate(keep);
        number.exponent = -(places as i64);
    }
    let before = number.digits.len() as i64 + number.exponent;
    if places > STRING_MAX || before > STRING_MAX as i64 {
        return Err(Error::storage());
    }
    let mut out = buffer(places + before.max(1) as usize + 2)?;
    if number.negative && number.digits.iter().any(|digit| *digit != 0) {
        out.push(b'-');
    }
    let decimals = match number.digits.is_empty() {
        true => {
            out.push(b'0');
            0
        }
        false => {
            number.plain_into(&mut out);
            usize::try_from(-number.exponent).unwrap_or(0)
        }
    };
    if decimals == 0 && places > 0 {
        out.push(b'.');
    }
    out.resize(out.len() + places - decimals, b'0');
    Ok(Value::from_vec(out))
}

pub fn random(interpreter: &mut Interpreter, arguments: &Arguments) -> Result<Value> {
    let (low, high) = match (arguments.whole(0)?, arguments.whole(1)?) {
        // One argument is the greatest value.
        (Some(high), None) if arguments.count() == 1 => (0, high),
        (low, high) => (low.unwrap_or(0), high.unwrap_or(999)),
    };
    if let Some(seed) = arguments.whole(2)? {
        if seed < 0 {
            return Err(arguments.wrong(2, 13));
        }
        interpreter.random = (seed as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    }
    let name = arguments.name().as_bytes();
    let shown = |number: i64| text!("{number}").into_bytes();
    if low > high {
        return Err(Error::new(40, 33, &[name, &shown(low), &shown(high)]));
    }
    if high - low > 100_000 {
        return Err(Error::new(40, 32, &[name, &shown(low), &shown(high)]));
    }
    // xorshift64*
    let mut state = interpreter.random | 1;
    state ^= state >> 12;
    state ^= state << 25;
    state ^= state >> 27;
    interpreter.random = state;
    let drawn = state.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 32;
    Ok(Value::Int(low + (drawn % (high - low + 1) as u64) as i64))
}

/// What FORMAT is asked for.
struct Layout {
    before: Option<usize>,
    after: Option<usize>,
    exponent: Option<usize>,
    trigger: Option<usize>,
}

pub fn format(interpreter: &mut Interpreter, arguments: &Arguments) -> Result<Value> {
    let number = rounded(interpreter, arguments, 0)?;
    let layout = Layout {
        before: arguments.count_at(1)?,
        after: arguments.count_at(2)?,
        exponent: arguments.count_at(3)?,
        trigger: arguments.count_at(4)?,
    };
    for width in [layout.before, layout.after, layout.exponent].into_iter().flatten() {
        if width > STRING_MAX / 4 {
            return Err(Error::storage());
        }
    }
    let numeric = interpreter.settings.numeric;
    let whole = number.digits.len() as i64 + number.exponent;
    let wants = match layout.trigger {
        Some(trigger) => whole > trigger as i64 || -number.exponent > 2 * trigger as i64,
        None => whole > i64::from(numeric.digits) || whole < number::PLAIN,
    };
    let exponential = layout.exponent != Some(0) && wants && !number.is_zero();
    let (mantissa, exponent) = match exponential {
        true => mantissa(number, layout.after, numeric.engineering),
        false => (places(number, layout.after), 0),
    };
    let mut out = plain(&mantissa, layout.after);
    if let Some(before) = layout.before {
        let whole = out.iter().position(|byte| *byte == b'.').unwrap_or(out.len());
        let Some(missing) = before.checked_sub(whole) else {
            return Err(arguments.narrow(1));
        };
        out.splice(..0, core::iter::repeat_n(b' ', missing));
    }
    if exponential {
        let digits = text!("{}", exponent.unsigned_abs());
        let width = layout.exponent.unwrap_or(digits.len());
        if digits.len() > width {
            return Err(arguments.narrow(3));
        }
        match exponent {
            0 if layout.exponent.is_some() => out.resize(out.len() + width + 2, b' '),
            0 => {}
            _ => out.extend_from_slice(text!("E{}{digits:0>width$}", if exponent < 0 { '-' } else { '+' }).as_bytes()),
        }
    } else if let Some(width) = layout.exponent.filter(|width| *width > 0)
        && layout.trigger.is_some()
        && wants
    {
        out.resize(out.len() + width + 2, b' ');
    }
    Ok(Value::from_vec(out))
}

/// A number rounded to that many places behind the point.
fn places(mut number: Number, after: Option<usize>) -> Number {
    let Some(after) = after else {
        return number;
    };
    let surplus = -number.exponent - after as i64;
    if surplus > 0 && !number.is_zero() {
        let keep = number.digits.len() as i64 - surplus;
        match keep {
            ..0 => return Number::ZERO,
            keep => number.round(keep as usize),
        }
        number.normalize();
    }
    number
}

/// The mantissa with one digit before the point (up to three in engineering form), rounded, and the exponent.
fn mantissa(mut number: Number, after: Option<usize>, engineering: bool) -> (Number, i64) {
    loop {
        let adjusted = number.adjusted();
        let exponent = if engineering { adjusted - adjusted.rem_euclid(3) } else { adjusted };
        let mut mantissa = number.clone();
        mantissa.exponent -= exponent;
        let rounded = places(mantissa, after);
        // Rounding may have carried into another digit.
        let mut back = rounded.clone();
        back.exponent += exponent;
        if back.is_zero() || back.adjusted() == adjusted {
            return (rounded, exponent);
        }
        number = back;
    }
}

/// Plain notation with that many places behind the point.
fn plain(number: &Number, after: Option<usize>) -> Vec<u8> {
    let mut out = Vec::new();
    if number.negative {
        out.push(b'-');
    }
    let decimals = match number.is_zero() {
        true => {
            out.push(b'0');
            0
        }
        false => {
            number.plain_into(&mut out);
            usize::try_from(-number.exponent).unwrap_or(0)
        }
    };
    if let Some(after) = after {
        if decimals == 0 && after > 0 {
            out.push(b'.');
        }
        out.resize(out.len() + after.saturating_sub(decimals), b'0');
    }
    out
}

impl Arguments<'_> {
    /// A width into which the number does not go.
    fn narrow(&self, at: usize) -> Error {
        Error::new(40, 38, &[self.name().as_bytes(), text!("{}", at + 1).as_bytes(), self.text(0)])
    }
}

impl Number {
    /// Plain notation, whatever its length.
    fn plain_into(&self, out: &mut Vec<u8>) {
        self.plain(out, self.digits.len() as i64 + self.exponent);
    }
}
