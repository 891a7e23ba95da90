//! Damaged and hostile disks: every contradiction is an error or a finding, never a panic, an endless loop or unbounded storage.

use minidisk::edf::{BlockDevice, EdfError, FileSystem, MemoryDisk, RecordFormat};
use proptest::prelude::*;

use crate::{id, now, pattern};

const BLOCK: usize = 4096;

/// A disk with files of both formats, with and without pointer blocks, and a directory of two blocks.
fn sound() -> FileSystem<MemoryDisk> {
    let mut disk = FileSystem::format(MemoryDisk::new(900), "SOUND", 5, now()).unwrap();
    for n in 0..70 {
        disk.write(&id(&format!("S{n}"), "DATA"), 1, RecordFormat::Variable, now(), [pattern(n, 50)]).unwrap();
    }
    disk.write(&id("FIXED", "DATA"), 1, RecordFormat::Fixed(80), now(), (0..600).map(|n| pattern(n, 80))).unwrap();
    for (name, count) in [("VARIABLE", 600), ("DEEP", 1500)] {
        let records = (0..count).map(|n| pattern(n, 1 + n * 37 % 2000));
        disk.write(&id(name, "DATA"), 1, RecordFormat::Variable, now(), records).unwrap();
    }
    disk.commit().unwrap();
    FileSystem::open(disk.into_device()).unwrap()
}

fn be32(bytes: &[u8], at: usize) -> u32 {
    u32::from_be_bytes(bytes[at..at + 4].try_into().unwrap())
}

/// Offsets in the image of the label, the directory's first block, and a file's entry.
fn label() -> usize {
    2 * BLOCK
}

fn directory(image: &[u8]) -> usize {
    (be32(image, label() + 0x10) as usize - 1) * BLOCK
}

fn block(number: u32) -> usize {
    (number as usize - 1) * BLOCK
}

fn entry(image: &[u8], name: &[u8; 8]) -> usize {
    (0..image.len() / 64).map(|n| n * 64).find(|&at| image[at..at + 8] == *name).unwrap()
}

const FIXED: &[u8; 8] = b"\xC6\xC9\xE7\xC5\xC4\x40\x40\x40";
const DEEP: &[u8; 8] = b"\xC4\xC5\xC5\xD7\x40\x40\x40\x40";
const VARIABLE: &[u8; 8] = b"\xE5\xC1\xD9\xC9\xC1\xC2\xD3\xC5";

/// The sound disk with a change to its bytes.
fn damaged(change: impl FnOnce(&mut [u8])) -> MemoryDisk {
    let mut device = sound().into_device();
    change(device.bytes_mut());
    device
}

fn put32(image: &mut [u8], at: usize, value: u32) {
    image[at..at + 4].copy_from_slice(&value.to_be_bytes());
}

/// Opens a damaged disk whose directory can still be read; the check must find something that contains `expected`.
fn found(device: MemoryDisk, expected: &str) -> FileSystem<MemoryDisk> {
    let mut disk = FileSystem::open(device).unwrap();
    let report = disk.check().unwrap();
    let texts: Vec<String> = report.findings.iter().map(ToString::to_string).collect();
    assert!(texts.iter().any(|text| text.contains(expected)), "{expected:?} is not in {texts:#?}");
    disk
}

/// Reads a file to its end or its first error.
fn read_error(disk: &mut FileSystem<MemoryDisk>, name: &str) -> Option<EdfError<<MemoryDisk as BlockDevice>::Error>> {
    disk.read(&id(name, "DATA")).unwrap().find_map(Result::err)
}

#[test]
fn the_sound_disk_is_sound() {
    let mut disk = sound();
    assert!(disk.check().unwrap().is_clean());
    assert_eq!((read_error(&mut disk, "FIXED"), read_error(&mut disk, "VARIABLE")), (None, None));
}

#[test]
fn a_directory_that_contradicts_itself_is_not_opened() {
    let refused = |change: &dyn Fn(&mut [u8])| {
        let result = FileSystem::open(damaged(change));
        assert!(matches!(result, Err(EdfError::Damaged(_))), "it was opened");
    };
    refused(&|image| image[directory(image)] = 0x40);
    refused(&|image| put32(image, directory(image) + 0x28, 0));
    refused(&|image| put32(image, directory(image) + 0x28, 901));
    refused(&|image| put32(image, directory(image) + 0x30, 1));
    refused(&|image| put32(image, directory(image) + 0x30, (1 << 18) + 3));
    refused(&|image| put32(image, directory(image) + 0x30, u32::MAX));
    refused(&|image| image[directory(image) + 0x34] = 200);
    refused(&|image| put32(image, directory(image) + 64 + 0x28, 0x8000_0000));
    // Both blocks of the directory are the same, or the second is the label.
    refused(&|image| {
        let pointers = block(be32(image, directory(image) + 0x28));
        put32(image, pointers + 4, be32(image, pointers));
    });
    refused(&|image| {
        let pointers = block(be32(image, directory(image) + 0x28));
        put32(image, pointers + 4, 3);
    });
}

#[test]
fn pointers_outside_the_disk_are_errors() {
    for bad in [1, 3, 5, 901, u32::MAX] {
        for (name, ebcdic) in [("FIXED", FIXED), ("VARIABLE", VARIABLE)] {
            let device = damaged(|image| put32(image, entry(image, ebcdic) + 0x28, bad));
            let mut disk = found(device, "leads outside the disk");
            assert!(matches!(read_error(&mut disk, name), Some(EdfError::Damaged(_))));
            let device = damaged(|image| {
                let pointers = block(be32(image, entry(image, ebcdic) + 0x28));
                put32(image, pointers + if name == "FIXED" { 8 } else { 24 }, bad);
            });
            let mut disk = found(device, "leads outside the disk");
            assert!(matches!(read_error(&mut disk, name), Some(EdfError::Damaged(_))));
            // Erasing it must not free what is not its own.
            disk.erase(&id(name, "DATA")).unwrap();
            disk.commit().unwrap();
            let report = disk.check().unwrap();
            assert!(report.leaked > 0 && report.findings.len() == 1, "{:?}", report.findings);
            assert_eq!(disk.reclaim(), Ok(report.leaked));
            disk.commit().unwrap();
            assert_eq!(FileSystem::open(disk.into_device()).unwrap().check().unwrap().findings, []);
        }
    }
}

#[test]
fn a_pointer_block_that_points_at_itself_ends() {
    for (name, ebcdic, size) in [("FIXED", FIXED, 4), ("VARIABLE", VARIABLE, 12)] {
        let device = damaged(|image| {
            let at = entry(image, ebcdic);
            let own = be32(image, at + 0x28);
            image[at + 0x34] = 5;
            put32(image, at + 0x2C, 5_000_000);
            put32(image, at + 0x30, i32::MAX as u32);
            for index in 0..(BLOCK - 4) / size {
                put32(image, block(own) + index * size, own);
            }
            put32(image, block(own) + BLOCK - 4, if size == 4 { own } else { 340 * 12 });
        });
        let mut disk = found(device, "in circles");
        let first = disk.read(&id(name, "DATA")).unwrap().next().unwrap();
        drop(first);
        disk.append(&id(name, "DATA"), now(), [pattern(0, 80)]).ok();
        disk.erase(&id(name, "DATA")).unwrap();
    }
}

#[test]
fn blocks_with_two_owners_are_found() {
    let device = damaged(|image| {
        let other = be32(image, entry(image, VARIABLE) + 0x28);
        let pointers = block(be32(image, entry(image, FIXED) + 0x28));
        put32(image, pointers, other);
    });
    found(device, "belongs to another file or place too");
}

#[test]
fn a_file_that_claims_the_directory_cannot_free_it() {
    for append in [false, true] {
        let device = damaged(|image| {
            let pointers = block(be32(image, directory(image) + 0x28));
            let second = be32(image, pointers + 4);
            let at = entry(image, FIXED);
            image[at + 0x34] = 0;
            put32(image, at + 0x28, second);
            put32(image, at + 0x2C, 1);
            put32(image, at + 0x30, 10);
        });
        let mut disk = found(device, "belongs to another file or place too");
        let file = id("FIXED", "DATA");
        if append {
            assert!(matches!(disk.append(&file, now(), [pattern(0, 80)]), Err(EdfError::Damaged(_))));
        } else {
            disk.erase(&file).unwrap();
        }
        disk.commit().unwrap();
        // Everything that is free is written, and committed again.
        let room = 900 - disk.blocks_used() as usize;
        let records = (0..room - 10).map(|n| pattern(n, 4096));
        disk.write(&id("FILL", "DATA"), 1, RecordFormat::Fixed(4096), now(), records).unwrap();
        disk.commit().unwrap();
        let mut disk = FileSystem::open(disk.into_device()).unwrap();
        assert_eq!(disk.file_count(), 73 + usize::from(append));
        assert!((0..70).all(|n| { disk.read_range(&id(&format!("S{n}"), "DATA"), 1, 1).unwrap() == [pattern(n, 50)] }));
    }
}

#[test]
fn books_that_do_not_agree_are_found() {
    let map = |image: &[u8]| block(be32(image, directory(image) + 64 + 0x28));
    found(damaged(|image| image[map(image) + 80] |= 0x01), "belong to no file");
    found(damaged(|image| image[map(image) + 1] = 0), "is free in the allocation map");
    found(damaged(|image| put32(image, label() + 0x20, 7)), "The label counts 7 blocks in use");
    found(damaged(|image| put32(image, entry(image, FIXED) + 0x2C, 3)), "its directory entry says 3");
    found(damaged(|image| put32(image, entry(image, VARIABLE) + 0x2C, 3)), "its directory entry says 3");
    found(damaged(|image| put32(image, entry(image, VARIABLE) + 0x30, 599)), "its pointer says 600");
    found(damaged(|image| put32(image, entry(image, VARIABLE) + 0x30, 601)), "600 whole records");
    found(damaged(|image| put32(image, entry(image, VARIABLE) + 0x20, 10)), "Its longest record");
    found(damaged(|image| image[entry(image, FIXED)] = 0x00), "characters that names may not have").find(&id("FIXED", "DATA"));
    found(damaged(|image| image[entry(image, FIXED) + 0x1E] = 0x00), "neither F nor V");
    let twice = damaged(|image| {
        let (from, to) = (entry(image, FIXED), entry(image, VARIABLE));
        image.copy_within(from..from + 16, to);
    });
    found(twice, "another file has the same name");
}

#[test]
fn a_map_that_has_the_directory_free_costs_neither_the_directory_nor_the_map() {
    let device = damaged(|image| {
        let map = block(be32(image, directory(image) + 64 + 0x28));
        image[map..map + 4096].fill(0);
    });
    let mut disk = FileSystem::open(device).unwrap();
    assert!(!disk.check().unwrap().is_clean());
    for n in 0..30 {
        disk.write(&id(&format!("N{n}"), "DATA"), 1, RecordFormat::Variable, now(), [pattern(n, 3000)]).unwrap();
        disk.commit().unwrap();
    }
    let disk = FileSystem::open(disk.into_device()).expect("the directory and the map are whole");
    assert_eq!(disk.file_count(), 73 + 30);
}

#[test]
fn a_disk_that_is_too_small_for_a_file_system_is_not_repaired_into_one() {
    let mut small = MemoryDisk::from_bytes(sound().into_device().bytes()[..5 * BLOCK].to_vec());
    small.bytes_mut()[label()] ^= 1;
    if let Ok((mut disk, _)) = FileSystem::open_damaged(small, 0)
        && disk.repair(now()).is_ok()
    {
        FileSystem::open(disk.into_device()).expect("what was repaired can be opened");
    }
}

#[test]
fn lost_blocks_are_reclaimed_only_when_nothing_else_is_wrong() {
    let miscount = |image: &mut [u8]| put32(image, label() + 0x20, 7);
    let mut disk = FileSystem::open(damaged(miscount)).unwrap();
    assert_eq!(disk.reclaim(), Ok(0));
    disk.commit().unwrap();
    assert!(disk.check().unwrap().is_clean());
    let mut disk = FileSystem::open(damaged(|image| put32(image, entry(image, FIXED) + 0x2C, 3))).unwrap();
    assert!(matches!(disk.reclaim(), Err(EdfError::Damaged(_))));
    assert!(!disk.is_changed());
    let mut disk = sound();
    assert_eq!(disk.reclaim(), Ok(0));
    assert!(!disk.is_changed());
}

#[test]
fn displacements_and_record_numbers_that_lie_are_found() {
    let pointer = |image: &[u8], field: usize| block(be32(image, entry(image, VARIABLE) + 0x28)) + 24 + field;
    found(damaged(|image| put32(image, pointer(image, 4), 1)), "the last record is");
    let mut disk = found(damaged(|image| put32(image, pointer(image, 8), 7)), "its pointer says offset 7");
    // Reading in order does not need it; reading by number must not run wild.
    assert_eq!(read_error(&mut disk, "VARIABLE"), None);
    for first in 1..=600 {
        if let Ok(records) = disk.read_range(&id("VARIABLE", "DATA"), first, 1) {
            assert!(records[0].len() <= 65_535);
        }
    }
    let mut disk = found(damaged(|image| put32(image, pointer(image, 8), u32::MAX)), "its pointer says no place");
    let wrong = (1..=600).filter(|&first| disk.read_range(&id("VARIABLE", "DATA"), first, 1).is_err()).count();
    assert!(wrong > 0);
}

#[test]
fn a_variable_file_that_ends_early_is_an_error() {
    let device = damaged(|image| {
        let pointers = block(be32(image, entry(image, VARIABLE) + 0x28));
        let data = block(be32(image, pointers));
        image[data..data + 2].fill(0);
    });
    let mut disk = found(device, "whole records");
    assert!(matches!(read_error(&mut disk, "VARIABLE"), Some(EdfError::Damaged(_))));
}

/// Everything a user might do with a disk, whatever comes of it.
fn use_it(device: MemoryDisk) {
    // A repair of the same damage, when it can be done at all, leaves a sound disk.
    if let Ok((mut disk, _)) = FileSystem::open_damaged(device.clone(), 0)
        && disk.repair(now()).is_ok()
    {
        let mut disk = FileSystem::open(disk.into_device()).expect("what was repaired can be opened");
        assert_eq!(disk.check().unwrap().findings, []);
    }
    let Ok(mut disk) = FileSystem::open(device) else {
        return;
    };
    let Ok(report) = disk.check() else { return };
    assert!(report.findings.len() <= 1000);
    let files: Vec<_> = disk.files().cloned().collect();
    for file in &files {
        if let Ok(records) = disk.read(&file.id) {
            let bounded = records.take(2000).take_while(Result::is_ok).all(|record| record.unwrap().len() <= 65_535);
            assert!(bounded);
        }
        let _ = disk.read_range(&file.id, file.records / 2, 2);
        let _ = disk.append(&file.id, now(), [pattern(1, file.lrecl as usize), pattern(2, file.lrecl as usize)]);
    }
    let _ = disk.write(&id("FRESH", "DATA"), 1, RecordFormat::Variable, now(), (0..40).map(|n| pattern(n, 700)));
    for file in files.iter().step_by(3) {
        let _ = disk.erase(&file.id);
    }
    if disk.commit().is_ok() {
        let device = disk.into_device();
        let mut disk = FileSystem::open(device).expect("what we committed can be opened");
        let _ = disk.check();
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn random_damage_to_the_books_never_panics(
        damage in prop::collection::vec((0usize..9, 0usize..BLOCK, any::<u8>()), 1..12),
    ) {
        thread_local!(static SOUND: MemoryDisk = sound().into_device());
        let mut device = SOUND.with(Clone::clone);
        let image = device.bytes_mut();
        // Label, directory (two blocks and pointers), map, the pointer blocks of both long files.
        let home = directory(image);
        let pointers = block(be32(image, home + 0x28));
        let places = [
            label(),
            home,
            pointers,
            block(be32(image, pointers + 4)),
            block(be32(image, home + 64 + 0x28)),
            block(be32(image, entry(image, FIXED) + 0x28)),
            block(be32(image, entry(image, VARIABLE) + 0x28)),
            block(be32(image, entry(image, DEEP) + 0x28)),
            block(be32(image, block(be32(image, entry(image, DEEP) + 0x28)))),
        ];
        for (place, offset, value) in damage {
            image[places[place] + offset] = value;
        }
        use_it(device);
    }

    #[test]
    fn any_label_and_any_directory_are_a_disk_or_an_error(
        size in prop_oneof![Just(512usize), Just(1024), Just(2048), Just(4096)],
        fixed_block in any::<bool>(),
        words in prop::collection::vec(prop_oneof![0u32..64, any::<u32>(), Just(64), Just(180)], 20..21),
        entries in prop::collection::vec(any::<[u8; 64]>(), 0..8),
    ) {
        let mut device = MemoryDisk::new(180);
        let image = device.bytes_mut();
        let at = if fixed_block { 512 } else { 2 * size };
        for (place, word) in words.iter().enumerate() {
            put32(image, at + place * 4, *word);
        }
        image[at..at + 4].copy_from_slice(&[0xC3, 0xD4, 0xE2, 0xF1]);
        put32(image, at + 0x0C, size as u32);
        for (place, entry) in entries.iter().enumerate() {
            let to = 3 * size + place * 64;
            image[to..to + 64].copy_from_slice(entry);
        }
        use_it(device);
    }

    #[test]
    fn words_of_special_value_in_the_books_never_panic(
        damage in prop::collection::vec(
            (0usize..7, 0usize..128, prop_oneof![
                Just(0u32), Just(1), Just(u32::MAX), Just(i32::MAX as u32), Just(0x8000_0000), Just(900), Just(901), 0u32..16, any::<u32>(),
            ]),
            1..6,
        ),
    ) {
        thread_local!(static SOUND: MemoryDisk = sound().into_device());
        let mut device = SOUND.with(Clone::clone);
        let image = device.bytes_mut();
        let home = directory(image);
        let (fixed, variable) = (entry(image, FIXED), entry(image, VARIABLE));
        let places = [
            label(),
            home,
            block(be32(image, home + 0x28)),
            fixed,
            variable,
            block(be32(image, fixed + 0x28)),
            block(be32(image, variable + 0x28)),
        ];
        for (place, word, value) in damage {
            // Of an entry only its own sixteen words.
            let word = if matches!(place, 3 | 4) { word % 16 } else { word };
            put32(image, places[place] + word * 4, value);
        }
        use_it(device);
    }
}
