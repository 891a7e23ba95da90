//! The forms in which files travel in cards: NETDATA, the deck of DISK DUMP, host files as decks, and text in either code.

use cp_monitor::real_devices::deck::{Coding, Deck, IdCard, RECORD_MAX};
use minidisk::edf::{MAX_RECORD, RecordFormat};
use shell::content::{Survey, from_ebcdic, to_ebcdic};
use shell::dump::{Loader, Piece, Records};
use shell::netdata::{Decoder, Item};

/// NETDATA in punch records; the first byte says how long they are.
///
/// # Panics
/// When a record is longer than what came, or than a file can hold.
pub fn netdata(bytes: &[u8]) {
    let Some((&length, bytes)) = bytes.split_first() else { return };
    let mut decoder = Decoder::default();
    let mut taken = 0;
    for card in bytes.chunks(usize::from(length).max(1)) {
        taken += card.len();
        let Ok(items) = decoder.card(card) else { return };
        for item in items {
            if let Item::Record(record) = item {
                assert!(record.len() <= MAX_RECORD as usize && record.len() <= taken);
            }
        }
    }
}

/// A deck of DISK DUMP: cards of 80 bytes, the last one perhaps shorter.
///
/// # Panics
/// When a record is none that a file can hold.
pub fn disk_dump(bytes: &[u8]) {
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

/// A host file on its way into a reader: its records, in the coding that it looks like and in each other one, and its ID card.
///
/// # Panics
/// When a record is longer than the spool takes.
pub fn deck_intake(bytes: &[u8]) {
    for coding in [None, Some(Coding::Text), Some(Coding::Ebcdic), Some(Coding::Binary)] {
        let mut deck = Deck::new(bytes, coding).expect("memory can be read");
        let mut first = true;
        while let Ok(Some(record)) = deck.next_record() {
            assert!(record.len() <= RECORD_MAX);
            if std::mem::take(&mut first) {
                let _ = IdCard::parse(&record);
            }
        }
    }
}

/// The look at a file's content, and its translation there and back.
///
/// # Panics
/// When translated text is no UTF-8, or does not come back.
pub fn text_content(bytes: &[u8]) {
    let mut survey = Survey::default();
    bytes.split(|&byte| byte == 0).for_each(|record| survey.add(record));
    let _ = survey.is_ebcdic();
    let mut record = bytes.to_vec();
    from_ebcdic(&mut record, RecordFormat::Variable);
    assert!(std::str::from_utf8(&record).is_ok());
    assert!(to_ebcdic(&mut record, RecordFormat::Variable));
    assert_eq!(record, bytes);
}
