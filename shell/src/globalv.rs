//! GLOBALV: variables that outlive the EXEC which sets them, in groups; for the session and for good in files.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use minidisk::edf::RecordFormat;

use crate::cp::Cp;
use crate::disks::{Mode, file_id};
use crate::fileid::ModeSpec;
use crate::message::{Outcome, Rc};
use crate::records::Target;
use crate::rexx::Value;
use crate::session::Shell;
use crate::words::{Words, first_word, is};

/// The group of those that name none.
const UNNAMED: &str = "UNNAMED";
/// Longest name and longest value: their length takes a byte in the file.
const LENGTH_MAX: usize = 255;
/// Bytes of all values together.
const SIZE_MAX: usize = 256 * 1024;

/// How long a variable lasts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Lasting {
    /// Until the next IPL or abnormal end.
    Temporary,
    /// Until the next IPL: in SESSION GLOBALV.
    Session,
    /// For good: in LASTING GLOBALV.
    Permanent,
}

impl Lasting {
    /// The name of its file.
    fn file(self) -> Option<&'static str> {
        match self {
            Self::Temporary => None,
            Self::Session => Some("SESSION"),
            Self::Permanent => Some("LASTING"),
        }
    }
}

/// A variable: its group, its name in capitals, its value.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Variable {
    group: String,
    name: Vec<u8>,
    value: Vec<u8>,
}

/// The variables of a place.
type List = Vec<Variable>;

/// Everything that GLOBALV keeps.
#[derive(Clone, Debug, Default)]
pub(crate) struct Globals {
    /// The files were read.
    begun: bool,
    /// CMS was started again after an abnormal end: what was set for the session is still meant.
    pub(crate) recovered: bool,
    selected: String,
    current: List,
    session: List,
    lasting: List,
}

/// Gives a variable a value; an empty one is a value too.
fn put(list: &mut List, group: &str, name: &[u8], value: &[u8]) {
    match list.iter_mut().find(|variable| variable.group == group && variable.name == name) {
        Some(variable) => variable.value = value.to_vec(),
        None => list.push(Variable { group: String::from(group), name: name.to_vec(), value: value.to_vec() }),
    }
}

/// A record of the files: the group in eight columns, a byte with the length of the name, the name, and the same of the value.
fn record(variable: &Variable) -> Vec<u8> {
    let mut record = format!("{:<8}", variable.group).into_bytes();
    for part in [&variable.name, &variable.value] {
        record.push(part.len() as u8);
        record.extend_from_slice(part);
    }
    record
}

/// The variable of a record, when it is one.
fn parse(record: &[u8]) -> Option<Variable> {
    let (group, rest) = record.split_at_checked(8)?;
    let group = core::str::from_utf8(group).ok()?.trim_end();
    let part = |rest: &[u8]| -> Option<(Vec<u8>, usize)> {
        let length = usize::from(*rest.first()?);
        Some((rest.get(1..=length)?.to_vec(), 1 + length))
    };
    let (name, taken) = part(rest)?;
    let (value, more) = part(&rest[taken..])?;
    (taken + more == rest.len() && !group.is_empty()).then(|| Variable { group: String::from(group), name, value })
}

impl<C: Cp> Shell<C> {
    /// GLOBALV.
    pub(crate) fn globalv_command(&mut self, words: &Words) -> Outcome {
        let (mut function, mut rest) = first_word(&words.text);
        let mut group = match self.globals.selected.as_str() {
            "" => String::from(UNNAMED),
            selected => String::from(selected),
        };
        if is(&upper(function), "SELECT") {
            let (name, after) = first_word(rest);
            group = upper(name);
            if group.is_empty() {
                group = String::from(UNNAMED);
            }
            if group.len() > 8 {
                return Err(self.bad_operand(&group));
            }
            (function, rest) = first_word(after);
            if function.is_empty() {
                self.globals_begun()?;
                self.globals.selected = group;
                return Ok(());
            }
        }
        self.globals_begun()?;
        let function = upper(function);
        match function.as_str() {
            "" => Err(self.fail(24, "047E", "No function specified")),
            "INIT" => self.globals_read(),
            "SET" => self.global_pairs(&group, rest, Lasting::Temporary),
            "SETS" => self.global_pairs(&group, rest, Lasting::Session),
            "SETP" => self.global_pairs(&group, rest, Lasting::Permanent),
            "SETL" => self.global_literal(&group, rest, Lasting::Temporary),
            "SETSL" | "SETLS" => self.global_literal(&group, rest, Lasting::Session),
            "SETPL" | "SETLP" => self.global_literal(&group, rest, Lasting::Permanent),
            "PUT" => self.global_put(&group, rest, Lasting::Temporary),
            "PUTS" => self.global_put(&group, rest, Lasting::Session),
            "PUTP" => self.global_put(&group, rest, Lasting::Permanent),
            "GET" => self.global_get(&group, rest),
            "LIST" => self.global_list(&group, rest),
            "STACK" => self.global_stack(&group, rest),
            "GRPLIST" | "GRPSTACK" => self.global_groups(function == "GRPSTACK"),
            "PURGE" => {
                // With SELECT those of the group; without, all.
                let all = !is(&upper(first_word(&words.text).0), "SELECT");
                self.globals.current.retain(|variable| !all && variable.group != group);
                Ok(())
            }
            _ => Err(self.fail(24, "014E", format!("Invalid function {function}"))),
        }
    }

    /// At the first GLOBALV after IPL the variables of the files are taken over.
    fn globals_begun(&mut self) -> Outcome {
        if self.globals.begun { Ok(()) } else { self.globals_read() }
    }

    /// Takes the variables of the files over.
    fn globals_read(&mut self) -> Outcome {
        let first = !self.globals.begun;
        // A file that cannot be read stays in the way: the next SETP would write it anew without what it holds.
        self.globals.lasting = self.globals_of(Lasting::Permanent)?;
        self.globals.begun = true;
        if first && !self.globals.recovered {
            // A new session: what was set for the one before is over.
            self.globals.session.clear();
            self.erase_session_globals();
        } else {
            self.globals.session = self.globals_of(Lasting::Session)?;
        }
        let Globals { current, session, lasting, .. } = &mut self.globals;
        for variable in lasting.iter().chain(session.iter()) {
            put(current, &variable.group, &variable.name, &variable.value);
        }
        Ok(())
    }

    /// Erases SESSION GLOBALV, where that may be done; it is only a leftover.
    fn erase_session_globals(&mut self) {
        let Some(id) = file_id("SESSION", "GLOBALV") else { return };
        if self.disks.get(Mode::A).is_some_and(|disk| !disk.read_only && disk.system.find(&id).is_some()) {
            let _ = self.change(Mode::A, id, |system| system.erase(&id));
        }
    }

    fn globals_of(&mut self, lasting: Lasting) -> Result<List, Rc> {
        let found = lasting.file().and_then(|name| file_id(name, "GLOBALV")).and_then(|id| self.disks.locate(&id, ModeSpec::ANY).ok());
        let mut list = List::new();
        let Some(found) = found else { return Ok(list) };
        let mut size = 0;
        self.each_line(&found, |shell, _, line| {
            size += line.len();
            match parse(line) {
                Some(variable) if size <= SIZE_MAX => put(&mut list, &variable.group, &variable.name, &variable.value),
                Some(_) => return Err(shell.fail(104, "622E", "Insufficient free storage")),
                None => return Err(shell.fail(32, "056E", format!("File {found} contains an invalid record format"))),
            }
            Ok(true)
        })?;
        Ok(list)
    }

    /// Gives a variable a value; what is to last is also written to its file, and is not set when that fails.
    fn global_set(&mut self, group: &str, variables: &[(Vec<u8>, Vec<u8>)], lasting: Lasting) -> Outcome {
        let mut size: usize = self.globals.current.iter().map(|variable| variable.name.len() + variable.value.len()).sum();
        for (name, value) in variables {
            size += name.len() + value.len();
            if name.len() > LENGTH_MAX || value.len() > LENGTH_MAX {
                return Err(self.fail(24, "621E", format!("A name or value is longer than {LENGTH_MAX} characters")));
            }
        }
        if size > SIZE_MAX {
            return Err(self.fail(104, "622E", "Insufficient free storage"));
        }
        if let Some(name) = lasting.file() {
            let mut list = if lasting == Lasting::Session { self.globals.session.clone() } else { self.globals.lasting.clone() };
            variables.iter().for_each(|(name, value)| put(&mut list, group, name, value));
            self.globals_write(name, &list)?;
            match lasting {
                Lasting::Session => self.globals.session = list,
                _ => self.globals.lasting = list,
            }
        }
        variables.iter().for_each(|(name, value)| put(&mut self.globals.current, group, name, value));
        Ok(())
    }

    fn globals_write(&mut self, name: &str, list: &List) -> Outcome {
        let Some(id) = file_id(name, "GLOBALV") else { return Ok(()) };
        let target = Target { mode: Mode::A, id, number: 1, format: RecordFormat::Variable };
        let mut to = self.begin_file(target, false)?;
        let written = list.iter().try_for_each(|variable| self.write_record(&mut to, &record(variable)));
        let date = self.now();
        self.finish(to, written, date)
    }

    /// SET name value name value ...
    fn global_pairs(&mut self, group: &str, text: &[u8], lasting: Lasting) -> Outcome {
        let words: Vec<&[u8]> = text.split(|byte| byte.is_ascii_whitespace()).filter(|word| !word.is_empty()).collect();
        if words.is_empty() {
            return Err(self.bad_operand(""));
        }
        let pairs: Vec<_> =
            words.chunks(2).map(|pair| (pair[0].to_ascii_uppercase(), pair.get(1).map_or(Vec::new(), |value| value.to_vec()))).collect();
        self.global_set(group, &pairs, lasting)
    }

    /// SETL name text
    fn global_literal(&mut self, group: &str, text: &[u8], lasting: Lasting) -> Outcome {
        let text = text.trim_ascii_start();
        let end = text.iter().position(u8::is_ascii_whitespace).unwrap_or(text.len());
        if end == 0 {
            return Err(self.bad_operand(""));
        }
        // One blank separates; what follows is the value as it is.
        let value = text.get(end + 1..).unwrap_or_default().to_vec();
        self.global_set(group, &[(text[..end].to_ascii_uppercase(), value)], lasting)
    }

    /// PUT: the values of REXX variables.
    fn global_put(&mut self, group: &str, text: &[u8], lasting: Lasting) -> Outcome {
        let names = self.global_names(text, "PUT")?;
        let mut pairs = Vec::new();
        for name in names {
            let value = self.variables.as_mut().and_then(|variables| variables.get(&name));
            pairs.push((name, value.map_or(Vec::new(), |value| value.to_vec())));
        }
        self.global_set(group, &pairs, lasting)
    }

    /// GET: into REXX variables; one that has no value gets the null string.
    fn global_get(&mut self, group: &str, text: &[u8]) -> Outcome {
        for name in self.global_names(text, "GET")? {
            let value = Value::from_vec(self.global(group, &name));
            let stored = self.variables.as_mut().is_none_or(|variables| variables.set(&name, value).is_ok());
            if !stored {
                return Err(self.fail(104, "622E", "Insufficient free storage"));
            }
        }
        Ok(())
    }

    /// The names of REXX variables; there must be a program to which they belong.
    fn global_names(&mut self, text: &[u8], function: &str) -> Result<Vec<Vec<u8>>, Rc> {
        let names: Vec<Vec<u8>> =
            text.split(|byte| byte.is_ascii_whitespace()).filter(|word| !word.is_empty()).map(<[u8]>::to_ascii_uppercase).collect();
        if names.is_empty() {
            return Err(self.bad_operand(""));
        }
        if self.variables.is_none() {
            return Err(self.fail(41, "631E", format!("{function} can only be executed from a REXX EXEC")));
        }
        Ok(names)
    }

    /// The value of a variable; empty when it has none.
    fn global(&self, group: &str, name: &[u8]) -> Vec<u8> {
        let found = self.globals.current.iter().find(|variable| variable.group == group && variable.name == name);
        found.map_or(Vec::new(), |variable| variable.value.clone())
    }

    /// LIST: all of the group, or those named.
    fn global_list(&mut self, group: &str, text: &[u8]) -> Outcome {
        let names: Vec<Vec<u8>> =
            text.split(|byte| byte.is_ascii_whitespace()).filter(|word| !word.is_empty()).map(<[u8]>::to_ascii_uppercase).collect();
        self.say(format!("SELECTED TABLE IS: {group}"));
        let shown: Vec<(Vec<u8>, Vec<u8>)> = match names.is_empty() {
            true => self
                .globals
                .current
                .iter()
                .filter(|variable| variable.group == group)
                .map(|variable| (variable.name.clone(), variable.value.clone()))
                .collect(),
            false => names.into_iter().map(|name| (name.clone(), self.global(group, &name))).collect(),
        };
        for (name, value) in shown {
            self.show_line(&[b" ", name.as_slice(), b"=", &value].concat());
        }
        Ok(())
    }

    /// STACK: the values into the program stack, so that the one named first is read first.
    fn global_stack(&mut self, group: &str, text: &[u8]) -> Outcome {
        let names: Vec<&[u8]> = text.split(|byte| byte.is_ascii_whitespace()).filter(|word| !word.is_empty()).collect();
        if names.is_empty() {
            return Err(self.bad_operand(""));
        }
        for name in names.iter().rev() {
            let value = self.global(group, &name.to_ascii_uppercase());
            self.stack_line(value, false);
        }
        Ok(())
    }

    /// GRPLIST and GRPSTACK: the names of the groups.
    fn global_groups(&mut self, stack: bool) -> Outcome {
        let mut groups: Vec<String> = self.globals.current.iter().map(|variable| variable.group.clone()).collect();
        groups.sort();
        groups.dedup();
        for group in groups {
            match stack {
                true => self.stack_line(group.into_bytes(), true),
                false => self.say(group),
            }
        }
        Ok(())
    }

    /// VALUE(name,new,'GLOBAL group') of REXX, with SESSION and LASTING for those that last longer: the old value; none when the selector means nothing here.
    pub(crate) fn global_value(&mut self, selector: &[u8], name: &[u8], new: Option<&[u8]>) -> Option<Vec<u8>> {
        let (kind, group) = first_word(selector);
        let lasting = match upper(kind).as_str() {
            "GLOBAL" => Lasting::Temporary,
            "SESSION" => Lasting::Session,
            "LASTING" => Lasting::Permanent,
            _ => return None,
        };
        let group = if group.is_empty() { String::from(UNNAMED) } else { upper(group) };
        if group.len() > 8 {
            return None;
        }
        self.code = "GLB";
        self.globals_begun().ok()?;
        let name = name.to_ascii_uppercase();
        let old = self.global(&group, &name);
        if let Some(new) = new {
            self.global_set(&group, &[(name, new.to_vec())], lasting).ok()?;
        }
        Some(old)
    }
}

/// In capitals; bytes that are no text become a character that no name has.
fn upper(text: &[u8]) -> String {
    String::from_utf8_lossy(text).to_ascii_uppercase()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_record_is_the_variable_that_it_was_made_of() {
        let variable = Variable { group: "MINE".into(), name: b"NAME".to_vec(), value: b"a value".to_vec() };
        assert_eq!(record(&variable), b"MINE    \x04NAME\x07a value");
        assert_eq!(parse(&record(&variable)), Some(variable));
        for wrong in
            [&b""[..], b"MINE", b"MINE    ", b"MINE    \x04NA", b"MINE    \x01N\x05a", b"MINE    \x01N\x01aa", b"        \x01N\x01a"]
        {
            assert_eq!(parse(wrong), None, "{wrong:?}");
        }
    }

    proptest! {
        #[test]
        fn any_record_is_a_variable_or_none(bytes in prop::collection::vec(any::<u8>(), 0..60)) {
            if let Some(variable) = parse(&bytes) {
                prop_assert_eq!(parse(&record(&variable)), Some(variable));
            }
        }
    }
}
