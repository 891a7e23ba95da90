//! Any bytes as code, registers and tables of the software processor, in any of its modes.

use soft_processor::{Bus, Cpu, Cycle, Exit, Flow, Memory, Region, Segment, State, Table};

/// Storage of the machine.
const STORAGE: u64 = 256 << 10;
/// Where the bytes lie: code from the beginning on.
const CODE: u64 = 0x1000;
/// Instructions of one run.
const BUDGET: u64 = 3000;

/// A bus that answers anything and interrupts at odd times.
struct Wild {
    state: u64,
    interrupts: bool,
}

impl Wild {
    fn next(&mut self) -> u64 {
        self.state = self.state.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(0x1405_7b7e_f767_814f);
        self.state >> 11
    }
}

impl Bus for Wild {
    fn port_in(&mut self, _: Cycle, _: u16, _: u8) -> u32 {
        self.next() as u32
    }

    fn port_out(&mut self, cycle: Cycle, _: u16, _: u8, _: u32) -> Flow {
        // A device that stores anywhere.
        let (at, value) = (self.next() % STORAGE, self.next());
        let _ = cycle.memory.write(at, &value.to_le_bytes());
        if self.next().is_multiple_of(4) { Flow::Leave } else { Flow::Go }
    }

    fn mmio_read(&mut self, _: Cycle, _: u64, _: u8) -> u64 {
        self.next()
    }

    fn mmio_write(&mut self, _: Cycle, _: u64, _: u8, _: u64) -> Flow {
        if self.next().is_multiple_of(4) { Flow::Leave } else { Flow::Go }
    }

    fn interrupt_pending(&mut self, _: Cycle) -> bool {
        self.interrupts && self.next().is_multiple_of(3)
    }

    fn acknowledge(&mut self, _: Cycle) -> u8 {
        self.next() as u8
    }

    fn nmi(&mut self, _: Cycle) -> bool {
        self.interrupts && self.next().is_multiple_of(61)
    }

    fn next_event(&self) -> Option<u64> {
        self.interrupts.then_some(self.state >> 50)
    }

    fn read_msr(&mut self, _: Cycle, _: u32) -> Option<u64> {
        let value = self.next();
        value.is_multiple_of(2).then_some(value)
    }
}

/// Runs the bytes: the first says in which mode and how, the next eight make the registers, the others are code and whatever else is found
/// from there on.
///
/// # Panics
/// When a run takes more than its instructions.
pub fn code(bytes: &[u8]) {
    let Some((&kind, rest)) = bytes.split_first() else { return };
    let Some((seed, code)) = rest.split_first_chunk::<8>() else { return };
    let mut wild = Wild { state: u64::from_le_bytes(*seed), interrupts: kind & 0x40 != 0 };
    let memory = Memory::new(vec![Region::owned(0, STORAGE)]).expect("one region of whole pages");
    let code = &code[..code.len().min(0x8000)];
    memory.write(CODE, code).expect("it is cut to fit");
    let mut cpu = Cpu::new(0);
    cpu.intercept_exceptions(kind & 0x80 != 0);
    cpu.set_state(&state(kind, &memory, &mut wild));
    for _ in 0..4 {
        let before = cpu.now();
        let exit = cpu.run(&memory, &mut wild, BUDGET);
        // An exception that is raised at the very end still counts.
        assert!(cpu.now() <= before + BUDGET + 8, "{} instructions", cpu.now() - before);
        if matches!(exit, Exit::Halt | Exit::Shutdown) {
            break;
        }
    }
}

/// Registers for one of the modes: real, protected with 32 or 16 bits, paged, long at level 0 or 3, compatibility.
fn state(kind: u8, memory: &Memory, wild: &mut Wild) -> State {
    let mut state = State::reset();
    let level = if kind & 8 != 0 { 3 } else { 0 };
    let flat = Segment { selector: 0x10 | level, base: 0, limit: u32::MAX, attributes: 0xc093 | level << 5 };
    let entry = |at: u64, value: u64| memory.write(at, &value.to_le_bytes()).expect("tables are in storage");
    let entry_32 = |at: u64, value: u32| memory.write(at, &value.to_le_bytes()).expect("tables are in storage");
    if kind & 7 > 0 {
        state.segments = [flat; 6];
        let width = match kind & 7 {
            1 | 2 | 6 => 0x4000,
            3 => 0,
            _ => 0x2000,
        };
        state.segments[State::CS] = Segment { selector: 8 | level, attributes: 0x809b | width | level << 5, ..flat };
        state.cr0 = 0x31 | 1 << 16;
        (state.gdtr, state.idtr) = (Table { base: CODE + 0x100, limit: 0xff }, Table { base: CODE + 0x200, limit: 0xfff });
        state.tr = Segment { selector: 0x40, base: CODE + 0x80, limit: 0x67 + 32, attributes: 0x8b };
        state.cr4 = 0x600;
    }
    if kind & 7 == 2 {
        (state.cr0, state.cr3, state.cr4) = (state.cr0 | 1 << 31, 0x2_0000, 0x610);
        entry(0x2_0000, 0x2_1007);
        (0..64).for_each(|page| entry_32(0x2_1000 + page * 4, (page as u32) << 12 | 7));
    }
    if kind & 7 > 3 {
        (state.cr0, state.cr3, state.cr4, state.efer) = (state.cr0 | 1 << 31, 0x2_0000, 0x620, 0xd01);
        entry(0x2_0000, 0x2_1007);
        entry(0x2_1000, 0x2_2007);
        entry(0x2_2000, 0x2_3007);
        (0..64).for_each(|page| entry(0x2_3000 + page * 8, page << 12 | 7));
    }
    if kind & 7 == 0 {
        (state.segments[State::CS].selector, state.segments[State::CS].base) = (0x100, CODE);
    }
    state.rip = if kind & 7 == 0 { 0 } else { CODE };
    for register in &mut state.general {
        *register = match wild.next() % 4 {
            0 => wild.next() << 11,
            1 => wild.next() % 64,
            _ => wild.next() % STORAGE,
        };
    }
    // Virtual-8086 mode among them.
    state.rflags = wild.next() & 0x26_7dd5;
    for register in &mut state.debug[..4] {
        *register = wild.next() % STORAGE;
    }
    state.debug[7] = if wild.next().is_multiple_of(2) { wild.next() & 0xffff_2bff | 0x400 } else { 0x400 };
    state.fpu.control = wild.next() as u16;
    state.mxcsr = wild.next() as u32 & 0xffff;
    for register in &mut state.xmm {
        *register = u128::from(wild.next()) << 64 | u128::from(wild.next());
    }
    state
}
