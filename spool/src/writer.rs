//! A file being written.

use std::sync::Arc;
use std::thread::{self, JoinHandle};

use crate::attributes::{Attributes, NewFile};
use crate::block::{BLOCK_HEADER, BlockHeader, PAYLOAD_MAX, RECORD_HEADER, Record};
use crate::catalog::Written;
use crate::error::SpoolError;
use crate::segments::{Extent, Segment, Segments};

/// A file being written. Dropping it without closing discards it.
///
/// Holds at most 128 KiB of records in memory; the rest is in segments already. One I/O thread at a time uses it.
pub struct OpenFile {
    segments: Arc<Segments>,
    serial: u64,
    file: NewFile,
    /// Room for a block's header, then the records that are not written yet.
    block: Vec<u8>,
    block_records: u32,
    sequence: u32,
    extents: Vec<Extent>,
    /// The segment of the last block.
    last: Option<Arc<Segment>>,
    /// The segment before it being made durable.
    left: Option<JoinHandle<Result<(), SpoolError>>>,
    records: u64,
    bytes: u64,
    longest: u16,
    given_up: bool,
}

impl OpenFile {
    pub(crate) fn new(segments: Arc<Segments>, serial: u64, file: NewFile) -> Self {
        Self {
            segments,
            serial,
            file,
            block: vec![0; BLOCK_HEADER],
            block_records: 0,
            sequence: 0,
            extents: Vec::new(),
            last: None,
            left: None,
            records: 0,
            bytes: 0,
            longest: 0,
            given_up: false,
        }
    }

    /// Adds a record.
    ///
    /// # Errors
    /// [`SpoolError::RecordTooLong`] beyond 65,535 bytes, the file goes on without the record. [`SpoolError::Full`] and
    /// [`SpoolError::Io`] when the host could not take it: the file is given up, and only dropping it makes sense.
    pub fn append(&mut self, command: u16, data: &[u8]) -> Result<(), SpoolError> {
        if self.given_up {
            return Err(SpoolError::GivenUp);
        }
        let length = u16::try_from(data.len()).map_err(|_| SpoolError::RecordTooLong(data.len()))?;
        if self.block.len() + RECORD_HEADER + data.len() > BLOCK_HEADER + PAYLOAD_MAX {
            self.write_block()?;
        }
        Record { command, data }.encode(&mut self.block);
        self.block_records += 1;
        self.records += 1;
        self.bytes += u64::from(length);
        self.longest = self.longest.max(length);
        Ok(())
    }

    /// Its identity, which the closed file keeps.
    #[must_use]
    pub fn serial(&self) -> u64 {
        self.serial
    }

    /// The file as it was begun.
    #[must_use]
    pub fn file(&self) -> &NewFile {
        &self.file
    }

    /// The attributes it will be closed with.
    pub fn attributes_mut(&mut self) -> &mut Attributes {
        &mut self.file.attributes
    }

    /// Records so far.
    #[must_use]
    pub fn records(&self) -> u64 {
        self.records
    }

    /// Bytes of the records so far.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    fn write_block(&mut self) -> Result<(), SpoolError> {
        if self.block_records == 0 {
            return Ok(());
        }
        BlockHeader::seal(&mut self.block, self.serial, self.sequence, self.block_records);
        self.store_block().inspect_err(|_| self.given_up = true)?;
        self.block.truncate(BLOCK_HEADER);
        self.block_records = 0;
        Ok(())
    }

    fn store_block(&mut self) -> Result<(), SpoolError> {
        let length = self.block.len() as u64;
        let last = self.extents.last().map(|extent| extent.segment);
        let (segment, offset) = self.segments.append(&self.block, last)?;
        match self.extents.last_mut() {
            Some(extent) if extent.segment == segment.number && extent.end() == offset => extent.length += length,
            _ => self.extents.push(Extent { segment: segment.number, offset, length }),
        }
        self.sequence = self.sequence.checked_add(1).ok_or_else(|| SpoolError::Full(segment.path.clone()))?;
        if let Some(left) = self.last.replace(Arc::clone(&segment))
            && left.number != segment.number
        {
            self.leave(left)?;
        }
        Ok(())
    }

    /// Makes a segment durable that the file goes on from, while the file goes on.
    ///
    /// So the close of a long file waits for its last segment only, and the disk works while the next one is filled. One
    /// segment at a time: a writer faster than the disk waits here.
    fn leave(&mut self, segment: Arc<Segment>) -> Result<(), SpoolError> {
        self.wait_for_left()?;
        let segments = Arc::clone(&self.segments);
        let sync = move || segment.sync().inspect_err(|_| segments.retire(segment.number));
        self.left = Some(
            thread::Builder::new()
                .name("spool-sync".to_owned())
                .spawn(sync)
                .map_err(|error| SpoolError::io(self.segments.directory(), error))?,
        );
        Ok(())
    }

    fn wait_for_left(&mut self) -> Result<(), SpoolError> {
        self.left.take().map_or(Ok(()), |left| left.join().unwrap_or(Err(SpoolError::GivenUp)))
    }

    /// Writes what is still in memory, and answers what the index must know and the segment that is to be made durable first.
    pub(crate) fn finish(&mut self) -> Result<(Written, Option<Arc<Segment>>), SpoolError> {
        if self.given_up {
            return Err(SpoolError::GivenUp);
        }
        self.write_block()?;
        self.wait_for_left().inspect_err(|_| self.given_up = true)?;
        let written = Written {
            serial: self.serial,
            origin: self.file.origin,
            device: self.file.device,
            created: self.file.created,
            records: self.records,
            bytes: self.bytes,
            longest: self.longest,
            attributes: self.file.attributes.clone(),
            extents: self.extents.clone(),
        };
        Ok((written, self.last.clone()))
    }

    /// The file is in the index, or may be: its blocks are not to be given back.
    pub(crate) fn keep(mut self) {
        self.extents.clear();
    }
}

impl Drop for OpenFile {
    fn drop(&mut self) {
        if !self.extents.is_empty() {
            self.segments.release([std::mem::take(&mut self.extents)]);
        }
    }
}

impl std::fmt::Debug for OpenFile {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("OpenFile").field("serial", &self.serial).field("records", &self.records).finish_non_exhaustive()
    }
}
