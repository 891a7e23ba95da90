//! Machines of one class of shares in the order of their virtual times.

use std::collections::BTreeMap;
use std::time::Duration;

use super::MachineId;

/// Virtual time of a nanosecond at weight 1. Large, so that a nanosecond at the largest weight is not lost.
const SCALE: u128 = 1 << 40;

/// How far a machine that wants to go on may be behind its class and keep the credit, in time at its own weight: as much as a signal that comes late or
/// a host that takes the processor away costs it. What is beyond cannot be had: one processor is less than its share.
pub const CREDIT: Duration = Duration::from_millis(20);

/// A place in an order: first by time, then as it came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Key {
    pub time: u128,
    pub sequence: u64,
}

impl Ord for Key {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        #[cfg(test)]
        super::tests::count_comparison();
        (self.time, self.sequence).cmp(&(other.time, other.sequence))
    }
}

impl PartialOrd for Key {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

/// Virtual time that `used` is at that weight.
pub(super) fn stretch(used: Duration, weight: u64) -> u128 {
    used.as_nanos() * SCALE / u128::from(weight.max(1))
}

/// Time that such a stretch of virtual time is at that weight.
pub(super) fn shrink(virtual_time: u128, weight: u64) -> Duration {
    let nanoseconds = virtual_time.saturating_mul(u128::from(weight)) / SCALE;
    Duration::from_nanos(u64::try_from(nanoseconds).unwrap_or(u64::MAX))
}

/// One class.
#[derive(Default)]
pub(super) struct Class {
    /// Who wants a processor and has no bias.
    pub order: BTreeMap<Key, MachineId>,
    /// Sum of the weights of those who compete: they run or are ready.
    pub competing: u64,
    /// The same with those whom only a maximum holds back.
    pub wanting: u64,
    /// Virtual time: that of the machine chosen last.
    pub now: u128,
    /// Virtual time of the class among the classes.
    pub time: u128,
}

impl Class {
    /// The least virtual time that a machine of that weight may have here when it has run.
    pub fn floor(&self, weight: u64) -> u128 {
        self.now.saturating_sub(stretch(CREDIT, weight))
    }

    /// Time by which a machine at that virtual time is ahead of what it is due.
    pub fn lead(&self, time: u128, weight: u64) -> Duration {
        shrink(time.saturating_sub(self.now), weight)
    }
}

#[cfg(test)]
mod unit {
    use super::*;

    #[test]
    fn virtual_time_is_exact_enough_at_both_ends_of_the_shares() {
        for weight in [1, 65_536, 10_000 * 65_536] {
            for used in [Duration::from_nanos(7), Duration::from_secs(86_400)] {
                let back = shrink(stretch(used, weight), weight);
                assert!(used - back <= Duration::from_nanos(1), "{used:?} became {back:?} at {weight}");
            }
        }
    }
}
