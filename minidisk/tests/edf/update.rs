//! Records that are written over others, files with holes, file systems that are smaller than their disk, and every size of block.

use minidisk::edf::{BLOCK_SIZES, BlockDevice, EdfError, FileSystem, Layout, MemoryDisk, RecordFormat};

use crate::{id, now, pattern};

fn formatted(block_size: usize, pieces: u32) -> FileSystem<MemoryDisk> {
    let layout = Layout { label: "UPDATE", cylinders: 0, block_size, part: None };
    FileSystem::format_as(MemoryDisk::new(pieces), &layout, now()).unwrap()
}

#[test]
fn files_of_several_pointer_levels_come_back_in_every_size_of_block() {
    for size in BLOCK_SIZES {
        let mut disk = formatted(size, 600);
        // 42 variable pointers to a block of 512: 120 KiB of them need three levels there.
        disk.write(&id("V", "DATA"), 1, RecordFormat::Variable, now(), (0..900).map(|n| pattern(n, 1 + n % 600))).unwrap();
        disk.write(&id("F", "DATA"), 1, RecordFormat::Fixed(700), now(), (0..900).map(|n| pattern(n, 700))).unwrap();
        disk.append(&id("V", "DATA"), now(), (900..1000).map(|n| pattern(n, 1 + n % 600))).unwrap();
        for n in 0..60 {
            disk.write(&id(&format!("S{n}"), "DATA"), 1, RecordFormat::Variable, now(), ["small"]).unwrap();
        }
        disk.commit().unwrap();
        let mut disk = FileSystem::open(disk.into_device()).unwrap();
        assert_eq!(disk.check().unwrap().findings, [], "{size}");
        assert_eq!(disk.label().block_size as usize, size);
        assert!(disk.read(&id("V", "DATA")).unwrap().map(Result::unwrap).eq((0..1000).map(|n| pattern(n, 1 + n % 600))));
        assert!(disk.read_range(&id("F", "DATA"), 777, 1).unwrap() == [pattern(776, 700)]);
        assert!(disk.read_range(&id("V", "DATA"), 777, 1).unwrap() == [pattern(776, 1 + 776 % 600)]);
    }
}

#[test]
fn a_record_far_beyond_the_end_leaves_null_blocks_that_take_no_room() {
    for size in BLOCK_SIZES {
        let mut disk = formatted(size, 200);
        let file = id("SPARSE", "DATA");
        disk.write(&file, 1, RecordFormat::Fixed(1000), now(), [pattern(1, 1000)]).unwrap();
        let used = disk.blocks_used();
        disk.replace(&file, 2_000_000, now(), [pattern(2, 1000)]).unwrap();
        assert!(disk.blocks_used() - used < 16, "{size}: {} blocks", disk.blocks_used() - used);
        disk.commit().unwrap();
        let mut disk = FileSystem::open(disk.into_device()).unwrap();
        assert_eq!(disk.check().unwrap().findings, [], "{size}");
        assert_eq!(disk.find(&file).unwrap().records, 2_000_000);
        assert_eq!(disk.read_range(&file, 1, 2).unwrap(), [pattern(1, 1000), vec![0; 1000]]);
        assert_eq!(disk.read_range(&file, 1_999_999, 5).unwrap(), [vec![0; 1000], pattern(2, 1000)]);
        // A hole is filled, and what stands around it stays.
        disk.replace(&file, 1_000_000, now(), [pattern(3, 1000), pattern(4, 1000)]).unwrap();
        assert_eq!(disk.read_range(&file, 999_999, 4).unwrap(), [vec![0; 1000], pattern(3, 1000), pattern(4, 1000), vec![0; 1000]]);
        disk.erase(&file).unwrap();
        disk.commit().unwrap();
        assert_eq!(disk.check().unwrap().findings, [], "{size}");
    }
}

#[test]
fn only_fitting_records_are_written_over_others() {
    let mut disk = formatted(4096, 100);
    let (fixed, variable) = (id("F", "DATA"), id("V", "DATA"));
    disk.write(&fixed, 1, RecordFormat::Fixed(10), now(), [[1u8; 10]; 3]).unwrap();
    disk.write(&variable, 1, RecordFormat::Variable, now(), ["one", "three", "seven"]).unwrap();
    disk.commit().unwrap();
    assert!(matches!(disk.replace(&fixed, 1, now(), ["short"]), Err(EdfError::RecordLength { length: 5, .. })));
    assert!(matches!(disk.replace(&variable, 2, now(), ["longer"]), Err(EdfError::RecordLength { length: 6, .. })));
    assert!(matches!(disk.replace(&variable, 2, now(), ["THREE", "seve"]), Err(EdfError::RecordLength { length: 4, .. })));
    assert!(matches!(disk.replace(&variable, 3, now(), ["SEVEN", "new"]), Err(EdfError::NoSuchRecord(4))));
    assert!(matches!(disk.replace(&variable, 0, now(), ["one"]), Err(EdfError::NoSuchRecord(_))));
    assert!(matches!(disk.replace(&fixed, u32::MAX, now(), [[0u8; 10]]), Err(EdfError::TooManyRecords)));
    assert!(!disk.is_changed());
    disk.replace(&variable, 2, now(), ["THREE"]).unwrap();
    let records: Vec<Vec<u8>> = disk.read(&variable).unwrap().map(Result::unwrap).collect();
    assert_eq!(records, [&b"one"[..], b"THREE", b"seven"]);
}

#[test]
fn a_file_of_mode_6_is_updated_where_it_is_and_others_are_not() {
    for (mode, moved) in [(6, false), (1, true)] {
        let mut disk = formatted(4096, 100);
        let file = id("DATA", "BASE");
        disk.write(&file, mode, RecordFormat::Fixed(4096), now(), [pattern(1, 4096), pattern(2, 4096)]).unwrap();
        disk.commit().unwrap();
        let place = |disk: &FileSystem<MemoryDisk>, wanted: &[u8]| disk.device().bytes().chunks(4096).position(|block| block == wanted);
        let before = place(&disk, &pattern(2, 4096)).unwrap();
        disk.replace(&file, 2, now(), [pattern(9, 4096)]).unwrap();
        let after = place(&disk, &pattern(9, 4096)).unwrap();
        assert_eq!(before != after, moved, "mode {mode}");
        disk.commit().unwrap();
        assert_eq!(disk.check().unwrap().findings, []);
    }
}

#[test]
fn a_disk_is_formatted_in_part_and_recomputed() {
    for size in BLOCK_SIZES {
        let layout = Layout { label: "PART", cylinders: 10, block_size: size, part: Some(3) };
        let mut disk = FileSystem::format_as(MemoryDisk::new(1800), &layout, now()).unwrap();
        let per_cylinder = (180 * 4096 / size) as u32;
        let label = disk.label();
        assert_eq!((label.blocks, label.cylinders, label.formatted_cylinders), (3 * per_cylinder, 10, 3));
        let text: Vec<Vec<u8>> = (0..500).map(|n| pattern(n, 3000)).collect();
        disk.write(&id("A", "DATA"), 1, RecordFormat::Variable, now(), &text).unwrap();
        assert_eq!(disk.write(&id("B", "DATA"), 1, RecordFormat::Variable, now(), &text), Err(EdfError::Full), "{size}");
        disk.commit().unwrap();
        disk.recompute(None).unwrap();
        disk.write(&id("B", "DATA"), 1, RecordFormat::Variable, now(), &text).unwrap();
        disk.commit().unwrap();
        let mut disk = FileSystem::open(disk.into_device()).unwrap();
        assert_eq!(disk.check().unwrap().findings, [], "{size}");
        assert_eq!((disk.label().blocks, disk.label().formatted_cylinders), (10 * per_cylinder, 10));
        assert!(matches!(disk.recompute(Some(3)), Err(EdfError::InUse(_))));
        assert!(matches!(disk.recompute(Some(0)), Err(EdfError::DiskSize(0))));
        disk.erase(&id("B", "DATA")).unwrap();
        disk.commit().unwrap();
        disk.recompute(Some(4)).unwrap();
        disk.commit().unwrap();
        let mut disk = FileSystem::open(disk.into_device()).unwrap();
        assert_eq!(disk.check().unwrap().findings, [], "{size}");
        assert!(disk.read(&id("A", "DATA")).unwrap().map(Result::unwrap).eq(text));
        assert_eq!(disk.label().blocks, 4 * per_cylinder);
    }
}

#[test]
fn formatting_anew_with_another_block_size_leaves_no_old_label_behind() {
    let mut device = MemoryDisk::new(180);
    for size in [512, 4096, 1024, 2048, 512] {
        let layout = Layout { label: "AGAIN", cylinders: 1, block_size: size, part: None };
        device = FileSystem::format_as(device, &layout, now()).unwrap().into_device();
        let disk = FileSystem::open(device).unwrap();
        assert_eq!(disk.label().block_size as usize, size);
        device = disk.into_device();
    }
    let layout = Layout { label: "AGAIN", cylinders: 1, block_size: 800, part: None };
    assert!(matches!(FileSystem::format_as(device, &layout, now()), Err(EdfError::BlockSize(800))));
}

#[test]
fn the_largest_disk_is_formatted_and_used() {
    /// A disk that keeps only what was written.
    struct Huge(std::collections::HashMap<u32, Vec<u8>>);
    impl BlockDevice for Huge {
        type Error = std::convert::Infallible;
        fn blocks(&self) -> u32 {
            minidisk::edf::MAX_BLOCKS
        }
        fn read_only(&self) -> bool {
            false
        }
        fn read(&mut self, first: u32, into: &mut [u8]) -> Result<(), Self::Error> {
            for (block, part) in (first..).zip(into.chunks_mut(4096)) {
                match self.0.get(&block) {
                    Some(bytes) => part.copy_from_slice(bytes),
                    None => part.fill(0),
                }
            }
            Ok(())
        }
        fn write(&mut self, first: u32, from: &[u8]) -> Result<(), Self::Error> {
            for (block, part) in (first..).zip(from.chunks(4096)) {
                self.0.insert(block, part.to_vec());
            }
            Ok(())
        }
        fn flush(&mut self) -> Result<(), Self::Error> {
            Ok(())
        }
    }
    let mut disk = FileSystem::format(Huge(Default::default()), "HUGE", 0, now()).unwrap();
    let file = id("SPARSE", "DATA");
    disk.write(&file, 1, RecordFormat::Fixed(6000), now(), [pattern(1, 6000)]).unwrap();
    // The last record that a file can have.
    disk.replace(&file, i32::MAX as u32, now(), [pattern(2, 6000)]).unwrap();
    disk.commit().unwrap();
    let mut disk = FileSystem::open(disk.into_device()).unwrap();
    assert_eq!(disk.label().blocks, 1 << 28);
    assert!(disk.read_range(&file, i32::MAX as u32, 1).unwrap() == [pattern(2, 6000)]);
    assert!(matches!(disk.append(&file, now(), [pattern(3, 6000)]), Err(EdfError::TooManyRecords)));
}
