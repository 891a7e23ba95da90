//! Logical lines: what CP makes of one line typed at a console. Pure.
//!
//! The rules are those of TERMINAL LINEND, ESCAPE, CHARDEL and LINEDEL of CP: `#` ends a logical line, `"` takes the next character as it
//! stands, `@` deletes the character before it, and the line-delete character the logical line so far. A terminal of today edits
//! before it sends, so CHARDEL and LINEDEL are off until asked for (mail addresses keep their `@`).

use crate::text::LINE_MAX;

/// The line-editing characters of a console, as TERMINAL sets them; `None` is OFF.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LineEdit {
    /// Ends a logical line.
    pub linend: Option<char>,
    /// The next character stands for itself.
    pub escape: Option<char>,
    /// Deletes the character before it.
    pub chardel: Option<char>,
    /// Deletes the logical line so far.
    pub linedel: Option<char>,
}

impl Default for LineEdit {
    /// LINEND `#`, ESCAPE `"`, CHARDEL and LINEDEL off.
    fn default() -> Self {
        Self { linend: Some('#'), escape: Some('"'), chardel: None, linedel: None }
    }
}

impl LineEdit {
    /// All four off: what a password or a hidden read is taken with.
    pub const OFF: Self = Self { linend: None, escape: None, chardel: None, linedel: None };
}

/// One logical line and whom it is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogicalLine {
    /// The line, editing characters done with.
    pub text: String,
    /// It was entered as `#CP text`: CP executes it at once, whatever reads. Empty: enter CP READ.
    pub to_cp: bool,
}

/// Splits a typed line into its logical lines, at least one.
///
/// A line that begins with LINEND and `CP` is for CP, with every logical line after it (`#CP SET RUN ON#QUERY TIME` is two CP commands).
/// Elsewhere `#CP` is an ordinary logical line for whoever reads. At most [`LINE_MAX`] characters of input are looked at.
pub fn logical_lines(input: &str, edit: &LineEdit) -> Vec<LogicalLine> {
    let (to_cp, rest) = match immediate(input, edit) {
        Some(rest) => (true, rest),
        None => (false, input),
    };
    let mut done = Vec::new();
    let mut now = String::new();
    let mut characters = rest.chars().take(LINE_MAX);
    while let Some(c) = characters.next() {
        let c = Some(c);
        if c == edit.escape {
            // An escape at the very end stands for itself.
            now.push(characters.next().or(edit.escape).unwrap_or_default());
        } else if c == edit.linend {
            done.push(LogicalLine { text: std::mem::take(&mut now), to_cp });
        } else if c == edit.chardel {
            now.pop();
        } else if c == edit.linedel {
            now.clear();
        } else {
            now.extend(c);
        }
    }
    // A LINEND at the end of the line ends the last logical line; it does not begin an empty one.
    if done.is_empty() || !now.is_empty() {
        done.push(LogicalLine { text: now, to_cp });
    }
    done
}

/// What follows `#CP` and its blanks, when the line begins so.
fn immediate<'a>(input: &'a str, edit: &LineEdit) -> Option<&'a str> {
    let rest = input.strip_prefix(edit.linend?)?;
    let word = rest.get(..2)?;
    let rest = rest.get(2..)?;
    let ends = rest.chars().next().is_none_or(|c| c == ' ' || Some(c) == edit.linend);
    if !word.eq_ignore_ascii_case("CP") || !ends {
        return None;
    }
    let rest = rest.trim_start_matches(' ');
    // `#CP#Q TIME`: the empty command would enter CP READ; on VM it is skipped when more follows.
    Some(match edit.linend.and_then(|end| rest.strip_prefix(end)) {
        Some(more) if !more.is_empty() => more,
        _ => rest,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn split(input: &str, edit: &LineEdit) -> Vec<(String, bool)> {
        logical_lines(input, edit).into_iter().map(|line| (line.text, line.to_cp)).collect()
    }

    #[test]
    fn the_rules_as_a_table() {
        let modern = LineEdit::default();
        let classic = LineEdit { chardel: Some('@'), linedel: Some('¢'), ..modern };
        let guest = |text: &str| (text.to_string(), false);
        let cp = |text: &str| (text.to_string(), true);
        for (input, edit, expected) in [
            ("", modern, vec![guest("")]),
            ("listfile", modern, vec![guest("listfile")]),
            ("  two blanks", modern, vec![guest("  two blanks")]),
            ("one#two", modern, vec![guest("one"), guest("two")]),
            ("one##two", modern, vec![guest("one"), guest(""), guest("two")]),
            ("one#", modern, vec![guest("one")]),
            ("#", modern, vec![guest("")]),
            ("#one", modern, vec![guest(""), guest("one")]),
            ("a\"#b", modern, vec![guest("a#b")]),
            ("say \"\"hi\"\"", modern, vec![guest("say \"hi\"")]),
            ("end\"", modern, vec![guest("end\"")]),
            ("mail a@b.c", modern, vec![guest("mail a@b.c")]),
            ("lisk@tfile", classic, vec![guest("listfile")]),
            ("@@x", classic, vec![guest("x")]),
            ("wrong¢right", classic, vec![guest("right")]),
            ("keep#wrong¢right", classic, vec![guest("keep"), guest("right")]),
            ("a\"@b", classic, vec![guest("a@b")]),
            ("#CP QUERY TIME", modern, vec![cp("QUERY TIME")]),
            ("#cp q time#q users", modern, vec![cp("q time"), cp("q users")]),
            ("#CP", modern, vec![cp("")]),
            ("#cp   ", modern, vec![cp("")]),
            ("#CP#BEGIN", modern, vec![cp("BEGIN")]),
            ("#CPU 1", modern, vec![guest(""), guest("CPU 1")]),
            ("x#cp q time", modern, vec![guest("x"), guest("cp q time")]),
            ("#CP MSG OP a\"#b", modern, vec![cp("MSG OP a#b")]),
            ("#CP Q", LineEdit::OFF, vec![guest("#CP Q")]),
        ] {
            assert_eq!(split(input, &edit), expected, "{input:?}");
        }
    }

    proptest! {
        #[test]
        fn any_line_has_at_least_one_logical_line(input in any::<String>(), all in any::<bool>()) {
            let edit = if all { LineEdit { chardel: Some('@'), linedel: Some('¢'), ..LineEdit::default() } } else { LineEdit::default() };
            prop_assert!(!logical_lines(&input, &edit).is_empty());
        }

        #[test]
        fn with_everything_off_a_line_is_itself(input in "[ -~]{0,200}") {
            prop_assert_eq!(split(&input, &LineEdit::OFF), vec![(input, false)]);
        }

        #[test]
        fn an_escaped_line_comes_back_whole(input in "[ -~]{1,200}") {
            let escaped: String = input.chars().flat_map(|c| ['"', c]).collect();
            prop_assert_eq!(split(&escaped, &LineEdit::default()), vec![(input, false)]);
        }
    }
}
