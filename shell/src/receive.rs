//! RECEIVE and DISCARD: files from the reader, in whatever form they came.
//!
//! NETDATA (SENDFILE), DISK DUMP, decks with `:READ` cards (PUNCH), plain decks, and printer or console output. The reader file
//! is closed, and so purged, only when the file on disk is durable; after any error it stays in the reader.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use abi::SpoolFileBlock;
use minidisk::edf::{DateTime, FileId, RecordFormat};

use crate::content::Code;
use crate::cp::Cp;
use crate::disks::{Mode, file_id};
use crate::fileid::{ModeSpec, Pattern};
use crate::message::{Outcome, Rc};
use crate::netdata::FileControl;
use crate::reader::{Afterwards, Form, spool_name};
use crate::records::Target;
use crate::session::Shell;
use crate::transmission::{Meant, Transmission};
use crate::words::{Words, field, is, without_trailing_blanks};

/// Line between the notes of a notebook, as long as on VM.
pub(crate) const NOTEBOOK_RULE: [u8; 73] = [b'='; 73];

/// What the user wants of a reader file.
#[derive(Clone)]
pub(crate) struct Request {
    /// Name and type that the file gets; `=` takes over what was sent. `None` takes over both.
    pub name: Option<Pattern>,
    /// Disk and mode number that it gets.
    pub spec: ModeSpec,
    pub replace: bool,
    /// The file gets the date of today, not the one it was sent with.
    pub new_date: bool,
    /// Whether its text is translated.
    pub code: Code,
    /// What was received is logged.
    pub log: bool,
    /// File name of the notebook that notes are added to.
    pub notebook: String,
}

impl Request {
    /// What nobody asked otherwise.
    pub(crate) fn new(name: Option<Pattern>, spec: ModeSpec) -> Self {
        let notebook = String::from("ALL");
        Self { name, spec, replace: false, new_date: false, code: Code::ByContent, log: true, notebook }
    }

    /// The disk.
    pub(crate) fn mode(&self) -> Mode {
        self.spec.mode.unwrap_or(Mode::A)
    }
}

/// What a file that was received is called.
pub(crate) struct Received {
    pub target: Target,
    /// The name it was sent under, when that is another.
    pub sent_as: Option<String>,
}

impl<C: Cp> Shell<C> {
    /// RECEIVE.
    pub(crate) fn receive_command(&mut self, words: &Words) -> Outcome {
        let (spid, names) = self.spid_operand(&words.operands);
        let (name, mode) = match names {
            [] => (None, ""),
            [_] => return Err(self.incomplete()),
            [name, file_type] => (Some(Pattern::new(name, file_type)), ""),
            [name, file_type, mode] => (Some(Pattern::new(name, file_type)), mode.as_str()),
            [_, _, _, surplus, ..] => return Err(self.bad_operand(surplus)),
        };
        let mut request = Request::new(name, self.mode_spec(mode, ModeSpec::A)?);
        let mut purge = false;
        let mut options = words.options.iter();
        while let Some(option) = options.next() {
            match option.as_str() {
                option if is(option, "REPlace") => request.replace = true,
                option if is(option, "NOReplace") => request.replace = false,
                option if is(option, "NEWDate") => request.new_date = true,
                option if is(option, "OLDDate") => request.new_date = false,
                option if is(option, "Purge") => purge = true,
                option if is(option, "EBcdic") => request.code = Code::Ebcdic,
                option if is(option, "BInary") => request.code = Code::Binary,
                option if is(option, "Log") => request.log = true,
                option if is(option, "NOLog") => request.log = false,
                option if is(option, "NOTebook") => match options.next().map_or("", String::as_str) {
                    name if file_id(name, "NOTEBOOK").is_some() => request.notebook = String::from(name),
                    name => return Err(self.bad_value("NOTEBOOK", name)),
                },
                // What RECEIVE finds out by itself, and the form of dates that it shows.
                option if is(option, "NETData") || is(option, "FULLDate") || is(option, "SHOrtdate") || is(option, "ISOdate") => {}
                _ => return Err(self.bad_option(option)),
            }
        }
        if purge {
            let file = self.reader_file(spid)?;
            return self.discard(&file, request.log);
        }
        self.writable(request.mode())?;
        let file = self.reader_file(spid)?;
        // Who asked is answered when the file has left the reader.
        if let Some((transmission, meant)) = self.with_reader(Afterwards::Close, |shell| shell.receive_file(&file, &request))? {
            self.acknowledge(&file, &transmission, meant, "RECEIVED");
        }
        Ok(())
    }

    /// DISCARD: a reader file is thrown away; who wants to know is told.
    pub(crate) fn discard_command(&mut self, words: &Words) -> Outcome {
        let mut log = true;
        for option in &words.options {
            match option.as_str() {
                option if is(option, "Log") => log = true,
                option if is(option, "NOLog") => log = false,
                _ => return Err(self.bad_option(option)),
            }
        }
        let (spid, rest) = self.spid_operand(&words.operands);
        if let Some(surplus) = rest.first() {
            return Err(self.bad_operand(surplus));
        }
        let file = self.reader_file(spid)?;
        self.discard(&file, log)
    }

    /// Throws a reader file away.
    fn discard(&mut self, file: &SpoolFileBlock, log: bool) -> Outcome {
        // A transmission that cannot be read goes too, only nobody can be told.
        let transmission = self.with_reader(Afterwards::Keep, |shell| {
            Ok(match shell.form_of(file) {
                Ok(Form::Netdata) => shell.survey_transmission(file).ok(),
                _ => None,
            })
        })?;
        let name = spool_name(file).map_or(String::from("(none) (none)"), |id| format!("{id}"));
        self.cp_command(format!("PURGE READER {}", file.spid).as_bytes())?;
        if let Some(transmission) = &transmission
            && let Ok(meant) = self.meant(file, transmission)
        {
            self.acknowledge(file, transmission, meant, "DELETED");
        }
        let (node, from) = (self.self_and_node().1, field(&file.origin));
        let line = format!("File {name} from {from} at {node} has been discarded");
        self.say(&line);
        if log {
            let now = self.now();
            let when = self.date_and_zone(&now);
            self.log(&format!("{line} on {when}"));
        }
        Ok(())
    }

    /// Puts a reader file on the disk, whatever its form; answers the transmission that it was, when its sender may want to know.
    fn receive_file(&mut self, file: &SpoolFileBlock, request: &Request) -> Result<Option<(Transmission, Meant)>, Rc> {
        let received = match self.form_of(file)? {
            Form::Netdata => return self.receive_netdata(file, request),
            Form::Dump => self.load_dump(file, request)?,
            Form::Lines => Vec::from([self.receive_lines(file, request)?]),
            Form::Cards => self.receive_deck(file, request, None)?,
        };
        received.iter().for_each(|received| self.tell_received(file, received, request.log));
        Ok(None)
    }

    /// Says and logs that a file was received.
    pub(crate) fn tell_received(&mut self, file: &SpoolFileBlock, received: &Received, log: bool) {
        let (node, from) = (self.self_and_node().1, field(&file.origin));
        let sent_as = received.sent_as.as_ref().map_or(String::new(), |name| format!(" sent as {name}"));
        let target = &received.target;
        self.say(format!("File {target} received from {from} at {node}{sent_as}"));
        if log {
            let now = self.now();
            let when = self.date_and_zone(&now);
            self.log(&format!("File {target} received from {from} at {node} on {when}{sent_as}"));
        }
    }

    /// The file that is to be written, when it may be.
    pub(crate) fn receive_target(
        &mut self,
        sent: Option<FileId>,
        number: u8,
        format: RecordFormat,
        request: &Request,
    ) -> Result<Received, Rc> {
        self.writable(request.mode())?;
        let id = match (&request.name, sent) {
            (None, sent) => sent,
            (Some(name), Some(sent)) => name.derive(&sent),
            (Some(name), None) => file_id(&name.name, &name.file_type),
        };
        let Some(id) = id else {
            return Err(match &request.name {
                None => self.fail(88, "681E", "This is an unnamed file; specify filename and filetype"),
                Some(name) => self.invalid_character(&format!("{name}")),
            });
        };
        let target = Target { mode: request.mode(), id, number: request.spec.number.unwrap_or(number), format };
        if self.exists(&target) && !request.replace {
            return Err(self.fail(28, "024E", format!("File {target} already exists; specify REPLACE option")));
        }
        let sent_as = sent.filter(|&sent| sent != id).map(|sent| format!("{sent}"));
        Ok(Received { target, sent_as })
    }

    /// Receives NETDATA: a file, a note, or an acknowledgement.
    fn receive_netdata(&mut self, file: &SpoolFileBlock, request: &Request) -> Result<Option<(Transmission, Meant)>, Rc> {
        let transmission = self.survey_transmission(file)?;
        if let Some(acknowledgement) = &transmission.acknowledgement {
            self.receive_acknowledgement(file, acknowledgement, request.log);
            return Ok(None);
        }
        let meant = self.meant(file, &transmission)?;
        let (Meant::File(at) | Meant::Note(at)) = meant;
        if matches!(meant, Meant::Note(_)) && request.name.is_none() {
            self.receive_note(file, &transmission, at, request)?;
        } else {
            self.receive_sent_file(file, &transmission, at, request)?;
        }
        Ok(Some((transmission, meant)))
    }

    /// Writes a file of a transmission.
    fn receive_sent_file(&mut self, file: &SpoolFileBlock, transmission: &Transmission, at: usize, request: &Request) -> Outcome {
        let Some(control) = transmission.files.get(at).map(|file| &file.control) else { return Ok(()) };
        let sent = file_id(&control.name.to_ascii_uppercase(), &control.file_type.to_ascii_uppercase());
        let received = self.receive_target(sent.or_else(|| spool_name(file)), control.mode, control.format, request)?;
        if transmission.files.len() > 1 {
            self.show_message(transmission);
        }
        let date = self.date_of(control, request);
        let mut to = self.begin_file(received.target.clone(), false)?;
        let written = self.each_file_record(file, transmission, at, request.code, |shell, record| {
            shell.write_record(&mut to, record)?;
            Ok(true)
        });
        self.finish(to, written, date)?;
        self.tell_received(file, &received, request.log);
        Ok(())
    }

    /// The date that a received file gets.
    fn date_of(&mut self, control: &FileControl, request: &Request) -> DateTime {
        match control.changed.filter(|_| !request.new_date) {
            Some(date) => self.local(date),
            None => self.now(),
        }
    }

    /// Adds a note to the notebook.
    fn receive_note(&mut self, file: &SpoolFileBlock, transmission: &Transmission, at: usize, request: &Request) -> Outcome {
        let Some(id) = file_id(&request.notebook, "NOTEBOOK") else { return Err(self.invalid_character(&request.notebook)) };
        let target = Target { mode: request.mode(), id, number: 0, format: RecordFormat::Variable };
        let exists = self.exists(&target);
        let mut to = self.begin_file(target.clone(), exists)?;
        let mut written = self.write_record(&mut to, &NOTEBOOK_RULE);
        if written.is_ok() {
            written = self.each_file_record(file, transmission, at, request.code, |shell, record| {
                let line = without_trailing_blanks(record);
                shell.write_record(&mut to, if line.is_empty() { b" " } else { line })?;
                Ok(true)
            });
        }
        let date = self.now();
        self.finish(to, written, date)?;
        let (node, from) = (self.self_and_node().1, field(&file.origin));
        let line = format!("Note from {from} at {node} added to {target}");
        self.say(&line);
        if request.log {
            let when = self.date_and_zone(&date);
            self.log(&format!("{line} on {when}"));
        }
        Ok(())
    }

    /// Receives printer or console output: lines without the blanks at their ends.
    fn receive_lines(&mut self, file: &SpoolFileBlock, request: &Request) -> Result<Received, Rc> {
        let received = self.receive_target(spool_name(file), 1, RecordFormat::Variable, request)?;
        let mut to = self.begin_file(received.target.clone(), false)?;
        let mut longest = 0;
        let read = self.each_record(file, |shell, record| {
            longest = longest.max(record.len());
            let line = without_trailing_blanks(record);
            shell.write_record(&mut to, if line.is_empty() { b" " } else { line })?;
            Ok(true)
        });
        let date = self.now();
        self.finish(to, read, date)?;
        self.note("738I", format!("Record length is {longest} bytes"));
        Ok(received)
    }
}
