//! PEEK: a look at a file in the reader, which stays there.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use abi::SpoolFileBlock;
use minidisk::edf::RecordFormat;

use crate::content::{Code, from_ebcdic};
use crate::cp::Cp;
use crate::message::Outcome;
use crate::reader::{Afterwards, Form, spool_name};
use crate::session::Shell;
use crate::transmission::Meant;
use crate::words::{Words, field, is, number, without_trailing_blanks};

/// Records that PEEK shows when nothing else is asked for, as on VM.
const RECORDS: u64 = 200;

/// What PEEK shows.
struct Window {
    /// The first record, from 1.
    from: u64,
    /// How many.
    count: u64,
    /// Records that went by.
    passed: u64,
}

impl Window {
    /// Whether the next record is shown; `None` when no other will be.
    fn next(&mut self) -> Option<bool> {
        self.passed += 1;
        if self.passed >= self.from.saturating_add(self.count) {
            return None;
        }
        Some(self.passed >= self.from)
    }
}

impl<C: Cp> Shell<C> {
    /// PEEK.
    pub(crate) fn peek_command(&mut self, words: &Words) -> Outcome {
        let mut window = Window { from: 1, count: RECORDS, passed: 0 };
        let mut options = words.options.iter();
        while let Some(option) = options.next() {
            let value = |shell: &mut Self, word: Option<&String>| match word.map_or("", String::as_str) {
                "*" => Ok(u64::MAX),
                word => number::<u64>(word).filter(|&number| number > 0).ok_or_else(|| shell.bad_value(option, word)),
            };
            match option.as_str() {
                option if is(option, "FOr") => window.count = value(self, options.next())?,
                option if is(option, "FRom") => window.from = value(self, options.next())?,
                _ => return Err(self.bad_option(option)),
            }
        }
        let (spid, rest) = self.spid_operand(&words.operands);
        if let Some(surplus) = rest.first() {
            return Err(self.bad_operand(surplus));
        }
        let file = self.reader_file(spid)?;
        self.with_reader(Afterwards::Keep, |shell| shell.peek(&file, &mut window))
    }

    fn peek(&mut self, file: &SpoolFileBlock, window: &mut Window) -> Outcome {
        let form = self.form_of(file)?;
        match form {
            Form::Netdata => self.peek_netdata(file, window),
            Form::Dump => {
                let entries = self.dumped(file)?;
                let name = entries.iter().map(|entry| format!("{}", entry.id)).collect::<Vec<_>>().join(", ");
                self.peek_heading(file, form, &name);
                self.each_dumped_record(file, &entries, |shell, _, record| Ok(shell.peek_record(record, window)))
            }
            Form::Lines => {
                self.peek_heading(file, form, &name_of(file));
                self.each_record(file, |shell, record| Ok(shell.peek_record(record, window)))
            }
            Form::Cards => {
                let translate = self.deck_is_ebcdic(file)?;
                self.peek_heading(file, form, &name_of(file));
                self.each_record(file, |shell, card| {
                    let mut card = card.to_vec();
                    if translate {
                        from_ebcdic(&mut card, RecordFormat::Variable);
                    }
                    Ok(shell.peek_record(&card, window))
                })
            }
        }
    }

    fn peek_netdata(&mut self, file: &SpoolFileBlock, window: &mut Window) -> Outcome {
        let transmission = self.survey_transmission(file)?;
        if let Some(acknowledgement) = &transmission.acknowledgement {
            self.peek_heading(file, Form::Netdata, "Acknowledgment");
            self.receive_acknowledgement(file, acknowledgement, false);
            return Ok(());
        }
        let meant = self.meant(file, &transmission)?;
        let (Meant::File(at) | Meant::Note(at)) = meant;
        let name = match (meant, transmission.files.get(at)) {
            (Meant::File(_), Some(arriving)) if arriving.control.name.is_empty() => name_of(file),
            (Meant::File(_), Some(arriving)) => format!("{} {}", arriving.control.name, arriving.control.file_type),
            _ => String::from("Note"),
        };
        self.peek_heading(file, Form::Netdata, &name);
        self.each_file_record(file, &transmission, at, Code::ByContent, |shell, record| Ok(shell.peek_record(record, window)))
    }

    /// The line above the records.
    fn peek_heading(&mut self, file: &SpoolFileBlock, form: Form, name: &str) {
        let (node, from) = (self.self_and_node().1, field(&file.origin));
        let name: String = name.chars().filter(|c| !c.is_control()).take(60).collect();
        self.say(format!("File {name} from {from} at {node}. Format is {}.", form.name()));
    }

    /// Shows a record when it is in the window; `false` when that is over.
    fn peek_record(&mut self, record: &[u8], window: &mut Window) -> bool {
        match window.next() {
            None => false,
            Some(shown) => {
                if shown {
                    self.show_line(without_trailing_blanks(record));
                }
                true
            }
        }
    }
}

/// The name of a spool file as people see it.
fn name_of(file: &SpoolFileBlock) -> String {
    spool_name(file).map_or(String::from("(none) (none)"), |id| format!("{id}"))
}
