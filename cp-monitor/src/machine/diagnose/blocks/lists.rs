//! Lists of block I/O that are under way while their machine goes on.
//!
//! A machine's lists are carried out one after the other, by whichever worker is free: a machine with many never has more than one worker.
//! A reset closes them: what no worker has begun is not done any more, and no end is told to the machine that came after.

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use abi::block_io;
use parking_lot::Mutex;

use super::moves::List;
use super::{disk_of, move_blocks};
use crate::dispatcher::meter::thread_time;
use crate::machine::diagnose::Completion;
use crate::machine::interruption::ListEnded;
use crate::metrics::counters::Trouble;
use crate::users::User;

/// The lists of one machine.
#[derive(Default)]
pub(in crate::machine) struct Lists(Mutex<State>);

#[derive(Default)]
struct State {
    waiting: VecDeque<Started>,
    /// A worker has one, or is about to take one.
    served: bool,
}

/// A list that the machine does not wait for.
struct Started {
    /// Number of the device.
    device: u64,
    list: List,
    parameter: u64,
}

impl Lists {
    /// Lists that are not done, the one that a worker has included.
    pub(in crate::machine) fn under_way(&self) -> usize {
        let state = self.0.lock();
        state.waiting.len() + usize::from(state.served)
    }

    /// The machine was reset.
    pub(in crate::machine) fn close(&self) {
        // Outside the lock: what is dropped may be much.
        let dropped = std::mem::take(&mut self.0.lock().waiting);
        drop(dropped);
    }

    /// Takes a list in; true when a worker must be told.
    fn push(&self, started: Started) -> bool {
        let mut state = self.0.lock();
        state.waiting.push_back(started);
        !std::mem::replace(&mut state.served, true)
    }

    /// The next one to be carried out; none after a reset.
    fn next(&self) -> Option<Started> {
        let mut state = self.0.lock();
        let next = state.waiting.pop_front();
        state.served = next.is_some();
        next
    }

    /// The one that was taken is done. Whether there is another.
    fn done(&self) -> bool {
        let mut state = self.0.lock();
        state.served = !state.waiting.is_empty();
        state.served
    }
}

/// Begins a list.
pub(super) fn start(user: &Arc<User>, lists: &Arc<Lists>, device: u64, list: List, parameter: u64) {
    if lists.push(Started { device, list, parameter }) {
        submit(user, lists);
    }
}

fn submit(user: &Arc<User>, lists: &Arc<Lists>) {
    let (user, lists) = (Arc::clone(user), Arc::clone(lists));
    let cp = Arc::clone(user.cp());
    cp.workers.submit(Box::new(move || serve(&user, &lists)));
}

/// A worker's part: the next list. The one after it waits for its turn like everybody's.
fn serve(user: &Arc<User>, lists: &Arc<Lists>) {
    let Some(Started { device, list, parameter }) = lists.next() else { return };
    let start = thread_time();
    let done = catch_unwind(AssertUnwindSafe(|| carry_out(user, device, &list)));
    drop(list);
    user.charge(thread_time().saturating_sub(start));
    let Completion { status, value, .. } = done.unwrap_or_else(|_| {
        user.cp().counters.count_trouble(Trouble::Internal);
        Completion::status(block_io::IO_ERROR)
    });
    let ended = ListEnded { status: status as u32, count: value as u32, parameter };
    let more = lists.done();
    user.with_machine(|machine| machine.list_ended(lists, ended));
    if more {
        submit(user, lists);
    }
}

fn carry_out(user: &User, device: u64, list: &List) -> Completion {
    let devices = user.devices.lock();
    match disk_of(&devices, device) {
        Some(disk) => {
            user.usage.count_io();
            move_blocks(user, disk, list)
        }
        None => Completion::status(block_io::NO_DEVICE),
    }
}
