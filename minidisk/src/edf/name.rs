//! File identifiers: name and type, up to eight characters each.

use core::fmt;

use crate::ebcdic;

/// A file name and file type, each 1 to 8 characters of `A-Z 0-9 # @ + $ - : _`.
///
/// Disks written elsewhere may hold names with small letters; such an identifier comes only from a directory entry.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FileId {
    name: [u8; 8],
    file_type: [u8; 8],
}

/// Why a text is no [`FileId`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NameError {
    /// A part is empty or longer than eight characters.
    #[error("A file name and a file type have 1 to 8 characters")]
    Length,
    /// A character that names may not have.
    #[error("Invalid character {0:?} in a file identifier")]
    Character(char),
}

impl FileId {
    /// Checks and keeps a name and a type. Small letters are refused: callers that fold case do so before.
    pub fn new(name: &str, file_type: &str) -> Result<FileId, NameError> {
        Ok(FileId { name: part(name)?, file_type: part(file_type)? })
    }

    /// The file name, without padding.
    pub fn name(&self) -> &str {
        text(&self.name)
    }

    /// The file type, without padding.
    pub fn file_type(&self) -> &str {
        text(&self.file_type)
    }

    /// The sixteen bytes of a directory entry.
    pub(crate) fn to_disk(self) -> [u8; 16] {
        let mut bytes = [0; 16];
        bytes[..8].copy_from_slice(&self.name);
        bytes[8..].copy_from_slice(&self.file_type);
        bytes.map(ebcdic::from_latin1)
    }

    /// The identifier in a directory entry, or `None` when it has characters no name may have.
    pub(crate) fn from_disk(bytes: &[u8; 16]) -> Option<FileId> {
        let mut id = FileId { name: [0; 8], file_type: [0; 8] };
        for (to, &from) in id.name.iter_mut().chain(&mut id.file_type).zip(bytes) {
            *to = ebcdic::to_latin1(from);
        }
        let good = |part: &[u8; 8]| {
            let end = part.iter().position(|&c| c == b' ').unwrap_or(8);
            end > 0 && part[..end].iter().all(|&c| allowed(c) || c.is_ascii_lowercase()) && part[end..].iter().all(|&c| c == b' ')
        };
        (good(&id.name) && good(&id.file_type)).then_some(id)
    }
}

fn allowed(c: u8) -> bool {
    c.is_ascii_uppercase() || c.is_ascii_digit() || b"#@+$-:_".contains(&c)
}

fn part(given: &str) -> Result<[u8; 8], NameError> {
    if let Some(bad) = given.chars().find(|&c| !u8::try_from(c).is_ok_and(allowed)) {
        return Err(NameError::Character(bad));
    }
    let mut padded = [b' '; 8];
    match padded.get_mut(..given.len()) {
        Some(room) if !given.is_empty() => room.copy_from_slice(given.as_bytes()),
        _ => return Err(NameError::Length),
    }
    Ok(padded)
}

fn text(padded: &[u8; 8]) -> &str {
    // Both constructors let only ASCII in.
    core::str::from_utf8(padded).unwrap_or("").trim_end_matches(' ')
}

impl fmt::Display for FileId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.name(), self.file_type())
    }
}

impl fmt::Debug for FileId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_checked() {
        assert_eq!(FileId::new("PROFILE", "EXEC").unwrap().name(), "PROFILE");
        assert_eq!(FileId::new("A#@+$-:_", "X").unwrap().file_type(), "X");
        assert_eq!(FileId::new("", "EXEC"), Err(NameError::Length));
        assert_eq!(FileId::new("NINECHARS", "EXEC"), Err(NameError::Length));
        assert_eq!(FileId::new("A B", "EXEC"), Err(NameError::Character(' ')));
        assert_eq!(FileId::new("A", "exec"), Err(NameError::Character('e')));
        assert_eq!(FileId::new("A", "Ä"), Err(NameError::Character('Ä')));
    }

    #[test]
    fn names_stand_on_disk_in_ebcdic() {
        let id = FileId::new("HELLO", "EXEC").unwrap();
        let disk = id.to_disk();
        assert_eq!(disk[..6], [0xC8, 0xC5, 0xD3, 0xD3, 0xD6, 0x40]);
        assert_eq!(FileId::from_disk(&disk), Some(id));
        assert_eq!(FileId::from_disk(&[0; 16]), None);
        let mut inner_blank = disk;
        inner_blank[1] = 0x40;
        assert_eq!(FileId::from_disk(&inner_blank), None);
    }
}
