//! From the records of a spool file to printed pages: carriage control, line spacing, overflow. Pure.
//!
//! A record's channel command says how the carriage moves, as on a line printer: write or immediate, a space of 0 to 3 lines or a skip to a
//! channel of the carriage tape. ASA carriage control is turned into these commands by who prints (CMS PRINT with option CC).

/// Most columns of a line; what is longer goes on in the next line.
pub const COLUMNS_MAX: usize = 204;

/// The carriage tape: the line, counted from 1, that each channel from 1 to 12 stands at on a form of 66 lines (VM's FCB1).
const TAPE: [(u8, usize); 12] = [(1, 1), (2, 3), (3, 5), (4, 7), (5, 9), (6, 11), (7, 13), (8, 15), (9, 64), (10, 19), (11, 21), (12, 23)];

/// What only a page printer knows to print.
const STRUCTURED_FIELD: u8 = 0x5a;

/// One printed page.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Page {
    /// Lines from the top. Each has what was struck there, one text over the other; an empty line has none.
    pub lines: Vec<Vec<String>>,
}

impl Page {
    /// A page of these lines.
    pub fn of(lines: impl IntoIterator<Item = String>) -> Self {
        Self { lines: lines.into_iter().map(|line| if line.is_empty() { Vec::new() } else { vec![line] }).collect() }
    }

    /// Columns of the longest line.
    pub fn columns(&self) -> usize {
        self.lines.iter().flatten().map(|text| text.chars().count()).max().unwrap_or(0)
    }

    fn strike(&mut self, line: usize, text: String) {
        if text.is_empty() {
            return;
        }
        while self.lines.len() <= line {
            self.lines.push(Vec::new());
        }
        self.lines[line].push(text);
    }

    fn is_blank(&self) -> bool {
        self.lines.iter().all(Vec::is_empty)
    }
}

/// How the carriage moves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Motion {
    Space(usize),
    Channel(u8),
}

/// What a channel command does: whether it prints, and how the carriage moves afterwards. `None` for one that does nothing here.
fn decode(command: u16) -> Option<(bool, Motion)> {
    let [operation, _] = command.to_le_bytes();
    let motion = if operation & 0x80 == 0 { Motion::Space(usize::from(operation >> 3 & 3)) } else { Motion::Channel(operation >> 3 & 0xf) };
    if operation == STRUCTURED_FIELD {
        return None;
    }
    match (operation & 7, operation & 0xc0) {
        // A card in the printer's queue (its commands feed and select a stacker): a line.
        (_, 0x40) | (2, _) => Some((true, Motion::Space(1))),
        (1, _) => Some((true, motion)),
        (3, _) if motion == Motion::Space(0) => None,
        (3, _) => Some((false, motion)),
        // Load a buffer, sense, and what no printer knows.
        _ => None,
    }
}

/// Prints records onto pages of a form.
pub struct Printing {
    form_lines: usize,
    page: Page,
    /// Where the carriage is, from 0.
    line: usize,
}

impl Printing {
    /// At the top of a form of so many lines.
    pub fn new(form_lines: usize) -> Self {
        Self { form_lines: form_lines.max(1), page: Page::default(), line: 0 }
    }

    /// Prints one record; pages that are full go to `out`.
    pub fn record<E>(&mut self, command: u16, data: &[u8], out: &mut impl FnMut(Page) -> Result<(), E>) -> Result<(), E> {
        let Some((prints, motion)) = decode(command) else { return Ok(()) };
        if prints {
            let mut pieces = pieces(data);
            let last = pieces.pop().unwrap_or_default();
            for piece in pieces {
                self.page.strike(self.line, piece);
                self.space(1, out)?;
            }
            self.page.strike(self.line, last);
        }
        match motion {
            Motion::Space(lines) => self.space(lines, out),
            Motion::Channel(channel) => self.skip(channel, out),
        }
    }

    /// The end of the file: the page in progress, if anything is on it.
    pub fn finish<E>(mut self, out: &mut impl FnMut(Page) -> Result<(), E>) -> Result<(), E> {
        if self.page.is_blank() { Ok(()) } else { out(std::mem::take(&mut self.page)) }
    }

    fn space<E>(&mut self, lines: usize, out: &mut impl FnMut(Page) -> Result<(), E>) -> Result<(), E> {
        self.line += lines;
        if self.line < self.form_lines {
            return Ok(());
        }
        self.line -= self.form_lines;
        out(std::mem::take(&mut self.page))
    }

    /// To the next line that has a hole in this channel. A channel without one would let a printer run away; it spaces one line here.
    fn skip<E>(&mut self, channel: u8, out: &mut impl FnMut(Page) -> Result<(), E>) -> Result<(), E> {
        let hole = TAPE.iter().find(|(number, line)| *number == channel && *line <= self.form_lines);
        let Some(&(_, line)) = hole else { return self.space(1, out) };
        let target = line - 1;
        // The top of a form on which nothing was printed is where the carriage is already.
        if target > self.line || (self.line == 0 && target == 0 && self.page.is_blank()) {
            self.line = target;
            return Ok(());
        }
        self.line = target;
        out(std::mem::take(&mut self.page))
    }
}

/// A record as lines of at most [`COLUMNS_MAX`] characters without blanks at the end; control characters are blanks.
fn pieces(data: &[u8]) -> Vec<String> {
    let text = String::from_utf8_lossy(data);
    let clean: Vec<char> = text.trim_end_matches([' ', '\0']).chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    clean.chunks(COLUMNS_MAX).map(|piece| piece.iter().collect::<String>().trim_end().to_string()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn printed(records: &[(u16, &str)]) -> Vec<Page> {
        let mut pages = Vec::new();
        let mut out = |page| {
            pages.push(page);
            Ok::<(), ()>(())
        };
        let mut printing = Printing::new(66);
        for (command, data) in records {
            printing.record(*command, data.as_bytes(), &mut out).unwrap();
        }
        printing.finish(&mut out).unwrap();
        pages
    }

    fn texts(page: &Page) -> Vec<(usize, String)> {
        page.lines.iter().enumerate().filter(|(_, line)| !line.is_empty()).map(|(at, line)| (at + 1, line.join("+"))).collect()
    }

    #[test]
    fn the_carriage_moves_as_the_commands_say() {
        let pages = printed(&[
            (0x8b, ""),
            (0x09, "one"),
            (0x11, "two"),
            (0x19, "four"),
            (0x01, "seven"),
            (0x09, "_____"),
            (0x0b, ""),
            (0x09, "nine"),
            (0x03, "a comment"),
            (0x5a, "for a page printer"),
            (0x89, "ten"),
            (0x93, ""),
            (0x09, "channel two"),
            (0xcb, ""),
            (0x09, "channel nine"),
        ]);
        assert_eq!(pages.len(), 2);
        let shown: Vec<_> = texts(&pages[0]).into_iter().map(|(line, text)| format!("{line} {text}")).collect();
        assert_eq!(shown, ["1 one", "2 two", "4 four", "7 seven+_____", "9 nine", "10 ten"]);
        assert_eq!(texts(&pages[1]), [(3, "channel two".to_string()), (64, "channel nine".to_string())]);
    }

    #[test]
    fn a_form_that_is_full_goes_on_at_the_next() {
        let many: Vec<(u16, &str)> = vec![(0x09, "line"); 133];
        let pages = printed(&many);
        assert_eq!(pages.iter().map(|page| texts(page).len()).collect::<Vec<_>>(), [66, 66, 1]);
    }

    #[test]
    fn a_line_that_is_too_long_is_not_cut() {
        let long = "x".repeat(500);
        let pages = printed(&[(0x09, long.as_str()), (0x41, "a card\u{7}")]);
        let shown = texts(&pages[0]);
        assert_eq!(shown.iter().map(|(_, text)| text.len()).collect::<Vec<_>>(), [204, 204, 92, 6]);
    }

    proptest! {
        #[test]
        fn any_records_end_up_on_pages_that_fit_the_form(records in prop::collection::vec((any::<u16>(), prop::collection::vec(any::<u8>(), 0..300)), 0..80)) {
            let mut pages = Vec::new();
            let mut out = |page: Page| { pages.push(page); Ok::<(), ()>(()) };
            let mut printing = Printing::new(66);
            for (command, data) in &records {
                printing.record(*command, data, &mut out).unwrap();
            }
            printing.finish(&mut out).unwrap();
            for page in pages {
                prop_assert!(page.lines.len() <= 66 && page.columns() <= COLUMNS_MAX);
            }
        }
    }
}
