//! What a slice cost: the processor time that its thread really had, which is less than the time that passed when the host ran something
//! else on the real processor meanwhile. Guests are charged for the first and never for the second.
//!
//! The thread's processor time is read once for each slice, at its end: a system call of about a microsecond, where the clock that tells
//! the time of day takes a twentieth of that. So a slice also pays for the decision that chose it, and the time within it is divided
//! between guest and CP by the cheap clock, in proportion.

use std::time::{Duration, Instant};

use rustix::time::{ClockId, clock_gettime};

/// What one slice is charged.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Charge {
    /// Processor time of the guest: VIRTCPU.
    pub guest: Duration,
    /// Processor time of the guest and of CP for it: TOTCPU.
    pub total: Duration,
    /// Time that passed without the host running this thread. Nobody is charged for it.
    pub stolen: Duration,
}

impl Charge {
    /// `wall` passed, `guest` of it between entering and leaving the guest, and the thread had `used` of processor time.
    pub fn of(wall: Duration, guest: Duration, used: Duration) -> Self {
        let stolen = wall.saturating_sub(used);
        if stolen.is_zero() || wall.is_zero() {
            return Self { guest: guest.min(used), total: used, stolen };
        }
        // Where in the slice the host took its time is not known: most likely where the slice was longest.
        let part = used.as_secs_f64() / wall.as_secs_f64();
        Self { guest: guest.mul_f64(part).min(used), total: used, stolen }
    }
}

/// Measures the slices of one dispatcher thread, one after the other.
pub struct Meter {
    clock: fn() -> Duration,
    /// Processor time of the thread that was charged so far.
    charged: Duration,
    begun: Instant,
    last: Charge,
}

impl Meter {
    /// Measures the calling thread.
    pub fn of_this_thread() -> Self {
        Self::with_clock(thread_time)
    }

    fn with_clock(clock: fn() -> Duration) -> Self {
        Self { clock, charged: clock(), begun: Instant::now(), last: Charge::default() }
    }

    /// The slice begins: whoever runs it has what he had to wait for.
    pub fn begin(&mut self) {
        self.begun = Instant::now();
    }

    /// The slice ends, with that much of the time since its beginning in the guest.
    pub fn end(&mut self, guest: Duration) -> Charge {
        let wall = self.begun.elapsed();
        let now = (self.clock)();
        let used = now.saturating_sub(std::mem::replace(&mut self.charged, now));
        self.last = Charge::of(wall, guest, used);
        self.last
    }

    /// What the last slice was charged.
    pub fn last(&self) -> Charge {
        self.last
    }
}

/// Processor time that the calling thread has had.
pub fn thread_time() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    Duration::new(time.tv_sec.unsigned_abs(), u32::try_from(time.tv_nsec).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const MS: Duration = Duration::from_millis(1);

    #[test]
    fn time_that_the_host_took_is_charged_to_nobody() {
        let charge = Charge::of(10 * MS, 8 * MS, 5 * MS);
        assert_eq!(charge, Charge { guest: 4 * MS, total: 5 * MS, stolen: 5 * MS });
        assert_eq!(Charge::of(5 * MS, 4 * MS, 5 * MS), Charge { guest: 4 * MS, total: 5 * MS, stolen: Duration::ZERO });
        assert_eq!(Charge::of(MS, MS, Duration::ZERO), Charge { guest: Duration::ZERO, total: Duration::ZERO, stolen: MS });
    }

    #[test]
    fn the_thread_is_charged_once_for_what_it_used() {
        let mut meter = Meter::of_this_thread();
        let before = thread_time();
        let mut charged = Duration::ZERO;
        for _ in 0..20 {
            meter.begin();
            let start = Instant::now();
            while start.elapsed() < MS {}
            charged += meter.end(MS).total;
        }
        let used = thread_time() - before;
        assert!(charged <= used + MS && charged + 5 * MS >= used, "charged {charged:?} of {used:?}");
    }

    proptest! {
        #[test]
        fn no_charge_is_beyond_what_the_thread_had(wall in 0..100_000_u64, guest in 0..100_000_u64, used in 0..100_000_u64) {
            let us = Duration::from_micros;
            let charge = Charge::of(us(wall), us(guest.min(wall)), us(used));
            prop_assert_eq!(charge.total, us(used));
            prop_assert!(charge.guest <= charge.total);
            prop_assert!(charge.stolen <= us(wall));
        }
    }
}
