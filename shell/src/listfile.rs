//! LISTFILE.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use minidisk::edf::{DateTime, RecordFormat};

use crate::cp::Cp;
use crate::disks::{Mode, file_id};
use crate::fileid::{Found, ModeSpec, Pattern};
use crate::message::{Outcome, padded};
use crate::records::Target;
use crate::session::Shell;
use crate::words::{Words, is};

/// How much LISTFILE shows of a file; each includes what stands before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Detail {
    Name,
    Type,
    Mode,
    Format,
    Allocation,
    Date,
    Label,
}

/// The headings up to each detail.
const HEADING: [(Detail, &str); 6] = [
    (Detail::Name, "FILENAME"),
    (Detail::Type, " FILETYPE"),
    (Detail::Mode, " FM"),
    (Detail::Format, " FORMAT LRECL"),
    (Detail::Allocation, "       RECS     BLOCKS"),
    (Detail::Date, "     DATE     TIME"),
];

/// What the list that goes into CMS EXEC has beside its files.
#[derive(Clone, Copy, Default)]
struct ListExec {
    /// Each line ends in the other arguments of the EXEC.
    arguments: bool,
    /// Its commands are shown before they are executed.
    trace: bool,
}

impl<C: Cp> Shell<C> {
    /// LISTFILE.
    pub(crate) fn listfile_command(&mut self, words: &Words) -> Outcome {
        let mut detail = Detail::Mode;
        let mut header = None;
        let mut exec = None;
        let mut stack = None;
        let mut total = false;
        let mut list = ListExec::default();
        for option in &words.options {
            match option.as_str() {
                option if is(option, "Header") => header = Some(true),
                option if is(option, "NOHeader") => header = Some(false),
                option if is(option, "FName") => detail = Detail::Name,
                option if is(option, "FType") => detail = Detail::Type,
                option if is(option, "FMode") => detail = Detail::Mode,
                option if is(option, "FOrmat") => detail = Detail::Format,
                option if is(option, "ALloc") => detail = Detail::Allocation,
                option if is(option, "Date") => detail = Detail::Date,
                option if is(option, "Label") => detail = Detail::Label,
                option if is(option, "Exec") => exec = Some(false),
                option if is(option, "APpend") => exec = Some(true),
                "ARGS" => list.arguments = true,
                option if is(option, "TRace") => list.trace = true,
                "BLOCKS" | "TOTAL" => total = true,
                "STACK" | "FIFO" => stack = Some(true),
                "LIFO" => stack = Some(false),
                _ => return Err(self.bad_option(option)),
            }
        }
        if let Some(surplus) = words.operands.get(3) {
            return Err(self.bad_operand(surplus));
        }
        let pattern = Pattern::new(words.operand(0), words.operand(1));
        let spec = self.mode_spec(words.operand(2), ModeSpec::A)?;
        let files = self.disks.matching(&pattern, spec).map_err(|missing| self.missing(missing, ""))?;
        if files.is_empty() {
            return Err(self.fail(28, "002E", "File not found"));
        }
        if exec.is_none() && (list.arguments || list.trace) {
            return Err(self.fail(24, "066E", "ARGS and TRACE go only with EXEC"));
        }
        if let Some(append) = exec {
            return self.list_into_exec(&files, detail, append, list);
        }
        if let Some(first_in) = stack {
            for found in &files {
                let line = self.listed(found, detail).into_bytes();
                self.stack_line(line, first_in);
            }
            return Ok(());
        }
        if header.unwrap_or(detail >= Detail::Format) {
            self.say(heading(detail));
        }
        for found in &files {
            let line = self.listed(found, detail);
            self.say(line);
        }
        if total {
            let blocks: u64 = files.iter().map(|found| u64::from(found.entry.blocks)).sum();
            let records: u64 = files.iter().map(|found| u64::from(found.entry.records)).sum();
            self.say(format!("{} files, {records} records, {blocks} blocks", files.len()));
        }
        Ok(())
    }

    /// The line of a file.
    fn listed(&mut self, found: &Found, detail: Detail) -> String {
        let label = self.disks.get(found.mode).map_or(String::new(), |disk| String::from(disk.system.label().id()));
        line(found, detail, &label)
    }

    /// Writes the list into `CMS EXEC A1`, each line behind `&1 &2`, so that `CMS command` does something with every file.
    fn list_into_exec(&mut self, files: &[Found], detail: Detail, append: bool, list: ListExec) -> Outcome {
        let arguments: String = match list.arguments {
            true => (3..=15).map(|number| format!(" &{number}")).collect(),
            false => String::new(),
        };
        let trace = list.trace.then(|| String::from("&TRACE ALL"));
        let lines = files.iter().map(|found| format!("&1 &2 {}{arguments}", self.listed(found, detail)));
        let lines: Vec<String> = trace.into_iter().chain(lines).collect();
        let lines: Vec<&[u8]> = lines.iter().map(|line| line.as_bytes()).collect();
        let Some(id) = file_id("CMS", "EXEC") else { return Ok(()) };
        let target = Target { mode: Mode::A, id, number: 1, format: RecordFormat::Variable };
        if append {
            return self.append_lines(target, &lines);
        }
        let mut to = self.begin_file(target, false)?;
        let written = lines.iter().try_for_each(|line| self.write_record(&mut to, line));
        let date = self.now();
        self.finish(to, written, date)
    }
}

/// The heading.
fn heading(detail: Detail) -> String {
    let mut text: String = HEADING.iter().filter(|(from, _)| *from <= detail).map(|(_, part)| *part).collect();
    if detail == Detail::Label {
        text.push_str(" LABEL");
    }
    text
}

/// The line of a file.
fn line(found: &Found, detail: Detail, label: &str) -> String {
    let entry = &found.entry;
    let mut text = padded(entry.id.name(), 8);
    if detail >= Detail::Type {
        text.push_str(&format!(" {}", padded(entry.id.file_type(), 8)));
    }
    if detail >= Detail::Mode {
        text.push_str(&format!(" {}{}", found.mode, entry.mode));
    }
    if detail >= Detail::Format {
        let letter = if entry.format == RecordFormat::Variable { 'V' } else { 'F' };
        text.push_str(&format!(" {letter}{:>11}", entry.lrecl));
    }
    if detail >= Detail::Allocation {
        text.push_str(&format!("{:>11}{:>11}", entry.records, entry.blocks));
    }
    if detail >= Detail::Date {
        text.push_str(&format!(" {} {}", short_date(&entry.modified), time(&entry.modified)));
    }
    if detail >= Detail::Label {
        text.push_str(&format!(" {label}"));
    }
    String::from(text.trim_end())
}

/// `mm/dd/yy`, the month without a leading zero.
pub(crate) fn short_date(date: &DateTime) -> String {
    format!("{:>2}/{:02}/{:02}", date.month, date.day, date.year % 100)
}

/// `hh:mm:ss`.
pub(crate) fn time(date: &DateTime) -> String {
    format!("{:02}:{:02}:{:02}", date.hour, date.minute, date.second)
}
