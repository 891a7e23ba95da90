//! From source text to statements: words with their places, comments and blank lines left out, continued lines joined.
//!
//! A comment has `*` as its first character that is not a blank. A statement whose line ends with a comma goes on in the next line. Small and
//! capital letters mean the same. On an 80-column card, eight digits in columns 73 to 80 are a sequence number and no part of the statement.

use std::collections::BTreeMap;
use std::ops::Range;

use nom::bytes::complete::{take_till, take_till1, take_while};
use nom::character::complete::char;
use nom::combinator::{opt, recognize};
use nom::multi::many0;
use nom::sequence::{preceded, terminated};
use nom::{IResult, Offset, Parser};

use super::diagnostic::{DirectoryError, Position, Problem};

/// Most bytes of a source.
pub const SOURCE_MAX: usize = 64 << 20;
/// Most lines of a source.
pub const LINES_MAX: u32 = 2_000_000;
/// Most bytes of a line.
pub const LINE_MAX: usize = 1024;
/// Most words of a statement, continuations included.
pub const WORDS_MAX: usize = 256;

/// One word and where it stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Word<'s> {
    pub(super) text: &'s str,
    pub(super) at: Position,
    /// Byte offset in the source.
    pub(super) offset: usize,
}

impl Word<'_> {
    /// Byte offset behind the word.
    pub(super) fn end(&self) -> usize {
        self.offset + self.text.len()
    }

    /// Whether the word is `full` or an abbreviation of it with at least `min` characters.
    pub(super) fn abbreviates(&self, full: &str, min: usize) -> bool {
        abbreviates(self.text, full, min)
    }
}

/// Whether `text` is `full`, in any case, or its beginning with at least `min` characters.
pub(super) fn abbreviates(text: &str, full: &str, min: usize) -> bool {
    text.len() >= min && full.get(..text.len()).is_some_and(|beginning| beginning.eq_ignore_ascii_case(text))
}

/// One statement: its words (at least one) and the bytes of the source that its lines take.
#[derive(Clone, Debug)]
pub(super) struct Statement<'s> {
    source: &'s str,
    pub(super) words: Vec<Word<'s>>,
    /// Where its first line begins.
    begins: Position,
    /// From the start of the first line to behind the end of the last, its line end included.
    pub(super) lines: Range<usize>,
}

impl<'s> Statement<'s> {
    /// The place of the first word.
    pub(super) fn at(&self) -> Position {
        self.words.first().map_or(self.begins, |word| word.at)
    }

    /// The text from word `from` on as written, blanks between words kept; continued lines are joined by one blank.
    pub(super) fn text_from(&self, from: usize) -> String {
        let words = self.words.get(from..).unwrap_or_default();
        let lines = words.chunk_by(|a, b| a.at.line == b.at.line).filter_map(|line| {
            let (first, last) = (line.first()?, line.last()?);
            self.source.get(first.offset..last.end())
        });
        lines.collect::<Vec<_>>().join(" ")
    }
}

fn is_blank(c: char) -> bool {
    c == ' ' || c == '\t'
}

/// A line without its end; the rest begins behind the line end.
fn line(input: &str) -> IResult<&str, &str> {
    terminated(take_till(|c| c == '\n'), opt(char('\n'))).parse(input)
}

/// The words of a line.
fn words(input: &str) -> IResult<&str, Vec<&str>> {
    many0(preceded(take_while(is_blank), take_till1(is_blank))).parse(input)
}

/// `*` behind any number of blanks.
fn is_comment(line: &str) -> bool {
    let mut comment = recognize((take_while(is_blank), char::<_, nom::error::Error<&str>>('*')));
    comment.parse(line).is_ok()
}

/// Cuts what is no part of a statement: a carriage return, and the sequence number of a card.
fn statement_part(line: &str) -> &str {
    let line = line.strip_suffix('\r').unwrap_or(line);
    match (line.len() == 80).then(|| line.split_at_checked(72)).flatten() {
        Some((card, number)) if number.bytes().all(|b| b.is_ascii_digit()) => card,
        _ => line,
    }
}

/// Replaces pieces of a source, each a word of a statement, by other text.
///
/// On a card, whose columns 73 to 80 would move, the sequence number is taken off as well: it would be read as an operand.
pub(super) fn splice<'t>(source: &str, pieces: impl IntoIterator<Item = (Range<usize>, &'t str)>) -> String {
    let mut edits = BTreeMap::new();
    for (range, text) in pieces {
        let line_start = source[..range.start].rfind('\n').map_or(0, |end| end + 1);
        let line_length = source[line_start..].find('\n').unwrap_or(source.len() - line_start);
        let line = &source[line_start..line_start + line_length];
        let line = line.strip_suffix('\r').unwrap_or(line);
        let kept = statement_part(line);
        if kept.len() < line.len() {
            edits.insert(line_start + kept.trim_end().len(), (line_start + line.len(), ""));
        }
        edits.insert(range.start, (range.end, text));
    }
    let mut edited = String::with_capacity(source.len() + edits.len() * 100);
    let mut copied = 0;
    for (start, (end, text)) in edits {
        edited.push_str(&source[copied..start]);
        edited.push_str(text);
        copied = end;
    }
    edited.push_str(&source[copied..]);
    edited
}

/// Reads a source statement by statement; a line that cannot be read is an error, and reading goes on behind it.
pub(super) struct Scanner<'s> {
    source: &'s str,
    rest: &'s str,
    /// Lines read so far.
    line: u32,
    /// A statement whose last line ended with a comma.
    open: Option<Statement<'s>>,
}

impl<'s> Scanner<'s> {
    pub(super) fn new(source: &'s str) -> Self {
        Self { source, rest: source, line: 0, open: None }
    }

    /// The next line's statement; `Ok(None)` when the line completes none.
    fn read_line(&mut self) -> Result<Option<Statement<'s>>, DirectoryError> {
        // `line` takes any text: an error would mean no progress, so it ends the source.
        let (behind, whole) = line(self.rest).unwrap_or(("", ""));
        let place = self.source.offset(self.rest)..self.source.len() - behind.len();
        self.rest = behind;
        self.line += 1;
        let at = Position { line: self.line, column: 1 };
        if self.source.len() > SOURCE_MAX || self.line > LINES_MAX {
            self.rest = "";
            let problem = Problem::TooLarge("at most 64 MiB and 2000000 lines");
            return Err(DirectoryError { at, problem });
        }
        let text = statement_part(whole);
        let blank = text.chars().all(is_blank);
        if is_comment(text) || (blank && self.open.is_none()) {
            return Ok(None);
        }
        readable(text, self.line)?;
        let (source, lines) = (self.source, place.clone());
        let begun = self.open.take();
        let mut statement = begun.unwrap_or_else(|| Statement { source, words: Vec::new(), begins: at, lines });
        statement.lines.end = place.end;
        let continued = append_words(&mut statement, text, self.line);
        if statement.words.len() > WORDS_MAX {
            let problem = Problem::TooLong("256 words at most");
            return Err(DirectoryError { at: statement.at(), problem });
        }
        if continued {
            self.open = Some(statement);
            return Ok(None);
        }
        Ok(Some(statement).filter(|statement| !statement.words.is_empty()))
    }
}

impl<'s> Iterator for Scanner<'s> {
    type Item = Result<Statement<'s>, DirectoryError>;

    fn next(&mut self) -> Option<Self::Item> {
        while !self.rest.is_empty() {
            if let Some(found) = self.read_line().transpose() {
                return Some(found);
            }
        }
        let open = self.open.take()?;
        Some(Err(DirectoryError { at: open.at(), problem: Problem::OpenContinuation }))
    }
}

fn readable(text: &str, line: u32) -> Result<(), DirectoryError> {
    if text.len() > LINE_MAX {
        let at = Position { line, column: 1 };
        return Err(DirectoryError { at, problem: Problem::TooLong("1024 bytes in a line at most") });
    }
    let Some(index) = text.chars().position(|c| c.is_control() && c != '\t') else {
        return Ok(());
    };
    let column = u32::try_from(index + 1).unwrap_or(u32::MAX);
    Err(DirectoryError { at: Position { line, column }, problem: Problem::ControlCharacter })
}

/// Adds the words of a line and says whether the statement goes on in the next one.
fn append_words<'s>(statement: &mut Statement<'s>, text: &'s str, line: u32) -> bool {
    let found = words(text).map(|(_, found)| found).unwrap_or_default();
    let last = found.len().saturating_sub(1);
    let mut continued = false;
    for (index, word) in found.into_iter().enumerate() {
        let start = text.offset(word);
        let column = text[..start].chars().count() + 1;
        let at = Position { line, column: u32::try_from(column).unwrap_or(u32::MAX) };
        let text = match word.strip_suffix(',') {
            Some(cut) if index == last => {
                continued = true;
                cut
            }
            _ => word,
        };
        if !text.is_empty() {
            statement.words.push(Word { text, at, offset: statement.source.offset(word) });
        }
    }
    continued
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The words of each statement, and the errors.
    fn scan(source: &str) -> (Vec<Vec<String>>, Vec<DirectoryError>) {
        let (mut found, mut errors) = (Vec::new(), Vec::new());
        for statement in Scanner::new(source) {
            match statement {
                Ok(s) => found.push(s.words.iter().map(|word| word.text.to_owned()).collect()),
                Err(error) => errors.push(error),
            }
        }
        (found, errors)
    }

    fn first(source: &str) -> Statement<'_> {
        Scanner::new(source).next().unwrap().unwrap()
    }

    #[test]
    fn comments_blank_lines_and_line_ends_are_no_statements() {
        let (found, errors) = scan("* all of this\r\n\r\n   * and this\nUSER A B\r\n\tIPL CMS");
        assert_eq!(found, [vec!["USER", "A", "B"], vec!["IPL", "CMS"]]);
        assert!(errors.is_empty());
    }

    #[test]
    fn a_comma_at_the_end_of_a_line_goes_on_in_the_next() {
        let (found, _) = scan("OPTION LNKNOPAS,\n* why\n   QUICKDSP ,\n SVMSTAT\nIPL CMS\n");
        assert_eq!(found, [vec!["OPTION", "LNKNOPAS", "QUICKDSP", "SVMSTAT"], vec!["IPL", "CMS"]]);
        assert_eq!(scan(",").1[0].at, Position { line: 1, column: 1 });
        let (_, errors) = scan("USER A B\nOPTION X,");
        assert_eq!(errors[0].problem, Problem::OpenContinuation);
        assert_eq!(errors[0].at, Position { line: 2, column: 1 });
    }

    #[test]
    fn columns_73_to_80_of_a_card_are_a_sequence_number() {
        let card = format!("{:<72}{}", "IPL CMS", "00000100");
        assert_eq!(scan(&card).0, [vec!["IPL", "CMS"]]);
        let long = format!("{:<72}{}", "IPL CMS PARM", "AUTOCR12");
        assert_eq!(scan(&long).0, [vec!["IPL", "CMS", "PARM", "AUTOCR12"]]);
    }

    #[test]
    fn words_know_where_they_stand() {
        let source = "* x\n  LINK é MAINT\n";
        let found = first(source);
        let word = found.words[2];
        assert_eq!((word.text, word.at), ("MAINT", Position { line: 2, column: 10 }));
        assert_eq!(&source[word.offset..word.end()], "MAINT");
        assert_eq!(&source[found.lines.clone()], "  LINK é MAINT\n");
    }

    #[test]
    fn raw_text_keeps_its_blanks() {
        let found = first("COMMAND  MSG  OP  two  words,\n  and  more  \n");
        assert_eq!(found.text_from(1), "MSG  OP  two  words and  more");
    }

    #[test]
    fn what_cannot_be_read_is_named() {
        let long = "A".repeat(LINE_MAX + 1);
        assert_eq!(scan(&long).1[0].problem, Problem::TooLong("1024 bytes in a line at most"));
        let (_, errors) = scan("USER A\u{7}B C");
        assert_eq!(errors[0].problem, Problem::ControlCharacter);
        assert_eq!(errors[0].at, Position { line: 1, column: 7 });
        let words = "W ".repeat(100) + ",\n";
        assert!(scan(&words.repeat(4)).1.iter().any(|e| matches!(e.problem, Problem::TooLong(_))));
    }
}
