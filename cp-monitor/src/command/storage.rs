//! Reaching a machine's storage from outside it: what is on the paging file is brought in first.

use super::answer::{Message, error};
use crate::machine::{Machine, Missing};
use crate::paging;
use crate::storage::AccessError;
use crate::users::User;

/// Why something cannot be done with a machine's storage.
#[derive(Debug)]
pub(crate) enum Refused {
    Because(Message),
    /// A page must be brought in first.
    Missing(Missing),
}

impl From<Message> for Refused {
    fn from(message: Message) -> Self {
        Self::Because(message)
    }
}

impl Refused {
    pub(crate) fn access(address: u64, error: AccessError, write: bool) -> Self {
        Missing::of(error, write).map_or_else(|| Self::Because(outside(address)), Self::Missing)
    }
}

/// Does something with the machine's storage, bringing in the pages that it turns out to need. No lock is held while the disk works.
pub(crate) fn with_pages<T>(user: &User, attempt: &mut dyn FnMut(&mut Machine) -> Result<T, Refused>) -> Result<T, Message> {
    loop {
        match user.with_machine(&mut *attempt) {
            Ok(done) => return Ok(done),
            Err(Refused::Because(message)) => return Err(message),
            Err(Refused::Missing(missing)) => paging::bring_in(user.cp(), user, missing)
                .map_err(|why| error("PGX", 415, format!("Continuous paging errors at address {:X}; {why}", missing.address)))?,
        }
    }
}

pub(crate) fn outside(address: u64) -> Message {
    error("CDB", 160, format!("Hexloc {address:X} exceeds storage"))
}
