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
    /// The address of ADSTOP.
    AddressStop(u64),
    /// A trace stops the machine.
    Traced,
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
            Why::AddressStop(address) => write!(f, "ADSTOP AT {address:X}"),
            Why::Traced => f.write_str("traced"),
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
    /// ADSTOP: an instruction address, once.
    pub address_stop: Option<u64>,
    /// Processors that are at a breakpoint and go on from there.
    pub(super) passing: Vec<usize>,
}

impl Points {
    fn stops_at(&self, address: u64) -> bool {
        self.breakpoints.contains(&address) || self.address_stop == Some(address)
    }

    /// Whether there are any.
    pub fn is_empty(&self) -> bool {
        self.breakpoints.is_empty() && self.watches.is_empty() && self.address_stop.is_none()
    }
}

impl Pc {
    /// Sets where it stops.
    pub fn set_points(&mut self, points: Points) {
        let addresses: Vec<u64> = points.breakpoints.iter().copied().chain(points.address_stop).collect();
        for processor in self.processors_mut() {
            processor.set_breakpoints(&addresses);
            processor.set_watchpoints(&points.watches);
        }
        self.points = points;
        self.pass_points();
    }

    /// Where ADSTOP stops it.
    pub fn address_stop(&self) -> Option<u64> {
        self.points.address_stop
    }

    /// ADSTOP.
    pub fn set_address_stop(&mut self, address: Option<u64>) {
        self.set_points(Points { address_stop: address, ..self.points.clone() });
    }

    /// What is at a breakpoint now goes on from there.
    pub fn pass_points(&mut self) {
        self.points.passing = (0..self.processors()).filter(|&number| self.is_at_breakpoint(number)).collect();
    }

    fn is_at_breakpoint(&self, number: usize) -> bool {
        let state = self.state(number);
        !state.halted && !state.waits_for_start_up && self.points.stops_at(state.rip)
    }

    /// Whether a processor must not begin its turn: it is at a breakpoint that it has come to.
    pub(crate) fn stops_before(&mut self, number: usize) -> Option<Stop> {
        if self.points.breakpoints.is_empty() && self.points.address_stop.is_none() || !self.is_at_breakpoint(number) {
            return None;
        }
        match self.points.passing.iter().position(|&passing| passing == number) {
            Some(place) => {
                self.points.passing.swap_remove(place);
                None
            }
            None => Some(self.reached(number)),
        }
    }

    /// A processor has come to an address. That of ADSTOP is used up.
    fn reached(&mut self, number: usize) -> Stop {
        let rip = self.state(number).rip;
        let why = if self.points.address_stop == Some(rip) { Why::AddressStop(rip) } else { Why::Breakpoint(rip) };
        if self.points.address_stop == Some(rip) {
            self.set_address_stop(None);
        }
        Stop { processor: number, why }
    }

    /// What an exit of a processor's run means to whoever looks.
    pub(crate) fn stop_of(&mut self, number: usize, exit: Exit) -> Option<Stop> {
        match exit {
            Exit::Breakpoint => Some(self.reached(number)),
            Exit::Watchpoint { address, write } => Some(Stop { processor: number, why: Why::Watch { address, write } }),
            _ => None,
        }
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
