//! The unit record output devices: PRINT, PUNCH, and the frames in which records travel to and from the spool.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use crate::cp::{Cp, PRINTER, PUNCH};
use crate::fileid::Found;
use crate::files::{HEX_BYTES, hexadecimal_lines};
use crate::listfile::{short_date, time};
use crate::message::{Outcome, Rc, padded};
use crate::records::Source;
use crate::session::Shell;
use crate::words::{Words, is, number};

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
    pub(crate) fn flush(&mut self, output: &mut Output) -> Outcome {
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
        let options = self.print_options(words, &found)?;
        let longest = PRINT_LINE + u32::from(options.carriage_control) + u32::from(options.table_reference);
        if found.entry.lrecl > longest && !options.oversize && !options.hexadecimal {
            return Err(self.record_too_long(longest));
        }
        let operands = format!("NAME {}", found.entry.id);
        self.write_spool_file(PRINTER, &operands, |shell, output| {
            let mut page = Page { lines: 0, per_page: options.lines };
            if options.header {
                let line = shell.print_header(&found);
                shell.put_record(output, channel::PRINT_SKIP_1, line.as_bytes())?;
            }
            let mut source = shell.open(&found)?;
            let mut record = Vec::new();
            // With carriage control a line is printed when the next one says how far the paper moves between the two.
            let mut waiting: Option<Vec<u8>> = None;
            while shell.next_printed(&mut source, &options, &mut record)? {
                if record.len() > longest as usize && !options.oversize && !options.hexadecimal {
                    return Err(shell.record_too_long(longest));
                }
                let font = usize::from(options.carriage_control);
                if options.table_reference && record.len() > font {
                    record.remove(font);
                }
                if options.upper {
                    record.make_ascii_uppercase();
                }
                if options.hexadecimal {
                    for line in hexadecimal_lines(&record) {
                        shell.put_record(output, page.next(), line.as_bytes())?;
                    }
                } else if options.carriage_control {
                    let (control, line) = record.split_first().map_or((b' ', &[][..]), |(first, rest)| (*first, rest));
                    if let Some(before) = waiting.replace(line.to_vec()) {
                        shell.put_record(output, movement(control), cut(&before, PRINT_LINE))?;
                    }
                } else {
                    shell.put_record(output, page.next(), cut(&record, longest))?;
                }
            }
            if let Some(last) = waiting {
                shell.put_record(output, channel::PRINT_SPACE_1, cut(&last, PRINT_LINE))?;
            }
            shell.close(source)
        })
    }

    /// The options of PRINT; a listing has carriage control unless NOCC or HEX says otherwise.
    fn print_options(&mut self, words: &Words, found: &Found) -> Result<PrintOptions, Rc> {
        let mut control = None;
        let mut options = PrintOptions {
            carriage_control: false,
            table_reference: false,
            upper: false,
            oversize: false,
            hexadecimal: false,
            header: false,
            lines: LINES_PER_PAGE,
        };
        let mut rest = words.options.iter();
        while let Some(option) = rest.next() {
            match option.as_str() {
                "CC" => control = Some(true),
                "NOCC" => control = Some(false),
                "TRC" => options.table_reference = true,
                "NOTRC" => options.table_reference = false,
                option if is(option, "MEMber") => {
                    if rest.next().is_none() {
                        return Err(self.fail(24, "005E", "No MEMBER specified"));
                    }
                    return Err(self.fail(32, "033E", format!("File {found} is not a library")));
                }
                "HEX" => options.hexadecimal = true,
                option if is(option, "UPcase") => options.upper = true,
                option if is(option, "OVersize") => options.oversize = true,
                option if is(option, "HEADer") => options.header = true,
                option if is(option, "LInecoun") => {
                    let word = rest.next().map_or("", String::as_str);
                    let lines = number::<u32>(word).filter(|&lines| lines <= MOST_LINES_PER_PAGE);
                    options.lines = lines.ok_or_else(|| self.bad_value("LINECOUN", word))?;
                }
                _ => return Err(self.bad_option(option)),
            }
        }
        if options.hexadecimal && control == Some(true) {
            return Err(self.fail(24, "066E", "CC and HEX are conflicting options"));
        }
        if options.hexadecimal && options.table_reference {
            return Err(self.fail(24, "066E", "TRC and HEX are conflicting options"));
        }
        let listing = found.entry.id.file_type() == "LISTING";
        options.carriage_control = control.unwrap_or(listing) && !options.hexadecimal;
        Ok(options)
    }

    /// The next piece of a file that PRINT prints. A string of bytes is printed by its lines, in hexadecimal byte by byte.
    fn next_printed(&mut self, source: &mut Source, options: &PrintOptions, record: &mut Vec<u8>) -> Result<bool, Rc> {
        match source.is_bytes() && options.hexadecimal {
            true => self.next_bytes(source, record, HEX_BYTES, None),
            false => self.next_line(source, record),
        }
    }

    /// The line of a page that says which file follows.
    fn print_header(&mut self, found: &Found) -> String {
        let entry = &found.entry;
        let own = self.self_and_node().0;
        format!(
            "FILE: {:<8} {:<8} {}{}   {own}   {} {}",
            entry.id.name(),
            entry.id.file_type(),
            found.mode,
            entry.mode,
            short_date(&entry.modified),
            time(&entry.modified)
        )
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

/// What PRINT does with a file.
struct PrintOptions {
    /// The first character of a line moves the paper.
    carriage_control: bool,
    /// The character behind it, or the first one, names a font. There is one font: it is left out.
    table_reference: bool,
    upper: bool,
    oversize: bool,
    hexadecimal: bool,
    header: bool,
    /// Lines on a page; 0 for a page without end.
    lines: u32,
}

/// The lines of a page when no carriage control moves the paper.
struct Page {
    lines: u32,
    per_page: u32,
}

impl Page {
    /// The command that prints the next line.
    fn next(&mut self) -> u16 {
        self.lines += 1;
        if self.per_page > 0 && self.lines >= self.per_page {
            self.lines = 0;
            return channel::PRINT_SKIP_1;
        }
        channel::PRINT_SPACE_1
    }
}

/// Lines on a page, and the most that LINECOUN takes.
const LINES_PER_PAGE: u32 = 55;
const MOST_LINES_PER_PAGE: u32 = 144;

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
    fn a_page_ends_with_its_last_line() {
        let mut page = Page { lines: 0, per_page: 3 };
        let commands: Vec<_> = (0..6).map(|_| page.next()).collect();
        assert_eq!(commands, [0x09, 0x09, 0x89, 0x09, 0x09, 0x89]);
        let mut endless = Page { lines: 0, per_page: 0 };
        assert!((0..500).all(|_| endless.next() == 0x09));
    }
}
