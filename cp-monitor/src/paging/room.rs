//! Making frames free.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use super::policy::{self, Candidate, PASSES, Pass};
use super::{BATCH, LOOK, Pager};
use crate::storage::StorageError;
use crate::storage::paging::{PagingError, Steal};
use crate::system::Cp;
use crate::users::User;

/// Rounds that somebody who wants frames waits for, when others take the frames each time.
const PATIENCE: usize = 200;
/// After a round that found nothing, and nobody waits: nothing will have changed sooner.
const REST: Duration = Duration::from_millis(50);

/// Percent of the slots in use that the operator is told of, and below which that is over.
const NEARLY_FULL: usize = 90;
const CALM: usize = 80;

/// Why no frame can be made free.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoRoom {
    /// All frames are reserved, or in use by machines that do not give them.
    #[error("every frame is in use")]
    InUse,
    /// Pages cannot go anywhere.
    #[error("{0}")]
    Paging(String),
    /// CP is going down.
    #[error("the system is shutting down")]
    Shutdown,
}

/// Rounds of the pager, so that whoever wants frames can wait for one that began after the wish.
#[derive(Default)]
pub(super) struct Rounds {
    begun: u64,
    ended: u64,
    /// The most frames that somebody wants.
    wanted: usize,
    /// The last round looked for frames and found none.
    barren: bool,
    /// What kept the last round from finding more.
    trouble: Option<NoRoom>,
    over: bool,
}

impl Pager {
    /// Waits until so many frames are available. Another may take them first: who needs them tries, and asks again.
    ///
    /// # Errors
    /// [`NoRoom`] when a round of the pager looked for some and found none.
    pub fn make_room(&self, frames: usize) -> Result<(), NoRoom> {
        let mut rounds = self.rounds.lock();
        for _ in 0..PATIENCE {
            if self.storage.paging_figures().available >= frames {
                return Ok(());
            }
            rounds.wanted = rounds.wanted.max(frames);
            let awaited = rounds.begun + 1;
            self.storage.ring();
            while rounds.ended < awaited && !rounds.over {
                self.ended.wait(&mut rounds);
            }
            if rounds.over {
                return Err(NoRoom::Shutdown);
            }
            if rounds.barren && self.storage.paging_figures().available < frames {
                return Err(rounds.trouble.clone().unwrap_or(NoRoom::InUse));
            }
        }
        // Somebody takes every frame as it comes; a try is as good as another wait.
        Ok(())
    }

    fn begin_round(&self) -> usize {
        let mut rounds = self.rounds.lock();
        rounds.begun += 1;
        std::mem::take(&mut rounds.wanted)
    }

    /// `barren` is a round that looked for frames and found none. One that found enough available has not looked: who waited for it asks again when
    /// others have taken them since.
    pub(super) fn end_round(&self, barren: bool, trouble: Option<NoRoom>) {
        let mut rounds = self.rounds.lock();
        rounds.ended = rounds.begun;
        (rounds.barren, rounds.trouble) = (barren, trouble);
        self.ended.notify_all();
    }

    pub(super) fn end_rounds(&self) {
        self.rounds.lock().over = true;
        self.ended.notify_all();
    }
}

/// The page-out thread's work: waits to be called, then frees what is wanted.
pub(super) fn look(cp: &Arc<Cp>) {
    cp.storage.wait_for_ring(LOOK);
    cp.storage.tidy_slots();
    let asked = cp.pager.begin_round();
    let figures = cp.storage.paging_figures();
    let usual = if figures.short() > 0 { figures.high - figures.available } else { 0 };
    let wanted = usual.max(asked.saturating_sub(figures.available));
    let mut round = Round { cp, wanted, freed: 0, trouble: None };
    if wanted > 0 {
        round.run();
        cp.storage.tidy_frames();
    }
    let (freed, trouble) = (round.freed, round.trouble);
    warn_when_filling(cp);
    if let Some(why) = &trouble {
        cp.paging_space_trouble(&why.to_string());
    }
    let barren = wanted > 0 && freed == 0;
    cp.pager.end_round(barren, trouble);
    if barren {
        std::thread::sleep(REST);
    }
}

/// The operator is told once when the paging file is nearly full, and again when that comes a second time.
fn warn_when_filling(cp: &Cp) {
    let space = cp.pager.figures().space;
    let percent = (space.slots_used * 100).checked_div(space.slots).unwrap_or(0);
    if percent < CALM {
        cp.pager.warned.store(false, Ordering::Relaxed);
    } else if percent >= NEARLY_FULL && !cp.pager.warned.swap(true, Ordering::Relaxed) {
        cp.say_to_operator(&format!("HCPPGT401I {percent} percent of the paging file is in use"));
    }
}

/// One search for frames.
struct Round<'a> {
    cp: &'a Arc<Cp>,
    wanted: usize,
    freed: usize,
    trouble: Option<NoRoom>,
}

impl Round<'_> {
    fn run(&mut self) {
        let users = self.cp.users.all();
        for pass in &PASSES {
            if pass.after > Duration::ZERO {
                std::thread::sleep(pass.after);
            }
            let now = self.cp.started.elapsed();
            let candidates: Vec<Candidate> = users
                .iter()
                .map(|user| Candidate {
                    figures: user.standing.figures(),
                    reserved: user.standing.reserved(),
                    unused_for: user.standing.unused_for(now),
                })
                .collect();
            for index in policy::order(&candidates, pass) {
                let portion = policy::portion(&candidates[index], pass, self.wanted - self.freed);
                self.take_from(&users[index], pass, portion);
                if self.freed >= self.wanted || self.trouble.is_some() {
                    return;
                }
            }
        }
    }

    /// Takes up to `portion` pages of one user.
    fn take_from(&mut self, user: &Arc<User>, pass: &Pass, mut portion: usize) {
        while portion > 0 && self.trouble.is_none() {
            let most = portion.min(BATCH);
            let before = self.freed;
            match steal(user, pass, most) {
                Ok(Some(freed)) => self.freed += freed,
                Ok(None) => return,
                Err(why) => self.trouble = Some(why),
            }
            if self.freed == before {
                return;
            }
            portion -= most;
        }
    }
}

/// Takes up to `most` pages and writes them; answers how many frames that made, `None` when the machine is not to be had now.
fn steal(user: &Arc<User>, pass: &Pass, most: usize) -> Result<Option<usize>, NoRoom> {
    let mut outgoing = {
        let machine = if pass.interrupt { Some(user.lock_machine()) } else { user.machine.try_lock() };
        let Some(mut machine) = machine else { return Ok(None) };
        // One that is about to run, or whose pages are coming in, is not dormant whatever the clock says.
        if pass.steal == Steal::Dormant && (machine.is_ready() || machine.missing_page().is_some()) {
            return Ok(None);
        }
        match machine.space.page_out(most, user.standing.reserved(), pass.steal) {
            Ok(outgoing) => outgoing,
            Err(StorageError::Host(error)) => {
                tracing::error!(%error, "Pages of {} stay: the host did not drop old translations", user.id);
                return Ok(None);
            }
            Err(_) => return Ok(None),
        }
    };
    let no_slots = outgoing.found_no_slots();
    match outgoing.write() {
        Ok(0) if no_slots => Err(NoRoom::Paging(PagingError::Full.to_string())),
        Ok(freed) => Ok(Some(freed)),
        Err(error) => {
            user.lock_machine().space.take_back(outgoing);
            Err(NoRoom::Paging(error.to_string()))
        }
    }
}

/// Does something that needs frames and may find none, and does it again when some were made. Blocks.
///
/// # Errors
/// What `attempt` says, when it is not that frames are short or when none can be made.
pub fn with_room<T, E>(cp: &Cp, is_short: impl Fn(&E) -> bool, mut attempt: impl FnMut() -> Result<T, E>) -> Result<T, E> {
    let deadline = Instant::now() + Duration::from_secs(30);
    loop {
        match attempt() {
            Err(error) if is_short(&error) && Instant::now() < deadline => {
                if cp.pager.make_room(BATCH).is_err() {
                    return Err(error);
                }
            }
            result => return result,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::storage::{AddressSpace, Storage};

    #[test]
    fn a_round_that_found_enough_available_does_not_tell_who_comes_late_that_every_frame_is_in_use() {
        let storage = Storage::new(64).unwrap();
        let mut space = AddressSpace::new(&storage, 1 << 20).unwrap();
        for page in 0..64 {
            let _ = space.write(page * abi::PAGE, &[1]);
        }
        assert_eq!(storage.paging_figures().available, 0);
        let pager = Pager::new(&storage);
        let asked_again = || {
            while pager.rounds.lock().wanted == 0 {
                std::thread::yield_now();
            }
            assert_eq!(pager.begin_round(), 1);
        };
        std::thread::scope(|scope| {
            let waiter = scope.spawn(|| pager.make_room(1));
            asked_again();
            // There was a frame at this moment; another takes it before the waiter looks.
            pager.end_round(false, None);
            asked_again();
            pager.end_round(true, None);
            assert_eq!(waiter.join().unwrap(), Err(NoRoom::InUse));
        });
    }
}
