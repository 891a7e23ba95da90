//! Each target over its seeds and variations of them: bits flipped, parts cut out, doubled and swapped, rubbish put in.
//!
//! `CP64_FUZZ_VARIATIONS=1000000` asks for more than the suite has time for.

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use fuzz::{MemoryDisk, SPOOL, decks};
use minidisk::edf::{ATTRIBUTES, FileEntry, FileId, RecordFormat};
use shell::dump::Dumper;
use shell::netdata::{Acknowledgement, Encoder, Envelope, FileControl, acknowledgement};
use spool::{Attributes, Destination, Device, DumpOptions, NewFile, Options, Queue, Selection, Spool, StartMode, Userid};

/// Variations of each seed.
fn variations() -> u64 {
    std::env::var("CP64_FUZZ_VARIATIONS").map_or(3000, |number| number.parse().expect("CP64_FUZZ_VARIATIONS is a number"))
}

/// A number below `below`, the same in every run.
fn chance(state: &mut u64, below: usize) -> usize {
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    (*state >> 16) as usize % below.max(1)
}

fn vary(seed: &[u8], state: &mut u64) -> Vec<u8> {
    let mut bytes = seed.to_vec();
    for _ in 0..=chance(state, 4) {
        let (from, to) = (chance(state, bytes.len()), chance(state, bytes.len()));
        let (from, to) = (from.min(to), from.max(to));
        match chance(state, 5) {
            0 if !bytes.is_empty() => bytes[from] ^= 1 << chance(state, 8),
            1 => drop(bytes.drain(from..to)),
            2 => {
                let part = bytes[from..to].to_vec();
                bytes.splice(to..to, part);
            }
            3 => bytes.truncate(to),
            _ => {
                let rubbish: Vec<u8> = (0..chance(state, 60)).map(|_| chance(state, 256) as u8).collect();
                bytes.splice(from..from, rubbish);
            }
        }
    }
    bytes
}

fn run(target: fn(&[u8]), seeds: &[Vec<u8>]) {
    target(&[]);
    for (number, seed) in seeds.iter().enumerate() {
        target(seed);
        let mut state = number as u64 + 1;
        (0..variations()).for_each(|_| target(&vary(seed, &mut state)));
    }
}

/// A spool with a few files, and its archive.
fn spooled() -> MemoryDisk {
    let disk = MemoryDisk::default();
    let options = Options { disk: Arc::new(disk.clone()), ..Options::default() };
    let (spool, _) = Spool::open_with(Path::new(SPOOL), StartMode::Warm, &options).unwrap();
    let alice = Userid::new("ALICE").unwrap();
    for n in 0..4_u8 {
        let mut file = spool.create(NewFile { origin: alice, device: Device::Punch, created: 7, attributes: Attributes::default() });
        (0..n).for_each(|record| file.append(0x41, &[record; 80]).unwrap());
        spool.close(file, Destination { owner: alice, queue: Queue::Reader }).unwrap();
    }
    let how = DumpOptions { system: alice, now: 9, purge: false, replace: false };
    spool.dump(&tape(), &Selection::default(), &how, &mut |_| ControlFlow::Continue(())).unwrap();
    disk
}

fn tape() -> PathBuf {
    PathBuf::from("/tape")
}

#[test]
fn no_bytes_are_too_much_for_an_archives_reader() {
    let whole = spooled().bytes(&tape()).unwrap();
    run(fuzz::archive, &[whole.clone(), whole[..64].to_vec()]);
}

#[test]
fn no_bytes_are_too_much_for_the_scan_of_a_segment() {
    let whole = spooled().bytes(&Path::new(SPOOL).join("segment-00000001")).unwrap();
    run(fuzz::segment_scan, &[whole.clone(), whole[..64].to_vec()]);
}

/// A transmission of records of several lengths, and an acknowledgement.
fn transmissions() -> Vec<Vec<u8>> {
    let from = (String::from("CMSUSER"), String::from("CP64"));
    let envelope = Envelope { to: from.clone(), from, sent: None, acknowledge: Some("ID".into()), files: 1 };
    let control = |format| FileControl {
        name: "PROFILE".into(),
        file_type: "EXEC".into(),
        mode: 1,
        format,
        lrecl: 80,
        changed: None,
        is_note: false,
    };
    let sent = |format, lengths: &[usize]| {
        let mut encoder = Encoder::new(&envelope, &control(format), 700);
        lengths.iter().for_each(|&length| encoder.record(&vec![b'x'; length]));
        // The first byte is the length of the cards.
        std::iter::once(80).chain(encoder.finish().concat()).collect()
    };
    let answer = Acknowledgement { outcome: "RECEIVED".into(), ..Acknowledgement::default() };
    let answered = std::iter::once(80).chain(acknowledgement(&envelope, &answer).concat()).collect();
    vec![sent(RecordFormat::Variable, &[3, 700, 0, 253, 254]), sent(RecordFormat::Fixed(10), &[10, 30, 5]), answered]
}

/// A deck of DISK DUMP.
fn dumped() -> Vec<u8> {
    let mut attributes = [0; ATTRIBUTES];
    // Mode number 1, varying records, three of them.
    (attributes[9], attributes[14], attributes[35]) = (0xf1, 0xe5, 3);
    let entry = FileEntry::from_attributes(FileId::new("A", "B").unwrap(), &attributes).unwrap();
    let mut dumper = Dumper::new(&entry);
    let mut cards: Vec<_> = [3, 400, 60].iter().flat_map(|&length| dumper.record(&vec![b'x'; length])).collect();
    cards.extend(dumper.finish());
    cards.concat()
}

#[test]
fn no_bytes_are_too_much_for_netdata() {
    run(decks::netdata, &transmissions());
}

#[test]
fn no_bytes_are_too_much_for_a_deck_of_disk_dump() {
    run(decks::disk_dump, &[dumped(), dumped().repeat(2)]);
}

#[test]
fn no_bytes_are_too_much_for_the_intake_of_decks() {
    let card: Vec<u8> = b"USERID CMSUSER CLASS A NAME JOB DECK TAG to Boston".to_vec();
    let mut ebcdic = card.clone();
    ebcdic.resize(80, b' ');
    minidisk::ebcdic::encode(&mut ebcdic);
    run(decks::deck_intake, &[[card, b"\na card\r\n\n".to_vec()].concat(), ebcdic.repeat(3), transmissions().remove(0)]);
}

#[test]
fn no_bytes_are_too_much_for_the_look_at_text() {
    let mut ebcdic = b"Hello, world".repeat(20);
    minidisk::ebcdic::encode(&mut ebcdic);
    run(decks::text_content, &[b"plain text\0and more".to_vec(), ebcdic, "gr\u{fc}n".as_bytes().to_vec()]);
}
