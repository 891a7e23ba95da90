//! The Rust side of programs for CMS: `no_std`, with `alloc` over the storage of CMS. The contract is `abi::services`.
//!
//! ```ignore
//! #![no_std]
//! #![no_main]
//! cms_sdk::program!(main);
//! fn main(arguments: &[u8]) -> i32 {
//!     cms_sdk::write_line(b"Hello");
//!     0
//! }
//! ```
#![no_std]

extern crate alloc;

mod memory;
pub mod screen;

use alloc::vec::Vec;
use core::alloc::{GlobalAlloc, Layout};
use core::fmt::Write;
use core::sync::atomic::{AtomicPtr, Ordering};

pub use abi::services::Services;

/// The services, from the call of the program on.
static SERVICES: AtomicPtr<Services> = AtomicPtr::new(core::ptr::null_mut());

/// Longest line that is read.
const LINE: usize = 1024;

/// Makes `main`, a function of the arguments as typed that answers the return code, the program.
#[macro_export]
macro_rules! program {
    ($main:path) => {
        /// Where CMS enters the program.
        ///
        /// # Safety
        /// Only CMS calls it, by the contract of its services.
        #[unsafe(no_mangle)]
        pub unsafe extern "C" fn cms_start(services: *const $crate::Services, arguments: *const u8, length: usize) -> i32 {
            // SAFETY: CMS hands over its table and the arguments, which stay for the call.
            $main(unsafe { $crate::start(services, arguments, length) })
        }
    };
}

/// Takes the services over; answers the arguments.
///
/// # Safety
/// The table and the arguments must stay for the whole call.
pub unsafe fn start<'a>(services: *const Services, arguments: *const u8, length: usize) -> &'a [u8] {
    SERVICES.store(services.cast_mut(), Ordering::Relaxed);
    // SAFETY: the caller vouches for it; an empty slice may have any address.
    if length == 0 { &[] } else { unsafe { core::slice::from_raw_parts(arguments, length) } }
}

fn services() -> &'static Services {
    // SAFETY: `start` has stored it before anything of the program runs, and it stays for as long.
    unsafe { &*SERVICES.load(Ordering::Relaxed) }
}

/// Shows a line on the console.
pub fn write_line(line: &[u8]) {
    let services = services();
    // SAFETY: by the contract of the services.
    unsafe { (services.write_line)(services.context, line.as_ptr(), line.len()) }
}

/// Reads a line from the program stack or the console; `None` when there will be none.
pub fn read_line() -> Option<Vec<u8>> {
    let services = services();
    let mut line = alloc::vec![0; LINE];
    // SAFETY: by the contract of the services; the buffer has that many bytes.
    let length = unsafe { (services.read_line)(services.context, line.as_mut_ptr(), line.len()) };
    line.truncate(usize::try_from(length).ok()?);
    Some(line)
}

/// Carries out a command as if it had been typed; its return code.
pub fn command(line: &[u8]) -> i32 {
    let services = services();
    // SAFETY: by the contract of the services.
    unsafe { (services.command)(services.context, line.as_ptr(), line.len()) }
}

/// Puts a line into the program stack: to be read after the others, or before them.
pub fn stack_line(line: &[u8], last: bool) {
    let services = services();
    // SAFETY: by the contract of the services.
    unsafe { (services.stack_line)(services.context, line.as_ptr(), line.len(), i32::from(last)) }
}

/// The compiled parts of `alloc` name what unwinding needs; a program whose panics abort never gets there.
///
/// # Safety
/// Nobody calls it.
#[unsafe(no_mangle)]
unsafe extern "C" fn rust_eh_personality() {}

/// As `rust_eh_personality`.
///
/// # Safety
/// Nobody calls it.
#[unsafe(no_mangle)]
unsafe extern "C" fn _Unwind_Resume() -> ! {
    // SAFETY: never reached; an instruction that is none ends the program.
    unsafe { core::arch::asm!("ud2", options(noreturn)) }
}

/// Storage of CMS.
struct Storage;

#[global_allocator]
static STORAGE: Storage = Storage;

// SAFETY: CMS gives storage that nobody else has, aligned to 16; more alignment is refused.
unsafe impl GlobalAlloc for Storage {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        if layout.align() > 16 {
            return core::ptr::null_mut();
        }
        let services = services();
        // SAFETY: by the contract of the services.
        unsafe { (services.allocate)(services.context, layout.size()) }
    }

    unsafe fn dealloc(&self, address: *mut u8, _: Layout) {
        let services = services();
        // SAFETY: the address is one that `alloc` gave.
        unsafe { (services.release)(services.context, address) }
    }
}

/// Lines of text, as `write!` makes them.
struct Console(Vec<u8>);

impl Write for Console {
    fn write_str(&mut self, text: &str) -> core::fmt::Result {
        self.0.extend_from_slice(text.as_bytes());
        Ok(())
    }
}

#[panic_handler]
fn panic(info: &core::panic::PanicInfo) -> ! {
    let mut text = Console(Vec::new());
    // Text in storage: it does not fail but for storage, and then there is nothing better to do.
    let _ = write!(text, "{info}");
    text.0.split(|byte| *byte == b'\n').for_each(write_line);
    // SAFETY: an instruction that is none: CMS ends the program and shows its registers.
    unsafe { core::arch::asm!("ud2", options(noreturn)) }
}
