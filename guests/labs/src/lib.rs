//! What the teaching kernels for a PC machine have in common: the way into 64-bit mode, the serial line, interruptions and page tables.
//!
//! Everything here is short on purpose. Read it in this order: `start`, `serial`, `interrupts`, `paging`; the kernels are in `bin`.
#![no_std]

pub mod interrupts;
// The one of programs for CMS: what compiled code calls by name is the same on every bare machine.
#[path = "../../sdk/src/memory.rs"]
mod memory;
pub mod paging;
pub mod port;
pub mod serial;
mod start;

/// Switches the machine off: the port is the one of QEMU and CP-64 for ACPI's soft-off.
pub fn power_off() -> ! {
    port::write_word(0x604, 0x2000);
    loop {
        port::halt();
    }
}

/// What went wrong, then nothing more: a machine that halts with interrupts disabled is in a disabled wait.
pub fn panicked(info: &core::panic::PanicInfo) -> ! {
    println!("{info}");
    loop {
        port::disable_interrupts();
        port::halt();
    }
}

/// Makes a function the kernel: `kernel!(main);` where `main` is `fn() -> !`.
#[macro_export]
macro_rules! kernel {
    ($main:path) => {
        #[unsafe(no_mangle)]
        extern "C" fn kernel() -> ! {
            $main()
        }

        #[panic_handler]
        fn panic(info: &core::panic::PanicInfo) -> ! {
            $crate::panicked(info)
        }
    };
}
