//! The timer of a local APIC: counts at 1 GHz through a divider, once or over and over.

use crate::Nanoseconds;

/// A timer. Evaluated when somebody asks.
#[derive(Clone, Debug, Default)]
pub(super) struct Timer {
    pub(super) initial: u32,
    /// Register as written: bits 0, 1 and 3.
    pub(super) divide: u32,
    start: Nanoseconds,
    /// Next time it is over.
    due: Option<Nanoseconds>,
    periodic: bool,
}

impl Timer {
    fn divisor(&self) -> u64 {
        match self.divide & 3 | self.divide >> 1 & 4 {
            7 => 1,
            bits => 2 << bits,
        }
    }

    fn period(&self) -> u64 {
        u64::from(self.initial) * self.divisor()
    }

    pub(super) fn begin(&mut self, count: u32, now: Nanoseconds) {
        self.initial = count;
        self.start = now;
        self.due = (count > 0).then(|| now + self.period());
    }

    pub(super) fn set_divide(&mut self, value: u32, now: Nanoseconds) {
        let left = self.current(now);
        self.divide = value & 0b1011;
        if self.due.is_some() {
            let left = u64::from(left.max(1)) * self.divisor();
            self.due = Some(now + left);
            self.start = (now + left).saturating_sub(self.period());
        }
    }

    pub(super) fn set_periodic(&mut self, periodic: bool) {
        self.periodic = periodic;
    }

    /// What is left.
    pub(super) fn current(&self, now: Nanoseconds) -> u32 {
        let Some(due) = self.due else { return 0 };
        (due.saturating_sub(now).div_ceil(self.divisor())).min(u64::from(self.initial)) as u32
    }

    pub(super) fn due(&self) -> Option<Nanoseconds> {
        self.due
    }

    /// Whether it was over since the last look. Several times are one: the vector can be pending only once.
    pub(super) fn over(&mut self, now: Nanoseconds) -> bool {
        let Some(due) = self.due.filter(|&due| due <= now) else { return false };
        self.due = None;
        if self.periodic {
            let period = self.period().max(1);
            self.start = due + (now - due) / period * period;
            self.due = Some(self.start + period);
        }
        true
    }
}
