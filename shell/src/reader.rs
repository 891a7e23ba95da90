//! Reading a CMS file record by record, on whichever disk it is.

use minidisk::edf::{FileId, FileReader};

use alloc::format;
use alloc::vec::Vec;

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
    reader: FileReader,
}

impl<C: Cp> Shell<C> {
    /// Begins to read a file at its first record.
    pub(crate) fn open(&mut self, found: &Found) -> Result<Source, Rc> {
        let (mode, id) = (found.mode, found.entry.id);
        let Some(disk) = self.disks.get(mode) else {
            return Err(self.not_accessed(mode));
        };
        match disk.system.open_reader(&id) {
            Ok(reader) => Ok(Source {
                mode,
                id,
                number: found.entry.mode,
                reader,
            }),
            Err(error) => Err(self.disk_error(mode, format!("{id} {mode}"), &error)),
        }
    }

    /// Reads the next record; `false` at the end of the file.
    pub(crate) fn next_record(
        &mut self,
        source: &mut Source,
        record: &mut Vec<u8>,
    ) -> Result<bool, Rc> {
        let mode = source.mode;
        let Some(disk) = self.disks.get_mut(mode) else {
            return Err(self.not_accessed(mode));
        };
        match disk.system.read_next(&mut source.reader, record) {
            Ok(more) => Ok(more),
            Err(error) => Err(self.disk_error(mode, format!("{} {mode}", source.id), &error)),
        }
    }

    /// Goes to a record, counted from 1.
    pub(crate) fn seek(&mut self, source: &mut Source, record: u32) {
        source.reader.seek(record);
    }

    /// Ends reading. A file of mode 3 is erased once it was read, when its disk may be written.
    pub(crate) fn close(&mut self, source: Source) -> Outcome {
        let mode = source.mode;
        let Some(disk) = self
            .disks
            .get_mut(mode)
            .filter(|disk| source.number == 3 && !disk.read_only)
        else {
            return Ok(());
        };
        let erased = disk
            .system
            .erase(&source.id)
            .and_then(|()| disk.system.commit());
        erased.map_err(|error| self.disk_error(mode, format!("{} {mode}", source.id), &error))
    }
}
