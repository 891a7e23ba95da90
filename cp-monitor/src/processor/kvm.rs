//! The partition: one KVM virtual machine in which thousands of CMS machines live, each an address space.
//! Talks to KVM and to [`crate::storage`].
//!
//! # How a machine runs
//!
//! A partition has one KVM vCPU per real processor (dispatcher thread), made on that thread and run by no other. To dispatch a
//! machine is to load its registers and the root of its page tables through the synchronised registers of `kvm_run`, all
//! in the one KVM_RUN system call. Guest code runs in ring 3 only. Ring 0 holds the assist area (`kvm/assist.rs`): descriptor
//! tables and one stub per exception vector, which does a single OUT to reach CP.
//!
//! ```text
//!   ring 3   out 0x83, eax      -> KVM_EXIT_IO, port 83                          = DIAGNOSE
//!   ring 3   anything that faults -> IDT -> stub, `out 0xf5, al` -> KVM_EXIT_IO  = exception, frame on the assist stack
//! ```
//!
//! CP reads the exception frame from the assist stack in its own memory, decides, and resumes the machine directly in ring 3 by setting
//! its registers: no return instruction in ring 0. Some hosts (KVM inside a VM without nested hardware support) interpret ring
//! 0 at a millionth of the speed of ring 3; here a fault costs them one emulated OUT.
//!
//! The I/O permission map of the TSS opens the DIAGNOSE port and nothing else, so every other port is a general protection
//! exception. (Raising IOPL instead costs the same and would let CLI and STI through.)
//!
//! # What must not leak from one machine to the next
//!
//! Each KVM_RUN that starts another machine loads: general registers, segments with FS and GS bases, control registers, *no* pending
//! or injected event, and the whole XSAVE area, initial or as saved. A host may execute AVX whatever CR4.OSXSAVE and CPUID say; loading
//! an area whose header names only x87 and SSE puts every other component into its initial state. A run that a signal ends just when
//! KVM has queued an exception goes on until the exception is delivered, so that none is lost and none meets another machine.
//!
//! # Operations that KVM finishes later
//!
//! Behind KVM_EXIT_IO an instruction may be finished only by the next KVM_RUN. Two kinds of host: with an emulated OUT the instruction address
//! is past it already; with a fast OUT (VMX, SVM) it is still at it, and the next KVM_RUN skips one instruction *if the address
//! loaded then is the same*. Machines run the same CMS at the same addresses, so "the same" happens. Each processor finds out by running
//! a stub once which kind it has. On the fast kind CP adds the two bytes itself, and before loading a machine whose address happens to
//! equal the one that is still unfinished, finishes it with an immediate exit ([`KvmProcessor`], `finish`). IN, string I/O and MMIO
//! would store into whatever machine comes next, so they are finished at once, in the machine that did them.
//!
//! # When KVM gives up
//!
//! Every exit that is not one of the two above (shutdown, internal error, HLT, MMIO, failed entry, other ports) is a program
//! interruption of the machine that was running. The vCPU is then set up anew; if KVM refuses even that, it is replaced by a new vCPU
//! of the same partition. No machine but the one is affected.
//!
//! # What one host was seen to do
//!
//! Measured on a KVM inside a VM without nested hardware support (`kvm_pvm`, Linux 6.18); other hosts do otherwise, which is why
//! the tests look at outcomes. A port write from ring 3 costs 28 microseconds and DIAGNOSE 0.8 more, a fault by way of the stub 43, KVM_SET_XSAVE 8. The address
//! is past an OUT at its exit, and at an IN. INT n raises #UD whatever the gate says, except INT 3. SYSCALL goes to LSTAR without leaving ring 3: were
//! LSTAR unset, a machine's own code at address 0 would be called. VMMCALL answers -1. WRFSBASE, AVX-512, SGDT and CPUID are executed, whatever CR4 and
//! CPUID offer. A translation is forgotten when KVM's limit of shadow pages is reached, so a missing flush does not show in a small test.
//!
//! # Stopping the world
//!
//! Page-table frames are reused after the slot that holds them was registered again ([`crate::storage`], rule 5). No vCPU may be in KVM_RUN
//! then: between removal and return of the slot, guest page walks would find nothing. Each KVM_RUN is made with the *gate*
//! held for reading; the flush closes the *door* in front of it, interrupts every processor until the gate is free, and takes it
//! for writing. (The door is what makes one round of interrupts enough: who comes out cannot go in again.) Lock order: the
//! storage's `flushing`, then the door, then the gate. The gate is held around KVM_RUN and nothing else.
#![allow(unsafe_code)]

mod assist;
mod exception;
mod kick;
pub mod machine;
mod state;
mod vcpu;

use std::ffi::{CStr, OsStr};
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::FileTypeExt;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock, RwLockReadGuard, TryLockError, Weak};
use std::time::Duration;

use kvm_bindings::{CpuId, KVM_MAX_CPUID_ENTRIES, kvm_enable_cap, kvm_userspace_memory_region};
use kvm_ioctls::{Cap, Kvm, VmFd};
use vm_memory::mmap::{MmapRegion, MmapRegionBuilder};
use vm_memory::{Bytes, VolatileMemory};
use vmm_sys_util::ioctl::ioctl_with_val;

use crate::storage::{ARENA_BASE, ASSIST_BASE, Storage, StorageError, TABLES_BASE, TableHolder};
use kick::Thread;
pub use vcpu::KvmProcessor;

/// Where KVM is.
const DEVICE: &str = "/dev/kvm";
const DEVICE_PATH: &CStr = c"/dev/kvm";
/// Synchronised registers that the partition needs: general, system, events.
const SYNC_NEEDED: u32 = kvm_bindings::KVM_SYNC_X86_REGS | kvm_bindings::KVM_SYNC_X86_SREGS | kvm_bindings::KVM_SYNC_X86_EVENTS;
/// Memory slots.
const ASSIST_SLOT: u32 = 0;
const TABLES_SLOT: u32 = 1;
const ARENA_SLOT: u32 = 2;

/// How long to wait for processors to come out of KVM_RUN before interrupting them again.
const STOP_POLL: Duration = Duration::from_micros(50);

/// What is known of the host's KVM, for QUERY PROCESSORS and for the message at start.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KvmFacts {
    /// KVM API version, 12.
    pub api_version: i32,
    /// The kernel module behind it, such as `kvm_intel`, `kvm_amd`, `kvm_pvm`; `kvm` when it cannot be told.
    pub module: String,
    /// vCPUs that KVM recommends per VM.
    pub recommended_processors: usize,
    /// Bytes of one machine's vector state.
    pub vector_state: usize,
}

/// Why KVM cannot be used. One sentence each, with what to do.
#[derive(Debug, thiserror::Error)]
pub enum KvmUnavailable {
    /// There is no device.
    #[error(
        "There is no {DEVICE} on this host: load the KVM module of its processor (kvm_intel, kvm_amd) or enable virtualization in its firmware"
    )]
    Missing,
    /// It may not be opened.
    #[error("{DEVICE} may not be opened by this user: join the group that owns it, usually `kvm`, and log in again")]
    Permission,
    /// It is there and does not answer as KVM.
    #[error(
        "{DEVICE} is there but no KVM module serves it: load the module of this host's processor (kvm_intel, kvm_amd) or enable virtualization in its firmware"
    )]
    Module(#[source] io::Error),
    /// KVM is too old or was built without something needed.
    #[error("KVM on this host has no {0}: a Linux kernel of version 5.10 or later with KVM for x86-64 is needed")]
    Lacks(&'static str),
    /// Any other refusal.
    #[error("{DEVICE} cannot be used")]
    Other(#[source] io::Error),
}

/// Why a partition or one of its processors could not be set up.
#[derive(Debug, thiserror::Error)]
pub enum PartitionError {
    /// KVM cannot be used at all.
    #[error(transparent)]
    Unavailable(#[from] KvmUnavailable),
    /// A number of processors that a partition cannot have.
    #[error("A partition has 1 to {limit} processors, not {0}", limit = assist::MAX_PROCESSORS)]
    Processors(usize),
    /// KVM or the host refused a step.
    #[error("KVM refused to {step}")]
    Step {
        /// The step, as a verb and its object.
        step: &'static str,
        /// The host's reason.
        #[source]
        source: io::Error,
    },
    /// The host's physical addresses are too short for the storage asked for.
    #[error("The processors have {bits}-bit physical addresses: real storage must be smaller")]
    AddressBits {
        /// Physical address bits.
        bits: u32,
    },
    /// Storage said no.
    #[error(transparent)]
    Storage(#[from] StorageError),
}

/// A new VM. KVM makes a thread for it, which a signal such as a kick interrupts.
fn create_vm(kvm: &Kvm) -> Result<VmFd, PartitionError> {
    loop {
        match kvm.create_vm() {
            Err(error) if error.errno() == libc::EINTR => {}
            made => return made.map_err(step("create a VM")),
        }
    }
}

/// Names the step that an error is about.
pub(super) fn step<E: Into<io::Error>>(step: &'static str) -> impl Fn(E) -> PartitionError {
    move |source| PartitionError::Step { step, source: source.into() }
}

/// Finds out whether this host's KVM can be used. Creates nothing.
///
/// # Errors
/// [`KvmUnavailable`], to be shown as it is.
pub fn probe() -> Result<KvmFacts, KvmUnavailable> {
    open(DEVICE_PATH).map(|(_, facts)| facts)
}

/// Opens `device`, which is [`DEVICE_PATH`] except in tests.
fn open(device: &CStr) -> Result<(Kvm, KvmFacts), KvmUnavailable> {
    match std::fs::metadata(OsStr::from_bytes(device.to_bytes())) {
        Ok(found) if !found.file_type().is_char_device() => return Err(KvmUnavailable::Missing),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return Err(KvmUnavailable::Missing);
        }
        _ => {}
    }
    let kvm = Kvm::new_with_path(device).map_err(|error| match error.errno() {
        libc::EACCES | libc::EPERM => KvmUnavailable::Permission,
        libc::ENOENT => KvmUnavailable::Missing,
        libc::ENODEV | libc::ENXIO => KvmUnavailable::Module(error.into()),
        _ => KvmUnavailable::Other(error.into()),
    })?;
    let api_version = kvm.get_api_version();
    if api_version != kvm_bindings::KVM_API_VERSION as i32 {
        return Err(KvmUnavailable::Module(io::ErrorKind::Unsupported.into()));
    }
    let sync = kvm.check_extension_int(Cap::SyncRegs) as u32;
    let needs = [
        (sync & SYNC_NEEDED == SYNC_NEEDED, "synchronised registers"),
        (kvm.check_extension(Cap::ImmediateExit), "immediate exit"),
        (kvm.check_extension(Cap::Xsave), "XSAVE state"),
        (kvm.check_extension(Cap::VcpuEvents), "vCPU events"),
        (kvm.check_extension(Cap::UserMemory), "user memory"),
    ];
    if let Some((_, lacks)) = needs.into_iter().find(|(there, _)| !there) {
        return Err(KvmUnavailable::Lacks(lacks));
    }
    let facts = KvmFacts {
        api_version,
        module: module(),
        recommended_processors: kvm.get_nr_vcpus(),
        vector_state: state::xsave_bytes(kvm.check_extension_int(Cap::Xsave2)),
    };
    Ok((kvm, facts))
}

/// The vendor module that is loaded.
fn module() -> String {
    let known = ["kvm_intel", "kvm_amd", "kvm_pvm"];
    let loaded = known.into_iter().find(|name| std::path::Path::new("/sys/module").join(name).exists());
    loaded.unwrap_or("kvm").to_owned()
}

/// One KVM virtual machine whose vCPUs run CMS machines of one [`Storage`].
pub struct Partition {
    // Fields are dropped in this order: vCPUs hold the partition, so the VM goes last of its users and the memory after it.
    vm: VmFd,
    assist: MmapRegion,
    storage: Arc<Storage>,
    cpuid: CpuId,
    facts: KvmFacts,
    processors: usize,
    /// KVM_RUN is made with this held for reading.
    gate: RwLock<()>,
    /// Somebody waits for the gate to be free and holds the door.
    stopping: AtomicBool,
    door: Mutex<()>,
    /// Threads of the processors that exist.
    threads: Mutex<Vec<(usize, Thread)>>,
    next_vcpu: AtomicU64,
    /// The slot of page tables could not be put back: nothing runs here any more.
    broken: AtomicBool,
}

impl std::fmt::Debug for Partition {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Partition").field("processors", &self.processors).field("facts", &self.facts).finish_non_exhaustive()
    }
}

impl Partition {
    /// A partition over `storage` with up to `processors` processors.
    ///
    /// # Errors
    /// [`PartitionError`].
    pub fn new(storage: &Arc<Storage>, processors: usize) -> Result<Arc<Self>, PartitionError> {
        if processors == 0 || processors > assist::MAX_PROCESSORS {
            return Err(PartitionError::Processors(processors));
        }
        let (kvm, facts) = open(DEVICE_PATH)?;
        let cpuid = kvm.get_supported_cpuid(KVM_MAX_CPUID_ENTRIES).map_err(step("tell its CPUID"))?;
        let bits = physical_address_bits(&cpuid);
        let top = storage.slots().iter().map(|(base, bytes, _)| base + bytes).max().unwrap_or(0);
        if top > 1 << bits {
            return Err(PartitionError::AddressBits { bits });
        }
        let vm = create_vm(&kvm)?;
        forgo_patching(&kvm, &vm);
        allow_shadow_pages(&vm, storage.table_frames());
        let assist = MmapRegionBuilder::new(assist::bytes(processors))
            .with_mmap_prot(libc::PROT_READ | libc::PROT_WRITE)
            .with_mmap_flags(libc::MAP_PRIVATE | libc::MAP_ANONYMOUS)
            .build()
            .map_err(|source| step("map the assist area")(io::Error::other(source)))?;
        let image = assist::build(processors);
        assist.as_volatile_slice().write_slice(&image, 0).expect("the region was made for this image");
        let partition = Arc::new(Self {
            vm,
            assist,
            storage: Arc::clone(storage),
            cpuid,
            facts,
            processors,
            gate: RwLock::new(()),
            stopping: AtomicBool::new(false),
            door: Mutex::new(()),
            threads: Mutex::new(Vec::new()),
            next_vcpu: AtomicU64::new(0),
            broken: AtomicBool::new(false),
        });
        partition.register_slots()?;
        let holder: Weak<Self> = Arc::downgrade(&partition);
        storage.add_holder(holder);
        Ok(partition)
    }

    /// The processor of that number (0 to `processors` - 1). To be called on the thread that will run it; each number once at a time.
    ///
    /// # Errors
    /// [`PartitionError::Processors`] for a number that is out of range or taken, [`PartitionError::Step`] otherwise.
    pub fn processor(self: &Arc<Self>, number: usize) -> Result<KvmProcessor, PartitionError> {
        {
            let mut threads = self.threads();
            if number >= self.processors || threads.iter().any(|&(taken, _)| taken == number) {
                return Err(PartitionError::Processors(number));
            }
            threads.push((number, Thread::current()));
        }
        KvmProcessor::new(Arc::clone(self), number).inspect_err(|_| self.forget_processor(number))
    }

    /// What is known of the KVM behind this partition.
    pub fn facts(&self) -> &KvmFacts {
        &self.facts
    }

    fn threads(&self) -> std::sync::MutexGuard<'_, Vec<(usize, Thread)>> {
        self.threads.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn forget_processor(&self, number: usize) {
        self.threads().retain(|&(other, _)| other != number);
    }

    fn register_slots(&self) -> Result<(), PartitionError> {
        let assist = (ASSIST_BASE, self.assist.size() as u64, self.assist.as_ptr() as u64);
        self.register(ASSIST_SLOT, assist).map_err(step("register the assist area"))?;
        for slot in self.storage.slots() {
            let number = if slot.0 == TABLES_BASE { TABLES_SLOT } else { ARENA_SLOT };
            debug_assert!(slot.0 == TABLES_BASE || slot.0 == ARENA_BASE);
            self.register(number, slot).map_err(step("register storage"))?;
        }
        Ok(())
    }

    fn register(&self, slot: u32, (guest_phys_addr, memory_size, userspace_addr): (u64, u64, u64)) -> io::Result<()> {
        let region = kvm_userspace_memory_region { slot, flags: 0, guest_phys_addr, memory_size, userspace_addr };
        // SAFETY: the memory is a mapping of `self.assist` or of `self.storage`, both of which this partition keeps until after the VM
        // is gone, and nothing in Rust holds plain references into it: it is accessed by volatile and atomic operations only.
        unsafe { self.vm.set_user_memory_region(region) }.map_err(io::Error::from)
    }
}

impl TableHolder for Partition {
    fn refresh_tables(&self) -> io::Result<()> {
        let _closed = self.door.lock().unwrap_or_else(PoisonError::into_inner);
        self.stopping.store(true, Ordering::SeqCst);
        let refreshed = self.with_nobody_running(|| {
            let slots = self.storage.slots();
            let tables = slots.into_iter().find(|slot| slot.0 == TABLES_BASE).ok_or(io::ErrorKind::NotFound)?;
            self.register(TABLES_SLOT, (tables.0, 0, tables.2))?;
            self.register(TABLES_SLOT, tables).inspect_err(|error| {
                tracing::error!(%error, "The slot of page tables could not be put back; this partition runs nothing any more");
                self.broken.store(true, Ordering::SeqCst);
            })
        });
        self.stopping.store(false, Ordering::SeqCst);
        refreshed
    }
}

impl Partition {
    /// Waits until no vCPU is in KVM_RUN, with the door held, and does `work` then.
    fn with_nobody_running<T>(&self, work: impl FnOnce() -> T) -> T {
        let _nobody = loop {
            for &(_, thread) in self.threads().iter() {
                thread.interrupt();
            }
            match self.gate.try_write() {
                Ok(guard) => break guard,
                Err(TryLockError::Poisoned(poisoned)) => break poisoned.into_inner(),
                Err(TryLockError::WouldBlock) => std::thread::sleep(STOP_POLL),
            }
        };
        work()
    }

    /// What every KVM_RUN is made under.
    fn pass_gate(&self) -> RwLockReadGuard<'_, ()> {
        loop {
            if self.stopping.load(Ordering::SeqCst) {
                drop(self.door.lock().unwrap_or_else(PoisonError::into_inner));
            }
            let guard = self.gate.read().unwrap_or_else(PoisonError::into_inner);
            if !self.stopping.load(Ordering::SeqCst) {
                return guard;
            }
        }
    }
}

/// Physical address bits of the vCPUs; 36 when CPUID does not say.
fn physical_address_bits(cpuid: &CpuId) -> u32 {
    let leaf = cpuid.as_slice().iter().find(|entry| entry.function == 0x8000_0008);
    leaf.map_or(36, |entry| entry.eax & 0xff).clamp(32, 52)
}

/// Lets KVM keep a shadow of every page table there can be, on hosts that shadow them. Its own limit is 2% of the storage, which a
/// thousand small machines exceed: their shadows would be thrown away and rebuilt in turn. Memory is taken as shadows are made.
fn allow_shadow_pages(vm: &VmFd, pages: u32) {
    const SET_NR_MMU_PAGES: libc::c_ulong = 0xae44;
    // SAFETY: the request takes a plain number and touches no memory of ours.
    let result = unsafe { ioctl_with_val(vm, SET_NR_MMU_PAGES, libc::c_ulong::from(pages)) };
    if result < 0 {
        tracing::debug!(error = %io::Error::last_os_error(), "KVM keeps its own limit of shadow pages");
    }
}

/// Asks KVM not to rewrite a VMCALL in guest code into the host's own form (and the other way round): a shared page must stay as it is.
/// Kernels without this capability are left alone; shared pages are read-only for the guest in any case.
fn forgo_patching(kvm: &Kvm, vm: &VmFd) {
    const DISABLE_QUIRKS2: u32 = 213;
    const FIX_HYPERCALL_INSTRUCTION: u64 = 1 << 5;
    let possible = kvm.check_extension_raw(u64::from(DISABLE_QUIRKS2)) as u64;
    if possible & FIX_HYPERCALL_INSTRUCTION != 0 {
        let mut cap = kvm_enable_cap { cap: DISABLE_QUIRKS2, ..kvm_enable_cap::default() };
        cap.args[0] = FIX_HYPERCALL_INSTRUCTION;
        if let Err(error) = vm.enable_cap(&cap) {
            tracing::debug!(%error, "KVM keeps patching hypercall instructions");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_keeps_kvm_from_being_used_is_told_apart() {
        assert!(matches!(open(c"/nonexistent/kvm"), Err(KvmUnavailable::Missing)));
        assert!(matches!(open(c"/etc/passwd"), Err(KvmUnavailable::Missing)), "a plain file is no device");
        assert!(matches!(open(c"/dev/null"), Err(KvmUnavailable::Module(_))), "a device that is not KVM");
    }

    #[test]
    fn a_partition_has_a_sensible_number_of_processors() {
        let storage = Storage::new(16).unwrap();
        for number in [0, assist::MAX_PROCESSORS + 1] {
            assert!(matches!(Partition::new(&storage, number), Err(PartitionError::Processors(bad)) if bad == number));
        }
    }
}
