//! Functions on the words of strings.

use alloc::vec::Vec;

use super::super::error::{Error, Result};
use super::super::interpreter::Interpreter;
use super::super::value::{STRING_MAX, Value, buffer};
use super::Arguments;

/// What separates words.
fn blank(byte: &u8) -> bool {
    *byte == b' ' || *byte == b'\t'
}

/// Where each word begins and ends.
fn spans(text: &[u8]) -> impl Iterator<Item = (usize, usize)> {
    let mut at = 0;
    core::iter::from_fn(move || {
        let start = at + text[at..].iter().position(|byte| !blank(byte))?;
        let end = text[start..].iter().position(blank).map_or(text.len(), |length| start + length);
        at = end;
        Some((start, end))
    })
}

/// Where a word, from 1, begins and ends.
fn nth(text: &[u8], number: usize) -> Option<(usize, usize)> {
    spans(text).nth(number - 1)
}

pub fn words(_: &mut Interpreter, arguments: &Arguments) -> Result<Value> {
    Ok(Value::Int(spans(arguments.text(0)).count() as i64))
}

pub fn word(_: &mut Interpreter, arguments: &Arguments) -> Result<Value> {
    let text = arguments.text(0);
    let span = nth(text, arguments.position(1)?.unwrap_or(1));
    Ok(span.map_or(Value::NULL, |(start, end)| Value::string(&text[start..end])))
}

pub fn wordindex(_: &mut Interpreter, arguments: &Arguments) -> Result<Value> {
    let span = nth(arguments.text(0), arguments.position(1)?.unwrap_or(1));
    Ok(Value::Int(span.map_or(0, |(start, _)| start as i64 + 1)))
}

pub fn wordlength(_: &mut Interpreter, arguments: &Arguments) -> Result<Value> {
    let span = nth(arguments.text(0), arguments.position(1)?.unwrap_or(1));
    Ok(Value::Int(span.map_or(0, |(start, end)| (end - start) as i64)))
}

pub fn wordpos(_: &mut Interpreter, arguments: &Arguments) -> Result<Value> {
    phrase(arguments.text(0), arguments.text(1), arguments.position(2)?)
}

pub fn find(_: &mut Interpreter, arguments: &Arguments) -> Result<Value> {
    phrase(arguments.text(1), arguments.text(0), arguments.position(2)?)
}

/// The number of the word with which a phrase begins in a text; 0 when it is not there.
fn phrase(phrase: &[u8], text: &[u8], start: Option<usize>) -> Result<Value> {
    let split = |text| spans(text).collect::<Vec<_>>();
    let (wanted, there) = (split(phrase), split(text));
    let start = start.unwrap_or(1) - 1;
    if wanted.is_empty() || wanted.len() > there.len() {
        return Ok(Value::Int(0));
    }
    let same = |at: usize| wanted.iter().zip(&there[at..]).all(|((a, b), (c, d))| phrase[*a..*b] == text[*c..*d]);
    let at = (start..=there.len() - wanted.len()).find(|at| same(*at));
    Ok(Value::Int(at.map_or(0, |at| at as i64 + 1)))
}

pub fn subword(_: &mut Interpreter, arguments: &Arguments) -> Result<Value> {
    let text = arguments.text(0);
    let first = arguments.position(1)?.unwrap_or(1);
    let count = arguments.count_at(2)?;
    let mut rest = spans(text).skip(first - 1);
    let Some((start, mut end)) = rest.next().filter(|_| count != Some(0)) else {
        return Ok(Value::NULL);
    };
    if let Some(last) = rest.take(count.map_or(usize::MAX, |count| count - 1)).last() {
        end = last.1;
    }
    Ok(Value::string(&text[start..end]))
}

pub fn delword(_: &mut Interpreter, arguments: &Arguments) -> Result<Value> {
    let text = arguments.text(0);
    let first = arguments.position(1)?.unwrap_or(1);
    let count = arguments.count_at(2)?.unwrap_or(usize::MAX);
    let mut rest = spans(text).skip(first - 1);
    let Some((start, _)) = rest.next().filter(|_| count > 0) else {
        return Ok(Value::string(text));
    };
    // The blanks behind the deleted words go too.
    let end = rest.nth(count.saturating_sub(1)).map_or(text.len(), |(next, _)| next);
    let mut out = buffer(text.len() - (end - start))?;
    out.extend_from_slice(&text[..start]);
    out.extend_from_slice(&text[end..]);
    Ok(Value::from_vec(out))
}

pub fn space(_: &mut Interpreter, arguments: &Arguments) -> Result<Value> {
    let text = arguments.text(0);
    let count = arguments.count_at(1)?.unwrap_or(1);
    let pad = arguments.pad(2, b' ')?;
    let mut out: Vec<u8> = Vec::new();
    for (at, (start, end)) in spans(text).enumerate() {
        let gap = if at > 0 { count } else { 0 };
        let length = out.len().saturating_add(gap).saturating_add(end - start);
        if length > STRING_MAX || out.try_reserve(gap + end - start).is_err() {
            return Err(Error::storage());
        }
        out.resize(out.len() + gap, pad);
        out.extend_from_slice(&text[start..end]);
    }
    Ok(Value::from_vec(out))
}

pub fn justify(_: &mut Interpreter, arguments: &Arguments) -> Result<Value> {
    let text = arguments.text(0);
    let length = arguments.count_at(1)?.unwrap_or(0);
    let pad = arguments.pad(2, b' ')?;
    let mut out = buffer(length)?;
    // One blank stands between words; what is too long is cut.
    let words: Vec<&[u8]> = spans(text).map(|(start, end)| &text[start..end]).collect();
    let joined = words.join(&b' ');
    let kept = &joined[..joined.len().min(length)];
    let words: Vec<&[u8]> = spans(kept).map(|(start, end)| &kept[start..end]).collect();
    let free = length - words.iter().map(|word| word.len()).sum::<usize>();
    let gaps = words.len().saturating_sub(1);
    for (at, word) in words.iter().enumerate() {
        out.extend_from_slice(word);
        if at < gaps {
            // The gaps on the left get what does not come out even.
            out.resize(out.len() + free / gaps + usize::from(at < free % gaps), pad);
        }
    }
    out.resize(length, pad);
    Ok(Value::from_vec(out))
}
