//! The deck of DISK DUMP: exact both ways, and every lost or damaged card noticed.

use minidisk::edf::{DateTime, FileEntry, FileId, FileSystem, MemoryDisk, RecordFormat};
use proptest::prelude::*;
use shell::dump::{BadDeck, Dumper, Loader, Piece, Records, is_dump};

use crate::foreign::e;

/// A file on a disk, and its records.
fn file(format: RecordFormat, records: &[Vec<u8>]) -> FileEntry {
    let date = DateTime { year: 2026, month: 11, day: 22, hour: 14, minute: 41, second: 9 };
    let mut system = FileSystem::format(MemoryDisk::new(900), "MNT191", 5, date).expect("a disk");
    let id = FileId::new("PROFILE", "EXEC").expect("a name");
    system.write(&id, 2, format, date, records).expect("room");
    system.find(&id).expect("the file").clone()
}

fn punch(entry: &FileEntry, records: &[Vec<u8>]) -> Vec<Vec<u8>> {
    let mut dumper = Dumper::new(entry);
    let mut cards: Vec<_> = records.iter().flat_map(|record| dumper.record(record)).collect();
    cards.extend(dumper.finish());
    cards.into_iter().map(|card| card.to_vec()).collect()
}

/// A file and its records.
type Loaded = (FileEntry, Vec<Vec<u8>>);

/// The files of a deck as DISK LOAD reads them: the entries first, then the records.
fn load(cards: &[Vec<u8>]) -> Result<Vec<Loaded>, BadDeck> {
    let mut loader = Loader::default();
    let pieces = cards.iter().map(|card| loader.card(card)).collect::<Result<Vec<_>, _>>()?;
    loader.finish()?;
    let mut files = Vec::new();
    for group in pieces.split_inclusive(|piece| matches!(piece, Piece::End(_))) {
        let Some(Piece::End(entry)) = group.last() else { return Err(BadDeck::NoEnd) };
        let (mut records, mut all) = (Records::of(entry), Vec::new());
        for piece in group {
            if let Piece::Data(data) = piece {
                if !records.add(data) {
                    return Err(BadDeck::Data(0));
                }
                all.extend(std::iter::from_fn(|| records.next_record()));
            }
        }
        if !records.is_complete() {
            return Err(BadDeck::Data(0));
        }
        files.push((entry.clone(), all));
    }
    Ok(files)
}

#[test]
fn the_columns_are_those_of_the_manual() {
    let records = [b"first record".to_vec(), vec![b'x'; 60]];
    let entry = file(RecordFormat::Variable, &records);
    let cards = punch(&entry, &records);
    assert_eq!(cards.len(), 3);
    assert!(cards.iter().all(|card| is_dump(card)));
    let mut data = vec![0, 12];
    data.extend(b"first record");
    data.extend([0, 60]);
    data.extend([b'x'; 60]);
    data.resize(100, 0);
    for (at, card) in cards.iter().enumerate() {
        assert_eq!(card[..4], [2, 0xc3, 0xd4, 0xe2]);
        assert_eq!(card[57..75], e("PROFILE EXEC    A2")[..]);
        assert_eq!(card[75..], e(&format!("{:05}", at + 1))[..]);
    }
    assert_eq!([&cards[0][5..55], &cards[1][5..55]].concat(), data);
    assert_eq!((cards[0][4], cards[2][4]), (0x40, 0xd5));
    // The directory entry behind its name: mode A2, format V, longest record 60, two records.
    let attributes = &cards[2][5..53];
    assert_eq!((attributes[8..10].to_vec(), attributes[14]), (e("A2"), 0xe5));
    assert_eq!((&attributes[16..20], &attributes[32..36]), (&[0, 0, 0, 60][..], &[0, 0, 0, 2][..]));
}

#[test]
fn several_files_stand_behind_each_other_and_ascii_columns_are_taken() {
    let one = [vec![7; 133]];
    let entry = file(RecordFormat::Fixed(133), &one);
    let mut cards = punch(&entry, &one);
    cards.extend(punch(&entry, &one));
    for card in &mut cards[..4] {
        let mut columns = card.clone();
        minidisk::ebcdic::decode(&mut columns);
        for at in (1..5).chain(55..80) {
            card[at] = columns[at];
        }
    }
    let files = load(&cards).expect("it loads");
    assert_eq!(files.len(), 2);
    assert!(files.iter().all(|(found, records)| records == &one && found.mode == 2 && found.modified == entry.modified));
}

#[test]
fn every_lost_or_changed_card_is_noticed() {
    let records: Vec<_> = (0..20u8).map(|number| vec![number + 1; 70]).collect();
    let entry = file(RecordFormat::Fixed(70), &records);
    let cards = punch(&entry, &records);
    for lost in 0..cards.len() {
        let mut deck = cards.clone();
        deck.remove(lost);
        assert!(load(&deck).is_err(), "card {lost} is lost");
        let mut deck = cards.clone();
        deck.swap(lost, (lost + 1) % cards.len());
        assert!(load(&deck).is_err(), "card {lost} is out of order");
    }
    assert_eq!(load(&cards[..cards.len() - 1]), Err(BadDeck::NoEnd));
    assert_eq!(load(&[]), Err(BadDeck::NoEnd));
    assert_eq!(load(&[vec![b' '; 80]]), Err(BadDeck::Card(1)));
    let mut other = cards.clone();
    other[3][57..65].copy_from_slice(&e("STRANGER"));
    assert_eq!(load(&other), Err(BadDeck::Sequence(4)));
    let mut wrong = cards.clone();
    let last = wrong.len() - 1;
    wrong[last][5 + 14] = 0;
    assert_eq!(load(&wrong), Err(BadDeck::File(last as u64 + 1)));
}

proptest! {
    #[test]
    fn a_file_comes_back_exactly(
        fixed in any::<bool>(),
        lrecl in 1usize..300,
        records in prop::collection::vec(prop::collection::vec(any::<u8>(), 1..300), 0..30),
    ) {
        let mut records = records;
        let format = if fixed { RecordFormat::Fixed(lrecl as u32) } else { RecordFormat::Variable };
        if fixed {
            records.iter_mut().for_each(|record| record.resize(lrecl, 0));
        }
        let entry = file(format, &records);
        let files = load(&punch(&entry, &records)).expect("it loads");
        prop_assert_eq!(files.len(), 1);
        let (found, back) = &files[0];
        prop_assert_eq!(back, &records);
        prop_assert_eq!((found.id, found.mode, found.format, found.lrecl), (entry.id, entry.mode, entry.format, entry.lrecl));
    }
}
