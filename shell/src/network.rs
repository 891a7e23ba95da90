//! Files and messages to other users: SENDFILE, TELL.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use crate::cp::{Cp, PUNCH};
use crate::fileid::{Found, ModeSpec};
use crate::listfile::{short_date, time};
use crate::message::{Outcome, Rc};
use crate::netdata::{CARD, Encoder, Envelope, FileControl};
use crate::session::Shell;
use crate::unit_record::{Output, channel};
use crate::words::{Words, field, first_word, is};

impl<C: Cp> Shell<C> {
    /// User and node of this machine.
    pub(crate) fn self_and_node(&mut self) -> (String, String) {
        let who = self.cp.identification();
        (field(&who.userid), field(&who.system_id))
    }

    /// SENDFILE.
    pub(crate) fn sendfile_command(&mut self, words: &Words) -> Outcome {
        let mut show = true;
        for option in &words.options {
            match option.as_str() {
                option if is(option, "NOType") => show = false,
                option if is(option, "TYpe") => show = true,
                // What SENDFILE does here in any case.
                option if is(option, "NETData") || is(option, "NEW") || is(option, "NOAck") || is(option, "NOLog") => {}
                _ => return Err(self.bad_option(option)),
            }
        }
        let [name, file_type, rest @ ..] = words.operands.as_slice() else {
            return Err(self.incomplete());
        };
        let (mode, receivers) = mode_and_receivers(rest);
        let receivers = self.receivers(receivers)?;
        let found = self.locate(name, file_type, mode)?;
        for user in receivers {
            self.send_file(&found, &user, show)?;
        }
        // A file of mode 3 is erased when it was read for the last time.
        let source = self.open(&found)?;
        self.close(source)
    }

    /// The users in `[TO] user [AT node]...`. Only this node is known.
    fn receivers(&mut self, words: &[String]) -> Result<Vec<String>, Rc> {
        let words = words.strip_prefix(&[String::from("TO")][..]).unwrap_or(words);
        let node = self.self_and_node().1;
        let mut users = Vec::new();
        let mut rest = words.iter();
        while let Some(word) = rest.next() {
            if word != "AT" {
                users.push(word.clone());
                continue;
            }
            let at = rest.next().map_or("", String::as_str);
            if at != node {
                return Err(self.fail(32, "645E", format!("Node {at} cannot be reached from {node}")));
            }
        }
        if users.is_empty() {
            return Err(self.fail(24, "646E", "Userid must be specified"));
        }
        Ok(users)
    }

    /// Sends a file to one user.
    fn send_file(&mut self, found: &Found, user: &str, show: bool) -> Outcome {
        let (own, node) = self.self_and_node();
        let now = self.now();
        let entry = &found.entry;
        let envelope = Envelope { from: (own, node.clone()), to: (String::from(user), node.clone()), sent: Some(now) };
        let control = FileControl {
            name: String::from(entry.id.name()),
            file_type: String::from(entry.id.file_type()),
            mode: entry.mode,
            format: entry.format,
            changed: Some(entry.modified),
            is_note: false,
        };
        let block_size = self.disks.get(found.mode).map_or(minidisk::edf::BLOCK_SIZE as u32, |disk| disk.system.label().block_size);
        let size = u64::from(entry.blocks) * u64::from(block_size);
        let operands = format!("TO {user} NAME {}", entry.id);
        self.write_spool_file(PUNCH, &operands, |shell, output| {
            let mut encoder = Encoder::new(&envelope, &control, size);
            shell.punch(output, &encoder.cards(), channel::PUNCH | channel::NETDATA_CONTROL)?;
            let mut source = shell.open(found)?;
            let mut record = Vec::new();
            while shell.next_record(&mut source, &mut record)? {
                encoder.record(&record);
                shell.punch(output, &encoder.cards(), channel::PUNCH)?;
            }
            shell.punch(output, &encoder.finish(), channel::PUNCH | channel::NETDATA_CONTROL)
        })?;
        if show {
            self.say(format!("File {found} sent to {user} at {node} on {} {}", short_date(&now).trim(), time(&now)));
        }
        Ok(())
    }

    /// Punches cards.
    fn punch(&mut self, output: &mut Output, cards: &[[u8; CARD]], command: u16) -> Outcome {
        cards.iter().try_for_each(|card| self.put_record(output, command, card))
    }

    /// TELL: a message to a user.
    pub(crate) fn tell_command(&mut self, words: &Words) -> Outcome {
        let (user, mut text) = first_word(&words.text);
        let (at, rest) = first_word(text);
        if at.eq_ignore_ascii_case(b"AT") {
            let (node, message) = first_word(rest);
            let own = self.self_and_node().1;
            if !node.eq_ignore_ascii_case(own.as_bytes()) {
                let node = String::from_utf8_lossy(node).to_ascii_uppercase();
                return Err(self.fail(32, "645E", format!("Node {node} cannot be reached from {own}")));
            }
            text = message;
        }
        if user.is_empty() || text.is_empty() {
            return Err(self.fail(24, "646E", "Userid and message text must be specified"));
        }
        let command = [b"MESSAGE ", user, b" ", text].concat();
        self.cp_command(&command)
    }
}

/// The file mode and what follows it. The mode may be left out: a word that is none is the first receiver already, unless TO stands behind it.
fn mode_and_receivers(words: &[String]) -> (&str, &[String]) {
    match words {
        [mode, rest @ ..] if ModeSpec::parse(mode).is_some() || rest.first().is_some_and(|next| next == "TO") => (mode, rest),
        receivers => ("", receivers),
    }
}
