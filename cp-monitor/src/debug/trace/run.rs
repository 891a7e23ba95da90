//! Executes machines one instruction at a time for [`super::Tracing`].

use std::sync::Arc;
use std::sync::atomic::Ordering;

use console::wire::LineKind;
use iced_x86::{Decoder, DecoderOptions, FlowControl, Instruction, Mnemonic, OpKind};
use soft_processor::{Exit as SoftExit, State, Watch, WatchKind};

use super::{Event, Said, Seen, Tracing, What};
use crate::command;
use crate::debug::{Stop, Why};
use crate::directory::SpoolKind;
use crate::machine::Machine;
use crate::pc::{Pc, Turn};
use crate::processor::{Exit, Processor, Registers};
use crate::users::{Device, Output, User};

/// Longest instruction.
const LONGEST: usize = 15;
/// Lines after which the console is given a look.
const LINES: usize = 64;
/// Length of the instruction that is DIAGNOSE.
const DIAGNOSE: u64 = 2;
/// The channel command of a printer: write and space one line.
const PRINT: u16 = 0x09;
/// The trap flag.
const TRAP: u64 = 1 << 8;

/// The instruction at an address of which these bytes are known.
fn decode(code: &[u8], address: u64, width: u32) -> Instruction {
    Decoder::with_ip(width, code, address, DecoderOptions::NONE).decode()
}

/// The port of an IN or OUT, and the value when it is before the instruction (OUT) or after it (IN).
fn port(instruction: &Instruction, before: &[u64; 16], after: &[u64; 16]) -> Option<String> {
    let number = |operand: u32| match instruction.op_kind(operand) {
        OpKind::Immediate8 => u64::from(instruction.immediate8()),
        _ => before[Registers::RDX] & 0xffff,
    };
    let value = |registers: &[u64; 16], operand: u32| match instruction.op_register(operand).size() {
        1 => format!("{:02X}", registers[0] as u8),
        2 => format!("{:04X}", registers[0] as u16),
        _ => format!("{:08X}", registers[0] as u32),
    };
    match instruction.mnemonic() {
        Mnemonic::Out => Some(format!("OUT {:04X} {}", number(0), value(before, 1))),
        Mnemonic::In => Some(format!("IN {:04X} {}", number(1), value(after, 0))),
        Mnemonic::Insb | Mnemonic::Insw | Mnemonic::Insd => Some(format!("IN {:04X}", before[Registers::RDX] & 0xffff)),
        Mnemonic::Outsb | Mnemonic::Outsw | Mnemonic::Outsd => Some(format!("OUT {:04X}", before[Registers::RDX] & 0xffff)),
        _ => None,
    }
}

/// The vector of a software interrupt, or a system call.
fn call(instruction: &Instruction) -> Option<Option<u8>> {
    match instruction.mnemonic() {
        Mnemonic::Int => Some(Some(instruction.immediate8())),
        Mnemonic::Int3 => Some(Some(3)),
        Mnemonic::Int1 => Some(Some(1)),
        Mnemonic::Into => Some(Some(4)),
        Mnemonic::Syscall | Mnemonic::Sysenter => Some(None),
        _ => None,
    }
}

impl Pc {
    /// Executes about so many instructions, each of which is shown to the traces.
    pub(crate) fn run_traced(&mut self, instructions: u64, tracing: &mut Tracing) -> Turn {
        let several = self.processors() > 1;
        self.watch_for(tracing);
        let turn = self.traced(instructions, tracing, several);
        let points = self.points.clone();
        self.set_watches(&points.watches);
        self.note_output();
        turn
    }

    fn watch_for(&mut self, tracing: &Tracing) {
        let ranges = tracing.stores();
        let mut watches = self.points.watches.clone();
        watches.extend(ranges.map(|range| Watch {
            address: range.first,
            length: (range.last - range.first).saturating_add(1),
            kind: WatchKind::Write,
        }));
        self.set_watches(&watches);
    }

    fn set_watches(&mut self, watches: &[Watch]) {
        for processor in self.processors_mut() {
            processor.set_watchpoints(watches);
        }
    }

    fn traced(&mut self, instructions: u64, tracing: &mut Tracing, several: bool) -> Turn {
        let end = self.instructions() + instructions;
        let mut halted = 0;
        while self.instructions() < end && tracing.waiting() < LINES {
            let number = self.turn_over();
            if let Some(stop) = self.stops_before(number) {
                return Turn::Stopped(stop);
            }
            let before = self.instructions();
            match self.trace_one(number, tracing, several) {
                Ok(None) if self.instructions() == before => halted += 1,
                Ok(None) => halted = 0,
                Ok(Some(stop)) => return Turn::Stopped(stop),
                Err(turn) => return turn,
            }
            if halted >= self.processors() {
                return self.idle();
            }
        }
        Turn::Ran
    }

    /// One instruction of a processor, if it does not halt. A stop, or how the machine's turn ends.
    fn trace_one(&mut self, number: usize, tracing: &mut Tracing, several: bool) -> Result<Option<Stop>, Turn> {
        let before = self.state(number);
        let processor = self.processor(number);
        let width = processor.code_width();
        let linear = processor.linear(State::CS, before.rip);
        let mut code = [0; LONGEST];
        let length = (0..=LONGEST).rev().find(|&length| self.read_virtual(number, linear, &mut code[..length]).is_ok()).unwrap_or(0);
        let instruction = decode(&code[..length], before.rip, width);
        let called = call(&instruction);
        let executed = self.instructions();
        let (mut exit, mut interrupt) = self.one(number, called.is_none())?;
        let mut what = called.map_or(What::Executed, What::Called);
        if let SoftExit::Exception(exception) = exit {
            what = What::Exception { vector: exception.vector, address: exception.address };
            // Once more, and this time it is delivered.
            (exit, interrupt) = self.one(number, false)?;
        }
        if let Some(vector) = interrupt {
            what = What::Interrupt(vector);
        }
        if self.instructions() == executed {
            return Ok(None);
        }
        let after = self.state(number);
        let mut seen = Seen {
            processor: number,
            address: before.rip,
            code: code[..length].to_vec(),
            width,
            next: after.rip,
            what,
            io: None,
            stored: None,
        };
        if what == What::Executed {
            seen.io = port(&instruction, &before.general, &after.general);
        }
        let mut stop = None;
        if let SoftExit::Watchpoint { address, write } = exit {
            seen.stored = Some(address).filter(|&address| write && tracing.stores().any(|range| range.holds(address)));
            let mine = self.points.watches.iter().any(|watch| address.wrapping_sub(watch.address) < watch.length);
            stop = mine.then_some(Stop { processor: number, why: Why::Watch { address, write } });
        }
        if tracing.seen(&seen, several) {
            stop = stop.or(Some(Stop { processor: number, why: Why::Traced }));
        }
        if exit == SoftExit::Shutdown {
            return Err(self.triple_fault(number));
        }
        Ok(stop)
    }
}

impl User {
    /// What the traces have to say: lines to the console and the printer, and commands.
    pub(crate) fn show_traces(self: &Arc<Self>, machine: &mut Machine, goes_on: bool) {
        let Said { lines, printed, commands } = machine.tracing.take();
        for line in &lines {
            self.console.write(LineKind::Cp, line);
        }
        let crowded = self.print_trace(printed);
        if commands.is_empty() && !crowded {
            return;
        }
        let user = Arc::clone(self);
        machine.stop();
        self.cp().workers.submit(Box::new(move || {
            user.write_trace();
            for text in commands {
                let reply = command::execute(user.cp(), command::Origin::user(&user), &text);
                user.say_cp(&reply.lines);
            }
            if goes_on {
                user.with_machine(|machine| machine.begin(None));
            }
        }));
    }

    /// Gives lines to a worker who prints them. True when so many wait that the machine should.
    fn print_trace(self: &Arc<Self>, lines: Vec<String>) -> bool {
        /// Lines that may wait for the printer.
        const WAITING: usize = 4096;
        if lines.is_empty() {
            return false;
        }
        let mut printing = self.debug.printing.lock();
        let was_empty = printing.is_empty();
        printing.extend(lines);
        if was_empty {
            let user = Arc::clone(self);
            self.cp().workers.submit(Box::new(move || user.write_trace()));
        }
        printing.len() > WAITING
    }

    /// Prints what waits, on the first printer. The devices are locked first, so that lines keep their order whoever writes them.
    fn write_trace(self: &Arc<Self>) {
        let mut devices = self.devices.lock();
        let lines = std::mem::take(&mut *self.debug.printing.lock());
        let Some(output) = devices.iter_mut().find_map(|(_, device)| printer(device)) else { return };
        let width = output.record_length() as usize;
        for line in lines {
            let record = &line.as_bytes()[..line.len().min(width)];
            if let Err(error) = output.file(self).append(PRINT, record) {
                // Half a file is no file.
                output.open = None;
                self.cp().spool_trouble(self, &error);
                return;
            }
            self.usage.lines_printed.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Runs a CMS machine that is traced or has points. For events that are exits anyway it runs as always, for the others the trap flag brings it back after an instruction.
    /// True when the machine stops.
    pub(crate) fn run_one_traced(self: &Arc<Self>, machine: &mut Machine, processor: &mut dyn Processor) -> (Exit, bool) {
        let steps = machine.tracing.needs_steps() || machine.stepping.is_needed();
        let before = machine.context.registers;
        if steps {
            machine.context.registers.rflags |= TRAP;
        }
        let exit = processor.run(&mut machine.context, &mut machine.space);
        let after = &mut machine.context.registers;
        if steps {
            after.rflags = after.rflags & !TRAP | before.rflags & TRAP;
        }
        let after = *after;
        let address = match &exit {
            Exit::Diagnose => after.rip.wrapping_sub(DIAGNOSE),
            Exit::Program { vector, .. } if *vector != 1 => after.rip,
            _ => before.rip,
        };
        let mut code = [0; LONGEST];
        let length = (0..=LONGEST).rev().find(|&length| machine.space.read(address, &mut code[..length]).is_ok()).unwrap_or(0);
        let instruction = decode(&code[..length], address, 64);
        let mut seen = Seen {
            processor: 0,
            address,
            code: code[..length].to_vec(),
            width: 64,
            next: after.rip,
            what: What::Executed,
            io: None,
            stored: None,
        };
        let looks = machine.stepping.watches() || machine.tracing.stores().next().is_some();
        let accesses = if looks { accesses(&instruction, &before) } else { Vec::new() };
        seen.stored = accesses.iter().find(|access| access.write).map(|access| access.address);
        match &exit {
            Exit::Diagnose => seen.io = Some(format!("DIAG {:03X}", after.general[0])),
            Exit::Program { vector: 1, .. }
                if machine.context.registers.rip == before.rip && instruction.flow_control() == FlowControl::Next =>
            {
                // The trap of an instruction that CP has carried out.
                return (Exit::SliceEnd, false);
            }
            Exit::Program { vector: 1, .. } => {}
            Exit::Program { vector, address, .. } => seen.what = What::Exception { vector: *vector as u8, address: *address },
            Exit::PageFault { .. } | Exit::SliceEnd | Exit::Failed(_) => return (exit, false),
        }
        if seen.what == What::Executed {
            accesses.iter().for_each(|access| machine.stepping.accessed(access.address, access.size, access.write));
        }
        machine.stepping.went_on();
        let stops = machine.tracing.seen(&seen, false);
        // The machine's own trap flag is its own affair; ours is none of its exceptions.
        let ours = matches!(exit, Exit::Program { vector: 1, .. }) && before.rflags & TRAP == 0;
        (if ours { Exit::SliceEnd } else { exit }, stops)
    }
}

/// Storage that an instruction accesses.
struct Access {
    address: u64,
    size: u64,
    write: bool,
}

/// What an instruction accesses, from its operands and the registers before it: for a machine whose processor cannot watch storage.
fn accesses(instruction: &Instruction, registers: &Registers) -> Vec<Access> {
    use iced_x86::OpAccess::{CondRead, CondWrite, Read, ReadCondWrite, ReadWrite, Write};
    let mut factory = iced_x86::InstructionInfoFactory::new();
    let value = |register: iced_x86::Register, _: usize, _: usize| {
        let full = register.full_register();
        if full.is_gpr64() { Some(registers.general[full.number()]) } else { Some(0) }
    };
    let mut accesses = Vec::new();
    for used in factory.info(instruction).used_memory() {
        let Some(address) = used.virtual_address(0, value) else { continue };
        let size = (used.memory_size().size() as u64).max(1);
        let access = used.access();
        if matches!(access, Write | CondWrite | ReadWrite | ReadCondWrite) {
            accesses.push(Access { address, size, write: true });
        }
        if matches!(access, Read | CondRead | ReadWrite | ReadCondWrite) {
            accesses.push(Access { address, size, write: false });
        }
    }
    accesses
}

/// A device that is a printer, and not the console's spool file.
pub(crate) fn printer(device: &mut Device) -> Option<&mut Output> {
    match device {
        Device::Output(output) if output.kind() == SpoolKind::Printer => Some(output),
        _ => None,
    }
}

/// TRACE STORE of everything would be every instruction.
pub(crate) fn needs_range(event: Event) -> bool {
    event == Event::Store
}
