//! Bringing pages in.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::NoRoom;
use crate::machine::{Bring, Machine, Missing};
use crate::storage::AccessError;
use crate::storage::paging::{Incoming, PagingError};
use crate::system::Cp;
use crate::users::User;

/// Why a page does not come.
enum Failure {
    NoRoom(NoRoom),
    Paging(PagingError),
}

impl Failure {
    /// What its user is told.
    fn message(&self, address: u64) -> String {
        match self {
            Self::NoRoom(why) => format!("HCPPGF415W CP entered; real storage cannot be had for address {address:X}; {why}"),
            Self::Paging(why) => format!("HCPPGX415E CP entered; continuous paging errors at address {address:X}; {why}"),
        }
    }
}

/// Reads pages, after frames for them were made.
fn read(cp: &Cp, incoming: &mut Incoming) -> Result<(), Failure> {
    // As many as would come are wanted, but one is enough.
    let roomy = cp.pager.make_room(incoming.pages());
    loop {
        match incoming.read() {
            Ok(()) => return Ok(()),
            Err(PagingError::NoFrames) => match &roomy {
                Ok(()) => cp.pager.make_room(1).map_err(Failure::NoRoom)?,
                Err(why) => return Err(Failure::NoRoom(why.clone())),
            },
            Err(error) => return Err(Failure::Paging(error)),
        }
    }
}

/// Brings in the page that a machine waits for; then the machine goes on, or is in CP mode with a message.
pub(super) fn serve(cp: &Arc<Cp>, user: &Arc<User>) {
    let served = catch_unwind(AssertUnwindSafe(|| bring_for(cp, user)));
    user.standing.waiting.fetch_sub(1, Ordering::Relaxed);
    cp.pager.waiting.fetch_sub(1, Ordering::Relaxed);
    if served.is_err() {
        fail(user, |_| true, "HCPMCP9151W CP entered; an internal error in CP ended this machine's page wait");
    }
}

fn bring_for(cp: &Arc<Cp>, user: &Arc<User>) {
    let mut arrived: Option<Incoming> = None;
    loop {
        let (missing, next) = user.with_machine(|machine| {
            if let Some(incoming) = arrived.take() {
                machine.space.arrive(incoming);
            }
            user.standing.note_use(cp.started.elapsed());
            (machine.missing_page(), machine.bring_in())
        });
        let outcome = match next {
            Bring::Nothing => return,
            Bring::NoFrame => cp.pager.make_room(1).map_err(Failure::NoRoom),
            Bring::Read(mut incoming) => read(cp, &mut incoming).map(|()| arrived = Some(incoming)),
        };
        if let Err(failure) = outcome {
            give_up(cp, user, missing, &failure);
            return;
        }
    }
}

fn give_up(cp: &Arc<Cp>, user: &Arc<User>, missing: Option<Missing>, failure: &Failure) {
    let text = failure.message(missing.map_or(0, |missing| missing.address));
    // A machine that was reset meanwhile has no part in it.
    if fail(user, |machine| machine.missing_page() == missing, &text) {
        cp.paging_trouble(user, &text);
    }
}

/// Puts a machine into CP mode, if it still waits, because its page does not come; and says so.
fn fail(user: &User, waits: impl FnOnce(&Machine) -> bool, text: &str) -> bool {
    user.with_machine(|machine| {
        let waits = waits(machine);
        if waits && machine.page_failed() {
            user.enter_cp_mode(machine, text);
        } else if waits {
            user.enter_cp_mode(machine, &format!("{text}; the machine is reset, CP cannot hold the result of its DIAGNOSE"));
        }
        waits
    })
}

/// Makes a range of a machine's storage accessible to CP, for a command. Waits for the disk: not for dispatcher threads, and not with a
/// machine's lock.
///
/// # Errors
/// What is wrong, in words.
pub fn bring_in(cp: &Cp, user: &User, missing: Missing) -> Result<(), String> {
    let mut arrived: Option<Incoming> = None;
    loop {
        let next = user.with_machine(|machine| {
            if let Some(incoming) = arrived.take() {
                machine.space.arrive(incoming);
            }
            match machine.space.fault(missing.address, missing.write) {
                Err(AccessError::Paged(address)) => machine.space.page_in(address).map_or(Bring::NoFrame, Bring::Read),
                Err(AccessError::NoFrames(_)) => Bring::NoFrame,
                Ok(()) | Err(_) => Bring::Nothing,
            }
        });
        let outcome = match next {
            Bring::Nothing => return Ok(()),
            Bring::NoFrame => cp.pager.make_room(1).map_err(Failure::NoRoom),
            Bring::Read(mut incoming) => read(cp, &mut incoming).map(|()| arrived = Some(incoming)),
        };
        outcome.map_err(|failure| match failure {
            Failure::NoRoom(why) => why.to_string(),
            Failure::Paging(why) => why.to_string(),
        })?;
    }
}
