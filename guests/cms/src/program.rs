//! Calling a program: what it gets from CMS, as C functions.

use alloc::alloc::{alloc, dealloc};
use core::alloc::Layout;
use core::ffi::c_void;

use abi::services::{Services, VERSION};
use shell::module::ProgramServices;

/// What the services find behind the pointer that a program hands back to them.
struct Context<'a> {
    services: &'a mut dyn ProgramServices,
}

/// Calls the program at that address; its return code.
pub fn call(entry: usize, arguments: &[u8], services: &mut dyn ProgramServices) -> i32 {
    let mut context = Context { services };
    let table = Services {
        version: VERSION,
        size: size_of::<Services>() as u32,
        context: (&raw mut context).cast(),
        write_line,
        read_line,
        command,
        stack_line,
        allocate,
        release,
    };
    // SAFETY: a program that was loaded there is entered by the contract of `abi::services`. What it does is its own affair: it has the
    // whole machine, as CMS has, and an exception ends it abnormally.
    let program: extern "C" fn(&Services, *const u8, usize) -> i32 =
        unsafe { core::mem::transmute(core::ptr::with_exposed_provenance::<()>(entry)) };
    program(&table, arguments.as_ptr(), arguments.len())
}

/// What a program calls a service with.
///
/// # Safety
/// The pointer is the one of the table, whose call is still going on.
unsafe fn services<'a>(context: *mut c_void) -> &'a mut dyn ProgramServices {
    // SAFETY: the program hands back what it was given; another address ends in an exception like any other of its mistakes.
    unsafe { &mut *(*context.cast::<Context>()).services }
}

/// The bytes at an address that a program names.
///
/// # Safety
/// They must be storage of the machine.
unsafe fn bytes<'a>(address: *const u8, length: usize) -> &'a [u8] {
    if length == 0 {
        return &[];
    }
    // SAFETY: the caller vouches for it; an address outside storage is an exception where it is read.
    unsafe { core::slice::from_raw_parts(address, length) }
}

unsafe extern "C" fn write_line(context: *mut c_void, address: *const u8, length: usize) {
    // SAFETY: by the contract of the services.
    unsafe { services(context).write_line(bytes(address, length)) }
}

unsafe extern "C" fn read_line(context: *mut c_void, address: *mut u8, capacity: usize) -> isize {
    // SAFETY: by the contract of the services.
    let Some(line) = unsafe { services(context) }.read_line() else {
        return -1;
    };
    let length = line.len().min(capacity);
    // SAFETY: that many bytes at the address are the program's, and the line is CMS's own.
    unsafe { core::ptr::copy_nonoverlapping(line.as_ptr(), address, length) };
    length as isize
}

unsafe extern "C" fn command(context: *mut c_void, address: *const u8, length: usize) -> i32 {
    // SAFETY: by the contract of the services.
    unsafe { services(context).command(bytes(address, length)) }
}

unsafe extern "C" fn stack_line(context: *mut c_void, address: *const u8, length: usize, last: i32) {
    // SAFETY: by the contract of the services.
    unsafe { services(context).stack_line(bytes(address, length), last != 0) }
}

/// Bytes before what is allocated: its size, for when it is given back.
const BEFORE: usize = 16;

unsafe extern "C" fn allocate(_: *mut c_void, size: usize) -> *mut u8 {
    let Some(layout) = size.checked_add(BEFORE).and_then(|size| Layout::from_size_align(size, BEFORE).ok()) else {
        return core::ptr::null_mut();
    };
    // SAFETY: the size is not 0; the first bytes hold it, and what is behind them is the program's.
    unsafe {
        let block = alloc(layout);
        if block.is_null() {
            return block;
        }
        block.cast::<usize>().write(layout.size());
        block.add(BEFORE)
    }
}

unsafe extern "C" fn release(_: *mut c_void, address: *mut u8) {
    if address.is_null() {
        return;
    }
    // SAFETY: the address is one that `allocate` gave, before which stands the size.
    unsafe {
        let block = address.sub(BEFORE);
        let size = block.cast::<usize>().read();
        dealloc(block, Layout::from_size_align_unchecked(size, BEFORE));
    }
}
