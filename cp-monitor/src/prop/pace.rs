//! How often an entry may act: what it does may make the message that it is for again. Pure.

use std::time::Duration;

/// Actions of one entry in [`WINDOW`].
pub const MOST: usize = 10;
/// The time in which they are counted.
pub const WINDOW: Duration = Duration::from_secs(10);
/// How long an entry rests that acted more often.
pub const REST: Duration = Duration::from_secs(60);

/// What an entry may do with a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum May {
    /// Act.
    Act,
    /// Rest from now on; it is to be said.
    RestNow,
    /// It rests.
    Nothing,
}

/// When one entry acted lately.
#[derive(Clone, Debug, Default)]
pub struct Pace {
    /// Oldest first, at most [`MOST`].
    acted: Vec<Duration>,
    rests_until: Option<Duration>,
}

impl Pace {
    /// A message for the entry comes at `now`.
    pub fn comes(&mut self, now: Duration) -> May {
        if self.rests_until.is_some_and(|until| now < until) {
            return May::Nothing;
        }
        self.rests_until = None;
        self.acted.retain(|at| now.saturating_sub(*at) < WINDOW);
        if self.acted.len() >= MOST {
            self.acted.clear();
            self.rests_until = Some(now + REST);
            return May::RestNow;
        }
        self.acted.push(now);
        May::Act
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_loop_is_stopped_and_begins_again_after_a_rest() {
        let mut pace = Pace::default();
        let at = |ms| Duration::from_millis(ms);
        assert!((0..MOST as u64).all(|n| pace.comes(at(n)) == May::Act));
        assert_eq!(pace.comes(at(20)), May::RestNow);
        assert_eq!(pace.comes(at(30)), May::Nothing, "said once");
        assert_eq!(pace.comes(at(60_019)), May::Nothing);
        assert_eq!(pace.comes(at(60_021)), May::Act);
    }

    #[test]
    fn what_comes_now_and_then_is_never_stopped() {
        let mut pace = Pace::default();
        assert!((0..1000).all(|n| pace.comes(Duration::from_millis(n * 1001)) == May::Act));
    }
}
