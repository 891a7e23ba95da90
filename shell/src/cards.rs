//! Decks: READCARD, and the files that one deck holds.
//!
//! A `:READ` card names the file whose cards follow it. Cards of one length make a file of fixed records.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use abi::SpoolFileBlock;
use minidisk::edf::{FileId, RecordFormat};

use crate::content::{Code, Survey, from_ebcdic};
use crate::cp::Cp;
use crate::disks::file_id;
use crate::fileid::{ModeSpec, Pattern};
use crate::message::{Outcome, Rc};
use crate::reader::{Afterwards, Form, spool_name};
use crate::receive::{Received, Request};
use crate::session::Shell;
use crate::words::{Words, is};

/// Files that one deck may hold: each is read for itself.
const MOST_FILES: usize = 100;

/// One file of a deck.
struct Part {
    /// Its `:READ` card, else the spool file, names it.
    sent: Option<FileId>,
    /// The lengths of its shortest and longest cards.
    lengths: (usize, usize),
    survey: Survey,
}

impl Part {
    fn new(sent: Option<FileId>) -> Self {
        Self { sent, lengths: (usize::MAX, 0), survey: Survey::default() }
    }
}

impl<C: Cp> Shell<C> {
    /// READCARD.
    pub(crate) fn readcard_command(&mut self, words: &Words) -> Outcome {
        let (name, mode) = match words.operands.as_slice() {
            [star] if star == "*" => (None, ""),
            [star, file_type] if star == "*" => (Some(Pattern::new("=", file_type)), ""),
            [name, file_type] => (Some(Pattern::new(name, file_type)), ""),
            [name, file_type, mode] => (Some(Pattern::new(name, file_type)), mode.as_str()),
            [_, _, _, surplus, ..] => return Err(self.bad_operand(surplus)),
            _ => return Err(self.incomplete()),
        };
        let mut request = Request::new(name, self.mode_spec(mode, ModeSpec::A)?);
        request.new_date = true;
        request.log = false;
        for option in &words.options {
            match option.as_str() {
                option if is(option, "REPlace") => request.replace = true,
                option if is(option, "NOReplace") => request.replace = false,
                option if is(option, "EBcdic") => request.code = Code::Ebcdic,
                option if is(option, "BInary") => request.code = Code::Binary,
                _ => return Err(self.bad_option(option)),
            }
        }
        self.writable(request.mode())?;
        let file = self.reader_file(0)?;
        let without_name = file_id("READCARD", "CMSUT1");
        self.with_reader(Afterwards::Close, |shell| {
            // Whatever they hold, to READCARD they are cards; only an empty file is none.
            if shell.form_of(&file)? == Form::Lines {
                return Err(shell.fail(32, "078E", format!("Spool file {:04} is no deck of cards; use RECEIVE", file.spid)));
            }
            let received = shell.receive_deck(&file, &request, without_name)?;
            received.iter().for_each(|received| shell.tell_received(&file, received, false));
            Ok(())
        })
    }

    /// Puts the files of a deck on the disk; `without_name` is the name of one that has none. A name that was asked for is the first
    /// file's; an `=` in it takes over a part of each one's own.
    pub(crate) fn receive_deck(
        &mut self,
        file: &SpoolFileBlock,
        request: &Request,
        without_name: Option<FileId>,
    ) -> Result<Vec<Received>, Rc> {
        let parts = self.parts_of(file)?;
        let mut all = Vec::new();
        for (index, part) in parts.iter().enumerate() {
            let mut request = request.clone();
            let derived = request.name.as_ref().is_some_and(|name| name.name.contains('=') || name.file_type.contains('='));
            if index > 0 && !derived {
                request.name = None;
            }
            let format = match part.lengths {
                (shortest, longest) if shortest == longest && longest > 0 => RecordFormat::Fixed(longest as u32),
                _ => RecordFormat::Variable,
            };
            let received = self.receive_target(part.sent.or(without_name), 1, format, &request)?;
            let translate = part.survey.translates(request.code);
            let mut to = self.begin_file(received.target.clone(), false)?;
            let read = self.each_card(file, |shell, at, card| {
                if at == index {
                    let mut card = card.to_vec();
                    if translate {
                        from_ebcdic(&mut card, format);
                    }
                    shell.write_record(&mut to, if card.is_empty() { b" " } else { &card })?;
                }
                Ok(at <= index)
            });
            let date = self.now();
            self.finish(to, read, date)?;
            all.push(received);
        }
        Ok(all)
    }

    /// Takes the cards of a deck, each with the place of its file, without the `:READ` cards.
    pub(crate) fn each_card(
        &mut self,
        file: &SpoolFileBlock,
        mut take: impl FnMut(&mut Self, usize, &[u8]) -> Result<bool, Rc>,
    ) -> Outcome {
        let mut at: Option<usize> = None;
        self.each_record(file, |shell, card| {
            if header_card_names(card).is_some() {
                at = Some(at.map_or(0, |at| at + 1));
                return Ok(true);
            }
            take(shell, *at.get_or_insert(0), card)
        })
    }

    /// The files in a deck.
    fn parts_of(&mut self, file: &SpoolFileBlock) -> Result<Vec<Part>, Rc> {
        let mut parts: Vec<Part> = Vec::new();
        self.each_record(file, |shell, card| {
            if let Some((name, file_type)) = header_card_names(card) {
                if parts.len() == MOST_FILES {
                    return Err(shell.fail(88, "682E", format!("More than {MOST_FILES} files in one deck")));
                }
                parts.push(Part::new(file_id(&name, &file_type)));
                return Ok(true);
            }
            if parts.is_empty() {
                parts.push(Part::new(spool_name(file)));
            }
            if let Some(Part { lengths: (shortest, longest), survey, .. }) = parts.last_mut() {
                *shortest = (*shortest).min(card.len());
                *longest = (*longest).max(card.len());
                survey.add(card);
            }
            Ok(true)
        })?;
        Ok(parts)
    }

    /// Whether the cards of the first file of a deck are EBCDIC text.
    pub(crate) fn deck_is_ebcdic(&mut self, file: &SpoolFileBlock) -> Result<bool, Rc> {
        Ok(self.parts_of(file)?.first().is_some_and(|part| part.survey.is_ebcdic()))
    }
}

/// Name and type on a header card, when the record is one: in ASCII, or in EBCDIC as mainframes punch it.
pub(crate) fn header_card_names(record: &[u8]) -> Option<(String, String)> {
    const IN_EBCDIC: [u8; 5] = [0x7a, 0xd9, 0xc5, 0xc1, 0xc4];
    let mut record = record.to_vec();
    if record.starts_with(&IN_EBCDIC) {
        minidisk::ebcdic::decode(&mut record);
    }
    let text = record.strip_prefix(b":READ")?;
    let words = Words::parse(text);
    let file_type = words.operands.first()?.clone();
    Some((words.command, file_type))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn header_cards_name_a_file_in_either_code() {
        let card = b":READ  HELLO    EXEC     A1 MNT191 11/22/26 14:41:09";
        let hello = Some((String::from("HELLO"), String::from("EXEC")));
        assert_eq!(header_card_names(card), hello);
        let mut ebcdic = card.to_vec();
        minidisk::ebcdic::encode(&mut ebcdic);
        assert_eq!(header_card_names(&ebcdic), hello);
        assert_eq!(header_card_names(b":READ"), None);
        assert_eq!(header_card_names(b"say hello"), None);
    }
}
