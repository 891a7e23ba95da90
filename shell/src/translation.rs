//! SET INPUT and SET OUTPUT: other characters for those that are typed and shown, for keyboards and terminals that lack some.

use alloc::borrow::Cow;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use crate::cp::Cp;
use crate::message::Outcome;
use crate::session::Shell;
use crate::words::{Words, is};

/// What stands for each byte of a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Translation {
    to: [u8; 256],
    /// Some byte stands for another one.
    in_use: bool,
}

impl Translation {
    /// Every byte stands for itself.
    pub const NONE: Self = {
        let mut to = [0; 256];
        let mut byte = 0;
        while byte < 256 {
            to[byte] = byte as u8;
            byte += 1;
        }
        Self { to, in_use: false }
    };

    fn set(&mut self, from: u8, to: u8) {
        self.to[usize::from(from)] = to;
        let in_use = self.changes().next().is_some();
        self.in_use = in_use;
    }

    /// The bytes that stand for others.
    fn changes(&self) -> impl Iterator<Item = (u8, u8)> {
        (0..=255_u8).zip(self.to).filter(|(from, to)| from != to)
    }

    /// A line as it is to be read or shown.
    fn of<'a>(&self, line: &'a [u8]) -> Cow<'a, [u8]> {
        match self.in_use {
            false => Cow::Borrowed(line),
            true => Cow::Owned(line.iter().map(|byte| self.to[usize::from(*byte)]).collect()),
        }
    }
}

/// A character as typed, or two hexadecimal digits.
fn byte(word: &str) -> Option<u8> {
    match word.as_bytes() {
        [one] if one.is_ascii() => Some(*one),
        [_, _] if word.bytes().all(|digit| digit.is_ascii_hexdigit()) => u8::from_str_radix(word, 16).ok(),
        _ => None,
    }
}

/// As QUERY shows it: the character, or its code when it has no form.
fn form(byte: u8) -> String {
    if byte.is_ascii_graphic() { String::from(char::from(byte)) } else { format!("{byte:02X}") }
}

/// Which of the two a word of SET or QUERY means.
pub(crate) fn is_translation(word: &str) -> bool {
    is(word, "INPut") || is(word, "OUTput")
}

impl<C: Cp> Shell<C> {
    /// Shows a line on the console.
    pub(crate) fn show_line(&mut self, line: &[u8]) {
        let line = self.session.settings.output.of(line);
        self.cp.write_line(&line);
    }

    /// Reads a line from the console, whatever is in the program stack.
    pub(crate) fn console_line(&mut self) -> Option<Vec<u8>> {
        let line = self.cp.read_line()?;
        Some(self.session.settings.input.of(&line).into_owned())
    }

    /// SET INPUT [a xx | xx yy], SET OUTPUT [xx a]: without operands every character is itself again.
    pub(crate) fn set_translation(&mut self, words: &Words) -> Outcome {
        let input = is(words.operand(0), "INPut");
        // Capitals and small letters are different characters, and so are parentheses: the line as it was typed.
        let text = String::from_utf8_lossy(&words.text).into_owned();
        let mut typed = text.split_whitespace().skip(1);
        let (first, second, surplus) = (typed.next(), typed.next(), typed.next());
        let function = if input { "INPUT" } else { "OUTPUT" };
        if let Some(surplus) = surplus {
            return Err(self.bad_operand(&surplus.to_ascii_uppercase()));
        }
        let settings = &mut self.session.settings;
        let table = if input { &mut settings.input } else { &mut settings.output };
        let Some(first) = first else {
            *table = Translation::NONE;
            self.cp.remember(&self.session);
            return Ok(());
        };
        let Some(second) = second else { return Err(self.fail(24, "061E", "No translation character specified")) };
        let code = |word: &str| byte(word).filter(|_| word.len() == 2);
        // Each takes a code where it says what CMS has, and a character or its code where it says what the terminal has.
        let (from, to) = if input { (byte(first), code(second)) } else { (code(first), byte(second)) };
        let (Some(from), Some(to)) = (from, to) else {
            let wrong = if from.is_none() { first } else { second };
            return Err(self.fail(24, "026E", format!("Invalid parameter {wrong} for {function} function")));
        };
        table.set(from, to);
        self.cp.remember(&self.session);
        Ok(())
    }

    /// QUERY INPUT and QUERY OUTPUT.
    pub(crate) fn query_translation(&mut self, word: &str) -> Outcome {
        let settings = &self.session.settings;
        let (function, table) = if is(word, "INPut") { ("INPUT", settings.input) } else { ("OUTPUT", settings.output) };
        if !table.in_use {
            self.say(format!("No user-defined {function} translate table in use"));
        }
        for (from, to) in table.changes() {
            let line = match function {
                "INPUT" => format!("INPUT  {:<2} {to:02X}", form(from)),
                _ => format!("OUTPUT {from:02X} {}", form(to)),
            };
            self.say(line);
        }
        Ok(())
    }
}
