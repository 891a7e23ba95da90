//! SPXTAPE archives: what goes in comes out, and what is torn or damaged never makes half a file.

mod faults;

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;

use faults::{FaultyDisk, directory, every_attribute, new_file, numbers, read, reader_of, send, userid, warm};
use proptest::prelude::*;
use spool::{
    ArchiveError, ArchiveReader, ArchiveReport, Destination, Device, Disk, DumpOptions, FileInfo, LoadOptions, NewFile, Passed, Progress,
    Queue, Selection, Spid, Spool, SpoolError,
};

fn tape() -> PathBuf {
    PathBuf::from("/backup/tape")
}

fn options() -> DumpOptions {
    DumpOptions { system: userid("CP64"), now: 1_700_000_000, purge: false, replace: false }
}

fn quietly(_: Progress<'_>) -> ControlFlow<()> {
    ControlFlow::Continue(())
}

fn dump(spool: &Spool) -> ArchiveReport {
    spool.dump(&tape(), &Selection::default(), &options(), &mut quietly).unwrap()
}

fn load(spool: &Spool, options: &LoadOptions) -> ArchiveReport {
    spool.load(&tape(), options, &mut quietly).unwrap()
}

/// A disk with the archive that is on another disk, and an empty spool.
fn elsewhere(archive: &[u8]) -> (FaultyDisk, Spool) {
    let disk = FaultyDisk::new();
    disk.put(&tape(), archive);
    let spool = warm(&disk).unwrap();
    (disk, spool)
}

fn all(spool: &Spool) -> Vec<FileInfo> {
    spool.list(&Selection::default()).unwrap()
}

/// ALICE has a reader file with every attribute set, and one of three blocks; BOB has an empty print file.
fn with_files() -> (FaultyDisk, Spool) {
    let disk = FaultyDisk::new();
    let spool = warm(&disk).unwrap();
    let attributes = every_attribute();
    let mut file = spool.create(NewFile { origin: userid("MAINT"), device: Device::Console, created: 77, attributes });
    file.append(0x09, b"HELLO").unwrap();
    file.append(0x5a, &[0xff; 60_000]).unwrap();
    spool.close(file, reader_of("ALICE")).unwrap();
    let mut long = spool.create(new_file("ALICE"));
    (0..4000_u32).for_each(|n| long.append(n as u16, n.to_string().repeat(20).as_bytes()).unwrap());
    spool.close(long, reader_of("ALICE")).unwrap();
    let empty = spool.create(new_file("BOB"));
    spool.close(empty, Destination { owner: userid("BOB"), queue: Queue::Printer }).unwrap();
    (disk, spool)
}

/// A file without what a new place changes: its identity.
fn portable(file: &FileInfo) -> FileInfo {
    FileInfo { serial: 0, ..file.clone() }
}

fn assert_same(there: &Spool, here: &Spool) {
    let (there_files, here_files) = (all(there), all(here));
    assert_eq!(there_files.iter().map(portable).collect::<Vec<_>>(), here_files.iter().map(portable).collect::<Vec<_>>());
    for (one, other) in there_files.iter().zip(&here_files) {
        let mut readers = [there, here].map(|spool| spool.reader(one.owner, one.queue, one.spid).unwrap());
        assert_eq!(other.spid, one.spid);
        loop {
            let [one, other] = readers.each_mut().map(|reader| reader.next_record().unwrap().map(|r| (r.command, r.data.to_vec())));
            assert_eq!(one, other);
            if one.is_none() {
                break;
            }
        }
    }
}

#[test]
fn what_is_dumped_is_loaded_on_another_system_with_every_attribute() {
    let (disk, here) = with_files();
    let dumped = dump(&here);
    assert_eq!((dumped.files, dumped.records, dumped.passed), (3, 4002, 0));
    let (_there_disk, there) = elsewhere(&disk.bytes(&tape()));
    let scanned = there.scan(&tape(), &Selection::default(), &mut quietly).unwrap();
    let loaded = load(&there, &LoadOptions::default());
    for report in [&scanned, &loaded] {
        assert_eq!((report.label, report.files, report.records, report.bytes), (dumped.label, 3, 4002, dumped.bytes));
        assert!(report.damage.is_none());
    }
    assert_eq!((loaded.label.system, loaded.label.made), (userid("CP64"), 1_700_000_000));
    assert_same(&here, &there);
}

#[test]
fn a_number_in_use_is_not_taken_and_the_next_close_goes_on_from_where_it_was() {
    let (disk, _here) = with_files();
    dump(&_here);
    let (_, there) = elsewhere(&disk.bytes(&tape()));
    send(&there, "ALICE", &[b"was here first"]).unwrap();
    load(&there, &LoadOptions::default());
    assert_eq!(numbers(&there, "ALICE"), [1, 2, 3]);
    assert_eq!(read(&there, &all(&there)[0]).unwrap(), [b"was here first"]);
    assert_eq!(send(&there, "ALICE", &[b"x"]).unwrap().spid.number(), 4);
}

#[test]
fn nodup_passes_over_what_is_there_and_nothing_else() {
    let (disk, here) = with_files();
    // Two files that look alike are two.
    (0..2).for_each(|_| drop(send(&here, "CAROL", &[b"same"]).unwrap()));
    dump(&here);
    let nodup = LoadOptions { no_duplicates: true, ..LoadOptions::default() };
    let again = load(&here, &nodup);
    assert_eq!((again.files, again.passed), (0, 5));
    here.purge(&Selection::of(userid("CAROL")).spid(Spid::new(1).unwrap())).unwrap();
    let again = load(&here, &nodup);
    assert_eq!((again.files, again.passed), (1, 4));
    assert_eq!(here.counts(userid("CAROL")).unwrap().reader, 2);
    let (_, there) = elsewhere(&disk.bytes(&tape()));
    assert_eq!(load(&there, &nodup).files, 5);
    assert_eq!(load(&there, &LoadOptions::default()).files, 5, "without it they are doubled");
}

#[test]
fn a_selection_and_another_owner_are_obeyed_and_limits_are_told() {
    let (disk, here) = with_files();
    dump(&here);
    let (_, there) = elsewhere(&disk.bytes(&tape()));
    let mut refused = Vec::new();
    there.limit_files([(userid("DAVE"), 1)]);
    let to_dave = LoadOptions { selection: Selection::of(userid("ALICE")), owner: Some(userid("DAVE")), ..LoadOptions::default() };
    let report = there.load(&tape(), &to_dave, &mut |progress| {
        if let Progress::Passed { file, why: Passed::Refused(error) } = progress {
            refused.push((file.spid.number(), error.to_string()));
        }
        ControlFlow::Continue(())
    });
    let report = report.unwrap();
    assert_eq!((report.files, report.passed), (1, 1));
    assert_eq!(refused, [(2, "Spool files of DAVE are at their maximum of 1".to_owned())]);
    assert_eq!(all(&there).iter().map(|file| (file.owner, file.spid.number())).collect::<Vec<_>>(), [(userid("DAVE"), 1)]);
}

#[test]
fn dump_with_purge_purges_what_is_in_the_archive_and_nothing_when_it_fails() {
    let (disk, here) = with_files();
    let purge = DumpOptions { purge: true, ..options() };
    disk.faults.room.store(100_000, Ordering::SeqCst);
    assert!(here.dump(&tape(), &Selection::default(), &purge, &mut quietly).is_err());
    assert_eq!(all(&here).len(), 3);
    disk.faults.room.store(-1, Ordering::SeqCst);
    assert!(!disk.file_names().iter().any(|name| name.starts_with("tape")), "{:?}", disk.file_names());
    let report = here.dump(&tape(), &Selection::of(userid("ALICE")), &purge, &mut quietly).unwrap();
    assert_eq!(report.files, 2);
    assert_eq!(all(&here).iter().map(|file| file.owner).collect::<Vec<_>>(), [userid("BOB")]);
    load(&here, &LoadOptions::default());
    assert_eq!(all(&here).len(), 3);
}

#[test]
fn a_damaged_file_is_passed_over_and_the_archive_is_whole() {
    let (disk, here) = with_files();
    let kept = send(&here, "CAROL", &[b"later"]).unwrap();
    drop(here);
    let text = b"3999".repeat(20);
    let segment = disk.file_names().into_iter().filter(|name| name.starts_with("segment")).map(|name| directory().join(name));
    let segment = segment.into_iter().find(|path| disk.bytes(path).windows(80).any(|bytes| bytes == text)).unwrap();
    disk.damage(&segment, |bytes| {
        let at = bytes.windows(80).rposition(|window| window == text).unwrap();
        bytes[at] ^= 1;
    });
    let here = warm(&disk).unwrap();
    let mut passed = Vec::new();
    let report = here.dump(&tape(), &Selection::default(), &options(), &mut |progress| {
        if let Progress::Passed { file, why } = progress {
            assert!(matches!(why, Passed::Unreadable(SpoolError::Unreadable { .. })), "{why}");
            passed.push((file.owner, file.spid.number()));
        }
        ControlFlow::Continue(())
    });
    assert_eq!(report.unwrap().files, 3);
    assert_eq!(passed, [(userid("ALICE"), 2)]);
    let (_, there) = elsewhere(&disk.bytes(&tape()));
    let loaded = load(&there, &LoadOptions::default());
    assert_eq!((loaded.files, loaded.passed), (3, 1));
    assert!(loaded.damage.is_none());
    assert_eq!(numbers(&there, "ALICE"), [1]);
    assert_eq!(read(&there, &portable(&kept)).unwrap(), [b"later"]);
}

/// What is loaded of an archive is whole, and in front of the damage.
fn assert_loads_whole_files_only(archive: &[u8], here: &Spool) -> ArchiveReport {
    let (_disk, there) = elsewhere(archive);
    let report = load(&there, &LoadOptions::default());
    let files = all(&there);
    assert_eq!(files.len() as u64, report.files);
    for file in &files {
        let original = here.get(file.owner, file.queue, file.spid).unwrap().unwrap();
        assert_eq!(portable(file), portable(&original));
        assert_eq!(read(&there, file).unwrap(), read(here, &original).unwrap());
    }
    report
}

#[test]
fn a_torn_archive_is_loaded_as_far_as_it_has_whole_files() {
    let (disk, here) = with_files();
    dump(&here);
    let archive = disk.bytes(&tape());
    let mut loaded = Vec::new();
    for length in (64..archive.len()).step_by(7919).chain([archive.len() - 1]) {
        let report = assert_loads_whole_files_only(&archive[..length], &here);
        assert!(matches!(report.damage, Some(ArchiveError::Damaged { .. })), "{length} bytes were taken for whole");
        loaded.push(report.files);
    }
    assert!(loaded.is_sorted() && loaded.first() == Some(&0) && loaded.last() == Some(&3), "{loaded:?}");
    // Frames that change places are no archive either, though each is sound.
    let mut swapped = archive[..64].to_vec();
    swapped.extend_from_slice(&archive[archive.len() - 44..]);
    assert!(assert_loads_whole_files_only(&swapped, &here).damage.is_some());
}

#[test]
fn what_is_no_archive_is_refused_and_what_has_its_name_is_not_replaced() {
    let (disk, here) = with_files();
    for bytes in [&b""[..], b"Dear diary", &[0; 4096]] {
        disk.put(&tape(), bytes);
        assert!(matches!(here.load(&tape(), &LoadOptions::default(), &mut quietly), Err(ArchiveError::Foreign)));
        if !bytes.is_empty() {
            let replace = DumpOptions { replace: true, ..options() };
            let refused = here.dump(&tape(), &Selection::default(), &replace, &mut quietly);
            assert!(matches!(refused, Err(ArchiveError::Exists(path)) if path == tape()));
            assert_eq!(disk.bytes(&tape()), bytes);
        }
    }
    Disk::remove(&disk, &tape()).unwrap();
    dump(&here);
    let old = disk.bytes(&tape());
    assert!(matches!(here.dump(&tape(), &Selection::default(), &options(), &mut quietly), Err(ArchiveError::Exists(_))));
    assert!(disk.bytes(&tape()) == old);
    let replaced = here.dump(&tape(), &Selection::of(userid("BOB")), &DumpOptions { replace: true, ..options() }, &mut quietly);
    assert_eq!(replaced.unwrap().files, 1);
    assert!(disk.bytes(&tape()).len() < old.len());
    // What a system that went down left half written is no obstacle; somebody's file is.
    disk.put(Path::new("/backup/next.unfinished"), &old[..1000]);
    here.dump(Path::new("/backup/next"), &Selection::default(), &options(), &mut quietly).unwrap();
    disk.put(Path::new("/backup/more.unfinished"), b"Dear diary");
    let refused = here.dump(Path::new("/backup/more"), &Selection::default(), &options(), &mut quietly);
    assert!(matches!(refused, Err(ArchiveError::Exists(_))));
    assert_eq!(disk.bytes(Path::new("/backup/more.unfinished")), b"Dear diary");
}

#[test]
fn progress_is_told_and_may_end_it() {
    let (disk, here) = with_files();
    let mut long = here.create(new_file("LONG"));
    (0..300).for_each(|_| long.append(1, &[7; 10_000]).unwrap());
    here.close(long, reader_of("LONG")).unwrap();
    let (mut moving, mut done) = (Vec::new(), Vec::new());
    here.dump(&tape(), &Selection::default(), &options(), &mut |progress| {
        match progress {
            Progress::Moving { file, bytes } => moving.push((file.owner, bytes >> 20)),
            Progress::Done { file, .. } => done.push(file.owner),
            Progress::Passed { .. } => panic!("{progress:?}"),
        }
        ControlFlow::Continue(())
    })
    .unwrap();
    assert_eq!(moving, [(userid("LONG"), 1), (userid("LONG"), 2)]);
    assert_eq!(done, ["ALICE", "ALICE", "BOB", "LONG"].map(userid));
    let archive = disk.bytes(&tape());
    Disk::remove(&disk, &tape()).unwrap();
    let ended = here.dump(&tape(), &Selection::default(), &options(), &mut |_| ControlFlow::Break(()));
    assert!(matches!(ended, Err(ArchiveError::Ended)));
    assert!(!disk.file_names().iter().any(|name| name.starts_with("tape")));
    // A LOAD that is ended has the files that it told of.
    let (_, there) = elsewhere(&archive);
    let mut left = 2;
    let ended = there.load(&tape(), &LoadOptions::default(), &mut |progress| {
        left -= i32::from(matches!(progress, Progress::Moving { .. }));
        if left > 0 { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
    });
    assert!(matches!(ended, Err(ArchiveError::Ended)));
    assert_eq!(all(&there).len(), 3);
    assert_eq!(there.counts(userid("LONG")).unwrap().all(), 0);
    assert_eq!(there.space().used, warm_space(&there), "the half read file left nothing");
}

/// What the files in the queues take.
fn warm_space(spool: &Spool) -> u64 {
    let totals = spool.totals().unwrap();
    totals.stored + 512 * totals.files.all()
}

#[test]
fn a_full_spool_ends_a_load_with_what_is_loaded_whole() {
    let (disk, here) = with_files();
    dump(&here);
    let (_, there) = elsewhere(&disk.bytes(&tape()));
    there.limit_space(Some(100_000));
    let full = there.load(&tape(), &LoadOptions::default(), &mut quietly).unwrap_err();
    assert!(matches!(&full, ArchiveError::Spool(error) if error.is_full()), "{full}");
    assert_eq!(numbers(&there, "ALICE"), [1]);
    assert_eq!(there.space().used, warm_space(&there));
}

#[test]
fn many_files_share_commits_when_they_are_loaded() {
    let disk = FaultyDisk::new();
    let here = warm(&disk).unwrap();
    std::thread::scope(|scope| {
        for user in 0..20 {
            let here = &here;
            scope.spawn(move || (0..100).for_each(|_| drop(send(here, &format!("USER{user}"), &[b"card"]).unwrap())));
        }
    });
    dump(&here);
    let (there_disk, there) = elsewhere(&disk.bytes(&tape()));
    let before = there_disk.faults.syncs.load(Ordering::SeqCst);
    assert_eq!(load(&there, &LoadOptions::default()).files, 2000);
    let syncs = there_disk.faults.syncs.load(Ordering::SeqCst) - before;
    assert!(syncs < 40, "{syncs} syncs for 2000 files");
    assert_same(&here, &there);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn any_changed_byte_of_an_archive_shows_and_never_makes_half_a_file(at: prop::sample::Index, flip in 1..=255_u8) {
        let disk = FaultyDisk::new();
        let here = warm(&disk).unwrap();
        (0..5_u8).for_each(|n| drop(send(&here, "ALICE", &[&[n; 300], b"end"]).unwrap()));
        dump(&here);
        let mut archive = disk.bytes(&tape());
        let at = at.index(archive.len());
        archive[at] ^= flip;
        if at < 64 {
            let (_, there) = elsewhere(&archive);
            prop_assert!(there.load(&tape(), &LoadOptions::default(), &mut quietly).is_err());
        } else {
            prop_assert!(assert_loads_whole_files_only(&archive, &here).damage.is_some());
        }
    }

    #[test]
    fn any_bytes_behind_a_label_are_read_to_an_end(tail in prop::collection::vec(any::<u8>(), 0..2000)) {
        let disk = FaultyDisk::new();
        let here = warm(&disk).unwrap();
        here.dump(&tape(), &Selection::default(), &options(), &mut quietly).unwrap();
        let mut archive = disk.bytes(&tape())[..64].to_vec();
        archive.extend_from_slice(&tail);
        let mut reader = ArchiveReader::new(archive.as_slice()).unwrap();
        while let Ok(Some(_)) = reader.next_file() {
            while let Ok(Some(_)) = reader.next_record() {}
        }
    }
}
