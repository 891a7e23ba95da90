//! The operations on numbers of any length.

use alloc::vec;
use alloc::vec::Vec;
use core::cmp::Ordering;

use super::super::eight::{self, WIDTH};
use super::{Fault, Number, limbs};

/// The sum, at that many digits.
///
/// What of an operand lies below `digits + 1` places, counted from the first digit of the larger one, is cut off; the result is rounded to
/// `digits` places, counted from there or from a digit carried before it.
///
/// # Errors
/// The faults of the exponent.
pub fn add(left: &Number, right: &Number, digits: u32) -> Result<Number, Fault> {
    add_signed(left, (right, right.negative), digits)
}

/// The difference, as [`add`].
///
/// # Errors
/// As [`add`].
pub fn subtract(left: &Number, right: &Number, digits: u32) -> Result<Number, Fault> {
    add_signed(left, (right, !right.negative), digits)
}

/// The sum of a number and one that has another sign than its own, perhaps.
fn add_signed(left: &Number, (right, negative): (&Number, bool), digits: u32) -> Result<Number, Fault> {
    if right.is_zero() {
        return left.clone().rounded(digits).checked();
    }
    if left.is_zero() {
        return Number { negative, ..right.clone() }.rounded(digits).checked();
    }
    let top = left.adjusted().max(right.adjusted());
    let exponent = left.exponent.min(right.exponent).max(top - i64::from(digits));
    let mut sum = sum(left, (right, negative), exponent);
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
    let magnitude = magnitude(left, right);
    if left.negative { magnitude.reverse() } else { magnitude }
}

/// Orders two numbers that are not zero without their signs.
fn magnitude(left: &Number, right: &Number) -> Ordering {
    left.adjusted().cmp(&right.adjusted()).then_with(|| {
        let common = left.digits.len().min(right.digits.len());
        let zeros = |number: &Number| number.digits[common..].iter().all(|digit| *digit == 0);
        left.digits[..common].cmp(&right.digits[..common]).then_with(|| match (zeros(left), zeros(right)) {
            (false, _) => Ordering::Greater,
            (_, false) => Ordering::Less,
            _ => Ordering::Equal,
        })
    })
}

/// The sum of two numbers that are not zero, of which what counts less than that exponent is cut off.
fn sum(left: &Number, (right, negative): (&Number, bool), exponent: i64) -> Number {
    let (larger, smaller, sign) = match magnitude(left, right) {
        Ordering::Less => (right, left, negative),
        _ => (left, right, left.negative),
    };
    // The digits down to the place of the exponent: cut off, or padded with zeros.
    let places = |number: &Number| (number.digits.len() as i64 + number.exponent - exponent).max(0) as usize;
    let length = places(larger);
    let mut digits = Vec::with_capacity(length + 1);
    digits.extend_from_slice(&larger.digits[..length.min(larger.digits.len())]);
    digits.resize(length, 0);
    let kept = places(smaller).min(smaller.digits.len());
    let end = length - (places(smaller) - kept);
    let other = &smaller.digits[..kept];
    if left.negative == negative {
        if add_to(&mut digits[..end], other) {
            digits.insert(0, 1);
        }
        return Number { negative: sign, digits, exponent };
    }
    subtract_from(&mut digits[..end], other);
    let mut difference = Number { negative: sign, digits, exponent };
    difference.normalize();
    difference
}

/// Adds digits to others, of which there are no fewer; whether one is carried out of the first.
fn add_to(sum: &mut [u8], more: &[u8]) -> bool {
    let words = more.len() / WIDTH * WIDTH;
    let (head, tail) = sum.split_at_mut(sum.len() - words);
    let (more, more_tail) = more.split_at(more.len() - words);
    let mut carry = false;
    for (place, word) in tail.as_chunks_mut().0.iter_mut().zip(more_tail.as_chunks().0).rev() {
        (*place, carry) = eight::add(*place, *word, carry);
    }
    let mut more = more.iter().rev();
    for digit in head.iter_mut().rev() {
        let more = more.next();
        if more.is_none() && !carry {
            break;
        }
        let sum = *digit + more.copied().unwrap_or(0) + u8::from(carry);
        carry = sum > 9;
        *digit = if carry { sum - 10 } else { sum };
    }
    carry
}

/// Subtracts digits from others that make no smaller number.
fn subtract_from(rest: &mut [u8], less: &[u8]) {
    let words = less.len() / WIDTH * WIDTH;
    let (head, tail) = rest.split_at_mut(rest.len() - words);
    let (less, less_tail) = less.split_at(less.len() - words);
    let mut borrow = false;
    for (place, word) in tail.as_chunks_mut().0.iter_mut().zip(less_tail.as_chunks().0).rev() {
        (*place, borrow) = eight::subtract(*place, *word, borrow);
    }
    let mut less = less.iter().rev();
    for digit in head.iter_mut().rev() {
        let less = less.next();
        if less.is_none() && !borrow {
            break;
        }
        let less = less.copied().unwrap_or(0) + u8::from(borrow);
        borrow = *digit < less;
        *digit = if borrow { *digit + 10 - less } else { *digit - less };
    }
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
