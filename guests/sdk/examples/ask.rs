//! ASK: a full screen with one field. ENTER answers what was typed, any other key the number of its AID; `ASK WRONG` writes a data stream that
//! no terminal takes, `ASK LONG` one that would keep it busy for ever.
#![no_std]
#![no_main]

extern crate alloc;

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use cms_sdk::screen::{self, full_screen};
use cms_sdk::write_line;

cms_sdk::program!(main);

/// Capital letters in EBCDIC; everything else is a blank.
fn ebcdic(text: &str) -> impl Iterator<Item = u8> + '_ {
    text.bytes().map(|byte| match byte {
        b'A'..=b'I' => 0xc1 + (byte - b'A'),
        b'J'..=b'R' => 0xd1 + (byte - b'J'),
        b'S'..=b'Z' => 0xe2 + (byte - b'S'),
        _ => 0x40,
    })
}

/// A letter of either case, or a blank.
fn letter(code: u8) -> char {
    let (base, first) = match code & !0x40 {
        0x81..=0x89 => (0x81, b'a'),
        0x91..=0x99 => (0x91, b'j'),
        0xa2..=0xa9 => (0xa2, b's'),
        _ => return ' ',
    };
    char::from(first + (code & !0x40) - base)
}

fn main(arguments: &[u8]) -> i32 {
    let Some(display) = screen::display() else {
        write_line(b"This terminal has no screen");
        return 28;
    };
    // Write control character; "YOUR NAME" bright; an input field, in which the cursor is; the end of it.
    let mut stream: Vec<u8> = [0xc3, 0x1d, 0xf8].into_iter().chain(ebcdic("YOUR NAME")).collect();
    stream.extend([0x1d, 0x40, 0x13, 0x11, 0x40, 0x5f, 0x1d, 0xf0]);
    match arguments {
        b"WRONG" => stream.extend([0x11, 0x7f, 0x7f]),
        b"LONG" => (0..10_000).for_each(|_| stream.extend([0x3c, 0x40, 0x40, 0x40])),
        _ => {}
    }
    if !screen::write(full_screen::ERASE_WRITE, &stream) {
        return 32;
    }
    let Some(typed) = screen::read(256) else { return 36 };
    let name: String = typed.iter().skip(6).map(|&code| letter(code)).collect();
    write_line(format!("{} by {}: {name}", display.rows, display.columns).as_bytes());
    if typed[0] == 0x7d { 0 } else { i32::from(typed[0]) }
}
