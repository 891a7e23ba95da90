//! The board as the software processor's bus.

use pc_platform::{Access, Board};
use soft_processor::{Cycle, Flow};

use super::Reached;

/// Nanoseconds of the machine's clock for each instruction. Timers that a system programs in its sleep loops and calibrations come out as on a slow real machine.
pub(super) const NANOSECONDS: u64 = 32;
/// CPUID leaves that name a hypervisor: the last leaf, and a name that systems know to stop looking at.
const HYPERVISOR: [u32; 4] = [0x4000_0001, u32::from_le_bytes(*b"KVMK"), u32::from_le_bytes(*b"VMKV"), u32::from_le_bytes(*b"M\0\0\0")];

/// The devices of a machine.
pub(super) struct Devices {
    pub(super) board: Board,
    /// The interrupt that a processor took last; for traces.
    pub(super) acknowledged: Option<u8>,
    /// An interrupt that was acknowledged for a processor that could not take it then.
    pub(super) held: Option<u8>,
}

impl Devices {
    pub(super) fn new(board: Board) -> Self {
        Self { board, acknowledged: None, held: None }
    }

    /// Whether an interrupt wants in.
    pub(super) fn interrupt_pending(&self, processor: usize) -> bool {
        self.held.is_some() || self.board.interrupt_pending(processor)
    }

    /// The vector of the interrupt that is taken.
    pub(super) fn acknowledge(&mut self, processor: usize) -> u8 {
        let vector = self.held.take().unwrap_or_else(|| self.board.acknowledge(processor));
        self.acknowledged = Some(vector);
        vector
    }
}

/// The devices during a run of one processor.
pub(super) struct Bus<'a> {
    pub(super) devices: &'a mut Devices,
    /// The count at which the run ends by itself. Whatever moves the next event before it ends the run, so that no halt skips time on its own.
    pub(super) until: u64,
}

/// Does something with the board on behalf of an access.
fn on<T>(board: &mut Board, cycle: Cycle<'_>, act: impl FnOnce(&mut Board, Access<'_>) -> T) -> T {
    let storage = Reached(cycle.memory);
    act(board, Access { now: cycle.now * NANOSECONDS, processor: cycle.processor, storage: &storage })
}

impl Bus<'_> {
    fn flow(&self) -> Flow {
        let due = self.devices.board.next_event().is_some_and(|due| due < self.until * NANOSECONDS);
        if due || self.devices.board.wants_out() { Flow::Leave } else { Flow::Go }
    }
}

impl soft_processor::Bus for Bus<'_> {
    fn port_in(&mut self, cycle: Cycle<'_>, port: u16, size: u8) -> u32 {
        on(&mut self.devices.board, cycle, |board, access| board.port_in(access, port, size))
    }

    fn port_out(&mut self, cycle: Cycle<'_>, port: u16, size: u8, value: u32) -> Flow {
        on(&mut self.devices.board, cycle, |board, access| board.port_out(access, port, size, value));
        self.flow()
    }

    fn mmio_read(&mut self, cycle: Cycle<'_>, address: u64, size: u8) -> u64 {
        on(&mut self.devices.board, cycle, |board, access| board.mmio_read(access, address, size))
    }

    fn mmio_write(&mut self, cycle: Cycle<'_>, address: u64, size: u8, value: u64) -> Flow {
        on(&mut self.devices.board, cycle, |board, access| board.mmio_write(access, address, size, value));
        self.flow()
    }

    fn interrupt_pending(&mut self, cycle: Cycle<'_>) -> bool {
        self.devices.board.advance(cycle.now * NANOSECONDS);
        self.devices.interrupt_pending(cycle.processor)
    }

    fn acknowledge(&mut self, cycle: Cycle<'_>) -> u8 {
        self.devices.acknowledge(cycle.processor)
    }

    fn nmi(&mut self, cycle: Cycle<'_>) -> bool {
        self.devices.board.take_nmi(cycle.processor)
    }

    fn read_msr(&mut self, cycle: Cycle<'_>, register: u32) -> Option<u64> {
        self.devices.board.read_msr(cycle.processor, register)
    }

    fn write_msr(&mut self, cycle: Cycle<'_>, register: u32, value: u64) -> bool {
        self.devices.board.write_msr(cycle.processor, register, value)
    }

    fn hypervisor_leaf(&mut self, _: Cycle<'_>, leaf: u32, _: u32) -> Option<[u32; 4]> {
        (leaf == 0x4000_0000).then_some(HYPERVISOR)
    }

    fn task_priority(&mut self, cycle: Cycle<'_>) -> u8 {
        self.devices.board.task_priority(cycle.processor)
    }

    fn set_task_priority(&mut self, cycle: Cycle<'_>, priority: u8) {
        self.devices.board.set_task_priority(cycle.processor, priority);
    }
}
