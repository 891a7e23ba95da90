//! The storage functions that compiled code calls by name. Loops of string instructions, which are never turned back into such a call.

use core::arch::asm;

/// Copies bytes between areas that do not overlap.
///
/// # Safety
/// Both areas must be valid for `count` bytes.
#[unsafe(no_mangle)]
unsafe extern "C" fn memcpy(target: *mut u8, source: *const u8, count: usize) -> *mut u8 {
    // SAFETY: the caller vouches for both areas.
    unsafe {
        asm!("rep movsb", inout("rcx") count => _, inout("rdi") target => _, inout("rsi") source => _, options(nostack, preserves_flags))
    };
    target
}

/// Copies bytes between areas that may overlap.
///
/// # Safety
/// As [`memcpy`].
#[unsafe(no_mangle)]
unsafe extern "C" fn memmove(target: *mut u8, source: *const u8, count: usize) -> *mut u8 {
    if (target as usize).wrapping_sub(source as usize) >= count {
        // SAFETY: upwards nothing is overwritten that is still to be read.
        return unsafe { memcpy(target, source, count) };
    }
    // SAFETY: the caller vouches for both areas, and count is not 0; the direction is restored.
    unsafe {
        asm!(
            "std", "rep movsb", "cld",
            inout("rcx") count => _, inout("rdi") target.add(count - 1) => _, inout("rsi") source.add(count - 1) => _,
            options(nostack),
        );
    }
    target
}

/// Fills bytes.
///
/// # Safety
/// The area must be valid for `count` bytes.
#[unsafe(no_mangle)]
unsafe extern "C" fn memset(target: *mut u8, byte: i32, count: usize) -> *mut u8 {
    // SAFETY: the caller vouches for the area.
    unsafe { asm!("rep stosb", inout("rcx") count => _, inout("rdi") target => _, in("al") byte as u8, options(nostack, preserves_flags)) };
    target
}

/// Compares bytes.
///
/// # Safety
/// Both areas must be valid for `count` bytes.
#[unsafe(no_mangle)]
unsafe extern "C" fn memcmp(one: *const u8, other: *const u8, count: usize) -> i32 {
    for at in 0..count {
        // SAFETY: the caller vouches for both areas. Volatile, so that the loop is not made a call to this function.
        let (left, right) = unsafe { (one.add(at).read_volatile(), other.add(at).read_volatile()) };
        if left != right {
            return i32::from(left) - i32::from(right);
        }
    }
    0
}
