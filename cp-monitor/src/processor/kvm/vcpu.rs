//! One real processor of a partition: a KVM vCPU and the thread it belongs to.
#![allow(unsafe_code)]

use std::io;
use std::marker::PhantomData;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use kvm_bindings::{
    KVM_EXIT_FAIL_ENTRY, KVM_EXIT_INTERNAL_ERROR, KVM_EXIT_IO, KVM_EXIT_IO_OUT, KVM_EXIT_SHUTDOWN, KVM_SYNC_X86_EVENTS, KVM_SYNC_X86_REGS,
    KVM_SYNC_X86_SREGS, Msrs, Xsave, kvm_msr_entry, kvm_regs, kvm_sregs, kvm_vcpu_events,
};
use kvm_ioctls::{SyncReg, VcpuFd};

use super::assist::{self, Stub};
use super::exception::{Frame, exception, refused_syscall};
use super::kick::{Look, Thread, Timer};
use super::{Partition, PartitionError, state, step};
use crate::processor::vectors::Vectors;
use crate::processor::{Context, Exit, Kicker, Processor, Registers, VectorState, next_load};
use crate::storage::AddressSpace;

/// `out 0x83, eax`.
const DIAGNOSE: [u8; 2] = [0xe7, abi::DIAGNOSE_PORT];
/// KVM_RUNs that one unfinished instruction may need. A string instruction moves at most a page at a time.
const FINISH_LIMIT: usize = 64;

/// A processor of a [`Partition`]. Stays on the thread it was made on.
pub struct KvmProcessor {
    // Fields are dropped in this order: nothing may point into the vCPU's mapping when it goes, and the VM outlives it.
    look: Look,
    vcpu: VcpuFd,
    timer: Timer,
    partition: Arc<Partition>,
    number: usize,
    kicked: Arc<AtomicBool>,
    slice_end: Option<Instant>,
    /// A signal may have come and gone without the clock being read.
    clock_unread: bool,
    /// The load whose machine the vCPU holds; 0 for none.
    load: u64,
    /// The vCPU is in ring 0 or in another state that must not be continued: system registers are to be loaded.
    system_stale: bool,
    system: kvm_sregs,
    xsave_bytes: usize,
    initial_vectors: Xsave,
    /// The instruction address is past an OUT when KVM_RUN returns.
    out_is_done: bool,
    /// Where an OUT is unfinished.
    unfinished: Option<u64>,
    _stays_on_its_thread: PhantomData<*const ()>,
}

/// What the vCPU stopped for.
enum Stop {
    /// An OUT to a port, of so many bytes in all.
    Out { port: u16, bytes: usize },
    /// Anything else: KVM's exit reason.
    Other(u32),
    /// KVM_RUN failed.
    Refused(io::Error),
    /// The slice is over or somebody kicked.
    SliceEnd,
}

impl KvmProcessor {
    pub(super) fn new(partition: Arc<Partition>, number: usize) -> Result<Self, PartitionError> {
        let (vcpu, look) = make_vcpu(&partition)?;
        let system = vcpu.get_sregs().map_err(step("read system registers"))?;
        let system = state::machine_system(system, partition.processors, number);
        let xsave_bytes = partition.facts.vector_state;
        let initial_vectors = state::to_xsave(&state::initial_vectors(xsave_bytes)).map_err(step("keep vector state"))?;
        let mut processor = Self {
            look,
            vcpu,
            timer: Timer::new().map_err(step("create a timer"))?,
            number,
            kicked: Arc::new(AtomicBool::new(false)),
            slice_end: None,
            clock_unread: false,
            load: 0,
            system_stale: true,
            system,
            xsave_bytes,
            initial_vectors,
            out_is_done: false,
            unfinished: None,
            partition,
            _stays_on_its_thread: PhantomData,
        };
        processor.learn_out()?;
        Ok(processor)
    }

    /// Runs a stub once, to see what the instruction address is after an OUT.
    fn learn_out(&mut self) -> Result<(), PartitionError> {
        let start = assist::stub(0);
        let system = state::parked_system(&self.system);
        let (_, stack) = assist::tss(self.number);
        let regs = kvm_regs { rip: start, rsp: stack + abi::PAGE, rflags: 2, ..kvm_regs::default() };
        self.vcpu.set_sregs(&system).map_err(step("load system registers"))?;
        self.vcpu.set_regs(&regs).map_err(step("load registers"))?;
        let odd = || step("run the assist area")(io::Error::from(io::ErrorKind::Unsupported));
        loop {
            match self.enter() {
                Stop::Out { port: assist::STUB_PORT, .. } => break,
                Stop::SliceEnd => continue,
                Stop::Refused(error) => return Err(step("run the assist area")(error)),
                Stop::Out { .. } | Stop::Other(_) => return Err(odd()),
            }
        }
        let rip = self.vcpu.sync_regs().regs.rip;
        self.out_is_done = match rip.checked_sub(start) {
            Some(0) => false,
            Some(2) => true,
            _ => return Err(odd()),
        };
        self.unfinished = (!self.out_is_done).then_some(rip);
        Ok(())
    }

    /// KVM_RUN until something happens that is not just a stray signal.
    fn enter(&mut self) -> Stop {
        let mut clock = self.look.listen() | std::mem::take(&mut self.clock_unread);
        let mut delivering = false;
        loop {
            if !delivering && self.slice_is_over(clock) {
                self.clock_unread = true;
                return Stop::SliceEnd;
            }
            let result = {
                let _gate = self.partition.pass_gate();
                self.vcpu.run().map(drop)
            };
            match result {
                Ok(()) => {
                    self.clock_unread = delivering;
                    return self.stop();
                }
                Err(error) if matches!(error.errno(), libc::EINTR | libc::EAGAIN) => {
                    // KVM takes registers over before it looks at the byte: the next KVM_RUN goes on where this one stopped.
                    self.look.set(0);
                    clock = true;
                    // No slice ends between an exception and its delivery: a trap, unlike a fault, would never come again.
                    delivering = self.exception_is_queued();
                }
                Err(error) => return Stop::Refused(error.into()),
            }
        }
    }

    fn exception_is_queued(&self) -> bool {
        let events = self.vcpu.get_vcpu_events();
        events.is_ok_and(|events| events.exception.pending | events.exception.injected != 0)
    }

    fn stop(&mut self) -> Stop {
        let run = self.vcpu.get_kvm_run();
        if run.exit_reason != KVM_EXIT_IO {
            return Stop::Other(run.exit_reason);
        }
        // SAFETY: `io` is the member of the union that KVM fills for KVM_EXIT_IO.
        let io = unsafe { run.__bindgen_anon_1.io };
        match u32::from(io.direction) {
            KVM_EXIT_IO_OUT => Stop::Out { port: io.port, bytes: usize::from(io.size) * io.count as usize },
            _ => Stop::Other(KVM_EXIT_IO),
        }
    }

    /// The clock is read only after a signal, or when one may have been overlooked.
    fn slice_is_over(&self, clock: bool) -> bool {
        if self.kicked.load(Ordering::SeqCst) {
            self.kicked.store(false, Ordering::SeqCst);
            return true;
        }
        clock && self.slice_end.is_some_and(|end| Instant::now() >= end)
    }

    /// Lets KVM finish the instruction behind the last exit, and nothing more.
    fn finish(&mut self) -> io::Result<()> {
        self.vcpu.get_kvm_run().kvm_dirty_regs = 0;
        for _ in 0..FINISH_LIMIT {
            self.look.set(1);
            let result = {
                let _gate = self.partition.pass_gate();
                self.vcpu.run().map(drop)
            };
            match result {
                Ok(()) => continue,
                Err(error) if error.errno() == libc::EINTR => {
                    self.unfinished = None;
                    // A signal for this slice may have come meanwhile.
                    self.look.set(0);
                    self.clock_unread = true;
                    return Ok(());
                }
                Err(error) => return Err(error.into()),
            }
        }
        Err(io::ErrorKind::TimedOut.into())
    }

    /// Puts the machine's state where KVM_RUN takes it from.
    fn load(&mut self, context: &mut Context, space: &mut AddressSpace) -> io::Result<()> {
        // What an earlier load left, when its slice was over before anything ran, is still owed to the vCPU.
        let owed = self.vcpu.get_kvm_run().kvm_dirty_regs as u32;
        if self.unfinished == Some(context.registers.rip) {
            self.finish()?;
        }
        let root = space.enter();
        let switch = self.load == 0 || self.load != context.load;
        let mut dirty = owed | KVM_SYNC_X86_REGS;
        if switch {
            let saved = context.vectors.take();
            self.load_vectors(saved.as_deref())?;
            self.load = next_load();
            context.load = self.load;
            dirty |= KVM_SYNC_X86_EVENTS;
        }
        if switch || self.system.cr3 != root || self.system_stale {
            dirty |= KVM_SYNC_X86_SREGS;
            (self.system.cr3, self.system_stale) = (root, false);
        }
        let system = self.system;
        let sync = self.vcpu.sync_regs_mut();
        sync.regs = state::to_kvm(&context.registers);
        if dirty & KVM_SYNC_X86_SREGS != 0 {
            sync.sregs = system;
        }
        if dirty & KVM_SYNC_X86_EVENTS != 0 {
            sync.events = kvm_vcpu_events::default();
        }
        self.vcpu.get_kvm_run().kvm_dirty_regs = u64::from(dirty);
        Ok(())
    }

    /// Loads vector registers: those that were saved, or the initial ones.
    fn load_vectors(&self, saved: Option<&VectorState>) -> io::Result<()> {
        let plain = saved.and_then(Vectors::plain).map(|vectors| vectors.xsave(self.xsave_bytes / 4));
        let saved = plain.as_ref().or(saved).filter(|state| state.0.len() * 4 == self.xsave_bytes);
        let saved = saved.map(state::to_xsave).transpose()?;
        let xsave = saved.as_ref().unwrap_or(&self.initial_vectors);
        // SAFETY: the area is as long as KVM_CAP_XSAVE2 says; no dynamically enabled features are permitted to this process.
        unsafe { self.vcpu.set_xsave2(xsave) }.map_err(io::Error::from)
    }

    fn save_vectors(&self) -> io::Result<VectorState> {
        let mut xsave = state::empty_xsave(self.xsave_bytes)?;
        // SAFETY: the area is as long as KVM_CAP_XSAVE2 says; no dynamically enabled features are permitted to this process.
        unsafe { self.vcpu.get_xsave2(&mut xsave) }?;
        Ok(state::from_xsave(&xsave))
    }

    /// Sets the vCPU up again after KVM lost its way, with a new vCPU if need be.
    fn recover(&mut self) -> Result<(), PartitionError> {
        self.load = 0;
        self.system_stale = true;
        let mended = self.finish().is_ok()
            && self.vcpu.set_vcpu_events(&kvm_vcpu_events::default()).is_ok()
            && self.vcpu.set_sregs(&self.system).is_ok();
        if mended {
            return Ok(());
        }
        let (vcpu, look) = make_vcpu(&self.partition)?;
        self.look = look;
        self.vcpu = vcpu;
        self.unfinished = None;
        // A signal may have been meant for the byte that is gone.
        self.clock_unread = true;
        Ok(())
    }

    /// Takes the machine's registers over from the vCPU; answers the system registers beside them.
    fn store(&mut self, context: &mut Context) -> &kvm_sregs {
        let sync = self.vcpu.sync_regs_mut();
        context.registers = state::from_kvm(&sync.regs);
        &sync.sregs
    }

    /// An OUT to the DIAGNOSE port by the machine.
    fn diagnose(&mut self, context: &mut Context, space: &mut AddressSpace, bytes: usize) -> Exit {
        let in_ring_3 = self.store(context).cs.selector == assist::USER_CODE;
        let at = match self.out_is_done {
            true => context.registers.rip.wrapping_sub(DIAGNOSE.len() as u64),
            false => context.registers.rip,
        };
        let mut code = [0; DIAGNOSE.len()];
        let is_diagnose = bytes == 4 && in_ring_3 && space.read(at, &mut code).is_ok() && code == DIAGNOSE;
        if !is_diagnose {
            return self.give_up(context, abi::program::PRIVILEGED, "a write to a port that is no DIAGNOSE");
        }
        self.unfinished = (!self.out_is_done).then_some(at);
        context.registers.rip = at + DIAGNOSE.len() as u64;
        context.vectors_live = false;
        Exit::Diagnose
    }

    /// An exception, or SYSCALL, of the machine: it is in a stub.
    fn assisted(&mut self, context: &mut Context, space: &mut AddressSpace) -> Exit {
        let cr2 = self.store(context).cr2;
        self.system_stale = true;
        self.unfinished = (!self.out_is_done).then_some(context.registers.rip);
        let entry = context.registers;
        match assist::stub_at(entry.rip) {
            Some(Stub::Vector(vector)) => match Frame::read(&self.partition.assist, self.number, vector, entry[Registers::RSP]) {
                Some(frame) => exception(context, space, vector, frame, cr2),
                None => self.give_up(context, abi::program::OPERATION, "an exception without a frame"),
            },
            Some(Stub::Syscall) => refused_syscall(context),
            None => self.give_up(context, abi::program::PRIVILEGED, "a write to the assist port"),
        }
    }

    /// KVM refused, for no fault of the machine's that could be named.
    fn fail(&mut self, context: &mut Context, what: &str) -> Exit {
        match self.give_up(context, abi::program::OPERATION, what) {
            Exit::Program { .. } => Exit::Failed(what.to_owned()),
            failed => failed,
        }
    }

    /// KVM stopped for a reason that machines have no right to.
    fn give_up(&mut self, context: &mut Context, code: u32, what: &str) -> Exit {
        let sync = self.vcpu.sync_regs();
        if sync.sregs.cs.selector == assist::USER_CODE && self.load != 0 {
            // Where the machine was, if it is still in ring 3; otherwise where it was resumed.
            context.registers = state::from_kvm(&sync.regs);
        }
        tracing::debug!(what, rip = context.registers.rip, "A machine left the contract");
        context.vectors = None;
        context.vectors_live = false;
        context.load = 0;
        match self.recover() {
            Ok(()) => Exit::Program { code, vector: 6, address: 0 },
            Err(error) => Exit::Failed(format!("Processor {} cannot be set up again after {what}: {error}", self.number)),
        }
    }
}

impl Processor for KvmProcessor {
    fn is_slice_over(&mut self) -> bool {
        self.slice_is_over(true)
    }

    fn start_slice(&mut self, length: Duration) {
        self.look.set(0);
        self.clock_unread = true;
        self.slice_end = Instant::now().checked_add(length);
        self.timer.start(length);
    }

    fn run(&mut self, context: &mut Context, space: &mut AddressSpace) -> Exit {
        if self.partition.broken.load(Ordering::SeqCst) {
            return Exit::Failed("The partition of this machine lost its page tables".to_owned());
        }
        if context.registers.rip >= space.size() {
            return Exit::Program { code: abi::program::ADDRESSING, vector: 14, address: context.registers.rip };
        }
        if let Err(error) = self.load(context, space) {
            return self.fail(context, &format!("KVM would not load the machine: {error}"));
        }
        match self.enter() {
            Stop::SliceEnd => {
                // Nothing ran when the registers are still to be taken over.
                if self.vcpu.get_kvm_run().kvm_dirty_regs == 0 {
                    self.store(context);
                    context.vectors_live = true;
                }
                Exit::SliceEnd
            }
            Stop::Out { port, bytes } if port == u16::from(abi::DIAGNOSE_PORT) => self.diagnose(context, space, bytes),
            Stop::Out { port: assist::STUB_PORT, .. } => self.assisted(context, space),
            Stop::Out { port, .. } => self.give_up(context, abi::program::PRIVILEGED, &format!("a write to port {port:#x}")),
            Stop::Other(KVM_EXIT_IO) => self.give_up(context, abi::program::PRIVILEGED, "a read from a port"),
            Stop::Other(reason) => {
                let what = match reason {
                    KVM_EXIT_SHUTDOWN => "a shutdown".to_owned(),
                    KVM_EXIT_INTERNAL_ERROR => "an internal error of KVM".to_owned(),
                    KVM_EXIT_FAIL_ENTRY => "a failed entry".to_owned(),
                    _ => format!("exit reason {reason}"),
                };
                self.give_up(context, abi::program::OPERATION, &what)
            }
            Stop::Refused(error) => self.fail(context, &format!("KVM would not run the machine: {error}")),
        }
    }

    fn release(&mut self, context: &mut Context) {
        if context.load == 0 || context.load != self.load {
            return;
        }
        if context.vectors_live {
            let saved = self
                .save_vectors()
                .inspect_err(|error| tracing::error!(%error, "Vector registers of a machine could not be saved and are reset"));
            context.vectors = saved.ok().map(Box::new);
        }
        context.load = 0;
        self.load = 0;
    }

    fn kind(&self) -> &'static str {
        "KVM"
    }

    fn kicker(&self) -> Kicker {
        let thread = Thread::current();
        Kicker::new(Arc::clone(&self.kicked), move || thread.interrupt())
    }
}

impl Drop for KvmProcessor {
    fn drop(&mut self) {
        self.partition.forget_processor(self.number);
    }
}

/// A vCPU with its CPUID and model-specific registers, and its `immediate_exit` byte.
fn make_vcpu(partition: &Partition) -> Result<(VcpuFd, Look), PartitionError> {
    let id = partition.next_vcpu.fetch_add(1, Ordering::Relaxed);
    let mut vcpu = partition.vm.create_vcpu(id).map_err(step("create a vCPU"))?;
    vcpu.set_cpuid2(&partition.cpuid).map_err(step("set the CPUID"))?;
    let [long, compatibility] = assist::syscall_targets();
    let entry = |index, data| kvm_msr_entry { index, data, ..kvm_msr_entry::default() };
    let msrs = [
        // STAR, LSTAR, CSTAR, SFMASK. SYSCALL is off, but hosts that let it through must end up in the assist area.
        entry(0xc000_0081, u64::from(assist::SUPERVISOR_CODE) << 32 | 0x23 << 48),
        entry(0xc000_0082, long),
        entry(0xc000_0083, compatibility),
        entry(0xc000_0084, 0x4_7700),
    ];
    let list = Msrs::from_entries(&msrs).expect("four entries fit");
    match vcpu.set_msrs(&list) {
        Ok(count) if count == msrs.len() => {}
        Ok(_) => {
            return Err(step("set the SYSCALL target")(io::Error::from(io::ErrorKind::Unsupported)));
        }
        Err(error) => return Err(step("set the SYSCALL target")(error)),
    }
    vcpu.set_sync_valid_reg(SyncReg::Register);
    vcpu.set_sync_valid_reg(SyncReg::SystemRegister);
    let byte = &raw mut vcpu.get_kvm_run().immediate_exit;
    // SAFETY: the byte is in the mapping that `vcpu` owns; processors drop their `Look` before their vCPU.
    let look = unsafe { Look::new(byte) }.map_err(step("install a signal handler"))?;
    Ok((vcpu, look))
}
