//! A PC machine: storage of its own, the board of a PC, and virtual processors of the software processor in turns.
//!
//! [`Pc`] is plain state that belongs to one [`crate::machine::Machine`] and knows no user, no console and no clock of the host: [`Pc::run`] executes so many
//! instructions and says what it came to. `slice` is what a dispatcher thread does with it, `load` what IPL does, `disk` how minidisks are its disks, `unit_record` how
//! spool devices are its ports, `terminal` and `screen` what its console shows.
//!
//! **Time.** The machine's clock is the count of instructions of its processors, 32 ns each; every device goes by it. While all processors are halted it stands, until
//! whoever runs the machine says how much has passed ([`Pc::skip`]): as much as the host's clock, and not beyond the next event. So a halt lasts in the machine as long as
//! outside, what it computes takes a time that depends on nothing but the instructions, and a stopped machine's time stands.

mod alone;
mod bus;
mod disk;
mod kvm;
mod load;
mod records;
mod screen;
mod slice;
mod storage;
mod terminal;
mod unit_record;

use pc_platform::{Board, Settings, Signal, Storage};
use soft_processor::{Cpu, Exit, Memory, NotStorage, Region};

use crate::debug::points::{Points, Stop};
use crate::processor::kvm::PartitionError;
use crate::workers::Alarm;
use bus::{Bus, Devices, NANOSECONDS};
use kvm::OnKvm;
pub(crate) use load::image_of;
pub use load::{LoadError, Origin, What, ipl};
use screen::Painter;
use storage::Promise;
pub use storage::Promised;
use terminal::Terminal;

/// Least and most storage of a PC machine.
const STORAGE: std::ops::RangeInclusive<u64> = 1 << 20..=pc_platform::memory_map::STORAGE_MAX;
/// Instructions that one processor executes before the next one does, when there are several: what one stores, another waits for no longer.
const TURN: u64 = 2000;
/// Instructions that a single processor executes at most before devices are looked at: a millisecond of the machine.
const LOOK: u64 = 1_000_000 / NANOSECONDS;
/// Silence, in instructions, after which an unfinished line that looks like a prompt is taken for one: 20 ms of the machine.
const PROMPT_SILENCE: u64 = 20_000_000 / NANOSECONDS;
/// The same for one that does not: 3 seconds. Programs also write what they are at.
const LINE_SILENCE: u64 = 3_000_000_000 / NANOSECONDS;
/// Silence after which a machine that has nothing to do, and wrote no prompt, is taken to wait for a line: 30 seconds. A program that sleeps looks just the same.
const IDLE_SILENCE: u64 = 30_000_000_000 / NANOSECONDS;

/// The reason of an end that is a power-off.
pub const SWITCHED_OFF: &str = "the guest switched the machine off";
/// How it begins when the guest ended with an exit code, which follows.
pub const EXIT_CODE: &str = "the guest ended with exit code ";
/// How the reason of an end begins that is a triple fault.
pub const TRIPLE_FAULT: &str = "triple fault";
/// How it begins when all processors are halted with interrupts disabled.
pub const DISABLED_WAIT: &str = "disabled wait";

/// What running a machine came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Turn {
    /// The instructions are executed, or there is something to show.
    Ran,
    /// All processors are halted; something happens by itself in so many nanoseconds, or only when somebody types.
    Halted(Option<u64>),
    /// A disk is waited for.
    Disk,
    /// It cannot go on by itself, and why.
    Ended(String),
    /// The guest reset it: it is to be loaded again.
    Reset,
    /// It has come to one of its [`Points`].
    Stopped(Stop),
}

/// The machine.
pub struct Pc {
    // The memory may be a mapping that `kvm` owns: it is dropped first.
    memory: Memory,
    /// Its first processor is a vCPU of KVM.
    kvm: Option<OnKvm>,
    processors: Vec<Cpu>,
    /// Whose turn it is.
    next: usize,
    devices: Devices,
    /// The clock: instructions so far, and halts in their measure.
    now: u64,
    /// Instructions that its processors executed, and how many those were when it last wrote to the console.
    executed: u64,
    executed_at_output: u64,
    terminal: Terminal,
    /// When it last wrote to the console.
    wrote_at: u64,
    /// The same of its second serial line, for whoever is dialed to it.
    line: Terminal,
    line_wrote_at: u64,
    /// Since when it is halted, on the host's clock, and up to when in its own.
    halted: Option<Halt>,
    /// Where it stops, for whoever looks.
    pub(crate) points: Points,
    /// Ends the halt.
    alarm: Option<Alarm>,
    /// Alarms so far, so that each ends its own halt and no later one.
    alarms: u64,
    /// Its text screen is what the console shows (TERMINAL CONMODE 3270).
    painter: Option<Painter>,
    /// When the console last got it; none while it shows lines.
    painted: Option<std::time::Instant>,
    /// What it was loaded from.
    origin: Option<Origin>,
    /// What it may have of the host's memory.
    _promise: Option<Promise>,
}

/// A halt in progress.
#[derive(Clone, Copy)]
struct Halt {
    since: std::time::Instant,
    /// Nanoseconds to the next event; `None` is without end.
    length: Option<u64>,
}

/// Storage as the board sees it.
struct Reached<'a>(&'a Memory);

impl Storage for Reached<'_> {
    fn load(&self, address: u64, bytes: &mut [u8]) -> bool {
        self.0.read(address, bytes).is_ok()
    }

    fn store(&self, address: u64, bytes: &[u8]) -> bool {
        self.0.write(address, bytes).is_ok()
    }
}

/// A typed line as bytes of a serial line.
fn typed(line: &str) -> Vec<u8> {
    match line.as_bytes() {
        [b'^', letter @ b'@'..=b'_'] => vec![letter & 0x1f],
        [b'^', b'[', sequence @ ..] => [b"\x1b", sequence].concat(),
        line => [line, b"\r"].concat(),
    }
}

impl Pc {
    /// A machine after power-on, with storage of zeros.
    pub(crate) fn new(settings: Settings) -> Self {
        let memory = Memory::new(vec![Region::owned(0, settings.storage)]).expect("one region of whole pages");
        Self::with_memory(settings, memory, None)
    }

    /// The same with one processor, which is KVM's; a `portable` one has no features that the software processor has not.
    fn on_kvm(settings: Settings, portable: bool) -> Result<Self, PartitionError> {
        let (kvm, memory) = OnKvm::new(settings.storage, portable)?;
        Ok(Self::with_memory(settings, memory, Some(kvm)))
    }

    fn with_memory(settings: Settings, memory: Memory, kvm: Option<OnKvm>) -> Self {
        let processors = (0..settings.processors).map(Cpu::new).collect();
        Self {
            memory,
            kvm,
            processors,
            next: 0,
            devices: Devices::new(Board::new(settings)),
            now: 0,
            executed: 0,
            executed_at_output: 0,
            terminal: Terminal::default(),
            wrote_at: 0,
            line: Terminal::default(),
            line_wrote_at: 0,
            halted: None,
            points: Points::default(),
            alarm: None,
            alarms: 0,
            painter: None,
            painted: None,
            origin: None,
            _promise: None,
        }
    }

    fn board(&mut self) -> &mut Board {
        &mut self.devices.board
    }

    /// Executes about so many instructions on each processor.
    pub fn run(&mut self, instructions: u64) -> Turn {
        let turn = self.execute(instructions);
        self.note_output();
        turn
    }

    fn execute(&mut self, instructions: u64) -> Turn {
        // A machine on KVM that is to stop somewhere runs in software meanwhile: the state and the storage are the same.
        if self.kvm.is_some() && self.points.is_empty() {
            return self.execute_on_kvm();
        }
        let end = self.now + instructions;
        while self.now < end {
            if let Some(turn) = self.attend() {
                return turn;
            }
            let turn = if self.processors.len() == 1 { LOOK } else { TURN };
            let before = self.now;
            let budget = turn.min(end - self.now).min(self.until_event().unwrap_or(u64::MAX)).max(1);
            let mut halted = 0;
            let mut furthest = before;
            for step in 0..self.processors.len() {
                let number = (self.next + step) % self.processors.len();
                if let Some(stop) = self.stops_before(number) {
                    self.next = number;
                    self.now = furthest;
                    return Turn::Stopped(stop);
                }
                let processor = &mut self.processors[number];
                processor.set_now(before);
                let mut bus = Bus { devices: &mut self.devices, until: before + budget };
                let exit = processor.run(&self.memory, &mut bus, budget);
                self.executed += processor.now() - before;
                match exit {
                    Exit::Halt => {
                        halted += 1;
                        furthest = furthest.max(processor.now());
                    }
                    Exit::Shutdown => return self.triple_fault(number),
                    Exit::Budget => furthest = before + budget,
                    Exit::Leave => {
                        furthest = furthest.max(processor.now());
                        if self.devices.board.wants_out() {
                            self.next = (number + 1) % self.processors.len();
                            break;
                        }
                    }
                    exit => {
                        if let Some(stop) = self.stop_of(number, exit) {
                            self.now = furthest.max(self.processors[number].now());
                            self.next = (number + 1) % self.processors.len();
                            return Turn::Stopped(stop);
                        }
                    }
                }
            }
            self.now = furthest;
            if halted == self.processors.len() {
                return self.idle();
            }
        }
        Turn::Ran
    }

    /// Whether only another processor can end the halt of this one.
    pub(crate) fn depends_on_others(&self, number: usize) -> bool {
        self.processors.len() > 1 && !self.processors[number].interrupts_enabled()
    }

    /// One instruction of one processor: why it came back, and the interrupt that was taken instead of it.
    pub(crate) fn run_one(&mut self, number: usize) -> (Exit, Option<u8>) {
        self.until_event();
        let processor = &mut self.processors[number];
        processor.set_now(self.now);
        self.devices.acknowledged = None;
        let mut bus = Bus { devices: &mut self.devices, until: self.now + 1 };
        let exit = processor.run(&self.memory, &mut bus, 1);
        let executed = processor.now() - self.now;
        self.executed += executed;
        self.now += executed;
        (exit, self.devices.acknowledged.take())
    }

    /// The same for a trace, which sees exceptions before they are delivered: then nothing was executed.
    pub(crate) fn one(&mut self, number: usize, intercept: bool) -> Result<(Exit, Option<u8>), Turn> {
        if let Some(turn) = self.attend().filter(|turn| *turn != Turn::Ran) {
            return Err(turn);
        }
        self.processors[number].intercept_exceptions(intercept);
        let (now, executed) = (self.now, self.executed);
        let came = self.run_one(number);
        self.processors[number].intercept_exceptions(false);
        if matches!(came.0, Exit::Exception(_)) {
            (self.now, self.executed) = (now, executed);
        }
        Ok(came)
    }

    /// The end of a machine whose processor can take no exception any more.
    pub(crate) fn triple_fault(&self, number: usize) -> Turn {
        Turn::Ended(self.shown(number, TRIPLE_FAULT))
    }

    /// The number of the processor whose turn it is; the next one has the next.
    pub(crate) fn turn_over(&mut self) -> usize {
        let number = self.next % self.processors.len();
        self.next = (number + 1) % self.processors.len();
        number
    }

    /// The processors, for whoever looks.
    pub(crate) fn processors_mut(&mut self) -> &mut [Cpu] {
        &mut self.processors
    }

    /// One of them; the last for a number that is too high.
    pub(crate) fn processor(&self, number: usize) -> &Cpu {
        &self.processors[number.min(self.processors.len() - 1)]
    }

    /// Its storage.
    pub(crate) fn storage(&self) -> &Memory {
        &self.memory
    }

    /// Instructions to the next event of the board.
    fn until_event(&mut self) -> Option<u64> {
        self.devices.board.advance(self.now * NANOSECONDS);
        self.devices.board.next_event().map(|due| due.div_ceil(NANOSECONDS).saturating_sub(self.now))
    }

    pub(crate) fn idle(&mut self) -> Turn {
        let length = self.until_event().map(|instructions| instructions * NANOSECONDS);
        // One that waits for start-up has them disabled.
        if !self.processors.iter().any(Cpu::interrupts_enabled) {
            return Turn::Ended(self.shown(0, DISABLED_WAIT));
        }
        // What has come due since they halted is over for the board's clock: nothing else would end this halt.
        let interrupted = |number: usize| self.devices.interrupt_pending(number) && self.processors[number].interrupts_enabled();
        if (0..self.processors.len()).any(interrupted) {
            return Turn::Ran;
        }
        Turn::Halted(length)
    }

    /// What the board wants done before anything runs; the answer ends the run.
    pub(crate) fn attend(&mut self) -> Option<Turn> {
        while let Some(signal) = self.devices.board.take_signal() {
            match signal {
                Signal::Init(number) => self.processors[number].init(),
                Signal::StartUp(number, vector) => self.processors[number].start_up(vector),
                Signal::Reset | Signal::Reload => return Some(Turn::Reset),
                Signal::PowerOff => return Some(Turn::Ended(SWITCHED_OFF.to_string())),
                Signal::Exit(code) => return Some(Turn::Ended(format!("{EXIT_CODE}{code}"))),
                Signal::Stuck(why) => return Some(Turn::Ended(why)),
            }
        }
        match &self.devices.board {
            board if board.waits_for_disk() => Some(Turn::Disk),
            board => board.wants_out().then_some(Turn::Ran),
        }
    }

    /// Time passes while all processors are halted.
    pub fn skip(&mut self, nanoseconds: u64) {
        self.now += nanoseconds.div_ceil(NANOSECONDS);
        let now = self.now * NANOSECONDS;
        self.board().advance(now);
    }

    /// The end of a halt by the host's clock: the time that passed, and not beyond what was waited for, unless that has come.
    fn resume(&mut self, is_over: bool) {
        let Some(halt) = self.halted.take() else { return };
        let passed = halt.since.elapsed().as_nanos() as u64;
        let passed = match halt.length {
            Some(length) if is_over => length,
            Some(length) => passed.min(length),
            None => passed,
        };
        self.skip(passed);
    }

    pub(crate) fn note_output(&mut self) {
        let bytes = self.board().take_output();
        if !bytes.is_empty() {
            (self.wrote_at, self.executed_at_output) = (self.now, self.executed);
            self.terminal.take(&bytes);
        }
        let bytes = self.board().take_line_output();
        if !bytes.is_empty() {
            self.line_wrote_at = self.now;
            self.line.take(&bytes);
        }
    }

    /// Whether it waits for a line, as far as that can be told from outside: everything typed was read, and it is silent behind a prompt, or nothing will ever happen by
    /// itself. Without a prompt, a program that sleeps and one that reads look the same, so that is only believed after a long silence. Once it is known, it holds until
    /// something is written or typed.
    pub fn reads(&self) -> bool {
        self.painted.is_none() && self.devices.board.is_input_read() && self.silence_missing() == Some(0)
    }

    /// How much more silence, in instructions, makes it wait for a line; `None` is never.
    fn silence_missing(&self) -> Option<u64> {
        self.silence_missing_of(&self.terminal, self.wrote_at)
    }

    /// The same of its second serial line, for whoever is dialed to it.
    fn line_silence_missing(&self) -> Option<u64> {
        self.silence_missing_of(&self.line, self.line_wrote_at)
    }

    fn silence_missing_of(&self, terminal: &Terminal, wrote_at: u64) -> Option<u64> {
        let passed = |halt: &Halt| halt.since.elapsed().as_nanos() as u64 / NANOSECONDS;
        let silence = self.now - wrote_at + self.halted.as_ref().map_or(0, passed);
        let needed = match self.halted {
            // It may wake for a moment: a script must not take that for the end of one read and the beginning of another.
            _ if terminal.awaits_line() => 0,
            Some(Halt { length: None, .. }) => 0,
            Some(_) if terminal.has_usual_prompt() => 0,
            None if terminal.has_usual_prompt() => PROMPT_SILENCE,
            _ if terminal.has_prompt() => LINE_SILENCE,
            Some(_) => IDLE_SILENCE,
            None => return None,
        };
        Some(needed.saturating_sub(silence))
    }

    /// TERMINAL CONMODE: the console shows the text screen, or lines.
    pub fn show_screen(&mut self, on: bool) {
        self.painter = on.then(Painter::default);
        if !on {
            self.painted = None;
        }
    }

    /// A key was pressed at the terminal that shows its screen.
    pub fn screen_key(&mut self, inbound: &console::presentation::inbound::Inbound) {
        let Some(painter) = &mut self.painter else { return };
        if let screen::Pressed::Keys(text, function) = painter.pressed(inbound) {
            let board = self.board();
            board.type_keys(&text);
            if let Some(number) = function {
                board.press_function_key(number);
            }
        }
        self.resume(false);
    }

    /// Keys of a terminal that shows its screen, as the terminal sends them.
    pub fn keys_typed(&mut self, bytes: &[u8]) {
        if self.painter.is_some() {
            self.board().type_terminal(bytes);
            self.resume(false);
        }
    }

    /// Whether whoever is dialed to its second serial line is waited for.
    fn reads_line(&self) -> bool {
        self.devices.board.is_line_read() && self.line_silence_missing() == Some(0)
    }

    /// Whether somebody may dial its second serial line: the guest has it open.
    pub fn line_is_open(&self) -> bool {
        self.devices.board.line_is_open()
    }

    /// Somebody is dialed to that line, or no more.
    fn connect_line(&mut self, connected: bool) {
        self.line = Terminal::default();
        self.board().connect_line(connected);
        self.resume(false);
    }

    /// Somebody who is dialed to it typed a line, as at the console.
    fn type_on_line(&mut self, line: &str) -> bool {
        let bytes = typed(line);
        let taken = self.board().type_on_line(&bytes);
        self.line.expect_echo(&bytes[..taken]);
        self.resume(false);
        taken == bytes.len()
    }

    /// Somebody typed a line. `^C` and the like alone are that control character, `^[[A` and the like a control sequence, without an end of line. False when it cannot be taken.
    pub fn type_line(&mut self, line: &str) -> bool {
        let bytes = typed(line);
        let taken = self.board().type_input(&bytes);
        self.terminal.expect_echo(&bytes[..taken]);
        self.resume(false);
        taken == bytes.len()
    }

    /// Loads bytes from its storage.
    pub fn read(&self, address: u64, bytes: &mut [u8]) -> Result<(), NotStorage> {
        self.memory.read(address, bytes)
    }

    /// Stores bytes into its storage.
    pub fn write(&self, address: u64, bytes: &[u8]) -> Result<(), NotStorage> {
        self.memory.write(address, bytes)
    }

    /// General registers, instruction address and flags of the first processor.
    pub fn registers(&self) -> ([u64; 16], u64, u64) {
        let state = self.processors[0].state();
        (state.general, state.rip, state.rflags)
    }

    /// The first processor goes on at another address.
    pub fn go_on_at(&mut self, address: u64) {
        let mut state = self.processors[0].state();
        state.rip = address;
        state.halted = false;
        self.processors[0].set_state(&state);
    }

    /// Instructions that its processors executed in software, and how many of them when it last wrote to the console.
    pub fn executed(&self) -> Option<(u64, u64)> {
        self.kvm.is_none().then_some((self.executed, self.executed_at_output))
    }

    /// Virtual processors.
    pub fn processors(&self) -> usize {
        self.processors.len()
    }

    /// What happened to a processor, and where.
    pub(crate) fn shown(&self, number: usize, what: &str) -> String {
        let state = self.processors[number].state();
        let code = state.segments[soft_processor::State::CS];
        format!("{what}, processor {number} at {:04X}:{:016X} CR0 {:08X} CR3 {:X}", code.selector, state.rip, state.cr0, state.cr3)
    }

    /// SYSTEM RESET: devices and processors as after power-on; storage is kept.
    pub fn reset(&mut self) {
        self.board().reset();
        self.processors.iter_mut().for_each(Cpu::reset);
        self.devices.held = None;
        self.halted = None;
        self.terminal = Terminal::default();
        self.line = Terminal::default();
        self.alarms += 1;
    }
}

#[cfg(test)]
mod tests;
