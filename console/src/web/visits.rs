//! Who is logged on by which cookie, and for how long that holds. Pure: time comes in, and so do the cookies.

use std::collections::HashMap;
use std::time::Duration;

/// Most visits at once; whoever did nothing for longest goes first.
const VISITS: usize = 10_000;

/// One visit.
#[derive(Clone, Debug)]
struct Visit {
    userid: String,
    began: Duration,
    used: Duration,
}

/// The visits of a front end. What it knows of a cookie is a digest: whoever reads its storage cannot use it.
#[derive(Debug)]
pub(super) struct Visits {
    visits: HashMap<[u8; 32], Visit>,
    idle: Duration,
    absolute: Duration,
}

impl Visits {
    pub(super) fn new(idle: Duration, absolute: Duration) -> Self {
        Self { visits: HashMap::new(), idle, absolute }
    }

    fn holds(&self, visit: &Visit, now: Duration) -> bool {
        now < visit.used + self.idle && now < visit.began + self.absolute
    }

    /// Somebody logged on.
    pub(super) fn begin(&mut self, cookie: [u8; 32], userid: &str, now: Duration) {
        if self.visits.len() >= VISITS {
            let (idle, absolute) = (self.idle, self.absolute);
            self.visits.retain(|_, visit| now < visit.used + idle && now < visit.began + absolute);
            if self.visits.len() >= VISITS
                && let Some(oldest) = self.visits.iter().min_by_key(|(_, visit)| visit.used).map(|(cookie, _)| *cookie)
            {
                self.visits.remove(&oldest);
            }
        }
        self.visits.insert(cookie, Visit { userid: userid.to_string(), began: now, used: now });
    }

    /// Whose cookie it is; something was done.
    pub(super) fn userid(&mut self, cookie: &[u8; 32], now: Duration) -> Option<String> {
        let visit = self.visits.get(cookie)?;
        if !self.holds(visit, now) {
            self.visits.remove(cookie);
            return None;
        }
        let visit = self.visits.get_mut(cookie)?;
        visit.used = now;
        Some(visit.userid.clone())
    }

    /// When it is over if nothing is done until then.
    pub(super) fn ends(&self, cookie: &[u8; 32]) -> Option<Duration> {
        self.visits.get(cookie).map(|visit| (visit.used + self.idle).min(visit.began + self.absolute))
    }

    /// They logged off.
    pub(super) fn end(&mut self, cookie: &[u8; 32]) {
        self.visits.remove(cookie);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn a_visit_holds_while_something_is_done_and_never_for_ever() {
        let mut visits = Visits::new(at(10), at(25));
        visits.begin([1; 32], "ALAN", at(0));
        assert_eq!(visits.userid(&[1; 32], at(9)).as_deref(), Some("ALAN"));
        assert_eq!(visits.ends(&[1; 32]), Some(at(19)));
        assert_eq!(visits.userid(&[1; 32], at(18)).as_deref(), Some("ALAN"));
        assert_eq!(visits.ends(&[1; 32]), Some(at(25)));
        assert_eq!((visits.userid(&[1; 32], at(25)), visits.userid(&[1; 32], at(18))), (None, None));
        visits.begin([2; 32], "GRACE", at(30));
        assert_eq!(visits.userid(&[2; 32], at(41)), None, "nothing was done");
        visits.begin([3; 32], "GRACE", at(50));
        visits.end(&[3; 32]);
        assert_eq!((visits.userid(&[3; 32], at(50)), visits.userid(&[4; 32], at(50))), (None, None));
    }

    #[test]
    fn there_are_so_many_and_the_one_that_did_nothing_longest_goes() {
        let mut visits = Visits::new(at(1000), at(1000));
        let cookie = |number: u32| {
            let mut cookie = [0; 32];
            cookie[..4].copy_from_slice(&number.to_le_bytes());
            cookie
        };
        (0..=VISITS as u32).for_each(|number| visits.begin(cookie(number), "U", Duration::from_millis(number.into())));
        assert_eq!(visits.visits.len(), VISITS);
        assert!(visits.userid(&cookie(0), at(11)).is_none() && visits.userid(&cookie(1), at(11)).is_some());
    }
}
