//! Lab 5: a kernel for a CMS machine, which has no devices: everything is asked of CP by DIAGNOSE. See `guests/labs/diagnose.md`.
#![no_std]
#![no_main]

use abi::{Psw, SavedState, call::diagnose, code, mask};

#[repr(C, align(16))]
struct Stack([u8; 4096]);

static mut STACK: Stack = Stack([0; 4096]);
static mut LINE: [u8; 80] = [0; 80];
/// A PSW that waits and is enabled for nothing: with it the machine enters CP mode.
static WAIT: SavedState = SavedState { psw: Psw { address: 0, stack: 0, flags: 0, mask: mask::WAIT }, registers: [0; 16] };

/// CP enters here in ring 3, without a stack.
///
/// # Safety
/// Once, by IPL.
#[unsafe(naked)]
#[unsafe(no_mangle)]
unsafe extern "C" fn kernel() -> ! {
    core::arch::naked_asm!("lea rsp, [rip + {stack} + 4096]", "call {main}", "ud2", stack = sym STACK, main = sym main)
}

fn say(line: &[u8]) {
    // SAFETY: CP only reads the line.
    unsafe { diagnose(code::CONSOLE_WRITE, [line.as_ptr() as u64, line.len() as u64, 0, 0, 0, 0]) };
}

extern "C" fn main() -> ! {
    say(b"Hello from ring 3. Type a CP command:");
    // SAFETY: the buffer is ours; a response buffer of length 0 means the console.
    let number = unsafe {
        let (_, length) = diagnose(code::CONSOLE_READ, [(&raw mut LINE) as u64, 80, 0, 0, 0, 0]);
        diagnose(code::COMMAND, [(&raw const LINE) as u64, length, 0, 0, 0, 0]).0
    };
    say(if number == 0 { b"CP has done it." } else { b"CP refuses." });
    loop {
        // SAFETY: CP only reads the state.
        unsafe { diagnose(code::LOAD_PSW, [(&raw const WAIT) as u64, 0, 0, 0, 0, 0]) };
    }
}

#[panic_handler]
fn panic(_: &core::panic::PanicInfo) -> ! {
    loop {}
}
