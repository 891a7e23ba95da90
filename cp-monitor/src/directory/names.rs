//! The words of the directory that have a form of their own: userids, volume labels, device numbers, sizes, link modes and classes.
//!
//! Pure values; each can be made only from text that is valid, so whoever holds one need not check it again.

use std::fmt;
use std::str::FromStr;

use serde::{Serialize, Serializer};
use thiserror::Error;

/// Why a word is not what its place in the directory asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum NameError {
    /// Not 1 to 8 letters, digits or `$ # @ _ - +`.
    #[error("Userid missing or invalid (1 to 8 letters, digits or $ # @ _ - +)")]
    UserId,
    /// A userid that CP keeps for itself.
    #[error("Userid is reserved (SYSTEM, SYSTEMMP, LOGNxxxx, LOGLxxxx, LOGVxxxx)")]
    ReservedUserId,
    /// Not 1 to 6 letters, digits or `$ # @ + & - _`.
    #[error("Volume label missing or invalid (1 to 6 letters, digits or $ # @ + & - _)")]
    Volid,
    /// Not 1 to 4 hexadecimal digits.
    #[error("Virtual device number missing or invalid (1 to 4 hexadecimal digits)")]
    DeviceNumber,
    /// Not a number with K, M, G or T behind it, or out of range.
    #[error("Storage size missing or invalid (64K to 1T, written as 16M or 2G)")]
    StorageSize,
    /// Not one of the twelve modes.
    #[error("Link mode invalid (R RR W WR M MR MW SR SW SM ER EW)")]
    LinkMode,
    /// Not letters A to Z and digits 1 to 6.
    #[error("Privilege class invalid (letters A to Z, digits 1 to 6)")]
    PrivilegeClass,
}

/// Copies `text` into `N` bytes, upper case and blank padded; `None` when it is empty, too long or has a character outside `allowed`.
fn padded<const N: usize>(text: &str, allowed: &[u8]) -> Option<[u8; N]> {
    let bytes = text.as_bytes();
    let fits = !bytes.is_empty() && bytes.len() <= N;
    let valid = |b: &u8| b.is_ascii_alphanumeric() || allowed.contains(b);
    if !fits || !bytes.iter().all(valid) {
        return None;
    }
    let mut name = [b' '; N];
    for (slot, byte) in name.iter_mut().zip(bytes) {
        *slot = byte.to_ascii_uppercase();
    }
    Some(name)
}

fn unpadded(name: &[u8]) -> &str {
    // Only ASCII is ever stored, so the conversion cannot fail.
    std::str::from_utf8(name).unwrap_or_default().trim_end_matches(' ')
}

/// The name of a user: 1 to 8 characters, held in upper case.
///
/// Letters, digits and `$ # @ _ - +`, so that it can stand as one word of a command and as a file name of the host.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UserId([u8; 8]);

impl UserId {
    /// The name without padding.
    pub fn as_str(&self) -> &str {
        unpadded(&self.0)
    }

    /// The name as guests see it: 8 bytes, padded with blanks.
    pub fn padded(&self) -> [u8; 8] {
        self.0
    }

    /// Whether CP keeps this name for itself: `SYSTEM`, `SYSTEMMP`, and `LOGN`, `LOGL`, `LOGV` followed by anything (z/VM USER statement).
    pub fn is_reserved(&self) -> bool {
        let name = self.as_str();
        matches!(name, "SYSTEM" | "SYSTEMMP") || ["LOGN", "LOGL", "LOGV"].iter().any(|p| name.starts_with(p))
    }

    /// Whether the name can be read as a spool file number: 1 to 4 digits.
    pub fn looks_like_spool_id(&self) -> bool {
        let name = self.as_str();
        name.len() <= 4 && name.bytes().all(|b| b.is_ascii_digit())
    }
}

impl FromStr for UserId {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        padded(text, b"$#@_-+").map(Self).ok_or(NameError::UserId)
    }
}

/// The label of a DASD volume: 1 to 6 characters, held in upper case.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Volid([u8; 6]);

impl Volid {
    /// The label without padding.
    pub fn as_str(&self) -> &str {
        unpadded(&self.0)
    }
}

impl FromStr for Volid {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        padded(text, b"$#@+&-_").map(Self).ok_or(NameError::Volid)
    }
}

/// A virtual device number, X'0000' to X'FFFF', shown as four hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DeviceNumber(pub u16);

impl FromStr for DeviceNumber {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        let digits = (1..=4).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_hexdigit());
        if !digits {
            return Err(NameError::DeviceNumber);
        }
        u16::from_str_radix(text, 16).map(Self).map_err(|_| NameError::DeviceNumber)
    }
}

impl fmt::Display for DeviceNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04X}", self.0)
    }
}

/// Storage of a virtual machine in bytes: 64 KiB to 1 TiB, whole pages.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct StorageSize(u64);

impl StorageSize {
    /// The least that a machine can have.
    pub const MIN: Self = Self(64 << 10);
    /// The most that a machine can have.
    pub const MAX: Self = Self(1 << 40);

    /// `megabytes` MiB, for sizes known when CP is built; held within the limits.
    pub const fn megabytes(megabytes: u64) -> Self {
        let bytes = megabytes.saturating_mul(1 << 20);
        if bytes < Self::MIN.0 {
            Self::MIN
        } else if bytes > Self::MAX.0 {
            Self::MAX
        } else {
            Self(bytes)
        }
    }

    /// A size in bytes; `None` when it is outside the limits or not whole pages.
    pub const fn from_bytes(bytes: u64) -> Option<Self> {
        if bytes < Self::MIN.0 || bytes > Self::MAX.0 || !bytes.is_multiple_of(abi::PAGE) { None } else { Some(Self(bytes)) }
    }

    /// Bytes.
    pub const fn bytes(self) -> u64 {
        self.0
    }
}

impl FromStr for StorageSize {
    type Err = NameError;

    /// A number followed by K, M, G or T; without a unit the number is bytes, as on z/VM only when it is whole pages.
    fn from_str(text: &str) -> Result<Self, NameError> {
        let error = NameError::StorageSize;
        let (digits, shift) = match text.as_bytes().last().map(u8::to_ascii_uppercase) {
            Some(b'K') => (&text[..text.len() - 1], 10),
            Some(b'M') => (&text[..text.len() - 1], 20),
            Some(b'G') => (&text[..text.len() - 1], 30),
            Some(b'T') => (&text[..text.len() - 1], 40),
            _ => (text, 0),
        };
        // `u64::from_str` would take a sign.
        if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_digit()) {
            return Err(error);
        }
        let number: u64 = digits.parse().map_err(|_| error)?;
        let bytes = number.checked_mul(1 << shift).ok_or(error)?;
        Self::from_bytes(bytes).ok_or(error)
    }
}

impl fmt::Display for StorageSize {
    /// With the largest unit that divides it: `16M`, `2G`, `1028K`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (shift, unit) =
            [(40, 'T'), (30, 'G'), (20, 'M')].into_iter().find(|(shift, _)| self.0.is_multiple_of(1 << shift)).unwrap_or((10, 'K'));
        write!(f, "{}{unit}", self.0 >> shift)
    }
}

impl fmt::Debug for StorageSize {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// How a link shares a disk with the other users of it (z/VM LINK).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum LinkMode {
    /// Read; refused while anyone can write.
    R,
    /// Read, whoever else uses it.
    Rr,
    /// Write; refused while anyone has a link.
    W,
    /// Write when nobody has a link, else read.
    Wr,
    /// Write unless somebody else can write, else refused.
    M,
    /// Write unless somebody else can write, else read.
    Mr,
    /// Write, whoever else uses it.
    Mw,
    /// Stable read: nobody gets write while I hold it.
    Sr,
    /// Stable write: as W, and nobody gets write while I hold it.
    Sw,
    /// Stable multiple: as M, and nobody gets write while I hold it.
    Sm,
    /// Exclusive read: nobody else gets any link while I hold it.
    Er,
    /// Exclusive write: nobody else gets any link while I hold it.
    Ew,
}

/// Which of the three passwords of a minidisk a link mode asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LinkAccess {
    /// The read password: R, RR, SR, ER.
    Read,
    /// The write password: W, WR, SW, EW.
    Write,
    /// The multiple-write password: M, MR, MW, SM.
    Multiple,
}

impl LinkMode {
    const NAMES: [(&'static str, Self); 12] = [
        ("R", Self::R),
        ("RR", Self::Rr),
        ("W", Self::W),
        ("WR", Self::Wr),
        ("M", Self::M),
        ("MR", Self::Mr),
        ("MW", Self::Mw),
        ("SR", Self::Sr),
        ("SW", Self::Sw),
        ("SM", Self::Sm),
        ("ER", Self::Er),
        ("EW", Self::Ew),
    ];

    /// The mode as written.
    pub fn as_str(self) -> &'static str {
        // Every variant stands in the table.
        Self::NAMES.iter().find(|(_, mode)| *mode == self).map_or("", |(name, _)| name)
    }

    /// Which password it asks for.
    pub fn access(self) -> LinkAccess {
        match self {
            Self::R | Self::Rr | Self::Sr | Self::Er => LinkAccess::Read,
            Self::W | Self::Wr | Self::Sw | Self::Ew => LinkAccess::Write,
            Self::M | Self::Mr | Self::Mw | Self::Sm => LinkAccess::Multiple,
        }
    }

    /// Whether nobody may get write access while it is held (needs `OPTION LNKSTABL` for another's disk).
    pub fn is_stable(self) -> bool {
        matches!(self, Self::Sr | Self::Sw | Self::Sm)
    }

    /// Whether it is reading that is asked for when writing cannot be had.
    pub fn settles_for_reading(self) -> bool {
        matches!(self, Self::Wr | Self::Mr)
    }

    /// Whether nobody may get any access while it is held (needs `OPTION LNKEXCLU` for another's disk).
    pub fn is_exclusive(self) -> bool {
        matches!(self, Self::Er | Self::Ew)
    }
}

impl FromStr for LinkMode {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        let found = Self::NAMES.iter().find(|(name, _)| name.eq_ignore_ascii_case(text));
        found.map(|(_, mode)| *mode).ok_or(NameError::LinkMode)
    }
}

/// A set of privilege classes: A to Z and 1 to 6.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub struct PrivilegeClasses(u32);

impl PrivilegeClasses {
    /// No class at all: a NOLOG user.
    pub const NONE: Self = Self(0);
    /// Class G, what a USER statement without classes gives.
    pub const GENERAL: Self = Self(1 << 6);

    const LETTERS: &'static [u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ123456";

    fn bit(class: char) -> Option<u32> {
        let class = u8::try_from(class).ok()?.to_ascii_uppercase();
        let index = Self::LETTERS.iter().position(|&letter| letter == class)?;
        Some(1 << index)
    }

    /// Whether `class` is in the set; false for a character that is no class.
    pub fn contains(self, class: char) -> bool {
        Self::bit(class).is_some_and(|bit| self.0 & bit != 0)
    }

    /// Whether the two sets have a class in common.
    pub fn intersects(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }

    /// Whether there is no class in it.
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }
}

impl FromStr for PrivilegeClasses {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        if text.is_empty() {
            return Err(NameError::PrivilegeClass);
        }
        text.chars().try_fold(Self::NONE, |set, class| {
            let bit = Self::bit(class).ok_or(NameError::PrivilegeClass)?;
            Ok(Self(set.0 | bit))
        })
    }
}

impl fmt::Display for PrivilegeClasses {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let members = Self::LETTERS.iter().enumerate().filter(|(index, _)| self.0 & (1 << index) != 0);
        let text: String = members.map(|(_, &letter)| char::from(letter)).collect();
        f.pad(&text)
    }
}

macro_rules! shown_as_text {
    ($($name:ty),*) => { $(
        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, f)
            }
        }
    )* };
}
shown_as_text!(UserId, Volid, DeviceNumber, PrivilegeClasses);

macro_rules! displayed_by_name {
    ($($name:ty),*) => { $(
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(self.as_str())
            }
        }
    )* };
}
displayed_by_name!(UserId, Volid, LinkMode);

macro_rules! serialized_as_text {
    ($($name:ty),*) => { $(
        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }
    )* };
}
serialized_as_text!(UserId, Volid, DeviceNumber, LinkMode, PrivilegeClasses);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_userid_is_folded_to_upper_case_and_bounded() {
        assert_eq!("cmsuser".parse::<UserId>().unwrap().as_str(), "CMSUSER");
        assert_eq!(&"ab".parse::<UserId>().unwrap().padded(), b"AB      ");
        assert_eq!(format!("{:<8}|", "MAINT".parse::<UserId>().unwrap()), "MAINT   |");
        for bad in ["", "NINECHARS", "A B", "A/B", "..", "ÄB"] {
            assert_eq!(bad.parse::<UserId>(), Err(NameError::UserId), "{bad:?}");
        }
    }

    #[test]
    fn volume_labels_may_be_those_of_an_ibm_directory() {
        for good in ["SYS001", "+VMRES", "&SYSRE", "vm50-1"] {
            assert_eq!(good.parse::<Volid>().unwrap().as_str(), good.to_uppercase());
        }
        for bad in ["", "SEVEN77", "A/B"] {
            assert_eq!(bad.parse::<Volid>(), Err(NameError::Volid), "{bad:?}");
        }
    }

    #[test]
    fn the_names_cp_keeps_for_itself_are_known() {
        let reserved = |name: &str| name.parse::<UserId>().unwrap().is_reserved();
        for name in ["SYSTEM", "SYSTEMMP", "LOGN0009", "logl0001", "LOGVSM"] {
            assert!(reserved(name), "{name}");
        }
        for name in ["SYSTEM1", "LOGGER", "OPERATOR"] {
            assert!(!reserved(name), "{name}");
        }
    }

    #[test]
    fn sizes_take_a_unit_and_print_the_largest_that_divides() {
        for (text, bytes, shown) in [
            ("16m", 16 << 20, "16M"),
            ("1024M", 1 << 30, "1G"),
            ("1028K", 1028 << 10, "1028K"),
            ("1T", 1 << 40, "1T"),
            ("65536", 65536, "64K"),
        ] {
            let size: StorageSize = text.parse().unwrap();
            assert_eq!((size.bytes(), size.to_string().as_str()), (bytes, shown), "{text}");
        }
        for bad in ["", "M", "-1M", "+1M", "1X", "63K", "65K5", "65537", "2T", "99999999999999999999G", "18446744073709551615T", "é"] {
            assert_eq!(bad.parse::<StorageSize>(), Err(NameError::StorageSize), "{bad:?}");
        }
    }

    #[test]
    fn device_numbers_show_four_digits() {
        assert_eq!("9".parse::<DeviceNumber>().unwrap().to_string(), "0009");
        assert_eq!("19e".parse::<DeviceNumber>(), Ok(DeviceNumber(0x19e)));
        for bad in ["", "12345", "+19", "19G"] {
            assert_eq!(bad.parse::<DeviceNumber>(), Err(NameError::DeviceNumber), "{bad:?}");
        }
    }

    #[test]
    fn every_link_mode_reads_back_as_written() {
        for (name, mode) in LinkMode::NAMES {
            assert_eq!(name.to_lowercase().parse(), Ok(mode));
            assert_eq!(mode.to_string(), name);
        }
        assert_eq!("RX".parse::<LinkMode>(), Err(NameError::LinkMode));
    }

    #[test]
    fn classes_are_a_set_shown_in_order() {
        let set: PrivilegeClasses = "gfedcba".parse().unwrap();
        assert_eq!(set.to_string(), "ABCDEFG");
        assert!(set.contains('a') && !set.contains('H') && !set.contains('é'));
        assert!(!set.intersects("Z6".parse().unwrap()));
        assert_eq!("G7".parse::<PrivilegeClasses>(), Err(NameError::PrivilegeClass));
        assert_eq!(PrivilegeClasses::GENERAL.to_string(), "G");
    }
}
