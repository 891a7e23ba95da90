//! What the instructions work on: registers in the form that is fastest to use, and what they ask of the loop that runs them.

use crate::bus::{Bus, Cycle};
use crate::cpu::Exception;
use crate::flags::{Flags, bit};
use crate::memory::Memory;
use crate::points::Points;
use crate::state::{Segment, State};
use crate::tlb::{GENERATION, GENERATIONS, Tlb, USER};

/// An exception was raised; which, says [`Core::exception`].
#[derive(Debug)]
pub(crate) struct Raised;

/// What an instruction returns.
pub(crate) type Step = Result<(), Raised>;

/// The code of an instruction form.
pub(crate) type Handler = for<'m> fn(&mut Core, &mut Env<'m>, &Op) -> Step;

/// The same on the fast way: it goes on to the rest of its trace by itself. The count of the trace's instructions that were done, and
/// [`crate::fast::STOPPED`] with it if one wanted to be the last; 0 if an exception was raised.
pub(crate) type Fast = for<'m> fn(&mut Core, &mut Env<'m>, &Op, &[Op]) -> u64;

/// What is outside the processor during one run.
pub(crate) struct Env<'m> {
    pub(crate) memory: &'m Memory,
    pub(crate) bus: &'m mut (dyn Bus + 'm),
    pub(crate) tlb: Box<Tlb<'m>>,
    /// Pages that had become code when the table of writes was last emptied for it.
    pub(crate) marked: u64,
}

impl Env<'_> {
    /// Pages became code: stores are looked at anew.
    pub(crate) fn look_at_stores(&mut self) {
        if self.marked != self.memory.marked() {
            self.marked = self.memory.marked();
            self.tlb.writes.clear();
        }
    }
}

/// A decoded instruction. What the fields mean is the handler's business, except for the memory operand and the places.
#[derive(Clone, Copy)]
pub(crate) struct Op {
    pub(crate) run: Handler,
    /// For traces that are executed whole.
    pub(crate) fast: Fast,
    pub(crate) immediate: u64,
    /// Memory operand: `regs[base] + (regs[index] << scale) + displacement`, cut to `64 - shrink` bits, in segment `segment`.
    pub(crate) displacement: u64,
    /// Offset of the instruction from the start of its trace.
    pub(crate) start: u16,
    /// Offset of the next one.
    pub(crate) end: u16,
    pub(crate) to: u8,
    pub(crate) from: u8,
    pub(crate) base: u8,
    pub(crate) index: u8,
    pub(crate) scale: u8,
    pub(crate) shrink: u8,
    pub(crate) segment: u8,
    /// Position in the trace: instructions before it.
    pub(crate) place: u8,
}

impl Op {
    /// What the processor does between instructions is done in the name of this one.
    pub(crate) fn idle() -> Self {
        crate::decode::empty(|_, _, _| Ok(()))
    }
}

/// Index of a register that is always zero.
pub(crate) const ZERO: u8 = 16;
/// Index of the address of the trace's first instruction.
pub(crate) const HERE: u8 = 17;
/// 8-bit registers from here on are AH, CH, DH, BH.
pub(crate) const HIGH: u8 = 24;

/// Segment codes of memory operands beyond the six registers: no check, base zero.
pub(crate) const FLAT: u8 = 6;
/// As [`FLAT`]; a non-canonical address is a stack fault.
pub(crate) const STACK: u8 = 7;
/// FS in 64-bit mode: a base and no check. GS follows.
pub(crate) const LONG_FS: u8 = 8;

/// Exception vectors.
pub(crate) mod vector {
    pub(crate) const DE: u8 = 0;
    pub(crate) const DB: u8 = 1;
    pub(crate) const BR: u8 = 5;
    pub(crate) const UD: u8 = 6;
    pub(crate) const NM: u8 = 7;
    pub(crate) const DF: u8 = 8;
    pub(crate) const TS: u8 = 10;
    pub(crate) const NP: u8 = 11;
    pub(crate) const SS: u8 = 12;
    pub(crate) const GP: u8 = 13;
    pub(crate) const PF: u8 = 14;
    pub(crate) const MF: u8 = 16;
    pub(crate) const XM: u8 = 19;
}

pub(crate) const CR0_PE: u64 = 1;
pub(crate) const CR0_MP: u64 = 1 << 1;
pub(crate) const CR0_EM: u64 = 1 << 2;
pub(crate) const CR0_TS: u64 = 1 << 3;
pub(crate) const CR0_NE: u64 = 1 << 5;
pub(crate) const CR0_WP: u64 = 1 << 16;
pub(crate) const CR0_PG: u64 = 1 << 31;
pub(crate) const CR4_TSD: u64 = 1 << 2;
pub(crate) const CR4_DE: u64 = 1 << 3;
pub(crate) const CR4_PSE: u64 = 1 << 4;
pub(crate) const CR4_PAE: u64 = 1 << 5;
pub(crate) const CR4_PGE: u64 = 1 << 7;
pub(crate) const CR4_PCE: u64 = 1 << 8;
pub(crate) const CR4_OSFXSR: u64 = 1 << 9;
pub(crate) const CR4_OSXMMEXCPT: u64 = 1 << 10;
pub(crate) const EFER_SCE: u64 = 1;
pub(crate) const EFER_LME: u64 = 1 << 8;
pub(crate) const EFER_LMA: u64 = 1 << 10;
pub(crate) const EFER_NXE: u64 = 1 << 11;

/// How code is decoded: width of code, and what lets operands do without checks.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Mode(pub(crate) u8);

impl Mode {
    const CODE_32: u8 = 1;
    const CODE_64: u8 = 2;
    const IS_FLAT: u8 = 4;
    const STACK_32: u8 = 8;

    /// 16, 32 or 64.
    pub(crate) fn bits(self) -> u32 {
        16 << (self.0 & 3)
    }

    pub(crate) fn is_long(self) -> bool {
        self.0 & Self::CODE_64 != 0
    }

    /// ES, SS and DS are 4 GiB from 0, or it is 64-bit mode.
    pub(crate) fn is_flat(self) -> bool {
        self.0 & Self::IS_FLAT != 0
    }

    /// Bytes of the stack pointer: 2, 4 or 8.
    pub(crate) fn stack(self) -> usize {
        if self.is_long() {
            8
        } else if self.0 & Self::STACK_32 != 0 {
            4
        } else {
            2
        }
    }
}

/// What an instruction makes of the rest of its trace.
pub(crate) mod last {
    pub(crate) const NO: u8 = 0;
    /// It is the last, and the next one is where it would be anyway.
    pub(crate) const PAUSED: u8 = 1;
    /// It went elsewhere.
    pub(crate) const JUMPED: u8 = 2;
}

/// The inside of a processor.
pub(crate) struct Core {
    /// The 16 general registers, [`ZERO`], [`HERE`]; and nothing, so that any number of 8 bits is an index.
    pub(crate) regs: [u64; 256],
    /// While a trace runs: where it goes on. Between traces: the instruction address.
    pub(crate) rip: u64,
    pub(crate) flags: Flags,
    /// All other bits of RFLAGS.
    pub(crate) modes: u64,
    /// Bases by segment code.
    pub(crate) bases: [u64; 16],
    /// What translations that may be used have in the low bits of their tags: the privilege and the generation.
    pub(crate) key: u64,
    /// Generations began anew: translations of all of them must go before the next access.
    pub(crate) stale: bool,
    /// Breakpoints and watchpoints.
    pub(crate) points: Points,
    /// Whether the running instruction is the last of its trace, though others follow: one of [`last`].
    pub(crate) last: u8,
    /// A string instruction is to be executed again: it has not finished.
    pub(crate) again: bool,
    /// Instructions before the running trace.
    pub(crate) now: u64,
    /// The loop looks around when this is reached; 0 makes it do so after the trace.
    pub(crate) stop_at: u64,
    pub(crate) mode: Mode,
    pub(crate) exception: Exception,
    /// The exception is a trap: its instruction is done.
    pub(crate) trap: bool,
    /// The bus wants out.
    pub(crate) leave: bool,
    /// No interrupt before the instruction after the one at this count (STI, loading SS).
    pub(crate) shadow: u64,
    /// No debug trap at this count: SS was loaded, and the instruction that loads the stack pointer comes first.
    pub(crate) quiet: u64,
    pub(crate) processor: usize,
    pub(crate) intercept: bool,
    /// All registers that have no faster form above. Those that do are stale here.
    pub(crate) s: State,
}

impl Core {
    pub(crate) fn new(processor: usize) -> Self {
        let mut core = Self {
            regs: [0; 256],
            rip: 0,
            flags: Flags::from_bits(0),
            modes: 0,
            bases: [0; 16],
            key: 0,
            stale: false,
            points: Points::default(),
            last: last::NO,
            again: false,
            now: 0,
            stop_at: 0,
            mode: Mode(0),
            exception: Exception { vector: 0, error: None, address: 0 },
            trap: false,
            leave: false,
            shadow: u64::MAX,
            quiet: u64::MAX,
            processor,
            intercept: false,
            s: State::reset(),
        };
        core.set_state(&State { waits_for_start_up: processor != 0, ..State::reset() });
        core
    }

    pub(crate) fn state(&self) -> State {
        let mut state = self.s.clone();
        state.general.copy_from_slice(&self.regs[..16]);
        state.rip = self.rip;
        state.rflags = self.rflags();
        state
    }

    pub(crate) fn set_state(&mut self, state: &State) {
        self.s = state.clone();
        self.regs[..16].copy_from_slice(&state.general);
        self.rip = state.rip;
        let possible = state.cr0 & CR0_PE != 0 && state.efer & EFER_LMA == 0;
        self.set_rflags(if possible { state.rflags } else { state.rflags & !bit::VM });
        self.shadow = u64::MAX;
        self.segments_changed();
        self.stale |= self.next_generation();
        self.debug_registers_changed();
    }

    /// Makes all translations unusable; whether the tables must be emptied, too, because generations began anew.
    fn next_generation(&mut self) -> bool {
        self.key = self.key & !GENERATIONS | self.key.wrapping_add(GENERATION) & GENERATIONS;
        self.key & GENERATIONS == 0
    }

    /// Forgets all translations.
    pub(crate) fn forget_translations(&mut self, env: &mut Env) {
        if self.next_generation() {
            env.tlb.clear();
        }
    }

    /// Whether it is at privilege level 3.
    #[inline(always)]
    pub(crate) fn is_user(&self) -> bool {
        self.key & USER != 0
    }

    /// Low bits of the tag of a translation for an access at level 3 or at another level.
    pub(crate) fn key_of(&self, user: bool) -> u64 {
        self.key & GENERATIONS | if user { USER } else { 0 }
    }

    pub(crate) fn rflags(&self) -> u64 {
        self.flags.bits() | self.modes | 2
    }

    pub(crate) fn set_rflags(&mut self, rflags: u64) {
        self.flags = Flags::from_bits(rflags);
        let system = bit::IOPL | bit::NT | bit::RF | bit::VM | bit::AC | bit::VIF | bit::VIP | bit::ID;
        self.modes = rflags & (bit::TF | bit::IF | bit::DF | system);
        self.look();
    }

    /// The loop is to look around after this trace: interrupts may be possible now, a mode changed.
    pub(crate) fn look(&mut self) {
        self.stop_at = 0;
    }

    /// This instruction is the last of its trace, and the loop looks around.
    pub(crate) fn pause(&mut self) {
        self.last = last::PAUSED;
        self.stop_at = 0;
    }

    pub(crate) fn cycle<'m>(&self, memory: &'m Memory, op: &Op) -> Cycle<'m> {
        Cycle { memory, processor: self.processor, now: self.now + u64::from(op.place) }
    }

    /// Current privilege level.
    pub(crate) fn cpl(&self) -> u8 {
        if self.s.cr0 & CR0_PE == 0 { 0 } else { (self.s.segments[State::SS].attributes >> 5) as u8 & 3 }
    }

    /// Segments have descriptors: protected mode, not virtual-8086 mode.
    pub(crate) fn protected(&self) -> bool {
        self.s.cr0 & CR0_PE != 0 && self.modes & bit::VM == 0
    }

    /// Virtual-8086 mode.
    pub(crate) fn is_virtual(&self) -> bool {
        self.modes & bit::VM != 0
    }

    /// In virtual-8086 mode #GP(0) unless IOPL is 3: for what a monitor of it does itself.
    pub(crate) fn sensitive(&mut self) -> Step {
        if self.is_virtual() && self.modes & bit::IOPL != bit::IOPL { Err(self.protection()) } else { Ok(()) }
    }

    /// IA-32e mode, 64-bit or compatibility.
    pub(crate) fn long_active(&self) -> bool {
        self.s.efer & EFER_LMA != 0
    }

    /// To be called when a segment register, CR0 or EFER changed: derives mode, bases and privilege.
    pub(crate) fn segments_changed(&mut self) {
        for (base, segment) in self.bases.iter_mut().zip(&self.s.segments) {
            *base = segment.base;
        }
        self.bases[LONG_FS as usize] = self.s.segments[State::FS].base;
        self.bases[LONG_FS as usize + 1] = self.s.segments[State::GS].base;
        self.key = self.key_of(self.cpl() == 3);
        let flat = |s: &Segment| s.base == 0 && s.limit == u32::MAX && s.attributes & 0x9e == 0x92;
        let width = self.s.code_width();
        self.mode = if width == 64 {
            Mode(Mode::CODE_64 | Mode::IS_FLAT)
        } else {
            let mut mode = if width == 32 { Mode::CODE_32 } else { 0 };
            if [State::ES, State::SS, State::DS].iter().all(|&segment| flat(&self.s.segments[segment])) {
                mode |= Mode::IS_FLAT;
            }
            if self.s.segments[State::SS].attributes & 1 << 14 != 0 {
                mode |= Mode::STACK_32;
            }
            Mode(mode)
        };
    }

    #[cold]
    pub(crate) fn raise(&mut self, vector: u8) -> Raised {
        self.exception = Exception { vector, error: None, address: 0 };
        Raised
    }

    #[cold]
    pub(crate) fn raise_with(&mut self, vector: u8, error: u32) -> Raised {
        self.exception = Exception { vector, error: Some(error), address: 0 };
        Raised
    }

    /// #GP(0).
    #[cold]
    pub(crate) fn protection(&mut self) -> Raised {
        self.raise_with(vector::GP, 0)
    }

    /// #UD.
    #[cold]
    pub(crate) fn undefined(&mut self) -> Raised {
        self.raise(vector::UD)
    }

    /// #GP(0) unless at privilege level 0.
    pub(crate) fn privileged(&mut self) -> Step {
        if self.cpl() == 0 { Ok(()) } else { Err(self.protection()) }
    }

    #[inline(always)]
    pub(crate) fn get<const S: usize>(&self, register: u8) -> u64 {
        if S == 1 && register >= HIGH {
            return self.regs[(register & 7) as usize] >> 8 & 0xff;
        }
        crate::flags::low::<S>(self.regs[register as usize])
    }

    #[inline(always)]
    pub(crate) fn set<const S: usize>(&mut self, register: u8, value: u64) {
        if S == 1 && register >= HIGH {
            let whole = &mut self.regs[(register & 7) as usize];
            *whole = *whole & !0xff00 | (value & 0xff) << 8;
            return;
        }
        let whole = &mut self.regs[register as usize];
        *whole = match S {
            1 => *whole & !0xff | value & 0xff,
            2 => *whole & !0xffff | value & 0xffff,
            4 => u64::from(value as u32),
            _ => value,
        };
    }

    /// Instruction address of `op`.
    pub(crate) fn address_of(&self, op: &Op) -> u64 {
        self.cut(self.regs[HERE as usize].wrapping_add(u64::from(op.start)))
    }

    /// Address of the instruction after `op`.
    #[inline(always)]
    pub(crate) fn next(&self, op: &Op) -> u64 {
        self.cut(self.regs[HERE as usize].wrapping_add(u64::from(op.end)))
    }

    /// Begins a trace of so many bytes at the instruction address, which it returns: unless an instruction says otherwise, it goes on behind it.
    #[inline(always)]
    pub(crate) fn begin(&mut self, length: u64) -> u64 {
        let start = self.rip;
        self.regs[HERE as usize] = start;
        self.rip = self.cut(start.wrapping_add(length));
        self.last = last::NO;
        start
    }

    /// An instruction of the running trace raised an exception: goes back before it, or behind it if it is a trap.
    #[cold]
    pub(crate) fn raised_at(&mut self, op: &Op) {
        self.rip = if self.trap { self.next(op) } else { self.address_of(op) };
        self.now += u64::from(op.place) + 1;
    }

    /// So many instructions of a trace are executed and counted, the last of which may be one to be executed again: finds where it goes on.
    pub(crate) fn settle(&mut self, ops: &[Op], start: u64, mut done: usize) {
        if std::mem::take(&mut self.again) {
            self.modes |= bit::RF;
            self.now -= 1;
            done -= 1;
        }
        if self.last != last::JUMPED
            && let Some(next) = ops.get(done)
        {
            self.rip = self.cut(start.wrapping_add(u64::from(next.start)));
        }
    }

    /// An instruction address as wide as the code is.
    #[inline(always)]
    pub(crate) fn cut(&self, address: u64) -> u64 {
        if self.mode.is_long() { address } else { address & 0xffff_ffff }
    }

    /// The exception's address of the stack pointer, cut to the stack's width.
    pub(crate) fn stack_mask(&self) -> u64 {
        match self.mode.stack() {
            8 => u64::MAX,
            4 => 0xffff_ffff,
            _ => 0xffff,
        }
    }
}
