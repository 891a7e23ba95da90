//! How often somebody may fail to prove who they are. Pure.

use std::collections::HashMap;
use std::hash::Hash;
use std::net::IpAddr;
use std::time::Duration;

/// Failures of one address, and of one user from anywhere, within [`WINDOW`].
const OF_ADDRESS: u32 = 20;
const OF_USER: u32 = 10;
/// For how long a failure counts.
const WINDOW: Duration = Duration::from_secs(300);
/// Addresses and users that are remembered; who fails most is remembered longest.
const REMEMBERED: usize = 10_000;

#[derive(Clone, Copy, Debug)]
struct Failures {
    count: u32,
    since: Duration,
}

/// What failed lately. Times are since the front end began.
#[derive(Debug, Default)]
pub(crate) struct Attempts {
    addresses: HashMap<IpAddr, Failures>,
    users: HashMap<String, Failures>,
}

fn is_over<K: Hash + Eq>(table: &HashMap<K, Failures>, key: &K, most: u32, now: Duration) -> bool {
    table.get(key).is_some_and(|failures| failures.count >= most && now < failures.since + WINDOW)
}

fn count<K: Hash + Eq + Clone>(table: &mut HashMap<K, Failures>, key: &K, now: Duration) {
    if table.len() >= REMEMBERED && !table.contains_key(key) {
        table.retain(|_, failures| now < failures.since + WINDOW);
        if table.len() >= REMEMBERED
            && let Some(least) = table.iter().min_by_key(|(_, failures)| failures.count).map(|(key, _)| key.clone())
        {
            table.remove(&least);
        }
    }
    let failures = table.entry(key.clone()).or_insert(Failures { count: 0, since: now });
    if now >= failures.since + WINDOW {
        *failures = Failures { count: 0, since: now };
    }
    failures.count += 1;
}

impl Attempts {
    /// Whether this address may not try at all now.
    pub(crate) fn refuses(&self, address: IpAddr, now: Duration) -> bool {
        is_over(&self.addresses, &address, OF_ADDRESS, now)
    }

    /// Whether passwords of this user are not even looked at now. Keys are: nobody can lock another out of those.
    pub(crate) fn locks(&self, user: &str, now: Duration) -> bool {
        is_over(&self.users, &user.to_string(), OF_USER, now)
    }

    /// A password was wrong.
    pub(crate) fn failed(&mut self, address: IpAddr, user: &str, now: Duration) {
        self.failed_from(address, now);
        count(&mut self.users, &user.to_string(), now);
    }

    /// Something else that somebody at this address showed was wrong.
    pub(crate) fn failed_from(&mut self, address: IpAddr, now: Duration) {
        count(&mut self.addresses, &address, now);
    }

    /// A password was right.
    pub(crate) fn succeeded(&mut self, user: &str) {
        self.users.remove(user);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    fn address(last: u8) -> IpAddr {
        [192, 0, 2, last].into()
    }

    #[test]
    fn a_user_is_locked_for_a_while_and_an_address_refused() {
        let mut attempts = Attempts::default();
        for _ in 0..OF_USER {
            assert!(!attempts.locks("ALAN", at(1)));
            attempts.failed(address(1), "ALAN", at(1));
        }
        assert!(attempts.locks("ALAN", at(300)) && !attempts.locks("ALAN", at(301)) && !attempts.locks("GRACE", at(2)));
        assert!(!attempts.refuses(address(1), at(2)));
        for number in 0..OF_ADDRESS {
            attempts.failed(address(2), &format!("U{number}"), at(2));
        }
        assert!(attempts.refuses(address(2), at(3)) && !attempts.refuses(address(3), at(3)) && !attempts.refuses(address(2), at(302)));
    }

    #[test]
    fn a_right_password_forgives_the_user() {
        let mut attempts = Attempts::default();
        (0..OF_USER - 1).for_each(|_| attempts.failed(address(1), "ALAN", at(1)));
        attempts.succeeded("ALAN");
        attempts.failed(address(1), "ALAN", at(1));
        assert!(!attempts.locks("ALAN", at(1)));
    }

    #[test]
    fn a_flood_of_names_costs_bounded_memory_and_forgets_no_attacker() {
        let mut attempts = Attempts::default();
        (0..OF_USER).for_each(|_| attempts.failed(address(1), "ALAN", at(0)));
        for number in 0..2 * REMEMBERED as u32 {
            attempts.failed(std::net::Ipv4Addr::from(number).into(), &number.to_string(), at(1));
        }
        assert!(attempts.users.len() <= REMEMBERED && attempts.addresses.len() <= REMEMBERED);
        assert!(attempts.locks("ALAN", at(2)));
    }
}
