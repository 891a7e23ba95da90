//! The NAMES file, `userid NAMES`: nicknames for users and lists of them; NAMEFIND.
//!
//! An entry begins with the tag `:nick.` and goes on to the next one; a value goes on to the next tag, over line ends. What a person
//! writes into the file is read leniently: what is no tag belongs to the value before it.

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use crate::cp::Cp;
use crate::disks::file_id;
use crate::fileid::ModeSpec;
use crate::message::{Outcome, Rc};
use crate::session::Shell;
use crate::words::{Words, first_word, is};

/// Largest NAMES file that is read.
const FILE_MAX: usize = 1 << 20;
/// Lists within lists.
const DEPTH_MAX: u32 = 8;
/// Receivers that one command reaches.
const RECEIVERS_MAX: usize = 500;

/// One entry: its tags in capitals and their values, in order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Entry(pub(crate) Vec<(String, String)>);

impl Entry {
    /// The value of a tag; empty when it has none.
    pub(crate) fn value(&self, tag: &str) -> &str {
        self.0.iter().find(|(name, _)| name == tag).map_or("", |(_, value)| value)
    }

    /// Whether it has the tag with that value, letters of either case being the same.
    pub(crate) fn has(&self, tag: &str, value: &str) -> bool {
        self.0.iter().any(|(name, found)| name == tag && found.eq_ignore_ascii_case(value))
    }
}

/// The entries of a NAMES file.
fn entries(text: &str) -> Vec<Entry> {
    let mut entries: Vec<Entry> = Vec::new();
    for word in text.split_whitespace() {
        let tag = word.strip_prefix(':').and_then(|rest| rest.split_once('.'));
        match tag.filter(|(tag, _)| !tag.is_empty() && tag.bytes().all(|byte| byte.is_ascii_alphanumeric())) {
            Some((tag, value)) => {
                let tag = tag.to_ascii_uppercase();
                if tag == "NICK" || entries.is_empty() {
                    entries.push(Entry::default());
                }
                if let Some(Entry(tags)) = entries.last_mut() {
                    tags.push((tag, value.to_string()));
                }
            }
            None => {
                if let Some((_, value)) = entries.last_mut().and_then(|Entry(tags)| tags.last_mut()) {
                    if !value.is_empty() {
                        value.push(' ');
                    }
                    value.push_str(word);
                }
            }
        }
    }
    entries
}

impl<C: Cp> Shell<C> {
    /// NAMEFIND.
    pub(crate) fn namefind_command(&mut self, words: &Words) -> Outcome {
        let mut name = self.self_and_node().0;
        let mut stack = None;
        let mut options = words.options.iter();
        while let Some(option) = options.next() {
            match option.as_str() {
                option if is(option, "FIle") => match options.next() {
                    Some(word) => name.clone_from(word),
                    None => return Err(self.bad_value("FILE", "")),
                },
                option if is(option, "TYpe") => stack = None,
                option if is(option, "STACK") || is(option, "FIFO") => stack = Some(true),
                "LIFO" => stack = Some(false),
                _ => return Err(self.bad_option(option)),
            }
        }
        let text = String::from_utf8_lossy(&words.text).into_owned();
        let text = text.split('(').next().unwrap_or_default();
        let (wanted, shown) = search(text);
        if wanted.is_empty() {
            return Err(self.fail(24, "386E", "Missing operand(s)"));
        }
        let Some(entries) = self.names(&name)? else {
            return Err(self.not_found(format!("{name} NAMES *")));
        };
        let Some(entry) = entries.into_iter().find(|entry| wanted.iter().all(|(tag, value)| entry.has(tag, value))) else {
            return Err(self.fail(32, "637E", "Names file entry not found"));
        };
        let lines: Vec<String> = match shown.is_empty() {
            true => entry.0.iter().map(|(tag, value)| format!(":{}.{value}", tag.to_ascii_lowercase())).collect(),
            false => shown.iter().map(|tag| entry.value(tag).to_string()).collect(),
        };
        for line in lines {
            match stack {
                None => self.say(line),
                Some(first_in) => self.stack_line(line.into_bytes(), first_in),
            }
        }
        Ok(())
    }

    /// The entries of a NAMES file; none when there is no such file.
    pub(crate) fn names(&mut self, name: &str) -> Result<Option<Vec<Entry>>, Rc> {
        let Some(id) = file_id(name, "NAMES") else { return Ok(None) };
        let Ok(found) = self.disks.locate(&id, ModeSpec::ANY) else { return Ok(None) };
        let mut source = self.open(&found)?;
        let (mut text, mut line) = (Vec::new(), Vec::new());
        while self.next_line(&mut source, &mut line)? {
            if text.len() + line.len() > FILE_MAX {
                return Err(self.fail(32, "638E", format!("File {found} is larger than {FILE_MAX} bytes")));
            }
            text.extend_from_slice(&line);
            text.push(b'\n');
        }
        Ok(Some(entries(&String::from_utf8_lossy(&text))))
    }

    /// The owner and the device number of a nickname in VMLINK NAMES.
    pub(crate) fn nickname_of_disk(&mut self, nick: &str) -> Result<Option<(String, u32)>, Rc> {
        let entries = self.names("VMLINK")?.unwrap_or_default();
        let entry = entries.iter().find(|entry| entry.has("NICK", nick));
        Ok(entry.and_then(|entry| Some((entry.value("USERID").to_ascii_uppercase(), crate::words::vdev(entry.value("VDEV"))?))))
    }

    /// The users of this node that names stand for: `user AT node`, nicknames, lists of either, and userids. `Err` has been shown.
    pub(crate) fn receivers_of(&mut self, words: &[String]) -> Result<Vec<String>, Rc> {
        let own = self.self_and_node().0;
        let names = self.names(&own)?.unwrap_or_default();
        let mut users = Vec::new();
        self.resolve(words, &names, DEPTH_MAX, &mut users)?;
        Ok(users)
    }

    fn resolve(&mut self, words: &[String], names: &[Entry], depth: u32, users: &mut Vec<String>) -> Outcome {
        let mut rest = words;
        while let Some((word, after)) = rest.split_first() {
            let (node, after) = match after {
                [at, node, after @ ..] if at == "AT" => (Some(node.as_str()), after),
                [at] if at == "AT" => (Some(""), &[][..]),
                after => (None, after),
            };
            rest = after;
            let entry = names.iter().find(|entry| node.is_none() && entry.has("NICK", word));
            let list = entry.map_or("", |entry| entry.value("LIST"));
            if !list.is_empty() {
                if depth == 0 {
                    return Err(self.fail(32, "639E", format!("Lists of names within {word} go too deep")));
                }
                let list: Vec<_> = list.split([' ', ',']).filter(|name| !name.is_empty()).map(str::to_ascii_uppercase).collect();
                self.resolve(&list, names, depth - 1, users)?;
                continue;
            }
            let user = entry.map_or("", |entry| entry.value("USERID"));
            let user = if user.is_empty() { word.clone() } else { user.to_ascii_uppercase() };
            let node = node.map(str::to_string).or_else(|| entry.map(|entry| entry.value("NODE").to_ascii_uppercase()));
            let own = self.self_and_node().1;
            if let Some(node) = node.filter(|node| *node != own && (!node.is_empty() || entry.is_none())) {
                return Err(self.fail(32, "645E", format!("Node {node} cannot be reached from {own}")));
            }
            if users.len() == RECEIVERS_MAX {
                return Err(self.fail(32, "639E", format!("More than {RECEIVERS_MAX} receivers")));
            }
            if !users.contains(&user) {
                users.push(user);
            }
        }
        Ok(())
    }
}

/// What NAMEFIND looks for and what it shows: `:tag value` pairs, and tags without a value.
fn search(text: &str) -> (Vec<(String, String)>, Vec<String>) {
    let (mut wanted, mut shown) = (Vec::new(), Vec::new());
    for part in text.split(':').skip(1) {
        let (tag, value) = first_word(part.as_bytes());
        let (tag, dotted) = match tag.iter().position(|&byte| byte == b'.') {
            Some(at) => (&tag[..at], &tag[at + 1..]),
            None => (tag, &[][..]),
        };
        let value = [dotted, value].join(&b' ');
        let (tag, value) = (String::from_utf8_lossy(tag).to_ascii_uppercase(), String::from_utf8_lossy(&value).trim().to_string());
        match value.is_empty() {
            true => shown.push(tag),
            false => wanted.push((tag, value)),
        }
    }
    (wanted, shown)
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec;
    use proptest::prelude::*;

    #[test]
    fn entries_go_over_line_ends() {
        let found = entries("* comment\n:nick.OP1 :userid.OPERATOR\n   :name.The  main\n operator :phone.\n:NICK.Team :list.op1 maint");
        assert_eq!(found.len(), 2);
        assert_eq!((found[0].value("USERID"), found[0].value("NAME"), found[0].value("PHONE")), ("OPERATOR", "The main operator", ""));
        assert!(found[1].has("NICK", "TEAM") && found[1].value("LIST") == "op1 maint");
        assert_eq!(entries("no tags at all: none . here"), vec![]);
    }

    #[test]
    fn a_search_has_values_and_tags_to_show() {
        let (wanted, shown) = search(":nick op1 :userid :name.The main :node");
        let pair = |tag: &str, value: &str| (tag.to_string(), value.to_string());
        assert_eq!(wanted, [pair("NICK", "op1"), pair("NAME", "The main")]);
        assert_eq!(shown, ["USERID", "NODE"]);
    }

    proptest! {
        #[test]
        fn any_text_is_entries(text in "\\PC{0,300}") {
            let _ = (entries(&text), search(&text));
        }
    }
}
