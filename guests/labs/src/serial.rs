//! The first serial port, a 16550: one register to send, one that says whether it can.

use core::fmt;

use crate::port::{read_byte, write_byte};

/// Base address of COM1.
const PORT: u16 = 0x3f8;
/// Line status register: a byte was received; the transmitter takes one.
const STATUS: u16 = PORT + 5;
const RECEIVED: u8 = 1;
const EMPTY: u8 = 1 << 5;

/// Sends a byte, when the port is ready. A function of its own, where a debugger finds it.
#[inline(never)]
pub fn send(byte: u8) {
    while read_byte(STATUS) & EMPTY == 0 {}
    write_byte(PORT, byte);
}

/// Waits for a byte.
pub fn receive() -> u8 {
    while read_byte(STATUS) & RECEIVED == 0 {}
    read_byte(PORT)
}

/// What [`crate::print!`] writes to.
#[derive(Debug)]
pub struct Line;

impl fmt::Write for Line {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for byte in text.bytes() {
            if byte == b'\n' {
                send(b'\r');
            }
            send(byte);
        }
        Ok(())
    }
}

/// Writes to the serial line.
#[macro_export]
macro_rules! print {
    ($($what:tt)*) => {{
        use core::fmt::Write;
        // A serial line takes everything.
        let _ = write!($crate::serial::Line, $($what)*);
    }};
}

/// Writes a line to the serial line.
#[macro_export]
macro_rules! println {
    ($($what:tt)*) => {{
        $crate::print!($($what)*);
        $crate::print!("\n");
    }};
}
