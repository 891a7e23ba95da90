//! A guest's list of block requests as moves of neighbouring blocks.

use std::ops::Range;

use abi::BlockRequest;
use zerocopy::FromBytes;

use super::super::{Refused, access, fetch};
use super::BLOCK;
use crate::machine::Machine;
use crate::storage::Pinned;

/// [`BlockRequest::operation`]: storage to disk.
const WRITE: u32 = 1;
/// [`BlockRequest::operation`]: disk to storage.
const READ: u32 = 2;

/// Neighbouring blocks to move to or from neighbouring storage: one request of the host, whatever the guest's list made of them.
pub(super) struct Move {
    pub(super) block: u32,
    pub(super) count: u32,
    buffer: u64,
    pub(super) write: bool,
}

impl Move {
    /// Takes a request in that continues this one.
    fn join(&mut self, block: u32, buffer: u64, write: bool) -> bool {
        let length = self.length() as u64;
        let next = self.block.checked_add(self.count) == Some(block) && self.buffer.checked_add(length) == Some(buffer);
        let joins = next && self.write == write;
        self.count += u32::from(joins);
        joins
    }

    /// Its length in bytes.
    fn length(&self) -> usize {
        self.count as usize * BLOCK
    }

    /// How many of its blocks are on a disk of so many.
    pub(super) fn on_disk(&self, blocks: u32) -> u32 {
        match self.block {
            0 => 0,
            first => blocks.saturating_add(1).saturating_sub(first).min(self.count),
        }
    }
}

/// Moves with their storage, which stays where it is until they are done.
pub(super) struct List {
    pub(super) moves: Vec<Move>,
    /// The part of `pinned` of each move.
    pub(super) parts: Vec<Range<usize>>,
    pub(super) pinned: Pinned,
}

impl List {
    /// The moves, each with its part of what is pinned.
    pub(super) fn each(&self) -> impl Iterator<Item = (&Move, &Range<usize>)> {
        self.moves.iter().zip(&self.parts)
    }

    /// Blocks in all.
    pub(super) fn blocks(&self) -> u32 {
        self.moves.iter().map(|request| request.count).sum()
    }
}

/// Reads the request list; `None` for an unknown operation.
pub(super) fn take(machine: &mut Machine, list: u64, count: u64) -> Result<Option<Vec<Move>>, Refused> {
    let bytes = fetch(machine, list, count * size_of::<BlockRequest>() as u64, u64::MAX)?;
    let mut moves: Vec<Move> = Vec::with_capacity(count as usize);
    for entry in bytes.chunks_exact(size_of::<BlockRequest>()) {
        let Ok(BlockRequest { operation, block, buffer }) = BlockRequest::read_from_bytes(entry) else { return Ok(None) };
        let write = match operation {
            WRITE => true,
            READ => false,
            _ => return Ok(None),
        };
        let joined = moves.last_mut().is_some_and(|last| last.join(block, buffer, write));
        if !joined {
            moves.push(Move { block, count: 1, buffer, write });
        }
    }
    Ok(Some(moves))
}

/// Makes sure of the storage of the moves.
pub(super) fn pin(machine: &mut Machine, moves: Vec<Move>) -> Result<List, Refused> {
    let pages = moves.iter().map(|request| request.count as usize).sum();
    let mut pinned = machine.space.pin_nothing(pages);
    let mut parts = Vec::with_capacity(moves.len());
    for request in &moves {
        let into = !request.write;
        let part = machine.space.pin(&mut pinned, request.buffer, request.length(), into);
        parts.push(part.map_err(access(request.buffer, into))?);
    }
    Ok(List { moves, parts, pinned })
}
