//! A command line as CMS sees it: words of eight characters in capitals, options behind a parenthesis, and the line as typed.

use alloc::string::{String, ToString};
use alloc::vec::Vec;

/// Longest word; what is longer is cut, as in the parameter list of CMS.
const WORD: usize = 8;

/// A command line cut into words.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Words {
    /// The first word: the command.
    pub command: String,
    /// The words between the command and the parenthesis.
    pub operands: Vec<String>,
    /// The words behind the parenthesis; empty when there is none.
    pub options: Vec<String>,
    /// Everything behind the command as it was typed, without the blanks around it.
    pub text: Vec<u8>,
}

impl Words {
    /// Cuts a line. A `)` ends the options: what follows it is a comment.
    pub fn parse(line: &[u8]) -> Self {
        let mut words = Words::default();
        let line = line.trim_ascii();
        let end = line.iter().position(|&byte| ends_word(byte)).unwrap_or(line.len());
        words.command = word(&line[..end]);
        let rest = &line[end..];
        words.text = rest.trim_ascii().to_vec();
        let (operands, options) = match rest.iter().position(|&byte| byte == b'(') {
            Some(at) => (&rest[..at], &rest[at + 1..]),
            None => (rest, &[][..]),
        };
        let options = match options.iter().position(|&byte| byte == b')') {
            Some(at) => &options[..at],
            None => options,
        };
        words.operands = split(operands);
        words.options = split(options);
        words
    }

    /// The operand at that place, or an empty text.
    pub fn operand(&self, at: usize) -> &str {
        self.operands.get(at).map_or("", String::as_str)
    }
}

/// Whether a byte ends a word.
fn ends_word(byte: u8) -> bool {
    byte.is_ascii_whitespace() || byte == b'(' || byte == b')'
}

/// The words of a part of a line.
fn split(text: &[u8]) -> Vec<String> {
    text.split(|&byte| ends_word(byte)).filter(|part| !part.is_empty()).map(word).collect()
}

/// One word: capitals, cut to eight characters. Bytes that are no text become a character that no name has.
fn word(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).chars().take(WORD).map(|c| c.to_ascii_uppercase()).collect()
}

/// Cuts the first word off a text: the word as typed, and what follows without the blanks between.
pub fn first_word(text: &[u8]) -> (&[u8], &[u8]) {
    let text = text.trim_ascii_start();
    let end = text.iter().position(u8::is_ascii_whitespace).unwrap_or(text.len());
    (&text[..end], text[end..].trim_ascii_start())
}

/// Whether `given` is the name or an abbreviation of it with at least `minimum` characters.
pub fn abbreviates(given: &str, name: &str, minimum: usize) -> bool {
    given.len() >= minimum && name.starts_with(given)
}

/// As [`abbreviates`], with the minimum written in capitals: `REPlace` takes `REP`, `REPL`, ... `REPLACE`.
pub fn is(given: &str, form: &str) -> bool {
    let minimum = form.bytes().take_while(|byte| !byte.is_ascii_lowercase()).count();
    // Words are cut to eight characters, and so are the names they are compared with.
    let name: String = form.chars().take(WORD).map(|c| c.to_ascii_uppercase()).collect();
    abbreviates(given, &name, minimum)
}

/// The number that a word is, when it is one.
pub fn number<T: core::str::FromStr>(word: &str) -> Option<T> {
    word.bytes().all(|byte| byte.is_ascii_digit()).then(|| word.parse().ok()).flatten()
}

/// A device number as people type it: one to four hexadecimal digits.
pub fn vdev(word: &str) -> Option<u32> {
    let hexadecimal = (1..=4).contains(&word.len()) && word.bytes().all(|byte| byte.is_ascii_hexdigit());
    hexadecimal.then(|| u32::from_str_radix(word, 16).ok()).flatten()
}

/// A record without the blanks at its end.
pub fn without_trailing_blanks(record: &[u8]) -> &[u8] {
    let length = record.iter().rposition(|&byte| byte != b' ').map_or(0, |last| last + 1);
    &record[..length]
}

/// A fixed field of the contract with CP as text, without its padding.
pub fn field(bytes: &[u8]) -> String {
    let end = bytes.iter().position(|&byte| byte == 0).unwrap_or(bytes.len());
    String::from_utf8_lossy(&bytes[..end]).trim().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec;

    #[test]
    fn a_line_is_cut_into_words_of_eight_capitals() {
        let words = Words::parse(b"  copyfile averylongname data  a (replace recfm f) comment");
        assert_eq!(words.command, "COPYFILE");
        assert_eq!(words.operands, vec!["AVERYLON", "DATA", "A"]);
        assert_eq!(words.options, vec!["REPLACE", "RECFM", "F"]);
        assert_eq!(words.text, b"averylongname data  a (replace recfm f) comment");
        assert_eq!(words.operand(7), "");
    }

    #[test]
    fn a_parenthesis_needs_no_blank_before_it() {
        let words = Words::parse(b"listfile(label");
        assert_eq!((words.command.as_str(), words.options.len()), ("LISTFILE", 1));
        assert_eq!(Words::parse(b"   "), Words::default());
    }

    #[test]
    fn bytes_that_are_no_text_do_no_harm() {
        let words = Words::parse(b"type \xff\xfe\xfd(\x80");
        assert_eq!(words.operands.len(), 1);
        assert_eq!(words.options.len(), 1);
    }

    #[test]
    fn capitals_give_the_minimum_abbreviation() {
        assert!(is("REP", "REPlace") && is("REPLACE", "REPlace"));
        assert!(!is("RE", "REPlace") && !is("REPLY", "REPlace"));
        assert!(is("R/W", "R/W") && !is("R", "R/W"));
    }

    #[test]
    fn device_numbers_are_hexadecimal() {
        assert_eq!(vdev("19E"), Some(0x19e));
        assert_eq!(vdev("0191"), Some(0x191));
        assert_eq!(vdev("12345"), None);
        assert_eq!(vdev("+19"), None);
        assert_eq!(vdev("X"), None);
    }
}
