//! Words: what stands between blanks and tabs.

/// What separates words.
pub fn blank(byte: u8) -> bool {
    byte == b' ' || byte == b'\t'
}

/// How many of eight characters, the first one lowest, stand before the first that is a blank or below it in the order of characters.
#[inline(always)]
fn before_low(eight: u64) -> usize {
    const ONES: u64 = 0x0101_0101_0101_0101;
    const TOPS: u64 = 0x8080_8080_8080_8080;
    // The top bit of the first byte below `!` is set; above that byte it may be set too much.
    let low = eight.wrapping_sub(ONES * 0x21) & !eight & TOPS;
    low.trailing_zeros() as usize / 8
}

/// The eight characters at a place, the first one lowest, when there are as many.
#[inline(always)]
fn eight_at(text: &[u8], at: usize) -> Option<u64> {
    text.get(at..)?.first_chunk::<8>().map(|eight| u64::from_le_bytes(*eight))
}

/// Where the first blank at or behind a place stands, or the end: eight characters at a time.
#[inline(always)]
fn word_end(text: &[u8], mut at: usize) -> usize {
    while let Some(eight) = eight_at(text, at) {
        let before = before_low(eight);
        at += before;
        if before < 8 {
            if blank(text[at]) {
                return at;
            }
            at += 1;
        }
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

/// The word that begins at that place and has at most seven characters, a blank behind them: how many, and they as a number, the first one lowest. Most words
/// are such, and are found and taken in a few operations. `None`: not so, or too near the end of the text.
#[inline(always)]
pub fn small_word(text: &[u8], at: usize) -> Option<(u8, u64)> {
    let eight = eight_at(text, at)?;
    let length = before_low(eight);
    if length == 0 || length == 8 || !blank((eight >> (8 * length)) as u8) {
        return None;
    }
    Some((length as u8, eight & ((1 << (8 * length)) - 1)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn small_words_are_taken_as_numbers() {
        for length in 0..12 {
            let word: alloc::vec::Vec<u8> = (b'a'..).take(length).collect();
            let text = [b"  ".as_slice(), &word, b"\trest of it"].concat();
            let number = word.iter().rev().fold(0, |number, byte| number << 8 | u64::from(*byte));
            let expected = (1..8).contains(&length).then_some((length as u8, number));
            assert_eq!(small_word(&text, 2), expected);
        }
        assert_eq!(small_word(b"one two", 0), None, "less than eight characters");
        assert_eq!(small_word(b"a\nb c d e f", 0), None, "a line end is no blank");
        assert_eq!(small_word(b"word", 9), None);
    }

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
