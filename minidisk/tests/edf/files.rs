//! Files of every size, several at once, appended to, replaced, and a disk that is full.

use std::ops::Range;

use minidisk::edf::{BlockDevice, DateTime, EdfError, FileSystem, LabelError, MAX_RECORD, MemoryDisk, RecordFormat, RecordLengths};

use crate::{id, now, pattern};

fn fresh(blocks: u32) -> FileSystem<MemoryDisk> {
    FileSystem::format(MemoryDisk::new(blocks), "TEST", blocks / 180, now()).unwrap()
}

/// Commits, opens again, and checks.
fn again(mut disk: FileSystem<MemoryDisk>) -> FileSystem<MemoryDisk> {
    disk.commit().unwrap();
    let mut disk = FileSystem::open(disk.into_device()).unwrap();
    assert_eq!(disk.check().unwrap().findings, []);
    disk
}

fn all(disk: &mut FileSystem<MemoryDisk>, name: &str) -> Vec<Vec<u8>> {
    disk.read(&id(name, "DATA")).unwrap().map(Result::unwrap).collect()
}

#[test]
fn a_new_disk_is_empty_and_says_what_it_is() {
    let mut disk = again(fresh(900));
    assert_eq!((disk.label().id(), disk.label().cylinders, disk.label().blocks, disk.label().used), ("TEST", 5, 900, 6));
    assert_eq!((disk.file_count(), disk.files().count()), (0, 0));
    assert!(matches!(disk.read(&id("NO", "FILE")), Err(EdfError::NotFound(_))));
}

#[test]
fn a_variable_file_of_two_pointer_levels_comes_back() {
    let mut disk = fresh(2000);
    // 341 data blocks to a pointer block: 5.9 MiB need five of them.
    let length = |n: usize| 1 + n * 7919 % 9000;
    let count = 1350;
    disk.write(&id("BIG", "DATA"), 1, RecordFormat::Variable, now(), (0..count).map(|n| pattern(n, length(n)))).unwrap();
    let mut disk = again(disk);
    let file = disk.find(&id("BIG", "DATA")).unwrap().clone();
    assert!(file.blocks > 2 * 341, "{} blocks", file.blocks);
    assert_eq!((file.records, file.lrecl), (1350, (0..count).map(length).max().unwrap() as u32));
    for (n, record) in disk.read(&id("BIG", "DATA")).unwrap().enumerate() {
        assert!(record.unwrap() == pattern(n, length(n)), "record {}", n + 1);
    }
    for first in [1, 2, 77, 800, 1349, 1350] {
        let found = disk.read_range(&id("BIG", "DATA"), first, 1).unwrap();
        assert!(found == [pattern(first as usize - 1, length(first as usize - 1))], "record {first}");
    }
    assert_eq!(disk.read_range(&id("BIG", "DATA"), 1351, 5).unwrap(), Vec::<Vec<u8>>::new());
}

#[test]
fn a_fixed_file_of_two_pointer_levels_comes_back() {
    let mut disk = fresh(2000);
    // 1024 data blocks to a pointer block: 6.2 MiB need two of them.
    disk.write(&id("BIG", "DATA"), 1, RecordFormat::Fixed(1300), now(), (0..5000).map(|n| pattern(n, 1300))).unwrap();
    let mut disk = again(disk);
    assert!(disk.find(&id("BIG", "DATA")).unwrap().blocks > 1024);
    for (n, record) in disk.read(&id("BIG", "DATA")).unwrap().enumerate() {
        assert!(record.unwrap() == pattern(n, 1300), "record {}", n + 1);
    }
    assert!(disk.read_range(&id("BIG", "DATA"), 4321, 1).unwrap() == [pattern(4320, 1300)]);
}

#[test]
fn files_of_exactly_one_pointer_block_have_one_level() {
    for (count, blocks) in [(1024u32, 1024), (1025, 1025)] {
        let mut disk = fresh(1200);
        disk.write(&id("F", "DATA"), 1, RecordFormat::Fixed(4096), now(), (0..count).map(|n| pattern(n as usize, 4096))).unwrap();
        let mut disk = again(disk);
        assert_eq!(disk.find(&id("F", "DATA")).unwrap().blocks, blocks);
        // Data, pointer blocks (1, or 2 and a top one), and the 6 of an empty disk.
        assert_eq!(disk.label().used, blocks + if count == 1024 { 1 } else { 3 } + 6);
        assert!(disk.read_range(&id("F", "DATA"), count, 1).unwrap() == [pattern(count as usize - 1, 4096)]);
    }
}

#[test]
fn the_longest_and_the_shortest_records_fit_and_others_do_not() {
    let mut disk = fresh(200);
    let file = id("EDGE", "DATA");
    let longest = pattern(1, MAX_RECORD as usize);
    disk.write(&file, 1, RecordFormat::Variable, now(), [&longest[..], b"x", &longest[..]]).unwrap();
    assert_eq!(all(&mut disk, "EDGE"), [longest.clone(), b"x".to_vec(), longest.clone()]);
    let mut writer = disk.create(&file, 1, RecordFormat::Variable).unwrap();
    let allowed = RecordLengths::Variable;
    assert_eq!(disk.put(&mut writer, b""), Err(EdfError::RecordLength { length: 0, allowed }));
    assert_eq!(disk.put(&mut writer, &[0; 65536]), Err(EdfError::RecordLength { length: 65536, allowed }));
    disk.put(&mut writer, b"still usable").unwrap();
    disk.close(writer, now()).unwrap();
    assert_eq!(all(&mut disk, "EDGE"), [b"still usable"]);
    assert!(matches!(disk.write(&file, 1, RecordFormat::Fixed(80), now(), [[0u8; 79]]), Err(EdfError::RecordLength { length: 79, .. })));
    assert!(matches!(disk.create(&file, 1, RecordFormat::Fixed(0)), Err(EdfError::BadLrecl(0))));
    assert!(matches!(disk.create(&file, 7, RecordFormat::Variable), Err(EdfError::BadMode(7))));
    again(disk);
}

#[test]
fn appending_in_any_steps_gives_the_file_that_writing_at_once_gives() {
    for format in [RecordFormat::Variable, RecordFormat::Fixed(700)] {
        let length = |n: usize| {
            if format == RecordFormat::Variable { 1 + n * 997 % 5000 } else { 700 }
        };
        let mut disk = fresh(1500);
        disk.write(&id("ONCE", "DATA"), 1, format, now(), (0..900).map(|n| pattern(n, length(n)))).unwrap();
        disk.write(&id("STEPS", "DATA"), 1, format, now(), [] as [&[u8]; 0]).unwrap();
        let mut at = 0;
        for step in [1usize, 1, 2, 3, 0, 50, 300, 1, 542] {
            let part = (at..at + step).map(|n| pattern(n, length(n)));
            disk.append(&id("STEPS", "DATA"), now(), part).unwrap();
            disk.commit().unwrap();
            at += step;
        }
        let mut disk = again(disk);
        assert!(all(&mut disk, "STEPS") == all(&mut disk, "ONCE"));
        let (once, steps) = (disk.find(&id("ONCE", "DATA")).unwrap(), disk.find(&id("STEPS", "DATA")).unwrap());
        assert_eq!((once.records, once.blocks, once.lrecl), (steps.records, steps.blocks, steps.lrecl));
    }
}

#[test]
fn appending_record_by_record_crosses_every_boundary() {
    let mut disk = fresh(60);
    // 10 divides neither 4096 nor 4094: sooner or later a length is split, ends a block, begins one.
    for n in 0..2100 {
        disk.append(&id("LOG", "DATA"), now(), [pattern(n, 1 + n % 9)]).unwrap_or_else(|error| {
            assert_eq!((n, error), (0, EdfError::NotFound(id("LOG", "DATA"))));
        });
        if n == 0 {
            disk.write(&id("LOG", "DATA"), 1, RecordFormat::Variable, now(), [pattern(0, 1)]).unwrap();
        }
        if n % 4 == 0 {
            disk.commit().unwrap();
        }
    }
    let mut disk = again(disk);
    assert!(all(&mut disk, "LOG") == (0..2100).map(|n| pattern(n, 1 + n % 9)).collect::<Vec<_>>());
}

#[test]
fn a_file_is_copied_on_the_same_disk_while_another_is_written() {
    let mut disk = fresh(900);
    disk.write(&id("FROM", "DATA"), 1, RecordFormat::Variable, now(), (0..2000).map(|n| pattern(n, 1 + n % 300))).unwrap();
    let mut reader = disk.open_reader(&id("FROM", "DATA")).unwrap();
    let mut first = disk.create(&id("TO", "DATA"), 1, RecordFormat::Variable).unwrap();
    let mut second = disk.create(&id("HALF", "DATA"), 1, RecordFormat::Fixed(10)).unwrap();
    let mut record = Vec::new();
    while disk.read_next(&mut reader, &mut record).unwrap() {
        disk.put(&mut first, &record).unwrap();
        disk.put(&mut second, &pattern(record.len(), 10)).unwrap();
    }
    disk.close(first, now()).unwrap();
    disk.commit().unwrap();
    disk.abandon(second);
    let mut disk = again(disk);
    assert!(all(&mut disk, "TO") == all(&mut disk, "FROM"));
    assert!(disk.find(&id("HALF", "DATA")).is_none());
}

#[test]
fn a_commit_beside_a_file_being_written_keeps_the_two_apart() {
    let mut disk = fresh(400);
    let mut open = disk.create(&id("OPEN", "DATA"), 1, RecordFormat::Variable).unwrap();
    (0..200).for_each(|n| disk.put(&mut open, &pattern(n, 2000)).unwrap());
    disk.write(&id("OTHER", "DATA"), 1, RecordFormat::Variable, now(), (0..100).map(|n| pattern(n, 2000))).unwrap();
    disk.commit().unwrap();
    let mut seen = FileSystem::open(MemoryDisk::from_bytes(disk.device().bytes().to_vec())).unwrap();
    assert_eq!(seen.check().unwrap().findings, [], "the open file must not be on the books");
    (200..300).for_each(|n| disk.put(&mut open, &pattern(n, 2000)).unwrap());
    disk.close(open, now()).unwrap();
    let mut disk = again(disk);
    assert!(all(&mut disk, "OPEN") == (0..300).map(|n| pattern(n, 2000)).collect::<Vec<_>>());
    assert!(all(&mut disk, "OTHER") == (0..100).map(|n| pattern(n, 2000)).collect::<Vec<_>>());
}

#[test]
fn readers_and_writers_notice_that_their_file_is_another_now() {
    let mut disk = fresh(200);
    let file = id("A", "DATA");
    disk.write(&file, 1, RecordFormat::Variable, now(), ["old"; 3]).unwrap();
    let mut reader = disk.open_reader(&file).unwrap();
    let appender = disk.extend(&file).unwrap();
    let mut record = Vec::new();
    assert!(disk.read_next(&mut reader, &mut record).unwrap());
    disk.write(&file, 1, RecordFormat::Variable, now(), ["new"; 3]).unwrap();
    assert_eq!(disk.read_next(&mut reader, &mut record), Err(EdfError::Changed));
    assert_eq!(disk.close(appender, now()), Err(EdfError::Changed));
    assert_eq!(all(&mut disk, "A"), [b"new"; 3]);
    let mut reader = disk.open_reader(&file).unwrap();
    disk.erase(&file).unwrap();
    assert_eq!(disk.read_next(&mut reader, &mut record), Err(EdfError::Changed));
    again(disk);
}

#[test]
fn seeking_back_and_forth_finds_the_same_records() {
    let mut disk = fresh(400);
    disk.write(&id("V", "DATA"), 1, RecordFormat::Variable, now(), (0..700).map(|n| pattern(n, 1 + n * 13 % 900))).unwrap();
    disk.write(&id("F", "DATA"), 1, RecordFormat::Fixed(450), now(), (0..700).map(|n| pattern(n, 450))).unwrap();
    for (name, length) in [("V", None), ("F", Some(450))] {
        let mut reader = disk.open_reader(&id(name, "DATA")).unwrap();
        let mut record = Vec::new();
        for step in 0..500u32 {
            let wanted = 1 + step * step % 701;
            disk.seek(&mut reader, wanted).unwrap();
            assert_eq!(reader.next_record(), wanted);
            assert_eq!(disk.read_next(&mut reader, &mut record).unwrap(), wanted <= 700);
            if wanted <= 700 {
                let n = wanted as usize - 1;
                assert!(record == pattern(n, length.unwrap_or(1 + n * 13 % 900)), "{name} {wanted}");
            }
        }
    }
}

#[test]
fn the_directory_grows_over_many_blocks_and_shrinks_again() {
    let mut disk = fresh(3000);
    for n in 0..1200 {
        disk.write(&id(&format!("F{n}"), "DATA"), 1, RecordFormat::Variable, now(), [format!("file {n}")]).unwrap();
        if n % 100 == 0 {
            disk.commit().unwrap();
        }
    }
    let mut disk = again(disk);
    assert_eq!(disk.file_count(), 1200);
    // 1202 entries fill 19 blocks: 18 besides the home, and a pointer block.
    assert_eq!(disk.label().used, 6 + 1200 + 18 + 1);
    for n in (0..1200).filter(|n| n % 7 != 3) {
        disk.erase(&id(&format!("F{n}"), "DATA")).unwrap();
        if n % 50 == 0 {
            disk.commit().unwrap();
        }
    }
    let mut disk = again(disk);
    assert_eq!(disk.file_count(), 171);
    for n in (0..1200).filter(|n| n % 7 == 3) {
        assert_eq!(all(&mut disk, &format!("F{n}")), [format!("file {n}").into_bytes()]);
    }
    assert_eq!(disk.label().used, 6 + 171 + 2 + 1);
}

#[test]
fn a_disk_with_several_map_blocks_keeps_its_books() {
    // 300 cylinders: 54000 blocks, two blocks of allocation map and a pointer block.
    let mut disk = again(fresh(54_000));
    assert_eq!(disk.label().used, 5 + 2 + 1);
    let numbered = |n: u32| [&n.to_be_bytes()[..], &[n as u8; 4092]].concat();
    let write = |disk: &mut FileSystem<MemoryDisk>, name: &str, numbers: Range<u32>| {
        disk.write(&id(name, "DATA"), 1, RecordFormat::Fixed(4096), now(), numbers.map(numbered)).unwrap();
    };
    for round in 0..4 {
        write(&mut disk, &format!("F{round}"), round..round + 9000);
    }
    let mut disk = again(disk);
    assert!(disk.label().used > 36_000);
    disk.erase(&id("F0", "DATA")).unwrap();
    disk.commit().unwrap();
    write(&mut disk, "F4", 0..26_000);
    let mut disk = again(disk);
    assert!(disk.read_range(&id("F4", "DATA"), 25_999, 2).unwrap() == [numbered(25_998), numbered(25_999)]);
    assert!(disk.read_range(&id("F3", "DATA"), 9000, 1).unwrap() == [numbered(9002)]);
}

#[test]
fn a_full_disk_refuses_more_and_loses_nothing() {
    let mut disk = fresh(100);
    let mut kept = 0;
    let error = loop {
        let records = (0..3).map(|n| pattern(kept * 3 + n, 5000));
        match disk.write(&id(&format!("F{kept}"), "DATA"), 1, RecordFormat::Variable, now(), records) {
            Ok(()) => kept += 1,
            Err(error) => break error,
        }
        disk.commit().unwrap();
    };
    assert_eq!(error, EdfError::Full);
    assert!(kept >= 15, "{kept} files of 4 data blocks and a pointer block fit on 100 blocks");
    // Replacing one fails too, and leaves the old one.
    let bigger = (0..20).map(|n| pattern(n, 5000));
    assert_eq!(disk.write(&id("F0", "DATA"), 1, RecordFormat::Variable, now(), bigger), Err(EdfError::Full));
    assert_eq!(disk.append(&id("F0", "DATA"), now(), [pattern(0, 65_000)]), Err(EdfError::Full));
    let mut disk = again(disk);
    assert_eq!(disk.file_count(), kept);
    for n in 0..kept {
        assert!(all(&mut disk, &format!("F{n}")) == (0..3).map(|r| pattern(n * 3 + r, 5000)).collect::<Vec<_>>());
    }
    // A full disk can still be cleared: erase, commit, write again.
    disk.erase(&id("F1", "DATA")).unwrap();
    disk.commit().unwrap();
    disk.write(&id("AGAIN", "DATA"), 1, RecordFormat::Variable, now(), (0..3).map(|n| pattern(n, 5000))).unwrap();
    assert_eq!(again(disk).file_count(), kept);
}

#[test]
fn a_file_that_did_not_fit_cannot_be_closed() {
    let mut disk = fresh(40);
    let mut writer = disk.create(&id("HUGE", "DATA"), 1, RecordFormat::Fixed(4096)).unwrap();
    let failed = (0..200).find_map(|n| disk.put(&mut writer, &pattern(n, 4096)).err());
    assert_eq!(failed, Some(EdfError::Full));
    assert_eq!(disk.close(writer, now()), Err(EdfError::Incomplete));
    assert!(!disk.is_changed());
    // Its blocks are free again.
    disk.write(&id("FITS", "DATA"), 1, RecordFormat::Fixed(4096), now(), (0..30).map(|n| pattern(n, 4096))).unwrap();
    again(disk);
}

#[test]
fn rename_mode_and_date_change_the_entry_only() {
    let mut disk = fresh(100);
    let (old, new, other) = (id("OLD", "DATA"), id("NEW", "DATA"), id("OTHER", "DATA"));
    disk.write(&old, 1, RecordFormat::Variable, now(), ["text"]).unwrap();
    disk.write(&other, 1, RecordFormat::Variable, now(), ["other"]).unwrap();
    assert_eq!(disk.rename(&old, &other), Err(EdfError::Exists(other)));
    assert_eq!(disk.rename(&new, &other), Err(EdfError::NotFound(new)));
    disk.rename(&old, &old).unwrap();
    disk.rename(&old, &new).unwrap();
    disk.set_mode(&new, 5).unwrap();
    assert_eq!(disk.set_mode(&new, 7), Err(EdfError::BadMode(7)));
    let date = DateTime { year: 1999, month: 12, day: 31, hour: 23, minute: 59, second: 58 };
    disk.set_modified(&new, date).unwrap();
    let mut disk = again(disk);
    let file = disk.find(&new).unwrap();
    assert_eq!((file.mode, file.modified, file.records), (5, date, 1));
    assert!(disk.find(&old).is_none());
    assert_eq!(all(&mut disk, "NEW"), [b"text"]);
}

#[test]
fn rollback_returns_to_the_last_commit() {
    let mut disk = fresh(100);
    disk.write(&id("A", "DATA"), 1, RecordFormat::Variable, now(), ["first"]).unwrap();
    disk.commit().unwrap();
    disk.write(&id("A", "DATA"), 1, RecordFormat::Variable, now(), ["second"]).unwrap();
    disk.erase(&id("A", "DATA")).unwrap();
    let open = disk.create(&id("B", "DATA"), 1, RecordFormat::Variable).unwrap();
    assert!(disk.is_changed());
    disk.rollback().unwrap();
    assert!(!disk.is_changed());
    assert_eq!(disk.close(open, now()), Err(EdfError::Changed));
    assert_eq!(all(&mut disk, "A"), [b"first"]);
    again(disk);
}

#[test]
fn a_read_only_disk_is_read_and_not_changed() {
    let mut disk = fresh(100);
    disk.write(&id("A", "DATA"), 1, RecordFormat::Variable, now(), ["text"]).unwrap();
    disk.commit().unwrap();
    let mut device = disk.into_device();
    device.set_read_only(true);
    let mut disk = FileSystem::open(device).unwrap();
    assert_eq!(all(&mut disk, "A"), [b"text"]);
    assert_eq!(disk.erase(&id("A", "DATA")), Err(EdfError::ReadOnly));
    assert_eq!(disk.rename(&id("A", "DATA"), &id("B", "DATA")), Err(EdfError::ReadOnly));
    assert!(matches!(disk.create(&id("B", "DATA"), 1, RecordFormat::Variable), Err(EdfError::ReadOnly)));
    assert_eq!(disk.commit(), Ok(()));
    assert!(matches!(FileSystem::format(disk.into_device(), "X", 1, now()), Err(EdfError::ReadOnly)));
}

#[test]
fn disks_that_are_none_are_refused() {
    assert!(matches!(FileSystem::open(MemoryDisk::new(180)), Err(EdfError::Label(LabelError::NotCms))));
    assert!(matches!(FileSystem::open(MemoryDisk::new(2)), Err(EdfError::DiskSize(2))));
    assert!(matches!(FileSystem::format(MemoryDisk::new(11), "X", 0, now()), Err(EdfError::DiskSize(11))));
    assert!(matches!(FileSystem::format(MemoryDisk::new(180), "TOOLONG", 1, now()), Err(EdfError::Label(LabelError::Name))));
}

#[test]
fn the_smallest_disk_takes_a_small_file() {
    let mut disk = fresh(12);
    disk.write(&id("A", "DATA"), 1, RecordFormat::Variable, now(), ["tiny"]).unwrap();
    let mut disk = again(disk);
    assert_eq!(all(&mut disk, "A"), [b"tiny"]);
    assert_eq!(disk.device().blocks(), 12);
}

#[test]
fn a_disk_gets_another_label_and_keeps_its_files() {
    let mut disk = fresh(100);
    disk.write(&id("A", "DATA"), 1, RecordFormat::Variable, now(), ["text"]).unwrap();
    disk.relabel("OTHER").unwrap();
    assert_eq!(disk.relabel("TOOLONG"), Err(EdfError::Label(LabelError::Name)));
    let mut disk = again(disk);
    assert_eq!(disk.label().id(), "OTHER");
    assert_eq!(all(&mut disk, "A"), [b"text"]);
}

/// A disk that counts requests.
struct Counting {
    disk: MemoryDisk,
    requests: usize,
}

impl BlockDevice for Counting {
    type Error = <MemoryDisk as BlockDevice>::Error;

    fn blocks(&self) -> u32 {
        self.disk.blocks()
    }

    fn read_only(&self) -> bool {
        false
    }

    fn read(&mut self, first: u32, into: &mut [u8]) -> Result<(), Self::Error> {
        self.requests += 1;
        self.disk.read(first, into)
    }

    fn write(&mut self, first: u32, from: &[u8]) -> Result<(), Self::Error> {
        self.requests += 1;
        self.disk.write(first, from)
    }

    fn flush(&mut self) -> Result<(), Self::Error> {
        self.requests += 1;
        Ok(())
    }

    fn read_list(&mut self, blocks: &[u32], into: &mut [u8]) -> Result<(), Self::Error> {
        self.requests += 1;
        self.disk.read_list(blocks, into)
    }

    fn write_list(&mut self, blocks: &[u32], from: &[u8]) -> Result<(), Self::Error> {
        self.requests += 1;
        self.disk.write_list(blocks, from)
    }
}

#[test]
fn everyday_work_takes_few_requests() {
    // In the guest each request is a DIAGNOSE: the numbers are part of what ACCESS and a small edit cost.
    let mut disk = fresh(900);
    for n in 0..200 {
        disk.write(&id(&format!("F{n}"), "DATA"), 1, RecordFormat::Variable, now(), ["text"]).unwrap();
    }
    disk.commit().unwrap();
    let mut disk = FileSystem::open(Counting { disk: disk.into_device(), requests: 0 }).unwrap();
    let mut last = 0;
    let mut spent = |disk: &FileSystem<Counting>| {
        let before = std::mem::replace(&mut last, disk.device().requests);
        last - before
    };
    assert_eq!(spent(&disk), 3, "label and homes; the directory's pointers; the rest of the directory and the map");
    assert_eq!(disk.read_range(&id("F7", "DATA"), 1, 9).unwrap(), [b"text"]);
    assert_eq!(spent(&disk), 1, "reading a small file");
    disk.write(&id("F7", "DATA"), 1, RecordFormat::Variable, now(), ["new text"]).unwrap();
    assert_eq!(spent(&disk), 1, "writing a small file");
    disk.commit().unwrap();
    assert_eq!(spent(&disk), 4, "directory and map; flush; label; flush");
    disk.commit().unwrap();
    assert_eq!(spent(&disk), 0, "nothing to commit");
}
