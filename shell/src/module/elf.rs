//! Executables of the host's compilers: a position-independent static ELF file becomes an image. Pure; the file is not to be trusted.

use alloc::vec::Vec;

use super::image::{Image, SIZE_MAX};

/// Why a file is no program for CMS.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ElfError {
    /// It does not begin as one.
    #[error("is no ELF executable for x86-64")]
    NotElf,
    /// It has a fixed address.
    #[error("is not position-independent: link it with -static-pie")]
    FixedAddress,
    /// It needs libraries or thread-local storage.
    #[error("needs a dynamic linker or thread-local storage: link it with -static-pie -nostdlib")]
    Dynamic,
    /// A relocation other than one by the address where it is loaded.
    #[error("has relocations of kind {0}, which CMS does not do")]
    Relocation(u32),
    /// It is larger than CMS takes.
    #[error("takes more than {SIZE_MAX} bytes of storage")]
    TooLarge,
    /// It refers to places that it does not have.
    #[error("is damaged")]
    Damaged,
}

/// Program headers that matter.
const LOAD: u32 = 1;
const DYNAMIC: u32 = 2;
const INTERPRETER: u32 = 3;
const TLS: u32 = 7;
/// Entries of the dynamic section that matter.
const NEEDED: u64 = 1;
const RELA: u64 = 7;
const RELA_SIZE: u64 = 8;
const RELA_ENTRY: u64 = 9;
const REL: u64 = 17;
const RELR: u64 = 36;
/// R_X86_64_RELATIVE.
const RELATIVE: u32 = 8;
/// Bytes of a program header, of a relocation, of an entry of the dynamic section.
const HEADER: usize = 56;
const RELOCATION: usize = 24;
const ENTRY: usize = 16;

fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_le_bytes(*bytes.get(at..)?.first_chunk()?))
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_le_bytes(*bytes.get(at..)?.first_chunk()?))
}

fn u64_at(bytes: &[u8], at: usize) -> Option<u64> {
    Some(u64::from_le_bytes(*bytes.get(at..)?.first_chunk()?))
}

/// A place in the file or the image, as an index.
fn place(bytes: &[u8], at: usize) -> Result<usize, ElfError> {
    u64_at(bytes, at).and_then(|place| usize::try_from(place).ok()).ok_or(ElfError::Damaged)
}

/// The image of an executable.
///
/// # Errors
/// Why it is none for CMS.
pub fn image(file: &[u8]) -> Result<Image, ElfError> {
    if file.get(..6) != Some(b"\x7fELF\x02\x01") || u16_at(file, 18) != Some(62) {
        return Err(ElfError::NotElf);
    }
    match u16_at(file, 16) {
        Some(3) => {}
        Some(2) => return Err(ElfError::FixedAddress),
        _ => return Err(ElfError::NotElf),
    }
    let entry = place(file, 24)?;
    let (table, count) = (place(file, 32)?, u16_at(file, 56).ok_or(ElfError::Damaged)?);
    let (mut data, mut size, mut dynamic) = (Vec::new(), 0, None);
    for number in 0..usize::from(count) {
        let at = number.checked_mul(HEADER).and_then(|offset| table.checked_add(offset)).ok_or(ElfError::Damaged)?;
        let header = file.get(at..).and_then(|rest| rest.get(..HEADER)).ok_or(ElfError::Damaged)?;
        match u32_at(header, 0) {
            Some(LOAD) => load(file, header, &mut data, &mut size)?,
            Some(DYNAMIC) => dynamic = Some((place(header, 16)?, place(header, 40)?)),
            Some(INTERPRETER | TLS) => return Err(ElfError::Dynamic),
            _ => {}
        }
    }
    let mut image = Image { entry: entry as u32, size: size as u32, data, relocations: Vec::new() };
    if let Some((from, length)) = dynamic {
        relocations(&mut image, from, length)?;
    }
    if entry >= image.data.len() {
        return Err(ElfError::Damaged);
    }
    Ok(image)
}

/// Puts a segment where it belongs.
fn load(file: &[u8], header: &[u8], data: &mut Vec<u8>, size: &mut usize) -> Result<(), ElfError> {
    let (offset, address) = (place(header, 8)?, place(header, 16)?);
    let (in_file, in_storage) = (place(header, 32)?, place(header, 40)?);
    let end = address.checked_add(in_storage.max(in_file)).filter(|end| *end <= SIZE_MAX).ok_or(ElfError::TooLarge)?;
    let bytes = file.get(offset..).and_then(|rest| rest.get(..in_file)).ok_or(ElfError::Damaged)?;
    if data.len() < address + in_file {
        data.resize(address + in_file, 0);
    }
    data[address..address + in_file].copy_from_slice(bytes);
    *size = (*size).max(end);
    Ok(())
}

/// Takes the relocations over: each adds the address of the image to a number that is put in its place.
fn relocations(image: &mut Image, from: usize, length: usize) -> Result<(), ElfError> {
    let section = image.data.get(from..).and_then(|rest| rest.get(..length)).ok_or(ElfError::Damaged)?;
    let (mut table, mut bytes, mut entry) = (0, 0, RELOCATION);
    for pair in section.chunks_exact(ENTRY) {
        let value = place(pair, 8)?;
        match u64_at(pair, 0) {
            Some(0) => break,
            Some(NEEDED) => return Err(ElfError::Dynamic),
            Some(RELA) => table = value,
            Some(RELA_SIZE) => bytes = value,
            Some(RELA_ENTRY) => entry = value,
            Some(kind @ (REL | RELR)) => return Err(ElfError::Relocation(kind as u32)),
            _ => {}
        }
    }
    if bytes == 0 {
        return Ok(());
    }
    if entry != RELOCATION {
        return Err(ElfError::Damaged);
    }
    let entries = image.data.get(table..).and_then(|rest| rest.get(..bytes)).ok_or(ElfError::Damaged)?;
    let entries = entries.to_vec();
    for entry in entries.chunks_exact(RELOCATION) {
        let (offset, kind) = (place(entry, 0)?, u32_at(entry, 8).unwrap_or(0));
        if kind != RELATIVE {
            return Err(ElfError::Relocation(kind));
        }
        let end = offset.checked_add(8).filter(|end| *end <= image.size as usize).ok_or(ElfError::Damaged)?;
        if image.data.len() < end {
            image.data.resize(end, 0);
        }
        image.data[offset..end].copy_from_slice(&entry[16..24]);
        image.relocations.push(offset as u32);
    }
    Ok(())
}

/// An executable made for the tests: code at 0x1000 and a pointer to it at 0x2000.
#[cfg(test)]
pub(super) fn sample() -> Vec<u8> {
    let mut file = alloc::vec![0; 0x2100];
    file[..6].copy_from_slice(b"\x7fELF\x02\x01");
    let put = |file: &mut Vec<u8>, at: usize, value: u64, bytes: usize| file[at..at + bytes].copy_from_slice(&value.to_le_bytes()[..bytes]);
    put(&mut file, 16, 3, 2);
    put(&mut file, 18, 62, 2);
    put(&mut file, 24, 0x1000, 8);
    put(&mut file, 32, 64, 8);
    put(&mut file, 56, 2, 2);
    // A segment of the whole file with some storage behind, and the dynamic section in it.
    for (at, kind, offset, size, storage) in [(64, LOAD, 0, 0x2100, 0x3000), (64 + HEADER, DYNAMIC, 0x2010, 64, 64)] {
        put(&mut file, at, u64::from(kind), 4);
        put(&mut file, at + 8, offset, 8);
        put(&mut file, at + 16, offset, 8);
        put(&mut file, at + 32, size, 8);
        put(&mut file, at + 40, storage, 8);
    }
    for (at, (tag, value)) in [(RELA, 0x2060), (RELA_SIZE, 24), (RELA_ENTRY, 24), (0, 0)].into_iter().enumerate() {
        put(&mut file, 0x2010 + at * ENTRY, tag, 8);
        put(&mut file, 0x2018 + at * ENTRY, value, 8);
    }
    put(&mut file, 0x2060, 0x2000, 8);
    put(&mut file, 0x2068, u64::from(RELATIVE), 8);
    put(&mut file, 0x2070, 0x1000, 8);
    file[0x1000] = 0xc3;
    file
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn an_executable_becomes_an_image() {
        let image = image(&sample()).expect("a program");
        assert_eq!((image.entry, image.size, image.relocations.as_slice()), (0x1000, 0x3000, &[0x2000][..]));
        assert_eq!(u64_at(&image.data, 0x2000), Some(0x1000));
    }

    #[test]
    fn what_is_no_program_for_cms_is_refused() {
        let changed = |at: usize, byte: u8| {
            let mut file = sample();
            file[at] = byte;
            image(&file).err()
        };
        assert_eq!(changed(0, 0), Some(ElfError::NotElf));
        assert_eq!(changed(16, 2), Some(ElfError::FixedAddress));
        assert_eq!(changed(64 + HEADER, 3), Some(ElfError::Dynamic));
        assert_eq!(changed(0x2010, 1), Some(ElfError::Dynamic));
        assert_eq!(changed(0x2068, 6), Some(ElfError::Relocation(6)));
        assert_eq!(changed(64 + 43, 0x7f), Some(ElfError::TooLarge));
        assert_eq!(changed(26, 0x7f), Some(ElfError::Damaged));
        assert_eq!(image(b"").err(), Some(ElfError::NotElf));
    }

    proptest! {
        #[test]
        fn any_change_is_an_image_or_an_error(changes in prop::collection::vec((0_usize..0x2100, any::<u8>()), 1..20), length in 0_usize..0x2101) {
            let mut file = sample();
            changes.into_iter().for_each(|(at, byte)| file[at] = byte);
            file.truncate(length);
            let _ = image(&file);
        }
    }
}
