//! The same cases on the software processor: 64-bit mode, privilege level 3, the same pages at the same addresses.

use soft_processor::{Bus, Cpu, Cycle, Exit, Flow, Fpu, Memory, Region, Segment, State};

use super::case::{CODE, CODE_16, CODE_BYTES, Case, DATA, DATA_16, DATA_BYTES, Outcome, Registers, Width};

/// Guest-physical places.
const CODE_AT: u64 = 0x1_0000;
const DATA_AT: u64 = 0x2_0000;

/// Nobody is on the bus: a privileged case must never get here.
struct Nothing;

impl Bus for Nothing {
    fn port_in(&mut self, _: Cycle, port: u16, _: u8) -> u32 {
        panic!("read of port {port:#x}")
    }
    fn port_out(&mut self, _: Cycle, port: u16, _: u8, _: u32) -> Flow {
        panic!("write of port {port:#x}")
    }
    fn mmio_read(&mut self, _: Cycle, address: u64, _: u8) -> u64 {
        panic!("read of {address:#x}")
    }
    fn mmio_write(&mut self, _: Cycle, address: u64, _: u8, _: u64) -> Flow {
        panic!("write of {address:#x}")
    }
    fn interrupt_pending(&mut self, _: Cycle) -> bool {
        false
    }
    fn acknowledge(&mut self, _: Cycle) -> u8 {
        unreachable!()
    }
}

pub struct Soft {
    cpu: Cpu,
    memory: Memory,
}

impl Soft {
    pub fn new() -> Self {
        let memory = Memory::new(vec![Region::owned(0, 0x4_0000)]).unwrap();
        let entry = |at: u64, value: u64| memory.write(at, &value.to_le_bytes()).unwrap();
        entry(0x1000, 0x2000 | 7);
        entry(0x2000, 0x3000 | 7);
        // 2 MiB each: a table for data, one for code.
        entry(0x3000 + (DATA >> 21) * 8, 0x4000 | 7);
        entry(0x3000 + (CODE >> 21) * 8, 0x5000 | 7);
        for page in 0..DATA_BYTES as u64 / 4096 {
            entry(0x4000 + page * 8, (DATA_AT + page * 4096) | 7);
        }
        entry(0x4000 + DATA_BYTES as u64 / 4096 * 8, 0x3_0000 | 5);
        entry(0x5000, CODE_AT | 7);
        let mut cpu = Cpu::new(0);
        cpu.intercept_exceptions(true);
        Self { cpu, memory }
    }

    /// Runs a case, at most so many instructions at a time.
    pub fn run(&mut self, case: &Case, slice: u64) -> Outcome {
        self.memory.write(DATA_AT, &case.data).unwrap();
        let mut code = [0; 4096];
        code[..CODE_BYTES].copy_from_slice(&case.code);
        self.memory.write(CODE_AT, &code).unwrap();
        self.cpu.set_state(&state(&case.registers, case.width));
        let end = self.cpu.now() + super::RUN;
        let exit = loop {
            match self.cpu.run(&self.memory, &mut Nothing, slice) {
                Exit::Budget if self.cpu.now() < end => {}
                exit => break exit,
            }
        };
        let Exit::Exception(exception) = exit else { panic!("a case ends with an exception, not with {exit:?}") };
        let after = self.cpu.state();
        let top = (after.fpu.status >> 11 & 7) as usize;
        let mut stack = [0; 8];
        for (position, value) in stack.iter_mut().enumerate() {
            *value = after.fpu.registers[(top + position) & 7];
        }
        let registers = Registers {
            general: after.general,
            rip: after.rip,
            rflags: after.rflags,
            xmm: after.xmm,
            mxcsr: after.mxcsr,
            control: after.fpu.control,
            status: after.fpu.status,
            in_use: after.fpu.in_use,
            stack,
        };
        let mut outcome = Outcome {
            registers,
            vector: exception.vector.into(),
            error: exception.error.unwrap_or(0),
            address: exception.address,
            data: [0; DATA_BYTES],
        };
        self.memory.read(DATA_AT, &mut outcome.data).unwrap();
        outcome
    }
}

fn state(registers: &Registers, width: Width) -> State {
    let data = Segment { selector: 0x2b, base: 0, limit: u32::MAX, attributes: 0xc0f3 };
    let mut state = State { cr0: 0x8005_0033, cr3: 0x1000, cr4: 0x6a0, efer: 0xd01, ..State::reset() };
    state.segments = [data; 6];
    state.segments[State::CS] = Segment { selector: 0x33, attributes: 0xa0fb, ..data };
    match width {
        Width::Bits16 => {
            let segment = Segment { selector: DATA_16, base: DATA, limit: 0xffff, attributes: 0xf3 };
            state.segments = [segment; 6];
            state.segments[State::CS] = Segment { selector: CODE_16, base: CODE, attributes: 0xfb, ..segment };
        }
        Width::Bits32 => state.segments[State::CS] = Segment { selector: 0x23, attributes: 0xc0fb, ..data },
        Width::Bits64 => {}
    }
    if width != Width::Bits64 {
        (state.segments[State::FS], state.segments[State::GS]) = (Segment::default(), Segment::default());
    }
    // No permission map.
    state.tr = Segment { selector: 0x40, base: 0, limit: 0x66, attributes: 0x8b };
    state.general = registers.general;
    state.rip = registers.rip;
    state.rflags = registers.rflags | 0x202;
    state.xmm = registers.xmm;
    state.mxcsr = registers.mxcsr;
    let top = (registers.status >> 11 & 7) as usize;
    let mut fpu = Fpu { control: registers.control, status: registers.status, in_use: registers.in_use, ..Fpu::default() };
    for (position, value) in registers.stack.into_iter().enumerate() {
        fpu.registers[(top + position) & 7] = value;
    }
    state.fpu = fpu;
    state
}
