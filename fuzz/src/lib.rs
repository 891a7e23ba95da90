//! What each fuzz target does with its bytes: a function that must return, whatever they are.
//!
//! `cargo fuzz run NAME --features libfuzzer -s none` drives it with libFuzzer (stable Rust, a C++ compiler, `cargo install cargo-fuzz`).
//! `cargo test -p fuzz` runs it over seeds and thousands of variations of them. To add a target: a function here, its seeds in `tests/seeds.rs`,
//! four lines in `fuzz_targets/`, a `[[bin]]` in Cargo.toml.

pub mod cms;
pub mod debuggers;
pub mod decks;
pub mod disks;
pub mod dumps;
mod memory_disk;
pub mod pc;
pub mod soft;
pub mod terminals;

use std::io::ErrorKind;
use std::path::Path;
use std::sync::Arc;

use spool::{ArchiveError, ArchiveReader, ArchiveWriter, Options, Spool};

pub use memory_disk::MemoryDisk;

/// Where the targets' spools are, on a disk of their own.
pub const SPOOL: &str = "/spool";

/// Reads a SPXTAPE archive to its end or its damage. What is read whole is written again, and must be the same archive.
///
/// # Panics
/// When the archive that is written differs from the one that was read.
pub fn archive(bytes: &[u8]) {
    let Ok(mut reader) = ArchiveReader::new(bytes) else {
        return;
    };
    let mut copy = ArchiveWriter::new(Vec::new(), &reader.label()).expect("memory takes it");
    loop {
        let file = match reader.next_file() {
            Ok(Some(file)) => file,
            Ok(None) => break,
            Err(_) => return,
        };
        copy.begin(&file).expect("memory takes it");
        loop {
            match reader.next_record() {
                Ok(Some(record)) => copy.record(record).expect("memory takes it"),
                Ok(None) => break copy.end(&file).expect("memory takes it"),
                Err(ArchiveError::Void) => break copy.give_up().expect("memory takes it"),
                Err(_) => return,
            }
        }
    }
    let copy = copy.finish().expect("memory takes it");
    let mut copied = ArchiveReader::new(copy.as_slice()).expect("it is an archive");
    while copied.next_file().expect("it is whole").is_some() {}
}

/// Looks for records in a segment whose index is lost, as `cp64 check --repair` does.
///
/// # Panics
/// When the host could do it and the check says it could not.
pub fn segment_scan(bytes: &[u8]) {
    let disk = MemoryDisk::default();
    disk.put(&Path::new(SPOOL).join("segment-00000001"), bytes);
    let options = Options { disk: Arc::new(disk.clone()), ..Options::default() };
    let report = Spool::check_with(Path::new(SPOOL), true, &options).expect("memory can be read and written");
    assert_eq!(report.problems.len(), 1, "the index is lost");
    assert_eq!(disk.bytes(&Path::new(SPOOL).join("aside-0001/segment-00000001")).map_err(|error| error.kind()), Ok(bytes.to_vec()));
    assert_eq!(disk.bytes(&Path::new(SPOOL).join("segment-00000001")).map_err(|error| error.kind()), Err(ErrorKind::NotFound));
}
