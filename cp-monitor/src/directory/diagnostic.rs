//! What the compiler says about a source: errors that keep it off line, and warnings that do not. Each names its line and column.

use std::fmt;

use serde::ser::SerializeStruct;
use serde::{Serialize, Serializer};
use thiserror::Error;

use super::geometry::{DeviceType, UnknownDeviceType};
use super::names::{DeviceNumber, NameError, UserId, Volid};
use super::password::SecretError;

/// A place in the source: line and column from 1, the column counted in characters.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Position {
    /// Line.
    pub line: u32,
    /// Column.
    pub column: u32,
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}, column {}", self.line, self.column)
    }
}

/// An extent and its owner, as an overlap names them: `MAINT 0190 1-100`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OwnedExtent {
    /// Whose disk.
    pub owner: UserId,
    /// Its number.
    pub vdev: DeviceNumber,
    /// First cylinder or block.
    pub first: u32,
    /// Last cylinder or block.
    pub last: u32,
    /// Line of its MDISK statement.
    pub line: u32,
}

impl fmt::Display for OwnedExtent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} {}-{}", self.owner, self.vdev, self.first, self.last)
    }
}

/// What is wrong with a source.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum Problem {
    /// A statement stands where its kind may not (general statements come before device statements).
    #[error("STATEMENT SEQUENCE ERROR FOLLOWING {0}")]
    Sequence(EntryName),
    /// STORAGE is more than MAXSTORAGE.
    #[error("DEFAULT STORAGE SIZE EXCEEDS MAXIMUM STORAGE SIZE FOR USER {0}")]
    StorageAboveMaximum(UserId),
    /// A word that is no statement.
    #[error("Unknown statement: {0}")]
    UnknownStatement(String),
    /// A z/VM statement that would change who the user is or what is shared, so that ignoring it would be wrong.
    #[error("{0} is not supported: {1}")]
    Unsupported(&'static str, &'static str),
    /// A statement ends before an operand that it needs.
    #[error("{statement}: operand missing: {operand}")]
    OperandMissing {
        /// The statement.
        statement: &'static str,
        /// What should stand there.
        operand: &'static str,
    },
    /// A word that is none of the operands allowed there.
    #[error("{statement}: invalid operand {found}: expected {expected}")]
    InvalidOperand {
        /// The statement.
        statement: &'static str,
        /// The word.
        found: String,
        /// What should stand there.
        expected: &'static str,
    },
    /// Words behind the last operand. They are not shown: behind MDISK they may be passwords.
    #[error("{statement}: unexpected operand behind the last one")]
    ExtraOperand {
        /// The statement.
        statement: &'static str,
    },
    /// An operand of a form of its own is not of that form.
    #[error("{statement}: {error}")]
    Name {
        /// The statement.
        statement: &'static str,
        /// Why.
        error: NameError,
    },
    /// A disk type CP has no geometry for.
    #[error("MDISK: {0}")]
    DeviceType(UnknownDeviceType),
    /// A secret that cannot be taken.
    #[error("{0}")]
    Secret(SecretError),
    /// A directory on line holds a clear-text secret: somebody edited it by hand.
    #[error("Clear-text password in a directory that is on line")]
    ClearText,
    /// The same USER or PROFILE twice.
    #[error("{name} is already defined at line {first}")]
    DuplicateEntry {
        /// Which.
        name: EntryName,
        /// Line of the first.
        first: u32,
    },
    /// A statement that may stand once in an entry stands again.
    #[error("{statement} is already given at line {first}")]
    DuplicateStatement {
        /// The statement.
        statement: &'static str,
        /// Line of the first.
        first: u32,
    },
    /// Two devices with one number.
    #[error("Device {vdev} is already defined at line {first}")]
    DuplicateDevice {
        /// The number.
        vdev: DeviceNumber,
        /// Line of the first.
        first: u32,
    },
    /// INCLUDE stands behind another statement.
    #[error("INCLUDE must be the first statement after USER")]
    IncludeNotFirst,
    /// INCLUDE names a profile that no PROFILE entry before it defines.
    #[error("Profile {0} is not defined")]
    UnknownProfile(UserId),
    /// A minidisk in a profile would give the same cylinders to every user.
    #[error("MDISK with a fixed extent is not allowed in a PROFILE (T-DISK and V-DISK are)")]
    DiskInProfile,
    /// An extent of no cylinders or beyond the end of every volume of its type.
    #[error("Extent {start} {count} does not fit a {device} (0 to {limit})")]
    ExtentTooLarge {
        /// Device type.
        device: DeviceType,
        /// First cylinder or block.
        start: u64,
        /// How many.
        count: u64,
        /// Last cylinder or block that there can be.
        limit: u32,
    },
    /// Two minidisks have cylinders or blocks in common.
    #[error("Extents overlap on volume {volid}: {this} and {other} (line {})", other.line)]
    Overlap {
        /// The volume.
        volid: Volid,
        /// The extent of the statement that the error is about.
        this: OwnedExtent,
        /// The one that stands earlier.
        other: OwnedExtent,
    },
    /// One volume is said to be of two types.
    #[error("Volume {volid} is a {other} at line {line}, not a {this}")]
    VolumeType {
        /// The volume.
        volid: Volid,
        /// Type here.
        this: DeviceType,
        /// Type there.
        other: DeviceType,
        /// Where.
        line: u32,
    },
    /// The source is larger than a directory can be.
    #[error("Directory source is too large: {0}")]
    TooLarge(&'static str),
    /// A line or statement is longer than one can be.
    #[error("Statement is too long: {0}")]
    TooLong(&'static str),
    /// A character that cannot be typed.
    #[error("Control character in the source")]
    ControlCharacter,
    /// The last statement ends with a comma.
    #[error("Statement continues past the end of the source")]
    OpenContinuation,
    /// There is no USER entry at all.
    #[error("Directory has no USER entry")]
    Empty,
    /// The list of errors was cut.
    #[error("Further errors are not listed")]
    More,
}

impl Problem {
    /// The number of the z/VM message, where the text is one of z/VM's.
    pub fn number(&self) -> Option<u16> {
        match self {
            Self::Sequence(_) => Some(752),
            Self::StorageAboveMaximum(_) => Some(1776),
            _ => None,
        }
    }
}

/// Which entry a message is about: `USER MAINT`, `PROFILE CMSDFLT`, or neither.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EntryName {
    /// Before the first entry.
    Header,
    /// A USER entry.
    User(UserId),
    /// A PROFILE entry.
    Profile(UserId),
    /// An entry whose first statement could not be read.
    Unreadable,
}

impl fmt::Display for EntryName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Header => f.write_str("START OF DIRECTORY"),
            Self::User(userid) => write!(f, "USER {userid}"),
            Self::Profile(name) => write!(f, "PROFILE {name}"),
            Self::Unreadable => f.write_str("INVALID USER"),
        }
    }
}

/// One error: where and what. Shown as `HCPDIR752E STATEMENT SEQUENCE ERROR FOLLOWING USER UBUNTU (line 8, column 2)`.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{}{problem} ({at})", prefix(problem))]
pub struct DirectoryError {
    /// Where.
    pub at: Position,
    /// What.
    pub problem: Problem,
}

fn prefix(problem: &Problem) -> String {
    problem.number().map_or_else(String::new, |number| format!("HCPDIR{number:03}E "))
}

impl Serialize for DirectoryError {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut object = serializer.serialize_struct("DirectoryError", 4)?;
        object.serialize_field("line", &self.at.line)?;
        object.serialize_field("column", &self.at.column)?;
        object.serialize_field("number", &self.problem.number())?;
        object.serialize_field("text", &self.problem.to_string())?;
        object.end()
    }
}

/// What is taken but deserves a word.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum Remark {
    /// A statement or operand of z/VM that changes nothing here.
    #[error("{0} is accepted and has no effect")]
    NoEffect(String),
    /// A userid that reads like a spool file number.
    #[error("Userid {0} can be taken for a spool file number in commands")]
    SpoolIdName(UserId),
    /// A link to a disk that nobody has.
    #[error("LINK {owner} {vdev}: there is no such minidisk in this directory")]
    LinkTarget {
        /// The owner named.
        owner: UserId,
        /// The device named.
        vdev: DeviceNumber,
    },
    /// A full-pack minidisk or a whole real device.
    #[error("Device {vdev} covers a whole volume; here it is a disk of its own and does not show the other minidisks")]
    FullPack {
        /// The device.
        vdev: DeviceNumber,
    },
    /// `DEVNO` names a real device, which CP does not have.
    #[error("Device {vdev} is a whole real device; CP has none and will not make it")]
    RealDevice {
        /// The device.
        vdev: DeviceNumber,
    },
    /// NOPASS: everybody who can reach CP can log on.
    #[error("USER {0} NOPASS: anybody can log on without a password")]
    NoPassword(UserId),
}

/// One warning: where and what.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{remark} ({at})")]
pub struct Warning {
    /// Where.
    pub at: Position,
    /// What.
    pub remark: Remark,
}

impl Serialize for Warning {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut object = serializer.serialize_struct("Warning", 3)?;
        object.serialize_field("line", &self.at.line)?;
        object.serialize_field("column", &self.at.column)?;
        object.serialize_field("text", &self.remark.to_string())?;
        object.end()
    }
}

/// Most errors, and most warnings, that one compilation lists.
pub const LISTED_MAX: usize = 500;

/// Collects what is said of a source, bounded.
#[derive(Debug, Default)]
pub(super) struct Diagnostics {
    pub(super) errors: Vec<DirectoryError>,
    pub(super) warnings: Vec<Warning>,
}

impl Diagnostics {
    pub(super) fn error(&mut self, at: Position, problem: Problem) {
        if self.errors.len() < LISTED_MAX {
            self.errors.push(DirectoryError { at, problem });
        } else if self.errors.len() == LISTED_MAX {
            self.errors.push(DirectoryError { at, problem: Problem::More });
        }
    }

    pub(super) fn warn(&mut self, at: Position, remark: Remark) {
        if self.warnings.len() < LISTED_MAX {
            self.warnings.push(Warning { at, remark });
        }
    }

    /// In the order of the source; [`Problem::More`] stays last.
    pub(super) fn sorted(mut self) -> Self {
        self.errors.sort_by_key(|error| (error.problem == Problem::More, error.at));
        self.warnings.sort_by_key(|warning| warning.at);
        self
    }
}
