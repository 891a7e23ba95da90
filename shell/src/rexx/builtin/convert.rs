//! Conversions between characters, decimal, hexadecimal and binary.

use alloc::vec;
use alloc::vec::Vec;

use super::super::error::{Error, Result};
use super::super::interpreter::Interpreter;
use super::super::number::Number;
use super::super::scanner;
use super::super::value::{STRING_MAX, Value};
use super::Arguments;

const HEX: &[u8; 16] = b"0123456789ABCDEF";

/// The bytes that a hexadecimal argument stands for.
fn hexadecimal(arguments: &Arguments) -> Result<Vec<u8>> {
    scanner::decode(arguments.text(0), 4, (15, 1, 3)).map_err(|_| arguments.unfit(0, 25))
}

/// Hexadecimal digits of bytes.
fn to_hex(bytes: &[u8]) -> Vec<u8> {
    bytes.iter().flat_map(|byte| [HEX[usize::from(byte >> 4)], HEX[usize::from(byte & 15)]]).collect()
}

pub fn b2x(_: &mut Interpreter, arguments: &Arguments) -> Result<Value> {
    let text = arguments.text(0);
    let bytes = scanner::decode(text, 1, (15, 2, 4)).map_err(|_| arguments.unfit(0, 24))?;
    let digits = text.iter().filter(|byte| byte.is_ascii_digit()).count().div_ceil(4);
    let hex = to_hex(&bytes);
    Ok(Value::string(&hex[hex.len() - digits..]))
}

pub fn x2b(_: &mut Interpreter, arguments: &Arguments) -> Result<Value> {
    hexadecimal(arguments)?;
    let digits = arguments.text(0).iter().filter_map(|byte| (*byte as char).to_digit(16));
    let bits = digits.flat_map(|digit| (0..4).rev().map(move |bit| b'0' + (digit >> bit & 1) as u8));
    Ok(Value::from_vec(bits.collect()))
}

pub fn c2x(_: &mut Interpreter, arguments: &Arguments) -> Result<Value> {
    Ok(Value::from_vec(to_hex(arguments.text(0))))
}

pub fn x2c(_: &mut Interpreter, arguments: &Arguments) -> Result<Value> {
    Ok(Value::from_vec(hexadecimal(arguments)?))
}

pub fn c2d(interpreter: &mut Interpreter, arguments: &Arguments) -> Result<Value> {
    let bytes = arguments.text(0).to_vec();
    let length = arguments.count_at(1)?;
    to_decimal(interpreter, arguments, bytes, length.map(|bytes| bytes.saturating_mul(2)))
}

pub fn x2d(interpreter: &mut Interpreter, arguments: &Arguments) -> Result<Value> {
    let bytes = hexadecimal(arguments)?;
    let length = arguments.count_at(1)?;
    to_decimal(interpreter, arguments, bytes, length)
}

/// The decimal value of bytes; with a length, in hexadecimal digits, the value of that many on the right, in two's complement.
fn to_decimal(interpreter: &Interpreter, arguments: &Arguments, bytes: Vec<u8>, length: Option<usize>) -> Result<Value> {
    let mut digits: Vec<u8> = bytes.iter().flat_map(|byte| [byte >> 4, byte & 15]).collect();
    let mut negative = false;
    if let Some(length) = length {
        if length == 0 {
            return Ok(Value::Int(0));
        }
        let surplus = digits.len().saturating_sub(length);
        digits.drain(..surplus);
        negative = digits.len() == length && digits[0] >= 8;
        if negative {
            complement(&mut digits, 16);
        }
    }
    let mut decimal = vec![0_u8];
    let leading = digits.iter().take_while(|digit| **digit == 0).count();
    let limit = interpreter.settings.numeric.digits as usize;
    for digit in &digits[leading..] {
        let mut carry = u32::from(*digit);
        for place in decimal.iter_mut().rev() {
            carry += u32::from(*place) * 16;
            *place = (carry % 10) as u8;
            carry /= 10;
        }
        while carry > 0 {
            decimal.insert(0, (carry % 10) as u8);
            carry /= 10;
        }
        if decimal.len() > limit {
            return Err(arguments.unfit(0, 35));
        }
    }
    let mut number = Number { negative, digits: decimal, exponent: 0 };
    number.normalize();
    Ok(number.to_value(interpreter.settings.numeric))
}

/// The complement of digits to a power of the base.
fn complement(digits: &mut [u8], base: u8) {
    let mut carry = 1;
    for digit in digits.iter_mut().rev() {
        *digit = base - 1 - *digit + carry;
        carry = u8::from(*digit == base);
        *digit %= base;
    }
}

pub fn d2c(interpreter: &mut Interpreter, arguments: &Arguments) -> Result<Value> {
    let length = arguments.count_at(1)?;
    let digits = from_decimal(interpreter, arguments, length.map(|bytes| bytes.saturating_mul(2)))?;
    Ok(Value::from_vec(scanner::pack(&digits, 4)))
}

pub fn d2x(interpreter: &mut Interpreter, arguments: &Arguments) -> Result<Value> {
    let length = arguments.count_at(1)?;
    let digits = from_decimal(interpreter, arguments, length)?;
    Ok(Value::from_vec(digits.iter().map(|digit| HEX[usize::from(*digit)]).collect()))
}

/// The hexadecimal digits of a whole number, in two's complement when a length is given; a negative one needs a length.
fn from_decimal(interpreter: &Interpreter, arguments: &Arguments, length: Option<usize>) -> Result<Vec<u8>> {
    let mut number = arguments.number(0, interpreter.settings.numeric.digits).map_err(|_| arguments.wrong(0, 12))?;
    number.strip();
    if number.exponent < 0 || number.adjusted() >= i64::from(interpreter.settings.numeric.digits) {
        return Err(arguments.wrong(0, 12));
    }
    if number.negative && length.is_none() {
        return Err(arguments.wrong(0, 13));
    }
    if length.is_some_and(|length| length > STRING_MAX) {
        return Err(Error::storage());
    }
    let mut decimal = number.digits.clone();
    decimal.resize(decimal.len() + number.exponent as usize, 0);
    let mut digits = Vec::new();
    while decimal.iter().any(|digit| *digit != 0) {
        let mut rest = 0;
        for digit in &mut decimal {
            let part = rest * 10 + u32::from(*digit);
            *digit = (part / 16) as u8;
            rest = part % 16;
        }
        digits.push(rest as u8);
    }
    match length {
        None if digits.is_empty() => digits.push(0),
        None => {}
        Some(length) => digits.resize(length, 0),
    }
    digits.reverse();
    if number.negative {
        complement(&mut digits, 16);
    }
    Ok(digits)
}
