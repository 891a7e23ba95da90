//! The threads that do what may block: CP commands of guests, spool and disk I/O.
//!
//! A job is a closure. It must finish by itself; one that panics is reported and its thread goes on.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::JoinHandle;

use parking_lot::Mutex;

/// Something to do.
pub type Job = Box<dyn FnOnce() + Send>;

/// A fixed number of threads that take jobs in order.
pub struct Workers {
    jobs: Mutex<Option<Sender<Job>>>,
    threads: Mutex<Vec<JoinHandle<()>>>,
}

impl Workers {
    /// Starts `count` threads. They are few: they mostly wait for the host's disk.
    pub fn start(count: usize) -> std::io::Result<Self> {
        let (sender, receiver) = channel::<Job>();
        let receiver = Arc::new(Mutex::new(receiver));
        let threads = (0..count)
            .map(|number| {
                let receiver = Arc::clone(&receiver);
                std::thread::Builder::new().name(format!("worker-{number}")).spawn(move || work(&receiver))
            })
            .collect::<Result<_, _>>()?;
        Ok(Self { jobs: Mutex::new(Some(sender)), threads: Mutex::new(threads) })
    }

    /// Gives a job to the next thread that is free. Dropped once [`Workers::stop`] was called.
    pub fn submit(&self, job: Job) {
        if let Some(jobs) = self.jobs.lock().as_ref() {
            // Sending fails only when every thread has ended, which is after stop.
            let _ = jobs.send(job);
        }
    }

    /// Lets the jobs that were given finish and ends the threads.
    pub fn stop(&self) {
        self.jobs.lock().take();
        for thread in self.threads.lock().drain(..) {
            let _ = thread.join();
        }
    }
}

fn work(jobs: &Mutex<Receiver<Job>>) {
    loop {
        let next = jobs.lock().recv();
        let Ok(job) = next else { return };
        if catch_unwind(AssertUnwindSafe(job)).is_err() {
            tracing::error!("A worker's job panicked");
        }
    }
}
