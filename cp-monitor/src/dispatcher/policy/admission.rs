//! Who may enter the dispatch list: transactions, their classes, and the eligible list of those whom storage has no room for.
//!
//! Storage says how many pages can be paged ([`Capacity`]) and what each machine's working set is ([`Demand`]). The buffers of SET SRM turn that into
//! room for each class. The larger classes are the smaller part: a long transaction must fit the buffer of class 3, of class 2 and up, and of class 1 and up.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use super::queue::Key;
use super::{MachineId, Srm};

/// A machine that waits is still in its transaction for this long (test idle): a pause for I/O is not the end.
pub const TEST_IDLE: Duration = Duration::from_millis(300);

/// Elapsed time after which a transaction is of the next class. Class 2 lasts 8 times and class 3 48 times as long as class 1, as on z/VM; a quarter of a
/// second is what people call at once.
const STAY: [Duration; 3] = [Duration::from_millis(250), Duration::from_secs(2), Duration::from_secs(12)];

/// Who has waited this long on the eligible list for each class is passed by nobody any more.
const PATIENCE: [Duration; 3] = [Duration::from_millis(250), Duration::from_secs(2), Duration::from_secs(12)];

/// What a machine needs of storage while it is in the dispatch list.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Demand {
    /// Working set, in pages.
    pub pages: u64,
    /// It is loading: most of its pages are still to be read.
    pub loading: bool,
}

/// What storage has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Capacity {
    /// Pages that can be given to machines; none while there is no shortage, and then everybody fits.
    pub pages: Option<u64>,
    /// Loading users that the paging devices can serve at a time.
    pub loading: u64,
}

/// A transaction: the time from becoming ready to becoming dormant.
#[derive(Clone, Copy, Debug)]
pub(super) struct Transaction {
    /// 0 for QUICKDSP, else 1 to 3.
    pub class: u8,
    /// When it entered this class's list.
    pub since: Duration,
    /// What it was admitted with.
    pub demand: Demand,
}

impl Transaction {
    pub fn begin(quickdsp: bool, now: Duration) -> Self {
        Self { class: u8::from(!quickdsp), since: now, demand: Demand::default() }
    }

    /// Whether its stay in this class is over.
    pub fn is_over(&self, now: Duration) -> bool {
        self.class > 0 && now.saturating_sub(self.since) >= STAY[usize::from(self.class) - 1]
    }

    /// The next class.
    pub fn go_on(&mut self, now: Duration) {
        self.class = (self.class + 1).min(3);
        self.since = now;
    }
}

/// What the members of a class have together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Sum {
    pub members: u64,
    pages: u64,
    pub loading: u64,
}

/// The dispatch list's sums, and the eligible list.
#[derive(Default)]
pub(super) struct Admission {
    pub capacity: Capacity,
    /// Members of the dispatch list by class.
    pub inside: [Sum; 4],
    eligible: [BTreeMap<Key, MachineId>; 3],
    /// Who waits, with the time since when, oldest first. Who became ready meanwhile is passed over.
    idle: VecDeque<(Duration, MachineId)>,
}

impl Admission {
    /// Whether a transaction fits beside those that are in.
    pub fn fits(&self, srm: &Srm, class: u8, demand: Demand) -> bool {
        let Some(pages) = self.capacity.pages.filter(|_| class > 0) else { return true };
        // Something must run, however large it is.
        if self.inside[1..].iter().all(|sum| sum.members == 0) {
            return true;
        }
        (1..=usize::from(class)).all(|from| {
            let percent = |buffer: [u32; 3], of: u64| of.saturating_mul(u64::from(buffer[from - 1])) / 100;
            let inside = |part: fn(&Sum) -> u64| self.inside[from..].iter().map(part).sum::<u64>();
            inside(|sum| sum.pages) + demand.pages <= percent(srm.storage, pages)
                && inside(|sum| sum.members) < u64::from(srm.members[from - 1])
                && (!demand.loading || inside(|sum| sum.loading) < percent(srm.loading, self.capacity.loading).max(1))
        })
    }

    /// A transaction enters the dispatch list with that demand.
    pub fn enter(&mut self, transaction: &mut Transaction, demand: Demand) {
        transaction.demand = demand;
        let sum = &mut self.inside[usize::from(transaction.class)];
        sum.members += 1;
        sum.pages += demand.pages;
        sum.loading += u64::from(demand.loading);
    }

    /// It leaves.
    pub fn leave(&mut self, transaction: &Transaction) {
        let sum = &mut self.inside[usize::from(transaction.class)];
        sum.members -= 1;
        sum.pages -= transaction.demand.pages;
        sum.loading -= u64::from(transaction.demand.loading);
    }

    /// A transaction of class 1 to 3 waits for room.
    pub fn wait(&mut self, class: u8, key: Key, id: MachineId) {
        self.eligible[usize::from(class) - 1].insert(key, id);
    }

    /// It waits no more.
    pub fn stop_waiting(&mut self, class: u8, key: &Key) {
        self.eligible[usize::from(class) - 1].remove(key);
    }

    /// Whether anybody waits.
    pub fn is_waited_for(&self) -> bool {
        self.is_waited_for_until(3)
    }

    /// Whether anybody of class 1 up to that one waits.
    pub fn is_waited_for_until(&self, class: u8) -> bool {
        self.eligible.iter().take(class.into()).any(|list| !list.is_empty())
    }

    /// Members of the eligible list of that class.
    pub fn waiting(&self, class: u8) -> usize {
        self.eligible[usize::from(class) - 1].len()
    }

    /// The first member of the eligible list of each class, the one to be looked at first first; with `true`, when it does not fit nobody may
    /// pass it.
    pub fn heads(&self, now: Duration) -> Vec<(MachineId, bool)> {
        let head = |(list, patience): (&BTreeMap<Key, MachineId>, Duration)| {
            list.first_key_value().map(|(key, &id)| (key.time + patience.as_nanos(), id))
        };
        let mut heads: Vec<_> = self.eligible.iter().zip(PATIENCE).filter_map(head).collect();
        heads.sort_unstable();
        heads.into_iter().map(|(deadline, id)| (id, deadline <= now.as_nanos())).collect()
    }

    /// A machine waits since now.
    pub fn idle(&mut self, id: MachineId, now: Duration) {
        self.idle.push_back((now, id));
    }

    /// Somebody who began to wait so long ago that the transaction may be over.
    pub fn long_idle(&mut self, now: Duration) -> Option<(Duration, MachineId)> {
        self.idle.pop_front_if(|&mut (since, _)| since + TEST_IDLE <= now)
    }

    /// When to look again.
    pub fn next_idle(&self) -> Option<Duration> {
        self.idle.front().map(|&(since, _)| since + TEST_IDLE)
    }
}
