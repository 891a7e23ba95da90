//! What a debugger asks: where a virtual address is, and what is there. Nothing changes by asking: no exception, no accessed bit.

use crate::cpu::Cpu;
use crate::memory::Memory;
use crate::points::Watch;

/// The first address of a range that is not mapped to storage; the bytes before it are transferred.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotMapped(pub u64);

impl std::fmt::Display for NotMapped {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Address {:X} is not mapped to storage", self.0)
    }
}

impl std::error::Error for NotMapped {}

impl Cpu {
    /// Bits of the code that CS selects: 16, 32 or 64.
    pub fn code_width(&self) -> u32 {
        self.core.mode.bits()
    }

    /// The current privilege level, 0 to 3.
    pub fn privilege_level(&self) -> u8 {
        self.core.cpl()
    }

    /// Linear address of an offset in a segment (the numbers of [`crate::State::segments`]). Limits are not looked at.
    pub fn linear(&self, segment: usize, offset: u64) -> u64 {
        use crate::state::State;
        let base = self.core.s.segments[segment].base;
        if !self.core.mode.is_long() {
            base.wrapping_add(offset) & 0xffff_ffff
        } else if segment == State::FS || segment == State::GS {
            base.wrapping_add(offset)
        } else {
            offset
        }
    }

    /// Guest-physical address of a linear address through the page tables as they are in storage, whoever may use it; none if it is not mapped.
    pub fn translate(&self, memory: &Memory, linear: u64) -> Option<u64> {
        self.core.look_through(memory, linear)
    }

    /// Loads bytes from a linear address.
    ///
    /// # Errors
    /// [`NotMapped`] with the first address that is not mapped, or not to storage.
    pub fn read_virtual(&self, memory: &Memory, linear: u64, bytes: &mut [u8]) -> Result<(), NotMapped> {
        for (address, range) in pages(linear, bytes.len()) {
            let physical = self.translate(memory, address).ok_or(NotMapped(address))?;
            memory.read(physical, &mut bytes[range]).map_err(|_| NotMapped(address))?;
        }
        Ok(())
    }

    /// Stores bytes at a linear address, write protected or not.
    ///
    /// # Errors
    /// As [`Cpu::read_virtual`].
    pub fn write_virtual(&self, memory: &Memory, linear: u64, bytes: &[u8]) -> Result<(), NotMapped> {
        for (address, range) in pages(linear, bytes.len()) {
            let physical = self.translate(memory, address).ok_or(NotMapped(address))?;
            memory.write(physical, &bytes[range]).map_err(|_| NotMapped(address))?;
        }
        Ok(())
    }

    /// Addresses (RIP) at which to stop before the instruction, any number of them. The first instruction of a run is executed in any case.
    pub fn set_breakpoints(&mut self, addresses: &[u64]) {
        self.core.points.set_breakpoints(addresses);
    }

    /// Storage whose accesses end a run with [`crate::Exit::Watchpoint`] after their instruction, or iteration. The processor's own accesses to
    /// tables and stacks count, those to page tables and by devices do not.
    pub fn set_watchpoints(&mut self, watches: &[Watch]) {
        self.core.points.set_watches(watches);
        // Pages that are watched now may be translated.
        let state = self.core.state();
        self.core.set_state(&state);
    }
}

/// The parts of a range that lie in one page each.
fn pages(address: u64, length: usize) -> impl Iterator<Item = (u64, std::ops::Range<usize>)> {
    let mut done = 0;
    std::iter::from_fn(move || {
        let at = address.wrapping_add(done as u64);
        let part = (4096 - (at & 0xfff) as usize).min(length - done);
        done += part;
        (part > 0).then(|| (at, done - part..done))
    })
}
