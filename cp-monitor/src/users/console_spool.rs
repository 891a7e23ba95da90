//! Console spooling: what is written to and typed at a console becomes a spool file.
//!
//! The console keeps its lines ([`console::Journal`]) and tells when there are some; a worker then appends them to the file in progress.
//! CLOSE, LOGOFF and a full file take them first, so that a closed file has every line up to then.

use std::sync::Arc;

use console::Journaling;
use console::wire::LineKind;
use spool::SpoolError;

use super::secrets::without_secrets;
use super::{Console, Device, User};
use crate::command;

/// Columns of a printed line; a longer one goes on in the next record.
const COLUMNS: usize = 132;
/// Print, then space one line.
const PRINT: u16 = 0x09;
/// Records after which the file is closed and the next one begun: a console that nobody ever closes loses no more than this in a crash.
const RECORDS_MAX: u64 = 50_000;

impl User {
    /// Lets the console tell this user's workers of lines to be spooled, and whoever else hears it of every line.
    pub(super) fn watch_console(self: &Arc<Self>) {
        let user = Arc::downgrade(self);
        self.console.on_line(Box::new(move |heard| {
            if let Some(user) = user.upgrade() {
                user.heard(heard);
            }
        }));
        let user = Arc::downgrade(self);
        self.console.on_journal(Box::new(move || {
            let Some(user) = user.upgrade() else { return };
            let cp = Arc::clone(user.cp());
            cp.workers.submit(Box::new(move || {
                let mut devices = user.devices.lock();
                if let Some(console) = devices.console_mut() {
                    console.spool_lines(&user);
                }
            }));
        }));
    }
}

impl Console {
    /// SPOOL CONSOLE START, STOP, TERM and NOTERM.
    pub fn set_spooling(&mut self, user: &Arc<User>, on: bool, shown: bool) {
        self.spool_lines(user);
        (self.spooling, self.shown) = (on, shown);
        user.console.set_journaling(match (on, shown) {
            (false, _) => Journaling::Off,
            (true, true) => Journaling::On,
            (true, false) => Journaling::Only,
        });
    }

    /// Appends what the console wrote to the file in progress, beginning one when there is none.
    pub fn spool_lines(&mut self, user: &Arc<User>) {
        let journal = user.console.take_journal();
        let edit = user.session.lock().settings.edit;
        let mut records: Vec<String> = Vec::with_capacity(journal.lines.len());
        for line in journal.lines {
            let text = if line.kind == LineKind::Input { without_secrets(&line.text, &edit) } else { line.text };
            records.extend(printed(&text));
        }
        if journal.lost > 0 {
            records.push(format!("*** {} lines came too fast and are missing here ***", journal.lost));
        }
        if let Err(error) = records.iter().try_for_each(|record| self.append(user, record)) {
            // What was not closed is lost; trying again with every line would tell the user of it without end.
            self.output.open = None;
            self.spooling = false;
            user.console.set_journaling(Journaling::Off);
            user.cp().spool_trouble(user, &error);
            user.console.write(LineKind::Cp, "Console spooling is stopped; SPOOL CONSOLE START begins again");
        }
    }

    fn append(&mut self, user: &Arc<User>, record: &str) -> Result<(), SpoolError> {
        let file = self.output.file(user);
        file.append(PRINT, record.as_bytes())?;
        if file.records() >= RECORDS_MAX
            && let Err(message) = command::close_output(user, &mut self.output)
        {
            user.console.write(LineKind::Cp, &message.to_string());
        }
        Ok(())
    }
}

/// A console line as printer lines of at most [`COLUMNS`] characters, at least one.
fn printed(text: &str) -> Vec<String> {
    let mut lines = vec![String::new()];
    let mut column = 0;
    for c in text.trim_end().chars() {
        if column == COLUMNS {
            lines.push(String::new());
            column = 0;
        }
        if let Some(line) = lines.last_mut() {
            line.push(c);
        }
        column += 1;
    }
    lines
}

/// The console among the devices.
impl super::Devices {
    /// The console.
    pub fn console_mut(&mut self) -> Option<&mut Console> {
        self.iter_mut().find_map(|(_, device)| match device {
            Device::Console(console) => Some(&mut **console),
            _ => None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_line_goes_on_in_the_next_record() {
        let text = "é".repeat(300);
        let lines = printed(&text);
        assert_eq!(lines.iter().map(|line| line.chars().count()).collect::<Vec<_>>(), [132, 132, 36]);
        assert_eq!(printed("  "), [""]);
    }
}
