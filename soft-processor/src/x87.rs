//! x87: the register stack here, the arithmetic by [`crate::host`], so all 80 bits are exact.
//!
//! An operation on an empty register, or a push onto a full stack, is an invalid operation with its own reaction. Unmasked exceptions are
//! pending until the next instruction that waits, which raises #MF. Not kept are the addresses of the last instruction and operand: they read as zero.

use crate::core::{CR0_EM, CR0_TS, Core, Env, Op, Raised, Step, vector};
use crate::flags::{Flags, bit};
use crate::host::{self, Left, Scalar};

/// Bits of the status word.
const INVALID: u16 = 1;
const ZERO_DIVIDE: u16 = 4;
const STACK_FAULT: u16 = 1 << 6;
const SUMMARY: u16 = 1 << 7;
const C0: u16 = 1 << 8;
const C1: u16 = 1 << 9;
const C2: u16 = 1 << 10;
const C3: u16 = 1 << 14;
const BUSY: u16 = 1 << 15;
const CONDITIONS: u16 = C0 | C1 | C2 | C3;

/// What a masked invalid operation gives: a quiet number that is none.
const INDEFINITE: u128 = 0xffff_c000_0000_0000_0000;

/// Operations, by the instruction.
pub(crate) mod kind {
    pub(crate) const ADD: u8 = 0;
    pub(crate) const MUL: u8 = 1;
    pub(crate) const COM: u8 = 2;
    pub(crate) const SUB: u8 = 4;
    pub(crate) const SUBR: u8 = 5;
    pub(crate) const DIV: u8 = 6;
    pub(crate) const DIVR: u8 = 7;
}

/// How an operand lies in storage.
pub(crate) mod width {
    pub(crate) const FLOAT_32: u8 = 0;
    pub(crate) const FLOAT_64: u8 = 1;
    pub(crate) const FLOAT_80: u8 = 2;
    pub(crate) const INTEGER_16: u8 = 3;
    pub(crate) const INTEGER_32: u8 = 4;
    pub(crate) const INTEGER_64: u8 = 5;
    pub(crate) const DECIMAL: u8 = 6;
}

impl Core {
    /// #NM if the task's registers are not there.
    fn fpu(&mut self) -> Step {
        if self.s.cr0 & (CR0_EM | CR0_TS) != 0 { Err(self.raise(vector::NM)) } else { Ok(()) }
    }

    /// The same, and #MF if an exception is pending.
    fn fpu_waits(&mut self) -> Step {
        self.fpu()?;
        if self.s.fpu.status & SUMMARY != 0 { Err(self.raise(vector::MF)) } else { Ok(()) }
    }

    fn physical(&self, position: u8) -> usize {
        ((self.s.fpu.status >> 11) as usize + position as usize) & 7
    }

    fn is_empty(&self, position: u8) -> bool {
        self.s.fpu.in_use >> self.physical(position) & 1 == 0
    }

    /// ST(position).
    fn st(&self, position: u8) -> u128 {
        self.s.fpu.registers[self.physical(position)]
    }

    fn set_st(&mut self, position: u8, value: u128) {
        let physical = self.physical(position);
        self.s.fpu.registers[physical] = value & ((1 << 80) - 1);
        self.s.fpu.in_use |= 1 << physical;
    }

    fn rotate(&mut self, by: u16) {
        let top = (self.s.fpu.status >> 11).wrapping_add(by) & 7;
        self.s.fpu.status = self.s.fpu.status & !(7 << 11) | top << 11;
    }

    fn pop_st(&mut self) {
        let physical = self.physical(0);
        self.s.fpu.in_use &= !(1 << physical);
        self.rotate(1);
    }

    /// Adds exceptions to the status word; whether the instruction goes on to store its result. `found` has C1 or other conditions, too, of which
    /// those of `conditions` are set.
    fn report(&mut self, found: u16, conditions: u16) -> bool {
        let exceptions = found & (0x3f | STACK_FAULT);
        let fpu = &mut self.s.fpu;
        let unmasked = found & !fpu.control & 0x3f;
        fpu.status = fpu.status & !conditions | found & conditions | exceptions;
        if unmasked != 0 {
            fpu.status |= SUMMARY | BUSY;
        }
        unmasked & (INVALID | 2 | ZERO_DIVIDE) == 0
    }

    /// An operand is in an empty register: whether to go on with the indefinite value.
    fn underflow(&mut self) -> bool {
        self.report(INVALID | STACK_FAULT, C1)
    }

    /// Pushes a value, or the indefinite one if the stack is full. `found` are the exceptions of making it.
    fn push_st(&mut self, value: u128, found: u16) {
        if self.s.fpu.in_use >> self.physical(7) & 1 != 0 {
            if self.report(INVALID | STACK_FAULT | C1, C1) {
                self.rotate(7);
                self.set_st(0, INDEFINITE);
            }
            return;
        }
        // A denormal operand that is to be an exception is loaded all the same.
        if self.report(found, C1) || found & INVALID == 0 {
            self.rotate(7);
            self.set_st(0, value);
        }
    }

    /// Sets ST(0) from ST(0), and ST(1) if the operation has two operands.
    fn replace_st(&mut self, operands: u8, conditions: u16, operation: Scalar) {
        if self.is_empty(0) || operands > 1 && self.is_empty(1) {
            self.s.fpu.status &= !(conditions & C2);
            if self.underflow() {
                self.set_st(0, INDEFINITE);
            }
            return;
        }
        let left = operation(self.st(0), self.st(1), self.s.fpu.control);
        // What is no number has no quotient: the bits that would be its last ones stay.
        let quotient = if is_nan(left.value) { C0 | C3 } else { 0 };
        if self.report(left.status, (conditions | C1) & !quotient) {
            self.set_st(0, left.value);
        }
    }
}

fn is_nan(value: u128) -> bool {
    value >> 64 & 0x7fff == 0x7fff && value << 1 & u128::from(u64::MAX) != 0
}

/// The last two bytes of an operand of ten: an access of its own, with its own place in the segment. So what is across the end of 4 GiB goes on at 0.
fn behind_8(op: &Op) -> Op {
    Op { displacement: op.displacement.wrapping_add(8), ..*op }
}

/// The operand of an instruction in storage, as its bytes.
fn operand<const W: u8>(core: &mut Core, env: &mut Env, op: &Op) -> Result<u128, Raised> {
    Ok(match W {
        width::FLOAT_32 | width::INTEGER_32 => u128::from(core.load::<4>(env, op)?),
        width::FLOAT_64 | width::INTEGER_64 => u128::from(core.load::<8>(env, op)?),
        width::INTEGER_16 => u128::from(core.load::<2>(env, op)?),
        _ => {
            let low = core.load::<8>(env, op)?;
            u128::from(low) | u128::from(core.load::<2>(env, &behind_8(op))?) << 64
        }
    })
}

fn converted<const W: u8>(operand: u128, control: u16) -> Left {
    match W {
        width::FLOAT_32 => host::fld_32(operand, control),
        width::FLOAT_64 => host::fld_64(operand, control),
        width::FLOAT_80 => host::fld_80(operand, control),
        width::INTEGER_16 => host::fild_16(operand, control),
        width::INTEGER_32 => host::fild_32(operand, control),
        width::INTEGER_64 => host::fild_64(operand, control),
        _ => host::fbld(operand, control),
    }
}

/// FLD, FILD, FBLD from storage.
pub(crate) fn load<const W: u8>(core: &mut Core, env: &mut Env, op: &Op) -> Step {
    core.fpu_waits()?;
    let bytes = operand::<W>(core, env, op)?;
    let left = converted::<W>(bytes, core.s.fpu.control);
    core.push_st(left.value, left.status & 0x3f);
    Ok(())
}

/// FLD of a register.
pub(crate) fn load_register(core: &mut Core, _: &mut Env, op: &Op) -> Step {
    core.fpu_waits()?;
    if core.is_empty(op.from) {
        if core.underflow() {
            core.rotate(7);
            core.set_st(0, INDEFINITE);
        }
        return Ok(());
    }
    core.push_st(core.st(op.from), 0);
    Ok(())
}

/// FLD1, FLDL2T, FLDL2E, FLDPI, FLDLG2, FLDLN2, FLDZ, by the immediate.
pub(crate) fn constant(core: &mut Core, _: &mut Env, op: &Op) -> Step {
    core.fpu_waits()?;
    const ALL: [Scalar; 7] = [host::fld1, host::fldl2t, host::fldl2e, host::fldpi, host::fldlg2, host::fldln2, host::fldz];
    let left = ALL[(op.immediate % 7) as usize](0, 0, core.s.fpu.control);
    core.push_st(left.value, 0);
    Ok(())
}

/// FST, FSTP, FIST, FISTP, FBSTP to storage; `POP` is the P.
pub(crate) fn store<const W: u8, const POP: bool>(core: &mut Core, env: &mut Env, op: &Op) -> Step {
    core.fpu_waits()?;
    let size = match W {
        width::FLOAT_32 | width::INTEGER_32 => 4,
        width::FLOAT_64 | width::INTEGER_64 => 8,
        width::INTEGER_16 => 2,
        _ => 8,
    };
    let is_long = matches!(W, width::FLOAT_80 | width::DECIMAL);
    let mut place = |op: &Op, size| {
        let address = core.segmented(op.segment, core.offset(op), size, crate::translate::Access::Write)?;
        core.probe(env, op, address, size).map(|()| address)
    };
    let address = place(op, size)?;
    let behind = if is_long { Some(place(&behind_8(op), 2)?) } else { None };
    let empty = core.is_empty(0);
    let value = if empty { INDEFINITE } else { core.st(0) };
    let control = core.s.fpu.control;
    let left = match W {
        width::FLOAT_32 => host::fst_32(value, control),
        width::FLOAT_64 => host::fst_64(value, control),
        width::FLOAT_80 => host::fstp_80(value, control),
        width::INTEGER_16 => host::fist_16(value, control),
        width::INTEGER_32 => host::fist_32(value, control),
        width::INTEGER_64 => host::fistp_64(value, control),
        _ => host::fbstp(value, control),
    };
    let found = if empty { INVALID | STACK_FAULT } else { left.status };
    // Nothing reaches storage if overflow or underflow is to be an exception, either.
    let stores = core.report(found, C1) && found & !control & 0x18 == 0;
    if !stores {
        return Ok(());
    }
    match size {
        2 => core.write::<2>(env, op, address, left.value as u64)?,
        4 => core.write::<4>(env, op, address, left.value as u64)?,
        _ => core.write::<8>(env, op, address, left.value as u64)?,
    }
    if let Some(behind) = behind {
        core.write::<2>(env, op, behind, (left.value >> 64) as u64)?;
    }
    if POP {
        core.pop_st();
    }
    Ok(())
}

/// FST, FSTP into a register.
pub(crate) fn store_register<const POP: bool>(core: &mut Core, _: &mut Env, op: &Op) -> Step {
    core.fpu_waits()?;
    if core.is_empty(0) {
        if !core.underflow() {
            return Ok(());
        }
        core.set_st(op.to, INDEFINITE);
    } else {
        core.s.fpu.status &= !C1;
        core.set_st(op.to, core.st(0));
    }
    if POP {
        core.pop_st();
    }
    Ok(())
}

fn arithmetic_of(kind: u8) -> Scalar {
    match kind {
        kind::ADD => host::fadd,
        kind::MUL => host::fmul,
        kind::SUB => host::fsub,
        kind::SUBR => host::fsubr,
        kind::DIV => host::fdiv,
        _ => host::fdivr,
    }
}

/// The operation of ST(0) with an operand in storage, or the comparison.
fn storage_operation(kind: u8, width: u8) -> Scalar {
    const ALL: [[Scalar; 4]; 7] = [
        [host::fadd_f32, host::fadd_f64, host::fadd_i16, host::fadd_i32],
        [host::fmul_f32, host::fmul_f64, host::fmul_i16, host::fmul_i32],
        [host::fsub_f32, host::fsub_f64, host::fsub_i16, host::fsub_i32],
        [host::fsubr_f32, host::fsubr_f64, host::fsubr_i16, host::fsubr_i32],
        [host::fdiv_f32, host::fdiv_f64, host::fdiv_i16, host::fdiv_i32],
        [host::fdivr_f32, host::fdivr_f64, host::fdivr_i16, host::fdivr_i32],
        [host::fcom_f32, host::fcom_f64, host::fcom_i16, host::fcom_i32],
    ];
    let row = match kind {
        kind::ADD => 0,
        kind::MUL => 1,
        kind::SUB => 2,
        kind::SUBR => 3,
        kind::DIV => 4,
        kind::DIVR => 5,
        _ => 6,
    };
    let column = match width {
        width::FLOAT_32 => 0,
        width::FLOAT_64 => 1,
        width::INTEGER_16 => 2,
        _ => 3,
    };
    ALL[row][column]
}

/// FADD, FMUL, FSUB, FSUBR, FDIV, FDIVR of ST(0) and storage.
pub(crate) fn with_storage<const K: u8, const W: u8>(core: &mut Core, env: &mut Env, op: &Op) -> Step {
    core.fpu_waits()?;
    let bytes = operand::<W>(core, env, op)?;
    if core.is_empty(0) {
        if core.underflow() {
            core.set_st(0, INDEFINITE);
        }
        return Ok(());
    }
    let left = storage_operation(K, W)(core.st(0), bytes, core.s.fpu.control);
    if core.report(left.status, C1) {
        core.set_st(0, left.value);
    }
    Ok(())
}

/// The same of two registers: `op.to` becomes `op.to` with `op.from`, then perhaps a pop.
pub(crate) fn with_register<const K: u8, const POP: bool>(core: &mut Core, _: &mut Env, op: &Op) -> Step {
    core.fpu_waits()?;
    if core.is_empty(op.to) || core.is_empty(op.from) {
        if !core.underflow() {
            return Ok(());
        }
        core.set_st(op.to, INDEFINITE);
    } else {
        let left = arithmetic_of(K)(core.st(op.to), core.st(op.from), core.s.fpu.control);
        if !core.report(left.status, C1) {
            return Ok(());
        }
        core.set_st(op.to, left.value);
    }
    if POP {
        core.pop_st();
    }
    Ok(())
}

impl Core {
    /// Compares ST(0) with a value and pops `pops`; `empty` if one of both is not there.
    fn compare_st(&mut self, with: u128, empty: bool, compare: Scalar, pops: u64) {
        let status = if empty { INVALID | STACK_FAULT | C0 | C2 | C3 } else { compare(self.st(0), with, self.s.fpu.control).status & !C1 };
        if self.report(status, CONDITIONS) {
            for _ in 0..pops {
                self.pop_st();
            }
        }
    }
}

/// FCOM, FCOMP, FICOM, FICOMP with storage; the immediate is the number of pops.
pub(crate) fn compare_storage<const W: u8>(core: &mut Core, env: &mut Env, op: &Op) -> Step {
    core.fpu_waits()?;
    let bytes = operand::<W>(core, env, op)?;
    core.compare_st(bytes, core.is_empty(0), storage_operation(kind::COM, W), op.immediate);
    Ok(())
}

/// FCOM, FUCOM and with P and PP; the immediate is the number of pops.
pub(crate) fn compare_register<const QUIET: bool>(core: &mut Core, _: &mut Env, op: &Op) -> Step {
    core.fpu_waits()?;
    let empty = core.is_empty(0) || core.is_empty(op.from);
    core.compare_st(core.st(op.from), empty, if QUIET { host::fucom } else { host::fcom }, op.immediate);
    Ok(())
}

/// FTST.
pub(crate) fn test(core: &mut Core, _: &mut Env, _: &Op) -> Step {
    core.fpu_waits()?;
    core.compare_st(0, core.is_empty(0), host::fcom, 0);
    Ok(())
}

/// FCOMI, FUCOMI and with P: into ZF, PF, CF.
pub(crate) fn compare_flags<const QUIET: bool, const POP: bool>(core: &mut Core, _: &mut Env, op: &Op) -> Step {
    core.fpu_waits()?;
    let all = bit::ZF | bit::PF | bit::CF;
    let (status, flags) = if core.is_empty(0) || core.is_empty(op.from) {
        (INVALID | STACK_FAULT, all)
    } else {
        let compare = if QUIET { host::fucom } else { host::fcom };
        let left = compare(core.st(0), core.st(op.from), core.s.fpu.control);
        let flag = |condition, flag| if left.status & condition != 0 { flag } else { 0 };
        (left.status & 0x3f, flag(C0, bit::CF) | flag(C2, bit::PF) | flag(C3, bit::ZF))
    };
    // The flags are set even if the exception is to be taken, as processors do.
    core.flags = Flags::from_bits(flags);
    let stack_fault = if status & STACK_FAULT != 0 { C1 } else { 0 };
    if core.report(status, stack_fault) && POP {
        core.pop_st();
    }
    Ok(())
}

/// FXAM.
pub(crate) fn examine(core: &mut Core, _: &mut Env, _: &Op) -> Step {
    core.fpu_waits()?;
    let found = host::fxam(core.st(0), 0, core.s.fpu.control).status & CONDITIONS;
    let found = if core.is_empty(0) { C3 | C0 | found & C1 } else { found };
    core.s.fpu.status = core.s.fpu.status & !CONDITIONS | found;
    Ok(())
}

/// Operations on ST(0), by the immediate.
pub(crate) fn unary(core: &mut Core, _: &mut Env, op: &Op) -> Step {
    core.fpu_waits()?;
    const ALL: [(Scalar, u16); 7] =
        [(host::fchs, 0), (host::fabs, 0), (host::fsqrt, 0), (host::frndint, 0), (host::f2xm1, 0), (host::fsin, C2), (host::fcos, C2)];
    let (operation, conditions) = ALL[(op.immediate % 7) as usize];
    core.replace_st(1, conditions, operation);
    Ok(())
}

/// FSCALE, FPREM, FPREM1, by the immediate: ST(1) stays.
pub(crate) fn binary(core: &mut Core, _: &mut Env, op: &Op) -> Step {
    core.fpu_waits()?;
    const ALL: [(Scalar, u16); 3] = [(host::fscale, 0), (host::fprem, CONDITIONS), (host::fprem1, CONDITIONS)];
    let (operation, conditions) = ALL[(op.immediate % 3) as usize];
    core.replace_st(2, conditions, operation);
    Ok(())
}

/// FYL2X, FYL2XP1, FPATAN, by the immediate: into ST(1), then a pop.
pub(crate) fn into_second(core: &mut Core, _: &mut Env, op: &Op) -> Step {
    core.fpu_waits()?;
    const ALL: [Scalar; 3] = [host::fyl2x, host::fyl2xp1, host::fpatan];
    if core.is_empty(0) || core.is_empty(1) {
        if core.underflow() {
            core.set_st(1, INDEFINITE);
            core.pop_st();
        }
        return Ok(());
    }
    let left = ALL[(op.immediate % 3) as usize](core.st(0), core.st(1), core.s.fpu.control);
    if core.report(left.status & !STACK_FAULT, C1) {
        core.set_st(1, left.value);
        core.pop_st();
    }
    Ok(())
}

/// FPTAN, FSINCOS, FXTRACT, by the immediate: ST(0) is replaced and another pushed.
pub(crate) fn into_two(core: &mut Core, _: &mut Env, op: &Op) -> Step {
    core.fpu_waits()?;
    const ALL: [(Scalar, u16); 3] = [(host::fptan, C2), (host::fsincos, C2), (host::fxtract, 0)];
    let (operation, conditions) = ALL[(op.immediate % 3) as usize];
    let full = !core.is_empty(7);
    if core.is_empty(0) || full {
        let overflow = if core.is_empty(0) { 0 } else { C1 };
        core.s.fpu.status &= !conditions;
        if core.report(INVALID | STACK_FAULT | overflow, C1) {
            core.set_st(0, INDEFINITE);
            core.rotate(7);
            core.set_st(0, INDEFINITE);
        }
        return Ok(());
    }
    let left = operation(core.st(0), 0, core.s.fpu.control);
    let goes_on = core.report(left.status, C1 | conditions);
    if left.status & conditions & C2 != 0 {
        // Too large an angle: the operand stays.
        return Ok(());
    }
    if goes_on {
        core.set_st(0, left.below);
        core.rotate(7);
        core.set_st(0, left.value);
    }
    Ok(())
}

/// FXCH: empty registers are exchanged as indefinite values.
pub(crate) fn exchange(core: &mut Core, _: &mut Env, op: &Op) -> Step {
    core.fpu_waits()?;
    let other = if op.from == 0 { op.to } else { op.from };
    let (first_empty, second_empty) = (core.is_empty(0), core.is_empty(other));
    if (first_empty || second_empty) && !core.underflow() {
        return Ok(());
    }
    let first = if first_empty { INDEFINITE } else { core.st(0) };
    let second = if second_empty { INDEFINITE } else { core.st(other) };
    core.set_st(0, second);
    core.set_st(other, first);
    if !first_empty && !second_empty {
        core.s.fpu.status &= !C1;
    }
    Ok(())
}

/// FCMOVcc; the immediate is the condition: 0 B, 1 E, 2 BE, 3 U, and 4 more for not.
pub(crate) fn cmov(core: &mut Core, _: &mut Env, op: &Op) -> Step {
    core.fpu_waits()?;
    let plain = match op.immediate & 3 {
        0 => core.flags.carry(),
        1 => core.flags.zero(),
        2 => core.flags.carry() || core.flags.zero(),
        _ => core.flags.parity(),
    };
    let moves = plain != (op.immediate & 4 != 0);
    if core.is_empty(0) || core.is_empty(op.from) {
        if core.underflow() {
            core.set_st(0, INDEFINITE);
        }
        return Ok(());
    }
    if moves {
        core.set_st(0, core.st(op.from));
    }
    Ok(())
}

/// FDECSTP, FINCSTP, FFREE, FNOP, by the immediate.
pub(crate) fn stack(core: &mut Core, _: &mut Env, op: &Op) -> Step {
    core.fpu_waits()?;
    match op.immediate {
        0 => core.rotate(7),
        1 => core.rotate(1),
        2 => {
            let physical = core.physical(op.to);
            core.s.fpu.in_use &= !(1 << physical);
        }
        _ => return Ok(()),
    }
    core.s.fpu.status &= !C1;
    Ok(())
}

/// FNINIT.
pub(crate) fn init(core: &mut Core, _: &mut Env, _: &Op) -> Step {
    core.fpu()?;
    core.s.fpu = crate::state::Fpu { registers: core.s.fpu.registers, ..Default::default() };
    Ok(())
}

/// FNCLEX.
pub(crate) fn clear(core: &mut Core, _: &mut Env, _: &Op) -> Step {
    core.fpu()?;
    core.s.fpu.status &= !(0x7f | SUMMARY | BUSY);
    Ok(())
}

/// FNSTCW.
pub(crate) fn store_control(core: &mut Core, env: &mut Env, op: &Op) -> Step {
    core.fpu()?;
    core.store::<2>(env, op, u64::from(core.s.fpu.control))
}

impl Core {
    /// Sets the control word; what it unmasks of the exceptions that are there becomes pending.
    fn set_control(&mut self, control: u16) {
        let fpu = &mut self.s.fpu;
        fpu.control = control & 0x1f3f | 0x40;
        let pending = fpu.status & !fpu.control & 0x3f != 0;
        fpu.status = fpu.status & !(SUMMARY | BUSY) | if pending { SUMMARY | BUSY } else { 0 };
    }

    /// The tag word of the old formats: two bits for each register, 0 valid, 1 zero, 2 special, 3 empty.
    fn tags(&self) -> u16 {
        (0..8).fold(0, |tags, physical| {
            let value = self.s.fpu.registers[physical];
            let (exponent, fraction) = ((value >> 64) as u16 & 0x7fff, value as u64);
            let tag = if self.s.fpu.in_use >> physical & 1 == 0 {
                3
            } else if exponent == 0 && fraction == 0 {
                1
            } else if exponent == 0 || exponent == 0x7fff || fraction >> 63 == 0 {
                2
            } else {
                0
            };
            tags | tag << (2 * physical)
        })
    }
}

/// FLDCW.
pub(crate) fn load_control(core: &mut Core, env: &mut Env, op: &Op) -> Step {
    core.fpu_waits()?;
    let control = core.load::<2>(env, op)? as u16;
    core.set_control(control);
    Ok(())
}

/// FNSTSW to storage, or to AX.
pub(crate) fn store_status<const STORAGE: bool>(core: &mut Core, env: &mut Env, op: &Op) -> Step {
    core.fpu()?;
    let status = u64::from(core.s.fpu.status);
    if STORAGE {
        return core.store::<2>(env, op, status);
    }
    core.set::<2>(0, status);
    Ok(())
}

/// FWAIT.
pub(crate) fn wait(core: &mut Core, _: &mut Env, _: &Op) -> Step {
    if core.s.cr0 & crate::core::CR0_MP != 0 && core.s.cr0 & CR0_TS != 0 {
        return Err(core.raise(vector::NM));
    }
    if core.s.fpu.status & SUMMARY != 0 { Err(core.raise(vector::MF)) } else { Ok(()) }
}

/// FNSTENV and FNSAVE; words of `S` bytes.
pub(crate) fn save<const S: usize, const ALL: bool>(core: &mut Core, env: &mut Env, op: &Op) -> Step {
    core.fpu()?;
    let size = if ALL { 7 * S + 80 } else { 7 * S } as u64;
    let address = core.segmented(op.segment, core.offset(op), size, crate::translate::Access::Write)?;
    core.probe(env, op, address, size)?;
    let high = if S == 4 { 0xffff_0000 } else { 0 };
    let fpu = core.s.fpu;
    let words = [u64::from(fpu.control) | high, u64::from(fpu.status) | high, u64::from(core.tags()) | high, 0, 0, 0, high];
    for (position, word) in words.into_iter().enumerate() {
        core.write::<S>(env, op, core.cut(address + (position * S) as u64), word)?;
    }
    if ALL {
        for position in 0..8 {
            let at = core.cut(address + (7 * S + 10 * position) as u64);
            let value = core.st(position as u8);
            core.write::<8>(env, op, at, value as u64)?;
            core.write::<2>(env, op, core.cut(at + 8), (value >> 64) as u64)?;
        }
        core.s.fpu = crate::state::Fpu { registers: fpu.registers, ..Default::default() };
    } else {
        core.s.fpu.control |= 0x3f;
        core.s.fpu.status &= !(SUMMARY | BUSY);
    }
    Ok(())
}

/// FLDENV and FRSTOR.
pub(crate) fn restore<const S: usize, const ALL: bool>(core: &mut Core, env: &mut Env, op: &Op) -> Step {
    core.fpu_waits()?;
    let size = if ALL { 7 * S + 80 } else { 7 * S } as u64;
    let address = core.segmented(op.segment, core.offset(op), size, crate::translate::Access::Read)?;
    let mut words = [0; 3];
    for (position, word) in words.iter_mut().enumerate() {
        *word = core.read::<S>(env, op, core.cut(address + (position * S) as u64))? as u16;
    }
    let mut values = [0; 8];
    if ALL {
        for (position, value) in values.iter_mut().enumerate() {
            let at = core.cut(address + (7 * S + 10 * position) as u64);
            let low = core.read::<8>(env, op, at)?;
            *value = u128::from(low) | u128::from(core.read::<2>(env, op, core.cut(at + 8))?) << 64;
        }
    }
    core.s.fpu.status = words[1];
    core.s.fpu.in_use = (0..8).fold(0, |all, n| all | u8::from(words[2] >> (2 * n) & 3 != 3) << n);
    core.set_control(words[0]);
    if ALL {
        for (position, value) in values.into_iter().enumerate() {
            let physical = core.physical(position as u8);
            core.s.fpu.registers[physical] = value;
        }
    }
    Ok(())
}
