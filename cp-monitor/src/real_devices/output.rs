//! Writing one spool file to its device, whole and durable, or saying why not.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::Duration;

use minidisk::ebcdic::from_latin1;
use spool::{FileReader, SpoolError};

use super::folder::Aside;
use super::host_command;
use super::job::Job;
use super::paper::{Page, Printing};
use super::pdf::{PAGES_MAX, Paper, PdfWriter};
use super::separator::{Label, separator};
use super::settings::{Format, PunchCoding};
use super::text::TextWriter;

/// Lines of a form: 11 inches at six lines to the inch.
const FORM_LINES: usize = 66;
/// Columns of a card.
const CARD: usize = 80;
/// How many records are written between two looks at whether it was cancelled.
const LOOK: u64 = 256;

/// Where a device's output goes.
#[derive(Clone, Debug)]
pub enum Sink {
    /// A printer that writes files.
    Pages {
        /// Into this folder.
        folder: PathBuf,
        /// In these formats.
        formats: Vec<Format>,
        /// On this paper.
        paper: Paper,
    },
    /// A printer that gives them to a command.
    Command {
        /// Where a file is kept while the command runs.
        folder: PathBuf,
        /// The command and its arguments.
        words: Vec<String>,
        /// What it is given.
        format: Format,
        /// On this paper.
        paper: Paper,
        /// How long it may take.
        limit: Duration,
    },
    /// A punch that writes files.
    Cards {
        /// Into this folder.
        folder: PathBuf,
        /// How.
        coding: PunchCoding,
    },
}

/// Why a file was not written.
#[derive(Debug, thiserror::Error)]
pub enum OutputError {
    /// The device cannot: the file stays in its queue.
    #[error("{0}")]
    Device(String),
    /// The spool file cannot be read.
    #[error(transparent)]
    Spool(#[from] SpoolError),
    /// FLUSH, BACKSPACE or the end of the system.
    #[error("Cancelled")]
    Cancelled,
}

impl From<std::io::Error> for OutputError {
    fn from(error: std::io::Error) -> Self {
        Self::Device(error.to_string())
    }
}

/// What is known besides the file.
pub struct Setting<'a> {
    /// The device's number.
    pub device: &'a str,
    /// The name of the system.
    pub system: &'a str,
    /// A separator page stands before the file.
    pub separator: bool,
    /// Copies of it.
    pub copies: u32,
    /// Copies that REPEAT made before these; `None` when this is the file itself, of which a folder has one host file for all copies.
    pub repeated: Option<u32>,
    /// Whether it is to end.
    pub cancelled: &'a dyn Fn() -> bool,
}

impl Setting<'_> {
    /// The names of the host files in a folder, without their extensions.
    fn stems(&self, job: &Job<'_>) -> Vec<String> {
        let stem = job.stem();
        match self.repeated {
            None => vec![stem],
            Some(before) => (0..self.copies).map(|copy| format!("{stem}-copy{}", before + copy + 2)).collect(),
        }
    }
}

impl Sink {
    /// Writes the file. What it answers are the host files made; a command makes none.
    pub fn write(&self, reader: &mut FileReader, job: &Job<'_>, setting: &Setting<'_>) -> Result<Vec<PathBuf>, OutputError> {
        match self {
            Self::Pages { folder, formats, paper } => {
                let mut made = Vec::new();
                for stem in setting.stems(job) {
                    for format in formats {
                        reader.restart();
                        made.extend(print(reader, job, setting, folder, *format, *paper, &stem)?);
                    }
                }
                Ok(made)
            }
            Self::Command { folder, words, format, paper, limit } => {
                let mut aside = Aside::create(folder, setting.device)?;
                write_pages(reader, job, setting, *format, *paper, &mut aside)?;
                aside.sync()?;
                give_to_command(words, aside.path(), *limit, job, setting)?;
                Ok(Vec::new())
            }
            Self::Cards { folder, coding } => setting.stems(job).iter().map(|stem| punch(reader, setting, folder, *coding, stem)).collect(),
        }
    }

    /// The folder that must exist for it, for the operator's eyes.
    pub fn shown(&self) -> String {
        match self {
            Self::Pages { folder, .. } | Self::Cards { folder, .. } => folder.display().to_string(),
            Self::Command { words, .. } => words.join(" "),
        }
    }
}

/// A command that takes `{copies}` is run once, another one for each copy.
fn give_to_command(words: &[String], input: &Path, limit: Duration, job: &Job<'_>, setting: &Setting<'_>) -> Result<(), OutputError> {
    let counts = words.iter().any(|word| word.contains("{copies}"));
    let filled: Vec<String> = words.iter().map(|word| job.fill(word)).collect();
    for _ in 0..if counts { 1 } else { setting.copies } {
        if (setting.cancelled)() {
            return Err(OutputError::Cancelled);
        }
        match host_command::run(&filled, input, limit, setting.cancelled) {
            Ok(()) => {}
            Err(_) if (setting.cancelled)() => return Err(OutputError::Cancelled),
            Err(reason) => return Err(OutputError::Device(reason)),
        }
    }
    Ok(())
}

/// Prints into a folder. A long PDF becomes several.
fn print(
    reader: &mut FileReader,
    job: &Job<'_>,
    setting: &Setting<'_>,
    folder: &Path,
    format: Format,
    paper: Paper,
    stem: &str,
) -> Result<Vec<PathBuf>, OutputError> {
    if format == Format::Text {
        let mut aside = Aside::create(folder, setting.device)?;
        write_pages(reader, job, setting, format, paper, &mut aside)?;
        return Ok(vec![aside.finish(stem, format.extension())?]);
    }
    let mut pdf = PdfWriter::new(paper, job.about());
    let mut made = Vec::new();
    let save = |pdf: &mut PdfWriter, stem: String| -> Result<PathBuf, OutputError> {
        let mut aside = Aside::create(folder, setting.device)?;
        aside.write_all(&pdf.take())?;
        Ok(aside.finish(&stem, format.extension())?)
    };
    each_page(reader, job, setting, &mut |page| {
        if pdf.len() == PAGES_MAX {
            made.push(save(&mut pdf, format!("{stem}-part{:03}", made.len() + 1))?);
        }
        pdf.page(&page);
        Ok(())
    })?;
    let stem = if made.is_empty() { stem.to_string() } else { format!("{stem}-part{:03}", made.len() + 1) };
    made.push(save(&mut pdf, stem)?);
    Ok(made)
}

/// Prints into one stream.
fn write_pages(
    reader: &mut FileReader,
    job: &Job<'_>,
    setting: &Setting<'_>,
    format: Format,
    paper: Paper,
    out: &mut impl Write,
) -> Result<(), OutputError> {
    match format {
        Format::Text => {
            let mut text = TextWriter::new(out);
            each_page(reader, job, setting, &mut |page| Ok(text.page(&page)?))?;
            text.finish()?;
        }
        Format::Pdf => {
            let mut pdf = PdfWriter::new(paper, job.about());
            each_page(reader, job, setting, &mut |page| {
                if pdf.len() == PAGES_MAX {
                    return Err(OutputError::Device(format!("The file has more than {PAGES_MAX} pages; print it as text")));
                }
                pdf.page(&page);
                Ok(())
            })?;
            out.write_all(&pdf.take())?;
        }
    }
    Ok(())
}

/// The separator page and the pages of the file.
fn each_page(
    reader: &mut FileReader,
    job: &Job<'_>,
    setting: &Setting<'_>,
    out: &mut dyn FnMut(Page) -> Result<(), OutputError>,
) -> Result<(), OutputError> {
    if setting.separator {
        let lines = job.label(setting.system, setting.device);
        let name = job.file.attributes.name.name();
        out(separator(&Label { owner: job.file.owner.as_str(), name: name.get(..name.len().min(8)).unwrap_or_default(), lines: &lines }))?;
    }
    let mut printing = Printing::new(FORM_LINES);
    let mut records = 0_u64;
    let mut each = |page| out(page);
    while let Some(record) = reader.next_record()? {
        printing.record(record.command, record.data, &mut each)?;
        records += 1;
        if records.is_multiple_of(LOOK) && (setting.cancelled)() {
            return Err(OutputError::Cancelled);
        }
    }
    printing.finish(&mut each)
}

fn punch(reader: &mut FileReader, setting: &Setting<'_>, folder: &Path, coding: PunchCoding, stem: &str) -> Result<PathBuf, OutputError> {
    let coding = if coding == PunchCoding::Text && !is_text(reader)? { PunchCoding::Binary } else { coding };
    reader.restart();
    let mut aside = Aside::create(folder, setting.device)?;
    let mut records = 0_u64;
    while let Some(record) = reader.next_record()? {
        // A comment, as TAG makes it on a mainframe, is no card.
        if record.command.to_le_bytes()[0] == 0x03 {
            continue;
        }
        write_card(&mut aside, record.data, coding)?;
        records += 1;
        if records.is_multiple_of(LOOK) && (setting.cancelled)() {
            return Err(OutputError::Cancelled);
        }
    }
    let extension = if coding == PunchCoding::Text { "txt" } else { "deck" };
    Ok(aside.finish(stem, extension)?)
}

/// A record longer than a card goes on on the next one, so that a deck stays a multiple of 80 columns.
fn write_card(out: &mut impl Write, data: &[u8], coding: PunchCoding) -> std::io::Result<()> {
    if coding == PunchCoding::Text {
        out.write_all(data.trim_ascii_end())?;
        return out.write_all(b"\n");
    }
    let mut bytes = match coding {
        PunchCoding::Ebcdic => String::from_utf8_lossy(data).chars().map(|c| from_latin1(u8::try_from(c).unwrap_or(b'?'))).collect(),
        _ => data.to_vec(),
    };
    let filler = if coding == PunchCoding::Ebcdic { 0x40 } else { 0 };
    bytes.resize(bytes.len().div_ceil(CARD).max(1) * CARD, filler);
    out.write_all(&bytes)
}

/// Whether every record can be a line of text.
fn is_text(reader: &mut FileReader) -> Result<bool, OutputError> {
    reader.restart();
    while let Some(record) = reader.next_record()? {
        let plain = |c: char| !c.is_control() || c == '\t';
        if !std::str::from_utf8(record.data).is_ok_and(|text| text.chars().all(plain)) {
            return Ok(false);
        }
    }
    Ok(true)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn repeat_makes_as_many_host_files_more() {
        let place = tempfile::tempdir().unwrap();
        let (spool, _) = spool::Spool::open(&place.path().join("spool"), spool::StartMode::Warm).unwrap();
        let owner = spool::Userid::new("CMSUSER").unwrap();
        let attributes = spool::Attributes::default();
        let mut open = spool.create(spool::NewFile { origin: owner, device: spool::Device::Punch, created: 1_790_000_000, attributes });
        open.append(0x41, b"a card").unwrap();
        let queue = spool::Queue::Punch;
        let file = spool.close(open, spool::Destination { owner, queue }).unwrap().file;
        let mut reader = spool.reader(owner, queue, file.spid).unwrap();
        let job = Job::new(&file, jiff::tz::TimeZone::UTC);
        let folder = place.path().join("out");
        let made = |reader: &mut FileReader, sink: &Sink, copies, repeated| {
            let setting = Setting { device: "000D", system: "CP64", separator: false, copies, repeated, cancelled: &|| false };
            let made = sink.write(reader, &job, &setting).unwrap();
            made.iter()
                .map(|path| path.file_name().unwrap().to_str().unwrap().trim_start_matches(&job.stem()).to_string())
                .collect::<Vec<_>>()
        };
        let cards = Sink::Cards { folder: folder.clone(), coding: PunchCoding::Text };
        assert_eq!(made(&mut reader, &cards, 3, None), [".txt"]);
        assert_eq!(made(&mut reader, &cards, 2, Some(0)), ["-copy2.txt", "-copy3.txt"]);
        assert_eq!(made(&mut reader, &cards, 1, Some(2)), ["-copy4.txt"]);
        let pages = Sink::Pages { folder: place.path().join("pages"), formats: vec![Format::Text, Format::Pdf], paper: Paper::Plain };
        assert_eq!(made(&mut reader, &pages, 2, Some(0)), ["-copy2.txt", "-copy2.pdf", "-copy3.txt", "-copy3.pdf"]);
        assert_eq!(std::fs::read_dir(&folder).unwrap().count(), 4);
    }

    #[test]
    fn cards_have_eighty_columns_in_every_coding_but_text() {
        let card = |data: &[u8], coding| {
            let mut out = Vec::new();
            write_card(&mut out, data, coding).unwrap();
            out
        };
        assert_eq!(card(b"ID CMSUSER   ", PunchCoding::Text), b"ID CMSUSER\n");
        let ebcdic = card("IDé→".as_bytes(), PunchCoding::Ebcdic);
        assert_eq!((ebcdic.len(), &ebcdic[..5]), (80, &[0xc9, 0xc4, 0x51, 0x6f, 0x40][..]));
        assert_eq!(card(&[1; 81], PunchCoding::Binary).len(), 160);
        assert_eq!(card(b"", PunchCoding::Binary), [0; 80]);
    }
}
