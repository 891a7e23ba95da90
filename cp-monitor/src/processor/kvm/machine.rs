//! A PC machine on KVM: a VM and a vCPU of its own, with nothing of a PC in the kernel. Talks to KVM; what the vCPU finds outside storage is behind `Chips`.
//!
//! There is no in-kernel interrupt controller: HLT comes out of KVM_RUN at once, and a VM is made and destroyed without the grace periods that one costs. Interrupts go in by
//! KVM_INTERRUPT when KVM says that it is ready, else an interrupt window is asked for. An instruction behind a port or MMIO exit is finished by the next KVM_RUN, so before
//! anybody reads the registers one more KVM_RUN is made that leaves at once.
//!
//! Between two runs the state is that of the software processor ([`State`]): debuggers, DISPLAY and instructions that KVM cannot emulate work on it as if there were no KVM.
#![allow(unsafe_code)]

use std::cell::OnceCell;
use std::io;
use std::ptr::NonNull;
use std::time::{Duration, Instant};

use kvm_bindings::{
    CpuId, KVM_EXIT_FAIL_ENTRY, KVM_EXIT_HLT, KVM_EXIT_INTERNAL_ERROR, KVM_EXIT_IO, KVM_EXIT_IO_OUT, KVM_EXIT_IRQ_WINDOW_OPEN,
    KVM_EXIT_MMIO, KVM_EXIT_SET_TPR, KVM_EXIT_SHUTDOWN, KVM_MAX_CPUID_ENTRIES, Msrs, kvm_debugregs, kvm_dtable, kvm_fpu, kvm_interrupt,
    kvm_msr_entry, kvm_regs, kvm_segment, kvm_sregs, kvm_userspace_memory_region,
};
use kvm_ioctls::{VcpuFd, VmFd};
use soft_processor::{Fpu, Memory, Region, Segment, State, Table};
use vm_memory::mmap::{MmapRegion, MmapRegionBuilder};
use vmm_sys_util::ioctl::ioctl_with_ref;

use super::kick::{Look, Timer};
use super::{DEVICE_PATH, PartitionError, create_vm, open, step};

/// KVM_INTERRUPT, of which the crate has nothing.
const INTERRUPT: libc::c_ulong = 0x4004_ae86;
/// Three pages that Intel's processors without unrestricted guests need for real mode, out of the way of storage and devices.
const TSS: usize = 0xfffb_d000;
const IDENTITY_MAP: u64 = 0xfffb_c000;
/// The local APIC is where it always is, enabled, of the processor that starts.
const APIC_BASE: u64 = 0xfee0_0900;
/// How long it runs before somebody looks around, when nothing is due.
const LONGEST: Duration = Duration::from_millis(5);
/// An alarm that comes sooner would end each entry before the guest executes anything, and a timer of nanoseconds would hold it for ever.
const SOONEST: Duration = Duration::from_micros(50);
/// KVM_RUNs that one unfinished instruction may need. A string instruction moves at most a page at a time.
const FINISH_LIMIT: usize = 64;
/// Model-specific registers of [`State`]: STAR LSTAR CSTAR SFMASK, SYSENTER CS ESP EIP, KERNEL_GS_BASE, PAT.
const REGISTERS: [u32; 9] = [0xc000_0081, 0xc000_0082, 0xc000_0083, 0xc000_0084, 0x174, 0x175, 0x176, 0xc000_0102, 0x277];

thread_local! {
    /// Interrupts KVM_RUN of this thread when a device is due.
    static ALARM: OnceCell<Timer> = const { OnceCell::new() };
}

/// What the vCPU finds outside storage, at the time of the call.
pub(crate) trait Chips {
    /// IN.
    fn input(&mut self, port: u16, size: u8) -> u32;
    /// OUT.
    fn output(&mut self, port: u16, size: u8, value: u32);
    /// A load from an address that is no storage.
    fn load(&mut self, address: u64, size: u8) -> u64;
    /// A store likewise.
    fn store(&mut self, address: u64, size: u8, value: u64);
    /// Brings devices up to now: whether an interrupt wants in, and in how long one of them is due.
    fn look(&mut self) -> (bool, Option<Duration>);
    /// The vector of the interrupt that is taken now.
    fn acknowledge(&mut self) -> u8;
    /// Whether a non-maskable interrupt is to be taken; yes takes it.
    fn nmi(&mut self) -> bool;
    /// CR8.
    fn task_priority(&mut self) -> u8;
    /// Sets it.
    fn set_task_priority(&mut self, priority: u8);
    /// Whether somebody has to do something before it goes on.
    fn wants_out(&self) -> bool;
}

/// Why a run ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Left {
    /// Somebody should look: the time is over, a signal came, or a device wants something done.
    Looked,
    /// HLT, and no interrupt.
    Halted,
    /// Triple fault.
    Shutdown,
    /// KVM cannot execute the next instruction.
    Unable,
    /// KVM gives up altogether.
    Failed(String),
}

/// The VM of a machine.
pub(crate) struct KvmMachine {
    // Fields are dropped in this order: nothing may point into the vCPU's mapping when it goes, the memory outlives the VM.
    look: Look,
    vcpu: VcpuFd,
    vm: VmFd,
    storage: MmapRegion,
    /// What the vCPU holds, when nobody has changed it since.
    holds: Option<State>,
    /// System registers as they were saved, with what [`State`] has no place for.
    system: kvm_sregs,
    /// The last exit may have left an instruction unfinished.
    unfinished: bool,
    /// An interrupt was acknowledged and not delivered.
    queued: Option<u8>,
}

// SAFETY: what keeps it on a thread is the pointer of `look`, which only whoever runs the machine uses; the thread that ran it last does not look there any
// more once the run is over ([`Listening`]).
unsafe impl Send for KvmMachine {}

impl KvmMachine {
    /// A VM with so many bytes of storage of zeros, a multiple of 4096, and that storage. Of a `portable` one CPUID says only what the software processor has too.
    ///
    /// # Errors
    /// [`PartitionError`].
    pub(crate) fn new(bytes: u64, portable: bool) -> Result<(Self, Memory), PartitionError> {
        let (kvm, _) = open(DEVICE_PATH)?;
        let cpuid = kvm.get_supported_cpuid(KVM_MAX_CPUID_ENTRIES).map_err(step("tell its CPUID"))?;
        let storage = MmapRegionBuilder::new(bytes as usize)
            .with_mmap_prot(libc::PROT_READ | libc::PROT_WRITE)
            .with_mmap_flags(libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_NORESERVE)
            .build()
            .map_err(|source| step("map storage of a machine")(io::Error::other(source)))?;
        let vm = create_vm(&kvm)?;
        // Only some of Intel's processors need them, and only their KVM has them.
        let _ = (vm.set_tss_address(TSS), vm.set_identity_map_address(IDENTITY_MAP));
        let region = kvm_userspace_memory_region {
            slot: 0,
            flags: 0,
            guest_phys_addr: 0,
            memory_size: bytes,
            userspace_addr: storage.as_ptr() as u64,
        };
        // SAFETY: the mapping is kept until after the VM is gone; Rust reaches it through `Memory` only, by volatile operations.
        unsafe { vm.set_user_memory_region(region) }.map_err(step("register storage of a machine"))?;
        let mut vcpu = vm.create_vcpu(0).map_err(step("create a vCPU"))?;
        vcpu.set_cpuid2(&offered(cpuid, portable)).map_err(step("set the CPUID"))?;
        let mut system = vcpu.get_sregs().map_err(step("read system registers"))?;
        system.apic_base = APIC_BASE;
        let byte = &raw mut vcpu.get_kvm_run().immediate_exit;
        // SAFETY: the byte is in the mapping that `vcpu` owns; `look` is dropped before it.
        let look = unsafe { Look::new(byte) }.map_err(step("install a signal handler"))?;
        let pointer = NonNull::new(storage.as_ptr()).expect("a mapping is nowhere near zero");
        // SAFETY: whoever owns both drops the memory before this machine ([`crate::pc::Pc`]); it is the only one who runs either of them.
        let region = unsafe { Region::mapped(0, pointer, bytes) };
        let memory = Memory::new(vec![region]).expect("one region of whole pages");
        Ok((Self { look, vcpu, vm, storage, holds: None, system, unfinished: false, queued: None }, memory))
    }

    /// Thousands of its time stamp counter's ticks in a second, when KVM tells.
    pub(crate) fn tsc_khz(&self) -> Option<u32> {
        self.vcpu.get_tsc_khz().ok().filter(|rate| *rate > 0)
    }

    /// Features that CPUID names although the software processor has not got them, by register: leaf 7 EBX and ECX, leaf 1 ECX. Some KVMs that interpret kernels put back
    /// what programs would see on the host's processor in any case.
    pub(crate) fn beyond_software(&self) -> [u32; 3] {
        let Ok(cpuid) = self.vcpu.get_cpuid2(KVM_MAX_CPUID_ENTRIES) else { return [0; 3] };
        let entry = |leaf: u32| cpuid.as_slice().iter().find(|entry| entry.function == leaf && entry.index == 0);
        let (seven, one) = (entry(7), entry(1));
        let lacks = |leaf: u32, register: usize| !soft_processor::cpuid(leaf, 0)[register];
        [
            seven.map_or(0, |entry| entry.ebx & lacks(7, 1)),
            seven.map_or(0, |entry| entry.ecx & lacks(7, 2)),
            one.map_or(0, |entry| entry.ecx & lacks(1, 2)),
        ]
    }

    /// Runs from that state until somebody should look. The state afterwards is put into it.
    pub(crate) fn run(&mut self, state: &mut State, chips: &mut dyn Chips) -> Left {
        state.halted = false;
        let left = self.put(state).and_then(|()| {
            let listening = Listening::begin(&self.look);
            let left = self.enter(chips);
            drop(listening);
            self.take(state, left == Left::Halted).map(|()| left)
        });
        left.unwrap_or_else(|error| {
            self.holds = None;
            Left::Failed(format!("KVM would not run the machine: {error}"))
        })
    }

    /// An interrupt that was acknowledged and has not reached the guest; whoever executes the next instruction delivers it.
    pub(crate) fn take_queued(&mut self) -> Option<u8> {
        self.queued.take()
    }

    fn enter(&mut self, chips: &mut dyn Chips) -> Left {
        let end = Instant::now() + LONGEST;
        let mut alarm = None::<Instant>;
        loop {
            self.look.set(0);
            let now = Instant::now();
            if now >= end || chips.wants_out() {
                return Left::Looked;
            }
            let (pending, due) = chips.look();
            if let Err(error) = self.inject(pending, chips) {
                return Left::Failed(format!("KVM takes no interrupt: {error}"));
            }
            let wanted = due.map_or(end, |due| end.min(now + due.max(SOONEST)));
            if alarm.is_none_or(|set| wanted < set || set <= now) {
                start_alarm(wanted - now);
                alarm = Some(wanted);
            }
            self.vcpu.get_kvm_run().cr8 = u64::from(chips.task_priority());
            let entered = self.vcpu.run().map(drop);
            let priority = self.vcpu.get_kvm_run().cr8 as u8;
            chips.set_task_priority(priority);
            match entered {
                Ok(()) => {
                    if let Some(left) = self.leave(chips) {
                        return left;
                    }
                }
                Err(error) if matches!(error.errno(), libc::EINTR | libc::EAGAIN) => {
                    self.unfinished = false;
                    // A signal of ours, or one that ends the slice: somebody else knows.
                    if alarm.is_none_or(|set| Instant::now() < set) {
                        return Left::Looked;
                    }
                }
                Err(error) => return Left::Failed(format!("KVM would not run the machine: {error}")),
            }
        }
    }

    /// Lets an interrupt in if KVM is ready for one; asks to be told when it is.
    fn inject(&mut self, pending: bool, chips: &mut dyn Chips) -> io::Result<()> {
        if chips.nmi() {
            self.vcpu.nmi()?;
        }
        let run = self.vcpu.get_kvm_run();
        let ready = run.ready_for_interrupt_injection != 0 && run.if_flag != 0;
        if pending && ready {
            run.ready_for_interrupt_injection = 0;
            let interrupt = kvm_interrupt { irq: u32::from(chips.acknowledge()) };
            // SAFETY: the structure is what the call takes, and it keeps no pointer to it.
            if unsafe { ioctl_with_ref(&self.vcpu, INTERRUPT, &interrupt) } != 0 {
                return Err(io::Error::last_os_error());
            }
        }
        self.vcpu.get_kvm_run().request_interrupt_window = u8::from(pending && !ready);
        Ok(())
    }

    /// What KVM_RUN came out for; `None` goes on.
    fn leave(&mut self, chips: &mut dyn Chips) -> Option<Left> {
        let run = self.vcpu.get_kvm_run();
        self.unfinished = matches!(run.exit_reason, KVM_EXIT_IO | KVM_EXIT_MMIO);
        match run.exit_reason {
            KVM_EXIT_IO => {
                // SAFETY: `io` is the member of the union that KVM fills for KVM_EXIT_IO.
                let io = unsafe { run.__bindgen_anon_1.io };
                let data = (&raw mut *run).cast::<u8>();
                let bytes = usize::from(io.size) * io.count as usize;
                // SAFETY: KVM keeps the data behind the structure, in the mapping of the vCPU, and says where and how much.
                let data = unsafe { std::slice::from_raw_parts_mut(data.add(io.data_offset as usize), bytes) };
                for item in data.chunks_exact_mut(usize::from(io.size).max(1)) {
                    if u32::from(io.direction) == KVM_EXIT_IO_OUT {
                        chips.output(io.port, io.size, number(item) as u32);
                    } else {
                        let value = chips.input(io.port, io.size).to_le_bytes();
                        item.copy_from_slice(&value[..item.len()]);
                    }
                }
                None
            }
            KVM_EXIT_MMIO => {
                // SAFETY: `mmio` is the member of the union that KVM fills for KVM_EXIT_MMIO.
                let mmio = unsafe { &mut run.__bindgen_anon_1.mmio };
                let length = (mmio.len as usize).clamp(1, 8);
                if mmio.is_write != 0 {
                    chips.store(mmio.phys_addr, length as u8, number(&mmio.data[..length]));
                } else {
                    mmio.data = chips.load(mmio.phys_addr, length as u8).to_le_bytes();
                }
                None
            }
            KVM_EXIT_IRQ_WINDOW_OPEN | KVM_EXIT_SET_TPR => None,
            KVM_EXIT_HLT => Some(Left::Halted),
            KVM_EXIT_SHUTDOWN => Some(Left::Shutdown),
            KVM_EXIT_INTERNAL_ERROR => Some(Left::Unable),
            KVM_EXIT_FAIL_ENTRY => Some(Left::Failed("the processor refuses the machine's state".to_string())),
            reason => Some(Left::Failed(format!("KVM ends with exit reason {reason}"))),
        }
    }

    /// Lets KVM finish the instruction behind the last exit, and nothing more.
    fn finish(&mut self) -> io::Result<()> {
        if !std::mem::take(&mut self.unfinished) {
            return Ok(());
        }
        for _ in 0..FINISH_LIMIT {
            self.look.set(1);
            self.vcpu.get_kvm_run().request_interrupt_window = 0;
            match self.vcpu.run().map(drop) {
                Err(error) if error.errno() == libc::EINTR => return Ok(()),
                // The same string instruction asks for more; it will again.
                Ok(()) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Err(io::ErrorKind::TimedOut.into())
    }

    /// Puts a state into the vCPU, unless it is there.
    fn put(&mut self, state: &State) -> io::Result<()> {
        if self.holds.as_ref() == Some(state) {
            return Ok(());
        }
        let mut system = self.system;
        fill_system(&mut system, state);
        self.vcpu.set_sregs(&system)?;
        self.vcpu.set_regs(&general(state))?;
        self.vcpu.set_fpu(&vectors(state))?;
        let mut registers = kvm_debugregs::default();
        registers.db.copy_from_slice(&state.debug[..4]);
        (registers.dr6, registers.dr7) = (state.debug[6], state.debug[7]);
        self.vcpu.set_debug_regs(&registers)?;
        let [star, long, compatibility, mask] = state.syscall;
        let [cs, esp, eip] = state.sysenter;
        let values = [star, long, compatibility, mask, cs, esp, eip, state.kernel_gs_base, state.pat];
        let entries = std::iter::zip(REGISTERS, values).map(|(index, data)| kvm_msr_entry { index, data, ..kvm_msr_entry::default() });
        let entries: Vec<_> = entries.collect();
        // Those that a host does not have are not missed.
        self.vcpu.set_msrs(&Msrs::from_entries(&entries).expect("nine entries fit"))?;
        let mut events = self.vcpu.get_vcpu_events()?;
        events.nmi.masked = u8::from(state.nmi_blocked);
        events.exception = Default::default();
        events.interrupt = Default::default();
        self.vcpu.set_vcpu_events(&events)?;
        // Whether an interrupt can go in is not known before it has run.
        self.vcpu.get_kvm_run().ready_for_interrupt_injection = 0;
        self.holds = Some(state.clone());
        Ok(())
    }

    /// Takes the state out of the vCPU.
    fn take(&mut self, state: &mut State, halted: bool) -> io::Result<()> {
        self.finish()?;
        let registers = self.vcpu.get_regs()?;
        let mut system = self.vcpu.get_sregs()?;
        self.queued = queued(&mut system);
        let fpu = self.vcpu.get_fpu()?;
        let debug = self.vcpu.get_debug_regs()?;
        let entries = REGISTERS.map(|index| kvm_msr_entry { index, ..kvm_msr_entry::default() });
        let mut msrs = Msrs::from_entries(&entries).expect("nine entries fit");
        let found = self.vcpu.get_msrs(&mut msrs)?;
        let events = self.vcpu.get_vcpu_events()?;
        read_general(state, &registers);
        read_system(state, &system);
        read_vectors(state, &fpu);
        state.debug[..4].copy_from_slice(&debug.db);
        (state.debug[6], state.debug[7]) = (debug.dr6, debug.dr7);
        let value = |at: usize| msrs.as_slice().get(at).filter(|_| at < found).map_or(0, |entry| entry.data);
        state.syscall = std::array::from_fn(value);
        state.sysenter = std::array::from_fn(|at| value(4 + at));
        (state.kernel_gs_base, state.pat) = (value(7), value(8));
        state.nmi_blocked = events.nmi.masked != 0;
        state.halted = false;
        self.system = system;
        // An interrupt that is taken out of the vCPU is to be put in again.
        self.holds = self.queued.is_none().then(|| state.clone());
        state.halted = halted;
        Ok(())
    }
}

impl std::fmt::Debug for KvmMachine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("KvmMachine").field("vm", &self.vm).field("bytes", &self.storage.size()).finish_non_exhaustive()
    }
}

/// Signals to this thread are meant for a machine as long as this lives.
struct Listening;

impl Listening {
    fn begin(look: &Look) -> Self {
        look.listen();
        Self
    }
}

impl Drop for Listening {
    fn drop(&mut self) {
        // The machine may be dropped by another thread, and its byte with it.
        super::kick::deafen();
    }
}

fn start_alarm(after: Duration) {
    ALARM.with(|alarm| {
        if alarm.get().is_none()
            && let Ok(timer) = Timer::new()
        {
            let _ = alarm.set(timer);
        }
        if let Some(timer) = alarm.get() {
            timer.start(after);
        }
    });
}

fn number(bytes: &[u8]) -> u64 {
    bytes.iter().rev().fold(0, |value, byte| value << 8 | u64::from(*byte))
}

/// The interrupt that KVM was given and has not delivered.
fn queued(system: &mut kvm_sregs) -> Option<u8> {
    let bitmap = std::mem::take(&mut system.interrupt_bitmap);
    let word = bitmap.iter().position(|word| *word != 0)?;
    Some((word * 64 + bitmap[word].trailing_zeros() as usize) as u8)
}

/// What the host has, without what needs an interrupt controller in the kernel or is for hypervisors. A `portable` machine executes much of its kernel in software, and must
/// not be told of instructions that are not there: Linux uses CMPXCHG16B wherever CPUID has it, and KVM's interpreter has not.
fn offered(mut cpuid: CpuId, portable: bool) -> CpuId {
    for entry in cpuid.as_mut_slice() {
        if portable {
            let [_, ebx, ecx, edx] = soft_processor::cpuid(entry.function, 0);
            match entry.function {
                1 | 0x8000_0001 => (entry.ecx, entry.edx) = (entry.ecx & ecx, entry.edx & edx),
                7 | 0xd => (entry.eax, entry.ebx, entry.ecx, entry.edx) = (0, entry.ebx & ebx, entry.ecx & ecx, entry.edx & edx),
                _ => {}
            }
        }
        match entry.function {
            1 => {
                // MONITOR, VMX, SMX, x2APIC, TSC deadline.
                entry.ecx &= !(1 << 3 | 1 << 5 | 1 << 6 | 1 << 21 | 1 << 24);
                entry.ecx |= 1 << 31;
                entry.edx |= 1 << 9;
                entry.ebx = entry.ebx & 0xffff | 1 << 16;
            }
            // Performance counters.
            0xa => (entry.eax, entry.ebx, entry.ecx, entry.edx) = (0, 0, 0, 0),
            // Paravirtual features.
            0x4000_0001 => (entry.eax, entry.edx) = (0, 0),
            // SVM.
            0x8000_0001 => entry.ecx &= !(1 << 2),
            _ => {}
        }
    }
    cpuid
}

fn general(state: &State) -> kvm_regs {
    let [rax, rcx, rdx, rbx, rsp, rbp, rsi, rdi, r8, r9, r10, r11, r12, r13, r14, r15] = state.general;
    let (rip, rflags) = (state.rip, state.rflags);
    kvm_regs { rax, rbx, rcx, rdx, rsi, rdi, rsp, rbp, r8, r9, r10, r11, r12, r13, r14, r15, rip, rflags }
}

fn read_general(state: &mut State, r: &kvm_regs) {
    state.general = [r.rax, r.rcx, r.rdx, r.rbx, r.rsp, r.rbp, r.rsi, r.rdi, r.r8, r.r9, r.r10, r.r11, r.r12, r.r13, r.r14, r.r15];
    (state.rip, state.rflags) = (r.rip, r.rflags);
}

fn to_segment(segment: &Segment) -> kvm_segment {
    let bit = |at: u16| (segment.attributes >> at & 1) as u8;
    kvm_segment {
        base: segment.base,
        limit: segment.limit,
        selector: segment.selector,
        type_: (segment.attributes & 0xf) as u8,
        s: bit(4),
        dpl: (segment.attributes >> 5 & 3) as u8,
        present: bit(7),
        avl: bit(12),
        l: bit(13),
        db: bit(14),
        g: bit(15),
        unusable: u8::from(bit(7) == 0),
        padding: 0,
    }
}

fn from_segment(segment: &kvm_segment) -> Segment {
    let s = segment;
    let low = [(s.type_, 0), (s.s, 4), (s.dpl, 5), (s.present, 7), (s.avl, 12), (s.l, 13), (s.db, 14), (s.g, 15)];
    let attributes = if s.unusable != 0 { 0 } else { low.iter().fold(0, |all, (value, at)| all | u16::from(*value) << at) };
    Segment { selector: s.selector, base: s.base, limit: s.limit, attributes }
}

fn fill_system(system: &mut kvm_sregs, state: &State) {
    let [es, cs, ss, ds, fs, gs] = state.segments.each_ref().map(to_segment);
    (system.es, system.cs, system.ss, system.ds, system.fs, system.gs) = (es, cs, ss, ds, fs, gs);
    (system.ldt, system.tr) = (to_segment(&state.ldtr), to_segment(&state.tr));
    let table = |table: &Table| kvm_dtable { base: table.base, limit: table.limit, ..kvm_dtable::default() };
    (system.gdt, system.idt) = (table(&state.gdtr), table(&state.idtr));
    (system.cr0, system.cr2, system.cr3, system.cr4, system.efer) = (state.cr0, state.cr2, state.cr3, state.cr4, state.efer);
    system.interrupt_bitmap = [0; 4];
}

fn read_system(state: &mut State, s: &kvm_sregs) {
    state.segments = [&s.es, &s.cs, &s.ss, &s.ds, &s.fs, &s.gs].map(from_segment);
    (state.ldtr, state.tr) = (from_segment(&s.ldt), from_segment(&s.tr));
    let table = |table: &kvm_dtable| Table { base: table.base, limit: table.limit };
    (state.gdtr, state.idtr) = (table(&s.gdt), table(&s.idt));
    (state.cr0, state.cr2, state.cr3, state.cr4, state.efer) = (s.cr0, s.cr2, s.cr3, s.cr4, s.efer);
}

/// Where ST(i) is among R0 to R7.
fn physical(status: u16, number: usize) -> usize {
    (usize::from(status >> 11 & 7) + number) & 7
}

fn vectors(state: &State) -> kvm_fpu {
    let Fpu { registers, control, status, in_use, opcode, instruction, operand } = state.fpu;
    let mut fpu = kvm_fpu { fcw: control, fsw: status, ftwx: in_use, last_opcode: opcode, ..kvm_fpu::default() };
    (fpu.last_ip, fpu.last_dp, fpu.mxcsr) = (instruction, operand, state.mxcsr);
    for (number, value) in fpu.fpr.iter_mut().enumerate() {
        *value = registers[physical(status, number)].to_le_bytes();
    }
    fpu.xmm = state.xmm.map(u128::to_le_bytes);
    fpu
}

fn read_vectors(state: &mut State, fpu: &kvm_fpu) {
    let mut registers = [0; 8];
    for (number, value) in fpu.fpr.iter().enumerate() {
        registers[physical(fpu.fsw, number)] = u128::from_le_bytes(*value) & ((1 << 80) - 1);
    }
    state.fpu = Fpu {
        registers,
        control: fpu.fcw,
        status: fpu.fsw,
        in_use: fpu.ftwx,
        opcode: fpu.last_opcode,
        instruction: fpu.last_ip,
        operand: fpu.last_dp,
    };
    state.xmm = fpu.xmm.map(u128::from_le_bytes);
    state.mxcsr = fpu.mxcsr;
}

/// A processor after reset that goes on at an address of real mode, in segment 0.
fn in_real_mode_at(address: u64) -> State {
    let mut state = State { rip: address, ..State::reset() };
    state.segments[State::CS] = Segment { selector: 0, base: 0, limit: 0xffff, attributes: 0x9b };
    state
}

/// Whether this host executes a guest's kernel a hundred times slower than its programs: KVM inside a VM without support of the hardware interprets ring 0. Found out by a
/// loop of 20,000 instructions, three times at most; `None` when KVM does not run it at all.
pub fn interprets_ring_0() -> Option<bool> {
    /// mov cx, 10000; again: dec cx; jnz again; hlt
    const LOOP: [u8; 7] = [0xb9, 0x10, 0x27, 0x49, 0x75, 0xfd, 0xf4];
    /// Ten times as long as a slow processor takes.
    const SLOW: Duration = Duration::from_micros(200);
    let (mut machine, memory) = KvmMachine::new(1 << 16, false).ok()?;
    memory.write(0x1000, &LOOP).ok()?;
    let mut slow = false;
    for _ in 0..3 {
        let mut state = in_real_mode_at(0x1000);
        let begun = Instant::now();
        while machine.run(&mut state, &mut Nothing) == Left::Looked && begun.elapsed() < Duration::from_secs(1) {}
        if !state.halted {
            return None;
        }
        slow = begun.elapsed() > SLOW;
        if !slow {
            break;
        }
    }
    Some(slow)
}

/// No chips at all.
pub(crate) struct Nothing;

impl Chips for Nothing {
    fn input(&mut self, _: u16, _: u8) -> u32 {
        u32::MAX
    }
    fn output(&mut self, _: u16, _: u8, _: u32) {}
    fn load(&mut self, _: u64, _: u8) -> u64 {
        u64::MAX
    }
    fn store(&mut self, _: u64, _: u8, _: u64) {}
    fn look(&mut self) -> (bool, Option<Duration>) {
        (false, None)
    }
    fn acknowledge(&mut self) -> u8 {
        0
    }
    fn nmi(&mut self) -> bool {
        false
    }
    fn task_priority(&mut self) -> u8 {
        0
    }
    fn set_task_priority(&mut self, _: u8) {}
    fn wants_out(&self) -> bool {
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_state_survives_the_way_there_and_back() {
        let mut state = State::reset();
        state.general = std::array::from_fn(|register| register as u64 * 3);
        state.fpu.status = 5 << 11;
        state.fpu.registers = std::array::from_fn(|register| register as u128 + 7);
        state.xmm = std::array::from_fn(|register| u128::MAX - register as u128);
        state.segments[State::GS] = Segment { selector: 0x33, base: 1 << 40, limit: 0xffff_ffff, attributes: 0xc0f3 };
        let mut back = State::reset();
        let mut system = kvm_sregs::default();
        fill_system(&mut system, &state);
        read_general(&mut back, &general(&state));
        read_system(&mut back, &system);
        read_vectors(&mut back, &vectors(&state));
        assert_eq!(back, state);
        assert_eq!(queued(&mut kvm_sregs { interrupt_bitmap: [0, 1 << 3, 0, 0], ..system }), Some(67));
    }

    #[test]
    fn a_loop_is_run_halts_and_is_measured() {
        let slow = interprets_ring_0().expect("KVM runs a loop of real mode");
        println!("ring 0 is {}", if slow { "interpreted" } else { "executed" });
    }

    /// 16 bits: out 80, al; mov eax, [fee00020] cannot be said without a segment of 4 GiB, so only ports; then hlt.
    const ASKS: [u8; 9] = [0xe4, 0x42, 0xfe, 0xc0, 0xe6, 0x43, 0xf4, 0xeb, 0xfd];

    struct Port {
        written: Vec<u8>,
    }

    impl Chips for Port {
        fn input(&mut self, port: u16, size: u8) -> u32 {
            assert_eq!((port, size), (0x42, 1));
            41
        }
        fn output(&mut self, port: u16, _: u8, value: u32) {
            assert_eq!(port, 0x43);
            self.written.push(value as u8);
        }
        fn load(&mut self, _: u64, _: u8) -> u64 {
            0
        }
        fn store(&mut self, _: u64, _: u8, _: u64) {}
        fn look(&mut self) -> (bool, Option<Duration>) {
            (false, None)
        }
        fn acknowledge(&mut self) -> u8 {
            0
        }
        fn nmi(&mut self) -> bool {
            false
        }
        fn task_priority(&mut self) -> u8 {
            0
        }
        fn set_task_priority(&mut self, _: u8) {}
        fn wants_out(&self) -> bool {
            !self.written.is_empty()
        }
    }

    /// 16 bits: mov eax, 1; cpuid; hlt.
    const IDENTIFIES: [u8; 9] = [0x66, 0xb8, 1, 0, 0, 0, 0x0f, 0xa2, 0xf4];

    #[test]
    fn a_portable_machine_is_not_told_of_instructions_that_the_software_processor_has_not() {
        let (mut machine, memory) = KvmMachine::new(1 << 16, true).unwrap();
        memory.write(0x1000, &IDENTIFIES).unwrap();
        let mut state = in_real_mode_at(0x1000);
        while machine.run(&mut state, &mut Nothing) == Left::Looked {}
        assert!(state.halted);
        // CMPXCHG16B: of others there are hosts whose KVM says what it pleases.
        assert_eq!(state.general[1] & 1 << 13, 0, "{:X}", state.general[1]);
    }

    #[test]
    fn an_access_is_finished_before_the_state_is_read() {
        let (mut machine, memory) = KvmMachine::new(1 << 16, false).unwrap();
        memory.write(0x1000, &ASKS).unwrap();
        let mut state = in_real_mode_at(0x1000);
        let mut port = Port { written: Vec::new() };
        assert_eq!(machine.run(&mut state, &mut port), Left::Looked);
        assert_eq!((port.written.clone(), state.general[0] & 0xff, state.rip), (vec![42], 42, 0x1006), "past the OUT");
        port.written.clear();
        assert_eq!(machine.run(&mut state, &mut port), Left::Halted);
        assert_eq!(state.rip, 0x1007);
    }
}
