//! Outbound data streams: what a program does to a screen (GA23-0059, "Commands" and "Orders").
//!
//! A stream is taken apart and checked whole before the first position changes: one that is wrong anywhere changes nothing.

use super::{Cell, FieldAttribute, Size, Space, Style, address, kind};

/// What a program asks of a screen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Command {
    /// Change what is there.
    Write,
    /// Empty the screen, in its default size, and write.
    EraseWrite,
    /// Empty the screen, in its alternate size, and write.
    EraseWriteAlternate,
    /// Empty what can be typed into.
    EraseAllUnprotected,
    /// Structured fields follow.
    WriteStructuredField,
    /// Send all there is.
    ReadBuffer,
    /// Send what was typed.
    ReadModified,
    /// Send what was typed, after PA keys too.
    ReadModifiedAll,
}

impl Command {
    /// From its byte, in the form of a local or of an SNA terminal.
    pub fn from_byte(byte: u8) -> Option<Self> {
        Some(match byte {
            0x01 | 0xf1 => Self::Write,
            0x05 | 0xf5 => Self::EraseWrite,
            0x0d | 0x7e => Self::EraseWriteAlternate,
            0x0f | 0x6f => Self::EraseAllUnprotected,
            0x11 | 0xf3 => Self::WriteStructuredField,
            0x02 | 0xf2 => Self::ReadBuffer,
            0x06 | 0xf6 => Self::ReadModified,
            0x0e | 0x6e => Self::ReadModifiedAll,
            _ => return None,
        })
    }

    /// Its byte in the form that TN3270 uses.
    pub fn to_byte(self) -> u8 {
        match self {
            Self::Write => 0xf1,
            Self::EraseWrite => 0xf5,
            Self::EraseWriteAlternate => 0x7e,
            Self::EraseAllUnprotected => 0x6f,
            Self::WriteStructuredField => 0xf3,
            Self::ReadBuffer => 0xf2,
            Self::ReadModified => 0xf6,
            Self::ReadModifiedAll => 0x6e,
        }
    }
}

/// Bits of the write control character.
pub mod wcc {
    use super::super::address::graphic;

    /// Sound the alarm.
    pub const ALARM: u8 = 0x04;
    /// Unlock the keyboard.
    pub const RESTORE: u8 = 0x02;
    /// Reset the modified data tags.
    pub const RESET_MODIFIED: u8 = 0x01;

    /// The bits as a printable byte.
    pub fn byte(bits: u8) -> u8 {
        graphic(bits)
    }
}

/// Orders.
pub mod order {
    /// Program tab.
    pub const PT: u8 = 0x05;
    /// Graphic escape.
    pub const GE: u8 = 0x08;
    /// Set buffer address.
    pub const SBA: u8 = 0x11;
    /// Erase unprotected to address.
    pub const EUA: u8 = 0x12;
    /// Insert cursor.
    pub const IC: u8 = 0x13;
    /// Start field.
    pub const SF: u8 = 0x1d;
    /// Set attribute.
    pub const SA: u8 = 0x28;
    /// Start field extended.
    pub const SFE: u8 = 0x29;
    /// Modify field.
    pub const MF: u8 = 0x2c;
    /// Repeat to address.
    pub const RA: u8 = 0x3c;
}

/// What is wrong with a data stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StreamError {
    /// There is no such command.
    #[error("X'{0:02X}' is no command of a 3270")]
    Command(u8),
    /// It ends inside a command or an order.
    #[error("the data stream ends inside an order")]
    Short,
    /// An address is not on the screen.
    #[error("buffer address {0} is not on the screen")]
    Address(usize),
    /// There is no such order.
    #[error("X'{0:02X}' is no order of a 3270")]
    Order(u8),
    /// There is no such attribute.
    #[error("X'{0:02X}' is no attribute type")]
    Attribute(u8),
    /// There is no such structured field, or it is not allowed here.
    #[error("structured field X'{0:02X}' is not supported")]
    StructuredField(u8),
    /// The length of a structured field does not fit what follows.
    #[error("a structured field is {0} bytes long")]
    Length(usize),
    /// Its orders go over the screen so often that no program can mean it.
    #[error("the orders go over the screen more than {REWRITES} times")]
    TooMuch,
}

/// How often one write may go over the whole screen (RA, EUA, PT). Without a bound a stream of a few kilobytes costs seconds.
const REWRITES: usize = 32;
/// Most structured fields of one write.
const FIELDS: usize = 16;

/// What a write did beside changing the screen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Effects {
    /// The alarm sounds.
    pub alarm: bool,
    /// The keyboard is unlocked.
    pub restored: bool,
    /// The terminal is asked what it can.
    pub query: bool,
    /// The screen was emptied first.
    pub erased: bool,
    /// The cursor was put somewhere.
    pub cursor: bool,
    /// The modified data tags were reset.
    pub reset: bool,
}

impl Effects {
    /// Both, one after the other.
    pub(crate) fn and(self, next: Self) -> Self {
        Self {
            alarm: self.alarm | next.alarm,
            restored: self.restored | next.restored,
            query: self.query | next.query,
            erased: self.erased | next.erased,
            cursor: self.cursor | next.cursor,
            reset: self.reset | next.reset,
        }
    }
}

/// One step of a write.
#[derive(Clone, Copy, Debug)]
enum Step {
    Address(usize),
    Field(FieldAttribute, Style),
    /// One character attribute for what follows.
    Attribute(u8, u8),
    /// Attributes of the field here.
    Modify(u8, u8),
    /// After the last one of a Modify Field.
    ModifyEnd,
    Cursor,
    Tab,
    Repeat(usize, u8, bool),
    EraseUnprotected(usize),
    Character(u8, bool),
}

struct Reader<'a>(&'a [u8]);

impl Reader<'_> {
    fn byte(&mut self) -> Result<u8, StreamError> {
        let (&first, rest) = self.0.split_first().ok_or(StreamError::Short)?;
        self.0 = rest;
        Ok(first)
    }

    fn pair(&mut self) -> Result<(u8, u8), StreamError> {
        Ok((self.byte()?, self.byte()?))
    }

    fn address(&mut self, size: Size) -> Result<usize, StreamError> {
        let (high, low) = self.pair()?;
        let address = address::decode([high, low]);
        if address < size.positions() { Ok(address) } else { Err(StreamError::Address(address)) }
    }

    /// A character that RA repeats or GE escapes: and whether it was escaped.
    fn character(&mut self) -> Result<(u8, bool), StreamError> {
        let first = self.byte()?;
        match first {
            order::GE => Ok((self.byte()?, true)),
            // A byte that is an order is no character: sent on to a terminal it would be that order.
            0x00 | 0x0c | 0x0d | 0x15 | 0x19 | 0x1c | 0x1e | 0x3f..=0xff => Ok((first, false)),
            other => Err(StreamError::Order(other)),
        }
    }
}

/// Takes the orders and data of a write apart.
fn steps(data: &[u8], size: Size) -> Result<Vec<Step>, StreamError> {
    let mut reader = Reader(data);
    let mut steps = Vec::with_capacity(data.len());
    while let Ok(byte) = reader.byte() {
        let step = match byte {
            order::SBA => Step::Address(reader.address(size)?),
            order::SF => Step::Field(FieldAttribute::from_byte(reader.byte()?), Style::default()),
            order::SFE => extended_field(&mut reader)?,
            order::SA => {
                let (attribute, value) = reader.pair()?;
                if !Style::default().set(attribute, value) {
                    return Err(StreamError::Attribute(attribute));
                }
                Step::Attribute(attribute, value)
            }
            order::MF => {
                for _ in 0..reader.byte()? {
                    let (attribute, value) = reader.pair()?;
                    if attribute == kind::RESET || attribute != kind::FIELD && !Style::default().set(attribute, value) {
                        return Err(StreamError::Attribute(attribute));
                    }
                    steps.push(Step::Modify(attribute, value));
                }
                Step::ModifyEnd
            }
            order::IC => Step::Cursor,
            order::PT => Step::Tab,
            order::RA => {
                let to = reader.address(size)?;
                let (code, escaped) = reader.character()?;
                Step::Repeat(to, code, escaped)
            }
            order::EUA => Step::EraseUnprotected(reader.address(size)?),
            order::GE => Step::Character(reader.byte()?, true),
            // Nulls, and the format controls DUP, FM, SUB, FF, CR, NL, EM and EO, which a screen keeps as characters.
            0x00 | 0x0c | 0x0d | 0x15 | 0x19 | 0x1c | 0x1e | 0x3f | 0x40..=0xff => Step::Character(byte, false),
            other => return Err(StreamError::Order(other)),
        };
        steps.push(step);
    }
    Ok(steps)
}

fn extended_field(reader: &mut Reader<'_>) -> Result<Step, StreamError> {
    let (mut field, mut style) = (FieldAttribute::default(), Style::default());
    for _ in 0..reader.byte()? {
        match reader.pair()? {
            (kind::FIELD, value) => field = FieldAttribute::from_byte(value),
            (attribute, value) => {
                if attribute == kind::RESET || !style.set(attribute, value) {
                    return Err(StreamError::Attribute(attribute));
                }
            }
        }
    }
    Ok(Step::Field(field, style))
}

/// The character set of characters behind a Graphic Escape.
const ESCAPED: u8 = 0xf1;

/// A write under way.
struct Write<'a> {
    space: &'a mut Space,
    at: usize,
    style: Style,
    /// The step before wrote a character.
    wrote: bool,
    /// The cursor was put somewhere.
    cursor: bool,
    /// Positions that may still be gone over.
    left: usize,
}

impl Write<'_> {
    fn next(&self, position: usize) -> usize {
        if position + 1 < self.space.cells.len() { position + 1 } else { 0 }
    }

    fn character(&mut self, code: u8, escaped: bool) {
        let style = if escaped { Style { charset: ESCAPED, ..self.style } } else { self.style };
        self.space.cells[self.at] = Cell { code, field: None, style };
        self.at = self.next(self.at);
    }

    /// Goes over so many positions.
    fn spend(&mut self, positions: usize) -> Result<(), StreamError> {
        self.left = self.left.checked_sub(positions).ok_or(StreamError::TooMuch)?;
        Ok(())
    }

    fn distance(&self, from: usize, to: usize) -> usize {
        if to > from { to - from } else { to + self.space.cells.len() - from }
    }

    fn take(&mut self, step: Step) -> Result<(), StreamError> {
        let wrote = std::mem::take(&mut self.wrote);
        match step {
            Step::Address(position) => self.at = position,
            Step::Field(field, style) => {
                self.space.cells[self.at] = Cell { code: 0, field: Some(field), style };
                self.at = self.next(self.at);
            }
            Step::Attribute(attribute, value) => {
                self.style.set(attribute, value);
                self.wrote = wrote;
            }
            Step::Modify(attribute, value) => self.modify(attribute, value),
            Step::ModifyEnd => self.at = self.next(self.at),
            Step::Cursor => {
                self.space.cursor = self.at;
                self.cursor = true;
                self.wrote = wrote;
            }
            Step::Tab => self.tab(wrote)?,
            Step::Repeat(to, code, escaped) => {
                self.spend(self.distance(self.at, to))?;
                self.character(code, escaped);
                while self.at != to {
                    self.character(code, escaped);
                }
                self.wrote = true;
            }
            Step::EraseUnprotected(to) => {
                self.spend(self.distance(self.at, to))?;
                self.erase_unprotected(to)?;
            }
            Step::Character(code, escaped) => {
                self.character(code, escaped);
                self.wrote = true;
            }
        }
        Ok(())
    }

    /// What rules the position that the next character goes to.
    fn ruling(&mut self) -> Result<FieldAttribute, StreamError> {
        let Some(attribute) = self.space.attribute_of(self.at) else {
            self.spend(self.space.cells.len())?;
            return Ok(FieldAttribute::default());
        };
        self.spend(self.distance(attribute, self.at))?;
        Ok(self.space.cells[attribute].field.unwrap_or_default())
    }

    fn modify(&mut self, attribute: u8, value: u8) {
        let cell = &mut self.space.cells[self.at];
        let Some(field) = &mut cell.field else { return };
        if attribute == kind::FIELD {
            *field = FieldAttribute::from_byte(value);
        } else {
            cell.style.set(attribute, value);
        }
    }

    /// On to the next field that can be typed into; what is left of this one is emptied when something was just written into it.
    fn tab(&mut self, wrote: bool) -> Result<(), StreamError> {
        let count = self.space.cells.len();
        let mut at = self.at;
        if wrote && !self.ruling()?.is_protected() {
            while at < count && self.space.cells[at].field.is_none() {
                self.space.cells[at] = Cell::default();
                at += 1;
            }
        }
        let open = |&position: &usize| self.space.cells[position].field.is_some_and(|field| !field.is_protected());
        let found = (at..count).find(open);
        self.spend(found.unwrap_or(count) + 1 - self.at)?;
        self.at = found.map_or(0, |position| self.next(position));
        Ok(())
    }

    fn erase_unprotected(&mut self, to: usize) -> Result<(), StreamError> {
        let mut protected = self.ruling()?.is_protected();
        loop {
            let cell = &mut self.space.cells[self.at];
            match cell.field {
                Some(field) => protected = field.is_protected(),
                None if !protected => cell.code = 0,
                None => {}
            }
            self.at = self.next(self.at);
            if self.at == to {
                return Ok(());
            }
        }
    }
}

impl Space {
    /// Carries a write command out: `data` is what follows the command. `sizes` are the default and the alternate size.
    ///
    /// # Errors
    /// [`StreamError`]; nothing has changed then. Read commands are [`StreamError::Command`].
    pub fn apply(&mut self, command: Command, data: &[u8], sizes: (Size, Size)) -> Result<Effects, StreamError> {
        match command {
            Command::Write => self.write_orders(data, None),
            Command::EraseWrite => self.write_orders(data, Some(sizes.0)),
            Command::EraseWriteAlternate => self.write_orders(data, Some(sizes.1)),
            Command::EraseAllUnprotected => {
                self.erase_all_unprotected();
                Ok(Effects { restored: true, cursor: true, reset: true, ..Effects::default() })
            }
            Command::WriteStructuredField => self.structured_fields(data, sizes),
            read => Err(StreamError::Command(read.to_byte())),
        }
    }

    fn write_orders(&mut self, data: &[u8], erase: Option<Size>) -> Result<Effects, StreamError> {
        // A write without a write control character does nothing, but an erase erases.
        let (bits, orders) = data.split_first().map_or((0, data), |(&first, rest)| (first, rest));
        let steps = steps(orders, erase.unwrap_or(self.size))?;
        let mut after = erase.map_or_else(|| self.clone(), Space::new);
        let reset = bits & wcc::RESET_MODIFIED != 0;
        if reset {
            after.reset_modified();
        }
        let (at, left) = (after.cursor, after.cells.len() * REWRITES);
        let mut write = Write { space: &mut after, at, style: Style::default(), wrote: false, cursor: false, left };
        steps.into_iter().try_for_each(|step| write.take(step))?;
        let cursor = write.cursor || erase.is_some();
        *self = after;
        Ok(Effects {
            alarm: bits & wcc::ALARM != 0,
            restored: bits & wcc::RESTORE != 0,
            query: false,
            erased: erase.is_some(),
            cursor,
            reset: reset || erase.is_some(),
        })
    }

    /// Resets the modified data tags.
    pub fn reset_modified(&mut self) {
        let attributes: Vec<usize> = self.attributes().collect();
        attributes.into_iter().for_each(|at| self.set_modified(at, false));
    }

    fn erase_all_unprotected(&mut self) {
        if !self.is_formatted() {
            return self.erase(self.size);
        }
        let mut ruling = self.ruling(self.cells.len() - 1);
        for cell in &mut self.cells {
            match &mut cell.field {
                Some(field) => {
                    if !field.is_protected() {
                        *field = field.modified(false);
                    }
                    ruling = *field;
                }
                None if !ruling.is_protected() => cell.code = 0,
                None => {}
            }
        }
        self.cursor = self.next_input(0).unwrap_or(0);
    }

    fn structured_fields(&mut self, mut data: &[u8], sizes: (Size, Size)) -> Result<Effects, StreamError> {
        let (mut effects, mut fields) = (Effects::default(), 0);
        let mut after = self.clone();
        while !data.is_empty() {
            let Some((&[high, low], _)) = data.split_first_chunk() else { return Err(StreamError::Short) };
            let length = match usize::from(u16::from_be_bytes([high, low])) {
                0 => data.len(),
                length => length,
            };
            if length < 3 || length > data.len() {
                return Err(StreamError::Length(length));
            }
            let (field, rest) = data.split_at(length);
            data = rest;
            // Each field may go over the screen as often as a write may, so there are not many.
            fields += 1;
            if fields > FIELDS {
                return Err(StreamError::TooMuch);
            }
            effects = effects.and(after.structured_field(field[2], &field[3..], sizes)?);
        }
        *self = after;
        Ok(effects)
    }

    fn structured_field(&mut self, id: u8, data: &[u8], sizes: (Size, Size)) -> Result<Effects, StreamError> {
        match (id, data) {
            // Read Partition, Query and Query List.
            (0x01, [0xff, 0x02 | 0x03, ..]) => Ok(Effects { query: true, ..Effects::default() }),
            // Erase/Reset: to the default or the alternate size.
            (0x03, [size, ..]) => {
                self.erase(if size & 0x80 == 0 { sizes.0 } else { sizes.1 });
                Ok(Effects { erased: true, cursor: true, reset: true, ..Effects::default() })
            }
            // Set Reply Mode: replies are in field mode, whatever is asked for.
            (0x09, _) => Ok(Effects::default()),
            // Outbound 3270 data stream, to the one partition there is.
            (0x40, [_, command, data @ ..]) => match Command::from_byte(*command).ok_or(StreamError::Command(*command))? {
                Command::WriteStructuredField => Err(StreamError::StructuredField(id)),
                command => self.apply(command, data, sizes),
            },
            _ => Err(StreamError::StructuredField(id)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::presentation::CodePage;
    use proptest::prelude::*;

    const SIZES: (Size, Size) = (Size::MODEL_2, Size::MODEL_5);

    fn written(data: &[u8]) -> Space {
        let mut space = Space::new(Size::MODEL_2);
        space.apply(Command::EraseWrite, data, SIZES).unwrap();
        space
    }

    fn ebcdic(text: &str) -> Vec<u8> {
        CodePage::default().encode_text(text)
    }

    #[test]
    fn text_goes_where_the_address_says_and_the_cursor_where_it_is_put() {
        let data = [&[0xc3, 0x11, 0xc1, 0x50][..], &ebcdic("USERID"), &[0x1d, 0x40, 0x13]].concat();
        let space = written(&data);
        assert_eq!(space.row_text(1, CodePage::default()), "USERID");
        assert_eq!((space.cursor(), space.cells()[86].field), (87, Some(FieldAttribute::INPUT)));
    }

    #[test]
    fn an_erase_chooses_the_size() {
        let mut space = Space::new(Size::MODEL_2);
        let effects = space.apply(Command::EraseWriteAlternate, &[0xc7], SIZES).unwrap();
        let wanted = Effects { alarm: true, restored: true, query: false, erased: true, cursor: true, reset: true };
        assert_eq!((space.size(), effects), (Size::MODEL_5, wanted));
        space.apply(Command::WriteStructuredField, &[0, 4, 3, 0], SIZES).unwrap();
        assert_eq!(space.size(), Size::MODEL_2);
    }

    #[test]
    fn repeat_goes_around_the_end() {
        let space = written(&[0xc3, 0x11, 0x5d, 0x7e, 0x3c, 0x40, 0xc2, 0xf7]);
        let sevens: Vec<usize> = (0..1920).filter(|&at| space.cells()[at].code == 0xf7).collect();
        assert_eq!(sevens, [0, 1, 1918, 1919]);
        let everywhere = written(&[0xc3, 0x3c, 0x40, 0x40, 0xf7]);
        assert!(everywhere.cells().iter().all(|cell| cell.code == 0xf7), "to where it begins is everywhere");
    }

    #[test]
    fn program_tab_empties_what_is_left_of_a_field_and_goes_to_the_next() {
        // An input field of five with XXXXX, a protected one, another input field.
        let fields = [&[0xc3, 0x1d, 0x40][..], &ebcdic("XXXXX"), &[0x1d, 0x60], &ebcdic("P"), &[0x1d, 0x40], &ebcdic("ZZ")].concat();
        let mut space = written(&fields);
        let again = [&[0x40, 0x11, 0x40, 0xc1][..], &ebcdic("AB"), &[0x05], &ebcdic("Q")].concat();
        space.apply(Command::Write, &again, SIZES).unwrap();
        assert_eq!(space.row_text(0, CodePage::default()), " AB    P QZ");
        assert_eq!(space.cells()[3].code, 0);
    }

    #[test]
    fn erasing_what_can_be_typed_into_leaves_the_rest() {
        let fields = [&[0xc3, 0x1d, 0xc1][..], &ebcdic("IN"), &[0x1d, 0x61], &ebcdic("TEXT")].concat();
        let mut space = written(&fields);
        assert!(space.apply(Command::EraseAllUnprotected, &[], SIZES).unwrap().restored);
        assert_eq!(space.row_text(0, CodePage::default()), "    TEXT");
        assert!(!space.ruling(1).is_modified() && space.ruling(5).is_modified(), "tags of protected fields stay");
        assert_eq!(space.cursor(), 1);
        let mut some = written(&fields);
        some.apply(Command::Write, &[0x40, 0x11, 0x40, 0xc2, 0x12, 0x40, 0xc9], SIZES).unwrap();
        assert_eq!(some.row_text(0, CodePage::default()), " I  TEXT");
    }

    #[test]
    fn extended_attributes_are_kept_where_they_were_set() {
        let data = [0xc3, 0x29, 2, 0xc0, 0x60, 0x42, 0xf2, 0xc1, 0x28, 0x41, 0xf2, 0xc2, 0x28, 0, 0, 0xc3];
        let space = written(&data);
        let cells = space.cells();
        assert_eq!(cells[0].style.colour, super::super::Colour::Red);
        assert_eq!(cells[2].style.highlight, super::super::Highlight::Reverse);
        assert_eq!((cells[1].style, cells[3].style), (Style::default(), Style::default()));
        let mut space = space;
        space.apply(Command::Write, &[0x40, 0x11, 0x40, 0x40, 0x2c, 1, 0x42, 0xf4, 0xc4], SIZES).unwrap();
        assert_eq!((space.cells()[0].style.colour, space.cells()[1].code), (super::super::Colour::Green, 0xc4));
    }

    #[test]
    fn a_stream_that_is_wrong_anywhere_changes_nothing() {
        let mut space = written(&[0xc3, 0xc1, 0xc2]);
        let before = space.clone();
        let wrong: [(&[u8], StreamError); 6] = [
            (&[0xc3, 0xd1, 0x11, 0x7f, 0x7f], StreamError::Address(4095)),
            (&[0xc3, 0xd1, 0x11, 0x40], StreamError::Short),
            (&[0xc3, 0xd1, 0x02], StreamError::Order(2)),
            (&[0xc3, 0x29, 1, 0x99, 0], StreamError::Attribute(0x99)),
            (&[0xc3, 0x3c, 0x40, 0x40], StreamError::Short),
            (&[0xc3, 0x28, 0xc0, 0x40], StreamError::Attribute(0xc0)),
        ];
        for (data, error) in wrong {
            for command in [Command::Write, Command::EraseWrite] {
                assert_eq!(space.apply(command, data, SIZES), Err(error));
            }
        }
        let fields = [
            (&[0, 2, 1][..], StreamError::Length(2)),
            (&[0, 9, 1], StreamError::Length(9)),
            (&[0, 3, 0x77], StreamError::StructuredField(0x77)),
        ];
        for (data, error) in fields {
            let data = [&[0, 4, 3, 0][..], data].concat();
            assert_eq!(space.apply(Command::WriteStructuredField, &data, SIZES), Err(error));
        }
        assert_eq!(space, before);
    }

    #[test]
    fn orders_that_go_over_the_screen_for_ever_are_refused_and_change_nothing() {
        let mut space = written(&[0xc3, 0x1d, 0x40, 0xc1]);
        let before = space.clone();
        let around = [0x3c, 0x40, 0x40, 0xf7];
        let some = [&[0xc3, 0x11, 0x40, 0x40][..], &around.repeat(REWRITES)].concat();
        assert!(space.clone().apply(Command::EraseWrite, &some, SIZES).is_ok());
        // Repeat, erase unprotected, and tab over a screen without a field to stop at.
        for order in [&around[..], &[0x12, 0x40, 0x40], &[0x05, 0x11, 0x40, 0xc3]] {
            let data = [&[0xc3, 0x11, 0x40, 0xc2][..], &order.repeat(2000)].concat();
            assert_eq!(space.apply(Command::Write, &data, SIZES), Err(StreamError::TooMuch), "{order:?}");
            let wrapped = [&[0, 0, 0x40, 0, 0xf1][..], &data].concat();
            assert_eq!(space.apply(Command::WriteStructuredField, &wrapped, SIZES), Err(StreamError::TooMuch));
        }
        assert_eq!(space.apply(Command::WriteStructuredField, &[0, 4, 3, 0].repeat(17), SIZES), Err(StreamError::TooMuch));
        assert_eq!(space, before);
    }

    proptest! {
        #[test]
        fn any_bytes_are_a_change_or_an_error(command in any::<u8>(), data in prop::collection::vec(any::<u8>(), 0..300)) {
            let mut space = written(&[0xc3, 0x1d, 0x40, 0xc1]);
            if let Some(command) = Command::from_byte(command) {
                let _ = space.apply(command, &data, SIZES);
            }
            prop_assert_eq!(space.cells().len(), space.size().positions());
            prop_assert!(space.cursor() < space.cells().len());
        }

        #[test]
        fn orders_in_any_order(orders in prop::collection::vec(prop::sample::select(vec![0x05_u8, 0x08, 0x11, 0x12, 0x13, 0x1d, 0x28, 0x29, 0x2c, 0x3c, 0x40, 0x00, 0x02, 0xc1, 0x41, 0x42]), 0..200)) {
            let mut space = Space::new(Size::MODEL_2);
            let _ = space.apply(Command::Write, &orders, SIZES);
            prop_assert!(space.cursor() < space.cells().len());
        }
    }
}
