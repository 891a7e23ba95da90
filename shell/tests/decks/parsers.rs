//! What the parsers of decks do with any bytes, one function for each: an answer or an error, never a panic, in bounded storage. Nothing here
//! needs a test framework, so a fuzzer can call them as they are.

use minidisk::edf::{MAX_RECORD, RecordFormat};
use shell::content::{Survey, from_ebcdic, to_ebcdic};
use shell::dump::{Loader, Piece, Records};
use shell::netdata::{Decoder, Item};

/// NETDATA in punch records of any length: the first byte says how long they are.
pub fn netdata(bytes: &[u8]) {
    let Some((&length, bytes)) = bytes.split_first() else { return };
    let mut decoder = Decoder::default();
    let mut taken = 0;
    for card in bytes.chunks(usize::from(length).max(1)) {
        taken += card.len();
        let Ok(items) = decoder.card(card) else { return };
        for item in items {
            if let Item::Record(record) = item {
                // Bounded by what a record may be and by what came.
                assert!(record.len() <= MAX_RECORD as usize && record.len() <= taken);
            }
        }
    }
}

/// A deck of DISK DUMP: cards of 80 bytes, and one that may be shorter.
pub fn dump(bytes: &[u8]) {
    let mut loader = Loader::default();
    let mut pieces = Vec::new();
    for card in bytes.chunks(80) {
        match loader.card(card) {
            Ok(piece) => pieces.push(piece),
            Err(_) => break,
        }
    }
    for group in pieces.split_inclusive(|piece| matches!(piece, Piece::End(_))) {
        let Some(Piece::End(entry)) = group.last() else { return };
        let mut records = Records::of(entry);
        for piece in group {
            let Piece::Data(data) = piece else { continue };
            if !records.add(data) {
                break;
            }
            while let Some(record) = records.next_record() {
                assert!(!record.is_empty() && record.len() <= MAX_RECORD as usize);
            }
        }
    }
}

/// The look at a file's content, and its translation.
pub fn content(bytes: &[u8]) {
    let mut survey = Survey::default();
    bytes.split(|&byte| byte == 0).for_each(|record| survey.add(record));
    let mut record = bytes.to_vec();
    from_ebcdic(&mut record, RecordFormat::Variable);
    assert!(std::str::from_utf8(&record).is_ok());
    assert_eq!(to_ebcdic(&mut record, RecordFormat::Variable).then_some(record), Some(bytes.to_vec()));
    let _ = survey.is_ebcdic();
}
