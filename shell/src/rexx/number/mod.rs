//! Decimal numbers of any length, by the rules of ANSI X3.274: characters to numbers and back, rounding, comparison.

mod arithmetic;
mod limbs;
pub mod small;

use alloc::borrow::Cow;
use alloc::format;
use alloc::vec::Vec;
use core::cmp::Ordering;

pub use arithmetic::{add, compare, divide, integer_divide, multiply, power, remainder, subtract};

use super::eight;
use super::value::{Scratch, Value};

/// Largest exponent in absolute value: nine digits.
pub const EXPONENT_MAX: i64 = 999_999_999;

/// Digits before the point, below 0, of the smallest numbers in plain notation: 0.00000ddd.
pub const PLAIN: i64 = -5;

/// How results are shown and how precise they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Numeric {
    /// NUMERIC DIGITS.
    pub digits: u32,
    /// NUMERIC FUZZ.
    pub fuzz: u32,
    /// NUMERIC FORM ENGINEERING.
    pub engineering: bool,
}

impl Numeric {
    /// As every program begins.
    pub const DEFAULT: Self = Self { digits: 9, fuzz: 0, engineering: false };
}

/// What can go wrong with the exponent or the length of a result.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The exponent of the result is above `EXPONENT_MAX`.
    Overflow,
    /// The exponent of the result is below its negative.
    Underflow,
    /// The divisor is zero.
    DivideByZero,
    /// The whole result has more digits than allowed.
    TooLong,
}

/// A number: its digits (0 to 9, the first not 0; none for zero) times ten to the power of its exponent.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Number {
    /// Below zero.
    pub negative: bool,
    /// The digits, most significant first.
    pub digits: Vec<u8>,
    /// The power of ten that the last digit counts.
    pub exponent: i64,
}

impl Number {
    /// Zero.
    pub const ZERO: Self = Self { negative: false, digits: Vec::new(), exponent: 0 };

    /// The number that a value is, when it is one.
    pub fn of(value: &Value) -> Option<Self> {
        let mut number = Self::ZERO;
        number.take(value).then_some(number)
    }

    /// Becomes the number that a value is, in its own storage; false, and nothing of use, when it is none.
    pub fn take(&mut self, value: &Value) -> bool {
        match small::of(value) {
            Some(small) => self.become_small(small),
            None => return self.read(value.bytes(&mut Scratch::new())),
        }
        true
    }

    /// A whole number.
    pub fn from_int(number: i64) -> Self {
        let mut whole = Self::ZERO;
        whole.become_small(small::Small { coefficient: number, scale: 0 });
        whole
    }

    /// The number that these characters are: blanks, a sign, blanks, digits with or without a point, an exponent, blanks.
    pub fn parse(text: &[u8]) -> Option<Self> {
        let mut number = Self::ZERO;
        number.read(text).then_some(number)
    }

    /// Becomes the number that these characters are, in its own storage; false, and nothing of use, when they are none.
    pub fn read(&mut self, text: &[u8]) -> bool {
        self.digits.clear();
        let text = trim(text);
        let (negative, rest) = match text.first() {
            Some(b'-') => (true, trim(&text[1..])),
            Some(b'+') => (false, trim(&text[1..])),
            _ => (false, text),
        };
        (self.negative, self.exponent) = (negative, 0);
        // Nearly all numbers have no exponent.
        if !self.take_digits(rest) {
            let Some(at) = rest.iter().position(|byte| byte.eq_ignore_ascii_case(&b'E')) else {
                return false;
            };
            let Some(exponent) = parse_exponent(&rest[at..]) else {
                return false;
            };
            self.digits.clear();
            if !self.take_digits(&rest[..at]) {
                return false;
            }
            self.exponent += exponent;
        }
        self.normalize();
        true
    }

    /// Becomes a small number, as [`Number::read`].
    pub fn become_small(&mut self, small: small::Small) {
        let magnitude = small.coefficient.unsigned_abs();
        let (high, low) = (magnitude / eight::BASE, magnitude % eight::BASE);
        self.digits.clear();
        if high > 0 {
            self.digits.extend_from_slice(&eight::digits(high / eight::BASE));
            self.digits.extend_from_slice(&eight::digits(high % eight::BASE));
        }
        self.digits.extend_from_slice(&eight::digits(low));
        (self.negative, self.exponent) = (small.coefficient < 0, -i64::from(small.scale));
        self.normalize();
    }

    /// Takes digits with or without a point; false when that is not what the characters are.
    fn take_digits(&mut self, text: &[u8]) -> bool {
        let point = text.iter().position(|byte| *byte == b'.');
        let (whole, decimals) = point.map_or((text, &[][..]), |at| (&text[..at], &text[at + 1..]));
        self.exponent = -(decimals.len() as i64);
        self.digits.reserve(text.len());
        !(whole.is_empty() && decimals.is_empty()) && self.append_characters(whole) && self.append_characters(decimals)
    }

    /// Appends the digits that characters are; false when one is none.
    fn append_characters(&mut self, text: &[u8]) -> bool {
        let (words, rest) = text.as_chunks();
        for word in words {
            match eight::from_characters(*word) {
                Some(digits) => self.digits.extend_from_slice(&digits),
                None => return false,
            }
        }
        for character in rest {
            if !character.is_ascii_digit() {
                return false;
            }
            self.digits.push(character - b'0');
        }
        true
    }

    /// Whether it is zero.
    pub fn is_zero(&self) -> bool {
        self.digits.is_empty()
    }

    /// The exponent when written with one digit before the point.
    pub fn adjusted(&self) -> i64 {
        self.exponent + self.digits.len() as i64 - 1
    }

    /// Rounds to at most that many digits, half up.
    pub fn round(&mut self, digits: usize) {
        if self.digits.len() <= digits {
            return;
        }
        let up = self.digits[digits] >= 5;
        self.exponent += (self.digits.len() - digits) as i64;
        self.digits.truncate(digits);
        if !up {
            return self.normalize();
        }
        for digit in self.digits.iter_mut().rev() {
            if *digit < 9 {
                *digit += 1;
                return;
            }
            *digit = 0;
        }
        // All nines, or no digit at all.
        self.digits.insert(0, 1);
        if self.digits.len() > digits.max(1) {
            self.digits.pop();
            self.exponent += 1;
        }
    }

    /// The number cut off behind one digit more than that.
    fn truncated(&self, digits: u32) -> Cow<'_, Self> {
        let keep = digits as usize + 1;
        let Some(cut) = self.digits.len().checked_sub(keep).filter(|cut| *cut > 0) else {
            return Cow::Borrowed(self);
        };
        Cow::Owned(Self { negative: self.negative, digits: self.digits[..keep].to_vec(), exponent: self.exponent + cut as i64 })
    }

    /// Rounds the last `surplus` digits off, half up.
    fn round_off(&mut self, surplus: usize) {
        match self.digits.len().checked_sub(surplus) {
            Some(keep) => self.round(keep),
            None => *self = Self::ZERO,
        }
    }

    /// As [`Number::round`].
    pub fn rounded(mut self, digits: u32) -> Self {
        self.round(digits as usize);
        self
    }

    /// Takes leading zeros away; zero gets its one form.
    pub fn normalize(&mut self) {
        if self.digits.first() == Some(&0) {
            let zeros = self.digits.iter().take_while(|digit| **digit == 0).count();
            self.digits.drain(..zeros);
        }
        if self.digits.is_empty() {
            (self.negative, self.exponent) = (false, 0);
        }
    }

    /// Takes trailing zeros away.
    pub fn strip(&mut self) {
        let keep = self.digits.iter().rposition(|digit| *digit != 0).map_or(0, |last| last + 1);
        self.exponent += (self.digits.len() - keep) as i64;
        self.digits.truncate(keep);
        self.normalize();
    }

    /// The whole number that it is, when it is one of at most 18 digits.
    pub fn to_int(&self) -> Option<i64> {
        let mut whole = 0_i64;
        for at in 0..(self.digits.len() as i64 + self.exponent).max(0) {
            let digit = self.digits.get(at as usize).copied().unwrap_or(0);
            whole = whole.checked_mul(10)?.checked_add(i64::from(digit))?;
            if whole >= 1_000_000_000_000_000_000 {
                return None;
            }
        }
        let fraction = usize::try_from(self.digits.len() as i64 + self.exponent).unwrap_or(0);
        if self.digits.iter().skip(fraction).any(|digit| *digit != 0) {
            return None;
        }
        Some(if self.negative { -whole } else { whole })
    }

    /// The exponent is one that results may have.
    ///
    /// # Errors
    /// [`Fault::Overflow`] or [`Fault::Underflow`].
    pub fn checked(self) -> Result<Self, Fault> {
        match self.adjusted() {
            _ if self.is_zero() => Ok(Self::ZERO),
            adjusted if adjusted > EXPONENT_MAX => Err(Fault::Overflow),
            adjusted if adjusted < -EXPONENT_MAX => Err(Fault::Underflow),
            _ => Ok(self),
        }
    }

    /// The value with the characters that show it under those settings.
    pub fn to_value(&self, numeric: Numeric) -> Value {
        Value::from_vec(self.format(numeric.digits, numeric.engineering))
    }

    /// Its characters: exponential when there are more than `digits` digits before the point, or more than five zeros would stand behind it.
    pub fn format(&self, digits: u32, engineering: bool) -> Vec<u8> {
        let mut text = Vec::new();
        self.write(&mut text, digits, engineering);
        text
    }

    /// Appends its characters, as [`Number::format`].
    pub fn write(&self, text: &mut Vec<u8>, digits: u32, engineering: bool) {
        text.reserve(self.digits.len() + 16);
        if self.is_zero() {
            return text.push(b'0');
        }
        if self.negative {
            text.push(b'-');
        }
        let before = self.digits.len() as i64 + self.exponent;
        match before > i64::from(digits) || before < PLAIN {
            true => self.exponential(text, engineering),
            false => self.plain(text, before),
        }
    }

    /// The digits with the point behind the first `before` of them (or with zeros before them).
    pub(super) fn plain(&self, text: &mut Vec<u8>, before: i64) {
        let length = self.digits.len() as i64;
        if before <= 0 {
            text.extend_from_slice(b"0.");
            text.resize(text.len() + (-before) as usize, b'0');
        }
        let whole = usize::try_from(before).unwrap_or(0).min(self.digits.len());
        characters(text, &self.digits[..whole]);
        if whole > 0 && whole < self.digits.len() {
            text.push(b'.');
        }
        characters(text, &self.digits[whole..]);
        if before > length {
            text.resize(text.len() + (before - length) as usize, b'0');
        }
    }

    /// With one digit before the point, or in engineering form up to three, and an exponent.
    fn exponential(&self, text: &mut Vec<u8>, engineering: bool) {
        let mut exponent = self.adjusted();
        let mut before = 1;
        if engineering {
            let over = exponent.rem_euclid(3);
            exponent -= over;
            before += over;
        }
        self.plain(text, before);
        if exponent != 0 {
            text.extend_from_slice(format!("E{exponent:+}").as_bytes());
        }
    }
}

/// Appends the characters of digits.
fn characters(text: &mut Vec<u8>, digits: &[u8]) {
    let (words, rest) = digits.as_chunks();
    for word in words {
        text.extend_from_slice(&eight::to_characters(*word));
    }
    for digit in rest {
        text.push(b'0' + digit);
    }
}

/// The exponent at the end of a number; 0 when there is none.
fn parse_exponent(text: &[u8]) -> Option<i64> {
    let Some((letter, text)) = text.split_first() else {
        return Some(0);
    };
    if !letter.eq_ignore_ascii_case(&b'E') {
        return None;
    }
    let (negative, digits) = match text.first()? {
        b'-' => (true, &text[1..]),
        b'+' => (false, &text[1..]),
        _ => (false, text),
    };
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let mut exponent = 0_i64;
    for digit in digits {
        exponent = exponent * 10 + i64::from(digit - b'0');
        if exponent > EXPONENT_MAX {
            return None;
        }
    }
    Some(if negative { -exponent } else { exponent })
}

/// Without the blanks around it.
pub fn trim(text: &[u8]) -> &[u8] {
    text.trim_ascii()
}

/// Orders two numbers that are exact.
pub fn order(left: &Number, right: &Number) -> Ordering {
    arithmetic::order(left, right)
}
