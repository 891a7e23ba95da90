//! One slice of one machine: enter it, see why it left, do what that asks for, until it waits or the slice is over.
//!
//! Runs on a dispatcher thread with the machine's lock held. Whatever the guest does ends here as a resumed machine, a
//! program interruption of that machine, or that machine in CP mode.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use super::diagnose::{self, Next};
use super::{Machine, Missing, ProgramCheck};
use crate::debug::Stop;
use crate::dispatcher::logons::STARTING;
use crate::dispatcher::meter::Meter;
use crate::dispatcher::policy::admission::Demand;
use crate::dispatcher::{After, Dispatchable};
use crate::metrics::counters::{EXITS, Trouble};
use crate::processor::{Exit, Processor};
use crate::users::User;

/// The x86 vector of a page fault.
const PAGE_FAULT: u32 = 14;

/// What a slice came to.
#[derive(Default)]
struct Seen {
    /// Time in the guest.
    guest: Duration,
    /// Exits by their [`kind`].
    exits: [u32; EXITS.len()],
}

/// Index of an exit in [`EXITS`].
fn kind(exit: &Exit) -> usize {
    match exit {
        Exit::Diagnose => 0,
        Exit::PageFault { .. } => 1,
        Exit::Program { .. } => 2,
        Exit::SliceEnd => 3,
        Exit::Failed(_) => 4,
    }
}

impl Dispatchable for User {
    fn run_slice(self: &Arc<Self>, processor: &mut dyn Processor, slice: Duration, meter: &mut Meter) -> After {
        let mut machine = self.machine.lock();
        meter.begin();
        let mut seen = Seen::default();
        let ran = catch_unwind(AssertUnwindSafe(|| self.run_until(&mut machine, processor, slice, &mut seen)));
        processor.release(&mut machine.context);
        let after = ran.unwrap_or_else(|_| {
            self.cp().counters.count_trouble(Trouble::Internal);
            self.enter_cp_mode(&mut machine, "HCPMCP9151W CP entered; an internal error in CP stopped this virtual machine");
            After::Waiting
        });
        self.cp().counters.add_exits(seen.exits);
        let charge = meter.end(seen.guest);
        self.usage.virtual_ns.fetch_add(charge.guest.as_nanos() as u64, Ordering::Relaxed);
        self.usage.total_ns.fetch_add(charge.total.as_nanos() as u64, Ordering::Relaxed);
        machine.space.note_run(charge.guest);
        self.standing.note_use(self.cp().started.elapsed());
        // Fair: a command that waits for this machine gets it before the next slice.
        parking_lot::MutexGuard::unlock_fair(machine);
        after
    }

    fn name(&self) -> String {
        self.id.to_string()
    }

    fn demand(&self) -> Demand {
        let figures = self.standing.figures();
        Demand { pages: figures.working_set.max(figures.resident), loading: figures.paged_out > figures.resident }
    }

    fn is_starting(&self) -> bool {
        Duration::from_nanos(self.usage.total_ns.load(Ordering::Relaxed)) < STARTING
    }
}

impl User {
    fn run_until(self: &Arc<Self>, machine: &mut Machine, processor: &mut dyn Processor, slice: Duration, seen: &mut Seen) -> After {
        processor.start_slice(slice);
        if machine.pc().is_some() {
            return self.run_pc(machine, processor, &mut seen.guest);
        }
        loop {
            machine.settle();
            if !machine.is_ready() {
                self.ask_for_page(machine);
                return After::Waiting;
            }
            if let Err(stuck) = machine.take_interruption() {
                self.enter_cp_mode(machine, &stuck.0);
                return After::Waiting;
            }
            if let Some(why) = machine.disabled_wait() {
                self.enter_cp_mode(machine, &why);
                return After::Waiting;
            }
            if let Some(why) = machine.stepping.stops_before(machine.context.registers.rip) {
                self.stopped_at(machine, Stop { processor: 0, why });
                return After::Waiting;
            }
            if machine.missing_page().is_some() {
                continue;
            }
            let entered = Instant::now();
            let exit = if machine.tracing.is_empty() && !machine.stepping.is_needed() {
                processor.run(&mut machine.context, &mut machine.space)
            } else {
                let (exit, stops) = self.run_one_traced(machine, processor);
                self.show_traces(machine, !stops);
                if stops {
                    machine.stop();
                    self.show_state(machine);
                }
                if exit == Exit::SliceEnd && !processor.is_slice_over() {
                    continue;
                }
                exit
            };
            seen.guest += entered.elapsed();
            seen.exits[kind(&exit)] += 1;
            match exit {
                Exit::SliceEnd => return After::Runnable,
                Exit::Diagnose => match diagnose::carry_out(self, machine) {
                    Next::GoOn => {}
                    // Nobody to yield to: the slice goes on, and is cut short when somebody comes.
                    Next::Yield if !self.cp().dispatcher.is_waited_for() => {}
                    Next::Yield => return After::Yielded,
                },
                Exit::PageFault { address, write } => page_fault(machine, address, write),
                Exit::Program { code, vector, address } => machine.program_check(ProgramCheck { code, vector, address }),
                Exit::Failed(why) => {
                    self.enter_cp_mode(machine, &format!("HCPMCP9151W CP entered; the processor cannot run this machine: {why}"));
                }
            }
        }
    }
}

/// The page is there at once, the machine waits for it, or the access becomes a program interruption.
fn page_fault(machine: &mut Machine, address: u64, write: bool) {
    let Err(error) = machine.space.fault(address, write) else { return };
    match Missing::of(error, write) {
        Some(missing) => machine.wait_for_page(missing),
        None => machine.program_check(ProgramCheck { vector: PAGE_FAULT, ..ProgramCheck::access(address, error) }),
    }
}
