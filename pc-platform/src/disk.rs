//! What a disk is to the devices that use it: sectors of 512 bytes that are read, written and made durable, now or later.

/// Bytes in a sector.
pub const SECTOR: usize = 512;
/// Most sectors in one request; devices see to it.
pub const REQUEST_MAX: u32 = 2048;

/// What a device asks of a disk. Ranges are within [`Disk::sectors`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Operation {
    /// Read `count` sectors from `sector` on.
    Read {
        /// The first.
        sector: u64,
        /// How many, at most [`REQUEST_MAX`].
        count: u32,
    },
    /// Write whole sectors from `sector` on.
    Write {
        /// The first.
        sector: u64,
        /// What is written.
        data: Vec<u8>,
    },
    /// What was written before survives the loss of power.
    Flush,
}

/// The disk could not do it: what a medium error is to the guest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Failed;

/// How a request ended: with the sectors of a read, with nothing otherwise.
pub type Ended = Result<Vec<u8>, Failed>;

/// Whose request it is: handed to [`Disk::begin`] or [`crate::port::Port::begin`], and back to [`crate::Board::disk_ended`] with the end of one that took time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ticket {
    pub(crate) user: User,
    pub(crate) disk: usize,
    /// The life of the board that it belongs to; a reset ends it.
    pub(crate) life: u32,
}

/// Which part of the board asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum User {
    Ide,
    Virtio,
    Bios,
    /// A port, whose number is that of the disk.
    Port,
}

/// A disk.
pub trait Disk: Send {
    /// How many sectors it has.
    fn sectors(&self) -> u64;

    /// Writes are refused.
    fn is_read_only(&self) -> bool;

    /// Begins a request. The answer is its end when there is nothing to wait for; otherwise whoever owns the board hands it in later.
    fn begin(&mut self, ticket: Ticket, operation: Operation) -> Option<Ended>;
}

/// A disk in memory.
#[derive(Clone, Debug)]
pub struct MemoryDisk {
    /// Its bytes.
    pub bytes: Vec<u8>,
}

impl MemoryDisk {
    /// A disk with these bytes, zeros up to a whole sector.
    pub fn new(mut bytes: Vec<u8>) -> Self {
        bytes.resize(bytes.len().next_multiple_of(SECTOR), 0);
        Self { bytes }
    }

    fn range(&mut self, sector: u64, length: usize) -> Result<&mut [u8], Failed> {
        let start = usize::try_from(sector).ok().and_then(|sector| sector.checked_mul(SECTOR)).ok_or(Failed)?;
        let end = start.checked_add(length).ok_or(Failed)?;
        self.bytes.get_mut(start..end).ok_or(Failed)
    }
}

impl Disk for MemoryDisk {
    fn sectors(&self) -> u64 {
        (self.bytes.len() / SECTOR) as u64
    }

    fn is_read_only(&self) -> bool {
        false
    }

    fn begin(&mut self, _: Ticket, operation: Operation) -> Option<Ended> {
        Some(match operation {
            Operation::Read { sector, count } => self.range(sector, count as usize * SECTOR).map(|bytes| bytes.to_vec()),
            Operation::Write { sector, data } => self.range(sector, data.len()).map(|bytes| {
                bytes.copy_from_slice(&data);
                Vec::new()
            }),
            Operation::Flush => Ok(Vec::new()),
        })
    }
}
