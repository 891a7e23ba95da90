//! The pager: brings pages in for machines that wait for them, and takes frames from machines that do not need them when frames are few.
//!
//! Mechanism of a transfer is in [`crate::storage::paging`], who gives frames is decided in [`policy`]; this file knows threads, users and messages.
//!
//! ```text
//!   page-out   1 thread    rung by storage when frames are short, or by somebody who waits for frames: passes over the machines
//!   page-in    2 threads   one machine's page at a time; the machine waits on no thread
//! ```
//!
//! No dispatcher thread ever waits for one of these: it leaves a request and goes on with another machine. Threads that may block (workers,
//! terminals' requests) wait in [`Pager::make_room`] and [`bring_in`], without any machine's lock. The pager takes one machine's lock at a time, for the
//! copying of at most `BATCH` pages; the host's disk is waited for with no lock held.

pub mod policy;
mod room;
mod serve;

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex};

use crate::storage::paging::PagingFigures;
use crate::storage::{MachineFigures, PageGauge, Storage};
use crate::system::Cp;
use crate::users::User;

use room::Rounds;
pub use room::{NoRoom, with_room};
pub use serve::bring_in;

/// Threads that bring pages in: one waits for the disk while the other checks and installs.
pub const PAGE_IN_THREADS: usize = 2;
/// Most pages taken from a machine under one hold of its lock: about 100 microseconds of copying.
const BATCH: usize = 64;
/// How often the pager looks without being called, to give back slots.
const LOOK: Duration = Duration::from_secs(1);

/// How real storage and paging are at this moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct Figures {
    /// Frames and slots.
    #[serde(flatten)]
    pub space: PagingFigures,
    /// Machines in page wait.
    pub waiting: usize,
    /// Pages read and written per second, in the last second.
    pub rate: u64,
}

/// What the pager knows of one user beside the machine's own figures.
#[derive(Default)]
pub struct Standing {
    gauge: Arc<PageGauge>,
    /// SET RESERVED.
    reserved: AtomicU64,
    /// Milliseconds from CP's start to when the machine last ran.
    used_at: AtomicU64,
    /// Requests of it that are not served yet.
    waiting: AtomicUsize,
}

impl Standing {
    /// Of a machine that shows its figures there.
    pub fn of(gauge: Arc<PageGauge>, now: Duration) -> Self {
        let standing = Self { gauge, ..Self::default() };
        standing.note_use(now);
        standing
    }

    /// Where the machine's storage shows its figures.
    pub fn gauge(&self) -> &Arc<PageGauge> {
        &self.gauge
    }

    /// The machine's figures.
    pub fn figures(&self) -> MachineFigures {
        self.gauge.figures()
    }

    /// Pages that are left to it.
    pub fn reserved(&self) -> u64 {
        self.reserved.load(Ordering::Relaxed)
    }

    /// SET RESERVED.
    pub fn reserve(&self, pages: u64) {
        self.reserved.store(pages, Ordering::Relaxed);
    }

    /// The machine runs, or is about to. `now` is the time since CP's start.
    pub fn note_use(&self, now: Duration) {
        self.used_at.store(now.as_millis() as u64, Ordering::Relaxed);
    }

    /// How long ago that was.
    pub fn unused_for(&self, now: Duration) -> Duration {
        now.saturating_sub(Duration::from_millis(self.used_at.load(Ordering::Relaxed)))
    }

    /// Whether it waits for a page.
    pub fn waits_for_page(&self) -> bool {
        self.waiting.load(Ordering::Relaxed) > 0
    }
}

/// Pages moved up to a moment, for the rate.
struct Sample {
    at: Instant,
    moved: u64,
}

/// The pager of a system.
pub struct Pager {
    storage: Arc<Storage>,
    /// Machines whose page is to be brought; gone once [`Pager::stop`] was called.
    requests: Mutex<Option<VecDeque<Arc<User>>>>,
    asked: Condvar,
    rounds: Mutex<Rounds>,
    ended: Condvar,
    waiting: AtomicUsize,
    rate: AtomicU64,
    sample: Mutex<Sample>,
    complained: Mutex<Option<Instant>>,
    /// The operator knows that the paging file is nearly full.
    warned: AtomicBool,
    threads: Mutex<Vec<JoinHandle<()>>>,
}

impl Pager {
    /// A pager for this storage; [`start`] gives it its threads.
    pub fn new(storage: &Arc<Storage>) -> Self {
        Self {
            storage: Arc::clone(storage),
            requests: Mutex::new(Some(VecDeque::new())),
            asked: Condvar::new(),
            rounds: Mutex::default(),
            ended: Condvar::new(),
            waiting: AtomicUsize::new(0),
            rate: AtomicU64::new(0),
            sample: Mutex::new(Sample { at: Instant::now(), moved: 0 }),
            complained: Mutex::default(),
            warned: AtomicBool::new(false),
            threads: Mutex::default(),
        }
    }

    /// The figures of now.
    pub fn figures(&self) -> Figures {
        Figures {
            space: self.storage.paging_figures(),
            waiting: self.waiting.load(Ordering::Relaxed),
            rate: self.rate.load(Ordering::Relaxed),
        }
    }

    /// Called about once a second: the rate of the time since the last call.
    pub fn take_sample(&self, now: Instant) {
        let space = self.storage.paging_figures();
        let moved = space.reads + space.writes;
        let mut sample = self.sample.lock();
        let elapsed = now.duration_since(sample.at).as_secs_f64().max(0.001);
        self.rate.store(((moved - sample.moved) as f64 / elapsed).round() as u64, Ordering::Relaxed);
        *sample = Sample { at: now, moved };
    }

    /// Whether the operator may be told of trouble again: not within `pause` of the last time.
    pub fn may_complain(&self, pause: Duration) -> bool {
        let mut last = self.complained.lock();
        let due = last.is_none_or(|at| at.elapsed() >= pause);
        if due {
            *last = Some(Instant::now());
        }
        due
    }

    /// A machine waits for a page: the request for it. Never blocks.
    pub fn request(&self, user: Arc<User>) {
        let mut requests = self.requests.lock();
        let Some(queue) = requests.as_mut() else { return };
        user.standing.waiting.fetch_add(1, Ordering::Relaxed);
        self.waiting.fetch_add(1, Ordering::Relaxed);
        queue.push_back(user);
        self.asked.notify_one();
    }

    /// The next request; `None` when stopping.
    fn next_request(&self) -> Option<Arc<User>> {
        let mut requests = self.requests.lock();
        loop {
            if let Some(user) = requests.as_mut()?.pop_front() {
                return Some(user);
            }
            self.asked.wait(&mut requests);
        }
    }

    fn is_stopping(&self) -> bool {
        self.requests.lock().is_none()
    }

    /// Ends the threads. Whoever waits for frames is told that there are none.
    pub fn stop(&self) {
        self.requests.lock().take();
        self.asked.notify_all();
        // Before their end is waited for: a thread that brings pages in may be waiting for a round.
        self.end_rounds();
        self.storage.ring();
        for thread in self.threads.lock().drain(..) {
            let _ = thread.join();
        }
    }
}

/// Starts the pager's threads.
///
/// # Errors
/// What the host says.
pub fn start(cp: &Arc<Cp>) -> std::io::Result<()> {
    let mut threads = cp.pager.threads.lock();
    for number in 0..PAGE_IN_THREADS {
        let cp = Arc::clone(cp);
        let body = move || {
            while let Some(user) = cp.pager.next_request() {
                serve::serve(&cp, &user);
            }
        };
        threads.push(std::thread::Builder::new().name(format!("page-in-{number}")).spawn(body)?);
    }
    let paging_out = Arc::clone(cp);
    let body = move || {
        while !paging_out.pager.is_stopping() {
            if catch_unwind(AssertUnwindSafe(|| room::look(&paging_out))).is_err() {
                tracing::error!("An internal error in CP ended a round of the pager");
                paging_out.pager.end_round(true, None);
            }
        }
    };
    threads.push(std::thread::Builder::new().name("page-out".to_string()).spawn(body)?);
    Ok(())
}
