//! FXSAVE and FXRSTOR: x87 and SSE registers in 512 bytes of storage.

use crate::core::{CR0_EM, CR0_TS, Core, Env, Op, Step, vector};
use crate::translate::Access;

/// Bits of MXCSR that exist, denormals-are-zero among them.
pub(crate) const MXCSR_MASK: u32 = 0xffff;

impl Core {
    /// The aligned address of the area.
    fn area(&mut self, op: &Op, access: Access) -> Result<u64, crate::core::Raised> {
        if self.s.cr0 & CR0_EM != 0 {
            return Err(self.undefined());
        }
        if self.s.cr0 & CR0_TS != 0 {
            return Err(self.raise(vector::NM));
        }
        let address = self.segmented(op.segment, self.offset(op), 512, access)?;
        if address & 15 != 0 { Err(self.protection()) } else { Ok(address) }
    }

    /// SSE registers that the mode has.
    fn vectors(&self) -> usize {
        if self.mode.is_long() { 16 } else { 8 }
    }
}

/// FXSAVE.
pub(crate) fn fxsave(core: &mut Core, env: &mut Env, op: &Op) -> Step {
    let address = core.area(op, Access::Write)?;
    core.probe(env, op, address, 512)?;
    let fpu = core.s.fpu;
    let top = (fpu.status >> 11 & 7) as usize;
    let first = u64::from(fpu.control) | u64::from(fpu.status) << 16 | u64::from(fpu.in_use) << 32 | u64::from(fpu.opcode) << 48;
    let control = u64::from(core.s.mxcsr) | u64::from(MXCSR_MASK) << 32;
    for (position, value) in [first, fpu.instruction, fpu.operand, control].into_iter().enumerate() {
        core.write::<8>(env, op, core.cut(address + 8 * position as u64), value)?;
    }
    let stack = (0..8).map(|position| fpu.registers[(top + position) & 7] & ((1 << 80) - 1));
    let vectors = core.s.xmm;
    let count = core.vectors();
    let places = stack.chain(vectors.into_iter().take(count)).enumerate();
    for (position, value) in places {
        let at = core.cut(address + 32 + 16 * position as u64);
        core.write::<8>(env, op, at, value as u64)?;
        core.write::<8>(env, op, core.cut(at + 8), (value >> 64) as u64)?;
    }
    Ok(())
}

/// FXRSTOR: reserved bits of MXCSR are #GP(0), and nothing is loaded.
pub(crate) fn fxrstor(core: &mut Core, env: &mut Env, op: &Op) -> Step {
    let address = core.area(op, Access::Read)?;
    let mut words = [0; 64];
    for (position, word) in words.iter_mut().enumerate() {
        *word = core.read::<8>(env, op, core.cut(address + 8 * position as u64))?;
    }
    let mxcsr = words[3] as u32;
    if mxcsr & !MXCSR_MASK != 0 {
        return Err(core.protection());
    }
    let place = |position: usize| u128::from(words[4 + 2 * position]) | u128::from(words[5 + 2 * position]) << 64;
    let fpu = &mut core.s.fpu;
    fpu.control = words[0] as u16 & 0x1f3f | 0x40;
    fpu.status = (words[0] >> 16) as u16;
    fpu.in_use = (words[0] >> 32) as u8;
    fpu.opcode = (words[0] >> 48) as u16 & 0x7ff;
    (fpu.instruction, fpu.operand) = (words[1], words[2]);
    let top = (fpu.status >> 11 & 7) as usize;
    for position in 0..8 {
        fpu.registers[(top + position) & 7] = place(position) & ((1 << 80) - 1);
    }
    core.s.mxcsr = mxcsr;
    for register in 0..core.vectors() {
        core.s.xmm[register] = place(8 + register);
    }
    Ok(())
}
