//! NETDATA in the reader: what a transmission holds, its records, its acknowledgement, and the log of what was sent and received.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use abi::SpoolFileBlock;
use minidisk::edf::{DateTime, RecordFormat};

use crate::content::{Code, Survey, from_ebcdic};
use crate::cp::{Cp, PUNCH};
use crate::disks::{Mode, file_id};
use crate::listfile::{short_date, time};
use crate::message::{Outcome, Rc};
use crate::netdata::{self, Acknowledgement, Bad, CARD, Decoder, Envelope, FileControl, Item};
use crate::records::Target;
use crate::session::Shell;
use crate::unit_record::{Output, channel};
use crate::words::field;

/// Lines of a message that are kept to be shown, and bytes of each.
const MESSAGE_LINES: usize = 200;
const MESSAGE_LINE: usize = 4096;

/// One file of a transmission.
pub(crate) struct Arriving {
    pub control: FileControl,
    pub survey: Survey,
}

/// What a reader file in NETDATA form holds: known to be whole.
pub(crate) struct Transmission {
    pub envelope: Envelope,
    /// Its files, notes among them.
    pub files: Vec<Arriving>,
    /// It is an acknowledgement.
    pub acknowledgement: Option<Acknowledgement>,
    /// The first lines of a note, as they were sent.
    message: Vec<Vec<u8>>,
}

/// Which file of a transmission a command is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Meant {
    /// The file at that place.
    File(usize),
    /// There is nothing but a note.
    Note(usize),
}

impl<C: Cp> Shell<C> {
    /// Reads a transmission through, and knows then that it is whole.
    pub(crate) fn survey_transmission(&mut self, file: &SpoolFileBlock) -> Result<Transmission, Rc> {
        let mut found = Transmission { envelope: Envelope::default(), files: Vec::new(), acknowledgement: None, message: Vec::new() };
        self.each_item(file, |_, item| {
            match item {
                Item::Envelope(envelope) => found.envelope = envelope,
                Item::File(control) => found.files.push(Arriving { control, survey: Survey::default() }),
                Item::Acknowledgement(acknowledgement) => found.acknowledgement = Some(acknowledgement),
                Item::Record(record) => {
                    if let Some(arriving) = found.files.last_mut() {
                        arriving.survey.add(&record);
                        if arriving.control.is_note && found.message.len() < MESSAGE_LINES {
                            found.message.push(record[..record.len().min(MESSAGE_LINE)].to_vec());
                        }
                    }
                }
                Item::End => {}
            }
            Ok(true)
        })?;
        if found.files.is_empty() && found.acknowledgement.is_none() {
            return Err(self.bad_netdata(file.spid, &Bad::NoHeader));
        }
        Ok(found)
    }

    /// The file of a transmission that is meant when none is named: the only one, or else the note.
    pub(crate) fn meant(&mut self, file: &SpoolFileBlock, transmission: &Transmission) -> Result<Meant, Rc> {
        let files: Vec<_> = transmission.files.iter().enumerate().filter(|(_, file)| !file.control.is_note).map(|(at, _)| at).collect();
        match files.as_slice() {
            [] => Ok(Meant::Note(0)),
            [only] => Ok(Meant::File(*only)),
            _ => Err(self.fail(88, "682E", format!("Spool file {:04} holds more than one file", file.spid))),
        }
    }

    /// Shows the note that came with a file.
    pub(crate) fn show_message(&mut self, transmission: &Transmission) {
        let Some(note) = transmission.files.iter().find(|file| file.control.is_note) else { return };
        let translate = note.survey.is_ebcdic();
        for line in &transmission.message {
            let mut line = line.clone();
            if translate {
                from_ebcdic(&mut line, RecordFormat::Variable);
            }
            self.show_line(crate::words::without_trailing_blanks(&line));
        }
    }

    /// Takes the records of one file of a transmission, in the form in which they go to a disk.
    pub(crate) fn each_file_record(
        &mut self,
        file: &SpoolFileBlock,
        transmission: &Transmission,
        wanted: usize,
        code: Code,
        mut take: impl FnMut(&mut Self, &[u8]) -> Result<bool, Rc>,
    ) -> Outcome {
        let Some(Arriving { control, survey }) = transmission.files.get(wanted) else { return Ok(()) };
        let (format, translate) = (control.format, survey.translates(code));
        let mut at = None;
        self.each_item(file, |shell, item| {
            match item {
                Item::File(_) => at = Some(at.map_or(0, |at: usize| at + 1)),
                Item::Record(mut record) if at == Some(wanted) => {
                    if translate {
                        from_ebcdic(&mut record, format);
                    }
                    match format {
                        RecordFormat::Fixed(lrecl) if record.len() < lrecl as usize => record.resize(lrecl as usize, b' '),
                        RecordFormat::Variable if record.is_empty() => record.push(b' '),
                        _ => {}
                    }
                    return take(shell, &record);
                }
                _ => {}
            }
            Ok(at.is_none_or(|at| at <= wanted))
        })
    }

    /// Takes a transmission apart until `take` answers `false`.
    fn each_item(&mut self, file: &SpoolFileBlock, mut take: impl FnMut(&mut Self, Item) -> Result<bool, Rc>) -> Outcome {
        let mut decoder = Decoder::default();
        let mut stopped = false;
        self.each_record(file, |shell, card| {
            let items = decoder.card(card).map_err(|bad| shell.bad_netdata(file.spid, &bad))?;
            for item in items {
                if !take(shell, item)? {
                    stopped = true;
                    return Ok(false);
                }
            }
            Ok(!decoder.is_complete())
        })?;
        if stopped || decoder.is_complete() { Ok(()) } else { Err(self.bad_netdata(file.spid, &Bad::Short)) }
    }

    /// NETDATA that cannot be received.
    fn bad_netdata(&mut self, spid: u32, bad: &Bad) -> Rc {
        match bad.is_foreign() {
            true => self.fail(88, "685E", format!("Spool file {spid:04} cannot be received by CMS: {bad}")),
            false => self.fail(100, "684E", format!("Spool file {spid:04} is no valid NETDATA: {bad}")),
        }
    }

    /// Answers the sender who asked for it what became of a transmission. The answer goes to whom CP names, not to whom the file names.
    pub(crate) fn acknowledge(&mut self, file: &SpoolFileBlock, transmission: &Transmission, meant: Meant, outcome: &str) {
        let Some(identifier) = transmission.envelope.acknowledge.clone() else { return };
        let (own, node) = self.self_and_node();
        let origin = field(&file.origin);
        let (Meant::File(at) | Meant::Note(at)) = meant;
        let control = transmission.files.get(at).map(|file| &file.control);
        let id = control.filter(|control| !control.is_note).and_then(|control| file_id(&control.name, &control.file_type));
        let answer = Acknowledgement {
            sent: transmission.envelope.sent,
            file: id.map_or((String::new(), String::new()), |id| (String::from(id.name()), String::from(id.file_type()))),
            mode: control.map(|control| control.mode),
            outcome: String::from(outcome),
            identifier,
        };
        let from = (own, node.clone());
        let envelope = Envelope { from, to: (origin.clone(), node), sent: Some(self.gmt()), acknowledge: None, files: 0 };
        let name = id.map_or(String::from("NOTE ACK"), |id| format!("{id}"));
        let cards = netdata::acknowledgement(&envelope, &answer);
        // Its failure is told and does not undo what was received.
        let _ = self.write_spool_file(PUNCH, &format!("TO {origin} NAME {name}"), |shell, output| {
            shell.punch(output, &cards, channel::PUNCH | channel::NETDATA_CONTROL)
        });
    }

    /// Says and logs what an acknowledgement tells.
    pub(crate) fn receive_acknowledgement(&mut self, file: &SpoolFileBlock, acknowledgement: &Acknowledgement, log: bool) {
        let node = self.self_and_node().1;
        let from = field(&file.origin);
        let cut = |text: &str| text.chars().take(8).collect::<String>();
        let what = match &acknowledgement.file {
            (name, _) if name.is_empty() => String::from("Note"),
            (name, file_type) => {
                let mode = acknowledgement.mode.map_or(String::new(), |mode| format!(" A{mode}"));
                format!("File {} {}{mode}", cut(name), cut(file_type))
            }
        };
        let sent = acknowledgement.sent.map_or(String::new(), |date| {
            let date = self.local(date);
            format!(" sent on {} {}", short_date(&date).trim(), time(&date))
        });
        let verb = match acknowledgement.outcome.as_str() {
            "" | "RECEIVED" => "received",
            "DELETED" => "discarded",
            other => other,
        };
        let line = format!("{what}{sent} was {} by {from} at {node}", verb.chars().take(32).collect::<String>());
        self.say(&line);
        if log {
            self.log(&format!("Acknowledgment: {line}"));
        }
    }

    /// Adds a line to the log of what was sent and received, `userid NETLOG A0`. That it cannot be written is told, and is no failure.
    pub(crate) fn log(&mut self, line: &str) {
        let Some(id) = file_id(&self.self_and_node().0, "NETLOG") else { return };
        let target = Target { mode: Mode::A, id, number: 0, format: RecordFormat::Variable };
        if self.disks.get(Mode::A).is_none_or(|disk| disk.read_only) {
            return self.note("687W", format!("Log {id} A0 was not written: there is no read/write A-disk"));
        }
        let _ = self.append_lines(target, &[line.as_bytes()]);
    }

    /// Adds lines to a file, making it when it is not there.
    pub(crate) fn append_lines(&mut self, target: Target, lines: &[&[u8]]) -> Outcome {
        let exists = self.exists(&target);
        let mut to = self.begin_file(target, exists)?;
        let written = lines.iter().try_for_each(|line| self.write_record(&mut to, if line.is_empty() { b" " } else { line }));
        let date = self.now();
        self.finish(to, written, date)
    }

    /// Punches cards.
    pub(crate) fn punch(&mut self, output: &mut Output, cards: &[[u8; CARD]], command: u16) -> Outcome {
        cards.iter().try_for_each(|card| self.put_record(output, command, card))
    }

    /// `mm/dd/yy hh:mm:ss zone` of a local date.
    pub(crate) fn date_and_zone(&mut self, date: &DateTime) -> String {
        let zone = field(&self.cp.timer().zone);
        format!("{} {} {zone}", short_date(date).trim(), time(date))
    }

    /// The date and time in GMT.
    pub(crate) fn gmt(&mut self) -> DateTime {
        DateTime::from_unix_seconds(self.cp.timer().unix_seconds as i64)
    }

    /// A date in GMT of one in local time.
    pub(crate) fn in_gmt(&mut self, date: DateTime) -> DateTime {
        let zone = self.cp.timer().zone_seconds;
        date.plus_seconds(-zone)
    }

    /// A date in local time of one in GMT.
    pub(crate) fn local(&mut self, date: DateTime) -> DateTime {
        let zone = self.cp.timer().zone_seconds;
        date.plus_seconds(zone)
    }
}
