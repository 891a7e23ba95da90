//! Breakpoints and watchpoints: those of the debug registers, which are exceptions of the guest, and those of whoever looks from outside, which end
//! a run. Without any, nothing is slower: a page that is watched is left out of the tables of translations, so that accesses to it take the slow way.

use crate::core::{CR4_DE, Core, Op};
use crate::state::State;

/// Storage that is watched from outside.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Watch {
    /// Linear address of the first byte.
    pub address: u64,
    /// Bytes.
    pub length: u64,
    /// Which accesses end the run.
    pub kind: WatchKind,
}

/// Accesses that a [`Watch`] is for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum WatchKind {
    /// Loads.
    Read,
    /// Stores.
    Write,
    /// Both.
    Access,
}

/// DR7: general detection.
pub(crate) const DETECT: u64 = 1 << 13;
/// DR6: which of the four matched.
pub(crate) const MATCHES: u64 = 0xf;
/// DR6: an access to debug registers was detected; single step.
pub(crate) const DETECTED: u64 = 1 << 13;
pub(crate) const SINGLE_STEP: u64 = 1 << 14;

/// A data or port breakpoint of a debug register.
#[derive(Clone, Copy)]
struct Range {
    number: u8,
    address: u64,
    length: u64,
    only_writes: bool,
}

/// All points, and what they found.
#[derive(Default)]
pub(crate) struct Points {
    /// Instruction addresses at which runs stop.
    breakpoints: Vec<u64>,
    watches: Vec<Watch>,
    /// Linear instruction addresses in debug registers.
    code: [Option<u64>; 4],
    data: Vec<Range>,
    ports: Vec<Range>,
    /// There are breakpoints from outside.
    pub(crate) stops: bool,
    /// There are some on instructions.
    pub(crate) fetches: bool,
    /// There are some on data.
    accesses: bool,
    /// Bits of DR6 for the next debug exception.
    pub(crate) pending: u64,
    /// The watched address that the instruction accessed, and whether it stored.
    pub(crate) hit: Option<(u64, bool)>,
}

impl Points {
    pub(crate) fn set_breakpoints(&mut self, addresses: &[u64]) {
        self.breakpoints = addresses.to_vec();
        self.summarise();
    }

    pub(crate) fn set_watches(&mut self, watches: &[Watch]) {
        self.watches = watches.iter().filter(|watch| watch.length > 0).copied().collect();
        self.summarise();
    }

    fn summarise(&mut self) {
        self.stops = !self.breakpoints.is_empty();
        self.fetches = self.stops || self.code.iter().any(Option::is_some);
        self.accesses = !self.watches.is_empty() || !self.data.is_empty();
    }

    /// Whether a run stops before the instruction at this address.
    pub(crate) fn stops_at(&self, rip: u64) -> bool {
        self.breakpoints.contains(&rip)
    }

    /// Whether the instruction at a linear address is a breakpoint of the guest; which, is noted for DR6.
    pub(crate) fn breaks(&mut self, linear: u64) -> bool {
        let found = (0..4).filter(|&number| self.code[number] == Some(linear)).fold(0, |all, number| all | 1 << number);
        self.pending |= found;
        found != 0
    }

    /// Instructions of a trace before its next breakpoint, the first aside.
    pub(crate) fn before_next(&self, core: &Core, start: u64, ops: &[Op]) -> usize {
        let here = |op: &Op| {
            let rip = core.cut(start.wrapping_add(u64::from(op.start)));
            self.stops_at(rip) || self.code.contains(&Some(core.linear_of(rip)))
        };
        ops.iter().skip(1).position(here).map_or(ops.len(), |position| position + 1)
    }

    /// Whether part of a page is watched.
    pub(crate) fn watches_page(&self, address: u64) -> bool {
        let page = address & !0xfff;
        let overlaps = |first: u64, length: u64| first <= page | 0xfff && first.saturating_add(length - 1) >= page;
        self.accesses
            && (self.watches.iter().any(|watch| overlaps(watch.address, watch.length))
                || self.data.iter().any(|range| overlaps(range.address, range.length)))
    }
}

impl Range {
    fn meets(&self, address: u64, size: u64) -> bool {
        address <= self.address.saturating_add(self.length - 1) && self.address <= address.saturating_add(size - 1)
    }
}

impl Core {
    /// Linear address of an instruction address.
    pub(crate) fn linear_of(&self, rip: u64) -> u64 {
        if self.mode.is_long() { rip } else { self.s.segments[State::CS].base.wrapping_add(rip) & 0xffff_ffff }
    }

    /// Reads the points out of the debug registers.
    pub(crate) fn debug_registers_changed(&mut self) {
        let (registers, control) = (self.s.debug, self.s.debug[7]);
        let points = &mut self.points;
        points.code = [None; 4];
        points.data.clear();
        points.ports.clear();
        for number in 0..4 {
            if control >> (2 * number) & 3 == 0 {
                continue;
            }
            let length = [1, 2, 8, 4][(control >> (18 + 4 * number) & 3) as usize];
            let address = registers[number] & !(length - 1);
            let range = Range { number: number as u8, address, length, only_writes: false };
            match control >> (16 + 4 * number) & 3 {
                0 => points.code[number] = Some(registers[number]),
                1 => points.data.push(Range { only_writes: true, ..range }),
                2 => points.ports.push(range),
                _ => points.data.push(range),
            }
        }
        points.summarise();
    }

    /// Bytes at a linear address were loaded or stored, the slow way.
    #[inline(always)]
    pub(crate) fn note_access(&mut self, address: u64, size: usize, write: bool) {
        if self.points.accesses {
            self.match_access(address, size as u64, write);
        }
    }

    #[cold]
    fn match_access(&mut self, address: u64, size: u64, write: bool) {
        let points = &mut self.points;
        let found = points.data.iter().filter(|range| range.meets(address, size) && (write || !range.only_writes));
        let bits = found.fold(0, |all, range| all | 1 << range.number);
        let watched = |watch: &&Watch| {
            let range = Range { number: 0, address: watch.address, length: watch.length, only_writes: false };
            range.meets(address, size)
                && match watch.kind {
                    WatchKind::Read => !write,
                    WatchKind::Write => write,
                    WatchKind::Access => true,
                }
        };
        let hit = points.watches.iter().find(watched).map(|watch| (address.max(watch.address), write));
        points.pending |= bits;
        points.hit = points.hit.or(hit);
        if bits != 0 || hit.is_some() {
            self.pause();
        }
    }

    /// A port was used.
    pub(crate) fn note_port(&mut self, port: u16, size: u8) {
        if !self.points.ports.is_empty() && self.s.cr4 & CR4_DE != 0 {
            let found = self.points.ports.iter().filter(|range| range.meets(u64::from(port), u64::from(size)));
            let bits = found.fold(0, |all, range| all | 1 << range.number);
            self.points.pending |= bits;
            if bits != 0 {
                self.pause();
            }
        }
    }
}
