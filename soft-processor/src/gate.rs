//! What a far call or jump may name besides code: call gates, which lead to the code they name, on the stack of that code's privilege level, task gates, and task
//! state segments.

use crate::core::{Core, Env, Op, Raised, Step, vector};
use crate::state::State;

/// What a far call or jump goes to.
pub(crate) enum Target {
    Code,
    Gate(CallGate),
    /// Selector of a task state segment.
    Task(u16),
}

/// Where a call gate leads.
pub(crate) struct CallGate {
    pub(crate) selector: u16,
    pub(crate) offset: u64,
    /// Bytes of each value on the stack: 2, 4 or 8.
    size: usize,
    /// Values to copy to the inner stack.
    parameters: u64,
}

impl Core {
    /// What a selector names and may use. Other system segments are #GP with the selector.
    pub(crate) fn far_target(&mut self, env: &mut Env, op: &Op, selector: u16) -> Result<Target, Raised> {
        let error = u32::from(selector & !3);
        if error == 0 {
            return Err(self.protection());
        }
        let descriptor = self.descriptor(env, op, selector, vector::GP)?;
        if descriptor.raw >> 44 & 1 != 0 {
            return Ok(Target::Code);
        }
        let long = self.long_active();
        let wide = descriptor.system_type() == 12;
        let task = matches!(descriptor.system_type(), 1 | 5 | 9) && !long;
        let known = wide || task || descriptor.system_type() == 4 && !long;
        let level = self.cpl().max(selector as u8 & 3);
        if !known || level > descriptor.dpl() {
            return Err(self.raise_with(vector::GP, error));
        }
        if !descriptor.present() {
            return Err(self.raise_with(vector::NP, error));
        }
        if task {
            let names = if descriptor.system_type() == 5 { (descriptor.raw >> 16) as u16 } else { selector };
            return Ok(Target::Task(names));
        }
        // In long mode a gate has 16 bytes, and the type of the upper half is zero.
        let high = if long { self.upper_half(env, op, selector)? } else { 0 };
        if high >> 40 & 31 != 0 {
            return Err(self.raise_with(vector::GP, error));
        }
        let raw = descriptor.raw;
        Ok(Target::Gate(CallGate {
            selector: (raw >> 16) as u16,
            offset: raw & 0xffff | if wide { raw >> 32 & 0xffff_0000 } else { 0 } | (high & 0xffff_ffff) << 32,
            size: if long {
                8
            } else if wide {
                4
            } else {
                2
            },
            parameters: if long { 0 } else { raw >> 32 & 31 },
        }))
    }

    /// CALL through a gate: to code of this level as a far call, to more privileged code with its stack.
    pub(crate) fn call_through(&mut self, env: &mut Env, op: &Op, gate: &CallGate) -> Step {
        let error = u32::from(gate.selector & !3);
        if error == 0 {
            return Err(self.protection());
        }
        let mut descriptor = self.descriptor(env, op, gate.selector, vector::GP)?;
        let cpl = self.cpl();
        if !descriptor.is_code() || descriptor.dpl() > cpl || self.long_active() && !descriptor.is_long() {
            return Err(self.raise_with(vector::GP, error));
        }
        if !descriptor.present() {
            return Err(self.raise_with(vector::NP, error));
        }
        let level = if descriptor.conforming() { cpl } else { descriptor.dpl() };
        let (next, code) = (self.next(op), u64::from(self.s.segments[State::CS].selector));
        let size = gate.size;
        let mut frame = if level == cpl { self.own_stack() } else { self.task_stack(env, op, level)? };
        if level < cpl {
            let mut parameters = [0; 31];
            for (number, parameter) in parameters.iter_mut().enumerate().take(gate.parameters as usize) {
                *parameter = self.peek_sized(env, op, (number * size) as u64, size as u64)?;
            }
            frame.push(self, env, op, u64::from(self.s.segments[State::SS].selector), size)?;
            frame.push(self, env, op, self.regs[4], size)?;
            for &parameter in parameters[..gate.parameters as usize].iter().rev() {
                frame.push(self, env, op, parameter, size)?;
            }
        }
        frame.push(self, env, op, code, size)?;
        frame.push(self, env, op, next, size)?;
        self.accessed(env, op, &mut descriptor)?;
        self.enter_code(descriptor.segment(gate.selector & !3 | u16::from(level)), gate.offset)?;
        self.s.segments[State::SS] = frame.stack;
        self.regs[4] = frame.pointer;
        self.segments_changed();
        Ok(())
    }
}
