//! Shifts, rotations and bits.

use crate::core::{Core, Env, Op, Step};
use crate::flags::{Flags, bit, extend, low};
use crate::integer::{form, negative};
use crate::translate::Access;

/// Shifts in the order of the encoding.
pub(crate) mod kind {
    pub(crate) const ROL: u8 = 0;
    pub(crate) const ROR: u8 = 1;
    pub(crate) const RCL: u8 = 2;
    pub(crate) const RCR: u8 = 3;
    pub(crate) const SHL: u8 = 4;
    pub(crate) const SHR: u8 = 5;
    pub(crate) const SAR: u8 = 7;
}

/// The count is in CL, not in the immediate.
pub(crate) const BY_CL: u64 = u64::MAX;

#[inline(always)]
fn count<const S: usize>(core: &Core, op: &Op) -> u32 {
    let count = if op.immediate == BY_CL { core.regs[1] } else { op.immediate };
    (count & if S == 8 { 63 } else { 31 }) as u32
}

/// The result of a shift by 1 to 63, with its flags set. OF of longer shifts, undefined, is what the last step would give.
#[inline(always)]
pub(crate) fn shifted<const K: u8, const S: usize>(core: &mut Core, a: u64, count: u32) -> u64 {
    let bits = 8 * S as u32;
    match K {
        kind::SHL => {
            let r = if count < bits { low::<S>(a << count) } else { 0 };
            let carry = count <= bits && a >> (bits - count) & 1 != 0;
            core.flags = Flags::logical::<S>(r);
            core.flags.set_carry_overflow(carry, carry != negative::<S>(r));
            r
        }
        kind::SHR => {
            let r = if count < bits { a >> count } else { 0 };
            let carry = count <= bits && a >> (count - 1) & 1 != 0;
            core.flags = Flags::logical::<S>(r);
            core.flags.set_carry_overflow(carry, negative::<S>(r << 1) != negative::<S>(r));
            r
        }
        kind::SAR => {
            let a = extend::<S>(a) as i64;
            let r = low::<S>((a >> count.min(63)) as u64);
            core.flags = Flags::logical::<S>(r);
            core.flags.set_carry_overflow(a >> (count - 1).min(63) & 1 != 0, false);
            r
        }
        kind::ROL => {
            let by = count % bits;
            let r = if by == 0 { a } else { low::<S>(a << by | a >> (bits - by)) };
            let carry = r & 1 != 0;
            core.flags.set_carry_overflow(carry, carry != negative::<S>(r));
            r
        }
        kind::ROR => {
            let by = count % bits;
            let r = if by == 0 { a } else { low::<S>(a >> by | a << (bits - by)) };
            core.flags.set_carry_overflow(negative::<S>(r), negative::<S>(r) != negative::<S>(r << 1));
            r
        }
        _ => {
            // Through the carry: a rotation of bits + 1.
            let by = count % (bits + 1);
            let whole = u128::from(a) | u128::from(core.flags.carry()) << bits;
            let mask = (1_u128 << (bits + 1)) - 1;
            let by = if K == kind::RCL { by } else { bits + 1 - by };
            let turned = (whole << by | whole >> (bits + 1 - by)) & mask;
            let (r, carry) = (low::<S>(turned as u64), turned >> bits & 1 != 0);
            let overflow = if K == kind::RCL { carry != negative::<S>(r) } else { negative::<S>(r) != negative::<S>(r << 1) };
            core.flags.set_carry_overflow(carry, overflow);
            r
        }
    }
}

/// ROL, ROR, RCL, RCR, SHL, SHR, SAR. A count of zero changes nothing, not even flags, but storage is touched.
pub(crate) fn shift<const K: u8, const S: usize, const F: u8>(core: &mut Core, env: &mut Env, op: &Op) -> Step {
    let count = count::<S>(core, op);
    if F == form::MR {
        return core.modify::<S>(env, op, |core, a| if count == 0 { a } else { shifted::<K, S>(core, a, count) });
    }
    let a = core.get::<S>(op.to);
    let result = if count == 0 { a } else { shifted::<K, S>(core, a, count) };
    core.set::<S>(op.to, result);
    Ok(())
}

#[inline(always)]
fn double_shifted<const LEFT: bool, const S: usize>(core: &mut Core, a: u64, b: u64, count: u32) -> u64 {
    let bits = 8 * S as u32;
    if count == 0 {
        return a;
    }
    let (r, carry) = match (S, LEFT) {
        (8, true) => (a << count | b >> (64 - count), a >> (64 - count) & 1 != 0),
        (8, false) => (a >> count | b << (64 - count), a >> (count - 1) & 1 != 0),
        // More than 16 places of 16 bits, undefined, take a again after b.
        (_, true) => {
            let whole = (u128::from(a) << ((2 * bits) & 127) | u128::from(b) << bits | u128::from(a)) << count;
            (low::<S>((whole >> ((2 * bits) & 127)) as u64), whole >> ((3 * bits) & 127) & 1 != 0)
        }
        (_, false) => {
            let whole = u128::from(a) << ((2 * bits) & 127) | u128::from(b) << bits | u128::from(a);
            (low::<S>((whole >> count) as u64), whole >> (count - 1) & 1 != 0)
        }
    };
    core.flags = Flags::logical::<S>(r);
    core.flags.set_carry_overflow(carry, negative::<S>(r) != negative::<S>(a));
    r
}

/// SHLD, SHRD.
pub(crate) fn double_shift<const LEFT: bool, const S: usize, const F: u8>(core: &mut Core, env: &mut Env, op: &Op) -> Step {
    let count = count::<S>(core, op);
    let b = core.get::<S>(op.from);
    if F == form::MR {
        return core.modify::<S>(env, op, |core, a| double_shifted::<LEFT, S>(core, a, b, count));
    }
    let result = double_shifted::<LEFT, S>(core, core.get::<S>(op.to), b, count);
    core.set::<S>(op.to, result);
    Ok(())
}

/// BT, BTS, BTR, BTC: 0 to 3.
#[inline(always)]
fn bit_result<const K: u8>(core: &mut Core, a: u64, place: u64) -> u64 {
    core.flags.set_carry(a >> place & 1 != 0);
    match K {
        0 => a,
        1 => a | 1 << place,
        2 => a & !(1 << place),
        _ => a ^ 1 << place,
    }
}

/// BT, BTS, BTR, BTC of a register, or of storage with an immediate.
pub(crate) fn bits<const K: u8, const S: usize, const F: u8>(core: &mut Core, env: &mut Env, op: &Op) -> Step {
    let place = if F == form::RR { core.regs[op.from as usize] } else { op.immediate } & (8 * S as u64 - 1);
    if F == form::MI {
        if K == 0 {
            let a = core.load::<S>(env, op)?;
            bit_result::<K>(core, a, place);
            return Ok(());
        }
        return core.modify::<S>(env, op, |core, a| bit_result::<K>(core, a, place));
    }
    let result = bit_result::<K>(core, core.get::<S>(op.to), place);
    if K != 0 {
        core.set::<S>(op.to, result);
    }
    Ok(())
}

/// The same on a bit string in storage: the register, signed, may point anywhere around the operand.
pub(crate) fn bit_string<const K: u8, const S: usize>(core: &mut Core, env: &mut Env, op: &Op) -> Step {
    let bits = 8 * S as i64;
    let position = extend::<S>(core.get::<S>(op.from)) as i64;
    let place = position.rem_euclid(bits) as u64;
    let offset = core.offset(op).wrapping_add((position.div_euclid(bits) * S as i64) as u64) & (u64::MAX >> op.shrink);
    let access = if K == 0 { Access::Read } else { Access::Write };
    let address = core.segmented(op.segment, offset, S as u64, access)?;
    if K == 0 {
        let a = core.read::<S>(env, op, address)?;
        bit_result::<K>(core, a, place);
        return Ok(());
    }
    core.modify_at::<S>(env, op, address, |core, a| bit_result::<K>(core, a, place))
}

/// BSF and BSR. A source of zero leaves the destination alone and sets ZF. TZCNT and LZCNT are these, too, as long as they are not offered.
pub(crate) fn scan<const REVERSE: bool, const S: usize, const F: u8>(core: &mut Core, env: &mut Env, op: &Op) -> Step {
    let value = if F == form::RM { core.load::<S>(env, op)? } else { core.get::<S>(op.from) };
    if value == 0 {
        core.flags.replace(bit::ZF, bit::ZF);
        return Ok(());
    }
    core.flags.replace(bit::ZF, 0);
    let place = if REVERSE { 63 - value.leading_zeros() } else { value.trailing_zeros() };
    core.set::<S>(op.to, u64::from(place));
    Ok(())
}
