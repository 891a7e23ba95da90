//! What is left after the power fails, or the disk is full or damaged. (Kills are in `tests/tests/spool_kills`.)

mod faults;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::atomic::Ordering;

use faults::{FaultyDisk, directory, new_file, on, read, reader_of, userid, warm};
use proptest::prelude::*;
use proptest::test_runner::{RngAlgorithm, TestRng};
use spool::{FileInfo, Options, Selection, Spool, SpoolError, StartMode};

fn path(name: &str) -> PathBuf {
    directory().join(name)
}

/// The records of the `n`th file that these tests write: a few small ones, or many that fill blocks and segments.
fn text(n: u64) -> Vec<Vec<u8>> {
    let count = if n.is_multiple_of(5) { 40 } else { n % 4 };
    let length = if n.is_multiple_of(5) { 9000 } else { 80 };
    (0..count).map(|i| format!("{n}/{i} ").into_bytes().into_iter().cycle().take(length).collect()).collect()
}

fn close(spool: &Spool, owner: &str, n: u64) -> Result<FileInfo, SpoolError> {
    let mut new = new_file(owner);
    new.created = n;
    let mut file = spool.create(new);
    for record in text(n) {
        file.append(0x41, &record)?;
    }
    Ok(spool.close(file, reader_of(owner))?.file)
}

/// Checks that every file is whole and answers which ones there are, by the number they were written with.
fn whole_files(spool: &Spool) -> BTreeMap<u64, FileInfo> {
    let files = spool.list(&Selection::default()).unwrap();
    for file in &files {
        let read = read(spool, file);
        assert!(read.is_ok_and(|records| records == text(file.created)), "file {} is not whole", file.created);
    }
    files.into_iter().map(|file| (file.created, file)).collect()
}

/// Writes and purges files until the power fails; answers the files acknowledged and not purged, and the number of the one
/// whose close or purge was under way.
fn work_until_power_fails(disk: &FaultyDisk, from: u64) -> (Vec<FileInfo>, Option<u64>) {
    let mut acknowledged = Vec::<FileInfo>::new();
    let Ok(spool) = warm(disk) else {
        return (acknowledged, None);
    };
    for n in from..from + 60 {
        match close(&spool, "ALICE", n) {
            Ok(file) => acknowledged.push(file),
            Err(_) => return (acknowledged, Some(n)),
        }
        if n % 3 == 0 {
            let victim = acknowledged.remove(acknowledged.len() / 2);
            let selection = Selection { serial: Some(victim.serial), ..Selection::default() };
            if spool.purge(&selection).is_err() {
                return (acknowledged, Some(victim.created));
            }
        }
    }
    (acknowledged, None)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 16, ..ProptestConfig::default() })]

    #[test]
    fn after_loss_of_power_every_acknowledged_file_is_whole_and_no_half_one_shows(
        calls in prop::collection::vec(1..900_i64, 1..4),
        seed: [u8; 32],
    ) {
        let mut rng = TestRng::from_seed(RngAlgorithm::ChaCha, &seed);
        let mut disk = FaultyDisk::new();
        let mut expected: BTreeMap<u64, FileInfo> = BTreeMap::new();
        for (round, calls) in calls.into_iter().enumerate() {
            disk.faults.power.store(calls, Ordering::SeqCst);
            let (acknowledged, under_way) = work_until_power_fails(&disk, round as u64 * 1000);
            expected.extend(acknowledged.into_iter().map(|file| (file.created, file)));
            disk = disk.after_power_loss(|below| (rng.next_u32() as usize) % below);
            let spool = warm(&disk).unwrap();
            let found = whole_files(&spool);
            for (n, file) in &expected {
                prop_assert_eq!(found.get(n), Some(file), "acknowledged file {}", n);
            }
            for n in found.keys() {
                prop_assert!(expected.contains_key(n) || under_way == Some(*n), "file {} came from nowhere", n);
            }
            expected = found;
        }
        // And it goes on from there.
        let spool = warm(&disk).unwrap();
        let file = close(&spool, "ALICE", 9_999_995).unwrap();
        prop_assert_eq!(read(&spool, &file).unwrap(), text(9_999_995));
    }
}

#[test]
fn a_thousand_who_close_together_share_a_few_syncs() {
    const USERS: usize = 1000;
    let disk = FaultyDisk::new();
    let (spool, _) = Spool::open_with(directory(), StartMode::Warm, &Options { segment_bytes: 64 << 20, ..on(&disk) }).unwrap();
    // The first one makes the segment.
    close(&spool, "FIRST", 1).unwrap();
    disk.faults.sync_takes.store(20, Ordering::SeqCst);
    let before = disk.faults.syncs.load(Ordering::SeqCst);
    close(&spool, "ALONE", 1).unwrap();
    let alone = disk.faults.syncs.load(Ordering::SeqCst) - before;
    let together = std::sync::Barrier::new(USERS);
    std::thread::scope(|scope| {
        for n in 0..USERS {
            let (spool, together) = (&spool, &together);
            let user = std::thread::Builder::new().stack_size(256 << 10);
            user.spawn_scoped(scope, move || {
                together.wait();
                close(spool, &format!("USER{n}"), 1).unwrap();
            })
            .unwrap();
        }
    });
    let shared = disk.faults.syncs.load(Ordering::SeqCst) - before - alone;
    assert!(shared * 20 < alone * USERS as u64, "{shared} syncs for {USERS} closes, {alone} for one alone");
    whole_files(&spool);
    assert_eq!(spool.totals().unwrap().files.reader, USERS as u64 + 2);
}

#[test]
fn a_full_disk_costs_the_file_being_written_and_nothing_else() {
    let disk = FaultyDisk::new();
    let spool = warm(&disk).unwrap();
    let kept: Vec<FileInfo> = (1..5).map(|n| close(&spool, "ALICE", n).unwrap()).collect();
    disk.faults.room.store(1_000_000, Ordering::SeqCst);
    let mut file = spool.create(new_file("BOB"));
    let mut outcome = Ok(());
    while outcome.is_ok() {
        outcome = file.append(0x41, &[7; 10_000]);
    }
    assert!(matches!(outcome, Err(SpoolError::Full(_))), "{outcome:?}");
    assert!(matches!(file.append(0x41, b"more"), Err(SpoolError::GivenUp)));
    assert!(matches!(spool.close(file, reader_of("BOB")).unwrap_err().error, SpoolError::GivenUp));
    // The file being given up made room again.
    close(&spool, "ALICE", 6).unwrap();
    let files = whole_files(&spool);
    assert!(kept.iter().all(|file| files.get(&file.created) == Some(file)));
    drop(spool);
    let spool = warm(&disk).unwrap();
    assert_eq!(whole_files(&spool), files);
}

#[test]
fn a_spool_filled_to_the_last_byte_can_be_purged_and_used_again() {
    let disk = FaultyDisk::new();
    let spool = warm(&disk).unwrap();
    disk.faults.room.store(3_000_000, Ordering::SeqCst);
    let mut acknowledged = Vec::new();
    let refused = loop {
        match close(&spool, "ALICE", acknowledged.len() as u64 + 1) {
            Ok(file) => acknowledged.push(file),
            Err(error) => break error,
        }
    };
    assert!(matches!(refused, SpoolError::Full(_)), "{refused:?}");
    // Every byte gone, so that the index cannot grow either.
    disk.faults.room.store(0, Ordering::SeqCst);
    assert!(close(&spool, "ALICE", 5).is_err());
    let files = whole_files(&spool);
    assert_eq!(files.values().collect::<Vec<_>>(), acknowledged.iter().collect::<Vec<_>>());
    assert_eq!(spool.purge(&Selection::of(userid("ALICE"))).unwrap(), acknowledged.len());
    disk.faults.room.store(1_000_000, Ordering::SeqCst);
    close(&spool, "ALICE", 5).unwrap();
    assert_eq!(whole_files(&warm_again(&disk, spool)).len(), 1);
}

#[test]
fn a_start_and_a_purge_need_no_room_however_far_the_index_is_filled() {
    let disk = FaultyDisk::new();
    let spool = warm(&disk).unwrap();
    for n in 1..60 {
        close(&spool, "ALICE", n).unwrap();
        let left = disk.after_kill();
        left.faults.room.store(0, Ordering::SeqCst);
        let spool = warm(&left).unwrap_or_else(|error| panic!("with {n} files: {error}"));
        assert_eq!(whole_files(&spool).len() as u64, n);
        assert_eq!(spool.purge(&Selection::of(userid("ALICE"))).unwrap() as u64, n);
    }
}

fn warm_again(disk: &FaultyDisk, spool: Spool) -> Spool {
    drop(spool);
    warm(disk).unwrap()
}

#[test]
fn records_that_the_host_failed_to_sync_are_not_acknowledged_and_the_spool_goes_on() {
    let disk = FaultyDisk::new();
    let options = Options { segment_bytes: 16 << 20, ..on(&disk) };
    let (spool, _) = Spool::open_with(directory(), StartMode::Warm, &options).unwrap();
    let kept = close(&spool, "ALICE", 1).unwrap();
    let mut open_meanwhile = spool.create(new_file("BOB"));
    (0..30).for_each(|_| open_meanwhile.append(0x41, &[9; 9000]).unwrap());
    *disk.faults.sync_fails.lock().unwrap() = Some("segment-");
    assert!(matches!(close(&spool, "ALICE", 2), Err(SpoolError::Io { .. })));
    *disk.faults.sync_fails.lock().unwrap() = None;
    // The host reported the failure once, but the other file's records may have been among those it forgot.
    assert!(spool.close(open_meanwhile, reader_of("BOB")).is_err());
    let next = close(&spool, "ALICE", 3).unwrap();
    let spool = warm_again(&disk.after_power_loss(|_| 0), spool);
    assert_eq!(whole_files(&spool), BTreeMap::from([(1, kept), (3, next)]));
}

#[test]
fn an_index_that_the_host_failed_to_sync_stops_changes_until_the_next_start() {
    let disk = FaultyDisk::new();
    let spool = warm(&disk).unwrap();
    let kept: Vec<FileInfo> = (1..4).map(|n| close(&spool, "ALICE", n).unwrap()).collect();
    *disk.faults.sync_fails.lock().unwrap() = Some("index");
    assert!(matches!(close(&spool, "ALICE", 6), Err(SpoolError::Io { .. })));
    *disk.faults.sync_fails.lock().unwrap() = None;
    assert!(matches!(close(&spool, "ALICE", 7), Err(SpoolError::Stopped)));
    // Whether file 6 is there nobody could say; where it is, it is whole.
    let mut doubtful = Vec::new();
    for left in [disk.after_power_loss(|_| 0), disk.after_kill()] {
        let mut files = whole_files(&warm(&left).unwrap());
        doubtful.push(files.remove(&6).is_some());
        assert_eq!(files.into_values().collect::<Vec<_>>(), kept);
    }
    assert_eq!(doubtful, [false, true]);
}

#[test]
fn a_flipped_byte_is_found_by_the_reader() {
    let disk = FaultyDisk::new();
    let spool = warm(&disk).unwrap();
    let first = close(&spool, "ALICE", 1).unwrap();
    let second = close(&spool, "ALICE", 2).unwrap();
    drop(spool);
    let text = disk.bytes(&path("segment-00000001")).windows(3).rposition(|bytes| bytes == b"2/1").unwrap();
    disk.damage(&path("segment-00000001"), |bytes| bytes[text] ^= 0x10);
    let spool = warm(&disk).unwrap();
    assert_eq!(read(&spool, &first).unwrap(), self::text(1));
    assert!(matches!(read(&spool, &second), Err(SpoolError::Unreadable { .. })));
}

/// A spool with files 1 to 12 of ALICE, the tenth of which alone fills the last segments, shut down.
fn with_files() -> (FaultyDisk, BTreeMap<u64, FileInfo>) {
    let disk = FaultyDisk::new();
    let spool = warm(&disk).unwrap();
    (1..13).for_each(|n| drop(close(&spool, "ALICE", n).unwrap()));
    let files = whole_files(&spool);
    (disk, files)
}

fn start(disk: &FaultyDisk, mode: StartMode) -> Result<(Spool, spool::StartReport), SpoolError> {
    Spool::open_with(directory(), mode, &on(disk))
}

#[test]
fn a_torn_segment_refuses_a_warm_start_by_name_and_a_forced_one_skips_its_files() {
    let (disk, files) = with_files();
    let torn = path("segment-00000001");
    disk.damage(&torn, |bytes| bytes.truncate(bytes.len() - 1));
    let before = disk.bytes(&torn);
    let refused = start(&disk, StartMode::Warm).unwrap_err();
    assert!(matches!(&refused, SpoolError::Damaged { path, .. } if *path == torn), "{refused}");
    assert!(refused.to_string().contains("FORCE"), "{refused}");
    assert_eq!(disk.bytes(&torn), before, "nothing was overwritten");

    let (spool, report) = start(&disk, StartMode::Force).unwrap();
    assert!(!report.skipped.is_empty());
    assert_eq!(report.passed_over.len(), 1);
    let left = whole_files(&spool);
    assert_eq!(left.len() + report.skipped.len(), files.len());
    assert_eq!(disk.bytes(&torn), before, "the records are kept");
    close(&spool, "ALICE", 20).unwrap();
}

#[test]
fn a_missing_segment_refuses_a_warm_start() {
    let (disk, _) = with_files();
    spool::Disk::remove(&disk, &path("segment-00000001")).unwrap();
    let refused = start(&disk, StartMode::Warm).unwrap_err();
    assert!(matches!(&refused, SpoolError::Damaged { path: p, .. } if *p == path("segment-00000001")), "{refused}");
    assert!(!start(&disk, StartMode::Force).unwrap().1.skipped.is_empty());
}

#[test]
fn a_foreign_file_by_the_name_of_a_segment_is_named_and_left_alone() {
    let (disk, files) = with_files();
    let foreign = path("segment-00000099");
    disk.put(&foreign, b"Dear diary");
    let refused = start(&disk, StartMode::Warm).unwrap_err();
    assert!(matches!(&refused, SpoolError::Foreign { path, .. } if *path == foreign), "{refused}");
    let (spool, report) = start(&disk, StartMode::Force).unwrap();
    assert_eq!(report.passed_over[0].0, foreign);
    assert_eq!(whole_files(&spool), files);
    close(&spool, "ALICE", 20).unwrap();
    assert_eq!(disk.bytes(&foreign), b"Dear diary");
}

#[test]
fn any_damage_to_the_index_is_an_error_or_harmless_and_nothing_else() {
    let (disk, files) = with_files();
    let index = path("index.redb");
    let length = disk.bytes(&index).len();
    for at in (0..length).step_by(length / 160) {
        let copy = disk.after_power_loss(|_| 0);
        copy.damage(&index, |bytes| bytes[at] ^= 0x41);
        match start(&copy, StartMode::Warm) {
            Ok((spool, _)) => assert_eq!(whole_files(&spool), files, "byte {at} changed what is there"),
            Err(error) => assert!(error.to_string().contains("index.redb"), "{error}"),
        }
    }
    for bytes in [&b""[..], b"Dear diary", &[0; 4096]] {
        let copy = disk.after_power_loss(|_| 0);
        copy.put(&index, bytes);
        let refused = start(&copy, StartMode::Warm).unwrap_err();
        assert!(refused.to_string().contains("index.redb"), "{refused}");
        assert_eq!(copy.bytes(&index), bytes);
    }
}

#[test]
fn cold_sets_the_old_spool_aside_and_clean_drops_it() {
    let (disk, files) = with_files();
    let (spool, report) = start(&disk, StartMode::Cold).unwrap();
    assert_eq!(report.set_aside, Some(path("aside-0001")));
    assert_eq!(spool.totals().unwrap().files.all(), 0);
    close(&spool, "ALICE", 30).unwrap();
    drop(spool);
    // What was set aside is a spool that can be started elsewhere.
    let (aside, _) = Spool::open_with(&path("aside-0001"), StartMode::Warm, &on(&disk)).unwrap();
    assert_eq!(whole_files(&aside), files);
    drop(aside);

    let (spool, report) = start(&disk, StartMode::Clean).unwrap();
    assert_eq!((report.set_aside, spool.totals().unwrap().files.all()), (None, 0));
    drop(spool);
    assert!(whole_files(&warm(&disk).unwrap()).is_empty());
}

#[test]
fn bytes_of_files_never_closed_are_given_back_at_the_next_start() {
    let disk = FaultyDisk::new();
    let spool = warm(&disk).unwrap();
    let mut never_closed = spool.create(new_file("BOB"));
    (0..30).for_each(|_| never_closed.append(0x41, &[9; 9000]).unwrap());
    let kept = close(&spool, "ALICE", 5).unwrap();
    (0..30).for_each(|_| never_closed.append(0x41, &[9; 9000]).unwrap());
    let left = disk.after_power_loss(|below| below.min(2) - 1);
    let (spool, report) = start(&left, StartMode::Warm).unwrap();
    assert!(report.reclaimed > 100_000, "{report:?}");
    assert_eq!(whole_files(&spool), BTreeMap::from([(5, kept)]));
}
