//! A slice of a PC machine on a dispatcher thread: run it, show what it wrote, and see what it waits for.

use std::sync::Arc;
use std::time::{Duration, Instant};

use console::wire::LineKind;
use pc_platform::disk::{Ended, Ticket};

use super::terminal::Shown;
use super::{Halt, Pc, Turn};
use crate::dispatcher::After;
use crate::machine::{Machine, Wait};
use crate::processor::Processor;
use crate::users::User;

/// Instructions between two looks at the host's clock.
const CHUNK: u64 = 50_000;
/// Halts that are shorter than this are not waited out: arming a timer would take longer.
const SHORT_HALT: u64 = 50_000;
/// A machine that writes faster than its terminal shows pauses so long.
const CONGESTION_PAUSE: Duration = Duration::from_millis(20);

impl User {
    /// Runs a PC machine until it waits or the slice is over. `guest` takes the time in it.
    pub(crate) fn run_pc(self: &Arc<Self>, machine: &mut Machine, processor: &mut dyn Processor, guest: &mut Duration) -> After {
        loop {
            if !machine.is_ready() {
                return After::Waiting;
            }
            let Some(pc) = machine.pc_mut() else { return After::Waiting };
            let entered = Instant::now();
            let turn = pc.run(CHUNK);
            *guest += entered.elapsed();
            let read_before = self.console.state();
            self.show_output(pc, matches!(turn, Turn::Ended(_)));
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
                Turn::Ended(why) => {
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
            if reads != matches!(read_before, console::wire::ConsoleState::VmRead { .. }) {
                self.show_state(machine);
            }
            if processor.is_slice_over() {
                return After::Runnable;
            }
        }
    }

    /// Writes what the machine wrote to the console.
    fn show_output(&self, pc: &mut Pc, ended: bool) {
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
        for odd in pc.board().take_notes() {
            tracing::debug!("{}: {odd:?}", self.id);
        }
    }

    /// The machine has nothing to do for so many nanoseconds.
    fn halt(self: &Arc<Self>, pc: &mut Pc, length: Option<u64>) {
        pc.halted = Some(Halt { since: Instant::now(), length });
        if pc.reads() {
            pc.terminal.end_prompt();
            self.show_output(pc, false);
        }
        if let Some(length) = length {
            self.alarm(pc, Duration::from_nanos(length));
        }
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
    /// The time of a halt is over.
    fn end_halt(&mut self, number: u64) {
        let Some(pc) = self.pc_mut().filter(|pc| pc.alarms == number) else { return };
        pc.resume(true);
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
