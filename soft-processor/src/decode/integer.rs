//! Which handler an integer instruction has.

use iced_x86::{Code, Mnemonic as M, OpKind, Register};

use super::{Form, sized};
use crate::control::{call, call_to, jump, jump_if, jump_to, loops, ret};
use crate::core::{Handler, STACK};
use crate::integer::{
    aad, aam, alu, ascii_adjust, bswap, carry, cmov, cmpxchg, cmpxchg8b, decimal_adjust, direction, divide, enter, flush, form, kind, lahf,
    lea, leave, mov, multiply, multiply_register, nothing, pop, pop_all, pop_memory, push, push_all, sahf, salc, setcc, sign_to_data,
    single, unary, widen, widen_accumulator, xadd, xchg, xlat,
};
use crate::shift::{self, bit_string, bits, double_shift, scan};
use crate::string::{self, cmps, ins, lods, movs, outs, scas, stos};

/// The handler for the form of the operands: both registers, source or destination in storage, source immediate.
macro_rules! formed {
    ($form:expr => $function:ident[$($before:expr),*]) => {{
        let form: &mut Form = $form;
        form.operands();
        let size = form.size(0);
        let immediate = !form.is_register(1) && !form.is_memory(1);
        match (form.is_memory(0), immediate, form.is_memory(1)) {
            (true, false, _) => sized!(size => $function[$($before),*; form::MR]),
            (true, true, _) => sized!(size => $function[$($before),*; form::MI]),
            (false, true, _) => sized!(size => $function[$($before),*; form::RI]),
            (false, false, true) => sized!(size => $function[$($before),*; form::RM]),
            _ => sized!(size => $function[$($before),*; form::RR]),
        }
    }};
}

/// The handler for one operand, register or storage.
macro_rules! one {
    ($form:expr => $function:ident[$($before:expr),*]) => {{
        let form: &mut Form = $form;
        form.operands();
        let size = form.size(0);
        if form.is_memory(0) {
            sized!(size => $function[$($before),*; form::MR])
        } else {
            sized!(size => $function[$($before),*; form::RR])
        }
    }};
}

/// The handler for a source, register or storage: its number goes to `from`.
macro_rules! from {
    ($form:expr, $operand:expr => $function:ident[$($before:expr),*]) => {{
        let form: &mut Form = $form;
        let size = form.size($operand);
        if form.is_memory($operand) {
            sized!(size => $function[$($before),*; form::RM])
        } else {
            form.op.from = form.register($operand);
            sized!(size => $function[$($before),*; form::RR])
        }
    }};
}

/// One of 16 by the condition of the instruction.
macro_rules! conditional {
    ($condition:expr, $constant:ident => $handler:expr) => {{
        macro_rules! case {
            ($number:literal) => {{
                const $constant: u8 = $number;
                $handler
            }};
        }
        match $condition {
            0 => case!(0),
            1 => case!(1),
            2 => case!(2),
            3 => case!(3),
            4 => case!(4),
            5 => case!(5),
            6 => case!(6),
            7 => case!(7),
            8 => case!(8),
            9 => case!(9),
            10 => case!(10),
            11 => case!(11),
            12 => case!(12),
            13 => case!(13),
            14 => case!(14),
            _ => case!(15),
        }
    }};
}

pub(crate) use conditional;

/// The handler, if it is an integer instruction for all privilege levels.
pub(crate) fn select(form: &mut Form) -> Option<Handler> {
    let long = form.mode.is_long();
    Some(match form.i.mnemonic() {
        M::Add => formed!(form => alu[kind::ADD]),
        M::Or => formed!(form => alu[kind::OR]),
        M::Adc => formed!(form => alu[kind::ADC]),
        M::Sbb => formed!(form => alu[kind::SBB]),
        M::And => formed!(form => alu[kind::AND]),
        M::Sub => formed!(form => alu[kind::SUB]),
        M::Xor => formed!(form => alu[kind::XOR]),
        M::Cmp => formed!(form => alu[kind::CMP]),
        M::Test => formed!(form => alu[kind::TEST]),
        M::Mov => {
            let special = |r: Register| r.is_segment_register() || r.is_cr() || r.is_dr() || r.is_tr();
            if special(form.i.op0_register()) || special(form.i.op1_register()) {
                return None;
            }
            formed!(form => mov[])
        }
        M::Movnti => formed!(form => mov[]),
        M::Movzx | M::Movsx | M::Movsxd => return widening(form),
        M::Lea => {
            form.operands();
            sized!(form.size(0) => lea[;])
        }
        M::Inc => one!(form => unary[single::INC]),
        M::Dec => one!(form => unary[single::DEC]),
        M::Neg => one!(form => unary[single::NEG]),
        M::Not => one!(form => unary[single::NOT]),
        M::Xchg => {
            form.operands();
            if form.is_memory(1) {
                form.op.from = form.op.to;
                let size = form.size(0);
                return Some(sized!(size => xchg[; form::MR]));
            }
            one!(form => xchg[])
        }
        M::Xadd => one!(form => xadd[]),
        M::Cmpxchg => one!(form => cmpxchg[]),
        M::Cmpxchg8b => cmpxchg8b,
        M::Bswap => {
            form.operands();
            sized!(form.size(0) => bswap[;])
        }
        M::Cbw => widen_accumulator::<2>,
        M::Cwde => widen_accumulator::<4>,
        M::Cdqe => widen_accumulator::<8>,
        M::Cwd => sign_to_data::<2>,
        M::Cdq => sign_to_data::<4>,
        M::Cqo => sign_to_data::<8>,
        M::Mul => from!(form, 0 => multiply[false]),
        M::Imul if form.i.op_count() == 1 => from!(form, 0 => multiply[true]),
        M::Imul => {
            form.operands();
            let (size, memory) = (form.size(0), form.is_memory(1));
            match (form.i.op_count() == 3, memory) {
                (false, false) => sized!(size => multiply_register[; form::RR, false]),
                (false, true) => sized!(size => multiply_register[; form::RM, false]),
                (true, false) => sized!(size => multiply_register[; form::RR, true]),
                (true, true) => sized!(size => multiply_register[; form::RM, true]),
            }
        }
        M::Div => from!(form, 0 => divide[false]),
        M::Idiv => from!(form, 0 => divide[true]),
        M::Push => return pushing(form),
        M::Pop => {
            if form.i.op0_register().is_segment_register() {
                return None;
            }
            form.operands();
            let size = form.stack_size();
            if form.is_memory(0) { sized!(size => pop_memory[;]) } else { sized!(size => pop[;]) }
        }
        M::Pusha => push_all::<2>,
        M::Pushad => push_all::<4>,
        M::Popa => pop_all::<2>,
        M::Popad => pop_all::<4>,
        M::Enter => {
            form.op.immediate = u64::from(form.i.immediate16()) | u64::from(form.i.immediate8_2nd()) << 16;
            let size = match form.i.code() {
                Code::Enterw_imm16_imm8 => 2,
                Code::Enterd_imm16_imm8 => 4,
                _ => 8,
            };
            form.op.segment = STACK;
            sized!(size => enter[;])
        }
        M::Leave => {
            let size = match form.i.code() {
                Code::Leavew => 2,
                Code::Leaved => 4,
                _ => 8,
            };
            sized!(size => leave[;])
        }
        M::Xlatb => {
            // Base and width as decoded; the index, AL, is the handler's.
            form.memory();
            xlat
        }
        M::Lahf if !long => lahf,
        M::Sahf if !long => sahf,
        M::Clc | M::Stc | M::Cmc => {
            form.op.immediate = match form.i.mnemonic() {
                M::Clc => 0,
                M::Stc => 1,
                _ => 2,
            };
            carry
        }
        M::Cld | M::Std => {
            form.op.immediate = u64::from(form.i.mnemonic() == M::Std);
            direction
        }
        M::Daa | M::Das => {
            form.op.immediate = u64::from(form.i.mnemonic() == M::Das);
            decimal_adjust
        }
        M::Aaa | M::Aas => {
            form.op.immediate = u64::from(form.i.mnemonic() == M::Aas);
            ascii_adjust
        }
        M::Aam | M::Aad => {
            form.op.immediate = form.immediate(0);
            if form.i.mnemonic() == M::Aam { aam } else { aad }
        }
        M::Salc => salc,
        M::Nop | M::Pause | M::Endbr32 | M::Endbr64 | M::Prefetchnta | M::Prefetcht0 | M::Prefetcht1 | M::Prefetcht2 | M::Reservednop => {
            nothing
        }
        M::Clflush => flush,
        M::Lfence | M::Mfence | M::Sfence => nothing,
        M::Shl | M::Sal => return shifting::<{ shift::kind::SHL }>(form),
        M::Shr => return shifting::<{ shift::kind::SHR }>(form),
        M::Sar => return shifting::<{ shift::kind::SAR }>(form),
        M::Rol => return shifting::<{ shift::kind::ROL }>(form),
        M::Ror => return shifting::<{ shift::kind::ROR }>(form),
        M::Rcl => return shifting::<{ shift::kind::RCL }>(form),
        M::Rcr => return shifting::<{ shift::kind::RCR }>(form),
        M::Shld => return double::<true>(form),
        M::Shrd => return double::<false>(form),
        M::Bt => return bit::<0>(form),
        M::Bts => return bit::<1>(form),
        M::Btr => return bit::<2>(form),
        M::Btc => return bit::<3>(form),
        M::Bsf | M::Tzcnt => {
            form.operands();
            from!(form, 1 => scan[false])
        }
        M::Bsr | M::Lzcnt => {
            form.operands();
            from!(form, 1 => scan[true])
        }
        M::Jmp | M::Call => return branching(form),
        M::Ret => {
            form.op.immediate = if form.i.op_count() > 0 { u64::from(form.i.immediate16()) } else { 0 };
            let size = match form.i.code() {
                Code::Retnw | Code::Retnw_imm16 => 2,
                Code::Retnd | Code::Retnd_imm16 => 4,
                _ => 8,
            };
            sized!(size => ret[;])
        }
        M::Loop => return looping::<0>(form),
        M::Loope => return looping::<1>(form),
        M::Loopne => return looping::<2>(form),
        M::Jcxz | M::Jecxz | M::Jrcxz => return looping::<3>(form),
        _ => return strings(form).or_else(|| conditions(form)),
    })
}

fn widening(form: &mut Form) -> Option<Handler> {
    form.operands();
    let (from, to, memory) = (form.size(1), form.size(0), form.is_memory(1));
    macro_rules! of {
        ($signed:expr) => {
            match (from, memory) {
                (1, false) => sized!(to => widen[$signed, 1; form::RR]),
                (1, true) => sized!(to => widen[$signed, 1; form::RM]),
                (2, false) => sized!(to => widen[$signed, 2; form::RR]),
                (2, true) => sized!(to => widen[$signed, 2; form::RM]),
                (_, false) => sized!(to => widen[$signed, 4; form::RR]),
                (_, true) => sized!(to => widen[$signed, 4; form::RM]),
            }
        };
    }
    Some(if form.i.mnemonic() == M::Movzx { of!(false) } else { of!(true) })
}

fn pushing(form: &mut Form) -> Option<Handler> {
    let size = form.stack_size();
    if form.is_memory(0) {
        return Some(sized!(size => push[; form::RM]));
    }
    if form.is_register(0) {
        if form.i.op0_register().is_segment_register() {
            return None;
        }
        form.op.from = form.register(0);
        return Some(sized!(size => push[; form::RR]));
    }
    form.op.immediate = form.immediate(0);
    Some(sized!(size => push[; form::RI]))
}

fn shifting<const K: u8>(form: &mut Form) -> Option<Handler> {
    form.operands();
    if form.is_register(1) {
        form.op.immediate = shift::BY_CL;
    }
    let shift = |form: &Form| {
        use shift::shift;
        if form.is_memory(0) { sized!(form.size(0) => shift[K; form::MR]) } else { sized!(form.size(0) => shift[K; form::RR]) }
    };
    Some(shift(form))
}

fn double<const LEFT: bool>(form: &mut Form) -> Option<Handler> {
    form.operands();
    if form.is_register(2) {
        form.op.immediate = shift::BY_CL;
    }
    let size = form.size(0);
    Some(if form.is_memory(0) { sized!(size => double_shift[LEFT; form::MR]) } else { sized!(size => double_shift[LEFT; form::RR]) })
}

fn bit<const K: u8>(form: &mut Form) -> Option<Handler> {
    form.operands();
    let size = form.size(0);
    Some(match (form.is_memory(0), form.is_register(1)) {
        (true, true) => sized!(size => bit_string[K;]),
        (true, false) => sized!(size => bits[K; form::MI]),
        (false, true) => sized!(size => bits[K; form::RR]),
        (false, false) => sized!(size => bits[K; form::RI]),
    })
}

fn near(form: &Form) -> Option<usize> {
    match form.i.op0_kind() {
        OpKind::NearBranch16 => Some(2),
        OpKind::NearBranch32 => Some(4),
        OpKind::NearBranch64 => Some(8),
        _ => None,
    }
}

/// Offset of the target from the start of the trace.
fn displacement(form: &mut Form) -> Option<usize> {
    let size = near(form)?;
    form.op.immediate = form.i.near_branch_target();
    Some(size)
}

fn branching(form: &mut Form) -> Option<Handler> {
    let calls = form.i.mnemonic() == M::Call;
    if let Some(size) = displacement(form) {
        return Some(if calls { sized!(size => call[;]) } else { sized!(size => jump[;]) });
    }
    if form.i.is_jmp_far_indirect() || form.i.is_call_far_indirect() || form.i.is_jmp_far() || form.i.is_call_far() {
        return None;
    }
    Some(if calls { from!(form, 0 => call_to[]) } else { from!(form, 0 => jump_to[]) })
}

fn looping<const K: u8>(form: &mut Form) -> Option<Handler> {
    use Code as C;
    let size = displacement(form)?;
    let width = match form.i.code() {
        C::Loop_rel8_16_CX
        | C::Loop_rel8_32_CX
        | C::Loope_rel8_16_CX
        | C::Loope_rel8_32_CX
        | C::Loopne_rel8_16_CX
        | C::Loopne_rel8_32_CX => 2,
        C::Jcxz_rel8_16 | C::Jcxz_rel8_32 => 2,
        C::Loop_rel8_16_ECX
        | C::Loop_rel8_32_ECX
        | C::Loop_rel8_64_ECX
        | C::Loope_rel8_16_ECX
        | C::Loope_rel8_32_ECX
        | C::Loope_rel8_64_ECX => 4,
        C::Loopne_rel8_16_ECX | C::Loopne_rel8_32_ECX | C::Loopne_rel8_64_ECX => 4,
        C::Jecxz_rel8_16 | C::Jecxz_rel8_32 | C::Jecxz_rel8_64 => 4,
        _ => 8,
    };
    form.op.shrink = Form::shrink(width);
    Some(sized!(size => loops[K;]))
}

fn strings(form: &mut Form) -> Option<Handler> {
    let i = form.i;
    let size = match i.mnemonic() {
        M::Movsb | M::Stosb | M::Lodsb | M::Scasb | M::Cmpsb | M::Insb | M::Outsb => 1,
        M::Movsw | M::Stosw | M::Lodsw | M::Scasw | M::Cmpsw | M::Insw | M::Outsw => 2,
        M::Stosd | M::Lodsd | M::Scasd | M::Insd | M::Outsd => 4,
        // The SSE instructions of these names have register operands.
        M::Movsd | M::Cmpsd if i.is_string_instruction() => 4,
        M::Movsq | M::Stosq | M::Lodsq | M::Scasq | M::Cmpsq => 8,
        _ => return None,
    };
    let width = (0..i.op_count()).find_map(|n| match i.op_kind(n) {
        OpKind::MemorySegSI | OpKind::MemoryESDI => Some(2),
        OpKind::MemorySegESI | OpKind::MemoryESEDI => Some(4),
        OpKind::MemorySegRSI | OpKind::MemoryESRDI => Some(8),
        _ => None,
    })?;
    form.op.shrink = Form::shrink(width);
    form.op.to = string::destination(form.mode);
    form.op.segment = form.segment(if i.segment_prefix() == Register::None { Register::DS } else { i.segment_prefix() }, false);
    form.op.from = match (i.has_rep_prefix(), i.has_repne_prefix()) {
        (true, _) => 1,
        (false, true) => 2,
        _ => 0,
    };
    Some(match i.mnemonic() {
        M::Movsb | M::Movsw | M::Movsd | M::Movsq => sized!(size => movs[;]),
        M::Stosb | M::Stosw | M::Stosd | M::Stosq => sized!(size => stos[;]),
        M::Lodsb | M::Lodsw | M::Lodsd | M::Lodsq => sized!(size => lods[;]),
        M::Scasb | M::Scasw | M::Scasd | M::Scasq => sized!(size => scas[;]),
        M::Cmpsb | M::Cmpsw | M::Cmpsd | M::Cmpsq => sized!(size => cmps[;]),
        M::Insb | M::Insw | M::Insd => sized!(size => ins[;]),
        _ => sized!(size => outs[;]),
    })
}

/// Jcc, SETcc and CMOVcc.
fn conditions(form: &mut Form) -> Option<Handler> {
    let condition = match form.i.condition_code() {
        iced_x86::ConditionCode::None => return None,
        condition => condition as u8 - 1,
    };
    if let Some(size) = displacement(form) {
        return Some(conditional!(condition, C => sized!(size => jump_if[C;])));
    }
    form.operands();
    if form.i.op_count() == 1 {
        return Some(if form.is_memory(0) {
            conditional!(condition, C => setcc::<C, { form::MR }> as Handler)
        } else {
            conditional!(condition, C => setcc::<C, { form::RR }> as Handler)
        });
    }
    let size = form.size(0);
    Some(if form.is_memory(1) {
        conditional!(condition, C => sized!(size => cmov[C; form::RM]))
    } else {
        conditional!(condition, C => sized!(size => cmov[C; form::RR]))
    })
}
