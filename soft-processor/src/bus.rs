//! What a processor finds outside itself and its storage.

use crate::memory::Memory;

/// One access of a processor to the bus: who, when, and the storage that a device may reach (DMA).
#[derive(Clone, Copy)]
pub struct Cycle<'a> {
    /// Storage of the machine.
    pub memory: &'a Memory,
    /// Number of the virtual processor, as given to [`crate::Cpu::new`].
    pub processor: usize,
    /// Instructions executed so far: the virtual clock.
    pub now: u64,
}

/// Whether the processor goes on after an access.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flow {
    /// With the next instruction.
    Go,
    /// The instruction is completed, then [`crate::Cpu::run`] returns [`crate::Exit::Leave`].
    Leave,
}

/// Everything that is not storage. After each access that writes, the processor asks for interrupts again.
///
/// Sizes are in bytes: 1, 2 or 4 for ports, 1, 2, 4 or 8 for addresses. Wider and page-crossing accesses come as several.
pub trait Bus {
    /// IN: the low `size` bytes count.
    fn port_in(&mut self, cycle: Cycle, port: u16, size: u8) -> u32;

    /// OUT.
    fn port_out(&mut self, cycle: Cycle, port: u16, size: u8, value: u32) -> Flow;

    /// A load from a guest-physical address that is not storage.
    fn mmio_read(&mut self, cycle: Cycle, address: u64, size: u8) -> u64;

    /// A store to a guest-physical address that is not storage.
    fn mmio_write(&mut self, cycle: Cycle, address: u64, size: u8, value: u64) -> Flow;

    /// Whether an interrupt wants in (the INTR pin). Chips that count time bring themselves up to `cycle.now` first.
    fn interrupt_pending(&mut self, cycle: Cycle) -> bool;

    /// The vector of the interrupt that is taken now (INTA). Asked only after [`Bus::interrupt_pending`] said yes.
    fn acknowledge(&mut self, cycle: Cycle) -> u8;

    /// Whether a non-maskable interrupt is to be taken; the answer yes takes it.
    fn nmi(&mut self, _cycle: Cycle) -> bool {
        false
    }

    /// The instruction count at which a chip wants to be looked at next (a timer runs out), if any. The processor then asks
    /// for interrupts; if it is halted, time skips to there. A count that is not in the future is ignored.
    fn next_event(&self) -> Option<u64> {
        None
    }

    /// RDMSR of a register that the processor does not have itself, such as IA32_APIC_BASE; None is #GP.
    fn read_msr(&mut self, _cycle: Cycle, _register: u32) -> Option<u64> {
        None
    }

    /// WRMSR likewise; false is #GP.
    fn write_msr(&mut self, _cycle: Cycle, _register: u32, _value: u64) -> bool {
        false
    }

    /// CPUID leaves from X'40000000' (EAX, EBX, ECX, EDX); None reads as zero.
    fn hypervisor_leaf(&mut self, _cycle: Cycle, _leaf: u32, _subleaf: u32) -> Option<[u32; 4]> {
        None
    }

    /// CR8, the task priority of the local APIC.
    fn task_priority(&mut self, _cycle: Cycle) -> u8 {
        0
    }

    /// Sets CR8 (0 to 15).
    fn set_task_priority(&mut self, _cycle: Cycle, _priority: u8) {}
}
