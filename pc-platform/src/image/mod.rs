//! IPL of anything: what a PC boots, taken apart by pure loaders.
//!
//! A loader gets the bytes of an image and says what to place where in storage (which is zero everywhere else) and the state in which the first processor starts.
//! Images are hostile: every length is checked, what is placed lies within storage.

mod elf;
mod linux;
mod multiboot;
mod pvh;

use crate::bios::rom::{self, Placed};
use crate::memory_map;
use crate::mp_tables;

/// Address of the descriptor table that an entry in protected mode begins with: null, null, flat code (10), flat data (18).
const DESCRIPTORS: u64 = 0x500;
/// Where structures for the system are put: multiboot information, PVH start information.
const INFORMATION: u64 = 0x6000;
/// Where the command line is put.
const COMMAND_LINE: u64 = 0x2_0000;
/// Longest command line, in bytes.
pub const COMMAND_LINE_MAX: usize = 2047;
/// Where a boot sector is loaded.
const BOOT_SECTOR: u64 = 0x7c00;

/// In which mode the first processor starts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Real mode, interrupts enabled: CS and DS are 0.
    Real,
    /// Protected mode without paging, interrupts disabled, flat segments: CS is 10, the others 18.
    Protected,
}

/// State of the first processor. Registers that are not named are zero.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[allow(missing_docs)]
pub struct Registers {
    pub eax: u32,
    pub ebx: u32,
    pub edx: u32,
    pub esi: u32,
    pub esp: u32,
}

/// What a loader answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Loaded {
    /// What kind of image it was.
    pub kind: Kind,
    /// What goes to storage, in this order.
    pub placed: Vec<Placed>,
    /// Address of the first instruction.
    pub entry: u32,
    /// Mode of the processor there.
    pub mode: Mode,
    /// Its registers.
    pub registers: Registers,
    /// Base and limit of the descriptor table, in protected mode.
    pub descriptors: (u64, u16),
}

/// Kinds of image.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// The first sector of a disk.
    BootSector,
    /// ELF with a PVH entry: Linux, and others that Xen starts.
    Pvh,
    /// Multiboot 1.
    Multiboot,
    /// A compressed Linux.
    Linux,
    /// ELF without either: entered as it says.
    Elf,
    /// None of these: loaded at 1 MiB and entered there.
    Flat,
}

impl std::fmt::Display for Kind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(match self {
            Kind::BootSector => "boot sector",
            Kind::Pvh => "ELF with PVH entry",
            Kind::Multiboot => "multiboot",
            Kind::Linux => "bzImage",
            Kind::Elf => "ELF",
            Kind::Flat => "flat image",
        })
    }
}

/// Why an image cannot be loaded.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ImageError {
    /// There are no bytes in it.
    #[error("The image is empty")]
    Empty,
    /// It ends before what its headers name.
    #[error("The image is truncated: {0} lies beyond its end")]
    Truncated(&'static str),
    /// Its headers contradict themselves.
    #[error("The image is damaged: {0}")]
    Damaged(&'static str),
    /// It wants to be where there is no storage.
    #[error("The image needs storage at {address:X} to {end:X}; the machine has {storage:X}")]
    DoesNotFit {
        /// First address.
        address: u64,
        /// Behind the last.
        end: u64,
        /// Storage of the machine.
        storage: u64,
    },
    /// What it is cannot be started here.
    #[error("The image cannot be started: {0}")]
    Unsupported(&'static str),
    /// The command line is too long.
    #[error("The command line is longer than {COMMAND_LINE_MAX} bytes")]
    CommandLine,
    /// A disk without a boot sector.
    #[error("The first sector of the disk does not end with 55 AA: it is no boot sector")]
    NoBootSector,
}

/// What is loaded, into what.
#[derive(Clone, Copy, Debug)]
pub struct Source<'a> {
    /// The image.
    pub image: &'a [u8],
    /// Initial file system or first module; empty for none.
    pub module: &'a [u8],
    /// Command line.
    pub command_line: &'a str,
    /// Bytes of storage.
    pub storage: u64,
}

impl Source<'_> {
    /// Checks that a piece lies in storage.
    fn fits(&self, address: u64, length: u64) -> Result<u64, ImageError> {
        let end = address.saturating_add(length);
        if end > self.storage { Err(ImageError::DoesNotFit { address, end, storage: self.storage }) } else { Ok(end) }
    }

    /// The command line as it lies in storage.
    fn command_line(&self) -> Result<Placed, ImageError> {
        if self.command_line.len() > COMMAND_LINE_MAX || self.command_line.contains('\0') {
            return Err(ImageError::CommandLine);
        }
        Ok((COMMAND_LINE, [self.command_line.as_bytes(), &[0]].concat()))
    }

    /// Where the module goes: whole pages at the top of storage, below an address, and not over the image that ends at `end`.
    fn module_at(&self, end: u64, below: u64) -> Result<Option<u64>, ImageError> {
        if self.module.is_empty() {
            return Ok(None);
        }
        let length = self.module.len() as u64;
        let top = self.storage.min(below) & !0xfff;
        let at = top.saturating_sub(length) & !0xfff;
        if at < end.max(memory_map::HIGH) {
            let address = end.next_multiple_of(0x1000);
            return Err(ImageError::DoesNotFit { address, end: address.saturating_add(length), storage: self.storage });
        }
        Ok(Some(at))
    }
}

fn word(bytes: &[u8], at: usize) -> Option<u32> {
    let bytes = bytes.get(at..at.checked_add(4)?)?;
    Some(u32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]))
}

/// An entry in protected mode, with the descriptor table it needs.
fn protected(kind: Kind, mut placed: Vec<Placed>, entry: u32, registers: Registers) -> Loaded {
    let flat: [u64; 4] = [0, 0, 0x00cf_9b00_0000_ffff, 0x00cf_9300_0000_ffff];
    let table: Vec<u8> = flat.iter().flat_map(|descriptor| descriptor.to_le_bytes()).collect();
    let limit = table.len() as u16 - 1;
    placed.push((DESCRIPTORS, table));
    Loaded { kind, placed, entry, mode: Mode::Protected, registers, descriptors: (DESCRIPTORS, limit) }
}

/// What every machine has in low storage before anything is loaded: vectors, data area and services of the BIOS, and the tables of
/// processors.
pub fn firmware(disks: u8, processors: u8) -> Vec<Placed> {
    let mut placed = rom::placed(disks);
    placed.push((u64::from(mp_tables::ADDRESS), mp_tables::tables(processors)));
    placed
}

/// Takes an image apart, whichever kind it is.
pub fn load(source: &Source<'_>) -> Result<Loaded, ImageError> {
    if source.image.is_empty() {
        return Err(ImageError::Empty);
    }
    if linux::is_linux(source.image) {
        return linux::load(source);
    }
    if elf::is_elf(source.image) {
        let elf = elf::parse(source)?;
        if let Some(entry) = elf.pvh_entry {
            return pvh::load(source, elf, entry);
        }
        if let Some(header) = multiboot::find(source.image) {
            return multiboot::load(source, &header, Some(elf));
        }
        return elf::load(elf);
    }
    if let Some(header) = multiboot::find(source.image) {
        return multiboot::load(source, &header, None);
    }
    if source.image.len().is_multiple_of(512) && has_signature(source.image) {
        return boot_sector(source.image, 0x80);
    }
    source.fits(memory_map::HIGH, source.image.len() as u64)?;
    let placed = vec![(memory_map::HIGH, source.image.to_vec())];
    Ok(protected(Kind::Flat, placed, memory_map::HIGH as u32, Registers::default()))
}

/// Whether an image is a Linux kernel: a bzImage, or an ELF file with its banner in it.
pub fn is_linux(image: &[u8]) -> bool {
    let has = |text: &[u8]| image.windows(text.len()).any(|window| window == text);
    linux::is_linux(image) || elf::is_elf(image) && has(b"Linux version ")
}

fn has_signature(sector: &[u8]) -> bool {
    sector.get(510..512) == Some(&[0x55, 0xaa])
}

/// The first sector of a disk, started with the BIOS's number of that disk.
pub fn boot_sector(sector: &[u8], drive: u8) -> Result<Loaded, ImageError> {
    if !has_signature(sector) {
        return Err(ImageError::NoBootSector);
    }
    Ok(Loaded {
        kind: Kind::BootSector,
        placed: vec![(BOOT_SECTOR, sector[..512].to_vec())],
        entry: BOOT_SECTOR as u32,
        mode: Mode::Real,
        registers: Registers { edx: u32::from(drive), esp: BOOT_SECTOR as u32, ..Registers::default() },
        descriptors: (0, 0xffff),
    })
}

#[cfg(test)]
mod tests;
