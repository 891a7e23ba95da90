//! Interrupts and exceptions on their way in, through the interrupt table of each mode. A delivery happens whole or raises another exception.

use crate::core::{CR0_PE, Core, Env, Op, Raised, Step, vector};
use crate::flags::bit;
use crate::segment::null_stack;
use crate::state::{Segment, State};
use crate::task::By;

/// Where an interruption comes from.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Origin {
    External,
    /// A fault: the instruction will be executed again.
    Fault,
    /// A trap: the instruction is done.
    Trap,
    /// INT n, INT3, INTO: the gate must permit it.
    Software,
}

/// A stack that is being written to before anything is committed.
pub(crate) struct Frame {
    pub(crate) stack: Segment,
    pub(crate) pointer: u64,
    mask: u64,
    user: bool,
}

impl Frame {
    pub(crate) fn push(&mut self, core: &mut Core, env: &mut Env, op: &Op, value: u64, size: usize) -> Step {
        self.pointer = self.pointer & !self.mask | self.pointer.wrapping_sub(size as u64) & self.mask;
        let offset = self.pointer & self.mask;
        let s = &self.stack;
        let last = offset.wrapping_add(size as u64 - 1);
        let inside = if self.mask == u64::MAX {
            true
        } else if s.attributes & 0x1c == 0x14 {
            offset > u64::from(s.limit)
        } else {
            last <= u64::from(s.limit)
        };
        if !inside {
            return Err(core.raise_with(vector::SS, 0));
        }
        let address = if self.mask == u64::MAX { offset } else { s.base.wrapping_add(offset) & 0xffff_ffff };
        core.write_slowly(env, &Op { segment: crate::core::STACK, ..*op }, address, size, value, self.user)
    }
}

/// The gate an interruption goes through.
struct Gate {
    selector: u16,
    offset: u64,
    /// Bytes of each pushed value.
    size: usize,
    /// It names a task.
    is_task: bool,
    keeps_interrupts: bool,
    stack_table: u8,
}

impl Core {
    /// Delivers an interruption. The instruction address and flags are those to return to.
    pub(crate) fn deliver(&mut self, env: &mut Env, op: &Op, number: u8, error: Option<u32>, origin: Origin) -> Step {
        let mut flags = self.rflags();
        if origin == Origin::Fault {
            flags |= bit::RF;
        }
        if self.s.cr0 & CR0_PE == 0 {
            return self.deliver_real(env, op, number, flags);
        }
        let external = u32::from(origin != Origin::Software);
        let gate = self.gate(env, op, number, origin, external)?;
        if gate.is_task {
            let switched = self.switch_task(env, op, gate.selector, By::Interrupt(error), self.rip, flags);
            if switched.is_err()
                && let Some(code) = &mut self.exception.error
                && self.exception.vector != vector::PF
            {
                *code |= external;
            }
            return switched;
        }
        self.enter_gate(env, op, &gate, error, flags, external)?;
        self.modes &= !(bit::TF | bit::NT | bit::RF | bit::VM);
        if !gate.keeps_interrupts {
            self.modes &= !bit::IF;
        }
        self.look();
        Ok(())
    }

    fn deliver_real(&mut self, env: &mut Env, op: &Op, number: u8, flags: u64) -> Step {
        if u32::from(number) * 4 + 3 > u32::from(self.s.idtr.limit) {
            return Err(self.raise_with(vector::GP, u32::from(number) * 8 + 2));
        }
        let target = self.read_system::<4>(env, op, self.s.idtr.base + u64::from(number) * 4)?;
        let stack = self.s.segments[State::SS];
        let mut frame = Frame { stack, pointer: self.regs[4], mask: self.stack_mask(), user: false };
        frame.push(self, env, op, flags, 2)?;
        frame.push(self, env, op, u64::from(self.s.segments[State::CS].selector), 2)?;
        frame.push(self, env, op, self.rip, 2)?;
        self.regs[4] = frame.pointer;
        let code = &mut self.s.segments[State::CS];
        (code.selector, code.base) = ((target >> 16) as u16, target >> 16 << 4);
        self.rip = target & 0xffff;
        self.modes &= !(bit::IF | bit::TF | bit::AC | bit::RF);
        self.segments_changed();
        self.look();
        Ok(())
    }

    fn gate(&mut self, env: &mut Env, op: &Op, number: u8, origin: Origin, external: u32) -> Result<Gate, Raised> {
        let long = self.long_active();
        let width = if long { 16 } else { 8 };
        let error = u32::from(number) * 8 + 2 + external;
        if u32::from(number) * width + width - 1 > u32::from(self.s.idtr.limit) {
            return Err(self.raise_with(vector::GP, error));
        }
        let at = self.s.idtr.base.wrapping_add(u64::from(number) * u64::from(width));
        let raw = self.read_system::<8>(env, op, at)?;
        let high = if long { self.read_system::<8>(env, op, at.wrapping_add(8))? } else { 0 };
        let kind = (raw >> 40) as u8 & 31;
        let known = if long { matches!(kind, 14 | 15) } else { matches!(kind, 5 | 6 | 7 | 14 | 15) };
        let permitted = origin != Origin::Software || (raw >> 45) as u8 & 3 >= self.cpl();
        if !known || !permitted {
            return Err(self.raise_with(vector::GP, error));
        }
        if raw >> 47 & 1 == 0 {
            return Err(self.raise_with(vector::NP, error));
        }
        let is_task = kind == 5;
        let narrow = kind & 8 == 0;
        let offset = raw & 0xffff | if narrow { 0 } else { raw >> 32 & 0xffff_0000 } | (high & 0xffff_ffff) << 32;
        Ok(Gate {
            selector: (raw >> 16) as u16,
            offset,
            size: if long {
                8
            } else if narrow {
                2
            } else {
                4
            },
            is_task,
            keeps_interrupts: kind & 1 != 0,
            stack_table: if long { (raw >> 32) as u8 & 7 } else { 0 },
        })
    }

    fn enter_gate(&mut self, env: &mut Env, op: &Op, gate: &Gate, error: Option<u32>, flags: u64, external: u32) -> Step {
        let wrong = u32::from(gate.selector & !3) | external;
        if gate.selector & !3 == 0 {
            return Err(self.raise_with(vector::GP, external));
        }
        let mut descriptor = self.descriptor(env, op, gate.selector, vector::GP)?;
        let long = self.long_active();
        let cpl = self.cpl();
        if !descriptor.is_code() || descriptor.dpl() > cpl || long && !descriptor.is_long() {
            return Err(self.raise_with(vector::GP, wrong));
        }
        if !descriptor.present() {
            return Err(self.raise_with(vector::NP, wrong));
        }
        let level = if descriptor.conforming() { cpl } else { descriptor.dpl() };
        if self.is_virtual() && level != 0 {
            return Err(self.raise_with(vector::GP, wrong));
        }
        let mut frame = self.interrupt_stack(env, op, gate, level)?;
        let size = gate.size;
        if self.is_virtual() {
            for register in [State::GS, State::FS, State::DS, State::ES] {
                frame.push(self, env, op, u64::from(self.s.segments[register].selector), size)?;
            }
        }
        if long || level != cpl {
            frame.push(self, env, op, u64::from(self.s.segments[State::SS].selector), size)?;
            frame.push(self, env, op, self.regs[4], size)?;
        }
        frame.push(self, env, op, flags, size)?;
        frame.push(self, env, op, u64::from(self.s.segments[State::CS].selector), size)?;
        frame.push(self, env, op, self.rip, size)?;
        if let Some(error) = error {
            frame.push(self, env, op, u64::from(error), size)?;
        }
        self.accessed(env, op, &mut descriptor)?;
        let code = descriptor.segment(gate.selector & !3 | u16::from(level));
        let inside = if long { Self::canonical(gate.offset) } else { gate.offset <= u64::from(code.limit) };
        if !inside {
            return Err(self.raise_with(vector::GP, external));
        }
        if self.is_virtual() {
            for register in [State::GS, State::FS, State::DS, State::ES] {
                self.s.segments[register] = Segment::default();
            }
            self.modes &= !bit::VM;
        }
        self.s.segments[State::SS] = frame.stack;
        self.regs[4] = frame.pointer;
        self.s.segments[State::CS] = code;
        self.rip = gate.offset;
        self.segments_changed();
        Ok(())
    }

    /// The stack on which an interruption to privilege level `level` is stored.
    fn interrupt_stack(&mut self, env: &mut Env, op: &Op, gate: &Gate, level: u8) -> Result<Frame, Raised> {
        let (stack, cpl) = (self.s.segments[State::SS], self.cpl());
        let user = level == 3;
        if self.long_active() {
            if level == cpl && gate.stack_table == 0 {
                return Ok(Frame { stack, pointer: self.regs[4] & !15, mask: u64::MAX, user });
            }
            let at = if gate.stack_table > 0 { 36 + 8 * (u64::from(gate.stack_table) - 1) } else { 4 + 8 * u64::from(level) };
            let frame = self.task_stack_long(env, op, at, level)?;
            let stack = if level == cpl { stack } else { frame.stack };
            return Ok(Frame { stack, pointer: frame.pointer & !15, ..frame });
        }
        if level == cpl {
            return Ok(Frame { stack, pointer: self.regs[4], mask: self.stack_mask(), user });
        }
        self.task_stack(env, op, level)
    }

    /// The stack as it is.
    pub(crate) fn own_stack(&self) -> Frame {
        let mask = if self.long_active() { u64::MAX } else { self.stack_mask() };
        Frame { stack: self.s.segments[State::SS], pointer: self.regs[4], mask, user: self.is_user() }
    }

    /// The stack at an offset of the task state segment of long mode.
    fn task_stack_long(&mut self, env: &mut Env, op: &Op, at: u64, level: u8) -> Result<Frame, Raised> {
        if at + 7 > u64::from(self.s.tr.limit) {
            return Err(self.raise_with(vector::TS, u32::from(self.s.tr.selector & !3)));
        }
        let pointer = self.read_system::<8>(env, op, self.s.tr.base.wrapping_add(at))?;
        if !Self::canonical(pointer) {
            return Err(self.raise_with(vector::SS, 0));
        }
        Ok(Frame { stack: null_stack(level), pointer, mask: u64::MAX, user: level == 3 })
    }

    /// The stack that the task state segment has for a privilege level.
    pub(crate) fn task_stack(&mut self, env: &mut Env, op: &Op, level: u8) -> Result<Frame, Raised> {
        if self.long_active() {
            return self.task_stack_long(env, op, 4 + 8 * u64::from(level), level);
        }
        let wide = self.s.tr.attributes & 8 != 0;
        let (at, length) = if wide { (4 + 8 * u64::from(level), 5) } else { (2 + 4 * u64::from(level), 3) };
        if at + length > u64::from(self.s.tr.limit) {
            return Err(self.raise_with(vector::TS, u32::from(self.s.tr.selector & !3)));
        }
        let base = self.s.tr.base.wrapping_add(at);
        let (pointer, selector) = if wide {
            (self.read_system::<4>(env, op, base)?, self.read_system::<2>(env, op, base + 4)?)
        } else {
            (self.read_system::<2>(env, op, base)?, self.read_system::<2>(env, op, base + 2)?)
        };
        let stack = self.stack_segment(env, op, selector as u16, level, vector::TS)?;
        let mask = if stack.attributes & 1 << 14 != 0 { 0xffff_ffff } else { 0xffff };
        Ok(Frame { stack, pointer, mask, user: level == 3 })
    }
}
