//! A slice of a PC machine on a dispatcher thread: run it, show what it wrote, and see what it waits for.

use std::sync::Arc;
use std::time::{Duration, Instant};

use console::wire::{ConsoleState, LineKind};
use pc_platform::disk::{Ended, Ticket};

use super::terminal::Shown;
use super::{Halt, NANOSECONDS, Pc, Reached, Turn};
use crate::command::close_unit_records;
use crate::dispatcher::After;
use crate::machine::{Machine, Wait};
use crate::processor::Processor;
use crate::users::User;

/// Instructions between two looks at the host's clock.
const CHUNK: u64 = 50_000;
/// Halts that are shorter than this are not waited out: arming a timer would take longer.
const SHORT_HALT: u64 = 50_000;
/// How often a screen is shown, at most, while the machine runs.
const PAINT_EVERY: Duration = Duration::from_millis(50);
/// A machine that writes faster than its terminal shows pauses so long.
const CONGESTION_PAUSE: Duration = Duration::from_millis(20);

impl User {
    /// Runs a PC machine until it waits or the slice is over. `guest` takes the time in it.
    pub(crate) fn run_pc(self: &Arc<Self>, machine: &mut Machine, processor: &mut dyn Processor, guest: &mut Duration) -> After {
        loop {
            if !machine.is_ready() {
                return After::Waiting;
            }
            let entered = Instant::now();
            let traced = machine.run_pc_in_steps(CHUNK);
            if let Some(turn) = &traced {
                self.show_traces(machine, !matches!(turn, Turn::Stopped(_)));
            }
            let Some(pc) = machine.pc_mut() else { return After::Waiting };
            let turn = traced.unwrap_or_else(|| pc.run(CHUNK));
            *guest += entered.elapsed();
            let read_before = self.console.state();
            self.show_screen(pc, !matches!(turn, Turn::Ran));
            self.show_output(pc, matches!(turn, Turn::Ended(_)));
            self.show_line(pc);
            match turn {
                Turn::Ran => {}
                Turn::Halted(Some(length)) if length < SHORT_HALT => pc.skip(length),
                Turn::Halted(length) => {
                    self.halt(pc, length);
                    machine.wait_for(Wait::Halted);
                    self.show_state(machine);
                    return After::Waiting;
                }
                Turn::Disk => {
                    machine.wait_for(Wait::Disk);
                    return After::Waiting;
                }
                Turn::Reset => {
                    self.load_again(machine);
                    return After::Waiting;
                }
                Turn::Stopped(stop) => {
                    self.stopped_at(machine, stop);
                    return After::Waiting;
                }
                Turn::Ended(why) => {
                    self.console.end_screen();
                    self.enter_cp_mode(machine, &format!("HCPGIR450W CP entered; {why}"));
                    return After::Waiting;
                }
            }
            if self.console.congested() {
                self.alarm(pc_of(machine), CONGESTION_PAUSE);
                machine.wait_for(Wait::Halted);
                return After::Waiting;
            }
            let reads = machine.pc().is_some_and(Pc::reads);
            if reads != matches!(read_before, ConsoleState::VmRead { .. }) {
                self.show_state(machine);
            }
            if processor.is_slice_over() {
                return After::Runnable;
            }
        }
    }

    /// Shows the text screen at a terminal that can, as the console is set.
    fn show_screen(&self, pc: &mut Pc, at_once: bool) {
        let Some(painter) = &mut pc.painter else { return };
        let Some(display) = self.console.display() else { return pc.painted = None };
        if !at_once && pc.painted.is_some_and(|painted| painted.elapsed() < PAINT_EVERY) {
            return;
        }
        let screen = pc.devices.board.screen(&Reached(&pc.memory));
        pc.painted = Some(Instant::now());
        self.console.prefer(|kept| kept.single_keys = true);
        if let Some((command, data)) = painter.paint(&screen, display, self.console.has_screen())
            && let Err(refusal) = self.console.write_screen(command, &data)
        {
            tracing::debug!("{}: the screen is not shown: {refusal}", self.id);
            pc.painted = None;
        }
    }

    /// TERMINAL CONMODE.
    pub(crate) fn show_pc_screen(self: &Arc<Self>, on: bool) {
        self.with_machine(|machine| {
            let Some(pc) = machine.pc_mut() else { return };
            pc.show_screen(on);
            if on {
                self.show_screen(pc, true);
            } else {
                self.console.end_screen();
                self.show_output(pc, false);
            }
        });
    }

    /// The guest has reset the machine: a worker does again what IPL did.
    fn load_again(self: &Arc<Self>, machine: &mut Machine) {
        let origin = machine.pc().and_then(|pc| pc.origin.as_ref());
        let Some(again) = origin.and_then(super::Origin::again) else {
            return self.enter_cp_mode(machine, "HCPGIR450W CP entered; the guest resets the machine again and again");
        };
        let generation = machine.generation();
        machine.wait_for(Wait::Worker);
        self.console.end_screen();
        self.console.write(LineKind::Cp, &format!("HCPIPL9461I The guest reset the machine; IPL {}", again.name()));
        let user = Arc::clone(self);
        self.cp().workers.submit(Box::new(move || {
            close_unit_records(&user);
            user.undial();
            match super::ipl(&user, again, Some(generation)) {
                Ok(_) | Err(super::LoadError::Overtaken) => {}
                Err(problem) => user.with_machine(|machine| {
                    machine.end_wait(Wait::Worker);
                    user.enter_cp_mode(machine, &format!("HCPGIR450W CP entered; the machine cannot be loaded again: {problem}"));
                }),
            }
        }));
    }

    /// Writes what the machine wrote to the console.
    fn show_output(&self, pc: &mut Pc, ended: bool) {
        if ended {
            pc.painted = None;
        }
        if pc.painted.is_some() {
            // Lines wait for the console to show lines again.
            return;
        }
        if ended {
            pc.terminal.end();
        } else if pc.reads() {
            pc.terminal.end_prompt();
        }
        while let Some(shown) = pc.terminal.next() {
            match shown {
                Shown::Line(text) => self.console.write(LineKind::Guest, &text),
                Shown::Prompt(text) => self.console.write(LineKind::Prompt, &text),
            }
        }
        if let Some(said) = pc.kvm.as_mut().and_then(super::OnKvm::take_said) {
            self.console.write(LineKind::Cp, &said);
        }
        for odd in pc.board().take_notes() {
            tracing::debug!("{}: {odd:?}", self.id);
        }
    }

    /// Writes what the machine wrote to its second serial line for whoever is dialed to it; who is not wanted any more goes.
    fn show_line(self: &Arc<Self>, pc: &mut Pc) {
        if pc.board().take_line_drop() && self.end_dialed() {
            pc.connect_line(false);
        }
        let Some(console) = self.dialed_console() else { return };
        let reads = pc.reads_line();
        if reads {
            pc.line.end_prompt();
        }
        while let Some(shown) = pc.line.next() {
            match shown {
                Shown::Line(text) => console.write(LineKind::Guest, &text),
                Shown::Prompt(text) => console.write(LineKind::Prompt, &text),
            }
        }
        let state = if reads { ConsoleState::VmRead { hidden: false } } else { ConsoleState::Running };
        if state != console.state() {
            console.set_state(state);
        }
    }

    /// The machine has nothing to do for so many nanoseconds. It is looked at before that when it will be silent long enough to wait for a line.
    fn halt(self: &Arc<Self>, pc: &mut Pc, length: Option<u64>) {
        pc.halted = Some(Halt { since: Instant::now(), length });
        if pc.reads() {
            pc.terminal.end_prompt();
            self.show_output(pc, false);
        }
        self.show_line(pc);
        let Some(length) = length else { return };
        let console = pc.silence_missing().filter(|_| pc.painted.is_none());
        let line = pc.line_silence_missing().filter(|_| self.dialed_console().is_some());
        let look = [console, line].into_iter().flatten().filter(|missing| *missing > 0).min().map(|missing| missing * NANOSECONDS);
        self.alarm(pc, Duration::from_nanos(look.unwrap_or(u64::MAX).min(length)));
    }

    fn alarm(self: &Arc<Self>, pc: &mut Pc, delay: Duration) {
        pc.alarms += 1;
        let (number, user) = (pc.alarms, Arc::downgrade(self));
        let ring = move || {
            if let Some(user) = user.upgrade() {
                user.with_machine(|machine| machine.end_halt(number));
            }
        };
        if let Some(old) = pc.alarm.replace(self.cp().workers.submit_after(delay, Box::new(ring))) {
            self.cp().workers.cancel(old);
        }
    }
}

fn pc_of(machine: &mut Machine) -> &mut Pc {
    machine.pc_mut().expect("a machine that just ran")
}

impl Machine {
    /// Somebody wants to be dialed to the second serial line: nothing when the guest does not have it open, else what `begin` answers; something, and somebody is
    /// there.
    pub(crate) fn offer_line<T>(&mut self, begin: impl FnOnce() -> Option<T>) -> Option<Option<T>> {
        self.pc().filter(|pc| pc.line_is_open())?;
        let begun = begin();
        if begun.is_some() {
            self.connect_line(true);
        }
        Some(begun)
    }

    /// Somebody comes to the other end of the second serial line of a PC machine, or goes.
    pub(crate) fn connect_line(&mut self, connected: bool) {
        if let Some(pc) = self.pc_mut() {
            pc.connect_line(connected);
            self.end_wait(Wait::Halted);
        }
    }

    /// A line was typed there. False when it cannot be taken.
    pub(crate) fn line_entered(&mut self, line: &str) -> bool {
        let taken = self.pc_mut().is_some_and(|pc| pc.type_on_line(line));
        self.end_wait(Wait::Halted);
        taken
    }

    /// The time of a halt is over.
    fn end_halt(&mut self, number: u64) {
        let Some(pc) = self.pc_mut().filter(|pc| pc.alarms == number) else { return };
        let is_over = |halt: &Halt| halt.length.is_none_or(|length| halt.since.elapsed().as_nanos() >= u128::from(length));
        pc.resume(pc.halted.as_ref().is_none_or(is_over));
        self.end_wait(Wait::Halted);
    }

    /// A disk request of a PC machine has ended.
    pub(super) fn disk_ended(&mut self, ticket: Ticket, ended: Ended) {
        let Some(pc) = self.pc_mut() else { return };
        let Pc { memory, devices, .. } = pc;
        devices.board.disk_ended(ticket, ended, &super::Reached(memory));
        if !devices.board.waits_for_disk() {
            self.end_wait(Wait::Disk);
        }
    }
}
