//! What COPYFILE does with a record: translation and specifications. Pure.

use alloc::vec::Vec;

/// A part of the output record: where it comes from and where it goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Spec {
    from: Source,
    /// Column of the output record, from 1.
    to: usize,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Source {
    /// Columns of the input record, from 1, the last one included.
    Columns(usize, usize),
    /// These bytes.
    Literal(Vec<u8>),
}

/// Last column that may be named: that of the longest record.
const LAST_COLUMN: usize = minidisk::edf::MAX_RECORD as usize;

/// Takes a specification list apart: pairs of a source (`n`, `n-m`, `n-*`, `/text/` in any delimiter, `Hxx..`) and a column. `Err` is the
/// word that is wrong.
pub(super) fn specs(list: &[u8]) -> Result<Vec<Spec>, Vec<u8>> {
    let mut rest = list.trim_ascii();
    let mut specs = Vec::new();
    while !rest.is_empty() {
        let (from, after) = source(rest).ok_or_else(|| word(rest).to_vec())?;
        let target = word(after.trim_ascii_start());
        let to = column(target).ok_or_else(|| if target.is_empty() { rest.to_vec() } else { target.to_vec() })?;
        specs.push(Spec { from, to });
        rest = after.trim_ascii_start()[target.len()..].trim_ascii_start();
    }
    Ok(specs)
}

/// The first word of a text.
fn word(text: &[u8]) -> &[u8] {
    let end = text.iter().position(u8::is_ascii_whitespace).unwrap_or(text.len());
    &text[..end]
}

/// A column number.
fn column(word: &[u8]) -> Option<usize> {
    let text = core::str::from_utf8(word).ok()?;
    crate::words::number::<usize>(text).filter(|number| (1..=LAST_COLUMN).contains(number))
}

/// A source at the beginning of a text, and what follows it.
fn source(text: &[u8]) -> Option<(Source, &[u8])> {
    let first = *text.first()?;
    if first.is_ascii_digit() {
        let word = word(text);
        let range = match word.iter().position(|&byte| byte == b'-') {
            None => (column(word)?, column(word)?),
            Some(at) if &word[at + 1..] == b"*" => (column(&word[..at])?, LAST_COLUMN),
            Some(at) => (column(&word[..at])?, column(&word[at + 1..])?),
        };
        return (range.0 <= range.1).then(|| (Source::Columns(range.0, range.1), &text[word.len()..]));
    }
    if first.eq_ignore_ascii_case(&b'H') {
        let word = word(text);
        return Some((Source::Literal(hexadecimal(&word[1..])?), &text[word.len()..]));
    }
    if first.is_ascii_alphanumeric() {
        return None;
    }
    // Any other character delimits a string, which may hold blanks.
    let end = text[1..].iter().position(|&byte| byte == first)? + 1;
    (end > 1).then(|| (Source::Literal(text[1..end].to_vec()), &text[end + 1..]))
}

/// Bytes of hexadecimal digits, at least one.
fn hexadecimal(digits: &[u8]) -> Option<Vec<u8>> {
    let nibble = |digit: u8| char::from(digit).to_digit(16).map(|value| value as u8);
    if digits.is_empty() || !digits.len().is_multiple_of(2) {
        return None;
    }
    digits.chunks(2).map(|pair| Some(nibble(pair[0])? << 4 | nibble(pair[1])?)).collect()
}

/// Puts the parts of `record` that the specifications name into `out`, which is filled where nothing was.
pub(super) fn apply(specs: &[Spec], record: &[u8], out: &mut Vec<u8>, fill: u8) {
    for Spec { from, to } in specs {
        let part = match from {
            Source::Literal(bytes) => bytes.as_slice(),
            Source::Columns(first, last) => record.get(first - 1..(*last).min(record.len())).unwrap_or_default(),
        };
        overlay(part, to - 1, out, fill);
    }
}

/// Puts bytes over what stands at a place.
pub(super) fn overlay(part: &[u8], at: usize, out: &mut Vec<u8>, fill: u8) {
    let part = &part[..part.len().min(LAST_COLUMN.saturating_sub(at))];
    if out.len() < at + part.len() {
        out.resize(at + part.len(), fill);
    }
    out[at..at + part.len()].copy_from_slice(part);
}

/// What the keys of an 026 keypunch, which BCD files come from, are on an 029: the option EBCDIC of z/VM's COPYFILE.
pub(super) fn keypunch() -> [u8; 256] {
    let mut table: [u8; 256] = core::array::from_fn(|byte| byte as u8);
    b"%<&#@'".iter().zip(b"()+=':").for_each(|(from, to)| table[usize::from(*from)] = *to);
    table
}

/// Takes a translation list apart: pairs of characters, each as itself or in two hexadecimal digits. `Err` is the word that is wrong.
pub(super) fn translation(list: &[u8]) -> Result<[u8; 256], Vec<u8>> {
    let mut table: [u8; 256] = core::array::from_fn(|byte| byte as u8);
    let words: Vec<_> = list.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty()).collect();
    for pair in words.chunks(2) {
        let (from, to) = match pair {
            [from, to] => (from, to),
            _ => return Err(pair[0].to_vec()),
        };
        let byte = |word: &[u8]| match word {
            [byte] => Ok(*byte),
            [_, _] => hexadecimal(word).map(|bytes| bytes[0]).ok_or_else(|| word.to_vec()),
            word => Err(word.to_vec()),
        };
        table[usize::from(byte(from)?)] = byte(to)?;
    }
    Ok(table)
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::String;
    use alloc::vec;
    use proptest::prelude::*;

    fn made(list: &str, record: &str) -> String {
        let mut out = Vec::new();
        apply(&specs(list.as_bytes()).expect("a list"), record.as_bytes(), &mut out, b'.');
        String::from_utf8(out).expect("text")
    }

    #[test]
    fn specifications_move_columns_and_put_strings() {
        assert_eq!(made("1-3 5", "abcdef"), "....abc");
        assert_eq!(made("4-* 1 /of it/ 8 1 6", "abcdef"), "def..a.of it");
        assert_eq!(made("h414243 2 ,a b, 6", "x"), ".ABC.a b");
        assert_eq!(made("9-20 3", "short"), "..");
        assert_eq!(made("", "abc"), "");
    }

    #[test]
    fn wrong_words_of_a_list_are_named() {
        for (list, wrong) in [
            ("0 1", "0"),
            ("3-1 1", "3-1"),
            ("1-3 0", "0"),
            ("1-3 x", "x"),
            ("/open 1", "/open"),
            ("h123 4", "h123"),
            ("abc 1", "abc"),
            ("1-3", "1-3"),
            ("// 1", "//"),
            ("70000 1", "70000"),
        ] {
            assert_eq!(specs(list.as_bytes()), Err(wrong.as_bytes().to_vec()), "{list}");
        }
    }

    #[test]
    fn characters_are_translated_by_pairs() {
        let table = translation(b"a b  C1 41 z 20").expect("a list");
        assert_eq!((table[usize::from(b'a')], table[0xc1], table[usize::from(b'z')], table[0]), (b'b', b'A', b' ', 0));
        assert_eq!(translation(b"a"), Err(b"a".to_vec()));
        assert_eq!(translation(b"a xyz"), Err(b"xyz".to_vec()));
        assert_eq!(translation(b"a gg"), Err(b"gg".to_vec()));
    }

    proptest! {
        #[test]
        fn any_list_is_a_list_or_a_wrong_word(list in prop::collection::vec(any::<u8>(), 0..100), record in prop::collection::vec(any::<u8>(), 0..100)) {
            if let Ok(specs) = specs(&list) {
                let mut out = vec![];
                apply(&specs, &record, &mut out, b' ');
                prop_assert!(out.len() <= LAST_COLUMN);
            }
            let _ = translation(&list);
        }
    }
}
