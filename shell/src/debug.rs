//! DEBUG: looks at storage and at the last program interruption.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use crate::cp::Cp;
use crate::message::{Outcome, Rc};
use crate::session::Shell;
use crate::words::{Words, is};

/// Bytes shown on a line, and by one request without a length; most that one request shows.
const LINE: usize = 16;
const LENGTH: usize = 64;
const LENGTH_MAX: usize = 4096;

/// A hexadecimal number.
fn hexadecimal(word: &str) -> Option<u64> {
    let digits = (1..=16).contains(&word.len()) && word.bytes().all(|byte| byte.is_ascii_hexdigit());
    digits.then(|| u64::from_str_radix(word, 16).ok()).flatten()
}

/// The bytes that hexadecimal digits stand for.
fn bytes(word: &str) -> Option<Vec<u8>> {
    let pairs = !word.is_empty() && word.len().is_multiple_of(2) && word.bytes().all(|byte| byte.is_ascii_hexdigit());
    pairs.then(|| (0..word.len()).step_by(2).filter_map(|at| u8::from_str_radix(&word[at..at + 2], 16).ok()).collect())
}

/// A line of storage: its address, words of four bytes, the characters.
fn line(address: u64, bytes: &[u8]) -> String {
    let words: Vec<String> = bytes.chunks(4).map(|word| word.iter().map(|byte| format!("{byte:02X}")).collect()).collect();
    let characters: String =
        bytes.iter().map(|byte| if byte.is_ascii_graphic() || *byte == b' ' { char::from(*byte) } else { '.' }).collect();
    format!("{address:012X}  {:<35}  *{characters:<16}*", words.join(" "))
}

impl<C: Cp> Shell<C> {
    /// DEBUG: reads requests until RETURN; with a request behind it does only that.
    pub(crate) fn debug_command(&mut self, words: &Words) -> Outcome {
        let text = String::from_utf8_lossy(&words.text).to_ascii_uppercase();
        if !text.is_empty() {
            return self.debug_request(&text);
        }
        self.note("728I", "DEBUG entered; RETURN ends it");
        while let Some(line) = self.answer_line()? {
            let text = String::from_utf8_lossy(&line).to_ascii_uppercase();
            match text.trim() {
                "" => {}
                "RETURN" => break,
                // What was wrong has been said; the next request may be right.
                text => drop(self.debug_request(text)),
            }
        }
        Ok(())
    }

    fn debug_request(&mut self, text: &str) -> Outcome {
        let words: Vec<&str> = text.split_whitespace().collect();
        match words.as_slice() {
            [x, address, rest @ ..] if *x == "X" || is(x, "EXamine") => {
                let length = rest.first().map_or(Some(LENGTH as u64), |word| hexadecimal(word));
                match (hexadecimal(address), length, rest.get(1)) {
                    (Some(from), Some(length @ 1..), None) if length as usize <= LENGTH_MAX => self.debug_examine(from, length as usize),
                    _ => Err(self.bad_operand(rest.last().unwrap_or(address))),
                }
            }
            [store, address, data] if is(store, "STore") => {
                let (Some(at), Some(data)) = (hexadecimal(address), bytes(data)) else {
                    return Err(self.bad_operand(data));
                };
                match self.cp.store(at, &data) {
                    true => Ok(()),
                    false => Err(self.outside(at)),
                }
            }
            ["PSW"] | ["GPR"] => {
                let lines = self.cp.last_abend();
                if lines.is_empty() {
                    return Err(self.fail(4, "729W", "No program interruption since IPL"));
                }
                let psw = words == ["PSW"];
                let wanted = lines.iter().filter(|line| line.starts_with(b"GRG") != psw);
                wanted.for_each(|line| self.show_line(line));
                Ok(())
            }
            [first, ..] => Err(self.bad_operand(first)),
            [] => Ok(()),
        }
    }

    fn debug_examine(&mut self, from: u64, length: usize) -> Outcome {
        let Some(bytes) = self.cp.storage(from, length) else {
            return Err(self.outside(from));
        };
        for (at, part) in bytes.chunks(LINE).enumerate() {
            self.say(line(from + (at * LINE) as u64, part));
        }
        Ok(())
    }

    fn outside(&mut self, address: u64) -> Rc {
        self.fail(32, "730E", format!("Storage at {address:X} is outside of this machine"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_of_storage_fits_a_terminal() {
        let shown = line(0x2_0000, b"Hello, world\x00\x01\xff!");
        assert_eq!(shown, "000000020000  48656C6C 6F2C2077 6F726C64 0001FF21  *Hello, world...!*");
        assert!(shown.len() < 80);
        assert_eq!(line(0, &[1]), "000000000000  01                                   *.               *");
        assert_eq!(bytes("0A1B"), Some(Vec::from([10, 27])));
        assert_eq!((bytes("ABC"), hexadecimal("12345678901234567"), hexadecimal("G")), (None, None, None));
    }
}
