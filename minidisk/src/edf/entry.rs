//! Directory entries (file status table entries, FST): 64 bytes for each file.

use super::{DateTime, ENTRY_SIZE, FileId, be32, put32};

/// How a file is cut into records.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RecordFormat {
    /// Every record has this many bytes, 1 to 65535.
    Fixed(u32),
    /// Each record has its own length, 1 to 65535 bytes.
    Variable,
}

/// One file, as its directory entry has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileEntry {
    /// Name and type.
    pub id: FileId,
    /// File mode number, 0 to 6.
    pub mode: u8,
    /// Fixed or variable records.
    pub format: RecordFormat,
    /// Fixed: length of a record. Variable: of the longest record so far.
    pub lrecl: u32,
    /// Number of records.
    pub records: u32,
    /// Data blocks; fixed files do not count null blocks, variable ones do.
    pub blocks: u32,
    /// When the file was last changed.
    pub modified: DateTime,
    /// First block: the data block (no levels), or the top pointer block; 0 for none.
    pub(crate) origin: u32,
    /// Levels of pointer blocks above the data.
    pub(crate) levels: u8,
    /// Tells a file from the one that had its name before; not on disk.
    pub(crate) version: u64,
}

/// Longest record, in bytes.
pub const MAX_RECORD: u32 = 65_535;
/// Most records in a file.
pub const MAX_RECORDS: u32 = i32::MAX as u32;
/// More levels of pointer blocks than any file of [`MAX_RECORDS`] can need.
pub(crate) const MAX_LEVELS: u8 = 6;

const FIXED: u8 = 0xC6;
const VARIABLE: u8 = 0xE5;
/// FSTFLAGS: the date is in 20yy.
const CENTURY: u8 = 0x08;

/// A directory entry that is no file this system can use, and why.
pub(crate) type BadEntry = &'static str;

/// Bytes of an entry behind the name.
pub const ATTRIBUTES: usize = ENTRY_SIZE - 16;

impl FileEntry {
    /// What a directory entry of this file has behind the name, in the layout of the disk; where the file is on its disk is left out.
    pub fn attributes(&self) -> [u8; ATTRIBUTES] {
        let mut raw = [0; ENTRY_SIZE];
        FileEntry { origin: 0, levels: 0, ..self.clone() }.store(&mut raw);
        core::array::from_fn(|at| raw[16 + at])
    }

    /// The entry of a file of that name with those attributes, or `None` when no file can have them.
    pub fn from_attributes(id: FileId, attributes: &[u8; ATTRIBUTES]) -> Option<FileEntry> {
        let mut raw = [0; ENTRY_SIZE];
        raw[..16].copy_from_slice(&id.to_disk());
        raw[16..].copy_from_slice(attributes);
        Self::parse(&raw).ok().map(|entry| FileEntry { origin: 0, levels: 0, ..entry })
    }

    /// The entry in those 64 bytes.
    pub(crate) fn parse(raw: &[u8; ENTRY_SIZE]) -> Result<FileEntry, BadEntry> {
        let mut name = [0; 16];
        name.copy_from_slice(&raw[..16]);
        let id = FileId::from_disk(&name).ok_or("the name has characters that names may not have")?;
        let lrecl = be32(raw, 0x20);
        let format = match raw[0x1E] {
            FIXED if (1..=MAX_RECORD).contains(&lrecl) => RecordFormat::Fixed(lrecl),
            VARIABLE if lrecl <= MAX_RECORD => RecordFormat::Variable,
            FIXED | VARIABLE => return Err("the record length is out of range"),
            _ => return Err("the record format is neither F nor V"),
        };
        let mode = match raw[0x19] {
            digit @ 0xF0..=0xF6 => digit - 0xF0,
            _ => return Err("the file mode number is not 0 to 6"),
        };
        let (origin, blocks, records, levels) = (be32(raw, 0x28), be32(raw, 0x2C), be32(raw, 0x30), raw[0x34]);
        if records > MAX_RECORDS {
            return Err("the number of records is out of range");
        }
        if levels > MAX_LEVELS {
            return Err("there are too many levels of pointer blocks");
        }
        let mut date = [0; 6];
        date.copy_from_slice(&raw[0x36..0x3C]);
        let modified = DateTime::from_packed(date, raw[0x1F] & CENTURY != 0).unwrap_or_default();
        Ok(FileEntry { id, mode, format, lrecl, records, blocks, modified, origin, levels, version: 0 })
    }

    /// Writes the entry over those 64 bytes; what it does not know (flags, used by other systems) stays.
    pub(crate) fn store(&self, raw: &mut [u8; ENTRY_SIZE]) {
        raw[..16].copy_from_slice(&self.id.to_disk());
        if raw[0x18] == 0 {
            raw[0x18] = 0xC1; // the letter A: the letter on disk has no meaning
        }
        raw[0x19] = 0xF0 + self.mode;
        raw[0x1A..0x1C].copy_from_slice(&(self.records as u16).to_be_bytes());
        let (format, pointer_size) = match self.format {
            RecordFormat::Fixed(_) => (FIXED, 4),
            RecordFormat::Variable => (VARIABLE, 12),
        };
        let (date, century) = self.modified.to_packed();
        raw[0x1E] = format;
        raw[0x1F] = raw[0x1F] & !CENTURY | if century { CENTURY } else { 0 };
        put32(raw, 0x20, self.lrecl);
        put32(raw, 0x28, self.origin);
        put32(raw, 0x2C, self.blocks);
        put32(raw, 0x30, self.records);
        raw[0x34] = self.levels;
        raw[0x35] = pointer_size;
        raw[0x36..0x3C].copy_from_slice(&date);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry() -> FileEntry {
        FileEntry {
            id: FileId::new("HELLO", "EXEC").unwrap(),
            mode: 1,
            format: RecordFormat::Variable,
            lrecl: 80,
            records: 3,
            blocks: 1,
            modified: DateTime { year: 2026, month: 11, day: 22, hour: 14, minute: 41, second: 9 },
            origin: 9,
            levels: 0,
            version: 0,
        }
    }

    #[test]
    fn an_entry_comes_back_from_its_bytes() {
        let mut raw = [0; ENTRY_SIZE];
        entry().store(&mut raw);
        assert_eq!(raw[0x18..0x20], [0xC1, 0xF1, 0, 3, 0, 0, 0xE5, 0x08]);
        assert_eq!(raw[0x34..0x3C], [0, 12, 0x26, 0x11, 0x22, 0x14, 0x41, 0x09]);
        assert_eq!(FileEntry::parse(&raw), Ok(entry()));
    }

    #[test]
    fn attributes_travel_without_the_place_on_the_disk() {
        let entry = entry();
        let back = FileEntry::from_attributes(entry.id, &entry.attributes()).expect("an entry");
        assert_eq!(back, FileEntry { origin: 0, ..entry.clone() });
        let mut broken = entry.attributes();
        broken[0x1E - 16] = 0;
        assert_eq!(FileEntry::from_attributes(entry.id, &broken), None);
    }

    #[test]
    fn entries_that_cannot_be_true_are_refused() {
        let broken = |at: usize, bytes: &[u8]| {
            let mut raw = [0; ENTRY_SIZE];
            entry().store(&mut raw);
            raw[at..at + bytes.len()].copy_from_slice(bytes);
            FileEntry::parse(&raw).is_err()
        };
        assert!(broken(0x00, &[0x40]));
        assert!(broken(0x19, &[0xF7]));
        assert!(broken(0x1E, &[0xE4]));
        assert!(broken(0x1E, &[0xC6, 0, 0, 0, 0, 0]));
        assert!(broken(0x20, &[0, 1, 0, 0]));
        assert!(broken(0x30, &[0x80, 0, 0, 0]));
        assert!(broken(0x34, &[7]));
    }
}
