//! Files from the virtual reader: RECEIVE and READCARD.
//!
//! Four forms arrive: NETDATA (SENDFILE), decks with `:READ` cards (PUNCH), plain decks, and printer or console output. The reader file
//! is closed, and so purged, only when the file on disk is durable; after any error it stays in the reader.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use abi::{SpoolFileBlock, spool_input};
use minidisk::edf::{DateTime, FileId, RecordFormat};

use crate::cp::Cp;
use crate::disks::{Mode, file_id};
use crate::fileid::{ModeSpec, Pattern};
use crate::message::{Outcome, Rc};
use crate::netdata::{self, Decoder, FileControl, Item};
use crate::records::{Destination, Target};
use crate::session::Shell;
use crate::unit_record::{card_format, frames, header_card_names};
use crate::words::{Words, field, is, number, without_trailing_blanks};

/// What the user wants of a reader file.
struct Request {
    /// Name and type that the file gets; `=` takes over what was sent. `None` takes over both.
    name: Option<Pattern>,
    /// Disk and mode number that it gets.
    spec: ModeSpec,
    replace: bool,
    /// The file gets the date of today, not the one it was sent with.
    new_date: bool,
}

impl Request {
    /// The disk.
    fn mode(&self) -> Mode {
        self.spec.mode.unwrap_or(Mode::A)
    }
}

/// What a file that was received is called.
struct Received {
    target: Target,
    /// The name it was sent under, when that is another.
    sent_as: Option<String>,
}

impl<C: Cp> Shell<C> {
    /// RECEIVE.
    pub(crate) fn receive_command(&mut self, words: &Words) -> Outcome {
        let (mut replace, mut new_date, mut purge) = (false, false, false);
        for option in &words.options {
            match option.as_str() {
                option if is(option, "REPlace") => replace = true,
                option if is(option, "NEWDate") => new_date = true,
                option if is(option, "OLDDate") => new_date = false,
                option if is(option, "Purge") => purge = true,
                option if is(option, "NETData") || is(option, "NOLog") || is(option, "FULLDate") => {}
                _ => return Err(self.bad_option(option)),
            }
        }
        let (spid, names) = match words.operands.split_first() {
            Some((first, rest)) => match number::<u32>(first).filter(|spid| (1..=9999).contains(spid)) {
                Some(spid) => (spid, rest),
                None => (0, words.operands.as_slice()),
            },
            None => (0, &[][..]),
        };
        let (name, mode) = match names {
            [] => (None, ""),
            [_] => return Err(self.incomplete()),
            [name, file_type] => (Some(Pattern::new(name, file_type)), ""),
            [name, file_type, mode] => (Some(Pattern::new(name, file_type)), mode.as_str()),
            [_, _, _, surplus, ..] => return Err(self.bad_operand(surplus)),
        };
        let spec = self.mode_spec(mode, ModeSpec::A)?;
        if purge {
            let spid = self.reader_file(spid)?.spid;
            return self.cp_command(format!("PURGE READER {spid}").as_bytes());
        }
        self.writable(spec.mode.unwrap_or(Mode::A))?;
        self.receive(spid, &Request { name, spec, replace, new_date })
    }

    /// READCARD.
    pub(crate) fn readcard_command(&mut self, words: &Words) -> Outcome {
        let mut replace = false;
        for option in &words.options {
            if !is(option, "REPlace") {
                return Err(self.bad_option(option));
            }
            replace = true;
        }
        let (name, mode) = match words.operands.as_slice() {
            [star] if star == "*" => (None, ""),
            [star, file_type] if star == "*" => (Some(Pattern::new("=", file_type)), ""),
            [name, file_type] => (Some(Pattern::new(name, file_type)), ""),
            [name, file_type, mode] => (Some(Pattern::new(name, file_type)), mode.as_str()),
            [_, _, _, surplus, ..] => return Err(self.bad_operand(surplus)),
            _ => return Err(self.incomplete()),
        };
        let spec = self.mode_spec(mode, ModeSpec::A)?;
        self.writable(spec.mode.unwrap_or(Mode::A))?;
        self.receive(0, &Request { name, spec, replace, new_date: true })
    }

    /// The reader file with that spool id, or with 0 the next one.
    fn reader_file(&mut self, spid: u32) -> Result<SpoolFileBlock, Rc> {
        self.cp.reader_file(spid).ok_or_else(|| match spid {
            0 => self.fail(8, "205E", "Reader empty or not ready"),
            spid => self.fail(28, "655E", format!("Spool file {spid:04} does not exist")),
        })
    }

    /// Receives a reader file; closes the reader so that the file goes only when all of it is on the disk.
    fn receive(&mut self, spid: u32, request: &Request) -> Outcome {
        let file = self.reader_file(spid)?;
        self.spooling(true);
        let received = self.receive_file(&file, request);
        let close = if received.is_ok() { "CLOSE 00C" } else { "CLOSE 00C KEEP" };
        let response = self.cp.command(close.as_bytes());
        self.spooling(false);
        let node = self.self_and_node().1;
        for Received { target, sent_as } in received? {
            let from = field(&file.origin);
            let sent_as = sent_as.map_or(String::new(), |name| format!(" sent as {name}"));
            self.say(format!("File {target} received from {from} at {node}{sent_as}"));
        }
        if response.code != 0 {
            self.show(&response.text);
            return Err(Rc(response.code as i32));
        }
        Ok(())
    }

    /// Puts a reader file on the disk.
    fn receive_file(&mut self, file: &SpoolFileBlock, request: &Request) -> Result<Vec<Received>, Rc> {
        let mut first = None;
        self.each_record(file, |_, record| {
            first.get_or_insert_with(|| record.to_vec());
            Ok(false)
        })?;
        let Some(first) = first else {
            return Err(self.fail(8, "205E", format!("Spool file {:04} is empty", file.spid)));
        };
        if netdata::is_netdata(&first) {
            return self.receive_netdata(file, request).map(|received| Vec::from([received]));
        }
        if file.device == b'P' || file.device == b'C' {
            return self.receive_lines(file, request).map(|received| Vec::from([received]));
        }
        self.receive_deck(file, request)
    }

    /// Reads a reader file from its beginning until `take` answers `false`.
    fn each_record(&mut self, file: &SpoolFileBlock, mut take: impl FnMut(&mut Self, &[u8]) -> Result<bool, Rc>) -> Outcome {
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

    /// What CP says of the reader.
    fn reader_error(&mut self, spid: u32, status: u64) -> Rc {
        match status {
            spool_input::NO_FILE => self.fail(28, "655E", format!("Spool file {spid:04} does not exist")),
            spool_input::DAMAGED => self.fail(100, "124S", format!("Spool file {spid:04} cannot be read back")),
            spool_input::NOT_A_READER => self.fail(8, "205E", "Reader empty or not ready"),
            status => self.fail(100, "124S", format!("Error {status} reading spool file {spid:04}")),
        }
    }

    /// The file that is to be written, when it may be.
    fn receive_target(&mut self, sent: Option<FileId>, number: u8, format: RecordFormat, request: &Request) -> Result<Received, Rc> {
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

    /// Receives NETDATA.
    fn receive_netdata(&mut self, file: &SpoolFileBlock, request: &Request) -> Result<Received, Rc> {
        let mut decoder = Decoder::default();
        let mut arriving: Option<(Received, Destination, DateTime)> = None;
        let mut read = self.each_record(file, |shell, card| {
            let items = decoder.card(card).map_err(|bad| shell.bad_netdata(file.spid, &bad))?;
            for item in items {
                shell.netdata_item(item, file.spid, request, &mut arriving)?;
            }
            Ok(!decoder.is_complete())
        });
        if read.is_ok() && !decoder.is_complete() {
            read = Err(self.bad_netdata(file.spid, &netdata::Bad::Short));
        }
        match arriving {
            Some((received, destination, date)) => self.finish(destination, read, date).map(|()| received),
            None => Err(read.err().unwrap_or_else(|| self.bad_netdata(file.spid, &netdata::Bad::NoHeader))),
        }
    }

    /// Takes one thing that NETDATA holds.
    fn netdata_item(
        &mut self,
        item: Item,
        spid: u32,
        request: &Request,
        arriving: &mut Option<(Received, Destination, DateTime)>,
    ) -> Outcome {
        match (item, arriving) {
            (Item::File(control), place @ None) => {
                let received = self.netdata_target(&control, request)?;
                let date = control.changed.filter(|_| !request.new_date);
                let date = date.unwrap_or_else(|| self.now());
                let destination = self.begin_file(received.target.clone(), false)?;
                *place = Some((received, destination, date));
                Ok(())
            }
            (Item::File(_), Some(_)) => Err(self.fail(88, "682E", format!("Spool file {spid:04} holds more than one file"))),
            (Item::Record(mut record), Some((received, destination, _))) => {
                match received.target.format {
                    RecordFormat::Fixed(lrecl) if record.len() < lrecl as usize => record.resize(lrecl as usize, b' '),
                    RecordFormat::Variable if record.is_empty() => record.push(b' '),
                    _ => {}
                }
                self.write_record(destination, &record)
            }
            (Item::Acknowledgement, _) => Err(self.fail(88, "683E", format!("Spool file {spid:04} is an acknowledgement"))),
            (Item::Envelope(_) | Item::Record(_) | Item::End, _) => Ok(()),
        }
    }

    /// The file that NETDATA announces.
    fn netdata_target(&mut self, control: &FileControl, request: &Request) -> Result<Received, Rc> {
        let sent = file_id(&control.name.to_ascii_uppercase(), &control.file_type.to_ascii_uppercase());
        self.receive_target(sent, control.mode, control.format, request)
    }

    /// NETDATA that cannot be received.
    fn bad_netdata(&mut self, spid: u32, bad: &netdata::Bad) -> Rc {
        self.fail(100, "684E", format!("Spool file {spid:04} is no valid NETDATA: {bad}"))
    }

    /// The name that a spool file has, when a file can have it.
    fn spool_name(file: &SpoolFileBlock) -> Option<FileId> {
        let part = |bytes: &[u8]| field(bytes).to_ascii_uppercase();
        file_id(&part(&file.name), &part(&file.file_type))
    }

    /// Receives printer or console output: lines without the blanks at their ends.
    fn receive_lines(&mut self, file: &SpoolFileBlock, request: &Request) -> Result<Received, Rc> {
        let received = self.receive_target(Self::spool_name(file), 1, RecordFormat::Variable, request)?;
        let mut destination = self.begin_file(received.target.clone(), false)?;
        let mut longest = 0;
        let read = self.each_record(file, |shell, record| {
            longest = longest.max(record.len());
            let line = without_trailing_blanks(record);
            shell.write_record(&mut destination, if line.is_empty() { b" " } else { line })?;
            Ok(true)
        });
        let date = self.now();
        self.finish(destination, read, date)?;
        self.note("738I", format!("Record length is {longest} bytes"));
        Ok(received)
    }

    /// Receives a deck: one file, or as many as there are `:READ` cards. Cards of one length make a file of fixed records.
    fn receive_deck(&mut self, file: &SpoolFileBlock, request: &Request) -> Result<Vec<Received>, Rc> {
        let decks = self.deck_shapes(file)?;
        let mut received = Vec::new();
        for (index, (sent, lengths)) in decks.iter().enumerate() {
            let target = self.receive_target(*sent, 1, card_format(*lengths), request)?;
            let mut destination = self.begin_file(target.target.clone(), false)?;
            let mut deck = None;
            let read = self.each_record(file, |shell, card| {
                let next = deck.map_or(0, |deck: usize| deck + 1);
                if header_card_names(card).is_some() {
                    deck = Some(next);
                    return Ok(next <= index);
                }
                if *deck.get_or_insert(0) == index {
                    shell.write_record(&mut destination, if card.is_empty() { b" " } else { card })?;
                }
                Ok(true)
            });
            let date = self.now();
            self.finish(destination, read, date)?;
            received.push(target);
        }
        Ok(received)
    }

    /// The files in a deck: their names, and the lengths of their shortest and longest cards.
    fn deck_shapes(&mut self, file: &SpoolFileBlock) -> Result<Vec<DeckShape>, Rc> {
        let mut decks: Vec<DeckShape> = Vec::new();
        self.each_record(file, |shell, card| {
            if let Some((name, file_type)) = header_card_names(card) {
                if decks.len() == MOST_DECKS {
                    return Err(shell.fail(88, "682E", format!("More than {MOST_DECKS} files in one deck")));
                }
                decks.push((file_id(&name, &file_type), (usize::MAX, 0)));
                return Ok(true);
            }
            if decks.is_empty() {
                decks.push((Self::spool_name(file), (usize::MAX, 0)));
            }
            if let Some((_, (shortest, longest))) = decks.last_mut() {
                *shortest = (*shortest).min(card.len());
                *longest = (*longest).max(card.len());
            }
            Ok(true)
        })?;
        Ok(decks)
    }
}

/// Files that one deck may hold: each is read for itself.
const MOST_DECKS: usize = 100;

/// Name of a file in a deck, and the lengths of its shortest and longest cards.
type DeckShape = (Option<FileId>, (usize, usize));
