//! What users and operators do with spool files, on the host's own disk.

mod faults;

use std::sync::Arc;

use faults::{every_attribute, new_file, numbers, read, reader_of, records, send, userid};
use proptest::prelude::*;
use spool::{
    Change, Class, Copies, Destination, Device, Hold, HostDisk, NewFile, Options, Queue, Selection, Spid, Spool, SpoolError, StartMode,
    Tag, Word,
};
use tempfile::TempDir;

fn started() -> (TempDir, Spool) {
    let directory = tempfile::tempdir().unwrap();
    let (spool, report) = Spool::open(directory.path(), StartMode::Warm).unwrap();
    assert_eq!(report.files.all(), 0);
    (directory, spool)
}

fn restarted(directory: &TempDir, spool: Spool) -> Spool {
    drop(spool);
    Spool::open(directory.path(), StartMode::Warm).unwrap().0
}

fn spid(number: u16) -> Spid {
    Spid::new(number).unwrap()
}

#[test]
fn every_attribute_is_there_after_a_restart() {
    let (directory, spool) = started();
    let attributes = every_attribute();
    let new = NewFile { origin: userid("CMSUSER"), device: Device::Console, created: 1_700_000_000, attributes: attributes.clone() };
    let mut file = spool.create(new);
    file.append(0x09, b"HELLO").unwrap();
    file.append(0x5a, &[0xff; 132]).unwrap();
    let closed = spool.close(file, Destination { owner: userid("MAINT"), queue: Queue::Printer }).unwrap();
    assert_eq!((closed.was, closed.file.spid), (spid(1), spid(1)));

    let spool = restarted(&directory, spool);
    let file = spool.get(userid("MAINT"), Queue::Printer, spid(1)).unwrap().unwrap();
    assert_eq!(file, closed.file);
    assert_eq!(file.attributes, attributes);
    assert_eq!((file.origin, file.device, file.created), (userid("CMSUSER"), Device::Console, 1_700_000_000));
    assert_eq!((file.records, file.bytes, file.longest), (2, 137, 132));
    let mut reader = spool.reader(userid("MAINT"), Queue::Printer, spid(1)).unwrap();
    assert_eq!(reader.peek().unwrap().unwrap().data, b"HELLO");
    let first = reader.next_record().unwrap().unwrap();
    assert_eq!((first.command, first.data), (0x09, b"HELLO".as_slice()));
    assert_eq!(reader.next_record().unwrap().unwrap().command, 0x5a);
    assert_eq!(reader.next_record().unwrap(), None);
    assert_eq!(reader.next_record().unwrap(), None, "the end stays the end");
}

#[test]
fn attributes_refuse_what_does_not_belong() {
    assert!(Word::new("").is_err());
    assert!(Word::new("NINECHARS").is_err());
    assert!(Word::new("TWO WORD").is_err());
    assert!(Word::new("\u{1b}[2J").is_err());
    assert!(spool::Userid::new("lower").is_err());
    assert!(Class::new('a').is_err() && Class::new('*').is_err() && Class::new('Ā').is_err());
    assert!(Copies::new(0, false).is_err() && Copies::new(256, false).is_err());
    assert!(Spid::new(0).is_err() && Spid::new(10_000).is_err());
    assert!(Tag::new(&"x".repeat(136)).is_ok());
    assert!(Tag::new(&"x".repeat(137)).is_err());
    assert!(Tag::new("ring\u{7}").is_err());
}

#[test]
fn numbers_go_up_per_owner_and_are_not_used_again_soon() {
    let (_directory, spool) = started();
    for _ in 0..3 {
        send(&spool, "ALICE", &[b"x"]).unwrap();
    }
    send(&spool, "BOB", &[b"x"]).unwrap();
    assert_eq!(numbers(&spool, "ALICE"), [1, 2, 3]);
    assert_eq!(numbers(&spool, "BOB"), [1]);
    assert_eq!(spool.purge(&Selection::of(userid("ALICE")).spid(spid(2))).unwrap(), 1);
    send(&spool, "ALICE", &[b"x"]).unwrap();
    assert_eq!(numbers(&spool, "ALICE"), [1, 3, 4]);
}

#[test]
fn a_user_with_9999_files_gets_no_more_and_the_closer_keeps_the_file() {
    let directory = tempfile::tempdir().unwrap();
    let disk = faults::FaultyDisk::new();
    let options = Options { disk: Arc::new(disk), segment_bytes: 64 << 20 };
    let (spool, _) = Spool::open_with(directory.path(), StartMode::Warm, &options).unwrap();
    std::thread::scope(|scope| {
        for _ in 0..101 {
            scope.spawn(|| (0..99).for_each(|_| drop(send(&spool, "BUSY", &[b"x"]).unwrap())));
        }
    });
    assert_eq!(spool.counts(userid("BUSY")).unwrap().reader, 9999);
    let mut file = spool.create(new_file("OTHER"));
    file.append(0x41, b"one too many").unwrap();
    let refused = spool.close(file, reader_of("BUSY")).unwrap_err();
    assert!(matches!(refused.error, SpoolError::NoSpoolId(owner) if owner == userid("BUSY")));
    assert_eq!(spool.transfer(&Selection::of(userid("BUSY")).spid(spid(77)), reader_of("OTHER")).unwrap().len(), 1);
    let closed = spool.close(*refused.file.unwrap(), reader_of("BUSY")).unwrap();
    assert_eq!(closed.file.spid, spid(77), "the only number that was free");
    assert_eq!(read(&spool, &closed.file).unwrap(), [b"one too many"]);

    // The number of a purged file is not given out while somebody still reads it: a CLOSE of that number by the reader
    // must not hit another file.
    let reader = spool.reader(userid("BUSY"), Queue::Reader, spid(8)).unwrap();
    spool.purge(&Selection::of(userid("BUSY")).spid(spid(8))).unwrap();
    assert!(matches!(send(&spool, "BUSY", &[b"x"]), Err(SpoolError::NoSpoolId(_))));
    drop(reader);
    assert_eq!(send(&spool, "BUSY", &[b"x"]).unwrap().spid, spid(8));

    // A transfer of two into a queue with room for one moves none.
    spool.purge(&Selection::of(userid("BUSY")).spid(spid(5))).unwrap();
    send(&spool, "OTHER", &[b"y"]).unwrap();
    let both = spool.transfer(&Selection::of(userid("OTHER")), reader_of("BUSY"));
    assert!(matches!(both, Err(SpoolError::NoSpoolId(_))));
    assert_eq!(spool.counts(userid("OTHER")).unwrap().reader, 2);
}

#[test]
fn transfer_renumbers_as_and_was_and_keeps_the_records() {
    let (directory, spool) = started();
    for text in [b"one", b"two"] {
        send(&spool, "ALICE", &[text]).unwrap();
    }
    send(&spool, "BOB", &[b"zero"]).unwrap();
    let moved = spool.transfer(&Selection::of(userid("ALICE")), reader_of("BOB")).unwrap();
    let renumbered: Vec<_> = moved.iter().map(|m| (m.was.spid.number(), m.now.spid.number())).collect();
    assert_eq!(renumbered, [(1, 2), (2, 3)]);
    assert!(moved.iter().all(|m| m.was.serial == m.now.serial && m.now.origin == userid("ALICE")));

    let spool = restarted(&directory, spool);
    assert_eq!(numbers(&spool, "ALICE"), [] as [u16; 0]);
    let files = spool.list(&Selection::of(userid("BOB"))).unwrap();
    let texts: Vec<_> = files.iter().map(|file| read(&spool, file).unwrap().remove(0)).collect();
    assert_eq!(texts, [b"zero".to_vec(), b"one".to_vec(), b"two".to_vec()]);

    // Within one owner the number stays: it is unique over all queues.
    let to = Destination { owner: userid("BOB"), queue: Queue::Punch };
    let moved = spool.transfer(&Selection::of(userid("BOB")).spid(spid(3)), to).unwrap();
    assert_eq!((moved[0].now.spid, moved[0].now.queue), (spid(3), Queue::Punch));
    assert_eq!(spool.get(userid("BOB"), Queue::Reader, spid(3)).unwrap(), None);
}

#[test]
fn order_puts_the_named_files_first_in_the_order_named() {
    let (directory, spool) = started();
    for _ in 0..5 {
        send(&spool, "ALICE", &[b"x"]).unwrap();
    }
    let one = |number| Selection::default().spid(spid(number));
    assert_eq!(spool.order(userid("ALICE"), Queue::Reader, &[one(4), one(2), one(4), one(9)]).unwrap(), 2);
    assert_eq!(numbers(&spool, "ALICE"), [4, 2, 1, 3, 5]);
    assert_eq!(spool.order(userid("ALICE"), Queue::Reader, &[one(5)]).unwrap(), 1);
    send(&spool, "ALICE", &[b"x"]).unwrap();
    let spool = restarted(&directory, spool);
    assert_eq!(numbers(&spool, "ALICE"), [5, 4, 2, 1, 3, 6]);
}

#[test]
fn a_clock_that_steps_back_disturbs_no_order() {
    let (directory, spool) = started();
    let at = |spool: &Spool, created: u64| {
        let mut file = spool.create(NewFile { created, ..new_file("ALICE") });
        file.append(0x41, created.to_string().as_bytes()).unwrap();
        spool.close(file, reader_of("ALICE")).unwrap();
    };
    at(&spool, 2_000_000_000);
    at(&spool, 5);
    at(&spool, u64::MAX);
    let spool = restarted(&directory, spool);
    at(&spool, 0);
    at(&spool, 1_000_000_000);
    let files = spool.list(&Selection::of(userid("ALICE"))).unwrap();
    let order: Vec<_> = files.iter().map(|file| (file.spid.number(), file.created)).collect();
    assert_eq!(order, [(1, 2_000_000_000), (2, 5), (3, u64::MAX), (4, 0), (5, 1_000_000_000)]);
    assert!(files.is_sorted_by_key(|file| file.serial), "an identity came back");
}

#[test]
fn a_long_file_of_long_records_comes_back_byte_for_byte() {
    let directory = tempfile::tempdir().unwrap();
    let options = Options { disk: Arc::new(HostDisk), segment_bytes: 1 << 20 };
    let (spool, _) = Spool::open_with(directory.path(), StartMode::Warm, &options).unwrap();
    let record = |n: usize| -> Vec<u8> { (0..n * 7919 % 65536).map(|i| (i * 31 + n) as u8).collect() };
    let mut file = spool.create(new_file("ALICE"));
    for n in 0..200 {
        file.append(n as u16, &record(n)).unwrap();
    }
    assert!(matches!(file.append(0, &[0; 65536]), Err(SpoolError::RecordTooLong(65536))));
    file.append(0xffff, &[7; 65535]).unwrap();
    let file = spool.close(file, reader_of("ALICE")).unwrap().file;
    assert!(file.bytes > 5 << 20, "the file spans segments");
    let mut reader = spool.reader(file.owner, file.queue, file.spid).unwrap();
    for _ in 0..2 {
        for n in 0..200 {
            let got = reader.next_record().unwrap().unwrap();
            assert_eq!((got.command, got.data), (n as u16, record(n).as_slice()));
        }
        assert_eq!(reader.next_record().unwrap().unwrap().data, [7; 65535]);
        assert!(reader.next_record().unwrap().is_none());
        reader.restart();
    }
}

#[test]
fn a_reader_goes_back_to_places_it_was_at() {
    let (_directory, spool) = started();
    let records: Vec<Vec<u8>> = (0..2000u32).map(|number| number.to_le_bytes().repeat(60)).collect();
    let mut file = spool.create(new_file("CMSUSER"));
    records.iter().for_each(|record| file.append(0x41, record).unwrap());
    let spid = spool.close(file, reader_of("CMSUSER")).unwrap().file.spid;
    let mut reader = spool.reader(userid("CMSUSER"), Queue::Reader, spid).unwrap();
    let mut places = vec![reader.place()];
    while reader.next_record().unwrap().is_some() {
        places.push(reader.place());
    }
    for at in [1999, 0, 700, 701, 1, 2000, 545, 546, 547] {
        reader.go_to(places[at]).unwrap();
        assert_eq!(reader.place(), places[at]);
        let next = reader.next_record().unwrap().map(|record| record.data.to_vec());
        assert_eq!(next.as_ref(), records.get(at), "record {at}");
    }
}

#[test]
fn a_reader_goes_on_though_its_file_is_purged() {
    let directory = tempfile::tempdir().unwrap();
    let options = Options { disk: Arc::new(HostDisk), segment_bytes: 64 << 10 };
    let (spool, _) = Spool::open_with(directory.path(), StartMode::Warm, &options).unwrap();
    let lines: Vec<Vec<u8>> = (0..5000_u32).map(|n| n.to_string().into_bytes()).collect();
    let refs: Vec<&[u8]> = lines.iter().map(Vec::as_slice).collect();
    let file = send(&spool, "ALICE", &refs).unwrap();
    let mut reader = spool.reader(file.owner, file.queue, file.spid).unwrap();
    assert_eq!(reader.next_record().unwrap().unwrap().data, b"0");
    assert_eq!(spool.purge(&Selection::of(userid("ALICE"))).unwrap(), 1);
    // More records go through the same segments meanwhile.
    send(&spool, "ALICE", &refs).unwrap();
    assert!(matches!(spool.reader(file.owner, file.queue, file.spid), Err(SpoolError::NoFile { .. })));
    reader.restart();
    assert_eq!(records(reader).unwrap(), lines);
}

#[test]
fn room_comes_back_when_files_go() {
    let directory = tempfile::tempdir().unwrap();
    let options = Options { disk: Arc::new(HostDisk), segment_bytes: 1 << 20 };
    let (spool, _) = Spool::open_with(directory.path(), StartMode::Warm, &options).unwrap();
    let record = [0x5a; 60_000];
    let empty = spool.totals().unwrap().on_disk;
    for _ in 0..20 {
        send(&spool, "ALICE", &[record.as_slice(); 10]).unwrap();
    }
    let small = send(&spool, "ALICE", &[b"stays"]).unwrap();
    let full = spool.totals().unwrap();
    assert!(full.on_disk > empty + (10 << 20), "{full:?}");
    assert_eq!((full.files.reader, full.files.all()), (21, 21));
    for number in 1..=20 {
        spool.purge(&Selection::of(userid("ALICE")).spid(spid(number))).unwrap();
    }
    let left = spool.totals().unwrap();
    assert!(left.on_disk < empty + (1 << 20), "{left:?} after {full:?}");
    assert!(left.stored < 100, "{left:?}");
    assert_eq!(read(&spool, &small).unwrap(), [b"stays"]);
    // A file that is written and dropped leaves nothing either.
    let mut file = spool.create(new_file("ALICE"));
    (0..100).for_each(|_| file.append(0, &record).unwrap());
    drop(file);
    assert!(spool.totals().unwrap().on_disk < empty + (1 << 20));
}

#[test]
fn selections_mean_what_they_say() {
    let (_directory, spool) = started();
    let file = |class: char, form: Option<&str>, hold: Hold, queue: Queue| {
        let mut file = spool.create(new_file("ALICE"));
        file.attributes_mut().class = Class::new(class).unwrap();
        file.attributes_mut().form = form.map(|form| Word::new(form).unwrap());
        file.attributes_mut().hold = hold;
        spool.close(file, Destination { owner: userid("ALICE"), queue }).unwrap();
    };
    file('A', None, Hold::None, Queue::Reader); // 1
    file('B', Some("WIDE"), Hold::User, Queue::Printer); // 2
    file('B', None, Hold::System, Queue::Reader); // 3
    file('A', Some("WIDE"), Hold::Both, Queue::Printer); // 4
    send(&spool, "BOB", &[]).unwrap();
    let found = |selection: Selection| -> Vec<u16> { spool.list(&selection).unwrap().iter().map(|file| file.spid.number()).collect() };
    let alice = || Selection::of(userid("ALICE"));
    assert_eq!(found(alice()), [1, 3, 2, 4]);
    assert_eq!(found(alice().on(Queue::Printer)), [2, 4]);
    assert_eq!(found(alice().class(Class::new('B').unwrap())), [3, 2]);
    assert_eq!(found(Selection { form: Some(Some(Word::new("WIDE").unwrap())), ..alice() }), [2, 4]);
    assert_eq!(found(Selection { form: Some(None), ..alice() }), [1, 3]);
    assert_eq!(found(Selection { user_hold: Some(true), ..alice() }), [2, 4]);
    assert_eq!(found(Selection { system_hold: Some(false), ..alice() }), [1, 2]);
    assert_eq!(found(Selection::default().on(Queue::Reader)), [1, 3, 1], "ALICE's, then BOB's");
    assert_eq!(found(alice().spid(spid(4)).spid(spid(1)).spid(spid(8))), [1, 4]);
    assert_eq!(found(Selection { serial: Some(12345), ..alice() }), [] as [u16; 0]);
}

#[test]
fn a_tag_is_set_and_read() {
    let (_directory, spool) = started();
    let file = send(&spool, "ALICE", &[b"x"]).unwrap();
    assert_eq!(spool.tag(file.owner, file.queue, file.spid).unwrap(), Tag::default());
    let tag = Tag::new("NODE USER 50").unwrap();
    spool.set_tag(file.owner, file.queue, file.spid, tag.clone()).unwrap();
    assert_eq!(spool.tag(file.owner, file.queue, file.spid).unwrap(), tag);
    let nowhere = spool.set_tag(file.owner, Queue::Punch, file.spid, tag);
    assert!(matches!(nowhere, Err(SpoolError::NoFile { .. })));
}

#[test]
fn a_second_system_on_the_same_directory_is_refused() {
    let (directory, _spool) = started();
    let second = Spool::open(directory.path(), StartMode::Cold);
    assert!(matches!(second, Err(SpoolError::InUse(_))));
}

/// What a user may do, for comparing the spool with a list in memory.
#[derive(Clone, Debug)]
enum Step {
    Close { to: usize, queue: usize, class: char },
    Change { owner: usize, class: char, to: char, keep: bool },
    Order { owner: usize, queue: usize, pick: u16 },
    Purge { owner: usize, class: char },
    Transfer { owner: usize, pick: u16, to: usize, queue: usize },
    Restart,
}

fn step() -> impl Strategy<Value = Step> {
    let class = || prop::sample::select(vec!['A', 'B', 'C']);
    prop_oneof![
        5 => (0..3_usize, 0..3_usize, class()).prop_map(|(to, queue, class)| Step::Close { to, queue, class }),
        1 => (0..3_usize, class(), class(), any::<bool>())
            .prop_map(|(owner, class, to, keep)| Step::Change { owner, class, to, keep }),
        1 => (0..3_usize, 0..3_usize, 1..12_u16).prop_map(|(owner, queue, pick)| Step::Order { owner, queue, pick }),
        1 => (0..3_usize, class()).prop_map(|(owner, class)| Step::Purge { owner, class }),
        2 => (0..3_usize, 1..12_u16, 0..3_usize, 0..3_usize)
            .prop_map(|(owner, pick, to, queue)| Step::Transfer { owner, pick, to, queue }),
        1 => Just(Step::Restart),
    ]
}

/// A file in the list in memory: queue, number, class, keep, text.
#[derive(Clone, Debug, PartialEq)]
struct Card {
    queue: usize,
    number: u16,
    class: char,
    keep: bool,
    text: Vec<u8>,
}

const OWNERS: [&str; 3] = ["ALICE", "BOB", "CAROL"];

/// Three users' files as plain lists in processing order.
#[derive(Default)]
struct Model {
    files: [Vec<Card>; 3],
    last: [u16; 3],
}

impl Model {
    fn put(&mut self, owner: usize, queue: usize, mut card: Card, new_number: bool) -> u16 {
        if new_number {
            self.last[owner] += 1;
            card.number = self.last[owner];
        }
        card.queue = queue;
        let number = card.number;
        self.files[owner].push(card);
        self.files[owner].sort_by_key(|card| card.queue);
        number
    }
}

fn take(model: &mut Model, spool: &mut Spool, disk: &faults::FaultyDisk, step: Step, n: usize) {
    let owner = |index: usize| userid(OWNERS[index]);
    let place = |to: usize, queue: usize| Destination { owner: owner(to), queue: Queue::ALL[queue] };
    match step {
        Step::Close { to, queue, class } => {
            let text = format!("file {n}").into_bytes();
            let mut file = spool.create(new_file(OWNERS[to]));
            file.attributes_mut().class = Class::new(class).unwrap();
            file.append(0x41, &text).unwrap();
            let closed = spool.close(file, place(to, queue)).unwrap();
            let number = model.put(to, queue, Card { queue, number: 0, class, keep: false, text }, true);
            assert_eq!(closed.file.spid.number(), number);
        }
        Step::Change { owner: index, class, to, keep } => {
            let change = Change { class: Some(Class::new(to).unwrap()), keep: Some(keep), ..Change::default() };
            let changed = spool.change(&Selection::of(owner(index)).class(Class::new(class).unwrap()), &change);
            let mut expected = 0;
            for card in model.files[index].iter_mut().filter(|card| card.class == class) {
                (card.class, card.keep) = (to, keep);
                expected += 1;
            }
            assert_eq!(changed.unwrap(), expected);
        }
        Step::Order { owner: index, queue, pick } => {
            let first = Selection::default().spid(spid(pick));
            let ordered = spool.order(owner(index), Queue::ALL[queue], &[first]).unwrap();
            let cards = &mut model.files[index];
            let found = cards.iter().position(|card| card.number == pick && card.queue == queue);
            assert_eq!(ordered, usize::from(found.is_some()));
            if let Some(found) = found {
                let card = cards.remove(found);
                let front = cards.iter().position(|card| card.queue == queue).unwrap_or(found);
                cards.insert(front, card);
            }
        }
        Step::Purge { owner: index, class } => {
            let purged = spool.purge(&Selection::of(owner(index)).class(Class::new(class).unwrap())).unwrap();
            let before = model.files[index].len();
            model.files[index].retain(|card| card.class != class);
            assert_eq!(purged, before - model.files[index].len());
        }
        Step::Transfer { owner: index, pick, to, queue } => {
            let moved = spool.transfer(&Selection::of(owner(index)).spid(spid(pick)), place(to, queue)).unwrap();
            let found = model.files[index].iter().position(|card| card.number == pick);
            assert_eq!(moved.len(), usize::from(found.is_some()));
            if let Some(found) = found {
                let card = model.files[index].remove(found);
                let number = model.put(to, queue, card, to != index);
                assert_eq!((moved[0].was.spid.number(), moved[0].now.spid.number()), (pick, number));
            }
        }
        Step::Restart => {
            // The old one goes first: two cannot have the index open.
            let closed = std::mem::replace(spool, faults::warm(&faults::FaultyDisk::new()).unwrap());
            drop(closed);
            *spool = faults::warm(disk).unwrap();
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn the_spool_does_what_a_list_in_memory_does(steps in prop::collection::vec(step(), 1..40)) {
        let disk = faults::FaultyDisk::new();
        let mut spool = faults::warm(&disk).unwrap();
        let mut model = Model::default();
        for (n, step) in steps.into_iter().enumerate() {
            take(&mut model, &mut spool, &disk, step, n);
        }
        for (index, expected) in model.files.iter().enumerate() {
            let files = spool.list(&Selection::of(userid(OWNERS[index]))).unwrap();
            let cards: Vec<Card> = files
                .iter()
                .map(|file| Card {
                    queue: Queue::ALL.iter().position(|queue| *queue == file.queue).unwrap(),
                    number: file.spid.number(),
                    class: file.attributes.class.as_char(),
                    keep: file.attributes.keep,
                    text: read(&spool, file).unwrap().remove(0),
                })
                .collect();
            prop_assert_eq!(&cards, expected);
            prop_assert_eq!(spool.counts(userid(OWNERS[index])).unwrap().all(), expected.len() as u64);
        }
    }
}
