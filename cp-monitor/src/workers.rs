//! The threads that do what may block: CP commands of guests, spool and disk I/O.
//!
//! A job is a closure. It must finish by itself; one that panics is reported and its thread goes on. What is to happen later waits with
//! the timer ([`Workers::submit_after`]), not on a thread: ten thousand machines may sleep at once.

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex};

/// Something to do.
pub type Job = Box<dyn FnOnce() + Send>;

/// Names a job that waits for its time; see [`Workers::cancel`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Alarm {
    due: Instant,
    number: u64,
}

/// A fixed number of threads that take jobs in order, and one that gives them those whose time has come.
pub struct Workers {
    queue: Arc<Queue>,
    threads: Mutex<Vec<JoinHandle<()>>>,
}

struct Queue {
    /// Gone once [`Workers::stop`] was called.
    jobs: Mutex<Option<Sender<Job>>>,
    /// Jobs that no thread has taken yet.
    waiting: AtomicUsize,
    later: Mutex<Later>,
    /// An alarm is due sooner than the one waited for, or there will be no more.
    changed: Condvar,
}

#[derive(Default)]
struct Later {
    alarms: BTreeMap<Alarm, Job>,
    next: u64,
    stopping: bool,
}

impl Workers {
    /// Starts `count` threads. They are few: they mostly wait for the host's disk.
    pub fn start(count: usize) -> std::io::Result<Self> {
        let (sender, receiver) = channel::<Job>();
        let receiver = Arc::new(Mutex::new(receiver));
        let queue = Arc::new(Queue {
            jobs: Mutex::new(Some(sender)),
            waiting: AtomicUsize::new(0),
            later: Mutex::default(),
            changed: Condvar::new(),
        });
        let mut threads = Vec::new();
        for number in 0..count {
            let (receiver, queue) = (Arc::clone(&receiver), Arc::clone(&queue));
            threads.push(std::thread::Builder::new().name(format!("worker-{number}")).spawn(move || work(&receiver, &queue.waiting))?);
        }
        let timed = Arc::clone(&queue);
        threads.push(std::thread::Builder::new().name("timer".to_string()).spawn(move || timed.keep_time())?);
        Ok(Self { queue, threads: Mutex::new(threads) })
    }

    /// Gives a job to the next thread that is free. Dropped once [`Workers::stop`] was called.
    pub fn submit(&self, job: Job) {
        self.queue.submit(job);
    }

    /// Jobs that wait for a thread.
    pub fn waiting(&self) -> usize {
        self.queue.waiting.load(Ordering::Relaxed)
    }

    /// Submits a job when `delay` is over.
    pub fn submit_after(&self, delay: Duration, job: Job) -> Alarm {
        let mut later = self.queue.later.lock();
        let alarm = Alarm { due: Instant::now() + delay, number: later.next };
        later.next += 1;
        later.alarms.insert(alarm, job);
        if later.alarms.first_key_value().is_some_and(|(first, _)| *first == alarm) {
            self.queue.changed.notify_one();
        }
        alarm
    }

    /// Drops a job whose time has not come.
    pub fn cancel(&self, alarm: Alarm) {
        // Outside the lock: what the job owns may be much.
        let job = self.queue.later.lock().alarms.remove(&alarm);
        drop(job);
    }

    /// Lets the jobs that were given finish and ends the threads. Jobs whose time has not come are dropped.
    pub fn stop(&self) {
        self.queue.jobs.lock().take();
        self.queue.later.lock().stopping = true;
        self.queue.changed.notify_one();
        for thread in self.threads.lock().drain(..) {
            let _ = thread.join();
        }
    }
}

impl Queue {
    fn submit(&self, job: Job) {
        if let Some(jobs) = self.jobs.lock().as_ref() {
            self.waiting.fetch_add(1, Ordering::Relaxed);
            // Sending fails only when every thread has ended, which is after stop.
            let _ = jobs.send(job);
        }
    }

    /// Submits jobs as their times come, until the workers stop.
    fn keep_time(&self) {
        let mut later = self.later.lock();
        while !later.stopping {
            match later.alarms.first_entry() {
                None => self.changed.wait(&mut later),
                Some(first) if first.key().due <= Instant::now() => self.submit(first.remove()),
                Some(first) => {
                    let due = first.key().due;
                    self.changed.wait_until(&mut later, due);
                }
            }
        }
        let dropped = std::mem::take(&mut later.alarms);
        drop(later);
        drop(dropped);
    }
}

fn work(jobs: &Mutex<Receiver<Job>>, waiting: &AtomicUsize) {
    loop {
        let next = jobs.lock().recv();
        let Ok(job) = next else { return };
        waiting.fetch_sub(1, Ordering::Relaxed);
        if catch_unwind(AssertUnwindSafe(job)).is_err() {
            tracing::error!("A worker's job panicked");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A job that says `what`.
    fn say(what: &'static str, to: &Sender<&'static str>) -> Job {
        let to = to.clone();
        Box::new(move || to.send(what).unwrap())
    }

    #[test]
    fn jobs_run_when_their_time_comes_and_not_when_cancelled() {
        let workers = Workers::start(1).unwrap();
        let (to, said) = channel();
        let hour = Duration::from_secs(3600);
        let cancelled = workers.submit_after(Duration::from_millis(30), say("cancelled", &to));
        workers.submit_after(Duration::from_millis(60), say("late", &to));
        workers.submit_after(Duration::from_millis(10), say("soon", &to));
        workers.submit_after(hour, say("never", &to));
        workers.cancel(cancelled);
        drop(to);
        assert_eq!((said.recv(), said.recv()), (Ok("soon"), Ok("late")));
        // Stopping does not wait for the hour, and drops the job that does.
        workers.stop();
        assert!(said.recv().is_err());
    }

    #[test]
    fn a_panicking_job_leaves_its_thread_alive() {
        let workers = Workers::start(1).unwrap();
        let (to, said) = channel();
        workers.submit(Box::new(|| panic!("this job fails")));
        workers.submit(say("next", &to));
        assert_eq!(said.recv(), Ok("next"));
        workers.stop();
    }
}
