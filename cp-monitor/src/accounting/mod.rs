//! Accounting: what each session used, on record when it ends and whenever ACNT asks for it.
//!
//! [`record`] is what a record says and how it stands in a file, [`ledger`] the files that CP appends to, [`read`] the same files read,
//! whether CP runs or not. Knows users by name only; [`crate::users`] says what they used.
//!
//! # The files
//!
//! `accounting/nnnnnnnn.acct` in the data directory, numbered from 1; records are appended to the last one, which gives way to the next at
//! 16 MiB. The newest 64 are kept, some three million records. A line is a record: the CRC-32 of the rest of the line as eight hexadecimal
//! digits, a blank, and one JSON object, the fields of [`Record`]. So a line that was torn or damaged is known as such and the others can still be
//! read, by any program.

pub mod ledger;
pub mod read;
pub mod record;

use std::path::{Path, PathBuf};

pub use ledger::{Ledger, LedgerError};
pub use record::{Record, Used, Why};

/// Ends the name of a file of records.
const EXTENSION: &str = "acct";

/// The files of records in a folder with their numbers, oldest first. Anything else in it is left alone.
fn files(folder: &Path) -> std::io::Result<Vec<(u32, PathBuf)>> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        let number = path.file_stem().and_then(|name| name.to_str()).filter(|name| name.len() == 8).and_then(|name| name.parse().ok());
        if let Some(number) = number.filter(|_| path.extension().is_some_and(|extension| extension == EXTENSION)) {
            found.push((number, path));
        }
    }
    found.sort();
    Ok(found)
}

fn file_of(folder: &Path, number: u32) -> PathBuf {
    folder.join(format!("{number:08}.{EXTENSION}"))
}
