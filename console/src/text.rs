//! Text on its way to or from a terminal, made harmless. Pure.

/// Longest console line in bytes of UTF-8.
pub const LINE_MAX: usize = 4096;

/// Columns between tab stops.
const TAB: usize = 8;

/// Whether a terminal would act on `c` instead of showing it: C0 and C1 controls, DEL, line and paragraph separators,
/// and the invisible characters that reorder text (bidirectional controls).
pub fn is_control(c: char) -> bool {
    c.is_control() || matches!(c, '\u{200e}' | '\u{200f}' | '\u{061c}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
}

/// Splits output at LF (or CR LF) into lines of at most [`LINE_MAX`] bytes; tabs become blanks up to the next stop, every other control
/// character a full stop. Text without an LF, and empty text, is one line; an LF at the very end begins no line.
pub fn lines(text: &str) -> impl Iterator<Item = String> + '_ {
    let text = text.strip_suffix('\n').unwrap_or(text);
    text.split('\n').flat_map(|line| harmless(line.strip_suffix('\r').unwrap_or(line)))
}

fn harmless(line: &str) -> Vec<String> {
    let mut done = Vec::new();
    let mut now = String::with_capacity(line.len().min(LINE_MAX));
    let mut column = 0;
    for c in line.chars() {
        let (shown, times) = match c {
            '\t' => (' ', TAB - column % TAB),
            c if is_control(c) => ('.', 1),
            c => (c, 1),
        };
        for _ in 0..times {
            if now.len() + shown.len_utf8() > LINE_MAX {
                done.push(std::mem::take(&mut now));
                column = 0;
            }
            now.push(shown);
            column += 1;
        }
    }
    done.push(now);
    done
}

/// Cuts a line into pieces of at most `columns` characters; an empty line is one piece.
pub fn folded(line: &str, columns: usize) -> impl Iterator<Item = &str> {
    let mut rest = Some(line);
    std::iter::from_fn(move || {
        let line = rest?;
        let (piece, behind) = line.char_indices().nth(columns).map_or((line, None), |(end, _)| (&line[..end], Some(&line[end..])));
        rest = behind;
        Some(piece)
    })
}

/// A line that somebody typed: without its end and without control characters (a tab becomes a blank), cut to [`LINE_MAX`] bytes.
pub fn typed(line: &str) -> String {
    let mut clean = String::with_capacity(line.len().min(LINE_MAX));
    for c in line.chars() {
        let c = if c == '\t' { ' ' } else { c };
        if is_control(c) {
            continue;
        }
        if clean.len() + c.len_utf8() > LINE_MAX {
            break;
        }
        clean.push(c);
    }
    clean
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn shown(text: &str) -> Vec<String> {
        lines(text).collect()
    }

    #[test]
    fn escape_sequences_are_shown_not_sent() {
        assert_eq!(shown("\u{1b}]0;owned\u{7}\u{1b}[2J\u{9b}31mhi\u{7f}"), [".]0;owned..[2J.31mhi."]);
        assert_eq!(shown("abc\u{202e}cba"), ["abc.cba"]);
    }

    #[test]
    fn line_ends_split_and_tabs_align() {
        assert_eq!(shown(""), [""]);
        assert_eq!(shown("\n"), [""]);
        assert_eq!(shown("one\r\ntwo\n\nthree\n"), ["one", "two", "", "three"]);
        assert_eq!(shown("a\tb"), ["a       b"]);
        assert_eq!(shown("over\rwrite"), ["over.write"]);
    }

    #[test]
    fn a_long_line_goes_on_in_the_next_without_loss() {
        let long = "é".repeat(3000);
        let parts = shown(&long);
        assert_eq!(parts.len(), 2);
        assert_eq!(parts.concat(), long);
    }

    #[test]
    fn a_folded_line_is_all_there() {
        let cut = |line, columns| folded(line, columns).collect::<Vec<_>>();
        assert_eq!(cut("", 3), [""]);
        assert_eq!(cut("äbc", 3), ["äbc"]);
        assert_eq!(cut("äbcdefg", 3), ["äbc", "def", "g"]);
    }

    #[test]
    fn typed_lines_lose_controls_and_are_cut() {
        assert_eq!(typed("list\u{1b}[Afile\t*\r\n"), "list[Afile *");
        assert_eq!(typed(&"é".repeat(5000)).len(), LINE_MAX);
    }

    proptest! {
        #[test]
        fn no_control_character_ever_passes(text in any::<String>()) {
            for line in lines(&text) {
                prop_assert!(line.len() <= LINE_MAX);
                prop_assert!(!line.chars().any(is_control));
            }
            prop_assert!(!typed(&text).chars().any(is_control));
        }
    }
}
