//! One virtual machine: its storage, its processor state, what it waits for and which interruptions are pending.
//!
//! A [`Machine`] is plain state owned by value. Whoever holds its lock (a dispatcher thread for a slice, or a command for a
//! moment) is the only one who touches it. It knows no console, no device and no disk: those are its user's
//! ([`crate::users::User`]), and DIAGNOSE (in [`diagnose`]) joins the two.

pub mod diagnose;
mod interruption;
mod run;

use std::collections::VecDeque;
use std::sync::Arc;

use abi::{PAGE, Psw, mask};

use crate::processor::Context;
use crate::storage::{AccessError, AddressSpace, SavedSystem, StorageError};

pub use interruption::ProgramCheck;

/// Where IPL leaves the PARM text in the machine's storage.
const PARM_ADDRESS: u64 = 0x800;
/// Longest PARM text, in bytes.
pub const PARM_MAX: usize = 240;
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
    /// A worker carries out its DIAGNOSE.
    Worker,
    /// It loaded a PSW with the wait bit.
    Psw,
}

/// Interruptions that wait until the machine is enabled for them.
#[derive(Default)]
struct Pending {
    attention: bool,
    external: Option<u32>,
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
    /// In CP mode: stopped until BEGIN or IPL.
    stopped: bool,
    /// What was IPLed.
    system: Option<String>,
    typed: VecDeque<String>,
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
            stopped: true,
            system: None,
            typed: VecDeque::new(),
            generation: 0,
        }
    }

    /// Whether a processor can do anything for it.
    pub fn is_ready(&self) -> bool {
        self.system.is_some() && !self.stopped && self.wait.is_none()
    }

    /// What it waits for.
    pub fn wait(&self) -> Option<Wait> {
        self.wait
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

    /// SYSTEM RESET: no system, nothing pending, storage kept.
    pub fn reset(&mut self) {
        self.context.reset();
        self.check = None;
        self.mask = 0;
        self.pending = Pending::default();
        self.wait = None;
        self.stopped = true;
        self.system = None;
        self.typed.clear();
        self.generation += 1;
    }

    /// SYSTEM CLEAR: reset, and all storage reads as zero.
    pub fn clear(&mut self) -> Result<(), StorageError> {
        self.reset();
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
            self.context.registers.rip = address;
            if self.wait != Some(Wait::Worker) {
                self.wait = None;
            }
        }
        self.stopped = false;
        true
    }

    /// A line was typed. It satisfies the read that is up, or is stacked and the machine gets its attention.
    /// False when too many lines are stacked already (NOT ACCEPTED).
    pub fn line_typed(&mut self, line: String) -> bool {
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
        self.unblock_psw_wait();
        true
    }

    /// EXTERNAL: an external interruption with that code becomes pending.
    pub fn external(&mut self, code: u32) {
        self.pending.external = Some(code);
        self.unblock_psw_wait();
    }

    /// Ends a worker's DIAGNOSE: `stores` go to storage, RAX and RDX are set. Ignored when the machine was reset since.
    pub fn complete(&mut self, generation: u64, status: u64, value: u64, stores: &[(u64, Vec<u8>)]) {
        if generation != self.generation || self.wait != Some(Wait::Worker) {
            return;
        }
        self.wait = None;
        for (address, bytes) in stores {
            if let Err(error) = self.space.write(*address, bytes) {
                self.program_check(ProgramCheck::access(*address, error));
                return;
            }
        }
        self.set_result(status, value);
    }

    fn set_result(&mut self, status: u64, value: u64) {
        self.context.registers.general[0] = status;
        self.context.registers.general[2] = value;
    }

    /// Stores a typed line and answers the console read with it.
    fn give_line(&mut self, buffer: u64, length: u64, line: &str) {
        let bytes = &line.as_bytes()[..line.len().min(length as usize)];
        match self.space.write(buffer, bytes) {
            Ok(()) => self.set_result(0, bytes.len() as u64),
            Err(error) => self.program_check(ProgramCheck::access(buffer, error)),
        }
    }

    /// Loads a PSW. Answers whether it is a disabled wait, in which the machine can never run again by itself.
    fn load_psw(&mut self, psw: Psw) -> bool {
        let registers = &mut self.context.registers;
        registers.rip = psw.address;
        registers.general[4] = psw.stack;
        registers.rflags = interruption::allowed_flags(psw.flags);
        self.mask = psw.mask & (mask::EXTERNAL | mask::IO | mask::ATTENTION);
        if psw.mask & mask::WAIT == 0 {
            return false;
        }
        self.wait = Some(Wait::Psw);
        self.unblock_psw_wait();
        self.wait.is_some() && self.mask == 0
    }
}
