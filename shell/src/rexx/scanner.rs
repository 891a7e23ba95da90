//! Characters to tokens. Comments vanish here, continued lines are joined, and a blank that may be an operator is noted.

use alloc::rc::Rc;
use alloc::vec::Vec;

use super::error::{Error, Result};

/// What a token is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A symbol, constant symbols included.
    Symbol,
    /// A literal string; the number of its value.
    String(u32),
    /// An operator.
    Operator(Operator),
    Comma,
    Open,
    Close,
    Colon,
    /// The end of a clause: a semicolon or the end of a line.
    End,
    /// The end of the source.
    Eof,
}

/// Operators as written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operator {
    Plus,
    Minus,
    Times,
    Divide,
    IntegerDivide,
    Remainder,
    Power,
    Concatenate,
    Equal,
    NotEqual,
    Greater,
    Less,
    GreaterEqual,
    LessEqual,
    StrictEqual,
    StrictNotEqual,
    StrictGreater,
    StrictLess,
    StrictGreaterEqual,
    StrictLessEqual,
    And,
    Or,
    Xor,
    Not,
    // The two that are not written.
    Blank,
    Abuttal,
}

impl Operator {
    /// Whether it calculates or compares.
    pub fn is_numeric(self) -> bool {
        !matches!(self, Self::Concatenate | Self::Blank | Self::Abuttal | Self::And | Self::Or | Self::Xor | Self::Not)
    }

    /// As it is written, for messages.
    pub fn name(self) -> &'static str {
        match self {
            Self::Plus => "+",
            Self::Minus => "-",
            Self::Times => "*",
            Self::Divide => "/",
            Self::IntegerDivide => "%",
            Self::Remainder => "//",
            Self::Power => "**",
            Self::Concatenate => "||",
            Self::Equal => "=",
            Self::NotEqual => "\\=",
            Self::Greater => ">",
            Self::Less => "<",
            Self::GreaterEqual => ">=",
            Self::LessEqual => "<=",
            Self::StrictEqual => "==",
            Self::StrictNotEqual => "\\==",
            Self::StrictGreater => ">>",
            Self::StrictLess => "<<",
            Self::StrictGreaterEqual => ">>=",
            Self::StrictLessEqual => "<<=",
            Self::And => "&",
            Self::Or => "|",
            Self::Xor => "&&",
            Self::Not => "\\",
            Self::Blank => " ",
            Self::Abuttal => "",
        }
    }
}

/// A token: what it is and where.
#[derive(Clone, Copy, Debug)]
pub struct Token {
    pub kind: Kind,
    /// First byte in the source, and the byte behind.
    pub start: u32,
    pub end: u32,
    /// A blank (or the end of a continued line) stands before it.
    pub blank: bool,
}

/// A program's characters.
#[derive(Debug)]
pub struct Source {
    pub text: Vec<u8>,
    /// Where each line begins.
    lines: Vec<u32>,
}

impl Source {
    /// A source with lines ended by LF.
    pub fn new(text: Vec<u8>) -> Rc<Self> {
        let starts = text.iter().enumerate().filter(|(_, byte)| **byte == b'\n').map(|(at, _)| at as u32 + 1);
        let mut lines: Vec<u32> = core::iter::once(0).chain(starts).collect();
        if lines.last() == Some(&(text.len() as u32)) {
            lines.pop();
        }
        Rc::new(Self { text, lines })
    }

    /// The number of the line that holds that byte, from 1.
    pub fn line_of(&self, at: u32) -> u32 {
        self.lines.partition_point(|start| *start <= at).max(1) as u32
    }

    /// How many lines.
    pub fn line_count(&self) -> usize {
        self.lines.len()
    }

    /// A line, from 1.
    pub fn line(&self, number: usize) -> Option<&[u8]> {
        let start = *self.lines.get(number.checked_sub(1)?)? as usize;
        let end = self.lines.get(number).map_or(self.text.len(), |next| *next as usize);
        let line = &self.text[start..end];
        Some(line.strip_suffix(b"\n").unwrap_or(line))
    }
}

/// The tokens of a source, and the values of its literal strings.
#[derive(Debug, Default)]
pub struct Tokens {
    pub list: Vec<Token>,
    pub strings: Vec<Vec<u8>>,
}

/// An error and the byte at which it was found.
pub type Located<T> = core::result::Result<T, (Error, u32)>;

/// A character of a symbol.
pub fn in_symbol(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'!' | b'?' | b'_' | b'@' | b'#' | b'$')
}

/// A blank within a line.
fn is_blank(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\r' | 0x0b | 0x0c)
}

struct Scanner<'a> {
    text: &'a [u8],
    at: usize,
    blank: bool,
    tokens: Tokens,
}

/// Cuts a source into tokens.
///
/// # Errors
/// Unmatched comments and quotes, characters that no program has, bad hexadecimal strings.
pub fn scan(text: &[u8]) -> Located<Tokens> {
    let mut scanner = Scanner { text, at: 0, blank: false, tokens: Tokens::default() };
    // `#!` names an interpreter to the host's systems.
    if text.starts_with(b"#!") {
        scanner.at = text.iter().position(|byte| *byte == b'\n').unwrap_or(text.len());
    }
    while scanner.next()? {}
    Ok(scanner.tokens)
}

impl Scanner<'_> {
    fn peek(&self, ahead: usize) -> u8 {
        self.text.get(self.at + ahead).copied().unwrap_or(0)
    }

    fn push(&mut self, kind: Kind, start: usize, end: usize) {
        self.tokens.list.push(Token { kind, start: start as u32, end: end as u32, blank: self.blank });
        self.blank = false;
        self.at = end;
    }

    /// Takes one token, or what is none; `false` at the end.
    fn next(&mut self) -> Located<bool> {
        let start = self.at;
        let Some(&byte) = self.text.get(start) else {
            self.push(Kind::End, start, start);
            self.push(Kind::Eof, start, start);
            return Ok(false);
        };
        match byte {
            b'\n' => self.end_of_line(start),
            b'/' if self.peek(1) == b'*' => self.comment()?,
            byte if is_blank(byte) => {
                self.blank = true;
                self.at += 1;
            }
            b'\'' | b'"' => self.string(byte)?,
            b';' => self.push(Kind::End, start, start + 1),
            b',' => self.push(Kind::Comma, start, start + 1),
            b'(' => self.push(Kind::Open, start, start + 1),
            b')' => self.push(Kind::Close, start, start + 1),
            b':' => self.push(Kind::Colon, start, start + 1),
            // The control character that ended files on other systems.
            0x1a => self.at += 1,
            byte if in_symbol(byte) => self.symbol(),
            _ => self.operator()?,
        }
        Ok(true)
    }

    /// The end of a line ends a clause, unless a comma stands before it.
    fn end_of_line(&mut self, start: usize) {
        match self.tokens.list.last() {
            Some(Token { kind: Kind::Comma, .. }) => {
                self.tokens.list.pop();
                self.blank = true;
                self.at += 1;
            }
            _ => self.push(Kind::End, start, start + 1),
        }
    }

    fn comment(&mut self) -> Located<()> {
        let (start, mut depth) = (self.at, 0_u32);
        loop {
            match (self.peek(0), self.peek(1)) {
                (b'/', b'*') => (depth, self.at) = (depth + 1, self.at + 2),
                (b'*', b'/') => (depth, self.at) = (depth - 1, self.at + 2),
                _ if self.at >= self.text.len() => return Err((Error::new(6, 1, &[]), start as u32)),
                _ => self.at += 1,
            }
            if depth == 0 {
                return Ok(());
            }
        }
    }

    fn string(&mut self, quote: u8) -> Located<()> {
        let start = self.at;
        let mut value = Vec::new();
        let mut at = start + 1;
        loop {
            match self.text.get(at) {
                Some(byte) if *byte == quote && self.text.get(at + 1) == Some(&quote) => {
                    value.push(quote);
                    at += 2;
                }
                Some(byte) if *byte == quote => break,
                Some(b'\n') | None => {
                    return Err((Error::new(6, if quote == b'\'' { 2 } else { 3 }, &[]), start as u32));
                }
                Some(byte) => {
                    value.push(*byte);
                    at += 1;
                }
            }
        }
        at += 1;
        let suffix = self.text.get(at).map(u8::to_ascii_uppercase);
        let ends = self.text.get(at + 1).is_none_or(|byte| !in_symbol(*byte));
        let decoded = match suffix {
            Some(b'X') if ends => Some(decode(&value, 4, (15, 1, 3))),
            Some(b'B') if ends => Some(decode(&value, 1, (15, 2, 4))),
            _ => None,
        };
        if let Some(decoded) = decoded {
            value = decoded.map_err(|error| (error, start as u32))?;
            at += 1;
        }
        let number = self.tokens.strings.len() as u32;
        self.tokens.strings.push(value);
        self.push(Kind::String(number), start, at);
        Ok(())
    }

    fn symbol(&mut self) {
        let start = self.at;
        let mut end = start;
        while self.text.get(end).is_some_and(|byte| in_symbol(*byte)) {
            end += 1;
        }
        // A number may have a sign in its exponent.
        let word = &self.text[start..end];
        if let Some((b'E' | b'e', mantissa)) = word.split_last()
            && matches!(self.text.get(end), Some(b'+' | b'-'))
            && mantissa.iter().all(|byte| byte.is_ascii_digit() || *byte == b'.')
            && mantissa.iter().filter(|byte| **byte == b'.').count() <= 1
            && mantissa.iter().any(u8::is_ascii_digit)
        {
            let digits = self.text[end + 1..].iter().take_while(|byte| byte.is_ascii_digit()).count();
            let next = self.text.get(end + 1 + digits);
            if digits > 0 && next.is_none_or(|byte| !in_symbol(*byte)) {
                end += 1 + digits;
            }
        }
        self.push(Kind::Symbol, start, end);
    }

    /// The next character of an operator: blanks and comments may stand between.
    fn continues(&mut self, at: usize, wanted: u8) -> Option<usize> {
        let mut end = at;
        while self.text.get(end).is_some_and(|byte| is_blank(*byte)) {
            end += 1;
        }
        (self.text.get(end) == Some(&wanted)).then_some(end + 1)
    }

    fn operator(&mut self) -> Located<()> {
        let start = self.at;
        let (operator, end) = self.simple_operator()?;
        self.push(Kind::Operator(operator), start, end);
        Ok(())
    }

    fn simple_operator(&mut self) -> Located<(Operator, usize)> {
        use Operator as O;
        let at = self.at;
        let byte = self.peek(0);
        let one = |operator| Ok((operator, at + 1));
        // `¬` in Latin-1 and in UTF-8.
        let not = match byte {
            b'\\' | b'^' | b'~' | 0xac => Some(at + 1),
            0xc2 if self.peek(1) == 0xac => Some(at + 2),
            _ => None,
        };
        if let Some(end) = not {
            return Ok(self.negated(end));
        }
        match byte {
            b'+' => one(O::Plus),
            b'-' => one(O::Minus),
            b'%' => one(O::IntegerDivide),
            b'*' => Ok(self.continues(at + 1, b'*').map_or((O::Times, at + 1), |end| (O::Power, end))),
            b'|' => Ok(self.continues(at + 1, b'|').map_or((O::Or, at + 1), |end| (O::Concatenate, end))),
            b'&' => Ok(self.continues(at + 1, b'&').map_or((O::And, at + 1), |end| (O::Xor, end))),
            b'=' => Ok(self.continues(at + 1, b'=').map_or((O::Equal, at + 1), |end| (O::StrictEqual, end))),
            b'/' => {
                if let Some(end) = self.continues(at + 1, b'=') {
                    return Ok(self.continues(end, b'=').map_or((O::NotEqual, end), |end| (O::StrictNotEqual, end)));
                }
                Ok(self.continues(at + 1, b'/').map_or((O::Divide, at + 1), |end| (O::Remainder, end)))
            }
            b'>' => Ok(self.relation(at, (b'>', b'<'), (O::Greater, O::GreaterEqual, O::StrictGreater, O::StrictGreaterEqual))),
            b'<' => Ok(self.relation(at, (b'<', b'>'), (O::Less, O::LessEqual, O::StrictLess, O::StrictLessEqual))),
            byte => {
                let shown = alloc::format!("{byte:02X}");
                Err((Error::new(13, 1, &[shown.as_bytes()]), at as u32))
            }
        }
    }

    /// What begins with a not sign.
    fn negated(&mut self, end: usize) -> (Operator, usize) {
        use Operator as O;
        if let Some(end) = self.continues(end, b'=') {
            return self.continues(end, b'=').map_or((O::NotEqual, end), |end| (O::StrictNotEqual, end));
        }
        if let Some(end) = self.continues(end, b'>') {
            return self.continues(end, b'>').map_or((O::LessEqual, end), |end| (O::StrictLessEqual, end));
        }
        if let Some(end) = self.continues(end, b'<') {
            return self.continues(end, b'<').map_or((O::GreaterEqual, end), |end| (O::StrictGreaterEqual, end));
        }
        (O::Not, end)
    }

    /// What begins with `>` or `<`: itself, with `=`, doubled, doubled with `=`, or followed by the other.
    fn relation(&mut self, at: usize, (same, other): (u8, u8), (plain, equal, strict, strict_equal): Relations) -> (Operator, usize) {
        let end = at + 1;
        if let Some(end) = self.continues(end, same) {
            return self.continues(end, b'=').map_or((strict, end), |end| (strict_equal, end));
        }
        if let Some(end) = self.continues(end, other) {
            return (Operator::NotEqual, end);
        }
        self.continues(end, b'=').map_or((plain, end), |end| (equal, end))
    }
}

/// The four forms of a relation: plain, or equal, strict, strict or equal.
type Relations = (Operator, Operator, Operator, Operator);

/// The characters that a hexadecimal (4 bits a digit) or binary (1 bit) string stands for. Blanks may stand between groups: of two digits in hexadecimal, of four in binary.
///
/// # Errors
/// The two sub-codes of the error: a blank where none may be, and a character that is no digit.
pub fn decode(text: &[u8], bits: usize, (number, misplaced, invalid): (u16, u16, u16)) -> Result<Vec<u8>> {
    let group = if bits == 4 { 2 } else { 4 };
    let mut digits = Vec::with_capacity(text.len());
    let mut first_group = None;
    let mut in_group = 0;
    for (at, byte) in text.iter().enumerate() {
        if is_blank(*byte) {
            let wrong = digits.is_empty() || at + 1 == text.len() || (first_group.is_some() && in_group % group != 0);
            if wrong {
                return Err(Error::new(number, misplaced, &[alloc::format!("{}", at + 1).as_bytes()]));
            }
            first_group.get_or_insert(in_group);
            in_group = 0;
            continue;
        }
        let digit = (*byte as char).to_digit(1 << bits).ok_or_else(|| Error::new(number, invalid, &[&[*byte]]))?;
        digits.push(digit as u8);
        in_group += 1;
    }
    if first_group.is_some() && in_group % group != 0 {
        return Err(Error::new(number, misplaced, &[alloc::format!("{}", text.len()).as_bytes()]));
    }
    Ok(pack(&digits, bits))
}

/// Digits of that many bits packed into bytes, zeros before them.
pub fn pack(digits: &[u8], bits: usize) -> Vec<u8> {
    let per_byte = 8 / bits;
    digits.rchunks(per_byte).rev().map(|chunk| chunk.iter().fold(0, |byte, digit| byte << bits | digit)).collect()
}
