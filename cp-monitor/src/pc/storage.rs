//! How much of the host's memory PC machines may have together. Their storage is memory of the host beside real storage, made as they touch it: what is promised to all of
//! them must be there on the day when they do.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// What is promised to PC machines, and how much there is.
#[derive(Debug)]
pub struct Promised {
    bytes: AtomicU64,
    most: u64,
}

/// The storage of one machine, promised until this is dropped.
#[derive(Debug)]
pub(super) struct Promise {
    of: Arc<Promised>,
    bytes: u64,
}

impl Promised {
    /// Nothing is promised, of so many bytes.
    pub fn new(most: u64) -> Arc<Self> {
        Arc::new(Self { bytes: AtomicU64::new(0), most })
    }

    /// Bytes that are promised.
    pub fn bytes(&self) -> u64 {
        self.bytes.load(Ordering::Relaxed)
    }

    /// Bytes that there are.
    pub fn most(&self) -> u64 {
        self.most
    }

    /// Promises so many bytes more, if there are so many. `instead` are those of a machine that is given up for it.
    pub(super) fn promise(self: &Arc<Self>, bytes: u64, instead: u64) -> Option<Promise> {
        let more = |promised: u64| promised.checked_add(bytes).filter(|sum| sum.saturating_sub(instead) <= self.most);
        self.bytes.fetch_update(Ordering::Relaxed, Ordering::Relaxed, more).ok()?;
        Some(Promise { of: Arc::clone(self), bytes })
    }
}

impl Promise {
    pub(super) fn bytes(&self) -> u64 {
        self.bytes
    }
}

impl Drop for Promise {
    fn drop(&mut self) {
        self.of.bytes.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_more_is_promised_than_there_is_and_a_machine_may_take_its_own_place() {
        let promised = Promised::new(100);
        let one = promised.promise(60, 0).expect("there is enough");
        assert!(promised.promise(60, 0).is_none());
        assert_eq!(promised.bytes(), 60);
        let again = promised.promise(90, one.bytes()).expect("instead of the one before");
        drop(one);
        assert_eq!(promised.bytes(), 90);
        drop(again);
        assert_eq!(promised.bytes(), 0);
        assert!(promised.promise(u64::MAX, 0).is_none());
    }
}
