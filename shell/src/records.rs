//! Reading and writing CMS files record by record, on whichever disk they are.

use minidisk::edf::{DateTime, FileId, FileReader, FileWriter, RecordFormat};

use alloc::format;
use alloc::vec::Vec;
use core::fmt;

use crate::cp::Cp;
use crate::disks::Mode;
use crate::fileid::Found;
use crate::message::{Outcome, Rc};
use crate::session::Shell;

/// A file being read.
pub(crate) struct Source {
    mode: Mode,
    id: FileId,
    number: u8,
    bytes: bool,
    reader: FileReader,
}

impl Source {
    /// Whether the file is a string of bytes: fixed records of one byte, as which a host's file is kept that is not made of lines.
    pub(crate) fn is_bytes(&self) -> bool {
        self.bytes
    }
}

/// Longest line that a string of bytes is cut into when no LF comes.
const LINE_MAX: usize = 32 * 1024;

/// The file that a command writes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Target {
    pub mode: Mode,
    pub id: FileId,
    /// File mode number.
    pub number: u8,
    pub format: RecordFormat,
}

impl fmt::Display for Target {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{} {}{}", self.id, self.mode, self.number)
    }
}

/// A file being written: nothing of it is there until [`Shell::finish`].
pub(crate) struct Destination {
    target: Target,
    writer: FileWriter,
}

impl<C: Cp> Shell<C> {
    /// Begins to write a file, or with `append` to add to the one that is there.
    pub(crate) fn begin_file(&mut self, target: Target, append: bool) -> Result<Destination, Rc> {
        self.writable(target.mode)?;
        let Some(disk) = self.disks.get_mut(target.mode) else {
            return Err(self.not_accessed(target.mode));
        };
        let begun = match append {
            true => disk.system.extend(&target.id),
            false => disk.system.create(&target.id, target.number, target.format),
        };
        match begun {
            Ok(writer) => Ok(Destination { target, writer }),
            Err(error) => Err(self.disk_error(target.mode, &target, &error)),
        }
    }

    /// Adds a record.
    pub(crate) fn write_record(&mut self, to: &mut Destination, record: &[u8]) -> Outcome {
        let mode = to.target.mode;
        let Some(disk) = self.disks.get_mut(mode) else {
            return Err(self.not_accessed(mode));
        };
        disk.system.put(&mut to.writer, record).map_err(|error| self.disk_error(mode, &to.target, &error))
    }

    /// Adds many records of a fixed file: bytes that are a multiple of its record length.
    pub(crate) fn write_run(&mut self, to: &mut Destination, records: &[u8]) -> Outcome {
        let mode = to.target.mode;
        let Some(disk) = self.disks.get_mut(mode) else {
            return Err(self.not_accessed(mode));
        };
        disk.system.put_run(&mut to.writer, records).map_err(|error| self.disk_error(mode, &to.target, &error))
    }

    /// Ends the file when `written` is well, and makes it durable under that date; else nothing of it is left.
    pub(crate) fn finish(&mut self, to: Destination, written: Outcome, date: DateTime) -> Outcome {
        let Destination { target, writer } = to;
        if let Err(rc) = written {
            self.abandon(target.mode, writer);
            return Err(rc);
        }
        self.change(target.mode, &target, |system| system.close(writer, date))
    }

    /// As [`Shell::finish`], but the file is durable only with the next commit of its disk.
    pub(crate) fn finish_uncommitted(&mut self, to: Destination, written: Outcome, date: DateTime) -> Outcome {
        let Destination { target, writer } = to;
        if let Err(rc) = written {
            self.abandon(target.mode, writer);
            return Err(rc);
        }
        let Some(disk) = self.disks.get_mut(target.mode) else {
            return Err(self.not_accessed(target.mode));
        };
        disk.system.close(writer, date).map_err(|error| self.disk_error(target.mode, &target, &error))
    }

    /// Erases files, with the next commit of their disk.
    pub(crate) fn erase_uncommitted(&mut self, mode: Mode, files: &[FileId]) -> Outcome {
        let Some(disk) = self.disks.get_mut(mode) else {
            return Err(self.not_accessed(mode));
        };
        let erased = files.iter().try_for_each(|id| disk.system.erase(id));
        erased.map_err(|error| self.disk_error(mode, "(work file)", &error))
    }

    /// Brings a disk back to what it last committed, without the file that was being written.
    fn abandon(&mut self, mode: Mode, writer: FileWriter) {
        if let Some(disk) = self.disks.get_mut(mode) {
            disk.system.abandon(writer);
        }
        self.forget_changes(mode);
    }

    /// Whether there is a file of that name on the target's disk.
    pub(crate) fn exists(&self, target: &Target) -> bool {
        self.disks.get(target.mode).is_some_and(|disk| disk.system.find(&target.id).is_some())
    }

    /// Begins to read a file at its first record.
    pub(crate) fn open(&mut self, found: &Found) -> Result<Source, Rc> {
        let (mode, id) = (found.mode, found.entry.id);
        let Some(disk) = self.disks.get(mode) else {
            return Err(self.not_accessed(mode));
        };
        match disk.system.open_reader(&id) {
            Ok(reader) => {
                let bytes = found.entry.format == RecordFormat::Fixed(1);
                Ok(Source { mode, id, number: found.entry.mode, bytes, reader })
            }
            Err(error) => Err(self.disk_error(mode, format!("{id} {mode}"), &error)),
        }
    }

    /// Reads the next record; `false` at the end of the file.
    pub(crate) fn next_record(&mut self, source: &mut Source, record: &mut Vec<u8>) -> Result<bool, Rc> {
        let mode = source.mode;
        let Some(disk) = self.disks.get_mut(mode) else {
            return Err(self.not_accessed(mode));
        };
        match disk.system.read_next(&mut source.reader, record) {
            Ok(more) => Ok(more),
            Err(error) => Err(self.disk_error(mode, format!("{} {mode}", source.id), &error)),
        }
    }

    /// Reads the next records of a fixed file, at most `most`; answers how many. Of a variable file it reads one.
    pub(crate) fn read_run(&mut self, source: &mut Source, most: u32, records: &mut Vec<u8>) -> Result<u32, Rc> {
        let mode = source.mode;
        let Some(disk) = self.disks.get_mut(mode) else {
            return Err(self.not_accessed(mode));
        };
        disk.system
            .read_run(&mut source.reader, most, records)
            .map_err(|error| self.disk_error(mode, format!("{} {mode}", source.id), &error))
    }

    /// Reads the next line as people see it: a record, or of a string of bytes what stands before the next LF. `false` at the end.
    pub(crate) fn next_line(&mut self, source: &mut Source, line: &mut Vec<u8>) -> Result<bool, Rc> {
        if !source.is_bytes() {
            return self.next_record(source, line);
        }
        self.next_bytes(source, line, LINE_MAX, Some(b'\n'))
    }

    /// Reads the next bytes of a string of bytes: at most that many, or those before `end`, which is taken too.
    pub(crate) fn next_bytes(&mut self, source: &mut Source, bytes: &mut Vec<u8>, most: usize, end: Option<u8>) -> Result<bool, Rc> {
        bytes.clear();
        let mut record = Vec::new();
        while bytes.len() < most {
            if !self.next_record(source, &mut record)? {
                return Ok(!bytes.is_empty());
            }
            if end.is_some() && record.first().copied() == end {
                return Ok(true);
            }
            bytes.extend_from_slice(&record);
        }
        Ok(true)
    }

    /// Goes to a record, counted from 1; beyond the end there is none to read.
    pub(crate) fn seek(&mut self, source: &mut Source, record: u32) -> Outcome {
        let mode = source.mode;
        let Some(disk) = self.disks.get_mut(mode) else {
            return Err(self.not_accessed(mode));
        };
        disk.system.seek(&mut source.reader, record).map_err(|error| self.disk_error(mode, format!("{} {mode}", source.id), &error))
    }

    /// Ends reading. A file of mode 3 is erased once it was read, when its disk may be written.
    pub(crate) fn close(&mut self, source: Source) -> Outcome {
        let mode = source.mode;
        let Some(disk) = self.disks.get_mut(mode).filter(|disk| source.number == 3 && !disk.read_only) else {
            return Ok(());
        };
        let erased = disk.system.erase(&source.id).and_then(|()| disk.system.commit());
        erased.map_err(|error| self.disk_error(mode, format!("{} {mode}", source.id), &error))
    }
}
