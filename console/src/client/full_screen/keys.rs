//! Which key of a terminal of text is which key of a 3270. Pure. The table is the users' guide's.

use crossterm::event::{Event, KeyCode, KeyEvent, KeyEventKind, KeyModifiers, MouseButton, MouseEventKind};

use super::keyboard::Key;
use crate::presentation::inbound::Aid;

/// What was done at the terminal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Done {
    Key(Key),
    /// Ctrl-C: CP is called, whatever the program does.
    Attention,
    /// Ctrl-L: the screen is drawn anew.
    Redraw,
    /// Ctrl-Z.
    Suspend,
    /// Keys for a program that takes each by itself, as an xterm sends them.
    Typed(Vec<u8>),
    /// Text was pasted.
    Paste(String),
    /// The terminal has another size.
    Resize(u16, u16),
    /// ESC alone: the next key is taken with Alt.
    Escape,
}

/// What an event of the terminal means; `escaped` when ESC stood before it.
pub(super) fn meaning(event: Event, escaped: bool) -> Option<Done> {
    match event {
        Event::Key(key) if key.kind != KeyEventKind::Release => self::key(key, escaped),
        Event::Paste(text) => Some(Done::Paste(text)),
        Event::Resize(columns, rows) => Some(Done::Resize(columns, rows)),
        Event::Mouse(mouse) => match mouse.kind {
            MouseEventKind::Down(MouseButton::Left) => Some(Done::Key(Key::Point(mouse.row, mouse.column))),
            MouseEventKind::ScrollUp => Some(Done::Key(Key::Aid(Aid::Pf(7)))),
            MouseEventKind::ScrollDown => Some(Done::Key(Key::Aid(Aid::Pf(8)))),
            _ => None,
        },
        _ => None,
    }
}

fn key(event: KeyEvent, escaped: bool) -> Option<Done> {
    let held = |modifier| event.modifiers.contains(modifier);
    let (shift, control, alt) = (held(KeyModifiers::SHIFT), held(KeyModifiers::CONTROL), held(KeyModifiers::ALT) || escaped);
    let key = match event.code {
        KeyCode::F(number @ 1..=12) if shift || alt => Key::Aid(Aid::Pf(number + 12)),
        KeyCode::F(number @ 1..=24) => Key::Aid(Aid::Pf(number)),
        KeyCode::Char(c) if control => return with_control(c),
        KeyCode::Char(c) if alt => return with_alt(c).map(Done::Key),
        KeyCode::Char(c) => Key::Character(c),
        KeyCode::Enter if shift || alt => Key::NewLine,
        KeyCode::Enter => Key::Aid(Aid::Enter),
        KeyCode::PageUp => Key::Aid(Aid::Pf(7)),
        KeyCode::PageDown => Key::Aid(Aid::Pf(8)),
        KeyCode::Tab if shift => Key::BackTab,
        KeyCode::Tab => Key::Tab,
        KeyCode::BackTab => Key::BackTab,
        KeyCode::Backspace => Key::Backspace,
        KeyCode::Delete => Key::Delete,
        KeyCode::Insert => Key::Insert,
        KeyCode::Home => Key::Home,
        KeyCode::End => Key::End,
        KeyCode::Up => Key::Up,
        KeyCode::Down => Key::Down,
        KeyCode::Left => Key::Left,
        KeyCode::Right => Key::Right,
        KeyCode::Pause => Key::Aid(Aid::Clear),
        KeyCode::Esc if escaped => Key::Reset,
        KeyCode::Esc => return Some(Done::Escape),
        _ => return None,
    };
    Some(Done::Key(key))
}

fn with_control(c: char) -> Option<Done> {
    Some(match c.to_ascii_lowercase() {
        'c' => Done::Attention,
        'l' => Done::Redraw,
        'z' => Done::Suspend,
        'r' => Done::Key(Key::Reset),
        'k' | 'e' => Done::Key(Key::EraseEof),
        'u' => Done::Key(Key::EraseInput),
        'o' => Done::Key(Key::Insert),
        'a' => Done::Key(Key::Home),
        'j' => Done::Key(Key::NewLine),
        'h' => Done::Key(Key::Backspace),
        _ => return None,
    })
}

fn with_alt(c: char) -> Option<Key> {
    Some(match c.to_ascii_lowercase() {
        '1' => Key::Aid(Aid::Pa(1)),
        '2' => Key::Aid(Aid::Pa(2)),
        '3' => Key::Aid(Aid::Pa(3)),
        'c' => Key::Aid(Aid::Clear),
        'r' => Key::Reset,
        'e' => Key::EraseEof,
        'u' => Key::EraseInput,
        'i' => Key::Insert,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pressed(code: KeyCode, modifiers: KeyModifiers) -> Option<Done> {
        meaning(Event::Key(KeyEvent::new(code, modifiers)), false)
    }

    #[test]
    fn keys_are_those_of_the_guide() {
        use KeyModifiers as M;
        let key = |key| Some(Done::Key(key));
        for (code, modifiers, wanted) in [
            (KeyCode::F(3), M::NONE, key(Key::Aid(Aid::Pf(3)))),
            (KeyCode::F(3), M::SHIFT, key(Key::Aid(Aid::Pf(15)))),
            (KeyCode::F(24), M::NONE, key(Key::Aid(Aid::Pf(24)))),
            (KeyCode::Char('1'), M::ALT, key(Key::Aid(Aid::Pa(1)))),
            (KeyCode::Char('c'), M::CONTROL, Some(Done::Attention)),
            (KeyCode::Char('c'), M::ALT, key(Key::Aid(Aid::Clear))),
            (KeyCode::Char('c'), M::NONE, key(Key::Character('c'))),
            (KeyCode::Char('r'), M::CONTROL, key(Key::Reset)),
            (KeyCode::Char('e'), M::CONTROL, key(Key::EraseEof)),
            (KeyCode::BackTab, M::SHIFT, key(Key::BackTab)),
            (KeyCode::Enter, M::SHIFT, key(Key::NewLine)),
            (KeyCode::PageDown, M::NONE, key(Key::Aid(Aid::Pf(8)))),
            (KeyCode::Esc, M::NONE, Some(Done::Escape)),
            (KeyCode::Char('q'), M::CONTROL, None),
        ] {
            assert_eq!(pressed(code, modifiers), wanted, "{code:?}");
        }
        let escaped = |code| meaning(Event::Key(KeyEvent::new(code, M::NONE)), true);
        assert_eq!((escaped(KeyCode::Char('2')), escaped(KeyCode::Esc)), (key(Key::Aid(Aid::Pa(2))), key(Key::Reset)));
    }
}
