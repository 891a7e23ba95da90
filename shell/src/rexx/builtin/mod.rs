//! Built-in functions: the table, and how arguments are checked. One file for each family.

mod bits;
mod characters;
mod convert;
mod dates;
mod double_byte;
mod numbers;
mod state;
mod streams;
mod words;

use core::cell::OnceCell;

use super::error::{Error, Result};
use super::interpreter::Interpreter;
use super::number::Number;
use super::value::{Scratch, Value};

pub use characters::find_in;

/// What carries a function out.
type Run = fn(&mut Interpreter, &Arguments) -> Result<Value>;

/// A function: its name, the arguments that it needs and may have, what carries it out.
type Entry = (&'static str, u16, u16, Run);

/// Every built-in function, by name.
const TABLE: &[Entry] = &[
    ("ABBREV", 2, 3, characters::abbrev),
    ("ABS", 1, 1, numbers::abs),
    ("ADDRESS", 0, 0, state::address),
    ("ARG", 0, 2, state::arg),
    ("B2X", 1, 1, convert::b2x),
    ("BITAND", 1, 3, bits::and),
    ("BITOR", 1, 3, bits::or),
    ("BITXOR", 1, 3, bits::xor),
    ("C2D", 1, 2, convert::c2d),
    ("C2X", 1, 1, convert::c2x),
    ("CENTER", 2, 3, characters::center),
    ("CENTRE", 2, 3, characters::center),
    ("CHANGESTR", 3, 3, characters::changestr),
    ("CHARIN", 0, 3, streams::charin),
    ("CHAROUT", 0, 3, streams::charout),
    ("CHARS", 0, 1, streams::chars),
    ("COMPARE", 2, 3, characters::compare),
    ("CONDITION", 0, 1, state::condition),
    ("COPIES", 2, 2, characters::copies),
    ("COUNTSTR", 2, 2, characters::countstr),
    ("D2C", 1, 2, convert::d2c),
    ("D2X", 1, 2, convert::d2x),
    ("DATATYPE", 1, 2, characters::datatype),
    ("DATE", 0, 5, dates::date),
    ("DBADJUST", 1, 2, double_byte::adjust),
    ("DBBRACKET", 1, 1, double_byte::bracket),
    ("DBCENTER", 2, 4, double_byte::center),
    ("DBCJUSTIFY", 2, 4, double_byte::justify),
    ("DBLEFT", 2, 4, double_byte::left),
    ("DBRIGHT", 2, 4, double_byte::right),
    ("DBRLEFT", 2, 3, double_byte::rest_of_left),
    ("DBRRIGHT", 2, 3, double_byte::rest_of_right),
    ("DBTODBCS", 1, 1, double_byte::to_double),
    ("DBTOSBCS", 1, 1, double_byte::to_single),
    ("DBUNBRACKET", 1, 1, double_byte::unbracket),
    ("DBVALIDATE", 1, 2, double_byte::validate),
    ("DBWIDTH", 1, 2, double_byte::string_width),
    ("DELSTR", 2, 3, characters::delstr),
    ("DELWORD", 2, 3, words::delword),
    ("DIGITS", 0, 0, state::digits),
    ("ERRORTEXT", 1, 2, state::errortext),
    ("EXTERNALS", 0, 0, state::externals),
    ("FIND", 2, 3, words::find),
    ("FORM", 0, 0, state::form),
    ("FORMAT", 1, 5, numbers::format),
    ("FUZZ", 0, 0, state::fuzz),
    ("INDEX", 2, 3, characters::index),
    ("INSERT", 2, 5, characters::insert),
    ("JUSTIFY", 2, 3, words::justify),
    ("LASTPOS", 2, 3, characters::lastpos),
    ("LEFT", 2, 3, characters::left),
    ("LENGTH", 1, 1, characters::length),
    ("LINEIN", 0, 3, streams::linein),
    ("LINEOUT", 0, 3, streams::lineout),
    ("LINES", 0, 2, streams::lines),
    ("LINESIZE", 0, 0, state::linesize),
    ("MAX", 1, u16::MAX, numbers::max),
    ("MIN", 1, u16::MAX, numbers::min),
    ("OVERLAY", 2, 5, characters::overlay),
    ("POS", 2, 3, characters::pos),
    ("QUALIFY", 0, 1, streams::qualify),
    ("QUEUED", 0, 0, state::queued),
    ("RANDOM", 0, 3, numbers::random),
    ("REVERSE", 1, 1, characters::reverse),
    ("RIGHT", 2, 3, characters::right),
    ("SIGN", 1, 1, numbers::sign),
    ("SOURCELINE", 0, 1, state::sourceline),
    ("SPACE", 1, 3, words::space),
    ("STREAM", 1, 3, streams::stream),
    ("STRIP", 1, 3, characters::strip),
    ("SUBSTR", 2, 4, characters::substr),
    ("SUBWORD", 2, 3, words::subword),
    ("SYMBOL", 1, 1, state::symbol),
    ("TIME", 0, 3, dates::time),
    ("TRACE", 0, 1, state::trace),
    ("TRANSLATE", 1, 4, characters::translate),
    ("TRUNC", 1, 2, numbers::trunc),
    ("USERID", 0, 0, state::userid),
    ("VALUE", 1, 3, state::value),
    ("VERIFY", 2, 4, characters::verify),
    ("WORD", 2, 2, words::word),
    ("WORDINDEX", 2, 2, words::wordindex),
    ("WORDLENGTH", 2, 2, words::wordlength),
    ("WORDPOS", 2, 3, words::wordpos),
    ("WORDS", 1, 1, words::words),
    ("X2B", 1, 1, convert::x2b),
    ("X2C", 1, 1, convert::x2c),
    ("X2D", 1, 2, convert::x2d),
    ("XRANGE", 0, 2, characters::xrange),
];

/// The number of the function of that name, which must be in the table.
const fn number_of(name: &str) -> u16 {
    let mut at = 0;
    while at < TABLE.len() {
        let (own, wanted) = (TABLE[at].0.as_bytes(), name.as_bytes());
        let mut same = own.len() == wanted.len();
        let mut byte = 0;
        while same && byte < own.len() {
            same = own[byte] == wanted[byte];
            byte += 1;
        }
        if same {
            return at as u16;
        }
        at += 1;
    }
    panic!("a function of the table")
}

const LENGTH: u16 = number_of("LENGTH");
const LEFT: u16 = number_of("LEFT");
const RIGHT: u16 = number_of("RIGHT");
const SUBSTR: u16 = number_of("SUBSTR");
const POS: u16 = number_of("POS");

/// The functions that programs call most, when their arguments are plain and the result is short: without what the others need. `None`: the ordinary way.
#[inline]
pub fn quick(number: u16, arguments: &[Option<Value>]) -> Option<Value> {
    let mut scratch = Scratch::new();
    match (number, arguments) {
        (LENGTH, [Some(text)]) => Some(Value::Int(text.bytes(&mut scratch).len() as i64)),
        (LEFT | RIGHT, [Some(text), Some(Value::Int(length)), rest @ ..]) => {
            let pad = match rest {
                [] => b' ',
                [Some(Value::Short(1, pad))] => pad[0],
                [Some(Value::Int(digit @ 0..=9))] => b'0' + *digit as u8,
                _ => return None,
            };
            characters::justified(text.bytes(&mut scratch), usize::try_from(*length).ok()?, pad, number == LEFT)
        }
        (SUBSTR, [Some(text), Some(Value::Int(from)), Some(Value::Int(length))]) => {
            let from = usize::try_from(*from).ok()?.checked_sub(1)?;
            let length = usize::try_from(*length).ok()?;
            text.bytes(&mut scratch).get(from..from.checked_add(length)?).map(Value::string)
        }
        (POS, [Some(needle), Some(text)]) => {
            let (mut other, needle) = (Scratch::new(), needle.bytes(&mut scratch));
            let found = characters::find_in(text.bytes(&mut other), needle, 0);
            Some(Value::Int(found.map_or(0, |at| at as i64 + 1)))
        }
        _ => None,
    }
}

/// The number of the function of that name.
pub fn find(name: &[u8]) -> Option<u16> {
    TABLE.binary_search_by(|entry| entry.0.as_bytes().cmp(name)).ok().map(|at| at as u16)
}

/// Calls a function by its number.
///
/// # Errors
/// Error 40 with the argument that is wrong; whatever the function itself finds.
pub fn call(interpreter: &mut Interpreter, number: u16, arguments: &mut [Option<Value>]) -> Result<Value> {
    let (name, least, most, run) = &TABLE[usize::from(number)];
    if arguments.len() > usize::from(*most) {
        return Err(Error::new(40, 4, &[name.as_bytes(), &text_of(i64::from(*most))]));
    }
    if arguments.len() < usize::from(*least) {
        return Err(Error::new(40, 3, &[name.as_bytes(), &text_of(i64::from(*least))]));
    }
    if let Some(at) = arguments.iter().take(usize::from(*least)).position(Option::is_none) {
        return Err(Error::new(40, 5, &[name.as_bytes(), &text_of(at as i64 + 1)]));
    }
    for value in arguments.iter_mut().skip(TEXTS).flatten() {
        if value.as_string().is_none() {
            *value = Value::string(value.bytes(&mut Scratch::new()));
        }
    }
    run(interpreter, &Arguments { name, values: arguments, texts: Default::default() })
}

/// A number as text, for messages.
fn text_of(number: i64) -> alloc::vec::Vec<u8> {
    alloc::format!("{number}").into_bytes()
}

/// Of how many arguments the characters are made only when they are asked for: most numbers are counts.
const TEXTS: usize = 3;

/// The arguments of a call.
pub struct Arguments<'a> {
    name: &'static str,
    values: &'a [Option<Value>],
    /// The characters of the first ones that are numbers.
    texts: [OnceCell<Value>; TEXTS],
}

impl Arguments<'_> {
    /// How many there are.
    pub fn count(&self) -> usize {
        self.values.len()
    }

    /// An argument, from 0, when it is given.
    pub fn get(&self, at: usize) -> Option<&[u8]> {
        let value = self.values.get(at)?.as_ref()?;
        match value.as_string() {
            Some(text) => Some(text),
            None => self.texts.get(at)?.get_or_init(|| Value::string(value.bytes(&mut Scratch::new()))).as_string(),
        }
    }

    /// An argument; the null string when it is not given.
    pub fn text(&self, at: usize) -> &[u8] {
        self.get(at).unwrap_or_default()
    }

    /// An error about an argument: number 40 with that sub-code, whose message names the function, the argument, and its value.
    pub fn wrong(&self, at: usize, sub: u16) -> Error {
        Error::new(40, sub, &[self.name.as_bytes(), &text_of(at as i64 + 1), self.text(at)])
    }

    /// As [`Arguments::wrong`], for messages that name only the function and the value.
    pub fn unfit(&self, at: usize, sub: u16) -> Error {
        Error::new(40, sub, &[self.name.as_bytes(), self.text(at)])
    }

    /// The name of the function.
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// A whole number.
    pub fn whole(&self, at: usize) -> Result<Option<i64>> {
        if let Some(Some(Value::Int(number))) = self.values.get(at) {
            return Ok(Some(*number));
        }
        let Some(text) = self.get(at) else {
            return Ok(None);
        };
        // Nearly always a few digits.
        if (1..=15).contains(&text.len()) && text.iter().all(u8::is_ascii_digit) {
            return Ok(Some(text.iter().fold(0, |whole, digit| whole * 10 + i64::from(digit - b'0'))));
        }
        match Number::parse(text) {
            None => Err(self.wrong(at, 12)),
            Some(number) => number.to_int().map(Some).ok_or_else(|| self.wrong(at, 12)),
        }
    }

    /// A whole number of at least 0.
    pub fn count_at(&self, at: usize) -> Result<Option<usize>> {
        match self.whole(at)? {
            None => Ok(None),
            Some(number) => usize::try_from(number).map(Some).map_err(|_| self.wrong(at, 13)),
        }
    }

    /// A whole number of at least 1.
    pub fn position(&self, at: usize) -> Result<Option<usize>> {
        match self.whole(at)? {
            None => Ok(None),
            Some(number) if number > 0 => Ok(Some(number as usize)),
            Some(_) => Err(self.wrong(at, 14)),
        }
    }

    /// A single character.
    pub fn pad(&self, at: usize, without: u8) -> Result<u8> {
        match self.get(at) {
            None => Ok(without),
            Some([pad]) => Ok(*pad),
            Some(_) => Err(self.wrong(at, 23)),
        }
    }

    /// An option: the first character in capitals, which must be one of those.
    pub fn option(&self, at: usize, without: u8, options: &str) -> Result<u8> {
        let Some(text) = self.get(at) else {
            return Ok(without);
        };
        match text.first().map(u8::to_ascii_uppercase) {
            Some(option) if options.as_bytes().contains(&option) => Ok(option),
            Some(_) => Err(Error::new(40, 28, &[self.name.as_bytes(), &text_of(at as i64 + 1), options.as_bytes(), text])),
            None => Err(self.wrong(at, 21)),
        }
    }

    /// A number, rounded to that many digits.
    pub fn number(&self, at: usize, digits: u32) -> Result<Number> {
        Number::parse(self.text(at)).map(|number| number.rounded(digits)).ok_or_else(|| self.wrong(at, 11))
    }
}
