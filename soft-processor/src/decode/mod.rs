//! From instructions as iced-x86 decodes them to [`Op`]s: a handler for the form, and its operands.

mod fast;
mod integer;
mod sse;
mod system;
mod x87;

use iced_x86::{Instruction, Mnemonic, OpKind, Register};

use crate::core::{Core, Env, FLAT, HERE, HIGH, Handler, LONG_FS, Mode, Op, STACK, Step, ZERO};
use crate::state::State;

/// Names the handler for a size: `sized!(size => function[A; B])` puts the size, a constant, where the question mark is.
macro_rules! sized {
    ($size:expr => $function:ident[$($before:expr),*; $($after:expr),*]) => {
        match $size {
            1 => $function::<$({ $before },)* 1 $(, { $after })*> as $crate::core::Handler,
            2 => $function::<$({ $before },)* 2 $(, { $after })*>,
            4 => $function::<$({ $before },)* 4 $(, { $after })*>,
            _ => $function::<$({ $before },)* 8 $(, { $after })*>,
        }
    };
}
pub(crate) use fast::{Way, choose};
pub(crate) use sized;

/// An instruction on its way to an [`Op`].
pub(crate) struct Form<'a> {
    pub(crate) i: &'a Instruction,
    pub(crate) mode: Mode,
    pub(crate) op: Op,
}

fn undefined(core: &mut Core, _: &mut Env, _: &Op) -> Step {
    Err(core.undefined())
}

fn beyond_fifteen_bytes(core: &mut Core, _: &mut Env, _: &Op) -> Step {
    Err(core.protection())
}

pub(crate) fn empty(run: Handler) -> Op {
    Op {
        run,
        fast: crate::fast::exactly,
        immediate: 0,
        displacement: 0,
        start: 0,
        end: 0,
        to: 0,
        from: 0,
        base: ZERO,
        index: ZERO,
        scale: 0,
        shrink: 0,
        segment: FLAT,
        place: 0,
    }
}

/// What more than 15 bytes of prefixes and code are: #GP(0).
pub(crate) fn too_long() -> Op {
    empty(beyond_fifteen_bytes)
}

/// The operation of an instruction, its fast way, and whether it ends its trace.
pub(crate) fn compile(instruction: &Instruction, mode: Mode) -> (Op, Way, bool) {
    let mut form = Form { i: instruction, mode, op: empty(undefined) };
    if instruction.is_invalid() {
        return (form.op, Way::EXACT, true);
    }
    if (0..instruction.op_count()).any(|n| instruction.op_kind(n) == OpKind::Memory) {
        form.memory();
    }
    let handler = integer::select(&mut form)
        .or_else(|| system::select(&mut form))
        .or_else(|| sse::select(&mut form))
        .or_else(|| x87::select(&mut form));
    match handler {
        Some(run) => (Op { run, ..form.op }, fast::select(&form).unwrap_or(Way::EXACT), ends(instruction)),
        None => (empty(undefined), Way::EXACT, true),
    }
}

/// Whether an instruction is the last of its trace.
fn ends(i: &Instruction) -> bool {
    use Mnemonic as M;
    // The clock may be where something is due after each iteration of a repetition. A conditional branch that is not taken goes on in its trace.
    i.is_string_instruction() && (i.has_rep_prefix() || i.has_repne_prefix())
        || !matches!(i.flow_control(), iced_x86::FlowControl::Next | iced_x86::FlowControl::ConditionalBranch)
        || matches!(
            i.mnemonic(),
            M::Cli
                | M::Hlt
                | M::Sti
                | M::Popf
                | M::Popfd
                | M::Popfq
                | M::Lmsw
                | M::Clts
                | M::Wrmsr
                | M::Swapgs
                | M::Invlpg
                | M::Lds
                | M::Les
                | M::Lss
                | M::Lfs
                | M::Lgs
                | M::Out
                | M::Wait
        )
        || i.mnemonic() == M::Mov
            && (i.op1_register().is_cr()
                || (i.op0_register().is_cr() || i.op0_register().is_segment_register() || i.op0_register().is_dr()))
        || i.mnemonic() == M::Pop && i.op0_register().is_segment_register()
}

impl Form<'_> {
    pub(crate) fn is_memory(&self, operand: u32) -> bool {
        self.i.op_kind(operand) == OpKind::Memory
    }

    pub(crate) fn is_register(&self, operand: u32) -> bool {
        self.i.op_kind(operand) == OpKind::Register
    }

    /// Bytes of an operand that is a register or in storage.
    pub(crate) fn size(&self, operand: u32) -> usize {
        if self.is_register(operand) { self.i.op_register(operand).size() } else { self.i.memory_size().size() }
    }

    pub(crate) fn register(&self, operand: u32) -> u8 {
        number(self.i.op_register(operand))
    }

    /// The immediate, sign-extended as the operation wants it.
    pub(crate) fn immediate(&self, operand: u32) -> u64 {
        self.i.try_immediate(operand).unwrap_or(0)
    }

    /// Bytes of pushed and popped values, of branch targets.
    pub(crate) fn stack_size(&self) -> usize {
        self.i.stack_pointer_increment().unsigned_abs() as usize
    }

    /// Bits that addresses lose, from their width.
    pub(crate) fn shrink(bytes: usize) -> u8 {
        match bytes {
            2 => 48,
            4 => 32,
            _ => 0,
        }
    }

    /// Segment code of a register: no check where there is nothing to check.
    pub(crate) fn segment(&self, register: Register, stack: bool) -> u8 {
        let segment = register.number() as u8;
        if self.mode.is_long() {
            return match segment as usize {
                State::FS => LONG_FS,
                State::GS => LONG_FS + 1,
                _ if stack => STACK,
                _ => FLAT,
            };
        }
        match segment as usize {
            State::ES | State::DS if self.mode.is_flat() => FLAT,
            State::SS if self.mode.is_flat() => STACK,
            _ => segment,
        }
    }

    /// Fills in the memory operand.
    pub(crate) fn memory(&mut self) {
        let i = self.i;
        let (base, index) = (i.memory_base(), i.memory_index());
        self.op.displacement = i.memory_displacement64();
        let width = if base == Register::None && index == Register::None {
            i.memory_displ_size() as usize
        } else if base != Register::None {
            base.size()
        } else {
            index.size()
        };
        self.op.shrink = Self::shrink(width);
        if i.is_ip_rel_memory_operand() {
            // The decoder's instruction address is the offset in the trace.
            self.op.base = HERE;
        } else if base != Register::None {
            self.op.base = number(base);
        }
        if index != Register::None {
            self.op.index = number(index);
            self.op.scale = i.memory_index_scale().trailing_zeros() as u8;
        }
        let stack = matches!(base.full_register(), Register::RSP | Register::RBP);
        self.op.segment = self.segment(i.memory_segment(), stack);
    }

    /// Puts register operands in their places: the first is `to`, the second `from`, if they are registers; the immediate, if there is one.
    pub(crate) fn operands(&mut self) {
        if self.i.op_count() > 0 && self.is_register(0) {
            self.op.to = self.register(0);
        }
        if self.i.op_count() > 1 && self.is_register(1) {
            self.op.from = self.register(1);
        }
        for operand in 1..self.i.op_count().min(3) {
            if let Ok(immediate) = self.i.try_immediate(operand) {
                self.op.immediate = immediate;
            }
        }
    }
}

/// Number of a register, as [`Core::get`] takes it.
pub(crate) fn number(register: Register) -> u8 {
    if matches!(register, Register::AH | Register::CH | Register::DH | Register::BH) {
        return HIGH + register.full_register().number() as u8;
    }
    if register.is_gpr() { register.full_register().number() as u8 } else { register.number() as u8 }
}
