//! The table of real devices: what the operator's commands change and the devices' threads wait for.
//!
//! One lock, a leaf; the devices' threads hold it only to look.

use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex};
use spool::{FileInfo, Queue, Userid};

use super::choice::{Candidate, HeldUsers, why_waiting};
use super::device::{Device, Wanted};
use crate::directory::DeviceNumber;

/// How long after a line about a waiting file the next one is shown.
const TELL_PAUSE: Duration = Duration::from_secs(1);

/// A reader.
#[derive(Clone, Debug)]
pub struct ReaderState {
    /// Its number.
    pub number: DeviceNumber,
    /// The folder it looks into.
    pub folder: std::path::PathBuf,
    /// START was said, and no DRAIN since.
    pub started: bool,
    /// Why it stopped, until START.
    pub stopped: Option<String>,
}

impl ReaderState {
    /// What its state is called.
    pub fn state(&self) -> &'static str {
        match (&self.stopped, self.started) {
            (Some(_), _) => "STOPPED",
            (None, true) => "STARTED",
            (None, false) => "DRAINED",
        }
    }
}

/// All real devices.
#[derive(Default)]
pub struct RealDevices {
    inner: Mutex<Inner>,
    changed: Condvar,
}

#[derive(Default)]
struct Inner {
    devices: Vec<Device>,
    readers: Vec<ReaderState>,
    held: HeldUsers,
    /// Counts what may give a device work: files that came or changed, settings.
    generation: u64,
    ending: bool,
    /// When the operator was last told that a file waits.
    told: Option<Instant>,
}

impl Inner {
    fn device(&mut self, number: DeviceNumber) -> Option<&mut Device> {
        self.devices.iter_mut().find(|device| device.number == number)
    }
}

impl RealDevices {
    /// With these devices, none of which works yet.
    pub fn new(devices: Vec<Device>, readers: Vec<ReaderState>) -> Self {
        Self { inner: Mutex::new(Inner { devices, readers, ..Inner::default() }), changed: Condvar::new() }
    }

    /// All printers and punches.
    pub fn devices(&self) -> Vec<Device> {
        self.inner.lock().devices.clone()
    }

    /// All readers.
    pub fn readers(&self) -> Vec<ReaderState> {
        self.inner.lock().readers.clone()
    }

    /// Changes a printer or punch; `None` when there is none of that number.
    pub fn change<T>(&self, number: DeviceNumber, change: impl FnOnce(&mut Device) -> T) -> Option<T> {
        let mut inner = self.inner.lock();
        let changed = inner.device(number).map(change);
        inner.generation += 1;
        self.changed.notify_all();
        changed
    }

    /// Changes a reader; `None` when there is none of that number.
    pub fn change_reader<T>(&self, number: DeviceNumber, change: impl FnOnce(&mut ReaderState) -> T) -> Option<T> {
        let mut inner = self.inner.lock();
        let changed = inner.readers.iter_mut().find(|reader| reader.number == number).map(change);
        self.changed.notify_all();
        changed
    }

    /// Users whose output is held.
    pub fn held(&self) -> HeldUsers {
        self.inner.lock().held.clone()
    }

    /// HOLD and FREE.
    pub fn hold(&self, userid: Userid, queue: Queue, on: bool) {
        let mut inner = self.inner.lock();
        if on {
            inner.held.insert((userid, queue));
        } else {
            inner.held.remove(&(userid, queue));
        }
        drop(inner);
        self.changed();
    }

    /// Files came or changed, so that a device may have work.
    pub fn changed(&self) {
        self.inner.lock().generation += 1;
        self.changed.notify_all();
    }

    /// Why a file waits; `None` when a device will take it.
    pub fn why_waiting(&self, file: &FileInfo) -> Option<String> {
        let inner = self.inner.lock();
        let candidates: Vec<_> = inner
            .devices
            .iter()
            .filter(|device| device.queue == file.queue)
            .map(|device| Candidate { name: format!("{} {}", device.kind(), device.number), works: device.works(), taking: &device.taking })
            .collect();
        why_waiting(file, &candidates, &inner.held)
    }

    /// Whether the operator may be told again that a file waits: a guest may print without end. QUERY UR shows all of them.
    pub(super) fn may_tell(&self) -> bool {
        let told = &mut self.inner.lock().told;
        let due = told.is_none_or(|at| at.elapsed() >= TELL_PAUSE);
        if due {
            *told = Some(Instant::now());
        }
        due
    }

    /// Whether any device of the queue is started: somebody means its files to be processed.
    pub fn any_started(&self, queue: Queue) -> bool {
        self.inner.lock().devices.iter().any(|device| device.queue == queue && device.started)
    }

    /// Waits until the device may have work: it works, and, when `seen` is given, something changed since that generation and that moment
    /// is past. `None` at the end.
    pub(super) fn wait_for_work(
        &self,
        number: DeviceNumber,
        time: Duration,
        seen: Option<(u64, Instant)>,
    ) -> Option<(u64, Device, HeldUsers)> {
        let mut inner = self.inner.lock();
        loop {
            if inner.ending {
                return None;
            }
            let generation = inner.generation;
            let device = inner.device(number)?.clone();
            let changed = seen.is_none_or(|(seen, _)| seen != generation);
            let early = seen.and_then(|(_, again)| again.checked_duration_since(Instant::now())).filter(|early| !early.is_zero());
            if device.works() && changed {
                match early {
                    None => return Some((generation, device, inner.held.clone())),
                    Some(early) => {
                        self.changed.wait_for(&mut inner, early);
                        continue;
                    }
                }
            }
            let late = self.changed.wait_for(&mut inner, time).timed_out();
            if late && device.works() {
                // Nobody told: look all the same.
                inner.generation += 1;
            }
        }
    }

    /// The device takes a file; false when another has it, or it is to take none.
    pub(super) fn begin(&self, number: DeviceNumber, file: &FileInfo) -> bool {
        let mut inner = self.inner.lock();
        let taken = inner.devices.iter().any(|device| device.active.as_ref().is_some_and(|active| active.serial == file.serial));
        let ending = inner.ending;
        match inner.device(number) {
            Some(device) if !taken && !ending && device.works() => {
                (device.active, device.wanted, device.repeat, device.written) = (Some(file.clone()), None, 0, false);
                true
            }
            _ => false,
        }
    }

    /// The device is done with its file.
    pub(super) fn end(&self, number: DeviceNumber) {
        if let Some(device) = self.inner.lock().device(number) {
            (device.active, device.wanted) = (None, None);
        }
    }

    /// What the operator wants of the file being written.
    pub(super) fn wanted(&self, number: DeviceNumber) -> Option<Wanted> {
        self.inner.lock().device(number).and_then(|device| device.wanted)
    }

    /// Whether the file being written is to be given up.
    pub(super) fn is_cancelled(&self, number: DeviceNumber) -> bool {
        let mut inner = self.inner.lock();
        inner.ending || inner.device(number).is_none_or(|device| device.wanted.is_some())
    }

    /// Copies that REPEAT asked for since this was last called. With none the file is written, and it is too late to ask for more.
    pub(super) fn take_repeat(&self, number: DeviceNumber) -> u32 {
        self.inner.lock().device(number).map_or(0, |device| {
            device.written = device.repeat == 0;
            std::mem::take(&mut device.repeat)
        })
    }

    /// The device cannot go on; what it is then.
    pub(super) fn stop_device(&self, number: DeviceNumber, reason: &str) -> Option<Device> {
        self.change(number, |device| {
            device.stopped = Some(reason.to_string());
            device.clone()
        })
    }

    /// Waits until a reader is started, or until `time` is over while it is; `None` at the end.
    pub(super) fn wait_for_reader(&self, number: DeviceNumber, time: Duration) -> Option<ReaderState> {
        let mut inner = self.inner.lock();
        let deadline = Instant::now() + time;
        loop {
            if inner.ending {
                return None;
            }
            let reader = inner.readers.iter().find(|reader| reader.number == number)?.clone();
            let works = reader.started && reader.stopped.is_none();
            if works && Instant::now() >= deadline {
                return Some(reader);
            }
            if works {
                self.changed.wait_until(&mut inner, deadline);
            } else {
                self.changed.wait(&mut inner);
            }
        }
    }

    /// The system ends: files being written are given up and stay in their queues.
    pub fn stop(&self) {
        self.inner.lock().ending = true;
        self.changed.notify_all();
    }
}
