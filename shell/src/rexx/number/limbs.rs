//! Natural numbers in base a hundred million, least significant limb first: multiplication and division of long coefficients.

use alloc::vec;
use alloc::vec::Vec;

use super::super::eight;
pub use super::super::eight::{BASE, WIDTH};

/// The limbs of decimal digits.
fn of(digits: &[u8]) -> Vec<u32> {
    let mut chunks = digits.rchunks_exact(WIDTH);
    let mut limbs = Vec::with_capacity(digits.len() / WIDTH + 1);
    limbs.extend(chunks.by_ref().map(|chunk| limb(chunk) as u32));
    if !chunks.remainder().is_empty() {
        limbs.push(limb(chunks.remainder()) as u32);
    }
    limbs
}

/// The limb that at most eight digits are.
fn limb(digits: &[u8]) -> u64 {
    match <[u8; WIDTH]>::try_from(digits) {
        Ok(all) => eight::value(all),
        Err(_) => digits.iter().fold(0, |limb, digit| limb * 10 + u64::from(*digit)),
    }
}

/// The decimal digits of limbs, without leading zeros.
fn digits(limbs: &[u32]) -> Vec<u8> {
    let significant = limbs.len() - limbs.iter().rev().take_while(|limb| **limb == 0).count();
    let Some((top, below)) = limbs[..significant].split_last() else {
        return Vec::new();
    };
    let first = top.ilog10() as usize + 1;
    let mut digits = Vec::with_capacity(first + below.len() * WIDTH);
    digits.extend_from_slice(&eight::digits(u64::from(*top))[WIDTH - first..]);
    for limb in below.iter().rev() {
        digits.extend_from_slice(&eight::digits(u64::from(*limb)));
    }
    digits
}

/// The product.
pub fn multiply(left: &[u8], right: &[u8]) -> Vec<u8> {
    let (left, right) = (of(left), of(right));
    let mut product = vec![0_u32; left.len() + right.len()];
    for (at, one) in left.iter().enumerate() {
        let mut carry = 0;
        for (place, other) in product[at..].iter_mut().zip(&right) {
            let sum = u64::from(*one) * u64::from(*other) + u64::from(*place) + carry;
            *place = (sum % BASE) as u32;
            carry = sum / BASE;
        }
        product[at + right.len()] = carry as u32;
    }
    digits(&product)
}

/// The digits of a quotient whose divisor is one limb and not zero, from the first of the dividend on, with at least `more` zeros put
/// behind that; and how many zeros these were. There may be zeros in front.
pub fn divide_short(dividend: &[u8], more: usize, divisor: &[u8]) -> (Vec<u8>, usize) {
    let divisor = limb(divisor);
    let length = (dividend.len() + more).next_multiple_of(WIDTH);
    let mut quotient = Vec::with_capacity(length);
    quotient.extend_from_slice(dividend);
    quotient.resize(length, 0);
    let mut rest = 0;
    let (places, _) = quotient.as_chunks_mut::<WIDTH>();
    for place in places {
        // The rest was below the divisor: what is divided here is below the base times it.
        let part = rest * BASE + eight::value(*place);
        rest = part % divisor;
        *place = eight::digits(part / divisor);
    }
    (quotient, length - dividend.len())
}

/// Quotient and remainder; the divisor is not zero.
pub fn divide(dividend: &[u8], divisor: &[u8]) -> (Vec<u8>, Vec<u8>) {
    let (mut dividend, divisor) = (of(dividend), of(divisor));
    if let [single] = divisor[..] {
        let mut rest = 0_u64;
        for limb in dividend.iter_mut().rev() {
            let part = rest * BASE + u64::from(*limb);
            *limb = (part / u64::from(single)) as u32;
            rest = part % u64::from(single);
        }
        return (digits(&dividend), digits(&[rest as u32]));
    }
    if dividend.len() < divisor.len() {
        return (Vec::new(), digits(&dividend));
    }
    long_division(dividend, divisor)
}

/// Division by at least two limbs: Knuth, The Art of Computer Programming 2, 4.3.1, algorithm D.
fn long_division(dividend: Vec<u32>, divisor: Vec<u32>) -> (Vec<u8>, Vec<u8>) {
    let length = divisor.len();
    let scale = BASE / (u64::from(divisor[length - 1]) + 1);
    let scaled = |limbs: &[u32], more: usize| {
        let mut carry = 0;
        let mut out: Vec<u32> = Vec::with_capacity(limbs.len() + more);
        for limb in limbs {
            let product = u64::from(*limb) * scale + carry;
            out.push((product % BASE) as u32);
            carry = product / BASE;
        }
        if more > 0 {
            out.push(carry as u32);
        }
        out
    };
    let mut rest = scaled(&dividend, 1);
    let divisor = scaled(&divisor, 0);
    let (high, next) = (u64::from(divisor[length - 1]), u64::from(divisor[length - 2]));
    let mut quotient = vec![0; rest.len() - length];
    for at in (0..quotient.len()).rev() {
        let top = u64::from(rest[at + length]) * BASE + u64::from(rest[at + length - 1]);
        let (mut guess, mut left) = (top / high, top % high);
        while guess >= BASE || guess * next > left * BASE + u64::from(rest[at + length - 2]) {
            guess -= 1;
            left += high;
            if left >= BASE {
                break;
            }
        }
        if subtract_multiple(&mut rest[at..=at + length], &divisor, guess) {
            guess -= 1;
            add_back(&mut rest[at..=at + length], &divisor);
        }
        quotient[at] = guess as u32;
    }
    // The remainder was scaled with the divisor.
    let mut carry = 0;
    rest.truncate(length);
    for limb in rest.iter_mut().rev() {
        let part = carry * BASE + u64::from(*limb);
        *limb = (part / scale) as u32;
        carry = part % scale;
    }
    (digits(&quotient), digits(&rest))
}

/// `rest -= divisor * times`; whether it went below zero (modulo the length of `rest`).
fn subtract_multiple(rest: &mut [u32], divisor: &[u32], times: u64) -> bool {
    let mut borrow = 0_i64;
    let mut carry = 0;
    for (at, limb) in rest.iter_mut().enumerate() {
        let product = divisor.get(at).map_or(0, |limb| u64::from(*limb) * times) + carry;
        carry = product / BASE;
        let mut difference = i64::from(*limb) - (product % BASE) as i64 - borrow;
        borrow = 0;
        if difference < 0 {
            difference += BASE as i64;
            borrow = 1;
        }
        *limb = difference as u32;
    }
    borrow != 0
}

/// `rest += divisor`, the carry out of it lost.
fn add_back(rest: &mut [u32], divisor: &[u32]) {
    let mut carry = 0;
    for (at, limb) in rest.iter_mut().enumerate() {
        let sum = u64::from(*limb) + divisor.get(at).map_or(0, |limb| u64::from(*limb)) + carry;
        *limb = (sum % BASE) as u32;
        carry = sum / BASE;
    }
}
