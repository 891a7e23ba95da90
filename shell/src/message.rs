//! Messages: `DMSxxxnnns text`, where xxx names the command, nnn the message and s how grave it is.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt::Display;

use minidisk::edf::{BlockDevice, EdfError};

use crate::cp::Cp;
use crate::disks::Mode;
use crate::session::Shell;

/// A return code other than 0; its message has been shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rc(pub i32);

/// How a command ends.
pub type Outcome = Result<(), Rc>;

impl<C: Cp> Shell<C> {
    /// Shows a line, or adds it to an answer that is to be stacked.
    pub(crate) fn say(&mut self, text: impl AsRef<str>) {
        let line = text.as_ref().as_bytes();
        match &mut self.answer {
            Some(answer) => answer.push(line.to_vec()),
            None => self.show_line(line),
        }
    }

    /// Puts a line into the program stack: to be read after those that are there, or before them.
    pub(crate) fn stack_line(&mut self, line: Vec<u8>, first_in_first_out: bool) {
        match first_in_first_out {
            true => self.program_stack.queue(line),
            false => self.program_stack.push(line),
        }
    }

    /// Shows a message of the running command; `number` is its number and severity, such as `732I`.
    pub(crate) fn note(&mut self, number: &str, text: impl Display) {
        let identification = format!("DMS{}{number}", self.code);
        if let Some(line) = self.session.settings.emsg.edit(&identification, &format!("{text}")) {
            self.show_line(line.as_bytes());
        }
    }

    /// Shows a message and answers the return code that goes with it.
    pub(crate) fn fail(&mut self, rc: i32, number: &str, text: impl Display) -> Rc {
        self.note(number, text);
        Rc(rc)
    }

    /// An option that the command does not have.
    pub(crate) fn bad_option(&mut self, option: &str) -> Rc {
        self.fail(24, "003E", format!("Invalid option: {option}"))
    }

    /// What stands behind an option is missing (an empty text), or is not what it should be.
    pub(crate) fn bad_value(&mut self, option: &str, value: &str) -> Rc {
        match value {
            "" => self.fail(24, "005E", format!("No {option} specified")),
            value => self.fail(24, "029E", format!("Invalid parameter {value} in the option {option} field")),
        }
    }

    /// An operand that the command does not have, that is not what it should be, or (an empty one) that is missing.
    pub(crate) fn bad_operand(&mut self, operand: &str) -> Rc {
        if operand.is_empty() {
            return self.fail(24, "386E", "Missing operand(s)");
        }
        self.fail(24, "070E", format!("Invalid parameter {operand}"))
    }

    /// Too few words to name a file.
    pub(crate) fn incomplete(&mut self) -> Rc {
        self.fail(24, "054E", "Incomplete fileid specified")
    }

    /// A mode letter under which no disk is accessed.
    pub(crate) fn not_accessed(&mut self, mode: Mode) -> Rc {
        self.fail(36, "069E", format!("Filemode {mode} not accessed"))
    }

    /// A file that is not there.
    pub(crate) fn not_found(&mut self, file: impl Display) -> Rc {
        self.fail(28, "002E", format!("File {file} not found"))
    }

    /// More than storage, or a table in it, holds.
    pub(crate) fn no_storage(&mut self) -> Rc {
        self.fail(104, "109S", "Virtual storage capacity exceeded")
    }

    /// What went wrong with the disk of that mode while `file` was worked on.
    pub(crate) fn disk_error<E>(&mut self, mode: Mode, file: impl Display, error: &EdfError<E>) -> Rc
    where
        E: core::fmt::Debug + Display,
    {
        let vdev = self.disks.get(mode).map_or(0, |disk| disk.access.vdev);
        match error {
            EdfError::Full => self.fail(100, "107S", format!("Disk {mode}({vdev:03X}) is full")),
            EdfError::ReadOnly => self.read_only(mode),
            EdfError::NotFound(id) => self.not_found(format!("{id} {mode}")),
            EdfError::Exists(id) => self.fail(28, "024E", format!("File {id} {mode} already exists")),
            EdfError::RecordLength { .. } | EdfError::BadLrecl(_) | EdfError::TooManyRecords => {
                self.fail(32, "044E", format!("File {file}: {error}"))
            }
            _ => self.fail(100, "104S", format!("Error on disk {mode}({vdev:03X}), file {file}: {error}")),
        }
    }

    /// A disk that may only be read.
    pub(crate) fn read_only(&mut self, mode: Mode) -> Rc {
        let vdev = self.disks.get(mode).map_or(0, |disk| disk.access.vdev);
        self.fail(36, "037E", format!("Filemode {mode}({vdev:03X}) is accessed as read/only"))
    }
}

/// The error type of the file systems on CP's disks.
pub(crate) type DiskError<C> = EdfError<<<C as Cp>::Disk as BlockDevice>::Error>;

/// Left-justified in a field of that width and cut to it.
pub(crate) fn padded(text: &str, width: usize) -> String {
    format!("{text:width$.width$}")
}
