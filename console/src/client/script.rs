//! A session whose input is no terminal: each line is sent when the guest or CP reads, output comes out as plain lines.
//!
//! At the end of the input, when everything was read, the session is logged off.

use std::io::{self, BufRead, BufReader, ErrorKind, Read, Write};
use std::sync::mpsc::{Receiver, Sender, SyncSender, TryRecvError, channel, sync_channel};
use std::thread;

use super::call::{ClientError, Connection, Sender as Line};
use crate::text::{self, LINE_MAX};
use crate::wire::{ClientFrame, ConsoleState, Ending, Reply};

/// What the session waits for: a frame of CP, or the line it asked the input for.
enum Event {
    Frame(Result<Reply, ClientError>),
    Input(Option<InputLine>),
}

/// One line of the input.
#[derive(Debug, PartialEq, Eq)]
struct InputLine {
    text: String,
    /// Bytes that did not fit in a console line.
    cut: usize,
}

/// Frames that may wait between the connection and a slow reader of our output.
const WAITING_MAX: usize = 256;

/// Attempts to log off before the session is left disconnected.
const LOGOFF_TRIES: u32 = 4;

/// Runs the session on `connection`, which has asked to log on, and answers how it ended.
pub(super) fn run(
    mut connection: Connection,
    input: impl Read + Send + 'static,
    output: &mut impl Write,
    notices: &mut impl Write,
) -> Result<Ending, ClientError> {
    let line = connection.sender()?;
    let (events, arrived) = sync_channel(WAITING_MAX);
    let (ask, asked) = channel();
    let inputs = events.clone();
    // This thread may be left waiting for input that never comes; it holds nothing but the input.
    thread::spawn(move || read_input(BufReader::new(input), &asked, &inputs));
    let frames = thread::spawn(move || {
        loop {
            let frame = connection.receive();
            let last = matches!(frame, Err(_) | Ok(Reply::Ended(_)));
            if events.send(Event::Frame(frame)).is_err() || last {
                return;
            }
        }
    });
    let mut session = Session {
        line,
        ask,
        output,
        notices,
        accepted: false,
        read: None,
        line_number: 0,
        asked: false,
        at_end: false,
        logoffs: 0,
        deaf: false,
    };
    let ended = session.run(&arrived);
    session.line.close();
    // The thread may be waiting for room.
    drop(arrived);
    // Its error, if any, was an event already.
    let _ = frames.join();
    ended
}

/// Gives one line each time it is asked to, so that input for other programs behind this one is left alone.
fn read_input(mut input: impl BufRead, asked: &Receiver<()>, events: &SyncSender<Event>) {
    while asked.recv().is_ok() {
        // A broken input ends like a short one.
        let line = read_line(&mut input).unwrap_or(None);
        let last = line.is_none();
        if events.send(Event::Input(line)).is_err() || last {
            return;
        }
    }
}

/// The next line, whatever its bytes, in bounded memory; `None` at the end.
fn read_line(input: &mut impl BufRead) -> io::Result<Option<InputLine>> {
    let mut kept = Vec::new();
    let mut length = 0;
    let mut ended = false;
    while !ended {
        let bytes = match input.fill_buf() {
            Err(error) if error.kind() == ErrorKind::Interrupted => continue,
            bytes => bytes?,
        };
        if bytes.is_empty() {
            break;
        }
        let end = bytes.iter().position(|&byte| byte == b'\n');
        let part = &bytes[..end.unwrap_or(bytes.len())];
        kept.extend_from_slice(&part[..part.len().min(LINE_MAX - kept.len())]);
        length += part.len();
        ended = end.is_some();
        let used = part.len() + usize::from(ended);
        input.consume(used);
    }
    if length == 0 && !ended {
        return Ok(None);
    }
    let text = text::typed(&String::from_utf8_lossy(&kept));
    Ok(Some(InputLine { text, cut: length - kept.len() }))
}

struct Session<'a, O, N> {
    line: Line,
    ask: Sender<()>,
    output: &'a mut O,
    notices: &'a mut N,
    /// LOGON was granted.
    accepted: bool,
    /// The read that is up and not answered yet.
    read: Option<ConsoleState>,
    line_number: u64,
    /// A line was asked of the input and has not come.
    asked: bool,
    at_end: bool,
    /// Times that logging off was tried.
    logoffs: u32,
    /// Nobody reads our output any more.
    deaf: bool,
}

impl<O: Write, N: Write> Session<'_, O, N> {
    fn run(&mut self, events: &Receiver<Event>) -> Result<Ending, ClientError> {
        let mut held = None;
        loop {
            match self.next(events)? {
                Event::Frame(frame) => {
                    if let Some(ending) = self.take(frame?)? {
                        return Ok(ending);
                    }
                }
                Event::Input(line) => {
                    self.asked = false;
                    self.at_end = line.is_none();
                    held = line;
                }
            }
            let Some(read) = self.read else { continue };
            if self.at_end || self.deaf {
                self.log_off(read)?;
            } else if let Some(line) = held.take() {
                self.enter(line)?;
            } else if !self.asked {
                self.asked = true;
                self.ask.send(()).map_err(|_| ClientError::Lost)?;
            }
        }
    }

    /// The next event; what was shown is pushed out before waiting for it.
    fn next(&mut self, events: &Receiver<Event>) -> Result<Event, ClientError> {
        match events.try_recv() {
            Ok(event) => Ok(event),
            Err(TryRecvError::Disconnected) => Err(ClientError::Lost),
            Err(TryRecvError::Empty) => {
                self.flush()?;
                events.recv().map_err(|_| ClientError::Lost)
            }
        }
    }

    /// Acts on a frame; the ending is the last one.
    fn take(&mut self, frame: Reply) -> Result<Option<Ending>, ClientError> {
        match frame {
            Reply::Output(line) => self.show(&line.text)?,
            Reply::Lost(lines) => self.notice(&format!("{lines} lines of output were lost: they came faster than they were read")),
            Reply::State(state) => self.read = (state != ConsoleState::Running).then_some(state),
            // A password is a line of the input like any other.
            Reply::Password(_) => self.read = Some(ConsoleState::VmRead { hidden: true }),
            Reply::Accepted { .. } => self.accepted = true,
            Reply::Ended(ending) => {
                self.flush()?;
                return Ok(Some(ending));
            }
            Reply::Refused { .. }
            | Reply::Answer(_)
            | Reply::Snapshot(_)
            | Reply::Ready
            | Reply::Screen { .. }
            | Reply::LineMode
            | Reply::Files(_) => {
                return Err(ClientError::Unexpected);
            }
        }
        Ok(None)
    }

    fn enter(&mut self, line: InputLine) -> Result<(), ClientError> {
        self.line_number += 1;
        if line.cut > 0 {
            let (number, cut) = (self.line_number, line.cut);
            self.notice(&format!("Line {number} of the input is longer than {LINE_MAX} bytes; the last {cut} are left out"));
        }
        self.read = None;
        self.tell(&ClientFrame::Line(line.text))
    }

    /// Sends a frame. When CP does not take it any more, what CP said last is still to be read, and tells how the session ended.
    fn tell(&mut self, frame: &ClientFrame) -> Result<(), ClientError> {
        match self.line.send(frame) {
            Err(ClientError::Lost) => Ok(()),
            sent => sent,
        }
    }

    /// Logs off from the read that is up: CP takes the command at its own read, and at the guest's when LINEND is `#`; when it is not,
    /// attention brings CP's read. What cannot be logged off is left disconnected.
    fn log_off(&mut self, read: ConsoleState) -> Result<(), ClientError> {
        if !self.accepted {
            return Err(ClientError::NoPassword);
        }
        let frame = match (read, self.logoffs) {
            (_, LOGOFF_TRIES..) => ClientFrame::Disconnect,
            (ConsoleState::CpRead, _) => ClientFrame::Line("LOGOFF".into()),
            (_, 0) => ClientFrame::Line("#CP LOGOFF".into()),
            _ => ClientFrame::Attention,
        };
        self.logoffs += 1;
        self.read = None;
        self.tell(&frame)
    }

    fn show(&mut self, text: &str) -> Result<(), ClientError> {
        for line in text::lines(text) {
            if !self.deaf {
                let written = writeln!(self.output, "{line}");
                self.heard(written)?;
            }
        }
        Ok(())
    }

    fn flush(&mut self) -> Result<(), ClientError> {
        let flushed = if self.deaf { Ok(()) } else { self.output.flush() };
        self.heard(flushed)
    }

    /// A reader that went away ends the script, quietly, as the end of the input does.
    fn heard(&mut self, written: io::Result<()>) -> Result<(), ClientError> {
        match written {
            Err(error) if error.kind() == ErrorKind::BrokenPipe => self.deaf = true,
            written => written.map_err(ClientError::Terminal)?,
        }
        Ok(())
    }

    fn notice(&mut self, text: &str) {
        // Nothing can be done about a notice that nobody hears.
        let _ = writeln!(self.notices, "cp64: {text}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn lines(bytes: &[u8]) -> Vec<InputLine> {
        let mut input = BufReader::with_capacity(7, bytes);
        std::iter::from_fn(|| read_line(&mut input).unwrap()).collect()
    }

    fn line(text: &str) -> InputLine {
        InputLine { text: text.into(), cut: 0 }
    }

    #[test]
    fn lines_end_at_lf_and_the_last_needs_none() {
        assert_eq!(lines(b""), []);
        assert_eq!(lines(b"one\r\n\nlast line here"), [line("one"), line(""), line("last line here")]);
        assert_eq!(lines(b"\n"), [line("")]);
    }

    #[test]
    fn a_long_line_is_cut_and_the_next_is_whole() {
        let bytes = [vec![b'x'; LINE_MAX + 100], b"\nnext\n".to_vec()].concat();
        assert_eq!(lines(&bytes), [InputLine { text: "x".repeat(LINE_MAX), cut: 100 }, line("next")]);
    }

    proptest! {
        #[test]
        fn any_bytes_are_lines_without_controls(bytes in prop::collection::vec(any::<u8>(), 0..5000)) {
            for line in lines(&bytes) {
                prop_assert!(!line.text.chars().any(text::is_control) && line.text.len() <= LINE_MAX);
            }
        }
    }
}
