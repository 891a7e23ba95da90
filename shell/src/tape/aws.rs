//! The layout of a tape image in AWS format: blocks and tape marks one behind the other, each behind a header of six bytes.
//!
//! ```text
//! 0  2  bytes of data behind this header, little-endian; 0 for a tape mark
//! 2  2  the same of the header before; 0 at the beginning of the tape
//! 4  1  X'80' a block begins, X'20' a block ends, X'40' a tape mark
//! 5  1  0
//! ```
//!
//! A block of more than 65,535 bytes takes several headers. Source: what P/390 and Hercules read and write. Pure; an image is taken for hostile.

use alloc::vec::Vec;

/// Bytes of a header.
pub(super) const HEADER: u32 = 6;
/// Longest block that is read.
pub(super) const BLOCK_MAX: usize = 4 << 20;

const BEGINS: u8 = 0x80;
const MARK: u8 = 0x40;
const ENDS: u8 = 0x20;

/// What stands behind a header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Mark,
    /// So many bytes of a block.
    Data {
        length: u16,
        begins: bool,
        ends: bool,
    },
}

/// A header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Header {
    pub kind: Kind,
    /// Bytes of data behind the header before.
    pub previous: u16,
}

/// What is wrong with an image.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum BadImage {
    #[error("it ends within a block")]
    Torn,
    #[error("a header is none of AWS format")]
    Header,
    #[error("blocks are compressed (HET), which is not supported")]
    Compressed,
    #[error("the parts of a block do not follow each other")]
    Parts,
    #[error("a block is longer than {BLOCK_MAX} bytes")]
    Long,
    #[error("a header does not fit the one before it")]
    Chain,
}

impl Header {
    /// The header in those bytes.
    pub(super) fn parse(bytes: [u8; HEADER as usize]) -> Result<Self, BadImage> {
        let [low, high, previous_low, previous_high, flags, more] = bytes;
        let length = u16::from_le_bytes([low, high]);
        let previous = u16::from_le_bytes([previous_low, previous_high]);
        // HET has the way of compression in the low bits of the flags.
        if flags & 0x03 != 0 || more & 0x80 != 0 {
            return Err(BadImage::Compressed);
        }
        let kind = match (flags & MARK != 0, length) {
            (true, 0) if flags & (BEGINS | ENDS) == 0 => Kind::Mark,
            (false, 1..) => Kind::Data { length, begins: flags & BEGINS != 0, ends: flags & ENDS != 0 },
            _ => return Err(BadImage::Header),
        };
        Ok(Self { kind, previous })
    }

    /// Its bytes.
    fn bytes(self) -> [u8; HEADER as usize] {
        let (length, flags) = match self.kind {
            Kind::Mark => (0, MARK),
            Kind::Data { length, begins, ends } => (length, if begins { BEGINS } else { 0 } | if ends { ENDS } else { 0 }),
        };
        let ([low, high], [previous_low, previous_high]) = (length.to_le_bytes(), self.previous.to_le_bytes());
        [low, high, previous_low, previous_high, flags, 0]
    }
}

/// Adds a block to an image; `previous` is the length that stands in the header before it, and then in the block's last one.
pub(super) fn put_block(image: &mut Vec<u8>, block: &[u8], previous: &mut u16) {
    let parts = block.chunks(usize::from(u16::MAX));
    let last = parts.len().saturating_sub(1);
    for (at, part) in parts.enumerate() {
        let length = part.len() as u16;
        image.extend_from_slice(&Header { kind: Kind::Data { length, begins: at == 0, ends: at == last }, previous: *previous }.bytes());
        image.extend_from_slice(part);
        *previous = length;
    }
}

/// Adds a tape mark.
pub(super) fn put_mark(image: &mut Vec<u8>, previous: &mut u16) {
    image.extend_from_slice(&Header { kind: Kind::Mark, previous: *previous }.bytes());
    *previous = 0;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_and_marks_stand_byte_by_byte_as_the_layout_says() {
        let (mut image, mut previous) = (Vec::new(), 0);
        put_block(&mut image, b"AB", &mut previous);
        put_block(&mut image, b"CDE", &mut previous);
        put_mark(&mut image, &mut previous);
        put_block(&mut image, b"F", &mut previous);
        let expected =
            [&[2, 0, 0, 0, 0xa0, 0][..], b"AB", &[3, 0, 2, 0, 0xa0, 0], b"CDE", &[0, 0, 3, 0, 0x40, 0], &[1, 0, 0, 0, 0xa0, 0], b"F"];
        assert_eq!(image, expected.concat());
    }

    #[test]
    fn a_long_block_takes_several_headers() {
        let (mut image, mut previous) = (Vec::new(), 7);
        put_block(&mut image, &[9; 65_536], &mut previous);
        assert_eq!(image[..6], [0xff, 0xff, 7, 0, 0x80, 0]);
        assert_eq!(image[6 + 65_535..], [1, 0, 0xff, 0xff, 0x20, 0, 9]);
        assert_eq!(previous, 1);
    }

    #[test]
    fn what_is_written_is_read_and_what_is_no_header_is_refused() {
        for kind in
            [Kind::Mark, Kind::Data { length: 80, begins: true, ends: true }, Kind::Data { length: 65_535, begins: false, ends: false }]
        {
            let header = Header { kind, previous: 513 };
            assert_eq!(Header::parse(header.bytes()), Ok(header));
        }
        assert_eq!(Header::parse([5, 0, 0, 0, 0x40, 0]), Err(BadImage::Header));
        assert_eq!(Header::parse([0, 0, 0, 0, 0xa0, 0]), Err(BadImage::Header));
        assert_eq!(Header::parse([0, 0, 0, 0, 0xe0, 0]), Err(BadImage::Header));
        assert_eq!(Header::parse([5, 0, 0, 0, 0xa1, 0]), Err(BadImage::Compressed));
        assert_eq!(Header::parse([5, 0, 0, 0, 0xa0, 0x80]), Err(BadImage::Compressed));
    }
}
