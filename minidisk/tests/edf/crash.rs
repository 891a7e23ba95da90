//! Power fails at every possible moment: the disk holds the directory of before or of after, whole.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

use minidisk::edf::{BlockDevice, EdfError, FileId, FileSystem, LabelError, Layout, MemoryDisk, MemoryDiskError, RecordFormat};
use proptest::prelude::*;

use crate::{id, now, pattern};

const BLOCK: usize = 4096;

/// What happened to a disk: block writes and flushes, in order.
#[derive(Clone)]
enum Event {
    Write(u32, Vec<u8>),
    Flush,
}

/// A disk that remembers what was done to it.
struct Recorder {
    disk: MemoryDisk,
    events: Rc<RefCell<Vec<Event>>>,
}

impl BlockDevice for Recorder {
    type Error = MemoryDiskError;

    fn blocks(&self) -> u32 {
        self.disk.blocks()
    }

    fn read_only(&self) -> bool {
        false
    }

    fn read(&mut self, first: u32, into: &mut [u8]) -> Result<(), MemoryDiskError> {
        self.disk.read(first, into)
    }

    fn write(&mut self, first: u32, from: &[u8]) -> Result<(), MemoryDiskError> {
        for (number, block) in from.chunks(BLOCK).enumerate() {
            self.events.borrow_mut().push(Event::Write(first + number as u32, block.to_vec()));
        }
        self.disk.write(first, from)
    }

    fn flush(&mut self) -> Result<(), MemoryDiskError> {
        self.events.borrow_mut().push(Event::Flush);
        Ok(())
    }
}

type Content = BTreeMap<FileId, Vec<Vec<u8>>>;

fn content<D: BlockDevice>(disk: &mut FileSystem<D>) -> Content {
    let ids: Vec<FileId> = disk.files().map(|file| file.id).collect();
    ids.into_iter().map(|id| (id, disk.read(&id).unwrap().map(|record| record.unwrap()).collect())).collect()
}

/// A disk in use: its image before, what a busy stretch with several commits did to it, and what it held after each commit.
struct History {
    before: MemoryDisk,
    events: Vec<Event>,
    /// Content after the commits, the one before the first included, and the number of events at which each is complete.
    states: Vec<(usize, Content)>,
}

fn history() -> History {
    history_on(4096)
}

/// A history on a disk with blocks of that size.
fn history_on(block_size: usize) -> History {
    let layout = Layout { label: "CRASH", cylinders: 1, block_size, part: None };
    let mut disk = FileSystem::format_as(MemoryDisk::new(200), &layout, now()).unwrap();
    for n in 0..80 {
        disk.write(&id(&format!("OLD{n}"), "DATA"), 1, RecordFormat::Variable, now(), [pattern(n, 40)]).unwrap();
    }
    disk.write(&id("LOG", "DATA"), 1, RecordFormat::Variable, now(), (0..9).map(|n| pattern(n, 900))).unwrap();
    disk.commit().unwrap();
    let mut states = vec![(0, content(&mut disk))];
    let before = disk.into_device();
    let events = Rc::default();
    let mut disk = FileSystem::open(Recorder { disk: before.clone(), events: Rc::clone(&events) }).unwrap();
    let log = id("LOG", "DATA");
    for round in 0..6 {
        disk.append(&log, now(), (0..4).map(|n| pattern(round * 4 + n, 1500))).unwrap();
        disk.write(&id("BIG", "DATA"), 1, RecordFormat::Fixed(512), now(), (0..90).map(|n| pattern(n + round, 512))).unwrap();
        if round % 2 == 0 {
            disk.erase(&id(&format!("OLD{round}"), "DATA")).unwrap();
            disk.write(&id(&format!("NEW{round}"), "DATA"), 1, RecordFormat::Variable, now(), ["new"]).unwrap();
        }
        disk.replace(&log, 2, now(), (0..3).map(|n| pattern(round + n + 9, 900))).unwrap();
        disk.replace(&id("BIG", "DATA"), 100 + round as u32 * 30, now(), [pattern(round, 512)]).unwrap();
        if round == 3 {
            disk.rename(&id("OLD70", "DATA"), &id("MOVED", "DATA")).unwrap();
        }
        disk.commit().unwrap();
        states.push((events.borrow().len(), content(&mut disk)));
    }
    drop(disk);
    let events = Rc::try_unwrap(events).ok().unwrap().into_inner();
    History { before, events, states }
}

impl History {
    /// The disk after power failed at event `at`, where each write since the last flush reached the disk if `kept` says so.
    fn crashed(&self, at: usize, mut kept: impl FnMut(usize) -> bool) -> MemoryDisk {
        let flushed = self.events[..at].iter().rposition(|event| matches!(event, Event::Flush)).map_or(0, |flush| flush + 1);
        let mut disk = self.before.clone();
        for (number, event) in self.events[..at].iter().enumerate() {
            if let Event::Write(block, bytes) = event
                && (number < flushed || kept(number))
            {
                disk.write(*block, bytes).unwrap();
            }
        }
        disk
    }

    /// The disk must open, be sound, and hold the state of the last commit done by then, or of the one under way.
    fn must_be_old_or_new(&self, at: usize, disk: MemoryDisk) {
        let mut disk = FileSystem::open(disk).unwrap_or_else(|error| panic!("crash at {at}: {error}"));
        let report = disk.check().unwrap();
        assert!(report.is_clean(), "crash at {at}: {}", report.findings[0]);
        let found = content(&mut disk);
        let done = self.states.iter().rposition(|(end, _)| *end <= at).unwrap();
        let allowed = &self.states[done..(done + 2).min(self.states.len())];
        assert!(allowed.iter().any(|(_, state)| *state == found), "crash at {at}: neither old nor new");
    }
}

#[test]
fn a_crash_after_any_number_of_writes_leaves_the_old_or_the_new_directory_in_small_blocks_too() {
    // Eight blocks to a piece that the device moves: committed and new ones, the label and the directory homes lie side by side.
    let history = history_on(512);
    for at in 0..=history.events.len() {
        history.must_be_old_or_new(at, history.crashed(at, |_| true));
        history.must_be_old_or_new(at, history.crashed(at, |_| false));
        history.must_be_old_or_new(at, history.crashed(at, |number| number % 2 == 0));
    }
}

#[test]
fn a_crash_after_any_number_of_writes_leaves_the_old_or_the_new_directory() {
    let history = history();
    assert!(history.events.len() > 100);
    for at in 0..=history.events.len() {
        history.must_be_old_or_new(at, history.crashed(at, |_| true));
    }
    // The last state is the new one: the test would not notice otherwise if nothing were ever committed.
    let mut last = FileSystem::open(history.crashed(history.events.len(), |_| false)).unwrap();
    assert_eq!(content(&mut last), history.states.last().unwrap().1);
}

#[test]
fn a_crash_that_loses_all_unflushed_writes_but_one_leaves_the_old_or_the_new_directory() {
    let history = history();
    for at in 0..=history.events.len() {
        history.must_be_old_or_new(at, history.crashed(at, |_| false));
        history.must_be_old_or_new(at, history.crashed(at, |number| number + 1 == at));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn a_crash_that_loses_any_unflushed_writes_leaves_the_old_or_the_new_directory(
        moment in 0.0..1.0f64,
        kept in prop::collection::vec(any::<bool>(), 512),
    ) {
        thread_local!(static HISTORY: History = history());
        HISTORY.with(|history| {
            let at = (moment * (history.events.len() + 1) as f64) as usize;
            history.must_be_old_or_new(at, history.crashed(at, |number| kept[number % kept.len()]));
        });
    }
}

#[test]
fn a_crash_while_formatting_leaves_the_old_disk_none_or_the_new_one() {
    let old = history().before;
    let before = content(&mut FileSystem::open(old.clone()).unwrap());
    let events = Rc::default();
    drop(FileSystem::format(Recorder { disk: old.clone(), events: Rc::clone(&events) }, "NEW", 1, now()).unwrap());
    let history = History { before: old, events: events.take(), states: Vec::new() };
    let mut seen = [false; 3];
    for at in 0..=history.events.len() {
        for last_only in [false, true] {
            let kept = |number| !last_only || number + 1 == at;
            match FileSystem::open(history.crashed(at, kept)) {
                Err(EdfError::Label(LabelError::NotCms)) => seen[1] = true,
                Err(error) => panic!("crash at {at}: {error}"),
                Ok(mut disk) => {
                    let found = content(&mut disk);
                    assert_eq!(disk.check().unwrap().findings, []);
                    assert!(found == before || found.is_empty());
                    seen[if found.is_empty() { 2 } else { 0 }] = true;
                }
            }
        }
    }
    assert_eq!(seen, [true; 3]);
}

/// A disk whose writes fail from some moment on, and may work again later.
struct Failing {
    disk: MemoryDisk,
    /// Requests (writes of a run, flushes) until failure; `None` never fails.
    left: Option<usize>,
    /// Whether the request that fails reaches the disk nevertheless.
    torn: bool,
}

#[derive(Debug, PartialEq, thiserror::Error)]
#[error("The disk failed")]
struct Failed;

impl Failing {
    fn spend(&mut self) -> Result<(), Failed> {
        match &mut self.left {
            None => Ok(()),
            Some(0) => Err(Failed),
            Some(left) => {
                *left -= 1;
                Ok(())
            }
        }
    }
}

impl BlockDevice for Failing {
    type Error = Failed;

    fn blocks(&self) -> u32 {
        self.disk.blocks()
    }

    fn read_only(&self) -> bool {
        false
    }

    fn read(&mut self, first: u32, into: &mut [u8]) -> Result<(), Failed> {
        self.disk.read(first, into).map_err(|_| Failed)
    }

    fn write(&mut self, first: u32, from: &[u8]) -> Result<(), Failed> {
        let result = self.spend();
        if result.is_ok() || self.torn {
            self.disk.write(first, from).map_err(|_| Failed)?;
        }
        result
    }

    fn flush(&mut self) -> Result<(), Failed> {
        self.spend()
    }
}

#[test]
fn a_failing_device_leaves_a_file_system_that_goes_on_when_it_works_again() {
    for torn in [false, true] {
        for failure in 0.. {
            let device = Failing { disk: MemoryDisk::new(100), left: None, torn };
            let mut disk = FileSystem::format(device, "FAIL", 0, now()).unwrap();
            disk.write(&id("KEPT", "DATA"), 1, RecordFormat::Variable, now(), ["kept"]).unwrap();
            disk.commit().unwrap();
            let device = Failing { left: Some(failure), ..disk.into_device() };
            let mut disk = FileSystem::open(device).unwrap();
            let records = || (0..20).map(|n| pattern(n, 4000));
            let result = disk
                .write(&id("NEW", "DATA"), 1, RecordFormat::Variable, now(), records())
                .and_then(|()| disk.erase(&id("KEPT", "DATA")))
                .and_then(|()| disk.commit());
            let done = result.is_ok();
            if result == Err(EdfError::Uncertain) {
                // Nothing may be changed before it is known which directory is in force.
                assert_eq!(disk.commit(), Err(EdfError::Uncertain));
                assert_eq!(disk.erase(&id("NEW", "DATA")), Err(EdfError::Uncertain));
            }
            let device = Failing { left: None, ..disk.into_device() };
            let mut disk = FileSystem::open(device).unwrap();
            assert_eq!(disk.check().unwrap().findings, []);
            let names: Vec<String> = disk.files().map(|file| file.id.to_string()).collect();
            assert!(names == ["KEPT DATA"] || names == ["NEW DATA"], "{names:?}");
            if done {
                assert_eq!(names, ["NEW DATA"]);
                assert!(failure > 5, "the failures must have been met");
                break;
            }
        }
    }
}

#[test]
fn a_commit_that_failed_can_be_tried_again_or_rolled_back() {
    let device = Failing { disk: MemoryDisk::new(100), left: None, torn: false };
    let mut disk = FileSystem::format(device, "FAIL", 0, now()).unwrap();
    disk.write(&id("A", "DATA"), 1, RecordFormat::Variable, now(), ["a"]).unwrap();
    disk.commit().unwrap();
    let switch = Rc::new(RefCell::new(false));
    let device = Switched { inner: disk.into_device().disk, off: Rc::clone(&switch), deaf: Rc::default() };
    let mut disk = FileSystem::open(device).unwrap();
    disk.write(&id("B", "DATA"), 1, RecordFormat::Variable, now(), ["b"]).unwrap();
    let used = disk.blocks_used();
    *switch.borrow_mut() = true;
    assert_eq!(disk.commit(), Err(EdfError::Device(Failed)));
    assert!(disk.is_changed());
    assert_eq!(disk.blocks_used(), used, "what the commit took was given back");
    *switch.borrow_mut() = false;
    disk.commit().unwrap();
    assert_eq!(disk.check().unwrap().findings, []);
    disk.erase(&id("A", "DATA")).unwrap();
    *switch.borrow_mut() = true;
    assert_eq!(disk.commit(), Err(EdfError::Device(Failed)));
    *switch.borrow_mut() = false;
    disk.rollback().unwrap();
    assert_eq!(content(&mut disk).len(), 2);
    assert_eq!(disk.check().unwrap().findings, []);
}

/// A disk whose writing, or reading, can be switched off from outside.
struct Switched {
    inner: MemoryDisk,
    off: Rc<RefCell<bool>>,
    deaf: Rc<RefCell<bool>>,
}

impl BlockDevice for Switched {
    type Error = Failed;

    fn blocks(&self) -> u32 {
        self.inner.blocks()
    }

    fn read_only(&self) -> bool {
        false
    }

    fn read(&mut self, first: u32, into: &mut [u8]) -> Result<(), Failed> {
        if *self.deaf.borrow() { Err(Failed) } else { self.inner.read(first, into).map_err(|_| Failed) }
    }

    fn write(&mut self, first: u32, from: &[u8]) -> Result<(), Failed> {
        if *self.off.borrow() { Err(Failed) } else { self.inner.write(first, from).map_err(|_| Failed) }
    }

    fn flush(&mut self) -> Result<(), Failed> {
        if *self.off.borrow() { Err(Failed) } else { Ok(()) }
    }
}

#[test]
fn a_read_that_failed_can_be_tried_again() {
    let mut disk = FileSystem::format(MemoryDisk::new(900), "READ", 0, now()).unwrap();
    let length = |n: usize| 1 + n * 631 % 3000;
    disk.write(&id("V", "DATA"), 1, RecordFormat::Variable, now(), (0..900).map(|n| pattern(n, length(n)))).unwrap();
    disk.write(&id("F", "DATA"), 1, RecordFormat::Fixed(1111), now(), (0..900).map(|n| pattern(n, 1111))).unwrap();
    disk.commit().unwrap();
    let deaf = Rc::new(RefCell::new(false));
    let device = Switched { inner: disk.into_device(), off: Rc::default(), deaf: Rc::clone(&deaf) };
    let mut disk = FileSystem::open(device).unwrap();
    for (name, fixed) in [("V", None), ("F", Some(1111))] {
        let mut reader = disk.open_reader(&id(name, "DATA")).unwrap();
        let mut record = Vec::new();
        let mut failures = 0;
        for n in 0..900usize {
            // Skip a record now and then, also while the device fails.
            *deaf.borrow_mut() = n % 3 == 0;
            let wanted = if n % 7 == 0 { n } else { n.saturating_sub(2) };
            let sought = disk.seek(&mut reader, wanted as u32 + 1);
            failures += usize::from(sought.is_err() || disk.read_next(&mut reader, &mut record).is_err());
            *deaf.borrow_mut() = false;
            disk.seek(&mut reader, n as u32 + 1).unwrap();
            assert_eq!(disk.read_next(&mut reader, &mut record), Ok(true));
            assert!(record == pattern(n, fixed.unwrap_or(length(n))), "{name} record {}", n + 1);
        }
        assert!(failures > 10, "{failures} failures");
    }
}
