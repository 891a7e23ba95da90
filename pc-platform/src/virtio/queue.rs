//! A split virtqueue, as a device sees it. Everything in it is the guest's, and hostile.

use super::spec::{QUEUE_MAX, descriptor};
use crate::Storage;

/// The driver does not want to be interrupted.
const NO_INTERRUPT: u16 = 1;
/// Most bytes of all buffers of a chain.
const CHAIN_MAX: u64 = 4 << 20;

/// The queue cannot be used any more: an index, a loop, an address outside storage.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Broken;

/// A queue as the driver set it up, and how far it was served.
#[derive(Clone, Debug, Default)]
pub(super) struct Queue {
    pub(super) size: u16,
    pub(super) ready: bool,
    /// Descriptors, available ring, used ring.
    pub(super) areas: [u64; 3],
    pub(super) next: u16,
    pub(super) used: u16,
}

/// Buffers that the driver made available together: those to be read, then those to be written.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Chain {
    head: u16,
    readable: Vec<(u64, u32)>,
    writable: Vec<(u64, u32)>,
}

fn half(storage: &dyn Storage, address: u64) -> Result<u16, Broken> {
    let mut bytes = [0; 2];
    if storage.load(address, &mut bytes) { Ok(u16::from_le_bytes(bytes)) } else { Err(Broken) }
}

fn at(base: u64, offset: u64) -> Result<u64, Broken> {
    base.checked_add(offset).ok_or(Broken)
}

impl Queue {
    /// The next chain, if there is one.
    pub(super) fn take(&mut self, storage: &dyn Storage) -> Result<Option<Chain>, Broken> {
        if !self.ready {
            return Ok(None);
        }
        if !self.size.is_power_of_two() || self.size > QUEUE_MAX {
            return Err(Broken);
        }
        let available = self.areas[1];
        let waiting = half(storage, at(available, 2)?)?.wrapping_sub(self.next);
        if waiting > self.size {
            return Err(Broken);
        }
        if waiting == 0 {
            return Ok(None);
        }
        let head = half(storage, at(available, 4 + 2 * u64::from(self.next % self.size))?)?;
        let chain = self.follow(head, storage)?;
        self.next = self.next.wrapping_add(1);
        Ok(Some(chain))
    }

    fn follow(&self, head: u16, storage: &dyn Storage) -> Result<Chain, Broken> {
        let mut chain = Chain { head, ..Chain::default() };
        let (mut number, mut total) = (head, 0);
        // As many steps as there are descriptors: a longer chain is a loop.
        for _ in 0..self.size {
            let mut bytes = [0; descriptor::SIZE as usize];
            let place = at(self.areas[0], u64::from(number) * descriptor::SIZE)?;
            if number >= self.size || !storage.load(place, &mut bytes) {
                return Err(Broken);
            }
            let word = |at: usize| u32::from_le_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]]);
            let (address, length) = (u64::from(word(4)) << 32 | u64::from(word(0)), word(8));
            let (flags, next) = (word(12) as u16, (word(12) >> 16) as u16);
            total += u64::from(length);
            let out_of_order = flags & descriptor::WRITE == 0 && !chain.writable.is_empty();
            if flags & descriptor::INDIRECT != 0 || out_of_order || total > CHAIN_MAX {
                return Err(Broken);
            }
            let list = if flags & descriptor::WRITE != 0 { &mut chain.writable } else { &mut chain.readable };
            list.push((address, length));
            if flags & descriptor::NEXT == 0 {
                return Ok(chain);
            }
            number = next;
        }
        Err(Broken)
    }

    /// Gives a chain back, with so many bytes written. Answers whether the driver wants an interrupt.
    pub(super) fn give_back(&mut self, chain: &Chain, written: u32, storage: &dyn Storage) -> Result<bool, Broken> {
        let [_, available, used] = self.areas;
        let entry = [u32::from(chain.head).to_le_bytes(), written.to_le_bytes()].concat();
        let stored = storage.store(at(used, 4 + 8 * u64::from(self.used % self.size.max(1)))?, &entry);
        self.used = self.used.wrapping_add(1);
        if !stored || !storage.store(at(used, 2)?, &self.used.to_le_bytes()) {
            return Err(Broken);
        }
        Ok(half(storage, available)? & NO_INTERRUPT == 0)
    }
}

impl Chain {
    /// Bytes of the buffers to be written.
    pub(super) fn room(&self) -> usize {
        self.writable.iter().map(|(_, length)| *length as usize).sum()
    }

    /// The bytes to be read.
    pub(super) fn bytes(&self, storage: &dyn Storage) -> Result<Vec<u8>, Broken> {
        let mut bytes = Vec::new();
        for &(address, length) in &self.readable {
            let start = bytes.len();
            bytes.resize(start + length as usize, 0);
            if !storage.load(address, &mut bytes[start..]) {
                return Err(Broken);
            }
        }
        Ok(bytes)
    }

    /// Stores bytes into the buffers to be written, from an offset on; what has no room is cut.
    pub(super) fn fill(&self, offset: usize, bytes: &[u8], storage: &dyn Storage) -> Result<(), Broken> {
        let (mut skip, mut rest) = (offset, bytes);
        for &(address, length) in &self.writable {
            let length = length as usize;
            if skip >= length {
                skip -= length;
                continue;
            }
            let part = (length - skip).min(rest.len());
            if !storage.store(at(address, skip as u64)?, &rest[..part]) {
                return Err(Broken);
            }
            (skip, rest) = (0, &rest[part..]);
        }
        Ok(())
    }
}
