//! Group commit: many callers, one durable write.
//!
//! Whoever comes first leads: it takes everything that waits, carries it out in one go and hands the answers round. Who
//! comes meanwhile waits for the next round, which one of them leads. Nobody waits for a timer, so a lone caller pays
//! nothing for the company it might have had. Knows nothing of the spool.

use std::sync::mpsc::{Sender, channel};
use std::sync::{Mutex, MutexGuard, PoisonError};

enum Call<A> {
    Lead,
    Answer(A),
}

struct Waiting<O, A> {
    operation: O,
    caller: Sender<Call<A>>,
}

struct State<O, A> {
    led: bool,
    waiting: Vec<Waiting<O, A>>,
}

/// Operations `O`, each answered with an `A`, carried out in groups.
pub struct GroupCommit<O, A> {
    state: Mutex<State<O, A>>,
}

impl<O, A> Default for GroupCommit<O, A> {
    fn default() -> Self {
        Self { state: Mutex::new(State { led: false, waiting: Vec::new() }) }
    }
}

impl<O, A> GroupCommit<O, A> {
    /// Carries `operation` out with those of other callers and answers when it is done.
    ///
    /// `carry_out` gets a group in the order it came and gives one answer for each. None is answered when the leader of the
    /// group panicked: nothing is known of the operation then.
    pub fn submit(&self, operation: O, carry_out: impl Fn(Vec<O>) -> Vec<A>) -> Option<A> {
        let (caller, calls) = channel();
        let leads = {
            let mut state = self.lock();
            state.waiting.push(Waiting { operation, caller });
            !std::mem::replace(&mut state.led, true)
        };
        if leads {
            self.lead(&carry_out);
        }
        loop {
            match calls.recv().ok()? {
                Call::Answer(answer) => return Some(answer),
                Call::Lead => self.lead(&carry_out),
            }
        }
    }

    fn lead(&self, carry_out: &impl Fn(Vec<O>) -> Vec<A>) {
        let successor = Successor(self);
        let group = std::mem::take(&mut self.lock().waiting);
        let (operations, callers): (Vec<_>, Vec<_>) = group.into_iter().map(|w| (w.operation, w.caller)).unzip();
        for (caller, answer) in callers.into_iter().zip(carry_out(operations)) {
            // A caller only goes away by panicking, and then nobody misses its answer.
            let _ = caller.send(Call::Answer(answer));
        }
        drop(successor);
    }

    fn lock(&self) -> MutexGuard<'_, State<O, A>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Hands the lead on when dropped, so also when the leader panics.
struct Successor<'a, O, A>(&'a GroupCommit<O, A>);

impl<O, A> Drop for Successor<'_, O, A> {
    fn drop(&mut self) {
        let mut state = self.0.lock();
        while let Some(next) = state.waiting.first() {
            if next.caller.send(Call::Lead).is_ok() {
                return;
            }
            state.waiting.remove(0);
        }
        state.led = false;
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Barrier;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::thread;

    use super::*;

    #[test]
    fn everyone_gets_the_answer_to_their_own_question() {
        let commit = GroupCommit::default();
        thread::scope(|scope| {
            for caller in 0..50_u64 {
                let commit = &commit;
                scope.spawn(move || {
                    for n in 0..20 {
                        let question = caller * 1000 + n;
                        let answer = commit.submit(question, |group| group.into_iter().map(|q| q + 7).collect());
                        assert_eq!(answer, Some(question + 7));
                    }
                });
            }
        });
    }

    #[test]
    fn those_who_come_while_a_group_is_carried_out_share_the_next_one() {
        let commit = GroupCommit::default();
        let groups = AtomicUsize::new(0);
        let started = Barrier::new(2);
        // The first group stays under way until all the others stand in the queue.
        let first = |group: Vec<u32>| {
            groups.fetch_add(1, Ordering::SeqCst);
            started.wait();
            while commit.lock().waiting.len() < 30 {
                thread::yield_now();
            }
            group
        };
        let later = |group: Vec<u32>| {
            groups.fetch_add(1, Ordering::SeqCst);
            group
        };
        thread::scope(|scope| {
            scope.spawn(|| commit.submit(0, first));
            started.wait();
            for n in 1..=30 {
                let (commit, later) = (&commit, &later);
                scope.spawn(move || assert_eq!(commit.submit(n, later), Some(n)));
            }
        });
        assert_eq!(groups.load(Ordering::SeqCst), 2);
    }

    #[test]
    fn a_leader_that_panics_does_not_hold_up_the_next() {
        let commit = GroupCommit::default();
        let fallen = thread::scope(|scope| scope.spawn(|| commit.submit(1, |_| panic!("the disk is on fire"))).join());
        assert!(fallen.is_err());
        assert_eq!(commit.submit(2, |group| group), Some(2));
    }
}
