//! Words: what stands between blanks and tabs.

/// What separates words.
pub fn blank(byte: u8) -> bool {
    byte == b' ' || byte == b'\t'
}

/// Where the first blank stands, or the end: eight characters at a time.
#[inline]
fn word_end(text: &[u8]) -> usize {
    const ONES: u64 = 0x0101_0101_0101_0101;
    const TOPS: u64 = 0x8080_8080_8080_8080;
    let mut at = 0;
    while let Some(chunk) = text.get(at..).and_then(<[u8]>::first_chunk::<8>) {
        let word = u64::from_le_bytes(*chunk);
        // The top bit of a byte is set where that byte is zero; above the first such byte it may be set too much.
        let zeros = |bytes: u64| bytes.wrapping_sub(ONES) & !bytes & TOPS;
        let found = zeros(word ^ (ONES * 0x20)) | zeros(word ^ (ONES * 0x09));
        if found != 0 {
            return at + found.trailing_zeros() as usize / 8;
        }
        at += 8;
    }
    at + text[at..].iter().position(|byte| blank(*byte)).unwrap_or(text.len() - at)
}

/// The first word of a text, and what follows it: one blank goes with the word.
#[inline(always)]
pub fn next_word(mut text: &[u8]) -> (&[u8], &[u8]) {
    while let [first, rest @ ..] = text
        && blank(*first)
    {
        text = rest;
    }
    let end = word_end(text);
    (&text[..end], text.get(end + 1..).unwrap_or_default())
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
                    assert_eq!(word_end(&text), blank_at, "{text:?}");
                }
            }
        }
    }

    #[test]
    fn a_word_is_taken_with_one_blank_behind_it() {
        assert_eq!(next_word(b"  one  two"), (&b"one"[..], &b" two"[..]));
        assert_eq!(next_word(b"one"), (&b"one"[..], &b""[..]));
        assert_eq!(next_word(b"\t "), (&b""[..], &b""[..]));
    }
}
