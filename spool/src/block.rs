//! The bytes of a segment: its header, the blocks behind it, and the records in a block.
//!
//! Pure encoding and decoding; integers are little-endian.
//!
//! ```text
//! segment  = header, block...                    blocks of files written at the same time interleave
//! header   = magic[8] version:u32 number:u32 store:u64 zero[36] crc:u32                             (64 bytes)
//! block    = magic:u32 length:u32 serial:u64 sequence:u32 records:u32 zero:u32 crc:u32 payload      (32 bytes + length)
//! payload  = record...         record = length:u16 command:u16 data         a record never straddles blocks
//! ```
//!
//! The CRC of a block covers its header and payload; serial and sequence say whose block it is and the how-manieth, so a
//! block of another file or a lost block shows.

/// Bytes of a segment's header.
pub const SEGMENT_HEADER: usize = 64;
/// Bytes of a block's header.
pub const BLOCK_HEADER: usize = 32;
/// Most bytes of records in a block: two records of the greatest length fit, and a write of this size runs at the disk's speed.
pub const PAYLOAD_MAX: usize = 128 * 1024;
/// Bytes before the data of a record.
pub const RECORD_HEADER: usize = 4;
/// Most bytes of a record.
pub const RECORD_MAX: usize = u16::MAX as usize;
/// Version of this layout.
pub const VERSION: u32 = 1;

const SEGMENT_MAGIC: [u8; 8] = *b"CP64SPSG";
/// The first bytes of every block.
pub const BLOCK_MAGIC: u32 = u32::from_le_bytes(*b"SPBK");

const _: () = assert!(2 * (RECORD_HEADER + RECORD_MAX) <= PAYLOAD_MAX + 2 * RECORD_HEADER);

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    bytes.get(at..at + 4).and_then(|b| b.try_into().ok()).map_or(0, u32::from_le_bytes)
}

fn u64_at(bytes: &[u8], at: usize) -> u64 {
    bytes.get(at..at + 8).and_then(|b| b.try_into().ok()).map_or(0, u64::from_le_bytes)
}

/// Which segment this is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SegmentHeader {
    /// Its number in the store.
    pub number: u32,
    /// The identity of the store.
    pub store: u64,
}

impl SegmentHeader {
    /// The bytes at the beginning of the segment.
    pub fn encode(self) -> [u8; SEGMENT_HEADER] {
        let mut bytes = [0; SEGMENT_HEADER];
        bytes[..8].copy_from_slice(&SEGMENT_MAGIC);
        bytes[8..12].copy_from_slice(&VERSION.to_le_bytes());
        bytes[12..16].copy_from_slice(&self.number.to_le_bytes());
        bytes[16..24].copy_from_slice(&self.store.to_le_bytes());
        let crc = crc32fast::hash(&bytes[..SEGMENT_HEADER - 4]);
        bytes[SEGMENT_HEADER - 4..].copy_from_slice(&crc.to_le_bytes());
        bytes
    }

    /// Reads a header back, or says what is wrong with it.
    pub fn decode(bytes: &[u8; SEGMENT_HEADER]) -> Result<Self, &'static str> {
        if bytes[..8] != SEGMENT_MAGIC {
            return Err("is not a spool segment");
        }
        if crc32fast::hash(&bytes[..SEGMENT_HEADER - 4]) != u32_at(bytes, SEGMENT_HEADER - 4) {
            return Err("has a damaged segment header");
        }
        if u32_at(bytes, 8) != VERSION {
            return Err("is a spool segment of another version");
        }
        Ok(Self { number: u32_at(bytes, 12), store: u64_at(bytes, 16) })
    }
}

/// What stands before a block's records.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BlockHeader {
    /// Bytes of records.
    pub length: u32,
    /// The file they belong to.
    pub serial: u64,
    /// The block's number in the file, from 0.
    pub sequence: u32,
    /// Records in the block.
    pub records: u32,
    crc: u32,
}

impl BlockHeader {
    /// Fills the first [`BLOCK_HEADER`] bytes of `block`, whose rest are the records.
    pub fn seal(block: &mut [u8], serial: u64, sequence: u32, records: u32) {
        let length = u32::try_from(block.len() - BLOCK_HEADER).unwrap_or(u32::MAX);
        let (header, payload) = block.split_at_mut(BLOCK_HEADER);
        header.fill(0);
        header[..4].copy_from_slice(&BLOCK_MAGIC.to_le_bytes());
        header[4..8].copy_from_slice(&length.to_le_bytes());
        header[8..16].copy_from_slice(&serial.to_le_bytes());
        header[16..20].copy_from_slice(&sequence.to_le_bytes());
        header[20..24].copy_from_slice(&records.to_le_bytes());
        let crc = crc(header, payload);
        header[28..32].copy_from_slice(&crc.to_le_bytes());
    }

    /// Reads a header back; the payload is checked by [`BlockHeader::verify`].
    pub fn decode(bytes: &[u8; BLOCK_HEADER]) -> Result<Self, &'static str> {
        let header = Self {
            length: u32_at(bytes, 4),
            serial: u64_at(bytes, 8),
            sequence: u32_at(bytes, 16),
            records: u32_at(bytes, 20),
            crc: u32_at(bytes, 28),
        };
        if u32_at(bytes, 0) != BLOCK_MAGIC || header.length as usize > PAYLOAD_MAX {
            return Err("no block of records begins here");
        }
        Ok(header)
    }

    /// Whether header and payload are as they were written.
    pub fn verify(&self, header: &[u8; BLOCK_HEADER], payload: &[u8]) -> bool {
        payload.len() == self.length as usize && crc(header, payload) == self.crc
    }
}

/// The CRC of a block: its header without the CRC field, then its payload.
fn crc(header: &[u8], payload: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(&header[..BLOCK_HEADER - 4]);
    hasher.update(payload);
    hasher.finalize()
}

/// One record of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Record<'a> {
    /// The channel command it was written with.
    pub command: u16,
    /// Its bytes.
    pub data: &'a [u8],
}

impl Record<'_> {
    /// Adds a record to a payload.
    pub fn encode(self, payload: &mut Vec<u8>) {
        let length = u16::try_from(self.data.len()).unwrap_or(u16::MAX);
        payload.extend_from_slice(&length.to_le_bytes());
        payload.extend_from_slice(&self.command.to_le_bytes());
        payload.extend_from_slice(&self.data[..length.into()]);
    }
}

/// The record at the beginning of `payload` and the number of bytes it takes, if a whole one is there.
#[inline]
pub fn record_at(payload: &[u8]) -> Option<(Record<'_>, usize)> {
    let (header, rest) = payload.split_first_chunk::<RECORD_HEADER>()?;
    let length = usize::from(u16::from_le_bytes([header[0], header[1]]));
    let command = u16::from_le_bytes([header[2], header[3]]);
    Some((Record { command, data: rest.get(..length)? }, RECORD_HEADER + length))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn block(payload: &[u8], serial: u64) -> Vec<u8> {
        let mut block = vec![0; BLOCK_HEADER];
        block.extend_from_slice(payload);
        BlockHeader::seal(&mut block, serial, 3, 7);
        block
    }

    fn whole(block: &[u8]) -> bool {
        let (header, payload) = block.split_first_chunk::<BLOCK_HEADER>().unwrap();
        BlockHeader::decode(header).is_ok_and(|decoded| decoded.verify(header, payload))
    }

    #[test]
    fn a_segment_header_reads_back_and_every_flipped_bit_of_it_shows() {
        let header = SegmentHeader { number: 12, store: 0x1122_3344_5566_7788 };
        let bytes = header.encode();
        assert_eq!(SegmentHeader::decode(&bytes), Ok(header));
        for bit in 0..bytes.len() * 8 {
            let mut damaged = bytes;
            damaged[bit / 8] ^= 1 << (bit % 8);
            assert!(SegmentHeader::decode(&damaged).is_err(), "bit {bit} went unseen");
        }
    }

    proptest! {
        #[test]
        fn any_flipped_bit_of_a_block_shows(payload in prop::collection::vec(any::<u8>(), 0..600), at: prop::sample::Index) {
            let mut bytes = block(&payload, 99);
            prop_assert!(whole(&bytes));
            let bit = at.index(bytes.len() * 8);
            bytes[bit / 8] ^= 1 << (bit % 8);
            prop_assert!(!whole(&bytes));
        }

        #[test]
        fn records_read_back_in_order(records in prop::collection::vec((any::<u16>(), prop::collection::vec(any::<u8>(), 0..300)), 0..20)) {
            let mut payload = Vec::new();
            for (command, data) in &records {
                Record { command: *command, data }.encode(&mut payload);
            }
            let mut rest = payload.as_slice();
            for (command, data) in &records {
                let (record, length) = record_at(rest).unwrap();
                prop_assert_eq!(record, Record { command: *command, data });
                rest = &rest[length..];
            }
            prop_assert!(rest.is_empty());
        }

        #[test]
        fn a_cut_record_is_no_record(data in prop::collection::vec(any::<u8>(), 1..100), at: prop::sample::Index) {
            let mut payload = Vec::new();
            Record { command: 9, data: &data }.encode(&mut payload);
            payload.truncate(at.index(payload.len()));
            prop_assert!(record_at(&payload).is_none());
        }
    }
}
