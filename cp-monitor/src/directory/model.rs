//! What the directory says of each user: the values that CP logs a user on with.
//!
//! Made by [`super::compile`] and [`super::store::load`] only, so every value has been checked. Pure data; `Serialize` gives the JSON that
//! `cp64 user` shows, in which no secret stands.

use std::collections::BTreeMap;

use serde::Serialize;

use super::geometry::DeviceType;
use super::names::{DeviceNumber, LinkMode, PrivilegeClasses, StorageSize, UserId, Volid};
use super::password::{LinkPassword, Password};

/// A compiled directory.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Directory {
    /// Every USER entry, with what its profile gave it.
    pub users: BTreeMap<UserId, UserEntry>,
}

impl Directory {
    /// The entry of a user.
    pub fn user(&self, userid: &UserId) -> Option<&UserEntry> {
        self.users.get(userid)
    }

    /// The minidisk that `owner` has at `vdev`.
    pub fn minidisk(&self, owner: &UserId, vdev: DeviceNumber) -> Option<&Minidisk> {
        self.users.get(owner)?.minidisk(vdev)
    }
}

/// One user.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct UserEntry {
    /// The user's name.
    pub userid: UserId,
    /// How the user may log on.
    pub password: Password,
    /// Storage at logon.
    pub storage: StorageSize,
    /// The most that DEFINE STORAGE may give.
    pub max_storage: StorageSize,
    /// Privilege classes; none for a NOLOG user.
    pub classes: PrivilegeClasses,
    /// The profile that the entry includes.
    pub profile: Option<UserId>,
    /// What to IPL at logon.
    pub ipl: Option<IplStatement>,
    /// Kind of machine.
    pub machine: MachineKind,
    /// Most virtual processors, 1 to 64.
    pub processors: u8,
    /// The console.
    pub console: Option<ConsoleStatement>,
    /// Virtual readers, punches and printers.
    pub spool: Vec<SpoolStatement>,
    /// Minidisks.
    pub minidisks: Vec<Minidisk>,
    /// Links made at logon; they need no password.
    pub links: Vec<LinkStatement>,
    /// Share of the real processors.
    pub share: Share,
    /// OPTION keywords.
    pub options: OptionSet,
    /// Account numbers, the first being the default.
    pub accounts: Vec<Account>,
    /// SPOOLFILE MAXSPOOL: most spool files, 1 to 9999.
    pub max_spool: Option<u16>,
    /// Who may XAUTOLOG this user without class A or B.
    pub autolog_by: Vec<UserId>,
    /// Who may LOGON this user with a password of their own.
    pub logon_by: Vec<UserId>,
    /// CP commands to run at logon, before the IPL.
    pub commands: Vec<String>,
    /// Line of the USER statement in the source, from 1.
    pub line: u32,
}

impl UserEntry {
    /// The minidisk at `vdev`.
    pub fn minidisk(&self, vdev: DeviceNumber) -> Option<&Minidisk> {
        self.minidisks.iter().find(|disk| disk.vdev == vdev)
    }

    /// Whether anybody can ever log on as this user (not NOLOG).
    pub fn can_log_on(&self) -> bool {
        self.password != Password::NoLog
    }
}

/// `IPL {vdev|nss} [PARM text]`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct IplStatement {
    /// What is loaded.
    pub system: IplSystem,
    /// What stands behind PARM, as written; at most 64 bytes.
    pub parm: Option<String>,
}

/// What IPL loads.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum IplSystem {
    /// A device.
    Device(DeviceNumber),
    /// A named saved system, 1 to 8 characters in upper case.
    Named(String),
}

/// The two kinds of virtual machine.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum MachineKind {
    /// Paravirtual: `MACHINE CMS`, and what z/VM entries say (`ESA XA XC Z 370`).
    #[default]
    Cms,
    /// A whole personal computer: `MACHINE PC`.
    Pc,
}

/// `CONSOLE vdev {3215|3270} [class] [secuser [OBSERVER]]`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ConsoleStatement {
    /// Its device number.
    pub vdev: DeviceNumber,
    /// Line or full screen.
    pub kind: ConsoleKind,
    /// Spool class of console output, T when not given.
    pub class: char,
    /// The user who sees and answers this console while it is disconnected.
    pub secondary: Option<UserId>,
    /// The user who only sees it.
    pub observer: Option<UserId>,
}

/// Types of console.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub enum ConsoleKind {
    /// Line by line: 3215 (also written 1052 or 3210).
    #[serde(rename = "3215")]
    Line,
    /// Full screen: 3270.
    #[serde(rename = "3270")]
    Display,
}

/// `SPOOL vdev model [READER|PUNCH] [class]`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SpoolStatement {
    /// Its device number.
    pub vdev: DeviceNumber,
    /// What it does.
    pub kind: SpoolKind,
    /// Its model as written: `2540`, `1403`.
    pub model: String,
    /// Spool class; `*` on a reader is any class.
    pub class: char,
}

/// The three unit-record devices.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum SpoolKind {
    /// Card reader.
    Reader,
    /// Card punch.
    Punch,
    /// Printer.
    Printer,
}

/// `MDISK vdev devtype extent [volid] [mode [read [write [multiple]]]]`.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Minidisk {
    /// Its device number.
    pub vdev: DeviceNumber,
    /// Type as written.
    pub device: DeviceType,
    /// Where it is and how large.
    pub extent: Extent,
    /// The volume; none for T-DISK, V-DISK and DEVNO.
    pub volid: Option<Volid>,
    /// How the owner is linked to it at logon.
    pub mode: LinkMode,
    /// Suffix S of the mode: others may use the stable modes without `OPTION LNKSTABL`.
    pub stable_allowed: bool,
    /// Suffix E of the mode: others may use the stable and exclusive modes without `OPTION LNKEXCLU`.
    pub exclusive_allowed: bool,
    /// Password for R and RR.
    pub read: LinkPassword,
    /// Password for W and WR.
    pub write: LinkPassword,
    /// Password for M, MR and MW.
    pub multiple: LinkPassword,
    /// Line of the statement in the source, from 1.
    pub line: u32,
}

impl Minidisk {
    /// Cylinders as written; `None` on a fixed-block device and for DEVNO.
    pub fn cylinders(&self) -> Option<u32> {
        match self.extent {
            Extent::Cylinders { count, .. } => Some(count),
            Extent::Temporary { size } if self.device.is_ckd() => Some(size),
            _ => None,
        }
    }

    /// Blocks of 4096 bytes that CP gives it, by the table of [`DeviceType`]; `None` for DEVNO, which has no size of its own.
    pub fn blocks(&self) -> Option<u64> {
        let size = match self.extent {
            Extent::Cylinders { count, .. } | Extent::Blocks { count, .. } => count,
            Extent::Temporary { size } | Extent::Virtual { blocks: size } => size,
            Extent::Device { .. } => return None,
        };
        Some(self.device.blocks_of_4k(size))
    }

    /// Whether it is made at logon and gone at logoff.
    pub fn is_temporary(&self) -> bool {
        matches!(self.extent, Extent::Temporary { .. } | Extent::Virtual { .. })
    }
}

/// Where a minidisk is and how large.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Extent {
    /// `start count` on a count-key-data device, in cylinders from 0.
    Cylinders {
        /// First cylinder.
        start: u32,
        /// How many.
        count: u32,
    },
    /// `start count` on a fixed-block device, in 512-byte blocks from 0.
    Blocks {
        /// First block.
        start: u32,
        /// How many.
        count: u32,
    },
    /// `T-DISK size`: temporary disk, in cylinders or 512-byte blocks.
    Temporary {
        /// Cylinders or 512-byte blocks, by the device.
        size: u32,
    },
    /// `V-DISK blocks`: a disk in storage, in 512-byte blocks.
    Virtual {
        /// 512-byte blocks.
        blocks: u32,
    },
    /// `DEVNO rdev`: a whole real device.
    Device {
        /// The real device.
        rdev: DeviceNumber,
    },
}

/// `LINK owner vdev [as-vdev [mode]]`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct LinkStatement {
    /// Whose disk.
    pub owner: UserId,
    /// Its number with the owner.
    pub vdev: DeviceNumber,
    /// Its number with this user.
    pub as_vdev: DeviceNumber,
    /// How; R when not given.
    pub mode: LinkMode,
    /// Line of the statement in the source, from 1.
    pub line: u32,
}

/// `SHARE {RELATIVE n|ABSOLUTE n%} [max] [NOLIMIT|LIMITSOFT|LIMITHARD]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Share {
    /// What the user is to get at least.
    pub normal: ShareAmount,
    /// What the user is to get at most; the normal share when a limit is named without an amount.
    pub maximum: ShareAmount,
    /// How the most is kept.
    pub limit: ShareLimit,
}

impl Default for Share {
    /// RELATIVE 100 NOLIMIT.
    fn default() -> Self {
        let amount = ShareAmount::Relative(100);
        Self { normal: amount, maximum: amount, limit: ShareLimit::NoLimit }
    }
}

/// An amount of processor time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ShareAmount {
    /// Tenths of a percent of all real processors, 1 to 1000.
    Absolute {
        /// Tenths of a percent.
        tenths: u16,
    },
    /// A weight among the relative users, 1 to 10000.
    Relative(u16),
}

/// How a maximum share is kept.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum ShareLimit {
    /// There is none.
    #[default]
    NoLimit,
    /// It may be exceeded when nobody else wants the time.
    LimitSoft,
    /// It is never exceeded.
    LimitHard,
}

/// OPTION keywords that CP honours.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct OptionSet {
    /// LNKNOPAS: may link any disk in any mode without a password.
    pub lnknopas: bool,
    /// LNKSTABL: may use the stable link modes.
    pub lnkstabl: bool,
    /// LNKEXCLU: may use the stable and exclusive link modes.
    pub lnkexclu: bool,
    /// QUICKDSP: never waits to enter the dispatch list.
    pub quickdsp: bool,
    /// SVMSTAT: a service machine, counted apart.
    pub svmstat: bool,
    /// ISOLATE (ours): a partition of its own.
    pub isolate: bool,
    /// CONCEAL: errors and attention re-IPL the machine and do not show CP READ.
    pub conceal: bool,
    /// IGNMAXU: logs on although the maximum of users is reached.
    pub ignmaxu: bool,
    /// DIAG88: may check other users' passwords.
    pub diag88: bool,
    /// MAXCONN: most IUCV connections.
    pub maxconn: Option<u16>,
}

impl UserEntry {
    /// The distribution code that the user's spool files begin with: of the first ACCOUNT statement, else the userid.
    pub fn dist(&self) -> Option<spool::Word> {
        let named = self.accounts.first().and_then(|account| account.distribution.as_deref());
        spool::Word::new(named.unwrap_or(self.userid.as_str())).ok()
    }
}

/// `ACCOUNT number [distribution]`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Account {
    /// Account number, 1 to 8 characters.
    pub number: String,
    /// Distribution code of spool files, 1 to 8 characters.
    pub distribution: Option<String>,
}
