//! A reader of EDF that shares nothing with ours: written from the layout table, field by field, as another program would be. It reads the
//! disks that our writer makes.
//!
//! The table is that of the published data areas (FSTD, ADTSECT). Our names for things are not used on purpose: the offsets are the table's.

use std::collections::{BTreeMap, BTreeSet};

use minidisk::ebcdic;
use minidisk::edf::{FileSystem, Layout, MemoryDisk, RecordFormat};

use crate::{id, now, pattern};

/// A disk image as another program sees it.
struct Foreign<'a> {
    bytes: &'a [u8],
    size: usize,
}

/// What the directory says of a file.
struct Fst {
    name: String,
    recfm: u8,
    lrecl: usize,
    fop: u32,
    blocks: u32,
    records: usize,
    levels: u8,
    ptrsz: u8,
    mode: u8,
    date: [u8; 6],
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    bytes[at..at + 4].iter().fold(0, |value, &byte| value << 8 | u32::from(byte))
}

impl<'a> Foreign<'a> {
    /// Looks for CMS1 where a volume label can stand on a disk with cylinders: at twice the size of a block.
    fn open(bytes: &'a [u8]) -> Self {
        let sizes = [4096, 2048, 1024, 512];
        let labelled =
            |size: &usize| bytes[2 * size..2 * size + 4] == [0xC3, 0xD4, 0xE2, 0xF1] && u32_at(bytes, 2 * size + 0xC) == *size as u32;
        Self { bytes, size: sizes.into_iter().find(labelled).expect("a volume label") }
    }

    fn label(&self) -> &'a [u8] {
        &self.bytes[2 * self.size..2 * self.size + 80]
    }

    fn block(&self, number: u32) -> &'a [u8] {
        let at = (number as usize - 1) * self.size;
        &self.bytes[at..at + self.size]
    }

    fn fst(raw: &[u8]) -> Fst {
        let text: String = raw[..16].iter().map(|&code| char::from(ebcdic::to_latin1(code))).collect();
        Fst {
            name: text,
            recfm: raw[0x1E],
            lrecl: u32_at(raw, 0x20) as usize,
            fop: u32_at(raw, 0x28),
            blocks: u32_at(raw, 0x2C),
            records: u32_at(raw, 0x30) as usize,
            levels: raw[0x34],
            ptrsz: raw[0x35],
            mode: raw[0x19],
            date: raw[0x36..0x3C].try_into().unwrap(),
        }
    }

    /// The data blocks under a pointer block, in order; 0 is a null block. Every block met is noted.
    fn leaves(&self, block: u32, level: u8, width: usize, met: &mut Vec<u32>, leaves: &mut Vec<u32>) {
        if level == 0 {
            leaves.push(block);
            met.extend((block != 0).then_some(block));
            return;
        }
        if block == 0 {
            panic!("a null pointer block");
        }
        met.push(block);
        let pointers = self.block(block);
        // A pointer block of a V file says at its end where its last entry is; that of an F file is read to its end.
        let end = if width == 12 { u32_at(pointers, self.size - 4) as usize + 12 } else { self.size };
        for at in (0..end).step_by(width) {
            self.leaves(u32_at(pointers, at), level - 1, width, met, leaves);
        }
    }

    /// The stream of bytes of a file.
    fn stream(&self, file: &Fst, met: &mut Vec<u32>) -> Vec<u8> {
        let mut leaves = Vec::new();
        if file.fop != 0 {
            // The null blocks behind the last one of an F file are no part of it: its length says so.
            self.leaves_of(file, met, &mut leaves);
        }
        let zeros = vec![0; self.size];
        leaves.iter().flat_map(|&block| if block == 0 { zeros.as_slice() } else { self.block(block) }).copied().collect()
    }

    fn leaves_of(&self, file: &Fst, met: &mut Vec<u32>, leaves: &mut Vec<u32>) {
        if file.recfm == 0xE5 {
            return self.leaves(file.fop, file.levels, 12, met, leaves);
        }
        let wanted = (file.lrecl * file.records).div_ceil(self.size);
        self.fixed_leaves(file.fop, file.levels, wanted, met, leaves);
    }

    fn fixed_leaves(&self, block: u32, level: u8, wanted: usize, met: &mut Vec<u32>, leaves: &mut Vec<u32>) {
        if leaves.len() == wanted {
            return;
        }
        if level == 0 || block == 0 {
            let under = (self.size / 4).pow(u32::from(level));
            leaves.extend(std::iter::repeat_n(block, under.min(wanted - leaves.len())));
            met.extend((block != 0).then_some(block));
            return;
        }
        met.push(block);
        (0..self.size).step_by(4).for_each(|at| self.fixed_leaves(u32_at(self.block(block), at), level - 1, wanted, met, leaves));
    }

    fn records(&self, file: &Fst, met: &mut Vec<u32>) -> Vec<Vec<u8>> {
        let stream = self.stream(file, met);
        if file.recfm == 0xC6 {
            return stream.chunks(file.lrecl).take(file.records).map(<[u8]>::to_vec).collect();
        }
        let mut rest = stream.as_slice();
        let mut records = Vec::new();
        while records.len() < file.records {
            let length = usize::from(rest[0]) << 8 | usize::from(rest[1]);
            assert!((1..=65_535).contains(&length));
            records.push(rest[2..2 + length].to_vec());
            rest = &rest[2 + length..];
        }
        records
    }

    /// The directory: its own entry is the first of the block that the label names.
    fn directory(&self, met: &mut Vec<u32>) -> Vec<Fst> {
        let home = u32_at(self.label(), 0x10);
        assert!(home == 4 || home == 5, "the directory is in block {home}");
        let own = Self::fst(&self.block(home)[..64]);
        assert_eq!((own.recfm, own.lrecl), (0xC6, 64));
        assert_eq!(self.block(home)[..8], [0, 0, 0, 1, 0, 0, 0, 0]);
        let mut stream = self.stream(&own, met);
        if own.levels > 0 {
            // With pointer levels the first data block is still the home.
            assert_eq!(stream[..64], self.block(home)[..64]);
        }
        stream.truncate(own.records * 64);
        stream.chunks(64).map(Self::fst).collect()
    }
}

/// Reads the whole image with the foreign reader and compares it with what was written, and the map and counts with what is used.
fn compare(image: &[u8], written: &BTreeMap<String, (u8, Vec<Vec<u8>>)>) {
    let foreign = Foreign::open(image);
    let label = foreign.label();
    assert_eq!((u32_at(label, 0x24), u32_at(label, 0x28) as usize), (64, foreign.size / 64), "size of an entry, entries in a block");
    let blocks = u32_at(label, 0x1C);
    // The label's block and those before it, and both homes of the directory, are always taken.
    let mut met: Vec<u32> = vec![1, 2, 3, 4, 5];
    let mut own = Vec::new();
    let entries = foreign.directory(&mut own);
    let map = &entries[1];
    assert_eq!((map.recfm, map.records > 0), (0xC6, true));
    let bits = foreign.stream(map, &mut own);
    met.extend(own.iter().filter(|&&block| block != 4 && block != 5));
    let mut read = BTreeMap::new();
    for file in &entries[2..] {
        let mut own = Vec::new();
        let records = foreign.records(file, &mut own);
        if file.recfm == 0xE5 {
            assert_eq!(file.lrecl, records.iter().map(Vec::len).max().unwrap_or(0), "{}: its longest record", file.name);
        }
        assert_eq!(file.ptrsz, if file.recfm == 0xE5 { 12 } else { 4 }, "{}", file.name);
        assert!((0xF0..=0xF6).contains(&file.mode), "{}: mode {:02X}", file.name, file.mode);
        assert!(file.date.iter().all(|byte| byte >> 4 < 10 && byte & 15 < 10), "{}: packed date", file.name);
        let data = own.len() as u32;
        assert!(file.blocks <= data, "{}: {} data blocks of {data} blocks", file.name, file.blocks);
        met.extend(own);
        read.insert(file.name.clone(), (file.recfm, records));
    }
    assert_eq!(&read, written);
    let used: BTreeSet<u32> = met.iter().copied().collect();
    assert_eq!(used.len(), met.len(), "a block has two owners");
    assert_eq!(u32_at(label, 0x20) as usize, used.len(), "used blocks in the label");
    for block in 1..=blocks {
        let bit = bits[(block as usize - 1) / 8] & 0x80 >> ((block - 1) % 8) != 0;
        assert_eq!(bit, used.contains(&block), "block {block} in the map");
    }
}

#[test]
fn another_program_reads_what_we_write_in_every_size_of_block() {
    for size in [512, 1024, 2048, 4096] {
        let layout = Layout { label: "OURS", cylinders: 10, block_size: size, part: None };
        let mut disk = FileSystem::format_as(MemoryDisk::new(1800), &layout, now()).unwrap();
        let mut written = BTreeMap::new();
        let mut put = |disk: &mut FileSystem<MemoryDisk>, name: &str, format, records: Vec<Vec<u8>>| {
            disk.write(&id(name, "DATA"), 1, format, now(), &records).unwrap();
            let recfm = if format == RecordFormat::Variable { 0xE5 } else { 0xC6 };
            written.insert(format!("{name:<8}DATA    "), (recfm, records));
        };
        put(&mut disk, "ONE", RecordFormat::Variable, vec![b"a".to_vec()]);
        put(&mut disk, "FULL", RecordFormat::Fixed(size as u32), vec![pattern(1, size)]);
        put(&mut disk, "FIXED", RecordFormat::Fixed(80), (0..1000).map(|n| pattern(n, 80)).collect());
        put(&mut disk, "LONG", RecordFormat::Variable, vec![pattern(0, 65_535), pattern(1, 1), pattern(2, 65_535)]);
        put(&mut disk, "SPLIT", RecordFormat::Variable, (0..400).map(|n| pattern(n, 1 + n * 37 % 1500)).collect());
        put(&mut disk, "BYTES", RecordFormat::Fixed(1), (0..300_000).map(|n| vec![n as u8 | 1]).collect());
        // More entries than a block of the directory has, and blocks that were used before.
        for n in 0..150 {
            put(&mut disk, &format!("S{n}"), RecordFormat::Variable, vec![pattern(n, 40)]);
        }
        disk.commit().unwrap();
        for n in (0..150).step_by(2) {
            disk.erase(&id(&format!("S{n}"), "DATA")).unwrap();
            written.remove(&format!("{:<8}DATA    ", format!("S{n}")));
        }
        disk.commit().unwrap();
        disk.append(&id("SPLIT", "DATA"), now(), [pattern(7, 700)]).unwrap();
        written.get_mut("SPLIT   DATA    ").unwrap().1.push(pattern(7, 700));
        // A record far behind the end: null blocks.
        let far = 3 * size / 80 + 1200;
        disk.replace(&id("FIXED", "DATA"), far as u32, now(), [pattern(9, 80)]).unwrap();
        let fixed = &mut written.get_mut("FIXED   DATA    ").unwrap().1;
        fixed.resize(far - 1, vec![0; 80]);
        fixed.push(pattern(9, 80));
        disk.commit().unwrap();
        assert!(disk.check().unwrap().is_clean());
        compare(disk.into_device().bytes(), &written);
    }
}
