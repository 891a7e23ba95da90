//! The APICs: one local APIC for each processor, one I/O APIC, and what travels between them.
//!
//! [`LocalApic`] and [`IoApic`] are pure and know nothing of each other: what one sends is a [`Message`] or a [`Command`], and the board carries it.

mod io;
mod local;
pub mod spec;
mod timer;

pub use io::IoApic;
pub use local::{Command, LocalApic, Shorthand};

/// How an interrupt is delivered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Delivery {
    /// To all that are addressed.
    Fixed,
    /// To the one of those addressed that does the least important work.
    LowestPriority,
    /// Non-maskable.
    Nmi,
    /// INIT: the processor waits for a start-up message.
    Init,
    /// Start-up: a processor that waits after INIT begins at page `vector`.
    StartUp,
    /// The vector comes from the 8259.
    External,
}

impl Delivery {
    /// Of the three bits that registers have; `None` is reserved (or system management, which there is none of).
    fn of(bits: u32) -> Option<Self> {
        match bits & 7 {
            0 => Some(Self::Fixed),
            1 => Some(Self::LowestPriority),
            4 => Some(Self::Nmi),
            5 => Some(Self::Init),
            6 => Some(Self::StartUp),
            7 => Some(Self::External),
            _ => None,
        }
    }
}

/// An interrupt on its way to local APICs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Message {
    /// Its vector.
    pub vector: u8,
    /// How it is delivered.
    pub delivery: Delivery,
    /// Level triggered: its end is told to the I/O APIC.
    pub level: bool,
    /// Physical id, or a set in logical mode.
    pub destination: u8,
    /// The destination is logical.
    pub logical: bool,
}
