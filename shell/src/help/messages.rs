//! HELP for messages: who says a message, what it says and with which return code, out of the messages that the help files list.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use super::COMPONENTS;
use crate::cp::Cp;
use crate::fileid::{ModeSpec, Pattern};
use crate::message::{Outcome, Rc};
use crate::session::Shell;
use crate::words::number;

/// Lines that an explanation of one message has at most.
const LINES: usize = 8;

/// A message as it is asked for: `DMSERS002E`, `DMS002E`, `DMSxxx002`, `HCPLNM114E`, `HCP114`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Number {
    prefix: String,
    /// The letters of who says it; empty: anybody.
    says: String,
    number: u32,
}

impl Number {
    pub(super) fn parse(word: &str) -> Option<Self> {
        let prefix = word.get(..3).filter(|prefix| matches!(*prefix, "DMS" | "HCP"))?;
        let rest = word.get(3..)?.trim_end_matches(|c: char| c.is_ascii_alphabetic());
        let (says, digits) = rest.split_at(rest.find(|c: char| c.is_ascii_digit())?);
        if !(says.is_empty() || says.len() == 3) || !(1..=4).contains(&digits.len()) {
            return None;
        }
        let says = if says == "XXX" { "" } else { says };
        Some(Self { prefix: String::from(prefix), says: String::from(says), number: number(digits)? })
    }

    /// Whether it is the message that a line of a help file begins with.
    fn begins(&self, line: &str) -> bool {
        let word = line.split(' ').next().unwrap_or("");
        Number::parse(word).is_some_and(|own| {
            own.prefix == self.prefix && own.number == self.number && (self.says.is_empty() || own.says.is_empty() || own.says == self.says)
        })
    }
}

impl<C: Cp> Shell<C> {
    /// HELP [MESSAGE] id
    pub(super) fn help_message(&mut self, wanted: &Number) -> Outcome {
        let mut told = false;
        for (component, file_type, _) in COMPONENTS {
            let files = self.disks.matching(&Pattern::new("*", file_type), ModeSpec::ANY).unwrap_or_default();
            for found in files {
                let lines = self.lines_of_message(&found, wanted)?;
                if lines.is_empty() {
                    continue;
                }
                told = true;
                self.say(format!("{} (HELP {component} {})", found.entry.id.name(), found.entry.id.name()));
                lines.iter().for_each(|line| self.say(line));
            }
        }
        if !told
            && wanted.prefix == "DMS"
            && let Some(text) = crate::repository::own_text(wanted.number)
        {
            told = true;
            self.say(format!("DMS{}{:03} {text}", wanted.says, wanted.number));
        }
        if told { Ok(()) } else { Err(self.no_help(&format!("{}{}{:03}", wanted.prefix, wanted.says, wanted.number))) }
    }

    /// What a help file says of a message: its line and those that go on with it.
    fn lines_of_message(&mut self, found: &crate::fileid::Found, wanted: &Number) -> Result<Vec<String>, Rc> {
        let mut source = self.open(found)?;
        let (mut line, mut lines, mut taking) = (Vec::new(), Vec::new(), false);
        while self.next_line(&mut source, &mut line)? && lines.len() < LINES {
            let text = String::from_utf8_lossy(&line);
            let indent = text.len() - text.trim_start().len();
            taking = indent > 0 && if indent > 4 { taking } else { wanted.begins(text.trim_start()) };
            if taking {
                lines.push(String::from(text.trim_end()));
            }
        }
        Ok(lines)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_are_known_by_their_letters_and_number() {
        let parsed = |word| Number::parse(word).map(|number| (number.prefix, number.says, number.number));
        assert_eq!(parsed("DMSERS002E"), Some(("DMS".into(), "ERS".into(), 2)));
        assert_eq!(parsed("DMSXXX015"), Some(("DMS".into(), "".into(), 15)));
        assert_eq!(parsed("DMS002"), Some(("DMS".into(), "".into(), 2)));
        assert_eq!(parsed("HCPLNM114E"), Some(("HCP".into(), "LNM".into(), 114)));
        for word in ["DMS", "DMSERS", "DMSX002", "ABC002", "DMSERS12345", "HCP\u{e9}1"] {
            assert_eq!(parsed(word), None, "{word}");
        }
        assert!(Number::parse("DMSERS002").is_some_and(|number| number.begins("DMSERS002E File fn ft fm not found")));
        assert!(Number::parse("DMS002").is_some_and(|number| number.begins("DMSTYP002E File")));
        assert!(!Number::parse("DMSTYP002").is_some_and(|number| number.begins("DMSERS002E File")));
    }
}
