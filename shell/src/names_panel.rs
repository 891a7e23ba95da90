//! NAMES: makes and changes entries of the file of names, a question for each tag. Until there are full-screen consoles it asks line by line.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use minidisk::edf::RecordFormat;

use crate::cp::Cp;
use crate::disks::{Mode, file_id};
use crate::message::{Outcome, Rc};
use crate::names::Entry;
use crate::records::Target;
use crate::session::Shell;
use crate::words::{Words, is};

/// The tags that are asked for, with what they mean.
const TAGS: [(&str, &str); 7] = [
    ("USERID", "Userid"),
    ("NODE", "Node"),
    ("NOTEBOOK", "Notebook"),
    ("NAME", "Name"),
    ("PHONE", "Phone"),
    ("ADDRESS", "Address"),
    ("LIST", "List of names"),
];

impl<C: Cp> Shell<C> {
    /// NAMES nick [( FIle fn]: asks for the values of an entry, and writes the file.
    pub(crate) fn names_command(&mut self, words: &Words) -> Outcome {
        let mut name = self.self_and_node().0;
        let mut options = words.options.iter();
        while let Some(option) = options.next() {
            match (option.as_str(), options.next()) {
                (option, Some(word)) if is(option, "FIle") => name.clone_from(word),
                (option, None) if is(option, "FIle") => return Err(self.bad_value("FILE", "")),
                _ => return Err(self.bad_option(option)),
            }
        }
        let nick = match words.operands.as_slice() {
            [nick] => nick.clone(),
            [] => match self.ask("Nickname", "")? {
                Some(nick) if !nick.is_empty() => nick.to_ascii_uppercase(),
                _ => return Ok(()),
            },
            [_, surplus, ..] => return Err(self.bad_operand(surplus)),
        };
        if nick.split_whitespace().count() != 1 {
            return Err(self.bad_operand(&nick));
        }
        let mut entries = self.names(&name)?.unwrap_or_default();
        let at = entries.iter().position(|entry| entry.has("NICK", &nick));
        let mut entry = match at {
            Some(at) => entries[at].clone(),
            None => Entry(Vec::from([(String::from("NICK"), nick.clone())])),
        };
        self.say(format!("Entry {nick} of {name} NAMES"));
        self.say("An empty line keeps a value, a period takes it away, QUIT leaves all as it was");
        for (tag, title) in TAGS {
            let old = String::from(entry.value(tag));
            match self.ask(title, &old)? {
                None => return Ok(()),
                Some(value) if value.is_empty() => {}
                Some(value) => {
                    entry.0.retain(|(known, _)| known != tag);
                    if value != "." {
                        entry.0.push((String::from(tag), value));
                    }
                }
            }
        }
        match at {
            Some(at) => entries[at] = entry,
            None => entries.push(entry),
        }
        self.names_write(&name, &entries)
    }

    /// Asks for a value; none when the user quits or there is nobody who answers.
    fn ask(&mut self, title: &str, old: &str) -> Result<Option<String>, Rc> {
        let shown = if old.is_empty() { format!("{title}:") } else { format!("{title} ({old}):") };
        self.say(shown);
        let Some(line) = self.answer_line()? else { return Ok(None) };
        let text = String::from_utf8_lossy(&line);
        let text = text.trim();
        if text.eq_ignore_ascii_case("QUIT") {
            return Ok(None);
        }
        // A tag in a value would end it.
        if text.split_whitespace().any(|word| word.starts_with(':') && word.contains('.')) {
            return Err(self.bad_operand(text));
        }
        Ok(Some(String::from(text)))
    }

    fn names_write(&mut self, name: &str, entries: &[Entry]) -> Outcome {
        let Some(id) = file_id(name, "NAMES") else {
            return Err(self.invalid_character(&format!("{name} NAMES")));
        };
        let target = Target { mode: Mode::A, id, number: 0, format: RecordFormat::Variable };
        let mut to = self.begin_file(target, false)?;
        let mut written = Ok(());
        for Entry(tags) in entries {
            for (at, (tag, value)) in tags.iter().enumerate() {
                let indent = if at == 0 { "" } else { "           " };
                let line = format!("{indent}:{}.{value}", tag.to_ascii_lowercase());
                written = written.and_then(|()| self.write_record(&mut to, line.as_bytes()));
            }
        }
        let date = self.now();
        self.finish(to, written, date)
    }
}
