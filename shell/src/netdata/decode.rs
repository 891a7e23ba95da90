//! Taking transmissions apart, punch record by punch record.

use alloc::string::String;
use alloc::vec::Vec;

use minidisk::edf::{MAX_RECORD, RecordFormat};

use super::units::{Parsed, from_ebcdic};
use super::{
    Acknowledgement, CONTROL, CONTROL_MAX, COPY, Envelope, FIRST, FileControl, IDENTIFIER_MAX, LAST, NUMBER, SEQUENTIAL, key, recfm,
};

/// Files in a transmission whose controls are kept.
const FILES_MAX: usize = 16;

/// What a decoder finds, in order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Item {
    /// INMR01.
    Envelope(Envelope),
    /// INMR03: the data of this file follows.
    File(FileControl),
    /// A record of it.
    Record(Vec<u8>),
    /// INMR07: what became of a transmission.
    Acknowledgement(Acknowledgement),
    /// INMR06.
    End,
}

/// Why something is no NETDATA that can be received.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
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
    /// The first control record is not INMR01, or data comes before it was announced.
    #[error("The header is missing")]
    NoHeader,
    /// The file's record format is none that CMS has.
    #[error("The record format is unknown")]
    Format,
    /// A fixed file has a record of another length.
    #[error("A record is longer than the file's records")]
    RecordLength,
    /// There are more files than any transmission has.
    #[error("There are too many files")]
    TooManyFiles,
    /// It ends before INMR06.
    #[error("The end is missing")]
    Short,
    /// It is valid, but made by a utility that CMS does not have.
    #[error("It is a data set unloaded by {0}")]
    Utility(String),
    /// It is valid, but not a sequential file.
    #[error("It is no sequential file")]
    Organization,
    /// It is valid, but packed or compressed.
    #[error("It is packed or compressed")]
    Packed,
}

impl Bad {
    /// Whether the transmission is as it should be, only of a kind that CMS cannot take.
    pub fn is_foreign(&self) -> bool {
        matches!(self, Self::Utility(_) | Self::Organization | Self::Packed)
    }
}

/// Takes punch records apart. At most one record is held at any time, and the controls of a few files.
#[derive(Debug, Default)]
pub struct Decoder {
    /// Bytes not yet taken apart.
    input: Vec<u8>,
    /// The record whose segments are coming in, and the flags of its first one.
    record: Option<(Vec<u8>, u8)>,
    seen_header: bool,
    /// The files that were announced and whose data has not begun: number and control.
    announced: Vec<(u32, FileControl, Shape)>,
    /// How the records of the file that comes in are to be read.
    shape: Option<Shape>,
    ended: bool,
}

/// How the records of a transmission become records of the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Shape {
    /// As they are.
    Records,
    /// Several records of that length may stand in one.
    Blocks(usize),
    /// Each may begin with four bytes of length.
    Lengths,
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
            self.segment(segment[1], &segment[2..], &mut items)?;
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

    /// Takes one segment and adds what it completes.
    fn segment(&mut self, flags: u8, data: &[u8], items: &mut Vec<Item>) -> Result<(), Bad> {
        if flags & NUMBER != 0 {
            return Ok(());
        }
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
            return Ok(());
        }
        match first_flags & CONTROL != 0 {
            true => items.extend(self.control(&record)?),
            false => self.data(record, items)?,
        }
        Ok(())
    }

    /// Takes a record of data.
    fn data(&mut self, record: Vec<u8>, items: &mut Vec<Item>) -> Result<(), Bad> {
        match self.shape.ok_or(Bad::NoHeader)? {
            Shape::Blocks(lrecl) if record.len() > lrecl => {
                if !record.len().is_multiple_of(lrecl) {
                    return Err(Bad::RecordLength);
                }
                items.extend(record.chunks(lrecl).map(|part| Item::Record(part.to_vec())));
            }
            Shape::Lengths => items.push(Item::Record(without_length(record))),
            Shape::Blocks(_) | Shape::Records => items.push(Item::Record(record)),
        }
        Ok(())
    }

    /// Takes a control record.
    fn control(&mut self, record: &[u8]) -> Result<Option<Item>, Bad> {
        let (name, body) = record.split_at_checked(6).ok_or(Bad::Unit)?;
        let name = from_ebcdic(name);
        if self.seen_header == (name == "INMR01") {
            return Err(Bad::NoHeader);
        }
        Ok(match name.as_str() {
            "INMR01" => {
                self.seen_header = true;
                Some(Item::Envelope(envelope(&Parsed::of(body)?)))
            }
            "INMR02" => {
                // The number of the file stands before the units.
                let (number, units) = body.split_first_chunk::<4>().ok_or(Bad::Unit)?;
                self.announce(u32::from_be_bytes(*number), &Parsed::of(units)?)?;
                None
            }
            "INMR03" => {
                Parsed::of(body)?;
                if self.announced.is_empty() {
                    return Err(Bad::NoHeader);
                }
                let (_, control, shape) = self.announced.remove(0);
                self.shape = Some(shape);
                Some(Item::File(control))
            }
            "INMR06" => {
                self.ended = true;
                Some(Item::End)
            }
            "INMR07" => Some(Item::Acknowledgement(acknowledgement(&Parsed::of(body)?))),
            // INMR04 is for installations: it does not change the file.
            _ => None,
        })
    }

    /// Takes an INMR02: one step of what is done with a file.
    fn announce(&mut self, number: u32, units: &Parsed<'_>) -> Result<(), Bad> {
        let utility = units.text(key::UTILN);
        if !utility.is_empty() && utility != COPY {
            return Err(Bad::Utility(utility));
        }
        if units.bits(key::DSORG).is_some_and(|organization| organization & SEQUENTIAL == 0) {
            return Err(Bad::Organization);
        }
        let (control, shape) = file_control(units)?;
        if self.announced.len() == FILES_MAX {
            return Err(Bad::TooManyFiles);
        }
        // The first step that is named is the last one that makes the file: what it says holds.
        if self.announced.iter().all(|(other, _, _)| *other != number) {
            self.announced.push((number, control, shape));
        }
        Ok(())
    }
}

/// A varying record without the four bytes of length before it, when it has them.
fn without_length(mut record: Vec<u8>) -> Vec<u8> {
    if let [high, low, 0, 0, ..] = record[..]
        && usize::from(u16::from_be_bytes([high, low])) == record.len()
    {
        record.drain(..4);
    }
    record
}

/// INMR01.
fn envelope(units: &Parsed<'_>) -> Envelope {
    let acknowledge = units.values(key::FACK).map(|values| {
        let identifier = values.first().copied().unwrap_or_default();
        from_ebcdic(&identifier[..identifier.len().min(IDENTIFIER_MAX)])
    });
    Envelope {
        from: (units.text(key::FUID), units.text(key::FNODE)),
        to: (units.text(key::TUID), units.text(key::TNODE)),
        sent: units.date(key::FTIME),
        acknowledge,
        files: units.number(key::NUMF).map_or(0, |number| number.min(u32::MAX.into()) as u32),
    }
}

/// INMR02.
fn file_control(units: &Parsed<'_>) -> Result<(FileControl, Shape), Bad> {
    let bits = units.bits(key::RECFM).unwrap_or(recfm::VARIABLE | recfm::NO_LENGTH);
    if bits & recfm::PACKED != 0 {
        return Err(Bad::Packed);
    }
    let lrecl = units.number(key::LRECL).and_then(|lrecl| u32::try_from(lrecl).ok());
    let (format, shape) = if bits & recfm::FIXED != 0 && bits & recfm::VARIABLE == 0 {
        let lrecl = lrecl.filter(|lrecl| (1..=MAX_RECORD).contains(lrecl)).ok_or(Bad::Format)?;
        (RecordFormat::Fixed(lrecl), Shape::Blocks(lrecl as usize))
    } else {
        let plain = bits & recfm::NO_LENGTH != 0 || bits & (recfm::VARIABLE | recfm::BLOCKED) == 0 || bits & recfm::FIXED != 0;
        (RecordFormat::Variable, if plain { Shape::Records } else { Shape::Lengths })
    };
    let (name, file_type) = file_name(units);
    let control = FileControl {
        name,
        file_type,
        mode: mode_number(units).unwrap_or(1),
        format,
        lrecl: lrecl.unwrap_or(0),
        changed: units.date(key::LCHG).or_else(|| units.date(key::CREAT)),
        is_note: units.values(key::TERM).is_some(),
    };
    Ok((control, shape))
}

/// Name and type: the last two parts of the name. CMS sends `A fn ft`, others the qualifiers of a data set name.
fn file_name(units: &Parsed<'_>) -> (String, String) {
    match units.values(key::DSNAM).unwrap_or_default() {
        [.., name, file_type] => (from_ebcdic(name), from_ebcdic(file_type)),
        _ => (String::new(), String::new()),
    }
}

/// The file mode number: a digit in EBCDIC.
fn mode_number(units: &Parsed<'_>) -> Option<u8> {
    units.text(key::FFM).bytes().last().filter(|digit| (b'0'..=b'6').contains(digit)).map(|digit| digit - b'0')
}

/// INMR07.
fn acknowledgement(units: &Parsed<'_>) -> Acknowledgement {
    let mut identifier = units.text(key::FACK);
    identifier.truncate(identifier.char_indices().nth(IDENTIFIER_MAX).map_or(identifier.len(), |(at, _)| at));
    Acknowledgement {
        sent: units.date(key::FTIME),
        file: file_name(units),
        mode: mode_number(units),
        outcome: units.text(key::ERRCD),
        identifier,
    }
}
