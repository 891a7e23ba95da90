//! The registers of a caller, where a stub left them on its stack.

use super::rom::MAIL;
use crate::Storage;

const SIZE: usize = 44;
const CARRY: u16 = 1;
const ZERO: u16 = 0x40;

/// A caller's registers, as [`super::rom`]'s stub pushed them.
pub(super) struct Frame {
    address: u64,
    bytes: [u8; SIZE],
}

/// Places in the frame.
#[derive(Clone, Copy)]
pub(super) enum Register {
    Es = 0,
    Ds = 2,
    Di = 4,
    Si = 8,
    Bp = 12,
    Bx = 20,
    Dx = 24,
    Cx = 28,
    Ax = 32,
    Vector = 36,
    Ip = 38,
    Cs = 40,
    Flags = 42,
}

impl Frame {
    /// The frame that the mail names. `None` when that is not storage.
    pub(super) fn load(storage: &dyn Storage) -> Option<Self> {
        let mut mail = [0; 4];
        let mut bytes = [0; SIZE];
        let found = storage.load(MAIL, &mut mail);
        let pointer = u16::from_le_bytes([mail[0], mail[1]]);
        let segment = u16::from_le_bytes([mail[2], mail[3]]);
        let address = (u64::from(segment) << 4) + u64::from(pointer);
        (found && storage.load(address, &mut bytes)).then_some(Self { address, bytes })
    }

    /// Stores the registers back, and the answer for the stub.
    pub(super) fn store(&self, storage: &dyn Storage, answer: u8) {
        storage.store(self.address, &self.bytes);
        storage.store(MAIL + 4, &[answer]);
    }

    pub(super) fn get(&self, register: Register) -> u16 {
        let at = register as usize;
        u16::from_le_bytes([self.bytes[at], self.bytes[at + 1]])
    }

    pub(super) fn get_32(&self, register: Register) -> u32 {
        let at = register as usize;
        u32::from_le_bytes([self.bytes[at], self.bytes[at + 1], self.bytes[at + 2], self.bytes[at + 3]])
    }

    pub(super) fn set(&mut self, register: Register, value: u16) {
        let at = register as usize;
        self.bytes[at..at + 2].copy_from_slice(&value.to_le_bytes());
    }

    pub(super) fn set_32(&mut self, register: Register, value: u32) {
        let at = register as usize;
        self.bytes[at..at + 4].copy_from_slice(&value.to_le_bytes());
    }

    pub(super) fn low(&self, register: Register) -> u8 {
        self.bytes[register as usize]
    }

    pub(super) fn high(&self, register: Register) -> u8 {
        self.bytes[register as usize + 1]
    }

    pub(super) fn set_low(&mut self, register: Register, value: u8) {
        self.bytes[register as usize] = value;
    }

    pub(super) fn set_high(&mut self, register: Register, value: u8) {
        self.bytes[register as usize + 1] = value;
    }

    fn set_flag(&mut self, flag: u16, on: bool) {
        let flags = self.get(Register::Flags);
        self.set(Register::Flags, if on { flags | flag } else { flags & !flag });
    }

    /// Carry: the service failed.
    pub(super) fn set_carry(&mut self, on: bool) {
        self.set_flag(CARRY, on);
    }

    pub(super) fn set_zero(&mut self, on: bool) {
        self.set_flag(ZERO, on);
    }

    /// The address of a segment register and an offset.
    pub(super) fn far(&self, segment: Register, offset: Register) -> u64 {
        (u64::from(self.get(segment)) << 4) + u64::from(self.get(offset))
    }
}
