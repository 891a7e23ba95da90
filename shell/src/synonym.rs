//! SYNONYM: a user's own names for commands, from a file; QUERY SYNONYM.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use crate::cp::Cp;
use crate::message::{Outcome, Rc};
use crate::session::Shell;
use crate::words::{Words, abbreviates, is, number};

/// Most synonyms.
const SYNONYMS: usize = 500;

/// A user's own name for a command.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Synonym {
    command: String,
    name: String,
    /// Characters that an abbreviation must have.
    minimum: usize,
}

/// The synonyms in force.
#[derive(Clone, Debug, Default)]
pub(crate) struct Synonyms(Vec<Synonym>);

impl Synonyms {
    /// The command that a word is a synonym of, or with abbreviations one that it abbreviates.
    pub(crate) fn command(&self, word: &str, abbreviations: bool) -> Option<String> {
        let exact = self.0.iter().find(|synonym| synonym.name == word);
        let abbreviated = || self.0.iter().find(|synonym| abbreviations && abbreviates(word, &synonym.name, synonym.minimum));
        exact.or_else(abbreviated).map(|synonym| synonym.command.clone())
    }
}

/// A line of a synonym file: the command, the synonym, the length of its shortest form. Comments and empty lines are none.
fn parse(line: &[u8]) -> Option<Result<Synonym, ()>> {
    let text = String::from_utf8_lossy(line).to_ascii_uppercase();
    let words: Vec<&str> = text.split_whitespace().collect();
    if words.is_empty() || words[0].starts_with('*') {
        return None;
    }
    let [command, name, rest @ ..] = words.as_slice() else {
        return Some(Err(()));
    };
    let minimum = match rest {
        [] => Some(name.len()),
        [word] => number::<usize>(word).filter(|minimum| (1..=name.len()).contains(minimum)),
        _ => None,
    };
    let fits = |word: &str| word.len() <= 8;
    match minimum {
        Some(minimum) if fits(command) && fits(name) => {
            Some(Ok(Synonym { command: String::from(*command), name: String::from(*name), minimum }))
        }
        _ => Some(Err(())),
    }
}

impl<C: Cp> Shell<C> {
    /// SYNONYM: takes the synonyms of a file into force; without one shows those that are.
    pub(crate) fn synonym_command(&mut self, words: &Words) -> Outcome {
        let mut clear = false;
        for option in &words.options {
            match option.as_str() {
                option if is(option, "STD") => self.session.settings.abbreviations = true,
                option if is(option, "NOSTD") => self.session.settings.abbreviations = false,
                option if is(option, "CLEAR") => clear = true,
                _ => return Err(self.bad_option(option)),
            }
        }
        self.cp.remember(&self.session);
        if clear {
            self.synonyms.0.clear();
        }
        let [name, rest @ ..] = words.operands.as_slice() else {
            return if words.options.is_empty() { self.query_synonym("USER") } else { Ok(()) };
        };
        let file_type = rest.first().map_or("SYNONYM", String::as_str);
        if let Some(surplus) = rest.get(2) {
            return Err(self.bad_operand(surplus));
        }
        let found = self.locate(name, file_type, rest.get(1).map_or("*", String::as_str))?;
        let mut synonyms = Vec::new();
        self.each_line(&found, |shell, at, line| {
            match parse(line) {
                None => {}
                Some(Ok(synonym)) if synonyms.len() < SYNONYMS => synonyms.push(synonym),
                Some(Ok(_)) => return Err(shell.no_storage()),
                Some(Err(())) => {
                    return Err(shell.fail(32, "056E", format!("File {found} contains an invalid record format in line {at}")));
                }
            }
            Ok(true)
        })?;
        self.synonyms.0 = synonyms;
        Ok(())
    }

    /// QUERY SYNONYM.
    pub(crate) fn query_synonym(&mut self, which: &str) -> Outcome {
        let (system, user) = match which {
            "" | "ALL" => (true, true),
            which if is(which, "SYStem") => (true, false),
            which if is(which, "USER") => (false, true),
            _ => return Err(self.bad_operand(which)),
        };
        let mut lines = Vec::new();
        if system && self.session.settings.abbreviations {
            let commands = Self::COMMANDS.iter().filter(|command| command.minimum < command.name.len());
            lines.extend(commands.map(|command| format!("{:<8}            {}", command.name, &command.name[..command.minimum])));
        }
        if user {
            lines.extend(self.synonyms.0.iter().map(|synonym| {
                let shortest = if synonym.minimum < synonym.name.len() { &synonym.name[..synonym.minimum] } else { "" };
                format!("{:<8}  {:<8}  {shortest}", synonym.command, synonym.name)
            }));
        }
        if lines.is_empty() {
            self.note("711I", "No system or user synonyms in effect");
            return Ok::<(), Rc>(());
        }
        self.say("System    User      Shortest");
        self.say("Command   Synonym   Form (if any)");
        lines.iter().for_each(|line| self.say(line.trim_end()));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_names_command_synonym_and_shortest_form() {
        assert_eq!(parse(b"listfile dir 2"), Some(Ok(Synonym { command: "LISTFILE".into(), name: "DIR".into(), minimum: 2 })));
        assert_eq!(parse(b"erase rm").and_then(Result::ok).map(|synonym| synonym.minimum), Some(2));
        for none in [&b""[..], b"* comment", b"   "] {
            assert_eq!(parse(none), None);
        }
        for wrong in [&b"erase"[..], b"erase rm 3", b"erase rm 0", b"erase rm x", b"erase rm 1 1", b"averylongname rm", b"\xff"] {
            assert_eq!(parse(wrong), Some(Err(())), "{wrong:?}");
        }
    }
}
