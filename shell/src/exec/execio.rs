//! EXECIO: lines between files, CP or the spool devices on one side, and variables or the program stack on the other.

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use minidisk::edf::{FileId, RecordFormat};

use crate::cp::{Cp, PRINTER, PUNCH};
use crate::disks::{Mode, file_id};
use crate::fileid::{Found, ModeSpec};
use crate::message::{Outcome, Rc};
use crate::records::Target;
use crate::rexx::{Value, check_storage};
use crate::session::{Shell, rc};
use crate::unit_record::{Output, channel};
use crate::words::{Words, first_word, is, number, without_trailing_blanks};

/// Files that EXECIO has read from, and the record that each goes on with. FINIS forgets them, and so does the end of the command from the console.
#[derive(Debug, Default)]
pub(crate) struct Positions(Vec<(Mode, FileId, u32)>);

impl Positions {
    fn of(&self, mode: Mode, id: &FileId) -> u32 {
        self.0.iter().find(|(m, i, _)| *m == mode && i == id).map_or(1, |(_, _, next)| *next)
    }

    fn set(&mut self, mode: Mode, id: &FileId, next: Option<u32>) {
        self.0.retain(|(m, i, _)| !(*m == mode && i == id));
        self.0.extend(next.map(|next| (mode, *id, next)));
    }
}

/// What a line takes in storage besides its characters, and after how many bytes it is looked whether there are more.
const LINE: usize = 64;
const LOOK: usize = 64 * 1024;

/// Lines that are held in storage.
#[derive(Default)]
struct Held {
    lines: Vec<Vec<u8>>,
    /// Bytes taken since it was last looked whether there are more.
    taken: usize,
}

impl Held {
    /// Adds a line; false when there is no storage for it and for going on.
    fn add(&mut self, line: Vec<u8>) -> bool {
        self.taken += LINE + line.len();
        if self.taken >= LOOK {
            self.taken = 0;
            if check_storage().is_err() {
                return false;
            }
        }
        let room = self.lines.try_reserve(1).is_ok();
        if room {
            self.lines.push(line);
        }
        room
    }
}

/// What EXECIO moves lines from or to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Operation {
    DiskRead,
    DiskWrite,
    Card,
    Cp,
    Message,
    Print,
    Punch,
}

/// Where the lines are on the program's side.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Side {
    Stack {
        lifo: bool,
    },
    Stem(String),
    Variable(String),
    String(Vec<u8>),
    /// Nowhere: lines are only counted off.
    Skip,
}

/// A search: for the first line that holds the string, begins with it, or does not hold it.
#[derive(Clone, Debug)]
struct Search {
    kind: u8,
    wanted: Vec<u8>,
}

/// A whole request.
#[derive(Debug)]
struct Request {
    /// None for all.
    count: Option<u32>,
    operation: Operation,
    operands: Vec<String>,
    side: Side,
    search: Option<Search>,
    finis: bool,
    upper: bool,
    strip: bool,
    margins: (usize, usize),
    zone: (usize, usize),
}

/// What is wrong with a request.
type Bad = String;

/// The next word of a text, in capitals.
fn word(text: &mut &[u8]) -> Option<String> {
    let (word, rest) = first_word(text);
    *text = rest;
    (!word.is_empty()).then(|| String::from_utf8_lossy(word).to_uppercase())
}

/// Two column numbers.
fn columns(text: &mut &[u8], option: &str) -> Result<(usize, usize), Bad> {
    let wrong = || format!("invalid {option} operand");
    let from = word(text).and_then(|word| number(&word)).filter(|from| *from >= 1).ok_or_else(wrong)?;
    let to = word(text).ok_or_else(wrong)?;
    let to = if to == "*" { usize::MAX } else { number(&to).ok_or_else(wrong)? };
    if to < from { Err(wrong()) } else { Ok((from, to)) }
}

/// A string between two of the same character.
fn delimited(text: &mut &[u8], option: &str) -> Result<Vec<u8>, Bad> {
    let wrong = || format!("invalid {option} operand");
    let start = text.trim_ascii_start();
    let (delimiter, rest) = start.split_first().ok_or_else(wrong)?;
    let end = rest.iter().position(|byte| byte == delimiter).ok_or_else(wrong)?;
    *text = &rest[end + 1..];
    Ok(rest[..end].to_vec())
}

impl Request {
    /// A request from what is typed behind EXECIO.
    fn parse(text: &[u8]) -> Result<Self, Bad> {
        let (mut operands, options) = match text.iter().position(|byte| *byte == b'(') {
            Some(at) => (&text[..at], &text[at + 1..]),
            None => (text, &[][..]),
        };
        let count = word(&mut operands).ok_or("missing number of lines")?;
        let count = match count.as_str() {
            "*" => None,
            count => Some(number(count).ok_or_else(|| format!("invalid number of lines {count}"))?),
        };
        let operation = match word(&mut operands).ok_or("missing operation")?.as_str() {
            "DISKR" | "DISKRU" => Operation::DiskRead,
            "DISKW" => Operation::DiskWrite,
            "CARD" => Operation::Card,
            "CP" => Operation::Cp,
            "EMSG" => Operation::Message,
            "PRINT" => Operation::Print,
            "PUNCH" => Operation::Punch,
            other => return Err(format!("invalid operation {other}")),
        };
        let operands: Vec<String> = core::iter::from_fn(|| word(&mut operands)).collect();
        let all = (1, usize::MAX);
        let mut request = Self {
            count,
            operation,
            operands,
            side: Side::Stack { lifo: false },
            search: None,
            finis: false,
            upper: false,
            strip: false,
            margins: all,
            zone: all,
        };
        request.options(options)?;
        Ok(request)
    }

    fn options(&mut self, mut text: &[u8]) -> Result<(), Bad> {
        loop {
            // STRING takes everything behind the one blank that follows it.
            let start = text.trim_ascii_start();
            let Some(option) = word(&mut text) else {
                return Ok(());
            };
            let option = option.trim_end_matches(')').to_string();
            match option.as_str() {
                "" => return Ok(()),
                option if is(option, "FINIs") => self.finis = true,
                option if is(option, "SKip") => self.side = Side::Skip,
                "FIFO" => self.side = Side::Stack { lifo: false },
                "LIFO" => self.side = Side::Stack { lifo: true },
                option if is(option, "NOTYPE") => {}
                option if is(option, "STRIP") => self.strip = true,
                option if is(option, "STRing") => {
                    self.side = match self.side.clone() {
                        // With CP the string is the command, and the lines go where STEM, VAR or the stack says.
                        _ if self.operation == Operation::Cp => {
                            self.operands =
                                Vec::from([String::from_utf8_lossy(start.get(option.len() + 1..).unwrap_or_default()).into_owned()]);
                            return Ok(());
                        }
                        _ => Side::String(start.get(option.len() + 1..).unwrap_or_default().to_vec()),
                    };
                    return Ok(());
                }
                "STEM" => self.side = Side::Stem(word(&mut text).ok_or("missing STEM operand")?),
                option if is(option, "VAR") => self.side = Side::Variable(word(&mut text).ok_or("missing VAR operand")?),
                option if is(option, "Locate") || is(option, "Find") || is(option, "AVoid") => {
                    let wanted = delimited(&mut text, option)?;
                    self.search = Some(Search { kind: option.as_bytes()[0], wanted });
                }
                option if is(option, "Zone") => self.zone = columns(&mut text, option)?,
                option if is(option, "Margins") => self.margins = columns(&mut text, option)?,
                option if is(option, "CAse") => {
                    self.upper = match word(&mut text).as_deref() {
                        Some("U") => true,
                        Some("M") => false,
                        _ => return Err("invalid CASE operand".into()),
                    }
                }
                option => return Err(format!("invalid option {option}")),
            }
        }
    }

    /// A line as the options want it.
    fn shaped(&self, line: &[u8]) -> Vec<u8> {
        let (from, to) = self.margins;
        let part = line.get(from - 1..to.min(line.len())).unwrap_or_default();
        let part = if self.strip { without_trailing_blanks(part) } else { part };
        if self.upper { part.to_ascii_uppercase() } else { part.to_vec() }
    }

    /// Whether a line is the one searched for.
    fn matches(&self, line: &[u8]) -> bool {
        let Some(search) = &self.search else {
            return true;
        };
        let (from, to) = self.zone;
        let part = line.get(from - 1..to.min(line.len())).unwrap_or_default();
        let found = search.wanted.is_empty() || part.windows(search.wanted.len()).any(|window| window == search.wanted);
        match search.kind {
            b'F' => part.starts_with(&search.wanted),
            b'A' => !found,
            _ => found,
        }
    }

    fn wants_more(&self, taken: u32) -> bool {
        self.count.is_none_or(|count| taken < count)
    }
}

impl<C: Cp> Shell<C> {
    /// EXECIO.
    pub(crate) fn execio_command(&mut self, words: &Words) -> Outcome {
        let mut request = match Request::parse(&words.text) {
            Ok(request) => request,
            Err(what) => return Err(self.fail(24, "621E", format!("Bad Plist: {what}"))),
        };
        if matches!(request.side, Side::Stem(_) | Side::Variable(_)) && self.variables.is_none() {
            return Err(self.fail(24, "621E", "Bad Plist: STEM and VAR need the variables of a REXX EXEC"));
        }
        if request.count.is_none() && matches!(request.side, Side::Variable(_) | Side::String(_)) {
            request.count = Some(1);
        }
        match request.operation {
            Operation::DiskRead => self.execio_read(&request),
            Operation::DiskWrite => self.execio_write(&request),
            Operation::Card => self.execio_card(&request),
            Operation::Cp => self.execio_cp(&request),
            Operation::Message => {
                let lines = self.lines_of(&request)?;
                lines.iter().for_each(|line| self.show_line(line));
                Ok(())
            }
            Operation::Print => self.execio_spool(&request, PRINTER, channel::PRINT_SPACE_1),
            Operation::Punch => self.execio_spool(&request, PUNCH, channel::PUNCH),
        }
    }

    /// The file to be read.
    fn execio_file(&mut self, request: &Request) -> Result<Found, Rc> {
        let [name, file_type, ..] = request.operands.as_slice() else {
            return Err(self.incomplete());
        };
        let mode = request.operands.get(2).map_or("*", String::as_str);
        self.locate(name, file_type, mode)
    }

    /// The record number among the operands.
    fn execio_line(&mut self, request: &Request) -> Result<Option<u32>, Rc> {
        match request.operands.get(3).map(String::as_str) {
            None | Some("0") => Ok(None),
            Some(word) => match number(word) {
                Some(line) => Ok(Some(line)),
                None => Err(self.fail(24, "621E", format!("Bad Plist: invalid line number {word}"))),
            },
        }
    }

    /// DISKR: return code 2 when the file ends before so many lines are read, 3 when no line is found.
    fn execio_read(&mut self, request: &Request) -> Outcome {
        let found = self.execio_file(request)?;
        let (mode, id) = (found.mode, found.entry.id);
        let first = match self.execio_line(request)? {
            Some(line) => line,
            None => self.positions.of(mode, &id),
        };
        let mut source = self.open(&found)?;
        let (mut held, mut next, mut relative) = (Held::default(), first, 0);
        let ended = first > found.entry.records;
        if !ended {
            self.seek(&mut source, first)?;
        }
        let (mut taken, mut hit) = (0, request.search.is_none());
        let mut record = Vec::new();
        while !ended && request.wants_more(taken) && !(hit && request.search.is_some()) {
            if !self.next_line(&mut source, &mut record)? {
                break;
            }
            (taken, next, relative) = (taken + 1, next + 1, relative + 1);
            if !request.matches(&record) {
                continue;
            }
            if request.search.is_some() {
                hit = true;
                self.hold(&mut held, format!("{relative} {}", next - 1).into_bytes())?;
            }
            if request.side != Side::Skip {
                self.hold(&mut held, request.shaped(&record))?;
            }
        }
        self.close(source)?;
        self.positions.set(mode, &id, (!request.finis).then_some(next));
        self.deliver_lines(request, held.lines)?;
        match request.count {
            _ if !hit => Err(Rc(3)),
            Some(count) if request.search.is_none() && taken < count => Err(Rc(2)),
            None if ended => Err(Rc(2)),
            _ => Ok(()),
        }
    }

    /// CARD: the records of the next file in the reader, from where the last one stopped. A file that is read to its end is closed, which
    /// purges it unless it is held.
    fn execio_card(&mut self, request: &Request) -> Outcome {
        let file = self.reader_file(0)?;
        let from = if self.cards.0 == file.spid { self.cards.1 } else { 0 };
        let (mut at, mut taken, mut hit, mut lines) = (0_u32, 0_u32, request.search.is_none(), Vec::new());
        let mut ended = true;
        self.each_record(&file, |_, record| {
            if !request.wants_more(taken) || hit && request.search.is_some() {
                ended = false;
                return Ok(false);
            }
            at += 1;
            if at <= from {
                return Ok(true);
            }
            taken += 1;
            if request.matches(record) {
                if request.search.is_some() {
                    hit = true;
                    lines.push(format!("{taken} {at}").into_bytes());
                }
                lines.push(request.shaped(record));
            }
            Ok(true)
        })?;
        let closes = ended && (request.count.is_none() || request.wants_more(taken)) || request.finis;
        self.cards = if closes { (0, 0) } else { (file.spid, at) };
        self.cp.command(if closes { b"CLOSE 00C" } else { b"CLOSE 00C KEEP" });
        self.deliver_lines(request, lines)?;
        match request.count {
            _ if !hit => Err(Rc(3)),
            Some(count) if request.search.is_none() && taken < count => Err(Rc(2)),
            _ => Ok(()),
        }
    }

    /// Gives lines to the program.
    fn deliver_lines(&mut self, request: &Request, lines: Vec<Vec<u8>>) -> Outcome {
        let stored = match &request.side {
            Side::Skip | Side::String(_) => true,
            Side::Stack { lifo } => {
                for line in lines {
                    match lifo {
                        true => self.program_stack.push(line),
                        false => self.program_stack.queue(line),
                    }
                }
                true
            }
            Side::Variable(name) => {
                let value = lines.first().map_or(Value::NULL, |line| Value::string(line));
                lines.is_empty() || self.set_variable(name, value)
            }
            Side::Stem(stem) => {
                let count = Value::int(lines.len() as i64);
                let mut numbered = lines.into_iter().enumerate();
                numbered.all(|(at, line)| self.set_variable(&format!("{stem}{}", at + 1), Value::from_vec(line)))
                    && self.set_variable(&format!("{stem}0"), count)
            }
        };
        if stored { Ok(()) } else { Err(self.no_storage()) }
    }

    /// Sets a variable of the program; false when storage runs out.
    fn set_variable(&mut self, name: &str, value: Value) -> bool {
        self.variables.as_mut().is_some_and(|variables| variables.set(name.as_bytes(), value).is_ok())
    }

    /// The value of a variable of the program; its name when it has none.
    fn variable(&mut self, name: &str) -> Vec<u8> {
        let value = self.variables.as_mut().and_then(|variables| variables.get(name.as_bytes()));
        value.map_or_else(|| name.as_bytes().to_vec(), |value| value.to_vec())
    }

    /// Holds a line; there may be no storage for it.
    fn hold(&mut self, held: &mut Held, line: Vec<u8>) -> Outcome {
        if held.add(line) { Ok(()) } else { Err(self.no_storage()) }
    }

    /// The lines that the program gives.
    fn lines_of(&mut self, request: &Request) -> Result<Vec<Vec<u8>>, Rc> {
        let mut held = Held::default();
        match &request.side {
            Side::String(text) => self.hold(&mut held, request.shaped(text))?,
            Side::Variable(name) => {
                let line = self.variable(name);
                self.hold(&mut held, request.shaped(&line))?;
            }
            Side::Stem(stem) => {
                let count = match request.count {
                    Some(count) => count,
                    None => {
                        let zero = self.variable(&format!("{stem}0"));
                        let zero = core::str::from_utf8(&zero).ok().and_then(|text| number(text.trim()));
                        zero.ok_or_else(|| self.fail(24, "621E", format!("Bad Plist: {stem}0 is no number of lines")))?
                    }
                };
                for at in 1..=count {
                    let line = self.variable(&format!("{stem}{at}"));
                    self.hold(&mut held, request.shaped(&line))?;
                }
            }
            Side::Stack { .. } | Side::Skip => {
                while request.wants_more(held.lines.len() as u32) {
                    // Without a number the lines end with a null line.
                    let Some(line) = self.answer_line()?.filter(|line| request.count.is_some() || !line.is_empty()) else {
                        break;
                    };
                    self.hold(&mut held, request.shaped(&line))?;
                }
            }
        }
        Ok(held.lines)
    }

    /// DISKW: adds lines to a file, or replaces those from a given record on. All are in the file, or none.
    fn execio_write(&mut self, request: &Request) -> Outcome {
        let [name, file_type, rest @ ..] = request.operands.as_slice() else {
            return Err(self.incomplete());
        };
        let spec = self.mode_spec(rest.first().map_or("A", String::as_str), ModeSpec::A)?;
        let Some(id) = file_id(name, file_type) else {
            return Err(self.invalid_character(&format!("{name} {file_type}")));
        };
        let line = self.execio_line(request)?;
        let mode = spec.mode.unwrap_or(Mode::A);
        let lines = self.lines_of(request)?;
        let there = self.disks.get(mode).and_then(|disk| disk.system.find(&id)).cloned();
        let format = self.execio_format(request, &lines)?;
        let target = Target { mode, id, number: spec.number.unwrap_or(1), format };
        let format_there = there.as_ref().map_or(format, |entry| entry.format);
        let cut = matches!(format_there, RecordFormat::Fixed(length) if lines.iter().any(|line| line.len() > length as usize));
        let lines: Vec<Vec<u8>> = match format_there {
            RecordFormat::Fixed(length) => lines.into_iter().map(|line| fitted(line, length as usize)).collect(),
            // A file of variable records has no empty record: an empty line is a blank.
            RecordFormat::Variable => lines.into_iter().map(|line| if line.is_empty() { Vec::from(*b" ") } else { line }).collect(),
        };
        if lines.is_empty() {
            return Ok(());
        }
        let date = self.now();
        if let Some(entry) = there.as_ref()
            && let Some(line) = line.filter(|line| *line <= entry.records)
        {
            self.change(mode, &target, |system| system.replace(&id, line, date, &lines))?;
        } else {
            let mut destination = self.begin_file(target, there.is_some())?;
            let written = lines.iter().try_for_each(|line| self.write_record(&mut destination, line));
            self.finish(destination, written, date)?;
        }
        // Lines that were longer than the records have lost their ends.
        if cut { Err(Rc(1)) } else { Ok(()) }
    }

    /// The record format of a new file: V unless the operands say F and a length.
    fn execio_format(&mut self, request: &Request, lines: &[Vec<u8>]) -> Result<RecordFormat, Rc> {
        let longest = lines.iter().map(Vec::len).max().unwrap_or(1).max(1) as u32;
        match request.operands.get(4).map(String::as_str) {
            None | Some("V") => Ok(RecordFormat::Variable),
            Some("F") => match request.operands.get(5).map(|word| number::<u32>(word)) {
                None => Ok(RecordFormat::Fixed(longest)),
                Some(Some(length)) if (1..=65_535).contains(&length) => Ok(RecordFormat::Fixed(length)),
                Some(_) => Err(self.fail(24, "621E", "Bad Plist: invalid record length")),
            },
            Some(other) => Err(self.fail(24, "621E", format!("Bad Plist: invalid record format {other}"))),
        }
    }

    /// CP: the response of a command as lines; the return code is CP's.
    fn execio_cp(&mut self, request: &Request) -> Outcome {
        let command = match request.operands.first() {
            Some(command) => command.clone().into_bytes(),
            None => self.answer_line()?.unwrap_or_default(),
        };
        let response = self.cp.command(command.trim_ascii());
        let text = response.text.strip_suffix(b"\n").unwrap_or(&response.text);
        let mut lines = Vec::new();
        if !text.is_empty() {
            let wanted = text.split(|byte| *byte == b'\n').filter(|line| request.matches(line));
            lines.extend(wanted.take(request.count.map_or(usize::MAX, |count| count as usize)).map(|line| request.shaped(line)));
        }
        self.deliver_lines(request, lines)?;
        rc(response.code as i32)
    }

    /// PRINT and PUNCH: the lines go to the device, which stays open until CP closes it.
    fn execio_spool(&mut self, request: &Request, vdev: u32, command: u16) -> Outcome {
        let mut output = Output::new(vdev);
        for line in self.lines_of(request)? {
            self.put_record(&mut output, command, &line)?;
        }
        self.flush(&mut output)?;
        self.spooling(false);
        Ok(())
    }
}

/// A line in the length of a fixed record.
fn fitted(mut line: Vec<u8>, length: usize) -> Vec<u8> {
    line.resize(length, b' ');
    line
}
