//! The PC platform: the devices that an unmodified operating system of a PC expects, without anything that runs instructions.
//!
//! ```text
//!   chips      pic pit apic serial rtc keyboard display ide virtio      pure: registers in, registers out, what time it is
//!   board      owns one of each, routes ports, addresses and interrupt lines
//!   bios       the services that boot sectors call, asked for by code in storage, answered here
//!   image      what a machine boots: boot sectors, ELF, multiboot, Linux, as bytes to place and a state to start in
//!   disk       what a disk is to ide, virtio and bios
//!   port       what the other end of a named port is to the virtio console
//! ```
//!
//! Every time is in nanoseconds of the machine's own clock, which whoever runs the machine hands in with each access. Nothing here reads a clock, opens a file, blocks or
//! starts a thread. Whatever a guest does ends as an answer of a device, a [`Signal`] for the owner, or an [`Odd`] note.

use std::cell::RefCell;

pub mod apic;
pub mod bios;
mod board;
pub mod disk;
pub mod display;
pub mod ide;
pub mod image;
pub mod keyboard;
pub mod memory_map;
pub mod mp_tables;
pub mod pic;
pub mod pit;
pub mod port;
pub mod rtc;
pub mod serial;
pub mod virtio;

pub use board::{Access, Board, Odd, PROCESSORS_MAX, Settings, Signal};

/// Time of a machine's own clock, since the machine began.
pub type Nanoseconds = u64;

/// Storage of a machine, as devices reach it. A range that is not storage is refused as a whole.
pub trait Storage {
    /// Loads bytes; false when some of them are not storage.
    fn load(&self, address: u64, bytes: &mut [u8]) -> bool;

    /// Stores bytes; false when some of them are not storage, and then none is stored.
    fn store(&self, address: u64, bytes: &[u8]) -> bool;
}

/// Storage in memory, from address 0.
#[derive(Clone, Debug)]
pub struct MemoryStorage(RefCell<Vec<u8>>);

impl MemoryStorage {
    /// So many bytes of zeros.
    pub fn new(length: usize) -> Self {
        Self(RefCell::new(vec![0; length]))
    }
}

impl Storage for MemoryStorage {
    fn load(&self, address: u64, bytes: &mut [u8]) -> bool {
        let storage = self.0.borrow();
        let found = usize::try_from(address).ok().and_then(|at| storage.get(at..at.checked_add(bytes.len())?));
        found.map(|found| bytes.copy_from_slice(found)).is_some()
    }

    fn store(&self, address: u64, bytes: &[u8]) -> bool {
        let mut storage = self.0.borrow_mut();
        let found = usize::try_from(address).ok().and_then(|at| storage.get_mut(at..at.checked_add(bytes.len())?));
        found.map(|found| found.copy_from_slice(bytes)).is_some()
    }
}
