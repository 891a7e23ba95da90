//! What the processor says of itself: exactly what it has.
//!
//! The vendor spares kernels the paths that read AMD's registers. Family 6 model 28 is an in-order processor without speculation, which is the truth
//! about this one: kernels leave out what they do against speculation.

use crate::translate::PHYSICAL_BITS;

/// Highest standard and extended leaf.
const HIGHEST: u32 = 7;
const HIGHEST_EXTENDED: u32 = 0x8000_0008;
/// Family 6, model 28, stepping 10.
const SIGNATURE: u32 = 0x0001_06ca;
/// FPU DE PSE TSC MSR PAE CX8 APIC SEP PGE CMOV CLFSH FXSR SSE SSE2.
const FEATURES: u32 =
    1 | 1 << 2 | 1 << 3 | 1 << 4 | 1 << 5 | 1 << 6 | 1 << 8 | 1 << 9 | 1 << 11 | 1 << 13 | 1 << 15 | 1 << 19 | 1 << 24 | 1 << 25 | 1 << 26;
/// Lines of 64 bytes, in the units of leaf 1.
const LINE: u32 = 8 << 8;
/// SYSCALL NX LM.
const EXTENDED_FEATURES: u32 = 1 << 11 | 1 << 20 | 1 << 29;
const NAME: &[u8; 48] = b"CP-64 software processor\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0";

/// EAX, EBX, ECX, EDX of a leaf of CPUID, as a processor with that number has it; leaves that are not there read as zero.
pub fn leaf(leaf: u32, processor: usize) -> [u32; 4] {
    let text = |bytes: &[u8]| u32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]);
    match leaf {
        0 => [HIGHEST, text(b"Genu"), text(b"ntel"), text(b"ineI")],
        1 => [SIGNATURE, (processor as u32) << 24 | 1 << 16 | LINE, 1 << 31, FEATURES],
        0x8000_0000 => [HIGHEST_EXTENDED, 0, 0, 0],
        0x8000_0001 => [SIGNATURE, 0, 0, EXTENDED_FEATURES],
        0x8000_0002..=0x8000_0004 => {
            let part = &NAME[(leaf - 0x8000_0002) as usize * 16..][..16];
            [text(part), text(&part[4..]), text(&part[8..]), text(&part[12..])]
        }
        0x8000_0008 => [PHYSICAL_BITS | 48 << 8, 0, 0, 0],
        _ => [0; 4],
    }
}
