//! Dumps of virtual machines: what VMDUMP writes into a reader, `cp64 dump` reads, and a debugger opens as a core file.
//!
//! ```text
//!   VMDUMP (command/vmdump.rs) -> records (format) -> spool file
//!   spool file, or an archive, or its bytes -> Dump (read) -> lines (program/dump.rs)
//!                                                        `--> ELF core file (core), by linear addresses (mappings)
//! ```
//! Pure, but for the files that the program opens. A dump's bytes come from anywhere: every length and address in it is checked before it is used.

pub mod core;
pub mod format;
pub mod mappings;
mod read;
pub mod symbols;

pub use format::{Head, Kind, Writer};
pub use read::{Dump, DumpError};
