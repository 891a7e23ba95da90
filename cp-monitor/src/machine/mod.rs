//! One virtual machine: its storage, its processor state, what it waits for and which interruptions are pending.
//!
//! A [`Machine`] is plain state owned by value. Whoever holds its lock (a dispatcher thread for a slice, or a command for a
//! moment) is the only one who touches it. It knows no console, no device and no disk: those are its user's
//! ([`crate::users::User`]), and DIAGNOSE (in [`diagnose`]) joins the two.

pub mod diagnose;
mod interruption;
mod page_wait;
mod run;

use std::collections::VecDeque;
use std::sync::Arc;

use abi::{PAGE, Psw, mask};
use console::presentation::Size;
use console::presentation::inbound::Inbound;

use crate::debug::points::Stepping;
use crate::debug::trace::Tracing;
use crate::pc::{Pc, Turn};
use crate::processor::Context;
use crate::storage::{AccessError, AddressSpace, SavedSystem, StorageError};

use diagnose::Lists;
use interruption::ListEnded;
pub use interruption::ProgramCheck;
pub use page_wait::{Bring, Missing};
use page_wait::{Owed, PageWait};

/// Where IPL leaves the PARM text in the machine's storage.
const PARM_ADDRESS: u64 = 0x800;
/// Longest PARM text, in bytes.
pub const PARM_MAX: usize = 240;
/// Any address of a screen is on this one.
const LARGEST: Size = Size { rows: 128, columns: 128 };
/// Lines a person may type ahead of the machine; more are not accepted.
const TYPED_AHEAD_MAX: usize = 64;

/// What keeps a machine from running.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wait {
    /// A console read is up (VM READ): where the line goes.
    ConsoleRead {
        /// Storage address of the guest's buffer.
        buffer: u64,
        /// Its length in bytes.
        length: u64,
        /// The line is a secret.
        hidden: bool,
    },
    /// It reads a full screen and no key was pressed: where what was typed goes.
    ScreenRead {
        /// Storage address of the guest's buffer.
        buffer: u64,
        /// Its length in bytes.
        length: u64,
    },
    /// A worker carries out its DIAGNOSE.
    Worker,
    /// It loaded a PSW with the wait bit.
    Psw,
    /// All processors of a PC machine are halted.
    Halted,
    /// A PC machine waits for its disk.
    Disk,
}

/// Interruptions that wait until the machine is enabled for them.
#[derive(Default)]
struct Pending {
    attention: bool,
    external: Option<u32>,
    lists: VecDeque<ListEnded>,
}

/// The state of one virtual machine.
pub struct Machine {
    /// General registers, PSW address and vector state.
    pub context: Context,
    /// Its storage.
    pub space: AddressSpace,
    /// A program interruption that is to be reflected next.
    check: Option<ProgramCheck>,
    /// Enabled classes of [`abi::mask`].
    mask: u32,
    pending: Pending,
    wait: Option<Wait>,
    /// It waits for a page, whatever else it waits for.
    page_wait: Option<PageWait>,
    /// The end of a DIAGNOSE that waits for a page to be stored into.
    owed: Option<Owed>,
    /// The device that the last DIAGNOSE a worker carries out is about.
    device: Option<u16>,
    /// In CP mode: stopped until BEGIN or IPL.
    stopped: bool,
    /// What was IPLed.
    system: Option<String>,
    /// The saved system, until it first waits for a line: by then it has written what every machine of it writes.
    starting: Option<Arc<SavedSystem>>,
    typed: VecDeque<String>,
    /// Its block I/O that is under way while it goes on.
    lists: Arc<Lists>,
    /// What a PC machine consists of, once something was IPLed in it. Its storage and processors are in there, not in `space` and `context`.
    pc: Option<Box<Pc>>,
    /// What is traced of it. Kept over IPL.
    pub tracing: Tracing,
    /// Where a CMS machine stops.
    pub(crate) stepping: Stepping,
    /// Counts resets, so that a worker that answers after one is not believed.
    generation: u64,
}

/// Why IPL did not happen.
#[derive(Debug, thiserror::Error)]
pub enum IplError {
    /// The saved system does not fit into the machine.
    #[error("Virtual storage is too small for {0}")]
    TooSmall(String),
    /// Real storage has run out, or the like.
    #[error("Storage of the machine cannot be prepared: {0}")]
    Storage(#[from] StorageError),
    /// The PARM text cannot be stored.
    #[error("Storage of the machine cannot be written: {0:?}")]
    Access(AccessError),
}

impl IplError {
    /// Frames were short: the IPL may succeed when some were made.
    pub fn is_short_of_frames(&self) -> bool {
        match self {
            Self::Storage(error) => matches!(error, StorageError::NoFrames),
            Self::Access(error) => Missing::of(*error, true).is_some(),
            Self::TooSmall(_) => false,
        }
    }
}

impl Machine {
    /// A machine with cleared storage that nothing is IPLed in.
    pub fn new(space: AddressSpace) -> Self {
        Self {
            context: Context::new(),
            space,
            check: None,
            mask: 0,
            pending: Pending::default(),
            wait: None,
            page_wait: None,
            owed: None,
            device: None,
            stopped: true,
            system: None,
            starting: None,
            typed: VecDeque::new(),
            lists: Arc::default(),
            pc: None,
            tracing: Tracing::default(),
            stepping: Stepping::default(),
            generation: 0,
        }
    }

    /// Whether a processor can do anything for it.
    pub fn is_ready(&self) -> bool {
        self.system.is_some() && !self.stopped && self.wait.is_none() && self.page_wait.is_none()
    }

    /// What it waits for.
    pub fn wait(&self) -> Option<Wait> {
        self.wait
    }

    /// The device whose I/O it waits for.
    pub fn device_waited_for(&self) -> Option<u16> {
        self.device.filter(|_| self.wait == Some(Wait::Worker))
    }

    /// Whether it is in CP mode.
    pub fn is_stopped(&self) -> bool {
        self.stopped
    }

    /// The system that was IPLed.
    pub fn system(&self) -> Option<&str> {
        self.system.as_deref()
    }

    /// Enabled interruption classes.
    pub fn mask(&self) -> u32 {
        self.mask
    }

    /// Which life of the machine this is; see [`Machine::complete`].
    pub fn generation(&self) -> u64 {
        self.generation
    }

    /// The PC machine, when something was IPLed in one.
    pub fn pc(&self) -> Option<&Pc> {
        self.pc.as_deref()
    }

    /// The same, to be changed.
    pub fn pc_mut(&mut self) -> Option<&mut Pc> {
        self.pc.as_deref_mut()
    }

    /// A PC machine that is traced, or is to make a step, runs in software; nothing happens when it is neither.
    pub(crate) fn run_pc_in_steps(&mut self, instructions: u64) -> Option<Turn> {
        let pc = self.pc.as_deref_mut()?;
        if let Some(number) = self.stepping.step() {
            let turn = pc.step(number);
            if matches!(turn, Turn::Stopped(_)) {
                self.forget_step();
            }
            return Some(turn);
        }
        (!self.tracing.is_empty()).then(|| pc.run_traced(instructions, &mut self.tracing))
    }

    /// A PC machine waits.
    pub(crate) fn wait_for(&mut self, wait: Wait) {
        self.wait = Some(wait);
    }

    /// A wait is over, if that is what the machine waits for.
    pub(crate) fn end_wait(&mut self, wait: Wait) {
        self.wait.take_if(|waits| *waits == wait);
    }

    /// IPL of a PC machine: the one before it is gone, with its storage.
    pub(crate) fn ipl_pc(&mut self, pc: Pc, name: &str) -> Result<(), StorageError> {
        // Whoever looks at the machine goes on looking.
        let points = self.pc.as_ref().map(|old| old.points.clone()).unwrap_or_default();
        self.clear()?;
        let mut pc = pc;
        pc.set_points(points);
        self.pc = Some(Box::new(pc));
        self.system = Some(name.to_string());
        self.stopped = false;
        Ok(())
    }

    /// SYSTEM RESET: no system, nothing pending, storage kept.
    pub fn reset(&mut self) {
        if let Some(pc) = &mut self.pc {
            pc.reset();
        }
        self.context.reset();
        self.check = None;
        self.mask = 0;
        self.pending = Pending::default();
        self.wait = None;
        self.page_wait = None;
        self.owed = None;
        self.stopped = true;
        self.system = None;
        self.starting = None;
        self.typed.clear();
        self.forget_step();
        std::mem::take(&mut self.lists).close();
        self.generation += 1;
    }

    /// SYSTEM CLEAR: reset, and all storage reads as zero.
    pub fn clear(&mut self) -> Result<(), StorageError> {
        self.reset();
        self.pc = None;
        self.space.clear()
    }

    /// IPLs a saved system with PARM text; the machine is then ready to run.
    pub fn ipl(&mut self, system: &Arc<SavedSystem>, name: &str, parm: &str) -> Result<(), IplError> {
        if system.end() + PAGE > self.space.size() {
            return Err(IplError::TooSmall(name.to_string()));
        }
        self.clear()?;
        self.space.map_saved_system(system)?;
        let parm = &parm.as_bytes()[..parm.len().min(PARM_MAX)];
        self.space.write(PARM_ADDRESS, parm).map_err(IplError::Access)?;
        let registers = &mut self.context.registers;
        registers.rip = system.entry();
        registers.rflags = 2;
        registers.general[7] = PARM_ADDRESS;
        registers.general[6] = parm.len() as u64;
        self.system = Some(name.to_string());
        self.starting = Some(Arc::clone(system));
        self.stopped = false;
        Ok(())
    }

    /// Enters CP mode.
    pub fn stop(&mut self) {
        self.stopped = true;
    }

    /// BEGIN: leaves CP mode, at another address when one is given. False when nothing is IPLed.
    pub fn begin(&mut self, address: Option<u64>) -> bool {
        if self.system.is_none() {
            return false;
        }
        if let Some(address) = address {
            self.go_on_at(address);
        }
        self.stopped = false;
        true
    }

    /// Another instruction address (BEGIN, STORE PSW): what the machine waited for at the old one it waits for no more, but for a worker,
    /// who may still store into it.
    pub fn go_on_at(&mut self, address: u64) {
        if let Some(pc) = &mut self.pc {
            pc.go_on_at(address);
            return self.end_wait(Wait::Halted);
        }
        self.context.registers.rip = address;
        if self.wait != Some(Wait::Worker) {
            self.wait = None;
        }
    }

    /// Why the machine cannot go on by itself: it waits and is enabled for nothing.
    pub fn disabled_wait(&self) -> Option<String> {
        let disabled = self.wait == Some(Wait::Psw) && self.mask == 0 && self.check.is_none();
        let address = self.context.registers.rip;
        disabled.then(|| format!("HCPGIR450W CP entered; disabled wait PSW {:08X} {address:016X}", mask::WAIT))
    }

    /// A line was typed. It satisfies the read that is up, or is stacked and the machine gets its attention.
    /// False when too many lines are stacked already (NOT ACCEPTED).
    pub fn line_typed(&mut self, line: String) -> bool {
        if let Some(pc) = &mut self.pc {
            let taken = pc.type_line(&line);
            self.end_wait(Wait::Halted);
            return taken;
        }
        if let Some(Wait::ConsoleRead { buffer, length, .. }) = self.wait {
            self.wait = None;
            self.give_line(buffer, length, &line);
            return true;
        }
        if self.typed.len() >= TYPED_AHEAD_MAX {
            return false;
        }
        self.typed.push_back(line);
        self.pending.attention = true;
        self.end_enabled_wait();
        true
    }

    /// A key was pressed on its full screen. It satisfies the read that is up, with what `read` answers, or the machine gets its attention.
    pub fn key_pressed(&mut self, read: impl FnOnce() -> Option<Vec<u8>>) {
        if let Some(pc) = &mut self.pc {
            if let Some(inbound) = read().and_then(|data| Inbound::parse(&data, LARGEST).ok()) {
                pc.screen_key(&inbound);
                self.end_wait(Wait::Halted);
            }
            return;
        }
        if let Some(Wait::ScreenRead { buffer, length }) = self.wait {
            let Some(data) = read() else { return };
            self.wait = None;
            self.give_screen(buffer, length, data);
            return;
        }
        self.pending.attention = true;
        self.end_enabled_wait();
    }

    /// Keys of a terminal that shows the text screen of a PC machine, as it sends them.
    pub fn keys_typed(&mut self, bytes: &[u8]) {
        if let Some(pc) = &mut self.pc {
            pc.keys_typed(bytes);
            self.end_wait(Wait::Halted);
        }
    }

    /// EXTERNAL: an external interruption with that code becomes pending.
    pub fn external(&mut self, code: u32) {
        self.pending.external = Some(code);
        self.end_enabled_wait();
    }

    /// A list of block I/O has ended. Ignored when the machine was reset since it began.
    fn list_ended(&mut self, lists: &Arc<Lists>, ended: ListEnded) {
        if Arc::ptr_eq(lists, &self.lists) {
            self.pending.lists.push_back(ended);
            self.end_enabled_wait();
        }
    }

    /// Lines that were typed and that it has not read.
    pub(crate) fn lines_unread(&self) -> usize {
        self.typed.len()
    }

    /// Lists of block I/O whose end it has not been told.
    pub(crate) fn lists_under_way(&self) -> usize {
        self.lists.under_way() + self.pending.lists.len()
    }

    /// The machine waits for a worker; the answer is for [`Machine::complete`].
    fn wait_for_worker(&mut self, device: Option<u16>) -> u64 {
        self.wait = Some(Wait::Worker);
        self.device = device;
        self.generation
    }

    /// Ends a worker's DIAGNOSE: `stores` go to storage, RAX and RDX are set. Ignored when the machine was reset since.
    pub fn complete(&mut self, generation: u64, status: u64, value: u64, stores: &[(u64, Vec<u8>)]) {
        if generation != self.generation || self.wait != Some(Wait::Worker) {
            return;
        }
        self.wait = None;
        self.finish(status, value, stores);
    }

    /// The end of a DIAGNOSE: storage and result registers. What must wait for a page is owed.
    fn finish(&mut self, status: u64, value: u64, stores: &[(u64, Vec<u8>)]) {
        for (number, (address, bytes)) in stores.iter().enumerate() {
            let Err(error) = self.space.write(*address, bytes) else { continue };
            match Missing::of(error, true) {
                Some(missing) => {
                    let stores = stores[number..].to_vec();
                    let hold = self.space.storage().hold(stores.iter().map(|(_, bytes)| bytes.len() as u64).sum());
                    self.owed = Some(Owed { status, value, stores, hold });
                    self.wait_for_page(missing);
                }
                None => self.program_check(ProgramCheck::access(*address, error)),
            }
            return;
        }
        self.set_result(status, value);
    }

    /// A console read without a line: the machine waits in VM READ.
    fn wait_for_line(&mut self, buffer: u64, length: u64, hidden: bool) {
        self.wait = Some(Wait::ConsoleRead { buffer, length, hidden });
        if let Some(system) = self.starting.take() {
            system.close_write_set();
        }
    }

    /// A read of the screen without a key: the machine waits for one.
    fn wait_for_key(&mut self, buffer: u64, length: u64) {
        self.wait = Some(Wait::ScreenRead { buffer, length });
    }

    /// Stores what a read of the screen answers, as much as the buffer holds.
    fn give_screen(&mut self, buffer: u64, length: u64, mut data: Vec<u8>) {
        let whole = data.len() as u64;
        data.truncate(usize::try_from(length).unwrap_or(usize::MAX));
        self.finish(0, whole, &[(buffer, data)]);
    }

    fn set_result(&mut self, status: u64, value: u64) {
        self.context.registers.general[0] = status;
        self.context.registers.general[2] = value;
    }

    /// Stores a typed line and answers the console read with it.
    fn give_line(&mut self, buffer: u64, length: u64, line: &str) {
        let bytes = line.as_bytes()[..line.len().min(length as usize)].to_vec();
        self.finish(0, bytes.len() as u64, &[(buffer, bytes)]);
    }

    /// Loads a PSW. It may be a disabled wait: see [`Machine::disabled_wait`].
    fn load_psw(&mut self, psw: Psw) {
        let registers = &mut self.context.registers;
        registers.rip = psw.address;
        registers.general[4] = psw.stack;
        registers.rflags = interruption::allowed_flags(psw.flags);
        self.mask = psw.mask & (mask::EXTERNAL | mask::IO | mask::ATTENTION);
        if psw.mask & mask::WAIT != 0 {
            self.wait = Some(Wait::Psw);
            self.end_enabled_wait();
        }
    }
}

#[cfg(test)]
mod tests {
    use abi::{LOW_STORAGE, LowStorage, program};
    use zerocopy::{FromBytes, IntoBytes};

    use super::*;
    use crate::storage::Storage;

    const SIZE: u64 = 1 << 20;

    /// A machine that runs at X'1000' with new PSWs for every class.
    fn machine() -> Machine {
        let storage = Storage::new(1024).expect("real storage");
        let mut machine = Machine::new(AddressSpace::new(&storage, SIZE).expect("a machine's storage"));
        let psw = |address| Psw { address, stack: 0x8000, flags: 0, mask: 0 };
        let low = LowStorage { program_new: psw(0x2000), external_new: psw(0x3000), attention_new: psw(0x4000), ..LowStorage::default() };
        machine.space.write(LOW_STORAGE, low.as_bytes()).unwrap();
        machine.context.registers.rip = 0x1000;
        machine.system = Some("TEST".to_string());
        machine.stopped = false;
        machine
    }

    fn low(machine: &mut Machine) -> LowStorage {
        let mut bytes = [0; size_of::<LowStorage>()];
        machine.space.read(LOW_STORAGE, &mut bytes).unwrap();
        LowStorage::read_from_bytes(&bytes).unwrap()
    }

    #[test]
    fn a_program_interruption_swaps_psws_and_tells_why() {
        let mut machine = machine();
        machine.context.registers.general[9] = 99;
        machine.program_check(ProgramCheck { code: program::PROTECTION, vector: 14, address: 0x5008 });
        machine.take_interruption().unwrap();
        assert_eq!(machine.context.registers.rip, 0x2000);
        let low = low(&mut machine);
        assert_eq!((low.program_code, low.program_vector, low.program_address), (program::PROTECTION, 14, 0x5008));
        assert_eq!((low.program_old.psw.address, low.program_old.registers[9]), (0x1000, 99));
    }

    #[test]
    fn a_machine_without_a_program_new_psw_is_stuck_and_says_so() {
        let mut machine = machine();
        machine.space.write(LOW_STORAGE, LowStorage::default().as_bytes()).unwrap();
        machine.program_check(ProgramCheck::specification());
        let stuck = machine.take_interruption().unwrap_err();
        assert!(stuck.0.contains("specification exception at 0000000000001000"), "{stuck:?}");
    }

    #[test]
    fn a_program_interruption_in_its_own_handler_is_a_loop() {
        let mut machine = machine();
        machine.context.registers.rip = 0x2000;
        machine.program_check(ProgramCheck::specification());
        assert!(machine.take_interruption().unwrap_err().0.contains("program interrupt loop"));
    }

    #[test]
    fn a_key_answers_the_read_that_is_up_or_is_an_attention() {
        let mut machine = machine();
        machine.wait_for_key(0x6000, 4);
        machine.key_pressed(|| None);
        assert!(!machine.is_ready(), "somebody else has read it");
        machine.key_pressed(|| Some(vec![0x7d, 0x40, 0x40, 0x11, 0x40]));
        let mut bytes = [0; 5];
        machine.space.read(0x6000, &mut bytes).unwrap();
        assert_eq!((bytes, machine.context.registers.general[2]), ([0x7d, 0x40, 0x40, 0x11, 0], 5), "cut to the buffer");
        machine.mask = mask::ATTENTION;
        machine.key_pressed(|| panic!("nobody reads"));
        machine.take_interruption().unwrap();
        assert_eq!(machine.context.registers.rip, 0x4000);
        // A line is an interruption of the read, which is done again after it.
        machine.context.registers.rip = 0x1002;
        machine.mask = mask::ATTENTION;
        machine.wait_for_key(0x6000, 4);
        machine.line_typed("hx".to_string());
        machine.take_interruption().unwrap();
        assert_eq!((machine.context.registers.rip, low(&mut machine).attention_old.psw.address), (0x4000, 0x1000));
    }

    #[test]
    fn attention_waits_until_the_machine_is_enabled() {
        let mut machine = machine();
        assert!(machine.line_typed("hello".to_string()));
        machine.take_interruption().unwrap();
        assert_eq!(machine.context.registers.rip, 0x1000, "it was not enabled");
        machine.mask = mask::ATTENTION;
        machine.take_interruption().unwrap();
        assert_eq!(machine.context.registers.rip, 0x4000);
        assert_eq!(machine.mask, 0, "the new PSW is disabled");
        assert_eq!(low(&mut machine).attention_old.psw.mask, mask::ATTENTION);
    }

    #[test]
    fn an_external_interruption_ends_an_enabled_wait() {
        let mut machine = machine();
        machine.load_psw(Psw { address: 0x1100, stack: 0, flags: 0, mask: mask::WAIT | mask::EXTERNAL });
        assert!(machine.disabled_wait().is_none() && !machine.is_ready());
        machine.external(0x40);
        assert!(machine.is_ready());
        machine.take_interruption().unwrap();
        assert_eq!((machine.context.registers.rip, low(&mut machine).external_code), (0x3000, 0x40));
    }

    #[test]
    fn a_disabled_wait_is_for_good() {
        let mut machine = machine();
        machine.load_psw(Psw { address: 0x1100, stack: 0, flags: 0, mask: mask::WAIT });
        machine.external(0x40);
        assert!(!machine.is_ready());
        assert!(machine.begin(None));
        let why = machine.disabled_wait().expect("BEGIN changes nothing");
        assert!(why.ends_with("disabled wait PSW 80000000 0000000000001100"), "{why}");
        assert!(machine.begin(Some(0x1200)));
        assert!(machine.is_ready() && machine.disabled_wait().is_none(), "BEGIN with an address goes on there");
    }

    #[test]
    fn a_loaded_psw_cannot_raise_its_privilege() {
        let mut machine = machine();
        machine.load_psw(Psw { address: 0x1000, stack: 0, flags: u32::MAX, mask: 0 });
        let (iopl, interrupts, virtual_8086) = (0x3000, 0x200, 0x2_0000);
        assert_eq!(machine.context.registers.rflags & (iopl | interrupts | virtual_8086), 0);
    }

    #[test]
    fn a_typed_line_answers_the_read_that_is_up() {
        let mut machine = machine();
        machine.wait = Some(Wait::ConsoleRead { buffer: 0x6000, length: 4, hidden: false });
        assert!(machine.line_typed("listfile".to_string()));
        let mut bytes = [0; 5];
        machine.space.read(0x6000, &mut bytes).unwrap();
        assert_eq!(&bytes, b"list\0", "it is cut to the buffer");
        assert_eq!(machine.context.registers.general[2], 4);
        assert!(machine.is_ready());
    }

    #[test]
    fn a_read_into_storage_that_is_not_there_is_an_addressing_exception() {
        let mut machine = machine();
        machine.wait = Some(Wait::ConsoleRead { buffer: SIZE - 2, length: 80, hidden: false });
        machine.line_typed("listfile".to_string());
        machine.take_interruption().unwrap();
        assert_eq!(low(&mut machine).program_code, program::ADDRESSING);
    }

    #[test]
    fn only_so_many_lines_are_stacked() {
        let mut machine = machine();
        let taken = (0..1000).filter(|_| machine.line_typed(String::new())).count();
        assert_eq!(taken, TYPED_AHEAD_MAX);
    }

    #[test]
    fn a_worker_that_answers_after_a_reset_is_not_believed() {
        let mut machine = machine();
        machine.wait = Some(Wait::Worker);
        let before = machine.generation();
        machine.reset();
        machine.complete(before, 7, 7, &[(0x6000, vec![1])]);
        let mut byte = [0];
        machine.space.read(0x6000, &mut byte).unwrap();
        assert_eq!((byte[0], machine.context.registers.general[0]), (0, 0));
    }
}
