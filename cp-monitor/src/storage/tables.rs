//! Page-table entries and the shape of a machine's address space: pure arithmetic.

use super::frames::Frame;
use super::paging::Slot;

/// Guest-physical address of the assist area of a partition: the same in every partition, so that an address space can be
/// run in any of them.
pub(crate) const ASSIST_BASE: u64 = 0;
/// Guest-physical address of the page directory pointer table that maps the assist area.
pub(crate) const ASSIST_POINTERS: u64 = ASSIST_BASE + 0x1000;
/// Guest-physical address of page-table frame 0.
pub(crate) const TABLES_BASE: u64 = 1 << 32;
/// Guest-physical address of data frame 0.
pub(crate) const ARENA_BASE: u64 = 1 << 35;
/// Largest machine: what one page-directory-pointer table maps. 512 GiB.
pub(crate) const MAX_SIZE: u64 = 1 << 39;
/// Entry of the top-level table that leads to the assist area, at the very top of the address range.
pub(crate) const ASSIST_SLOT: usize = 511;
/// Virtual address of the assist area.
pub(crate) const ASSIST_ADDRESS: u64 = 0xffff_ff80_0000_0000;

pub(crate) const PRESENT: u64 = 1 << 0;
pub(crate) const WRITE: u64 = 1 << 1;
pub(crate) const USER: u64 = 1 << 2;
/// Accessed and dirty are set from the start: KVM's walker then never has to write into a table.
pub(crate) const ACCESSED: u64 = 1 << 5;
pub(crate) const DIRTY: u64 = 1 << 6;
/// The frame belongs to a saved system and is shared (a bit the processor ignores).
pub(super) const SHARED: u64 = 1 << 9;
/// A store copies the shared frame (a bit the processor ignores).
pub(super) const COPY: u64 = 1 << 10;
/// In an entry that is not present: the page has its frame, but the clock waits to see it touched.
const IDLE: u64 = 1 << 9;
/// In an entry that is not present: the page is in a slot of the paging file.
const PAGED: u64 = 1 << 10;
const ADDRESS: u64 = 0x000f_ffff_ffff_f000;

/// What a leaf entry says about a page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Page {
    /// Never touched: reads as zero.
    Untouched,
    /// The machine's own frame.
    Private(Frame),
    /// The machine's own frame, unmapped to see whether the machine still wants it.
    Idle(Frame),
    /// On the paging file, or on its way there.
    Paged(Slot),
    /// A frame of a saved system; `copy` when a store gives the machine a copy of its own.
    Shared { frame: Frame, copy: bool },
}

impl Page {
    /// Whether the machine has it for itself, in a frame or on the paging file.
    pub(super) fn is_own(self) -> bool {
        matches!(self, Self::Private(_) | Self::Idle(_) | Self::Paged(_))
    }

    /// Reads a leaf entry.
    pub(super) fn decode(entry: u64) -> Self {
        if entry & PRESENT == 0 {
            let number = ((!entry & ADDRESS) >> 12) as u32;
            return match (entry & IDLE, entry & PAGED) {
                (0, 0) => Self::Untouched,
                (0, _) => Self::Paged(Slot(number)),
                _ => Self::Idle(Frame(number)),
            };
        }
        let frame = Frame(((entry & ADDRESS).wrapping_sub(ARENA_BASE) >> 12) as u32);
        match entry & SHARED {
            0 => Self::Private(frame),
            _ => Self::Shared { frame, copy: entry & COPY != 0 },
        }
    }

    /// The leaf entry that says this.
    pub(super) fn encode(self) -> u64 {
        let leaf = |frame: Frame| (ARENA_BASE + frame.offset() as u64) | PRESENT | USER | ACCESSED | DIRTY;
        // Inverted: some processors look ahead at the address in an entry that is not present, and this one leads to no memory.
        let absent = |number: u32| !(u64::from(number) << 12) & ADDRESS;
        match self {
            Self::Untouched => 0,
            Self::Private(frame) => leaf(frame) | WRITE,
            Self::Idle(Frame(number)) => absent(number) | IDLE,
            Self::Paged(Slot(number)) => absent(number) | PAGED,
            Self::Shared { frame, copy } => leaf(frame) | SHARED | if copy { COPY } else { 0 },
        }
    }
}

/// An entry that leads to the next lower table.
pub(super) fn link(table: Frame) -> u64 {
    (TABLES_BASE + table.offset() as u64) | PRESENT | WRITE | USER | ACCESSED
}

/// The table that an entry made by [`link`] leads to.
pub(super) fn linked(entry: u64) -> Option<Frame> {
    (entry & PRESENT != 0).then(|| Frame(((entry & ADDRESS).wrapping_sub(TABLES_BASE) >> 12) as u32))
}

/// Guest-physical address of a table, as CR3 wants it.
pub(super) fn root_address(table: Frame) -> u64 {
    TABLES_BASE + table.offset() as u64
}

/// Index into the table of a level (3 = page directory pointers, 2 = page directory, 1 = page table).
pub(super) fn index(address: u64, level: u32) -> usize {
    (address >> (12 + 9 * (level - 1)) & 511) as usize
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn an_entry_says_what_was_put_into_it(frame in 0u32..1 << 27, copy: bool) {
            let (slot, frame) = (Slot(frame), Frame(frame));
            for page in [Page::Untouched, Page::Private(frame), Page::Idle(frame), Page::Paged(slot), Page::Shared { frame, copy }] {
                prop_assert_eq!(Page::decode(page.encode()), page);
            }
            for absent in [Page::Idle(frame), Page::Paged(slot)] {
                prop_assert_eq!(absent.encode() & PRESENT, 0);
                prop_assert!(absent.encode() & ADDRESS > 1 << 45, "the address leads to memory");
            }
            let frame = frame.0;
            prop_assert_eq!(linked(link(Frame(frame & 0x6f_ffff))), Some(Frame(frame & 0x6f_ffff)));
        }
    }

    #[test]
    fn a_shared_page_is_never_writable_and_every_page_is_the_users() {
        assert_eq!(Page::Shared { frame: Frame(1), copy: true }.encode() & WRITE, 0);
        assert_ne!(Page::Private(Frame(1)).encode() & USER, 0);
    }
}
