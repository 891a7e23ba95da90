//! CMS machines on the software processor: for hosts without usable KVM. Talks to `soft-processor` and to [`crate::storage`].
//!
//! The same machines as in the partition of [`super::kvm`]: ring 3, the same page tables at the same guest-physical addresses, the same exits. There
//! is no ring 0 at all: every exception ends the run and is judged here, with the registers as they were at the instruction. No port is open to
//! ring 3, so a DIAGNOSE is the general protection exception of an `out 0x83, eax`.
//!
//! A run is made in pieces of some ten thousand instructions; between two of them the clock and the kick flag are looked at. Translations are forgotten
//! when registers are loaded, and during a run CP changes nothing of the machine that runs, so stale ones cannot be, and CP's rules about
//! them ask nothing of this back end. Decoded code is compared with storage before it is used in another run, and machines that run the same frames
//! share it.
#![allow(unsafe_code)]

use std::ptr::NonNull;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use soft_processor::{Bus, Cpu, Cycle, Exception, Exit as SoftExit, Flow, Memory, Region, Segment, State};

use super::classify::program_code;
use super::kvm::PartitionError;
use super::vectors::Vectors;
use super::{Context, Exit, Kicker, MACHINE_FLAGS, Processor, Registers};
use crate::storage::{AddressSpace, Storage};

/// `out 0x83, eax`.
const DIAGNOSE: [u8; 2] = [0xe7, abi::DIAGNOSE_PORT];
/// Instructions between two looks at the clock: a fraction of a millisecond.
const PIECE: u64 = 20_000;
/// Physical address bits of the software processor: storage must lie below.
const ADDRESS_BITS: u32 = 40;

/// The software processors of one [`Storage`].
pub struct SoftProcessors {
    storage: Arc<Storage>,
    count: usize,
    /// Numbers of those that there are.
    taken: Arc<Mutex<Vec<usize>>>,
}

impl SoftProcessors {
    /// Up to `count` processors for machines of `storage`.
    ///
    /// # Errors
    /// [`PartitionError::Processors`] for none, [`PartitionError::AddressBits`] when there is more storage than they can address.
    pub fn new(storage: &Arc<Storage>, count: usize) -> Result<Self, PartitionError> {
        if count == 0 {
            return Err(PartitionError::Processors(count));
        }
        if storage.slots().iter().any(|(base, bytes, _)| base + bytes > 1 << ADDRESS_BITS) {
            return Err(PartitionError::AddressBits { bits: ADDRESS_BITS });
        }
        Ok(Self { storage: Arc::clone(storage), count, taken: Arc::default() })
    }

    /// The processor of that number, each once at a time.
    ///
    /// # Errors
    /// [`PartitionError::Processors`] for a number that is out of range or taken.
    pub fn processor(&self, number: usize) -> Result<SoftProcessor, PartitionError> {
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        if number >= self.count || taken.contains(&number) {
            return Err(PartitionError::Processors(number));
        }
        taken.push(number);
        Ok(SoftProcessor::new(&self.storage, Number { taken: Arc::clone(&self.taken), number }))
    }
}

/// A number that is taken as long as this lives.
struct Number {
    taken: Arc<Mutex<Vec<usize>>>,
    number: usize,
}

impl Drop for Number {
    fn drop(&mut self) {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner).retain(|&other| other != self.number);
    }
}

/// A real processor in software; any number of them run machines of one [`Storage`], each on its thread.
pub struct SoftProcessor {
    cpu: Cpu,
    memory: Memory,
    kicked: Arc<AtomicBool>,
    slice_end: Option<Instant>,
    /// The load whose machine's vector registers are here; 0 for none.
    load: u64,
    /// What `memory` points into.
    _storage: Arc<Storage>,
    _number: Number,
}

impl SoftProcessor {
    fn new(storage: &Arc<Storage>, number: Number) -> Self {
        let slots = storage.slots();
        let regions = slots.iter().map(|&(base, bytes, host)| {
            let pointer = NonNull::new(host as *mut u8).expect("a mapping is nowhere near zero");
            // SAFETY: the mappings live as long as `storage`, which this processor keeps. While a machine runs, its frames are stored into by nobody
            // else: its address space is borrowed for the run, and frames that machines share are written by none of them.
            unsafe { Region::mapped(base, pointer, bytes) }
        });
        let memory = Memory::new(regions.collect()).expect("arena and tables are whole pages apart from each other");
        let mut cpu = Cpu::new(0);
        cpu.intercept_exceptions(true);
        Self { cpu, memory, kicked: Arc::default(), slice_end: None, load: 0, _storage: Arc::clone(storage), _number: number }
    }

    /// Puts the machine's registers into the processor.
    fn load(&mut self, context: &mut Context, root: u64) {
        let mut state = machine_state(&context.registers, root);
        if self.load == 0 || self.load != context.load {
            context.vectors.take().as_deref().and_then(Vectors::from_saved).unwrap_or_default().put(&mut state);
            self.load = super::next_load();
            context.load = self.load;
        } else {
            let kept = self.cpu.state();
            (state.fpu, state.xmm, state.mxcsr) = (kept.fpu, kept.xmm, kept.mxcsr);
        }
        self.cpu.set_state(&state);
    }

    fn store(&self, context: &mut Context) {
        let state = self.cpu.state();
        context.registers = Registers { general: state.general, rip: state.rip, rflags: state.rflags & MACHINE_FLAGS };
        context.vectors_live = true;
    }

    /// What an exception is to the machine.
    fn exception(&self, context: &mut Context, space: &mut AddressSpace, exception: Exception) -> Exit {
        const STORE: u32 = 1 << 1;
        self.store(context);
        let error = exception.error.unwrap_or(0);
        if exception.vector == 14 {
            let address = exception.address;
            if address < space.size() {
                return Exit::PageFault { address, write: error & STORE != 0 };
            }
            return Exit::Program { code: abi::program::ADDRESSING, vector: 14, address };
        }
        let mut instruction = [0; 15];
        let at = context.registers.rip;
        let length = (0..=15).rev().find(|&length| space.read(at, &mut instruction[..length]).is_ok()).unwrap_or(0);
        if exception.vector == 13 && instruction[..length].starts_with(&DIAGNOSE) {
            context.registers.rip += DIAGNOSE.len() as u64;
            context.vectors_live = false;
            return Exit::Diagnose;
        }
        let code = program_code(exception.vector.into(), error.into(), &instruction[..length]);
        Exit::Program { code, vector: exception.vector.into(), address: 0 }
    }
}

impl std::fmt::Debug for SoftProcessor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SoftProcessor").field("memory", &self.memory).finish_non_exhaustive()
    }
}

impl Processor for SoftProcessor {
    fn start_slice(&mut self, length: Duration) {
        self.slice_end = Instant::now().checked_add(length);
    }

    fn run(&mut self, context: &mut Context, space: &mut AddressSpace) -> Exit {
        if context.registers.rip >= space.size() {
            return Exit::Program { code: abi::program::ADDRESSING, vector: 14, address: context.registers.rip };
        }
        if self.is_slice_over() {
            return Exit::SliceEnd;
        }
        self.load(context, space.enter());
        // CP stores into frames by itself, and other processors run other machines.
        self.memory.changed_outside();
        loop {
            let left = context.limit.map_or(u64::MAX, |limit| limit.saturating_sub(context.executed));
            if left == 0 {
                self.store(context);
                return Exit::Failed(format!("it has executed {} instructions", context.executed));
            }
            let before = self.cpu.now();
            let exit = self.cpu.run(&self.memory, &mut Nothing, PIECE.min(left));
            context.executed += self.cpu.now() - before;
            match exit {
                SoftExit::Budget if self.is_slice_over() => {
                    self.store(context);
                    return Exit::SliceEnd;
                }
                SoftExit::Budget => {}
                SoftExit::Exception(exception) => return self.exception(context, space, exception),
                other => {
                    self.store(context);
                    return Exit::Failed(format!("The software processor stopped with {other:?}"));
                }
            }
        }
    }

    fn is_slice_over(&mut self) -> bool {
        self.kicked.swap(false, Ordering::SeqCst) || self.slice_end.is_some_and(|end| Instant::now() >= end)
    }

    fn release(&mut self, context: &mut Context) {
        if context.load == 0 || context.load != self.load {
            return;
        }
        if context.vectors_live {
            context.vectors = Some(Box::new(Vectors::get(&self.cpu.state()).saved()));
        }
        context.load = 0;
        self.load = 0;
    }

    fn kind(&self) -> &'static str {
        "SOFT"
    }

    fn kicker(&self) -> Kicker {
        Kicker::new(Arc::clone(&self.kicked), || {})
    }
}

/// Registers of a machine in ring 3 with its page tables at `root`.
pub(crate) fn machine_state(registers: &Registers, root: u64) -> State {
    const INTERRUPTS: u64 = 0x200;
    let data = Segment { selector: 0x2b, base: 0, limit: u32::MAX, attributes: 0xc0f3 };
    // Paging with write protection, native x87 errors; PAE, SSE with its exceptions; long mode and no-execute, SYSCALL off.
    let mut state = State { cr0: 0x8001_0033, cr3: root, cr4: 0x620, efer: 0xd00, ..State::reset() };
    state.segments = [data; 6];
    state.segments[State::CS] = Segment { selector: 0x33, attributes: 0xa0fb, ..data };
    // A task without a permission map: no port is open.
    state.tr = Segment { selector: 0x40, base: 0, limit: 0, attributes: 0x8b };
    state.general = registers.general;
    state.rip = registers.rip;
    state.rflags = registers.rflags & MACHINE_FLAGS | INTERRUPTS;
    state
}

/// A CMS machine has no bus: ports are closed, and addresses outside storage are not mapped.
struct Nothing;

impl Bus for Nothing {
    fn port_in(&mut self, _: Cycle, _: u16, _: u8) -> u32 {
        u32::MAX
    }

    fn port_out(&mut self, _: Cycle, _: u16, _: u8, _: u32) -> Flow {
        Flow::Leave
    }

    fn mmio_read(&mut self, _: Cycle, _: u64, _: u8) -> u64 {
        u64::MAX
    }

    fn mmio_write(&mut self, _: Cycle, _: u64, _: u8, _: u64) -> Flow {
        Flow::Leave
    }

    fn interrupt_pending(&mut self, _: Cycle) -> bool {
        false
    }

    fn acknowledge(&mut self, _: Cycle) -> u8 {
        0
    }
}
