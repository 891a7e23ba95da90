//! Any bytes are an answer or an error: what the parsers of decks do with them, as one function for each, which a fuzzer can call too.

use minidisk::edf::{FileId, MAX_RECORD};
use proptest::prelude::*;
use shell::content::Survey;
use shell::dump::{Loader, Piece, Records};
use shell::netdata::{Decoder, Item};

use crate::foreign::{cards, data, data_follows, file, header, name, trailer};

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
    shell::content::from_ebcdic(&mut record, minidisk::edf::RecordFormat::Variable);
    assert!(std::str::from_utf8(&record).is_ok());
    assert_eq!(shell::content::to_ebcdic(&mut record, minidisk::edf::RecordFormat::Variable).then_some(record), Some(bytes.to_vec()));
    let _ = survey.is_ebcdic();
}

/// A transmission that is whole, to be damaged.
fn sound() -> Vec<u8> {
    let long = [b'x'; 700];
    let named = file(1, "INMCOPY", 0x4002, 80, &[name(&["A", "PROFILE", "EXEC"])]);
    cards(&[header(&[]), named, data_follows(), data(b"one"), data(&long), trailer()]).concat()
}

/// A deck that is whole, to be damaged.
fn deck() -> Vec<u8> {
    let id = FileId::new("A", "B").expect("a name");
    let mut attributes = [0; minidisk::edf::ATTRIBUTES];
    attributes[9] = 0xf1;
    attributes[14] = 0xe5;
    attributes[35] = 3;
    let entry = minidisk::edf::FileEntry::from_attributes(id, &attributes).expect("an entry");
    let mut dumper = shell::dump::Dumper::new(&entry);
    let mut cards: Vec<_> = [3, 400, 60].iter().flat_map(|&length| dumper.record(&vec![b'x'; length])).collect();
    cards.extend(dumper.finish());
    cards.concat()
}

proptest! {
    #[test]
    fn random_bytes_do_no_harm(bytes in prop::collection::vec(any::<u8>(), 0..2000)) {
        netdata(&bytes);
        dump(&bytes);
        content(&bytes);
    }

    #[test]
    fn damaged_transmissions_and_decks_do_no_harm(
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
        cut: prop::sample::Index,
        length in 1u8..,
    ) {
        for (sound, parse) in [(sound(), netdata as fn(&[u8])), (deck(), dump)] {
            let mut bytes = sound;
            for (at, byte) in &changes {
                let at = at.index(bytes.len());
                bytes[at] = *byte;
            }
            bytes.truncate(cut.index(bytes.len()) + 1);
            parse(&bytes);
            bytes.insert(0, length);
            netdata(&bytes);
        }
    }
}
