//! Lab 3: paging and a user mode. See `guests/labs/user.md`.
#![no_std]
#![no_main]

use core::arch::naked_asm;

use labs::interrupts::{self, Frame, SERVICE};
use labs::paging::{self, NO_EXECUTE, Page, USER, WRITABLE};
use labs::{power_off, print, println};

labs::kernel!(main);

/// Where the program is mapped, far away from the kernel: its code, its stack, and a page that comes when it is touched.
const CODE: u64 = 0x40_0000_0000;
const STACK: u64 = CODE + 0x10_0000;
const LAZY: u64 = CODE + 0x20_0000;

const PAGE_FAULT: u64 = 14;
const PROTECTION: u64 = 13;

static mut PROGRAM: Page = Page::zero();
static mut STACK_PAGE: Page = Page::zero();
static mut LAZY_PAGE: Page = Page::zero();

/// The program: prints, stores into a page that is not there, tries to stop the machine, and at last touches the kernel's storage.
/// It is copied into a page of its own, so it names nothing outside itself.
///
/// # Safety
/// Only as a copy, in ring 3.
#[unsafe(naked)]
unsafe extern "C" fn program() -> ! {
    naked_asm!(
        "lea rdi, [rip + 2f]",
        "mov eax, 1",
        "int 0x80",
        "mov rbx, {lazy}",
        "mov qword ptr [rbx], 42",
        "mov rdi, [rbx]",
        "mov eax, 2",
        "int 0x80",
        "cli",
        "mov rbx, 0x100000",
        "mov rax, [rbx]",
        "2:",
        ".asciz \"a program in ring 3\"",
        lazy = const LAZY,
    )
}

fn handler(frame: &mut Frame) {
    match (frame.vector, frame.cs & 3) {
        (SERVICE, 3) => service(frame),
        (PAGE_FAULT, 3) if interrupts::fault_address() & !0xfff == LAZY => {
            println!("page fault at {:#x}: here is a page", LAZY);
            paging::map(LAZY, (&raw const LAZY_PAGE) as u64, USER | WRITABLE | NO_EXECUTE);
        }
        (PROTECTION, 3) => {
            println!("ring 3 may not do that: skipped");
            frame.rip += 1;
        }
        (PAGE_FAULT, 3) => {
            println!("page fault at {:#x}, error {:#x}: the program is ended", interrupts::fault_address(), frame.error);
            power_off();
        }
        (other, ring) => panic!("interruption {other} in ring {ring} at {:#x}", frame.rip),
    }
}

/// RAX says what is wanted: 1 prints the text at RDI, 2 the number in RDI.
fn service(frame: &mut Frame) {
    let (what, operand) = (frame.general[0], frame.general[6]);
    match what {
        // Never trust an address from ring 3: this one must lie in the program's page, and so must all of the text.
        1 if operand & !0xfff == CODE => {
            print!("the program says: ");
            for address in operand..CODE + paging::PAGE {
                // SAFETY: in the page of the program, which is mapped.
                match unsafe { *core::ptr::with_exposed_provenance::<u8>(address as usize) } {
                    0 => break,
                    byte => print!("{}", byte as char),
                }
            }
            println!("");
        }
        2 => println!("the program says: {operand}"),
        _ => println!("no such service"),
    }
}

fn main() -> ! {
    interrupts::install(handler);
    // SAFETY: the program is shorter than a page, and what follows it in the kernel's code is readable; nobody else has the page.
    unsafe {
        let code: *const u8 = core::ptr::with_exposed_provenance(program as *const () as usize);
        core::ptr::copy_nonoverlapping(code, (&raw mut PROGRAM).cast::<u8>(), 256);
    }
    paging::map(CODE, (&raw const PROGRAM) as u64, USER);
    paging::map(STACK, (&raw const STACK_PAGE) as u64, USER | WRITABLE | NO_EXECUTE);
    println!("to ring 3");
    interrupts::go_on_with(&Frame::beginning(CODE, STACK + paging::PAGE, 3))
}
