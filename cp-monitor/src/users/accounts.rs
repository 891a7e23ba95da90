//! What of a user's usage is on record already, and the record of the rest.

use std::sync::atomic::Ordering;

use super::User;
use crate::accounting::record::VERSION;
use crate::accounting::{Record, Used, Why};
use crate::directory::UserId;

/// Up to where a session is on record.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Accounted {
    /// Everything used until then.
    used: Used,
    /// When, in seconds since 1970 UTC; none: since the logon nothing was recorded.
    at: Option<u64>,
}

impl User {
    /// What was used since logon.
    pub fn used(&self) -> Used {
        let (usage, pages) = (&self.usage, self.standing.figures());
        let count = |counter: &std::sync::atomic::AtomicU64| counter.load(Ordering::Relaxed);
        Used {
            connect_seconds: self.logged_on.elapsed().as_secs(),
            virtual_us: usage.virtual_us(),
            total_us: usage.total_us(),
            io: usage.io(),
            cards_read: count(&usage.cards_read),
            cards_punched: count(&usage.cards_punched),
            lines_printed: count(&usage.lines_printed),
            page_reads: pages.reads,
            page_writes: pages.writes,
        }
    }

    /// Puts on record what was used since the last record or the logon. The operator is told when the host does not take it.
    pub fn account(&self, why: Why, by: Option<&UserId>, resident_pages: u64) {
        let record = {
            let mut accounted = self.accounted.lock();
            let (used, now) = (self.used(), self.cp().clock.unix_seconds());
            let logged_on = u64::try_from(self.logged_on_at.timestamp().as_second()).unwrap_or(0);
            let before = std::mem::replace(&mut *accounted, Accounted { used, at: Some(now) });
            Record {
                version: VERSION,
                system: self.cp().config.system_id.clone(),
                userid: self.id.to_string(),
                account: self.entry.accounts.first().map(|account| account.number.clone()),
                why,
                by: by.map(ToString::to_string),
                from: before.at.unwrap_or(logged_on),
                to: now,
                used: used - before.used,
                resident_pages,
            }
        };
        self.cp().put_on_record(&record);
    }
}
