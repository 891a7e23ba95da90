//! PACK and UNPACK of COPYFILE: runs of equal characters take three bytes. Pure.
//!
//! A packed file has fixed records of 1024 bytes, which are a string of bytes: `PACK`, a version, the record format (`F` or `V`), the record length and
//! the number of records as big-endian `u32`; then the records. Each is its length as big-endian `u16`s (one of X'FFFF' says that more follows)
//! and its pieces: a byte `n` below 128 and `n + 1` bytes as they are, or `n` from 128 on and one byte that stands `n - 125` times.

use alloc::vec::Vec;

use minidisk::edf::RecordFormat;

/// Record length of packed files.
pub(super) const LRECL: u32 = 1024;
/// What a packed file begins with.
const MAGIC: &[u8; 5] = b"PACK\x01";
/// Bytes of the header.
const HEADER: usize = 14;
/// Shortest run that is packed, and longest piece.
const RUN: usize = 3;
const PIECE: usize = 128;
/// Longest record.
const RECORD_MAX: usize = 64 * 1024;

/// The header of a packed file.
pub(super) fn header(format: RecordFormat, records: u32) -> Vec<u8> {
    let (letter, length) = match format {
        RecordFormat::Fixed(length) => (b'F', length),
        RecordFormat::Variable => (b'V', 0),
    };
    let mut header = MAGIC.to_vec();
    header.push(letter);
    header.extend_from_slice(&length.to_be_bytes());
    header.extend_from_slice(&records.to_be_bytes());
    header
}

/// Appends a record, packed.
pub(super) fn pack(record: &[u8], out: &mut Vec<u8>) {
    let mut length = record.len();
    while length >= 0xffff {
        out.extend_from_slice(&[0xff; 2]);
        length -= 0xffff;
    }
    out.extend_from_slice(&(length as u16).to_be_bytes());
    let (mut at, mut plain) = (0, 0);
    while at < record.len() {
        let run = record[at..].iter().take(PIECE + 2).take_while(|byte| **byte == record[at]).count();
        if run < RUN {
            at += 1;
            continue;
        }
        literal(&record[plain..at], out);
        out.extend_from_slice(&[(run + 125) as u8, record[at]]);
        at += run;
        plain = at;
    }
    literal(&record[plain..], out);
}

fn literal(bytes: &[u8], out: &mut Vec<u8>) {
    for piece in bytes.chunks(PIECE) {
        out.push((piece.len() - 1) as u8);
        out.extend_from_slice(piece);
    }
}

/// A packed file being unpacked. Its bytes are given record by record.
#[derive(Debug, Default)]
pub(super) struct Unpacker {
    bytes: Vec<u8>,
    /// How many of them were used.
    at: usize,
    header: Option<(RecordFormat, u32)>,
    done: u32,
}

/// The file is not what PACK has written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Damaged;

impl Unpacker {
    /// Takes more bytes of the file.
    pub(super) fn give(&mut self, bytes: &[u8]) {
        self.bytes.drain(..self.at);
        self.at = 0;
        self.bytes.extend_from_slice(bytes);
    }

    /// The format of the file as it was.
    pub(super) fn format(&mut self) -> Result<Option<RecordFormat>, Damaged> {
        if self.header.is_none() {
            let Some(header) = self.bytes.get(self.at..self.at + HEADER) else { return Ok(None) };
            let number = |at: usize| header[at..at + 4].iter().fold(0_u32, |number, byte| number << 8 | u32::from(*byte));
            let format = match header[5] {
                b'F' if (1..=RECORD_MAX as u32).contains(&number(6)) => RecordFormat::Fixed(number(6)),
                b'V' => RecordFormat::Variable,
                _ => return Err(Damaged),
            };
            if !header.starts_with(MAGIC) {
                return Err(Damaged);
            }
            self.header = Some((format, number(10)));
            self.at += HEADER;
        }
        Ok(self.header.map(|(format, _)| format))
    }

    /// The next record, when all its bytes are there.
    pub(super) fn next(&mut self) -> Result<Option<Vec<u8>>, Damaged> {
        if self.format()?.is_none() || self.is_complete() {
            return Ok(None);
        }
        let (mut at, mut length) = (self.at, 0);
        loop {
            let Some(part) = self.bytes.get(at..at + 2) else { return Ok(None) };
            let part = usize::from(part[0]) << 8 | usize::from(part[1]);
            (at, length) = (at + 2, length + part);
            if length > RECORD_MAX {
                return Err(Damaged);
            }
            if part < 0xffff {
                break;
            }
        }
        let mut record = Vec::with_capacity(length);
        while record.len() < length {
            let Some(&size) = self.bytes.get(at) else { return Ok(None) };
            let size = usize::from(size);
            if size < PIECE {
                let Some(piece) = self.bytes.get(at + 1..at + 2 + size) else { return Ok(None) };
                record.extend_from_slice(piece);
                at += 2 + size;
            } else {
                let Some(&byte) = self.bytes.get(at + 1) else { return Ok(None) };
                record.resize(record.len() + size - 125, byte);
                at += 2;
            }
        }
        if record.len() != length {
            return Err(Damaged);
        }
        self.at = at;
        self.done += 1;
        Ok(Some(record))
    }

    /// Every record was taken.
    pub(super) fn is_complete(&self) -> bool {
        self.header.is_some_and(|(_, records)| records == self.done)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec;
    use proptest::prelude::*;

    /// The format, the records, and whether these were all.
    type Unpacked = (Option<RecordFormat>, Vec<Vec<u8>>, bool);

    fn unpacked(bytes: &[u8], step: usize) -> Result<Unpacked, Damaged> {
        let (mut unpacker, mut records) = (Unpacker::default(), Vec::new());
        for part in bytes.chunks(step) {
            unpacker.give(part);
            while let Some(record) = unpacker.next()? {
                records.push(record);
            }
        }
        Ok((unpacker.format()?, records, unpacker.is_complete()))
    }

    #[test]
    fn blanks_take_little() {
        let mut out = Vec::new();
        pack(&[b"some text".as_slice(), &[b' '; 71]].concat(), &mut out);
        assert_eq!(out.len(), 2 + 1 + 9 + 2);
    }

    proptest! {
        #[test]
        fn what_is_packed_comes_back(records in prop::collection::vec(prop::collection::vec(prop_oneof![Just(b' '), Just(b'x'), any::<u8>()], 1..400), 0..8), step in 1_usize..1500) {
            let mut packed = header(RecordFormat::Variable, records.len() as u32);
            records.iter().for_each(|record| pack(record, &mut packed));
            packed.resize(packed.len().next_multiple_of(LRECL as usize), 0);
            prop_assert_eq!(unpacked(&packed, step), Ok((Some(RecordFormat::Variable), records, true)));
        }

        #[test]
        fn any_bytes_are_records_or_damaged(bytes in prop::collection::vec(any::<u8>(), 0..300), step in 1_usize..100) {
            let _ = unpacked(&[header(RecordFormat::Fixed(80), 1000).as_slice(), &bytes].concat(), step);
            let _ = unpacked(&bytes, step);
        }
    }

    #[test]
    fn long_records_have_a_long_length() {
        let record = vec![7; 65_535];
        let mut packed = header(RecordFormat::Fixed(65_535), 1);
        pack(&record, &mut packed);
        assert_eq!(unpacked(&packed, 1024), Ok((Some(RecordFormat::Fixed(65_535)), vec![record], true)));
    }
}
