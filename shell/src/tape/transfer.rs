//! Files to and from a tape: DUMP, LOAD, SCAN and SKIP, and the records that MOVEFILE moves.

use alloc::collections::VecDeque;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use minidisk::edf::{FileEntry, RecordFormat};

use super::mainframe::{self, Part};
use super::unit::{Next, Place, Recording, Unit};
use super::{Listing, Options};
use crate::content::{Code, Survey, from_ebcdic};
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

/// A file on a tape.
struct OnTape {
    entry: FileEntry,
    /// A mainframe has written it.
    foreign: bool,
}

/// What a block brings of a file.
enum Data<'a> {
    /// The data of a card.
    Card(&'a [u8]),
    /// That of a block of a mainframe.
    Block(&'a [u8]),
}

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
        while let Some((start, file)) = self.tape_file(unit, &mut marks, options.files)? {
            let entry = &file.entry;
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
            self.load_from_tape(unit, &file, &target, options.code)?;
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

    /// Puts the file that stands next on the disk. Text of a mainframe becomes text of this system, as what comes in by the reader does.
    fn load_from_tape(&mut self, unit: &mut Unit, file: &OnTape, target: &Target, code: Code) -> Outcome {
        let start = unit.place;
        let mut survey = Survey::default();
        if file.foreign && code == Code::ByContent {
            self.each_record_on_tape(unit, &file.entry, |_, record| {
                survey.add(&record);
                Ok(())
            })?;
            unit.place = start;
        }
        let translates = survey.translates(code);
        let mut to = self.begin_file(target.clone(), false)?;
        let written = self.each_record_on_tape(unit, &file.entry, |shell, mut record| {
            if translates {
                from_ebcdic(&mut record, target.format);
            }
            shell.write_record(&mut to, &record)
        });
        self.finish(to, written, file.entry.modified)
    }

    /// Takes the records of the file that stands next, which has that entry, and goes behind it.
    fn each_record_on_tape(&mut self, unit: &mut Unit, entry: &FileEntry, mut take: impl FnMut(&mut Self, Vec<u8>) -> Outcome) -> Outcome {
        let (mut cards, mut blocks) = (Records::of(entry), mainframe::Records::of(entry));
        let file = self.each_piece_on_tape(unit, |shell, data| match data {
            Data::Card(data) => {
                if !cards.add(data) {
                    return Err(shell.bad_record());
                }
                core::iter::from_fn(|| cards.next_record()).try_for_each(|record| take(shell, record))
            }
            Data::Block(data) => {
                if !blocks.add(data) {
                    return Err(shell.bad_record());
                }
                core::iter::from_fn(|| blocks.next_record()).try_for_each(|record| take(shell, record))
            }
        })?;
        match if file.foreign { blocks.is_complete() } else { cards.is_complete() } {
            true => Ok(()),
            false => Err(self.bad_record()),
        }
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
        while let Some((start, OnTape { entry, .. })) = self.tape_file(unit, &mut marks, options.files)? {
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
    fn tape_file(&mut self, unit: &mut Unit, marks: &mut u32, most: Option<u32>) -> Result<Option<(Place, OnTape)>, Rc> {
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
                    return self.each_piece_on_tape(unit, |_, _| Ok(())).map(|file| Some((start, file)));
                }
            }
        }
    }

    /// Takes the data of the file that stands next and goes behind it.
    fn each_piece_on_tape(&mut self, unit: &mut Unit, mut take: impl FnMut(&mut Self, Data<'_>) -> Outcome) -> Result<OnTape, Rc> {
        let mut loader = Loader::default();
        // What VMFPLC2 says before the data; TAPE says it behind.
        let mut announced: Option<FileEntry> = None;
        // Whether a mainframe has written it, once a block is known.
        let mut form = None;
        loop {
            let before = unit.place;
            let block = match self.read_tape(unit)? {
                Next::Block(block) => block,
                Next::Mark | Next::End => Vec::new(),
            };
            let part = Part::of(&block);
            if let Some(entry) = announced.take_if(|_| !matches!(part, Some(Part::HeadedData(_)))) {
                unit.place = before;
                return Ok(OnTape { entry, foreign: true });
            }
            if block.is_empty() {
                return Err(self.fail(32, "096E", "End card missing from tape: the file is incomplete"));
            }
            let foreign = part.is_some();
            let first = form.is_none();
            if *form.get_or_insert(foreign) != foreign {
                return Err(self.bad_record());
            }
            match part {
                Some(Part::Header(Some(entry))) if first => announced = Some(entry),
                Some(Part::HeadedData(data)) if announced.is_some() => take(self, Data::Block(data))?,
                Some(Part::Data(data)) => take(self, Data::Block(data))?,
                Some(Part::Zeros(count)) => take(self, Data::Block(&alloc::vec![0; count]))?,
                Some(Part::End(Some(entry))) => return Ok(OnTape { entry, foreign }),
                Some(Part::End(None) | Part::Header(_) | Part::HeadedData(_)) => return Err(self.bad_record()),
                None => {
                    for card in block.chunks(CARD) {
                        match loader.card(card) {
                            Ok(Piece::Data(data)) => take(self, Data::Card(&data))?,
                            Ok(Piece::End(entry)) => return Ok(OnTape { entry, foreign }),
                            Err(_) => return Err(self.bad_record()),
                        }
                    }
                }
            }
        }
    }

    /// A block that no TAPE DUMP wrote.
    fn bad_record(&mut self) -> Rc {
        self.fail(32, "057E", "Invalid record format: no TAPE or VMFPLC2 has written this")
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
