//! Making transmissions.

use alloc::string::String;
use alloc::vec::Vec;

use minidisk::edf::RecordFormat;

use super::units::{Units, stamp};
use super::{Acknowledgement, CARD, CONTROL, COPY, Envelope, FIRST, FileControl, LAST, SEGMENT, SEQUENTIAL, key, recfm};

/// Makes the punch records of a file.
#[derive(Debug)]
pub struct Encoder {
    pending: Vec<u8>,
}

impl Encoder {
    /// Begins with the three records that stand before the data. `size` is the file's size in bytes, for information.
    pub fn new(envelope: &Envelope, file: &FileControl, size: u64) -> Self {
        let mut encoder = Self { pending: Vec::new() };
        let mut header = envelope_units(envelope);
        header.number(key::NUMF, 1, 4);
        if let Some(identifier) = &envelope.acknowledge {
            header.text(key::FACK, &[identifier]);
        }
        encoder.control(&header.0);

        let (lrecl, format) = match file.format {
            RecordFormat::Fixed(lrecl) => (lrecl, recfm::FIXED),
            RecordFormat::Variable => (file.lrecl.max(1), recfm::VARIABLE | recfm::NO_LENGTH),
        };
        let mut control = Units::new("INMR02");
        control.0.extend_from_slice(&1u32.to_be_bytes());
        control.text(key::UTILN, &[COPY]);
        control.number(key::SIZE, size, 4.max(8 * usize::from(size > u32::MAX.into())));
        control.number(key::DSORG, SEQUENTIAL.into(), 2);
        control.number(key::LRECL, lrecl.into(), 4);
        control.number(key::RECFM, format.into(), 2);
        match file.is_note {
            true => control.text(key::TERM, &[]),
            false => control.text(key::DSNAM, &["A", &file.name, &file.file_type]),
        }
        control.text(key::FFM, &[&alloc::format!("{}", file.mode)]);
        if let Some(changed) = &file.changed {
            control.text(key::LCHG, &[&stamp(changed)]);
            control.text(key::CREAT, &[&stamp(changed)]);
        }
        encoder.control(&control.0);

        let mut data = Units::new("INMR03");
        data.number(key::SIZE, size, 4.max(8 * usize::from(size > u32::MAX.into())));
        data.number(key::DSORG, SEQUENTIAL.into(), 2);
        data.number(key::LRECL, CARD as u64, 4);
        data.number(key::RECFM, recfm::TRANSMISSION.into(), 2);
        encoder.control(&data.0);
        encoder
    }

    /// Adds a record of the file.
    pub fn record(&mut self, record: &[u8]) {
        self.segments(record, 0);
    }

    /// Takes the punch records that are complete.
    pub fn cards(&mut self) -> Vec<[u8; CARD]> {
        let whole = self.pending.len() / CARD * CARD;
        let cards = self.pending[..whole].chunks_exact(CARD).map(card).collect();
        self.pending.drain(..whole);
        cards
    }

    /// Ends the transmission and takes the last punch records.
    pub fn finish(mut self) -> Vec<[u8; CARD]> {
        self.control(&Units::new("INMR06").0);
        let padded = self.pending.len().next_multiple_of(CARD);
        self.pending.resize(padded, 0);
        self.cards()
    }

    /// Adds a control record.
    fn control(&mut self, record: &[u8]) {
        self.segments(record, CONTROL);
    }

    /// Cuts a record into segments. An empty record is one empty segment.
    fn segments(&mut self, record: &[u8], flags: u8) {
        let count = record.len().div_ceil(SEGMENT).max(1);
        for index in 0..count {
            let data = &record[index * SEGMENT..record.len().min((index + 1) * SEGMENT)];
            let first = if index == 0 { FIRST } else { 0 };
            let last = if index + 1 == count { LAST } else { 0 };
            // At most 255: SEGMENT leaves room for the two bytes.
            self.pending.push(data.len() as u8 + 2);
            self.pending.push(flags | first | last);
            self.pending.extend_from_slice(data);
        }
    }
}

/// The punch records of an acknowledgement: INMR01, INMR07, INMR06.
pub fn acknowledgement(envelope: &Envelope, acknowledgement: &Acknowledgement) -> Vec<[u8; CARD]> {
    let mut encoder = Encoder { pending: Vec::new() };
    encoder.control(&envelope_units(envelope).0);
    let mut units = Units::new("INMR07");
    units.text(key::FTIME, &[&stamp(&acknowledgement.sent.unwrap_or_default())]);
    match acknowledgement.file.0.is_empty() {
        true => units.text(key::TERM, &[]),
        false => units.text(key::DSNAM, &["A", &acknowledgement.file.0, &acknowledgement.file.1]),
    }
    if let Some(mode) = acknowledgement.mode {
        units.text(key::FFM, &[&alloc::format!("{mode}")]);
    }
    units.text(key::ERRCD, &[&acknowledgement.outcome]);
    if !acknowledgement.identifier.is_empty() {
        units.text(key::FACK, &[&acknowledgement.identifier]);
    }
    encoder.control(&units.0);
    encoder.finish()
}

/// INMR01 up to what depends on the kind of transmission.
fn envelope_units(envelope: &Envelope) -> Units {
    let mut header = Units::new("INMR01");
    let texts: [(u16, &String); 4] =
        [(key::FNODE, &envelope.from.1), (key::FUID, &envelope.from.0), (key::TNODE, &envelope.to.1), (key::TUID, &envelope.to.0)];
    header.number(key::LRECL, CARD as u64, 4);
    for (key, text) in texts {
        header.text(key, &[text]);
    }
    header.text(key::FTIME, &[&stamp(&envelope.sent.unwrap_or_default())]);
    header
}

/// A punch record of its 80 bytes.
fn card(bytes: &[u8]) -> [u8; CARD] {
    core::array::from_fn(|at| bytes[at])
}
