//! The variables of one stem: those whose tails count up from zero or one in a list, the others in a table.

use alloc::format;
use alloc::vec::Vec;
use core::hash::{BuildHasherDefault, Hasher};

use hashbrown::HashMap;
use hashbrown::hash_map::EntryRef;

use super::value::{Key, Value};

/// How many places of the list may be left free by a tail that is added to it.
const GAP: usize = 8;
/// Digits of a tail that may stand for a place in the list.
const PLACE_DIGITS: usize = 9;

/// The variables of a stem.
#[derive(Clone, Debug, Default)]
pub struct Stem {
    /// What an assignment to the stem gave to all.
    pub initial: Option<Value>,
    /// The variables with the tails 0, 1, 2 and so on. A tail below its length is never in the table.
    list: Vec<Option<Tail>>,
    table: HashMap<Key, Tail, BuildHasherDefault<TailHasher>>,
}

/// One compound variable.
#[derive(Clone, Debug)]
pub enum Tail {
    Set(Value),
    /// Dropped since the stem was assigned.
    Dropped,
    /// Exposed: the variable is in that pool.
    Shared(u32),
}

/// Where a value went.
pub enum Placed {
    Done,
    /// There is no storage for a new variable.
    Full,
    /// The variable is exposed, and the value is for that pool.
    Elsewhere(u32, Value),
}

/// The whole number that a tail is in the form in which numbers are shown.
fn place(tail: &[u8]) -> Option<usize> {
    let plain = tail.len() <= PLACE_DIGITS && tail.iter().all(u8::is_ascii_digit) && (*tail.first()? != b'0' || tail.len() == 1);
    plain.then(|| tail.iter().fold(0, |number, digit| number * 10 + usize::from(digit - b'0')))
}

impl Stem {
    /// A stem to which a value was assigned.
    pub fn of(value: Value) -> Self {
        Self { initial: Some(value), ..Self::default() }
    }

    /// The variable of that tail.
    pub fn get(&self, tail: &[u8]) -> Option<&Tail> {
        match place(tail) {
            Some(at) if at < self.list.len() => self.list[at].as_ref(),
            _ => self.table.get(tail),
        }
    }

    /// The variable of a tail that is that number, when it is in the list.
    #[inline]
    pub fn in_list(&self, number: usize) -> Option<&Tail> {
        self.list.get(number)?.as_ref()
    }

    /// As [`Stem::in_list`], to change it.
    #[inline]
    pub fn in_list_mut(&mut self, number: usize) -> Option<&mut Tail> {
        self.list.get_mut(number)?.as_mut()
    }

    /// As [`Stem::get`], to change it.
    pub fn get_mut(&mut self, tail: &[u8]) -> Option<&mut Tail> {
        match place(tail) {
            Some(at) if at < self.list.len() => self.list[at].as_mut(),
            _ => self.table.get_mut(tail),
        }
    }

    /// Sets the place behind the last of the list; false when that is another one, or the list has no room, or the table may know the variable.
    #[inline]
    pub fn append(&mut self, number: usize, value: &Value) -> bool {
        let fits = number == self.list.len() && self.list.len() < self.list.capacity() && self.table.is_empty();
        if fits {
            self.list.push(Some(Tail::Set(value.clone())));
        }
        fits
    }

    /// Gives a variable a value, unless it is exposed.
    pub fn set(&mut self, tail: &[u8], value: Value) -> Placed {
        if place(tail).is_some_and(|at| at <= self.list.len() + GAP) {
            match self.get_mut(tail) {
                Some(Tail::Shared(owner)) => return Placed::Elsewhere(*owner, value),
                Some(entry) => {
                    *entry = Tail::Set(value);
                    return Placed::Done;
                }
                None => {}
            }
            return if self.insert(tail, Tail::Set(value)) { Placed::Done } else { Placed::Full };
        }
        // Looked for and put in by one search.
        if self.table.try_reserve(1).is_err() {
            return Placed::Full;
        }
        match self.table.entry_ref(tail) {
            EntryRef::Occupied(mut entry) => match entry.get_mut() {
                Tail::Shared(owner) => return Placed::Elsewhere(*owner, value),
                entry => *entry = Tail::Set(value),
            },
            EntryRef::Vacant(entry) => drop(entry.insert_with_key(Key::new(tail), Tail::Set(value))),
        }
        Placed::Done
    }

    /// Puts a variable in; false when there is no storage for it. A table that grows asks for twice its size at once.
    pub fn insert(&mut self, tail: &[u8], entry: Tail) -> bool {
        match place(tail) {
            Some(at) if at <= self.list.len() + GAP => {
                if at >= self.list.len() {
                    if self.list.try_reserve(at + 1 - self.list.len()).is_err() {
                        return false;
                    }
                    for number in self.list.len()..=at {
                        let known = if self.table.is_empty() { None } else { self.table.remove(format!("{number}").as_bytes()) };
                        self.list.push(known);
                    }
                }
                self.list[at] = Some(entry);
            }
            _ => {
                if self.table.try_reserve(1).is_err() {
                    return false;
                }
                self.table.insert(Key::new(tail), entry);
            }
        }
        true
    }

    /// Takes a variable out.
    pub fn remove(&mut self, tail: &[u8]) {
        match place(tail) {
            Some(at) if at < self.list.len() => self.list[at] = None,
            _ => drop(self.table.remove(tail)),
        }
    }

    /// Keeps those variables that are exposed one by one; answers their pools and tails.
    pub fn keep_shared(&mut self) -> Vec<(u32, Key)> {
        let mut shared = Vec::new();
        for (tail, entry) in self.entries() {
            if let Tail::Shared(owner) = entry {
                shared.push((*owner, tail));
            }
        }
        self.list = Vec::new();
        self.table.retain(|_, entry| matches!(entry, Tail::Shared(_)));
        for (owner, tail) in &shared {
            self.insert(tail.as_bytes(), Tail::Shared(*owner));
        }
        shared
    }

    /// Every variable with its tail.
    pub fn entries(&self) -> impl Iterator<Item = (Key, &Tail)> {
        let listed =
            self.list.iter().enumerate().filter_map(|(number, entry)| Some((Key::new(format!("{number}").as_bytes()), entry.as_ref()?)));
        listed.chain(self.table.iter().map(|(tail, entry)| (tail.clone(), entry)))
    }
}

/// Hashes tails so that those which are used one after the other stand near each other: a number's hash is that number, the next number behind a
/// period moves within eight places and then far away, and a word moves all that is before it far away.
#[derive(Default)]
struct TailHasher(u64);

const SPREAD: u64 = 0x9e37_79b9_7f4a_7c15;

impl Hasher for TailHasher {
    fn write(&mut self, bytes: &[u8]) {
        let (mut number, mut word, mut first) = (0u64, 0u64, true);
        let mut end = |number: &mut u64, word: &mut u64| {
            let (value, letters) = (core::mem::take(number), core::mem::take(word));
            self.0 = match first {
                true => value,
                false => (self.0 << 3).wrapping_add(value & 7).wrapping_add((value >> 3).wrapping_mul(SPREAD)),
            };
            if letters != 0 {
                // `1.NAME`, `2.NAME`: the numbers stay next to each other.
                self.0 = if first { letters } else { (self.0 >> 3).wrapping_add(letters) };
            }
            first = false;
        };
        for byte in bytes {
            match byte {
                b'0'..=b'9' => number = number.wrapping_mul(10).wrapping_add(u64::from(byte - b'0')),
                b'.' => end(&mut number, &mut word),
                byte => word = (word.rotate_left(5) ^ u64::from(*byte)).wrapping_mul(SPREAD),
            }
        }
        end(&mut number, &mut word);
    }

    /// The length of a tail, which says nothing that its characters do not.
    fn write_usize(&mut self, _: usize) {}

    fn finish(&self) -> u64 {
        // The table tells entries that are near each other apart by the top bits.
        const TOP: u64 = 0x7f << 57;
        self.0 & !TOP | self.0.wrapping_mul(SPREAD) & TOP
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(stem: &Stem, tail: &str) -> Option<Vec<u8>> {
        match stem.get(tail.as_bytes())? {
            Tail::Set(value) => Some(value.to_vec()),
            _ => None,
        }
    }

    fn hash(tail: &str) -> u64 {
        let mut hasher = TailHasher::default();
        hasher.write(tail.as_bytes());
        hasher.0
    }

    #[test]
    fn tails_used_one_after_the_other_stand_near_each_other_and_seldom_in_one_place() {
        assert_eq!(hash("8.1") - hash("7.1"), 8);
        assert_eq!(hash("8.NAME") - hash("7.NAME"), 1);
        assert_eq!(hash("5.6") - hash("5.5"), 1);
        let mut places: Vec<u64> = Vec::new();
        for row in 0..300 {
            places.extend((0..300).map(|column| hash(&format!("{row}.{column}")) % (1 << 18)));
            places.extend(["NAME", "AGE", "CITY"].map(|word| hash(&format!("{row}.{word}")) % (1 << 18)));
        }
        let all = places.len();
        places.sort_unstable();
        places.dedup();
        // Thrown into a quarter of a million places at random, 90,900 would take about 76,700.
        assert!(places.len() * 10 > all * 8, "{} places for {all} tails", places.len());
    }

    #[test]
    fn tails_are_found_wherever_they_are_kept() {
        let mut stem = Stem::default();
        let tails = ["1", "2", "40", "0", "01", "x", "3", "-1", "1.5", "9", "17", "25", "33", "41", "1000000000"];
        for (number, tail) in tails.iter().enumerate() {
            assert!(stem.insert(tail.as_bytes(), Tail::Set(Value::Int(number as i64))));
        }
        for (number, tail) in tails.iter().enumerate() {
            assert_eq!(value(&stem, tail), Some(format!("{number}").into_bytes()), "{tail}");
        }
        assert_eq!(stem.entries().count(), tails.len());
        assert!(stem.in_list(40).is_some(), "it moved to the list when that reached it");
        stem.remove(b"40");
        stem.remove(b"x");
        assert_eq!((value(&stem, "40"), value(&stem, "x")), (None, None));
        assert!(stem.insert(b"2", Tail::Shared(7)));
        assert_eq!(stem.keep_shared().len(), 1);
        assert!(matches!(stem.get(b"2"), Some(Tail::Shared(7))));
        assert_eq!(stem.entries().count(), 1);
    }
}
