//! The text display of a VGA: the controller's registers, and what is on the screen.
//!
//! The page itself is ordinary storage at B8000, which is what keeps storing into it cheap; [`Display::screen`] reads it out.

pub mod spec;

use spec::{PORTS, REGISTERS, SHAPE, STATUS, register};

/// The controller.
#[derive(Clone, Debug)]
pub struct Display {
    index: u8,
    registers: [u8; REGISTERS],
    retrace: bool,
}

impl Default for Display {
    fn default() -> Self {
        let mut registers = [0; REGISTERS];
        // Mode 3 as a BIOS leaves it.
        registers[..0x10].copy_from_slice(&[0x5f, 0x4f, 0x50, 0x82, 0x55, 0x81, 0xbf, 0x1f, 0, 0x4f, 0x0d, 0x0e, 0, 0, 0, 0]);
        Self { index: 0, registers, retrace: false }
    }
}

/// One position of a screen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Cell {
    /// Code page 437.
    pub character: u8,
    /// Background and foreground.
    pub attribute: u8,
}

/// What is on the screen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Screen {
    /// Rows of cells, from the top.
    pub rows: Vec<Vec<Cell>>,
    /// Row and column; `None` when it is off or elsewhere.
    pub cursor: Option<(usize, usize)>,
}

impl Screen {
    /// A row as text, without blanks at its end. Characters outside ASCII are dots.
    pub fn text(&self, row: usize) -> String {
        let shown = |cell: &Cell| if matches!(cell.character, b' '..=b'~') { char::from(cell.character) } else { '.' };
        let blank = |cell: &Cell| if cell.character == 0 { ' ' } else { shown(cell) };
        self.rows.get(row).map_or_else(String::new, |row| row.iter().map(blank).collect::<String>().trim_end().to_string())
    }
}

impl Display {
    fn word(&self, high: u8) -> usize {
        usize::from(self.registers[usize::from(high)]) << 8 | usize::from(self.registers[usize::from(high) + 1])
    }

    /// Where the cursor is, counted in cells.
    pub fn cursor(&self) -> usize {
        self.word(register::CURSOR_HIGH)
    }

    /// Moves the cursor, for the BIOS.
    pub fn set_cursor(&mut self, cell: usize) {
        self.registers[usize::from(register::CURSOR_HIGH)] = (cell >> 8) as u8;
        self.registers[usize::from(register::CURSOR_LOW)] = cell as u8;
    }

    /// What the bytes of the page ([`spec::PAGE`]) show. A page that is too short is blank at its end.
    pub fn screen(&self, page: &[u8]) -> Screen {
        let (columns, rows) = SHAPE;
        let start = self.word(register::START_HIGH);
        let cell = |at: usize| {
            let at = (start + at) * 2 % spec::PAGE_SIZE as usize;
            page.get(at..at + 2).map_or_else(Cell::default, |pair| Cell { character: pair[0], attribute: pair[1] })
        };
        let row = |row: usize| (0..columns).map(|column| cell(row * columns + column)).collect();
        let shown = self.registers[usize::from(register::CURSOR_START)] & 0x20 == 0;
        let place = self.cursor().checked_sub(start).filter(|place| shown && *place < columns * rows);
        Screen { rows: (0..rows).map(row).collect(), cursor: place.map(|place| (place / columns, place % columns)) }
    }

    /// Reads a port of [`spec`].
    pub fn read(&mut self, port: u16) -> u8 {
        match port {
            STATUS => {
                // Whoever waits for a retrace, or for its end, sees it at the second look.
                self.retrace = !self.retrace;
                if self.retrace { 0x09 } else { 0 }
            }
            port if port == PORTS[0] => self.index,
            _ => self.registers.get(usize::from(self.index)).copied().unwrap_or(0),
        }
    }

    /// Writes a port of [`spec`].
    pub fn write(&mut self, port: u16, value: u8) {
        if port == PORTS[0] {
            self.index = value;
        } else if port == PORTS[1]
            && let Some(register) = self.registers.get_mut(usize::from(self.index))
        {
            *register = value;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(display: &mut Display, index: u8, value: u8) {
        display.write(0x3d4, index);
        display.write(0x3d5, value);
    }

    #[test]
    fn the_cursor_is_where_the_registers_say_and_they_read_back() {
        let mut display = Display::default();
        set(&mut display, register::CURSOR_HIGH, 1);
        set(&mut display, register::CURSOR_LOW, 0x41);
        display.write(0x3d4, 0x0e);
        assert_eq!((display.read(0x3d4), display.read(0x3d5)), (0x0e, 1));
        assert_eq!(display.screen(&[]).cursor, Some((4, 1)));
        set(&mut display, register::CURSOR_START, 0x20);
        assert_eq!(display.screen(&[]).cursor, None);
        set(&mut display, 0xff, 1);
        assert_eq!(display.read(0x3d5), 0);
    }

    #[test]
    fn the_page_is_read_out_from_the_start_address() {
        let mut page = vec![0; spec::PAGE_SIZE as usize];
        for (at, byte) in b"Hello".iter().enumerate() {
            page[160 + 2 * at] = *byte;
            page[160 + 2 * at + 1] = 7;
        }
        let mut display = Display::default();
        assert_eq!((display.screen(&page).text(0), display.screen(&page).text(1)), (String::new(), "Hello".to_string()));
        set(&mut display, register::START_LOW, 80);
        assert_eq!(display.screen(&page).text(0), "Hello");
        assert_eq!(display.screen(&page).rows[0][1], Cell { character: b'e', attribute: 7 });
        set(&mut display, register::START_HIGH, 0xff);
        assert_eq!(display.screen(&page).rows.len(), 25);
        assert_eq!(display.screen(&page).text(99), "");
    }
}
