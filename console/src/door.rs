//! How many connections may stand at the door: accepted, but not known to want and be allowed anything.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use crate::{Peer, PeerOrigin};

/// Counts waiting connections per account or address, so that none can keep another out.
#[derive(Debug)]
pub(crate) struct Door {
    waiting: Mutex<HashMap<PeerOrigin, usize>>,
    owner: usize,
    other: usize,
}

/// A place at the door; given back when dropped.
#[derive(Debug)]
pub(crate) struct Place {
    door: Arc<Door>,
    origin: PeerOrigin,
}

impl Door {
    /// A door with so many places for the owner and for each other account or address.
    pub(crate) fn new(owner: usize, other: usize) -> Arc<Self> {
        Arc::new(Self { waiting: Mutex::default(), owner, other })
    }

    /// A place, unless the account has all of its own taken.
    pub(crate) fn enter(self: &Arc<Self>, peer: &Peer) -> Option<Place> {
        let most = if peer.owner { self.owner } else { self.other };
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        let count = waiting.entry(peer.origin).or_default();
        if *count >= most {
            return None;
        }
        *count += 1;
        Some(Place { door: Arc::clone(self), origin: peer.origin })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut waiting = self.door.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = waiting.get_mut(&self.origin) {
            *count -= 1;
            if *count == 0 {
                waiting.remove(&self.origin);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_account_cannot_keep_another_out() {
        let door = Door::new(3, 1);
        let peer = |uid| Peer { origin: PeerOrigin::Account(uid), owner: uid == 0 };
        let first = door.enter(&peer(7)).unwrap();
        assert!(door.enter(&peer(7)).is_none());
        assert!(door.enter(&peer(8)).is_some());
        let owners: Vec<_> = (0..3).map(|_| door.enter(&peer(0)).unwrap()).collect();
        assert!(door.enter(&peer(0)).is_none());
        drop((first, owners));
        assert!(door.enter(&peer(7)).is_some());
        assert!(door.waiting.lock().unwrap().is_empty());
    }
}
