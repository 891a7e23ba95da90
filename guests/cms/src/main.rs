//! The CMS image: what CP loads for IPL CMS. It sets up stack, heap and interruptions, and runs the shell.
//!
//! It talks to CP by DIAGNOSE only (crate `abi`); what a command does is the shell's. This is the only guest code with
//! `unsafe` in it.
#![no_std]
#![no_main]

extern crate alloc;

mod control_program;
mod diagnose;
mod disk;
mod heap;
mod interruption;
mod memory;
mod program;
mod provoke;
mod text;

use core::arch::naked_asm;

use control_program::ControlProgram;
use shell::session::Shell;

unsafe extern "C" {
    static __end: u8;
    static __stack_bottom: u8;
    static __stack_top: u8;
}

/// Longest IPL PARM text.
const PARM: usize = 240;

/// Where CP starts the machine: RDI = address of the IPL PARM text, RSI = its length, no stack.
///
/// # Safety
/// Only CP enters here, once for each IPL.
#[unsafe(naked)]
#[unsafe(no_mangle)]
#[unsafe(link_section = ".text.entry")]
pub unsafe extern "C" fn _start() -> ! {
    naked_asm!(
        "lea rsp, [rip + {top}]",
        "xor ebp, ebp",
        "call {ipl}",
        "ud2",
        top = sym __stack_top,
        ipl = sym ipl,
    )
}

/// IPL: a machine that has just been reset.
extern "C" fn ipl(parm: *const u8, length: u64) -> ! {
    interruption::install();
    let mut text = [0; PARM];
    let length = (length as usize).min(PARM);
    if !parm.is_null() {
        // SAFETY: CP stored that many bytes of PARM text there; low storage is nothing of ours.
        unsafe { core::ptr::copy_nonoverlapping(parm, text.as_mut_ptr(), length) };
    }
    if diagnose::identification().version != abi::VERSION {
        diagnose::console_write(b"DMSINI105S This CMS does not fit this CP: the versions of their contract differ", 0);
        diagnose::disabled_wait();
    }
    empty_heap();
    let mut shell = Shell::new(ControlProgram);
    shell.ipl(&text[..length]);
    run(shell)
}

/// Bytes of the stack that are kept when the shell starts again: what it needs for itself.
const STACK_KEPT: usize = 32 * 1024;

/// Starts the shell again after an abnormal end with that completion code.
fn recover(code: i32) -> ! {
    empty_heap();
    let (bottom, top) = ((&raw const __stack_bottom) as usize, (&raw const __stack_top) as usize);
    // SAFETY: the stack is empty but for this function, far above what is released.
    unsafe { diagnose::release_pages(bottom, top - STACK_KEPT - 1) };
    run(Shell::recover(ControlProgram, interruption::session(), code))
}

/// Runs the shell for good.
fn run(mut shell: Shell<ControlProgram>) -> ! {
    shell.run();
    diagnose::disabled_wait()
}

/// An empty heap from the end of the image to the end of storage.
fn empty_heap() {
    let start = (&raw const __end) as usize;
    // SAFETY: runs only at IPL and in recovery, on an empty stack: nothing allocated is used again, and the storage
    // behind the image belongs to the heap alone.
    unsafe { heap::HEAP.reset(start, diagnose::storage_size() as usize) };
}

#[panic_handler]
fn panic(info: &core::panic::PanicInfo) -> ! {
    interruption::panicked(info)
}
