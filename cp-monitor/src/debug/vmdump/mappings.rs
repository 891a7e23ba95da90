//! Where linear addresses are in storage, by the page tables in a dump (Intel SDM volume 3, chapter 5): 32-bit, PAE and long mode with four levels.

use soft_processor::State;

/// Linear addresses that lie one behind the other in storage, too.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mapping {
    /// The first linear address.
    pub linear: u64,
    /// The first storage address.
    pub physical: u64,
    /// Bytes.
    pub length: u64,
}

/// The tables map more, in more pieces, than any system that means it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("The page tables map too many pieces")]
pub struct TooMany;

/// Most mappings, once what lies together is joined: a core file has no more segments.
const MAPPINGS: usize = 60_000;
/// Most table entries that are looked at.
const ENTRIES: usize = 1 << 22;

const PRESENT: u64 = 1;
const LARGE: u64 = 1 << 7;
/// Address bits of an entry of 64 bits.
const ADDRESS: u64 = 0x000f_ffff_ffff_f000;

/// A level of tables.
#[derive(Clone, Copy)]
struct Level {
    /// The bit of the linear address that its index begins at, and how many bits that has.
    shift: u32,
    bits: u32,
    /// An entry may be a page.
    may_be_page: bool,
}

/// How a processor translates.
struct Paging {
    levels: &'static [Level],
    root: u64,
    /// Bytes of an entry.
    entry: u64,
    /// Bits of a linear address; the bit below is repeated above in long mode.
    long: bool,
}

const fn level(shift: u32, bits: u32, may_be_page: bool) -> Level {
    Level { shift, bits, may_be_page }
}

const LONG: [Level; 4] = [level(39, 9, false), level(30, 9, true), level(21, 9, true), level(12, 9, true)];
const EXTENDED: [Level; 3] = [level(30, 2, false), level(21, 9, true), level(12, 9, true)];
const PLAIN: [Level; 2] = [level(22, 10, false), level(12, 10, true)];
const PLAIN_LARGE: [Level; 2] = [level(22, 10, true), level(12, 10, true)];

impl Paging {
    /// None when linear addresses are storage addresses.
    fn of(state: &State) -> Option<Self> {
        const PAGING: u64 = 1 << 31;
        const LARGE_PAGES: u64 = 1 << 4;
        const EXTENSION: u64 = 1 << 5;
        const ACTIVE: u64 = 1 << 10;
        if state.cr0 & PAGING == 0 {
            return None;
        }
        Some(if state.efer & ACTIVE != 0 {
            Self { levels: &LONG, root: state.cr3 & ADDRESS, entry: 8, long: true }
        } else if state.cr4 & EXTENSION != 0 {
            Self { levels: &EXTENDED, root: state.cr3 & 0xffff_ffe0, entry: 8, long: false }
        } else {
            let levels: &[Level] = if state.cr4 & LARGE_PAGES != 0 { &PLAIN_LARGE } else { &PLAIN };
            Self { levels, root: state.cr3 & 0xffff_f000, entry: 4, long: false }
        })
    }

    /// The address in an entry that is a page of a level.
    fn page(&self, entry: u64, shift: u32) -> u64 {
        let address = match (self.entry, shift) {
            // Four more bits of the address stand in the middle of a large page's entry.
            (4, 22) => entry & 0xffc0_0000 | (entry >> 13 & 0xf) << 32,
            (4, _) => entry & 0xffff_f000,
            _ => entry & ADDRESS,
        };
        address & !((1 << shift) - 1)
    }

    fn next_table(&self, entry: u64) -> u64 {
        if self.entry == 4 { entry & 0xffff_f000 } else { entry & ADDRESS }
    }

    fn canonical(&self, linear: u64) -> u64 {
        if self.long { ((linear << 16) as i64 >> 16) as u64 } else { linear }
    }
}

/// What is done on the way.
struct Walk<'a> {
    paging: Paging,
    load: &'a dyn Fn(u64, &mut [u8]) -> bool,
    storage: u64,
    found: Vec<Mapping>,
    looked: usize,
}

impl Walk<'_> {
    fn entry(&self, address: u64) -> u64 {
        let mut bytes = [0; 8];
        let length = self.paging.entry as usize;
        if (self.load)(address, &mut bytes[..length]) { u64::from_le_bytes(bytes) } else { 0 }
    }

    fn table(&mut self, depth: usize, table: u64, base: u64) -> Result<(), TooMany> {
        let Level { shift, bits, may_be_page } = self.paging.levels[depth];
        for index in 0..1_u64 << bits {
            self.looked += 1;
            if self.looked > ENTRIES {
                return Err(TooMany);
            }
            let entry = self.entry(table + index * self.paging.entry);
            if entry & PRESENT == 0 {
                continue;
            }
            let linear = base | index << shift;
            let last = depth + 1 == self.paging.levels.len();
            if last || may_be_page && entry & LARGE != 0 {
                self.note(linear, self.paging.page(entry, shift), 1 << shift)?;
            } else {
                self.table(depth + 1, self.paging.next_table(entry), linear)?;
            }
        }
        Ok(())
    }

    /// A page, as far as it lies in storage.
    fn note(&mut self, linear: u64, physical: u64, length: u64) -> Result<(), TooMany> {
        let linear = self.paging.canonical(linear);
        let length = length.min(self.storage.saturating_sub(physical));
        if length == 0 {
            return Ok(());
        }
        if let Some(last) = self.found.last_mut()
            && last.linear.wrapping_add(last.length) == linear
            && last.physical + last.length == physical
        {
            last.length += length;
            return Ok(());
        }
        if self.found.len() >= MAPPINGS {
            return Err(TooMany);
        }
        self.found.push(Mapping { linear, physical, length });
        Ok(())
    }
}

/// All that a processor can reach of so many bytes of storage. `load` reads storage; what it cannot read maps nothing.
///
/// # Errors
/// [`TooMany`].
pub fn mappings(state: &State, storage: u64, load: &dyn Fn(u64, &mut [u8]) -> bool) -> Result<Vec<Mapping>, TooMany> {
    let Some(paging) = Paging::of(state) else {
        return Ok(vec![Mapping { linear: 0, physical: 0, length: storage }]);
    };
    let root = paging.root;
    let mut walk = Walk { paging, load, storage, found: Vec::new(), looked: 0 };
    walk.table(0, root, 0)?;
    Ok(walk.found)
}

/// The storage address of a linear address; none when it is not mapped.
pub fn translate(state: &State, linear: u64, load: &dyn Fn(u64, &mut [u8]) -> bool) -> Option<u64> {
    let Some(paging) = Paging::of(state) else { return Some(linear) };
    let (levels, mut table) = (paging.levels, paging.root);
    if paging.canonical(linear) != linear || !paging.long && linear >> 32 != 0 {
        return None;
    }
    let walk = Walk { paging, load, storage: u64::MAX, found: Vec::new(), looked: 0 };
    for (depth, &Level { shift, bits, may_be_page }) in levels.iter().enumerate() {
        let entry = walk.entry(table + (linear >> shift & ((1 << bits) - 1)) * walk.paging.entry);
        if entry & PRESENT == 0 {
            return None;
        }
        if depth + 1 == levels.len() || may_be_page && entry & LARGE != 0 {
            return Some(walk.paging.page(entry, shift) + (linear & ((1 << shift) - 1)));
        }
        table = walk.paging.next_table(entry);
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Storage of 64 KiB with these entries.
    fn with(entries: &[(u64, u64)], size: usize) -> impl Fn(u64, &mut [u8]) -> bool {
        let mut storage = vec![0; 0x1_0000];
        for &(at, entry) in entries {
            storage[at as usize..at as usize + size].copy_from_slice(&entry.to_le_bytes()[..size]);
        }
        move |address, into| {
            let from = address as usize;
            storage.get(from..from + into.len()).map(|bytes| into.copy_from_slice(bytes)).is_some()
        }
    }

    #[test]
    fn long_mode_maps_pages_of_three_sizes_and_the_upper_half() {
        let state = State { cr0: 0x8000_0001, cr3: 0x1000, cr4: 0x20, efer: 0x500, ..State::reset() };
        let entries = [
            (0x1000, 0x2003),
            (0x2000, 0x3003),
            (0x3000, 0x4003),
            (0x3008, 0x20_0083),
            (0x4008, 0x5003),
            (0x4010, 0x6003),
            (0x1ff8, 0x2003),
        ];
        let load = with(&entries, 8);
        let low = Mapping { linear: 0x1000, physical: 0x5000, length: 0x2000 };
        let large = Mapping { linear: 0x20_0000, physical: 0x20_0000, length: 0x10_0000 };
        let upper = |mapping: Mapping| Mapping { linear: mapping.linear + 0xffff_ff80_0000_0000, ..mapping };
        assert_eq!(
            mappings(&state, 0x30_0000, &load),
            Ok(vec![low, large, upper(low), upper(large)]),
            "storage ends within the large page"
        );
        assert_eq!(translate(&state, 0xffff_ff80_0000_1234, &load), Some(0x5234));
        assert_eq!((translate(&state, 0x3000, &load), translate(&state, 1 << 47, &load)), (None, None));
    }

    #[test]
    fn thirty_two_bits_map_with_and_without_large_pages_and_extension() {
        let plain = State { cr0: 0x8000_0001, cr3: 0x1000, cr4: 0x10, ..State::reset() };
        let load = with(&[(0x1000, 0x2003), (0x1004, 0x83), (0x2004, 0x7003)], 4);
        assert_eq!(translate(&plain, 0x1010, &load), Some(0x7010));
        assert_eq!(translate(&plain, 0x40_0010, &load), Some(0x10));
        let extended = State { cr4: 0x20, ..plain };
        let load = with(&[(0x1018, 0x2001), (0x2000, 0x83)], 8);
        assert_eq!(mappings(&extended, 0x8000, &load), Ok(vec![Mapping { linear: 0xc000_0000, physical: 0, length: 0x8000 }]));
        let off = State { cr0: 1, ..extended };
        assert_eq!(
            (translate(&off, 5, &load), mappings(&off, 9, &load)),
            (Some(5), Ok(vec![Mapping { linear: 0, physical: 0, length: 9 }]))
        );
    }

    #[test]
    fn tables_that_name_themselves_come_to_an_end() {
        let state = State { cr0: 0x8000_0001, cr3: 0x1000, cr4: 0x20, efer: 0x500, ..State::reset() };
        let itself: Vec<_> = (0..512).map(|index| (0x1000 + index * 8, 0x1003)).collect();
        assert_eq!(mappings(&state, 0x1_0000, &with(&itself, 8)), Err(TooMany));
        assert_eq!(mappings(&state, 0x1_0000, &with(&itself[..1], 8)).map(|found| found.len()), Ok(1), "one that names itself once");
    }
}
