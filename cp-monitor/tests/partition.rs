//! The partition on the KVM that is there: machines compute, fault, are interrupted, and never see one another.
//!
//! These tests need `/dev/kvm`; without it they fail and say so.

use std::sync::Arc;

use cp_monitor::processor::kvm::{KvmProcessor, Partition};
use cp_monitor::processor::{Context, Exit, Processor, Registers};
use cp_monitor::storage::{AddressSpace, Storage};

const CODE: u64 = 0x1000;

struct Host {
    storage: Arc<Storage>,
    processor: KvmProcessor,
}

impl Host {
    fn new() -> Self {
        let storage = Storage::new(4096).expect("real storage for the test");
        let partition = Partition::new(&storage, 2).expect("these tests need a usable /dev/kvm");
        let processor = partition.processor(0).expect("a processor");
        Self { storage, processor }
    }

    fn machine(&self, code: &[u8]) -> Machine {
        let mut space = AddressSpace::new(&self.storage, 1 << 20).expect("an address space");
        space.write(CODE, code).expect("room for the code");
        let mut context = Context::new();
        context.registers.rip = CODE;
        context.registers[Registers::RSP] = 0x8000;
        Machine { space, context }
    }

    /// Runs until something other than a page fault that can be resolved.
    fn run(&mut self, machine: &mut Machine) -> Exit {
        loop {
            match self.processor.run(&mut machine.context, &mut machine.space) {
                Exit::PageFault { address, write }
                    if machine.space.fault(address, write).is_ok() => {}
                exit => return exit,
            }
        }
    }
}

struct Machine {
    space: AddressSpace,
    context: Context,
}

#[test]
fn a_machine_computes_and_calls_cp() {
    let mut host = Host::new();
    // mov eax, 6; imul eax, eax, 7; mov [0x5000], eax; out 0x83, eax; inc eax; out 0x83, eax
    let mut machine = host.machine(&[
        0xb8, 6, 0, 0, 0, 0x6b, 0xc0, 7, 0x89, 0x04, 0x25, 0, 0x50, 0, 0, 0xe7, 0x83, 0xff, 0xc0,
        0xe7, 0x83,
    ]);
    assert_eq!(host.run(&mut machine), Exit::Diagnose);
    assert_eq!(machine.context.registers[Registers::RAX], 42);
    assert_eq!(machine.context.registers.rip, CODE + 17);
    let mut word = [0; 4];
    machine.space.read(0x5000, &mut word).unwrap();
    assert_eq!(word, [42, 0, 0, 0]);
    assert_eq!(host.run(&mut machine), Exit::Diagnose);
    assert_eq!(machine.context.registers[Registers::RAX], 43);
}
