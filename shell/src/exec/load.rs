//! EXECLOAD, EXECDROP, EXECMAP: EXECs that are kept in storage, whatever becomes of their files.

use alloc::format;
use alloc::rc::Rc as Shared;
use alloc::string::String;
use alloc::vec::Vec;

use minidisk::edf::FileId;

use crate::cp::Cp;
use crate::disks::file_id;
use crate::fileid::Found;
use crate::message::Outcome;
use crate::rexx::Program;
use crate::session::Shell;
use crate::words::{Words, is};

/// Most EXECs in storage.
const LOADED: usize = 100;

/// An EXEC in storage.
struct Loaded {
    id: FileId,
    /// Where it came from.
    found: Found,
    lines: Vec<Vec<u8>>,
    /// Its compiled form, when it is REXX.
    program: Option<Shared<Program>>,
}

/// The EXECs in storage.
#[derive(Default)]
pub(crate) struct InStorage(Vec<Loaded>);

impl InStorage {
    /// The EXEC of that name, as if it had been found on a disk.
    pub(super) fn find(&self, id: &FileId) -> Option<Found> {
        let loaded = self.0.iter().find(|loaded| loaded.id == *id)?;
        let mut found = loaded.found.clone();
        found.entry.id = loaded.id;
        Some(found)
    }

    /// Whether an EXEC that was found is one of those in storage.
    pub(crate) fn has(&self, found: &Found) -> bool {
        self.0.iter().any(|loaded| loaded.id == found.entry.id)
    }

    /// Its lines.
    pub(super) fn lines(&self, found: &Found) -> Option<Vec<Vec<u8>>> {
        self.0.iter().find(|loaded| loaded.id == found.entry.id).map(|loaded| loaded.lines.clone())
    }

    /// Its compiled form.
    pub(super) fn program(&self, found: &Found) -> Option<Shared<Program>> {
        self.0.iter().find(|loaded| loaded.id == found.entry.id).and_then(|loaded| loaded.program.clone())
    }
}

impl<C: Cp> Shell<C> {
    /// EXECLOAD fn ft [fm [newname [newtype]]].
    pub(crate) fn execload_command(&mut self, words: &Words) -> Outcome {
        for option in &words.options {
            // In this CMS every EXEC in storage is the user's own, and stays until it is dropped.
            if !["User", "SYStem", "PUsh"].iter().any(|known| is(option, known)) {
                return Err(self.bad_option(option));
            }
        }
        let push = words.options.iter().any(|option| is(option, "PUsh"));
        let [name, rest @ ..] = words.operands.as_slice() else {
            return Err(self.incomplete());
        };
        if let Some(surplus) = rest.get(4) {
            return Err(self.bad_operand(surplus));
        }
        let word = |at: usize| rest.get(at).map_or("", String::as_str);
        let file_type = if word(0).is_empty() { "EXEC" } else { word(0) };
        let new = |word: &str, old: &str| if matches!(word, "" | "=") { String::from(old) } else { String::from(word) };
        let (new_name, new_type) = (new(word(2), name), new(word(3), file_type));
        let Some(id) = file_id(&new_name, &new_type) else {
            return Err(self.invalid_character(&format!("{new_name} {new_type}")));
        };
        let mode = if word(1).is_empty() { "*" } else { word(1) };
        let found = self.locate(name, file_type, mode)?;
        if self.loaded.find(&id).is_some() && !push {
            return Err(self.fail(1, "412S", format!("EXECLOAD failed: {id} is already in storage; EXECDROP drops it, PUSH replaces it")));
        }
        if self.loaded.0.iter().filter(|loaded| loaded.id != id).count() == LOADED {
            return Err(self.no_storage());
        }
        // A copy in storage must not answer for the file that is being loaded, and stays when that cannot be read.
        let others = core::mem::take(&mut self.loaded);
        let read = self.exec_lines(&found).and_then(|lines| self.compiled(&found, &lines).map(|program| (lines, program)));
        self.loaded = others;
        let (lines, program) = read?;
        self.loaded.0.retain(|loaded| loaded.id != id);
        self.loaded.0.push(Loaded { id, found, lines, program });
        Ok(())
    }

    /// EXECDROP fn ft: either may be `*`.
    pub(crate) fn execdrop_command(&mut self, words: &Words) -> Outcome {
        for option in &words.options {
            if !["User", "SYStem", "SHared", "All"].iter().any(|known| is(option, known)) {
                return Err(self.bad_option(option));
            }
        }
        let [name, rest @ ..] = words.operands.as_slice() else {
            return Err(self.incomplete());
        };
        if let Some(surplus) = rest.get(1) {
            return Err(self.bad_operand(surplus));
        }
        let file_type = rest.first().map_or("EXEC", String::as_str);
        let pattern = crate::fileid::Pattern::new(name, file_type);
        let before = self.loaded.0.len();
        self.loaded.0.retain(|loaded| !pattern.matches(&loaded.id));
        if self.loaded.0.len() == before {
            return Err(self.fail(28, "416E", format!("{pattern} is not in storage")));
        }
        Ok(())
    }

    /// EXECMAP [fn [ft]].
    pub(crate) fn execmap_command(&mut self, words: &Words) -> Outcome {
        if let Some(option) = words.options.first() {
            return Err(self.bad_option(option));
        }
        if let Some(surplus) = words.operands.get(2) {
            return Err(self.bad_operand(surplus));
        }
        let pattern = crate::fileid::Pattern::new(words.operand(0), words.operand(1));
        let lines: Vec<String> = self.loaded.0.iter().filter(|loaded| pattern.matches(&loaded.id)).map(line).collect();
        if lines.is_empty() {
            return Err(self.fail(28, "416E", format!("{pattern} is not in storage")));
        }
        self.say("Name      Type       Records      Bytes  From");
        lines.iter().for_each(|line| self.say(line));
        Ok(())
    }
}

fn line(loaded: &Loaded) -> String {
    let bytes: usize = loaded.lines.iter().map(Vec::len).sum();
    format!("{:<8}  {:<8}  {:>8}  {bytes:>9}  {}", loaded.id.name(), loaded.id.file_type(), loaded.lines.len(), loaded.found)
}
