//! Group commit: many callers, one durable write.
//!
//! Whoever comes first leads: it takes everything that waits, carries it out in one go and hands the answers round. Who
//! comes meanwhile waits for the next round, which one of them leads. Nobody waits for a timer, so a lone caller pays
//! nothing for the company it might have had. Knows nothing of the spool.

use std::sync::mpsc::{Receiver, Sender, channel};
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
    /// Carries `operations` out, with those of other callers, and answers when they are done.
    ///
    /// `carry_out` gets a group in the order it came and gives one answer for each; those of one caller are in one group.
    /// None is answered when the leader of the group panicked: nothing is known of the operation then.
    pub fn submit(&self, operations: Vec<O>, carry_out: impl Fn(Vec<O>) -> Vec<A>) -> Vec<Option<A>> {
        let mut answers = Vec::with_capacity(operations.len());
        let leads = {
            let mut state = self.lock();
            for operation in operations {
                let (caller, calls) = channel();
                state.waiting.push(Waiting { operation, caller });
                answers.push(calls);
            }
            !answers.is_empty() && !std::mem::replace(&mut state.led, true)
        };
        if leads {
            self.lead(&carry_out);
        }
        // They are answered together, and the lead is offered to the first of them.
        answers.into_iter().map(|calls| self.answer(&calls, &carry_out)).collect()
    }

    fn answer(&self, calls: &Receiver<Call<A>>, carry_out: &impl Fn(Vec<O>) -> Vec<A>) -> Option<A> {
        loop {
            match calls.recv().ok()? {
                Call::Answer(answer) => return Some(answer),
                Call::Lead => self.lead(carry_out),
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
                        let answer = commit.submit(vec![question], |group| group.into_iter().map(|q| q + 7).collect());
                        assert_eq!(answer, [Some(question + 7)]);
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
            scope.spawn(|| commit.submit(vec![0], first));
            started.wait();
            for n in 1..=30 {
                let (commit, later) = (&commit, &later);
                scope.spawn(move || assert_eq!(commit.submit(vec![n], later), [Some(n)]));
            }
        });
        assert_eq!(groups.load(Ordering::SeqCst), 2);
    }

    #[test]
    fn those_of_one_caller_go_into_one_group() {
        let commit = GroupCommit::default();
        thread::scope(|scope| {
            for caller in 0..20_u64 {
                let commit = &commit;
                scope.spawn(move || {
                    for _ in 0..20 {
                        let questions = (0..10).map(|n| caller * 100 + n).collect();
                        let answers = commit.submit(questions, |group: Vec<u64>| {
                            let size = group.len();
                            group.into_iter().map(|q| (q, size)).collect()
                        });
                        let expected: Vec<u64> = (0..10).map(|n| caller * 100 + n).collect();
                        assert_eq!(answers.iter().flatten().map(|(q, _)| *q).collect::<Vec<_>>(), expected);
                        assert!(answers.iter().flatten().all(|(_, size)| size.is_multiple_of(10)), "a caller's were torn apart");
                    }
                });
            }
        });
        assert!(commit.submit(Vec::new(), |_| Vec::new()).is_empty());
    }

    #[test]
    fn a_leader_that_panics_does_not_hold_up_the_next() {
        let commit = GroupCommit::default();
        let fallen = thread::scope(|scope| scope.spawn(|| commit.submit(vec![1], |_| panic!("the disk is on fire"))).join());
        assert!(fallen.is_err());
        assert_eq!(commit.submit(vec![2], |group| group), [Some(2)]);
    }
}
