//! The keys of a US keyboard: scan codes of sets 1 and 2, and the characters they give plain and shifted; those without a character by name.

/// Left shift, in set 1.
pub(super) const SHIFT: u8 = 0x2a;
/// Left control, in set 1.
pub(super) const CONTROL: u8 = 0x1d;
/// Left alternate, in set 1.
pub(super) const ALTERNATE: u8 = 0x38;

/// Set 1 code, set 2 code, character, shifted character.
const KEYS: [(u8, u8, u8, u8); 55] = [
    (0x01, 0x76, 0x1b, 0x1b),
    (0x02, 0x16, b'1', b'!'),
    (0x03, 0x1e, b'2', b'@'),
    (0x04, 0x26, b'3', b'#'),
    (0x05, 0x25, b'4', b'$'),
    (0x06, 0x2e, b'5', b'%'),
    (0x07, 0x36, b'6', b'^'),
    (0x08, 0x3d, b'7', b'&'),
    (0x09, 0x3e, b'8', b'*'),
    (0x0a, 0x46, b'9', b'('),
    (0x0b, 0x45, b'0', b')'),
    (0x0c, 0x4e, b'-', b'_'),
    (0x0d, 0x55, b'=', b'+'),
    (0x0e, 0x66, 8, 8),
    (0x0f, 0x0d, b'\t', b'\t'),
    (0x10, 0x15, b'q', b'Q'),
    (0x11, 0x1d, b'w', b'W'),
    (0x12, 0x24, b'e', b'E'),
    (0x13, 0x2d, b'r', b'R'),
    (0x14, 0x2c, b't', b'T'),
    (0x15, 0x35, b'y', b'Y'),
    (0x16, 0x3c, b'u', b'U'),
    (0x17, 0x43, b'i', b'I'),
    (0x18, 0x44, b'o', b'O'),
    (0x19, 0x4d, b'p', b'P'),
    (0x1a, 0x54, b'[', b'{'),
    (0x1b, 0x5b, b']', b'}'),
    (0x1c, 0x5a, b'\n', b'\n'),
    (0x1d, 0x14, 0, 0),
    (0x1e, 0x1c, b'a', b'A'),
    (0x1f, 0x1b, b's', b'S'),
    (0x20, 0x23, b'd', b'D'),
    (0x21, 0x2b, b'f', b'F'),
    (0x22, 0x34, b'g', b'G'),
    (0x23, 0x33, b'h', b'H'),
    (0x24, 0x3b, b'j', b'J'),
    (0x25, 0x42, b'k', b'K'),
    (0x26, 0x4b, b'l', b'L'),
    (0x27, 0x4c, b';', b':'),
    (0x28, 0x52, b'\'', b'"'),
    (0x29, 0x0e, b'`', b'~'),
    (0x2a, 0x12, 0, 0),
    (0x2b, 0x5d, b'\\', b'|'),
    (0x2c, 0x1a, b'z', b'Z'),
    (0x2d, 0x22, b'x', b'X'),
    (0x2e, 0x21, b'c', b'C'),
    (0x2f, 0x2a, b'v', b'V'),
    (0x30, 0x32, b'b', b'B'),
    (0x31, 0x31, b'n', b'N'),
    (0x32, 0x3a, b'm', b'M'),
    (0x33, 0x41, b',', b'<'),
    (0x34, 0x49, b'.', b'>'),
    (0x35, 0x4a, b'/', b'?'),
    (0x38, 0x11, 0, 0),
    (0x39, 0x29, b' ', b' '),
];

/// F1 to F12: set 1 code, set 2 code.
const FUNCTION_KEYS: [(u8, u8); 12] = [
    (0x3b, 0x05),
    (0x3c, 0x06),
    (0x3d, 0x04),
    (0x3e, 0x0c),
    (0x3f, 0x03),
    (0x40, 0x0b),
    (0x41, 0x83),
    (0x42, 0x0a),
    (0x43, 0x01),
    (0x44, 0x09),
    (0x57, 0x78),
    (0x58, 0x07),
];

/// A key without a character.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Named {
    /// F1 to F12; other numbers are no keys.
    Function(u8),
    /// Cursor up.
    Up,
    /// Cursor down.
    Down,
    /// Cursor right.
    Right,
    /// Cursor left.
    Left,
    /// Home.
    Home,
    /// End.
    End,
    /// Page up.
    PageUp,
    /// Page down.
    PageDown,
    /// Insert.
    Insert,
    /// Delete.
    Delete,
}

/// The byte before the codes of keys that the first PCs did not have, in both sets.
pub const EXTENDED: u8 = 0xe0;

/// Those keys: set 1 code, set 2 code.
const EXTENDED_KEYS: [(Named, u8, u8); 10] = [
    (Named::Up, 0x48, 0x75),
    (Named::Down, 0x50, 0x72),
    (Named::Right, 0x4d, 0x74),
    (Named::Left, 0x4b, 0x6b),
    (Named::Home, 0x47, 0x6c),
    (Named::End, 0x4f, 0x69),
    (Named::PageUp, 0x49, 0x7d),
    (Named::PageDown, 0x51, 0x7a),
    (Named::Insert, 0x52, 0x70),
    (Named::Delete, 0x53, 0x71),
];

/// The set 1 code of a key without a character, and whether [`EXTENDED`] stands before it.
pub(super) fn named(key: Named) -> Option<(u8, bool)> {
    if let Named::Function(number) = key {
        return function_key(number).map(|code| (code, false));
    }
    EXTENDED_KEYS.iter().find(|known| known.0 == key).map(|known| (known.1, true))
}

/// The set 1 code of a function key, counted from 1.
pub(super) fn function_key(number: u8) -> Option<u8> {
    FUNCTION_KEYS.get(usize::from(number).checked_sub(1)?).map(|key| key.0)
}

/// How a character is typed: the key's code of set 1, with shift, with control. `None` is not on the keyboard.
pub(super) fn stroke(byte: u8) -> Option<(u8, bool, bool)> {
    let byte = match byte {
        b'\r' => b'\n',
        0x7f => 8,
        byte => byte,
    };
    let key = |byte: u8, control| {
        let key = KEYS.iter().find(|key| byte != 0 && (key.2 == byte || key.3 == byte))?;
        Some((key.0, key.2 != byte, control))
    };
    let with_control = || match byte {
        1..=26 => key(byte | 0x60, true),
        0 | 27..=31 => key(byte | 0x40, true),
        _ => None,
    };
    key(byte, false).or_else(with_control)
}

/// The character of a key of set 1, for the BIOS. `None` is a key without one.
pub fn character(code: u8, shift: bool) -> Option<u8> {
    let key = KEYS.iter().find(|key| key.0 == code)?;
    let byte = if shift { key.3 } else { key.2 };
    (byte != 0).then_some(if byte == b'\n' { b'\r' } else { byte })
}

/// The code of set 2 for a code of set 1.
pub(super) fn set_2(code: u8, extended: bool) -> u8 {
    if extended {
        return EXTENDED_KEYS.iter().find(|key| key.1 == code & 0x7f).map_or(0, |key| key.2);
    }
    let of_text = KEYS.iter().map(|key| (key.0, key.1));
    of_text.chain(FUNCTION_KEYS).find(|key| key.0 == code & 0x7f).map_or(0, |key| key.1)
}
