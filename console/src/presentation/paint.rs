//! Making a terminal show what it should: a data stream that turns one screen into another.

use std::ops::Range;

use super::outbound::{Command, order, wcc};
use super::{Cell, FieldAttribute, Size, Space, Style, address, kind};

/// Shortest run of equal characters that is sent as one Repeat to Address: what that costs.
const REPEAT: usize = 5;
/// Equal positions that are sent again rather than skipped: what an address costs.
const GAP: usize = 3;

/// What a terminal shows, as far as CP knows.
#[derive(Clone, Debug)]
pub struct Shown(Option<Space>);

impl Shown {
    /// Nothing is known: the next painting begins with an erase.
    pub fn unknown() -> Self {
        Self(None)
    }

    /// What it shows, if that is known.
    pub fn space(&mut self) -> Option<&mut Space> {
        self.0.as_mut()
    }

    /// What is at these positions may be anything: the user typed there.
    pub fn forget(&mut self, positions: Range<usize>) {
        if let Some(space) = &mut self.0 {
            let unknown = Cell { style: Style { charset: 0xff, ..Style::default() }, ..Cell::default() };
            positions.for_each(|at| space.put(at, unknown));
        }
    }
}

impl How {
    /// For a screen that a person is to begin with: nothing typed yet, the cursor in its place, the keyboard unlocked.
    pub fn afresh() -> Self {
        Self { restore: true, reset: true, cursor: true, ..Self::default() }
    }
}

/// Paints for a terminal that can do so much.
#[derive(Clone, Copy, Debug)]
pub struct Painter {
    /// It takes extended colours and highlighting.
    pub extended: bool,
    /// Sizes of Erase/Write and Erase/Write Alternate.
    pub sizes: (Size, Size),
}

/// How a screen is to be painted.
#[derive(Clone, Debug, Default)]
pub struct How {
    /// Positions that are the user's: what was typed there stays.
    pub keep: Range<usize>,
    /// The keyboard is unlocked.
    pub restore: bool,
    /// The modified data tags are reset: what was typed is done with.
    pub reset: bool,
    /// The cursor is put where the screen has it.
    pub cursor: bool,
    /// The alarm sounds.
    pub alarm: bool,
}

impl Painter {
    /// The command and data that make a terminal show `wanted`; nothing when it does so already and nothing else is to be done.
    pub fn paint(&self, shown: &mut Shown, wanted: &Space, how: &How) -> Option<Vec<u8>> {
        let before = shown.0.take().filter(|before| before.size == wanted.size);
        let (command, mut base) = match before {
            Some(before) => (Command::Write, before),
            None if wanted.size == self.sizes.0 => (Command::EraseWrite, Space::new(wanted.size)),
            None => (Command::EraseWriteAlternate, Space::new(wanted.size)),
        };
        let erases = command != Command::Write;
        if how.reset {
            // As the terminal does before it takes the orders.
            base.reset_modified();
        }
        let bits = if how.alarm { wcc::ALARM } else { 0 }
            | if how.restore { wcc::RESTORE } else { 0 }
            | if how.reset { wcc::RESET_MODIFIED } else { 0 };
        let mut stream =
            Stream { data: vec![command.to_byte(), wcc::byte(bits)], style: Style::default(), at: None, extended: self.extended };
        let start = stream.data.len();
        let keep = if erases { 0..0 } else { how.keep.clone() };
        let differs = |at: usize| !keep.contains(&at) && base.cells[at] != wanted.cells[at];
        let mut at = 0;
        while at < wanted.cells.len() {
            if !differs(at) {
                at += 1;
                continue;
            }
            let end = stretch_end(at, wanted.cells.len(), &differs, |at| keep.contains(&at));
            stream.send(wanted, at, end);
            at = end;
        }
        if how.cursor || erases {
            stream.address(wanted.cursor, wanted.cells.len());
            stream.data.push(order::IC);
        }
        let idle = stream.data.len() == start && !erases && bits == 0;
        *shown = Shown(Some(wanted.clone()));
        (!idle).then_some(stream.data)
    }
}

/// Where a stretch that differs from `at` on ends: a few equal positions in it are sent again, the user's never.
fn stretch_end(at: usize, count: usize, differs: &impl Fn(usize) -> bool, is_kept: impl Fn(usize) -> bool) -> usize {
    let mut end = at + 1;
    for next in at + 1..count {
        if differs(next) {
            end = next + 1;
        } else if is_kept(next) || next >= end + GAP {
            break;
        }
    }
    end
}

/// A data stream that is being made.
struct Stream {
    data: Vec<u8>,
    /// Character attributes that hold now.
    style: Style,
    /// Where the next character goes, when that is known.
    at: Option<usize>,
    extended: bool,
}

impl Stream {
    fn address(&mut self, at: usize, positions: usize) {
        if self.at != Some(at) {
            self.data.push(order::SBA);
            self.data.extend(address::encode(at, positions));
        }
        self.at = Some(at);
    }

    /// Sends the stretch that `end` ends; see [`stretch_end`].
    fn send(&mut self, wanted: &Space, mut at: usize, end: usize) {
        let count = wanted.cells.len();
        self.address(at, count);
        while at < end {
            at = self.cell(wanted, at, end);
        }
        self.at = (end < count).then_some(end);
    }

    fn cell(&mut self, wanted: &Space, at: usize, end: usize) -> usize {
        let cell = wanted.cells[at];
        if let Some(field) = cell.field {
            self.field(field, cell.style);
            return at + 1;
        }
        self.style(cell.style);
        let run = wanted.cells[at..end].iter().take_while(|next| **next == cell).count();
        if run > REPEAT {
            let to = (at + run) % wanted.cells.len();
            self.data.push(order::RA);
            self.data.extend(address::encode(to, wanted.cells.len()));
            self.character(cell);
            return at + run;
        }
        self.character(cell);
        at + 1
    }

    fn character(&mut self, cell: Cell) {
        if cell.style.charset != 0 {
            self.data.push(order::GE);
        }
        self.data.push(cell.code);
    }

    fn field(&mut self, field: FieldAttribute, style: Style) {
        let pairs: Vec<(u8, u8)> = style.pairs().filter(|_| self.extended).collect();
        if pairs.is_empty() {
            self.data.extend([order::SF, field.to_byte()]);
            return;
        }
        self.data.extend([order::SFE, pairs.len() as u8 + 1, kind::FIELD, field.to_byte()]);
        pairs.into_iter().for_each(|(attribute, value)| self.data.extend([attribute, value]));
    }

    /// Has characters from here on look so.
    fn style(&mut self, style: Style) {
        // The escaped set comes with Graphic Escape.
        let style = Style { charset: 0, ..style };
        if !self.extended || style == self.style {
            return;
        }
        for (attribute, value) in style.pairs_from(self.style) {
            self.data.extend([order::SA, attribute, value]);
        }
        self.style = style;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::presentation::{Colour, Highlight};
    use proptest::prelude::*;

    const SIZES: (Size, Size) = (Size::MODEL_2, Size::MODEL_5);
    const PAINTER: Painter = Painter { extended: true, sizes: SIZES };

    /// A terminal that obeys.
    fn obey(terminal: &mut Space, data: &[u8]) {
        terminal.apply(Command::from_byte(data[0]).unwrap(), &data[1..], SIZES).unwrap();
    }

    fn screens() -> impl Strategy<Value = Space> {
        let cell = prop_oneof![
            8 => prop::sample::select(vec![0u8, 0x40, 0xc1, 0xc2]).prop_map(Cell::character),
            2 => (any::<u8>(), 0..3u8).prop_map(|(byte, colour)| Cell {
                style: Style { colour: [Colour::Default, Colour::Red, Colour::Blue][usize::from(colour)], ..Style::default() },
                ..Cell::attribute(FieldAttribute::from_byte(byte))
            }),
            1 => prop::sample::select(vec![Highlight::Reverse, Highlight::Blink])
                .prop_map(|highlight| Cell { style: Style { highlight, ..Style::default() }, ..Cell::character(0xd1) }),
            1 => Just(Cell { style: Style { charset: 0xf1, ..Style::default() }, ..Cell::character(0xa2) }),
        ];
        let some = prop::collection::vec((0..1920usize, 1..200usize, cell), 0..30);
        (some, 0..1920usize).prop_map(|(runs, cursor)| {
            let mut space = Space::new(Size::MODEL_2);
            for (at, length, cell) in runs {
                (at..at + length).for_each(|at| space.put(at, cell));
            }
            space.set_cursor(cursor);
            space
        })
    }

    proptest! {
        #[test]
        fn a_terminal_that_obeys_shows_what_is_wanted(screens in prop::collection::vec(screens(), 1..5)) {
            let (mut shown, mut terminal) = (Shown::unknown(), Space::new(Size::MODEL_5));
            for wanted in &screens {
                if let Some(data) = PAINTER.paint(&mut shown, wanted, &How::afresh()) {
                    obey(&mut terminal, &data);
                }
                // Tags are reset before the orders, which set them again.
                prop_assert_eq!(&terminal, wanted);
            }
        }

        #[test]
        fn what_is_the_users_stays(first in screens(), second in screens(), typed in 100..1700usize) {
            let (mut shown, mut terminal) = (Shown::unknown(), Space::new(Size::MODEL_2));
            obey(&mut terminal, &PAINTER.paint(&mut shown, &first, &How::default()).unwrap());
            let keep = typed..typed + 150;
            let mine: Vec<Cell> = keep.clone().map(|at| Cell::character((at % 60) as u8 + 0xc1)).collect();
            keep.clone().zip(&mine).for_each(|(at, cell)| terminal.put(at, *cell));
            if let Some(data) = PAINTER.paint(&mut shown, &second, &How { keep: keep.clone(), ..How::default() }) {
                obey(&mut terminal, &data);
            }
            prop_assert_eq!(&terminal.cells()[keep.clone()], &mine[..]);
            prop_assert_eq!(&terminal.cells()[..keep.start], &second.cells()[..keep.start]);
            prop_assert_eq!(&terminal.cells()[keep.end..], &second.cells()[keep.end..]);
        }
    }

    #[test]
    fn the_same_screen_again_sends_nothing() {
        let (mut shown, space) = (Shown::unknown(), Space::new(Size::MODEL_2));
        assert_eq!(PAINTER.paint(&mut shown, &space, &How::default()), Some(vec![0xf5, 0x40, 0x11, 0x40, 0x40, 0x13]));
        assert_eq!(PAINTER.paint(&mut shown, &space, &How::default()), None);
        assert_eq!(PAINTER.paint(&mut shown, &space, &How { alarm: true, ..How::default() }), Some(vec![0xf1, 0xc4]));
        let bigger = Space::new(Size::MODEL_5);
        assert_eq!(PAINTER.paint(&mut shown, &bigger, &How::default()), Some(vec![0x7e, 0x40, 0x11, 0x40, 0x40, 0x13]));
    }

    #[test]
    fn a_changed_line_is_sent_and_not_the_screen() {
        let mut space = Space::new(Size::MODEL_2);
        let mut shown = Shown::unknown();
        PAINTER.paint(&mut shown, &space, &How::default());
        space.write(80, &[0xc1; 80], Style::default());
        let data = PAINTER.paint(&mut shown, &space, &How::default()).unwrap();
        assert_eq!(data, [0xf1, 0x40, 0x11, 0xc1, 0x50, 0x3c, 0xc2, 0x60, 0xc1]);
    }

    #[test]
    fn a_terminal_without_colours_is_sent_none() {
        let mut space = Space::new(Size::MODEL_2);
        space.put(0, Cell { style: Style { colour: Colour::Red, ..Style::default() }, ..Cell::attribute(FieldAttribute::TEXT) });
        space.write(1, &[0xc1], Style { colour: Colour::Red, ..Style::default() });
        let plain = Painter { extended: false, sizes: SIZES };
        assert_eq!(
            plain.paint(&mut Shown::unknown(), &space, &How::default()).unwrap(),
            [0xf5, 0x40, 0x11, 0x40, 0x40, 0x1d, 0x60, 0xc1, 0x11, 0x40, 0x40, 0x13]
        );
    }
}
