//! Any bytes, and damage to what was whole, given to [`crate::parsers`].

use minidisk::edf::FileId;
use proptest::prelude::*;

use crate::foreign::{cards, data, data_follows, file, header, name, trailer};
use crate::parsers::{content, dump, netdata};

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
