//! Interruptions: the table by which the processor finds a handler, the controllers that say which device it was, and the timer.
//!
//! Every vector has a stub of a few instructions that saves all registers as a [`Frame`] and calls the kernel's function with it. What that leaves in the
//! frame is what the processor goes on with: a handler that exchanges the frame for another one has switched tasks.
//!
//! Handlers run on a stack of their own (the interrupt stack table of the task state), because compiled code keeps things *below* its stack pointer.

use core::arch::{asm, global_asm, naked_asm};

use crate::port::write_byte;

/// Vector of the first of the sixteen lines of the two interrupt controllers.
pub const LINES: u64 = 32;
/// The line of the timer.
pub const TIMER: u64 = LINES;
/// A vector that programs in ring 3 may raise by `int 0x80`.
pub const SERVICE: u64 = 0x80;
/// Vectors with a stub: all exceptions, the lines, and the service.
const VECTORS: usize = 129;

/// Everything a processor needs to go on where it was interrupted.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct Frame {
    /// x87 and SSE registers, as FXSAVE stores them.
    pub vectors: Vectors,
    /// RAX RCX RDX RBX RBP RSI RDI R8 to R15.
    pub general: [u64; 15],
    /// Which interruption it was.
    pub vector: u64,
    /// What the processor says of an exception; 0 for the others.
    pub error: u64,
    /// Instruction address.
    pub rip: u64,
    /// Code segment: its low two bits are the ring.
    pub cs: u64,
    /// Flags.
    pub rflags: u64,
    /// Stack pointer.
    pub rsp: u64,
    /// Stack segment.
    pub ss: u64,
}

/// The area of FXSAVE.
#[derive(Clone, Copy, Debug)]
#[repr(C, align(16))]
pub struct Vectors(pub [u8; 512]);

impl Frame {
    /// Nothing that could be run yet: as after power-on, with the control words that FXRSTOR wants.
    pub const fn empty() -> Self {
        let mut vectors = [0; 512];
        // The x87 control word 037F, MXCSR 1F80.
        (vectors[0], vectors[1], vectors[24], vectors[25]) = (0x7f, 0x03, 0x80, 0x1f);
        Self { vectors: Vectors(vectors), general: [0; 15], vector: 0, error: 0, rip: 0, cs: 0, rflags: 0, rsp: 0, ss: 0 }
    }

    /// One that begins at `function` on that stack, in ring 0 or in ring 3, with interrupts enabled.
    pub const fn beginning(function: u64, stack: u64, ring: u64) -> Self {
        let (cs, ss) = if ring == 3 { (0x23, 0x1b) } else { (0x08, 0x10) };
        // A function expects the stack as a call leaves it: eight bytes off a multiple of sixteen.
        Self { rip: function, cs, rflags: 0x202, rsp: (stack & !15) - 8, ss, ..Self::empty() }
    }
}

type Handler = fn(&mut Frame);

static mut HANDLER: Handler = |frame| panic!("interruption {} at {:#x}", frame.vector, frame.rip);

const STACK: usize = 16384;

/// The stack of the handlers.
#[repr(C, align(16))]
struct Stack([u8; STACK]);

static mut INTERRUPT_STACK: Stack = Stack([0; STACK]);

/// The task state: of all that was once in it, only the addresses of stacks.
#[repr(C, packed)]
struct TaskState {
    _reserved: u32,
    stacks: [u64; 3],
    _reserved_too: u64,
    interrupt_stacks: [u64; 7],
    _and_more: [u16; 5],
    permission_map: u16,
}

static mut TASK_STATE: TaskState =
    TaskState { _reserved: 0, stacks: [0; 3], _reserved_too: 0, interrupt_stacks: [0; 7], _and_more: [0; 5], permission_map: 104 };

/// A gate of the table.
#[derive(Clone, Copy)]
#[repr(C)]
struct Gate {
    low: u64,
    high: u64,
}

static mut GATES: [Gate; VECTORS] = [Gate { low: 0, high: 0 }; VECTORS];

/// What LIDT loads.
#[repr(C, packed)]
struct Pointer {
    limit: u16,
    base: u64,
}

unsafe extern "C" {
    static mut global_descriptors: [u64; 7];
    /// The first stub; each has 16 bytes.
    static stubs: u8;
}

// Vectors 8, 10 to 14, 17, 21, 29 and 30 have an error code on the stack already; the others get a zero.
global_asm!(
    ".section .text.stubs, \"ax\"",
    ".balign 16",
    ".globl stubs",
    "stubs:",
    ".set vector, 0",
    ".rept 129",
    "    .balign 16",
    "    .if !(vector == 8 || (vector >= 10 && vector <= 14) || vector == 17 || vector == 21 || vector == 29 || vector == 30)",
    "    push 0",
    "    .endif",
    "    push vector",
    "    jmp {save}",
    "    .set vector, vector + 1",
    ".endr",
    save = sym save,
);

/// Saves the rest of a [`Frame`], calls the handler, and goes on with what is in the frame then.
///
/// # Safety
/// Only stubs jump here.
#[unsafe(naked)]
unsafe extern "C" fn save() -> ! {
    naked_asm!(
        "push r15", "push r14", "push r13", "push r12", "push r11", "push r10", "push r9", "push r8",
        "push rdi", "push rsi", "push rbp", "push rbx", "push rdx", "push rcx", "push rax",
        // The processor aligned the stack and pushed 5 words, the stub 2 and this 15: a multiple of sixteen again.
        "sub rsp, 512",
        "fxsave64 [rsp]",
        "cld",
        "mov rdi, rsp",
        "call {handle}",
        "mov rdi, rsp",
        "jmp {go_on}",
        handle = sym handle,
        go_on = sym go_on,
    )
}

/// Lets go of everything and goes on with what is in a frame.
///
/// # Safety
/// The frame must be the whole state of a program that may go on.
#[unsafe(naked)]
unsafe extern "C" fn go_on(frame: *const Frame) -> ! {
    naked_asm!(
        "mov rsp, rdi",
        "fxrstor64 [rsp]",
        "add rsp, 512",
        "pop rax",
        "pop rcx",
        "pop rdx",
        "pop rbx",
        "pop rbp",
        "pop rsi",
        "pop rdi",
        "pop r8",
        "pop r9",
        "pop r10",
        "pop r11",
        "pop r12",
        "pop r13",
        "pop r14",
        "pop r15",
        "add rsp, 16",
        "iretq",
    )
}

extern "C" fn handle(frame: &mut Frame) {
    // SAFETY: it is set before interrupts are enabled, and never again.
    let handler = unsafe { HANDLER };
    handler(frame);
    if (LINES..LINES + 16).contains(&frame.vector) {
        // End of interrupt, or the controller lets no more through.
        if frame.vector >= LINES + 8 {
            write_byte(0xa0, 0x20);
        }
        write_byte(0x20, 0x20);
    }
}

/// From now on every exception and every interrupt comes to `handler`. Interrupts stay disabled, and all lines of the controllers masked.
pub fn install(handler: Handler) {
    let stack = (&raw const INTERRUPT_STACK) as u64 + STACK as u64;
    let state = (&raw const TASK_STATE) as u64;
    let first = (&raw const stubs) as u64;
    // SAFETY: one processor, interrupts disabled: nobody else looks at these tables now.
    unsafe {
        HANDLER = handler;
        TASK_STATE.interrupt_stacks[0] = stack;
        TASK_STATE.stacks[0] = stack;
        global_descriptors[5] = 103 | (state & 0xff_ffff) << 16 | 0x89 << 40 | (state >> 24 & 0xff) << 56;
        global_descriptors[6] = state >> 32;
        for vector in 0..VECTORS as u64 {
            let stub = first + vector * 16;
            // Present, interrupt gate, interrupt stack 1; only the service may be called from ring 3.
            let rights: u64 = if vector == SERVICE { 0xee } else { 0x8e };
            let low = stub & 0xffff | 0x08 << 16 | 1 << 32 | rights << 40 | (stub >> 16 & 0xffff) << 48;
            GATES[vector as usize] = Gate { low, high: stub >> 32 };
        }
        let pointer = Pointer { limit: (size_of::<Gate>() * VECTORS - 1) as u16, base: (&raw const GATES) as u64 };
        asm!("lidt [{}]", in(reg) &raw const pointer, options(readonly, nostack, preserves_flags));
        asm!("ltr {0:x}", in(reg) 0x28_u16, options(nostack, preserves_flags));
    }
    // The controllers: begin; first vector; how they are wired; 8086 mode. Then all lines masked.
    for (command, data, vector, wiring) in [(0x20, 0x21, LINES, 4), (0xa0, 0xa1, LINES + 8, 2)] {
        write_byte(command, 0x11);
        write_byte(data, vector as u8);
        write_byte(data, wiring);
        write_byte(data, 1);
        write_byte(data, 0xff);
    }
}

/// Lets the timer interrupt so many times a second (19 and more), and its line through.
pub fn start_timer(times_a_second: u32) {
    let divisor = 1_193_182 / times_a_second;
    write_byte(0x43, 0x34);
    write_byte(0x40, divisor as u8);
    write_byte(0x40, (divisor >> 8) as u8);
    write_byte(0x21, 0xfe);
}

/// Lets go of everything and goes on with a frame: how the first task begins.
pub fn go_on_with(frame: &Frame) -> ! {
    // SAFETY: the frame is the caller's first one, and nobody needs the stack any more.
    unsafe { go_on(frame) }
}

/// The address of a page fault.
pub fn fault_address() -> u64 {
    let address;
    // SAFETY: it only reads a register.
    unsafe { asm!("mov {}, cr2", out(reg) address, options(nomem, nostack, preserves_flags)) };
    address
}
