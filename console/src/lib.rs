//! Virtual consoles and how people reach them.
//!
//! Knows nothing of CP: CP implements the traits here and front ends call them.

pub mod operator;
pub mod wire;
