//! The same operations on numbers of at most 18 digits and modest exponents, in machine arithmetic. Whatever does not fit is `None`:
//! the general operations do it.

use core::cmp::Ordering;

use super::super::value::Value;
use super::PLAIN;

/// Powers of ten that fit into a signed 64-bit number.
pub const POWERS: [i64; 19] = {
    let mut powers = [1; 19];
    let mut at = 1;
    while at < 19 {
        powers[at] = powers[at - 1] * 10;
        at += 1;
    }
    powers
};

/// Most digits of a small number.
pub const DIGITS: u32 = 18;
/// Most digits behind the point; and how far the exponent of a last digit may be from 0.
const SCALE: i32 = 36;
/// Largest exponent of a last digit.
const EXPONENT: i32 = 99;

/// `coefficient / 10^scale`.
#[derive(Clone, Copy, Debug)]
pub struct Small {
    pub coefficient: i64,
    pub scale: i32,
}

/// The number that a value is, when it is a small one.
#[inline]
pub fn of(value: &Value) -> Option<Small> {
    match value {
        Value::Int(number) => Some(Small { coefficient: *number, scale: 0 }),
        Value::Decimal(scale, coefficient) => Some(Small { coefficient: *coefficient, scale: i32::from(*scale) }),
        Value::Exponential(exponent, coefficient) => Some(Small { coefficient: *coefficient, scale: -i32::from(*exponent) }),
        Value::Short(length, bytes) => parse(&bytes[..usize::from(*length)]),
        Value::Long(_) => None,
    }
}

/// A sign, digits, a point. No blanks and no exponent.
fn parse(text: &[u8]) -> Option<Small> {
    let (negative, digits) = match text.first()? {
        b'-' => (true, &text[1..]),
        b'+' => (false, &text[1..]),
        _ => (false, text),
    };
    let (mut coefficient, mut point, mut any) = (0_i64, None, false);
    for (at, byte) in digits.iter().enumerate() {
        if byte.is_ascii_digit() {
            coefficient = coefficient * 10 + i64::from(byte - b'0');
            any = true;
        } else if *byte == b'.' && point.is_none() {
            point = Some(at);
        } else {
            return None;
        }
    }
    if !any {
        return None;
    }
    let scale = point.map_or(0, |at| digits.len() - at - 1) as i32;
    // Zero has no places behind the point in arithmetic.
    let scale = if coefficient == 0 { 0 } else { scale };
    Some(Small { coefficient: if negative { -coefficient } else { coefficient }, scale })
}

/// Whether it has at most that many digits.
#[inline]
fn fits(number: Small, digits: u32) -> bool {
    number.coefficient.unsigned_abs() < POWERS[digits.min(DIGITS) as usize] as u64
}

/// The value of a number of at most `digits` digits.
#[inline]
fn present(coefficient: i64, scale: i32, digits: u32) -> Option<Value> {
    if scale == 0 || coefficient == 0 {
        return Some(Value::Int(coefficient));
    }
    let before = length(coefficient.unsigned_abs().into()) as i32 - scale;
    if before > digits as i32 || i64::from(before) < PLAIN {
        return (scale.abs() <= EXPONENT).then_some(Value::Exponential(-scale as i8, coefficient));
    }
    if scale > 0 {
        return (scale <= SCALE).then_some(Value::Decimal(scale as u8, coefficient));
    }
    let whole = coefficient.checked_mul(*POWERS.get(scale.unsigned_abs() as usize)?)?;
    (whole.unsigned_abs() < POWERS[18] as u64).then_some(Value::Int(whole))
}

/// How many digits.
#[inline]
fn length(number: u128) -> u32 {
    match u64::try_from(number) {
        Ok(number) => short_length(number),
        Err(_) => number.ilog10() + 1,
    }
}

/// How many digits, from the number of bits: 1233 / 4096 is the logarithm of 2.
#[inline]
fn short_length(number: u64) -> u32 {
    let number = number.max(1);
    let least = ((64 - number.leading_zeros()) * 1233) >> 12;
    let power = POWERS.get(least as usize).map_or(10_000_000_000_000_000_000, |power| *power as u64);
    least + u32::from(number >= power)
}

/// Ten to a power up to 38.
fn power_of_ten(power: u32) -> u128 {
    if power <= 18 { POWERS[power as usize] as u128 } else { 10_u128.pow(power) }
}

/// Rounds half up to `digits` digits. What has more than 18 digits then does not fit.
fn finish(coefficient: i128, scale: i32, digits: u32) -> Option<Value> {
    let (negative, mut magnitude, mut scale) = (coefficient < 0, coefficient.unsigned_abs(), scale);
    let surplus = length(magnitude).saturating_sub(digits);
    if surplus > 0 {
        magnitude = round(magnitude, surplus);
        scale -= surplus as i32;
        if magnitude == power_of_ten(digits) {
            magnitude /= 10;
            scale -= 1;
        }
    }
    let magnitude = i64::try_from(magnitude).ok().filter(|magnitude| *magnitude < POWERS[18])?;
    present(if negative { -magnitude } else { magnitude }, scale, digits)
}

/// Drops that many digits, half up.
fn round(magnitude: u128, surplus: u32) -> u128 {
    if let Ok(small) = u64::try_from(magnitude)
        && surplus <= 18
    {
        let power = POWERS[surplus as usize] as u64;
        return u128::from(small / power + u64::from(small % power >= power / 2));
    }
    let power = power_of_ten(surplus);
    magnitude / power + u128::from(magnitude % power >= power / 2)
}

/// The sum.
pub fn add(left: Small, right: Small, digits: u32) -> Option<Value> {
    if !fits(left, digits) || !fits(right, digits) {
        return None;
    }
    if left.scale == right.scale {
        let sum = left.coefficient + right.coefficient;
        if fits(Small { coefficient: sum, scale: 0 }, digits) {
            return present(sum, left.scale, digits);
        }
        return finish(i128::from(sum), left.scale, digits);
    }
    if left.coefficient == 0 {
        return present(right.coefficient, right.scale, digits);
    }
    if right.coefficient == 0 {
        return present(left.coefficient, left.scale, digits);
    }
    add_aligned(left, right, digits)
}

/// The sum of numbers with different scales: see [`super::add`].
fn add_aligned(left: Small, right: Small, digits: u32) -> Option<Value> {
    let top = |number: Small| length(number.coefficient.unsigned_abs().into()) as i32 - number.scale - 1;
    let top = top(left).max(top(right));
    let scale = left.scale.max(right.scale).min(digits as i32 - top);
    let aligned = |number: Small| {
        let more = scale - number.scale;
        match u32::try_from(more) {
            Ok(more) if more <= 18 => Some(i128::from(number.coefficient) * power_of_ten(more) as i128),
            Ok(_) => None,
            Err(_) => Some(match POWERS.get(more.unsigned_abs() as usize) {
                Some(power) => i128::from(number.coefficient / power),
                None => 0,
            }),
        }
    };
    let sum = aligned(left)? + aligned(right)?;
    // The guard digit is rounded off even when the digits before it cancelled out.
    let guard = scale - (digits as i32 - 1 - top);
    if guard > 0 && length(sum.unsigned_abs()) <= digits {
        let rounded = round(sum.unsigned_abs(), 1) as i128;
        return finish(if sum < 0 { -rounded } else { rounded }, scale - 1, digits);
    }
    finish(sum, scale, digits)
}

/// The product.
pub fn multiply(left: Small, right: Small, digits: u32) -> Option<Value> {
    if !fits(left, digits) || !fits(right, digits) {
        return None;
    }
    let scale = left.scale + right.scale;
    if let Some(product) = left.coefficient.checked_mul(right.coefficient)
        && fits(Small { coefficient: product, scale: 0 }, digits)
    {
        return present(product, scale, digits);
    }
    finish(i128::from(left.coefficient) * i128::from(right.coefficient), scale, digits)
}

/// The quotient, without trailing zeros.
pub fn divide(left: Small, right: Small, digits: u32) -> Option<Value> {
    if right.coefficient == 0 || !fits(left, digits) || !fits(right, digits) {
        return None;
    }
    let (dividend, divisor) = (left.coefficient.unsigned_abs(), right.coefficient.unsigned_abs());
    let negative = (left.coefficient < 0) != (right.coefficient < 0);
    if dividend.is_multiple_of(divisor) {
        // It comes out even, at any precision.
        let (mut quotient, mut scale) = ((dividend / divisor) as i64, left.scale - right.scale);
        while scale > 0 && quotient % 10 == 0 {
            quotient /= 10;
            scale -= 1;
        }
        return present(if negative { -quotient } else { quotient }, scale, digits);
    }
    if digits > DIGITS {
        return None;
    }
    let shift = (digits + 1 + length(divisor.into())).saturating_sub(length(dividend.into()));
    let dividend = u128::from(dividend) * power_of_ten(shift);
    let mut quotient = match u64::try_from(dividend) {
        Ok(dividend) => u128::from(dividend / divisor),
        Err(_) => dividend / u128::from(divisor),
    };
    let mut scale = left.scale - right.scale + shift as i32;
    let surplus = length(quotient).saturating_sub(digits);
    if surplus > 0 {
        quotient = round(quotient, surplus);
        scale -= surplus as i32;
    }
    // At most 10 to the power of 18.
    let mut quotient = i64::try_from(quotient).ok()?;
    if quotient == 0 {
        return Some(Value::Int(0));
    }
    while quotient % 10 == 0 {
        quotient /= 10;
        scale -= 1;
    }
    present(if negative { -quotient } else { quotient }, scale, digits)
}

/// The whole part of the quotient of whole numbers.
pub fn integer_divide(left: Small, right: Small, digits: u32) -> Option<Value> {
    whole(left, right, digits).then(|| Value::Int(left.coefficient / right.coefficient))
}

/// The remainder of whole numbers.
pub fn remainder(left: Small, right: Small, digits: u32) -> Option<Value> {
    whole(left, right, digits).then(|| Value::Int(left.coefficient % right.coefficient))
}

/// Whole numbers that can be divided.
fn whole(left: Small, right: Small, digits: u32) -> bool {
    left.scale == 0 && right.scale == 0 && right.coefficient != 0 && fits(left, digits) && fits(right, digits)
}

/// The power of a whole number that stays short.
pub fn power(base: Small, exponent: Small, digits: u32) -> Option<Value> {
    if base.scale != 0 || exponent.scale != 0 || !fits(base, digits) {
        return None;
    }
    let exponent = u32::try_from(exponent.coefficient).ok()?;
    let result = base.coefficient.checked_pow(exponent)?;
    (result.unsigned_abs() < POWERS[digits.min(DIGITS) as usize] as u64 && result % 10 != 0).then_some(Value::Int(result))
}

/// Which is the greater.
pub fn compare(left: Small, right: Small, digits: u32) -> Option<Ordering> {
    if digits > DIGITS || !fits(left, digits) || !fits(right, digits) {
        return None;
    }
    if left.scale == right.scale {
        return Some(left.coefficient.cmp(&right.coefficient));
    }
    // Their difference counts, which is rounded.
    match add(left, Small { coefficient: -right.coefficient, ..right }, digits)? {
        Value::Int(difference) | Value::Decimal(_, difference) | Value::Exponential(_, difference) => Some(difference.cmp(&0)),
        Value::Short(..) | Value::Long(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_digits_of_a_number_are_counted_at_every_power_of_ten_and_of_two() {
        let near = |number: u64| [number.saturating_sub(1), number, number.saturating_add(1)];
        let numbers = (0..20).map(|power| 10_u64.pow(power)).chain((0..64).map(|power| 1 << power)).chain([0, u64::MAX]);
        for number in numbers.flat_map(near) {
            assert_eq!(short_length(number) as usize, alloc::format!("{number}").len(), "{number}");
        }
    }
}
