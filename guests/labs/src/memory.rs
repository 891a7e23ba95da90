//! The storage functions that compiled code calls by name.

use core::arch::asm;

/// # Safety
/// Both areas must be valid for `count` bytes and apart.
#[unsafe(no_mangle)]
unsafe extern "C" fn memcpy(target: *mut u8, source: *const u8, count: usize) -> *mut u8 {
    // SAFETY: as the caller's; the direction flag is clear by the calling convention.
    unsafe {
        asm!("rep movsb", inout("rcx") count => _, inout("rdi") target => _, inout("rsi") source => _, options(nostack, preserves_flags))
    };
    target
}

/// # Safety
/// Both areas must be valid for `count` bytes.
#[unsafe(no_mangle)]
unsafe extern "C" fn memmove(target: *mut u8, source: *const u8, count: usize) -> *mut u8 {
    if (target as usize).wrapping_sub(source as usize) >= count {
        // SAFETY: copying upwards overwrites nothing that is still to be read.
        return unsafe { memcpy(target, source, count) };
    }
    let (last_target, last_source) = (target.wrapping_add(count).wrapping_sub(1), source.wrapping_add(count).wrapping_sub(1));
    // SAFETY: as the caller's; the direction flag is set for this one instruction.
    unsafe {
        asm!("std", "rep movsb", "cld", inout("rcx") count => _, inout("rdi") last_target => _, inout("rsi") last_source => _, options(nostack))
    };
    target
}

/// # Safety
/// The area must be valid for `count` bytes.
#[unsafe(no_mangle)]
unsafe extern "C" fn memset(target: *mut u8, byte: i32, count: usize) -> *mut u8 {
    // SAFETY: as the caller's.
    unsafe { asm!("rep stosb", inout("rcx") count => _, inout("rdi") target => _, in("al") byte as u8, options(nostack, preserves_flags)) };
    target
}

/// # Safety
/// Both areas must be valid for `count` bytes.
#[unsafe(no_mangle)]
unsafe extern "C" fn memcmp(one: *const u8, other: *const u8, count: usize) -> i32 {
    for at in 0..count {
        // SAFETY: as the caller's. Volatile, so that the loop is not taken for a memcmp and made a call of itself.
        let (left, right) = unsafe { (one.add(at).read_volatile(), other.add(at).read_volatile()) };
        if left != right {
            return i32::from(left) - i32::from(right);
        }
    }
    0
}
