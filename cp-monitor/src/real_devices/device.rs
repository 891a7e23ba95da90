//! One real printer or punch: its state, and the thread that takes files from the queue.
//!
//! A file is purged only when its output is durable. What fails stops the device with a message to the operator, and the file stays.

use std::sync::Arc;
use std::time::{Duration, Instant};

use spool::{Change, FileInfo, Queue, Selection, SpoolError};

use super::choice::{self, HeldUsers};
use super::job::Job;
use super::output::{OutputError, Setting, Sink};
use super::settings::Taking;
use crate::directory::DeviceNumber;
use crate::system::Cp;

/// How long a device sleeps when nobody tells it of work.
const LOOK: Duration = Duration::from_secs(60);
/// A queue is listed again when at least so many times as long has gone by as listing it took: files that come all the time into a long queue
/// would else cost a list for each file printed. At most a second for 100,000 files.
const LIST_SHARE: u32 = 9;

/// A printer or punch.
#[derive(Clone, Debug)]
pub struct Device {
    /// Its number.
    pub number: DeviceNumber,
    /// The queue it works on.
    pub queue: Queue,
    /// Where its output goes.
    pub sink: Sink,
    /// What it takes.
    pub taking: Taking,
    /// START was said, and no DRAIN since.
    pub started: bool,
    /// Why it stopped, until START.
    pub stopped: Option<String>,
    /// The file being written.
    pub active: Option<FileInfo>,
    /// What the operator wants of the file being written.
    pub wanted: Option<Wanted>,
    /// REPEAT: copies more of the file being written.
    pub repeat: u32,
    /// The file and all its copies are written: nothing can be wanted of it any more.
    pub written: bool,
}

/// What the operator may do to a file that is being written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wanted {
    /// FLUSH: it is thrown away.
    Purge,
    /// FLUSH HOLD: it goes back into its queue, held.
    Hold,
    /// BACKSPACE: it is begun again.
    Again,
}

impl Device {
    /// `printer` or `punch`.
    pub fn kind(&self) -> &'static str {
        if self.queue == Queue::Punch { "punch" } else { "printer" }
    }

    /// Whether it takes files now.
    pub fn works(&self) -> bool {
        self.started && self.stopped.is_none()
    }

    /// What its state is called.
    pub fn state(&self) -> &'static str {
        match (&self.stopped, self.started, &self.active) {
            (Some(_), ..) => "STOPPED",
            (None, true, _) => "STARTED",
            (None, false, Some(_)) => "DRAINING",
            (None, false, None) => "DRAINED",
        }
    }
}

/// Works until the system ends.
pub fn run(cp: &Arc<Cp>, number: DeviceNumber) {
    let mut listed: Option<Listed> = None;
    loop {
        let left = listed.as_ref().is_some_and(|list| !list.files.is_empty());
        let seen = listed.as_ref().filter(|_| !left).map(|list| (list.generation, list.again));
        let Some((generation, device, held)) = cp.real_devices.wait_for_work(number, LOOK, seen) else { return };
        let stale = |list: &Listed| list.generation != generation && (!left || list.again <= Instant::now());
        if listed.as_ref().is_none_or(stale) {
            listed = Listed::of(cp, &device, &held, generation).map_err(|error| stop(cp, number, error, None)).ok();
        }
        if let Some(list) = &mut listed
            && let Some(file) = list.files.pop()
            && write_file(cp, &device, &file) == Some(Wanted::Again)
        {
            list.files.push(file);
        }
    }
}

/// The files that a device takes, as of some moment.
struct Listed {
    /// The next one last.
    files: Vec<FileInfo>,
    generation: u64,
    /// Before this it is not made anew.
    again: Instant,
}

impl Listed {
    fn of(cp: &Cp, device: &Device, held: &HeldUsers, generation: u64) -> Result<Self, String> {
        let begun = Instant::now();
        let files = cp.spool.list(&Selection::default().on(device.queue)).map_err(|error| format!("the queue cannot be read: {error}"))?;
        let mut files = choice::in_order(files, &device.taking, held);
        files.reverse();
        let now = Instant::now();
        Ok(Self { files, generation, again: now + (now - begun) * LIST_SHARE })
    }
}

/// Writes one file and takes it out of its queue; answers what the operator wanted instead.
fn write_file(cp: &Arc<Cp>, device: &Device, file: &FileInfo) -> Option<Wanted> {
    let one = Selection { serial: Some(file.serial), ..Selection::of(file.owner).on(device.queue).spid(file.spid) };
    // It may be gone or held since it was listed; another device may have it.
    let now = cp.spool.list(&one).ok().and_then(|files| files.into_iter().next());
    let file = now.filter(|file| file.attributes.hold == spool::Hold::None && device.taking.rank(file).is_ok())?;
    if !cp.real_devices.begin(device.number, &file) {
        return None;
    }
    let written = cp.spool.reader(file.owner, device.queue, file.spid).map_err(OutputError::from).and_then(|mut reader| {
        let job = Job::new(&file, cp.clock.now().time_zone().clone());
        let copies = u32::from(file.attributes.copies.number());
        let (shown, cancelled) = (device.number.to_string(), || cp.real_devices.is_cancelled(device.number));
        let setting = |copies, repeated| Setting {
            device: &shown,
            system: &cp.config.system_id,
            separator: device.taking.separator,
            copies,
            repeated,
            cancelled: &cancelled,
        };
        device.sink.write(&mut reader, &job, &setting(copies, None))?;
        // REPEAT while it was being written.
        let mut repeated = 0;
        while let more @ 1.. = cp.real_devices.take_repeat(device.number) {
            reader.restart();
            device.sink.write(&mut reader, &job, &setting(more, Some(repeated)))?;
            repeated += more;
        }
        Ok(())
    });
    let wanted = cp.real_devices.wanted(device.number);
    settle(cp, device, &file, &one, written, wanted);
    // Only now: another device must not take it in between.
    cp.real_devices.end(device.number);
    wanted
}

/// What becomes of the file.
fn settle(cp: &Arc<Cp>, device: &Device, file: &FileInfo, one: &Selection, written: Result<(), OutputError>, wanted: Option<Wanted>) {
    let hold = |user: Option<bool>, system: Option<bool>| Change { user_hold: user, system_hold: system, ..Change::default() };
    let done = match written {
        // As on VM, a file that is kept is held: it is not to be printed again at once.
        Ok(()) if file.attributes.keep => cp.spool.change(one, &hold(Some(true), None)),
        Ok(()) => cp.spool.purge(one),
        Err(OutputError::Cancelled) => match wanted {
            Some(Wanted::Purge) => cp.spool.purge(one),
            Some(Wanted::Hold) => cp.spool.change(one, &hold(Some(true), None)),
            Some(Wanted::Again) | None => Ok(0),
        },
        Err(OutputError::Spool(SpoolError::NoFile { .. })) => Ok(0),
        Err(OutputError::Spool(error)) => {
            // It would stand in the way of all others for ever.
            cp.say_to_operator(&format!("{} {} is put in system hold: {error}", file.owner, file.spid));
            cp.spool.change(one, &hold(None, Some(true)))
        }
        Err(OutputError::Device(reason)) => {
            stop(cp, device.number, reason, Some(file));
            return;
        }
    };
    if let Err(error) = done {
        stop(cp, device.number, format!("the queue cannot be changed: {error}"), Some(file));
    }
}

/// Stops a device until START, with a message.
fn stop(cp: &Arc<Cp>, number: DeviceNumber, reason: String, file: Option<&FileInfo>) {
    let Some(device) = cp.real_devices.stop_device(number, &reason) else { return };
    let stays = file.map_or_else(String::new, |file| format!("; file {} {} stays in its queue", file.owner, file.spid));
    let shown = device.queue.abbreviation();
    cp.say_to_operator(&format!("HCPRSP9436E {shown}  {number} stopped: {reason}{stays}. START {number} goes on"));
}
