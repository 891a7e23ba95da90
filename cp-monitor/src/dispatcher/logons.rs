//! How fast users log on while machines compute.
//!
//! Most of a logon is done by CP's own threads, which the policy does not see and the host runs beside those that run machines. A thousand logons at once
//! would so take the processors from running work. The rule: while machines have all processors to do with, logons pay. For what a logon took (on
//! CP's threads, and in its machine's first slices, which load the system), the other machines have [`PART`] times as much before the next one begins. So running
//! work keeps about two thirds of the processors, however many log on, and a logon waits for nothing while a processor is idle.

use std::time::Duration;

/// Time of machines for the time of logons.
pub const PART: u32 = 2;
/// A machine is being logged on and loaded until it has used that much: CMS needs a third of it.
pub const STARTING: Duration = Duration::from_millis(3);

/// What logons owe.
#[derive(Debug, Default)]
pub(super) struct Debt {
    owed: Duration,
    /// What machines had used when somebody looked last.
    seen: Duration,
    /// How often processors had been idle then.
    idled: u64,
}

impl Debt {
    /// Logons used that much.
    pub fn add(&mut self, used: Duration) {
        self.owed += used * PART;
    }

    /// How long it takes at least until the next logon may begin, when machines have had `used` since the start of CP and go on on so many processors.
    /// What they have beyond what is owed is not saved up.
    pub fn left(&mut self, used: Duration, processors: usize) -> Duration {
        let since = used.saturating_sub(self.seen);
        self.seen = self.seen.max(used);
        self.owed = self.owed.saturating_sub(since);
        self.owed / u32::try_from(processors.max(1)).unwrap_or(u32::MAX)
    }

    /// Whether a processor was idle since this was last asked, when they have been so often since the start of CP.
    pub fn idled(&mut self, times: u64) -> bool {
        std::mem::replace(&mut self.idled, times) != times
    }

    /// A processor is idle, or will not work for machines: nothing is owed to anybody.
    pub fn forgive(&mut self) {
        self.owed = Duration::ZERO;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    #[test]
    fn machines_have_their_part_before_the_next_logon() {
        let mut debt = Debt::default();
        // Two processors: one logon of 1.5 ms whenever nothing is owed, machines the rest of the time.
        let (mut machines, mut logons, mut passed) = (Duration::ZERO, Duration::ZERO, Duration::ZERO);
        while passed < 1000 * MS {
            if debt.left(machines, 2).is_zero() {
                logons += 3 * MS / 2;
                machines += 3 * MS / 2;
                passed += 3 * MS / 2;
                debt.add(3 * MS / 2);
            } else {
                machines += MS / 5;
                passed += MS / 10;
            }
        }
        let part = machines.as_secs_f64() / (machines + logons).as_secs_f64();
        assert!((0.6..=0.8).contains(&part), "{part}");
    }

    #[test]
    fn the_wait_is_as_long_as_all_processors_take() {
        let mut debt = Debt::default();
        debt.add(6 * MS);
        assert_eq!(debt.left(Duration::ZERO, 2), 6 * MS);
        assert_eq!(debt.left(4 * MS, 2), 4 * MS);
        assert_eq!(debt.left(12 * MS, 2), Duration::ZERO);
    }

    #[test]
    fn time_without_logons_is_not_saved_up() {
        let mut debt = Debt::default();
        assert!(debt.left(1_000_000 * MS, 1).is_zero());
        debt.add(MS);
        assert_eq!(debt.left(1_000_000 * MS, 1), PART * MS);
        debt.forgive();
        assert!(debt.left(1_000_000 * MS, 1).is_zero());
    }
}
