//! One virtual processor: the interface, and the loop that runs it.

use crate::bus::Bus;
use crate::memory::Memory;
use crate::state::State;

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
    /// An exception, when [`Cpu::intercept_exceptions`] is on: not delivered, the state is that at the instruction.
    Exception(Exception),
    /// The next instruction is at one of [`Cpu::set_breakpoints`].
    Breakpoint,
}

/// One virtual processor.
pub struct Cpu {
    state: State,
    processor: usize,
    now: u64,
    intercept: bool,
    breakpoints: Vec<u64>,
}

impl Cpu {
    /// A processor after power-on. Number 0 is the one that starts; the others wait for start-up.
    pub fn new(processor: usize) -> Self {
        let state = State { waits_for_start_up: processor != 0, ..State::reset() };
        Self { state, processor, now: 0, intercept: false, breakpoints: Vec::new() }
    }

    /// Its number on the bus.
    pub fn processor(&self) -> usize {
        self.processor
    }

    /// Power-on state again; the clock goes on.
    pub fn reset(&mut self) {
        self.state = State { waits_for_start_up: self.processor != 0, ..State::reset() };
    }

    /// INIT: as reset, except that vector registers and the time stamp counter keep what they have, and a processor
    /// other than number 0 waits for start-up.
    pub fn init(&mut self) {
        let old = self.state.clone();
        self.reset();
        self.state = State { fpu: old.fpu, xmm: old.xmm, mxcsr: old.mxcsr, tsc_offset: old.tsc_offset, ..self.state.clone() };
    }

    /// A start-up interprocessor interrupt: begins at `vector << 12` in real mode if it waits for one.
    pub fn start_up(&mut self, vector: u8) {
        if self.state.waits_for_start_up {
            self.state.waits_for_start_up = false;
            let code = &mut self.state.segments[State::CS];
            (code.selector, code.base) = (u16::from(vector) << 8, u64::from(vector) << 12);
            self.state.rip = 0;
        }
    }

    /// All registers.
    pub fn state(&self) -> State {
        self.state.clone()
    }

    /// Sets all registers; translations are forgotten.
    pub fn set_state(&mut self, state: &State) {
        self.state = state.clone();
    }

    /// Instructions executed: the virtual clock.
    pub fn now(&self) -> u64 {
        self.now
    }

    /// Sets the clock: when several processors share one, or time passed while all were halted.
    pub fn set_now(&mut self, now: u64) {
        self.now = now;
    }

    /// Exceptions end [`Cpu::run`] instead of being delivered through the IDT. Software interrupts (INT n) that find no
    /// interrupt table end as the exception that this is.
    pub fn intercept_exceptions(&mut self, on: bool) {
        self.intercept = on;
    }

    /// Addresses (RIP) at which to stop before the instruction. The first instruction of a run is executed in any case.
    pub fn set_breakpoints(&mut self, addresses: &[u64]) {
        self.breakpoints = addresses.to_vec();
    }

    /// Runs until `instructions` are executed or something else ends it.
    pub fn run(&mut self, _memory: &Memory, _bus: &mut dyn Bus, _instructions: u64) -> Exit {
        Exit::Exception(Exception { vector: 6, error: None, address: 0 })
    }
}
