//! One virtual processor: the interface, and the loop that runs it.

use crate::bus::Bus;
use crate::core::{Core, Env, Op, Raised, Step, last, vector};
use crate::fast::STOPPED;
use crate::flags::bit;
use crate::interrupt::Origin;
use crate::memory::{Kept, Memory};
use crate::points::{DETECT, MATCHES, SINGLE_STEP};
use crate::state::State;
use crate::trace::Traces;

/// An exception as the processor raises it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Exception {
    /// 0 to 31.
    pub vector: u8,
    /// Pushed with those that have one.
    pub error: Option<u32>,
    /// For page faults, the linear address (CR2).
    pub address: u64,
}

/// Why [`Cpu::run`] returned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// The given number of instructions was executed.
    Budget,
    /// HLT (or waiting for start-up), and nothing is due within the budget. With interrupts disabled only an NMI or INIT ends it.
    Halt,
    /// A triple fault. The state is that of the instruction which caused it.
    Shutdown,
    /// The bus wanted out; the instruction is completed.
    Leave,
    /// An exception, when [`Cpu::intercept_exceptions`] is on: not delivered, the state is that at the instruction, for traps (INT3, INTO,
    /// single step) after it.
    Exception(Exception),
    /// The next instruction is at one of [`Cpu::set_breakpoints`].
    Breakpoint,
    /// The instruction before the next accessed storage of [`Cpu::set_watchpoints`].
    Watchpoint {
        /// The first watched byte of the access, a linear address.
        address: u64,
        /// Whether it was stored into.
        write: bool,
    },
}

/// One virtual processor.
pub struct Cpu {
    pub(crate) core: Core,
    translations: Kept,
    /// Pages that had become code when translations for stores were last looked at.
    marked: u64,
}

impl Cpu {
    /// A processor after power-on. Number 0 is the one that starts; the others wait for start-up.
    pub fn new(processor: usize) -> Self {
        Self { core: Core::new(processor), translations: Kept::new(), marked: 0 }
    }

    /// Its number on the bus.
    pub fn processor(&self) -> usize {
        self.core.processor
    }

    /// Power-on state again; the clock goes on.
    pub fn reset(&mut self) {
        self.core.set_state(&State { waits_for_start_up: self.core.processor != 0, ..State::reset() });
    }

    /// INIT: as reset, except that vector registers and the time stamp counter keep what they have. A processor other than
    /// number 0 then waits for start-up.
    pub fn init(&mut self) {
        let old = self.state();
        self.reset();
        self.core.set_state(&State { fpu: old.fpu, xmm: old.xmm, mxcsr: old.mxcsr, tsc_offset: old.tsc_offset, ..self.state() });
    }

    /// A start-up interprocessor interrupt: begins at `vector << 12` in real mode if it waits for one.
    pub fn start_up(&mut self, vector: u8) {
        let mut state = self.state();
        if state.waits_for_start_up {
            state.waits_for_start_up = false;
            let code = &mut state.segments[State::CS];
            (code.selector, code.base) = (u16::from(vector) << 8, u64::from(vector) << 12);
            state.rip = 0;
            self.core.set_state(&state);
        }
    }

    /// All registers.
    pub fn state(&self) -> State {
        self.core.state()
    }

    /// Sets all registers.
    pub fn set_state(&mut self, state: &State) {
        self.core.set_state(state);
    }

    /// Whether a maskable interrupt would be taken.
    pub fn interrupts_enabled(&self) -> bool {
        self.core.modes & bit::IF != 0
    }

    /// Instructions executed: the virtual clock.
    pub fn now(&self) -> u64 {
        self.core.now
    }

    /// Sets the clock: when several processors share one, or time passed while all were halted.
    pub fn set_now(&mut self, now: u64) {
        self.core.now = now;
    }

    /// Exceptions end [`Cpu::run`] instead of being delivered through the IDT, and no software interrupt is: INT3, INTO and INT of
    /// their numbers end as the exceptions that they are, other INT n as #GP.
    pub fn intercept_exceptions(&mut self, on: bool) {
        self.core.intercept = on;
    }

    /// Runs until `instructions` are executed or something else ends it. One makes a single step, in which an interrupt that is due is taken and counts
    /// as the instruction, and so does an iteration of a repeated string instruction.
    pub fn run(&mut self, memory: &Memory, bus: &mut dyn Bus, instructions: u64) -> Exit {
        let mut env = Env { memory, bus, tlb: self.translations.lend(memory), marked: self.marked };
        if std::mem::take(&mut self.core.stale) {
            env.tlb.clear();
        }
        env.look_at_stores();
        let mut traces = memory.take_traces();
        self.core.look();
        self.core.leave = false;
        let end = self.core.now.saturating_add(instructions);
        let exit = self.run_until(&mut traces, &mut env, end);
        memory.put_traces(traces);
        self.marked = env.marked;
        self.translations.take_back(memory, env.tlb);
        exit
    }

    fn run_until(&mut self, traces: &mut Traces, env: &mut Env, end: u64) -> Exit {
        let mut first = true;
        loop {
            if self.core.now >= self.core.stop_at
                && let Some(exit) = self.look_around(env, end)
            {
                return exit;
            }
            let stepped = if self.core.points.fetches || self.core.modes & (bit::TF | bit::RF) != 0 {
                if self.core.points.stops && !first && self.core.points.stops_at(self.core.rip) {
                    return Exit::Breakpoint;
                }
                self.step_with_points(traces, env)
            } else {
                self.step(traces, env)
            };
            first = false;
            if let Err(Raised) = stepped
                && let Some(exit) = self.exception(env)
            {
                return exit;
            }
        }
    }

    /// The trace at the instruction address.
    #[inline(always)]
    fn find<'t>(&mut self, traces: &'t mut Traces, env: &mut Env) -> Result<(&'t [Op], u64), Raised> {
        let core = &mut self.core;
        let run = match traces.find(core, env) {
            Ok(run) => run,
            Err(raised) => {
                core.now += 1;
                return Err(raised);
            }
        };
        Ok((traces.ops(run), run.length.into()))
    }

    /// Runs one trace, or as much of it as the clock permits.
    #[inline(always)]
    fn step(&mut self, traces: &mut Traces, env: &mut Env) -> Step {
        let (ops, length) = self.find(traces, env)?;
        let core = &mut self.core;
        let left = core.stop_at - core.now;
        if left < ops.len() as u64 {
            return self.step_exactly(env, ops, length, left as usize);
        }
        let Some((op, rest)) = ops.split_first() else { return Ok(()) };
        let start = core.begin(length);
        let done = (op.fast)(core, env, op, rest);
        if done.wrapping_sub(1) < STOPPED {
            core.now += done;
            return Ok(());
        }
        if done == 0 {
            return Err(Raised);
        }
        let done = done - STOPPED;
        core.now += done;
        core.settle(ops, start, done as usize);
        Ok(())
    }

    /// Runs so many instructions of a trace one by one.
    #[inline(never)]
    fn step_exactly(&mut self, env: &mut Env, ops: &[Op], length: u64, allowed: usize) -> Step {
        let core = &mut self.core;
        let start = core.begin(length);
        let mut done = allowed;
        for op in &ops[..allowed] {
            if let Err(raised) = (op.run)(core, env, op) {
                core.raised_at(op);
                return Err(raised);
            }
            if core.last != last::NO {
                done = usize::from(op.place) + 1;
                break;
            }
        }
        core.now += done as u64;
        core.settle(ops, start, done);
        Ok(())
    }

    /// The same with a look at breakpoints, single steps and the resume flag.
    #[cold]
    #[inline(never)]
    fn step_with_points(&mut self, traces: &mut Traces, env: &mut Env) -> Step {
        let (ops, length) = self.find(traces, env)?;
        let core = &mut self.core;
        let start = core.rip;
        let flags = core.modes & (bit::TF | bit::RF);
        let linear = core.linear_of(start);
        if flags & bit::RF == 0 && core.quiet != core.now && core.points.breaks(linear) {
            // As interruptions do, it takes time: a handler that breaks on itself is an endless row.
            core.now += 1;
            return Err(core.raise(vector::DB));
        }
        core.modes &= !bit::RF;
        let left = (core.stop_at - core.now).min(ops.len() as u64) as usize;
        let allowed = if flags != 0 { 1 } else { core.points.before_next(core, start, ops).min(left) };
        let stepped = self.step_exactly(env, ops, length, allowed);
        let core = &mut self.core;
        if stepped.is_err() {
            if !core.trap {
                core.modes |= flags & bit::RF;
            }
            return stepped;
        }
        if flags & bit::TF != 0 && core.quiet != core.now {
            core.points.pending |= SINGLE_STEP;
            core.trap = true;
            return Err(core.raise(vector::DB));
        }
        Ok(())
    }

    /// What the loop does when its clock says so: ends, time, interrupts, halts.
    #[cold]
    #[inline(never)]
    fn look_around(&mut self, env: &mut Env, end: u64) -> Option<Exit> {
        loop {
            let core = &mut self.core;
            if std::mem::take(&mut core.leave) {
                return Some(Exit::Leave);
            }
            if let Some((address, write)) = core.points.hit.take() {
                return Some(Exit::Watchpoint { address, write });
            }
            if core.now >= end {
                return Some(Exit::Budget);
            }
            if core.s.waits_for_start_up {
                return Some(Exit::Halt);
            }
            let op = Op::idle();
            let held = core.shadow == core.now;
            if core.points.pending != 0 && core.quiet != core.now {
                core.trap = true;
                core.now += 1;
                let Raised = core.raise(vector::DB);
                if let Some(exit) = self.exception(env) {
                    return Some(exit);
                }
                continue;
            }
            let cycle = core.cycle(env.memory, &op);
            if !held && !core.s.nmi_blocked && env.bus.nmi(cycle) {
                core.s.halted = false;
                core.s.nmi_blocked = true;
                if let Some(exit) = self.interrupt(env, 2) {
                    return Some(exit);
                }
                continue;
            }
            // Asked in any case: chips bring themselves up to now.
            let pending = env.bus.interrupt_pending(cycle);
            if pending && !held && core.modes & bit::IF != 0 {
                core.s.halted = false;
                let number = env.bus.acknowledge(cycle);
                if let Some(exit) = self.interrupt(env, number) {
                    return Some(exit);
                }
                continue;
            }
            let next = env.bus.next_event().filter(|&event| event > core.now);
            if core.s.halted {
                match next {
                    Some(event) if event <= end => {
                        core.now = event;
                        continue;
                    }
                    _ => return Some(Exit::Halt),
                }
            }
            core.stop_at = if held { core.now + 1 } else { next.map_or(end, |event| event.min(end)) };
            return None;
        }
    }

    fn interrupt(&mut self, env: &mut Env, number: u8) -> Option<Exit> {
        match self.core.deliver(env, &Op::idle(), number, None, Origin::External) {
            Ok(()) => {
                // An interruption takes time, so that an endless row of them is noticed.
                self.core.now += 1;
                None
            }
            Err(Raised) => self.exception(env),
        }
    }

    /// What debug registers say of the exception; a fault takes back what its instruction met.
    fn note_debug(&mut self, trap: bool) {
        let core = &mut self.core;
        let pending = std::mem::take(&mut core.points.pending);
        if core.exception.vector == vector::DB {
            // Which registers matched is said of this exception, all else stays until it is cleared.
            core.s.debug[6] = core.s.debug[6] & !MATCHES | pending;
            core.s.debug[7] &= !DETECT;
        } else if trap {
            core.points.pending = pending;
        } else {
            core.points.hit = None;
        }
    }

    /// Delivers the exception that was raised, those that this raises, and at last gives up.
    #[cold]
    #[inline(never)]
    fn exception(&mut self, env: &mut Env) -> Option<Exit> {
        let core = &mut self.core;
        let trap = std::mem::take(&mut core.trap);
        self.note_debug(trap);
        let core = &mut self.core;
        if core.intercept {
            if core.exception.vector == vector::PF {
                core.s.cr2 = core.exception.address;
            }
            return Some(Exit::Exception(core.exception));
        }
        // A trap after HLT goes on from there.
        core.s.halted = false;
        let mut current = core.exception;
        loop {
            if current.vector == vector::PF {
                core.s.cr2 = current.address;
            }
            let origin = if trap || current.vector == vector::DB { Origin::Trap } else { Origin::Fault };
            let Err(Raised) = core.deliver(env, &Op::idle(), current.vector, current.error, origin) else {
                core.look();
                return None;
            };
            let second = core.exception;
            if second.vector == vector::PF {
                core.s.cr2 = second.address;
            }
            if current.vector == vector::DF {
                return Some(Exit::Shutdown);
            }
            let contributory = |vector: u8| matches!(vector, vector::DE | vector::TS | vector::NP | vector::SS | vector::GP);
            let double = contributory(current.vector) && contributory(second.vector)
                || current.vector == vector::PF && (second.vector == vector::PF || contributory(second.vector));
            current = if double { Exception { vector: vector::DF, error: Some(0), address: 0 } } else { second };
        }
    }
}
