//! Multiboot 1 (specification 0.6.96): ELF images, and others whose header has the addresses.

use super::elf::{Elf, entry_in};
use super::{COMMAND_LINE, INFORMATION, ImageError, Kind, Loaded, Registers, Source, protected, word};
use crate::bios::rom::{CONVENTIONAL_KIB, Placed};
use crate::memory_map;

const MAGIC: u32 = 0x1bad_b002;
/// What EAX has at the entry.
const LOADED_BY: u32 = 0x2bad_b002;
/// The header lies in the first 8 KiB.
const SEARCHED: usize = 8192;
/// Required features that there are: pages for modules, memory information. A video mode is text here, whatever is asked.
const FEATURES: u32 = 0b111;
/// The header has the load addresses.
const ADDRESSES: u32 = 1 << 16;
const MODULES: u64 = INFORMATION + 0x80;
const MAP: u64 = INFORMATION + 0x100;
const NAME: u64 = INFORMATION + 0x60;

/// Where the header is, and its flags.
pub(super) struct Header {
    at: usize,
    flags: u32,
}

pub(super) fn find(image: &[u8]) -> Option<Header> {
    let searched = &image[..image.len().min(SEARCHED)];
    (0..searched.len()).step_by(4).find_map(|at| {
        let (magic, flags, sum) = (word(searched, at)?, word(searched, at + 4)?, word(searched, at + 8)?);
        (magic == MAGIC && magic.wrapping_add(flags).wrapping_add(sum) == 0).then_some(Header { at, flags })
    })
}

pub(super) fn load(source: &Source<'_>, header: &Header, elf: Option<Elf>) -> Result<Loaded, ImageError> {
    if header.flags & 0xffff & !FEATURES != 0 {
        return Err(ImageError::Unsupported("its multiboot header requires a feature that does not exist"));
    }
    let (mut placed, end, entry) = match elf {
        Some(elf) if header.flags & ADDRESSES == 0 => {
            let entry = entry_in(&elf.placed, elf.entry)?;
            (elf.placed, elf.end, entry)
        }
        None if header.flags & ADDRESSES == 0 => {
            return Err(ImageError::Damaged("its multiboot header has no addresses, and it is no ELF file"));
        }
        _ => by_addresses(source, header)?,
    };
    let module = source.module_at(end, u64::from(u32::MAX))?;
    placed.extend(information(source, module)?);
    let registers = Registers { eax: LOADED_BY, ebx: INFORMATION as u32, ..Registers::default() };
    Ok(protected(Kind::Multiboot, placed, entry, registers))
}

/// The part of the file around the header that its addresses name.
fn by_addresses(source: &Source<'_>, header: &Header) -> Result<(Vec<Placed>, u64, u32), ImageError> {
    const DAMAGED: ImageError = ImageError::Damaged("the addresses in its multiboot header");
    let field = |number: usize| word(source.image, header.at + 12 + 4 * number).ok_or(ImageError::Truncated("its multiboot header"));
    let (header_at, load, load_end, bss_end, entry) = (field(0)?, field(1)?, field(2)?, field(3)?, field(4)?);
    let before = header_at.checked_sub(load).ok_or(DAMAGED)? as usize;
    let start = header.at.checked_sub(before).ok_or(DAMAGED)?;
    let length = if load_end == 0 { source.image.len() - start } else { load_end.checked_sub(load).ok_or(DAMAGED)? as usize };
    let bytes = source.image.get(start..start.saturating_add(length)).ok_or(ImageError::Truncated("what its multiboot header loads"))?;
    let end = source.fits(u64::from(load), bytes.len() as u64)?.max(u64::from(bss_end));
    source.fits(end, 0)?;
    let placed = vec![(u64::from(load), bytes.to_vec())];
    let entry = entry_in(&placed, u64::from(entry))?;
    Ok((placed, end, entry))
}

fn information(source: &Source<'_>, module: Option<u64>) -> Result<Vec<Placed>, ImageError> {
    let map = memory_map::map(source.storage);
    // Each entry begins with its own size, which does not count itself.
    let ranges: Vec<u8> = map.iter().flat_map(|range| [&20_u32.to_le_bytes()[..], &range.bytes()].concat()).collect();
    // Memory, command line, modules, map, name of the loader.
    let flags: u32 = 1 | 1 << 2 | 1 << 3 | 1 << 6 | 1 << 9;
    let upper = source.storage.saturating_sub(memory_map::HIGH) >> 10;
    let mut words = [0_u32; 30];
    words[..3].copy_from_slice(&[flags, u32::from(CONVENTIONAL_KIB), upper as u32]);
    words[4..7].copy_from_slice(&[COMMAND_LINE as u32, u32::from(module.is_some()), MODULES as u32]);
    (words[11], words[12]) = (ranges.len() as u32, MAP as u32);
    words[16] = NAME as u32;
    let bytes = |words: &[u32]| words.iter().flat_map(|word| word.to_le_bytes()).collect::<Vec<u8>>();
    let mut placed = vec![(INFORMATION, bytes(&words[..24])), (NAME, b"CP-64\0".to_vec()), (MAP, ranges), source.command_line()?];
    if let Some(at) = module {
        let list = [at as u32, (at + source.module.len() as u64) as u32, COMMAND_LINE as u32 + source.command_line.len() as u32, 0];
        placed.extend([(MODULES, bytes(&list)), (at, source.module.to_vec())]);
    }
    Ok(placed)
}
