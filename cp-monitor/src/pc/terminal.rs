//! A serial line as a console of lines: what a guest sends becomes lines and prompts, and what it echoes of a typed line is not shown a second time.

use std::collections::VecDeque;

/// Longest line; what is longer goes on in the next one.
const LINE_MAX: usize = 1000;
/// Lines that wait to be shown; whoever runs the machine takes them more often than it can write so many.
const LINES_MAX: usize = 4096;
const ESCAPE: u8 = 0x1b;

/// Something for the console.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Shown {
    Line(String),
    /// Input follows on the same line.
    Prompt(String),
}

/// Where in a control sequence of a terminal the bytes are: `ESC [ ... letter` and `ESC letter` are dropped.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum Sequence {
    #[default]
    None,
    Escape,
    Control,
}

/// The line in progress, and what is ready to be shown.
#[derive(Default)]
pub(super) struct Terminal {
    line: Vec<u8>,
    /// A carriage return was seen: what follows is written over the line.
    returned: bool,
    sequence: Sequence,
    /// The last thing that was shown is a prompt.
    prompted: bool,
    /// Its last character that is no blank.
    shown: Option<u8>,
    /// A line is waited for, until something is written or typed.
    awaits: bool,
    /// What was typed and not yet echoed.
    echo: VecDeque<u8>,
    ready: VecDeque<Shown>,
}

impl Terminal {
    /// Bytes that the guest sent.
    pub(super) fn take(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            // A sequence shows nothing: the prompt before it stays one, and the echo may follow it.
            let shows_nothing = self.sequence != Sequence::None || byte == ESCAPE && self.echo.front() != Some(&ESCAPE);
            if shows_nothing {
                self.put(byte);
            } else if !self.is_echo(byte) {
                (self.prompted, self.awaits) = (false, false);
                self.put(byte);
            }
        }
    }

    /// A line was typed: what comes back of it is its echo. The terminal shows what is typed by itself.
    pub(super) fn expect_echo(&mut self, typed: &[u8]) {
        (self.prompted, self.awaits) = (false, false);
        self.echo.extend(typed.iter().map(|&byte| if byte == b'\r' { b'\n' } else { byte }));
    }

    /// Whether a byte is the next one of the echo. The first that is not ends it.
    fn is_echo(&mut self, byte: u8) -> bool {
        match self.echo.front() {
            None => false,
            Some(b'\n') if byte == b'\r' => true,
            Some(&next) if next == byte => {
                self.echo.pop_front();
                true
            }
            Some(_) => {
                self.echo.clear();
                false
            }
        }
    }

    fn put(&mut self, byte: u8) {
        self.sequence = match (self.sequence, byte) {
            (Sequence::None, ESCAPE) => Sequence::Escape,
            (Sequence::Escape, b'[') => Sequence::Control,
            (Sequence::Control, 0x20..=0x3f) => Sequence::Control,
            (Sequence::None, _) => return self.put_plain(byte),
            _ => Sequence::None,
        };
    }

    fn put_plain(&mut self, byte: u8) {
        match byte {
            b'\n' => {
                self.returned = false;
                self.end_line();
            }
            b'\r' => self.returned = true,
            8 => drop(self.line.pop()),
            // A bell rings nowhere; NULs are padding.
            0 | 7 => {}
            byte => {
                if std::mem::take(&mut self.returned) {
                    self.line.clear();
                }
                self.line.push(byte);
                if self.line.len() >= LINE_MAX {
                    self.end_line();
                }
            }
        }
    }

    fn text(&mut self) -> String {
        String::from_utf8_lossy(&std::mem::take(&mut self.line)).into_owned()
    }

    fn end_line(&mut self) {
        let line = self.text();
        if self.ready.len() >= LINES_MAX {
            self.ready.pop_front();
        }
        self.ready.push_back(Shown::Line(line));
    }

    /// Whether the last thing that was written has no end of line.
    pub(super) fn has_prompt(&self) -> bool {
        self.prompted || !self.line.is_empty()
    }

    /// Whether it is known already that a line is waited for.
    pub(super) fn awaits_line(&self) -> bool {
        self.awaits
    }

    /// Whether that ends as the prompts of shells and monitors do.
    pub(super) fn has_usual_prompt(&self) -> bool {
        let end = if self.line.is_empty() { self.shown } else { last(&self.line) };
        self.has_prompt() && end.is_some_and(|byte| b"$#>?".contains(&byte))
    }

    /// A line is waited for: the unfinished line is a prompt.
    pub(super) fn end_prompt(&mut self) {
        self.awaits = true;
        if !self.line.is_empty() {
            self.shown = last(&self.line);
            let text = self.text();
            self.ready.push_back(Shown::Prompt(text));
            self.prompted = true;
        }
    }

    /// The guest has ended: the unfinished line is all there is.
    pub(super) fn end(&mut self) {
        if !self.line.is_empty() {
            self.end_line();
        }
    }

    /// What is next to be shown.
    pub(super) fn next(&mut self) -> Option<Shown> {
        self.ready.pop_front()
    }
}

/// The last character that is no blank.
fn last(line: &[u8]) -> Option<u8> {
    line.iter().rev().copied().find(|byte| *byte != b' ')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(terminal: &mut Terminal) -> Vec<Shown> {
        std::iter::from_fn(|| terminal.next()).collect()
    }

    fn line(text: &str) -> Shown {
        Shown::Line(text.to_string())
    }

    #[test]
    fn bytes_become_lines_and_a_prompt() {
        let mut terminal = Terminal::default();
        terminal.take(b"one\r\ntwo\n\n$ ");
        assert_eq!(shown(&mut terminal), [line("one"), line("two"), line("")]);
        assert!(terminal.has_prompt());
        terminal.end_prompt();
        assert_eq!(shown(&mut terminal), [Shown::Prompt("$ ".to_string())]);
        assert!(terminal.has_prompt() && terminal.has_usual_prompt(), "until something else is written or typed");
        terminal.expect_echo(b"x\r");
        assert!(!terminal.has_prompt() && !terminal.has_usual_prompt());
        terminal.take(b"x\r\npreempt: ");
        assert!(terminal.has_prompt() && !terminal.has_usual_prompt());
    }

    #[test]
    fn an_echo_is_not_shown_twice_and_anything_else_is() {
        let mut terminal = Terminal::default();
        terminal.expect_echo(b"ls\r");
        terminal.take(b"ls\r\nREADME\n");
        assert_eq!(shown(&mut terminal), [line("README")]);
        terminal.expect_echo(b"secret\r");
        terminal.take(b"\nwrong\n");
        assert_eq!(shown(&mut terminal), [line(""), line("wrong")], "no echo of a password");
    }

    #[test]
    fn a_sequence_behind_a_prompt_leaves_it_one_and_is_not_in_the_way_of_the_echo() {
        let mut terminal = Terminal::default();
        terminal.take(b"/ # ");
        terminal.end_prompt();
        terminal.take(b"\x1b[6n");
        assert!(terminal.has_usual_prompt() && terminal.awaits_line());
        terminal.expect_echo(b"ls\r");
        terminal.take(b"\x1b[6nls\r\nREADME\r\n");
        assert_eq!(shown(&mut terminal), [Shown::Prompt("/ # ".to_string()), line("README")]);
        terminal.expect_echo(b"\x1b[A");
        terminal.take(b"\x1b[Ax\n");
        assert_eq!(shown(&mut terminal), [line("x")], "the echo of a sequence");
    }

    #[test]
    fn overwriting_backspaces_and_sequences_leave_what_a_screen_would_show() {
        let mut terminal = Terminal::default();
        terminal.take(b"10%\r20%\rdone\x1b[0m\nab\x08c\n\x1b[1;31mred\x1b[m\x07\n");
        assert_eq!(shown(&mut terminal), [line("done"), line("ac"), line("red")]);
    }

    #[test]
    fn a_line_without_end_and_lines_without_number_are_bounded() {
        let mut terminal = Terminal::default();
        terminal.take(&[b'x'; 2500]);
        assert_eq!(shown(&mut terminal).len(), 2);
        terminal.take(&[b'\n'; 10_000]);
        assert_eq!(shown(&mut terminal).len(), LINES_MAX);
    }
}
