//! Instructions that have no name in Rust: port I/O, halting, the interrupt flag.

use core::arch::asm;

/// OUT of a byte.
pub fn write_byte(port: u16, value: u8) {
    // SAFETY: devices of a PC do not store into the kernel's storage unless told to by more than this crate says to them.
    unsafe { asm!("out dx, al", in("dx") port, in("al") value, options(nomem, nostack, preserves_flags)) };
}

/// OUT of two bytes.
pub fn write_word(port: u16, value: u16) {
    // SAFETY: as above.
    unsafe { asm!("out dx, ax", in("dx") port, in("ax") value, options(nomem, nostack, preserves_flags)) };
}

/// IN of a byte.
pub fn read_byte(port: u16) -> u8 {
    let value;
    // SAFETY: as above.
    unsafe { asm!("in al, dx", in("dx") port, out("al") value, options(nomem, nostack, preserves_flags)) };
    value
}

/// Waits for an interrupt.
pub fn halt() {
    // SAFETY: it only waits.
    unsafe { asm!("hlt", options(nomem, nostack, preserves_flags)) };
}

/// From now on interrupts come.
pub fn enable_interrupts() {
    // SAFETY: the handlers keep every register; those who call this have installed them.
    unsafe { asm!("sti", options(nostack)) };
}

/// From now on they wait.
pub fn disable_interrupts() {
    // SAFETY: it only holds off.
    unsafe { asm!("cli", options(nostack)) };
}
