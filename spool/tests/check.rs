//! `cp64 check` on whole and damaged spools.

mod faults;

use std::path::PathBuf;

use faults::{FaultyDisk, directory, new_file, on, read, reader_of, send, userid, warm};
use spool::{CheckReport, FileInfo, Selection, Spool, SpoolError, StartMode};

fn check(disk: &FaultyDisk, repair: bool) -> CheckReport {
    Spool::check_with(directory(), repair, &on(disk)).unwrap()
}

fn segment(number: u32) -> PathBuf {
    directory().join(format!("segment-{number:08}"))
}

/// ALICE has a small file, a file of four blocks in segments of their own, and another small file.
fn with_three_files() -> (FaultyDisk, Vec<FileInfo>) {
    let disk = FaultyDisk::new();
    let spool = warm(&disk).unwrap();
    let first = send(&spool, "ALICE", &[b"first"]).unwrap();
    let mut long = spool.create(new_file("ALICE"));
    (0..40_u8).for_each(|n| long.append(0x41, &[b'a' + n % 26; 10_000]).unwrap());
    let long = spool.close(long, reader_of("ALICE")).unwrap().file;
    let last = send(&spool, "ALICE", &[b"last"]).unwrap();
    (disk, vec![first, long, last])
}

fn flip(disk: &FaultyDisk, number: u32, at: usize) {
    disk.damage(&segment(number), |bytes| bytes[at] ^= 1);
}

#[test]
fn a_whole_spool_has_no_problems_and_checking_changes_nothing() {
    let (disk, _) = with_three_files();
    // Lost power leaves an index that would be written to when it is opened.
    let disk = disk.after_power_loss(|below| below - 1);
    let before: Vec<_> = disk.file_names().iter().map(|name| disk.bytes(&directory().join(name))).collect();
    let report = check(&disk, false);
    assert_eq!(report.problems, []);
    assert_eq!((report.files, report.bytes), (3, 5 + 400_000 + 4));
    let after: Vec<_> = disk.file_names().iter().map(|name| disk.bytes(&directory().join(name))).collect();
    assert!(before == after, "the check wrote to the spool");
    assert_eq!(check(&disk, true).problems, []);
}

#[test]
fn a_damaged_file_is_named_and_a_repair_rescues_what_can_be_read_of_it() {
    let (disk, files) = with_three_files();
    flip(&disk, 3, 5000);
    let report = check(&disk, false);
    assert_eq!(report.problems.len(), 1);
    assert_eq!(report.problems[0].file.as_ref(), Some(&files[1]));
    assert!(report.problems[0].what.contains("segment-00000003"), "{:?}", report.problems);
    assert_eq!(report.bytes, 9);

    let repaired = check(&disk, true).problems.remove(0).repaired.unwrap();
    assert!(repaired.contains("of 40 records are in"), "{repaired}");
    let rescued = disk.bytes(&directory().join("aside-0001/ALICE.RDR.0002"));
    let lines: Vec<&[u8]> = rescued.split_inclusive(|byte| *byte == b'\n').collect();
    assert!((20..40).contains(&lines.len()), "{} lines", lines.len());
    assert!(lines.iter().all(|line| line.len() == 10_001));
    assert_eq!((lines[0][0], lines[lines.len() - 1][0]), (b'a', b'a' + 39 % 26), "both ends are there");

    let again = check(&disk, false);
    assert_eq!(again.problems, []);
    assert_eq!(again.withheld, [files[1].clone()]);
    let spool = warm(&disk).unwrap();
    assert_eq!(spool.list(&Selection::default()).unwrap(), [files[0].clone(), files[2].clone()]);
    assert_eq!(read(&spool, &files[2]).unwrap(), [b"last"]);
    // The blocks of the damaged file are kept through starts and purges.
    spool.purge(&Selection::of(userid("ALICE"))).unwrap();
    drop(spool);
    drop(warm(&disk).unwrap());
    assert!(disk.file_names().contains(&"segment-00000003".to_owned()));
}

#[test]
fn a_torn_segment_and_a_foreign_file_are_repaired_so_that_a_warm_start_works() {
    let (disk, files) = with_three_files();
    disk.damage(&segment(2), |bytes| bytes.truncate(100));
    disk.put(&segment(77), b"Dear diary");
    assert!(warm(&disk).is_err());
    let found = check(&disk, false);
    assert_eq!(found.problems.len(), 3, "{:?}", found.problems);
    assert!(found.problems.iter().all(|problem| problem.repaired.is_none()));
    let repaired = check(&disk, true);
    assert!(repaired.problems.iter().all(|problem| problem.repaired.is_some()), "{:?}", repaired.problems);
    assert_eq!(disk.bytes(&directory().join("aside-0001/segment-00000077")), b"Dear diary");
    let spool = warm(&disk).unwrap();
    assert_eq!(spool.list(&Selection::default()).unwrap(), [files[0].clone(), files[2].clone()]);
    assert_eq!(disk.bytes(&segment(2)).len(), 100, "what is left of the torn segment stays");
}

#[test]
fn a_forced_start_withholds_for_good_and_later_starts_are_warm() {
    let (disk, files) = with_three_files();
    disk.damage(&segment(2), |bytes| bytes.truncate(100));
    let (spool, report) = Spool::open_with(directory(), StartMode::Force, &on(&disk)).unwrap();
    assert_eq!(report.skipped, [files[1].clone()]);
    drop(spool);
    let (_spool, report) = Spool::open_with(directory(), StartMode::Warm, &on(&disk)).unwrap();
    assert_eq!(report.skipped, [files[1].clone()]);
    assert_eq!(report.files.all(), 2);
}

#[test]
fn without_its_index_a_repair_sets_all_aside_and_copies_out_what_it_finds() {
    let (disk, _) = with_three_files();
    let index = directory().join("index.redb");
    disk.put(&index, b"");
    assert!(matches!(warm(&disk), Err(SpoolError::IndexLost { .. })));
    assert_eq!(check(&disk, false).problems.len(), 1);
    assert_eq!(disk.bytes(&index), b"");
    let problems = check(&disk, true).problems;
    let repaired = problems[0].repaired.as_ref().unwrap();
    assert!(repaired.contains("aside-0001; 42 records of 3 files were found"), "{repaired}");
    // The records are there, whosever they were.
    let found: Vec<_> = disk.file_names().into_iter().filter(|name| name.starts_with("FILE.")).collect();
    let mut texts: Vec<_> = found.iter().map(|name| disk.bytes(&directory().join("aside-0001").join(name))).collect();
    texts.sort_by_key(Vec::len);
    assert_eq!(texts[..2], [b"last\n".to_vec(), b"first\n".to_vec()]);
    assert_eq!((texts[2].len(), texts[2].iter().filter(|byte| **byte == b'\n').count()), (40 * 10_001, 40));
    assert!(disk.bytes(&directory().join("aside-0001/segment-00000001")).len() > 64);
    assert_eq!(warm(&disk).unwrap().totals().unwrap().files.all(), 0);
}

#[test]
fn an_empty_directory_has_no_problems_and_a_running_spool_cannot_be_checked() {
    let directory = tempfile::tempdir().unwrap();
    assert_eq!(Spool::check(directory.path(), false).unwrap(), CheckReport::default());
    let (_spool, _) = Spool::open(directory.path(), StartMode::Warm).unwrap();
    assert!(matches!(Spool::check(directory.path(), true), Err(SpoolError::InUse(_))));
    assert!(Spool::check(&directory.path().join("nowhere"), false).is_err());
}

#[test]
fn what_is_cut_off_behind_a_block_is_not_held_against_it() {
    let place = tempfile::tempdir().unwrap();
    let (spool, _) = Spool::open(place.path(), StartMode::Warm).unwrap();
    let mut long = spool.create(new_file("ALICE"));
    (0..40_u8).for_each(|n| long.append(0x41, &[n; 10_000]).unwrap());
    let long = spool.close(long, reader_of("ALICE")).unwrap().file;
    let mut reader = spool.reader(long.owner, long.queue, long.spid).unwrap();
    // Thirteen of these records fill a block; the segment ends within the header of the second.
    let end = 64 + 32 + 13 * (4 + 10_000);
    std::fs::File::options().write(true).open(place.path().join("segment-00000001")).unwrap().set_len(end + 10).unwrap();
    for n in 0..13_u8 {
        assert_eq!(reader.next_record().unwrap().unwrap().data, [n; 10_000]);
    }
    assert!(matches!(reader.next_record(), Err(SpoolError::Unreadable { offset, .. }) if offset == end));
    reader.restart();
    assert_eq!(reader.next_record().unwrap().unwrap().data, [0; 10_000]);
}
