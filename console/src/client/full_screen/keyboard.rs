//! The keyboard of a 3270: what each key does to the screen, and what it sends. Pure (GA23-0059, "Keyboard Functions").
//!
//! One thing is kinder than on a 3278: a character where none may be typed sounds the alarm and locks nothing.

use crate::presentation::inbound::Aid;
use crate::presentation::outbound::{Command, StreamError};
use crate::presentation::{BLANK, SUBSTITUTE, Size, Space};
use crate::showing::PROGRAMS;

/// A key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Key {
    Character(char),
    /// Sends.
    Aid(Aid),
    Reset,
    Insert,
    Delete,
    Backspace,
    EraseEof,
    EraseInput,
    Tab,
    BackTab,
    NewLine,
    Home,
    /// Behind what is in the field.
    End,
    Up,
    Down,
    Left,
    Right,
    /// The cursor goes to a row and a column: a mouse was clicked there.
    Point(u16, u16),
}

/// What a key leads to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Pressed {
    /// Nothing but what is on the screen.
    Local,
    /// It cannot be done here.
    Refused,
    /// This is sent.
    Sent(Vec<u8>),
}

/// The screen and the state of the keyboard.
#[derive(Debug)]
pub(super) struct Keyboard {
    space: Space,
    locked: bool,
    insert: bool,
    single: bool,
}

impl Keyboard {
    pub(super) fn new() -> Self {
        Self { space: Space::new(Size::MODEL_2), locked: true, insert: false, single: false }
    }

    pub(super) fn space(&self) -> &Space {
        &self.space
    }

    /// Waiting for the program.
    pub(super) fn is_locked(&self) -> bool {
        self.locked
    }

    /// Each key is sent by itself: the program has a keyboard of its own.
    pub(super) fn is_single(&self) -> bool {
        self.single
    }

    pub(super) fn set_single(&mut self, single: bool) {
        self.single = single;
    }

    pub(super) fn inserts(&self) -> bool {
        self.insert
    }

    /// Takes a command and its data from the program; whether the alarm sounds.
    pub(super) fn obey(&mut self, record: &[u8], alternate: Size) -> Result<bool, StreamError> {
        let (&first, data) = record.split_first().ok_or(StreamError::Short)?;
        let command = Command::from_byte(first).ok_or(StreamError::Command(first))?;
        let effects = self.space.apply(command, data, (Size::MODEL_2, alternate))?;
        if effects.restored {
            self.locked = false;
            self.insert &= !effects.reset;
        }
        Ok(effects.alarm)
    }

    /// Presses a key. While the program is awaited only RESET does something.
    pub(super) fn press(&mut self, key: Key) -> Pressed {
        if self.locked && key != Key::Reset {
            return Pressed::Refused;
        }
        let at = self.space.cursor();
        let columns = usize::from(self.space.size().columns);
        let count = self.space.cells().len();
        let done = match key {
            Key::Aid(aid) => return self.send(aid),
            Key::Reset => {
                (self.locked, self.insert) = (false, false);
                true
            }
            Key::Insert => {
                self.insert = !self.insert;
                true
            }
            Key::Character(character) => self.character(at, character),
            Key::Delete => self.delete(at),
            Key::Backspace => {
                let before = (at + count - 1) % count;
                self.is_open(before) && {
                    self.space.set_cursor(before);
                    self.delete(before)
                }
            }
            Key::EraseEof => self.erase_to_end(at),
            Key::EraseInput => {
                // Cannot fail: it has no orders.
                self.space.apply(Command::EraseAllUnprotected, &[], (Size::MODEL_2, self.space.size())).is_ok()
            }
            Key::Tab => self.go(self.space.next_input(at).unwrap_or(0)),
            Key::BackTab => self.go(self.input_before(at)),
            Key::NewLine => {
                let next = (at / columns + 1) * columns % count;
                let open = |&at: &usize| self.is_open(at);
                let first = (0..count).map(|step| (next + step) % count).find(open).unwrap_or(0);
                self.go(first)
            }
            Key::Home => self.go(self.space.next_input(count - 1).or_else(|| self.space.next_input(0)).unwrap_or(0)),
            Key::End => self.end(at),
            Key::Up => self.go((at + count - columns) % count),
            Key::Down => self.go((at + columns) % count),
            Key::Left => self.go((at + count - 1) % count),
            Key::Right => self.go((at + 1) % count),
            Key::Point(row, column) => {
                let there = self.space.size().at(usize::from(row), usize::from(column));
                usize::from(column) < columns && there < count && self.go(there)
            }
        };
        if done { Pressed::Local } else { Pressed::Refused }
    }

    fn go(&mut self, to: usize) -> bool {
        self.space.set_cursor(to);
        true
    }

    fn send(&mut self, aid: Aid) -> Pressed {
        let data = self.space.read_modified(aid, false);
        if aid == Aid::Clear {
            self.space.erase(Size::MODEL_2);
        }
        (self.locked, self.insert) = (true, false);
        Pressed::Sent(data)
    }

    /// Whether a character may be typed there.
    fn is_open(&self, at: usize) -> bool {
        self.space.cells()[at].field.is_none() && !self.space.ruling(at).is_protected()
    }

    /// From a position to the end of its field; of the screen when there are no fields.
    fn rest(&self, at: usize) -> Vec<usize> {
        let count = self.space.cells().len();
        if self.space.is_formatted() {
            (0..count).map(|step| (at + step) % count).take_while(|&at| self.space.cells()[at].field.is_none()).collect()
        } else {
            (at..count).collect()
        }
    }

    fn put(&mut self, at: usize, code: u8) {
        let mut cell = self.space.cells()[at];
        cell.code = code;
        cell.style.charset = 0;
        self.space.put(at, cell);
    }

    fn code(&self, at: usize) -> u8 {
        self.space.cells()[at].code
    }

    fn character(&mut self, at: usize, character: char) -> bool {
        let code = PROGRAMS.encode(character);
        if !self.is_open(at) || code == SUBSTITUTE && character != '?' || code < BLANK {
            return false;
        }
        if self.insert && !self.make_room(at) {
            return false;
        }
        self.put(at, code);
        self.space.mark_modified(at);
        let next = (at + 1) % self.space.cells().len();
        match self.space.cells()[next].field {
            // The field ends here: past what is skipped, else onto the first position behind its end.
            Some(field) if field.is_skipped() => self.go(self.space.next_input(next).unwrap_or(0)),
            Some(_) => self.go((next + 1) % self.space.cells().len()),
            None => self.go(next),
        }
    }

    /// Moves what is at and behind a position by one, over a null or a blank at the end.
    fn make_room(&mut self, at: usize) -> bool {
        let rest = self.rest(at);
        let null = rest.iter().position(|&at| self.code(at) == 0);
        let blank = rest.last().filter(|&&at| self.code(at) == BLANK).map(|_| rest.len() - 1);
        let Some(room) = null.or(blank) else { return false };
        for pair in (0..room).rev() {
            self.put(rest[pair + 1], self.code(rest[pair]));
        }
        true
    }

    fn delete(&mut self, at: usize) -> bool {
        if !self.is_open(at) {
            return false;
        }
        let rest = self.rest(at);
        for pair in rest.windows(2) {
            self.put(pair[0], self.code(pair[1]));
        }
        rest.last().into_iter().for_each(|&last| self.put(last, 0));
        self.space.mark_modified(at);
        true
    }

    fn erase_to_end(&mut self, at: usize) -> bool {
        if !self.is_open(at) {
            return false;
        }
        self.rest(at).into_iter().for_each(|at| self.put(at, 0));
        self.space.mark_modified(at);
        true
    }

    /// The beginning of this field, or from there of the one before.
    fn input_before(&self, at: usize) -> usize {
        let count = self.space.cells().len();
        let begins = |at: usize| {
            let before = (at + count - 1) % count;
            self.space.cells()[before].field.is_some_and(|field| !field.is_protected()) && self.space.cells()[at].field.is_none()
        };
        (1..=count).map(|step| (at + count - step) % count).find(|&at| begins(at)).unwrap_or(0)
    }

    fn end(&mut self, at: usize) -> bool {
        if !self.is_open(at) {
            return false;
        }
        let field: Vec<usize> = match self.space.attribute_of(at) {
            Some(attribute) => self.space.field(attribute).collect(),
            None => self.rest(0),
        };
        let behind = field.iter().rposition(|&at| !matches!(self.code(at), 0 | BLANK)).map_or(0, |last| last + 1);
        match field.get(behind.min(field.len() - 1)) {
            Some(&to) => self.go(to),
            None => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Text, an input field of five at 4, a skipped one, an input field of three at 12, text.
    const FORM: [u8; 20] =
        [0xf5, 0xc3, 0x1d, 0x60, 0xc1, 0xc2, 0x1d, 0x40, 0x13, 0x11, 0x40, 0xc9, 0x1d, 0xf0, 0x11, 0x40, 0x4b, 0x1d, 0x40, 0x40];

    fn keyboard() -> Keyboard {
        let mut keyboard = Keyboard::new();
        let end = [0x11, 0x40, 0x4f, 0x1d, 0x60];
        keyboard.obey(&[&FORM[..19], &end].concat(), Size::MODEL_2).unwrap();
        keyboard
    }

    fn typed(keyboard: &mut Keyboard, text: &str) {
        text.chars().for_each(|c| assert_eq!(keyboard.press(Key::Character(c)), Pressed::Local, "{c}"));
    }

    fn row(keyboard: &Keyboard) -> String {
        keyboard.space().row_text(0, PROGRAMS)
    }

    fn cursor(keyboard: &Keyboard) -> usize {
        keyboard.space().cursor()
    }

    #[test]
    fn characters_go_from_field_to_field_and_are_sent() {
        let mut keyboard = keyboard();
        assert_eq!((cursor(&keyboard), keyboard.is_locked()), (4, false));
        typed(&mut keyboard, "abcdexy");
        assert_eq!((row(&keyboard).as_str(), cursor(&keyboard)), (" AB abcde   xy", 14));
        let Pressed::Sent(data) = keyboard.press(Key::Aid(Aid::Enter)) else { panic!("ENTER sends") };
        assert_eq!(data, [0x7d, 0x40, 0x4e, 0x11, 0x40, 0xc4, 0x81, 0x82, 0x83, 0x84, 0x85, 0x11, 0x40, 0x4c, 0xa7, 0xa8]);
        assert_eq!((keyboard.press(Key::Character('z')), keyboard.is_locked()), (Pressed::Refused, true));
        keyboard.press(Key::Reset);
        assert_eq!(keyboard.press(Key::Aid(Aid::Pa(2))), Pressed::Sent(vec![0x6e]));
        keyboard.obey(&[0xf1, 0xc3], Size::MODEL_2).unwrap();
        assert_eq!(keyboard.press(Key::Aid(Aid::Clear)), Pressed::Sent(vec![0x6d]));
        assert_eq!(row(&keyboard), "", "CLEAR empties the screen");
    }

    #[test]
    fn protected_places_and_characters_that_there_are_not_are_refused() {
        let mut keyboard = keyboard();
        assert_eq!(keyboard.press(Key::Character('✓')), Pressed::Refused);
        keyboard.press(Key::Home);
        keyboard.press(Key::Left);
        for key in [Key::Character('a'), Key::Delete, Key::EraseEof, Key::Backspace, Key::End, Key::Point(24, 0), Key::Point(0, 80)] {
            assert_eq!(keyboard.press(key), Pressed::Refused, "{key:?}");
        }
        assert_eq!(row(&keyboard), " AB");
    }

    #[test]
    fn editing_stays_in_its_field() {
        let mut keyboard = keyboard();
        typed(&mut keyboard, "acd");
        keyboard.press(Key::Left);
        keyboard.press(Key::Left);
        keyboard.press(Key::Insert);
        typed(&mut keyboard, "bX");
        assert_eq!((row(&keyboard).as_str(), keyboard.inserts()), (" AB abXcd", true));
        assert_eq!(keyboard.press(Key::Character('y')), Pressed::Refused, "there is no room");
        keyboard.press(Key::Backspace);
        assert_eq!(row(&keyboard), " AB abcd");
        keyboard.press(Key::Left);
        keyboard.press(Key::Delete);
        assert_eq!(row(&keyboard), " AB acd");
        keyboard.press(Key::EraseEof);
        assert_eq!((row(&keyboard).as_str(), cursor(&keyboard)), (" AB a", 5));
        keyboard.press(Key::End);
        assert_eq!(cursor(&keyboard), 5);
        keyboard.press(Key::EraseInput);
        assert_eq!((row(&keyboard).as_str(), cursor(&keyboard)), (" AB", 4));
        let Pressed::Sent(data) = keyboard.press(Key::Aid(Aid::Enter)) else { panic!("ENTER sends") };
        assert_eq!(data.len(), 3, "nothing is modified any more");
    }

    #[test]
    fn the_cursor_goes_from_field_to_field_and_anywhere() {
        let mut keyboard = keyboard();
        let mut after = |key| {
            assert_eq!(keyboard.press(key), Pressed::Local);
            keyboard.space().cursor()
        };
        assert_eq!([Key::Tab, Key::Tab, Key::BackTab, Key::BackTab].map(&mut after), [12, 4, 12, 4]);
        assert_eq!([Key::Right, Key::BackTab, Key::Up, Key::Down, Key::Left].map(&mut after), [5, 4, 1844, 4, 3]);
        assert_eq!([Key::Point(7, 9), Key::Home, Key::NewLine].map(&mut after), [569, 4, 4]);
    }

    #[test]
    fn a_screen_without_fields_is_all_input() {
        let mut keyboard = Keyboard::new();
        keyboard.obey(&[0xf5, 0xc3], Size::MODEL_2).unwrap();
        keyboard.press(Key::Point(23, 78));
        typed(&mut keyboard, "end");
        assert_eq!((keyboard.space().row_text(23, PROGRAMS).trim(), row(&keyboard).as_str()), ("en", "d"));
        keyboard.press(Key::EraseEof);
        assert_eq!((cursor(&keyboard), row(&keyboard).as_str()), (1, "d"));
    }

    fn keys() -> impl Strategy<Value = Key> {
        prop_oneof![
            8 => prop::sample::select(vec!['a', 'Z', '5', ' ', 'é', '✓']).prop_map(Key::Character),
            6 => prop::sample::select(vec![Key::Insert, Key::Delete, Key::Backspace, Key::EraseEof, Key::EraseInput, Key::Tab, Key::BackTab,
                Key::NewLine, Key::Home, Key::End, Key::Up, Key::Down, Key::Left, Key::Right, Key::Reset]),
            1 => (0..30u16, 0..90u16).prop_map(|(row, column)| Key::Point(row, column)),
            1 => prop::sample::select(vec![Key::Aid(Aid::Enter), Key::Aid(Aid::Clear), Key::Aid(Aid::Pf(3))]),
        ]
    }

    proptest! {
        #[test]
        fn no_key_changes_what_is_protected(orders in prop::collection::vec(any::<u8>(), 0..300), keys in prop::collection::vec(keys(), 0..80)) {
            let mut keyboard = Keyboard::new();
            let _ = keyboard.obey(&[&[0xf5, 0xc3][..], &orders].concat(), Size::MODEL_2);
            keyboard.press(Key::Reset);
            let protected = |space: &Space| -> Vec<(usize, u8)> {
                let closed = |at: usize| space.is_formatted() && (space.cells()[at].field.is_some() || space.ruling(at).is_protected());
                (0..space.cells().len()).step_by(7).filter(|&at| closed(at)).map(|at| (at, space.cells()[at].code)).collect()
            };
            let before = protected(keyboard.space());
            for key in keys {
                if key == Key::Aid(Aid::Clear) {
                    continue;
                }
                keyboard.press(key);
                keyboard.press(Key::Reset);
                prop_assert!(keyboard.space().cursor() < 1920);
            }
            prop_assert_eq!(protected(keyboard.space()), before);
        }
    }
}
