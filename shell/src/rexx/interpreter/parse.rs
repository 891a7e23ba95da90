//! PARSE: where its string comes from, and how a template cuts it.

use alloc::format;

use super::super::code::{ParseItem, Pattern, Reference, Unit};
use super::super::error::{Error, Result};
use super::super::value::{Scratch, Value};
use super::super::word::next_word;
use super::{Interpreter, whole};

/// What PARSE VERSION tells: the name of the language, its level, the date of this implementation.
pub const VERSION: &str = concat!("REXX-CP64-", env!("CARGO_PKG_VERSION"), " 5.00 22 Nov 2026");

/// Where in the string the parsing stands.
struct Position {
    /// Where the part that is being cut begins.
    start: usize,
    /// Where the last pattern matched, from which relative columns count.
    matched: usize,
}

/// Where a pattern ends the part before it, and where the next part begins.
struct Cut {
    end: usize,
    start: usize,
    matched: usize,
}

impl Interpreter<'_> {
    /// Puts the string on the stack.
    pub(super) fn parse_source(&mut self, item: ParseItem) {
        let value = match item {
            ParseItem::External => Value::from_vec(self.environment.read_console()),
            ParseItem::Pull => Value::from_vec(self.environment.pull()),
            ParseItem::Numeric => {
                let numeric = self.settings.numeric;
                let form = if numeric.engineering { "ENGINEERING" } else { "SCIENTIFIC" };
                Value::string(format!("{} {} {form}", numeric.digits, numeric.fuzz).as_bytes())
            }
            ParseItem::Version => Value::string(VERSION.as_bytes()),
            ParseItem::Source => {
                let mut text = self.invocation.system.clone();
                text.push(b' ');
                text.extend_from_slice(self.invocation.kind.name().as_bytes());
                text.push(b' ');
                text.extend_from_slice(&self.invocation.source);
                Value::from_vec(text)
            }
        };
        self.push(value);
    }

    /// Cuts the string on the stack by a template.
    pub(super) fn parse(&mut self, unit: &Unit, template: u32) -> Result<()> {
        let template = &unit.templates[template as usize];
        if let Some(words) = &template.words
            && !self.tracing.results
        {
            if let Some(Some(value)) = self.stack.last() {
                self.variables.pools.set_words(words, value.bytes(&mut Scratch::new()));
            }
            self.discard();
            return Ok(());
        }
        let value = match self.stack.last() {
            Some(Some(value)) if template.upper => Value::from_vec(value.to_vec().to_ascii_uppercase()),
            // Only the reference is taken from the stack, which is faster than to move the value.
            Some(Some(Value::Long(bytes))) => Value::Long(bytes.clone()),
            Some(Some(value)) => value.clone(),
            _ => Value::NULL,
        };
        self.stack.pop();
        let mut scratch = Scratch::new();
        let text = value.bytes(&mut scratch);
        let mut at = Position { start: 0, matched: 0 };
        for (targets, pattern) in &template.parts {
            let cut = self.find(unit, text, &at, *pattern)?;
            // A column before the part's beginning: the part is the rest of the string.
            let part = match cut.end {
                end if end > at.start => &text[at.start.min(text.len())..end.min(text.len())],
                _ if matches!(pattern, Pattern::Literal(_) | Pattern::Variable(_) | Pattern::End) => &[],
                _ => &text[at.start.min(text.len())..],
            };
            self.spread(unit, targets, part)?;
            at = Position { start: cut.start, matched: cut.matched };
        }
        self.recycle(value);
        Ok(())
    }

    /// Where a pattern cuts.
    fn find(&mut self, unit: &Unit, text: &[u8], at: &Position, pattern: Pattern) -> Result<Cut> {
        let column = |to: usize| {
            let to = to.min(text.len());
            Cut { end: to, start: to, matched: to }
        };
        Ok(match pattern {
            Pattern::End => Cut { end: text.len(), start: text.len(), matched: text.len() },
            Pattern::Literal(constant) => search(text, at.start, unit.constants[constant as usize].bytes(&mut Scratch::new())),
            Pattern::Variable(variable) => {
                let wanted = self.pattern_value(unit, variable);
                search(text, at.start, wanted.bytes(&mut Scratch::new()))
            }
            Pattern::Column(number) => column((number as usize).saturating_sub(1)),
            Pattern::ColumnVariable(variable) => {
                let number = self.pattern_number(unit, variable)?;
                column(usize::try_from(number).unwrap_or(0).saturating_sub(1))
            }
            Pattern::Relative(columns) => column(relative(at.matched, columns)),
            Pattern::RelativeVariable(variable, back) => {
                let columns = self.pattern_number(unit, variable)?;
                column(relative(at.matched, if back { -columns } else { columns }))
            }
        })
    }

    fn pattern_value(&mut self, unit: &Unit, variable: Reference) -> Value {
        self.value_of(unit, variable)
    }

    fn pattern_number(&mut self, unit: &Unit, variable: Reference) -> Result<i64> {
        let value = self.pattern_value(unit, variable);
        whole(&value).filter(|number| *number >= 0).ok_or_else(|| Error::new(26, 4, &[&value.to_vec()]))
    }

    /// Gives a part to its targets: a word to each but the last, which gets the rest; a single one gets all.
    #[inline]
    fn spread(&mut self, unit: &Unit, targets: &[Option<Reference>], part: &[u8]) -> Result<()> {
        let Some((last, before)) = targets.split_last() else {
            return Ok(());
        };
        let mut at = 0;
        for target in before {
            let (start, end) = next_word(part, at);
            // One blank goes with the word.
            at = end + 1;
            self.give(unit, *target, part.get(start..end).unwrap_or_default())?;
        }
        self.give(unit, *last, part.get(at..).unwrap_or_default())
    }

    #[inline(always)]
    fn give(&mut self, unit: &Unit, target: Option<Reference>, text: &[u8]) -> Result<()> {
        match target {
            Some(Reference::Simple(name)) if !self.tracing.results => {
                self.variables.pools.set_string(name, text);
                Ok(())
            }
            None if !self.tracing.results => Ok(()),
            _ => self.give_traced(unit, target, text),
        }
    }

    #[inline(never)]
    fn give_traced(&mut self, unit: &Unit, target: Option<Reference>, text: &[u8]) -> Result<()> {
        match target {
            Some(reference) => {
                let value = Value::string(text);
                self.trace_parsed(&value, true);
                self.assign(unit, reference, value)
            }
            None => {
                self.trace_parsed(&Value::string(text), false);
                Ok(())
            }
        }
    }
}

/// A column counted from where the last pattern matched.
fn relative(from: usize, columns: i64) -> usize {
    if columns < 0 { from.saturating_sub(columns.unsigned_abs() as usize) } else { from.saturating_add(columns as usize) }
}

/// A string that is looked for; the end of the text when it is not there or null.
fn search(text: &[u8], from: usize, wanted: &[u8]) -> Cut {
    match super::super::builtin::find_in(text, wanted, from) {
        Some(at) if !wanted.is_empty() => Cut { end: at, start: at + wanted.len(), matched: at },
        _ => Cut { end: text.len(), start: text.len(), matched: text.len() },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_that_is_not_there_is_the_end() {
        let cut = search(b"abc", 0, b"x");
        assert_eq!((cut.end, cut.start, cut.matched), (3, 3, 3));
        assert_eq!(relative(2, -5), 0);
    }
}
