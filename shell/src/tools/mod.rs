//! The tools that users of CMS had to write for themselves: GREP, HEAD, TAIL, WC, DIFF, WHICH, HISTORY.

mod diff;
mod which;

use alloc::collections::VecDeque;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use crate::cp::Cp;
use crate::fileid::{Found, ModeSpec, Pattern};
use crate::message::{Outcome, Rc};
use crate::session::Shell;
use crate::words::{Words, is, number};

pub(crate) use which::History;

/// Lines that HEAD and TAIL show without a number.
const LINES: u32 = 10;
/// Bytes of lines that TAIL keeps in storage.
const TAIL_MAX: usize = 1 << 20;

impl<C: Cp> Shell<C> {
    /// Gives every line of a file to `take`, with its number from 1, until that answers `false`.
    pub(crate) fn each_line(&mut self, found: &Found, mut take: impl FnMut(&mut Self, u32, &[u8]) -> Result<bool, Rc>) -> Outcome {
        let mut source = self.open(found)?;
        let (mut line, mut at) = (Vec::new(), 0_u32);
        while self.next_line(&mut source, &mut line)? {
            at = at.saturating_add(1);
            if !take(self, at, &line)? {
                break;
            }
        }
        self.close(source)
    }

    /// The files that `fn ft [fm]` mean; patterns may mean several. With surplus operands it is message 070E.
    fn tool_files(&mut self, operands: &[String]) -> Result<Vec<Found>, Rc> {
        let [name, file_type, rest @ ..] = operands else {
            return Err(self.incomplete());
        };
        if let Some(surplus) = rest.get(1) {
            return Err(self.bad_operand(surplus));
        }
        let mode = rest.first().map_or("", String::as_str);
        let pattern = Pattern::new(name, file_type);
        if pattern.is_generic() {
            let spec = self.mode_spec(mode, ModeSpec::A)?;
            return self.matching(&pattern, spec);
        }
        Ok(Vec::from([self.locate(name, file_type, mode)?]))
    }

    /// The number behind a file id of one to three words, when the last operand is one; and the file id.
    fn counted_files<'a>(&mut self, words: &'a Words) -> Result<(u32, &'a [String]), Rc> {
        if let Some(option) = words.options.first() {
            return Err(self.bad_option(option));
        }
        match words.operands.split_last() {
            Some((last, before)) if before.len() >= 2 && number::<u32>(last).is_some() => Ok((number(last).unwrap_or(LINES), before)),
            _ => Ok((LINES, &words.operands)),
        }
    }

    /// HEAD: the first lines of files.
    pub(crate) fn head_command(&mut self, words: &Words) -> Outcome {
        let (count, operands) = self.counted_files(words)?;
        let files = self.tool_files(operands)?;
        for found in &files {
            self.file_title(found, files.len());
            self.each_line(found, |shell, at, line| {
                if at <= count {
                    shell.show_line(line);
                }
                Ok(at < count)
            })?;
        }
        Ok(())
    }

    /// TAIL: the last lines of files.
    pub(crate) fn tail_command(&mut self, words: &Words) -> Outcome {
        let (count, operands) = self.counted_files(words)?;
        let files = self.tool_files(operands)?;
        for found in &files {
            self.file_title(found, files.len());
            let (mut kept, mut size) = (VecDeque::new(), 0);
            self.each_line(found, |shell, _, line| {
                size += line.len();
                kept.push_back(line.to_vec());
                if kept.len() as u64 > u64::from(count) {
                    size -= kept.pop_front().map_or(0, |line: Vec<u8>| line.len());
                }
                match size <= TAIL_MAX {
                    true => Ok(true),
                    false => Err(shell.no_storage()),
                }
            })?;
            kept.iter().for_each(|line| self.show_line(line));
        }
        Ok(())
    }

    /// The id of a file above its lines, when there are several.
    fn file_title(&mut self, found: &Found, files: usize) {
        if files > 1 {
            self.say(format!("==> {found} <=="));
        }
    }

    /// WC: lines, words and bytes of files.
    pub(crate) fn wc_command(&mut self, words: &Words) -> Outcome {
        if let Some(option) = words.options.first() {
            return Err(self.bad_option(option));
        }
        let files = self.tool_files(&words.operands)?;
        let mut total = [0_u64; 3];
        for found in &files {
            let mut counts = [0_u64; 3];
            self.each_line(found, |_, _, line| {
                let words = line.split(|byte| byte.is_ascii_whitespace()).filter(|word| !word.is_empty()).count();
                let more = [1, words as u64, line.len() as u64];
                counts.iter_mut().zip(more).for_each(|(count, more)| *count += more);
                Ok(true)
            })?;
            total.iter_mut().zip(counts).for_each(|(total, count)| *total += count);
            let [lines, words, bytes] = counts;
            self.say(format!("{lines:>8} {words:>8} {bytes:>10} {found}"));
        }
        if files.len() > 1 {
            let [lines, words, bytes] = total;
            self.say(format!("{lines:>8} {words:>8} {bytes:>10} total"));
        }
        Ok(())
    }

    /// GREP: the lines of files in which a string stands. The string is a word, or anything between two equal delimiters.
    pub(crate) fn grep_command(&mut self, words: &Words) -> Outcome {
        let Some((wanted, rest)) = grep_string(&words.text) else {
            return Err(self.bad_operand(""));
        };
        let words = Words::parse(&[b"GREP ", rest].concat());
        let options = self.grep_options(&words)?;
        let files = self.tool_files(&words.operands)?;
        let wanted = if options.any_case { wanted.to_ascii_uppercase() } else { wanted.to_vec() };
        let mut found_any = false;
        for found in &files {
            let mut matches = 0_u32;
            self.each_line(found, |shell, at, line| {
                let there = match options.any_case {
                    true => contains(&line.to_ascii_uppercase(), &wanted),
                    false => contains(line, &wanted),
                };
                if there == options.not {
                    return Ok(true);
                }
                matches += 1;
                if !options.count {
                    let mut shown = if files.len() > 1 { format!("{found}:").into_bytes() } else { Vec::new() };
                    if options.number {
                        shown.extend_from_slice(format!("{at}:").as_bytes());
                    }
                    shown.extend_from_slice(line);
                    shell.show_line(&shown);
                }
                Ok(true)
            })?;
            if options.count {
                self.say(format!("{matches:>8} {found}"));
            }
            found_any |= matches > 0;
        }
        // As a search that finds nothing: no message, and a return code that an EXEC can ask for.
        if found_any { Ok(()) } else { Err(Rc(4)) }
    }

    fn grep_options(&mut self, words: &Words) -> Result<GrepOptions, Rc> {
        let mut options = GrepOptions::default();
        for option in &words.options {
            match option.as_str() {
                option if is(option, "ANYcase") => options.any_case = true,
                option if is(option, "COUnt") => options.count = true,
                option if is(option, "NOT") => options.not = true,
                option if is(option, "NUMber") => options.number = true,
                _ => return Err(self.bad_option(option)),
            }
        }
        Ok(options)
    }
}

/// The options of GREP.
#[derive(Clone, Copy, Debug, Default)]
struct GrepOptions {
    any_case: bool,
    count: bool,
    not: bool,
    number: bool,
}

/// The string that GREP looks for, and what follows it: `/a string/ fn ft fm`, or a word.
fn grep_string(text: &[u8]) -> Option<(&[u8], &[u8])> {
    let (&first, rest) = text.split_first()?;
    if first.is_ascii_alphanumeric() {
        let end = text.iter().position(u8::is_ascii_whitespace)?;
        return Some((&text[..end], &text[end..]));
    }
    let end = rest.iter().position(|byte| *byte == first).filter(|end| *end > 0)?;
    Some((&rest[..end], &rest[end + 1..]))
}

/// Whether a line has that string in it.
fn contains(line: &[u8], wanted: &[u8]) -> bool {
    line.windows(wanted.len()).any(|window| window == wanted)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_string_stands_between_delimiters_or_is_a_word() {
        assert_eq!(grep_string(b"/two words/ A B"), Some((&b"two words"[..], &b" A B"[..])));
        assert_eq!(grep_string(b"word A B"), Some((&b"word"[..], &b" A B"[..])));
        for wrong in [&b""[..], b"//", b"/open", b"word"] {
            assert_eq!(grep_string(wrong), None, "{wrong:?}");
        }
    }
}
