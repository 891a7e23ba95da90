//! What CP holds for machines in page wait until the pages are there that it belongs into: bounded for all of them together.
//!
//! A DIAGNOSE may store a megabyte, and its effects have taken place when CP finds that the pages are away. Results that wait for the pager
//! only become fewer while nobody begins anything new: the workers wait then ([`Storage::wait_for_held`]). Results whose pages cannot be had
//! wait for BEGIN, which may never come: of these so many are kept, and no more.

use std::sync::{Arc, Condvar, Mutex};

use super::{Storage, lock};

/// From so many bytes on that wait for the pager, no worker begins a DIAGNOSE. Each of them may add one result to it.
pub const COMING_MAX: u64 = 32 << 20;
/// Most bytes that wait for BEGIN.
pub const STUCK_MAX: u64 = 32 << 20;

/// What is held for all machines.
#[derive(Default)]
pub(super) struct Held {
    bytes: Mutex<Bytes>,
    less: Condvar,
}

/// Bytes that are held.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Bytes {
    /// For machines whose pages are on their way.
    pub coming: u64,
    /// For machines whose pages could not be had.
    pub stuck: u64,
}

/// Bytes that are held for one machine, until this is dropped.
pub struct Hold {
    storage: Arc<Storage>,
    bytes: u64,
    stuck: bool,
}

impl Storage {
    /// Counts bytes as held for a machine whose page is on its way.
    pub fn hold(self: &Arc<Self>, bytes: u64) -> Hold {
        lock(&self.held.bytes).coming += bytes;
        Hold { storage: Arc::clone(self), bytes, stuck: false }
    }

    /// What is held now.
    pub fn held(&self) -> Bytes {
        *lock(&self.held.bytes)
    }

    /// Waits until fewer than [`COMING_MAX`] bytes wait for the pager. For threads that may block, without any lock.
    pub fn wait_for_held(&self) {
        let full = |bytes: &mut Bytes| bytes.coming >= COMING_MAX;
        drop(self.held.less.wait_while(lock(&self.held.bytes), full));
    }
}

impl Hold {
    /// The page cannot be had. Whether the bytes may be kept for BEGIN.
    #[must_use]
    pub fn is_kept_for_begin(&mut self) -> bool {
        let mut held = lock(&self.storage.held.bytes);
        if !self.stuck && held.stuck + self.bytes <= STUCK_MAX {
            held.coming -= self.bytes;
            held.stuck += self.bytes;
            self.stuck = true;
            self.storage.held.less.notify_all();
        }
        self.stuck
    }
}

impl Drop for Hold {
    fn drop(&mut self) {
        let mut held = lock(&self.storage.held.bytes);
        let of = if self.stuck { &mut held.stuck } else { &mut held.coming };
        *of -= self.bytes;
        self.storage.held.less.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::channel;
    use std::thread;
    use std::time::Duration;

    use super::*;

    const RESULT: u64 = 1 << 20;

    #[test]
    fn of_thousands_of_results_only_so_many_are_held_at_once() {
        const WORKERS: u64 = 8;
        let storage = Storage::new(16).unwrap();
        let (owed, pager) = channel::<Hold>();
        thread::scope(|scope| {
            for _ in 0..WORKERS {
                let (storage, owed) = (Arc::clone(&storage), owed.clone());
                scope.spawn(move || {
                    for _ in 0..500 {
                        storage.wait_for_held();
                        owed.send(storage.hold(RESULT)).unwrap();
                    }
                });
            }
            drop(owed);
            let mut most = 0;
            for hold in pager {
                most = most.max(storage.held().coming);
                drop(hold);
            }
            assert!(most <= COMING_MAX + WORKERS * RESULT, "{most} bytes");
        });
        assert_eq!(storage.held(), Bytes::default());
    }

    #[test]
    fn a_worker_waits_while_too_much_is_held_and_not_for_what_is_stuck() {
        let storage = Storage::new(16).unwrap();
        let mut holds: Vec<_> = (0..COMING_MAX / RESULT).map(|_| storage.hold(RESULT)).collect();
        let (done, said) = channel();
        let waits = Arc::clone(&storage);
        let worker = thread::spawn(move || {
            waits.wait_for_held();
            done.send(()).unwrap();
        });
        assert!(said.recv_timeout(Duration::from_millis(50)).is_err(), "it waits");
        assert!(holds[0].is_kept_for_begin());
        said.recv().expect("a page that cannot be had holds nobody up");
        worker.join().unwrap();
        assert!(holds.iter_mut().all(Hold::is_kept_for_begin));
        let mut more = storage.hold(1);
        assert!(!more.is_kept_for_begin(), "enough wait for BEGIN");
        drop(holds);
        assert!(more.is_kept_for_begin());
        drop(more);
        assert_eq!(storage.held(), Bytes::default());
    }
}
