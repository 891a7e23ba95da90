//! Variables in a run: values of symbols, assignment, DROP, UPPER, PROCEDURE.

use alloc::vec::Vec;

use super::super::code::*;
use super::super::error::{Error, Result};
use super::super::stem::Place;
use super::super::value::{Scratch, Value};
use super::super::variables::{self, Named, Resolved};
use super::{Entry, Flow, Interpreter, push_copy};

impl Interpreter<'_> {
    /// The tail of a compound symbol with the values of its variables.
    fn derive(&mut self, name: &CompoundName, tail: &mut Vec<u8>) {
        tail.clear();
        for (at, part) in name.tail.iter().enumerate() {
            if at > 0 {
                tail.push(b'.');
            }
            let mut scratch = Scratch::new();
            match part {
                TailPart::Constant(value) => tail.extend_from_slice(value.bytes(&mut scratch)),
                TailPart::Variable(variable) => match self.variables.pools.get(*variable) {
                    Some(value) => {
                        tail.extend_from_slice(value.bytes(&mut scratch));
                        if self.tracing.intermediates {
                            let value = value.clone();
                            self.trace_intermediate("V", &value);
                        }
                    }
                    None => tail.extend_from_slice(self.variables.names.name(*variable)),
                },
            }
        }
    }

    /// The name of a compound variable in full.
    fn full_name(&self, stem: u32, tail: &[u8]) -> Vec<u8> {
        let mut name = self.variables.names.name(stem).to_vec();
        name.extend_from_slice(tail);
        name
    }

    /// The value of a compound symbol.
    pub(super) fn compound(&mut self, unit: &Unit, number: u32) -> Result<Flow> {
        let name = &unit.compounds[number as usize];
        if let Some(place) = self.place(name)
            && let Some(value) = self.variables.pools.at_place(name.stem, place)
        {
            push_copy(&mut self.stack, value);
            return Ok(Flow::Next);
        }
        let mut tail = core::mem::take(&mut self.tail);
        self.derive(name, &mut tail);
        if self.tracing.intermediates {
            let full = Value::from_vec(self.full_name(name.stem, &tail));
            self.trace_intermediate("C", &full);
        }
        let value = self.variables.pools.get_compound(name.stem, &tail).cloned();
        self.tail = tail;
        match value {
            Some(value) => {
                if self.tracing.intermediates {
                    self.trace_intermediate("V", &value);
                }
                self.push(value);
                Ok(Flow::Next)
            }
            None => {
                let full = Value::from_vec(self.full_name(name.stem, &self.tail));
                self.unset_name(full)
            }
        }
    }

    /// A symbol without a value.
    pub(super) fn unset(&mut self, reference: Reference) -> Result<Flow> {
        let name = match reference {
            Reference::Simple(name) | Reference::Stem(name) => Value::string(self.variables.names.name(name)),
            Reference::Compound(_) => unreachable!("compound symbols have their own way"),
        };
        self.unset_name(name)
    }

    /// A symbol without a value stands for its name, unless NOVALUE is trapped.
    fn unset_name(&mut self, name: Value) -> Result<Flow> {
        if self.trapped(Condition::NoValue) {
            return self.raise(Condition::NoValue, name);
        }
        self.trace_intermediate("L", &name);
        self.push(name);
        Ok(Flow::Next)
    }

    pub(super) fn assign_compound(&mut self, unit: &Unit, number: u32) -> Result<()> {
        let value = self.pop();
        if self.tracing.results {
            self.trace_result(&value);
        }
        self.set_compound(&unit.compounds[number as usize], value)
    }

    /// The place of a tail of one or two whole numbers, unless names are traced.
    #[inline]
    fn place(&self, name: &CompoundName) -> Option<Place> {
        match &name.tail[..] {
            _ if self.tracing.intermediates => None,
            [at] => Some(Place::InList(self.index(at)?)),
            [row, at] => Some(Place::InRow(self.index(row)?, self.index(at)?)),
            _ => None,
        }
    }

    #[inline]
    fn index(&self, part: &TailPart) -> Option<usize> {
        let value = match part {
            TailPart::Variable(variable) => self.variables.pools.get(*variable)?,
            TailPart::Constant(value) => value,
        };
        match value {
            Value::Int(number) => usize::try_from(*number).ok(),
            _ => None,
        }
    }

    fn set_compound(&mut self, name: &CompoundName, mut value: Value) -> Result<()> {
        if let Some(place) = self.place(name) {
            match self.variables.pools.set_place(name.stem, place, value)? {
                None => return Ok(()),
                Some(back) => value = back,
            }
        }
        let mut tail = core::mem::take(&mut self.tail);
        self.derive(name, &mut tail);
        if self.tracing.intermediates {
            let full = Value::from_vec(self.full_name(name.stem, &tail));
            self.trace_intermediate("C", &full);
        }
        let done = self.variables.pools.set_compound(name.stem, &tail, value);
        self.tail = tail;
        done
    }

    /// Assigns to a variable as the program names it.
    pub(super) fn assign(&mut self, unit: &Unit, reference: Reference, value: Value) -> Result<()> {
        match reference {
            Reference::Simple(name) => self.variables.pools.set(name, value),
            Reference::Stem(name) => self.variables.pools.reset_stem(name, Some(value)),
            Reference::Compound(number) => self.set_compound(&unit.compounds[number as usize], value)?,
        }
        Ok(())
    }

    /// The value of a variable as the program names it; its name when it has none.
    pub(super) fn value_of(&mut self, unit: &Unit, reference: Reference) -> Value {
        match reference {
            Reference::Simple(name) => {
                let value = self.variables.pools.get(name).cloned();
                value.unwrap_or_else(|| Value::string(self.variables.names.name(name)))
            }
            Reference::Stem(name) => {
                let value = self.variables.pools.stem_value(name).cloned();
                value.unwrap_or_else(|| Value::string(self.variables.names.name(name)))
            }
            Reference::Compound(number) => {
                let name = &unit.compounds[number as usize];
                let mut tail = core::mem::take(&mut self.tail);
                self.derive(name, &mut tail);
                let value = self.variables.pools.get_compound(name.stem, &tail).cloned();
                let value = value.unwrap_or_else(|| Value::from_vec(self.full_name(name.stem, &tail)));
                self.tail = tail;
                value
            }
        }
    }

    fn drop_reference(&mut self, unit: &Unit, reference: Reference) {
        match reference {
            Reference::Simple(name) => self.variables.pools.drop(name),
            Reference::Stem(name) => self.variables.pools.reset_stem(name, None),
            Reference::Compound(number) => {
                let name = &unit.compounds[number as usize];
                let mut tail = core::mem::take(&mut self.tail);
                self.derive(name, &mut tail);
                self.variables.pools.drop_compound(name.stem, &tail);
                self.tail = tail;
            }
        }
    }

    /// The names in the value of a variable.
    fn listed(&mut self, unit: &Unit, reference: Reference) -> Result<Vec<Resolved>> {
        let value = self.value_of(unit, reference).to_vec();
        let words = value.split(|byte| byte.is_ascii_whitespace()).filter(|word| !word.is_empty());
        words.map(|word| symbol_name(word).map(|name| self.variables.resolve(&name))).collect()
    }

    pub(super) fn drop_list(&mut self, unit: &Unit, list: u32) -> Result<()> {
        for item in &unit.lists[list as usize] {
            if !item.indirect {
                self.drop_reference(unit, item.name);
                continue;
            }
            for name in self.listed(unit, item.name)? {
                match self.variables.resolved(&name) {
                    Named::Simple(name) => self.variables.pools.drop(name),
                    Named::Stem(name) => self.variables.pools.reset_stem(name, None),
                    Named::Compound(stem, tail) => self.variables.pools.drop_compound(stem, tail),
                }
            }
        }
        Ok(())
    }

    pub(super) fn upper(&mut self, unit: &Unit, list: u32) -> Result<Flow> {
        for item in &unit.lists[list as usize] {
            let value = self.value_of(unit, item.name).to_vec();
            self.assign(unit, item.name, Value::from_vec(value.to_ascii_uppercase()))?;
        }
        Ok(Flow::Next)
    }

    /// PROCEDURE, which must be the first instruction of a routine: new variables, but for those exposed.
    pub(super) fn procedure(&mut self, unit: &Unit, list: u32) -> Result<()> {
        let frame = self.frames.last().filter(|frame| !matches!(frame.entry, Entry::Interpret | Entry::Typed));
        let first = frame.is_some_and(|frame| {
            let between = unit.code.get(frame.start..self.pc - 1).unwrap_or(&[Op::Nop]);
            self.variables.pools.current() == frame.pool && between.iter().all(|op| matches!(op, Op::Mark(_) | Op::Clause(_)))
        });
        if !first {
            return Err(Error::new(17, 1, &[]));
        }
        variables::check_storage()?;
        let items = &unit.lists[list as usize];
        // The names are looked up in the caller's variables, and in the order of the list in the new ones: a variable that was exposed before gives values to tails.
        let mut indirect = Vec::new();
        for item in items.iter().filter(|item| item.indirect) {
            indirect.push(self.listed(unit, item.name)?);
        }
        let mut indirect = indirect.into_iter();
        self.variables.pools.push();
        for item in items {
            match item.name {
                Reference::Simple(name) | Reference::Stem(name) => self.variables.pools.expose(name),
                Reference::Compound(number) => {
                    let name = &unit.compounds[number as usize];
                    let mut tail = Vec::new();
                    self.derive(name, &mut tail);
                    self.variables.pools.expose_compound(name.stem, &tail);
                }
            }
            if item.indirect {
                for name in indirect.next().unwrap_or_default() {
                    match self.variables.resolved(&name) {
                        Named::Simple(name) | Named::Stem(name) => self.variables.pools.expose(name),
                        Named::Compound(stem, tail) => self.variables.pools.expose_compound(stem, tail),
                    }
                }
            }
        }
        Ok(())
    }
}

/// A name of a variable in capitals.
fn symbol_name(word: &[u8]) -> Result<Vec<u8>> {
    let name = word.to_ascii_uppercase();
    match name.first() {
        Some(b'.') => Err(Error::new(31, 3, &[&name])),
        Some(first) if first.is_ascii_digit() => Err(Error::new(31, 2, &[&name])),
        _ if !name.iter().all(|byte| super::super::scanner::in_symbol(*byte)) => Err(Error::new(20, 1, &[&name])),
        _ => Ok(name),
    }
}
