//! Passwords in the text of a command, taken out before a typed line is kept. Pure.

use console::{LineEdit, logical_lines};

use crate::command::operands::is;
use crate::directory::LinkMode;

/// What stands in a password's place.
const MASK: &str = "********";

/// A typed line as it may be kept: its logical lines with the passwords of LINK, LOGON and AUTOLOG masked.
pub(super) fn without_secrets(typed: &str, edit: &LineEdit) -> String {
    let lines = logical_lines(typed, edit);
    let end = edit.linend.map_or_else(|| "#".to_string(), String::from);
    let mut kept = if lines.first().is_some_and(|line| line.to_cp) { format!("{end}CP ") } else { String::new() };
    for (number, line) in lines.iter().enumerate() {
        if number > 0 {
            kept.push_str(&end);
        }
        kept.push_str(&masked(&line.text));
    }
    kept
}

/// One command, however it is reached: typed in CP mode, behind `CP`, or to CMS, which passes it on.
fn masked(text: &str) -> String {
    let mut words = Words { text, at: 0, before: 0 };
    let mut first = words.next();
    while let Some(word) = first {
        // AT sysid, FOR userid: CMD may stand before the command.
        if is(word, "AT") || is(word, "FOR") {
            words.next();
        } else if !(is(word, "CP") || is(word, "COMMAND") || is(word, "CMD")) {
            break;
        }
        first = words.next();
    }
    let secret_follows = match first {
        Some(word) if is(word, "LINK") => skip_link(&mut words),
        Some(word) if is(word, "LOGOn") || is(word, "LOGIn") || is(word, "AUTOLOg") => words.next().is_some(),
        Some(word) if is(word, "XAUTOLOg") => words.by_ref().any(|word| is(word, "PASSword")),
        _ => false,
    };
    if secret_follows && words.by_ref().next().is_some() {
        return format!("{}{MASK}", &text[..words.before]);
    }
    text.to_string()
}

/// Passes over `[TO] userid vdev [AS] vdev [mode]`; whatever is behind it is a password.
fn skip_link(words: &mut Words<'_>) -> bool {
    if words.peek().is_some_and(|word| is(word, "TO")) {
        words.next();
    }
    if words.next().is_none() || words.next().is_none() {
        return false;
    }
    if words.peek().is_some_and(|word| is(word, "AS")) {
        words.next();
    }
    if words.next().is_none() {
        return false;
    }
    if words.peek().is_some_and(|word| word.parse::<LinkMode>().is_ok()) {
        words.next();
    }
    true
}

/// The words of a line and where they begin.
struct Words<'a> {
    text: &'a str,
    at: usize,
    /// Where the last word given begins.
    before: usize,
}

impl<'a> Words<'a> {
    fn peek(&self) -> Option<&'a str> {
        Words { ..*self }.next()
    }
}

impl<'a> Iterator for Words<'a> {
    type Item = &'a str;

    fn next(&mut self) -> Option<&'a str> {
        let rest = &self.text[self.at..];
        let begin = self.at + rest.find(|c: char| c != ' ')?;
        let length = self.text[begin..].find(' ').unwrap_or(self.text.len() - begin);
        (self.before, self.at) = (begin, begin + length);
        Some(&self.text[begin..begin + length])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn kept(line: &str) -> String {
        without_secrets(line, &LineEdit::default())
    }

    #[test]
    fn passwords_in_commands_are_masked_and_nothing_else_is() {
        for (line, shown) in [
            ("link maint 191 291 rr sesame", "link maint 191 291 rr ********"),
            ("LINK TO MAINT 191 AS 291 sesame", "LINK TO MAINT 191 AS 291 ********"),
            ("cp link maint 191 291 mr pass= sesame", "cp link maint 191 291 mr ********"),
            ("#cp link maint 191 291 rr sesame#q t", "#CP link maint 191 291 rr ********#q t"),
            ("link maint 191 291 rr ses\"#ame", "link maint 191 291 rr ********"),
            ("  Command   link maint 191 291 w  sesame", "  Command   link maint 191 291 w  ********"),
            ("autolog maint sesame", "autolog maint ********"),
            ("autolo maint sesame more", "autolo maint ********"),
            ("xautolog maint noipl password sesame", "xautolog maint noipl password ********"),
            ("logon maint sesame", "logon maint ********"),
            ("at cp64 cmd link maint 191 291 rr sesame", "at cp64 cmd link maint 191 291 rr ********"),
            ("for alan cmd link maint 191 291 rr sesame", "for alan cmd link maint 191 291 rr ********"),
            ("link maint 191 291 rr", "link maint 191 291 rr"),
            ("xautolog maint", "xautolog maint"),
            ("l * exec a", "l * exec a"),
            ("msg op logon maint sesame", "msg op logon maint sesame"),
            ("", ""),
        ] {
            assert_eq!(kept(line), shown, "{line}");
        }
    }

    proptest! {
        #[test]
        fn a_password_is_masked_wherever_blanks_and_line_ends_stand(blanks in " {1,4}", before in "[a-z# ]{0,12}", secret in "[a-z0-9]{8}Z") {
            let line = format!("{before}#{blanks}link{blanks}a 1{blanks}2 rr{blanks}{secret}");
            prop_assert!(!kept(&line).contains(&secret), "{}", kept(&line));
        }

        #[test]
        fn any_line_can_be_kept(line in "\\PC{0,80}") {
            let _ = kept(&line);
        }
    }
}
