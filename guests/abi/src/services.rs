//! What CMS gives to a program that it calls: the contract between a MODULE and CMS, of which `guests/sdk` has a Rust and a C side.
//!
//! A program is entered at the entry point of its module as a C function, `int entry(const struct cms *, const char *arguments, size_t length)`,
//! on the stack of CMS. What it returns is its return code. Every service takes [`Services::context`] first.

use core::ffi::c_void;

/// Version of [`Services`]. What is added at its end does not change it: `size` says how much there is.
pub const VERSION: u32 = 1;

/// The services of CMS.
#[derive(Debug)]
#[repr(C)]
pub struct Services {
    /// [`VERSION`].
    pub version: u32,
    /// Bytes of this structure.
    pub size: u32,
    /// What each service is given first.
    pub context: *mut c_void,
    /// Shows a line on the console: address and length.
    pub write_line: unsafe extern "C" fn(*mut c_void, *const u8, usize),
    /// Reads a line from the program stack or the console into that many bytes: its length, cut to them; -1 when there will be none.
    pub read_line: unsafe extern "C" fn(*mut c_void, *mut u8, usize) -> isize,
    /// Carries out a command as if it had been typed: its return code.
    pub command: unsafe extern "C" fn(*mut c_void, *const u8, usize) -> i32,
    /// Puts a line into the program stack, last (1) or first (0).
    pub stack_line: unsafe extern "C" fn(*mut c_void, *const u8, usize, i32),
    /// Storage of that many bytes, aligned to 16; null when there is none. It is gone when the command ends abnormally, and not before.
    pub allocate: unsafe extern "C" fn(*mut c_void, usize) -> *mut u8,
    /// Gives storage back.
    pub release: unsafe extern "C" fn(*mut c_void, *mut u8),
}

// The C header has the same places.
const _: () = {
    assert!(size_of::<Services>() == 64);
    assert!(core::mem::offset_of!(Services, context) == 8);
    assert!(core::mem::offset_of!(Services, write_line) == 16);
    assert!(core::mem::offset_of!(Services, release) == 56);
};
