//! Branches within a segment.

use crate::core::{Core, Env, Op, Step, last};
use crate::integer::form;
use crate::state::State;

impl Core {
    /// Goes to an instruction address. Outside the code segment, or not canonical, it is #GP(0) and the branch did not happen.
    #[inline(always)]
    pub(crate) fn go(&mut self, target: u64) -> Step {
        let inside = if self.mode.is_long() { Self::canonical(target) } else { target <= u64::from(self.s.segments[State::CS].limit) };
        if !inside {
            return Err(self.protection());
        }
        self.rip = target;
        Ok(())
    }

    /// The target of a relative branch: relative to the start of the trace. `S` is the operand size.
    #[inline(always)]
    fn target<const S: usize>(&self, op: &Op) -> u64 {
        crate::flags::low::<S>(self.regs[crate::core::HERE as usize].wrapping_add(op.immediate))
    }
}

/// JMP relative.
pub(crate) fn jump<const S: usize>(core: &mut Core, _: &mut Env, op: &Op) -> Step {
    core.go(core.target::<S>(op))
}

/// JMP to what a register or storage says.
pub(crate) fn jump_to<const S: usize, const F: u8>(core: &mut Core, env: &mut Env, op: &Op) -> Step {
    let target = if F == form::RM { core.load::<S>(env, op)? } else { core.get::<S>(op.from) };
    core.go(target)
}

/// Jcc.
pub(crate) fn jump_if<const C: u8, const S: usize>(core: &mut Core, _: &mut Env, op: &Op) -> Step {
    if core.flags.holds::<C>() {
        core.go(core.target::<S>(op))?;
        core.last = last::JUMPED;
    }
    Ok(())
}

/// CALL: pushes first; if the target is wrong, the stack pointer is put back.
#[inline(always)]
fn call_target<const S: usize>(core: &mut Core, env: &mut Env, op: &Op, target: u64) -> Step {
    let (rip, stack) = (core.rip, core.regs[4]);
    core.go(target)?;
    let next = core.next(op);
    let pushed = core.push::<S>(env, op, next);
    if pushed.is_err() {
        (core.rip, core.regs[4]) = (rip, stack);
    }
    pushed
}

/// CALL relative.
pub(crate) fn call<const S: usize>(core: &mut Core, env: &mut Env, op: &Op) -> Step {
    let target = core.target::<S>(op);
    call_target::<S>(core, env, op, target)
}

/// CALL of what a register or storage says.
pub(crate) fn call_to<const S: usize, const F: u8>(core: &mut Core, env: &mut Env, op: &Op) -> Step {
    let target = if F == form::RM { core.load::<S>(env, op)? } else { core.get::<S>(op.from) };
    call_target::<S>(core, env, op, target)
}

/// RET; the immediate is what else is taken off the stack.
pub(crate) fn ret<const S: usize>(core: &mut Core, env: &mut Env, op: &Op) -> Step {
    let target = core.peek::<S>(env, op, 0)?;
    core.go(target)?;
    core.drop_stack(S as u64 + op.immediate);
    Ok(())
}

/// LOOP, LOOPE, LOOPNE, JCXZ: 0 to 3; the counter has `64 - shrink` bits.
pub(crate) fn loops<const K: u8, const S: usize>(core: &mut Core, _: &mut Env, op: &Op) -> Step {
    let mask = u64::MAX >> (op.shrink & 63);
    let mut count = core.regs[1] & mask;
    if K != 3 {
        count = count.wrapping_sub(1) & mask;
    }
    let taken = match K {
        0 => count != 0,
        1 => count != 0 && core.flags.zero(),
        2 => count != 0 && !core.flags.zero(),
        _ => count == 0,
    };
    if taken {
        core.go(core.target::<S>(op))?;
        core.last = last::JUMPED;
    }
    if K != 3 {
        match op.shrink {
            48 => core.set::<2>(1, count),
            32 => core.set::<4>(1, count),
            _ => core.regs[1] = count,
        }
    }
    Ok(())
}
