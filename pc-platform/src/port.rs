//! What a named port of the virtio console is connected to: something that takes bytes, or that has some, between an opening and a closing.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use crate::disk::{Ended, Failed, Ticket};

/// Most bytes of one [`Operation::Write`], and of the end of one [`Operation::Read`].
pub const PIECE_MAX: usize = 4 << 20;

/// What a port asks of its other end, one thing at a time and in this order: open, then writes or reads, then close.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Operation {
    /// The guest opened the port.
    Open,
    /// The guest wrote these bytes, at most [`PIECE_MAX`].
    Write(Vec<u8>),
    /// More bytes for the guest. It ends with some of them, with none at the end of what there is.
    Read,
    /// The guest closed the port.
    Close,
}

/// The other end of a port.
pub trait Port: Send {
    /// What the guest knows it by: up to 32 letters, digits and hyphens.
    fn name(&self) -> &str;

    /// Bytes go to the guest; else they come from it.
    fn is_input(&self) -> bool;

    /// Begins an operation. The answer is its end when there is nothing to wait for; otherwise whoever owns the board hands it to
    /// [`crate::Board::disk_ended`] later.
    fn begin(&mut self, ticket: Ticket, operation: Operation) -> Option<Ended>;
}

/// A port whose other end is memory, for tests: what was asked of it is noted, and reads take what waits.
#[derive(Clone, Debug, Default)]
pub struct MemoryPort {
    name: String,
    input: Option<Arc<Mutex<VecDeque<Vec<u8>>>>>,
    asked: Arc<Mutex<Vec<Operation>>>,
}

impl MemoryPort {
    /// A port that takes bytes.
    pub fn output(name: &str) -> Self {
        Self { name: name.to_string(), ..Self::default() }
    }

    /// A port that has these pieces.
    pub fn input(name: &str, pieces: &[&[u8]]) -> Self {
        let pieces = pieces.iter().map(|piece| piece.to_vec()).collect();
        Self { name: name.to_string(), input: Some(Arc::new(Mutex::new(pieces))), ..Self::default() }
    }

    /// What was asked so far.
    pub fn asked(&self) -> Vec<Operation> {
        self.asked.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Port for MemoryPort {
    fn name(&self) -> &str {
        &self.name
    }

    fn is_input(&self) -> bool {
        self.input.is_some()
    }

    fn begin(&mut self, _: Ticket, operation: Operation) -> Option<Ended> {
        let read = operation == Operation::Read;
        self.asked.lock().unwrap_or_else(PoisonError::into_inner).push(operation);
        Some(match &self.input {
            Some(pieces) if read => Ok(pieces.lock().unwrap_or_else(PoisonError::into_inner).pop_front().unwrap_or_default()),
            None if read => Err(Failed),
            _ => Ok(Vec::new()),
        })
    }
}
