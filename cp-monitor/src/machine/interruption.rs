//! Reflecting interruptions: the old state goes to low storage, the new PSW comes from it.
//!
//! As on System/370 (Principles of Operation, "Interruptions"), with the general registers stored too because x86-64 has none to spare.

use std::mem::{offset_of, size_of};

use abi::{LOW_STORAGE, LowStorage, Psw, SavedState, block_io, mask, program};
use zerocopy::{FromBytes, IntoBytes};

use super::diagnose::INSTRUCTION;
use super::{Machine, Missing, Wait};
use crate::storage::AccessError;

/// RFLAGS bits a machine may set: carry, parity, auxiliary, zero, sign, trap, direction, overflow, alignment check, ID.
const FLAGS_ALLOWED: u64 = 0x1 | 0x4 | 0x10 | 0x40 | 0x80 | 0x100 | 0x400 | 0x800 | 0x4_0000 | 0x20_0000;

/// The flags a PSW may carry, with the bit that is always one.
pub(super) fn allowed_flags(flags: u32) -> u64 {
    (u64::from(flags) & FLAGS_ALLOWED) | 2
}

/// Stands for a program interruption that cannot be one: the host did not do as told. It is not the machine's doing, and the machine must
/// not go on: it is placed in CP mode.
const NO_STORAGE: u32 = 0;

/// The end of a list of block I/O, before it is reflected as an external interruption.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct ListEnded {
    /// One of [`abi::block_io`].
    pub(super) status: u32,
    /// Requests done.
    pub(super) count: u32,
    /// What was given with the list.
    pub(super) parameter: u64,
}

/// A program interruption before it is reflected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ProgramCheck {
    /// One of [`abi::program`].
    pub code: u32,
    /// The x86 vector seen, 0 when CP itself found it.
    pub vector: u32,
    /// The storage address it is about.
    pub address: u64,
}

impl ProgramCheck {
    /// An operand or access that storage refused.
    pub fn access(address: u64, error: AccessError) -> Self {
        let code = match error {
            AccessError::Protection(_) => program::PROTECTION,
            AccessError::Addressing(_) => program::ADDRESSING,
            AccessError::NoFrames(_) | AccessError::Paged(_) | AccessError::Host(_) => NO_STORAGE,
        };
        Self { code, vector: 0, address }
    }

    /// A malformed DIAGNOSE.
    pub fn specification() -> Self {
        Self { code: program::SPECIFICATION, vector: 0, address: 0 }
    }

    /// What the exception is called.
    pub fn name(&self) -> &'static str {
        match self.code {
            program::OPERATION => "operation exception",
            program::PRIVILEGED => "privileged operation exception",
            program::PROTECTION => "protection exception",
            program::ADDRESSING => "addressing exception",
            program::SPECIFICATION => "specification exception",
            program::DATA => "data exception",
            program::DIVIDE => "divide exception",
            program::DEBUG_EVENT => "debug event",
            _ => "program exception",
        }
    }
}

/// The classes that are reflected, with their places in low storage.
#[derive(Clone, Copy)]
enum Class {
    Program,
    External,
    Attention,
}

impl Class {
    fn new_psw(self) -> usize {
        match self {
            Class::Program => offset_of!(LowStorage, program_new),
            Class::External => offset_of!(LowStorage, external_new),
            Class::Attention => offset_of!(LowStorage, attention_new),
        }
    }

    fn old_state(self) -> usize {
        match self {
            Class::Program => offset_of!(LowStorage, program_old),
            Class::External => offset_of!(LowStorage, external_old),
            Class::Attention => offset_of!(LowStorage, attention_old),
        }
    }
}

/// Why a machine cannot go on by itself; it is placed in CP mode with this text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stuck(pub String);

impl Machine {
    /// A program interruption to be reflected before the machine runs on.
    pub fn program_check(&mut self, check: ProgramCheck) {
        self.check = Some(check);
    }

    /// Ends an enabled wait when an interruption that it is enabled for is pending. A read of the screen is done again afterwards.
    pub(super) fn end_enabled_wait(&mut self) {
        if self.next_class().is_none() {
            return;
        }
        match self.wait {
            Some(Wait::Psw) => self.wait = None,
            Some(Wait::ScreenRead { .. }) => {
                self.wait = None;
                self.context.registers.rip = self.context.registers.rip.wrapping_sub(INSTRUCTION);
            }
            _ => {}
        }
    }

    /// Whether an attention interruption is pending that the machine is enabled for.
    pub fn attention_due(&self) -> bool {
        self.pending.attention && self.mask & mask::ATTENTION != 0
    }

    /// The next pending interruption that the machine is enabled for.
    fn next_class(&self) -> Option<Class> {
        let enabled = |bit| self.mask & bit != 0;
        if self.check.is_some() {
            Some(Class::Program)
        } else if (self.pending.external.is_some() || !self.pending.lists.is_empty()) && enabled(mask::EXTERNAL) {
            Some(Class::External)
        } else if self.attention_due() {
            Some(Class::Attention)
        } else {
            None
        }
    }

    /// Reflects what is pending and enabled, one interruption at a time. It stays pending, and the machine waits, when low storage is not there.
    pub(super) fn take_interruption(&mut self) -> Result<(), Stuck> {
        let class = self.next_class();
        if class.is_some()
            && let Some(missing) = self.low_storage_missing()
        {
            self.wait_for_page(missing);
            return Ok(());
        }
        match class {
            None => Ok(()),
            Some(Class::Program) => self.reflect_program(),
            Some(class) => self.reflect(class).map_err(|error| low_storage_lost(error, "interruption")),
        }
    }

    /// Low storage is one page ([`abi`] sees to it).
    fn low_storage_missing(&mut self) -> Option<Missing> {
        self.space.fault(LOW_STORAGE, true).err().and_then(|error| Missing::of(error, true))
    }

    fn reflect_program(&mut self) -> Result<(), Stuck> {
        let Some(check) = self.check.take() else { return Ok(()) };
        let at = self.context.registers.rip;
        if check.code == NO_STORAGE {
            return Err(Stuck(format!("HCPPGF415W CP entered; real storage cannot be had for address {:X}", check.address)));
        }
        let describe = || format!("{} at {at:016X}", check.name());
        let new = self.read_psw(Class::Program).map_err(|error| low_storage_lost(error, &describe()))?;
        if new.address == 0 {
            return Err(Stuck(format!("HCPGIR453W CP entered; no program new PSW for {}", describe())));
        }
        if new.address == at {
            return Err(Stuck(format!("HCPGIR453W CP entered; program interrupt loop, {}", describe())));
        }
        let code = LOW_STORAGE + offset_of!(LowStorage, program_code) as u64;
        let mut bytes = [0; 16];
        bytes[0..4].copy_from_slice(&check.code.to_le_bytes());
        bytes[4..8].copy_from_slice(&check.vector.to_le_bytes());
        bytes[8..16].copy_from_slice(&check.address.to_le_bytes());
        self.space.write(code, &bytes).map_err(|error| low_storage_lost(error, &describe()))?;
        self.reflect(Class::Program).map_err(|error| low_storage_lost(error, &describe()))
    }

    fn read_psw(&mut self, class: Class) -> Result<Psw, AccessError> {
        let mut bytes = [0; size_of::<Psw>()];
        self.space.read(LOW_STORAGE + class.new_psw() as u64, &mut bytes)?;
        Psw::read_from_bytes(&bytes).map_err(|_| AccessError::Addressing(LOW_STORAGE))
    }

    /// Swaps PSWs. A class without a new PSW stays pending.
    fn reflect(&mut self, class: Class) -> Result<(), AccessError> {
        let new = self.read_psw(class)?;
        if new.address == 0 {
            self.mask &= !match class {
                Class::Program => 0,
                Class::External => mask::EXTERNAL,
                Class::Attention => mask::ATTENTION,
            };
            return Ok(());
        }
        match class {
            Class::Program => {}
            Class::External => {
                let place = |offset: usize| LOW_STORAGE + offset as u64;
                let ended = if self.pending.external.is_none() { self.pending.lists.pop_front() } else { None };
                if let Some(ListEnded { status, count, parameter }) = ended {
                    let words = u128::from(status) | u128::from(count) << 32 | u128::from(parameter) << 64;
                    self.space.write(place(offset_of!(LowStorage, external_status)), &words.to_le_bytes())?;
                }
                let code = self.pending.external.take().unwrap_or(block_io::EXTERNAL_CODE);
                self.space.write(place(offset_of!(LowStorage, external_code)), &code.to_le_bytes())?;
            }
            Class::Attention => self.pending.attention = false,
        }
        let old = self.saved_state();
        self.space.write(LOW_STORAGE + class.old_state() as u64, old.as_bytes())?;
        self.load_psw(new);
        Ok(())
    }

    /// PSW and registers as they are now.
    pub fn saved_state(&self) -> SavedState {
        if let Some(pc) = self.pc() {
            let (registers, address, flags) = pc.registers();
            return SavedState { psw: Psw { address, stack: registers[4], flags: flags as u32, mask: 0 }, registers };
        }
        let registers = &self.context.registers;
        let psw = Psw { address: registers.rip, stack: registers.general[4], flags: registers.rflags as u32, mask: self.mask };
        SavedState { psw, registers: registers.general }
    }
}

fn low_storage_lost(error: AccessError, what: &str) -> Stuck {
    Stuck(format!("HCPGIR453W CP entered; low storage cannot be used ({error:?}) for {what}"))
}
