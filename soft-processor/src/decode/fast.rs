//! Which instructions have a fast way, and what it may leave out in a given trace.

use iced_x86::{Code, Mnemonic as M, OpKind};

use super::Form;
use super::integer::conditional;
use crate::core::{FLAT, Fast, HIGH, Op, STACK, ZERO};
use crate::fast::{
    alu, call, cmov, compare_and_jump, exactly, jump, jump_if, lea, mov, multiply, nothing, place, pop, push, ret, setcc, shift, unary,
    widen,
};
use crate::integer::form::{MI, MR, RI, RM, RR};
use crate::integer::{kind, single};
use crate::shift::kind as shifts;

/// How an instruction goes on the fast way, and what that means for those before it.
#[derive(Clone, Copy)]
pub(crate) struct Way {
    fast: Fast,
    /// The same without its flags.
    flagless: Option<Fast>,
    /// It replaces all arithmetic flags.
    replaces: bool,
    /// It neither looks at flags nor can it be where the trace ends.
    plain: bool,
    /// With the Jcc after it, by the condition of that.
    fused: Option<fn(u8) -> Fast>,
    /// Of a Jcc.
    condition: Option<u8>,
}

impl Way {
    /// By the exact handler.
    pub(crate) const EXACT: Self = Self { fast: exactly, flagless: None, replaces: false, plain: false, fused: None, condition: None };

    /// Touches registers only, and looks at no flags.
    fn plain(fast: Fast) -> Self {
        Self { fast, plain: true, ..Self::EXACT }
    }

    fn other(fast: Fast) -> Self {
        Self { fast, ..Self::EXACT }
    }
}

/// Gives the instructions of a trace their fast ways.
pub(crate) fn choose(ops: &mut [Op], ways: &[Way]) {
    let mut replaced = false;
    let mut condition = None;
    for (op, way) in ops.iter_mut().zip(ways).rev() {
        op.fast = match (way.fused, condition) {
            (Some(fused), Some(condition)) => fused(condition),
            _ => way.flagless.filter(|_| replaced).unwrap_or(way.fast),
        };
        replaced = way.plain && (way.replaces || replaced);
        condition = way.condition;
    }
}

/// The function for 4 or 8 bytes in registers.
macro_rules! registers {
    ($size:expr => $function:ident[$($before:expr),*]) => {
        match $size {
            4 => $function::<$({ $before },)* 4, { place::BASE }> as Fast,
            8 => $function::<$({ $before },)* 8, { place::BASE }> as Fast,
            _ => return None,
        }
    };
}

/// The function for 4 or 8 bytes in storage.
macro_rules! storage {
    ($size:expr, $place:expr => $function:ident[$($before:expr),*]) => {
        match ($size, $place) {
            (4, place::BASE) => $function::<$({ $before },)* 4, { place::BASE }> as Fast,
            (4, place::INDEX) => $function::<$({ $before },)* 4, { place::INDEX }> as Fast,
            (4, _) => $function::<$({ $before },)* 4, { place::FLAT_32 }> as Fast,
            (8, place::BASE) => $function::<$({ $before },)* 8, { place::BASE }> as Fast,
            (8, _) => $function::<$({ $before },)* 8, { place::INDEX }> as Fast,
            _ => return None,
        }
    };
}

/// The function for a fixed size in storage.
macro_rules! placed {
    ($size:literal, $place:expr => $function:ident[$($before:expr),*]) => {
        match $place {
            place::BASE => $function::<$({ $before },)* $size, { place::BASE }> as Fast,
            place::INDEX => $function::<$({ $before },)* $size, { place::INDEX }> as Fast,
            _ => $function::<$({ $before },)* $size, { place::FLAT_32 }> as Fast,
        }
    };
}

/// How the address of the memory operand is made, if it needs no checks.
fn operand(form: &Form) -> Option<u8> {
    let op = &form.op;
    match (form.mode.is_long(), op.shrink) {
        (true, 0) if op.segment <= STACK && op.index == ZERO => Some(place::BASE),
        (true, 0) => Some(place::INDEX),
        (false, 32) if matches!(op.segment, FLAT | STACK) => Some(place::FLAT_32),
        _ => None,
    }
}

/// Where two operands are, and the bytes of the first. None for registers that are not general, or high halves of 16 bits.
fn shape(form: &Form) -> Option<(u8, usize, u8)> {
    let general = |n: u32| !form.is_register(n) || form.i.op_register(n).is_gpr() && form.register(n) < HIGH;
    if !general(0) || form.i.op_count() > 1 && !general(1) {
        return None;
    }
    let shape = match (form.is_memory(0), form.i.op_count() > 1 && form.is_memory(1)) {
        (true, _) if form.is_register(1) => MR,
        (true, _) => MI,
        (_, true) => RM,
        _ if form.i.op_count() > 1 && form.is_register(1) => RR,
        _ => RI,
    };
    let place = if matches!(shape, RR | RI) { place::BASE } else { operand(form)? };
    Some((shape, form.size(0), place))
}

/// The fast way of an instruction whose operands are in place.
pub(crate) fn select(form: &Form) -> Option<Way> {
    match form.i.mnemonic() {
        M::Add => arithmetic::<{ kind::ADD }>(form),
        M::Or => arithmetic::<{ kind::OR }>(form),
        M::Adc => arithmetic::<{ kind::ADC }>(form).map(|way| Way { plain: false, ..way }),
        M::Sbb => arithmetic::<{ kind::SBB }>(form).map(|way| Way { plain: false, ..way }),
        M::And => arithmetic::<{ kind::AND }>(form),
        M::Sub => arithmetic::<{ kind::SUB }>(form),
        M::Xor => arithmetic::<{ kind::XOR }>(form),
        M::Cmp => comparison::<{ kind::CMP }>(form),
        M::Test => comparison::<{ kind::TEST }>(form),
        M::Mov => moving(form),
        M::Movzx => widening::<false>(form),
        M::Movsx | M::Movsxd => widening::<true>(form),
        M::Lea => Some(Way::plain(match form.size(0) {
            4 => lea::<4>,
            8 => lea::<8>,
            _ => return None,
        })),
        M::Inc => single::<{ single::INC }>(form),
        M::Dec => single::<{ single::DEC }>(form),
        M::Neg => single::<{ single::NEG }>(form).map(|way| Way { replaces: true, ..way }),
        M::Not => single::<{ single::NOT }>(form),
        M::Shl | M::Sal => shifting::<{ shifts::SHL }>(form).map(|way| Way { replaces: true, ..way }),
        M::Shr => shifting::<{ shifts::SHR }>(form).map(|way| Way { replaces: true, ..way }),
        M::Sar => shifting::<{ shifts::SAR }>(form).map(|way| Way { replaces: true, ..way }),
        M::Rol => shifting::<{ shifts::ROL }>(form),
        M::Ror => shifting::<{ shifts::ROR }>(form),
        M::Imul => multiplying(form),
        M::Push | M::Pop => stacking(form),
        M::Nop | M::Pause | M::Endbr32 | M::Endbr64 => Some(Way::plain(nothing)),
        M::Jmp | M::Call | M::Ret => leaving(form),
        _ => conditions(form),
    }
}

fn arithmetic<const K: u8>(form: &Form) -> Option<Way> {
    let (shape, size, place) = shape(form)?;
    Some(match shape {
        RR => Way {
            flagless: Some(registers!(size => alu[K, false, RR])),
            replaces: true,
            ..Way::plain(registers!(size => alu[K, true, RR]))
        },
        RI => Way {
            flagless: Some(registers!(size => alu[K, false, RI])),
            replaces: true,
            ..Way::plain(registers!(size => alu[K, true, RI]))
        },
        RM => Way::other(storage!(size, place => alu[K, true, RM])),
        MR => Way::other(storage!(size, place => alu[K, true, MR])),
        _ => Way::other(storage!(size, place => alu[K, true, MI])),
    })
}

fn comparison<const K: u8>(form: &Form) -> Option<Way> {
    let (shape, size, place) = shape(form)?;
    macro_rules! fused {
        ($form:expr, $size:literal) => {
            Some(|condition| conditional!(condition, C => compare_and_jump::<K, { $form }, C, $size>))
        };
    }
    macro_rules! compared {
        ($form:expr) => {{
            let (fast, fused): (Fast, Option<fn(u8) -> Fast>) = match size {
                1 => (alu::<K, true, { $form }, 1, { place::BASE }>, fused!($form, 1)),
                4 => (alu::<K, true, { $form }, 4, { place::BASE }>, fused!($form, 4)),
                8 => (alu::<K, true, { $form }, 8, { place::BASE }>, fused!($form, 8)),
                _ => return None,
            };
            Way { replaces: true, fused, ..Way::plain(fast) }
        }};
    }
    macro_rules! stored {
        ($form:expr) => {
            Way::other(if size == 1 { placed!(1, place => alu[K, true, $form]) } else { storage!(size, place => alu[K, true, $form]) })
        };
    }
    Some(match shape {
        RR => compared!(RR),
        RI => compared!(RI),
        RM => stored!(RM),
        MR => stored!(MR),
        _ => stored!(MI),
    })
}

fn moving(form: &Form) -> Option<Way> {
    let (shape, size, place) = shape(form)?;
    macro_rules! stored {
        ($form:expr) => {
            Way::other(match size {
                1 => placed!(1, place => mov[$form]),
                2 => placed!(2, place => mov[$form]),
                _ => storage!(size, place => mov[$form]),
            })
        };
    }
    Some(match shape {
        RR => Way::plain(registers!(size => mov[RR])),
        RI => Way::plain(registers!(size => mov[RI])),
        RM => stored!(RM),
        MR => stored!(MR),
        _ => stored!(MI),
    })
}

fn widening<const SIGNED: bool>(form: &Form) -> Option<Way> {
    let (shape, to, place) = shape(form)?;
    macro_rules! from {
        ($wide:expr) => {
            match (shape, form.size(1)) {
                (RR, 1) => Way::plain(widen::<SIGNED, $wide, { RR }, 1, { place::BASE }>),
                (RR, 2) => Way::plain(widen::<SIGNED, $wide, { RR }, 2, { place::BASE }>),
                (RR, 4) => Way::plain(widen::<SIGNED, $wide, { RR }, 4, { place::BASE }>),
                (RM, 1) => Way::other(placed!(1, place => widen[SIGNED, $wide, RM])),
                (RM, 2) => Way::other(placed!(2, place => widen[SIGNED, $wide, RM])),
                (RM, 4) => Way::other(placed!(4, place => widen[SIGNED, $wide, RM])),
                _ => return None,
            }
        };
    }
    match to {
        4 => Some(from!(false)),
        8 => Some(from!(true)),
        _ => None,
    }
}

fn single<const K: u8>(form: &Form) -> Option<Way> {
    let (shape, size, place) = shape(form)?;
    if matches!(shape, MR | MI) {
        return Some(Way::other(storage!(size, place => unary[K, true, MR])));
    }
    let flagless = Some(registers!(size => unary[K, false, RR]));
    Some(Way { flagless, ..Way::plain(registers!(size => unary[K, true, RR])) })
}

fn shifting<const K: u8>(form: &Form) -> Option<Way> {
    let (shape, size, _) = shape(form)?;
    if shape != RI || form.op.immediate & (8 * size as u64 - 1) == 0 {
        return None;
    }
    let (fast, flagless): (Fast, Fast) = match size {
        4 => (shift::<K, true, 4>, shift::<K, false, 4>),
        8 => (shift::<K, true, 8>, shift::<K, false, 8>),
        _ => return None,
    };
    Some(Way { flagless: Some(flagless), ..Way::plain(fast) })
}

fn multiplying(form: &Form) -> Option<Way> {
    let (shape, size, _) = shape(form)?;
    if shape != RR {
        return None;
    }
    let (fast, flagless): (Fast, Fast) = match (form.i.op_count(), size) {
        (2, 4) => (multiply::<false, true, 4>, multiply::<false, false, 4>),
        (2, 8) => (multiply::<false, true, 8>, multiply::<false, false, 8>),
        (3, 4) => (multiply::<true, true, 4>, multiply::<true, false, 4>),
        (3, 8) => (multiply::<true, true, 8>, multiply::<true, false, 8>),
        _ => return None,
    };
    Some(Way { flagless: Some(flagless), ..Way::plain(fast) })
}

/// Bytes of what is pushed by default, if the stack needs no checks.
fn word(form: &Form) -> Option<usize> {
    if form.mode.is_long() {
        return Some(8);
    }
    (form.mode.is_flat() && form.mode.stack() == 4).then_some(4)
}

fn stacking(form: &Form) -> Option<Way> {
    let size = word(form).filter(|&size| size == form.stack_size())?;
    let general = form.is_register(0) && form.i.op0_register().is_gpr();
    if form.i.mnemonic() == M::Pop {
        return general.then(|| Way::other(if size == 8 { pop::<8> } else { pop::<4> }));
    }
    Some(Way::other(match form.i.op0_kind() {
        OpKind::Memory => {
            let place = operand(form)?;
            storage!(size, place => push[RM])
        }
        OpKind::Register if !general => return None,
        OpKind::Register => registers!(size => push[RR]),
        _ => registers!(size => push[RI]),
    }))
}

fn leaving(form: &Form) -> Option<Way> {
    let word = word(form)?;
    let near = matches!((form.i.op0_kind(), word), (OpKind::NearBranch64, 8) | (OpKind::NearBranch32, 4));
    let fast: Fast = match (form.i.mnemonic(), word) {
        (M::Ret, 8) if matches!(form.i.code(), Code::Retnq | Code::Retnq_imm16) => ret::<8>,
        (M::Ret, 4) if matches!(form.i.code(), Code::Retnd | Code::Retnd_imm16) => ret::<4>,
        (M::Jmp, 8) if near => jump::<8>,
        (M::Jmp, _) if near => jump::<4>,
        (M::Call, 8) if near => call::<8>,
        (M::Call, _) if near => call::<4>,
        _ => return None,
    };
    Some(Way::other(fast))
}

/// Jcc, SETcc and CMOVcc.
fn conditions(form: &Form) -> Option<Way> {
    let condition = match form.i.condition_code() {
        iced_x86::ConditionCode::None => return None,
        condition => condition as u8 - 1,
    };
    if matches!(form.i.mnemonic(), M::Loope | M::Loopne) {
        return None;
    }
    if form.i.op_count() == 1 {
        let jumps = |fast: Fast| Some(Way { condition: Some(condition), ..Way::other(fast) });
        return match (form.i.op0_kind(), form.mode.bits()) {
            (OpKind::NearBranch64, 64) => jumps(conditional!(condition, C => jump_if::<C, 8>)),
            (OpKind::NearBranch32, 32) => jumps(conditional!(condition, C => jump_if::<C, 4>)),
            (OpKind::Register, _) if form.op.to < HIGH => Some(Way::other(conditional!(condition, C => setcc::<C>))),
            _ => None,
        };
    }
    match shape(form)? {
        (RR, 4, _) => Some(Way::other(conditional!(condition, C => cmov::<C, 4>))),
        (RR, 8, _) => Some(Way::other(conditional!(condition, C => cmov::<C, 8>))),
        _ => None,
    }
}
