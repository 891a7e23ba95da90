//! Minidisks from elsewhere: the label, the directory, files, and what is imported.

use std::io::Cursor;

use minidisk::dump;
use minidisk::edf::{BlockDevice, DateTime, FileId, FileSystem, MemoryDisk, RecordFormat};
use minidisk::text::{self, Export, ExportError, Import};

/// Pieces of 4096 bytes of the disk that is damaged.
const PIECES: u32 = 60;
/// Records of a file that are read: a sparse file claims two thousand million.
const RECORDS: usize = 2000;

/// A sound disk with files of both formats, with and without pointer blocks.
///
/// # Panics
/// When our own writer cannot make it.
pub fn sound() -> MemoryDisk {
    let id = |name: &str| FileId::new(name, "DATA").expect("a name");
    let mut disk = FileSystem::format(MemoryDisk::new(PIECES), "SOUND", 0, DateTime::default()).expect("memory takes it");
    let mut put = |name: &str, format, count: usize, length: fn(usize) -> usize| {
        let records = (0..count).map(|number| vec![number as u8; length(number)]);
        disk.write(&id(name), 1, format, DateTime::default(), records).expect("memory takes it");
    };
    put("ONE", RecordFormat::Variable, 3, |_| 60);
    put("FIXED", RecordFormat::Fixed(80), 200, |_| 80);
    put("VARIABLE", RecordFormat::Variable, 60, |number| 1 + number * 37 % 900);
    disk.commit().expect("memory takes it");
    disk.into_device()
}

/// Where the sound disk has what a target damages: (piece, from 1) of the label, the directory, and the first one behind them.
const LABEL: usize = 3;

/// Damages the sound disk from that byte on.
fn with(bytes: &[u8], at: usize) -> MemoryDisk {
    let mut device = sound();
    let length = bytes.len().min(device.bytes().len() - at);
    device.bytes_mut()[at..at + length].copy_from_slice(&bytes[..length]);
    device
}

/// Where the directory of the sound disk is, in bytes.
fn directory(device: &MemoryDisk) -> usize {
    let label = (LABEL - 1) * 4096;
    let home = device.bytes()[label + 0x13];
    (usize::from(home) - 1) * 4096
}

/// A volume label.
///
/// # Panics
/// As every target about a disk: when a repair leaves something unsound.
pub fn disk_label(bytes: &[u8]) {
    use_it(with(bytes, (LABEL - 1) * 4096));
}

/// A directory.
///
/// # Panics
/// As [`disk_label`].
pub fn disk_directory(bytes: &[u8]) {
    use_it(with(bytes, directory(&sound())));
}

/// Data and pointer blocks of files, and the map.
///
/// # Panics
/// As [`disk_label`].
pub fn disk_file(bytes: &[u8]) {
    use_it(with(bytes, 5 * 4096));
}

/// Whole disks.
///
/// # Panics
/// As [`disk_label`].
pub fn disk_image(bytes: &[u8]) {
    use_it(MemoryDisk::from_bytes(bytes.to_vec()));
}

/// What a user might do with a disk, whatever comes of it.
fn use_it(device: MemoryDisk) {
    if let Ok((mut disk, _)) = FileSystem::open_damaged(device.clone(), 0)
        && disk.repair(DateTime::default()).is_ok()
    {
        let mut disk = FileSystem::open(disk.into_device()).expect("what was repaired can be opened");
        assert!(disk.check().expect("memory can be read").is_clean(), "a repair leaves a sound disk");
    }
    let Ok(mut disk) = FileSystem::open(device) else { return };
    drop(disk.check());
    let files: Vec<_> = disk.files().cloned().collect();
    for file in &files {
        if let Ok(records) = disk.read(&file.id) {
            let _ = records.take(RECORDS).take_while(Result::is_ok).count();
        }
        drop(disk.append(&file.id, DateTime::default(), [vec![7; file.lrecl as usize]]));
    }
    for file in files.iter().step_by(2) {
        drop(disk.erase(&file.id));
    }
    if disk.commit().is_ok() {
        let mut disk = FileSystem::open(disk.into_device()).expect("what we committed can be opened");
        drop(disk.check());
    }
}

/// A host file that becomes a CMS file in every way there is, and comes back; and a dump that is read.
///
/// # Panics
/// When bytes that should come back do not.
pub fn disk_import(bytes: &[u8]) {
    let id = FileId::new("IMPORTED", "FILE").expect("a name");
    for how in [Import::Auto, Import::Binary, Import::Text, Import::Ebcdic] {
        let mut disk = FileSystem::format(MemoryDisk::new(PIECES), "IMPORT", 0, DateTime::default()).expect("memory takes it");
        if text::import(&mut disk, &id, 1, DateTime::default(), bytes, how).is_err() {
            continue;
        }
        disk.commit().expect("memory takes it");
        assert!(disk.check().expect("memory can be read").is_clean());
        let back = exported(&mut disk, &id, if how == Import::Ebcdic { Export::Ebcdic } else { Export::Auto });
        assert!(!matches!(how, Import::Auto | Import::Binary) || back == bytes, "{how:?} does not come back");
    }
    let Ok(mut reader) = dump::Reader::new(Cursor::new(bytes)) else { return };
    let mut piece = Vec::new();
    while let Ok(Some(_)) = reader.next_member() {
        while let Ok(Some(_)) = reader.next_piece(&mut piece) {}
    }
}

fn exported<D: BlockDevice>(disk: &mut FileSystem<D>, id: &FileId, how: Export) -> Vec<u8> {
    let mut back = Vec::new();
    let read: Result<(), ExportError<D::Error, std::convert::Infallible>> = text::export(disk, id, how, |piece| {
        back.extend_from_slice(piece);
        Ok(())
    });
    assert!(read.is_ok(), "what was written can be read");
    back
}
