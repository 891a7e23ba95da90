//! Values: every value is a string; those that are whole or short decimal numbers are kept as such until someone looks at their characters.

use alloc::rc::Rc;
use alloc::vec::Vec;
use core::hash::{Hash, Hasher};

use super::eight;
use super::error::{Error, Result};

/// Longest string in bytes. A request for more is error 5 before storage is asked for.
pub const STRING_MAX: usize = 64 << 20;
/// Strings up to here stand in the value itself.
const SHORT: usize = 14;
/// Ten to the power of 18: what stands in a value as a number has at most that many digits.
const NUMBER_LIMIT: u64 = 1_000_000_000_000_000_000;

/// A value. Sixteen bytes.
#[derive(Clone, Debug)]
pub enum Value {
    /// The decimal form of a whole number of at most 18 digits.
    Int(i64),
    /// A number in plain notation: coefficient, and how many of its digits (1 to 36) follow the point.
    Decimal(u8, i64),
    /// A number in scientific notation: the power of ten that its last digit counts, and the digits.
    Exponential(i8, i64),
    /// A string: how many of the bytes count.
    Short(u8, [u8; SHORT]),
    /// A longer string. Whoever holds it alone may append to it in place.
    Long(Rc<Vec<u8>>),
}

/// Room for the characters of a number.
pub struct Scratch([u8; 48]);

impl Scratch {
    /// Empty room.
    pub const fn new() -> Self {
        Self([0; 48])
    }
}

impl Value {
    /// The null string.
    pub const NULL: Self = Self::Short(0, [0; SHORT]);

    /// A string.
    pub fn string(bytes: &[u8]) -> Self {
        if bytes.len() <= SHORT {
            return Self::Short(bytes.len() as u8, short(bytes));
        }
        Self::Long(Rc::new(bytes.to_vec()))
    }

    /// A string of at most eight characters, which are a number, the first one lowest.
    #[inline(always)]
    pub fn small(length: u8, characters: u64) -> Self {
        let mut bytes = [0; SHORT];
        bytes[..8].copy_from_slice(&characters.to_le_bytes());
        Self::Short(length, bytes)
    }

    /// A string that was built.
    pub fn from_vec(bytes: Vec<u8>) -> Self {
        if bytes.len() <= SHORT { Self::string(&bytes) } else { Self::Long(Rc::new(bytes)) }
    }

    /// A string that was built in storage that is used again.
    pub fn from_shared(bytes: Rc<Vec<u8>>) -> Self {
        if bytes.len() <= SHORT { Self::string(&bytes) } else { Self::Long(bytes) }
    }

    /// A whole number of at most 18 digits, else its characters.
    pub fn int(number: i64) -> Self {
        if number.unsigned_abs() < NUMBER_LIMIT {
            return Self::Int(number);
        }
        Self::string(alloc::format!("{number}").as_bytes())
    }

    /// A logical value.
    pub const fn logical(truth: bool) -> Self {
        Self::Int(truth as i64)
    }

    /// The characters.
    #[inline]
    pub fn bytes<'a>(&'a self, scratch: &'a mut Scratch) -> &'a [u8] {
        match self {
            Self::Short(length, bytes) => &bytes[..usize::from(*length)],
            Self::Long(bytes) => bytes,
            number => number.digits(scratch),
        }
    }

    /// The characters of a number.
    fn digits<'a>(&self, scratch: &'a mut Scratch) -> &'a [u8] {
        match self {
            Self::Short(..) | Self::Long(_) => &[],
            Self::Int(number @ 0..EIGHT_DIGITS) => eight_digits(*number as u64, scratch),
            Self::Int(number) => decimal(*number, 0, scratch),
            Self::Decimal(scale, coefficient) => decimal(*coefficient, usize::from(*scale), scratch),
            Self::Exponential(exponent, coefficient) => exponential(*coefficient, i32::from(*exponent), scratch),
        }
    }

    /// The characters of a string; none of a number.
    pub fn as_string(&self) -> Option<&[u8]> {
        match self {
            Self::Short(length, bytes) => Some(&bytes[..usize::from(*length)]),
            Self::Long(bytes) => Some(bytes),
            _ => None,
        }
    }

    /// A copy of the characters.
    pub fn to_vec(&self) -> Vec<u8> {
        self.bytes(&mut Scratch::new()).to_vec()
    }

    /// Whether it is the null string.
    pub fn is_null(&self) -> bool {
        matches!(self, Self::Short(0, _)) || matches!(self, Self::Long(bytes) if bytes.is_empty())
    }

    /// Becomes that string, in its own storage if it has enough.
    #[inline(always)]
    pub fn become_string(&mut self, bytes: &[u8]) {
        match self {
            Self::Short(length, own) if bytes.len() <= SHORT => {
                *length = bytes.len() as u8;
                fill(own, bytes);
            }
            Self::Long(own) if bytes.len() > SHORT && own.capacity() >= bytes.len() && own.capacity() / 4 <= bytes.len() => {
                match Rc::get_mut(own) {
                    Some(own) => {
                        own.clear();
                        own.extend_from_slice(bytes);
                    }
                    None => *self = Self::string(bytes),
                }
            }
            _ => *self = Self::string(bytes),
        }
    }

    /// Puts `right` behind it, with a blank between when asked. Repeated appending to one string takes time in proportion to its length.
    /// A new long string takes the storage that is spare.
    ///
    /// # Errors
    /// Error 5 when the string would be too long or storage runs out.
    pub fn append(&mut self, right: &Self, blank: bool, spare: &mut Option<Rc<Vec<u8>>>) -> Result<()> {
        if let Self::Long(bytes) = self
            && let Some(bytes) = Rc::get_mut(bytes)
        {
            let mut scratch = Scratch::new();
            let right = right.bytes(&mut scratch);
            reserve(bytes, right.len() + usize::from(blank))?;
            if blank {
                bytes.push(b' ');
            }
            bytes.extend_from_slice(right);
            return Ok(());
        }
        let mut joined = Self::NULL;
        Self::join(self, right, blank, spare, |value| joined = value)?;
        *self = joined;
        Ok(())
    }

    /// Puts two strings together, as [`Value::append`] does, and the value where it belongs: a value of either kind is not made aside first.
    ///
    /// # Errors
    /// As [`Value::append`].
    pub fn join(left: &Self, right: &Self, blank: bool, spare: &mut Option<Rc<Vec<u8>>>, put: impl FnOnce(Self)) -> Result<()> {
        let (mut scratch, mut other) = (Scratch::new(), Scratch::new());
        let (left, right) = (left.bytes(&mut scratch), right.bytes(&mut other));
        let length = left.len() + usize::from(blank) + right.len();
        if length <= SHORT {
            let mut joined = [0; SHORT];
            joined[..left.len()].copy_from_slice(left);
            if blank {
                joined[left.len()] = b' ';
            }
            joined[length - right.len()..length].copy_from_slice(right);
            put(Self::Short(length as u8, joined));
            return Ok(());
        }
        let mut joined = spare.take().unwrap_or_default();
        if let Some(bytes) = Rc::get_mut(&mut joined) {
            bytes.clear();
            reserve(bytes, length)?;
            bytes.extend_from_slice(left);
            if blank {
                bytes.push(b' ');
            }
            bytes.extend_from_slice(right);
        }
        put(Self::Long(joined));
        Ok(())
    }
}

/// Room for a string of that length.
///
/// # Errors
/// Error 5 when the string would be too long or storage runs out.
pub fn buffer(length: usize) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    if length > STRING_MAX || bytes.try_reserve_exact(length).is_err() {
        return Err(Error::storage());
    }
    Ok(bytes)
}

/// Makes room for more bytes, by doubling while there is storage for that.
#[inline]
fn reserve(bytes: &mut Vec<u8>, more: usize) -> Result<()> {
    let length = bytes.len() + more;
    if length > STRING_MAX {
        return Err(Error::storage());
    }
    if bytes.capacity() >= length {
        return Ok(());
    }
    match bytes.try_reserve(more) {
        Ok(()) => Ok(()),
        Err(_) => bytes.try_reserve_exact(more).map_err(|_| Error::storage()),
    }
}

/// At most 14 characters, padded with zeros.
#[inline]
fn short(bytes: &[u8]) -> [u8; SHORT] {
    let mut short = [0; SHORT];
    fill(&mut short, bytes);
    short
}

/// Puts at most 14 characters in their place, padded with zeros. Most strings are short: they are put together in registers, and stored where they
/// belong, for the reason that the interpreter has for `push_copy`.
#[inline(always)]
fn fill(place: &mut [u8; SHORT], bytes: &[u8]) {
    let length = bytes.len();
    let (low, high) = if let (Some(first), Some(last)) = (bytes.first_chunk::<8>(), bytes.last_chunk::<8>()) {
        let (low, high) = (u64::from_le_bytes(*first), u64::from_le_bytes(*last));
        (low, if length == 8 { 0 } else { high >> (8 * (16 - length as u32)) })
    } else if let (Some(first), Some(last)) = (bytes.first_chunk::<4>(), bytes.last_chunk::<4>()) {
        let (low, high) = (u64::from(u32::from_le_bytes(*first)), u64::from(u32::from_le_bytes(*last)));
        (low | high << (8 * (length as u32 - 4)), 0)
    } else {
        (bytes.iter().rev().fold(0, |word, byte| word << 8 | u64::from(*byte)), 0)
    };
    place[..8].copy_from_slice(&low.to_le_bytes());
    place[8..].copy_from_slice(&high.to_le_bytes()[..SHORT - 8]);
}

/// Below this a number has at most eight digits.
const EIGHT_DIGITS: i64 = eight::BASE as i64;

/// The characters of a number of at most eight digits.
#[inline]
fn eight_digits(number: u64, scratch: &mut Scratch) -> &[u8] {
    let digits = eight::digits(number);
    // The first digit stands in the lowest byte.
    let zeros = (u64::from_le_bytes(digits).trailing_zeros() / 8).min(7) as usize;
    let begin = scratch.0.len() - eight::WIDTH;
    scratch.0[begin..].copy_from_slice(&eight::to_characters(digits));
    &scratch.0[begin + zeros..]
}

/// The characters of `coefficient / 10^scale`.
fn decimal(coefficient: i64, scale: usize, scratch: &mut Scratch) -> &[u8] {
    let end = scratch.0.len();
    let begin = plain(coefficient, scale, scratch, end);
    &scratch.0[begin..]
}

/// The characters of `coefficient * 10^exponent` with one digit before the point and an exponent.
fn exponential(coefficient: i64, exponent: i32, scratch: &mut Scratch) -> &[u8] {
    let behind = coefficient.unsigned_abs().checked_ilog10().unwrap_or(0);
    let exponent = exponent + behind as i32;
    let (mut at, mut rest) = (scratch.0.len(), exponent.unsigned_abs());
    while rest > 0 {
        at -= 1;
        scratch.0[at] = b'0' + (rest % 10) as u8;
        rest /= 10;
    }
    at -= 2;
    scratch.0[at..at + 2].copy_from_slice(if exponent < 0 { b"E-" } else { b"E+" });
    let begin = plain(coefficient, behind as usize, scratch, at);
    &scratch.0[begin..]
}

/// Writes `coefficient / 10^scale` before `end`; where it begins.
fn plain(coefficient: i64, scale: usize, scratch: &mut Scratch, end: usize) -> usize {
    let room = &mut scratch.0;
    let (mut at, mut rest, mut written) = (end, coefficient.unsigned_abs(), 0);
    loop {
        if scale > 0 && written == scale {
            at -= 1;
            room[at] = b'.';
        }
        at -= 1;
        room[at] = b'0' + (rest % 10) as u8;
        rest /= 10;
        written += 1;
        if rest == 0 && written > scale {
            break;
        }
    }
    if coefficient < 0 {
        at -= 1;
        room[at] = b'-';
    }
    at
}

/// Whether the characters are the same.
impl PartialEq for Value {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Int(one), Self::Int(other)) => one == other,
            _ => self.bytes(&mut Scratch::new()) == other.bytes(&mut Scratch::new()),
        }
    }
}

impl Eq for Value {}

/// A string as the key of a table: looked up by its characters.
#[derive(Clone, Debug)]
pub struct Key(Value);

impl Key {
    /// The key of these characters.
    pub fn new(bytes: &[u8]) -> Self {
        Self(Value::string(bytes))
    }

    /// Its characters.
    pub fn as_bytes(&self) -> &[u8] {
        self.0.as_string().unwrap_or_default()
    }
}

impl PartialEq for Key {
    fn eq(&self, other: &Self) -> bool {
        self.as_bytes() == other.as_bytes()
    }
}

impl Eq for Key {}

impl Hash for Key {
    fn hash<H: Hasher>(&self, state: &mut H) {
        // As the slice that it is looked up by.
        self.as_bytes().hash(state);
    }
}

impl core::borrow::Borrow<[u8]> for Key {
    fn borrow(&self) -> &[u8] {
        self.as_bytes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::format;

    #[test]
    fn a_value_takes_sixteen_bytes() {
        assert_eq!((size_of::<Value>(), size_of::<Option<Value>>()), (16, 16));
    }

    #[test]
    fn numbers_show_their_characters() {
        let text = |value: &Value| format!("{}", alloc::string::String::from_utf8_lossy(value.bytes(&mut Scratch::new())));
        assert_eq!(text(&Value::Int(0)), "0");
        assert_eq!(text(&Value::Int(-120)), "-120");
        assert_eq!(text(&Value::Decimal(2, 120)), "1.20");
        assert_eq!(text(&Value::Decimal(5, -7)), "-0.00007");
        assert_eq!(text(&Value::Decimal(36, 999_999_999_999_999_999)).len(), 38);
        assert_eq!(text(&Value::int(i64::MIN)), "-9223372036854775808");
        assert_eq!(text(&Value::Exponential(2, 450_001_500)), "4.50001500E+10");
        assert_eq!(text(&Value::Exponential(-99, -7)), "-7E-99");
        assert_eq!(text(&Value::Exponential(99, 123_456_789_012_345_678)), "1.23456789012345678E+116");
    }

    #[test]
    fn numbers_of_up_to_eight_digits_show_all_their_digits() {
        let powers = (0..9).map(|power| 10_i64.pow(power));
        let numbers = powers.flat_map(|power| [power - 1, power, power + 1, power * 7 / 3]).chain((0..100_000).map(|number| number * 997));
        for number in numbers {
            assert_eq!(Value::Int(number).to_vec(), format!("{number}").into_bytes());
        }
    }

    #[test]
    fn short_strings_are_what_they_were_made_of() {
        for length in 0..=20 {
            let text: Vec<u8> = (b'a'..).take(length).collect();
            assert_eq!(Value::string(&text).to_vec(), text);
            for mut value in [Value::Int(7), Value::string(b"a string of twenty.."), Value::string(b"short")] {
                value.become_string(&text);
                assert_eq!(value.to_vec(), text);
            }
        }
    }

    #[test]
    fn appending_keeps_what_others_hold() {
        let one = Value::string(b"a string of twenty..");
        let other = one.clone();
        let mut longer = one;
        longer.append(&Value::Int(5), true, &mut None).expect("room");
        assert_eq!(longer.to_vec(), b"a string of twenty.. 5");
        assert_eq!(other.to_vec(), b"a string of twenty..");
    }
}
