//! What keys are sent as to a program that takes each by itself: the bytes of an xterm. Pure. Ctrl-] is the only key that stays here: it calls CP.

use crossterm::event::{Event, KeyCode, KeyEvent, KeyEventKind, KeyModifiers};

use super::keys::Done;

/// Most bytes of a paste that are sent.
const PASTE_MAX: usize = 1024;

/// What an event of the terminal means.
pub(super) fn meaning(event: Event) -> Option<Done> {
    match event {
        Event::Key(key) if key.kind != KeyEventKind::Release => self::key(key),
        Event::Paste(text) => {
            let typed = text.replace("\r\n", "\r").replace('\n', "\r");
            let end = typed.floor_char_boundary(PASTE_MAX);
            Some(Done::Typed(typed.as_bytes()[..end].to_vec()))
        }
        Event::Resize(columns, rows) => Some(Done::Resize(columns, rows)),
        _ => None,
    }
}

fn key(event: KeyEvent) -> Option<Done> {
    let held = |modifier| event.modifiers.contains(modifier);
    let mut bytes = match event.code {
        // Terminals send the same byte for Ctrl-] and Ctrl-5.
        KeyCode::Char(']' | '5') if held(KeyModifiers::CONTROL) => return Some(Done::Attention),
        KeyCode::Char(c) if held(KeyModifiers::CONTROL) => vec![control(c)?],
        KeyCode::Char(c) => c.to_string().into_bytes(),
        KeyCode::Enter => vec![b'\r'],
        KeyCode::Backspace => vec![0x7f],
        KeyCode::Tab => vec![b'\t'],
        KeyCode::Esc => vec![0x1b],
        code => return sequence(code).map(|text| Done::Typed(text.as_bytes().to_vec())),
    };
    if held(KeyModifiers::ALT) {
        bytes.insert(0, 0x1b);
    }
    Some(Done::Typed(bytes))
}

fn control(c: char) -> Option<u8> {
    match c {
        ' ' => Some(0),
        '4' => Some(0x1c),
        '6'..='7' => Some(0x1e + (c as u8 - b'6')),
        c => u8::try_from(c.to_ascii_uppercase()).ok().filter(|c| (b'@'..=b'_').contains(c)).map(|c| c & 0x1f),
    }
}

fn sequence(code: KeyCode) -> Option<&'static str> {
    const FUNCTION: [&str; 12] = [
        "\x1bOP", "\x1bOQ", "\x1bOR", "\x1bOS", "\x1b[15~", "\x1b[17~", "\x1b[18~", "\x1b[19~", "\x1b[20~", "\x1b[21~", "\x1b[23~",
        "\x1b[24~",
    ];
    Some(match code {
        KeyCode::Up => "\x1b[A",
        KeyCode::Down => "\x1b[B",
        KeyCode::Right => "\x1b[C",
        KeyCode::Left => "\x1b[D",
        KeyCode::Home => "\x1b[H",
        KeyCode::End => "\x1b[F",
        KeyCode::Insert => "\x1b[2~",
        KeyCode::Delete => "\x1b[3~",
        KeyCode::PageUp => "\x1b[5~",
        KeyCode::PageDown => "\x1b[6~",
        KeyCode::BackTab => "\x1b[Z",
        KeyCode::F(number) => return FUNCTION.get(usize::from(number).checked_sub(1)?).copied(),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_sent_as_an_xterm_sends_them_and_one_calls_cp() {
        use KeyModifiers as M;
        let typed = |bytes: &[u8]| Some(Done::Typed(bytes.to_vec()));
        for (code, modifiers, wanted) in [
            (KeyCode::Char('a'), M::NONE, typed(b"a")),
            (KeyCode::Char('c'), M::CONTROL, typed(b"\x03")),
            (KeyCode::Char('x'), M::ALT, typed(b"\x1bx")),
            (KeyCode::Enter, M::NONE, typed(b"\r")),
            (KeyCode::Backspace, M::NONE, typed(b"\x7f")),
            (KeyCode::Esc, M::NONE, typed(b"\x1b")),
            (KeyCode::Up, M::NONE, typed(b"\x1b[A")),
            (KeyCode::PageDown, M::NONE, typed(b"\x1b[6~")),
            (KeyCode::F(1), M::NONE, typed(b"\x1bOP")),
            (KeyCode::F(12), M::NONE, typed(b"\x1b[24~")),
            (KeyCode::F(13), M::NONE, None),
            (KeyCode::Char(']'), M::CONTROL, Some(Done::Attention)),
            (KeyCode::Char('5'), M::CONTROL, Some(Done::Attention)),
        ] {
            assert_eq!(meaning(Event::Key(KeyEvent::new(code, modifiers))), wanted, "{code:?}");
        }
        assert_eq!(meaning(Event::Paste("ls\r\ncd\n".to_string())), typed(b"ls\rcd\r"));
        let Some(Done::Typed(long)) = meaning(Event::Paste("ü".repeat(2000))) else { panic!("it is typed") };
        assert!(str::from_utf8(&long).is_ok() && long.len() == PASTE_MAX);
    }
}
