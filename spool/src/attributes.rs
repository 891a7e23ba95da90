//! What CP says of a spool file: its names, class, hold and the rest of the attributes, each valid by construction.
//!
//! Pure values. Every text from a guest, a terminal or a file passes through the constructors here, so the store never
//! holds a name with a control character or a class that no command could select. The attributes are those of z/VM.

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

/// The queue a file waits in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Queue {
    /// RDR: input for the owner's virtual machine.
    Reader,
    /// PRT: output for a printer.
    Printer,
    /// PUN: output for a punch.
    Punch,
}

impl Queue {
    /// Every queue, in the order of QUERY FILES.
    pub const ALL: [Self; 3] = [Self::Reader, Self::Printer, Self::Punch];

    /// `RDR`, `PRT` or `PUN`.
    #[must_use]
    pub fn abbreviation(self) -> &'static str {
        match self {
            Self::Reader => "RDR",
            Self::Printer => "PRT",
            Self::Punch => "PUN",
        }
    }
}

/// The kind of device a file was made on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Device {
    /// A real card reader (or a deck brought in from the host).
    Reader,
    /// A virtual printer.
    Printer,
    /// A virtual punch.
    Punch,
    /// A virtual console.
    Console,
}

impl Device {
    /// `RDR`, `PRT`, `PUN` or `CON`.
    #[must_use]
    pub fn abbreviation(self) -> &'static str {
        match self {
            Self::Reader => "RDR",
            Self::Printer => "PRT",
            Self::Punch => "PUN",
            Self::Console => "CON",
        }
    }
}

/// Who holds a file back from being processed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Hold {
    /// Nobody.
    #[default]
    None,
    /// The user (HOLD).
    User,
    /// The operator (SYSHOLD).
    System,
    /// Both.
    Both,
}

impl Hold {
    /// The hold with these two parts.
    #[must_use]
    pub fn of(user: bool, system: bool) -> Self {
        match (user, system) {
            (false, false) => Self::None,
            (true, false) => Self::User,
            (false, true) => Self::System,
            (true, true) => Self::Both,
        }
    }

    /// Whether the user holds it.
    #[must_use]
    pub fn user(self) -> bool {
        matches!(self, Self::User | Self::Both)
    }

    /// Whether the operator holds it.
    #[must_use]
    pub fn system(self) -> bool {
        matches!(self, Self::System | Self::Both)
    }

    /// `NONE`, `USER`, `SYS` or `USYS`, as QUERY shows it.
    #[must_use]
    pub fn abbreviation(self) -> &'static str {
        match self {
            Self::None => "NONE",
            Self::User => "USER",
            Self::System => "SYS",
            Self::Both => "USYS",
        }
    }
}

/// The attributes that commands may change.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attributes {
    /// Spooling class.
    pub class: Class,
    /// Hold.
    pub hold: Hold,
    /// KEEP: the file survives being processed.
    pub keep: bool,
    /// MSG: its owner is told when it arrives or is processed.
    pub msg: bool,
    /// Copies.
    pub copies: Copies,
    /// Form; none is the system's standard form.
    pub form: Option<Word>,
    /// Destination; none is `OFF`.
    pub dest: Option<Word>,
    /// Distribution code; none is `OFF`.
    pub dist: Option<Word>,
    /// Name and type.
    pub name: FileName,
    /// Tag.
    pub tag: Tag,
}

impl Default for Attributes {
    /// Class A, one copy, not held, everything else off: a printer or punch as z/VM defines it.
    fn default() -> Self {
        Self {
            class: Class::A,
            hold: Hold::None,
            keep: false,
            msg: true,
            copies: Copies::ONE,
            form: None,
            dest: None,
            dist: None,
            name: FileName::None,
            tag: Tag::default(),
        }
    }
}

/// A file about to be written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewFile {
    /// Who makes it (ORIGINID).
    pub origin: Userid,
    /// The kind of device it is made on.
    pub device: Device,
    /// Seconds since 1970-01-01 UTC, by the caller's clock.
    pub created: u64,
    /// Attributes; they may be changed until the file is closed.
    pub attributes: Attributes,
}

/// A closed file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileInfo {
    /// Whose it is.
    pub owner: Userid,
    /// The queue it waits in.
    pub queue: Queue,
    /// Its number among the owner's files.
    pub spid: Spid,
    /// Identity for as long as the store exists: kept by TRANSFER and never used again.
    pub serial: u64,
    /// Who made it (ORIGINID).
    pub origin: Userid,
    /// The kind of device it was made on.
    pub device: Device,
    /// Seconds since 1970-01-01 UTC when it was made.
    pub created: u64,
    /// Records.
    pub records: u64,
    /// Bytes of all records.
    pub bytes: u64,
    /// The attributes that commands may change.
    pub attributes: Attributes,
}

/// What CHANGE and CLOSE set; a field that is `None` stays as it is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Change {
    /// Spooling class.
    pub class: Option<Class>,
    /// Copies.
    pub copies: Option<Copies>,
    /// HOLD or NOHOLD: the user's part of the hold.
    pub user_hold: Option<bool>,
    /// SYSHOLD or NOSYSHOLD: the operator's part of the hold.
    pub system_hold: Option<bool>,
    /// KEEP or NOKEEP.
    pub keep: Option<bool>,
    /// MSG or NOMSG.
    pub msg: Option<bool>,
    /// Form, or none for the standard form.
    pub form: Option<Option<Word>>,
    /// Destination, or none for OFF.
    pub dest: Option<Option<Word>>,
    /// Distribution code, or none for OFF.
    pub dist: Option<Option<Word>>,
    /// Name and type.
    pub name: Option<FileName>,
    /// Tag.
    pub tag: Option<Tag>,
}

impl Change {
    /// Sets what this names in `attributes`.
    pub fn apply(&self, attributes: &mut Attributes) {
        fn set<T: Clone>(target: &mut T, value: Option<&T>) {
            if let Some(value) = value {
                target.clone_from(value);
            }
        }
        set(&mut attributes.class, self.class.as_ref());
        set(&mut attributes.copies, self.copies.as_ref());
        set(&mut attributes.keep, self.keep.as_ref());
        set(&mut attributes.msg, self.msg.as_ref());
        set(&mut attributes.form, self.form.as_ref());
        set(&mut attributes.dest, self.dest.as_ref());
        set(&mut attributes.dist, self.dist.as_ref());
        set(&mut attributes.name, self.name.as_ref());
        set(&mut attributes.tag, self.tag.as_ref());
        attributes.hold = Hold::of(self.user_hold.unwrap_or(attributes.hold.user()), self.system_hold.unwrap_or(attributes.hold.system()));
    }
}

/// Which files a command means. A field left at its default does not restrict, so the default means every file of the system.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Selection {
    /// Files of this user only.
    pub owner: Option<Userid>,
    /// Files of this queue only.
    pub queue: Option<Queue>,
    /// Files with one of these numbers only; empty does not restrict.
    pub spids: Vec<Spid>,
    /// The file of this identity only.
    pub serial: Option<u64>,
    /// Files of this class only.
    pub class: Option<Class>,
    /// Files on this form only (`None` inside: on the standard form).
    pub form: Option<Option<Word>>,
    /// Files for this destination only (`None` inside: for none).
    pub dest: Option<Option<Word>>,
    /// Files whose user's part of the hold is this (HOLD, NOHOLD, USERHOLD).
    pub user_hold: Option<bool>,
    /// Files whose operator's part of the hold is this (SYSHOLD).
    pub system_hold: Option<bool>,
    /// Files made by this user only.
    pub origin: Option<Userid>,
    /// Files with this name only.
    pub name: Option<FileName>,
}

impl Selection {
    /// Every file of one user.
    #[must_use]
    pub fn of(owner: Userid) -> Self {
        Self { owner: Some(owner), ..Self::default() }
    }

    /// Of these, the files in one queue.
    #[must_use]
    pub fn on(self, queue: Queue) -> Self {
        Self { queue: Some(queue), ..self }
    }

    /// Of these, the file with one number (or several, called again).
    #[must_use]
    pub fn spid(mut self, spid: Spid) -> Self {
        self.spids.push(spid);
        self
    }

    /// Of these, the files of one class.
    #[must_use]
    pub fn class(self, class: Class) -> Self {
        Self { class: Some(class), ..self }
    }

    /// Whether the file is meant.
    #[must_use]
    pub fn matches(&self, file: &FileInfo) -> bool {
        fn is<T: PartialEq>(wanted: Option<&T>, value: &T) -> bool {
            wanted.is_none_or(|wanted| wanted == value)
        }
        let attributes = &file.attributes;
        is(self.owner.as_ref(), &file.owner)
            && is(self.queue.as_ref(), &file.queue)
            && (self.spids.is_empty() || self.spids.contains(&file.spid))
            && is(self.serial.as_ref(), &file.serial)
            && is(self.class.as_ref(), &attributes.class)
            && is(self.form.as_ref(), &attributes.form)
            && is(self.dest.as_ref(), &attributes.dest)
            && is(self.user_hold.as_ref(), &attributes.hold.user())
            && is(self.system_hold.as_ref(), &attributes.hold.system())
            && is(self.origin.as_ref(), &file.origin)
            && is(self.name.as_ref(), &attributes.name)
    }
}

/// Files of one user, by queue: QUERY FILES.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct QueueCounts {
    /// Reader files.
    pub reader: u64,
    /// Printer files.
    pub printer: u64,
    /// Punch files.
    pub punch: u64,
}

impl QueueCounts {
    /// The counter of one queue.
    pub fn of(&mut self, queue: Queue) -> &mut u64 {
        match queue {
            Queue::Reader => &mut self.reader,
            Queue::Printer => &mut self.printer,
            Queue::Punch => &mut self.punch,
        }
    }

    /// All files.
    #[must_use]
    pub fn all(&self) -> u64 {
        self.reader.saturating_add(self.printer).saturating_add(self.punch)
    }
}

/// What the whole store holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    /// Files by queue.
    pub files: QueueCounts,
    /// Bytes of the closed files as they are stored.
    pub stored: u64,
    /// Bytes that the segments take on the host's disk, files being written included.
    pub on_disk: u64,
}

/// A file that TRANSFER moved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Transferred {
    /// As it was (`WAS`).
    pub was: FileInfo,
    /// As it is now (`AS`).
    pub now: FileInfo,
}

/// A file that CLOSE queued.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Closed {
    /// Its number in its maker's numbering, for `WAS`; the file's own number when the maker owns it.
    pub was: Spid,
    /// The file.
    pub file: FileInfo,
}

/// Where CLOSE and TRANSFER put a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Destination {
    /// The new owner.
    pub owner: Userid,
    /// The queue of that owner.
    pub queue: Queue,
}
