//! Measurement only: what the host charges for the bare operations that the partition is compared with.
//!
//! Nothing in CP calls this; `tests/benches` does. Each function answers the mean of one operation, in the caller's thread, so that
//! a benchmark can take turns between the bare operation and CP's and compare like with like on a noisy host.
#![allow(unsafe_code)]

use std::time::{Duration, Instant};

use kvm_bindings::{kvm_dtable, kvm_regs, kvm_segment, kvm_userspace_memory_region};
use kvm_ioctls::{Kvm, VcpuExit, VcpuFd, VmFd};
use vm_memory::mmap::MmapRegion;
use vm_memory::{Bytes, VolatileMemory};

use super::kvm::{KvmProcessor, Partition, PartitionError, step};
use super::{Context, Exit, Processor};
use crate::storage::{AddressSpace, Storage};

/// `out 0x83, eax` and a jump back to it.
const CALL_FOR_EVER: [u8; 4] = [0xe7, abi::DIAGNOSE_PORT, 0xeb, 0xfc];
const CODE: u64 = 0x20_0000;
/// Where [`count_for_ever`] counts, from where it stands: another page, for code that changes its own page is slow.
pub const COUNTER: u64 = 0x2000;
/// Counts between two exits of a bare guest that counts: some milliseconds.
const COUNTS: u32 = 4 << 20;

/// A program that increments the doubleword [`COUNTER`] bytes behind its beginning again and again, and every some million times executes `between`.
pub fn count_for_ever(between: &[u8]) -> Vec<u8> {
    let mut program = vec![0xb9]; // mov ecx, COUNTS
    program.extend(COUNTS.to_le_bytes());
    let counter = COUNTER as i32 - (program.len() as i32 + 7);
    program.extend([0x48, 0xff, 0x05]); // inc qword [rip + counter]
    program.extend(counter.to_le_bytes());
    program.extend([0xff, 0xc9, 0x75, 0xf5]); // dec ecx; jnz to the inc
    program.extend(between);
    let back = -(program.len() as i32 + 5);
    program.push(0xe9); // jmp to the beginning
    program.extend(back.to_le_bytes());
    program
}

/// Which ring a bare guest executes in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ring {
    /// As a kernel.
    Supervisor,
    /// As a CMS machine.
    User,
}

/// Mean time to create one KVM VM with one vCPU. Closing them again is not counted.
///
/// # Errors
/// [`PartitionError`] when KVM refuses.
pub fn create_vm_and_vcpu(rounds: u32) -> Result<Duration, PartitionError> {
    let kvm = Kvm::new().map_err(step("open"))?;
    let mut total = Duration::ZERO;
    for _ in 0..rounds {
        let start = Instant::now();
        let vm = kvm.create_vm().map_err(step("create a VM"))?;
        let vcpu = vm.create_vcpu(0).map_err(step("create a vCPU"))?;
        total += start.elapsed();
        drop((vcpu, vm));
    }
    Ok(total / rounds.max(1))
}

/// A KVM VM of its own whose only work is a port write, again and again: no CP in between.
pub struct BareGuest {
    // Fields are dropped in this order: the memory goes after the VM that uses it.
    vcpu: VcpuFd,
    _vm: VmFd,
    _memory: MmapRegion,
}

impl BareGuest {
    /// Sets it up in 64-bit mode.
    ///
    /// # Errors
    /// [`PartitionError`] when KVM refuses.
    pub fn new(ring: Ring) -> Result<Self, PartitionError> {
        Self::executing(ring, &CALL_FOR_EVER)
    }

    /// One that counts, in ring 3, and leaves so rarely that it costs nothing. See [`BareGuest::count_for`].
    ///
    /// # Errors
    /// [`PartitionError`] when KVM refuses.
    pub fn counting() -> Result<Self, PartitionError> {
        Self::executing(Ring::User, &count_for_ever(&CALL_FOR_EVER[..2]))
    }

    fn executing(ring: Ring, program: &[u8]) -> Result<Self, PartitionError> {
        const BYTES: usize = 4 << 20;
        let kvm = Kvm::new().map_err(step("open"))?;
        let vm = kvm.create_vm().map_err(step("create a VM"))?;
        let memory: MmapRegion = MmapRegion::new(BYTES).map_err(|error| step("map memory")(std::io::Error::other(error)))?;
        let bytes = memory.as_volatile_slice();
        // Top table, pointers and directory at X'1000', X'2000' and X'3000'; two pages of 2 MiB, the second with the code.
        let put = |at: usize, word: u64| bytes.write_obj(word, at).expect("within the region");
        put(0x1000, 0x2000 | 0x67);
        put(0x2000, 0x3000 | 0x67);
        put(0x3000, 0xe7);
        put(0x3008, CODE | 0xe7);
        bytes.write_slice(program, CODE as usize).expect("within the region");
        let slot = kvm_userspace_memory_region {
            memory_size: BYTES as u64,
            userspace_addr: memory.as_ptr() as u64,
            ..kvm_userspace_memory_region::default()
        };
        // SAFETY: the mapping is kept until after the VM is closed, and is accessed by volatile operations only.
        unsafe { vm.set_user_memory_region(slot) }.map_err(step("register memory"))?;
        let mut vcpu = vm.create_vcpu(0).map_err(step("create a vCPU"))?;
        let cpuid = kvm.get_supported_cpuid(kvm_bindings::KVM_MAX_CPUID_ENTRIES).map_err(step("tell its CPUID"))?;
        vcpu.set_cpuid2(&cpuid).map_err(step("set the CPUID"))?;
        start(&mut vcpu, ring)?;
        Ok(Self { vcpu, _vm: vm, _memory: memory })
    }

    /// Mean time of one port write: exit to this process and back.
    ///
    /// # Errors
    /// [`PartitionError`] when the guest does anything else.
    pub fn port_exits(&mut self, rounds: u32) -> Result<Duration, PartitionError> {
        let start = Instant::now();
        for _ in 0..rounds {
            match self.vcpu.run().map_err(step("run the bare guest"))? {
                VcpuExit::IoOut(..) => {}
                _ => {
                    return Err(step("run the bare guest")(std::io::Error::from(std::io::ErrorKind::Unsupported)));
                }
            }
        }
        Ok(start.elapsed() / rounds.max(1))
    }
}

impl BareGuest {
    /// How far a guest that counts comes in a second, measured for about that time.
    ///
    /// # Errors
    /// [`PartitionError`] when the guest does anything else.
    pub fn count_for(&mut self, time: Duration) -> Result<f64, PartitionError> {
        // Up to an exit first: from there to an exit is whole numbers.
        self.port_exits(1)?;
        let (start, mut counted) = (Instant::now(), 0);
        while start.elapsed() < time {
            self.port_exits(1)?;
            counted += u64::from(COUNTS);
        }
        Ok(counted as f64 / start.elapsed().as_secs_f64())
    }
}

fn start(vcpu: &mut VcpuFd, ring: Ring) -> Result<(), PartitionError> {
    let (privilege, rpl) = match ring {
        Ring::Supervisor => (0, 0),
        Ring::User => (3, 3),
    };
    let segment = |selector: u16, kind: u8, long: u8| kvm_segment {
        limit: 0xffff_ffff,
        selector: selector | rpl,
        type_: kind,
        present: 1,
        dpl: privilege,
        db: 1 - long,
        s: 1,
        l: long,
        g: 1,
        ..kvm_segment::default()
    };
    let mut system = vcpu.get_sregs().map_err(step("read system registers"))?;
    (system.cr0, system.cr3, system.cr4, system.efer) = (0x8001_0033, 0x1000, 0x620, 0xd00);
    system.cs = segment(0x30, 11, 1);
    system.ss = segment(0x28, 3, 0);
    (system.ds, system.es, system.fs, system.gs) = (system.ss, system.ss, system.ss, system.ss);
    system.idt = kvm_dtable::default();
    vcpu.set_sregs(&system).map_err(step("load system registers"))?;
    // I/O privilege level 3 permits the port without a TSS.
    let regs = kvm_regs { rip: CODE, rsp: CODE, rflags: 0x3202, ..kvm_regs::default() };
    vcpu.set_regs(&regs).map_err(step("load registers"))
}

/// A CMS machine in a partition that calls CP again and again.
pub struct Caller {
    processor: KvmProcessor,
    context: Context,
    space: AddressSpace,
}

impl Caller {
    /// Sets up real storage, a partition and one machine.
    ///
    /// # Errors
    /// [`PartitionError`].
    pub fn new() -> Result<Self, PartitionError> {
        let storage = Storage::new(1024)?;
        let partition = Partition::new(&storage, 1)?;
        Self::on(partition.processor(0)?, &storage)
    }

    /// A machine on a processor that is there already.
    ///
    /// # Errors
    /// [`PartitionError`].
    pub fn on(processor: KvmProcessor, storage: &std::sync::Arc<Storage>) -> Result<Self, PartitionError> {
        let mut space = AddressSpace::new(storage, 4 << 20)?;
        let refused = |error| step("load the caller")(std::io::Error::other(error));
        space.write(CODE, &CALL_FOR_EVER).map_err(refused)?;
        let mut context = Context::new();
        context.registers.rip = CODE;
        Ok(Self { processor, context, space })
    }

    /// Mean time of one DIAGNOSE through [`Processor::run`], without any handling of it.
    ///
    /// # Errors
    /// [`PartitionError`] when the machine does anything else.
    pub fn diagnoses(&mut self, rounds: u32) -> Result<Duration, PartitionError> {
        let start = Instant::now();
        for _ in 0..rounds {
            match self.processor.run(&mut self.context, &mut self.space) {
                Exit::Diagnose => {}
                _ => {
                    return Err(step("run the caller")(std::io::Error::from(std::io::ErrorKind::Unsupported)));
                }
            }
        }
        Ok(start.elapsed() / rounds.max(1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_baseline_runs() {
        create_vm_and_vcpu(2).expect("these tests need a usable /dev/kvm");
        for ring in [Ring::Supervisor, Ring::User] {
            assert!(BareGuest::new(ring).unwrap().port_exits(10).unwrap() > Duration::ZERO);
        }
        let mut counting = BareGuest::counting().unwrap();
        assert!(counting.count_for(Duration::from_millis(5)).unwrap() > 0.0);
        let counted: u64 = counting._memory.as_volatile_slice().read_obj((CODE + COUNTER) as usize).unwrap();
        assert!(counted >= u64::from(COUNTS) && counted.is_multiple_of(u64::from(COUNTS)), "{counted}");
        assert!(Caller::new().unwrap().diagnoses(10).unwrap() > Duration::ZERO);
    }
}
