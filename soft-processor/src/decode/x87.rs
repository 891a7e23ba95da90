//! Which handler an x87 instruction has.

use iced_x86::{Mnemonic as M, OpKind};

use super::Form;
use crate::core::Handler;
use crate::x87::{
    binary, clear, cmov, compare_flags, compare_register, compare_storage, constant, examine, exchange, init, into_second, into_two, kind,
    load, load_control, load_register, restore, save, stack, store, store_control, store_register, store_status, test, unary, wait, width,
    with_register, with_storage,
};

/// The handler for an operand as it lies in storage.
macro_rules! wide {
    ($width:expr => $function:ident[$($before:expr),*; $($after:expr),*]) => {
        match $width {
            width::FLOAT_32 => $function::<$({ $before },)* { width::FLOAT_32 } $(, { $after })*> as Handler,
            width::FLOAT_64 => $function::<$({ $before },)* { width::FLOAT_64 } $(, { $after })*>,
            width::FLOAT_80 => $function::<$({ $before },)* { width::FLOAT_80 } $(, { $after })*>,
            width::INTEGER_16 => $function::<$({ $before },)* { width::INTEGER_16 } $(, { $after })*>,
            width::INTEGER_32 => $function::<$({ $before },)* { width::INTEGER_32 } $(, { $after })*>,
            width::INTEGER_64 => $function::<$({ $before },)* { width::INTEGER_64 } $(, { $after })*>,
            _ => $function::<$({ $before },)* { width::DECIMAL } $(, { $after })*>,
        }
    };
}

/// The handler, if it is one of x87.
pub(crate) fn select(form: &mut Form) -> Option<Handler> {
    let i = form.i;
    let memory = i.op_count() > 0 && form.is_memory(0);
    // ST(0) is often one of two operands; the other is the one that counts.
    let other = (0..i.op_count()).filter(|&n| i.op_kind(n) == OpKind::Register).map(|n| i.op_register(n).number() as u8).max().unwrap_or(0);
    form.op.from = other;
    let by = |form: &mut Form, immediate: u64, handler: Handler| {
        form.op.immediate = immediate;
        Some(handler)
    };
    Some(match i.mnemonic() {
        M::Fld | M::Fild | M::Fbld if memory => wide!(storage(form) => load[;]),
        M::Fld => load_register,
        M::Fst | M::Fist if memory => wide!(storage(form) => store[; false]),
        M::Fstp | M::Fistp | M::Fbstp if memory => wide!(storage(form) => store[; true]),
        M::Fst => {
            form.op.to = other;
            store_register::<false>
        }
        M::Fstp => {
            form.op.to = other;
            store_register::<true>
        }
        M::Fld1 => return by(form, 0, constant),
        M::Fldl2t => return by(form, 1, constant),
        M::Fldl2e => return by(form, 2, constant),
        M::Fldpi => return by(form, 3, constant),
        M::Fldlg2 => return by(form, 4, constant),
        M::Fldln2 => return by(form, 5, constant),
        M::Fldz => return by(form, 6, constant),
        M::Fadd | M::Fiadd => return arithmetic::<{ kind::ADD }>(form, false),
        M::Fmul | M::Fimul => return arithmetic::<{ kind::MUL }>(form, false),
        M::Fsub | M::Fisub => return arithmetic::<{ kind::SUB }>(form, false),
        M::Fsubr | M::Fisubr => return arithmetic::<{ kind::SUBR }>(form, false),
        M::Fdiv | M::Fidiv => return arithmetic::<{ kind::DIV }>(form, false),
        M::Fdivr | M::Fidivr => return arithmetic::<{ kind::DIVR }>(form, false),
        M::Faddp => return arithmetic::<{ kind::ADD }>(form, true),
        M::Fmulp => return arithmetic::<{ kind::MUL }>(form, true),
        M::Fsubp => return arithmetic::<{ kind::SUB }>(form, true),
        M::Fsubrp => return arithmetic::<{ kind::SUBR }>(form, true),
        M::Fdivp => return arithmetic::<{ kind::DIV }>(form, true),
        M::Fdivrp => return arithmetic::<{ kind::DIVR }>(form, true),
        M::Fcom | M::Ficom if memory => wide!(storage(form) => compare_storage[;]),
        M::Fcomp | M::Ficomp if memory => {
            form.op.immediate = 1;
            wide!(storage(form) => compare_storage[;])
        }
        M::Fcom => return by(form, 0, compare_register::<false>),
        M::Fcomp => return by(form, 1, compare_register::<false>),
        M::Fucom => return by(form, 0, compare_register::<true>),
        M::Fucomp => return by(form, 1, compare_register::<true>),
        M::Fcompp => {
            form.op.from = 1;
            return by(form, 2, compare_register::<false>);
        }
        M::Fucompp => {
            form.op.from = 1;
            return by(form, 2, compare_register::<true>);
        }
        M::Fcomi => compare_flags::<false, false>,
        M::Fcomip => compare_flags::<false, true>,
        M::Fucomi => compare_flags::<true, false>,
        M::Fucomip => compare_flags::<true, true>,
        M::Ftst => test,
        M::Fxam => examine,
        M::Fchs => return by(form, 0, unary),
        M::Fabs => return by(form, 1, unary),
        M::Fsqrt => return by(form, 2, unary),
        M::Frndint => return by(form, 3, unary),
        M::F2xm1 => return by(form, 4, unary),
        M::Fsin => return by(form, 5, unary),
        M::Fcos => return by(form, 6, unary),
        M::Fscale => return by(form, 0, binary),
        M::Fprem => return by(form, 1, binary),
        M::Fprem1 => return by(form, 2, binary),
        M::Fyl2x => return by(form, 0, into_second),
        M::Fyl2xp1 => return by(form, 1, into_second),
        M::Fpatan => return by(form, 2, into_second),
        M::Fptan => return by(form, 0, into_two),
        M::Fsincos => return by(form, 1, into_two),
        M::Fxtract => return by(form, 2, into_two),
        M::Fxch => {
            form.op.to = 0;
            exchange
        }
        M::Fcmovb => return by(form, 0, cmov),
        M::Fcmove => return by(form, 1, cmov),
        M::Fcmovbe => return by(form, 2, cmov),
        M::Fcmovu => return by(form, 3, cmov),
        M::Fcmovnb => return by(form, 4, cmov),
        M::Fcmovne => return by(form, 5, cmov),
        M::Fcmovnbe => return by(form, 6, cmov),
        M::Fcmovnu => return by(form, 7, cmov),
        M::Fdecstp => return by(form, 0, stack),
        M::Fincstp => return by(form, 1, stack),
        M::Ffree => {
            form.op.to = other;
            return by(form, 2, stack);
        }
        M::Fnop => return by(form, 3, stack),
        M::Fninit => init,
        M::Fnclex => clear,
        M::Fnstcw => store_control,
        M::Fldcw => load_control,
        M::Fnstsw if memory => store_status::<true>,
        M::Fnstsw => store_status::<false>,
        M::Wait => wait,
        M::Fnstenv if i.memory_size().size() == 14 => save::<2, false>,
        M::Fnstenv => save::<4, false>,
        M::Fnsave if i.memory_size().size() == 94 => save::<2, true>,
        M::Fnsave => save::<4, true>,
        M::Fldenv if i.memory_size().size() == 14 => restore::<2, false>,
        M::Fldenv => restore::<4, false>,
        M::Frstor if i.memory_size().size() == 94 => restore::<2, true>,
        M::Frstor => restore::<4, true>,
        _ => return None,
    })
}

/// How the operand lies in storage.
fn storage(form: &Form) -> u8 {
    let integer = matches!(
        form.i.mnemonic(),
        M::Fild | M::Fist | M::Fistp | M::Fiadd | M::Fimul | M::Fisub | M::Fisubr | M::Fidiv | M::Fidivr | M::Ficom | M::Ficomp
    );
    match (form.i.memory_size().size(), integer) {
        (2, _) => width::INTEGER_16,
        (4, false) => width::FLOAT_32,
        (4, true) => width::INTEGER_32,
        (8, false) => width::FLOAT_64,
        (8, true) => width::INTEGER_64,
        _ if matches!(form.i.mnemonic(), M::Fbld | M::Fbstp) => width::DECIMAL,
        _ => width::FLOAT_80,
    }
}

fn arithmetic<const K: u8>(form: &mut Form, pops: bool) -> Option<Handler> {
    if form.is_memory(0) {
        return Some(match storage(form) {
            width::FLOAT_32 => with_storage::<K, { width::FLOAT_32 }>,
            width::FLOAT_64 => with_storage::<K, { width::FLOAT_64 }>,
            width::INTEGER_16 => with_storage::<K, { width::INTEGER_16 }>,
            _ => with_storage::<K, { width::INTEGER_32 }>,
        });
    }
    form.op.to = form.i.op0_register().number() as u8;
    form.op.from = form.i.op1_register().number() as u8;
    Some(if pops { with_register::<K, true> } else { with_register::<K, false> })
}
