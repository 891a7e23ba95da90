//! The command DISK: DUMP punches files in the form of [`crate::dump`], LOAD brings them back.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use abi::SpoolFileBlock;
use minidisk::edf::FileEntry;

use crate::cp::{Cp, PUNCH};
use crate::dump::{BadDeck, Dumper, Loader, Piece, Records};
use crate::fileid::{Found, ModeSpec, Pattern};
use crate::message::{Outcome, Rc};
use crate::reader::{Afterwards, Form};
use crate::receive::{Received, Request};
use crate::session::Shell;
use crate::unit_record::{Output, channel};
use crate::words::{Words, is};

/// Files that one deck may hold.
const MOST_FILES: usize = 100;

impl<C: Cp> Shell<C> {
    /// DISK.
    pub(crate) fn disk_command(&mut self, words: &Words) -> Outcome {
        match words.operands.split_first() {
            None => Err(self.fail(24, "047E", "No function specified")),
            Some((function, rest)) if function == "DUMP" => self.disk_dump(rest, &words.options),
            Some((function, rest)) if function == "LOAD" => self.disk_load(rest, &words.options),
            Some((function, _)) => Err(self.fail(24, "014E", format!("Invalid function {function}"))),
        }
    }

    /// DISK DUMP fn ft [fm]
    fn disk_dump(&mut self, operands: &[String], options: &[String]) -> Outcome {
        if let Some(option) = options.first() {
            return Err(self.bad_option(option));
        }
        let found = match operands {
            [] | [_] => return Err(self.incomplete()),
            [name, file_type] => self.locate(name, file_type, "A")?,
            [name, file_type, mode] => self.locate(name, file_type, mode)?,
            [_, _, _, surplus, ..] => return Err(self.bad_operand(surplus)),
        };
        let operands = format!("NAME {}", found.entry.id);
        self.write_spool_file(PUNCH, &operands, |shell, output| shell.dump_records(&found, output))?;
        // A file of mode 3 is erased when it was read.
        let source = self.open(&found)?;
        self.close(source)
    }

    /// Punches a file in this form.
    pub(crate) fn dump_records(&mut self, found: &Found, output: &mut Output) -> Outcome {
        let mut dumper = Dumper::new(&found.entry);
        let mut source = self.open(found)?;
        let mut record = Vec::new();
        while self.next_record(&mut source, &mut record)? {
            self.punch(output, &dumper.record(&record), channel::PUNCH)?;
        }
        self.punch(output, &dumper.finish(), channel::PUNCH)
    }

    /// DISK LOAD [= = fm]
    fn disk_load(&mut self, operands: &[String], options: &[String]) -> Outcome {
        let mode = match operands {
            [] => "A",
            [name, file_type] if name == "=" && file_type == "=" => "A",
            [name, file_type, mode] if name == "=" && file_type == "=" => mode.as_str(),
            [first, ..] => return Err(self.bad_operand(first)),
        };
        let mut request = Request::new(Some(Pattern::new("=", "=")), self.mode_spec(mode, ModeSpec::A)?);
        let mut show = true;
        for option in options {
            match option.as_str() {
                option if is(option, "REPlace") => request.replace = true,
                option if is(option, "NOReplace") => request.replace = false,
                option if is(option, "OLDDate") => request.new_date = false,
                option if is(option, "NEWDate") => request.new_date = true,
                option if is(option, "TYPe") => show = true,
                option if is(option, "NOType") => show = false,
                _ => return Err(self.bad_option(option)),
            }
        }
        self.writable(request.mode())?;
        let Some(file) = self.cp.reader_file(0) else {
            return Err(self.fail(8, "205W", "Reader empty or not ready"));
        };
        self.with_reader(Afterwards::Close, |shell| {
            if shell.form_of(&file)? != Form::Dump {
                return Err(shell.fail(32, "078E", "Invalid card in input deck: it was not made by DISK DUMP"));
            }
            for received in shell.load_dump(&file, &request)? {
                if show {
                    shell.say(format!("{}", received.target));
                }
            }
            Ok(())
        })
    }

    /// Puts the files of such a deck on the disk. The deck is read through first: of a damaged one nothing is loaded.
    pub(crate) fn load_dump(&mut self, file: &SpoolFileBlock, request: &Request) -> Result<Vec<Received>, Rc> {
        let entries = self.dumped(file)?;
        let mut all = Vec::new();
        for (index, entry) in entries.iter().enumerate() {
            let received = self.receive_target(Some(entry.id), entry.mode, entry.format, request)?;
            let mut to = self.begin_file(received.target.clone(), false)?;
            let written = self.each_dumped_record(file, &entries, |shell, at, record| {
                if at == index {
                    shell.write_record(&mut to, record)?;
                }
                Ok(at <= index)
            });
            let date = if request.new_date { self.now() } else { entry.modified };
            self.finish(to, written, date)?;
            all.push(received);
        }
        Ok(all)
    }

    /// The files that such a deck holds: known to be whole.
    pub(crate) fn dumped(&mut self, file: &SpoolFileBlock) -> Result<Vec<FileEntry>, Rc> {
        let mut entries = Vec::new();
        self.each_piece(file, |shell, piece| {
            if let Piece::End(entry) = piece {
                if entries.len() == MOST_FILES {
                    return Err(shell.fail(88, "682E", format!("More than {MOST_FILES} files in one deck")));
                }
                entries.push(entry);
            }
            Ok(true)
        })?;
        // Once more with the entries known, to see whether the data makes the records that they promise.
        self.each_dumped_record(file, &entries, |_, _, _| Ok(true))?;
        Ok(entries)
    }

    /// Takes the records of such a deck, each with the place of its file, until `take` answers `false`.
    pub(crate) fn each_dumped_record(
        &mut self,
        file: &SpoolFileBlock,
        entries: &[FileEntry],
        mut take: impl FnMut(&mut Self, usize, &[u8]) -> Result<bool, Rc>,
    ) -> Outcome {
        let (mut at, mut cards) = (0, 0);
        let mut records = entries.first().map(Records::of);
        self.each_piece(file, |shell, piece| {
            cards += 1;
            let Some(current) = &mut records else { return Ok(false) };
            match piece {
                Piece::Data(data) => {
                    if !current.add(&data) {
                        return Err(shell.bad_deck(&BadDeck::Data(cards)));
                    }
                    while let Some(record) = current.next_record() {
                        if !take(shell, at, &record)? {
                            return Ok(false);
                        }
                    }
                }
                Piece::End(_) => {
                    if !current.is_complete() {
                        return Err(shell.bad_deck(&BadDeck::Data(cards)));
                    }
                    at += 1;
                    records = entries.get(at).map(Records::of);
                }
            }
            Ok(true)
        })
    }

    /// Takes the pieces of such a deck until `take` answers `false`.
    fn each_piece(&mut self, file: &SpoolFileBlock, mut take: impl FnMut(&mut Self, Piece) -> Result<bool, Rc>) -> Outcome {
        let mut loader = Loader::default();
        let mut stopped = false;
        self.each_record(file, |shell, card| {
            let piece = loader.card(card).map_err(|bad| shell.bad_deck(&bad))?;
            stopped = !take(shell, piece)?;
            Ok(!stopped)
        })?;
        match loader.finish() {
            Err(bad) if !stopped => Err(self.bad_deck(&bad)),
            _ => Ok(()),
        }
    }

    /// A deck that cannot be loaded.
    fn bad_deck(&mut self, bad: &BadDeck) -> Rc {
        match bad {
            BadDeck::NoEnd => self.fail(32, "077E", bad),
            bad => self.fail(32, "078E", format!("Invalid card in input deck: {bad}")),
        }
    }
}
