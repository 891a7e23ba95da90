//! System instructions: control and debug registers, descriptor tables, flags with privileges, halting, identification.

use crate::core::{CR4_DE, CR4_TSD, Core, Env, Op, Step, vector};
use crate::flags::bit;
use crate::integer::form;
use crate::interrupt::Origin;
use crate::points::{DETECT, DETECTED};
use crate::state::{State, Table};
use crate::translate::Access;

/// MOV to or from a segment register, and storing it: with a register operand it fills `S` bytes.
pub(crate) fn from_segment<const S: usize, const F: u8>(core: &mut Core, env: &mut Env, op: &Op) -> Step {
    let selector = u64::from(core.s.segments[op.from as usize].selector);
    if F == form::MR {
        return core.store::<2>(env, op, selector);
    }
    core.set::<S>(op.to, selector);
    Ok(())
}

/// MOV into a segment register.
pub(crate) fn to_segment<const F: u8>(core: &mut Core, env: &mut Env, op: &Op) -> Step {
    let selector = if F == form::RM { core.load::<2>(env, op)? } else { core.get::<2>(op.from) };
    if op.to as usize == State::CS {
        return Err(core.undefined());
    }
    core.load_segment(env, op, op.to as usize, selector as u16)?;
    if op.to as usize == State::SS {
        core.hold_traps(op);
    }
    core.look();
    Ok(())
}

/// PUSH of a segment register.
pub(crate) fn push_segment<const S: usize>(core: &mut Core, env: &mut Env, op: &Op) -> Step {
    core.push::<S>(env, op, u64::from(core.s.segments[op.from as usize].selector))
}

/// POP into a segment register.
pub(crate) fn pop_segment<const S: usize>(core: &mut Core, env: &mut Env, op: &Op) -> Step {
    let selector = core.peek::<S>(env, op, 0)? as u16;
    let (mask, stack) = (core.stack_mask(), core.regs[4]);
    core.load_segment(env, op, op.to as usize, selector)?;
    core.regs[4] = stack & !mask | stack.wrapping_add(S as u64) & mask;
    if op.to as usize == State::SS {
        core.hold_traps(op);
    }
    core.look();
    Ok(())
}

/// LDS, LES, LSS, LFS, LGS.
pub(crate) fn load_far<const S: usize>(core: &mut Core, env: &mut Env, op: &Op) -> Step {
    let address = core.segmented(op.segment, core.offset(op), S as u64 + 2, Access::Read)?;
    let offset = core.read::<S>(env, op, address)?;
    let selector = core.read::<2>(env, op, core.cut(address.wrapping_add(S as u64)))?;
    core.load_segment(env, op, op.from as usize, selector as u16)?;
    core.set::<S>(op.to, offset);
    core.look();
    Ok(())
}

/// PUSHF.
pub(crate) fn pushf<const S: usize>(core: &mut Core, env: &mut Env, op: &Op) -> Step {
    core.sensitive()?;
    let flags = core.rflags() & !(bit::VM | bit::RF);
    core.push::<S>(env, op, flags)
}

/// POPF.
pub(crate) fn popf<const S: usize>(core: &mut Core, env: &mut Env, op: &Op) -> Step {
    core.sensitive()?;
    let flags = core.pop::<S>(env, op)?;
    let kept = if S == 2 { !0xffff } else { 0 };
    core.set_flags_at(core.cpl(), flags & !bit::RF, kept | bit::VIF | bit::VIP);
    Ok(())
}

/// CLI and STI by the immediate (0, 1).
pub(crate) fn interrupts(core: &mut Core, _: &mut Env, op: &Op) -> Step {
    if core.cpl() > (core.modes >> 12) as u8 & 3 {
        return Err(core.protection());
    }
    if op.immediate == 0 {
        core.modes &= !bit::IF;
    } else if core.modes & bit::IF == 0 {
        core.modes |= bit::IF;
        core.hold_interrupts(op);
    }
    core.look();
    Ok(())
}

/// HLT.
pub(crate) fn hlt(core: &mut Core, _: &mut Env, _: &Op) -> Step {
    core.privileged()?;
    core.s.halted = true;
    core.look();
    Ok(())
}

/// INT n, INT3, INTO.
pub(crate) fn int(core: &mut Core, env: &mut Env, op: &Op) -> Step {
    let number = op.immediate as u8;
    if op.from == 1 && !core.flags.overflow() {
        return Ok(());
    }
    if core.intercept {
        // There is no table: breakpoint and overflow are the exceptions that they are, no other gate would permit INT n.
        if op.to == 1 {
            core.trap = true;
            return Err(core.raise(number));
        }
        return Err(core.raise_with(vector::GP, u32::from(number) * 8 + 2));
    }
    if op.to == 0 || op.from == 2 {
        core.sensitive()?;
    }
    let here = core.rip;
    core.rip = core.next(op);
    let delivered = core.deliver(env, op, number, None, Origin::Software);
    if delivered.is_err() {
        core.rip = here;
    }
    delivered
}

/// INT1: a debug exception, whatever the gate's level.
pub(crate) fn int1(core: &mut Core, _: &mut Env, _: &Op) -> Step {
    core.trap = true;
    Err(core.raise(vector::DB))
}

/// LGDT and LIDT, told apart by `to`; `S` bytes of base count.
pub(crate) fn load_table<const S: usize>(core: &mut Core, env: &mut Env, op: &Op) -> Step {
    core.privileged()?;
    let address = core.segmented(op.segment, core.offset(op), if S == 8 { 10 } else { 6 }, Access::Read)?;
    let limit = core.read::<2>(env, op, address)? as u16;
    let base = core.cut(address.wrapping_add(2));
    let base = if S == 8 { core.read::<8>(env, op, base)? } else { core.read::<4>(env, op, base)? };
    if !Core::canonical(base) {
        return Err(core.protection());
    }
    let base = if S == 2 { base & 0xff_ffff } else { base };
    let table = Table { base, limit };
    if op.to == 0 {
        core.s.gdtr = table;
    } else {
        core.s.idtr = table;
    }
    Ok(())
}

/// SGDT and SIDT.
pub(crate) fn store_table(core: &mut Core, env: &mut Env, op: &Op) -> Step {
    let table = if op.to == 0 { core.s.gdtr } else { core.s.idtr };
    let long = core.mode.is_long();
    let address = core.segmented(op.segment, core.offset(op), if long { 10 } else { 6 }, Access::Write)?;
    core.probe(env, op, address, if long { 10 } else { 6 })?;
    core.write::<2>(env, op, address, u64::from(table.limit))?;
    let base = core.cut(address.wrapping_add(2));
    if long { core.write::<8>(env, op, base, table.base) } else { core.write::<4>(env, op, base, table.base) }
}

/// LLDT and LTR, told apart by `to`.
pub(crate) fn load_system_segment<const F: u8>(core: &mut Core, env: &mut Env, op: &Op) -> Step {
    if !core.protected() {
        return Err(core.undefined());
    }
    core.privileged()?;
    let selector = if F == form::RM { core.load::<2>(env, op)? } else { core.get::<2>(op.from) } as u16;
    if op.to == 0 { core.load_ldtr(env, op, selector) } else { core.load_tr(env, op, selector) }
}

/// SLDT, STR, SMSW: what `from` says (0 to 2), 16 bits of it to storage.
pub(crate) fn store_system<const S: usize, const F: u8>(core: &mut Core, env: &mut Env, op: &Op) -> Step {
    if op.from < 2 && !core.protected() {
        return Err(core.undefined());
    }
    let value = match op.from {
        0 => u64::from(core.s.ldtr.selector),
        1 => u64::from(core.s.tr.selector),
        _ => core.s.cr0,
    };
    if F == form::MR {
        return core.store::<2>(env, op, value);
    }
    core.set::<S>(op.to, value);
    Ok(())
}

/// LMSW: the low four bits of CR0; PE can be set, not cleared.
pub(crate) fn lmsw<const F: u8>(core: &mut Core, env: &mut Env, op: &Op) -> Step {
    core.privileged()?;
    let value = if F == form::RM { core.load::<2>(env, op)? } else { core.get::<2>(op.from) };
    let cr0 = core.s.cr0 & !0xe | value & 0xf;
    core.set_cr0(env, cr0)
}

/// CLTS.
pub(crate) fn clts(core: &mut Core, env: &mut Env, _: &Op) -> Step {
    core.privileged()?;
    core.set_cr0(env, core.s.cr0 & !crate::core::CR0_TS)
}

/// LAR, LSL, told apart by `LIMIT`.
pub(crate) fn look_up<const LIMIT: bool, const S: usize, const F: u8>(core: &mut Core, env: &mut Env, op: &Op) -> Step {
    if !core.protected() {
        return Err(core.undefined());
    }
    let selector = if F == form::RM { core.load::<2>(env, op)? } else { core.get::<2>(op.from) } as u16;
    let found = core.visible(env, op, selector)?.filter(|descriptor| {
        let kind = descriptor.system_type();
        let known: &[u8] = match (LIMIT, core.long_active()) {
            (_, false) if !LIMIT => &[1, 2, 3, 4, 5, 9, 11, 12],
            (_, false) => &[1, 2, 3, 9, 11],
            (false, _) => &[2, 9, 11, 12],
            (true, _) => &[2, 9, 11],
        };
        descriptor.raw >> 44 & 1 != 0 || known.contains(&kind)
    });
    core.flags.replace(bit::ZF, if found.is_some() { bit::ZF } else { 0 });
    if let Some(descriptor) = found {
        let value = if LIMIT { u64::from(descriptor.segment(selector).limit) } else { descriptor.raw >> 32 & 0x00ff_ff00 };
        core.set::<S>(op.to, value);
    }
    Ok(())
}

/// ARPL: raises the requested privilege level of a selector to that of another.
pub(crate) fn arpl<const F: u8>(core: &mut Core, env: &mut Env, op: &Op) -> Step {
    if !core.protected() {
        return Err(core.undefined());
    }
    let least = core.get::<2>(op.from) & 3;
    let selector = if F == form::MR { core.load::<2>(env, op)? } else { core.get::<2>(op.to) };
    let raised = selector & 3 < least;
    if raised && F == form::MR {
        core.store::<2>(env, op, selector & !3 | least)?;
    } else if raised {
        core.set::<2>(op.to, selector & !3 | least);
    }
    core.flags.replace(bit::ZF, if raised { bit::ZF } else { 0 });
    Ok(())
}

/// BOUND: #BR if a signed index is not between two bounds in storage.
pub(crate) fn bound<const S: usize>(core: &mut Core, env: &mut Env, op: &Op) -> Step {
    let signed = |value: u64| crate::flags::extend::<S>(value) as i64;
    let low = signed(core.load::<S>(env, op)?);
    let address = core.segmented(op.segment, core.offset(op).wrapping_add(S as u64), S as u64, Access::Read)?;
    let high = signed(core.read::<S>(env, op, core.cut(address))?);
    if (low..=high).contains(&signed(core.get::<S>(op.to))) { Ok(()) } else { Err(core.raise(vector::BR)) }
}

/// VERR, VERW.
pub(crate) fn verify<const WRITE: bool, const F: u8>(core: &mut Core, env: &mut Env, op: &Op) -> Step {
    if !core.protected() {
        return Err(core.undefined());
    }
    let selector = if F == form::RM { core.load::<2>(env, op)? } else { core.get::<2>(op.from) } as u16;
    let good = core.verify(env, op, selector, if WRITE { Access::Write } else { Access::Read })?;
    core.flags.replace(bit::ZF, if good { bit::ZF } else { 0 });
    Ok(())
}

/// MOV from a control register.
pub(crate) fn from_control<const S: usize>(core: &mut Core, env: &mut Env, op: &Op) -> Step {
    core.privileged()?;
    let value = match op.from {
        0 => core.s.cr0,
        2 => core.s.cr2,
        3 => core.s.cr3,
        4 => core.s.cr4,
        8 => u64::from(env.bus.task_priority(core.cycle(env.memory, op)) & 15),
        _ => return Err(core.undefined()),
    };
    core.set::<S>(op.to, value);
    Ok(())
}

/// MOV to a control register.
pub(crate) fn to_control<const S: usize>(core: &mut Core, env: &mut Env, op: &Op) -> Step {
    core.privileged()?;
    let value = core.get::<S>(op.from);
    match op.to {
        0 => core.set_cr0(env, value),
        2 => {
            core.s.cr2 = value;
            Ok(())
        }
        3 => core.set_cr3(env, value),
        4 => core.set_cr4(env, value),
        8 if value < 16 => {
            env.bus.set_task_priority(core.cycle(env.memory, op), value as u8);
            core.look();
            Ok(())
        }
        8 => Err(core.protection()),
        _ => Err(core.undefined()),
    }
}

/// The debug register that a number names, if the guest may use it: 4 and 5 are 6 and 7, unless CR4.DE is set.
fn debug(core: &mut Core, number: u8) -> Result<usize, crate::core::Raised> {
    core.privileged()?;
    if core.s.debug[7] & DETECT != 0 {
        core.points.pending |= DETECTED;
        return Err(core.raise(vector::DB));
    }
    match number {
        4 | 5 if core.s.cr4 & CR4_DE != 0 => Err(core.undefined()),
        4 | 5 => Ok(number as usize + 2),
        0..8 => Ok(number as usize),
        _ => Err(core.undefined()),
    }
}

/// MOV from a debug register.
pub(crate) fn from_debug<const S: usize>(core: &mut Core, _: &mut Env, op: &Op) -> Step {
    let register = debug(core, op.from)?;
    core.set::<S>(op.to, core.s.debug[register]);
    Ok(())
}

/// MOV to a debug register.
pub(crate) fn to_debug<const S: usize>(core: &mut Core, env: &mut Env, op: &Op) -> Step {
    let register = debug(core, op.to)?;
    let value = core.get::<S>(op.from);
    if register >= 6 && value >> 32 != 0 {
        return Err(core.protection());
    }
    core.s.debug[register] = match register {
        6 => value & 0xe00f | 0xffff_0ff0,
        7 => value & 0xffff_2bff | 0x400,
        _ => value,
    };
    core.debug_registers_changed();
    core.forget_translations(env);
    Ok(())
}

/// INVLPG.
pub(crate) fn invlpg(core: &mut Core, env: &mut Env, _: &Op) -> Step {
    core.privileged()?;
    core.forget_translations(env);
    Ok(())
}

/// INVD, WBINVD: there is no cache to write back.
pub(crate) fn privileged_nothing(core: &mut Core, _: &mut Env, _: &Op) -> Step {
    core.privileged()
}

/// SWAPGS.
pub(crate) fn swapgs(core: &mut Core, _: &mut Env, _: &Op) -> Step {
    if !core.mode.is_long() {
        return Err(core.undefined());
    }
    core.privileged()?;
    let core = &mut *core;
    std::mem::swap(&mut core.s.segments[State::GS].base, &mut core.s.kernel_gs_base);
    core.segments_changed();
    Ok(())
}

/// RDTSC.
pub(crate) fn rdtsc(core: &mut Core, env: &mut Env, op: &Op) -> Step {
    if core.s.cr4 & CR4_TSD != 0 && core.cpl() != 0 {
        return Err(core.protection());
    }
    let count = core.cycle(env.memory, op).now.wrapping_add(core.s.tsc_offset);
    core.set::<4>(0, count);
    core.set::<4>(2, count >> 32);
    Ok(())
}

/// RDPMC: there are no counters.
pub(crate) fn rdpmc(core: &mut Core, _: &mut Env, _: &Op) -> Step {
    Err(core.protection())
}

/// CPUID.
pub(crate) fn cpuid(core: &mut Core, env: &mut Env, op: &Op) -> Step {
    let (leaf, subleaf) = (core.regs[0] as u32, core.regs[1] as u32);
    let values = if leaf >> 28 == 4 {
        env.bus.hypervisor_leaf(core.cycle(env.memory, op), leaf, subleaf).unwrap_or_default()
    } else {
        crate::cpuid::leaf(leaf, core.processor)
    };
    for (register, value) in [0, 3, 1, 2].into_iter().zip(values) {
        core.set::<4>(register, u64::from(value));
    }
    Ok(())
}

/// RDMSR.
pub(crate) fn rdmsr(core: &mut Core, env: &mut Env, op: &Op) -> Step {
    core.privileged()?;
    let number = core.regs[1] as u32;
    let Some(value) = core.read_msr(env, op, number) else { return Err(core.protection()) };
    core.set::<4>(0, value);
    core.set::<4>(2, value >> 32);
    Ok(())
}

/// WRMSR.
pub(crate) fn wrmsr(core: &mut Core, env: &mut Env, op: &Op) -> Step {
    core.privileged()?;
    let value = core.regs[0] & 0xffff_ffff | core.regs[2] << 32;
    if core.write_msr(env, op, core.regs[1] as u32, value) { Ok(()) } else { Err(core.protection()) }
}

/// UD0, UD1, UD2.
pub(crate) fn undefined(core: &mut Core, _: &mut Env, _: &Op) -> Step {
    Err(core.undefined())
}

impl Core {
    /// No interrupt before the next instruction is done.
    pub(crate) fn hold_interrupts(&mut self, op: &Op) {
        self.shadow = self.now + u64::from(op.place) + 1;
    }

    /// No interrupt and no debug trap before the next instruction is done.
    fn hold_traps(&mut self, op: &Op) {
        self.hold_interrupts(op);
        self.quiet = self.shadow;
    }
}
