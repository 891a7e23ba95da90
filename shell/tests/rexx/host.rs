//! The world of a REXX program on the host: what it shows is collected, its streams are kept in storage, and its commands go to a small
//! command interpreter that knows as much of a Unix shell as the programs here use.

use std::collections::{BTreeMap, VecDeque};

use shell::rexx::{
    CallKind, Clock, CommandResult, Environment, External, Interrupt, Invocation, Program, Report, StreamAnswer, Value, Variables, run,
};

/// A stream: its bytes, and where it is read and written next.
#[derive(Default)]
pub struct Stream {
    bytes: Vec<u8>,
    read: usize,
}

/// The world.
#[derive(Default)]
pub struct Host {
    pub shown: Vec<u8>,
    pub typed: VecDeque<Vec<u8>>,
    pub stack: VecDeque<Vec<u8>>,
    pub streams: BTreeMap<Vec<u8>, Stream>,
    /// How often the program may be polled before it is abandoned; for ever when there is no bound.
    pub polls_left: Option<u32>,
    /// At which poll the condition HALT is raised.
    pub halt_at: Option<u32>,
    pub polls: u32,
}

impl Host {
    fn line(&mut self, line: &[u8]) {
        self.shown.extend_from_slice(line);
        self.shown.push(b'\n');
    }
}

impl Environment for Host {
    fn say(&mut self, line: &[u8]) {
        self.line(line);
    }

    fn trace(&mut self, line: &[u8]) {
        self.line(line);
    }

    fn pull(&mut self) -> Vec<u8> {
        self.stack.pop_front().unwrap_or_else(|| self.read_console())
    }

    fn read_console(&mut self) -> Vec<u8> {
        self.typed.pop_front().unwrap_or_default()
    }

    fn push(&mut self, line: Vec<u8>) {
        self.stack.push_front(line);
    }

    fn queue(&mut self, line: Vec<u8>) {
        self.stack.push_back(line);
    }

    fn queued(&mut self) -> usize {
        self.stack.len()
    }

    fn command(&mut self, _: &[u8], command: &[u8], _: &mut Variables) -> CommandResult {
        let text = String::from_utf8_lossy(command).into_owned();
        let mut rc = 0;
        match text.split_once(' ').unwrap_or((&text, "")) {
            ("echo", rest) => self.line(rest.as_bytes()),
            ("exit", code) => rc = code.trim().parse().unwrap_or(0),
            _ => rc = 127,
        }
        // A Unix shell tells only of success and error; what it does not know is a failure to REXX.
        CommandResult { rc: Value::string(rc.to_string().as_bytes()), error: rc != 0 && rc != 127, failure: rc == 127 }
    }

    fn call(&mut self, _: &[u8], _: &[Option<Value>], _: CallKind) -> External {
        External::NotFound
    }

    fn clock(&mut self) -> Clock {
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
        Clock { unix_us: now.as_micros() as i64, zone_seconds: 0 }
    }

    fn poll(&mut self) -> Interrupt {
        self.polls += 1;
        if self.halt_at == Some(self.polls) {
            return Interrupt::Halt;
        }
        match &mut self.polls_left {
            Some(0) => Interrupt::Abandon,
            Some(left) => {
                *left -= 1;
                Interrupt::None
            }
            None => Interrupt::None,
        }
    }

    fn userid(&mut self) -> Vec<u8> {
        b"CMSUSER".to_vec()
    }

    fn line_in(&mut self, stream: &[u8], line: Option<u32>, count: u32) -> StreamAnswer<Vec<u8>> {
        if stream.is_empty() {
            return StreamAnswer::ready(self.read_console());
        }
        let stream = self.streams.entry(stream.to_vec()).or_default();
        if let Some(line) = line {
            let starts = stream.bytes.split_inclusive(|byte| *byte == b'\n').take(line as usize - 1).map(<[u8]>::len);
            stream.read = starts.sum();
        }
        if count == 0 {
            return StreamAnswer::ready(Vec::new());
        }
        let rest = &stream.bytes[stream.read..];
        if rest.is_empty() {
            return StreamAnswer::not_ready(Vec::new());
        }
        let end = rest.iter().position(|byte| *byte == b'\n').unwrap_or(rest.len());
        let text = rest[..end].to_vec();
        stream.read = (stream.read + end + 1).min(stream.bytes.len());
        StreamAnswer::ready(text)
    }

    fn line_out(&mut self, stream: &[u8], text: Option<&[u8]>, _: Option<u32>) -> StreamAnswer<u32> {
        match text {
            Some(text) if stream.is_empty() => self.line(text),
            Some(text) => {
                let stream = self.streams.entry(stream.to_vec()).or_default();
                stream.bytes.extend_from_slice(text);
                stream.bytes.push(b'\n');
            }
            None => drop(self.streams.get_mut(stream).map(|stream| stream.read = 0)),
        }
        StreamAnswer::ready(0)
    }

    fn lines(&mut self, stream: &[u8]) -> u32 {
        self.streams.get(stream).map_or(0, |stream| stream.bytes[stream.read..].iter().filter(|byte| **byte == b'\n').count() as u32)
    }

    fn char_in(&mut self, stream: &[u8], start: Option<u32>, count: u32) -> StreamAnswer<Vec<u8>> {
        let stream = self.streams.entry(stream.to_vec()).or_default();
        stream.read = start.map_or(stream.read, |start| start as usize - 1).min(stream.bytes.len());
        let end = (stream.read + count as usize).min(stream.bytes.len());
        let text = stream.bytes[stream.read..end].to_vec();
        stream.read = end;
        StreamAnswer { not_ready: text.len() < count as usize, value: text }
    }

    fn char_out(&mut self, stream: &[u8], text: Option<&[u8]>, _: Option<u32>) -> StreamAnswer<u32> {
        match text {
            Some(text) if stream.is_empty() => self.shown.extend_from_slice(text),
            Some(text) => self.streams.entry(stream.to_vec()).or_default().bytes.extend_from_slice(text),
            None => drop(self.streams.get_mut(stream).map(|stream| stream.read = 0)),
        }
        StreamAnswer::ready(0)
    }

    fn chars(&mut self, stream: &[u8]) -> u32 {
        self.streams.get(stream).map_or(0, |stream| (stream.bytes.len() - stream.read) as u32)
    }

    fn stream(&mut self, stream: &[u8], _: Option<&[u8]>) -> Vec<u8> {
        if self.streams.contains_key(stream) { b"READY".to_vec() } else { b"UNKNOWN".to_vec() }
    }
}

/// An invocation as a command, with one argument or none.
pub fn invocation(argument: Option<&str>) -> Invocation {
    Invocation {
        kind: CallKind::Command,
        arguments: argument.map(|text| Some(Value::string(text.as_bytes()))).into_iter().collect(),
        source: b"TEST EXEC A1 TEST CMS".to_vec(),
        address: b"SYSTEM".to_vec(),
        system: b"CMS".to_vec(),
        seed: 1,
    }
}

/// How an error that ends a program is shown by Regina: the clauses that were active, the message, and that of the sub-code.
pub fn show_report(report: &Report, name: &str) -> Vec<u8> {
    let mut shown = Vec::new();
    for (depth, (line, text)) in report.traceback.iter().enumerate() {
        let indent = (report.traceback.len() - 1 - depth) * 3;
        shown.extend(format!("{line:6} +++ {:indent$}", "").bytes());
        shown.extend_from_slice(text);
        shown.push(b'\n');
    }
    let error = &report.error;
    shown.extend(format!("Error {} running \"{name}\", line {}: {}\n", error.number(), report.line, error.text()).bytes());
    if let Some(detail) = error.detail() {
        shown.extend(format!("Error {}.{}: ", error.number(), error.sub()).bytes());
        shown.extend_from_slice(&detail);
        shown.push(b'\n');
    }
    shown
}

/// What a program shows, its end included.
pub fn output(text: &[u8], name: &str, mut host: Host) -> Vec<u8> {
    let program = match Program::compile(text.to_vec()) {
        Ok(program) => program,
        // Regina names no clause for an error that it finds before the program runs.
        Err(report) => return show_report(&Report { traceback: Vec::new(), ..report }, name),
    };
    let ended = run(&program, invocation(None), &mut host);
    let mut shown = host.shown;
    if let Err(report) = ended {
        shown.extend(show_report(&report, name));
    }
    shown
}

/// What a program shows, as text.
pub fn shows(text: &str) -> String {
    String::from_utf8_lossy(&output(text.as_bytes(), "test", Host::default())).into_owned()
}
