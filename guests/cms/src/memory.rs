//! The storage functions that compiled code calls by name. String instructions: short, and never turned back into
//! a call to themselves by the optimizer.

use core::arch::asm;

/// Up to here a copy is four loads and stores; beyond, the start of a string instruction is worth its cost.
const SHORT: usize = 32;

/// Copies at most [`SHORT`] bytes, which may overlap: everything is loaded before anything is stored.
///
/// # Safety
/// Both areas must be valid for `count` bytes.
#[inline(always)]
unsafe fn copy_short(target: *mut u8, source: *const u8, count: usize) {
    /// Copies the first and the last `T` of the areas, which together cover them.
    #[inline(always)]
    unsafe fn ends<T: Copy>(target: *mut u8, source: *const u8, count: usize) {
        let last = count - size_of::<T>();
        // SAFETY: the caller vouches for both areas, and count is at least the size of T.
        unsafe {
            let first_value = source.cast::<T>().read_unaligned();
            let last_value = source.add(last).cast::<T>().read_unaligned();
            target.cast::<T>().write_unaligned(first_value);
            target.add(last).cast::<T>().write_unaligned(last_value);
        }
    }
    // SAFETY: as the caller's; each size is at most count and at least half of it.
    unsafe {
        match count {
            0 => {}
            1 => target.write(source.read()),
            2..=3 => ends::<u16>(target, source, count),
            4..=7 => ends::<u32>(target, source, count),
            8..=15 => ends::<u64>(target, source, count),
            _ => ends::<u128>(target, source, count),
        }
    }
}

/// Copies `count` bytes between areas that do not overlap.
///
/// # Safety
/// Both areas must be valid for `count` bytes.
#[unsafe(no_mangle)]
unsafe extern "C" fn memcpy(target: *mut u8, source: *const u8, count: usize) -> *mut u8 {
    if count <= SHORT {
        // SAFETY: as the caller's.
        unsafe { copy_short(target, source, count) };
        return target;
    }
    // SAFETY: the caller vouches for both areas; the direction flag is clear by the calling convention.
    unsafe {
        asm!(
            "rep movsb",
            inout("rcx") count => _, inout("rdi") target => _, inout("rsi") source => _,
            options(nostack, preserves_flags),
        );
    }
    target
}

/// Copies `count` bytes between areas that may overlap.
///
/// # Safety
/// Both areas must be valid for `count` bytes.
#[unsafe(no_mangle)]
unsafe extern "C" fn memmove(target: *mut u8, source: *const u8, count: usize) -> *mut u8 {
    if count <= SHORT {
        // SAFETY: as the caller's.
        unsafe { copy_short(target, source, count) };
        return target;
    }
    let distance = (target as usize).wrapping_sub(source as usize);
    if distance >= count {
        // SAFETY: as the caller's; copying upwards never overwrites what is still to be read.
        return unsafe { memcpy(target, source, count) };
    }
    // SAFETY: the caller vouches for both areas; count is not 0, so the last bytes exist.
    // The direction flag is set for this one instruction only.
    unsafe {
        asm!(
            "std", "rep movsb", "cld",
            inout("rcx") count => _,
            inout("rdi") target.add(count - 1) => _,
            inout("rsi") source.add(count - 1) => _,
            options(nostack),
        );
    }
    target
}

/// Fills `count` bytes.
///
/// # Safety
/// The area must be valid for `count` bytes.
#[unsafe(no_mangle)]
unsafe extern "C" fn memset(target: *mut u8, byte: i32, count: usize) -> *mut u8 {
    // SAFETY: the caller vouches for the area; the direction flag is clear by the calling convention.
    unsafe {
        asm!(
            "rep stosb",
            inout("rcx") count => _, inout("rdi") target => _, in("al") byte as u8,
            options(nostack, preserves_flags),
        );
    }
    target
}

/// Compares `count` bytes: negative, 0, positive.
///
/// # Safety
/// Both areas must be valid for `count` bytes.
#[unsafe(no_mangle)]
unsafe extern "C" fn memcmp(left: *const u8, right: *const u8, count: usize) -> i32 {
    let mut at = 0;
    while at < count {
        // SAFETY: at < count, and the caller vouches for count bytes of both.
        let (a, b) = unsafe { (left.add(at).read(), right.add(at).read()) };
        if a != b {
            return i32::from(a) - i32::from(b);
        }
        at += 1;
    }
    0
}

/// Compares `count` bytes: 0 when they are the same.
///
/// # Safety
/// Both areas must be valid for `count` bytes.
#[unsafe(no_mangle)]
unsafe extern "C" fn bcmp(left: *const u8, right: *const u8, count: usize) -> i32 {
    // SAFETY: as the caller's.
    unsafe { memcmp(left, right, count) }
}

/// Length of a text that ends with a zero byte.
///
/// # Safety
/// There must be a zero byte.
#[unsafe(no_mangle)]
unsafe extern "C" fn strlen(text: *const u8) -> usize {
    let mut length = 0;
    // SAFETY: the caller vouches for every byte up to the zero.
    while unsafe { text.add(length).read() } != 0 {
        length += 1;
    }
    length
}

/// Named by the unwinding tables of the prebuilt core library. Nothing unwinds here: a panic ends in an abnormal end.
#[unsafe(no_mangle)]
extern "C" fn rust_eh_personality() {}

/// As [`rust_eh_personality`].
#[unsafe(no_mangle)]
extern "C" fn _Unwind_Resume() -> ! {
    crate::interruption::abend(crate::interruption::PANIC_CODE)
}
