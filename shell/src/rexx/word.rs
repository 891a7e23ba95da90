//! Words: what stands between blanks and tabs.

/// What separates words.
pub fn blank(byte: u8) -> bool {
    byte == b' ' || byte == b'\t'
}

/// Where the first blank at or behind a place stands, or the end: eight characters at a time.
#[inline(always)]
fn word_end(text: &[u8], mut at: usize) -> usize {
    const ONES: u64 = 0x0101_0101_0101_0101;
    const TOPS: u64 = 0x8080_8080_8080_8080;
    while let Some(chunk) = text.get(at..).and_then(<[u8]>::first_chunk::<8>) {
        let word = u64::from_le_bytes(*chunk);
        // The top bit of the first byte below `!` is set; above that byte it may be set too much.
        let low = word.wrapping_sub(ONES * 0x21) & !word & TOPS;
        if low == 0 {
            at += 8;
            continue;
        }
        at += low.trailing_zeros() as usize / 8;
        if blank(text[at]) {
            return at;
        }
        at += 1;
    }
    while at < text.len() && !blank(text[at]) {
        at += 1;
    }
    at
}

/// The first word at or behind a place: where it begins and ends.
#[inline(always)]
pub fn next_word(text: &[u8], mut at: usize) -> (usize, usize) {
    while at < text.len() && blank(text[at]) {
        at += 1;
    }
    (at, word_end(text, at))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_end_at_the_first_blank_or_tab() {
        for length in 0..40 {
            for blank_at in 0..=length {
                for (separator, other) in [(b' ', b'!'), (b'\t', b'\n'), (b' ', 0x21), (b'\t', 0x0a), (b' ', 0xa0)] {
                    let mut text = alloc::vec![other; length];
                    text[blank_at..].iter_mut().step_by(3).for_each(|byte| *byte = separator);
                    assert_eq!(word_end(&text, 0), blank_at, "{text:?}");
                }
            }
        }
    }

    #[test]
    fn the_next_word_stands_behind_blanks() {
        assert_eq!(next_word(b"  one  two", 0), (2, 5));
        assert_eq!(next_word(b"  one  two", 6), (7, 10));
        assert_eq!(next_word(b"one", 0), (0, 3));
        assert_eq!(next_word(b"\t ", 1), (2, 2));
        assert_eq!(next_word(b"one", 4), (4, 4));
    }
}
