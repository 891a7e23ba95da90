//! The parts of which attributes are made: names, numbers, classes and tags, each valid by construction.
//!
//! Every text from a guest, a terminal or a file passes through the constructors here, so the store never holds a name with
//! a control character or a class that no command could select.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use thiserror::Error;

/// Why a value cannot be an attribute of a spool file.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum AttributeError {
    /// Empty, or longer than the attribute takes.
    #[error("{what} must have 1 to {most} characters")]
    Length {
        /// Which attribute.
        what: &'static str,
        /// The most characters it takes.
        most: usize,
    },
    /// A character that the attribute cannot carry.
    #[error("{what} cannot contain the character {character:?}")]
    Character {
        /// Which attribute.
        what: &'static str,
        /// The first offending character.
        character: char,
    },
    /// A number outside its range.
    #[error("{what} must be from {least} to {most}")]
    Range {
        /// Which attribute.
        what: &'static str,
        /// The smallest valid value.
        least: u16,
        /// The largest valid value.
        most: u16,
    },
}

/// Checks that `text` has 1 to `N` characters, all of them accepted by `fits`, and keeps it in place.
fn short<const N: usize>(what: &'static str, text: &str, fits: fn(char) -> bool) -> Result<[u8; N], AttributeError> {
    if let Some(character) = text.chars().find(|&c| !c.is_ascii() || !fits(c)) {
        return Err(AttributeError::Character { what, character });
    }
    if text.is_empty() || text.len() > N {
        return Err(AttributeError::Length { what, most: N });
    }
    let mut bytes = [b' '; N];
    bytes[..text.len()].copy_from_slice(text.as_bytes());
    Ok(bytes)
}

/// The characters of a blank-padded name.
fn unpadded(bytes: &[u8]) -> &str {
    let length = bytes.iter().rposition(|&b| b != b' ').map_or(0, |last| last + 1);
    std::str::from_utf8(&bytes[..length]).unwrap_or("")
}

macro_rules! word {
    ($(#[$doc:meta])* $name:ident, $bytes:literal, $what:literal, $fits:expr) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name([u8; $bytes]);

        impl $name {
            /// Takes the text as it is.
            ///
            /// # Errors
            /// [`AttributeError`] when it is empty, too long or has a character that does not belong.
            pub fn new(text: &str) -> Result<Self, AttributeError> {
                short($what, text, $fits).map(Self)
            }

            /// The text without padding.
            #[must_use]
            pub fn as_str(&self) -> &str {
                unpadded(&self.0)
            }

            /// The text padded with blanks.
            #[must_use]
            pub fn padded(&self) -> &[u8; $bytes] {
                &self.0
            }
        }

        impl FromStr for $name {
            type Err = AttributeError;
            fn from_str(text: &str) -> Result<Self, AttributeError> {
                Self::new(text)
            }
        }

        impl TryFrom<String> for $name {
            type Error = AttributeError;
            fn try_from(text: String) -> Result<Self, AttributeError> {
                Self::new(&text)
            }
        }

        impl From<$name> for String {
            fn from(name: $name) -> Self {
                name.as_str().to_owned()
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(self.as_str())
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Debug::fmt(self.as_str(), f)
            }
        }
    };
}

word! {
    /// A user: 1 to 8 of `A-Z 0-9 @ # $ _ - +`. Fold to upper case before.
    Userid, 8, "A userid", |c| c.is_ascii_uppercase() || c.is_ascii_digit() || matches!(c, '@' | '#' | '$' | '_' | '-' | '+')
}
word! {
    /// A form, destination or distribution code, or one part of a file's name: 1 to 8 visible ASCII characters.
    Word, 8, "A name", |c| c.is_ascii_graphic()
}
word! {
    /// A data set name: 1 to 24 visible ASCII characters.
    DataSetName, 24, "A data set name", |c| c.is_ascii_graphic()
}

impl Userid {
    /// The userid whose padded form this is, if it is one.
    #[must_use]
    pub fn from_padded(bytes: &[u8; 8]) -> Option<Self> {
        Self::new(unpadded(bytes)).ok().filter(|userid| userid.padded() == bytes)
    }
}

/// The number of a spool file: 1 to 9999, unique among the files of one owner.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Spid(u16);

impl Spid {
    /// The largest spool id.
    pub const MAX: u16 = 9999;

    /// Takes a number from 1 to 9999.
    ///
    /// # Errors
    /// [`AttributeError::Range`] for any other number.
    pub fn new(number: u16) -> Result<Self, AttributeError> {
        match number {
            1..=Self::MAX => Ok(Self(number)),
            _ => Err(AttributeError::Range { what: "A spool id", least: 1, most: Self::MAX }),
        }
    }

    /// The number.
    #[must_use]
    pub fn number(self) -> u16 {
        self.0
    }
}

impl fmt::Display for Spid {
    /// Four digits, as responses show it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}", self.0)
    }
}

/// A spooling class: `A-Z` or `0-9`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "u8", into = "u8")]
pub struct Class(u8);

impl Class {
    /// Class A, the default of printers and punches.
    pub const A: Self = Self(b'A');
    /// Class T, the default of consoles.
    pub const T: Self = Self(b'T');

    /// Takes an upper-case letter or a digit.
    ///
    /// # Errors
    /// [`AttributeError::Character`] for any other character.
    pub fn new(character: char) -> Result<Self, AttributeError> {
        match u8::try_from(character) {
            Ok(byte @ (b'A'..=b'Z' | b'0'..=b'9')) => Ok(Self(byte)),
            _ => Err(AttributeError::Character { what: "A class", character }),
        }
    }

    /// The letter or digit.
    #[must_use]
    pub fn as_char(self) -> char {
        char::from(self.0)
    }
}

impl TryFrom<u8> for Class {
    type Error = AttributeError;
    fn try_from(byte: u8) -> Result<Self, AttributeError> {
        Self::new(char::from(byte))
    }
}

impl From<Class> for u8 {
    fn from(class: Class) -> Self {
        class.0
    }
}

impl fmt::Display for Class {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.as_char())
    }
}

impl fmt::Debug for Class {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.as_char())
    }
}

/// How many copies are made: 1 to 255, and whether they are collated (`COPY *n`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "(u8, bool)", into = "(u8, bool)")]
pub struct Copies {
    number: u8,
    collated: bool,
}

impl Copies {
    /// One copy.
    pub const ONE: Self = Self { number: 1, collated: false };

    /// Takes a number from 1 to 255.
    ///
    /// # Errors
    /// [`AttributeError::Range`] for any other number.
    pub fn new(number: u16, collated: bool) -> Result<Self, AttributeError> {
        match u8::try_from(number) {
            Ok(number @ 1..) => Ok(Self { number, collated }),
            _ => Err(AttributeError::Range { what: "Copies", least: 1, most: 255 }),
        }
    }

    /// How many.
    #[must_use]
    pub fn number(self) -> u8 {
        self.number
    }

    /// Whether they are collated.
    #[must_use]
    pub fn collated(self) -> bool {
        self.collated
    }
}

impl TryFrom<(u8, bool)> for Copies {
    type Error = AttributeError;
    fn try_from((number, collated): (u8, bool)) -> Result<Self, AttributeError> {
        Self::new(number.into(), collated)
    }
}

impl From<Copies> for (u8, bool) {
    fn from(copies: Copies) -> Self {
        (copies.number, copies.collated)
    }
}

/// What TAG attaches to a file: up to 136 characters without control characters.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Tag(String);

impl Tag {
    /// The most bytes a tag has.
    pub const MAX: usize = 136;

    /// Takes the text as it is; the empty text is no tag.
    ///
    /// # Errors
    /// [`AttributeError`] when it has more than 136 bytes or a control character, which would end up on an operator's screen.
    pub fn new(text: &str) -> Result<Self, AttributeError> {
        if let Some(character) = text.chars().find(|c| c.is_control()) {
            return Err(AttributeError::Character { what: "A tag", character });
        }
        if text.len() > Self::MAX {
            return Err(AttributeError::Length { what: "A tag", most: Self::MAX });
        }
        Ok(Self(text.to_owned()))
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for Tag {
    type Error = AttributeError;
    fn try_from(text: String) -> Result<Self, AttributeError> {
        Self::new(&text)
    }
}

impl From<Tag> for String {
    fn from(tag: Tag) -> Self {
        tag.0
    }
}

/// The name of a spool file.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum FileName {
    /// NONAME.
    #[default]
    None,
    /// `NAME fn ft`, the type being optional.
    File(Word, Option<Word>),
    /// `NAME dsname`.
    DataSet(DataSetName),
}

impl FileName {
    /// The file name or data set name, empty when there is none.
    #[must_use]
    pub fn name(&self) -> &str {
        match self {
            Self::None => "",
            Self::File(name, _) => name.as_str(),
            Self::DataSet(name) => name.as_str(),
        }
    }

    /// The file type, empty when there is none.
    #[must_use]
    pub fn file_type(&self) -> &str {
        match self {
            Self::File(_, Some(file_type)) => file_type.as_str(),
            _ => "",
        }
    }
}
