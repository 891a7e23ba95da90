//! The 4 KB buffer in which DIAGNOSE X'14' shows the records of a spool file: pure layout.

use abi::{SPOOL_DATA, SpoolBuffer, SpoolRecord, spool_record};
use zerocopy::{FromZeros, IntoBytes};

/// Bytes that an immediate control takes: its channel command word up to the length of the data.
const IMMEDIATE_LENGTH: usize = 8;

/// A buffer being filled.
pub(super) struct Page {
    buffer: Box<SpoolBuffer>,
    used: usize,
}

impl Page {
    /// An empty buffer of a file with that spool id, whose device has records of that length.
    pub fn new(spid: u16, record_length: u16) -> Self {
        let mut buffer = Box::new(SpoolBuffer::new_zeroed());
        buffer.record_length = record_length;
        buffer.spid = spid;
        Self { buffer, used: 0 }
    }

    /// Whether nothing is in it.
    pub fn is_empty(&self) -> bool {
        self.buffer.records == 0
    }

    /// Adds the tag of the file as an operation that does nothing.
    pub fn add_tag(&mut self, tag: &str) -> bool {
        self.put(spool_record::NOP, tag.as_bytes())
    }

    /// Adds a record; false when the rest of the buffer cannot hold it.
    pub fn add(&mut self, command: u16, data: &[u8]) -> bool {
        // Of the command only the part that a channel would have seen; the mark of a NETDATA record stands in its data too.
        let opcode = command as u8;
        if is_immediate(opcode) && data.is_empty() {
            return self.put_immediate(opcode);
        }
        let added = self.put(opcode, data);
        if added {
            // A record is at most 65,535 bytes long.
            self.buffer.record_length = self.buffer.record_length.max(data.len() as u16);
        }
        added
    }

    /// The bytes.
    pub fn into_bytes(self) -> Vec<u8> {
        self.buffer.as_bytes().to_vec()
    }

    fn put(&mut self, opcode: u8, data: &[u8]) -> bool {
        let length = needed(data);
        if self.used + length > SPOOL_DATA {
            return false;
        }
        let header = SpoolRecord { opcode, data_length: data.len() as u16, length: length as u16, ..SpoolRecord::default() };
        let place = &mut self.buffer.data[self.used..self.used + length];
        place[..size_of::<SpoolRecord>()].copy_from_slice(header.as_bytes());
        place[size_of::<SpoolRecord>()..].copy_from_slice(data);
        self.took(length)
    }

    fn put_immediate(&mut self, opcode: u8) -> bool {
        if self.used + IMMEDIATE_LENGTH > SPOOL_DATA {
            return false;
        }
        let header = SpoolRecord { opcode, flags: spool_record::IMMEDIATE, ..SpoolRecord::default() };
        self.buffer.data[self.used..self.used + IMMEDIATE_LENGTH].copy_from_slice(&header.as_bytes()[..IMMEDIATE_LENGTH]);
        self.took(IMMEDIATE_LENGTH)
    }

    fn took(&mut self, length: usize) -> bool {
        self.used += length;
        self.buffer.records += 1;
        true
    }
}

/// Bytes that a record takes in a buffer.
pub(super) fn needed(data: &[u8]) -> usize {
    size_of::<SpoolRecord>() + data.len()
}

/// Whether a printer's channel command moves paper without printing (X'0B', X'13', X'8B'...).
pub(super) fn is_immediate(opcode: u8) -> bool {
    opcode & 0x07 == 0x03 && opcode != spool_record::NOP
}

#[cfg(test)]
mod tests {
    use abi::PAGE;
    use proptest::prelude::*;

    use super::*;

    /// The records of a buffer, as a program reads them that was written for VM's: by counts and lengths at fixed offsets alone.
    fn read_as_vmur_does(page: &[u8]) -> (u16, u16, Vec<(u8, Vec<u8>)>) {
        let half = |at: usize| u16::from_le_bytes([page[at], page[at + 1]]);
        assert_eq!(page.len() as u64, PAGE);
        assert_eq!(page[..12], [0; 12]);
        let count = u32::from_le_bytes([page[12], page[13], page[14], page[15]]);
        let mut at = 16;
        let mut records = Vec::new();
        for _ in 0..count {
            let opcode = page[at];
            if page[at + 4] & 0x10 != 0 {
                records.push((opcode, Vec::new()));
                at += 8;
                continue;
            }
            let (data, record) = (usize::from(half(at + 6)), usize::from(half(at + 10)));
            records.push((opcode, page[at + 12..at + 12 + data].to_vec()));
            at += record;
        }
        assert!(at <= 0xfe0);
        (half(0xfe0), half(0xff8), records)
    }

    #[test]
    fn a_page_has_the_tag_the_records_and_the_controls() {
        let mut page = Page::new(4711, 132);
        assert!(page.is_empty());
        assert!(page.add_tag("BOSTON OPERATOR"));
        assert!(page.add(0x09, b"first line"));
        assert!(page.add(0x8b, b""));
        assert!(page.add(0x109, b""));
        let expected = [(3, b"BOSTON OPERATOR".to_vec()), (9, b"first line".to_vec()), (0x8b, Vec::new()), (9, Vec::new())];
        assert_eq!(read_as_vmur_does(&page.into_bytes()), (132, 4711, expected.to_vec()));
    }

    #[test]
    fn a_record_that_no_page_holds_is_refused_and_the_longest_one_taken() {
        let mut page = Page::new(1, 80);
        assert!(!page.add(0x41, &[b'x'; SPOOL_DATA - 11]));
        assert!(page.is_empty());
        assert!(page.add(0x41, &[b'x'; SPOOL_DATA - 12]));
        assert!(!page.add(0x8b, b""));
        let (length, _, records) = read_as_vmur_does(&page.into_bytes());
        assert_eq!((length as usize, records.len()), (SPOOL_DATA - 12, 1));
    }

    proptest! {
        #[test]
        fn what_fits_is_read_back(records in prop::collection::vec((any::<u8>(), prop::collection::vec(any::<u8>(), 0..300)), 0..60)) {
            let mut page = Page::new(9999, 80);
            let taken: Vec<_> = records.into_iter().take_while(|(opcode, data)| page.add((*opcode).into(), data)).collect();
            let (_, spid, back) = read_as_vmur_does(&page.into_bytes());
            prop_assert_eq!(spid, 9999);
            prop_assert_eq!(back, taken);
        }
    }
}
