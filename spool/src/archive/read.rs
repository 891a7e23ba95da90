//! Reading an archive from front to back.

use std::io::{self, ErrorKind, Read};
use std::ops::ControlFlow;

use super::format::{FRAME, Frame, Kind, LABEL, WHOLE, decode_file, encode_sums};
use super::{ArchiveError, ArchiveReport, Label, Passed, Progress, Watch, tell};
use crate::attributes::{FileInfo, Selection};
use crate::block::{Record, record_at};

/// Bytes of records between two tidings of progress.
pub const TIDINGS: u64 = 1 << 20;

/// An archive being read. Holds one frame in memory, at most 128 KiB.
///
/// After an error nothing more can be read.
pub struct ArchiveReader<R> {
    input: R,
    label: Label,
    /// Where the next byte comes from.
    at: u64,
    sequence: u32,
    /// The payload of the last frame, and where in it the next record begins.
    payload: Vec<u8>,
    next: usize,
    file: State,
    sums: Sums,
}

/// Records and bytes seen of a file, or of all.
#[derive(Clone, Copy, Default)]
struct Sums {
    files: u64,
    records: u64,
    bytes: u64,
}

enum State {
    /// Between files.
    None,
    /// In the records of a file.
    Open(Box<FileInfo>, Sums),
    /// The archive is at its end, or cannot be read on.
    Ended,
}

/// What comes next in a file.
enum Next {
    Record,
    Whole,
    Void,
}

impl<R: Read> ArchiveReader<R> {
    /// Begins to read an archive.
    ///
    /// # Errors
    /// [`ArchiveError::Foreign`], [`ArchiveError::Version`], or when the label is damaged or the input fails.
    pub fn new(mut input: R) -> Result<Self, ArchiveError> {
        let mut bytes = [0; LABEL];
        input.read_exact(&mut bytes).map_err(|error| match error.kind() {
            ErrorKind::UnexpectedEof => ArchiveError::Foreign,
            _ => error.into(),
        })?;
        let label = Label::decode(&bytes)?;
        Ok(Self { input, label, at: LABEL as u64, sequence: 0, payload: Vec::new(), next: 0, file: State::None, sums: Sums::default() })
    }

    /// What the archive says of itself.
    #[must_use]
    pub fn label(&self) -> Label {
        self.label
    }

    /// The next file, whose records follow; none at the end. What is left of the file before is passed over, and verified.
    ///
    /// # Errors
    /// [`ArchiveError::Damaged`], or when the input fails.
    pub fn next_file(&mut self) -> Result<Option<FileInfo>, ArchiveError> {
        while matches!(self.file, State::Open(..)) && matches!(self.advance()?, Next::Record) {
            self.pass();
        }
        if matches!(self.file, State::Ended) {
            return Ok(None);
        }
        let begun = self.at;
        let kind = self.frame()?;
        let file = match kind {
            Kind::File => self.payload.as_slice().try_into().ok().and_then(|bytes| decode_file(&bytes)),
            Kind::End => return self.end(begun),
            _ => return Err(self.damaged(begun, "records of no file stand here")),
        };
        let Some(file) = file else {
            return Err(self.damaged(begun, "the attributes of a file cannot be"));
        };
        self.payload.clear();
        self.next = 0;
        self.file = State::Open(Box::new(file.clone()), Sums::default());
        Ok(Some(file))
    }

    /// The next record of the file; none at its end, when it was found whole.
    ///
    /// # Errors
    /// [`ArchiveError::Void`], after which reading can go on with the next one; [`ArchiveError::Damaged`]; or when the
    /// input fails.
    pub fn next_record(&mut self) -> Result<Option<Record<'_>>, ArchiveError> {
        if !matches!(self.file, State::Open(..)) {
            return Ok(None);
        }
        match self.advance()? {
            Next::Whole => Ok(None),
            Next::Void => Err(ArchiveError::Void),
            Next::Record => {
                let at = self.next;
                self.pass();
                Ok(record_at(&self.payload[at..]).map(|(record, _)| record))
            }
        }
    }

    /// Makes sure that the next record is there, reading frames as needed; at the end of the file leaves it.
    fn advance(&mut self) -> Result<Next, ArchiveError> {
        while self.next >= self.payload.len() {
            let begun = self.at;
            match self.frame()? {
                Kind::Data => {}
                Kind::Whole => return self.whole(begun).map(|()| Next::Whole),
                Kind::Void => {
                    self.file = State::None;
                    return Ok(Next::Void);
                }
                Kind::File | Kind::End => return Err(self.damaged(begun, "a file has no end")),
            }
        }
        if record_at(&self.payload[self.next..]).is_none() {
            return Err(self.damaged(self.at, "a record runs over the end of its frame"));
        }
        Ok(Next::Record)
    }

    /// Goes on behind the record that [`ArchiveReader::advance`] found, and counts it.
    fn pass(&mut self) {
        if let Some((record, length)) = record_at(&self.payload[self.next..])
            && let State::Open(_, sums) = &mut self.file
        {
            self.next += length;
            sums.records += 1;
            sums.bytes += record.data.len() as u64;
        }
    }

    /// Compares what was seen of the file with what is said of it.
    fn whole(&mut self, begun: u64) -> Result<(), ArchiveError> {
        let State::Open(file, seen) = std::mem::replace(&mut self.file, State::None) else {
            return Err(self.damaged(begun, "the end of no file stands here"));
        };
        let said = encode_sums(0, file.records, file.bytes);
        if (seen.records, seen.bytes) != (file.records, file.bytes) || self.payload != said[..WHOLE] {
            return Err(self.damaged(begun, "a file does not have the records it is said to have"));
        }
        self.payload.clear();
        self.next = 0;
        self.sums.files += 1;
        self.sums.records = self.sums.records.saturating_add(seen.records);
        self.sums.bytes = self.sums.bytes.saturating_add(seen.bytes);
        Ok(())
    }

    fn end(&mut self, begun: u64) -> Result<Option<FileInfo>, ArchiveError> {
        let Sums { files, records, bytes } = self.sums;
        if self.payload != encode_sums(files, records, bytes) {
            return Err(self.damaged(begun, "the archive does not have the files it is said to have"));
        }
        self.file = State::Ended;
        Ok(None)
    }

    /// Reads the next frame, verified, into the payload.
    fn frame(&mut self) -> Result<Kind, ArchiveError> {
        let begun = self.at;
        let mut header = [0; FRAME];
        self.fill(begun, |reader| reader.input.read_exact(&mut header))?;
        let frame = Frame::decode(&header).map_err(|what| self.damaged(begun, what))?;
        self.payload.resize(frame.length, 0);
        self.next = 0;
        let mut payload = std::mem::take(&mut self.payload);
        self.fill(begun, |reader| reader.input.read_exact(&mut payload))?;
        self.payload = payload;
        frame.verify(&header, &self.payload, self.sequence).map_err(|what| self.damaged(begun, what))?;
        self.at += (FRAME + frame.length) as u64;
        self.sequence = self.sequence.wrapping_add(1);
        Ok(frame.kind)
    }

    fn fill(&mut self, begun: u64, read: impl FnOnce(&mut Self) -> io::Result<()>) -> Result<(), ArchiveError> {
        read(self).map_err(|error| match error.kind() {
            ErrorKind::UnexpectedEof => self.damaged(begun, "the archive ends here"),
            _ => {
                self.file = State::Ended;
                error.into()
            }
        })
    }

    fn damaged(&mut self, at: u64, what: &'static str) -> ArchiveError {
        self.file = State::Ended;
        ArchiveError::Damaged { at, what }
    }
}

/// Reads an archive and tells of every file in it that `selection` means and that is whole: SPXTAPE SCAN.
///
/// # Errors
/// When it is no archive, the input fails, or `watch` ends it. An archive that is damaged later on is in the report.
pub fn scan<R: Read>(input: R, selection: &Selection, watch: &mut Watch<'_>) -> Result<ArchiveReport, ArchiveError> {
    let mut reader = ArchiveReader::new(input)?;
    let mut report = ArchiveReport::new(reader.label());
    loop {
        match scan_file(&mut reader, selection, &mut report, watch) {
            Ok(ControlFlow::Continue(())) => {}
            Ok(ControlFlow::Break(())) => return Ok(report),
            Err(error @ ArchiveError::Damaged { .. }) => {
                report.damage = Some(error);
                return Ok(report);
            }
            Err(error) => return Err(error),
        }
    }
}

fn scan_file<R: Read>(
    reader: &mut ArchiveReader<R>,
    selection: &Selection,
    report: &mut ArchiveReport,
    watch: &mut Watch<'_>,
) -> Result<ControlFlow<()>, ArchiveError> {
    let Some(file) = reader.next_file()? else {
        return Ok(ControlFlow::Break(()));
    };
    if !selection.matches(&file) {
        return Ok(ControlFlow::Continue(()));
    }
    match each_record(reader, &file, watch, |_| Ok(()))? {
        true => {
            report.count(&file);
            tell(watch, Progress::Done { file: &file, now: None })?;
        }
        false => {
            report.passed += 1;
            tell(watch, Progress::Passed { file: &file, why: &Passed::Void })?;
        }
    }
    Ok(ControlFlow::Continue(()))
}

/// Takes all records of `file`, telling of progress; false when the file is void.
pub fn each_record<R: Read>(
    reader: &mut ArchiveReader<R>,
    file: &FileInfo,
    watch: &mut Watch<'_>,
    mut take: impl FnMut(Record<'_>) -> Result<(), ArchiveError>,
) -> Result<bool, ArchiveError> {
    let (mut bytes, mut told) = (0, 0);
    loop {
        match reader.next_record() {
            Ok(Some(record)) => {
                bytes += record.data.len() as u64;
                take(record)?;
            }
            Ok(None) => return Ok(true),
            Err(ArchiveError::Void) => return Ok(false),
            Err(error) => return Err(error),
        }
        if bytes - told >= TIDINGS {
            told = bytes;
            tell(watch, Progress::Moving { file, bytes })?;
        }
    }
}
