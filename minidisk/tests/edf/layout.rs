//! A disk put together byte by byte from the layout table, without our writer, is read right; and our writer fills the same places.

use minidisk::edf::{BlockDevice, FileSystem, MemoryDisk, RecordFormat};

use crate::{id, now, pattern};

const BLOCK: usize = 4096;

/// A disk that is filled in by hand.
struct Image {
    bytes: Vec<u8>,
    used: Vec<u32>,
    entries: Vec<[u8; 64]>,
}

impl Image {
    fn new(blocks: usize) -> Image {
        Image { bytes: vec![0; blocks * BLOCK], used: vec![1, 2, 3, 4, 5, 6], entries: Vec::new() }
    }

    fn put(&mut self, block: u32, offset: usize, bytes: &[u8]) {
        let at = (block as usize - 1) * BLOCK + offset;
        self.bytes[at..at + bytes.len()].copy_from_slice(bytes);
        self.used.push(block);
    }

    fn put32(&mut self, block: u32, offset: usize, value: u32) {
        self.put(block, offset, &value.to_be_bytes());
    }

    #[expect(clippy::too_many_arguments, reason = "one for each field of the table")]
    /// A directory entry: name and type in EBCDIC, format, record length, origin, data blocks, records, levels.
    fn entry(&mut self, name: &[u8; 16], format: u8, lrecl: u32, origin: u32, blocks: u32, records: u32, levels: u8) {
        let mut raw = [0u8; 64];
        raw[..16].copy_from_slice(name);
        raw[0x18..0x1A].copy_from_slice(&[0xC1, 0xF1]); // A1
        raw[0x1A..0x1C].copy_from_slice(&(records as u16).to_be_bytes());
        raw[0x1E] = format;
        raw[0x1F] = 0x08;
        raw[0x20..0x24].copy_from_slice(&lrecl.to_be_bytes());
        raw[0x28..0x2C].copy_from_slice(&origin.to_be_bytes());
        raw[0x2C..0x30].copy_from_slice(&blocks.to_be_bytes());
        raw[0x30..0x34].copy_from_slice(&records.to_be_bytes());
        raw[0x34] = levels;
        raw[0x35] = if format == 0xC6 { 4 } else { 12 };
        raw[0x36..0x3C].copy_from_slice(&[0x26, 0x11, 0x22, 0x14, 0x41, 0x09]);
        self.entries.push(raw);
    }

    /// Writes label, directory (block 5) and map (block 6) around what was put there.
    fn finish(mut self) -> MemoryDisk {
        let blocks = (self.bytes.len() / BLOCK) as u32;
        self.used.sort_unstable();
        self.used.dedup();
        let used = std::mem::take(&mut self.used);
        self.put(3, 0x00, &[0xC3, 0xD4, 0xE2, 0xF1, 0xE3, 0xC5, 0xE2, 0xE3, 0x40, 0x40]); // CMS1 TEST
        for (offset, value) in
            [(0x0C, 4096), (0x10, 5), (0x14, 1), (0x18, 1), (0x1C, blocks), (0x20, used.len() as u32), (0x24, 64), (0x28, 64)]
        {
            self.put32(3, offset, value);
        }
        self.put(3, 0x2C, &[0x26, 0x11, 0x21, 0x10, 0x00, 0x00, 0x01]);
        let files = std::mem::take(&mut self.entries);
        self.entry(b"\0\0\0\x01\0\0\0\0\xC4\xC9\xD9\xC5\xC3\xE3\xD6\xD9", 0xC6, 64, 5, 1, files.len() as u32 + 2, 0);
        self.entry(b"\0\0\0\x02\0\0\0\0\xC1\xD3\xD3\xD6\xC3\xD4\xC1\xD7", 0xC6, 4096, 6, 1, 1, 0);
        let own = std::mem::take(&mut self.entries);
        for (place, entry) in own.iter().chain(&files).enumerate() {
            self.put(5, place * 64, entry);
        }
        for block in used {
            let at = (block as usize - 1) / 8;
            let byte = self.bytes[5 * BLOCK + at] | 0x80 >> ((block - 1) % 8);
            self.put(6, at, &[byte]);
        }
        MemoryDisk::from_bytes(self.bytes)
    }
}

/// FIXED0 DATA: three records of 80 in one data block. FIXED1 DATA: 150 records of 100 in four data blocks, the third of them a null block.
fn put_fixed_files(image: &mut Image) {
    for record in 0..3 {
        image.put(20, record * 80, &pattern(record, 80));
    }
    image.entry(b"\xC6\xC9\xE7\xC5\xC4\xF0\x40\x40\xC4\xC1\xE3\xC1\x40\x40\x40\x40", 0xC6, 80, 20, 1, 3, 0);
    let stream: Vec<u8> = (0..150).flat_map(|record| pattern(record, 100)).collect();
    for (index, block) in [(0, 31u32), (1, 33), (3, 32)] {
        let part = &stream[index * BLOCK..((index + 1) * BLOCK).min(stream.len())];
        image.put(block, 0, part);
        image.put32(30, index * 4, block);
    }
    image.entry(b"\xC6\xC9\xE7\xC5\xC4\xF1\x40\x40\xC4\xC1\xE3\xC1\x40\x40\x40\x40", 0xC6, 100, 30, 3, 150, 1);
}

/// VAR0 DATA: three short records. VAR1 DATA: five records over four blocks:
///
/// | record | length | begins | ends |
/// |---|---|---|---|
/// | 1 | 4093 | block 1, offset 0 | offset 4095: one byte is left, the first of the next length |
/// | 2 | 9000 | block 1, offset 4095 | one byte of length, 9000 of data: block 4, offset 809; blocks 2 and 3 lie wholly inside |
/// | 3 | 300 | block 4, offset 809 | offset 1111 |
/// | 4 | 2983 | offset 1111 | offset 4096, the end of the block |
/// | 5 | 7 | block 5, offset 0 | offset 9 |
fn put_variable_files(image: &mut Image) {
    let mut stream = Vec::new();
    for (number, length) in [(0, 1usize), (1, 5), (2, 130)] {
        stream.extend((length as u16).to_be_bytes());
        stream.extend(pattern(number, length));
    }
    image.put(40, 0, &stream);
    image.entry(b"\xE5\xC1\xD9\xF0\x40\x40\x40\x40\xC4\xC1\xE3\xC1\x40\x40\x40\x40", 0xE5, 130, 40, 1, 3, 0);

    let mut stream = Vec::new();
    for (number, length) in [4093usize, 9000, 300, 2983, 7].into_iter().enumerate() {
        stream.extend((length as u16).to_be_bytes());
        stream.extend(pattern(number, length));
    }
    assert_eq!(stream.len(), 4 * BLOCK + 9);
    let spanned = u32::MAX;
    for (index, (block, highest, displacement)) in
        [(51u32, 2u32, 0u32), (53, 2, spanned), (52, 2, spanned), (55, 4, 809), (54, 5, 0)].into_iter().enumerate()
    {
        image.put(block, 0, &stream[index * BLOCK..((index + 1) * BLOCK).min(stream.len())]);
        image.put32(50, index * 12, block);
        image.put32(50, index * 12 + 4, highest);
        image.put32(50, index * 12 + 8, displacement);
    }
    image.put32(50, BLOCK - 4, 4 * 12);
    image.entry(b"\xE5\xC1\xD9\xF1\x40\x40\x40\x40\xC4\xC1\xE3\xC1\x40\x40\x40\x40", 0xE5, 9000, 50, 5, 5, 1);
}

fn image() -> MemoryDisk {
    let mut image = Image::new(180);
    put_fixed_files(&mut image);
    put_variable_files(&mut image);
    image.finish()
}

fn records(disk: &mut FileSystem<MemoryDisk>, name: &str) -> Vec<Vec<u8>> {
    disk.read(&id(name, "DATA")).unwrap().map(Result::unwrap).collect()
}

#[test]
fn the_label_and_the_directory_are_understood() {
    let disk = FileSystem::open(image()).unwrap();
    assert_eq!((disk.label().id(), disk.label().blocks, disk.label().used), ("TEST", 180, 18));
    assert_eq!(disk.label().created.to_string(), "2026-11-21 10:00:00");
    let names: Vec<String> = disk.files().map(|file| file.id.to_string()).collect();
    assert_eq!(names, ["FIXED0 DATA", "FIXED1 DATA", "VAR0 DATA", "VAR1 DATA"]);
    let file = disk.find(&id("VAR1", "DATA")).unwrap();
    assert_eq!((file.mode, file.format, file.lrecl, file.records, file.blocks), (1, RecordFormat::Variable, 9000, 5, 5));
    assert_eq!(file.modified, now());
}

#[test]
fn fixed_files_are_read_and_a_null_block_reads_as_zeros() {
    let mut disk = FileSystem::open(image()).unwrap();
    assert_eq!(records(&mut disk, "FIXED0"), (0..3).map(|n| pattern(n, 80)).collect::<Vec<_>>());
    let mut stream: Vec<u8> = (0..150).flat_map(|n| pattern(n, 100)).collect();
    stream[2 * BLOCK..3 * BLOCK].fill(0);
    assert_eq!(records(&mut disk, "FIXED1").concat(), stream);
}

#[test]
fn variable_files_are_read_with_records_and_lengths_split_between_blocks() {
    let mut disk = FileSystem::open(image()).unwrap();
    let expected = |lengths: &[usize]| lengths.iter().enumerate().map(|(n, &l)| pattern(n, l)).collect::<Vec<_>>();
    assert_eq!(records(&mut disk, "VAR0"), expected(&[1, 5, 130]));
    assert_eq!(records(&mut disk, "VAR1"), expected(&[4093, 9000, 300, 2983, 7]));
}

#[test]
fn every_record_is_found_by_its_number() {
    let mut disk = FileSystem::open(image()).unwrap();
    for name in ["FIXED0", "FIXED1", "VAR0", "VAR1"] {
        let all = records(&mut disk, name);
        for first in 1..=all.len() as u32 + 1 {
            let found = disk.read_range(&id(name, "DATA"), first, 2).unwrap();
            assert_eq!(found, all[first as usize - 1..].iter().take(2).cloned().collect::<Vec<_>>(), "{name} {first}");
        }
    }
}

#[test]
fn the_check_finds_nothing_wrong_with_it() {
    let mut disk = FileSystem::open(image()).unwrap();
    assert_eq!(disk.check().unwrap().findings, []);
}

#[test]
fn a_disk_made_elsewhere_can_be_changed() {
    let mut disk = FileSystem::open(image()).unwrap();
    disk.append(&id("VAR1", "DATA"), now(), [pattern(5, 5000)]).unwrap();
    disk.append(&id("FIXED1", "DATA"), now(), [pattern(150, 100)]).unwrap();
    disk.erase(&id("VAR0", "DATA")).unwrap();
    disk.commit().unwrap();
    let mut disk = FileSystem::open(disk.into_device()).unwrap();
    assert_eq!(disk.check().unwrap().findings, []);
    assert_eq!(disk.file_count(), 3);
    assert_eq!(records(&mut disk, "VAR1")[4..], [pattern(4, 7), pattern(5, 5000)]);
    assert_eq!(records(&mut disk, "FIXED1")[150], pattern(150, 100));
    assert_eq!(records(&mut disk, "FIXED0")[2], pattern(2, 80));
}

#[test]
fn our_writer_builds_the_same_pointers_for_the_same_records() {
    let mut disk = FileSystem::format(MemoryDisk::new(180), "OURS", 1, now()).unwrap();
    let lengths = [4093usize, 9000, 300, 2983, 7];
    let records = lengths.iter().enumerate().map(|(n, &l)| pattern(n, l));
    disk.write(&id("VAR1", "DATA"), 1, RecordFormat::Variable, now(), records).unwrap();
    disk.commit().unwrap();
    let mut device = disk.into_device();
    let mut label = [0; BLOCK];
    device.read(3, &mut label).unwrap();
    assert_eq!(label[..4], [0xC3, 0xD4, 0xE2, 0xF1]);
    let home = label[0x13];
    assert!(home == 4 || home == 5);
    let mut directory = [0; BLOCK];
    device.read(u32::from(home), &mut directory).unwrap();
    let entry = &directory[128..192];
    assert_eq!(entry[..4], [0xE5, 0xC1, 0xD9, 0xF1]);
    assert_eq!(entry[0x34..0x36], [1, 12]);
    let mut pointers = [0; BLOCK];
    device.read(u32::from_be_bytes(entry[0x28..0x2C].try_into().unwrap()), &mut pointers).unwrap();
    let said: Vec<(u32, u32)> = pointers
        .chunks(12)
        .take(5)
        .map(|p| (u32::from_be_bytes(p[4..8].try_into().unwrap()), u32::from_be_bytes(p[8..12].try_into().unwrap())))
        .collect();
    assert_eq!(said, [(2, 0), (2, u32::MAX), (2, u32::MAX), (4, 809), (5, 0)]);
    assert_eq!(pointers[60..BLOCK - 4], [0; BLOCK - 64]);
    assert_eq!(pointers[BLOCK - 4..], 48u32.to_be_bytes());
}

/// A disk with blocks of `size` bytes and its label at byte `label_at`, put together byte by byte: CARDS DATA, three fixed records of 80 in one
/// block, and LINES DATA, five variable records over three blocks and one pointer block.
fn small(size: usize, label_at: usize) -> MemoryDisk {
    let total = 180 * BLOCK / size;
    let mut bytes = vec![0; 180 * BLOCK];
    let mut put = |block: usize, offset: usize, content: &[u8]| {
        let at = (block - 1) * size + offset;
        bytes[at..at + content.len()].copy_from_slice(content);
    };
    let word = |value: usize| (value as u32).to_be_bytes();
    let used = [1usize, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11];
    // Label: identifier, name, block size, directory in block 4, one cylinder, blocks, used, entries of 64 bytes.
    put(1, label_at, &[0xC3, 0xD4, 0xE2, 0xF1, 0xC6, 0xC2, 0xC1, 0x40, 0x40, 0x40]);
    for (offset, value) in [(0x0C, size), (0x10, 4), (0x14, 1), (0x18, 1), (0x1C, total), (0x20, used.len()), (0x24, 64), (0x28, size / 64)]
    {
        put(1, label_at + offset, &word(value));
    }
    // Directory entries: name, mode, format, record length, origin, data blocks, records, levels, pointer size.
    let chunks = total.div_ceil(8 * size);
    type Entry<'a> = (&'a [u8; 16], u8, usize, usize, usize, usize, u8, u8);
    let entries: [Entry<'_>; 4] = [
        (b"\0\0\0\x01\0\0\0\0\xC4\xC9\xD9\xC5\xC3\xE3\xD6\xD9", 0xC6, 64, 4, 1, 4, 0, 4),
        (b"\0\0\0\x02\0\0\0\0\xC1\xD3\xD3\xD6\xC3\xD4\xC1\xD7", 0xC6, size, 6, chunks, chunks, 0, 4),
        (b"\xC3\xC1\xD9\xC4\xE2\x40\x40\x40\xC4\xC1\xE3\xC1\x40\x40\x40\x40", 0xC6, 80, 7, 1, 3, 0, 4),
        (b"\xD3\xC9\xD5\xC5\xE2\x40\x40\x40\xC4\xC1\xE3\xC1\x40\x40\x40\x40", 0xE5, size + 8, 8, 3, 5, 1, 12),
    ];
    for (place, (name, format, lrecl, origin, blocks, records, levels, pointer)) in entries.into_iter().enumerate() {
        let at = place * 64;
        put(4, at, name);
        put(4, at + 0x18, &[0xC1, 0xF1]);
        put(4, at + 0x1E, &[format, 0x08]);
        for (offset, value) in [(0x20, lrecl), (0x28, origin), (0x2C, blocks), (0x30, records)] {
            put(4, at + offset, &word(value));
        }
        put(4, at + 0x34, &[levels, pointer, 0x26, 0x11, 0x22, 0x14, 0x41, 0x09]);
    }
    // The map, whose bit 0 is block 1.
    put(6, 0, &[0xFF, 0xE0]);
    (0..3).for_each(|record| put(7, record * 80, &pattern(record, 80)));
    // Records of lengths that end a block exactly, span one, and begin with a length split between two.
    let lengths = small_lengths(size);
    let mut stream = Vec::new();
    for (number, &length) in lengths.iter().enumerate() {
        stream.extend((length as u16).to_be_bytes());
        stream.extend(pattern(number, length));
    }
    for (index, part) in stream.chunks(size).enumerate() {
        put(9 + index, 0, part);
    }
    // Block 1: record 1 fills it but for one byte, the first of record 2's length. Block 2 lies inside record 2 to its end but for what
    // follows; block 3 begins inside record 2.
    for (index, (highest, displacement)) in [(2usize, 0usize), (2, u32::MAX as usize), (5, 9)].into_iter().enumerate() {
        put(8, index * 12, &word(9 + index));
        put(8, index * 12 + 4, &word(highest));
        put(8, index * 12 + 8, &word(displacement));
    }
    put(8, size - 4, &word(24));
    MemoryDisk::from_bytes(bytes)
}

/// Record 1 leaves one byte of the first block; record 2 has one byte of its length in the second, all of it, and nine bytes of the third.
fn small_lengths(size: usize) -> [usize; 5] {
    [size - 3, size - 1 + 9, 5, 1, 30]
}

#[test]
fn disks_with_blocks_of_every_size_and_both_kinds_of_label_are_read_and_changed() {
    for size in [512, 1024, 2048, 4096] {
        for label_at in [512, 2 * size] {
            let mut disk = FileSystem::open(small(size, label_at)).unwrap();
            assert_eq!((disk.label().id(), disk.label().block_size as usize), ("FBA", size));
            assert_eq!(disk.check().unwrap().findings, [], "{size} {label_at}");
            assert_eq!(records(&mut disk, "CARDS"), (0..3).map(|n| pattern(n, 80)).collect::<Vec<_>>());
            let expected: Vec<_> = small_lengths(size).iter().enumerate().map(|(n, &length)| pattern(n, length)).collect();
            assert_eq!(records(&mut disk, "LINES"), expected, "{size} {label_at}");
            for first in 1..=5 {
                assert_eq!(disk.read_range(&id("LINES", "DATA"), first, 1).unwrap(), expected[first as usize - 1..first as usize]);
            }
            disk.append(&id("LINES", "DATA"), now(), [pattern(5, 700)]).unwrap();
            disk.replace(&id("CARDS", "DATA"), 2, now(), [pattern(9, 80)]).unwrap();
            disk.commit().unwrap();
            let mut disk = FileSystem::open(disk.into_device()).unwrap();
            assert_eq!(disk.check().unwrap().findings, [], "{size} {label_at}");
            assert_eq!(records(&mut disk, "LINES")[5], pattern(5, 700));
            assert_eq!(records(&mut disk, "CARDS")[1], pattern(9, 80));
        }
    }
}
