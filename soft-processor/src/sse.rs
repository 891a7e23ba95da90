//! SSE and SSE2: moves, integers in vectors, and floating point by [`crate::host`].
//!
//! The operation of an instruction is an entry of a table; [`Op::immediate`] is its number above bit 8 and the immediate byte below.

use crate::core::{CR0_EM, CR0_TS, CR4_OSFXSR, CR4_OSXMMEXCPT, Core, Env, Op, Raised, Step, vector};
use crate::flags::Flags;
use crate::host::{self, Packed};
use crate::integer::form;
use crate::translate::Access;

impl Core {
    /// #UD or #NM unless SSE may be used.
    #[inline(always)]
    pub(crate) fn sse(&mut self) -> Step {
        if self.s.cr0 & (CR0_EM | CR0_TS) | !self.s.cr4 & CR4_OSFXSR == 0 { Ok(()) } else { Err(self.no_sse()) }
    }

    #[cold]
    fn no_sse(&mut self) -> Raised {
        if self.s.cr0 & CR0_EM != 0 || self.s.cr4 & CR4_OSFXSR == 0 { self.undefined() } else { self.raise(vector::NM) }
    }

    /// Sets the flags that an operation added to MXCSR, unless one of them is to be an exception: then only those that are found before
    /// there is a result.
    fn numeric(&mut self, found: u32) -> Step {
        let before = self.s.mxcsr;
        let unmasked = found & host::FLAGS & !(before >> 7);
        if unmasked == 0 {
            self.s.mxcsr |= found & host::FLAGS;
            return Ok(());
        }
        self.s.mxcsr |= if unmasked & 7 != 0 { found & 7 } else { found & host::FLAGS };
        Err(if self.s.cr4 & CR4_OSXMMEXCPT != 0 { self.raise(vector::XM) } else { self.undefined() })
    }

    /// The source operand: a register, or so many bytes of storage.
    #[inline(always)]
    fn vector_source<const F: u8, const S: usize>(&mut self, env: &mut Env, op: &Op) -> Result<u128, Raised> {
        if F == form::RR {
            return Ok(self.s.xmm[(op.from & 15) as usize]);
        }
        match S {
            16 => self.load_wide(env, op, true),
            8 => Ok(u128::from(self.load::<8>(env, op)?)),
            _ => Ok(u128::from(self.load::<4>(env, op)?)),
        }
    }
}

macro_rules! packed {
    ($($name:ident)*) => { &[$((stringify!($name), host::$name as Packed)),*] };
}

/// One lane of a vector.
fn lane<const BITS: u32>(value: u128, number: u32) -> u128 {
    value >> (BITS * number) & ((1 << BITS) - 1)
}

/// Lanes chosen by two bits each of the selector.
fn shuffle<const BITS: u32>(value: u128, selector: u8) -> u128 {
    (0..4).fold(0, |all, to| all | lane::<BITS>(value, u32::from(selector >> (2 * to) & 3)) << (BITS * to))
}

/// Applies `shift` to each lane.
fn each<const BITS: u32>(value: u128, shift: impl Fn(u128) -> u128) -> u128 {
    (0..128 / BITS).fold(0, |all, n| all | (shift(lane::<BITS>(value, n)) & ((1 << BITS) - 1)) << (BITS * n))
}

fn left<const BITS: u32>(a: u128, count: u64) -> u128 {
    if count >= u64::from(BITS) { 0 } else { each::<BITS>(a, |x| x << count) }
}

fn right<const BITS: u32>(a: u128, count: u64) -> u128 {
    if count >= u64::from(BITS) { 0 } else { each::<BITS>(a, |x| x >> count) }
}

fn arithmetic<const BITS: u32>(a: u128, count: u64) -> u128 {
    let count = count.min(u64::from(BITS) - 1);
    each::<BITS>(a, |x| ((x << (128 - BITS)) as i128 >> (128 - BITS) >> count) as u128)
}

/// Operations of the host's unit.
const INTEGERS: &[(&str, Packed)] = packed! {
    paddb paddw paddd paddq paddsb paddsw paddusb paddusw psubb psubw
    psubd psubq psubsb psubsw psubusb psubusw pmullw pmulhw pmulhuw pmuludq
    pmaddwd psadbw pavgb pavgw pminub pmaxub pminsw pmaxsw pcmpeqb pcmpeqw
    pcmpeqd pcmpgtb pcmpgtw pcmpgtd packsswb packssdw packuswb punpcklbw punpcklwd punpckldq
    punpcklqdq punpckhbw punpckhwd punpckhdq punpckhqdq unpcklps unpcklpd unpckhps unpckhpd psllw
    pslld psllq psrlw psrld psrlq psraw psrad
};

/// Operations that are simpler without.
const OTHERS: &[(&str, Packed)] = &[
    ("and", |a, b, _| a & b),
    ("andn", |a, b, _| !a & b),
    ("or", |a, b, _| a | b),
    ("xor", |a, b, _| a ^ b),
    // The immediate is the count.
    ("psllw i", |a, _, i| left::<16>(a, i.into())),
    ("pslld i", |a, _, i| left::<32>(a, i.into())),
    ("psllq i", |a, _, i| left::<64>(a, i.into())),
    ("psrlw i", |a, _, i| right::<16>(a, i.into())),
    ("psrld i", |a, _, i| right::<32>(a, i.into())),
    ("psrlq i", |a, _, i| right::<64>(a, i.into())),
    ("psraw i", |a, _, i| arithmetic::<16>(a, i.into())),
    ("psrad i", |a, _, i| arithmetic::<32>(a, i.into())),
    ("pslldq i", |a, _, i| a.checked_shl(8 * u32::from(i)).unwrap_or(0)),
    ("psrldq i", |a, _, i| a.checked_shr(8 * u32::from(i)).unwrap_or(0)),
    ("pshufd", |_, b, i| shuffle::<32>(b, i)),
    ("pshuflw", |_, b, i| b & !u128::from(u64::MAX) | shuffle::<16>(b & u128::from(u64::MAX), i)),
    ("pshufhw", |_, b, i| b & u128::from(u64::MAX) | shuffle::<16>(b >> 64, i) << 64),
    ("shufps", |a, b, i| {
        let (low, high) = (shuffle::<32>(a, i), shuffle::<32>(b, i));
        low & u128::from(u64::MAX) | high & !u128::from(u64::MAX)
    }),
    ("shufpd", |a, b, i| lane::<64>(a, u32::from(i & 1)) | lane::<64>(b, u32::from(i >> 1 & 1)) << 64),
];

/// The number of an operation, which is put into [`Op::immediate`].
pub(crate) fn packed_number(name: &str) -> Option<u64> {
    let all = INTEGERS.iter().chain(OTHERS);
    all.map(|(known, _)| *known).position(|known| known == name).map(|n| n as u64)
}

/// An operation on integers in vectors.
pub(crate) fn packed<const F: u8>(core: &mut Core, env: &mut Env, op: &Op) -> Step {
    core.sse()?;
    let b = core.vector_source::<F, 16>(env, op)?;
    let number = (op.immediate >> 8) as usize;
    let found = INTEGERS.get(number).or_else(|| OTHERS.get(number.wrapping_sub(INTEGERS.len())));
    let Some((_, operation)) = found else { return Err(core.undefined()) };
    let to = &mut core.s.xmm[(op.to & 15) as usize];
    *to = operation(*to, b, op.immediate as u8);
    Ok(())
}

macro_rules! floats {
    ($($name:ident)*) => { &[$((stringify!($name), host::$name as host::Vector)),*] };
}

/// Operations on floating point numbers.
pub(crate) const FLOATS: &[(&str, host::Vector)] = floats! {
    addss addsd addps addpd subss subsd subps subpd mulss mulsd mulps mulpd divss divsd divps divpd
    minss minsd minps minpd maxss maxsd maxps maxpd sqrtss sqrtsd sqrtps sqrtpd rcpss rcpps rsqrtss rsqrtps
    cvtss2sd cvtsd2ss cvtps2pd cvtpd2ps cvtdq2ps cvtps2dq cvttps2dq cvtdq2pd cvtpd2dq cvttpd2dq
    cmpss0 cmpss1 cmpss2 cmpss3 cmpss4 cmpss5 cmpss6 cmpss7 cmpsd0 cmpsd1 cmpsd2 cmpsd3 cmpsd4 cmpsd5 cmpsd6 cmpsd7
    cmpps0 cmpps1 cmpps2 cmpps3 cmpps4 cmpps5 cmpps6 cmpps7 cmppd0 cmppd1 cmppd2 cmppd3 cmppd4 cmppd5 cmppd6 cmppd7
};

/// An operation on floating point numbers; `S` bytes of a source in storage.
pub(crate) fn float<const F: u8, const S: usize>(core: &mut Core, env: &mut Env, op: &Op) -> Step {
    core.sse()?;
    let b = core.vector_source::<F, S>(env, op)?;
    let Some((_, operation)) = FLOATS.get(op.immediate as usize) else { return Err(core.undefined()) };
    let mut mxcsr = core.s.mxcsr & !host::FLAGS;
    let result = operation(core.s.xmm[(op.to & 15) as usize], b, &mut mxcsr);
    core.numeric(mxcsr)?;
    core.s.xmm[(op.to & 15) as usize] = result;
    Ok(())
}

/// COMISS, COMISD, UCOMISS, UCOMISD: `S` bytes, quiet or not.
pub(crate) fn order<const F: u8, const S: usize, const QUIET: bool>(core: &mut Core, env: &mut Env, op: &Op) -> Step {
    core.sse()?;
    let b = core.vector_source::<F, S>(env, op)?;
    let a = core.s.xmm[(op.to & 15) as usize];
    let mut mxcsr = core.s.mxcsr & !host::FLAGS;
    let compare = match (S, QUIET) {
        (4, false) => host::comiss,
        (4, true) => host::ucomiss,
        (_, false) => host::comisd,
        (_, true) => host::ucomisd,
    };
    let flags = compare(a, b, &mut mxcsr);
    core.numeric(mxcsr)?;
    core.flags = Flags::from_bits(flags);
    Ok(())
}

/// CVTSI2SS, CVTSI2SD from an integer of `S` bytes.
pub(crate) fn from_integer<const DOUBLE: bool, const S: usize, const F: u8>(core: &mut Core, env: &mut Env, op: &Op) -> Step {
    core.sse()?;
    let integer = if F == form::RM { core.load::<S>(env, op)? } else { core.get::<S>(op.from) };
    let convert = match (DOUBLE, S) {
        (false, 4) => host::cvtsi2ss_32,
        (false, _) => host::cvtsi2ss_64,
        (true, 4) => host::cvtsi2sd_32,
        (true, _) => host::cvtsi2sd_64,
    };
    let mut mxcsr = core.s.mxcsr & !host::FLAGS;
    let result = convert(core.s.xmm[(op.to & 15) as usize], integer, &mut mxcsr);
    core.numeric(mxcsr)?;
    core.s.xmm[(op.to & 15) as usize] = result;
    Ok(())
}

/// CVTSS2SI, CVTTSS2SI, CVTSD2SI, CVTTSD2SI into an integer of `D` bytes.
pub(crate) fn to_integer<const TRUNCATE: bool, const S: usize, const D: usize, const F: u8>(
    core: &mut Core,
    env: &mut Env,
    op: &Op,
) -> Step {
    core.sse()?;
    let b = core.vector_source::<F, S>(env, op)?;
    let convert = match (S, TRUNCATE, D) {
        (4, false, 4) => host::cvtss2si_32,
        (4, false, _) => host::cvtss2si_64,
        (4, true, 4) => host::cvttss2si_32,
        (4, true, _) => host::cvttss2si_64,
        (_, false, 4) => host::cvtsd2si_32,
        (_, false, _) => host::cvtsd2si_64,
        (_, true, 4) => host::cvttsd2si_32,
        (_, true, _) => host::cvttsd2si_64,
    };
    let mut mxcsr = core.s.mxcsr & !host::FLAGS;
    let result = convert(b, &mut mxcsr);
    core.numeric(mxcsr)?;
    core.set::<D>(op.to, result);
    Ok(())
}

/// Moves of 16 bytes; `ALIGNED` ones fault where the address is not.
pub(crate) fn move_wide<const ALIGNED: bool, const F: u8>(core: &mut Core, env: &mut Env, op: &Op) -> Step {
    core.sse()?;
    match F {
        form::RR => core.s.xmm[(op.to & 15) as usize] = core.s.xmm[(op.from & 15) as usize],
        form::RM => core.s.xmm[(op.to & 15) as usize] = core.load_wide(env, op, ALIGNED)?,
        _ => return core.store_wide(env, op, ALIGNED, core.s.xmm[(op.from & 15) as usize]),
    }
    Ok(())
}

/// MOVSS, MOVSD, MOVQ, MOVD of vectors: a load clears what is above, a move between registers does if `CLEAR`.
pub(crate) fn move_low<const S: usize, const F: u8, const CLEAR: bool>(core: &mut Core, env: &mut Env, op: &Op) -> Step {
    core.sse()?;
    let mask = (1_u128 << (8 * S)) - 1;
    match F {
        form::RM => core.s.xmm[(op.to & 15) as usize] = u128::from(core.load::<S>(env, op)?),
        form::MR => return core.store::<S>(env, op, core.s.xmm[(op.from & 15) as usize] as u64),
        _ => {
            let low = core.s.xmm[(op.from & 15) as usize] & mask;
            let to = &mut core.s.xmm[(op.to & 15) as usize];
            *to = low | if CLEAR { 0 } else { *to & !mask };
        }
    }
    Ok(())
}

/// MOVD, MOVQ from a general register.
pub(crate) fn from_general<const S: usize>(core: &mut Core, _: &mut Env, op: &Op) -> Step {
    core.sse()?;
    core.s.xmm[(op.to & 15) as usize] = u128::from(core.get::<S>(op.from));
    Ok(())
}

/// MOVD, MOVQ to a general register.
pub(crate) fn to_general<const S: usize>(core: &mut Core, _: &mut Env, op: &Op) -> Step {
    core.sse()?;
    core.set::<S>(op.to, core.s.xmm[(op.from & 15) as usize] as u64);
    Ok(())
}

/// MOVLPS, MOVLPD, MOVHPS, MOVHPD: one half from or to storage.
pub(crate) fn move_half<const HIGH: bool, const F: u8>(core: &mut Core, env: &mut Env, op: &Op) -> Step {
    core.sse()?;
    let shift = if HIGH { 64 } else { 0 };
    if F == form::MR {
        return core.store::<8>(env, op, (core.s.xmm[(op.from & 15) as usize] >> shift) as u64);
    }
    let half = u128::from(core.load::<8>(env, op)?);
    let to = &mut core.s.xmm[(op.to & 15) as usize];
    *to = *to & !(u128::from(u64::MAX) << shift) | half << shift;
    Ok(())
}

/// MOVHLPS, MOVLHPS: one half from the other of another register.
pub(crate) fn cross_half<const TO_HIGH: bool>(core: &mut Core, _: &mut Env, op: &Op) -> Step {
    core.sse()?;
    let from = core.s.xmm[(op.from & 15) as usize];
    let to = &mut core.s.xmm[(op.to & 15) as usize];
    let low = u128::from(u64::MAX);
    *to = if TO_HIGH { *to & low | from << 64 } else { *to & !low | from >> 64 };
    Ok(())
}

/// MOVMSKPS, MOVMSKPD, PMOVMSKB: the signs of elements of `BITS` bits.
pub(crate) fn signs<const BITS: u32>(core: &mut Core, _: &mut Env, op: &Op) -> Step {
    core.sse()?;
    let from = core.s.xmm[(op.from & 15) as usize];
    let mask = (0..128 / BITS).fold(0, |mask, n| mask | (from >> (BITS * n + BITS - 1) & 1) << n);
    core.set::<4>(op.to, mask as u64);
    Ok(())
}

/// PINSRW.
pub(crate) fn insert_word<const F: u8>(core: &mut Core, env: &mut Env, op: &Op) -> Step {
    core.sse()?;
    let word = if F == form::RM { core.load::<2>(env, op)? } else { core.get::<2>(op.from) };
    let shift = 16 * (op.immediate & 7) as u32;
    let to = &mut core.s.xmm[(op.to & 15) as usize];
    *to = *to & !(0xffff << shift) | u128::from(word) << shift;
    Ok(())
}

/// PEXTRW.
pub(crate) fn extract_word(core: &mut Core, _: &mut Env, op: &Op) -> Step {
    core.sse()?;
    let word = lane::<16>(core.s.xmm[(op.from & 15) as usize], (op.immediate & 7) as u32);
    core.set::<4>(op.to, word as u64);
    Ok(())
}

/// MASKMOVDQU: bytes whose mask has its sign set, to DS:DI.
pub(crate) fn masked_store(core: &mut Core, env: &mut Env, op: &Op) -> Step {
    core.sse()?;
    let (value, mask) = (core.s.xmm[(op.to & 15) as usize], core.s.xmm[(op.from & 15) as usize]);
    let offset = core.regs[7] & (u64::MAX >> op.shrink);
    let address = core.segmented(op.segment, offset, 16, Access::Write)?;
    if mask & 0x8080_8080_8080_8080_8080_8080_8080_8080 != 0 {
        core.probe(env, op, address, 16)?;
    }
    for n in 0..16 {
        if lane::<8>(mask, n) & 0x80 != 0 {
            core.write::<1>(env, op, core.cut(address.wrapping_add(n.into())), lane::<8>(value, n) as u64)?;
        }
    }
    Ok(())
}

/// LDMXCSR: reserved bits are #GP(0).
pub(crate) fn ldmxcsr(core: &mut Core, env: &mut Env, op: &Op) -> Step {
    core.sse()?;
    let value = core.load::<4>(env, op)? as u32;
    if value & !crate::fxsave::MXCSR_MASK != 0 {
        return Err(core.protection());
    }
    core.s.mxcsr = value;
    Ok(())
}

/// STMXCSR.
pub(crate) fn stmxcsr(core: &mut Core, env: &mut Env, op: &Op) -> Step {
    core.sse()?;
    core.store::<4>(env, op, u64::from(core.s.mxcsr))
}
