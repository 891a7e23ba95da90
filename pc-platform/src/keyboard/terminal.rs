//! What a terminal sends for its keys, as keys of a PC: characters, and the control sequences of a VT220 and of xterm. Pure.

use super::Named;

/// ESC.
const ESCAPE: u8 = 0x1b;

/// A key of a terminal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Struck {
    /// A character, and whether Alt is held.
    Character(u8, bool),
    /// A key without a character, and what is held with it.
    Named(Named, Held),
}

/// Keys that are held while another one is pressed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Held {
    pub(super) shift: bool,
    pub(super) alternate: bool,
    pub(super) control: bool,
}

/// What bytes that came together are, key by key, each with the number of its bytes. A sequence of no key of a PC is none: it has bytes only. ESC with nothing behind it is
/// the key Esc.
pub(super) fn keys(bytes: &[u8]) -> Vec<(usize, Option<Struck>)> {
    let mut rest = bytes;
    let mut keys = Vec::new();
    while !rest.is_empty() {
        let (length, struck) = first(rest);
        keys.push((length, struck));
        rest = &rest[length..];
    }
    keys
}

fn first(bytes: &[u8]) -> (usize, Option<Struck>) {
    match bytes {
        [ESCAPE, b'O', last, ..] => (3, named(*last).map(|key| Struck::Named(key, Held::default()))),
        [ESCAPE, b'[', rest @ ..] => match rest.iter().position(|byte| (0x40..=0x7e).contains(byte)) {
            Some(end) => (end + 3, sequence(&rest[..end], rest[end])),
            None => (bytes.len(), None),
        },
        [ESCAPE, next, ..] if *next != ESCAPE => (2, Some(Struck::Character(*next, true))),
        [byte, ..] => (1, Some(Struck::Character(*byte, false))),
        [] => (0, None),
    }
}

/// A control sequence by its parameters and its last byte. The second parameter is 1 more than the sum of what is held: 1 Shift, 2 Alt, 4 Ctrl.
fn sequence(parameters: &[u8], last: u8) -> Option<Struck> {
    let mut numbers = parameters.split(|byte| *byte == b';').map(|number| str::from_utf8(number).ok()?.parse::<u8>().ok());
    let number = numbers.next().flatten();
    let bits = numbers.next().flatten().unwrap_or(1).wrapping_sub(1);
    let held = Held { shift: bits & 1 != 0, alternate: bits & 2 != 0, control: bits & 4 != 0 };
    if last != b'~' {
        return named(last).map(|key| Struck::Named(key, held));
    }
    let number = number?;
    let named = match number {
        1 | 7 => Named::Home,
        2 => Named::Insert,
        3 => Named::Delete,
        4 | 8 => Named::End,
        5 => Named::PageUp,
        6 => Named::PageDown,
        11..=15 => Named::Function(number - 10),
        17..=21 => Named::Function(number - 11),
        23 | 24 => Named::Function(number - 12),
        _ => return None,
    };
    Some(Struck::Named(named, held))
}

fn named(last: u8) -> Option<Named> {
    let named = match last {
        b'A' => Named::Up,
        b'B' => Named::Down,
        b'C' => Named::Right,
        b'D' => Named::Left,
        b'H' => Named::Home,
        b'F' => Named::End,
        b'P'..=b'S' => Named::Function(last - b'O'),
        _ => return None,
    };
    Some(named)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sequences_are_keys_and_escape_alone_is_one() {
        let named = |key| Some(Struck::Named(key, Held::default()));
        let with_control = |key| Some(Struck::Named(key, Held { control: true, ..Held::default() }));
        let plain = |byte| Some(Struck::Character(byte, false));
        for (bytes, wanted) in [
            (&b"\x1b[A"[..], vec![(3, named(Named::Up))]),
            (b"\x1bOD", vec![(3, named(Named::Left))]),
            (b"\x1b[1;5C", vec![(6, with_control(Named::Right))]),
            (b"\x1b[5;5~", vec![(6, with_control(Named::PageUp))]),
            (b"\x1b[1;C", vec![(5, named(Named::Right))]),
            (b"\x1b[1;0C", vec![(6, Some(Struck::Named(Named::Right, Held { shift: true, alternate: true, control: true })))]),
            (b"\x1b[5~x", vec![(4, named(Named::PageUp)), (1, plain(b'x'))]),
            (b"\x1bOP", vec![(3, named(Named::Function(1)))]),
            (b"\x1b[15~\x1b[24~", vec![(5, named(Named::Function(5))), (5, named(Named::Function(12)))]),
            (b"\x1b", vec![(1, plain(0x1b))]),
            (b"\x1b\x1b", vec![(1, plain(0x1b)), (1, plain(0x1b))]),
            (b"\x1bx", vec![(2, Some(Struck::Character(b'x', true)))]),
            (b"\x1b[99~", vec![(5, None)]),
            (b"\x1b[Z", vec![(3, None)]),
            (b"\x1b[1;", vec![(4, None)]),
            (b"a\x03", vec![(1, plain(b'a')), (1, plain(3))]),
        ] {
            assert_eq!(keys(bytes), wanted, "{bytes:?}");
        }
        for first in 0..=255 {
            for second in 0..=255 {
                let bytes = [0x1b, first, second];
                assert_eq!(keys(&bytes).iter().map(|key| key.0).sum::<usize>(), 3, "{bytes:?}");
            }
        }
    }
}
