//! The control program.
