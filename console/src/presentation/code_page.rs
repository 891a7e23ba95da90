//! Characters of a 3270 and characters of Unicode.

use std::sync::LazyLock;

/// An EBCDIC code page with the Latin-1 characters.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum CodePage {
    /// 037: USA and Canada.
    Cp037,
    /// 1047: open systems.
    Cp1047,
    /// What x3270 means unless told otherwise: 037 with the brackets where 1047 has them.
    #[default]
    Bracket,
}

/// Characters X'40' to X'FF' of code page 037 (IBM registry).
#[rustfmt::skip]
const CP037: [&str; 12] = [
    " \u{a0}âäàáãåçñ¢.<(+|",
    "&éêëèíîïìß!$*);¬",
    "-/ÂÄÀÁÃÅÇÑ¦,%_>?",
    "øÉÊËÈÍÎÏÌ`:#@'=\"",
    "Øabcdefghi«»ðýþ±",
    "°jklmnopqrªºæ¸Æ¤",
    "µ~stuvwxyz¡¿ÐÝÞ®",
    "^£¥·©§¶¼½¾[]¯¨´×",
    "{ABCDEFGHI\u{ad}ôöòóõ",
    "}JKLMNOPQR¹ûüùúÿ",
    "\\÷STUVWXYZ²ÔÖÒÓÕ",
    "0123456789³ÛÜÙÚ\u{9f}",
];

/// Where 1047 and "bracket" differ from 037.
const OF_1047: [(u8, char); 6] = [(0x5f, '^'), (0xad, '['), (0xb0, '¬'), (0xba, 'Ý'), (0xbb, '¨'), (0xbd, ']')];
const OF_BRACKET: [(u8, char); 4] = [(0xad, '['), (0xba, 'Ý'), (0xbb, '¨'), (0xbd, ']')];

/// The blank.
pub const BLANK: u8 = 0x40;
/// What stands for a character that the code page does not have.
pub const SUBSTITUTE: u8 = 0x6f;

/// One page in both directions.
struct Table {
    characters: [char; 256],
    /// By character of Latin-1.
    codes: [u8; 256],
}

static TABLES: LazyLock<[Table; 3]> = LazyLock::new(|| [&[][..], &OF_1047, &OF_BRACKET].map(Table::new));

impl Table {
    /// 037 with these differences.
    fn new(differences: &[(u8, char)]) -> Self {
        let mut characters = [' '; 256];
        for (code, character) in (0x40..=0xff_u8).zip(CP037.iter().flat_map(|row| row.chars())) {
            characters[usize::from(code)] = if character.is_control() { ' ' } else { character };
        }
        for &(code, character) in differences {
            characters[usize::from(code)] = character;
        }
        let mut codes = [SUBSTITUTE; 256];
        // From behind, so that the blank is X'40'.
        for (code, &character) in (0..=0xff_u8).zip(&characters).rev() {
            if let (0x40.., Ok(latin)) = (code, u8::try_from(character)) {
                codes[usize::from(latin)] = code;
            }
        }
        Self { characters, codes }
    }
}

impl CodePage {
    fn table(self) -> &'static Table {
        &TABLES[self as usize]
    }

    /// The page by the number that a terminal reports for it (CPGID).
    pub fn numbered(number: u16) -> Option<Self> {
        match number {
            37 => Some(Self::Cp037),
            1047 => Some(Self::Cp1047),
            _ => None,
        }
    }

    /// The character, a blank for a code that is none: nulls and format controls show as blanks.
    pub fn decode(self, code: u8) -> char {
        self.table().characters[usize::from(code)]
    }

    /// The code of a character; [`SUBSTITUTE`] when there is none.
    pub fn encode(self, character: char) -> u8 {
        u8::try_from(character).map_or(SUBSTITUTE, |latin| self.table().codes[usize::from(latin)])
    }

    /// The code of the same character in another page. Nulls and format controls are the same in all.
    pub fn converted(self, code: u8, to: Self) -> u8 {
        if self == to || code < BLANK || code == 0xff { code } else { to.encode(self.decode(code)) }
    }

    /// The codes of a text, one for each character.
    pub fn encode_text(self, text: &str) -> Vec<u8> {
        text.chars().map(|character| self.encode(character)).collect()
    }

    /// The text of codes: nulls are left out, as a 3270 leaves them out of what it sends.
    pub fn decode_text(self, codes: &[u8]) -> String {
        codes.iter().filter(|&&code| code != 0).map(|&code| self.decode(code)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_latin_character_comes_back() {
        for page in [CodePage::Cp037, CodePage::Cp1047, CodePage::Bracket] {
            for character in ('\u{20}'..='\u{7e}').chain('\u{a1}'..='\u{ff}') {
                assert_eq!(page.decode(page.encode(character)), character, "{page:?}");
            }
        }
    }

    #[test]
    fn pages_differ_in_brackets_caret_and_not() {
        let codes = |page: CodePage| page.encode_text("[]^¬");
        assert_eq!(codes(CodePage::Cp037), [0xba, 0xbb, 0xb0, 0x5f]);
        assert_eq!(codes(CodePage::Cp1047), [0xad, 0xbd, 0x5f, 0xb0]);
        assert_eq!(codes(CodePage::Bracket), [0xad, 0xbd, 0xb0, 0x5f]);
    }

    #[test]
    fn what_is_no_character_shows_as_a_blank_and_what_has_no_code_as_a_question_mark() {
        assert_eq!(CodePage::Cp037.decode(0x00), ' ');
        assert_eq!(CodePage::Cp037.decode(0x1b), ' ');
        assert_eq!(CodePage::Cp037.decode(0xff), ' ');
        assert_eq!(CodePage::Cp037.encode('\u{1b}'), SUBSTITUTE);
        assert_eq!(CodePage::Cp037.encode('日'), SUBSTITUTE);
        assert_eq!(CodePage::Cp037.decode_text(&[0xc8, 0x00, 0x89]), "Hi");
    }
}
