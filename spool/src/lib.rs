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
//!
//! | CP wants to | and calls |
//! |---|---|
//! | write a file | [`Spool::create`], [`OpenFile::append`] (records up to [`RECORD_MAX`] bytes), [`Spool::close`] |
//! | read one | [`Spool::reader`], [`FileReader::next_record`] |
//! | select, change, order, move, purge | [`Spool::list`], [`Spool::change`], [`Spool::order`], [`Spool::transfer`], [`Spool::purge`] |
//! | limit a user's files (MAXSPOOL) | [`Spool::limit_files`], once at the start and whenever the directory changes; [`SpoolError::FileLimit`] |
//! | limit the space of all | [`Spool::limit_space`]; [`SpoolError::SpaceLimit`] |
//! | warn the operator at 80, 90, 95, 100% | [`Spool::listen`]; [`SpoolEvent`] |
//! | show how full it is | [`Spool::space`], [`Spool::totals`] |
//! | SPXTAPE DUMP, LOAD, SCAN | [`Spool::dump`], [`Spool::load`], [`Spool::scan`], with a [`Watch`] that shows [`Progress`] and may end it |
//! | know a console file | [`Device::Console`]; [`FileInfo::longest`] is the length of the longest record |
//! | check and repair | [`Spool::check`] |

mod archive;
mod attributes;
mod ballast;
mod block;
mod catalog;
mod check;
mod commit;
mod disk;
mod error;
mod index;
mod pins;
mod reader;
mod room;
mod scan;
mod segments;
mod spool;
mod start;
mod writer;

pub use archive::{ArchiveError, ArchiveReader, ArchiveReport, ArchiveWriter, DumpOptions, Label, LoadOptions, Passed, Progress, Watch};
pub use attributes::{
    AttributeError, Attributes, Change, Class, Closed, Copies, DataSetName, Destination, Device, FileInfo, FileName, Hold, NewFile, Queue,
    QueueCounts, Selection, Space, Spid, Tag, Totals, Transferred, Userid, Word,
};
pub use block::{RECORD_MAX, Record};
pub use check::{CheckReport, Problem};
pub use disk::{Disk, DiskFile, HostDisk};
pub use error::SpoolError;
pub use reader::{FileReader, Place};
pub use room::SpoolEvent;
pub use spool::{CloseError, Options, Spool};
pub use start::{StartMode, StartReport};
pub use writer::OpenFile;
