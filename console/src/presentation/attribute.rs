//! What a field and a character look like and may be used for.

use super::address::graphic;

/// A field attribute: one byte that takes a position of the screen and rules the positions behind it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FieldAttribute(u8);

impl FieldAttribute {
    const PROTECTED: u8 = 0x20;
    const NUMERIC: u8 = 0x10;
    const INTENSITY: u8 = 0x0c;
    const HIGH: u8 = 0x08;
    const HIDDEN: u8 = 0x0c;
    const MODIFIED: u8 = 0x01;

    /// Nothing can be typed into it.
    pub const TEXT: Self = Self(Self::PROTECTED);
    /// The same, and the cursor skips it.
    pub const SKIPPED: Self = Self(Self::PROTECTED | Self::NUMERIC);
    /// Something can be typed into it.
    pub const INPUT: Self = Self(0);
    /// The same, and what is typed does not show.
    pub const SECRET: Self = Self(Self::HIDDEN);

    /// From a byte of the data stream; the two bits that make it printable mean nothing.
    pub fn from_byte(byte: u8) -> Self {
        Self(byte & 0x3d)
    }

    /// As a printable byte.
    pub fn to_byte(self) -> u8 {
        graphic(self.0)
    }

    /// The same, shown bright.
    pub fn intensified(self) -> Self {
        Self(self.0 & !Self::INTENSITY | Self::HIGH)
    }

    /// Nothing can be typed into it.
    pub fn is_protected(self) -> bool {
        self.0 & Self::PROTECTED != 0
    }

    /// The cursor goes past it by itself.
    pub fn is_skipped(self) -> bool {
        self.0 & (Self::PROTECTED | Self::NUMERIC) == Self::PROTECTED | Self::NUMERIC
    }

    /// Only numbers are meant to be typed.
    pub fn is_numeric(self) -> bool {
        self.0 & Self::NUMERIC != 0
    }

    /// What is in it does not show.
    pub fn is_hidden(self) -> bool {
        self.0 & Self::INTENSITY == Self::HIDDEN
    }

    /// It is shown bright.
    pub fn is_intensified(self) -> bool {
        self.0 & Self::INTENSITY == Self::HIGH
    }

    /// The modified data tag: something was typed into it, or the program says so.
    pub fn is_modified(self) -> bool {
        self.0 & Self::MODIFIED != 0
    }

    /// The same with the tag set or not.
    #[must_use]
    pub fn modified(self, modified: bool) -> Self {
        Self(self.0 & !Self::MODIFIED | u8::from(modified))
    }
}

/// Extended colour.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Colour {
    /// As the field's intensity and protection have it.
    #[default]
    Default,
    /// X'F1'.
    Blue,
    /// X'F2'.
    Red,
    /// X'F3'.
    Pink,
    /// X'F4'.
    Green,
    /// X'F5'.
    Turquoise,
    /// X'F6'.
    Yellow,
    /// X'F7': white on a screen.
    Neutral,
}

const COLOURS: [Colour; 7] = [Colour::Blue, Colour::Red, Colour::Pink, Colour::Green, Colour::Turquoise, Colour::Yellow, Colour::Neutral];

impl Colour {
    /// From a byte of the data stream; one that is unknown is the default.
    pub fn from_byte(byte: u8) -> Self {
        byte.checked_sub(0xf1).and_then(|index| COLOURS.get(usize::from(index))).copied().unwrap_or_default()
    }

    /// As a byte.
    pub fn to_byte(self) -> u8 {
        COLOURS.iter().position(|&colour| colour == self).map_or(0, |index| 0xf1 + index as u8)
    }
}

/// Extended highlighting.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Highlight {
    /// None.
    #[default]
    Default,
    /// X'F1'.
    Blink,
    /// X'F2'.
    Reverse,
    /// X'F4'.
    Underscore,
    /// X'F8'.
    Intensify,
}

impl Highlight {
    /// From a byte of the data stream; one that is unknown is none.
    pub fn from_byte(byte: u8) -> Self {
        match byte {
            0xf1 => Self::Blink,
            0xf2 => Self::Reverse,
            0xf4 => Self::Underscore,
            0xf8 => Self::Intensify,
            _ => Self::Default,
        }
    }

    /// As a byte.
    pub fn to_byte(self) -> u8 {
        match self {
            Self::Default => 0,
            Self::Blink => 0xf1,
            Self::Reverse => 0xf2,
            Self::Underscore => 0xf4,
            Self::Intensify => 0xf8,
        }
    }
}

/// Extended attributes: of a field, or of one character.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Style {
    /// Colour of the character.
    pub colour: Colour,
    /// Colour behind it.
    pub background: Colour,
    /// Highlighting.
    pub highlight: Highlight,
    /// Character set; 0 is the base one, X'F1' the APL and line drawing one.
    pub charset: u8,
}

/// Types of extended attributes in SFE, SA and MF (GA23-0059, "Attribute Types").
pub mod kind {
    /// All character attributes; only in SA.
    pub const RESET: u8 = 0x00;
    /// Extended highlighting.
    pub const HIGHLIGHT: u8 = 0x41;
    /// Foreground colour.
    pub const FOREGROUND: u8 = 0x42;
    /// Character set.
    pub const CHARSET: u8 = 0x43;
    /// Background colour.
    pub const BACKGROUND: u8 = 0x45;
    /// Transparency.
    pub const TRANSPARENCY: u8 = 0x46;
    /// The field attribute itself.
    pub const FIELD: u8 = 0xc0;
    /// Field validation.
    pub const VALIDATION: u8 = 0xc1;
    /// Field outlining.
    pub const OUTLINING: u8 = 0xc2;
}

impl Style {
    /// Sets one attribute; false when there is no such type.
    pub fn set(&mut self, attribute: u8, value: u8) -> bool {
        match attribute {
            kind::RESET => *self = Self::default(),
            kind::HIGHLIGHT => self.highlight = Highlight::from_byte(value),
            kind::FOREGROUND => self.colour = Colour::from_byte(value),
            kind::BACKGROUND => self.background = Colour::from_byte(value),
            kind::CHARSET => self.charset = value,
            kind::TRANSPARENCY | kind::VALIDATION | kind::OUTLINING => {}
            _ => return false,
        }
        true
    }

    /// The attributes that differ from the default, as type and value.
    pub fn pairs(self) -> impl Iterator<Item = (u8, u8)> {
        self.pairs_from(Self::default())
    }

    /// The attributes that differ from `before`.
    pub fn pairs_from(self, before: Self) -> impl Iterator<Item = (u8, u8)> {
        let all = |style: Self| {
            [
                (kind::HIGHLIGHT, style.highlight.to_byte()),
                (kind::FOREGROUND, style.colour.to_byte()),
                (kind::BACKGROUND, style.background.to_byte()),
                (kind::CHARSET, style.charset),
            ]
        };
        all(self).into_iter().zip(all(before)).filter(|(new, old)| new != old).map(|(new, _)| new)
    }
}
