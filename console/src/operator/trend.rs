//! What each machine used of a processor in the last two minutes, as the pictures of the system told it. Pure.

use std::collections::{HashMap, VecDeque};
use std::time::Duration;

use crate::wire::MachineView;

use super::figures::sane;

/// Time that one figure stands for.
pub const INTERVAL: Duration = Duration::from_secs(2);
/// Figures kept for each machine.
pub const KEPT: usize = 60;

/// The history of every machine that is logged on: at most [`KEPT`] figures each.
#[derive(Clone, Debug, Default)]
pub struct Trends {
    of: HashMap<String, Trend>,
    /// When the last figures were taken.
    taken: Option<Duration>,
    /// When the next are due. Pictures come when they come: this keeps figures [`INTERVAL`] apart on the average.
    due: Duration,
    /// Tells the machines of this picture from those that are gone.
    round: u64,
}

#[derive(Clone, Debug)]
struct Trend {
    logged_on: u64,
    total_us: u64,
    round: u64,
    percent: VecDeque<f32>,
}

impl Trends {
    /// Takes the figures of a picture that came at `now`, when they are due. Who is not in it is forgotten.
    pub fn take(&mut self, machines: &[MachineView], now: Duration) {
        if self.taken.is_some() && now < self.due {
            return;
        }
        let elapsed = now.saturating_sub(self.taken.unwrap_or(now));
        // After a silence the mean stands for each of the intervals that went by.
        let intervals = match self.taken {
            None => 0,
            Some(_) => 1 + (now.saturating_sub(self.due).as_nanos() / INTERVAL.as_nanos()).min(KEPT as u128) as u32,
        };
        self.due = if intervals as usize > KEPT || self.taken.is_none() { now + INTERVAL } else { self.due + INTERVAL * intervals };
        self.taken = Some(now);
        self.round += 1;
        for machine in machines {
            match self.of.get_mut(&machine.userid) {
                Some(trend) => trend.take(machine, elapsed, intervals, self.round),
                None => drop(self.of.insert(machine.userid.clone(), Trend::of(machine, self.round))),
            }
        }
        self.of.retain(|_, trend| trend.round == self.round);
    }

    /// Machines that have a history.
    #[cfg(test)]
    pub fn len(&self) -> usize {
        self.of.len()
    }

    /// Percent of one processor in each interval, the oldest first; nothing of a machine that has just come.
    pub fn percent(&self, userid: &str) -> impl DoubleEndedIterator<Item = f32> + ExactSizeIterator + '_ {
        const NONE: &VecDeque<f32> = &VecDeque::new();
        self.of.get(userid).map_or(NONE, |trend| &trend.percent).iter().copied()
    }
}

impl Trend {
    fn of(machine: &MachineView, round: u64) -> Self {
        Self { logged_on: machine.logged_on, total_us: machine.total_us, round, percent: VecDeque::new() }
    }

    fn take(&mut self, machine: &MachineView, elapsed: Duration, intervals: u32, round: u64) {
        if machine.logged_on != self.logged_on || machine.total_us < self.total_us {
            // The user logged off and on again: another session.
            *self = Self::of(machine, round);
            return;
        }
        let used = (machine.total_us - self.total_us) as f64;
        let percent = sane((used / elapsed.as_micros().max(1) as f64 * 100.0) as f32);
        (self.total_us, self.round) = (machine.total_us, round);
        for _ in 0..intervals {
            if self.percent.len() == KEPT {
                self.percent.pop_front();
            }
            self.percent.push_back(percent);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn machine(userid: &str, logged_on: u64, total_us: u64) -> MachineView {
        MachineView { userid: userid.into(), logged_on, total_us, ..Default::default() }
    }

    fn at(milliseconds: u64) -> Duration {
        Duration::from_millis(milliseconds)
    }

    fn percent(trends: &Trends, userid: &str) -> Vec<f32> {
        trends.percent(userid).collect()
    }

    #[test]
    fn a_figure_is_the_processor_time_of_its_interval_however_often_pictures_come() {
        let mut trends = Trends::default();
        trends.take(&[machine("A", 1, 500)], at(0));
        assert!(percent(&trends, "A").is_empty());
        trends.take(&[machine("A", 1, 900_500)], at(500));
        assert!(percent(&trends, "A").is_empty(), "not due");
        trends.take(&[machine("A", 1, 1_000_500)], at(2_000));
        assert_eq!(percent(&trends, "A"), [50.0]);
        trends.take(&[machine("A", 1, 1_000_500)], at(4_400));
        trends.take(&[machine("A", 1, 1_800_500)], at(6_000));
        assert_eq!(percent(&trends, "A"), [50.0, 0.0, 50.0], "one late picture does not move the next");
    }

    #[test]
    fn a_silence_is_filled_with_its_mean_and_is_bounded() {
        let mut trends = Trends::default();
        trends.take(&[machine("A", 1, 0)], at(0));
        trends.take(&[machine("A", 1, 1_500_000)], at(6_000));
        assert_eq!(percent(&trends, "A"), [25.0; 3]);
        trends.take(&[machine("A", 1, 1_500_000)], Duration::MAX / 2);
        assert_eq!(percent(&trends, "A"), [0.0; KEPT]);
        trends.take(&[machine("A", 1, u64::MAX)], Duration::MAX / 2 + INTERVAL);
        assert_eq!(trends.percent("A").len(), KEPT);
        assert!(percent(&trends, "A").iter().all(|percent| percent.is_finite()));
    }

    #[test]
    fn who_logs_off_is_forgotten_and_begins_anew() {
        let mut trends = Trends::default();
        for n in 0..5 {
            trends.take(&[machine("A", 1, n * 100), machine("B", 1, n * 100)], at(n * 2_000));
        }
        assert_eq!((trends.percent("A").len(), trends.len()), (4, 2));
        trends.take(&[machine("A", 7, 900)], at(10_000));
        assert_eq!((trends.percent("A").len(), trends.len()), (0, 1), "A is another session, B is gone");
        trends.take(&[machine("A", 7, 100)], at(12_000));
        assert_eq!(trends.percent("A").len(), 0, "time never runs back within a session");
    }
}
