//! ELF executables, of 32 and of 64 bits: segments at their physical addresses.

use object::Endianness;
use object::elf::{FileHeader32, FileHeader64, PT_LOAD};
use object::read::elf::{FileHeader, ProgramHeader};

use super::{ImageError, Kind, Loaded, Registers, Source, protected};
use crate::bios::rom::Placed;

/// Type of the note that says where Xen enters a guest in 32-bit mode (`XEN_ELFNOTE_PHYS32_ENTRY`).
const PHYS32_ENTRY: u32 = 18;
/// Most segments; a kernel has a handful.
const SEGMENTS_MAX: usize = 64;

/// What is in an ELF file.
pub(super) struct Elf {
    pub(super) placed: Vec<Placed>,
    pub(super) entry: u64,
    pub(super) pvh_entry: Option<u64>,
    /// Behind the last byte, zeros included.
    pub(super) end: u64,
    is_64_bit: bool,
}

pub(super) fn is_elf(image: &[u8]) -> bool {
    image.starts_with(b"\x7fELF")
}

pub(super) fn parse(source: &Source<'_>) -> Result<Elf, ImageError> {
    match source.image.get(4) {
        Some(1) => parse_as::<FileHeader32<Endianness>>(source, false),
        Some(2) => parse_as::<FileHeader64<Endianness>>(source, true),
        _ => Err(ImageError::Damaged("it is neither of 32 nor of 64 bits")),
    }
}

fn parse_as<H: FileHeader<Endian = Endianness>>(source: &Source<'_>, is_64_bit: bool) -> Result<Elf, ImageError> {
    let image = source.image;
    let header = H::parse(image).map_err(|_| ImageError::Damaged("its ELF header"))?;
    let endian = header.endian().map_err(|_| ImageError::Damaged("its byte order"))?;
    if endian != Endianness::Little {
        return Err(ImageError::Unsupported("it is big-endian"));
    }
    if !matches!(header.e_machine(endian), object::elf::EM_386 | object::elf::EM_X86_64) {
        return Err(ImageError::Unsupported("it is for another kind of processor"));
    }
    let segments = header.program_headers(endian, image).map_err(|_| ImageError::Truncated("its program headers"))?;
    if segments.len() > SEGMENTS_MAX {
        return Err(ImageError::Damaged("it has too many segments"));
    }
    let mut elf = Elf { placed: Vec::new(), entry: header.e_entry(endian).into(), pvh_entry: None, end: 0, is_64_bit };
    for segment in segments {
        if let Some(entry) = pvh_note(segment, endian, image) {
            elf.pvh_entry = Some(entry);
        }
        let memory: u64 = segment.p_memsz(endian).into();
        if segment.p_type(endian) != PT_LOAD || memory == 0 {
            continue;
        }
        let data = segment.data(endian, image).map_err(|_| ImageError::Truncated("a segment"))?;
        if data.len() as u64 > memory {
            return Err(ImageError::Damaged("a segment has more bytes in the file than in storage"));
        }
        let address: u64 = segment.p_paddr(endian).into();
        elf.end = elf.end.max(source.fits(address, memory)?);
        elf.placed.push((address, data.to_vec()));
    }
    if elf.placed.is_empty() {
        return Err(ImageError::Damaged("it has no segment to load"));
    }
    Ok(elf)
}

fn pvh_note<P: ProgramHeader<Endian = Endianness>>(segment: &P, endian: Endianness, image: &[u8]) -> Option<u64> {
    let mut notes = segment.notes(endian, image).ok()??;
    while let Ok(Some(note)) = notes.next() {
        if note.name() == b"Xen" && note.n_type(endian) == PHYS32_ENTRY {
            let mut entry = [0; 8];
            let bytes = note.desc();
            let length = bytes.len().min(8);
            entry[..length].copy_from_slice(&bytes[..length]);
            return Some(u64::from_le_bytes(entry));
        }
    }
    None
}

/// The 32-bit address of an entry that must lie in one of the segments.
pub(super) fn entry_in(placed: &[Placed], entry: u64) -> Result<u32, ImageError> {
    let inside = placed.iter().any(|(address, bytes)| entry >= *address && entry - address < bytes.len() as u64);
    u32::try_from(entry).ok().filter(|_| inside).ok_or(ImageError::Damaged("its entry is in none of its segments"))
}

/// Entered where it says, in 32-bit protected mode.
pub(super) fn load(elf: Elf) -> Result<Loaded, ImageError> {
    if elf.is_64_bit {
        return Err(ImageError::Unsupported("a 64-bit ELF needs a PVH note or a multiboot header"));
    }
    let entry = entry_in(&elf.placed, elf.entry)?;
    Ok(protected(Kind::Elf, elf.placed, entry, Registers::default()))
}
