//! TRACE: what of a machine's instructions is shown, and where it stops. Pure: it is told what was executed, and answers lines.
//!
//! `run` executes a machine instruction by instruction and tells. While anything is traced a machine runs a hundred times slower, and exactly as it would otherwise.

pub(crate) mod run;

use iced_x86::{Decoder, DecoderOptions, FlowControl, Formatter, Instruction, IntelFormatter};

/// What a trace is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// Every instruction.
    Instruction,
    /// Instructions that go on elsewhere.
    Branch,
    /// Exceptions: program interruptions.
    Program,
    /// Interrupts of devices.
    External,
    /// Software interrupts, system calls.
    Call,
    /// Port I/O and DIAGNOSE.
    Io,
    /// Stores into a range.
    Store,
    /// Instructions, which are only counted.
    Count,
}

impl Event {
    /// The name, as QUERY TRACE shows it.
    pub fn name(self) -> &'static str {
        match self {
            Event::Instruction => "INSTRUCT",
            Event::Branch => "BRANCH",
            Event::Program => "PROG",
            Event::External => "EXT",
            Event::Call => "SVC",
            Event::Io => "IO",
            Event::Store => "STORE",
            Event::Count => "COUNT",
        }
    }
}

/// Addresses, both included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Range {
    /// The first.
    pub first: u64,
    /// The last.
    pub last: u64,
}

impl Range {
    /// `address`, `address-last` or `address:last`, `address.length`, in hexadecimal.
    pub fn parse(text: &str) -> Option<Self> {
        let hex = |text: &str| u64::from_str_radix(text, 16).ok();
        let first = |text: &str| text.find(['-', ':', '.']).map_or(text.len(), |at| at);
        let (start, rest) = text.split_at(first(text));
        let start = hex(start)?;
        let last = match rest.split_at_checked(1) {
            None => start,
            Some((".", length)) => start.saturating_add(hex(length)?.saturating_sub(1)),
            Some((_, last)) => hex(last)?,
        };
        (start <= last).then_some(Self { first: start, last })
    }

    fn holds(self, address: u64) -> bool {
        (self.first..=self.last).contains(&address)
    }
}

/// Where a trace is shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Shown {
    /// At the terminal.
    #[default]
    Terminal,
    /// By the virtual printer.
    Printer,
    /// By both.
    Both,
}

/// One trace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trace {
    /// What QUERY TRACE and TRACE END call it.
    pub id: String,
    /// What it is for.
    pub event: Event,
    /// Instruction addresses; for BRANCH where it goes to, for STORE what is stored into.
    pub range: Option<Range>,
    /// The machine goes on.
    pub run: bool,
    /// Nothing is shown of the first so many.
    pub skip: u64,
    /// After each one that is shown, so many are not.
    pub pass: u64,
    /// The machine stops only after so many are shown.
    pub step: u64,
    /// Where it is shown.
    pub shown: Shown,
    /// A CP command for each that is shown.
    pub command: Option<String>,
    /// Instructions of COUNT.
    counted: u64,
    passed: u64,
    stepped: u64,
}

impl Trace {
    /// A trace that shows everything and stops each time.
    pub fn new(id: &str, event: Event) -> Self {
        Self {
            id: id.to_string(),
            event,
            range: None,
            run: false,
            skip: 0,
            pass: 0,
            step: 1,
            shown: Shown::Terminal,
            command: None,
            counted: 0,
            passed: 0,
            stepped: 0,
        }
    }

    /// The line of QUERY TRACE.
    pub fn line(&self) -> String {
        let mut line = format!("{:<8} {:<8}", self.id, self.event.name());
        if let Some(range) = self.range {
            line += &format!(" {:X}-{:X}", range.first, range.last);
        }
        if self.event == Event::Count {
            return line + &format!("  {} INSTRUCTIONS", self.counted);
        }
        line += if self.run { " RUN" } else { " NORUN" };
        for (word, number, usual) in [("SKIP", self.skip, 0), ("PASS", self.pass, 0), ("STEP", self.step, 1)] {
            if number != usual {
                line += &format!(" {word} {number}");
            }
        }
        line += match self.shown {
            Shown::Terminal => "",
            Shown::Printer => " PRINTER",
            Shown::Both => " BOTH",
        };
        if let Some(command) = &self.command {
            line += &format!(" CMD {command}");
        }
        line
    }

    fn concerns(&self, seen: &Seen) -> bool {
        let within = |address| self.range.is_none_or(|range| range.holds(address));
        match (self.event, seen.what) {
            (Event::Instruction | Event::Count, What::Executed | What::Called(_)) => within(seen.address),
            (Event::Branch, What::Executed) => seen.is_branch() && within(seen.next),
            (Event::Program, What::Exception { .. }) | (Event::External, What::Interrupt(_)) | (Event::Call, What::Called(_)) => {
                within(seen.address)
            }
            (Event::Io, What::Executed) => seen.io.is_some() && within(seen.address),
            (Event::Store, What::Executed | What::Called(_)) => seen.stored.is_some_and(within),
            _ => false,
        }
    }

    /// Whether this one is shown, now that it has come.
    fn shows(&mut self) -> bool {
        if self.skip > 0 {
            self.skip -= 1;
            return false;
        }
        if self.passed > 0 {
            self.passed -= 1;
            return false;
        }
        self.passed = self.pass;
        true
    }

    /// Whether the machine stops, now that one was shown.
    fn stops(&mut self) -> bool {
        self.stepped += 1;
        let stops = !self.run && self.stepped >= self.step;
        if stops {
            self.stepped = 0;
        }
        stops
    }
}

/// What came of an instruction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum What {
    /// It was executed.
    Executed,
    /// It was a software interrupt of this vector, or a system call.
    Called(Option<u8>),
    /// It was not executed: an exception of this vector, with the address of a page fault.
    Exception {
        /// Vector.
        vector: u8,
        /// CR2, or what the program interruption is about.
        address: u64,
    },
    /// It was not executed: an interrupt was taken.
    Interrupt(u8),
}

/// An instruction as it was seen.
#[derive(Clone, Debug)]
pub struct Seen {
    /// Which processor.
    pub processor: usize,
    /// Its address.
    pub address: u64,
    /// Its bytes, as many as could be read.
    pub code: Vec<u8>,
    /// 16, 32 or 64 bits.
    pub width: u32,
    /// Where it goes on.
    pub next: u64,
    /// What came of it.
    pub what: What,
    /// What it did with a port.
    pub io: Option<String>,
    /// Where it stored, if that is watched.
    pub stored: Option<u64>,
}

impl Seen {
    fn decoded(&self) -> Instruction {
        Decoder::with_ip(self.width, &self.code, self.address, DecoderOptions::NONE).decode()
    }

    fn is_branch(&self) -> bool {
        let instruction = self.decoded();
        let elsewhere = self.next != instruction.next_ip() && self.next != self.address;
        elsewhere || instruction.flow_control() == FlowControl::UnconditionalBranch
    }

    /// The line that is shown.
    pub fn line(&self, several: bool) -> String {
        let mut line = if several { format!("{:02X}: ", self.processor) } else { String::new() };
        let address = self.address;
        match self.what {
            What::Exception { vector, address: about } => {
                line += &format!("*** {address:016X}  PROG {vector:02X} -> {:016X}'", self.next);
                if about != 0 {
                    line += &format!("  {about:X}");
                }
                return line;
            }
            What::Interrupt(vector) => return line + &format!("*** {address:016X}  EXT {vector:02X} -> {:016X}'", self.next),
            What::Executed | What::Called(_) => {}
        }
        line += &format!("-> {address:016X}  {}", text(&self.decoded(), &self.code));
        if self.is_branch() {
            line += &format!("  -> {:016X}'", self.next);
        }
        if let Some(io) = &self.io {
            line += &format!("  {io}");
        }
        if let Some(stored) = self.stored {
            line += &format!("  STORE {stored:016X}");
        }
        line
    }
}

/// An instruction in Intel's words, behind its bytes.
fn text(instruction: &Instruction, code: &[u8]) -> String {
    let length = instruction.len().min(code.len());
    let bytes: String = code[..length].iter().map(|byte| format!("{byte:02X}")).collect();
    let mut words = String::new();
    let mut formatter = IntelFormatter::new();
    formatter.options_mut().set_space_after_operand_separator(false);
    formatter.format(instruction, &mut words);
    format!("{words:<28} {bytes}")
}

/// Instructions from an address on, each with its line, as far as the bytes reach.
pub fn disassemble(address: u64, code: &[u8], width: u32) -> Vec<String> {
    let mut decoder = Decoder::with_ip(width, code, address, DecoderOptions::NONE);
    let mut lines = Vec::new();
    while decoder.can_decode() {
        let at = decoder.position();
        let instruction = decoder.decode();
        if instruction.is_invalid() && decoder.last_error() == iced_x86::DecoderError::NoMoreBytes {
            break;
        }
        lines.push(format!("{:016X}  {}", instruction.ip(), text(&instruction, &code[at..])));
    }
    lines
}

/// All traces of a machine, and what they have to say.
#[derive(Default)]
pub struct Tracing {
    traces: Vec<Trace>,
    said: Said,
}

/// What traces have to say.
#[derive(Debug, Default)]
pub struct Said {
    /// Lines for the terminal.
    pub lines: Vec<String>,
    /// Lines for the printer.
    pub printed: Vec<String>,
    /// CP commands to issue.
    pub commands: Vec<String>,
}

impl Tracing {
    /// Most traces of a machine.
    pub const MAX: usize = 64;

    /// Whether nothing is traced.
    pub fn is_empty(&self) -> bool {
        self.traces.is_empty()
    }

    /// The traces.
    pub fn traces(&self) -> &[Trace] {
        &self.traces
    }

    /// One more. It takes the place of one with its name.
    pub fn add(&mut self, trace: Trace) {
        self.traces.retain(|known| known.id != trace.id);
        self.traces.push(trace);
    }

    /// TRACE END: all, or the one of that name. Those that ended.
    pub fn end(&mut self, id: Option<&str>) -> Vec<Trace> {
        self.traces.extract_if(.., |trace| id.is_none_or(|id| trace.id == id)).collect()
    }

    /// An instruction was seen. True when the machine stops.
    pub fn seen(&mut self, seen: &Seen, several: bool) -> bool {
        let (mut shown, mut printed, mut stops) = (false, false, false);
        for trace in self.traces.iter_mut().filter(|trace| trace.concerns(seen)) {
            if trace.event == Event::Count {
                trace.counted += 1;
            } else if trace.shows() {
                shown |= trace.shown != Shown::Printer;
                printed |= trace.shown != Shown::Terminal;
                stops |= trace.stops();
                self.said.commands.extend(trace.command.clone());
            }
        }
        if shown {
            self.said.lines.push(seen.line(several));
        }
        if printed {
            self.said.printed.push(seen.line(several));
        }
        stops
    }

    /// Ranges that are watched for stores.
    pub fn stores(&self) -> impl Iterator<Item = Range> {
        let whole = Range { first: 0, last: u64::MAX - 1 };
        self.traces.iter().filter(|trace| trace.event == Event::Store).map(move |trace| trace.range.unwrap_or(whole))
    }

    /// Whether a machine that comes back by itself at exceptions and I/O must also come back after each instruction.
    pub fn needs_steps(&self) -> bool {
        self.traces.iter().any(|trace| !matches!(trace.event, Event::Program | Event::Io | Event::External))
    }

    /// Lines that wait to be shown.
    pub fn waiting(&self) -> usize {
        self.said.lines.len() + self.said.printed.len()
    }

    /// Takes them, and the commands to issue.
    pub fn take(&mut self) -> Said {
        std::mem::take(&mut self.said)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(code: &[u8], next: u64) -> Seen {
        Seen { processor: 0, address: 0x1000, code: code.to_vec(), width: 64, next, what: What::Executed, io: None, stored: None }
    }

    #[test]
    fn lines_are_as_one_reads_code() {
        assert_eq!(seen(&[0xb8, 1, 0, 0, 0, 0x90], 0x1005).line(false), "-> 0000000000001000  mov eax,1                    B801000000");
        let jump = seen(&[0xeb, 0x0e], 0x1010);
        assert_eq!(jump.line(true), "00: -> 0000000000001000  jmp short 0000000000001010h  EB0E  -> 0000000000001010'");
        let fault = Seen { what: What::Exception { vector: 14, address: 0x4000 }, ..seen(&[0x90], 0x2000) };
        assert_eq!(fault.line(false), "*** 0000000000001000  PROG 0E -> 0000000000002000'  4000");
        assert_eq!(disassemble(0x10, &[0x90, 0xfa, 0xb8, 0], 64).len(), 2, "the last one is cut off");
    }

    #[test]
    fn traces_are_for_their_events_and_ranges() {
        let mut trace = Trace { range: Some(Range { first: 0x1000, last: 0x1003 }), ..Trace::new("1", Event::Instruction) };
        assert!(trace.concerns(&seen(&[0x90], 0x1001)));
        trace.range = Some(Range { first: 0x1001, last: 0x1003 });
        assert!(!trace.concerns(&seen(&[0x90], 0x1001)));
        let branch = Trace::new("2", Event::Branch);
        assert!(branch.concerns(&seen(&[0x74, 0x0e], 0x1010)) && !branch.concerns(&seen(&[0x74, 0x0e], 0x1002)), "taken or not");
        let into = Trace { range: Some(Range { first: 0x2000, last: 0x2fff }), ..branch };
        assert!(!into.concerns(&seen(&[0xeb, 0x0e], 0x1010)));
        let store = Trace { range: Some(Range { first: 0x5000, last: 0x5000 }), ..Trace::new("3", Event::Store) };
        assert!(store.concerns(&Seen { stored: Some(0x5000), ..seen(&[0x90], 0x1001) }) && !store.concerns(&seen(&[0x90], 0x1001)));
    }

    #[test]
    fn skip_pass_and_step_count() {
        let mut tracing = Tracing::default();
        tracing.add(Trace { skip: 2, pass: 1, step: 2, ..Trace::new("1", Event::Instruction) });
        let stops: Vec<_> = (0..8).map(|_| tracing.seen(&seen(&[0x90], 0x1001), false)).collect();
        // Shown are the 3rd, 5th and 7th.
        assert_eq!(stops, [false, false, false, false, true, false, false, false]);
        assert_eq!(tracing.take().lines.len(), 3);
        tracing.add(Trace { run: true, ..Trace::new("1", Event::Instruction) });
        assert!(!tracing.seen(&seen(&[0x90], 0x1001), false) && tracing.waiting() == 1);
        tracing.add(Trace { range: Range::parse("1000-1010"), ..Trace::new("N", Event::Count) });
        tracing.add(Trace { shown: Shown::Both, ..Trace::new("2", Event::Branch) });
        tracing.seen(&seen(&[0xeb, 0x0e], 0x1010), false);
        let said = tracing.take();
        assert_eq!((said.lines.len(), said.printed.len()), (2, 1), "a line for two traces is shown once");
        assert_eq!(tracing.end(Some("N"))[0].line(), "N        COUNT    1000-1010  1 INSTRUCTIONS");
        assert_eq!(tracing.end(Some("2")).len(), 1);
        assert_eq!((tracing.end(Some("2")).len(), tracing.end(Some("1")).len(), tracing.is_empty()), (0, 1, true));
    }
}
