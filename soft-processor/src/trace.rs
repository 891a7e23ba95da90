//! Decoded code: straight runs of instructions (*traces*), found by the guest-physical address of their first byte and the mode.
//!
//! A trace ends at a branch that is always taken, at an instruction that may change how code is read or want the loop to look around, after 32 instructions, or before the
//! end of the page. An instruction that crosses a page is a trace of its own, whose bytes are compared every time, because the second page may
//! be another one. All other traces are compared with storage once after each change of the *epoch*, which moves when a store
//! hits a part of a page that holds decoded code, whoever stores, and when the owner of storage says that others may have stored into it. So changed code is never executed, whoever
//! changed it, and machines that run the same page share its traces.

use iced_x86::{Decoder, DecoderError, DecoderOptions};

use crate::core::{Core, Env, Mode, Op, Raised};
use crate::decode;
use crate::memory::Window;
use crate::state::State;
use crate::translate::Access;

const SLOTS: usize = 1 << 15;
/// Instructions in a trace.
const LONGEST: usize = 32;
/// Instructions kept altogether; then all is forgotten and decoded again.
const MOST: usize = 1 << 18;
/// Bytes of an instruction.
const INSTRUCTION: usize = 15;

/// Which instructions a trace is.
#[derive(Clone, Copy)]
pub(crate) struct Run {
    first: u32,
    /// Bytes of code.
    pub(crate) length: u16,
    pub(crate) count: u8,
}

impl Run {
    pub(crate) const NONE: Self = Self { first: 0, length: 0, count: 0 };
}

/// Where a trace is in the pools.
#[derive(Clone, Copy)]
struct Slot {
    /// Physical address and mode; all ones for none.
    key: u64,
    epoch: u64,
    run: Run,
    bytes: u32,
    crosses: bool,
}

const NONE: Slot = Slot { key: u64::MAX, epoch: 0, run: Run::NONE, bytes: 0, crosses: false };

/// All traces of one storage, for whichever of its processors runs.
#[derive(Default)]
pub(crate) struct Traces {
    slots: Vec<Slot>,
    ops: Vec<Op>,
    bytes: Vec<u8>,
}

impl Traces {
    /// The instructions of a trace.
    #[inline(always)]
    pub(crate) fn ops(&self, run: Run) -> &[Op] {
        &self.ops[run.first as usize..][..run.count as usize]
    }

    fn forget(&mut self, env: &Env) {
        // Whoever remembers where a trace is must look again.
        env.memory.changed_outside();
        self.slots.clear();
        self.slots.resize(SLOTS, NONE);
        self.ops.clear();
        self.bytes.clear();
    }

    /// The trace at the instruction address, decoded if need be; or the fault of fetching it.
    #[inline(always)]
    pub(crate) fn find(&mut self, core: &mut Core, env: &mut Env) -> Result<Run, Raised> {
        let address = core.fetch_address()?;
        match env.tlb.jumps.find(address, jump_key(core), env.memory.epoch()) {
            Some(run) => Ok(run),
            None => self.find_by_page(core, env, address),
        }
    }

    #[cold]
    #[inline(never)]
    fn find_by_page(&mut self, core: &mut Core, env: &mut Env, address: u64) -> Result<Run, Raised> {
        let entry = env.tlb.fetches.at(address);
        let physical = entry.physical | address & 0xfff;
        let known = self.slots.get(place(physical)).filter(|slot| {
            entry.tag == address & !0xfff | core.key && slot.key == key(physical, core.mode) && slot.epoch == env.memory.epoch()
        });
        let slot = match known {
            Some(slot) => *slot,
            None => self.find_slowly(core, env, address)?,
        };
        if !slot.crosses {
            env.tlb.jumps.put(address, jump_key(core), slot.epoch, slot.run);
        }
        Ok(slot.run)
    }

    fn find_slowly(&mut self, core: &mut Core, env: &mut Env, address: u64) -> Result<Slot, Raised> {
        if self.slots.is_empty() || self.ops.len() > MOST {
            self.forget(env);
        }
        let (physical, window) = core.fetch_page(env, address)?;
        let Some(window) = window else {
            // Code outside storage: what the bus would answer is no code.
            return Err(core.undefined());
        };
        let slot = self.slots[place(physical)];
        if slot.key == key(physical, core.mode) {
            let bytes = &self.bytes[slot.bytes as usize..][..slot.run.length as usize];
            let here = bytes.len().min(4096 - (address & 0xfff) as usize);
            if window.holds((address & 0xfff) as usize, &bytes[..here]) {
                let rest = &bytes[here..];
                if rest.is_empty() || core.next_page(env, address)?.holds(0, rest) {
                    let epoch = if slot.crosses { 0 } else { env.memory.epoch() };
                    let slot = Slot { epoch, ..slot };
                    self.slots[place(physical)] = slot;
                    mark(env, physical, here);
                    return Ok(slot);
                }
            }
        }
        self.decode(core, env, address, physical, window)
    }

    fn decode(&mut self, core: &mut Core, env: &mut Env, address: u64, physical: u64, window: Window) -> Result<Slot, Raised> {
        let mut code = [0; LONGEST * INSTRUCTION];
        let offset = (address & 0xfff) as usize;
        let mut here = code.len().min(4096 - offset);
        if !core.mode.is_long() {
            // Up to the limit of the code segment.
            let left = u64::from(core.s.segments[State::CS].limit) - core.rip;
            here = here.min(left.saturating_add(1).min(code.len() as u64) as usize);
        }
        window.load(offset, &mut code[..here]);
        let first = self.ops.len();
        let mut length = decode_run(&mut self.ops, &code[..here], core.mode, LONGEST);
        let mut crosses = false;
        if length == 0 {
            // The first instruction is cut off: by the end of the page, or by the limit.
            let ends_in_page = offset + here < 4096;
            if ends_in_page {
                return Err(core.protection());
            }
            let next = core.next_page(env, address)?;
            next.load(0, &mut code[here..here + INSTRUCTION]);
            length = decode_run(&mut self.ops, &code[..here + INSTRUCTION], core.mode, 1);
            crosses = true;
            if length == 0 {
                return Err(core.protection());
            }
        }
        let slot = Slot {
            key: key(physical, core.mode),
            epoch: if crosses { 0 } else { env.memory.epoch() },
            run: Run { first: first as u32, length: length as u16, count: (self.ops.len() - first) as u8 },
            bytes: self.bytes.len() as u32,
            crosses,
        };
        self.bytes.extend_from_slice(&code[..length]);
        self.slots[place(physical)] = slot;
        mark(env, physical, here.min(length));
        Ok(slot)
    }
}

/// Decodes up to `most` instructions that lie in `code` whole; returns the bytes of them. An invalid one becomes #UD and ends the trace.
fn decode_run(ops: &mut Vec<Op>, code: &[u8], mode: Mode, most: usize) -> usize {
    let mut decoder = Decoder::with_ip(mode.bits(), code, 0, DecoderOptions::NONE);
    let mut length = 0;
    let first = ops.len();
    let mut ways = Vec::with_capacity(LONGEST);
    for place in 0..most {
        if !decoder.can_decode() {
            break;
        }
        let instruction = decoder.decode();
        if decoder.last_error() == DecoderError::NoMoreBytes {
            if code.len() - length < INSTRUCTION {
                break;
            }
            // Longer than an instruction may be.
            ops.push(Op { start: length as u16, end: length as u16 + 1, place: place as u8, ..decode::too_long() });
            return length + 1;
        }
        let (op, way, ends) = decode::compile(&instruction, mode);
        ways.push(way);
        let end = length + instruction.len().max(1);
        ops.push(Op { start: length as u16, end: end as u16, place: place as u8, ..op });
        length = end;
        if ends {
            break;
        }
    }
    decode::choose(&mut ops[first..], &ways);
    length
}

/// Mode, privilege and generation at once.
#[inline(always)]
fn jump_key(core: &Core) -> u64 {
    core.key << 8 | u64::from(core.mode.0)
}

fn key(physical: u64, mode: Mode) -> u64 {
    physical << 4 | u64::from(mode.0)
}

fn place(physical: u64) -> usize {
    (physical ^ physical >> 13) as usize % SLOTS
}

/// Notes that part of a page is decoded code; stores into it are looked at from now on.
fn mark(env: &mut Env, physical: u64, length: usize) {
    if env.memory.decoded(physical, length as u64) {
        env.look_at_stores();
    }
}

impl Core {
    /// Linear address of the next instruction; #GP(0) if it is outside the code segment or not canonical.
    #[inline(always)]
    fn fetch_address(&mut self) -> Result<u64, Raised> {
        if self.mode.is_long() {
            return Ok(self.rip);
        }
        let code = &self.s.segments[State::CS];
        if self.rip > u64::from(code.limit) {
            return Err(self.protection());
        }
        Ok(code.base.wrapping_add(self.rip) & 0xffff_ffff)
    }

    fn fetch_page<'m>(&mut self, env: &mut Env<'m>, address: u64) -> Result<(u64, Option<Window<'m>>), Raised> {
        if self.mode.is_long() && !Self::canonical(address) {
            return Err(self.protection());
        }
        let physical = self.translate(env, address, Access::Fetch, self.is_user())?;
        self.enter(env, address, physical, Access::Fetch, self.is_user());
        Ok((physical, env.memory.window(physical)))
    }

    /// The page after that of `address`, for an instruction that crosses into it.
    fn next_page<'m>(&mut self, env: &mut Env<'m>, address: u64) -> Result<Window<'m>, Raised> {
        let next = self.cut((address & !0xfff).wrapping_add(4096));
        let (_, window) = self.fetch_page(env, next)?;
        window.ok_or_else(|| self.undefined())
    }
}
