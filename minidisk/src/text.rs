//! The border between host files, which are bytes, and CMS files, which are records.
//!
//! A text file becomes a variable file, one record for each line. CMS has no empty records, so an empty line is stored as one blank,
//! and a record of exactly one blank becomes an empty line again. What would not come back byte for byte that way is stored as a
//! fixed file with records of one byte, which is the bytes themselves. On disks that come from elsewhere or go there text is EBCDIC;
//! [`Import::Ebcdic`] and [`Export::Ebcdic`] convert it. Talks to [`crate::edf`] and [`crate::ebcdic`] only.

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt::{Debug, Display};

use crate::ebcdic;
use crate::edf::{BlockDevice, DateTime, EdfError, FileId, FileSystem, MAX_RECORD, RecordFormat};

/// Records of one byte that are moved at once.
const BINARY_RUN: u32 = 1 << 18;

/// How bytes become records.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Import {
    /// Lines when [`is_text`] says so, else bytes.
    Auto,
    /// Lines, each a record of a variable file. A last line without its LF gets one on the way back, and a line of one blank loses it.
    Text,
    /// Bytes, each a record of a fixed file.
    Binary,
    /// Lines of UTF-8, each a record of a variable file in EBCDIC code page 1047.
    Ebcdic,
}

/// How records become bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Export {
    /// Variable: lines, each ended by LF. Fixed with records of one byte: the bytes. Other fixed files: lines without trailing blanks.
    Auto,
    /// The bytes of the records, with nothing between them.
    Raw,
    /// Records in EBCDIC code page 1047 as lines of UTF-8, those of a fixed file without trailing blanks.
    Ebcdic,
}

/// Why a host file was not taken in.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum ImportError<E: Debug + Display> {
    /// A line is longer than any record.
    #[error("Line {0} is longer than 65535 bytes")]
    LineTooLong(u64),
    /// A line has a character that code page 1047 has not, or is no UTF-8.
    #[error("Line {0} has a character that EBCDIC code page 1047 does not have")]
    NotEbcdic(u64),
    /// The disk did not take it.
    #[error(transparent)]
    Disk(#[from] EdfError<E>),
}

/// Why a file was not given out; `S` is the error of whoever takes the bytes.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum ExportError<E: Debug + Display, S> {
    /// The disk could not be read.
    #[error("{0}")]
    Disk(EdfError<E>),
    /// The bytes were not taken.
    #[error("{0}")]
    Sink(S),
}

/// Whether bytes are lines that come back exactly: each ended by LF, at most 65535 long, none of one blank, and no NUL anywhere.
pub fn is_text(bytes: &[u8]) -> bool {
    let Some(lines) = bytes.strip_suffix(b"\n") else {
        return bytes.is_empty();
    };
    !bytes.contains(&0) && lines.split(|&byte| byte == b'\n').all(|line| line != b" " && line.len() <= MAX_RECORD as usize)
}

/// The records of a text: its lines without LF, an empty one as one blank.
pub fn records(text: &[u8]) -> impl Iterator<Item = &[u8]> {
    let lines = text.strip_suffix(b"\n").unwrap_or(text);
    let lines = (!text.is_empty()).then(|| lines.split(|&byte| byte == b'\n'));
    lines.into_iter().flatten().map(|line| if line.is_empty() { b" " } else { line })
}

/// Adds to `out` what a record of a file of that format is outside.
pub fn export_record(format: RecordFormat, how: Export, record: &[u8], out: &mut Vec<u8>) {
    match (format, how) {
        (_, Export::Ebcdic) => {
            let text: String = record.iter().map(|&code| char::from(ebcdic::to_latin1(code))).collect();
            match format {
                // A string of bytes has its own line ends: NEL.
                RecordFormat::Fixed(1) => return out.extend(text.replace('\u{85}', "\n").bytes()),
                RecordFormat::Fixed(_) => out.extend(text.trim_end_matches(' ').bytes()),
                RecordFormat::Variable => out.extend(if text == " " { "" } else { &text }.bytes()),
            }
            out.push(b'\n');
        }
        (_, Export::Raw) | (RecordFormat::Fixed(1), _) => out.extend_from_slice(record),
        (RecordFormat::Variable, _) => {
            out.extend_from_slice(if record == b" " { b"" } else { record });
            out.push(b'\n');
        }
        (RecordFormat::Fixed(_), _) => {
            let end = record.iter().rposition(|&byte| byte != b' ').map_or(0, |last| last + 1);
            out.extend_from_slice(&record[..end]);
            out.push(b'\n');
        }
    }
}

/// Makes a file of bytes, in place of the one of that name if there is one. Durable with the next commit. Answers the format it got.
pub fn import<D: BlockDevice>(
    system: &mut FileSystem<D>,
    id: &FileId,
    mode: u8,
    now: DateTime,
    bytes: &[u8],
    how: Import,
) -> Result<RecordFormat, ImportError<D::Error>> {
    let text = match how {
        Import::Auto => is_text(bytes),
        Import::Text | Import::Ebcdic => true,
        Import::Binary => false,
    };
    if text {
        let long = records(bytes).zip(1u64..).find(|(record, _)| record.len() > MAX_RECORD as usize);
        if let Some((_, number)) = long {
            return Err(ImportError::LineTooLong(number));
        }
        if how == Import::Ebcdic {
            let encoded = records(bytes).zip(1u64..).map(|(line, number)| encode(line).ok_or(ImportError::NotEbcdic(number)));
            let encoded = encoded.collect::<Result<Vec<_>, _>>()?;
            system.write(id, mode, RecordFormat::Variable, now, encoded)?;
        } else {
            system.write(id, mode, RecordFormat::Variable, now, records(bytes))?;
        }
        return Ok(RecordFormat::Variable);
    }
    let mut writer = system.create(id, mode, RecordFormat::Fixed(1))?;
    if let Err(error) = system.put_run(&mut writer, bytes) {
        system.abandon(writer);
        return Err(error.into());
    }
    system.close(writer, now)?;
    Ok(RecordFormat::Fixed(1))
}

/// A line of UTF-8 in EBCDIC; `None` when that cannot be.
fn encode(line: &[u8]) -> Option<Vec<u8>> {
    let text = core::str::from_utf8(line).ok()?;
    text.chars().map(|c| u8::try_from(c).ok().map(ebcdic::from_latin1)).collect()
}

/// Hands the bytes of a file to `sink`, piece by piece.
pub fn export<D: BlockDevice, S>(
    system: &mut FileSystem<D>,
    id: &FileId,
    how: Export,
    mut sink: impl FnMut(&[u8]) -> Result<(), S>,
) -> Result<(), ExportError<D::Error, S>> {
    let mut reader = system.open_reader(id).map_err(ExportError::Disk)?;
    let format = reader.entry().format;
    let most = if format == RecordFormat::Fixed(1) { BINARY_RUN } else { 1 };
    let (mut records, mut out) = (Vec::new(), Vec::new());
    while system.read_run(&mut reader, most, &mut records).map_err(ExportError::Disk)? > 0 {
        export_record(format, how, &records, &mut out);
        if out.len() >= BINARY_RUN as usize {
            sink(&out).map_err(ExportError::Sink)?;
            out.clear();
        }
    }
    if out.is_empty() { Ok(()) } else { sink(&out).map_err(ExportError::Sink) }
}

#[cfg(test)]
mod tests {
    use alloc::vec;
    use core::convert::Infallible;

    use proptest::prelude::*;

    use super::*;
    use crate::edf::MemoryDisk;

    fn disk() -> FileSystem<MemoryDisk> {
        FileSystem::format(MemoryDisk::new(400), "TEXT", 2, DateTime::default()).unwrap()
    }

    fn name() -> FileId {
        FileId::new("README", "MD").unwrap()
    }

    fn put(disk: &mut FileSystem<MemoryDisk>, bytes: &[u8], how: Import) -> RecordFormat {
        import(disk, &name(), 1, DateTime::default(), bytes, how).unwrap()
    }

    fn get(disk: &mut FileSystem<MemoryDisk>, how: Export) -> Vec<u8> {
        let mut bytes = Vec::new();
        let taken: Result<(), ExportError<_, Infallible>> = export(disk, &name(), how, |piece| {
            bytes.extend_from_slice(piece);
            Ok(())
        });
        taken.unwrap();
        bytes
    }

    #[test]
    fn lines_become_records_and_an_empty_line_one_blank() {
        let mut disk = disk();
        assert_eq!(put(&mut disk, b"# CP-64\n\nlast\n", Import::Auto), RecordFormat::Variable);
        let records: Vec<Vec<u8>> = disk.read(&name()).unwrap().map(Result::unwrap).collect();
        assert_eq!(records, [&b"# CP-64"[..], b" ", b"last"]);
        assert_eq!(get(&mut disk, Export::Auto), b"# CP-64\n\nlast\n");
        assert_eq!(get(&mut disk, Export::Raw), b"# CP-64 last");
    }

    #[test]
    fn what_would_not_come_back_as_text_is_stored_as_bytes() {
        for bytes in [&b"no line end"[..], b"a\n \nb\n", b"nul\0\n", &[b'x'; 70_000], &[&[b'x'; 65_536][..], b"\n"].concat()] {
            let mut disk = disk();
            assert_eq!(put(&mut disk, bytes, Import::Auto), RecordFormat::Fixed(1));
            assert_eq!(disk.find(&name()).unwrap().records as usize, bytes.len());
            assert!(get(&mut disk, Export::Auto) == bytes);
        }
    }

    #[test]
    fn an_empty_host_file_is_a_file_without_records() {
        let mut disk = disk();
        put(&mut disk, b"", Import::Auto);
        assert_eq!(disk.find(&name()).unwrap().records, 0);
        assert_eq!(get(&mut disk, Export::Auto), b"");
        assert_eq!(put(&mut disk, b"\n", Import::Auto), RecordFormat::Variable);
        assert_eq!(get(&mut disk, Export::Auto), b"\n");
    }

    #[test]
    fn text_on_request_takes_what_auto_would_not() {
        let mut disk = disk();
        assert_eq!(put(&mut disk, b"one\ntwo", Import::Text), RecordFormat::Variable);
        assert_eq!(get(&mut disk, Export::Auto), b"one\ntwo\n");
        let long = [b"ok\n", &[b'x'; 65_536][..]].concat();
        let refused = import(&mut disk, &name(), 1, DateTime::default(), &long, Import::Text);
        assert_eq!(refused, Err(ImportError::LineTooLong(2)));
        assert_eq!(get(&mut disk, Export::Auto), b"one\ntwo\n");
    }

    #[test]
    fn fixed_files_come_out_as_lines_without_trailing_blanks() {
        let mut disk = disk();
        let card = |text: &str| {
            let mut card = String::from(text);
            card.extend(core::iter::repeat_n(' ', 80 - text.len()));
            card
        };
        let cards = [card("FIRST"), card(""), card("  THIRD")];
        disk.write(&name(), 1, RecordFormat::Fixed(80), DateTime::default(), &cards).unwrap();
        assert_eq!(get(&mut disk, Export::Auto), b"FIRST\n\n  THIRD\n");
        assert_eq!(get(&mut disk, Export::Raw), cards.concat().into_bytes());
    }

    #[test]
    fn text_of_other_systems_is_converted_at_the_border() {
        let mut disk = disk();
        assert_eq!(put(&mut disk, "Grüße [1]\n\nend".as_bytes(), Import::Ebcdic), RecordFormat::Variable);
        let records: Vec<Vec<u8>> = disk.read(&name()).unwrap().map(Result::unwrap).collect();
        assert_eq!(records, [&[0xC7, 0x99, 0xDC, 0x59, 0x85, 0x40, 0xAD, 0xF1, 0xBD][..], &[0x40], &[0x85, 0x95, 0x84]]);
        assert_eq!(get(&mut disk, Export::Ebcdic), "Grüße [1]\n\nend\n".as_bytes());
        let card = [&[0xC8, 0xC9][..], &[0x40; 78]].concat();
        disk.write(&name(), 1, RecordFormat::Fixed(80), DateTime::default(), [card]).unwrap();
        assert_eq!(get(&mut disk, Export::Ebcdic), b"HI\n");
        put(&mut disk, &[0xC8, 0xC9, 0x15], Import::Binary);
        assert_eq!(get(&mut disk, Export::Ebcdic), b"HI\n");
        for (bytes, line) in [("a\nprice €\n".as_bytes(), 2), (b"\xFF\n", 1)] {
            let refused = import(&mut disk, &name(), 1, DateTime::default(), bytes, Import::Ebcdic);
            assert_eq!(refused, Err(ImportError::NotEbcdic(line)));
        }
    }

    #[test]
    fn a_sink_that_fails_ends_the_export() {
        let mut disk = disk();
        put(&mut disk, b"line\n", Import::Auto);
        assert_eq!(export(&mut disk, &name(), Export::Auto, |_| Err("full")), Err(ExportError::Sink("full")));
    }

    #[test]
    fn a_file_that_does_not_fit_leaves_the_old_one() {
        let mut disk = disk();
        put(&mut disk, b"old\n", Import::Auto);
        let refused = import(&mut disk, &name(), 1, DateTime::default(), &vec![0; 2 << 20], Import::Auto);
        assert_eq!(refused, Err(ImportError::Disk(EdfError::Full)));
        assert_eq!(get(&mut disk, Export::Auto), b"old\n");
    }

    proptest! {
        #[test]
        fn what_is_put_is_got_byte_for_byte(
            bytes in prop_oneof![
                prop::collection::vec(any::<u8>(), 0..3000),
                prop::collection::vec(prop_oneof![Just(b'\n'), Just(b' '), Just(b'x'), Just(b'\r'), any::<u8>()], 0..200),
                "([ -~]{0,90}\n){0,60}".prop_map(String::into_bytes),
            ]
        ) {
            let mut disk = disk();
            put(&mut disk, &bytes, Import::Auto);
            prop_assert_eq!(get(&mut disk, Export::Auto), bytes.clone());
            put(&mut disk, &bytes, Import::Binary);
            prop_assert_eq!(get(&mut disk, Export::Auto), bytes);
        }
    }
}
