//! Files to and from a tape: DUMP, LOAD, SCAN and SKIP, and the records that MOVEFILE moves.

use alloc::collections::VecDeque;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use minidisk::edf::{FileEntry, RecordFormat};

use super::unit::{Next, Place, Recording, Unit};
use super::{Listing, Options};
use crate::cp::{Cp, PRINTER};
use crate::disks::{Mode, file_id};
use crate::dump::{Dumper, Loader, Piece, Records};
use crate::fileid::{Found, ModeSpec, Pattern};
use crate::message::{Outcome, Rc};
use crate::records::Target;
use crate::session::Shell;
use crate::unit_record::channel;

/// Bytes in a card.
const CARD: usize = 80;

impl<C: Cp> Shell<C> {
    /// TAPE DUMP fn ft [fm]
    pub(super) fn tape_dump(&mut self, unit: &mut Unit, operands: &[String], options: &Options) -> Outcome {
        let (name, file_type, mode) = match operands {
            [] => return Err(self.fail(24, "042E", "No fileid(s) specified")),
            [_] => return Err(self.fail(24, "023E", "No filetype specified")),
            [name, file_type] => (name, file_type, "A"),
            [name, file_type, mode] => (name, file_type, mode.as_str()),
            [_, _, _, surplus, ..] => return Err(self.bad_operand(surplus)),
        };
        let spec = self.mode_spec(mode, ModeSpec::A)?;
        let mut files = self.matching(&Pattern::new(name, file_type), spec)?;
        // The tape itself is not dumped on itself.
        files.retain(|found| unit.file() != (found.mode, found.entry.id));
        if files.is_empty() {
            return Err(self.not_found(format!("{name} {file_type} {spec}")));
        }
        self.write_tape(unit, |shell, recording| {
            let mut place = recording.place();
            for (at, found) in files.iter().enumerate() {
                shell.dump_to_tape(recording, found, options.block)?;
                place = recording.place();
                if options.marks || at + 1 == files.len() {
                    shell.put_mark(recording)?;
                }
            }
            // Without WTM what is dumped next belongs to the same file of the tape.
            Ok(if options.marks { recording.place() } else { place })
        })?;
        self.list_files("DUMPING.....", &files.iter().map(|found| format!("{found}")).collect::<Vec<_>>(), options)
    }

    /// Puts a file on the tape.
    fn dump_to_tape(&mut self, recording: &mut Recording, found: &Found, block: usize) -> Outcome {
        let cards = block / CARD * CARD;
        let mut dumper = Dumper::new(&found.entry);
        let mut source = self.open(found)?;
        let (mut record, mut pending) = (Vec::new(), Vec::with_capacity(block));
        while self.next_record(&mut source, &mut record)? {
            for card in dumper.record(&record) {
                if pending.len() == cards {
                    self.put_block(recording, &pending)?;
                    pending.clear();
                }
                pending.extend_from_slice(&card);
            }
        }
        for card in dumper.finish() {
            if pending.len() == cards {
                self.put_block(recording, &pending)?;
                pending.clear();
            }
            pending.extend_from_slice(&card);
        }
        self.put_block(recording, &pending)
    }

    /// TAPE LOAD [fn ft [fm]]
    pub(super) fn tape_load(&mut self, unit: &mut Unit, operands: &[String], options: &Options) -> Outcome {
        let (pattern, mode) = match operands {
            [] => (Pattern::new("*", "*"), "A"),
            [_] => return Err(self.fail(24, "023E", "No filetype specified")),
            [name, file_type] => (Pattern::new(name, file_type), "A"),
            [name, file_type, mode] => (Pattern::new(name, file_type), mode.as_str()),
            [_, _, _, surplus, ..] => return Err(self.bad_operand(surplus)),
        };
        self.tape_ready(unit)?;
        let spec = self.mode_spec(mode, ModeSpec::A)?;
        let mode = spec.mode.unwrap_or(Mode::A);
        self.writable(mode)?;
        let (mut marks, mut loaded) = (0, Vec::new());
        while let Some((start, entry)) = self.tape_file_entry(unit, &mut marks, options.files)? {
            if !pattern.matches(&entry.id) {
                continue;
            }
            let behind = unit.place;
            unit.place = start;
            let target = Target { mode, id: entry.id, number: spec.number.unwrap_or(entry.mode), format: entry.format };
            if unit.file() == (target.mode, target.id) {
                unit.place = behind;
                continue;
            }
            self.load_from_tape(unit, &entry, &target)?;
            loaded.push(format!("{target}"));
            if !pattern.is_generic() {
                break;
            }
        }
        self.list_files("LOADING.....", &loaded, options)?;
        if loaded.is_empty() && !(pattern.name == "*" && pattern.file_type == "*") {
            return Err(self.not_found(format!("{pattern}")));
        }
        Ok(())
    }

    /// Puts the file that stands next on the disk.
    fn load_from_tape(&mut self, unit: &mut Unit, entry: &FileEntry, target: &Target) -> Outcome {
        let mut to = self.begin_file(target.clone(), false)?;
        let mut records = Records::of(entry);
        let written = self.each_piece_on_tape(unit, |shell, piece| match piece {
            Piece::End(_) if records.is_complete() => Ok(()),
            Piece::End(_) => Err(shell.bad_record()),
            Piece::Data(data) => {
                if !records.add(&data) {
                    return Err(shell.bad_record());
                }
                while let Some(record) = records.next_record() {
                    shell.write_record(&mut to, &record)?;
                }
                Ok(())
            }
        });
        self.finish(to, written.map(|_| ()), entry.modified)
    }

    /// TAPE SCAN and SKIP [fn ft]: names the files that stand next; a file that is named ends it, SCAN before and SKIP behind it.
    pub(super) fn tape_scan(&mut self, unit: &mut Unit, operands: &[String], options: &Options, behind: bool) -> Outcome {
        let wanted = match operands {
            [] => None,
            [_] => return Err(self.fail(24, "023E", "No filetype specified")),
            [name, file_type] => match file_id(name, file_type) {
                Some(id) => Some(id),
                None => return Err(self.invalid_character(&format!("{name} {file_type}"))),
            },
            [_, _, surplus, ..] => return Err(self.bad_operand(surplus)),
        };
        self.tape_ready(unit)?;
        let (mut marks, mut seen, mut met) = (0, Vec::new(), false);
        while let Some((start, entry)) = self.tape_file_entry(unit, &mut marks, options.files)? {
            seen.push(format!("{} A{}", entry.id, entry.mode));
            if wanted == Some(entry.id) {
                met = true;
                if !behind {
                    unit.place = start;
                }
                break;
            }
        }
        self.list_files(if behind { "SKIPPING....." } else { "SCANNING....." }, &seen, options)?;
        match wanted.filter(|_| !met) {
            Some(id) => Err(self.not_found(id)),
            None => Ok(()),
        }
    }

    /// Goes behind the next file; answers where it begins and what it is, or `None` when the tape marks that were asked for, or the end, came first.
    fn tape_file_entry(&mut self, unit: &mut Unit, marks: &mut u32, most: Option<u32>) -> Result<Option<(Place, FileEntry)>, Rc> {
        loop {
            let start = unit.place;
            match self.read_tape(unit)? {
                Next::End => return Ok(None),
                Next::Mark => {
                    *marks += 1;
                    if most.is_some_and(|most| *marks >= most) {
                        return Ok(None);
                    }
                }
                Next::Block(_) => {
                    unit.place = start;
                    return self.each_piece_on_tape(unit, |_, _| Ok(())).map(|entry| Some((start, entry)));
                }
            }
        }
    }

    /// Takes the pieces of the file that stands next and goes behind it; answers its entry.
    fn each_piece_on_tape(&mut self, unit: &mut Unit, mut take: impl FnMut(&mut Self, Piece) -> Outcome) -> Result<FileEntry, Rc> {
        let mut loader = Loader::default();
        loop {
            let Next::Block(block) = self.read_tape(unit)? else {
                return Err(self.fail(32, "096E", "End card missing from tape: the file is incomplete"));
            };
            for card in block.chunks(CARD) {
                let Ok(piece) = loader.card(card) else { return Err(self.bad_record()) };
                let end = match &piece {
                    Piece::End(entry) => Some(entry.clone()),
                    Piece::Data(_) => None,
                };
                take(self, piece)?;
                if let Some(entry) = end {
                    return Ok(entry);
                }
            }
        }
    }

    /// A block that no TAPE DUMP wrote.
    fn bad_record(&mut self) -> Rc {
        self.fail(32, "057E", "Invalid record format: the tape was not written by TAPE DUMP")
    }

    /// Lists the files where they are to be listed.
    fn list_files(&mut self, title: &str, files: &[String], options: &Options) -> Outcome {
        match options.listing {
            Listing::None => Ok(()),
            Listing::Terminal => {
                self.say(title);
                files.iter().for_each(|file| self.say(format!("  {file}")));
                Ok(())
            }
            Listing::Printer => self.write_spool_file(PRINTER, "NAME TAPE MAP", |shell, output| {
                let lines = core::iter::once(title).chain(files.iter().map(String::as_str));
                lines.into_iter().try_for_each(|line| shell.put_record(output, channel::PRINT_SPACE_1, line.as_bytes()))
            }),
            Listing::Disk => {
                let Some(id) = file_id("TAPE", "MAP") else { return Ok(()) };
                let mut to = self.begin_file(Target { mode: Mode::A, id, number: 5, format: RecordFormat::Variable }, false)?;
                let mut lines = core::iter::once(title).chain(files.iter().map(String::as_str));
                let written = lines.try_for_each(|line| self.write_record(&mut to, line.as_bytes()));
                let date = self.now();
                self.finish(to, written, date)
            }
        }
    }
}

/// The records of the file that stands next on a tape, up to its tape mark, as MOVEFILE takes them.
pub(crate) struct TapeRecords {
    unit: Unit,
    format: RecordFormat,
    records: VecDeque<Vec<u8>>,
    ended: bool,
}

impl<C: Cp> Shell<C> {
    /// Begins to read records: of fixed length, blocked; else each block is one.
    pub(crate) fn read_tape_records(&mut self, number: u8, format: RecordFormat) -> Result<TapeRecords, Rc> {
        let unit = self.tape_unit(number)?;
        self.tape_ready(&unit)?;
        Ok(TapeRecords { unit, format, records: VecDeque::new(), ended: false })
    }

    /// The next record; `false` at the tape mark.
    pub(crate) fn next_tape_record(&mut self, from: &mut TapeRecords, record: &mut Vec<u8>) -> Result<bool, Rc> {
        while from.records.is_empty() {
            if from.ended {
                return Ok(false);
            }
            match self.read_tape(&mut from.unit)? {
                Next::Block(block) => match from.format {
                    RecordFormat::Fixed(lrecl) => from.records.extend(block.chunks(lrecl as usize).map(<[u8]>::to_vec)),
                    RecordFormat::Variable => from.records.push_back(block),
                },
                Next::Mark | Next::End => from.ended = true,
            }
        }
        *record = from.records.pop_front().unwrap_or_default();
        Ok(true)
    }

    /// Ends reading: the tape stays where it is.
    pub(crate) fn end_tape_records(&mut self, from: TapeRecords) {
        self.leave_tape(from.unit);
    }

    /// Writes records as blocks, `block` bytes of them in each, and a tape mark behind them.
    pub(crate) fn write_tape_records(
        &mut self,
        number: u8,
        block: usize,
        mut next: impl FnMut(&mut Self, &mut Vec<u8>) -> Result<bool, Rc>,
    ) -> Outcome {
        let mut unit = self.tape_unit(number)?;
        let written = self.write_tape(&mut unit, |shell, recording| {
            let (mut pending, mut record) = (Vec::new(), Vec::new());
            while next(shell, &mut record)? {
                if !pending.is_empty() && pending.len() + record.len() > block {
                    shell.put_block(recording, &pending)?;
                    pending.clear();
                }
                pending.extend_from_slice(&record);
            }
            if !pending.is_empty() {
                shell.put_block(recording, &pending)?;
            }
            shell.put_mark(recording)?;
            Ok(recording.place())
        });
        self.leave_tape(unit);
        written
    }
}
