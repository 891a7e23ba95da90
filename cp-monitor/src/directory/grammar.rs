//! One parser for each statement that CP honours: operands in, a value of the model out.
//!
//! Forms and defaults follow the z/VM statements of the same name; `ISOLATE` of OPTION and `CMS` and `PC` of MACHINE are ours.

use super::diagnostic::{DirectoryError, Problem, Remark};
use super::geometry::DeviceType;
use super::model::{
    Account, ConsoleKind, ConsoleStatement, Extent, IplStatement, IplSystem, LinkStatement, MachineKind, Minidisk, OptionSet, Share,
    ShareAmount, ShareLimit, SpoolKind, SpoolStatement,
};
use super::names::{DeviceNumber, LinkMode, PrivilegeClasses, StorageSize, UserId};
use super::operands::{Operands, Parsed, percent};
use super::password::{LinkPassword, Password};
use super::scan::Word;

/// Most bytes behind PARM of an IPL statement.
const PARM_MAX: usize = 64;
/// Most bytes of a COMMAND statement's command.
const COMMAND_MAX: usize = 240;

/// What the operands of USER say.
#[derive(Clone, Debug)]
pub(super) struct UserOperands {
    pub(super) password: Password,
    pub(super) storage: Option<StorageSize>,
    pub(super) max_storage: Option<StorageSize>,
    pub(super) classes: Option<PrivilegeClasses>,
    /// Priority and line-editing characters, which have no effect.
    pub(super) ignored: bool,
}

/// The userid of USER or PROFILE.
pub(super) fn entry_name(operands: &mut Operands) -> Parsed<UserId> {
    let word = operands.require("userid")?;
    let userid: UserId = operands.name_of(word)?;
    if userid.is_reserved() {
        let problem = Problem::Name { statement: operands.name, error: super::NameError::ReservedUserId };
        return Err(DirectoryError { at: word.at, problem });
    }
    Ok(userid)
}

/// `USER userid password [stor [mstor [cl [pri [le [ld [cd [es]]]]]]]]`, behind the userid. Words after the tenth are ignored, as on z/VM.
pub(super) fn user(operands: &mut Operands) -> Parsed<UserOperands> {
    let word = operands.require("password, NOLOG, NOPASS, AUTOONLY or LBYONLY")?;
    let password = password(operands, word)?;
    let storage = optional(operands)?;
    let max_storage = optional(operands)?;
    let classes = optional(operands)?;
    let ignored = operands.peek().is_some();
    Ok(UserOperands { password, storage, max_storage, classes, ignored })
}

fn optional<T: std::str::FromStr<Err = super::NameError>>(operands: &mut Operands) -> Parsed<Option<T>> {
    operands.take().map(|word| operands.name_of(word)).transpose()
}

fn password<'s>(operands: &mut Operands<'_, 's>, word: Word<'s>) -> Parsed<Password> {
    let forms = [Password::NoLog, Password::NoPass, Password::AutoOnly, Password::LogonByOnly];
    match forms.into_iter().find(|form| form.form().eq_ignore_ascii_case(word.text)) {
        Some(form) => Ok(form),
        None => operands.secret(word).map(Password::Hashed),
    }
}

/// `IPL {vdev|nss} [PARM text]`. A name that is a hexadecimal number of one to four digits is a device.
pub(super) fn ipl(operands: &mut Operands) -> Parsed<IplStatement> {
    let word = operands.require("device number or system name")?;
    let system = match word.text.parse::<DeviceNumber>() {
        Ok(vdev) => IplSystem::Device(vdev),
        // A saved system's name has the form of a userid.
        Err(_) => match word.text.parse::<UserId>() {
            Ok(name) => IplSystem::Named(name.as_str().to_owned()),
            Err(_) => {
                return Err(operands.invalid(word, "a device number or a system name of 1 to 8 characters"));
            }
        },
    };
    let mut parm = None;
    if let Some(keyword) = operands.keyword("PARM", 4) {
        let text = operands.rest();
        if text.is_empty() {
            operands.require("text of PARM")?;
        }
        if text.len() > PARM_MAX {
            return Err(operands.invalid(keyword, "at most 64 bytes behind PARM"));
        }
        parm = Some(text);
    }
    operands.finish()?;
    Ok(IplStatement { system, parm })
}

/// `MACHINE {CMS|PC|ESA|XA|XC|Z|370} [processors]`.
pub(super) fn machine(operands: &mut Operands) -> Parsed<(MachineKind, u8)> {
    let word = operands.require("CMS, PC, ESA, XA, XC, Z or 370")?;
    let kind = match word.text.to_ascii_uppercase().as_str() {
        "PC" => MachineKind::Pc,
        "CMS" | "ESA" | "XA" | "XC" | "Z" | "370" => MachineKind::Cms,
        _ => return Err(operands.invalid(word, "CMS, PC, ESA, XA, XC, Z or 370")),
    };
    let processors = match operands.take() {
        Some(word) => operands.number(word, 1..=64, "1 to 64 virtual processors")?,
        None => 1,
    };
    operands.finish()?;
    Ok((kind, u8::try_from(processors).unwrap_or(1)))
}

/// `CONSOLE vdev {3215|3270} [class] [secuser [OBSERVER]]`.
pub(super) fn console(operands: &mut Operands) -> Parsed<ConsoleStatement> {
    let vdev = operands.require_name("device number")?;
    let word = operands.require("3215 or 3270")?;
    let kind = match word.text {
        "3215" | "3210" | "1052" => ConsoleKind::Line,
        "3270" => ConsoleKind::Display,
        _ => return Err(operands.invalid(word, "3215 or 3270")),
    };
    let class = match operands.take() {
        Some(word) => spool_class(operands, word, false)?,
        None => 'T',
    };
    let (mut secondary, mut observer) = (None, None);
    if let Some(word) = operands.take() {
        let userid = Some(operands.name_of(word)?);
        match operands.keyword("OBSERVER", 8) {
            Some(_) => observer = userid,
            None => secondary = userid,
        }
    }
    operands.finish()?;
    Ok(ConsoleStatement { vdev, kind, class, secondary, observer })
}

fn spool_class(operands: &Operands, word: Word<'_>, reader: bool) -> Parsed<char> {
    let mut letters = word.text.chars();
    match (letters.next(), letters.next()) {
        (Some(c), None) if c.is_ascii_alphanumeric() => Ok(c.to_ascii_uppercase()),
        (Some('*'), None) if reader => Ok('*'),
        _ => Err(operands.invalid(word, if reader { "a class A to Z, 0 to 9, or *" } else { "a class A to Z or 0 to 9" })),
    }
}

/// Models that can stand on a SPOOL statement and what they are; a 2540 says which by an operand.
const UNIT_RECORD: [(&str, Option<SpoolKind>); 16] = [
    ("2540", None),
    ("2501", Some(SpoolKind::Reader)),
    ("3505", Some(SpoolKind::Reader)),
    ("3525", Some(SpoolKind::Punch)),
    ("1403", Some(SpoolKind::Printer)),
    ("1443", Some(SpoolKind::Printer)),
    ("3203", Some(SpoolKind::Printer)),
    ("3211", Some(SpoolKind::Printer)),
    ("3262", Some(SpoolKind::Printer)),
    ("3289", Some(SpoolKind::Printer)),
    ("3800", Some(SpoolKind::Printer)),
    ("4245", Some(SpoolKind::Printer)),
    ("4248", Some(SpoolKind::Printer)),
    ("AFP1", Some(SpoolKind::Printer)),
    ("VAFP", Some(SpoolKind::Printer)),
    ("3820", Some(SpoolKind::Printer)),
];

/// `SPOOL vdev model [READER|PUNCH] [class]`: class `*` for a reader and A for the others when not given.
pub(super) fn spool(operands: &mut Operands) -> Parsed<SpoolStatement> {
    let vdev = operands.require_name("device number")?;
    let word = operands.require("model: 2540, 1403, ...")?;
    let model = UNIT_RECORD.iter().find(|(model, _)| model.eq_ignore_ascii_case(word.text));
    let &(model, kind) = model.ok_or_else(|| operands.invalid(word, "a unit-record model: 2540, 3505, 3525, 1403, 3203, 3211, ..."))?;
    let kind = match kind {
        Some(kind) => kind,
        None => reader_or_punch(operands)?,
    };
    let reader = kind == SpoolKind::Reader;
    let class = match operands.take() {
        Some(word) => spool_class(operands, word, reader)?,
        None if reader => '*',
        None => 'A',
    };
    operands.finish()?;
    Ok(SpoolStatement { vdev, kind, model: model.to_owned(), class })
}

/// `SPOOLFILE MAXSPOOL n`: most spool files, 1 to 9999.
pub(super) fn spool_file(operands: &mut Operands) -> Parsed<u16> {
    if operands.keyword("MAXSPOOL", 4).is_none() {
        let word = operands.require("MAXSPOOL n")?;
        return Err(operands.invalid(word, "MAXSPOOL n"));
    }
    let word = operands.require("number of spool files, 1 to 9999")?;
    let limit = operands.number(word, 1..=9999, "a number of spool files, 1 to 9999")?;
    operands.finish()?;
    Ok(u16::try_from(limit).unwrap_or(9999))
}

fn reader_or_punch(operands: &mut Operands) -> Parsed<SpoolKind> {
    let word = operands.require("READER or PUNCH")?;
    if word.abbreviates("READER", 1) {
        Ok(SpoolKind::Reader)
    } else if word.abbreviates("PUNCH", 2) {
        Ok(SpoolKind::Punch)
    } else {
        Err(operands.invalid(word, "READER or PUNCH"))
    }
}

/// `MDISK vdev type {start count|start END|T-DISK size|V-DISK blocks|DEVNO rdev} [volid] [mode [read [write [multiple]]]]`.
/// The mode is W when not given.
pub(super) fn mdisk(operands: &mut Operands) -> Parsed<Minidisk> {
    let line = operands.statement.at().line;
    let vdev = operands.require_name("device number")?;
    let word = operands.require("disk type: 3390, FB-512, ...")?;
    let unknown = |error| DirectoryError { at: word.at, problem: Problem::DeviceType(error) };
    let device: DeviceType = word.text.parse().map_err(unknown)?;
    let extent = extent(operands, device)?;
    let volid = match extent {
        Extent::Cylinders { .. } | Extent::Blocks { .. } => Some(operands.require_name("volume label")?),
        _ => None,
    };
    let mode = match operands.take() {
        Some(word) => mdisk_mode(operands, word)?,
        None => MdiskMode { mode: LinkMode::W, stable: false, exclusive: false },
    };
    let read = link_password(operands)?;
    let write = link_password(operands)?;
    let multiple = link_password(operands)?;
    operands.finish()?;
    let (stable_allowed, exclusive_allowed) = (mode.stable || mode.exclusive, mode.exclusive);
    Ok(Minidisk { vdev, device, extent, volid, mode: mode.mode, stable_allowed, exclusive_allowed, read, write, multiple, line })
}

fn extent(operands: &mut Operands, device: DeviceType) -> Parsed<Extent> {
    let limit = device.volume_limit();
    if operands.keyword("DEVNO", 5).is_some() {
        let rdev = operands.require_name("real device number")?;
        return Ok(Extent::Device { rdev });
    }
    if operands.keyword("T-DISK", 6).is_some() || operands.keyword("TDISK", 5).is_some() {
        let word = operands.require("size of the temporary disk")?;
        return Ok(Extent::Temporary { size: operands.number(word, 1..=limit, "a number of cylinders or blocks")? });
    }
    if let Some(word) = operands.keyword("V-DISK", 6) {
        if device.is_ckd() {
            return Err(operands.invalid(word, "T-DISK: a V-DISK is a fixed-block disk (FB-512)"));
        }
        let word = operands.require("blocks of the virtual disk")?;
        return Ok(Extent::Virtual { blocks: operands.number(word, 1..=limit, "a number of 512-byte blocks")? });
    }
    let first = operands.require("first cylinder or block")?;
    let start = operands.number(first, 0..=u32::MAX, "a cylinder or block number, T-DISK, V-DISK or DEVNO")?;
    let count = match operands.keyword("END", 3) {
        Some(_) => device.common_volume().saturating_sub(start),
        None => {
            let word = operands.require("number of cylinders or blocks, or END")?;
            operands.number(word, 0..=u32::MAX, "a number of cylinders or blocks, or END")?
        }
    };
    if count == 0 || u64::from(start) + u64::from(count) > u64::from(limit) {
        let (start, count) = (u64::from(start), u64::from(count));
        let problem = Problem::ExtentTooLarge { device, start, count, limit: limit - 1 };
        return Err(DirectoryError { at: first.at, problem });
    }
    Ok(if device.is_ckd() { Extent::Cylinders { start, count } } else { Extent::Blocks { start, count } })
}

struct MdiskMode {
    mode: LinkMode,
    stable: bool,
    exclusive: bool,
}

/// A link mode, with the suffixes V (virtual reserve/release, which every disk allows), S and E.
fn mdisk_mode(operands: &Operands, word: Word<'_>) -> Parsed<MdiskMode> {
    let mut found = MdiskMode { mode: LinkMode::W, stable: false, exclusive: false };
    let mut text = word.text;
    for _ in 0..3 {
        if let Ok(mode) = text.parse() {
            found.mode = mode;
            return Ok(found);
        }
        match text.as_bytes().last().map(u8::to_ascii_uppercase) {
            Some(b'V') => {}
            Some(b'S') => found.stable = true,
            Some(b'E') => found.exclusive = true,
            _ => break,
        }
        text = &text[..text.len() - 1];
    }
    operands.name_of::<LinkMode>(word).map(|mode| MdiskMode { mode, ..found })
}

fn link_password(operands: &mut Operands) -> Parsed<LinkPassword> {
    match operands.take() {
        None => Ok(LinkPassword::None),
        Some(word) if word.text.eq_ignore_ascii_case("ALL") => Ok(LinkPassword::All),
        Some(word) => operands.secret(word).map(LinkPassword::Hashed),
    }
}

/// `LINK owner vdev [as-vdev [mode]]`: the same number and mode R when not given.
pub(super) fn link(operands: &mut Operands) -> Parsed<LinkStatement> {
    let line = operands.statement.at().line;
    let owner = operands.require_name("userid of the owner")?;
    let vdev = operands.require_name("device number")?;
    let as_vdev = optional(operands)?.unwrap_or(vdev);
    let mode = optional(operands)?.unwrap_or(LinkMode::R);
    operands.finish()?;
    Ok(LinkStatement { owner, vdev, as_vdev, mode, line })
}

/// `SHARE {RELATIVE n|ABSOLUTE n%} [{RELATIVE n|ABSOLUTE n%}] [NOLIMIT|LIMITSOFT|LIMITHARD]`. A maximum without a word for its limit is LIMITSOFT.
pub(super) fn share(operands: &mut Operands) -> Parsed<Share> {
    let expected = "RELATIVE n or ABSOLUTE n%";
    let Some(normal) = share_amount(operands)? else {
        let word = operands.require(expected)?;
        return Err(operands.invalid(word, expected));
    };
    let maximum = share_amount(operands)?;
    let limit = if let Some(word) = operands.keyword("NOLIMIT", 3) {
        if maximum.is_some() {
            return Err(operands.invalid(word, "LIMITSOFT or LIMITHARD behind a maximum share"));
        }
        ShareLimit::NoLimit
    } else if operands.keyword("LIMITSOFT", 6).is_some() {
        ShareLimit::LimitSoft
    } else if operands.keyword("LIMITHARD", 6).is_some() {
        ShareLimit::LimitHard
    } else if maximum.is_some() {
        ShareLimit::LimitSoft
    } else {
        ShareLimit::NoLimit
    };
    operands.finish()?;
    Ok(Share { normal, maximum: maximum.unwrap_or(normal), limit })
}

fn share_amount(operands: &mut Operands) -> Parsed<Option<ShareAmount>> {
    if operands.keyword("RELATIVE", 3).is_some() {
        let word = operands.require("share of 1 to 10000")?;
        let weight = operands.number(word, 1..=10_000, "a share of 1 to 10000")?;
        return Ok(Some(ShareAmount::Relative(u16::try_from(weight).unwrap_or(u16::MAX))));
    }
    if operands.keyword("ABSOLUTE", 3).is_some() {
        let word = operands.require("share of 0.1% to 100%")?;
        let amount = percent(word.text).ok_or_else(|| operands.invalid(word, "a share of 0.1% to 100%"))?;
        return Ok(Some(amount));
    }
    Ok(None)
}

/// OPTION keywords of z/VM and VM/370 that change nothing here, and how many words follow each.
const IGNORED_OPTIONS: [(&str, usize); 43] = [
    ("370E", 0),
    ("ACCT", 0),
    ("AFFINITY", 1),
    ("APPLMON", 0),
    ("BMX", 0),
    ("CFUSER", 0),
    ("CFVM", 0),
    ("CHPIDV", 1),
    ("CHPIDVIRTUALIZATION", 1),
    ("COMSRV", 0),
    ("CPUID", 1),
    ("CRYMEASURE", 0),
    ("D84NOPAS", 0),
    ("D84PASS", 0),
    ("DEVINFO", 0),
    ("DEVMAINT", 0),
    ("DIAG98", 0),
    ("ECMODE", 0),
    ("ISAM", 0),
    ("LANG", 1),
    ("LKFAC", 0),
    ("LXAPP", 0),
    ("MAINTCCW", 0),
    ("MAXVDISK", 1),
    ("MIH", 0),
    ("NETACCOUNTING", 0),
    ("NETROUTER", 0),
    ("NOMDCFS", 0),
    ("REALTIMER", 0),
    ("RMCHINFO", 0),
    ("SETORIG", 0),
    ("STFIRST", 0),
    ("STGEXEMPT", 0),
    ("STHYI-UTIL", 0),
    ("SVCACCL", 0),
    ("SVCOFF", 0),
    ("TODENABLE", 0),
    ("TXF", 0),
    ("VIRT=FIXED", 0),
    ("VIRT=REAL", 0),
    ("VMSAVE", 0),
    ("WLMI", 0),
    ("XMEM", 0),
];

/// `OPTION keyword...`, added to what `options` has. Keywords without effect are named in `ignored`.
pub(super) fn option<'s>(operands: &mut Operands<'_, 's>, options: &mut OptionSet, ignored: &mut Vec<(Word<'s>, Remark)>) -> Parsed<()> {
    let mut word = operands.require("option keyword")?;
    loop {
        let keyword = word.text.to_ascii_uppercase();
        match keyword.as_str() {
            "LNKNOPAS" | "LINKNOPAS" => options.lnknopas = true,
            "LNKSTABL" => options.lnkstabl = true,
            "LNKEXCLU" => options.lnkexclu = true,
            "QUICKDSP" => options.quickdsp = true,
            "SVMSTAT" => options.svmstat = true,
            "ISOLATE" => {
                options.isolate = true;
                // Every machine shares the one partition of this release.
                ignored.push((word, Remark::NoEffect("OPTION ISOLATE".to_owned())));
            }
            "CONCEAL" => options.conceal = true,
            "IGNMAXU" => options.ignmaxu = true,
            "DIAG88" => options.diag88 = true,
            "MAXCONN" => {
                let number = operands.require("connections, 1 to 65535")?;
                let connections = operands.number(number, 1..=65_535, "connections, 1 to 65535")?;
                options.maxconn = u16::try_from(connections).ok();
            }
            _ => {
                let known = IGNORED_OPTIONS.iter().find(|(name, _)| *name == keyword);
                let &(name, operand_count) = known.ok_or_else(|| operands.invalid(word, "an OPTION keyword"))?;
                for _ in 0..operand_count {
                    operands.require("value of the option")?;
                }
                ignored.push((word, Remark::NoEffect(format!("OPTION {name}"))));
            }
        }
        match operands.take() {
            Some(next) => word = next,
            None => return Ok(()),
        }
    }
}

/// `CLASS x...`: classes with or without blanks between them.
pub(super) fn class(operands: &mut Operands) -> Parsed<PrivilegeClasses> {
    let first = operands.require("privilege classes")?;
    let mut text = first.text.to_owned();
    operands.name_of::<PrivilegeClasses>(first)?;
    while let Some(word) = operands.take() {
        operands.name_of::<PrivilegeClasses>(word)?;
        text.push_str(word.text);
    }
    operands.name_of(Word { text: &text, ..first })
}

/// `ACCOUNT number [distribution]`.
pub(super) fn account(operands: &mut Operands) -> Parsed<Account> {
    let code = |operands: &Operands, word: Word<'_>| {
        let fits = (1..=8).contains(&word.text.len()) && word.text.is_ascii();
        fits.then(|| word.text.to_ascii_uppercase()).ok_or_else(|| operands.invalid(word, "1 to 8 characters"))
    };
    let word = operands.require("account number")?;
    let number = code(operands, word)?;
    let distribution = operands.take().map(|word| code(operands, word)).transpose()?;
    operands.finish()?;
    Ok(Account { number, distribution })
}

/// `COMMAND text`.
pub(super) fn command(operands: &mut Operands) -> Parsed<String> {
    let word = match operands.peek() {
        Some(word) => word,
        None => operands.require("CP command")?,
    };
    let text = operands.rest();
    if text.len() > COMMAND_MAX { Err(operands.invalid(word, "a command of at most 240 bytes")) } else { Ok(text) }
}
