//! Task switches by the processor: a far jump or call to a task state segment or a task gate, an interruption through a task gate, and the way back by
//! IRET. Outside long mode only. Systems use them where an exception must have a stack of its own.

use crate::core::{CR0_PG, CR0_TS, Core, Env, HERE, Op, Raised, Step, vector};
use crate::flags::bit;
use crate::segment::{Descriptor, paragraph};
use crate::state::{Segment, State};

/// What makes the switch.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum By {
    Jump,
    /// The new task can return.
    Call,
    /// As a call, and with an error code for the new stack.
    Interrupt(Option<u32>),
    Return,
}

/// DR6: the task has the trap bit.
const TASK_SWITCHED: u64 = 1 << 15;
/// DR7: what is enabled for a task only.
const LOCAL: u64 = 0x155;

/// Where things are in a task state segment of either width.
struct Layout {
    /// Bytes of a register.
    size: usize,
    rip: u64,
    segments: u64,
    /// Segment registers that it has: four or six.
    count: usize,
    ldtr: u64,
    /// Highest offset that must be there.
    limit: u32,
}

const WIDE: Layout = Layout { size: 4, rip: 0x20, segments: 0x48, count: 6, ldtr: 0x60, limit: 0x67 };
const NARROW: Layout = Layout { size: 2, rip: 0x0e, segments: 0x22, count: 4, ldtr: 0x2a, limit: 0x2b };

fn layout(wide: bool) -> &'static Layout {
    if wide { &WIDE } else { &NARROW }
}

/// Registers of a task as they lie in its segment.
struct Task {
    general: [u64; 8],
    rip: u64,
    flags: u64,
    selectors: [u16; 6],
    ldtr: u16,
    cr3: Option<u64>,
    traps: bool,
}

impl Core {
    fn read_task(&mut self, env: &mut Env, op: &Op, at: u64, wide: bool) -> Result<Task, Raised> {
        let layout = layout(wide);
        let size = layout.size as u64;
        let mut word = |core: &mut Self, offset: u64, size: usize| core.read_slowly(env, op, at.wrapping_add(offset), size, false);
        let mut task = Task {
            general: [0; 8],
            rip: word(self, layout.rip, layout.size)?,
            flags: word(self, layout.rip + size, layout.size)?,
            selectors: [0; 6],
            ldtr: word(self, layout.ldtr, 2)? as u16,
            cr3: if wide { Some(word(self, 0x1c, 4)?) } else { None },
            traps: wide && word(self, 0x64, 2)? & 1 != 0,
        };
        for (number, register) in task.general.iter_mut().enumerate() {
            *register = word(self, layout.rip + size * (2 + number as u64), layout.size)?;
        }
        for (number, selector) in task.selectors.iter_mut().enumerate().take(layout.count) {
            *selector = word(self, layout.segments + size * number as u64, 2)? as u16;
        }
        Ok(task)
    }

    /// Stores the registers of the running task in its segment.
    fn save_task(&mut self, env: &mut Env, op: &Op, rip: u64, flags: u64) -> Step {
        let (at, layout) = (self.s.tr.base, layout(self.s.tr.attributes & 8 != 0));
        let size = layout.size as u64;
        let general: [u64; 8] = std::array::from_fn(|number| self.regs[number]);
        let mut word =
            |core: &mut Self, offset: u64, value: u64| core.write_slowly(env, op, at.wrapping_add(offset), layout.size, value, false);
        word(self, layout.rip, rip)?;
        word(self, layout.rip + size, flags)?;
        for (number, &register) in general.iter().enumerate() {
            word(self, layout.rip + size * (2 + number as u64), register)?;
        }
        for number in 0..layout.count {
            word(self, layout.segments + size * number as u64, u64::from(self.s.segments[number].selector))?;
        }
        Ok(())
    }

    /// The descriptor of a task to switch to; `busy` when it must be one that called, and with what to refuse it.
    fn task_descriptor(&mut self, env: &mut Env, op: &Op, selector: u16, busy: bool, wrong: u8) -> Result<Descriptor, Raised> {
        let error = u32::from(selector & !3);
        if selector & 4 != 0 || error == 0 {
            return Err(self.raise_with(wrong, error));
        }
        let descriptor = self.descriptor(env, op, selector, wrong)?;
        let kinds: [u8; 2] = if busy { [3, 11] } else { [1, 9] };
        if !kinds.contains(&descriptor.system_type()) {
            return Err(self.raise_with(wrong, error));
        }
        if !descriptor.present() {
            return Err(self.raise_with(vector::NP, error));
        }
        let segment = descriptor.segment(selector);
        if segment.limit < layout(segment.attributes & 8 != 0).limit {
            return Err(self.raise_with(vector::TS, error));
        }
        Ok(descriptor)
    }

    /// Goes to another task. `rip` and `flags` are those with which this one will go on.
    pub(crate) fn switch_task(&mut self, env: &mut Env, op: &Op, selector: u16, by: By, rip: u64, flags: u64) -> Step {
        let returns = by == By::Return;
        let mut descriptor = self.task_descriptor(env, op, selector, returns, if returns { vector::TS } else { vector::GP })?;
        let mut segment = descriptor.segment(selector);
        let wide = segment.attributes & 8 != 0;
        let mut task = self.read_task(env, op, segment.base, wide)?;
        self.save_task(env, op, rip, if returns { flags & !bit::NT } else { flags })?;
        let old = self.s.tr.selector;
        match by {
            By::Jump | By::Return => {
                let mut left = self.descriptor(env, op, old, vector::TS)?;
                self.set_busy(env, op, &mut left, false)?;
            }
            By::Call | By::Interrupt(_) => {
                self.write_slowly(env, op, segment.base, 2, u64::from(old), false)?;
                task.flags |= bit::NT;
            }
        }
        if !returns {
            self.set_busy(env, op, &mut descriptor, true)?;
        }
        segment.attributes |= 2;
        self.s.tr = segment;
        self.load_task(env, op, &task)?;
        if let By::Interrupt(Some(error)) = by {
            let size = layout(wide).size;
            let mut frame = self.own_stack();
            frame.push(self, env, op, u64::from(error), size)?;
            self.regs[4] = frame.pointer;
        }
        if task.traps {
            self.points.pending |= TASK_SWITCHED;
        }
        Ok(())
    }

    /// Takes over the registers of a task. What is wrong with them is an exception of the new task.
    fn load_task(&mut self, env: &mut Env, op: &Op, task: &Task) -> Step {
        self.s.cr0 |= CR0_TS;
        self.s.debug[7] &= !LOCAL;
        if let Some(cr3) = task.cr3.filter(|_| self.s.cr0 & CR0_PG != 0) {
            self.s.cr3 = cr3;
        }
        self.debug_registers_changed();
        self.forget_translations(env);
        self.regs[..8].copy_from_slice(&task.general);
        self.set_rflags(task.flags);
        self.rip = task.rip;
        self.look();
        // The instruction is now the first of the new task.
        self.regs[HERE as usize] = task.rip.wrapping_sub(u64::from(op.start));
        self.s.ldtr = Segment { selector: task.ldtr, ..Segment::default() };
        for (segment, &selector) in self.s.segments.iter_mut().zip(&task.selectors) {
            *segment = if task.flags & bit::VM != 0 { paragraph(selector) } else { Segment { selector, ..Segment::default() } };
        }
        self.segments_changed();
        let loaded = self.load_task_segments(env, op, task);
        if loaded.is_err() && self.exception.vector == vector::GP {
            self.exception.vector = vector::TS;
        }
        loaded?;
        if self.rip > u64::from(self.s.segments[State::CS].limit) {
            return Err(self.protection());
        }
        Ok(())
    }

    fn load_task_segments(&mut self, env: &mut Env, op: &Op, task: &Task) -> Step {
        self.load_ldtr(env, op, task.ldtr)?;
        if self.is_virtual() {
            return Ok(());
        }
        let selector = task.selectors[State::CS];
        let (level, error) = (selector as u8 & 3, u32::from(selector & !3));
        if error == 0 {
            return Err(self.raise_with(vector::TS, 0));
        }
        let mut code = self.descriptor(env, op, selector, vector::TS)?;
        let fits = if code.conforming() { code.dpl() <= level } else { code.dpl() == level };
        if !code.is_code() || !fits {
            return Err(self.raise_with(vector::TS, error));
        }
        if !code.present() {
            return Err(self.raise_with(vector::NP, error));
        }
        let stack = self.stack_segment(env, op, task.selectors[State::SS], level, vector::TS)?;
        self.accessed(env, op, &mut code)?;
        self.s.segments[State::CS] = code.segment(selector);
        self.s.segments[State::SS] = stack;
        self.segments_changed();
        for register in [State::ES, State::DS, State::FS, State::GS] {
            self.load_segment(env, op, register, task.selectors[register])?;
        }
        Ok(())
    }

    /// IRET with NT: back to the task that called.
    pub(crate) fn return_to_task(&mut self, env: &mut Env, op: &Op) -> Step {
        if self.long_active() {
            return Err(self.protection());
        }
        let link = self.read_system::<2>(env, op, self.s.tr.base)? as u16;
        self.switch_task(env, op, link, By::Return, self.next(op), self.rflags())
    }
}
