//! NETDATA: the form in which SENDFILE sends a file, so that record lengths, record format, name and date survive exactly.
//!
//! A file is a sequence of records, each cut into segments of at most 253 bytes: one byte of length (itself and the flags included),
//! one byte of flags (first, last, control), and data. Segments are packed without gaps into 80-byte punch records.
//! Control records (INMR01 who sends to whom, INMR02 the file, INMR03 its transmission, INMR06 the end) are made of text units:
//! key, count, and that many values, each with its length; integers are big-endian, text is EBCDIC.
//!
//! **Data bytes are carried as they are**, not translated: sender and receiver of a CP-64 system both hold ASCII.
//!
//! This module is pure: it talks to nobody. What it decodes comes from another user and is taken for hostile.

use alloc::string::String;
use alloc::vec::Vec;

use minidisk::ebcdic;
use minidisk::edf::{DateTime, MAX_RECORD, RecordFormat};

use crate::words::number;

/// Bytes in a punch record.
pub const CARD: usize = 80;
/// Data bytes in a segment.
const SEGMENT: usize = 253;
/// Largest control record that is looked at.
const CONTROL_MAX: usize = 4096;

/// Flags of a segment.
const FIRST: u8 = 0x80;
const LAST: u8 = 0x40;
const CONTROL: u8 = 0x20;

/// Keys of text units.
mod key {
    pub const DSNAM: u16 = 0x0002;
    pub const TERM: u16 = 0x0028;
    pub const DSORG: u16 = 0x003c;
    pub const LRECL: u16 = 0x0042;
    pub const RECFM: u16 = 0x0049;
    pub const TNODE: u16 = 0x1001;
    pub const TUID: u16 = 0x1002;
    pub const FNODE: u16 = 0x1011;
    pub const FUID: u16 = 0x1012;
    pub const LCHG: u16 = 0x1021;
    pub const FTIME: u16 = 0x1024;
    pub const UTILN: u16 = 0x1028;
    pub const SIZE: u16 = 0x102c;
    pub const FFM: u16 = 0x102d;
    pub const NUMF: u16 = 0x102f;
}

/// Record formats of INMRECFM.
const RECFM_FIXED: u16 = 0x8000;
/// Varying-length records without the four bytes of length that other systems put before each.
const RECFM_VARYING: u16 = 0x0002;
/// INMDSORG: physical sequential.
const SEQUENTIAL: u16 = 0x4000;

/// Who sends to whom, and when.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Envelope {
    /// Sending user and node.
    pub from: (String, String),
    /// Receiving user and node.
    pub to: (String, String),
    /// When it was sent.
    pub sent: Option<DateTime>,
}

/// The file that is sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileControl {
    /// File name, as sent.
    pub name: String,
    /// File type, as sent.
    pub file_type: String,
    /// File mode number.
    pub mode: u8,
    /// Record format.
    pub format: RecordFormat,
    /// Date of last change.
    pub changed: Option<DateTime>,
    /// It is a note or a message, no file.
    pub is_note: bool,
}

/// Makes the punch records of a file.
#[derive(Debug)]
pub struct Encoder {
    pending: Vec<u8>,
}

impl Encoder {
    /// Begins with the three records that stand before the data. `size` is the file's size in bytes, for information.
    pub fn new(envelope: &Envelope, file: &FileControl, size: u64) -> Self {
        let mut encoder = Self { pending: Vec::new() };
        let lrecl = match file.format {
            RecordFormat::Fixed(lrecl) => lrecl,
            RecordFormat::Variable => MAX_RECORD,
        };
        let recfm = match file.format {
            RecordFormat::Fixed(_) => RECFM_FIXED,
            RecordFormat::Variable => RECFM_VARYING,
        };
        let mut header = Units::new("INMR01");
        header.number(key::LRECL, CARD as u64, 4);
        header.text(key::FNODE, &[&envelope.from.1]);
        header.text(key::FUID, &[&envelope.from.0]);
        header.text(key::TNODE, &[&envelope.to.1]);
        header.text(key::TUID, &[&envelope.to.0]);
        header.text(key::FTIME, &[&stamp(&envelope.sent.unwrap_or_default())]);
        header.number(key::NUMF, 1, 4);
        encoder.control(&header.0);

        let mut control = Units::new("INMR02");
        control.0.extend_from_slice(&1u32.to_be_bytes());
        control.text(key::UTILN, &["INMCOPY"]);
        control.number(key::SIZE, size, 8);
        control.number(key::DSORG, SEQUENTIAL.into(), 2);
        control.number(key::LRECL, lrecl.into(), 4);
        control.number(key::RECFM, recfm.into(), 2);
        control.text(key::DSNAM, &["A", &file.name, &file.file_type]);
        control.text(key::FFM, &[&alloc::format!("A{}", file.mode)]);
        control.text(key::LCHG, &[&stamp(&file.changed.unwrap_or_default())]);
        encoder.control(&control.0);

        let mut data = Units::new("INMR03");
        data.number(key::SIZE, size, 8);
        data.number(key::DSORG, SEQUENTIAL.into(), 2);
        data.number(key::LRECL, CARD as u64, 4);
        data.number(key::RECFM, 0x0001, 2);
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

    /// Ends the file and takes the last punch records.
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

/// A punch record of its 80 bytes.
fn card(bytes: &[u8]) -> [u8; CARD] {
    core::array::from_fn(|at| bytes[at])
}

/// A control record being made.
struct Units(Vec<u8>);

impl Units {
    /// A control record of that name without units.
    fn new(name: &str) -> Self {
        Self(to_ebcdic(name))
    }

    /// Adds a unit of texts.
    fn text(&mut self, key: u16, values: &[&str]) {
        self.0.extend_from_slice(&key.to_be_bytes());
        self.0.extend_from_slice(&(values.len() as u16).to_be_bytes());
        for value in values {
            let value = to_ebcdic(value);
            self.0.extend_from_slice(&(value.len() as u16).to_be_bytes());
            self.0.extend_from_slice(&value);
        }
    }

    /// Adds a unit of one number of that many bytes.
    fn number(&mut self, key: u16, value: u64, bytes: usize) {
        self.0.extend_from_slice(&key.to_be_bytes());
        self.0.extend_from_slice(&1u16.to_be_bytes());
        self.0.extend_from_slice(&(bytes as u16).to_be_bytes());
        self.0.extend_from_slice(&value.to_be_bytes()[8 - bytes..]);
    }
}

/// Text in EBCDIC.
fn to_ebcdic(text: &str) -> Vec<u8> {
    let mut bytes = text.as_bytes().to_vec();
    ebcdic::encode(&mut bytes);
    bytes
}

/// Text from EBCDIC.
fn from_ebcdic(bytes: &[u8]) -> String {
    let mut bytes = bytes.to_vec();
    ebcdic::decode(&mut bytes);
    String::from(String::from_utf8_lossy(&bytes).trim())
}

/// A date as `yyyymmddhhmmss`.
fn stamp(date: &DateTime) -> String {
    let DateTime { year, month, day, hour, minute, second } = date;
    alloc::format!("{year:04}{month:02}{day:02}{hour:02}{minute:02}{second:02}")
}

/// The date in such a text; seconds and what follows may be missing.
fn date(text: &str) -> Option<DateTime> {
    let part = |range: core::ops::Range<usize>| text.get(range).and_then(number::<u8>);
    let date = DateTime {
        year: text.get(..4).and_then(number::<u16>)?,
        month: part(4..6)?,
        day: part(6..8)?,
        hour: part(8..10).unwrap_or(0),
        minute: part(10..12).unwrap_or(0),
        second: part(12..14).unwrap_or(0),
    };
    date.is_valid().then_some(date)
}

/// Whether a spool file that begins with this record is NETDATA.
pub fn is_netdata(first_record: &[u8]) -> bool {
    first_record.len() > 7 && first_record[1] & CONTROL != 0 && first_record[2..7] == to_ebcdic("INMR0")
}

/// What a decoder finds, in order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Item {
    /// INMR01.
    Envelope(Envelope),
    /// INMR02: a file begins.
    File(FileControl),
    /// A record of it.
    Record(Vec<u8>),
    /// INMR07: somebody received what was sent.
    Acknowledgement,
    /// INMR06.
    End,
}

/// Why something is no NETDATA that can be received.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Bad {
    /// A segment has a length that no segment can have.
    #[error("A segment length is wrong")]
    Segment,
    /// Segments come in an order that makes no record.
    #[error("Segments are out of order")]
    Order,
    /// A record is longer than a file can hold, or a control record than anything known.
    #[error("A record is too long")]
    TooLong,
    /// A text unit runs over the end of its record.
    #[error("A text unit runs over its record")]
    Unit,
    /// The first control record is not INMR01, or data comes before INMR02.
    #[error("The header is missing")]
    NoHeader,
    /// The file's record format is none that CMS has.
    #[error("The record format is unknown")]
    Format,
    /// It ends before INMR06.
    #[error("The end is missing")]
    Short,
}

/// Takes punch records apart. At most one record of the file is held at any time.
#[derive(Debug, Default)]
pub struct Decoder {
    /// Bytes not yet taken apart.
    input: Vec<u8>,
    /// The record whose segments are coming in, and the flags of its first one.
    record: Option<(Vec<u8>, u8)>,
    seen_header: bool,
    seen_file: bool,
    ended: bool,
}

impl Decoder {
    /// Adds a punch record and takes what became complete. What follows the end is ignored.
    ///
    /// # Errors
    /// [`Bad`]; nothing that comes after it means anything.
    pub fn card(&mut self, card: &[u8]) -> Result<Vec<Item>, Bad> {
        let mut items = Vec::new();
        if self.ended {
            return Ok(items);
        }
        self.input.extend_from_slice(card);
        let input = core::mem::take(&mut self.input);
        let mut rest = input.as_slice();
        while let Some(&length) = rest.first() {
            let length = usize::from(length);
            if length < 2 {
                return Err(Bad::Segment);
            }
            if rest.len() < length {
                break;
            }
            let (segment, following) = rest.split_at(length);
            rest = following;
            if let Some(item) = self.segment(segment[1], &segment[2..])? {
                self.ended |= item == Item::End;
                items.push(item);
            }
            if self.ended {
                return Ok(items);
            }
        }
        self.input = rest.to_vec();
        Ok(items)
    }

    /// Whether the end was seen.
    pub fn is_complete(&self) -> bool {
        self.ended
    }

    /// Takes one segment; answers what it completes.
    fn segment(&mut self, flags: u8, data: &[u8]) -> Result<Option<Item>, Bad> {
        let (mut record, first_flags) = match (self.record.take(), flags & FIRST != 0) {
            (None, true) => (Vec::new(), flags),
            (Some(begun), false) if begun.1 & CONTROL == flags & CONTROL => begun,
            _ => return Err(Bad::Order),
        };
        let most = if first_flags & CONTROL != 0 { CONTROL_MAX } else { MAX_RECORD as usize };
        if record.len() + data.len() > most {
            return Err(Bad::TooLong);
        }
        record.extend_from_slice(data);
        if flags & LAST == 0 {
            self.record = Some((record, first_flags));
            return Ok(None);
        }
        if first_flags & CONTROL != 0 {
            return self.control(&record);
        }
        if !self.seen_file {
            return Err(Bad::NoHeader);
        }
        Ok(Some(Item::Record(record)))
    }

    /// Takes a control record.
    fn control(&mut self, record: &[u8]) -> Result<Option<Item>, Bad> {
        let (name, body) = record.split_at_checked(6).ok_or(Bad::Unit)?;
        let name = from_ebcdic(name);
        if !self.seen_header && name != "INMR01" {
            return Err(Bad::NoHeader);
        }
        Ok(match name.as_str() {
            "INMR01" => {
                self.seen_header = true;
                Some(Item::Envelope(envelope(body)?))
            }
            "INMR02" => {
                self.seen_file = true;
                // The number of the file stands before the units.
                let units = body.get(4..).ok_or(Bad::Unit)?;
                Some(Item::File(file_control(units)?))
            }
            "INMR06" => Some(Item::End),
            "INMR07" => Some(Item::Acknowledgement),
            // INMR03 says how it was sent, INMR04 is for installations: neither changes the file.
            _ => None,
        })
    }
}

/// One text unit: its key and its values.
type Unit<'a> = (u16, Vec<&'a [u8]>);

/// The text units of a control record.
fn units(mut body: &[u8]) -> Result<Vec<Unit<'_>>, Bad> {
    fn take<'a>(body: &mut &'a [u8], count: usize) -> Result<&'a [u8], Bad> {
        let (taken, rest) = body.split_at_checked(count).ok_or(Bad::Unit)?;
        *body = rest;
        Ok(taken)
    }
    fn half(body: &mut &[u8]) -> Result<u16, Bad> {
        take(body, 2).map(|bytes| u16::from_be_bytes([bytes[0], bytes[1]]))
    }
    let mut units = Vec::new();
    while !body.is_empty() {
        let key = half(&mut body)?;
        let count = half(&mut body)?;
        let mut values = Vec::new();
        for _ in 0..count {
            let length = half(&mut body)?;
            values.push(take(&mut body, length.into())?);
        }
        units.push((key, values));
    }
    Ok(units)
}

/// The value at `index` of the first unit of that key.
fn value<'a>(units: &[Unit<'a>], wanted: u16, index: usize) -> Option<&'a [u8]> {
    units.iter().find(|(key, _)| *key == wanted).and_then(|(_, values)| values.get(index).copied())
}

/// A text value; empty when it is missing.
fn text(units: &[Unit<'_>], wanted: u16, index: usize) -> String {
    value(units, wanted, index).map(from_ebcdic).unwrap_or_default()
}

/// A number; longer ones than eight bytes are none.
fn integer(units: &[Unit<'_>], wanted: u16) -> Option<u64> {
    let bytes = value(units, wanted, 0).filter(|bytes| bytes.len() <= 8)?;
    Some(bytes.iter().fold(0, |number, &byte| number << 8 | u64::from(byte)))
}

/// INMR01.
fn envelope(body: &[u8]) -> Result<Envelope, Bad> {
    let units = units(body)?;
    Ok(Envelope {
        from: (text(&units, key::FUID, 0), text(&units, key::FNODE, 0)),
        to: (text(&units, key::TUID, 0), text(&units, key::TNODE, 0)),
        sent: date(&text(&units, key::FTIME, 0)),
    })
}

/// INMR02.
fn file_control(body: &[u8]) -> Result<FileControl, Bad> {
    let units = units(body)?;
    let names = units.iter().find(|(key, _)| *key == key::DSNAM).map_or(0, |(_, values)| values.len());
    let recfm = integer(&units, key::RECFM).unwrap_or(RECFM_VARYING.into());
    let format = if recfm & u64::from(RECFM_FIXED) != 0 && recfm & 0x4000 == 0 {
        let lrecl = integer(&units, key::LRECL).and_then(|lrecl| u32::try_from(lrecl).ok());
        RecordFormat::Fixed(lrecl.filter(|lrecl| (1..=MAX_RECORD).contains(lrecl)).ok_or(Bad::Format)?)
    } else {
        RecordFormat::Variable
    };
    let mode = text(&units, key::FFM, 0).bytes().last().filter(|digit| (b'0'..=b'6').contains(digit));
    Ok(FileControl {
        // The last two parts of the name: CMS sends `A fn ft`, others qualifiers of a data set name.
        name: text(&units, key::DSNAM, names.saturating_sub(2)),
        file_type: text(&units, key::DSNAM, names.saturating_sub(1)),
        mode: mode.map_or(1, |digit| digit - b'0'),
        format,
        changed: date(&text(&units, key::LCHG, 0)),
        is_note: units.iter().any(|(key, _)| *key == key::TERM),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec;
    use proptest::prelude::*;

    fn moment() -> DateTime {
        DateTime { year: 2026, month: 11, day: 22, hour: 14, minute: 41, second: 9 }
    }

    fn letter() -> (Envelope, FileControl) {
        let pair = |user: &str| (String::from(user), String::from("CP64"));
        let envelope = Envelope { from: pair("CMSUSER"), to: pair("MAINT"), sent: Some(moment()) };
        let file = FileControl {
            name: String::from("README"),
            file_type: String::from("MD"),
            mode: 1,
            format: RecordFormat::Variable,
            changed: Some(moment()),
            is_note: false,
        };
        (envelope, file)
    }

    fn encode(file: &FileControl, records: &[Vec<u8>]) -> Vec<[u8; CARD]> {
        let mut encoder = Encoder::new(&letter().0, file, 0);
        let mut cards = Vec::new();
        for record in records {
            encoder.record(record);
            cards.extend(encoder.cards());
        }
        cards.extend(encoder.finish());
        cards
    }

    fn decode(cards: &[[u8; CARD]]) -> Result<Vec<Item>, Bad> {
        let mut decoder = Decoder::default();
        let mut items = Vec::new();
        for card in cards {
            items.extend(decoder.card(card)?);
        }
        if decoder.is_complete() { Ok(items) } else { Err(Bad::Short) }
    }

    #[test]
    fn a_file_begins_with_the_three_control_records_in_ebcdic() {
        let cards = encode(&letter().1, &[]);
        assert!(is_netdata(&cards[0]));
        assert_eq!(cards[0][1], 0xe0);
        assert_eq!(cards[0][2..8], [0xc9, 0xd5, 0xd4, 0xd9, 0xf0, 0xf1]);
        // INMLRECL: key, one value of four bytes, 80.
        assert_eq!(cards[0][8..18], [0x00, 0x42, 0, 1, 0, 4, 0, 0, 0, 80]);
        assert!(!is_netdata(b"hello"));
        assert!(!is_netdata(&[b' '; 80]));
    }

    #[test]
    fn records_of_any_length_come_back_with_the_envelope_and_the_name() {
        let (envelope, mut file) = letter();
        let records = vec![b"one".to_vec(), vec![b'x'; 253], vec![b'y'; 254], vec![0xff; 65_535], b" ".to_vec()];
        let items = decode(&encode(&file, &records)).expect("it decodes");
        assert_eq!(items[0], Item::Envelope(envelope));
        assert_eq!(items[1], Item::File(file.clone()));
        let back: Vec<_> = items[2..items.len() - 1].to_vec();
        assert_eq!(back, records.into_iter().map(Item::Record).collect::<Vec<_>>());
        assert_eq!(items.last(), Some(&Item::End));
        file.format = RecordFormat::Fixed(80);
        let items = decode(&encode(&file, &[])).expect("it decodes");
        assert_eq!(items[1], Item::File(file));
    }

    #[test]
    fn what_is_cut_off_is_named() {
        let cards = encode(&letter().1, &[vec![b'x'; 500]]);
        assert_eq!(decode(&cards[..cards.len() - 1]), Err(Bad::Short));
    }

    #[test]
    fn records_that_cannot_be_are_refused() {
        let bad = |bytes: &[u8]| Decoder::default().card(bytes).expect_err("it is bad");
        assert_eq!(bad(&[1, 0xe0]), Bad::Segment);
        assert_eq!(bad(&[3, 0x40, b'x']), Bad::Order);
        assert_eq!(bad(&[3, 0xc0, b'x']), Bad::NoHeader);
        assert_eq!(bad(&[4, 0xe0, 0xc9, 0xd5]), Bad::Unit);
        let mut header = vec![8, 0xe0];
        header.extend(to_ebcdic("INMR01"));
        let mut decoder = Decoder::default();
        decoder.card(&header).expect("a header");
        let mut file = vec![18, 0xe0];
        file.extend(to_ebcdic("INMR02"));
        file.extend([0, 0, 0, 1, 0, 2, 0xff, 0xff, 0xff, 0xff]);
        assert_eq!(decoder.card(&file), Err(Bad::Unit));
    }

    #[test]
    fn a_record_without_end_does_not_fill_storage() {
        let mut decoder = Decoder::default();
        let mut segment = vec![255, FIRST | CONTROL];
        segment.extend([0; 253]);
        decoder.card(&segment).expect("a long control record begins");
        segment[1] = CONTROL;
        let refused = (0..20).find_map(|_| decoder.card(&segment).err());
        assert_eq!(refused, Some(Bad::TooLong));
    }

    proptest! {
        #[test]
        fn random_cards_do_no_harm(cards in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..200), 0..50)) {
            let mut decoder = Decoder::default();
            for card in cards {
                if decoder.card(&card).is_err() {
                    break;
                }
            }
        }

        #[test]
        fn a_damaged_file_does_no_harm(at in 0usize..400, byte in any::<u8>()) {
            let mut cards = encode(&letter().1, &[vec![b'x'; 300], b"end".to_vec()]);
            let (card, column) = (at / CARD % cards.len(), at % CARD);
            cards[card][column] = byte;
            let _ = decode(&cards);
        }

        #[test]
        fn what_is_encoded_is_decoded(records in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 1..1000), 0..20)) {
            let items = decode(&encode(&letter().1, &records)).expect("it decodes");
            let back: Vec<_> = items.into_iter().filter_map(|item| match item {
                Item::Record(record) => Some(record),
                _ => None,
            }).collect();
            prop_assert_eq!(back, records);
        }
    }
}
