//! One USER or PROFILE entry while it is read: what its statements have said so far, laid over what its profile says.

use std::collections::BTreeMap;

use super::diagnostic::{Diagnostics, DirectoryError, EntryName, Position, Problem, Remark};
use super::grammar::{self, UserOperands};
use super::model::{
    Account, ConsoleStatement, IplStatement, LinkStatement, MachineKind, Minidisk, OptionSet, Share, SpoolStatement, UserEntry,
};
use super::names::{DeviceNumber, PrivilegeClasses, StorageSize, UserId};
use super::operands::{Operands, Parsed};
use super::password::Password;
use super::verbs::Verb;

/// Storage of a user whose entry and profile name none.
const DEFAULT_STORAGE: StorageSize = StorageSize::megabytes(32);
/// Most names on one AUTOLOG or LOGONBY statement.
const NAMES_MAX: usize = 8;
/// Most ACCOUNT statements of an entry.
const ACCOUNTS_MAX: usize = 8;

/// What general statements have said.
#[derive(Clone, Debug, Default)]
struct Settings {
    storage: Option<StorageSize>,
    max_storage: Option<StorageSize>,
    classes: Option<PrivilegeClasses>,
    ipl: Option<IplStatement>,
    machine: Option<(MachineKind, u8)>,
    share: Option<Share>,
    options: OptionSet,
    accounts: Vec<Account>,
    max_spool: Option<u16>,
    autolog_by: Vec<UserId>,
    logon_by: Vec<UserId>,
    commands: Vec<String>,
}

/// A device that the entry defines.
#[derive(Clone, Debug)]
enum Device {
    Console(ConsoleStatement),
    Spool(SpoolStatement),
    Minidisk(Minidisk),
    Link(LinkStatement),
    /// A device of z/VM that CP does not have; its number is taken all the same.
    Absent(DeviceNumber),
}

impl Device {
    fn vdev(&self) -> DeviceNumber {
        match self {
            Self::Console(console) => console.vdev,
            Self::Spool(spool) => spool.vdev,
            Self::Minidisk(disk) => disk.vdev,
            Self::Link(link) => link.as_vdev,
            Self::Absent(vdev) => *vdev,
        }
    }
}

#[derive(Clone, Debug)]
struct Placed {
    device: Device,
    line: u32,
    /// It comes from the profile, so a statement of the entry's own may replace it.
    inherited: bool,
}

/// An entry while it is read.
#[derive(Clone, Debug)]
pub(super) struct Draft {
    pub(super) name: EntryName,
    pub(super) at: Position,
    head: Option<UserOperands>,
    profile: Option<UserId>,
    settings: Settings,
    devices: Vec<Placed>,
    /// Device numbers taken and where each stands in `devices`.
    numbers: BTreeMap<DeviceNumber, usize>,
    /// Statements of which there may be one, and the line of the one there was.
    given: BTreeMap<&'static str, u32>,
    /// Statements behind USER or PROFILE so far.
    pub(super) statements: usize,
    /// A device statement has been read: no general one may follow.
    pub(super) in_devices: bool,
}

impl Draft {
    pub(super) fn new(name: EntryName, at: Position, head: Option<UserOperands>) -> Self {
        Self {
            name,
            at,
            head,
            profile: None,
            settings: Settings::default(),
            devices: Vec::new(),
            numbers: BTreeMap::new(),
            given: BTreeMap::new(),
            statements: 0,
            in_devices: false,
        }
    }

    /// Lays this entry over a profile. It must not have a statement of its own yet.
    pub(super) fn include(&mut self, name: UserId, profile: &Self) {
        self.profile = Some(name);
        self.settings = profile.settings.clone();
        self.devices.clone_from(&profile.devices);
        self.numbers.clone_from(&profile.numbers);
        for placed in &mut self.devices {
            placed.inherited = true;
        }
    }

    /// Reads one statement into the entry.
    pub(super) fn apply(&mut self, verb: Verb, operands: &mut Operands, said: &mut Diagnostics) -> Parsed<()> {
        if let Verb::Ipl | Verb::Machine | Verb::Share | Verb::Class | Verb::Storage | Verb::MaxStorage | Verb::SpoolFile | Verb::Console =
            verb
        {
            self.once(operands)?;
        }
        let settings = &mut self.settings;
        match verb {
            Verb::Ipl => settings.ipl = Some(grammar::ipl(operands)?),
            Verb::Machine => settings.machine = Some(grammar::machine(operands)?),
            Verb::Share => settings.share = Some(grammar::share(operands)?),
            Verb::Class => settings.classes = Some(grammar::class(operands)?),
            Verb::Storage => settings.storage = Some(size(operands)?),
            Verb::MaxStorage => settings.max_storage = Some(size(operands)?),
            Verb::Option => {
                let mut ignored = Vec::new();
                let outcome = grammar::option(operands, &mut settings.options, &mut ignored);
                ignored.into_iter().for_each(|(word, remark)| said.warn(word.at, remark));
                outcome?;
            }
            Verb::SpoolFile => settings.max_spool = Some(grammar::spool_file(operands)?),
            Verb::Account if settings.accounts.len() == ACCOUNTS_MAX => {
                let word = operands.require("account number")?;
                return Err(operands.invalid(word, "at most 8 ACCOUNT statements in an entry"));
            }
            Verb::Account => settings.accounts.push(grammar::account(operands)?),
            Verb::Autolog => settings.autolog_by.extend(operands.names::<UserId>("userid", NAMES_MAX)?),
            Verb::LogonBy => settings.logon_by.extend(operands.names::<UserId>("userid", NAMES_MAX)?),
            Verb::Command => settings.commands.push(grammar::command(operands)?),
            Verb::Console => {
                let console = grammar::console(operands)?;
                self.withdraw_inherited_console();
                self.place(Device::Console(console), operands)?;
            }
            Verb::Spool => self.place(Device::Spool(grammar::spool(operands)?), operands)?,
            Verb::Mdisk => self.place(Device::Minidisk(grammar::mdisk(operands)?), operands)?,
            Verb::Link => self.place(Device::Link(grammar::link(operands)?), operands)?,
            Verb::AbsentDevice => {
                said.warn(operands.statement.at(), Remark::NoEffect(operands.name.to_owned()));
                if let Some(vdev) = operands.take().and_then(|word| word.text.parse().ok()) {
                    self.place(Device::Absent(vdev), operands)?;
                }
            }
            Verb::NoEffect => said.warn(operands.statement.at(), Remark::NoEffect(operands.name.to_owned())),
            Verb::User | Verb::Profile | Verb::Include | Verb::Unsupported(_) => {}
        }
        Ok(())
    }

    /// Refuses a second statement of a kind of which there may be one.
    fn once(&mut self, operands: &Operands) -> Parsed<()> {
        let at = operands.statement.at();
        match self.given.insert(operands.name, at.line) {
            None => Ok(()),
            Some(first) => {
                self.given.insert(operands.name, first);
                let problem = Problem::DuplicateStatement { statement: operands.name, first };
                Err(DirectoryError { at, problem })
            }
        }
    }

    fn withdraw_inherited_console(&mut self) {
        let console = |placed: &Placed| placed.inherited && matches!(placed.device, Device::Console(_));
        if let Some(index) = self.devices.iter().position(console) {
            self.devices.remove(index);
            self.numbers = self.devices.iter().enumerate().map(|(index, placed)| (placed.device.vdev(), index)).collect();
        }
    }

    /// The lines of minidisks with cylinders of their own, which a profile must not have.
    pub(super) fn fixed_extents(&self) -> Vec<u32> {
        let fixed = |device: &Device| match device {
            Device::Minidisk(disk) => !disk.is_temporary(),
            _ => false,
        };
        self.devices.iter().filter(|placed| fixed(&placed.device)).map(|placed| placed.line).collect()
    }

    /// Adds a device, in the place of an inherited one with its number.
    fn place(&mut self, device: Device, operands: &Operands) -> Parsed<()> {
        let at = operands.statement.at();
        let vdev = device.vdev();
        let placed = Placed { device, line: at.line, inherited: false };
        match self.numbers.get(&vdev).and_then(|&index| self.devices.get_mut(index)) {
            Some(present) if present.inherited => *present = placed,
            Some(present) => {
                let at = operands.statement.words.get(1).map_or(at, |word| word.at);
                return Err(DirectoryError { at, problem: Problem::DuplicateDevice { vdev, first: present.line } });
            }
            None => {
                self.numbers.insert(vdev, self.devices.len());
                self.devices.push(placed);
            }
        }
        Ok(())
    }

    /// The user that this entry makes; `None` for a profile and for an entry whose USER statement could not be read.
    pub(super) fn finish(self, said: &mut Diagnostics) -> Option<UserEntry> {
        let (EntryName::User(userid), Some(head)) = (self.name, self.head) else {
            return None;
        };
        let own = |statement: &str| self.given.contains_key(statement);
        let layered = |statement, stated: Option<StorageSize>, operand: Option<StorageSize>| {
            if own(statement) { stated } else { operand.or(stated) }
        };
        let settings = self.settings;
        let storage = layered("STORAGE", settings.storage, head.storage);
        let max_storage = layered("MAXSTORAGE", settings.max_storage, head.max_storage);
        let storage = storage.unwrap_or_else(|| max_storage.map_or(DEFAULT_STORAGE, |most| most.min(DEFAULT_STORAGE)));
        let max_storage = max_storage.unwrap_or(storage);
        if storage > max_storage {
            said.error(self.at, Problem::StorageAboveMaximum(userid));
        }
        let classes = if own("CLASS") { settings.classes } else { head.classes.or(settings.classes) };
        let classes = match head.password {
            Password::NoLog => PrivilegeClasses::NONE,
            _ => classes.unwrap_or(PrivilegeClasses::GENERAL),
        };
        let (machine, processors) = settings.machine.unwrap_or((MachineKind::Cms, 1));
        let mut entry = UserEntry {
            userid,
            password: head.password,
            storage,
            max_storage,
            classes,
            profile: self.profile,
            ipl: settings.ipl,
            machine,
            processors,
            console: None,
            spool: Vec::new(),
            minidisks: Vec::new(),
            links: Vec::new(),
            share: settings.share.unwrap_or_default(),
            options: settings.options,
            max_spool: settings.max_spool,
            accounts: settings.accounts,
            autolog_by: settings.autolog_by,
            logon_by: settings.logon_by,
            commands: settings.commands,
            line: self.at.line,
        };
        for placed in self.devices {
            match placed.device {
                Device::Console(console) => entry.console = Some(console),
                Device::Spool(spool) => entry.spool.push(spool),
                Device::Minidisk(disk) => entry.minidisks.push(disk),
                Device::Link(link) => entry.links.push(link),
                Device::Absent(_) => {}
            }
        }
        Some(entry)
    }
}

fn size(operands: &mut Operands) -> Parsed<StorageSize> {
    let size = operands.require_name("storage size")?;
    operands.finish()?;
    Ok(size)
}
