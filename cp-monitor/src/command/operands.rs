//! The operands of a CP command, read one after another.
//!
//! Words are separated by blanks. Keywords are matched as CP matches them: any case, and cut down to a minimum length.

use nom::Parser;
use nom::bytes::complete::{take_while, take_while1};
use nom::character::complete::space0;
use nom::error::Error;

use super::answer::{Message, device_missing, invalid_operand, operand_missing, userid_missing};
use crate::directory::{DeviceNumber, UserId};

/// Whether `word` is `name` or an abbreviation of it of at least `minimum` letters.
pub fn abbreviates(word: &str, name: &str, minimum: usize) -> bool {
    word.len() >= minimum && word.len() <= name.len() && name.is_char_boundary(word.len()) && name[..word.len()].eq_ignore_ascii_case(word)
}

/// Whether `word` abbreviates `pattern`, whose leading capitals are the minimum: `QUery`, `DISConn`.
pub fn is(word: &str, pattern: &str) -> bool {
    abbreviates(word, pattern, minimum(pattern))
}

/// Fewest letters that are taken for `pattern`: its leading capitals.
pub fn minimum(pattern: &str) -> usize {
    pattern.bytes().take_while(|byte| !byte.is_ascii_lowercase()).count()
}

/// The rest of a command line; each call takes a word off its front.
#[derive(Clone, Copy, Debug)]
pub struct Operands<'a> {
    rest: &'a str,
}

impl<'a> Operands<'a> {
    /// Operands in `text`.
    pub fn new(text: &'a str) -> Self {
        Self { rest: text }
    }

    /// What is left, without blanks around it.
    pub fn rest(&self) -> &'a str {
        self.rest.trim()
    }

    /// Whether nothing is left.
    pub fn is_empty(&self) -> bool {
        self.rest().is_empty()
    }

    /// The next word without taking it.
    pub fn peek(&self) -> Option<&'a str> {
        self.clone().next_word()
    }

    /// Takes the next word.
    pub fn next_word(&mut self) -> Option<&'a str> {
        let mut word = (space0::<&str, Error<&str>>, take_while1(|c: char| c != ' '), take_while(|c: char| c == ' '));
        let (rest, (_, word, _)) = word.parse(self.rest).ok()?;
        self.rest = rest;
        Some(word)
    }

    /// Takes the next word; 026E when there is none.
    pub fn word(&mut self) -> Result<&'a str, Message> {
        self.next_word().ok_or_else(operand_missing)
    }

    /// Takes the next word if it abbreviates `pattern` (see [`is`]).
    pub fn take(&mut self, pattern: &str) -> bool {
        let found = self.peek().is_some_and(|word| is(word, pattern));
        if found {
            self.next_word();
        }
        found
    }

    /// Takes a user identifier; 020E when it is none.
    pub fn userid(&mut self) -> Result<UserId, Message> {
        let word = self.next_word().ok_or_else(userid_missing)?;
        word.parse::<UserId>().map_err(|_| userid_missing())
    }

    /// Takes a virtual device number in hexadecimal; 022E when it is none.
    pub fn device(&mut self) -> Result<DeviceNumber, Message> {
        let word = self.next_word().ok_or_else(device_missing)?;
        device(word).ok_or_else(device_missing)
    }

    /// Takes ON or OFF.
    pub fn on_off(&mut self) -> Result<bool, Message> {
        match self.word()? {
            word if word.eq_ignore_ascii_case("ON") => Ok(true),
            word if word.eq_ignore_ascii_case("OFF") => Ok(false),
            other => Err(invalid_operand(other)),
        }
    }

    /// Refuses anything that is left: 002E.
    pub fn end(&mut self) -> Result<(), Message> {
        match self.next_word() {
            None => Ok(()),
            Some(word) => Err(invalid_operand(word)),
        }
    }
}

/// A virtual device number: one to four hexadecimal digits.
pub fn device(word: &str) -> Option<DeviceNumber> {
    word.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn capitals_are_the_minimum() {
        assert!(is("q", "Query") && is("QUE", "Query") && is("query", "Query"));
        assert!(!is("queryx", "Query") && !is("", "Query"));
        assert!(is("shutdown", "SHUTDOWN") && !is("shut", "SHUTDOWN"));
        assert!(!is("qü", "Query"));
    }

    #[test]
    fn words_come_off_the_front() {
        let mut operands = Operands::new("  one   two 191 ");
        assert_eq!(operands.next_word(), Some("one"));
        assert!(!operands.take("THREE") && operands.take("TWO"));
        assert_eq!(operands.device(), Ok(DeviceNumber(0x191)));
        assert!(operands.is_empty() && operands.end().is_ok());
    }

    proptest! {
        #[test]
        fn any_text_is_only_words(text in "\\PC{0,80}") {
            let mut operands = Operands::new(&text);
            let words: Vec<_> = std::iter::from_fn(|| operands.next_word()).collect();
            prop_assert_eq!(words, text.split(' ').filter(|word| !word.is_empty()).collect::<Vec<_>>());
        }
    }
}
