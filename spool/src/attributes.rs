//! What CP says of a spool file: whose it is, where it waits, who holds it and the rest of the attributes of z/VM.
//!
//! Pure values; what they are made of is in `names`, how commands choose and change files in `selection`.

use serde::{Deserialize, Serialize};

mod names;
mod selection;

pub use names::{AttributeError, Class, Copies, DataSetName, FileName, Spid, Tag, Userid, Word};
pub use selection::{Change, QueueCounts, Selection, Space, Totals};

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
    /// Every device.
    pub const ALL: [Self; 4] = [Self::Reader, Self::Printer, Self::Punch, Self::Console];

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

    /// Bytes of a record of the device's usual kind: a card, or a line of the widest printer in use.
    #[must_use]
    pub fn width(self) -> u16 {
        match self {
            Self::Reader | Self::Punch => 80,
            Self::Printer | Self::Console => 132,
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
    /// Bytes of the longest record.
    pub longest: u16,
    /// The attributes that commands may change.
    pub attributes: Attributes,
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
