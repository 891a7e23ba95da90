//! What a terminal sends for its keys, as keys of a PC: characters, and the control sequences of a VT220 and of xterm. Pure.

use super::Named;

/// ESC.
const ESCAPE: u8 = 0x1b;

/// A key of a terminal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Struck {
    /// A character, and whether Alt is held.
    Character(u8, bool),
    Named(Named),
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
        [ESCAPE, b'O', last, ..] => (3, single(*last)),
        [ESCAPE, b'[', rest @ ..] => match rest.iter().position(|byte| (0x40..=0x7e).contains(byte)) {
            Some(end) => (end + 3, sequence(&rest[..end], rest[end])),
            None => (bytes.len(), None),
        },
        [ESCAPE, next, ..] if *next != ESCAPE => (2, Some(Struck::Character(*next, true))),
        [byte, ..] => (1, Some(Struck::Character(*byte, false))),
        [] => (0, None),
    }
}

/// A control sequence by its parameters and its last byte. What is held with it (`;2` and so on) is dropped.
fn sequence(parameters: &[u8], last: u8) -> Option<Struck> {
    if last != b'~' {
        return single(last);
    }
    let number = parameters.split(|byte| *byte == b';').next()?;
    let number: u8 = str::from_utf8(number).ok()?.parse().ok()?;
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
    Some(Struck::Named(named))
}

fn single(last: u8) -> Option<Struck> {
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
    Some(Struck::Named(named))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sequences_are_keys_and_escape_alone_is_one() {
        let named = |key| Some(Struck::Named(key));
        let plain = |byte| Some(Struck::Character(byte, false));
        for (bytes, wanted) in [
            (&b"\x1b[A"[..], vec![(3, named(Named::Up))]),
            (b"\x1bOD", vec![(3, named(Named::Left))]),
            (b"\x1b[1;5C", vec![(6, named(Named::Right))]),
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
