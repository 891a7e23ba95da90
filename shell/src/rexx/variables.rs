//! Variables: names as numbers, pools as tables, and the sharing of variables between pools by PROCEDURE EXPOSE.

use alloc::boxed::Box;
use alloc::vec::Vec;

use hashbrown::HashMap;

use super::error::{Error, Result};
use super::stem::{Place, Placed, Stem, Tail};
use super::value::{Key, Value};
use super::word::{next_word, small_word};

/// The names that a program uses, simple symbols and stems, each with a number.
#[derive(Clone, Debug, Default)]
pub struct Names {
    numbers: HashMap<Key, u32>,
    list: Vec<Key>,
}

impl Names {
    /// The number of a name in capitals.
    pub fn number(&mut self, name: &[u8]) -> u32 {
        if let Some(number) = self.numbers.get(name) {
            return *number;
        }
        let number = self.list.len() as u32;
        self.numbers.insert(Key::new(name), number);
        self.list.push(Key::new(name));
        number
    }

    /// The number of a name, if it has one.
    pub fn find(&self, name: &[u8]) -> Option<u32> {
        self.numbers.get(name).copied()
    }

    /// The name.
    pub fn name(&self, number: u32) -> &[u8] {
        self.list[number as usize].as_bytes()
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.list.len()
    }
}

/// What a pool holds under a number.
#[derive(Clone, Debug, Default)]
enum Slot {
    #[default]
    Unset,
    Set(Value),
    Stem(Box<Stem>),
    /// Exposed: the variable is in that pool.
    Shared(u32),
}

/// The variables of the routines that are active, the current one last.
#[derive(Debug, Default)]
pub struct Pools {
    pools: Vec<Vec<Slot>>,
    /// Bytes put into compound variables since storage was last asked for.
    grown: usize,
}

/// How much storage must be left for going on, in bytes; and after how much of it may be gone it is looked whether it still is.
const RESERVE: usize = 192 * 1024;
const GROWTH: usize = RESERVE / 2;
/// What a compound variable takes besides its tail and its value, at most: the rows and cells that may be left free before it.
const ENTRY: usize = 512;

/// Whether there is storage for going on.
///
/// # Errors
/// Error 5.
pub fn check_storage() -> Result<()> {
    let mut probe: Vec<u8> = Vec::new();
    probe.try_reserve_exact(RESERVE).map_err(|_| Error::storage())
}

/// Takes account of what a compound variable takes, and looks from time to time whether there is storage for going on.
#[inline]
fn account(grown: &mut usize, tail: usize, value: &Value) -> Result<()> {
    *grown += ENTRY + tail + if let Value::Long(bytes) = value { bytes.len() } else { 0 };
    if *grown >= GROWTH {
        check_storage()?;
        *grown = 0;
    }
    Ok(())
}

/// What a pool, or the one that it shares the variable with, holds under a number.
#[inline]
fn slot_in(pools: &mut [Vec<Slot>], pool: u32, name: u32) -> &mut Slot {
    let owner = match pools[pool as usize].get(name as usize) {
        Some(Slot::Shared(owner)) => *owner,
        _ => pool,
    };
    let pool = &mut pools[owner as usize];
    if pool.len() <= name as usize {
        pool.resize(name as usize + 1, Slot::Unset);
    }
    &mut pool[name as usize]
}

/// The stem that a pool holds under a number.
#[inline]
fn stem_in(pools: &mut [Vec<Slot>], pool: u32, name: u32) -> &mut Stem {
    let slot = slot_in(pools, pool, name);
    if !matches!(slot, Slot::Stem(_)) {
        *slot = Slot::Stem(Box::default());
    }
    match slot {
        Slot::Stem(stem) => stem,
        _ => unreachable!("a stem was just put there"),
    }
}

impl Pools {
    /// One empty pool.
    pub fn new() -> Self {
        Self { pools: Vec::from([Vec::new()]), grown: 0 }
    }

    /// The current pool.
    pub fn current(&self) -> u32 {
        self.pools.len() as u32 - 1
    }

    /// A new empty pool becomes the current one.
    pub fn push(&mut self) {
        self.pools.push(Vec::new());
    }

    /// Pools above that number are forgotten.
    pub fn pop_to(&mut self, current: u32) {
        self.pools.truncate(current as usize + 1);
    }

    fn slot(&self, pool: u32, name: u32) -> Option<&Slot> {
        let slot = self.pools[pool as usize].get(name as usize)?;
        match slot {
            Slot::Shared(owner) => self.pools[*owner as usize].get(name as usize),
            slot => Some(slot),
        }
    }

    fn slot_mut(&mut self, pool: u32, name: u32) -> &mut Slot {
        slot_in(&mut self.pools, pool, name)
    }

    /// The value of a simple variable in the current pool.
    #[inline]
    pub fn get(&self, name: u32) -> Option<&Value> {
        match self.pools.last()?.get(name as usize)? {
            Slot::Set(value) => Some(value),
            Slot::Shared(owner) => match self.pools[*owner as usize].get(name as usize)? {
                Slot::Set(value) => Some(value),
                _ => None,
            },
            _ => None,
        }
    }

    /// A variable of the current pool itself that is a whole number, to change it in place.
    #[inline]
    pub fn whole_mut(&mut self, name: u32) -> Option<&mut i64> {
        match self.pools.last_mut()?.get_mut(name as usize)? {
            Slot::Set(Value::Int(number)) => Some(number),
            _ => None,
        }
    }

    /// Takes the value of a simple variable of the current pool out, to change it in place.
    pub fn take(&mut self, name: u32) -> Option<Value> {
        match self.slot_mut(self.current(), name) {
            slot @ Slot::Set(_) => match core::mem::take(slot) {
                Slot::Set(value) => Some(value),
                _ => None,
            },
            _ => None,
        }
    }

    /// Sets a simple variable.
    #[inline]
    pub fn set(&mut self, name: u32, value: Value) {
        if let Some(pool) = self.pools.last_mut()
            && let Some(slot @ Slot::Set(_)) = pool.get_mut(name as usize)
        {
            *slot = Slot::Set(value);
            return;
        }
        *self.slot_mut(self.current(), name) = Slot::Set(value);
    }

    /// Sets a simple variable to a whole number.
    #[inline(always)]
    pub fn set_whole(&mut self, name: u32, number: i64) {
        match self.whole_mut(name) {
            Some(old) => *old = number,
            None => self.set(name, Value::Int(number)),
        }
    }

    /// Sets a simple variable; its old value, when it was a long string.
    #[inline]
    pub fn exchange(&mut self, name: u32, value: Value) -> Option<Value> {
        match self.pools.last_mut().and_then(|pool| pool.get_mut(name as usize)) {
            Some(Slot::Set(old @ Value::Long(_))) => Some(core::mem::replace(old, value)),
            _ => {
                self.set(name, value);
                None
            }
        }
    }

    /// Sets a simple variable to a string.
    #[inline(always)]
    pub fn set_string(&mut self, name: u32, text: &[u8]) {
        match self.pools.last_mut().and_then(|pool| pool.get_mut(name as usize)) {
            Some(Slot::Set(value)) => value.become_string(text),
            _ => self.set(name, Value::string(text)),
        }
    }

    /// Sets a simple variable to a string of at most eight characters, which are a number, the first one lowest.
    #[inline(always)]
    fn set_small(&mut self, name: u32, length: u8, word: u64) {
        match self.pools.last_mut().and_then(|pool| pool.get_mut(name as usize)) {
            Some(Slot::Set(value)) if !matches!(value, Value::Long(_)) => *value = Value::small(length, word),
            _ => self.set(name, Value::small(length, word)),
        }
    }

    /// Sets simple variables to words, the last one to the rest; where there is no name, a word is left out.
    #[inline]
    pub fn set_words(&mut self, names: &[Option<u32>], text: &[u8]) {
        let Some((last, before)) = names.split_last() else {
            return;
        };
        let mut at = 0;
        for name in before {
            if let Some((length, word)) = small_word(text, at) {
                at += usize::from(length) + 1;
                if let Some(name) = name {
                    self.set_small(*name, length, word);
                }
                continue;
            }
            let (start, end) = next_word(text, at);
            // One blank goes with the word.
            at = end + 1;
            if let Some(name) = name {
                self.set_string(*name, text.get(start..end).unwrap_or_default());
            }
        }
        if let Some(name) = last {
            self.set_string(*name, text.get(at..).unwrap_or_default());
        }
    }

    /// A simple variable has no value any more.
    #[inline]
    pub fn unset(&mut self, name: u32) {
        match self.pools.last_mut().and_then(|pool| pool.get_mut(name as usize)) {
            Some(slot @ Slot::Set(_)) => *slot = Slot::Unset,
            Some(Slot::Unset) => {}
            _ => self.drop(name),
        }
    }

    /// Drops a simple variable, or a stem with all its variables.
    pub fn drop(&mut self, name: u32) {
        self.reset_stem(name, None);
    }

    /// Gives all variables of a stem that value, or drops them.
    pub fn reset_stem(&mut self, name: u32, value: Option<Value>) {
        let mut shared = Vec::new();
        let slot = self.slot_mut(self.current(), name);
        if let Slot::Stem(stem) = slot {
            // Variables that are exposed one by one stay so.
            shared = stem.keep_shared();
            stem.initial = value.clone();
            if shared.is_empty() && stem.initial.is_none() {
                *slot = Slot::Unset;
            }
        } else {
            *slot = match &value {
                Some(value) => Slot::Stem(Box::new(Stem::of(value.clone()))),
                None => Slot::Unset,
            };
        }
        for (owner, tail) in shared {
            match &value {
                // The variable is there: its value changes in place.
                Some(value) => drop(self.set_in(owner, name, tail.as_bytes(), value.clone())),
                None => self.drop_in(owner, name, tail.as_bytes()),
            }
        }
    }

    /// The value that an assignment to a stem gave.
    pub fn stem_value(&self, name: u32) -> Option<&Value> {
        match self.slot(self.current(), name)? {
            Slot::Stem(stem) => stem.initial.as_ref(),
            _ => None,
        }
    }

    /// The value of a compound variable in the current pool.
    pub fn get_compound(&self, stem: u32, tail: &[u8]) -> Option<&Value> {
        self.get_in(self.current(), stem, tail)
    }

    /// The value of the compound variable at that place, when it is at hand.
    #[inline]
    pub fn at_place(&self, stem: u32, place: Place) -> Option<&Value> {
        let Slot::Stem(stem) = self.slot(self.current(), stem)? else {
            return None;
        };
        match stem.cell(place)? {
            Some(Tail::Set(value)) => Some(value),
            _ => None,
        }
    }

    /// Sets the compound variable at that place. The value comes back when that takes its name.
    ///
    /// # Errors
    /// Error 5 when storage runs out.
    #[inline]
    pub fn set_place(&mut self, stem: u32, place: Place, value: Value) -> Result<Option<Value>> {
        let current = self.current();
        let stem = stem_in(&mut self.pools, current, stem);
        if let Some(Some(Tail::Set(old))) = stem.cell_mut(place)
            && !matches!(value, Value::Long(_))
        {
            *old = value;
            return Ok(None);
        }
        account(&mut self.grown, 0, &value)?;
        match stem.set_place(place, value) {
            Ok(Placed::Done) => Ok(None),
            Ok(Placed::Full) => Err(Error::storage()),
            Ok(Placed::Elsewhere(_, value)) | Err(value) => Ok(Some(value)),
        }
    }

    fn get_in(&self, pool: u32, stem: u32, tail: &[u8]) -> Option<&Value> {
        let Slot::Stem(stem_slot) = self.slot(pool, stem)? else {
            return None;
        };
        match stem_slot.get(tail) {
            Some(Tail::Set(value)) => Some(value),
            Some(Tail::Dropped) => None,
            Some(Tail::Shared(owner)) => self.get_in(*owner, stem, tail),
            None => stem_slot.initial.as_ref(),
        }
    }

    /// Sets a compound variable.
    ///
    /// # Errors
    /// Error 5 when storage runs out.
    pub fn set_compound(&mut self, stem: u32, tail: &[u8], value: Value) -> Result<()> {
        account(&mut self.grown, tail.len(), &value)?;
        if self.set_in(self.current(), stem, tail, value) { Ok(()) } else { Err(Error::storage()) }
    }

    fn stem_mut(&mut self, pool: u32, stem: u32) -> &mut Stem {
        stem_in(&mut self.pools, pool, stem)
    }

    /// Sets a compound variable of a pool; false when there is no storage for a new one.
    fn set_in(&mut self, pool: u32, stem: u32, tail: &[u8], value: Value) -> bool {
        match self.stem_mut(pool, stem).set(tail, value) {
            Placed::Done => true,
            Placed::Full => false,
            Placed::Elsewhere(owner, value) => self.set_in(owner, stem, tail, value),
        }
    }

    /// Drops a compound variable.
    pub fn drop_compound(&mut self, stem: u32, tail: &[u8]) {
        self.drop_in(self.current(), stem, tail);
    }

    fn drop_in(&mut self, pool: u32, stem: u32, tail: &[u8]) {
        if self.slot(pool, stem).is_none_or(|slot| !matches!(slot, Slot::Stem(_))) {
            return;
        }
        let stem_slot = self.stem_mut(pool, stem);
        let assigned = stem_slot.initial.is_some();
        match stem_slot.get_mut(tail) {
            Some(Tail::Shared(owner)) => {
                let owner = *owner;
                self.drop_in(owner, stem, tail);
            }
            Some(entry) if assigned => *entry = Tail::Dropped,
            Some(_) => {
                stem_slot.remove(tail);
            }
            None if assigned => {
                stem_slot.insert(tail, Tail::Dropped);
            }
            None => {}
        }
    }

    /// The current pool shares a simple variable or a stem with the pool below it.
    pub fn expose(&mut self, name: u32) {
        let current = self.current();
        let outer = current - 1;
        let owner = match self.pools[outer as usize].get(name as usize) {
            Some(Slot::Shared(owner)) => *owner,
            _ => outer,
        };
        let pool = &mut self.pools[current as usize];
        if pool.len() <= name as usize {
            pool.resize(name as usize + 1, Slot::Unset);
        }
        pool[name as usize] = Slot::Shared(owner);
    }

    /// The current pool shares a compound variable with the pool below it.
    pub fn expose_compound(&mut self, stem: u32, tail: &[u8]) {
        let current = self.current();
        if matches!(self.pools[current as usize].get(stem as usize), Some(Slot::Shared(_))) {
            return;
        }
        let mut owner = current - 1;
        if let Some(Slot::Shared(stem_owner)) = self.pools[owner as usize].get(stem as usize) {
            owner = *stem_owner;
        } else if let Some(Slot::Stem(outer)) = self.slot(owner, stem)
            && let Some(Tail::Shared(tail_owner)) = outer.get(tail)
        {
            owner = *tail_owner;
        }
        self.stem_mut(current, stem).insert(tail, Tail::Shared(owner));
    }

    /// The simple variables of the current pool that have values, by number, and the compound ones with their tails.
    pub fn list(&self) -> Vec<(u32, Option<Key>, Value)> {
        let mut list = Vec::new();
        for name in 0..self.pools.last().map_or(0, Vec::len) as u32 {
            match self.slot(self.current(), name) {
                Some(Slot::Set(value)) => list.push((name, None, value.clone())),
                Some(Slot::Stem(stem)) => {
                    let values = stem.entries().filter_map(|(tail, _)| {
                        let value = self.get_in(self.current(), name, tail.as_bytes())?.clone();
                        Some((name, Some(tail), value))
                    });
                    list.extend(values);
                }
                _ => {}
            }
        }
        list
    }
}

/// A program's variables, handed to the commands it issues.
#[derive(Debug, Default)]
pub struct Variables {
    /// The names, each with a number.
    pub names: Names,
    /// The values.
    pub pools: Pools,
}

/// A name cut into what the pools know.
pub enum Named<'a> {
    /// The number of a simple variable.
    Simple(u32),
    /// The number of a stem.
    Stem(u32),
    /// The number of a stem, and the tail.
    Compound(u32, &'a [u8]),
}

/// A name with the values of the simple symbols of its tail put in.
pub struct Resolved {
    /// The name.
    pub name: Vec<u8>,
    /// Whether it is a stem: a compound name whose tail has become null looks the same.
    stem: bool,
}

impl Variables {
    /// A name in capitals as it is, its tail taken literally: `STEM.tail`.
    pub fn direct<'a>(&mut self, name: &'a [u8]) -> Named<'a> {
        self.named(name, true)
    }

    /// A name that was resolved.
    pub fn resolved<'a>(&mut self, name: &'a Resolved) -> Named<'a> {
        self.named(&name.name, name.stem)
    }

    fn named<'a>(&mut self, name: &'a [u8], stem: bool) -> Named<'a> {
        match name.iter().position(|byte| *byte == b'.') {
            None => Named::Simple(self.names.number(name)),
            Some(at) if stem && at + 1 == name.len() => Named::Stem(self.names.number(name)),
            Some(at) => Named::Compound(self.names.number(&name[..=at]), &name[at + 1..]),
        }
    }

    /// The value under that name; an unset variable has none.
    pub fn get(&mut self, name: &[u8]) -> Option<Value> {
        let named = self.direct(name);
        self.value(&named)
    }

    /// As [`Variables::get`].
    pub fn value(&self, named: &Named) -> Option<Value> {
        match named {
            Named::Simple(name) => self.pools.get(*name).cloned(),
            Named::Stem(name) => self.pools.stem_value(*name).cloned(),
            Named::Compound(stem, tail) => self.pools.get_compound(*stem, tail).cloned(),
        }
    }

    /// Sets the variable of that name.
    ///
    /// # Errors
    /// Error 5 when storage runs out.
    pub fn set(&mut self, name: &[u8], value: Value) -> Result<()> {
        let named = self.direct(name);
        self.assign(&named, value)
    }

    /// As [`Variables::set`].
    ///
    /// # Errors
    /// As [`Variables::set`].
    pub fn assign(&mut self, named: &Named, value: Value) -> Result<()> {
        match named {
            Named::Simple(name) => self.pools.set(*name, value),
            Named::Stem(name) => self.pools.reset_stem(*name, Some(value)),
            Named::Compound(stem, tail) => self.pools.set_compound(*stem, tail, value)?,
        }
        Ok(())
    }

    /// The tail of a compound name with the values of its simple symbols put in, in capitals otherwise; `name` is in capitals.
    pub fn resolve(&mut self, name: &[u8]) -> Resolved {
        let stem = matches!(name.iter().position(|byte| *byte == b'.'), Some(at) if at + 1 == name.len());
        let mut parts = name.split(|byte| *byte == b'.');
        let mut resolved = parts.next().unwrap_or_default().to_vec();
        for part in parts {
            resolved.push(b'.');
            let variable = part.first().is_some_and(|byte| !byte.is_ascii_digit());
            match if variable { self.get(part) } else { None } {
                Some(value) => resolved.extend_from_slice(value.bytes(&mut super::value::Scratch::new())),
                None => resolved.extend_from_slice(part),
            }
        }
        Resolved { name: resolved, stem }
    }
}
