//! FILEDEF and MOVEFILE: names for files and devices, and moving data between them.

use alloc::boxed::Box;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use abi::SpoolFileBlock;
use minidisk::edf::{FileId, MAX_RECORD, RecordFormat};

use crate::cp::{Cp, PRINTER, PUNCH};
use crate::disks::{Mode, file_id};
use crate::fileid::{Found, ModeSpec};
use crate::message::{Outcome, Rc};
use crate::reader::Afterwards;
use crate::records::{Destination, Source, Target};
use crate::session::Shell;
use crate::tape::{TapeRecords, tape_number};
use crate::unit_record::{Output, channel};
use crate::words::{Words, is, number};

/// Most definitions at a time.
const DEFINITIONS_MAX: usize = 100;
/// Longest line of a printer and of a card.
const LINE: usize = 132;
const CARD: usize = 80;

/// What a name stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Device {
    Disk(FileId, ModeSpec),
    Terminal,
    Printer,
    Punch,
    Reader,
    Dummy,
    /// A tape unit.
    Tape(u8),
}

/// One definition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Definition {
    name: String,
    device: Device,
    /// Record format of a file that is written.
    fixed: Option<bool>,
    lrecl: Option<u32>,
    /// Bytes in a block of a tape.
    block: Option<u32>,
    /// A file that is written is added to.
    append: bool,
    /// FILEDEF * CLEAR leaves it.
    permanent: bool,
}

impl fmt::Display for Definition {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let device = match &self.device {
            Device::Disk(id, spec) => {
                return write!(out, "{:<8} DISK     {:<8} {:<8} {spec}", self.name, id.name(), id.file_type());
            }
            Device::Terminal => "TERMINAL",
            Device::Printer => "PRINTER",
            Device::Punch => "PUNCH",
            Device::Reader => "READER",
            Device::Dummy => "DUMMY",
            Device::Tape(number) => return write!(out, "{:<8} TAP{number:X}", self.name),
        };
        write!(out, "{:<8} {device}", self.name)
    }
}

/// Where MOVEFILE takes records from.
enum Input {
    File(Source),
    /// Cards of a reader file, read before the reader is closed.
    Lines(alloc::vec::IntoIter<Vec<u8>>),
    Terminal,
    Tape(Box<TapeRecords>),
}

/// Where MOVEFILE puts them.
enum Sink {
    File(Box<Destination>),
    Terminal,
    Nowhere,
}

/// Bytes of a reader file that MOVEFILE holds.
const READER_MAX: usize = 8 << 20;

impl<C: Cp> Shell<C> {
    /// FILEDEF.
    pub(crate) fn filedef_command(&mut self, words: &Words) -> Outcome {
        let (name, rest) = match words.operands.split_first() {
            None => return self.query_filedef(),
            Some((name, rest)) => (name.as_str(), rest),
        };
        let [what, names @ ..] = rest else {
            return Err(self.fail(24, "027E", "No device specified"));
        };
        if what == "CLEAR" {
            self.definitions.retain(|definition| if name == "*" { definition.permanent } else { definition.name != name });
            return Ok(());
        }
        let device = match what.as_str() {
            what if is(what, "DISK") => self.defined_file(name, names)?,
            what if is(what, "Terminal") => Device::Terminal,
            what if is(what, "PRinter") => Device::Printer,
            what if is(what, "PUnch") => Device::Punch,
            what if is(what, "Reader") => Device::Reader,
            what if is(what, "DUMMY") => Device::Dummy,
            what => match tape_number(what) {
                Some(number) => Device::Tape(number),
                None => return Err(self.fail(24, "027E", format!("Invalid device {what} for {name}"))),
            },
        };
        if !matches!(device, Device::Disk(..))
            && let Some(surplus) = names.first()
        {
            return Err(self.bad_operand(surplus));
        }
        let mut definition =
            Definition { name: String::from(name), device, fixed: None, lrecl: None, block: None, append: false, permanent: false };
        self.filedef_options(words, &mut definition)?;
        self.definitions.retain(|other| other.name != name);
        if self.definitions.len() == DEFINITIONS_MAX {
            return Err(self.fail(104, "109S", format!("There are at most {DEFINITIONS_MAX} FILEDEFs")));
        }
        self.definitions.push(definition);
        Ok(())
    }

    /// The file of `DISK [fn ft [fm]]`; without a name it is FILE ddname A1.
    fn defined_file(&mut self, name: &str, names: &[String]) -> Result<Device, Rc> {
        let (file_name, file_type, mode) = match names {
            [] => ("FILE", name, "A1"),
            [_] => return Err(self.incomplete()),
            [file_name, file_type] => (file_name.as_str(), file_type.as_str(), "A1"),
            [file_name, file_type, mode] => (file_name.as_str(), file_type.as_str(), mode.as_str()),
            [_, _, _, surplus, ..] => return Err(self.bad_operand(surplus)),
        };
        let spec = self.mode_spec(mode, ModeSpec::A)?;
        match file_id(file_name, file_type) {
            Some(id) => Ok(Device::Disk(id, spec)),
            None => Err(self.invalid_character(&format!("{file_name} {file_type}"))),
        }
    }

    fn filedef_options(&mut self, words: &Words, definition: &mut Definition) -> Outcome {
        let mut rest = words.options.iter();
        while let Some(option) = rest.next() {
            match option.as_str() {
                option if is(option, "PERM") => definition.permanent = true,
                "RECFM" => {
                    definition.fixed = match rest.next().map_or("", String::as_str) {
                        "F" | "FB" => Some(true),
                        "V" | "VB" => Some(false),
                        other => return Err(self.bad_value("RECFM", other)),
                    }
                }
                option if is(option, "LRECL") || is(option, "BLOCK") || is(option, "BLKSIZE") => {
                    let word = rest.next().map_or("", String::as_str);
                    let length = number::<u32>(word).filter(|length| (1..=MAX_RECORD).contains(length));
                    let length = Some(length.ok_or_else(|| self.bad_value(option, word))?);
                    if is(option, "LRECL") { definition.lrecl = length } else { definition.block = length }
                }
                "DISP" => match rest.next().map_or("", String::as_str) {
                    "MOD" => definition.append = true,
                    other => return Err(self.bad_value("DISP", other)),
                },
                _ => return Err(self.bad_option(option)),
            }
        }
        Ok(())
    }

    /// QUERY FILEDEF.
    pub(crate) fn query_filedef(&mut self) -> Outcome {
        if self.definitions.is_empty() {
            self.say("No user defined FILEDEFs in effect");
        }
        for definition in self.definitions.clone() {
            self.say(format!("{definition}"));
        }
        Ok(())
    }

    /// MOVEFILE [from [to]]
    pub(crate) fn movefile_command(&mut self, words: &Words) -> Outcome {
        if let Some(option) = words.options.first() {
            return Err(self.bad_option(option));
        }
        let (from, to) = match words.operands.as_slice() {
            [] => ("INMOVE", "OUTMOVE"),
            [from] => (from.as_str(), "OUTMOVE"),
            [from, to] => (from.as_str(), to.as_str()),
            [_, _, surplus, ..] => return Err(self.bad_operand(surplus)),
        };
        let (from, to) = (self.definition(from)?, self.definition(to)?);
        if from.device == to.device {
            return Err(self.fail(40, "129S", format!("Input and output of MOVEFILE are the same: {}", from.name)));
        }
        if from.device != Device::Reader {
            let (source, format, number) = self.move_from(&from)?;
            return self.move_to(source, format, number, to);
        }
        // The file leaves the reader when its cards are where they should be.
        let file = self.reader_file(0)?;
        self.with_reader(Afterwards::Close, |shell| {
            let cards = shell.cards_of(&file)?;
            shell.move_to(Input::Lines(cards.into_iter()), RecordFormat::Variable, 1, to)
        })
    }

    /// Moves the input to where it goes.
    fn move_to(&mut self, source: Input, format: RecordFormat, number: u8, to: Definition) -> Outcome {
        match to.device {
            Device::Printer => self.move_to_spool(source, PRINTER, channel::PRINT_SPACE_1, LINE, &to),
            Device::Punch => self.move_to_spool(source, PUNCH, channel::PUNCH, CARD, &to),
            Device::Reader => Err(self.fail(40, "128S", format!("I/O option(s) not supported: {} cannot be written", to.name))),
            Device::Disk(id, spec) => self.move_to_disk(source, id, spec, format, number, &to),
            Device::Terminal => self.move_lines(source, &mut Sink::Terminal, None),
            Device::Dummy => self.move_lines(source, &mut Sink::Nowhere, None),
            Device::Tape(unit) => self.move_to_tape(source, unit, format, &to),
        }
    }

    fn definition(&mut self, name: &str) -> Result<Definition, Rc> {
        let found = self.definitions.iter().find(|definition| definition.name == name).cloned();
        // As on CMS, a name that nobody defined is the disk file FILE ddname.
        match found {
            Some(definition) => Ok(definition),
            None => {
                let device = self.defined_file(name, &[])?;
                Ok(Definition { name: String::from(name), device, fixed: None, lrecl: None, block: None, append: false, permanent: false })
            }
        }
    }

    /// Opens the input: its records, their format and mode number.
    fn move_from(&mut self, from: &Definition) -> Result<(Input, RecordFormat, u8), Rc> {
        Ok(match &from.device {
            Device::Disk(id, spec) => {
                let found = self.disks.locate(id, *spec).map_err(|missing| self.missing(missing, &format!("{id} {spec}")))?;
                let Found { entry, .. } = &found;
                let (format, number) = (entry.format, entry.mode);
                (Input::File(self.open(&found)?), format, number)
            }
            Device::Terminal => {
                self.note("706I", "Terminal input type null line for end of data");
                (Input::Terminal, RecordFormat::Variable, 1)
            }
            Device::Dummy => (Input::Lines(Vec::new().into_iter()), RecordFormat::Variable, 1),
            Device::Tape(unit) => {
                let format = match from.fixed {
                    Some(true) => RecordFormat::Fixed(from.lrecl.unwrap_or(CARD as u32)),
                    _ => RecordFormat::Variable,
                };
                (Input::Tape(Box::new(self.read_tape_records(*unit, format)?)), format, 1)
            }
            Device::Reader | Device::Printer | Device::Punch => {
                return Err(self.fail(40, "128S", format!("I/O option(s) not supported: {} cannot be read", from.name)));
            }
        })
    }

    /// All cards of a reader file.
    pub(crate) fn cards_of(&mut self, file: &SpoolFileBlock) -> Result<Vec<Vec<u8>>, Rc> {
        let (mut cards, mut size) = (Vec::new(), 0);
        self.each_record(file, |shell, card| {
            size += card.len() + size_of::<Vec<u8>>();
            if size > READER_MAX {
                return Err(shell.fail(40, "212E", format!("Spool file {:04} is larger than {READER_MAX} bytes; use RECEIVE", file.spid)));
            }
            cards.push(card.to_vec());
            Ok(true)
        })?;
        Ok(cards)
    }

    /// The next record of the input; `false` at its end.
    fn next_moved(&mut self, from: &mut Input, record: &mut Vec<u8>) -> Result<bool, Rc> {
        match from {
            Input::File(source) => return self.next_record(source, record),
            Input::Tape(tape) => return self.next_tape_record(tape, record),
            Input::Lines(lines) => match lines.next() {
                Some(line) => *record = line,
                None => return Ok(false),
            },
            Input::Terminal => match self.answer_line()?.filter(|line| !line.is_empty()) {
                Some(line) => *record = line,
                None => return Ok(false),
            },
        }
        Ok(true)
    }

    /// Moves records; of fixed ones each gets that length.
    fn move_lines(&mut self, mut from: Input, to: &mut Sink, lrecl: Option<u32>) -> Outcome {
        let mut record = Vec::new();
        while self.next_moved(&mut from, &mut record)? {
            match to {
                Sink::Terminal => self.show_line(&record),
                Sink::Nowhere => {}
                Sink::File(destination) => {
                    match lrecl {
                        Some(lrecl) if record.len() > lrecl as usize => {
                            return Err(self.fail(32, "044E", format!("Record exceeds allowable maximum of {lrecl} bytes")));
                        }
                        Some(lrecl) => record.resize(lrecl as usize, b' '),
                        None if record.is_empty() => record.push(b' '),
                        None => {}
                    }
                    self.write_record(destination, &record)?;
                }
            }
        }
        self.end_moving(from)
    }

    /// The input was read to its end.
    fn end_moving(&mut self, from: Input) -> Outcome {
        match from {
            Input::File(source) => self.close(source),
            Input::Tape(tape) => {
                self.end_tape_records(*tape);
                Ok(())
            }
            Input::Lines(_) | Input::Terminal => Ok(()),
        }
    }

    /// Moves records to a tape: of fixed ones as many in a block as BLOCK says, else each is a block.
    fn move_to_tape(&mut self, mut from: Input, unit: u8, input: RecordFormat, to: &Definition) -> Outcome {
        let lrecl = match (to.fixed, input) {
            (Some(false), _) | (None, RecordFormat::Variable) => None,
            (_, RecordFormat::Fixed(own)) => Some(to.lrecl.unwrap_or(own)),
            (Some(true), RecordFormat::Variable) => Some(to.lrecl.unwrap_or(CARD as u32)),
        };
        let block = to.block.filter(|_| lrecl.is_some()).unwrap_or(0);
        if block > 0 && lrecl.is_some_and(|lrecl| !block.is_multiple_of(lrecl)) {
            return Err(self.bad_value("BLOCK", &format!("{block}")));
        }
        self.write_tape_records(unit, block as usize, |shell, record| {
            if !shell.next_moved(&mut from, record)? {
                return Ok(false);
            }
            match lrecl {
                Some(lrecl) if record.len() > lrecl as usize => {
                    return Err(shell.fail(32, "044E", format!("Record exceeds allowable maximum of {lrecl} bytes")));
                }
                Some(lrecl) => record.resize(lrecl as usize, b' '),
                None if record.is_empty() => record.push(b' '),
                None => {}
            }
            Ok(true)
        })?;
        self.end_moving(from)
    }

    fn move_to_disk(&mut self, from: Input, id: FileId, spec: ModeSpec, input: RecordFormat, number: u8, to: &Definition) -> Outcome {
        let mode = spec.mode.unwrap_or(Mode::A);
        let target = Target { mode, id, number: spec.number.unwrap_or(number), format: RecordFormat::Variable };
        let existing = self.disks.get(mode).and_then(|disk| disk.system.find(&id)).filter(|_| to.append).map(|entry| entry.format);
        let fixed = to.fixed.unwrap_or(matches!(input, RecordFormat::Fixed(_)));
        let own = match input {
            RecordFormat::Fixed(lrecl) => lrecl,
            RecordFormat::Variable => CARD as u32,
        };
        let format = existing.unwrap_or(if fixed { RecordFormat::Fixed(to.lrecl.unwrap_or(own)) } else { RecordFormat::Variable });
        let lrecl = match format {
            RecordFormat::Fixed(lrecl) => Some(lrecl),
            RecordFormat::Variable => None,
        };
        let mut destination = Sink::File(Box::new(self.begin_file(Target { format, ..target }, existing.is_some())?));
        let moved = self.move_lines(from, &mut destination, lrecl);
        let date = self.now();
        match destination {
            Sink::File(destination) => self.finish(*destination, moved, date),
            Sink::Terminal | Sink::Nowhere => moved,
        }
    }

    fn move_to_spool(&mut self, mut from: Input, vdev: u32, command: u16, longest: usize, to: &Definition) -> Outcome {
        let operands = format!("NAME {} MOVEFILE", to.name);
        self.write_spool_file(vdev, &operands, |shell: &mut Self, output: &mut Output| {
            let mut record = Vec::new();
            while shell.next_moved(&mut from, &mut record)? {
                if record.len() > longest {
                    return Err(shell.fail(32, "044E", format!("Record exceeds allowable maximum of {longest} bytes")));
                }
                if vdev == PUNCH {
                    record.resize(longest, b' ');
                }
                shell.put_record(output, command, &record)?;
            }
            Ok(())
        })?;
        self.end_moving(from)
    }
}

/// The file that is the tape of a unit: what FILEDEF says of TAPn, else TAPn AWSTAPE A1.
pub(crate) fn tape_file(definitions: &[Definition], unit: u8) -> Option<(FileId, ModeSpec)> {
    let name = format!("TAP{unit:X}");
    let defined = definitions.iter().find(|definition| definition.name == name);
    if let Some(Device::Disk(id, spec)) = defined.map(|definition| &definition.device) {
        return Some((*id, *spec));
    }
    Some((file_id(&name, "AWSTAPE")?, ModeSpec { mode: Some(Mode::A), number: Some(1) }))
}
