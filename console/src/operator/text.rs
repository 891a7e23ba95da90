//! Text from guests, users and CP, made safe and cut to columns. Talks to nobody.
//!
//! The wire bounds frames but not what is in them, so every string that reaches the screen passes [`clean`] once, when it arrives.

use unicode_width::UnicodeWidthChar;

/// Longest line kept, in characters: about two full 80x24 screens' worth of one line, and enough for any CP response.
pub const LINE_MAX: usize = 2048;
/// Combining marks kept after one character; more only serve to smear a cell.
const MARKS_MAX: usize = 2;
/// Tab stops, in columns.
const TAB: usize = 8;

/// Which side of a table cell is padded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Align {
    /// Text starts at the left.
    Left,
    /// Figures end at the right.
    Right,
}

/// `text` with nothing in it that a terminal could take for an order, at most `limit` characters long.
///
/// Controls (C0, DEL, C1) become `.`, as a 3270 shows an unprintable byte; tabs become spaces; characters that reorder or join their
/// neighbours are dropped, because they would let one user's line change how another's is read.
pub fn clean(text: &str, limit: usize) -> String {
    if is_plain(text, limit) {
        return text.to_owned();
    }
    let (mut out, mut kept, mut marks) = (String::with_capacity(text.len().min(limit)), 0, 0);
    for c in text.chars() {
        if kept >= limit {
            break;
        }
        match c {
            '\t' => {
                let fill = (TAB - kept % TAB).min(limit - kept);
                out.extend(std::iter::repeat_n(' ', fill));
                kept += fill;
                continue;
            }
            // Three columns and more: a ligature that terminals disagree about.
            _ if c.is_control() || c.width() > Some(2) => out.push('.'),
            _ if reshapes(c) => continue,
            _ if c.width() == Some(0) => {
                marks += 1;
                if marks > MARKS_MAX {
                    continue;
                }
                out.push(c);
            }
            _ => {
                marks = 0;
                out.push(c);
            }
        }
        kept += 1;
    }
    out
}

/// Whether [`clean`] would change nothing: short printable ASCII, as nearly everything is.
pub fn is_plain(text: &str, limit: usize) -> bool {
    text.len() <= limit && text.bytes().all(|b| (b' '..0x7f).contains(&b))
}

/// Invisible characters that join, select a form, reorder or tag: zero-width joiners, bidirectional controls, variation selectors,
/// emoji modifiers, the byte order mark, line separators.
fn reshapes(c: char) -> bool {
    matches!(c,
        '\u{00ad}' | '\u{034f}' | '\u{061c}' | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{fff0}'..='\u{fffb}' | '\u{1f3fb}'..='\u{1f3ff}'
        | '\u{e0000}'..='\u{e0fff}')
}

/// Columns that `text` takes.
pub fn columns(text: &str) -> usize {
    text.chars().map(|c| c.width().unwrap_or(0)).sum()
}

/// As much of the start of `text` as fits in `width` columns.
pub fn clip(text: &str, width: usize) -> &str {
    let mut used = 0;
    for (at, c) in text.char_indices() {
        used += c.width().unwrap_or(0);
        if used > width {
            return &text[..at];
        }
    }
    text
}

/// Appends `text` to `out` as a table cell of exactly `width` columns.
pub fn cell(out: &mut String, text: &str, width: usize, align: Align) {
    let shown = clip(text, width);
    let fill = std::iter::repeat_n(' ', width - columns(shown));
    if align == Align::Right {
        out.extend(fill);
        out.push_str(shown);
    } else {
        out.push_str(shown);
        out.extend(fill);
    }
}

/// `text` in rows of at most `width` columns, broken where the row is full as a terminal does. At least one row.
pub fn wrap(text: &str, width: usize) -> Vec<&str> {
    let (mut rows, mut start, mut used) = (Vec::new(), 0, 0);
    for (at, c) in text.char_indices() {
        let w = c.width().unwrap_or(0);
        if used + w > width && at > start {
            rows.push(&text[start..at]);
            (start, used) = (at, 0);
        }
        used += w;
    }
    rows.push(&text[start..]);
    rows
}

/// `text` in rows of at most `width` columns, broken between words where that is possible. For prose; at least one row.
pub fn fill(text: &str, width: usize) -> Vec<&str> {
    let (mut rows, mut rest) = (Vec::new(), text);
    while columns(rest) > width {
        let fits = clip(rest, width).len();
        // The blank may stand just behind the row.
        let blank = rest.get(..fits + 1).unwrap_or(&rest[..fits]).rfind(' ').filter(|&at| !rest[..at].trim().is_empty());
        let end = blank.unwrap_or(fits).max(rest.chars().next().map_or(1, char::len_utf8));
        rows.push(&rest[..end]);
        rest = rest[end..].trim_start();
    }
    rows.push(rest);
    rows
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn an_escape_sequence_is_shown_and_not_obeyed() {
        assert_eq!(clean("a\x1b[2Jb\x07\u{9b}31m\x7f", 80), "a.[2Jb..31m.");
    }

    #[test]
    fn a_line_cannot_be_reordered_or_smeared() {
        assert_eq!(clean("user\u{202e}ROTAREPO", 80), "userROTAREPO");
        let smeared = format!("a{}b", "\u{0301}".repeat(500));
        assert_eq!(clean(&smeared, 80), "a\u{0301}\u{0301}b");
    }

    #[test]
    fn tabs_stop_every_eight_columns() {
        assert_eq!(clean("ab\tc\t", 80), "ab      c       ");
    }

    #[test]
    fn cells_are_exactly_as_wide_as_asked_whatever_is_in_them() {
        for text in ["", "MAINT", "日本語テスト", "averyverylongname"] {
            let mut out = String::new();
            cell(&mut out, text, 9, Align::Left);
            assert_eq!(columns(&out), 9, "{text}");
        }
    }

    #[test]
    fn a_wide_character_moves_whole_to_the_next_row() {
        assert_eq!(wrap("abc日本", 4), ["abc", "日本"]);
        assert_eq!(wrap("", 4), [""]);
    }

    #[test]
    fn prose_breaks_between_words() {
        assert_eq!(fill("CP closed the connection", 20), ["CP closed the", "connection"]);
        assert_eq!(fill("CP closed the  x", 13), ["CP closed the", "x"]);
        assert_eq!(fill("abcdefgh ij", 4), ["abcd", "efgh", "ij"]);
        assert_eq!(fill("", 4), [""]);
        assert_eq!(fill("日", 1), ["日", ""], "what never fits does not hang");
    }

    proptest! {
        #[test]
        fn nothing_that_arrives_keeps_a_control_character(text in any::<String>()) {
            let safe = clean(&text, 100);
            prop_assert!(safe.chars().all(|c| !c.is_control() && !reshapes(c)));
            prop_assert!(safe.chars().count() <= 100);
        }

        #[test]
        fn wrapping_loses_nothing_and_fits(text in "\\PC{0,200}", width in 2usize..40) {
            let text = clean(&text, LINE_MAX);
            let rows = wrap(&text, width);
            prop_assert_eq!(rows.concat(), text.clone());
            prop_assert!(rows.iter().all(|row| columns(row) <= width));
        }
    }
}
