//! An x86-64 processor in software.
//!
//! ```text
//!   Cpu::run(&Memory, &mut dyn Bus, instructions) -> Exit
//!
//!   Memory   the machine's storage: regions of host memory at guest-physical addresses
//!   Bus      everything else: ports, addresses that are not storage, interrupt controller, timers, the board's MSRs
//!   Cpu      one virtual processor: all its registers (`State`), its translations and its decoded code
//! ```
//!
//! Time is the count of executed instructions (`now`); nothing here reads a clock or draws a random number. The same state,
//! storage and answers of the bus give the same count and the same state, on every host and in every build; only x87
//! transcendental functions are those of the host. Each iteration of a repeated string instruction counts as one.
//!
//! Several virtual processors of one machine are run in turns by the caller, on one thread: a `Cpu` for each, all over one
//! `Memory`, `set_now` keeping their clocks together. INIT and start-up interprocessor interrupts are the caller's to give
//! ([`Cpu::init`], [`Cpu::start_up`]), after [`Flow::Leave`] made `run` return.
//!
//! What it offers is what its CPUID says: the x86-64 baseline without MMX, real, protected, compatibility and long mode,
//! 2-, 3- and 4-level paging with NX. Not there: machine checks, performance counters.

mod access;
mod bus;
mod control;
mod core;
mod cpu;
mod cpuid;
mod decode;
mod far;
mod fast;
mod flags;
mod fxsave;
mod gate;
mod host;
mod inspect;
mod integer;
mod interrupt;
mod memory;
mod points;
mod port;
mod registers;
mod segment;
mod shift;
mod sse;
mod state;
mod string;
mod system;
mod task;
mod tlb;
mod trace;
mod translate;
mod x87;

pub use bus::{Bus, Cycle, Flow};
pub use cpu::{Cpu, Exception, Exit};
pub use cpuid::leaf as cpuid;
pub use inspect::NotMapped;
pub use memory::{LayoutError, Memory, NotStorage, Region};
pub use points::{Watch, WatchKind};
pub use state::{Fpu, Segment, State, Table};
