//! A file being read.
//!
//! Block by block in the caller's thread. One that reads on meanwhile is faster only where a processor has nothing else to
//! do, and slower where none has (measured: SPECIFICATION.md); the host reads ahead of a disk by itself.

use std::sync::Arc;

use crate::attributes::FileInfo;
use crate::block::{BLOCK_HEADER, BlockHeader, Record, record_at};
use crate::error::SpoolError;
use crate::pins::Pins;
use crate::segments::{Extent, Segment, Segments};

/// The records of a file, block by block, each verified.
pub struct Records {
    segments: Arc<Segments>,
    serial: u64,
    /// How many there must be.
    expected: u64,
    extents: Vec<Extent>,
    segment: Option<Arc<Segment>>,
    /// The extent of the next block, and where in that extent it begins.
    next: (usize, u64),
    sequence: u32,
    /// Where the block after a damaged one begins, if that can be told.
    beyond_damage: Option<(usize, u64)>,
    payload: Vec<u8>,
    /// The header of the next block, if it was read together with the payload before it.
    ahead: Option<[u8; BLOCK_HEADER]>,
    /// Where in the payload the next record begins.
    at: usize,
    passed: u64,
    /// Where the block in the payload begins, and its number.
    current: ((usize, u64), u32),
}

/// A place between two records of a file: valid for that file, as long as it is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// Extent, and where in it the block of the next record begins.
    block: (usize, u64),
    sequence: u32,
    /// Where in that block the next record begins.
    at: usize,
    passed: u64,
}

impl Records {
    /// The records of the file `serial`, of which there are `expected`.
    pub fn new(segments: Arc<Segments>, serial: u64, expected: u64, extents: Vec<Extent>) -> Self {
        Self {
            segments,
            serial,
            expected,
            extents,
            segment: None,
            next: (0, 0),
            sequence: 0,
            beyond_damage: None,
            payload: Vec::new(),
            ahead: None,
            at: 0,
            passed: 0,
            current: ((0, 0), 0),
        }
    }

    /// Where the next record is.
    fn place(&self) -> Place {
        let (block, sequence, at) = match self.at < self.payload.len() {
            true => (self.current.0, self.current.1, self.at),
            false => (self.next, self.sequence, 0),
        };
        Place { block, sequence, at, passed: self.passed }
    }

    /// Goes to a place of this file.
    fn go_to(&mut self, place: Place) -> Result<(), SpoolError> {
        (self.next, self.sequence, self.at, self.passed) = (place.block, place.sequence, 0, place.passed);
        self.payload.clear();
        self.ahead = None;
        if place.at > 0 && self.read_block()? {
            self.at = place.at;
        }
        Ok(())
    }

    /// Begins again at the first record.
    pub fn restart(&mut self) {
        (self.next, self.sequence, self.at, self.passed) = ((0, 0), 0, 0, 0);
        self.payload.clear();
        self.ahead = None;
    }

    /// The next record, which stays the next one.
    #[inline]
    pub fn peek(&mut self) -> Result<Option<Record<'_>>, SpoolError> {
        if self.at >= self.payload.len() && self.is_at_end()? {
            return Ok(None);
        }
        match record_at(&self.payload[self.at..]) {
            Some((record, _)) => Ok(Some(record)),
            None => Err(self.overrun()),
        }
    }

    /// The next record, or none at the end.
    // Inline, because it runs for every line of a print file; what runs once for a block is not.
    #[inline]
    pub fn next(&mut self) -> Result<Option<Record<'_>>, SpoolError> {
        if self.at >= self.payload.len() && self.is_at_end()? {
            return Ok(None);
        }
        match record_at(&self.payload[self.at..]) {
            Some((record, length)) => {
                self.at += length;
                self.passed += 1;
                Ok(Some(record))
            }
            None => Err(self.overrun()),
        }
    }

    /// Whether no record is left behind those of this block; reads the next block.
    #[cold]
    fn is_at_end(&mut self) -> Result<bool, SpoolError> {
        if self.read_block()? {
            return Ok(false);
        }
        if self.passed == self.expected { Ok(true) } else { Err(self.unreadable("records are missing at the end")) }
    }

    #[cold]
    fn overrun(&self) -> SpoolError {
        self.unreadable("a record runs over the end of its block")
    }

    /// Reads the next block; false at the end of the file.
    fn read_block(&mut self) -> Result<bool, SpoolError> {
        let (index, within) = self.next;
        let ahead = self.ahead.take();
        self.beyond_damage = None;
        let Some(extent) = self.extents.get(index).copied() else {
            return Ok(false);
        };
        let offset = extent.offset.saturating_add(within);
        let segment = match &self.segment {
            Some(segment) if segment.number == extent.segment => Arc::clone(segment),
            _ => Arc::clone(self.segment.insert(self.segments.open(extent.segment)?)),
        };
        let unreadable = |what| SpoolError::Unreadable { path: segment.path.clone(), offset, what };
        let left = extent.length.saturating_sub(within);
        if left < BLOCK_HEADER as u64 {
            return Err(unreadable("a block is cut off"));
        }
        let bytes = match ahead {
            Some(bytes) => bytes,
            None => {
                let mut bytes = [0; BLOCK_HEADER];
                segment.read(offset, &mut bytes)?;
                bytes
            }
        };
        let header = BlockHeader::decode(&bytes).map_err(unreadable)?;
        let length = BLOCK_HEADER as u64 + u64::from(header.length);
        if length > left {
            return Err(unreadable("a block is cut off"));
        }
        let beyond = if length == left { (index + 1, 0) } else { (index, within + length) };
        self.beyond_damage = Some(beyond);
        self.at = 0;
        let mut payload = std::mem::take(&mut self.payload);
        let follows = left - length >= BLOCK_HEADER as u64;
        let ahead = read_payload(&segment, offset.saturating_add(BLOCK_HEADER as u64), header.length as usize, follows, &mut payload)?;
        if !header.verify(&bytes, &payload) {
            return Err(unreadable("the checksum of a block is wrong"));
        }
        if header.serial != self.serial || header.sequence != self.sequence {
            return Err(unreadable("a block of another file stands here"));
        }
        self.payload = payload;
        self.ahead = ahead;
        self.current = ((index, within), self.sequence);
        self.sequence = self.sequence.wrapping_add(1);
        self.next = beyond;
        Ok(true)
    }

    /// Goes on behind the block that could not be read; false when nobody knows where that would be.
    pub fn pass_over_damage(&mut self) -> bool {
        let Some(beyond) = self.beyond_damage.take() else {
            return false;
        };
        self.next = beyond;
        self.sequence = self.sequence.wrapping_add(1);
        true
    }

    fn unreadable(&self, what: &'static str) -> SpoolError {
        let path = self.segment.as_ref().map_or(self.segments.directory(), |segment| segment.path.as_path()).to_owned();
        SpoolError::Unreadable { path, offset: self.next.1, what }
    }
}

/// Reads a payload and, where a block `follows` it, the header of that with it: one call to the host for a block.
fn read_payload(
    segment: &Segment,
    offset: u64,
    length: usize,
    follows: bool,
    payload: &mut Vec<u8>,
) -> Result<Option<[u8; BLOCK_HEADER]>, SpoolError> {
    if follows {
        payload.resize(length + BLOCK_HEADER, 0);
        if segment.read(offset, payload).is_ok() {
            let ahead = payload.last_chunk().copied();
            payload.truncate(length);
            return Ok(ahead);
        }
        // What is wrong behind this block is not held against it.
    }
    payload.resize(length, 0);
    segment.read(offset, payload)?;
    Ok(None)
}

/// Reads the records of a file.
///
/// A purge, change or transfer while it reads does not disturb it: the records stay until the reader is dropped, and
/// the file's number is not given to another file before.
pub struct FileReader {
    pins: Arc<Pins>,
    segments: Arc<Segments>,
    file: FileInfo,
    records: Records,
}

impl FileReader {
    pub(crate) fn new(pins: Arc<Pins>, segments: Arc<Segments>, file: FileInfo, extents: Vec<Extent>) -> Self {
        let records = Records::new(Arc::clone(&segments), file.serial, file.records, extents);
        Self { pins, segments, file, records }
    }

    /// The file as it was when the reader was opened.
    #[must_use]
    pub fn file(&self) -> &FileInfo {
        &self.file
    }

    /// The next record, or none at the end.
    ///
    /// # Errors
    /// [`SpoolError::Unreadable`] where the records are damaged, [`SpoolError::Io`] when the host cannot read.
    #[inline]
    pub fn next_record(&mut self) -> Result<Option<Record<'_>>, SpoolError> {
        self.records.next()
    }

    /// The record that [`FileReader::next_record`] will answer; it stays the next one.
    ///
    /// # Errors
    /// As [`FileReader::next_record`].
    pub fn peek(&mut self) -> Result<Option<Record<'_>>, SpoolError> {
        self.records.peek()
    }

    /// Begins again at the first record.
    pub fn restart(&mut self) {
        self.records.restart();
    }

    /// The place before the record that [`FileReader::next_record`] will answer.
    #[must_use]
    pub fn place(&self) -> Place {
        self.records.place()
    }

    /// Goes to a place that this reader was at.
    ///
    /// # Errors
    /// As [`FileReader::next_record`].
    pub fn go_to(&mut self, place: Place) -> Result<(), SpoolError> {
        self.records.go_to(place)
    }
}

impl Drop for FileReader {
    fn drop(&mut self) {
        if let Some(extents) = self.pins.unpin(&self.file) {
            self.segments.release([extents]);
        }
    }
}

impl std::fmt::Debug for FileReader {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("FileReader").field("file", &self.file).finish_non_exhaustive()
    }
}
