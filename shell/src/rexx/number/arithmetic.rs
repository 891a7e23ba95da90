//! The operations on numbers of any length.

use alloc::borrow::Cow;
use alloc::vec;
use alloc::vec::Vec;
use core::cmp::Ordering;

use super::{Fault, Number, limbs};

/// The sum, at that many digits.
///
/// What of an operand lies below `digits + 1` places, counted from the first digit of the larger one, is cut off; the result is rounded to
/// `digits` places, counted from there or from a digit carried before it.
///
/// # Errors
/// The faults of the exponent.
pub fn add(left: &Number, right: &Number, digits: u32) -> Result<Number, Fault> {
    if left.is_zero() || right.is_zero() {
        let other = if left.is_zero() { right } else { left };
        return other.clone().rounded(digits).checked();
    }
    let top = left.adjusted().max(right.adjusted());
    let exponent = left.exponent.min(right.exponent).max(top - i64::from(digits));
    let mut sum = sum(&aligned(left, exponent), &aligned(right, exponent), exponent, (left.negative, right.negative));
    if sum.is_zero() {
        return Ok(sum);
    }
    let guard = (top - i64::from(digits) + 1) - exponent;
    let surplus = guard.max(sum.digits.len() as i64 - i64::from(digits));
    if surplus > 0 {
        let exponent = sum.exponent + surplus;
        sum.round_off(surplus as usize);
        // A carry into a place that cancelling out had freed: all places that count are kept.
        if !sum.is_zero() && sum.exponent > exponent && sum.adjusted() <= top {
            sum.digits.push(0);
            sum.exponent -= 1;
        }
    }
    sum.checked()
}

/// The difference, as [`add`].
///
/// # Errors
/// As [`add`].
pub fn subtract(left: &Number, right: &Number, digits: u32) -> Result<Number, Fault> {
    let right = Number { negative: !right.negative, ..right.clone() };
    let result = add(left, &right, digits)?;
    Ok(Number { negative: result.negative && !result.is_zero(), ..result })
}

/// Which of two numbers is the greater at that many digits.
///
/// # Errors
/// As [`add`].
pub fn compare(left: &Number, right: &Number, digits: u32) -> Result<Ordering, Fault> {
    let difference = subtract(left, right, digits)?;
    Ok(match difference {
        number if number.is_zero() => Ordering::Equal,
        number if number.negative => Ordering::Less,
        _ => Ordering::Greater,
    })
}

/// Orders two exact numbers.
pub fn order(left: &Number, right: &Number) -> Ordering {
    let sign = |number: &Number| match number {
        number if number.is_zero() => 0,
        number if number.negative => -1,
        _ => 1,
    };
    if sign(left) != sign(right) || left.is_zero() {
        return sign(left).cmp(&sign(right));
    }
    let magnitude = left.adjusted().cmp(&right.adjusted()).then_with(|| {
        let zeros = |number: &Number| number.digits.iter().rev().take_while(|digit| **digit == 0).count();
        left.digits[..left.digits.len() - zeros(left)].cmp(&right.digits[..right.digits.len() - zeros(right)])
    });
    if left.negative { magnitude.reverse() } else { magnitude }
}

/// The digits of a number down to the place of that exponent: cut off, or padded with zeros.
fn aligned(number: &Number, exponent: i64) -> Cow<'_, [u8]> {
    let length = (number.digits.len() as i64 + number.exponent - exponent).max(0) as usize;
    if let Some(digits) = number.digits.get(..length) {
        return Cow::Borrowed(digits);
    }
    let mut digits = Vec::with_capacity(length);
    digits.extend_from_slice(&number.digits);
    digits.resize(length, 0);
    Cow::Owned(digits)
}

/// The sum of aligned digits.
fn sum(one: &[u8], other: &[u8], exponent: i64, (one_negative, other_negative): (bool, bool)) -> Number {
    if one_negative == other_negative {
        return Number { negative: one_negative, digits: plus(one, other), exponent };
    }
    let (larger, smaller, negative) = match one.len().cmp(&other.len()).then_with(|| one.cmp(other)) {
        Ordering::Equal => return Number::ZERO,
        Ordering::Greater => (one, other, one_negative),
        Ordering::Less => (other, one, other_negative),
    };
    let mut difference = Number { negative, digits: minus(larger.to_vec(), smaller), exponent };
    difference.normalize();
    difference
}

/// The sum of digits.
fn plus(one: &[u8], other: &[u8]) -> Vec<u8> {
    let (longer, shorter) = if one.len() >= other.len() { (one, other) } else { (other, one) };
    // One more in front, for a carry out of the first.
    let mut out = Vec::with_capacity(longer.len() + 1);
    out.extend_from_slice(longer);
    let mut carry = 0;
    let mut shorter = shorter.iter().rev();
    for digit in out.iter_mut().rev() {
        let more = shorter.next();
        if more.is_none() && carry == 0 {
            break;
        }
        let sum = *digit + more.copied().unwrap_or(0) + carry;
        carry = u8::from(sum > 9);
        *digit = sum - carry * 10;
    }
    if carry > 0 {
        out.insert(0, 1);
    }
    out
}

/// The difference of digits, the first not the smaller.
fn minus(mut larger: Vec<u8>, smaller: &[u8]) -> Vec<u8> {
    let mut borrow = 0;
    let mut smaller = smaller.iter().rev();
    for digit in larger.iter_mut().rev() {
        let less = smaller.next();
        if less.is_none() && borrow == 0 {
            break;
        }
        let less = less.copied().unwrap_or(0) + borrow;
        borrow = u8::from(*digit < less);
        *digit = *digit + borrow * 10 - less;
    }
    larger
}

/// The product, at that many digits. As in division and power, the operands are cut off behind `digits + 1` digits.
///
/// # Errors
/// The faults of the exponent.
pub fn multiply(left: &Number, right: &Number, digits: u32) -> Result<Number, Fault> {
    let (left, right) = (left.truncated(digits), right.truncated(digits));
    product(&left, &right).rounded(digits).checked()
}

/// The exact product.
fn product(left: &Number, right: &Number) -> Number {
    if left.is_zero() || right.is_zero() {
        return Number::ZERO;
    }
    Number {
        negative: left.negative != right.negative,
        digits: limbs::multiply(&left.digits, &right.digits),
        exponent: left.exponent + right.exponent,
    }
}

/// The quotient, at that many digits and without trailing zeros.
///
/// # Errors
/// Division by zero, the faults of the exponent.
pub fn divide(left: &Number, right: &Number, digits: u32) -> Result<Number, Fault> {
    let (left, right) = (left.truncated(digits), right.truncated(digits));
    let mut quotient = quotient(&left, &right, digits as usize)?;
    quotient.strip();
    quotient.checked()
}

/// The quotient rounded to that many digits.
fn quotient(left: &Number, right: &Number, digits: usize) -> Result<Number, Fault> {
    if right.is_zero() {
        return Err(Fault::DivideByZero);
    }
    if left.is_zero() {
        return Ok(Number::ZERO);
    }
    // Enough digits that the one which decides the rounding is there.
    let more = (digits + 1 + right.digits.len()).saturating_sub(left.digits.len());
    let negative = left.negative != right.negative;
    if right.digits.len() <= limbs::WIDTH {
        let (whole, more) = limbs::divide_short(&left.digits, more, &right.digits);
        let mut quotient = Number { negative, digits: whole, exponent: left.exponent - right.exponent - more as i64 };
        quotient.normalize();
        quotient.round(digits);
        return Ok(quotient);
    }
    let mut dividend = left.digits.clone();
    dividend.resize(dividend.len() + more, 0);
    let (whole, _) = limbs::divide(&dividend, &right.digits);
    let mut quotient = Number { negative, digits: whole, exponent: left.exponent - right.exponent - more as i64 };
    quotient.round(digits);
    Ok(quotient)
}

/// The whole part of the quotient and the remainder, both exact.
fn divide_whole(left: &Number, right: &Number, digits: u32) -> Result<(Number, Number), Fault> {
    let (left, right) = (left.truncated(digits), right.truncated(digits));
    if right.is_zero() {
        return Err(Fault::DivideByZero);
    }
    if left.is_zero() {
        return Ok((Number::ZERO, Number::ZERO));
    }
    if left.adjusted() < right.adjusted() {
        return Ok((Number::ZERO, left.into_owned()));
    }
    if left.adjusted() - right.adjusted() > i64::from(digits) {
        return Err(Fault::TooLong);
    }
    let exponent = left.exponent.min(right.exponent);
    let aligned = |number: &Number| {
        let mut out = number.digits.clone();
        out.resize(out.len() + (number.exponent - exponent) as usize, 0);
        out
    };
    let (whole, rest) = limbs::divide(&aligned(&left), &aligned(&right));
    if whole.len() > digits as usize {
        return Err(Fault::TooLong);
    }
    let mut whole = Number { negative: left.negative != right.negative, digits: whole, exponent: 0 };
    let mut rest = Number { negative: left.negative, digits: rest, exponent };
    whole.normalize();
    rest.normalize();
    Ok((whole, rest))
}

/// The whole part of the quotient.
///
/// # Errors
/// Division by zero, or a result of more than `digits` digits.
pub fn integer_divide(left: &Number, right: &Number, digits: u32) -> Result<Number, Fault> {
    Ok(divide_whole(left, right, digits)?.0)
}

/// What remains of the dividend, with its sign and without trailing zeros.
///
/// # Errors
/// As [`integer_divide`].
pub fn remainder(left: &Number, right: &Number, digits: u32) -> Result<Number, Fault> {
    let mut rest = divide_whole(left, right, digits)?.1.rounded(digits);
    rest.strip();
    Ok(rest)
}

/// The power, without trailing zeros: each step at as many digits more as the exponent has, and one.
///
/// # Errors
/// Division by zero when zero is raised to a negative power, the faults of the exponent.
pub fn power(base: &Number, exponent: i64, digits: u32) -> Result<Number, Fault> {
    let base = base.truncated(digits);
    if exponent == 0 {
        return Ok(Number::from_int(1));
    }
    if base.is_zero() {
        return if exponent < 0 { Err(Fault::DivideByZero) } else { Ok(Number::ZERO) };
    }
    let times = exponent.unsigned_abs();
    let length = times.ilog10() + 1;
    let working = digits.saturating_add(length).saturating_add(1);
    let mut result = Number { negative: false, digits: vec![1], exponent: 0 };
    for bit in (0..=times.ilog2()).rev() {
        result = multiply(&result, &result, working)?;
        if times >> bit & 1 == 1 {
            result = multiply(&result, &base, working)?;
        }
    }
    if exponent < 0 {
        result = quotient(&Number::from_int(1), &result, working as usize)?;
    }
    result.round(digits as usize);
    result.strip();
    result.checked()
}
