//! Consoles at which nobody types: warned, then disconnected or logged off, when the operator wants that (SET IDLETIME).

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use console::wire::{Ending, LineKind};

use super::{Line, User, log_off};
use crate::system::Cp;

/// What becomes of an idle console.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Then {
    /// The terminal goes, the machine goes on.
    Disconnect,
    /// The user is logged off.
    LogOff,
}

/// SET IDLETIME.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limit {
    /// For how long nobody types.
    pub time: Duration,
    /// What becomes of it then.
    pub then: Then,
}

/// What is due for a console.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Due {
    Nothing,
    Warning,
    End,
}

impl Limit {
    /// When the user is warned: a fifth of the time before, at most five minutes.
    fn warning(&self) -> Duration {
        self.time - (self.time / 5).min(Duration::from_secs(300))
    }

    fn due(&self, idle: Duration, warned: bool) -> Due {
        match () {
            () if idle >= self.time && warned => Due::End,
            () if idle >= self.warning() && !warned => Due::Warning,
            () => Due::Nothing,
        }
    }
}

/// When a user last did something.
#[derive(Debug, Default)]
pub struct Activity {
    /// Milliseconds since CP started.
    at: AtomicU64,
    /// Processor time used until then, in microseconds.
    used: AtomicU64,
    warned: AtomicBool,
}

/// Processor time between two looks that is more than an idle machine uses.
const WORK_US: u64 = 5_000;

impl User {
    /// Something was typed, or a terminal came.
    pub fn active(&self) {
        self.activity.at.store(self.cp.started.elapsed().as_millis() as u64, Ordering::Relaxed);
        self.activity.warned.store(false, Ordering::Relaxed);
    }

    /// How long nobody has typed, nor the machine worked.
    fn idle(&self) -> Duration {
        let used = self.usage.virtual_us();
        if used.saturating_sub(self.activity.used.swap(used, Ordering::Relaxed)) > WORK_US {
            self.active();
        }
        self.cp.started.elapsed().saturating_sub(Duration::from_millis(self.activity.at.load(Ordering::Relaxed)))
    }
}

impl Cp {
    /// Looks at every console that has a terminal, when idle ones are to end. The operator's is not one of them.
    pub(crate) fn end_idle(&self) {
        let Some(limit) = *self.idle_limit.lock() else { return };
        for user in self.users.all() {
            if matches!(user.session.lock().line, Line::Logical(_)) {
                end_if_idle(&user, limit);
            }
        }
    }
}

fn end_if_idle(user: &Arc<User>, limit: Limit) {
    let idle = user.idle();
    match limit.due(idle, user.activity.warned.load(Ordering::Relaxed)) {
        Due::Nothing => {}
        Due::Warning => {
            user.activity.warned.store(true, Ordering::Relaxed);
            let left = spoken(limit.time.saturating_sub(idle));
            let what = if limit.then == Then::LogOff { "you are logged off" } else { "it is disconnected" };
            let text = format!("HCPIDL9452W Nobody has typed at this console for {}; in {left} {what}", spoken(idle));
            user.console.write(LineKind::Warning, &text);
        }
        Due::End => {
            user.console.write(LineKind::Cp, &format!("HCPIDL9453I This console was idle for {}", spoken(idle)));
            match limit.then {
                Then::Disconnect => user.disconnect("idle"),
                Then::LogOff => {
                    let (user, cp) = (Arc::clone(user), Arc::clone(user.cp()));
                    cp.workers.submit(Box::new(move || log_off(&user, None, Ending::LoggedOff)));
                }
            }
        }
    }
}

/// A time in words: seconds up to two minutes, else minutes.
pub fn spoken(time: Duration) -> String {
    match time.as_secs_f64().round() as u64 {
        1 => "1 second".to_string(),
        seconds @ 0..120 => format!("{seconds} seconds"),
        seconds => format!("{} minutes", seconds / 60),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_ends_without_a_warning() {
        let minutes = |minutes: u64| Duration::from_secs(minutes * 60);
        let limit = Limit { time: minutes(10), then: Then::Disconnect };
        assert_eq!(limit.due(minutes(7), false), Due::Nothing);
        assert_eq!(limit.due(minutes(8), false), Due::Warning);
        assert_eq!(limit.due(minutes(9), true), Due::Nothing);
        assert_eq!(limit.due(minutes(10), true), Due::End);
        assert_eq!(limit.due(minutes(99), false), Due::Warning, "a look that comes late warns first");
        assert_eq!(Limit { time: minutes(600), ..limit }.warning(), minutes(595));
    }

    #[test]
    fn times_are_said_in_words() {
        assert_eq!(spoken(Duration::from_millis(900)), "1 second");
        assert_eq!(spoken(Duration::from_secs(119)), "119 seconds");
        assert_eq!(spoken(Duration::from_secs(1500)), "25 minutes");
    }
}
