//! Page wait: a machine that needs a page which is not there stands aside, on no thread, until the pager has brought it.
//!
//! What the machine was about to do is done again once the page is there. An instruction is executed again, and so is a DIAGNOSE whose operands
//! had to be fetched; an interruption stays pending. Only what a DIAGNOSE had to *store* is kept here: its effects have taken place, so it must
//! not be done twice.

use super::Machine;
use crate::storage::AccessError;
use crate::storage::paging::Incoming;

/// A page that must come before the machine can go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Missing {
    /// An address in it.
    pub address: u64,
    /// It is to be stored into.
    pub write: bool,
}

impl Missing {
    /// The page that an access failed for, when bringing it in is all that is wanted.
    pub fn of(error: AccessError, write: bool) -> Option<Self> {
        match error {
            AccessError::Paged(address) | AccessError::NoFrames(address) => Some(Self { address, write }),
            AccessError::Addressing(_) | AccessError::Protection(_) | AccessError::Host(_) => None,
        }
    }
}

/// A machine's wait for a page.
pub(super) struct PageWait {
    missing: Missing,
    /// The pager knows of it.
    requested: bool,
}

/// The end of a DIAGNOSE that could not be stored yet.
pub(super) struct Owed {
    pub(super) status: u64,
    pub(super) value: u64,
    pub(super) stores: Vec<(u64, Vec<u8>)>,
}

/// What the pager has to do next for a machine.
pub enum Bring {
    /// Nothing: it does not wait for a page any more.
    Nothing,
    /// These are to be read, and to arrive.
    Read(Incoming),
    /// There is no frame.
    NoFrame,
}

impl Machine {
    /// The machine waits for this page.
    pub(super) fn wait_for_page(&mut self, missing: Missing) {
        self.page_wait = Some(PageWait { missing, requested: false });
    }

    /// What page it waits for.
    pub fn missing_page(&self) -> Option<Missing> {
        self.page_wait.as_ref().map(|wait| wait.missing)
    }

    /// Whether the pager is to be told of a page wait. True once for each.
    pub fn take_page_request(&mut self) -> bool {
        self.page_wait.as_mut().is_some_and(|wait| !std::mem::replace(&mut wait.requested, true))
    }

    /// For the pager: tries what the machine waits for.
    pub fn bring_in(&mut self) -> Bring {
        let Some(Missing { address, write }) = self.missing_page() else { return Bring::Nothing };
        match self.space.fault(address, write) {
            Err(AccessError::Paged(address)) => match self.space.page_in(address) {
                Some(incoming) => return Bring::Read(incoming),
                None => return Bring::NoFrame,
            },
            Err(AccessError::NoFrames(_)) => return Bring::NoFrame,
            // Any other error is for the machine to find when it does again what it was about to do.
            Ok(()) | Err(_) => {}
        }
        self.page_wait = None;
        self.settle();
        Bring::Nothing
    }

    /// The page cannot be brought. What is owed stays owed: BEGIN tries again.
    pub fn page_failed(&mut self) {
        self.page_wait = None;
    }

    /// Stores what is owed to the machine, as far as the pages are there.
    pub(super) fn settle(&mut self) {
        if self.page_wait.is_none()
            && let Some(owed) = self.owed.take()
        {
            self.finish(owed.status, owed.value, &owed.stores);
        }
    }
}
