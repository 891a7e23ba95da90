//! The spool: reader, printer and punch files of every user, kept durably.
//!
//! Metadata lives in a redb index, records in append-only segment files with a CRC per block. The crate knows nothing of
//! CP; it takes no clock and no randomness beyond the identity of a new store. Every call may block on the disk, so CP
//! makes them on its I/O threads.

mod attributes;
mod disk;
mod error;
mod spool;

pub use attributes::{
    AttributeError, Attributes, Change, Class, Closed, Copies, DataSetName, Destination, Device,
    FileInfo, FileName, Hold, NewFile, Queue, QueueCounts, Selection, Spid, Tag, Totals,
    Transferred, Userid, Word,
};
pub use disk::{Disk, DiskFile, HostDisk};
pub use error::SpoolError;
pub use spool::{
    CheckReport, FileReader, OpenFile, Problem, Record, Spool, StartMode, StartReport,
};
