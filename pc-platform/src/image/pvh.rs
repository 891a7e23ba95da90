//! The PVH boot protocol of Xen: an ELF file is entered in 32-bit mode with the address of `hvm_start_info` in EBX.

use super::elf::{Elf, entry_in};
use super::{COMMAND_LINE, INFORMATION, ImageError, Kind, Loaded, Registers, Source, protected};
use crate::memory_map;

const MAGIC: u32 = 0x336e_c578;
const VERSION: u32 = 1;
/// Modules lie below this, so that a system reaches them before it has mapped all.
const MODULE_BELOW: u64 = 0x3800_0000;
const MAP: u64 = INFORMATION + 0x100;
const MODULES: u64 = INFORMATION + 0x80;

pub(super) fn load(source: &Source<'_>, elf: Elf, entry: u64) -> Result<Loaded, ImageError> {
    let entry = entry_in(&elf.placed, entry)?;
    let module = source.module_at(elf.end, MODULE_BELOW)?;
    let map = memory_map::map(source.storage);
    let mut information = Vec::new();
    [MAGIC, VERSION, 0, u32::from(module.is_some())].into_iter().for_each(|word| information.extend(word.to_le_bytes()));
    [MODULES, COMMAND_LINE, 0, MAP].into_iter().for_each(|address| information.extend(address.to_le_bytes()));
    [map.len() as u32, 0].into_iter().for_each(|word| information.extend(word.to_le_bytes()));
    let ranges = map.iter().flat_map(|range| [range.bytes(), vec![0; 4]].concat()).collect();
    let mut placed = elf.placed;
    placed.extend([(INFORMATION, information), (MAP, ranges), source.command_line()?]);
    if let Some(at) = module {
        let list = [at, source.module.len() as u64, 0, 0].iter().flat_map(|word| word.to_le_bytes()).collect();
        placed.extend([(MODULES, list), (at, source.module.to_vec())]);
    }
    Ok(protected(Kind::Pvh, placed, entry, Registers { ebx: INFORMATION as u32, ..Registers::default() }))
}
