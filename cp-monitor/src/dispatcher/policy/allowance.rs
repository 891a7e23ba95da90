//! What a user who types may be given at once although its share is used up.
//!
//! Where very many compete, a share is less than it takes to answer a line (a thousandth of two processors is two milliseconds a second), and
//! a person is not to wait for that. So whoever types has a fiftieth of a processor at once, whatever its share is: an allowance makes up for what the
//! share lacks of it. It is not added to a larger share, so typing is worth nothing to whoever has one. All allowances together are a tenth of the
//! processor time that is used (not of the time that passes: a host may give CP little of that), so many who type take no more than
//! that from running work.

use std::time::Duration;

/// What somebody who types has at once in a second: a few commands.
const AT_ONCE: Duration = Duration::from_millis(20);
/// The most that a user saves up.
const MOST: Duration = Duration::from_millis(20);
/// The part of the processor time used that goes beyond shares.
const POOL_PART: u32 = 10;
/// The most that is saved up for each real processor.
const POOL_MOST: Duration = Duration::from_millis(50);

/// One user's.
#[derive(Clone, Copy, Debug)]
pub(super) struct Allowance {
    left: Duration,
    as_of: Duration,
}

impl Default for Allowance {
    fn default() -> Self {
        Self { left: MOST, as_of: Duration::ZERO }
    }
}

impl Allowance {
    /// Takes up to `wanted`, when the user's share is that much time in a second.
    pub fn draw(&mut self, wanted: Duration, share: Duration, now: Duration, pool: &mut Pool) -> Duration {
        let lacks = AT_ONCE.saturating_sub(share).as_nanos();
        let since = now.saturating_sub(std::mem::replace(&mut self.as_of, now)).as_nanos();
        let earned = lacks * since / Duration::from_secs(1).as_nanos();
        self.left = self.left.saturating_add(Duration::from_nanos(u64::try_from(earned).unwrap_or(u64::MAX))).min(MOST);
        if lacks == 0 {
            return Duration::ZERO;
        }
        let drawn = wanted.min(self.left).min(pool.left);
        self.left -= drawn;
        pool.left -= drawn;
        drawn
    }
}

/// What is left for all of them.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pool {
    left: Duration,
    most: Duration,
}

impl Pool {
    pub fn of(processors: usize) -> Self {
        let most = POOL_MOST * processors as u32;
        Self { left: most, most }
    }

    /// So much processor time was used.
    pub fn fill(&mut self, used: Duration) {
        self.left = self.left.saturating_add(used / POOL_PART).min(self.most);
    }
}

#[cfg(test)]
mod unit {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn an_allowance_makes_up_for_what_a_share_lacks_and_no_more() {
        let mut pool = Pool::of(1000);
        let mut allowance = Allowance::default();
        let share = Duration::from_millis(5);
        let drawn: Duration = (0..100).map(|second| allowance.draw(SECOND, share, SECOND * second, &mut pool)).sum();
        assert_eq!(drawn, MOST + (AT_ONCE - share) * 99);
        assert_eq!(allowance.draw(SECOND, AT_ONCE, SECOND * 200, &mut pool), Duration::ZERO);
    }

    #[test]
    fn all_allowances_together_are_a_part_of_what_is_used() {
        let mut pool = Pool::of(2);
        let mut drawn = Duration::ZERO;
        for second in 0..100 {
            for _ in 0..100 {
                drawn += Allowance::default().draw(SECOND, Duration::ZERO, SECOND * second, &mut pool);
            }
            pool.fill(SECOND);
        }
        assert!(drawn <= POOL_MOST * 2 + 100 * SECOND / POOL_PART, "{drawn:?}");
    }
}
