//! The presentation space: what is on the screen of a 3270, and the data streams that change and read it.
//!
//! ```text
//!   program --- outbound (write commands, orders) ---> Space ---> drawn by a terminal
//!   program <--- inbound (AID, cursor, fields) ------- Space <--- keys of a terminal
//! ```
//!
//! A space is rows times columns of positions in one ring. A position holds a character or a field attribute; a field is what lies between an
//! attribute and the next one, around the end too. Without any attribute the screen is unformatted and everything can be typed over.
//! Pure: no clock, no terminal, no network. The authority is GA23-0059, 3270 Data Stream Programmer's Reference.

pub mod address;
mod attribute;
mod code_page;
pub mod inbound;
pub mod outbound;
pub mod paint;
mod query;

pub use attribute::{Colour, FieldAttribute, Highlight, Style, kind};
pub use code_page::{BLANK, CodePage, SUBSTITUTE};
pub use paint::{Painter, Shown};
pub(crate) use query::reply as query_reply;
pub use query::{READ_PARTITION_QUERY, Terminal};

/// Rows and columns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Size {
    /// Rows.
    pub rows: u16,
    /// Columns.
    pub columns: u16,
}

impl Size {
    /// 24 by 80: model 2, and the default size of every model.
    pub const MODEL_2: Self = Self { rows: 24, columns: 80 };
    /// 32 by 80.
    pub const MODEL_3: Self = Self { rows: 32, columns: 80 };
    /// 43 by 80.
    pub const MODEL_4: Self = Self { rows: 43, columns: 80 };
    /// 27 by 132.
    pub const MODEL_5: Self = Self { rows: 27, columns: 132 };
    /// Most positions that 14-bit addresses reach.
    pub const MAX_POSITIONS: usize = 1 << 14;

    /// The alternate size of a model 2 to 5.
    pub fn of_model(model: char) -> Option<Self> {
        match model {
            '2' => Some(Self::MODEL_2),
            '3' => Some(Self::MODEL_3),
            '4' => Some(Self::MODEL_4),
            '5' => Some(Self::MODEL_5),
            _ => None,
        }
    }

    /// Positions on the screen.
    pub fn positions(self) -> usize {
        usize::from(self.rows) * usize::from(self.columns)
    }

    /// The position at a row and a column, both from 0.
    pub fn at(self, row: usize, column: usize) -> usize {
        row * usize::from(self.columns) + column
    }

    /// A size that a terminal may claim: at least model 2, within what addresses reach.
    pub fn is_usable(self) -> bool {
        self.rows >= 24 && self.columns >= 80 && self.positions() <= Self::MAX_POSITIONS
    }
}

/// One position.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Cell {
    /// Code of the character, 0 for a null; means nothing where an attribute is.
    pub code: u8,
    /// The field attribute that is here.
    pub field: Option<FieldAttribute>,
    /// Extended attributes: of the field where an attribute is, else of the character.
    pub style: Style,
}

impl Cell {
    /// A character with no attributes of its own.
    pub fn character(code: u8) -> Self {
        Self { code, ..Self::default() }
    }

    /// A field attribute.
    pub fn attribute(field: FieldAttribute) -> Self {
        Self { field: Some(field), ..Self::default() }
    }
}

/// What is on a screen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Space {
    size: Size,
    cells: Vec<Cell>,
    cursor: usize,
}

impl Space {
    /// An empty, unformatted screen.
    pub fn new(size: Size) -> Self {
        Self { size, cells: vec![Cell::default(); size.positions()], cursor: 0 }
    }

    /// Its size.
    pub fn size(&self) -> Size {
        self.size
    }

    /// Every position, row after row.
    pub fn cells(&self) -> &[Cell] {
        &self.cells
    }

    /// Where the cursor is.
    pub fn cursor(&self) -> usize {
        self.cursor
    }

    /// Moves the cursor; a position that is not on the screen is the first one.
    pub fn set_cursor(&mut self, position: usize) {
        self.cursor = if position < self.cells.len() { position } else { 0 };
    }

    /// Changes one position. One that is not on the screen is nobody's.
    pub fn put(&mut self, position: usize, cell: Cell) {
        if let Some(place) = self.cells.get_mut(position) {
            *place = cell;
        }
    }

    /// Writes characters from `position` on, as far as the screen goes.
    pub fn write(&mut self, position: usize, codes: &[u8], style: Style) {
        for (cell, &code) in self.cells.iter_mut().skip(position).zip(codes) {
            *cell = Cell { code, field: None, style };
        }
    }

    /// Empties it, with another size perhaps.
    pub fn erase(&mut self, size: Size) {
        *self = Self::new(size);
    }

    /// Whether there is any field.
    pub fn is_formatted(&self) -> bool {
        self.cells.iter().any(|cell| cell.field.is_some())
    }

    /// Where the attribute is that rules `position`: the nearest before it, around the end; the position itself when it is one.
    pub fn attribute_of(&self, position: usize) -> Option<usize> {
        let is_one = |&at: &usize| self.cells[at].field.is_some();
        let position = position.min(self.cells.len().checked_sub(1)?);
        (0..=position).rev().find(is_one).or_else(|| (position..self.cells.len()).rev().find(is_one))
    }

    /// The attribute that rules `position`; on an unformatted screen everything may be typed over.
    pub fn ruling(&self, position: usize) -> FieldAttribute {
        self.attribute_of(position).and_then(|at| self.cells[at].field).unwrap_or_default()
    }

    /// The positions of attributes, in order.
    pub fn attributes(&self) -> impl Iterator<Item = usize> + '_ {
        self.cells.iter().enumerate().filter(|(_, cell)| cell.field.is_some()).map(|(at, _)| at)
    }

    /// Positions of the field whose attribute is at `attribute`, in order, around the end.
    pub fn field(&self, attribute: usize) -> impl Iterator<Item = usize> + '_ {
        let count = self.cells.len();
        (1..count).map(move |step| (attribute + step) % count).take_while(|&at| self.cells[at].field.is_none())
    }

    /// The first position after `from` that can be typed into, around the end: where the Tab key goes.
    pub fn next_input(&self, from: usize) -> Option<usize> {
        let count = self.cells.len();
        (0..count).map(|step| (from + step) % count).find_map(|at| {
            let field = self.cells[at].field?;
            let first = (at + 1) % count;
            (!field.is_protected() && self.cells[first].field.is_none()).then_some(first)
        })
    }

    /// Sets the modified data tag of the field at `position`: what is in it is sent as if it had been typed.
    pub fn mark_modified(&mut self, position: usize) {
        if let Some(attribute) = self.attribute_of(position) {
            self.set_modified(attribute, true);
        }
    }

    fn set_modified(&mut self, attribute: usize, modified: bool) {
        if let Some(cell) = self.cells.get_mut(attribute)
            && let Some(field) = &mut cell.field
        {
            *field = field.modified(modified);
        }
    }

    /// The text of one row as it shows: attributes are blanks, hidden fields too.
    pub fn row_text(&self, row: usize, page: CodePage) -> String {
        let columns = usize::from(self.size.columns);
        let start = row * columns;
        let mut ruling = self.ruling(start.min(self.cells.len().saturating_sub(1)));
        let shown = self.cells.iter().skip(start).take(columns).map(|cell| {
            ruling = cell.field.unwrap_or(ruling);
            if cell.field.is_some() || ruling.is_hidden() { ' ' } else { page.decode(cell.code) }
        });
        shown.collect::<String>().trim_end().to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn space() -> Space {
        let mut space = Space::new(Size::MODEL_2);
        space.put(1919, Cell::attribute(FieldAttribute::TEXT));
        space.put(1760, Cell::attribute(FieldAttribute::INPUT));
        space.put(1859, Cell::attribute(FieldAttribute::SKIPPED));
        space
    }

    #[test]
    fn a_field_goes_on_around_the_end() {
        let space = space();
        assert!(space.ruling(0).is_protected());
        assert_eq!(space.attribute_of(0), Some(1919));
        assert_eq!(space.field(1919).count(), 1760);
        assert_eq!(space.field(1760).collect::<Vec<_>>(), (1761..1859).collect::<Vec<_>>());
        assert_eq!((space.next_input(0), space.next_input(1761)), (Some(1761), Some(1761)));
    }

    #[test]
    fn an_unformatted_screen_is_all_input() {
        let space = Space::new(Size::MODEL_2);
        assert!(!space.is_formatted() && !space.ruling(700).is_protected());
        assert_eq!((space.attribute_of(5), space.next_input(0)), (None, None));
    }

    #[test]
    fn hidden_fields_do_not_show() {
        let mut space = space();
        let page = CodePage::default();
        space.write(80, &page.encode_text("HELLO"), Style::default());
        space.put(84, Cell::attribute(FieldAttribute::SECRET));
        space.write(85, &page.encode_text("SECRET"), Style::default());
        assert_eq!(space.row_text(1, page), "HELL");
    }
}
