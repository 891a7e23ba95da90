//! What gdb may do with a machine: registers, storage, points, steps. Each virtual processor is a thread, number 1 the first.

use std::num::NonZeroUsize;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use gdbstub::common::{Signal, Tid};
use gdbstub::outputln;
use gdbstub::stub::MultiThreadStopReason;
use gdbstub::target::ext::base::BaseOps;
use gdbstub::target::ext::base::multithread::{
    MultiThreadBase, MultiThreadResume, MultiThreadResumeOps, MultiThreadSchedulerLocking, MultiThreadSchedulerLockingOps,
    MultiThreadSingleStep, MultiThreadSingleStepOps,
};
use gdbstub::target::ext::breakpoints::{
    Breakpoints, BreakpointsOps, HwBreakpoint, HwBreakpointOps, HwWatchpoint, HwWatchpointOps, SwBreakpoint, SwBreakpointOps, WatchKind,
};
use gdbstub::target::ext::monitor_cmd::{ConsoleOutput, MonitorCmd, MonitorCmdOps};
use gdbstub::target::{Target, TargetError, TargetResult};
use gdbstub_arch::x86::X86_64_SSE;
use gdbstub_arch::x86::reg::X86_64CoreRegs;
use soft_processor::{State, Watch, WatchKind as Kind};

use super::super::points::{Points, Stop, Why};
use super::Session;
use crate::command::Message;
use crate::command::storage::{Refused, outside, with_pages};
use crate::machine::Machine;
use crate::pc::Turn;
use crate::users::User;

/// Most breakpoints and most watched ranges: gdb sets a handful.
const POINTS_MAX: usize = 1000;
/// The numbers of general registers in gdb's order.
const GENERAL: [usize; 16] = [0, 3, 1, 2, 6, 7, 5, 4, 8, 9, 10, 11, 12, 13, 14, 15];
/// Gdb's order of segment registers.
const SEGMENTS: [usize; 6] = [State::CS, State::SS, State::DS, State::ES, State::FS, State::GS];
/// The error of an address that is not mapped.
const EFAULT: u8 = 14;

/// Whose machine is looked at, and how it is reached.
pub(super) trait Subject {
    /// Does something to the machine, once, and lets it go on if it can.
    fn change(&self, change: &mut dyn FnMut(&mut Machine));
    /// The same when it goes on for no other reason.
    fn look(&self, look: &mut dyn FnMut(&mut Machine));
    /// Lets it go on. False when there is nothing in it.
    fn begin(&self) -> bool;
    /// Does something with its storage, bringing pages in.
    fn reach(&self, attempt: &mut dyn FnMut(&mut Machine) -> Result<usize, Refused>) -> Result<usize, Message>;
    /// The machine is not to be told about any more: gdb stops it.
    fn interrupted(&self);
}

impl Subject for Arc<User> {
    fn change(&self, change: &mut dyn FnMut(&mut Machine)) {
        self.with_machine(change);
    }

    fn look(&self, look: &mut dyn FnMut(&mut Machine)) {
        look(&mut self.lock_machine());
    }

    fn begin(&self) -> bool {
        User::begin(self, None)
    }

    fn reach(&self, attempt: &mut dyn FnMut(&mut Machine) -> Result<usize, Refused>) -> Result<usize, Message> {
        with_pages(self, attempt)
    }

    fn interrupted(&self) {
        if let Some(session) = self.debug.session.lock().as_ref() {
            session.running.store(false, Ordering::SeqCst);
            session.stop.lock().take();
        }
    }
}

/// The machine as gdb's target.
pub(super) struct Debugged {
    subject: Box<dyn Subject>,
    points: Points,
    /// The processor of the last stop.
    current: usize,
    /// A processor is to make a step.
    step: Option<usize>,
    /// The machine is to go on.
    asked: bool,
    /// To be told to gdb.
    stop: Option<MultiThreadStopReason<u64>>,
    /// What the person at gdb is to read with it.
    said: Option<String>,
}

/// The thread of a processor.
pub(super) fn thread(processor: usize) -> Tid {
    NonZeroUsize::MIN.saturating_add(processor)
}

fn processor(tid: Tid) -> usize {
    tid.get() - 1
}

fn fault<T>() -> TargetResult<T, Debugged> {
    Err(TargetError::Errno(EFAULT))
}

impl Debugged {
    pub(super) fn new(subject: Box<dyn Subject>) -> Self {
        Self { subject, points: Points::default(), current: 0, step: None, asked: false, stop: None, said: None }
    }

    pub(super) fn current(&self) -> Tid {
        thread(self.current)
    }

    pub(super) fn take_stop(&mut self) -> Option<MultiThreadStopReason<u64>> {
        self.stop.take()
    }

    pub(super) fn take_said(&mut self) -> Option<String> {
        self.said.take()
    }

    pub(super) fn note_stop(&mut self, stop: &Stop) {
        self.current = stop.processor;
        self.stop = Some(super::reason(stop, &self.points.watches));
        if matches!(stop.why, Why::Ended(_) | Why::Reset | Why::Loaded) {
            self.said = Some(stop.to_string());
        }
    }

    /// The session ends, and a machine that runs is gone for gdb.
    pub(super) fn note_end(&mut self, why: &str) {
        (self.stop, self.said) = (Some(MultiThreadStopReason::Exited(0)), Some(why.to_string()));
    }

    /// Ctrl-C.
    pub(super) fn interrupt(&mut self) {
        self.subject.interrupted();
        self.subject.change(&mut |machine| {
            machine.forget_step();
            machine.stop();
        });
    }

    fn look<T>(&self, look: impl FnOnce(&mut Machine) -> T) -> T {
        let (mut look, mut seen) = (Some(look), None);
        self.subject.look(&mut |machine| seen = look.take().map(|look| look(machine)));
        seen.expect("it is called once")
    }

    /// The machine runs for so many instructions, as far as nobody but this runs it.
    pub(super) fn run_alone(&mut self, instructions: u64) {
        let turn = self.look(|machine| machine.run_pc_in_steps(instructions).or_else(|| machine.pc_mut().map(|pc| pc.run(instructions))));
        if let Some(Turn::Stopped(stop)) = turn {
            self.note_stop(&stop);
        }
    }

    /// Does what the last packet asked for: the machine runs, or makes a step, when it has its turn.
    pub(super) fn resume_if_asked(&mut self, session: &Session) {
        if !std::mem::take(&mut self.asked) {
            return;
        }
        // Gdb names a processor that there is; whoever else speaks need not.
        let last = self.look(|machine| machine.processors()) - 1;
        let step = self.step.take().map(|number| number.min(last));
        self.current = step.unwrap_or(self.current);
        session.running.store(true, Ordering::SeqCst);
        let points = self.points.clone();
        self.subject.change(&mut |machine| {
            machine.set_points(points.clone());
            machine.set_step(step);
        });
        if !self.subject.begin() {
            session.running.store(false, Ordering::SeqCst);
            self.note_stop(&Stop { processor: 0, why: Why::Reset });
        }
    }

    /// Asks the machine; an error of gdb's when there is no such processor.
    fn with_machine<T>(&self, tid: Tid, ask: impl FnOnce(&mut Machine, usize) -> T) -> TargetResult<T, Self> {
        let number = processor(tid);
        self.look(|machine| (number < machine.processors()).then(|| ask(machine, number))).ok_or(TargetError::NonFatal)
    }

    /// Loads or stores at an address as the machine's instructions use it, and brings pages in that this needs.
    fn transfer(&self, tid: Tid, access: &mut dyn FnMut(&mut Machine, usize) -> Result<usize, Refused>) -> TargetResult<usize, Self> {
        let number = processor(tid);
        if number >= self.look(|machine| machine.processors()) {
            return Err(TargetError::NonFatal);
        }
        self.subject.reach(&mut |machine| access(machine, number)).or_else(|_| fault())
    }
}

impl Target for Debugged {
    type Arch = X86_64_SSE;
    type Error = String;

    fn base_ops(&mut self) -> BaseOps<'_, Self::Arch, Self::Error> {
        BaseOps::MultiThread(self)
    }

    fn support_breakpoints(&mut self) -> Option<BreakpointsOps<'_, Self>> {
        Some(self)
    }

    fn support_monitor_cmd(&mut self) -> Option<MonitorCmdOps<'_, Self>> {
        Some(self)
    }
}

impl MultiThreadBase for Debugged {
    fn read_registers(&mut self, registers: &mut X86_64CoreRegs, tid: Tid) -> TargetResult<(), Self> {
        let state = self.with_machine(tid, |machine, number| machine.state(number))?;
        *registers = shown(&state);
        Ok(())
    }

    fn write_registers(&mut self, registers: &X86_64CoreRegs, tid: Tid) -> TargetResult<(), Self> {
        self.with_machine(tid, |machine, number| {
            let mut state = machine.state(number);
            take(&mut state, registers);
            machine.set_state(number, &state);
        })
    }

    fn read_addrs(&mut self, address: u64, bytes: &mut [u8], tid: Tid) -> TargetResult<usize, Self> {
        // What is before the end, or before a hole, is there.
        let read = self.transfer(tid, &mut |machine, number| match machine.pc() {
            Some(pc) => Ok(pc
                .read_virtual(number, address, bytes)
                .map_or_else(|hole| (hole.0.wrapping_sub(address) as usize).min(bytes.len()), |()| bytes.len())),
            None => {
                let length = machine.space.size().saturating_sub(address).min(bytes.len() as u64) as usize;
                machine.space.read(address, &mut bytes[..length]).map_err(|error| Refused::access(address, error, false))?;
                Ok(length)
            }
        })?;
        if read == 0 && !bytes.is_empty() { fault() } else { Ok(read) }
    }

    fn write_addrs(&mut self, address: u64, bytes: &[u8], tid: Tid) -> TargetResult<(), Self> {
        self.transfer(tid, &mut |machine, number| match machine.pc() {
            Some(pc) => pc.write_virtual(number, address, bytes).map(|()| 0).map_err(|hole| outside(hole.0).into()),
            None => machine.space.write(address, bytes).map(|()| 0).map_err(|error| Refused::access(address, error, true)),
        })
        .map(drop)
    }

    fn list_active_threads(&mut self, is_active: &mut dyn FnMut(Tid)) -> Result<(), Self::Error> {
        let count = self.look(|machine| machine.processors());
        (0..count).for_each(|number| is_active(thread(number)));
        Ok(())
    }

    fn support_resume(&mut self) -> Option<MultiThreadResumeOps<'_, Self>> {
        Some(self)
    }
}

impl MultiThreadResume for Debugged {
    fn resume(&mut self) -> Result<(), Self::Error> {
        self.asked = true;
        Ok(())
    }

    fn clear_resume_actions(&mut self) -> Result<(), Self::Error> {
        self.step = None;
        Ok(())
    }

    fn set_resume_action_continue(&mut self, _: Tid, _: Option<Signal>) -> Result<(), Self::Error> {
        Ok(())
    }

    fn support_single_step(&mut self) -> Option<MultiThreadSingleStepOps<'_, Self>> {
        Some(self)
    }

    fn support_scheduler_locking(&mut self) -> Option<MultiThreadSchedulerLockingOps<'_, Self>> {
        Some(self)
    }
}

impl MultiThreadSingleStep for Debugged {
    fn set_resume_action_step(&mut self, tid: Tid, _: Option<Signal>) -> Result<(), Self::Error> {
        self.step = Some(processor(tid));
        Ok(())
    }
}

impl MultiThreadSchedulerLocking for Debugged {
    /// A step is of one processor in any case; a continuing machine runs with all of its processors.
    fn set_resume_action_scheduler_lock(&mut self) -> Result<(), Self::Error> {
        Ok(())
    }
}

impl Breakpoints for Debugged {
    fn support_sw_breakpoint(&mut self) -> Option<SwBreakpointOps<'_, Self>> {
        Some(self)
    }

    fn support_hw_breakpoint(&mut self) -> Option<HwBreakpointOps<'_, Self>> {
        Some(self)
    }

    fn support_hw_watchpoint(&mut self) -> Option<HwWatchpointOps<'_, Self>> {
        Some(self)
    }
}

/// Software breakpoints are the processor's too: nothing is stored into the guest's code.
impl SwBreakpoint for Debugged {
    fn add_sw_breakpoint(&mut self, address: u64, _: usize) -> TargetResult<bool, Self> {
        if self.points.breakpoints.len() >= POINTS_MAX {
            return Ok(false);
        }
        self.points.breakpoints.push(address);
        Ok(true)
    }

    fn remove_sw_breakpoint(&mut self, address: u64, _: usize) -> TargetResult<bool, Self> {
        let place = self.points.breakpoints.iter().position(|&known| known == address);
        Ok(place.map(|place| self.points.breakpoints.swap_remove(place)).is_some())
    }
}

impl HwBreakpoint for Debugged {
    fn add_hw_breakpoint(&mut self, address: u64, kind: usize) -> TargetResult<bool, Self> {
        self.add_sw_breakpoint(address, kind)
    }

    fn remove_hw_breakpoint(&mut self, address: u64, kind: usize) -> TargetResult<bool, Self> {
        self.remove_sw_breakpoint(address, kind)
    }
}

fn watch(address: u64, length: u64, kind: WatchKind) -> Watch {
    let kind = match kind {
        WatchKind::Write => Kind::Write,
        WatchKind::Read => Kind::Read,
        WatchKind::ReadWrite => Kind::Access,
    };
    Watch { address, length, kind }
}

impl HwWatchpoint for Debugged {
    fn add_hw_watchpoint(&mut self, address: u64, length: u64, kind: WatchKind) -> TargetResult<bool, Self> {
        /// Longest range: what is watched is slow.
        const LONGEST: u64 = 1 << 20;
        if self.points.watches.len() >= POINTS_MAX || !(1..=LONGEST).contains(&length) {
            return Ok(false);
        }
        self.points.watches.push(watch(address, length, kind));
        Ok(true)
    }

    fn remove_hw_watchpoint(&mut self, address: u64, length: u64, kind: WatchKind) -> TargetResult<bool, Self> {
        let place = self.points.watches.iter().position(|known| *known == watch(address, length, kind));
        Ok(place.map(|place| self.points.watches.swap_remove(place)).is_some())
    }
}

impl MonitorCmd for Debugged {
    fn handle_monitor_cmd(&mut self, command: &[u8], mut out: ConsoleOutput<'_>) -> Result<(), Self::Error> {
        match command {
            b"registers" => {
                let state = self.look(|machine| machine.system().is_some().then(|| machine.state(self.current)));
                let Some(state) = state else {
                    outputln!(out, "The machine is gone.");
                    return Ok(());
                };
                outputln!(out, "CR0 {:016X}  CR2 {:016X}  CR3 {:016X}  CR4 {:016X}", state.cr0, state.cr2, state.cr3, state.cr4);
                outputln!(
                    out,
                    "EFER {:016X}  GDTR {:X}+{:X}  IDTR {:X}+{:X}",
                    state.efer,
                    state.gdtr.base,
                    state.gdtr.limit,
                    state.idtr.base,
                    state.idtr.limit
                );
            }
            _ => outputln!(out, "monitor registers: control registers and tables of the processor that stopped"),
        }
        Ok(())
    }
}

fn shown(state: &State) -> X86_64CoreRegs {
    let mut registers =
        X86_64CoreRegs { rip: state.rip, eflags: state.rflags as u32, xmm: state.xmm, mxcsr: state.mxcsr, ..Default::default() };
    registers.regs = GENERAL.map(|number| state.general[number]);
    let [cs, ss, ds, es, fs, gs] = SEGMENTS.map(|number| u32::from(state.segments[number].selector));
    let segments = &mut registers.segments;
    (segments.cs, segments.ss, segments.ds, segments.es, segments.fs, segments.gs) = (cs, ss, ds, es, fs, gs);
    let top = usize::from(state.fpu.status >> 11 & 7);
    for (place, register) in registers.st.iter_mut().enumerate() {
        register.copy_from_slice(&state.fpu.registers[(top + place) % 8].to_le_bytes()[..10]);
    }
    registers.fpu.fctrl = state.fpu.control.into();
    registers.fpu.fstat = state.fpu.status.into();
    registers.fpu.fop = state.fpu.opcode.into();
    // Two bits for each register: valid, or empty.
    registers.fpu.ftag = (0..8).filter(|number| state.fpu.in_use >> number & 1 == 0).fold(0, |tags, number| tags | 3 << (2 * number));
    registers
}

/// Segment registers and x87 stay as they are: a selector without its descriptor would be a state that no processor is in.
fn take(state: &mut State, registers: &X86_64CoreRegs) {
    for (place, number) in GENERAL.into_iter().enumerate() {
        state.general[number] = registers.regs[place];
    }
    if registers.rip != state.rip {
        state.halted = false;
    }
    state.rip = registers.rip;
    state.rflags = state.rflags & !0xffff_ffff | u64::from(registers.eflags);
    state.xmm = registers.xmm;
    state.mxcsr = registers.mxcsr & 0xffff;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn registers_come_back_as_gdb_has_them() {
        let mut state = State::reset();
        for number in 0..16 {
            state.general[number] = number as u64;
            state.xmm[number] = number as u128 * 3;
        }
        let registers = shown(&state);
        // RAX RBX RCX RDX RSI RDI RBP RSP.
        assert_eq!(registers.regs[..8], [0, 3, 1, 2, 6, 7, 5, 4]);
        assert_eq!((registers.segments.cs, registers.rip), (0xf000, 0xfff0));
        let mut changed = state.clone();
        take(&mut changed, &registers);
        assert_eq!(changed, state);
        take(&mut changed, &X86_64CoreRegs { rip: 0x1000, ..registers });
        assert_eq!(changed, State { rip: 0x1000, ..state });
    }

    #[test]
    fn a_register_of_the_x87_is_where_gdb_looks_for_it() {
        let mut state = State::reset();
        state.fpu.status = 7 << 11;
        state.fpu.in_use = 1 << 7;
        state.fpu.registers[7] = 0x3fff_8000_0000_0000_0000;
        let registers = shown(&state);
        assert_eq!((registers.st[0], registers.fpu.ftag), ([0, 0, 0, 0, 0, 0, 0, 0x80, 0xff, 0x3f], 0x3fff));
    }
}
