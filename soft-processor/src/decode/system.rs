//! Which handler a system instruction has.

use iced_x86::{Code as C, Mnemonic as M, OpKind, Register};

use super::{Form, sized};
use crate::core::Handler;
use crate::far;
use crate::integer::form;
use crate::port::{input, output};
use crate::state::State;
use crate::system::{
    arpl, bound, clts, cpuid, from_control, from_debug, from_segment, hlt, int, int1, interrupts, invlpg, lmsw, load_far,
    load_system_segment, load_table, look_up, pop_segment, popf, privileged_nothing, push_segment, pushf, rdmsr, rdpmc, rdtsc,
    store_system, store_table, swapgs, to_control, to_debug, to_segment, undefined, verify, wrmsr,
};

/// One of the two handlers for a source in a register or in storage.
macro_rules! source {
    ($form:expr, $operand:expr => $function:ident[$($constant:expr),*]) => {
        if $form.is_memory($operand) {
            $function::<$({ $constant },)* { form::RM }> as Handler
        } else {
            $form.op.from = $form.register($operand);
            $function::<$({ $constant },)* { form::RR }>
        }
    };
}

/// The handler, if it is a system instruction.
pub(crate) fn select(form: &mut Form) -> Option<Handler> {
    let code = form.i.code();
    Some(match form.i.mnemonic() {
        M::Mov => return moving(form),
        M::Push => {
            form.op.from = form.register(0);
            sized!(form.stack_size() => push_segment[;])
        }
        M::Pop => {
            form.op.to = form.register(0);
            sized!(form.stack_size() => pop_segment[;])
        }
        M::Lds | M::Les | M::Lss | M::Lfs | M::Lgs => {
            form.op.to = form.register(0);
            let segment = match form.i.mnemonic() {
                M::Les => State::ES,
                M::Lds => State::DS,
                M::Lss => State::SS,
                M::Lfs => State::FS,
                _ => State::GS,
            };
            form.op.from = segment as u8;
            sized!(form.size(0) => load_far[;])
        }
        M::Pushf => pushf::<2>,
        M::Pushfd => pushf::<4>,
        M::Pushfq => pushf::<8>,
        M::Popf => popf::<2>,
        M::Popfd => popf::<4>,
        M::Popfq => popf::<8>,
        M::Cli => interrupts,
        M::Sti => {
            form.op.immediate = 1;
            interrupts
        }
        M::Hlt => hlt,
        M::Int => {
            form.op.immediate = u64::from(form.i.immediate8());
            form.op.to = u8::from(matches!(form.op.immediate, 3 | 4));
            form.op.from = 2;
            int
        }
        M::Int3 => {
            (form.op.immediate, form.op.to) = (3, 1);
            int
        }
        M::Int1 => int1,
        M::Into => {
            (form.op.immediate, form.op.to, form.op.from) = (4, 1, 1);
            int
        }
        M::Iret => far::iret::<2>,
        M::Iretd => far::iret::<4>,
        M::Iretq => far::iret::<8>,
        M::Retf => {
            form.op.immediate = if form.i.op_count() > 0 { u64::from(form.i.immediate16()) } else { 0 };
            match code {
                C::Retfw | C::Retfw_imm16 => far::ret::<2>,
                C::Retfd | C::Retfd_imm16 => far::ret::<4>,
                _ => far::ret::<8>,
            }
        }
        M::Jmp | M::Call => return transfer(form),
        M::Syscall => far::syscall,
        M::Sysret => far::sysret::<false>,
        M::Sysretq => far::sysret::<true>,
        M::Sysenter => far::sysenter,
        M::Sysexit => far::sysexit::<false>,
        M::Sysexitq => far::sysexit::<true>,
        M::Lgdt | M::Lidt => {
            form.op.to = u8::from(form.i.mnemonic() == M::Lidt);
            match code {
                C::Lgdt_m1632_16 | C::Lidt_m1632_16 => load_table::<2>,
                C::Lgdt_m1632 | C::Lidt_m1632 => load_table::<4>,
                _ => load_table::<8>,
            }
        }
        M::Sgdt | M::Sidt => {
            form.op.to = u8::from(form.i.mnemonic() == M::Sidt);
            store_table
        }
        M::Lldt | M::Ltr => {
            form.op.to = u8::from(form.i.mnemonic() == M::Ltr);
            source!(form, 0 => load_system_segment[])
        }
        M::Sldt | M::Str | M::Smsw => {
            form.op.from = match form.i.mnemonic() {
                M::Sldt => 0,
                M::Str => 1,
                _ => 2,
            };
            if form.is_memory(0) {
                store_system::<2, { form::MR }>
            } else {
                form.op.to = form.register(0);
                sized!(form.size(0) => store_system[; form::RR])
            }
        }
        M::Lmsw => source!(form, 0 => lmsw[]),
        M::Clts => clts,
        M::Lar | M::Lsl => {
            form.op.to = form.register(0);
            let limit = form.i.mnemonic() == M::Lsl;
            let size = form.size(0);
            let memory = form.is_memory(1);
            if !memory {
                form.op.from = form.register(1);
            }
            match (limit, memory) {
                (false, false) => sized!(size => look_up[false; form::RR]),
                (false, true) => sized!(size => look_up[false; form::RM]),
                (true, false) => sized!(size => look_up[true; form::RR]),
                (true, true) => sized!(size => look_up[true; form::RM]),
            }
        }
        M::Arpl => {
            form.operands();
            if form.is_memory(0) { arpl::<{ form::MR }> } else { arpl::<{ form::RR }> }
        }
        M::Bound => {
            form.op.to = form.register(0);
            sized!(form.size(0) => bound[;])
        }
        M::Verr => source!(form, 0 => verify[false]),
        M::Verw => source!(form, 0 => verify[true]),
        M::Invlpg => invlpg,
        M::Invd | M::Wbinvd => privileged_nothing,
        M::Swapgs => swapgs,
        M::Rdtsc => rdtsc,
        M::Rdpmc => rdpmc,
        M::Cpuid => cpuid,
        M::Rdmsr => rdmsr,
        M::Wrmsr => wrmsr,
        M::Ud0 | M::Ud1 | M::Ud2 => undefined,
        M::In | M::Out => return ports(form),
        _ => return None,
    })
}

fn moving(form: &mut Form) -> Option<Handler> {
    let (to, from) = (form.i.op0_register(), form.i.op1_register());
    let long = form.mode.is_long();
    if from.is_segment_register() {
        form.op.from = from.number() as u8;
        if form.is_memory(0) {
            return Some(from_segment::<2, { form::MR }>);
        }
        form.op.to = form.register(0);
        return Some(sized!(form.size(0) => from_segment[; form::RR]));
    }
    if to.is_segment_register() {
        form.op.to = to.number() as u8;
        return Some(source!(form, 1 => to_segment[]));
    }
    form.op.to = form.register(0);
    form.op.from = form.register(1);
    Some(match (to.is_cr(), from.is_cr(), to.is_dr(), from.is_dr(), long) {
        (true, .., true) => to_control::<8>,
        (true, .., false) => to_control::<4>,
        (_, true, .., true) => from_control::<8>,
        (_, true, .., false) => from_control::<4>,
        (_, _, true, _, true) => to_debug::<8>,
        (_, _, true, _, false) => to_debug::<4>,
        (_, _, _, true, true) => from_debug::<8>,
        (_, _, _, true, false) => from_debug::<4>,
        _ => return None,
    })
}

fn transfer(form: &mut Form) -> Option<Handler> {
    let calls = form.i.mnemonic() == M::Call;
    let size = match form.i.code() {
        C::Jmp_ptr1616 | C::Call_ptr1616 | C::Jmp_m1616 | C::Call_m1616 => 2,
        C::Jmp_ptr1632 | C::Call_ptr1632 | C::Jmp_m1632 | C::Call_m1632 => 4,
        C::Jmp_m1664 | C::Call_m1664 => 8,
        _ => return None,
    };
    let direct = matches!(form.i.op0_kind(), OpKind::FarBranch16 | OpKind::FarBranch32);
    if direct {
        let offset =
            if form.i.op0_kind() == OpKind::FarBranch16 { u64::from(form.i.far_branch16()) } else { u64::from(form.i.far_branch32()) };
        form.op.immediate = u64::from(form.i.far_branch_selector()) << 48 | offset;
    }
    use far::{call, jump};
    Some(match (calls, direct) {
        (false, true) => sized!(size => jump[; form::RI]),
        (false, false) => sized!(size => jump[; form::RM]),
        (true, true) => sized!(size => call[; form::RI]),
        (true, false) => sized!(size => call[; form::RM]),
    })
}

fn ports(form: &mut Form) -> Option<Handler> {
    let reads = form.i.mnemonic() == M::In;
    let (data, port) = if reads { (0, 1) } else { (1, 0) };
    let by_register = form.is_register(port) && form.i.op_register(port) == Register::DX;
    form.op.immediate = if by_register { 0 } else { form.immediate(port) };
    let size = form.i.op_register(data).size();
    Some(match (reads, by_register) {
        (true, true) => sized!(size => input[; true]),
        (true, false) => sized!(size => input[; false]),
        (false, true) => sized!(size => output[; true]),
        (false, false) => sized!(size => output[; false]),
    })
}
