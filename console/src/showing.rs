//! What one 3270 shows of a program's screen: data streams that keep it up with the console, and its keys on their way back. Pure.

use crate::presentation::inbound::Inbound;
use crate::presentation::paint::How;
use crate::presentation::{Cell, CodePage, Painter, Shown, Size, Space};
use crate::virtual_console::{Counts, Picture};

/// The code page of programs: what their data streams mean by a byte.
pub(crate) const PROGRAMS: CodePage = CodePage::Cp1047;

/// A terminal that shows a program's screen.
pub(crate) struct Showing {
    painter: Painter,
    page: CodePage,
    shown: Shown,
    counts: Counts,
    /// Size of the screen on the program's side.
    size: Size,
    /// Fields that were typed into: what exactly stands where in them only the terminal knows.
    typed: Vec<usize>,
}

impl Showing {
    /// One that shows something else so far.
    pub(crate) fn new(painter: Painter, page: CodePage) -> Self {
        Self { painter, page, shown: Shown::unknown(), counts: Counts::default(), size: painter.sizes.0, typed: Vec::new() }
    }

    /// The terminal shows something else now, or nothing.
    pub(crate) fn covered(&mut self) {
        self.shown = Shown::unknown();
        self.typed.clear();
    }

    /// The terminal's size of a screen: this one, or the larger of its own when it has no such size.
    fn size_for(&self, size: Size) -> Size {
        let (default, alternate) = self.painter.sizes;
        if size == default || size == alternate { size } else { alternate }
    }

    /// Makes the terminal show the picture: a command and its data.
    pub(crate) fn follow(&mut self, picture: &Picture) -> Option<Vec<u8>> {
        let (before, now) = (std::mem::replace(&mut self.counts, picture.counts), picture.counts);
        self.size = picture.space.size();
        let wanted = translated(&picture.space, self.size_for(self.size), PROGRAMS, self.page);
        if now.erased != before.erased {
            self.covered();
        }
        let typed = std::mem::take(&mut self.typed);
        let changed = |shown: &Space| {
            typed.iter().any(|&at| shown.cells().get(at).map(|cell| cell.code) != wanted.cells().get(at).map(|cell| cell.code))
        };
        if self.shown.space().is_some_and(|shown| changed(shown)) {
            typed.iter().for_each(|&at| self.shown.forget(at..at + 1));
        } else {
            self.typed = typed;
        }
        let how = How {
            restore: picture.unlocked,
            reset: now.reset != before.reset,
            cursor: now.cursor != before.cursor,
            alarm: now.alarms > before.alarms,
            ..How::default()
        };
        self.painter.paint(&mut self.shown, &wanted, &how)
    }

    /// What a terminal sent, as the program is to have it. A terminal with a screen of another size has sent the key alone.
    pub(crate) fn pressed(&mut self, mut key: Inbound) -> Inbound {
        if self.size_for(self.size) != self.size {
            key.fields.clear();
            return key;
        }
        if let Some(shown) = self.shown.space() {
            self.typed.extend(shown.typed(&key));
        }
        for (_, codes) in &mut key.fields {
            codes.iter_mut().for_each(|code| *code = self.page.converted(*code, PROGRAMS));
        }
        key
    }
}

/// The same screen in a terminal's size and code page.
fn translated(space: &Space, size: Size, from: CodePage, to: CodePage) -> Space {
    let mut wanted = Space::new(size);
    let columns = usize::from(space.size().columns);
    for (at, &cell) in space.cells().iter().enumerate() {
        let (row, column) = (at / columns, at % columns);
        if column < usize::from(size.columns) {
            let code = if cell.style.charset == 0 { from.converted(cell.code, to) } else { cell.code };
            wanted.put(size.at(row, column), Cell { code, ..cell });
        }
    }
    let cursor = space.cursor();
    wanted.set_cursor(size.at(cursor / columns, (cursor % columns).min(usize::from(size.columns) - 1)));
    wanted
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::presentation::inbound::Aid;
    use crate::presentation::outbound::Command;
    use crate::virtual_console::{Display, Role, VirtualConsole};
    use crate::{Attachment, ConsoleEvent, Limits};

    const SIZES: (Size, Size) = (Size::MODEL_2, Size::MODEL_5);

    /// A program's console, a terminal that obeys, and what is between them.
    struct Wired {
        console: Arc<VirtualConsole>,
        attachment: Attachment,
        showing: Showing,
        terminal: Space,
        page: CodePage,
    }

    impl Wired {
        fn new(page: CodePage) -> Self {
            let console = VirtualConsole::new(Limits::default());
            let attachment = console.attach(Role::Owner);
            attachment.set_display(Some(Display { sizes: SIZES, extended: true }));
            let showing = Showing::new(Painter { extended: true, sizes: SIZES }, page);
            Self { console, attachment, showing, terminal: Space::new(Size::MODEL_2), page }
        }

        fn write(&mut self, command: Command, data: &[u8]) {
            self.console.write_screen(command, data).unwrap();
            self.follow();
        }

        fn follow(&mut self) {
            while let Some(event) = self.attachment.try_next() {
                if let ConsoleEvent::Screen(picture) = event
                    && let Some(data) = self.showing.follow(&picture)
                {
                    self.terminal.apply(Command::from_byte(data[0]).unwrap(), &data[1..], SIZES).unwrap();
                }
            }
        }

        /// A person types into the field at `start`, `ahead` positions into it, and presses a key; what the program reads.
        fn type_and_press(&mut self, start: usize, ahead: usize, text: &str, aid: Aid) -> Vec<u8> {
            self.terminal.write(start + ahead, &self.page.encode_text(text), crate::presentation::Style::default());
            self.terminal.mark_modified(start);
            let sent = self.terminal.read_modified(aid, false);
            let key = self.showing.pressed(Inbound::parse(&sent, Size::MODEL_5).unwrap());
            self.console.press(&key);
            self.follow();
            self.console.read_screen(Command::ReadModified).unwrap().unwrap()
        }

        fn row(&self, row: usize) -> String {
            self.terminal.row_text(row, self.page)
        }
    }

    /// An input field of eight at 1, and text behind it.
    fn form() -> Vec<u8> {
        [&[0xc3, 0x1d, 0x40, 0x13, 0x11, 0x40, 0xc9, 0x1d, 0x60][..], &PROGRAMS.encode_text("text [^]")].concat()
    }

    #[test]
    fn characters_are_the_same_on_terminals_of_every_code_page() {
        for page in [CodePage::Cp037, CodePage::Cp1047, CodePage::Bracket] {
            let mut wired = Wired::new(page);
            wired.write(Command::EraseWriteAlternate, &form());
            assert_eq!((wired.row(0), wired.terminal.size()), ("          text [^]".to_string(), Size::MODEL_5));
            let read = wired.type_and_press(1, 0, "a[b]^", Aid::Enter);
            assert_eq!(Inbound::parse(&read, Size::MODEL_5).unwrap().field(1), Some(&PROGRAMS.encode_text("a[b]^")[..]));
        }
    }

    #[test]
    fn what_was_typed_stays_as_it_was_typed_until_the_program_changes_it() {
        let mut wired = Wired::new(CodePage::Bracket);
        wired.write(Command::EraseWrite, &form());
        wired.type_and_press(1, 3, "abc", Aid::Enter);
        // A clock elsewhere: the field is not sent again, and not moved.
        wired.write(Command::Write, &[0xc3, 0x11, 0xc1, 0x50, 0xf7]);
        assert!(wired.row(0).starts_with("    abc "), "{:?}", wired.row(0));
        assert!(wired.terminal.ruling(1).is_modified() == wired.console.read_screen(Command::ReadBuffer).is_err());
        // The program empties it: nothing of it is left, wherever it was.
        wired.write(Command::Write, &[0xc3, 0x11, 0x40, 0xc1, 0x3c, 0x40, 0xc9, 0x00]);
        assert_eq!(wired.row(0), "          text [^]");
    }

    #[test]
    fn what_is_typed_and_not_sent_stays_when_the_program_writes_elsewhere() {
        let mut wired = Wired::new(CodePage::Bracket);
        wired.write(Command::EraseWrite, &form());
        wired.terminal.write(1, &wired.page.encode_text("half"), crate::presentation::Style::default());
        wired.terminal.mark_modified(1);
        wired.write(Command::Write, &[0x40, 0x11, 0xc1, 0x50, 0xf7]);
        assert!(wired.row(0).starts_with(" half") && wired.terminal.ruling(1).is_modified());
    }

    #[test]
    fn after_something_else_was_shown_everything_is_sent_again() {
        let mut wired = Wired::new(CodePage::Bracket);
        wired.write(Command::EraseWrite, &form());
        wired.terminal.erase(Size::MODEL_5);
        wired.showing.covered();
        wired.write(Command::Write, &[0x40]);
        assert_eq!((wired.row(0), wired.terminal.cursor()), ("          text [^]".to_string(), 1));
    }

    #[test]
    fn a_smaller_terminal_shows_a_part_and_sends_keys_only() {
        let mut wired = Wired::new(CodePage::Bracket);
        wired.showing = Showing::new(Painter { extended: true, sizes: (Size::MODEL_2, Size::MODEL_2) }, wired.page);
        wired.write(Command::EraseWriteAlternate, &form());
        assert_eq!((wired.row(0), wired.terminal.size()), ("          text [^]".to_string(), Size::MODEL_2));
        let key = wired.showing.pressed(Inbound { aid: Aid::Enter, cursor: 3, fields: vec![(1, vec![0xc1])] });
        assert!(key.fields.is_empty());
    }
}
