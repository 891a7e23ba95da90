//! What TAPE and VMFPLC2 of VM/370 and its successors write: files as they are on their disks, blocked. Pure; a tape is taken for hostile.
//!
//! ```text
//! TAPE     X'02' CMS and a letter, then data: blank VM/370, F and V its successors (whose blocks are longer), 0 a block of zeros.
//!          Behind the data of a file one block with N, of at least 87 bytes: 48 bytes of its directory entry, 16 that mean nothing, its
//!          name, type and mode
//! VMFPLC2  X'02' PLC and H, then the directory entry, which begins with name and type; behind it blocks with D and the data
//! ```
//!
//! Data is packed without regard to blocks; a record of a varying file stands behind its length, two bytes. What fills the last block means
//! nothing. Sources: CMS Command and Macro Reference, Release 6, TAPE, usage notes; what `vmfplc2` of Hercules reads and writes; dumps of tapes
//! from 1984 on the cctalk list, 2023.

use alloc::vec::Vec;

use minidisk::ebcdic;
use minidisk::edf::{ATTRIBUTES, FileEntry, RecordFormat};

use crate::disks::file_id;

/// Bytes before the data of a block: X'02', three letters of whose block it is, and one of what it holds.
const MARK: usize = 5;
/// Bytes in a card.
const CARD: usize = 80;
/// Bytes of the block behind a file of TAPE that mean something.
const TRAILER: usize = 82;
/// Bytes of the block before a file of VMFPLC2 that mean something.
const HEADER: usize = 72;

/// What a block holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Part<'a> {
    /// Data of a file of TAPE.
    Data(&'a [u8]),
    /// So many zeros of one.
    Zeros(usize),
    /// Its end; none: no entry that a file can have.
    End(Option<FileEntry>),
    /// The beginning of a file of VMFPLC2.
    Header(Option<FileEntry>),
    /// Its data.
    HeadedData(&'a [u8]),
}

impl<'a> Part<'a> {
    /// What a block holds; none when neither of the two has written it.
    pub(super) fn of(block: &'a [u8]) -> Option<Self> {
        let (mark, data) = block.split_at_checked(MARK)?;
        let mut letters = [mark[1], mark[2], mark[3], mark[4]];
        ebcdic::decode(&mut letters);
        // Blocks of cards ([`crate::dump`]) begin alike; no block of data is as long as some cards.
        let cards = matches!(letters[3], b' ' | b'N') && block.len().is_multiple_of(CARD);
        if mark[0] != 2 || cards {
            return None;
        }
        match &letters {
            b"CMS " | b"CMSF" | b"CMSV" => Some(Part::Data(data)),
            b"CMS0" => Some(Part::Zeros(data.len())),
            b"CMSN" => Some(Part::End(data.first_chunk().and_then(trailer))),
            b"PLCH" => Some(Part::Header(data.first_chunk().and_then(header))),
            b"PLCD" => Some(Part::HeadedData(data)),
            _ => None,
        }
    }
}

/// The entry in the block behind a file.
fn trailer(raw: &[u8; TRAILER]) -> Option<FileEntry> {
    let (day_and_time, counts) = (&raw[0x14..0x18], &raw[0x18..0x2c]);
    entry(&raw[0x40..0x52], &raw[0x0a..0x14], day_and_time, &raw[0x06..0x08], counts)
}

/// The entry in the block before a file.
fn header(raw: &[u8; HEADER]) -> Option<FileEntry> {
    let named = [&raw[..0x10], &raw[0x18..0x1a]].concat();
    entry(&named, &raw[0x1e..0x28], &raw[0x10..0x14], &raw[0x1a..0x1c], &raw[0x30..0x44])
}

/// An entry from its parts: name, type and mode; format, flags, record length, blocks and year; month, day, hour and minute; records in 16 bits;
/// what later disks have: place, blocks, records, levels, pointers and date, zeros when they do not.
fn entry(named: &[u8], format: &[u8], day_and_time: &[u8], records: &[u8], counts: &[u8]) -> Option<FileEntry> {
    let mut name: Vec<u8> = named.to_vec();
    ebcdic::decode(&mut name);
    let text = |part: &[u8]| alloc::string::String::from_utf8_lossy(part).trim_end().to_ascii_uppercase();
    let id = file_id(&text(&name[..8]), &text(&name[8..16]))?;
    // The entry as a disk has it behind the name.
    let mut attributes = [0; ATTRIBUTES];
    attributes[0x08..0x0a].copy_from_slice(&named[16..18]);
    attributes[0x0e..0x18].copy_from_slice(format);
    match counts[8..12].iter().any(|byte| *byte != 0) {
        true => attributes[0x20..0x24].copy_from_slice(&counts[8..12]),
        false => attributes[0x22..0x24].copy_from_slice(records),
    }
    match counts[14..20].iter().any(|byte| *byte != 0) {
        true => attributes[0x26..0x2c].copy_from_slice(&counts[14..20]),
        false => {
            // The year in two digits of EBCDIC.
            attributes[0x26] = (format[8] & 15) << 4 | format[9] & 15;
            attributes[0x27..0x2b].copy_from_slice(day_and_time);
        }
    }
    FileEntry::from_attributes(id, &attributes)
}

/// The records in the data of a file.
#[derive(Debug)]
pub(super) struct Records {
    format: RecordFormat,
    left: u32,
    pending: Vec<u8>,
    at: usize,
}

impl Records {
    /// Of a file with that entry.
    pub(super) fn of(entry: &FileEntry) -> Self {
        Self { format: entry.format, left: entry.records, pending: Vec::new(), at: 0 }
    }

    /// Adds the data of a block; `false` when every record has come.
    pub(super) fn add(&mut self, data: &[u8]) -> bool {
        self.pending.drain(..core::mem::take(&mut self.at));
        self.pending.extend_from_slice(data);
        self.left > 0
    }

    /// The next record that is complete.
    pub(super) fn next_record(&mut self) -> Option<Vec<u8>> {
        if self.left == 0 {
            return None;
        }
        let waiting = &self.pending[self.at..];
        let (skip, length) = match (self.format, waiting) {
            (RecordFormat::Fixed(lrecl), _) => (0, lrecl as usize),
            // No record is empty: from here on the block is filled up.
            (RecordFormat::Variable, [0, 0, ..]) => {
                self.at = self.pending.len();
                return None;
            }
            (RecordFormat::Variable, [high, low, ..]) => (2, usize::from(u16::from_be_bytes([*high, *low]))),
            (RecordFormat::Variable, _) => return None,
        };
        let record = waiting.get(skip..skip + length)?.to_vec();
        self.at += skip + length;
        self.left -= 1;
        Some(record)
    }

    /// Whether every record came.
    pub(super) fn is_complete(&self) -> bool {
        self.left == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The block behind a file of a tape from 1984, as it was shown on the cctalk list: CHECK1 PSAS, 373 records of 80 bytes.
    const TRAILER_OF_1984: [u8; 87] = [
        0x02, 0xc3, 0xd4, 0xe2, 0xd5, 0x01, 0x76, 0x00, 0x01, 0xc1, 0xf1, 0x01, 0x75, 0x00, 0x00, 0xc6, 0x00, 0x00, 0x00, 0x00, 0x50, 0x00,
        0x08, 0xf8, 0xf4, 0x12, 0x05, 0x12, 0x31, 0x00, 0x00, 0x01, 0x3b, 0x00, 0x00, 0x00, 0x08, 0x00, 0x00, 0x01, 0x75, 0x01, 0x04, 0x84,
        0x12, 0x05, 0x12, 0x31, 0x21, 0x00, 0x00, 0x00, 0x00, 0xe4, 0xe3, 0xc5, 0x40, 0xe2, 0xc1, 0xe2, 0xc6, 0xc9, 0xd3, 0xc5, 0x40, 0x00,
        0x00, 0x00, 0x00, 0xc3, 0xc8, 0xc5, 0xc3, 0xd2, 0xf1, 0x40, 0x40, 0xd7, 0xe2, 0xc1, 0xe2, 0x40, 0x40, 0x40, 0x40, 0xc1, 0xf1,
    ];

    fn shown(part: Option<Part<'_>>) -> alloc::string::String {
        match part {
            Some(Part::End(Some(file)) | Part::Header(Some(file))) => {
                alloc::format!("{} {} {:?} {} {}", file.id, file.mode, file.format, file.records, file.modified)
            }
            other => alloc::format!("{other:?}"),
        }
    }

    #[test]
    fn the_entry_behind_a_file_is_read_as_a_tape_of_1984_has_it() {
        assert_eq!(shown(Part::of(&TRAILER_OF_1984)), "CHECK1 PSAS 1 Fixed(80) 373 1984-12-05 12:31:21");
        // VM/370 has no counts of 32 bits and no seconds, and fills the block.
        let mut older = [&TRAILER_OF_1984[..], &[0; 718]].concat();
        older[5 + 0x18..5 + 0x40].fill(0);
        assert_eq!(shown(Part::of(&older)), "CHECK1 PSAS 1 Fixed(80) 373 1984-12-05 12:31:00");
        let mut broken = TRAILER_OF_1984;
        broken[5 + 0x0a] = 0;
        assert_eq!(Part::of(&broken), Some(Part::End(None)));
        assert_eq!(Part::of(&TRAILER_OF_1984[..86]), Some(Part::End(None)));
    }

    #[test]
    fn other_blocks_are_known_by_their_mark() {
        let block = |letters: &[u8; 4]| {
            let mut mark = *letters;
            ebcdic::encode(&mut mark);
            [&[2][..], &mark, b"xyz"].concat()
        };
        for letters in [b"CMS ", b"CMSF", b"CMSV"] {
            assert_eq!(Part::of(&block(letters)), Some(Part::Data(b"xyz")));
        }
        assert_eq!(Part::of(&block(b"CMS0")), Some(Part::Zeros(3)));
        assert_eq!(Part::of(&block(b"PLCD")), Some(Part::HeadedData(b"xyz")));
        assert_eq!(Part::of(&block(b"PLCH")), Some(Part::Header(None)));
        assert_eq!((Part::of(&block(b"CMSX")), Part::of(b"\x02CMS "), Part::of(&[])), (None, None, None));
    }

    #[test]
    fn records_go_on_from_block_to_block_and_fillers_are_left_out() {
        let Some(Part::End(Some(file))) = Part::of(&TRAILER_OF_1984) else { panic!("an entry") };
        let take = |format, blocks: &[&[u8]]| {
            let mut entry = file.clone();
            (entry.format, entry.records) = (format, 2);
            let mut records = Records::of(&entry);
            let mut taken = Vec::new();
            let fits = blocks.iter().all(|block| {
                let fits = records.add(block);
                while let Some(record) = records.next_record() {
                    taken.push(alloc::string::String::from_utf8(record).expect("text"));
                }
                fits
            });
            (taken, fits && records.is_complete())
        };
        let (two, one): (Vec<_>, Vec<_>) = (["abc".into(), "def".into()].into(), ["abc".into()].into());
        assert_eq!(take(RecordFormat::Fixed(3), &[b"abcd", b"ef\0\xff"]), (two.clone(), true));
        assert_eq!(take(RecordFormat::Fixed(3), &[b"abcd"]), (one.clone(), false));
        assert_eq!(take(RecordFormat::Fixed(3), &[b"abcdef", b"x"]), (two.clone(), false));
        // The length too may be cut in two; what is behind a length of zero is the filler of a block.
        assert_eq!(take(RecordFormat::Variable, &[b"\0\x03abc\0", b"\x03d", b"ef\0\0\0"]), (two.clone(), true));
        assert_eq!(take(RecordFormat::Variable, &[b"\0\x03abc\0\0\0", b"\0\x03def"]), (two, true));
        assert_eq!(take(RecordFormat::Variable, &[b"\0\x03abc\xff\xff"]), (one, false));
    }
}
