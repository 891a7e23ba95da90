//! The virtual reader: which file, in which form, its records, and closing it.
//!
//! A command reads a file as often as it must: first to know it, then to take it. The file leaves the reader when the command closes it
//! after it went well, and stays after any error.

use alloc::format;
use alloc::vec::Vec;

use abi::{SpoolFileBlock, spool_input};
use minidisk::edf::FileId;

use crate::cp::Cp;
use crate::disks::file_id;
use crate::dump::is_dump;
use crate::message::{Outcome, Rc};
use crate::netdata;
use crate::session::Shell;
use crate::unit_record::frames;
use crate::words::{field, number};

/// The forms in which files arrive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    /// What SENDFILE and TRANSMIT send.
    Netdata,
    /// What DISK DUMP punches.
    Dump,
    /// Printer or console output.
    Lines,
    /// Cards, with or without `:READ` cards among them.
    Cards,
}

impl Form {
    /// As PEEK names it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Netdata => "NETDATA",
            Self::Dump => "DISK DUMP",
            Self::Lines => "PRINT",
            Self::Cards => "PUNCH",
        }
    }
}

/// What becomes of the file when the reader is closed after all went well.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Afterwards {
    /// It goes, unless SPOOL or CHANGE keep it.
    Close,
    /// It stays.
    Keep,
}

impl<C: Cp> Shell<C> {
    /// A spool id as the first of the operands, else 0, and the operands behind it.
    pub(crate) fn spid_operand<'a, S: AsRef<str>>(&self, operands: &'a [S]) -> (u32, &'a [S]) {
        match operands.split_first() {
            Some((first, rest)) => match number::<u32>(first.as_ref()).filter(|spid| (1..=9999).contains(spid)) {
                Some(spid) => (spid, rest),
                None => (0, operands),
            },
            None => (0, operands),
        }
    }

    /// The reader file with that spool id, or with 0 the next one.
    pub(crate) fn reader_file(&mut self, spid: u32) -> Result<SpoolFileBlock, Rc> {
        self.cp.reader_file(spid).ok_or_else(|| match spid {
            0 => self.fail(8, "205E", "Reader empty or not ready"),
            spid => self.fail(28, "655E", format!("Spool file {spid:04} does not exist")),
        })
    }

    /// Does something with the reader, and closes it.
    pub(crate) fn with_reader<T>(&mut self, afterwards: Afterwards, work: impl FnOnce(&mut Self) -> Result<T, Rc>) -> Result<T, Rc> {
        self.spooling(true);
        let done = work(self);
        let close = if done.is_ok() && afterwards == Afterwards::Close { "CLOSE 00C" } else { "CLOSE 00C KEEP" };
        let response = self.cp.command(close.as_bytes());
        self.spooling(false);
        let done = done?;
        if response.code != 0 {
            self.show(&response.text);
            return Err(Rc(response.code as i32));
        }
        Ok(done)
    }

    /// Reads a reader file from its beginning until `take` answers `false`.
    pub(crate) fn each_record(&mut self, file: &SpoolFileBlock, mut take: impl FnMut(&mut Self, &[u8]) -> Result<bool, Rc>) -> Outcome {
        self.cp.select_reader_file(file.spid).map_err(|status| self.reader_error(file.spid, status))?;
        let mut buffer = Vec::new();
        loop {
            match self.cp.read_reader(&mut buffer) {
                Ok(true) => {}
                Ok(false) => return Ok(()),
                Err(status) => return Err(self.reader_error(file.spid, status)),
            }
            for (_, record) in frames(&buffer) {
                if !take(self, record)? {
                    return Ok(());
                }
            }
        }
    }

    /// The form of a reader file, by its first record.
    pub(crate) fn form_of(&mut self, file: &SpoolFileBlock) -> Result<Form, Rc> {
        let mut first = None;
        self.each_record(file, |_, record| {
            first = Some(record.to_vec());
            Ok(false)
        })?;
        let Some(first) = first else {
            return Err(self.fail(8, "205E", format!("Spool file {:04} is empty", file.spid)));
        };
        Ok(match file.device {
            _ if netdata::is_netdata(&first) => Form::Netdata,
            _ if is_dump(&first) => Form::Dump,
            b'P' | b'C' => Form::Lines,
            _ => Form::Cards,
        })
    }

    /// What CP says of the reader.
    fn reader_error(&mut self, spid: u32, status: u64) -> Rc {
        match status {
            spool_input::NO_FILE => self.fail(28, "655E", format!("Spool file {spid:04} does not exist")),
            spool_input::DAMAGED => self.fail(100, "124S", format!("Spool file {spid:04} cannot be read back")),
            spool_input::NOT_A_READER => self.fail(8, "205E", "Reader empty or not ready"),
            status => self.fail(100, "124S", format!("Error {status} reading spool file {spid:04}")),
        }
    }
}

/// The name that a spool file has, when a file can have it.
pub(crate) fn spool_name(file: &SpoolFileBlock) -> Option<FileId> {
    let part = |bytes: &[u8]| field(bytes).to_ascii_uppercase();
    file_id(&part(&file.name), &part(&file.file_type))
}
