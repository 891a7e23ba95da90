//! The answer to IDENTIFY DEVICE.

use super::spec::{GEOMETRY, LBA28_MAX, MULTIPLE_MAX};
use crate::disk::SECTOR;

/// Text in words: two characters each, the first in the high byte.
fn put_text(words: &mut [u16], text: &str) {
    let mut bytes = text.bytes().chain(std::iter::repeat(b' '));
    for word in words {
        *word = u16::from(bytes.next().unwrap_or(b' ')) << 8 | u16::from(bytes.next().unwrap_or(b' '));
    }
}

/// Cylinders that a drive says it has.
pub(super) fn cylinders(sectors: u64) -> u64 {
    (sectors / (GEOMETRY.0 * GEOMETRY.1)).min(16_383)
}

pub(super) fn identify(sectors: u64, multiple: u8, number: usize) -> Vec<u8> {
    let mut words = [0_u16; SECTOR / 2];
    let sectors = sectors.min(LBA28_MAX);
    let (heads, per_track) = (GEOMETRY.0 as u16, GEOMETRY.1 as u16);
    let cylinders = cylinders(sectors) as u16;
    let in_geometry = u32::from(cylinders) * u32::from(heads) * u32::from(per_track);
    words[0] = 0x0040;
    (words[1], words[3], words[6]) = (cylinders, heads, per_track);
    put_text(&mut words[10..20], &format!("CP64{number:04}"));
    put_text(&mut words[23..27], "1.0");
    put_text(&mut words[27..47], "CP-64 MINIDISK");
    words[47] = 0x8000 | u16::from(MULTIPLE_MAX);
    // Logical block addresses; words 54 to 58 are valid.
    words[49] = 0x0200;
    words[53] = 1;
    (words[54], words[55], words[56]) = (cylinders, heads, per_track);
    (words[57], words[58]) = (in_geometry as u16, (in_geometry >> 16) as u16);
    words[59] = if multiple > 0 { 0x100 | u16::from(multiple) } else { 0 };
    (words[60], words[61]) = (sectors as u16, (sectors >> 16) as u16);
    // ATA-1 to ATA-5; a write cache that can be flushed.
    words[80] = 0x003e;
    (words[82], words[83], words[84]) = (0x0020, 0x5000, 0x4000);
    (words[85], words[86], words[87]) = (0x0020, 0x1000, 0x4000);
    words.iter().flat_map(|word| word.to_le_bytes()).collect()
}
