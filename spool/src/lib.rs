//! The spool: reader, printer and punch files of every user, kept durably.
//!
//! Metadata lives in a redb index, records in append-only segment files with a CRC per block. The crate knows nothing of
//! CP; it takes no clock and no randomness beyond the identity of a new store. Every call may block on the disk, so CP
//! makes them on its I/O threads.
//!
//! ```text
//!   Spool ── OpenFile ──> segments (blocks)  ──┐
//!     │                                        ├─ group commit: sync the segments once, commit the index once
//!     └──── operations ─> catalog ─> index  ───┘
//!     └──── FileReader <─ segments, pinned against purge
//! ```
//!
//! What is promised: CLOSE answers when records and index are durable. After kill -9 or loss of power at any moment a
//! file is whole or absent, and every acknowledged one is there. A full disk costs the file being written and nothing else.

mod attributes;
mod block;
mod catalog;
mod check;
mod commit;
mod disk;
mod error;
mod index;
mod pins;
mod reader;
mod segments;
mod spool;
mod start;
mod writer;

pub use attributes::{
    AttributeError, Attributes, Change, Class, Closed, Copies, DataSetName, Destination, Device, FileInfo, FileName, Hold, NewFile, Queue,
    QueueCounts, Selection, Spid, Tag, Totals, Transferred, Userid, Word,
};
pub use block::{RECORD_MAX, Record};
pub use check::{CheckReport, Problem};
pub use disk::{Disk, DiskFile, HostDisk};
pub use error::SpoolError;
pub use reader::FileReader;
pub use spool::{CloseError, Options, Spool};
pub use start::{StartMode, StartReport};
pub use writer::OpenFile;
