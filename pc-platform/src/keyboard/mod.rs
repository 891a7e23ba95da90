//! The 8042 keyboard controller with a PS/2 keyboard on it, which types characters that somebody feeds.
//!
//! The controller's output buffer holds one byte; the next one is there when it was read. Pure: the board asks for the interrupt line and takes
//! the [`Wish`] of a write.

mod keys;
pub mod spec;
mod terminal;

use std::collections::VecDeque;

use keys::{ALTERNATE, CONTROL, SHIFT};
pub use keys::{EXTENDED, Named, character};
use spec::{A20, ACKNOWLEDGE, NOT_RESET, RESEND, TESTED, mode, status};
use terminal::{Held, Struck};

/// Scan codes that may wait; characters beyond are not taken.
const WAITING_MAX: usize = 4096;
/// Codes of one key at most: two of them with a prefix, and three keys held.
const KEY_CODES_MAX: usize = 10;

/// What a write asks of the board.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wish {
    /// The processor is to be reset.
    Reset,
}

/// Controller and keyboard.
#[derive(Clone, Debug)]
pub struct Keyboard {
    command_byte: u8,
    output_port: u8,
    /// The byte at port 60, and whether it came from the keyboard.
    output: Option<(u8, bool)>,
    last: u8,
    answers: VecDeque<u8>,
    /// The byte before a code of set 2 went out, and the code belongs to it.
    extended: bool,
    waiting: VecDeque<u8>,
    /// The next byte at port 60 belongs to this command of the controller.
    controller_expects: Option<u8>,
    /// The next byte for the keyboard belongs to this command of it.
    keyboard_expects: Option<u8>,
    scanning: bool,
    last_was_command: bool,
}

impl Default for Keyboard {
    fn default() -> Self {
        Self {
            command_byte: mode::INTERRUPT | mode::SYSTEM | mode::TRANSLATE,
            output_port: NOT_RESET | A20,
            output: None,
            last: 0,
            answers: VecDeque::new(),
            extended: false,
            waiting: VecDeque::new(),
            controller_expects: None,
            keyboard_expects: None,
            scanning: true,
            last_was_command: false,
        }
    }
}

impl Keyboard {
    /// Somebody types characters. Answers how many were taken; what is on no key is taken and dropped.
    pub fn type_text(&mut self, text: &[u8]) -> usize {
        let mut taken = 0;
        for &byte in text {
            if self.is_full() {
                break;
            }
            taken += 1;
            self.strike(byte, false);
        }
        self.refill();
        taken
    }

    /// Somebody presses keys of a terminal: characters, and control sequences for those that give none. Answers how many bytes were taken.
    pub fn type_terminal(&mut self, bytes: &[u8]) -> usize {
        let mut taken = 0;
        for (length, struck) in terminal::keys(bytes) {
            if self.is_full() {
                break;
            }
            taken += length;
            match struck {
                Some(Struck::Character(byte, alternate)) => self.strike(byte, alternate),
                Some(Struck::Named(key, held)) => self.press_named(key, held),
                None => {}
            }
        }
        self.refill();
        taken
    }

    /// Whether there is no room for the codes of one more key.
    fn is_full(&self) -> bool {
        self.waiting.len() + KEY_CODES_MAX > WAITING_MAX
    }

    fn strike(&mut self, byte: u8, alternate: bool) {
        if let Some((code, shift, control)) = keys::stroke(byte) {
            self.press(code, false, Held { shift, alternate, control });
        }
    }

    /// Presses and releases a key, between the keys that are held with it.
    fn press(&mut self, code: u8, extended: bool, held: Held) {
        let held = [(held.alternate, ALTERNATE), (held.shift, SHIFT), (held.control, CONTROL)];
        let around = held.into_iter().filter(|(held, _)| *held).map(|(_, key)| key);
        let prefix = extended.then_some(EXTENDED);
        self.waiting.extend(around.clone());
        for code in [code, code | 0x80] {
            self.waiting.extend(prefix.into_iter().chain([code]));
        }
        self.waiting.extend(around.map(|key| key | 0x80));
    }

    fn press_named(&mut self, key: Named, held: Held) {
        if let Some((code, extended)) = keys::named(key) {
            self.press(code, extended, held);
        }
    }

    /// Somebody presses and releases F1 to F12; other numbers are no keys.
    pub fn press_function_key(&mut self, number: u8) {
        if !self.is_full() {
            self.press_named(Named::Function(number), Held::default());
            self.refill();
        }
    }

    /// Everything that was typed has been read.
    pub fn is_drained(&self) -> bool {
        self.waiting.is_empty() && self.output.is_none()
    }

    fn refill(&mut self) {
        if self.output.is_some() || self.command_byte & mode::DISABLED != 0 {
            return;
        }
        if let Some(answer) = self.answers.pop_front() {
            self.output = Some((answer, true));
        } else if self.scanning
            && let Some(code) = self.waiting.pop_front()
        {
            self.output = Some((self.translated(code), true));
        }
    }

    /// A scan code as the system is to see it. Without translation it is of set 2, and a release is two bytes.
    fn translated(&mut self, code: u8) -> u8 {
        if self.command_byte & mode::TRANSLATE != 0 {
            return code;
        }
        let extended = std::mem::replace(&mut self.extended, code == EXTENDED);
        if code == EXTENDED {
            return code;
        }
        if code & 0x80 != 0 {
            self.answers.push_front(keys::set_2(code, extended));
            return 0xf0;
        }
        keys::set_2(code, extended)
    }

    /// The interrupt line.
    pub fn interrupts(&self) -> bool {
        self.command_byte & mode::INTERRUPT != 0 && self.output.is_some_and(|(_, keyboard)| keyboard)
    }

    /// Whether A20 is on.
    pub fn a20(&self) -> bool {
        self.output_port & A20 != 0
    }

    /// Sets A20, for port 92.
    pub fn set_a20(&mut self, on: bool) {
        self.output_port = if on { self.output_port | A20 } else { self.output_port & !A20 };
    }

    /// Reads port 60.
    pub fn read_data(&mut self) -> u8 {
        if let Some((byte, _)) = self.output.take() {
            self.last = byte;
        }
        self.last
    }

    /// The next byte moves to port 60; after a read, once the board has seen the line fall.
    pub fn next(&mut self) {
        self.refill();
    }

    /// Reads port 64.
    pub fn read_status(&self) -> u8 {
        let full = if self.output.is_some() { status::OUTPUT_FULL } else { 0 };
        let command = if self.last_was_command { status::COMMAND } else { 0 };
        let system = if self.command_byte & mode::SYSTEM != 0 { status::SYSTEM } else { 0 };
        status::UNLOCKED | full | command | system
    }

    fn answer(&mut self, byte: u8) {
        self.output = Some((byte, false));
    }

    /// Writes port 64.
    pub fn write_command(&mut self, value: u8) -> Option<Wish> {
        self.last_was_command = true;
        self.controller_expects = None;
        match value {
            0x20..=0x3f => self.answer(if value == 0x20 { self.command_byte } else { 0 }),
            0x60 | 0xd1..=0xd4 => self.controller_expects = Some(value),
            0xa7 => self.command_byte |= mode::AUX_DISABLED,
            0xa8 => self.command_byte &= !mode::AUX_DISABLED,
            // No second device answers.
            0xa9 => self.answer(2),
            0xaa => {
                self.command_byte |= mode::SYSTEM;
                self.answer(0x55);
            }
            0xab => self.answer(0),
            0xad => self.command_byte |= mode::DISABLED,
            0xae => self.command_byte &= !mode::DISABLED,
            0xc0 => self.answer(0x80),
            0xd0 => self.answer(self.output_port),
            0xdd => self.set_a20(false),
            0xdf => self.set_a20(true),
            // A pulse of the output port's low bits; bit 0 low resets.
            0xf0..=0xff if value & NOT_RESET == 0 => return Some(Wish::Reset),
            _ => {}
        }
        self.refill();
        None
    }

    /// Writes port 60.
    pub fn write_data(&mut self, value: u8) -> Option<Wish> {
        self.last_was_command = false;
        match self.controller_expects.take() {
            None => self.command_keyboard(value),
            Some(0x60) => self.command_byte = value & 0x7f,
            Some(0xd1) => {
                self.output_port = value;
                if value & NOT_RESET == 0 {
                    return Some(Wish::Reset);
                }
            }
            Some(0xd2) => self.output = Some((value, true)),
            _ => {}
        }
        self.refill();
        None
    }

    fn command_keyboard(&mut self, value: u8) {
        // Sending to the keyboard enables it.
        self.command_byte &= !mode::DISABLED;
        if self.answers.len() > 64 {
            self.answers.clear();
        }
        let answers: &[u8] = match (self.keyboard_expects.take(), value) {
            (Some(0xf0), 0) => &[ACKNOWLEDGE, 2],
            (Some(_), _) => &[ACKNOWLEDGE],
            (None, 0xed | 0xf0 | 0xf3) => {
                self.keyboard_expects = Some(value);
                &[ACKNOWLEDGE]
            }
            (None, 0xee) => &[0xee],
            (None, 0xf2) => &[ACKNOWLEDGE, 0xab, 0x83],
            (None, 0xf4..=0xf6) => {
                self.scanning = value != 0xf5;
                &[ACKNOWLEDGE]
            }
            (None, 0xff) => {
                self.scanning = true;
                &[ACKNOWLEDGE, TESTED]
            }
            (None, 0xfe) => {
                self.answers.push_front(self.last);
                &[]
            }
            (None, _) => &[RESEND],
        };
        self.answers.extend(answers);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_all(keyboard: &mut Keyboard) -> Vec<u8> {
        let mut bytes = Vec::new();
        while keyboard.read_status() & status::OUTPUT_FULL != 0 {
            bytes.push(keyboard.read_data());
            keyboard.next();
        }
        bytes
    }

    #[test]
    fn characters_are_keys_of_set_1_with_shift_and_control() {
        let mut keyboard = Keyboard::default();
        assert_eq!(keyboard.type_text(b"aB\x03\r"), 4);
        let a = [0x1e, 0x9e];
        let shifted_b = [0x2a, 0x30, 0xb0, 0xaa];
        let control_c = [0x1d, 0x2e, 0xae, 0x9d];
        assert_eq!(read_all(&mut keyboard), [&a[..], &shifted_b, &control_c, &[0x1c, 0x9c]].concat());
        assert!(keyboard.is_drained());
    }

    #[test]
    fn function_keys_are_keys_without_a_character() {
        let mut keyboard = Keyboard::default();
        [1, 10, 11, 12, 0, 13].into_iter().for_each(|number| keyboard.press_function_key(number));
        assert_eq!(read_all(&mut keyboard), [0x3b, 0xbb, 0x44, 0xc4, 0x57, 0xd7, 0x58, 0xd8]);
        keyboard.write_command(0x60);
        keyboard.write_data(mode::INTERRUPT);
        keyboard.press_function_key(7);
        assert_eq!(read_all(&mut keyboard), [0x83, 0xf0, 0x83], "set 2");
        assert_eq!(character(0x3b, false), None);
    }

    #[test]
    fn keys_of_a_terminal_are_codes_with_a_prefix_in_both_sets() {
        let mut keyboard = Keyboard::default();
        assert_eq!(keyboard.type_terminal(b"\x1b[A\x1b[5~\x1bx\x1b"), 10);
        let up = [0xe0, 0x48, 0xe0, 0xc8];
        let page_up = [0xe0, 0x49, 0xe0, 0xc9];
        let alternate_x = [0x38, 0x2d, 0xad, 0xb8];
        assert_eq!(read_all(&mut keyboard), [&up[..], &page_up, &alternate_x, &[0x01, 0x81]].concat());
        keyboard.write_command(0x60);
        keyboard.write_data(mode::INTERRUPT);
        keyboard.type_terminal(b"\x1b[A\x1b[Hp");
        assert_eq!(read_all(&mut keyboard), [0xe0, 0x75, 0xe0, 0xf0, 0x75, 0xe0, 0x6c, 0xe0, 0xf0, 0x6c, 0x4d, 0xf0, 0x4d], "set 2");
        assert!(keyboard.type_terminal(&b"\x1b[A".repeat(5000)) < 15_000, "bounded");
    }

    #[test]
    fn what_is_held_with_a_key_is_pressed_around_it() {
        let mut keyboard = Keyboard::default();
        keyboard.type_terminal(b"\x1b[1;5D\x1c");
        let control_left = [0x1d, 0xe0, 0x4b, 0xe0, 0xcb, 0x9d];
        assert_eq!(read_all(&mut keyboard), [&control_left[..], &[0x1d, 0x2b, 0xab, 0x9d]].concat());
        keyboard.type_text(b"\x1e\x1f");
        assert_eq!(read_all(&mut keyboard), [0x2a, 0x1d, 0x07, 0x87, 0xaa, 0x9d, 0x2a, 0x1d, 0x0c, 0x8c, 0xaa, 0x9d]);
        assert_eq!(Keyboard::default().type_text("é".as_bytes()), 2, "dropped");
    }

    #[test]
    fn without_translation_codes_are_of_set_2() {
        let mut keyboard = Keyboard::default();
        keyboard.write_command(0x60);
        keyboard.write_data(mode::INTERRUPT);
        keyboard.type_text(b"a");
        assert_eq!(read_all(&mut keyboard), [0x1c, 0xf0, 0x1c]);
    }

    #[test]
    fn the_interrupt_is_the_keyboards_byte() {
        let mut keyboard = Keyboard::default();
        assert!(!keyboard.interrupts());
        keyboard.type_text(b"a");
        assert!(keyboard.interrupts());
        keyboard.read_data();
        assert!(!keyboard.interrupts(), "each byte is an edge of its own");
        keyboard.next();
        assert!(keyboard.interrupts());
        read_all(&mut keyboard);
        keyboard.write_command(0x20);
        assert!(!keyboard.interrupts(), "an answer of the controller");
        assert_eq!(read_all(&mut keyboard), [0x45]);
    }

    #[test]
    fn self_tests_answer_as_systems_expect() {
        let mut keyboard = Keyboard::default();
        for (command, answer) in [(0xaa, 0x55), (0xab, 0x00), (0xd0, 0x03)] {
            keyboard.write_command(command);
            assert_eq!(read_all(&mut keyboard), [answer], "{command:02x}");
        }
        for (command, answer) in [(0xff, &[0xfa, 0xaa][..]), (0xf2, &[0xfa, 0xab, 0x83]), (0xee, &[0xee]), (0x00, &[0xfe]), (0xed, &[0xfa])]
        {
            keyboard.write_data(command);
            assert_eq!(read_all(&mut keyboard), answer, "{command:02x}");
        }
        keyboard.write_data(7);
        assert_eq!(read_all(&mut keyboard), [0xfa], "the lights");
    }

    #[test]
    fn a_disabled_keyboard_keeps_what_is_typed() {
        let mut keyboard = Keyboard::default();
        keyboard.write_command(0xad);
        keyboard.type_text(b"a");
        assert_eq!(keyboard.read_status() & 1, 0);
        keyboard.write_command(0xae);
        assert_eq!(read_all(&mut keyboard), [0x1e, 0x9e]);
        keyboard.write_data(0xf5);
        read_all(&mut keyboard);
        keyboard.type_text(b"a");
        assert_eq!(keyboard.read_status() & 1, 0);
    }

    #[test]
    fn a20_and_reset_go_through_the_output_port() {
        let mut keyboard = Keyboard::default();
        keyboard.write_command(0xd1);
        assert_eq!(keyboard.write_data(0xdd), None);
        assert!(!keyboard.a20());
        keyboard.write_command(0xd1);
        keyboard.write_data(0xdf);
        assert!(keyboard.a20());
        assert_eq!(keyboard.write_command(0xfe), Some(Wish::Reset));
        keyboard.write_command(0xd1);
        assert_eq!(keyboard.write_data(0xde), Some(Wish::Reset));
    }

    #[test]
    fn what_is_typed_is_bounded() {
        let mut keyboard = Keyboard::default();
        assert!(keyboard.type_text(&[b'A'; 9000]) < 9000);
    }
}
