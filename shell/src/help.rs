//! HELP: shows the help file of a command, `NAME HELPCMS` or `NAME HELPCP` on any accessed disk.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use crate::commands;
use crate::cp::Cp;
use crate::disks::file_id;
use crate::fileid::{Found, ModeSpec, Pattern};
use crate::message::{Outcome, Rc};
use crate::session::Shell;
use crate::words::{Words, is};

/// Components with their file types, in the order in which a topic is looked for.
const COMPONENTS: [(&str, &str, &str); 2] =
    [("CMS", "HELPCMS", "CMS commands"), ("CP", "HELPCP", "CP commands (type them as they are, or CP in front)")];

/// Topics on a line of the menu.
const COLUMNS: usize = 7;

impl<C: Cp> Shell<C> {
    /// HELP.
    pub(crate) fn help_command(&mut self, words: &Words) -> Outcome {
        const LAYERS: [&str; 6] = ["BRief", "DETail", "ALL", "NOSCreen", "TYPE", "FORMat"];
        if let Some(option) = words.options.iter().find(|option| !LAYERS.iter().any(|layer| is(option, layer))) {
            return Err(self.bad_option(option));
        }
        let component = |word: &str| COMPONENTS.iter().find(|(name, ..)| *name == word);
        match words.operands.as_slice() {
            [] => self.help_menu(&COMPONENTS),
            [menu] if menu == "MENU" || menu == "?" => self.help_menu(&COMPONENTS),
            [word] => match component(word) {
                Some(component) => self.help_menu(core::slice::from_ref(component)),
                None => self.help_topic(word, &COMPONENTS),
            },
            [word, topic, ..] => match component(word) {
                Some(component) => self.help_topic(topic, core::slice::from_ref(component)),
                None => Err(self.bad_operand(topic)),
            },
        }
    }

    /// Lists the topics.
    fn help_menu(&mut self, components: &[(&str, &str, &str)]) -> Outcome {
        self.say("HELP topic shows a topic; HELP CMS topic and HELP CP topic say which of two.");
        for (component, file_type, title) in components {
            let mut topics = self.help_topics(file_type);
            if topics.is_empty() && *component == "CMS" {
                topics = commands::names::<C>();
            }
            self.say("");
            self.say(*title);
            for line in topics.chunks(COLUMNS) {
                let line: String = line.iter().map(|topic| format!("{topic:<10}")).collect();
                self.say(line.trim_end());
            }
        }
        Ok(())
    }

    /// The topics of a component, sorted, each once.
    fn help_topics(&self, file_type: &str) -> Vec<String> {
        let files = self.disks.matching(&Pattern::new("*", file_type), ModeSpec::ANY).unwrap_or_default();
        let mut topics: Vec<_> = files.iter().map(|found| String::from(found.entry.id.name())).collect();
        topics.sort();
        topics.dedup();
        topics
    }

    /// Shows a topic.
    fn help_topic(&mut self, topic: &str, components: &[(&str, &str, &str)]) -> Outcome {
        let mut found = components.iter().find_map(|(component, file_type, _)| self.help_file(component, file_type, topic));
        for (_, file_type, _) in components {
            if found.is_none() {
                found = self.help_by_syntax(file_type, topic)?;
            }
        }
        let Some(found) = found else {
            return Err(self.fail(28, "254E", format!("HELP cannot find the information you requested: {topic}")));
        };
        let mut source = self.open(&found)?;
        let mut record = Vec::new();
        while self.next_record(&mut source, &mut record)? {
            self.cp.write_line(heading(&record));
        }
        self.close(source)
    }

    /// The help file of a topic: by its name, or as an abbreviation of a CMS command.
    fn help_file(&self, component: &str, file_type: &str, topic: &str) -> Option<Found> {
        let command = commands::find::<C>(topic, true).filter(|_| component == "CMS").map(|command| command.name);
        [Some(topic), command].into_iter().flatten().find_map(|name| self.help_named(name, file_type))
    }

    /// The help file of that name.
    fn help_named(&self, name: &str, file_type: &str) -> Option<Found> {
        self.disks.locate(&file_id(name, file_type)?, ModeSpec::ANY).ok()
    }

    /// The help file whose syntax has the topic as a command or an abbreviation of it, or else one whose name begins so.
    fn help_by_syntax(&mut self, file_type: &str, topic: &str) -> Result<Option<Found>, Rc> {
        let topics = self.help_topics(file_type);
        for name in &topics {
            let Some(found) = self.help_named(name, file_type) else {
                continue;
            };
            let mut source = self.open(&found)?;
            let (mut line, mut in_syntax) = (Vec::new(), false);
            while self.next_line(&mut source, &mut line)? {
                if let Some(title) = line.strip_prefix(b"## ") {
                    if in_syntax {
                        break;
                    }
                    in_syntax = title == b"Syntax";
                } else if in_syntax && syntax_command(&line).is_some_and(|command| is(topic, command)) {
                    return Ok(Some(found));
                }
            }
        }
        Ok(topics.iter().find(|name| name.starts_with(topic)).and_then(|name| self.help_named(name, file_type)))
    }
}

/// The command that a line of a syntax begins with, its shortest abbreviation in capitals. Lines that go on are indented further.
fn syntax_command(line: &[u8]) -> Option<&str> {
    let text = core::str::from_utf8(line).ok()?.strip_prefix("    ")?;
    let word = text.split(' ').next()?;
    let is_command = word.starts_with(|c: char| c.is_ascii_uppercase()) && word.bytes().all(|byte| byte.is_ascii_alphabetic());
    is_command.then_some(word)
}

/// A line of a help text as a terminal shows it: a heading without the marks before it.
fn heading(line: &[u8]) -> &[u8] {
    let marks = line.iter().take_while(|&&byte| byte == b'#').count();
    line.get(marks..).filter(|_| marks > 0).and_then(|rest| rest.strip_prefix(b" ")).unwrap_or(line)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_syntax_begins_with_its_command() {
        assert_eq!(syntax_command(b"    Listfile  [fn [ft [fm]]]"), Some("Listfile"));
        for line in [&b"              [( [FName | FType"[..], b"    cp64 logon USERID", b"    *  [text]", b"", b"    \xff"] {
            assert_eq!(syntax_command(line), None);
        }
    }

    #[test]
    fn headings_lose_their_marks_and_nothing_else_does() {
        assert_eq!(heading(b"# TYPE"), b"TYPE");
        assert_eq!(heading(b"## Syntax"), b"Syntax");
        for line in [&b"#CP cmd"[..], b" # text", b"", b"#"] {
            assert_eq!(heading(line), line);
        }
    }
}
