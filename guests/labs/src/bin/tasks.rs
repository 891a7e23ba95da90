//! Lab 4: two tasks and a scheduler. See `guests/labs/tasks.md`.
#![no_std]
#![no_main]

use core::sync::atomic::{AtomicU64, Ordering::Relaxed};

use labs::interrupts::{self, Frame, TIMER};
use labs::{port, power_off, println};

labs::kernel!(main);

const STACK: usize = 16384;

#[repr(C, align(16))]
struct Stack([u8; STACK]);

static mut STACKS: [Stack; 2] = [const { Stack([0; STACK]) }; 2];
/// Where each task goes on; that of the one that runs is out of date.
static mut TASKS: [Frame; 2] = [Frame::empty(); 2];
static mut RUNNING: usize = 0;

/// What the tasks count together, and how often each was chosen.
static COUNT: [AtomicU64; 2] = [const { AtomicU64::new(0) }; 2];
static CHOSEN: [AtomicU64; 2] = [const { AtomicU64::new(0) }; 2];

/// The scheduler: at every tick the other one's turn.
fn handler(frame: &mut Frame) {
    if frame.vector != TIMER {
        panic!("interruption {} at {:#x}", frame.vector, frame.rip);
    }
    // SAFETY: interrupts are disabled in a handler, and there is one processor.
    unsafe {
        let vector = frame.vector;
        TASKS[RUNNING] = *frame;
        RUNNING = 1 - RUNNING;
        *frame = TASKS[RUNNING];
        // Of the frame of another task, only this is still ours: by it the controller is told that the interrupt is over.
        frame.vector = vector;
        CHOSEN[RUNNING].fetch_add(1, Relaxed);
    }
}

/// Prints without being interrupted in the middle of a line.
fn say(task: usize, what: &str) {
    port::disable_interrupts();
    println!("task {}: {what}", ["A", "B"][task]);
    port::enable_interrupts();
}

fn work(task: usize) -> ! {
    for round in ["one", "two", "three"] {
        for _ in 0..200_000 {
            COUNT[task].fetch_add(1, Relaxed);
        }
        say(task, round);
    }
    loop {
        if task == 0 && COUNT[1].load(Relaxed) == 600_000 {
            port::disable_interrupts();
            let [one, other] = [0, 1].map(|task| CHOSEN[task].load(Relaxed));
            println!("both are done; turns differ by {}", one.abs_diff(other));
            power_off();
        }
        port::halt();
    }
}

extern "C" fn first() -> ! {
    work(0)
}

extern "C" fn second() -> ! {
    work(1)
}

fn main() -> ! {
    interrupts::install(handler);
    let top = |task: usize| (&raw const STACKS) as u64 + ((task + 1) * STACK) as u64;
    // SAFETY: interrupts are still disabled.
    unsafe {
        TASKS[0] = Frame::beginning(first as *const () as u64, top(0), 0);
        TASKS[1] = Frame::beginning(second as *const () as u64, top(1), 0);
    }
    println!("two tasks");
    interrupts::start_timer(1000);
    // SAFETY: nobody changes it before the first tick.
    let first = unsafe { TASKS[0] };
    interrupts::go_on_with(&first)
}
