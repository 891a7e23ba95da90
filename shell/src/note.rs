//! NOTE: a note to other users, typed at the console.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use minidisk::edf::RecordFormat;

use crate::cp::{Cp, PUNCH};
use crate::disks::{Mode, file_id};
use crate::message::Outcome;
use crate::netdata::{Encoder, Envelope, FileControl};
use crate::receive::NOTEBOOK_RULE;
use crate::records::Target;
use crate::session::Shell;
use crate::unit_record::channel;
use crate::words::{Words, is};

/// Longest note, in bytes.
const NOTE_MAX: usize = 1 << 20;
/// Names of the months in the heading.
const MONTHS: [&str; 12] =
    ["January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November", "December"];

impl<C: Cp> Shell<C> {
    /// NOTE.
    pub(crate) fn note_command(&mut self, words: &Words) -> Outcome {
        let (mut log, mut acknowledge) = (true, false);
        for option in &words.options {
            match option.as_str() {
                option if is(option, "LOG") => log = true,
                option if is(option, "NOLog") => log = false,
                option if is(option, "Ack") => acknowledge = true,
                option if is(option, "NOAck") => acknowledge = false,
                _ => return Err(self.bad_option(option)),
            }
        }
        let users = self.receivers_of(&words.operands)?;
        if users.is_empty() {
            return Err(self.fail(24, "646E", "Userid must be specified"));
        }
        let mut note = self.note_heading(&users);
        self.say("Enter the note; a line with a period alone ends it, QUIT alone drops it.");
        let mut size = 0;
        while let Some(line) = self.answer_line()? {
            match line.trim_ascii_end() {
                b"." => break,
                text if text.eq_ignore_ascii_case(b"QUIT") => {
                    self.say("Note dropped");
                    return Ok(());
                }
                text => note.push(text.to_vec()),
            }
            size += line.len();
            if size > NOTE_MAX {
                return Err(self.fail(32, "640E", format!("A note has at most {NOTE_MAX} bytes")));
            }
        }
        for user in &users {
            self.send_note(&note, user, acknowledge)?;
        }
        if !log {
            return Ok(());
        }
        let mut lines: Vec<&[u8]> = Vec::from([&NOTEBOOK_RULE[..]]);
        lines.extend(note.iter().map(Vec::as_slice));
        match file_id("ALL", "NOTEBOOK") {
            Some(id) if self.disks.get(Mode::A).is_some_and(|disk| !disk.read_only) => {
                self.append_lines(Target { mode: Mode::A, id, number: 0, format: RecordFormat::Variable }, &lines)
            }
            _ => {
                self.note("687W", "The note was not kept in ALL NOTEBOOK A0: there is no read/write A-disk");
                Ok(())
            }
        }
    }

    /// The lines above the text.
    fn note_heading(&mut self, users: &[String]) -> Vec<Vec<u8>> {
        let (own, node) = self.self_and_node();
        let now = self.now();
        let zone = crate::words::field(&self.cp.timer().zone);
        let month = MONTHS.get(usize::from(now.month).wrapping_sub(1)).copied().unwrap_or_default();
        let mut heading = Vec::from([
            format!("Date: {} {month} {}, {} {zone}", now.day, now.year, crate::listfile::time(&now)),
            format!("From: {own} at {node}"),
        ]);
        let mut title = "To:  ";
        for user in users {
            heading.push(format!("{title} {user} at {node}"));
            title = "     ";
        }
        heading.push(String::new());
        heading.into_iter().map(String::into_bytes).collect()
    }

    /// Sends a note to one user.
    fn send_note(&mut self, note: &[Vec<u8>], user: &str, acknowledge: bool) -> Outcome {
        let (own, node) = self.self_and_node();
        let sent = self.gmt();
        let acknowledge = acknowledge.then(|| format!("{own} {sent}"));
        let from = (own.clone(), node.clone());
        let envelope = Envelope { from, to: (String::from(user), node.clone()), sent: Some(sent), acknowledge, files: 1 };
        let control = FileControl {
            name: own.clone(),
            file_type: String::from("NOTE"),
            mode: 0,
            format: RecordFormat::Variable,
            lrecl: note.iter().map(Vec::len).max().unwrap_or(0).max(1) as u32,
            changed: Some(sent),
            is_note: true,
        };
        let size = note.iter().map(|line| line.len() as u64).sum();
        self.write_spool_file(PUNCH, &format!("TO {user} NAME {own} NOTE"), |shell, output| {
            let mut encoder = Encoder::new(&envelope, &control, size);
            shell.punch(output, &encoder.cards(), channel::PUNCH | channel::NETDATA_CONTROL)?;
            note.iter().for_each(|line| encoder.record(if line.is_empty() { b" " } else { line }));
            shell.punch(output, &encoder.cards(), channel::PUNCH)?;
            shell.punch(output, &encoder.finish(), channel::PUNCH | channel::NETDATA_CONTROL)
        })?;
        let now = self.now();
        let when = self.date_and_zone(&now);
        self.say(format!("Note sent to {user} at {node} on {when}"));
        self.log(&format!("Note sent to {user} at {node} on {when}"));
        Ok(())
    }
}
