//! Inbound data streams: what a terminal sends (GA23-0059, "Read operations").

use super::outbound::{StreamError, order};
use super::{Size, Space, address};

/// The key that sends: attention identifier.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Aid {
    /// No key: the program asked.
    None,
    /// Enter.
    Enter,
    /// PF1 to PF24.
    Pf(u8),
    /// PA1 to PA3.
    Pa(u8),
    /// Clear.
    Clear,
    /// Test request or SysReq.
    SysReq,
    /// Structured fields follow.
    StructuredField,
}

const PF: [u8; 24] = [
    0xf1, 0xf2, 0xf3, 0xf4, 0xf5, 0xf6, 0xf7, 0xf8, 0xf9, 0x7a, 0x7b, 0x7c, 0xc1, 0xc2, 0xc3, 0xc4, 0xc5, 0xc6, 0xc7, 0xc8, 0xc9, 0x4a,
    0x4b, 0x4c,
];
const PA: [u8; 3] = [0x6c, 0x6e, 0x6b];

impl Aid {
    /// From its byte.
    pub fn from_byte(byte: u8) -> Option<Self> {
        let numbered = |keys: &[u8]| keys.iter().position(|&key| key == byte).map(|index| index as u8 + 1);
        Some(match byte {
            0x60 => Self::None,
            0x7d => Self::Enter,
            0x6d => Self::Clear,
            0xf0 => Self::SysReq,
            0x88 => Self::StructuredField,
            _ => return numbered(&PF).map(Self::Pf).or_else(|| numbered(&PA).map(Self::Pa)),
        })
    }

    /// Its byte; a PF or PA key that does not exist is none.
    pub fn to_byte(self) -> u8 {
        let numbered = |keys: &[u8], number: u8| keys.get(usize::from(number).wrapping_sub(1)).copied().unwrap_or(0x60);
        match self {
            Self::None => 0x60,
            Self::Enter => 0x7d,
            Self::Pf(number) => numbered(&PF, number),
            Self::Pa(number) => numbered(&PA, number),
            Self::Clear => 0x6d,
            Self::SysReq => 0xf0,
            Self::StructuredField => 0x88,
        }
    }

    /// Keys that send themselves and nothing else.
    pub fn is_short(self) -> bool {
        matches!(self, Self::Pa(_) | Self::Clear | Self::SysReq)
    }
}

/// What a terminal sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Inbound {
    /// The key.
    pub aid: Aid,
    /// Where the cursor was; 0 after a key that sends only itself.
    pub cursor: usize,
    /// Where each field that was typed into begins, and its characters without nulls; on an unformatted screen one from position 0.
    pub fields: Vec<(usize, Vec<u8>)>,
}

impl Inbound {
    /// Takes apart what a terminal with a screen of this size sent.
    ///
    /// # Errors
    /// [`StreamError`]: a key that does not exist ([`StreamError::Command`]), an address off the screen, an end inside an address.
    pub fn parse(data: &[u8], size: Size) -> Result<Self, StreamError> {
        let (&first, rest) = data.split_first().ok_or(StreamError::Short)?;
        let aid = Aid::from_byte(first).ok_or(StreamError::Command(first))?;
        let mut inbound = Self { aid, cursor: 0, fields: Vec::new() };
        if aid == Aid::StructuredField || rest.is_empty() && aid.is_short() {
            return Ok(inbound);
        }
        let (cursor, mut rest) = position(rest, size)?;
        inbound.cursor = cursor;
        if !rest.is_empty() && rest[0] != order::SBA {
            inbound.fields.push((0, Vec::new()));
        }
        while let Some((&byte, after)) = rest.split_first() {
            rest = after;
            match byte {
                order::SBA => {
                    let (at, after) = position(rest, size)?;
                    rest = after;
                    inbound.fields.push((at, Vec::new()));
                }
                // In character mode attributes stand between the characters.
                order::SA => rest = rest.get(2..).ok_or(StreamError::Short)?,
                order::GE => {
                    let (&code, after) = rest.split_first().ok_or(StreamError::Short)?;
                    rest = after;
                    push(&mut inbound.fields, code);
                }
                code => push(&mut inbound.fields, code),
            }
        }
        Ok(inbound)
    }

    /// What was typed from `start` on, nothing when that field was not touched.
    pub fn field(&self, start: usize) -> Option<&[u8]> {
        self.fields.iter().find(|(at, _)| *at == start).map(|(_, data)| data.as_slice())
    }
}

/// DUP and field mark, which stand between the characters; of the others below the blank a terminal sends none as text.
const CONTROLS: [u8; 2] = [0x1c, 0x1e];

fn push(fields: &mut [(usize, Vec<u8>)], code: u8) {
    if (code >= 0x40 || CONTROLS.contains(&code))
        && let Some((_, data)) = fields.last_mut()
    {
        data.push(code);
    }
}

fn position(data: &[u8], size: Size) -> Result<(usize, &[u8]), StreamError> {
    let Some((&bytes, rest)) = data.split_first_chunk() else { return Err(StreamError::Short) };
    let at = address::decode(bytes);
    if at < size.positions() { Ok((at, rest)) } else { Err(StreamError::Address(at)) }
}

impl Space {
    /// Puts what a person typed where they typed it, and the cursor where they left it; the fields are modified then. What is not on this
    /// screen, or in a field that cannot be typed into, is nobody's. Answers the positions of those fields.
    pub fn typed(&mut self, inbound: &Inbound) -> Vec<usize> {
        let mut touched = Vec::new();
        if inbound.aid.is_short() {
            return touched;
        }
        let count = self.cells.len();
        for (start, data) in inbound.fields.iter().filter(|(start, _)| *start < count) {
            let field: Vec<usize> = match self.attribute_of(*start) {
                None => (0..count).collect(),
                Some(at) if self.ruling(at).is_protected() || (at + 1) % count != *start => continue,
                Some(at) => self.field(at).collect(),
            };
            for (&at, code) in field.iter().zip(data.iter().copied().chain(std::iter::repeat(0))) {
                self.cells[at].code = code;
                self.cells[at].style.charset = 0;
            }
            self.mark_modified(*start);
            touched.extend(field);
        }
        self.set_cursor(inbound.cursor);
        touched
    }

    /// What a terminal with this screen sends for a key: Read Modified. With `all`, PA keys and Clear send the fields too.
    pub fn read_modified(&self, aid: Aid, all: bool) -> Vec<u8> {
        let mut data = vec![aid.to_byte()];
        if aid.is_short() && !all {
            return data;
        }
        let positions = self.cells.len();
        data.extend(address::encode(self.cursor, positions));
        let send = |data: &mut Vec<u8>, at: usize| {
            let cell = &self.cells[at];
            if cell.style.charset != 0 && cell.code != 0 {
                data.push(order::GE);
            }
            data.extend((cell.code != 0).then_some(cell.code));
        };
        if !self.is_formatted() {
            (0..positions).for_each(|at| send(&mut data, at));
            return data;
        }
        for attribute in self.attributes() {
            if self.cells[attribute].field.is_some_and(super::FieldAttribute::is_modified) {
                data.push(order::SBA);
                data.extend(address::encode((attribute + 1) % positions, positions));
                self.field(attribute).for_each(|at| send(&mut data, at));
            }
        }
        data
    }

    /// Everything on the screen: Read Buffer, in field mode.
    pub fn read_buffer(&self, aid: Aid) -> Vec<u8> {
        let mut data = vec![aid.to_byte()];
        data.extend(address::encode(self.cursor, self.cells.len()));
        for cell in &self.cells {
            match cell.field {
                Some(field) => data.extend([order::SF, field.to_byte()]),
                None if cell.style.charset != 0 => data.extend([order::GE, cell.code]),
                None => data.push(cell.code),
            }
        }
        data
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::presentation::outbound::Command;
    use proptest::prelude::*;

    const SIZES: (Size, Size) = (Size::MODEL_2, Size::MODEL_2);

    #[test]
    fn keys_come_back() {
        let keys =
            (1..=24).map(Aid::Pf).chain((1..=3).map(Aid::Pa)).chain([Aid::None, Aid::Enter, Aid::Clear, Aid::SysReq, Aid::StructuredField]);
        for key in keys {
            assert_eq!(Aid::from_byte(key.to_byte()), Some(key));
        }
        assert_eq!((Aid::from_byte(0x00), Aid::Pf(0).to_byte(), Aid::Pf(25).to_byte()), (None, 0x60, 0x60));
    }

    #[test]
    fn what_a_screen_sends_is_what_was_typed() {
        let mut space = Space::new(Size::MODEL_2);
        // A field that was changed by the program, one that was not, and text.
        let data = [0xc3, 0x11, 0x5b, 0x60, 0x1d, 0xc1, 0x13, 0x98, 0x00, 0xa4, 0x1d, 0x40, 0xc1, 0x1d, 0x60, 0xd9];
        space.apply(Command::EraseWrite, &data, SIZES).unwrap();
        let sent = space.read_modified(Aid::Enter, false);
        assert_eq!(sent, [0x7d, 0x5b, 0x61, 0x11, 0x5b, 0x61, 0x98, 0xa4]);
        let inbound = Inbound::parse(&sent, Size::MODEL_2).unwrap();
        assert_eq!(inbound.field(inbound.cursor), Some(&[0x98, 0xa4][..]));
        assert_eq!(space.read_modified(Aid::Pa(1), false), [0x6c]);
        assert_eq!(space.read_modified(Aid::Pa(1), true).len(), sent.len());
        assert_eq!(space.read_buffer(Aid::None).len(), 3 + 1920 + 3);
    }

    #[test]
    fn codes_that_are_no_characters_are_not_typed() {
        let sent = [0x7d, 0x40, 0x40, 0x11, 0x40, 0xc1, 0xc1, 0x00, 0x05, 0x15, 0x1c, 0x27, 0x3f, 0x1e, 0x08, 0x0d, 0xc2, 0x40];
        let inbound = Inbound::parse(&sent, Size::MODEL_2).unwrap();
        assert_eq!(inbound.fields, [(1, vec![0xc1, 0x1c, 0x1e, 0xc2, 0x40])]);
    }

    #[test]
    fn an_unformatted_screen_sends_its_characters() {
        let mut space = Space::new(Size::MODEL_2);
        space.apply(Command::EraseWrite, &[0xc3, 0x11, 0xc1, 0x50, 0xc1, 0xc2], SIZES).unwrap();
        let inbound = Inbound::parse(&space.read_modified(Aid::Enter, false), Size::MODEL_2).unwrap();
        assert_eq!(inbound.fields, [(0, vec![0xc1, 0xc2])]);
    }

    #[test]
    fn what_was_typed_is_on_the_screen_and_nothing_else_is() {
        let mut space = Space::new(Size::MODEL_2);
        // Text, an input field of five, text, an input field to the end.
        let data = [0xc3, 0x1d, 0x60, 0xc1, 0x1d, 0x40, 0x81, 0x82, 0x83, 0x84, 0x85, 0x1d, 0x60, 0xc2, 0x1d, 0x40];
        space.apply(Command::EraseWrite, &data, SIZES).unwrap();
        let inbound =
            Inbound { aid: Aid::Enter, cursor: 4, fields: vec![(3, vec![0xe7; 9]), (1, vec![0xe8]), (5, vec![0xe9]), (5000, vec![0xc1])] };
        assert_eq!(space.typed(&inbound), [3, 4, 5, 6, 7]);
        assert_eq!(space.row_text(0, crate::presentation::CodePage::default()), " A XXXXX B");
        assert_eq!(space.read_modified(Aid::Pf(3), false), [0xf3, 0x40, 0xc4, 0x11, 0x40, 0xc3, 0xe7, 0xe7, 0xe7, 0xe7, 0xe7]);
        assert_eq!(space.typed(&Inbound { aid: Aid::Clear, cursor: 0, fields: Vec::new() }), []);
        assert_eq!(space.cursor(), 4);
    }

    #[test]
    fn what_is_off_the_screen_is_an_error() {
        assert_eq!(Inbound::parse(&[0x7d, 0x7f, 0x7f], Size::MODEL_2), Err(StreamError::Address(4095)));
        assert_eq!(Inbound::parse(&[0x7d, 0x40], Size::MODEL_2), Err(StreamError::Short));
        assert_eq!(Inbound::parse(&[0x01], Size::MODEL_2), Err(StreamError::Command(1)));
        assert_eq!(Inbound::parse(&[0x7d, 0x40, 0x40, 0x11, 0x40], Size::MODEL_2), Err(StreamError::Short));
        assert_eq!(Inbound::parse(&[], Size::MODEL_2), Err(StreamError::Short));
    }

    proptest! {
        #[test]
        fn any_bytes_are_keys_or_an_error(data in prop::collection::vec(any::<u8>(), 0..200)) {
            if let Ok(inbound) = Inbound::parse(&data, Size::MODEL_2) {
                prop_assert!(inbound.cursor < 1920 && inbound.fields.iter().all(|(at, _)| *at < 1920));
            }
        }

        #[test]
        fn a_read_buffer_written_back_is_the_same_screen(orders in prop::collection::vec(any::<u8>(), 0..200)) {
            let mut space = Space::new(Size::MODEL_2);
            let _ = space.apply(Command::Write, &orders, SIZES);
            let sent = space.read_buffer(Aid::None);
            let mut copy = Space::new(Size::MODEL_2);
            copy.apply(Command::Write, &[&[0x40][..], &sent[3..]].concat(), SIZES).unwrap();
            prop_assert_eq!(copy.read_buffer(Aid::None)[3..].to_vec(), sent[3..].to_vec());
        }
    }
}
