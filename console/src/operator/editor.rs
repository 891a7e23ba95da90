//! One line being typed, with its history. Pure; the history's file is `history.rs`'s business.

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

use super::text;

/// Longest line that can be typed, in characters. CP's own console limit is shorter; CP says so.
const TYPED_MAX: usize = 1024;
/// Lines of history kept.
pub const HISTORY_MAX: usize = 1000;

/// A line of input and what was entered before it.
#[derive(Clone, Debug, Default)]
pub struct Editor {
    text: String,
    /// Byte offset into `text`, always on a character.
    cursor: usize,
    history: Vec<String>,
    recall: Option<Recall>,
}

/// A walk through the history: only lines that start with what was typed come up, as shells do.
#[derive(Clone, Debug)]
struct Recall {
    typed: String,
    at: usize,
}

impl Editor {
    /// An empty line over earlier lines, oldest first.
    pub fn with_history(history: Vec<String>) -> Self {
        Self { history, ..Self::default() }
    }

    /// What is typed so far.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// What stands left of the cursor.
    pub fn before_cursor(&self) -> &str {
        &self.text[..self.cursor]
    }

    /// Whether the cursor stands behind the last character.
    pub fn at_end(&self) -> bool {
        self.cursor == self.text.len()
    }

    /// Replaces the line; the cursor goes to its end.
    pub fn set(&mut self, text: &str) {
        self.text = text::clean(text, TYPED_MAX);
        self.cursor = self.text.len();
    }

    /// Empties the line and forgets the walk through the history.
    pub fn clear(&mut self) {
        self.text.clear();
        self.cursor = 0;
        self.recall = None;
    }

    /// Takes the line away, as ENTER does.
    pub fn take(&mut self) -> String {
        self.recall = None;
        self.cursor = 0;
        std::mem::take(&mut self.text)
    }

    /// Adds a line to the history, unless it is empty or repeats the last one. Says whether it did.
    pub fn remember(&mut self, line: &str) -> bool {
        if line.trim().is_empty() || self.history.last().is_some_and(|last| last == line) {
            return false;
        }
        if self.history.len() >= HISTORY_MAX {
            self.history.remove(0);
        }
        self.history.push(line.to_owned());
        true
    }

    /// Inserts text at the cursor; controls in it are made harmless.
    pub fn insert(&mut self, text: &str) {
        let room = TYPED_MAX.saturating_sub(self.text.chars().count());
        let text = text::clean(text, room);
        self.text.insert_str(self.cursor, &text);
        self.cursor += text.len();
        self.recall = None;
    }

    /// Handles an editing key. Says whether it was one.
    pub fn key(&mut self, key: KeyEvent) -> bool {
        let control = key.modifiers.contains(KeyModifiers::CONTROL);
        let alt = key.modifiers.contains(KeyModifiers::ALT);
        match key.code {
            KeyCode::Up => self.walk(true),
            KeyCode::Down => self.walk(false),
            KeyCode::Left if control || alt => self.cursor = self.word_left(),
            KeyCode::Right if control || alt => self.cursor = self.word_right(),
            KeyCode::Left => self.cursor = self.left(),
            KeyCode::Right => self.cursor = self.right(),
            KeyCode::Home => self.cursor = 0,
            KeyCode::End => self.cursor = self.text.len(),
            KeyCode::Backspace if control || alt => self.cut(self.word_left(), self.cursor),
            KeyCode::Backspace => self.cut(self.left(), self.cursor),
            KeyCode::Delete => self.cut(self.cursor, self.right()),
            KeyCode::Char(c) if control => return self.control(c),
            KeyCode::Char(_) if alt => return false,
            KeyCode::Char(c) => self.insert(c.encode_utf8(&mut [0; 4])),
            _ => return false,
        }
        true
    }

    fn control(&mut self, c: char) -> bool {
        match c.to_ascii_lowercase() {
            'a' => self.cursor = 0,
            'e' => self.cursor = self.text.len(),
            'b' => self.cursor = self.left(),
            'f' => self.cursor = self.right(),
            'd' => self.cut(self.cursor, self.right()),
            'h' => self.cut(self.left(), self.cursor),
            'k' => self.cut(self.cursor, self.text.len()),
            'u' => self.cut(0, self.cursor),
            'w' => self.cut(self.word_left(), self.cursor),
            'p' => self.walk(true),
            'n' => self.walk(false),
            _ => return false,
        }
        true
    }

    fn cut(&mut self, from: usize, to: usize) {
        self.text.replace_range(from..to, "");
        self.cursor = from;
        self.recall = None;
    }

    fn left(&self) -> usize {
        self.before_cursor().char_indices().next_back().map_or(0, |(at, _)| at)
    }

    fn right(&self) -> usize {
        self.text[self.cursor..].chars().next().map_or(self.cursor, |c| self.cursor + c.len_utf8())
    }

    fn word_left(&self) -> usize {
        let trimmed = self.before_cursor().trim_end();
        trimmed.rfind(char::is_whitespace).map_or(0, |at| at + trimmed[at..].chars().next().map_or(1, char::len_utf8))
    }

    fn word_right(&self) -> usize {
        let rest = &self.text[self.cursor..];
        let skipped = rest.len() - rest.trim_start().len();
        rest[skipped..].find(char::is_whitespace).map_or(self.text.len(), |at| self.cursor + skipped + at)
    }

    /// Goes to the next older (or newer) line that starts with what was typed; past the newest stands what was typed.
    fn walk(&mut self, older: bool) {
        let recall = self.recall.take().unwrap_or_else(|| Recall { typed: self.text.clone(), at: self.history.len() });
        let matches = |line: &&String| line.starts_with(&recall.typed);
        let found = if older {
            self.history[..recall.at].iter().rposition(|line| matches(&line))
        } else {
            let next = (recall.at + 1).min(self.history.len());
            self.history[next..].iter().position(|line| matches(&line)).map(|n| next + n)
        };
        let at = match (found, older) {
            (Some(at), _) => at,
            (None, true) => recall.at,
            (None, false) => self.history.len(),
        };
        let line = self.history.get(at).unwrap_or(&recall.typed).clone();
        self.set(&line);
        self.recall = Some(Recall { at, ..recall });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn press(editor: &mut Editor, codes: &[KeyCode]) {
        for code in codes {
            assert!(editor.key(KeyEvent::new(*code, KeyModifiers::NONE)));
        }
    }

    fn control(editor: &mut Editor, c: char) -> bool {
        editor.key(KeyEvent::new(KeyCode::Char(c), KeyModifiers::CONTROL))
    }

    #[test]
    fn letters_go_in_at_the_cursor_and_come_out_whole() {
        let mut editor = Editor::default();
        editor.insert("qery 日本");
        press(&mut editor, &[KeyCode::Home, KeyCode::Right, KeyCode::Char('u')]);
        assert_eq!(editor.text(), "query 日本");
        press(&mut editor, &[KeyCode::End, KeyCode::Backspace, KeyCode::Left, KeyCode::Delete]);
        assert_eq!(editor.take(), "query ");
        assert_eq!(editor.text(), "");
    }

    #[test]
    fn words_and_halves_can_be_cut() {
        let mut editor = Editor::default();
        editor.insert("force maint now");
        assert!(control(&mut editor, 'w'));
        assert_eq!(editor.text(), "force maint ");
        assert!(control(&mut editor, 'a'));
        editor.key(KeyEvent::new(KeyCode::Right, KeyModifiers::CONTROL));
        assert!(control(&mut editor, 'k'));
        assert_eq!(editor.text(), "force");
        assert!(!control(&mut editor, 'x'), "an unknown key is left to others");
    }

    #[test]
    fn up_finds_what_starts_like_the_typed_text_and_down_returns_to_it() {
        let mut editor = Editor::with_history(["query names", "msg op hello", "query time"].map(String::from).into());
        editor.insert("q");
        press(&mut editor, &[KeyCode::Up]);
        assert_eq!(editor.text(), "query time");
        press(&mut editor, &[KeyCode::Up, KeyCode::Up]);
        assert_eq!(editor.text(), "query names", "the oldest stays");
        press(&mut editor, &[KeyCode::Down, KeyCode::Down]);
        assert_eq!(editor.text(), "q");
    }

    #[test]
    fn history_is_bounded_and_does_not_repeat() {
        let mut editor = Editor::default();
        assert!(editor.remember("a"));
        assert!(!editor.remember("a"));
        assert!(!editor.remember("  "));
        for n in 0..HISTORY_MAX * 2 {
            editor.remember(&n.to_string());
        }
        assert_eq!(editor.history.len(), HISTORY_MAX);
    }

    #[test]
    fn a_pasted_flood_is_cut() {
        let mut editor = Editor::default();
        editor.insert(&"x\x1b".repeat(10_000));
        assert_eq!(editor.text().chars().count(), TYPED_MAX);
        assert!(!editor.text().contains('\x1b'));
    }
}
