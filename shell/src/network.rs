//! Files and messages to other users: SENDFILE, TELL.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use crate::content::to_ebcdic;
use crate::cp::{Cp, PUNCH};
use crate::fileid::{Found, ModeSpec};
use crate::listfile::{short_date, time};
use crate::message::{Outcome, Rc};
use crate::netdata::{Encoder, Envelope, FileControl};
use crate::session::Shell;
use crate::unit_record::{Output, channel};
use crate::words::{Words, field, first_word, is};

/// How SENDFILE sends.
#[derive(Clone, Copy)]
struct Sending {
    show: bool,
    log: bool,
    /// The receiver is asked to acknowledge.
    acknowledge: bool,
    /// In the form of DISK DUMP.
    old: bool,
    /// It goes into the receiver's notebook.
    note: bool,
    /// Its text is translated for a mainframe.
    ebcdic: bool,
}

impl<C: Cp> Shell<C> {
    /// User and node of this machine.
    pub(crate) fn self_and_node(&mut self) -> (String, String) {
        let who = self.cp.identification();
        (field(&who.userid), field(&who.system_id))
    }

    /// SENDFILE.
    pub(crate) fn sendfile_command(&mut self, words: &Words) -> Outcome {
        let mut how = Sending { show: true, log: true, acknowledge: false, old: false, note: false, ebcdic: false };
        for option in &words.options {
            match option.as_str() {
                option if is(option, "NOType") => how.show = false,
                option if is(option, "TYpe") => how.show = true,
                option if is(option, "Log") => how.log = true,
                option if is(option, "NOLog") => how.log = false,
                option if is(option, "Ack") => how.acknowledge = true,
                option if is(option, "NOAck") => how.acknowledge = false,
                option if is(option, "NETData") || option == "NEW" => how.old = false,
                option if is(option, "DISk") || option == "OLD" => how.old = true,
                "NOTE" => how.note = true,
                option if is(option, "EBcdic") => how.ebcdic = true,
                _ => return Err(self.bad_option(option)),
            }
        }
        if how.old && (how.acknowledge || how.note || how.ebcdic) {
            return Err(self.fail(24, "066E", "OLD goes with neither ACK, NOTE nor EBCDIC"));
        }
        let [name, file_type, rest @ ..] = words.operands.as_slice() else {
            return Err(self.incomplete());
        };
        let (mode, receivers) = mode_and_receivers(rest);
        let receivers = self.receivers(receivers)?;
        let found = self.locate(name, file_type, mode)?;
        for user in receivers {
            self.send_file(&found, &user, how)?;
        }
        // A file of mode 3 is erased when it was read for the last time.
        let source = self.open(&found)?;
        self.close(source)
    }

    /// The users in `[TO] name [AT node]...`: nicknames of the NAMES file, or userids. Only this node is known.
    fn receivers(&mut self, words: &[String]) -> Result<Vec<String>, Rc> {
        let words = words.strip_prefix(&[String::from("TO")][..]).unwrap_or(words);
        let users = self.receivers_of(words)?;
        if users.is_empty() {
            return Err(self.fail(24, "646E", "Userid must be specified"));
        }
        Ok(users)
    }

    /// Sends a file to one user.
    fn send_file(&mut self, found: &Found, user: &str, how: Sending) -> Outcome {
        let (own, node) = self.self_and_node();
        let now = self.now();
        let entry = &found.entry;
        let operands = format!("TO {user} NAME {}", entry.id);
        if how.old {
            // Its own end erases a file of mode 3; the others still have to get it.
            self.write_spool_file(PUNCH, &operands, |shell, output| shell.dump_records(found, output))?;
        } else {
            let sent = self.gmt();
            let acknowledge = how.acknowledge.then(|| format!("{own} {sent}"));
            let envelope =
                Envelope { from: (own, node.clone()), to: (String::from(user), node.clone()), sent: Some(sent), acknowledge, files: 1 };
            let changed = self.in_gmt(entry.modified);
            let control = FileControl {
                name: String::from(entry.id.name()),
                file_type: String::from(entry.id.file_type()),
                mode: entry.mode,
                format: entry.format,
                lrecl: entry.lrecl,
                changed: Some(changed),
                is_note: how.note,
            };
            self.write_spool_file(PUNCH, &operands, |shell, output| shell.transmit(found, &envelope, &control, how.ebcdic, output))?;
        }
        let what = if how.note { "Note" } else { "File" };
        let line = format!("{what} {found} sent to {user} at {node} on {} {}", short_date(&now).trim(), time(&now));
        if how.show {
            self.say(&line);
        }
        if how.log {
            let zone = field(&self.cp.timer().zone);
            self.log(&format!("{line} {zone}"));
        }
        Ok(())
    }

    /// Punches a file as NETDATA.
    fn transmit(&mut self, found: &Found, envelope: &Envelope, control: &FileControl, ebcdic: bool, output: &mut Output) -> Outcome {
        let block_size = self.disks.get(found.mode).map_or(minidisk::edf::BLOCK_SIZE as u32, |disk| disk.system.label().block_size);
        let size = u64::from(found.entry.blocks) * u64::from(block_size);
        let mut encoder = Encoder::new(envelope, control, size);
        self.punch(output, &encoder.cards(), channel::PUNCH | channel::NETDATA_CONTROL)?;
        let mut source = self.open(found)?;
        let mut record = Vec::new();
        let mut number = 0;
        while self.next_record(&mut source, &mut record)? {
            number += 1;
            if ebcdic && !to_ebcdic(&mut record, control.format) {
                return Err(self.fail(32, "688E", format!("Record {number} has a character that EBCDIC does not have")));
            }
            encoder.record(&record);
            self.punch(output, &encoder.cards(), channel::PUNCH)?;
        }
        self.punch(output, &encoder.finish(), channel::PUNCH | channel::NETDATA_CONTROL)
    }

    /// TELL: a message to a user, or to everybody that a nickname stands for.
    pub(crate) fn tell_command(&mut self, words: &Words) -> Outcome {
        let (user, mut text) = first_word(&words.text);
        let mut name = Vec::from([String::from_utf8_lossy(user).to_ascii_uppercase()]);
        let (at, rest) = first_word(text);
        if at.eq_ignore_ascii_case(b"AT") {
            let (node, message) = first_word(rest);
            name.push(String::from("AT"));
            name.push(String::from_utf8_lossy(node).to_ascii_uppercase());
            text = message;
        }
        if user.is_empty() || text.is_empty() {
            return Err(self.fail(24, "646E", "Userid and message text must be specified"));
        }
        let mut worst = Ok(());
        for user in self.receivers_of(&name)? {
            let told = self.cp_command(&[b"MESSAGE ", user.as_bytes(), b" ", text].concat());
            worst = worst.and(told);
        }
        worst
    }
}

/// The file mode and what follows it. The mode may be left out: a word that is none is the first receiver already, unless TO stands behind it.
fn mode_and_receivers(words: &[String]) -> (&str, &[String]) {
    match words {
        [mode, rest @ ..] if ModeSpec::parse(mode).is_some() || rest.first().is_some_and(|next| next == "TO") => (mode, rest),
        receivers => ("", receivers),
    }
}
