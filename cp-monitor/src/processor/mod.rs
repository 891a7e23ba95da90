//! The processor seam: what a dispatcher needs of something that runs guest code, whichever kind it is.
//!
//! A dispatcher thread owns one [`Processor`], starts a slice and runs machines on it until each [`Exit`]. A machine is a
//! [`Context`] (registers) and an [`AddressSpace`] (storage); both move freely between processors. When the machine leaves the
//! processor, because it waits or because another is to run, [`Processor::release`] saves what lives in the processor only.
//!
//! Back ends: [`kvm`], the partition, and [`soft`], the software processor. All processors of a system are of one kind ([`Processors`]).

pub mod baseline;
mod classify;
pub mod kvm;
pub mod soft;
pub mod vectors;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use crate::storage::{AddressSpace, Storage};

/// Flags that a machine owns: carry, parity, adjust, zero, sign, trap, direction, overflow, alignment check, identification.
pub const MACHINE_FLAGS: u64 = 0x0024_0dd5;

/// General registers, instruction address and flags of a machine.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Registers {
    /// RAX RCX RDX RBX RSP RBP RSI RDI R8..R15: the order of the x86-64 encoding, see the constants.
    pub general: [u64; 16],
    /// Instruction address.
    pub rip: u64,
    /// Flags; only [`MACHINE_FLAGS`] are taken.
    pub rflags: u64,
}

impl Registers {
    /// Index of RAX.
    pub const RAX: usize = 0;
    /// Index of RCX.
    pub const RCX: usize = 1;
    /// Index of RDX.
    pub const RDX: usize = 2;
    /// Index of RBX.
    pub const RBX: usize = 3;
    /// Index of RSP.
    pub const RSP: usize = 4;
    /// Index of RBP.
    pub const RBP: usize = 5;
    /// Index of RSI.
    pub const RSI: usize = 6;
    /// Index of RDI.
    pub const RDI: usize = 7;
    /// Index of R8; R9 to R15 follow.
    pub const R8: usize = 8;
}

impl std::ops::Index<usize> for Registers {
    type Output = u64;
    fn index(&self, register: usize) -> &u64 {
        &self.general[register]
    }
}

impl std::ops::IndexMut<usize> for Registers {
    fn index_mut(&mut self, register: usize) -> &mut u64 {
        &mut self.general[register]
    }
}

/// Vector state of a machine that is on no processor, in the form of the back end that saved it.
pub(crate) struct VectorState(pub(crate) Vec<u32>);

/// The processor state of one machine.
#[derive(Default)]
pub struct Context {
    /// What CP reads and changes between two runs.
    pub registers: Registers,
    /// x87 and SSE registers, when they are not in a processor and the machine may rely on them.
    pub(crate) vectors: Option<Box<VectorState>>,
    /// The load (a number that is never used twice) that put this context into a processor; 0 for none.
    pub(crate) load: u64,
    /// The vector registers are the machine's to keep: it did not stop at a DIAGNOSE.
    pub(crate) vectors_live: bool,
    /// Instructions that the software processor executed for it; resets do not change it.
    pub(crate) executed: u64,
    /// How many it executes at most.
    pub(crate) limit: Option<u64>,
}

impl std::fmt::Debug for Context {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Context").field("registers", &self.registers).finish_non_exhaustive()
    }
}

impl Context {
    /// The state of a machine that was just reset: all registers zero, vector registers in their initial state.
    pub fn new() -> Self {
        Self::default()
    }

    /// Resets the processor state (SYSTEM RESET, IPL).
    pub fn reset(&mut self) {
        *self = Self { executed: self.executed, limit: self.limit, ..Self::default() };
    }

    /// The vector registers are to survive although the machine stopped at a DIAGNOSE: said by LOAD PSW (X'100'), before the
    /// machine runs again or leaves the processor.
    pub fn keep_vectors(&mut self) {
        self.vectors_live = true;
    }
}

/// Why a machine stopped running.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Exit {
    /// DIAGNOSE: the code is in EAX, the instruction address is past it.
    Diagnose,
    /// The machine touched a page of its storage that is not there or not writable: see [`AddressSpace::fault`]. The
    /// instruction will be executed again.
    PageFault {
        /// Address, below the size of the storage.
        address: u64,
        /// It was a store.
        write: bool,
    },
    /// A program interruption. The instruction address is that of the failing instruction, for debug events and overflow
    /// traps that of the next one.
    Program {
        /// One of [`abi::program`].
        code: u32,
        /// The x86 exception vector behind it; hosts differ.
        vector: u32,
        /// The storage address that it is about, or 0.
        address: u64,
    },
    /// The slice is over, or the processor was kicked.
    SliceEnd,
    /// The processor could not run the machine; the reason is for the operator. Other machines are not affected.
    Failed(String),
}

/// A number for a load of a context: never used twice, never 0.
fn next_load() -> u64 {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    NEXT.fetch_add(1, Ordering::Relaxed)
}

/// What runs the machines of a system.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// The host's KVM.
    Kvm,
    /// The software processor.
    Soft,
}

/// Where the real processors of a system come from.
pub enum Processors {
    /// vCPUs of one partition.
    Kvm(Arc<kvm::Partition>),
    /// Software processors over one storage.
    Soft(soft::SoftProcessors),
}

impl Processors {
    /// For machines of `storage`, up to `count` processors.
    ///
    /// # Errors
    /// [`kvm::PartitionError`].
    pub fn new(kind: Kind, storage: &Arc<Storage>, count: usize) -> Result<Self, kvm::PartitionError> {
        Ok(match kind {
            Kind::Kvm => Self::Kvm(kvm::Partition::new(storage, count)?),
            Kind::Soft => Self::Soft(soft::SoftProcessors::new(storage, count)?),
        })
    }

    /// The processor of that number, for the calling thread.
    ///
    /// # Errors
    /// [`kvm::PartitionError`].
    pub fn processor(&self, number: usize) -> Result<Box<dyn Processor>, kvm::PartitionError> {
        Ok(match self {
            Self::Kvm(partition) => Box::new(partition.processor(number)?),
            Self::Soft(processors) => Box::new(processors.processor(number)?),
        })
    }
}

/// Something that runs guest code; it belongs to one thread.
pub trait Processor {
    /// Begins a slice: from now on for `length`, machines run; then [`Exit::SliceEnd`].
    fn start_slice(&mut self, length: Duration);

    /// Runs a machine until something happens. A machine whose instruction address is outside its storage gets an
    /// addressing exception without being run.
    fn run(&mut self, context: &mut Context, space: &mut AddressSpace) -> Exit;

    /// The machine leaves this processor: what of its state lives only here is put into the context. Must be called before
    /// another machine runs here; a context that was not released starts again with initial vector registers.
    fn release(&mut self, context: &mut Context);

    /// Whether the slice is over or somebody kicked, for a machine that is run by something else meanwhile (a PC machine). The answer yes to a kick takes it.
    fn is_slice_over(&mut self) -> bool;

    /// What QUERY PROCESSORS calls this kind.
    fn kind(&self) -> &'static str;

    /// A handle with which any thread ends the current run.
    fn kicker(&self) -> Kicker;
}

/// Ends the run of one processor soon, from any thread.
#[derive(Clone)]
pub struct Kicker {
    kicked: Arc<AtomicBool>,
    /// Makes the thread of the processor look at `kicked`.
    interrupt: Arc<dyn Fn() + Send + Sync>,
}

impl Kicker {
    /// A kicker that sets `kicked` and then calls `interrupt`.
    pub fn new(kicked: Arc<AtomicBool>, interrupt: impl Fn() + Send + Sync + 'static) -> Self {
        Self { kicked, interrupt: Arc::new(interrupt) }
    }

    /// The run in progress, or else the next one, ends with [`Exit::SliceEnd`].
    pub fn kick(&self) {
        self.kicked.store(true, Ordering::SeqCst);
        (self.interrupt)();
    }
}

impl std::fmt::Debug for Kicker {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Kicker").field("kicked", &self.kicked).finish_non_exhaustive()
    }
}
