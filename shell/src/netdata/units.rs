//! Text units: what control records are made of.

use alloc::string::String;
use alloc::vec::Vec;

use minidisk::ebcdic;
use minidisk::edf::DateTime;

use super::Bad;
use crate::words::number;

/// A control record being made.
pub(super) struct Units(pub Vec<u8>);

impl Units {
    /// A control record of that name without units.
    pub fn new(name: &str) -> Self {
        Self(ebcdic(name))
    }

    /// Adds a unit of texts.
    pub fn text(&mut self, key: u16, values: &[&str]) {
        self.0.extend_from_slice(&key.to_be_bytes());
        self.0.extend_from_slice(&(values.len() as u16).to_be_bytes());
        for value in values {
            let value = ebcdic(value);
            self.0.extend_from_slice(&(value.len() as u16).to_be_bytes());
            self.0.extend_from_slice(&value);
        }
    }

    /// Adds a unit of one number of that many bytes.
    pub fn number(&mut self, key: u16, value: u64, bytes: usize) {
        self.0.extend_from_slice(&key.to_be_bytes());
        self.0.extend_from_slice(&1u16.to_be_bytes());
        self.0.extend_from_slice(&(bytes as u16).to_be_bytes());
        self.0.extend_from_slice(&value.to_be_bytes()[8 - bytes..]);
    }
}

/// Text in EBCDIC. What is no ASCII becomes a question mark.
pub(super) fn ebcdic(text: &str) -> Vec<u8> {
    let mut bytes: Vec<u8> = text.chars().map(|c| if c.is_ascii() { c as u8 } else { b'?' }).collect();
    ebcdic::encode(&mut bytes);
    bytes
}

/// Text from EBCDIC, without control characters and the blanks around it.
pub(super) fn from_ebcdic(bytes: &[u8]) -> String {
    let text: String = bytes.iter().map(|&byte| char::from(ebcdic::to_latin1(byte))).filter(|c| !c.is_control()).collect();
    String::from(text.trim())
}

/// A date as `yyyymmddhhmmss`.
pub(super) fn stamp(date: &DateTime) -> String {
    let DateTime { year, month, day, hour, minute, second } = date;
    alloc::format!("{year:04}{month:02}{day:02}{hour:02}{minute:02}{second:02}")
}

/// The date in such a text. Only as much as is known stands there; fractions of a second may follow.
fn date(text: &str) -> Option<DateTime> {
    let part = |range: core::ops::Range<usize>| text.get(range).and_then(number::<u8>);
    let date = DateTime {
        year: text.get(..4).and_then(number::<u16>)?,
        month: part(4..6).unwrap_or(1),
        day: part(6..8).unwrap_or(1),
        hour: part(8..10).unwrap_or(0),
        minute: part(10..12).unwrap_or(0),
        second: part(12..14).unwrap_or(0),
    };
    date.is_valid().then_some(date)
}

/// The text units of a control record: of each its key and its values.
pub(super) struct Parsed<'a>(Vec<(u16, Vec<&'a [u8]>)>);

impl<'a> Parsed<'a> {
    /// Takes a control record apart behind its name (and, for INMR02, the number of the file).
    ///
    /// # Errors
    /// [`Bad::Unit`] when one runs over the end.
    pub fn of(mut body: &'a [u8]) -> Result<Self, Bad> {
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
        Ok(Self(units))
    }

    /// The values of the first unit of that key; none when there is no such unit.
    pub fn values(&self, wanted: u16) -> Option<&[&'a [u8]]> {
        self.0.iter().find(|(key, _)| *key == wanted).map(|(_, values)| values.as_slice())
    }

    /// The first value of a unit.
    fn value(&self, wanted: u16) -> Option<&'a [u8]> {
        self.values(wanted).and_then(|values| values.first().copied())
    }

    /// A text value; empty when it is missing.
    pub fn text(&self, wanted: u16) -> String {
        self.value(wanted).map(from_ebcdic).unwrap_or_default()
    }

    /// A number. Of more than eight bytes the last four count, as the format has it.
    pub fn number(&self, wanted: u16) -> Option<u64> {
        let bytes = self.value(wanted)?;
        let bytes = if bytes.len() > 8 { &bytes[bytes.len() - 4..] } else { bytes };
        Some(bytes.iter().fold(0, |number, &byte| number << 8 | u64::from(byte)))
    }

    /// The first two bytes of a value as a number: bits.
    pub fn bits(&self, wanted: u16) -> Option<u16> {
        match self.value(wanted)? {
            [] => None,
            [low] => Some(u16::from(*low)),
            [high, low, ..] => Some(u16::from_be_bytes([*high, *low])),
        }
    }

    /// A date.
    pub fn date(&self, wanted: u16) -> Option<DateTime> {
        date(&self.text(wanted))
    }
}
