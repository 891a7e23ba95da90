//! Lab 2: interruptions and a timer. See `guests/labs/timer.md`.
#![no_std]
#![no_main]

use core::arch::asm;
use core::sync::atomic::{AtomicU64, Ordering::Relaxed};

use labs::interrupts::{self, Frame, TIMER};
use labs::{port, power_off, println};

labs::kernel!(main);

static TICKS: AtomicU64 = AtomicU64::new(0);

/// Invalid opcode, and the length of UD2.
const INVALID: u64 = 6;
const UD2: u64 = 2;

fn handler(frame: &mut Frame) {
    match frame.vector {
        TIMER => drop(TICKS.fetch_add(1, Relaxed)),
        INVALID => {
            println!("exception {}: go on behind the instruction", frame.vector);
            frame.rip += UD2;
        }
        other => panic!("interruption {other} at {:#x}", frame.rip),
    }
}

fn main() -> ! {
    interrupts::install(handler);
    // SAFETY: the handler steps over it.
    unsafe { asm!("ud2") };
    interrupts::start_timer(100);
    port::enable_interrupts();
    for second in 1..=3 {
        while TICKS.load(Relaxed) < second * 100 {
            port::halt();
        }
        println!("{second} s");
    }
    power_off()
}
