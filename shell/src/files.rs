//! Commands on files as wholes: STATE, ERASE, RENAME, TYPE; and the one way to change a disk.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt::{Display, Write};

use minidisk::edf::FileSystem;

use crate::cp::Cp;
use crate::disks::Mode;
use crate::fileid::{Found, ModeSpec, Pattern};
use crate::message::{DiskError, Outcome, Rc};
use crate::records::Source;
use crate::session::Shell;
use crate::words::{Words, is, number};

impl<C: Cp> Shell<C> {
    /// Changes a disk, all or nothing: on an error the disk is as it was, and the message names `file`.
    pub(crate) fn change<T>(
        &mut self,
        mode: Mode,
        file: impl Display,
        change: impl FnOnce(&mut FileSystem<C::Disk>) -> Result<T, DiskError<C>>,
    ) -> Result<T, Rc> {
        self.writable(mode)?;
        let Some(disk) = self.disks.get_mut(mode) else {
            return Err(self.not_accessed(mode));
        };
        let changed = change(&mut disk.system).and_then(|answer| disk.system.commit().map(|()| answer));
        changed.map_err(|error| {
            self.forget_changes(mode);
            self.disk_error(mode, file, &error)
        })
    }

    /// Brings the disk of that mode back to what it last committed. A disk that cannot be read even for that is released.
    pub(crate) fn forget_changes(&mut self, mode: Mode) {
        let Some(disk) = self.disks.get_mut(mode) else {
            return;
        };
        if let Err(error) = disk.system.rollback() {
            let _ = self.disk_error(mode, "(directory)", &error);
            self.release(mode);
        }
    }

    /// STATE and ESTATE: is there such a file?
    pub(crate) fn state_command(&mut self, words: &Words) -> Outcome {
        self.state(words).map(|_| ())
    }

    /// STATEW: is there such a file on a disk that may be written?
    pub(crate) fn statew_command(&mut self, words: &Words) -> Outcome {
        let found = self.state(words)?;
        self.writable(found.mode)
    }

    /// The file that STATE is about.
    fn state(&mut self, words: &Words) -> Result<Found, Rc> {
        if let Some(option) = words.options.first() {
            return Err(self.bad_option(option));
        }
        match words.operands.as_slice() {
            [] | [_] => Err(self.incomplete()),
            [_, _, _, surplus, ..] => Err(self.bad_operand(surplus)),
            [name, file_type, ..] => {
                let spec = self.mode_spec(words.operand(2), ModeSpec::ANY)?;
                let pattern = Pattern::new(name, file_type);
                if !pattern.is_generic() {
                    return self.locate(name, file_type, words.operand(2));
                }
                let found = self.matching(&pattern, spec)?;
                Ok(found.into_iter().next().ok_or_else(|| self.not_found(format!("{pattern} {spec}")))?)
            }
        }
    }

    /// Every file that a pattern means; none is an error.
    pub(crate) fn matching(&mut self, pattern: &Pattern, spec: ModeSpec) -> Result<Vec<Found>, Rc> {
        let found = self.disks.matching(pattern, spec).map_err(|missing| self.missing(missing, ""))?;
        if found.is_empty() {
            return Err(self.not_found(format!("{pattern} {spec}")));
        }
        Ok(found)
    }

    /// ERASE.
    pub(crate) fn erase_command(&mut self, words: &Words) -> Outcome {
        let mut show = false;
        for option in &words.options {
            match option.as_str() {
                option if is(option, "Type") => show = true,
                option if is(option, "NOType") => show = false,
                _ => return Err(self.bad_option(option)),
            }
        }
        let [name, file_type, ..] = words.operands.as_slice() else {
            return Err(self.incomplete());
        };
        if let Some(surplus) = words.operands.get(3) {
            return Err(self.bad_operand(surplus));
        }
        if name == "*" && file_type == "*" && words.operands.len() < 3 {
            // Everything is erased only when the disk is named.
            return Err(self.incomplete());
        }
        let pattern = Pattern::new(name, file_type);
        let spec = self.mode_spec(words.operand(2), ModeSpec::A)?;
        let mut files = self.matching(&pattern, spec)?;
        if spec.mode.is_none() {
            // With * only the disks that may be written are meant.
            files.retain(|found| self.disks.get(found.mode).is_some_and(|disk| !disk.read_only));
        }
        let Some(first) = files.first() else {
            return Err(self.not_found(format!("{pattern} {spec}")));
        };
        self.writable(first.mode)?;
        for part in files.chunk_by(|one, next| one.mode == next.mode) {
            self.change(part[0].mode, &pattern, |system| part.iter().try_for_each(|found| system.erase(&found.entry.id)))?;
        }
        if show {
            files.iter().for_each(|found| self.say(format!("{found}")));
        }
        Ok(())
    }

    /// RENAME.
    pub(crate) fn rename_command(&mut self, words: &Words) -> Outcome {
        let mut show = false;
        for option in &words.options {
            match option.as_str() {
                option if is(option, "Type") => show = true,
                option if is(option, "NOType") => show = false,
                option if is(option, "UPdirt") || is(option, "NOUPdirt") => {}
                _ => return Err(self.bad_option(option)),
            }
        }
        let [name, file_type, mode, new_name, new_type, new_mode] = words.operands.as_slice() else {
            return Err(match words.operands.get(6) {
                Some(surplus) => self.bad_operand(surplus),
                None => self.incomplete(),
            });
        };
        let pattern = Pattern::new(name, file_type);
        let spec = self.mode_spec(mode, ModeSpec::A)?;
        let new_spec = match new_mode.as_str() {
            "=" => spec,
            word => self.mode_spec(word, spec)?,
        };
        if new_spec.mode != spec.mode {
            return Err(self.fail(24, "051E", format!("Invalid mode change from {mode} to {new_mode}")));
        }
        let target = Pattern::new(new_name, new_type);
        let files = self.matching(&pattern, spec)?;
        if pattern.is_generic() && files.len() > 1 && !target.name.contains('=') && !target.file_type.contains('=') {
            return Err(self.invalid_character(&format!("{target}")));
        }
        files.iter().try_for_each(|found| self.rename_one(found, &target, new_spec.number, show))
    }

    /// Renames one file, and changes its mode number when one is given.
    fn rename_one(&mut self, found: &Found, target: &Pattern, number: Option<u8>, show: bool) -> Outcome {
        let mode = found.mode;
        let Some(id) = target.derive(&found.entry.id) else {
            return Err(self.invalid_character(&format!("{target}")));
        };
        let number = number.unwrap_or(found.entry.mode);
        if id == found.entry.id && number == found.entry.mode {
            return Err(self.fail(24, "019E", "Identical fileids"));
        }
        let old = found.entry.id;
        self.change(mode, old, |system| {
            if id != old {
                system.rename(&old, &id)?;
            }
            if number != found.entry.mode {
                system.set_mode(&id, number)?;
            }
            Ok(())
        })?;
        if show {
            self.say(format!("{id} {mode}{number}"));
        }
        Ok(())
    }

    /// TYPE.
    pub(crate) fn type_command(&mut self, words: &Words) -> Outcome {
        let [name, file_type, ..] = words.operands.as_slice() else {
            return Err(self.incomplete());
        };
        if let Some(surplus) = words.operands.get(5) {
            return Err(self.bad_operand(surplus));
        }
        let options = self.type_options(words)?;
        let (first, last) = self.type_range(words)?;
        let found = self.locate(name, file_type, words.operand(2))?;
        if first > found.entry.records.max(1) {
            return Err(self.fail(32, "049E", format!("Invalid line number {first}")));
        }
        let mut source = self.open(&found)?;
        let mut record = Vec::new();
        self.go_to_line(&mut source, first, &options, &mut record)?;
        self.say("");
        for _ in first..=last {
            if !self.next_typed(&mut source, &options, &mut record)? {
                break;
            }
            self.type_record(&record, &options);
        }
        self.say("");
        self.close(source)
    }

    /// The next line that TYPE shows; `false` at the end.
    fn next_typed(&mut self, source: &mut Source, options: &TypeOptions, line: &mut Vec<u8>) -> Result<bool, Rc> {
        match source.is_bytes() && options.hexadecimal {
            true => self.next_bytes(source, line, HEX_BYTES, None),
            false => self.next_line(source, line),
        }
    }

    /// Goes to the first line that TYPE shows. Where the lines of a string of bytes begin is only known by reading them.
    fn go_to_line(&mut self, source: &mut Source, first: u32, options: &TypeOptions, line: &mut Vec<u8>) -> Outcome {
        if !source.is_bytes() {
            return self.seek(source, first);
        }
        for _ in 1..first {
            if !self.next_typed(source, options, line)? {
                return Err(self.fail(32, "049E", format!("Invalid line number {first}")));
            }
        }
        Ok(())
    }

    /// The options of TYPE.
    fn type_options(&mut self, words: &Words) -> Result<TypeOptions, Rc> {
        let mut options = TypeOptions { hexadecimal: false, columns: (1, usize::MAX) };
        let mut rest = words.options.iter();
        while let Some(option) = rest.next() {
            if option == "HEX" {
                options.hexadecimal = true;
            } else if is(option, "COLumns") {
                // COL 1-20, COL 1 20 and COL 5 are the same to the user.
                let from_to = rest.next().map_or("", String::as_str);
                let (from, to) = match from_to.split_once('-') {
                    Some((from, to)) => (from, to),
                    None => (from_to, rest.next().map_or("*", String::as_str)),
                };
                let to = if to == "*" { Some(usize::MAX) } else { number(to) };
                options.columns = match (number(from), to) {
                    (Some(from), Some(to)) if from >= 1 && to >= from => (from, to),
                    _ => return Err(self.bad_value("COL", from_to)),
                };
            } else {
                return Err(self.bad_option(option));
            }
        }
        Ok(options)
    }

    /// The first and the last record of TYPE.
    fn type_range(&mut self, words: &Words) -> Result<(u32, u32), Rc> {
        let mut bound = |word: &str, without| match word {
            "" => Ok(without),
            "*" => Ok(u32::MAX),
            word => match number::<u32>(word).filter(|&record| record > 0) {
                Some(record) => Ok(record),
                None => Err(self.fail(24, "049E", format!("Invalid line number {word}"))),
            },
        };
        let first = match words.operand(3) {
            "*" => 1,
            word => bound(word, 1)?,
        };
        let last = bound(words.operand(4), u32::MAX)?;
        if last < first {
            return Err(self.fail(24, "049E", format!("Invalid line number {last}")));
        }
        Ok((first, last))
    }

    /// Shows one record.
    fn type_record(&mut self, record: &[u8], options: &TypeOptions) {
        let (from, to) = options.columns;
        let part = record.get(from - 1..to.min(record.len())).unwrap_or_default();
        if !options.hexadecimal {
            return self.show_line(part);
        }
        hexadecimal_lines(part).for_each(|line| self.say(line));
    }
}

/// Bytes on a line in hexadecimal.
pub(crate) const HEX_BYTES: usize = 32;

/// A record in hexadecimal, line by line, in words of four bytes.
pub(crate) fn hexadecimal_lines(record: &[u8]) -> impl Iterator<Item = String> {
    record.chunks(HEX_BYTES).map(|line| {
        let mut text = String::new();
        for (at, byte) in line.iter().enumerate() {
            let gap = if at > 0 && at % 4 == 0 { " " } else { "" };
            // Writing to a String does not fail.
            let _ = write!(text, "{gap}{byte:02X}");
        }
        text
    })
}

/// What TYPE shows of a record.
struct TypeOptions {
    /// In hexadecimal.
    hexadecimal: bool,
    /// First and last column, from 1.
    columns: (usize, usize),
}
