//! What can be found in segments when the index is lost: blocks, by what they say of themselves.
//!
//! A block says whose it is and the how-manieth, so the records of a file can be put together; whose file it was, its attributes, and whether
//! it was ever closed only the index knew. So this is for copying records out, never for making spool files of them. What a damaged
//! block contains may look like another block: found is not proven.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use crate::block::{BLOCK_HEADER, BLOCK_MAGIC, BlockHeader, PAYLOAD_MAX, SEGMENT_HEADER, SegmentHeader, record_at};
use crate::disk::{Disk, DiskFile};
use crate::error::SpoolError;
use crate::segments::segment_name;

/// Most bytes of a block.
const BLOCK_MAX: usize = BLOCK_HEADER + PAYLOAD_MAX;
/// Bytes of a segment that are looked at together.
const WINDOW: usize = 8 * BLOCK_MAX;
/// Bytes of lines that are written together.
const LINES: usize = 1 << 20;

/// A file of the host with a line for each record.
pub struct LineFile {
    file: Arc<dyn DiskFile>,
    written: u64,
    lines: Vec<u8>,
}

impl LineFile {
    /// Makes it; an existing file is an error.
    pub fn create(disk: &dyn Disk, path: &Path) -> std::io::Result<Self> {
        Ok(Self { file: disk.create(path)?, written: 0, lines: Vec::new() })
    }

    /// Adds a record.
    pub fn line(&mut self, record: &[u8]) -> std::io::Result<()> {
        self.lines.extend_from_slice(record);
        self.lines.push(b'\n');
        if self.lines.len() > LINES { self.flush() } else { Ok(()) }
    }

    /// Writes what is still in memory.
    pub fn flush(&mut self) -> std::io::Result<()> {
        self.file.write_at(self.written, &self.lines)?;
        self.written += self.lines.len() as u64;
        self.lines.clear();
        Ok(())
    }

    /// Ends it durably.
    pub fn finish(mut self) -> std::io::Result<()> {
        self.flush()?;
        self.file.sync_data()
    }
}

/// What was copied out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Rescued {
    /// Files of which at least one block was found.
    pub files: u64,
    /// Their records.
    pub records: u64,
}

/// Where a block was found.
struct Found {
    sequence: u32,
    segment: u32,
    offset: u64,
    length: usize,
}

/// Copies the records found in these segments of `directory` out into files named `FILE.` and the file's identity in the same directory.
///
/// A segment without a header of ours is passed over.
pub fn copy_out(disk: &dyn Disk, directory: &Path, segments: impl Iterator<Item = u32>) -> Result<Rescued, SpoolError> {
    let mut files: BTreeMap<u64, Vec<Found>> = BTreeMap::new();
    let mut opened = BTreeMap::new();
    for number in segments {
        let path = directory.join(segment_name(number));
        let fail = |error| SpoolError::io(&path, error);
        let file = disk.open(&path).map_err(fail)?;
        let mut header = [0; SEGMENT_HEADER];
        if file.read_at(0, &mut header).is_err() || SegmentHeader::decode(&header).is_err() {
            continue;
        }
        each_block(file.as_ref(), |offset, header, payload| {
            let found = Found { sequence: header.sequence, segment: number, offset, length: payload.len() };
            files.entry(header.serial).or_default().push(found);
        })
        .map_err(fail)?;
        opened.insert(number, (path, file));
    }
    let mut rescued = Rescued { files: files.len() as u64, records: 0 };
    for (serial, mut blocks) in files {
        blocks.sort_by_key(|block| block.sequence);
        let path = directory.join(format!("FILE.{serial:016x}"));
        let fail = |error| SpoolError::io(&path, error);
        let mut target = LineFile::create(disk, &path).map_err(fail)?;
        let mut payload = Vec::new();
        for block in blocks {
            let (path, segment) = &opened[&block.segment];
            payload.resize(block.length, 0);
            segment.read_at(block.offset + BLOCK_HEADER as u64, &mut payload).map_err(|error| SpoolError::io(path, error))?;
            let mut at = 0;
            while let Some((record, length)) = record_at(&payload[at..]) {
                target.line(record.data).map_err(fail)?;
                rescued.records += 1;
                at += length;
            }
        }
        target.finish().map_err(fail)?;
    }
    Ok(rescued)
}

/// Calls `found` with every whole block behind the header of a segment, and where it begins.
fn each_block(file: &dyn DiskFile, mut found: impl FnMut(u64, BlockHeader, &[u8])) -> std::io::Result<()> {
    let length = file.length()?;
    let mut at = SEGMENT_HEADER as u64;
    let mut window = Vec::new();
    while at < length {
        let size = usize::try_from(length - at).map_or(WINDOW, |left| left.min(WINDOW));
        window.resize(size, 0);
        file.read_at(at, &mut window)?;
        let last = at + size as u64 == length;
        at += look(&window, last, |offset, header, payload| found(at + offset as u64, header, payload)) as u64;
    }
    Ok(())
}

/// Finds the whole blocks in a window of a segment; answers how much of it is done with: all of it in the `last` window, else at least one byte.
fn look(window: &[u8], last: bool, mut found: impl FnMut(usize, BlockHeader, &[u8])) -> usize {
    let mut at = 0;
    loop {
        let rest = &window[at..];
        if rest.len() < BLOCK_HEADER || (!last && rest.len() < BLOCK_MAX) {
            return if last { window.len() } else { at };
        }
        if let Some((header, payload)) = block_at(rest) {
            found(at, header, payload);
            at += BLOCK_HEADER + payload.len();
        } else {
            at += 1 + next_magic(&rest[1..]);
        }
    }
}

/// The block at the beginning of `bytes`, if a whole one is there.
fn block_at(bytes: &[u8]) -> Option<(BlockHeader, &[u8])> {
    let (bytes, rest) = bytes.split_first_chunk::<BLOCK_HEADER>()?;
    let header = BlockHeader::decode(bytes).ok()?;
    let payload = rest.get(..usize::try_from(header.length).ok()?)?;
    header.verify(bytes, payload).then_some((header, payload))
}

/// Where the next block could begin: at its magic, or where its magic may be cut off by the end.
fn next_magic(bytes: &[u8]) -> usize {
    let magic = BLOCK_MAGIC.to_le_bytes();
    bytes.windows(magic.len()).position(|four| four == magic).unwrap_or(bytes.len().saturating_sub(magic.len() - 1))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn block(serial: u64, sequence: u32, payload: &[u8]) -> Vec<u8> {
        let mut block = vec![0; BLOCK_HEADER];
        block.extend_from_slice(payload);
        BlockHeader::seal(&mut block, serial, sequence, 1);
        block
    }

    /// Serial and sequence of the blocks found.
    fn found(bytes: &[u8]) -> Vec<(u64, u32)> {
        let mut blocks = Vec::new();
        let done = look(bytes, true, |_, header, _| blocks.push((header.serial, header.sequence)));
        assert_eq!(done, bytes.len());
        blocks
    }

    #[test]
    fn blocks_are_found_between_rubbish_and_holes() {
        let mut bytes = vec![0; 100];
        bytes.extend(block(1, 0, b"first"));
        bytes.extend(b"SPBKSPBK rubbish that begins like a block SPB");
        bytes.extend(block(2, 0, b"second"));
        bytes.extend(block(1, 1, &[7; 1000]));
        assert_eq!(found(&bytes), [(1, 0), (2, 0), (1, 1)]);
        bytes[135] ^= 1;
        bytes.truncate(bytes.len() - 1);
        assert_eq!(found(&bytes).len(), 1, "a damaged block and a torn one are none");
    }

    #[test]
    fn a_window_that_is_not_the_last_leaves_what_may_go_on_behind_it() {
        let mut bytes = vec![0; WINDOW - 10];
        bytes.extend(block(1, 0, b"behind the end of the window"));
        let done = look(&bytes[..WINDOW], false, |_, _, _| panic!("nothing whole is there"));
        assert!((1..=WINDOW - 10).contains(&done), "{done}");
        assert_eq!(found(&bytes[done..]), [(1, 0)]);
    }

    proptest! {
        #[test]
        fn any_bytes_are_looked_through(bytes in prop::collection::vec(prop::sample::select(b"SPBK\0\x01\xff".to_vec()), 0..2000)) {
            prop_assert!(found(&bytes).len() <= bytes.len() / BLOCK_HEADER);
        }
    }
}
