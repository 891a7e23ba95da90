//! HELP: shows the help file of a command, `NAME HELPCMS` or `NAME HELPCP` on any accessed disk, or parts of it; menus; and messages.

mod messages;
mod page;

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
use page::{Layers, Section};

/// Components with their file types, in the order in which a topic is looked for.
const COMPONENTS: [(&str, &str, &str); 2] =
    [("CMS", "HELPCMS", "CMS commands"), ("CP", "HELPCP", "CP commands (type them as they are, or CP in front)")];

/// Characters in a line that is put together here: what every terminal shows.
const LINE: usize = 79;

/// What people do, and the topics for it.
const TASKS: &[(&str, &str)] = &[
    ("Files", "LISTFILE TYPE COPYFILE RENAME ERASE STATE COMPARE SORT"),
    ("Looking into files", "GREP HEAD TAIL WC DIFF WHICH"),
    ("Disks and tapes", "ACCESS RELEASE FORMAT LINK VMLINK DISK TAPE"),
    ("Sending and receiving", "SENDFILE RECEIVE PEEK DISCARD RDRLIST NOTE TELL NAMES"),
    ("Printing and punching", "PRINT PUNCH READCARD SPOOL CLOSE TAG"),
    ("Moving data", "FILEDEF MOVEFILE EXECIO"),
    ("EXECs and programs", "EXEC REXX EXECLOAD GLOBALV GENMOD START NUCXLOAD"),
    ("The program stack", "MAKEBUF DROPBUF DESBUF SENTRIES"),
    ("While something runs", "HX HI HT RT TS TE IMMCMD SVCTRACE"),
    ("How CMS behaves", "QUERY SET SYNONYM IDENTIFY HISTORY"),
    ("Your machine", "IPL LOGOFF DISCONN TERMINAL INDICATE DEFINE"),
];

/// Topics on a line of the menu.
const COLUMNS: usize = 7;

/// Words before a topic that say which one is meant, and what stands for the pair.
const PAIRS: [(&str, &str, &str); 4] =
    [("CMSQUERY", "CMS", "QUERY"), ("CMSSET", "CMS", "SET"), ("CPQUERY", "CP", "QUERY"), ("CPSET", "CP", "SET")];

impl<C: Cp> Shell<C> {
    /// HELP.
    pub(crate) fn help_command(&mut self, words: &Words) -> Outcome {
        let Some(layers) = Layers::of(&words.options) else {
            let bad = words.options.iter().find(|option| Layers::of(core::slice::from_ref(option)).is_none()).cloned().unwrap_or_default();
            return Err(self.bad_option(&bad));
        };
        let component = |word: &str| COMPONENTS.iter().find(|(name, ..)| *name == word).map(core::slice::from_ref);
        // Numbers of messages are longer than a word of a command.
        let typed: Vec<String> = String::from_utf8_lossy(&words.text)
            .to_ascii_uppercase()
            .split_whitespace()
            .take(2)
            .map(|word| String::from(word.trim_matches('(')))
            .collect();
        let number = |at: usize| typed.get(at).and_then(|word| messages::Number::parse(word));
        let pair = |word: &str| PAIRS.iter().find(|(name, ..)| *name == word);
        match words.operands.as_slice() {
            [] => self.help_list("HELP", layers.screen, |shell| shell.help_menu(&COMPONENTS)),
            [menu] if menu == "MENU" || menu == "?" => self.help_list("HELP", layers.screen, |shell| shell.help_menu(&COMPONENTS)),
            [tasks] if is(tasks, "TASKs") => self.help_list("HELP TASKS", layers.screen, Self::help_tasks),
            [word] | [word, _] if is(word, "MESSage") || word == "MSG" => match words.operands.get(1) {
                Some(operand) => match number(1) {
                    Some(number) => self.help_message(&number),
                    None => Err(self.no_help(operand)),
                },
                None => self.help_topic(word, &COMPONENTS, layers),
            },
            [_] if let Some(number) = number(0) => self.help_message(&number),
            [word] => match (component(word), pair(word)) {
                (Some(component), _) => self.help_list(&format!("HELP {word}"), layers.screen, |shell| shell.help_menu(component)),
                (_, Some((_, name, topic))) => self.help_topic(topic, component(name).unwrap_or(&COMPONENTS), layers),
                _ => self.help_topic(word, &COMPONENTS, layers),
            },
            [word, topic] => match (component(word), pair(word)) {
                (Some(component), _) if topic == "MENU" => {
                    self.help_list(&format!("HELP {word}"), layers.screen, |shell| shell.help_menu(component))
                }
                (Some(component), _) => self.help_topic(topic, component, layers),
                (_, Some((_, name, outer))) => self.help_entry(outer, topic, component(name).unwrap_or(&COMPONENTS)),
                _ => self.help_entry(word, topic, &COMPONENTS),
            },
            [word, topic, entry] => match component(word) {
                Some(component) => self.help_entry(topic, entry, component),
                None => Err(self.bad_operand(entry)),
            },
            [_, _, _, surplus, ..] => Err(self.bad_operand(surplus)),
        }
    }

    /// Shows a list as HELP shows a topic: what `list` says, whose headings have marks.
    fn help_list(&mut self, title: &str, screen: bool, list: impl FnOnce(&mut Self) -> Outcome) -> Outcome {
        let outer = self.answer.replace(Vec::new());
        let listed = list(self);
        let lines = core::mem::replace(&mut self.answer, outer).unwrap_or_default();
        listed?;
        let lines = if screen { self.browse(title, lines) } else { Some(lines) };
        lines.into_iter().flatten().for_each(|line| self.show_line(heading(&line)));
        Ok(())
    }

    /// Lists the topics.
    fn help_menu(&mut self, components: &[(&str, &str, &str)]) -> Outcome {
        self.say("HELP topic shows a topic; HELP CMS topic and HELP CP topic say which of two.");
        self.say("HELP TASKS shows what people do and how.");
        self.say("HELP DMSxxxnnn and HELP HCPnnn explain a message.");
        for (component, file_type, title) in components {
            let mut topics = self.help_topics(file_type);
            if topics.is_empty() && *component == "CMS" {
                topics = commands::names::<C>();
            }
            self.say("");
            self.say(format!("## {title}"));
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

    /// What people do, and the commands for it, each with the sentence that its help begins with.
    fn help_tasks(&mut self) -> Outcome {
        for (task, topics) in TASKS {
            self.say("");
            self.say(format!("## {task}"));
            for topic in topics.split(' ') {
                let Some(found) = self.find_help(topic, &COMPONENTS)? else { continue };
                let mut source = self.open(&found)?;
                let mut line = Vec::new();
                // The title, an empty line, and the sentence.
                while self.next_line(&mut source, &mut line)? && (line.starts_with(b"#") || line.trim_ascii().is_empty()) {}
                let sentence = String::from_utf8_lossy(&line).into_owned();
                wrapped(&format!("  {topic:<10}"), sentence.trim_end()).iter().for_each(|line| self.say(line));
            }
        }
        Ok(())
    }

    /// The help file of a topic.
    fn find_help(&mut self, topic: &str, components: &[(&str, &str, &str)]) -> Result<Option<Found>, Rc> {
        let mut found = components.iter().find_map(|(component, file_type, _)| self.help_file(component, file_type, topic));
        for (_, file_type, _) in components {
            if found.is_none() {
                found = self.help_by_syntax(file_type, topic)?;
            }
        }
        Ok(found)
    }

    /// Nothing is known of a topic.
    fn no_help(&mut self, topic: &str) -> Rc {
        self.fail(28, "254E", format!("HELP cannot find the information you requested: {topic}"))
    }

    /// Shows the parts of a topic that are asked for.
    fn help_topic(&mut self, topic: &str, components: &[(&str, &str, &str)], layers: Layers) -> Outcome {
        let Some(found) = self.find_help(topic, components)? else { return Err(self.no_help(topic)) };
        let mut source = self.open(&found)?;
        let (mut line, mut section, mut shown) = (Vec::new(), Section::Head, false);
        let (mut related, mut lines): (Vec<String>, Vec<Vec<u8>>) = (Vec::new(), Vec::new());
        while self.next_record(&mut source, &mut line)? {
            if let Some(title) = line.strip_prefix(b"## ") {
                section = Section::titled(title);
            }
            if layers.shows(section) {
                shown |= section != Section::Head;
                lines.push(line.clone());
            }
            if layers.related {
                let own = found.entry.id.name();
                related.extend(page::referred(&line).filter(|name| *name != own && is_topic(name)).map(String::from));
            }
        }
        self.close(source)?;
        if layers.related {
            related.sort();
            related.dedup();
            lines.push(Vec::from("Related"));
            lines.extend(related.iter().map(|name| format!("  HELP {name}").into_bytes()));
            shown |= !related.is_empty();
        }
        let lines = if layers.screen { self.browse(&format!("HELP {}", found.entry.id.name()), lines) } else { Some(lines) };
        lines.into_iter().flatten().for_each(|line| self.show_line(heading(&line)));
        if shown || !layers.is_chosen() {
            return Ok(());
        }
        Err(self.fail(28, "254E", format!("HELP has nothing of that kind on {}", found.entry.id.name())))
    }

    /// Shows what the help of a topic says of one of its operands or options.
    fn help_entry(&mut self, topic: &str, entry: &str, components: &[(&str, &str, &str)]) -> Outcome {
        let Some(found) = self.find_help(topic, components)? else { return Err(self.no_help(topic)) };
        let mut source = self.open(&found)?;
        let (mut line, mut section, mut entries) = (Vec::new(), Section::Head, page::Entries::of(entry));
        let mut lines = Vec::new();
        while self.next_record(&mut source, &mut line)? {
            match line.strip_prefix(b"## ") {
                Some(title) => {
                    section = Section::titled(title);
                    entries.end();
                }
                None if section.has_entries() && entries.takes(&line) => lines.push(line.clone()),
                None => {}
            }
        }
        self.close(source)?;
        if lines.is_empty() {
            return Err(self.no_help(&format!("{topic} {entry}")));
        }
        self.say(found.entry.id.name());
        lines.iter().for_each(|line| self.show_line(line));
        Ok(())
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

/// A title and a text behind it, in lines that fit a terminal.
fn wrapped(title: &str, text: &str) -> Vec<String> {
    let mut lines = Vec::from([String::from(title)]);
    for word in text.split_whitespace() {
        let line = &lines[lines.len() - 1];
        let blank = if line.ends_with(' ') { "" } else { " " };
        match line.chars().count() + blank.len() + word.chars().count() <= LINE {
            true => {
                let at = lines.len() - 1;
                lines[at] += blank;
                lines[at] += word;
            }
            false => lines.push(format!("{:width$}{word}", "", width = title.chars().count())),
        }
    }
    lines
}

/// Whether a word can be the name of a topic.
fn is_topic(word: &str) -> bool {
    !COMPONENTS.iter().any(|(component, ..)| *component == word)
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
