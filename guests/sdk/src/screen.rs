//! The screen of the terminal, if it has one: 3270 data streams in code page 1047 (DIAGNOSE X'58', X'8C').
//!
//! ```ignore
//! let Some(display) = screen::display() else { return 28 };
//! screen::write(full_screen::ERASE_WRITE, &stream);
//! let Some(typed) = screen::read(1024) else { return 28 };
//! ```
//!
//! A line that the program writes or reads ends the screen.

use alloc::vec::Vec;

pub use abi::{DisplayInfo, full_screen};
use abi::{call::diagnose, code};

/// What the terminal shows; nothing when it shows lines only.
pub fn display() -> Option<DisplayInfo> {
    let mut info = DisplayInfo::default();
    let operands = [(&raw mut info) as u64, size_of::<DisplayInfo>() as u64, 0, 0, 0, 0];
    // SAFETY: the structure is ours to write, and of integers only.
    let (status, _) = unsafe { diagnose(code::DISPLAY_DATA, operands) };
    (status == 0).then_some(info)
}

/// Writes a data stream; whether CP took it. A stream that is wrong is a specification exception.
pub fn write(operation: u64, stream: &[u8]) -> bool {
    let operands = [operation, stream.as_ptr() as u64, stream.len() as u64, 0, 0, 0];
    // SAFETY: CP only reads the stream.
    let (status, _) = unsafe { diagnose(code::FULL_SCREEN, operands) };
    status == 0
}

/// Waits for a key: its AID, the cursor's address and what was typed into each field, at most so many bytes. `None` when there is no screen.
pub fn read(most: usize) -> Option<Vec<u8>> {
    let mut data = alloc::vec![0; most];
    let operands = [full_screen::READ_MODIFIED, data.as_mut_ptr() as u64, data.len() as u64, 0, 0, 0];
    // SAFETY: the buffer is ours to write.
    let (status, length) = unsafe { diagnose(code::FULL_SCREEN, operands) };
    data.truncate(usize::try_from(length).unwrap_or(most));
    (status == 0).then_some(data)
}
