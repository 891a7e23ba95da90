//! Integer instructions: moves, arithmetic, logic, multiplication and division, exchange.

use crate::core::{Core, Env, Op, Raised, Step, vector};
use crate::flags::{Flags, bit, extend, low, top};
use crate::translate::Access;

/// Where the operands of a handler are: both registers, source or destination in memory, source immediate.
pub(crate) mod form {
    pub(crate) const RR: u8 = 0;
    pub(crate) const RM: u8 = 1;
    pub(crate) const MR: u8 = 2;
    pub(crate) const RI: u8 = 3;
    pub(crate) const MI: u8 = 4;
}
use form::{MI, MR, RI, RM, RR};

/// The eight operations of the encoding's first rows, and TEST.
pub(crate) mod kind {
    pub(crate) const ADD: u8 = 0;
    pub(crate) const OR: u8 = 1;
    pub(crate) const ADC: u8 = 2;
    pub(crate) const SBB: u8 = 3;
    pub(crate) const AND: u8 = 4;
    pub(crate) const SUB: u8 = 5;
    pub(crate) const XOR: u8 = 6;
    pub(crate) const CMP: u8 = 7;
    pub(crate) const TEST: u8 = 8;
}

#[inline(always)]
fn source<const S: usize, const F: u8>(core: &mut Core, env: &mut Env, op: &Op) -> Result<u64, Raised> {
    match F {
        RR | MR => Ok(core.get::<S>(op.from)),
        RM => core.load::<S>(env, op),
        _ => Ok(low::<S>(op.immediate)),
    }
}

/// The result, with its flags set.
#[inline(always)]
pub(crate) fn calculate<const K: u8, const S: usize>(core: &mut Core, a: u64, b: u64) -> u64 {
    let (result, flags) = match K {
        kind::ADD => {
            let r = a.wrapping_add(b);
            (r, Flags::sum::<S>(a, b, r))
        }
        kind::ADC => {
            let r = a.wrapping_add(b).wrapping_add(u64::from(core.flags.carry()));
            (r, Flags::sum::<S>(a, b, r))
        }
        kind::SUB | kind::CMP => {
            let r = a.wrapping_sub(b);
            (r, Flags::difference::<S>(a, b, r))
        }
        kind::SBB => {
            let r = a.wrapping_sub(b).wrapping_sub(u64::from(core.flags.carry()));
            (r, Flags::difference::<S>(a, b, r))
        }
        kind::OR => (a | b, Flags::logical::<S>(a | b)),
        kind::XOR => (a ^ b, Flags::logical::<S>(a ^ b)),
        _ => (a & b, Flags::logical::<S>(a & b)),
    };
    core.flags = flags;
    result
}

/// ADD, OR, ADC, SBB, AND, SUB, XOR, CMP, TEST.
pub(crate) fn alu<const K: u8, const S: usize, const F: u8>(core: &mut Core, env: &mut Env, op: &Op) -> Step {
    let b = source::<S, F>(core, env, op)?;
    if F == MR || F == MI {
        if K == kind::CMP || K == kind::TEST {
            let a = core.load::<S>(env, op)?;
            calculate::<K, S>(core, a, b);
            return Ok(());
        }
        return core.modify::<S>(env, op, |core, a| calculate::<K, S>(core, a, b));
    }
    let a = core.get::<S>(op.to);
    let result = calculate::<K, S>(core, a, b);
    if K != kind::CMP && K != kind::TEST {
        core.set::<S>(op.to, result);
    }
    Ok(())
}

/// MOV.
pub(crate) fn mov<const S: usize, const F: u8>(core: &mut Core, env: &mut Env, op: &Op) -> Step {
    let value = source::<S, F>(core, env, op)?;
    if F == MR || F == MI {
        return core.store::<S>(env, op, value);
    }
    core.set::<S>(op.to, value);
    Ok(())
}

/// MOVZX, MOVSX, MOVSXD from `S` to `D` bytes.
pub(crate) fn widen<const SIGNED: bool, const S: usize, const D: usize, const F: u8>(core: &mut Core, env: &mut Env, op: &Op) -> Step {
    let value = source::<S, F>(core, env, op)?;
    core.set::<D>(op.to, if SIGNED { extend::<S>(value) } else { value });
    Ok(())
}

/// LEA.
pub(crate) fn lea<const S: usize>(core: &mut Core, _: &mut Env, op: &Op) -> Step {
    let offset = core.offset(op);
    core.set::<S>(op.to, offset);
    Ok(())
}

/// CMOVcc: the load happens in any case.
pub(crate) fn cmov<const C: u8, const S: usize, const F: u8>(core: &mut Core, env: &mut Env, op: &Op) -> Step {
    let value = source::<S, F>(core, env, op)?;
    let value = if core.flags.holds::<C>() { value } else { core.get::<S>(op.to) };
    core.set::<S>(op.to, value);
    Ok(())
}

/// SETcc.
pub(crate) fn setcc<const C: u8, const F: u8>(core: &mut Core, env: &mut Env, op: &Op) -> Step {
    let value = u64::from(core.flags.holds::<C>());
    if F == MR {
        return core.store::<1>(env, op, value);
    }
    core.set::<1>(op.to, value);
    Ok(())
}

/// Operations on one operand.
pub(crate) mod single {
    pub(crate) const INC: u8 = 0;
    pub(crate) const DEC: u8 = 1;
    pub(crate) const NEG: u8 = 2;
    pub(crate) const NOT: u8 = 3;
}

#[inline(always)]
pub(crate) fn single_result<const K: u8, const S: usize>(core: &mut Core, a: u64) -> u64 {
    let carry = core.flags.carry();
    match K {
        single::INC | single::DEC => {
            let r = if K == single::INC { a.wrapping_add(1) } else { a.wrapping_sub(1) };
            let mut flags = if K == single::INC { Flags::sum::<S>(a, 1, r) } else { Flags::difference::<S>(a, 1, r) };
            flags.set_carry_overflow(carry, flags.overflow());
            core.flags = flags;
            r
        }
        single::NEG => {
            let r = 0_u64.wrapping_sub(a);
            core.flags = Flags::difference::<S>(0, a, r);
            r
        }
        _ => !a,
    }
}

/// INC, DEC, NEG, NOT.
pub(crate) fn unary<const K: u8, const S: usize, const F: u8>(core: &mut Core, env: &mut Env, op: &Op) -> Step {
    if F == MR {
        return core.modify::<S>(env, op, single_result::<K, S>);
    }
    let result = single_result::<K, S>(core, core.get::<S>(op.to));
    core.set::<S>(op.to, result);
    Ok(())
}

/// XCHG.
pub(crate) fn xchg<const S: usize, const F: u8>(core: &mut Core, env: &mut Env, op: &Op) -> Step {
    let new = core.get::<S>(op.from);
    if F == MR {
        return core.modify::<S>(env, op, |core, old| {
            core.set::<S>(op.from, old);
            new
        });
    }
    let old = core.get::<S>(op.to);
    core.set::<S>(op.to, new);
    core.set::<S>(op.from, old);
    Ok(())
}

/// XADD.
pub(crate) fn xadd<const S: usize, const F: u8>(core: &mut Core, env: &mut Env, op: &Op) -> Step {
    let b = core.get::<S>(op.from);
    if F == MR {
        return core.modify::<S>(env, op, |core, a| {
            let sum = calculate::<{ kind::ADD }, S>(core, a, b);
            core.set::<S>(op.from, a);
            sum
        });
    }
    let a = core.get::<S>(op.to);
    let sum = calculate::<{ kind::ADD }, S>(core, a, b);
    core.set::<S>(op.from, a);
    core.set::<S>(op.to, sum);
    Ok(())
}

/// CMPXCHG: the destination is stored into in any case.
pub(crate) fn cmpxchg<const S: usize, const F: u8>(core: &mut Core, env: &mut Env, op: &Op) -> Step {
    let new = core.get::<S>(op.from);
    let expected = core.get::<S>(0);
    let exchange = |core: &mut Core, found: u64| {
        calculate::<{ kind::CMP }, S>(core, expected, found);
        if found == expected {
            return new;
        }
        core.set::<S>(0, found);
        found
    };
    if F == MR {
        return core.modify::<S>(env, op, exchange);
    }
    let found = core.get::<S>(op.to);
    if found == expected {
        exchange(core, found);
        core.set::<S>(op.to, new);
    } else {
        exchange(core, found);
    }
    Ok(())
}

/// CMPXCHG8B.
pub(crate) fn cmpxchg8b(core: &mut Core, env: &mut Env, op: &Op) -> Step {
    core.modify::<8>(env, op, |core, found| {
        let expected = core.get::<4>(0) | core.get::<4>(2) << 32;
        let equal = found == expected;
        core.flags.replace(bit::ZF, if equal { bit::ZF } else { 0 });
        if equal {
            return core.get::<4>(3) | core.get::<4>(1) << 32;
        }
        core.set::<4>(0, found);
        core.set::<4>(2, found >> 32);
        found
    })
}

/// BSWAP; of 16 bits, undefined, it makes zero as processors do.
pub(crate) fn bswap<const S: usize>(core: &mut Core, _: &mut Env, op: &Op) -> Step {
    let value = core.get::<S>(op.to);
    let swapped = match S {
        2 => 0,
        4 => u64::from((value as u32).swap_bytes()),
        _ => value.swap_bytes(),
    };
    core.set::<S>(op.to, swapped);
    Ok(())
}

/// CBW, CWDE, CDQE: to `S` bytes.
pub(crate) fn widen_accumulator<const S: usize>(core: &mut Core, _: &mut Env, _: &Op) -> Step {
    let value = match S {
        2 => extend::<1>(core.regs[0]),
        4 => extend::<2>(core.regs[0]),
        _ => extend::<4>(core.regs[0]),
    };
    core.set::<S>(0, value);
    Ok(())
}

/// CWD, CDQ, CQO.
pub(crate) fn sign_to_data<const S: usize>(core: &mut Core, _: &mut Env, _: &Op) -> Step {
    let sign = (extend::<S>(core.regs[0]) as i64 >> 63) as u64;
    core.set::<S>(2, sign);
    Ok(())
}

/// MUL and IMUL with one operand, into the double accumulator.
pub(crate) fn multiply<const SIGNED: bool, const S: usize, const F: u8>(core: &mut Core, env: &mut Env, op: &Op) -> Step {
    let b = source::<S, F>(core, env, op)?;
    let a = core.get::<S>(0);
    let (product, fits) = if SIGNED {
        let product = i128::from(extend::<S>(a) as i64) * i128::from(extend::<S>(b) as i64);
        (product as u128, i128::from(extend::<S>(product as u64) as i64) == product)
    } else {
        let product = u128::from(a) * u128::from(b);
        (product, product >> (8 * S) == 0)
    };
    if S == 1 {
        core.set::<2>(0, product as u64);
    } else {
        core.set::<S>(0, product as u64);
        core.set::<S>(2, (product >> (8 * S)) as u64);
    }
    core.flags.set_carry_overflow(!fits, !fits);
    Ok(())
}

/// IMUL with two operands; with three, the immediate is the factor.
pub(crate) fn multiply_register<const S: usize, const F: u8, const THREE: bool>(core: &mut Core, env: &mut Env, op: &Op) -> Step {
    let b = source::<S, F>(core, env, op)?;
    let a = if THREE { op.immediate } else { core.get::<S>(op.to) };
    let product = i128::from(extend::<S>(a) as i64) * i128::from(extend::<S>(b) as i64);
    let fits = i128::from(extend::<S>(product as u64) as i64) == product;
    core.set::<S>(op.to, product as u64);
    core.flags.set_carry_overflow(!fits, !fits);
    Ok(())
}

/// DIV and IDIV.
pub(crate) fn divide<const SIGNED: bool, const S: usize, const F: u8>(core: &mut Core, env: &mut Env, op: &Op) -> Step {
    let divisor = source::<S, F>(core, env, op)?;
    if divisor == 0 {
        return Err(core.raise(vector::DE));
    }
    let dividend =
        if S == 1 { u128::from(core.get::<2>(0)) } else { u128::from(core.get::<S>(2)) << (8 * S) | u128::from(core.get::<S>(0)) };
    let (quotient, remainder) = if SIGNED {
        let unused = 128 - 16 * S as u32;
        let dividend = (dividend << unused) as i128 >> unused;
        let divisor = i128::from(extend::<S>(divisor) as i64);
        let (Some(quotient), Some(remainder)) = (dividend.checked_div(divisor), dividend.checked_rem(divisor)) else {
            return Err(core.raise(vector::DE));
        };
        if i128::from(extend::<S>(quotient as u64) as i64) != quotient {
            return Err(core.raise(vector::DE));
        }
        (quotient as u64, remainder as u64)
    } else if S < 8 {
        // A division of 64 bits is several times as fast as one of 128.
        let (dividend, divisor) = (dividend as u64, divisor);
        if dividend / divisor > low::<S>(u64::MAX) {
            return Err(core.raise(vector::DE));
        }
        (dividend / divisor, dividend % divisor)
    } else {
        let quotient = dividend / u128::from(divisor);
        if quotient > u128::from(u64::MAX) {
            return Err(core.raise(vector::DE));
        }
        (quotient as u64, (dividend % u128::from(divisor)) as u64)
    };
    if S == 1 {
        core.set::<2>(0, quotient & 0xff | (remainder & 0xff) << 8);
    } else {
        core.set::<S>(0, quotient);
        core.set::<S>(2, remainder);
    }
    Ok(())
}

/// PUSH of a register or an immediate.
pub(crate) fn push<const S: usize, const F: u8>(core: &mut Core, env: &mut Env, op: &Op) -> Step {
    let value = match F {
        RR => core.regs[op.from as usize],
        RI => op.immediate,
        _ => core.load::<S>(env, op)?,
    };
    core.push::<S>(env, op, value)
}

/// POP into a register.
pub(crate) fn pop<const S: usize>(core: &mut Core, env: &mut Env, op: &Op) -> Step {
    let value = core.pop::<S>(env, op)?;
    core.set::<S>(op.to, value);
    Ok(())
}

/// POP into storage: the address is made with the stack pointer after the pop.
pub(crate) fn pop_memory<const S: usize>(core: &mut Core, env: &mut Env, op: &Op) -> Step {
    let before = core.regs[4];
    let value = core.pop::<S>(env, op)?;
    let stored = core.store::<S>(env, op, value);
    if stored.is_err() {
        core.regs[4] = before;
    }
    stored
}

/// PUSHA.
pub(crate) fn push_all<const S: usize>(core: &mut Core, env: &mut Env, op: &Op) -> Step {
    let before = core.regs[4];
    for register in 0..8 {
        let value = if register == 4 { before } else { core.regs[register] };
        if let Err(raised) = core.push::<S>(env, op, value) {
            core.regs[4] = before;
            return Err(raised);
        }
    }
    Ok(())
}

/// POPA.
pub(crate) fn pop_all<const S: usize>(core: &mut Core, env: &mut Env, op: &Op) -> Step {
    let mut values = [0; 8];
    for (position, value) in values.iter_mut().enumerate() {
        *value = core.peek::<S>(env, op, (position * S) as u64)?;
    }
    core.drop_stack(8 * S as u64);
    for (position, value) in values.into_iter().enumerate().filter(|(position, _)| *position != 3) {
        core.set::<S>(7 - position as u8, value);
    }
    Ok(())
}

/// ENTER: the frame size is in the immediate's low 16 bits, the nesting level above them.
pub(crate) fn enter<const S: usize>(core: &mut Core, env: &mut Env, op: &Op) -> Step {
    let (size, level) = (op.immediate & 0xffff, op.immediate >> 16 & 31);
    let (stack, mask) = (core.regs[4], core.stack_mask());
    let result = (|| {
        core.push::<S>(env, op, core.regs[5])?;
        let frame = core.regs[4];
        for step in 1..level {
            let at = core.regs[5].wrapping_sub(step * S as u64) & mask;
            let at = core.segmented(if core.mode.is_long() { crate::core::STACK } else { 2 }, at, S as u64, Access::Read)?;
            let link = core.read::<S>(env, op, at)?;
            core.push::<S>(env, op, link)?;
        }
        if level > 0 {
            core.push::<S>(env, op, frame)?;
        }
        // The last byte of the new frame must be writable, as on the hardware.
        let end = core.regs[4].wrapping_sub(size) & mask;
        let at = core.segmented(if core.mode.is_long() { crate::core::STACK } else { 2 }, end, S as u64, Access::Write)?;
        core.probe(env, op, at, S as u64)?;
        core.regs[4] = core.regs[4] & !mask | end;
        core.set::<S>(5, frame);
        Ok(())
    })();
    if result.is_err() {
        core.regs[4] = stack;
    }
    result
}

/// LEAVE.
pub(crate) fn leave<const S: usize>(core: &mut Core, env: &mut Env, op: &Op) -> Step {
    let (before, mask) = (core.regs[4], core.stack_mask());
    core.regs[4] = before & !mask | core.regs[5] & mask;
    match core.pop::<S>(env, op) {
        Ok(value) => {
            core.set::<S>(5, value);
            Ok(())
        }
        Err(raised) => {
            core.regs[4] = before;
            Err(raised)
        }
    }
}

/// XLAT: AL is the index.
pub(crate) fn xlat(core: &mut Core, env: &mut Env, op: &Op) -> Step {
    let offset = core.offset(&Op { index: crate::core::ZERO, ..*op }).wrapping_add(core.get::<1>(0)) & (u64::MAX >> op.shrink);
    let address = core.segmented(op.segment, offset, 1, Access::Read)?;
    let value = core.read::<1>(env, op, address)?;
    core.set::<1>(0, value);
    Ok(())
}

/// LAHF.
pub(crate) fn lahf(core: &mut Core, _: &mut Env, _: &Op) -> Step {
    let flags = core.flags.bits() | 2;
    core.set::<1>(crate::core::HIGH, flags);
    Ok(())
}

/// SAHF.
pub(crate) fn sahf(core: &mut Core, _: &mut Env, _: &Op) -> Step {
    let flags = core.get::<1>(crate::core::HIGH);
    core.flags.replace(bit::ARITHMETIC & !bit::OF, flags);
    Ok(())
}

/// CLC, STC, CMC by the immediate: 0, 1, 2.
pub(crate) fn carry(core: &mut Core, _: &mut Env, op: &Op) -> Step {
    let carry = if op.immediate == 2 { !core.flags.carry() } else { op.immediate == 1 };
    core.flags.set_carry(carry);
    Ok(())
}

/// CLD, STD by the immediate.
pub(crate) fn direction(core: &mut Core, _: &mut Env, op: &Op) -> Step {
    core.modes = core.modes & !bit::DF | (op.immediate * bit::DF);
    Ok(())
}

/// CLFLUSH: there is no cache, but the address must be one that can be loaded from.
pub(crate) fn flush(core: &mut Core, env: &mut Env, op: &Op) -> Step {
    core.load::<1>(env, op).map(drop)
}

/// SALC, which no manual had for long: AL all ones or zeros by the carry.
pub(crate) fn salc(core: &mut Core, _: &mut Env, _: &Op) -> Step {
    core.set::<1>(0, if core.flags.carry() { 0xff } else { 0 });
    Ok(())
}

/// NOP, hints, fences.
pub(crate) fn nothing(_: &mut Core, _: &mut Env, _: &Op) -> Step {
    Ok(())
}

/// DAA and DAS by the immediate (0, 1).
pub(crate) fn decimal_adjust(core: &mut Core, _: &mut Env, op: &Op) -> Step {
    let old = core.get::<1>(0);
    let (carry, adjust) = (core.flags.carry(), core.flags.adjust());
    let low_digit = old & 15 > 9 || adjust;
    let high_digit = old > 0x99 || carry;
    let correction = if low_digit { 6 } else { 0 } + if high_digit { 0x60 } else { 0 };
    let new = if op.immediate == 0 { old.wrapping_add(correction) } else { old.wrapping_sub(correction) } & 0xff;
    let borrow = op.immediate == 1 && low_digit && old < 6;
    core.set::<1>(0, new);
    core.flags = Flags::logical::<1>(new);
    let bits = if high_digit || borrow { bit::CF } else { 0 } | if low_digit { bit::AF } else { 0 };
    core.flags.replace(bit::CF | bit::AF, bits);
    Ok(())
}

/// AAA and AAS by the immediate (0, 1).
pub(crate) fn ascii_adjust(core: &mut Core, _: &mut Env, op: &Op) -> Step {
    let old = core.get::<2>(0);
    let adjust = old & 15 > 9 || core.flags.adjust();
    let correction = if adjust { 0x106 } else { 0 };
    let new = if op.immediate == 0 { old.wrapping_add(correction) } else { old.wrapping_sub(correction) };
    core.set::<2>(0, new & 0xff0f);
    core.flags = Flags::logical::<1>(new & 15);
    core.flags.replace(bit::CF | bit::AF, if adjust { bit::CF | bit::AF } else { 0 });
    Ok(())
}

/// AAM.
pub(crate) fn aam(core: &mut Core, _: &mut Env, op: &Op) -> Step {
    let base = op.immediate & 0xff;
    if base == 0 {
        return Err(core.raise(vector::DE));
    }
    let al = core.get::<1>(0);
    core.set::<2>(0, ((al / base) << 8) | (al % base));
    core.flags = Flags::logical::<1>(al % base);
    Ok(())
}

/// AAD.
pub(crate) fn aad(core: &mut Core, _: &mut Env, op: &Op) -> Step {
    let ax = core.get::<2>(0);
    let al = (ax & 0xff).wrapping_add((ax >> 8).wrapping_mul(op.immediate & 0xff)) & 0xff;
    core.set::<2>(0, al);
    core.flags = Flags::logical::<1>(al);
    Ok(())
}

/// The sign of a value of `S` bytes.
pub(crate) fn negative<const S: usize>(value: u64) -> bool {
    value & top::<S>() != 0
}
