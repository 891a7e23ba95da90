//! SHUTDOWN: everyone is logged off, then what CP runs on ends.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use console::wire::Ending;

use super::Cp;
use crate::users::log_off;

/// Threads that log users off. A logoff mostly waits for the host's disk, and those that wait together share one sync of the spool.
const THREADS: usize = 8;

impl Cp {
    /// Begins SHUTDOWN: no more logons; everyone is logged off in threads of its own, and [`Cp::wait_finished`] returns when all is down.
    pub fn shut_down(self: &Arc<Self>) {
        if self.down.swap(true, Ordering::AcqRel) {
            return;
        }
        let cp = Arc::clone(self);
        // Not on the caller's thread: the command that asks for it must still be answered.
        let spawned = thread::Builder::new().name("shutdown".to_string()).spawn(move || cp.take_down());
        if spawned.is_err() {
            self.take_down();
        }
    }

    fn take_down(self: &Arc<Self>) {
        thread::sleep(Duration::from_millis(50));
        let operator = self.operator_id();
        let (last, others): (Vec<_>, Vec<_>) = self.users.all().into_iter().partition(|user| user.id == operator);
        each(THREADS, &others, |user| log_off(user, None, Ending::Shutdown));
        drop(others);
        self.prop.end();
        self.dispatcher.stop();
        self.real_devices.stop();
        for thread in self.threads.lock().drain(..) {
            let _ = thread.join();
        }
        self.workers.stop();
        self.pager.stop();
        // What is in it means nothing without this process.
        let _ = std::fs::remove_file(self.data.paging());
        self.say_to_operator("HCPWRP961W SYSTEM SHUTDOWN COMPLETE");
        for user in last {
            log_off(&user, None, Ending::Shutdown);
        }
        self.ledger.wait_settled();
        self.ledger.stop();
        if let Some(end) = self.front_ends.get() {
            end();
        }
        let (finished, wake) = &self.finished;
        *finished.lock() = true;
        wake.notify_all();
    }
}

/// Does `work` for each of `items` once, on this thread and as many more as make `threads`, as far as the host has them. Returns when all
/// are done; one that panics keeps no other back.
fn each<T: Sync>(threads: usize, items: &[T], work: impl Fn(&T) + Sync) {
    let next = AtomicUsize::new(0);
    let take = || {
        while let Some(item) = items.get(next.fetch_add(1, Ordering::Relaxed)) {
            if catch_unwind(AssertUnwindSafe(|| work(item))).is_err() {
                tracing::error!("A part of the shutdown panicked");
            }
        }
    };
    thread::scope(|scope| {
        for number in 1..threads.min(items.len()) {
            // Refused, the others do its part.
            let _ = thread::Builder::new().name(format!("shutdown-{number}")).spawn_scoped(scope, take);
        }
        take();
    });
}

#[cfg(test)]
mod tests {
    use parking_lot::Mutex;
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn each_is_done_once_by_no_more_threads_than_allowed() {
        let items: Vec<_> = (0..100).collect();
        let (done, threads) = (Mutex::new(Vec::new()), Mutex::new(BTreeSet::new()));
        each(4, &items, |item| {
            thread::sleep(Duration::from_millis(1));
            done.lock().push(*item);
            threads.lock().insert(format!("{:?}", thread::current().id()));
        });
        let mut done = done.into_inner();
        done.sort();
        assert_eq!(done, items);
        let threads = threads.into_inner().len();
        assert!((2..=4).contains(&threads), "{threads} threads");
        each(4, &[] as &[u8], |_| panic!("there is none"));
    }

    #[test]
    fn one_that_panics_keeps_no_other_back() {
        let done = AtomicUsize::new(0);
        each(2, &[1, 2, 3, 4], |item| {
            assert_ne!(*item, 2, "this one fails");
            done.fetch_add(1, Ordering::Relaxed);
        });
        assert_eq!(done.into_inner(), 3);
    }
}
