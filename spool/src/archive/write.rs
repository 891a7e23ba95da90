//! Writing an archive from front to back.

use std::io::Write;

use super::format::{Frame, Kind, WHOLE, encode_file, encode_sums};
use super::{ArchiveError, Label};
use crate::attributes::FileInfo;
use crate::block::{PAYLOAD_MAX, RECORD_HEADER, Record};

/// An archive being written. It is one when [`ArchiveWriter::finish`] was called; until then readers call it damaged.
pub struct ArchiveWriter<W> {
    output: W,
    sequence: u32,
    /// Records that are not written yet.
    payload: Vec<u8>,
    files: u64,
    records: u64,
    bytes: u64,
}

impl<W: Write> ArchiveWriter<W> {
    /// Begins an archive.
    ///
    /// # Errors
    /// When the output fails.
    pub fn new(mut output: W, label: &Label) -> Result<Self, ArchiveError> {
        output.write_all(&label.encode())?;
        Ok(Self { output, sequence: 0, payload: Vec::new(), files: 0, records: 0, bytes: 0 })
    }

    /// Begins a file, whose records follow.
    ///
    /// # Errors
    /// When the output fails.
    pub fn begin(&mut self, file: &FileInfo) -> Result<(), ArchiveError> {
        self.frame(Kind::File, &encode_file(file))
    }

    /// Adds a record to the file.
    ///
    /// # Errors
    /// When the output fails.
    pub fn record(&mut self, record: Record<'_>) -> Result<(), ArchiveError> {
        if self.payload.len() + RECORD_HEADER + record.data.len() > PAYLOAD_MAX {
            self.flush()?;
        }
        record.encode(&mut self.payload);
        Ok(())
    }

    /// Ends the file, all of whose records were added.
    ///
    /// # Errors
    /// When the output fails.
    pub fn end(&mut self, file: &FileInfo) -> Result<(), ArchiveError> {
        self.flush()?;
        self.files += 1;
        self.records = self.records.saturating_add(file.records);
        self.bytes = self.bytes.saturating_add(file.bytes);
        self.frame(Kind::Whole, &encode_sums(0, file.records, file.bytes)[..WHOLE])
    }

    /// Ends the file, whose records could not all be read: readers will take it for none.
    ///
    /// # Errors
    /// When the output fails.
    pub fn give_up(&mut self) -> Result<(), ArchiveError> {
        self.payload.clear();
        self.frame(Kind::Void, &[])
    }

    /// Ends the archive and gives the output back, not yet synced.
    ///
    /// # Errors
    /// When the output fails.
    pub fn finish(mut self) -> Result<W, ArchiveError> {
        self.frame(Kind::End, &encode_sums(self.files, self.records, self.bytes))?;
        self.output.flush()?;
        Ok(self.output)
    }

    fn flush(&mut self) -> Result<(), ArchiveError> {
        if self.payload.is_empty() {
            return Ok(());
        }
        let mut payload = std::mem::take(&mut self.payload);
        self.frame(Kind::Data, &payload)?;
        payload.clear();
        self.payload = payload;
        Ok(())
    }

    fn frame(&mut self, kind: Kind, payload: &[u8]) -> Result<(), ArchiveError> {
        self.output.write_all(&Frame::seal(kind, self.sequence, payload))?;
        self.output.write_all(payload)?;
        // So many frames are more than half a petabyte of records; a number used twice then only weakens the check.
        self.sequence = self.sequence.wrapping_add(1);
        Ok(())
    }
}
