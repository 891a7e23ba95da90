//! What a machine used of a processor in the last two minutes, for the operator screen. Pure, but for the clock's readings that come in.

use std::collections::VecDeque;
use std::time::Duration;

use console::wire::{TREND_MAX, TREND_SECONDS};

/// Time that one figure stands for.
const INTERVAL: Duration = Duration::from_secs(TREND_SECONDS);

/// When figures are due, for all machines alike. Somebody looks when a screen is there: this keeps figures an interval apart on the average.
#[derive(Clone, Copy, Debug, Default)]
pub struct Intervals {
    taken: Option<Duration>,
    due: Duration,
}

/// What a figure that is taken now stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Due {
    /// Time since the last one.
    pub elapsed: Duration,
    /// Intervals in that: after a silence the mean stands for each that went by. The first time nothing is known yet.
    pub intervals: u32,
}

impl Intervals {
    /// Somebody looks at `now`: whether figures are to be taken.
    pub fn look(&mut self, now: Duration) -> Option<Due> {
        let Some(taken) = self.taken.replace(now) else {
            self.due = now + INTERVAL;
            return Some(Due { elapsed: Duration::ZERO, intervals: 0 });
        };
        if now < self.due {
            self.taken = Some(taken);
            return None;
        }
        let intervals = 1 + ((now - self.due).as_nanos() / INTERVAL.as_nanos()).min(TREND_MAX as u128) as u32;
        self.due = if intervals as usize > TREND_MAX { now + INTERVAL } else { self.due + INTERVAL * intervals };
        Some(Due { elapsed: now.saturating_sub(taken), intervals })
    }
}

/// The history of one machine: at most [`TREND_MAX`] figures.
#[derive(Debug, Default)]
pub struct Trend {
    total_us: Option<u64>,
    percent: VecDeque<f32>,
}

impl Trend {
    /// Takes a figure of a machine that has used so much since logon. Of one that has just come nothing is known.
    pub fn take(&mut self, total_us: u64, due: Due) {
        let Some(before) = self.total_us.replace(total_us) else { return };
        let used = total_us.saturating_sub(before) as f64;
        let percent = (used / due.elapsed.as_micros().max(1) as f64 * 100.0) as f32;
        for _ in 0..due.intervals {
            if self.percent.len() == TREND_MAX {
                self.percent.pop_front();
            }
            self.percent.push_back(percent);
        }
    }

    /// Percent of one processor in each of the last `most` intervals, the oldest first.
    pub fn last(&self, most: usize) -> Vec<f32> {
        self.percent.iter().skip(self.percent.len().saturating_sub(most)).copied().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// One machine that is looked at.
    #[derive(Default)]
    struct Looked {
        intervals: Intervals,
        trend: Trend,
    }

    impl Looked {
        fn look(&mut self, milliseconds: u64, total_us: u64) -> Vec<f32> {
            if let Some(due) = self.intervals.look(Duration::from_millis(milliseconds)) {
                self.trend.take(total_us, due);
            }
            self.trend.last(usize::MAX)
        }
    }

    #[test]
    fn a_figure_is_the_processor_time_of_its_interval_however_often_a_screen_looks() {
        let mut looked = Looked::default();
        assert!(looked.look(0, 500).is_empty());
        assert!(looked.look(500, 900_500).is_empty(), "not due");
        assert_eq!(looked.look(2_000, 1_000_500), [50.0]);
        looked.look(4_400, 1_000_500);
        assert_eq!(looked.look(6_000, 1_800_500), [50.0, 0.0, 50.0], "one late look does not move the next");
        assert_eq!(looked.trend.last(2), [0.0, 50.0]);
    }

    #[test]
    fn a_silence_is_filled_with_its_mean_and_is_bounded() {
        let mut looked = Looked::default();
        looked.look(0, 0);
        assert_eq!(looked.look(6_000, 1_500_000), [25.0; 3]);
        assert_eq!(looked.look(1 << 50, 1_500_000), [0.0; TREND_MAX]);
        let full = looked.look((1 << 50) + 2_000, u64::MAX);
        assert!(full.len() == TREND_MAX && full.iter().all(|percent| percent.is_finite()));
    }

    #[test]
    fn who_comes_later_begins_with_nothing() {
        let mut looked = Looked::default();
        looked.look(0, 0);
        looked.look(2_000, 0);
        let mut newcomer = Trend::default();
        newcomer.take(700_000, looked.intervals.look(Duration::from_secs(4)).unwrap());
        assert!(newcomer.last(9).is_empty(), "since when it used that is not known");
        newcomer.take(1_700_000, looked.intervals.look(Duration::from_secs(6)).unwrap());
        assert_eq!(newcomer.last(9), [50.0]);
    }
}
