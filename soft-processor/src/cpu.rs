//! One virtual processor: the interface, and the loop that runs it.

use crate::bus::Bus;
use crate::core::{Core, Env, HERE, Op, Raised, Step, vector};
use crate::flags::bit;
use crate::interrupt::Origin;
use crate::memory::Memory;
use crate::state::State;
use crate::tlb::Tlb;
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
}

/// One virtual processor.
pub struct Cpu {
    core: Core,
    traces: Traces,
    breakpoints: Vec<u64>,
}

impl Cpu {
    /// A processor after power-on. Number 0 is the one that starts; the others wait for start-up.
    pub fn new(processor: usize) -> Self {
        Self { core: Core::new(processor), traces: Traces::new(), breakpoints: Vec::new() }
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

    /// Addresses (RIP) at which to stop before the instruction. The first instruction of a run is executed in any case.
    pub fn set_breakpoints(&mut self, addresses: &[u64]) {
        self.breakpoints = addresses.to_vec();
    }

    /// Runs until `instructions` are executed or something else ends it.
    pub fn run(&mut self, memory: &Memory, bus: &mut dyn Bus, instructions: u64) -> Exit {
        let mut env = Env { memory, bus, tlb: Tlb::new() };
        let end = self.core.now.saturating_add(instructions);
        self.traces.attach(memory);
        memory.begin();
        self.core.look();
        self.core.leave = false;
        let mut first = true;
        loop {
            if self.core.now >= self.core.stop_at
                && let Some(exit) = self.look_around(&mut env, end)
            {
                return exit;
            }
            if !self.breakpoints.is_empty() && !std::mem::take(&mut first) && self.breakpoints.contains(&self.core.rip) {
                return Exit::Breakpoint;
            }
            if let Err(Raised) = self.step(&mut env)
                && let Some(exit) = self.exception(&mut env)
            {
                return exit;
            }
        }
    }

    /// Runs one trace, or as much of it as the clock permits.
    #[inline(always)]
    fn step(&mut self, env: &mut Env) -> Step {
        let core = &mut self.core;
        let slot = match self.traces.find(core, env) {
            Ok(slot) => slot,
            Err(raised) => {
                core.now += 1;
                return Err(raised);
            }
        };
        let ops = self.traces.ops(slot);
        let start = core.rip;
        let mut allowed = ((core.stop_at - core.now).min(ops.len() as u64)) as usize;
        if !self.breakpoints.is_empty() || core.modes & bit::TF != 0 {
            allowed = 1;
        }
        let trap = core.modes & bit::TF != 0;
        core.regs[HERE as usize] = start;
        core.rip = core.cut(start.wrapping_add(u64::from(slot.length)));
        core.limit = allowed;
        let mut done = 0;
        while done < core.limit
            && let Some(op) = ops.get(done)
        {
            if let Err(raised) = (op.run)(core, env, op) {
                core.rip = if core.trap { core.next(op) } else { core.address_of(op) };
                core.now += done as u64 + 1;
                return Err(raised);
            }
            done += 1;
        }
        if core.again {
            core.again = false;
            done -= 1;
        }
        if done < ops.len() {
            core.rip = core.cut(start.wrapping_add(u64::from(ops[done].start)));
        }
        core.now += done as u64;
        if trap {
            core.s.debug[6] |= 1 << 14;
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
            if core.now >= end {
                return Some(Exit::Budget);
            }
            if core.s.waits_for_start_up {
                return Some(Exit::Halt);
            }
            let op = Op::idle();
            let held = core.shadow == core.now;
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

    /// Delivers the exception that was raised, those that this raises, and at last gives up.
    #[cold]
    #[inline(never)]
    fn exception(&mut self, env: &mut Env) -> Option<Exit> {
        let core = &mut self.core;
        let trap = std::mem::take(&mut core.trap);
        if core.intercept {
            if core.exception.vector == vector::PF {
                core.s.cr2 = core.exception.address;
            }
            return Some(Exit::Exception(core.exception));
        }
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
