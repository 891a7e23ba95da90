//! GREET [name ...]: greets everybody, counts them in the return code. `GREET ?` asks for a name; `GREET WILD` stores where it must not.
#![no_std]
#![no_main]

extern crate alloc;

use alloc::format;

use cms_sdk::{command, read_line, write_line};

cms_sdk::program!(main);

fn main(arguments: &[u8]) -> i32 {
    let mut count = 0;
    for name in arguments.split(|byte| *byte == b' ').filter(|name| !name.is_empty()) {
        let name = match name {
            b"?" => {
                write_line(b"Your name?");
                read_line().unwrap_or_default()
            }
            b"WILD" => {
                // SAFETY: there is no storage there: the program interruption is what this shows.
                unsafe { core::ptr::with_exposed_provenance_mut::<u8>(0x7fff_ffff_f000).write_volatile(1) };
                continue;
            }
            name => name.to_vec(),
        };
        write_line(format!("Hello, {}!", alloc::string::String::from_utf8_lossy(&name)).as_bytes());
        count += 1;
    }
    write_line(format!("STATE says {}", command(b"STATE PROFILE EXEC A")).as_bytes());
    count
}
