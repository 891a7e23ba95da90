//! Transfers between segments and privilege levels: far jumps, calls and returns, IRET, SYSCALL and SYSENTER with their returns.
//! Gates are in [`crate::gate`], other tasks in [`crate::task`].

use crate::core::{CR0_PE, Core, EFER_SCE, Env, Op, Step, vector};
use crate::flags::bit;
use crate::gate::Target;
use crate::integer::form;
use crate::segment::{fixed, null_stack, paragraph};
use crate::state::State;
use crate::task::By;
use crate::translate::Access;

/// The selector and offset of a far transfer: in the immediate (offset below, selector above bit 48) or in storage.
#[inline(always)]
fn far_target<const S: usize, const F: u8>(core: &mut Core, env: &mut Env, op: &Op) -> Result<(u16, u64), crate::core::Raised> {
    if F == form::RI {
        return Ok(((op.immediate >> 48) as u16, op.immediate & 0xffff_ffff));
    }
    let address = core.segmented(op.segment, core.offset(op), S as u64 + 2, Access::Read)?;
    let target = core.read::<S>(env, op, address)?;
    let selector = core.read::<2>(env, op, core.cut(address.wrapping_add(S as u64)))?;
    Ok((selector as u16, target))
}

impl Core {
    /// Goes to a code segment at the same privilege level, or where a call gate leads at this one.
    fn go_far(&mut self, env: &mut Env, op: &Op, selector: u16, target: u64) -> Step {
        if self.protected() {
            let (selector, target) = match self.far_target(env, op, selector)? {
                Target::Gate(gate) => (gate.selector & !3, gate.offset),
                Target::Code => (selector, target),
                Target::Task(task) => return self.switch_task(env, op, task, By::Jump, self.next(op), self.rflags()),
            };
            let code = self.code_segment(env, op, selector)?;
            self.enter_code(code, target)?;
        } else {
            let code = &mut self.s.segments[State::CS];
            if target > u64::from(code.limit) {
                return Err(self.protection());
            }
            (code.selector, code.base) = (selector, u64::from(selector) << 4);
            self.rip = target;
            self.segments_changed();
        }
        Ok(())
    }

    /// Back to a code segment at this or a less privileged level: CS, instruction address, and for the latter the stack.
    fn return_far(&mut self, env: &mut Env, op: &Op, size: u64, frame: Return) -> Step {
        let Return { selector, target, outer_at, release, beyond, always_stack } = frame;
        let cpl = self.cpl();
        let level = selector as u8 & 3;
        let error = u32::from(selector & !3);
        if selector & !3 == 0 {
            return Err(self.protection());
        }
        let mut descriptor = self.descriptor(env, op, selector, vector::GP)?;
        let dpl = descriptor.dpl();
        let fits = if descriptor.conforming() { dpl <= level } else { dpl == level };
        if !descriptor.is_code() || level < cpl || !fits {
            return Err(self.raise_with(vector::GP, error));
        }
        if !descriptor.present() {
            return Err(self.raise_with(vector::NP, error));
        }
        let code = descriptor.segment(selector);
        if level == cpl && !always_stack {
            self.accessed(env, op, &mut descriptor)?;
            self.enter_code(code, target)?;
            self.drop_stack(release);
            return Ok(());
        }
        let pointer = self.peek_sized(env, op, outer_at, size)?;
        let stack_selector = self.peek_sized(env, op, outer_at + size, size)? as u16;
        let to_long = self.long_active() && descriptor.is_long();
        let stack = if stack_selector & !3 == 0 && to_long && level < 3 && stack_selector as u8 & 3 == level {
            null_stack(level)
        } else {
            self.stack_segment(env, op, stack_selector, level, vector::GP)?
        };
        self.accessed(env, op, &mut descriptor)?;
        self.enter_code(code, target)?;
        self.s.segments[State::SS] = stack;
        self.segments_changed();
        let pointer = pointer.wrapping_add(beyond);
        match self.mode.stack() {
            2 => self.set::<2>(4, pointer),
            4 => self.regs[4] = pointer & 0xffff_ffff,
            _ => self.regs[4] = if size == 8 { pointer } else { pointer & (u64::MAX >> (64 - 8 * size)) },
        }
        if level > cpl {
            self.drop_privileged_segments(level);
        }
        Ok(())
    }

    pub(crate) fn peek_sized(&mut self, env: &mut Env, op: &Op, distance: u64, size: u64) -> Result<u64, crate::core::Raised> {
        match size {
            2 => self.peek::<2>(env, op, distance),
            4 => self.peek::<4>(env, op, distance),
            _ => self.peek::<8>(env, op, distance),
        }
    }
}

/// What [`Core::return_far`] is to do.
struct Return {
    selector: u16,
    target: u64,
    /// Distance of the outer stack pointer from the top.
    outer_at: u64,
    /// Bytes to take off this stack.
    release: u64,
    /// Bytes to take off the outer one.
    beyond: u64,
    /// IRET in 64-bit mode has a stack pointer in its frame in any case.
    always_stack: bool,
}

/// JMP far.
pub(crate) fn jump<const S: usize, const F: u8>(core: &mut Core, env: &mut Env, op: &Op) -> Step {
    let (selector, target) = far_target::<S, F>(core, env, op)?;
    core.look();
    core.go_far(env, op, selector, target)
}

/// CALL far.
pub(crate) fn call<const S: usize, const F: u8>(core: &mut Core, env: &mut Env, op: &Op) -> Step {
    let (selector, target) = far_target::<S, F>(core, env, op)?;
    if core.protected() {
        core.look();
        match core.far_target(env, op, selector)? {
            Target::Gate(gate) => return core.call_through(env, op, &gate),
            Target::Task(task) => return core.switch_task(env, op, task, By::Call, core.next(op), core.rflags()),
            Target::Code => {}
        }
    }
    let next = core.next(op);
    let old = core.s.segments[State::CS];
    let (rip, stack) = (core.rip, core.regs[4]);
    // The pushes are tried first: the width of the stack is that of the caller.
    let pushed = (|| {
        core.push::<S>(env, op, u64::from(old.selector))?;
        core.push::<S>(env, op, next)?;
        core.go_far(env, op, selector, target)
    })();
    if pushed.is_err() {
        (core.rip, core.regs[4]) = (rip, stack);
    }
    core.look();
    pushed
}

/// RET far; the immediate is what else is taken off the stack.
pub(crate) fn ret<const S: usize>(core: &mut Core, env: &mut Env, op: &Op) -> Step {
    let size = S as u64;
    let target = core.peek::<S>(env, op, 0)?;
    let selector = core.peek::<S>(env, op, size)? as u16;
    core.look();
    if !core.protected() {
        core.go_far(env, op, selector, target)?;
        core.drop_stack(2 * size + op.immediate);
        return Ok(());
    }
    let frame = Return {
        selector,
        target,
        outer_at: 2 * size + op.immediate,
        release: 2 * size + op.immediate,
        beyond: op.immediate,
        always_stack: false,
    };
    core.return_far(env, op, size, frame)
}

/// IRET.
pub(crate) fn iret<const S: usize>(core: &mut Core, env: &mut Env, op: &Op) -> Step {
    core.sensitive()?;
    if core.protected() && core.modes & bit::NT != 0 {
        return core.return_to_task(env, op);
    }
    let size = S as u64;
    let target = core.peek::<S>(env, op, 0)?;
    let selector = core.peek::<S>(env, op, size)? as u16;
    let flags = core.peek::<S>(env, op, 2 * size)?;
    let kept = if S == 2 { !0xffff } else { 0 };
    core.look();
    if !core.protected() {
        core.go_far(env, op, selector, target)?;
        core.drop_stack(3 * size);
        if core.is_virtual() {
            core.set_flags_at(3, flags, kept);
        } else {
            core.set_rflags(core.rflags() & kept | flags & !kept & !bit::VM);
        }
        core.s.nmi_blocked = false;
        return Ok(());
    }
    if S == 4 && flags & bit::VM != 0 && core.cpl() == 0 && !core.long_active() {
        return core.enter_virtual(env, op, target, selector, flags);
    }
    let cpl = core.cpl();
    let frame = Return { selector, target, outer_at: 3 * size, release: 3 * size, beyond: 0, always_stack: core.mode.is_long() };
    core.return_far(env, op, size, frame)?;
    core.set_flags_at(cpl, flags, kept);
    core.s.nmi_blocked = false;
    Ok(())
}

impl Core {
    /// IRET to virtual-8086 mode: stack and data segments are on the stack, too.
    fn enter_virtual(&mut self, env: &mut Env, op: &Op, target: u64, code: u16, flags: u64) -> Step {
        let mut words = [0; 6];
        for (word, distance) in words.iter_mut().zip((12..).step_by(4)) {
            *word = self.peek::<4>(env, op, distance)?;
        }
        let [stack_pointer, stack, es, ds, fs, gs] = words;
        if target > 0xffff {
            return Err(self.protection());
        }
        for (register, selector) in
            [(State::CS, u64::from(code)), (State::SS, stack), (State::ES, es), (State::DS, ds), (State::FS, fs), (State::GS, gs)]
        {
            self.s.segments[register] = paragraph(selector as u16);
        }
        self.regs[4] = stack_pointer;
        self.rip = target;
        self.set_rflags(flags);
        self.segments_changed();
        self.s.nmi_blocked = false;
        Ok(())
    }

    /// Sets the flags that privilege level `cpl` may set; those of `kept` stay.
    pub(crate) fn set_flags_at(&mut self, cpl: u8, flags: u64, kept: u64) {
        let mut stay = kept | bit::VM;
        if cpl > 0 {
            stay |= bit::IOPL | bit::VIF | bit::VIP;
        }
        if cpl > (self.modes >> 12) as u8 & 3 {
            stay |= bit::IF;
        }
        self.set_rflags(self.rflags() & stay | flags & !stay);
    }
}

/// SYSCALL.
pub(crate) fn syscall(core: &mut Core, _: &mut Env, op: &Op) -> Step {
    if core.s.efer & EFER_SCE == 0 || !core.mode.is_long() {
        return Err(core.undefined());
    }
    let [star, lstar, _, mask] = core.s.syscall;
    core.regs[1] = core.next(op);
    core.regs[11] = core.rflags() & !bit::RF;
    core.set_rflags(core.rflags() & !mask & !bit::RF);
    let selector = (star >> 32) as u16 & !3;
    core.s.segments[State::CS] = fixed(selector, 0, true, true);
    core.s.segments[State::SS] = fixed(selector.wrapping_add(8), 0, false, false);
    core.rip = lstar;
    core.segments_changed();
    Ok(())
}

/// SYSRET; `LONG` to 64-bit mode.
pub(crate) fn sysret<const LONG: bool>(core: &mut Core, _: &mut Env, _: &Op) -> Step {
    if core.s.efer & EFER_SCE == 0 || !core.mode.is_long() {
        return Err(core.undefined());
    }
    core.privileged()?;
    let target = if LONG { core.regs[1] } else { core.regs[1] & 0xffff_ffff };
    if !Core::canonical(target) {
        return Err(core.protection());
    }
    let base = (core.s.syscall[0] >> 48) as u16;
    let code = if LONG { base.wrapping_add(16) } else { base } | 3;
    core.s.segments[State::CS] = fixed(code, 3, true, LONG);
    core.s.segments[State::SS] = fixed(base.wrapping_add(8) | 3, 3, false, false);
    core.rip = target;
    core.set_rflags(core.regs[11] & 0x3c_7fd7 & !bit::RF);
    core.segments_changed();
    Ok(())
}

/// SYSENTER.
pub(crate) fn sysenter(core: &mut Core, _: &mut Env, _: &Op) -> Step {
    let [selector, stack, target] = core.s.sysenter;
    let selector = selector as u16 & !3;
    if core.s.cr0 & CR0_PE == 0 || selector == 0 {
        return Err(core.protection());
    }
    let long = core.long_active();
    core.s.segments[State::CS] = fixed(selector, 0, true, long);
    core.s.segments[State::SS] = fixed(selector.wrapping_add(8), 0, false, false);
    core.rip = if long { target } else { target & 0xffff_ffff };
    core.regs[4] = if long { stack } else { stack & 0xffff_ffff };
    core.modes &= !(bit::IF | bit::RF | bit::VM);
    core.segments_changed();
    core.look();
    Ok(())
}

/// SYSEXIT; `LONG` to 64-bit mode.
pub(crate) fn sysexit<const LONG: bool>(core: &mut Core, _: &mut Env, _: &Op) -> Step {
    let selector = core.s.sysenter[0] as u16 & !3;
    if !core.protected() || selector == 0 {
        return Err(core.protection());
    }
    core.privileged()?;
    let cut = |value: u64| if LONG { value } else { value & 0xffff_ffff };
    let (target, stack) = (cut(core.regs[2]), cut(core.regs[1]));
    if !Core::canonical(target) || !Core::canonical(stack) {
        return Err(core.protection());
    }
    let code = selector.wrapping_add(if LONG { 32 } else { 16 }) | 3;
    core.s.segments[State::CS] = fixed(code, 3, true, LONG);
    core.s.segments[State::SS] = fixed(code.wrapping_add(8), 3, false, false);
    core.rip = target;
    core.regs[4] = stack;
    core.segments_changed();
    core.look();
    Ok(())
}
