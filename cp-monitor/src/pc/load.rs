//! IPL of a PC machine: finds the image, makes a machine, places the image in it.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use minidisk::edf::{FileId, FileSystem};
use minidisk::text::{self, Export};
use pc_platform::Settings;
use pc_platform::disk::{Disk as _, SECTOR};
use pc_platform::image::{self, ImageError, Kind, Loaded, Mode, Source};
use soft_processor::{Segment, State, Table};

use super::disk::{self, Minidisk};
use super::unit_record;
use super::{Pc, STORAGE};
use crate::directory::DeviceNumber;
use crate::processor::kvm::PartitionError;
use crate::storage::StorageError;
use crate::users::files::ReadOnly;
use crate::users::{Device, Disk, User, spool_userid};

/// Folder of the data directory with images that IPL finds by name.
const FOLDER: &str = "pc";
/// Longest image or initial file system, whatever the machine's storage.
const IMAGE_MAX: u64 = pc_platform::memory_map::STORAGE_MAX;
/// Number that a BIOS has for the first hard disk.
const FIRST_DISK: u8 = 0x80;
/// Code and data in protected mode: present, accessed, 32 bits, granularity of pages.
const CODE: u16 = 0xc09b;
const DATA: u16 = 0xc093;

/// What to load.
#[derive(Clone, Debug)]
pub enum What {
    /// The boot sector of a disk, or the next file of a reader.
    Device(DeviceNumber),
    /// A file of a CMS disk.
    File(DeviceNumber, FileId),
    /// A host file in the folder `pc` of the data directory.
    Named(String),
}

/// What an IPL says: enough to do it again.
#[derive(Clone, Debug)]
pub struct Origin {
    /// What to load.
    pub what: What,
    /// An initial file system on a CMS disk.
    pub module: Option<(DeviceNumber, FileId)>,
    /// The command line.
    pub parm: String,
    /// How often the guest has reset the machine right after it was loaded, and when it was loaded last.
    quick: u32,
    since: Instant,
}

/// A guest that resets the machine sooner than this after it was loaded has not come far.
const QUICK: Duration = Duration::from_secs(2);
/// So many such resets in a row are a loop.
const QUICK_MAX: u32 = 4;

impl Origin {
    /// What somebody typed.
    pub fn new(what: What, module: Option<(DeviceNumber, FileId)>, parm: &str) -> Self {
        Self { what, module, parm: parm.to_string(), quick: 0, since: Instant::now() }
    }

    /// For the next time, now that the guest has reset the machine; `None` when it only does that.
    pub(super) fn again(&self) -> Option<Self> {
        let quick = if self.since.elapsed() < QUICK { self.quick + 1 } else { 0 };
        (quick <= QUICK_MAX).then(|| Self { quick, since: Instant::now(), ..self.clone() })
    }

    /// What QUERY and messages call it.
    pub(super) fn name(&self) -> String {
        match &self.what {
            What::Device(vdev) => vdev.to_string(),
            What::File(_, id) => id.name().to_string(),
            What::Named(name) => name.clone(),
        }
    }
}

/// Why a PC machine was not loaded.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// There is no such device.
    #[error("Device {0} does not exist")]
    NoDevice(DeviceNumber),
    /// A device that nothing can be loaded from.
    #[error("IPL unit error; device {0} is no disk and no reader")]
    NotLoadable(DeviceNumber),
    /// There is no such file.
    #[error("{0} not found")]
    NotFound(String),
    /// The reader has no file.
    #[error("The reader {0} is empty")]
    Empty(DeviceNumber),
    /// It cannot be read.
    #[error("{what} cannot be read: {why}")]
    Unreadable {
        /// What was to be read.
        what: String,
        /// Why not.
        why: String,
    },
    /// It is too long for any machine.
    #[error("{0} is too long")]
    TooLong(String),
    /// It is not what can be started.
    #[error("{0}")]
    Image(#[from] ImageError),
    /// Storage of the machine.
    #[error("A PC machine has 1 MiB to 3 GiB of storage")]
    Size,
    /// The host has not so much memory.
    #[error("PC machines have {promised} MiB of storage already, and {most} MiB is what the host can give")]
    Promised {
        /// MiB of all others.
        promised: u64,
        /// MiB that there are.
        most: u64,
    },
    /// The machine was reset or loaded by somebody else meanwhile.
    #[error("The machine was reset meanwhile")]
    Overtaken,
    /// KVM makes no machine.
    #[error(transparent)]
    Kvm(#[from] PartitionError),
    /// Its storage cannot be cleared.
    #[error(transparent)]
    Storage(#[from] StorageError),
}

fn unreadable(what: impl ToString, why: impl ToString) -> LoadError {
    LoadError::Unreadable { what: what.to_string(), why: why.to_string() }
}

/// Bytes up to a limit.
struct Collected {
    bytes: Vec<u8>,
}

impl Collected {
    fn add(&mut self, more: &[u8]) -> Result<(), &'static str> {
        if (self.bytes.len() + more.len()) as u64 > IMAGE_MAX {
            return Err("it is too long");
        }
        self.bytes.extend(more);
        Ok(())
    }
}

fn disk_of(user: &User, vdev: DeviceNumber) -> Result<Disk, LoadError> {
    let devices = user.devices.lock();
    match devices.get(vdev) {
        Some(Device::Disk(disk)) => Ok(disk.clone()),
        Some(_) => Err(LoadError::NotLoadable(vdev)),
        None => Err(LoadError::NoDevice(vdev)),
    }
}

fn cms_file(user: &User, vdev: DeviceNumber, id: &FileId) -> Result<Vec<u8>, LoadError> {
    let disk = disk_of(user, vdev)?;
    let name = format!("{} {} on {vdev}", id.name(), id.file_type());
    let mut system = FileSystem::open(ReadOnly(disk.extent)).map_err(|error| unreadable(vdev, error))?;
    if system.find(id).is_none() {
        return Err(LoadError::NotFound(name));
    }
    let mut collected = Collected { bytes: Vec::new() };
    text::export(&mut system, id, Export::Raw, |bytes| collected.add(bytes)).map_err(|error| unreadable(name, error))?;
    Ok(collected.bytes)
}

/// The records of the next file of a reader, one behind the other. The file stays.
fn spool_file(user: &User, vdev: DeviceNumber) -> Result<Vec<u8>, LoadError> {
    let devices = user.devices.lock();
    let Some(Device::Reader(reader)) = devices.get(vdev) else { return Err(LoadError::NotLoadable(vdev)) };
    let trouble = |error: spool::SpoolError| unreadable(format!("The file in reader {vdev}"), error);
    let next = reader.files(user).map_err(trouble)?.into_iter().next().ok_or(LoadError::Empty(vdev))?;
    let mut file = user.cp().spool.reader(spool_userid(&user.id), spool::Queue::Reader, next.spid).map_err(trouble)?;
    let mut collected = Collected { bytes: Vec::new() };
    while let Some(record) = file.next_record().map_err(trouble)? {
        collected.add(record.data).map_err(|why| unreadable(format!("The file in reader {vdev}"), why))?;
    }
    Ok(collected.bytes)
}

/// A host file of the folder by its name, in capitals or not. The name has the form of a userid, so it leads nowhere else.
fn host_file(folder: &Path, name: &str, suffix: &str) -> Option<PathBuf> {
    let wanted = format!("{name}{suffix}");
    let entries = std::fs::read_dir(folder).ok()?;
    let is_it = |entry: &std::fs::DirEntry| entry.file_name().to_str().is_some_and(|found| found.eq_ignore_ascii_case(&wanted));
    entries.flatten().find(is_it).map(|entry| entry.path()).filter(|path| path.is_file())
}

fn read_host_file(path: &Path) -> Result<Vec<u8>, LoadError> {
    let trouble = |error| unreadable(path.file_name().unwrap_or_default().to_string_lossy(), error);
    if std::fs::metadata(path).map_err(trouble)?.len() > IMAGE_MAX {
        return Err(LoadError::TooLong(path.display().to_string()));
    }
    std::fs::read(path).map_err(trouble)
}

/// An image, the initial file system that lies beside it, and the disk it came from.
struct Found {
    image: Vec<u8>,
    module: Vec<u8>,
    /// It is the boot sector of this disk.
    disk: Option<DeviceNumber>,
}

fn find(user: &User, origin: &Origin) -> Result<Found, LoadError> {
    let Origin { what, module, .. } = origin;
    let mut found = Found { image: Vec::new(), module: Vec::new(), disk: None };
    match what {
        What::Device(vdev) => {
            let is_reader = match user.devices.lock().get(*vdev) {
                None => return Err(LoadError::NoDevice(*vdev)),
                Some(device) => matches!(device, Device::Reader(_)),
            };
            if is_reader {
                found.image = spool_file(user, *vdev)?;
            } else {
                let disk = disk_of(user, *vdev)?;
                found.image = disk::read(&disk.extent, 0, SECTOR).map_err(|error| unreadable(vdev, error))?;
                found.disk = Some(*vdev);
            }
        }
        What::File(vdev, id) => found.image = cms_file(user, *vdev, id)?,
        What::Named(name) => {
            let folder = user.cp().data().root().join(FOLDER);
            let path = host_file(&folder, name, "").ok_or_else(|| LoadError::NotFound(name.clone()))?;
            found.image = read_host_file(&path)?;
            if let Some(module) = host_file(&folder, name, ".initrd") {
                found.module = read_host_file(&module)?;
            }
        }
    }
    if let Some((vdev, id)) = module {
        found.module = cms_file(user, *vdev, id)?;
    }
    Ok(found)
}

/// The bytes of a system for a CMS machine: a file of a CMS disk, or the next one of a reader.
pub(crate) fn image_of(user: &User, vdev: DeviceNumber, file: Option<&FileId>) -> Result<Vec<u8>, LoadError> {
    match file {
        Some(id) => cms_file(user, vdev, id),
        None => spool_file(user, vdev),
    }
}

/// Loads a machine of a user and lets it begin. May wait for the host's disk. With a `generation`, only if the machine is still in that one.
pub fn ipl(user: &Arc<User>, origin: Origin, generation: Option<u64>) -> Result<Kind, LoadError> {
    let storage = user.storage.load(std::sync::atomic::Ordering::Relaxed) & !0xfff;
    if !STORAGE.contains(&storage) {
        return Err(LoadError::Size);
    }
    let promised = &user.cp().pc_storage;
    // Without showing its state: at logon nobody is to read before it is loaded.
    let instead = user.lock_machine().pc().and_then(|pc| pc._promise.as_ref().map(super::Promise::bytes)).unwrap_or(0);
    let mib = |bytes: u64| bytes >> 20;
    let short = || LoadError::Promised { promised: mib(promised.bytes() - instead.min(promised.bytes())), most: mib(promised.most()) };
    let promise = promised.promise(storage, instead).ok_or_else(short)?;
    let found = find(user, &origin)?;
    let mut disks = minidisks(user);
    if let Some(vdev) = found.disk {
        // As on a PC, the disk that is started from is the first; those with higher numbers follow it, then those with lower ones.
        let first = disks.iter().position(|disk| disk.vdev == vdev).unwrap_or(0);
        disks.rotate_left(first);
    }
    let settings = Settings {
        storage,
        processors: usize::from(user.processors.load(std::sync::atomic::Ordering::Relaxed)),
        start_time: user.session.lock().settings.virtual_clock.unwrap_or_else(|| user.cp().clock.unix_seconds() as i64),
        disks: disks.into_iter().map(|disk| Box::new(disk) as Box<dyn pc_platform::disk::Disk>).collect(),
        ports: unit_record::ports(user),
    };
    let cp = user.cp();
    let mut pc = if cp.runs_pc_on_kvm(settings.processors) { Pc::on_kvm(settings, cp.kvm_interprets())? } else { Pc::new(settings) };
    let command_line = command_line(&origin.parm, &found.image, &pc);
    let source = Source { image: &found.image, module: &found.module, command_line: &command_line, storage };
    let loaded = if found.disk.is_some() { image::boot_sector(&found.image, FIRST_DISK)? } else { image::load(&source)? };
    pc.place(&loaded);
    pc.show_screen(user.session.lock().settings.full_screen);
    pc._promise = Some(promise);
    let name = origin.name();
    pc.origin = Some(origin);
    user.console.end_screen();
    user.with_machine(|machine| -> Result<Kind, LoadError> {
        if generation.is_some_and(|generation| generation != machine.generation()) {
            return Err(LoadError::Overtaken);
        }
        machine.ipl_pc(pc, &name)?;
        user.loaded(machine);
        Ok(loaded.kind)
    })
}

/// The command line of an image. Linux is also told where its virtio devices are, and how fast the time stamp counter counts: it has nothing to measure it by that is not
/// as exact. Where KVM interprets kernels it may name features that nobody executes there, XSAVE and SMAP among them: Linux is told to leave them alone.
fn command_line(parm: &str, image: &[u8], pc: &Pc) -> String {
    if !image::is_linux(image) || parm.contains("virtio_mmio.device") {
        return parm.to_string();
    }
    let of_kvm = pc.kvm.as_ref().and_then(super::OnKvm::tsc_khz).map(u64::from);
    let kilohertz = of_kvm.unwrap_or(1_000_000 / super::bus::NANOSECONDS);
    let speed = if parm.contains("tsc_early_khz") { String::new() } else { format!(" tsc_early_khz={kilohertz}") };
    let unwanted = pc.kvm.as_ref().map_or([0; 3], super::OnKvm::not_to_be_used);
    let without = if parm.contains("clearcpuid") { String::new() } else { clear_cpuid(unwanted) };
    format!("{parm}{speed}{without} {}", pc.devices.board.virtio_parameters()).trim_start().to_string()
}

/// The parameter that has Linux not use features: leaf 7 EBX and ECX, leaf 1 ECX. It has a number for each, 32 to a word.
fn clear_cpuid(features: [u32; 3]) -> String {
    /// Linux's words with these registers.
    const WORDS: [u32; 3] = [9, 16, 4];
    /// Longer, Linux cuts it off.
    const LONGEST: usize = 120;
    let of_word = |(word, bits): (u32, u32)| (0..32).filter(move |bit| bits >> bit & 1 != 0).map(move |bit| word * 32 + bit);
    let numbers = std::iter::zip(WORDS, features).flat_map(of_word);
    let text = numbers.fold(String::new(), |text, number| match text.len() {
        0 => format!("{number}"),
        length if length > LONGEST - 4 => text,
        _ => format!("{text},{number}"),
    });
    if text.is_empty() { text } else { format!(" clearcpuid={text}") }
}

/// The disks of a user in the order of their numbers.
fn minidisks(user: &Arc<User>) -> Vec<Minidisk> {
    let devices = user.devices.lock();
    let disks = devices.iter().filter_map(|(vdev, device)| match device {
        Device::Disk(disk) => {
            Some(Minidisk { user: Arc::downgrade(user), vdev, extent: Arc::clone(&disk.extent), read_only: disk.read_only })
        }
        _ => None,
    });
    disks.filter(|disk| disk.sectors() > 0).collect()
}

impl Pc {
    /// Places what a loader answered, and brings the first processor to its beginning.
    pub(super) fn place(&mut self, loaded: &Loaded) {
        let firmware = image::firmware(self.devices.board.disks(), self.processors.len() as u8);
        for (address, bytes) in firmware.iter().chain(&loaded.placed) {
            // Loaders answer nothing that is outside storage.
            if self.memory.write(*address, bytes).is_err() {
                tracing::warn!("A piece of an image is outside storage");
            }
        }
        if loaded.mode == Mode::Real {
            self.devices.board.as_firmware_leaves_it();
        }
        self.processors[0].set_state(&state(loaded));
    }
}

/// The registers of the first processor at the beginning.
fn state(loaded: &Loaded) -> State {
    let mut state = State::reset();
    let registers = loaded.registers;
    for (number, value) in [(0, registers.eax), (3, registers.ebx), (2, registers.edx), (6, registers.esi), (4, registers.esp)] {
        state.general[number] = u64::from(value);
    }
    state.rip = u64::from(loaded.entry);
    let (base, limit) = loaded.descriptors;
    match loaded.mode {
        Mode::Real => {
            state.segments[State::CS] = Segment { selector: 0, base: 0, limit: 0xffff, attributes: 0x9b };
            state.idtr = Table { base: 0, limit: 0x3ff };
            state.rflags = 0x202;
        }
        Mode::Protected => {
            let flat = |selector, attributes| Segment { selector, base: 0, limit: u32::MAX, attributes };
            state.segments = [flat(0x18, DATA); 6];
            state.segments[State::CS] = flat(0x10, CODE);
            state.gdtr = Table { base, limit };
            state.idtr = Table { base: 0, limit: 0 };
            state.cr0 = 0x11;
            state.rflags = 2;
        }
    }
    state
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn linux_is_told_by_numbers_what_it_is_not_to_use_and_not_more_than_it_takes() {
        assert_eq!(clear_cpuid([0; 3]), "");
        // SMAP, UMIP, XSAVE.
        assert_eq!(clear_cpuid([1 << 20, 1 << 2, 1 << 26]), " clearcpuid=308,514,154");
        let all = clear_cpuid([u32::MAX; 3]);
        assert!(all.len() <= " clearcpuid=".len() + 120 && !all.ends_with(','), "{all}");
    }
}
