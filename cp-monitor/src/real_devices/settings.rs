//! What `system.toml` says of the real printers, punches and readers, and what START changes of it.
//!
//! ```toml
//! [[printer]]
//! device = "000E"                   # real device number
//! folder = "printer"                # finished files go here; relative to the data directory
//! formats = ["text", "pdf"]
//! paper = "green-bar"               # or "plain": the look of the PDF
//! # command = ["lp", "-t", "{user} {name}"]   instead of a folder: gets the first format as its input
//! class = "AB"                      # or "*"
//! form = "STANDARD"                 # what is mounted
//! auto = true                       # other forms are taken without asking
//! dest = "ANY"                      # or "OFF", or up to four names
//! separator = true
//! start = true                      # at system start; else the operator says START
//! seconds = 120                     # how long the command may take
//!
//! [[punch]]
//! device = "000D"
//! folder = "punch"
//! coding = "text"                   # or "ebcdic": cards of 80 columns
//!
//! [[reader]]
//! device = "000C"
//! folder = "reader"                 # USERID/file for a user; a file with an ID card at the top
//! ```

use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use spool::{Class, FileInfo, Word};

use super::pdf::Paper;
use crate::directory::DeviceNumber;

/// A `[[printer]]`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PrinterStatement {
    /// Real device number.
    pub device: String,
    /// Started with the system.
    #[serde(default)]
    pub start: bool,
    /// Classes, or `*`.
    #[serde(default = "any_class")]
    pub class: String,
    /// The form that is mounted.
    #[serde(default = "standard")]
    pub form: String,
    /// Other forms are taken without asking.
    #[serde(default = "yes")]
    pub auto: bool,
    /// `ANY`, `OFF` or destinations.
    #[serde(default = "any_dest")]
    pub dest: String,
    /// A separator page stands before each file.
    #[serde(default = "yes")]
    pub separator: bool,
    /// Where finished files go.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub folder: Option<PathBuf>,
    /// The command that takes them instead, and its arguments.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub command: Vec<String>,
    /// How they are written.
    #[serde(default = "text_and_pdf")]
    pub formats: Vec<Format>,
    /// The look of the PDF.
    #[serde(default)]
    pub paper: Paper,
    /// How long the command may take.
    #[serde(default = "two_minutes")]
    pub seconds: u64,
}

/// A `[[punch]]`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PunchStatement {
    /// Real device number.
    pub device: String,
    /// Started with the system.
    #[serde(default)]
    pub start: bool,
    /// Classes, or `*`.
    #[serde(default = "any_class")]
    pub class: String,
    /// The form that is mounted.
    #[serde(default = "standard")]
    pub form: String,
    /// Other forms are taken without asking.
    #[serde(default = "yes")]
    pub auto: bool,
    /// `ANY`, `OFF` or destinations.
    #[serde(default = "any_dest")]
    pub dest: String,
    /// Where finished decks go.
    pub folder: PathBuf,
    /// How cards are written.
    #[serde(default)]
    pub coding: PunchCoding,
}

/// A `[[reader]]`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReaderStatement {
    /// Real device number.
    pub device: String,
    /// Started with the system.
    #[serde(default)]
    pub start: bool,
    /// Where files are dropped.
    pub folder: PathBuf,
}

/// How a printed file is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    /// Lines, with form feeds between pages.
    Text,
    /// PDF.
    Pdf,
}

impl Format {
    /// What host files of it end with.
    pub fn extension(self) -> &'static str {
        match self {
            Self::Text => "txt",
            Self::Pdf => "pdf",
        }
    }
}

/// How a punched card is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum PunchCoding {
    /// A line each, when all of a deck is text; else as [`PunchCoding::Binary`].
    #[default]
    Text,
    /// 80 columns in EBCDIC, without line ends.
    Ebcdic,
    /// 80 columns as they are.
    Binary,
}

fn any_class() -> String {
    "*".to_string()
}
fn any_dest() -> String {
    "ANY".to_string()
}
fn standard() -> String {
    "STANDARD".to_string()
}
fn yes() -> bool {
    true
}
fn text_and_pdf() -> Vec<Format> {
    vec![Format::Text, Format::Pdf]
}
fn two_minutes() -> u64 {
    120
}

/// All statements.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Statements {
    /// Printers.
    pub printers: Vec<PrinterStatement>,
    /// Punches.
    pub punches: Vec<PunchStatement>,
    /// Readers.
    pub readers: Vec<ReaderStatement>,
}

/// The printers of a system whose `system.toml` says nothing of them: one, drained.
pub fn default_printers() -> Vec<PrinterStatement> {
    vec![PrinterStatement {
        device: "000E".to_string(),
        start: false,
        class: any_class(),
        form: standard(),
        auto: true,
        dest: any_dest(),
        separator: true,
        folder: Some(PathBuf::from("printer")),
        command: Vec::new(),
        formats: text_and_pdf(),
        paper: Paper::Plain,
        seconds: two_minutes(),
    }]
}

/// The punches of such a system: one, drained.
pub fn default_punches() -> Vec<PunchStatement> {
    vec![PunchStatement {
        device: "000D".to_string(),
        start: false,
        class: any_class(),
        form: standard(),
        auto: true,
        dest: any_dest(),
        folder: PathBuf::from("punch"),
        coding: PunchCoding::Text,
    }]
}

/// The readers of such a system: one, drained.
pub fn default_readers() -> Vec<ReaderStatement> {
    vec![ReaderStatement { device: "000C".to_string(), start: false, folder: PathBuf::from("reader") }]
}

/// Which classes a device takes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Classes {
    /// `*`: any.
    Any,
    /// These, in the order in which they are taken.
    Of(Vec<Class>),
}

impl Classes {
    /// `*`, or classes without blanks between them.
    pub fn parse(text: &str) -> Option<Self> {
        if text == "*" {
            return Some(Self::Any);
        }
        let classes: Option<Vec<Class>> = text.chars().map(|c| Class::new(c.to_ascii_uppercase()).ok()).collect();
        classes.filter(|classes| !classes.is_empty() && classes.len() <= 36).map(Self::Of)
    }

    /// Where files of this class come: 0 first; `None` when they are not taken.
    pub fn rank(&self, class: Class) -> Option<usize> {
        match self {
            Self::Any => Some(0),
            Self::Of(classes) => classes.iter().position(|taken| *taken == class),
        }
    }
}

impl std::fmt::Display for Classes {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Any => f.pad("*"),
            Self::Of(classes) => f.pad(&classes.iter().map(ToString::to_string).collect::<String>()),
        }
    }
}

/// Which destinations a device takes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Dests {
    /// Any, and files without one.
    Any,
    /// Files without one only.
    Off,
    /// These.
    Of(Vec<Word>),
}

/// Most destinations of a device.
const DESTS_MAX: usize = 4;

impl Dests {
    /// `ANY`, `OFF`, or up to four names.
    pub fn parse<'a>(words: impl Iterator<Item = &'a str>) -> Option<Self> {
        let words: Vec<String> = words.map(str::to_ascii_uppercase).collect();
        match words.as_slice() {
            [one] if one == "ANY" => Some(Self::Any),
            [one] if one == "OFF" => Some(Self::Off),
            [] => None,
            some if some.len() <= DESTS_MAX => some.iter().map(|word| Word::new(word).ok()).collect::<Option<_>>().map(Self::Of),
            _ => None,
        }
    }

    fn takes(&self, dest: Option<Word>) -> bool {
        match self {
            Self::Any => true,
            Self::Off => dest.is_none(),
            Self::Of(names) => dest.is_some_and(|dest| names.contains(&dest)),
        }
    }
}

impl std::fmt::Display for Dests {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Any => f.pad("ANY"),
            Self::Off => f.pad("OFF"),
            Self::Of(names) => f.pad(&names.iter().map(Word::as_str).collect::<Vec<_>>().join(" ")),
        }
    }
}

/// What a printer or punch takes. START changes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Taking {
    /// Classes.
    pub classes: Classes,
    /// The form that is mounted; none is the standard one.
    pub form: Option<Word>,
    /// AUTO: any other form is taken too.
    pub auto: bool,
    /// Destinations.
    pub dests: Dests,
    /// SEP: a separator page stands before each file.
    pub separator: bool,
}

/// Why a device does not take a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Refusal {
    /// Its class.
    Class,
    /// Its destination.
    Dest,
    /// Its form, and only that: mounting it would do.
    Form,
}

impl Taking {
    /// Reads what a statement says.
    pub fn of(class: &str, form: &str, auto: bool, dest: &str, separator: bool) -> Result<Self, String> {
        let classes = Classes::parse(class).ok_or_else(|| format!("class = {class:?} must be \"*\" or letters and digits"))?;
        let dests = Dests::parse(dest.split_ascii_whitespace());
        let dests = dests.ok_or_else(|| format!("dest = {dest:?} must be \"ANY\", \"OFF\" or up to four names"))?;
        let form = match form.to_ascii_uppercase().as_str() {
            "STANDARD" => None,
            other => Some(Word::new(other).map_err(|problem| format!("form = {form:?}: {problem}"))?),
        };
        Ok(Self { classes, form, auto, dests, separator })
    }

    /// Whether it takes the file, and after which others: by the order of its classes, and the mounted form before other ones.
    pub fn rank(&self, file: &FileInfo) -> Result<(usize, bool), Refusal> {
        let attributes = &file.attributes;
        let class = self.classes.rank(attributes.class).ok_or(Refusal::Class)?;
        if !self.dests.takes(attributes.dest) {
            return Err(Refusal::Dest);
        }
        let mounted = attributes.form == self.form;
        if mounted || self.auto { Ok((class, !mounted)) } else { Err(Refusal::Form) }
    }
}

/// A form as it is shown.
pub fn form_name(form: Option<Word>) -> String {
    form.map_or_else(|| "STANDARD".to_string(), |form| form.to_string())
}

impl Statements {
    /// Refuses what cannot work, with a sentence that names the statement.
    pub fn check(&self) -> Result<(), String> {
        let numbers = self.printers.iter().map(|printer| ("printer", &printer.device));
        let numbers = numbers.chain(self.punches.iter().map(|punch| ("punch", &punch.device)));
        let numbers = numbers.chain(self.readers.iter().map(|reader| ("reader", &reader.device)));
        let mut seen = std::collections::BTreeSet::new();
        for (kind, device) in numbers {
            let number: DeviceNumber =
                device.parse().map_err(|_| format!("[[{kind}]] device = {device:?} is not 1 to 4 hexadecimal digits"))?;
            if !seen.insert(number) {
                return Err(format!("[[{kind}]] device = {device:?} is there twice"));
            }
        }
        for printer in &self.printers {
            let wrong = |reason: String| format!("[[printer]] {}: {reason}", printer.device);
            Taking::of(&printer.class, &printer.form, printer.auto, &printer.dest, printer.separator).map_err(wrong)?;
            if printer.folder.is_some() != printer.command.is_empty() {
                return Err(wrong("it needs either a folder or a command".to_string()));
            }
            if printer.formats.is_empty() || printer.seconds == 0 {
                return Err(wrong("formats and seconds cannot be empty or 0".to_string()));
            }
        }
        for punch in &self.punches {
            Taking::of(&punch.class, &punch.form, punch.auto, &punch.dest, false)
                .map_err(|reason| format!("[[punch]] {}: {reason}", punch.device))?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn printer(change: impl FnOnce(&mut PrinterStatement)) -> Result<(), String> {
        let mut statements = Statements { printers: default_printers(), ..Statements::default() };
        change(&mut statements.printers[0]);
        statements.check()
    }

    #[test]
    fn statements_that_cannot_work_are_refused_by_name() {
        assert_eq!(printer(|_| ()), Ok(()));
        assert!(printer(|it| it.device = "PRT1".to_string()).unwrap_err().contains("PRT1"));
        assert!(printer(|it| it.class = "A!".to_string()).unwrap_err().contains("class"));
        assert!(printer(|it| it.dest = "A B C D E".to_string()).unwrap_err().contains("dest"));
        assert!(printer(|it| it.form = "MUCHTOOLONG".to_string()).unwrap_err().contains("form"));
        assert!(printer(|it| it.folder = None).unwrap_err().contains("folder or a command"));
        assert!(printer(|it| it.command = vec!["lp".to_string()]).unwrap_err().contains("folder or a command"));
        let twice = Statements { printers: [default_printers(), default_printers()].concat(), ..Statements::default() };
        assert!(twice.check().unwrap_err().contains("twice"));
    }

    #[test]
    fn the_first_class_is_taken_first_and_a_form_is_refused_last() {
        let classes = Classes::parse("BA").unwrap();
        let rank = |letter| classes.rank(Class::new(letter).unwrap());
        assert_eq!([rank('A'), rank('B'), rank('C')], [Some(1), Some(0), None]);
        assert_eq!((classes.to_string(), Classes::parse(""), Classes::parse("A B")), ("BA".to_string(), None, None));
        assert!(Refusal::Form > Refusal::Dest && Refusal::Dest > Refusal::Class);
    }
}
