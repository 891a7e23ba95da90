//! BROWSE, and HELP at a terminal that shows full screens: text that is looked at page by page.
//!
//! ```text
//!   title                                        Line 1 of 45
//!   text ...
//!   message
//!   ====> command
//!   F3=Quit  F7=Back ...
//! ```
//!
//! What is on the screen and what a key does is a value ([`Browser`]); [`Shell::browse`] moves data streams between it and CP.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use abi::{DisplayInfo, full_screen};
use minidisk::ebcdic;

use crate::cp::Cp;
use crate::message::Outcome;
use crate::session::Shell;
use crate::words::Words;

/// Rows that are not text: title, message, command line, keys.
const AROUND: usize = 4;
/// Columns that F10 and F11 move by.
const SIDEWAYS: usize = 20;
/// What stands before the command.
const ARROW: &str = "====>";
const KEYS: &str = "F3=Quit  F5=Again  F7=Back  F8=Fwd  F10=Left  F11=Right  /text/  n  TOP  BOTTOM";

/// Orders and attributes of the data stream (GA23-0059).
mod order {
    pub const SBA: u8 = 0x11;
    pub const IC: u8 = 0x13;
    pub const SF: u8 = 0x1d;
    pub const SFE: u8 = 0x29;
    /// Keyboard restored, tags reset.
    pub const WCC: u8 = 0xc3;
    /// Field attributes: protected and skipped, the same bright, input bright.
    pub const TEXT: u8 = 0xf0;
    pub const BRIGHT: u8 = 0xf8;
    pub const INPUT: u8 = 0xc8;
    pub const BLUE: u8 = 0xf1;
    pub const RED: u8 = 0xf2;
    pub const GREEN: u8 = 0xf4;
    pub const TURQUOISE: u8 = 0xf5;
    pub const NEUTRAL: u8 = 0xf7;
}

/// Attention identifiers, PF13 to PF24 being PF1 to PF12 again.
mod aid {
    pub const ENTER: u8 = 0x7d;
    pub const CLEAR: u8 = 0x6d;
    pub const PF3: [u8; 2] = [0xf3, 0xc3];
    pub const PF5: [u8; 2] = [0xf5, 0xc5];
    pub const PF7: [u8; 2] = [0xf7, 0xc7];
    pub const PF8: [u8; 2] = [0xf8, 0xc8];
    pub const PF10: [u8; 2] = [0x7a, 0x4a];
    pub const PF11: [u8; 2] = [0x7b, 0x4b];
    pub const PF12: [u8; 2] = [0x7c, 0x4c];
}

/// What a key leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    /// The screen is shown again.
    Stay,
    /// The screen is shown again, and the terminal may be another.
    Anew,
    Leave,
}

/// Text and what of it is shown.
struct Browser {
    title: String,
    lines: Vec<Vec<u8>>,
    display: DisplayInfo,
    /// First line and column shown, from 0.
    top: usize,
    left: usize,
    message: String,
    /// What was looked for last.
    wanted: String,
}

/// A byte of text as it is shown: what is no character of Latin-1 text is a full stop.
fn shown(byte: u8) -> u8 {
    ebcdic::from_latin1(if matches!(byte, 0x20..=0x7e | 0xa0..) { byte } else { b'.' })
}

/// Text of a file in EBCDIC: UTF-8 as far as Latin-1 has its characters.
fn encoded(line: &[u8]) -> Vec<u8> {
    match core::str::from_utf8(line) {
        Ok(text) => text.chars().map(|c| shown(u8::try_from(c).unwrap_or(b'?'))).collect(),
        Err(_) => line.iter().map(|&byte| shown(byte)).collect(),
    }
}

impl Browser {
    fn new(title: &str, lines: Vec<Vec<u8>>, display: DisplayInfo) -> Self {
        Self { title: title.into(), lines, display, top: 0, left: 0, message: String::new(), wanted: String::new() }
    }

    fn columns(&self) -> usize {
        usize::from(self.display.columns)
    }

    /// Rows of text on the screen.
    fn page(&self) -> usize {
        usize::from(self.display.rows).saturating_sub(AROUND).max(1)
    }

    /// A buffer address, of 14 bits on a screen that 12 do not reach.
    fn address(&self, row: usize, column: usize) -> [u8; 2] {
        const SIX_BITS: &[u8; 64] =
            b"\x40\xc1\xc2\xc3\xc4\xc5\xc6\xc7\xc8\xc9\x4a\x4b\x4c\x4d\x4e\x4f\x50\xd1\xd2\xd3\xd4\xd5\xd6\xd7\xd8\xd9\x5a\x5b\x5c\x5d\x5e\x5f\x60\x61\xe2\xe3\xe4\xe5\xe6\xe7\xe8\xe9\x6a\x6b\x6c\x6d\x6e\x6f\xf0\xf1\xf2\xf3\xf4\xf5\xf6\xf7\xf8\xf9\x7a\x7b\x7c\x7d\x7e\x7f";
        let at = row * self.columns() + column;
        if usize::from(self.display.rows) * self.columns() <= 4096 {
            [SIX_BITS[at >> 6 & 0x3f], SIX_BITS[at & 0x3f]]
        } else {
            [(at >> 8) as u8 & 0x3f, at as u8]
        }
    }

    /// A field at the beginning of a row.
    fn field(&self, stream: &mut Vec<u8>, row: usize, attribute: u8, colour: u8, text: &[u8]) {
        stream.push(order::SBA);
        stream.extend(self.address(row, 0));
        self.start(stream, attribute, colour);
        stream.extend(text.iter().take(self.columns() - 1));
    }

    fn start(&self, stream: &mut Vec<u8>, attribute: u8, colour: u8) {
        match self.display.flags & full_screen::EXTENDED {
            0 => stream.extend([order::SF, attribute]),
            _ => stream.extend([order::SFE, 2, 0xc0, attribute, 0x42, colour]),
        }
    }

    /// The whole screen, for an operation that erases.
    fn stream(&self) -> Vec<u8> {
        let (rows, columns, count) = (usize::from(self.display.rows), self.columns(), self.lines.len());
        let mut stream = Vec::from([order::WCC]);
        let place = format!("Line {} of {count}", (self.top + 1).min(count));
        let room = columns.saturating_sub(place.len() + 3);
        let title: String = self.title.chars().take(room).collect();
        self.field(&mut stream, 0, order::BRIGHT, order::NEUTRAL, &encoded(format!("{title:<room$} {place}").as_bytes()));
        for (row, line) in self.lines.iter().skip(self.top).take(self.page()).enumerate() {
            let text = encoded(line);
            let heading = line.starts_with(b"#");
            let (attribute, colour) = if heading { (order::BRIGHT, order::TURQUOISE) } else { (order::TEXT, order::GREEN) };
            let text =
                if heading { text.iter().copied().skip_while(|&code| code == ebcdic::from_latin1(b'#')).skip(1).collect() } else { text };
            self.field(&mut stream, row + 1, attribute, colour, text.get(self.left..).unwrap_or_default());
        }
        self.field(&mut stream, rows - 3, order::BRIGHT, order::RED, &encoded(self.message.as_bytes()));
        self.field(&mut stream, rows - 2, order::BRIGHT, order::TURQUOISE, &encoded(ARROW.as_bytes()));
        self.start(&mut stream, order::INPUT, order::NEUTRAL);
        stream.push(order::IC);
        self.field(&mut stream, rows - 1, order::TEXT, order::BLUE, &encoded(KEYS.as_bytes()));
        stream
    }

    /// The last line that may stand first.
    fn last_top(&self) -> usize {
        self.lines.len().saturating_sub(self.page())
    }

    fn go(&mut self, top: usize) {
        self.top = top.min(self.last_top());
    }

    /// A key and what was typed, as CP hands it over.
    fn key(&mut self, inbound: &[u8]) -> Step {
        self.message.clear();
        let Some(&key) = inbound.first() else { return Step::Stay };
        let page = self.page();
        match key {
            aid::CLEAR => return Step::Anew,
            aid::ENTER => return self.command(&typed(inbound)),
            key if aid::PF3.contains(&key) || aid::PF12.contains(&key) => return Step::Leave,
            key if aid::PF5.contains(&key) => self.find(),
            key if aid::PF7.contains(&key) => self.go(self.top.saturating_sub(page)),
            key if aid::PF8.contains(&key) => self.forward(),
            key if aid::PF10.contains(&key) => self.left = self.left.saturating_sub(SIDEWAYS),
            key if aid::PF11.contains(&key) => self.left += SIDEWAYS,
            _ => self.message = "That key does nothing here".into(),
        }
        Step::Stay
    }

    fn forward(&mut self) {
        if self.top >= self.last_top() {
            self.message = "That was the last line".into();
        }
        self.go(self.top + self.page());
    }

    fn command(&mut self, text: &str) -> Step {
        let upper = text.to_ascii_uppercase();
        if let Some(wanted) = text.strip_prefix('/') {
            self.wanted = wanted.strip_suffix('/').unwrap_or(wanted).to_ascii_uppercase();
            self.find();
            return Step::Stay;
        }
        match upper.as_str() {
            "" | "FORWARD" | "FO" | "NEXT" => self.forward(),
            "BACKWARD" | "BA" => self.go(self.top.saturating_sub(self.page())),
            "TOP" => self.go(0),
            "BOTTOM" | "BOT" => self.go(usize::MAX),
            "QUIT" | "Q" | "QQUIT" | "END" | "HX" => return Step::Leave,
            number => match number.trim_start_matches(':').parse::<usize>() {
                Ok(number) => self.go(number.saturating_sub(1)),
                Err(_) => self.message = format!("Unknown: {text}"),
            },
        }
        Step::Stay
    }

    /// The next line with what was looked for, behind the first one shown; from the top again after the last one.
    fn find(&mut self) {
        if self.wanted.is_empty() {
            self.message = "Nothing was looked for yet: type /text/".into();
            return;
        }
        let has = |line: &[u8]| line.to_ascii_uppercase().windows(self.wanted.len()).any(|part| part == self.wanted.as_bytes());
        let count = self.lines.len();
        match (1..=count).map(|step| (self.top + step) % count).find(|&at| has(&self.lines[at])) {
            Some(at) => {
                // Wanted lines stand at the top even near the end.
                self.top = at;
            }
            None => self.message = format!("Not found: {}", self.wanted),
        }
    }
}

/// What was typed on the command line: the only field that can be typed into.
fn typed(inbound: &[u8]) -> String {
    // AID, cursor address, SBA, field address, text.
    let text = inbound.get(6..).unwrap_or_default().iter().filter(|&&code| code != 0);
    let latin = text.map(|&code| char::from(ebcdic::to_latin1(code)));
    String::from(latin.collect::<String>().trim())
}

impl<C: Cp> Shell<C> {
    /// BROWSE fn ft [fm]
    pub(crate) fn browse_command(&mut self, words: &Words) -> Outcome {
        let [name, file_type, rest @ ..] = words.operands.as_slice() else { return Err(self.incomplete()) };
        if let Some(option) = words.options.first() {
            return Err(self.bad_option(option));
        }
        if let Some(surplus) = rest.get(1) {
            return Err(self.bad_operand(surplus));
        }
        let found = self.locate(name, file_type, rest.first().map_or("*", String::as_str))?;
        let mut source = self.open(&found)?;
        let (mut lines, mut line) = (Vec::new(), Vec::new());
        while self.next_line(&mut source, &mut line)? {
            lines.push(line.clone());
        }
        self.close(source)?;
        let title = format!("{found}");
        match self.browse(&title, lines) {
            None => Ok(()),
            Some(lines) => {
                lines.iter().for_each(|line| self.show_line(line));
                Ok(())
            }
        }
    }

    /// Has text looked at until the user is done with it; given back when the terminal shows no full screens.
    pub(crate) fn browse(&mut self, title: &str, lines: Vec<Vec<u8>>) -> Option<Vec<Vec<u8>>> {
        let Some(display) = self.cp.display() else { return Some(lines) };
        let mut browser = Browser::new(title, lines, display);
        while self.cp.write_screen(full_screen::ERASE_WRITE_ALTERNATE, &browser.stream()) {
            let inbound = self.cp.read_screen()?;
            match browser.key(&inbound) {
                Step::Stay => {}
                Step::Anew => browser.display = self.cp.display().unwrap_or(browser.display),
                Step::Leave => return None,
            }
        }
        Some(browser.lines)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec;

    fn browser(count: usize) -> Browser {
        let lines = (1..=count).map(|number| format!("line {number}").into_bytes()).collect();
        let display = DisplayInfo { flags: 1, code_page: 1047, default_rows: 24, default_columns: 80, rows: 24, columns: 80 };
        Browser::new("SOME FILE A1", lines, display)
    }

    fn command(browser: &mut Browser, text: &str) -> Step {
        let text: Vec<u8> = text.bytes().map(ebcdic::from_latin1).collect();
        browser.key(&[&[aid::ENTER, 0x5c, 0x60, order::SBA, 0x5c, 0x60][..], &text].concat())
    }

    #[test]
    fn pages_go_forward_and_back_and_stop_at_the_ends() {
        let mut browser = browser(45);
        assert_eq!((browser.page(), browser.key(&[aid::PF8[0]]), browser.top), (20, Step::Stay, 20));
        browser.key(&[aid::PF8[1]]);
        assert_eq!((browser.top, browser.message.as_str()), (25, ""));
        browser.key(&[aid::ENTER, 0x5c, 0x60]);
        assert_eq!((browser.top, browser.message.as_str()), (25, "That was the last line"));
        browser.key(&[aid::PF7[0]]);
        browser.key(&[aid::PF7[0]]);
        assert_eq!(browser.top, 0);
        assert_eq!((browser.key(&[aid::PF3[0]]), browser.key(&[aid::CLEAR]), browser.key(&[])), (Step::Leave, Step::Anew, Step::Stay));
    }

    #[test]
    fn commands_go_to_lines_and_find_text() {
        let mut browser = browser(100);
        command(&mut browser, "bottom");
        assert_eq!(browser.top, 80);
        command(&mut browser, "7");
        assert_eq!(browser.top, 6);
        command(&mut browser, "/LINE 50/");
        assert_eq!(browser.top, 49);
        command(&mut browser, "/line 9");
        assert_eq!(browser.top, 89);
        browser.key(&[aid::PF5[0]]);
        assert_eq!(browser.top, 90);
        command(&mut browser, "/nothing/");
        assert_eq!((browser.top, browser.message.as_str()), (90, "Not found: NOTHING"));
        command(&mut browser, "sing");
        assert_eq!(browser.message, "Unknown: sing");
        assert_eq!(["quit", "q", "hx"].map(|text| command(&mut browser, text)), [Step::Leave; 3]);
        let mut empty = self::browser(0);
        command(&mut empty, "/x");
        assert_eq!((empty.top, empty.stream().is_empty()), (0, false));
    }

    #[test]
    fn a_screen_fits_the_terminal_whatever_is_in_the_text() {
        let mut browser = browser(3);
        browser.lines = vec![vec![0xff; 5000], b"\x1b[2J".to_vec(), "# Überschrift ✓".as_bytes().to_vec()];
        let stream = browser.stream();
        // Every character is one that a terminal shows: nothing in the text is an order.
        assert!(encoded(b"\x1b[2J\x11\x3c\0").iter().all(|code| (0x40..0xff).contains(code)), "{stream:02x?}");
        assert_eq!(encoded("ü✓".as_bytes()), [ebcdic::from_latin1(0xfc), ebcdic::from_latin1(b'?')]);
        assert!(encoded(&[0xff; 3]).iter().all(|&code| code != 0xff) || ebcdic::from_latin1(0xff) != 0xff);
        assert!(stream.len() < 80 * 24 + 24 * 10);
        browser.display = DisplayInfo { rows: 62, columns: 160, ..browser.display };
        assert_eq!(browser.address(61, 159), [0x26, 0xbf]);
    }
}
