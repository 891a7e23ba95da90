//! The variables of one stem: those whose tails are a number that counts up from zero or one in a list, those whose tails are two such numbers
//! in rows of them, the others in a table.

use alloc::collections::TryReserveError;
use alloc::format;
use alloc::vec::Vec;
use core::hash::{BuildHasherDefault, Hasher};

use hashbrown::HashMap;
use hashbrown::hash_map::EntryRef;

use super::value::{Key, Value};

/// How many places of a list may be left free by a tail that is added to it.
const GAP: usize = 8;
/// Digits of a tail that may stand for a place in the list.
const PLACE_DIGITS: usize = 9;

/// The variables of a stem.
#[derive(Clone, Debug, Default)]
pub struct Stem {
    /// What an assignment to the stem gave to all.
    pub initial: Option<Value>,
    /// The variables with the tails 0, 1, 2 and so on. A tail for which there is a cell here or in the rows is never in the table.
    list: Vec<Cell>,
    /// Those with the tails 0.0, 0.1, then 1.0, 1.1 and so on.
    rows: Vec<Vec<Cell>>,
    table: HashMap<Key, Tail, BuildHasherDefault<TailHasher>>,
}

/// Where a variable may be.
type Cell = Option<Tail>;

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

/// The place that a tail stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    InList(usize),
    /// The row, and the place in it.
    InRow(usize, usize),
}

/// The place of a tail that is one whole number or two in the form in which numbers are shown.
fn place(tail: &[u8]) -> Option<Place> {
    match tail.iter().position(|byte| *byte == b'.') {
        None => Some(Place::InList(number(tail)?)),
        Some(at) => Some(Place::InRow(number(&tail[..at])?, number(&tail[at + 1..])?)),
    }
}

fn number(text: &[u8]) -> Option<usize> {
    let plain = text.len() <= PLACE_DIGITS && text.iter().all(u8::is_ascii_digit) && (*text.first()? != b'0' || text.len() == 1);
    plain.then(|| text.iter().fold(0, |number, digit| number * 10 + usize::from(digit - b'0')))
}

impl Stem {
    /// A stem to which a value was assigned.
    pub fn of(value: Value) -> Self {
        Self { initial: Some(value), ..Self::default() }
    }

    /// The cell of a place, as far as the lists reach.
    #[inline]
    pub fn cell(&self, place: Place) -> Option<&Cell> {
        match place {
            Place::InList(at) => self.list.get(at),
            Place::InRow(row, at) => self.rows.get(row)?.get(at),
        }
    }

    /// As [`Stem::cell`], to change it.
    #[inline]
    pub fn cell_mut(&mut self, place: Place) -> Option<&mut Cell> {
        match place {
            Place::InList(at) => self.list.get_mut(at),
            Place::InRow(row, at) => self.rows.get_mut(row)?.get_mut(at),
        }
    }

    /// The variable of that tail.
    pub fn get(&self, tail: &[u8]) -> Option<&Tail> {
        match place(tail).and_then(|place| self.cell(place)) {
            Some(cell) => cell.as_ref(),
            None => self.table.get(tail),
        }
    }

    /// As [`Stem::get`], to change it.
    pub fn get_mut(&mut self, tail: &[u8]) -> Option<&mut Tail> {
        match place(tail).filter(|place| self.cell(*place).is_some()) {
            Some(place) => self.cell_mut(place)?.as_mut(),
            None => self.table.get_mut(tail),
        }
    }

    /// The cell of a place that the lists reach, or reach when they grow a little; none of one that is farther off.
    fn reach(&mut self, place: Place) -> Result<Option<&mut Cell>, TryReserveError> {
        if self.cell(place).is_none() {
            let near = match place {
                Place::InList(at) => at <= self.list.len() + GAP,
                Place::InRow(row, at) => row <= self.rows.len() + GAP && at <= self.rows.get(row).map_or(0, Vec::len) + GAP,
            };
            if !near {
                return Ok(None);
            }
            self.grow(place)?;
        }
        Ok(self.cell_mut(place))
    }

    /// Makes cells up to that place; variables of the table that they are for move into them.
    fn grow(&mut self, place: Place) -> Result<(), TryReserveError> {
        let (cells, at) = match place {
            Place::InList(at) => (&mut self.list, at),
            Place::InRow(row, at) => {
                if row >= self.rows.len() {
                    self.rows.try_reserve(row + 1 - self.rows.len())?;
                    self.rows.resize_with(row + 1, Vec::new);
                }
                (&mut self.rows[row], at)
            }
        };
        let more = at + 1 - cells.len();
        // Most rows have as many cells as they begin with.
        if cells.is_empty() {
            cells.try_reserve_exact(more)?
        } else {
            cells.try_reserve(more)?
        }
        if self.table.is_empty() {
            cells.resize_with(at + 1, || None);
        }
        for number in cells.len()..=at {
            let tail = match place {
                Place::InList(_) => format!("{number}"),
                Place::InRow(row, _) => format!("{row}.{number}"),
            };
            cells.push(self.table.remove(tail.as_bytes()));
        }
        Ok(())
    }

    /// Gives the variable of a place a value, unless it is exposed. The value comes back when the place is too far off to be in a list.
    pub fn set_place(&mut self, place: Place, value: Value) -> Result<Placed, Value> {
        match self.reach(place) {
            Err(_) => Ok(Placed::Full),
            Ok(None) => Err(value),
            Ok(Some(Some(Tail::Shared(owner)))) => Ok(Placed::Elsewhere(*owner, value)),
            Ok(Some(cell)) => {
                *cell = Some(Tail::Set(value));
                Ok(Placed::Done)
            }
        }
    }

    /// Gives a variable a value, unless it is exposed.
    pub fn set(&mut self, tail: &[u8], mut value: Value) -> Placed {
        if let Some(place) = place(tail) {
            match self.set_place(place, value) {
                Ok(placed) => return placed,
                Err(back) => value = back,
            }
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
        match place(tail).map(|place| self.reach(place)) {
            Some(Err(_)) => return false,
            Some(Ok(Some(cell))) => *cell = Some(entry),
            Some(Ok(None)) | None => {
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
        match place(tail).and_then(|place| self.cell_mut(place)) {
            Some(cell) => *cell = None,
            None => drop(self.table.remove(tail)),
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
        (self.list, self.rows) = (Vec::new(), Vec::new());
        self.table.retain(|_, entry| matches!(entry, Tail::Shared(_)));
        for (owner, tail) in &shared {
            self.insert(tail.as_bytes(), Tail::Shared(*owner));
        }
        shared
    }

    /// Every variable with its tail.
    pub fn entries(&self) -> impl Iterator<Item = (Key, &Tail)> {
        let named = |tail: core::fmt::Arguments| Key::new(format!("{tail}").as_bytes());
        let listed = self.list.iter().enumerate().filter_map(move |(at, cell)| Some((named(format_args!("{at}")), cell.as_ref()?)));
        let cells = self.rows.iter().enumerate().flat_map(|(row, cells)| cells.iter().enumerate().map(move |(at, cell)| (row, at, cell)));
        let in_rows = cells.filter_map(move |(row, at, cell)| Some((named(format_args!("{row}.{at}")), cell.as_ref()?)));
        listed.chain(in_rows).chain(self.table.iter().map(|(tail, entry)| (tail.clone(), entry)))
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
        assert!(stem.cell(Place::InList(40)).is_some_and(Option::is_some), "it moved to the list when that reached it");
        stem.remove(b"40");
        stem.remove(b"x");
        assert_eq!((value(&stem, "40"), value(&stem, "x")), (None, None));
        assert!(stem.insert(b"2", Tail::Shared(7)));
        assert_eq!(stem.keep_shared().len(), 1);
        assert!(matches!(stem.get(b"2"), Some(Tail::Shared(7))));
        assert_eq!(stem.entries().count(), 1);
    }

    #[test]
    fn tails_of_two_numbers_stand_in_rows_wherever_they_came_first() {
        let mut stem = Stem::default();
        let tails =
            ["30.1", "1.30", "1.1", "1.01", "1.", ".1", "1.1.1", "x.1", "9.0", "18.2", "27.8", "1.9", "1.18", "1.27", "29.2", "1.x"];
        for (number, tail) in tails.iter().enumerate() {
            assert!(matches!(stem.set(tail.as_bytes(), Value::Int(number as i64)), Placed::Done));
        }
        for (number, tail) in tails.iter().enumerate() {
            assert_eq!(value(&stem, tail), Some(format!("{number}").into_bytes()), "{tail}");
        }
        assert!(stem.cell(Place::InRow(1, 30)).is_none(), "the row has not reached it");
        assert!(matches!(stem.set_place(Place::InRow(1, 31), Value::Int(31)), Ok(Placed::Done)));
        assert!(stem.cell(Place::InRow(1, 30)).is_some_and(Option::is_some), "it moved to the row when that reached it");
        assert!(matches!(stem.set_place(Place::InRow(1000, 1), Value::Int(5)), Err(Value::Int(5))));
        let mut names: Vec<Vec<u8>> = stem.entries().map(|(tail, _)| tail.as_bytes().to_vec()).collect();
        names.sort();
        names.dedup();
        assert_eq!(names.len(), tails.len() + 1);
        stem.remove(b"1.30");
        assert_eq!((value(&stem, "1.30"), value(&stem, "1.31")), (None, Some(b"31".to_vec())));
        assert!(stem.insert(b"1.1", Tail::Shared(7)));
        assert!(matches!(stem.set_place(Place::InRow(1, 1), Value::Int(1)), Ok(Placed::Elsewhere(7, Value::Int(1)))));
        assert_eq!(stem.keep_shared().len(), 1);
        assert_eq!(stem.entries().count(), 1);
    }
}
