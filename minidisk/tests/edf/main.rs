//! The CMS file system from outside: the layout on disk, files of every size, crashes, a full disk, and damaged disks.
#![allow(missing_docs)]

mod crash;
mod files;
mod foreign;
mod hostile;
mod layout;
mod model;
mod repair;
mod update;

use minidisk::edf::{DateTime, FileId};

/// A file identifier that is known to be good.
fn id(name: &str, file_type: &str) -> FileId {
    FileId::new(name, file_type).expect("a good name")
}

/// The moment at which all tests happen.
fn now() -> DateTime {
    DateTime { year: 2026, month: 11, day: 22, hour: 14, minute: 41, second: 9 }
}

/// Bytes that differ from place to place: record `number` of a file.
fn pattern(number: usize, length: usize) -> Vec<u8> {
    (0..length).map(|at| (number.wrapping_mul(31) ^ at.wrapping_mul(7)) as u8).collect()
}
