//! The disks a user has accessed: modes A to Z, the search order, and the commands ACCESS and RELEASE.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use minidisk::edf::{BlockDevice, FileEntry, FileId, FileSystem};

use crate::cp::{Cp, DiskUnusable};
use crate::fileid::{Found, ModeSpec, Pattern};
use crate::message::{Outcome, Rc};
use crate::session::Shell;
use crate::words::{self, Words, is};

/// A mode letter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Mode(u8);

impl Mode {
    /// The user's own disk.
    pub const A: Self = Self(b'A');
    /// The system disk.
    pub const S: Self = Self(b'S');
    /// The system disk's extension.
    pub const Y: Self = Self(b'Y');

    /// The mode of a capital letter.
    pub fn new(letter: u8) -> Option<Self> {
        letter.is_ascii_uppercase().then_some(Self(letter))
    }

    /// 0 for A to 25 for Z.
    pub fn index(self) -> usize {
        usize::from(self.0 - b'A')
    }

    /// The mode at that place of the alphabet; places beyond it are Z.
    pub fn at(index: usize) -> Self {
        Self(b'A' + index.min(25) as u8)
    }
}

impl fmt::Display for Mode {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}", char::from(self.0))
    }
}

/// The files of a disk that its access lets through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Subset {
    name: [u8; 8],
    file_type: [u8; 8],
    number: Option<u8>,
}

impl Subset {
    /// The subset of two words, each at most eight ASCII characters.
    fn new(pattern: &Pattern, number: Option<u8>) -> Self {
        let part = |word: &str| {
            let mut bytes = [b' '; 8];
            bytes.iter_mut().zip(word.bytes()).for_each(|(to, from)| *to = from);
            bytes
        };
        Self { name: part(&pattern.name), file_type: part(&pattern.file_type), number }
    }

    /// Whether it lets a file through.
    fn admits(&self, entry: &FileEntry) -> bool {
        let pattern = Pattern::new(&words::field(&self.name), &words::field(&self.file_type));
        pattern.matches(&entry.id) && self.number.is_none_or(|number| number == entry.mode)
    }
}

/// How a disk is accessed: what is needed to access it again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Access {
    /// Its device number.
    pub vdev: u32,
    /// The mode that it extends; it may then only be read.
    pub extension_of: Option<Mode>,
    /// Asked to be only read.
    pub force_read_only: bool,
    /// Files of mode 0 are shown even though the disk may only be read.
    pub mode_0: bool,
    /// Only these files.
    pub subset: Option<Subset>,
}

impl Access {
    /// A disk with all its files.
    pub fn of(vdev: u32) -> Self {
        Self { vdev, extension_of: None, force_read_only: false, mode_0: false, subset: None }
    }
}

/// An accessed disk.
pub struct Accessed<D> {
    /// Its letter.
    pub mode: Mode,
    /// How it is accessed.
    pub access: Access,
    /// It may only be read.
    pub read_only: bool,
    /// The files.
    pub system: FileSystem<D>,
}

impl<D: BlockDevice> Accessed<D> {
    /// Whether a file is to be seen: private files (mode 0) are not, on a disk that may only be read.
    pub fn shows(&self, entry: &FileEntry) -> bool {
        (entry.mode != 0 || !self.read_only || self.access.mode_0) && self.access.subset.is_none_or(|subset| subset.admits(entry))
    }

    /// `A`, or `Y/S` for an extension.
    pub fn mode_text(&self) -> String {
        self.access.extension_of.map_or_else(|| format!("{}", self.mode), |of| format!("{}/{of}", self.mode))
    }

    /// `R/W` or `R/O`.
    pub fn status(&self) -> &'static str {
        if self.read_only { "R/O" } else { "R/W" }
    }
}

/// The accessed disks, in order of their letters: the search order.
pub struct Disks<D>(Vec<Accessed<D>>);

/// Why a file was not found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Missing {
    /// No such file on the disks that were searched.
    File,
    /// No disk is accessed under that letter.
    Mode(Mode),
}

impl<D: BlockDevice> Disks<D> {
    /// None.
    pub const fn new() -> Self {
        Self(Vec::new())
    }

    /// The disk of that mode.
    pub fn get(&self, mode: Mode) -> Option<&Accessed<D>> {
        self.0.iter().find(|disk| disk.mode == mode)
    }

    /// The disk of that mode.
    pub fn get_mut(&mut self, mode: Mode) -> Option<&mut Accessed<D>> {
        self.0.iter_mut().find(|disk| disk.mode == mode)
    }

    /// All of them in search order.
    pub fn iter(&self) -> impl Iterator<Item = &Accessed<D>> {
        self.0.iter()
    }

    /// Takes a disk out.
    fn remove(&mut self, mode: Mode) -> Option<Accessed<D>> {
        self.0.iter().position(|disk| disk.mode == mode).map(|at| self.0.remove(at))
    }

    /// Puts a disk in its place; the letter must be free.
    fn insert(&mut self, disk: Accessed<D>) {
        let at = self.0.partition_point(|other| other.mode < disk.mode);
        self.0.insert(at, disk);
    }

    /// The disks that a mode names: all of them, or one and the extensions of it.
    fn named(&self, mode: Option<Mode>) -> impl Iterator<Item = &Accessed<D>> {
        let own = self.0.iter().filter(move |disk| mode.is_none_or(|mode| disk.mode == mode));
        let extensions = self.0.iter().filter(move |disk| mode.is_some() && disk.access.extension_of == mode);
        own.chain(extensions)
    }

    /// Whether a mode is accessed; `*` always is.
    pub fn check(&self, mode: Option<Mode>) -> Result<(), Missing> {
        match mode {
            Some(mode) if self.get(mode).is_none() => Err(Missing::Mode(mode)),
            _ => Ok(()),
        }
    }

    /// The first file of that name in search order.
    ///
    /// # Errors
    /// [`Missing`].
    pub fn locate(&self, id: &FileId, spec: ModeSpec) -> Result<Found, Missing> {
        self.check(spec.mode)?;
        self.named(spec.mode)
            .find_map(|disk| {
                let entry = disk.system.find(id)?;
                let meant = disk.shows(entry) && spec.number.is_none_or(|number| number == entry.mode);
                meant.then(|| Found { mode: disk.mode, entry: entry.clone() })
            })
            .ok_or(Missing::File)
    }

    /// Every file that a pattern means, disk by disk, sorted by name and type. A letter means that disk alone.
    ///
    /// # Errors
    /// [`Missing::Mode`]; an empty list is no error.
    pub fn matching(&self, pattern: &Pattern, spec: ModeSpec) -> Result<Vec<Found>, Missing> {
        self.check(spec.mode)?;
        let mut found = Vec::new();
        for disk in self.0.iter().filter(|disk| spec.mode.is_none_or(|mode| disk.mode == mode)) {
            let meant = |entry: &&FileEntry| {
                pattern.matches(&entry.id) && spec.number.is_none_or(|number| number == entry.mode) && disk.shows(entry)
            };
            let start = found.len();
            let files = disk.system.files().filter(meant);
            found.extend(files.map(|entry| Found { mode: disk.mode, entry: entry.clone() }));
            found[start..].sort_by_key(|found: &Found| found.entry.id);
        }
        Ok(found)
    }
}

impl<C: Cp> Shell<C> {
    /// The file that three words name. Without a mode, or with `*`, every disk is searched.
    pub(crate) fn locate(&mut self, name: &str, file_type: &str, mode: &str) -> Result<Found, Rc> {
        let spec = self.mode_spec(mode, ModeSpec::ANY)?;
        let Some(id) = file_id(name, file_type) else {
            return Err(self.invalid_character(&format!("{name} {file_type}")));
        };
        self.disks.locate(&id, spec).map_err(|missing| self.missing(missing, &format!("{id} {spec}")))
    }

    /// The mode in a word; `without` when the word is empty.
    pub(crate) fn mode_spec(&mut self, word: &str, without: ModeSpec) -> Result<ModeSpec, Rc> {
        if word.is_empty() {
            return Ok(without);
        }
        ModeSpec::parse(word).ok_or_else(|| self.fail(24, "048E", format!("Invalid filemode {word}")))
    }

    /// Shows why a file was not found.
    pub(crate) fn missing(&mut self, missing: Missing, file: &str) -> Rc {
        match missing {
            Missing::File => self.not_found(file),
            Missing::Mode(mode) => self.not_accessed(mode),
        }
    }

    /// A name that no file can have.
    pub(crate) fn invalid_character(&mut self, file: &str) -> Rc {
        self.fail(20, "062E", format!("Invalid character in fileid {file}"))
    }

    /// The disk of that mode, when it may be written.
    pub(crate) fn writable(&mut self, mode: Mode) -> Result<(), Rc> {
        match self.disks.get(mode) {
            None => Err(self.not_accessed(mode)),
            Some(disk) if disk.read_only => Err(self.read_only(mode)),
            Some(_) => Ok(()),
        }
    }

    /// Accesses a disk under a letter, in place of what stands there.
    pub(crate) fn access(&mut self, mode: Mode, access: Access) -> Outcome {
        match self.cp.disk(access.vdev) {
            Ok(device) => self.access_device(mode, access, device),
            Err(error) => Err(self.disk_unusable(mode, access.vdev, error)),
        }
    }

    /// Why a device cannot be used as a disk.
    pub(crate) fn disk_unusable(&mut self, mode: Mode, vdev: u32, error: DiskUnusable) -> Rc {
        match error {
            DiskUnusable::NotAttached => self.fail(100, "113S", format!("{mode}({vdev:03X}) not attached")),
            DiskUnusable::DeviceError => self.fail(100, "112S", format!("{mode}({vdev:03X}) device error")),
        }
    }

    /// Accesses an open device.
    pub(crate) fn access_device(&mut self, mode: Mode, access: Access, device: C::Disk) -> Outcome {
        let vdev = access.vdev;
        let device_read_only = device.read_only();
        let system = match FileSystem::open(device) {
            Ok(system) => system,
            Err(error) => {
                return Err(self.fail(100, "112S", format!("{mode}({vdev:03X}) device error: {error}")));
            }
        };
        let read_only = device_read_only || access.force_read_only || access.extension_of.is_some();
        let disk = Accessed { mode, access, read_only, system };
        if access.subset.is_some() && !disk.system.files().any(|entry| disk.shows(entry)) {
            return Err(self.fail(28, "060E", format!("File(s) not found; disk {mode}({vdev:03X}) will not be accessed")));
        }
        self.make_room(mode, vdev, device_read_only);
        self.disks.insert(disk);
        self.session.disks[mode.index()] = Some(access);
        self.cp.remember(&self.session);
        Ok(())
    }

    /// Releases what stands under the letter, and other accesses of a disk that may be written: two views of
    /// such a disk would not see each other's changes.
    fn make_room(&mut self, mode: Mode, vdev: u32, device_read_only: bool) {
        let others: Vec<_> = self.disks.iter().filter(|disk| disk.mode != mode && disk.access.vdev == vdev).map(|disk| disk.mode).collect();
        if let Some(old) = self.disks.remove(mode).filter(|old| old.access.vdev != vdev) {
            self.note("724I", format!("{vdev:03X} replaces {mode} ({:03X})", old.access.vdev));
        }
        for other in others {
            if device_read_only {
                self.note("725I", format!("{vdev:03X} also = {other}"));
            } else {
                self.release(other);
                self.note("726I", format!("{vdev:03X} {other} released"));
            }
        }
    }

    /// Forgets the disk of that mode.
    pub(crate) fn release(&mut self, mode: Mode) {
        self.disks.remove(mode);
        self.session.disks[mode.index()] = None;
        self.cp.remember(&self.session);
    }

    /// ACCESS.
    pub(crate) fn access_command(&mut self, words: &Words) -> Outcome {
        let mut force_read_only = false;
        let mut mode_0 = false;
        let mut erase = false;
        for option in &words.options {
            match option.as_str() {
                // NOPROF acts only on the first line after IPL, NODISK and SAVEONLY on nothing that this CMS has.
                "NOPROF" | "NODISK" | "SAVEONLY" | "FORCERW" => {}
                "FORCERO" => force_read_only = true,
                "MODE0" => mode_0 = true,
                "ERASE" => erase = true,
                _ => return Err(self.bad_option(option)),
            }
        }
        let number = if words.operands.is_empty() { "191" } else { words.operand(0) };
        let Some(vdev) = words::vdev(number) else {
            return Err(self.fail(24, "017E", format!("Invalid device address {number}")));
        };
        let letters = if words.operands.len() < 2 { "A" } else { words.operand(1) };
        let Some((mode, extension_of)) = access_mode(letters) else {
            return Err(self.fail(24, "048E", format!("Invalid filemode {letters}")));
        };
        if let Some(surplus) = words.operands.get(5) {
            return Err(self.bad_operand(surplus));
        }
        let subset = match words.operands.len() {
            0..=2 => None,
            _ => {
                let spec = self.mode_spec(words.operand(4), ModeSpec::ANY)?;
                Some(Subset::new(&Pattern::new(words.operand(2), words.operand(3)), spec.number))
            }
        };
        self.access(mode, Access { vdev, extension_of, force_read_only, mode_0, subset })?;
        if let Some(disk) = self.disks.get(mode).filter(|disk| disk.read_only) {
            let text = format!("{} ({vdev:03X}) R/O", disk.mode_text());
            self.note("723I", text);
        }
        if erase { self.erase_all(mode) } else { Ok(()) }
    }

    /// Erases every file of a disk, those that its access hides too.
    fn erase_all(&mut self, mode: Mode) -> Outcome {
        self.change(mode, "(directory)", |system| {
            let ids: Vec<FileId> = system.files().map(|file| file.id).collect();
            ids.iter().try_for_each(|id| system.erase(id))
        })
    }

    /// RELEASE.
    pub(crate) fn release_command(&mut self, words: &Words) -> Outcome {
        let mut detach = false;
        for option in &words.options {
            if !is(option, "DETach") {
                return Err(self.bad_option(option));
            }
            detach = true;
        }
        let [operand] = words.operands.as_slice() else {
            return Err(match words.operands.get(1) {
                None => self.fail(24, "050E", "Parameter missing: specify a device address or a filemode"),
                Some(surplus) => self.bad_operand(surplus),
            });
        };
        // A single letter is a mode, even where it is a hexadecimal digit too.
        let mode = ModeSpec::parse(operand).filter(|spec| spec.number.is_none()).and_then(|spec| spec.mode);
        let modes: Vec<_> = match (mode, words::vdev(operand)) {
            (Some(mode), _) => self.disks.get(mode).map(|disk| disk.mode).into_iter().collect(),
            (None, Some(vdev)) => self.disks.iter().filter(|disk| disk.access.vdev == vdev).map(|disk| disk.mode).collect(),
            (None, None) => {
                return Err(self.fail(24, "017E", format!("Invalid device address {operand}")));
            }
        };
        let Some(&first) = modes.first() else {
            return Err(match (mode, words::vdev(operand)) {
                (None, Some(vdev)) => self.fail(36, "069E", format!("Disk {vdev:03X} not accessed")),
                _ => self.fail(36, "069E", format!("Filemode {operand} not accessed")),
            });
        };
        if modes.contains(&Mode::S) {
            return Err(self.fail(24, "048E", "Invalid filemode S"));
        }
        let vdev = self.disks.get(first).map_or(0, |disk| disk.access.vdev);
        modes.into_iter().for_each(|mode| self.release(mode));
        if detach {
            return self.cp_command(format!("DETACH {vdev:03X}").as_bytes());
        }
        Ok(())
    }
}

/// `B` or `B/A` of ACCESS. S belongs to the system.
fn access_mode(word: &str) -> Option<(Mode, Option<Mode>)> {
    let letter = |text: &str| match text.as_bytes() {
        [letter] => Mode::new(*letter),
        _ => None,
    };
    let (mode, extension_of) = match word.split_once('/') {
        Some((mode, of)) => (letter(mode)?, Some(letter(of)?)),
        None => (letter(word)?, None),
    };
    (mode != Mode::S).then_some((mode, extension_of))
}

/// The file that two words name, when they can name one.
pub(crate) fn file_id(name: &str, file_type: &str) -> Option<FileId> {
    FileId::new(name, file_type).ok()
}
