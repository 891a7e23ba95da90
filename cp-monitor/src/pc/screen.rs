//! The text screen of a PC machine on a 3270 presentation space (TERMINAL CONMODE 3270), and the keys that come from there. Pure.
//!
//! Everything is protected but a field that begins at the PC's cursor: what is typed there goes to the PC's keyboard with Enter or a function key. Where the
//! cursor's line has no room, the field is the terminal's last line.

use console::Display;
use console::presentation::inbound::{Aid, Inbound};
use console::presentation::outbound::Command;
use console::presentation::{CodePage, Size, address};
use pc_platform::display::{Cell, Screen};

/// What programs write to a console's screen in.
const PAGE: CodePage = CodePage::Cp1047;
/// Orders, and their values (IBM 3270 Data Stream Programmer's Reference, chapter 4).
const SET_ADDRESS: u8 = 0x11;
const START_FIELD: u8 = 0x1d;
const INSERT_CURSOR: u8 = 0x13;
const SET_ATTRIBUTE: u8 = 0x28;
const FOREGROUND: u8 = 0x42;
const HIGHLIGHT: u8 = 0x41;
const REVERSE: u8 = 0xf2;
const PROTECTED: u8 = 0x60;
const OPEN: u8 = 0x40;
/// Write control characters: unlock the keyboard, and with that the fields are as if nothing had been typed.
const UNLOCK: u8 = 0xc2;
const BEGIN: u8 = 0xc3;
/// Least positions of a field in the cursor's line.
const ROOM: usize = 8;
/// 3270 colours of the eight colours of a PC.
const COLOURS: [u8; 8] = [0, 0xf1, 0xf4, 0xf5, 0xf2, 0xf3, 0xf6, 0xf7];
/// What a 3270 has for the upper half of code page 437.
#[rustfmt::skip]
const UPPER: [&str; 8] = [
    "ÇüéâäàåçêëèïîìÄÅ", "ÉæÆôöòûùÿÖÜ¢£¥Pf", "áíóúñÑªº¿-¬½¼¡«»", "###|++++++|+++++",
    "++++-++++++++=++", "+++++++++++#_||^", "aßGpSsµtFTOd8fen", "=±><fj÷~°··vn²# ",
];

/// What keys a person pressed at the terminal are to the PC.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Pressed {
    /// Characters, then perhaps a function key.
    Keys(Vec<u8>, Option<u8>),
    /// Nothing; the screen is to be shown again.
    Again,
}

/// Keeps a terminal showing what the PC's screen shows.
#[derive(Default)]
pub(super) struct Painter {
    shown: Option<(Screen, Size)>,
}

/// The field that can be typed into: its attribute, and the attribute behind it.
struct Field {
    begin: usize,
    end: usize,
}

impl Field {
    /// Whether a position can be typed into, or will be the attribute before those. The attribute of a field at the very beginning is at the end.
    fn holds(&self, at: usize) -> bool {
        if self.begin < self.end { (self.begin..self.end).contains(&at) } else { at < self.end }
    }
}

impl Painter {
    /// The write that makes a terminal show this screen; `None` when it does. `is_up` says whether what was written last is still there.
    pub(super) fn paint(&mut self, screen: &Screen, display: Display, is_up: bool) -> Option<(Command, Vec<u8>)> {
        let (default, alternate) = display.sizes;
        let large = usize::from(alternate.rows) >= screen.rows.len();
        let size = if large { alternate } else { default };
        let before = self.shown.take().filter(|(_, shown)| is_up && *shown == size);
        let picture = Picture { screen, size, extended: display.extended };
        let write = match &before {
            Some((before, _)) if before == screen => None,
            Some((before, _)) if picture.keeps_field(before) => Some((Command::Write, picture.changes(before))),
            _ => Some((if large { Command::EraseWriteAlternate } else { Command::EraseWrite }, picture.whole())),
        };
        self.shown = Some((screen.clone(), size));
        write
    }

    /// What a key is to the PC. The screen is shown anew after it, whatever the PC makes of it.
    pub(super) fn pressed(&mut self, inbound: &Inbound) -> Pressed {
        self.shown = None;
        let typed: String = inbound.fields.iter().map(|(_, codes)| PAGE.decode_text(codes)).collect();
        let mut keys = match typed.as_bytes() {
            [b'^', letter @ b'@'..=b'_'] => return Pressed::Keys(vec![letter & 0x1f], None),
            typed => typed.to_vec(),
        };
        match inbound.aid {
            Aid::Enter => {
                keys.push(b'\n');
                Pressed::Keys(keys, None)
            }
            Aid::Pf(number @ 1..=12) => Pressed::Keys(keys, Some(number)),
            _ => Pressed::Again,
        }
    }
}

/// A screen on a terminal of some size.
struct Picture<'a> {
    screen: &'a Screen,
    size: Size,
    extended: bool,
}

impl Picture<'_> {
    /// The first line that is shown: all of them, or those that end with the cursor's.
    fn top(screen: &Screen, size: Size) -> usize {
        let rows = usize::from(size.rows);
        let cursor = screen.cursor.map_or(0, |(row, _)| row);
        (cursor + 1).saturating_sub(rows)
    }

    fn lines(&self) -> impl Iterator<Item = (usize, &Vec<Cell>)> {
        let shown = self.screen.rows.iter().skip(Self::top(self.screen, self.size));
        shown.take(usize::from(self.size.rows)).enumerate()
    }

    fn at(&self, row: usize, column: usize) -> usize {
        row * usize::from(self.size.columns) + column
    }

    fn field(&self) -> Field {
        let width = self.screen.rows.first().map_or(0, Vec::len).min(usize::from(self.size.columns));
        if let Some((row, column)) = self.screen.cursor {
            let free = self.screen.rows[row].iter().take(width).skip(column).take_while(|cell| is_blank(cell)).count();
            if free > ROOM {
                let begin = self.at(row - Self::top(self.screen, self.size), column);
                let positions = self.size.positions();
                return Field { begin: (begin + positions - 1) % positions, end: begin + free - 1 };
            }
        }
        let last = self.at(usize::from(self.size.rows) - 1, 0);
        Field { begin: last, end: last + usize::from(self.size.columns) - 1 }
    }

    /// Whether the field is where it was, in a line that has not changed.
    fn keeps_field(&self, before: &Screen) -> bool {
        let line = |screen: &Screen| screen.cursor.and_then(|(row, _)| screen.rows.get(row).cloned());
        let last = |screen: &Screen| screen.rows.last().cloned();
        before.cursor == self.screen.cursor && line(before) == line(self.screen) && last(before) == last(self.screen)
    }

    fn changes(&self, before: &Screen) -> Vec<u8> {
        let mut stream = vec![UNLOCK];
        let top = Self::top(self.screen, self.size);
        for (row, cells) in self.lines().filter(|(row, cells)| before.rows.get(top + row) != Some(cells)) {
            self.line(&mut stream, row, cells, None);
        }
        stream
    }

    fn whole(&self) -> Vec<u8> {
        let field = self.field();
        let mut stream = vec![BEGIN];
        for (row, cells) in self.lines() {
            self.line(&mut stream, row, cells, Some(&field));
        }
        for (at, attribute) in [(field.begin, OPEN), (field.end, PROTECTED)] {
            self.go(&mut stream, at);
            stream.extend([START_FIELD, attribute]);
        }
        self.go(&mut stream, (field.begin + 1) % self.size.positions());
        stream.push(INSERT_CURSOR);
        stream
    }

    fn go(&self, stream: &mut Vec<u8>, at: usize) {
        stream.push(SET_ADDRESS);
        stream.extend(address::encode(at, self.size.positions()));
    }

    fn line(&self, stream: &mut Vec<u8>, row: usize, cells: &[Cell], field: Option<&Field>) {
        self.go(stream, self.at(row, 0));
        let (mut colour, mut reverse) = (0, false);
        for (column, cell) in cells.iter().take(usize::from(self.size.columns)).enumerate() {
            let at = self.at(row, column);
            if field.is_some_and(|field| field.holds(at)) {
                // Nulls: what is sent of the field is what was typed.
                stream.push(0);
                continue;
            }
            if self.extended {
                let (fore, back) = (cell.attribute & 7, cell.attribute >> 4 & 7);
                let wanted = (COLOURS[usize::from(if back == 0 { fore } else { back })], back != 0);
                if wanted.0 != colour {
                    stream.extend([SET_ATTRIBUTE, FOREGROUND, wanted.0]);
                }
                if wanted.1 != reverse {
                    stream.extend([SET_ATTRIBUTE, HIGHLIGHT, if wanted.1 { REVERSE } else { 0 }]);
                }
                (colour, reverse) = wanted;
            }
            stream.push(PAGE.encode(character(cell.character)));
        }
        if colour != 0 || reverse {
            stream.extend([SET_ATTRIBUTE, 0, 0]);
        }
    }
}

fn is_blank(cell: &Cell) -> bool {
    matches!(cell.character, 0 | b' ') && cell.attribute >> 4 & 7 == 0
}

fn character(code: u8) -> char {
    match code {
        0 | 0xff => ' ',
        b' '..=b'~' => char::from(code),
        0x80.. => UPPER[usize::from(code >> 4) - 8].chars().nth(usize::from(code & 0xf)).unwrap_or('.'),
        _ => '.',
    }
}

#[cfg(test)]
mod tests {
    use console::presentation::Space;

    use super::*;

    const MODEL_2: Display = Display { sizes: (Size::MODEL_2, Size::MODEL_2), extended: true };
    const MODEL_4: Display = Display { sizes: (Size::MODEL_2, Size::MODEL_4), extended: true };

    fn screen(lines: &[(usize, &str)], cursor: (usize, usize)) -> Screen {
        let mut rows = vec![vec![Cell { character: b' ', attribute: 7 }; 80]; 25];
        for (row, text) in lines {
            text.bytes().enumerate().for_each(|(column, byte)| rows[*row][column].character = byte);
        }
        Screen { rows, cursor: Some(cursor) }
    }

    /// A terminal that was written to.
    fn terminal(size: Size, writes: &[(Command, Vec<u8>)]) -> Space {
        let mut space = Space::new(size);
        for (command, data) in writes {
            space.apply(*command, data, (Size::MODEL_2, size)).expect("a valid stream");
        }
        space
    }

    #[test]
    fn a_screen_is_shown_and_what_is_typed_at_its_cursor_goes_to_the_keyboard() {
        let mut painter = Painter::default();
        let first = painter.paint(&screen(&[(0, "SeaBIOS"), (1, "A:\\>")], (1, 4)), MODEL_4, false).expect("a write");
        assert_eq!(first.0, Command::EraseWriteAlternate);
        let mut space = terminal(Size::MODEL_4, &[first]);
        assert_eq!((space.row_text(0, PAGE).trim_end(), space.row_text(1, PAGE).trim_end()), ("SeaBIOS", "A:\\"));
        let inbound = Inbound { aid: Aid::Enter, cursor: 84, fields: vec![(84, PAGE.encode_text("dir"))] };
        assert!(space.typed(&inbound).contains(&84), "it can be typed into");
        assert_eq!(painter.pressed(&inbound), Pressed::Keys(b"dir\n".to_vec(), None));
        let key = |aid, text: &str| Inbound { aid, cursor: 0, fields: vec![(84, PAGE.encode_text(text))] };
        assert_eq!(painter.pressed(&key(Aid::Pf(3), "")), Pressed::Keys(Vec::new(), Some(3)));
        assert_eq!(painter.pressed(&key(Aid::Enter, "^C")), Pressed::Keys(vec![3], None));
        assert_eq!(painter.pressed(&key(Aid::Clear, "")), Pressed::Again);
    }

    #[test]
    fn only_lines_that_changed_are_written_as_long_as_the_cursor_stays() {
        let mut painter = Painter::default();
        let before = screen(&[(3, "12:00")], (20, 0));
        painter.paint(&before, MODEL_4, false);
        assert_eq!(painter.paint(&before, MODEL_4, true), None);
        let (command, data) = painter.paint(&screen(&[(3, "12:01")], (20, 0)), MODEL_4, true).expect("a change");
        assert!(command == Command::Write && data.len() < 120, "{command:?} {}", data.len());
        let (command, _) = painter.paint(&screen(&[(3, "12:01")], (20, 1)), MODEL_4, true).expect("a change");
        assert_eq!(command, Command::EraseWriteAlternate);
        assert!(painter.paint(&screen(&[(3, "12:01")], (20, 1)), MODEL_4, false).is_some(), "something else was shown");
    }

    #[test]
    fn a_small_terminal_shows_the_lines_that_end_with_the_cursors() {
        let mut painter = Painter::default();
        let (command, data) = painter.paint(&screen(&[(0, "first"), (1, "second"), (24, "$ ")], (24, 2)), MODEL_2, false).expect("a write");
        assert_eq!(command, Command::EraseWrite);
        let space = terminal(Size::MODEL_2, &[(command, data)]);
        assert_eq!((space.row_text(0, PAGE).trim_end(), space.row_text(23, PAGE).trim_end()), ("second", "$"));
    }

    #[test]
    fn any_page_is_a_valid_stream() {
        let any = (0..=255_u8).cycle();
        let mut page = any.clone().zip(any.skip(7)).map(|(character, attribute)| Cell { character, attribute });
        let rows: Vec<Vec<Cell>> = (0..25).map(|_| page.by_ref().take(80).collect()).collect();
        for cursor in [None, Some((0, 0)), Some((24, 79)), Some((12, 40))] {
            for display in [MODEL_2, MODEL_4, Display { sizes: (Size::MODEL_2, Size::MODEL_5), extended: false }] {
                let screen = Screen { rows: rows.clone(), cursor };
                let (command, data) = Painter::default().paint(&screen, display, false).expect("a write");
                let size = if command == Command::EraseWrite { display.sizes.0 } else { display.sizes.1 };
                terminal(size, &[(command, data)]);
            }
        }
    }
}
