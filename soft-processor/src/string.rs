//! String instructions. Repetitions run in here, storage to storage a page at a time where that is the same as one by one; each counts as
//! an instruction, and between two of them the loop may take over.
//!
//! Fields of [`Op`]: `segment` of the source, `to` the segment of the destination, `from` the repetition (0 none, 1 while equal or just
//! repeat, 2 while not equal), `shrink` for the width of SI, DI and CX.

use crate::core::{Core, Env, Op, Raised, Step, last};
use crate::flags::{Flags, bit, extend};
use crate::memory::Window;
use crate::state::State;
use crate::translate::Access;

/// Index of SI and DI.
const SI: usize = 6;
const DI: usize = 7;

impl Core {
    fn step<const S: usize>(&self) -> u64 {
        if self.modes & bit::DF == 0 { S as u64 } else { (S as u64).wrapping_neg() }
    }

    /// Index register as wide as addresses are.
    fn pointer(&self, register: usize, op: &Op) -> u64 {
        self.regs[register] & (u64::MAX >> op.shrink)
    }

    /// Sets an index register or counter.
    fn set_pointer(&mut self, register: usize, op: &Op, value: u64) {
        match op.shrink {
            48 => self.set::<2>(register as u8, value),
            32 => self.set::<4>(register as u8, value),
            _ => self.regs[register] = value,
        }
    }

    fn advance<const S: usize>(&mut self, register: usize, op: &Op, times: u64) {
        let moved = self.regs[register].wrapping_add(self.step::<S>().wrapping_mul(times));
        self.set_pointer(register, op, moved);
    }

    /// Runs `one` as often as the prefix says. It is given how many may be done at once and says how many it did, and whether that was the
    /// last because of a comparison.
    fn repeat(&mut self, env: &mut Env, op: &Op, mut one: impl FnMut(&mut Self, &mut Env, u64) -> Result<(u64, bool), Raised>) -> Step {
        if op.from == 0 {
            return one(self, env, 1).map(|_| ());
        }
        let limit = self.stop_at.saturating_sub(self.now + u64::from(op.place)).max(1);
        let mut done = 0;
        loop {
            let left = self.pointer(1, op);
            if left == 0 {
                break;
            }
            if done >= limit || done > 0 && self.last != last::NO {
                self.again = true;
                self.last = last::PAUSED;
                self.now += done;
                return Ok(());
            }
            match one(self, env, left.min(limit - done)) {
                Ok((times, last)) => {
                    done += times;
                    self.set_pointer(1, op, left - times);
                    if last {
                        break;
                    }
                }
                Err(raised) => {
                    self.now += done;
                    return Err(raised);
                }
            }
        }
        self.now += done.saturating_sub(1);
        Ok(())
    }

    /// Linear address of the source or destination element.
    fn element<const S: usize>(&mut self, op: &Op, register: usize, access: Access) -> Result<u64, Raised> {
        let segment = if register == SI { op.segment } else { op.to };
        let offset = self.pointer(register, op);
        self.segmented(segment, offset, S as u64, access)
    }

    /// How many elements from here to the end of the page may be done at once: none unless the index runs forward within its width and segment.
    fn run_length<const S: usize>(&mut self, op: &Op, register: usize, times: u64, access: Access) -> u64 {
        let offset = self.pointer(register, op);
        let segment = if register == SI { op.segment } else { op.to };
        if self.modes & bit::DF != 0 {
            return 0;
        }
        let Ok(address) = self.segmented(segment, offset, S as u64, access) else { return 0 };
        let in_page = (4096 - (address & 0xfff)) / S as u64;
        let in_width = ((u64::MAX >> op.shrink) - offset) / S as u64;
        let mut times = times.min(in_page).min(in_width);
        if segment < crate::core::FLAT {
            while times > 1 && self.segmented(segment, offset, times * S as u64, access).is_err() {
                times /= 2;
            }
        }
        times
    }
}

/// MOVS.
pub(crate) fn movs<const S: usize>(core: &mut Core, env: &mut Env, op: &Op) -> Step {
    core.repeat(env, op, |core, env, times| {
        if times > 1 {
            let times = core.run_length::<S>(op, SI, times, Access::Read).min(core.run_length::<S>(op, DI, times, Access::Write));
            if times > 1
                && let Some(times) = move_run::<S>(core, env, op, times)?
            {
                return Ok((times, false));
            }
        }
        let from = core.element::<S>(op, SI, Access::Read)?;
        let value = core.read::<S>(env, op, from)?;
        let to = core.element::<S>(op, DI, Access::Write)?;
        core.write::<S>(env, &at_destination(op), to, value)?;
        core.advance::<S>(SI, op, 1);
        core.advance::<S>(DI, op, 1);
        Ok((1, false))
    })
}

/// Moves a run within two pages, if both are in the tables of translations and moving it at once is the same.
fn move_run<const S: usize>(core: &mut Core, env: &mut Env, op: &Op, times: u64) -> Result<Option<u64>, Raised> {
    let from = core.element::<S>(op, SI, Access::Read)?;
    let to = core.element::<S>(op, DI, Access::Write)?;
    let (Some(source), Some((target, physical))) = (env.tlb.reads.find::<S>(from, core.key), target::<S>(core, env, to)) else {
        return Ok(None);
    };
    let (from, to, length) = ((from & 0xfff) as usize, (to & 0xfff) as usize, (times * S as u64) as usize);
    if source == target && to > from && to < from + length {
        return Ok(None);
    }
    target.copy(to, source, from, length);
    core.stored(env, physical, length as u64);
    core.advance::<S>(SI, op, times);
    core.advance::<S>(DI, op, times);
    Ok(Some(times))
}

/// The page to store into, with or without code in it.
fn target<'m, const S: usize>(core: &Core, env: &Env<'m>, address: u64) -> Option<(Window<'m>, u64)> {
    let entry = env.tlb.writes.at(address);
    let found = entry.tag & !crate::tlb::CODE == address & !0xfff | core.key;
    if found { entry.window.map(|window| (window, entry.physical | address & 0xfff)) } else { None }
}

/// STOS.
pub(crate) fn stos<const S: usize>(core: &mut Core, env: &mut Env, op: &Op) -> Step {
    core.repeat(env, op, |core, env, times| {
        let to = core.element::<S>(op, DI, Access::Write)?;
        let value = core.get::<S>(0);
        if times > 1 {
            let times = core.run_length::<S>(op, DI, times, Access::Write);
            if times > 1
                && let Some((window, physical)) = target::<S>(core, env, to)
            {
                window.fill((to & 0xfff) as usize, (times * S as u64) as usize, value, S);
                core.stored(env, physical, times * S as u64);
                core.advance::<S>(DI, op, times);
                return Ok((times, false));
            }
        }
        core.write::<S>(env, &at_destination(op), to, value)?;
        core.advance::<S>(DI, op, 1);
        Ok((1, false))
    })
}

/// LODS.
pub(crate) fn lods<const S: usize>(core: &mut Core, env: &mut Env, op: &Op) -> Step {
    core.repeat(env, op, |core, env, _| {
        let from = core.element::<S>(op, SI, Access::Read)?;
        let value = core.read::<S>(env, op, from)?;
        core.set::<S>(0, value);
        core.advance::<S>(SI, op, 1);
        Ok((1, false))
    })
}

fn compared<const S: usize>(core: &mut Core, op: &Op, a: u64, b: u64) -> bool {
    core.flags = Flags::difference::<S>(a, b, a.wrapping_sub(b));
    let equal = extend::<S>(a) == extend::<S>(b);
    op.from == 1 && !equal || op.from == 2 && equal
}

/// SCAS.
pub(crate) fn scas<const S: usize>(core: &mut Core, env: &mut Env, op: &Op) -> Step {
    core.repeat(env, op, |core, env, _| {
        let at = core.element::<S>(op, DI, Access::Read)?;
        let value = core.read::<S>(env, &at_destination(op), at)?;
        let last = compared::<S>(core, op, core.get::<S>(0), value);
        core.advance::<S>(DI, op, 1);
        Ok((1, last))
    })
}

/// CMPS.
pub(crate) fn cmps<const S: usize>(core: &mut Core, env: &mut Env, op: &Op) -> Step {
    core.repeat(env, op, |core, env, _| {
        // If both fault, it is the second one's fault that processors show.
        let second = core.element::<S>(op, DI, Access::Read)?;
        let b = core.read::<S>(env, &at_destination(op), second)?;
        let first = core.element::<S>(op, SI, Access::Read)?;
        let a = core.read::<S>(env, op, first)?;
        let last = compared::<S>(core, op, a, b);
        core.advance::<S>(SI, op, 1);
        core.advance::<S>(DI, op, 1);
        Ok((1, last))
    })
}

/// INS.
pub(crate) fn ins<const S: usize>(core: &mut Core, env: &mut Env, op: &Op) -> Step {
    core.may_use_port(env, op, core.regs[2] as u16, S as u8)?;
    core.repeat(env, op, |core, env, _| {
        let to = core.element::<S>(op, DI, Access::Write)?;
        core.probe(env, &at_destination(op), to, S as u64)?;
        let cycle = core.cycle(env.memory, op);
        let value = env.bus.port_in(cycle, core.regs[2] as u16, S as u8);
        core.write::<S>(env, &at_destination(op), to, u64::from(value))?;
        core.advance::<S>(DI, op, 1);
        core.note_port(core.regs[2] as u16, S as u8);
        core.look();
        Ok((1, false))
    })
}

/// OUTS.
pub(crate) fn outs<const S: usize>(core: &mut Core, env: &mut Env, op: &Op) -> Step {
    core.may_use_port(env, op, core.regs[2] as u16, S as u8)?;
    core.repeat(env, op, |core, env, _| {
        let from = core.element::<S>(op, SI, Access::Read)?;
        let value = core.read::<S>(env, op, from)?;
        core.advance::<S>(SI, op, 1);
        core.output(env, op, core.regs[2] as u16, S as u8, value as u32);
        Ok((1, false))
    })
}

/// The instruction as its destination sees it: in the destination's segment.
fn at_destination(op: &Op) -> Op {
    Op { segment: op.to, ..*op }
}

/// Segment of the destination: ES, or none in 64-bit mode.
pub(crate) fn destination(mode: crate::core::Mode) -> u8 {
    if mode.is_flat() { crate::core::FLAT } else { State::ES as u8 }
}
