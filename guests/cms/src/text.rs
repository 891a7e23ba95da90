//! Text without a heap: the one line a handler writes, and the lines that were typed ahead.

use core::fmt;

/// Longest line a handler writes.
const LINE: usize = 200;

/// A line being formatted; what does not fit is cut.
pub struct Line {
    bytes: [u8; LINE],
    length: usize,
}

impl Line {
    /// An empty line.
    pub fn new() -> Self {
        Self { bytes: [0; LINE], length: 0 }
    }

    /// What was written.
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes[..self.length]
    }
}

impl fmt::Write for Line {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let room = LINE - self.length;
        let taken = text.len().min(room);
        self.bytes[self.length..self.length + taken].copy_from_slice(&text.as_bytes()[..taken]);
        self.length += taken;
        Ok(())
    }
}

/// Bytes kept of lines typed ahead, two for the length of each included.
const TYPED: usize = 4096;

/// Lines typed while a command ran, first in first out.
pub struct TypedAhead {
    bytes: [u8; TYPED],
    used: usize,
}

impl TypedAhead {
    /// No lines.
    pub const NEW: Self = Self { bytes: [0; TYPED], used: 0 };

    /// Forgets all lines.
    pub fn clear(&mut self) {
        self.used = 0;
    }

    /// Keeps a line; `false` when there is no room for it.
    pub fn put(&mut self, line: &[u8]) -> bool {
        let needed = line.len() + 2;
        if needed > TYPED - self.used {
            return false;
        }
        let place = &mut self.bytes[self.used..self.used + needed];
        place[..2].copy_from_slice(&(line.len() as u16).to_le_bytes());
        place[2..].copy_from_slice(line);
        self.used += needed;
        true
    }

    /// Takes the oldest line, cut to the buffer; answers its length.
    pub fn take(&mut self, buffer: &mut [u8]) -> Option<usize> {
        if self.used == 0 {
            return None;
        }
        let length = usize::from(u16::from_le_bytes([self.bytes[0], self.bytes[1]]));
        let taken = length.min(buffer.len());
        buffer[..taken].copy_from_slice(&self.bytes[2..2 + taken]);
        self.bytes.copy_within(2 + length..self.used, 0);
        self.used -= 2 + length;
        Some(taken)
    }
}
