//! Which handler an SSE or SSE2 instruction has. Those that use MMX registers are not offered.

use iced_x86::{Mnemonic as M, OpKind};

use super::Form;
use crate::core::Handler;
use crate::fxsave::{fxrstor, fxsave};
use crate::integer::form;
use crate::sse::{
    FLOATS, cross_half, extract_word, float, from_general, from_integer, insert_word, ldmxcsr, masked_store, move_half, move_low,
    move_wide, order, packed, packed_number, signs, stmxcsr, to_general, to_integer,
};

/// The handler for source in register or storage.
macro_rules! source {
    ($form:expr => $function:ident[$($before:expr),*; $($after:expr),*]) => {
        if $form.is_memory(1) {
            $function::<$({ $before },)* { form::RM } $(, { $after })*> as Handler
        } else {
            $function::<$({ $before },)* { form::RR } $(, { $after })*>
        }
    };
}

/// The handler for a move in either direction.
macro_rules! either {
    ($form:expr => $function:ident[$($before:expr),*; $($after:expr),*]) => {
        if $form.is_memory(0) { $function::<$({ $before },)* { form::MR } $(, { $after })*> as Handler } else { source!($form => $function[$($before),*; $($after),*]) }
    };
}

/// The handler, if it is one of SSE or SSE2.
pub(crate) fn select(form: &mut Form) -> Option<Handler> {
    let i = form.i;
    let registers = (0..i.op_count()).filter(|&n| i.op_kind(n) == OpKind::Register).map(|n| i.op_register(n));
    if registers.clone().any(|register| register.is_mm()) {
        return None;
    }
    let vectors = registers.clone().any(|register| register.is_xmm());
    form.operands();
    let general = |n| form.i.op_register(n).is_gpr();
    Some(match i.mnemonic() {
        M::Fxsave | M::Fxsave64 => fxsave,
        M::Fxrstor | M::Fxrstor64 => fxrstor,
        M::Ldmxcsr => ldmxcsr,
        M::Stmxcsr => stmxcsr,
        M::Cvtss2si | M::Cvttss2si | M::Cvtsd2si | M::Cvttsd2si => return as_integer(form),
        _ if !vectors => return None,
        M::Movaps | M::Movapd | M::Movdqa | M::Movntps | M::Movntpd | M::Movntdq => either!(form => move_wide[true;]),
        M::Movups | M::Movupd | M::Movdqu => either!(form => move_wide[false;]),
        M::Movss => either!(form => move_low[4; false]),
        M::Movsd => either!(form => move_low[8; false]),
        M::Movd if general(1) => from_general::<4>,
        M::Movd if general(0) => to_general::<4>,
        M::Movd => either!(form => move_low[4; true]),
        M::Movq if general(1) => from_general::<8>,
        M::Movq if general(0) => to_general::<8>,
        M::Movq => either!(form => move_low[8; true]),
        M::Movlps | M::Movlpd => either!(form => move_half[false;]),
        M::Movhps | M::Movhpd => either!(form => move_half[true;]),
        M::Movhlps => cross_half::<false>,
        M::Movlhps => cross_half::<true>,
        M::Movmskps => signs::<32>,
        M::Movmskpd => signs::<64>,
        M::Pmovmskb => signs::<8>,
        M::Pinsrw => source!(form => insert_word[;]),
        M::Pextrw if general(0) && i.op_register(1).is_xmm() => extract_word,
        M::Maskmovdqu => {
            let width = match i.op0_kind() {
                OpKind::MemorySegDI => 2,
                OpKind::MemorySegEDI => 4,
                _ => 8,
            };
            form.op.shrink = Form::shrink(width);
            form.op.segment = form.segment(i.memory_segment(), false);
            form.op.to = form.register(1);
            form.op.from = form.register(2);
            masked_store
        }
        M::Comiss => source!(form => order[; 4, false]),
        M::Ucomiss => source!(form => order[; 4, true]),
        M::Comisd => source!(form => order[; 8, false]),
        M::Ucomisd => source!(form => order[; 8, true]),
        M::Cvtsi2ss | M::Cvtsi2sd => return of_integer(form),
        _ => return table(form),
    })
}

fn of_integer(form: &mut Form) -> Option<Handler> {
    Some(match (form.i.mnemonic() == M::Cvtsi2sd, form.size(1)) {
        (false, 4) => source!(form => from_integer[false, 4;]),
        (false, _) => source!(form => from_integer[false, 8;]),
        (true, 4) => source!(form => from_integer[true, 4;]),
        (true, _) => source!(form => from_integer[true, 8;]),
    })
}

fn as_integer(form: &mut Form) -> Option<Handler> {
    Some(match (form.i.mnemonic(), form.size(0)) {
        (M::Cvtss2si, 4) => source!(form => to_integer[false, 4, 4;]),
        (M::Cvtss2si, _) => source!(form => to_integer[false, 4, 8;]),
        (M::Cvttss2si, 4) => source!(form => to_integer[true, 4, 4;]),
        (M::Cvttss2si, _) => source!(form => to_integer[true, 4, 8;]),
        (M::Cvtsd2si, 4) => source!(form => to_integer[false, 8, 4;]),
        (M::Cvtsd2si, _) => source!(form => to_integer[false, 8, 8;]),
        (_, 4) => source!(form => to_integer[true, 8, 4;]),
        (_, _) => source!(form => to_integer[true, 8, 8;]),
    })
}

/// Instructions that are an operation of one of the tables.
fn table(form: &mut Form) -> Option<Handler> {
    let immediate = form.op.immediate & 0xff;
    let name = format!("{:?}", form.i.mnemonic()).to_lowercase();
    let compares = matches!(form.i.mnemonic(), M::Cmpss | M::Cmpsd | M::Cmpps | M::Cmppd);
    let float_name = if compares { format!("{name}{}", immediate & 7) } else { name.clone() };
    if compares && immediate > 7 {
        // Reserved bits are ignored, as processors without AVX do.
        form.op.immediate &= 7;
    }
    if let Some(number) = FLOATS.iter().position(|(known, _)| *known == float_name) {
        form.op.immediate = number as u64;
        let size = if form.is_memory(1) { form.size(1) } else { 16 };
        return Some(match size {
            4 => source!(form => float[; 4]),
            8 => source!(form => float[; 8]),
            _ => source!(form => float[; 16]),
        });
    }
    let by_immediate = form.i.op_count() == 2 && !form.is_register(1) && !form.is_memory(1);
    let operation = if by_immediate { format!("{name} i") } else { logical(form.i.mnemonic()).map_or(name, str::to_string) };
    form.op.immediate = packed_number(&operation)? << 8 | immediate;
    Some(if by_immediate { packed::<{ form::RR }> } else { source!(form => packed[;]) })
}

/// The operation of an instruction whose name is not the operation's.
fn logical(mnemonic: M) -> Option<&'static str> {
    Some(match mnemonic {
        M::Pand | M::Andps | M::Andpd => "and",
        M::Pandn | M::Andnps | M::Andnpd => "andn",
        M::Por | M::Orps | M::Orpd => "or",
        M::Pxor | M::Xorps | M::Xorpd => "xor",
        _ => return None,
    })
}
