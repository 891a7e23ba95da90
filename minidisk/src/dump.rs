//! Dumps: minidisks, or all files of a system, as one stream of bytes that says when it is damaged or incomplete.
//!
//! A stream is `CP64DUMP`, a version, and members; a member is a name, the length and mode of its file, pieces of data with the place where
//! each belongs, and a count and a CRC-32 of them all; at the end stands how many members there were. Integers are little-endian. Every
//! head and every piece has a CRC-32 of its own. What is not in a piece is zeros. Whoever reads must read to the end before believing any
//! of it: that is what [`Reader::next_member`] answering `None` means. Talks to nothing but the bytes.

use std::io::{self, Read, Write};

const MAGIC: [u8; 8] = *b"CP64DUMP";
const VERSION: u32 = 1;
/// Longest name of a member, in bytes.
const NAME_MAX: usize = 4096;
/// Longest piece of data, in bytes.
pub const PIECE_MAX: usize = 4 << 20;

/// Kinds of records in a stream.
mod tag {
    pub(super) const MEMBER: u8 = b'M';
    pub(super) const PIECE: u8 = b'P';
    pub(super) const MEMBER_END: u8 = b'E';
    pub(super) const END: u8 = b'Z';
}

/// Why a stream cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum DumpError {
    /// It could not be read or written.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// It is no dump.
    #[error("This is no dump of CP-64")]
    Foreign,
    /// A newer program wrote it.
    #[error("The dump has version {0}, this program knows version 1")]
    Version(u32),
    /// Its bytes are not those that were written.
    #[error("The dump is damaged: {0}")]
    Damaged(&'static str),
    /// It ends too early.
    #[error("The dump is incomplete")]
    Incomplete,
}

/// What a member is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member {
    /// Its name: a path with `/`, or a name.
    pub name: String,
    /// Bytes of the file.
    pub length: u64,
    /// Permission bits of the file.
    pub mode: u32,
}

/// Writes a stream.
pub struct Writer<W: Write> {
    out: W,
    members: u32,
    bytes: u64,
    checksum: crc32fast::Hasher,
}

impl<W: Write> Writer<W> {
    /// Begins a stream.
    pub fn new(mut out: W) -> io::Result<Writer<W>> {
        out.write_all(&MAGIC)?;
        out.write_all(&VERSION.to_le_bytes())?;
        Ok(Writer { out, members: 0, bytes: 0, checksum: crc32fast::Hasher::new() })
    }

    fn head(&mut self, tag: u8, content: &[u8]) -> io::Result<()> {
        let mut head = vec![tag];
        head.extend((content.len() as u32).to_le_bytes());
        head.extend_from_slice(content);
        head.extend(crc32fast::hash(&head).to_le_bytes());
        self.out.write_all(&head)
    }

    /// Begins a member.
    pub fn begin(&mut self, member: &Member) -> io::Result<()> {
        if member.name.len() > NAME_MAX {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "a name is too long for a dump"));
        }
        (self.bytes, self.checksum) = (0, crc32fast::Hasher::new());
        self.members += 1;
        let fixed = [&member.length.to_le_bytes()[..], &member.mode.to_le_bytes()].concat();
        self.head(tag::MEMBER, &[&fixed, member.name.as_bytes()].concat())
    }

    /// Adds data that belongs at that place of the member's file, in pieces; zeros are left out.
    pub fn data(&mut self, at: u64, bytes: &[u8]) -> io::Result<()> {
        for (place, piece) in (at..).step_by(PIECE_MAX).zip(bytes.chunks(PIECE_MAX)) {
            if piece.iter().all(|&byte| byte == 0) {
                continue;
            }
            let content = [&place.to_le_bytes()[..], &(piece.len() as u32).to_le_bytes(), &crc32fast::hash(piece).to_le_bytes()].concat();
            self.head(tag::PIECE, &content)?;
            self.out.write_all(piece)?;
            self.bytes += piece.len() as u64;
            self.checksum.update(piece);
        }
        Ok(())
    }

    /// Ends a member. Answers the checksum of its data.
    pub fn end(&mut self) -> io::Result<u32> {
        let checksum = self.checksum.clone().finalize();
        self.head(tag::MEMBER_END, &[&self.bytes.to_le_bytes()[..], &checksum.to_le_bytes()].concat())?;
        Ok(checksum)
    }

    /// Ends the stream and gives back what it went to.
    pub fn finish(mut self) -> io::Result<W> {
        let members = self.members.to_le_bytes();
        self.head(tag::END, &members)?;
        self.out.flush()?;
        Ok(self.out)
    }
}

/// Reads a stream.
pub struct Reader<R: Read> {
    input: R,
    members: u32,
    length: u64,
    bytes: u64,
    checksum: crc32fast::Hasher,
}

impl<R: Read> Reader<R> {
    /// Begins to read a stream.
    pub fn new(mut input: R) -> Result<Reader<R>, DumpError> {
        let mut start = [0; 12];
        input.read_exact(&mut start).map_err(|_| DumpError::Foreign)?;
        if start[..8] != MAGIC {
            return Err(DumpError::Foreign);
        }
        match u32::from_le_bytes([start[8], start[9], start[10], start[11]]) {
            VERSION => Ok(Reader { input, members: 0, length: 0, bytes: 0, checksum: crc32fast::Hasher::new() }),
            version => Err(DumpError::Version(version)),
        }
    }

    fn exact(&mut self, into: &mut [u8]) -> Result<(), DumpError> {
        self.input.read_exact(into).map_err(|error| match error.kind() {
            io::ErrorKind::UnexpectedEof => DumpError::Incomplete,
            _ => DumpError::Io(error),
        })
    }

    fn head(&mut self) -> Result<(u8, Vec<u8>), DumpError> {
        let mut start = [0; 5];
        self.exact(&mut start)?;
        let length = u32::from_le_bytes([start[1], start[2], start[3], start[4]]) as usize;
        if length > NAME_MAX + 12 {
            return Err(DumpError::Damaged("a head is too long"));
        }
        let mut rest = vec![0; length + 4];
        self.exact(&mut rest)?;
        let (content, crc) = rest.split_at(length);
        let mut hasher = crc32fast::Hasher::new();
        hasher.update(&start);
        hasher.update(content);
        if hasher.finalize().to_le_bytes() != crc {
            return Err(DumpError::Damaged("the checksum of a head is wrong"));
        }
        Ok((start[0], content.to_vec()))
    }

    /// The next member; `None` at the end of a whole stream.
    pub fn next_member(&mut self) -> Result<Option<Member>, DumpError> {
        let (tag, content) = self.head()?;
        match tag {
            tag::MEMBER => {
                let (length, rest) = number(&content).ok_or(DumpError::Damaged("a head is too short"))?;
                let (mode, name) = rest.split_at_checked(4).ok_or(DumpError::Damaged("a head is too short"))?;
                let name = String::from_utf8(name.to_vec()).map_err(|_| DumpError::Damaged("a name is no UTF-8"))?;
                let mode = u32::from_le_bytes([mode[0], mode[1], mode[2], mode[3]]);
                (self.length, self.bytes, self.checksum) = (length, 0, crc32fast::Hasher::new());
                self.members += 1;
                Ok(Some(Member { name, length, mode }))
            }
            tag::END if content == self.members.to_le_bytes() => Ok(None),
            _ => Err(DumpError::Damaged("there are other members than were written")),
        }
    }

    /// The next piece of the member's data: where it belongs; the bytes go into `piece`. `None` when the member is complete.
    pub fn next_piece(&mut self, piece: &mut Vec<u8>) -> Result<Option<u64>, DumpError> {
        let (tag, content) = self.head()?;
        let (first, rest) = number(&content).ok_or(DumpError::Damaged("a head is too short"))?;
        match tag {
            tag::PIECE if rest.len() == 8 => {
                let length = u32::from_le_bytes([rest[0], rest[1], rest[2], rest[3]]) as usize;
                let inside = first.checked_add(length as u64).is_some_and(|end| end <= self.length);
                if length > PIECE_MAX || !inside {
                    return Err(DumpError::Damaged("a piece lies outside its member"));
                }
                piece.resize(length, 0);
                self.exact(piece)?;
                if crc32fast::hash(piece).to_le_bytes() != rest[4..] {
                    return Err(DumpError::Damaged("the checksum of a piece is wrong"));
                }
                self.bytes += length as u64;
                self.checksum.update(piece);
                Ok(Some(first))
            }
            tag::MEMBER_END if first == self.bytes && rest == self.checksum.clone().finalize().to_le_bytes() => Ok(None),
            _ => Err(DumpError::Damaged("a member has other data than was written")),
        }
    }

    /// The checksum of the data of the member that is complete.
    pub fn checksum(&self) -> u32 {
        self.checksum.clone().finalize()
    }
}

/// Takes a number of eight bytes off the front.
fn number(bytes: &[u8]) -> Option<(u64, &[u8])> {
    let (number, rest) = bytes.split_first_chunk::<8>()?;
    Some((u64::from_le_bytes(*number), rest))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn stream() -> Vec<u8> {
        let mut writer = Writer::new(Vec::new()).unwrap();
        let long: Vec<u8> = (0..PIECE_MAX + 10).map(|at| (at % 251) as u8).collect();
        for (name, pieces) in [("minidisks/A.0191", vec![(0, &b"head"[..]), (100, &[0; 50]), (9000, &long)]), ("empty", vec![])] {
            writer.begin(&Member { name: name.into(), length: 10_000_000, mode: 0o600 }).unwrap();
            pieces.into_iter().for_each(|(at, bytes)| writer.data(at, bytes).unwrap());
            writer.end().unwrap();
        }
        writer.finish().unwrap()
    }

    /// Reads it all; the places and lengths of the pieces.
    fn read(bytes: &[u8]) -> Result<Vec<(String, u64, usize)>, DumpError> {
        let mut reader = Reader::new(bytes)?;
        let (mut found, mut piece) = (Vec::new(), Vec::new());
        while let Some(member) = reader.next_member()? {
            while let Some(at) = reader.next_piece(&mut piece)? {
                found.push((member.name.clone(), at, piece.len()));
            }
        }
        Ok(found)
    }

    #[test]
    fn a_stream_comes_back_and_zeros_take_no_room() {
        let name = || String::from("minidisks/A.0191");
        let found = read(&stream()).unwrap();
        assert_eq!(found, [(name(), 0, 4), (name(), 9000, PIECE_MAX), (name(), 9000 + PIECE_MAX as u64, 10)]);
    }

    #[test]
    fn a_stream_that_was_cut_anywhere_is_incomplete() {
        let whole = stream();
        for cut in (0..400).chain(whole.len() - 60..whole.len()) {
            assert!(matches!(read(&whole[..cut]), Err(DumpError::Incomplete | DumpError::Foreign)), "cut at {cut}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn a_wrong_byte_anywhere_is_noticed(place in 0.0..1.0f64, flip in 1u8..) {
            thread_local!(static WHOLE: Vec<u8> = stream());
            let mut bytes = WHOLE.with(Clone::clone);
            let at = (place * bytes.len() as f64) as usize;
            bytes[at] ^= flip;
            prop_assert!(read(&bytes).is_err());
        }

        #[test]
        fn any_bytes_are_an_error(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            prop_assert!(read(&bytes).is_err());
            prop_assert!(read(&[&MAGIC[..], &[1, 0, 0, 0], &bytes].concat()).is_err());
        }
    }
}
