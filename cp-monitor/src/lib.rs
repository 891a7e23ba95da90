//! The control program.

pub mod directory;
