//! The unit record output devices: PRINT, PUNCH, and the frames in which records travel to and from the spool.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use minidisk::edf::RecordFormat;

use crate::cp::{Cp, PRINTER, PUNCH};
use crate::fileid::Found;
use crate::listfile::{short_date, time};
use crate::message::{Outcome, Rc, padded};
use crate::session::Shell;
use crate::words::{Words, is};

/// Channel commands of the printer and the punch.
pub(crate) mod channel {
    /// Print and do not move the paper.
    pub const PRINT: u16 = 0x01;
    /// Print, then space one line.
    pub const PRINT_SPACE_1: u16 = 0x09;
    /// Print, then space two lines.
    pub const PRINT_SPACE_2: u16 = 0x11;
    /// Print, then space three lines.
    pub const PRINT_SPACE_3: u16 = 0x19;
    /// Print, then go to the top of a page.
    pub const PRINT_SKIP_1: u16 = 0x89;
    /// Punch a card.
    pub const PUNCH: u16 = 0x41;
    /// Marks a punch record that holds NETDATA control records.
    pub const NETDATA_CONTROL: u16 = 0x100;
}

/// Bytes of records that go to CP at once.
const BUFFER: usize = 32 * 1024;
/// Longest line of a printer, carriage control not counted.
const PRINT_LINE: u32 = 132;
/// Columns of a card.
const CARD: u32 = 80;

/// Records on their way to a punch or printer.
pub(crate) struct Output {
    vdev: u32,
    buffer: Vec<u8>,
}

impl Output {
    /// Nothing yet, for that device.
    pub(crate) fn new(vdev: u32) -> Self {
        Self { vdev, buffer: Vec::new() }
    }
}

/// The records in a buffer as CP moves them: the channel command and the data of each. What is not whole is left out.
pub(crate) fn frames(mut buffer: &[u8]) -> impl Iterator<Item = (u16, &[u8])> {
    core::iter::from_fn(move || {
        let (header, rest) = buffer.split_at_checked(size_of::<abi::RecordHeader>())?;
        let length = usize::from(u16::from_le_bytes([header[0], header[1]]));
        let (data, rest) = rest.split_at_checked(length)?;
        buffer = rest;
        Some((u16::from_le_bytes([header[2], header[3]]), data))
    })
}

impl<C: Cp> Shell<C> {
    /// Adds a record; a full buffer goes to CP.
    pub(crate) fn put_record(&mut self, output: &mut Output, command: u16, data: &[u8]) -> Outcome {
        let Ok(length) = u16::try_from(data.len()) else {
            return Err(self.fail(32, "044E", "Record exceeds allowable maximum"));
        };
        if output.buffer.len() + data.len() > BUFFER {
            self.flush(output)?;
        }
        output.buffer.extend_from_slice(&length.to_le_bytes());
        output.buffer.extend_from_slice(&command.to_le_bytes());
        output.buffer.extend_from_slice(data);
        Ok(())
    }

    /// Gives what was collected to CP.
    fn flush(&mut self, output: &mut Output) -> Outcome {
        if output.buffer.is_empty() {
            return Ok(());
        }
        self.spooling(true);
        let written = self.cp.write_unit_record(output.vdev, &output.buffer);
        output.buffer.clear();
        written.map_err(|status| {
            let vdev = output.vdev;
            self.fail(100, "123S", format!("Error {status} on the virtual device {vdev:03X}"))
        })
    }

    /// Ends the spool file: CP closes the device with those operands, which makes the file whole and durable.
    ///
    /// When CP refuses, its message is shown and the records are purged.
    pub(crate) fn close_output(&mut self, mut output: Output, operands: &str) -> Outcome {
        self.flush(&mut output)?;
        let response = self.cp.command(format!("CLOSE {:03X} {operands}", output.vdev).as_bytes());
        if response.code != 0 {
            self.show(&response.text);
            return Err(Rc(response.code as i32));
        }
        self.spooling(false);
        Ok(())
    }

    /// Purges what was written, after an error.
    pub(crate) fn purge_output(&mut self, vdev: u32) {
        self.cp.command(format!("CLOSE {vdev:03X} PURGE").as_bytes());
        self.spooling(false);
    }

    /// Writes a spool file: `records` puts the records, CLOSE with those operands ends it; after an error nothing of it is left.
    pub(crate) fn write_spool_file(
        &mut self,
        vdev: u32,
        operands: &str,
        records: impl FnOnce(&mut Self, &mut Output) -> Outcome,
    ) -> Outcome {
        let mut output = Output::new(vdev);
        let written = records(self, &mut output).and_then(|()| self.close_output(output, operands));
        if written.is_err() {
            self.purge_output(vdev);
        }
        written
    }

    /// The file that PRINT and PUNCH are about.
    fn output_file(&mut self, words: &Words) -> Result<Found, Rc> {
        match words.operands.as_slice() {
            [] | [_] => Err(self.incomplete()),
            [_, _, _, surplus, ..] => Err(self.bad_operand(surplus)),
            [name, file_type, ..] => self.locate(name, file_type, words.operand(2)),
        }
    }

    /// PRINT.
    pub(crate) fn print_command(&mut self, words: &Words) -> Outcome {
        let found = self.output_file(words)?;
        let mut carriage_control = found.entry.id.file_type() == "LISTING";
        let (mut upper, mut oversize) = (false, false);
        for option in &words.options {
            match option.as_str() {
                "CC" => carriage_control = true,
                "NOCC" => carriage_control = false,
                option if is(option, "UPcase") => upper = true,
                option if is(option, "OVersize") => oversize = true,
                _ => return Err(self.bad_option(option)),
            }
        }
        let longest = PRINT_LINE + u32::from(carriage_control);
        if found.entry.lrecl > longest && !oversize {
            return Err(self.record_too_long(longest));
        }
        let operands = format!("NAME {}", found.entry.id);
        self.write_spool_file(PRINTER, &operands, |shell, output| {
            let mut source = shell.open(&found)?;
            let mut record = Vec::new();
            // With carriage control a line is printed when the next one says how far the paper moves between the two.
            let mut waiting: Option<Vec<u8>> = None;
            while shell.next_line(&mut source, &mut record)? {
                if record.len() > longest as usize && !oversize {
                    return Err(shell.record_too_long(longest));
                }
                if upper {
                    record.make_ascii_uppercase();
                }
                if !carriage_control {
                    shell.put_record(output, channel::PRINT_SPACE_1, cut(&record, longest))?;
                    continue;
                }
                let (control, line) = record.split_first().map_or((b' ', &[][..]), |(first, rest)| (*first, rest));
                if let Some(before) = waiting.replace(line.to_vec()) {
                    shell.put_record(output, movement(control), cut(&before, PRINT_LINE))?;
                }
            }
            if let Some(last) = waiting {
                shell.put_record(output, channel::PRINT_SPACE_1, cut(&last, PRINT_LINE))?;
            }
            shell.close(source)
        })
    }

    /// PUNCH.
    pub(crate) fn punch_command(&mut self, words: &Words) -> Outcome {
        let found = self.output_file(words)?;
        let mut header = true;
        for option in &words.options {
            match option.as_str() {
                option if is(option, "Header") => header = true,
                option if is(option, "NOHeader") => header = false,
                _ => return Err(self.bad_option(option)),
            }
        }
        if found.entry.lrecl > CARD {
            return Err(self.record_too_long(CARD));
        }
        let operands = format!("NAME {}", found.entry.id);
        self.write_spool_file(PUNCH, &operands, |shell, output| {
            if header {
                let card = shell.header_card(&found);
                shell.put_record(output, channel::PUNCH, card.as_bytes())?;
            }
            let mut source = shell.open(&found)?;
            let mut record = Vec::new();
            while shell.next_line(&mut source, &mut record)? {
                if record.len() > CARD as usize {
                    return Err(shell.record_too_long(CARD));
                }
                record.resize(CARD as usize, b' ');
                shell.put_record(output, channel::PUNCH, &record)?;
            }
            shell.close(source)
        })
    }

    /// A line that the device has no room for.
    fn record_too_long(&mut self, longest: u32) -> Rc {
        self.fail(32, "044E", format!("Record exceeds allowable maximum of {longest} bytes"))
    }

    /// The card that stands before a punched file.
    fn header_card(&mut self, found: &Found) -> String {
        let label = self.disks.get(found.mode).map_or(String::new(), |disk| String::from(disk.system.label().id()));
        let entry = &found.entry;
        let card = format!(
            ":READ  {:<8} {:<8} {}{} {label:<6} {} {}",
            entry.id.name(),
            entry.id.file_type(),
            found.mode,
            entry.mode,
            short_date(&entry.modified),
            time(&entry.modified)
        );
        padded(&card, CARD as usize)
    }
}

/// At most that many bytes of a line.
fn cut(line: &[u8], longest: u32) -> &[u8] {
    &line[..line.len().min(longest as usize)]
}

/// The channel command that prints a line whose next line has that ASA control character.
fn movement(next_control: u8) -> u16 {
    match next_control {
        b'0' => channel::PRINT_SPACE_2,
        b'-' => channel::PRINT_SPACE_3,
        b'+' => channel::PRINT,
        b'1' => channel::PRINT_SKIP_1,
        _ => channel::PRINT_SPACE_1,
    }
}

/// Name and type on a header card, when the record is one.
pub(crate) fn header_card_names(record: &[u8]) -> Option<(String, String)> {
    let text = record.strip_prefix(b":READ")?;
    let words = Words::parse(text);
    let file_type = words.operands.first()?.clone();
    Some((words.command, file_type))
}

/// The format of a file made from cards that all have one length, or not.
pub(crate) fn card_format(lengths: (usize, usize)) -> RecordFormat {
    match lengths {
        (shortest, longest) if shortest == longest && longest > 0 => RecordFormat::Fixed(longest as u32),
        _ => RecordFormat::Variable,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_are_taken_apart_and_half_ones_left_out() {
        let buffer = [2, 0, 0x41, 0, b'h', b'i', 0, 0, 9, 0, 200, 0, 9, 0, b'x'];
        let found: Vec<_> = frames(&buffer).collect();
        assert_eq!(found, [(0x41, &b"hi"[..]), (9, &b""[..])]);
    }

    #[test]
    fn the_next_line_says_how_far_the_paper_moves() {
        assert_eq!([b' ', b'0', b'-', b'+', b'1', b'x'].map(movement), [0x09, 0x11, 0x19, 0x01, 0x89, 0x09]);
    }

    #[test]
    fn header_cards_name_a_file() {
        let names = header_card_names(b":READ  HELLO    EXEC     A1 MNT191 11/22/26 14:41:09");
        assert_eq!(names, Some((String::from("HELLO"), String::from("EXEC"))));
        assert_eq!(header_card_names(b":READ"), None);
        assert_eq!(header_card_names(b"say hello"), None);
    }
}
