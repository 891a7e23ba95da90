//! The process that is killed: five threads that write, change, purge and dump, and tell what they begin and what was acknowledged.
//!
//! ```text
//! started                the spool is open
//! closing N, closed N    a file is being closed; it is. `lost N` when it certainly is not
//! purging N, purged N
//! changing N C, changed N C
//! ```

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use spool::{
    Attributes, Change, Class, Destination, Device, Disk, DumpOptions, FileInfo, HostDisk, NewFile, Options, Queue, Selection, Spool,
    SpoolError, StartMode, StartReport, Userid,
};
use tests::PATIENCE;

use crate::failing_disk::{Chance, FailingDisk};

/// Where it works.
pub const HOME: &str = "CP64_SPOOL_KILLS_HOME";
/// What chance begins with.
pub const SEED: &str = "CP64_SPOOL_KILLS_SEED";
/// Set when its disk fails now and then.
pub const FAILING: &str = "CP64_SPOOL_KILLS_FAILING";

/// Threads that write.
const WRITERS: u64 = 4;
/// Files that each of them keeps.
const KEPT: usize = 20;

/// Not a test by itself: what the tests of this program run and kill.
#[test]
fn the_process_that_is_killed() {
    if let Some(home) = std::env::var_os(HOME) {
        let seed = std::env::var(SEED).unwrap().parse().unwrap();
        let disk: Arc<dyn Disk> = if std::env::var_os(FAILING).is_some() { Arc::new(FailingDisk::new(seed)) } else { Arc::new(HostDisk) };
        work(home.as_ref(), seed, disk);
    }
}

/// Small segments, so that they come and go.
fn options(disk: Arc<dyn Disk>) -> Options {
    Options { disk, segment_bytes: 1 << 20 }
}

/// Starts the spool in `home`.
pub fn open(home: &Path, disk: &Arc<dyn Disk>) -> Result<(Spool, StartReport), SpoolError> {
    patiently(|| Spool::open_with(&home.join("spool"), StartMode::Warm, &options(Arc::clone(disk))))
}

/// Tries again while the spool is in use: a program that another test of this process is just starting has the lock, too, until it is itself.
pub fn patiently<T>(mut start: impl FnMut() -> Result<T, SpoolError>) -> Result<T, SpoolError> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        match start() {
            Err(SpoolError::InUse(_)) if Instant::now() < deadline => thread::sleep(Duration::from_millis(10)),
            started => return started,
        }
    }
}

/// The records of file `n`: none to three cards, or one time in five enough for several blocks.
pub fn text(n: u64) -> impl Iterator<Item = Vec<u8>> {
    let (count, length) = if n.is_multiple_of(5) { (40, 9000) } else { (n % 4, 80) };
    (0..count).map(move |record| format!("{n}/{record} ").into_bytes().into_iter().cycle().take(length).collect())
}

fn userid(text: &str) -> Userid {
    Userid::new(text).unwrap()
}

fn work(home: &Path, seed: u64, disk: Arc<dyn Disk>) {
    let spool = match open(home, &disk) {
        Ok((spool, _)) => spool,
        // A disk that fails may fail at the start, too.
        Err(SpoolError::Io { .. } | SpoolError::Full(_)) => return,
        Err(error) => panic!("{error}"),
    };
    let Ok(files) = spool.list(&Selection::default()) else { return };
    println!("started");
    let from = files.iter().map(|file| file.created).max().map_or(0, |n| n / 1_000_000 + 1) * 1_000_000;
    let (spool, files) = (&spool, &files);
    thread::scope(|scope| {
        for number in 0..WRITERS {
            let owned = files.iter().filter(move |file| file.created % WRITERS == number);
            let mut writer = Writer {
                spool,
                owner: userid(&format!("USER{number}")),
                files: owned.map(|file| (file.created, file.clone())).collect(),
                chance: Chance::new(seed.wrapping_mul(number * 2 + 3)),
            };
            scope.spawn(move || {
                let mut n = from + number;
                loop {
                    writer.step(n);
                    n += WRITERS;
                }
            });
        }
        scope.spawn(move || {
            loop {
                let how = DumpOptions { system: userid("CP64"), now: seed, purge: false, replace: true };
                thread::sleep(Duration::from_millis(20));
                let _ = spool.dump(&home.join("tape"), &Selection::of(userid("USER0")), &how, &mut |_| std::ops::ControlFlow::Continue(()));
            }
        });
    });
}

struct Writer<'a> {
    spool: &'a Spool,
    owner: Userid,
    files: BTreeMap<u64, FileInfo>,
    chance: Chance,
}

impl Writer<'_> {
    /// Writes file `n`, and does something with an older one.
    fn step(&mut self, n: u64) {
        let full = !self.close(n);
        if self.files.len() > KEPT || full {
            self.purge();
        } else if self.chance.once_in(3) {
            self.change();
        }
    }

    /// One of the files, picked by chance.
    fn any(&self) -> Option<(u64, FileInfo)> {
        let at = usize::try_from(self.chance.number(self.files.len().max(1) as u64)).unwrap();
        self.files.iter().nth(at).map(|(n, file)| (*n, file.clone()))
    }

    fn close(&mut self, n: u64) -> bool {
        let new = NewFile { origin: self.owner, device: Device::Punch, created: n, attributes: Attributes::default() };
        let mut file = self.spool.create(new);
        for record in text(n) {
            if file.append(0x41, &record).is_err() {
                println!("lost {n}");
                return false;
            }
        }
        println!("closing {n}");
        match self.spool.close(file, Destination { owner: self.owner, queue: Queue::Reader }) {
            Ok(closed) => {
                println!("closed {n}");
                self.files.insert(n, closed.file);
                true
            }
            Err(failed) => {
                ended(&failed.error);
                false
            }
        }
    }

    fn purge(&mut self) {
        if let Some((n, file)) = self.any() {
            println!("purging {n}");
            match self.spool.purge(&Selection::of(self.owner).spid(file.spid)) {
                Ok(1) => {
                    println!("purged {n}");
                    self.files.remove(&n);
                }
                Ok(count) => panic!("purged {count} files"),
                Err(error) => ended(&error),
            }
        }
    }

    fn change(&mut self) {
        if let Some((n, file)) = self.any() {
            let class = char::from(b'A' + u8::try_from(self.chance.number(26)).unwrap());
            println!("changing {n} {class}");
            let change = Change { class: Class::new(class).ok(), ..Change::default() };
            match self.spool.change(&Selection::of(self.owner).spid(file.spid), &change) {
                Ok(1) => println!("changed {n} {class}"),
                Ok(count) => panic!("changed {count} files"),
                Err(error) => ended(&error),
            }
        }
    }
}

/// Ends the process when the spool takes no more changes.
fn ended(error: &SpoolError) {
    if matches!(error, SpoolError::Stopped) {
        std::process::exit(0);
    }
}
