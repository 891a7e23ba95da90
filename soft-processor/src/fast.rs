//! The fast way through a trace: the common instructions in their common forms, each of which goes on to the next one by itself.
//!
//! A function here does what the exact handler of its instruction does where nothing can go wrong: flat segments, storage whose translation is at
//! hand, targets that exist. Wherever that is not so it has changed nothing yet and leaves the instruction to the exact handler, [`exactly`].
//! Only traces that are executed whole, without breakpoints or single steps, come this way, so flags that a later instruction replaces
//! before anybody can look are not computed (`decode/fast.rs` decides).

use crate::core::{Core, Env, HERE, Op, last};
use crate::flags::{extend, low};
use crate::integer::form::{MI, MR, RI, RM};
use crate::integer::{calculate, kind, single_result};
use crate::state::State;

/// How the address of a memory operand is made, all without checks.
pub(crate) mod place {
    /// 64 bits: base and displacement.
    pub(crate) const BASE: u8 = 0;
    /// 64 bits: these, an index and the base of a segment.
    pub(crate) const INDEX: u8 = 1;
    /// 32 bits in a flat segment.
    pub(crate) const FLAT_32: u8 = 2;
}

/// Goes on after `op`.
#[inline(always)]
fn next(core: &mut Core, env: &mut Env, op: &Op, rest: &[Op]) -> u64 {
    match rest.split_first() {
        Some((op, rest)) => (op.fast)(core, env, op, rest),
        None => after(op),
    }
}

/// The trace ends here for now, as [`Core::last`] says; added to the count of its instructions.
pub(crate) const STOPPED: u64 = 1 << 8;

/// Instructions of the trace up to and with this one.
#[inline(always)]
fn after(op: &Op) -> u64 {
    u64::from(op.place) + 1
}

/// By the exact handler. Never inlined: calls that are not the last thing in a function would make each function here save registers.
#[inline(never)]
pub(crate) fn exactly(core: &mut Core, env: &mut Env, op: &Op, rest: &[Op]) -> u64 {
    if (op.run)(core, env, op).is_err() {
        core.raised_at(op);
        return 0;
    }
    if core.last != last::NO { after(op) + STOPPED } else { next(core, env, op, rest) }
}

#[inline(always)]
fn address<const A: u8>(core: &Core, op: &Op) -> u64 {
    let at = core.regs[op.base as usize].wrapping_add(op.displacement);
    if A == place::BASE {
        return at;
    }
    let at = at.wrapping_add(core.regs[op.index as usize].wrapping_shl(op.scale.into()));
    if A == place::INDEX { at.wrapping_add(core.bases[(op.segment & 15) as usize]) } else { low::<4>(at) }
}

/// What `S` bytes of storage hold.
#[inline(always)]
fn load<const S: usize, const A: u8>(core: &Core, env: &Env, op: &Op) -> Option<u64> {
    let at = address::<A>(core, op);
    Some(env.tlb.reads.find::<S>(at, core.key)?.get::<S>(at))
}

#[inline(always)]
fn store<const S: usize>(core: &Core, env: &Env, at: u64, value: u64) -> Option<()> {
    env.tlb.writes.find::<S>(at, core.key)?.put::<S>(at, value);
    Some(())
}

#[inline(always)]
fn source<const S: usize, const F: u8, const A: u8>(core: &Core, env: &Env, op: &Op) -> Option<u64> {
    match F {
        RM => load::<S, A>(core, env, op),
        RI | MI => Some(low::<S>(op.immediate)),
        _ => Some(low::<S>(core.regs[op.from as usize])),
    }
}

/// Sets a register; of 8 bits it is the low ones.
#[inline(always)]
fn set<const S: usize>(core: &mut Core, register: u8, value: u64) {
    let whole = &mut core.regs[register as usize];
    *whole = match S {
        1 => *whole & !0xff | value & 0xff,
        2 => *whole & !0xffff | value & 0xffff,
        4 => low::<4>(value),
        _ => value,
    };
}

/// With or without the flags that it computes.
#[inline(always)]
fn flagged<const FLAGS: bool>(core: &mut Core, calculate: impl FnOnce(&mut Core) -> u64) -> u64 {
    let before = core.flags;
    let result = calculate(core);
    if !FLAGS {
        core.flags = before;
    }
    result
}

/// The functions of this file leave what they cannot do.
macro_rules! or_exactly {
    ($found:expr, $core:ident, $env:ident, $op:ident, $rest:ident) => {
        match $found {
            Some(value) => value,
            None => return exactly($core, $env, $op, $rest),
        }
    };
}

/// ADD, OR, ADC, SBB, AND, SUB, XOR, CMP, TEST.
pub(crate) fn alu<const K: u8, const FLAGS: bool, const F: u8, const S: usize, const A: u8>(
    core: &mut Core,
    env: &mut Env,
    op: &Op,
    rest: &[Op],
) -> u64 {
    let b = or_exactly!(source::<S, F, A>(core, env, op), core, env, op, rest);
    let compares = K == kind::CMP || K == kind::TEST;
    if F == MR || F == MI {
        let at = address::<A>(core, op);
        let table = if compares { &env.tlb.reads } else { &env.tlb.writes };
        let window = or_exactly!(table.find::<S>(at, core.key), core, env, op, rest);
        let result = flagged::<FLAGS>(core, |core| calculate::<K, S>(core, window.get::<S>(at), b));
        if !compares {
            window.put::<S>(at, result);
        }
        return next(core, env, op, rest);
    }
    let a = low::<S>(core.regs[op.to as usize]);
    let result = flagged::<FLAGS>(core, |core| calculate::<K, S>(core, a, b));
    if !compares {
        set::<S>(core, op.to, result);
    }
    next(core, env, op, rest)
}

/// MOV.
pub(crate) fn mov<const F: u8, const S: usize, const A: u8>(core: &mut Core, env: &mut Env, op: &Op, rest: &[Op]) -> u64 {
    let value = or_exactly!(source::<S, F, A>(core, env, op), core, env, op, rest);
    if F == MR || F == MI {
        or_exactly!(store::<S>(core, env, address::<A>(core, op), value), core, env, op, rest);
    } else {
        set::<S>(core, op.to, value);
    }
    next(core, env, op, rest)
}

/// MOVZX, MOVSX, MOVSXD from `S` bytes; to 8 bytes or to 4.
pub(crate) fn widen<const SIGNED: bool, const WIDE: bool, const F: u8, const S: usize, const A: u8>(
    core: &mut Core,
    env: &mut Env,
    op: &Op,
    rest: &[Op],
) -> u64 {
    let value = or_exactly!(source::<S, F, A>(core, env, op), core, env, op, rest);
    let value = if SIGNED { extend::<S>(value) } else { value };
    core.regs[op.to as usize] = if WIDE { value } else { low::<4>(value) };
    next(core, env, op, rest)
}

/// LEA.
pub(crate) fn lea<const S: usize>(core: &mut Core, env: &mut Env, op: &Op, rest: &[Op]) -> u64 {
    let offset = core.offset(op);
    set::<S>(core, op.to, offset);
    next(core, env, op, rest)
}

/// INC, DEC, NEG, NOT.
pub(crate) fn unary<const K: u8, const FLAGS: bool, const F: u8, const S: usize, const A: u8>(
    core: &mut Core,
    env: &mut Env,
    op: &Op,
    rest: &[Op],
) -> u64 {
    if F == MR {
        let at = address::<A>(core, op);
        let window = or_exactly!(env.tlb.writes.find::<S>(at, core.key), core, env, op, rest);
        let result = flagged::<FLAGS>(core, |core| single_result::<K, S>(core, window.get::<S>(at)));
        window.put::<S>(at, result);
        return next(core, env, op, rest);
    }
    let a = low::<S>(core.regs[op.to as usize]);
    let result = flagged::<FLAGS>(core, |core| single_result::<K, S>(core, a));
    set::<S>(core, op.to, result);
    next(core, env, op, rest)
}

/// ROL, ROR, SHL, SHR, SAR of a register by an immediate that is not zero and less than the width.
pub(crate) fn shift<const K: u8, const FLAGS: bool, const S: usize>(core: &mut Core, env: &mut Env, op: &Op, rest: &[Op]) -> u64 {
    let a = low::<S>(core.regs[op.to as usize]);
    let count = (op.immediate & (8 * S as u64 - 1)) as u32;
    let result = flagged::<FLAGS>(core, |core| crate::shift::shifted::<K, S>(core, a, count));
    set::<S>(core, op.to, result);
    next(core, env, op, rest)
}

/// IMUL of two registers, or of a register and an immediate into another.
pub(crate) fn multiply<const THREE: bool, const FLAGS: bool, const S: usize>(core: &mut Core, env: &mut Env, op: &Op, rest: &[Op]) -> u64 {
    let b = extend::<S>(core.regs[op.from as usize]) as i64;
    let a = extend::<S>(if THREE { op.immediate } else { core.regs[op.to as usize] }) as i64;
    let (product, overflow) = if S == 8 {
        a.overflowing_mul(b)
    } else {
        let product = a.wrapping_mul(b);
        (product, product != extend::<S>(product as u64) as i64)
    };
    if FLAGS {
        core.flags.set_carry_overflow(overflow, overflow);
    }
    set::<S>(core, op.to, product as u64);
    next(core, env, op, rest)
}

/// CMOVcc between registers.
pub(crate) fn cmov<const C: u8, const S: usize>(core: &mut Core, env: &mut Env, op: &Op, rest: &[Op]) -> u64 {
    let from = if core.flags.holds::<C>() { op.from } else { op.to };
    let value = core.regs[from as usize];
    set::<S>(core, op.to, value);
    next(core, env, op, rest)
}

/// SETcc of a register.
pub(crate) fn setcc<const C: u8>(core: &mut Core, env: &mut Env, op: &Op, rest: &[Op]) -> u64 {
    let value = u64::from(core.flags.holds::<C>());
    set::<1>(core, op.to, value);
    next(core, env, op, rest)
}

/// NOP.
pub(crate) fn nothing(core: &mut Core, env: &mut Env, op: &Op, rest: &[Op]) -> u64 {
    next(core, env, op, rest)
}

/// A stack pointer that is `by` higher: of 64 bits where `S`, the size of what is pushed, is 8, and of 32 where it is 4.
#[inline(always)]
fn stack<const S: usize>(core: &Core, by: u64) -> u64 {
    low::<S>(core.regs[4].wrapping_add(by))
}

#[inline(always)]
fn set_stack<const S: usize>(core: &mut Core, top: u64) {
    core.regs[4] = if S == 8 { top } else { core.regs[4] & !0xffff_ffff | top };
}

#[inline(always)]
fn push_value<const S: usize>(core: &mut Core, env: &Env, value: u64) -> Option<()> {
    let top = stack::<S>(core, (S as u64).wrapping_neg());
    store::<S>(core, env, top, value)?;
    set_stack::<S>(core, top);
    Some(())
}

/// PUSH of a register, an immediate, or storage.
pub(crate) fn push<const F: u8, const S: usize, const A: u8>(core: &mut Core, env: &mut Env, op: &Op, rest: &[Op]) -> u64 {
    let value = or_exactly!(source::<S, F, A>(core, env, op), core, env, op, rest);
    or_exactly!(push_value::<S>(core, env, value), core, env, op, rest);
    next(core, env, op, rest)
}

/// POP into a register.
pub(crate) fn pop<const S: usize>(core: &mut Core, env: &mut Env, op: &Op, rest: &[Op]) -> u64 {
    let top = stack::<S>(core, 0);
    let window = or_exactly!(env.tlb.reads.find::<S>(top, core.key), core, env, op, rest);
    let value = window.get::<S>(top);
    set_stack::<S>(core, low::<S>(top.wrapping_add(S as u64)));
    set::<S>(core, op.to, value);
    next(core, env, op, rest)
}

/// An instruction address that can be gone to.
#[inline(always)]
fn possible<const S: usize>(core: &Core, target: u64) -> Option<u64> {
    let inside = if S == 8 { Core::canonical(target) } else { target <= u64::from(core.s.segments[State::CS].limit) };
    inside.then_some(target)
}

#[inline(always)]
fn target<const S: usize>(core: &Core, op: &Op) -> Option<u64> {
    possible::<S>(core, low::<S>(core.regs[HERE as usize].wrapping_add(op.immediate)))
}

/// JMP relative.
pub(crate) fn jump<const S: usize>(core: &mut Core, env: &mut Env, op: &Op, rest: &[Op]) -> u64 {
    core.rip = or_exactly!(target::<S>(core, op), core, env, op, rest);
    after(op)
}

/// Jcc.
pub(crate) fn jump_if<const C: u8, const S: usize>(core: &mut Core, env: &mut Env, op: &Op, rest: &[Op]) -> u64 {
    if core.flags.holds::<C>() {
        core.rip = or_exactly!(target::<S>(core, op), core, env, op, rest);
        return after(op);
    }
    next(core, env, op, rest)
}

/// CALL relative.
pub(crate) fn call<const S: usize>(core: &mut Core, env: &mut Env, op: &Op, rest: &[Op]) -> u64 {
    let target = or_exactly!(target::<S>(core, op), core, env, op, rest);
    let next = core.next(op);
    or_exactly!(push_value::<S>(core, env, next), core, env, op, rest);
    core.rip = target;
    after(op)
}

/// RET; the immediate is what else is taken off the stack.
pub(crate) fn ret<const S: usize>(core: &mut Core, env: &mut Env, op: &Op, rest: &[Op]) -> u64 {
    let top = stack::<S>(core, 0);
    let window = or_exactly!(env.tlb.reads.find::<S>(top, core.key), core, env, op, rest);
    core.rip = or_exactly!(possible::<S>(core, window.get::<S>(top)), core, env, op, rest);
    set_stack::<S>(core, low::<S>(top.wrapping_add(S as u64 + op.immediate)));
    after(op)
}

/// CMP or TEST of registers or with an immediate, and the Jcc after it.
pub(crate) fn compare_and_jump<const K: u8, const F: u8, const C: u8, const S: usize>(
    core: &mut Core,
    env: &mut Env,
    op: &Op,
    rest: &[Op],
) -> u64 {
    let b = if F == RI { low::<S>(op.immediate) } else { low::<S>(core.regs[op.from as usize]) };
    let a = low::<S>(core.regs[op.to as usize]);
    calculate::<K, S>(core, a, b);
    match rest.split_first() {
        Some((jump, rest)) if core.flags.holds::<C>() => taken(core, env, jump, rest),
        Some((jump, rest)) => next(core, env, jump, rest),
        None => after(op),
    }
}

/// Goes where a relative branch goes.
#[inline(never)]
fn taken(core: &mut Core, env: &mut Env, op: &Op, rest: &[Op]) -> u64 {
    if core.mode.is_long() { jump::<8>(core, env, op, rest) } else { jump::<4>(core, env, op, rest) }
}
