//! Errors: a number and sub-code of the standard, and what the message names.

use alloc::boxed::Box;
use alloc::vec::Vec;

use super::messages::MESSAGES;

/// What went wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Error(Box<Details>);

/// Number, sub-code and what the message names, in its order.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Details {
    number: u16,
    sub: u16,
    inserts: Vec<Vec<u8>>,
}

/// The result of what may be an error.
pub type Result<T> = core::result::Result<T, Error>;

impl Error {
    /// An error with what its message names.
    #[cold]
    pub fn new(number: u16, sub: u16, inserts: &[&[u8]]) -> Self {
        let inserts = inserts.iter().map(|insert| insert[..insert.len().min(INSERT)].to_vec()).collect();
        Self(Box::new(Details { number, sub, inserts }))
    }

    /// Error 5: no storage, or a string that would be too long.
    #[cold]
    pub fn storage() -> Self {
        Self::new(5, 1, &[b"storage exhausted, or a string too long"])
    }

    /// The error number.
    pub fn number(&self) -> u16 {
        self.0.number
    }

    /// The sub-code, 0 for none.
    pub fn sub(&self) -> u16 {
        self.0.sub
    }

    /// The message of the number.
    pub fn text(&self) -> &'static str {
        text(self.0.number, 0).unwrap_or("")
    }

    /// The message of the sub-code, if it has one.
    pub fn detail(&self) -> Option<Vec<u8>> {
        if self.0.sub == 0 {
            return None;
        }
        let mut inserts = self.0.inserts.iter();
        let mut detail = Vec::new();
        let mut pieces = text(self.0.number, self.0.sub)?.split("<>");
        detail.extend_from_slice(pieces.next()?.as_bytes());
        for piece in pieces {
            detail.extend_from_slice(inserts.next().map_or(b"", |insert| insert.as_slice()));
            detail.extend_from_slice(piece.as_bytes());
        }
        Some(detail)
    }
}

/// Bytes of one insert: messages are lines.
const INSERT: usize = 200;

/// The text of a message.
pub fn text(number: u16, sub: u16) -> Option<&'static str> {
    let at = MESSAGES.binary_search_by_key(&(number, sub), |(number, sub, _)| (*number, *sub)).ok()?;
    Some(MESSAGES[at].2)
}
