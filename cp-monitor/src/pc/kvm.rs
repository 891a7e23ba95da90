//! A PC machine on KVM: the board as KVM's chips, the host's clock as the machine's, and what KVM cannot execute on the software processor.
//!
//! The clock is the host's: unlike that of a machine in software it goes on while CP does something else and while the machine is stopped, because the time stamp counter does.

use std::time::{Duration, Instant};

use iced_x86::{Decoder, DecoderOptions};
use pc_platform::Access;
use soft_processor::{Exit, Memory, State};

use super::bus::{Bus, Devices, NANOSECONDS};
use super::{Pc, Reached, Turn};
use crate::processor::kvm::PartitionError;
use crate::processor::kvm::machine::{Chips, KvmMachine, Left};

/// Longest instruction of the architecture.
const INSTRUCTION_MAX: usize = 15;
/// Flag: interrupts are let in.
const INTERRUPTS: u64 = 1 << 9;

/// What a machine on KVM has more.
pub(super) struct OnKvm {
    machine: KvmMachine,
    /// CPUID is to name nothing that the software processor has not.
    portable: bool,
    began: Instant,
    /// Instructions that KVM could not execute.
    stepped: u64,
    /// The first of them, for the console.
    said: Option<String>,
}

impl OnKvm {
    /// A machine's VM, and its storage. A `portable` one is told of nothing that the software processor has not.
    pub(super) fn new(storage: u64, portable: bool) -> Result<(Self, Memory), PartitionError> {
        let (machine, memory) = KvmMachine::new(storage, portable)?;
        Ok((Self { machine, portable, began: Instant::now(), stepped: 0, said: None }, memory))
    }

    /// Kilohertz of the time stamp counter.
    pub(super) fn tsc_khz(&self) -> Option<u32> {
        self.machine.tsc_khz()
    }

    /// Features that a kernel should not use although CPUID names them, by register: leaf 7 EBX and ECX, leaf 1 ECX.
    pub(super) fn not_to_be_used(&self) -> [u32; 3] {
        if self.portable { self.machine.beyond_software() } else { [0; 3] }
    }

    /// What the person at the console should know.
    pub(super) fn take_said(&mut self) -> Option<String> {
        self.said.take()
    }
}

/// The board during a run.
struct Board<'a> {
    devices: &'a mut Devices,
    memory: &'a Memory,
    began: Instant,
    /// No time before this one, in nanoseconds.
    from: u64,
}

impl Board<'_> {
    fn now(&self) -> u64 {
        self.from.max(self.began.elapsed().as_nanos() as u64)
    }

    fn on<T>(&mut self, act: impl FnOnce(&mut pc_platform::Board, Access<'_>) -> T) -> T {
        let now = self.now();
        let storage = Reached(self.memory);
        act(&mut self.devices.board, Access { now, processor: 0, storage: &storage })
    }
}

impl Chips for Board<'_> {
    fn input(&mut self, port: u16, size: u8) -> u32 {
        self.on(|board, access| board.port_in(access, port, size))
    }

    fn output(&mut self, port: u16, size: u8, value: u32) {
        self.on(|board, access| board.port_out(access, port, size, value));
    }

    fn load(&mut self, address: u64, size: u8) -> u64 {
        self.on(|board, access| board.mmio_read(access, address, size))
    }

    fn store(&mut self, address: u64, size: u8, value: u64) {
        self.on(|board, access| board.mmio_write(access, address, size, value));
    }

    fn look(&mut self) -> (bool, Option<Duration>) {
        let now = self.now();
        self.devices.board.advance(now);
        let due = self.devices.board.next_event().map(|due| Duration::from_nanos(due.saturating_sub(now)));
        (self.devices.interrupt_pending(0), due)
    }

    fn acknowledge(&mut self) -> u8 {
        self.devices.acknowledge(0)
    }

    fn nmi(&mut self) -> bool {
        self.devices.board.take_nmi(0)
    }

    fn task_priority(&mut self) -> u8 {
        self.devices.board.task_priority(0)
    }

    fn set_task_priority(&mut self, priority: u8) {
        self.devices.board.set_task_priority(0, priority);
    }

    fn wants_out(&self) -> bool {
        self.devices.board.wants_out()
    }
}

impl Pc {
    /// Runs a machine on KVM until it should be looked at.
    pub(super) fn execute_on_kvm(&mut self) -> Turn {
        if let Some(turn) = self.attend() {
            return turn;
        }
        let Some(kvm) = &mut self.kvm else { return Turn::Ran };
        let mut state = self.processors[0].state();
        let from = self.now * NANOSECONDS;
        let mut board = Board { devices: &mut self.devices, memory: &self.memory, began: kvm.began, from };
        if state.halted {
            let (pending, _) = board.look();
            if !(pending && state.rflags & INTERRUPTS != 0) {
                self.now = self.now.max(kvm.began.elapsed().as_nanos() as u64 / NANOSECONDS);
                return self.idle();
            }
            state.halted = false;
        }
        let left = kvm.machine.run(&mut state, &mut board);
        let now = board.now();
        self.now = self.now.max(now / NANOSECONDS);
        // One that was held before goes on being held unless it was acknowledged just now.
        self.devices.held = kvm.machine.take_queued().or(self.devices.held);
        self.processors[0].set_state(&state);
        self.processors[0].set_now(self.now);
        // What the guest stored, the software processor does not know.
        self.memory.changed_outside();
        match left {
            Left::Looked => Turn::Ran,
            Left::Halted if self.devices.interrupt_pending(0) || self.devices.board.wants_out() => Turn::Ran,
            Left::Halted => self.idle(),
            Left::Shutdown => self.triple_fault(0),
            Left::Unable => self.step_in_software(),
            Left::Failed(why) => Turn::Ended(format!("{why}; --processor soft would run it")),
        }
    }

    /// The software processor executes one instruction that KVM cannot.
    fn step_in_software(&mut self) -> Turn {
        let name = self.instruction();
        let place = self.shown(0, &format!("KVM cannot execute {name}"));
        let Some(kvm) = &mut self.kvm else { return Turn::Ran };
        kvm.stepped += 1;
        if kvm.stepped == 1 {
            kvm.said = Some(format!("HCPKVM9462I {place}; it is executed in software. --processor soft runs the whole machine there"));
        }
        let mut bus = Bus { devices: &mut self.devices, until: self.now + 1 };
        match self.processors[0].run(&self.memory, &mut bus, 1) {
            Exit::Shutdown => self.triple_fault(0),
            Exit::Halt => self.idle(),
            _ => Turn::Ran,
        }
    }

    /// The name of the next instruction and its bytes.
    fn instruction(&self) -> String {
        let processor = &self.processors[0];
        let state = processor.state();
        let mut bytes = [0; INSTRUCTION_MAX];
        let linear = processor.linear(State::CS, state.rip);
        let length = (1..=INSTRUCTION_MAX).rev().find(|&length| processor.read_virtual(&self.memory, linear, &mut bytes[..length]).is_ok());
        let bytes = &bytes[..length.unwrap_or(0)];
        let instruction = Decoder::new(processor.code_width(), bytes, DecoderOptions::NONE).decode();
        let hex: String = bytes[..instruction.len().min(bytes.len())].iter().map(|byte| format!("{byte:02X}")).collect();
        format!("{} ({hex})", format!("{:?}", instruction.mnemonic()).to_uppercase())
    }
}
