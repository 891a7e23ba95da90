//! The operands of one statement, taken from left to right; every failure knows its statement, line and column.

use std::ops::RangeInclusive;
use std::str::FromStr;

use nom::character::complete::{char, digit1};
use nom::combinator::{all_consuming, map_res, opt};
use nom::sequence::{preceded, terminated};
use nom::{IResult, Parser};

use super::diagnostic::{DirectoryError, Position, Problem};
use super::model::ShareAmount;
use super::names::NameError;
use super::password::{PASSWORD_MAX, SecretError, SecretHash, TOKEN_PREFIX};
use super::scan::{Statement, Word};

/// What an operand parser answers.
pub(super) type Parsed<T> = Result<T, DirectoryError>;

/// A cursor over the words behind the statement's name.
pub(super) struct Operands<'a, 's> {
    /// The statement's full name, for messages.
    pub(super) name: &'static str,
    pub(super) statement: &'a Statement<'s>,
    next: usize,
    /// Clear-text secrets seen so far, in source order.
    secrets: &'a mut Vec<Word<'s>>,
}

impl<'a, 's> Operands<'a, 's> {
    pub(super) fn new(name: &'static str, statement: &'a Statement<'s>, secrets: &'a mut Vec<Word<'s>>) -> Self {
        Self { name, statement, next: 1, secrets }
    }

    /// The next word, left in place.
    pub(super) fn peek(&self) -> Option<Word<'s>> {
        self.statement.words.get(self.next).copied()
    }

    /// The next word.
    pub(super) fn take(&mut self) -> Option<Word<'s>> {
        let word = self.peek()?;
        self.next += 1;
        Some(word)
    }

    /// The next word when it is `full` or an abbreviation of at least `min` characters.
    pub(super) fn keyword(&mut self, full: &str, min: usize) -> Option<Word<'s>> {
        let word = self.peek().filter(|word| word.abbreviates(full, min))?;
        self.next += 1;
        Some(word)
    }

    /// The next word, which must be there.
    pub(super) fn require(&mut self, operand: &'static str) -> Parsed<Word<'s>> {
        self.take().ok_or_else(|| {
            let last = self.statement.words.last();
            let width = last.map_or(0, |word| u32::try_from(word.text.chars().count()).unwrap_or(0));
            let at = last.map_or_else(Position::default, |word| word.at);
            let at = Position { column: at.column.saturating_add(width), ..at };
            DirectoryError { at, problem: Problem::OperandMissing { statement: self.name, operand } }
        })
    }

    /// The next word as a value with a form of its own.
    pub(super) fn require_name<T: FromStr<Err = NameError>>(&mut self, operand: &'static str) -> Parsed<T> {
        let word = self.require(operand)?;
        self.name_of(word)
    }

    /// `word` as a value with a form of its own.
    pub(super) fn name_of<T: FromStr<Err = NameError>>(&self, word: Word<'_>) -> Parsed<T> {
        let problem = |error| Problem::Name { statement: self.name, error };
        word.text.parse().map_err(|error| DirectoryError { at: word.at, problem: problem(error) })
    }

    /// `word` as a decimal number in `range`.
    pub(super) fn number(&self, word: Word<'_>, range: RangeInclusive<u32>, expected: &'static str) -> Parsed<u32> {
        let number = all_consuming(decimal).parse(word.text).ok().map(|(_, number)| number);
        number.filter(|number| range.contains(number)).ok_or_else(|| self.invalid(word, expected))
    }

    /// That `word` is not what should stand there.
    pub(super) fn invalid(&self, word: Word<'_>, expected: &'static str) -> DirectoryError {
        let found = word.text.chars().take(40).collect();
        let problem = Problem::InvalidOperand { statement: self.name, found, expected };
        DirectoryError { at: word.at, problem }
    }

    /// A list of names up to the end, at least one and at most `most`.
    pub(super) fn names<T: FromStr<Err = NameError>>(&mut self, operand: &'static str, most: usize) -> Parsed<Vec<T>> {
        let mut names = vec![self.require_name(operand)?];
        while names.len() < most
            && let Some(word) = self.take()
        {
            names.push(self.name_of(word)?);
        }
        self.finish()?;
        Ok(names)
    }

    /// The rest of the statement as written, from the next word on.
    pub(super) fn rest(&mut self) -> String {
        let text = self.statement.text_from(self.next);
        self.next = self.statement.words.len();
        text
    }

    /// Takes a secret: a token as it is, clear text to be hashed when the whole source has been found good.
    pub(super) fn secret(&mut self, word: Word<'s>) -> Parsed<SecretHash> {
        let failed = |error| DirectoryError { at: word.at, problem: Problem::Secret(error) };
        if word.text.starts_with(TOKEN_PREFIX) {
            return SecretHash::from_token(word.text).map_err(failed);
        }
        if word.text.len() > PASSWORD_MAX {
            return Err(failed(SecretError::BadLength));
        }
        self.secrets.push(word);
        Ok(SecretHash::pending())
    }

    /// That no word is left.
    pub(super) fn finish(&mut self) -> Parsed<()> {
        match self.take() {
            None => Ok(()),
            Some(word) => {
                let problem = Problem::ExtraOperand { statement: self.name };
                Err(DirectoryError { at: word.at, problem })
            }
        }
    }
}

/// A decimal number; leading zeros are allowed, a sign is not.
fn decimal(input: &str) -> IResult<&str, u32> {
    map_res(digit1, str::parse).parse(input)
}

/// `5`, `5%` or `5.5%` as tenths of a percent, 1 to 1000.
pub fn percent(input: &str) -> Option<ShareAmount> {
    let tenth = map_res(digit1, |digits: &str| {
        // One decimal place is what SHARE knows.
        (digits.len() == 1).then(|| digits.parse::<u32>()).and_then(Result::ok).ok_or(())
    });
    let mut form = all_consuming(terminated((decimal, opt(preceded(char('.'), tenth))), opt(char('%'))));
    let parsed: IResult<&str, (u32, Option<u32>)> = form.parse(input);
    let (_, (whole, tenths)) = parsed.ok()?;
    let tenths = whole.checked_mul(10)?.checked_add(tenths.unwrap_or(0))?;
    let tenths = u16::try_from(tenths).ok().filter(|tenths| (1..=1000).contains(tenths))?;
    Some(ShareAmount::Absolute { tenths })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_percentage_has_one_decimal_place_and_is_at_most_100() {
        let tenths = |text| {
            percent(text).map(|amount| match amount {
                ShareAmount::Absolute { tenths } => tenths,
                ShareAmount::Relative(_) => 0,
            })
        };
        for (text, expected) in [("5%", 50), ("5", 50), ("0.1%", 1), ("12.5", 125), ("100%", 1000)] {
            assert_eq!(tenths(text), Some(expected), "{text}");
        }
        for bad in ["", "%", "0%", "100.1%", "1.25%", "5.%", ".5%", "-1%", "5%%", "99999999999%"] {
            assert_eq!(tenths(bad), None, "{bad}");
        }
    }
}
