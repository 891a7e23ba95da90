//! Eight decimal digits at a time, one in each byte of a machine word.

/// Digits that a word holds.
pub const WIDTH: usize = 8;
/// The word counts up to here.
pub const BASE: u64 = 100_000_000;

/// What each byte lacks to reach the next one when its digit is ten.
const CARRIES: u64 = 0xf6f6_f6f6_f6f6_f6f6;
const ONES: u64 = 0x0101_0101_0101_0101;
const TOPS: u64 = 0x8080_8080_8080_8080;

/// The number that eight digits (0 to 9, the first counting most) are: pairs, fours and eights are put together in place.
#[inline]
pub fn value(digits: [u8; WIDTH]) -> u64 {
    const PAIRS: u64 = 0x0000_00ff_0000_00ff;
    let word = u64::from_le_bytes(digits);
    let pairs = word.wrapping_mul(10).wrapping_add(word >> 8);
    let (outer, inner) = (pairs & PAIRS, (pairs >> 16) & PAIRS);
    outer.wrapping_mul(100 + (1_000_000 << 32)).wrapping_add(inner.wrapping_mul(1 + (10_000 << 32))) >> 32
}

/// The digits of a number below [`BASE`]: halved into fours, twos and ones.
#[inline]
pub fn digits(number: u64) -> [u8; WIDTH] {
    let fours = (number / 10_000) | ((number % 10_000) << 32);
    let hundreds = ((fours * 10_486) >> 20) & 0x7f_0000_007f;
    let twos = ((fours - 100 * hundreds) << 16) | hundreds;
    let tens = ((twos * 103) >> 10) & 0x000f_000f_000f_000f;
    (((twos - 10 * tens) << 8) | tens).to_le_bytes()
}

/// The digits of a sum of digits, and whether one is carried out of the first.
#[inline]
pub fn add(one: [u8; WIDTH], other: [u8; WIDTH], carry: bool) -> ([u8; WIDTH], bool) {
    // A byte whose digits make ten or more overflows into the next one; from the others what was put in is taken out again.
    let (sum, over) = (u64::from_be_bytes(one) + CARRIES).overflowing_add(u64::from_be_bytes(other));
    let (sum, again) = sum.overflowing_add(u64::from(carry));
    ((sum - ((sum >> 7) & ONES) * 0xf6).to_be_bytes(), over | again)
}

/// The digits of a difference of digits, and whether one is borrowed from before the first.
#[inline]
pub fn subtract(one: [u8; WIDTH], other: [u8; WIDTH], borrow: bool) -> ([u8; WIDTH], bool) {
    // A byte that borrowed has 256 where a digit has ten.
    let (rest, under) = u64::from_be_bytes(one).overflowing_sub(u64::from_be_bytes(other));
    let (rest, again) = rest.overflowing_sub(u64::from(borrow));
    ((rest - ((rest >> 7) & ONES) * 0xf6).to_be_bytes(), under | again)
}

/// The digits that eight characters are, when all of them are digits.
#[inline]
pub fn from_characters(characters: [u8; WIDTH]) -> Option<[u8; WIDTH]> {
    let digits = u64::from_le_bytes(characters) ^ (ONES * 0x30);
    // Beyond nine a byte reaches its top bit; bytes that have it set already may carry into others, and are found by themselves.
    let all = (digits.wrapping_add(ONES * 0x76) | digits) & TOPS == 0;
    all.then_some(digits.to_le_bytes())
}

/// The characters of eight digits.
#[inline]
pub fn to_characters(digits: [u8; WIDTH]) -> [u8; WIDTH] {
    (u64::from_le_bytes(digits) | (ONES * 0x30)).to_le_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Numbers of which each digit is near a limit, or anything.
    fn numbers() -> impl Iterator<Item = u64> + Clone {
        let powers = (0..8).flat_map(|power| [10_u64.pow(power) - 1, 10_u64.pow(power), 10_u64.pow(power) * 7 / 3]);
        powers.chain((0..400).map(|number| number * 249_999 + 7)).chain([BASE - 1])
    }

    #[test]
    fn words_count_add_and_subtract_as_numbers_do() {
        for number in numbers() {
            let text = alloc::format!("{number:08}");
            let word: [u8; 8] = core::array::from_fn(|at| text.as_bytes()[at] - b'0');
            assert_eq!((digits(number), value(word)), (word, number));
            for other in numbers() {
                for carry in [0, 1] {
                    let (sum, over) = add(word, digits(other), carry == 1);
                    assert_eq!(value(sum) + u64::from(over) * BASE, number + other + carry);
                    let (rest, under) = subtract(word, digits(other), carry == 1);
                    assert_eq!((value(rest) + other + carry).wrapping_sub(u64::from(under) * BASE), number);
                }
            }
        }
    }

    #[test]
    fn a_character_that_is_no_digit_is_found_at_every_place() {
        assert_eq!(from_characters(*b"09182736"), Some([0, 9, 1, 8, 2, 7, 3, 6]));
        assert_eq!(&to_characters([0, 9, 1, 8, 2, 7, 3, 6]), b"09182736");
        for at in 0..8 {
            for byte in 0..=255_u8 {
                let mut text = *b"90909090";
                text[at] = byte;
                assert_eq!(from_characters(text).is_some(), byte.is_ascii_digit(), "{text:?}");
            }
        }
    }
}
