//! Who runs next and for how long: the scheduler as a value.
//!
//! Pure: it is told events with their times and answers questions. It holds no thread, no clock and no processor, so tests
//! drive it with simulated time ([`super::simulator`]). [`super::Dispatcher`] is the only caller in the product.
//!
//! # What is computed
//!
//! **Shares.** A user's SHARE is a promise about all real processors together. ABSOLUTE shares are taken off the top, RELATIVE shares
//! divide what is left in proportion. The promise is the user's: it is split evenly over the user's virtual processors, so that
//! another virtual processor buys nothing.
//!
//! The two kinds are two *classes* ([`queue`]). Inside a class the weights never depend on who else is there, so nothing has to be
//! recomputed when somebody comes or goes. Between the two classes the division does depend on it (the absolute class is due the sum of the
//! absolute shares that compete now), but there it is a division of two.
//!
//! **Virtual time.** Each virtual processor has a virtual time, which advances by what it used divided by its weight. A class's virtual time is
//! that of the machine chosen last. The machine whose virtual time is the least goes next: it is the one that is furthest behind what it is
//! due. A class has a virtual time among the classes in the same way. Whoever becomes ready is brought up to its class: time spent asleep is not
//! saved up. Nor is a share larger than one processor can give: nobody is left further behind than [`queue::CREDIT`].
//!
//! z/VM orders its dispatch list by deadlines (the time by which the next slice ought to be over). With slices in proportion to shares, which is
//! what follows, every slice has the same length in virtual time, so the order by deadlines and the order by virtual start times are the same
//! order; the start time needs no second number. `docs/scheduling.md` has the comparison with other algorithms, and how to repeat it.
//!
//! **Slices.** The mean slice is [`Srm::slice`] (5 ms) while few compete, and shrinks to a quarter of it when a turn of everybody would
//! take longer than [`scheduler::TURN`]. A machine's own slice is the mean in proportion to its share, within [`scheduler::SHORTEST`] and the slice. So
//! everybody has a turn about equally often and large shares get longer turns, not more switches: the error of a share after any time is about
//! one turn of everybody: with a hundred machines 62 ms, which is six thousandths of ten seconds. Shorter slices would halve that and double what switches take, which
//! is four percent then. A machine that nobody waits behind gets [`scheduler::ALONE`] slices at once, and loses them as soon as somebody comes.
//!
//! **Interactive bias.** A machine that is given a console line goes before all that have no bias, and the slice of one that has none is cut short for it,
//! until it has used [`Srm::bias_slices`] slices. Bias is about *when*, not about *how much*: what is used with bias is charged like all else, and a
//! machine that is ahead of its share gets that much less bias. Nor is it given more in advance than its share makes up for in half a second
//! ([`scheduler::ADVANCE_PART`]), as many as compete when it is used: without that bound, machines with small shares that were all told to compute waited for two seconds
//! afterwards, and their shares of ten seconds were wrong by a tenth. But where very many compete, a share is less than a line takes. So a user who types has a
//! fiftieth of a processor at once if its share is less (`allowance.rs`); all that goes beyond shares is a tenth of the whole at most. While others
//! wait, only [`Srm::bias_intensity`] percent of the choices go to machines with bias, so a storm of logons does not stop running work.
//!
//! **Maximum shares** ([`limit`]). After using `u`, a limited machine becomes ready again no sooner than `u / rate` after it was chosen. Until then
//! it is on the limit list, one structure ordered by the time of release. A LIMITHARD machine waits there; a LIMITSOFT
//! machine is taken from there when nobody else wants the processor, and what it gets so does not count against its maximum.
//!
//! **Storage** ([`admission`]). A transaction begins when a machine becomes ready after it was dormant. It is class 1 at first, 2 and 3 as it lasts. To
//! enter the dispatch list its working set must fit what SET SRM STORBUF leaves to its class; until it does it is on the eligible list. Whoever has been in for as long as
//! its class stays comes behind those who wait. QUICKDSP is class 0, which never waits. While CP's storage tells of no shortage everybody fits, and nobody is on the eligible list for longer than the call.
//!
//! # What cannot be gamed
//!
//! - *Yielding or waiting just before the slice ends*: what was used is charged by timestamp, and the virtual time stays.
//! - *Sleeping to collect credit*: the virtual time is brought up to the class's.
//! - *More virtual processors*: the share is split.
//! - *Typing all the time*: bias shrinks with the lead over the share; what is given beyond makes a small share up to a fiftieth of a processor, and adds
//!   nothing to a larger one.
//! - *Letting CP do the work*: CP's time in a slice is part of the slice, and what its worker threads did is charged ([`Policy::charged`]).
//!
//! # What it costs
//!
//! With `n` ready machines every event is a constant number of searches in ordered trees: O(log n), no walk, no timer per machine. The real
//! processors are walked where a slice may be cut short; they are few. The tests count comparisons. Machines and users are found by their numbers in
//! arrays (`dispatcher/table.rs`), not in hash tables.

pub mod admission;
mod allowance;
mod entitlement;
pub mod limit;
pub mod queue;
pub mod scheduler;
mod srm;
mod standing;
#[cfg(test)]
mod tests;

use std::time::Duration;

pub use entitlement::Entitlement;
pub use scheduler::Scheduler;
pub use srm::Srm;
pub use standing::{Active, Counts, List, Standing, State};

/// Names a virtual processor; never 0 and never used twice.
pub type MachineId = u64;

/// Names the user that a virtual processor belongs to.
pub type UserNumber = u64;

/// Why a machine became ready.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wakeup {
    /// Somebody typed: the beginning of an interaction.
    Console,
    /// Anything else: its I/O or command is done, its time has come.
    Work,
}

/// What a real processor is to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Choice {
    /// Run that machine for at most that long.
    Run(MachineId, Duration),
    /// Nobody may run before that time; ask again then, or when somebody becomes ready.
    Until(Duration),
    /// Nobody wants to run.
    Idle,
}

/// The scheduling seam: events in, decisions out. Times are durations since an arbitrary origin and never go back.
pub trait Policy: Send {
    /// A virtual processor of `user` is there; it waits. The entitlement is the user's.
    fn admitted(&mut self, id: MachineId, user: UserNumber, entitlement: Entitlement);
    /// `id` is gone; it is not chosen any more. It may be running at this moment.
    fn removed(&mut self, id: MachineId, now: Duration);
    /// The user of `id` is entitled to something else from now on.
    fn entitled(&mut self, id: MachineId, entitlement: Entitlement, now: Duration);
    /// `id` waited and is ready. Answers the running machine whose slice should be cut short for it, if no processor is idle.
    fn runnable(&mut self, id: MachineId, why: Wakeup, now: Duration) -> Option<MachineId>;
    /// `id`, chosen before, ran for `used` and wants to go on.
    fn preempted(&mut self, id: MachineId, used: Duration, now: Duration);
    /// The same, and it asks to let others go first.
    fn yielded(&mut self, id: MachineId, used: Duration, now: Duration);
    /// `id`, chosen before, ran for `used` and now waits.
    fn waiting(&mut self, id: MachineId, used: Duration, now: Duration);
    /// CP worked for `id` elsewhere, for so long.
    fn charged(&mut self, id: MachineId, used: Duration, now: Duration);
    /// What a real processor does next.
    fn choose(&mut self, now: Duration) -> Choice;
}
