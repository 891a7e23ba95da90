//! Where a machine stops: instruction addresses and watched storage, and single steps.
//!
//! The processors of a PC machine keep its points and run at full speed between them. A CMS machine is on whatever processor is free, KVM or not, and comes back from it after
//! each instruction while it has points (`trace/run.rs`).

use soft_processor::{Exit, Memory, NotMapped, State, Watch, WatchKind};

use crate::machine::Machine;
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
    /// The instruction that was to be executed alone is.
    Stepped,
    /// A system was loaded; nothing of it has been executed.
    Loaded,
    /// It was reset, and has no system.
    Reset,
    /// The machine cannot go on by itself, and why.
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
            Why::Stepped => f.write_str("stepped"),
            Why::Loaded => f.write_str("a system was loaded"),
            Why::Reset => f.write_str("the virtual machine has no system; use IPL"),
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

/// Points of a CMS machine, and how far it is with them; of any machine, the step that it is to make. Points are kept over IPL.
#[derive(Debug, Default)]
pub struct Stepping {
    points: Points,
    /// It is at a breakpoint here and goes on.
    passing: Option<u64>,
    /// It is to stop after an instruction of this processor.
    step: Option<usize>,
    /// What it stops for before the next instruction.
    due: Option<Why>,
}

impl Stepping {
    /// Whether it has to come back after each instruction.
    pub(crate) fn is_needed(&self) -> bool {
        self.step.is_some() || !self.points.is_empty()
    }

    /// The processor that is to make a step.
    pub(crate) fn step(&self) -> Option<usize> {
        self.step
    }

    /// Whether accesses to storage must be looked at.
    pub(crate) fn watches(&self) -> bool {
        !self.points.watches.is_empty()
    }

    /// Why it stops instead of executing the instruction at this address.
    pub(crate) fn stops_before(&mut self, address: u64) -> Option<Why> {
        if let Some(why) = self.due.take() {
            return Some(why);
        }
        if self.passing == Some(address) || !self.points.stops_at(address) {
            return None;
        }
        self.passing = Some(address);
        let why = if self.points.address_stop == Some(address) { Why::AddressStop(address) } else { Why::Breakpoint(address) };
        self.points.address_stop.take_if(|stop| *stop == address);
        Some(why)
    }

    /// An instruction is behind it, or an exception took its place.
    pub(crate) fn went_on(&mut self) {
        self.passing = None;
        if self.step.take().is_some() {
            self.due.get_or_insert(Why::Stepped);
        }
    }

    /// The instruction accessed so many bytes of storage.
    pub(crate) fn accessed(&mut self, address: u64, size: u64, write: bool) {
        let last = address.saturating_add(size.max(1) - 1);
        let meets = |watch: &&Watch| address <= watch.address.saturating_add(watch.length.max(1) - 1) && watch.address <= last;
        let concerns =
            |watch: &&Watch| matches!((watch.kind, write), (WatchKind::Access, _) | (WatchKind::Write, true) | (WatchKind::Read, false));
        if let Some(watch) = self.points.watches.iter().filter(concerns).find(meets) {
            self.due = Some(Why::Watch { address: watch.address, write });
        }
    }
}

impl Machine {
    /// Sets where it stops, and that is all that it stops for. A machine that is at a breakpoint now goes on from there; ADSTOP stays as it is.
    pub(crate) fn set_points(&mut self, points: Points) {
        self.forget_step();
        if let Some(pc) = self.pc_mut() {
            return pc.set_points(Points { address_stop: pc.address_stop(), ..points });
        }
        let stepping = &mut self.stepping;
        *stepping = Stepping { points: Points { address_stop: stepping.points.address_stop, ..points }, ..Stepping::default() };
        self.pass_point();
    }

    /// ADSTOP.
    pub(crate) fn set_address_stop(&mut self, address: Option<u64>) {
        match self.pc_mut() {
            Some(pc) => pc.set_address_stop(address),
            None => {
                self.stepping.points.address_stop = address;
                self.pass_point();
            }
        }
    }

    /// When it runs next, one processor is to execute one instruction, or to take one interruption, and the machine is to stop; or it runs as always.
    pub(crate) fn set_step(&mut self, processor: Option<usize>) {
        self.stepping.step = processor;
    }

    /// The machine is not to stop for what it was to stop for.
    pub(crate) fn forget_step(&mut self) {
        (self.stepping.step, self.stepping.due) = (None, None);
    }

    fn pass_point(&mut self) {
        self.stepping.passing = Some(self.context.registers.rip);
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
        !self.rests(number) && self.points.stops_at(self.state(number).rip)
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

    /// One instruction of one processor, or one interrupt; the others stand still. [`Why::Stepped`] when it is behind the processor. One that is halted waits as the
    /// machine does, unless it depends on the others.
    pub(crate) fn step(&mut self, number: usize) -> Turn {
        let turn = self.attend().unwrap_or_else(|| {
            let (before, rested) = (self.instructions(), self.rests(number));
            let stopped = |why| Turn::Stopped(Stop { processor: number, why });
            match self.run_one(number).0 {
                Exit::Shutdown => self.triple_fault(number),
                Exit::Watchpoint { address, write } => stopped(Why::Watch { address, write }),
                _ if rested && self.rests(number) && !self.depends_on_others(number) => self.idle(),
                Exit::Halt => stopped(Why::Stepped),
                _ if self.instructions() == before => Turn::Ran,
                _ => stopped(Why::Stepped),
            }
        });
        self.note_output();
        turn
    }

    /// Whether a processor executes nothing: it is halted, or waits for start-up.
    fn rests(&self, number: usize) -> bool {
        let state = self.state(number);
        state.halted || state.waits_for_start_up
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_machine_in_steps_stops_where_it_is_told_and_goes_on_from_there() {
        let watch = Watch { address: 0x5000, length: 8, kind: WatchKind::Write };
        let points = Points { breakpoints: vec![0x10], watches: vec![watch], address_stop: Some(0x20), ..Points::default() };
        let mut stepping = Stepping { points, ..Stepping::default() };
        assert_eq!(stepping.stops_before(0x8), None);
        assert_eq!(stepping.stops_before(0x10), Some(Why::Breakpoint(0x10)));
        assert_eq!(stepping.stops_before(0x10), None, "it goes on");
        stepping.went_on();
        assert_eq!(stepping.stops_before(0x10), Some(Why::Breakpoint(0x10)), "it came back");
        stepping.went_on();
        assert_eq!((stepping.stops_before(0x20), stepping.points.address_stop), (Some(Why::AddressStop(0x20)), None));
        stepping.accessed(0x4ffc, 4, true);
        stepping.accessed(0x5000, 4, false);
        assert_eq!(stepping.stops_before(0x30), None, "before it, and a load");
        stepping.accessed(0x4ffc, 5, true);
        assert_eq!(stepping.stops_before(0x30), Some(Why::Watch { address: 0x5000, write: true }));
        stepping.step = Some(0);
        stepping.went_on();
        assert_eq!((stepping.stops_before(0x31), stepping.is_needed()), (Some(Why::Stepped), true));
    }
}
