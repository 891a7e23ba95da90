//! A machine for tests of the system's side: storage, a scripted bus, and tables that Rust lays out, so that the guests are a few lines each.

use soft_processor::{Bus, Cpu, Cycle, Exit, Flow, Memory, Region, Segment, State, Table};

/// Assembles code (AT&T syntax) and names it as a function that returns its bytes. It runs wherever it is put as long as it is relative.
macro_rules! code {
    ($name:ident, $text:literal) => {
        std::arch::global_asm!(
            concat!(
                ".pushsection .rodata.soft, \"a\"\n.globl soft_",
                stringify!($name),
                ", soft_end_",
                stringify!($name),
                "\nsoft_",
                stringify!($name),
                ":\n"
            ),
            $text,
            concat!("\nsoft_end_", stringify!($name), ":\n.popsection\n"),
            options(att_syntax)
        );
        fn $name() -> Vec<u8> {
            unsafe extern "C" {
                #[link_name = concat!("soft_", stringify!($name))]
                static START: u8;
                #[link_name = concat!("soft_end_", stringify!($name))]
                static END: u8;
            }
            let start = &raw const START;
            // SAFETY: both labels bound one piece of read-only data.
            unsafe { std::slice::from_raw_parts(start, (&raw const END).offset_from(start) as usize) }.to_vec()
        }
    };
}
pub(crate) use code;

/// Port that ends a test; what is written there is the answer.
pub const END: u16 = 0xf4;
/// Port that notes what is written.
pub const NOTE: u16 = 0xe9;

/// Ports `END` and `NOTE`, one register at X'FEE00000', and interrupts at given times.
#[derive(Default)]
pub struct Script {
    pub notes: Vec<u32>,
    pub answer: Option<u32>,
    pub register: u64,
    /// Times and vectors, ascending.
    pub interrupts: Vec<(u64, u8)>,
    pub nmi_at: Option<u64>,
}

impl Bus for Script {
    fn port_in(&mut self, _: Cycle, port: u16, size: u8) -> u32 {
        u32::from(port) << 16 | u32::from(size)
    }
    fn port_out(&mut self, _: Cycle, port: u16, _: u8, value: u32) -> Flow {
        match port {
            NOTE => self.notes.push(value),
            END => {
                self.answer = Some(value);
                return Flow::Leave;
            }
            _ => {}
        }
        Flow::Go
    }
    fn mmio_read(&mut self, _: Cycle, _: u64, _: u8) -> u64 {
        self.register
    }
    fn mmio_write(&mut self, _: Cycle, _: u64, _: u8, value: u64) -> Flow {
        self.register = value;
        Flow::Go
    }
    fn interrupt_pending(&mut self, cycle: Cycle) -> bool {
        self.interrupts.first().is_some_and(|&(at, _)| at <= cycle.now)
    }
    fn acknowledge(&mut self, _: Cycle) -> u8 {
        self.interrupts.remove(0).1
    }
    fn nmi(&mut self, cycle: Cycle) -> bool {
        let due = self.nmi_at.is_some_and(|at| at <= cycle.now);
        if due {
            self.nmi_at = None;
        }
        due
    }
    fn next_event(&self) -> Option<u64> {
        self.interrupts.first().map(|&(at, _)| at).into_iter().chain(self.nmi_at).min()
    }
}

/// Where things are.
pub const CODE: u64 = 0x1_0000;
pub const HANDLERS: u64 = 0x2_0000;
pub const STACK: u64 = 0x4_0000;
/// Stack of interruptions from level 3, and of the first entry of the interrupt stack table.
pub const STACK_0: u64 = 0x5_0000;
pub const STACK_IST: u64 = 0x6_0000;
/// Storage that the page tables of [`Machine::long`] map for level 3, too: from here to 512 KiB, at the same addresses.
pub const USER: u64 = 0x7_0000;
const GDT: u64 = 0x1000;
const IDT: u64 = 0x2000;
const TSS: u64 = 0x3000;
pub const TABLES: u64 = 0x8000;

/// Selectors.
pub const CODE_64: u16 = 8;
pub const DATA: u16 = 16;
pub const USER_32: u16 = 24 | 3;
pub const USER_DATA: u16 = 32 | 3;
pub const USER_64: u16 = 40 | 3;
pub const CODE_32: u16 = 48;
pub const TASK: u16 = 64;

pub struct Machine {
    pub cpu: Cpu,
    pub memory: Memory,
    pub bus: Script,
}

impl Machine {
    /// A processor after power-on and 1 MiB of storage.
    pub fn new() -> Self {
        let memory = Memory::new(vec![Region::owned(0, 1 << 20)]).unwrap();
        Self { cpu: Cpu::new(0), memory, bus: Script::default() }
    }

    pub fn put(&self, at: u64, bytes: &[u8]) {
        self.memory.write(at, bytes).unwrap();
    }

    pub fn put_u64(&self, at: u64, value: u64) {
        self.put(at, &value.to_le_bytes());
    }

    pub fn get_u64(&self, at: u64) -> u64 {
        let mut bytes = [0; 8];
        self.memory.read(at, &mut bytes).unwrap();
        u64::from_le_bytes(bytes)
    }

    fn descriptors(&self) {
        let all = [
            0,
            0x0020_9b00_0000_0000,
            0x00cf_9300_0000_ffff,
            0x00cf_fb00_0000_ffff,
            0x00cf_f300_0000_ffff,
            0x0020_fb00_0000_0000,
            0x00cf_9b00_0000_ffff,
            0,
            0x0000_8900_0000_0067 | TSS << 16,
            0,
        ];
        for (n, descriptor) in all.into_iter().enumerate() {
            self.put_u64(GDT + 8 * n as u64, descriptor);
        }
    }

    /// 64-bit mode at level 0, running `code`. All storage is mapped in pages of 4 KiB; level 3 may use what is from [`USER`] on. Handlers are set
    /// by [`Machine::gate`].
    pub fn long(code: &[u8]) -> Self {
        let machine = Self::new();
        machine.descriptors();
        machine.put(CODE, code);
        machine.put_u64(TABLES, (TABLES + 0x1000) | 7);
        machine.put_u64(TABLES + 0x1000, (TABLES + 0x2000) | 7);
        machine.put_u64(TABLES + 0x2000, (TABLES + 0x3000) | 7);
        for page in 0..128 {
            let user = if page * 4096 >= USER { 4 } else { 0 };
            machine.put_u64(TABLES + 0x3000 + 8 * page, (page * 4096) | 3 | user);
        }
        // The register of the bus at the last megabytes of 4 GiB.
        machine.put_u64(TABLES + 0x1000 + 24, (TABLES + 0x4000) | 7);
        machine.put_u64(TABLES + 0x4000 + (0xfee0_0000 >> 21 & 511) * 8, 0xfee0_0083);
        machine.put_u64(TSS + 4, STACK_0);
        machine.put_u64(TSS + 36, STACK_IST);
        // No permission map.
        machine.put(TSS + 0x66, &[0x68, 0]);
        let mut state = State { cr0: 0x8001_0033, cr3: TABLES, cr4: 0x6a0, efer: 0xd01, ..State::reset() };
        let flat = Segment { selector: DATA, base: 0, limit: u32::MAX, attributes: 0xc093 };
        state.segments = [flat; 6];
        state.segments[State::CS] = Segment { selector: CODE_64, attributes: 0xa09b, ..flat };
        state.gdtr = Table { base: GDT, limit: 0x4f };
        state.idtr = Table { base: IDT, limit: 0xfff };
        state.tr = Segment { selector: TASK, base: TSS, limit: 0x67, attributes: 0x8b };
        state.rip = CODE;
        state.general[4] = STACK;
        let mut machine = machine;
        machine.cpu.set_state(&state);
        machine
    }

    /// Protected mode with 32-bit code at level 0 and no paging, running `code`.
    pub fn protected(code: &[u8]) -> Self {
        let mut machine = Self::new();
        machine.descriptors();
        machine.put(CODE, code);
        machine.put(TSS + 4, &(STACK_0 as u32).to_le_bytes());
        machine.put(TSS + 8, &u32::from(DATA).to_le_bytes());
        let mut state = State { cr0: 0x31, ..State::reset() };
        let flat = Segment { selector: DATA, base: 0, limit: u32::MAX, attributes: 0xc093 };
        state.segments = [flat; 6];
        state.segments[State::CS] = Segment { selector: CODE_32, attributes: 0xc09b, ..flat };
        state.gdtr = Table { base: GDT, limit: 0x4f };
        state.idtr = Table { base: IDT, limit: 0x7ff };
        state.tr = Segment { selector: TASK, base: TSS, limit: 0x67, attributes: 0x8b };
        state.rip = CODE;
        state.general[4] = STACK;
        machine.cpu.set_state(&state);
        machine
    }

    /// A gate of the interrupt table: its handler, who may use it by INT, and its entry of the interrupt stack table.
    pub fn gate(&self, vector: u8, handler: &[u8], level: u64, stack_table: u64) {
        let at = HANDLERS + 256 * u64::from(vector);
        self.put(at, handler);
        let kind = 0x8e00 | level << 13;
        if self.cpu.state().efer & 0x400 != 0 {
            let low = at & 0xffff | u64::from(CODE_64) << 16 | (kind | stack_table) << 32 | (at & 0xffff_0000) << 32;
            self.put_u64(IDT + 16 * u64::from(vector), low);
            self.put_u64(IDT + 16 * u64::from(vector) + 8, at >> 32);
        } else {
            self.put_u64(IDT + 8 * u64::from(vector), at & 0xffff | u64::from(CODE_32) << 16 | kind << 32 | (at & 0xffff_0000) << 32);
        }
    }

    /// Runs until the end, which must come within a million instructions.
    pub fn run(&mut self) -> Exit {
        self.cpu.run(&self.memory, &mut self.bus, 1_000_000)
    }

    /// The answer of a guest that gives one.
    pub fn answer(&mut self) -> u32 {
        let exit = self.run();
        assert_eq!(exit, Exit::Leave, "notes {:x?}, state {:x?}", self.bus.notes, self.cpu.state());
        self.bus.answer.expect("the guest left by its port")
    }
}
