//! A 3270 screen on a terminal of text: what each position looks like, and the least that must be written to make it so. Pure.

use std::fmt::Write;

use super::keyboard::Keyboard;
use crate::presentation::{CodePage, Colour, FieldAttribute, Highlight, Size, Space, Style};
use crate::showing::PROGRAMS;

/// One position of the terminal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Drawn {
    shown: char,
    /// SGR number of the colour, 0 for the terminal's own.
    colour: u8,
    background: u8,
    bold: bool,
    underline: bool,
    blink: bool,
    reverse: bool,
}

const NOTHING: Drawn = Drawn { shown: ' ', colour: 0, background: 0, bold: false, underline: false, blink: false, reverse: false };

/// What stands on the terminal.
#[derive(Debug)]
pub(super) struct Picture {
    size: Size,
    cells: Vec<Drawn>,
    cursor: Option<(usize, usize)>,
    colour: bool,
    /// It is not known what stands there.
    unknown: bool,
}

impl Picture {
    /// A terminal of which nothing is known, with that size.
    pub(super) fn new(columns: u16, rows: u16, colour: bool) -> Self {
        let size = Size { rows, columns };
        Self { size, cells: vec![NOTHING; size.positions()], cursor: None, colour, unknown: true }
    }

    /// What to write so that the terminal shows the screen.
    pub(super) fn draw(&mut self, keyboard: &Keyboard) -> String {
        let mut wanted = vec![NOTHING; self.cells.len()];
        self.lay_out(keyboard.space(), &mut wanted);
        self.status(keyboard, &mut wanted);
        let mut out = String::new();
        if self.unknown {
            out += "\x1b[0m\x1b[2J";
            self.cells.fill(NOTHING);
            self.cursor = None;
        }
        let columns = usize::from(self.size.columns).max(1);
        let (mut pen, mut at) = (NOTHING, None);
        for (place, (new, old)) in wanted.iter().zip(&self.cells).enumerate() {
            if new == old {
                continue;
            }
            if at != Some(place) {
                // Text cannot be written to a text.
                let _ = write!(out, "\x1b[{};{}H", place / columns + 1, place % columns + 1);
            }
            set_pen(&mut out, &mut pen, new);
            out.push(new.shown);
            // The cursor of a terminal waits at the end of a row.
            at = ((place + 1) % columns != 0).then_some(place + 1);
        }
        if pen != NOTHING {
            out += "\x1b[0m";
        }
        let cursor = self.place_of(keyboard.space());
        if !out.is_empty() || self.cursor != Some(cursor) {
            let _ = write!(out, "\x1b[{};{}H", cursor.0 + 1, cursor.1 + 1);
        }
        (self.cells, self.cursor, self.unknown) = (wanted, Some(cursor), false);
        out
    }

    fn place_of(&self, space: &Space) -> (usize, usize) {
        let columns = usize::from(space.size().columns);
        let most = |number: u16| usize::from(number.max(1)) - 1;
        ((space.cursor() / columns).min(most(self.size.rows)), (space.cursor() % columns).min(most(self.size.columns)))
    }

    fn lay_out(&self, space: &Space, wanted: &mut [Drawn]) {
        let (size, cells) = (space.size(), space.cells());
        let mut ruling = space.attribute_of(cells.len() - 1);
        for (at, cell) in cells.iter().enumerate() {
            if cell.field.is_some() {
                ruling = Some(at);
            }
            let (row, column) = (at / usize::from(size.columns), at % usize::from(size.columns));
            if row >= usize::from(self.size.rows) || column >= usize::from(self.size.columns) {
                continue;
            }
            let (field, of_field) = ruling.map_or_else(Default::default, |at| (cells[at].field.unwrap_or_default(), cells[at].style));
            let place = self.size.at(row, column);
            if cell.field.is_none() && !field.is_hidden() {
                wanted[place] = self.look(field, of_field, cell.style, character(cell.code, cell.style.charset));
            }
        }
    }

    fn look(&self, field: FieldAttribute, of_field: Style, own: Style, shown: char) -> Drawn {
        let highlight = if own.highlight == Highlight::Default { of_field.highlight } else { own.highlight };
        let colour =
            [own.colour, of_field.colour].into_iter().find(|&colour| colour != Colour::Default).unwrap_or_else(|| by_attribute(field));
        if shown == ' '
            && matches!(highlight, Highlight::Default | Highlight::Intensify | Highlight::Blink)
            && own.background == of_field.background
            && own.background == Colour::Default
        {
            // A blank is a blank, whatever its colour.
            return NOTHING;
        }
        let background = if own.background == Colour::Default { of_field.background } else { own.background };
        Drawn {
            shown,
            colour: if self.colour { sgr(colour) } else { 0 },
            background: if self.colour && background != Colour::Default { sgr(background) + 10 } else { 0 },
            bold: field.is_intensified() || highlight == Highlight::Intensify,
            underline: highlight == Highlight::Underscore,
            blink: highlight == Highlight::Blink,
            reverse: highlight == Highlight::Reverse,
        }
    }

    /// The last row, where the terminal has one more than the screen.
    fn status(&self, keyboard: &Keyboard, wanted: &mut [Drawn]) {
        let (size, columns) = (keyboard.space().size(), usize::from(self.size.columns));
        if self.size.rows <= size.rows.max(24) || columns < 60 {
            return;
        }
        let wait = if keyboard.is_locked() { "X WAIT" } else { "" };
        let insert = if keyboard.inserts() { "INSERT" } else { "" };
        let cursor = keyboard.space().cursor();
        let place = format!("{:03}/{:03}", cursor / usize::from(size.columns) + 1, cursor % usize::from(size.columns) + 1);
        let left = match keyboard.is_single() {
            true => "Ctrl-] CP  every other key is the machine's".to_string(),
            false => format!("{wait:<8}{insert:<8}Ctrl-C CP  Alt-C CLEAR  Ctrl-R RESET"),
        };
        let text = format!("{left:<room$}{place}", room = columns - place.len());
        let start = self.size.at(usize::from(self.size.rows) - 1, 0);
        for (cell, shown) in wanted[start..].iter_mut().zip(text.chars()) {
            *cell = Drawn { shown, reverse: true, ..NOTHING };
        }
    }
}

/// The character of a code.
fn character(code: u8, charset: u8) -> char {
    match (charset, code) {
        (0, 0x1c) => '*',
        (0, 0x1e) => ';',
        (0, _) => match PROGRAMS.decode(code) {
            '\u{ad}' => '-',
            c if crate::text::is_control(c) => ' ',
            c => c,
        },
        // Lines and corners of the character set that Graphic Escape reaches.
        (_, 0xa2) => '─',
        (_, 0x85) => '│',
        (_, 0xc5) => '┌',
        (_, 0xd5) => '┐',
        (_, 0xc4) => '└',
        (_, 0xd4) => '┘',
        (_, 0xd3) => '┼',
        (_, 0xc6) => '├',
        (_, 0xd6) => '┤',
        (_, 0xd7) => '┬',
        (_, 0xc7) => '┴',
        (_, 0..=0x40) => ' ',
        (_, code) => match CodePage::Cp1047.decode(code) {
            c if c.is_ascii_graphic() => c,
            _ => '?',
        },
    }
}

/// The colour of a field that was given none: as a 3279 shows it.
fn by_attribute(field: FieldAttribute) -> Colour {
    match (field.is_protected(), field.is_intensified()) {
        (false, false) => Colour::Green,
        (false, true) => Colour::Red,
        (true, false) => Colour::Blue,
        (true, true) => Colour::Neutral,
    }
}

fn sgr(colour: Colour) -> u8 {
    match colour {
        Colour::Blue => 94,
        Colour::Red => 91,
        Colour::Pink => 95,
        Colour::Green => 92,
        Colour::Turquoise => 96,
        Colour::Yellow => 93,
        Colour::Neutral | Colour::Default => 97,
    }
}

/// Has what follows look like that.
fn set_pen(out: &mut String, pen: &mut Drawn, new: &Drawn) {
    let wanted = Drawn { shown: ' ', ..*new };
    if *pen == wanted {
        return;
    }
    *pen = wanted;
    out.push_str("\x1b[0");
    for (set, code) in [
        (new.bold, 1),
        (new.underline, 4),
        (new.blink, 5),
        (new.reverse, 7),
        (new.colour > 0, new.colour),
        (new.background > 0, new.background),
    ] {
        if set {
            let _ = write!(out, ";{code}");
        }
    }
    out.push('m');
}

#[cfg(test)]
mod tests {
    use super::super::keyboard::Key;
    use super::*;

    /// A title in white, an input field, a secret one, a reversed word.
    fn keyboard() -> Keyboard {
        let mut keyboard = Keyboard::new();
        let text = |text: &str| PROGRAMS.encode_text(text);
        let stream = [
            &[0xf5, 0xc3, 0x1d, 0xf8][..],
            &text("TITLE [^]"),
            &[0x11, 0xc1, 0x50, 0x1d, 0x40, 0x13],
            &text("in"),
            &[0x11, 0xc2, 0x60, 0x1d, 0x4c],
            &text("secret"),
            &[0x1d, 0xf0, 0x28, 0x41, 0xf2],
            &text("rev"),
            &[0x28, 0, 0, 0x08, 0xc5],
        ];
        keyboard.obey(&stream.concat(), Size::MODEL_2).unwrap();
        keyboard
    }

    fn on(columns: u16, rows: u16, written: &[&str]) -> vt100::Parser {
        let mut terminal = vt100::Parser::new(rows, columns, 0);
        written.iter().for_each(|text| terminal.process(text.as_bytes()));
        terminal
    }

    #[test]
    fn the_last_row_says_which_key_calls_cp() {
        let mut keyboard = keyboard();
        keyboard.set_single(true);
        let terminal = on(80, 25, &[&Picture::new(80, 25, true).draw(&keyboard)]);
        let row = terminal.screen().rows(0, 80).last().unwrap();
        assert!(row.contains("Ctrl-] CP") && !row.contains("Ctrl-C"), "{row}");
    }

    #[test]
    fn a_screen_is_drawn_as_a_3279_shows_it() {
        let mut picture = Picture::new(80, 25, true);
        let terminal = on(80, 25, &[&picture.draw(&keyboard())]);
        let screen = terminal.screen();
        let rows: Vec<String> = screen.rows(0, 80).map(|row| row.trim_end().to_string()).collect();
        assert_eq!(rows[..3], [" TITLE [^]", " in", "        rev┌"]);
        assert!(rows[24].ends_with("002/002") && rows[24].contains("Ctrl-C CP"), "{rows:?}");
        assert_eq!(screen.cursor_position(), (1, 1));
        let cell = |row, column| screen.cell(row, column).unwrap();
        assert_eq!((cell(0, 1).fgcolor(), cell(0, 1).bold()), (vt100::Color::Idx(15), true));
        assert_eq!((cell(1, 1).fgcolor(), cell(2, 8).inverse(), cell(2, 11).inverse()), (vt100::Color::Idx(10), true, false));
    }

    #[test]
    fn only_what_changed_is_written() {
        let (mut picture, mut keyboard) = (Picture::new(80, 24, true), keyboard());
        let first = picture.draw(&keyboard);
        assert_eq!(picture.draw(&keyboard), "");
        keyboard.press(Key::Right);
        assert_eq!(picture.draw(&keyboard), "\x1b[2;3H", "the cursor alone");
        keyboard.press(Key::Character('x'));
        let change = picture.draw(&keyboard);
        assert!(change.len() < 30, "{change:?}");
        let terminal = on(80, 24, &[&first, "\x1b[2;3H", &change]);
        assert_eq!(terminal.screen().rows(0, 80).nth(1).unwrap().trim_end(), " ix");
    }

    #[test]
    fn without_colour_there_is_none_and_a_small_terminal_shows_a_part() {
        let mut picture = Picture::new(40, 10, false);
        let written = picture.draw(&keyboard());
        assert!((91..=97).all(|colour| !written.contains(&format!(";{colour}m"))) && written.contains("\x1b[0;7m"), "{written:?}");
        let terminal = on(40, 10, &[&written]);
        assert_eq!(terminal.screen().rows(0, 40).next().unwrap().trim_end(), " TITLE [^]");
        assert!(Picture::new(0, 0, true).draw(&keyboard()).len() < 40);
    }
}
