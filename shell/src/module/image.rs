//! The image of a program and the MODULE file that holds it. Pure; a file is not to be trusted.
//!
//! A MODULE file has fixed records of 4096 bytes, which are a string of bytes: `CMSMODUL`; then as little-endian `u32` the version, the entry
//! point, the bytes of storage, the bytes of data, the number of relocations; the data; for each relocation the place of a `u64` to which the address of
//! the image is added.

use alloc::vec::Vec;

/// Most bytes of storage that a program may take for itself.
pub const SIZE_MAX: usize = 8 << 20;
/// Record length of MODULE files.
pub const LRECL: u32 = 4096;
/// What a MODULE file begins with.
const MAGIC: &[u8; 8] = b"CMSMODUL";
const VERSION: u32 = 1;
/// Bytes before the data.
const HEADER: usize = 28;
/// An image begins at a multiple of this.
const ALIGNMENT: usize = 4096;

/// A program before it is in its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Image {
    /// Where it is entered, counted from its beginning.
    pub entry: u32,
    /// Bytes of storage, the data first, then zeros.
    pub size: u32,
    /// What its storage begins with.
    pub data: Vec<u8>,
    /// Places of addresses in it.
    pub relocations: Vec<u32>,
}

impl Image {
    /// The bytes of its MODULE file, filled to whole records.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = MAGIC.to_vec();
        for number in [VERSION, self.entry, self.size, self.data.len() as u32, self.relocations.len() as u32] {
            bytes.extend_from_slice(&number.to_le_bytes());
        }
        bytes.extend_from_slice(&self.data);
        self.relocations.iter().for_each(|place| bytes.extend_from_slice(&place.to_le_bytes()));
        bytes.resize(bytes.len().next_multiple_of(LRECL as usize), 0);
        bytes
    }

    /// The image that a MODULE file holds; none when it holds none.
    pub fn parse(bytes: &[u8]) -> Option<Self> {
        let number = |at: usize| Some(u32::from_le_bytes(*bytes.get(at..)?.first_chunk()?));
        if !bytes.starts_with(MAGIC) || number(8)? != VERSION {
            return None;
        }
        let (entry, size, length, count) = (number(12)?, number(16)?, number(20)? as usize, number(24)? as usize);
        let data = bytes.get(HEADER..)?.get(..length)?.to_vec();
        let relocations = bytes.get(HEADER + length..)?.get(..count.checked_mul(4)?)?;
        let relocations: Vec<u32> = relocations.as_chunks::<4>().0.iter().map(|place| u32::from_le_bytes(*place)).collect();
        let fits = |place: &u32| (*place as usize).checked_add(8).is_some_and(|end| end <= length);
        let valid = size as usize <= SIZE_MAX && length <= size as usize && (entry as usize) < length && relocations.iter().all(fits);
        valid.then_some(Self { entry, size, data, relocations })
    }

    /// Puts it into storage; none when there is not enough.
    pub fn place(&self) -> Option<Placed> {
        let mut storage: Vec<u8> = Vec::new();
        storage.try_reserve_exact(self.size as usize + ALIGNMENT).ok()?;
        let skipped = storage.as_ptr().addr().next_multiple_of(ALIGNMENT) - storage.as_ptr().addr();
        storage.resize(skipped, 0);
        storage.extend_from_slice(&self.data);
        storage.resize(skipped + self.size as usize, 0);
        let base = storage.as_ptr().expose_provenance() + skipped;
        for place in &self.relocations {
            let at = skipped + *place as usize;
            if let Some(field) = storage.get_mut(at..).and_then(|rest| rest.first_chunk_mut::<8>()) {
                *field = (base as u64).wrapping_add(u64::from_le_bytes(*field)).to_le_bytes();
            }
        }
        Some(Placed { _storage: storage, base, entry: base + self.entry as usize, size: self.size })
    }
}

/// A program in its place.
#[derive(Debug)]
pub struct Placed {
    /// Never moved: it is neither grown nor given away.
    _storage: Vec<u8>,
    /// Where it begins.
    pub base: usize,
    /// Where it is entered.
    pub entry: usize,
    /// Bytes of storage.
    pub size: u32,
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec;
    use proptest::prelude::*;

    fn sample() -> Image {
        Image { entry: 4, size: 64, data: vec![1; 16], relocations: vec![8] }
    }

    #[test]
    fn an_image_survives_its_file_and_is_relocated() {
        let bytes = sample().to_bytes();
        assert_eq!(bytes.len(), 4096);
        assert_eq!(Image::parse(&bytes), Some(sample()));
        let placed = sample().place().expect("room");
        assert_eq!((placed.base % ALIGNMENT, placed.entry - placed.base, placed.size), (0, 4, 64));
        let skipped = placed._storage.len() - 64;
        let field = placed._storage[skipped + 8..].first_chunk::<8>().expect("there");
        assert_eq!(u64::from_le_bytes(*field), placed.base as u64 + 0x0101_0101_0101_0101);
    }

    #[test]
    fn places_outside_are_refused() {
        for wrong in [
            Image { entry: 16, ..sample() },
            Image { size: 15, ..sample() },
            Image { size: SIZE_MAX as u32 + 1, ..sample() },
            Image { relocations: vec![9], ..sample() },
            Image { relocations: vec![u32::MAX], ..sample() },
        ] {
            assert_eq!(Image::parse(&wrong.to_bytes()), None, "{wrong:?}");
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_an_image_or_none(changes in prop::collection::vec((0_usize..48, any::<u8>()), 0..8), length in 0_usize..60) {
            let mut bytes = sample().to_bytes();
            changes.into_iter().for_each(|(at, byte)| bytes[at] = byte);
            bytes.truncate(length);
            if let Some(image) = Image::parse(&bytes) {
                prop_assert!((image.entry as usize) < image.data.len());
            }
        }
    }
}
