//! Where a PC machine stops: instruction addresses and watched storage, and single steps.

use soft_processor::{Exit, Memory, NotMapped, State, Watch};

use crate::pc::{Pc, Turn};

/// Why a machine stopped.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Why {
    /// The next instruction is at a breakpoint.
    Breakpoint(u64),
    /// Watched storage was accessed.
    Watch {
        /// The first watched byte.
        address: u64,
        /// It was stored into.
        write: bool,
    },
    /// A system was loaded; nothing of it has been executed.
    Loaded,
    /// The machine ended; with a failure or by itself.
    Ended(String),
}

/// A stop, and of which processor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stop {
    /// Number of the virtual processor.
    pub processor: usize,
    /// Why.
    pub why: Why,
}

impl std::fmt::Display for Stop {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.why {
            Why::Breakpoint(address) => write!(f, "processor {} is at {address:X}", self.processor),
            Why::Watch { address, write } => {
                write!(f, "processor {} {} {address:X}", self.processor, if *write { "stored into" } else { "loaded from" })
            }
            Why::Loaded => f.write_str("a system was loaded"),
            Why::Ended(why) => f.write_str(why),
        }
    }
}

/// Points of a machine. Kept over IPL.
#[derive(Clone, Debug, Default)]
pub struct Points {
    /// Instruction addresses.
    pub breakpoints: Vec<u64>,
    /// Storage.
    pub watches: Vec<Watch>,
    /// Processors that are at a breakpoint and go on from there.
    passing: Vec<usize>,
}

impl Points {
    /// Whether there are any.
    pub fn is_empty(&self) -> bool {
        self.breakpoints.is_empty() && self.watches.is_empty()
    }
}

impl Pc {
    /// Sets where it stops.
    pub fn set_points(&mut self, points: Points) {
        for processor in self.processors_mut() {
            processor.set_breakpoints(&points.breakpoints);
            processor.set_watchpoints(&points.watches);
        }
        self.points = points;
        self.pass_points();
    }

    /// What is at a breakpoint now goes on from there.
    pub fn pass_points(&mut self) {
        self.points.passing = (0..self.processors()).filter(|&number| self.is_at_breakpoint(number)).collect();
    }

    fn is_at_breakpoint(&self, number: usize) -> bool {
        let state = self.state(number);
        !state.halted && !state.waits_for_start_up && self.points.breakpoints.contains(&state.rip)
    }

    /// Whether a processor must not begin its turn: it is at a breakpoint that it has come to.
    pub(crate) fn stops_before(&mut self, number: usize) -> Option<Stop> {
        if self.points.breakpoints.is_empty() || !self.is_at_breakpoint(number) {
            return None;
        }
        match self.points.passing.iter().position(|&passing| passing == number) {
            Some(place) => {
                self.points.passing.swap_remove(place);
                None
            }
            None => Some(Stop { processor: number, why: Why::Breakpoint(self.state(number).rip) }),
        }
    }

    /// What an exit of a processor's run means to whoever looks.
    pub(crate) fn stop_of(&self, number: usize, exit: Exit) -> Option<Stop> {
        let why = match exit {
            Exit::Breakpoint => Why::Breakpoint(self.state(number).rip),
            Exit::Watchpoint { address, write } => Why::Watch { address, write },
            _ => return None,
        };
        Some(Stop { processor: number, why })
    }

    /// One instruction of one processor; the others stand still. A processor that halts waits, in the machine's time, for what ends it. What it came to, when it is
    /// not just the next instruction.
    pub fn step(&mut self, number: usize) -> Option<Turn> {
        /// Events of the board that a halted processor is given to be woken by.
        const EVENTS: usize = 1000;
        for _ in 0..EVENTS {
            let before = self.instructions();
            let turn = self.step_once(number);
            match turn {
                Turn::Ran if self.instructions() > before => return None,
                Turn::Ran => {}
                Turn::Halted(Some(length)) => self.skip(length),
                Turn::Halted(None) => return None,
                turn => return Some(turn),
            }
        }
        None
    }

    /// All registers of a processor.
    pub fn state(&self, number: usize) -> State {
        self.processor(number).state()
    }

    /// Sets them.
    pub fn set_state(&mut self, number: usize, state: &State) {
        if let Some(processor) = self.processors_mut().get_mut(number) {
            processor.set_state(state);
        }
    }

    /// Loads bytes at a linear address of a processor.
    ///
    /// # Errors
    /// [`NotMapped`] with the first address that is not.
    pub fn read_virtual(&self, number: usize, address: u64, bytes: &mut [u8]) -> Result<(), NotMapped> {
        self.processor(number).read_virtual(self.memory(), address, bytes)
    }

    /// Stores bytes likewise.
    ///
    /// # Errors
    /// As above.
    pub fn write_virtual(&self, number: usize, address: u64, bytes: &[u8]) -> Result<(), NotMapped> {
        self.processor(number).write_virtual(self.memory(), address, bytes)
    }

    fn memory(&self) -> &Memory {
        self.storage()
    }
}
