//! INT 10: characters on the text page.

use super::frame::{Frame, Register};
use crate::Storage;
use crate::display::Display;
use crate::display::spec::{PAGE, SHAPE};

const BLANK: [u8; 2] = [b' ', 7];

/// Where the cursor is and what it writes to.
pub(super) struct Terminal<'a> {
    pub(super) display: &'a mut Display,
    pub(super) storage: &'a dyn Storage,
    /// What a console that shows no screen is to show.
    pub(super) output: &'a mut Vec<u8>,
}

impl Terminal<'_> {
    fn put(&self, cell: usize, pair: [u8; 2]) {
        if cell < SHAPE.0 * SHAPE.1 {
            self.storage.store(PAGE + 2 * cell as u64, &pair);
        }
    }

    /// Moves rows up; the last ones become blank. All of them when `rows` is 0.
    fn scroll(&self, rows: usize) {
        let rows = if rows == 0 { SHAPE.1 } else { rows.min(SHAPE.1) };
        let row = SHAPE.0 * 2;
        let mut page = vec![0; row * SHAPE.1];
        self.storage.load(PAGE, &mut page);
        page.drain(..rows * row);
        page.extend(BLANK.repeat(rows * SHAPE.0));
        self.storage.store(PAGE, &page);
    }

    fn teletype(&mut self, byte: u8) {
        self.output.push(byte);
        let (columns, rows) = SHAPE;
        let cursor = self.display.cursor().min(columns * rows - 1);
        let next = match byte {
            7 => cursor,
            8 => cursor - usize::from(!cursor.is_multiple_of(columns)),
            b'\r' => cursor - cursor % columns,
            b'\n' => cursor + columns,
            byte => {
                self.put(cursor, [byte, BLANK[1]]);
                cursor + 1
            }
        };
        if next >= columns * rows {
            self.scroll(1);
            self.display.set_cursor(next - columns);
        } else {
            self.display.set_cursor(next);
        }
    }

    pub(super) fn call(&mut self, frame: &mut Frame) {
        let columns = SHAPE.0;
        let low = frame.low(Register::Ax);
        match frame.high(Register::Ax) {
            0x00 => {
                self.scroll(0);
                self.display.set_cursor(0);
            }
            0x02 => {
                let place = frame.get(Register::Dx);
                self.display.set_cursor(usize::from(place >> 8) * columns + usize::from(place & 0xff));
            }
            0x03 => {
                let cursor = self.display.cursor();
                frame.set(Register::Dx, ((cursor / columns) as u16) << 8 | (cursor % columns) as u16);
                frame.set(Register::Cx, 0x0607);
            }
            0x06 | 0x07 if frame.high(Register::Ax) == 6 || low == 0 => self.scroll(usize::from(low)),
            service @ (0x09 | 0x0a) => {
                let attribute = if service == 9 { frame.low(Register::Bx) } else { BLANK[1] };
                let cursor = self.display.cursor();
                let count = usize::from(frame.get(Register::Cx)).min(columns * SHAPE.1);
                (cursor..cursor + count).for_each(|cell| self.put(cell, [low, attribute]));
            }
            0x0e => self.teletype(low),
            0x0f => {
                frame.set(Register::Ax, (columns as u16) << 8 | 3);
                frame.set_high(Register::Bx, 0);
            }
            0x13 => self.string(frame),
            _ => {}
        }
    }

    fn string(&mut self, frame: &Frame) {
        let place = frame.get(Register::Dx);
        self.display.set_cursor(usize::from(place >> 8) * SHAPE.0 + usize::from(place & 0xff));
        let mut text = vec![0; usize::from(frame.get(Register::Cx)).min(SHAPE.0 * SHAPE.1)];
        // The text is at ES:BP; bit 1 of the mode says that attributes are between the characters.
        if self.storage.load(frame.far(Register::Es, Register::Bp), &mut text) {
            let step = if frame.low(Register::Ax) & 2 != 0 { 2 } else { 1 };
            text.iter().step_by(step).for_each(|&byte| self.teletype(byte));
        }
    }
}
