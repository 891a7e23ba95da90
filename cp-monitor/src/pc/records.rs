//! Bytes of a guest as records of a card or a printed line, and records as bytes for a guest. Pure.
//!
//! What begins as text is text: a line is a record, as many as it takes when it is longer than the device's. Anything else is cut into records that
//! are put together again when they are read, by IPL or through the reader port.

use crate::real_devices::deck::Coding;

/// Bytes by which it is decided what something is.
const BEGINNING: usize = 4096;
/// Channel commands: punch a card; print and space one line; skip to channel 1 at once.
const PUNCH: u16 = 0x41;
const PRINT: u16 = 0x09;
const SKIP: u16 = 0x8b;

/// A record with its channel command.
pub(super) type Record = (u16, Vec<u8>);

/// Where what is written goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Onto {
    Cards,
    Lines,
}

/// Cuts what is written between an opening and a closing.
#[derive(Debug)]
pub(super) struct Cutter {
    onto: Onto,
    /// Longest record.
    longest: usize,
    /// `None` until enough is there to tell.
    text: Option<bool>,
    rest: Vec<u8>,
}

impl Cutter {
    pub(super) fn new(onto: Onto, longest: usize) -> Self {
        Self { onto, longest: longest.max(1), text: None, rest: Vec::new() }
    }

    /// Takes bytes; answers the records that are complete.
    pub(super) fn take(&mut self, bytes: &[u8]) -> Vec<Record> {
        self.rest.extend(bytes);
        if self.text.is_none() && self.rest.len() < BEGINNING {
            return Vec::new();
        }
        self.cut(false)
    }

    /// Nothing follows: the last records.
    pub(super) fn end(mut self) -> Vec<Record> {
        self.cut(true)
    }

    fn cut(&mut self, all: bool) -> Vec<Record> {
        let Self { onto, longest, .. } = *self;
        // A printer prints text, whatever it looks like.
        let is_text = |beginning: &[u8]| onto == Onto::Lines || Coding::of(beginning) == Coding::Text;
        let text = *self.text.get_or_insert_with(|| is_text(&self.rest[..self.rest.len().min(BEGINNING)]));
        let mut records = Vec::new();
        let mut rest = &self.rest[..];
        while !rest.is_empty() {
            let Some((line, after)) = (if text { line(rest, longest) } else { card(rest, longest) }).or(all.then_some((rest, &[][..])))
            else {
                break;
            };
            rest = after;
            let mut line = line;
            while let (Onto::Lines, Some((0x0c, after))) = (onto, line.split_first()) {
                records.push((SKIP, Vec::new()));
                line = after;
            }
            if !(line.is_empty() && records.last().is_some_and(|record| record.0 == SKIP) && rest.is_empty() && all) {
                records.push((if onto == Onto::Cards { PUNCH } else { PRINT }, line.to_vec()));
            }
        }
        self.rest = rest.to_vec();
        records
    }
}

/// A complete line without its end, or as much of it as a record holds; and what follows.
fn line(bytes: &[u8], longest: usize) -> Option<(&[u8], &[u8])> {
    let end = bytes.iter().position(|byte| *byte == b'\n');
    match end {
        // An end of line may be two bytes, and is not counted.
        Some(end) if end <= longest + 1 => {
            let line = bytes[..end].strip_suffix(b"\r").unwrap_or(&bytes[..end]);
            if line.len() <= longest { Some((line, &bytes[end + 1..])) } else { Some(bytes.split_at(longest)) }
        }
        Some(_) => Some(bytes.split_at(longest)),
        None if bytes.len() > longest + 1 => Some(bytes.split_at(longest)),
        None => None,
    }
}

fn card(bytes: &[u8], longest: usize) -> Option<(&[u8], &[u8])> {
    bytes.split_at_checked(longest)
}

/// Makes bytes of records.
#[derive(Debug, Default)]
pub(super) struct Joiner {
    /// Decided by the first records.
    text: Option<bool>,
}

impl Joiner {
    /// The bytes of these records, which follow those before: lines with an end each and without blanks before it, or what they hold one behind the other.
    pub(super) fn join(&mut self, records: &[Record]) -> Vec<u8> {
        let held = |record: &&Record| !(record.1.is_empty() && record.0 & 7 == 3);
        let text = *self.text.get_or_insert_with(|| {
            let mut beginning: Vec<u8> = records.iter().flat_map(|(_, data)| data).take(BEGINNING).copied().collect();
            beginning.truncate(BEGINNING);
            Coding::of(&beginning) != Coding::Binary
        });
        let mut bytes = Vec::new();
        for (_, data) in records.iter().filter(held) {
            if text {
                bytes.extend(&data[..data.iter().rposition(|byte| *byte != b' ').map_or(0, |last| last + 1)]);
                bytes.push(b'\n');
            } else {
                bytes.extend(data);
            }
        }
        bytes
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn cut(onto: Onto, longest: usize, pieces: &[&[u8]]) -> Vec<Record> {
        let mut cutter = Cutter::new(onto, longest);
        let mut records: Vec<Record> = pieces.iter().flat_map(|piece| cutter.take(piece)).collect();
        records.extend(cutter.end());
        records
    }

    #[test]
    fn lines_of_text_are_cards_and_long_ones_are_several() {
        let records = cut(Onto::Cards, 5, &[b"one\ntwo", b"\r\n\nabcdefgh\n12345\nend"]);
        let cards: Vec<&[u8]> = records.iter().map(|record| &record.1[..]).collect();
        assert_eq!(cards, [&b"one"[..], b"two", b"", b"abcde", b"fgh", b"12345", b"end"]);
        assert!(records.iter().all(|record| record.0 == PUNCH));
    }

    #[test]
    fn form_feeds_skip_to_the_next_page() {
        let records = cut(Onto::Lines, 132, &[b"\x0cone\n\n\x0ctwo\n"]);
        let line = |text: &str| (PRINT, text.as_bytes().to_vec());
        assert_eq!(records, [(SKIP, vec![]), line("one"), line(""), (SKIP, vec![]), line("two")]);
        assert_eq!(cut(Onto::Lines, 132, &[b"last\n\x0c"]), [line("last"), (SKIP, vec![])]);
    }

    #[test]
    fn what_is_no_text_comes_back_byte_for_byte() {
        let bytes: Vec<u8> = (0..=255).cycle().take(10_001).collect();
        let records = cut(Onto::Cards, 80, &[&bytes[..100], &bytes[100..]]);
        assert_eq!((records.len(), records[125].1.len()), (126, 1));
        assert_eq!(Joiner::default().join(&records), bytes);
    }

    proptest! {
        #[test]
        fn text_with_short_lines_comes_back_however_it_is_written(lines in prop::collection::vec("[!-~]{0,70}[!-~]", 1..200), at in 0_usize..5000) {
            let text = lines.iter().map(|line| format!("{line}\n")).collect::<String>().into_bytes();
            let (one, other) = text.split_at(at.min(text.len()));
            let records = cut(Onto::Cards, 80, &[one, other]);
            prop_assert_eq!(records.len(), lines.len());
            prop_assert_eq!(Joiner::default().join(&records), text);
        }
    }
}
