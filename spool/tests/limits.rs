//! How many files and how much room: who is refused, what stays, what the operator hears.

mod faults;

use std::sync::{Arc, Mutex};

use faults::{FaultyDisk, new_file, numbers, on, read, reader_of, send, userid, warm};
use spool::{Selection, Spid, Spool, SpoolError, SpoolEvent, StartMode};

/// A spool that tells what it tells the operator: the levels, 0 for relief.
fn listening(disk: &FaultyDisk) -> (Spool, Arc<Mutex<Vec<u8>>>) {
    let spool = warm(disk).unwrap();
    let told = Arc::new(Mutex::new(Vec::new()));
    let ears = Arc::clone(&told);
    assert!(spool.listen(move |event| {
        ears.lock().unwrap().push(match event {
            SpoolEvent::Filling { percent, space } => {
                assert!(space.percent() >= percent, "{space:?}");
                percent
            }
            SpoolEvent::Relieved(_) => 0,
        });
    }));
    assert!(!spool.listen(|_| {}), "there is one listener");
    (spool, told)
}

fn told(ears: &Mutex<Vec<u8>>) -> Vec<u8> {
    std::mem::take(&mut ears.lock().unwrap())
}

#[test]
fn a_user_at_the_file_limit_gets_no_more_and_the_closer_keeps_the_file() {
    let disk = FaultyDisk::new();
    let spool = warm(&disk).unwrap();
    spool.limit_files([(userid("ALICE"), 3)]);
    (0..3).for_each(|_| drop(send(&spool, "ALICE", &[b"x"]).unwrap()));
    let mut file = spool.create(new_file("BOB"));
    file.append(0x41, b"kept").unwrap();
    let refused = spool.close(file, reader_of("ALICE")).unwrap_err();
    assert!(matches!(refused.error, SpoolError::FileLimit { owner, limit: 3 } if owner == userid("ALICE")), "{refused}");
    // It can go to somebody else, who has no limit, but not on from there.
    let kept = spool.close(*refused.file.unwrap(), reader_of("BOB")).unwrap().file;
    let moved = spool.transfer(&Selection::of(userid("BOB")), reader_of("ALICE"));
    assert!(matches!(moved, Err(SpoolError::FileLimit { .. })));
    assert_eq!(read(&spool, &kept).unwrap(), [b"kept"]);
    // What the user has may move about among the user's own queues.
    assert_eq!(spool.transfer(&Selection::of(userid("ALICE")), reader_of("ALICE")).unwrap().len(), 3);
    spool.purge(&Selection::of(userid("ALICE")).spid(Spid::new(1).unwrap())).unwrap();
    assert_eq!(spool.transfer(&Selection::of(userid("BOB")), reader_of("ALICE")).unwrap().len(), 1);
    // A limit that was lowered takes nothing away; one that is gone limits nobody.
    spool.limit_files([(userid("ALICE"), 1)]);
    assert_eq!(numbers(&spool, "ALICE").len(), 3);
    assert!(send(&spool, "ALICE", &[b"x"]).is_err());
    spool.limit_files([]);
    send(&spool, "ALICE", &[b"x"]).unwrap();
}

#[test]
fn at_the_space_limit_a_writer_loses_the_open_file_and_nothing_else() {
    let disk = FaultyDisk::new();
    let (spool, ears) = listening(&disk);
    spool.limit_space(Some(4_000_000));
    let kept = send(&spool, "ALICE", &[[7_u8; 50_000].as_slice(); 10]).unwrap();
    // A guest that opens and never closes, until there is no more.
    let mut hog = spool.create(new_file("HOG"));
    let outcome = loop {
        if let Err(error) = hog.append(0x41, &[9; 10_000]) {
            break error;
        }
    };
    assert!(matches!(outcome, SpoolError::SpaceLimit(4_000_000)) && outcome.is_full(), "{outcome}");
    assert_eq!(told(&ears), [80, 90, 95, 100]);
    assert!((95..100).contains(&spool.space().percent()), "the last block did not fit: {:?}", spool.space());
    // Others who are writing meanwhile feel it as well.
    let other = send(&spool, "BOB", &[[1_u8; 60_000].as_slice(); 4]);
    assert!(matches!(other, Err(SpoolError::SpaceLimit(_))));
    // What is closed can be read, changed, moved and purged.
    assert_eq!(read(&spool, &kept).unwrap().len(), 10);
    assert_eq!(spool.transfer(&Selection::of(userid("ALICE")), reader_of("CAROL")).unwrap().len(), 1);
    assert!(matches!(hog.append(0x41, b"more"), Err(SpoolError::GivenUp)));
    drop(hog);
    assert_eq!(told(&ears), [0]);
    send(&spool, "BOB", &[[1_u8; 60_000].as_slice(); 4]).unwrap();
    assert_eq!(spool.purge(&Selection::default()).unwrap(), 2);
    assert_eq!(spool.space().used, 0, "all room came back");
}

#[test]
fn files_without_records_take_room_too() {
    let spool = warm(&FaultyDisk::new()).unwrap();
    spool.limit_space(Some(100_000));
    let refused = (0..1000).find_map(|_| send(&spool, "ALICE", &[]).err()).expect("the limit was never reached");
    assert!(refused.is_full());
    assert!((50..1000).contains(&numbers(&spool, "ALICE").len()));
}

#[test]
fn what_a_start_finds_counts_and_what_is_withheld_as_well() {
    let disk = FaultyDisk::new();
    let spool = warm(&disk).unwrap();
    (0..5).for_each(|_| drop(send(&spool, "ALICE", &[[7_u8; 50_000].as_slice(); 3]).unwrap()));
    let before = spool.space().used;
    assert!(before > 750_000, "{before}");
    drop(spool);
    let (spool, ears) = listening(&disk);
    assert_eq!(spool.space().used, before);
    assert_eq!(told(&ears), []);
    // A limit below what is there is full, and takes nothing away.
    spool.limit_space(Some(before / 2));
    assert_eq!(told(&ears), [100]);
    assert!(send(&spool, "BOB", &[]).unwrap_err().is_full());
    assert_eq!(numbers(&spool, "ALICE").len(), 5);
    drop(spool);
    disk.damage(&faults::directory().join("segment-00000001"), |bytes| bytes.truncate(80));
    let (spool, report) = Spool::open_with(faults::directory(), StartMode::Force, &on(&disk)).unwrap();
    assert!(!report.skipped.is_empty());
    let rows = 512 * report.skipped.len() as u64;
    assert_eq!(spool.space().used, before - rows, "the records of withheld files are kept, and take room");
}

#[test]
fn a_host_that_fills_up_is_told_like_a_limit() {
    let disk = FaultyDisk::new();
    let (spool, ears) = listening(&disk);
    disk.faults.room.store(3_000_000, std::sync::atomic::Ordering::SeqCst);
    let refused = (0..1000).find_map(|_| send(&spool, "ALICE", &[&[7; 50_000]]).err()).expect("the disk was never full");
    assert!(matches!(refused, SpoolError::Full(_)), "{refused}");
    let levels = told(&ears);
    assert_eq!(levels.last(), Some(&100), "{levels:?}");
    assert!(levels.is_sorted(), "{levels:?}");
    spool.purge(&Selection::of(userid("ALICE"))).unwrap();
    assert_eq!(told(&ears), [0]);
}
