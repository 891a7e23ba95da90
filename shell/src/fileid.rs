//! File identifiers as people type them: names with `*`, `%` and `=`, and file modes.

use alloc::string::{String, ToString};
use core::fmt;

use minidisk::edf::{FileEntry, FileId};

use crate::disks::Mode;

/// Which disks, and which file mode number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ModeSpec {
    /// A letter, or `None` for `*`: all of them.
    pub mode: Option<Mode>,
    /// A file mode number, when one was given.
    pub number: Option<u8>,
}

impl ModeSpec {
    /// Every disk.
    pub const ANY: Self = Self { mode: None, number: None };
    /// The A-disk.
    pub const A: Self = Self { mode: Some(Mode::A), number: None };

    /// `A`, `A1`, `*`, `*1`.
    pub fn parse(word: &str) -> Option<Self> {
        let mut bytes = word.bytes();
        let mode = match bytes.next()? {
            b'*' => None,
            letter => Some(Mode::new(letter)?),
        };
        let number = match bytes.next() {
            None => None,
            Some(digit @ b'0'..=b'6') => Some(digit - b'0'),
            Some(_) => return None,
        };
        bytes.next().is_none().then_some(Self { mode, number })
    }
}

impl fmt::Display for ModeSpec {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.mode {
            Some(mode) => write!(out, "{mode}")?,
            None => out.write_str("*")?,
        }
        self.number.map_or(Ok(()), |number| write!(out, "{number}"))
    }
}

/// A name and a type, either of which may be a pattern.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pattern {
    /// File name.
    pub name: String,
    /// File type.
    pub file_type: String,
}

impl Pattern {
    /// The pattern of two words. An empty word stands for `*`.
    pub fn new(name: &str, file_type: &str) -> Self {
        let part = |word: &str| {
            if word.is_empty() { "*".to_string() } else { word.to_string() }
        };
        Self { name: part(name), file_type: part(file_type) }
    }

    /// Whether it can match more than one file.
    pub fn is_generic(&self) -> bool {
        let generic = |part: &str| part.contains(['*', '%']);
        generic(&self.name) || generic(&self.file_type)
    }

    /// Whether a file is meant.
    pub fn matches(&self, id: &FileId) -> bool {
        matches(self.name.as_bytes(), id.name().as_bytes()) && matches(self.file_type.as_bytes(), id.file_type().as_bytes())
    }

    /// A name with `=` in it made from the file it is derived from: `=` alone is the whole part, within a word it stands
    /// for that part too (`=BAK`). `None` when that is no name.
    pub fn derive(&self, from: &FileId) -> Option<FileId> {
        let name = self.name.replace('=', from.name());
        let file_type = self.file_type.replace('=', from.file_type());
        let cut = |part: String| part.chars().take(8).collect::<String>();
        FileId::new(&cut(name), &cut(file_type)).ok()
    }
}

impl fmt::Display for Pattern {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{} {}", self.name, self.file_type)
    }
}

/// Whether a pattern of `*` (any characters) and `%` (one character) matches a text. Time is bounded by the product of
/// the two lengths, both at most eight.
fn matches(pattern: &[u8], text: &[u8]) -> bool {
    match (pattern.split_first(), text.split_first()) {
        (None, None) => true,
        (Some((b'*', rest)), _) => matches(rest, text) || (!text.is_empty() && matches(pattern, &text[1..])),
        (Some((&one, rest)), Some((&byte, more))) => (one == b'%' || one == byte) && matches(rest, more),
        _ => false,
    }
}

/// A file that was found: where, and its directory entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// The disk.
    pub mode: Mode,
    /// The entry at the time it was looked up.
    pub entry: FileEntry,
}

impl fmt::Display for Found {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{} {}{}", self.entry.id, self.mode, self.entry.mode)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn modes_have_a_letter_and_perhaps_a_number() {
        assert_eq!(ModeSpec::parse("A1").map(|spec| spec.to_string()).as_deref(), Some("A1"));
        assert_eq!(ModeSpec::parse("*").map(|spec| spec.to_string()).as_deref(), Some("*"));
        for wrong in ["", "A7", "1", "AB", "A11", "=", "Ä"] {
            assert_eq!(ModeSpec::parse(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn patterns_match_as_people_expect() {
        let id = FileId::new("PROFILE", "EXEC").expect("a name");
        for right in ["* *", "PROFILE EXEC", "PRO* E*C", "%ROFILE %%%%", "*FILE *", "P*O*E *E*"] {
            let (name, file_type) = right.split_once(' ').expect("two words");
            assert!(Pattern::new(name, file_type).matches(&id), "{right}");
        }
        for wrong in ["PROFIL EXEC", "%PROFILE EXEC", "PROFILE %%%", "* EXECS"] {
            let (name, file_type) = wrong.split_once(' ').expect("two words");
            assert!(!Pattern::new(name, file_type).matches(&id), "{wrong}");
        }
    }

    #[test]
    fn equal_signs_take_over_parts() {
        let id = FileId::new("HELLO", "EXEC").expect("a name");
        let derived = |name, file_type| Pattern::new(name, file_type).derive(&id).map(|id| id.to_string());
        assert_eq!(derived("=", "=BKP").as_deref(), Some("HELLO EXECBKP"));
        assert_eq!(derived("OLD=", "=").as_deref(), Some("OLDHELLO EXEC"));
        assert_eq!(derived("A?", "=").as_deref(), None);
    }
}
