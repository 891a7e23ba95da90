//! Streams of REXX programs: CMS files by name, type and mode; the console by the null string. A line is a record.
//!
//! What is written goes to the file when the stream is closed or read, or the program ends: then all of it, or nothing.

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use minidisk::edf::RecordFormat;

use super::program::ExecEnvironment;
use crate::cp::Cp;
use crate::disks::{Mode, file_id};
use crate::fileid::{Found, ModeSpec};
use crate::message::Outcome;
use crate::records::{Source, Target};
use crate::rexx::StreamAnswer;

/// Bytes that one stream may hold back.
const HELD: usize = 4 << 20;

/// The streams of a program that are open.
#[derive(Default)]
pub(super) struct Streams(Vec<Stream>);

/// An open stream.
struct Stream {
    name: String,
    reading: Option<Reading>,
    /// Lines that are not in the file yet, and the one that CHAROUT has begun.
    written: Vec<Vec<u8>>,
    begun: Option<Vec<u8>>,
    held: usize,
}

/// A file being read.
struct Reading {
    source: Source,
    found: Found,
    /// Number of the next record.
    next: u32,
    /// What CHARIN has not taken of the record at hand.
    rest: Vec<u8>,
}

impl<C: Cp> ExecEnvironment<'_, C> {
    /// A stream's name in its one form.
    pub(super) fn stream_name(&mut self, stream: &[u8]) -> Vec<u8> {
        let upper = String::from_utf8_lossy(stream).to_uppercase();
        let mut words = upper.split_whitespace();
        let (name, file_type, mode) = (words.next().unwrap_or(""), words.next().unwrap_or(""), words.next().unwrap_or("A"));
        format!("{name} {file_type} {mode}").into_bytes()
    }

    /// The number of an open stream; opens it.
    fn stream(&mut self, stream: &[u8]) -> usize {
        let name = String::from_utf8_lossy(&self.stream_name(stream)).into_owned();
        if let Some(at) = self.streams.0.iter().position(|stream| stream.name == name) {
            return at;
        }
        self.streams.0.push(Stream { name, reading: None, written: Vec::new(), begun: None, held: 0 });
        self.streams.0.len() - 1
    }

    /// The file of a stream, when it is there.
    fn stream_file(&mut self, name: &str) -> Option<Found> {
        let mut words = name.split(' ');
        let id = file_id(words.next()?, words.next()?)?;
        let spec = ModeSpec::parse(words.next()?)?;
        self.shell.disks.locate(&id, spec).ok()
    }

    /// The file of a stream, open for reading; what was written to it is in it.
    fn reading(&mut self, at: usize) -> Option<&mut Reading> {
        if self.write_out(at).is_err() {
            return None;
        }
        if self.streams.0[at].reading.is_none() {
            let name = self.streams.0[at].name.clone();
            let found = self.stream_file(&name)?;
            let source = self.shell.open(&found).ok()?;
            self.streams.0[at].reading = Some(Reading { source, found, next: 1, rest: Vec::new() });
        }
        self.streams.0[at].reading.as_mut()
    }

    /// Adds what was written to the file.
    fn write_out(&mut self, at: usize) -> Outcome {
        let stream = &mut self.streams.0[at];
        stream.held = 0;
        let mut lines = core::mem::take(&mut stream.written);
        lines.extend(stream.begun.take());
        if lines.is_empty() {
            return Ok(());
        }
        stream.reading = None;
        let name = stream.name.clone();
        let written = self.add_lines(&name, &lines);
        if written.is_err() {
            // The message has been shown; what could not be written is not tried again.
            self.streams.0[at].written.clear();
        }
        written
    }

    /// Adds lines to a file, which is made when it is not there.
    fn add_lines(&mut self, name: &str, lines: &[Vec<u8>]) -> Outcome {
        let there = self.stream_file(name);
        let shell = &mut *self.shell;
        let target = match &there {
            Some(found) => Target { mode: found.mode, id: found.entry.id, number: found.entry.mode, format: found.entry.format },
            None => {
                let words: Vec<&str> = name.split(' ').collect();
                let Some(id) = file_id(words[0], words[1]) else {
                    return Err(shell.invalid_character(name));
                };
                let spec = shell.mode_spec(words[2], ModeSpec::A)?;
                let mode = spec.mode.unwrap_or(Mode::A);
                Target { mode, id, number: spec.number.unwrap_or(1), format: RecordFormat::Variable }
            }
        };
        let mut destination = shell.begin_file(target, there.is_some())?;
        // A file of variable records has no empty record: an empty line is a blank.
        let written = lines.iter().try_for_each(|line| {
            let line: &[u8] = if line.is_empty() { b" " } else { line };
            shell.write_record(&mut destination, line)
        });
        let date = shell.now();
        shell.finish(destination, written, date)
    }

    /// The end of the program: what is held is written.
    pub(super) fn close_streams(&mut self) {
        for at in 0..self.streams.0.len() {
            // The message has been shown, and the program has its result.
            let _ = self.write_out(at);
        }
    }

    pub(super) fn stream_line_in(&mut self, stream: &[u8], line: Option<u32>, count: u32) -> StreamAnswer<Vec<u8>> {
        if stream.is_empty() {
            return match self.shell.read_line() {
                Some(line) => StreamAnswer::ready(line),
                None => StreamAnswer::not_ready(Vec::new()),
            };
        }
        let at = self.stream(stream);
        if self.reading(at).is_none() {
            return StreamAnswer::not_ready(Vec::new());
        }
        let Some(mut reading) = self.streams.0[at].reading.take() else {
            return StreamAnswer::not_ready(Vec::new());
        };
        let answer = self.read_line_of(&mut reading, line, count);
        self.streams.0[at].reading = Some(reading);
        answer
    }

    fn read_line_of(&mut self, reading: &mut Reading, line: Option<u32>, count: u32) -> StreamAnswer<Vec<u8>> {
        if let Some(line) = line {
            if line > reading.found.entry.records + 1 || self.shell.seek(&mut reading.source, line).is_err() {
                return StreamAnswer::not_ready(Vec::new());
            }
            reading.next = line;
            reading.rest.clear();
        }
        if count == 0 {
            return StreamAnswer::ready(Vec::new());
        }
        if !reading.rest.is_empty() {
            return StreamAnswer::ready(core::mem::take(&mut reading.rest));
        }
        let mut record = Vec::new();
        match self.shell.next_line(&mut reading.source, &mut record) {
            Ok(true) => {
                reading.next += 1;
                StreamAnswer::ready(record)
            }
            _ => StreamAnswer::not_ready(Vec::new()),
        }
    }

    pub(super) fn stream_line_out(&mut self, stream: &[u8], text: Option<&[u8]>, line: Option<u32>) -> StreamAnswer<u32> {
        if stream.is_empty() {
            self.shell.show_line(text.unwrap_or_default());
            return StreamAnswer::ready(0);
        }
        let at = self.stream(stream);
        let Some(text) = text else {
            let closed = self.write_out(at);
            self.streams.0.remove(at);
            return StreamAnswer { value: 0, not_ready: closed.is_err() };
        };
        if line.is_some() {
            // Lines are added at the end.
            return StreamAnswer::not_ready(1);
        }
        let stream = &mut self.streams.0[at];
        let mut record = stream.begun.take().unwrap_or_default();
        record.extend_from_slice(text);
        stream.held += record.len();
        stream.written.push(record);
        if stream.held > HELD && self.write_out(at).is_err() {
            return StreamAnswer::not_ready(1);
        }
        StreamAnswer::ready(0)
    }

    pub(super) fn stream_lines(&mut self, stream: &[u8]) -> u32 {
        if stream.is_empty() {
            return self.shell.program_stack.lines() as u32;
        }
        let at = self.stream(stream);
        match self.reading(at) {
            Some(reading) => (reading.found.entry.records + 1).saturating_sub(reading.next) + u32::from(!reading.rest.is_empty()),
            None => 0,
        }
    }

    pub(super) fn stream_char_in(&mut self, stream: &[u8], start: Option<u32>, count: u32) -> StreamAnswer<Vec<u8>> {
        let mut taken = Vec::new();
        if start.is_some() {
            // Records have no character positions.
            return StreamAnswer::not_ready(taken);
        }
        while taken.len() < count as usize {
            let mut answer = self.stream_line_in(stream, None, 1);
            if answer.not_ready {
                return StreamAnswer::not_ready(taken);
            }
            let wanted = count as usize - taken.len();
            if answer.value.len() > wanted {
                let rest = answer.value.split_off(wanted);
                let at = self.stream(stream);
                if let Some(reading) = &mut self.streams.0[at].reading {
                    reading.rest = rest;
                }
            }
            taken.extend_from_slice(&answer.value);
            if answer.value.is_empty() {
                break;
            }
        }
        StreamAnswer::ready(taken)
    }

    pub(super) fn stream_char_out(&mut self, stream: &[u8], text: Option<&[u8]>, start: Option<u32>) -> StreamAnswer<u32> {
        let Some(text) = text else {
            return self.stream_line_out(stream, None, None);
        };
        if stream.is_empty() {
            self.shell.show_line(text);
            return StreamAnswer::ready(0);
        }
        if start.is_some() {
            return StreamAnswer::not_ready(text.len() as u32);
        }
        let at = self.stream(stream);
        self.streams.0[at].begun.get_or_insert_default().extend_from_slice(text);
        StreamAnswer::ready(0)
    }

    pub(super) fn stream_chars(&mut self, stream: &[u8]) -> u32 {
        // Not known without reading the file: whether there is something.
        self.stream_lines(stream).min(1)
    }

    pub(super) fn stream_state(&mut self, stream: &[u8], command: Option<&[u8]>) -> Vec<u8> {
        let command = command.map(|command| String::from_utf8_lossy(command).to_uppercase());
        let state = match command.as_deref().map(str::trim) {
            Some(command) if command.starts_with("CLOSE") => {
                let at = self.stream(stream);
                let closed = self.write_out(at);
                self.streams.0.remove(at);
                if closed.is_ok() { "READY:" } else { "ERROR:" }
            }
            Some(command) if command.starts_with("OPEN") => {
                self.stream(stream);
                "READY:"
            }
            Some(command) if command.starts_with("QUERY EXISTS") => {
                let name = String::from_utf8_lossy(&self.stream_name(stream)).into_owned();
                return self.stream_file(&name).map_or(Vec::new(), |found| found.to_string().into_bytes());
            }
            Some(_) => "ERROR:",
            None => {
                let name = String::from_utf8_lossy(&self.stream_name(stream)).into_owned();
                if self.stream_file(&name).is_some() { "READY" } else { "UNKNOWN" }
            }
        };
        state.as_bytes().to_vec()
    }
}
