//! Page tables: four levels of 512 entries, each the address of the next table and a few bits.

use core::arch::asm;

/// Bytes of a page.
pub const PAGE: u64 = 4096;
/// The entry means something.
pub const PRESENT: u64 = 1;
/// The page may be stored into.
pub const WRITABLE: u64 = 1 << 1;
/// Ring 3 may use it.
pub const USER: u64 = 1 << 2;
/// The page holds no code.
pub const NO_EXECUTE: u64 = 1 << 63;

/// A page of anything, where pages begin.
#[derive(Clone, Copy, Debug)]
#[repr(C, align(4096))]
pub struct Page(pub [u64; 512]);

impl Page {
    /// Zeros.
    pub const fn zero() -> Self {
        Self([0; 512])
    }
}

/// Tables that are not used yet: enough for a few pages anywhere.
static mut SPARE: [Page; 16] = [Page::zero(); 16];
static mut USED: usize = 0;

/// A new table. Its address is also its place in storage: the kernel is mapped where it is.
fn new_table() -> u64 {
    // SAFETY: one processor, and no interruption asks for tables.
    unsafe {
        assert!(USED < 16, "out of page tables");
        USED += 1;
        (&raw const SPARE) as u64 + (USED as u64 - 1) * PAGE
    }
}

fn root() -> u64 {
    let root: u64;
    // SAFETY: it only reads a register.
    unsafe { asm!("mov {}, cr3", out(reg) root, options(nomem, nostack, preserves_flags)) };
    root & !(PAGE - 1)
}

/// Maps the page at `address` to the page of storage at `frame`, with these bits. The tables on the way are made as needed.
///
/// # Panics
/// When a page is there already, or a large one around it.
pub fn map(address: u64, frame: u64, bits: u64) {
    let mut table = root();
    for level in (1..4).rev() {
        let entry = entry(table, address >> (12 + 9 * level) & 0x1ff);
        // SAFETY: `entry` is in a table, and nobody else changes tables.
        unsafe {
            if *entry & PRESENT == 0 {
                *entry = new_table() | PRESENT | WRITABLE;
            }
            assert!(*entry & 0x80 == 0, "a large page is at {address:#x}");
            // The last level decides; the others only must not forbid.
            *entry |= bits & USER;
            table = *entry & 0x000f_ffff_ffff_f000;
        }
    }
    let entry = entry(table, address >> 12 & 0x1ff);
    // SAFETY: as above.
    unsafe {
        assert!(*entry & PRESENT == 0, "{address:#x} is mapped already");
        *entry = frame | bits | PRESENT;
    }
}

fn entry(table: u64, number: u64) -> *mut u64 {
    core::ptr::with_exposed_provenance_mut((table + number * 8) as usize)
}
