//! Maximum shares: how fast a limited user may go on, and who waits for that.
//!
//! The promise is about windows: in no window of a second has a LIMITHARD user more than its maximum. A user that is chosen at time `t` and uses `u` may be
//! chosen again at `t + u / rate`. In a window of a second slices begin at most every `u / rate`, and one more may reach into it from
//! before: together at most `rate * (1 + u) + u` seconds of processor time. The rate is therefore kept a little below the
//! maximum, so that this sum *is* the maximum, and slices of limited users are short, so that the difference is small: a 64th, more only for shares so
//! small that the slice would be less than `SHORTEST`.

use std::collections::BTreeMap;
use std::time::Duration;

use super::MachineId;
use super::entitlement::UNIT;
use super::queue::Key;
use crate::directory::ShareAmount;

/// Shortest slice of a limited machine: a switch should not cost more than the slice.
const SHORTEST: Duration = Duration::from_micros(100);
/// A slice may be over by this: the signal that ends it takes its time.
const OVERRUN: Duration = Duration::from_micros(100);
/// Slices in a window.
const SLICES: u32 = 64;
/// Microseconds in a second: rates are in microseconds of processor time per second.
const SECOND: u64 = 1_000_000;

/// How fast a limited user may go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Pace {
    /// Longest slice.
    pub slice: Duration,
    /// Microseconds of processor time per second.
    rate: u64,
}

impl Pace {
    /// The pace for a maximum share of `processors` real processors; none when it does not limit a user with so many virtual processors.
    /// `relative` is what relative shares are due, in tenths of a percent, and `wanting` the sum of their weights.
    pub fn of(maximum: ShareAmount, processors: usize, virtual_processors: usize, relative: u64, wanting: u64) -> Option<Self> {
        let all = processors as u64 * SECOND;
        let most = match maximum {
            ShareAmount::Absolute { tenths } => all * u64::from(tenths) / 1000,
            ShareAmount::Relative(weight) => {
                let weight = u64::from(weight) * UNIT;
                let of_relative = u128::from(all * relative / 1000) * u128::from(weight) / u128::from(wanting.max(weight));
                u64::try_from(of_relative).unwrap_or(all)
            }
        };
        if most >= all.min(virtual_processors as u64 * SECOND) {
            return None;
        }
        let slice = (Duration::from_micros(most) / SLICES).max(SHORTEST);
        let longest = u64::try_from((slice + OVERRUN).as_micros()).unwrap_or(u64::MAX);
        let rate = (most.saturating_sub(longest) * SECOND / (SECOND + longest)).max(1);
        Some(Self { slice, rate })
    }

    /// How long `used` keeps the user from being chosen again, counted from when it was chosen.
    pub fn stretch(&self, used: Duration) -> Duration {
        let nanoseconds = used.as_nanos() * u128::from(SECOND) / u128::from(self.rate);
        Duration::from_nanos(u64::try_from(nanoseconds).unwrap_or(u64::MAX))
    }
}

/// Machines that have had their maximum, in the order in which they may go on.
#[derive(Default)]
pub(super) struct LimitList {
    hard: BTreeMap<Key, MachineId>,
    soft: BTreeMap<Key, MachineId>,
}

impl LimitList {
    fn list(&mut self, hard: bool) -> &mut BTreeMap<Key, MachineId> {
        if hard { &mut self.hard } else { &mut self.soft }
    }

    pub fn insert(&mut self, release: Key, hard: bool, id: MachineId) {
        self.list(hard).insert(release, id);
    }

    pub fn remove(&mut self, release: &Key, hard: bool) {
        self.list(hard).remove(release);
    }

    /// Somebody whose time has come.
    pub fn released(&self, now: Duration) -> Option<MachineId> {
        let due = |list: &BTreeMap<Key, MachineId>| list.first_key_value().filter(|(key, _)| key.time <= now.as_nanos()).map(|(_, &id)| id);
        due(&self.hard).or_else(|| due(&self.soft))
    }

    /// The softly limited machine that would be released first.
    pub fn first_soft(&self) -> Option<MachineId> {
        self.soft.first_key_value().map(|(_, &id)| id)
    }

    /// When somebody is released next.
    pub fn next(&self) -> Option<Duration> {
        let first = |list: &BTreeMap<Key, MachineId>| list.first_key_value().map(|(key, _)| key.time);
        let next = first(&self.hard).into_iter().chain(first(&self.soft)).min()?;
        Some(Duration::from_nanos(u64::try_from(next).unwrap_or(u64::MAX)))
    }

    pub fn len(&self) -> usize {
        self.hard.len() + self.soft.len()
    }
}

#[cfg(test)]
mod unit {
    use super::*;

    fn pace(tenths: u16) -> Option<Pace> {
        Pace::of(ShareAmount::Absolute { tenths }, 2, 1, 1000, 0)
    }

    #[test]
    fn the_pace_stays_below_the_maximum_in_any_window_and_not_far_below() {
        for tenths in [1, 2, 10, 50, 200, 499] {
            let pace = pace(tenths).expect("it limits");
            let used = (pace.slice + OVERRUN).as_secs_f64();
            let rate = used / pace.stretch(pace.slice + OVERRUN).as_secs_f64();
            let most = f64::from(tenths) / 1000.0 * 2.0;
            assert!(rate * (1.0 + used) + used <= most * 1.000_001, "{tenths}: {rate}");
            let floor = if tenths < 10 { 0.85 } else { 0.95 };
            assert!(rate >= most * floor, "{tenths}: {rate} of {most}");
        }
    }

    #[test]
    fn a_maximum_of_all_that_the_user_can_use_is_none() {
        assert_eq!(pace(500), None, "one virtual processor cannot use more than half of two");
        assert!(Pace::of(ShareAmount::Absolute { tenths: 500 }, 2, 2, 1000, 0).is_some());
        assert_eq!(Pace::of(ShareAmount::Relative(100), 2, 1, 1000, 200 * UNIT), None);
        assert!(Pace::of(ShareAmount::Relative(100), 2, 1, 1000, 300 * UNIT).is_some());
    }
}
