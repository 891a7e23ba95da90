//! What the tests share: a host with real storage, processors and small machines, and guest code written as assembly.

use std::sync::Arc;

use cp_monitor::processor::{Context, Exit, Kind, Processor, Processors, Registers};
use cp_monitor::storage::paging::{HostFile, PagingSpace};
use cp_monitor::storage::{AddressSpace, SavedSystem, Storage};

/// Where guest code starts.
pub const CODE: u64 = 0x1000;
/// Storage of a test machine.
pub const SIZE: u64 = 1 << 20;

/// Guest code in assembly, as a function that answers its bytes. It must not depend on where it lies. Names are unique in the whole test.
macro_rules! guest {
    ($($(#[$doc:meta])* $name:ident: $($line:literal)+;)+) => {$(
        std::arch::global_asm!(
            ".pushsection .rodata.guest,\"a\",@progbits",
            concat!("guest_", stringify!($name), ":"),
            $($line,)+
            concat!("guest_", stringify!($name), "_end:"),
            ".popsection",
        );
        $(#[$doc])*
        fn $name() -> &'static [u8] {
            unsafe extern "C" {
                #[link_name = concat!("guest_", stringify!($name))]
                static START: u8;
                #[link_name = concat!("guest_", stringify!($name), "_end")]
                static END: u8;
            }
            let (start, end) = (&raw const START, &raw const END);
            // SAFETY: both labels are in the same section, the end after the start, and the bytes between them never change.
            unsafe { std::slice::from_raw_parts(start, end.offset_from_unsigned(start)) }
        }
    )+};
}
pub(crate) use guest;

/// Real storage, a partition, and the processor of the calling thread.
pub struct Host {
    pub storage: Arc<Storage>,
    pub partition: Arc<Processors>,
    pub processor: Box<dyn Processor>,
}

/// What these tests run on: KVM, or what CP64_TEST_PROCESSOR says.
pub fn kind() -> Kind {
    match std::env::var("CP64_TEST_PROCESSOR").as_deref() {
        Ok("soft") => Kind::Soft,
        _ => Kind::Kvm,
    }
}

/// One machine.
pub struct Machine {
    pub space: AddressSpace,
    pub context: Context,
}

impl Host {
    /// A host with `frames` frames of real storage and room for two processors.
    pub fn with_frames(frames: usize) -> Self {
        Self::over(Storage::new(frames).expect("real storage for the test"))
    }

    /// A host with `frames` frames and a paging file, which is gone from its directory at once.
    pub fn with_paging(frames: usize) -> Self {
        let place = tempfile::tempdir().expect("a temporary directory");
        let file = HostFile::create(&place.path().join("paging")).expect("a paging file");
        let space = PagingSpace::new(Box::new(file), 1 << 30);
        Self::over(Storage::with_paging(frames, Some(space)).expect("real storage for the test"))
    }

    fn over(storage: Arc<Storage>) -> Self {
        let partition = Arc::new(Processors::new(kind(), &storage, 2).expect("these tests need a usable /dev/kvm"));
        let processor = partition.processor(0).expect("a processor");
        Self { storage, partition, processor }
    }

    pub fn new() -> Self {
        Self::with_frames(8192)
    }

    /// A machine with `code` at [`CODE`], about to execute it.
    pub fn machine(&self, code: &[u8]) -> Machine {
        Machine::new(&self.storage, code)
    }

    /// A machine that runs a saved system made of `code`, at [`CODE`], and what else is in `bytes` after it.
    pub fn machine_of(&self, system: &Arc<SavedSystem>) -> Machine {
        let mut machine = self.machine(&[]);
        machine.space.map_saved_system(system).expect("the system fits");
        machine
    }

    /// Runs until something other than a page fault that can be resolved.
    pub fn run(&mut self, machine: &mut Machine) -> Exit {
        run(&mut *self.processor, machine)
    }

    /// Runs to the next DIAGNOSE and answers RAX.
    #[track_caller]
    pub fn answer(&mut self, machine: &mut Machine) -> u64 {
        let exit = self.run(machine);
        assert_eq!(exit, Exit::Diagnose, "at {:#x}", machine.context.registers.rip);
        machine.context.registers[Registers::RAX]
    }

    /// The machine gives way to another.
    pub fn release(&mut self, machine: &mut Machine) {
        self.processor.release(&mut machine.context);
    }
}

/// Runs until something other than a page fault that can be resolved.
pub fn run(processor: &mut dyn Processor, machine: &mut Machine) -> Exit {
    loop {
        match processor.run(&mut machine.context, &mut machine.space) {
            Exit::PageFault { address, write } if machine.space.fault(address, write).is_ok() => {}
            exit => return exit,
        }
    }
}

impl Machine {
    pub fn new(storage: &Arc<Storage>, code: &[u8]) -> Self {
        let mut space = AddressSpace::new(storage, SIZE).expect("an address space");
        space.write(CODE, code).expect("room for the code");
        let mut machine = Self { space, context: Context::new() };
        machine.start();
        machine
    }

    /// Back to the beginning of the code.
    pub fn start(&mut self) {
        self.context.registers.rip = CODE;
        self.context.registers[Registers::RSP] = 0x8000;
    }

    #[track_caller]
    pub fn word(&mut self, address: u64) -> u64 {
        let mut bytes = [0; 8];
        self.space.read(address, &mut bytes).expect("an address of the machine");
        u64::from_le_bytes(bytes)
    }

    #[track_caller]
    pub fn put_word(&mut self, address: u64, word: u64) {
        self.space.write(address, &word.to_le_bytes()).expect("an address of the machine");
    }
}

/// Makes partitions forget all page tables: machines with more tables than are handed on come and go until a flush is due.
pub fn flush_page_tables(storage: &Arc<Storage>) {
    for _ in 0..110 {
        let mut space = AddressSpace::new(storage, 64 << 20).expect("an address space");
        for part in 0..20 {
            space.write(part << 21, &[1]).expect("room");
        }
    }
}

/// A static ELF-64 executable of segments (address, bytes, writable) that starts at `entry`.
pub fn elf(segments: &[(u64, &[u8], bool)], entry: u64) -> Vec<u8> {
    const HEADER: usize = 64;
    const PROGRAM_HEADER: usize = 56;
    let mut file = vec![0u8; HEADER + PROGRAM_HEADER * segments.len()];
    file[..8].copy_from_slice(&[0x7f, b'E', b'L', b'F', 2, 1, 1, 0]);
    let mut put = |at: usize, bytes: &[u8]| file[at..at + bytes.len()].copy_from_slice(bytes);
    put(16, &2u16.to_le_bytes());
    put(18, &62u16.to_le_bytes());
    put(20, &1u32.to_le_bytes());
    put(24, &entry.to_le_bytes());
    put(32, &(HEADER as u64).to_le_bytes());
    put(52, &(HEADER as u16).to_le_bytes());
    put(54, &(PROGRAM_HEADER as u16).to_le_bytes());
    put(56, &(segments.len() as u16).to_le_bytes());
    let mut offset = HEADER + PROGRAM_HEADER * segments.len();
    for (number, &(address, bytes, writable)) in segments.iter().enumerate() {
        let at = HEADER + PROGRAM_HEADER * number;
        put(at, &1u32.to_le_bytes());
        put(at + 4, &if writable { 6u32 } else { 5 }.to_le_bytes());
        let length = bytes.len() as u64;
        for (field, value) in [(8, offset as u64), (16, address), (24, address), (32, length), (40, length), (48, 1)] {
            put(at + field, &value.to_le_bytes());
        }
        offset += bytes.len();
    }
    segments.iter().for_each(|(_, bytes, _)| file.extend_from_slice(bytes));
    file
}
