//! The control program.

pub mod processor;
pub mod storage;
