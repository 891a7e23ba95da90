//! kill -9 at random moments of heavy spooling, on a disk that works, one that fails, and one that is full.
//!
//! After each kill the spool is started again, and every file whose CLOSE was answered must be there byte for byte, with the class that was
//! last acknowledged; no other may be there but those that were being closed or purged at that moment. Each test kills 25 times;
//! `CP64_SPOOL_KILLS=1000` asks for more, `CP64_SPOOL_SEED` for the moments of an earlier run.

mod child;
mod failing_disk;

use std::collections::{BTreeMap, BTreeSet};
use std::hash::{BuildHasher, RandomState};
use std::io::{BufRead, BufReader};
use std::ops::ControlFlow;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use failing_disk::Chance;
use rustix::process::{Pid, Signal, kill_process};
use spool::{Disk, HostDisk, Selection, Spool};
use tests::{PATIENCE, in_namespace_within};

/// What the child told, by the number that each file was written with.
#[derive(Default)]
struct Ledger {
    /// Acknowledged, with the class.
    files: BTreeMap<u64, char>,
    /// Being closed or purged: there or not.
    doubtful: BTreeSet<u64>,
    /// The class they may have got.
    changing: BTreeMap<u64, char>,
    /// How many closes were acknowledged in all.
    closed: usize,
}

impl Ledger {
    fn hear(&mut self, line: &str) {
        let words: Vec<&str> = line.split(' ').collect();
        let number = || words[1].parse::<u64>().unwrap();
        let class = || words[2].chars().next().unwrap();
        match words[0] {
            "closing" => drop(self.doubtful.insert(number())),
            "closed" => {
                self.doubtful.remove(&number());
                self.files.insert(number(), 'A');
                self.closed += 1;
            }
            "purging" => {
                self.files.remove(&number());
                self.doubtful.insert(number());
            }
            "purged" => drop(self.doubtful.remove(&number())),
            "changing" => drop(self.changing.insert(number(), class())),
            "changed" => {
                self.changing.remove(&number());
                self.files.insert(number(), class());
            }
            // `lost`, and what the test harness says of the child.
            _ => {}
        }
    }

    /// Starts the spool and compares. From then on what is there counts as acknowledged: nobody was told otherwise.
    fn settle(&mut self, home: &Path, seed: &str) {
        let (spool, report) = child::open(home, &(Arc::new(HostDisk) as Arc<dyn Disk>)).unwrap_or_else(|error| panic!("{seed}: {error}"));
        assert_eq!((&report.skipped[..], &report.passed_over[..]), (&[][..], &[][..]), "{seed}");
        let mut found = BTreeMap::new();
        for file in spool.list(&Selection::default()).unwrap() {
            let mut reader = spool.reader(file.owner, file.queue, file.spid).unwrap();
            for expected in child::text(file.created) {
                let record = reader.next_record().unwrap_or_else(|error| panic!("{seed}: file {}: {error}", file.created));
                assert!(record.is_some_and(|record| record.data == expected), "{seed}: file {} is not as it was written", file.created);
            }
            assert_eq!(reader.next_record().unwrap(), None, "{seed}: file {} is too long", file.created);
            found.insert(file.created, file.attributes.class.as_char());
        }
        for (n, class) in &self.files {
            let now = found.get(n).unwrap_or_else(|| panic!("{seed}: file {n} was acknowledged and is gone"));
            assert!(now == class || Some(now) == self.changing.get(n), "{seed}: file {n} has class {now}, not {class}");
        }
        let surplus: Vec<_> = found.keys().filter(|n| !self.files.contains_key(n) && !self.doubtful.contains(n)).collect();
        assert!(surplus.is_empty(), "{seed}: files {surplus:?} came from nowhere");
        let tape = home.join("tape");
        if tape.exists() {
            let report = spool.scan(&tape, &Selection::default(), &mut |_| ControlFlow::Continue(())).unwrap();
            assert!(report.damage.is_none(), "{seed}: the archive has its name and is not whole: {:?}", report.damage);
        }
        (self.files, self.doubtful, self.changing) = (found, BTreeSet::new(), BTreeMap::new());
    }
}

/// How often each test kills.
fn kills() -> u64 {
    std::env::var("CP64_SPOOL_KILLS").map_or(25, |kills| kills.parse().expect("CP64_SPOOL_KILLS is a number"))
}

/// Kills a child that works in `home` again and again.
fn kill_again_and_again(home: &Path, failing: bool) -> Ledger {
    let seed = std::env::var("CP64_SPOOL_SEED").map_or_else(|_| RandomState::new().hash_one(0), |seed| seed.parse().expect("a seed"));
    let chance = Chance::new(seed);
    let mut ledger = Ledger::default();
    for round in 0..kills() {
        let mut child = Command::new(std::env::current_exe().unwrap());
        child.args(["child::the_process_that_is_killed", "--exact", "--nocapture"]);
        child.env(child::HOME, home).env(child::SEED, chance.number(u64::MAX).to_string()).stdout(Stdio::piped());
        if failing {
            child.env(child::FAILING, "1").stderr(Stdio::null());
        }
        let mut child = child.spawn().unwrap();
        let pid = Pid::from_child(&child);
        let kill = move |after: u64| {
            thread::sleep(Duration::from_micros(after));
            // It may have ended by itself.
            let _ = kill_process(pid, Signal::KILL);
        };
        // One in four is killed about the time it starts, the others a moment after it told of so many things.
        let (moment, mut lines_to_go) = (chance.number(4000), 1 + chance.number(120));
        let early = chance.once_in(4).then(|| chance.number(200_000));
        let killer = early.map(|after| thread::spawn(move || kill(after)));
        for line in BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok) {
            ledger.hear(&line);
            lines_to_go = lines_to_go.saturating_sub(1);
            if lines_to_go == 0 && killer.is_none() {
                kill(moment);
            }
        }
        if let Some(killer) = killer {
            killer.join().unwrap();
        }
        child.wait().unwrap();
        ledger.settle(home, &format!("CP64_SPOOL_SEED={seed}, round {round}"));
    }
    let report = child::patiently(|| Spool::check(&home.join("spool"), false)).unwrap();
    assert_eq!(report.problems, [], "seed {seed}");
    eprintln!("{} kills, {} closes acknowledged, {} files at the end", kills(), ledger.closed, report.files);
    ledger
}

#[test]
fn after_kill_9_every_acknowledged_file_is_whole() {
    let home = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let ledger = kill_again_and_again(home.path(), false);
    assert!(ledger.closed as u64 > kills() * 5, "the children did not get to work: {} files", ledger.closed);
}

#[test]
fn after_kill_9_on_a_failing_disk_every_acknowledged_file_is_whole() {
    let home = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let ledger = kill_again_and_again(home.path(), true);
    assert!(ledger.closed as u64 > kills(), "the children did not get to work: {} files", ledger.closed);
}

#[test]
fn after_kill_9_on_a_full_disk_every_acknowledged_file_is_whole() {
    // A kill and the look at what is left take less than a second.
    let time = PATIENCE * 3 + Duration::from_secs(kills() * 5);
    in_namespace_within(time, "after_kill_9_on_a_full_disk_every_acknowledged_file_is_whole", |place| {
        let mounted = Command::new("mount").args(["-t", "tmpfs", "-o", "size=12m", "tmpfs"]).arg(place).status().unwrap();
        assert!(mounted.success(), "a file system of 12 MiB cannot be mounted");
        let ledger = kill_again_and_again(place, false);
        assert!(ledger.closed as u64 > kills() * 5, "the children did not get to work: {} files", ledger.closed);
    });
}
