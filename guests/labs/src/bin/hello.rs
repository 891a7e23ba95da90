//! Lab 1: hello on the serial line. See `guests/labs/hello.md`.
#![no_std]
#![no_main]

use labs::{power_off, print, println, serial};

labs::kernel!(main);

fn main() -> ! {
    println!("Hello from ring 0.");
    print!("Who are you? ");
    let mut name = [0; 32];
    let mut length = 0;
    loop {
        match serial::receive() {
            b'\r' | b'\n' => break,
            byte if length < name.len() => {
                serial::send(byte);
                name[length] = byte;
                length += 1;
            }
            _ => {}
        }
    }
    println!("\nHello, {}.", core::str::from_utf8(&name[..length]).unwrap_or("whoever you are"));
    power_off()
}
