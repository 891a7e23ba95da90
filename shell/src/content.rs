//! The border to EBCDIC: whether the bytes of a file are text, in which code, and their translation. Pure.
//!
//! Files of this system are ASCII or UTF-8; what mainframes send is EBCDIC, code page 1047. Nothing in a deck or a transmission says which
//! of the two it is, so the content decides unless the user does.

use alloc::vec::Vec;

use minidisk::ebcdic;
use minidisk::edf::RecordFormat;

/// How the records of a file that arrives are to be taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Code {
    /// The content decides.
    #[default]
    ByContent,
    /// They are EBCDIC text.
    Ebcdic,
    /// They stay as they are.
    Binary,
}

/// What is known of the content of a file when all its records have been looked at.
#[derive(Clone, Copy, Debug, Default)]
pub struct Survey {
    bytes: u64,
    /// Bytes that are a printable ASCII character when they are read as EBCDIC.
    ebcdic_ascii: u64,
    /// A record is no text in ASCII or UTF-8.
    not_plain: bool,
    /// A record is no text in EBCDIC.
    not_ebcdic: bool,
}

impl Survey {
    /// Looks at a record.
    pub fn add(&mut self, record: &[u8]) {
        self.bytes += record.len() as u64;
        self.not_plain |= !is_plain(record);
        for &byte in record {
            let character = char::from(ebcdic::to_latin1(byte));
            self.ebcdic_ascii += u64::from(character.is_ascii_graphic() || character == ' ');
            self.not_ebcdic |= character.is_control() && character != '\t';
        }
    }

    /// Whether it is text in EBCDIC: not also text in ASCII, no control characters, and nearly all of it letters that everybody has.
    pub fn is_ebcdic(&self) -> bool {
        self.not_plain && !self.not_ebcdic && self.ebcdic_ascii * 20 >= self.bytes * 19
    }

    /// Whether its records are to be translated.
    pub fn translates(&self, code: Code) -> bool {
        match code {
            Code::ByContent => self.is_ebcdic(),
            Code::Ebcdic => true,
            Code::Binary => false,
        }
    }
}

/// Text in ASCII or UTF-8, with nothing but tabs and the like of control characters.
fn is_plain(record: &[u8]) -> bool {
    let allowed = |c: char| !c.is_control() || matches!(c, '\t' | '\n' | '\r' | '\u{c}');
    core::str::from_utf8(record).is_ok_and(|text| text.chars().all(allowed))
}

/// A record in EBCDIC as text of this system. In fixed records every character stays one byte; in varying ones those beyond ASCII become UTF-8.
pub fn from_ebcdic(record: &mut Vec<u8>, format: RecordFormat) {
    ebcdic::decode(record);
    if format == RecordFormat::Variable && !record.is_ascii() {
        let text: alloc::string::String = record.iter().map(|&byte| char::from(byte)).collect();
        *record = text.into_bytes();
    }
}

/// A record of text in EBCDIC; `false`, and the record as it was, when a character has no place there.
pub fn to_ebcdic(record: &mut Vec<u8>, format: RecordFormat) -> bool {
    if format == RecordFormat::Variable && !record.is_ascii() {
        let latin1 = core::str::from_utf8(record).ok().and_then(|text| text.chars().map(|c| u8::try_from(c).ok()).collect());
        match latin1 {
            Some(bytes) => *record = bytes,
            None => return false,
        }
    }
    ebcdic::encode(record);
    true
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec;
    use proptest::prelude::*;

    fn survey(records: &[&[u8]]) -> Survey {
        let mut survey = Survey::default();
        records.iter().for_each(|record| survey.add(record));
        survey
    }

    fn encoded(text: &str) -> Vec<u8> {
        let mut record = text.as_bytes().to_vec();
        assert!(to_ebcdic(&mut record, RecordFormat::Variable));
        record
    }

    #[test]
    fn text_is_known_by_its_content() {
        assert!(survey(&[&encoded("Hello, world"), &encoded("  IF A[1] = 'x' THEN {"), &[0x40]]).is_ebcdic());
        assert!(survey(&[&encoded(&alloc::format!("{} \u{e4}", "plain ".repeat(10)))]).is_ebcdic());
        for plain in [&b"Hello"[..], b"", b"@@@@", "gr\u{fc}n".as_bytes(), b"\tx\x0c"] {
            assert!(!survey(&[plain]).is_ebcdic(), "{plain:?}");
        }
        let all: Vec<u8> = (0..=255).collect();
        assert!(!survey(&[&all]).is_ebcdic());
        assert!(!survey(&[b"\x7fELF\x02\x01\x01"]).is_ebcdic());
        // One binary record among text is enough.
        assert!(!survey(&[&encoded("Hello"), &[0, 1, 2]]).is_ebcdic());
    }

    #[test]
    fn the_user_has_the_last_word() {
        let text = survey(&[&encoded("Hello")]);
        assert!(text.translates(Code::ByContent) && !text.translates(Code::Binary));
        assert!(survey(&[b"Hello"]).translates(Code::Ebcdic));
    }

    #[test]
    fn letters_beyond_ascii_become_utf_8_where_records_may_grow() {
        let mut varying = vec![0xc8, 0x43, 0xa9];
        from_ebcdic(&mut varying, RecordFormat::Variable);
        assert_eq!(varying, "H\u{e4}z".as_bytes());
        let mut fixed = vec![0xc8, 0x43, 0xa9];
        from_ebcdic(&mut fixed, RecordFormat::Fixed(3));
        assert_eq!(fixed, [b'H', 0xe4, b'z']);
        let mut euro = "\u{20ac}".as_bytes().to_vec();
        assert!(!to_ebcdic(&mut euro, RecordFormat::Variable));
        assert_eq!(euro, "\u{20ac}".as_bytes());
    }

    proptest! {
        #[test]
        fn what_goes_to_ebcdic_comes_back(text in "[ -~\u{a1}-\u{ff}]{0,200}") {
            let mut record = text.clone().into_bytes();
            prop_assert!(to_ebcdic(&mut record, RecordFormat::Variable));
            from_ebcdic(&mut record, RecordFormat::Variable);
            prop_assert_eq!(record, text.into_bytes());
        }

        #[test]
        fn random_bytes_are_no_text(bytes in prop::collection::vec(any::<u8>(), 200..400)) {
            prop_assert!(!survey(&[&bytes]).is_ebcdic());
        }
    }
}
