//! A compressed Linux (bzImage) by the 32-bit boot protocol (Documentation/arch/x86/boot.rst): it needs no page tables of ours.

use super::{COMMAND_LINE, ImageError, Kind, Loaded, Registers, Source, protected};
use crate::memory_map;

/// Where the boot parameters are put.
const PARAMETERS: u64 = 0x1_0000;
const PARAMETERS_SIZE: usize = 0x1000;
/// Where the header is in the file and in the parameters.
const HEADER: usize = 0x1f1;
/// The first protocol with `initrd_addr_max` and a loaded-high kernel.
const PROTOCOL_MIN: u16 = 0x0203;
/// A loader without a number of its own.
const LOADER: u8 = 0xff;
/// Load flags: the kernel is at 1 MiB.
const LOADED_HIGH: u8 = 1;

pub(super) fn is_linux(image: &[u8]) -> bool {
    image.get(0x202..0x206) == Some(b"HdrS") && image.get(0x1fe..0x200) == Some(&[0x55, 0xaa])
}

pub(super) fn load(source: &Source<'_>) -> Result<Loaded, ImageError> {
    let image = source.image;
    let field = |at: usize| super::word(image, at).ok_or(ImageError::Truncated("its setup header"));
    let protocol = (field(0x206)? & 0xffff) as u16;
    let flags = (field(0x211)? & 0xff) as u8;
    if protocol < PROTOCOL_MIN || flags & LOADED_HIGH == 0 {
        return Err(ImageError::Unsupported("its boot protocol is too old"));
    }
    let setup = match image[HEADER] {
        0 => 4,
        sectors => usize::from(sectors),
    };
    let kernel = image.get((setup + 1) * 512..).filter(|kernel| !kernel.is_empty()).ok_or(ImageError::Truncated("its kernel"))?;
    let start = memory_map::HIGH;
    // The kernel decompresses itself over what follows: it says how much it needs.
    let needed = if protocol >= 0x020a { u64::from(field(0x260)?) } else { 0 };
    let end = source.fits(start, needed.max(kernel.len() as u64))?;
    let below = u64::from(field(0x22c)?) + 1;
    let module = source.module_at(end, below)?;

    let header_end = (0x202 + usize::from(image[0x201])).min(PARAMETERS_SIZE);
    let header = image.get(HEADER..header_end.max(HEADER)).ok_or(ImageError::Truncated("its setup header"))?;
    let mut parameters = vec![0; PARAMETERS_SIZE];
    parameters[HEADER..HEADER + header.len()].copy_from_slice(header);
    let mut put = |at: usize, bytes: &[u8]| parameters[at..at + bytes.len()].copy_from_slice(bytes);
    put(0x210, &[LOADER]);
    put(0x228, &(COMMAND_LINE as u32).to_le_bytes());
    let beyond = (source.storage - memory_map::HIGH) >> 10;
    put(0x1e0, &(beyond.min(u64::from(u32::MAX)) as u32).to_le_bytes());
    let map = memory_map::map(source.storage);
    put(0x1e8, &[map.len() as u8]);
    map.iter().enumerate().for_each(|(number, range)| put(0x2d0 + 20 * number, &range.bytes()));
    if let Some(at) = module {
        put(0x218, &(at as u32).to_le_bytes());
        put(0x21c, &(source.module.len() as u32).to_le_bytes());
    }
    let mut placed = vec![(start, kernel.to_vec()), (PARAMETERS, parameters), source.command_line()?];
    placed.extend(module.map(|at| (at, source.module.to_vec())));
    Ok(protected(Kind::Linux, placed, start as u32, Registers { esi: PARAMETERS as u32, ..Registers::default() }))
}
