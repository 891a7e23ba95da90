//! The failures that the command ABEND provokes, to show (and to test) that a failing command is not a dead machine.

use alloc::vec::Vec;
use core::arch::asm;
use core::hint::{black_box, spin_loop};

use shell::cp::Failure;

use crate::diagnose;

/// Fails in that way; does not return unless CP lets the failure pass.
pub fn provoke(failure: Failure) {
    match failure {
        // SAFETY: the instruction is an operation exception; nothing after it runs.
        Failure::Operation => unsafe { asm!("ud2") },
        // SAFETY: the address is outside storage: the store is an addressing exception and changes nothing.
        Failure::Addressing => unsafe { (diagnose::storage_size() as *mut u8).write_volatile(0) },
        // SAFETY: text may only be read: the store is a protection exception and changes nothing.
        Failure::Protection => unsafe { (crate::_start as *const () as *mut u8).write_volatile(0) },
        // SAFETY: the division is a divide exception; the registers it would change are declared.
        Failure::Divide => unsafe {
            asm!("xor edx, edx", "mov eax, 1", "xor ecx, ecx", "div ecx", out("eax") _, out("ecx") _, out("edx") _);
        },
        // SAFETY: a halt is privileged in ring 3: a privileged-operation exception.
        Failure::Privileged => unsafe { asm!("hlt") },
        Failure::Stack => {
            black_box(descend(0));
        }
        Failure::Loop => loop {
            spin_loop();
        },
        Failure::Panic => panic!("ABEND PANIC was asked for"),
        Failure::Storage => loop {
            core::mem::forget(black_box(Vec::<u8>::with_capacity(65_536)));
        },
    }
}

/// Recursion without end, a kilobyte at a time.
#[inline(never)]
#[allow(unconditional_recursion, reason = "it is meant to run over the end of the stack")]
fn descend(depth: u64) -> u64 {
    let frame = black_box([depth; 128]);
    descend(depth + 1) + frame[(depth % 128) as usize]
}
