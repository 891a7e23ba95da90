//! Arithmetic flags, computed when somebody looks.
//!
//! An instruction leaves its result, sign-extended to 64 bits, and the carries out of three bit positions. The flags follow: zero,
//! sign and parity from the result, carry and overflow from the two highest carries, adjust from the carry out of bit 3. Where the flags
//! are set from outside (POPF), two fields of `carries` correct sign and parity.

/// Flags by their places in RFLAGS.
pub(crate) mod bit {
    pub(crate) const CF: u64 = 1;
    pub(crate) const PF: u64 = 1 << 2;
    pub(crate) const AF: u64 = 1 << 4;
    pub(crate) const ZF: u64 = 1 << 6;
    pub(crate) const SF: u64 = 1 << 7;
    pub(crate) const TF: u64 = 1 << 8;
    pub(crate) const IF: u64 = 1 << 9;
    pub(crate) const DF: u64 = 1 << 10;
    pub(crate) const OF: u64 = 1 << 11;
    pub(crate) const IOPL: u64 = 3 << 12;
    pub(crate) const NT: u64 = 1 << 14;
    pub(crate) const RF: u64 = 1 << 16;
    pub(crate) const VM: u64 = 1 << 17;
    pub(crate) const AC: u64 = 1 << 18;
    pub(crate) const VIF: u64 = 1 << 19;
    pub(crate) const VIP: u64 = 1 << 20;
    pub(crate) const ID: u64 = 1 << 21;
    /// The six that arithmetic sets.
    pub(crate) const ARITHMETIC: u64 = CF | PF | AF | ZF | SF | OF;
}

/// Carry out of the highest bit: CF.
const OUT: u64 = 1 << 63;
/// Carry into the highest bit; different from [`OUT`] on overflow.
const INTO: u64 = 1 << 62;
/// Inverts the sign.
const SIGN: u64 = 1 << 61;
/// Carry out of bit 3: AF.
const ADJUST: u64 = 1 << 3;
/// Inverts the parity if its own is odd.
const PARITY_SHIFT: u32 = 16;

/// The arithmetic flags.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Flags {
    result: u64,
    carries: u64,
}

/// Sign-extends the low `S` bytes.
#[inline(always)]
pub(crate) fn extend<const S: usize>(value: u64) -> u64 {
    match S {
        1 => value as i8 as u64,
        2 => value as i16 as u64,
        4 => value as i32 as u64,
        _ => value,
    }
}

/// The low `S` bytes.
#[inline(always)]
pub(crate) fn low<const S: usize>(value: u64) -> u64 {
    match S {
        1 => u64::from(value as u8),
        2 => u64::from(value as u16),
        4 => u64::from(value as u32),
        _ => value,
    }
}

/// The highest bit of `S` bytes.
pub(crate) const fn top<const S: usize>() -> u64 {
    1 << (8 * S - 1)
}

/// Carries out of each bit, as [`Flags`] keeps them.
#[inline(always)]
fn places<const S: usize>(carries: u64) -> u64 {
    (carries << (64 - 8 * S)) & (OUT | INTO) | carries & ADJUST
}

impl Flags {
    /// From the bits of RFLAGS.
    pub(crate) fn from_bits(bits: u64) -> Self {
        let mut flags = Self { result: if bits & bit::ZF != 0 { 0 } else { 0x100 }, carries: 0 };
        flags.carries |= if bits & bit::SF != 0 { SIGN } else { 0 };
        flags.carries |= if bits & bit::PF != 0 { 0 } else { 1 << PARITY_SHIFT };
        flags.carries |= if bits & bit::AF != 0 { ADJUST } else { 0 };
        flags.set_carry_overflow(bits & bit::CF != 0, bits & bit::OF != 0);
        flags
    }

    /// As the bits of RFLAGS.
    pub(crate) fn bits(self) -> u64 {
        u64::from(self.carry())
            | u64::from(self.parity()) << 2
            | u64::from(self.carries & ADJUST != 0) << 4
            | u64::from(self.zero()) << 6
            | u64::from(self.sign()) << 7
            | u64::from(self.overflow()) << 11
    }

    #[inline(always)]
    pub(crate) fn carry(self) -> bool {
        self.carries & OUT != 0
    }

    #[inline(always)]
    pub(crate) fn zero(self) -> bool {
        self.result == 0
    }

    #[inline(always)]
    pub(crate) fn sign(self) -> bool {
        (self.result ^ self.carries << 2) >> 63 != 0
    }

    #[inline(always)]
    pub(crate) fn overflow(self) -> bool {
        (self.carries ^ self.carries << 1) >> 63 != 0
    }

    #[inline(always)]
    pub(crate) fn parity(self) -> bool {
        ((self.result ^ self.carries >> PARITY_SHIFT) as u8).count_ones().is_multiple_of(2)
    }

    pub(crate) fn adjust(self) -> bool {
        self.carries & ADJUST != 0
    }

    /// Sets CF and OF, leaves the others.
    #[inline(always)]
    pub(crate) fn set_carry_overflow(&mut self, carry: bool, overflow: bool) {
        self.carries = self.carries & !(OUT | INTO) | u64::from(carry) << 63 | u64::from(carry ^ overflow) << 62;
    }

    /// Sets CF, leaves the others.
    #[inline(always)]
    pub(crate) fn set_carry(&mut self, carry: bool) {
        let overflow = self.overflow();
        self.set_carry_overflow(carry, overflow);
    }

    /// Replaces the flags of `mask` by those of `bits`.
    pub(crate) fn replace(&mut self, mask: u64, bits: u64) {
        *self = Self::from_bits(self.bits() & !mask | bits & mask);
    }

    /// After a sum of `S` bytes, with or without a carry in.
    #[inline(always)]
    pub(crate) fn sum<const S: usize>(a: u64, b: u64, result: u64) -> Self {
        Self { result: extend::<S>(result), carries: places::<S>(a & b | (a | b) & !result) }
    }

    /// After a difference of `S` bytes, with or without a borrow in.
    #[inline(always)]
    pub(crate) fn difference<const S: usize>(a: u64, b: u64, result: u64) -> Self {
        Self { result: extend::<S>(result), carries: places::<S>(!a & b | (!a | b) & result) }
    }

    /// After a logical operation: no carry, no overflow; AF, undefined, is clear as on the hardware.
    #[inline(always)]
    pub(crate) fn logical<const S: usize>(result: u64) -> Self {
        Self { result: extend::<S>(result), carries: 0 }
    }

    /// One of the 16 conditions of Jcc, SETcc, CMOVcc, in the order of the encoding.
    #[inline(always)]
    pub(crate) fn holds<const CONDITION: u8>(self) -> bool {
        let plain = match CONDITION >> 1 {
            0 => self.overflow(),
            1 => self.carry(),
            2 => self.zero(),
            3 => self.carry() | self.zero(),
            4 => self.sign(),
            5 => self.parity(),
            6 => self.sign() != self.overflow(),
            _ => self.zero() | (self.sign() != self.overflow()),
        };
        plain != (CONDITION & 1 != 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_combination_is_kept() {
        for bits in 0..1 << 12 {
            let bits = bits & bit::ARITHMETIC;
            assert_eq!(Flags::from_bits(bits).bits(), bits);
        }
    }

    #[test]
    fn sums_and_differences_of_bytes_have_the_flags_of_the_manual() {
        for a in 0..=255_u64 {
            for b in 0..=255_u64 {
                let (sum, difference) = ((a + b) & 0xff, a.wrapping_sub(b) & 0xff);
                let common = |r: u64| {
                    u64::from((r as u8).count_ones().is_multiple_of(2)) << 2 | u64::from(r == 0) << 6 | u64::from(r & 0x80 != 0) << 7
                };
                let overflow = |r: i16| u64::from(i16::from(r as i8) != r) << 11;
                let expected = common(sum)
                    | u64::from(a + b > 255)
                    | u64::from((a & 15) + (b & 15) > 15) << 4
                    | overflow(i16::from(a as i8) + i16::from(b as i8));
                assert_eq!(Flags::sum::<1>(a, b, sum).bits(), expected, "{a} + {b}");
                let expected = common(difference)
                    | u64::from(a < b)
                    | u64::from((a & 15) < (b & 15)) << 4
                    | overflow(i16::from(a as i8) - i16::from(b as i8));
                assert_eq!(Flags::difference::<1>(a, b, difference).bits(), expected, "{a} - {b}");
            }
        }
    }
}
