//! System instructions by guests of a few lines: modes, page faults, interrupts, privilege levels, and what happens when all goes wrong.
#![allow(unsafe_code)] // The guests are assembled into this program, and their bytes are read out of it.

mod debug;
mod gates;
mod lists;
mod machine;
mod modes;
mod paging;
mod privilege;
mod time;
